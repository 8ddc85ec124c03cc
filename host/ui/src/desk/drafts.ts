/** What was being written in each conversation and the files attached to it, and what was sent and is not confirmed: kept for this tab, so that looking elsewhere, or a reload, loses nothing. */
import type { Pending } from "./outbox";
import type { KeptFile } from "./tray";

const DRAFT = "balcao.draft.";
const FILES = "balcao.files.";
const SENT = "balcao.outbox.";

/** What one user was writing in a conversation: whoever signs in after them does not see it. */
export function readDraft(user: string, conversation: string): string {
  return read(`${DRAFT}${user}.${conversation}`) ?? "";
}

export function writeDraft(user: string, conversation: string, text: string): void {
  write(`${DRAFT}${user}.${conversation}`, text || null);
}

/** The files that one user has attached to what is being written in a conversation. */
export function readFiles(user: string, conversation: string): KeptFile[] {
  return readList(`${FILES}${user}.${conversation}`);
}

export function writeFiles(user: string, conversation: string, files: readonly KeptFile[]): void {
  writeList(`${FILES}${user}.${conversation}`, files);
}

/** What one user has sent from this tab. */
export function readKept(user: string): Pending[] {
  return readList(SENT + user);
}

export function writeKept(user: string, all: readonly Pending[]): void {
  writeList(SENT + user, all);
}

function readList<T>(key: string): T[] {
  try {
    return JSON.parse(read(key) ?? "[]") as T[];
  } catch {
    return [];
  }
}

function writeList(key: string, all: readonly unknown[]): void {
  write(key, all.length > 0 ? JSON.stringify(all) : null);
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
