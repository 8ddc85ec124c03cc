/** Formatted text: from a text and the places of its formatting to a tree that can be drawn. Nothing of it is ever HTML. */

export interface Span {
  type: string;
  /** Of a link: http(s), `mailto:` or `tel:`, nothing else. */
  href: string | null;
  children: Node[];
}
export type Node = string | Span;

interface Entity {
  type: string;
  from: number;
  to: number;
  href: string | null;
}

/** What is drawn; whatever else a channel marks (a mention, a command) shows itself in its letters. */
const DRAWN = new Set(["bold", "italic", "underline", "strikethrough", "spoiler", "code", "pre", "blockquote", "expandable_blockquote", "text_link"]);

/** Formatting as a message's `entities` give it, in UTF-16 code units as here; what does not fit the text is left out. */
function read(text: string, given: unknown): Entity[] {
  if (!Array.isArray(given)) return [];
  return given.flatMap((each: unknown) => {
    const { type, offset, length, url } = (each ?? {}) as Record<string, unknown>;
    if (typeof type !== "string" || !DRAWN.has(type) || !Number.isInteger(offset) || !Number.isInteger(length)) return [];
    const from = offset as number;
    const to = Math.min(from + (length as number), text.length);
    const href = type === "text_link" ? safe(url) : null;
    if (from < 0 || to <= from || (type === "text_link" && !href)) return [];
    return [{ type, from, to, href }];
  });
}

function safe(url: unknown): string | null {
  if (typeof url !== "string" || !URL.canParse(url)) return null;
  return ["http:", "https:", "mailto:", "tel:"].includes(new URL(url).protocol) ? url : null;
}

/** The outer before the inner; what crosses its outer's end goes on behind it. */
export function spans(text: string, entities: unknown): Node[] {
  return build(text, 0, text.length, read(text, entities).sort(byPlace));
}

function byPlace(one: Entity, other: Entity): number {
  return one.from - other.from || other.to - one.to;
}

function build(text: string, from: number, to: number, entities: Entity[]): Node[] {
  const nodes: Node[] = [];
  let at = from;
  const waiting = [...entities];
  for (let outer = waiting.shift(); outer; outer = waiting.shift()) {
    if (outer.from > at) nodes.push(text.slice(at, outer.from));
    const inner: Entity[] = [];
    while (waiting[0] && waiting[0].from < outer.to) {
      const next = waiting.shift() as Entity;
      inner.push({ ...next, to: Math.min(next.to, outer.to) });
      if (next.to > outer.to) waiting.push({ ...next, from: outer.to });
    }
    waiting.sort(byPlace);
    nodes.push({ type: outer.type, href: outer.href, children: build(text, outer.from, outer.to, inner) });
    at = outer.to;
  }
  if (at < to) nodes.push(text.slice(at, to));
  return nodes;
}

/** Up to three emojis and nothing else: drawn large. */
export function isEmojiOnly(text: string): boolean {
  const trimmed = text.trim();
  if (trimmed.length > 40 || !/^(?:\p{RI}\p{RI}|\p{Emoji}(?:\p{EMod}|\uFE0F\u20E3?|[\u{E0020}-\u{E007E}]+\u{E007F})?(?:\u200D\p{Emoji}(?:\p{EMod}|\uFE0F)?)*|\s){1,5}$/u.test(trimmed)) return false;
  // Digits and signs count as emojis, and are none by themselves.
  if (/[0-9#*](?!\uFE0F)/.test(trimmed)) return false;
  return [...new Intl.Segmenter().segment(trimmed.replace(/\s/g, ""))].length <= 3;
}
