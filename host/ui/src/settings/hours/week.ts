/** Business hours as the editor changes them, and in few lines. Pure; whether it is open at a moment only the server says. */
import type { BusinessHours, Interval, Locale } from "../../api/types";
import type { Key, Translate } from "../../i18n";

export const DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] as const;
export type WeekDay = (typeof DAYS)[number];
export type Week = BusinessHours["week"];

export const WORKING_DAYS: readonly WeekDay[] = DAYS.slice(0, 5);
export const MIDNIGHT = "24:00";
/** As many as the server takes. */
export const MOST_INTERVALS = 6;

const ALL_DAY: Interval = { from: "00:00", until: MIDNIGHT };

function weekOf(days: readonly WeekDay[], intervals: Interval[]): Week {
  return Object.fromEntries(DAYS.map((day) => [day, days.includes(day) ? intervals : []])) as Week;
}

/** What most teams have, by one click. */
export const PRESETS: { title: Key; week: Week }[] = [
  { title: "hours.preset.office", week: weekOf(WORKING_DAYS, [{ from: "09:00", until: "18:00" }]) },
  {
    title: "hours.preset.lunch",
    week: weekOf(WORKING_DAYS, [
      { from: "08:00", until: "12:00" },
      { from: "13:00", until: "18:00" },
    ]),
  },
  { title: "hours.preset.shop", week: weekOf(DAYS.slice(0, 6), [{ from: "09:00", until: "18:00" }]) },
  { title: "hours.preset.always", week: weekOf(DAYS, [ALL_DAY]) },
  { title: "hours.preset.never", week: weekOf([], []) },
];

export const sameIntervals = (a: readonly Interval[], b: readonly Interval[]): boolean =>
  a.length === b.length && a.every((each, index) => each.from === b[index]?.from && each.until === b[index]?.until);

export const sameWeek = (a: Week, b: Week): boolean => DAYS.every((day) => sameIntervals(a[day], b[day]));

/** Gives other days the intervals of one. */
export function copyDay(week: Week, from: WeekDay, to: readonly WeekDay[]): Week {
  return { ...week, ...Object.fromEntries(to.map((day) => [day, week[from]])) };
}

export const isAllDay = (intervals: readonly Interval[]): boolean => sameIntervals(intervals, [ALL_DAY]);

export const allDay = (): Interval[] => [ALL_DAY];

/** One that ends before it begins ends on the day after. */
export const endsNextDay = ({ from, until }: Interval): boolean => until !== MIDNIGHT && until !== "00:00" && until < from;

/** What a field for times can show of an end: it knows no 24:00. */
export const shownEnd = (until: string): string => (until === MIDNIGHT ? "00:00" : until);

/** The end that was typed: at midnight the day ends. */
export const typedEnd = (typed: string): string => (typed === "00:00" ? MIDNIGHT : typed);

/** The interval that a day most likely gets next: an hour after the last, four hours long. */
export function nextInterval(intervals: readonly Interval[]): Interval {
  const last = intervals.reduce((latest, { from, until }) => (until > from && until > latest ? until : latest), "");
  const hour = Number(last.slice(0, 2));
  if (!last || hour > 21) return last ? { from: "22:00", until: MIDNIGHT } : { from: "09:00", until: "18:00" };
  const two = (value: number) => `${String(value).padStart(2, "0")}:${last.slice(3)}`;
  return { from: two(hour + 1), until: hour + 5 >= 24 ? MIDNIGHT : two(hour + 5) };
}

const clock = (text: string, locale: Locale): string => {
  const [hour, minute] = text.split(":");
  if (locale === "en") return new Intl.DateTimeFormat(locale, { timeZone: "UTC", hour: "numeric", minute: "2-digit" }).format(Date.UTC(2000, 0, 1, Number(hour), Number(minute)));
  return `${Number(hour)}h${minute === "00" ? "" : minute}`;
};

/** `9h–12h, 13h–18h`, in English `9:00 AM–12:00 PM, 1:00 PM–6:00 PM`. */
export function intervalsText(intervals: readonly Interval[], locale: Locale, t: Translate): string {
  if (intervals.length === 0) return t("hours.closed");
  if (isAllDay(intervals)) return t("hours.allDay");
  return intervals.map(({ from, until }) => `${clock(from, locale)}–${clock(until, locale)}`).join(", ");
}

/** The week in few lines: days in a row with the same hours share one. */
export function weekLines(week: Week, locale: Locale, t: Translate): { days: string; hours: string }[] {
  const lines: { first: WeekDay; last: WeekDay; intervals: Interval[] }[] = [];
  for (const day of DAYS) {
    const before = lines.at(-1);
    if (before && sameIntervals(before.intervals, week[day])) before.last = day;
    else lines.push({ first: day, last: day, intervals: week[day] });
  }
  const short = (day: WeekDay) => t(`hours.short.${day}`);
  // In Portuguese the names of days are written small.
  const second = (day: WeekDay) => (locale === "en" ? short(day) : short(day).toLowerCase());
  const days = (first: WeekDay, last: WeekDay) => {
    if (first === last) return t(`hours.day.${first}`);
    const two = DAYS.indexOf(last) - DAYS.indexOf(first) === 1;
    return t(two ? "hours.days.two" : "hours.days", { first: short(first), last: second(last) });
  };
  return lines.map(({ first, last, intervals }) => ({ days: days(first, last), hours: intervalsText(intervals, locale, t) }));
}

const BRAZIL: [zone: string, name: string][] = [
  ["America/Sao_Paulo", "Brasília, São Paulo, Rio de Janeiro"],
  ["America/Bahia", "Salvador"],
  ["America/Fortaleza", "Fortaleza, Natal, São Luís, Teresina"],
  ["America/Recife", "Recife"],
  ["America/Maceio", "Maceió, Aracaju"],
  ["America/Belem", "Belém, Macapá"],
  ["America/Araguaina", "Palmas"],
  ["America/Campo_Grande", "Campo Grande"],
  ["America/Cuiaba", "Cuiabá"],
  ["America/Manaus", "Manaus"],
  ["America/Porto_Velho", "Porto Velho"],
  ["America/Boa_Vista", "Boa Vista"],
  ["America/Rio_Branco", "Rio Branco"],
  ["America/Noronha", "Fernando de Noronha"],
];

function offset(zone: string, now: number): string {
  try {
    const parts = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "shortOffset" }).formatToParts(now);
    return parts.find((part) => part.type === "timeZoneName")?.value.replace("-", "−") ?? "";
  } catch {
    return "";
  }
}

/** The calendar's date there (`2026-11-28`); here, where this browser does not know the zone. */
export function todayIn(zone: string, now: number): string {
  try {
    return new Intl.DateTimeFormat("sv-SE", { timeZone: zone }).format(now);
  } catch {
    return new Intl.DateTimeFormat("sv-SE").format(now);
  }
}

/** Brazil's first, by its cities; then the world's. One that this browser does not know stays on the list. */
export function zoneOptions(present: string, now: number, t: Translate): { group: string; items: { value: string; label: string }[] }[] {
  const named = ([value, name]: readonly [string, string]) => ({ value, label: `${name} (${offset(value, now)})` });
  const own = new Set(BRAZIL.map(([zone]) => zone));
  const all = new Set([...Intl.supportedValuesOf("timeZone"), "UTC"]);
  if (!own.has(present)) all.add(present);
  const others = [...all].filter((zone) => !own.has(zone)).sort();
  return [
    { group: t("hours.zone.brazil"), items: BRAZIL.map(named) },
    { group: t("hours.zone.others"), items: others.map((zone) => named([zone, zone.replaceAll("_", " ")])) },
  ];
}
