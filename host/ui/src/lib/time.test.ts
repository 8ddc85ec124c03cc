import { describe, expect, it } from "vitest";
import { countdown, dayTitle, duration, fileSize, listTime, shareLeft } from "./time";

const at = (text: string) => new Date(text).toISOString();
const now = Date.parse("2026-03-18T15:00:00");
const words = { today: "Hoje", yesterday: "Ontem" };

describe("times in the list", () => {
  it("shows_the_hour_today_then_yesterday_then_the_weekday_then_the_date", () => {
    const shown = ["2026-03-18T09:05:00", "2026-03-17T23:59:00", "2026-03-14T10:00:00", "2026-03-01T10:00:00"].map((time) => listTime(at(time), now, "pt-BR", "Ontem"));
    expect(shown).toEqual(["09:05", "Ontem", "sáb", "01/03/26"]);
  });
  it("counts_calendar_days_not_periods_of_24_hours", () => {
    expect(listTime(at("2026-03-17T23:59:59"), Date.parse("2026-03-18T00:00:01"), "pt-BR", "Ontem")).toBe("Ontem");
  });
  it("heads_a_day_of_another_year_with_its_year", () => {
    expect(dayTitle(at("2026-03-18T01:00:00"), now, "pt-BR", words)).toBe("Hoje");
    expect(dayTitle(at("2026-03-02T01:00:00"), now, "pt-BR", words)).toBe("segunda-feira, 2 de março");
    expect(dayTitle(at("2025-03-02T01:00:00"), now, "en", words)).toBe("Sunday, March 2, 2025");
  });
});

describe("countdown of an offer", () => {
  const deadline = "2026-03-18T15:10:00.000000Z";
  const end = Date.parse(deadline);
  it("counts_whole_seconds_down_and_ends_with_nothing", () => {
    expect([600_000, 599_001, 61_000, 1, 0, -5000].map((left) => countdown(deadline, end - left))).toEqual(["10:00", "10:00", "1:01", "0:01", null, null]);
  });
  it("shows_hours_where_there_are_any", () => {
    expect(countdown(deadline, end - 3_723_000)).toBe("1:02:03");
  });
  it("is_over_for_a_deadline_that_is_no_date", () => {
    expect(countdown("soon", now)).toBeNull();
  });
  it("gives_the_share_left_within_bounds", () => {
    const since = "2026-03-18T15:00:00.000000Z";
    const start = Date.parse(since);
    expect([start - 1000, start, start + 300_000, end, end + 1].map((time) => shareLeft(since, deadline, time))).toEqual([1, 1, 0.5, 0, 0]);
    expect(shareLeft(deadline, since, start)).toBe(0);
  });
});

describe("measures", () => {
  it("rounds_durations_to_minutes_and_never_to_nothing", () => {
    expect([10_000, 60_000 * 45, 3_600_000, 3_600_000 * 3.5].map(duration)).toEqual(["1 min", "45 min", "1 h", "3 h 30 min"]);
  });
  it("writes_sizes_with_the_languages_decimal_sign", () => {
    expect([fileSize(999, "pt-BR"), fileSize(2_440_000, "pt-BR"), fileSize(2_440_000, "en"), fileSize(48_200, "en")]).toEqual(["999 B", "2,4 MB", "2.4 MB", "48 KB"]);
  });
});
