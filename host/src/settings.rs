//! Settings of plugins and channels: one flat object, checked against the package's JSON Schema, with its secrets taken out before anything is
//! stored or shown. Pure: what is kept where is the vault's and the store's.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// An object of settings.
pub type Settings = Map<String, Value>;

/// Settings parted into what may be shown and what may not.
#[derive(Debug, Default, PartialEq)]
pub struct Parted {
    pub plain: Settings,
    pub secrets: BTreeMap<String, String>,
}

/// Parts what somebody sent by the schema's `writeOnly` properties. A secret that is null or empty was not sent: the one there stays.
pub fn part(sent: Settings, schema: Option<&Value>) -> Parted {
    let names = secret_names(schema);
    let mut parted = Parted::default();
    for (name, value) in sent {
        if !names.contains(&name) {
            parted.plain.insert(name, value);
            continue;
        }
        match value {
            Value::Null => {}
            Value::String(text) if text.is_empty() => {}
            Value::String(text) => {
                parted.secrets.insert(name, text);
            }
            other => {
                parted.secrets.insert(name, other.to_string());
            }
        }
    }
    parted
}

/// The names of the schema's secrets.
pub fn secret_names(schema: Option<&Value>) -> Vec<String> {
    let properties = schema
        .and_then(|schema| schema.get("properties"))
        .and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .filter(|(_, property)| property.get("writeOnly").and_then(Value::as_bool) == Some(true))
        .map(|(name, _)| name.clone())
        .collect()
}

/// By name, what of whole settings says which account it is: the properties that the schema marks with `"x-account": true`.
pub fn account(
    plain: &Settings,
    secrets: &BTreeMap<String, String>,
    schema: Option<&Value>,
) -> BTreeMap<String, String> {
    let properties = schema.and_then(|schema| schema["properties"].as_object());
    let marked = properties.into_iter().flatten();
    let marked = marked.filter(|(_, property)| property["x-account"] == true);
    let value = |name: &String| {
        let shown = plain.get(name).and_then(Value::as_str);
        let value = shown.or(secrets.get(name).map(String::as_str))?.trim();
        (!value.is_empty()).then(|| (name.clone(), value.to_owned()))
    };
    marked.filter_map(|(name, _)| value(name)).collect()
}

/// What is wrong with whole settings, by field; empty where nothing is. A secret that the schema does not know is passed over: an earlier version of the
/// package may have had it. Repeats no value.
pub fn problems(
    plain: &Settings,
    secrets: &BTreeMap<String, String>,
    schema: Option<&Value>,
) -> BTreeMap<String, String> {
    let mut whole = plain.clone();
    let known = secret_names(schema).into_iter().filter_map(|name| {
        let value = Value::String(secrets.get(&name)?.clone());
        Some((name, value))
    });
    whole.extend(known);
    let mut found = BTreeMap::new();
    for problem in balcao_runtime::settings::problems(schema, &whole) {
        found.entry(problem.property).or_insert(problem.message);
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {
                "token": {"type": "string", "writeOnly": true, "minLength": 8},
                "account": {"type": "string"},
            },
            "required": ["token"],
            "additionalProperties": false,
        })
    }

    fn object(value: Value) -> Settings {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn secrets_are_taken_out_and_an_empty_one_was_not_sent() {
        let parted = part(
            object(json!({"token": "12345678", "account": "a"})),
            Some(&schema()),
        );
        assert_eq!(parted.plain, object(json!({"account": "a"})));
        assert_eq!(
            parted.secrets,
            BTreeMap::from([("token".into(), "12345678".into())])
        );
        for nothing in [json!({"token": ""}), json!({"token": null}), json!({})] {
            assert_eq!(part(object(nothing), Some(&schema())), Parted::default());
        }
    }

    #[test]
    fn an_account_is_what_the_schema_marks_and_somebody_has_set() {
        let marked = json!({"type": "string", "x-account": true});
        let schema =
            json!({"properties": {"id": marked, "token": marked, "name": {"type": "string"}}});
        let secrets = BTreeMap::from([("token".to_owned(), "hush".to_owned())]);
        let of = |plain: Value| account(&object(plain), &secrets, Some(&schema));
        let both =
            BTreeMap::from([("id", "7"), ("token", "hush")].map(|(a, b)| (a.into(), b.into())));
        assert_eq!(of(json!({"id": " 7", "name": "Loja"})), both);
        let token = BTreeMap::from([("token".to_owned(), "hush".to_owned())]);
        assert_eq!(of(json!({"id": ""})), token);
        assert_eq!(account(&Settings::new(), &secrets, None), BTreeMap::new());
    }

    #[test]
    fn what_is_wrong_is_said_by_field_and_never_shows_a_secret() {
        let schema = schema();
        let secrets = |text: &str| BTreeMap::from([("token".to_owned(), text.to_owned())]);
        assert!(problems(&object(json!({})), &secrets("12345678"), Some(&schema)).is_empty());
        let missing = problems(&object(json!({})), &BTreeMap::new(), Some(&schema));
        assert_eq!(missing.keys().collect::<Vec<_>>(), ["token"]);
        let short = problems(
            &object(json!({"account": 1})),
            &secrets("hush"),
            Some(&schema),
        );
        assert_eq!(short.keys().collect::<Vec<_>>(), ["account", "token"]);
        assert!(!short["token"].contains("hush"));
        let unknown = problems(
            &object(json!({"other": 1})),
            &secrets("12345678"),
            Some(&schema),
        );
        assert_eq!(unknown.len(), 1);
        let mut earlier = secrets("12345678");
        earlier.insert("signing".to_owned(), "hush".to_owned());
        assert!(problems(&object(json!({})), &earlier, Some(&schema)).is_empty());
        assert!(!problems(&object(json!({"any": 1})), &BTreeMap::new(), None).is_empty());
    }
}
