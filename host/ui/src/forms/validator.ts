/**
 * Validation for the forms without compiling code: the usual validator builds functions from text, which the content security policy forbids.
 * The server validates again in any case.
 */
import { type OutputUnit, type Schema as AnySchema, Validator } from "@cfworker/json-schema";
import { type ErrorTransformer, type RJSFSchema, type RJSFValidationError, toErrorSchema, type ValidatorType } from "@rjsf/utils";
import type { Translate } from "../i18n";
import { sendable } from "./schema";

/** Keywords whose errors only repeat what an inner error says better. */
const WRAPPERS = new Set(["properties", "items", "prefixItems", "allOf", "$ref", "if", "then", "else", "dependentSchemas", "additionalItems"]);

function explain(unit: OutputUnit, schema: RJSFSchema, t: Translate): string {
  const limit = Number(valueAt(schema, unit.keywordLocation));
  switch (unit.keyword) {
    case "required":
      return t("form.required");
    case "minLength":
      return limit <= 1 ? t("form.required") : t("form.minLength", { n: limit });
    case "maxLength":
      return t("form.maxLength", { n: limit });
    case "minimum":
    case "exclusiveMinimum":
      return t("form.minimum", { n: limit });
    case "maximum":
    case "exclusiveMaximum":
      return t("form.maximum", { n: limit });
    case "pattern":
    case "format":
      return t("form.pattern");
    case "type":
      return t("form.type");
    case "enum":
    case "const":
    case "oneOf":
    case "anyOf":
      return t("form.choose");
    default:
      return t("form.invalid");
  }
}

function steps(pointer: string): string[] {
  return pointer.replace(/^#/, "").split("/").slice(1).map((step) => decodeURIComponent(step).replace(/~1/g, "/").replace(/~0/g, "~"));
}

function valueAt(schema: unknown, pointer: string): unknown {
  let value: unknown = schema;
  for (const step of steps(pointer)) value = value && typeof value === "object" ? (value as Record<string, unknown>)[step] : undefined;
  return value;
}

function toError(unit: OutputUnit, schema: RJSFSchema, t: Translate): RJSFValidationError {
  const path = steps(unit.instanceLocation);
  const missing = unit.keyword === "required" ? /"([^"]+)"/.exec(unit.error)?.[1] : undefined;
  const property = [...path, ...(missing ? [missing] : [])].map((step) => `.${step}`).join("");
  const message = explain(unit, schema, t);
  return { name: unit.keyword, property, message, stack: message, params: {}, schemaPath: unit.keywordLocation };
}

function run(schema: RJSFSchema, data: unknown): OutputUnit[] {
  const clean = data && typeof data === "object" && !Array.isArray(data) ? sendable(data as Record<string, unknown>) : data;
  return new Validator(schema as AnySchema, "2020-12", false).validate(clean ?? {}).errors;
}

export function createValidator(t: Translate): ValidatorType {
  const errorsOf = (schema: RJSFSchema, data: unknown) => {
    const units = run(schema, data).filter((unit) => !WRAPPERS.has(unit.keyword));
    // `required` and `oneOf` may be reported once per branch; one sentence per field is enough.
    const found = new Map<string, RJSFValidationError>();
    for (const unit of units) {
      const error = toError(unit, schema, t);
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
