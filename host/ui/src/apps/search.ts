/** Finding an app by what people remember of it. */
import type { Plugin } from "../api/types";

export type Kind = "all" | "channel" | "app" | "enabled";

/** Without accents or case, so that `distribuicao` finds "Distribuição". */
export function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

/** Every word must be found somewhere; enabled apps come first, then by name. */
export function search(plugins: readonly Plugin[], text: string, kind: Kind): Plugin[] {
  const words = plain(text).split(/\s+/).filter(Boolean);
  return plugins
    .filter((plugin) => kind === "all" || (kind === "enabled" ? plugin.enabled : plugin.kind === kind))
    .filter((plugin) => {
      const everything = plain([plugin.name, plugin.description, plugin.publisher, plugin.id, ...plugin.categories].join(" "));
      return words.every((word) => everything.includes(word));
    })
    .toSorted((a, b) => Number(b.enabled) - Number(a.enabled) || a.name.localeCompare(b.name));
}
