import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiError, address, api, newKey, noteServerDate, onSessionOver, serverNow } from "./client";

afterEach(() => vi.unstubAllGlobals());

function answering(status: number, body: string, headers: Record<string, string> = {}) {
  const fetched = vi.fn(async (_url: string, _init: RequestInit) => new Response(status === 204 ? null : body, { status, headers }));
  vi.stubGlobal("fetch", fetched);
  return fetched;
}

describe("requests", () => {
  it("leaves_absent_and_empty_parameters_out_of_the_address", () => {
    expect(address("/conversations", { folder: "queued", q: "", team: undefined, after: null, unread: false, limit: 50 })).toBe("/api/v1/conversations?folder=queued&limit=50");
  });
  it("carries_the_csrf_header_and_the_idempotency_key", async () => {
    const fetched = answering(201, "{}");
    await api.post("/conversations/cnv_1/messages", { text: "oi" }, "k1");
    expect(fetched.mock.calls[0]?.[1].headers).toMatchObject({ "x-balcao": "1", "idempotency-key": "k1", "content-type": "application/json" });
  });
  it("makes_keys_that_do_not_repeat", () => {
    expect(new Set(Array.from({ length: 500 }, newKey)).size).toBe(500);
  });
});

describe("refusals", () => {
  const refusal = (promise: Promise<unknown>) => promise.then(() => expect.unreachable(), (error: unknown) => error as ApiError);
  it("reads_problem_json_with_its_field_errors_and_the_time_to_wait", async () => {
    answering(429, JSON.stringify({ status: 429, code: "rate_limited", title: "Too many", detail: "Aguarde.", errors: { email: "x" } }), { "retry-after": "7" });
    expect(await refusal(api.get("/x"))).toMatchObject({ status: 429, code: "rate_limited", message: "Aguarde.", retryAfter: 7, errors: { email: "x" } });
  });
  it("understands_a_refusal_that_is_not_json", async () => {
    answering(502, "<html>Bad gateway</html>");
    expect(await refusal(api.get("/x"))).toMatchObject({ status: 502, code: "unavailable", title: "HTTP 502" });
  });
  it("calls_a_failed_connection_offline", async () => {
    vi.stubGlobal("fetch", vi.fn().mockRejectedValue(new TypeError("failed to fetch")));
    expect(await refusal(api.get("/x"))).toMatchObject({ status: 0, code: "offline" });
  });
  it("tells_that_the_session_is_over_but_not_whoever_asks_for_it_or_signs_in", async () => {
    const over = vi.fn();
    onSessionOver(over);
    answering(401, JSON.stringify({ status: 401, code: "unauthenticated", title: "Unauthorized" }));
    await refusal(api.get("/session"));
    await refusal(api.post("/session", {}));
    expect(over).not.toHaveBeenCalled();
    await refusal(api.post("/conversations/cnv_1/messages", { text: "oi" }));
    await refusal(api.get("/conversations", { folder: "mine" }));
    expect(over).toHaveBeenCalledTimes(2);
  });
  it("gives_nothing_for_an_answer_without_content", async () => {
    answering(204, "");
    expect(await api.delete("/session")).toBeUndefined();
  });
});

describe("the server's clock", () => {
  it("is_followed_where_it_differs_by_more_than_the_headers_coarseness", () => {
    const now = Date.now();
    noteServerDate(new Date(now + 60_000).toUTCString(), now);
    expect(serverNow() - Date.now()).toBeGreaterThan(58_000);
    noteServerDate(new Date(now + 900).toUTCString(), now);
    expect(Math.abs(serverNow() - Date.now())).toBeLessThan(50);
    noteServerDate("nonsense", now);
    expect(Math.abs(serverNow() - Date.now())).toBeLessThan(50);
  });
});
