/** Files that are about to be sent: shown at once, uploaded while one still writes, each with how far it is and what went wrong. */
import { ActionIcon, Progress, Tooltip } from "@mantine/core";
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { CircleAlert, FileText, Film, Music, RotateCw, X } from "lucide-react";
import { useState, useSyncExternalStore } from "react";
import { api, newKey, safeHref } from "../api/client";
import type { Channel, StoredFile } from "../api/types";
import { type Translate, useLanguage, useT } from "../i18n";
import { anyOf } from "../lib/text";
import { fileSize } from "../lib/time";
import { useMe } from "../session/session";
import { explain, mayPass, useReport } from "../shell/report";
import { readFiles, writeFiles } from "./drafts";
import { kindOf, MOST_FILES, type Refusal, refusal } from "./takes";
import { Trays, type Upload } from "./tray";
import classes from "./uploads.module.css";

/** By cache and by who is signed in, as the outbox is. */
const trays = new WeakMap<QueryClient, Map<string, Trays>>();
let words: Translate | null = null;

function traysOf(client: QueryClient, user: string): Trays {
  const own = trays.get(client) ?? new Map<string, Trays>();
  trays.set(client, own);
  let all = own.get(user);
  if (!all) {
    all = new Trays({
      upload: (file, options) => api.upload<StoredFile>("/files", file, options),
      explain: (error) => ({ text: words ? explain(error, words) : String(error), passes: mayPass(error) }),
      interrupted: () => words?.("composer.interrupted") ?? "",
      key: newKey,
      picture: (file) => URL.createObjectURL(file),
      letGo: (picture) => URL.revokeObjectURL(picture),
      shown: (stored) => safeHref(stored.thumbnail_url ?? stored.url),
      kept: (conversation) => readFiles(user, conversation),
      keep: (conversation, files) => writeFiles(user, conversation, files),
    });
    own.set(user, all);
  }
  return all;
}

/** A refusal in words. */
export function useRefused(): (refused: Refusal) => string {
  const { t, locale } = useLanguage();
  return ({ key, type = "", taken = [], limit }) => t(key, { type, taken: anyOf(taken, locale), size: limit ? fileSize(limit, locale) : "" });
}

/** The files of one conversation's composer, and what can be done with them. What the channel cannot take is never uploaded. */
export function useUploads(conversation: string, channel: Channel | undefined) {
  const t = useT();
  words = t;
  const explained = useRefused();
  const report = useReport();
  const me = useMe();
  const tray = traysOf(useQueryClient(), me.user.id);
  const uploads = useSyncExternalStore(tray.subscribe, () => tray.of(conversation));

  const add = (files: Iterable<File>) => {
    const wanted = [...files];
    const room = MOST_FILES - uploads.length;
    if (wanted.length > room) report.refused(t("composer.refused.count", { n: MOST_FILES }));
    const chosen = wanted.slice(0, Math.max(0, room)).map((file) => {
      const refused = refusal(channel, file);
      return { file, refused: refused && explained(refused) };
    });
    tray.add(conversation, chosen);
  };
  return {
    uploads,
    add,
    restore: (files: readonly StoredFile[]) => tray.restore(conversation, files),
    remove: (key: string) => tray.remove(conversation, key),
    clear: () => tray.clear(conversation),
  };
}

const ICONS: Record<string, typeof FileText> = { audio: Music, video: Film };

interface Props {
  uploads: readonly Upload[];
  remove: (key: string) => void;
}

export function Uploads({ uploads, remove }: Props) {
  if (uploads.length === 0) return null;
  return (
    <ul className={classes.uploads}>
      {uploads.map((upload) => (
        <UploadTile key={upload.key} upload={upload} remove={() => remove(upload.key)} />
      ))}
    </ul>
  );
}

function UploadTile({ upload, remove }: { upload: Upload; remove: () => void }) {
  const { locale } = useLanguage();
  const t = useT();
  const { name, mime, size, picture, progress, stored, error, again } = upload;
  const [broken, setBroken] = useState(false);
  const Icon = error ? CircleAlert : (ICONS[kindOf(mime)] ?? FileText);
  const under = !stored && !error;
  return (
    <li className={classes.upload} data-failed={error ? true : undefined}>
      <span className={classes.face}>{picture && !broken && !error ? <img src={picture} alt="" onError={() => setBroken(true)} /> : <Icon size={20} aria-hidden />}</span>
      <span className={classes.about}>
        <span className="truncate" title={name}>
          {name}
        </span>
        {error ? (
          <span role="alert" className={classes.why}>
            {error}
          </span>
        ) : (
          <small>{under ? t("composer.progress", { percent: Math.round(progress * 100), size: fileSize(size, locale) }) : fileSize(size, locale)}</small>
        )}
      </span>
      {error && again && (
        <Tooltip label={t("msg.retry")}>
          <ActionIcon size="sm" aria-label={t("composer.retry", { name })} onClick={again}>
            <RotateCw size={14} />
          </ActionIcon>
        </Tooltip>
      )}
      <ActionIcon size="sm" aria-label={t("composer.remove", { name })} onClick={remove}>
        <X size={14} />
      </ActionIcon>
      {under && <Progress className={classes.progress} size={3} value={progress * 100} aria-label={t("composer.uploading", { name })} />}
    </li>
  );
}
