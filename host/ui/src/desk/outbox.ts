/**
 * Messages that were sent from this screen and that the server has not confirmed yet. They are shown at once, go out one at a time per
 * conversation so that their order holds, and keep one idempotency key, so that trying again never sends twice.
 */
import type { Message, StoredFile } from "../api/types";

export interface Draft {
  text: string;
  private: boolean;
  files: StoredFile[];
  reply_to: { id: string; text: string; author_name: string } | null;
  /** Its one file was spoken into it. */
  voice?: boolean;
}

export interface Pending extends Draft {
  key: string;
  conversation_id: string;
  at: string;
  /** Why the server did not take it; null while it is under way. */
  error: string | null;
}

export interface OutboxServices {
  post: (pending: Pending) => Promise<Message>;
  taken: (message: Message) => void;
  explain: (error: unknown) => string;
  key: () => string;
  now: () => number;
}

const NOTHING: readonly Pending[] = [];

export class Outbox {
  private readonly byConversation = new Map<string, readonly Pending[]>();
  private readonly chains = new Map<string, Promise<void>>();
  private readonly listeners = new Set<() => void>();
  constructor(private readonly services: OutboxServices) {}

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
    const pending: Pending = { ...draft, key: key(), conversation_id: conversation, at: new Date(now()).toISOString(), error: null };
    this.change(conversation, (all) => [...all, pending]);
    return this.queue(pending);
  }

  retry(conversation: string, key: string): Promise<void> {
    const pending = this.of(conversation).find((each) => each.key === key);
    if (!pending?.error) return Promise.resolve();
    const again = { ...pending, error: null };
    this.change(conversation, (all) => all.map((each) => (each.key === key ? again : each)));
    return this.queue(again);
  }

  discard(conversation: string, key: string): void {
    this.change(conversation, (all) => all.filter((each) => each.key !== key));
  }

  private queue(pending: Pending): Promise<void> {
    const before = this.chains.get(pending.conversation_id) ?? Promise.resolve();
    const chain = before.then(() => this.attempt(pending));
    this.chains.set(pending.conversation_id, chain);
    return chain;
  }

  private async attempt(pending: Pending): Promise<void> {
    const { conversation_id: conversation, key } = pending;
    try {
      const message = await this.services.post(pending);
      this.services.taken(message);
      this.discard(conversation, key);
    } catch (error) {
      const text = this.services.explain(error);
      this.change(conversation, (all) => all.map((each) => (each.key === key ? { ...each, error: text } : each)));
    }
  }

  private change(conversation: string, edit: (all: readonly Pending[]) => readonly Pending[]): void {
    const all = edit(this.of(conversation));
    if (all.length > 0) this.byConversation.set(conversation, all);
    else this.byConversation.delete(conversation);
    for (const listener of this.listeners) listener();
  }
}
