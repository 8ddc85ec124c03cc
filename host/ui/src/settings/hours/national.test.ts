import { describe, expect, it } from "vitest";
import { nationalHolidays } from "./national";

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
});
