/** One message: its words and files, how far it got, and what can be done with it. */
import { ActionIcon, Button, Group, Menu, Text, Tooltip } from "@mantine/core";
import { Bot, Check, CheckCheck, CircleAlert, CircleHelp, Clock3, Copy, CornerUpLeft, EllipsisVertical, History, MapPin, NotebookPen, Pencil, Smile, Trash2, UserRound } from "lucide-react";
import { memo, type ReactNode } from "react";
import type { Channel, Message, MessageState } from "../api/types";
import { type Key, useLanguage, useT } from "../i18n";
import { pieces } from "../lib/text";
import { clockTime, fullTime } from "../lib/time";
import { AttachmentView, type FilePlace } from "./attachments";
import classes from "./message.module.css";
import type { Pending } from "./outbox";
import type { Rewriting } from "./rewrite";

export const QUICK_REACTIONS = ["👍", "❤️", "😂", "😮", "🙏"];

/** Whether the team's present reaction to a message is that one. */
export function reactedWith(message: Message, emoji: string): boolean {
  return message.reactions.some((each) => each.by === "user" && each.emoji === emoji);
}

/** Whether the provider knows the message, so that it can be reacted to: what is only on its way is not there yet. */
function known(message: Message): boolean {
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

export function Words({ text }: { text: string }) {
  return (
    <span className={classes.words}>
      {pieces(text).map((piece, index) =>
        piece.kind === "link" ? (
          <a key={index} href={piece.href} target="_blank" rel="noreferrer noopener nofollow">
            {piece.text}
          </a>
        ) : (
          piece.text
        ),
      )}
    </span>
  );
}

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

function record(value: unknown): Record<string, unknown> {
  return value && typeof value === "object" && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
function records(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.map(record) : [];
}
function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}
function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function Place({ extra }: { extra: Record<string, unknown> }) {
  const t = useT();
  const { latitude, longitude } = extra;
  const known = typeof latitude === "number" && typeof longitude === "number";
  return (
    <span className={classes.card}>
      <MapPin size={20} aria-hidden />
      <span>
        <strong>{text(extra.name) || t("msg.kind.location")}</strong>
        {text(extra.address) && <span className={classes.cardLine}>{text(extra.address)}</span>}
        {known && (
          <a
            className={classes.cardLine}
            target="_blank"
            rel="noreferrer noopener"
            href={`https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=16/${latitude}/${longitude}`}
          >
            {t("msg.map")}
          </a>
        )}
      </span>
    </span>
  );
}

function People({ extra }: { extra: Record<string, unknown> }) {
  return records(extra.contacts).map((person, index) => (
    <span key={index} className={classes.card}>
      <UserRound size={20} aria-hidden />
      <span>
        <strong>{text(person.name)}</strong>
        {[...texts(person.phones), ...texts(person.emails)].map((line) => (
          <span key={line} className={classes.cardLine}>
            {line}
          </span>
        ))}
      </span>
    </span>
  ));
}

function Choices({ extra }: { extra: Record<string, unknown> }) {
  const list = record(extra.list);
  const titles = [...records(extra.buttons), ...records(list.sections).flatMap((section) => records(section.rows))].map((each) => text(each.title));
  return (
    <span className={classes.choices}>
      {titles.filter(Boolean).map((title, index) => (
        <span key={index}>{title}</span>
      ))}
    </span>
  );
}

/** Where the contact was as they wrote. */
function WrittenOn({ page }: { page: Record<string, unknown> }) {
  const t = useT();
  const url = text(page.url);
  if (!/^https?:\/\//.test(url)) return null;
  return (
    <span className={classes.cardLine}>
      {t("msg.page")}{" "}
      <a href={url} target="_blank" rel="noreferrer noopener nofollow">
        {text(page.title) || url}
      </a>
    </span>
  );
}

/** What a message is, beyond its words: a place, people, choices, or something this version does not know. */
function Body({ message, actions }: { message: Message; actions: MessageActions }) {
  const t = useT();
  const extra = record(message.extra);
  let special: ReactNode = null;
  let words = message.text;
  switch (message.kind) {
    case "location":
      special = <Place extra={extra} />;
      // The connector's text repeats what the card says.
      words = "";
      break;
    case "contacts":
      special = <People extra={extra} />;
      words = records(extra.contacts).length > 0 ? "" : words;
      break;
    case "choice":
      words = words || text(extra.title);
      special = <span className={classes.tagline}>{t("msg.kind.choice")}</span>;
      break;
    case "interactive":
      special = <Choices extra={extra} />;
      break;
    case "template":
      special = <span className={classes.tagline}>{t("msg.kind.template")}</span>;
      break;
    case "unsupported":
      special = words ? null : <em>{t("msg.kind.unsupported")}</em>;
      break;
  }
  return (
    <>
      {message.attachments.map((attachment, index) => (
        <AttachmentView
          key={attachment.id ?? index}
          attachment={attachment}
          place={{ message: message.id, position: index }}
          kind={message.kind}
          author={message.author.name}
          retry={actions.fetch && (() => actions.fetch?.({ message: message.id, position: index }))}
          retrying={actions.fetching?.message === message.id && actions.fetching.position === index}
        />
      ))}
      {words && (message.kind === "unsupported" ? <em>{words}</em> : <Words text={words} />)}
      {special}
      <WrittenOn page={record(extra.page)} />
    </>
  );
}

function Quote({ quote }: { quote: NonNullable<Message["reply_to"]> }) {
  return (
    <span className={classes.quote}>
      <strong>{quote.author_name}</strong>
      <span>{quote.text}</span>
    </span>
  );
}

export interface MessageActions {
  reply?: (message: Message) => void;
  react?: (message: Message, emoji: string) => void;
  retry?: (message: Message) => void;
  retrying?: string;
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
  const answerable = message.direction !== "note" && !message.revoked;
  if (!answerable && !message.text) return null;
  return (
    <span className={classes.tools}>
      <Menu position="bottom" withinPortal>
        <Menu.Target>
          <ActionIcon size="sm" aria-label={t("msg.actions")}>
            <EllipsisVertical size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {reply && answerable && (
            <Menu.Item leftSection={<CornerUpLeft size={16} />} onClick={() => reply(message)}>
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
          {react && answerable && known(message) && (
            <>
              <Menu.Label>
                <Smile size={12} aria-hidden /> {t("msg.reactions")}
              </Menu.Label>
              <Group gap={2} wrap="nowrap" px={4}>
                {QUICK_REACTIONS.map((emoji) => (
                  <Menu.Item key={emoji} className={classes.emoji} data-chosen={reactedWith(message, emoji) || undefined} aria-label={t(reactedWith(message, emoji) ? "msg.unreact" : "msg.react", { emoji })} onClick={() => react(message, emoji)}>
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

/** A change that the channel has not made: under way, or what came of it. */
function Change({ message, actions }: { message: Message; actions: MessageActions }) {
  const t = useT();
  const { change } = message;
  if (!change) return null;
  const { action, state } = change;
  if (state === "queued") return <span className={classes.changing}>{t(action === "edit" ? "msg.edit.queued" : "msg.revoke.queued")}</span>;
  const told =
    state === "failed"
      ? t(action === "edit" ? "msg.edit.failed" : "msg.revoke.failed", { reason: change.reason || t("msg.failed.unknown") })
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
      {actions.letGo && again && (
        <Button size="compact-xs" variant="subtle" color="gray" onClick={() => actions.letGo?.(message)}>
          {t("msg.discard")}
        </Button>
      )}
    </div>
  );
}

function Trouble({ message, actions }: { message: Message; actions: MessageActions }) {
  const t = useT();
  const failed = message.state === "failed";
  if (message.direction !== "out" || (!failed && message.state !== "uncertain")) return null;
  return (
    <div className={classes.trouble} data-uncertain={!failed || undefined}>
      <span>{failed ? t("msg.failed", { reason: message.reason || t("msg.failed.unknown") }) : t("msg.uncertain")}</span>
      {actions.retry && (
        <Button size="compact-xs" variant="default" loading={actions.retrying === message.id} onClick={() => actions.retry?.(message)}>
          {t(failed ? "msg.retry" : "msg.resend")}
        </Button>
      )}
    </div>
  );
}

export const MessageView = memo(function MessageView({ message, follows, mine, actions }: { message: Message; follows: boolean; mine: boolean; actions: MessageActions }) {
  const { t, locale } = useLanguage();
  const note = message.direction === "note";
  const side = message.direction === "in" ? "in" : "out";
  const showName = !follows && message.direction !== "in" && !mine && message.author.name;
  const automatic = message.author.kind === "system" && message.direction === "out";
  const bare = message.kind === "sticker" && message.attachments.length > 0;
  return (
    <article className={classes.row} data-side={note ? "note" : side} data-follows={follows || undefined} data-message={message.id}>
      <div className={classes.bubble} data-bare={bare || undefined}>
        {note && (
          <span className={classes.noteHead}>
            <NotebookPen size={13} aria-hidden />
            {mine ? t("msg.note.mine") : t("msg.note", { name: message.author.name })}
          </span>
        )}
        {automatic ? (
          <span className={classes.author}>
            <Bot size={13} aria-hidden /> {t("msg.automatic")}
          </span>
        ) : (
          showName && !note && <span className={classes.author}>{message.author.name}</span>
        )}
        {message.reply_to && <Quote quote={message.reply_to} />}
        {message.revoked ? <em className={classes.gone}>{t(message.direction === "out" ? "msg.revoked.out" : "msg.revoked")}</em> : <Body message={message} actions={actions} />}
        <span className={classes.foot}>
          {message.edited && !message.revoked && <span>{t("msg.edited")}</span>}
          <time dateTime={message.at} title={fullTime(message.at, locale)}>
            {clockTime(message.at, locale)}
          </time>
          {message.direction === "out" && <StateMark state={message.state} />}
        </span>
        {message.reactions.length > 0 && <span className={classes.reactions}>{message.reactions.map((each) => each.emoji).join(" ")}</span>}
      </div>
      <Tools message={message} actions={actions} />
      <Trouble message={message} actions={actions} />
      <Change message={message} actions={actions} />
    </article>
  );
});

export function PendingView({ pending, retry, discard }: { pending: Pending; retry: () => void; discard: () => void }) {
  const { t, locale } = useLanguage();
  return (
    <article className={classes.row} data-side={pending.private ? "note" : "out"}>
      <div className={classes.bubble} data-pending>
        {pending.reply_to && <Quote quote={pending.reply_to} />}
        {pending.files.map((file) => (
          <AttachmentView
            key={file.id}
            place={{ message: pending.key, position: 0 }}
            kind={pending.voice ? "audio" : ""}
            author=""
            attachment={{ ...file, state: "ready", error: null }}
          />
        ))}
        {pending.text && <Words text={pending.text} />}
        <span className={classes.foot}>
          <time dateTime={pending.at}>{clockTime(pending.at, locale)}</time>
          <StateMark state={pending.error ? "failed" : "queued"} />
        </span>
      </div>
      {pending.error && (
        <div className={classes.trouble} role="alert">
          <Text span size="xs">
            {t("msg.failed", { reason: pending.error })}
          </Text>
          <Button size="compact-xs" variant="default" onClick={retry}>
            {t("msg.retry")}
          </Button>
          <Button size="compact-xs" variant="subtle" color="gray" onClick={discard}>
            {t("msg.discard")}
          </Button>
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
