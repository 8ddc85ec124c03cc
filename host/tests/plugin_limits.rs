//! Quotas and circuit breaker of plugins' calls through the server's own parts, real components and both databases: what one node counts or
//! finds out the others know, and a restart forgets nothing.

mod common;

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use balcao::{
    app::{App, SharedApp},
    channel::{Channel, HealthState},
    clock::{Clock, Random},
    config::Config,
    error::Error,
    id::WorkspaceId,
    plugin::AppError,
    store::{enabled_plugins::EnabledPlugin, storage::Owner, usage::UsedRow},
    user::Email,
    workspace,
};
use balcao_runtime::{breaker::Rest, quota::Keeps, wit::channel::Request};
use common::Database;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const PLUGIN: &str = "unruly";
/// 2026-11-22T12:00:00Z, the beginning of a minute.
const NOON: i64 = 1_795_348_800_000_000;

/// A database, and the servers that share it.
struct Site {
    config: Config,
    clock: Clock,
    channel: Option<Channel>,
}

impl Site {
    fn new(database: &Database, plugins: PathBuf) -> Self {
        let mut config = database.config();
        config.plugins_dir = plugins;
        Self {
            config,
            clock: Clock::at(NOON),
            channel: None,
        }
    }

    /// A server; the first one makes the workspace, the app and its channel.
    async fn node(&mut self) -> SharedApp {
        let config = self.config.clone();
        let app = App::open_with(config, self.clock.clone(), Random::default())
            .await
            .expect("the server opens");
        if self.channel.is_none() {
            self.channel = Some(connect(&app).await);
        }
        app
    }

    fn workspace(&self) -> WorkspaceId {
        self.channel.as_ref().expect("it is set up").workspace_id
    }

    fn owner(&self) -> Owner<'_> {
        Owner {
            workspace: self.workspace(),
            plugin: PLUGIN,
        }
    }

    /// A webhook that says what the app is to do.
    async fn asks(&self, app: &App, path: &str) -> Result<u16, AppError> {
        let channel = self.channel.as_ref().expect("it is set up");
        let request = Request {
            channel: channel.id.to_string(),
            method: "POST".to_owned(),
            path: path.to_owned(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Vec::new(),
            remote: "127.0.0.1".to_owned(),
        };
        let answered = app.apps.receive(channel, request).await;
        answered.map(|response| response.status)
    }

    async fn well(&self, app: &App, path: &str) {
        assert_eq!(self.asks(app, path).await.expect(path), 200, "{path}");
    }

    /// The call must fail with this code; gives the message.
    async fn fails(&self, app: &App, path: &str, code: &str) -> String {
        match self.asks(app, path).await {
            Err(AppError::Plugin(failure)) => {
                assert_eq!(failure.code, code, "{path}: {failure}");
                failure.message
            }
            other => panic!("{path}: not refused, but {other:?}"),
        }
    }

    /// What the operator does with `balcao admin limits`, and the server hears of it.
    async fn limit(&self, apps: &[&SharedApp], name: &str, value: i64) {
        let mut tx = apps[0].store.begin().await.expect("begins");
        tx.set_plugin_limit(self.workspace(), PLUGIN, name, Some(value))
            .await
            .expect("set");
        tx.commit().await.expect("committed");
        for app in apps {
            app.apps.keep_books().await.expect("kept");
        }
    }

    async fn keeps(&self, app: &App) -> Keeps {
        let mut tx = app.store.read().await.expect("reads");
        tx.plugin_keeps(self.owner()).await.expect("reads")
    }

    async fn row(&self, app: &App) -> EnabledPlugin {
        let mut tx = app.store.read().await.expect("reads");
        let found = tx.enabled_plugin(self.workspace(), PLUGIN).await;
        found.expect("reads").expect("it is enabled")
    }

    async fn rest(&self, app: &App) -> Option<Rest> {
        let breaker = self.row(app).await.breaker;
        breaker.map(|json| serde_json::from_str(&json).expect("a rest"))
    }

    async fn events(&self, app: &App) -> Vec<String> {
        let mut tx = app.store.read().await.expect("reads");
        let all = tx.events_after(self.workspace(), 0, 100).await;
        let all = all.expect("reads").into_iter();
        all.filter(|event| event.subject_id.as_deref() == Some(PLUGIN))
            .map(|event| event.kind)
            .collect()
    }

    async fn log(&self, app: &App) -> Vec<(String, String)> {
        let mut tx = app.store.read().await.expect("reads");
        let lines = tx
            .plugin_logs(self.workspace(), PLUGIN, None, &[], 100)
            .await;
        let lines = lines.expect("reads").into_iter().rev();
        lines.map(|line| (line.level, line.message)).collect()
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

async fn connect(app: &SharedApp) -> Channel {
    let email = Email::parse("admin@padaria.test").expect("an address");
    let workspace = workspace::create(app, "Padaria", &email, "correct horse battery")
        .await
        .expect("a workspace");
    let package = app.apps.package(PLUGIN).expect("the fixture is offered");
    let enabled = EnabledPlugin {
        workspace_id: workspace,
        plugin_id: PLUGIN.to_owned(),
        digest: package.digest().to_string(),
        version: package.manifest().version.clone(),
        enabled: true,
        settings: "{}".to_owned(),
        granted: "[]".to_owned(),
        revision: 1,
        breaker: None,
        enabled_at: NOON,
    };
    let channel = Channel {
        workspace_id: workspace,
        id: app.ids.mint(),
        plugin_id: PLUGIN.to_owned(),
        name: "Loja".to_owned(),
        team_id: None,
        settings: "{}".to_owned(),
        enabled: true,
        health_state: HealthState::Unknown,
        health_message: String::new(),
        health_by: String::new(),
        capabilities: None,
        account: None,
        max_file_bytes: None,
        created_at: NOON,
    };
    let mut tx = app.store.begin().await.expect("begins");
    tx.put_enabled_plugin(&enabled).await.expect("enabled");
    tx.insert_channel(&channel).await.expect("inserted");
    tx.commit().await.expect("committed");
    app.apps.changed(workspace, PLUGIN).await;
    channel
}

/// A folder that offers the fixture alone.
fn plugins(database: &Database) -> PathBuf {
    let beside = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("fixtures");
    let built = std::env::var_os("BALCAO_TEST_FIXTURES").map_or(beside, PathBuf::from);
    let folder = database.folder().join("plugins");
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = built.join("unruly.wasm");
    std::fs::copy(&file, folder.join("unruly.wasm")).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; run `cargo xtask build-plugins --fixtures`",
            file.display()
        )
    });
    folder
}

/// A provider's stand-in that answers everything, and counts.
async fn provider() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            count.fetch_add(1, Ordering::SeqCst);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
            let _ = socket.write_all(answer).await;
        }
    });
    (address, asked)
}

/// Makes a test for each database of a function of a `&Database`.
macro_rules! both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let database = super::Database::sqlite();
                super::$name(&database).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(database) = super::Database::postgres(stringify!($name)).await {
                    super::$name(&database).await;
                    database.remove().await;
                }
            })+
        }
    };
}

both! {
    what_an_app_keeps_is_bounded_exactly_on_all_nodes_together,
    requests_and_log_lines_of_a_minute_are_bounded_on_all_nodes_together,
    an_app_that_keeps_trapping_rests_on_all_nodes_and_after_a_restart_until_a_trial_succeeds,
    an_admins_change_ends_the_rest,
}

async fn what_an_app_keeps_is_bounded_exactly_on_all_nodes_together(database: &Database) {
    let mut site = Site::new(database, plugins(database));
    let (a, b) = (site.node().await, site.node().await);
    site.limit(&[&a, &b], "storage_keys", 2).await;
    site.limit(&[&a, &b], "timers", 1).await;
    site.limit(&[&a, &b], "collection_rows", 1).await;
    site.well(&a, "/keep/10/a").await;
    site.well(&b, "/keep/10/b").await;
    for node in [&a, &b] {
        let told = site.fails(node, "/keep/10/c", "limit").await;
        assert!(told.starts_with("limit storage_keys: "), "{told}");
    }
    site.well(&a, "/row/0/one").await;
    let told = site.fails(&b, "/row/0/two", "limit").await;
    assert!(told.starts_with("limit collection_rows: "), "{told}");
    site.well(&b, "/timer/0/one").await;
    site.well(&a, "/timer/0/one").await;
    let told = site.fails(&a, "/timer/0/two", "limit").await;
    assert!(told.starts_with("limit timers: "), "{told}");
    let keeps = Keeps {
        storage_keys: 2,
        storage_bytes: 2 * (1 + 12),
        collection_rows: 1,
        timers: 1,
    };
    assert_eq!(site.keeps(&a).await, keeps);
    // Bytes, not letters, and what is replaced counts once.
    site.limit(&[&a, &b], "storage_bytes", 100).await;
    let told = site.fails(&b, "/keep/90/a", "limit").await;
    assert!(told.starts_with("limit storage_bytes: "), "{told}");
    site.well(&b, "/keep/60/a").await;
    for path in ["/drop/0/a", "/unrow/0/one", "/untimer/0/one"] {
        site.well(&a, path).await;
    }
    let keeps = Keeps {
        storage_keys: 1,
        storage_bytes: 13,
        ..Keeps::default()
    };
    assert_eq!(site.keeps(&b).await, keeps);
    site.well(&b, "/keep/10/c").await;
    site.well(&b, "/timer/0/two").await;
    // A count that was lost is made again.
    let mut tx = a.store.write(site.workspace()).await.expect("begins");
    tx.recount_keeps(site.owner()).await.expect("counted");
    let counted = tx.plugin_keeps(site.owner()).await.expect("reads");
    tx.commit().await.expect("committed");
    let keeps = Keeps {
        storage_keys: 2,
        storage_bytes: 26,
        timers: 1,
        ..Keeps::default()
    };
    assert_eq!(counted, keeps);
    for node in [a, b] {
        node.close().await;
    }
}

async fn requests_and_log_lines_of_a_minute_are_bounded_on_all_nodes_together(database: &Database) {
    let (address, asked) = provider().await;
    let mut site = Site::new(database, plugins(database));
    site.config.dev.enabled = true;
    let stand_in = format!("http://{address}").parse().expect("an address");
    site.config.dev.http_map.0 = vec![("api.example.com".to_owned(), stand_in)];
    site.config.plugin_limits = [("http_calls_per_minute".to_owned(), 4)].into();
    let (a, b) = (site.node().await, site.node().await);
    site.limit(&[&a, &b], "log_lines_per_minute", 3).await;
    site.well(&a, "/fetch/2").await;
    site.well(&b, "/fetch/1").await;
    for node in [&a, &b, &a] {
        node.apps.keep_books().await.expect("kept");
    }
    // Each knows of the other's by now: one is left.
    site.well(&b, "/fetch/1").await;
    let told = site.fails(&b, "/fetch/1", "limit").await;
    assert!(told.contains("limit http_calls_per_minute: "), "{told}");
    assert_eq!(asked.load(Ordering::SeqCst), 4);

    site.well(&a, "/say/2").await;
    site.well(&a, "/say/2").await;
    for node in [&a, &b] {
        node.apps.keep_books().await.expect("kept");
    }
    let mut lines = site.log(&a).await;
    // How a call failed is a line of the host's, beside the app's own.
    lines.retain(|(_, said)| !said.starts_with("limit: "));
    let cut = "log_lines_per_minute: only the first 3 lines of a minute are kept";
    let said = ("info".to_owned(), "said".to_owned());
    assert_eq!(
        lines,
        [
            said.clone(),
            said.clone(),
            said,
            ("warn".to_owned(), cut.to_owned())
        ]
    );
    let mut tx = a.store.read().await.expect("reads");
    let used = tx.plugin_used(site.owner(), 0).await.expect("reads");
    drop(tx);
    let sums: Vec<_> = used
        .iter()
        .map(|UsedRow { minute, used, .. }| (*minute, used.calls, used.http_calls, used.log_lines))
        .collect();
    assert_eq!(sums, [(NOON / 60_000_000, 6, 4, 3)]);
    site.pass(60);
    site.well(&b, "/fetch/1").await;
    for node in [a, b] {
        node.close().await;
    }
}

async fn an_app_that_keeps_trapping_rests_on_all_nodes_and_after_a_restart_until_a_trial_succeeds(
    database: &Database,
) {
    let mut site = Site::new(database, plugins(database));
    let (a, b) = (site.node().await, site.node().await);
    for _ in 0..5 {
        site.fails(&a, "/trap", "trap").await;
    }
    let rest = site.rest(&a).await.expect("it rests");
    assert_eq!(
        (rest.until, rest.trial, rest.opened),
        (NOON + 30_000_000, false, 1)
    );
    assert!(rest.reason.starts_with("trap: "), "{}", rest.reason);
    assert_eq!(site.events(&a).await, ["plugin.failing"]);
    let mut lines = site.log(&a).await;
    lines.retain(|(_, said)| !said.starts_with("trap: "));
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0].0, "error");
    assert!(lines[0].1.contains("descansa por 30 s"), "{}", lines[0].1);
    // Known at once here, with the next balance elsewhere, and after a restart.
    site.fails(&a, "/ok", "breaker").await;
    b.apps.keep_books().await.expect("kept");
    site.fails(&b, "/ok", "breaker").await;
    a.close().await;
    let a = site.node().await;
    site.fails(&a, "/ok", "breaker").await;
    // After its rest one call is tried, on one node alone: b knows only of the rest that is over.
    site.pass(30);
    site.fails(&a, "/trap", "trap").await;
    let rest = site.rest(&a).await.expect("it rests again");
    assert_eq!((rest.opened, rest.until), (2, NOON + 90_000_000));
    site.fails(&b, "/ok", "breaker").await;
    site.pass(60);
    site.well(&b, "/ok").await;
    assert_eq!(site.rest(&b).await, None);
    assert_eq!(
        site.events(&b).await,
        ["plugin.failing", "plugin.failing", "plugin.recovered"]
    );
    a.apps.keep_books().await.expect("kept");
    site.well(&a, "/ok").await;
    // What the plugin reports as its own failure, and what it is refused, are no faults.
    for _ in 0..6 {
        assert!(matches!(
            site.asks(&a, "/fail").await,
            Err(AppError::Plugin(_))
        ));
    }
    site.limit(&[&a], "calls_at_once", 0).await;
    for _ in 0..6 {
        assert!(matches!(
            site.asks(&a, "/ok").await,
            Err(AppError::Host(Error::Unavailable(why))) if why.contains("calls_at_once")
        ));
    }
    assert_eq!(site.rest(&a).await, None);
    for node in [a, b] {
        node.close().await;
    }
}

async fn an_admins_change_ends_the_rest(database: &Database) {
    let mut site = Site::new(database, plugins(database));
    let a = site.node().await;
    for _ in 0..5 {
        site.fails(&a, "/trap", "trap").await;
    }
    site.fails(&a, "/ok", "breaker").await;
    a.apps.changed(site.workspace(), PLUGIN).await;
    assert_eq!(site.rest(&a).await, None);
    site.well(&a, "/ok").await;
    a.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_sets_a_limit_beside_a_running_server_and_takes_it_back() {
    let database = Database::sqlite();
    let mut site = Site::new(&database, plugins(&database));
    let node = site.node().await;
    let workspace = site.workspace().to_string();
    let data = database.folder().join("data");
    let admin = |set: &'static [&str]| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_balcao"));
        command
            .args(["admin", "limits", &workspace, PLUGIN])
            .args(set)
            .env_clear()
            .env("BALCAO_DATA_DIR", &data)
            .current_dir(database.folder());
        async move {
            let ended = command.output().await.expect("it runs");
            let said = [ended.stdout, ended.stderr].concat();
            (
                ended.status.success(),
                String::from_utf8(said).expect("text"),
            )
        }
    };
    let (well, shown) = admin(&["storage_keys=1", "cpu_ms=150"]).await;
    assert!(
        well && shown.contains("storage_keys 1\n") && shown.contains("cpu_ms 150\n"),
        "{shown}"
    );
    node.apps.keep_books().await.expect("kept");
    site.well(&node, "/keep/10/a").await;
    site.fails(&node, "/keep/10/b", "limit").await;
    let (well, shown) = admin(&["storage_keys="]).await;
    assert!(well && shown.contains("storage_keys 100000\n"), "{shown}");
    node.apps.keep_books().await.expect("kept");
    site.well(&node, "/keep/10/b").await;
    for (set, named) in [
        (&["storage_key=1"][..], "`storage_key` is not a limit"),
        (&["timers=-1"][..], "not a whole number"),
        (&["timers"][..], "NAME=NUMBER"),
    ] {
        let (well, said) = admin(set).await;
        assert!(!well && said.contains(named), "{said}");
    }
    node.close().await;
}
