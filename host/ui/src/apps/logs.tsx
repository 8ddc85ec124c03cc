/** What an app logged, newest first, from a level on. */
import { Button, Select, Skeleton, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { fetchPage, keys } from "../api/queries";
import type { PluginLog } from "../api/types";
import { useLanguage, useT } from "../i18n";
import { fullTime } from "../lib/time";
import { Failed } from "../shell/states";
import classes from "./apps.module.css";

const LEVELS = ["debug", "info", "warn", "error"] as const;
type Level = (typeof LEVELS)[number];

function isLevel(text: string | null): text is Level {
  return LEVELS.some((level) => level === text);
}

export function Lines({ items }: { items: readonly PluginLog[] }) {
  const { t, locale } = useLanguage();
  return (
    <ul className={classes.log}>
      {items.map((line, index) => (
        // Lines have no id, and those of one call may be equal.
        <li key={index}>
          <time dateTime={line.at}>{fullTime(line.at, locale)}</time>
          <span data-level={line.level}>{isLevel(line.level) ? t(`apps.logs.level.${line.level}`) : line.level}</span>
          <span>{line.message}</span>
        </li>
      ))}
    </ul>
  );
}

export function Logs({ id }: { id: string }) {
  const t = useT();
  const [level, setLevel] = useState<Level>("debug");
  const logs = useInfiniteQuery({
    queryKey: [...keys.plugins, id, "logs", level],
    queryFn: ({ pageParam, signal }) => fetchPage<PluginLog>(`/plugins/${id}/logs`, { level, limit: 50, after: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  const items = logs.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section className={classes.box}>
      <Select
        label={t("apps.logs.level")}
        data={LEVELS.map((each) => ({ value: each, label: t(`apps.logs.from.${each}`) }))}
        value={level}
        onChange={(value) => isLevel(value) && setLevel(value)}
        allowDeselect={false}
        maw={260}
        mb="md"
      />
      {logs.isPending && <Skeleton height={120} />}
      {logs.isError && items.length === 0 && <Failed error={logs.error} retry={() => void logs.refetch()} />}
      {logs.isSuccess && items.length === 0 && <Text c="dimmed">{t(level === "debug" ? "apps.logs.empty" : "apps.logs.empty.level")}</Text>}
      <Lines items={items} />
      {logs.hasNextPage && (
        <Button variant="subtle" fullWidth mt="sm" loading={logs.isFetchingNextPage} onClick={() => void logs.fetchNextPage()}>
          {t("common.more")}
        </Button>
      )}
    </section>
  );
}
