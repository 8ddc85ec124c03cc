/** Numbers as people type and read them in their language. */
import type { Locale } from "../api/types";

/**
 * Reads `1.234,56` (or `1,234.56`), also without the thousands and with the other language's decimal sign where that is not ambiguous:
 * `1.234` is one thousand two hundred and thirty-four in Portuguese, `12.5` is twelve and a half. An amount may be led by `R$` or `$`.
 * Undefined for an empty text, null for no number.
 */
export function parseNumber(text: string, locale: Locale): number | null | undefined {
  if (!text.trim()) return undefined;
  const clean = text.replace(/\s/g, "").replace(/^([+-]?)R?\$/i, "$1");
  const [decimal, thousands] = locale === "pt-BR" ? [",", "."] : [".", ","];
  const grouped = new RegExp(`^[+-]?\\d{1,3}(\\${thousands}\\d{3})+(\\${decimal}\\d*)?$`).test(clean);
  const plain = grouped ? clean.replaceAll(thousands, "") : clean;
  const normal = plain.replace(/[.,]/, ".");
  return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(normal) ? Number(normal) : null;
}

export function formatNumber(value: number, locale: Locale): string {
  return new Intl.NumberFormat(locale, { maximumFractionDigits: 6, useGrouping: Math.abs(value) >= 10_000 || !Number.isInteger(value) ? true : "min2" }).format(value);
}
