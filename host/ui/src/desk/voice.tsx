/** A voice message in the making, in the composer's place: recorded with its time and level, listened to, sent or let go of. */
import { ActionIcon, Button, Group, Loader, Text, Tooltip } from "@mantine/core";
import { SendHorizontal, Square, Trash2 } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { api } from "../api/client";
import type { StoredFile } from "../api/types";
import { useT } from "../i18n";
import { explain } from "../shell/report";
import { LONGEST, type Recording, record } from "./recorder";
import classes from "./voice.module.css";

/** Levels that are shown, the newest at the right. */
const BARS = 48;
const SILENCE: readonly number[] = Array.from({ length: BARS }, () => 0);

/** `0:07`, `12:30`. */
export function minutes(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

interface Props {
  /** Types of sound that the channel takes. */
  accepted: readonly string[];
  send: (file: StoredFile) => void;
  close: () => void;
}

type State = { step: "asking" } | { step: "recording"; since: number } | { step: "listening"; file: File; url: string } | { step: "refused"; why: string };

export function Voice({ accepted, send, close }: Props) {
  const t = useT();
  const [state, setState] = useState<State>({ step: "asking" });
  const [levels, setLevels] = useState(SILENCE);
  const [now, setNow] = useState(0);
  const [sending, setSending] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);
  const recording = useRef<Recording | null>(null);
  const types = useRef(accepted);

  useEffect(() => {
    let gone = false;
    record(types.current, (level) => {
      setNow(performance.now());
      setLevels((all) => [...all.slice(1), level]);
    }).then(
      (started) => {
        if (gone) return started.discard();
        recording.current = started;
        setNow(performance.now());
        setState({ step: "recording", since: performance.now() });
      },
      (error: unknown) => {
        const denied = error instanceof DOMException && ["NotAllowedError", "SecurityError"].includes(error.name);
        if (!gone) setState({ step: "refused", why: t(denied ? "voice.denied" : "voice.missing") });
      },
    );
    return () => {
      gone = true;
      recording.current?.discard();
      recording.current = null;
    };
  }, [t]);
  const url = state.step === "listening" ? state.url : null;
  useEffect(() => () => void (url && URL.revokeObjectURL(url)), [url]);

  const stop = async (): Promise<File | null> => {
    const running = recording.current;
    recording.current = null;
    if (!running) return null;
    const file = await running.stop();
    setState({ step: "listening", file, url: URL.createObjectURL(file) });
    return file;
  };
  const lasted = state.step === "recording" ? now - state.since : 0;
  const over = lasted >= LONGEST;
  useEffect(() => {
    if (over) void stop();
  });

  // Nothing that was spoken goes by a key that leaves other things too.
  const { step } = state;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || document.querySelector('[role="dialog"]')) return;
      event.preventDefault();
      if (step === "recording") void stop();
      else if (step !== "listening") close();
    };
    window.addEventListener("keydown", onKey, true);
    return () => window.removeEventListener("keydown", onKey, true);
  });

  const submit = async () => {
    setSending(true);
    setTrouble(null);
    const file = state.step === "listening" ? state.file : await stop();
    try {
      if (file) send(await api.upload<StoredFile>("/files", file, { query: { kind: "audio" } }));
    } catch (error) {
      setTrouble(explain(error, t));
      setSending(false);
    }
  };

  return (
    <div className={classes.voice} role="group" aria-label={t("voice.title")}>
      <Group gap="sm" wrap="nowrap" className={classes.bar}>
        <Tooltip label={t("voice.discard")}>
          <ActionIcon aria-label={t("voice.discard")} onClick={close} disabled={sending}>
            <Trash2 size={18} />
          </ActionIcon>
        </Tooltip>
        {state.step === "asking" && (
          <Group gap="xs" className={classes.middle}>
            <Loader size={14} />
            <Text size="sm">{t("voice.asking")}</Text>
          </Group>
        )}
        {state.step === "refused" && (
          <Text size="sm" className={classes.middle} role="alert">
            {state.why}
          </Text>
        )}
        {state.step === "recording" && (
          <>
            <span className={classes.dot} aria-hidden />
            <span className={classes.time} role="timer" aria-label={t("voice.recording")}>
              {minutes(lasted)}
            </span>
            <span className={classes.levels} aria-hidden>
              {levels.map((level, place) => (
                <span key={place} style={{ height: `${8 + level * 92}%` }} />
              ))}
            </span>
            <Tooltip label={t("voice.stop")}>
              <ActionIcon aria-label={t("voice.stop")} onClick={() => void stop()} autoFocus>
                <Square size={16} fill="currentColor" />
              </ActionIcon>
            </Tooltip>
          </>
        )}
        {state.step === "listening" && <audio controls src={state.url} className={classes.sound} aria-label={t("voice.listen")} />}
        <Button
          className={classes.send}
          onClick={() => void submit()}
          loading={sending}
          disabled={state.step === "asking" || state.step === "refused"}
          rightSection={<SendHorizontal size={16} aria-hidden />}
        >
          {t("voice.send")}
        </Button>
      </Group>
      {trouble && (
        <Text size="xs" className={classes.trouble} role="alert">
          {trouble}
        </Text>
      )}
    </div>
  );
}
