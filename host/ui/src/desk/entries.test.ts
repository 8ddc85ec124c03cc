import { describe, expect, it } from "vitest";
import type { Message, Page, TimelineEvent, TimelineItem } from "../api/types";
import { translate } from "../i18n";
import { entries, eventFacts, isNotice } from "./entries";
import type { Pending } from "./outbox";
import { eventText } from "./timeline";

const local = (text: string) => new Date(text).toISOString();
const said = (id: string, at: string, who = "ctc_1", direction: Message["direction"] = "in") =>
  ({ type: "message", id, at: local(at), direction, author: { kind: "contact", id: who, name: "" } }) as TimelineItem;
const happened = (kind: string, data: Record<string, unknown>, actor: TimelineEvent["actor"] = null): TimelineEvent => ({ type: "event", id: kind, at: local("2026-03-18T10:00"), kind, actor, data });
const page = (...items: TimelineItem[]): Page<TimelineItem> => ({ items, next: null });
const outline = (pages: Page<TimelineItem>[], pending: Pending[] = []) =>
  entries(pages, pending, "usr_1").map((entry) => (entry.kind === "day" ? "—" : entry.kind === "message" && entry.follows ? `+${entry.id}` : entry.id));

describe("the timeline", () => {
  it("puts_older_pages_first_and_a_line_before_each_day", () => {
    const pages = [page(said("c", "2026-03-18T10:00")), page(said("a", "2026-03-16T10:00"), said("b", "2026-03-16T11:00"))];
    expect(outline(pages)).toEqual(["—", "a", "b", "—", "c"]);
  });
  it("joins_messages_of_one_author_within_five_minutes", () => {
    const items = [said("a", "2026-03-18T10:00"), said("b", "2026-03-18T10:04"), said("c", "2026-03-18T10:10"), said("d", "2026-03-18T10:11", "usr_1", "out")];
    expect(outline([page(...items)])).toEqual(["—", "a", "+b", "c", "d"]);
  });
  it("draws_the_messages_of_an_album_as_one", () => {
    const of = (id: string, group: string | null, direction: Message["direction"] = "in") => ({ ...said(id, "2026-03-18T10:00", "ctc_1", direction), extra: group ? { group } : null }) as TimelineItem;
    const drawn = entries([page(of("a", "g"), of("b", "g"), of("c", "h"), of("d", null), of("e", null), of("f", "h"), of("g", "h", "out"))], [], "usr_1");
    expect(drawn.flatMap((entry) => (entry.kind === "message" ? [[entry.id, ...(entry.album ?? []).map((each) => each.id)]] : []))).toEqual([["a", "b"], ["c"], ["d"], ["e"], ["f"], ["g"]]);
  });
  it("does_not_join_across_an_event_or_midnight", () => {
    const items = [said("a", "2026-03-17T23:59"), said("b", "2026-03-18T00:00"), { ...happened("offered", {}), at: local("2026-03-18T00:01") }, said("c", "2026-03-18T00:02")];
    expect(outline([page(...items)])).toEqual(["—", "a", "—", "b", "offered", "c"]);
  });
  it("shows_once_what_two_pages_share", () => {
    expect(outline([page(said("b", "2026-03-18T10:00"), said("c", "2026-03-18T11:00")), page(said("a", "2026-03-18T09:00"), said("b", "2026-03-18T10:00"))])).toEqual(["—", "a", "b", "c"]);
  });
  it("ends_with_what_is_still_being_sent", () => {
    const pending = { key: "k1", at: local("2026-03-19T08:00") } as Pending;
    expect(outline([page(said("a", "2026-03-18T10:00"))], [pending])).toEqual(["—", "a", "—", "k1"]);
    expect(outline([], [pending])).toEqual(["—", "k1"]);
  });
});

describe("a message under way", () => {
  const mine = (id: string, text: string, at: string) => ({ type: "message", id, text, at: local(at), direction: "out", author: { kind: "user", id: "usr_1", name: "" } }) as TimelineItem;
  const sending = (key: string, text: string, error: string | null = null) => ({ key, text, error, at: local("2026-03-18T10:00:00") }) as Pending;
  it("is_not_shown_twice_when_its_event_overtakes_the_answer", () => {
    const items = page(mine("msg_1", "oi", "2026-03-18T10:00:00"));
    expect(outline([items], [sending("k1", "oi")])).toEqual(["—", "msg_1"]);
  });
  it("is_shown_beside_another_kind_that_has_no_words_either", () => {
    const spoken = { ...mine("msg_1", "", "2026-03-18T10:00:00"), kind: "audio" } as TimelineItem;
    const place = { ...sending("k1", ""), kind: "location" };
    expect(outline([page(spoken)], [place])).toEqual(["—", "msg_1", "k1"]);
    const placed = page({ ...spoken, kind: "location" } as TimelineItem);
    expect(outline([placed], [place])).toEqual(["—", "msg_1"]);
    expect(outline([placed], [sending("k1", "")])).toEqual(["—", "msg_1", "k1"]);
  });
  it("written_twice_is_shown_twice", () => {
    const items = page(mine("msg_1", "oi", "2026-03-18T10:00:01"));
    expect(outline([items], [sending("k1", "oi"), sending("k2", "oi")])).toEqual(["—", "msg_1", "k2"]);
  });
  it("is_shown_beside_an_older_message_of_the_same_words_and_when_it_was_refused", () => {
    expect(outline([page(mine("msg_1", "oi", "2026-03-18T09:00"))], [sending("k1", "oi")])).toEqual(["—", "msg_1", "k1"]);
    expect(outline([page(mine("msg_1", "oi", "2026-03-18T10:00"))], [sending("k1", "oi", "recusada")])).toEqual(["—", "msg_1", "k1"]);
  });
});

describe("events that say the same", () => {
  it("tells_of_a_transfer_and_not_of_the_queue_it_leads_to", () => {
    const queued = (id: string) => ({ ...happened("queued", {}), id });
    expect(outline([page(queued("first"), said("a", "2026-03-18T09:00"), happened("transferred", {}), queued("again"))])).toEqual(["—", "first", "a", "transferred"]);
  });
});

describe("events in words", () => {
  const t = (key: Parameters<typeof translate>[1], values?: Record<string, string | number>) => translate("pt-BR", key, values);
  const someone = { kind: "user", id: "usr_1", name: "Atendente 1" } as const;
  it("names_who_did_what_to_whom", () => {
    const lines = [
      happened("queued", { team: { id: "tem_1", name: "Vendas" } }),
      happened("offered", { agent: { id: "usr_2", name: "Atendente 2" } }),
      happened("started", {}, someone),
      happened("transferred", { team: { name: "Suporte" }, agent: { name: "Atendente 3" } }, someone),
      happened("concluded", { via: "Classificação" }, someone),
      happened("reopened", {}),
    ].map((event) => eventText(event, t));
    expect(lines).toEqual([
      "Conversa recebida em Vendas",
      "Direcionada a Atendente 2",
      "Atendente 1 iniciou o atendimento",
      "Atendente 1 transferiu para Suporte · Atendente 3",
      "Atendente 1, via Classificação concluiu o atendimento",
      "Atendimento reaberto",
    ]);
  });
  it("draws_no_line_for_a_kind_it_does_not_know_unless_it_says_something", () => {
    expect(eventText(happened("solar.flare", {}), t)).toBeNull();
    expect(eventText(happened("solar.flare", { text: "Enquete recebida" }), t)).toBe("Enquete recebida");
  });
  it("reads_odd_data_as_nothing", () => {
    expect(eventFacts(happened("offered", { agent: "x", team: { name: 7 }, note: "" }))).toEqual({ actor: null, agent: null, team: null, note: null, app: null });
  });
});

describe("what is noted by the way", () => {
  const note = (part: Partial<Message>) => ({ direction: "note", kind: "notice", text: "Está vendo /carrinho", attachments: [], author: { kind: "system", id: null, name: "" }, ...part }) as Message;
  it("is_one_line_where_an_app_or_the_host_says_it_shortly", () => {
    expect([note({}), note({ author: { kind: "plugin", id: "a", name: "A" } })].map(isNotice)).toEqual([true, true]);
  });
  it("is_a_bubble_where_people_wrote_it_or_it_is_long_or_more_than_words", () => {
    const file = { id: "fil_1" } as Message["attachments"][number];
    const bubbles = [note({ author: { kind: "user", id: "u", name: "U" } }), note({ kind: "text" }), note({ direction: "out" }), note({ text: "a\nb" }), note({ text: "a".repeat(161) }), note({ attachments: [file] })];
    expect(bubbles.map(isNotice)).toEqual(Array(6).fill(false));
  });
});
