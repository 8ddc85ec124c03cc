/** Business hours of a team or a channel (FEATURES E2): what they are, in few lines, and for administrators the dialog in which they are changed. */
import { Alert, Button, Group, Modal, Select, Skeleton, Stack, Switch, Text, Textarea } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { CircleAlert, Clock, Moon, Pencil } from "lucide-react";
import { useId, useMemo, useRef, useState } from "react";
import { ApiError, api, serverNow, type Tagged } from "../../api/client";
import { keys } from "../../api/queries";
import type { BusinessHours, Opening } from "../../api/types";
import { useLanguage, useT } from "../../i18n";
import { fieldErrorsOf, useAct } from "../../lib/act";
import { focusFirstInvalid, useMinute } from "../../lib/hooks";
import { openingText } from "../../lib/opening";
import { Failed } from "../../shell/states";
import { Discard } from "../leaving";
import { Holidays } from "./holidays";
import classes from "./hours.module.css";
import { weekLines, zoneOptions } from "./week";
import { WeekEditor } from "./week-editor";

const LONGEST_REPLY = 1000;

const isConflict = (error: unknown): boolean => error instanceof ApiError && error.status === 412;

/** What these hours mean now, as the server says. */
function usePreview(hours: BusinessHours) {
  const minute = useMinute();
  return useQuery({
    queryKey: [...keys.hours, "preview", JSON.stringify(hours), Math.floor(minute / 60_000)],
    queryFn: () => api.post<Opening>("/hours/preview", hours),
    placeholderData: keepPreviousData,
    retry: false,
  });
}

function Now({ opening, none }: { opening: Opening; none: string }) {
  const { t, locale } = useLanguage();
  const now = useMinute();
  return (
    <span className={classes.now} data-open={opening.open || undefined}>
      {opening.open ? <Clock size={15} aria-hidden /> : <Moon size={15} aria-hidden />}
      {opening.time_zone ? openingText(opening, now, locale, t) : none}
    </span>
  );
}

interface EditorProps {
  path: string;
  title: string;
  lead: string;
  none: string;
  /** As they are stored now, which may be since the editing began. */
  stored: Tagged<BusinessHours>;
  refresh: () => void;
  close: () => void;
}

/** Somebody else was there meanwhile: neither theirs nor what was typed here is lost without being asked for. */
function Conflict({ stored, saving, take, overwrite }: { stored: BusinessHours; saving: boolean; take: () => void; overwrite: () => void }) {
  const { t, locale } = useLanguage();
  const lines = stored.enabled ? weekLines(stored.week, locale, t).map((line) => `${line.days} ${line.hours}`) : [t("hours.conflict.off")];
  return (
    <Alert color="amber" role="alert" title={t("hours.conflict.title")} icon={<CircleAlert size={18} aria-hidden />}>
      <Text size="sm">{t("hours.conflict.detail", { hours: lines.join(" · ") })}</Text>
      <Group gap="xs" mt="xs">
        <Button size="compact-sm" variant="default" onClick={take}>
          {t("hours.conflict.take")}
        </Button>
        <Button size="compact-sm" variant="default" loading={saving} onClick={overwrite}>
          {t("hours.conflict.overwrite")}
        </Button>
      </Group>
    </Alert>
  );
}

/** What the server puts in the place of each, in the words of either language. */
const VARIABLES = ["name", "team", "opens"] as const;

function Editor({ path, title, lead, none, stored, refresh, close }: EditorProps) {
  const t = useT();
  const [base, setBase] = useState(stored);
  const [draft, setDraft] = useState(stored.value);
  const [settled] = useDebouncedValue(draft, 350);
  const preview = usePreview(settled);
  const body = useRef<HTMLDivElement>(null);
  const headings = { week: useId(), holidays: useId(), reply: useId() };
  const zones = useMemo(() => zoneOptions(base.value.time_zone, serverNow(), t), [base.value.time_zone, t]);
  const set = (part: Partial<BusinessHours>) => setDraft((before) => ({ ...before, ...part }));
  const save = useAct((tag: string | null) => api.put<BusinessHours>(path, draft, tag), { stale: [keys.hours], said: t("common.saved"), then: close, expected: isConflict });
  const errors = { ...fieldErrorsOf(save.error), ...fieldErrorsOf(preview.error) };
  const wrong = Object.keys(errors).length > 0;
  const changed = stored.tag !== base.tag;
  const [asking, setAsking] = useState(false);
  const leave = () => {
    if (JSON.stringify(draft) === JSON.stringify(base.value)) close();
    else setAsking(true);
  };
  const submit = (tag: string | null) =>
    save.mutate(tag, {
      onError: (error) => {
        if (isConflict(error)) refresh();
        else focusFirstInvalid(body.current);
      },
    });
  const take = () => {
    setBase(stored);
    setDraft(stored.value);
    save.reset();
  };
  const reply = useRef<HTMLTextAreaElement>(null);
  const insert = (variable: string) => {
    const box = reply.current;
    if (!box) return;
    const { text } = draft.reply;
    const next = text.slice(0, box.selectionStart) + variable + text.slice(box.selectionEnd);
    if (next.length > LONGEST_REPLY) return;
    const at = box.selectionStart + variable.length;
    set({ reply: { ...draft.reply, text: next } });
    requestAnimationFrame(() => {
      box.focus();
      box.setSelectionRange(at, at);
    });
  };
  return (
    <Modal opened onClose={leave} closeOnEscape={!asking} size={720} title={title} closeButtonProps={{ "aria-label": t("common.close") }} classNames={{ body: classes.modalBody }}>
      <div ref={body} className={classes.editor}>
        <Text size="sm" c="dimmed">
          {lead}
        </Text>
        <div className={classes.top}>
          <Switch label={t("hours.enabled")} checked={draft.enabled} onChange={(event) => set({ enabled: event.currentTarget.checked })} />
          <span role="status" className={classes.status}>
            {wrong ? (
              <span className={classes.now} data-wrong>
                <CircleAlert size={15} aria-hidden />
                {t("hours.wrong")}
              </span>
            ) : (
              preview.data && <Now opening={preview.data} none={none} />
            )}
          </span>
        </div>
        {draft.enabled && (
          <>
            <section aria-labelledby={headings.week}>
              <h3 id={headings.week}>{t("hours.week")}</h3>
              <Stack gap="sm">
                <WeekEditor week={draft.week} errors={errors} change={(week) => set({ week })} />
                <Select
                  label={t("hours.zone")}
                  data={zones}
                  value={draft.time_zone}
                  searchable
                  allowDeselect={false}
                  limit={60}
                  nothingFoundMessage={t("hours.zone.none")}
                  error={errors.time_zone}
                  onChange={(time_zone) => time_zone && set({ time_zone })}
                />
              </Stack>
            </section>
            <section aria-labelledby={headings.holidays}>
              <h3 id={headings.holidays}>{t("hours.holidays")}</h3>
              <Holidays holidays={draft.holidays} zone={draft.time_zone} errors={errors} change={(holidays) => set({ holidays })} />
            </section>
            <section aria-labelledby={headings.reply}>
              <h3 id={headings.reply}>{t("hours.reply")}</h3>
              <Switch label={t("hours.reply.enabled")} checked={draft.reply.enabled} onChange={(event) => set({ reply: { ...draft.reply, enabled: event.currentTarget.checked } })} />
              {draft.reply.enabled ? (
                <>
                  <Textarea
                    ref={reply}
                    mt="xs"
                    label={t("hours.reply.text")}
                    description={t("hours.reply.detail")}
                    value={draft.reply.text}
                    maxLength={LONGEST_REPLY}
                    autosize
                    minRows={3}
                    maxRows={8}
                    error={errors["reply.text"]}
                    onChange={(event) => set({ reply: { ...draft.reply, text: event.currentTarget.value } })}
                  />
                  <dl className={classes.variables}>
                    {VARIABLES.map((it) => {
                      const variable = `{{${t(`hours.variable.${it}`)}}}`;
                      return (
                        <div key={it}>
                          <dt>
                            <Button size="compact-xs" variant="default" onClick={() => insert(variable)} aria-label={t("hours.variable.insert", { variable })}>
                              {variable}
                            </Button>
                          </dt>
                          <dd>{t(`hours.variable.${it}.detail`)}</dd>
                        </div>
                      );
                    })}
                  </dl>
                </>
              ) : (
                <Text size="sm" c="dimmed" mt={4}>
                  {t("hours.reply.off")}
                </Text>
              )}
            </section>
          </>
        )}
      </div>
      <div className={classes.actions}>
        {changed && <Conflict stored={stored.value} saving={save.isPending} take={take} overwrite={() => submit(stored.tag)} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={leave}>
            {t("common.cancel")}
          </Button>
          <Button loading={save.isPending} disabled={changed} onClick={() => submit(base.tag)}>
            {t("common.save")}
          </Button>
        </Group>
      </div>
      {asking && <Discard stay={() => setAsking(false)} leave={close} />}
    </Modal>
  );
}

function Summary({ hours, none }: { hours: BusinessHours; none: string }) {
  const { t, locale } = useLanguage();
  const preview = usePreview(hours);
  if (!hours.enabled) return <Text size="sm">{none}</Text>;
  return (
    <>
      {preview.data && <Now opening={preview.data} none={none} />}
      <dl className={classes.lines}>
        {weekLines(hours.week, locale, t).map((line) => (
          <div key={line.days}>
            <dt>{line.days}</dt>
            <dd>{line.hours}</dd>
          </div>
        ))}
      </dl>
      <Text size="sm" c="dimmed">
        {[hours.holidays.length > 0 && t("hours.holidays.count", { n: hours.holidays.length }), t(hours.reply.enabled ? "hours.reply.on" : "hours.reply.none")].filter(Boolean).join(" · ")}
      </Text>
    </>
  );
}

interface HoursProps {
  /** `/teams/{id}` or `/channels/{id}`. */
  of: string;
  name: string;
  /** What these hours count for. */
  lead: string;
  /** What is so without them. */
  none: string;
  admin: boolean;
}

export function Hours({ of, name, lead, none, admin }: HoursProps) {
  const t = useT();
  const path = `${of}/hours`;
  const hours = useQuery({ queryKey: [...keys.hours, of], queryFn: ({ signal }) => api.tagged<BusinessHours>(path, signal) });
  const [editing, setEditing] = useState(false);
  const heading = useId();
  return (
    <section className={classes.summary} aria-labelledby={heading}>
      <Group justify="space-between" wrap="nowrap">
        <h3 id={heading}>{t("hours.title")}</h3>
        {admin && hours.data && (
          <Button size="compact-sm" variant="light" leftSection={<Pencil size={14} aria-hidden />} onClick={() => setEditing(true)} aria-label={t("hours.edit.of", { name })}>
            {t("hours.edit")}
          </Button>
        )}
      </Group>
      {hours.isPending && <Skeleton height={48} />}
      {hours.isError && <Failed error={hours.error} retry={() => void hours.refetch()} />}
      {hours.data && <Summary hours={hours.data.value} none={none} />}
      {editing && hours.data && <Editor path={path} title={t("hours.title.of", { name })} lead={lead} none={none} stored={hours.data} refresh={() => void hours.refetch()} close={() => setEditing(false)} />}
    </section>
  );
}
