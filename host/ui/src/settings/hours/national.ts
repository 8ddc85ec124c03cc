/** Brazil's national holidays of a year, the moveable ones computed from Easter. Pure. */

export interface National {
  date: string;
  name: string;
  /** A day on which most are off work although it is no holiday by federal law (ponto facultativo). */
  optional: boolean;
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
  const fixed = FIXED.map(([day, name]) => ({ date: `${year}-${day}`, name, optional: false }));
  const moveable = MOVEABLE.map(([after, name, optional]) => ({ date: new Date((sunday + after) * 86_400_000).toISOString().slice(0, 10), name, optional }));
  return [...fixed, ...moveable].filter((each) => withOptional || !each.optional).sort((a, b) => a.date.localeCompare(b.date));
}
