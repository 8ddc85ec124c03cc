import { describe, expect, it } from "vitest";
import type { Holiday } from "../../api/types";
import { comingHolidays, likelyYear, nationalHolidays, withNational } from "./national";

const days = (year: number, optional = false) => nationalHolidays(year, optional).map((each) => each.date.slice(5));

describe("national holidays", () => {
  it("has_the_ten_of_the_law_in_order_with_good_friday_where_easter_puts_it", () => {
    expect(days(2026)).toEqual(["01-01", "04-03", "04-21", "05-01", "09-07", "10-12", "11-02", "11-15", "11-20", "12-25"]);
    expect(days(2027)[1]).toBe("03-26");
    expect(days(2038)).toContain("04-23");
    expect(days(2000)).toContain("04-21");
  });
  it("adds_carnival_and_corpus_christi_where_asked", () => {
    const added = nationalHolidays(2027, true).filter((each) => each.optional);
    expect(added.map((each) => each.date)).toEqual(["2027-02-08", "2027-02-09", "2027-05-27"]);
    expect(days(2027, true)).toHaveLength(13);
  });
  it("come_each_year_where_the_law_names_the_day_and_once_where_easter_does", () => {
    const once = nationalHolidays(2026, true).filter((each) => !each.yearly);
    expect(once.map((each) => each.date)).toEqual(["2026-02-16", "2026-02-17", "2026-04-03", "2026-06-04"]);
  });
});

describe("adding national holidays", () => {
  const adding = (today: string, holidays: Holiday[] = [], year = likelyYear(today)) => withNational(holidays, comingHolidays(today, year, false));
  const own: Holiday = { date: "2026-12-25", name: "Plantão de Natal", yearly: false, intervals: [{ from: "09:00", until: "12:00" }] };

  it("means_this_year_until_october_and_the_next_with_what_is_left_of_this_one_after_that", () => {
    expect(adding("2026-10-31").map((each) => each.date)).toEqual(nationalHolidays(2026, false).map((each) => each.date));
    const left = adding("2026-11-20").map((each) => each.date);
    expect(left.slice(0, 3)).toEqual(["2026-11-20", "2026-12-25", "2027-01-01"]);
    expect(adding("2026-12-26")[0]?.date).toBe("2027-01-01");
    expect(adding("2026-11-28", [], 2028)[0]?.date).toBe("2028-01-01");
    expect(adding("2026-11-28", [], 2026)[0]?.date).toBe("2026-01-01");
  });
  it("adds_none_twice_whether_it_comes_each_year_or_once", () => {
    const added = adding("2026-11-28");
    expect(added.map((each) => each.name).toSorted()).toEqual(nationalHolidays(2027, false).map((each) => each.name).toSorted());
    expect(added.filter((each) => !each.yearly).map((each) => each.date)).toEqual(["2027-03-26"]);
    expect(adding("2026-11-28", added)).toEqual(added);
    expect(adding("2026-11-28", added, 2028).length - added.length).toBe(1);
  });
  it("leaves_what_is_there_as_it_is", () => {
    const [first, ...rest] = adding("2026-11-28", [own]);
    expect(first).toEqual(own);
    expect(rest.filter((each) => each.name === "Natal").map((each) => each.date)).toEqual(["2027-12-25"]);
  });
});
