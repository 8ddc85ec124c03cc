// The main job as a person does it: a customer writes, an agent answers and concludes, all through real programs and a real browser.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browser, inaccessible, product } from "./support.mjs";

const LIMIT = { timeout: 120_000 };
let chrome;
let desk;

before(async () => {
  [chrome, desk] = await Promise.all([browser(), product()]);
}, LIMIT);

after(async () => {
  await chrome?.close();
  await desk?.close();
});

/** A page of somebody's own, in Portuguese; what the page's scripts throw fails the test. */
async function open(context) {
  const page = await context.newPage();
  const thrown = [];
  page.on("pageerror", (error) => thrown.push(error));
  await page.goto(desk.address);
  return { page, thrown };
}

async function signIn(page, email, password = desk.password) {
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Senha").first().fill(password);
  await page.getByRole("button", { name: "Entrar" }).click();
}

/** Waits until a field holds that text. */
async function shows(field, text) {
  await field.waitFor();
  const element = await field.elementHandle();
  await field.page().waitForFunction(([input, wanted]) => input.value === wanted, [element, text]);
}

test("a wrong password is refused in words and nobody is signed in", LIMIT, async () => {
  const context = await chrome.newContext({ locale: "pt-BR" });
  const { page, thrown } = await open(context);
  await signIn(page, "agent1@demo.localhost", "errada");
  await page.getByText("E-mail ou senha incorretos.").waitFor();
  assert.equal((await context.cookies()).find((cookie) => cookie.name === "balcao_session"), undefined);
  assert.deepEqual(thrown, []);
  await context.close();
});

test("a customer writes, the agent it is offered to answers, and concludes", LIMIT, async () => {
  await desk.customer.writes("Vocês abrem aos sábados?");
  const context = await chrome.newContext({ locale: "pt-BR" });
  const { page, thrown } = await open(context);
  await signIn(page, "agent1@demo.localhost");
  await page.getByText("Vocês abrem aos sábados?").first().click();
  const composer = page.getByRole("textbox", { name: /Cliente de demonstração/ });
  await composer.fill("Abrimos, das 9h às 13h.");
  await composer.press("Enter");
  assert.deepEqual(await desk.customer.received(1), ["Abrimos, das 9h às 13h."]);
  await page.getByText("Atendente 1 iniciou o atendimento").waitFor();
  assert.match(await page.getByRole("log").innerText(), /iniciou o atendimento[^]*Abrimos, das 9h às 13h\./);
  await page.getByTestId("conclude").click();
  // With an app that classifies the choice comes first; without one the click has concluded.
  const plain = page.getByRole("menuitem", { name: /^Concluir$|^Apenas concluir/ });
  const concluded = page.getByText("Atendimento concluído").first();
  await plain.or(concluded).first().waitFor();
  if (await plain.isVisible()) await plain.click();
  await concluded.waitFor();
  await page.getByText("Concluídos").first().click();
  await page.getByText("Cliente de demonstração").first().click();
  assert.match(await page.getByTestId("conclusion").innerText(), /Concluído por Atendente 1/);
  assert.deepEqual(thrown, []);
  await context.close();
});

test("an offer shows its countdown to the agent it was made to, who classifies as the conversation is concluded", LIMIT, async () => {
  // Offers take turns: the first customer went to the first agent, this one goes to the second.
  await desk.customer.writes("Quero fechar a compra.", "5511922220000", "Segundo cliente");
  const context = await chrome.newContext({ locale: "pt-BR" });
  const { page, thrown } = await open(context);
  await signIn(page, "agent2@demo.localhost");
  const item = page.locator("a[data-item]", { hasText: "Segundo cliente" });
  await item.getByText(/^\d+:\d\d$/).last().waitFor();
  await item.click();
  const composer = page.getByRole("textbox", { name: /Segundo cliente/ });
  await composer.fill("Fechado!");
  await composer.press("Enter");
  await desk.customer.received(2);
  await page.getByTestId("conclude").click();
  await page.getByRole("menuitem", { name: "Classificar e Concluir" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("radio", { name: "Venda realizada" }).click();
  await dialog.getByRole("textbox", { name: /Valor/ }).fill("1e3");
  await dialog.getByRole("button", { name: "Classificar e Concluir" }).click();
  await dialog.locator("#f_value-error", { hasText: "Digite um número, como 1.234,56" }).waitFor();
  await dialog.getByRole("textbox", { name: /Valor/ }).fill("1234,56");
  await dialog.getByRole("button", { name: "Classificar e Concluir" }).click();
  await page.getByText("Atendimento classificado e concluído.").waitFor();
  await page.getByRole("link", { name: /^Concluídos/ }).click();
  await item.getByText("Objetivo Atingido · Venda realizada").waitFor();
  await item.click();
  const summary = await page.getByTestId("conclusion").innerText();
  assert.match(summary, /Objetivo Atingido · Venda realizada · R\$\s1\.234,56/);
  assert.deepEqual(thrown, []);
  await context.close();
});

test("a transfer with a note reaches the other team, which sends a file, and a new message reopens what it concluded", LIMIT, async () => {
  await desk.customer.writes("Meu aparelho não liga.", "5511933330000", "Terceiro cliente");
  const one = await chrome.newContext({ locale: "pt-BR" });
  const sales = await open(one);
  await signIn(sales.page, "agent1@demo.localhost");
  await sales.page.locator("a[data-item]", { hasText: "Terceiro cliente" }).click();
  await sales.page.getByTestId("start").click();
  await sales.page.waitForURL(/\/desk\/mine\//);
  await sales.page.getByRole("button", { name: "Transferir" }).click();
  await sales.page.getByRole("option", { name: "Suporte" }).click();
  await sales.page.getByLabel("Nota para quem vai receber").fill("Ainda está na garantia.");
  assert.deepEqual(await inaccessible(sales.page), []);
  await sales.page.getByRole("dialog").getByRole("button", { name: "Transferir" }).click();
  await sales.page.getByText("Atendimento transferido para Suporte").waitFor();

  const other = await chrome.newContext({ locale: "pt-BR" });
  const { page, thrown } = await open(other);
  await signIn(page, "agent3@demo.localhost");
  await page.locator("a[data-item]", { hasText: "Terceiro cliente" }).click();
  await page.getByText("Ainda está na garantia.").waitFor();
  await page.getByText("Atendente 1 transferiu para Suporte").waitFor();
  await page.locator("input[type=file]").setInputFiles({ name: "garantia.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.4\n%%EOF\n") });
  const composer = page.getByRole("textbox", { name: /Terceiro cliente/ });
  await composer.fill("Segue o termo de garantia.");
  await page.getByRole("button", { name: "Enviar", exact: true }).click();
  await page.getByRole("link", { name: "Baixar garantia.pdf" }).waitFor();
  const { document } = (await desk.customer.messages(3))[2];
  assert.deepEqual([document.filename, document.caption], ["garantia.pdf", "Segue o termo de garantia."]);
  // The customer's provider fetches it by the link alone.
  assert.equal(await (await fetch(document.link)).text(), "%PDF-1.4\n%%EOF\n");
  assert.equal((await fetch(`${document.link}x`)).status, 404);
  await page.waitForURL(/\/desk\/mine\//);
  assert.deepEqual(await inaccessible(page), []);

  await page.getByTestId("conclude").click();
  await page.getByRole("menuitem", { name: "Concluir", exact: true }).click();
  await page.getByText("Atendimento concluído").waitFor();
  await desk.customer.writes("Voltou a dar problema.", "5511933330000", "Terceiro cliente");
  await page.getByRole("link", { name: "Em atendimento: 1 conversa" }).click();
  await page.locator("a[data-item]", { hasText: "Voltou a dar problema." }).click();
  await page.getByText("Atendimento reaberto").waitFor();
  assert.deepEqual([...thrown, ...sales.thrown], []);
  await one.close();
  await other.close();
});

test("an admin sets an app for the workspace and for one team, is told what does not fit, and switches it off and on", LIMIT, async () => {
  const context = await chrome.newContext({ locale: "pt-BR" });
  const { page, thrown } = await open(context);
  await page.getByLabel("E-mail").waitFor();
  assert.deepEqual(await inaccessible(page), []);
  await signIn(page, "admin@demo.localhost");
  await page.getByRole("link", { name: "Apps" }).click();
  await page.getByText("Distribuição de Atendimento").waitFor();
  assert.deepEqual(await inaccessible(page), []);
  await page.getByText("Distribuição de Atendimento").click();
  const limit = page.getByRole("textbox", { name: /Limite por atendente/ });
  await shows(limit, "10");
  await limit.fill("5");
  await page.getByRole("button", { name: "Salvar" }).click();
  await page.locator("#f_limit_minutes-error", { hasText: "O valor mínimo é 10" }).waitFor();
  assert.deepEqual(await inaccessible(page), []);
  await limit.fill("15");
  // What was typed outlasts a look at another tab.
  await page.getByRole("tab", { name: "Sobre" }).click();
  await page.getByRole("tab", { name: "Configuração" }).click();
  await shows(limit, "15");
  await page.getByRole("button", { name: "Salvar" }).click();
  await page.getByText("Alterações salvas").waitFor();

  for (const [tab, shown] of [["Saúde", "Funcionando"], ["Falhas", "Nenhuma falha pendente."]]) {
    await page.getByRole("tab", { name: tab }).click();
    await page.getByRole("tabpanel").getByText(shown).waitFor();
    assert.deepEqual(await inaccessible(page), []);
  }

  await page.getByRole("button", { name: "Desabilitar" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Desabilitar" }).click();
  await page.getByText("Distribuição de Atendimento foi desabilitado").waitFor();
  await page.getByRole("button", { name: "Habilitar" }).click();
  await page.getByLabel("Li e permito tudo o que está acima").check();
  assert.deepEqual(await inaccessible(page), []);
  await page.getByRole("button", { name: "Continuar" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Habilitar" }).click();
  await page.getByText("Distribuição de Atendimento está habilitado").waitFor();

  await page.getByRole("link", { name: "Ajustes" }).click();
  await page.getByRole("link", { name: "Equipes" }).click();
  await page.getByText("Suporte").first().click();
  const own = page.getByRole("region", { name: "Distribuição de Atendimento" });
  await page.getByText("A distribuição está desligada nesta equipe").waitFor();
  await shows(own.getByRole("textbox", { name: /Limite por atendente/ }), "15");
  await own.getByRole("switch", { name: "Distribuir os atendimentos desta equipe" }).click();
  await own.getByRole("textbox", { name: /Limite por atendente/ }).fill("30");
  await own.getByRole("button", { name: "Salvar" }).click();
  // The order shows itself once the team is served.
  await page.locator("li[data-marker]", { hasText: "Atendente 3" }).waitFor();
  assert.deepEqual(await inaccessible(page), []);
  await page.keyboard.press("Escape");
  for (const [name, shown] of [["Canais", "WhatsApp da loja"], ["Usuários", "agent3@demo.localhost"]]) {
    await page.getByRole("link", { name, exact: true }).click();
    await page.getByText(shown).first().waitFor();
    assert.deepEqual(await inaccessible(page), []);
  }

  await page.getByRole("link", { name: "Canais", exact: true }).click();
  await page.getByRole("button", { name: "Conectar canal" }).click();
  const connecting = page.getByRole("dialog", { name: "Conectar canal" });
  // Several apps bring channels.
  await connecting.getByRole("combobox", { name: "Qual canal?" }).click();
  await page.getByRole("option", { name: /WhatsApp/ }).click();
  await connecting.getByLabel("Token de acesso").waitFor();
  await connecting.getByRole("button", { name: "Conectar canal" }).click();
  // Name and team are ours, the secrets the app's: all that is missing is told at once.
  await connecting.getByText("Preencha este campo").filter({ visible: true }).nth(3).waitFor();
  await connecting.getByText("Escolha uma opção").filter({ visible: true }).waitFor();
  assert.equal(await connecting.getByLabel("Nome do canal").evaluate((field) => field === document.activeElement), true);
  assert.deepEqual(await inaccessible(page), []);
  assert.deepEqual(thrown, []);
  await context.close();
});

test("a token is shown once, reads and does not write, and is refused as soon as it is revoked", LIMIT, async () => {
  const context = await chrome.newContext({ locale: "pt-BR" });
  const { page, thrown } = await open(context);
  await signIn(page, "agent1@demo.localhost");
  await page.getByRole("link", { name: "Ajustes" }).click();
  await page.getByRole("link", { name: "Tokens de API" }).click();
  await page.getByText("Nenhum token").waitFor();
  await page.getByRole("button", { name: "Novo token" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Criar token" }).click();
  await dialog.getByText("Preencha este campo").waitFor();
  assert.deepEqual(await inaccessible(page), []);
  await dialog.getByLabel("Para que serve").fill("Relatório semanal");
  await dialog.getByRole("button", { name: "Criar token" }).click();
  const token = await page.getByTestId("token").innerText();
  assert.match(token, /^blc_/);
  assert.deepEqual(await inaccessible(page), []);
  const ask = async (path, options) => (await fetch(`${desk.address}/api/v1${path}`, { headers: { authorization: `Bearer ${token}`, "content-type": "application/json" }, ...options })).status;
  assert.deepEqual([await ask("/teams"), await ask("/tokens", { method: "POST", body: '{"name":"Outro","scopes":["read"]}' })], [200, 403]);
  await dialog.getByRole("button", { name: "Fechar" }).last().click();
  await page.getByText("Relatório semanal").waitFor();
  assert.equal(await page.getByText(token).count(), 0);
  await page.getByRole("button", { name: "Revogar: Relatório semanal" }).click();
  assert.deepEqual(await inaccessible(page), []);
  await dialog.getByRole("button", { name: "Revogar", exact: true }).click();
  await page.getByText("Nenhum token").waitFor();
  assert.equal(await ask("/teams"), 401);
  assert.deepEqual(thrown, []);
  await context.close();
});

test("on a phone and in English, list and conversation are pages of their own", LIMIT, async () => {
  await desk.customer.writes("Do you ship abroad?", "5511944440000", "Fourth customer");
  const context = await chrome.newContext({ locale: "en-US", viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  const { page, thrown } = await open(context);
  await page.locator("input[type=email]").fill("agent2@demo.localhost");
  await page.locator("input[type=password]").fill(desk.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  // The person's own language wins over the browser's.
  await page.getByRole("button", { name: /^Menu do perfil/ }).click();
  await page.getByRole("menu").getByText("English").click();
  await page.getByRole("button", { name: /profile menu$/ }).waitFor();
  await page.keyboard.press("Escape");
  await page.locator("a[data-item]", { hasText: "Fourth customer" }).waitFor();
  assert.deepEqual(await inaccessible(page), []);
  await page.locator("a[data-item]", { hasText: "Fourth customer" }).click();
  await page.getByTestId("start").click();
  await page.waitForURL(/\/desk\/mine\//);
  assert.equal(await page.locator("a[data-item]").count(), 0);
  const composer = page.getByRole("textbox", { name: /Fourth customer/ });
  await composer.fill("We do.");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  assert.equal((await desk.customer.received(4))[3], "We do.");
  assert.deepEqual(await inaccessible(page), []);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  await page.getByRole("button", { name: "Back", exact: true }).click();
  await page.locator("a[data-item]", { hasText: "We do." }).waitFor();
  // What somebody chooses at the sign-in counts, and becomes the account's.
  await page.getByRole("button", { name: /profile menu$/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByText("Português").click();
  await signIn(page, "agent2@demo.localhost");
  await page.getByRole("button", { name: /^Menu do perfil/ }).waitFor();
  assert.equal((await (await context.request.get(`${desk.address}/api/v1/session`)).json()).locale, "pt-BR");
  assert.deepEqual(thrown, []);
  await context.close();
});

test("Escape in the hours' editor asks before what was changed is lost, and national holidays are put in once, with Christmas for every year", LIMIT, async () => {
  const context = await chrome.newContext({ locale: "pt-BR" });
  const { page, thrown } = await open(context);
  await signIn(page, "admin@demo.localhost");
  await page.getByRole("link", { name: "Ajustes" }).click();
  await page.getByRole("link", { name: "Equipes" }).click();
  await page.getByRole("button", { name: /^Vendas/ }).click();
  const drawer = page.getByRole("dialog", { name: "Vendas", exact: true });
  const editor = page.getByRole("dialog", { name: "Horário de atendimento · Vendas" });
  const question = page.getByRole("dialog", { name: "Descartar as alterações?" });
  const edit = page.getByRole("button", { name: "Alterar o horário de Vendas" });

  // Nothing changed, nothing asked: only what lies on top closes.
  await edit.click();
  await editor.waitFor();
  await page.keyboard.press("Escape");
  await editor.waitFor({ state: "detached" });
  assert.equal(await drawer.count(), 1);

  await edit.click();
  await editor.getByLabel("Definir horário de atendimento").check();
  await editor.getByRole("button", { name: "Incluir feriados nacionais" }).click();
  await editor.getByText("10 datas incluídas").waitFor();
  const names = await editor.getByLabel(/^Nome da data/).evaluateAll((fields) => fields.map((field) => field.value));
  assert.equal(names.filter((name) => name === "Natal").length, 1);
  const christmas = editor.getByRole("listitem").filter({ has: page.getByLabel("Data · Natal") });
  const friday = editor.getByRole("listitem").filter({ has: page.getByLabel("Data · Sexta-feira Santa") });
  assert.deepEqual([await christmas.getByLabel("Todo ano").isChecked(), await friday.getByLabel("Todo ano").isChecked()], [true, false]);
  // Of several, the one to come; a day's grace for wherever it is today.
  assert.ok(Date.parse(await christmas.getByLabel("Data · Natal").inputValue()) > Date.now() - 172_800_000);
  await editor.getByRole("button", { name: "Incluir feriados nacionais" }).click();
  await editor.getByText("0 datas incluídas").waitFor();

  await page.keyboard.press("Escape");
  await question.waitFor();
  assert.deepEqual(await inaccessible(page), []);
  await page.keyboard.press("Escape");
  await question.waitFor({ state: "detached" });
  assert.equal(await editor.getByLabel("Data · Natal").count(), 1);
  await editor.getByRole("button", { name: "Cancelar" }).click();
  await question.getByRole("button", { name: "Descartar" }).click();
  await editor.waitFor({ state: "detached" });
  await drawer.getByText("Sempre aberto").waitFor();
  assert.deepEqual(thrown, []);
  await context.close();
});

test("what was typed to connect a channel is not lost by a key, and a channel that has conversations is turned off where it cannot be deleted", LIMIT, async () => {
  await desk.customer.writes("Ainda dá tempo?", "5511955550000", "Quinto cliente");
  const context = await chrome.newContext({ locale: "pt-BR" });
  const { page, thrown } = await open(context);
  await signIn(page, "admin@demo.localhost");
  await page.getByRole("link", { name: /^Outros: [1-9]/ }).waitFor();
  await page.getByRole("link", { name: "Ajustes" }).click();
  await page.getByRole("link", { name: "Canais", exact: true }).click();
  const connect = page.getByRole("button", { name: "Conectar canal" });
  const connecting = page.getByRole("dialog", { name: "Conectar canal" });
  const question = page.getByRole("dialog", { name: "Descartar as alterações?" });
  await connect.click();
  await connecting.waitFor();
  await page.keyboard.press("Escape");
  await connecting.waitFor({ state: "detached" });

  await connect.click();
  await connecting.getByRole("combobox", { name: "Qual canal?" }).click();
  await page.getByRole("option", { name: /WhatsApp/ }).click();
  const token = connecting.getByLabel("Token de acesso");
  await token.fill("segredo");
  await page.keyboard.press("Escape");
  await question.getByRole("button", { name: "Continuar editando" }).click();
  assert.equal(await token.inputValue(), "segredo");
  await page.mouse.click(5, 5);
  await question.getByRole("button", { name: "Descartar" }).click();
  await connecting.waitFor({ state: "detached" });

  await page.getByRole("button", { name: /^WhatsApp da loja/ }).click();
  await page.getByRole("button", { name: "Excluir canal" }).click();
  const removing = page.getByRole("dialog", { name: "Excluir WhatsApp da loja?" });
  await removing.getByRole("button", { name: "Excluir canal" }).click();
  await removing.getByText(/^Este canal já tem conversas e não pode ser excluído/).waitFor();
  assert.equal(await removing.getByRole("button", { name: "Excluir canal" }).count(), 0);
  assert.deepEqual(await inaccessible(page), []);
  await removing.getByRole("button", { name: "Desligar o canal" }).click();
  await page.getByRole("switch", { name: "Canal ligado", checked: false }).waitFor();
  assert.deepEqual(thrown, []);
  await context.close();
});

test("a team's new name is saved as its drawer closes, and a member goes only once it was said what becomes of their conversations", LIMIT, async () => {
  const context = await chrome.newContext({ locale: "pt-BR", viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  const { page, thrown } = await open(context);
  await signIn(page, "admin@demo.localhost");
  await page.getByRole("link", { name: "Ajustes" }).click();
  await page.getByRole("link", { name: "Equipes" }).click();
  await page.getByRole("button", { name: /^Suporte/ }).click();
  const name = page.getByLabel("Nome da equipe");
  await name.fill("");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Continuar editando" }).click();
  await name.fill("Assistência");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: /^Assistência 2 pessoas/ }).click();

  const bin = page.getByRole("button", { name: "Remover Atendente 3 da equipe" });
  const member = page.getByRole("listitem").filter({ has: bin });
  const [row, end] = [await member.boundingBox(), await bin.boundingBox()];
  assert.ok(row.x + row.width - end.x - end.width < 24, "the bin stands at the row's end");
  await bin.click();
  const question = page.getByRole("dialog", { name: "Remover Atendente 3 de Assistência?" });
  await question.getByText("Os atendimentos de Atendente 3 nesta equipe voltam para Novos.").waitFor();
  assert.deepEqual(await inaccessible(page), []);
  await page.keyboard.press("Escape");
  await question.waitFor({ state: "detached" });
  assert.equal(await bin.count(), 1);
  await bin.click();
  await question.getByRole("button", { name: "Remover" }).click();
  await bin.waitFor({ state: "detached" });
  assert.equal(await question.count(), 0);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: /^Assistência 1 pessoa/ }).waitFor();
  assert.deepEqual(thrown, []);
  await context.close();
});
