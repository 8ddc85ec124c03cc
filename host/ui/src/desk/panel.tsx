/** Who the contact is, beside the conversation; also the panels that apps contribute. */
import { ActionIcon, Button, CloseButton, Group, Modal, Pill, PillsInput, Skeleton, Switch, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Pencil, Trash2 } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useNavigate } from "react-router";
import { api } from "../api/client";
import { contactQuery, keys } from "../api/queries";
import type { Contact, Conversation } from "../api/types";
import { type Key, useLanguage, useT } from "../i18n";
import { useAct } from "../lib/act";
import { prettyAddress } from "../lib/text";
import { fullTime, shortDate } from "../lib/time";
import { useMe } from "../session/session";
import { useReport } from "../shell/report";
import { Failed } from "../shell/states";
import { PluginViews } from "../views/plugin-views";
import { Face } from "./face";
import classes from "./panel.module.css";

type Patch = Partial<Pick<Contact, "name" | "labels" | "fields" | "blocked" | "automatic_messages_blocked">>;

function useChangeContact(id: string) {
  const client = useQueryClient();
  const report = useReport();
  return useMutation({
    mutationFn: (patch: Patch) => api.patch<Contact>(`/contacts/${id}`, patch),
    onMutate: (patch) => {
      const before = client.getQueryData<Contact>(keys.contact(id));
      client.setQueryData<Contact>(keys.contact(id), (contact) => contact && { ...contact, ...patch });
      return { before };
    },
    onSuccess: (contact) => {
      client.setQueryData(keys.contact(id), contact);
      void client.invalidateQueries({ queryKey: keys.conversations });
    },
    onError: (error, _patch, context) => {
      client.setQueryData(keys.contact(id), context?.before);
      report.failure(error);
    },
  });
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={classes.section}>
      <h3>{title}</h3>
      {children}
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={classes.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Name({ contact, save }: { contact: Contact; save: (name: string) => void }) {
  const t = useT();
  const [editing, setEditing] = useState(false);
  if (!editing) {
    return (
      <Group gap={2} justify="center" wrap="nowrap">
        <Text fw={650} size="lg">
          {prettyAddress(contact.name)}
        </Text>
        <ActionIcon size="sm" aria-label={t("contact.rename")} onClick={() => setEditing(true)}>
          <Pencil size={14} />
        </ActionIcon>
      </Group>
    );
  }
  const done = (value: string) => {
    setEditing(false);
    const name = value.trim();
    if (name && name !== contact.name) save(name);
  };
  return (
    <TextInput
      aria-label={t("contact.name")}
      defaultValue={contact.name}
      autoFocus
      onBlur={(event) => done(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === "Enter") done(event.currentTarget.value);
        if (event.key === "Escape") setEditing(false);
      }}
    />
  );
}

function Labels({ labels, save }: { labels: string[]; save: (labels: string[]) => void }) {
  const t = useT();
  const [text, setText] = useState("");
  const add = () => {
    const label = text.trim();
    if (label && !labels.includes(label)) save([...labels, label]);
    setText("");
  };
  return (
    <PillsInput size="xs">
      <Pill.Group>
        {labels.map((label) => (
          <Pill key={label} withRemoveButton onRemove={() => save(labels.filter((each) => each !== label))} removeButtonProps={{ "aria-label": `${t("common.remove")} ${label}` }}>
            {label}
          </Pill>
        ))}
        <PillsInput.Field
          aria-label={t("contact.labels.add")}
          placeholder={t("contact.labels.add")}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          onBlur={add}
          onKeyDown={(event) => {
            if (event.key === "Enter" || event.key === ",") {
              event.preventDefault();
              add();
            } else if (event.key === "Backspace" && text === "" && labels.length > 0) save(labels.slice(0, -1));
          }}
        />
      </Pill.Group>
    </PillsInput>
  );
}

/** The addresses that people know, those first by which they reach each other; others are for apps to know somebody again. */
const ADDRESSES: [kind: string, title: Key][] = [
  ["phone", "contact.address.phone"],
  ["email", "contact.address.email"],
  ["username", "contact.address.username"],
];

function Details({ contact, conversation }: { contact: Contact; conversation: Conversation }) {
  const { t, locale } = useLanguage();
  const me = useMe();
  const change = useChangeContact(contact.id);
  const fields = Object.entries(contact.fields ?? {});
  const addresses = ADDRESSES.flatMap(([kind, title]) => contact.addresses.filter((each) => each.kind === kind).map(({ value }) => ({ key: kind + value, title, value })));
  return (
    <>
      <div className={classes.face}>
        <Face name={contact.name} avatar={conversation.contact.avatar} seed={contact.id} size={64} />
        <Name contact={contact} save={(name) => change.mutate({ name })} />
        <Text size="sm" c="dimmed">
          {t("contact.since", { at: shortDate(contact.created_at, locale) })}
        </Text>
      </div>
      <Section title={t("contact.labels")}>
        <Labels labels={contact.labels} save={(labels) => change.mutate({ labels })} />
      </Section>
      {addresses.length > 0 && (
        <Section title={t("contact.addresses")}>
          <dl className={classes.facts}>
            {addresses.map(({ key, title, value }) => (
              <Fact key={key} name={t(title)}>
                {prettyAddress(value)}
              </Fact>
            ))}
          </dl>
        </Section>
      )}
      {fields.length > 0 && (
        <Section title={t("contact.fields")}>
          <dl className={classes.facts}>
            {fields.map(([name, value]) => (
              <Fact key={name} name={name}>
                {typeof value === "object" ? JSON.stringify(value) : String(value)}
              </Fact>
            ))}
          </dl>
        </Section>
      )}
      <Section title={t("contact.conversation")}>
        <dl className={classes.facts}>
          <Fact name={t("contact.channel")}>{conversation.channel.name}</Fact>
          {conversation.team && <Fact name={t("contact.team")}>{conversation.team.name}</Fact>}
          {conversation.agent && <Fact name={t("contact.agent")}>{conversation.agent.name}</Fact>}
          <Fact name={t("contact.queuedAt")}>{fullTime(conversation.queued_at, locale)}</Fact>
          {conversation.started_at && <Fact name={t("contact.startedAt")}>{fullTime(conversation.started_at, locale)}</Fact>}
        </dl>
      </Section>
      <PluginViews slot="conversation.panel" about={{ kind: "conversation", id: conversation.id }} />
      <section className={classes.section}>
        <Switch
          label={t("contact.automatic")}
          description={t("contact.automatic.detail")}
          checked={contact.automatic_messages_blocked}
          onChange={(event) => change.mutate({ automatic_messages_blocked: event.currentTarget.checked })}
        />
        <Switch
          mt="sm"
          color="brick"
          label={t("contact.block")}
          description={t("contact.block.detail")}
          checked={contact.blocked}
          onChange={(event) => change.mutate({ blocked: event.currentTarget.checked })}
        />
      </section>
      {me.user.role === "admin" && <Erase contact={contact} open={conversation.status !== "concluded"} />}
    </>
  );
}

/** Erases the person with everything that is known of them, once that was confirmed. Not while a conversation of theirs is `open`. */
function Erase({ contact, open }: { contact: Contact; open: boolean }) {
  const t = useT();
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  const erase = useAct(() => api.delete(`/contacts/${contact.id}`), { stale: [keys.conversations], said: t("contact.erased"), then: () => void navigate("/desk/concluded") });
  return (
    <section className={classes.section}>
      <Button variant="subtle" color="brick" leftSection={<Trash2 size={16} aria-hidden />} onClick={() => setAsking(true)} w="fit-content">
        {t("contact.erase")}
      </Button>
      <Modal opened={asking} onClose={() => setAsking(false)} title={t("contact.erase.title", { name: contact.name })} closeButtonProps={{ "aria-label": t("common.close") }}>
        <Text mb="md">{t(open ? "contact.erase.open" : "contact.erase.detail")}</Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={() => setAsking(false)} data-autofocus>
            {t("common.cancel")}
          </Button>
          {!open && (
            <Button color="brick" loading={erase.isPending} onClick={() => erase.mutate(undefined, { onSettled: () => setAsking(false) })}>
              {t("contact.erase")}
            </Button>
          )}
        </Group>
      </Modal>
    </section>
  );
}

export function ContactPanel({ conversation, close }: { conversation: Conversation; close: () => void }) {
  const t = useT();
  const contact = useQuery(contactQuery(conversation.contact.id));
  return (
    <aside className={classes.panel} aria-label={t("contact.title")}>
      <Group justify="space-between" className={classes.head}>
        <h2>{t("contact.title")}</h2>
        <CloseButton aria-label={t("conv.details.hide")} onClick={close} />
      </Group>
      {/* The scrolling part takes the focus, so that the keyboard can scroll it. */}
      <div className={classes.scroll} tabIndex={0} role="region" aria-label={t("conv.details")}>
        {contact.isPending && <Skeleton height={160} m="md" w="auto" />}
        {contact.isError && <Failed error={contact.error} retry={() => void contact.refetch()} />}
        {contact.data && <Details contact={contact.data} conversation={conversation} />}
      </div>
    </aside>
  );
}
