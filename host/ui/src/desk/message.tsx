/** One message: its words and files, how far it got, and what can be done with it. */
import { ActionIcon, Button, Group, Menu, Text, Tooltip } from "@mantine/core";
import { Bot, Check, CheckCheck, CircleAlert, CircleHelp, Clock3, Copy, CornerUpLeft, EllipsisVertical, History, Info, NotebookPen, Pencil, Smile, Trash2 } from "lucide-react";
import { memo } from "react";
import { safeHref } from "../api/client";
import type { Attachment, Channel, Message, MessageState } from "../api/types";
import { type Key, type Translate, useLanguage, useT } from "../i18n";
import { plainly } from "../lib/text";
import { clockTime, fullTime } from "../lib/time";
import { useMe } from "../session/session";
import { AttachmentView, type FilePlace } from "./attachments";
import { Above, Content } from "./content";
import { isNotice } from "./entries";
import classes from "./message.module.css";
import type { Draft, Pending } from "./outbox";
import type { Rewriting } from "./rewrite";
import { Words } from "./words";

export const QUICK_REACTIONS = ["👍", "❤️", "😂", "😮", "🙏"];

/** Whether the team's present reaction to a message is that one. */
export function reactedWith(message: Message, emoji: string): boolean {
  return message.reactions.some((each) => each.by === "user" && each.emoji === emoji);
}

/** Whether the provider knows the message, so that it can be answered and reacted to: the customer has not got what is on its way or was refused. */
export function known(message: Pick<Message, "direction" | "state">): boolean {
  return message.direction === "in" || message.state === "sent" || message.state === "delivered" || message.state === "read";
}

/** Whether a channel says that it carries something (`reaction`, `typing`…). */
export function carries(channel: Channel | undefined, feature: string): boolean {
  const features = channel?.enabled ? channel.capabilities?.features : undefined;
  return Array.isArray(features) && features.includes(feature);
}

const STATE_ICONS: Partial<Record<MessageState, typeof Check>> = {
  queued: Clock3,
  sent: Check,
  delivered: CheckCheck,
  read: CheckCheck,
  failed: CircleAlert,
  uncertain: CircleHelp,
};

function StateMark({ state }: { state: MessageState }) {
  const t = useT();
  const Icon = STATE_ICONS[state];
  if (!Icon) return null;
  const label = t(`msg.state.${state}`);
  return (
    <Tooltip label={label}>
      <span className={classes.state} data-state={state} role="img" aria-label={label}>
        <Icon size={15} aria-hidden />
      </span>
    </Tooltip>
  );
}

/** Whether a file is drawn as a picture among others. */
function isVisual(attachment: Attachment): boolean {
  return attachment.state === "ready" && /^(?:image|video)\//.test(attachment.mime);
}

/** The files of a message, or of the messages of an album: pictures side by side, the rest one below the other. */
function Files({ messages, actions }: { messages: readonly Message[]; actions: MessageActions }) {
  const t = useT();
  const files = messages.flatMap((message) => message.attachments.map((attachment, position) => ({ message, attachment, position })));
  const tiled = files.length > 1 && files.every((each) => each.message.kind !== "document" && each.message.kind !== "sticker" && isVisual(each.attachment));
  const views = files.map(({ message, attachment, position }) => (
    <AttachmentView
      key={`${message.id}/${position}`}
      attachment={attachment}
      place={{ message: message.id, position }}
      kind={message.kind}
      author={message.author.name}
      retry={actions.fetch && (() => actions.fetch?.({ message: message.id, position }))}
      retrying={actions.fetching?.message === message.id && actions.fetching.position === position}
    />
  ));
  if (!tiled) return views;
  return (
    <span className={classes.album} data-count={Math.min(files.length, 5)} role="group" aria-label={t("msg.album", { n: files.length })}>
      {views}
    </span>
  );
}

/** What is answered: its words, or else what it is, with its picture beside it. One that this inbox does not have has neither. */
function Quote({ quote }: { quote: Pick<NonNullable<Message["reply_to"]>, "text" | "author_name"> & Partial<NonNullable<Message["reply_to"]>> }) {
  const t = useT();
  const picture = safeHref(quote.thumbnail_url);
  const missing = quote.id === null;
  return (
    <span className={classes.quote} data-missing={missing || undefined}>
      <span className={classes.quoteText}>
        {quote.author_name && <strong>{quote.author_name}</strong>}
        <span dir="auto">{missing ? t("msg.quote.missing") : quote.text || kindName(quote.kind, t)}</span>
      </span>
      {picture && <img src={picture} alt="" loading="lazy" />}
    </span>
  );
}

const KINDS: Record<string, Key> = {
  image: "msg.kind.image",
  audio: "msg.kind.audio",
  video: "msg.kind.video",
  document: "msg.kind.document",
  sticker: "msg.kind.sticker",
  location: "msg.kind.location",
  contacts: "msg.kind.contacts",
  interactive: "msg.kind.interactive",
  template: "msg.kind.template",
};

function kindName(kind: string | undefined, t: Translate): string {
  const key = KINDS[kind ?? ""];
  return key ? t(key) : t("msg.kind.message");
}

/** Reactions, the same ones together. */
function Reactions({ messages }: { messages: readonly Message[] }) {
  const t = useT();
  const counts = new Map<string, number>();
  for (const { emoji } of messages.flatMap((message) => message.reactions)) counts.set(emoji, (counts.get(emoji) ?? 0) + 1);
  if (counts.size === 0) return null;
  const all = [...counts].map(([emoji, count]) => (count > 1 ? `${emoji} ${count}` : emoji));
  return (
    <span className={classes.reactions} role="img" aria-label={t("msg.reactions.of", { list: all.join(", ") })}>
      {all.join(" ")}
    </span>
  );
}

export interface MessageActions {
  reply?: (message: Message) => void;
  react?: (message: Message, emoji: string) => void;
  retry?: (message: Message) => void;
  retrying?: string;
  /** Gives what was refused back to the composer, to be written anew. */
  giveBack?: (draft: Draft) => void;
  /** Told in place of a retry where the channel's free window is closed: what can be done there. */
  instead?: string;
  /** Asks what to change of a message, or shows what it said before. */
  rewrite?: (rewriting: Rewriting) => void;
  /** Lets go of a change that was not made. */
  letGo?: (message: Message) => void;
  /** Fetches a file once more that did not come. */
  fetch?: (file: FilePlace) => void;
  fetching?: FilePlace;
}

function Tools({ message, actions }: { message: Message; actions: MessageActions }) {
  const t = useT();
  const { reply, react, rewrite } = actions;
  const there = message.direction !== "note" && !message.revoked && known(message);
  const answerable = there && reply;
  const reactable = there && react;
  if (!answerable && !reactable && !message.text && !(rewrite && (message.can.versions || message.can.edit || message.can.revoke))) return null;
  return (
    <span className={classes.tools}>
      <Menu position="bottom" withinPortal>
        <Menu.Target>
          <ActionIcon size="sm" aria-label={t("msg.actions")}>
            <EllipsisVertical size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {answerable && (
            <Menu.Item leftSection={<CornerUpLeft size={16} />} onClick={() => answerable(message)}>
              {t("msg.reply")}
            </Menu.Item>
          )}
          {message.text && (
            <Menu.Item leftSection={<Copy size={16} />} onClick={() => void navigator.clipboard?.writeText(message.text)}>
              {t("msg.copy")}
            </Menu.Item>
          )}
          {rewrite && message.can.versions && (
            <Menu.Item leftSection={<History size={16} />} onClick={() => rewrite({ deed: "versions", message })}>
              {t("msg.versions")}
            </Menu.Item>
          )}
          {rewrite && message.can.edit && (
            <Menu.Item leftSection={<Pencil size={16} />} onClick={() => rewrite({ deed: "edit", message })}>
              {t("msg.edit")}
            </Menu.Item>
          )}
          {rewrite && message.can.revoke && (
            <Menu.Item color="red" leftSection={<Trash2 size={16} />} onClick={() => rewrite({ deed: "revoke", message })}>
              {t("msg.revoke")}
            </Menu.Item>
          )}
          {reactable && (
            <>
              <Menu.Label>
                <Smile size={12} aria-hidden /> {t("msg.reactions")}
              </Menu.Label>
              <Group gap={2} wrap="nowrap" px={4}>
                {QUICK_REACTIONS.map((emoji) => (
                  <Menu.Item key={emoji} className={classes.emoji} data-chosen={reactedWith(message, emoji) || undefined} aria-label={t(reactedWith(message, emoji) ? "msg.unreact" : "msg.react", { emoji })} onClick={() => reactable(message, emoji)}>
                    {emoji}
                  </Menu.Item>
                ))}
              </Group>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
    </span>
  );
}

/** How an app's reason is told to whoever looks. */
function useReason(): (reason: string) => string {
  const admin = useMe().user.role === "admin";
  return admin ? (reason) => reason : plainly;
}

/** A change that the channel has not made: under way, or what came of it. */
function Change({ message, actions }: { message: Message; actions: MessageActions }) {
  const t = useT();
  const shown = useReason();
  const { change } = message;
  if (!change) return null;
  const { action, state } = change;
  if (state === "queued") return <span className={classes.changing}>{t(action === "edit" ? "msg.edit.queued" : "msg.revoke.queued")}</span>;
  const told =
    state === "failed"
      ? t(action === "edit" ? "msg.edit.failed" : "msg.revoke.failed", { reason: change.reason ? shown(change.reason) : t("msg.failed.unknown") })
      : t(action === "edit" ? "msg.edit.uncertain" : "msg.revoke.uncertain");
  const again = action === "edit" ? message.can.edit : message.can.revoke;
  return (
    <div className={classes.trouble} data-uncertain={state === "uncertain" || undefined} role="status">
      <span>{told}</span>
      {actions.rewrite && again && (
        <Button size="compact-xs" variant="default" onClick={() => actions.rewrite?.({ deed: action, message })}>
          {t("msg.retry")}
        </Button>
      )}
      {actions.letGo && message.can.let_go && (
        <Button size="compact-xs" variant="subtle" color="gray" onClick={() => actions.letGo?.(message)}>
          {t("msg.discard")}
        </Button>
      )}
    </div>
  );
}

/** What can be done with a message that did not get through. A free message cannot go out once the window is closed; a template can. */
export function remedy(message: Pick<Message, "kind">, { retry, instead }: Pick<MessageActions, "retry" | "instead">): "retry" | "instead" | null {
  if (instead && message.kind !== "template") return "instead";
  return retry ? "retry" : null;
}

const WRITTEN = ["text", "image", "audio", "video", "document"];

/** What a message that the provider refused was, to be written anew; null where it was not written in the composer. */
export function anew({ direction, state, kind, text, attachments, reply_to }: Message): Draft | null {
  if (direction !== "out" || state !== "failed" || !WRITTEN.includes(kind)) return null;
  const files = attachments.flatMap(({ id, url, state, error: _error, limit: _limit, ...file }) => (state === "ready" && id && url ? [{ ...file, id, url }] : []));
  const quote = reply_to?.id ? { id: reply_to.id, text: reply_to.text, author_name: reply_to.author_name } : null;
  return { text, private: false, files, reply_to: quote };
}

function Trouble({ message, mine, actions }: { message: Message; mine: boolean; actions: MessageActions }) {
  const t = useT();
  const shown = useReason();
  const failed = message.state === "failed";
  if (message.direction !== "out" || (!failed && message.state !== "uncertain")) return null;
  const way = remedy(message, actions);
  const draft = mine && way === "retry" ? anew(message) : null;
  return (
    <div className={classes.trouble} data-uncertain={!failed || undefined}>
      <span>{failed ? t("msg.failed", { reason: message.reason ? shown(message.reason) : t("msg.failed.unknown") }) : t("msg.uncertain")}</span>
      {way === "instead" && <span>{actions.instead}</span>}
      {way === "retry" && (
        <Button size="compact-xs" variant="default" loading={actions.retrying === message.id} onClick={() => actions.retry?.(message)}>
          {t(failed ? "msg.retry" : "msg.resend")}
        </Button>
      )}
      {actions.giveBack && draft && (
        <Button size="compact-xs" variant="default" onClick={() => actions.giveBack?.(draft)}>
          {t("msg.anew")}
        </Button>
      )}
    </div>
  );
}

function noteTitle(message: Message, mine: boolean, t: Translate): string {
  if (mine) return t("msg.note.mine");
  const { kind, name } = message.author;
  return kind === "system" ? t("msg.note.system") : kind === "plugin" ? t("msg.note.app", { name }) : t("msg.note", { name });
}

/** What an app noted by the way, as slim as an event. */
function NoticeLine({ message }: { message: Message }) {
  const { locale } = useLanguage();
  return (
    <article className={classes.notice} data-side="note" data-message={message.id}>
      <Info size={13} aria-hidden />
      <span>
        <Words text={message.text} />{" "}
        <time dateTime={message.at} title={fullTime(message.at, locale)}>
          {clockTime(message.at, locale)}
        </time>
      </span>
    </article>
  );
}

interface Props {
  message: Message;
  /** The further messages of the same album, drawn with it. */
  album?: readonly Message[];
  follows: boolean;
  mine: boolean;
  actions: MessageActions;
}

const NONE: readonly Message[] = [];

export const MessageView = memo(function MessageView({ message, album = NONE, follows, mine, actions }: Props) {
  const { t, locale } = useLanguage();
  const note = message.direction === "note";
  if (isNotice(message)) return <NoticeLine message={message} />;
  const side = message.direction === "in" ? "in" : "out";
  const showName = !follows && message.direction !== "in" && !mine && message.author.name;
  const automatic = message.author.kind === "system" && message.direction === "out";
  const all = [message, ...album];
  const there = all.filter((each) => !each.revoked);
  const bare = message.kind === "sticker" && message.attachments.length > 0 && message.attachments.every((each) => each.state === "ready");
  return (
    <article className={classes.row} data-side={note ? "note" : side} data-follows={follows || undefined} data-message={message.id}>
      <div className={classes.bubble} data-bare={bare || undefined}>
        {note && (
          <span className={classes.noteHead}>
            <NotebookPen size={13} aria-hidden />
            {noteTitle(message, mine, t)}
          </span>
        )}
        {automatic ? (
          <span className={classes.author}>
            <Bot size={13} aria-hidden /> {t("msg.automatic")}
          </span>
        ) : (
          showName && !note && <span className={classes.author}>{message.author.name}</span>
        )}
        {message.reply_to && there.length > 0 && <Quote quote={message.reply_to} />}
        {there[0] && <Above message={there[0]} />}
        <Files messages={there} actions={actions} />
        {/* A sticker's text is the emoji that it stands for. */}
        {!bare && there.map((each) => <Content key={each.id} message={each} />)}
        {all.length > there.length && <em className={classes.gone}>{t(message.direction === "out" ? "msg.revoked.out" : "msg.revoked")}</em>}
        <span className={classes.foot}>
          {there.some((each) => each.edited) && <span>{t("msg.edited")}</span>}
          <time dateTime={message.at} title={fullTime(message.at, locale)}>
            {clockTime(message.at, locale)}
          </time>
          {message.direction === "out" && <StateMark state={worst(all)} />}
        </span>
        <Reactions messages={all} />
      </div>
      <Tools message={message} actions={actions} />
      {all.map((each) => (
        <Trouble key={each.id} message={each} mine={mine} actions={actions} />
      ))}
      {all.map((each) => (
        <Change key={each.id} message={each} actions={actions} />
      ))}
    </article>
  );
});

/** The state of an album is that of whichever got least far. */
function worst(messages: readonly Message[]): MessageState {
  const order: MessageState[] = ["failed", "uncertain", "queued", "sent", "delivered", "read"];
  const rank = (state: MessageState) => (order.indexOf(state) + order.length) % order.length;
  return messages.reduce((state, each) => (rank(each.state) < rank(state) ? each.state : state), messages[0]?.state ?? "queued");
}

export function PendingView({ pending, retry, edit, discard }: { pending: Pending; retry: () => void; edit?: () => void; discard: () => void }) {
  const { t, locale } = useLanguage();
  return (
    <article className={classes.row} data-side={pending.private ? "note" : "out"}>
      <div className={classes.bubble} data-pending data-bare={pending.kind === "sticker" || undefined}>
        {pending.reply_to && <Quote quote={pending.reply_to} />}
        {pending.files.map((file) => (
          <AttachmentView
            key={file.id}
            place={{ message: pending.key, position: 0 }}
            kind={pending.voice ? "audio" : (pending.kind ?? "")}
            author=""
            attachment={{ ...file, state: "ready", error: null, limit: null }}
          />
        ))}
        <Content message={{ kind: pending.kind ?? "text", text: pending.text, extra: pending.extra ?? {} }} />
        <span className={classes.foot}>
          <time dateTime={pending.at}>{clockTime(pending.at, locale)}</time>
          <StateMark state={pending.error && !pending.error.passes ? "failed" : "queued"} />
        </span>
      </div>
      {pending.error && (
        <div className={classes.trouble} data-uncertain={pending.error.passes || undefined} role="alert">
          <Text span size="xs">
            {t(pending.error.passes ? "msg.waiting" : "msg.failed", { reason: pending.error.text })}
          </Text>
          <Group gap={6} wrap="nowrap">
            <Button size="compact-xs" variant="default" onClick={retry}>
              {t("msg.retry")}
            </Button>
            {edit && (
              <Button size="compact-xs" variant="default" onClick={edit}>
                {t("msg.edit")}
              </Button>
            )}
            <Button size="compact-xs" variant="subtle" color="gray" onClick={discard}>
              {t("msg.discard")}
            </Button>
          </Group>
        </div>
      )}
    </article>
  );
}

export const EVENT_KEYS: Record<string, Key> = {
  queued: "event.queued",
  offered: "event.offered",
  released: "event.released",
  started: "event.started",
  transferred: "event.transferred",
  concluded: "event.concluded",
  reopened: "event.reopened",
};
