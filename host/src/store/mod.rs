//! The only SQL. Owns the database, its opening and its transactions; one file per concept. Never decides what may happen: the rules are
//! `balcao_runtime::rules` and the domain files.
//!
//! One text per statement serves both databases: `$1` placeholders, times and counts as `i64`, JSON as text. Where they differ the
//! statement says so beside itself (`rows.rs`), in few files: ingest, claims, search.

pub mod audit;
mod bind;
pub mod channels;
pub mod claims;
pub mod collections;
pub mod contacts;
pub mod conversations;
pub mod counters;
mod direct;
mod disk;
pub mod edits;
pub mod effects;
pub mod enabled_plugins;
mod erase;
pub mod events;
pub mod failures;
pub mod fetches;
pub mod files;
pub mod holders;
mod hours;
pub mod idempotency;
pub mod ingest;
pub mod messages;
mod open;
pub mod parked;
mod pg;
pub mod portraits;
pub mod routing;
pub(crate) mod rows;
pub mod search;
mod secrets;
pub mod sends;
mod server;
pub mod sessions;
pub mod storage;
mod teams;
pub mod timeline;
pub mod tokens;
mod turn;
pub mod usage;
pub mod users;
pub mod visitors;
pub mod workspaces;

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use sqlx::{PgPool, Sqlite, SqlitePool, Transaction};
use tokio::sync::broadcast;

pub use open::{Database, OpenError};

use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::id::{Ids, WorkspaceId};
use direct::{Direct, Held, Lookups, READING, WRITING};
use disk::Disk;
pub(crate) use disk::Unsynced;
#[cfg(test)]
pub(crate) use disk::held;
use events::{Event, Subscriptions};
use pg::Pg;
use turn::{Turn, Turns};

/// Runs a statement with its parameters and gives how many rows it touched.
macro_rules! execute {
    ($tx:expr, $sql:expr $(, $bind:expr)* $(,)?) => {
        match &mut $tx.driver {
            $crate::store::Driver::Direct(it) => it.execute($sql, rusqlite::params![$($bind),*]),
            $crate::store::Driver::Sqlite(tx) => sqlx::query($sql)$(.bind($bind))*
                .execute(&mut **tx).await.map(|done| done.rows_affected()),
            $crate::store::Driver::Postgres(tx) => sqlx::query($sql)$(.bind($bind))*
                .execute(&mut **tx).await.map(|done| done.rows_affected()),
        }
    };
}

/// Reads rows as `$row` (anything that is `rows::Found`): `fetch!(fetch_all, tx, Row, SQL, parameters…)`. The compiler checks each statement's types
/// for every driver.
macro_rules! fetch {
    ($how:ident, $tx:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        match &mut $tx.driver {
            $crate::store::Driver::Direct(it) => it.$how::<$row>($sql, rusqlite::params![$($bind),*]),
            $crate::store::Driver::Sqlite(tx) => sqlx::query_as::<_, $row>($sql)$(.bind($bind))*
                .$how(&mut **tx).await,
            $crate::store::Driver::Postgres(tx) => sqlx::query_as::<_, $row>($sql)$(.bind($bind))*
                .$how(&mut **tx).await,
        }
    };
}

pub(crate) use {execute, fetch};

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pools: Pools,
    /// Under which number this process claims; 0 before it has joined.
    holder: Arc<AtomicI64>,
    committed: broadcast::Sender<Arc<[Event]>>,
}

#[derive(Clone)]
enum Pools {
    /// One connection writes at a time, several read beside it.
    Sqlite {
        turns: Turns,
        disk: Disk,
        lookups: Lookups,
        readers: SqlitePool,
        folder: PathBuf,
    },
    Postgres(PgPool),
}

/// A transaction. Dropped without `commit`, nothing happened.
pub struct Tx {
    pub(crate) driver: Driver,
    /// See `Store::join`.
    holder: i64,
    durable: Durable,
    recorded: Vec<Event>,
    committed: broadcast::Sender<Arc<[Event]>>,
}

/// When a commit is durable.
enum Durable {
    /// At once, or there is nothing to keep.
    AtCommit,
    /// On SQLite: after a sync, for which `Tx::commit` waits.
    AfterSync(Disk),
    /// The same, and nobody waits.
    Sometime(Disk),
}

pub(crate) enum Driver {
    /// Reads, as long as it takes.
    Sqlite(Transaction<'static, Sqlite>),
    Direct(Direct),
    Postgres(Pg),
}

/// What a change that is written to the event log needs beside its transaction.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    pub workspace: WorkspaceId,
    pub now: Instant,
    pub ids: &'a Ids,
    pub subscriptions: &'a dyn Subscriptions,
}

async fn lock(mut tx: Tx, workspace: WorkspaceId) -> Result<Tx> {
    if tx.lock(&[workspace]).await?.is_empty() {
        return Err(Error::NotFound("workspace"));
    }
    Ok(tx)
}

fn writing(turn: Option<Turn>) -> Result<Driver> {
    let turn = turn.ok_or_else(|| Error::Unavailable("the database is closed".into()))?;
    Ok(Driver::Direct(Direct::begin(Held::Turn(turn), WRITING)?))
}

/// For sqlx's way to a connection, which takes 14 KB: all that await it would carry them along, down to each call of a plugin.
fn boxed<F: Future>(begin: F) -> Pin<Box<F>> {
    Box::pin(begin)
}

impl Store {
    /// Opens the database and brings its schema up to date.
    ///
    /// # Errors
    /// What is wrong and with what, for the operator; nothing was written then.
    pub async fn open(database: &Database) -> Result<Self, OpenError> {
        let pools = open::open(database).await?;
        Ok(Self {
            pools,
            holder: Arc::default(),
            committed: broadcast::Sender::new(1024),
        })
    }

    /// A transaction that writes. On SQLite it waits for the one before it.
    pub async fn begin(&self) -> Result<Tx> {
        match &self.pools {
            Pools::Sqlite { turns, disk, .. } => {
                let durable = Durable::AfterSync(disk.clone());
                Ok(self.tx(writing(turns.of_others().await)?, durable))
            }
            Pools::Postgres(pool) => self.postgres(pool, pg::WRITING).await,
        }
    }

    /// A transaction of work that is done again by itself where a power failure takes it back: `commit` does not wait for the disk, the next
    /// durable commit (`begin`, `write`) makes it durable too. Only for what nobody was promised, such as claims and what plugins make of
    /// events: before anything leaves the server there is a durable commit, or `settled` was waited for. The death of this process alone
    /// takes nothing back.
    pub async fn begin_repeatable(&self) -> Result<Tx> {
        match &self.pools {
            Pools::Sqlite { turns, disk, .. } => {
                let durable = Durable::Sometime(disk.clone());
                Ok(self.tx(writing(turns.of_patient().await)?, durable))
            }
            Pools::Postgres(pool) => self.postgres(pool, pg::REPEATABLE).await,
        }
    }

    /// Returns once no power failure takes back what anybody can see now: what leaves the server may rest on it.
    pub async fn settled(&self) -> Result<()> {
        match &self.pools {
            Pools::Sqlite { disk, .. } => disk.so_far().wait().await,
            Pools::Postgres(pool) => {
                let mut tx = self.postgres(pool, pg::WRITING).await?;
                // Written to the log, so that the commit waits for it and all before it.
                execute!(
                    tx,
                    "SELECT pg_logical_emit_message(true, 'balcao', 'settled')"
                )?;
                tx.commit().await
            }
        }
    }

    /// The same, writing to one workspace, after everybody else who does.
    pub async fn write_repeatable(&self, workspace: WorkspaceId) -> Result<Tx> {
        lock(self.begin_repeatable().await?, workspace).await
    }

    /// A transaction that writes to one workspace, after everybody else who does. Whatever writes to the event log, to conversations or
    /// to what plugins keep begins here, so that nothing below has to think of other writers.
    pub async fn write(&self, workspace: WorkspaceId) -> Result<Tx> {
        lock(self.begin().await?, workspace).await
    }

    /// A transaction that takes in what channels received: on SQLite before whoever else would like to write.
    pub(crate) async fn begin_ingest(&self) -> Result<Tx> {
        match &self.pools {
            Pools::Sqlite { turns, disk, .. } => {
                let durable = Durable::AfterSync(disk.clone());
                Ok(self.tx(writing(turns.of_ingest().await)?, durable))
            }
            Pools::Postgres(pool) => self.postgres(pool, pg::WRITING).await,
        }
    }

    async fn postgres(&self, pool: &PgPool, begin: &'static str) -> Result<Tx> {
        let driver = Driver::Postgres(Pg::Transaction(boxed(pool.begin_with(begin)).await?));
        Ok(self.tx(driver, Durable::AtCommit))
    }

    /// A transaction that reads one consistent state.
    pub async fn read(&self) -> Result<Tx> {
        match &self.pools {
            Pools::Sqlite { readers, .. } => {
                let driver = Driver::Sqlite(boxed(readers.begin()).await?);
                Ok(self.tx(driver, Durable::AtCommit))
            }
            Pools::Postgres(pool) => self.postgres(pool, pg::READING).await,
        }
    }

    /// Reads a few rows by their keys, quicker: on SQLite nothing else runs on this thread meanwhile; on PostgreSQL each statement sees what was
    /// committed before it, another one perhaps more.
    pub async fn look_up(&self) -> Result<Tx> {
        match &self.pools {
            Pools::Sqlite { lookups, .. } => {
                let held = Held::Lookup(lookups.take()?);
                let driver = Driver::Direct(Direct::begin(held, READING)?);
                Ok(self.tx(driver, Durable::AtCommit))
            }
            Pools::Postgres(pool) => {
                let driver = Driver::Postgres(Pg::Connection(boxed(pool.acquire()).await?));
                Ok(self.tx(driver, Durable::AtCommit))
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn is_settled(&self) -> bool {
        match &self.pools {
            Pools::Sqlite { disk, .. } => disk.is_settled(),
            Pools::Postgres(_) => true,
        }
    }

    /// Every commit's events as they happen, of this process only. Who lags is told so and reads the log.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<[Event]>> {
        self.committed.subscribe()
    }

    /// Waits for what is running and closes the database.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite {
                turns,
                lookups,
                readers,
                ..
            } => {
                readers.close().await;
                lookups.close();
                turns.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }

    fn tx(&self, driver: Driver, durable: Durable) -> Tx {
        Tx {
            driver,
            durable,
            holder: self.holder.load(Ordering::Relaxed),
            recorded: Vec::new(),
            committed: self.committed.clone(),
        }
    }
}

impl Tx {
    /// Tells whoever listens, and returns once everything is durable (see `begin_repeatable`).
    pub async fn commit(self) -> Result<()> {
        self.commit_unsynced().await?.wait().await
    }

    /// The same without waiting for the disk.
    pub(crate) async fn commit_unsynced(mut self) -> Result<Unsynced> {
        let unsynced = match (&mut self.driver, &self.durable) {
            (Driver::Direct(tx), Durable::AfterSync(disk)) => {
                let commit = disk.committing();
                tx.commit()?;
                commit.made()
            }
            (Driver::Direct(tx), Durable::Sometime(disk)) => {
                let _counted = disk.committing();
                tx.commit()?;
                Unsynced::none()
            }
            (Driver::Direct(tx), Durable::AtCommit) => {
                tx.commit()?;
                Unsynced::none()
            }
            (Driver::Sqlite(_) | Driver::Postgres(_), _) => Unsynced::none(),
        };
        match self.driver {
            // The next one may write.
            Driver::Direct(tx) => drop(tx),
            Driver::Sqlite(tx) => tx.commit().await?,
            Driver::Postgres(tx) => tx.commit().await?,
        }
        if !self.recorded.is_empty() {
            // Nobody listening is no error.
            let _ = self.committed.send(self.recorded.into());
        }
        Ok(unsynced)
    }

    /// What this transaction, which writes, has found.
    pub(crate) fn so_far(&self) -> Unsynced {
        match &self.durable {
            Durable::AfterSync(disk) | Durable::Sometime(disk) => disk.so_far(),
            Durable::AtCommit => Unsynced::none(),
        }
    }

    pub async fn rollback(self) -> Result<()> {
        match self.driver {
            Driver::Direct(tx) => drop(tx),
            Driver::Sqlite(tx) => tx.rollback().await?,
            Driver::Postgres(tx) => tx.rollback().await?,
        }
        Ok(())
    }

    /// What was written to the event log in this transaction.
    pub fn recorded(&self) -> &[Event] {
        &self.recorded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn opened(folder: &tempfile::TempDir) -> Store {
        let data_dir = folder.path().to_owned();
        Store::open(&Database::Sqlite { data_dir }).await.unwrap()
    }

    async fn repeatable(store: &Store) {
        let tx = store.begin_repeatable().await.unwrap();
        tx.commit().await.unwrap();
    }

    #[tokio::test]
    async fn only_repeatable_work_commits_without_waiting_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let store = opened(&folder).await;
        repeatable(&store).await;
        assert!(!store.is_settled());
        store.begin().await.unwrap().commit().await.unwrap();
        assert!(store.is_settled());
        repeatable(&store).await;
        assert!(!store.is_settled());
        store.settled().await.unwrap();
        assert!(store.is_settled());
        store.close().await;
    }

    #[tokio::test]
    async fn the_log_is_brought_into_the_database_once_it_is_long() {
        let folder = tempfile::tempdir().unwrap();
        let store = opened(&folder).await;
        let log = folder.path().join("balcao.db-wal");
        for letter in ["a", "b"].iter().cycle().take(40) {
            let value = letter.repeat(1 << 20);
            let mut tx = store.begin().await.unwrap();
            let sql = "INSERT INTO server_meta (key, value) VALUES ($1, $2)
                ON CONFLICT (key) DO UPDATE SET value = excluded.value";
            execute!(tx, sql, "key", value.as_str()).unwrap();
            tx.commit().await.unwrap();
        }
        // 40 MB were written; what is full begins anew.
        let size = std::fs::metadata(log).unwrap().len();
        assert!((16 << 20..20 << 20).contains(&size), "{size}");
        store.close().await;
    }

    #[tokio::test]
    async fn others_write_while_a_commit_waits_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let store = opened(&folder).await;
        let first = store.begin_ingest().await.unwrap();
        let first = first.commit_unsynced().await.unwrap();
        let second = store.begin_ingest().await.unwrap();
        assert!(!store.is_settled());
        first.wait().await.unwrap();
        second.commit().await.unwrap();
        store.close().await;
    }
}
