// Every kind of content in both directions, as the desk draws it: each comes in by its provider's documented webhook, through the real server
// and connector, or goes out and is taken by the provider's stand-in; then its bubble is looked at. `BALCAO_GALLERY=FOLDER` keeps pictures.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fixture, files, post } from "./fixtures.mjs";
import { browser, inaccessible, product } from "./support.mjs";

const LIMIT = { timeout: 300_000 };
const shots = process.env.BALCAO_GALLERY;
let chrome;
let desk;
let media;

before(async () => {
  // A file of three million bytes is too large here.
  [chrome, desk] = await Promise.all([browser(), product({ BALCAO_LIMITS__MEDIA_BODY: "2000000" })]);
  media = await recordings();
}, LIMIT);

after(async () => {
  await chrome?.close();
  await desk?.close();
});

/** Small files of each sort, made by the browser itself. */
async function recordings() {
  const context = await chrome.newContext();
  const page = await context.newPage();
  const made = await page.evaluate(async () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 480 });
    document.body.append(canvas);
    const draw = canvas.getContext("2d");
    const bytes = async (blob) => [...new Uint8Array(await blob.arrayBuffer())];
    const still = (type) => new Promise((done) => canvas.toBlob(done, type, 0.8));
    const landscape = (hue) => {
      const sky = draw.createLinearGradient(0, 0, 0, 480);
      sky.addColorStop(0, `hsl(${hue} 60% 45%)`);
      sky.addColorStop(1, `hsl(${hue + 40} 80% 85%)`);
      draw.fillStyle = sky;
      draw.fillRect(0, 0, 640, 480);
      draw.fillStyle = `hsl(${hue + 120} 30% 30%)`;
      draw.beginPath();
      draw.moveTo(0, 480);
      draw.lineTo(200, 220);
      draw.lineTo(360, 400);
      draw.lineTo(480, 280);
      draw.lineTo(640, 480);
      draw.fill();
    };
    landscape(200);
    const jpeg = await bytes(await still("image/jpeg"));
    landscape(20);
    const png = await bytes(await still("image/png"));
    const stream = canvas.captureStream(20);
    const recorder = new MediaRecorder(stream, { mimeType: "video/webm" });
    const parts = [];
    recorder.ondataavailable = (event) => parts.push(event.data);
    const stopped = new Promise((done) => (recorder.onstop = done));
    recorder.start();
    for (let hue = 0; hue < 20; hue += 1) {
      landscape(hue * 10);
      await new Promise((done) => requestAnimationFrame(done));
    }
    recorder.stop();
    await stopped;
    const webm = await bytes(new Blob(parts));
    draw.clearRect(0, 0, 640, 480);
    draw.fillStyle = "#f5b301";
    draw.beginPath();
    draw.arc(320, 240, 200, 0, 7);
    draw.fill();
    draw.fillStyle = "#333";
    for (const x of [250, 390]) draw.fillRect(x - 15, 160, 30, 60);
    draw.fillRect(220, 300, 200, 24);
    const webp = await bytes(await still("image/webp"));
    return { jpeg, png, webm, webp };
  });
  await context.close();
  const of = (type, list) => ({ type, bytes: Buffer.from(list) });
  return {
    image: of("image/jpeg", made.jpeg),
    picture: of("image/png", made.png),
    sticker: of("image/webp", made.webp),
    video: of("video/webm", made.webm),
    audio: of("audio/wav", wav(2)),
    document: of("application/pdf", Buffer.from("%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n")),
  };
}

/** So many seconds of a tone. */
function wav(seconds) {
  const rate = 8000;
  const samples = Buffer.alloc(seconds * rate * 2);
  for (let at = 0; at < seconds * rate; at += 1) samples.writeInt16LE(Math.round(8000 * Math.sin((at * 2 * Math.PI * 440) / rate)), at * 2);
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + samples.length, 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36);
  head.writeUInt32LE(samples.length, 40);
  return Buffer.concat([head, samples]);
}

/** What stands for a file that a provider calls so. */
function standsFor(kind) {
  if (/sticker/.test(kind)) return media.sticker;
  if (/video|animation|reel|^media$/.test(kind)) return media.video;
  if (/audio|voice/.test(kind)) return media.audio;
  if (/image|photo|cover|story|ig_post|thumb/.test(kind)) return media.image;
  return media.document;
}

/** Gives the provider the file that a webhook is about to name. */
async function keep(plugin, id, { type, bytes }) {
  const answer = await fetch(`${desk.standin}/_files/${plugin}/${id}`, { method: "PUT", body: bytes, headers: { "content-type": type } });
  assert.equal(answer.status, 204);
}

async function order(channel, fault, next = 1) {
  const answer = await fetch(`${desk.standin}/_control`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ channel, next, fault }) });
  assert.equal(answer.status, 204);
}

async function until(ask) {
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** One channel's conversation, and the person who serves it. */
class Gallery {
  constructor(plugin, context) {
    this.plugin = plugin;
    this.context = context;
    this.count = 0;
    /** What each message must show: `[message's id, name, check]`. */
    this.shown = [];
  }

  async api(method, path, data) {
    const answer = await this.context.request.fetch(`${desk.address}/api/v1${path}`, { method, data, headers: { "x-balcao": "1" } });
    assert.ok(answer.ok(), `${method} ${path}: ${answer.status()} ${await answer.text()}`);
    return answer.status() === 204 ? null : answer.json();
  }

  async newest() {
    const { items } = await this.api("GET", `/conversations/${this.id}/timeline?limit=20`);
    return items.filter((item) => item.type === "message").at(-1);
  }

  /** What the fixture brings must pass `check`; `changes` as in `fixture`. */
  async receives(name, check, changes = [], without = false) {
    this.count += 1;
    const body = await fixture(this.plugin, name, this.count, changes);
    if (!without) for (const [id, kind] of files(this.plugin, body)) await keep(this.plugin, id, standsFor(kind));
    assert.equal(await post(desk.webhooks, this.plugin, body), 200, name);
    this.id ??= await this.find();
    const message = await this.newest();
    if (check) this.shown.push([message.id, name, check]);
    return message;
  }

  async find() {
    const channel = (await this.api("GET", "/channels")).items.find((each) => each.plugin_id === this.plugin);
    const folders = ["queued", "mine", "others"];
    for (const folder of folders) {
      const { items } = await this.api("GET", `/conversations?folder=${folder}&limit=50`);
      const found = items.find((each) => each.channel.id === channel.id);
      if (found) return found.id;
    }
    throw new Error(`no conversation of ${this.plugin}`);
  }

  /** What goes out must pass `check` once it is in that state. */
  async sends(name, body, state, check) {
    const message = await this.api("POST", `/conversations/${this.id}/messages`, body);
    if (state) await this.reaches(message.id, state);
    this.shown.push([message.id, name, check]);
    return message;
  }

  async reaches(id, state) {
    await until(async () => {
      const { items } = await this.api("GET", `/conversations/${this.id}/timeline?limit=50`);
      return items.find((item) => item.id === id)?.state === state;
    });
  }

  /** Uploads a file; its id. */
  async upload(name, { type, bytes }) {
    const answer = await this.context.request.post(`${desk.address}/api/v1/files`, { headers: { "x-balcao": "1" }, multipart: { file: { name, mimeType: type, buffer: bytes } } });
    assert.ok(answer.ok(), `${name}: ${answer.status()}`);
    return (await answer.json()).id;
  }

  /** Once all files that should come are here. */
  async settled(waiting = 0) {
    await until(async () => {
      const { items } = await this.api("GET", `/conversations/${this.id}/timeline?limit=100`);
      return items.flatMap((item) => item.attachments ?? []).filter((file) => file.state === "waiting").length <= waiting;
    });
  }
}

/** Opens the conversation in a window that holds all of it, and looks at every bubble. */
async function look(gallery, folder) {
  const page = await gallery.context.newPage();
  const thrown = [];
  page.on("pageerror", (error) => thrown.push(error));
  await page.setViewportSize({ width: 1280, height: 5200 });
  await page.goto(`${desk.address}/desk/${folder}/${gallery.id}`);
  await page.getByRole("log").waitFor();
  await page.locator("article").first().waitFor();
  for (const [id, name, check] of gallery.shown) {
    const bubble = page.locator(`article[data-message="${id}"]`);
    await bubble.waitFor({ timeout: 5000 }).catch(() => assert.fail(`${gallery.plugin}/${name} is not there`));
    await check(bubble).catch((error) => assert.fail(`${gallery.plugin}/${name}: ${error.message}`));
  }
  // Pictures are no pictures until they have a size.
  await page.waitForFunction(() => [...document.querySelectorAll("article img")].every((image) => image.complete));
  assert.deepEqual(await page.locator("article img").evaluateAll((images) => images.filter((image) => image.naturalWidth === 0).map((image) => image.src)), []);
  assert.deepEqual(await inaccessible(page), []);
  if (shots) await pictures(page, gallery.plugin);
  assert.deepEqual(thrown, []);
  await page.close();
}

async function pictures(page, name) {
  await mkdir(shots, { recursive: true });
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1280, 390]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.setViewportSize({ width, height: 5200 });
      await page.waitForFunction((scheme) => document.documentElement.dataset.mantineColorScheme === scheme, colorScheme);
      await page.waitForTimeout(300);
      await page.getByRole("log").screenshot({ path: join(shots, `${name}-${colorScheme}-${width}.png`) });
    }
  }
}

const seen = (locator) => locator.waitFor({ timeout: 5000 });
/** Checks by words, and by role and name. */
const says = (...words) => async (bubble) => {
  for (const word of words) await seen(bubble.getByText(word).first());
};
const has = (role, name) => (bubble) => seen(bubble.getByRole(role, { name }).first());
const all = (...checks) => async (bubble) => {
  for (const check of checks) await check(bubble);
};
const element = (selector) => (bubble) => seen(bubble.locator(selector).first());
const state = (name) => has("img", name);

async function signedIn() {
  const context = await chrome.newContext({ locale: "pt-BR" });
  const answer = await context.request.post(`${desk.address}/api/v1/session`, { data: { email: "admin@demo.localhost", password: desk.password }, headers: { "x-balcao": "1" } });
  assert.ok(answer.ok(), await answer.text());
  return context;
}

test("WhatsApp: every kind comes in and goes out", LIMIT, async () => {
  const context = await signedIn();
  const it = new Gallery("whatsapp", context);
  const long = `${"Uma mensagem comprida, que continua por várias linhas e não cabe em uma só. ".repeat(8)}Veja https://example.com/uma/pagina?com=consulta (é lá).`;
  await it.receives("text", says(/./));
  await it.receives("echo", says("Respondido pelo celular"));
  await it.receives("referral", all(says("Veio de um anúncio", "Promoção", "Vi o anúncio"), has("link", "Abrir a origem")), [["wamid.TEXT", "wamid.REFERRAL"]]);
  await it.receives("referral", all(says("várias linhas"), has("link", "https://example.com/uma/pagina?com=consulta")), [["wamid.TEXT", "wamid.LONG"], ["Vi o anúncio", long], ["Promoção", "Outra promoção"]]);
  await it.receives("reply_forwarded", says("Encaminhada", "Mensagem que não está nesta conversa", "Este aqui"), [["wamid.TEXT", "wamid.FORWARD"]]);
  await it.receives("image", element("img"));
  await it.receives("reply_forwarded", all(says("Este aqui"), (bubble) => seen(bubble.locator("img[alt='']").first())), [["wamid.TEXT", "wamid.REPLY"], ["wamid.ANSWERED", "wamid.IMAGE"]]);
  await it.receives("voice", all(element("audio"), has("button", "Velocidade: 1×")));
  await it.receives("video", element("video"));
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
  await keep("whatsapp", "500000000000999", { type: "image/png", bytes: Buffer.concat([media.picture.bytes, Buffer.alloc(3_000_000)]) });
  await it.receives("image", says("O arquivo é maior do que o permitido."), [["wamid.IMAGE", "wamid.LARGE"], ["500000000000005", "500000000000999"]], true);
  await it.settled();

  await it.api("POST", `/conversations/${it.id}/start`);
  await it.sends("text", { text: "Bom dia! Já verifico.", reply_to: liked.id }, "read", all(says("Bom dia! Já verifico.", "Gostei"), state("Lida")));
  await it.sends("image", { text: "A foto", attachments: [await it.upload("foto.png", media.picture)] }, "read", all(element("img"), says("A foto")));
  await it.sends("document", { text: "O termo", attachments: [await it.upload("termo.pdf", media.document)] }, "read", all(has("link", "Baixar termo.pdf"), says("O termo")));
  await it.sends("note", { text: "Cliente antigo: cuidar bem.", private: true }, null, says("Nota interna sua", "Cliente antigo: cuidar bem."));
  await it.api("POST", `/messages/${liked.id}/reaction`, { emoji: "🙏" });
  await order("whatsapp", { kind: "window-closed" });
  await it.sends("failed", { text: "Ainda está aí?" }, "failed", all(says("Ainda está aí?", /^Não enviada: /), state("Não enviada"), has("button", "Tentar de novo")));
  await order("whatsapp", { kind: "hang-up-after" });
  await it.sends("uncertain", { text: "Confirmado." }, "uncertain", all(says("Confirmado.", /Não sabemos se esta mensagem chegou/), state("Envio incerto")));
  await order("whatsapp", { kind: "unavailable" }, 60);
  await it.sends("queued", { text: "Só um momento." }, "queued", all(says("Só um momento."), state("Na fila de envio")));
  await it.receives("image", says("Baixando do canal…"), [["wamid.IMAGE", "wamid.WAITING"], ["500000000000005", "500000000000998"]], true);
  await look(it, "mine");
  await context.close();
});

test("Telegram: every kind comes in and goes out", LIMIT, async () => {
  const context = await signedIn();
  const it = new Gallery("telegram", context);
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
  await it.receives("album_first", (bubble) => seen(bubble.getByRole("group", { name: "Álbum com 2 arquivos" })));
  await it.receives("album_second", null);
  await it.receives("edited_caption", null);
  await brings("animation", element("video"));
  await brings("audio", element("audio"));
  await brings("voice", element("audio"));
  await brings("video", element("video"));
  await brings("video_note", element("video"));
  await brings("document", all(has("link", "Baixar nota.pdf"), says("A nota")));
  await brings("sticker", element("img"));
  await brings("location", has("link", "Ver no mapa"));
  await brings("venue", all(says("Praça da Sé", "Sé, São Paulo"), has("link", "Ver no mapa")));
  await brings("contact", all(says("Oficina Central"), has("link", "+551130000000"), has("link", "oficina@example.com")));
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
  await it.settled();

  await it.api("POST", `/conversations/${it.id}/start`);
  await it.sends("text", { text: "Confirma?" }, "sent", all(says("Confirma?"), state("Enviada")));
  await it.receives("callback_query", says("Resposta escolhida", "Sim"));
  await it.sends("image", { text: "A foto", attachments: [await it.upload("foto.png", media.picture)] }, "sent", all(element("img"), says("A foto")));
  await it.sends("document", { text: "O termo", attachments: [await it.upload("termo.pdf", media.document)] }, "sent", has("link", "Baixar termo.pdf"));
  await order("telegram", { kind: "unreachable" });
  await it.sends("failed", { text: "Ainda está aí?" }, "failed", all(says(/^Não enviada: /), state("Não enviada")));
  await look(it, "mine");
  await context.close();
});

test("Instagram: every kind comes in and goes out", LIMIT, async () => {
  const context = await signedIn();
  const it = new Gallery("instagram", context);
  await it.receives("text", says("Bom dia! Vocês abrem hoje?"));
  await it.receives("image", (bubble) => seen(bubble.getByRole("group", { name: "Álbum com 2 arquivos" })));
  await it.receives("audio", element("audio"));
  await it.receives("video", element("video"));
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
  await it.receives("echo", says("Respondido pelo aplicativo"));
  await it.receives("echo_template", all(says("Pão francês", "Quero", "Ver"), has("list", "Botões")));
  await it.receives("text", has("img", "Reações: ❤"), [["mid.TEXT", "mid.LIKED"]]);
  await it.receives("reaction", null);
  await it.receives("text", says("Mensagem apagada por quem enviou"), [["mid.TEXT", "mid.DELETED"]]);
  await it.receives("deleted", null);
  await it.receives("text", says("editada", "Bom dia"), [["mid.TEXT", "mid.EDITED"]]);
  await it.receives("edit", null);
  await it.settled();

  await it.api("POST", `/conversations/${it.id}/start`);
  await it.sends("text", { text: "Sim, até as 18h." }, "read", all(says("Sim, até as 18h."), state("Lida")));
  await it.sends("image", { attachments: [await it.upload("foto.png", media.picture)] }, "read", element("img"));
  await it.sends("document", { attachments: [await it.upload("termo.pdf", media.document)] }, "read", has("link", "Baixar termo.pdf"));
  await order("instagram", { kind: "window-closed" });
  await it.sends("failed", { text: "Ainda está aí?" }, "failed", all(says(/^Não enviada: /), state("Não enviada")));
  await look(it, "mine");
  await context.close();
});
