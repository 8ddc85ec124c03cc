/** Brazil's national holidays of a year, the moveable ones computed from Easter, and how they come among a team's own. Pure. */
import type { Holiday } from "../../api/types";

export interface National {
  date: string;
  name: string;
  /** A day on which most are off work although it is no holiday by federal law (ponto facultativo). */
  optional: boolean;
  /** On the same day each year. */
  yearly: boolean;
}

/** Easter Sunday of the Gregorian calendar (Meeus, Jones and Butcher), in days since 1970. */
function easter(year: number): number {
  const a = year % 19;
  const b = Math.floor(year / 100);
  const c = year % 100;
  const d = b - Math.floor(b / 4) - Math.floor((b - Math.floor((b + 8) / 25) + 1) / 3);
  const h = (19 * a + d + 15) % 30;
  const l = (32 + 2 * (b % 4) + 2 * Math.floor(c / 4) - h - (c % 4)) % 7;
  const m = Math.floor((a + 11 * h + 22 * l) / 451);
  const days = h + l - 7 * m + 114;
  return Date.UTC(year, Math.floor(days / 31) - 1, (days % 31) + 1) / 86_400_000;
}

/** Laws 662/1949, 6.802/1980, 10.607/2002 and 14.759/2023; Good Friday is a holiday by law 9.093/1995. */
const FIXED: [day: string, name: string][] = [
  ["01-01", "Confraternização Universal"],
  ["04-21", "Tiradentes"],
  ["05-01", "Dia do Trabalho"],
  ["09-07", "Independência do Brasil"],
  ["10-12", "Nossa Senhora Aparecida"],
  ["11-02", "Finados"],
  ["11-15", "Proclamação da República"],
  ["11-20", "Dia da Consciência Negra"],
  ["12-25", "Natal"],
];

const MOVEABLE: [after: number, name: string, optional: boolean][] = [
  [-48, "Carnaval (segunda-feira)", true],
  [-47, "Carnaval (terça-feira)", true],
  [-2, "Sexta-feira Santa", false],
  [60, "Corpus Christi", true],
];

export function nationalHolidays(year: number, withOptional: boolean): National[] {
  const sunday = easter(year);
  const fixed = FIXED.map(([day, name]) => ({ date: `${year}-${day}`, name, optional: false, yearly: true }));
  const moveable = MOVEABLE.map(([after, name, optional]) => ({ date: new Date((sunday + after) * 86_400_000).toISOString().slice(0, 10), name, optional, yearly: false }));
  return [...fixed, ...moveable].filter((each) => withOptional || !each.optional).sort((a, b) => a.date.localeCompare(b.date));
}

/** From this month on a year has hardly any holidays left: the next one's are meant. */
const LATE = 11;

/** The year whose holidays are most likely wanted on that date (`2026-11-28`). */
export function likelyYear(today: string): number {
  const [year, month] = today.split("-").map(Number) as [number, number];
  return month >= LATE ? year + 1 : year;
}

/** Those of a year; to those of the next belong, towards this one's end, the few that are left of it. */
export function comingHolidays(today: string, year: number, withOptional: boolean): National[] {
  const wanted = nationalHolidays(year, withOptional);
  if (Number(today.slice(0, 4)) === year || likelyYear(today) !== year) return wanted;
  return [...nationalHolidays(year - 1, withOptional).filter(({ date }) => date >= today), ...wanted];
}

/** With those that were not among them; what is there already stays as it is. */
export function withNational(holidays: readonly Holiday[], found: readonly National[]): Holiday[] {
  const all = [...holidays];
  for (const { date, name, yearly } of found) {
    if (all.some((each) => each.date === date || (each.yearly && each.date.slice(5) === date.slice(5)))) continue;
    all.push({ date, name, yearly, intervals: [] });
  }
  return all.sort((a, b) => a.date.localeCompare(b.date));
}
