/**
 * The files that are attached to the next message of each conversation: uploaded while one still writes, whether or not one looks at that conversation.
 * What the server has is kept for this tab; after a reload, what was still on its way is shown as not attached.
 */
import type { StoredFile } from "../api/types";
import type { Refused } from "./outbox";
import { kindOf } from "./takes";

export interface Upload {
  key: string;
  name: string;
  mime: string;
  /** In bytes. */
  size: number;
  /** Shows a picture, also before the server has it; null where it is none. */
  picture: string | null;
  /** From 0 to 1. */
  progress: number;
  stored: StoredFile | null;
  /** Why it cannot be sent. */
  error: string | null;
  /** Uploads it once more, where that may help: the channel's limits do not change. */
  again: (() => void) | null;
}

/** A file as a reload finds it; `stored` null: it had not arrived. */
export type KeptFile = Pick<Upload, "name" | "mime" | "size" | "stored">;

/** What was chosen; `refused`: why the channel cannot take it, which is then never uploaded. */
export interface Chosen {
  file: File;
  refused: string | null;
}

export interface TrayServices {
  upload: (file: File, options: { signal: AbortSignal; onProgress: (progress: number) => void }) => Promise<StoredFile>;
  explain: (error: unknown) => Refused;
  /** What is said of a file that a reload has interrupted. */
  interrupted: () => string;
  key: () => string;
  /** Shows a file that the server does not have yet, until it is let go of. */
  picture: (file: File) => string;
  letGo: (picture: string) => void;
  /** Where a file is shown that the server has. */
  shown: (stored: StoredFile) => string | null;
  kept: (conversation: string) => KeptFile[];
  keep: (conversation: string, files: KeptFile[]) => void;
}

export class Trays {
  private readonly byConversation = new Map<string, readonly Upload[]>();
  private readonly under = new Map<string, AbortController>();
  private readonly pictures = new Map<string, string>();
  private readonly listeners = new Set<() => void>();

  constructor(private readonly services: TrayServices) {}

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  of(conversation: string): readonly Upload[] {
    let all = this.byConversation.get(conversation);
    if (!all) {
      all = this.services.kept(conversation).map((file) => this.back(file));
      this.byConversation.set(conversation, all);
    }
    return all;
  }

  add(conversation: string, chosen: readonly Chosen[]): void {
    const added = chosen.map(({ file, refused }) => {
      const key = this.services.key();
      const picture = kindOf(file.type) === "image" ? this.services.picture(file) : null;
      if (picture) this.pictures.set(key, picture);
      const upload: Upload = { key, name: file.name, mime: file.type, size: file.size, picture, progress: 0, stored: null, error: refused, again: null };
      return { upload, file };
    });
    this.change(conversation, (all) => [...all, ...added.map((each) => each.upload)]);
    for (const { upload, file } of added) if (!upload.error) this.begin(conversation, upload.key, file);
  }

  /** Takes back what the server has already. */
  restore(conversation: string, files: readonly StoredFile[]): void {
    const back = files.map((stored) => this.back({ name: stored.name, mime: stored.mime, size: stored.size, stored }));
    this.change(conversation, (all) => [...back, ...all]);
  }

  remove(conversation: string, key: string): void {
    this.forget(key);
    this.change(conversation, (all) => all.filter((each) => each.key !== key));
  }

  clear(conversation: string): void {
    for (const each of this.of(conversation)) this.forget(each.key);
    this.change(conversation, () => []);
  }

  private back({ name, mime, size, stored }: KeptFile): Upload {
    const picture = stored && kindOf(mime) === "image" ? this.services.shown(stored) : null;
    return { key: this.services.key(), name, mime, size, picture, progress: stored ? 1 : 0, stored, error: stored ? null : this.services.interrupted(), again: null };
  }

  private begin(conversation: string, key: string, file: File): void {
    const control = new AbortController();
    const edit = (change: Partial<Upload>) => this.change(conversation, (all) => all.map((each) => (each.key === key ? { ...each, ...change } : each)));
    this.under.set(key, control);
    edit({ error: null, again: null, progress: 0 });
    this.services
      .upload(file, { signal: control.signal, onProgress: (progress) => edit({ progress }) })
      .then((stored) => edit({ stored, progress: 1 }))
      .catch((error: unknown) => {
        if (control.signal.aborted) return;
        const { text, passes } = this.services.explain(error);
        edit({ error: text, again: passes ? () => this.begin(conversation, key, file) : null });
      })
      .finally(() => this.under.delete(key));
  }

  private forget(key: string): void {
    this.under.get(key)?.abort();
    const picture = this.pictures.get(key);
    if (picture) this.services.letGo(picture);
    this.pictures.delete(key);
  }

  private change(conversation: string, edit: (all: readonly Upload[]) => readonly Upload[]): void {
    const all = edit(this.of(conversation));
    this.byConversation.set(conversation, all);
    // What cannot be sent in any case need not be told of again.
    const kept = all.filter((each) => each.stored || !each.error || each.again);
    this.services.keep(
      conversation,
      kept.map(({ name, mime, size, stored }) => ({ name, mime, size, stored })),
    );
    for (const listener of this.listeners) listener();
  }
}
