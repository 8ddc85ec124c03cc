/** How far files are that the server is fetching from a provider: told over the realtime connection, kept nowhere else, and forgotten with the page. */
import { useSyncExternalStore } from "react";
import type { LiveEvent } from "./realtime";

export interface Fetching {
  bytes: number;
  /** 0 where nobody has said. */
  size: number;
}

/** Files that are followed at once; the oldest are forgotten. */
const MOST = 100;

const far = new Map<string, Fetching>();
const listeners = new Set<() => void>();

function place(message: string, position: number): string {
  return `${message}/${position}`;
}

/** Takes a line that tells how far a file is; false where it tells something else. */
export function noteFetching(event: LiveEvent): boolean {
  if (event.kind !== "attachment.progress") return false;
  const { message_id, position, bytes, size } = (event.data ?? {}) as Record<string, unknown>;
  if (typeof message_id !== "string" || typeof position !== "number" || typeof bytes !== "number") return true;
  const key = place(message_id, position);
  far.delete(key);
  far.set(key, { bytes, size: typeof size === "number" ? size : 0 });
  const oldest = far.keys().next();
  if (far.size > MOST && !oldest.done) far.delete(oldest.value);
  for (const each of listeners) each();
  return true;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** How far a file is; null while nobody has said. */
export function fetchingOf(message: string, position: number): Fetching | null {
  return far.get(place(message, position)) ?? null;
}

/** The same, drawn anew with each line. */
export function useFetching(message: string, position: number): Fetching | null {
  return useSyncExternalStore(subscribe, () => fetchingOf(message, position));
}
