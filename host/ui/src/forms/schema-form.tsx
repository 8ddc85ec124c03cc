/** A form from an app's JSON Schema. Loaded only where one is shown (see `form.tsx`). */
import { Button, ColorInput, Group, Input, Radio, Stack, Switch, Text, TextInput } from "@mantine/core";
import { withTheme } from "@rjsf/core";
import { Theme } from "@rjsf/mantine";
import { type ArrayFieldItemTemplateProps, type ArrayFieldTemplateProps, enumOptionsIndexForValue, enumOptionValueDecoder, type ErrorSchema, type FieldProps, getUiOptions, type RJSFSchema, TranslatableString, type UiSchema, type WidgetProps } from "@rjsf/utils";
import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { type ComponentType, type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { channelsQuery, teamsQuery, usersQuery } from "../api/queries";
import { type Key, useLanguage } from "../i18n";
import { focusFirstInvalid } from "../lib/hooks";
import { formatNumber, parseNumber } from "../lib/number";
import { useMe } from "../session/session";
import classes from "./forms.module.css";
import { LIST_ITEM, prepare, type Schema, sendable, submitText, type Ui } from "./schema";
import { createValidator } from "./validator";

interface GroupedOption {
  const?: unknown;
  title?: string;
  "x-group"?: string;
}

/** Radio buttons; options whose schema carries `x-group` stand under that heading. */
function GroupedRadio(props: WidgetProps) {
  const { id, label, hideLabel, required, options, value, onChange, rawErrors, schema, disabled, readonly } = props;
  const choices = options.enumOptions ?? [];
  const group = (constant: unknown) => (schema.oneOf as GroupedOption[] | undefined)?.find((each) => each.const === constant)?.["x-group"] ?? "";
  const groups = [...new Set(choices.map((choice) => group(choice.value)))];
  const selected = enumOptionsIndexForValue(value, choices);
  return (
    <Radio.Group
      id={id}
      name={id}
      label={hideLabel ? undefined : label}
      required={required}
      value={typeof selected === "string" ? selected : null}
      onChange={(index) => onChange(enumOptionValueDecoder(index, choices))}
      error={rawErrors?.[0]}
    >
      <div className={groups.length > 1 ? classes.groups : undefined}>
        {groups.map((title) => (
          <div key={title} role={title ? "group" : undefined} aria-label={title || undefined} className={classes.group}>
            {title && (
              <Text size="sm" fw={650} mb={6}>
                {title}
              </Text>
            )}
            <Stack gap={8}>
              {choices.map((choice, index) =>
                group(choice.value) === title ? (
                  <Radio key={index} value={String(index)} label={choice.label} disabled={disabled || readonly} />
                ) : null,
              )}
            </Stack>
          </div>
        ))}
      </div>
    </Radio.Group>
  );
}

const Plain = Theme.templates?.BaseInputTemplate as ComponentType<WidgetProps>;

/** Numbers as the language writes them. What is no number stays as typed, and the validation says so. */
function NumberText({ id, label, hideLabel, value, onChange, required, disabled, readonly, placeholder, rawErrors, schema, options, autofocus }: WidgetProps) {
  const { locale } = useLanguage();
  const number: unknown = value;
  const [text, setText] = useState("");
  // Values may come after the first drawing; what somebody types is never rewritten under their fingers.
  useEffect(() => {
    if (typeof number === "number") setText((typed) => (parseNumber(typed, locale) === number ? typed : formatNumber(number, locale)));
  }, [number, locale]);
  return (
    <TextInput
      id={id}
      label={hideLabel ? undefined : label}
      description={options.description ?? schema.description}
      inputMode="decimal"
      autoComplete="off"
      autoFocus={autofocus}
      required={required}
      disabled={disabled || readonly}
      placeholder={placeholder}
      error={rawErrors?.[0]}
      value={text}
      onChange={(event) => {
        const typed = event.currentTarget.value;
        setText(typed);
        const number = parseNumber(typed, locale);
        onChange(number === null ? typed : number);
      }}
      onBlur={() => {
        const number = parseNumber(text, locale);
        if (typeof number === "number") setText(formatNumber(number, locale));
      }}
    />
  );
}

function TextOrNumber(props: WidgetProps) {
  const { type } = props.schema;
  const { [LIST_ITEM]: item, ...options } = props.options;
  // The list's heading says what its items are; the library would call each `Heading-1`.
  if (item) return <Plain {...props} hideLabel options={{ ...options, "aria-label": props.label.replace(/-(\d+)$/, " $1") }} />;
  return type === "number" || type === "integer" ? <NumberText {...props} /> : <Plain {...props} />;
}

const LibrarySelect = Theme.widgets?.SelectWidget as ComponentType<WidgetProps>;

/** Its choices lie over everything: within a low dialog they would be cut off. */
function Choice(props: WidgetProps) {
  return <LibrarySelect {...props} options={{ ...props.options, comboboxProps: { withinPortal: true } }} />;
}

/** A colour by its looks or its number. */
function ColourPicker({ id, label, hideLabel, required, value, onChange, disabled, readonly, schema, options, rawErrors }: WidgetProps) {
  return (
    <ColorInput
      id={id}
      label={hideLabel ? undefined : label}
      description={options.description ?? schema.description}
      format="hex"
      required={required}
      disabled={disabled || readonly}
      error={rawErrors?.[0]}
      value={typeof value === "string" ? value : ""}
      onChange={(colour) => onChange(colour === "" ? undefined : colour)}
    />
  );
}

/** A list headed like any other field, with what adds to it beneath. */
function List({ title, schema, uiSchema, fieldPathId, items, canAdd, onAddClick, disabled, readonly, required }: ArrayFieldTemplateProps) {
  const { t } = useLanguage();
  const { title: wanted, description = schema.description } = getUiOptions(uiSchema);
  const heading = `${fieldPathId.$id}__title`;
  return (
    <div role="group" id={fieldPathId.$id} aria-labelledby={heading}>
      <Input.Label component="div" id={heading} labelElement="div" required={required}>
        {wanted ?? title}
      </Input.Label>
      {description && <Input.Description>{description}</Input.Description>}
      <Stack gap="xs" mt={6}>
        {items}
        {canAdd && (
          <Button variant="default" size="compact-md" w="fit-content" leftSection={<Plus size={16} aria-hidden />} disabled={disabled || readonly} onClick={onAddClick} data-add-item>
            {t("form.add")}
          </Button>
        )}
      </Stack>
    </div>
  );
}

/** One item with its buttons, which stand beside the box whatever is said beneath it. */
function ListItem({ children, buttonsProps, hasToolbar, registry }: ArrayFieldItemTemplateProps) {
  const Buttons = registry.templates.ArrayFieldItemButtonsTemplate;
  return (
    <Group gap="xs" wrap="nowrap" align="flex-start">
      <div className={classes.item}>{children}</div>
      {hasToolbar && (
        <Group gap={2} wrap="nowrap" className={classes.itemButtons}>
          <Buttons {...buttonsProps} />
        </Group>
      )}
    </Group>
  );
}

/** Yes or no, with its explanation beneath. */
function YesNo({ id, label, value, onChange, disabled, readonly, schema, options, rawErrors }: WidgetProps) {
  return (
    <Switch
      id={id}
      label={label}
      description={options.description ?? schema.description}
      checked={value === true}
      disabled={disabled || readonly}
      error={rawErrors?.[0]}
      onChange={(event) => onChange(event.currentTarget.checked)}
    />
  );
}

/** Hands on what the widget gives. The library's own field would read `1e3` or `0x10` as numbers once more, though nobody meant one. */
function NumberField(props: FieldProps) {
  const { StringField } = props.registry.fields;
  return StringField ? <StringField {...props} /> : null;
}

const Form = withTheme({
  ...Theme,
  fields: { ...Theme.fields, NumberField },
  widgets: { ...Theme.widgets, SelectWidget: Choice, RadioWidget: GroupedRadio, CheckboxWidget: YesNo, ColorWidget: ColourPicker },
  templates: { ...Theme.templates, BaseInputTemplate: TextOrNumber, ArrayFieldTemplate: List, ArrayFieldItemTemplate: ListItem },
});

const STRINGS: Partial<Record<TranslatableString, Key>> = {
  [TranslatableString.YesLabel]: "common.yes",
  [TranslatableString.NoLabel]: "common.no",
  [TranslatableString.AddButton]: "common.add",
  [TranslatableString.AddItemButton]: "form.add",
  [TranslatableString.RemoveButton]: "form.remove",
  [TranslatableString.MoveUpButton]: "form.up",
  [TranslatableString.MoveDownButton]: "form.down",
  [TranslatableString.CopyButton]: "common.copy",
  [TranslatableString.CloseLabel]: "common.close",
};

export interface SchemaFormProps {
  schema: Schema;
  ui?: Ui | null;
  values?: Record<string, unknown> | null;
  secrets?: Record<string, boolean>;
  /** What the server says about single fields. */
  errors?: Record<string, string>;
  /** The button's words, where the schema has none of its own. */
  submit: string;
  busy: boolean;
  onSubmit: (values: Record<string, unknown>) => void;
  /** Somebody changed a field. */
  onEdit?: () => void;
  /** Something is missing or wrong: the moment to look at the fields around the form too. */
  onInvalid?: () => void;
  /** Beside the submit button. */
  beside?: ReactNode;
}

/** Choices by name for fields that refer to the workspace's things; people are listed for those who may see them. */
function useChoices() {
  const me = useMe();
  const teams = useQuery(teamsQuery);
  const users = useQuery(usersQuery);
  const channels = useQuery({ ...channelsQuery, enabled: me.user.role === "admin" });
  return useMemo(() => ({ team: teams.data, user: users.data, channel: channels.data }), [teams.data, users.data, channels.data]);
}

export default function SchemaForm({ schema: raw, ui: given, values: initial, secrets, errors, submit, busy, onSubmit, onEdit, onInvalid, beside }: SchemaFormProps) {
  const { t, locale } = useLanguage();
  const choices = useChoices();
  const [values, setValues] = useState<Record<string, unknown>>(initial ?? {});
  const form = useRef<HTMLDivElement>(null);
  const validator = useMemo(() => createValidator({ t, locale }), [t, locale]);
  const { schema, ui } = useMemo(
    () => prepare(raw, given, { locale, secrets, choices, words: { secretSet: t("settings.secret.set"), secretUnset: t("settings.secret.unset") } }),
    [raw, given, locale, secrets, choices, t],
  );
  const extraErrors = useMemo(
    () => Object.fromEntries(Object.entries(errors ?? {}).map(([field, text]) => [field, { __errors: [text] }])) as ErrorSchema,
    [errors],
  );
  const refuse = () => {
    focusFirstInvalid(form.current);
    onInvalid?.();
  };
  return (
    <div ref={form} className={classes.form}>
      <Form
        idPrefix="f"
        schema={schema as RJSFSchema}
        uiSchema={ui as UiSchema}
        formData={values}
        validator={validator}
        extraErrors={extraErrors}
        noHtml5Validate
        showErrorList={false}
        disabled={busy}
        // A choice that nobody made must not look made.
        experimental_defaultFormStateBehavior={{ constAsDefaults: "never" }}
        translateString={(text) => {
          const key = STRINGS[text];
          return key ? t(key) : text;
        }}
        onChange={(event, field) => {
          setValues((event.formData ?? {}) as Record<string, unknown>);
          // Defaults that the form fills in itself come without a field.
          if (field) onEdit?.();
        }}
        onSubmit={(event) => onSubmit(sendable((event.formData ?? {}) as Record<string, unknown>, schema))}
        onError={refuse}
      >
        <Group justify="flex-end" mt="md">
          {beside}
          <Button type="submit" loading={busy}>
            {submitText(schema, values) ?? submit}
          </Button>
        </Group>
      </Form>
    </div>
  );
}
