/** One app: what it does, what it may do, its settings, what it logged and where it failed. */
import { Alert, Badge, Button, Group, Modal, Skeleton, Tabs, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { ArrowLeft, Plug, Puzzle } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";
import { ApiError, api } from "../api/client";
import { actionsQuery, keys, pluginsQuery } from "../api/queries";
import type { Plugin, PluginAction } from "../api/types";
import { ActionDialog } from "../forms/action";
import { AppForm } from "../forms/form";
import { useT } from "../i18n";
import { fieldErrorsOf, useAct } from "../lib/act";
import { Empty, Failed } from "../shell/states";
import { PluginViews } from "../views/plugin-views";
import { AppIcon } from "./app-icon";
import classes from "./apps.module.css";
import { Consent, hasOwnSettings } from "./consent";
import { Failures, useWaiting } from "./failures";
import { AppHealth, HEALTH } from "./health";
import { Logs } from "./logs";
import { Permissions } from "./permissions";

function Disable({ plugin, close }: { plugin: Plugin; close: () => void }) {
  const t = useT();
  const disable = useAct(() => api.post(`/plugins/${plugin.id}/disable`), {
    stale: [keys.plugins, keys.actions, keys.views],
    said: t("apps.disabled.done", { name: plugin.name }),
    then: close,
  });
  return (
    <Modal opened onClose={close} title={t("apps.disable.title", { name: plugin.name })} closeButtonProps={{ "aria-label": t("common.close") }}>
      <Text mb="md">
        {t("apps.disable.detail")} {plugin.kind === "channel" && t("apps.disable.channel")}
      </Text>
      <Group justify="flex-end">
        <Button variant="default" onClick={close} data-autofocus>
          {t("common.cancel")}
        </Button>
        <Button color="brick" loading={disable.isPending} onClick={() => disable.mutate(undefined)}>
          {t("apps.disable")}
        </Button>
      </Group>
    </Modal>
  );
}

function About({ plugin }: { plugin: Plugin }) {
  const t = useT();
  return (
    <>
      <section className={classes.box}>
        <Text>{plugin.description}</Text>
      </section>
      {plugin.contributions.length > 0 && (
        <section className={classes.box}>
          <h2>{t("apps.contributes")}</h2>
          <ul className={classes.permissions}>
            {plugin.contributions.map((each) => (
              <li key={each.code + each.title}>
                <Puzzle size={17} aria-hidden />
                {each.title}
              </li>
            ))}
          </ul>
        </section>
      )}
      <section className={classes.box}>
        <h2>{t("apps.permissions")}</h2>
        <Permissions permissions={plugin.permissions} />
      </section>
    </>
  );
}

function Settings({ plugin }: { plugin: Plugin }) {
  const t = useT();
  const [acting, setActing] = useState<PluginAction | null>(null);
  const actions = useQuery({ ...actionsQuery("settings", null), enabled: plugin.enabled });
  const own = (actions.data ?? []).filter((action) => action.plugin_id === plugin.id);
  const save = useAct((settings: Record<string, unknown>) => api.patch<Plugin>(`/plugins/${plugin.id}`, { settings }), {
    stale: [keys.plugins, keys.views],
    said: t("common.saved"),
  });
  if (plugin.kind === "channel") {
    return (
      <section className={classes.box}>
        <Text mb="sm">{t("apps.settings.channel")}</Text>
        <Button component={Link} to={`/settings/channels/new?app=${plugin.id}`} leftSection={<Plug size={16} />} disabled={!plugin.enabled}>
          {t("apps.addChannel")}
        </Button>
      </section>
    );
  }
  return (
    <>
      <section className={classes.box}>
        {hasOwnSettings(plugin) ? (
          <AppForm
            key={JSON.stringify(plugin.settings)}
            schema={plugin.settings_schema ?? {}}
            values={plugin.settings}
            secrets={plugin.secrets}
            errors={fieldErrorsOf(save.error)}
            submit={t("common.save")}
            busy={save.isPending}
            onSubmit={(values) => save.mutate(values)}
          />
        ) : (
          !actions.isPending && <Text c="dimmed">{t(own.length > 0 ? "apps.settings.actions" : "apps.settings.none")}</Text>
        )}
        {own.length > 0 && (
          <Group mt="md">
            {own.map((action) => (
              <Button key={action.action} variant="default" onClick={() => setActing(action)}>
                {action.title}
              </Button>
            ))}
          </Group>
        )}
      </section>
      {plugin.enabled && <PluginViews slot="settings" about={null} plugin={plugin.id} />}
      {acting && <ActionDialog action={acting} about={null} close={() => setActing(null)} />}
    </>
  );
}

export function AppPage({ id }: { id: string }) {
  const t = useT();
  const plugins = useQuery(pluginsQuery);
  const [dialog, setDialog] = useState<"enable" | "disable" | null>(null);
  const plugin = plugins.data?.find((each) => each.id === id);
  const waiting = useWaiting()(id);
  if (plugins.isPending) return <Skeleton height={200} m="xl" />;
  if (plugins.isError) return <Failed error={plugins.error} retry={() => void plugins.refetch()} full />;
  if (!plugin) return <Failed error={new ApiError({ status: 404, code: "not_found", title: "" })} full />;
  const health = HEALTH[plugin.health];
  return (
    <div className={classes.app}>
      <Button component={Link} to="/apps" variant="subtle" size="compact-sm" leftSection={<ArrowLeft size={15} aria-hidden />}>
        {t("apps.title")}
      </Button>
      <header className={classes.appHead}>
        <AppIcon plugin={plugin} size={60} />
        <div className={classes.appTitle}>
          <h1>{plugin.name}</h1>
          <Text size="sm" c="dimmed">
            {[plugin.publisher && t("apps.by", { publisher: plugin.publisher }), t("apps.version", { version: plugin.version })].filter(Boolean).join(" · ")}
          </Text>
        </div>
        {plugin.enabled && (
          <Badge variant="light" color={health.colour} size="lg">
            {t(health.key)}
          </Badge>
        )}
        {plugin.enabled ? (
          <Button variant="default" onClick={() => setDialog("disable")}>
            {t("apps.disable")}
          </Button>
        ) : (
          <Button onClick={() => setDialog("enable")}>{t("apps.enable")}</Button>
        )}
      </header>
      {!plugin.enabled && waiting > 0 && <Alert color="amber" mb="sm">{`${t("apps.waiting", { n: waiting })}. ${t("channels.parked.off")}`}</Alert>}
      <Tabs defaultValue={plugin.enabled && hasOwnSettings(plugin) ? "settings" : "about"} keepMounted={false}>
        <Tabs.List mb="md" className={classes.tabs}>
          <Tabs.Tab value="about">{t("apps.about")}</Tabs.Tab>
          <Tabs.Tab value="settings">{t("apps.settings")}</Tabs.Tab>
          {plugin.enabled && (
            <>
              <Tabs.Tab value="health">{t("apps.health")}</Tabs.Tab>
              <Tabs.Tab value="failures">{t("apps.failures")}</Tabs.Tab>
              <Tabs.Tab value="logs">{t("apps.logs")}</Tabs.Tab>
            </>
          )}
        </Tabs.List>
        <Tabs.Panel value="about">
          <About plugin={plugin} />
        </Tabs.Panel>
        {/* Kept while another tab is looked at: what somebody has typed is not lost. */}
        <Tabs.Panel value="settings" keepMounted>
          {plugin.enabled ? <Settings plugin={plugin} /> : <Empty icon={<Plug size={24} />} title={t("apps.settings.off")} detail={t("apps.settings.off.detail")} />}
        </Tabs.Panel>
        {plugin.enabled && (
          <>
            <Tabs.Panel value="health">
              <AppHealth id={plugin.id} />
            </Tabs.Panel>
            <Tabs.Panel value="failures">
              <Failures id={plugin.id} channel={plugin.kind === "channel"} />
            </Tabs.Panel>
            <Tabs.Panel value="logs">
              <Logs id={plugin.id} />
            </Tabs.Panel>
          </>
        )}
      </Tabs>
      {dialog === "enable" && <Consent plugin={plugin} close={() => setDialog(null)} />}
      {dialog === "disable" && <Disable plugin={plugin} close={() => setDialog(null)} />}
    </div>
  );
}
