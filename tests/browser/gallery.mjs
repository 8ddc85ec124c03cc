// The gallery's rooms: one server for all, files of every sort, a channel's conversation, and the look at every bubble and line of it.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fixture, files, post, wordsOf } from "./fixtures.mjs";
import { browser, inaccessible, product } from "./support.mjs";

const shots = process.env.BALCAO_GALLERY;

/** A running product with these settings and fixtures, a browser with these flags, and files for what the providers are said to have; `close()` ends them. */
export async function hall(settings, { flags, fixtures } = {}) {
  const [chrome, desk] = await Promise.all([browser(flags), product(settings, fixtures)]);
  const media = await recordings(chrome);
  return new Hall(chrome, desk, media);
}

class Hall {
  constructor(chrome, desk, media) {
    Object.assign(this, { chrome, desk, media });
    /** How much came in, of all channels: each is a second later. */
    this.count = 0;
    /** Conversations that a gallery has already. */
    this.known = new Set();
  }

  async close() {
    await this.chrome.close();
    await this.desk.close();
  }

  /** A context in which the admin is signed in. */
  async signedIn(options = {}) {
    const context = await this.chrome.newContext({ locale: "pt-BR", ...options });
    const answer = await context.request.post(`${this.desk.address}/api/v1/session`, { data: { email: "admin@demo.localhost", password: this.desk.password }, headers: { "x-balcao": "1" } });
    assert.ok(answer.ok(), await answer.text());
    return context;
  }

  /** What stands for a file that a provider calls so. */
  standsFor(kind) {
    if (/sticker/.test(kind)) return this.media.sticker;
    if (/video|animation|reel|^media$/.test(kind)) return this.media.video;
    if (/audio|voice/.test(kind)) return this.media.audio;
    if (/image|photo|cover|story|ig_post|thumb/.test(kind)) return this.media.image;
    return this.media.document;
  }

  /** Gives the provider the file that a webhook is about to name. */
  async keep(plugin, id, { type, bytes }) {
    const answer = await fetch(`${this.desk.standin}/_files/${plugin}/${id}`, { method: "PUT", body: bytes, headers: { "content-type": type } });
    assert.equal(answer.status, 204);
  }

  /** The `next` requests to that provider get that fault. */
  async order(channel, fault, next = 1) {
    const answer = await fetch(`${this.desk.standin}/_control`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ channel, next, fault }) });
    assert.equal(answer.status, 204);
  }

  /** What arrived at that provider and was taken. */
  async taken(channel) {
    return (await this.ledger(channel)).filter((each) => each.status === 200);
  }

  /** Of each message that reached the customer there, what it is in the provider's words. */
  async reached(channel) {
    return (await this.ledger(channel)).filter((each) => each.sent).map((each) => each.sent.kind);
  }

  async ledger(channel) {
    const { requests } = await (await fetch(`${this.desk.standin}/ledger`)).json();
    return requests.filter((each) => each.channel === channel);
  }

  /** Posts what a provider tells; `changes` as in `fixture`. */
  async tells(plugin, name, changes) {
    assert.equal(await post(this.desk.webhooks, plugin, await fixture(plugin, name, (this.count += 1), changes)), 200, name);
  }
}

export async function until(ask) {
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** One channel's conversation, and the person who serves it. */
export class Gallery {
  constructor(hall, plugin, context) {
    Object.assign(this, { hall, plugin, context });
    /** What each message must show: `[message's id, name, check]`. */
    this.shown = [];
    /** Lines between the messages that must be there: `[name, words]`. */
    this.lines = [];
  }

  async api(method, path, data) {
    const answer = await this.context.request.fetch(`${this.hall.desk.address}/api/v1${path}`, { method, data, headers: { "x-balcao": "1" } });
    assert.ok(answer.ok(), `${method} ${path}: ${answer.status()} ${await answer.text()}`);
    return answer.status() === 204 ? null : answer.json();
  }

  async timeline() {
    return (await this.api("GET", `/conversations/${this.id}/timeline?limit=100`)).items;
  }

  /** What the fixture brings must pass `check`, or its last messages the checks of a list; null where it shows elsewhere. `changes` as in `fixture`. */
  async receives(name, check, changes = [], without = false) {
    const body = await fixture(this.plugin, name, (this.hall.count += 1), changes);
    if (!without) for (const [id, kind] of files(this.plugin, body)) await this.hall.keep(this.plugin, id, this.hall.standsFor(kind));
    assert.equal(await post(this.hall.desk.webhooks, this.plugin, body), 200, name);
    this.id ??= await this.find();
    const checks = check === null ? [] : [check].flat();
    if (checks.length === 0) return null;
    const messages = (await this.timeline()).filter((item) => item.type === "message").slice(-checks.length);
    assert.equal(messages.length, checks.length, name);
    for (const [at, each] of checks.entries()) this.shown.push([messages[at].id, name, each]);
    return messages.at(-1);
  }

  /** What the fixture tells must stand between the messages, in the words of the connector's scenario. */
  async notes(name, changes = []) {
    const words = await wordsOf(this.plugin, name);
    assert.notEqual(words.length, 0, `no scenario of ${this.plugin} expects a note of ${name}`);
    await this.hall.tells(this.plugin, name, changes);
    for (const each of words) this.lines.push([name, each]);
  }

  async find() {
    const channel = (await this.api("GET", "/channels")).items.find((each) => each.plugin_id === this.plugin);
    for (const folder of ["queued", "mine", "others"]) {
      const { items } = await this.api("GET", `/conversations?folder=${folder}&limit=50`);
      const found = items.find((each) => each.channel.id === channel.id && !this.hall.known.has(each.id));
      if (!found) continue;
      this.hall.known.add(found.id);
      return found.id;
    }
    throw new Error(`no further conversation of ${this.plugin}`);
  }

  start() {
    return this.api("POST", `/conversations/${this.id}/start`);
  }

  /** What goes out must pass `check` once it is in that state. */
  async sends(name, body, state, check) {
    const message = await this.api("POST", `/conversations/${this.id}/messages`, body);
    if (state) await this.reaches(message.id, state);
    this.shown.push([message.id, name, check]);
    return message;
  }

  /** The same of what an app sends: kinds that nobody can write at the desk. */
  async appSends(name, { kind, text = "", extra }, state, check) {
    const values = { kind, text, extra: JSON.stringify(extra) };
    const { text: id } = await this.api("POST", "/actions/sender/send/invoke", { about: { kind: "conversation", id: this.id }, values });
    await this.reaches(id, state);
    this.shown.push([id, name, check]);
  }

  async reaches(id, state) {
    await until(async () => (await this.timeline()).find((item) => item.id === id)?.state === state);
  }

  /** Uploads a file; its id. */
  async upload(name, { type, bytes }) {
    const answer = await this.context.request.post(`${this.hall.desk.address}/api/v1/files`, { headers: { "x-balcao": "1" }, multipart: { file: { name, mimeType: type, buffer: bytes } } });
    assert.ok(answer.ok(), `${name}: ${answer.status()}`);
    return (await answer.json()).id;
  }

  /** Once the person's picture is here. */
  async pictured() {
    this.avatar = await until(async () => (await this.api("GET", `/conversations/${this.id}`)).contact.avatar);
  }

  /** Once all files that should come are here. */
  async settled() {
    await until(async () => !(await this.timeline()).flatMap((item) => item.attachments ?? []).some((file) => file.state === "waiting"));
  }

  /** Opens the conversation in a window that holds all of it, and looks at every bubble and line; `closely`: also at who can read it, for pictures. */
  async look(name = this.plugin, closely = true) {
    const page = await this.context.newPage();
    const thrown = [];
    page.on("pageerror", (error) => thrown.push(error));
    await page.setViewportSize({ width: 1280, height: 6400 });
    await page.goto(`${this.hall.desk.address}/desk/mine/${this.id}`);
    const log = page.getByRole("log");
    await log.waitFor();
    // The pages before come as the top does, or by the button there.
    const older = log.getByRole("button", { name: "Mensagens anteriores" });
    const first = page.locator(`article[data-message="${this.shown[0]?.[0]}"]`);
    await older.or(first).first().waitFor();
    while ((await first.count()) === 0) await older.click({ timeout: 2000 }).catch(() => undefined);
    for (const [id, kind, check] of this.shown) {
      const bubble = page.locator(`article[data-message="${id}"]`);
      await bubble.waitFor({ timeout: 5000 }).catch(() => assert.fail(`${name}/${kind} is not there`));
      await check(bubble).catch((error) => assert.fail(`${name}/${kind}: ${error.message}`));
    }
    if (this.avatar) {
      // In the list and at the head of the conversation, and nothing but a small square.
      await page.waitForFunction((src) => [...document.querySelectorAll(`img[src$="${src}"]`)].filter((face) => face.naturalWidth === 192).length >= 2, this.avatar);
    }
    if (this.lines.length > 0) await lines(log, name, this.lines);
    // Pictures are no pictures until they have a size.
    await page.waitForFunction(() => [...document.querySelectorAll("article img")].every((image) => image.complete));
    assert.deepEqual(await page.locator("article img").evaluateAll((images) => images.filter((image) => image.naturalWidth === 0).map((image) => image.src)), []);
    if (closely) assert.deepEqual(await inaccessible(page), []);
    if (closely && shots) await pictures(page, name);
    assert.deepEqual(thrown, []);
    await page.close();
  }
}

/** Each of the lines must stand in the log as often as it is expected. */
async function lines(log, name, expected) {
  await log.getByText(expected.at(-1)[1]).last().waitFor({ timeout: 5000 }).catch(() => undefined);
  const there = await log.locator("p, article[data-side=note]").evaluateAll((all) =>
    all.map((line) => {
      if (line.localName === "p") return line.firstChild?.textContent?.trim();
      const words = line.cloneNode(true);
      for (const time of words.querySelectorAll("time")) time.remove();
      return words.textContent.trim();
    }),
  );
  for (const [kind, words] of expected) {
    // Of several lines it is a note, below whose it is.
    const at = words.includes("\n") ? there.findIndex((each) => each?.endsWith(words)) : there.indexOf(words);
    assert.notEqual(at, -1, `${name}/${kind}: no line "${words}" in ${JSON.stringify(there)}`);
    there.splice(at, 1);
  }
}

async function pictures(page, name) {
  await mkdir(shots, { recursive: true });
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1280, 390]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.setViewportSize({ width, height: 6400 });
      await page.waitForFunction((scheme) => document.documentElement.dataset.mantineColorScheme === scheme, colorScheme);
      await page.waitForTimeout(300);
      await page.getByRole("log").screenshot({ path: join(shots, `${name}-${colorScheme}-${width}.png`) });
    }
  }
}

/** A picture of a page for whoever asked for them, in light and dark. */
export async function picture(page, name) {
  if (!shots) return;
  await mkdir(shots, { recursive: true });
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.waitForFunction((scheme) => document.documentElement.dataset.mantineColorScheme === scheme, colorScheme);
    await page.waitForTimeout(300);
    await page.screenshot({ path: join(shots, `${name}-${colorScheme}.png`) });
  }
}

export const seen = (locator) => locator.waitFor({ timeout: 5000 });
/** Checks by words, and by role and name. */
export const says = (...words) => async (bubble) => {
  for (const word of words) await seen(bubble.getByText(word).first());
};
export const has = (role, name) => (bubble) => seen(bubble.getByRole(role, { name }).first());
export const all = (...checks) => async (bubble) => {
  for (const check of checks) await check(bubble);
};
export const element = (selector) => (bubble) => seen(bubble.locator(selector).first());
export const without = (role, name) => async (bubble) => assert.equal(await bubble.getByRole(role, { name }).count(), 0);
/** So many files side by side, all as wide. */
export const album = (count) => async (bubble) => {
  const files = bubble.getByRole("group", { name: `Álbum com ${count} arquivos` }).locator("a, video");
  await seen(files.first());
  const widths = await files.evaluateAll((all) => all.map((file) => [file, file.querySelector("img") ?? file].map((it) => Math.round(it.getBoundingClientRect().width))).flat());
  assert.equal(new Set(widths).size, 1, `widths of an album: ${widths}`);
};
/** A film that fills its bubble. */
export const film = async (message) => {
  const video = message.locator("video");
  await seen(video);
  const [outer, inner] = await video.evaluate((it) => {
    let bubble = it;
    while (bubble.parentElement.localName !== "article") bubble = bubble.parentElement;
    return [bubble, it].map((each) => each.getBoundingClientRect().width);
  });
  assert.ok(outer - inner < 40, `a film of ${inner} px in a bubble of ${outer} px`);
};
/** How far an outgoing message got. */
export const state = (name) => has("img", name);

/** Small files of each sort, made by the browser itself. */
async function recordings(chrome) {
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
    // Debian's records what every channel takes; others only their own.
    const type = ["video/mp4", "video/webm"].find((each) => MediaRecorder.isTypeSupported(each));
    const recorder = new MediaRecorder(stream, { mimeType: type });
    const parts = [];
    recorder.ondataavailable = (event) => parts.push(event.data);
    const stopped = new Promise((done) => (recorder.onstop = done));
    recorder.start(100);
    // A busy machine takes its time to encode the first one.
    for (let hue = 0; hue < 20 || !parts.some((part) => part.size > 0); hue += 1) {
      landscape(hue * 10);
      await new Promise((done) => requestAnimationFrame(done));
    }
    recorder.stop();
    await stopped;
    const film = await bytes(new Blob(parts));
    draw.clearRect(0, 0, 640, 480);
    draw.fillStyle = "#f5b301";
    draw.beginPath();
    draw.arc(320, 240, 200, 0, 7);
    draw.fill();
    draw.fillStyle = "#333";
    for (const x of [250, 390]) draw.fillRect(x - 15, 160, 30, 60);
    draw.fillRect(220, 300, 200, 24);
    const webp = await bytes(await still("image/webp"));
    return { jpeg, png, film, type, webp };
  });
  await context.close();
  const of = (type, list) => ({ type, bytes: Buffer.from(list) });
  return {
    image: of("image/jpeg", made.jpeg),
    picture: of("image/png", made.png),
    sticker: of("image/webp", made.webp),
    video: of(made.type, made.film),
    audio: of("audio/wav", wav(2)),
    // So many frames of silence: what every channel takes.
    sound: of("audio/mpeg", Buffer.concat(Array.from({ length: 80 }, () => Buffer.concat([Buffer.from([0xff, 0xfb, 0x90, 0x64]), Buffer.alloc(413)])))),
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
