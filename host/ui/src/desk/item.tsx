/** One conversation in the list. */
import { Badge } from "@mantine/core";
import { CircleAlert, FileText, Image, MapPin, Mic, NotebookPen, Sticker, Tag, Users, Video } from "lucide-react";
import { memo } from "react";
import { Link } from "react-router";
import type { Conversation, Folder, Preview } from "../api/types";
import { type Key, type Translate, useLanguage } from "../i18n";
import { useMinute } from "../lib/hooks";
import { prettyAddress } from "../lib/text";
import { fullTime, listTime } from "../lib/time";
import { useMe } from "../session/session";
import { shortCount } from "../shell/shell";
import { Countdown } from "./countdown";
import { Face } from "./face";
import classes from "./list.module.css";

const KIND_ICONS = { image: Image, audio: Mic, video: Video, document: FileText, sticker: Sticker, location: MapPin, contacts: Users } as const;
const KNOWN_KINDS = ["image", "audio", "video", "document", "sticker", "location", "contacts", "interactive", "template", "unsupported", "revoked"] as const;

/** What a preview says in words: its text, or what kind of message it is. */
export function previewText(preview: Preview, t: Translate): string {
  if (preview.text.trim()) return preview.text;
  const kind = KNOWN_KINDS.find((each) => each === preview.kind);
  return kind ? t(`msg.kind.${kind}` as Key) : "";
}

/** `by` stands before what we said. */
function PreviewLine({ preview, by, undelivered }: { preview: Preview | null; by: string; undelivered: boolean }) {
  const { t } = useLanguage();
  if (!preview) return <span className={classes.preview}>{t("conv.empty")}</span>;
  const Icon = preview.direction === "note" ? NotebookPen : KIND_ICONS[preview.kind as keyof typeof KIND_ICONS];
  return (
    <span className={classes.preview}>
      {undelivered && <CircleAlert size={14} role="img" aria-label={t("list.undelivered")} className={classes.undelivered} />}
      {Icon && <Icon size={14} aria-hidden className={classes.kind} />}
      {preview.direction === "out" && `${by}: `}
      {preview.direction === "note" && t("list.note")}
      {previewText(preview, t)}
    </span>
  );
}

export const Item = memo(function Item({ conversation, folder, selected }: { conversation: Conversation; folder: Folder; selected: boolean }) {
  const { t, locale } = useLanguage();
  const me = useMe();
  const now = useMinute();
  const { contact, channel, offer, team, agent, unread } = conversation;
  const at = conversation.last_message_at;
  const showAgent = agent && folder !== "mine";
  return (
    <li>
      <Link
        to={`/desk/${folder}/${conversation.id}`}
        className={classes.item}
        data-item={conversation.id}
        data-unread={unread > 0 || undefined}
        aria-current={selected ? "page" : undefined}
      >
        <Face name={contact.name} avatar={contact.avatar} seed={contact.id} channel={channel} />
        <span className={classes.text}>
          <span className={classes.line}>
            <span className={classes.name}>{prettyAddress(contact.name)}</span>
            <time className={classes.time} dateTime={at} title={fullTime(at, locale)}>
              {listTime(at, now, locale, t("conv.yesterday"))}
            </time>
          </span>
          <span className={classes.line}>
            <PreviewLine preview={conversation.preview} by={!agent ? t("list.us") : agent.id === me.user.id ? t("list.you") : agent.name} undelivered={conversation.undelivered} />
            {unread > 0 && (
              <Badge circle={unread < 10} size="md" className={classes.unread} aria-label={t("list.unread", { n: unread })} role="img">
                {shortCount(unread)}
              </Badge>
            )}
          </span>
          <span className={classes.meta}>
            <span className="truncate">
              {channel.name}
              {team && ` · ${team.name}`}
              {showAgent && ` · ${agent.name}`}
            </span>
            {offer && <Countdown offer={offer} mine={offer.agent.id === me.user.id} />}
          </span>
          {conversation.conclusion?.summary && (
            <span className={classes.outcome}>
              <Tag size={13} aria-hidden />
              <span className="truncate">{conversation.conclusion.summary}</span>
            </span>
          )}
        </span>
      </Link>
    </li>
  );
});
