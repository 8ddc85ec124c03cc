import { describe, expect, it } from "vitest";
import { bars, children, nodes, records, text } from "./tree";

describe("a view from an app", () => {
  it("may_be_one_node_or_nested_lists_and_loses_what_is_no_node", () => {
    const leaf = { type: "text", text: "a" };
    expect(nodes([leaf, null, [leaf, "x"], { text: "no type" }])).toEqual([leaf, leaf]);
    expect([nodes(null), nodes("x"), nodes(7)]).toEqual([[], [], []]);
    expect(children({ type: "stack", children: [leaf, 3] })).toEqual([leaf]);
  });
  it("shows_plain_values_as_text_and_objects_as_nothing", () => {
    expect([text("a"), text(3), text(false), text({}), text(null)]).toEqual(["a", "3", "false", "", ""]);
    expect(records([{ a: 1 }, null, [1], "x"])).toEqual([{ a: 1 }]);
  });
  it("scales_bars_to_the_largest_and_drops_what_is_no_number", () => {
    expect(bars([{ label: "a", value: 10 }, { label: "b", value: "5" }, { label: "c", value: "x" }, { label: "d", value: -4 }])).toEqual([
      { label: "a", value: 10, share: 1 },
      { label: "b", value: 5, share: 0.5 },
      { label: "d", value: -4, share: 0 },
    ]);
    expect(bars([{ label: "a", value: 0 }])).toEqual([{ label: "a", value: 0, share: 0 }]);
  });
});
