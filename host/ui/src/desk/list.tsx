/** The conversations of one folder: search, filters, the list itself, moving through it with the arrows. */
import { ActionIcon, Button, CloseButton, Group, Indicator, Popover, Select, Skeleton, Stack, Switch, TextInput } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { CheckCheck, Inbox, ListFilter as FilterIcon, MessagesSquare, Search, SearchX, Users } from "lucide-react";
import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import { channelsQuery, countersQuery, type ListFilter, listQuery, teamsQuery, usersQuery } from "../api/queries";
import type { Folder } from "../api/types";
import { type Key, useT } from "../i18n";
import { useKeys, useSettled } from "../lib/hooks";
import { useMe } from "../session/session";
import { FolderLinks, usePhone } from "../shell/shell";
import { Empty, Failed } from "../shell/states";
import { Item } from "./item";
import classes from "./list.module.css";

const ICONS = { queued: Inbox, mine: MessagesSquare, others: Users, concluded: CheckCheck };
type Filters = Omit<ListFilter, "folder" | "q">;

/** Moves the focus from one conversation to the next. False at the ends and when the list is empty. */
export function step(list: HTMLElement | null, by: 1 | -1): boolean {
  const links = list ? [...list.querySelectorAll<HTMLElement>("a[data-item]")] : [];
  const focused = links.indexOf(document.activeElement as HTMLElement);
  const start = focused >= 0 ? focused + by : Math.max(0, links.findIndex((link) => link.getAttribute("aria-current") === "page"));
  const next = links[start];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
  return next !== undefined;
}

function FilterMenu({ filters, change }: { filters: Filters; change: (filters: Filters) => void }) {
  const t = useT();
  const channels = useQuery(channelsQuery);
  const teams = useQuery(teamsQuery);
  const users = useQuery(usersQuery);
  const active = Object.values(filters).filter(Boolean).length;
  const options = (items: { id: string; name: string }[] | undefined) => (items ?? []).map((each) => ({ value: each.id, label: each.name }));
  const label = active > 0 ? t("list.filter.active", { n: active }) : t("list.filter");
  const select = { clearable: true, comboboxProps: { withinPortal: false }, clearButtonProps: { "aria-label": t("list.filter.clear") } };
  return (
    <Popover position="bottom-end" width={264} trapFocus>
      <Indicator disabled={active === 0} size={8} offset={5}>
        <Popover.Target>
          <ActionIcon aria-label={label} title={label} variant="default" size={34}>
            <FilterIcon size={17} />
          </ActionIcon>
        </Popover.Target>
      </Indicator>
      <Popover.Dropdown>
        <Stack gap="sm">
          <Select
            label={t("list.filter.channel")}
            placeholder={t("list.filter.all")}
            data={options(channels.data)}
            value={filters.channel ?? null}
            onChange={(channel) => change({ ...filters, channel: channel ?? undefined })}
            {...select}
          />
          <Select
            label={t("list.filter.team")}
            placeholder={t("list.filter.allTeams")}
            data={options(teams.data)}
            value={filters.team ?? null}
            onChange={(team) => change({ ...filters, team: team ?? undefined })}
            {...select}
          />
          <Select
            label={t("list.filter.agent")}
            placeholder={t("list.filter.all")}
            data={options(users.data)}
            value={filters.agent ?? null}
            onChange={(agent) => change({ ...filters, agent: agent ?? undefined })}
            {...select}
          />
          <Switch
            label={t("list.filter.unread")}
            checked={filters.unread ?? false}
            onChange={(event) => change({ ...filters, unread: event.currentTarget.checked || undefined })}
          />
          <Button variant="subtle" size="xs" disabled={active === 0} onClick={() => change({})}>
            {t("list.filter.clear")}
          </Button>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}

function Waiting() {
  return (
    <div aria-hidden>
      {Array.from({ length: 7 }, (_, index) => (
        <Group key={index} wrap="nowrap" px="md" py={11} gap="sm">
          <Skeleton circle height={40} style={{ flex: "none" }} />
          <Stack gap={7} flex={1}>
            <Skeleton height={11} width={`${45 + ((index * 17) % 30)}%`} />
            <Skeleton height={9} width={`${60 + ((index * 23) % 35)}%`} />
          </Stack>
        </Group>
      ))}
    </div>
  );
}

/** Asks for the next page when the end of the list comes near. */
function useNearEnd(near: () => void) {
  const mark = useRef<HTMLDivElement>(null);
  const current = useRef(near);
  current.current = near;
  useEffect(() => {
    if (!mark.current) return;
    const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && current.current(), { rootMargin: "400px" });
    observer.observe(mark.current);
    return () => observer.disconnect();
  }, []);
  return mark;
}

export function ConversationList({ folder, selected }: { folder: Folder; selected?: string }) {
  const t = useT();
  const me = useMe();
  const phone = usePhone();
  const headingId = useId();
  const [text, setText] = useState("");
  const [filters, setFilters] = useState<Filters>({});
  const q = useSettled(text.trim(), 250);
  const filter = useMemo<ListFilter>(() => ({ folder, ...filters, q: q || undefined }), [folder, filters, q]);
  const conversations = useInfiniteQuery({ ...listQuery(filter), placeholderData: (before, query) => (sameFolder(query?.queryKey, folder) ? before : undefined) });
  const counters = useQuery(countersQuery);
  const search = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const items = useMemo(() => {
    // A conversation that moved up between two pages would be there twice.
    const seen = new Map(conversations.data?.pages.flatMap((page) => page.items).map((each) => [each.id, each]));
    return [...seen.values()];
  }, [conversations.data]);
  const more = () => {
    if (conversations.hasNextPage && !conversations.isFetchingNextPage) void conversations.fetchNextPage();
  };
  const end = useNearEnd(more);
  useKeys({
    "/": () => search.current?.focus(),
    ArrowDown: () => step(list.current, 1),
    ArrowUp: () => step(list.current, -1),
  });

  const onSearchKey = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") {
      event.preventDefault();
      step(list.current, 1);
    } else if (event.key === "Escape") {
      setText("");
      search.current?.blur();
    }
  };
  const title = t(`folder.${folder}`);
  const filtered = Boolean(q) || Object.values(filters).some(Boolean);
  const Icon = filtered ? SearchX : ICONS[folder];
  // To whoever is in no team, nothing new is ever shown.
  const teamless = folder === "queued" && me.user.role === "agent" && me.teams.length === 0;
  const emptyKey: Key = filtered ? "list.empty.search" : teamless ? "list.empty.teamless" : `list.empty.${folder}`;
  const emptyDetail = `${emptyKey}.detail` as Key;

  return (
    <section className={classes.pane} aria-labelledby={headingId}>
      <header className={classes.head}>
        <h1 id={headingId} className={classes.title}>
          {phone ? t("nav.desk") : title}
        </h1>
        <Group gap={8} wrap="nowrap">
          <TextInput
            ref={search}
            flex={1}
            type="search"
            aria-label={t("list.search")}
            placeholder={t("list.search.short")}
            leftSection={<Search size={16} aria-hidden />}
            rightSection={text ? <CloseButton size="sm" aria-label={t("list.clear")} onClick={() => setText("")} /> : <kbd className={classes.key}>/</kbd>}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            onKeyDown={onSearchKey}
          />
          <FilterMenu filters={filters} change={setFilters} />
        </Group>
      </header>
      {phone && <FolderLinks counters={counters.data} />}
      <div className={classes.scroll}>
        {conversations.isPending && <Waiting />}
        {conversations.isError && items.length === 0 && <Failed error={conversations.error} retry={() => void conversations.refetch()} />}
        {conversations.isSuccess && items.length === 0 && <Empty icon={<Icon size={24} />} title={t(emptyKey)} detail={t(emptyDetail, { folder: title })} />}
        <ul ref={list} className={classes.list} aria-label={t("list.label", { folder: title })} aria-busy={conversations.isFetching}>
          {items.map((conversation) => (
            <Item key={conversation.id} conversation={conversation} folder={folder} selected={conversation.id === selected} />
          ))}
        </ul>
        <div ref={end} />
        {conversations.hasNextPage && (
          <Button variant="subtle" fullWidth loading={conversations.isFetchingNextPage} onClick={more}>
            {t("common.more")}
          </Button>
        )}
      </div>
    </section>
  );
}

/** While searching, the last results stay until the new ones are there; never those of another folder. */
function sameFolder(key: readonly unknown[] | undefined, folder: Folder): boolean {
  return (key?.[2] as ListFilter | undefined)?.folder === folder;
}
