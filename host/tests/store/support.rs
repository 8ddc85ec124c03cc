//! A fresh database per test, and what tests put into it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use balcao::clock::{Clock, Random};
use balcao::id::{ChannelId, ConversationId, Ids, TeamId, UserId, WorkspaceId};
use balcao::ingest::{Committed, Ingest, NoSignals, Parts};
use balcao::store::conversations::Conversation;
use balcao::store::events::{LaneKind, NoSubscriptions, Subscription, Subscriptions};
use balcao::store::messages::Message;
use balcao::store::workspaces::Workspace;
use balcao::store::{Database, Scope, Store};
use balcao_runtime::effect::Inbox;
use balcao_runtime::rules::{Person, TeamRole};
use balcao_runtime::wit::{Content, inbox};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

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

/// A workspace with one team (two agents, one supervisor), an admin outside of it, and one channel of the team.
#[derive(Clone, Copy, Debug)]
pub struct Office {
    pub workspace: WorkspaceId,
    pub team: TeamId,
    pub channel: ChannelId,
    pub agent1: UserId,
    pub agent2: UserId,
    pub supervisor: UserId,
    pub admin: UserId,
}

impl Office {
    pub fn person(&self, user: UserId) -> Person {
        let role = if user == self.supervisor {
            TeamRole::Supervisor
        } else {
            TeamRole::Agent
        };
        let admin = user == self.admin;
        let teams = if admin {
            Vec::new()
        } else {
            vec![(self.team.to_string(), role)]
        };
        Person {
            id: user.to_string(),
            admin,
            teams: teams.into_iter().collect(),
        }
    }

    pub fn scope<'a>(&self, bench: &'a Bench) -> Scope<'a> {
        self.scope_with(bench, &NoSubscriptions)
    }

    pub fn scope_with<'a>(
        &self,
        bench: &'a Bench,
        subscriptions: &'a dyn Subscriptions,
    ) -> Scope<'a> {
        Scope {
            workspace: self.workspace,
            now: bench.clock.now(),
            ids: &bench.ids,
            subscriptions,
        }
    }
}

impl Bench {
    /// Runs statements beside the store, for what other parts of the program write.
    pub async fn raw(&self, sql: String) {
        match &self.database {
            Database::Sqlite { data_dir } => {
                let url = format!("sqlite://{}", data_dir.join("balcao.db").display());
                let mut connection = SqliteConnection::connect(&url).await.expect("connects");
                sqlx::raw_sql(AssertSqlSafe(sql))
                    .execute(&mut connection)
                    .await
                    .expect("runs");
                connection.close().await.expect("closes");
            }
            Database::Postgres { url } => {
                let mut connection = PgConnection::connect(url).await.expect("connects");
                sqlx::raw_sql(AssertSqlSafe(sql))
                    .execute(&mut connection)
                    .await
                    .expect("runs");
                connection.close().await.expect("closes");
            }
        }
    }

    /// One number.
    pub async fn number(&self, sql: &'static str) -> i64 {
        match &self.database {
            Database::Sqlite { data_dir } => {
                let url = format!("sqlite://{}", data_dir.join("balcao.db").display());
                let mut connection = SqliteConnection::connect(&url).await.expect("connects");
                sqlx::query_scalar(sql)
                    .fetch_one(&mut connection)
                    .await
                    .expect("reads")
            }
            Database::Postgres { url } => {
                let mut connection = PgConnection::connect(url).await.expect("connects");
                sqlx::query_scalar(sql)
                    .fetch_one(&mut connection)
                    .await
                    .expect("reads")
            }
        }
    }

    /// Returns once somebody waits for what another transaction holds. SQLite has one that writes: whoever is next waits.
    pub async fn somebody_waits(&self) {
        const WAITING: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        if matches!(self.database, Database::Postgres { .. }) {
            while self.number(WAITING).await == 0 {}
        }
    }

    pub async fn office(&self) -> Office {
        let workspace = self.workspace().await;
        let team = self.ids.mint();
        let channel = self.ids.mint();
        let mut users = [(); 4].map(|()| self.ids.mint::<UserId>());
        users.sort();
        let mut sql = format!(
            "INSERT INTO teams (workspace_id, id, name, settings, created_at) VALUES ('{workspace}', '{team}', 'Vendas', '{{}}', {NOON});
             INSERT INTO channels (workspace_id, id, plugin_id, name, team_id, settings, enabled, health_state, health_message, created_at)
             VALUES ('{workspace}', '{channel}', 'fake', 'Loja', '{team}', '{{}}', TRUE, 'unknown', '', {NOON});"
        );
        for (n, (name, role, membership)) in [
            ("agent1", "agent", "agent"),
            ("agent2", "agent", "agent"),
            ("supervisor", "supervisor", "supervisor"),
            ("admin", "admin", ""),
        ]
        .into_iter()
        .enumerate()
        {
            let user = users[n];
            sql += &format!(
                "INSERT INTO users (workspace_id, id, email, name, role, available, active, archive_immediately, created_at)
                 VALUES ('{workspace}', '{user}', '{name}@demo.localhost', '{name}', '{role}', TRUE, TRUE, FALSE, {NOON} + {n});"
            );
            if !membership.is_empty() {
                sql += &format!(
                    "INSERT INTO team_members VALUES ('{workspace}', '{team}', '{user}', '{membership}', {NOON});"
                );
            }
        }
        self.raw(sql).await;
        let [agent1, agent2, supervisor, admin] = users;
        Office {
            workspace,
            team,
            channel,
            agent1,
            agent2,
            supervisor,
            admin,
        }
    }

    pub fn ingest(&self) -> Ingest {
        self.ingest_with(Arc::new(NoSubscriptions))
    }

    pub fn ingest_with(&self, subscriptions: Arc<dyn Subscriptions>) -> Ingest {
        let parts = Parts {
            store: self.store.clone(),
            ids: self.ids.clone(),
            clock: self.clock.clone(),
            subscriptions,
            signals: Arc::new(NoSignals),
        };
        Ingest::start(parts).unwrap()
    }

    /// Submits now, for the office's channel, and gives what came of it.
    pub async fn submit(&self, ingest: &Ingest, office: &Office, items: Vec<Inbox>) -> Committed {
        ingest
            .submit(
                office.workspace,
                office.channel,
                "fake",
                items,
                self.clock.now(),
            )
            .await
            .expect("committed")
    }

    pub async fn conversation(&self, office: &Office, id: ConversationId) -> Conversation {
        let mut tx = self.store.read().await.expect("reads");
        tx.conversation(office.workspace, id)
            .await
            .expect("reads")
            .expect("is there")
    }

    /// The conversation's messages, oldest first.
    pub async fn messages(&self, office: &Office, id: ConversationId) -> Vec<Message> {
        let mut tx = self.store.read().await.expect("reads");
        let mut found = tx
            .recent_messages(office.workspace, id, None, 10_000)
            .await
            .expect("reads");
        found.reverse();
        found
    }

    pub async fn event_kinds(&self, office: &Office) -> Vec<String> {
        let mut tx = self.store.read().await.expect("reads");
        let events = tx
            .events_after(office.workspace, 0, 10_000)
            .await
            .expect("reads");
        events.into_iter().map(|event| event.kind).collect()
    }
}

/// Tells a plugin of some kinds of events.
pub struct Subscribed(pub Vec<(&'static str, Subscription)>);

impl Subscribed {
    pub fn one(kind: &'static str, plugin: &str, lane: LaneKind, hold: bool) -> Arc<Self> {
        Arc::new(Self(vec![(
            kind,
            Subscription {
                plugin: plugin.to_owned(),
                lane,
                hold,
                own: false,
            },
        )]))
    }
}

impl Subscriptions for Subscribed {
    fn of(&self, _: WorkspaceId, kind: &str) -> Vec<Subscription> {
        self.0
            .iter()
            .filter(|(of, _)| *of == kind)
            .map(|(_, it)| it.clone())
            .collect()
    }
}

pub fn person(external_id: &str) -> inbox::Person {
    inbox::Person {
        external_id: external_id.to_owned(),
        aliases: vec![("phone".to_owned(), format!("+{external_id}"))],
        name: String::new(),
        avatar: String::new(),
        extra: String::new(),
    }
}

pub fn text(text: &str) -> Content {
    Content {
        kind: "text".into(),
        text: text.into(),
        attachments: Vec::new(),
        extra: String::new(),
    }
}

/// A text of a contact, its external id also its event key.
pub fn message(from: &str, external_id: &str, at: i64) -> Inbox {
    Inbox::Message {
        event_key: external_id.to_owned(),
        message: inbox::Inbound {
            external_id: external_id.to_owned(),
            thread: from.to_owned(),
            sender: person(from),
            outgoing: false,
            at,
            content: text(&format!("text of {external_id}")),
            reply_to: None,
            extra: String::new(),
        },
    }
}

/// A delivery state with a key of its own.
pub fn delivery(external_id: &str, state: &str) -> Inbox {
    Inbox::Delivery {
        event_key: format!("{external_id}/{state}"),
        external_id: external_id.to_owned(),
        state: state.to_owned(),
        at: NOON,
        reason: String::new(),
        extra: String::new(),
    }
}
