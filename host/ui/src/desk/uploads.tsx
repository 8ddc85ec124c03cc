/** Files that are about to be sent: shown at once, uploaded while one still writes, each with how far it is and what went wrong. */
import { ActionIcon, Progress, Tooltip } from "@mantine/core";
import { CircleAlert, FileText, Film, Music, RotateCw, X } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { api, newKey, safeHref } from "../api/client";
import type { Channel, StoredFile } from "../api/types";
import { useLanguage, useT } from "../i18n";
import { anyOf } from "../lib/text";
import { fileSize } from "../lib/time";
import { explain, mayPass, useReport } from "../shell/report";
import { kindOf, MOST_FILES, refusal } from "./takes";
import classes from "./uploads.module.css";

export interface Upload {
  key: string;
  name: string;
  mime: string;
  /** In bytes. */
  size: number;
  /** Shows a picture, also before the server has it; null where it is none. */
  picture: string | null;
  /** From 0 to 1. */
  progress: number;
  stored: StoredFile | null;
  /** Why it cannot be sent. */
  error: string | null;
  /** Uploads it once more, where that may help: the channel's limits do not change. */
  again: (() => void) | null;
}

/** The files of one composer, and what can be done with them. What the channel cannot take is never uploaded. */
export function useUploads(channel: Channel | undefined) {
  const { t, locale } = useLanguage();
  const report = useReport();
  const [uploads, setUploads] = useState<Upload[]>([]);
  const under = useRef(new Map<string, AbortController>());
  const pictures = useRef(new Map<string, string>());
  const edit = useCallback((key: string, change: Partial<Upload>) => setUploads((all) => all.map((each) => (each.key === key ? { ...each, ...change } : each))), []);

  const begin = useCallback(
    (key: string, file: File) => {
      const control = new AbortController();
      under.current.set(key, control);
      edit(key, { error: null, again: null, progress: 0 });
      api
        .upload<StoredFile>("/files", file, { signal: control.signal, onProgress: (progress) => edit(key, { progress }) })
        .then((stored) => edit(key, { stored, progress: 1 }))
        .catch((error: unknown) => {
          if (control.signal.aborted) return;
          edit(key, { error: explain(error, t), again: mayPass(error) ? () => begin(key, file) : null });
        })
        .finally(() => under.current.delete(key));
    },
    [edit, t],
  );

  const add = (files: Iterable<File>) => {
    const wanted = [...files];
    const room = MOST_FILES - uploads.length;
    if (wanted.length > room) report.refused(t("composer.refused.count", { n: MOST_FILES }));
    const added = wanted.slice(0, Math.max(0, room)).map((file) => {
      const refused = refusal(channel, file);
      const key = newKey();
      const picture = kindOf(file.type) === "image" ? URL.createObjectURL(file) : null;
      if (picture) pictures.current.set(key, picture);
      const words = refused && t(refused.key, { type: refused.type ?? "", taken: anyOf(refused.taken ?? [], locale), size: refused.limit ? fileSize(refused.limit, locale) : "" });
      const upload: Upload = { key, name: file.name, mime: file.type, size: file.size, picture, progress: 0, stored: null, error: words, again: null };
      return { upload, file };
    });
    setUploads((all) => [...all, ...added.map((each) => each.upload)]);
    for (const { upload, file } of added) if (!upload.error) begin(upload.key, file);
  };
  /** Takes back what the server has already. */
  const restore = (files: readonly StoredFile[]) => {
    const back = files.map((stored): Upload => {
      const { name, mime, size } = stored;
      return { key: newKey(), name, mime, size, picture: kindOf(mime) === "image" ? safeHref(stored.thumbnail_url ?? stored.url) : null, progress: 1, stored, error: null, again: null };
    });
    setUploads((all) => [...back, ...all]);
  };

  const forget = (key: string) => {
    under.current.get(key)?.abort();
    const picture = pictures.current.get(key);
    if (picture) URL.revokeObjectURL(picture);
    pictures.current.delete(key);
  };
  const remove = (key: string) => {
    forget(key);
    setUploads((all) => all.filter((each) => each.key !== key));
  };
  const clear = () => {
    for (const each of uploads) forget(each.key);
    setUploads([]);
  };
  // What is left when the screen goes.
  useEffect(() => {
    const [running, shown] = [under.current, pictures.current];
    return () => {
      for (const control of running.values()) control.abort();
      for (const picture of shown.values()) URL.revokeObjectURL(picture);
      shown.clear();
    };
  }, []);
  return { uploads, add, restore, remove, clear };
}

const ICONS: Record<string, typeof FileText> = { audio: Music, video: Film };

interface Props {
  uploads: Upload[];
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
