/** What somebody made, in words to be copied. */
import { record, records, text, texts } from "../../lib/json";
import type { Draft } from "../outbox";
import { pointText } from "./point";
import { placeOf } from "./recent";

export function wordsOf({ text: said, extra }: Pick<Draft, "text" | "extra">): string {
  const it = record(extra);
  const places = placeOf(it).flatMap((place) => [place.name, place.address, pointText(place)]);
  const cards = records(it.contacts).flatMap((card) => [text(card.name), ...texts(card.phones), ...texts(card.emails)]);
  const rows = records(record(it.list).sections).flatMap((section) => records(section.rows));
  const choices = [...records(it.buttons), ...rows].map((choice) => [text(choice.title), text(choice.description)].filter(Boolean).join(": "));
  return [said, ...places, ...cards, ...choices].filter(Boolean).join("\n");
}
