//! The baseline of ingest: the fastest plain insert of the same rows into the same tables, in batches, on one connection. No HTTP, no plugin, no
//! JSON, nothing looked up and nothing decided: the rows that a run left behind lie ready in temporary tables, numbered by the message they came
//! with, and are inserted again into an empty database.

use std::time::Instant;

use anyhow::{Result, ensure};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, PgConnection, SqliteConnection};

use crate::server::Place;

/// Messages in one commit: as many as ingest commits at most.
pub const CHUNK: usize = 512;

/// What ingest writes for a message that opens a conversation, in an order that foreign keys allow, and which rows of the source come with message
/// number `n` (`numbered` numbers the messages).
const TABLES: [(&str, &str); 8] = [
    (
        "inbound_events",
        "SELECT row_number() OVER (ORDER BY t.event_key) AS n, t.* FROM {source}inbound_events t",
    ),
    (
        "contacts",
        "SELECT f.n, t.* FROM {source}contacts t JOIN firsts f ON f.contact_id = t.id",
    ),
    (
        "identities",
        "SELECT f.n, t.* FROM {source}identities t JOIN firsts f ON f.contact_id = t.contact_id",
    ),
    (
        "contact_addresses",
        "SELECT f.n, t.* FROM {source}contact_addresses t JOIN firsts f ON f.contact_id = t.contact_id",
    ),
    (
        "conversations",
        "SELECT f.n, t.* FROM {source}conversations t JOIN firsts f ON f.contact_id = t.contact_id",
    ),
    (
        "messages",
        "SELECT m.n, t.* FROM {source}messages t JOIN numbered m ON m.id = t.id",
    ),
    // Those of ingest itself; what apps did afterwards has a cause and therefore depth.
    (
        "events",
        "SELECT COALESCE(m.n, f.n) AS n, t.* FROM {source}events t LEFT JOIN numbered m ON m.id = t.subject_id
           LEFT JOIN opened f ON f.conversation_id = t.conversation_id
          WHERE t.depth = 0 AND t.conversation_id IS NOT NULL",
    ),
    // They are gone once they are handled: made again from their events.
    (
        "deliveries",
        "SELECT f.n, t.workspace_id, 'distribution' AS plugin_id, 'team:' || c.team_id AS lane, t.seq, 0 AS attempts, t.at AS next_at,
                'pending' AS state, NULL AS error
           FROM {source}events t JOIN opened f ON f.conversation_id = t.conversation_id
           JOIN {source}conversations c ON c.id = t.conversation_id WHERE t.kind = 'conversation.queued'",
    ),
];

const PREPARE: &str = "CREATE TEMP TABLE numbered AS
        SELECT row_number() OVER (ORDER BY id) AS n, id, author_id AS contact_id, conversation_id FROM {source}messages WHERE direction = 'in';
    CREATE UNIQUE INDEX numbered_by_id ON numbered (id);
    CREATE TEMP TABLE firsts AS SELECT MIN(n) AS n, contact_id FROM numbered GROUP BY contact_id;
    CREATE UNIQUE INDEX firsts_by_id ON firsts (contact_id);
    CREATE TEMP TABLE opened AS SELECT MIN(n) AS n, conversation_id FROM numbered GROUP BY conversation_id;
    CREATE UNIQUE INDEX opened_by_id ON opened (conversation_id);";

/// The conversations that were there before the batch.
const TOUCH: &str = "UPDATE conversations SET last_message_at = m.at, last_inbound_at = m.at, preview = m.text, unread = unread + 1
    FROM staged_messages m WHERE m.n BETWEEN {FROM} AND {TO} AND conversations.workspace_id = m.workspace_id
     AND conversations.id = m.conversation_id
     AND NOT EXISTS (SELECT 1 FROM opened f WHERE f.conversation_id = m.conversation_id AND f.n BETWEEN {FROM} AND {TO});";

enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Connection {
    /// Several statements in one go.
    async fn run(&mut self, sql: String) -> Result<()> {
        match self {
            Self::Sqlite(it) => {
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(it).await?;
            }
            Self::Postgres(it) => {
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(it).await?;
            }
        }
        Ok(())
    }

    async fn number(&mut self, sql: &'static str) -> Result<i64> {
        Ok(match self {
            Self::Sqlite(it) => sqlx::query_scalar(sql).fetch_one(it).await?,
            Self::Postgres(it) => sqlx::query_scalar(sql).fetch_one(it).await?,
        })
    }

    /// The table's columns, parted by commas.
    async fn columns(&mut self, table: &str) -> Result<String> {
        let names: Vec<String> = match self {
            Self::Sqlite(it) => {
                sqlx::query_scalar("SELECT name FROM pragma_table_info($1)")
                    .bind(table)
                    .fetch_all(it)
                    .await?
            }
            Self::Postgres(it) => {
                sqlx::query_scalar("SELECT CAST(column_name AS TEXT) FROM information_schema.columns WHERE table_name = $1 AND table_schema = 'public'")
                    .bind(table)
                    .fetch_all(it)
                    .await?
            }
        };
        Ok(names.join(", "))
    }
}

/// Messages a second, of copying what a run wrote at `source` into the empty office at `target`, `chunk` in one commit.
pub async fn on_sqlite(source: &Place, target: &Place, chunk: usize) -> Result<f64> {
    let options = SqliteConnectOptions::new()
        .filename(target.sqlite())
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("cache_size", "-65536")
        .pragma("wal_autocheckpoint", "4000")
        .pragma("temp_store", "MEMORY");
    let mut connection = Connection::Sqlite(options.connect().await?);
    connection
        .run(format!("ATTACH '{}' AS source", source.sqlite().display()))
        .await?;
    stage(&mut connection, "source.").await?;
    let rate = measure(&mut connection, chunk).await?;
    // Waited for, as `reader` says.
    if let Connection::Sqlite(it) = connection {
        it.close().await?;
    }
    Ok(rate)
}

/// The same on PostgreSQL, where the rows are taken out of the run's own database and put back.
pub async fn on_postgres(url: &str) -> Result<f64> {
    let options: PgConnectOptions = url.parse()?;
    let mut connection = Connection::Postgres(PgConnection::connect_with(&options).await?);
    stage(&mut connection, "public.").await?;
    let tables: Vec<&str> = TABLES.iter().map(|(table, _)| *table).collect();
    connection
        .run(format!(
            "TRUNCATE {}, lanes CASCADE; ANALYZE staged_messages",
            tables.join(", ")
        ))
        .await?;
    measure(&mut connection, CHUNK).await
}

async fn stage(connection: &mut Connection, source: &str) -> Result<()> {
    connection.run(PREPARE.replace("{source}", source)).await?;
    for (table, rows) in TABLES {
        let rows = rows.replace("{source}", source);
        connection
            .run(format!(
                "CREATE TEMP TABLE staged_{table} AS {rows}; CREATE INDEX staged_{table}_n ON staged_{table} (n)"
            ))
            .await?;
    }
    Ok(())
}

async fn measure(connection: &mut Connection, chunk: usize) -> Result<f64> {
    let messages = connection
        .number("SELECT COUNT(*) FROM staged_messages")
        .await?;
    ensure!(messages > 0, "the run left no messages");
    let mut batch = "BEGIN;".to_owned();
    for (table, _) in TABLES {
        let columns = connection.columns(table).await?;
        batch += &format!(
            "INSERT INTO {table} ({columns}) SELECT {columns} FROM staged_{table} WHERE n BETWEEN {{FROM}} AND {{TO}};"
        );
    }
    batch += TOUCH;
    batch += "UPDATE workspace_seq SET seq = seq + (SELECT COUNT(*) FROM staged_events WHERE n BETWEEN {FROM} AND {TO}); COMMIT;";
    let began = Instant::now();
    for from in (1..=messages).step_by(chunk) {
        let sql = batch
            .replace("{FROM}", &from.to_string())
            .replace("{TO}", &(from + i64::try_from(chunk)? - 1).to_string());
        connection.run(sql).await?;
    }
    let took = began.elapsed();
    let copied = connection.number("SELECT COUNT(*) FROM messages").await?;
    ensure!(
        copied == messages,
        "the plain insert copied {copied} of {messages} messages"
    );
    Ok(messages as f64 / took.as_secs_f64())
}
