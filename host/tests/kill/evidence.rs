//! What the database holds, read beside the server or after it was killed; and a database of one's own on PostgreSQL. Judges nothing.

use std::{fs, path::PathBuf, str::FromStr, time::Duration};

use serde_json::Value;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, sqlite::SqliteConnectOptions};
use tokio::time::{Instant, interval};

/// How long the database may need to notice that its client is dead.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the server keeps everything.
pub enum Place {
    Sqlite(PathBuf),
    Postgres(String),
}

/// A row: its columns in the order asked for.
pub type Row = Vec<Value>;

impl Place {
    /// Rows of the running server's database.
    pub async fn rows(&self, columns: &[&str], from: &str) -> Vec<Row> {
        match self {
            Self::Sqlite(folder) => sqlite(folder.join("balcao.db"), columns, from).await,
            Self::Postgres(url) => postgres(url, columns, from).await,
        }
    }

    /// Rows as a killed server left them. SQLite's files are read as a copy, so that the next server finds them as they are;
    /// PostgreSQL's sessions of the dead are waited for.
    pub async fn rows_of_the_dead(&self, columns: &[&str], from: &str) -> Vec<Row> {
        match self {
            Self::Sqlite(folder) => {
                let copy = tempfile::tempdir().expect("a temporary folder");
                for name in ["balcao.db", "balcao.db-wal"] {
                    let file = folder.join(name);
                    if file.exists() {
                        fs::copy(&file, copy.path().join(name)).expect("copied");
                    }
                }
                sqlite(copy.path().join("balcao.db"), columns, from).await
            }
            Self::Postgres(url) => {
                let others = "pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
                let begin = Instant::now();
                let mut tick = interval(Duration::from_millis(5));
                while !postgres(url, &["pid"], others).await.is_empty() {
                    assert!(begin.elapsed() < PATIENCE, "the dead's sessions do not end");
                    tick.tick().await;
                }
                postgres(url, columns, from).await
            }
        }
    }
}

async fn sqlite(file: PathBuf, columns: &[&str], from: &str) -> Vec<Row> {
    let mut connection = SqliteConnectOptions::from_str(&format!("sqlite://{}", file.display()))
        .expect("an address")
        .busy_timeout(PATIENCE)
        .connect()
        .await
        .expect("the database opens");
    let columns = columns.join(", ");
    let sql = format!("SELECT json_group_array(json_array({columns})) FROM (SELECT * FROM {from})");
    let text: String = sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(&mut connection)
        .await
        .expect("rows");
    connection.close().await.expect("closed");
    parsed(&text)
}

async fn postgres(url: &str, columns: &[&str], from: &str) -> Vec<Row> {
    let mut connection = PgConnection::connect(url).await.expect("PostgreSQL");
    let columns = columns.join(", ");
    let sql = format!(
        "SELECT COALESCE(CAST(json_agg(json_build_array({columns})) AS TEXT), '[]') FROM (SELECT * FROM {from}) found"
    );
    let text: String = sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(&mut connection)
        .await
        .expect("rows");
    connection.close().await.expect("closed");
    parsed(&text)
}

fn parsed(text: &str) -> Vec<Row> {
    serde_json::from_str(text).expect("rows as JSON")
}

/// A database of one's own on the server of `TEST_POSTGRES_URL`.
pub struct Postgres {
    pub url: String,
    server: String,
    name: String,
}

impl Postgres {
    /// None where no server is given, which under `CI=true` is a failure.
    pub async fn create(test: &str) -> Option<Self> {
        let Ok(server) = std::env::var("TEST_POSTGRES_URL") else {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "TEST_POSTGRES_URL is not set: {test} cannot run on PostgreSQL"
            );
            eprintln!("not run on PostgreSQL (TEST_POSTGRES_URL is not set): {test}");
            return None;
        };
        let name = format!("balcao_{test}_{}", std::process::id());
        run(&server, format!("CREATE DATABASE {name}")).await;
        let mut own = url::Url::parse(&server).expect("TEST_POSTGRES_URL is a URL");
        own.set_path(&name);
        Some(Self {
            url: own.into(),
            server,
            name,
        })
    }

    pub async fn remove(self) {
        run(
            &self.server,
            format!("DROP DATABASE {} WITH (FORCE)", self.name),
        )
        .await;
    }
}

async fn run(server: &str, sql: String) {
    let mut connection = PgConnection::connect(server)
        .await
        .expect("the server of TEST_POSTGRES_URL");
    sqlx::query(AssertSqlSafe(sql))
        .execute(&mut connection)
        .await
        .expect("done");
    connection.close().await.expect("closed");
}
