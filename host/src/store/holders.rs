//! Which servers hold lanes, attempts and fetches, so that what a dead one held is let go at once and not when its leases end. Owns a server's sign of
//! life, which ends with its process whatever ends it: a lock on a file beside SQLite's database (there is one server), an advisory lock in
//! PostgreSQL (there may be several). Leases stay what is relied on: who is taken for dead and is not finds that its hold is another's now.

use std::fs::{File, TryLockError};
use std::sync::atomic::Ordering;

use anyhow::{Context, bail};
use sqlx::{Connection, PgConnection};

use super::{Driver, Pools, Store, Tx, execute};
use crate::error::Result;

/// Locked by the server that works on the database beside it.
const LOCK_FILE: &str = "server.lock";

/// A server's sign of life, while it is kept.
pub struct Alive {
    number: i64,
    sign: Sign,
}

enum Sign {
    /// Holds its lock until it is closed.
    File { _locked: File },
    /// Holds its lock until it breaks.
    Session(PgConnection),
}

/// The holders that are alive, in PostgreSQL: reading the locks after the rows, it never misses the one who has just claimed.
macro_rules! alive {
    () => {
        "SELECT (CAST(classid AS BIGINT) << 32) | CAST(objid AS BIGINT) FROM pg_locks
          WHERE locktype = 'advisory' AND objsubid = 1 AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    };
}

const LANES_SQLITE: &str =
    "UPDATE lanes SET lease_until = 0 WHERE lease_until > 0 AND holder NOT IN (0, $1)";
const LANES_POSTGRES: &str = concat!(
    "UPDATE lanes SET lease_until = 0 WHERE (workspace_id, plugin_id, lane) IN (
        SELECT workspace_id, plugin_id, lane FROM lanes WHERE lease_until > 0 AND holder NOT IN (0, $1) AND holder NOT IN (",
    alive!(),
    ") FOR UPDATE SKIP LOCKED)"
);
const SENDS_SQLITE: &str =
    "UPDATE sends SET lease_until = 0 WHERE lease_until > 0 AND holder NOT IN (0, $1)";
const SENDS_POSTGRES: &str = concat!(
    "UPDATE sends SET lease_until = 0 WHERE (workspace_id, message_id) IN (
        SELECT workspace_id, message_id FROM sends WHERE lease_until > 0 AND holder NOT IN (0, $1) AND holder NOT IN (",
    alive!(),
    ") FOR UPDATE SKIP LOCKED)"
);
const FETCHES_SQLITE: &str = "UPDATE fetches SET next_at = 0 WHERE state = 'fetching' AND next_at > 0 AND holder NOT IN (0, $1)";
const FETCHES_POSTGRES: &str = concat!(
    "UPDATE fetches SET next_at = 0 WHERE (workspace_id, message_id, position) IN (
        SELECT workspace_id, message_id, position FROM fetches WHERE state = 'fetching' AND next_at > 0
           AND holder NOT IN (0, $1) AND holder NOT IN (",
    alive!(),
    ") FOR UPDATE SKIP LOCKED)"
);

impl Store {
    /// Enters a server among those that work on this database, under a number (above 0) that no other has. What it claims from now on is
    /// held under that number.
    ///
    /// # Errors
    /// For the operator: another server works on this SQLite database, or PostgreSQL cannot be reached.
    pub async fn join(&self, number: i64) -> anyhow::Result<Alive> {
        let sign = match &self.pools {
            Pools::Sqlite { folder, .. } => {
                let path = folder.join(LOCK_FILE);
                let file = File::create(&path).with_context(|| format!("{}", path.display()))?;
                match file.try_lock() {
                    Ok(()) => {}
                    Err(TryLockError::WouldBlock) => bail!(
                        "another server is running on the data folder {}",
                        folder.display()
                    ),
                    Err(TryLockError::Error(error)) => {
                        return Err(error).with_context(|| format!("{}", path.display()));
                    }
                }
                Sign::File { _locked: file }
            }
            Pools::Postgres(_) => Sign::Session(self.session(number).await?),
        };
        self.holder.store(number, Ordering::Relaxed);
        Ok(Alive { number, sign })
    }

    /// A connection that holds the lock of that number.
    async fn session(&self, number: i64) -> sqlx::Result<PgConnection> {
        let Pools::Postgres(pool) = &self.pools else {
            return Err(sqlx::Error::WorkerCrashed);
        };
        let mut session = PgConnection::connect_with(&pool.connect_options()).await?;
        sqlx::query("SELECT pg_advisory_lock($1)")
            .bind(number)
            .execute(&mut session)
            .await?;
        Ok(session)
    }
}

impl Alive {
    /// Whether others may work on the same database.
    pub fn is_one_of_many(&self) -> bool {
        matches!(self.sign, Sign::Session(_))
    }

    /// Lets go of what servers hold that are gone: lanes and fetches can be taken again, and attempts are abandoned. Gives how many. Before that it
    /// sees to it that this server itself is still taken for alive.
    pub async fn let_go_of_the_dead(&mut self, store: &Store) -> Result<u64> {
        if let Sign::Session(session) = &mut self.sign
            && session.ping().await.is_err()
        {
            *session = store.session(self.number).await?;
        }
        let mut tx = store.begin().await?;
        let released = tx.let_go_of_the_dead(self.number).await?;
        tx.commit().await?;
        Ok(released)
    }
}

impl Tx {
    async fn let_go_of_the_dead(&mut self, own: i64) -> Result<u64> {
        let (lanes, sends, fetches) = match self.driver {
            Driver::Sqlite(_) | Driver::Direct(_) => (LANES_SQLITE, SENDS_SQLITE, FETCHES_SQLITE),
            Driver::Postgres(_) => (LANES_POSTGRES, SENDS_POSTGRES, FETCHES_POSTGRES),
        };
        let held = execute!(self, lanes, own)? + execute!(self, sends, own)?;
        Ok(held + execute!(self, fetches, own)?)
    }
}
