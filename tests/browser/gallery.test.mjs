// Every kind of content in both directions, as the desk draws it: each comes in by its provider's documented webhook, through the real server
// and connector, or goes out and is taken by the provider's stand-in; then its bubble, or its line between them, is looked at.
// `BALCAO_GALLERY=FOLDER` keeps pictures.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { everyFixture, servicesOf, used, wordsOf } from "./fixtures.mjs";
import { album, all, element, film, Gallery, hall, has, says, seen, state, until, without } from "./gallery.mjs";

const LIMIT = { timeout: 300_000 };
let house;
/** The number of the last service message. */
let service = 5000;

before(async () => {
  // A file of three million bytes is too large here.
  house = await hall({ BALCAO_LIMITS__MEDIA_BODY: "2000000" }, { fixtures: ["sender"] });
  const context = await house.signedIn();
  const it = new Gallery(house, "telegram", context);
  const channel = (await it.api("GET", "/channels")).items.find((each) => each.plugin_id === "telegram");
  await it.api("PATCH", `/channels/${channel.id}`, { settings: { groups: true, channel_posts: true } });
  const { permissions } = await it.api("GET", "/plugins/sender");
  await it.api("POST", "/plugins/sender/enable", { granted: permissions.map((each) => each.code), settings: {} });
  await context.close();
}, LIMIT);

after(() => house?.close());

/** What the desk and apps send, in the words of the WIT package. */
const PLACE = { kind: "location", extra: { latitude: -23.5503, longitude: -46.6339, name: "Nossa loja", address: "Praça da Sé, 100" } };
const CARD = { kind: "contacts", extra: { contacts: [{ name: "Oficina Central", phones: ["+55 11 3000-0000"], emails: [] }] } };
const BUTTONS = { kind: "interactive", text: "Confirma a visita?", extra: { buttons: [{ id: "sim", title: "Sim" }, { id: "nao", title: "Não" }] } };
const LIST = { kind: "interactive", text: "Qual período?", extra: { list: { button: "Escolher", sections: [{ title: "Segunda-feira", rows: [{ id: "m", title: "Manhã", description: "das 8h às 12h" }, { id: "t", title: "Tarde" }] }] } } };
const placed = all(says("Nossa loja", "Praça da Sé, 100"), has("link", "Ver no mapa"));
const carded = all(says("Oficina Central"), has("link", "+55 11 3000-0000"));
const buttoned = all(says("Confirma a visita?", "Sim", "Não"), has("list", "Botões"));
const listed = says("Qual período?", "Escolher", "Segunda-feira", "Manhã", "das 8h às 12h", "Tarde");

test("WhatsApp: every kind comes in and goes out", LIMIT, async () => {
  const context = await house.signedIn();
  const it = new Gallery(house, "whatsapp", context);
  const long = `${"Uma mensagem comprida, que continua por várias linhas e não cabe em uma só. ".repeat(8)}Veja https://example.com/uma/pagina?com=consulta (é lá).`;
  await it.receives("text", says(/./));
  await it.receives("echo", says("Respondido pelo celular"), [["wamid.ECHO", "wamid.ECHO0"]]);
  await it.receives("referral", all(says("Veio de um anúncio", "Promoção", "Vi o anúncio"), has("link", "Abrir a origem")), [["wamid.TEXT", "wamid.REFERRAL"]]);
  await it.receives("referral", all(says("várias linhas"), has("link", "https://example.com/uma/pagina?com=consulta")), [["wamid.TEXT", "wamid.LONG"], ["Vi o anúncio", long], ["Promoção", "Outra promoção"]]);
  await it.receives("reply_forwarded", says("Encaminhada", "Mensagem que não está nesta conversa", "Este aqui"), [["wamid.TEXT", "wamid.FORWARD"]]);
  await it.receives("image", element("img"));
  await it.receives("reply_forwarded", all(says("Este aqui"), (bubble) => seen(bubble.locator("img[alt='']").first())), [["wamid.TEXT", "wamid.REPLY"], ["wamid.ANSWERED", "wamid.IMAGE"]]);
  await it.receives("voice", all(element("audio"), has("button", "Velocidade: 1×")));
  await it.receives("audio", element("audio"));
  await it.receives("several", [says("Um"), says("Dois"), says("Três")], [["wamid.SENT", "wamid.NONE2"]]);
  await it.receives("standby", [says("Vocês abrem hoje?"), all(says("Sim, até as 18h."), state("Entregue"))], [["wamid.ANSWERED", "wamid.BYAGENT"]]);
  await it.receives("video", film);
  await it.receives("document", all(has("link", "Baixar nota.pdf"), says("A nota")));
  await it.receives("sticker", element("img"));
  await it.receives("location", all(says("Praça da Sé", "Sé, São Paulo"), has("link", "Ver no mapa")));
  await it.receives("contacts", all(says("Oficina"), has("link", "+55 11 3000-0000"), has("link", "oficina@example.com")));
  await it.receives("button_reply", says("Resposta escolhida", "Sim"));
  await it.receives("list_reply", says("Resposta escolhida", "Entrega"), [["wamid.INTERACTIVE", "wamid.LIST"]]);
  await it.receives("form_reply", says("nota"), [["wamid.INTERACTIVE", "wamid.FORM"]]);
  await it.receives("template_button", says("Resposta escolhida", "Confirmar"));
  await it.receives("order", says("Pedido", "PAO"));
  await it.receives("unsupported", says("Enquete"));
  await it.receives("unknown_kind", says("hologram"));
  const liked = await it.receives("reply_forwarded", all(has("img", "Reações: 👍"), says("Gostei")), [["wamid.TEXT", "wamid.LIKED"], ["Este aqui", "Gostei"]]);
  await it.receives("reaction", null);
  await it.receives("reply_forwarded", says("Mensagem apagada por quem enviou"), [["wamid.TEXT", "wamid.REVOKED"], ["Este aqui", "Foi engano"]]);
  await it.receives("revoke", null);
  await it.receives("reply_forwarded", says("editada", "Bom dia"), [["wamid.TEXT", "wamid.EDITED2"], ["Este aqui", "Bom di"]]);
  await it.receives("edit", null, [["wamid.EDITED", "wamid.EDITED2"]]);
  await it.receives("reply_forwarded", (bubble) => seen(bubble.locator("[data-emoji]")), [["wamid.TEXT", "wamid.EMOJI"], ["Este aqui", "👍🏽😀"]]);
  await it.receives("reply_forwarded", async (bubble) => assert.equal(await bubble.getByText("مرحبا").first().evaluate((line) => getComputedStyle(line).direction), "rtl"), [["wamid.TEXT", "wamid.RTL"], ["Este aqui", "مرحبا، هل أنتم مفتوحون اليوم؟"]]);
  await house.keep("whatsapp", "500000000000999", { type: "image/png", bytes: Buffer.concat([house.media.picture.bytes, Buffer.alloc(3_000_000)]) });
  await it.receives("image", says("Arquivo maior que o limite de 2 MB."), [["wamid.IMAGE", "wamid.LARGE"], ["500000000000005", "500000000000999"]], true);
  await it.receives("product_enquiry", says("Perguntou sobre um produto", "PAO", "Ainda tem?"), [["wamid.TEXT", "wamid.ENQUIRY"]]);
  await it.receives("forwarded_often", says("Encaminhada", "Repasse"), [["wamid.TEXT", "wamid.OFTEN"]]);
  await it.receives("odd_among_siblings", [says("Antes"), says(/não recebe/), has("link", "Ver no mapa")], [["wamid.TEXT", "wamid.BEFORE"], ["wamid.LOCATION", "wamid.AFTER"], ["wamid.SENT", "wamid.NONE"]]);
  await it.receives("reply_forwarded", all(says("Não gosto mais"), without("img", /^Reações/)), [["wamid.TEXT", "wamid.UNLIKED"], ["Este aqui", "Não gosto mais"]]);
  await it.receives("reaction", null, [["wamid.LIKED", "wamid.UNLIKED"], ["wamid.REACTION", "wamid.REACTION2"]]);
  await it.receives("reaction_taken_back", null, [["wamid.LIKED", "wamid.UNLIKED"], ["wamid.REACTION", "wamid.REACTION3"]]);

  // Written on the phone: each kind as the business sends it, corrected, taken back, and how far it got.
  const echoed = (id, content) => (body) => Object.assign(body.entry[0].changes[0].value.message_echoes[0], { id, text: undefined, ...content });
  const words = (body) => ({ type: "text", text: { body } });
  await it.receives("echo", all(says("editada", "Corrigido")), echoed("wamid.ECHO", words("Corrijido")));
  await it.receives("echo", says("Mensagem apagada"), echoed("wamid.ECHO2", words("Não era para você")));
  await it.receives("echo_corrected", null, [["\"wamid.EDIT\"", "\"wamid.EDITED3\""], ["\"wamid.REVOKE\"", "\"wamid.REVOKED3\""]]);
  await it.receives("echo", all(says("Estamos aqui"), has("link", "Ver no mapa")), echoed("wamid.PLACE", { type: "location", location: { latitude: -23.55, longitude: -46.63, name: "Estamos aqui" } }));
  await it.receives("echo", all(says("Oficina"), has("link", "+55 11 3000-0000")), echoed("wamid.CARD", { type: "contacts", contacts: [{ name: { formatted_name: "Oficina" }, phones: [{ phone: "+55 11 3000-0000" }] }] }));
  await it.receives("echo", all(says("Lida no celular"), state("Lida")), echoed("wamid.SENT", words("Lida no celular")));
  await it.receives("echo", all(says(/^Não enviada: /), state("Não enviada")), echoed("wamid.FAILED", words("Não chegou")));
  await it.receives("statuses", null);
  await it.receives("echo", all(says("Só entregue"), state("Entregue")), echoed("wamid.DELIVERED", words("Só entregue")));
  await it.receives("statuses", null, [["wamid.SENT", "wamid.DELIVERED"], ['"read"', '"delivered"'], ["wamid.FAILED", "wamid.NONE"]]);
  await it.receives("echo", says("Mensagem apagada"), echoed("wamid.GONE", words("Apagada no celular")));
  await it.receives("status_deleted", null, [["wamid.SENT", "wamid.GONE"]]);
  await it.notes("system_other", [["wamid.SYSTEM", "wamid.DEVICE"]]);
  for (const name of ["welcome", "identity_changed", "call", "call_permission", "preference"]) await it.notes(name, name === "call_permission" ? [["wamid.INTERACTIVE", "wamid.CALLS"]] : []);
  await it.settled();

  await it.start();
  await it.sends("text", { text: "Bom dia! Já verifico.", reply_to: liked.id }, "read", all(says("Bom dia! Já verifico.", "Gostei"), state("Lida")));
  await it.sends("image", { text: "A foto", attachments: [await it.upload("foto.png", house.media.picture)] }, "read", all(element("img"), says("A foto")));
  await it.sends("document", { text: "O termo", attachments: [await it.upload("termo.pdf", house.media.document)] }, "read", all(has("link", "Baixar termo.pdf"), says("O termo")));
  await it.sends("video", { text: "O vídeo", attachments: [await it.upload("obra.mp4", house.media.video)] }, "read", all(film, says("O vídeo")));
  await it.sends("audio", { attachments: [await it.upload("recado.mp3", house.media.sound)] }, "read", element("audio"));
  await it.sends("sticker", { kind: "sticker", attachments: [await it.upload("figurinha.webp", house.media.sticker)] }, "read", element("img"));
  for (const [name, what, check] of [["place", PLACE, placed], ["card", CARD, carded], ["buttons", BUTTONS, buttoned], ["list", LIST, listed]]) await it.sends(name, what, "read", check);
  await it.sends("note", { text: "Cliente antigo: cuidar bem.", private: true }, null, says("Nota interna sua", "Cliente antigo: cuidar bem."));
  await it.api("POST", `/messages/${liked.id}/reaction`, { emoji: "🙏" });
  await house.order("whatsapp", { kind: "window-closed" });
  await it.sends("failed", { text: "Ainda está aí?" }, "failed", all(says("Ainda está aí?", /^Não enviada: /), state("Não enviada"), has("button", "Tentar de novo")));
  await house.order("whatsapp", { kind: "hang-up-after" });
  await it.sends("uncertain", { text: "Confirmado." }, "uncertain", all(says("Confirmado.", /Não sabemos se esta mensagem chegou/), state("Envio incerto")));
  await house.order("whatsapp", { kind: "unavailable" }, 60);
  await it.sends("queued", { text: "Só um momento." }, "queued", all(says("Só um momento."), state("Na fila de envio")));
  await it.receives("image", says("Baixando do canal…"), [["wamid.IMAGE", "wamid.WAITING"], ["500000000000005", "500000000000998"]], true);

  // The same person: without a phone, in a thread of the other id, which goes on as that changes; and by another number.
  const apart = new Gallery(house, "whatsapp", context);
  await apart.receives("without_phone", says("Sem telefone"), [["wamid.TEXT", "wamid.NOPHONE"], ['"Oi"', '"Sem telefone"']]);
  await apart.receives("user_id_changed", null);
  await apart.receives("without_phone", says("Com outro id"), [["wamid.TEXT", "wamid.OTHERID"], ["BR.300000000000003", "BR.300000000000004"], ['"Oi"', '"Com outro id"']]);
  await apart.receives("new_user_id", null, [["wamid.SYSTEM", "wamid.NEWID"], ["BR.300000000000004", "BR.300000000000005"], ["BR.300000000000003", "BR.300000000000004"]]);
  await apart.receives("without_phone", says("Com mais um id"), [["wamid.TEXT", "wamid.THIRDID"], ["BR.300000000000003", "BR.300000000000005"], ['"Oi"', '"Com mais um id"']]);
  const [one, other] = await Promise.all([it, apart].map((each) => it.api("GET", `/conversations/${each.id}`)));
  assert.equal(one.contact.id, other.contact.id);
  await apart.start();
  await apart.look("whatsapp-apart", false);
  await it.receives("number_changed", null, [["wamid.SYSTEM", "wamid.NUMBER"]]);
  await it.receives("text", says("De outro número"), [["wamid.TEXT", "wamid.OTHERNUMBER"], ["5511900000001", "5511900000002"], ["Bom dia! Vocês abrem hoje?", "De outro número"]]);
  await it.receives("customer_changed_number", null, [["5511900000002", "5511900000003"], ["5511900000001", "5511900000002"]]);
  await it.receives("text", says("De mais um número"), [["wamid.TEXT", "wamid.THIRDNUMBER"], ["5511900000001", "5511900000003"], ["Bom dia! Vocês abrem hoje?", "De mais um número"]]);
  await it.look();
  assert.deepEqual(await house.reached("whatsapp"), ["text", "image", "document", "video", "audio", "sticker", "location", "contacts", "interactive", "interactive", "reaction", "text"]);
  const taken = await house.taken("whatsapp");
  for (const what of [(it) => it.type === "reaction" && it.reaction.emoji === "🙏", (it) => it.status === "read"]) assert.ok(taken.some(({ request }) => request && what(request)));
  await context.close();
});

test("Telegram: every kind comes in and goes out", LIMIT, async () => {
  const context = await house.signedIn();
  const it = new Gallery(house, "telegram", context);
  await house.keep("telegram", "profile_5001", house.media.picture);
  let number = 1000;
  const brings = (name, check, changes = []) => it.receives(name, check, [['"message_id": 11', `"message_id": ${(number += 1)}`], ...changes]);
  await brings("text", says("Bom dia! Vocês abrem hoje?"));
  await brings("start", says("Chegou pelo link “campanha-7”"));
  await brings("entities", all(has("link", "site"), element("a strong")));
  await brings("entities", async (bubble) => {
    const hidden = bubble.getByRole("button", { name: "Mostrar o trecho escondido" });
    await hidden.click();
    await seen(bubble.getByText("site"));
    await seen(bubble.locator("code", { hasText: "Veja" }));
  }, [['"text_link"', '"spoiler"'], ['"mention"', '"code"']]);
  await brings("reply_forwarded", says("Encaminhada", "Este aqui"));
  await brings("photo", all(element("img"), says("A etiqueta")));
  await it.receives("album_first", album(2));
  await it.receives("album_second", null);
  await it.receives("edited_caption", null);
  await brings("animation", element("video"));
  await brings("audio", element("audio"), [["3000000", "300000"]]);
  await brings("voice", element("audio"));
  await brings("video", film);
  await brings("video_note", element("video"));
  await brings("document", all(has("link", "Baixar nota.pdf"), says("A nota")));
  await brings("sticker", element("img"));
  await brings("location", has("link", "Ver no mapa"));
  await brings("venue", all(says("Praça da Sé", "Sé, São Paulo"), has("link", "Ver no mapa")));
  await brings("contact", all(says("Oficina Central"), has("link", "+55 11 3000-0000"), has("link", "oficina@example.com")));
  await brings("poll", says("Enquete", "Qual dia?", "Domingo"));
  await brings("checklist", says("Lista de tarefas", "Cimento"));
  await brings("dice", says("🎲"));
  await brings("invoice", says("Conserto"));
  await brings("game", says("Corrida"));
  await brings("story", says("Story de Outro"));
  await brings("paid_media", all(says("Mídia paga (5 estrelas)"), element("img")));
  await brings("rich_message", says("Orçamento"));
  await brings("web_app_data", says("Resposta escolhida", "tamanho"));
  await brings("text", says("editada", "Bom dia! Vocês abrem amanhã?"));
  await it.receives("edited_message", null, [['"message_id": 11', `"message_id": ${number}`]]);
  await brings("text", has("img", "Reações: 👍"));
  await it.receives("reaction", null, [['"message_id": 12', `"message_id": ${number}`]]);
  await brings("text", has("img", "Reações: ❤✨⭐"));
  await it.receives("reaction_several", null, [['"message_id": 12', `"message_id": ${number}`]]);
  await brings("text", all(says("Bom dia!"), without("img", /^Reações/)));
  await it.receives("reaction", null, [['"message_id": 12', `"message_id": ${number}`]]);
  await it.receives("reaction_taken_back", null, [['"message_id": 12', `"message_id": ${number}`]]);
  await brings("live_photo", element("img"));
  await brings("sticker_animated", element("img"));
  await brings("giveaway", says("Sorteio para 3 pessoas."));
  await brings("giveaway_winners", says("Sorteio encerrado"));
  await brings("passport_data", says("Documentos do Telegram Passport"));
  await brings("own_phone", has("link", "+55 11 90000-0001"));
  await brings("unknown_kind", says("hologram"));
  await brings("odd_shape", says(/não recebe \(text\)/));
  for (const name of ["blocked", "unblocked"]) await it.notes(name);
  await services(it, 5001);
  await it.settled();
  await it.pictured();

  await it.start();
  await it.sends("text", { text: "Confirma?" }, "sent", all(says("Confirma?"), state("Enviada")));
  await it.receives("callback_query", says("Resposta escolhida", "Sim"));
  await it.receives("callback_query_old", says("Resposta escolhida", "yes"));
  await it.sends("image", { text: "A foto", attachments: [await it.upload("foto.png", house.media.picture)] }, "sent", all(element("img"), says("A foto")));
  await it.sends("document", { text: "O termo", attachments: [await it.upload("termo.pdf", house.media.document)] }, "sent", has("link", "Baixar termo.pdf"));
  const both = [await it.upload("obra.mp4", house.media.video), await it.upload("foto.png", house.media.picture)];
  await it.sends("album", { text: "Foto e vídeo", attachments: both }, "sent", all(album(2), element("video"), says("Foto e vídeo")));
  await it.sends("audio", { attachments: [await it.upload("recado.mp3", house.media.sound)] }, "sent", element("audio"));
  await it.sends("sticker", { kind: "sticker", attachments: [await it.upload("figurinha.webp", house.media.sticker)] }, "sent", element("img"));
  const keyboard = { kind: "interactive", text: "Onde você está?", extra: { keyboard: [["Em casa", { title: "Enviar a localização", asks: "location" }]] } };
  const bold = { kind: "text", text: "Aviso importante", extra: { entities: [{ type: "bold", offset: 0, length: 5 }] } };
  for (const [name, what, check] of [["place", PLACE, placed], ["card", CARD, carded], ["buttons", BUTTONS, buttoned], ["list", LIST, listed]]) await it.sends(name, what, "sent", check);
  for (const [name, what, check] of [["keyboard", keyboard, says("Onde você está?", "Em casa", "Enviar a localização")], ["entities", bold, element("strong")]]) await it.appSends(name, what, "sent", check);
  const mistyped = await it.sends("edited", { text: "Abrimos as oito" }, "sent", all(says("Abrimos às oito", "editada")));
  await it.api("PATCH", `/messages/${mistyped.id}`, { text: "Abrimos às oito" });
  const hasty = await it.sends("revoked", { text: "Ops" }, "sent", says("Mensagem apagada"));
  await it.api("DELETE", `/messages/${hasty.id}`);
  await until(async () => (await it.timeline()).filter((item) => [mistyped.id, hasty.id].includes(item.id)).every((item) => item.edited || item.revoked));
  await house.order("telegram", { kind: "unreachable" });
  await it.sends("failed", { text: "Ainda está aí?" }, "failed", all(says(/^Não enviada: /), state("Não enviada")));
  await it.look();
  assert.deepEqual(await house.reached("telegram"), ["text", "photo", "document", "album", "audio", "sticker", "venue", "contact", "text", "text", "text", "text", "text", "text"]);
  const marked = (await house.taken("telegram")).map(({ request }) => Object.keys(request?.reply_markup ?? {})[0]).filter(Boolean);
  assert.deepEqual(marked, ["inline_keyboard", "inline_keyboard", "keyboard"]);
  await context.close();
});

/** Tells all that Telegram's service messages of that chat tell. */
async function services(room, chat) {
  for (const name of await servicesOf(chat)) await room.notes(name, [['"message_id": 61', `"message_id": ${(service += 1)}`]]);
}

test("Telegram: groups, topics, channels and business accounts are conversations of their own", LIMIT, async () => {
  const context = await house.signedIn();
  const room = () => new Gallery(house, "telegram", context);
  const hear = async (name, it, ...first) => {
    for (const [fixture, check, changes] of first) await it.receives(fixture, check, changes);
    await it.start();
    return it;
  };
  const group = await hear("group", room(), ["group", says("Cliente", "Oi, pessoal")]);
  for (const name of ["bot_added", "bot_removed"]) await group.notes(name);
  await services(group, -4001);
  const large = await hear("supergroup", room(), ["supergroup", all(says("Cliente", "Oi de novo"), has("img", "Reações: 🔥"))], ["anonymous_admin", says("Aviso da direção")], ["ephemeral", says("Mensagem temporária", "/ajuda")]);
  await large.receives("reaction_anonymous", null, [['"message_id": 12', '"message_id": 32']]);
  await large.notes("bot_restricted");
  await services(large, -1002002002002);
  const forum = await hear("forum", room(), ["supergroup", says("Oi do fórum"), [["-1002002002002", "-1002002002003"], ["Oi de novo", "Oi do fórum"]]]);
  await services(forum, -1002002002003);
  const topic = await hear("topic", room(), ["forum_topic", says("O portão quebrou")]);
  const direct = await hear("direct", room(), ["direct_message", says("Vi o anúncio no canal")], ["direct_message_answered", says("Pode vir")]);
  await services(direct, -1003003003004);
  const apart = await hear("private topic", room(), ["private_topic", says("Sobre o outro pedido")]);
  const posts = await hear("channel", room(), ["channel_post", says("Abrimos aos sábados e domingos", "editada")], ["edited_channel_post", null]);
  const business = await hear(
    "business",
    room(),
    ["business_message", says("Tem pão francês?", "editada"), [['"message_id": 51', '"message_id": 71']]],
    ["edited_business_message", null, [['"message_id": 51', '"message_id": 71']]],
    ["business_echo", says("Tem sim"), [['"message_id": 52', '"message_id": 72']]],
    ["business_message", says("Mensagem apagada por quem enviou")],
    ["business_echo", says("Mensagem apagada")],
    ["deleted_business_messages", null],
  );
  // The group that becomes a supergroup stays the same conversation.
  const old = [["-4001", "-4009"]];
  const moved = await hear("moved", room(), ["group", says("Oi, pessoal"), old], ["migrate_to_chat_id", null, [...old, ["-1002002002002", "-1002002002009"]]], ["migrate_from_chat_id", null, [...old, ["-1002002002002", "-1002002002009"]]], ["supergroup", says("Oi de novo"), [["-1002002002002", "-1002002002009"]]]);
  const rooms = { group, large, forum, topic, direct, apart, posts, business, moved };
  // What is drawn is drawn as elsewhere: the largest is looked at for its looks.
  for (const [name, each] of Object.entries(rooms)) await each.look(`telegram-${name}`, each === group);
  await context.close();
});

test("Instagram: every kind comes in and goes out", LIMIT, async () => {
  const context = await house.signedIn();
  const it = new Gallery(house, "instagram", context);
  await house.keep("instagram", "profile_900000000000001", house.media.picture);
  // From now on the provider knows who that is.
  const write = new URLSearchParams({ channel: "instagram", from: "900000000000001", name: "Cliente", text: "Olá" });
  assert.equal((await fetch(`${house.desk.standin}/write`, { method: "POST", body: write, redirect: "manual" })).status, 303);
  it.id = await until(() => it.find().catch(() => null));
  await it.receives("text", says("Bom dia! Vocês abrem hoje?"));
  await it.receives("image", album(2));
  await it.receives("audio", element("audio"));
  await it.receives("video", film);
  await it.receives("file", has("link", /^Baixar/));
  await it.receives("share", says("Compartilhou uma publicação do Instagram.", "https://www.instagram.com/p/ABC123/"));
  await it.receives("post", all(says("Coleção de outono"), element("img")));
  await it.receives("reel", all(says("Bastidores"), element("video")));
  await it.receives("story", all(says("Compartilhou um story."), element("img")));
  await it.receives("story_mention", all(says("Mencionou a conta em um story."), element("img")));
  await it.receives("story_reply", all(says("Respondeu ao story", "Quanto custa?"), element("img")));
  await it.receives("quick_reply", says("Resposta escolhida", "Segunda"));
  await it.receives("postback", says("Resposta escolhida", "Falar com a loja"));
  await it.receives("ad", says("Veio de um anúncio", "Pão quente", "Vi o anúncio"));
  await it.receives("product", says("Perguntou sobre um produto", "Ainda tem?"));
  await it.receives("reply", says("Mensagem que não está nesta conversa", "Este aqui"));
  await it.receives("ephemeral", says("Mensagem temporária"));
  await it.receives("unsupported", says("Mensagem de um tipo que este canal não recebe."));
  await it.receives("echo", all(says("Respondido pelo aplicativo"), state("Lida")));
  await it.receives("seen", null);
  await it.receives("echo_template", all(says("Pão francês", "Quero", "Ver"), has("list", "Botões")));
  await it.receives("text", has("img", "Reações: ❤"), [["mid.TEXT", "mid.LIKED"]]);
  await it.receives("reaction", null);
  await it.receives("text", says("Mensagem apagada por quem enviou"), [["mid.TEXT", "mid.DELETED"]]);
  await it.receives("deleted", null);
  await it.receives("text", says("editada", "Bom dia"), [["mid.TEXT", "mid.EDITED"]]);
  await it.receives("edit", null);
  await it.receives("text", has("img", "Reações: 😆"), [["mid.TEXT", "mid.NAMED"]]);
  await it.receives("reaction_named", null, [["mid.LIKED", "mid.NAMED"]]);
  await it.receives("text", all(says("Bom dia!"), without("img", /^Reações/)), [["mid.TEXT", "mid.UNLIKED"]]);
  await it.receives("reaction", null, [["mid.LIKED", "mid.UNLIKED"]]);
  await it.receives("reaction_taken_back", null, [["mid.LIKED", "mid.UNLIKED"]]);
  await it.receives("media", has("link", /^Baixar/));
  await it.receives("reel_legacy", all(says("Compartilhou um reel."), element("video")));
  await it.receives("story_legacy", all(says("Compartilhou um story."), element("img")));
  await it.receives("unknown_kind", says("hologram"));
  await it.receives("ice_breaker", says("Resposta escolhida", "Qual é o horário?"));
  await it.receives("standby", says("Quero falar com alguém"));
  await it.receives("changes", all(says("Pela outra forma"), has("img", "Reações: 😮")));
  await it.receives("flat", says("Sem lista"));
  await it.receives("several", [says("Um"), says("Dois")]);
  await it.receives("odd_among_siblings", [says("Antes"), says(/não recebe/), says("Depois")], [["mid.TEXT", "mid.BEFORE"]]);
  for (const name of ["referral", "optin", "handover"]) await it.notes(name);
  await it.settled();
  await it.pictured();

  await it.start();
  await it.sends("text", { text: "Sim, até as 18h." }, "read", all(says("Sim, até as 18h."), state("Lida")));
  await it.sends("image", { attachments: [await it.upload("foto.png", house.media.picture)] }, "read", element("img"));
  await it.sends("document", { attachments: [await it.upload("termo.pdf", house.media.document)] }, "read", has("link", "Baixar termo.pdf"));
  await it.sends("audio", { attachments: [await it.upload("recado.wav", house.media.audio)] }, "read", element("audio"));
  await it.sends("video", { attachments: [await it.upload("obra.mp4", house.media.video)] }, "read", element("video"));
  const two = [await it.upload("frente.png", house.media.picture), await it.upload("fundos.png", house.media.picture)];
  await it.sends("album", { attachments: two }, "read", album(2));
  await it.sends("quick replies", BUTTONS, "read", buttoned);
  await house.order("instagram", { kind: "window-closed" });
  await it.sends("failed", { text: "Ainda está aí?" }, "failed", all(says(/^Não enviada: /), state("Não enviada")));
  await it.look();
  assert.deepEqual(await house.reached("instagram"), ["text", "image", "file", "audio", "video", "images", "text"]);
  const own = new Gallery(house, "instagram", context);
  await own.receives("self", says("Teste"));
  await own.start();
  await own.look("instagram-self", false);
  await context.close();
});

test("what is about the account shows on the channel's page", LIMIT, async () => {
  const context = await house.signedIn();
  const page = await context.newPage();
  const row = page.getByRole("button", { name: /WhatsApp da loja/ });
  for (const name of ["account_alert", "account_review", "number_quality", "account_locked"]) {
    await house.tells("whatsapp", name);
    await page.goto(`${house.desk.address}/settings/channels`);
    await row.getByText("Instável").waitFor();
    const [words] = await wordsOf("whatsapp", name, "inbox.health");
    if (words !== "*") await row.getByText(words).waitFor();
  }
  // Restricted, switched off, and back.
  await house.tells("whatsapp", "account");
  await page.goto(`${house.desk.address}/settings/channels`);
  await row.getByText("Conectado").waitFor();
  await context.close();
});

/** What has no conversation, or is not served: a line in the app's log says so. */
const LOGGED = {
  whatsapp: ["group", "group_status", "other_field", "status_unknown", "contacts_only", "errors"],
  telegram: ["unused_unknown_update", "business_by_bot", "callback_query_game", "callback_query_inline", ...["chat_boost", "chat_join_request", "chat_member", "chosen_inline_result", "guest_message", "inline_query", "managed_bot", "message_reaction_count", "poll", "poll_answer", "pre_checkout_query", "purchased_paid_media", "removed_chat_boost", "shipping_query", "stopped_message_generation", "subscription"].map((name) => `unused_${name}`)],
  instagram: ["app_roles", "other_field", "other_fields", "page", "edit_without_text"],
};
/** Notes of no conversation. */
const TOLD = { whatsapp: ["templates"], telegram: ["business_connected", "business_connected_mute", "business_disconnected"] };

test("what is left out stands in the app's log with the reason", LIMIT, async () => {
  const context = await house.signedIn();
  const page = await context.newPage();
  for (const [plugin, names] of Object.entries(LOGGED)) {
    const expected = [];
    for (const [name, effect] of [...names.map((name) => [name, "expect.logs"]), ...(TOLD[plugin] ?? []).map((name) => [name, "inbox.note"])]) {
      const words = await wordsOf(plugin, name, effect);
      assert.notEqual(words.length, 0, `no scenario of ${plugin} expects words of ${name}`);
      expected.push(...words);
      await house.tells(plugin, name);
    }
    // Lines are written once a second.
    const logs = `${house.desk.address}/api/v1/plugins/${plugin}/logs?level=debug&limit=100`;
    await until(async () => {
      const there = await (await context.request.get(logs)).text();
      return expected.every((words) => there.includes(JSON.stringify(words).slice(1, -1)));
    });
    await page.goto(`${house.desk.address}/apps/${plugin}`);
    await page.getByRole("tab", { name: "Registros" }).click();
    for (const words of expected) await page.getByRole("tabpanel").getByText(words, { exact: false }).first().waitFor({ timeout: 5000 });
  }
  await context.close();
});

/** Fixtures that no person ever sees, and why. */
const UNSEEN = {};

test("every fixture of every connector is shown above, or is named with the reason why not", async () => {
  const missing = (await everyFixture()).filter((name) => !used.has(name) && !(name in UNSEEN));
  assert.deepEqual(missing, []);
  for (const name of Object.keys(UNSEEN)) assert.ok(!used.has(name), `${name} is shown`);
});
