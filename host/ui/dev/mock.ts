/** A server that speaks the REST contract from memory, inside Vite's development and preview servers (`--mode mock`). Password: see `data.ts`. */
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Connect, Plugin as VitePlugin } from "vite";
import { type WebSocket, WebSocketServer } from "ws";
import { Mock, Refusal, type Request } from "./api.ts";

const CONTENT_POLICY = (nonce: string) =>
  `default-src 'self'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'`;

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function cookie(request: IncomingMessage): string | null {
  return /(?:^|; )balcao_session=([^;]+)/.exec(request.headers.cookie ?? "")?.[1] ?? null;
}

function answer(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) {
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (body === undefined) return response.end();
  if (Buffer.isBuffer(body) || typeof body === "string") return response.end(body);
  response.setHeader("content-type", status >= 400 ? "application/problem+json" : "application/json");
  response.end(JSON.stringify(body));
}

function handler(mock: Mock): Connect.NextHandleFunction {
  return (request, response, next) => {
    const url = new URL(request.url ?? "/", "http://mock");
    if (!url.pathname.startsWith("/api/v1/")) return next();
    void (async () => {
      const raw = await bodyOf(request);
      const json = request.headers["content-type"]?.startsWith("application/json") && raw.length > 0;
      const call: Request = {
        method: request.method ?? "GET",
        path: url.pathname.slice("/api/v1".length),
        query: url.searchParams,
        body: json ? (JSON.parse(raw.toString()) as Record<string, unknown>) : {},
        raw,
        session: cookie(request),
        key: String(request.headers["idempotency-key"] ?? ""),
        ifMatch: String(request.headers["if-match"] ?? ""),
      };
      try {
        const result = mock.call(call);
        answer(response, result.status ?? 200, result.body, result.headers);
      } catch (error) {
        const refusal = error instanceof Refusal ? error : new Refusal(500, "internal", String(error));
        answer(response, refusal.status, { type: "about:blank", title: refusal.code, status: refusal.status, code: refusal.code, detail: refusal.message, errors: refusal.errors });
      }
    })();
  };
}

function realtime(mock: Mock) {
  const server = new WebSocketServer({ noServer: true });
  return (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (!request.url?.startsWith("/api/v1/realtime")) return;
    const user = mock.userOf(cookie(request));
    if (!user) {
      socket.end("HTTP/1.1 401 Unauthorized\r\n\r\n");
      return;
    }
    server.handleUpgrade(request, socket, head, (client: WebSocket) => {
      const forget = mock.listen((event) => client.send(JSON.stringify(event)));
      client.on("message", (data) => {
        const said = JSON.parse(String(data)) as { type: string };
        if (said.type === "hello") client.send(JSON.stringify({ type: "ready", seq: mock.seq }));
      });
      client.on("close", forget);
    });
  };
}

/** As the real server does: every page carries a content security policy with a fresh nonce. */
function policed(html: string, response: ServerResponse): string {
  const nonce = randomBytes(12).toString("base64url");
  response.setHeader("content-security-policy", CONTENT_POLICY(nonce));
  return html.replace('name="csp-nonce" content=""', `name="csp-nonce" content="${nonce}"`);
}

export function mockServer(): VitePlugin {
  const mock = new Mock();
  return {
    name: "balcao-mock",
    configureServer(server) {
      server.middlewares.use(handler(mock));
      server.httpServer?.on("upgrade", realtime(mock));
    },
    configurePreviewServer(server) {
      server.middlewares.use(handler(mock));
      server.httpServer.on("upgrade", realtime(mock));
      server.middlewares.use((request, response, next) => {
        const path = new URL(request.url ?? "/", "http://mock").pathname;
        if (path.includes(".")) return next();
        void import("node:fs/promises")
          .then((fs) => fs.readFile(new URL("../dist/index.html", import.meta.url), "utf8").catch(() => fs.readFile("dist/index.html", "utf8")))
          .then((html) => {
            response.setHeader("content-type", "text/html; charset=utf-8");
            response.end(policed(html, response));
          });
      });
    },
  };
}
