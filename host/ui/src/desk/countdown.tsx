/** How long an offer still lasts. */
import { Tooltip } from "@mantine/core";
import { Timer } from "lucide-react";
import type { Offer } from "../api/types";
import { useT } from "../i18n";
import { useSecond } from "../lib/hooks";
import { countdown, shareLeft } from "../lib/time";
import classes from "./countdown.module.css";

export function Countdown({ offer, mine, large }: { offer: Offer; mine: boolean; large?: boolean }) {
  const t = useT();
  const now = useSecond();
  const who = mine ? t("offer.you") : t("offer.other", { name: offer.agent.name });
  if (!offer.deadline) return <span className={classes.timer}>{who}</span>;
  const left = countdown(offer.deadline, now);
  const share = shareLeft(offer.since, offer.deadline, now);
  const text = left ? t("offer.timer", { time: left }) : t("offer.over");
  return (
    <Tooltip label={`${who}. ${text}`} disabled={large}>
      <span className={classes.timer} data-late={share < 0.2 || undefined} data-large={large || undefined} data-testid="countdown">
        <Timer size={large ? 18 : 13} aria-hidden />
        {large && <span>{who}:</span>}
        <span className="tabular">{left ?? (large ? t("offer.over") : "0:00")}</span>
        {large && left && <span className={classes.bar} style={{ "--share": share } as React.CSSProperties} aria-hidden />}
      </span>
    </Tooltip>
  );
}
