//! Expected against actual. Both are brought into one form first, in which what is empty is left out, ids and times are readable and JSON
//! within texts is JSON: so an expectation names everything that is there and nothing that is not.

use serde_json::{Map, Value};

use crate::memory::{short_id, value_instant};

/// Fields that hold JSON as a text in the contract.
const JSON_TEXTS: [&str; 7] = [
    "extra",
    "data",
    "payload",
    "values",
    "parameters",
    "value",
    "row",
];
/// In an expectation: anything but nothing.
const ANYTHING: &str = "*";
/// Numbers in between are microseconds of our times: 2000 and 2100.
const TIMES: std::ops::Range<i64> = 946_684_800_000_000..4_102_444_800_000_000;

/// The common form of a value.
pub(crate) fn normal(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(normal_fields(fields)),
        Value::Array(items) => Value::Array(items.iter().map(normal).collect()),
        Value::Number(number) => match number.as_i64().filter(|it| TIMES.contains(it)) {
            Some(at) => Value::String(time(at)),
            None => value.clone(),
        },
        Value::String(text) => Value::String(normal_text(text)),
        Value::Null | Value::Bool(_) => value.clone(),
    }
}

fn normal_fields(fields: &Map<String, Value>) -> Map<String, Value> {
    let mut found = Map::new();
    for (name, value) in fields {
        let json = match value {
            Value::String(text) if JSON_TEXTS.contains(&name.as_str()) => {
                serde_json::from_str(text).ok()
            }
            _ => None,
        };
        let value = normal(json.as_ref().unwrap_or(value));
        if !is_nothing(&value) {
            found.insert(normal_text(name), value);
        }
    }
    found
}

fn normal_text(text: &str) -> String {
    // Times begin with a year; nothing else is tried.
    let may_be_time = text.len() >= 20 && text.as_bytes()[..4].iter().all(u8::is_ascii_digit);
    match value_instant(&Value::String(text.to_owned())).filter(|_| may_be_time) {
        Some(at) => time(at),
        None => short_id(text),
    }
}

fn time(at: i64) -> String {
    jiff::Timestamp::from_microsecond(at).map_or_else(|_| at.to_string(), |at| at.to_string())
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

/// Of `actual` only what `expected` speaks of, for what is expected in part; lists of records item by item.
pub(crate) fn part(actual: &Value, expected: &Value) -> Value {
    match (actual, expected) {
        // An empty record speaks of the whole: it says that there is none.
        (Value::Object(actual), Value::Object(expected)) if !expected.is_empty() => {
            let named = expected
                .iter()
                .filter_map(|(name, wanted)| Some((name.clone(), part(actual.get(name)?, wanted))));
            Value::Object(named.collect())
        }
        (Value::Array(items), Value::Array(wanted)) => {
            let item = |(index, item): (usize, &Value)| {
                wanted
                    .get(index)
                    .map_or_else(|| item.clone(), |wanted| part(item, wanted))
            };
            Value::Array(items.iter().enumerate().map(item).collect())
        }
        (actual, _) => actual.clone(),
    }
}

/// The difference as lines, expected `-`, actual `+`; none where there is none.
pub(crate) fn difference(expected: &Value, actual: &Value) -> Option<String> {
    let (expected, actual) = (normal(expected), normal(actual));
    let expected = granted(&expected, &actual);
    if expected == actual {
        return None;
    }
    let text = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    Some(lines(&text(&expected), &text(&actual)))
}

/// The expectation with what stands for anything replaced by what is there.
fn granted(expected: &Value, actual: &Value) -> Value {
    match (expected, actual) {
        (Value::String(text), actual) if text == ANYTHING => actual.clone(),
        (Value::Object(expected), Value::Object(actual)) => {
            let fields = expected.iter().map(|(name, wanted)| {
                let there = actual.get(name).map(|there| granted(wanted, there));
                (name.clone(), there.unwrap_or_else(|| wanted.clone()))
            });
            Value::Object(fields.collect())
        }
        (Value::Array(expected), Value::Array(actual)) => {
            let items = expected.iter().enumerate().map(|(index, wanted)| {
                let there = actual.get(index).map(|there| granted(wanted, there));
                there.unwrap_or_else(|| wanted.clone())
            });
            Value::Array(items.collect())
        }
        (expected, _) => expected.clone(),
    }
}

/// Whether the text is the pattern, in which `*` stands for any characters.
pub(crate) fn is_like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// A line difference by the longest common subsequence.
fn lines(old: &str, new: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let mut common = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = match old[i] == new[j] {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut out = Vec::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            out.push(format!("    {}", old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            out.push(format!("  - {}", old[i]));
            i += 1;
        } else {
            out.push(format!("  + {}", new[j]));
            j += 1;
        }
    }
    out.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_expectation_does_not_name_must_be_nothing() {
        let actual = json!({"text": "Oi", "extra": "", "private": false, "attachments": []});
        assert_eq!(difference(&json!({"text": "Oi"}), &actual), None);
        let actual = json!({"text": "Oi", "extra": "{\"voice\":true}"});
        assert!(difference(&json!({"text": "Oi"}), &actual).is_some());
        assert_eq!(
            difference(&json!({"text": "Oi", "extra": {"voice": true}}), &actual),
            None
        );
        assert!(
            difference(
                &json!({"text": "Oi", "reason": "x"}),
                &json!({"text": "Oi"})
            )
            .is_some()
        );
    }

    #[test]
    fn times_and_ids_compare_in_either_spelling_and_different_ones_differ() {
        let actual =
            json!({"at": 1_772_452_800_000_000_i64, "id": "msg_00000000000000000000000001"});
        assert_eq!(
            difference(
                &json!({"at": "2026-03-02T12:00:00Z", "id": "msg_1"}),
                &actual
            ),
            None
        );
        assert_eq!(
            difference(
                &json!({"at": "2026-03-02T09:00:00-03:00", "id": "msg_1"}),
                &actual
            ),
            None
        );
        assert!(
            difference(
                &json!({"at": "2026-03-02T12:00:01Z", "id": "msg_1"}),
                &actual
            )
            .is_some()
        );
        assert!(
            difference(
                &json!({"at": "2026-03-02T12:00:00Z", "id": "msg_2"}),
                &actual
            )
            .is_some()
        );
    }

    #[test]
    fn a_star_stands_for_anything_but_nothing() {
        assert_eq!(difference(&json!({"id": "*"}), &json!({"id": "x"})), None);
        assert!(difference(&json!({"id": "*"}), &json!({"id": ""})).is_some());
        assert!(is_like("ignored * of *", "ignored one of two"));
        assert!(is_like("exact", "exact"));
        assert!(!is_like("exact", "exactly"));
        assert!(!is_like("a*b", "a-c"));
        assert!(is_like("*", ""));
    }

    #[test]
    fn a_difference_is_shown_line_by_line() {
        let shown = difference(&json!({"a": "x", "b": "y"}), &json!({"a": "x", "b": "z"})).unwrap();
        assert_eq!(
            shown,
            "    {\n      \"a\": \"x\",\n  -   \"b\": \"y\"\n  +   \"b\": \"z\"\n    }"
        );
    }

    #[test]
    fn a_part_is_only_of_what_is_named_and_nothing_can_be_named_too() {
        let actual = json!({"status": "queued", "offer": {"agent": "usr_1", "since": 7}});
        let differs = |expected: Value| difference(&expected, &part(&actual, &expected)).is_some();
        assert!(!differs(json!({"status": "queued"})));
        assert!(!differs(json!({"offer": {"agent": "usr_1"}})));
        assert!(differs(json!({"offer": {"agent": "usr_2"}})));
        assert!(differs(json!({"offer": {}})));
        assert!(!differs(json!({"team": {}})));
    }
}
