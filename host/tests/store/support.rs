//! A fresh database per test, and what tests put into it.

use std::sync::atomic::{AtomicU64, Ordering};

use balcao::clock::{Clock, Random};
use balcao::id::{Ids, WorkspaceId};
use balcao::store::workspaces::Workspace;
use balcao::store::{Database, Store};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// 2026-11-22T12:00:00Z.
pub const NOON: i64 = 1_795_348_800_000_000;

/// Makes `mod sqlite` and `mod postgres` of tests, which are functions of a `&Bench`.
macro_rules! both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let bench = crate::support::Bench::sqlite().await;
                super::$name(&bench).await;
                bench.drop_database().await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(bench) = crate::support::Bench::postgres(stringify!($name)).await {
                    super::$name(&bench).await;
                    bench.drop_database().await;
                }
            })+
        }
    };
}

pub(crate) use both;

/// A store on a database of its own, with a clock that stands still.
pub struct Bench {
    pub store: Store,
    pub database: Database,
    pub clock: Clock,
    pub ids: Ids,
    place: Place,
}

enum Place {
    Folder(tempfile::TempDir),
    Server { url: String, name: String },
}

static NEXT: AtomicU64 = AtomicU64::new(0);

impl Bench {
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = Database::Sqlite {
            data_dir: folder.path().to_owned(),
        };
        Self::open(database, Place::Folder(folder)).await
    }

    /// None where no server is given, which under `CI=true` is a failure.
    pub async fn postgres(test: &str) -> Option<Self> {
        let Ok(url) = std::env::var("TEST_POSTGRES_URL") else {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "TEST_POSTGRES_URL is not set: {test} cannot run on PostgreSQL"
            );
            eprintln!("not run on PostgreSQL (TEST_POSTGRES_URL is not set): {test}");
            return None;
        };
        let name = format!(
            "balcao_{}_{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::SeqCst)
        );
        let mut server = PgConnection::connect(&url)
            .await
            .expect("the server of TEST_POSTGRES_URL");
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .execute(&mut server)
            .await
            .expect("a database for the test");
        server.close().await.expect("closed");
        let mut own = url::Url::parse(&url).expect("TEST_POSTGRES_URL is a URL");
        own.set_path(&name);
        Some(
            Self::open(
                Database::Postgres { url: own.into() },
                Place::Server { url, name },
            )
            .await,
        )
    }

    async fn open(database: Database, place: Place) -> Self {
        let clock = Clock::at(NOON);
        let store = Store::open(&database)
            .await
            .expect("a fresh database opens");
        let ids = Ids::new(
            clock.clone(),
            Random::seeded(NEXT.fetch_add(1, Ordering::SeqCst)),
        );
        Self {
            store,
            database,
            clock,
            ids,
            place,
        }
    }

    /// Nothing of the test stays behind.
    pub async fn drop_database(self) {
        self.store.close().await;
        match self.place {
            Place::Folder(folder) => folder.close().expect("the folder goes"),
            Place::Server { url, name } => {
                let mut server = PgConnection::connect(&url)
                    .await
                    .expect("the server of TEST_POSTGRES_URL");
                sqlx::query(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)")))
                    .execute(&mut server)
                    .await
                    .expect("the database goes");
            }
        }
    }

    pub async fn workspace(&self) -> WorkspaceId {
        let id = self.ids.mint();
        let mut tx = self.store.begin().await.expect("begins");
        tx.insert_workspace(&Workspace {
            id,
            name: "Padaria".into(),
            locale: "pt-BR".into(),
            time_zone: "America/Sao_Paulo".into(),
            created_at: self.clock.now(),
            suspended_at: None,
        })
        .await
        .expect("inserted");
        tx.commit().await.expect("committed");
        id
    }
}
