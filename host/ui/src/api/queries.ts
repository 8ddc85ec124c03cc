/** What the screens read, and under which keys it is cached. Writing is beside the screens that write. */
import { type InfiniteData, infiniteQueryOptions, type QueryClient, queryOptions } from "@tanstack/react-query";
import { ApiError, api, type Query, serverNow } from "./client";
import type {
  Channel,
  Contact,
  Conversation,
  Counters,
  Folder,
  Me,
  Message,
  MessageVersion,
  Opening,
  Page,
  ParkedCount,
  Plugin,
  PluginAction,
  PluginView,
  Subject,
  Team,
  TimelineItem,
  User,
} from "./types";

export interface ListFilter {
  folder: Folder;
  channel?: string;
  team?: string;
  agent?: string;
  unread?: boolean;
  q?: string;
}

export const keys = {
  session: ["session"] as const,
  conversations: ["conversations"] as const,
  lists: ["conversations", "list"] as const,
  counters: ["conversations", "counters"] as const,
  /** Each that was opened. */
  opened: ["conversations", "one"] as const,
  conversation: (id: string) => ["conversations", "one", id] as const,
  timeline: (id: string) => ["timeline", id] as const,
  versions: (message: string) => ["versions", message] as const,
  contact: (id: string) => ["contacts", id] as const,
  channels: ["channels"] as const,
  teams: ["teams"] as const,
  users: ["users"] as const,
  plugins: ["plugins"] as const,
  tokens: ["tokens"] as const,
  actions: ["actions"] as const,
  views: ["views"] as const,
  hours: ["hours"] as const,
};

/** Who is signed in; null when nobody is. */
export const sessionQuery = queryOptions({
  queryKey: keys.session,
  queryFn: async ({ signal }): Promise<Me | null> => {
    try {
      return await api.get<Me>("/session", undefined, signal);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: 300_000,
});

export const countersQuery = queryOptions({
  queryKey: keys.counters,
  queryFn: ({ signal }) => api.get<Counters>("/conversations/counters", undefined, signal),
});

export const listQuery = (filter: ListFilter) =>
  infiniteQueryOptions({
    queryKey: [...keys.lists, filter] as const,
    queryFn: ({ pageParam, signal }) => api.get<Page<Conversation>>("/conversations", { ...filter, limit: 50, after: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });

export const conversationQuery = (id: string) =>
  queryOptions({ queryKey: keys.conversation(id), queryFn: ({ signal }) => api.get<Conversation>(`/conversations/${id}`, undefined, signal) });

/** Whether somebody serves it, asked again when that changes. */
export const openingQuery = ({ id, team, channel }: Conversation) =>
  queryOptions({
    queryKey: [...keys.hours, "conversation", id, team?.id ?? "", channel.id] as const,
    queryFn: ({ signal }) => api.get<Opening>(`/conversations/${id}/hours`, undefined, signal),
    staleTime: 60_000,
    refetchInterval: (query) => untilChange(query.state.data?.changes_at, serverNow()),
  });

/** Milliseconds until a moment that is to come, an hour at most; `false`: nothing to wait for. */
export function untilChange(at: string | null | undefined, now: number): number | false {
  if (!at) return false;
  // A moment late, so that the server has passed it too.
  return Math.min(Math.max(Date.parse(at) - now + 500, 1_000), 3_600_000);
}

/** Pages go from the newest back; inside a page the items are oldest first. */
export const timelineQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: keys.timeline(id),
    queryFn: ({ pageParam, signal }) => api.get<Page<TimelineItem>>(`/conversations/${id}/timeline`, { limit: 50, after: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });

/** What an edited message said before; they do not change, and each edit makes another one. */
export const versionsQuery = (message: string) =>
  queryOptions({ queryKey: keys.versions(message), queryFn: ({ signal }) => api.get<MessageVersion[]>(`/messages/${message}/versions`, undefined, signal) });

export const contactQuery = (id: string) =>
  queryOptions({ queryKey: keys.contact(id), queryFn: ({ signal }) => api.get<Contact>(`/contacts/${id}`, undefined, signal) });

/** A list as a page, whether the server pages it or gives it whole. */
export function asPage<T>(body: Page<T> | T[]): Page<T> {
  return Array.isArray(body) ? { items: body, next: null } : body;
}

/** The first page of a list. */
export async function fetchPage<T>(path: string, query?: Query, signal?: AbortSignal): Promise<Page<T>> {
  return asPage(await api.get<Page<T> | T[]>(path, query, signal));
}

/** Every page of a short administrative list. */
async function all<T>(path: string, signal: AbortSignal): Promise<T[]> {
  const items: T[] = [];
  let after: string | null = null;
  do {
    const page: Page<T> = await fetchPage<T>(path, { limit: 100, after }, signal);
    items.push(...page.items);
    after = page.next ?? null;
  } while (after);
  return items;
}

const list = <T>(key: readonly string[], path: string) => queryOptions({ queryKey: key, queryFn: ({ signal }) => all<T>(path, signal), staleTime: 60_000 });

export const channelsQuery = list<Channel>(keys.channels, "/channels");
/** The channels in which webhooks wait. Under the channels' key: what is said of a channel's changes is said of these too. */
export const parkedQuery = list<ParkedCount>([...keys.channels, "parked"], "/parked");
export const teamsQuery = list<Team>(keys.teams, "/teams");
export const usersQuery = list<User>(keys.users, "/users");
export const pluginsQuery = list<Plugin>(keys.plugins, "/plugins");

export const actionsQuery = (slot: string, about: Subject | null) =>
  queryOptions({
    queryKey: [...keys.actions, slot, about?.kind ?? "", about?.id ?? ""] as const,
    queryFn: async ({ signal }) =>
      (await fetchPage<PluginAction>("/actions", { slot, about_kind: about?.kind, about_id: about?.id }, signal)).items,
    staleTime: 60_000,
  });

export const viewsQuery = (slot: string, about: Subject | null) =>
  queryOptions({
    queryKey: [...keys.views, slot, about?.kind ?? "", about?.id ?? ""] as const,
    queryFn: async ({ signal }) => (await fetchPage<PluginView>("/views", { slot, about_kind: about?.kind, about_id: about?.id }, signal)).items,
    staleTime: 60_000,
  });

type Timeline = InfiniteData<Page<TimelineItem>, string | null>;

/** Puts a message where it belongs in a cached timeline: over its older self, else at the end. */
export function withMessage(timeline: Timeline | undefined, message: Message): Timeline | undefined {
  if (!timeline) return timeline;
  const item: TimelineItem = { type: "message", ...message };
  let known = false;
  const pages = timeline.pages.map((page) => {
    const index = page.items.findIndex((each) => each.type === "message" && each.id === message.id);
    if (index < 0) return page;
    known = true;
    return { ...page, items: page.items.with(index, item) };
  });
  const newest = pages[0];
  if (!known && newest) pages[0] = { ...newest, items: [...newest.items, item] };
  return { ...timeline, pages };
}

export function putMessage(client: QueryClient, message: Message): void {
  client.setQueryData<Timeline>(keys.timeline(message.conversation_id), (timeline) => withMessage(timeline, message));
}

/** Takes the server's answer to a change of a conversation and has the lists fetched again. */
export function putConversation(client: QueryClient, conversation: Conversation): void {
  client.setQueryData<Conversation>(keys.conversation(conversation.id), (known) =>
    known && known.version > conversation.version ? known : conversation,
  );
  void client.invalidateQueries({ queryKey: keys.lists });
  void client.invalidateQueries({ queryKey: keys.counters });
  void client.invalidateQueries({ queryKey: keys.timeline(conversation.id) });
  void client.invalidateQueries({ queryKey: keys.actions });
}
