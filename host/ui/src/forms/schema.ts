/**
 * Readies an app's JSON Schema for the form: texts in the user's language (`x-en`), secrets as password fields that may stay empty once set,
 * teams, people and channels (`format: "team" | "user" | "channel"`) as choices, lists, colours (`format: "color"`), the button's words
 * (`x-submit`). Pure.
 */
import type { Locale, Named } from "../api/types";

export type Schema = Record<string, unknown>;
export type Ui = Record<string, unknown>;
export type Choices = Partial<Record<"team" | "user" | "channel", Named[]>>;

export interface Preparation {
  locale: Locale;
  /** Which secrets the server already holds. */
  secrets?: Record<string, boolean>;
  choices?: Choices;
  words: { secretSet: string; secretUnset: string };
}

/** What the button that sends the form says, where the schema knows better than the host. */
const SUBMIT = "x-submit";

/** From more characters than this on, a text is written in several lines. */
const LONG = 300;

/** Marks the items of a list, whose heading is the list's. */
export const LIST_ITEM = "listItem";

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Puts the texts of `x-en` (or any `x-<language>`) in place and drops what only they needed. */
export function localize(schema: unknown, locale: Locale): unknown {
  if (Array.isArray(schema)) return schema.map((each) => localize(each, locale));
  if (!isRecord(schema)) return schema;
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    if (/^x-[a-z]{2}(-[A-Za-z]{2})?$/.test(key)) continue;
    result[key] = key === "const" || key === "default" || key === "enum" || key === "examples" ? value : localize(value, locale);
  }
  const texts = schema[`x-${locale}`] ?? schema[`x-${locale.slice(0, 2)}`];
  if (isRecord(texts)) {
    for (const key of ["title", "description", "x-group", SUBMIT]) if (typeof texts[key] === "string") result[key] = texts[key];
  }
  return result;
}

/** What a form is called in the user's language, if its schema says. */
export function titleOf(schema: Schema, locale: Locale): string | null {
  const { properties: _fields, ...own } = schema;
  const { title } = localize(own, locale) as Schema;
  return typeof title === "string" && title ? title : null;
}

/** The kind of thing a field refers to, where we can offer the things by name. */
function reference(schema: Record<string, unknown>, choices: Choices): Named[] | undefined {
  const format = schema.format;
  return schema.type === "string" && (format === "team" || format === "user" || format === "channel") ? choices[format] : undefined;
}

/** Replaces references by choices, everywhere in the schema. No choices yet means an empty list, which JSON Schema does not allow: left as text. */
function resolveReferences(schema: unknown, choices: Choices): unknown {
  if (Array.isArray(schema)) return schema.map((each) => resolveReferences(each, choices));
  if (!isRecord(schema)) return schema;
  const things = reference(schema, choices);
  if (things && things.length > 0) {
    const { format: _format, ...rest } = schema;
    return { ...rest, oneOf: things.map((thing) => ({ const: thing.id, title: thing.name })) };
  }
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, resolveReferences(value, choices)]));
}

function uiFor(property: Record<string, unknown>, name: string, preparation: Preparation): Ui {
  const ui: Ui = {};
  const { secrets = {}, words } = preparation;
  const items = isRecord(property.items) ? property.items : null;
  if (property.writeOnly === true) {
    ui["ui:widget"] = "password";
    ui["ui:placeholder"] = secrets[name] ? words.secretSet : words.secretUnset;
    ui["ui:options"] = { autoComplete: "new-password", description: property.description };
  } else if (isLong(property)) {
    ui["ui:widget"] = "textarea";
  } else if (property.type === "array" && items && (items.oneOf || items.enum)) {
    ui["ui:widget"] = "checkboxes";
  } else if (property.type === "array" && items && (items.type === "string" || items.type === "number" || items.type === "integer")) {
    ui.items = { "ui:options": { [LIST_ITEM]: true } };
  } else if (property.type === "string" && property.format === "color") {
    ui["ui:widget"] = "color";
  }
  return ui;
}

/** The form's schema and hints. `ui` from the app wins over what is guessed here. */
export function prepare(raw: Schema, given: Ui | null | undefined, preparation: Preparation): { schema: Schema; ui: Ui } {
  const schema = resolveReferences(localize(raw, preparation.locale), preparation.choices ?? {}) as Schema;
  const properties = isRecord(schema.properties) ? schema.properties : {};
  const ui: Ui = {};
  for (const [name, property] of Object.entries(properties)) {
    if (!isRecord(property)) continue;
    if (property.type === "array" && isRecord(property.items) && (property.items.oneOf || property.items.enum)) property.uniqueItems = true;
    ui[name] = { ...uiFor(property, name, preparation), ...(isRecord(given?.[name]) ? given[name] : {}) };
  }
  for (const [key, value] of Object.entries(given ?? {})) if (key.startsWith("ui:")) ui[key] = value;
  // The server gives properties in no order of meaning.
  if (Array.isArray(raw["x-order"]) && !ui["ui:order"]) ui["ui:order"] = [...raw["x-order"], "*"];
  const held = preparation.secrets ?? {};
  if (Array.isArray(schema.required)) schema.required = schema.required.filter((name) => !held[String(name)]);
  // The dialog says whose form it is; repeating the title inside it is noise.
  delete schema.title;
  return { schema, ui };
}

/**
 * The words of a form's button: the schema's `x-submit`, or that of a field which is on or of an option which is chosen, since sending then does
 * something else. Takes a schema in the user's language.
 */
export function submitText(schema: Schema, values: Record<string, unknown>): string | null {
  const text = (value: unknown) => (isRecord(value) && typeof value[SUBMIT] === "string" && value[SUBMIT] ? value[SUBMIT] : null);
  for (const [name, property] of Object.entries(isRecord(schema.properties) ? schema.properties : {})) {
    if (!isRecord(property)) continue;
    const option = Array.isArray(property.oneOf) ? property.oneOf.find((each) => isRecord(each) && each.const === values[name]) : undefined;
    const own = values[name] === true ? text(property) : text(option);
    if (own) return own;
  }
  return text(schema);
}

/** Whether nothing was put into a field or an item. */
export function isBlank(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === "string" && value.trim() === "");
}

/** Whether a text has room for several lines. */
function isLong(property: unknown): boolean {
  return isRecord(property) && property.type === "string" && Number(property.maxLength) > LONG;
}

/** Without the spaces and line breaks around it that come along when one line is pasted; the dots of a secret would hide them. */
function trimmed(value: unknown, property: unknown): unknown {
  const { oneOf, enum: values, writeOnly } = isRecord(property) ? property : {};
  const asItIs = oneOf || values || (isLong(property) && writeOnly !== true);
  return typeof value === "string" && !asItIs ? value.trim() : value;
}

/** What is sent: fields left empty are absent, so that a secret left empty is kept; and items left empty are none. */
export function sendable(values: Record<string, unknown>, schema: Schema): Record<string, unknown> {
  const properties = isRecord(schema.properties) ? schema.properties : {};
  const ready = Object.entries(values).map(([name, value]): [string, unknown] => {
    const property = properties[name];
    if (!Array.isArray(value)) return [name, trimmed(value, property)];
    const items = isRecord(property) ? property.items : undefined;
    return [name, value.map((item) => trimmed(item, items)).filter((item) => !isBlank(item))];
  });
  return Object.fromEntries(ready.filter(([, value]) => !isBlank(value)));
}
