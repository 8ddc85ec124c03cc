/** The desk with the mock's data: what the main flow does not touch. */
import { expect, type Page, test } from "@playwright/test";
import { expectAccessible } from "../axe";
import { ADMIN, PASSWORD, signIn } from "../people";

const AGENT = "agent1@demo.localhost";
const PHONE = { width: 390, height: 844 };

test.beforeEach(async ({ request }) => {
  expect((await request.post("/api/v1/mock/reset")).ok()).toBe(true);
});

async function open(page: Page, folder: string, name: string) {
  await page.getByRole("link", { name: new RegExp(`^${folder}`) }).click();
  await page.locator("a[data-item]", { hasText: name }).click();
  await expect(page.getByRole("heading", { level: 2, name })).toBeVisible();
  await expect(page.locator("article").first()).toBeVisible();
}

async function attach(page: Page, name: string, mimeType = "application/pdf") {
  await page.locator('input[type="file"]').first().setInputFiles({ name, mimeType, buffer: Buffer.from("%PDF-1.4 teste") });
}

const tray = (page: Page) => page.locator("li", { has: page.getByRole("button", { name: /^Remover / }) });
const composer = (page: Page) => page.getByRole("textbox", { name: /^Mensagem para/ });

test("no_message_breaks_the_content_security_policy_or_the_console", async ({ page }) => {
  const complaints: string[] = [];
  page.on("console", (message) => message.type() === "error" && !message.text().includes("401") && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  await signIn(page, ADMIN);
  await open(page, "Outros", "Mercado da Praça");
  await page.getByTestId("conclude").click();
  await page.getByRole("menuitem", { name: "Classificar e Concluir" }).click();
  await expect(page.getByLabel("Venda concluída")).toBeVisible();
  expect(complaints).toEqual([]);
});

test("every_kind_of_message_is_shown_and_accessible_in_light_and_dark", async ({ page }) => {
  await signIn(page, AGENT);
  await open(page, "Em atendimento", "Mercado da Praça");
  const log = page.getByRole("log");
  for (const text of ["Ontem", "nota-fiscal-4471.pdf", "Depósito", "Recepção", "Retirar na loja", "Resposta escolhida", "Mensagem apagada por quem enviou", "Nota interna sua", "Não enviada: Número", "Confira com o cliente"]) {
    await expect(log.getByText(text).first()).toBeAttached();
  }
  for (const text of ["Ver serviços", "No mesmo dia", "Enviar telefone", "Modelo pedido_enviado", "Acompanhar", "-23.56000, -46.65000", "Encaminhada"]) await expect(log.getByText(text).first()).toBeAttached();
  await expect(log.getByRole("group", { name: "Álbum com 3 arquivos" }).getByRole("link")).toHaveCount(3);
  await expect(log.getByRole("link", { name: "veja aqui" })).toHaveAttribute("href", "https://exemplo.com.br/");
  await log.getByRole("button", { name: "Mostrar o trecho escondido" }).click();
  await expect(log.getByText("4471", { exact: true })).toBeVisible();
  await expectAccessible(page);
  await page.emulateMedia({ colorScheme: "dark" });
  await expectAccessible(page);
});

test("a_closed_team_is_said_so_and_the_automatic_reply_is_marked_as_one", async ({ page }) => {
  await signIn(page, AGENT);
  await open(page, "Novos", "Oficina do Bairro");
  await expect(page.getByText("Fora do horário de atendimento; abre amanhã às 09:00")).toBeVisible();
  const reply = page.locator("article", { hasText: "estamos fora do horário de atendimento" });
  await expect(reply).toContainText("Resposta automática");
  await expectAccessible(page);
  await open(page, "Novos", "Padaria Central");
  await expect(page.getByText(/^Fora do horário/)).toHaveCount(0);
});

test("classify_and_conclude_asks_for_the_value_and_shows_the_reason_at_the_foot", async ({ page }) => {
  await signIn(page, AGENT);
  await open(page, "Em atendimento", "Mercado da Praça");
  await page.getByTestId("conclude").click();
  await page.getByRole("menuitem", { name: "Classificar e Concluir" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Concluir" }).click();
  await expect(dialog.getByText("Escolha uma opção").first()).toBeVisible();
  await expect(dialog.getByLabel(/^Valor/)).toHaveCount(0);
  await dialog.getByLabel("Venda concluída").click();
  await dialog.getByLabel(/^Valor/).fill("R$ 1.250,50");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Concluir" }).click();
  await expect(dialog).toHaveCount(0);
  await open(page, "Concluídos", "Mercado da Praça");
  await expect(page.getByTestId("conclusion")).toContainText("Objetivo Atingido · Venda concluída · R$ 1.250,50");
});

test("failed_message_says_why_and_is_sent_again_on_request", async ({ page }) => {
  await signIn(page, AGENT);
  await open(page, "Em atendimento", "Mercado da Praça");
  await composer(page).fill("isto vai dar falha");
  await composer(page).press("Enter");
  const message = page.locator("article", { hasText: "isto vai dar falha" });
  await expect(message.getByText("número inválido (131026)")).toBeVisible();
  await message.getByRole("button", { name: "Tentar de novo" }).click();
  await expect(message.getByRole("img", { name: "Entregue" })).toBeVisible();
  await expect(message.getByText("número inválido")).toHaveCount(0);
});

test("failed_message_is_written_anew_with_its_files_and_cannot_be_answered", async ({ page }) => {
  await signIn(page, AGENT);
  await open(page, "Em atendimento", "Mercado da Praça");
  await attach(page, "contrato.pdf");
  await composer(page).fill("segue, se não der falha");
  await page.getByRole("button", { name: "Enviar", exact: true }).click();
  const message = page.locator("article", { hasText: "segue, se não der falha" });
  await message.getByRole("button", { name: "Editar" }).click();
  await expect(composer(page)).toHaveValue("segue, se não der falha");
  await expect(composer(page)).toBeFocused();
  await expect(tray(page)).toContainText(["contrato.pdf"]);
  await message.hover();
  await message.getByRole("button", { name: "Ações da mensagem" }).click();
  await expect(page.getByRole("menuitem", { name: "Copiar" })).toBeVisible();
  await expect(page.getByRole("menuitem", { name: "Responder" })).toHaveCount(0);
  await page.keyboard.press("Escape");
  await composer(page).fill("segue o contrato");
  await page.getByRole("button", { name: "Enviar", exact: true }).click();
  const anew = page.locator("article", { hasText: "segue o contrato" });
  await expect(anew.getByRole("link", { name: "Baixar contrato.pdf" })).toBeVisible();
  await expect(message.getByText("número inválido (131026)")).toBeVisible();
});

test("message_that_was_sent_is_edited_and_deleted_for_everyone", async ({ page }) => {
  await signIn(page, AGENT);
  await open(page, "Em atendimento", "Mercado da Praça");
  await composer(page).fill("Fica pronto às 15h");
  await composer(page).press("Enter");
  const message = page.locator("article", { hasText: "Fica pronto às 1" }).last();
  await expect(message.getByRole("img", { name: "Enviada" }).or(message.getByRole("img", { name: "Lida" }))).toBeVisible();
  const choose = async (name: string) => {
    await message.hover();
    await message.getByRole("button", { name: "Ações da mensagem" }).click();
    await page.getByRole("menuitem", { name }).click();
  };
  const dialog = page.getByRole("dialog");
  await choose("Editar");
  await expect(dialog.getByRole("button", { name: "Salvar" })).toBeDisabled();
  await dialog.getByRole("textbox").fill("Fica pronto às 16h, se nada falhar: falha");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Salvar" }).click();
  await expect(message.getByText("Editando…")).toBeVisible();
  await expect(message.getByText("Edição não feita: O canal só deixa")).toBeVisible();
  await expect(message.getByText("Fica pronto às 15h")).toBeVisible();
  // What was written is not lost.
  await message.getByRole("button", { name: "Tentar de novo" }).click();
  await expect(dialog.getByRole("textbox")).toHaveValue(/falha$/);
  await dialog.getByRole("textbox").fill("Fica pronto às 16h");
  await dialog.getByRole("button", { name: "Salvar" }).click();
  await expect(message.getByText("Fica pronto às 16h")).toBeVisible();
  await expect(message.getByText("editada")).toBeVisible();
  await choose("Apagar para todos");
  await dialog.getByRole("button", { name: "Apagar para todos" }).click();
  await expect(page.locator("article").last().getByText("Mensagem apagada")).toBeVisible();
  await expect(page.getByText("Fica pronto às 16h")).toHaveCount(0);
});

test("message_written_while_the_server_is_away_waits_with_its_reason_and_goes_out_once", async ({ page }) => {
  await signIn(page, AGENT);
  await open(page, "Em atendimento", "Mercado da Praça");
  await page.route("**/messages", (route) => route.abort());
  await composer(page).fill("sem rede");
  await composer(page).press("Enter");
  const message = page.locator("article", { hasText: "sem rede" });
  await expect(message.getByRole("alert")).toContainText("Sem conexão com o servidor");
  await page.unroute("**/messages");
  await message.getByRole("button", { name: "Tentar de novo" }).click();
  await expect(message.getByRole("img", { name: "Lida" })).toBeVisible();
  await expect(message).toHaveCount(1);
});

test("message_written_after_the_session_has_ended_goes_out_once_one_has_signed_in_again", async ({ page, context }) => {
  await signIn(page, AGENT);
  await open(page, "Em atendimento", "Mercado da Praça");
  await context.clearCookies();
  await composer(page).fill("depois da sessão");
  await composer(page).press("Enter");
  await page.getByLabel("E-mail").fill(AGENT);
  await page.getByLabel("Senha", { exact: true }).fill(PASSWORD);
  await expect(page.getByRole("button", { name: "Mostrar ou ocultar o que foi digitado" })).toBeAttached();
  await page.getByRole("button", { name: "Entrar" }).click();
  const message = page.locator("article", { hasText: "depois da sessão" });
  await expect(message.getByRole("img", { name: "Lida" })).toBeVisible();
  await expect(message).toHaveCount(1);
});

test("shift_enter_breaks_the_line_and_a_note_stays_inside", async ({ page }) => {
  await signIn(page, AGENT);
  await open(page, "Em atendimento", "Mercado da Praça");
  await page.getByRole("button", { name: "Nota interna", exact: true }).click();
  const note = page.getByRole("textbox", { name: "Nota interna" });
  await note.pressSequentially("linha um");
  await note.press("Shift+Enter");
  await note.pressSequentially("linha dois");
  await note.press("Enter");
  const message = page.locator('article[data-side="note"]', { hasText: "linha um" });
  await expect(message).toContainText("Nota interna sua");
  await expect(message.locator("span", { hasText: "linha um\nlinha dois" }).last()).toBeVisible();
});

test("files_are_attached_shown_and_sent", async ({ page }) => {
  await signIn(page, AGENT);
  await open(page, "Em atendimento", "Mercado da Praça");
  await page.locator('input[type="file"]').first().setInputFiles({ name: "contrato.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.4 teste") });
  await expect(page.getByText("contrato.pdf")).toBeVisible();
  await page.getByRole("button", { name: "Enviar", exact: true }).click();
  await expect(page.locator("article").getByRole("link", { name: "Baixar contrato.pdf" })).toBeVisible();
});

test("attached_files_wait_while_one_looks_elsewhere_and_after_a_reload", async ({ page }) => {
  await signIn(page, AGENT);
  await open(page, "Em atendimento", "Mercado da Praça");
  const address = page.url();
  await attach(page, "pronto.png", "image/png");
  await expect(page.locator("li", { hasText: "pronto.png" }).getByRole("progressbar")).toHaveCount(0);
  let arrive = () => undefined as void;
  const held = new Promise<void>((done) => (arrive = done));
  await page.route("**/files", async (route) => held.then(() => route.continue()));
  await attach(page, "devagar.pdf");
  await expect(page.getByRole("progressbar", { name: "Enviando devagar.pdf…" })).toBeAttached();
  await page.locator("a[data-item]", { hasText: "Ana Visitante" }).click();
  await expect(page.getByRole("heading", { level: 2, name: "Ana Visitante" })).toBeVisible();
  await expect(tray(page)).toHaveCount(0);
  arrive();
  await page.goBack();
  await expect(tray(page)).toContainText(["pronto.png", "devagar.pdf"]);
  await expect(page.getByRole("progressbar")).toHaveCount(0);
  await page.unroute("**/files");
  await page.route("**/files", () => undefined);
  await attach(page, "perdido.pdf");
  await expect(page.getByRole("progressbar", { name: "Enviando perdido.pdf…" })).toBeAttached();
  await page.goto(address);
  await expect(tray(page)).toContainText(["pronto.png", "devagar.pdf", "Não foi anexado: a página foi recarregada antes do fim."]);
  await expectAccessible(page);
  await page.getByRole("button", { name: "Remover perdido.pdf" }).click();
  await page.getByRole("button", { name: "Enviar", exact: true }).click();
  await expect(page.locator("article").getByRole("link", { name: "Baixar devagar.pdf" })).toBeVisible();
  await page.goto(address);
  await expect(composer(page)).toBeVisible();
  await expect(tray(page)).toHaveCount(0);
});

test("a_template_is_looked_at_and_another_one_chosen_instead", async ({ page }) => {
  await signIn(page, AGENT);
  await open(page, "Em atendimento", "Mercado da Praça");
  await page.getByRole("button", { name: "Enviar modelo" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("combobox", { name: "Modelo" }).click();
  await page.getByRole("option", { name: "pedido_enviado (pt_BR)" }).click();
  await expect(dialog.getByRole("button", { name: "Voltar" })).toHaveCount(0);
  await dialog.getByRole("button", { name: "Continuar" }).click();
  await expect(dialog.getByText("Seu pedido {{1}} saiu para entrega.")).toBeVisible();
  await dialog.getByRole("button", { name: "Enviar modelo" }).click();
  await expect(dialog.getByText("Preencha este campo").first()).toBeVisible();
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Voltar" }).click();
  await expect(dialog.getByText("Seu pedido {{1}} saiu para entrega.")).toHaveCount(0);
  await expect(dialog.getByRole("combobox", { name: "Modelo" })).toHaveValue("pedido_enviado (pt_BR)");
  await dialog.getByRole("button", { name: "Continuar" }).click();
  await dialog.getByLabel("Texto: 1").fill("4471");
  await dialog.getByRole("button", { name: "Enviar modelo" }).click();
  await expect(page.getByText("Modelo enviado")).toBeVisible();
  await page.getByRole("button", { name: "Enviar modelo" }).click();
  await dialog.getByRole("button", { name: "Cancelar" }).focus();
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
  await expect(composer(page)).toBeVisible();
});

test("contact_is_known_by_what_people_know_and_not_by_an_apps_own_ids", async ({ page }) => {
  await signIn(page, AGENT);
  await open(page, "Em atendimento", "Mercado da Praça");
  await page.getByTestId("panel-toggle").click();
  const panel = page.getByRole("complementary", { name: "Contato" });
  await expect(panel.getByText("Telefone")).toBeVisible();
  await expect(panel.getByText(/bsuid|^BR\./)).toHaveCount(0);
});

test("what_the_channel_cannot_take_is_refused_before_anything_is_uploaded", async ({ page }) => {
  const uploads: string[] = [];
  page.on("request", (request) => request.url().includes("/files") && request.method() === "POST" && uploads.push(request.url()));
  await signIn(page, AGENT);
  await open(page, "Em atendimento", "Mercado da Praça");
  const picker = page.locator('input[type="file"]').first();
  await picker.setInputFiles([
    { name: "filme.mp4", mimeType: "video/mp4", buffer: Buffer.from("filme") },
    { name: "figura.webp", mimeType: "image/webp", buffer: Buffer.from("figura") },
    { name: "enorme.png", mimeType: "image/png", buffer: Buffer.alloc(5_000_001) },
  ]);
  const why = page.locator("li").getByRole("alert");
  await expect(why).toHaveText(["Este canal não envia vídeos.", "Este canal não aceita WEBP. Envie JPEG ou PNG.", "Grande demais para este canal: até 5 MB."]);
  const send = page.getByRole("button", { name: "Enviar", exact: true });
  await composer(page).fill("sem eles");
  await expect(send).toBeDisabled();
  await expectAccessible(page);
  for (const name of ["filme.mp4", "figura.webp", "enorme.png"]) await page.getByRole("button", { name: `Remover ${name}` }).click();
  await expect(send).toBeEnabled();
  expect(uploads).toEqual([]);
});

test("files_are_dropped_anywhere_on_a_conversation", async ({ page }) => {
  await signIn(page, AGENT);
  await open(page, "Em atendimento", "Mercado da Praça");
  const dataTransfer = await page.evaluateHandle(() => {
    const given = new DataTransfer();
    for (const name of ["a.txt", "b.txt"]) given.items.add(new File([name], name));
    return given;
  });
  const timeline = page.getByRole("log");
  await timeline.dispatchEvent("dragenter", { dataTransfer });
  await expect(page.getByText("Solte os arquivos aqui para anexar")).toBeVisible();
  await timeline.dispatchEvent("drop", { dataTransfer });
  await expect(page.getByText("Solte os arquivos aqui para anexar")).toBeHidden();
  await page.getByRole("button", { name: "Enviar", exact: true }).click();
  for (const name of ["a.txt", "b.txt"]) await expect(page.locator("article").getByRole("link", { name: `Baixar ${name}` })).toBeVisible();
});

test("a_voice_message_is_recorded_listened_to_let_go_of_and_sent", async ({ page }) => {
  await page.setViewportSize(PHONE);
  await signIn(page, AGENT);
  await open(page, "Em atendimento", "Mercado da Praça");
  const record = page.getByRole("button", { name: "Gravar mensagem de voz" });
  await record.click();
  const time = page.getByRole("timer");
  await expect(time).toHaveText("0:01");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Parar e ouvir" }).click();
  await expect(page.getByLabel("Ouvir a gravação")).toBeVisible();
  await page.getByRole("button", { name: "Descartar" }).click();
  await expect(composer(page)).toBeVisible();
  await record.click();
  await expect(time).toHaveText("0:01");
  const posted = page.waitForRequest((request) => request.method() === "POST" && request.url().endsWith("/messages"));
  await page.getByRole("button", { name: "Enviar", exact: true }).click();
  expect((await posted).postDataJSON()).toMatchObject({ voice: true, text: "" });
  await expect(page.locator('article[data-side="out"] audio')).toHaveCount(1);
});

test("a_microphone_that_is_refused_is_explained", async ({ page }) => {
  await page.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));
  });
  await signIn(page, AGENT);
  await open(page, "Em atendimento", "Mercado da Praça");
  await page.getByRole("button", { name: "Gravar mensagem de voz" }).click();
  await expect(page.getByRole("alert")).toContainText("Libere o acesso nas permissões desta página.");
  await page.getByRole("button", { name: "Descartar" }).click();
  await expect(composer(page)).toBeFocused();
});

test("what_the_customer_writes_appears_by_itself", async ({ page }) => {
  await signIn(page, AGENT);
  await open(page, "Em atendimento", "Mercado da Praça");
  await composer(page).fill("Olá de novo");
  await composer(page).press("Enter");
  await expect(page.locator('article[data-side="in"]', { hasText: "Obrigado por responder" })).toBeVisible();
});

test("keyboard_alone_searches_moves_opens_and_comes_back", async ({ page }) => {
  await signIn(page, AGENT);
  await expect(page.locator("a[data-item]").first()).toBeVisible();
  await page.keyboard.press("2");
  await expect(page).toHaveURL(/\/desk\/mine$/);
  await expect(page.locator("a[data-item]", { hasText: "Mercado da Praça" })).toBeVisible();
  await page.keyboard.press("/");
  await page.keyboard.type("mercado");
  await expect(page.locator("a[data-item]")).toHaveCount(1);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(composer(page)).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(page.locator("a[data-item]").first()).toBeFocused();
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Atalhos do teclado" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.keyboard.press("Escape");
  await expect(page).toHaveURL(/\/desk\/mine$/);
});

test("archive_preference_is_kept_for_the_user", async ({ page }) => {
  await signIn(page, AGENT);
  await open(page, "Em atendimento", "Mercado da Praça");
  await page.getByRole("button", { name: "Preferência de arquivamento" }).click();
  await page.getByRole("menuitemradio", { name: /Arquivar imediatamente/ }).click();
  await expect(page.getByText("Preferência de arquivamento salva")).toBeVisible();
  await page.reload();
  await page.getByRole("button", { name: "Preferência de arquivamento" }).click();
  await expect(page.getByRole("menuitemradio", { name: /Arquivar imediatamente/ })).toBeChecked();
});

test("transfer_moves_the_conversation_and_its_note_stands_in_the_timeline", async ({ page }) => {
  await signIn(page, ADMIN);
  await open(page, "Outros", "Mercado da Praça");
  await page.getByRole("button", { name: "Transferir" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Transferir" }).click();
  await expect(dialog.getByText("Escolha a equipe que vai receber o atendimento")).toBeVisible();
  await dialog.getByRole("combobox", { name: "Equipe" }).click();
  await page.getByRole("option", { name: "Suporte" }).click();
  await dialog.getByLabel("Nota para quem vai receber").fill("Troca autorizada");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Transferir" }).click();
  await expect(page.getByText("Atendimento transferido para Suporte")).toBeVisible();
  await open(page, "Novos", "Mercado da Praça");
  await expect(page.getByText("transferiu para Suporte")).toBeVisible();
  await expect(page.getByText("“Troca autorizada”")).toBeVisible();
});

test("offer_counts_down_and_the_list_loads_more_at_its_end", async ({ page }) => {
  await signIn(page, AGENT);
  await expect(page.getByTestId("countdown").first()).toHaveText(/^\d:\d\d$/);
  await page.getByRole("link", { name: /^Concluídos/ }).click();
  await expect(page.locator("a[data-item]")).toHaveCount(50);
  await page.locator("a[data-item]").last().scrollIntoViewIfNeeded();
  await expect(page.locator("a[data-item]")).toHaveCount(70);
});

test("on_a_phone_the_list_and_the_conversation_are_pages", async ({ page }) => {
  await page.setViewportSize(PHONE);
  await signIn(page, AGENT);
  await expectAccessible(page);
  await open(page, "Em atendimento", "Mercado da Praça");
  await expect(page.locator("a[data-item]")).toHaveCount(0);
  await expectAccessible(page);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(PHONE.width);
  await page.getByRole("button", { name: "Voltar" }).click();
  await expect(page.locator("a[data-item]").first()).toBeVisible();
});

test("list_that_cannot_be_fetched_says_so_and_recovers_on_request", async ({ page }) => {
  await signIn(page, AGENT);
  await page.route("**/api/v1/conversations?folder=concluded*", (route) => route.fulfill({ status: 403, contentType: "application/problem+json", body: '{"status":403,"code":"x","title":"t","detail":"Manutenção"}' }));
  await page.getByRole("link", { name: /^Concluídos/ }).click();
  await expect(page.getByRole("alert")).toContainText("Manutenção");
  await page.unroute("**/api/v1/conversations?folder=concluded*");
  await page.getByRole("button", { name: "Tentar de novo" }).click();
  await expect(page.locator("a[data-item]").first()).toBeVisible();
});
