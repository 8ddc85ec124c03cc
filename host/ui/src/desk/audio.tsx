/** A recording with its controls, and how fast it is played: long voice messages are listened to faster. */
import { useRef, useState } from "react";
import { useLanguage } from "../i18n";
import classes from "./message.module.css";

const SPEEDS = [1, 1.5, 2];

export function AudioView({ url, name }: { url: string; name: string }) {
  const { t, locale } = useLanguage();
  const player = useRef<HTMLAudioElement>(null);
  const [speed, setSpeed] = useState(1);
  const faster = () => {
    const next = SPEEDS[(SPEEDS.indexOf(speed) + 1) % SPEEDS.length] ?? 1;
    if (player.current) player.current.playbackRate = next;
    setSpeed(next);
  };
  const shown = speed.toLocaleString(locale);
  return (
    <span className={classes.recording}>
      {/* Loading sets the rate back. */}
      <audio ref={player} controls preload="metadata" src={url} className={classes.audio} aria-label={name} onPlay={(event) => (event.currentTarget.playbackRate = speed)} />
      <button type="button" className={classes.speed} onClick={faster} aria-label={t("msg.audio.speed", { n: shown })}>
        {shown}×
      </button>
    </span>
  );
}
