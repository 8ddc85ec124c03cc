//! What an admin (or a settings file) gave, against the package's schema: defaults filled in, checked, and the secrets taken out of it.
//! Pure; stores nothing, and its messages repeat no value.

use std::fmt;

use jsonschema::error::ValidationErrorKind;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{manifest::schema::properties, package::Package, secrets::Secrets};

/// Settings as a plugin may read them, and the secrets, which it may not.
#[derive(Debug)]
pub struct Filled {
    /// One flat object, defaults included.
    pub settings: Value,
    pub secrets: Secrets,
}

/// Something wrong with what was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Invalid {
    /// Empty where it is about the whole.
    pub property: String,
    /// In English, without the value.
    pub message: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.property.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.property, self.message)
        }
    }
}

/// Checks one flat object that holds settings and secrets together. An empty secret counts as not given. A package without a schema takes
/// an empty object only.
///
/// # Errors
/// Everything that does not fit.
pub fn fill(package: &Package, given: &Value) -> Result<Filled, Vec<Invalid>> {
    let Some(given) = given.as_object() else {
        return Err(vec![invalid("", "settings are one JSON object")]);
    };
    let is_secret = |name: &str| package.manifest().secret(name).is_some();
    let mut values = given.clone();
    values.retain(|name, value| !(is_secret(name) && value.as_str() == Some("")));
    let schema = package.settings_schema();
    for (name, property) in schema.into_iter().flat_map(properties) {
        if let Some(default) = property
            .get("default")
            .filter(|_| !values.contains_key(name))
        {
            values.insert(name.clone(), default.clone());
        }
    }
    let found = problems(schema, &values);
    if !found.is_empty() {
        return Err(found);
    }
    let (secrets, settings): (Map<_, _>, Map<_, _>) =
        values.into_iter().partition(|(name, _)| is_secret(name));
    let secrets = secrets
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())));
    Ok(Filled {
        settings: Value::Object(settings),
        secrets: Secrets::new(secrets),
    })
}

/// What of settings and secrets together does not fit the schema; without one there is nothing to set.
pub fn problems(schema: Option<&Value>, values: &Map<String, Value>) -> Vec<Invalid> {
    let Some(schema) = schema else {
        return values
            .keys()
            .map(|name| invalid(name, "this app has no settings"))
            .collect();
    };
    let validator = match jsonschema::draft202012::new(schema) {
        Ok(validator) => validator,
        Err(error) => return vec![invalid("", format!("the schema cannot be used: {error}"))],
    };
    validator
        .iter_errors(&Value::Object(values.clone()))
        .map(|error| {
            let path = error.instance_path().as_str();
            match error.kind() {
                ValidationErrorKind::Required { property } => {
                    invalid(property.as_str().unwrap_or_default(), "is missing")
                }
                // The value may be a secret.
                _ => invalid(
                    path.split('/').nth(1).unwrap_or_default(),
                    error.masked().to_string(),
                ),
            }
        })
        .collect()
}

fn invalid(property: &str, message: impl Into<String>) -> Invalid {
    Invalid {
        property: property.to_owned(),
        message: message.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::package::{append, tests::component};

    const MANIFEST: &str = r#"
id = "example"
version = "0.1.0"
publisher = "Example"
name = { pt-BR = "Exemplo" }
"#;

    fn package() -> Package {
        let manifest =
            format!("{MANIFEST}[settings]\nschema = \"s.json\"\n[[secrets]]\nname = \"token\"\n");
        let schema = json!({
            "type": "object",
            "required": ["token"],
            "additionalProperties": false,
            "properties": {
                "token": {"type": "string", "minLength": 8, "writeOnly": true},
                "minutes": {"type": "integer", "default": 10, "maximum": 60},
                "phone": {"type": "string"},
            },
        });
        let schema = schema.to_string();
        Package::read(
            append(
                &component(&[], &[]),
                &manifest,
                [("s.json", schema.as_bytes())],
            )
            .into(),
        )
        .unwrap()
    }

    fn errors(given: Value) -> Vec<(String, String)> {
        fill(&package(), &given)
            .unwrap_err()
            .into_iter()
            .map(|e| (e.property, e.message))
            .collect()
    }

    #[test]
    fn secrets_are_taken_out_and_defaults_filled_in() {
        let filled = fill(&package(), &json!({"token": "12345678", "phone": "55"})).unwrap();
        assert_eq!(filled.settings, json!({"minutes": 10, "phone": "55"}));
        assert_eq!(filled.secrets.equals("token", b"12345678"), Ok(true));
        assert_eq!(
            fill(&package(), &json!({"token": "12345678", "minutes": 20}))
                .unwrap()
                .settings,
            json!({"minutes": 20})
        );
    }

    #[test]
    fn every_mistake_is_told_by_its_property_and_without_its_value() {
        let found = errors(json!({"token": "s3cr3t", "minutes": 61, "colour": "red"}));
        let properties: Vec<&str> = found
            .iter()
            .map(|(property, _)| property.as_str())
            .collect();
        assert!(
            properties.contains(&"token") && properties.contains(&"minutes") && found.len() == 3,
            "{found:?}"
        );
        assert!(
            found
                .iter()
                .all(|(_, message)| !message.contains("s3cr3t") && !message.contains("61")),
            "{found:?}"
        );
    }

    #[test]
    fn an_empty_secret_is_a_missing_one() {
        assert_eq!(errors(json!({"token": ""}))[0].0, "token");
        assert_eq!(errors(json!({}))[0].0, "token");
    }

    #[test]
    fn without_a_schema_there_is_nothing_to_set() {
        let package = Package::read(append(&component(&[], &[]), MANIFEST, []).into()).unwrap();
        assert_eq!(fill(&package, &json!({})).unwrap().settings, json!({}));
        assert_eq!(
            fill(&package, &json!({"a": 1})).unwrap_err(),
            [invalid("a", "this app has no settings")]
        );
        assert_eq!(
            fill(&package, &json!([])).unwrap_err(),
            [invalid("", "settings are one JSON object")]
        );
    }
}
