/** From cached pages and the outbox to what the timeline draws: one list, oldest first, with days and runs of the same author. */
import type { Message, Page, TimelineEvent, TimelineItem } from "../api/types";
import { record } from "../lib/json";
import { sameDay } from "../lib/time";
import type { Pending } from "./outbox";

export type Entry =
  | { kind: "day"; id: string; at: string }
  | {
      kind: "message";
      id: string;
      message: Message;
      /** Further messages that were sent as one with it. */
      album?: Message[];
      /** Same author within five minutes: drawn closer, without the name. */
      follows: boolean;
    }
  | { kind: "event"; id: string; event: TimelineEvent }
  | { kind: "pending"; id: string; pending: Pending };

const RUN = 5 * 60_000;

function sameRun(before: TimelineItem | undefined, message: Message): boolean {
  return (
    before?.type === "message" &&
    before.direction === message.direction &&
    before.author.kind === message.author.kind &&
    before.author.id === message.author.id &&
    Date.parse(message.at) - Date.parse(before.at) < RUN &&
    sameDay(before.at, message.at)
  );
}

/** What channels that send an album file by file give all of its messages. */
function groupOf(message: Message): string | null {
  const group = record(message.extra).group;
  return typeof group === "string" && group ? `${message.direction}/${group}` : null;
}

/** Longer than this, or of several lines, a notice has a bubble of its own. */
const SLIM = 160;

/** Whether a note is what an app or the host noted by the way and short enough to be one line of the timeline. What people write never is. */
export function isNotice(message: Message): boolean {
  return (
    message.direction === "note" && message.kind === "notice" && message.author.kind !== "user" && message.attachments.length === 0 && message.text.length <= SLIM && !message.text.includes("\n")
  );
}

function happened(item: TimelineItem | undefined, kind: string): boolean {
  return item?.type === "event" && item.kind === kind;
}

/** Clocks agree to about this. */
const SKEW = 3000;

/** Kinds that are only sent by name: words and files become none of them. */
const NAMED = ["location", "contacts", "interactive", "sticker"];

function ofThatKind(pending: Pending, message: Message): boolean {
  return pending.kind ? pending.kind === message.kind : !NAMED.includes(message.kind);
}

/**
 * What is still to be shown as on its way. The event that announces a message may overtake the answer to the request that sent it: one's own message
 * with the same words, and of that kind, written since, is the same one.
 */
function stillPending(items: readonly TimelineItem[], pending: readonly Pending[], me: string): Pending[] {
  const own = items.filter((item) => item.type === "message" && item.author.kind === "user" && item.author.id === me) as Message[];
  return pending.filter((each) => {
    if (each.error) return true;
    const index = own.findIndex((message) => message.text === each.text && ofThatKind(each, message) && Date.parse(message.at) >= Date.parse(each.at) - SKEW);
    if (index >= 0) own.splice(index, 1);
    return index < 0;
  });
}

/** `pages` are newest first, as fetched. An item that two pages share (something new moved the border) is shown once. */
export function entries(pages: readonly Page<TimelineItem>[], pending: readonly Pending[], me: string): Entry[] {
  const seen = new Set<string>();
  const items = pages
    .toReversed()
    .flatMap((page) => page.items)
    .filter((item) => !seen.has(item.id) && seen.add(item.id))
    // Whoever is told of the transfer knows that it waits again.
    .filter((item, index, all) => !(happened(item, "queued") && happened(all[index - 1], "transferred")));
  const result: Entry[] = [];
  let before: TimelineItem | undefined;
  let day: string | undefined;
  for (const item of items) {
    if (day === undefined || !sameDay(day, item.at)) result.push({ kind: "day", id: `day-${item.at}`, at: item.at });
    day = item.at;
    const last = result.at(-1);
    if (item.type === "message" && last?.kind === "message" && groupOf(item) !== null && groupOf(item) === groupOf(last.message)) last.album = [...(last.album ?? []), item];
    else if (item.type === "message") result.push({ kind: "message", id: item.id, message: item, follows: sameRun(before, item) });
    else result.push({ kind: "event", id: item.id, event: item });
    before = item;
  }
  for (const each of stillPending(items, pending, me)) {
    if (day === undefined || !sameDay(day, each.at)) result.push({ kind: "day", id: `day-${each.at}`, at: each.at });
    day = each.at;
    result.push({ kind: "pending", id: each.key, pending: each });
  }
  return result;
}

function text(data: Record<string, unknown>, ...path: string[]): string | null {
  let value: unknown = data;
  for (const name of path) value = value && typeof value === "object" ? (value as Record<string, unknown>)[name] : undefined;
  return typeof value === "string" && value ? value : null;
}

/** What a system event is about. Its data is open: `{agent:{name}}`, `agent_name` and the like are all understood, and nothing is required. */
export function eventFacts(event: TimelineEvent): { actor: string | null; agent: string | null; team: string | null; note: string | null; app: string | null } {
  const data = event.data ?? {};
  return {
    actor: event.actor?.name || null,
    agent: text(data, "agent", "name") ?? text(data, "agent_name"),
    team: text(data, "team", "name") ?? text(data, "team_name"),
    note: text(data, "note") ?? text(data, "text") ?? text(data, "summary"),
    app: text(data, "via") ?? text(data, "app", "name"),
  };
}
