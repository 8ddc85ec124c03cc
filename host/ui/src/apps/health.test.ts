import { expect, it } from "vitest";
import { restOf } from "./health";

it("a_rest_is_read_in_microseconds_and_only_where_it_has_the_shape", () => {
  expect(restOf({ until: 1_700_000_000_000_000, reason: "trap" })).toEqual({ until: "2023-11-14T22:13:20.000Z", reason: "trap" });
  expect([null, "soon", {}, { until: "soon" }, { until: Number.NaN }, { until: 1e300 }].map(restOf)).toEqual([null, null, null, null, null, null]);
});
