/** One channel: connecting a new account, and changing, testing or removing one. */
import { ActionIcon, Alert, Button, CopyButton, Divider, Drawer, Group, Modal, Select, Skeleton, Stack, Switch, Text, TextInput, Tooltip } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Check, Copy, Trash2, Zap } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Link, useLocation, useNavigate, useSearchParams } from "react-router";
import { ApiError, api } from "../api/client";
import { keys, pluginsQuery, teamsQuery } from "../api/queries";
import type { Channel } from "../api/types";
import { ParkedRequests } from "../apps/failures";
import { AppForm } from "../forms/form";
import { useLanguage, useT } from "../i18n";
import { fieldErrorsOf, useAct } from "../lib/act";
import { focusFirstInvalid } from "../lib/hooks";
import { fullTime } from "../lib/time";
import { accountName, holds, registers, servesVisitors, snippetOf, troubleOf } from "./account";
import { readBound, showBound } from "./bound";
import { Health } from "./channels";
import { readName, useField } from "./field";
import { Hours } from "./hours/hours";
import { Discard, unlessCovered } from "./leaving";
import classes from "./settings.module.css";

function useTeamOptions() {
  const teams = useQuery(teamsQuery);
  return (teams.data ?? []).map((each) => ({ value: each.id, label: each.name }));
}

/** A line to take elsewhere, whole, with a button that copies it. */
function Copyable({ text }: { text: string }) {
  const t = useT();
  return (
    <div className={classes.webhook}>
      <code>{text}</code>
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <Tooltip label={t(copied ? "common.copied" : "common.copy")}>
            <ActionIcon aria-label={t(copied ? "common.copied" : "common.copy")} onClick={copy}>
              {copied ? <Check size={17} /> : <Copy size={17} />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </div>
  );
}

export function Webhook({ url, registered }: { url: string; registered: boolean }) {
  const t = useT();
  return (
    <div>
      <Text fw={600} size="sm">
        {t("channels.webhook")}
      </Text>
      <Text size="sm" c="dimmed" mb={6}>
        {t(registered ? "channels.webhook.registered" : "channels.webhook.detail")}
      </Text>
      <Copyable text={url} />
    </div>
  );
}

/** The line that brings the channel to a site, as its app gave it. */
function Snippet({ line }: { line: string }) {
  const t = useT();
  return (
    <div>
      <Text fw={600} size="sm" mb={6}>
        {t("channels.snippet")}
      </Text>
      <Copyable text={line} />
    </div>
  );
}

export function NewChannel({ close }: { close: () => void }) {
  const t = useT();
  const navigate = useNavigate();
  const [parameters] = useSearchParams();
  const plugins = useQuery(pluginsQuery);
  const teams = useTeamOptions();
  const usable = (plugins.data ?? []).filter((each) => each.kind === "channel" && each.enabled);
  const [plugin, setPlugin] = useState<string | null>(parameters.get("app"));
  const [name, setName] = useState("");
  const [team, setTeam] = useState<string | null>(null);
  const [tried, setTried] = useState(false);
  // Whether somebody typed in the app's form.
  const [edited, setEdited] = useState(false);
  const [asking, setAsking] = useState(false);
  const chosen = usable.find((each) => each.id === plugin) ?? (usable.length === 1 ? usable[0] : undefined);
  const chosenTeam = team ?? (teams.length === 1 ? (teams[0]?.value ?? null) : null);
  const create = useAct(
    (settings: Record<string, unknown>) => api.post<Channel>("/channels", { plugin_id: chosen?.id, name: name.trim(), team_id: chosenTeam, settings }),
    { stale: [keys.channels], said: t("channels.created"), then: (channel) => void navigate(`/settings/channels/${channel.id}`, { state: CREATED }) },
  );
  const errors = fieldErrorsOf(create.error);
  const fields = useRef<HTMLDivElement>(null);
  // The app's form checks its own fields first: whatever it finds, ours are checked in the same round.
  const check = () => {
    setTried(true);
    focusFirstInvalid(fields.current);
  };
  const submit = (settings: Record<string, unknown>) => {
    if (name.trim() && chosenTeam && chosen) create.mutate(settings);
    else check();
  };
  const leave = () => {
    if (edited || name.trim() || team) setAsking(true);
    else close();
  };
  return (
    <Modal opened onClose={leave} closeOnEscape={!asking} size="lg" title={t("channels.new")} closeButtonProps={{ "aria-label": t("common.close") }}>
      {plugins.isPending && <Skeleton height={160} />}
      {plugins.isSuccess && usable.length === 0 && (
        <Alert color="amber" title={t("channels.noPlugins")}>
          {t("channels.noPlugins.detail")}{" "}
          <Link to="/apps">{t("apps.title")}</Link>
        </Alert>
      )}
      {usable.length > 0 && (
        <Stack gap="sm" ref={fields}>
          <Select
            label={t("channels.pickPlugin")}
            data={usable.map((each) => ({ value: each.id, label: each.name }))}
            value={chosen?.id ?? null}
            onChange={setPlugin}
            allowDeselect={false}
            data-autofocus
          />
          <TextInput
            label={t("channels.name")}
            placeholder={t("channels.name.placeholder")}
            value={name}
            maxLength={80}
            required
            onChange={(event) => setName(event.currentTarget.value)}
            error={errors.name ?? (tried && !name.trim() ? t("form.required") : undefined)}
          />
          <Select
            label={t("channels.team")}
            data={teams}
            value={chosenTeam}
            onChange={setTeam}
            required
            allowDeselect={false}
            error={errors.team_id ?? (tried && !chosenTeam ? t("form.choose") : undefined)}
          />
          {!chosen && (
            <Text size="sm" c="dimmed">
              {t("channels.pickPlugin.first")}
            </Text>
          )}
          {chosen && (
            <>
              <Divider label={t("channels.settings")} labelPosition="left" />
              <AppForm
                key={chosen.id}
                schema={chosen.settings_schema ?? { type: "object", properties: {} }}
                errors={errors}
                submit={t("channels.new")}
                busy={create.isPending}
                onEdit={() => setEdited(true)}
                onSubmit={submit}
                onInvalid={check}
                beside={
                  <Button variant="default" onClick={leave}>
                    {t("common.cancel")}
                  </Button>
                }
              />
            </>
          )}
        </Stack>
      )}
      {asking && <Discard stay={() => setAsking(false)} leave={close} />}
    </Modal>
  );
}

interface Tested {
  ok: boolean;
  account?: unknown;
  message: string;
}

/** What a test said of the connection. */
function Result({ tested }: { tested: Tested }) {
  const t = useT();
  const { ok, message } = tested;
  const account = accountName(tested.account);
  return (
    <Alert color={ok ? "leaf" : "brick"} title={t(ok ? "channels.test.ok" : "channels.test.failed")} role="status">
      {[account && t("channels.test.account", { account }), message !== account && message].filter(Boolean).join(" · ")}
    </Alert>
  );
}

/** Tests the connection: by the button, at once for a channel that was just created, and on sight where only the app knows the line for the site. */
function useTest(channel: Channel, onSight: boolean) {
  const location = useLocation();
  const navigate = useNavigate();
  const client = useQueryClient();
  const run = async () => {
    const tested = await api.post<Tested>(`/channels/${channel.id}/test`);
    // What it found is the channel's health too: nobody sees the one beside the other's past.
    await client.invalidateQueries({ queryKey: keys.channels });
    return tested;
  };
  const test = useAct(run, { stale: [] });
  const created = (location.state as Partial<typeof CREATED> | null)?.created === true;
  const { mutate } = test;
  const ran = useRef(false);
  useEffect(() => {
    if (created) void navigate(location.pathname, { replace: true, state: null });
    if (ran.current || !(created || onSight)) return;
    ran.current = true;
    mutate(undefined);
  }, [created, onSight, location.pathname, navigate, mutate]);
  return test;
}

/** That it has conversations already. */
const isUsed = (error: unknown): boolean => error instanceof ApiError && error.code === "state";

function Delete({ channel, close, gone, turnOff }: { channel: Channel; close: () => void; gone: () => void; turnOff: () => void }) {
  const t = useT();
  const remove = useAct(() => api.delete(`/channels/${channel.id}`), { stale: [keys.channels], said: t("channels.deleted"), then: gone, expected: isUsed });
  const used = isUsed(remove.error);
  return (
    <Modal opened onClose={close} title={t("channels.delete.title", { name: channel.name })} closeButtonProps={{ "aria-label": t("common.close") }}>
      <Text mb="md" role={used ? "alert" : undefined}>
        {t(!used ? "channels.delete.detail" : channel.enabled ? "channels.delete.used" : "channels.delete.used.off")}
      </Text>
      <Group justify="flex-end">
        <Button variant="default" onClick={close} data-autofocus>
          {t(used && !channel.enabled ? "common.close" : "common.cancel")}
        </Button>
        {!used && (
          <Button color="brick" loading={remove.isPending} onClick={() => remove.mutate(undefined)}>
            {t("channels.delete")}
          </Button>
        )}
        {used && channel.enabled && <Button onClick={turnOff}>{t("channels.turnOff")}</Button>}
      </Group>
    </Modal>
  );
}

/** Where the screen comes from once a channel was created: its connection is tested at once, which also registers its webhook where the connector can. */
const CREATED = { created: true };

export function ChannelDrawer({ channel, close }: { channel: Channel; close: () => void }) {
  const { t, locale } = useLanguage();
  const client = useQueryClient();
  const plugins = useQuery(pluginsQuery);
  const teams = useTeamOptions();
  const [asking, setAsking] = useState<"delete" | "discard" | null>(null);
  const [edited, setEdited] = useState(false);
  // How often the settings were saved: each time the form starts anew, so that a secret leaves its box.
  const [saved, setSaved] = useState(0);
  // Where the eyes are: by the button that tests, or by the one that saved the settings.
  const [below, setBelow] = useState(false);
  // A test of the channel as it was before it was switched.
  const [outdated, setOutdated] = useState<Tested>();
  const plugin = plugins.data?.find((each) => each.id === channel.plugin_id);
  const embedded = servesVisitors(plugin);
  const test = useTest(channel, embedded);
  const here = { of: `/channels/${channel.id}`, stale: keys.channels };
  const name = useField({ ...here, field: "name", stored: channel.name, read: readName, show: (text) => text });
  const largest = useField({
    ...here,
    field: "max_file_bytes",
    stored: channel.max_file_bytes,
    read: (text) => readBound(text, locale),
    show: (bytes) => showBound(bytes, locale),
  });
  const change = useAct((patch: { team_id?: string; enabled?: boolean }) => api.patch<Channel>(`/channels/${channel.id}`, patch), { stale: [keys.channels], said: t("common.saved") });
  const save = useAct((settings: Record<string, unknown>) => api.patch<Channel>(`/channels/${channel.id}`, { settings }), {
    stale: [],
    said: t("common.saved"),
    then: async () => {
      setEdited(false);
      setOutdated(test.data);
      await client.invalidateQueries({ queryKey: keys.channels });
      setSaved((count) => count + 1);
      setBelow(true);
      test.mutate(undefined);
    },
  });
  const leave = async () => {
    const kept = await Promise.all([name.save(true), largest.save(true)]);
    if (edited || kept.includes(false)) setAsking("discard");
    else close();
  };
  const turn = (enabled: boolean) => {
    setOutdated(test.data);
    change.mutate({ enabled });
  };
  const snippet = snippetOf(test.data?.account);
  const tested = test.data !== outdated && test.data && holds(test.data.ok, channel) ? test.data : undefined;
  const trouble = troubleOf(channel);
  return (
    <Drawer opened onClose={unlessCovered(() => void leave())} position="right" size="lg" title={channel.name} closeButtonProps={{ "aria-label": t("common.close") }}>
      <Stack>
        <Group justify="space-between" align="flex-start" wrap="nowrap">
          <Switch
            label={t("channels.enabled")}
            description={t("channels.enabled.detail")}
            checked={channel.enabled}
            onChange={(event) => turn(event.currentTarget.checked)}
          />
          <Health channel={channel} />
        </Group>
        {/* What a failed test has just said is this too. */}
        {trouble && tested?.ok !== false && <Alert color="amber">{trouble}</Alert>}
        {channel.refused && (
          <Alert color="amber" title={t("channels.refused", { n: channel.refused.count })}>
            {t("channels.refused.detail", { time: fullTime(channel.refused.last_at, locale) })}
          </Alert>
        )}
        {!plugins.isPending && !embedded && !snippet && <Webhook url={channel.webhook_url} registered={registers(channel)} />}
        {snippet && <Snippet line={snippet} />}
        <Button
          variant="light"
          leftSection={<Zap size={16} aria-hidden />}
          loading={test.isPending}
          onClick={() => {
            setBelow(false);
            test.mutate(undefined);
          }}
          w="fit-content"
        >
          {t("channels.test")}
        </Button>
        {!below && tested && <Result tested={tested} />}
        <Divider />
        <TextInput label={t("channels.name")} maxLength={80} {...name.input} />
        <Select
          label={t("channels.team")}
          data={teams}
          value={channel.team_id}
          allowDeselect={false}
          error={fieldErrorsOf(change.error).team_id}
          onChange={(team_id) => team_id && change.mutate({ team_id })}
        />
        <TextInput label={t("channels.largest")} description={t("channels.largest.detail")} inputMode="decimal" autoComplete="off" maw={360} {...largest.input} />
        <Hours of={`/channels/${channel.id}`} name={channel.name} lead={t("hours.lead.channel")} none={t("hours.always.channel")} admin />
        <Divider label={t("channels.settings")} labelPosition="left" />
        {plugins.isPending && <Skeleton height={120} />}
        {plugin?.settings_schema && (
          <AppForm
            key={JSON.stringify([saved, channel.settings, channel.secrets])}
            schema={plugin.settings_schema}
            values={channel.settings}
            secrets={channel.secrets}
            errors={fieldErrorsOf(save.error)}
            submit={t("common.save")}
            busy={save.isPending}
            onEdit={() => setEdited(true)}
            onSubmit={(settings) => save.mutate(settings)}
          />
        )}
        {below && test.isPending && (
          <Text c="dimmed" role="status">
            {t("channels.testing")}
          </Text>
        )}
        {below && tested && <Result tested={tested} />}
        <Divider label={t("channels.parked")} labelPosition="left" />
        <ParkedRequests channel={channel} />
        <Divider />
        <Button variant="subtle" color="brick" leftSection={<Trash2 size={16} aria-hidden />} onClick={() => setAsking("delete")} w="fit-content">
          {t("channels.delete")}
        </Button>
      </Stack>
      {asking === "delete" && (
        <Delete
          channel={channel}
          close={() => setAsking(null)}
          gone={close}
          turnOff={() => {
            turn(false);
            setAsking(null);
          }}
        />
      )}
      {asking === "discard" && <Discard stay={() => setAsking(null)} leave={close} />}
    </Drawer>
  );
}
