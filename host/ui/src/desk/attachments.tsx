/** Files in a message: pictures, sound, video, documents, and what is still on its way or did not come. */
import { Button, Progress, Text } from "@mantine/core";
import { Download, FileClock, FileText, FileWarning } from "lucide-react";
import type { CSSProperties } from "react";
import { safeHref } from "../api/client";
import { useFetching } from "../api/fetching";
import type { Attachment } from "../api/types";
import { type Key, useLanguage } from "../i18n";
import { fileSize } from "../lib/time";
import { AudioView } from "./audio";
import classes from "./message.module.css";

export type Shape = "image" | "audio" | "video" | "sticker" | "file";

/** Sound that no browser plays: it can only be saved. */
const UNPLAYABLE = ["audio/amr"];

/** How to show a file: by what it is, and as a sticker where the message says so. */
export function shapeOf(kind: string, mime: string, showable = true): Shape {
  const family = mime.split("/")[0];
  if (family === "image" && showable) return kind === "sticker" ? "sticker" : kind === "document" ? "file" : "image";
  if (family === "audio" && kind !== "document") return UNPLAYABLE.includes(mime) ? "file" : "audio";
  // Containers that hold either.
  if (family === "video" && kind === "audio") return "audio";
  if (family === "video" && kind !== "document") return "video";
  return "file";
}

/** Why a file is not here, in words; a reason that this version does not know is told as none. */
const TROUBLES: Record<string, Key> = {
  unreachable: "msg.media.unreachable",
  gone: "msg.media.gone",
  refused: "msg.media.refused",
  host: "msg.media.host",
  too_large: "msg.media.too_large",
  empty: "msg.media.empty",
  type: "msg.media.type",
  unsupported: "msg.media.unsupported",
  not_fetched: "msg.media.not_fetched",
};

export function troubleKey(error: string | null, limit: number | null): Key {
  if (error === "too_large" && limit) return "msg.media.too_large.limit";
  return (error && TROUBLES[error]) || "msg.media.failed";
}

/** Pixels of the longest side of a picture among messages. */
const EDGE = 320;

/** The place of a picture on its own, as large before it is here as after; as it comes where nobody knows. */
function placeOf({ width, height }: Pick<Attachment, "width" | "height">): CSSProperties | undefined {
  if (!width || !height) return undefined;
  const shown = Math.round(width * Math.min(1, EDGE / width, EDGE / height));
  const place: Record<`--${string}`, string> = { "--width": `${shown}px`, "--ratio": `${width} / ${height}` };
  return place;
}

/** A file by its place in a message. */
export interface FilePlace {
  message: string;
  position: number;
}

/** A file that the server is fetching, or will. */
function Waiting({ name, place, size }: { name: string; place: FilePlace; size: number }) {
  const { t, locale } = useLanguage();
  const far = useFetching(place.message, place.position);
  const whole = far?.size || size;
  const known = far && whole > 0;
  return (
    <span className={classes.file}>
      <FileClock size={20} aria-hidden />
      <span className={classes.fileText}>
        <span className="truncate">{name}</span>
        <Text size="xs" c="dimmed" className={classes.far}>
          {far ? t(known ? "msg.media.far" : "msg.media.sofar", { bytes: fileSize(far.bytes, locale), size: fileSize(whole, locale) }) : t("msg.media.waiting")}
        </Text>
        {known && <Progress size={3} mt={4} value={Math.min(100, (far.bytes / whole) * 100)} aria-label={t("msg.media.waiting")} />}
      </span>
    </span>
  );
}

interface Props {
  attachment: Attachment;
  place: FilePlace;
  kind: string;
  author: string;
  /** Fetches it once more. */
  retry?: () => void;
  retrying?: boolean;
}

export function AttachmentView({ attachment, place, kind, author, retry, retrying }: Props) {
  const { t, locale } = useLanguage();
  const url = safeHref(attachment.url);
  // The server says which pictures may be shown; until one is here, what it is announced as counts.
  const shape = shapeOf(kind, attachment.mime, attachment.state !== "ready" || attachment.thumbnail_url !== null);
  const name = attachment.name || t(shape === "file" ? "msg.kind.document" : `msg.kind.${shape}`);

  if (attachment.state === "waiting") return <Waiting name={name} place={place} size={attachment.size} />;
  if (attachment.state === "failed" || !url) {
    return (
      <span className={classes.file} data-bad>
        <FileWarning size={20} aria-hidden />
        <span className={classes.fileText}>
          <span className="truncate">{name}</span>
          <Text size="xs">{t(troubleKey(attachment.error, attachment.limit), { limit: fileSize(attachment.limit ?? 0, locale) })}</Text>
          {retry && !attachment.id && (
            <Button size="compact-xs" variant="default" className={classes.again} loading={retrying} onClick={retry}>
              {t("msg.retry")}
            </Button>
          )}
        </span>
      </span>
    );
  }
  switch (shape) {
    case "image":
    case "sticker":
      return (
        <a href={url} target="_blank" rel="noreferrer" className={shape === "sticker" ? classes.sticker : classes.image} aria-label={t("msg.open", { name })}>
          <img
            src={safeHref(attachment.thumbnail_url) ?? url}
            style={shape === "image" ? placeOf(attachment) : undefined}
            alt={attachment.name || t("msg.image.of", { name: author })}
            loading="lazy"
            decoding="async"
          />
        </a>
      );
    case "audio":
      return <AudioView url={url} name={name} />;
    case "video":
      return <video controls preload="metadata" src={url} className={classes.video} aria-label={name} />;
    default:
      return (
        <a href={url} download={attachment.name || true} className={classes.file} aria-label={t("msg.download", { name })}>
          <FileText size={22} aria-hidden />
          <span className={classes.fileText}>
            <span className="truncate">{name}</span>
            {attachment.size > 0 && (
              <Text size="xs" c="dimmed">
                {fileSize(attachment.size, locale)}
              </Text>
            )}
            {UNPLAYABLE.includes(attachment.mime) && kind !== "document" && <Text size="xs">{t("msg.audio.unplayable")}</Text>}
          </span>
          <Download size={16} aria-hidden />
        </a>
      );
  }
}
