//! How fast ingest is, in one process and without HTTP or plugins, beside the fastest plain batch insert of the same rows into the same
//! tables: 2,000 contacts × 10 messages on SQLite with `synchronous=FULL`. Prints one JSON object per line.
//!
//! `cargo run --workspace --example ingest_rate`

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use balcao::clock::{Clock, Random};
use balcao::id::{ChannelId, Ids, TeamId, WorkspaceId};
use balcao::ingest::{Ingest, NoSignals, Parts};
use balcao::store::events::NoSubscriptions;
use balcao::store::workspaces::Workspace;
use balcao::store::{Database, Store};
use balcao_runtime::effect::Inbox;
use balcao_runtime::wit::{Content, inbox};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, SqliteConnection};

const CONTACTS: usize = 2_000;
const EACH: usize = 10;
/// Submissions under way at once.
const SUBMITTERS: usize = 64;
/// Messages in one commit of the plain insert.
const CHUNK: usize = 512;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = std::env::temp_dir().join(format!("balcao-ingest-rate-{}", std::process::id()));
    let outcome = measure(&folder).await;
    std::fs::remove_dir_all(&folder)?;
    let (ingest, plain) = outcome?;
    println!(
        "{}",
        serde_json::json!({"name": "ingest/in-process", "value": ingest.round(), "unit": "messages/s",
            "baseline": plain.round(), "ratio": (ingest / plain * 1000.0).round() / 1000.0})
    );
    Ok(())
}

async fn measure(folder: &Path) -> anyhow::Result<(f64, f64)> {
    let source = folder.join("ingest");
    let ingest = by_ingest(&source).await?;
    let plain = plainly(&source.join("balcao.db"), &folder.join("plain")).await?;
    Ok((ingest, plain))
}

/// Messages per second through `Ingest`, one message per submission.
async fn by_ingest(folder: &Path) -> anyhow::Result<f64> {
    let (clock, random) = (Clock::System, Random::System);
    let ids = Ids::new(clock.clone(), random);
    let store = Store::open(&Database::Sqlite {
        data_dir: folder.to_owned(),
    })
    .await?;
    let (workspace, channel) = office(&store, &ids, &folder.join("balcao.db")).await?;
    let (subscriptions, signals) = (Arc::new(NoSubscriptions), Arc::new(NoSignals));
    let (ingest, writer) = Ingest::start(Parts {
        store: store.clone(),
        ids,
        clock: clock.clone(),
        subscriptions,
        signals,
    });
    let began = Instant::now();
    let submitters: Vec<_> = (0..SUBMITTERS)
        .map(|first| {
            let (ingest, clock) = (ingest.clone(), clock.clone());
            tokio::spawn(async move {
                for n in (first..CONTACTS * EACH).step_by(SUBMITTERS) {
                    let at = clock.now();
                    let items = vec![message(n, at)];
                    ingest.submit(workspace, channel, "fake", items, at).await?;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for submitter in submitters {
        submitter.await??;
    }
    let rate = rate(began);
    drop(ingest);
    writer.await?;
    store.close().await;
    Ok(rate)
}

fn rate(began: Instant) -> f64 {
    (CONTACTS * EACH) as f64 / began.elapsed().as_secs_f64()
}

fn message(n: usize, at: i64) -> Inbox {
    let from = format!("55119{:08}", n % CONTACTS);
    let sender = inbox::Person {
        external_id: from.clone(),
        aliases: vec![("phone".into(), format!("+{from}"))],
        name: format!("Contact {}", n % CONTACTS),
        avatar: String::new(),
        extra: String::new(),
    };
    let text = format!("message {n}: good morning, is my order on its way already?");
    let content = Content {
        kind: "text".into(),
        text,
        attachments: Vec::new(),
        extra: String::new(),
    };
    let external_id = format!("provider.message.{n:026}");
    let event_key = external_id.clone();
    let message = inbox::Inbound {
        external_id,
        thread: from,
        sender,
        outgoing: false,
        at,
        content,
        reply_to: None,
        extra: String::new(),
    };
    Inbox::Message { event_key, message }
}

async fn office(store: &Store, ids: &Ids, file: &Path) -> anyhow::Result<(WorkspaceId, ChannelId)> {
    let (workspace, team, channel): (WorkspaceId, TeamId, ChannelId) =
        (ids.mint(), ids.mint(), ids.mint());
    let mut tx = store.begin().await?;
    tx.insert_workspace(&Workspace {
        id: workspace,
        name: "Bench".into(),
        locale: "en".into(),
        time_zone: "UTC".into(),
        created_at: 0,
        suspended_at: None,
    })
    .await?;
    tx.commit().await?;
    let sql = format!(
        "INSERT INTO teams VALUES ('{workspace}', '{team}', 'Team', '{{}}', 0);
         INSERT INTO channels (workspace_id, id, plugin_id, name, team_id, settings, enabled, health_state, health_message, created_at)
         VALUES ('{workspace}', '{channel}', 'fake', 'Channel', '{team}', '{{}}', TRUE, 'unknown', '', 0);"
    );
    let mut connection = open(file).await?;
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut connection)
        .await?;
    Ok((workspace, channel))
}

async fn open(file: &Path) -> anyhow::Result<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("cache_size", "-65536")
        .pragma("wal_autocheckpoint", "4000");
    Ok(options.connect().await?)
}

/// One chunk of messages with everything that came with it: plain inserts from a table, no JSON, nothing decided.
const COPY: &str = "BEGIN IMMEDIATE;
    CREATE TEMP TABLE chunk AS SELECT * FROM source.messages ORDER BY id LIMIT {CHUNK} OFFSET {OFFSET};
    INSERT INTO inbound_events SELECT workspace_id, channel_id, external_id, at FROM chunk ORDER BY external_id;
    INSERT OR IGNORE INTO contacts SELECT c.* FROM source.contacts c WHERE (c.workspace_id, c.id) IN (SELECT workspace_id, author_id FROM chunk);
    INSERT OR IGNORE INTO identities SELECT i.* FROM chunk m CROSS JOIN source.identities i
        ON i.workspace_id = m.workspace_id AND i.contact_id = m.author_id;
    INSERT OR IGNORE INTO contact_addresses SELECT a.* FROM chunk m CROSS JOIN source.contact_addresses a
        ON a.workspace_id = m.workspace_id AND a.contact_id = m.author_id;
    UPDATE conversations SET last_message_at = m.created_at, last_inbound_at = m.at, unread = unread + 1, preview = m.text
        FROM chunk m WHERE conversations.workspace_id = m.workspace_id AND conversations.id = m.conversation_id;
    INSERT OR IGNORE INTO conversations SELECT c.* FROM chunk m CROSS JOIN source.conversations c
        ON c.workspace_id = m.workspace_id AND c.id = m.conversation_id;
    INSERT INTO messages SELECT * FROM chunk;
    INSERT INTO events SELECT * FROM source.events ORDER BY seq LIMIT {EVENTS} OFFSET {EVENT_OFFSET};
    UPDATE workspace_seq SET seq = seq + {EVENTS};
    DROP TABLE chunk;
    COMMIT;";

/// Messages per second of copying what ingest has written, in chunks.
async fn plainly(source: &Path, folder: &Path) -> anyhow::Result<f64> {
    Store::open(&Database::Sqlite {
        data_dir: folder.to_owned(),
    })
    .await?
    .close()
    .await;
    let mut connection = open(&folder.join("balcao.db")).await?;
    let prepare = format!(
        "ATTACH '{}' AS source; INSERT INTO workspaces SELECT * FROM source.workspaces;
         INSERT INTO workspace_seq SELECT workspace_id, 0, 0 FROM source.workspace_seq;
         INSERT INTO teams SELECT * FROM source.teams; INSERT INTO channels SELECT * FROM source.channels;",
        source.display()
    );
    sqlx::raw_sql(AssertSqlSafe(prepare))
        .execute(&mut connection)
        .await?;
    let events: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM source.events")
        .fetch_one(&mut connection)
        .await?;
    let chunks = (CONTACTS * EACH).div_ceil(CHUNK);
    let per_chunk = usize::try_from(events)?.div_ceil(chunks);
    let began = Instant::now();
    for n in 0..chunks {
        let sql = COPY
            .replace("{CHUNK}", &CHUNK.to_string())
            .replace("{OFFSET}", &(n * CHUNK).to_string())
            .replace("{EVENTS}", &per_chunk.to_string())
            .replace("{EVENT_OFFSET}", &(n * per_chunk).to_string());
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut connection)
            .await?;
    }
    let rate = rate(began);
    let copied: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM messages")
        .fetch_one(&mut connection)
        .await?;
    anyhow::ensure!(
        copied == i64::try_from(CONTACTS * EACH)?,
        "the plain insert copied {copied} messages"
    );
    Ok(rate)
}
