import { describe, expect, it } from "vitest";
import type { Channel } from "../api/types";
import { carriesText, kindOf, refusal, soundsOf } from "./takes";

const channel = (kinds: unknown) => ({ capabilities: kinds === null ? null : { kinds } }) as unknown as Channel;
const kind = (name: string, max_bytes: number, mimes: string[] = []) => ({ kind: name, max_bytes, mimes });
const some = channel([kind("text", 0), kind("image", 5_000, ["image/jpeg", "image/png"]), kind("audio", 9_000, ["audio/ogg"]), kind("document", 100_000)]);

describe("what a channel takes", () => {
  it("a_file_becomes_a_message_of_its_kind", () => {
    expect(["image/png", "audio/ogg", "video/mp4", "application/pdf", ""].map(kindOf)).toEqual(["image", "audio", "video", "document", "document"]);
  });
  it("what_it_takes_is_not_refused", () => {
    expect(refusal(some, { type: "image/png", size: 5_000 })).toBeNull();
    expect(refusal(some, { type: "application/zip", size: 100_000 })).toBeNull();
    expect(refusal(some, { type: "", size: 7 })).toBeNull();
  });
  it("a_kind_a_type_a_size_and_nothing_at_all_are_refused_each_with_its_reason", () => {
    expect(refusal(some, { type: "video/mp4", size: 7 })).toEqual({ key: "composer.refused.video" });
    expect(refusal(some, { type: "image/webp", size: 7 })).toEqual({ key: "composer.refused.type", type: "WEBP", taken: ["JPEG", "PNG"] });
    expect(refusal(some, { type: "image/png", size: 5_001 })).toEqual({ key: "composer.refused.size", limit: 5_000 });
    expect(refusal(some, { type: "image/png", size: 0 })).toEqual({ key: "composer.refused.empty" });
  });
  it("a_type_is_called_as_people_call_it", () => {
    const called = (type: string, name?: string) => refusal(channel([kind("image", 9, ["image/png"]), kind("document", 9, ["audio/mpeg", "application/zip"])]), { type, name, size: 7 })?.type;
    expect([called("application/x-ms-dos-executable", "instalar.exe"), called("application/x-msdos-program", "Instalar.EXE"), called("application/x-ms-dos-executable")]).toEqual(["EXE", "EXE", "EXE"]);
    expect([called("image/heic", "sem nome"), called("text/csv"), called("application/vnd.rar", "fotos.2024.rar"), called("application/pdf", "contrato.assinado agora")]).toEqual(["HEIC", "CSV", "RAR", "PDF"]);
    expect(refusal(channel([kind("document", 9, ["audio/mpeg", "application/zip"])]), { type: "text/csv", size: 7 })?.taken).toEqual(["MP3", "ZIP"]);
  });
  it("sound_of_another_type_is_the_servers_to_convert", () => {
    expect(refusal(some, { type: "audio/webm;codecs=opus", size: 7 })).toBeNull();
    expect(refusal(some, { type: "audio/webm", size: 9_001 })).toEqual({ key: "composer.refused.size", limit: 9_000 });
  });
  it("the_administrators_bound_holds_beside_the_channels_own", () => {
    expect(refusal({ ...some, max_file_bytes: 4_000 }, { type: "image/png", size: 4_001 })).toEqual({ key: "composer.refused.size", limit: 4_000 });
    expect(refusal({ ...channel(null), max_file_bytes: 4_000 }, { type: "video/mp4", size: 4_001 })).toEqual({ key: "composer.refused.size", limit: 4_000 });
    expect(refusal({ ...some, max_file_bytes: 6_000 }, { type: "image/png", size: 5_001 })).toEqual({ key: "composer.refused.size", limit: 5_000 });
  });
  it("a_text_that_a_kind_has_no_room_for_goes_apart", () => {
    const kinds = [{ kind: "image", max_text: 3 }, { kind: "audio", max_text: 0 }];
    const fits = (mime: string, text: string) => carriesText(channel(kinds), mime, text);
    expect([fits("image/png", "olá"), fits("image/png", "👍👍👍"), fits("image/png", "olá!"), fits("audio/ogg", "o")]).toEqual([true, true, false, false]);
    expect([fits("video/mp4", "o"), carriesText(channel(null), "image/png", "olá!"), carriesText(undefined, "image/png", "olá!")]).toEqual([true, true, true]);
  });
  it("a_channel_that_has_said_nothing_leaves_it_to_the_server", () => {
    expect(refusal(channel(null), { type: "video/mp4", size: 7 })).toBeNull();
    expect(refusal(undefined, { type: "video/mp4", size: 7 })).toBeNull();
    expect([soundsOf(undefined), soundsOf(some), soundsOf(channel([]))]).toEqual([[], ["audio/ogg"], null]);
  });
});
