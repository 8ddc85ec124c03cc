//! Queries, counts and sums over the rows of a plugin's collections, by declared indexes only. Periods (`day(…)`, `week(…)`, `month(…)`)
//! are UTC's; a week is named by its Monday.

use std::{cmp::Ordering, collections::BTreeMap, collections::BTreeSet};

use serde_json::{Map, Value};

use super::state::State;
use crate::{
    services::{Aggregate, Query, refused},
    wit::{
        Error, Instant,
        collections::{Condition, Entry, Group},
    },
};

/// The indexes of a collection that the manifest declares.
pub(crate) fn declared<'a>(
    state: &'a State,
    plugin: &str,
    collection: &str,
) -> Result<&'a BTreeSet<String>, Error> {
    let found = state
        .plugins
        .get(plugin)
        .and_then(|it| it.collections.get(collection));
    found.ok_or_else(|| {
        let cut = crate::bounds::cut(collection, 64);
        refused(
            "not-found",
            format!("the manifest declares no collection `{cut}`"),
        )
    })
}

fn indexed(indexes: &BTreeSet<String>, field: &str) -> Result<(), Error> {
    if indexes.contains(field) {
        return Ok(());
    }
    let cut = crate::bounds::cut(field, 64);
    Err(refused(
        "invalid",
        format!("`{cut}` is no index of this collection"),
    ))
}

/// A row whose JSON has been read.
struct Read<'a> {
    key: &'a str,
    json: &'a str,
    fields: Map<String, Value>,
}

impl Read<'_> {
    fn field(&self, name: &str) -> &Value {
        self.fields.get(name).unwrap_or(&Value::Null)
    }
}

fn matching<'a>(
    state: &'a State,
    plugin: &str,
    collection: &str,
    conditions: &[Condition],
) -> Result<Vec<Read<'a>>, Error> {
    let indexes = declared(state, plugin, collection)?;
    let mut wanted = Vec::new();
    for condition in conditions {
        indexed(indexes, &condition.field)?;
        let value: Value = serde_json::from_str(&condition.value)
            .map_err(|error| refused("invalid", format!("a condition's value is JSON: {error}")))?;
        let known = matches!(condition.op.as_str(), "eq" | "gte" | "lt")
            || (condition.op == "in" && value.is_array());
        if !known {
            return Err(refused(
                "invalid",
                "a condition is eq, gte, lt, or in with an array",
            ));
        }
        wanted.push((condition, value));
    }
    let start = (plugin.to_owned(), collection.to_owned(), String::new());
    let rows = state
        .rows
        .range(start..)
        .take_while(|((owner, name, _), _)| owner == plugin && name == collection)
        .map(|((_, _, key), row)| Read {
            key,
            json: &row.json,
            fields: serde_json::from_str(&row.json).unwrap_or_default(),
        })
        .filter(|row| {
            wanted
                .iter()
                .all(|(condition, value)| fits(row.field(&condition.field), &condition.op, value))
        });
    Ok(rows.collect())
}

fn fits(field: &Value, op: &str, value: &Value) -> bool {
    match op {
        "eq" => compare(field, value) == Ordering::Equal,
        "in" => value
            .as_array()
            .is_some_and(|any| any.iter().any(|it| compare(field, it) == Ordering::Equal)),
        // What has no such field is neither before nor after.
        "gte" => same_kind(field, value) && compare(field, value) != Ordering::Less,
        "lt" => same_kind(field, value) && compare(field, value) == Ordering::Less,
        _ => false,
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}

fn same_kind(one: &Value, other: &Value) -> bool {
    rank(one) == rank(other)
}

fn compare(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        (Value::Number(one), Value::Number(other)) => match (one.as_i64(), other.as_i64()) {
            (Some(one), Some(other)) => one.cmp(&other),
            _ => {
                let (one, other) = (one.as_f64(), other.as_f64());
                one.unwrap_or(f64::NAN)
                    .total_cmp(&other.unwrap_or(f64::NAN))
            }
        },
        (Value::String(one), Value::String(other)) => one.cmp(other),
        _ if same_kind(one, other) => one.to_string().cmp(&other.to_string()),
        _ => rank(one).cmp(&rank(other)),
    }
}

pub(crate) fn query(state: &State, plugin: &str, query: &Query) -> Result<Vec<Entry>, Error> {
    let mut found = matching(state, plugin, &query.collection, &query.conditions)?;
    if !query.order.is_empty() {
        indexed(declared(state, plugin, &query.collection)?, &query.order)?;
        found.sort_by(|one, other| {
            let fields = compare(one.field(&query.order), other.field(&query.order));
            fields.then_with(|| one.key.cmp(other.key))
        });
    }
    if query.descending {
        found.reverse();
    }
    let start = match &query.after {
        None => 0,
        Some(after) => match found.iter().position(|row| row.key == after) {
            Some(at) => at + 1,
            None => {
                let cut = crate::bounds::cut(after, 64);
                return Err(refused(
                    "invalid",
                    format!("after: `{cut}` is none of these rows"),
                ));
            }
        },
    };
    let page = found.into_iter().skip(start).take(query.limit as usize);
    Ok(page
        .map(|row| Entry {
            key: row.key.to_owned(),
            row: row.json.to_owned(),
        })
        .collect())
}

/// A field, or a period of one.
enum By<'a> {
    Field(&'a str),
    Period(&'static str, &'a str),
}

fn by<'a>(indexes: &BTreeSet<String>, text: &'a str) -> Result<By<'a>, Error> {
    for period in ["day", "week", "month"] {
        let inner = text
            .strip_prefix(period)
            .and_then(|it| it.strip_prefix('('));
        if let Some(field) = inner.and_then(|it| it.strip_suffix(')')) {
            indexed(indexes, field)?;
            return Ok(By::Period(period, field));
        }
    }
    indexed(indexes, text)?;
    Ok(By::Field(text))
}

impl By<'_> {
    fn of(&self, row: &Read<'_>) -> Value {
        match self {
            Self::Field(name) => row.field(name).clone(),
            Self::Period(period, name) => {
                let named = row.field(name).as_i64().and_then(|at| name_of(period, at));
                named.map_or(Value::Null, Value::String)
            }
        }
    }
}

fn name_of(period: &str, at: Instant) -> Option<String> {
    let date = jiff::Timestamp::from_microsecond(at)
        .ok()?
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let date = match period {
        "month" => return Some(date.strftime("%Y-%m").to_string()),
        "week" => {
            let since_monday = i64::from(date.weekday().to_monday_zero_offset());
            date.checked_sub(jiff::Span::new().days(since_monday))
                .ok()?
        }
        _ => date,
    };
    Some(date.to_string())
}

pub(crate) fn aggregate(
    state: &State,
    plugin: &str,
    query: &Aggregate,
) -> Result<Vec<Group>, Error> {
    let indexes = declared(state, plugin, &query.collection)?;
    let keys = query
        .by
        .iter()
        .map(|text| by(indexes, text))
        .collect::<Result<Vec<_>, _>>()?;
    for field in &query.sum {
        indexed(indexes, field)?;
    }
    let rows = matching(state, plugin, &query.collection, &query.conditions)?;
    // By the values' texts, so that the order is the same every time.
    let mut groups: BTreeMap<Vec<String>, Group> = BTreeMap::new();
    for row in rows {
        let values: Vec<String> = keys.iter().map(|key| key.of(&row).to_string()).collect();
        let group = groups.entry(values.clone()).or_insert_with(|| Group {
            values,
            count: 0,
            sums: vec![0; query.sum.len()],
        });
        group.count += 1;
        for (sum, field) in group.sums.iter_mut().zip(&query.sum) {
            *sum = sum.saturating_add(row.field(field).as_i64().unwrap_or(0));
        }
    }
    Ok(groups.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{Given, Installed};

    fn state() -> State {
        let rows = serde_json::json!({"sales": {
            "a": {"team": "one", "cents": 100, "at": 1_772_366_400_000_000_i64},
            "b": {"team": "two", "cents": 250, "at": 1_772_452_800_000_000_i64},
            "c": {"team": "one", "cents": 50, "at": 1_775_044_800_000_000_i64},
            "d": {"team": "one"},
        }});
        let mut given: Given = serde_json::from_value(serde_json::json!({"rows": rows})).unwrap();
        let indexes = ["team", "cents", "at"].map(str::to_owned).into();
        given.plugin = Some(Installed {
            id: "app".into(),
            collections: BTreeMap::from([("sales".to_owned(), indexes)]),
            ..Installed::default()
        });
        State::from_given(given).unwrap()
    }

    fn condition(field: &str, op: &str, value: &str) -> Condition {
        Condition {
            field: field.into(),
            op: op.into(),
            value: value.into(),
        }
    }

    fn keys(
        conditions: Vec<Condition>,
        order: &str,
        descending: bool,
        after: Option<&str>,
    ) -> Vec<String> {
        let asked = Query {
            collection: "sales".into(),
            conditions,
            order: order.into(),
            descending,
            after: after.map(str::to_owned),
            limit: 10,
        };
        let found = query(&state(), "app", &asked).unwrap();
        found.into_iter().map(|it| it.key).collect()
    }

    #[test]
    fn rows_are_found_by_indexes_in_the_order_asked_for_and_page_on_after_a_key() {
        assert_eq!(
            keys(vec![condition("team", "eq", "\"one\"")], "", false, None),
            ["a", "c", "d"]
        );
        assert_eq!(
            keys(vec![condition("cents", "gte", "100")], "cents", true, None),
            ["b", "a"]
        );
        assert_eq!(
            keys(vec![condition("cents", "lt", "100")], "", false, None),
            ["c"]
        );
        assert_eq!(
            keys(
                vec![condition("team", "in", "[\"two\",\"three\"]")],
                "",
                false,
                None
            ),
            ["b"]
        );
        assert_eq!(keys(vec![], "cents", false, Some("c")), ["a", "b"]);
    }

    #[test]
    fn what_is_not_declared_is_refused() {
        let asked = |collection: &str, field: &str| Query {
            collection: collection.into(),
            conditions: vec![condition(field, "eq", "1")],
            order: String::new(),
            descending: false,
            after: None,
            limit: 10,
        };
        assert_eq!(
            query(&state(), "app", &asked("sales", "colour"))
                .unwrap_err()
                .code,
            "invalid"
        );
        assert_eq!(
            query(&state(), "app", &asked("nothing", "team"))
                .unwrap_err()
                .code,
            "not-found"
        );
        assert_eq!(
            query(&state(), "other", &asked("sales", "team"))
                .unwrap_err()
                .code,
            "not-found"
        );
    }

    #[test]
    fn counts_and_sums_are_by_group_and_period() {
        let asked = |by: &str| Aggregate {
            collection: "sales".into(),
            conditions: vec![],
            by: vec![by.into()],
            sum: vec!["cents".into()],
        };
        let found = |by: &str| {
            let groups = aggregate(&state(), "app", &asked(by)).unwrap();
            groups
                .into_iter()
                .map(|it| (it.values.concat(), it.count, it.sums[0]))
                .collect::<Vec<_>>()
        };
        let group = |name: &str, count, sum| (name.to_owned(), count, sum);
        assert_eq!(
            found("team"),
            [group("\"one\"", 3, 150), group("\"two\"", 1, 250)]
        );
        assert_eq!(
            found("month(at)"),
            [
                group("\"2026-03\"", 2, 350),
                group("\"2026-04\"", 1, 50),
                group("null", 1, 0)
            ]
        );
        // 1 March 2026 is a Sunday, the 2nd a Monday.
        assert_eq!(
            found("week(at)")[..2],
            [
                group("\"2026-02-23\"", 1, 100),
                group("\"2026-03-02\"", 1, 250)
            ]
        );
        assert_eq!(found("day(at)")[0], group("\"2026-03-01\"", 1, 100));
    }
}
