import { describe, expect, it } from "vitest";
import { ApiError } from "../api/client";
import { translate } from "../i18n";
import { explain, mayPass } from "./report";

const refusal = (status: number, code: string, part: { detail?: string; errors?: Record<string, string> } = {}, after?: number) => new ApiError({ status, code, title: "Title", ...part }, after);
const said = (error: unknown, locale: "pt-BR" | "en" = "pt-BR") => explain(error, (key, values) => translate(locale, key, values));

describe("a refusal in words", () => {
  it("is_in_the_users_language_where_the_server_only_has_a_general_sentence", () => {
    const general: [number, string][] = [[401, "unauthenticated"], [404, "not_found"], [412, "precondition_failed"], [413, "too_large"], [415, "unsupported_media_type"], [429, "rate_limited"], [500, "internal"], [503, "unavailable"]];
    for (const [status, code] of general) {
      const error = refusal(status, code, { detail: "In English." });
      expect(said(error)).not.toMatch(/English|Title/);
      expect(said(error, "en")).not.toBe(said(error));
    }
    expect(said(refusal(401, "unauthenticated", { detail: "Sign in first." }))).toBe("Sua sessão terminou. Entre de novo.");
    expect(said(refusal(413, "too_large", { detail: "The request is larger than this address takes." }))).toBe("O arquivo é grande demais.");
    expect(said(refusal(429, "rate_limited", {}, 7))).toBe("Muitas tentativas. Aguarde 7 segundos e tente de novo.");
  });
  it("is_the_servers_own_where_it_knows_the_reason_and_never_a_title", () => {
    expect(said(refusal(409, "state", { detail: "Esta conversa já foi concluída." }))).toBe("Esta conversa já foi concluída.");
    expect(said(refusal(422, "invalid", { detail: "name: curto demais", errors: { name: "curto demais" } }))).toBe("Curto demais.");
    for (const code of ["denied", "conflict", "state"]) expect(said(refusal(409, code))).not.toBe("Title");
  });
  it("is_in_the_users_language_where_the_server_names_one_of_its_reasons", () => {
    const error = new ApiError({ status: 409, code: "state", title: "Conflict", detail: "the conversation is concluded; reopen it to answer", reason: "conversation_concluded" });
    expect(said(error)).toBe("Este atendimento já foi concluído. Reabra-o para responder.");
    expect(said(error, "en")).toBe("This conversation is concluded. Reopen it to answer.");
  });
  it("may_pass_once_there_is_a_connection_again_or_one_has_signed_in_again", () => {
    const passing = [refusal(0, "offline"), refusal(401, "unauthenticated"), refusal(429, "rate_limited"), refusal(503, "unavailable"), refusal(409, "conflict", { detail: "Still under way." }, 10), new Error("?")];
    expect(passing.map(mayPass)).toEqual(passing.map(() => true));
    expect([refusal(403, "denied"), refusal(409, "state"), refusal(413, "too_large"), refusal(422, "invalid")].map(mayPass)).toEqual([false, false, false, false]);
  });
});
