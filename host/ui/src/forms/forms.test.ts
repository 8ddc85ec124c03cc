import { describe, expect, it } from "vitest";
import { asPage } from "../api/queries";
import { translate } from "../i18n";
import { fieldErrors, fileOf, linkOf, nextForm } from "./outcome";
import { localize, prepare, sendable, submitText, titleOf } from "./schema";
import { createValidator } from "./validator";

const words = { secretSet: "definido", secretUnset: "não definido" };
const validator = createValidator({ t: (key, values) => translate("pt-BR", key, values), locale: "pt-BR" });
const problems = (schema: object, data: unknown) =>
  Object.fromEntries(validator.validateFormData(data as never, schema as never).errors.map((error) => [error.property, error.message]));

describe("readying an app's schema", () => {
  const schema = {
    type: "object",
    title: "Configuração",
    required: ["token", "account"],
    properties: {
      token: { type: "string", writeOnly: true, title: "Token", "x-en": { title: "Token (secret)" } },
      account: { type: "string", title: "Conta", description: "Qual conta", "x-en": { title: "Account", description: "Which account" } },
      teams: { type: "array", items: { type: "string", format: "team" } },
      greeting: { type: "string", maxLength: 500 },
    },
  };
  const ready = (secrets: Record<string, boolean>, locale: "pt-BR" | "en" = "pt-BR") => prepare(schema, null, { locale, secrets, words, choices: { team: [{ id: "tem_1", name: "Vendas" }] } });

  it("asks_for_a_secret_once_and_lets_it_stay_empty_after_that", () => {
    expect(ready({}).schema.required).toEqual(["token", "account"]);
    expect(ready({}).ui.token).toMatchObject({ "ui:widget": "password", "ui:placeholder": "não definido" });
    expect(ready({ token: true }).schema.required).toEqual(["account"]);
    expect(ready({ token: true }).ui.token).toMatchObject({ "ui:placeholder": "definido" });
  });
  it("speaks_the_users_language_and_drops_the_others_texts", () => {
    const properties = ready({}, "en").schema.properties as Record<string, Record<string, unknown>>;
    expect(properties.account).toEqual({ type: "string", title: "Account", description: "Which account" });
    expect((ready({}).schema.properties as typeof properties).account).toEqual({ type: "string", title: "Conta", description: "Qual conta" });
  });
  it("offers_teams_by_name_where_the_schema_asks_for_a_team", () => {
    const { schema: result, ui } = ready({});
    expect((result.properties as Record<string, unknown>).teams).toEqual({ type: "array", uniqueItems: true, items: { type: "string", oneOf: [{ const: "tem_1", title: "Vendas" }] } });
    expect(ui.teams).toMatchObject({ "ui:widget": "checkboxes" });
    expect(ui.greeting).toMatchObject({ "ui:widget": "textarea" });
  });
  it("orders_the_fields_as_the_schema_asks_and_the_rest_after_them", () => {
    const { ui } = prepare({ ...schema, "x-order": ["account", "token"] }, null, { locale: "pt-BR", words });
    expect(ui["ui:order"]).toEqual(["account", "token", "*"]);
    expect(ready({}).ui["ui:order"]).toBeUndefined();
  });
  it("does_not_change_the_schema_it_was_given", () => {
    const before = JSON.stringify(schema);
    ready({ token: true }, "en");
    expect(JSON.stringify(schema)).toBe(before);
  });
  it("hides_the_names_of_a_lists_items_and_picks_colours", () => {
    const { ui } = prepare({ type: "object", properties: { more: { type: "array", items: { type: "string" } }, color: { type: "string", format: "color" } } }, null, { locale: "en", words });
    expect(ui).toEqual({ more: { items: { "ui:options": { listItem: true } } }, color: { "ui:widget": "color" } });
  });
  it("sends_no_items_that_were_left_empty_and_complains_of_the_others_where_they_stand", () => {
    expect(sendable({ more: ["", "a", null, undefined], none: [""], same: [0, false] }, {})).toEqual({ more: ["a"], none: [], same: [0, false] });
    const list = { type: "object", properties: { more: { type: "array", uniqueItems: true, items: { type: "string", minLength: 1, maxLength: 2 } } } };
    expect(problems(list, { more: [null, "", undefined, "ab"] })).toEqual({});
    expect(problems(list, { more: [null, "abc", "ab"] })).toEqual({ ".more.1": "Use no máximo 2 caracteres" });
  });
  it("sends_no_empty_fields_so_that_a_secret_left_empty_is_kept", () => {
    expect(sendable({ a: "", b: null, c: undefined, d: 0, e: false, f: "x", g: " \n" }, {})).toEqual({ d: 0, e: false, f: "x" });
  });
  it("sends_and_checks_a_line_without_what_was_pasted_around_it_and_paragraphs_as_they_are", () => {
    const line = { type: "string", pattern: "^[a-z]+$" };
    const typed = { token: { ...line, writeOnly: true, maxLength: 4096 }, account: line, more: { type: "array", items: line }, kind: { type: "string", enum: ["a "] }, text: { type: "string", maxLength: 1000 } };
    const values = { token: " abc\n", account: "abc ", more: [" abc", " "], kind: "a ", text: "  Olá\n" };
    expect(problems({ type: "object", properties: typed }, values)).toEqual({});
    expect(problems({ type: "object", properties: typed }, { ...values, more: [" ", "a c"] })).toEqual({ ".more.1": "Confira se digitou no formato pedido" });
    expect(sendable(values, { properties: typed })).toEqual({ token: "abc", account: "abc", more: ["abc"], kind: "a ", text: "  Olá\n" });
  });
});

describe("the button that sends a form", () => {
  const schema = {
    type: "object",
    title: "Motivo",
    "x-submit": "Salvar motivo",
    "x-en": { title: "Reason", "x-submit": "Save reason" },
    properties: {
      remove: { type: "boolean", "x-submit": "Remover motivo", "x-en": { "x-submit": "Remove reason" } },
      entry: { type: "string", oneOf: [{ const: "new", title: "Novo", "x-submit": "Cadastrar motivo" }, { const: "r1", title: "Venda" }] },
    },
  };
  const said = (values: Record<string, unknown>, locale: "pt-BR" | "en" = "pt-BR") => submitText(localize(schema, locale) as Record<string, unknown>, values);

  it("says_what_the_schema_says_it_does_in_the_users_language", () => {
    expect([said({}), said({}, "en"), submitText({ properties: {} }, {})]).toEqual(["Salvar motivo", "Save reason", null]);
    expect([titleOf(schema, "pt-BR"), titleOf(schema, "en"), titleOf({}, "en")]).toEqual(["Motivo", "Reason", null]);
  });
  it("says_otherwise_while_a_field_is_on_or_an_option_chosen_that_does_otherwise", () => {
    expect([{ remove: true }, { remove: false }, { entry: "new" }, { entry: "r1" }].map((values) => said(values))).toEqual(["Remover motivo", "Salvar motivo", "Cadastrar motivo", "Salvar motivo"]);
    expect(said({ remove: true }, "en")).toBe("Remove reason");
  });
});

describe("lists", () => {
  it("are_read_paged_or_whole", () => {
    expect([asPage([1, 2]), asPage({ items: [1], next: "x" })]).toEqual([{ items: [1, 2], next: null }, { items: [1], next: "x" }]);
  });
});

describe("validation without compiling code", () => {
  it("says_in_words_what_is_wrong_with_each_field", () => {
    const schema = {
      type: "object",
      required: ["name", "age", "kind"],
      properties: {
        name: { type: "string", minLength: 3 },
        code: { type: "string", pattern: "^[0-9]+$" },
        age: { type: "integer", minimum: 10, maximum: 60 },
        kind: { type: "string", oneOf: [{ const: "a" }, { const: "b" }] },
      },
    };
    expect(problems(schema, { name: "ab", code: "x", age: 5, kind: "c" })).toEqual({
      ".name": "Use pelo menos 3 caracteres",
      ".code": "Confira se digitou no formato pedido",
      ".age": "O valor mínimo é 10",
      ".kind": "Escolha uma opção",
    });
    expect(problems(schema, {})).toEqual({ ".name": "Preencha este campo", ".age": "Preencha este campo", ".kind": "Escolha uma opção" });
    expect(problems(schema, { name: "abc", age: "", kind: "a" })).toEqual({ ".age": "Preencha este campo" });
    expect(problems(schema, { name: "abc", age: 10, kind: "a" })).toEqual({});
  });
  it("speaks_of_numbers_lists_and_formats_as_people_do", () => {
    const schema = {
      type: "object",
      properties: {
        value: { type: "number", exclusiveMinimum: 0, maximum: 999_999_999.99 },
        minutes: { type: "integer" },
        teams: { type: "array", items: { type: "string" }, minItems: 1, uniqueItems: true },
        mail: { type: "string", format: "email" },
        short: { $ref: "#/$defs/short" },
      },
      $defs: { short: { type: "string", maxLength: 2 } },
    };
    expect(problems(schema, { value: "1e3", minutes: 1.5, teams: [], mail: "x", short: "abc" })).toEqual({
      ".value": "Digite um número, como 1.234,56",
      ".minutes": "Digite um número inteiro, sem casas decimais",
      ".teams": "Escolha pelo menos 1 opção",
      ".mail": "Este e-mail não parece válido",
      ".short": "Use no máximo 2 caracteres",
    });
    expect(problems(schema, { value: 0, teams: ["a", "a"] })).toEqual({ ".value": "Digite um valor maior que 0", ".teams": "Há itens repetidos" });
    expect(problems(schema, { value: 1e9 })).toEqual({ ".value": "O valor máximo é 999.999.999,99" });
  });
  it("requires_the_value_only_for_reasons_that_ask_for_one", () => {
    const schema = {
      type: "object",
      required: ["reason"],
      properties: { reason: { type: "string", enum: ["sale", "mistake"] } },
      allOf: [{ if: { properties: { reason: { enum: ["sale"] } }, required: ["reason"] }, then: { properties: { value: { type: "number", minimum: 0 } }, required: ["value"] } }],
    };
    expect(problems(schema, { reason: "mistake" })).toEqual({});
    expect(problems(schema, { reason: "sale" })).toEqual({ ".value": "Preencha este campo" });
    expect(problems(schema, { reason: "sale", value: -1 })).toEqual({ ".value": "O valor mínimo é 0" });
    expect(problems(schema, { reason: "sale", value: 1250 })).toEqual({});
  });
  it("asks_to_choose_where_there_is_nothing_to_type", () => {
    const schema = {
      type: "object",
      required: ["kind", "size", "colour", "name", "teams"],
      properties: {
        kind: { enum: ["a", "b"] },
        size: { anyOf: [{ const: 1 }, { const: 2 }] },
        colour: { $ref: "#/$defs/colour" },
        name: { oneOf: [{ type: "string" }, { type: "number" }] },
        teams: { type: "array", items: { type: "string" } },
        reason: { type: "string", oneOf: [{ const: "x" }] },
      },
      allOf: [{ if: { properties: { kind: { const: "b" } }, required: ["kind"] }, then: { required: ["reason"] } }],
      $defs: { colour: { type: "string", enum: ["red"] } },
    };
    expect(problems(schema, {})).toEqual({
      ".kind": "Escolha uma opção",
      ".size": "Escolha uma opção",
      ".colour": "Escolha uma opção",
      ".name": "Preencha este campo",
      ".teams": "Preencha este campo",
    });
    expect(problems(schema, { kind: "b", size: 1, colour: "red", name: "x", teams: [] })).toEqual({ ".reason": "Escolha uma opção" });
  });
  it("resolves_references_into_the_whole_schema_and_calls_a_broken_one_invalid", () => {
    const root = { $defs: { short: { type: "string", maxLength: 2 } } };
    const valid = (schema: object, data: unknown) => validator.isValid(schema as never, data as never, root as never);
    expect(valid({ $ref: "#/$defs/short" }, "ab")).toBe(true);
    expect(valid({ $ref: "#/$defs/short" }, "abc")).toBe(false);
    expect(valid({ $ref: "#/$defs/nowhere" }, "ab")).toBe(false);
  });
});

describe("what an action answered", () => {
  const outcome = (kind: string, data: unknown) => ({ kind, text: "", data }) as never;
  it("follows_only_https_links_and_pages_of_this_interface", () => {
    expect([{ url: "https://a.com" }, "/desk/mine", "//evil.com", "javascript:alert(1)", "http://a.com", null, 7].map((data) => linkOf(outcome("open", data)))).toEqual([
      "https://a.com",
      "/desk/mine",
      null,
      null,
      null,
      null,
      null,
    ]);
  });
  it("takes_a_form_only_where_there_is_a_schema", () => {
    expect(nextForm(outcome("form", { schema: { type: "object" } }))).toEqual({ schema: { type: "object" } });
    expect([nextForm(outcome("form", null)), nextForm(outcome("done", { schema: {} }))]).toEqual([null, null]);
  });
  it("reads_field_errors_that_are_texts", () => {
    expect(fieldErrors(outcome("errors", { reason: "Escolha", other: 3 }))).toEqual({ reason: "Escolha" });
    expect(fieldErrors(outcome("errors", "x"))).toEqual({});
  });
  it("makes_a_file_of_text_or_base64_and_of_nothing_else", async () => {
    expect(await fileOf(outcome("file", { name: "a.csv", mime: "text/csv", text: "a;b" }))?.blob.text()).toBe("a;b");
    expect(await fileOf(outcome("file", { base64: "b2k=" }))?.blob.text()).toBe("oi");
    expect([fileOf(outcome("file", { base64: "%%%" })), fileOf(outcome("file", null))]).toEqual([null, null]);
  });
});
