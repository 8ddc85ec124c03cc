/** What a channel carries beside words and files, as its app has described it: shapes of `content` in `wit/types`, bounds of `capabilities`. */
import type { Channel } from "../../api/types";
import { record, texts } from "../../lib/json";
import { type KindLimit, limitsOf } from "../takes";

/** How many choices, and how many characters each of their texts may have. */
export interface Bounds {
  count: number;
  title: number;
  description: number;
  button: number;
}

/** The server's own, where the channel has none. */
const WIDEST: Bounds = { count: 100, title: 200, description: 1000, button: 200 };

export interface Offers {
  place: boolean;
  card: boolean;
  buttons: Bounds | null;
  list: Bounds | null;
  sticker: KindLimit | null;
  /** Characters of the question. */
  question: number;
}

/** Null where there is nothing of them, or where nobody knows yet. */
export function offersOf(channel: Channel | undefined): Offers | null {
  const kinds = limitsOf(channel) ?? [];
  const of = (kind: string) => kinds.find((each) => each.kind === kind) ?? null;
  const asks = of("interactive");
  const capabilities = record(channel?.capabilities);
  const features = texts(capabilities.features);
  const more = parsed(capabilities.extra);
  const bounds = (feature: string) => (asks && features.includes(feature) ? { ...WIDEST, ...numbers(more[feature]) } : null);
  const offers = { place: of("location") !== null, card: of("contacts") !== null, buttons: bounds("buttons"), list: bounds("list"), sticker: of("sticker"), question: asks?.max_text ?? 0 };
  const { place, card, buttons, list, sticker } = offers;
  return place || card || buttons || list || sticker ? offers : null;
}

function numbers(given: unknown): Partial<Bounds> {
  return Object.fromEntries(Object.entries(record(given)).filter(([, value]) => typeof value === "number"));
}

function parsed(extra: unknown): Record<string, unknown> {
  try {
    return record(JSON.parse(typeof extra === "string" ? extra : "{}"));
  } catch {
    return {};
  }
}
