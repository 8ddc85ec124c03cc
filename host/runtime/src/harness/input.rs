//! Calls as people write them: JSON in the contract's names (with `_` or `-`), what has an obvious default left out, times as RFC 3339, and
//! JSON texts (`extra`, `payload`…) as plain JSON.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::{call::Input, memory::value_instant, package::Package, permissions::is_contribution};

/// Fields that hold JSON as a text in the contract.
const JSON_TEXTS: [&str; 5] = ["extra", "data", "payload", "values", "parameters"];
/// Fields that hold an instant.
const INSTANTS: [&str; 4] = ["at", "last_inbound_at", "since", "until"];

/// The exports that can be called so, by the name on the command line, with the interface that has each.
pub const CALLS: [(&str, &str); 19] = [
    ("receive", "balcao:connector/channel"),
    ("send", "balcao:connector/channel"),
    ("describe", "balcao:connector/channel"),
    ("connect", "balcao:connector/channel"),
    ("disconnect", "balcao:connector/channel"),
    ("locate", "balcao:connector/channel-media"),
    ("signal", "balcao:connector/channel-signals"),
    ("edit", "balcao:connector/channel-edits"),
    ("revoke", "balcao:connector/channel-edits"),
    ("handle", "balcao:app/events"),
    ("fire", "balcao:app/timer-events"),
    ("form", "balcao:app/actions"),
    ("invoke", "balcao:app/actions"),
    ("render", "balcao:app/views"),
    ("report", "balcao:app/reports"),
    ("enable", "balcao:app/lifecycle"),
    ("migrate", "balcao:app/lifecycle"),
    ("health", "balcao:app/lifecycle"),
    ("disable", "balcao:app/lifecycle"),
];

/// The interface that exports the call of that name.
pub fn interface_of(call: &str) -> Option<&'static str> {
    CALLS
        .iter()
        .find(|(name, _)| *name == call)
        .map(|(_, interface)| *interface)
}

/// Whether the package exports this interface (without version) as this host calls it.
pub fn is_exported(package: &Package, interface: &str) -> bool {
    let mut exports = package.exports().iter();
    exports.any(|it| it.unversioned() == interface && is_contribution(it))
}

/// Reads the input of the export of that name, `receive` excepted: that is an HTTP request. `channel`: the one that is meant where the
/// input names none.
///
/// # Errors
/// What is wrong with it, for its author.
pub fn read(call: &str, given: Value, channel: &str) -> Result<Input, String> {
    let content = json!({"kind": "text", "text": "", "attachments": [], "extra": ""});
    let context = |id: &str| {
        let mut fields = json!({"user": "", "role": "admin", "about": null, "locale": "pt-BR"});
        fields[id] = Value::Null;
        fields
    };
    Ok(match call {
        "send" => {
            let defaults = json!({
                "channel": channel, "message": "msg_1", "attempt": 1, "thread": null, "recipient": null, "content": content,
                "reply_to": null, "last_inbound_at": null, "extra": "",
            });
            Input::Send(record(with_recipient(given), &defaults)?)
        }
        "edit" | "revoke" => {
            let defaults = json!({
                "channel": channel, "message": "msg_1", "attempt": 1, "thread": null, "recipient": null, "external_ids": [], "at": 0,
                "content": content, "extra": "",
            });
            let mut given = given;
            let new = match &mut given {
                Value::Object(fields) => fields.remove("to"),
                _ => None,
            };
            let target = record(with_recipient(given), &defaults)?;
            match (call, new) {
                ("revoke", None) => Input::Revoke(target),
                ("revoke", Some(_)) => return Err("`to` is no field".to_owned()),
                (_, Some(new)) => Input::Edit(target, record(new, &content)?),
                (_, None) => return Err("`to`: the content to be shown, is missing".to_owned()),
            }
        }
        "handle" => Input::Handle(record(
            given,
            &json!({
                "id": "evt_1", "kind": null, "at": 0, "conversation": null, "subject": null, "actor": null, "data": "",
            }),
        )?),
        "fire" => Input::Fire(record(
            given,
            &json!({"name": null, "at": 0, "about": null, "payload": ""}),
        )?),
        "form" | "invoke" => {
            let mut given = given;
            let values = match &mut given {
                Value::Object(fields) => fields.remove("values"),
                _ => None,
            };
            let mut defaults = context("action");
            defaults["extra"] = json!("");
            let context = record(given, &defaults)?;
            match call {
                "form" => Input::Form(context),
                _ => Input::Invoke(context, text_of(values.unwrap_or(json!({})))),
            }
        }
        "render" => {
            let mut defaults = context("view");
            defaults["parameters"] = json!("");
            Input::Render(record(given, &defaults)?)
        }
        "report" => Input::Report(record(
            given,
            &json!({"report": null, "since": 0, "until": i64::MAX, "locale": "pt-BR", "parameters": ""}),
        )?),
        "describe" => {
            let [channel] = texts(given, [("channel", Some(channel))])?;
            Input::Describe { channel }
        }
        "disconnect" => {
            let [channel] = texts(given, [("channel", Some(channel))])?;
            Input::Disconnect { channel }
        }
        "connect" => {
            let webhook = "https://balcao.invalid/hooks/channel";
            let [channel, webhook] = texts(
                given,
                [("channel", Some(channel)), ("webhook", Some(webhook))],
            )?;
            Input::Connect { channel, webhook }
        }
        "locate" => {
            let [channel, reference] = texts(given, [("channel", Some(channel)), ("ref", None)])?;
            Input::Locate { channel, reference }
        }
        "signal" => {
            let wanted = [
                ("channel", Some(channel)),
                ("thread", None),
                ("kind", None),
                ("data", Some("")),
            ];
            let [channel, thread, kind, data] = texts(given, wanted)?;
            Input::Signal {
                channel,
                thread,
                kind,
                data,
            }
        }
        "migrate" => {
            let old = given
                .get("old")
                .and_then(Value::as_u64)
                .and_then(|old| u32::try_from(old).ok());
            Input::Migrate {
                old: old.ok_or("`old`: the storage version before, a number")?,
            }
        }
        "enable" => Input::Enable,
        "health" => Input::Health,
        "disable" => Input::Disable,
        other => return Err(format!("`{other}` is no export that can be called")),
    })
}

/// In most channels the thread is the person.
fn with_recipient(mut given: Value) -> Value {
    if let Value::Object(fields) = &mut given
        && !fields.contains_key("recipient")
    {
        let thread = fields.get("thread").cloned().unwrap_or_default();
        fields.insert("recipient".to_owned(), thread);
    }
    given
}

/// Reads a record of the contract. `defaults` has all its fields; null: none, or required.
fn record<T: DeserializeOwned>(given: Value, defaults: &Value) -> Result<T, String> {
    let given = object(given)?;
    let filled = fill(given, defaults, "")?;
    serde_path_to_error::deserialize(filled).map_err(|error| {
        let path = error.path().to_string();
        format!("`{path}`: {}", error.into_inner())
    })
}

fn object(given: Value) -> Result<Map<String, Value>, String> {
    match given {
        Value::Object(fields) => Ok(fields),
        Value::Null => Ok(Map::new()),
        _ => Err("the input is a JSON object".to_owned()),
    }
}

fn fill(given: Map<String, Value>, defaults: &Value, place: &str) -> Result<Value, String> {
    let mut filled = defaults.clone();
    for (name, value) in given {
        let name = name.replace('-', "_");
        let Some(slot) = filled.get_mut(&name) else {
            let known: Vec<_> = defaults
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, _)| name.as_str())
                .collect();
            return Err(format!(
                "`{place}{name}` is no field; there are {}",
                known.join(", ")
            ));
        };
        *slot = match value {
            value if JSON_TEXTS.contains(&name.as_str()) => Value::String(text_of(value)),
            Value::Null => Value::Null,
            value if INSTANTS.contains(&name.as_str()) => {
                let instant =
                    value_instant(&value).ok_or(format!("`{place}{name}` is no time: {value}"))?;
                json!(instant)
            }
            Value::Object(fields) if slot.is_object() => {
                fill(fields, slot, &format!("{place}{name}."))?
            }
            Value::Array(items) if name == "attachments" => {
                let defaults = json!({"source": null, "mime": "", "name": "", "size": 0});
                let items = items
                    .into_iter()
                    .map(|item| fill(object(item)?, &defaults, "attachments."));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            value => value,
        };
    }
    Ok(filled)
}

/// A JSON text: as it is if it is a text already.
fn text_of(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        value => value.to_string(),
    }
}

fn texts<const N: usize>(
    given: Value,
    wanted: [(&str, Option<&str>); N],
) -> Result<[String; N], String> {
    let mut given = object(given)?;
    let mut found = [const { String::new() }; N];
    for (slot, (name, default)) in found.iter_mut().zip(wanted) {
        *slot = match (given.remove(name), default) {
            (Some(value), _) => text_of(value),
            (None, Some(default)) => default.to_owned(),
            (None, None) => return Err(format!("`{name}` is missing")),
        };
    }
    match given.keys().next() {
        Some(name) => Err(format!("`{name}` is no field")),
        None => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_an_obvious_default_may_be_left_out() {
        let given = json!({"thread": "5511900000001", "content": {"text": "Oi"}, "last-inbound-at": "2026-03-02T12:00:00Z"});
        let Input::Send(message) = read("send", given, "chn_1").unwrap() else {
            panic!("not a send")
        };
        assert_eq!(message.channel, "chn_1");
        assert_eq!(message.recipient, "5511900000001");
        assert_eq!(
            (message.content.kind.as_str(), message.content.text.as_str()),
            ("text", "Oi")
        );
        assert_eq!(message.last_inbound_at, Some(1_772_452_800_000_000));
        assert_eq!(message.reply_to, None);
    }

    #[test]
    fn json_texts_are_written_as_json() {
        let given = json!({"name": "tick", "payload": {"a": [1]}});
        let Input::Fire(timer) = read("fire", given, "").unwrap() else {
            panic!("not a timer")
        };
        assert_eq!(timer.payload, "{\"a\":[1]}");
        let given =
            json!({"action": "end", "user": "usr_1", "role": "agent", "values": {"reason": "r1"}});
        let Input::Invoke(context, values) = read("invoke", given, "").unwrap() else {
            panic!("not an action")
        };
        assert_eq!(
            (context.role.as_str(), values.as_str()),
            ("agent", "{\"reason\":\"r1\"}")
        );
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        let error = |call: &str, given: Value| read(call, given, "chn_1").unwrap_err();
        assert!(
            error("send", json!({"thread": "1", "colour": 1})).contains("`colour` is no field")
        );
        assert!(error("handle", json!({})).contains("`kind`"));
        assert!(error("locate", json!({})).contains("`ref` is missing"));
        assert!(error("fire", json!({"name": "x", "at": "soon"})).contains("is no time"));
        assert!(error("edit", json!({"thread": "1"})).contains("`to`"));
        assert!(error("revoke", json!({"thread": "1", "to": {}})).contains("`to` is no field"));
        assert!(error("dance", json!({})).contains("`dance`"));
    }
}
