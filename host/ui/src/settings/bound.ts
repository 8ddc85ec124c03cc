/** The largest file of a channel as people type and read it: in megabytes, to one decimal. Pure. */
import type { Locale } from "../api/types";
import type { Key } from "../i18n";
import { formatNumber, parseNumber } from "../lib/number";

/** A megabyte, as file sizes are shown everywhere, and the bounds of what may be set. */
const MB = 1_000_000;
const LEAST = 0.1;
const MOST = 1000;

/** Bytes, null for no bound, or what is wrong with the text. */
export function readBound(text: string, locale: Locale): { value: number | null; wrong?: undefined } | { value?: undefined; wrong: Key } {
  const typed = parseNumber(text, locale);
  if (typed === undefined) return { value: null };
  if (typed === null) return { wrong: "channels.largest.number" };
  if (typed < LEAST || typed > MOST) return { wrong: "channels.largest.wrong" };
  return { value: Math.round(typed * 10) * (MB / 10) };
}

export function showBound(bytes: number | null, locale: Locale): string {
  return bytes === null ? "" : formatNumber(bytes / MB, locale);
}
