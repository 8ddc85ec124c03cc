/** The mock's answers. Rules are the contract's, simplified: enough to develop and test the interface, no more. */
import { randomBytes } from "node:crypto";
import type { BusinessHours, Conversation, Folder, Message, TimelineItem } from "../src/api/types";
import { kindOf } from "../src/desk/takes.ts";
import { at, ICONS, id, makeWorld, PASSWORD, type Person, PICTURES, type Stored, type World } from "./data.ts";
import { openingOf, usualHours, wrongFields } from "./hours.ts";

/** What the server says of a file that may be a picture; the mock does not look into it. */
function shownOf(file: string, mime: string) {
  return { width: null, height: null, thumbnail_url: mime.startsWith("image/") ? `/api/v1/files/${file}` : null };
}

export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly errors?: Record<string, string>,
  ) {
    super(message);
  }
}

export interface Request {
  method: string;
  path: string;
  query: URLSearchParams;
  body: Record<string, unknown>;
  raw: Buffer;
  session: string | null;
  key: string;
  /** What a change is based on. */
  ifMatch: string;
}

export interface Result {
  status?: number;
  body?: unknown;
  headers?: Record<string, string>;
}

type Route = [method: string, pattern: RegExp, run: (request: Request, caller: Person, ...ids: string[]) => Result];

const named = (person: Person) => ({ id: person.id, name: person.name });

const REFUSED_TOKEN = "O provedor recusou o token de acesso. Gere outro no painel e salve-o aqui. [HTTP 401, 190: Invalid OAuth access token - Cannot parse access token]";

export class Mock {
  private world: World = makeWorld();
  private readonly sessions = new Map<string, string>();
  private readonly listeners = new Set<(event: unknown) => void>();
  private readonly files = new Map<string, { mime: string; name: string; bytes: Buffer }>();
  private readonly kept = new Map<string, Result>();
  seq = 1;

  listen(listener: (event: unknown) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  userOf(session: string | null): Person | null {
    const user = session ? this.sessions.get(session) : undefined;
    return this.world.people.find((person) => person.id === user) ?? null;
  }

  /** For tests: everything as at the start, everybody signed out. */
  private reset(): Result {
    this.world = makeWorld();
    this.sessions.clear();
    this.kept.clear();
    return { status: 204 };
  }

  call(request: Request): Result {
    if (request.path === "/mock/reset") return this.reset();
    if (request.path === "/session" && request.method === "POST") return this.signIn(request);
    const icon = /^\/plugins\/([\w-]+)\/icon$/.exec(request.path)?.[1];
    if (icon) return ICONS[icon] ? { body: ICONS[icon], headers: { "content-type": "image/svg+xml" } } : { status: 404 };
    const caller = this.userOf(request.session);
    if (!caller) throw new Refusal(401, "unauthenticated", "Entre para continuar.");
    const kept = request.key && this.kept.get(request.key);
    if (kept) return kept;
    for (const [method, pattern, run] of this.routes) {
      const match = method === request.method ? pattern.exec(request.path) : null;
      if (!match) continue;
      const result = run(request, caller, ...match.slice(1));
      if (request.key && request.method === "POST") this.kept.set(request.key, result);
      return result;
    }
    throw new Refusal(404, "not_found", `${request.method} ${request.path}`);
  }

  private emit(kind: string, conversation_id?: string, data?: unknown) {
    this.seq += 1;
    for (const listener of this.listeners) listener({ type: "event", seq: this.seq, kind, conversation_id, data });
  }

  private signIn({ body }: Request): Result {
    const person = this.world.people.find((each) => each.email === body.email && each.active);
    if (!person || body.password !== PASSWORD) throw new Refusal(401, "unauthenticated", "E-mail ou senha incorretos.");
    const token = randomBytes(16).toString("hex");
    this.sessions.set(token, person.id);
    return { body: this.me(person), headers: { "set-cookie": `balcao_session=${token}; Path=/; HttpOnly; SameSite=Lax` } };
  }

  private me(person: Person) {
    const teams = this.world.teams.flatMap((team) => {
      const member = team.members.find((each) => each.user_id === person.id);
      return member ? [{ id: team.id, name: team.name, role: member.role }] : [];
    });
    const { archive_immediately, locale, ...user } = person;
    return { user, workspace: { id: "wsp_01mock", name: "Loja Demonstração" }, teams, archive_immediately, locale };
  }

  private supervises(person: Person, conversation: Stored): boolean {
    if (person.role === "admin") return true;
    const team = this.world.teams.find((each) => each.id === conversation.team?.id);
    return team?.members.some((each) => each.user_id === person.id && each.role === "supervisor") ?? false;
  }

  private folderOf(person: Person, conversation: Stored): Folder | null {
    const inTeam = person.role === "admin" || this.world.teams.some((team) => team.id === conversation.team?.id && team.members.some((each) => each.user_id === person.id));
    if (!inTeam) return null;
    if (conversation.status === "concluded") return "concluded";
    if (conversation.status === "in_progress") return conversation.agent?.id === person.id ? "mine" : this.supervises(person, conversation) ? "others" : null;
    if (!conversation.offer || conversation.offer.agent.id === person.id) return "queued";
    return this.supervises(person, conversation) ? "others" : null;
  }

  private shown(conversation: Stored, person: Person): Conversation {
    const { items: _items, classification: _classification, ...rest } = conversation;
    const own = conversation.agent?.id === person.id;
    const boss = this.supervises(person, conversation);
    const { status } = conversation;
    const can = {
      start: status === "queued",
      reply: status === "queued" || (status === "in_progress" && (own || boss)),
      conclude: status === "queued" || (status === "in_progress" && (own || boss)),
      transfer: status !== "concluded" && (own || boss || status === "queued"),
      reopen: status === "concluded",
    };
    return { ...rest, can };
  }

  private hoursOf(of = ""): Result {
    const body = this.world.hours[of] ?? usualHours();
    return { body, headers: { etag: JSON.stringify(Buffer.from(JSON.stringify(body)).toString("base64").replaceAll("=", "")) } };
  }

  private checkHours(hours: BusinessHours) {
    const errors = wrongFields(hours);
    if (Object.keys(errors).length > 0) throw new Refusal(422, "invalid", "Some fields need attention.", errors);
  }

  private find(caller: Person, conversation: string): Stored {
    const found = this.world.conversations.find((each) => each.id === conversation);
    if (!found || !this.folderOf(caller, found)) throw new Refusal(404, "not_found", "Conversa não encontrada.");
    return found;
  }

  private changed(conversation: Stored, caller: Person, kind: string, data: Record<string, unknown> = {}): Result {
    conversation.version += 1;
    conversation.items.push({ type: "event", id: id("evt"), at: at(0), kind, actor: { kind: "user", ...named(caller) }, data });
    this.emit("conversation.changed", conversation.id);
    this.emit("counters");
    return { body: this.shown(conversation, caller) };
  }

  private page<T>(items: T[], query: URLSearchParams): Result {
    const from = Number(query.get("after") ?? 0);
    const limit = Number(query.get("limit") ?? 50);
    const next = from + limit < items.length ? String(from + limit) : null;
    return { body: { items: items.slice(from, from + limit), next } };
  }

  private conclude(conversation: Stored, caller: Person, summary: string | null): Result {
    if (conversation.status === "concluded") throw new Refusal(409, "state", "Este atendimento já foi concluído.");
    Object.assign(conversation, { status: "concluded", offer: null, unread: 0, conclusion: { by: named(caller), at: at(0), summary } });
    return this.changed(conversation, caller, "concluded");
  }

  private start(conversation: Stored, caller: Person): Result {
    if (conversation.status !== "queued") throw new Refusal(409, "state", "Este atendimento já foi iniciado por outra pessoa.");
    Object.assign(conversation, { status: "in_progress", agent: named(caller), offer: null, started_at: at(0) });
    return this.changed(conversation, caller, "started");
  }

  private post(request: Request, caller: Person, conversationId: string): Result {
    const conversation = this.find(caller, conversationId);
    const { text = "", attachments = [], reply_to, private: note } = request.body as { text?: string; attachments?: string[]; reply_to?: string; private?: boolean };
    if (!text.trim() && attachments.length === 0) throw new Refusal(422, "invalid", "A mensagem está vazia.");
    if (conversation.status === "queued" && !note) this.start(conversation, caller);
    const quoted = conversation.items.find((each): each is TimelineItem & { type: "message" } => each.type === "message" && each.id === reply_to);
    const message: Message = {
      id: id("msg"),
      conversation_id: conversation.id,
      author: { kind: "user", ...named(caller) },
      direction: note ? "note" : "out",
      at: at(0),
      kind: attachments.length > 0 ? kindOf(this.files.get(attachments[0] ?? "")?.mime ?? "") : "text",
      text,
      attachments: attachments.map((file) => {
        const stored = this.files.get(file);
        return { id: file, state: "ready", error: null, limit: null, mime: stored?.mime ?? "", name: stored?.name ?? "", size: stored?.bytes.length ?? 0, url: `/api/v1/files/${file}`, ...shownOf(file, stored?.mime ?? "") };
      }),
      extra: null,
      reply_to: quoted ? { id: quoted.id, kind: quoted.kind, text: quoted.text, author_name: quoted.author.name, thumbnail_url: null } : null,
      state: note ? "sent" : "queued",
      reason: null,
      reactions: [],
      edited: false,
      revoked: false,
      change: null,
      can: { edit: !note, revoke: !note, versions: false, let_go: false },
    };
    conversation.items.push({ type: "message", ...message });
    Object.assign(conversation, { last_message_at: message.at, preview: { text, kind: message.kind, direction: message.direction } });
    this.emit("message.created", conversation.id, message);
    if (!note) this.deliver(conversation, message.id, /falha/i.test(text) ? ["failed"] : /incerto/i.test(text) ? ["uncertain"] : ["sent", "delivered", "read"]);
    if (!note && /^(oi|olá)/i.test(text)) setTimeout(() => this.contactSays(conversation, "Olá! Obrigado por responder."), 1500);
    return { status: 201, body: message };
  }

  private deliver(conversation: Stored, messageId: string, states: Message["state"][]) {
    states.forEach((state, index) =>
      setTimeout(() => {
        const message = conversation.items.find((each) => each.id === messageId);
        if (message?.type !== "message") return;
        message.state = state;
        message.reason = state === "failed" ? "O provedor recusou: número inválido (131026)" : null;
        this.emit("message.changed", conversation.id, message);
      }, 300 * (index + 1)),
    );
  }

  private said(id: string) {
    for (const conversation of this.world.conversations) {
      const message = conversation.items.find((each) => each.id === id);
      if (message?.type === "message") return { conversation, message };
    }
    throw new Refusal(404, "not_found", "Mensagem não encontrada.");
  }

  /** What the channel would do: it refuses what speaks of failing. `text` null: deletes. */
  private rewrite(id: string, text: string | null) {
    const { conversation, message } = this.said(id);
    const action = text === null ? "revoke" : "edit";
    message.change = { action, state: "queued", reason: null, text: text ?? "" };
    setTimeout(() => {
      if (text !== null && /falha/i.test(text)) message.change = { action, state: "failed", reason: "O canal só deixa editar por 48 horas.", text };
      else if (text === null) Object.assign(message, { revoked: true, text: "", attachments: [], change: null, can: { edit: false, revoke: false, versions: false, let_go: false } });
      else Object.assign(message, { text, edited: true, change: null });
      this.emit("message.changed", conversation.id, message);
    }, 600);
    return { body: message };
  }

  private contactSays(conversation: Stored, text: string) {
    const message: Message = {
      id: id("msg"),
      conversation_id: conversation.id,
      author: { kind: "contact", id: conversation.contact.id, name: conversation.contact.name },
      direction: "in",
      at: at(0),
      kind: "text",
      text,
      attachments: [],
      extra: null,
      reply_to: null,
      state: "received",
      reason: null,
      reactions: [],
      edited: false,
      revoked: false,
      change: null,
      can: { edit: false, revoke: false, versions: false, let_go: false },
    };
    conversation.items.push({ type: "message", ...message });
    conversation.unread += 1;
    Object.assign(conversation, { last_message_at: message.at, preview: { text, kind: "text", direction: "in" } });
    this.emit("message.created", conversation.id, message);
  }

  private classifyForm() {
    return {
      schema: {
        type: "object",
        "x-submit": "Classificar e Concluir",
        required: ["reason"],
        properties: {
          reason: { type: "string", title: "Motivo da conclusão", oneOf: this.world.reasons.map((each) => ({ const: each.id, title: each.title, "x-group": each.category })) },
        },
        allOf: [
          {
            if: { properties: { reason: { enum: this.world.reasons.filter((each) => each.monetary).map((each) => each.id) } }, required: ["reason"] },
            then: { properties: { value: { type: "number", title: "Valor (R$)", minimum: 0 } }, required: ["value"] },
          },
        ],
      },
      ui: { reason: { "ui:widget": "radio" } },
      values: {},
    };
  }

  private reasonForm() {
    return {
      schema: {
        type: "object",
        required: ["title", "category"],
        properties: {
          title: { type: "string", title: "Descrição", minLength: 2, maxLength: 80 },
          category: { type: "string", title: "Categoria", enum: ["Objetivo Atingido", "Objetivo Perdido", "Dúvidas", "Outros"] },
          monetary: { type: "boolean", title: "Pede valor monetário", default: false },
        },
      },
      ui: {},
      values: {},
    };
  }

  private invoke(request: Request, caller: Person, action: string): Result {
    const { about, values } = request.body as { about: { id: string } | null; values: Record<string, unknown> };
    if (action === "edit-reasons") {
      this.world.reasons.push({ id: id("rsn"), title: String(values.title), category: String(values.category), monetary: values.monetary === true });
      return { body: { kind: "done", text: "Motivo salvo", data: null } };
    }
    const reason = this.world.reasons.find((each) => each.id === values.reason);
    if (!reason) return { body: { kind: "errors", text: "Confira o motivo.", data: { reason: "Escolha um motivo" } } };
    const money = typeof values.value === "number" ? ` · ${values.value.toLocaleString("pt-BR", { style: "currency", currency: "BRL" })}` : "";
    this.conclude(this.find(caller, about?.id ?? ""), caller, `${reason.category} · ${reason.title}${money}`);
    return { body: { kind: "done", text: "Atendimento classificado e concluído", data: null } };
  }

  private orderView(teamId: string) {
    const team = this.world.teams.find((each) => each.id === teamId);
    const order = (team?.members ?? []).filter((each) => each.role === "agent").toSorted((a, b) => a.created_at.localeCompare(b.created_at));
    const next = order.find((each) => each.available);
    return {
      tree: [
        { type: "text", style: "dimmed", text: "As conversas seguem a ordem de cadastro. A seta mostra quem recebe a próxima." },
        {
          type: "list",
          ordered: true,
          items: order.map((each) => ({ title: each.name, marker: each === next, dimmed: !each.available, badge: each.available ? "" : "Indisponível", tone: "warn" })),
        },
      ],
    };
  }

  private plugin(pluginId: string) {
    const plugin = this.world.plugins.find((each) => each.id === pluginId);
    if (!plugin) throw new Refusal(404, "not_found", "App não encontrado.");
    return plugin;
  }

  private keepSettings(target: { settings: Record<string, unknown>; secrets: Record<string, boolean> }, pluginId: string, given: Record<string, unknown>) {
    const properties = (this.plugin(pluginId).settings_schema?.properties ?? {}) as Record<string, { writeOnly?: boolean }>;
    for (const [name, value] of Object.entries(given)) {
      if (properties[name]?.writeOnly) target.secrets = { ...target.secrets, [name]: true };
      else target.settings = { ...target.settings, [name]: value };
    }
  }

  private team(teamId: string) {
    const team = this.world.teams.find((each) => each.id === teamId);
    if (!team) throw new Refusal(404, "not_found", "Equipe não encontrada.");
    return team;
  }

  private admin(caller: Person) {
    if (caller.role !== "admin") throw new Refusal(403, "denied", "Somente administradores podem fazer isso.");
  }

  private upload({ raw, query }: Request): Result {
    const text = raw.toString("latin1");
    const name = Buffer.from(/filename="([^"]*)"/.exec(text)?.[1] ?? "arquivo", "latin1").toString();
    const said = /content-type: ([^\r\n]+)/i.exec(text)?.[1] ?? "application/octet-stream";
    const mime = query.get("kind") === "audio" ? said.replace("video/", "audio/") : said;
    const start = text.indexOf("\r\n\r\n") + 4;
    const bytes = raw.subarray(start, text.lastIndexOf("\r\n--"));
    if (bytes.length > 20_000_000) throw new Refusal(413, "too_large", "O arquivo passa de 20 MB.");
    const file = id("fil");
    this.files.set(file, { mime, name, bytes });
    return { status: 201, body: { id: file, mime, name, size: bytes.length, url: `/api/v1/files/${file}`, ...shownOf(file, mime) } };
  }

  private file(fileId: string): Result {
    if (PICTURES[fileId]) return { body: PICTURES[fileId], headers: { "content-type": "image/svg+xml" } };
    const file = this.files.get(fileId);
    if (!file && fileId !== "fil_nf") throw new Refusal(404, "not_found", "Arquivo não encontrado.");
    return { body: file?.bytes ?? "%PDF-1.4", headers: { "content-type": file?.mime ?? "application/pdf" } };
  }

  private logged(level: string | null) {
    const levels = ["debug", "info", "warn", "error"];
    return this.world.logs.filter((line) => levels.indexOf(line.level) >= levels.indexOf(level ?? "debug"));
  }

  private health(plugin: string) {
    const failures = this.world.failures.filter((each) => each.plugin === plugin).length;
    return { state: this.plugin(plugin).health, breaker: null, failures, parked: 0, last_errors: this.logged("warn") };
  }

  /** Takes failures from the list, as trying again and letting go both do. */
  private forget(which: (failure: World["failures"][number]) => boolean) {
    const before = this.world.failures.length;
    this.world.failures = this.world.failures.filter((each) => !which(each));
    return { count: before - this.world.failures.length };
  }

  private list(request: Request, caller: Person): Result {
    const { query } = request;
    const q = query.get("q")?.toLocaleLowerCase();
    const matching = this.world.conversations
      .filter((each) => this.folderOf(caller, each) === query.get("folder"))
      .filter((each) => !query.get("channel") || each.channel.id === query.get("channel"))
      .filter((each) => !query.get("team") || each.team?.id === query.get("team"))
      .filter((each) => !query.get("agent") || each.agent?.id === query.get("agent"))
      .filter((each) => !query.get("unread") || each.unread > 0)
      .filter((each) => !q || `${each.contact.name} ${each.contact.address} ${each.preview?.text}`.toLocaleLowerCase().includes(q))
      .toSorted((a, b) => b.last_message_at.localeCompare(a.last_message_at));
    return this.page(matching.map((each) => this.shown(each, caller)), query);
  }

  private counters(caller: Person): Result {
    const folders = this.world.conversations.map((each) => this.folderOf(caller, each));
    const count = (folder: Folder) => folders.filter((each) => each === folder).length;
    const boss = caller.role !== "agent" || this.world.teams.some((team) => team.members.some((each) => each.user_id === caller.id && each.role === "supervisor"));
    return { body: { queued: count("queued"), mine: count("mine"), others: boss ? count("others") : null, concluded: count("concluded") } };
  }

  private timeline(request: Request, caller: Person, conversation: string): Result {
    const { items } = this.find(caller, conversation);
    const end = Number(request.query.get("after") ?? items.length);
    const start = Math.max(0, end - Number(request.query.get("limit") ?? 50));
    return { body: { items: items.slice(start, end), next: start > 0 ? String(start) : null } };
  }

  private readonly routes: Route[] = [
    ["GET", /^\/session$/, (_r, caller) => ({ body: this.me(caller) })],
    [
      "DELETE",
      /^\/session$/,
      (r) => {
        this.sessions.delete(r.session ?? "");
        return { status: 204 };
      },
    ],
    [
      "PATCH",
      /^\/me$/,
      (r, caller) => {
        Object.assign(caller, r.body);
        for (const team of this.world.teams) for (const each of team.members) if (each.user_id === caller.id) each.available = caller.available;
        this.emit("presence");
        return { body: this.me(caller) };
      },
    ],
    ["GET", /^\/conversations$/, (r, caller) => this.list(r, caller)],
    ["GET", /^\/conversations\/counters$/, (_r, caller) => this.counters(caller)],
    ["GET", /^\/conversations\/(\w+)$/, (_r, caller, c) => ({ body: this.shown(this.find(caller, c ?? ""), caller) })],
    ["GET", /^\/conversations\/(\w+)\/timeline$/, (r, caller, c) => this.timeline(r, caller, c ?? "")],
    ["POST", /^\/conversations\/(\w+)\/start$/, (_r, caller, c) => this.start(this.find(caller, c ?? ""), caller)],
    ["POST", /^\/conversations\/(\w+)\/conclude$/, (_r, caller, c) => this.conclude(this.find(caller, c ?? ""), caller, null)],
    [
      "POST",
      /^\/conversations\/(\w+)\/reopen$/,
      (_r, caller, c) => {
        const conversation = this.find(caller, c ?? "");
        Object.assign(conversation, { status: "in_progress", agent: named(caller), conclusion: null });
        return this.changed(conversation, caller, "reopened");
      },
    ],
    [
      "POST",
      /^\/conversations\/(\w+)\/transfer$/,
      (r, caller, c) => {
        const conversation = this.find(caller, c ?? "");
        const team = this.team(String(r.body.team_id));
        const agent = this.world.people.find((each) => each.id === r.body.agent_id);
        Object.assign(conversation, { team: { id: team.id, name: team.name }, agent: agent ? named(agent) : null, status: agent ? "in_progress" : "queued", offer: null });
        return this.changed(conversation, caller, "transferred", { team: { id: team.id, name: team.name }, agent: agent ? named(agent) : null, note: r.body.note });
      },
    ],
    [
      "POST",
      /^\/conversations\/(\w+)\/read$/,
      (_r, caller, c) => {
        const conversation = this.find(caller, c ?? "");
        conversation.unread = 0;
        return { body: this.shown(conversation, caller) };
      },
    ],
    ["POST", /^\/conversations\/(\w+)\/messages$/, (r, caller, c) => this.post(r, caller, c ?? "")],
    [
      "POST",
      /^\/messages\/(\w+)\/retry$/,
      (_r, _caller, m) => {
        for (const conversation of this.world.conversations) {
          const message = conversation.items.find((each) => each.id === m);
          if (message?.type !== "message") continue;
          Object.assign(message, { state: "queued", reason: null });
          this.deliver(conversation, message.id, ["sent", "delivered"]);
          return { body: message };
        }
        throw new Refusal(404, "not_found", "Mensagem não encontrada.");
      },
    ],
    [
      "POST",
      /^\/messages\/(\w+)\/reaction$/,
      (r, _caller, m) => {
        for (const conversation of this.world.conversations) {
          const message = conversation.items.find((each) => each.id === m);
          if (message?.type !== "message") continue;
          message.reactions = r.body.emoji ? [{ emoji: String(r.body.emoji), by: "user" }] : [];
          return { body: message };
        }
        throw new Refusal(404, "not_found", "Mensagem não encontrada.");
      },
    ],
    ["PATCH", /^\/messages\/(\w+)$/, (r, _caller, m) => this.rewrite(m ?? "", String(r.body.text))],
    ["DELETE", /^\/messages\/(\w+)$/, (_r, _caller, m) => this.rewrite(m ?? "", null)],
    [
      "DELETE",
      /^\/messages\/(\w+)\/change$/,
      (_r, _caller, m) => {
        const { message } = this.said(m ?? "");
        message.change = null;
        return { body: message };
      },
    ],
    ["GET", /^\/messages\/(\w+)\/versions$/, () => ({ body: [{ until: at(2), kind: "text", text: "Temos sim! O bolo sai por R$ 80." }] })],
    ["POST", /^\/files$/, (r) => this.upload(r)],
    ["GET", /^\/files\/(\w+)$/, (_r, _caller, f) => this.file(f ?? "")],
    ["GET", /^\/contacts\/(\w+)$/, (_r, _caller, c) => ({ body: this.world.contacts.find((each) => each.id === c) })],
    [
      "DELETE",
      /^\/contacts\/(\w+)$/,
      (_r, caller, c) => {
        this.admin(caller);
        if (this.world.conversations.some((each) => each.contact.id === c && each.status !== "concluded")) throw new Refusal(409, "state", "Conclua antes as conversas abertas deste contato.");
        this.world.contacts = this.world.contacts.filter((each) => each.id !== c);
        this.world.conversations = this.world.conversations.filter((each) => each.contact.id !== c);
        return { status: 204 };
      },
    ],
    [
      "PATCH",
      /^\/contacts\/(\w+)$/,
      (r, _caller, c) => {
        const contact = this.world.contacts.find((each) => each.id === c);
        if (contact) Object.assign(contact, r.body);
        for (const each of this.world.conversations) if (each.contact.id === c && contact) each.contact.name = contact.name;
        return { body: contact };
      },
    ],
    ["GET", /^\/users$/, (r) => this.page(this.world.people, r.query)],
    [
      "POST",
      /^\/users$/,
      (r, caller) => {
        this.admin(caller);
        if (this.world.people.some((each) => each.email === r.body.email)) throw new Refusal(422, "invalid", "Confira os campos.", { email: "Já existe um usuário com este e-mail" });
        const person = { id: id("usr"), available: true, active: true, created_at: at(0), archive_immediately: false, locale: "pt-BR", ...r.body } as unknown as Person;
        this.world.people.push(person);
        return { status: 201, body: person };
      },
    ],
    [
      "PATCH",
      /^\/users\/(\w+)$/,
      (r, caller, u) => {
        this.admin(caller);
        const person = this.world.people.find((each) => each.id === u);
        if (person) Object.assign(person, r.body);
        return { body: person };
      },
    ],
    ["GET", /^\/tokens$/, (r, caller) => this.page(this.world.tokens.filter((each) => r.query.get("all") || each.user.id === caller.id), r.query)],
    [
      "POST",
      /^\/tokens$/,
      (r, caller) => {
        const { name, scopes, expires_at } = r.body as { name: string; scopes: string[]; expires_at?: string };
        const token = { id: id("tok"), name, scopes, user: named(caller), created_at: at(0), expires_at, last_used_at: null };
        this.world.tokens.unshift(token);
        return { status: 201, body: { ...token, token: `blc_${randomBytes(24).toString("base64url")}` } };
      },
    ],
    [
      "DELETE",
      /^\/tokens\/(\w+)$/,
      (_r, _caller, token) => {
        this.world.tokens = this.world.tokens.filter((each) => each.id !== token);
        return { status: 204 };
      },
    ],
    ["GET", /^\/teams$/, (r) => this.page(this.world.teams, r.query)],
    [
      "POST",
      /^\/teams$/,
      (r, caller) => {
        this.admin(caller);
        const team = { id: id("tem"), name: String(r.body.name), members: [] };
        this.world.teams.push(team);
        return { status: 201, body: team };
      },
    ],
    [
      "GET",
      /^\/teams\/(\w+)\/apps$/,
      (r) =>
        this.page(
          [
            {
              plugin_id: "distribution",
              name: "Distribuição de Atendimento",
              schema: { type: "object", properties: { teams: { type: "boolean", title: "Distribuir os atendimentos desta equipe" }, limit_minutes: { type: "integer", minimum: 10, maximum: 60, title: "Limite por atendente (minutos)" } } },
              values: { teams: true, limit_minutes: 10 },
            },
          ],
          r.query,
        ),
    ],
    ["GET", /^\/(?:teams|channels)\/(\w+)\/hours$/, (_r, _caller, of) => this.hoursOf(of)],
    [
      "PUT",
      /^\/(?:teams|channels)\/(\w+)\/hours$/,
      (r, caller, of) => {
        this.admin(caller);
        const hours = r.body as unknown as BusinessHours;
        this.checkHours(hours);
        if (r.ifMatch && r.ifMatch !== this.hoursOf(of).headers?.etag) throw new Refusal(412, "precondition_failed", "This has changed since it was read.");
        this.world.hours[of ?? ""] = hours;
        this.emit("team.changed");
        return this.hoursOf(of);
      },
    ],
    [
      "POST",
      /^\/hours\/preview$/,
      (r) => {
        const hours = r.body as unknown as BusinessHours;
        this.checkHours(hours);
        return { body: openingOf(hours) };
      },
    ],
    [
      "GET",
      /^\/conversations\/(\w+)\/hours$/,
      (_r, caller, conversation) => {
        const { team, channel } = this.find(caller, conversation ?? "");
        const own = this.world.hours[team?.id ?? ""];
        return { body: openingOf(own?.enabled ? own : this.world.hours[channel.id]) };
      },
    ],
    ["PATCH", /^\/teams\/(\w+)$/, (r, _caller, t) => ({ body: Object.assign(this.team(t ?? ""), r.body) })],
    [
      "PUT",
      /^\/teams\/(\w+)\/members\/(\w+)$/,
      (r, _caller, t, u) => {
        const team = this.team(t ?? "");
        const person = this.world.people.find((each) => each.id === u);
        const member = team.members.find((each) => each.user_id === u);
        const role = r.body.role as "agent" | "supervisor";
        if (member) member.role = role;
        else if (person) team.members.push({ user_id: person.id, name: person.name, role, available: person.available, created_at: person.created_at });
        this.emit("team.changed");
        return { body: team };
      },
    ],
    [
      "PATCH",
      /^\/teams\/(\w+)\/members\/(\w+)$/,
      (r, _caller, t, u) => {
        const team = this.team(t ?? "");
        for (const member of team.members) if (member.user_id === u) member.available = r.body.available === true;
        this.emit("team.changed");
        return { body: team };
      },
    ],
    [
      "DELETE",
      /^\/teams\/(\w+)\/members\/(\w+)$/,
      (_r, _caller, t, u) => {
        const team = this.team(t ?? "");
        team.members = team.members.filter((each) => each.user_id !== u);
        return { body: team };
      },
    ],
    ["GET", /^\/channels$/, (r) => this.page(this.world.channels, r.query)],
    [
      "POST",
      /^\/channels$/,
      (r, caller) => {
        this.admin(caller);
        const identity = id("chn");
        const plugin = String(r.body.plugin_id);
        const channel: World["channels"][number] = {
          id: identity,
          plugin_id: plugin,
          plugin_name: plugin,
          name: String(r.body.name),
          team_id: String(r.body.team_id),
          enabled: true,
          health: { state: "unknown", message: "", sending: false },
          webhook_url: `http://127.0.0.1:8080/hooks/${identity}`,
          capabilities: null,
          max_file_bytes: null, refused: null,
          settings: {},
          secrets: {},
          created_at: at(0),
        };
        this.keepSettings(channel, plugin, (r.body.settings ?? {}) as Record<string, unknown>);
        this.world.channels.push(channel);
        return { status: 201, body: channel };
      },
    ],
    [
      "PATCH",
      /^\/channels\/(\w+)$/,
      (r, _caller, c) => {
        const channel = this.world.channels.find((each) => each.id === c);
        const { settings, ...rest } = r.body;
        if (channel) {
          Object.assign(channel, rest);
          if (settings) this.keepSettings(channel, channel.plugin_id, settings as Record<string, unknown>);
        }
        return { body: channel };
      },
    ],
    [
      "DELETE",
      /^\/channels\/(\w+)$/,
      (_r, _caller, c) => {
        this.world.channels = this.world.channels.filter((each) => each.id !== c);
        return { status: 204 };
      },
    ],
    [
      "POST",
      /^\/channels\/(\w+)\/test$/,
      (_r, _caller, c) => {
        const channel = this.world.channels.find((each) => each.id === c);
        if (channel?.plugin_id === "widget") return { body: { ok: true, account: { name: channel.name, extra: JSON.stringify({ snippet: `<script async src="${channel.webhook_url}/_/asset/widget.js"></script>` }) }, message: channel.name } };
        // As the server does: what a failed test says is the channel's health too.
        const failed = channel?.settings.phone_number_id === "0";
        if (channel) channel.health = failed ? { state: "disconnected", message: REFUSED_TOKEN, sending: false } : { state: "connected", message: "", sending: false };
        return { body: failed ? { ok: false, account: null, message: REFUSED_TOKEN } : { ok: true, account: "+55 11 90000-0000", message: "" } };
      },
    ],
    ["GET", /^\/parked$/, (r) => this.page([], r.query)],
    ["GET", /^\/channels\/(\w+)\/parked$/, (r) => this.page([], r.query)],
    ["GET", /^\/plugins$/, (r, caller) => (this.admin(caller), this.page(this.world.plugins, r.query))],
    ["GET", /^\/plugins\/([\w-]+)$/, (_r, _caller, p) => ({ body: this.plugin(p ?? "") })],
    [
      "POST",
      /^\/plugins\/([\w-]+)\/enable$/,
      (r, caller, p) => {
        this.admin(caller);
        const plugin = this.plugin(p ?? "");
        const asked = plugin.permissions.map((each) => each.code).toSorted().join();
        if ((r.body.granted as string[]).toSorted().join() !== asked) throw new Refusal(409, "conflict", "As permissões mudaram.");
        this.keepSettings(plugin, plugin.id, (r.body.settings ?? {}) as Record<string, unknown>);
        Object.assign(plugin, { enabled: true, health: "ok" });
        this.emit("plugin.changed");
        return { body: plugin };
      },
    ],
    [
      "POST",
      /^\/plugins\/([\w-]+)\/disable$/,
      (_r, caller, p) => {
        this.admin(caller);
        this.emit("plugin.changed");
        return { body: Object.assign(this.plugin(p ?? ""), { enabled: false, health: "off" }) };
      },
    ],
    [
      "PATCH",
      /^\/plugins\/([\w-]+)$/,
      (r, _caller, p) => {
        const plugin = this.plugin(p ?? "");
        this.keepSettings(plugin, plugin.id, (r.body.settings ?? {}) as Record<string, unknown>);
        return { body: plugin };
      },
    ],
    ["GET", /^\/plugins\/([\w-]+)\/logs$/, (r) => this.page(this.logged(r.query.get("level")), r.query)],
    ["GET", /^\/plugins\/([\w-]+)\/health$/, (_r, caller, p) => (this.admin(caller), { body: this.health(p ?? "") })],
    ["GET", /^\/plugins\/([\w-]+)\/failures$/, (r, _caller, p) => this.page(this.world.failures.filter((each) => each.plugin === p), r.query)],
    ["POST", /^\/plugins\/([\w-]+)\/failures\/replay$/, (_r, _caller, p) => ({ body: this.forget((each) => each.plugin === p) })],
    ["POST", /^\/plugins\/([\w-]+)\/failures\/(\w+)\/replay$/, (_r, _caller, _p, f) => ({ body: this.forget((each) => each.id === f) })],
    ["DELETE", /^\/plugins\/([\w-]+)\/failures$/, (_r, _caller, p) => ({ body: this.forget((each) => each.plugin === p) })],
    ["DELETE", /^\/plugins\/([\w-]+)\/failures\/(\w+)$/, (_r, _caller, _p, f) => ({ body: this.forget((each) => each.id === f) })],
    [
      "GET",
      /^\/actions$/,
      (r, caller) => {
        const on = this.plugin("classification").enabled && r.query.get("slot") === "conversation.conclude";
        if (r.query.get("slot") === "composer") return { body: { items: [{ plugin_id: "whatsapp", action: "template", title: "Enviar modelo" }], next: null } };
        const items = on ? [{ plugin_id: "classification", action: "classify-and-conclude", title: "Classificar e Concluir" }] : [];
        if (on && caller.role === "admin") items.push({ plugin_id: "classification", action: "edit-reasons", title: "Alterar Classificação de Atendimento" });
        return { body: { items, next: null } };
      },
    ],
    ["POST", /^\/actions\/whatsapp\/template\/form$/, () => ({ body: { schema: { type: "object", required: ["template"], properties: { template: { type: "string", title: "Modelo", oneOf: [{ const: "a", title: "pedido_enviado (pt_BR)" }, { const: "b", title: "cobranca (pt_BR)" }] } } }, ui: {}, values: {} } })],
    [
      "POST",
      /^\/actions\/whatsapp\/template\/invoke$/,
      (r) => {
        const { order } = r.body.values as { order?: string };
        if (order) return { body: { kind: "done", text: "Modelo enviado", data: null } };
        return { body: { kind: "form", text: "Seu pedido {{1}} saiu para entrega.", data: { schema: { type: "object", title: "pedido_enviado", required: ["order"], properties: { order: { type: "string", title: "Texto: 1", minLength: 1 } } }, ui: {}, values: {} } } };
      },
    ],
    ["POST", /^\/actions\/classification\/([\w-]+)\/form$/, (_r, _caller, a) => ({ body: a === "edit-reasons" ? this.reasonForm() : this.classifyForm() })],
    ["POST", /^\/actions\/classification\/([\w-]+)\/invoke$/, (r, caller, a) => this.invoke(r, caller, a ?? "")],
    [
      "GET",
      /^\/views$/,
      (r) => {
        const on = this.plugin("distribution").enabled && r.query.get("slot") === "team.settings";
        return { body: { items: on ? [{ plugin_id: "distribution", view: "team-order", title: "Ordem da distribuição" }] : [], next: null } };
      },
    ],
    ["POST", /^\/views\/distribution\/team-order$/, (r) => ({ body: this.orderView((r.body.about as { id: string }).id) })],
  ];
}
