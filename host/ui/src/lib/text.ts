/** Small readings of text: links in a message, initials, a steady colour for a name. */

export type Piece = { kind: "text"; text: string } | { kind: "link"; text: string; href: string };

const LINK = /\b(?:https?:\/\/|www\.)[^\s<>"']+/gi;
const CLOSERS: Record<string, string> = { ")": "(", "]": "[", "}": "{" };

/** Splits a message into text and links. Only http(s) becomes a link; punctuation that ends the sentence stays text. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(LINK)) {
    const link = trimEnd(match[0]);
    const href = /^www\./i.test(link) ? `https://${link}` : link;
    if (!URL.canParse(href)) continue;
    if (match.index > from) found.push({ kind: "text", text: text.slice(from, match.index) });
    found.push({ kind: "link", text: link, href });
    from = match.index + link.length;
  }
  if (from < text.length) found.push({ kind: "text", text: text.slice(from) });
  return found;
}

function trimEnd(link: string): string {
  let end = link.length;
  for (;;) {
    const last = link[end - 1];
    if (last === undefined) break;
    const opener = CLOSERS[last];
    const balanced = opener !== undefined && link.slice(0, end).split(opener).length >= link.slice(0, end).split(last).length;
    if (/[.,;:!?…*_~]/.test(last) || (opener !== undefined && !balanced)) end -= 1;
    else break;
  }
  return link.slice(0, end);
}

/** Up to two letters; a phone number has none and gives `#`. */
export function initials(name: string): string {
  const words = name.normalize("NFC").split(/\s+/).filter((word) => /^\p{L}/u.test(word));
  const first = words[0];
  if (!first) return "#";
  const last = words.length > 1 ? words[words.length - 1] : undefined;
  return (first.charAt(0) + (last?.charAt(0) ?? "")).toLocaleUpperCase();
}

/** A number from 0 to `colours - 1` that is always the same for a text. */
export function tone(text: string, colours: number): number {
  let hash = 2166136261;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 16777619);
  return (hash >>> 0) % colours;
}

/** A Brazilian number as people write it, `+55 11 98765-4321`; any other address as it is. */
export function prettyAddress(address: string): string {
  const brazilian = /^\+55(\d{2})(\d{4,5})(\d{4})$/.exec(address);
  return brazilian ? `+55 ${brazilian[1]} ${brazilian[2]}-${brazilian[3]}` : address;
}

/** An app's reason for people: without what it adds in brackets for whoever mends it. */
export function plainly(reason: string): string {
  return reason.replace(/\s*\[.*\]$/s, "") || reason;
}

/** A sentence, of words that may stand anywhere. */
export function sentence(words: string): string {
  const text = words.charAt(0).toLocaleUpperCase() + words.slice(1);
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

/** `A, B ou C`. */
export function anyOf(words: readonly string[], locale: string): string {
  return new Intl.ListFormat(locale, { type: "disjunction" }).format(words);
}

/** An address that tells people something: a phone number, an e-mail address or an @handle, as they write it. Null for a channel's technical id. */
export function readableAddress(address: string): string | null {
  return /^\+\d{7,15}$|^@\S+$|^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(address) ? prettyAddress(address) : null;
}
