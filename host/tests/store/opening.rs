//! Opening, migrating, and the event log's numbers.

use std::collections::BTreeMap;
use std::fs;

use balcao::id::{Id, WorkspaceId};
use balcao::store::events::{Actor, NewEvent, NoSubscriptions};
use balcao::store::workspaces::Workspace;
use balcao::store::{Database, OpenError, Scope, Store};
use sqlx::{Connection, PgConnection, SqliteConnection};

use crate::support::{Bench, both};

both! {
    a_database_opened_again_still_holds_what_was_committed,
    what_was_not_committed_never_happened,
    each_event_takes_the_next_number_of_its_workspace,
    events_are_told_to_listeners_only_once_committed,
    a_number_that_was_lost_is_not_given_out_again,
    writing_to_a_workspace_that_does_not_exist_is_refused,
}

async fn a_database_opened_again_still_holds_what_was_committed(bench: &Bench) {
    let id = bench.workspace().await;
    let again = Store::open(&bench.database).await.unwrap();
    let found = again.read().await.unwrap().workspace(id).await.unwrap();
    again.close().await;
    assert_eq!(
        found,
        Some(Workspace {
            id,
            name: "Padaria".into(),
            locale: "pt-BR".into(),
            time_zone: "America/Sao_Paulo".into(),
            created_at: bench.clock.now(),
            suspended_at: None,
        })
    );
}

async fn what_was_not_committed_never_happened(bench: &Bench) {
    let id = bench.workspace().await;
    let mut tx = bench.store.write(id).await.unwrap();
    let scope = Scope {
        workspace: id,
        now: 1,
        ids: &bench.ids,
        subscriptions: &NoSubscriptions,
    };
    tx.append(scope, vec![NewEvent::new("contact.created")])
        .await
        .unwrap();
    drop(tx);
    let mut tx = bench.store.read().await.unwrap();
    assert_eq!(tx.events_after(id, 0, 10).await.unwrap(), []);
    assert_eq!(tx.event_bounds(id).await.unwrap(), (0, 1));
}

async fn each_event_takes_the_next_number_of_its_workspace(bench: &Bench) {
    let (a, b) = (bench.workspace().await, bench.workspace().await);
    let tasks: Vec<_> = (0..40)
        .map(|n| {
            let (store, ids, workspace) = (
                bench.store.clone(),
                bench.ids.clone(),
                if n % 2 == 0 { a } else { b },
            );
            tokio::spawn(async move {
                let mut tx = store.write(workspace).await.unwrap();
                let scope = Scope {
                    workspace,
                    now: 0,
                    ids: &ids,
                    subscriptions: &NoSubscriptions,
                };
                let event = || NewEvent::new("contact.created").by(&Actor::system());
                tx.append(scope, vec![event(), event()]).await.unwrap();
                tx.commit().await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let mut tx = bench.store.read().await.unwrap();
    for workspace in [a, b] {
        let numbers: Vec<i64> = tx
            .events_after(workspace, 0, 100)
            .await
            .unwrap()
            .iter()
            .map(|event| event.seq)
            .collect();
        assert_eq!(numbers, (1..=40).collect::<Vec<i64>>());
        assert_eq!(tx.event_bounds(workspace).await.unwrap(), (40, 1));
    }
}

async fn events_are_told_to_listeners_only_once_committed(bench: &Bench) {
    let workspace = bench.workspace().await;
    let mut listener = bench.store.subscribe();
    let mut tx = bench.store.write(workspace).await.unwrap();
    let scope = Scope {
        workspace,
        now: 7,
        ids: &bench.ids,
        subscriptions: &NoSubscriptions,
    };
    let events = tx
        .append(
            scope,
            vec![NewEvent::new("contact.created").subject("contact", "x")],
        )
        .await
        .unwrap();
    assert!(listener.try_recv().is_err());
    tx.commit().await.unwrap();
    assert_eq!(listener.try_recv().unwrap().to_vec(), events);
    assert_eq!(events[0].seq, 8);
    assert_eq!(events[0].subject().unwrap().kind, "contact");
}

/// Screens have seen the numbers that a power failure takes back; what is done again has others.
async fn a_number_that_was_lost_is_not_given_out_again(bench: &Bench) {
    let workspace = bench.workspace().await;
    let append = async |now| {
        let mut tx = bench.store.write(workspace).await.unwrap();
        let scope = Scope {
            workspace,
            now,
            ids: &bench.ids,
            subscriptions: &NoSubscriptions,
        };
        let two = ["x", "y"].map(|id| NewEvent::new("contact.created").subject("contact", id));
        let events = tx.append(scope, two.into()).await.unwrap();
        tx.commit().await.unwrap();
        [events[0].seq, events[1].seq]
    };
    assert_eq!(append(70).await, [71, 72]);
    // At the same instant: one after the other.
    assert_eq!(append(70).await, [73, 74]);
    for lost in [
        "DELETE FROM events WHERE seq > 72",
        "UPDATE workspace_seq SET seq = 72",
    ] {
        bench.raw(lost.to_owned()).await;
    }
    assert_eq!(append(75).await, [76, 77]);
}

async fn writing_to_a_workspace_that_does_not_exist_is_refused(bench: &Bench) {
    let unknown: WorkspaceId = bench.ids.mint();
    let refused = bench
        .store
        .write(unknown)
        .await
        .err()
        .map(|error| error.code());
    assert_eq!(refused, Some("not_found"), "{}", WorkspaceId::PREFIX);
}

#[tokio::test]
async fn a_damaged_file_is_reported_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("balcao.db");
    fs::write(
        &path,
        "this is a letter, not a database, and it is longer than a header",
    )
    .unwrap();
    let before = fs::read(&path).unwrap();
    let error = Store::open(&Database::Sqlite {
        data_dir: folder.path().to_owned(),
    })
    .await
    .err()
    .unwrap();
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_page_that_was_overwritten_is_reported() {
    let bench = Bench::sqlite().await;
    bench.workspace().await;
    bench.store.close().await;
    let Database::Sqlite { data_dir } = &bench.database else {
        unreachable!()
    };
    let path = data_dir.join("balcao.db");
    let mut bytes = fs::read(&path).unwrap();
    for page in bytes.chunks_mut(4096).skip(1) {
        page[..64].fill(0xff);
    }
    fs::write(&path, &bytes).unwrap();
    let error = Store::open(&bench.database).await.err().unwrap();
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Store::open(&Database::Sqlite {
        data_dir: file.join("data"),
    })
    .await
    .err()
    .unwrap();
    assert!(matches!(error, OpenError::Unwritable { .. }), "{error}");
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_not_touched() {
    let bench = Bench::sqlite().await;
    bench.store.close().await;
    let Database::Sqlite { data_dir } = &bench.database else {
        unreachable!()
    };
    let url = format!("sqlite://{}", data_dir.join("balcao.db").display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9000, 'later', TRUE, x'00', 0)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
    let error = Store::open(&bench.database).await.err().unwrap();
    assert!(
        matches!(error, OpenError::Newer { found: 9000, .. }),
        "{error}"
    );
}

/// Tables with their columns: name, kind of value, whether it may be null.
type Schema = BTreeMap<String, Vec<(String, String, bool)>>;

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let Some(postgres) = Bench::postgres("both_databases_have_the_same_tables_and_columns").await
    else {
        return;
    };
    let sqlite = Bench::sqlite().await;
    let expected = sqlite_schema(&sqlite).await;
    assert!(expected.len() > 25, "{}", expected.len());
    assert_eq!(postgres_schema(&postgres).await, expected);
    postgres.drop_database().await;
}

async fn sqlite_schema(bench: &Bench) -> Schema {
    let Database::Sqlite { data_dir } = &bench.database else {
        unreachable!()
    };
    let url = format!("sqlite://{}", data_dir.join("balcao.db").display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let rows: Vec<(String, String, String, bool)> = sqlx::query_as(
        "SELECT m.name, c.name, c.type, c.\"notnull\" = 0 FROM sqlite_master m JOIN pragma_table_info(m.name) c
         WHERE m.type = 'table' AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\' AND m.name NOT LIKE 'sqlite%'
           AND m.name NOT LIKE 'search\\_words%' ESCAPE '\\' ORDER BY m.name, c.cid",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    gather(rows)
}

async fn postgres_schema(bench: &Bench) -> Schema {
    let Database::Postgres { url } = &bench.database else {
        unreachable!()
    };
    let mut connection = PgConnection::connect(url).await.unwrap();
    let rows: Vec<(String, String, String, bool)> = sqlx::query_as(
        "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT), CAST(data_type AS TEXT), is_nullable = 'YES'
         FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT IN ('_sqlx_migrations', 'search_words')
         ORDER BY table_name COLLATE \"C\", ordinal_position",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    gather(rows)
}

fn gather(rows: Vec<(String, String, String, bool)>) -> Schema {
    let mut schema = Schema::new();
    for (table, column, kind, nullable) in rows {
        let kind = match kind.as_str() {
            "INTEGER" | "bigint" | "boolean" => "integer",
            "TEXT" | "text" => "text",
            "BLOB" | "bytea" => "bytes",
            other => other,
        };
        schema
            .entry(table)
            .or_default()
            .push((column, kind.to_owned(), nullable));
    }
    schema
}
