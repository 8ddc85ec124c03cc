//! Statements over a set of rows that are given as one JSON array in `$1`: the one place where the two databases are written to
//! differently. `r.value ->> 'name'` reads a field on both; numbers need a `CAST`. Where SQLite runs on the thread that asks, such a statement is run
//! for one row after the other (`bind.rs`): what it says of the order of rows and of their number counts for each alone.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use sqlx::FromRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use super::{Driver, Tx, execute, fetch};
use crate::error::Result;

/// One statement in both dialects, made by `over_rows!`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OverRows {
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

/// `over_rows!("SELECT … FROM ", " CROSS JOIN …")`: the set comes between the two parts, under the name `r`.
macro_rules! over_rows {
    ($before:expr, $after:expr) => {
        $crate::store::rows::OverRows {
            sqlite: concat!($before, " jsonb_each($1) r ", $after),
            postgres: concat!(
                $before,
                " jsonb_array_elements(CAST($1 AS JSONB)) r (value) ",
                $after
            ),
        }
    };
}

pub(crate) use over_rows;

/// What a statement finds, however it is run. Columns are named as the fields.
pub(crate) trait Found:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + DeserializeOwned + Send + Unpin
{
}

impl<T> Found for T where
    T: for<'r> FromRow<'r, SqliteRow>
        + for<'r> FromRow<'r, PgRow>
        + DeserializeOwned
        + Send
        + Unpin
{
}

/// A truth that SQLite keeps as 0 or 1, in a row that is part of another (`flatten`): there serde has forgotten what was asked for.
pub(crate) fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Flag {
        Number(i64),
        Truth(bool),
    }
    Ok(match Flag::deserialize(from)? {
        Flag::Number(n) => n != 0,
        Flag::Truth(it) => it,
    })
}

impl Tx {
    /// Runs a statement over a set of rows and gives what it finds. Of no rows, nothing is run.
    pub(crate) async fn read_of<T: Found>(
        &mut self,
        statement: OverRows,
        rows: &[impl Serialize],
    ) -> Result<Vec<T>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        if let Driver::Direct(it) = &mut self.driver {
            return Ok(it.read_each(statement.sqlite, rows)?);
        }
        let (sql, rows) = (statement.on(self), json(rows)?);
        Ok(fetch!(fetch_all, self, T, sql, rows)?)
    }

    /// Runs a statement over a set of rows. Of no rows, nothing is run.
    pub(crate) async fn write_of(
        &mut self,
        statement: OverRows,
        rows: &[impl Serialize],
    ) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        if let Driver::Direct(it) = &mut self.driver {
            it.write_each(statement.sqlite, rows)?;
            return Ok(());
        }
        let (sql, rows) = (statement.on(self), json(rows)?);
        execute!(self, sql, rows)?;
        Ok(())
    }
}

impl OverRows {
    pub fn on(&self, tx: &Tx) -> &'static str {
        match tx.driver {
            Driver::Sqlite(_) | Driver::Direct(_) => self.sqlite,
            Driver::Postgres(_) => self.postgres,
        }
    }
}

/// The set as it is bound to `$1`.
pub(crate) fn json<T: Serialize + ?Sized>(rows: &T) -> Result<String> {
    Ok(serde_json::to_string(rows)?)
}
