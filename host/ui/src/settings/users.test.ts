import { describe, expect, it } from "vitest";
import { draftErrors } from "./users";

describe("a user's draft", () => {
  const draft = { name: "Ana", email: "ana@loja.com.br", role: "agent" as const, password: "0123456789", active: true };
  const wrong = (change: Partial<typeof draft>, isNew = true) => draftErrors({ ...draft, ...change }, isNew);

  it("is_taken_with_a_name_an_address_and_a_long_password", () => {
    expect(wrong({})).toEqual({});
    expect(wrong({ name: " ", email: "", password: "" })).toEqual({ name: "form.required", email: "form.required", password: "users.password.short" });
  });
  it("says_that_an_address_is_wrong_by_the_servers_rule", () => {
    expect(["ana", "ana@", "@loja.com", "ana@.com", "ana@loja.", "a na@loja.com"].map((email) => wrong({ email }).email)).toEqual(Array(6).fill("users.email.wrong"));
    expect(wrong({ email: "ana@demo.localhost" })).toEqual({});
  });
  it("does_not_take_the_address_as_the_password_in_any_case", () => {
    expect(wrong({ password: "ANA@loja.com.br" })).toEqual({ password: "users.password.email" });
  });
  it("keeps_the_password_of_a_known_user_where_none_is_given", () => {
    expect(wrong({ password: "" }, false)).toEqual({});
    expect(wrong({ password: "short" }, false)).toEqual({ password: "users.password.short" });
  });
});
