/** Business hours for the mock: by looking at the coming minutes one after the other. Slow, short, and enough to draw a screen with. */
import type { BusinessHours, Interval, Opening } from "../src/api/types";

const DAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"] as const;
const ZONE = "America/Sao_Paulo";
const MINUTE = 60_000;

export function usualHours(): BusinessHours {
  const day: Interval[] = [{ from: "09:00", until: "18:00" }];
  return {
    enabled: false,
    time_zone: ZONE,
    week: { monday: day, tuesday: day, wednesday: day, thursday: day, friday: day, saturday: [], sunday: [] },
    holidays: [],
    reply: {
      enabled: true,
      text: "Olá, {{nome}}! Recebemos a sua mensagem. No momento estamos fora do horário de atendimento e responderemos por aqui {{reabertura}}.",
    },
  };
}

/** Closed today and open from tomorrow morning on, whatever day it is. */
export function closedToday(): BusinessHours {
  const { date, weekday } = wall(Date.now(), ZONE);
  const day: Interval[] = [{ from: "09:00", until: "18:00" }];
  const week = Object.fromEntries(DAYS.map((each, index) => [each, index === weekday ? [] : day])) as BusinessHours["week"];
  return { ...usualHours(), enabled: true, week, holidays: [{ date, name: "Aniversário da cidade", yearly: true, intervals: [] }] };
}

function wall(at: number, zone: string): { date: string; time: string; weekday: number } {
  const [date = "", time = ""] = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "short" }).format(at).split(" ");
  return { date, time, weekday: new Date(`${date}T00:00:00Z`).getUTCDay() };
}

function isOpen(hours: BusinessHours, at: number): boolean {
  const now = wall(at, hours.time_zone);
  const before = wall(at - 24 * 60 * MINUTE, hours.time_zone);
  const of = ({ date, weekday }: { date: string; weekday: number }) => {
    const holiday = hours.holidays.find((each) => each.date === date || (each.yearly && each.date.slice(5) === date.slice(5)));
    return holiday ? (holiday.intervals ?? []) : (hours.week[DAYS[weekday] ?? "monday"] ?? []);
  };
  const today = of(now).some(({ from, until }) => from <= now.time && (until > from ? now.time < until : true));
  return today || of(before).some(({ from, until }) => until <= from && now.time < until);
}

export function openingOf(hours: BusinessHours | undefined): Opening {
  if (!hours?.enabled) return { open: true, changes_at: null, time_zone: null, replies: false };
  const begin = Math.floor(Date.now() / MINUTE) * MINUTE;
  const open = isOpen(hours, begin);
  let changes_at: string | null = null;
  // A quarter of an hour is as fine as the mock's hours are.
  for (let at = begin; at < begin + 9 * 24 * 60 * MINUTE && !changes_at; at += 15 * MINUTE - (at % (15 * MINUTE))) {
    if (isOpen(hours, at) !== open) changes_at = new Date(at).toISOString();
  }
  return { open, changes_at, time_zone: hours.time_zone, replies: hours.reply.enabled };
}

/** The refusals that the editor's tests need. */
export function wrongFields(hours: BusinessHours): Record<string, string> {
  const errors: Record<string, string> = {};
  for (const [day, intervals] of Object.entries(hours.week)) {
    let free = "";
    (intervals ?? []).forEach(({ from, until }, index) => {
      if (from === until) errors[`week.${day}.${index}`] = "o fim deve ser diferente do início";
      else if (from < free) errors[`week.${day}.${index}`] = "este intervalo começa antes de o anterior terminar";
      free = until;
    });
  }
  hours.holidays.forEach(({ name }, index) => {
    if (!name.trim()) errors[`holidays.${index}.name`] = "preencha este campo";
  });
  if (hours.reply.enabled && !hours.reply.text.trim()) errors["reply.text"] = "preencha este campo";
  return errors;
}
