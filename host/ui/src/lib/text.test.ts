import { describe, expect, it } from "vitest";
import { initials, pieces, plainly, prettyAddress, readableAddress, sentence, tone } from "./text";

const links = (text: string) => pieces(text).flatMap((piece) => (piece.kind === "link" ? [piece.href] : []));

describe("links in a message", () => {
  it("finds_http_links_and_leaves_the_sentences_punctuation_out", () => {
    expect(pieces("veja https://a.com/b?c=1, e depois www.d.com.br.")).toEqual([
      { kind: "text", text: "veja " },
      { kind: "link", text: "https://a.com/b?c=1", href: "https://a.com/b?c=1" },
      { kind: "text", text: ", e depois " },
      { kind: "link", text: "www.d.com.br", href: "https://www.d.com.br" },
      { kind: "text", text: "." },
    ]);
  });
  it("keeps_balanced_brackets_and_drops_the_one_around_the_link", () => {
    expect(links("(https://a.com/x_(y))")).toEqual(["https://a.com/x_(y)"]);
  });
  it("never_makes_a_link_of_another_scheme", () => {
    expect(links("javascript:alert(1) data:text/html,x file:///etc/passwd ftp://a.com")).toEqual([]);
  });
  it("gives_back_the_whole_text_whatever_it_holds", () => {
    for (const text of ["", "https://", "http://[", "a <b>https://x.y</b>", "https://a.com\nhttps://b.com"]) {
      expect(pieces(text).map((piece) => piece.text).join("")).toBe(text);
    }
  });
});

describe("names", () => {
  it("takes_the_first_and_last_words_initials", () => {
    expect(["Padaria Central", "ação", "  Mercado da Praça ", "+55 11 90000-0000", ""].map(initials)).toEqual(["PC", "A", "MP", "#", "#"]);
  });
  it("always_gives_a_name_the_same_colour_within_range", () => {
    const tones = ["a", "b", "ctc_1", "ctc_2", ""].map((each) => tone(each, 8));
    expect(tones).toEqual(["a", "b", "ctc_1", "ctc_2", ""].map((each) => tone(each, 8)));
    expect(tones.every((each) => Number.isInteger(each) && each >= 0 && each < 8)).toBe(true);
  });
  it("spaces_a_brazilian_number_and_leaves_others_alone", () => {
    expect(["+5511900000001", "+551130000001", "+14155550100", "@loja"].map(prettyAddress)).toEqual(["+55 11 90000-0001", "+55 11 3000-0001", "+14155550100", "@loja"]);
  });
  it("shows_an_address_that_people_know_and_no_technical_id", () => {
    expect(["+5511900000001", "+14155550100", "@loja", "ana@loja.com.br"].map(readableAddress)).toEqual(["+55 11 90000-0001", "+14155550100", "@loja", "ana@loja.com.br"]);
    expect(["vis_01m8cnqtr0f3v5r2", "-1002003004005", "5101", "17841400000000001", "a@b", "+123", ""].map(readableAddress)).toEqual(Array(7).fill(null));
  });
  it("leaves_out_of_an_apps_reason_what_is_for_whoever_mends_it", () => {
    expect(["O token venceu. [HTTP 401, 190: [#190] no]", "O token venceu.", "[só isto]"].map(plainly)).toEqual(["O token venceu.", "O token venceu.", "[só isto]"]);
  });
  it("makes_a_sentence_of_words_that_may_stand_anywhere", () => {
    expect(["longo demais: 11 > 10", "Já é uma.", "é isso?"].map(sentence)).toEqual(["Longo demais: 11 > 10.", "Já é uma.", "É isso?"]);
  });
});
