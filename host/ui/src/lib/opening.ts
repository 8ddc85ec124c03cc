/** What people read of the server's word on whether it is open. Pure: `now` always comes from the caller. */
import type { Locale, Opening } from "../api/types";
import type { Translate } from "../i18n";

const dateIn = (at: number, timeZone: string): string => new Intl.DateTimeFormat("en-CA", { timeZone, dateStyle: "short" }).format(at);

/** When it changes, by the clock of the team's own place: `18:00`, `amanhã às 09:00`, `seg. às 09:00`, `05/01 às 09:00`. */
export function momentText(at: string, zone: string, now: number, locale: Locale, t: Translate): string {
  const then = Date.parse(at);
  const shape: Intl.DateTimeFormatOptions = { hour: locale === "en" ? "numeric" : "2-digit", minute: "2-digit" };
  const time = new Intl.DateTimeFormat(locale, { ...shape, timeZone: zone }).format(then);
  const days = Math.round((Date.parse(dateIn(then, zone)) - Date.parse(dateIn(now, zone))) / 86_400_000);
  // Who sits elsewhere reads whose clock it is.
  const here = new Intl.DateTimeFormat(locale, shape).format(then);
  const place = here === time ? "" : ` (${placeOf(zone, t)})`;
  if (days <= 0) return t("hours.at", { time }) + place;
  if (days === 1) return t("hours.at.tomorrow", { time }) + place;
  const options: Intl.DateTimeFormatOptions = days < 7 ? { weekday: "short" } : { day: "2-digit", month: "2-digit" };
  const day = new Intl.DateTimeFormat(locale, { timeZone: zone, ...options }).format(then);
  return t("hours.at.day", { day, time }) + place;
}

/** `Aberto agora · fecha às 18:00`. */
export function openingText(opening: Opening, now: number, locale: Locale, t: Translate): string {
  if (!opening.time_zone) return t("hours.always");
  const state = t(opening.open ? "hours.now.open" : "hours.now.closed");
  if (!opening.changes_at) return opening.open ? state : `${state} · ${t("hours.never")}`;
  const when = momentText(opening.changes_at, opening.time_zone, now, locale, t);
  return `${state} · ${t(opening.open ? "hours.closes" : "hours.opens", { when })}`;
}

/** Whose clock it is, as people say it: by Brasília's, or by a city. */
const placeOf = (zone: string, t: Translate): string => (zone === "America/Sao_Paulo" ? t("hours.zone.brasilia") : (zone.split("/").at(-1) ?? zone).replaceAll("_", " "));
