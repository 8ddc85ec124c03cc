import { describe, expect, it } from "vitest";
import type { Message } from "../api/types";
import { type Draft, Outbox, type OutboxServices, type Pending } from "./outbox";

const draft = (text: string): Draft => ({ text, private: false, files: [], reply_to: null });

function setUp(kept: Pending[] = []) {
  let left: readonly Pending[] = kept;
  const posted: { pending: Pending; answer: (message: Message) => void; refuse: (error: Error) => void }[] = [];
  const taken: string[] = [];
  let keys = 0;
  const services: OutboxServices = {
    post: (pending) => new Promise((answer, refuse) => posted.push({ pending, answer, refuse })),
    taken: (message) => taken.push(message.id),
    explain: (error) => ({ text: (error as Error).message, passes: (error as Error).message === "sem conexão" }),
    key: () => `k${(keys += 1)}`,
    now: () => 0,
    keep: (all) => (left = all),
  };
  const outbox = new Outbox(services, kept);
  const shown = () => outbox.of("cnv_1").map((each) => [each.text, each.error?.text ?? null]);
  return { outbox, posted, taken, shown, left: () => [...left] };
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
  it("lets_what_was_written_later_wait_for_what_a_lost_connection_holds_up", async () => {
    const { outbox, posted, shown } = setUp();
    void outbox.send("cnv_1", draft("um"));
    await settled();
    posted[0]?.refuse(new Error("sem conexão"));
    await settled();
    void outbox.send("cnv_1", draft("dois"));
    await settled();
    posted[1]?.refuse(new Error("sem conexão"));
    await settled();
    expect(shown()).toEqual([["um", "sem conexão"], ["dois", "sem conexão"]]);
    expect(posted.map((each) => each.pending.text)).toEqual(["um", "um"]);
    outbox.resumeAll();
    await settled();
    posted[2]?.answer({ id: "msg_1" } as Message);
    await settled();
    posted[3]?.answer({ id: "msg_2" } as Message);
    await settled();
    expect(posted.map((each) => [each.pending.text, each.pending.key])).toEqual([["um", "k1"], ["um", "k1"], ["um", "k1"], ["dois", "k2"]]);
    expect(shown()).toEqual([]);
  });
  it("keeps_what_is_not_confirmed_and_sends_it_again_after_a_reload_but_not_what_was_refused", async () => {
    const before = setUp();
    for (const text of ["recusada", "sem rede", "a caminho"]) void before.outbox.send("cnv_1", draft(text));
    await settled();
    before.posted[0]?.refuse(new Error("janela fechada"));
    await settled();
    before.posted[1]?.refuse(new Error("sem conexão"));
    await settled();
    const after = setUp(before.left());
    await settled();
    expect(after.posted.map((each) => [each.pending.text, each.pending.key])).toEqual([["sem rede", "k2"]]);
    after.posted[0]?.answer({ id: "msg_1" } as Message);
    await settled();
    after.posted[1]?.answer({ id: "msg_2" } as Message);
    await settled();
    expect(after.posted.map((each) => each.pending.key)).toEqual(["k2", "k3"]);
    expect(after.left().map((each) => each.text)).toEqual(["recusada"]);
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
