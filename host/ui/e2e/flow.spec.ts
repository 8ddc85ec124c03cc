/** The main job, against the mock and the real server alike: somebody waits; an agent starts, answers and concludes. */
import { expect, test } from "@playwright/test";
import { expectAccessible } from "./axe";
import { ADMIN, signIn, signInWhereSomebodyWaits, signOut } from "./people";

test("wrong_password_is_refused_in_words_and_the_page_stays", async ({ page }) => {
  await page.goto("/");
  await page.getByLabel("E-mail").fill(ADMIN);
  await page.getByLabel("Senha", { exact: true }).fill("certainly-not-the-password");
  await page.getByRole("button", { name: "Entrar" }).click();
  await expect(page.getByRole("alert")).toHaveText("E-mail ou senha incorretos.");
  await expectAccessible(page);
});

test("agent_starts_answers_and_concludes_a_waiting_conversation", async ({ page }) => {
  await signInWhereSomebodyWaits(page);
  await page.getByRole("link", { name: /^Novos/ }).click();
  const first = page.locator("a[data-item]").first();
  const id = await first.getAttribute("data-item");
  await first.click();
  await expect(page.getByRole("log")).toBeVisible();
  await expectAccessible(page);

  await page.getByTestId("start").click();
  await expect(page).toHaveURL(new RegExp(`/desk/mine/${id}$`));
  await expect(page.locator(`a[data-item="${id}"]`)).toHaveAttribute("aria-current", "page");

  const text = `Resposta de teste ${Date.now()}`;
  const composer = page.getByRole("textbox", { name: /^Mensagem para/ });
  await composer.fill(text);
  await composer.press("Enter");
  await expect(composer).toHaveValue("");
  const sent = page.locator("article", { hasText: text });
  await expect(sent).toHaveCount(1);
  await expect(sent.getByRole("img", { name: /^(Enviada|Entregue|Lida)$/ })).toBeVisible({ timeout: 20_000 });

  await page.getByTestId("conclude").click();
  // With the classification app enabled the choice comes first; without, the click has concluded.
  const plain = page.getByRole("menuitem", { name: "Concluir", exact: true });
  await expect(plain.or(page.getByText("Atendimento concluído")).first()).toBeVisible();
  if (await plain.isVisible()) await plain.click();
  await expect(page.getByText("Atendimento concluído").first()).toBeVisible();
  await expect(page.locator(`a[data-item="${id}"]`)).toHaveCount(0);

  await page.getByRole("link", { name: /^Concluídos/ }).click();
  await page.locator(`a[data-item="${id}"]`).click();
  await expect(page.getByTestId("conclusion")).toContainText("Concluído por");
  await expect(page.locator("article", { hasText: text })).toHaveCount(1);
});

test("an_agent_has_neither_the_apps_nor_the_folder_of_others", async ({ page }) => {
  await signIn(page, process.env.BALCAO_PLAIN_AGENT ?? "agent1@demo.localhost");
  await expect(page.getByRole("link", { name: /^Outros/ })).toHaveCount(0);
  await expect(page.getByRole("link", { name: "Apps" })).toHaveCount(0);
  await page.goto("/apps");
  await expect(page.getByText("Somente administradores podem ver e habilitar apps.")).toBeVisible();
});

test("admin_reads_what_an_app_may_do_in_mais_apps", async ({ page }) => {
  await signIn(page, ADMIN);
  await page.getByRole("link", { name: "Apps" }).click();
  await expect(page.getByRole("heading", { name: "Mais Apps" })).toBeVisible();
  await expect(page.locator("main h2").first()).toBeVisible();
  await expectAccessible(page);
  await page.locator("main li a").first().click();
  await page.getByRole("tab", { name: "Sobre" }).click();
  await expect(page.getByRole("heading", { name: "O que este app pode fazer" })).toBeVisible();
  await expectAccessible(page);
});

test("language_and_sign_out_work_from_the_profile_menu", async ({ page }) => {
  await signIn(page, ADMIN);
  await page.getByRole("button", { name: /^Menu do perfil/ }).click();
  await page.getByText("English", { exact: true }).click();
  await expect(page.getByRole("link", { name: /^New/ })).toBeVisible();
  await page.getByText("Português", { exact: true }).click();
  await expect(page.getByRole("link", { name: /^Novos/ })).toBeVisible();
  await page.keyboard.press("Escape");
  await signOut(page);
});
