import { describe, expect, it } from "vitest";
import type { StoredFile } from "../api/types";
import { type KeptFile, type TrayServices, Trays } from "./tray";

const settled = () => new Promise<void>((done) => setImmediate(done));
const file = (name: string, type = "application/pdf") => ({ name, type, size: 7 }) as File;
const stored = (name: string, mime = "application/pdf") => ({ id: `fil_${name}`, name, mime, size: 7, url: `/files/${name}`, thumbnail_url: null, width: null, height: null }) as StoredFile;

function setUp(kept: Record<string, KeptFile[]> = {}) {
  const uploads: { file: File; signal: AbortSignal; arrive: (stored: StoredFile) => void; fail: (error: Error) => void }[] = [];
  const pictures = new Set<string>();
  let keys = 0;
  const services: TrayServices = {
    upload: (file, { signal }) =>
      new Promise((arrive, fail) => {
        uploads.push({ file, signal, arrive, fail });
        signal.addEventListener("abort", () => fail(new Error("aborted")));
      }),
    explain: (error) => ({ text: (error as Error).message, passes: (error as Error).message === "sem conexão" }),
    interrupted: () => "interrompido",
    key: () => `k${(keys += 1)}`,
    picture: ({ name }) => {
      pictures.add(name);
      return name;
    },
    letGo: (picture) => void pictures.delete(picture),
    shown: ({ url }) => url,
    kept: (conversation) => kept[conversation] ?? [],
    keep: (conversation, files) => (kept[conversation] = structuredClone(files)),
  };
  const trays = new Trays(services);
  const shown = (conversation = "cnv_1") => trays.of(conversation).map(({ name, stored, error }) => [name, error ?? (stored ? "pronto" : "a caminho")]);
  return { trays, uploads, pictures, kept, shown };
}

describe("the files of what is being written", () => {
  it("go_on_uploading_and_stay_while_one_looks_at_another_conversation", async () => {
    const { trays, uploads, shown } = setUp();
    trays.add("cnv_1", [{ file: file("a.pdf"), refused: null }, { file: file("b.pdf"), refused: null }]);
    uploads[0]?.arrive(stored("a.pdf"));
    await settled();
    expect(shown("cnv_2")).toEqual([]);
    uploads[1]?.arrive(stored("b.pdf"));
    await settled();
    expect(shown()).toEqual([["a.pdf", "pronto"], ["b.pdf", "pronto"]]);
  });
  it("outlive_a_reload_where_the_server_has_them_and_are_told_of_where_it_has_not", async () => {
    const before = setUp();
    before.trays.add("cnv_1", [
      { file: file("pronto.png", "image/png"), refused: null },
      { file: file("a caminho.pdf"), refused: null },
      { file: file("sem rede.pdf"), refused: null },
      { file: file("grande.pdf"), refused: null },
      { file: file("filme.mp4"), refused: "não envia vídeos" },
    ]);
    before.uploads[0]?.arrive(stored("pronto.png", "image/png"));
    before.uploads[2]?.fail(new Error("sem conexão"));
    before.uploads[3]?.fail(new Error("grande demais"));
    await settled();
    const after = setUp(before.kept);
    expect(after.shown()).toEqual([["pronto.png", "pronto"], ["a caminho.pdf", "interrompido"], ["sem rede.pdf", "interrompido"]]);
    expect(after.trays.of("cnv_1")[0]).toMatchObject({ picture: "/files/pronto.png", stored: { id: "fil_pronto.png" } });
  });
  it("are_uploaded_once_more_where_that_may_help", async () => {
    const { trays, uploads, shown } = setUp();
    trays.add("cnv_1", [{ file: file("a.pdf"), refused: null }, { file: file("b.pdf"), refused: null }]);
    uploads[0]?.fail(new Error("sem conexão"));
    uploads[1]?.fail(new Error("grande demais"));
    await settled();
    expect(trays.of("cnv_1").map((each) => [each.error, each.again !== null])).toEqual([["sem conexão", true], ["grande demais", false]]);
    trays.of("cnv_1")[0]?.again?.();
    uploads[2]?.arrive(stored("a.pdf"));
    await settled();
    expect(shown()).toEqual([["a.pdf", "pronto"], ["b.pdf", "grande demais"]]);
  });
  it("that_were_refused_are_never_uploaded", () => {
    const { trays, uploads } = setUp();
    trays.add("cnv_1", [{ file: file("filme.mp4"), refused: "não envia vídeos" }]);
    expect([uploads.length, trays.of("cnv_1")[0]?.error]).toEqual([0, "não envia vídeos"]);
  });
  it("leave_nothing_behind_once_removed_or_sent", async () => {
    const { trays, uploads, pictures, kept, shown } = setUp();
    trays.add("cnv_1", [{ file: file("a.png", "image/png"), refused: null }, { file: file("b.png", "image/png"), refused: null }]);
    trays.remove("cnv_1", "k1");
    await settled();
    expect([uploads[0]?.signal.aborted, uploads[1]?.signal.aborted, [...pictures]]).toEqual([true, false, ["b.png"]]);
    trays.clear("cnv_1");
    await settled();
    expect([shown(), [...pictures], kept]).toEqual([[], [], { cnv_1: [] }]);
  });
  it("given_back_stand_before_the_others", () => {
    const { trays, shown } = setUp();
    trays.add("cnv_1", [{ file: file("novo.pdf"), refused: null }]);
    trays.restore("cnv_1", [stored("velho.pdf")]);
    expect(shown()).toEqual([["velho.pdf", "pronto"], ["novo.pdf", "a caminho"]]);
  });
});
