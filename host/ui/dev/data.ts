/** The mock's world: a small workspace in memory, made anew at every start. For developing and testing the interface only; never built in. */
import type { BusinessHours, Channel, Contact, Conversation, Message, Plugin, PluginFailure, PluginLog, Role, Team, Token, TimelineEvent, TimelineItem, User } from "../src/api/types";
import { closedToday } from "./hours.ts";

export const PASSWORD = "demo-demo-demo";
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

let counter = 0;
export function id(prefix: string): string {
  counter += 1;
  return `${prefix}_01mock${counter.toString(36).padStart(8, "0")}`;
}
export function at(ago: number): string {
  return new Date(Date.now() - ago).toISOString().replace("Z", "000Z");
}

export interface Person extends User {
  email: string;
  archive_immediately: boolean;
  locale: string;
}

/** A conversation as the mock keeps it: without what depends on who asks. */
export interface Stored extends Omit<Conversation, "can" | "unread"> {
  unread: number;
  items: TimelineItem[];
  classification: string | null;
}

export interface World {
  people: Person[];
  teams: Team[];
  channels: (Channel & { plugin_name: string })[];
  contacts: Contact[];
  conversations: Stored[];
  plugins: Plugin[];
  /** By team or channel. */
  hours: Record<string, BusinessHours>;
  reasons: { id: string; category: string; title: string; monetary: boolean }[];
  tokens: Token[];
  logs: PluginLog[];
  failures: (PluginFailure & { plugin: string })[];
}

function person(number: number, name: string, email: string, role: Role, available = true): Person {
  return { id: id("usr"), name, email, role, available, active: true, created_at: at(40 * DAY - number * DAY), archive_immediately: false, locale: "pt-BR" };
}

function member(user: User, role: "agent" | "supervisor") {
  return { user_id: user.id, name: user.name, role, available: user.available, created_at: user.created_at };
}

const svg = (body: string) => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48">${body}</svg>`;
export const ICONS: Record<string, string> = {
  whatsapp: svg('<rect width="48" height="48" rx="12" fill="#1f9d57"/><path d="M24 11a12.500 12.500 0 0 0-10.700 19L12 36l6.200-1.300A12.500 12.500 0 1 0 24 11Z" fill="#fff"/><path d="M20 18c4 6 6 8 10 10" stroke="#1f9d57" stroke-width="3" stroke-linecap="round" fill="none"/>'),
  widget: svg('<rect width="48" height="48" rx="12" fill="#3b5bdb"/><path d="M12 15h24v15H24l-7 6v-6h-5z" fill="#fff"/>'),
  distribution: svg('<rect width="48" height="48" rx="12" fill="#c97c0c"/><path d="M12 24h10m0 0 10-9m-10 9 10 9m-10-9h13" stroke="#fff" stroke-width="3.500" stroke-linecap="round" fill="none"/>'),
  classification: svg('<rect width="48" height="48" rx="12" fill="#7b3fa0"/><path d="M13 14h12l11 11-11 11-12-12z" fill="#fff"/><circle cx="19" cy="20" r="2.500" fill="#7b3fa0"/>'),
  telegram: svg('<rect width="48" height="48" rx="12" fill="#2a8fc7"/><path d="m11 23 26-9-5 22-8-6-4 4-1-7 12-9-14 8z" fill="#fff"/>'),
};

const base = { version: "0.1.0", publisher: "Balcão", secrets: {}, settings: {}, health: "ok" as const };

function plugins(teams: Team[]): Plugin[] {
  return [
    {
      ...base,
      id: "whatsapp",
      name: "WhatsApp (API oficial)",
      description: "Receba e responda mensagens do WhatsApp pela API oficial da Meta, com mídia, confirmações de leitura e janela de 24 horas.",
      icon_url: "/api/v1/plugins/whatsapp/icon",
      categories: ["channel"],
      kind: "channel",
      enabled: true,
      settings_schema: {
        type: "object",
        required: ["app_secret", "verify_token", "access_token"],
        properties: {
          app_secret: { type: "string", writeOnly: true, minLength: 8, title: "Chave secreta do app", description: "Em Configurações → Básico, no painel da Meta.", "x-en": { title: "App secret", description: "Under Settings → Basic in Meta's panel." } },
          verify_token: { type: "string", writeOnly: true, title: "Token de verificação", description: "Um texto que você inventa e repete no cadastro do webhook.", "x-en": { title: "Verify token" } },
          access_token: { type: "string", writeOnly: true, title: "Token de acesso", "x-en": { title: "Access token" } },
          phone_number_id: { type: "string", title: "Identificador do número", pattern: "^[0-9]*$", description: "Opcional: sem ele, todos os números da conta são aceitos.", "x-en": { title: "Phone number id" } },
        },
      },
      permissions: [
        { code: "inbox", title: "Receber mensagens dos seus canais", detail: ["Entrega ao Balcão o que os clientes escrevem."] },
        { code: "http", title: "Acessar a internet", detail: ["Somente graph.facebook.com e *.fbcdn.net."] },
        { code: "secrets", title: "Usar segredos sem vê-los", detail: ["access_token: no cabeçalho Authorization para graph.facebook.com."] },
        { code: "media", title: "Ler arquivos do espaço e enviá-los", detail: [] },
      ],
      contributions: [{ code: "channel", title: "Canal de atendimento" }],
    },
    {
      ...base,
      id: "distribution",
      name: "Distribuição de atendimentos",
      description: "Encaminha cada nova conversa para um atendente por vez, em ordem, e repassa adiante quando ninguém inicia.",
      icon_url: "/api/v1/plugins/distribution/icon",
      categories: ["routing"],
      kind: "app",
      enabled: true,
      settings: { teams: teams.slice(0, 1).map((each) => each.id), limit_minutes: 10 },
      settings_schema: {
        type: "object",
        properties: {
          teams: { type: "array", title: "Equipes com distribuição", items: { type: "string", format: "team" }, uniqueItems: true },
          limit_minutes: { type: "integer", title: "Tempo para iniciar (minutos)", minimum: 10, maximum: 60, default: 10 },
          overflow: { type: "boolean", title: "Transbordo", description: "Repassa ao próximo atendente quando o tempo acaba.", default: true },
        },
      },
      permissions: [
        { code: "routing", title: "Direcionar conversas a atendentes", detail: ["Pode ofertar, atribuir, liberar e transferir conversas."] },
        { code: "teams", title: "Ver equipes e disponibilidade", detail: [] },
        { code: "timers", title: "Agendar tarefas", detail: ["Para repassar o atendimento no tempo configurado."] },
        { code: "events", title: "Ser avisado de novas conversas", detail: ["conversation.queued", "conversation.started", "team.changed"] },
      ],
      contributions: [{ code: "view", title: "Ordem da distribuição em Ajustes → Equipes" }],
    },
    {
      ...base,
      id: "classification",
      name: "Classificação de atendimento",
      description: "Classifique cada atendimento ao concluir, com categorias, motivos e valor.",
      icon_url: "/api/v1/plugins/classification/icon",
      categories: ["productivity"],
      kind: "app",
      enabled: true,
      settings_schema: null,
      permissions: [
        { code: "conclusion", title: "Concluir atendimentos", detail: ["Sempre com os direitos de quem clicou."] },
        { code: "storage", title: "Guardar dados próprios", detail: ["Motivos e classificações."] },
      ],
      contributions: [{ code: "action", title: "Classificar e Concluir" }, { code: "report", title: "Relatório por motivo" }],
    },
    {
      ...base,
      id: "telegram",
      name: "Telegram",
      description: "Atenda pelo seu bot do Telegram, com arquivos, botões e reações.",
      icon_url: "/api/v1/plugins/telegram/icon",
      categories: ["channel"],
      kind: "channel",
      enabled: false,
      health: "off",
      settings_schema: { type: "object", required: ["bot_token"], properties: { bot_token: { type: "string", writeOnly: true, title: "Token do bot" } } },
      permissions: [
        { code: "inbox", title: "Receber mensagens dos seus canais", detail: [] },
        { code: "http", title: "Acessar a internet", detail: ["Somente api.telegram.org."] },
      ],
      contributions: [{ code: "channel", title: "Canal de atendimento" }],
    },
    {
      ...base,
      id: "widget",
      name: "Chat do site",
      description: "Um botão de conversa para o seu site, com formulário inicial e horário de atendimento.",
      icon_url: "/api/v1/plugins/widget/icon",
      categories: ["channel"],
      kind: "channel",
      enabled: false,
      health: "off",
      settings_schema: {
        type: "object",
        properties: {
          origins: { type: "array", items: { type: "string", maxLength: 300 }, maxItems: 50, default: [], title: "Sites permitidos", description: "Endereços de onde o chat pode ser usado, como https://loja.com.br. Sem nenhum, qualquer site pode usá-lo.", "x-en": { title: "Allowed sites", description: "Addresses from which the chat may be used, such as https://shop.com. With none, any site may." } },
          color: { type: "string", format: "color", pattern: "^#[0-9a-fA-F]{6}$", default: "#1f5eff", title: "Cor", description: "Do botão e do topo da janela.", "x-en": { title: "Colour", description: "Of the button and the window's head." } },
          ask_more: { type: "array", items: { type: "string", minLength: 1, maxLength: 80 }, maxItems: 5, default: [], title: "Outras perguntas", description: "Feitas junto com as de cima; responder é opcional.", "x-en": { title: "Other questions", description: "Asked together with those above; answering is optional." } },
        },
      },
      permissions: [{ code: "visitors", title: "Conversar com visitantes do site", detail: ["Apenas nas origens configuradas."] }],
      contributions: [{ code: "channel", title: "Canal de atendimento" }, { code: "asset", title: "Script para o site" }],
    },
  ];
}

function message(conversation: string, ago: number, part: Partial<Message>): { type: "message" } & Message {
  return {
    type: "message",
    id: id("msg"),
    conversation_id: conversation,
    author: { kind: "contact", id: null, name: "" },
    direction: "in",
    at: at(ago),
    kind: "text",
    text: "",
    attachments: [],
    extra: null,
    reply_to: null,
    state: part.direction === "out" ? "read" : "received",
    reason: null,
    reactions: [],
    edited: false,
    revoked: false,
    change: null,
    can: { edit: part.direction === "out", revoke: part.direction === "out", versions: part.edited ?? false, let_go: false },
    ...part,
  };
}

function event(ago: number, kind: string, data: Record<string, unknown>, actor: TimelineEvent["actor"] = null): TimelineEvent {
  return { type: "event", id: id("evt"), at: at(ago), kind, actor, data };
}

function picture(colours: [string, string]): string {
  const drawing = `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="420"><defs><linearGradient id="g" x2="1" y2="1"><stop stop-color="${colours[0]}"/><stop offset="1" stop-color="${colours[1]}"/></linearGradient></defs><rect width="640" height="420" fill="url(#g)"/><rect x="190" y="120" width="260" height="190" rx="14" fill="#fff" opacity=".85"/><path d="M190 180h260M320 120v190" stroke="${colours[1]}" stroke-width="10"/></svg>`;
  return drawing;
}
/** Whose picture their channel gave. */
const FACE = "/api/v1/files/fil_face";

export const PICTURES: Record<string, string> = { fil_box: picture(["#e9b872", "#a4632b"]), fil_face: picture(["#c9a3d6", "#5d2f74"]), fil_door: picture(["#8fc1c4", "#1c5a60"]), fil_head: picture(["#d3e3b4", "#4c7a2a"]), fil_album1: picture(["#e9b872", "#a4632b"]), fil_album2: picture(["#c9a3d6", "#5d2f74"]), fil_album3: picture(["#8fc1c4", "#1c5a60"]) };

/** What every channel of the mock takes. */
const KINDS = [
  { kind: "text", max_text: 4096, max_bytes: 0, mimes: [], max_attachments: 0 },
  { kind: "image", max_text: 1024, max_bytes: 5_000_000, mimes: ["image/jpeg", "image/png"], max_attachments: 1 },
  { kind: "audio", max_text: 0, max_bytes: 16_000_000, mimes: ["audio/ogg", "audio/mp4"], max_attachments: 1 },
  { kind: "document", max_text: 1024, max_bytes: 100_000_000, mimes: [], max_attachments: 1 },
];

const SUBJECTS = [
  "Bom dia! Vocês entregam aos sábados?",
  "Preciso da segunda via do boleto",
  "Meu pedido chegou com a caixa amassada",
  "Qual o prazo para o CEP 01000-000?",
  "Obrigado pelo retorno!",
  "Consigo trocar a cor do produto?",
  "Vocês têm nota fiscal em PDF?",
  "Quero agendar uma visita técnica",
];

export function makeWorld(): World {
  const admin = person(0, "Administração", "admin@demo.localhost", "admin");
  const agents = [1, 2, 3].map((number) => person(number, `Atendente ${number}`, `agent${number}@demo.localhost`, "agent", number !== 3));
  const [one, two, three] = agents as [Person, Person, Person];
  const sales: Team = { id: id("tem"), name: "Vendas", members: [member(one, "agent"), member(two, "agent"), member(three, "agent"), member(admin, "supervisor")] };
  const support: Team = { id: id("tem"), name: "Suporte", members: [member(one, "agent"), member(two, "agent")] };
  const apps = plugins([sales, support]);
  const channel = (plugin: string, name: string, team: Team, health: Channel["health"]): World["channels"][number] => {
    const identity = id("chn");
    return {
      id: identity,
      plugin_id: plugin,
      plugin_name: plugin,
      name,
      team_id: team.id,
      enabled: true,
      health,
      webhook_url: `http://127.0.0.1:8080/hooks/${identity}`,
      capabilities: { features: ["reply", "reaction"], kinds: KINDS },
      max_file_bytes: null, refused: null,
      settings: plugin === "whatsapp" ? { phone_number_id: "100000000000001" } : {},
      secrets: plugin === "whatsapp" ? { app_secret: true, verify_token: true, access_token: true } : { bot_token: true },
      created_at: at(30 * DAY),
    };
  };
  const channels = [
    channel("whatsapp", "WhatsApp Loja", sales, { state: "connected", message: "", sending: false }),
    channel("widget", "Chat da loja", support, { state: "connected", message: "", sending: false }),
    channel("whatsapp", "WhatsApp Suporte", support, { state: "degraded", message: "O provedor recusou 2 envios na última hora", sending: false }),
  ];
  const contacts: Contact[] = [];
  const conversations: Stored[] = [];

  const add = (number: number, name: string, team: Team, part: Partial<Stored>, texts: [string, "in" | "out"][], ago: number): Stored => {
    const phone = `+551190000${String(number).padStart(4, "0")}`;
    const account = channels[team === sales ? 0 : 2] as World["channels"][number];
    const contact: Contact = {
      id: id("ctc"),
      name: name || phone,
      identities: [{ channel_id: account.id, external_id: phone.slice(1), name }],
      addresses: [...(number % 2 === 1 ? [{ kind: "bsuid", value: `BR.${phone.slice(1)}` }] : []), { kind: "phone", value: phone }],
      labels: number % 3 === 0 ? ["cliente antigo"] : [],
      fields: number % 4 === 0 ? { "Código ERP": `C-${1000 + number}` } : {},
      blocked: false,
      avatar: number % 3 === 1 ? FACE : null,
      automatic_messages_blocked: false,
      created_at: at(90 * DAY),
    };
    contacts.push(contact);
    const identity = id("cnv");
    const items: TimelineItem[] = [event(ago + texts.length * 2 * MINUTE + MINUTE, "queued", { team: { id: team.id, name: team.name } })];
    texts.forEach(([text, direction], index) => {
      const author = direction === "in" ? { kind: "contact" as const, id: contact.id, name: contact.name } : { kind: "user" as const, id: one.id, name: one.name };
      items.push(message(identity, ago + (texts.length - 1 - index) * 2 * MINUTE, { author, direction, text }));
    });
    const last = texts.at(-1) ?? ["", "in"];
    const stored: Stored = {
      id: identity,
      version: 1,
      status: "queued",
      channel: { id: account.id, name: account.name, plugin_id: account.plugin_id },
      contact: { id: contact.id, name: contact.name, address: phone, avatar: contact.avatar },
      team: { id: team.id, name: team.name },
      agent: null,
      offer: null,
      queued_at: at(ago + texts.length * 2 * MINUTE),
      started_at: null,
      last_message_at: at(ago),
      last_inbound_at: at(ago),
      preview: { text: last[0], kind: "text", direction: last[1] },
      undelivered: false,
      unread: last[1] === "in" ? Math.min(3, texts.length) : 0,
      labels: [],
      conclusion: null,
      window: { closes_at: at(ago - DAY) },
      items,
      classification: null,
      ...part,
    };
    conversations.push(stored);
    return stored;
  };

  const offered = add(1, "Padaria Central", sales, { offer: { agent: { id: one.id, name: one.name }, since: at(3 * MINUTE), deadline: at(-7 * MINUTE) } }, [["Bom dia! Vocês entregam aos sábados?", "in"], ["É para uma encomenda de 40 caixas", "in"]], 3 * MINUTE);
  offered.items.push(event(3 * MINUTE, "offered", { agent: { id: one.id, name: one.name } }));
  add(2, "", sales, {}, [["Qual o prazo para o CEP 01000-000?", "in"]], 9 * MINUTE);
  const closed = add(3, "Oficina do Bairro", support, {}, [["Meu aparelho não liga desde ontem", "in"], ["Já tentei outra tomada", "in"], ["Podem me ajudar?", "in"]], 26 * MINUTE);
  closed.items.splice(2, 0, message(closed.id, 29 * MINUTE, { author: { kind: "system", id: "core", name: "" }, direction: "out", text: closedToday().reply.text, state: "delivered" }));
  const expiring = add(4, "Floricultura Primavera", sales, { offer: { agent: { id: two.id, name: two.name }, since: at(9.2 * MINUTE), deadline: at(-0.8 * MINUTE) } }, [["Quero um orçamento", "in"]], 10 * MINUTE);
  const over = add(6, "Ana Visitante da Silva", support, { status: "in_progress", agent: { id: one.id, name: one.name }, started_at: at(30 * HOUR), window: { closes_at: at(HOUR) } }, [["Oi, ainda têm o modelo azul?", "in"]], 25 * HOUR);
  over.contact.address = "vis_01m8cnqtr0f3v5r2q7w1h4kz9d";
  over.items.push(
    ...["/produtos/azul", "/carrinho"].map((page, index) => message(over.id, (24 - index) * HOUR, { author: { kind: "system", id: null, name: "Sistema" }, direction: "note", kind: "notice", text: `Está vendo https://loja.exemplo${page}` })),
    message(over.id, 20 * MINUTE, { author: { kind: "user", id: one.id, name: one.name }, direction: "out", text: "Temos sim!", state: "failed", reason: "A janela de 24 horas fechou: envie um modelo" }),
  );
  expiring.items.push(event(9.2 * MINUTE, "offered", { agent: { id: two.id, name: two.name } }));

  const rich = add(5, "Mercado da Praça", sales, { status: "in_progress", agent: { id: one.id, name: one.name }, started_at: at(2 * HOUR) }, [["Boa tarde, fiz o pedido 4471 ontem", "in"]], DAY + 2 * HOUR);
  const { contact } = rich;
  const from = { kind: "contact" as const, id: contact.id, name: contact.name };
  const mine = { kind: "user" as const, id: one.id, name: one.name };
  const first = rich.items.at(-1) as Message;
  rich.items.push(
    event(DAY + HOUR, "started", {}, { kind: "user", id: one.id, name: one.name }),
    message(rich.id, DAY + 0.9 * HOUR, { author: mine, direction: "out", text: "Boa tarde! Encontrei o pedido. Ele já saiu para entrega: https://exemplo.com.br/rastreio/4471.", state: "read", reply_to: { id: first.id, kind: first.kind, text: first.text, author_name: contact.name, thumbnail_url: null } }),
    message(rich.id, 64 * MINUTE, { author: from, kind: "image", text: "Chegou assim 😕", attachments: [{ id: "fil_box", state: "ready", error: null, limit: null, mime: "image/png", name: "caixa.png", size: 184_000, url: "/api/v1/files/fil_box", width: 640, height: 420, thumbnail_url: "/api/v1/files/fil_box" }], reactions: [{ emoji: "😮", by: "user" }] }),
    message(rich.id, 62 * MINUTE, { author: from, kind: "image", attachments: [{ id: null, state: "failed", error: "unreachable", limit: null, mime: "image/jpeg", name: "foto.jpg", size: 2_400_000, url: null, width: null, height: null, thumbnail_url: null }] }),
    message(rich.id, 63 * MINUTE, { author: from, kind: "audio", extra: { voice: true }, attachments: [{ id: "fil_voice", state: "waiting", error: null, limit: null, mime: "audio/ogg", name: "voz.ogg", size: 0, url: null, width: null, height: null, thumbnail_url: null }] }),
    message(rich.id, 60 * MINUTE, { author: mine, direction: "note", text: "Cliente antigo: autorizar a troca sem custo." }),
    message(rich.id, 58 * MINUTE, { author: mine, direction: "out", text: "Sinto muito pelo transtorno! Pode me enviar a nota e o endereço?", state: "delivered" }),
    message(rich.id, 40 * MINUTE, { author: from, kind: "document", attachments: [{ id: "fil_nf", state: "ready", error: null, limit: null, mime: "application/pdf", name: "nota-fiscal-4471.pdf", size: 48_200, url: "/api/v1/files/fil_nf", width: null, height: null, thumbnail_url: null }] }),
    message(rich.id, 39 * MINUTE, { author: from, kind: "location", text: "Rua das Flores, 100", extra: { latitude: -23.55, longitude: -46.63, name: "Depósito", address: "Rua das Flores, 100" } }),
    message(rich.id, 38 * MINUTE, { author: from, kind: "contacts", text: "Recepção", extra: { contacts: [{ name: "Recepção", phones: ["+55 11 90000-0099"], emails: [] }] } }),
    message(rich.id, 30 * MINUTE, { author: mine, direction: "out", kind: "interactive", text: "Como prefere a troca?", extra: { buttons: [{ id: "a", title: "Retirar na loja" }, { id: "b", title: "Receber em casa" }] }, state: "sent" }),
    message(rich.id, 21 * MINUTE, { author: from, kind: "choice", text: "Receber em casa", extra: { id: "b", title: "Receber em casa" } }),
    message(rich.id, 29 * MINUTE, { author: mine, direction: "out", kind: "interactive", text: "Ou escolha outro serviço:", extra: { list: { button: "Ver serviços", sections: [{ title: "Entrega", rows: [{ id: "1", title: "Expressa", description: "No mesmo dia" }, { id: "2", title: "Comum" }] }] } }, state: "read" }),
    message(rich.id, 28 * MINUTE, { author: mine, direction: "out", kind: "interactive", text: "Pode enviar seu telefone?", extra: { keyboard: [["Sim", "Não"], [{ title: "Enviar telefone", asks: "phone" }]] }, state: "read" }),
    message(rich.id, 27 * MINUTE, { author: mine, direction: "out", kind: "template", text: "Olá! Seu pedido 4471 saiu para entrega.", attachments: [{ id: "fil_head", state: "ready", error: null, limit: null, mime: "image/png", name: "cabecalho.png", size: 90_000, url: "/api/v1/files/fil_head", width: 640, height: 420, thumbnail_url: "/api/v1/files/fil_head" }], extra: { name: "pedido_enviado", language: "pt_BR", components: [{ type: "BUTTONS", buttons: [{ type: "URL", text: "Acompanhar" }] }] }, state: "delivered" }),
    message(rich.id, 26 * MINUTE, { author: mine, direction: "out", kind: "location", text: "", extra: { latitude: -23.56, longitude: -46.65 }, state: "read" }),
    message(rich.id, 25 * MINUTE, { author: from, text: "Importante: a senha é 4471, veja aqui", extra: { forwarded: true, entities: [{ type: "bold", offset: 0, length: 10 }, { type: "spoiler", offset: 22, length: 4 }, { type: "text_link", offset: 28, length: 9, url: "https://exemplo.com.br/" }] } }),
    ...[1, 2, 3].map((number) =>
      message(rich.id, 24 * MINUTE, { author: from, kind: "image", text: number === 1 ? "As três fotos" : "", extra: { group: "album-1" }, attachments: [{ id: `fil_album${number}`, state: "ready", error: null, limit: null, mime: "image/png", name: `foto${number}.png`, size: 90_000, url: `/api/v1/files/fil_album${number}`, width: 640, height: 420, thumbnail_url: `/api/v1/files/fil_album${number}` }] }),
    ),
    message(rich.id, 20 * MINUTE, { author: from, kind: "unsupported", text: "Mensagem de um tipo não suportado (enquete)", extra: { type: "poll" } }),
    message(rich.id, 15 * MINUTE, { author: mine, direction: "out", text: "Segue o comprovante da troca.", state: "failed", reason: "Número temporariamente indisponível (131026)" }),
    message(rich.id, 12 * MINUTE, { author: mine, direction: "out", text: "A coleta fica para amanhã, entre 9h e 12h.", state: "uncertain" }),
    message(rich.id, 8 * MINUTE, { author: from, text: "", revoked: true }),
    message(rich.id, 6 * MINUTE, { author: from, text: "Perfeito, amanhã de manhã estarei no local. Muito obrigado!", edited: true }),
  );
  Object.assign(rich, { last_message_at: at(6 * MINUTE), last_inbound_at: at(6 * MINUTE), unread: 2, preview: { text: "Perfeito, amanhã de manhã estarei no local. Muito obrigado!", kind: "text", direction: "in" }, window: { closes_at: at(-(3.4 * HOUR)) } });

  SUBJECTS.forEach((text, index) => {
    const agent = index % 2 === 0 ? one : two;
    const team = index % 3 === 0 ? support : sales;
    add(20 + index, index % 3 === 1 ? "" : `Cliente ${20 + index}`, team, { status: "in_progress", agent: { id: agent.id, name: agent.name }, started_at: at((index + 1) * HOUR) }, [[text, "in"], ["Olá! Vou verificar e já retorno.", "out"]], (index + 1) * 1.4 * HOUR);
  });
  for (let index = 0; index < 70; index += 1) {
    const text = SUBJECTS[index % SUBJECTS.length] ?? "";
    const done = add(100 + index, `Cliente ${100 + index}`, index % 2 ? sales : support, { status: "concluded", unread: 0, window: null }, [[text, "in"], ["Resolvido por aqui. Qualquer coisa, é só chamar!", "out"]], DAY + index * 5 * HOUR);
    const by = { id: one.id, name: one.name };
    done.conclusion = { by, at: at(DAY + index * 5 * HOUR - 2 * MINUTE), summary: index % 2 ? "Objetivo Atingido · Venda concluída · R$ 1.250,00" : "" };
    done.items.push(event(DAY + index * 5 * HOUR - 2 * MINUTE, "concluded", {}, { kind: "user", ...by }));
    done.unread = 0;
  }
  return {
    people: [admin, ...agents],
    teams: [sales, support],
    channels,
    contacts,
    conversations,
    plugins: apps,
    hours: { [support.id]: closedToday() },
    reasons: [
      { id: "r1", category: "Objetivo Atingido", title: "Venda concluída", monetary: true },
      { id: "r2", category: "Objetivo Atingido", title: "Problema resolvido", monetary: false },
      { id: "r3", category: "Objetivo Perdido", title: "Preço", monetary: true },
      { id: "r4", category: "Objetivo Perdido", title: "Prazo de entrega", monetary: false },
      { id: "r5", category: "Dúvidas", title: "Informações sobre produto", monetary: false },
      { id: "r6", category: "Outros", title: "Engano", monetary: false },
    ],
    tokens: [{ id: id("tok"), name: "Painel da diretoria", user: { id: admin.id, name: admin.name }, scopes: ["read"], created_at: at(20 * DAY), expires_at: at(-70 * DAY), last_used_at: at(HOUR) }],
    logs: [
      { at: at(5000), level: "warn", message: "1 atendente indisponível foi pulado", call: "c3" },
      { at: at(60_000), level: "info", message: "ordem da equipe Vendas: 3 atendentes", call: "c2" },
      { at: at(HOUR), level: "error", message: "limit cpu: the call used more than 50 ms", call: "c1" },
    ],
    failures: [
      { plugin: "distribution", id: "evt_1", kind: "conversation.queued", name: null, conversation_id: conversations[0]?.id, error: "limit cpu: the call used more than 50 ms", at: at(HOUR), attempts: 5 },
      { plugin: "distribution", id: "tmr_1", kind: "timer", name: "offer-ends", conversation_id: null, error: "limit cpu: the call used more than 50 ms", at: at(2 * HOUR), attempts: 5 },
    ],
  };
}
