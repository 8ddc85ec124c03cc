/** Times as people read them. Pure: `now` always comes from the caller. */
import type { Locale } from "../api/types";

const MINUTE = 60_000;
const DAY = 86_400_000;

function formatter(locale: Locale, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale}${JSON.stringify(options)}`;
  let found = formatters.get(key);
  if (!found) formatters.set(key, (found = new Intl.DateTimeFormat(locale, options)));
  return found;
}
const formatters = new Map<string, Intl.DateTimeFormat>();

/** Days between the calendar days of two instants, in this machine's time zone. */
export function daysBetween(earlier: number, later: number): number {
  const midnight = (time: number) => new Date(time).setHours(0, 0, 0, 0);
  return Math.round((midnight(later) - midnight(earlier)) / DAY);
}

export function clockTime(at: string, locale: Locale): string {
  return formatter(locale, { hour: "2-digit", minute: "2-digit" }).format(new Date(at));
}

/** Beside a conversation in the list: the hour today, then "Ontem", the weekday within a week, the date after that. */
export function listTime(at: string, now: number, locale: Locale, yesterday: string): string {
  const days = daysBetween(Date.parse(at), now);
  if (days <= 0) return clockTime(at, locale);
  if (days === 1) return yesterday;
  if (days < 7) return formatter(locale, { weekday: "short" }).format(new Date(at)).replace(".", "");
  return formatter(locale, { day: "2-digit", month: "2-digit", year: "2-digit" }).format(new Date(at));
}

/** The heading of a day in the timeline. */
export function dayTitle(at: string, now: number, locale: Locale, words: { today: string; yesterday: string }): string {
  const days = daysBetween(Date.parse(at), now);
  if (days <= 0) return words.today;
  if (days === 1) return words.yesterday;
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return formatter(locale, { weekday: "long", day: "numeric", month: "long", year: sameYear ? undefined : "numeric" }).format(new Date(at));
}

/** Whether two instants lie on the same calendar day here. */
export function sameDay(a: string, b: string): boolean {
  return daysBetween(Date.parse(a), Date.parse(b)) === 0;
}

export function fullTime(at: string, locale: Locale): string {
  return formatter(locale, { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));
}

export function shortDate(at: string, locale: Locale): string {
  return formatter(locale, { dateStyle: "medium" }).format(new Date(at));
}

/** What is left of a deadline as `m:ss` or `h:mm:ss`; null once it is over. */
export function countdown(deadline: string, now: number): string | null {
  const left = Math.ceil((Date.parse(deadline) - now) / 1000);
  if (!(left > 0)) return null;
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(left / 3600);
  const minutes = Math.floor(left / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(left % 60)}` : `${minutes}:${two(left % 60)}`;
}

/** The share of an offer's time that is left, from 1 to 0. */
export function shareLeft(since: string, deadline: string, now: number): number {
  const whole = Date.parse(deadline) - Date.parse(since);
  if (!(whole > 0)) return 0;
  return Math.min(1, Math.max(0, (Date.parse(deadline) - now) / whole));
}

/** A coarse duration such as `3 h 20 min`. */
export function duration(milliseconds: number): string {
  const minutes = Math.max(1, Math.round(milliseconds / MINUTE));
  const hours = Math.floor(minutes / 60);
  if (hours === 0) return `${minutes} min`;
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
}

/** `2.4 MB`, with the language's decimal sign. */
export function fileSize(bytes: number, locale: Locale): string {
  const units = ["B", "KB", "MB", "GB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${new Intl.NumberFormat(locale, { maximumFractionDigits: value < 10 && unit > 0 ? 1 : 0 }).format(value)} ${units[unit]}`;
}
