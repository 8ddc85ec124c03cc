/** Mais Apps: the catalogue, and one app's own page. */
import { Alert, Badge, SegmentedControl, SimpleGrid, Skeleton, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { PackageSearch, Search } from "lucide-react";
import { useMemo, useState } from "react";
import { Link, useParams } from "react-router";
import { pluginsQuery } from "../api/queries";
import type { Plugin } from "../api/types";
import { useT } from "../i18n";
import { useTitle } from "../lib/hooks";
import { useMe } from "../session/session";
import { Page } from "../shell/page";
import { Empty, Failed } from "../shell/states";
import { AppIcon } from "./app-icon";
import { AppPage } from "./app-page";
import classes from "./apps.module.css";
import { useWaiting } from "./failures";
import { type Kind, search } from "./search";

export const HEALTH_COLOURS = { ok: "leaf", failing: "brick", off: "gray" } as const;

function Card({ plugin, waiting }: { plugin: Plugin; waiting: number }) {
  const t = useT();
  return (
    <Link to={`/apps/${plugin.id}`} className={classes.card}>
      <AppIcon plugin={plugin} size={44} />
      <div className={classes.cardText}>
        <div className={classes.cardHead}>
          <h2>{plugin.name}</h2>
          {plugin.enabled && (
            <Badge variant="light" color={HEALTH_COLOURS[plugin.health]} style={{ flex: "none" }}>
              {t(plugin.health === "failing" ? "apps.health.failing" : "apps.enabled")}
            </Badge>
          )}
        </div>
        <p>{plugin.description}</p>
        {waiting > 0 && <p>{t("apps.waiting", { n: waiting })}</p>}
        {plugin.publisher && <small>{t("apps.by", { publisher: plugin.publisher })}</small>}
      </div>
    </Link>
  );
}

function Catalogue() {
  const t = useT();
  const plugins = useQuery(pluginsQuery);
  const waiting = useWaiting();
  const [text, setText] = useState("");
  const [kind, setKind] = useState<Kind>("all");
  const found = useMemo(() => search(plugins.data ?? [], text, kind), [plugins.data, text, kind]);
  return (
    <Page title={t("apps.title")} lead={t("apps.lead")}>
      <div className={classes.tools}>
        <TextInput
          type="search"
          aria-label={t("apps.search")}
          placeholder={t("apps.search")}
          leftSection={<Search size={16} aria-hidden />}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <SegmentedControl
          aria-label={t("list.filter")}
          value={kind}
          onChange={(value) => setKind(value as Kind)}
          data={[
            { value: "all", label: t("apps.all") },
            { value: "channel", label: t("apps.channels") },
            { value: "app", label: t("apps.tools") },
            { value: "enabled", label: t("apps.enabledOnly") },
          ]}
        />
      </div>
      {plugins.isPending && (
        <SimpleGrid cols={{ base: 1, sm: 2 }} aria-hidden>
          {[0, 1, 2, 3].map((each) => (
            <Skeleton key={each} height={128} radius="md" />
          ))}
        </SimpleGrid>
      )}
      {plugins.isError && <Failed error={plugins.error} retry={() => void plugins.refetch()} />}
      {plugins.isSuccess && found.length === 0 && (
        <Empty
          icon={<PackageSearch size={24} />}
          title={t(plugins.data.length === 0 ? "apps.none" : "apps.empty")}
          detail={t(plugins.data.length === 0 ? "apps.none.detail" : "apps.empty.detail")}
        />
      )}
      <ul className={classes.grid}>
        {found.map((plugin) => (
          <li key={plugin.id}>
            <Card plugin={plugin} waiting={waiting(plugin.id)} />
          </li>
        ))}
      </ul>
    </Page>
  );
}

export default function Apps() {
  const t = useT();
  const me = useMe();
  const { id } = useParams();
  useTitle(`${t("apps.title")} · ${t("app.name")}`);
  if (me.user.role !== "admin") {
    return (
      <Page title={t("apps.title")}>
        <Alert color="amber">{t("apps.adminOnly")}</Alert>
      </Page>
    );
  }
  // The scrolling part takes the focus, so that the keyboard can scroll it.
  return <div className={classes.scroll}>{id ? <AppPage key={id} id={id} /> : <Catalogue />}</div>;
}
