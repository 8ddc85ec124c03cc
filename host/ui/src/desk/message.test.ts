import { describe, expect, it } from "vitest";
import type { Channel, Message } from "../api/types";
import { anew, carries, known, remedy } from "./message";

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
  it("is_given_back_with_its_text_its_files_and_what_it_answers", () => {
    const ready = { id: "fil_1", url: "/files/1", name: "a.pdf", mime: "application/pdf", size: 7, thumbnail_url: null, width: null, height: null, state: "ready", error: null, limit: null };
    const waiting = { ...ready, id: null, url: null, state: "waiting" };
    const reply_to = { id: "msg_1", kind: "text", text: "oi", author_name: "Ana", thumbnail_url: null };
    const failed = { direction: "out", state: "failed", kind: "document", text: "segue", attachments: [ready, waiting], reply_to } as unknown as Message;
    const { state: _state, error: _error, limit: _limit, ...file } = ready;
    expect(anew(failed)).toEqual({ text: "segue", private: false, files: [file], reply_to: { id: "msg_1", text: "oi", author_name: "Ana" } });
    expect(anew({ ...failed, reply_to: { ...reply_to, id: null } } as Message)?.reply_to).toBeNull();
    const others = [{ kind: "template" }, { kind: "interactive" }, { state: "uncertain" }, { state: "sent" }, { direction: "note" }] as Partial<Message>[];
    expect(others.map((part) => anew({ ...failed, ...part }))).toEqual(others.map(() => null));
  });
  it("is_not_answered_since_the_customer_never_saw_it", () => {
    const states: Message["state"][] = ["queued", "failed", "uncertain", "sent", "delivered", "read"];
    expect(states.map((state) => known({ direction: "out", state }))).toEqual([false, false, false, true, true, true]);
    expect(known({ direction: "in", state: "received" })).toBe(true);
  });
});
