/** Where people write: messages and internal notes, with files by button, drop or paste. Enter sends, Shift+Enter breaks the line. */
import { ActionIcon, Button, CloseButton, Group, Loader, Textarea, Tooltip } from "@mantine/core";
import { CircleAlert, NotebookPen, Paperclip, Reply, SendHorizontal } from "lucide-react";
import { type ClipboardEvent, type DragEvent, type KeyboardEvent, useCallback, useEffect, useRef, useState } from "react";
import { api, newKey } from "../api/client";
import { useLive } from "../api/live";
import type { Conversation, Message, StoredFile } from "../api/types";
import { type Translate, useLanguage, useT } from "../i18n";
import { useKeys, useSecond } from "../lib/hooks";
import { duration, fileSize } from "../lib/time";
import { useMe } from "../session/session";
import { useReport } from "../shell/report";
import { usePhone } from "../shell/shell";
import classes from "./composer.module.css";
import { readDraft, writeDraft } from "./drafts";
import { previewText } from "./item";
import { useOutbox } from "./use-outbox";

interface Upload {
  key: string;
  file: File;
  stored: StoredFile | null;
  failed: boolean;
}

/** Why nobody can write here now; null when one can. */
export function blockedReason(conversation: Conversation, me: string, t: Translate): string | null {
  if (conversation.can.reply) return null;
  if (conversation.status === "concluded") return t("composer.disabled.concluded");
  if (conversation.status === "queued") return t("composer.disabled.queued");
  if (conversation.agent && conversation.agent.id !== me) return t("composer.disabled.other", { name: conversation.agent.name });
  return t("composer.disabled.denied");
}

function useUploads() {
  const [uploads, setUploads] = useState<Upload[]>([]);
  const report = useReport();
  const t = useT();
  const edit = (key: string, change: Partial<Upload>) => setUploads((all) => all.map((each) => (each.key === key ? { ...each, ...change } : each)));
  const add = (files: Iterable<File>) => {
    for (const file of files) {
      const key = newKey();
      setUploads((all) => [...all, { key, file, stored: null, failed: false }]);
      api
        .upload<StoredFile>("/files", file)
        .then((stored) => edit(key, { stored }))
        .catch((error: unknown) => {
          edit(key, { failed: true });
          report.failure(error, t("composer.failed", { name: file.name }));
        });
    }
  };
  return { uploads, add, remove: (key: string) => setUploads((all) => all.filter((each) => each.key !== key)), clear: () => setUploads([]) };
}

function Uploads({ uploads, remove }: { uploads: Upload[]; remove: (key: string) => void }) {
  const { t, locale } = useLanguage();
  if (uploads.length === 0) return null;
  return (
    <ul className={classes.uploads}>
      {uploads.map(({ key, file, stored, failed }) => (
        <li key={key} className={classes.upload} data-failed={failed || undefined}>
          {failed ? <CircleAlert size={16} aria-hidden /> : stored ? <Paperclip size={16} aria-hidden /> : <Loader size={14} aria-label={t("composer.uploading", { name: file.name })} />}
          <span className="truncate">{file.name}</span>
          <small>{fileSize(file.size, locale)}</small>
          <CloseButton size="xs" aria-label={t("composer.remove", { name: file.name })} onClick={() => remove(key)} />
        </li>
      ))}
    </ul>
  );
}

/** What is left of the channel's free window, where it has one. */
function FreeWindow({ closesAt }: { closesAt: string }) {
  const t = useT();
  const left = Date.parse(closesAt) - useSecond();
  return (
    <span className={classes.window} data-closed={left <= 0 || undefined}>
      {left > 0 ? t("conv.window.left", { time: duration(left) }) : t("conv.window.closed")}
    </span>
  );
}

/** Tells the others that one is typing, at most every three seconds. */
function useTypingSignal(conversation: string) {
  const { tell } = useLive();
  const last = useRef(0);
  return useCallback(() => {
    const now = Date.now();
    if (now - last.current < 3000) return;
    last.current = now;
    tell({ type: "typing", conversation_id: conversation });
  }, [conversation, tell]);
}

interface Props {
  conversation: Conversation;
  replyTo: Message | null;
  clearReply: () => void;
}

export function Composer({ conversation, replyTo, clearReply }: Props) {
  const t = useT();
  const me = useMe();
  const phone = usePhone();
  const outbox = useOutbox();
  const { id, contact } = conversation;
  const [text, setText] = useState(() => readDraft(id));
  const [note, setNote] = useState(false);
  const [dropping, setDropping] = useState(false);
  const { uploads, add, remove, clear } = useUploads();
  const area = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const typing = useTypingSignal(id);
  const blocked = blockedReason(conversation, me.user.id, t);
  const disabled = blocked !== null;
  const ready = uploads.every((each) => each.stored);
  const sendable = !disabled && ready && (text.trim() !== "" || (uploads.length > 0 && !note));

  useEffect(() => {
    writeDraft(id, text);
  }, [id, text]);
  useEffect(() => {
    if (replyTo) area.current?.focus();
  }, [replyTo]);
  // On a phone the keyboard would cover the conversation one wants to read first.
  useEffect(() => {
    if (!disabled && !phone) area.current?.focus();
  }, [disabled, phone]);
  useKeys({
    r: () => area.current?.focus(),
    n: () => {
      setNote((now) => !now);
      area.current?.focus();
    },
  });

  const submit = () => {
    if (!sendable) return;
    const quote = replyTo && !note ? { id: replyTo.id, text: previewText(replyTo, t), author_name: replyTo.author.name } : null;
    void outbox.send(id, { text: text.trim(), private: note, files: uploads.flatMap((each) => each.stored ?? []), reply_to: quote });
    setText("");
    clear();
    clearReply();
    area.current?.focus();
  };
  const onKey = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (replyTo) clearReply();
      else {
        event.currentTarget.blur();
        document.querySelector<HTMLElement>('a[data-item][aria-current="page"]')?.focus();
      }
    }
  };
  const onPaste = (event: ClipboardEvent) => {
    if (event.clipboardData.files.length === 0) return;
    event.preventDefault();
    add(event.clipboardData.files);
  };
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setDropping(false);
    if (!disabled) add(event.dataTransfer.files);
  };

  return (
    <div
      className={classes.composer}
      data-note={note || undefined}
      data-dropping={dropping || undefined}
      onDragOver={(event) => {
        if (disabled || !event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        setDropping(true);
      }}
      onDragLeave={() => setDropping(false)}
      onDrop={onDrop}
    >
      {dropping && <div className={classes.drop}>{t("composer.drop")}</div>}
      {replyTo && !note && (
        <div className={classes.reply}>
          <Reply size={16} aria-hidden />
          <span className="truncate">
            <strong>{t("composer.replying", { name: replyTo.author.name })}</strong> {previewText(replyTo, t)}
          </span>
          <CloseButton size="sm" aria-label={t("composer.replying.cancel")} onClick={clearReply} />
        </div>
      )}
      <Uploads uploads={uploads} remove={remove} />
      <Textarea
        ref={area}
        variant="unstyled"
        autosize
        minRows={phone ? 1 : 2}
        maxRows={9}
        disabled={disabled}
        aria-label={note ? t("composer.note") : t("composer.label", { name: contact.name })}
        placeholder={blocked ?? t(note ? "composer.note.placeholder" : "composer.placeholder")}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          if (!note) typing();
        }}
        onKeyDown={onKey}
        onPaste={onPaste}
      />
      <Group justify="space-between" gap="xs" wrap="nowrap">
        <Group gap={4} wrap="nowrap">
          <input
            ref={picker}
            type="file"
            multiple
            hidden
            onChange={(event) => {
              add(event.currentTarget.files ?? []);
              event.currentTarget.value = "";
            }}
          />
          <Tooltip label={t("composer.attach")}>
            <ActionIcon aria-label={t("composer.attach")} disabled={disabled || note} onClick={() => picker.current?.click()}>
              <Paperclip size={18} />
            </ActionIcon>
          </Tooltip>
          <Tooltip label={t("composer.note.toggle")}>
            <Button
              size="compact-sm"
              variant={note ? "light" : "subtle"}
              color={note ? "amber" : "gray"}
              aria-pressed={note}
              disabled={disabled}
              leftSection={<NotebookPen size={16} aria-hidden />}
              onClick={() => {
                setNote((now) => !now);
                area.current?.focus();
              }}
            >
              {t("composer.note")}
            </Button>
          </Tooltip>
        </Group>
        <Group gap="sm" wrap="nowrap" miw={0}>
          <span className={classes.hint}>
            {conversation.window && !note ? <FreeWindow closesAt={conversation.window.closes_at} /> : <span>{t("composer.hint")}</span>}
          </span>
          <Button
            className={classes.send}
            color={note ? "amber" : undefined}
            disabled={!sendable}
            onClick={submit}
            rightSection={<SendHorizontal size={16} aria-hidden />}
            aria-label={t(note ? "composer.send.note" : "composer.send")}
          >
            {t(note ? "composer.send.note" : "composer.send")}
          </Button>
        </Group>
      </Group>
    </div>
  );
}
