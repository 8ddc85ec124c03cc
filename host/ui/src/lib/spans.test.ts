import { describe, expect, it } from "vitest";
import { isEmojiOnly, spans } from "./spans";

const entity = (type: string, offset: number, length: number, url?: string) => ({ type, offset, length, url });
const span = (type: string, children: unknown[], href: string | null = null) => ({ type, href, children });

describe("formatted text", () => {
  it("is one piece without formatting", () => {
    expect(spans("Bom dia", undefined)).toEqual(["Bom dia"]);
    expect(spans("", [entity("bold", 0, 1)])).toEqual([]);
  });

  it("nests what lies within", () => {
    const text = "Veja o site, por favor";
    const given = [entity("text_link", 7, 4, "https://example.com/"), entity("bold", 7, 4), entity("mention", 0, 4)];
    expect(spans(text, given)).toEqual(["Veja o ", span("text_link", [span("bold", ["site"])], "https://example.com/"), ", por favor"]);
  });

  it("goes on behind the end of what it crosses", () => {
    expect(spans("abcdef", [entity("bold", 0, 4), entity("italic", 2, 4)])).toEqual([span("bold", ["ab", span("italic", ["cd"])]), span("italic", ["ef"])]);
  });

  it("counts as channels do: an emoji is two", () => {
    expect(spans("😀 oi", [entity("code", 3, 2)])).toEqual(["😀 ", span("code", ["oi"])]);
  });

  it("leaves out what is not there, not known or not safe", () => {
    const odd = [entity("bold", 9, 2), entity("bold", -1, 2), entity("blink", 0, 2), entity("text_link", 0, 2, "javascript:alert(1)"), entity("text_link", 0, 2), { type: "bold" }, null, 7];
    expect(spans("oi", odd)).toEqual(["oi"]);
    expect(spans("oi", "bold")).toEqual(["oi"]);
    expect(spans("oi", [entity("bold", 1, 90)])).toEqual(["o", span("bold", ["i"])]);
  });
});

describe("emojis alone", () => {
  it("are up to three, composed ones too", () => {
    for (const text of ["👍", " ❤️ ", "👨‍👩‍👧", "🇧🇷", "👋🏽🙂", "😀 😀 😀", "1️⃣"]) expect([text, isEmojiOnly(text)]).toEqual([text, true]);
    for (const text of ["", "ok 👍", "😀😀😀😀", "12", "#", "*"]) expect([text, isEmojiOnly(text)]).toEqual([text, false]);
  });
});
