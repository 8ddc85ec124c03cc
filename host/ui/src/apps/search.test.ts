import { describe, expect, it } from "vitest";
import type { Plugin } from "../api/types";
import { search } from "./search";

const plugin = (id: string, name: string, part: Partial<Plugin> = {}) => ({ id, name, description: "", publisher: "Balcão", categories: [], kind: "app", enabled: false, ...part }) as unknown as Plugin;
const all = [
  plugin("widget", "Chat do site", { kind: "channel" }),
  plugin("distribution", "Distribuição de atendimentos", { enabled: true, categories: ["routing"] }),
  plugin("classification", "Classificação", { description: "Motivos ao concluir" }),
];
const ids = (text: string, kind: Parameters<typeof search>[2] = "all") => search(all, text, kind).map((each) => each.id);

describe("finding an app", () => {
  it("ignores_accents_and_case_and_wants_every_word", () => {
    expect(ids("DISTRIBUICAO")).toEqual(["distribution"]);
    expect(ids("motivos classificacao")).toEqual(["classification"]);
    expect(ids("motivos site")).toEqual([]);
    expect(ids("routing")).toEqual(["distribution"]);
  });
  it("puts_enabled_apps_first_then_goes_by_name", () => {
    expect(ids("")).toEqual(["distribution", "widget", "classification"]);
  });
  it("narrows_by_kind", () => {
    expect([ids("", "channel"), ids("", "app"), ids("", "enabled")]).toEqual([["widget"], ["distribution", "classification"], ["distribution"]]);
  });
});
