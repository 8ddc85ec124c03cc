/** A question with what the contact may answer, as buttons or as a list. */
import { ActionIcon, Button, Group, SegmentedControl, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { useT } from "../../i18n";
import { type Say, SayDialog } from "./dialog";
import type { Offers } from "./offers";
import { BLANK, extraOf, faultsOf, type Option } from "./options";
import classes from "./say.module.css";

export function ChoicesDialog({ offers, text, say, close }: { offers: Offers; text: string; say: Say; close: () => void }) {
  const t = useT();
  const [question, setQuestion] = useState(text.trim());
  const [asList, setAsList] = useState(!offers.buttons);
  const [options, setOptions] = useState<readonly Option[]>([BLANK, BLANK]);
  const [opener, setOpener] = useState(t("say.list.open.default"));
  const [tried, setTried] = useState(false);
  const bounds = asList ? offers.list : offers.buttons;
  if (!bounds) return null;

  const change = (place: number, changed: Partial<Option>) => setOptions(options.map((each, at) => (at === place ? { ...each, ...changed } : each)));
  const excess = (written: string, most: number) => ([...written.trim()].length > most ? t("say.choice.long", { n: most }) : null);
  const faults = faultsOf(options).map((fault, place) => (fault ? tried && t(fault) : excess(options[place]?.title ?? "", bounds.title)));
  const details = options.map((each) => (asList ? excess(each.description, bounds.description) : null));
  const many = options.length > bounds.count ? t("say.choice.many", { n: bounds.count }) : null;
  const unasked = question.trim() ? excess(question, offers.question) : t("say.question.missing");
  const unopened = asList ? (opener.trim() ? excess(opener, bounds.button) : t("say.list.open.missing")) : null;
  const wrong = [...faultsOf(options), ...faults, ...details, many, unasked, unopened].some(Boolean);
  const submit = () => {
    setTried(true);
    if (wrong) return false;
    say({ kind: "interactive", text: question.trim(), extra: extraOf(options, asList ? opener : null) });
    return true;
  };
  return (
    <SayDialog title={t(offers.buttons && offers.list ? "say.choices.title" : asList ? "say.list.title" : "say.buttons.title")} close={close} submit={submit}>
      <Textarea data-autofocus label={t("say.question")} withAsterisk autosize minRows={2} maxRows={6} value={question} onChange={(event) => setQuestion(event.currentTarget.value)} error={tried && unasked} />
      {offers.buttons && offers.list && (
        <SegmentedControl
          aria-label={t("say.choices.form")}
          data={[
            { value: "buttons", label: t("say.buttons") },
            { value: "list", label: t("say.list") },
          ]}
          value={asList ? "list" : "buttons"}
          onChange={(form) => setAsList(form === "list")}
        />
      )}
      <Stack gap={asList ? "md" : "xs"}>
        {options.map((option, place) => (
          <div key={place} className={classes.option}>
            <Stack gap={6}>
              <TextInput aria-label={t("say.choice", { n: place + 1 })} placeholder={t("say.choice", { n: place + 1 })} autoFocus={place > 1} value={option.title} onChange={(event) => change(place, { title: event.currentTarget.value })} error={faults[place]} />
              {asList && (
                <TextInput
                  size="xs"
                  aria-label={t("say.choice.description", { n: place + 1 })}
                  placeholder={t("say.choice.description.example")}
                  value={option.description}
                  onChange={(event) => change(place, { description: event.currentTarget.value })}
                  error={details[place]}
                />
              )}
            </Stack>
            <ActionIcon aria-label={t("say.choice.remove", { n: place + 1 })} disabled={options.length === 1} onClick={() => setOptions(options.filter((_, at) => at !== place))}>
              <Trash2 size={16} />
            </ActionIcon>
          </div>
        ))}
        <Group justify="space-between" gap="xs">
          <Button size="compact-sm" variant="subtle" leftSection={<Plus size={16} aria-hidden />} disabled={options.length >= bounds.count} onClick={() => setOptions([...options, BLANK])}>
            {t("say.choice.add")}
          </Button>
          {many ? (
            <Text size="xs" c="var(--bad-text)" role="alert">
              {many}
            </Text>
          ) : (
            <Text size="xs" c="dimmed">
              {t("say.choice.bounds", { n: bounds.count, letters: bounds.title })}
            </Text>
          )}
        </Group>
      </Stack>
      {asList && <TextInput label={t("say.list.open")} withAsterisk value={opener} onChange={(event) => setOpener(event.currentTarget.value)} error={tried && unopened} />}
    </SayDialog>
  );
}
