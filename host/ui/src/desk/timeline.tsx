/** The messages and events of a conversation, newest at the bottom, older ones fetched when the top comes near. */
import { Button, Center, Loader, Skeleton, Stack } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ArrowDown } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { api } from "../api/client";
import { actionsQuery, channelsQuery, putMessage, timelineQuery } from "../api/queries";
import type { Conversation, Message, TimelineEvent } from "../api/types";
import { type Translate, useLanguage, useT } from "../i18n";
import { useMinute } from "../lib/hooks";
import { clockTime, dayTitle } from "../lib/time";
import { useMe } from "../session/session";
import { useReport } from "../shell/report";
import { Failed } from "../shell/states";
import { type Entry, entries, eventFacts } from "./entries";
import { carries, EVENT_KEYS, type MessageActions, MessageView, PendingView, reactedWith } from "./message";
import type { Draft } from "./outbox";
import { Rewrite, type Rewriting } from "./rewrite";
import classes from "./timeline.module.css";
import { useOutbox, usePending } from "./use-outbox";

/** One line for what happened; null for what has no line. */
export function eventText(event: TimelineEvent, t: Translate): string | null {
  const facts = eventFacts(event);
  const who = facts.actor ?? t("event.system");
  const actor = facts.app ? t("event.via", { name: who, app: facts.app }) : who;
  switch (event.kind) {
    case "queued":
      return facts.team ? t("event.queued.team", { team: facts.team }) : t("event.queued");
    case "offered":
      return t("event.offered", { name: facts.agent ?? who });
    case "transferred":
      return t("event.transferred", { actor, to: [facts.team, facts.agent].filter(Boolean).join(" · ") || "…" });
    case "reopened":
      return facts.actor ? t("event.reopened.by", { name: actor }) : t("event.reopened");
    case "note":
      return facts.note;
    default: {
      const key = EVENT_KEYS[event.kind];
      return key ? t(key, { name: actor }) : facts.note;
    }
  }
}

function EventLine({ event }: { event: TimelineEvent }) {
  const { t, locale } = useLanguage();
  const text = eventText(event, t);
  if (!text) return null;
  const note = event.kind === "transferred" ? eventFacts(event).note : null;
  return (
    <p className={classes.event}>
      {text} <time dateTime={event.at}>{clockTime(event.at, locale)}</time>
      {note && <span className={classes.eventNote}>“{note}”</span>}
    </p>
  );
}

function Day({ at }: { at: string }) {
  const { t, locale } = useLanguage();
  const now = useMinute();
  return (
    <h3 className={classes.day}>
      <span>{dayTitle(at, now, locale, { today: t("conv.today"), yesterday: t("conv.yesterday") })}</span>
    </h3>
  );
}

function useMessageActions(conversation: Conversation, reply: (message: Message) => void, giveBack: ((draft: Draft) => void) | undefined, rewrite: (rewriting: Rewriting) => void): MessageActions {
  const client = useQueryClient();
  const report = useReport();
  const t = useT();
  const retry = useMutation({
    mutationFn: (message: Message) => api.post<Message>(`/messages/${message.id}/retry`),
    onSuccess: (message) => putMessage(client, message),
    onError: (error) => report.failure(error),
  });
  const react = useMutation({
    mutationFn: ({ message, emoji }: { message: Message; emoji: string }) => api.post<Message>(`/messages/${message.id}/reaction`, { emoji }),
    onSuccess: (message) => putMessage(client, message),
    onError: (error) => report.failure(error),
  });
  const fetching = useMutation({
    mutationFn: ({ message, position }: { message: string; position: number }) => api.post<Message>(`/messages/${message}/attachments/${position}/retry`),
    onSuccess: (message) => putMessage(client, message),
    onError: (error) => report.failure(error),
  });
  const letting = useMutation({
    mutationFn: (message: Message) => api.delete<Message>(`/messages/${message.id}/change`),
    onSuccess: (message) => putMessage(client, message),
    onError: (error) => report.failure(error),
  });
  const able = conversation.can.reply;
  const now = useMinute();
  const closed = conversation.window !== null && Date.parse(conversation.window.closes_at) <= now;
  const offered = useQuery({ ...actionsQuery("composer", { kind: "conversation", id: conversation.id }), enabled: able && closed }).data;
  const instead = !closed ? undefined : offered?.[0] ? t("msg.window.over", { action: offered[0].title }) : t("msg.window.over.wait");
  const channels = useQuery(channelsQuery);
  const reacts = carries(channels.data?.find((each) => each.id === conversation.channel.id), "reaction");
  const { mutate: retryNow } = retry;
  const { mutate: reactNow } = react;
  const { mutate: fetch } = fetching;
  const { mutate: letGo } = letting;
  const retrying = retry.isPending ? retry.variables.id : undefined;
  const fetched = fetching.isPending ? fetching.variables : undefined;
  return useMemo(() => {
    // Whoever sees the conversation may see its files; each message says who may change it.
    const seeing: MessageActions = { fetch, fetching: fetched, rewrite, letGo };
    if (!able) return seeing;
    return {
      ...seeing,
      reply,
      giveBack,
      retry: retryNow,
      retrying,
      instead,
      react: reacts ? (message, emoji) => reactNow({ message, emoji: reactedWith(message, emoji) ? "" : emoji }) : undefined,
    };
  }, [able, reacts, reply, giveBack, rewrite, letGo, retryNow, reactNow, retrying, instead, fetch, fetched]);
}

/** How many messages came in at the bottom while the reader was further up. */
function useUnseen(last: Entry | undefined, atEnd: boolean): number {
  const [unseen, setUnseen] = useState(0);
  const seen = useRef(last?.id);
  useEffect(() => {
    if (seen.current !== undefined && last?.id !== seen.current && !atEnd && last?.kind === "message" && last.message.direction === "in") {
      setUnseen((count) => count + 1);
    }
    seen.current = last?.id;
    if (atEnd) setUnseen(0);
  }, [last, atEnd]);
  return unseen;
}

function Waiting() {
  return (
    <Stack gap="sm" p="md" aria-hidden>
      <Skeleton height={44} width="45%" radius="lg" />
      <Skeleton height={64} width="55%" radius="lg" />
      <Skeleton height={44} width="40%" radius="lg" ml="auto" />
      <Skeleton height={44} width="30%" radius="lg" />
    </Stack>
  );
}

interface Props {
  conversation: Conversation;
  reply: (message: Message) => void;
  /** Gives back to be written anew what did not leave; none where nothing can be written. */
  giveBack?: (draft: Draft) => void;
}

export function Timeline({ conversation, reply, giveBack }: Props) {
  const t = useT();
  const me = useMe();
  const { id, contact } = conversation;
  const timeline = useInfiniteQuery(timelineQuery(id));
  const pending = usePending(id);
  const outbox = useOutbox();
  const [rewriting, setRewriting] = useState<Rewriting | null>(null);
  const actions = useMessageActions(conversation, reply, giveBack, setRewriting);
  const scroll = useRef<HTMLDivElement>(null);
  const [atEnd, setAtEnd] = useState(true);
  const all = useMemo(() => entries(timeline.data?.pages ?? [], pending, me.user.id), [timeline.data, pending, me.user.id]);
  const unseen = useUnseen(all.at(-1), atEnd);
  const toEnd = () => scroll.current?.scrollTo({ top: 0 });
  // One's own message is always worth seeing.
  useEffect(() => {
    if (pending.length > 0) toEnd();
  }, [pending.length]);

  const onScroll = () => {
    const element = scroll.current;
    if (!element) return;
    // The column is reversed: 0 is the end, and the way back is negative.
    setAtEnd(element.scrollTop > -40);
    const above = element.scrollHeight - element.clientHeight + element.scrollTop;
    if (above < 600 && timeline.hasNextPage && !timeline.isFetchingNextPage) void timeline.fetchNextPage();
  };

  if (timeline.isPending) return <div className={classes.scroll}><Waiting /></div>;
  if (timeline.isError && all.length === 0) return <Failed error={timeline.error} retry={() => void timeline.refetch()} full />;
  return (
    <div className={classes.frame}>
      {rewriting && <Rewrite rewriting={rewriting} close={() => setRewriting(null)} />}
      <div ref={scroll} className={classes.scroll} onScroll={onScroll} role="log" aria-label={t("conv.timeline", { name: contact.name })} tabIndex={0}>
        <div className={classes.items}>
          {timeline.hasNextPage && (
            <Center py="xs">
              {timeline.isFetchingNextPage ? (
                <Loader size="xs" />
              ) : (
                <Button size="compact-sm" variant="subtle" onClick={() => void timeline.fetchNextPage()}>
                  {t("conv.older")}
                </Button>
              )}
            </Center>
          )}
          {all.length === 0 && <p className={classes.event}>{t("conv.empty")}</p>}
          {all.map((entry) => {
            switch (entry.kind) {
              case "day":
                return <Day key={entry.id} at={entry.at} />;
              case "event":
                return <EventLine key={entry.id} event={entry.event} />;
              case "pending":
                return (
                  <PendingView
                    key={entry.id}
                    pending={entry.pending}
                    retry={() => void outbox.retry(id, entry.id)}
                    edit={
                      // The box is for words and plain files.
                      giveBack && !entry.pending.kind
                        ? () => {
                            outbox.discard(id, entry.id);
                            giveBack(entry.pending);
                          }
                        : undefined
                    }
                    discard={() => outbox.discard(id, entry.id)}
                  />
                );
              default:
                return (
                  <MessageView
                    key={entry.id}
                    message={entry.message}
                    album={entry.album}
                    follows={entry.follows}
                    mine={entry.message.author.kind === "user" && entry.message.author.id === me.user.id}
                    actions={actions}
                  />
                );
            }
          })}
        </div>
      </div>
      {!atEnd && (
        <Button className={classes.toEnd} size="compact-sm" radius="xl" variant="default" leftSection={<ArrowDown size={14} />} onClick={toEnd}>
          {unseen > 0 ? t("conv.new", { n: unseen }) : t("conv.bottom")}
        </Button>
      )}
    </div>
  );
}
