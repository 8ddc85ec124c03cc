/** What realtime events mean for the screens: which cached answers they make old. Also whether the server can be reached at all. */
import { type QueryClient, type QueryKey, useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from "react";
import { noteFetching } from "./fetching";
import { keys, putMessage } from "./queries";
import { carriedMessage, type LiveEvent, Realtime } from "./realtime";

/** How long changes are gathered before fetching again: a burst of events costs one round of requests. */
const GATHER = 200;

/** The cache keys that an event makes old. */
export function staleKeys(event: LiveEvent): QueryKey[] {
  const id = event.conversation_id;
  switch (event.kind) {
    case "conversation.changed":
      // Without a name it is for those too to whom it has just disappeared.
      return [keys.lists, keys.counters, ...(id ? [keys.conversation(id), keys.timeline(id), [...keys.actions]] : [keys.opened])];
    case "message.created":
      return [keys.lists, keys.counters, ...(id ? [keys.conversation(id), ...(carriedMessage(event) ? [] : [keys.timeline(id)])] : [])];
    case "message.changed":
      return id ? [...(carriedMessage(event) ? [] : [keys.timeline(id)]), keys.lists] : [];
    case "contact.changed": {
      const contact = (event.data as { contact?: unknown } | null | undefined)?.contact;
      return [keys.conversations, ...(typeof contact === "string" ? [keys.contact(contact)] : [])];
    }
    case "counters":
      return [keys.counters];
    case "presence":
      return [keys.users, keys.teams, keys.session];
    case "plugin.changed":
      return [keys.plugins, keys.actions, keys.views, keys.channels];
    case "team.changed":
      return [keys.teams, keys.session, keys.views, keys.conversations, keys.hours];
    case "channel.changed":
      return [keys.channels, keys.hours];
    default:
      return [];
  }
}

/** Collects keys and invalidates them together, each once. */
export class Gatherer {
  private readonly waiting = new Map<string, QueryKey>();
  private timer: ReturnType<typeof setTimeout> | null = null;
  constructor(private readonly flushKeys: (keys: QueryKey[]) => void) {}

  add(stale: QueryKey[]): void {
    for (const key of stale) this.waiting.set(JSON.stringify(key), key);
    if (this.waiting.size > 0) this.timer ??= setTimeout(() => this.flush(), GATHER);
  }

  flush(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const gathered = [...this.waiting.values()];
    this.waiting.clear();
    if (gathered.length > 0) this.flushKeys(gathered);
  }
}

export interface Typing {
  conversation_id: string;
  name: string | null;
  until: number;
}

export interface Live {
  connected: boolean;
  typing: Typing | null;
  tell: (message: Record<string, unknown>) => void;
}

const Context = createContext<Live>({ connected: true, typing: null, tell: () => undefined });

export function useLive(): Live {
  return useContext(Context);
}

const TYPING_LASTS = 6000;

function readTyping(event: LiveEvent): Typing | null {
  if (event.kind !== "typing" || !event.conversation_id) return null;
  const data = (event.data ?? {}) as { name?: unknown; user?: { name?: unknown } };
  const name = typeof data.user?.name === "string" ? data.user.name : typeof data.name === "string" ? data.name : null;
  return { conversation_id: event.conversation_id, name, until: Date.now() + TYPING_LASTS };
}

function apply(client: QueryClient, gatherer: Gatherer, event: LiveEvent): void {
  const message = event.kind.startsWith("message.") ? carriedMessage(event) : null;
  if (message) putMessage(client, message);
  gatherer.add(staleKeys(event));
}

/** Opens the connection while somebody is signed in. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  // Assumed connected until proven otherwise, so that no banner flashes at the start.
  const [connected, setConnected] = useState(true);
  const [typing, setTyping] = useState<Typing | null>(null);
  const realtime = useRef<Realtime | null>(null);

  useEffect(() => {
    const gatherer = new Gatherer((gathered) => {
      for (const queryKey of gathered) void client.invalidateQueries({ queryKey });
    });
    const url = new URL("/api/v1/realtime", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const live = new Realtime({
      url: url.href,
      onEvent: (event) => {
        if (noteFetching(event)) return;
        const someone = readTyping(event);
        if (someone) setTyping(someone);
        apply(client, gatherer, event);
      },
      onResync: () => void client.invalidateQueries(),
      onStatus: (now) => {
        setConnected(now);
        // A refused connection may mean that the session has ended; asking tells.
        if (!now) void client.invalidateQueries({ queryKey: keys.session });
      },
    });
    realtime.current = live;
    live.start();
    const wake = () => {
      if (document.visibilityState === "visible") live.wake();
    };
    window.addEventListener("online", wake);
    document.addEventListener("visibilitychange", wake);
    return () => {
      window.removeEventListener("online", wake);
      document.removeEventListener("visibilitychange", wake);
      gatherer.flush();
      live.stop();
      realtime.current = null;
    };
  }, [client]);

  useEffect(() => {
    if (!typing) return;
    const end = setTimeout(() => setTyping(null), Math.max(0, typing.until - Date.now()));
    return () => clearTimeout(end);
  }, [typing]);

  const value = useMemo<Live>(() => ({ connected, typing, tell: (message) => realtime.current?.tell(message) }), [connected, typing]);
  return <Context value={value}>{children}</Context>;
}
