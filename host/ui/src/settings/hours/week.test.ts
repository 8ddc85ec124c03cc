import { describe, expect, it } from "vitest";
import { translate } from "../../i18n";
import { copyDay, endsNextDay, nextInterval, PRESETS, sameWeek, todayIn, typedEnd, weekLines, WORKING_DAYS, zoneOptions } from "./week";

const pt = (key: Parameters<typeof translate>[1], values?: Parameters<typeof translate>[2]) => translate("pt-BR", key, values);
const en = (key: Parameters<typeof translate>[1], values?: Parameters<typeof translate>[2]) => translate("en", key, values);
const preset = (index: number) => PRESETS[index]?.week ?? PRESETS[0]!.week;
const ZONE = "America/Sao_Paulo";
/** A Friday at noon in São Paulo. */
const FRIDAY = Date.parse("2026-11-27T15:00:00Z");

describe("week", () => {
  it("is_said_in_few_lines_with_days_of_the_same_hours_together", () => {
    expect(weekLines(preset(1), "pt-BR", pt)).toEqual([
      { days: "Seg a sex", hours: "8h–12h, 13h–18h" },
      { days: "Sáb e dom", hours: "Fechado" },
    ]);
    // Some versions of Intl put a narrow space before AM.
    const english = weekLines(preset(2), "en", en).map((line) => ({ ...line, hours: line.hours.replaceAll("\u202f", " ") }));
    expect(english).toEqual([
      { days: "Mon to Sat", hours: "9:00 AM–6:00 PM" },
      { days: "Sunday", hours: "Closed" },
    ]);
    expect(weekLines(preset(3), "pt-BR", pt)).toEqual([{ days: "Seg a dom", hours: "24 horas" }]);
  });
  it("takes_the_hours_of_one_day_to_others", () => {
    const monday = { ...preset(4), monday: [{ from: "10:00", until: "12:30" }] };
    const copied = copyDay(monday, "monday", WORKING_DAYS);
    expect(weekLines(copied, "pt-BR", pt)[0]).toEqual({ days: "Seg a sex", hours: "10h–12h30" });
    expect(copied.sunday).toEqual([]);
    expect(sameWeek(copied, monday)).toBe(false);
  });
  it("offers_the_next_interval_after_the_last", () => {
    expect(nextInterval([])).toEqual({ from: "09:00", until: "18:00" });
    expect(nextInterval([{ from: "08:00", until: "12:30" }])).toEqual({ from: "13:30", until: "17:30" });
    expect(nextInterval([{ from: "09:00", until: "20:00" }])).toEqual({ from: "21:00", until: "24:00" });
    expect(nextInterval([{ from: "09:00", until: "22:30" }])).toEqual({ from: "22:00", until: "24:00" });
  });
  it("knows_which_intervals_end_on_the_day_after", () => {
    expect(endsNextDay({ from: "20:00", until: "02:00" })).toBe(true);
    expect(endsNextDay({ from: "20:00", until: typedEnd("00:00") })).toBe(false);
    expect(typedEnd("18:00")).toBe("18:00");
  });
});

describe("time zones", () => {
  it("offers_brazils_time_zones_first_and_keeps_one_that_it_does_not_know", () => {
    const [brazil, others] = zoneOptions("Mars/Olympus", FRIDAY, pt);
    expect(brazil?.items[0]).toEqual({ value: ZONE, label: "Brasília, São Paulo, Rio de Janeiro (GMT−3)" });
    expect(others?.items.map((each) => each.value)).toContain("Mars/Olympus");
    expect(others?.items.some((each) => each.value === ZONE)).toBe(false);
  });
  it("say_which_day_it_is_there", () => {
    const late = Date.parse("2026-12-26T01:30:00Z");
    expect([todayIn(ZONE, late), todayIn("UTC", late)]).toEqual(["2026-12-25", "2026-12-26"]);
    expect(todayIn("Mars/Olympus", late)).toMatch(/^2026-12-2[56]$/);
  });
});
