import { describe, expect, it } from "vitest";
import type { Message } from "../api/types";
import { type Draft, Outbox, type Pending } from "./outbox";

const draft = (text: string): Draft => ({ text, private: false, files: [], reply_to: null });

function setUp() {
  const posted: { pending: Pending; answer: (message: Message) => void; refuse: (error: Error) => void }[] = [];
  const taken: string[] = [];
  let keys = 0;
  const outbox = new Outbox({
    post: (pending) => new Promise((answer, refuse) => posted.push({ pending, answer, refuse })),
    taken: (message) => taken.push(message.id),
    explain: (error) => (error as Error).message,
    key: () => `k${(keys += 1)}`,
    now: () => 0,
  });
  const shown = () => outbox.of("cnv_1").map((each) => [each.text, each.error]);
  return { outbox, posted, taken, shown };
}
const settled = () => new Promise<void>((done) => setImmediate(done));

describe("the outbox", () => {
  it("shows_a_message_at_once_and_lets_it_go_when_the_server_has_it", async () => {
    const { outbox, posted, taken, shown } = setUp();
    const sending = outbox.send("cnv_1", draft("oi"));
    expect(shown()).toEqual([["oi", null]]);
    await settled();
    posted[0]?.answer({ id: "msg_1" } as Message);
    await sending;
    expect(shown()).toEqual([]);
    expect(taken).toEqual(["msg_1"]);
  });
  it("sends_one_at_a_time_per_conversation_in_the_order_written", async () => {
    const { outbox, posted } = setUp();
    void outbox.send("cnv_1", draft("um"));
    void outbox.send("cnv_1", draft("dois"));
    void outbox.send("cnv_2", draft("outra"));
    await settled();
    expect(posted.map((each) => each.pending.text)).toEqual(["um", "outra"]);
    posted[0]?.answer({ id: "msg_1" } as Message);
    await settled();
    expect(posted.map((each) => each.pending.text)).toEqual(["um", "outra", "dois"]);
  });
  it("keeps_a_refused_message_with_its_reason_and_does_not_hold_up_the_next", async () => {
    const { outbox, posted, shown } = setUp();
    void outbox.send("cnv_1", draft("um"));
    void outbox.send("cnv_1", draft("dois"));
    await settled();
    posted[0]?.refuse(new Error("janela fechada"));
    await settled();
    expect(shown()).toEqual([["um", "janela fechada"], ["dois", null]]);
    expect(posted).toHaveLength(2);
  });
  it("tries_again_under_the_same_key_so_that_nothing_is_sent_twice", async () => {
    const { outbox, posted, shown } = setUp();
    void outbox.send("cnv_1", draft("um"));
    await settled();
    posted[0]?.refuse(new Error("sem conexão"));
    await settled();
    void outbox.retry("cnv_1", "k1");
    await outbox.retry("cnv_1", "k1");
    await settled();
    expect(posted.map((each) => each.pending.key)).toEqual(["k1", "k1"]);
    expect(shown()).toEqual([["um", null]]);
  });
  it("forgets_a_discarded_message_and_tells_its_listeners_each_time", async () => {
    const { outbox, posted, shown } = setUp();
    let told = 0;
    const forget = outbox.subscribe(() => (told += 1));
    void outbox.send("cnv_1", draft("um"));
    await settled();
    posted[0]?.refuse(new Error("não"));
    await settled();
    outbox.discard("cnv_1", "k1");
    expect(shown()).toEqual([]);
    expect(told).toBe(3);
    forget();
    void outbox.send("cnv_1", draft("dois"));
    expect(told).toBe(3);
  });
});
