//! A transaction on SQLite that runs on the thread that asks: whatever writes, and what reads a few rows by their keys. sqlx has a thread for each
//! connection and changes to it and back for each statement and each row, which took several times as long as what is done there. Longer reads
//! go through sqlx, where they keep no other task waiting.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Statement, ToSql, ffi};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::error::{DatabaseError, ErrorKind};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task;

use super::bind::Each;
use super::turn::Turn;

/// Each connection's. `NORMAL`: a commit does not wait for the disk, that is `disk.rs`'s.
const SETTINGS: &str =
    "PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 0;
    PRAGMA temp_store = MEMORY";
/// Pages in the log from which on they are brought into the database: 16 MB.
const LOGGED: i64 = 4000;
/// Compiled statements that are kept: more than there are.
const STATEMENTS: usize = 512;

/// How a transaction begins.
pub(super) const WRITING: &str = "BEGIN IMMEDIATE";
pub(super) const READING: &str = "BEGIN";

/// Dropped without `commit`, nothing happened.
pub(crate) struct Direct {
    held: Held,
}

/// Given back when the transaction has ended.
pub(super) enum Held {
    Turn(Turn),
    Lookup(Lookup),
}

/// Connections for reading that nobody uses now: as many as were ever used at once, and those are no more than there are threads.
#[derive(Clone)]
pub(super) struct Lookups {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
}

pub(super) struct Lookup {
    /// None once it was given back.
    connection: Option<Connection>,
    to: Lookups,
}

type Outcome<T> = Result<T, sqlx::Error>;

/// A connection of the kind that writes.
pub(super) fn open(path: &Path) -> Outcome<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(told)?;
    connection
        .busy_timeout(Duration::from_secs(10))
        .map_err(told)?;
    connection.execute_batch(SETTINGS).map_err(told)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// The file to which the connection's commits go, which this makes if need be.
pub(super) fn log(connection: &Connection) -> Outcome<PathBuf> {
    connection
        .execute_batch("BEGIN IMMEDIATE; COMMIT")
        .map_err(told)?;
    let path = connection.path().unwrap_or_default();
    Ok(format!("{path}-wal").into())
}

impl Lookups {
    pub fn of(path: PathBuf) -> Self {
        Self {
            path,
            idle: Arc::default(),
        }
    }

    pub fn take(&self) -> Outcome<Lookup> {
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => {
                let connection = open(&self.path)?;
                connection
                    .execute_batch("PRAGMA query_only = ON")
                    .map_err(told)?;
                connection
            }
        };
        Ok(Lookup {
            connection: Some(connection),
            to: self.clone(),
        })
    }

    pub fn close(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        self.to.idle().extend(self.connection.take());
    }
}

impl Held {
    fn connection(&self) -> Outcome<&Connection> {
        match self {
            Self::Turn(turn) => Ok(&turn.connection),
            Self::Lookup(lookup) => lookup.connection.as_ref().ok_or(sqlx::Error::WorkerCrashed),
        }
    }
}

impl Direct {
    pub(super) fn begin(held: Held, how: &str) -> Outcome<Self> {
        let begun = Self { held };
        begun.run(how)?;
        Ok(begun)
    }

    /// Everybody sees it then. Whoever writes still has the turn.
    pub(super) fn commit(&mut self) -> Outcome<()> {
        self.run("COMMIT")?;
        if let Held::Turn(turn) = &self.held
            && let Err(error) = empty_log(&turn.connection)
        {
            // It is committed; the next one tries again.
            tracing::error!("the log could not be brought into the database: {error}");
        }
        Ok(())
    }

    fn run(&self, sql: &str) -> Outcome<()> {
        let connection = self.held.connection()?;
        let mut statement = connection.prepare_cached(sql).map_err(told)?;
        statement.raw_execute().map_err(told)?;
        Ok(())
    }

    pub(super) fn execute(&mut self, sql: &str, bound: &[&dyn ToSql]) -> Outcome<u64> {
        let connection = self.held.connection()?;
        let mut statement = connection.prepare_cached(sql).map_err(told)?;
        bind(&mut statement, bound)?;
        let mut rows = statement.raw_query();
        // Some tell what they did, which nobody asked for.
        while rows.next().map_err(told)?.is_some() {}
        drop(rows);
        Ok(connection.changes())
    }

    pub(super) fn fetch_all<T: DeserializeOwned>(
        &mut self,
        sql: &str,
        bound: &[&dyn ToSql],
    ) -> Outcome<Vec<T>> {
        let mut statement = self.held.connection()?.prepare_cached(sql).map_err(told)?;
        let columns = serde_rusqlite::columns_from_statement(&statement);
        bind(&mut statement, bound)?;
        let mut found = Vec::new();
        read(&mut statement, &columns, &mut found)?;
        Ok(found)
    }

    /// Runs a statement over a set of rows, for one after the other; gives what it finds.
    pub(super) fn read_each<T: DeserializeOwned>(
        &mut self,
        set: &'static str,
        rows: &[impl Serialize],
    ) -> Outcome<Vec<T>> {
        let (mut columns, mut found) = (Vec::new(), Vec::new());
        self.each(set, rows, |at, statement| {
            if at == 0 {
                columns = serde_rusqlite::columns_from_statement(statement);
            }
            read(statement, &columns, &mut found)
        })?;
        Ok(found)
    }

    /// The same where nothing is told; gives the places of the rows that changed something.
    pub(super) fn write_each(
        &mut self,
        set: &'static str,
        rows: &[impl Serialize],
    ) -> Outcome<Vec<usize>> {
        let mut changed = Vec::with_capacity(rows.len());
        self.each(set, rows, |at, statement| {
            if statement.raw_execute().map_err(told)? > 0 {
                changed.push(at);
            }
            Ok(())
        })?;
        Ok(changed)
    }

    fn each(
        &mut self,
        set: &'static str,
        rows: &[impl Serialize],
        mut run: impl FnMut(usize, &mut Statement<'_>) -> Outcome<()>,
    ) -> Outcome<()> {
        let each = Each::of(set);
        let connection = self.held.connection()?;
        let mut statement = connection.prepare_cached(&each.sql).map_err(told)?;
        for (at, row) in rows.iter().enumerate() {
            each.bind(row, &mut statement)
                .map_err(|error| sqlx::Error::Encode(error.into()))?;
            run(at, &mut statement)?;
        }
        Ok(())
    }

    pub(super) fn fetch_optional<T: DeserializeOwned>(
        &mut self,
        sql: &str,
        bound: &[&dyn ToSql],
    ) -> Outcome<Option<T>> {
        Ok(self.fetch_all(sql, bound)?.into_iter().next())
    }

    pub(super) fn fetch_one<T: DeserializeOwned>(
        &mut self,
        sql: &str,
        bound: &[&dyn ToSql],
    ) -> Outcome<T> {
        self.fetch_optional(sql, bound)?
            .ok_or(sqlx::Error::RowNotFound)
    }
}

impl Drop for Direct {
    fn drop(&mut self) {
        if let Ok(connection) = self.held.connection()
            && !connection.is_autocommit()
            && let Err(error) = connection.execute_batch("ROLLBACK")
        {
            tracing::error!("a transaction could not be taken back: {error}");
        }
    }
}

/// Brings the log into the database once it is long, which waits for the disk. SQLite would do it by itself, in a commit that nobody could know to wait.
fn empty_log(connection: &Connection) -> rusqlite::Result<()> {
    let logged: i64 = connection
        .prepare_cached("PRAGMA wal_checkpoint(NOOP)")?
        .query_row([], |row| row.get(1))?;
    if logged < LOGGED {
        return Ok(());
    }
    blocking(|| {
        connection
            .prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?
            .query_row([], |_| Ok(()))
    })
}

/// Waits without keeping other tasks from running, where there is another thread for them.
fn blocking<T>(wait: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => task::block_in_place(wait),
        _ => wait(),
    }
}

/// Adds what the statement finds.
fn read<T: DeserializeOwned>(
    statement: &mut Statement<'_>,
    columns: &[String],
    found: &mut Vec<T>,
) -> Outcome<()> {
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(told)? {
        let row = serde_rusqlite::from_row_with_columns(row, columns);
        found.push(row.map_err(|error| sqlx::Error::Decode(error.into()))?);
    }
    Ok(())
}

/// `$2` is the second parameter, as it is to PostgreSQL; to SQLite it is a name, numbered where it is first met.
fn bind(statement: &mut Statement<'_>, bound: &[&dyn ToSql]) -> Outcome<()> {
    for at in 1..=statement.parameter_count() {
        let value = statement
            .parameter_name(at)
            .and_then(|name| name.strip_prefix('$')?.parse::<usize>().ok())
            .and_then(|n| bound.get(n.checked_sub(1)?));
        let value = value.ok_or_else(|| {
            sqlx::Error::Protocol(format!("parameter {at} of a statement is not given"))
        })?;
        statement.raw_bind_parameter(at, *value).map_err(told)?;
    }
    Ok(())
}

/// As sqlx would tell it, so that nobody has to know which of the two it was.
#[derive(Debug)]
struct Refused {
    error: rusqlite::Error,
    message: String,
}

fn told(error: rusqlite::Error) -> sqlx::Error {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseBusy) => sqlx::Error::PoolTimedOut,
        _ => sqlx::Error::Database(Box::new(Refused {
            message: error.to_string(),
            error,
        })),
    }
}

impl Refused {
    fn extended_code(&self) -> Option<i32> {
        Some(self.error.sqlite_error()?.extended_code)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.message)
    }
}

impl StdError for Refused {}

impl DatabaseError for Refused {
    fn message(&self) -> &str {
        &self.message
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(self.extended_code()?.to_string().into())
    }

    fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn StdError + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn StdError + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        match self.extended_code() {
            Some(ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => {
                ErrorKind::UniqueViolation
            }
            Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => ErrorKind::ForeignKeyViolation,
            Some(ffi::SQLITE_CONSTRAINT_NOTNULL) => ErrorKind::NotNullViolation,
            Some(ffi::SQLITE_CONSTRAINT_CHECK) => ErrorKind::CheckViolation,
            _ => ErrorKind::Other,
        }
    }
}
