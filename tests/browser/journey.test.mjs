// The main job as a person does it: a customer writes, an agent answers and concludes, all through real programs and a real browser.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browser, product } from "./support.mjs";

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
  await page.getByRole("radio", { name: "Venda realizada" }).click();
  await page.getByRole("textbox", { name: /Valor/ }).fill("1234,56");
  await page.getByRole("button", { name: "Concluir", exact: true }).last().click();
  await page.getByText("Atendimento classificado e concluído.").waitFor();
  await page.getByRole("link", { name: /^Concluídos/ }).click();
  await page.getByText("Segundo cliente").first().click();
  const summary = await page.getByTestId("conclusion").innerText();
  assert.match(summary, /Objetivo Atingido · Venda realizada · R\$\s1\.234,56/);
  assert.deepEqual(thrown, []);
  await context.close();
});
