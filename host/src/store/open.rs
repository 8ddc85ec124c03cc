//! Opens the database: checks first, then migrates. Never writes where a check fails.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, SqliteConnection};

use super::Pools;
use super::direct::{self, Lookups};
use super::disk::Disk;
use super::turn::Turns;

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

const HEADER: &[u8; 16] = b"SQLite format 3\0";
/// Files up to this size are checked page by page at every start.
const CHECKED_BYTES: u64 = 64 << 20;
const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 16;
/// A connection that was used a moment ago is not asked first whether it is still there.
const ASKED_AFTER: Duration = Duration::from_secs(1);

/// Which database.
#[derive(Clone, Debug)]
pub enum Database {
    /// `balcao.db` in this folder, which is made if need be.
    Sqlite {
        data_dir: PathBuf,
    },
    Postgres {
        url: String,
    },
}

/// Why the database could not be opened, as the operator reads it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the data folder {} cannot be written to", path.display())]
    Unwritable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("the database {} cannot be written to", path.display())]
    UnwritableFile {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("the database {place} is damaged ({reason}); restore it from a backup")]
    Corrupt { place: String, reason: String },
    #[error(
        "the database was made by a newer version (schema {found}, this one knows {known}); upgrade, or restore a backup"
    )]
    Newer { found: i64, known: i64 },
    #[error(
        "the database's schema {version} is not the one of this version; it was made by another build"
    )]
    Foreign { version: i64 },
    #[error("{place} is another program's database")]
    NotOurs { place: String },
    #[error("the database cannot be opened")]
    Unreachable(#[source] sqlx::Error),
    #[error("the database's address is not understood")]
    Address(#[source] sqlx::Error),
    #[error("the database's schema cannot be brought up to date")]
    Migrate(#[source] MigrateError),
}

pub(super) async fn open(database: &Database) -> Result<Pools, OpenError> {
    match database {
        Database::Sqlite { data_dir } => open_sqlite(data_dir).await,
        Database::Postgres { url } => open_postgres(url).await,
    }
}

async fn open_sqlite(folder: &Path) -> Result<Pools, OpenError> {
    let path = folder.join("balcao.db");
    let place = path.display().to_string();
    check_folder(folder)?;
    if check_header(&path, &place)? {
        check_content(&path, &place).await?;
    } else {
        create(folder, &path).await?;
    }
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        .statement_cache_capacity(256)
        // Who reads many rows is not waited for at each.
        .row_buffer_size(1000)
        .pragma("cache_size", "-65536");
    migrate(&options, &place).await?;
    let readers = SqlitePoolOptions::new()
        .max_connections(SQLITE_READERS)
        .test_before_acquire(false)
        .acquire_timeout(Duration::from_secs(30))
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options.pragma("query_only", "ON"))
        .await
        .map_err(|error| sqlite_error(error, &place))?;
    let writer = direct::open(&path).map_err(|error| sqlite_error(error, &place))?;
    let disk = direct::log(&writer)
        .and_then(|log| Ok(Disk::of_log(&log)?))
        .map_err(|error| sqlite_error(error, &place))?;
    Ok(Pools::Sqlite {
        turns: Turns::new(writer),
        disk,
        lookups: Lookups::of(path),
        readers,
        folder: folder.to_owned(),
    })
}

/// Makes the database under another name and puts it in its place once it is whole, readable by its owner only: a file that is empty or cut off is
/// never one that a start left behind.
async fn create(folder: &Path, path: &Path) -> Result<(), OpenError> {
    let new = path.with_extension("db.new");
    let unwritable = |source| OpenError::UnwritableFile {
        path: new.clone(),
        source,
    };
    // Held until the end: of two first starts one makes it, and the other finds it made.
    let file = private(&new).map_err(unwritable)?;
    file.lock().map_err(unwritable)?;
    if path.exists() {
        return Ok(());
    }
    file.set_len(0).map_err(unwritable)?;
    for beside in ["db.new-wal", "db.new-shm"] {
        match fs::remove_file(path.with_extension(beside)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(unwritable(error));
            }
            _ => {}
        }
    }
    let options = SqliteConnectOptions::new().filename(&new);
    migrate(&options, &new.display().to_string()).await?;
    fs::rename(&new, path).map_err(unwritable)?;
    fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(unwritable)
}

/// Opens a file that is made if need be, and then nobody else's to read.
fn private(path: &Path) -> std::io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

async fn migrate(options: &SqliteConnectOptions, place: &str) -> Result<(), OpenError> {
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(
            options
                .clone()
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full),
        )
        .await
        .map_err(|error| sqlite_error(error, place))?;
    let done = SQLITE.run(&pool).await.map_err(migrate_error);
    pool.close().await;
    done
}

/// The folder exists and takes files.
fn check_folder(folder: &Path) -> Result<(), OpenError> {
    let unwritable = |source| OpenError::Unwritable {
        path: folder.to_owned(),
        source,
    };
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder).map_err(unwritable)?;
    let probe = folder.join(format!(".probe-{}", std::process::id()));
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&probe)
        .map_err(unwritable)?;
    fs::remove_file(&probe).map_err(unwritable)
}

/// Whether there is a database already; an error where the file is something else.
fn check_header(path: &Path, place: &str) -> Result<bool, OpenError> {
    let unwritable = |source| OpenError::UnwritableFile {
        path: path.to_owned(),
        source,
    };
    let mut file = match fs::OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(unwritable(error)),
    };
    let size = file.metadata().map_err(unwritable)?.len();
    if size == 0 {
        return Err(corrupt(place, "it is empty"));
    }
    let mut header = [0; HEADER.len()];
    match file.read_exact(&mut header) {
        Ok(()) if &header == HEADER => Ok(true),
        _ => Err(corrupt(place, "it does not begin like a database")),
    }
}

/// Reads what is there, before anything that would write. Whatever it finds, no file of its own stays beside the database.
async fn check_content(path: &Path, place: &str) -> Result<(), OpenError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(Duration::from_secs(10));
    let mut connection = SqliteConnection::connect_with(&options)
        .await
        .map_err(|error| sqlite_error(error, place))?;
    let verdict = read_content(&mut connection, path, place).await;
    let closed = connection.close().await;
    verdict?;
    closed.map_err(|error| sqlite_error(error, place))
}

async fn read_content(
    connection: &mut SqliteConnection,
    path: &Path,
    place: &str,
) -> Result<(), OpenError> {
    let failed = |error| sqlite_error(error, place);
    let (all, ours): (i64, i64) = sqlx::query_as(
        "SELECT COUNT(*), COALESCE(SUM(name = '_sqlx_migrations'), 0) FROM sqlite_master",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(failed)?;
    if all > 0 && ours == 0 {
        return Err(OpenError::NotOurs {
            place: place.to_owned(),
        });
    }
    if ours > 0 {
        let found: Option<i64> = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations")
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?;
        check_version(found, &SQLITE)?;
    }
    if fs::metadata(path).is_ok_and(|meta| meta.len() <= CHECKED_BYTES) {
        let verdict: String = sqlx::query_scalar("PRAGMA quick_check(1)")
            .fetch_one(connection)
            .await
            .map_err(failed)?;
        if verdict != "ok" {
            return Err(corrupt(place, &verdict));
        }
    }
    Ok(())
}

async fn open_postgres(url: &str) -> Result<Pools, OpenError> {
    let options = PgConnectOptions::from_str(url).map_err(OpenError::Address)?;
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(Duration::from_secs(30))
        .test_before_acquire(false)
        .before_acquire(|connection, about| {
            Box::pin(async move {
                if about.idle_for >= ASKED_AFTER {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_with(options);
    let pool = Box::pin(pool).await.map_err(OpenError::Unreachable)?;
    let there: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(&pool)
        .await
        .map_err(OpenError::Unreachable)?;
    if there {
        let found: Option<i64> = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations")
            .fetch_one(&pool)
            .await
            .map_err(OpenError::Unreachable)?;
        check_version(found, &POSTGRES)?;
    }
    POSTGRES.run(&pool).await.map_err(migrate_error)?;
    Ok(Pools::Postgres(pool))
}

fn check_version(found: Option<i64>, migrations: &Migrator) -> Result<(), OpenError> {
    let known = migrations
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0);
    match found {
        Some(found) if found > known => Err(OpenError::Newer { found, known }),
        _ => Ok(()),
    }
}

fn migrate_error(error: MigrateError) -> OpenError {
    match error {
        MigrateError::VersionMismatch(version) | MigrateError::VersionMissing(version) => {
            OpenError::Foreign { version }
        }
        error => OpenError::Migrate(error),
    }
}

fn sqlite_error(error: sqlx::Error, place: &str) -> OpenError {
    // 11 SQLITE_CORRUPT, 26 SQLITE_NOTADB; the low byte of an extended code.
    let code = error
        .as_database_error()
        .and_then(|error| error.code())
        .and_then(|code| code.parse::<i64>().ok());
    match code.map(|code| code & 0xff) {
        Some(11 | 26) => corrupt(place, &error.to_string()),
        _ => OpenError::Unreachable(error),
    }
}

fn corrupt(place: &str, reason: &str) -> OpenError {
    OpenError::Corrupt {
        place: place.to_owned(),
        reason: reason.to_owned(),
    }
}

impl Pools {
    /// The names of the migrations of each database, for the parity test.
    #[cfg(test)]
    fn migrations() -> [Vec<String>; 2] {
        [&SQLITE, &POSTGRES].map(|all| {
            all.iter()
                .map(|one| format!("{} {}", one.version, one.description))
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, ConnectOptions};

    use super::super::{contacts, messages, routing, timeline};
    use super::*;

    #[test]
    fn both_databases_have_migrations_of_the_same_names() {
        let [sqlite, postgres] = Pools::migrations();
        assert_eq!(sqlite, postgres);
        assert!(!sqlite.is_empty());
    }

    #[tokio::test]
    async fn what_belongs_to_one_conversation_or_contact_is_found_by_its_index() {
        let folder = tempfile::tempdir().unwrap();
        drop(open_sqlite(folder.path()).await.unwrap());
        let file = folder.path().join("balcao.db");
        let mut sqlite = SqliteConnectOptions::new()
            .filename(file)
            .connect()
            .await
            .unwrap();
        for (sql, indexes) in [
            (timeline::EVENTS, &["events_of_conversation"][..]),
            (contacts::IDENTITIES, &["identities_of_contact"]),
            (
                messages::OF_THREAD,
                &[
                    "conversations_open",
                    "messages_of_conversation",
                    "conversations_past",
                    "messages_of_conversation",
                ],
            ),
            (
                routing::HEAR_AGAIN,
                &["conversations_past", "sqlite_autoindex_conversations_1"],
            ),
        ] {
            let plan = format!("EXPLAIN QUERY PLAN {sql}");
            let steps: Vec<(i64, i64, i64, String)> = sqlx::query_as(AssertSqlSafe(plan))
                .fetch_all(&mut sqlite)
                .await
                .unwrap();
            let used = steps.iter().filter_map(|(.., step)| {
                let (index, _) = step.split_once(" USING INDEX ")?.1.split_once(" (")?;
                Some(index)
            });
            let used: Vec<&str> = used.collect();
            assert!(used.starts_with(indexes), "{sql}: {steps:?}");
        }
    }
}
