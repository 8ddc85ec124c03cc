//! A server that offers the hesitant app, which asks its provider before everything it does; the test plays the provider. The clock stands still.

use balcao::{
    clock::{Clock, Instant},
    config::Config,
    id::WorkspaceId,
    store::storage::Owner,
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::{Client, Server, packages, screen::NOT_MUCH};

/// The app's id.
pub const HESITANT: &str = "hesitant";
/// 2026-11-22T12:00:00Z.
const NOON: Instant = 1_795_348_800_000_000;

pub struct Stage {
    pub server: Server,
    provider: TcpListener,
}

/// What the app asks for; it waits for the answer.
pub struct Asked {
    pub path: String,
    /// What it shows for it.
    pub key: Option<String>,
    socket: TcpStream,
}

impl Asked {
    pub fn told(&self) -> (&str, Option<&str>) {
        (&self.path, self.key.as_deref())
    }

    pub async fn answer(mut self, status: u16) {
        let answer =
            format!("HTTP/1.1 {status} Told\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        let said = self.socket.write_all(answer.as_bytes()).await;
        said.expect("the app waits");
    }
}

impl Stage {
    pub async fn on_sqlite() -> Self {
        let provider = provider().await;
        let server = Server::start_at(Clock::at(NOON), offering(&provider)).await;
        Self { server, provider }
    }

    /// None where no server is given, which under `CI=true` is a failure.
    pub async fn on_postgres(test: &str) -> Option<Self> {
        let provider = provider().await;
        let clock = Clock::at(NOON);
        let server = Server::start_on_postgres_at(test, clock, offering(&provider)).await?;
        Some(Self { server, provider })
    }

    /// The operator puts another version in the app's place (`packages::edited`) and starts the server anew.
    pub async fn update(self, words: &[(&str, &str)]) -> Self {
        let package = packages::edited(&packages::fixture(HESITANT), words);
        let folder = &self.server.app.config.plugins_dir;
        std::fs::write(folder.join("hesitant.wasm"), package).expect("written");
        Self {
            server: self.server.again().await,
            provider: self.provider,
        }
    }

    pub async fn end(self) {
        self.server.end().await;
    }

    /// What the app asks for next.
    pub async fn asked(&self) -> Asked {
        let accepted = timeout(NOT_MUCH, self.provider.accept()).await;
        let (mut socket, _) = accepted.expect("the app asks").expect("accepted");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            assert_ne!(socket.read_buf(&mut head).await.expect("read"), 0);
        }
        let head = String::from_utf8(head).expect("text");
        let path = head.split(' ').nth(1).expect("a path").to_owned();
        let key = head
            .lines()
            .find_map(|line| line.strip_prefix("authorization: "))
            .map(str::to_owned);
        Asked { path, key, socket }
    }

    /// The app asks for exactly that next, and may.
    pub async fn lets(&self, path: &str) {
        let asked = self.asked().await;
        assert_eq!(asked.path, path);
        asked.answer(200).await;
    }

    /// The same, and it must show this key.
    pub async fn lets_with(&self, path: &str, key: &str) {
        let asked = self.asked().await;
        assert_eq!(asked.told(), (path, Some(key)));
        asked.answer(200).await;
    }

    /// Enables the app, which begins at once and has been told that it is on. Gives how it is shown.
    pub async fn enable(&self, admin: &Client) -> Value {
        let (on, ()) = tokio::join!(
            packages::ask_to_enable(admin, HESITANT, json!({})),
            self.lets("/enable")
        );
        let on = on.expect(StatusCode::OK);
        self.lets("/plugin.enabled/oi").await;
        on
    }

    /// How the app is shown.
    pub async fn shown(&self, admin: &Client) -> Value {
        let shown = admin.get(&format!("/plugins/{HESITANT}")).await;
        shown.expect(StatusCode::OK)
    }

    /// Whether new conversations wait for the app, and it is told of them.
    pub fn is_told(&self, workspace: WorkspaceId) -> bool {
        let told = &self.server.app.subscriptions;
        let told = told.of(workspace, "conversation.queued");
        told.iter().any(|it| it.plugin == HESITANT)
    }

    /// When something is due to be told to any app.
    pub async fn due(&self) -> Option<Instant> {
        let mut tx = self.server.app.store.read().await.expect("reads");
        tx.next_lane_at().await.expect("reads")
    }

    /// What the app keeps under that key.
    pub async fn kept(&self, workspace: WorkspaceId, key: &str) -> Option<String> {
        let app = &self.server.app;
        let of = Owner {
            workspace,
            plugin: HESITANT,
        };
        let mut tx = app.store.read().await.expect("reads");
        let found = tx.storage_get(of, key, app.clock.now()).await;
        found.expect("reads").map(|it| it.value)
    }

    /// What the event log tells of the app itself.
    pub async fn happened(&self, workspace: WorkspaceId) -> Vec<String> {
        let mut tx = self.server.app.store.read().await.expect("reads");
        let all = tx.events_after(workspace, 0, 1_000).await.expect("reads");
        all.into_iter()
            .filter(|it| it.subject_id.as_deref() == Some(HESITANT))
            .map(|it| it.kind)
            .collect()
    }
}

async fn provider() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").await;
    listener.expect("a free port")
}

/// A configuration in which this app alone is offered, and its provider is that one.
fn offering(provider: &TcpListener) -> impl FnOnce(&mut Config) {
    let address = provider.local_addr().expect("an address");
    move |config| {
        let folder = &config.plugins_dir;
        std::fs::create_dir_all(folder).expect("a folder");
        let file = packages::fixture(HESITANT);
        std::fs::copy(file, folder.join("hesitant.wasm")).expect("copied");
        config.dev.enabled = true;
        let stand_in = format!("http://{address}").parse().expect("a URL");
        config.dev.http_map.0 = vec![("api.example.com".to_owned(), stand_in)];
    }
}
