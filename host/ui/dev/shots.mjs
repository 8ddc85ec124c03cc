// Takes pictures of the interface against the mock, to be looked at. `node dev/shots.mjs OUT [filter]`, with BASE_URL of a running preview.
import { mkdir } from "node:fs/promises";
import { chromium } from "@playwright/test";

const out = process.argv[2] ?? "shots";
const only = process.argv[3] ?? "";
const base = process.env.BASE_URL ?? "http://127.0.0.1:4173";
const SIZES = { wide: [1440, 900], phone: [390, 844] };
await mkdir(out, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"] });

const SHOTS = {
  signin: { user: null, path: "/" },
  queued: { user: "agent1", path: "/desk/queued", open: "Padaria Central" },
  mine: { user: "agent1", path: "/desk/mine", open: "Mercado da Praça" },
  rich: { user: "agent1", path: "/desk/mine", open: "Mercado da Praça", then: async (page) => {
    await page.getByRole("log").hover();
    await page.mouse.wheel(0, -5000);
  } },
  concluded: { user: "agent1", path: "/desk/concluded", open: "Cliente 101" },
  admin: { user: "admin", path: "/desk/others" },
  panel: { user: "agent1", path: "/desk/mine", open: "Mercado da Praça", then: async (page) => {
    await page.getByTestId("conclude").waitFor();
    const toggle = page.getByTestId("panel-toggle");
    if (await toggle.isVisible()) return toggle.click();
    await page.getByRole("button", { name: "Mais opções" }).click();
    await page.getByRole("menuitem", { name: "Dados do contato" }).click();
  } },
  classify: {
    user: "admin",
    path: "/desk/others",
    open: "Mercado da Praça",
    then: async (page) => {
      await page.getByTestId("conclude").click();
      await page.getByRole("menuitem", { name: "Classificar e Concluir" }).click();
      await page.getByLabel("Venda concluída").click();
    },
  },
  conclude: { user: "agent1", path: "/desk/queued", open: "Padaria Central", then: (page) => page.getByRole("button", { name: "Preferência de arquivamento" }).click() },
  transfer: { user: "agent1", path: "/desk/mine", open: "Mercado da Praça", then: async (page) => {
    await page.getByTestId("conclude").waitFor();
    const direct = page.getByRole("button", { name: "Transferir" });
    if (await direct.isVisible()) await direct.click();
    else { await page.getByRole("button", { name: "Mais opções" }).click(); await page.getByRole("menuitem", { name: "Transferir" }).click(); }
  } },
  profile: { user: "agent1", path: "/desk/queued", then: (page) => page.getByRole("button", { name: /Menu do perfil/ }).click() },
  apps: { user: "admin", path: "/apps" },
  app: { user: "admin", path: "/apps/distribution" },
  health: { user: "admin", path: "/apps/distribution", then: (page) => page.getByRole("tab", { name: "Saúde" }).click() },
  failures: { user: "admin", path: "/apps/distribution", then: (page) => page.getByRole("tab", { name: "Falhas" }).click() },
  logs: { user: "admin", path: "/apps/distribution", then: (page) => page.getByRole("tab", { name: "Registros" }).click() },
  consent: { user: "admin", path: "/apps/telegram", then: (page) => page.getByRole("button", { name: "Habilitar" }).click() },
  channels: { user: "admin", path: "/settings/channels" },
  channel: { user: "admin", path: "/settings/channels", then: (page) => page.getByText("WhatsApp Loja").first().click() },
  newchannel: { user: "admin", path: "/settings/channels", then: (page) => page.getByRole("button", { name: "Conectar canal" }).click() },
  teams: { user: "admin", path: "/settings/teams", then: (page) => page.getByText("Vendas").first().click() },
  hours: { user: "admin", path: "/settings/teams", then: async (page) => {
    await page.getByText("Suporte").first().click();
    await page.getByRole("button", { name: /^Alterar o horário/ }).click();
    await page.getByRole("heading", { name: "Dias e horários" }).waitFor();
  } },
  hoursbelow: { user: "admin", path: "/settings/teams", then: async (page) => {
    await page.getByText("Suporte").first().click();
    await page.getByRole("button", { name: /^Alterar o horário/ }).click();
    await page.getByRole("button", { name: "Incluir feriados nacionais" }).click();
    await page.getByLabel("Mensagem").scrollIntoViewIfNeeded();
  } },
  closed: { user: "agent1", path: "/desk/queued", open: "Oficina do Bairro" },
  supporthours: { user: "admin", path: "/settings/teams", then: (page) => page.getByText("Suporte").first().click() },
  users: { user: "admin", path: "/settings/users" },
};

for (const [size, [width, height]] of Object.entries(SIZES)) {
  for (const scheme of ["light", "dark"]) {
    for (const [name, shot] of Object.entries(SHOTS)) {
      const file = `${name}-${size}-${scheme}`;
      if (!file.includes(only)) continue;
      const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, locale: "pt-BR", hasTouch: size === "phone", deviceScaleFactor: 1 });
      const page = await context.newPage();
      page.setDefaultTimeout(5000);
      page.on("console", (message) => ["error", "warning"].includes(message.type()) && !/401|WebSocket/.test(message.text()) && console.log(file, message.text().slice(0, 300)));
      page.on("pageerror", (error) => console.log(file, "ERROR", error.message));
      try {
        if (shot.user) await context.request.post(`${base}/api/v1/session`, { data: { email: `${shot.user}@demo.localhost`, password: "demo-demo-demo" } });
        await page.goto(base + shot.path);
        if (shot.open) await page.locator("a[data-item]", { hasText: shot.open }).first().click();
        if (shot.then) await shot.then(page);
        await page.waitForTimeout(1200);
        await page.screenshot({ path: `${out}/${file}.png` });
      } catch (error) {
        console.log(file, "FAILED", error.message.split("\n")[0]);
      }
      await context.close();
    }
  }
}
await browser.close();
