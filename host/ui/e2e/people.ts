/** Who signs in: the demo workspace's people, or those given by the environment. */
import { expect, type Page } from "@playwright/test";

export const PASSWORD = process.env.BALCAO_PASSWORD ?? "demo-demo-demo";
export const ADMIN = process.env.BALCAO_ADMIN ?? "admin@demo.localhost";
export const AGENTS = (process.env.BALCAO_AGENTS ?? "agent1@demo.localhost,agent2@demo.localhost,agent3@demo.localhost").split(",");

export async function signIn(page: Page, email: string): Promise<void> {
  await page.goto("/");
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Senha", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Entrar" }).click();
  await expect(page.getByRole("link", { name: /^Novos/ })).toBeVisible();
}

export async function signOut(page: Page): Promise<void> {
  await page.getByRole("button", { name: /^Menu do perfil/ }).click();
  await page.getByRole("menuitem", { name: "Sair" }).click();
  await expect(page.getByRole("heading", { name: "Entrar" })).toBeVisible();
}

/** Signs in as whoever of the agents has somebody waiting in Novos: an app may have offered the conversation to any of them. */
export async function signInWhereSomebodyWaits(page: Page): Promise<void> {
  for (const agent of AGENTS) {
    await signIn(page, agent);
    const count = page.getByTestId("count-queued");
    await expect(count).toBeVisible();
    if ((await count.textContent()) !== "0") return;
    await signOut(page);
  }
  throw new Error("Nobody waits in Novos for any of the agents: send a message through a channel first.");
}
