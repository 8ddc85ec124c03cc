//! What a scenario expects after a step against what there is.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    Workbench,
    compare::{difference, is_like, normal, part},
    runner::Seen,
    scenario::{Act, Expect, Step},
};
use crate::memory::State;

/// Every difference, readable.
pub(crate) fn check(step: &Step, seen: &Seen, bench: &Workbench) -> Vec<String> {
    let expect = &step.expect;
    let mut wrong = Vec::new();
    wrong.extend(outcome(expect, seen));
    if matches!(step.act, Act::Webhook(_)) {
        let nothing = json!({"status": 200});
        let expected = expect.response.as_ref().unwrap_or(&nothing);
        let actual = with_readable_body(seen.response.as_ref().unwrap_or(&Value::Null));
        wrong.extend(differs("response", expected, &actual));
    }
    if let Some(expected) = &expect.result {
        let actual = seen.result.clone().unwrap_or_default();
        wrong.extend(differs("result", expected, &part(&actual, expected)));
    }
    wrong.extend(effects(expect, seen));
    if let Some(expected) = &expect.http {
        let expected = Value::Array(expected.clone());
        let actual = Value::Array(seen.http.iter().map(with_readable_body).collect());
        wrong.extend(differs("http", &expected, &part(&actual, &expected)));
    }
    wrong.extend(logs(expect, seen));
    let state = bench.world().snapshot();
    let plugin = &bench.package().manifest().id;
    if let Some(expected) = &expect.storage {
        let expected = Value::Object(expected.clone());
        wrong.extend(differs("storage", &expected, &storage(&state, plugin)));
    }
    if let Some(expected) = &expect.rows {
        wrong.extend(differs("rows", expected, &rows(&state, plugin)));
    }
    if let Some(expected) = &expect.timers {
        wrong.extend(differs("timers", expected, &timers(&state, plugin)));
    }
    wrong.extend(parts("conversations", &expect.conversations, |id| {
        conversation(&state, id)
    }));
    wrong.extend(parts("contacts", &expect.contacts, |id| {
        state
            .contacts
            .iter()
            .find(|(known, _)| same_id(known, id))
            .and_then(|(_, it)| serde_json::to_value(it).ok())
    }));
    wrong.extend(parts("channels", &expect.channels, |id| {
        state
            .channels
            .get(id)
            .and_then(|it| serde_json::to_value(it).ok())
    }));
    if let Some(runs) = expect.runs.filter(|runs| *runs != seen.runs) {
        wrong.push(format!("runs: {runs} expected, {} there were", seen.runs));
    }
    wrong
}

fn differs(what: &str, expected: &Value, actual: &Value) -> Option<String> {
    difference(expected, actual).map(|lines| format!("{what}: (- expected, + actual)\n{lines}"))
}

fn outcome(expect: &Expect, seen: &Seen) -> Vec<String> {
    let wanted = match (&expect.outcome, &expect.error) {
        (Some(outcome), _) => outcome.as_str(),
        (None, Some(_)) => "error",
        (None, None) => "ok",
    };
    let error = seen.error.as_ref().map(|it| json!(it)).unwrap_or_default();
    if wanted != seen.outcome {
        let said = match &seen.error {
            Some(it) => format!(": {} ({})", it.message, it.code),
            None => String::new(),
        };
        return vec![format!(
            "outcome: {wanted} expected, {}{said}",
            seen.outcome
        )];
    }
    let Some(expected) = &expect.error else {
        return Vec::new();
    };
    let (mut expected, mut actual) = (expected.clone(), error);
    let like = match (expected["message"].as_str(), actual["message"].as_str()) {
        (Some(pattern), Some(message)) => is_like(pattern, message),
        _ => false,
    };
    if like {
        expected["message"] = Value::Null;
        actual["message"] = Value::Null;
    }
    differs("error", &expected, &part(&actual, &expected))
        .into_iter()
        .collect()
}

fn effects(expect: &Expect, seen: &Seen) -> Vec<String> {
    if expect.effects.is_some() || expect.contains.is_empty() {
        let expected = Value::Array(expect.effects.clone().unwrap_or_default());
        let actual = Value::Array(seen.effects.clone());
        return differs("effects", &expected, &actual).into_iter().collect();
    }
    let mut left: Vec<_> = seen.effects.iter().collect();
    let mut wrong = Vec::new();
    for wanted in &expect.contains {
        match left.iter().position(|it| difference(wanted, it).is_none()) {
            Some(at) => drop(left.remove(at)),
            None => {
                let actual = Value::Array(seen.effects.clone());
                wrong.extend(differs("contains", &json!([wanted]), &actual));
            }
        }
    }
    wrong
}

/// A request or response as it is compared: headers as a table, JSON bodies as JSON.
fn with_readable_body(exchange: &Value) -> Value {
    let mut shown = exchange.clone();
    let body = exchange["body"]
        .as_str()
        .and_then(|text| serde_json::from_str::<Value>(text).ok());
    if let Some(body) = body.filter(|it| it.is_object() || it.is_array()) {
        shown["body"] = body;
    }
    let mut headers = Map::new();
    for header in exchange["headers"].as_array().into_iter().flatten() {
        if let (Some(name), Some(value)) = (header[0].as_str(), header[1].as_str()) {
            headers.insert(name.to_ascii_lowercase(), json!(value));
        }
    }
    shown["headers"] = Value::Object(headers);
    shown
}

fn logs(expect: &Expect, seen: &Seen) -> Option<String> {
    let expected = expect.logs.as_ref()?;
    let fits = expected.len() == seen.logs.len()
        && expected.iter().zip(&seen.logs).all(|(wanted, line)| {
            let message = line["message"].as_str().unwrap_or_default();
            line["level"] == json!(wanted.level) && is_like(&wanted.message, message)
        });
    if fits {
        return None;
    }
    let expected = expected
        .iter()
        .map(|it| json!({"level": it.level, "message": it.message}));
    let actual = Value::Array(seen.logs.clone());
    let shown = difference(&Value::Array(expected.collect()), &actual).unwrap_or_default();
    Some(format!("logs: (- expected, + actual)\n{shown}"))
}

fn json_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}

fn storage(state: &State, plugin: &str) -> Value {
    let own = state.storage.iter().filter(|((owner, _), kept)| {
        owner == plugin && kept.expires_at.is_none_or(|at| at > state.now)
    });
    own.map(|((_, key), kept)| (key.clone(), json_text(&kept.value)))
        .collect()
}

fn rows(state: &State, plugin: &str) -> Value {
    let mut found: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for ((owner, collection, key), row) in &state.rows {
        if owner == plugin {
            found
                .entry(collection)
                .or_default()
                .insert(key.clone(), json_text(&row.json));
        }
    }
    json!(found)
}

fn timers(state: &State, plugin: &str) -> Value {
    let own = state
        .timers
        .iter()
        .filter(|((owner, _), _)| owner == plugin);
    own.map(|((_, name), timer)| (name.clone(), json!(timer)))
        .collect()
}

/// Its state, and its messages and notes in order.
fn conversation(state: &State, id: &str) -> Option<Value> {
    let (known, found) = state
        .conversations
        .iter()
        .find(|(known, _)| same_id(known, id))?;
    let mut shown = serde_json::to_value(found).ok()?;
    let of = state
        .messages
        .values()
        .filter(|it| it.conversation == *known);
    shown["messages"] = of.filter_map(|it| serde_json::to_value(it).ok()).collect();
    Some(shown)
}

/// Ids that were minted may be written in short.
fn same_id(known: &str, written: &str) -> bool {
    known == written || normal(&json!(known)) == json!(written)
}

fn parts(
    what: &str,
    expected: &BTreeMap<String, Value>,
    find: impl Fn(&str) -> Option<Value>,
) -> Vec<String> {
    let differences = expected.iter().filter_map(|(id, wanted)| {
        let Some(actual) = find(id) else {
            let none = wanted.as_object().is_some_and(Map::is_empty);
            return (!none).then(|| format!("{what}: there is no {id}"));
        };
        differs(&format!("{what}.{id}"), wanted, &part(&actual, wanted))
    });
    differences.collect()
}
