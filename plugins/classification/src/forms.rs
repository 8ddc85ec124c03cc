//! The forms that are shown. Pure: what they hold comes from the arguments alone.

use crate::classification::{MAX_CENTS, Row};
use crate::reason::{Category, Entry, MAX_DESCRIPTION};
use crate::words::{self, Text};
use balcao_plugin::json::{Value, json};

/// In place of a reason's id: a new one.
pub const NEW: &str = "new";

/// Reasons by category, the value where the reason asks for one (B3), and for admins the way to the reasons (B6). `before` is what was chosen
/// the last time, if the conversation has been classified and reopened.
pub fn classify(entries: &[Entry], before: Option<&Row>, admin: bool) -> Value {
    choice(entries, before, admin, words::CONCLUDE)
}

/// The reasons for a conversation that is concluded already (B4).
pub fn reclassify(entries: &[Entry], before: Option<&Row>) -> Value {
    choice(entries, before, false, words::RECLASSIFY)
}

fn choice(entries: &[Entry], before: Option<&Row>, admin: bool, submit: Text) -> Value {
    let mut properties = json!({});
    let mut rules = Vec::new();
    if !entries.is_empty() {
        properties["reason"] = json!({
            "type": "string", "title": "Motivo", "x-en": {"title": "Reason"}, "oneOf": options(entries),
        });
    }
    if admin {
        properties["manage"] = json!({
            "type": "boolean",
            "title": "Alterar Classificação de Atendimento",
            "description": "Em vez de concluir, cadastrar, alterar ou remover motivos.",
            "x-submit": "Continuar",
            "x-en": {
                "title": "Change the reasons",
                "description": "Instead of concluding: add, change or remove reasons.",
                "x-submit": "Continue",
            },
        });
        let needed = if entries.is_empty() {
            "manage"
        } else {
            "reason"
        };
        rules.push(json!({
            "if": {"properties": {"manage": {"const": true}}, "required": ["manage"]},
            "else": {"required": [needed]},
        }));
    }
    let monetary: Vec<&str> = entries
        .iter()
        .filter(|it| it.reason.monetary)
        .map(|it| it.id.as_str())
        .collect();
    if !monetary.is_empty() {
        // Whoever goes to the reasons is asked for nothing else; without the field nobody does.
        rules.push(json!({
            "if": {"properties": {"reason": {"enum": monetary}, "manage": {"const": false}}, "required": ["reason"]},
            "then": {
                "properties": {"value": {
                    "type": "number", "title": "Valor (R$)", "x-en": {"title": "Value (R$)"},
                    "minimum": 0, "maximum": MAX_CENTS as f64 / 100.0,
                }},
                "required": ["value"],
            },
        }));
    }
    let mut schema = json!({
        "type": "object", "properties": properties, "x-submit": submit.pt, "x-en": {"x-submit": submit.en},
    });
    if !admin {
        schema["required"] = json!(["reason"]);
    }
    if !rules.is_empty() {
        schema["allOf"] = Value::Array(rules);
    }
    let mut values = json!({});
    if let Some(row) = before.filter(|row| entries.iter().any(|it| it.id == row.reason)) {
        values["reason"] = json!(row.reason);
        if let Some(cents) = row.value_cents {
            values["value"] = json!(cents as f64 / 100.0);
        }
    }
    json!({
        "schema": schema,
        "ui": {"ui:order": ["reason", "value", "*"], "reason": {"ui:widget": "radio"}},
        "values": values,
    })
}

/// Which reason to change, or a new one (B2). `within` says that it was asked for from the form above, whose rules the values must meet.
pub fn manage(entries: &[Entry], within: bool) -> Value {
    let mut choices = vec![json!({
        "const": NEW, "title": "Cadastrar novo motivo", "x-group": "Novo",
        "x-en": {"title": "Add a new reason", "x-group": "New"},
    })];
    choices.extend(options(entries));
    json!({
        "schema": {
            "type": "object",
            "title": "Motivos de classificação",
            "x-submit": "Continuar",
            "x-en": {"title": "Reasons", "x-submit": "Continue"},
            "properties": {
                "entry": {"type": "string", "title": "Motivo", "x-en": {"title": "Reason"}, "oneOf": choices},
                "manage": {"type": "boolean"},
            },
            "required": ["entry"],
        },
        "ui": {"entry": {"ui:widget": "radio"}, "manage": {"ui:widget": "hidden"}},
        "values": if within { json!({"manage": true}) } else { json!({}) },
    })
}

/// One reason to be written (B2); none: a new one.
pub fn edit(entry: Option<&Entry>, within: bool) -> Value {
    let categories: Vec<Value> = Category::ALL
        .iter()
        .map(|it| json!({"const": it.code(), "title": it.title().pt, "x-en": {"title": it.title().en}}))
        .collect();
    let mut properties = json!({
        "description": {
            "type": "string", "title": "Descrição", "x-en": {"title": "Description"}, "minLength": 1, "maxLength": MAX_DESCRIPTION,
        },
        "category": {"type": "string", "title": "Categoria", "x-en": {"title": "Category"}, "oneOf": categories},
        "monetary": {"type": "boolean", "title": "Pedir valor monetário", "x-en": {"title": "Ask for a value"}},
        "entry": {"type": "string"},
        "save": {"type": "boolean"},
        "manage": {"type": "boolean"},
    });
    let mut values = json!({"entry": NEW, "save": true});
    let mut submit = words::ADD_REASON;
    if let Some(Entry { id, reason }) = entry {
        properties["remove"] = json!({
            "type": "boolean",
            "title": "Remover este motivo",
            "description": "O que já foi classificado com ele continua nos registros.",
            "x-submit": "Remover motivo",
            "x-en": {
                "title": "Remove this reason",
                "description": "What was classified with it stays on record.",
                "x-submit": "Remove reason",
            },
        });
        values = json!({
            "entry": id, "save": true, "description": reason.description, "category": reason.category, "monetary": reason.monetary,
        });
        submit = words::SAVE_REASON;
    }
    if within {
        values["manage"] = json!(true);
    }
    json!({
        "schema": {
            "type": "object",
            "title": "Motivo",
            "x-submit": submit.pt,
            "x-en": {"title": "Reason", "x-submit": submit.en},
            "properties": properties,
            "required": ["description", "category"],
        },
        "ui": {
            "ui:order": ["description", "category", "monetary", "*"],
            "category": {"ui:widget": "radio"},
            "entry": {"ui:widget": "hidden"},
            "save": {"ui:widget": "hidden"},
            "manage": {"ui:widget": "hidden"},
        },
        "values": values,
    })
}

/// Reasons as choices, in the categories' order.
fn options(entries: &[Entry]) -> Vec<Value> {
    let of = |category| {
        entries
            .iter()
            .filter(move |it| it.reason.category == category)
    };
    Category::ALL
        .into_iter()
        .flat_map(of)
        .map(|it| {
            let group = it.reason.category.title();
            json!({
                "const": it.id, "title": it.reason.description, "x-group": group.pt, "x-en": {"x-group": group.en},
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::{defaults, id};

    fn entries() -> Vec<Entry> {
        let numbered = (1..).zip(defaults());
        numbered
            .map(|(number, reason)| Entry {
                id: id(number),
                reason,
            })
            .collect()
    }

    fn row(reason: &str) -> Row {
        Row {
            conversation: "cnv_1".into(),
            category: Category::Achieved,
            reason: reason.into(),
            description: "Venda realizada".into(),
            value_cents: Some(1050),
            agent: "usr_1".into(),
            team: None,
            channel: "chn_1".into(),
            at: 1,
        }
    }

    #[test]
    fn reasons_stand_under_their_categories_in_the_fixed_order() {
        let mut shuffled = entries();
        shuffled.reverse();
        let form = classify(&shuffled, None, false);
        let options = form["schema"]["properties"]["reason"]["oneOf"]
            .as_array()
            .unwrap();
        let groups: Vec<[&Value; 2]> = options
            .iter()
            .map(|it| [&it["x-group"], &it["x-en"]["x-group"]])
            .collect();
        let titles = Category::ALL.map(|it| [it.title().pt, it.title().en]);
        assert_eq!(groups, titles);
        assert_eq!(form["schema"]["required"], json!(["reason"]));
        assert_eq!(
            form["schema"]["allOf"][0]["if"]["properties"]["reason"]["enum"],
            json!(["r000001"])
        );
    }

    #[test]
    fn a_reason_with_a_value_requires_it_unless_somebody_goes_to_the_reasons() {
        for admin in [false, true] {
            let form = classify(&entries(), None, admin);
            let rules = form["schema"]["allOf"].as_array().unwrap();
            let rule = rules.last().unwrap();
            let when = json!({
                "properties": {"reason": {"enum": ["r000001"]}, "manage": {"const": false}},
                "required": ["reason"],
            });
            assert_eq!(rule["if"], when);
            assert_eq!(rule["then"]["required"], json!(["value"]));
        }
    }

    #[test]
    fn every_button_says_what_it_does_and_later_forms_have_their_own_title() {
        let said = |it: &Value| [it["x-submit"].clone(), it["x-en"]["x-submit"].clone()];
        let entries = entries();
        let first = entries.first();
        let forms = [
            classify(&entries, None, true),
            reclassify(&entries, None),
            manage(&entries, true),
            edit(None, true),
            edit(first, true),
        ];
        assert_eq!(
            forms.each_ref().map(|it| said(&it["schema"])),
            [
                ["Classificar e concluir", "Classify and conclude"],
                ["Salvar classificação", "Save classification"],
                ["Continuar", "Continue"],
                ["Cadastrar motivo", "Add reason"],
                ["Salvar motivo", "Save reason"],
            ]
        );
        let field = |form: usize, name| &forms[form]["schema"]["properties"][name];
        assert_eq!(said(field(0, "manage")), ["Continuar", "Continue"]);
        assert_eq!(
            said(field(4, "remove")),
            ["Remover motivo", "Remove reason"]
        );
        let title = |it: &Value| [it["title"].clone(), it["x-en"]["title"].clone()];
        assert_eq!(
            forms[2..]
                .iter()
                .map(|it| title(&it["schema"]))
                .collect::<Vec<_>>(),
            [
                ["Motivos de classificação", "Reasons"],
                ["Motivo", "Reason"],
                ["Motivo", "Reason"],
            ]
        );
    }

    #[test]
    fn only_admins_are_offered_the_reasons_and_need_none_to_get_there() {
        let schema = |entries: &[Entry], admin| classify(entries, None, admin)["schema"].clone();
        assert!(schema(&entries(), false)["properties"]["manage"].is_null());
        let admins = schema(&entries(), true);
        assert_eq!(admins["properties"]["manage"]["type"], "boolean");
        assert!(admins["required"].is_null());
        assert_eq!(admins["allOf"][0]["else"]["required"], json!(["reason"]));
        let empty = schema(&[], true);
        assert!(empty["properties"]["reason"].is_null());
        assert_eq!(empty["allOf"][0]["else"]["required"], json!(["manage"]));
    }

    #[test]
    fn what_was_chosen_is_filled_in_unless_the_reason_is_gone() {
        let values = |reason| classify(&entries(), Some(&row(reason)), false)["values"].clone();
        assert_eq!(
            values("r000001"),
            json!({"reason": "r000001", "value": 10.5})
        );
        assert_eq!(values("r000099"), json!({}));
    }

    #[test]
    fn a_new_reason_cannot_be_removed_and_a_present_one_is_filled_in() {
        assert!(edit(None, false)["schema"]["properties"]["remove"].is_null());
        let form = edit(entries().first(), true);
        assert_eq!(form["schema"]["properties"]["remove"]["type"], "boolean");
        assert_eq!(
            form["values"],
            json!({
                "entry": "r000001", "save": true, "manage": true,
                "description": "Venda realizada", "category": "achieved", "monetary": true,
            })
        );
    }
}
