/** Dates with hours of their own: closed, or open at other times; Brazil's national ones by a click. */
import { ActionIcon, Button, Checkbox, Group, Select, Stack, Text, TextInput } from "@mantine/core";
import { CalendarPlus, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { serverNow } from "../../api/client";
import type { Holiday } from "../../api/types";
import { useT } from "../../i18n";
import classes from "./hours.module.css";
import { comingHolidays, likelyYear, type National, withNational } from "./national";
import { nextInterval, todayIn } from "./week";
import { Intervals } from "./week-editor";

interface OneProps {
  holiday: Holiday;
  index: number;
  errors: Record<string, string>;
  change: (holiday: Holiday) => void;
  remove: () => void;
}

function One({ holiday, index, errors, change, remove }: OneProps) {
  const t = useT();
  const path = `holidays.${index}`;
  const intervals = holiday.intervals ?? [];
  const day = holiday.name || t("hours.holiday");
  return (
    <li className={classes.holiday}>
      <TextInput
        type="date"
        size="sm"
        className={classes.date}
        aria-label={t("hours.holiday.date", { day })}
        value={holiday.date}
        error={errors[`${path}.date`]}
        onChange={(event) => event.currentTarget.value && change({ ...holiday, date: event.currentTarget.value })}
      />
      <TextInput
        size="sm"
        className={classes.holidayName}
        aria-label={t("hours.holiday.name", { n: index + 1 })}
        placeholder={t("hours.holiday.placeholder")}
        value={holiday.name}
        maxLength={80}
        error={errors[`${path}.name`]}
        onChange={(event) => change({ ...holiday, name: event.currentTarget.value })}
      />
      <ActionIcon aria-label={t("hours.holiday.remove", { day })} onClick={remove}>
        <Trash2 size={16} />
      </ActionIcon>
      <Group gap="md" className={classes.holidayMore}>
        <Checkbox size="xs" label={t("hours.holiday.yearly")} checked={holiday.yearly ?? false} onChange={(event) => change({ ...holiday, yearly: event.currentTarget.checked })} />
        <Checkbox
          size="xs"
          label={t("hours.holiday.open")}
          checked={intervals.length > 0}
          onChange={(event) => change({ ...holiday, intervals: event.currentTarget.checked ? [nextInterval([])] : [] })}
        />
        {intervals.length > 0 && (
          <Intervals day={day} path={`${path}.intervals`} intervals={intervals} errors={errors} change={(now) => change({ ...holiday, intervals: now })} />
        )}
      </Group>
    </li>
  );
}

function AddNational({ today, add }: { today: string; add: (found: National[]) => number }) {
  const t = useT();
  const thisYear = Number(today.slice(0, 4));
  const [year, setYear] = useState(String(likelyYear(today)));
  const [optional, setOptional] = useState(false);
  const [said, setSaid] = useState("");
  const run = () => setSaid(t("hours.national.added", { n: add(comingHolidays(today, Number(year), optional)) }));
  return (
    <div className={classes.national}>
      <Group gap="xs" align="center">
        <Button variant="light" size="sm" leftSection={<CalendarPlus size={16} aria-hidden />} onClick={run}>
          {t("hours.national.add")}
        </Button>
        <Select size="sm" w={92} aria-label={t("hours.national.year")} data={[0, 1, 2].map((later) => String(thisYear + later))} value={year} allowDeselect={false} onChange={(now) => now && setYear(now)} />
        <Checkbox size="xs" label={t("hours.national.optional")} checked={optional} onChange={(event) => setOptional(event.currentTarget.checked)} />
      </Group>
      <Text size="sm" c="dimmed" role="status" mt={said ? 4 : 0}>
        {said}
      </Text>
    </div>
  );
}

interface HolidaysProps {
  holidays: Holiday[];
  /** Whose today it is. */
  zone: string;
  errors: Record<string, string>;
  change: (holidays: Holiday[]) => void;
}

export function Holidays({ holidays, zone, errors, change }: HolidaysProps) {
  const t = useT();
  const add = (found: National[]): number => {
    const all = withNational(holidays, found);
    change(all);
    return all.length - holidays.length;
  };
  const today = todayIn(zone, serverNow());
  return (
    <Stack gap="sm">
      {holidays.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t("hours.holidays.none")}
        </Text>
      ) : (
        <ul className={classes.holidays}>
          {holidays.map((holiday, index) => (
            <One
              key={index}
              holiday={holiday}
              index={index}
              errors={errors}
              change={(now) => change(holidays.with(index, now))}
              remove={() => change(holidays.filter((_, at) => at !== index))}
            />
          ))}
        </ul>
      )}
      {errors.holidays && <small className={classes.wrong}>{errors.holidays}</small>}
      <Button variant="default" size="sm" w="fit-content" leftSection={<Plus size={16} aria-hidden />} onClick={() => change([...holidays, { date: today, name: "", yearly: false, intervals: [] }])}>
        {t("hours.holiday.add")}
      </Button>
      <AddNational today={today} add={add} />
    </Stack>
  );
}
