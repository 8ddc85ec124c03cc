/**
 * Messages that were sent from this screen and that the server has not confirmed yet. They are shown at once, go out one at a time per
 * conversation so that their order holds, and keep one idempotency key, so that trying again never sends twice. They outlive a reload.
 */
import type { Message, StoredFile } from "../api/types";

/** The message that is answered. */
export interface Quoted {
  id: string;
  text: string;
  author_name: string;
}

export interface Draft {
  text: string;
  private: boolean;
  files: StoredFile[];
  reply_to: Quoted | null;
  /** Its one file was spoken into it. */
  voice?: boolean;
  /** What it is, where it is neither words nor plain files; and what such a one says, in the shape of messages. */
  kind?: string;
  extra?: Record<string, unknown>;
}

/** Why the server did not take a message. */
export interface Refused {
  text: string;
  /** The same may be taken in a moment: what was written after it waits for it. */
  passes: boolean;
}

export interface Pending extends Draft {
  key: string;
  conversation_id: string;
  at: string;
  /** Null while it is under way. */
  error: Refused | null;
}

export interface OutboxServices {
  post: (pending: Pending) => Promise<Message>;
  taken: (message: Message) => void;
  explain: (error: unknown) => Refused;
  key: () => string;
  now: () => number;
  /** Keeps what is not confirmed, for the next outbox of this tab. */
  keep: (all: readonly Pending[]) => void;
}

const NOTHING: readonly Pending[] = [];

export class Outbox {
  private readonly byConversation = new Map<string, readonly Pending[]>();
  private readonly chains = new Map<string, Promise<void>>();
  private readonly listeners = new Set<() => void>();

  /** `kept`: what an earlier one kept; it goes out now. */
  constructor(
    private readonly services: OutboxServices,
    kept: readonly Pending[] = NOTHING,
  ) {
    for (const each of kept) this.byConversation.set(each.conversation_id, [...this.of(each.conversation_id), each]);
    for (const each of kept) if (!each.error || each.error.passes) void this.again(each);
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  of(conversation: string): readonly Pending[] {
    return this.byConversation.get(conversation) ?? NOTHING;
  }

  /** Resolves when the server has answered, either way. */
  send(conversation: string, draft: Draft): Promise<void> {
    const { key, now } = this.services;
    void this.resume(conversation);
    const pending: Pending = { ...draft, key: key(), conversation_id: conversation, at: new Date(now()).toISOString(), error: null };
    this.change(conversation, (all) => [...all, pending]);
    return this.queue(pending);
  }

  retry(conversation: string, key: string): Promise<void> {
    const pending = this.of(conversation).find((each) => each.key === key);
    if (!pending?.error) return Promise.resolve();
    return pending.error.passes ? this.resume(conversation) : this.again(pending);
  }

  /** Tries again, in its order, what may be taken now. */
  async resume(conversation: string): Promise<void> {
    const waiting = this.of(conversation).filter((each) => each.error?.passes);
    await Promise.all(waiting.map((each) => this.again(each)));
  }

  resumeAll(): void {
    for (const conversation of this.byConversation.keys()) void this.resume(conversation);
  }

  discard(conversation: string, key: string): void {
    this.change(conversation, (all) => all.filter((each) => each.key !== key));
  }

  private again(pending: Pending): Promise<void> {
    const again = { ...pending, error: null };
    this.change(pending.conversation_id, (all) => all.map((each) => (each.key === pending.key ? again : each)));
    return this.queue(again);
  }

  private queue(pending: Pending): Promise<void> {
    const before = this.chains.get(pending.conversation_id) ?? Promise.resolve();
    const chain = before.then(() => this.attempt(pending));
    this.chains.set(pending.conversation_id, chain);
    return chain;
  }

  private async attempt(pending: Pending): Promise<void> {
    const { conversation_id: conversation, key } = pending;
    const all = this.of(conversation);
    const earlier = all.slice(0, Math.max(0, all.findIndex((each) => each.key === key)));
    const held = earlier.find((each) => each.error?.passes)?.error;
    if (held) return this.refuse(pending, held);
    try {
      const message = await this.services.post(pending);
      this.services.taken(message);
      this.discard(conversation, key);
    } catch (error) {
      this.refuse(pending, this.services.explain(error));
    }
  }

  private refuse({ conversation_id: conversation, key }: Pending, error: Refused): void {
    this.change(conversation, (all) => all.map((each) => (each.key === key ? { ...each, error } : each)));
  }

  private change(conversation: string, edit: (all: readonly Pending[]) => readonly Pending[]): void {
    const all = edit(this.of(conversation));
    if (all.length > 0) this.byConversation.set(conversation, all);
    else this.byConversation.delete(conversation);
    this.services.keep([...this.byConversation.values()].flat());
    for (const listener of this.listeners) listener();
  }
}
