import { describe, expect, it } from "vitest";
import { en } from "./en";
import { nearestLocale, translate } from ".";
import { type Key, pt } from "./pt-BR";

const holes = (text: string) => [...new Set(text.match(/\{\w+\}/g) ?? [])].toSorted();

describe("the dictionaries", () => {
  it("leave_the_same_gaps_to_fill_in_both_languages", () => {
    for (const key of Object.keys(pt) as Key[]) expect([key, holes(en[key])]).toEqual([key, holes(pt[key])]);
  });
  it("have_no_empty_text", () => {
    expect([...Object.values(pt), ...Object.values(en)].filter((text) => !text.trim())).toEqual([]);
  });
});

describe("translating", () => {
  it("chooses_singular_or_plural_by_the_number", () => {
    expect([0, 1, 2].map((n) => translate("pt-BR", "list.unread", { n }))).toEqual(["0 mensagens não lidas", "1 mensagem não lida", "2 mensagens não lidas"]);
    expect(translate("en", "list.unread", { n: 1 })).toBe("1 unread message");
  });
  it("puts_values_in_as_they_are_even_when_they_look_like_gaps", () => {
    expect(translate("pt-BR", "transfer.done", { name: "{name} $& <b>" })).toBe("Atendimento transferido para {name} $& <b>");
  });
  it("falls_back_to_portuguese_for_languages_it_does_not_speak", () => {
    expect(["en-GB", "EN", "pt", "es-AR", "", null, undefined].map(nearestLocale)).toEqual(["en", "en", "pt-BR", "pt-BR", "pt-BR", "pt-BR", "pt-BR"]);
  });
});
