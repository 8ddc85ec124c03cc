// The website chat on another site, whose pages allow nothing but what the chat's README asks for; the agent at the desk is the other side.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import AxeBuilder from "@axe-core/playwright";
import { browser, product } from "./support.mjs";

const LIMIT = { timeout: 120_000 };
const GIF = Buffer.from("R0lGODlhAQABAIAAAP8AAP///yH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==", "base64");
let desk, chrome, site, agent;

/** Another site, with the strictest policy that its README allows. */
function open(script) {
  const from = new URL(script).origin;
  const policy = `default-src 'none'; script-src ${from}; connect-src ${from}; img-src ${from}; media-src ${from}; style-src 'self'; base-uri 'none'; form-action 'none'; trusted-types; require-trusted-types-for 'script'`;
  const server = createServer((request, response) => {
    if (request.url === "/style.css") return response.writeHead(200, { "content-type": "text/css" }).end("body{font-family:Georgia,serif;margin:3rem;color-scheme:light dark;background:Canvas;color:CanvasText} a{color:inherit} *{letter-spacing:.02em}");
    response.writeHead(200, { "content-type": "text/html; charset=utf-8", "content-security-policy": policy });
    response.end(`<!doctype html><html lang="pt-BR"><meta name="viewport" content="width=device-width"><title>Sofás da Loja</title><link rel="stylesheet" href="/style.css">
<main><h1>Sofás</h1><p>Um site como qualquer outro, com a sua própria política.</p><p><a href="/azul?token=segredo">Sofá azul</a></p></main><script async src="${script}"></script></html>`);
  });
  return new Promise((done) => server.listen(0, "127.0.0.1", () => done({ address: `http://127.0.0.1:${server.address().port}`, close: () => server.close() })));
}

before(async () => {
  [desk, chrome] = await Promise.all([product(), browser()]);
  site = await open(`${desk.webhooks["Chat do site"]}/_/asset/widget.js`);
}, LIMIT);
after(async () => {
  await chrome?.close();
  site?.close();
  await desk?.close();
});

/** A visitor's browser; `complaints` are what the page's policy or the script objects to. */
async function visitor(options = {}) {
  const context = await chrome.newContext({ locale: "pt-BR", reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (line) => line.type() === "error" && !/Failed to load resource|ERR_/.test(line.text()) && complaints.push(line.text()));
  await page.goto(site.address);
  return { context, page, complaints, log: page.getByRole("log"), text: page.getByRole("textbox", { name: "Escreva uma mensagem" }) };
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
const said = ({ log }) => log.locator("[data-id]").evaluateAll((all) => all.map((it) => it.lastElementChild.textContent));

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
  const ana = await visitor();
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
