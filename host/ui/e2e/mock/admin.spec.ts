/** Apps and settings with the mock's data. */
import { expect, test } from "@playwright/test";
import { expectAccessible } from "../axe";
import { ADMIN, signIn } from "../people";

test.beforeEach(async ({ page, request }) => {
  expect((await request.post("/api/v1/mock/reset")).ok()).toBe(true);
  await signIn(page, ADMIN);
});

test("an_app_is_enabled_only_after_consent_and_with_its_settings", async ({ page }) => {
  await page.goto("/apps/distribution");
  await page.getByRole("button", { name: "Desabilitar" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Desabilitar" }).click();
  await page.getByRole("button", { name: "Habilitar", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByText("Direcionar conversas a atendentes")).toBeVisible();
  await expect(dialog.getByRole("button", { name: "Continuar" })).toBeDisabled();
  await expectAccessible(page);
  await dialog.getByLabel("Li e permito tudo o que está acima").check();
  await dialog.getByRole("button", { name: "Continuar" }).click();
  await expect(dialog.getByLabel("Vendas")).toBeChecked();
  await dialog.getByLabel("Tempo para iniciar (minutos)").fill("5");
  await dialog.getByRole("button", { name: "Habilitar" }).click();
  await expect(dialog.getByText("O valor mínimo é 10").first()).toBeVisible();
  await expectAccessible(page);
  await dialog.getByLabel("Tempo para iniciar (minutos)").fill("15");
  await dialog.getByRole("button", { name: "Habilitar" }).click();
  await expect(page.getByText("Distribuição de atendimentos está habilitado")).toBeVisible();
  await expect(page.getByRole("button", { name: "Desabilitar" })).toBeVisible();
});

test("catalogue_is_searched_without_accents", async ({ page }) => {
  await page.goto("/apps");
  await expect(page.locator("main li a")).toHaveCount(5);
  await page.getByRole("searchbox", { name: "Buscar apps" }).fill("distribuicao");
  await expect(page.locator("main li a")).toHaveCount(1);
  await page.getByRole("searchbox", { name: "Buscar apps" }).fill("nada disso");
  await expect(page.getByText("Nenhum app encontrado")).toBeVisible();
});

test("a_channel_is_connected_and_its_secrets_are_never_shown_again", async ({ page }) => {
  await page.goto("/settings/channels");
  await page.getByRole("button", { name: "Conectar canal" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Nome do canal").fill("WhatsApp Filial");
  await dialog.getByRole("combobox", { name: "Equipe que recebe as conversas" }).click();
  await page.getByRole("option", { name: "Suporte" }).click();
  await dialog.getByRole("button", { name: "Conectar canal" }).click();
  await expect(dialog.getByText("Preencha este campo").first()).toBeVisible();
  await dialog.getByLabel("Chave secreta do app").fill("segredo-1");
  await dialog.getByLabel("Token de verificação").fill("segredo-2");
  await dialog.getByLabel("Token de acesso").fill("segredo-3");
  await dialog.getByRole("button", { name: "Conectar canal" }).click();
  await expect(page.getByText(/^http:\/\/127.0.0.1:8080\/hooks\/chn_/)).toBeVisible();
  await expect(page.getByLabel("Token de acesso")).toHaveValue("");
  await expect(page.getByLabel("Token de acesso")).toHaveAttribute("placeholder", "definido: deixe em branco para manter");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Testar conexão" }).click();
  await expect(page.getByText("Conexão funcionando")).toBeVisible();
});

test("team_shows_the_order_with_an_arrow_and_skips_who_is_made_unavailable", async ({ page }) => {
  await page.goto("/settings/teams");
  await page.getByRole("button", { name: /^Vendas/ }).click();
  const next = page.locator('li[aria-current="true"]');
  await expect(next).toHaveText("Atendente 1");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Disponibilidade de Atendente 1: Disponível" }).click();
  await page.getByRole("menuitem", { name: "Indisponível" }).click();
  await expect(next).toHaveText("Atendente 2");
});

test("team_gets_hours_by_presets_copies_and_holidays_and_sees_what_they_mean", async ({ page }) => {
  await page.goto("/settings/teams");
  await page.getByRole("button", { name: /^Vendas/ }).click();
  const summary = page.getByRole("region", { name: "Horário de atendimento" });
  await expect(summary).toContainText("Sempre aberto");
  await summary.getByRole("button", { name: "Alterar o horário de Vendas" }).click();
  const dialog = page.getByRole("dialog", { name: "Horário de atendimento · Vendas" });
  await expect(dialog.getByRole("status").first()).toContainText("Sempre aberto");
  await dialog.getByLabel("Definir horário de atendimento").check();
  await expect(dialog.getByRole("status").first()).toContainText(/(Aberto|Fechado) agora · (fecha|abre) /);
  await expectAccessible(page);

  // By keyboard alone: a preset, then a second interval, then that day's hours for every day.
  await dialog.getByRole("button", { name: "24 horas" }).focus();
  await page.keyboard.press("Enter");
  await expect(dialog.getByRole("status").first()).toContainText("Aberto agora");
  await dialog.getByRole("button", { name: "Seg–Sex 9h–18h" }).press("Enter");
  await dialog.getByRole("button", { name: "Incluir intervalo: Segunda-feira" }).press("Enter");
  await expect(dialog.getByLabel("Início · Segunda-feira")).toHaveCount(2);
  await dialog.getByLabel("Início · Segunda-feira").last().fill("17:00");
  await expect(dialog.getByText("este intervalo começa antes de o anterior terminar")).toBeVisible();
  await expect(dialog.getByRole("status").first()).toContainText("Há campos a corrigir");
  await expectAccessible(page);
  await dialog.getByLabel("Início · Segunda-feira").last().fill("20:00");
  await dialog.getByLabel("Fim · Segunda-feira").last().fill("02:00");
  await expect(dialog.getByText("do dia seguinte")).toBeVisible();
  await dialog.getByRole("button", { name: "Copiar ou mudar o dia inteiro: Segunda-feira" }).press("Enter");
  await page.getByRole("menuitem", { name: "Para todos os dias" }).press("Enter");
  await expect(dialog.getByLabel("Fim · Domingo").last()).toHaveValue("02:00");
  await dialog.getByLabel("Domingo: atende").uncheck();

  await dialog.getByRole("combobox", { name: "Ano dos feriados" }).click();
  const next = String(new Date().getFullYear() + 1);
  await page.getByRole("option", { name: next }).click();
  await dialog.getByRole("button", { name: "Incluir feriados nacionais" }).click();
  await expect(dialog.getByText("10 datas incluídas")).toBeVisible();
  await dialog.getByRole("button", { name: "Incluir feriados nacionais" }).click();
  await expect(dialog.getByText("0 datas incluídas")).toBeVisible();
  await dialog.getByLabel("Mensagem").fill("");
  await dialog.getByRole("button", { name: "Salvar" }).click();
  await expect(dialog.getByText("preencha este campo")).toBeVisible();
  await dialog.getByLabel("Mensagem").fill("Voltamos logo!");
  await dialog.getByRole("button", { name: "Salvar" }).click();
  await expect(dialog).toHaveCount(0);
  await expect(summary).toContainText("Seg a sáb9h–18h, 20h–2h");
  await expect(summary).toContainText("10 feriados · Com resposta automática");
});

test("hours_that_somebody_else_changes_meanwhile_are_not_overwritten_and_nothing_typed_is_lost", async ({ page }) => {
  await page.goto("/settings/teams");
  await page.getByRole("button", { name: /^Vendas/ }).click();
  await page.getByRole("button", { name: "Alterar o horário de Vendas" }).click();
  const dialog = page.getByRole("dialog", { name: "Horário de atendimento · Vendas" });
  await dialog.getByLabel("Definir horário de atendimento").check();
  await dialog.getByLabel("Mensagem").fill("Oi ");
  await dialog.getByRole("button", { name: "Inserir {{nome}}" }).click();
  await expect(dialog.getByLabel("Mensagem")).toHaveValue("Oi {{nome}}");
  const others = async (from: string) => {
    const path = await page.evaluate(async () => {
      const teams = await (await fetch("/api/v1/teams")).json();
      return `/api/v1/teams/${(teams.items ?? teams).find((it: { name: string }) => it.name === "Vendas").id}/hours`;
    });
    return page.evaluate(
      async ([path, from]) => {
        const hours = await (await fetch(path)).json();
        const body = JSON.stringify({ ...hours, enabled: true, week: { ...hours.week, monday: [{ from, until: "18:00" }] } });
        return (await fetch(path, { method: "PUT", headers: { "content-type": "application/json", "x-balcao": "1" }, body })).status;
      },
      [path, from] as const,
    );
  };
  // The screen is told of it only as it saves.
  await page.route(/\/teams\/\w+\/hours$/, (route) => (route.request().method() === "GET" && route.request().headers().accept === "application/json" ? route.abort() : route.continue()));
  expect(await others("06:00")).toBe(200);
  await page.unroute(/\/teams\/\w+\/hours$/);
  await dialog.getByRole("button", { name: "Salvar" }).click();
  const conflict = dialog.getByRole("alert");
  await expect(conflict).toContainText("Outra pessoa alterou este horário enquanto você editava");
  await expect(conflict).toContainText("Segunda-feira 6h–18h");
  await expect(dialog.getByLabel("Mensagem")).toHaveValue("Oi {{nome}}");
  await expect(dialog.getByRole("button", { name: "Salvar", exact: true })).toBeDisabled();
  await expectAccessible(page);
  await conflict.getByRole("button", { name: "Salvar o meu por cima" }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page.getByRole("region", { name: "Horário de atendimento" })).toContainText("9h–18h");

  // Or the stored ones are taken; and whoever looks on is told at once.
  await page.getByRole("button", { name: "Alterar o horário de Vendas" }).click();
  expect(await others("07:00")).toBe(200);
  await dialog.getByRole("alert").getByRole("button", { name: "Descartar o meu e usar o salvo" }).click();
  await expect(dialog.getByLabel("Início · Segunda-feira")).toHaveValue("07:00");
  await expect(dialog.getByRole("alert")).toHaveCount(0);
  await expect(dialog.getByRole("button", { name: "Salvar", exact: true })).toBeEnabled();
});

test("hours_editor_is_accessible_in_dark_and_on_a_phone", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto("/settings/teams");
  await page.getByRole("button", { name: /^Suporte/ }).click();
  await page.getByRole("button", { name: "Alterar o horário de Suporte" }).click();
  await expect(page.getByRole("dialog", { name: /^Horário/ }).getByRole("status").first()).toContainText("Fechado agora · abre amanhã às 09:00");
  await expectAccessible(page);
  const editor = page.getByRole("dialog", { name: /^Horário/ });
  expect(await editor.evaluate((it) => it.scrollWidth - it.clientWidth)).toBe(0);
});

test("user_is_created_and_a_taken_address_is_refused_beside_its_field", async ({ page }) => {
  await page.goto("/settings/users/new");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Nome").fill("Atendente 4");
  await dialog.getByLabel("E-mail").fill("agent1@demo.localhost");
  await dialog.getByLabel(/^Senha/).fill("curta");
  await dialog.getByRole("button", { name: "Salvar" }).click();
  await expect(dialog.getByText("Use pelo menos 10 caracteres")).toBeVisible();
  await dialog.getByLabel(/^Senha/).fill("uma-senha-longa");
  await dialog.getByRole("button", { name: "Salvar" }).click();
  await expect(dialog.getByText("Já existe um usuário com este e-mail")).toBeVisible();
  await expectAccessible(page);
  await dialog.getByLabel("E-mail").fill("agent4@demo.localhost");
  await dialog.getByRole("combobox", { name: "Equipes" }).click();
  await page.getByRole("option", { name: "Vendas" }).click();
  await page.getByRole("option", { name: "Suporte" }).click();
  await page.keyboard.press("Tab");
  const { items } = await (await page.request.get("/api/v1/teams")).json();
  const refused = items.find((each: { name: string }) => each.name === "Suporte").id;
  await page.route(new RegExp(`/teams/${refused}/members/`), (route) => route.abort());
  await dialog.getByRole("button", { name: "Salvar" }).click();
  await expect(page.getByRole("button", { name: /Atendente 4/ })).toBeVisible();
  await expect(page.getByText("Usuário criado")).toBeVisible();
  await expect(page.getByText("Atendente 4 não entrou em Suporte. Inclua a pessoa em Ajustes → Equipes.")).toBeVisible();
  await page.goto("/settings/teams");
  await expect(page.getByRole("button", { name: /^Vendas 5 pessoas/ })).toBeVisible();
  await expect(page.getByRole("button", { name: /^Suporte 2 pessoas/ })).toBeVisible();
});

test("pages_are_accessible_in_dark_and_on_a_phone", async ({ page }) => {
  // Eight pages, each analysed: slow on a busy machine.
  test.setTimeout(150_000);
  await page.emulateMedia({ colorScheme: "dark" });
  for (const path of ["/apps", "/apps/whatsapp", "/settings/channels", "/settings/teams", "/settings/users"]) {
    await page.goto(path);
    await expect(page.locator("main h1")).toBeVisible();
    await expectAccessible(page);
  }
  await page.setViewportSize({ width: 390, height: 844 });
  for (const path of ["/apps", "/settings/channels", "/settings/users"]) {
    await page.goto(path);
    await expect(page.locator("main h1")).toBeVisible();
    await expectAccessible(page);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  }
});

test("the_largest_file_of_a_channel_is_set_in_megabytes_and_taken_back", async ({ page }) => {
  await page.goto("/settings/channels");
  await page.locator("main").getByRole("link").or(page.locator("main").getByRole("button")).filter({ hasText: "WhatsApp" }).first().click();
  const field = page.getByLabel("Tamanho máximo de arquivo (MB)");
  await field.fill("0,05");
  await field.blur();
  await expect(page.getByText("Digite um valor entre 0,1 e 1.000")).toBeVisible();
  await field.fill("12,5");
  const saved = page.waitForRequest((request) => request.method() === "PATCH");
  await field.blur();
  expect((await saved).postDataJSON()).toEqual({ max_file_bytes: 12_500_000 });
  await expect(field).toHaveValue("12,5");
  await expectAccessible(page);
  await field.fill("");
  const taken = page.waitForRequest((request) => request.method() === "PATCH");
  await field.blur();
  expect((await taken).postDataJSON()).toEqual({ max_file_bytes: null });
});

test("what_is_typed_beside_a_channels_form_is_neither_lost_nor_saved_unless_it_can_be", async ({ page }) => {
  const patches: unknown[] = [];
  page.on("request", (request) => request.method() === "PATCH" && patches.push(request.postDataJSON()));
  await page.goto("/settings/channels");
  const row = page.getByRole("button", { name: /^WhatsApp Loja/ });
  await row.click();
  const field = page.getByLabel("Tamanho máximo de arquivo (MB)");
  const wrong = page.getByText("Digite um número, por exemplo 16");
  for (const typed of ["abc", "1e3"]) {
    await field.fill(typed);
    await field.press("Enter");
    await expect(wrong).toBeVisible();
    await expect(field).toHaveValue(typed);
  }
  // Something else that is saved leaves it as it is.
  await page.getByLabel("Nome do canal").fill("Loja Centro");
  await page.getByLabel("Nome do canal").press("Enter");
  await expect(page.getByText("Alterações salvas")).toBeVisible();
  await expect(wrong).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByText("Descartar as alterações?")).toBeVisible();
  await page.getByRole("button", { name: "Continuar editando" }).click();
  expect(patches).toEqual([{ name: "Loja Centro" }]);

  // The server's refusal stands beside the field, and closing asks.
  await page.route(/\/channels\/\w+$/, (route) => (route.request().method() === "PATCH" ? route.fulfill({ status: 422, contentType: "application/problem+json", json: { type: "about:blank", title: "invalid", status: 422, code: "invalid", errors: { max_file_bytes: "deve ser menor" } } }) : route.continue()));
  await field.fill("16");
  await field.press("Enter");
  await expect(page.getByText("deve ser menor")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByText("Descartar as alterações?")).toBeVisible();
  await page.getByRole("button", { name: "Continuar editando" }).click();
  await page.unroute(/\/channels\/\w+$/);

  // What can be saved is saved as the drawer closes.
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  expect(patches.at(-1)).toEqual({ max_file_bytes: 16_000_000 });
  await page.getByRole("button", { name: /^Loja Centro/ }).click();
  await expect(field).toHaveValue("16");
});

test("a_channels_drawer_says_nothing_old_of_the_connection_and_notices_leave_its_buttons_free", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto("/settings/channels");
  await page.getByRole("button", { name: /^WhatsApp Suporte/ }).click();
  const drawer = page.getByRole("dialog");
  await expect(drawer.getByText("O provedor recusou 2 envios na última hora")).toBeVisible();
  await page.getByRole("button", { name: "Testar conexão" }).click();
  await expect(page.getByText("Conexão funcionando")).toBeVisible();
  await expect(drawer.getByText("O provedor recusou 2 envios na última hora")).toHaveCount(0);
  await page.getByLabel("Canal ligado").click();
  await expect(drawer.getByText("Desligado", { exact: true })).toBeVisible();
  await expect(page.getByText("Conexão funcionando")).toHaveCount(0);
  await expectAccessible(page);
  // With the notice still there.
  await expect(page.getByText("Alterações salvas")).toBeVisible();
  await drawer.getByRole("button", { name: "Fechar" }).click({ timeout: 1000 });
  await expect(drawer).toHaveCount(0);
});
