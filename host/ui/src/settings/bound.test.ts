import { describe, expect, it } from "vitest";
import { readBound, showBound } from "./bound";

describe("the largest file of a channel", () => {
  const read = (...texts: string[]) => texts.map((text) => readBound(text, "pt-BR"));

  it("is_read_in_megabytes_to_one_decimal", () => {
    expect(read("16", "12,5", "0.1", "1.000", " 12,34 ")).toEqual([16_000_000, 12_500_000, 100_000, 1_000_000_000, 12_300_000].map((value) => ({ value })));
  });
  it("is_none_only_where_nothing_is_typed", () => {
    expect(read("", "  ", "abc", "1e3", "16 MB")).toEqual([{ value: null }, { value: null }, ...Array(3).fill({ wrong: "channels.largest.number" })]);
  });
  it("stays_within_what_the_server_takes", () => {
    expect(read("-3", "0", "0,05", "1000,1", "1.001")).toEqual(Array(5).fill({ wrong: "channels.largest.wrong" }));
  });
  it("is_shown_as_it_is_typed", () => {
    expect([null, 16_000_000, 12_500_000, 1_000_000_000].map((bytes) => showBound(bytes, "pt-BR"))).toEqual(["", "16", "12,5", "1000"]);
    expect(showBound(12_500_000, "en")).toBe("12.5");
  });
});
