// The website chat on another site, whose pages allow nothing but what the chat's README asks for; the agent at the desk is the other side.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import AxeBuilder from "@axe-core/playwright";
import { until } from "./gallery.mjs";
import { browser, product } from "./support.mjs";

const LIMIT = { timeout: 120_000 };
const GIF = Buffer.from("R0lGODlhAQABAIAAAP8AAP///yH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==", "base64");
const sites = [];
let desk, chrome, site, agent, script, cookie;

/** Another site, with the strictest policy that its README allows. */
function open(script, { lang = "pt-BR", attributes = "" } = {}) {
  const from = new URL(script).origin;
  const policy = `default-src 'none'; script-src ${from}; connect-src ${from}; img-src ${from}; media-src ${from}; style-src 'self'; base-uri 'none'; form-action 'none'; trusted-types; require-trusted-types-for 'script'`;
  const server = createServer((request, response) => {
    if (request.url === "/style.css") return response.writeHead(200, { "content-type": "text/css" }).end("body{font-family:Georgia,serif;margin:3rem;color-scheme:light dark;background:Canvas;color:CanvasText} a{color:inherit} *{letter-spacing:.02em}");
    response.writeHead(200, { "content-type": "text/html; charset=utf-8", "content-security-policy": policy });
    response.end(`<!doctype html><html lang="${lang}"><meta name="viewport" content="width=device-width"><title>Sofás da Loja</title><link rel="stylesheet" href="/style.css">
<main><h1>Sofás</h1><p>Um site como qualquer outro, com a sua própria política.</p><p><a href="/azul?token=segredo">Sofá azul</a></p></main><script async src="${script}" ${attributes}></script></html>`);
  });
  sites.push(server);
  return new Promise((done) => server.listen(0, "127.0.0.1", () => done({ address: `http://127.0.0.1:${server.address().port}`, close: () => server.close() })));
}

before(async () => {
  [desk, chrome] = await Promise.all([product(), browser()]);
  script = `${desk.webhooks["Chat do site"]}/_/asset/widget.js`;
  site = await open(script);
}, LIMIT);
after(async () => {
  await chrome?.close();
  // Also those of a test that did not come to its end.
  for (const each of sites) each.close();
  await desk?.close();
});

/** The API, as the administrator. */
async function admin(method, path, body) {
  const headers = { "content-type": "application/json", "x-balcao": "1" };
  if (!cookie) {
    const signedIn = await fetch(`${desk.address}/api/v1/session`, { method: "POST", headers, body: JSON.stringify({ email: "admin@demo.localhost", password: desk.password }) });
    assert.equal(signedIn.status, 200);
    cookie = signedIn.headers.get("set-cookie").split(";")[0];
  }
  const answer = await fetch(`${desk.address}/api/v1${path}`, { method, headers: { ...headers, cookie }, body: body && JSON.stringify(body) });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

const channelId = () => new URL(script).pathname.split("/")[2];

/** Another channel of the chat, with these settings; its script. */
async function another(settings) {
  const { id } = await admin("POST", "/channels", { plugin_id: "widget", name: "Outro chat", team_id: null, settings });
  return { id, script: script.replace(channelId(), id) };
}

/** What the page asks of the server after the script, as `[path, at]`, by the page's own clock; nothing of it goes out: `answer` says what comes back. */
async function scripted(page, answer) {
  const asked = [];
  await page.route(/\/hooks\/[^/]+\/(config|open|message|_\/stream)$/, async (route) => {
    const path = new URL(route.request().url()).pathname.split("/").slice(3).join("/");
    if (route.request().method() === "OPTIONS") return route.continue();
    asked.push([path, await page.evaluate(() => Date.now()).catch(() => 0)]);
    return answer(route, path);
  });
  return asked;
}

/** A visitor's browser; `complaints` are what the page's policy or the script objects to. */
async function visitor(options = {}, at = site.address, prepare = async () => undefined) {
  const context = await chrome.newContext({ locale: "pt-BR", reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (line) => line.type() === "error" && !/Failed to load resource|ERR_/.test(line.text()) && complaints.push(line.text()));
  const warnings = [];
  page.on("console", (line) => line.type() === "warning" && warnings.push(line.text()));
  await prepare(page);
  await page.goto(at);
  return { context, page, complaints, warnings, log: page.getByRole("log"), text: page.getByRole("textbox", { name: /^(Escreva uma mensagem|Write a message)$/ }) };
}

async function begins({ page }, name) {
  await page.getByRole("button", { name: "Fale conosco" }).click();
  await page.getByLabel("Nome").fill(name);
  await page.getByRole("button", { name: "Começar a conversa" }).click();
}

async function writes({ text }, words) {
  await text.fill(words);
  await text.press("Enter");
}

/** What both have said, in the window's order. */
const said = ({ log }) => log.locator("[data-id]").evaluateAll((all) => all.map((it) => it.lastElementChild.firstChild.textContent));

/** The agent, who has opened the conversation with that name. */
async function answering(name) {
  if (!agent) {
    const context = await chrome.newContext({ locale: "pt-BR" });
    agent = await context.newPage();
    await agent.goto(desk.address);
    await agent.getByLabel("E-mail").fill("agent3@demo.localhost");
    await agent.getByLabel("Senha", { exact: true }).fill(desk.password);
    await agent.getByRole("button", { name: "Entrar" }).click();
  }
  await agent.getByRole("link", { name: /^Novos/ }).click();
  await agent.locator("a[data-item]", { hasText: name }).click();
  await agent.getByTestId("start").click();
  await agent.waitForURL(/\/desk\/mine\//);
  return agent;
}

async function answers(words) {
  const composer = agent.getByRole("textbox", { name: /^Mensagem para/ });
  await composer.fill(words);
  await composer.press("Enter");
  const sent = agent.locator("article", { hasText: words });
  await sent.getByRole("img", { name: /^(Enviada|Entregue|Lida)$/ }).waitFor();
  return sent;
}

async function inaccessible(page) {
  const found = [];
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]).analyze();
    for (const { id, nodes } of violations) found.push(...nodes.map((node) => `${colorScheme}: ${id}: ${node.target.join(" ")}: ${node.failureSummary?.split("\n")[1]?.trim()}: ${node.html}`));
  }
  return found;
}

const shot = async (page, name) => process.env.SHOTS && page.screenshot({ path: `${process.env.SHOTS}/${name}.png` });

test("a visitor on a strict page and an agent write, see each other type, send files and know what was read", LIMIT, async () => {
  const told = [];
  const ana = await visitor({}, site.address, async (page) => page.on("request", (request) => told.push(request.postData() ?? "")));
  await shot(ana.page, "launcher");
  await ana.page.getByRole("button", { name: "Fale conosco" }).click();
  // The name is required, and the field says so.
  await ana.page.getByRole("button", { name: "Começar a conversa" }).click();
  assert.equal(await ana.page.getByLabel("Nome").getAttribute("aria-invalid"), "true");
  assert.deepEqual(await inaccessible(ana.page), []);
  await shot(ana.page, "form-dark");
  await ana.page.getByLabel("Nome").fill("Ana Visitante");
  await ana.page.getByRole("button", { name: "Começar a conversa" }).click();
  await writes(ana, "Vocês têm este sofá em azul?");
  await ana.log.getByText("· Enviada").waitFor();
  const page = await answering("Ana Visitante");
  await page.getByText("Vocês têm este sofá em azul?").last().waitFor();

  await ana.text.pressSequentially("Pre");
  await page.getByText(/digitando/).first().waitFor();
  await page.getByRole("textbox", { name: /^Mensagem para/ }).pressSequentially("Te");
  await ana.page.getByText("Atendimento está escrevendo…").waitFor();
  // Whoever serves has read it, and the visitor sees that.
  await ana.log.getByText("Lida").waitFor();
  const sent = await answers("Temos, sim: https://loja.example/azul");
  await ana.log.getByRole("link", { name: "https://loja.example/azul" }).waitFor();
  await ana.log.getByText("Atendente 3", { exact: true }).waitFor();
  await sent.getByRole("img", { name: "Lida" }).waitFor();

  // Closed, the button tells of what is new, and it is delivered and not read.
  await ana.page.keyboard.press("Escape");
  const launcher = ana.page.getByRole("button", { name: /^Fale conosco/ });
  assert.equal(await launcher.evaluate((it) => it.getRootNode().activeElement === it), true);
  const second = await answers("Quer que eu separe um?");
  await ana.page.getByRole("button", { name: "Fale conosco, 1 mensagem nova" }).waitFor();
  await second.getByRole("img", { name: "Entregue" }).waitFor();
  await shot(ana.page, "unread-dark");
  await launcher.click();
  await second.getByRole("img", { name: "Lida" }).waitFor();

  await ana.page.locator("input[type=file]").setInputFiles({ name: "sala.gif", mimeType: "image/gif", buffer: GIF });
  await ana.text.press("Enter");
  const mine = ana.log.getByRole("img", { name: "sala.gif" });
  await mine.waitFor();
  assert.equal(await mine.evaluate((it) => it.decode().then(() => it.naturalWidth)), 1);
  await page.getByRole("img", { name: /sala\.gif/ }).first().waitFor();
  await page.locator("input[type=file]").first().setInputFiles({ name: "azul.gif", mimeType: "image/gif", buffer: GIF });
  await page.getByRole("button", { name: "Enviar", exact: true }).click();
  const theirs = ana.log.getByRole("img", { name: "azul.gif" });
  await theirs.waitFor();
  assert.equal(await theirs.evaluate((it) => it.decode().then(() => it.naturalWidth)), 1);

  // Pages only after the visitor has allowed it, and without what may be secret in them.
  assert.ok(told.some((it) => it.includes("Vocês têm este sofá em azul?")));
  assert.deepEqual(told.filter((it) => it.includes("Sofás da Loja")), []);
  await ana.page.getByRole("button", { name: "Permitir" }).click();
  await page.getByText(`Página: Sofás da Loja — ${site.address}/`, { exact: false }).first().waitFor();
  await ana.page.getByRole("link", { name: "Sofá azul" }).click();
  await page.getByText(`${site.address}/azul`).first().waitFor();
  assert.equal(await page.getByText("token=segredo").count(), 0);

  // Back on another page: the same conversation, in the open window.
  await ana.log.getByText("Quer que eu separe um?").waitFor();
  assert.equal((await said(ana)).filter((it) => it === "Quer que eu separe um?").length, 1);
  assert.deepEqual(await inaccessible(ana.page), []);
  await shot(ana.page, "chat-dark");
  await ana.page.emulateMedia({ colorScheme: "light" });
  await shot(ana.page, "chat-light");
  assert.deepEqual(ana.complaints, []);
  await ana.context.close();
});

test("what is written offline goes out once, and what came meanwhile comes once, also over a restart of the server", LIMIT, async () => {
  const bia = await visitor({ viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true });
  await begins(bia, "Bia Celular");
  await writes(bia, "um");
  await bia.log.getByText("· Enviada").waitFor();
  const page = await answering("Bia Celular");
  await answers("dois");
  await bia.log.getByText("dois").waitFor();
  await bia.log.getByText("Hoje", { exact: true }).waitFor();

  await bia.context.setOffline(true);
  await bia.page.getByText("Sem conexão. Tentando de novo…").waitFor();
  await writes(bia, "três");
  await bia.log.getByText(/Sem conexão: será enviada/).waitFor();
  await answers("quatro");
  assert.equal(await bia.log.getByText("quatro").count(), 0);
  await shot(bia.page, "phone-offline");
  await bia.context.setOffline(false);
  await bia.log.getByText("quatro").waitFor();
  await page.locator("article", { hasText: "três" }).waitFor();
  assert.deepEqual((await said(bia)).sort(), ["dois", "quatro", "três", "um"].sort());

  await desk.restart(async () => {
    await writes(bia, "cinco");
    await bia.log.getByText("cinco").waitFor();
  });
  await page.locator("article", { hasText: "cinco" }).waitFor();
  await answers("seis");
  await bia.log.getByText("seis").waitFor();
  assert.equal((await said(bia)).length, 6);
  assert.equal(await page.locator("article", { hasText: "cinco" }).count(), 1);

  await bia.page.reload();
  await bia.log.getByText("seis").waitFor();
  assert.deepEqual((await said(bia)).slice(-2), ["cinco", "seis"]);
  assert.equal((await said(bia)).length, 6);
  assert.deepEqual(await inaccessible(bia.page), []);
  await shot(bia.page, "phone-dark");
  await bia.page.emulateMedia({ colorScheme: "light" });
  await shot(bia.page, "phone-light");
  assert.deepEqual(bia.complaints, []);
  await bia.context.close();
});

test("of a long conversation the newest is shown and the rest by the click, whatever waits to go and whatever the stream has missed", LIMIT, async () => {
  const rui = await visitor({ viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true });
  const earlier = rui.page.getByRole("button", { name: "Mensagens anteriores" });
  await begins(rui, "Rui Comprido");
  await writes(rui, "de 1");
  await rui.log.getByText("· Enviada").waitFor();
  const { id } = await until(async () => (await admin("GET", "/conversations?folder=queued")).items.find((it) => it.contact.name === "Rui Comprido"));
  await admin("POST", `/conversations/${id}/start`, {});
  const all = ["de 1"];
  const hears = async (upTo) => { while (all.length < upTo) { all.push(`de ${all.length + 1}`); await admin("POST", `/conversations/${id}/messages`, { text: all.at(-1) }); } };
  await hears(60);
  await rui.log.getByText("de 60", { exact: true }).waitFor();

  // What waits is there before the history is, which is longer than what is shown at once.
  await rui.page.route("**/message", (route) => (route.request().method() === "POST" ? route.abort() : route.continue()));
  await writes(rui, "a que espera");
  await rui.log.getByText(/Sem conexão: será enviada/).waitFor();
  await Promise.all([rui.page.waitForResponse(/\/history$/), rui.page.reload()]);
  await rui.log.getByText("de 60", { exact: true }).waitFor();
  assert.deepEqual(await said(rui), [...all.slice(10), "a que espera"]);
  await rui.page.unroute("**/message");
  await rui.log.getByText("· Enviada").waitFor();
  all.push("a que espera");
  const first = rui.log.getByText("de 11", { exact: true });
  await earlier.scrollIntoViewIfNeeded();
  const at = (await first.boundingBox()).y;
  await earlier.click();
  await rui.log.getByText("de 1", { exact: true }).waitFor();
  assert.deepEqual(await said(rui), all);
  // Whoever reads stays where they read.
  assert.ok(Math.abs((await first.boundingBox()).y - at) < 60, `${(await first.boundingBox()).y}, before: ${at}`);
  assert.equal(await earlier.count(), 0);

  // The server knows no more where the stream was, and more came meanwhile than is shown at once.
  await rui.context.setOffline(true);
  await hears(120);
  await rui.page.route("**/_/stream", (route) => route.continue({ headers: { ...route.request().headers(), "last-event-id": "1" } }), { times: 1 });
  await rui.context.setOffline(false);
  await rui.log.getByText("de 120", { exact: true }).waitFor();
  assert.deepEqual(await said(rui), all.slice(70));
  await earlier.click();
  await rui.log.getByText("de 21", { exact: true }).waitFor();
  await earlier.click();
  await rui.log.getByText("de 1", { exact: true }).waitFor();
  assert.deepEqual(await said(rui), all);
  assert.deepEqual([rui.complaints, rui.warnings], [[], []]);
  await rui.context.close();
});

test("whoever signs out at the site as its page loads leaves nothing behind", LIMIT, async () => {
  const dora = await visitor();
  await begins(dora, "Dora");
  await writes(dora, "Isto é só meu");
  await dora.log.getByText("· Enviada").waitFor();
  await dora.page.addInitScript(() => {
    const asking = setInterval(() => window.Balcao && (clearInterval(asking), window.Balcao.logout()), 1);
  });
  // Whoever was here before is asked for as the page loads, and answered after the signing out.
  const answered = dora.page.waitForResponse((it) => it.url().endsWith("/open"));
  await dora.page.reload();
  await answered;
  await dora.page.getByRole("button", { name: "Fale conosco" }).click();
  await dora.page.getByLabel("Nome").waitFor();
  assert.equal(await dora.page.getByText("Isto é só meu").count(), 0);
  assert.deepEqual(dora.complaints, []);
  await dora.context.close();
});

test("the keyboard alone does, stays in the window and comes back to the button", LIMIT, async () => {
  const caio = await visitor({ locale: "en-US" });
  await caio.page.getByRole("button", { name: "Fale conosco" }).waitFor();
  const focused = () => caio.page.evaluate(() => document.activeElement.shadowRoot?.activeElement?.getAttribute("aria-label") ?? document.activeElement.shadowRoot?.activeElement?.name ?? "page");
  // Behind the page's link.
  for (const where of ["page", "Fale conosco"]) {
    await caio.page.keyboard.press("Tab");
    assert.equal(await focused(), where);
  }
  await caio.page.keyboard.press("Enter");
  await caio.page.getByLabel("Nome").waitFor();
  assert.equal(await focused(), "name");
  await caio.page.keyboard.type("Caio");
  await caio.page.keyboard.press("Enter");
  assert.equal(await focused(), "Escreva uma mensagem");
  const around = [];
  for (let at = 0; at < 8; at += 1) {
    await caio.page.keyboard.press("Tab");
    around.push(await focused());
  }
  assert.ok(!around.includes("page") && around.includes("Escreva uma mensagem"), around.join());
  await caio.page.keyboard.press("Escape");
  assert.equal(await focused(), "Fale conosco");
  assert.deepEqual(caio.complaints, []);
  await caio.context.close();
});

test("a reaction, an edit and a deletion are seen on the other side, whoever does it, and stay so after a reload", LIMIT, async () => {
  const eva = await visitor({ viewport: { width: 390, height: 780 } });
  await begins(eva, "Eva Muda");
  await writes(eva, "Qual o prazo?");
  await eva.log.getByText("· Enviada").waitFor();
  const page = await answering("Eva Muda");
  const [, id] = /\/desk\/mine\/([^/?]+)/.exec(page.url());
  await answers("Três dias");
  await answers("Engano meu");
  const message = async (text) => (await admin("GET", `/conversations/${id}/timeline`)).items.find((it) => it.type === "message" && it.text === text);
  await eva.log.getByText("Engano meu").waitFor();

  await admin("POST", `/messages/${(await message("Qual o prazo?")).id}/reaction`, { emoji: "👍" });
  await eva.log.getByText("Atendimento reagiu com 👍").waitFor({ state: "attached" });
  await admin("PATCH", `/messages/${(await message("Três dias")).id}`, { text: "Quatro dias" });
  await eva.log.getByText("Quatro dias").waitFor();
  await eva.log.getByText("editada").waitFor();
  await admin("DELETE", `/messages/${(await message("Engano meu")).id}`);
  await eva.log.getByText("Mensagem apagada").waitFor();
  assert.equal(await eva.log.getByText("Engano meu").count(), 0);

  await eva.page.getByRole("button", { name: "Não", exact: true }).click();
  // By keyboard: the newest message's options are one step before the box, the arrows go to the others.
  await eva.text.focus();
  await eva.page.keyboard.press("Shift+Tab");
  await eva.page.keyboard.press("Shift+Tab");
  const options = eva.log.getByRole("button", { name: "Opções da mensagem" });
  assert.equal(await options.count(), 2, "none of the deleted one");
  assert.equal(await options.last().evaluate((it) => it.getRootNode().activeElement === it), true);
  const focused = (which) => which.evaluate((it) => it.getRootNode().activeElement === it);
  await eva.page.keyboard.press("ArrowUp");
  assert.equal(await focused(options.first()), true);
  await eva.page.keyboard.press("ArrowDown");
  assert.equal(await focused(options.last()), true);
  await eva.page.keyboard.press("Enter");
  await eva.page.getByRole("button", { name: "Reagir com ❤️" }).waitFor();
  assert.deepEqual(await inaccessible(eva.page), []);
  await shot(eva.page, "react-dark");
  await eva.page.getByRole("button", { name: "Reagir com ❤️" }).click();
  await eva.log.getByText("Você reagiu com ❤️").waitFor({ state: "attached" });
  await page.getByText("❤️").first().waitFor();

  await options.first().click();
  await eva.page.getByRole("button", { name: "Editar", exact: true }).click();
  await eva.page.getByText("Editando a mensagem").waitFor();
  assert.equal(await eva.text.inputValue(), "Qual o prazo?");
  await shot(eva.page, "edit-dark");
  await writes(eva, "Qual o prazo de entrega?");
  await page.locator("article", { hasText: "Qual o prazo de entrega?" }).waitFor();
  await writes(eva, "sem querer");
  await page.locator("article", { hasText: "sem querer" }).waitFor();
  await options.last().click();
  await eva.page.getByRole("button", { name: "Apagar", exact: true }).click();
  await eva.page.getByRole("button", { name: "Apagar para todos?" }).click();
  await eva.log.getByText("Mensagem apagada").nth(1).waitFor();
  const gone = page.locator("article", { hasText: /apagad|apagou/i });
  await gone.nth(1).waitFor();

  await eva.page.reload();
  await eva.log.getByText("Qual o prazo de entrega?").waitFor();
  assert.deepEqual(await said(eva), ["Qual o prazo de entrega?", "Quatro dias", "Mensagem apagada", "Mensagem apagada"]);
  await eva.log.getByText("Atendimento reagiu com 👍").waitFor({ state: "attached" });
  await eva.log.getByText("Você reagiu com ❤️").waitFor({ state: "attached" });
  assert.deepEqual(await inaccessible(eva.page), []);
  await eva.page.emulateMedia({ colorScheme: "light" });
  await shot(eva.page, "changed-light");
  assert.deepEqual(eva.complaints, []);
  await eva.context.close();
});

test("before a conversation it is said when it opens again, and who writes is told so by name", LIMIT, async () => {
  const days = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
  // The day after tomorrow in São Paulo, whatever the time is here.
  const then = new Date(Date.now() + 2 * 86_400_000 - 3 * 3_600_000);
  const day = then.getUTCDay();
  const week = Object.fromEntries(days.map((it, at) => [it, at === day ? [{ from: "09:30", until: "18:00" }] : []]));
  const portuguese = ["domingo", "segunda", "terça", "quarta", "quinta", "sexta", "sábado"][day];
  const english = days[day][0].toUpperCase() + days[day].slice(1);
  const reply = { enabled: true, text: "Oi, {{nome}}! Voltamos {{reabertura}}." };
  const hours = { enabled: true, time_zone: "America/Sao_Paulo", week, holidays: [], reply };
  const chat = await another({ ask_name: "required", ask_email: "optional", welcome: "Olá!" });
  const [pt, en] = await Promise.all([open(chat.script), open(chat.script, { lang: "en" })]);
  await admin("PUT", `/channels/${chat.id}/hours`, hours);
  const timezoneId = "America/Sao_Paulo";
  const gil = await visitor({ timezoneId }, pt.address);
  await gil.page.getByRole("button", { name: "Abrir a conversa" }).click();
  await gil.page.getByText(`Voltamos ${portuguese} às 9h30`).waitFor();
  assert.deepEqual(await inaccessible(gil.page), []);
  await shot(gil.page, "closed-form-dark");
  await gil.page.getByLabel("Nome").fill("Gil Souza");
  const mail = gil.page.getByLabel("E-mail");
  await mail.fill("gil@");
  await mail.press("Enter");
  await gil.page.getByText("Confira o e-mail.", { exact: true }).waitFor();
  assert.equal(await mail.evaluate((it) => it.getRootNode().activeElement === it), true);
  await mail.fill("");
  await gil.page.getByRole("button", { name: "Começar a conversa" }).click();
  await gil.log.getByText(`Fora do horário de atendimento. Voltamos ${portuguese} às 9h30. Deixe a sua mensagem`).waitFor();
  await gil.page.emulateMedia({ colorScheme: "light" });
  await shot(gil.page, "closed-empty-light");
  await writes(gil, "Oi");
  const full = portuguese.replace(/^(segunda|terça|quarta|quinta|sexta)$/, "$1-feira");
  await gil.log.getByText(`Oi, Gil! Voltamos ${full} às 9h30.`).waitFor();
  await shot(gil.page, "closed-told-light");

  const jo = await visitor({ timezoneId, locale: "en-US", viewport: { width: 390, height: 780 } }, en.address);
  await jo.page.getByRole("button", { name: "Open the chat" }).click();
  await jo.page.getByText(`We are back ${english} at 9:30 AM`).waitFor();
  await shot(jo.page, "closed-form-phone-en");
  // Open again, and nothing is to be waited for.
  await admin("PUT", `/channels/${chat.id}/hours`, { ...hours, week: Object.fromEntries(days.map((it) => [it, [{ from: "00:00", until: it === "sunday" ? "23:59" : "24:00" }]])) });
  await jo.page.reload();
  await jo.page.getByText(/We are (here now|back)/).waitFor();
  await admin("PUT", `/channels/${chat.id}/hours`, { ...hours, enabled: false });
  assert.deepEqual([gil.complaints, jo.complaints], [[], []]);
  await Promise.all([gil.context.close(), jo.context.close()]);
  pt.close();
  en.close();
});

test("the window has the settings' colour, side, words and language, and asks what they ask", LIMIT, async () => {
  const chat = await another({ color: "#ffd400", side: "left", launcher_text: "Help", title: "Talk to Ana", welcome: "Hi there", language: "en", sound: false, ask_name: "no", ask_phone: "optional", ask_more: ["Order number"] });
  const there = await open(chat.script);
  const kim = await visitor({}, there.address);
  const launcher = kim.page.getByRole("button", { name: "Help" });
  const drawn = await launcher.evaluate((it) => ({ text: getComputedStyle(it).color, back: getComputedStyle(it).backgroundColor, spacing: getComputedStyle(it).letterSpacing, left: it.getBoundingClientRect().left }));
  // Black on yellow: whichever reads better.
  assert.deepEqual([drawn.back, drawn.text, drawn.left], ["rgb(255, 212, 0)", "rgb(0, 0, 0)", 20]);
  // What the page says of every element is not for this one.
  assert.equal(drawn.spacing, "normal");
  await launcher.click();
  await kim.page.getByRole("dialog", { name: "Talk to Ana" }).waitFor();
  await kim.page.getByText("Hi there").waitFor();
  assert.deepEqual(await kim.page.getByRole("dialog").locator("input:not([type=file])").evaluateAll((all) => all.map((it) => it.name)), ["phone", "Order number"]);
  assert.equal(await kim.page.getByRole("button", { name: /sound/ }).count(), 0);
  await kim.page.getByLabel("Order number").fill("77");
  await kim.page.getByRole("button", { name: "Start the chat" }).click();
  await writes(kim, "Hello");
  await kim.log.getByText("Sent").waitFor();
  await shot(kim.page, "themed-light");
  assert.deepEqual(await inaccessible(kim.page), []);
  assert.deepEqual(kim.complaints, []);
  await kim.context.close();
  there.close();
});

test("an answer rings where the visitor is elsewhere, unless they have turned the sound off", LIMIT, async () => {
  const lia = await visitor({}, site.address, (page) => page.addInitScript(() => {
    window.rung = 0;
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...given) { window.rung += 1; return start.apply(this, given); };
  }));
  const rung = () => lia.page.evaluate(() => window.rung);
  await begins(lia, "Lia Som");
  await writes(lia, "Oi");
  await lia.log.getByText("· Enviada").waitFor();
  await answering("Lia Som");
  await answers("na janela");
  await lia.log.getByText("na janela").waitFor();
  assert.equal(await rung(), 0, "whoever looks at it needs no sound");
  await lia.page.keyboard.press("Escape");
  await answers("com som");
  await lia.page.getByRole("button", { name: "Fale conosco, 1 mensagem nova" }).waitFor();
  assert.equal(await rung(), 2, "two notes");
  await lia.page.getByRole("button", { name: /^Fale conosco/ }).click();
  await lia.page.getByRole("button", { name: "Desligar o som" }).click();
  await lia.page.getByRole("button", { name: "Ligar o som" }).waitFor();
  await lia.page.keyboard.press("Escape");
  await answers("sem som");
  await lia.page.getByRole("button", { name: "Fale conosco, 1 mensagem nova" }).waitFor();
  assert.equal(await rung(), 2);
  // As whoever does not see it is told of it.
  await lia.page.getByRole("status").filter({ hasText: "1 mensagem nova" }).waitFor({ state: "attached" });
  assert.deepEqual(lia.complaints, []);
  await lia.context.close();
});

test("whoever reads further up is told below of what is new, there and by sound, and it is read once the end is in sight", LIMIT, async () => {
  const eva = await visitor({}, site.address, (page) => page.addInitScript(() => {
    window.rung = 0;
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...given) { window.rung += 1; return start.apply(this, given); };
  }));
  await begins(eva, "Eva Acima");
  for (const part of ["medidas", "tecidos", "prazos"]) await writes(eva, Array.from({ length: 12 }, (_, at) => `${part}, linha ${at + 1}`).join("\n"));
  await eva.log.getByText("· Enviada").waitFor();
  await until(async () => ((await eva.log.getByText(/Enviando/).count()) === 0 ? true : null));
  await eva.page.getByRole("button", { name: "Não", exact: true }).click();
  await answering("Eva Acima");
  const { log, page, text } = eva;
  const news = (count) => page.getByRole("dialog").getByRole("button", { name: count === 1 ? "1 mensagem nova" : `${count} mensagens novas`, exact: true });
  const read = (sent) => sent.getByRole("img", { name: "Lida" }).waitFor();
  const delivered = (sent) => sent.getByRole("img", { name: "Entregue" }).waitFor();
  const focused = (which) => which.evaluate((it) => it.getRootNode().activeElement === it);
  const rest = () => log.evaluate((it) => Math.round(it.scrollHeight - it.scrollTop - it.clientHeight));
  const place = () => log.evaluate((it) => it.scrollTop);
  /** By hand, to where it is seen. */
  const scroll = (to) => log.evaluate((it, to) => new Promise((done) => { it.addEventListener("scroll", () => requestAnimationFrame(done), { once: true }); it.scrollTop = to; }), to);

  // At the end it is read as it comes, and nothing more is said of it.
  await read(await answers("à vista"));
  assert.deepEqual([await news(1).count(), await page.evaluate(() => window.rung)], [0, 0]);
  await scroll(20);
  assert.equal(await news(1).count(), 0);
  const first = await answers("a primeira, lá embaixo");
  await news(1).waitFor();
  await page.getByRole("status").filter({ hasText: "1 mensagem nova" }).waitFor({ state: "attached" });
  assert.equal(await page.evaluate(() => window.rung), 2, "two notes");
  const second = await answers("a segunda, lá embaixo");
  await news(2).waitFor();
  await Promise.all([delivered(first), delivered(second)]);
  assert.deepEqual([await place(), await page.locator(".n").isVisible()], [20, false]);
  assert.ok((await news(2).boundingBox()).height >= 44);
  assert.deepEqual(await inaccessible(page), []);
  await shot(page, "further-up-dark");
  await page.emulateMedia({ colorScheme: "light" });
  await shot(page, "further-up-light");

  // By the keyboard, past the paper clip; the focus stays in the window.
  await text.focus();
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Shift+Tab");
  assert.equal(await focused(news(2)), true);
  await page.keyboard.press("Enter");
  await Promise.all([read(first), read(second)]);
  assert.deepEqual([await rest(), await news(2).count(), await focused(log)], [0, 0, true]);

  // By scrolling there.
  await scroll(20);
  const third = await answers("a terceira, lá embaixo");
  await news(1).waitFor();
  await delivered(third);
  await scroll(100_000);
  await read(third);
  assert.equal(await news(1).count(), 0);

  // By a press, on a phone, that takes no keyboard from whoever is writing.
  await page.setViewportSize({ width: 390, height: 430 });
  await until(async () => ((await rest()) === 0 ? true : null));
  await scroll(20);
  await text.fill("E o sofá");
  const fourth = await answers("a quarta, lá embaixo");
  await news(1).waitFor();
  await delivered(fourth);
  await shot(page, "further-up-phone-light");
  await news(1).click();
  await read(fourth);
  assert.deepEqual([await rest(), await news(1).count(), await focused(text)], [0, 0, true]);
  await shot(page, "at-the-end-phone-light");

  // By coming back to the window, which opens at its end; and by writing.
  await scroll(20);
  const fifth = await answers("a quinta, lá embaixo");
  await news(1).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Fale conosco, 1 mensagem nova" }).click();
  await read(fifth);
  await scroll(20);
  const sixth = await answers("a sexta, lá embaixo");
  await news(1).waitFor();
  await delivered(sixth);
  await text.press("Enter");
  await read(sixth);
  assert.deepEqual([await rest(), await news(1).count()], [0, 0]);
  assert.deepEqual(eva.complaints, []);
  await eva.context.close();
});

/** Gives the element a file by paste or by drop; whether it was taken. */
const give = (target, kind, name, bytes = GIF, type = "image/gif") => target.evaluate((it, [kind, name, bytes, type]) => {
  const data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(bytes)], name, { type }));
  const event = kind === "paste" ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }) : new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true });
  it.dispatchEvent(event);
  return event.defaultPrevented;
}, [kind, name, [...bytes], type]);

/** A picture of a sofa, as the page paints it. */
const painted = (page) => page.evaluate(async () => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [900, 600];
  const on = canvas.getContext("2d");
  for (const [color, ...box] of [["#e9dcc9", 0, 0, 900, 600], ["#8b5e3c", 0, 460, 900, 140], ["#1f4e9e", 150, 230, 600, 190], ["#163a78", 120, 300, 90, 160], ["#163a78", 690, 300, 90, 160], ["#f4b942", 640, 40, 110, 110]]) {
    on.fillStyle = color;
    on.fillRect(...box);
  }
  return [...new Uint8Array(await (await new Promise((done) => canvas.toBlob(done, "image/png"))).arrayBuffer())];
});

/** What stands in the box, as a reader of screens is told. */
const chosen = ({ page }) => page.getByRole("list", { name: "Arquivos a enviar" }).getByRole("listitem").evaluateAll((all) => all.map((it) => it.innerText.replace(/\s+/g, " ").trim()));

test("files stand in the box, however they came, are removed from there by the keyboard, and go with what is written", LIMIT, async () => {
  const uploads = [];
  const max = await visitor({ viewport: { width: 390, height: 780 } }, site.address, async (page) => page.on("request", (it) => it.url().endsWith("/_/upload") && uploads.push(it.url())));
  await begins(max, "Max Arquivos");
  await writes(max, "Seguem");
  await max.log.getByText("· Enviada").waitFor();
  await max.page.getByRole("button", { name: "Não", exact: true }).click();
  const panel = max.page.getByRole("dialog");
  const sofa = await painted(max.page);
  assert.equal(await give(max.text, "paste", "colada.png", sofa, "image/png"), true);
  assert.equal(await give(panel, "dragover", "solta.gif"), true);
  await max.page.getByText("Solte os arquivos aqui").waitFor();
  assert.equal(await give(panel, "drop", "solta.gif"), true);
  assert.equal(await max.page.getByText("Solte os arquivos aqui").isVisible(), false);
  const document = (name, size = 1500) => ({ name, mimeType: "application/pdf", buffer: Buffer.alloc(size, "%PDF-1.7 ") });
  await max.page.locator("input[type=file]").setInputFiles([document("orçamento da sala de estar com três lugares e chaise, segunda versão.pdf", 2_000_000), document("engano.pdf")]);
  assert.deepEqual(await chosen(max), [`colada.png ${Math.ceil(sofa.length / 1000)} KB`, "solta.gif 43 B", "orçamento da sala de estar com três lugares e chaise, segunda versão.pdf 2 MB", "engano.pdf 2 KB"]);
  await max.page.getByRole("status").filter({ hasText: /^Anexado: orçamento .*\.pdf, engano\.pdf$/ }).waitFor({ state: "attached" });
  // The pictures are seen; whatever else has a sign.
  await panel.locator(".pk canvas").nth(1).waitFor();
  assert.equal(await panel.locator(".pk canvas").count(), 2);
  assert.deepEqual(await inaccessible(max.page), []);
  await shot(max.page, "chosen-phone-dark");
  await max.page.emulateMedia({ colorScheme: "light" });
  await shot(max.page, "chosen-phone-light");

  // From the box back, past the paper clip: the last one's button, and then that of the one that is last now.
  const focused = (which) => which.evaluate((it) => it.getRootNode().activeElement === it);
  assert.equal(await focused(max.text), true);
  await max.page.keyboard.press("Shift+Tab");
  await max.page.keyboard.press("Shift+Tab");
  assert.equal(await focused(max.page.getByRole("button", { name: "Remover engano.pdf" })), true);
  await max.page.keyboard.press("Enter");
  assert.equal(await focused(max.page.getByRole("button", { name: /^Remover orçamento/ })), true);
  assert.equal((await chosen(max)).length, 3);
  // Nothing has gone anywhere yet.
  assert.deepEqual([uploads.length, await said(max)], [0, ["Seguem"]]);

  await writes(max, "A sala, hoje");
  await max.log.getByRole("img", { name: "colada.png" }).waitFor();
  await max.log.getByRole("link", { name: /^orçamento/ }).waitFor();
  await max.log.getByRole("img", { name: "solta.gif" }).waitFor();
  assert.deepEqual(await chosen(max), []);
  assert.equal(await max.text.inputValue(), "");
  assert.equal(await focused(max.text), true);
  const shown = await max.log.locator("[data-id]").evaluateAll((all) => all.map((it) => [it.querySelector("img")?.alt ?? it.querySelector("a")?.innerText ?? "", it.querySelector(".b")?.innerText ?? ""].join("|")));
  // The words are the first one's, below it.
  assert.deepEqual(shown.slice(0, 2), ["|Seguem", "colada.png|A sala, hoje"]);
  assert.equal(shown.length, 4);
  assert.equal(uploads.length, 3);
  await shot(max.page, "chosen-sent-phone-light");

  // As many as a message has, and no more; by the button, without words.
  await max.page.locator("input[type=file]").setInputFiles(Array.from({ length: 12 }, (_, at) => ({ name: `foto ${at + 1}.gif`, mimeType: "image/gif", buffer: GIF })));
  await max.page.getByText("São no máximo 10 arquivos por mensagem.").waitFor();
  assert.equal((await chosen(max)).length, 10);
  await shot(max.page, "chosen-ten-phone-light");
  await max.page.getByRole("button", { name: "Enviar" }).click();
  await max.log.getByRole("img", { name: "foto 10.gif" }).waitFor();
  assert.equal(await max.page.getByText("São no máximo 10 arquivos por mensagem.").isVisible(), false);
  // A page that the policy of the site does not allow would say so here.
  assert.deepEqual(max.complaints, []);
  await max.context.close();
});

test("what cannot be sent is refused by name, all of it at once, with the limit where there is one; the rest goes, and it is told until more does", LIMIT, async () => {
  const chat = await another({ launcher_text: "Fale conosco", ask_name: "required" });
  const there = await open(chat.script);
  await admin("PATCH", `/channels/${chat.id}`, { max_file_bytes: 1_500_000 });
  const rui = await visitor({}, there.address);
  await begins(rui, "Rui Grande");
  const choose = (...files) => rui.page.locator("input[type=file]").setInputFiles(files.map(([name, size]) => ({ name, mimeType: "image/png", buffer: Buffer.alloc(size) })));
  const [notice, closing] = [rui.page.getByText(/^O arquivo /), rui.page.getByRole("button", { name: "Fechar o aviso" })];
  // What is empty is told as it is chosen.
  await choose(["vazio.txt", 0], ["foto.png", 1_600_000], ["nota.txt", 40], ["filme.png", 2_000_000], ["nada.csv", 0]);
  await notice.waitFor();
  assert.equal(await notice.innerText(), "O arquivo vazio.txt está vazio. O arquivo nada.csv está vazio.");
  assert.deepEqual(await chosen(rui), ["foto.png 1,6 MB", "nota.txt 40 B", "filme.png 2 MB"]);
  await writes(rui, "Olhe");
  await rui.log.getByText("· Enviada").waitFor();
  await rui.log.getByRole("link", { name: "nota.txt" }).waitFor();
  assert.equal(await notice.innerText(), "O arquivo foto.png tem 1,6\u00a0MB; o limite é 1,5\u00a0MB. O arquivo filme.png tem 2\u00a0MB; o limite é 1,5\u00a0MB.");
  assert.deepEqual([await chosen(rui), await rui.text.inputValue(), await rui.log.locator("[data-id]").count()], [[], "", 1]);
  assert.deepEqual(await inaccessible(rui.page), []);
  await shot(rui.page, "too-large-dark");
  await rui.page.emulateMedia({ colorScheme: "light" });
  await shot(rui.page, "too-large-light");
  // By its button.
  await closing.click();
  assert.equal(await notice.isVisible(), false);
  assert.equal(await rui.text.evaluate((it) => it.getRootNode().activeElement === it), true);
  // With nothing to go, the words wait for what they are about.
  await choose(["foto.png", 1_600_000]);
  await writes(rui, "A foto");
  await notice.waitFor();
  assert.deepEqual([await chosen(rui), await rui.text.inputValue(), await rui.log.locator("[data-id]").count()], [[], "A foto", 1]);
  // By what goes after it.
  await rui.text.press("Enter");
  await rui.log.getByText("A foto").waitFor();
  await notice.waitFor({ state: "hidden" });

  // Where only the server has its bound, that is the one.
  await admin("PATCH", `/channels/${chat.id}`, { max_file_bytes: null });
  await choose(["foto.png", 21_000_000]);
  await rui.text.press("Enter");
  await notice.waitFor();
  assert.equal(await notice.innerText(), "O arquivo foto.png tem 21\u00a0MB; o limite é 20,9\u00a0MB.");
  // A server that is away has not refused: the file stays to be sent again.
  await closing.click();
  await rui.page.route(/\/_\/upload$/, (route) => (route.request().method() === "OPTIONS" ? route.continue() : route.abort()), { times: 1 });
  await choose(["foto.png", 900_000]);
  await rui.text.press("Enter");
  await rui.page.getByText("O arquivo não foi enviado. Tente de novo.").waitFor();
  assert.deepEqual(await chosen(rui), ["foto.png 900 KB"]);
  await rui.text.press("Enter");
  await rui.log.getByText("foto.png").waitFor();
  assert.deepEqual(await chosen(rui), []);
  assert.deepEqual(rui.complaints, []);
  await rui.context.close();
  there.close();
});

test("the button says what it does: opens the chat, or closes it, in words, by its sign and for readers of screens", LIMIT, async () => {
  const ivo = await visitor();
  const launcher = ivo.page.locator("[data-balcao]").locator(".l");
  const says = () => launcher.evaluate((it) => [it.getAttribute("aria-label"), it.getAttribute("aria-expanded"), it.innerText.trim(), [...it.querySelectorAll("svg")].filter((each) => each.getClientRects().length).length]);
  await launcher.waitFor();
  const [closed, opened] = [["Fale conosco", "false", "Fale conosco", 1], ["Fechar a conversa", "true", "", 1]];
  assert.deepEqual(await says(), closed);
  await launcher.click();
  assert.deepEqual(await says(), opened);
  assert.deepEqual(await inaccessible(ivo.page), []);
  await shot(ivo.page, "launcher-open-light");
  await launcher.click();
  assert.deepEqual(await says(), closed);
  await launcher.click();
  await ivo.page.keyboard.press("Escape");
  assert.deepEqual(await says(), closed);
  await ivo.page.evaluate(() => window.Balcao.open());
  assert.deepEqual(await says(), opened);
  assert.deepEqual(ivo.complaints, []);
  await ivo.context.close();
});

test("a chat that is switched off says so, keeps what is written and goes on by itself, once, when it is on again", LIMIT, async () => {
  const chat = await another({ launcher_text: "Fale conosco", ask_name: "required" });
  const there = await open(chat.script);
  const switches = {
    "the channel": (on) => admin("PATCH", `/channels/${chat.id}`, { enabled: on }),
    "its app": async (on) => {
      if (!on) return admin("POST", "/plugins/widget/disable", {});
      const { permissions } = await admin("GET", "/plugins/widget");
      return admin("POST", "/plugins/widget/enable", { granted: permissions.map((it) => it.code), settings: {} });
    },
  };
  const lu = await visitor({ viewport: { width: 390, height: 780 } }, there.address);
  // Whoever has not begun yet is told as well.
  const launcher = lu.page.getByRole("button", { name: "Fale conosco" });
  await launcher.waitFor();
  await switches["the channel"](false);
  await launcher.click();
  const off = lu.page.getByText("O chat está fora do ar no momento.");
  await off.waitFor();
  await switches["the channel"](true);
  await off.waitFor({ state: "hidden" });
  await lu.page.getByLabel("Nome").fill("Lu Volta");
  await lu.page.getByRole("button", { name: "Começar a conversa" }).click();
  await writes(lu, "um");
  await lu.log.getByText("· Enviada").waitFor();
  let words = ["um"];
  for (const [which, turn] of Object.entries(switches)) {
    await turn(false);
    await writes(lu, `${which} is off`);
    await off.waitFor();
    assert.equal(await off.innerText(), "O chat está fora do ar no momento. O que você escrever será enviado quando ele voltar.", which);
    await writes(lu, `${which} is still off`);
    await lu.log.getByText("Será enviada quando o chat voltar.").nth(1).waitFor();
    await lu.page.locator("input[type=file]").setInputFiles({ name: "sala.gif", mimeType: "image/gif", buffer: GIF });
    await lu.text.fill("e a sala");
    await lu.text.press("Enter");
    await lu.page.getByText("O arquivo não foi enviado. Tente de novo quando o chat voltar.").waitFor();
    assert.deepEqual([await chosen(lu), await lu.text.inputValue(), lu.warnings], [["sala.gif 43 B"], "e a sala", []], which);
    assert.deepEqual(await inaccessible(lu.page), []);
    await shot(lu.page, `off-phone-dark-${which === "its app" ? "app" : "channel"}`);
    await lu.page.emulateMedia({ colorScheme: "light" });
    await shot(lu.page, `off-phone-light-${which === "its app" ? "app" : "channel"}`);
    await turn(true);
    await off.waitFor({ state: "hidden" });
    await lu.log.getByText("Será enviada quando o chat voltar.").waitFor({ state: "detached" });
    await lu.text.press("Enter");
    await lu.log.getByRole("img", { name: "sala.gif" }).nth((words.length - 1) / 3).waitFor();
    words = [...words, `${which} is off`, `${which} is still off`, "e a sala"];
    assert.deepEqual(await lu.log.locator("[data-id] .b").allInnerTexts(), words);
    assert.deepEqual([await chosen(lu), await lu.text.inputValue()], [[], ""]);
  }
  // As the server has it: each once.
  await lu.page.reload();
  await lu.log.getByText("its app is still off").waitFor();
  assert.deepEqual(await lu.log.locator("[data-id] .b").allInnerTexts(), words);
  assert.deepEqual([lu.complaints, lu.warnings], [[], []]);
  await lu.context.close();
  there.close();
});

/** Erases the contact with that name, as the administrator: whoever it is has written, and nobody has answered. */
async function erases(name) {
  const begun = await until(async () => (await admin("GET", "/conversations?folder=queued")).items.find((it) => it.contact.name === name));
  await admin("POST", `/conversations/${begun.id}/start`, {});
  await admin("POST", `/conversations/${begun.id}/conclude`, {});
  await admin("DELETE", `/contacts/${begun.contact.id}`);
}

test("whoever is erased, or whose token is refused, is nobody: nothing that was agreed to before is told of the next", LIMIT, async () => {
  const told = [];
  const zoe = await visitor({}, site.address, async (page) => page.on("request", (it) => it.method() === "POST" && told.push([new URL(it.url()).pathname.split("/").pop(), it.postData() ?? ""])));
  const pages = () => told.filter(([, body]) => body.includes("Sofás da Loja"));
  const agreed = zoe.page.getByRole("button", { name: "Permitir" });
  const remembered = () => zoe.page.evaluate(() => Object.values(localStorage).map((it) => JSON.parse(it)));
  await begins(zoe, "Zoé Esquecida");
  await writes(zoe, "Oi");
  await zoe.log.getByText("· Enviada").waitFor();
  await Promise.all([zoe.page.waitForRequest(/\/page$/), agreed.click()]);
  assert.equal(pages().length, 1);

  // Erased: the conversation is not there any more, and what was agreed to in it neither.
  await erases("Zoé Esquecida");
  told.length = 0;
  await Promise.all([zoe.page.waitForResponse(/\/history$/), zoe.page.reload()]);
  await until(async () => (await remembered())[0]?.visitor && !(await remembered())[0].consent);
  await zoe.page.evaluate(() => history.pushState({}, "", "/verde"));
  await zoe.page.getByText("A conversa anterior não está mais disponível. A sua próxima mensagem começa outra.").waitFor();
  await zoe.page.getByLabel("Nome").fill("Zoé");
  await zoe.page.getByRole("button", { name: "Começar a conversa" }).click();
  await writes(zoe, "Oi de novo");
  await zoe.log.getByText("· Enviada").waitFor();
  assert.deepEqual([pages(), await said(zoe)], [[], ["Oi de novo"]]);
  await Promise.all([zoe.page.waitForRequest(/\/page$/), agreed.click()]);

  // Refused: the server does not know the token any more, while the page is open.
  const [{ token, visitor: before }] = await remembered();
  let refused = 0;
  await zoe.page.route(/\/message$/, (route) => {
    if (route.request().headers().authorization !== `Bearer ${token}`) return route.continue();
    refused += 1;
    return route.fulfill({ status: 401, headers: { "access-control-allow-origin": "*", "content-type": "application/json" }, body: "{}" });
  });
  await writes(zoe, "Ainda sou eu?");
  await zoe.page.getByText("A conversa anterior não está mais disponível. Confira a mensagem e envie de novo.").waitFor();
  // The form is to be answered again, and nothing stands in it.
  assert.equal(await zoe.page.getByLabel("Nome").inputValue(), "");
  await until(async () => (await remembered())[0]?.token ?? null);
  const [{ token: next, visitor: after, ...rest }] = await remembered();
  assert.ok(next !== token && after !== before && refused === 1);
  assert.deepEqual(rest, {});
  told.length = 0;
  await zoe.page.evaluate(() => history.pushState({}, "", "/azul"));
  await shot(zoe.page, "lost-light");
  await zoe.page.getByLabel("Nome").fill("Zoé Outra");
  await zoe.page.getByRole("button", { name: "Começar a conversa" }).click();
  // Nothing is lost of what was being written, and nothing goes before it is said again.
  assert.deepEqual([await zoe.text.inputValue(), await said(zoe)], ["Ainda sou eu?", []]);
  await zoe.text.press("Enter");
  await zoe.log.getByText("· Enviada").waitFor();
  assert.deepEqual([await said(zoe), pages()], [["Ainda sou eu?"], []]);
  await agreed.waitFor();
  assert.deepEqual([zoe.complaints, zoe.warnings], [[], []]);
  await zoe.context.close();
});

test("where the server will go on saying no it is asked no more, and the page's console says so once", LIMIT, async () => {
  // For good: a site that is not among the allowed ones, by the real server.
  const chat = await another({ origins: ["https://loja.example"] });
  const there = await open(chat.script);
  const evil = await visitor({}, there.address, (page) => page.clock.install());
  for (let step = 0; step < 100 && evil.warnings.length === 0; step += 1) await evil.page.clock.runFor(100);
  const asked = [];
  evil.page.on("request", (request) => asked.push(request.url()));
  await evil.page.clock.runFor(3_600_000);
  assert.deepEqual(asked, []);
  assert.deepEqual(evil.warnings, ["Balcão: The chat is not available on this page. (403)"]);
  assert.equal(await evil.page.locator("[data-balcao]").count(), 0);
  await evil.context.close();
  there.close();
  const cors = { "access-control-allow-origin": "*", "content-type": "application/json" };
  for (const status of [401, 404, 410]) {
    let asked;
    const nobody = await visitor({}, site.address, async (page) => {
      await page.clock.install();
      asked = await scripted(page, (route) => route.fulfill({ status, headers: cors, body: "{}" }));
    });
    await nobody.page.waitForFunction(() => "Balcao" in window);
    await nobody.page.clock.runFor(3_600_000);
    assert.deepEqual(asked.map(([path]) => path), ["config"], String(status));
    assert.deepEqual(nobody.warnings, [`Balcão: The chat is not available on this page. (${status})`]);
    await nobody.context.close();
  }
  // Meanwhile: the window stays, with what was written, and says that it is no place for the chat any more.
  const moved = await another({ launcher_text: "Fale conosco", ask_name: "required" });
  const here = await open(moved.script);
  const ines = await visitor({}, here.address);
  await begins(ines, "Inês Fim");
  await writes(ines, "Oi");
  await ines.log.getByText("· Enviada").waitFor();
  await admin("PATCH", `/channels/${moved.id}`, { settings: { launcher_text: "Fale conosco", ask_name: "required", origins: ["https://loja.example"] } });
  await writes(ines, "Ainda aí?");
  await ines.page.getByText("O chat não está disponível nesta página.").waitFor();
  await ines.log.getByText("Ainda aí?").waitFor();
  assert.equal(await ines.text.isVisible(), false);
  assert.deepEqual(ines.warnings, ["Balcão: The chat is not available on this page. (403)"]);
  await shot(ines.page, "gone-light");
  await admin("PATCH", `/channels/${moved.id}`, { settings: { launcher_text: "Fale conosco", ask_name: "required" } });
  await ines.page.reload();
  // What waited goes at once; what was said before comes with the history.
  await ines.log.getByText("· Enviada").waitFor();
  await ines.log.getByText("Oi", { exact: true }).waitFor();
  assert.deepEqual(await said(ines), ["Oi", "Ainda aí?"]);
  await ines.context.close();
  here.close();
});

test("a server that is away is asked again after longer and longer, never all at once, and as long as it says", LIMIT, async () => {
  const gaps = async (answer, minutes, chance) => {
    let asked;
    const one = await visitor({}, site.address, async (page) => {
      await page.addInitScript((chance) => (Math.random = () => chance), chance);
      await page.clock.install();
      asked = await scripted(page, answer);
    });
    await one.page.waitForFunction(() => "Balcao" in window);
    for (let step = 0; step < minutes * 60; step += 1) await one.page.clock.runFor(1_000);
    assert.deepEqual(one.warnings, []);
    await one.context.close();
    const times = asked.map(([, at]) => at);
    return times.slice(1).map((at, index) => at - times[index]);
  };
  // Half a second, then twice as long each time up to a minute; a quarter less or more by chance.
  for (const [chance, share] of [[0, 0.75], [0.999, 1.24]]) {
    const away = await gaps((route) => route.abort(), 12, chance);
    assert.ok(away.length >= 12 && away.length <= 22, `${away.length} attempts: ${away}`);
    away.forEach((gap, at) => assert.ok(gap >= Math.min(60_000, 500 * 2 ** at) * share, `${at}: ${gap}`));
    if (chance === 0) assert.ok(Math.min(...away.slice(8)) < 55_000, String(away));
  }
  const again = await gaps((route) => route.fulfill({ status: 503, headers: { "access-control-allow-origin": "*", "access-control-expose-headers": "retry-after", "retry-after": "40" }, body: "{}" }), 5, 0);
  assert.ok(again.length >= 3 && again.every((gap) => gap >= 40_000), String(again));
});

test("who is signed in at the site is believed by its signature alone, and somebody else at the browser sees nothing of it", LIMIT, async () => {
  const { createHmac } = await import("node:crypto");
  const secret = "segredo-de-teste-bem-longo";
  const chat = await another({ identity_secret: secret, ask_name: "required", ask_email: "required" });
  const signed = (claims) => [claims, createHmac("sha256", secret).update(claims).digest("hex")];
  const there = await open(chat.script);
  const nina = await visitor({}, there.address);
  const identify = (given) => nina.page.evaluate(([claims, signature]) => window.Balcao.identify(claims, signature), given);
  await nina.page.waitForFunction(() => "Balcao" in window);
  await identify(signed(JSON.stringify({ id: "1", email: "nina@example.com" })));
  await nina.page.evaluate(() => window.Balcao.open());
  // What the site has signed is not asked again.
  await nina.page.getByLabel("Nome").fill("Nina");
  assert.equal(await nina.page.getByLabel("E-mail").count(), 0);
  await nina.page.getByRole("button", { name: "Começar a conversa" }).click();
  await writes(nina, "segredo meu");
  await nina.log.getByText("· Enviada").waitFor();
  // It is seen once the distribution app has offered it, or has let it be.
  const begun = await until(async () => (await admin("GET", "/conversations?folder=queued")).items.find((it) => it.channel.id === chat.id));
  assert.equal(begun.contact.name, "Nina");
  // Somebody else, rightly signed: another conversation, also where the history of who was there before comes late.
  const otto = signed(JSON.stringify({ id: "2", name: "Otto", email: "otto@example.com" }));
  let answer;
  const answered = new Promise((done) => { answer = done; });
  const asked = new Promise((done) => nina.page.route("**/history*", async (route) => {
    done(route.request());
    await answered;
    await route.continue();
  }, { times: 1 }));
  await nina.page.reload();
  const held = await asked;
  const late = nina.page.waitForResponse((response) => response.request() === held);
  await identify(otto);
  await nina.page.evaluate(() => window.Balcao.open());
  answer();
  assert.match(await (await late).text(), /segredo meu/);
  await writes(nina, "segredo de Otto");
  await nina.log.getByText("· Enviada").waitFor();
  assert.equal(await nina.page.getByText("segredo meu").count(), 0);
  await identify(signed(JSON.stringify({ id: "1", email: "nina@example.com" })));
  await nina.page.getByText("segredo de Otto").waitFor({ state: "detached" });
  // Somebody who only says so is nobody.
  await identify([JSON.stringify({ id: "1", email: "nina@example.com" }), "00".repeat(32)]);
  await nina.page.getByText("O chat não está disponível nesta página.").waitFor();
  assert.equal(await nina.page.getByText("segredo meu").count(), 0);
  assert.equal(nina.warnings.length, 1);
  assert.deepEqual(nina.complaints, []);
  await nina.context.close();
  there.close();
});

test("whoever is erased as they write is told so, goes on typing where they are, and answers the form once they send it", LIMIT, async () => {
  let streams = 0;
  // The first stream comes to nothing, and then all is well.
  const tom = await visitor({}, site.address, (page) => page.route(/\/_\/stream$/, (route) => (route.request().method() === "GET" && (streams += 1) === 1 ? route.abort() : route.continue())));
  await begins(tom, "Tom Apagado");
  for (const state of ["visible", "hidden"]) await tom.page.getByText("Sem conexão. Tentando de novo…").waitFor({ state });
  await writes(tom, "Oi");
  await tom.log.getByText("· Enviada").waitFor();
  await erases("Tom Apagado");
  // What is shown on the way, and where the focus goes.
  await tom.page.evaluate(() => {
    const root = document.querySelector("[data-balcao]").shadowRoot;
    window.shown = [];
    const banner = root.querySelector(".o");
    new MutationObserver(() => banner.hidden || window.shown.push(banner.textContent)).observe(banner, { attributes: true, childList: true });
    root.querySelector("textarea").addEventListener("blur", () => window.shown.push("blur"));
  });
  const opened = tom.page.waitForResponse(/\/_\/stream$/);
  await tom.text.pressSequentially("Vocês abrem amanhã?", { delay: 60 });
  await opened;
  await tom.page.getByText("A conversa anterior não está mais disponível. A sua próxima mensagem começa outra.").waitFor();
  assert.deepEqual([await tom.text.inputValue(), await said(tom), await tom.page.evaluate(() => window.shown)], ["Vocês abrem amanhã?", [], []]);
  assert.equal(await tom.text.evaluate((it) => it.getRootNode().activeElement === it), true);
  assert.deepEqual(await inaccessible(tom.page), []);
  await shot(tom.page, "erased-dark");
  await tom.text.press("Enter");
  const name = tom.page.getByLabel("Nome");
  await name.waitFor();
  assert.equal(await name.evaluate((it) => it.getRootNode().activeElement === it), true);
  await name.fill("Tom de Novo");
  await name.press("Enter");
  await tom.log.getByText("· Enviada").waitFor();
  assert.deepEqual([await said(tom), await tom.text.inputValue()], [["Vocês abrem amanhã?"], ""]);
  assert.equal(await tom.page.getByText("A conversa anterior não está mais disponível.").isVisible(), false);
  assert.deepEqual([tom.complaints, tom.warnings], [[], []]);
  await tom.context.close();
});

test("what came while nobody looked is counted after a reload, and in every tab until it is seen in one", LIMIT, async () => {
  const ugo = await visitor();
  await begins(ugo, "Ugo Ausente");
  await writes(ugo, "Oi");
  await ugo.log.getByText("· Enviada").waitFor();
  await answering("Ugo Ausente");
  await answers("visto");
  await ugo.log.getByText("visto").waitFor();
  await ugo.page.keyboard.press("Escape");
  await answers("um");
  await answers("dois");
  const news = (page, count) => page.getByRole("button", { name: count === 1 ? "Fale conosco, 1 mensagem nova" : `Fale conosco, ${count} mensagens novas` });
  await news(ugo.page, 2).waitFor();
  await ugo.page.reload();
  await news(ugo.page, 2).waitFor();
  assert.equal(await ugo.page.locator(".n").innerText(), "2");
  // On no page of the site at all.
  await ugo.page.goto("about:blank");
  await answers("três");
  await ugo.page.goto(site.address);
  await news(ugo.page, 3).waitFor();
  const other = await ugo.context.newPage();
  await other.goto(site.address);
  await news(other, 3).waitFor();
  await other.getByRole("button", { name: /^Fale conosco/ }).click();
  await other.getByRole("log").getByText("três").waitFor();
  const none = (page) => page.getByRole("button", { name: "Fale conosco", exact: true }).waitFor();
  await none(ugo.page);
  await other.keyboard.press("Escape");
  await none(other);
  await answers("quatro");
  await Promise.all([news(ugo.page, 1).waitFor(), news(other, 1).waitFor()]);
  // Seen as it comes, in the open window.
  await ugo.page.bringToFront();
  await ugo.page.getByRole("button", { name: /^Fale conosco/ }).click();
  await answers("cinco");
  await ugo.log.getByText("cinco").waitFor();
  await none(other);
  await ugo.page.keyboard.press("Escape");
  await Promise.all([ugo.page, other].map((page) => Promise.all([page.waitForResponse(/\/history$/), page.reload()])));
  await Promise.all([none(ugo.page), none(other)]);
  assert.deepEqual(ugo.complaints, []);
  await ugo.context.close();
});

test("on a phone the newest message stays in sight above the keyboard, a long text and files, and who reads further up stays there", LIMIT, async () => {
  const pia = await visitor({ viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true });
  await begins(pia, "Pia Teclado");
  for (let at = 1; at <= 12; at += 1) await writes(pia, `linha ${at}`);
  await pia.log.getByText("· Enviada").waitFor();
  await until(async () => ((await pia.log.getByText(/Enviando/).count()) === 0 ? true : null));
  const rest = () => pia.log.evaluate((it) => Math.round(it.scrollHeight - it.scrollTop - it.clientHeight));
  const [log, panel] = [pia.log, pia.page.getByRole("dialog")];
  const shrunk = async (from) => until(async () => ((await log.evaluate((it) => it.clientHeight)) < from ? true : null));
  const tall = () => log.evaluate((it) => it.clientHeight);
  /** As a phone tells of its keyboard: the page keeps its height, and less of it is seen. */
  const keyboard = (height, top = 0) => pia.page.evaluate(([height, top]) => {
    Object.defineProperty(visualViewport, "height", { configurable: true, get: () => height });
    Object.defineProperty(visualViewport, "offsetTop", { configurable: true, get: () => top });
    visualViewport.dispatchEvent(new Event("resize"));
    return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  }, [height, top]);
  assert.equal(await rest(), 0);
  await keyboard(420, 60);
  assert.deepEqual([await rest(), await panel.evaluate((it) => [it.getBoundingClientRect().top, it.getBoundingClientRect().height])], [0, [60, 420]]);
  await shot(pia.page, "keyboard-phone");
  let before = await tall();
  await pia.text.fill("uma\nduas\ntrês\nquatro\ncinco");
  await shrunk(before);
  assert.equal(await rest(), 0);
  before = await tall();
  await pia.page.locator("input[type=file]").setInputFiles(["a.gif", "b.gif"].map((name) => ({ name, mimeType: "image/gif", buffer: GIF })));
  await shrunk(before);
  await pia.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  assert.equal(await rest(), 0);
  // The box as a whole and some of the conversation are seen above the keyboard.
  const send = await pia.page.getByRole("button", { name: "Enviar" }).boundingBox();
  assert.ok(send.y + send.height <= 480 && (await tall()) > 100, `${send.y} ${await tall()}`);
  await shot(pia.page, "keyboard-files-phone");
  // Without the files and the text again, and where the whole page is made smaller.
  for (const name of ["a.gif", "b.gif"]) await pia.page.getByRole("button", { name: `Remover ${name}` }).click();
  await pia.text.fill("");
  await keyboard(780);
  before = await tall();
  await pia.page.evaluate(() => { delete visualViewport.height; delete visualViewport.offsetTop; });
  await pia.page.setViewportSize({ width: 390, height: 430 });
  await shrunk(before);
  await pia.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  assert.equal(await rest(), 0);
  // Further up nothing moves.
  await log.evaluate((it) => new Promise((done) => { it.addEventListener("scroll", () => requestAnimationFrame(done), { once: true }); it.scrollTop = 20; }));
  await pia.text.fill("uma\nduas\ntrês");
  await pia.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  assert.equal(await log.evaluate((it) => it.scrollTop), 20);
  assert.deepEqual(pia.complaints, []);
  await pia.context.close();
});

test("from page to page of the site the window stays open and the half-written stays in it, in that tab, until somebody signs out", LIMIT, async () => {
  const leo = await visitor();
  await begins(leo, "Leo Navega");
  await writes(leo, "Oi");
  await leo.log.getByText("· Enviada").waitFor();
  await leo.text.fill("Este sofá\ntem em az");
  const focused = () => leo.page.evaluate(() => document.activeElement.tagName);
  const state = async (page = leo.page) => [await page.getByRole("dialog").isVisible(), await page.getByRole("textbox", { name: "Escreva uma mensagem" }).inputValue().catch(() => null)];
  await leo.page.getByRole("link", { name: "Sofá azul" }).click();
  await leo.log.getByText("Oi").waitFor();
  assert.deepEqual([new URL(leo.page.url()).pathname, await state(), await focused()], ["/azul", [true, "Este sofá\ntem em az"], "BODY"]);
  // Both lines of it are seen.
  assert.ok(await leo.text.evaluate((it) => it.clientHeight >= it.scrollHeight));
  // Another tab has its own.
  const other = await leo.context.newPage();
  await Promise.all([other.waitForResponse(/\/history$/), other.goto(site.address)]);
  assert.equal(await other.getByRole("dialog").isVisible(), false);
  await other.close();
  // Closed, it stays closed, and keeps what is written.
  await leo.page.keyboard.press("Tab");
  await leo.page.getByRole("dialog").getByRole("button", { name: "Fechar a conversa" }).click();
  await Promise.all([leo.page.waitForResponse(/\/history$/), leo.page.reload()]);
  assert.equal(await leo.page.getByRole("dialog").isVisible(), false);
  await leo.page.getByRole("button", { name: /^Fale conosco/ }).click();
  assert.deepEqual(await state(), [true, "Este sofá\ntem em az"]);
  // Sent, there is nothing to bring back.
  await leo.text.press("Enter");
  await leo.log.getByText("Este sofá").waitFor();
  await leo.page.reload();
  await leo.log.getByText("Este sofá").waitFor();
  assert.deepEqual(await state(), [true, ""]);
  await leo.text.fill("isto é só meu");
  await leo.page.evaluate(() => window.Balcao.logout());
  await leo.page.reload();
  await leo.page.getByRole("button", { name: "Fale conosco" }).click();
  await leo.page.getByLabel("Nome").waitFor();
  await leo.page.getByLabel("Nome").fill("Outra pessoa");
  await leo.page.getByRole("button", { name: "Começar a conversa" }).click();
  assert.deepEqual(await state(), [true, ""]);
  assert.deepEqual(leo.complaints, []);
  await leo.context.close();
});

test("an address without https:// is refused at its field, and the chat stays where it was", LIMIT, async () => {
  const chat = await another({ origins: ["https://loja.example"] });
  const context = await chrome.newContext({ locale: "pt-BR" });
  const page = await context.newPage();
  await page.goto(desk.address);
  await page.getByLabel("E-mail").fill("admin@demo.localhost");
  await page.getByLabel("Senha", { exact: true }).fill(desk.password);
  await page.getByRole("button", { name: "Entrar" }).click();
  await page.waitForURL(/\/desk/);
  await page.goto(`${desk.address}/settings/channels/${chat.id}`);
  const sites = page.getByRole("group", { name: "Sites permitidos" });
  await sites.getByRole("textbox").fill("loja.com.br");
  await page.getByRole("button", { name: "Salvar", exact: true }).click();
  await sites.getByText("Confira se digitou no formato pedido").filter({ visible: true }).first().waitFor();
  await shot(page, "origins-refused");
  const named = async () => (await admin("GET", `/channels/${chat.id}`)).settings.origins;
  assert.deepEqual(await named(), ["https://loja.example"]);
  await sites.getByRole("textbox").fill("https://www.loja.com.br");
  await Promise.all([page.waitForResponse((it) => it.request().method() === "PATCH"), page.getByRole("button", { name: "Salvar", exact: true }).click()]);
  assert.deepEqual(await named(), ["https://www.loja.com.br"]);
  await context.close();
});
