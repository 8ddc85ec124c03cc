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
  await ana.log.getByText("Enviada").waitFor();
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

  // Back on another page: the same conversation.
  await ana.page.getByRole("button", { name: "Fale conosco" }).click();
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
  await bia.log.getByText("Enviada").waitFor();
  const page = await answering("Bia Celular");
  await answers("dois");
  await bia.log.getByText("dois").waitFor();

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
  await bia.page.getByRole("button", { name: /^Fale conosco/ }).click();
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

test("whoever signs out at the site as its page loads leaves nothing behind", LIMIT, async () => {
  const dora = await visitor();
  await begins(dora, "Dora");
  await writes(dora, "Isto é só meu");
  await dora.log.getByText("Enviada").waitFor();
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
  await eva.log.getByText("Enviada").waitFor();
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
  await eva.page.getByRole("button", { name: /^Fale conosco/ }).click();
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
  await jo.page.getByRole("button", { name: "Open the chat" }).click();
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
  await lia.log.getByText("Enviada").waitFor();
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

test("files are sent by paste and by drop, and what is too large is refused by name", LIMIT, async () => {
  const max = await visitor();
  await begins(max, "Max Arquivos");
  await writes(max, "Seguem");
  await max.log.getByText("Enviada").waitFor();
  const give = (target, kind, name) => target.evaluate((it, [kind, name, bytes]) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(bytes)], name, { type: "image/gif" }));
    const event = kind === "paste" ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }) : new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true });
    it.dispatchEvent(event);
    return event.defaultPrevented;
  }, [kind, name, [...GIF]]);
  assert.equal(await give(max.text, "paste", "colada.gif"), true);
  await max.log.getByRole("img", { name: "colada.gif" }).waitFor();
  const panel = max.page.getByRole("dialog");
  assert.equal(await give(panel, "dragover", "solta.gif"), true);
  await max.page.getByText("Solte os arquivos aqui").waitFor();
  assert.equal(await give(panel, "drop", "solta.gif"), true);
  await max.log.getByRole("img", { name: "solta.gif" }).waitFor();
  assert.equal(await max.page.getByText("Solte os arquivos aqui").isVisible(), false);
  await max.page.locator("input[type=file]").setInputFiles({ name: "filme.mp4", mimeType: "video/mp4", buffer: Buffer.alloc(21 << 20) });
  await max.page.getByText("filme.mp4 é grande demais.").waitFor();
  await shot(max.page, "too-large-light");
  // A page that the policy of the site does not allow would say so here.
  assert.deepEqual(max.complaints, []);
  await max.context.close();
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
  // Meanwhile: the window stays, with what was written, and says that the chat is gone.
  let gone = false;
  const ines = await visitor({}, site.address, async (page) => {
    await page.route(/\/hooks\/[^/]+\/(open|message|_\/stream)$/, (route) => (gone && route.request().method() !== "OPTIONS" ? route.fulfill({ status: 404, headers: cors, body: "{}" }) : route.continue()));
  });
  await begins(ines, "Inês Fim");
  await writes(ines, "Oi");
  await ines.log.getByText("Enviada").waitFor();
  gone = true;
  await writes(ines, "Ainda aí?");
  await ines.page.getByText("O chat não está disponível nesta página.").waitFor();
  await ines.log.getByText("Ainda aí?").waitFor();
  assert.equal(await ines.text.isVisible(), false);
  assert.equal(ines.warnings.length, 1);
  await shot(ines.page, "gone-light");
  gone = false;
  await ines.page.reload();
  await ines.page.getByRole("button", { name: /^Fale conosco/ }).click();
  await ines.log.getByText("Enviada").waitFor();
  assert.deepEqual(await said(ines), ["Oi", "Ainda aí?"]);
  await ines.context.close();
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
  await nina.log.getByText("Enviada").waitFor();
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
  await nina.log.getByText("Enviada").waitFor();
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
