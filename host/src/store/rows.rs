//! Statements over a set of rows that are given as one JSON array in `$1`: the one place where the two databases are written to
//! differently. `r.value ->> 'name'` reads a field on both; numbers need a `CAST`.

use serde::Serialize;

use super::{Driver, Tx};
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
            sqlite: concat!($before, " json_each($1) r ", $after),
            postgres: concat!(
                $before,
                " jsonb_array_elements(CAST($1 AS JSONB)) r (value) ",
                $after
            ),
        }
    };
}

pub(crate) use over_rows;

impl OverRows {
    pub fn on(&self, tx: &Tx) -> &'static str {
        match tx.driver {
            Driver::Sqlite(_) => self.sqlite,
            Driver::Postgres(_) => self.postgres,
        }
    }
}

/// The set as it is bound to `$1`.
pub(crate) fn json<T: Serialize + ?Sized>(rows: &T) -> Result<String> {
    Ok(serde_json::to_string(rows)?)
}
