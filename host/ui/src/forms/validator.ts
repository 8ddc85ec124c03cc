/**
 * Validation for the forms without compiling code: the usual validator builds functions from text, which the content security policy forbids.
 * The server validates again in any case.
 */
import { type OutputUnit, type Schema as AnySchema, Validator } from "@cfworker/json-schema";
import { type ErrorTransformer, type RJSFSchema, type RJSFValidationError, toErrorSchema, type ValidatorType } from "@rjsf/utils";
import type { Locale } from "../api/types";
import type { Key, Translate } from "../i18n";
import { record, records } from "../lib/json";
import { formatNumber } from "../lib/number";
import { isBlank, sendable } from "./schema";

/** Keywords whose errors only repeat what an inner error says better. */
const WRAPPERS = new Set(["properties", "items", "prefixItems", "allOf", "$ref", "if", "then", "else", "dependentSchemas", "additionalItems"]);

/** What an app's form speaks: words and numbers of one language. */
export interface Speech {
  t: Translate;
  locale: Locale;
}

/** Keywords that name a limit, and the sentence that says it. */
const LIMITS: Record<string, Key> = {
  minimum: "form.minimum",
  exclusiveMinimum: "form.above",
  maximum: "form.maximum",
  exclusiveMaximum: "form.below",
  multipleOf: "form.multipleOf",
};
const COUNTS: Record<string, Key> = { minLength: "form.minLength", maxLength: "form.maxLength", minItems: "form.minItems", maxItems: "form.maxItems" };
const TYPES: Record<string, Key> = { number: "form.number", integer: "form.integer" };
const FORMATS: Record<string, Key> = { email: "form.email", uri: "form.url", url: "form.url", date: "form.date" };

/** Whether a field's value is one of those that its schema lists: nothing is typed there. */
function chosen(field: unknown, schema: RJSFSchema): boolean {
  const { $ref, enum: values, oneOf, anyOf } = record(field);
  if (typeof $ref === "string") return chosen(valueAt(schema, $ref), schema);
  const options = records(oneOf ?? anyOf);
  return Array.isArray(values) || (options.length > 0 && options.every((option) => "const" in option));
}

/** One sentence that says what to do, without the words of JSON Schema; `missing`: the field that is not there, which a branch may require of the whole. */
function explain(unit: OutputUnit, schema: RJSFSchema, { t, locale }: Speech, missing?: string): string {
  const wanted = valueAt(schema, unit.keywordLocation);
  const { keyword } = unit;
  const limit = LIMITS[keyword];
  if (limit && typeof wanted === "number") return t(limit, { n: formatNumber(wanted, locale) });
  const count = COUNTS[keyword];
  if (count && typeof wanted === "number") return keyword === "minLength" && wanted <= 1 ? t("form.required") : t(count, { n: wanted });
  switch (keyword) {
    case "required": {
      const within = valueAt(schema, unit.keywordLocation.replace(/\/required$/, ""));
      const field = [within, schema].map((each) => record(record(each).properties)[missing ?? ""]).find(Boolean);
      return t(chosen(field, schema) ? "form.choose" : "form.required");
    }
    case "pattern":
      return t("form.pattern");
    case "format":
      return t(FORMATS[String(wanted)] ?? "form.pattern");
    case "type":
      return t(TYPES[String(wanted)] ?? "form.invalid");
    case "enum":
    case "const":
    case "oneOf":
    case "anyOf":
      return t("form.choose");
    case "uniqueItems":
      return t("form.repeated");
    default:
      return t("form.invalid");
  }
}

function steps(pointer: string): string[] {
  return pointer.replace(/^#/, "").split("/").slice(1).map((step) => decodeURIComponent(step).replace(/~1/g, "/").replace(/~0/g, "~"));
}

function valueAt(schema: unknown, pointer: string): unknown {
  let value: unknown = schema;
  for (const step of steps(pointer)) {
    value = value && typeof value === "object" ? (value as Record<string, unknown>)[step] : undefined;
    // The way goes on where the reference leads.
    if (step === "$ref" && typeof value === "string") value = valueAt(schema, value);
  }
  return value;
}

/** Where a complaint belongs on the screen: items left empty were not looked at, though they stand there. */
function shown(path: string[], data: unknown): string[] {
  const [field = "", item = "", ...rest] = path;
  const items: unknown = data && typeof data === "object" ? (data as Record<string, unknown>)[field] : undefined;
  if (!Array.isArray(items) || !/^\d+$/.test(item)) return path;
  const filled = items.flatMap((each, index) => (isBlank(each) ? [] : [index]));
  return [field, String(filled[Number(item)] ?? item), ...rest];
}

function toError(unit: OutputUnit, schema: RJSFSchema, data: unknown, speech: Speech): RJSFValidationError {
  const path = shown(steps(unit.instanceLocation), data);
  const missing = unit.keyword === "required" ? /"([^"]+)"/.exec(unit.error)?.[1] : undefined;
  const property = [...path, ...(missing ? [missing] : [])].map((step) => `.${step}`).join("");
  const message = explain(unit, schema, speech, missing);
  return { name: unit.keyword, property, message, stack: message, params: {}, schemaPath: unit.keywordLocation };
}

function run(schema: RJSFSchema, data: unknown): OutputUnit[] {
  const clean = data && typeof data === "object" && !Array.isArray(data) ? sendable(data as Record<string, unknown>, schema) : data;
  return new Validator(schema as AnySchema, "2020-12", false).validate(clean ?? {}).errors;
}

export function createValidator(speech: Speech): ValidatorType {
  const errorsOf = (schema: RJSFSchema, data: unknown) => {
    const units = run(schema, data).filter((unit) => !WRAPPERS.has(unit.keyword));
    // `required` and `oneOf` may be reported once per branch; one sentence per field is enough.
    const found = new Map<string, RJSFValidationError>();
    for (const unit of units) {
      const error = toError(unit, schema, data, speech);
      if (!found.has(error.property ?? "")) found.set(error.property ?? "", error);
    }
    return [...found.values()];
  };
  return {
    validateFormData(data, schema, _custom, transform?: ErrorTransformer, ui?) {
      const found = errorsOf(schema, data);
      const errors = transform ? transform(found, ui) : found;
      return { errors, errorSchema: toErrorSchema(errors) };
    },
    isValid(schema, data, root) {
      try {
        // Parts of a schema refer to definitions of the whole.
        const whole = { ...(schema as object), $defs: root.$defs, definitions: root.definitions };
        return new Validator(JSON.parse(JSON.stringify(whole)) as AnySchema, "2020-12").validate(data).valid;
      } catch {
        return false;
      }
    },
    rawValidation(schema, data) {
      return { errors: run(schema, data) as never[] };
    },
  };
}
