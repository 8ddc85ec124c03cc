/** Choices in the making: what is wrong with each, and the shape that goes to the server. */
import type { Key } from "../../i18n";

export interface Option {
  title: string;
  /** Of a list's row. */
  description: string;
}

export const BLANK: Option = { title: "", description: "" };

/** Of each what is wrong with it, or null. Channels take no two buttons of one title, and nobody could tell two such rows apart. */
export function faultsOf(options: readonly Option[]): (Key | null)[] {
  const titles = options.map((each) => each.title.trim());
  return titles.map((title, place) => (title === "" ? "say.choice.missing" : titles.indexOf(title) < place ? "say.choice.twice" : null));
}

/** `button`: what opens the list; null where the choices are buttons. */
export function extraOf(options: readonly Option[], button: string | null): Record<string, unknown> {
  const choices = options.map(({ title, description }, place) => ({
    id: String(place + 1),
    title: title.trim(),
    ...(button !== null && description.trim() && { description: description.trim() }),
  }));
  return button === null ? { buttons: choices } : { list: { button: button.trim(), sections: [{ rows: choices }] } };
}
