import { describe, expect, it } from "vitest";
import { languageToSave, noteChoice, takeChoice } from "./choice";

function memory() {
  const held = new Map<string, string>();
  return { getItem: (key: string) => held.get(key) ?? null, setItem: (key: string, value: string) => void held.set(key, value), removeItem: (key: string) => void held.delete(key) };
}

describe("the language chosen before signing in", () => {
  it("outlives_a_reload_and_counts_once", () => {
    const kept = memory();
    noteChoice("en", kept);
    expect([takeChoice(kept), takeChoice(kept)]).toEqual(["en", null]);
  });
  it("is_none_where_nothing_can_be_kept_or_something_else_was_written", () => {
    const kept = memory();
    kept.setItem("balcao.locale.chosen", "fr");
    expect([takeChoice(kept), takeChoice(null)]).toEqual([null, null]);
  });
  it("becomes_the_accounts_only_where_somebody_chose_and_the_account_says_otherwise", () => {
    expect([languageToSave("pt-BR", "en"), languageToSave("en", "en"), languageToSave("pt-BR", null)]).toEqual(["en", null, null]);
  });
});
