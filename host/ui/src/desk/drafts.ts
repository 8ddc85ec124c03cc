/** What was being written in each conversation, kept for this tab so that looking elsewhere, or a reload, loses nothing. */
const PREFIX = "balcao.draft.";

export function readDraft(conversation: string): string {
  try {
    return sessionStorage.getItem(PREFIX + conversation) ?? "";
  } catch {
    return "";
  }
}

export function writeDraft(conversation: string, text: string): void {
  try {
    if (text) sessionStorage.setItem(PREFIX + conversation, text);
    else sessionStorage.removeItem(PREFIX + conversation);
  } catch {
    // Storage is full or refused: the draft lives as long as the screen does.
  }
}
