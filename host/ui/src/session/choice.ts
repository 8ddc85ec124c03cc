/** The language that somebody chose before signing in: kept for this visit, so that it outlives a reload, until it can be saved as the account's. */
import type { Locale } from "../api/types";

const STORAGE = "balcao.locale.chosen";

type Kept = Pick<Storage, "getItem" | "setItem" | "removeItem">;

function visit(): Kept | null {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}

export function noteChoice(locale: Locale, kept = visit()): void {
  try {
    kept?.setItem(STORAGE, locale);
  } catch {
    // A full or closed storage: the choice then ends with the page.
  }
}

/** What was chosen; it counts once. */
export function takeChoice(kept = visit()): Locale | null {
  const chosen = kept?.getItem(STORAGE);
  kept?.removeItem(STORAGE);
  return chosen === "pt-BR" || chosen === "en" ? chosen : null;
}

/** What becomes of the account's language: the choice, where it says something else. */
export function languageToSave(account: string, chosen: Locale | null): Locale | null {
  return chosen !== null && chosen !== account ? chosen : null;
}
