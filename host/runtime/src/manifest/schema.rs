//! The settings schema against the manifest: one flat object, each secret a `writeOnly` property and the reverse. Never sees a value.

use serde_json::Value;

use super::{Manifest, Problem};

/// Reads the schema asset.
///
/// # Errors
/// Every problem found, warnings included, if one of them is an error.
pub(crate) fn read(manifest: &Manifest, asset: &str, bytes: &[u8]) -> Result<Value, Vec<Problem>> {
    let schema: Value = serde_json::from_slice(bytes).map_err(|error| {
        vec![Problem::error(
            "schema-json",
            asset,
            format!("it is not JSON: {error}"),
            "correct it at the place named",
        )]
    })?;
    let mut found = Vec::new();
    shape(&schema, asset, &mut found);
    secrets(manifest, &schema, asset, &mut found);
    if found.is_empty() {
        Ok(schema)
    } else {
        Err(found)
    }
}

fn shape(schema: &Value, asset: &str, found: &mut Vec<Problem>) {
    if let Some(reference) = remote_reference(schema) {
        found.push(Problem::error(
            "schema-reference",
            asset,
            format!("it refers to `{reference}` outside itself"),
            "put the definition under `$defs` and refer to it with `#/$defs/…`",
        ));
        return;
    }
    let draft = schema.get("$schema").and_then(Value::as_str);
    if draft
        .is_some_and(|d| d.trim_end_matches('#') != "https://json-schema.org/draft/2020-12/schema")
    {
        found.push(Problem::error(
            "schema-draft",
            asset,
            "it is of another draft of JSON Schema",
            "use \"$schema\": \"https://json-schema.org/draft/2020-12/schema\"",
        ));
        return;
    }
    if let Err(error) = jsonschema::draft202012::meta::validate(schema) {
        found.push(Problem::error(
            "schema-invalid",
            asset,
            format!(
                "it is not a valid JSON Schema at `{}`: {error}",
                error.instance_path()
            ),
            "correct it at the place named",
        ));
        return;
    }
    if let Err(error) = jsonschema::draft202012::new(schema) {
        found.push(Problem::error(
            "schema-invalid",
            asset,
            format!("it cannot be used: {error}"),
            "correct it at the place named",
        ));
    }
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        found.push(Problem::error(
            "schema-object",
            asset,
            "it does not describe an object",
            "add \"type\": \"object\" and \"properties\"",
        ));
    }
    for (name, property) in properties(schema) {
        let place = format!("{asset}#/properties/{name}");
        if property.get("type").and_then(Value::as_str) == Some("object")
            || property.get("properties").is_some()
        {
            found.push(Problem::error(
                "schema-nested",
                place,
                format!("`{name}` is an object; settings are one flat object"),
                "move its properties up, with a common prefix",
            ));
        }
    }
}

fn secrets(manifest: &Manifest, schema: &Value, asset: &str, found: &mut Vec<Problem>) {
    for (name, property) in properties(schema) {
        let place = format!("{asset}#/properties/{name}");
        if property.get("writeOnly") != Some(&Value::Bool(true)) {
            continue;
        }
        if manifest.secret(name).is_none() {
            found.push(Problem::error(
                "secret-undeclared",
                place.clone(),
                format!("`{name}` is `writeOnly` but not declared as a secret"),
                format!("add [[secrets]] with `name = \"{name}\"`, or remove \"writeOnly\""),
            ));
        }
        if property.get("type").and_then(Value::as_str) != Some("string") {
            found.push(Problem::error(
                "secret-type",
                place.clone(),
                format!("the secret `{name}` is not a string"),
                "give it \"type\": \"string\"",
            ));
        }
        if property.get("default").is_some() {
            found.push(Problem::error(
                "secret-default",
                place,
                format!("the secret `{name}` has a default, which anybody can read"),
                "remove \"default\"",
            ));
        }
    }
    origins(schema, asset, found);
    for (i, secret) in manifest.secrets.iter().enumerate() {
        let property = schema.get("properties").and_then(|p| p.get(&secret.name));
        if property.and_then(|p| p.get("writeOnly")) != Some(&Value::Bool(true)) {
            found.push(Problem::error(
                "secret-property",
                format!("secrets[{i}].name"),
                format!("the settings schema has no `writeOnly` property `{}`", secret.name),
                format!("add \"{}\": {{\"type\": \"string\", \"title\": \"…\", \"writeOnly\": true}} to {asset}", secret.name),
            ));
        }
    }
}

/// The marked property says which sites' pages may speak to a channel: what the host cannot read would let in everybody.
fn origins(schema: &Value, asset: &str, found: &mut Vec<Problem>) {
    for (name, property) in properties(schema) {
        if property.get("x-origins").is_none() {
            continue;
        }
        let texts = property.get("type").and_then(Value::as_str) == Some("array")
            && property.pointer("/items/type").and_then(Value::as_str) == Some("string");
        if property.get("x-origins") != Some(&Value::Bool(true)) || !texts {
            found.push(Problem::error(
                "origins",
                format!("{asset}#/properties/{name}"),
                format!("`{name}` is marked as the allowed origins, but is no list of texts"),
                "give it \"type\": \"array\", \"items\": {\"type\": \"string\"} and \"x-origins\": true",
            ));
        }
    }
}

/// The properties of the schema's object.
pub(crate) fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
}

/// A `$ref` (or `$dynamicRef`) that would have to be fetched: the host fetches nothing to read a form.
fn remote_reference(schema: &Value) -> Option<&str> {
    match schema {
        Value::Object(members) => members.iter().find_map(|(key, value)| match value {
            Value::String(target)
                if matches!(key.as_str(), "$ref" | "$dynamicRef") && !target.starts_with('#') =>
            {
                Some(target.as_str())
            }
            value => remote_reference(value),
        }),
        Value::Array(items) => items.iter().find_map(remote_reference),
        _ => None,
    }
}
