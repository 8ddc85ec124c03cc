/** Where people write: messages and internal notes, with files by button, drop, paste or camera, and voice. Enter sends, Shift+Enter breaks the line. */
import { ActionIcon, Button, CloseButton, Textarea, Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Camera, LayoutTemplate, Mic, NotebookPen, Paperclip, Reply, SendHorizontal, Timer } from "lucide-react";
import { type ClipboardEvent, type KeyboardEvent, useCallback, useEffect, useRef, useState } from "react";
import { useLive } from "../api/live";
import { actionsQuery, channelsQuery } from "../api/queries";
import type { Conversation, PluginAction, StoredFile } from "../api/types";
import { ActionDialog } from "../forms/action";
import { type Translate, useT } from "../i18n";
import { useKeys, useSecond } from "../lib/hooks";
import { duration } from "../lib/time";
import { useMe } from "../session/session";
import { usePhone } from "../shell/shell";
import classes from "./composer.module.css";
import { readDraft, writeDraft } from "./drafts";
import type { Draft, Quoted } from "./outbox";
import { DropZone } from "./drop";
import { canRecord } from "./recorder";
import type { Say } from "./say/dialog";
import { SayMore } from "./say/more";
import { carriesText, soundsOf } from "./takes";
import { Uploads, useUploads } from "./uploads";
import { useOutbox } from "./use-outbox";
import { Voice } from "./voice";

/** Why nobody can write here now; null when one can. */
export function blockedReason(conversation: Conversation, me: string, t: Translate): string | null {
  if (conversation.can.reply) return null;
  if (conversation.status === "concluded") return t("composer.disabled.concluded");
  if (conversation.status === "queued") return t("composer.disabled.queued");
  if (conversation.agent && conversation.agent.id !== me) return t("composer.disabled.other", { name: conversation.agent.name });
  return t("composer.disabled.denied");
}

/** What is left of the channel's free window, in milliseconds; null where it has none. */
function useWindow(conversation: Conversation): number | null {
  const now = useSecond();
  return conversation.window ? Date.parse(conversation.window.closes_at) - now : null;
}

/** What is left of the free window: in full where there is room, else in few words, and never cut. */
function Window({ left }: { left: number }) {
  const t = useT();
  const over = left <= 0;
  const time = duration(left);
  return (
    <span className={classes.window} data-closed={over || undefined} data-testid="window">
      <Timer size={14} aria-hidden />
      <span className={classes.full}>{over ? t("conv.window.over") : t("conv.window.left", { time })}</span>
      <span className={classes.short} title={t("conv.window")}>
        {over ? t("conv.window.over.short") : t("conv.window.left.short", { time })}
      </span>
    </span>
  );
}

/** What apps offer to write with: the templates of the channel and the like. They stay when its free window is over. */
function AppActions({ actions, conversation, important }: { actions: PluginAction[]; conversation: string; important: boolean }) {
  const phone = usePhone();
  const [acting, setActing] = useState<PluginAction | null>(null);
  return (
    <>
      {actions.map((action) => (
        <Button
          key={`${action.plugin_id}/${action.action}`}
          size="compact-sm"
          variant={important ? "light" : "subtle"}
          color={important ? undefined : "gray"}
          leftSection={phone && !important ? undefined : <LayoutTemplate size={16} aria-hidden />}
          aria-label={action.title}
          onClick={() => setActing(action)}
        >
          {phone && !important ? <LayoutTemplate size={16} aria-hidden /> : action.title}
        </Button>
      ))}
      {acting && <ActionDialog action={acting} about={{ kind: "conversation", id: conversation }} close={() => setActing(null)} />}
    </>
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
  replyTo: Quoted | null;
  setReplyTo: (quoted: Quoted | null) => void;
  /** What did not leave and is to be written anew. */
  returned: Draft | null;
  clearReturned: () => void;
}

export function Composer({ conversation, replyTo, setReplyTo, returned, clearReturned }: Props) {
  const t = useT();
  const me = useMe();
  const phone = usePhone();
  const outbox = useOutbox();
  const { id, contact } = conversation;
  const [text, setText] = useState(() => readDraft(me.user.id, id));
  const [note, setNote] = useState(false);
  const [speaking, setSpeaking] = useState(false);
  const channels = useQuery(channelsQuery);
  const channel = channels.data?.find((each) => each.id === conversation.channel.id);
  const { uploads, add, restore, remove, clear } = useUploads(id, channel);
  const sounds = soundsOf(channel);
  const area = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const camera = useRef<HTMLInputElement>(null);
  const root = useRef<HTMLDivElement>(null);
  const typing = useTypingSignal(id);
  const blocked = blockedReason(conversation, me.user.id, t);
  const disabled = blocked !== null;
  const actions = useQuery({ ...actionsQuery("composer", { kind: "conversation", id }), enabled: !disabled }).data ?? [];
  const left = useWindow(conversation);
  // Then the channel takes no free message; a note goes to nobody's phone.
  const closed = left !== null && left <= 0 && !note;
  // What apps offer to write with is for whoever serves the conversation.
  const over = t(conversation.status === "queued" ? "conv.window.closed.start" : actions.length > 0 ? "conv.window.closed" : "conv.window.closed.wait");
  const ready = uploads.every((each) => each.stored);
  const apart = !note && text.trim() !== "" && uploads[0] !== undefined && !carriesText(channel, uploads[0].mime, text.trim());
  const sendable = !disabled && !closed && (note ? text.trim() !== "" : ready && (text.trim() !== "" || uploads.length > 0));

  useEffect(() => {
    writeDraft(me.user.id, id, text);
  }, [me.user.id, id, text]);
  useEffect(() => {
    if (replyTo) area.current?.focus();
  }, [replyTo]);
  useEffect(() => {
    if (!returned) return;
    setNote(returned.private);
    setText((now) => [returned.text, now].filter(Boolean).join("\n"));
    restore(returned.files);
    if (returned.reply_to) setReplyTo(returned.reply_to);
    clearReturned();
    area.current?.focus();
  }, [returned]);
  // On a phone the keyboard would cover the conversation one wants to read first.
  useEffect(() => {
    if (!disabled && !phone && !speaking) area.current?.focus();
  }, [disabled, phone, speaking]);
  useKeys({
    r: () => area.current?.focus(),
    n: () => {
      setNote((now) => !now);
      area.current?.focus();
    },
  });

  const clearReply = () => setReplyTo(null);
  const quote = note ? null : replyTo;
  const submit = () => {
    if (!sendable) return;
    void outbox.send(id, { text: text.trim(), private: note, files: note ? [] : uploads.flatMap((each) => each.stored ?? []), reply_to: quote });
    setText("");
    if (!note) clear();
    clearReply();
    area.current?.focus();
  };
  const speak = (voice: StoredFile) => {
    void outbox.send(id, { text: "", private: false, files: [voice], reply_to: quote, voice: true });
    setSpeaking(false);
    clearReply();
  };
  const say: Say = (made) => {
    void outbox.send(id, { text: "", private: false, files: [], reply_to: quote, ...made });
    // It was the question. What became another one may still be meant.
    if (made.text === text.trim()) setText("");
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
    if (event.clipboardData.files.length === 0 || !files) return;
    event.preventDefault();
    attach(event.clipboardData.files);
  };
  const attach = (files: FileList | null) => {
    if (files) add(files);
    area.current?.focus();
  };
  const files = !disabled && !note && !speaking && !closed;

  return (
    <div ref={root} className={classes.composer} data-note={note || undefined}>
      <DropZone inside={root} able={files} take={attach} />
      {replyTo && !note && (
        <div className={classes.reply}>
          <Reply size={16} aria-hidden />
          <span className="truncate">
            <strong>{t("composer.replying", { name: replyTo.author_name })}</strong> {replyTo.text}
          </span>
          <CloseButton size="sm" aria-label={t("composer.replying.cancel")} onClick={clearReply} />
        </div>
      )}
      {speaking ? (
        <Voice accepted={sounds ?? []} send={speak} close={() => setSpeaking(false)} />
      ) : (
        <>
          {!note && <Uploads uploads={uploads} remove={remove} />}
          {apart && (
            <p className={classes.apart} role="status">
              {t("composer.apart")}
            </p>
          )}
          <Textarea
            ref={area}
            variant="unstyled"
            autosize
            minRows={phone ? 1 : 2}
            maxRows={9}
            disabled={disabled || closed}
            aria-label={note ? t("composer.note") : t("composer.label", { name: contact.name })}
            placeholder={blocked ?? (closed ? over : t(note ? "composer.note.placeholder" : "composer.placeholder"))}
            value={text}
            onChange={(event) => {
              setText(event.currentTarget.value);
              if (!note) typing();
            }}
            onKeyDown={onKey}
            onPaste={onPaste}
          />
          <div className={classes.bar}>
            <div className={classes.tools}>
              <input
                ref={picker}
                type="file"
                multiple
                hidden
                onChange={(event) => {
                  attach(event.currentTarget.files);
                  event.currentTarget.value = "";
                }}
              />
              <Tooltip label={t("composer.attach")}>
                <ActionIcon aria-label={t("composer.attach")} disabled={!files} onClick={() => picker.current?.click()}>
                  <Paperclip size={18} />
                </ActionIcon>
              </Tooltip>
              {phone && (
                <>
                  <input
                    ref={camera}
                    type="file"
                    accept="image/*"
                    capture="environment"
                    hidden
                    onChange={(event) => {
                      attach(event.currentTarget.files);
                      event.currentTarget.value = "";
                    }}
                  />
                  <ActionIcon aria-label={t("composer.camera")} disabled={!files} onClick={() => camera.current?.click()}>
                    <Camera size={18} />
                  </ActionIcon>
                </>
              )}
              <SayMore channel={channel} disabled={!files} text={text} say={say} />
              {sounds && canRecord() && (
                <Tooltip label={t("voice.record")}>
                  <ActionIcon aria-label={t("voice.record")} disabled={!files} onClick={() => setSpeaking(true)}>
                    <Mic size={18} />
                  </ActionIcon>
                </Tooltip>
              )}
              <Tooltip label={t("composer.note.toggle")}>
                <Button
                  size="compact-sm"
                  variant={note ? "light" : "subtle"}
                  color={note ? "amber" : "gray"}
                  aria-pressed={note}
                  disabled={disabled}
                  leftSection={phone ? undefined : <NotebookPen size={16} aria-hidden />}
                  onClick={() => {
                    setNote((now) => !now);
                    area.current?.focus();
                  }}
                >
                  {t("composer.note")}
                </Button>
              </Tooltip>
              {!note && <AppActions actions={actions} conversation={id} important={closed} />}
            </div>
            {left === null || note || disabled ? <span className={classes.hint}>{t("composer.hint")}</span> : <Window left={left} />}
            <Button
              className={classes.send}
              color={note ? "amber" : undefined}
              disabled={!sendable}
              onClick={submit}
              px={phone && !note ? "sm" : undefined}
              rightSection={phone && !note ? undefined : <SendHorizontal size={16} aria-hidden />}
              aria-label={t(note ? "composer.send.note" : "composer.send")}
            >
              {phone && !note ? <SendHorizontal size={18} aria-hidden /> : t(note ? "composer.send.note" : "composer.send")}
            </Button>
          </div>
        </>
      )}
    </div>
  );
}
