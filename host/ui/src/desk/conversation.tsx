/** An open conversation: its head with what can be done, the timeline, and at the foot the composer, the start or the conclusion. */
import { ActionIcon, Button, Center, Group, Menu, Skeleton, Text, Tooltip } from "@mantine/core";
import { useLocalStorage } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { ArrowLeft, ArrowLeftRight, EllipsisVertical, EyeOff, Moon, PanelRight, Play, RotateCcw } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { useNavigate } from "react-router";
import { ApiError } from "../api/client";
import { useLive } from "../api/live";
import { actionsQuery, conversationQuery, openingQuery } from "../api/queries";
import type { Conversation, Folder, Message, PluginAction } from "../api/types";
import { ActionDialog } from "../forms/action";
import { useLanguage, useT } from "../i18n";
import { useKeys, useMinute } from "../lib/hooks";
import { prettyAddress, readableAddress } from "../lib/text";
import { momentText } from "../lib/opening";
import { fullTime } from "../lib/time";
import { useMe } from "../session/session";
import { useReport } from "../shell/report";
import { usePhone } from "../shell/shell";
import { Empty, Failed } from "../shell/states";
import { useChange, useMarkRead } from "./changes";
import { ChannelNotice } from "./channel-notice";
import { Composer } from "./composer";
import { Conclude } from "./conclude";
import classes from "./conversation.module.css";
import { Countdown } from "./countdown";
import { ChannelMark, Face } from "./face";
import { previewText } from "./item";
import type { Draft, Quoted } from "./outbox";
import { ContactPanel } from "./panel";
import { Timeline } from "./timeline";
import { Transfer } from "./transfer";
import { Unsaid } from "./unsaid";

function Subtitle({ conversation }: { conversation: Conversation }) {
  const t = useT();
  const phone = usePhone();
  const me = useMe();
  const { typing } = useLive();
  const { contact, channel, team, agent, id } = conversation;
  if (typing?.conversation_id === id) {
    return <span className={classes.typing}>{typing.name ? t("conv.typing", { name: typing.name }) : t("conv.typing.contact")}</span>;
  }
  // On a phone there is room for little: the panel shows the address, and whoever serves knows that they do.
  const address = !phone && contact.address && contact.address !== contact.name ? readableAddress(contact.address) : null;
  return (
    <span className={classes.subtitle}>
      <ChannelMark plugin={channel.plugin_id} name={channel.name} size={14} />
      <span className={`truncate ${classes.where}`}>{[address, channel.name, team?.name].filter(Boolean).join(" · ")}</span>
      {agent && !(phone && agent.id === me.user.id) && <span className={classes.agent}>{t("conv.with", { name: agent.name })}</span>}
    </span>
  );
}

interface HeadProps {
  conversation: Conversation;
  folder: Folder;
  leave: () => void;
  transfer: () => void;
  panel: boolean;
  togglePanel: () => void;
  act: (action: PluginAction) => void;
}

function Head({ conversation, folder, leave, transfer, panel, togglePanel, act }: HeadProps) {
  const t = useT();
  const navigate = useNavigate();
  const phone = usePhone();
  const extra = useQuery(actionsQuery("conversation.menu", { kind: "conversation", id: conversation.id }));
  const { contact, can, status } = conversation;
  const details = t(panel ? "conv.details.hide" : "conv.details");
  const inMenu = [...(extra.data ?? [])];
  return (
    <header className={classes.head}>
      {phone && (
        <ActionIcon aria-label={t("common.back")} onClick={() => navigate(`/desk/${folder}`)} autoFocus>
          <ArrowLeft size={20} />
        </ActionIcon>
      )}
      {/* On a phone the name needs the room that the face would take. */}
      {!(phone && status === "in_progress") && (
        <span className={classes.face}>
          <Face name={contact.name} avatar={contact.avatar} seed={contact.id} size={38} />
        </span>
      )}
      <div className={classes.who}>
        <h2 className={classes.name}>{prettyAddress(contact.name)}</h2>
        <Subtitle conversation={conversation} />
      </div>
      <Group gap={6} wrap="nowrap">
        {can.transfer && !phone && (
          <Tooltip label={t("transfer.title")}>
            <Button variant="default" leftSection={<ArrowLeftRight size={16} aria-hidden />} onClick={transfer} className={classes.transfer} aria-label={t("conv.transfer")}>
              <span className={classes.transferLabel}>{t("conv.transfer")}</span>
            </Button>
          </Tooltip>
        )}
        {can.conclude && status === "in_progress" && <Conclude conversation={conversation} concluded={leave} />}
        {(inMenu.length > 0 || phone) && (
          <Menu position="bottom-end" withinPortal>
            <Menu.Target>
              <ActionIcon aria-label={t("conv.more")}>
                <EllipsisVertical size={18} />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              {phone && (
                <Menu.Item leftSection={<PanelRight size={16} />} onClick={togglePanel}>
                  {details}
                </Menu.Item>
              )}
              {phone && can.transfer && (
                <Menu.Item leftSection={<ArrowLeftRight size={16} />} onClick={transfer}>
                  {t("conv.transfer")}
                </Menu.Item>
              )}
              {inMenu.map((action) => (
                <Menu.Item key={`${action.plugin_id}/${action.action}`} onClick={() => act(action)}>
                  {action.title}
                </Menu.Item>
              ))}
            </Menu.Dropdown>
          </Menu>
        )}
        {!phone && (
          <Tooltip label={details}>
            <ActionIcon aria-label={details} aria-expanded={panel} onClick={togglePanel} data-testid="panel-toggle">
              <PanelRight size={18} />
            </ActionIcon>
          </Tooltip>
        )}
      </Group>
    </header>
  );
}

/** Outside business hours: that nobody serves now, and from when on somebody does. */
function ClosedNotice({ conversation }: { conversation: Conversation }) {
  const { t, locale } = useLanguage();
  const now = useMinute();
  const opening = useQuery(openingQuery(conversation)).data;
  if (!opening || opening.open) return null;
  const { changes_at, time_zone } = opening;
  return (
    <p className={classes.closed} role="status">
      <Moon size={14} aria-hidden />
      {changes_at && time_zone ? t("conv.closed.opens", { when: momentText(changes_at, time_zone, now, locale, t) }) : t("conv.closed")}
    </p>
  );
}

/** In Novos: how long the offer lasts, the start, and at the bottom right the conclusion. */
function QueuedBar({ conversation, folder, leave }: { conversation: Conversation; folder: Folder; leave: () => void }) {
  const t = useT();
  const me = useMe();
  const report = useReport();
  const navigate = useNavigate();
  const change = useChange(conversation.id, (_change, started) => {
    report.done(t("conv.started"));
    navigate(`/desk/${started.agent?.id === me.user.id ? "mine" : folder}/${started.id}`);
  });
  const { offer, can } = conversation;
  return (
    <div className={classes.queued}>
      <div className={classes.queuedInfo}>{offer ? <Countdown offer={offer} mine={offer.agent.id === me.user.id} large /> : can.reply && <Text size="sm" c="dimmed">{t("composer.starts")}</Text>}</div>
      {can.start && (
        <Button leftSection={<Play size={16} aria-hidden />} loading={change.isPending} onClick={() => change.mutate({ verb: "start" })} data-testid="start">
          {t("conv.start")}
        </Button>
      )}
      {can.conclude && <Conclude conversation={conversation} concluded={leave} up />}
    </div>
  );
}

function ConclusionFoot({ conversation, act }: { conversation: Conversation; act: (action: PluginAction) => void }) {
  const { t, locale } = useLanguage();
  const me = useMe();
  const report = useReport();
  const navigate = useNavigate();
  const extra = useQuery(actionsQuery("conversation.footer", { kind: "conversation", id: conversation.id }));
  const change = useChange(conversation.id, (_change, reopened) => {
    report.done(t("conv.reopened"));
    navigate(`/desk/${reopened.agent?.id === me.user.id ? "mine" : "queued"}/${reopened.id}`);
  });
  const { conclusion, can } = conversation;
  const at = conclusion ? fullTime(conclusion.at, locale) : "";
  return (
    <footer className={classes.conclusion} data-testid="conclusion">
      <div>
        <Text size="sm" c="dimmed">
          {conclusion?.by ? t("conv.conclusion", { name: conclusion.by.name, at }) : t("conv.conclusion.someone", { at })}
        </Text>
        <Text fw={600}>{conclusion?.summary || t("conv.conclusion.none")}</Text>
      </div>
      <Group gap="xs">
        {(extra.data ?? []).map((action) => (
          <Button key={`${action.plugin_id}/${action.action}`} variant="default" onClick={() => act(action)}>
            {action.title}
          </Button>
        ))}
        {can.reopen && (
          <Button variant="light" leftSection={<RotateCcw size={16} aria-hidden />} loading={change.isPending} onClick={() => change.mutate({ verb: "reopen" })}>
            {t("conv.reopen")}
          </Button>
        )}
      </Group>
    </footer>
  );
}

/** What its agent looks at is read; a supervisor who looks in leaves no trace. */
function useReading(conversation: Conversation | undefined) {
  const me = useMe();
  const markRead = useMarkRead();
  const { tell } = useLive();
  const id = conversation?.id;
  const own = conversation?.agent?.id === me.user.id;
  const unread = conversation?.unread ?? 0;
  useEffect(() => {
    if (!id || !own || unread === 0) return;
    const read = () => {
      if (document.visibilityState === "visible") markRead(id);
    };
    read();
    document.addEventListener("visibilitychange", read);
    return () => document.removeEventListener("visibilitychange", read);
  }, [id, own, unread, markRead]);
  useEffect(() => {
    if (!id) return;
    tell({ type: "viewing", conversation_id: id });
    return () => tell({ type: "viewing", conversation_id: null });
  }, [id, tell]);
}

/** A first answer starts the conversation and an app's action may conclude it: follow it as the host's own buttons do. */
function useFollowing(conversation: Conversation | undefined, folder: Folder, leave: () => void) {
  const me = useMe();
  const navigate = useNavigate();
  const before = useRef(conversation?.status);
  const status = conversation?.status;
  const id = conversation?.id;
  const own = conversation?.agent?.id === me.user.id;
  // Where somebody else has concluded it, what was being written is not taken away from its writer.
  const by = conversation?.conclusion?.by?.id;
  useEffect(() => {
    const was = before.current;
    before.current = status;
    if (was === undefined || was === status) return;
    if (status === "concluded" && folder !== "concluded" && by === me.user.id) leave();
    else if (was === "queued" && status === "in_progress" && own && folder === "queued") void navigate(`/desk/mine/${id}`, { replace: true });
  }, [status, own, by, me.user.id, id, folder, leave, navigate]);
}

export function ConversationScreen({ id, folder }: { id: string; folder: Folder }) {
  const t = useT();
  const phone = usePhone();
  const navigate = useNavigate();
  const query = useQuery(conversationQuery(id));
  const [wanted, setWanted] = useLocalStorage({ key: "balcao.panel", defaultValue: false });
  const [phonePanel, setPhonePanel] = useState(false);
  const [transferring, setTransferring] = useState(false);
  const [acting, setActing] = useState<PluginAction | null>(null);
  const [replyTo, setReplyTo] = useState<Quoted | null>(null);
  const [returned, setReturned] = useState<Draft | null>(null);
  const panel = phone ? phonePanel : wanted;
  const togglePanel = () => (phone ? setPhonePanel(!phonePanel) : setWanted(!wanted));
  const leave = useCallback(() => void navigate(`/desk/${folder}`), [navigate, folder]);
  const reply = useCallback((message: Message) => setReplyTo({ id: message.id, text: previewText(message, t), author_name: message.author.name }), [t]);
  const clearReturned = useCallback(() => setReturned(null), []);
  const conversation = query.data;
  useReading(conversation);
  useFollowing(conversation, folder, leave);
  useKeys({ Escape: leave });

  if (query.isPending) return <ConversationWaiting />;
  if (!conversation || (query.error instanceof ApiError && [403, 404].includes(query.error.status))) {
    const gone = query.error instanceof ApiError && [403, 404].includes(query.error.status);
    return (
      <Center className={classes.screen}>
        {gone ? (
          <Empty
            icon={<EyeOff size={24} />}
            title={t("conv.gone")}
            detail={t("conv.gone.detail")}
            action={
              <>
                <Unsaid conversation={id} />
                <Button variant="light" mt="sm" onClick={leave}>
                  {t("common.back")}
                </Button>
              </>
            }
          />
        ) : (
          <Failed error={query.error} retry={() => void query.refetch()} />
        )}
      </Center>
    );
  }
  const { status, can } = conversation;
  const writes = status === "in_progress" || can.reply;
  return (
    <div className={classes.split2} data-panel={panel || undefined}>
      <section className={classes.screen} aria-label={conversation.contact.name}>
        <Head
          conversation={conversation}
          folder={folder}
          leave={leave}
          transfer={() => setTransferring(true)}
          panel={panel}
          togglePanel={togglePanel}
          act={setActing}
        />
        {status !== "concluded" && <ClosedNotice conversation={conversation} />}
        <Timeline conversation={conversation} reply={reply} giveBack={writes ? setReturned : undefined} />
        {status === "concluded" ? (
          <>
            <Unsaid conversation={id} />
            <ConclusionFoot conversation={conversation} act={setActing} />
          </>
        ) : (
          <>
            {status === "queued" && <QueuedBar conversation={conversation} folder={folder} leave={leave} />}
            <ChannelNotice id={conversation.channel.id} />
            {writes && <Composer conversation={conversation} replyTo={replyTo} setReplyTo={setReplyTo} returned={returned} clearReturned={clearReturned} />}
          </>
        )}
      </section>
      {panel && <ContactPanel conversation={conversation} close={togglePanel} />}
      {transferring && <Transfer conversation={conversation} close={() => setTransferring(false)} gone={leave} />}
      {acting && <ActionDialog action={acting} about={{ kind: "conversation", id }} close={() => setActing(null)} />}
    </div>
  );
}

function ConversationWaiting() {
  const t = useT();
  return (
    <div className={classes.screen} role="status" aria-label={t("common.loading")}>
      <div className={classes.head}>
        <Skeleton circle height={38} />
        <Skeleton height={14} width={180} />
      </div>
    </div>
  );
}
