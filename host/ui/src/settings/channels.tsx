/** Ajustes → Canais: the connected accounts. */
import { Badge, Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { ChevronRight, Plug, Plus } from "lucide-react";
import { useNavigate, useParams } from "react-router";
import { channelsQuery, parkedQuery, pluginsQuery, teamsQuery } from "../api/queries";
import type { Channel } from "../api/types";
import { ChannelMark } from "../desk/face";
import { useT } from "../i18n";
import { plainly } from "../lib/text";
import { useMe } from "../session/session";
import { Page } from "../shell/page";
import { Empty, Failed } from "../shell/states";
import { troubleOf } from "./account";
import { ChannelDrawer, NewChannel } from "./channel";
import classes from "./settings.module.css";

const COLOURS = { connected: "leaf", degraded: "amber", disconnected: "brick", unknown: "gray" } as const;

export function Health({ channel }: { channel: Channel }) {
  const t = useT();
  const plugins = useQuery(pluginsQuery);
  const app = plugins.data?.find((each) => each.id === channel.plugin_id);
  if (app && !app.enabled)
    return (
      <Badge color="amber" variant="light" style={{ flex: "none" }}>
        {t("channels.appOff")}
      </Badge>
    );
  if (!channel.enabled)
    return (
      <Badge color="gray" variant="light" style={{ flex: "none" }}>
        {t("channels.off")}
      </Badge>
    );
  return (
    <Badge variant="light" color={COLOURS[channel.health.state] ?? "gray"} title={troubleOf(channel) || undefined} style={{ flex: "none" }}>
      {t(`channels.health.${channel.health.state}`)}
    </Badge>
  );
}

export function Channels() {
  const t = useT();
  const me = useMe();
  const navigate = useNavigate();
  const { id } = useParams();
  const channels = useQuery(channelsQuery);
  const teams = useQuery(teamsQuery);
  const admin = me.user.role === "admin";
  const parked = useQuery({ ...parkedQuery, enabled: admin });
  const waiting = (channel: Channel) => {
    const count = parked.data?.find((each) => each.channel_id === channel.id)?.count;
    return count ? t("apps.waiting", { n: count }) : "";
  };
  const create = admin && (
    <Button leftSection={<Plus size={16} aria-hidden />} onClick={() => navigate("/settings/channels/new")}>
      {t("channels.new")}
    </Button>
  );
  const close = () => void navigate("/settings/channels");
  const open = channels.data?.find((each) => each.id === id);
  const teamName = (channel: Channel) => teams.data?.find((each) => each.id === channel.team_id)?.name;
  return (
    <Page title={t("settings.channels")} lead={t("channels.lead")} actions={channels.data?.length ? create : undefined}>
      {channels.isPending && <Skeleton height={140} radius="md" />}
      {channels.isError && <Failed error={channels.error} retry={() => void channels.refetch()} />}
      {channels.data?.length === 0 && <Empty icon={<Plug size={24} />} title={t("channels.empty")} detail={t("channels.empty.detail")} action={create} />}
      {channels.data && channels.data.length > 0 && (
        <ul className={classes.list}>
          {channels.data.map((channel) => (
            <li key={channel.id}>
              <button type="button" className={classes.row} onClick={() => navigate(`/settings/channels/${channel.id}`)} disabled={!admin}>
                <ChannelMark plugin={channel.plugin_id} name={channel.name} size={32} />
                <span className={classes.rowText}>
                  <strong>{channel.name}</strong>
                  <small className={classes.clamped}>{[teamName(channel), plainly(troubleOf(channel)), waiting(channel)].filter(Boolean).join(" · ")}</small>
                </span>
                <Health channel={channel} />
                <ChevronRight size={18} aria-hidden />
              </button>
            </li>
          ))}
        </ul>
      )}
      {admin && id === "new" && <NewChannel close={close} />}
      {admin && open && <ChannelDrawer key={open.id} channel={open} close={close} />}
    </Page>
  );
}
