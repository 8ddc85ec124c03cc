/** An app's icon, or its first letter. */
import { Avatar } from "@mantine/core";
import { safeHref } from "../api/client";
import type { Plugin } from "../api/types";

export function AppIcon({ plugin, size }: { plugin: Pick<Plugin, "name" | "icon_url">; size: number }) {
  return (
    <Avatar src={safeHref(plugin.icon_url)} size={size} radius="md" alt="" imageProps={{ alt: "" }} aria-hidden style={{ flex: "none" }}>
      {plugin.name.charAt(0)}
    </Avatar>
  );
}
