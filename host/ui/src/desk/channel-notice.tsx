/** Said above the composer where what is written does not leave yet, and why: an agent cannot mend it, but can tell the contact another way. */
import { useQuery } from "@tanstack/react-query";
import { TriangleAlert } from "lucide-react";
import { channelsQuery, pluginsQuery } from "../api/queries";
import type { Channel, Plugin } from "../api/types";
import { type Translate, useT } from "../i18n";
import { plainly } from "../lib/text";
import classes from "./conversation.module.css";

/** What keeps a channel from sending, or makes it slow; null where nothing does. The particulars stand on the channel's page. */
export function channelTrouble(channel: Channel | undefined, app: Plugin | undefined, t: Translate): string | null {
  if (!channel) return null;
  if (app && !app.enabled) return t("conv.channel.appOff", { name: app.name });
  if (!channel.enabled) return t("conv.channel.off", { name: channel.name });
  const { state, message, sending } = channel.health;
  if (state !== "disconnected" && !(state === "degraded" && sending)) return null;
  return [t(`conv.channel.${state}`, { name: channel.name }), plainly(message)].filter(Boolean).join(" ");
}

export function ChannelNotice({ id }: { id: string }) {
  const t = useT();
  const channels = useQuery(channelsQuery);
  const plugins = useQuery(pluginsQuery);
  const channel = channels.data?.find((each) => each.id === id);
  const trouble = channelTrouble(
    channel,
    plugins.data?.find((each) => each.id === channel?.plugin_id),
    t,
  );
  if (!trouble) return null;
  return (
    <p className={classes.notice} role="status">
      <TriangleAlert size={16} aria-hidden />
      {trouble}
    </p>
  );
}
