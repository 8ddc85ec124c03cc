/** What an app could not handle: events and timers that were given up, and webhooks that wait. They can be tried again or let go of. */
import { Button, Group, Modal, Skeleton, Stack, Text } from "@mantine/core";
import { type QueryKey, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { RotateCcw, Trash2 } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Link } from "react-router";
import { api } from "../api/client";
import { channelsQuery, fetchPage, keys, parkedQuery, pluginsQuery } from "../api/queries";
import type { Channel, Parked, PluginFailure } from "../api/types";
import { useLanguage, useT } from "../i18n";
import { useAct } from "../lib/act";
import { fullTime } from "../lib/time";
import { Failed } from "../shell/states";
import classes from "./apps.module.css";

/** One thing that failed, whichever list it is of. */
interface Row {
  id: string;
  title: ReactNode;
  error: string;
  at: string;
  attempts: number;
}

/** Asks before something is let go of for good. */
function Discard({ all, busy, discard, close }: { all: boolean; busy: boolean; discard: () => void; close: () => void }) {
  const t = useT();
  return (
    <Modal opened onClose={close} title={t(all ? "failures.discard.all.title" : "failures.discard.title")} closeButtonProps={{ "aria-label": t("common.close") }}>
      <Text mb="md">{t(all ? "failures.discard.all.detail" : "failures.discard.detail")}</Text>
      <Group justify="flex-end">
        <Button variant="default" onClick={close} data-autofocus>
          {t("common.cancel")}
        </Button>
        <Button color="brick" loading={busy} onClick={discard}>
          {t(all ? "failures.discard.all" : "failures.discard")}
        </Button>
      </Group>
    </Modal>
  );
}

/** Rows of the resource at `path`, of which `/replay` tries all again and `DELETE` lets go of all, and so for each by its id. With the app `off` none is tried. */
function Rows({ path, rows, stale, replayed, off = false }: { path: string; rows: readonly Row[]; stale: readonly QueryKey[]; replayed: (result: unknown) => string; off?: boolean }) {
  const { t, locale } = useLanguage();
  const [asking, setAsking] = useState<{ id: string | null } | null>(null);
  const one = (id: string | null) => (id === null ? path : `${path}/${id}`);
  const [said, setSaid] = useState("");
  const replay = useAct((id: string | null) => api.post<unknown>(`${one(id)}/replay`), { stale, then: (result) => setSaid(replayed(result)) });
  const discard = useAct((id: string | null) => api.delete(one(id)), { stale, said: t("failures.discarded"), then: () => setAsking(null) });
  const busy = (id: string | null) => replay.isPending && replay.variables === id;
  return (
    <>
      {said && (
        <Text size="sm" mb="sm" role="status">
          {said}
        </Text>
      )}
      {rows.length > 1 && (
        <Group gap="xs" mb="md">
          {!off && (
            <Button size="compact-md" variant="light" leftSection={<RotateCcw size={15} aria-hidden />} loading={busy(null)} onClick={() => replay.mutate(null)}>
              {t("failures.replay.all")}
            </Button>
          )}
          <Button size="compact-md" variant="subtle" color="brick" leftSection={<Trash2 size={15} aria-hidden />} onClick={() => setAsking({ id: null })}>
            {t("failures.discard.all")}
          </Button>
        </Group>
      )}
      <ul className={classes.failures}>
        {rows.map((row) => (
          <li key={row.id}>
            <div className={classes.failure}>
              <Text fw={600}>{row.title}</Text>
              {row.error && (
                <Text size="sm" c="var(--bad-text)" className={classes.machine}>
                  {row.error}
                </Text>
              )}
              <Text size="xs" c="dimmed">
                {fullTime(row.at, locale)} · {t("apps.attempts", { n: row.attempts })}
              </Text>
            </div>
            <Group gap="xs" wrap="nowrap">
              {!off && (
                <Button size="compact-md" variant="default" loading={busy(row.id)} onClick={() => replay.mutate(row.id)}>
                  {t("failures.replay")}
                </Button>
              )}
              <Button size="compact-md" variant="subtle" color="brick" onClick={() => setAsking({ id: row.id })}>
                {t("failures.discard")}
              </Button>
            </Group>
          </li>
        ))}
      </ul>
      {asking && <Discard all={asking.id === null} busy={discard.isPending} discard={() => discard.mutate(asking.id)} close={() => setAsking(null)} />}
    </>
  );
}

/** How many webhooks wait in the channels of an app. */
export function useWaiting(): (plugin: string) => number {
  const parked = useQuery(parkedQuery);
  return (plugin) => (parked.data ?? []).filter((each) => each.plugin_id === plugin).reduce((sum, each) => sum + each.count, 0);
}

/** Webhooks of a channel that its app could not read: kept, and read again once the cause is gone. */
export function ParkedRequests({ channel }: { channel: Channel }) {
  const t = useT();
  const key = [...keys.channels, channel.id, "parked"];
  const parked = useQuery({ queryKey: key, queryFn: ({ signal }) => fetchPage<Parked>(`/channels/${channel.id}/parked`, undefined, signal) });
  const plugins = useQuery(pluginsQuery);
  if (parked.isPending) return <Skeleton height={40} />;
  if (parked.isError) return <Failed error={parked.error} retry={() => void parked.refetch()} />;
  const off = plugins.data?.find((each) => each.id === channel.plugin_id)?.enabled === false;
  // What the host itself says, in the reader's words; an app speaks for itself.
  const words: Record<string, string> = { off: "", refused: t("channels.parked.refused") };
  const rows = parked.data.items.map((each) => ({
    id: each.id,
    title: t("failures.webhook"),
    error: words[each.error.code] ?? each.error.message,
    at: each.received_at,
    attempts: each.attempts,
  }));
  const replayed = (result: unknown) => {
    const { taken, left } = (result ?? { taken: 1, left: 0 }) as { taken: number; left: number };
    return left > 0 ? t("channels.parked.replayed.some", { taken, left }) : t("channels.parked.replayed");
  };
  return (
    <>
      {rows.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("channels.parked.none")}
        </Text>
      )}
      {rows.length > 0 && off && (
        <Text size="sm" mb="sm">
          {t("channels.parked.off")}
        </Text>
      )}
      <Rows path={`/channels/${channel.id}/parked`} rows={rows} stale={[key, keys.plugins]} replayed={replayed} off={off} />
    </>
  );
}

function Given({ id }: { id: string }) {
  const t = useT();
  const failures = useInfiniteQuery({
    queryKey: [...keys.plugins, id, "failures"],
    queryFn: ({ pageParam, signal }) => fetchPage<PluginFailure>(`/plugins/${id}/failures`, { limit: 50, after: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  if (failures.isPending) return <Skeleton height={120} />;
  const items = failures.data?.pages.flatMap((page) => page.items) ?? [];
  if (failures.isError && items.length === 0) return <Failed error={failures.error} retry={() => void failures.refetch()} />;
  const rows = items.map((each) => ({
    id: each.id,
    title: (
      <>
        {each.kind === "timer" ? t("failures.timer", { name: each.name ?? "" }) : t("failures.event", { kind: each.kind })}
        {each.conversation_id && (
          <>
            {" · "}
            <Link to={`/desk/others/${each.conversation_id}`}>{t("failures.conversation")}</Link>
          </>
        )}
      </>
    ),
    error: each.error ?? "",
    at: each.at,
    attempts: each.attempts,
  }));
  return (
    <section className={classes.box} aria-labelledby="app-failures">
      <h2 id="app-failures">{t("failures.given")}</h2>
      {rows.length === 0 && <Text c="dimmed">{t("apps.failures.empty")}</Text>}
      <Rows
        path={`/plugins/${id}/failures`}
        rows={rows}
        stale={[keys.plugins]}
        replayed={(result) => t("apps.failures.replayed", { n: (result as { count?: number } | undefined)?.count ?? 1 })}
      />
      {failures.hasNextPage && (
        <Button variant="subtle" fullWidth mt="sm" loading={failures.isFetchingNextPage} onClick={() => void failures.fetchNextPage()}>
          {t("common.more")}
        </Button>
      )}
    </section>
  );
}

/** The requests that wait in each of the app's channels. */
function Waiting({ id }: { id: string }) {
  const t = useT();
  const channels = useQuery(channelsQuery);
  if (channels.isPending) return <Skeleton height={80} />;
  if (channels.isError) return <Failed error={channels.error} retry={() => void channels.refetch()} />;
  const own = channels.data.filter((channel) => channel.plugin_id === id);
  return (
    <section className={classes.box} aria-labelledby="app-parked">
      <h2 id="app-parked">{t("channels.parked")}</h2>
      <Stack>
        {own.length === 0 && <Text c="dimmed">{t("apps.failures.noChannels")}</Text>}
        {own.map((channel) => (
          <div key={channel.id}>
            <Text fw={600} mb={4}>
              {channel.name}
            </Text>
            <ParkedRequests channel={channel} />
          </div>
        ))}
      </Stack>
    </section>
  );
}

export function Failures({ id, channel }: { id: string; channel: boolean }) {
  return (
    <>
      <Given id={id} />
      {channel && <Waiting id={id} />}
    </>
  );
}
