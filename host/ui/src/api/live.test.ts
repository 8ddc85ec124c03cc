import type { InfiniteData, QueryKey } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Gatherer, staleKeys } from "./live";
import { withMessage } from "./queries";
import type { Message, Page, TimelineItem } from "./types";

const message = (id: string, text = ""): Message => ({
  id,
  conversation_id: "cnv_1",
  author: { kind: "contact", id: null, name: "" },
  direction: "in",
  at: "2026-03-18T12:00:00.000000Z",
  kind: "text",
  text,
  attachments: [],
  extra: null,
  reply_to: null,
  state: "received",
  reason: null,
  reactions: [],
  edited: false,
  revoked: false,
  change: null,
  can: { edit: false, revoke: false, versions: false, let_go: false },
});
const item = (id: string, text = ""): TimelineItem => ({ type: "message", ...message(id, text) });

describe("what an event makes old", () => {
  const stale = (kind: string, data?: unknown) => staleKeys({ type: "event", seq: 1, kind, conversation_id: "cnv_1", data });
  it("fetches_the_timeline_only_where_the_event_does_not_carry_the_message", () => {
    expect(stale("message.created")).toContainEqual(["timeline", "cnv_1"]);
    expect(stale("message.created", message("msg_1"))).not.toContainEqual(["timeline", "cnv_1"]);
  });
  it("renews_lists_counters_and_the_conversation_itself_when_it_changes", () => {
    expect(stale("conversation.changed")).toEqual([["conversations", "list"], ["conversations", "counters"], ["conversations", "one", "cnv_1"], ["timeline", "cnv_1"], ["actions"]]);
  });
  it("asks_again_for_what_is_open_when_one_has_changed_that_may_be_nobodys_to_see", () => {
    expect(staleKeys({ type: "event", seq: 1, kind: "conversation.changed" })).toEqual([["conversations", "list"], ["conversations", "counters"], ["conversations", "one"]]);
  });
  it("asks_again_whether_it_is_open_when_hours_may_have_changed", () => {
    expect(stale("team.changed")).toContainEqual(["hours"]);
    expect(stale("channel.changed")).toEqual([["channels"], ["hours"]]);
  });
  it("shows_a_persons_new_picture_wherever_they_are_shown", () => {
    expect(stale("contact.changed", { event: "contact.changed", contact: "ctc_1" })).toEqual([["conversations"], ["contacts", "ctc_1"]]);
  });
  it("does_nothing_for_kinds_it_does_not_know", () => {
    expect(stale("typing")).toEqual([]);
    expect(stale("weather.changed")).toEqual([]);
  });
});

describe("gathering", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  it("turns_a_burst_of_events_into_one_round_with_each_key_once", () => {
    const rounds: QueryKey[][] = [];
    const gatherer = new Gatherer((keys) => rounds.push(keys));
    for (let index = 0; index < 100; index += 1) gatherer.add([["lists"], ["one", index % 2]]);
    expect(rounds).toEqual([]);
    vi.advanceTimersByTime(1000);
    expect(rounds).toEqual([[["lists"], ["one", 0], ["one", 1]]]);
    gatherer.add([["lists"]]);
    vi.advanceTimersByTime(1000);
    expect(rounds[1]).toEqual([["lists"]]);
  });
});

describe("a message into a cached timeline", () => {
  const timeline = (...pages: TimelineItem[][]): InfiniteData<Page<TimelineItem>, string | null> => ({ pages: pages.map((items) => ({ items, next: null })), pageParams: pages.map(() => null) });
  it("replaces_its_older_self_wherever_that_is", () => {
    const changed = withMessage(timeline([item("msg_3")], [item("msg_1"), item("msg_2")]), message("msg_1", "novo"));
    expect(changed?.pages.map((page) => page.items)).toEqual([[item("msg_3")], [item("msg_1", "novo"), item("msg_2")]]);
  });
  it("goes_to_the_end_of_the_newest_page_when_new", () => {
    const changed = withMessage(timeline([item("msg_3")], [item("msg_1")]), message("msg_4"));
    expect(changed?.pages.map((page) => page.items.map((each) => each.id))).toEqual([["msg_3", "msg_4"], ["msg_1"]]);
  });
  it("leaves_a_timeline_that_was_never_fetched_alone", () => {
    expect(withMessage(undefined, message("msg_1"))).toBeUndefined();
  });
});
