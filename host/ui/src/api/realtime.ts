/**
 * Keeps one WebSocket to the server: says hello with the last sequence number seen, reconnects with growing, jittered pauses, and hands every
 * event on. It never decides what an event means (see `live.tsx`).
 */
import type { Message } from "./types";

export interface LiveEvent {
  type: "event";
  seq: number;
  kind: string;
  conversation_id?: string;
  data?: unknown;
}

type Incoming = { type: "ready"; seq: number } | LiveEvent | { type: "resync" };

export interface RealtimeOptions {
  url: string;
  onEvent: (event: LiveEvent) => void;
  /** What happened meanwhile is unknown: everything shown must be fetched again. */
  onResync: () => void;
  onStatus: (connected: boolean) => void;
  connect?: (url: string) => WebSocket;
  /** From 0 to 1. */
  random?: () => number;
  schedule?: (task: () => void, milliseconds: number) => unknown;
  cancel?: (handle: unknown) => void;
}

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;

/** The pause before attempt `n` (0 is the first repetition): doubled each time, bounded, and anywhere between half of it and all of it. */
export function pause(attempt: number, random: number): number {
  const whole = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(attempt, 10));
  return Math.round(whole / 2 + (whole / 2) * random);
}

export class Realtime {
  private socket: WebSocket | null = null;
  private seq: number | null = null;
  private attempt = 0;
  private waiting: unknown = null;
  private stopped = false;
  private readonly options: Required<RealtimeOptions>;

  constructor(options: RealtimeOptions) {
    this.options = {
      connect: (url) => new WebSocket(url),
      random: Math.random,
      schedule: (task, milliseconds) => setTimeout(task, milliseconds),
      cancel: (handle) => clearTimeout(handle as ReturnType<typeof setTimeout>),
      ...options,
    };
  }

  start(): void {
    this.stopped = false;
    this.open();
  }

  stop(): void {
    this.stopped = true;
    this.cancelWait();
    this.socket?.close();
    this.socket = null;
  }

  /** The network is back, or the tab was woken: do not wait for the pause to end. */
  wake(): void {
    if (this.stopped || this.socket) return;
    this.cancelWait();
    this.attempt = 0;
    this.open();
  }

  /** Says something that matters only now (typing, viewing); lost when there is no connection. */
  tell(message: Record<string, unknown>): void {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(message));
  }

  private open(): void {
    const socket = this.options.connect(this.options.url);
    this.socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({ type: "hello", seq: this.seq }));
    socket.onmessage = (event) => {
      if (this.socket === socket && typeof event.data === "string") this.take(event.data);
    };
    socket.onclose = () => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.options.onStatus(false);
      if (!this.stopped) this.wait();
    };
  }

  private take(text: string): void {
    let incoming: Incoming;
    try {
      incoming = JSON.parse(text) as Incoming;
    } catch {
      return;
    }
    if (incoming.type === "ready") {
      this.attempt = 0;
      // A server that starts again from a lower number has lost what we knew.
      if (this.seq !== null && incoming.seq < this.seq) this.options.onResync();
      this.seq ??= incoming.seq;
      if (incoming.seq < this.seq) this.seq = incoming.seq;
      this.options.onStatus(true);
    } else if (incoming.type === "event") {
      if (typeof incoming.seq === "number" && incoming.seq > (this.seq ?? 0)) this.seq = incoming.seq;
      this.options.onEvent(incoming);
    } else if (incoming.type === "resync") {
      this.seq = null;
      this.options.onResync();
    }
  }

  private wait(): void {
    const milliseconds = pause(this.attempt, this.options.random());
    this.attempt += 1;
    this.waiting = this.options.schedule(() => {
      this.waiting = null;
      this.open();
    }, milliseconds);
  }

  private cancelWait(): void {
    if (this.waiting !== null) this.options.cancel(this.waiting);
    this.waiting = null;
  }
}

/** The message an event carries, where it does. */
export function carriedMessage(event: LiveEvent): Message | null {
  const data = event.data as Partial<Message> | { message?: Message } | null | undefined;
  if (!data || typeof data !== "object") return null;
  const candidate = "message" in data && data.message ? data.message : (data as Message);
  return typeof candidate.id === "string" && typeof candidate.direction === "string" && "state" in candidate ? (candidate as Message) : null;
}
