import { describe, expect, it } from "vitest";
import type { Channel } from "../api/types";
import { carries, remedy } from "./message";

describe("what a channel carries", () => {
  const channel = (capabilities: unknown, enabled = true) => ({ enabled, capabilities }) as Channel;
  it("is_what_it_says", () => {
    const said = { features: ["reply", "reaction"] };
    expect([carries(channel(said), "reaction"), carries(channel(said), "typing")]).toEqual([true, false]);
  });
  it("is_nothing_where_it_said_nothing_is_off_or_is_not_known", () => {
    const silent = [undefined, channel(null), channel({}), channel({ features: "reaction" }), channel({ features: ["reaction"] }, false)];
    expect(silent.map((each) => carries(each, "reaction"))).toEqual([false, false, false, false, false]);
  });
});

describe("a message that did not get through", () => {
  const retry = () => undefined;
  it("can_be_tried_again_while_the_window_is_open", () => {
    expect([remedy({ kind: "text" }, { retry }), remedy({ kind: "text" }, {})]).toEqual(["retry", null]);
  });
  it("cannot_once_the_window_is_closed_unless_it_is_a_template", () => {
    const closed = { retry, instead: "envie um modelo" };
    expect([remedy({ kind: "text" }, closed), remedy({ kind: "image" }, closed), remedy({ kind: "template" }, closed)]).toEqual(["instead", "instead", "retry"]);
  });
});
