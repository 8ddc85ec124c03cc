import { describe, expect, it } from "vitest";
import type { Channel, Plugin } from "../api/types";
import { accountName, holds, registers, servesVisitors, snippetOf, troubleOf } from "./account";

describe("a channel's app and account", () => {
  it("an_app_that_may_talk_with_visitors_has_no_provider", () => {
    const app = (...codes: string[]) => ({ permissions: codes.map((code) => ({ code, title: "", detail: [] })) }) as Pick<Plugin, "permissions">;
    expect([app("inbox", "visitors"), app("inbox", "http"), undefined].map(servesVisitors)).toEqual([true, false, false]);
  });
  const channel = (state: Channel["health"]["state"], enabled = true) => ({ enabled, health: { state, message: "O token venceu" } }) as Channel;

  it("nothing_old_is_said_of_a_channel_that_is_connected_or_off", () => {
    expect([channel("disconnected"), channel("degraded"), channel("connected"), channel("disconnected", false)].map(troubleOf)).toEqual(["O token venceu", "O token venceu", "", ""]);
  });
  it("a_test_holds_until_the_contrary_is_known", () => {
    const known = (["connected", "degraded", "disconnected", "unknown"] as const).map((state) => channel(state));
    expect(known.map((each) => holds(true, each))).toEqual([true, true, false, true]);
    expect(known.map((each) => holds(false, each))).toEqual([false, true, true, true]);
  });
  it("an_app_registers_its_webhook_where_it_has_said_so", () => {
    expect([{ features: ["reply", "registers"] }, { features: ["reply"] }, null].map((capabilities) => registers({ capabilities } as Channel))).toEqual([true, false, false]);
  });
  it("the_account_is_called_by_its_name", () => {
    expect(["Loja", { name: "Loja" }, { name: 7 }, null, undefined].map(accountName)).toEqual(["Loja", "Loja", "", "", ""]);
  });
  it("the_line_for_a_site_is_read_where_the_app_gives_one", () => {
    const extra = (value: unknown) => ({ name: "Chat", extra: value });
    expect(snippetOf(extra('{"snippet":"<script></script>"}'))).toBe("<script></script>");
    expect([extra(""), extra("{"), extra("[]"), extra('{"snippet":1}'), extra(null), "x", null].map(snippetOf)).toEqual(Array(7).fill(""));
  });
});
