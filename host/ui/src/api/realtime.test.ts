import { describe, expect, it } from "vitest";
import { carriedMessage, type LiveEvent, pause, Realtime } from "./realtime";

class FakeSocket {
  readyState = 0;
  sent: unknown[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.onclose?.();
  }
  open() {
    this.readyState = 1;
    this.onopen?.();
  }
  say(message: unknown) {
    this.onmessage?.({ data: typeof message === "string" ? message : JSON.stringify(message) });
  }
}

function setUp() {
  const sockets: FakeSocket[] = [];
  const waits: { task: () => void; milliseconds: number; cancelled: boolean }[] = [];
  const events: LiveEvent[] = [];
  const status: boolean[] = [];
  let resyncs = 0;
  const live = new Realtime({
    url: "ws://test",
    onEvent: (event) => events.push(event),
    onResync: () => (resyncs += 1),
    onStatus: (connected) => status.push(connected),
    connect: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket as unknown as WebSocket;
    },
    random: () => 1,
    schedule: (task, milliseconds) => {
      const wait = { task, milliseconds, cancelled: false };
      waits.push(wait);
      return wait;
    },
    cancel: (handle) => {
      (handle as { cancelled: boolean }).cancelled = true;
    },
  });
  live.start();
  return { live, sockets, waits, events, status, resyncs: () => resyncs, last: () => sockets.at(-1) as FakeSocket };
}

const event = (seq: number): LiveEvent => ({ type: "event", seq, kind: "counters" });

describe("realtime", () => {
  it("says_hello_without_a_number_first_and_with_the_last_seen_after_a_break", () => {
    const { last, waits, events, status } = setUp();
    last().open();
    last().say({ type: "ready", seq: 40 });
    last().say(event(41));
    last().say(event(43));
    last().close();
    waits[0]?.task();
    last().open();
    expect(last().sent).toEqual([{ type: "hello", seq: 43 }]);
    expect(events.map((each) => each.seq)).toEqual([41, 43]);
    expect(status).toEqual([true, false]);
  });
  it("waits_longer_after_each_failure_and_starts_over_once_connected", () => {
    const { last, waits } = setUp();
    for (let index = 0; index < 3; index += 1) {
      last().close();
      waits.at(-1)?.task();
    }
    last().open();
    last().say({ type: "ready", seq: 1 });
    last().close();
    expect(waits.map((wait) => wait.milliseconds)).toEqual([500, 1000, 2000, 500]);
  });
  it("bounds_the_pause_and_jitters_between_half_and_all_of_it", () => {
    expect([pause(0, 0), pause(0, 1), pause(3, 0.5), pause(50, 0), pause(50, 1)]).toEqual([250, 500, 3000, 15_000, 30_000]);
  });
  it("asks_for_everything_again_on_resync_and_when_the_server_knows_less_than_we_do", () => {
    const first = setUp();
    first.last().open();
    first.last().say({ type: "ready", seq: 9 });
    first.last().say({ type: "resync" });
    expect(first.resyncs()).toBe(1);
    first.last().close();
    first.waits[0]?.task();
    first.last().open();
    expect(first.last().sent).toEqual([{ type: "hello", seq: null }]);

    const second = setUp();
    second.last().open();
    second.last().say({ type: "ready", seq: 9 });
    second.last().close();
    second.waits[0]?.task();
    second.last().open();
    second.last().say({ type: "ready", seq: 2 });
    expect(second.resyncs()).toBe(1);
  });
  it("ignores_what_is_not_json_and_survives_it", () => {
    const { last, events } = setUp();
    last().open();
    last().say("<html>");
    last().say(event(1));
    expect(events).toHaveLength(1);
  });
  it("does_not_reconnect_once_stopped_and_wakes_at_once_when_told", () => {
    const { live, last, waits, sockets } = setUp();
    last().close();
    live.wake();
    expect(waits[0]?.cancelled).toBe(true);
    expect(sockets).toHaveLength(2);
    live.stop();
    expect(waits).toHaveLength(1);
    live.wake();
    expect(sockets).toHaveLength(2);
  });
});

describe("a message in an event", () => {
  it("is_read_bare_or_wrapped_and_nothing_else_passes_for_one", () => {
    const message = { id: "msg_1", direction: "in", state: "received" };
    const carrying = (data: unknown) => carriedMessage({ ...event(1), data });
    expect(carrying(message)).toEqual(message);
    expect(carrying({ message })).toEqual(message);
    expect([undefined, null, "x", {}, { id: "msg_1" }, { message: null }].map(carrying)).toEqual([null, null, null, null, null, null]);
  });
});
