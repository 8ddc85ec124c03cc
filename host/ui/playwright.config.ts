import { defineConfig } from "@playwright/test";

/**
 * Drives the built interface in Chromium. With `BALCAO_URL` (and `BALCAO_PASSWORD`, see `e2e/people.ts`) against a running server; without, against the
 * mock, where also the tests in `e2e/mock` run, which know its data.
 */
const server = process.env.BALCAO_URL;
const port = Number(process.env.MOCK_PORT ?? 4173);

export default defineConfig({
  testDir: "e2e",
  testIgnore: server ? ["**/mock/**"] : [],
  outputDir: process.env.E2E_OUTPUT ?? "node_modules/.e2e",
  workers: 1,
  fullyParallel: false,
  forbidOnly: true,
  retries: 0,
  timeout: 45_000,
  expect: { timeout: 10_000 },
  reporter: "list",
  use: {
    baseURL: server ?? `http://127.0.0.1:${port}`,
    locale: "pt-BR",
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
    },
  },
  webServer: server
    ? undefined
    : { command: `node node_modules/vite/bin/vite.js preview --mode mock --host 127.0.0.1 --port ${port} --strictPort`, url: `http://127.0.0.1:${port}/`, reuseExistingServer: false },
});
