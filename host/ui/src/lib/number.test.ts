import { describe, expect, it } from "vitest";
import { formatNumber, parseNumber } from "./number";

describe("numbers as people type them", () => {
  it("reads_portuguese_thousands_and_decimals", () => {
    expect(["1.234,56", "1234,56", "1250,5", "1.234", "12.5", "1.234.567,8", "-3", " 10 ", "0,"].map((text) => parseNumber(text, "pt-BR"))).toEqual([1234.56, 1234.56, 1250.5, 1234, 12.5, 1234567.8, -3, 10, 0]);
  });
  it("reads_english_thousands_and_decimals", () => {
    expect(["1,234.56", "1234.56", "1,234", "12,5"].map((text) => parseNumber(text, "en"))).toEqual([1234.56, 1234.56, 1234, 12.5]);
  });
  it("reads_amounts_with_their_currency", () => {
    expect(["R$ 1.234,50", "R$\u00a01.234,50", "r$5", "$ 5", "-R$ 5", "R$ -5"].map((text) => parseNumber(text, "pt-BR"))).toEqual([1234.5, 1234.5, 5, 5, -5, -5]);
    expect(["$1,234.50", "R$ 1,234.50"].map((text) => parseNumber(text, "en"))).toEqual([1234.5, 1234.5]);
    expect(["R$", "$", "R 5", "5 R$", "US$ 5", "-R$ -5", "R$ R$ 5"].map((text) => parseNumber(text, "pt-BR"))).toEqual(Array(7).fill(null));
  });
  it("tells_nothing_from_nonsense", () => {
    expect(["", "  ", "abc", "1,2,3", "1.2.3", "--1", "1e5"].map((text) => parseNumber(text, "pt-BR"))).toEqual([undefined, undefined, null, null, null, null, null]);
  });
  it("reads_back_what_it_writes", () => {
    for (const locale of ["pt-BR", "en"] as const) {
      for (const value of [0, 7, 1250, 1250.5, -12_345.678, 1_000_000]) expect(parseNumber(formatNumber(value, locale), locale)).toBe(value);
    }
  });
});
