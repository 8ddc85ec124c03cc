/** Business hours of a team or a channel (FEATURES E2): what they are, in few lines, and for administrators the dialog in which they are changed. */
import { Button, Group, Modal, Select, Skeleton, Stack, Switch, Text, Textarea } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { CircleAlert, Clock, Moon, Pencil } from "lucide-react";
import { useId, useMemo, useRef, useState } from "react";
import { api, serverNow } from "../../api/client";
import { keys } from "../../api/queries";
import type { BusinessHours, Opening } from "../../api/types";
import { useLanguage, useT } from "../../i18n";
import { fieldErrorsOf, useAct } from "../../lib/act";
import { focusFirstInvalid, useMinute } from "../../lib/hooks";
import { openingText } from "../../lib/opening";
import { Failed } from "../../shell/states";
import { Holidays } from "./holidays";
import classes from "./hours.module.css";
import { weekLines, zoneOptions } from "./week";
import { WeekEditor } from "./week-editor";

const LONGEST_REPLY = 1000;

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
  hours: BusinessHours;
  close: () => void;
}

function Editor({ path, title, lead, none, hours, close }: EditorProps) {
  const t = useT();
  const [draft, setDraft] = useState(hours);
  const [settled] = useDebouncedValue(draft, 350);
  const preview = usePreview(settled);
  const body = useRef<HTMLDivElement>(null);
  const headings = { week: useId(), holidays: useId(), reply: useId() };
  const zones = useMemo(() => zoneOptions(hours.time_zone, serverNow(), t), [hours.time_zone, t]);
  const set = (part: Partial<BusinessHours>) => setDraft((before) => ({ ...before, ...part }));
  const save = useAct((now: BusinessHours) => api.put<BusinessHours>(path, now), { stale: [keys.hours], said: t("common.saved"), then: close });
  const errors = { ...fieldErrorsOf(save.error), ...fieldErrorsOf(preview.error) };
  const wrong = Object.keys(errors).length > 0;
  const submit = () => save.mutate(draft, { onError: () => focusFirstInvalid(body.current) });
  return (
    <Modal opened onClose={close} size={720} title={title} closeButtonProps={{ "aria-label": t("common.close") }} classNames={{ body: classes.modalBody }}>
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
              <Holidays holidays={draft.holidays} errors={errors} change={(holidays) => set({ holidays })} />
            </section>
            <section aria-labelledby={headings.reply}>
              <h3 id={headings.reply}>{t("hours.reply")}</h3>
              <Switch label={t("hours.reply.enabled")} checked={draft.reply.enabled} onChange={(event) => set({ reply: { ...draft.reply, enabled: event.currentTarget.checked } })} />
              {draft.reply.enabled ? (
                <Textarea
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
              ) : (
                <Text size="sm" c="dimmed" mt={4}>
                  {t("hours.reply.off")}
                </Text>
              )}
            </section>
          </>
        )}
      </div>
      <Group justify="flex-end" className={classes.actions}>
        <Button variant="default" onClick={close}>
          {t("common.cancel")}
        </Button>
        <Button loading={save.isPending} onClick={submit}>
          {t("common.save")}
        </Button>
      </Group>
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
  const hours = useQuery({ queryKey: [...keys.hours, of], queryFn: ({ signal }) => api.get<BusinessHours>(path, undefined, signal) });
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
      {hours.data && <Summary hours={hours.data} none={none} />}
      {editing && hours.data && <Editor path={path} title={t("hours.title.of", { name })} lead={lead} none={none} hours={hours.data} close={() => setEditing(false)} />}
    </section>
  );
}
