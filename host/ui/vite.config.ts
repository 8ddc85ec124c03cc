import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { mockServer } from "./dev/mock.ts";

/**
 * `npm run build` writes `dist/`, which the server embeds. `npm run dev` (mode `mock`) answers the API from memory; mode `server` proxies to a
 * running server at `BALCAO_URL`. Nothing of `dev/` reaches the build.
 */
export default defineConfig(({ mode }) => {
  const server = process.env.BALCAO_URL ?? "http://127.0.0.1:8080";
  return {
    plugins: [react(), mode === "mock" ? mockServer() : null],
    // The content security policy allows no `data:` fonts or scripts, so nothing is inlined.
    resolve: { alias: { "@rjsf/validator-ajv8": new URL("./src/forms/no-validator.ts", import.meta.url).pathname } },
    build: { assetsInlineLimit: 0, chunkSizeWarningLimit: 900 },
    server: {
      host: "127.0.0.1",
      port: 5173,
      strictPort: true,
      proxy: mode === "server" ? { "/api": { target: server, ws: true } } : undefined,
    },
    test: { include: ["src/**/*.test.ts"], environment: "node" },
  };
});
