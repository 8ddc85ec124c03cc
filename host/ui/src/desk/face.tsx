/** A contact's face with the channel it writes from, and the channel's own mark. */
import { Avatar } from "@mantine/core";
import { useState } from "react";
import { safeHref } from "../api/client";
import { initials, tone } from "../lib/text";
import classes from "./face.module.css";

const TONES = ["petrol", "amber", "brick", "leaf", "grape", "indigo", "cyan", "pink"];

/** The app's icon, or the first letter of its name where it has none. */
export function ChannelMark({ plugin, name, size = 16 }: { plugin: string; name: string; size?: number }) {
  const [broken, setBroken] = useState(false);
  if (broken) {
    return (
      <span className={classes.letter} style={{ width: size, height: size, fontSize: size * 0.6 }} aria-hidden>
        {name.charAt(0).toUpperCase()}
      </span>
    );
  }
  return (
    <img
      className={classes.mark}
      src={`/api/v1/plugins/${encodeURIComponent(plugin)}/icon`}
      width={size}
      height={size}
      alt=""
      loading="lazy"
      onError={() => setBroken(true)}
    />
  );
}

/** Somebody's picture over their initials, which stand for it until it is here, and where it cannot be had. */
export function Face({
  name,
  avatar,
  seed,
  size = 40,
  channel,
}: {
  name: string;
  avatar?: string | null;
  seed: string;
  size?: number;
  channel?: { plugin_id: string; name: string };
}) {
  const [broken, setBroken] = useState<string | null>(null);
  const picture = safeHref(avatar);
  const colour = `var(--mantine-color-${TONES[tone(seed, TONES.length)]}-6)`;
  return (
    <span className={classes.face} style={{ width: size, height: size }}>
      <Avatar size={size} radius="50%" className={classes.avatar} style={{ "--tone": colour } as React.CSSProperties} alt="" aria-hidden>
        {initials(name)}
      </Avatar>
      {picture && picture !== broken && <img className={classes.picture} src={picture} alt="" decoding="async" onError={() => setBroken(picture)} />}
      {channel && (
        <span className={classes.channel}>
          <ChannelMark plugin={channel.plugin_id} name={channel.name} size={Math.round(size * 0.4)} />
        </span>
      )}
    </span>
  );
}
