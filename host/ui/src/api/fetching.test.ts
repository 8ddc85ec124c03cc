import { describe, expect, it } from "vitest";
import { fetchingOf, noteFetching } from "./fetching";
import type { LiveEvent } from "./realtime";

const line = (data: unknown, kind = "attachment.progress") => ({ type: "event", kind, data }) as LiveEvent;

describe("files on their way", () => {
  it("are_as_far_as_the_last_line_said", () => {
    for (const bytes of [5, 9]) noteFetching(line({ message_id: "msg_1", position: 0, bytes, size: 10 }));
    expect([fetchingOf("msg_1", 0), fetchingOf("msg_1", 1)]).toEqual([{ bytes: 9, size: 10 }, null]);
  });
  it("are_told_apart_from_other_lines_and_nonsense_does_no_harm", () => {
    expect(noteFetching(line({}, "typing"))).toBe(false);
    expect([line(null), line({ message_id: 7 }), line({ message_id: "msg_2", position: 0 })].map(noteFetching)).toEqual([true, true, true]);
    expect(fetchingOf("msg_2", 0)).toBeNull();
  });
  it("are_forgotten_when_there_are_too_many", () => {
    for (let n = 0; n <= 100; n += 1) noteFetching(line({ message_id: `msg_many${n}`, position: 0, bytes: n, size: 0 }));
    expect([fetchingOf("msg_1", 0), fetchingOf("msg_many100", 0)]).toEqual([null, { bytes: 100, size: 0 }]);
  });
});
