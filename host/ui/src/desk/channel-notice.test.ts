import { describe, expect, it } from "vitest";
import type { Channel, Plugin } from "../api/types";
import type { Translate } from "../i18n";
import { channelTrouble } from "./channel-notice";

describe("what keeps a channel from sending", () => {
  const t = ((key: string, values?: Record<string, unknown>) => `${key} ${values?.name ?? ""}`) as Translate;
  const channel = (enabled: boolean, state: string, message = "", sending = false) => ({ name: "Loja", enabled, health: { state, message, sending } }) as Channel;
  const app = (enabled: boolean) => ({ name: "Eco", enabled }) as Plugin;
  it("is_nothing_while_it_works_or_is_not_known", () => {
    const said = [channel(true, "connected"), channel(true, "unknown"), channel(true, "degraded", "A cota está no fim."), undefined].map((each) => channelTrouble(each, app(true), t));
    expect(said).toEqual([null, null, null, null]);
  });
  it("is_its_app_before_its_switch_and_its_switch_before_its_account", () => {
    const said = [
      channelTrouble(channel(false, "disconnected"), app(false), t),
      channelTrouble(channel(false, "disconnected"), app(true), t),
      channelTrouble(channel(true, "disconnected", "Token vencido."), app(true), t),
      channelTrouble(channel(true, "disconnected"), undefined, t),
    ];
    expect(said).toEqual(["conv.channel.appOff Eco", "conv.channel.off Loja", "conv.channel.disconnected Loja Token vencido.", "conv.channel.disconnected Loja"]);
  });
  it("is_also_what_holds_up_messages_for_a_while_without_its_particulars", () => {
    const slow = channel(true, "degraded", "Sem resposta do Eco. [HTTP 503: [busy]]", true);
    expect(channelTrouble(slow, app(true), t)).toBe("conv.channel.degraded Loja Sem resposta do Eco.");
  });
});
