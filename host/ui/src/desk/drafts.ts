/** What was being written in each conversation, and what was sent and is not confirmed: kept for this tab, so that looking elsewhere, or a reload, loses nothing. */
import type { Pending } from "./outbox";

const DRAFT = "balcao.draft.";
const SENT = "balcao.outbox.";

export function readDraft(conversation: string): string {
  return read(DRAFT + conversation) ?? "";
}

export function writeDraft(conversation: string, text: string): void {
  write(DRAFT + conversation, text || null);
}

/** What one user has sent from this tab. */
export function readKept(user: string): Pending[] {
  try {
    return JSON.parse(read(SENT + user) ?? "[]") as Pending[];
  } catch {
    return [];
  }
}

export function writeKept(user: string, all: readonly Pending[]): void {
  write(SENT + user, all.length > 0 ? JSON.stringify(all) : null);
}

function read(key: string): string | null {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string | null): void {
  try {
    if (value === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, value);
  } catch {
    // Storage is full or refused: it lives as long as the screen does.
  }
}
