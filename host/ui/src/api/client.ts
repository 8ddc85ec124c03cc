/**
 * Speaks HTTP with the server: cookies, the CSRF header, problem+json, idempotency keys. It knows no React and keeps no cache; it also notes how
 * far this machine's clock is from the server's, so that countdowns agree with the server.
 */
import type { Problem } from "./types";

/** A refusal of the server, or the absence of an answer (`code: "offline"`). */
export class ApiError extends Error implements Problem {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail?: string;
  readonly errors?: Record<string, string>;
  readonly reason?: Problem["reason"];
  /** Seconds after which a refused request may be repeated. */
  readonly retryAfter?: number;

  constructor(problem: Problem, retryAfter?: number) {
    super(problem.detail || problem.title);
    this.status = problem.status;
    this.code = problem.code;
    this.title = problem.title;
    this.detail = problem.detail;
    this.errors = problem.errors;
    this.reason = problem.reason;
    this.retryAfter = retryAfter;
  }
}

/** Whether somebody else may have changed what a request was about, before it came. */
export function isOvertaken(error: unknown): boolean {
  return error instanceof ApiError && [403, 404, 409].includes(error.status);
}

const BASE = "/api/v1";
let offset = 0;

/** The server's present time in milliseconds, as far as its answers tell. */
export function serverNow(): number {
  return Date.now() + offset;
}

/** Takes a server `Date` header; differences under two seconds are the header's own coarseness. */
export function noteServerDate(header: string | null, at = Date.now()): void {
  const server = header ? Date.parse(header) : Number.NaN;
  if (Number.isNaN(server)) return;
  const difference = server - at;
  offset = Math.abs(difference) > 2000 ? difference : 0;
}

export type Query = Record<string, string | number | boolean | null | undefined>;

/** Builds `/api/v1/…?…`, leaving out what is absent or empty. */
export function address(path: string, query?: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== "" && value !== false) parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return BASE + path + (text ? `?${text}` : "");
}

let sessionOver: () => void = () => undefined;

/** Calls `told` whenever the server answers that nobody is signed in, except to the questions who is and whether one may be. */
export function onSessionOver(told: () => void): void {
  sessionOver = told;
}

function noteSession(status: number, url: string): void {
  if (status === 401 && url !== address("/session")) sessionOver();
}

async function problemOf(response: Response): Promise<ApiError> {
  const after = Number(response.headers.get("retry-after"));
  let body: Partial<Problem> = {};
  try {
    body = (await response.json()) as Partial<Problem>;
  } catch {
    // Not JSON: a proxy's page, or nothing. The status is all there is to say.
  }
  return new ApiError(
    {
      status: response.status,
      code: body.code ?? (response.status === 401 ? "unauthenticated" : response.status >= 500 ? "unavailable" : "invalid"),
      title: body.title ?? `HTTP ${response.status}`,
      detail: body.detail,
      errors: body.errors,
      reason: body.reason,
    },
    after > 0 ? after : undefined,
  );
}

async function send<T>(method: string, url: string, init: { body?: BodyInit; headers?: Record<string, string>; signal?: AbortSignal; onTag?: (tag: string | null) => void }): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      credentials: "same-origin",
      headers: { accept: "application/json", "x-balcao": "1", ...init.headers },
      body: init.body,
      signal: init.signal,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError({ status: 0, code: "offline", title: "offline" });
  }
  noteServerDate(response.headers.get("date"));
  noteSession(response.status, url);
  if (!response.ok) throw await problemOf(response);
  init.onTag?.(response.headers.get("etag"));
  if (response.status === 204) return undefined as T;
  return (await response.json()) as T;
}

/** What was read, with the server's mark of how it was: for a change that is to overwrite nothing else. */
export interface Tagged<T> {
  value: T;
  tag: string | null;
}

async function tagged<T>(path: string, signal?: AbortSignal): Promise<Tagged<T>> {
  let tag: string | null = null;
  const value = await send<T>("GET", address(path), { signal, onTag: (it) => (tag = it) });
  return { value, tag };
}

function json<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
  return send<T>(method, address(path), { body: JSON.stringify(body ?? {}), headers: { "content-type": "application/json", ...headers } });
}

export interface UploadOptions {
  query?: Query;
  signal?: AbortSignal;
  /** From 0 to 1, as the bytes leave. */
  onProgress?: (progress: number) => void;
}

/** By `XMLHttpRequest`: `fetch` does not tell how much has left. */
function upload<T>(url: string, file: File, { signal, onProgress }: UploadOptions): Promise<T> {
  const form = new FormData();
  form.append("file", file, file.name);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const offline = () => reject(new ApiError({ status: 0, code: "offline", title: "offline" }));
    request.open("POST", url);
    for (const [name, value] of Object.entries({ accept: "application/json", "x-balcao": "1" })) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onProgress?.(event.lengthComputable && event.total > 0 ? event.loaded / event.total : 0);
    request.onerror = offline;
    request.onabort = () => reject(new DOMException("aborted", "AbortError"));
    request.onload = () => {
      if (request.status === 0) return offline();
      noteServerDate(request.getResponseHeader("date"));
      noteSession(request.status, url);
      const answer = new Response(request.responseText, { status: request.status, headers: { "retry-after": request.getResponseHeader("retry-after") ?? "" } });
      void (answer.ok ? (answer.json() as Promise<T>).then(resolve) : problemOf(answer).then(reject)).catch(offline);
    };
    if (signal?.aborted) return request.onabort?.(new ProgressEvent("abort"));
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}

export const api = {
  get: <T>(path: string, query?: Query, signal?: AbortSignal) => send<T>("GET", address(path, query), { signal }),
  tagged,
  /** `key` makes a repetition of the same request harmless; give the same one when retrying. */
  post: <T>(path: string, body?: unknown, key: string = newKey()) => json<T>("POST", path, body, { "idempotency-key": key }),
  /** `tag`: refused (412) where it is not any more as it was read with that mark. */
  put: <T>(path: string, body?: unknown, tag?: string | null) => json<T>("PUT", path, body, tag ? { "if-match": tag } : {}),
  patch: <T>(path: string, body?: unknown) => json<T>("PATCH", path, body),
  delete: <T = void>(path: string) => send<T>("DELETE", address(path), {}),
  upload: <T>(path: string, file: File, options: UploadOptions = {}) => upload<T>(address(path, options.query), file, options),
};

/** A key no other request carries. `crypto.randomUUID` needs a secure context, which a plain http address on the local network is not. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Only addresses of this server or plain https links are followed; anything else a provider or plugin gave is shown as text. */
export function safeHref(url: string | null | undefined): string | null {
  if (!url) return null;
  try {
    const parsed = new URL(url, location.origin);
    return parsed.protocol === "https:" || parsed.protocol === "http:" ? parsed.href : null;
  } catch {
    return null;
  }
}
