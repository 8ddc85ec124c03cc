//! Questions about the rows of a plugin's collections, by declared indexes only: the database filters, counts and sums. Periods are UTC's;
//! a week is named by its Monday. The same answers as the runtime's in-memory collections, which say what is meant.

use std::collections::BTreeMap;

use balcao_runtime::services::{Aggregate, Query};
use balcao_runtime::wit::collections::{Condition, Entry, Group};
use serde_json::Value;
use sqlx::AssertSqlSafe;

use super::storage::{Indexes, Owner, index_value};
use super::{Driver, Tx};
use crate::error::{Error, Result};

const DAY: i64 = 24 * 3600 * 1_000_000;
/// Values in one `in` condition.
const MAX_IN: usize = 500;

/// A statement being put together: constant pieces and numbered parameters, never a value in the text.
struct Statement {
    sql: String,
    parameters: Vec<Parameter>,
}

#[derive(Clone)]
enum Parameter {
    Text(String),
    Number(i64),
}

impl Parameter {
    fn bound(&self) -> &dyn rusqlite::ToSql {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number,
        }
    }
}

impl Statement {
    fn of(owner: Owner<'_>, collection: &str) -> Self {
        let parameters = vec![
            Parameter::Text(owner.workspace.to_string()),
            Parameter::Text(owner.plugin.to_owned()),
            Parameter::Text(collection.to_owned()),
        ];
        Self {
            sql: String::new(),
            parameters,
        }
    }

    fn push(&mut self, piece: &str) {
        self.sql.push_str(piece);
    }

    fn bind(&mut self, value: Parameter) {
        self.parameters.push(value);
        self.sql.push('$');
        self.sql.push_str(&self.parameters.len().to_string());
    }

    /// The rows' indexed values of one field under an alias; a row without it has nulls.
    fn join(&mut self, alias: &str, field: &str) {
        let on = format!(
            " LEFT JOIN collection_values {alias} ON {alias}.workspace_id = r.workspace_id AND {alias}.plugin_id = r.plugin_id
               AND {alias}.collection = r.collection AND {alias}.key = r.key AND {alias}.field = "
        );
        self.push(&on);
        self.bind(Parameter::Text(field.to_owned()));
    }

    fn conditions(&mut self, conditions: &[Condition], indexes: &[String]) -> Result<()> {
        self.push(" WHERE r.workspace_id = $1 AND r.plugin_id = $2 AND r.collection = $3");
        for condition in conditions {
            declared(indexes, &condition.field)?;
            let value: Value = serde_json::from_str(&condition.value)
                .map_err(|error| Error::invalid(format!("a condition's value is JSON: {error}")))?;
            self.push(
                " AND EXISTS (SELECT 1 FROM collection_values v WHERE v.workspace_id = r.workspace_id AND v.plugin_id = r.plugin_id
                   AND v.collection = r.collection AND v.key = r.key AND v.field = ",
            );
            self.bind(Parameter::Text(condition.field.clone()));
            self.push(" AND (");
            match (condition.op.as_str(), &value) {
                ("eq", value) => self.compare("=", value),
                ("gte", value) => self.compare(">=", value),
                ("lt", value) => self.compare("<", value),
                ("in", Value::Array(any)) if any.len() <= MAX_IN => {
                    self.push("1 = 0");
                    for value in any {
                        self.push(" OR ");
                        self.compare("=", value);
                    }
                }
                _ => {
                    return Err(Error::invalid(
                        "a condition is eq, gte, lt, or in with an array of at most 500",
                    ));
                }
            }
            self.push("))");
        }
        Ok(())
    }

    fn compare(&mut self, operator: &str, value: &Value) {
        let (column, value) = match index_value(value) {
            (Some(number), _) => ("v.number", Parameter::Number(number)),
            (_, Some(text)) => ("v.text", Parameter::Text(text)),
            // Nothing equals nothing; nothing is before or after it.
            _ if operator == "=" => return self.push("(v.number IS NULL AND v.text IS NULL)"),
            _ => return self.push("1 = 0"),
        };
        self.push(column);
        self.push(operator);
        self.bind(value);
    }
}

/// Null, then numbers, then text; the rows of one value by key.
const ORDER: [&str; 4] = [
    "CASE WHEN o.number IS NOT NULL THEN 1 WHEN o.text IS NOT NULL THEN 2 ELSE 0 END",
    "COALESCE(o.number, 0)",
    "COALESCE(o.text, '')",
    "r.key",
];

macro_rules! bind {
    ($row:ty, $sql:expr, $parameters:expr) => {{
        let mut query = sqlx::query_as::<_, $row>(AssertSqlSafe($sql));
        for parameter in $parameters {
            query = match parameter {
                Parameter::Text(text) => query.bind(text),
                Parameter::Number(number) => query.bind(number),
            };
        }
        query
    }};
}

/// Reads rows with as many parameters as the statement has.
macro_rules! run {
    ($tx:expr, $row:ty, $statement:expr) => {{
        let Statement { sql, parameters } = $statement;
        match &mut $tx.driver {
            Driver::Direct(it) => {
                let bound: Vec<&dyn rusqlite::ToSql> =
                    parameters.iter().map(Parameter::bound).collect();
                it.fetch_all::<$row>(&sql, &bound)
            }
            Driver::Sqlite(tx) => bind!($row, sql, parameters).fetch_all(&mut **tx).await,
            Driver::Postgres(tx) => bind!($row, sql, parameters).fetch_all(&mut **tx).await,
        }
    }};
}

impl Tx {
    /// Rows that meet every condition, in order, after the row `after`.
    ///
    /// # Errors
    /// Not found: no such collection. Invalid: a field that is no index, a condition that is none, an `after` that is not there.
    pub async fn query_collection(
        &mut self,
        of: Owner<'_>,
        indexes: &Indexes,
        query: &Query,
    ) -> Result<Vec<Entry>> {
        let indexes = indexes_of(indexes, &query.collection)?;
        if !query.order.is_empty() {
            declared(indexes, &query.order)?;
        }
        let after = match &query.after {
            None => None,
            Some(key) => Some(self.place(of, query, key).await?),
        };
        let mut statement = Statement::of(of, &query.collection);
        statement.push("SELECT r.key, r.row FROM collection_rows r");
        statement.join("o", &query.order);
        statement.conditions(&query.conditions, indexes)?;
        if let Some((kind, number, text, key)) = after {
            statement.push(&format!(" AND ({})", ORDER.join(", ")));
            statement.push(if query.descending { " < (" } else { " > (" });
            let place = [
                Parameter::Number(kind),
                Parameter::Number(number),
                Parameter::Text(text),
                Parameter::Text(key),
            ];
            for (n, value) in place.into_iter().enumerate() {
                statement.push(if n == 0 { "" } else { ", " });
                statement.bind(value);
            }
            statement.push(")");
        }
        let direction = if query.descending { " DESC" } else { "" };
        let order = ORDER
            .map(|column| format!("{column}{direction}"))
            .join(", ");
        statement.push(&format!(" ORDER BY {order} LIMIT "));
        statement.bind(Parameter::Number(i64::from(query.limit)));
        let rows: Vec<(String, String)> = run!(self, (String, String), statement)?;
        Ok(rows
            .into_iter()
            .map(|(key, row)| Entry { key, row })
            .collect())
    }

    /// Where a row stands in the query's order.
    async fn place(
        &mut self,
        of: Owner<'_>,
        query: &Query,
        key: &str,
    ) -> Result<(i64, i64, String, String)> {
        let mut statement = Statement::of(of, &query.collection);
        statement.push(&format!(
            "SELECT CAST({} AS BIGINT), {}, {}, {} FROM collection_rows r",
            ORDER[0], ORDER[1], ORDER[2], ORDER[3]
        ));
        statement.join("o", &query.order);
        statement.push(
            " WHERE r.workspace_id = $1 AND r.plugin_id = $2 AND r.collection = $3 AND r.key = ",
        );
        statement.bind(Parameter::Text(key.to_owned()));
        let found = run!(self, (i64, i64, String, String), statement)?;
        found
            .into_iter()
            .next()
            .ok_or_else(|| Error::invalid("after: none of these rows"))
    }

    /// Counts and sums by group, the groups in the order of their values' texts.
    ///
    /// # Errors
    /// As `query_collection`.
    pub async fn aggregate_collection(
        &mut self,
        of: Owner<'_>,
        indexes: &Indexes,
        query: &Aggregate,
    ) -> Result<Vec<Group>> {
        let indexes = indexes_of(indexes, &query.collection)?;
        let keys = query
            .by
            .iter()
            .map(|text| By::parse(text, indexes))
            .collect::<Result<Vec<_>>>()?;
        let mut groups: BTreeMap<Vec<String>, Group> = BTreeMap::new();
        // The database's groups are by value and day; weeks and months are put together from days here.
        for found in self.grouped(of, indexes, query, &keys).await? {
            let values: Vec<String> = keys
                .iter()
                .zip(&found.values)
                .map(|(key, value)| key.shown(value))
                .collect();
            let group = groups.entry(values.clone()).or_insert_with(|| Group {
                values,
                count: 0,
                sums: vec![0; query.sum.len()],
            });
            group.count += found.count.cast_unsigned();
            for (sum, more) in group.sums.iter_mut().zip(&found.sums) {
                *sum = sum.saturating_add(*more);
            }
        }
        Ok(groups.into_values().collect())
    }

    async fn grouped(
        &mut self,
        of: Owner<'_>,
        indexes: &[String],
        query: &Aggregate,
        keys: &[By],
    ) -> Result<Vec<Grouped>> {
        let mut statement = Statement::of(of, &query.collection);
        let by: Vec<(String, String)> = keys
            .iter()
            .enumerate()
            .map(|(n, key)| key.columns(&format!("b{n}")))
            .collect();
        statement.push("SELECT COUNT(*)");
        // One column of text holds the group's values, another the sums: their number is not known beforehand.
        statement.push(", CAST('['");
        for (n, (number, text)) in by.iter().enumerate() {
            let comma = if n == 0 { "" } else { " || ','" };
            statement.push(&format!(
                "{comma} || CASE WHEN {number} IS NOT NULL THEN CAST({number} AS TEXT) WHEN {text} IS NOT NULL THEN '\"' ||
                  REPLACE(REPLACE({text}, '\\', '\\\\'), '\"', '\\\"') || '\"' ELSE 'null' END"
            ));
        }
        statement.push(" || ']' AS TEXT), CAST('['");
        for n in 0..query.sum.len() {
            let comma = if n == 0 { "" } else { " || ','" };
            statement.push(&format!(
                "{comma} || CAST(CAST(COALESCE(SUM(s{n}.number), 0) AS BIGINT) AS TEXT)"
            ));
        }
        statement.push(" || ']' AS TEXT) FROM collection_rows r");
        for (n, key) in keys.iter().enumerate() {
            statement.join(&format!("b{n}"), key.field());
        }
        for (n, field) in query.sum.iter().enumerate() {
            declared(indexes, field)?;
            statement.join(&format!("s{n}"), field);
        }
        statement.conditions(&query.conditions, indexes)?;
        if !by.is_empty() {
            let columns: Vec<String> = by
                .iter()
                .map(|(number, text)| format!("{number}, {text}"))
                .collect();
            statement.push(&format!(" GROUP BY {}", columns.join(", ")));
        }
        let rows: Vec<(i64, String, String)> = run!(self, (i64, String, String), statement)?;
        rows.into_iter()
            .filter(|(count, _, _)| *count > 0)
            .map(|(count, values, sums)| Grouped::read(count, &values, &sums))
            .collect()
    }
}

/// A group as the database gives it.
struct Grouped {
    count: i64,
    values: Vec<Value>,
    sums: Vec<i64>,
}

impl Grouped {
    fn read(count: i64, values: &str, sums: &str) -> Result<Self> {
        // Texts may hold control characters, which JSON does not allow as they are.
        let clean: String = values
            .chars()
            .map(|it| if it.is_control() { ' ' } else { it })
            .collect();
        Ok(Self {
            count,
            values: serde_json::from_str(&clean)?,
            sums: serde_json::from_str(sums)?,
        })
    }
}

/// A field, or a period of one, by which rows are grouped.
enum By {
    Field(String),
    Period(&'static str, String),
}

impl By {
    fn parse(text: &str, indexes: &[String]) -> Result<Self> {
        for period in ["day", "week", "month"] {
            let inner = text
                .strip_prefix(period)
                .and_then(|it| it.strip_prefix('('));
            if let Some(field) = inner.and_then(|it| it.strip_suffix(')')) {
                declared(indexes, field)?;
                return Ok(Self::Period(period, field.to_owned()));
            }
        }
        declared(indexes, text)?;
        Ok(Self::Field(text.to_owned()))
    }

    fn field(&self) -> &str {
        match self {
            Self::Field(name) | Self::Period(_, name) => name,
        }
    }

    /// The expressions of its number and its text.
    fn columns(&self, alias: &str) -> (String, String) {
        match self {
            Self::Field(_) => (format!("{alias}.number"), format!("{alias}.text")),
            // Division goes towards zero on both: times before 1970 are moved by a day first.
            Self::Period(..) => {
                let day = format!(
                    "({alias}.number - CASE WHEN {alias}.number < 0 THEN {} ELSE 0 END) / {DAY}",
                    DAY - 1
                );
                (day, "CAST(NULL AS TEXT)".to_owned())
            }
        }
    }

    /// The group's name as JSON.
    fn shown(&self, value: &Value) -> String {
        match self {
            Self::Field(_) => value.to_string(),
            Self::Period(period, _) => value
                .as_i64()
                .and_then(|day| period_of(period, day))
                .map_or(Value::Null, Value::String)
                .to_string(),
        }
    }
}

/// The name of the period in which a day lies, counted from 1970-01-01.
fn period_of(period: &str, day: i64) -> Option<String> {
    let at = jiff::Timestamp::from_microsecond(day.checked_mul(DAY)?).ok()?;
    let date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
    match period {
        "month" => Some(date.strftime("%Y-%m").to_string()),
        "week" => {
            let since_monday = i64::from(date.weekday().to_monday_zero_offset());
            Some(
                date.checked_sub(jiff::Span::new().days(since_monday))
                    .ok()?
                    .to_string(),
            )
        }
        _ => Some(date.to_string()),
    }
}

fn indexes_of<'a>(indexes: &'a Indexes, collection: &str) -> Result<&'a [String]> {
    indexes
        .get(collection)
        .map(Vec::as_slice)
        .ok_or(Error::NotFound("collection"))
}

fn declared(indexes: &[String], field: &str) -> Result<()> {
    if indexes.iter().any(|it| it == field) {
        return Ok(());
    }
    Err(Error::invalid(
        "a field that is no index of this collection",
    ))
}
