//! PostgreSQL's side of a `Tx`. Each statement is a way there and back, while others wait for the workspace: none is made that need not be.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, Postgres, Transaction};

pub(super) const WRITING: &str = "BEGIN";
/// Nobody waits for the disk at its commit.
pub(super) const REPEATABLE: &str = "BEGIN; SET LOCAL synchronous_commit TO OFF";
/// One state for all that is read.
pub(super) const READING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

pub(crate) enum Pg {
    Transaction(Transaction<'static, Postgres>),
    /// Each statement for itself.
    Connection(PoolConnection<Postgres>),
}

impl Pg {
    pub(super) async fn commit(self) -> sqlx::Result<()> {
        match self {
            Self::Transaction(it) => it.commit().await,
            Self::Connection(_) => Ok(()),
        }
    }

    pub(super) async fn rollback(self) -> sqlx::Result<()> {
        match self {
            Self::Transaction(it) => it.rollback().await,
            Self::Connection(_) => Ok(()),
        }
    }
}

impl Deref for Pg {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        match self {
            Self::Transaction(it) => it,
            Self::Connection(it) => it,
        }
    }
}

impl DerefMut for Pg {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match self {
            Self::Transaction(it) => it,
            Self::Connection(it) => it,
        }
    }
}
