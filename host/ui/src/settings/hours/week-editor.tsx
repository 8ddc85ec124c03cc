/** The week as a table of days: each open or closed, with its intervals, and its hours copied to other days by one click. */
import { ActionIcon, Button, Group, Menu, Switch, Text, TextInput, Tooltip } from "@mantine/core";
import { Copy, Plus, Trash2 } from "lucide-react";
import type { Interval } from "../../api/types";
import { useLanguage, useT } from "../../i18n";
import classes from "./hours.module.css";
import { allDay, copyDay, DAYS, endsNextDay, intervalsText, isAllDay, MOST_INTERVALS, nextInterval, PRESETS, sameWeek, shownEnd, typedEnd, type Week, type WeekDay, WORKING_DAYS } from "./week";

interface IntervalsProps {
  /** Of what day, for the fields' labels. */
  day: string;
  /** The fields' path in the server's refusals. */
  path: string;
  intervals: Interval[];
  errors: Record<string, string>;
  change: (intervals: Interval[]) => void;
}

export function Intervals({ day, path, intervals, errors, change }: IntervalsProps) {
  const t = useT();
  const set = (index: number, part: Partial<Interval>) => change(intervals.map((each, at) => (at === index ? { ...each, ...part } : each)));
  if (isAllDay(intervals)) {
    return (
      <Group gap="xs" className={classes.interval}>
        <Text size="sm">{t("hours.allDay")}</Text>
        <Button size="compact-xs" variant="subtle" onClick={() => change([nextInterval([])])} aria-label={t("hours.allDay.not.day", { day })}>
          {t("hours.allDay.not")}
        </Button>
      </Group>
    );
  }
  return (
    <div className={classes.intervals}>
      {intervals.map((each, index) => {
        const error = errors[`${path}.${index}`];
        const wrong = `${path}.${index}.error`;
        return (
          <div key={index} className={classes.interval}>
            <TextInput
              type="time"
              size="sm"
              className={classes.time}
              aria-label={t("hours.from", { day })}
              value={each.from}
              error={Boolean(error)}
              aria-describedby={error ? wrong : undefined}
              onChange={(event) => event.currentTarget.value && set(index, { from: event.currentTarget.value })}
            />
            <span aria-hidden>{t("hours.to")}</span>
            <TextInput
              type="time"
              size="sm"
              className={classes.time}
              aria-label={t("hours.until", { day })}
              value={shownEnd(each.until)}
              error={Boolean(error)}
              aria-describedby={error ? wrong : undefined}
              onChange={(event) => event.currentTarget.value && set(index, { until: typedEnd(event.currentTarget.value) })}
            />
            <ActionIcon aria-label={t("hours.interval.remove", { day })} onClick={() => change(intervals.filter((_, at) => at !== index))}>
              <Trash2 size={16} />
            </ActionIcon>
            {endsNextDay(each) && <small className={classes.hint}>{t("hours.nextDay")}</small>}
            {error && (
              <small id={wrong} className={classes.wrong}>
                {error}
              </small>
            )}
          </div>
        );
      })}
      {errors[path] && <small className={classes.wrong}>{errors[path]}</small>}
    </div>
  );
}

function Day({ day, week, errors, change }: { day: WeekDay; week: Week; errors: Record<string, string>; change: (week: Week) => void }) {
  const { t, locale } = useLanguage();
  const name = t(`hours.day.${day}`);
  const intervals = week[day];
  const set = (now: Interval[]) => change({ ...week, [day]: now });
  const open = intervals.length > 0;
  return (
    <li className={classes.day} data-closed={!open || undefined}>
      <Switch
        className={classes.dayName}
        label={name}
        checked={open}
        onChange={(event) => set(event.currentTarget.checked ? [nextInterval([])] : [])}
        aria-label={t("hours.day.open", { day: name })}
      />
      <div className={classes.dayHours}>
        {open ? <Intervals day={name} path={`week.${day}`} intervals={intervals} errors={errors} change={set} /> : <Text c="dimmed">{t("hours.closed")}</Text>}
      </div>
      <Group gap={2} wrap="nowrap" className={classes.dayTools}>
        {open && !isAllDay(intervals) && intervals.length < MOST_INTERVALS && (
          <Tooltip label={t("hours.interval.add")}>
            <ActionIcon aria-label={t("hours.interval.add.day", { day: name })} onClick={() => set([...intervals, nextInterval(intervals)])}>
              <Plus size={17} />
            </ActionIcon>
          </Tooltip>
        )}
        <Menu position="bottom-end" withinPortal>
          <Menu.Target>
            <Tooltip label={t("hours.copy")}>
              <ActionIcon aria-label={t("hours.copy.day", { day: name })}>
                <Copy size={16} />
              </ActionIcon>
            </Tooltip>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Label>{t("hours.copy.what", { hours: intervalsText(intervals, locale, t) })}</Menu.Label>
            <Menu.Item onClick={() => change(copyDay(week, day, WORKING_DAYS))}>{t("hours.copy.working")}</Menu.Item>
            <Menu.Item onClick={() => change(copyDay(week, day, DAYS))}>{t("hours.copy.all")}</Menu.Item>
            <Menu.Divider />
            <Menu.Item onClick={() => set(allDay())}>{t("hours.allDay.set")}</Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </Group>
    </li>
  );
}

export function WeekEditor({ week, errors, change }: { week: Week; errors: Record<string, string>; change: (week: Week) => void }) {
  const t = useT();
  return (
    <>
      <Group gap={6} role="group" aria-label={t("hours.presets")}>
        {PRESETS.map(({ title, week: preset }) => (
          <Button key={title} size="compact-sm" radius="xl" variant={sameWeek(week, preset) ? "light" : "default"} aria-pressed={sameWeek(week, preset)} onClick={() => change(preset)}>
            {t(title)}
          </Button>
        ))}
      </Group>
      <ul className={classes.week}>
        {DAYS.map((day) => (
          <Day key={day} day={day} week={week} errors={errors} change={change} />
        ))}
      </ul>
    </>
  );
}
