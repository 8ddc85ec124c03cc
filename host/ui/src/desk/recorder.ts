/** Recording a voice message: the microphone, how loud it is, and the sound as a file. Owns the microphone from `start` to `stop`; shows nothing. */
import { fitsAny } from "./takes";

/** What browsers record in, the ones that need no converting for most channels first. */
const TYPES = ["audio/ogg;codecs=opus", "audio/mp4;codecs=mp4a.40.2", "audio/webm;codecs=opus", "audio/mp4"];
/** Milliseconds of the longest recording. */
export const LONGEST = 15 * 60_000;
/** How often the level is read. */
const LOOK = 80;
/** Bits a second: speech needs no more. */
const RATE = 32_000;

/** Whether this browser records at all; pages without TLS get no microphone. */
export function canRecord(): boolean {
  return typeof MediaRecorder !== "undefined" && Boolean(navigator.mediaDevices?.getUserMedia);
}

/** The type to record in: one that the channel takes where the browser has one, else any, which the server converts; null: the browser's own. */
export function recordingType(accepted: readonly string[], supported: (type: string) => boolean): string | null {
  const possible = TYPES.filter(supported);
  return possible.find((type) => fitsAny(accepted, type)) ?? possible[0] ?? null;
}

/** From 0 to 1: how loud a moment is, as the ear takes it. */
export function loudness(samples: ArrayLike<number>): number {
  let sum = 0;
  for (let at = 0; at < samples.length; at += 1) sum += (((samples[at] ?? 128) - 128) / 128) ** 2;
  return Math.min(1, Math.sqrt(Math.sqrt(sum / Math.max(1, samples.length))));
}

export interface Recording {
  stop: () => Promise<File>;
  /** Lets go of the microphone; nothing is kept. */
  discard: () => void;
}

/** Starts; `heard` is told the level again and again. Rejects where the microphone is refused or missing. */
export async function record(accepted: readonly string[], heard: (level: number) => void): Promise<Recording> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } });
  const type = recordingType(accepted, (each) => MediaRecorder.isTypeSupported(each));
  const recorder = new MediaRecorder(stream, { audioBitsPerSecond: RATE, ...(type ? { mimeType: type } : {}) });
  const parts: Blob[] = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Uint8Array(analyser.fftSize);
  const look = setInterval(() => {
    analyser.getByteTimeDomainData(samples);
    heard(loudness(samples));
  }, LOOK);
  const end = () => {
    clearInterval(look);
    void context.close();
    for (const track of stream.getTracks()) track.stop();
  };
  recorder.start(1000);
  return {
    stop: () =>
      new Promise((resolve) => {
        recorder.onstop = () => {
          end();
          const mime = (recorder.mimeType || type || "audio/webm").split(";")[0] ?? "audio/webm";
          resolve(new File(parts, `voz.${mime.split("/")[1] ?? "webm"}`, { type: mime }));
        };
        if (recorder.state === "inactive") recorder.onstop(new Event("stop"));
        else recorder.stop();
      }),
    discard: () => {
      recorder.ondataavailable = null;
      if (recorder.state !== "inactive") recorder.stop();
      end();
    },
  };
}
