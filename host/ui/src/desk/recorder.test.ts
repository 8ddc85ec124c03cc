import { describe, expect, it } from "vitest";
import { loudness, recordingType } from "./recorder";

const chromium = (type: string) => type.startsWith("audio/webm") || type.includes("mp4a");
const firefox = (type: string) => !type.startsWith("audio/mp4");

describe("recording", () => {
  it("takes_the_type_that_the_channel_takes_where_the_browser_has_it", () => {
    expect(recordingType(["audio/ogg", "audio/mp4"], firefox)).toBe("audio/ogg;codecs=opus");
    expect(recordingType(["audio/ogg", "audio/mp4"], chromium)).toBe("audio/mp4;codecs=mp4a.40.2");
    expect(recordingType([], chromium)).toBe("audio/mp4;codecs=mp4a.40.2");
    expect(recordingType(["audio/webm"], chromium)).toBe("audio/webm;codecs=opus");
  });
  it("takes_another_for_the_server_to_convert_and_leaves_the_rest_to_the_browser", () => {
    expect(recordingType(["audio/ogg"], (type) => type.startsWith("audio/webm"))).toBe("audio/webm;codecs=opus");
    expect(recordingType(["audio/ogg"], () => false)).toBeNull();
  });
  it("hears_silence_as_nothing_and_the_loudest_as_one", () => {
    expect(loudness(new Uint8Array(64).fill(128))).toBe(0);
    expect(loudness(new Uint8Array(64).fill(0))).toBe(1);
    expect(loudness([])).toBe(0);
  });
});
