//! A whole server on a port and database of its own, and clients that speak to it over real HTTP.

#![allow(dead_code, reason = "each test file uses its part, and one uses all")]

/// Makes a test for each database of a function of the test file's own `Scene`.
#[allow(unused_macros, reason = "some test files have no scenes")]
macro_rules! on_both_scenes {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                let server = $crate::common::Server::start_at;
                super::$name(crate::Scene::set(async |clock, change| Some(server(clock, change).await)).await.expect("SQLite")).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                let server = $crate::common::Server::start_on_postgres_at;
                let scene = crate::Scene::set(async |clock, change| server(stringify!($name), clock, change).await).await;
                if let Some(scene) = scene {
                    super::$name(scene).await;
                }
            })+
        }
    };
}

pub mod desk;
pub mod hesitant;
pub mod packages;
pub mod provider;
pub mod screen;
pub mod whatsapp;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Once,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use balcao::{
    app::{App, SharedApp},
    clock::{Clock, Random},
    config::{Config, Hidden},
    id::WorkspaceId,
    user::Email,
    workspace,
};
use reqwest::{Method, StatusCode, header};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use screen::NOT_MUCH;

/// The administrator's sign-in of every test workspace.
pub const ADMIN: &str = "admin@padaria.test";
pub const PASSWORD: &str = "correct horse battery";

static NEXT: AtomicU64 = AtomicU64::new(0);
static TLS: Once = Once::new();

/// A running server.
pub struct Server {
    pub app: SharedApp,
    pub address: SocketAddr,
    pub folder: TempDir,
    postgres: Option<(String, String)>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<anyhow::Result<()>>,
}

impl Server {
    /// On SQLite, with a workspace whose administrator is [`ADMIN`].
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same with another configuration.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_at(Clock::default(), change).await
    }

    /// The same by a given clock.
    pub async fn start_at(clock: Clock, change: impl FnOnce(&mut Config)) -> Self {
        Self::begin(None, clock, change).await
    }

    /// On PostgreSQL; none where no server is given, which under `CI=true` is a failure.
    pub async fn start_on_postgres(test: &str) -> Option<Self> {
        Self::start_on_postgres_at(test, Clock::default(), |_| {}).await
    }

    /// The same by a given clock and with another configuration.
    pub async fn start_on_postgres_at(
        test: &str,
        clock: Clock,
        change: impl FnOnce(&mut Config),
    ) -> Option<Self> {
        let Ok(url) = std::env::var("TEST_POSTGRES_URL") else {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "TEST_POSTGRES_URL is not set: {test} cannot run on PostgreSQL"
            );
            eprintln!("not run on PostgreSQL (TEST_POSTGRES_URL is not set): {test}");
            return None;
        };
        let name = format!(
            "balcao_api_{}_{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::SeqCst)
        );
        sql(&url, format!("CREATE DATABASE {name}")).await;
        let mut own = url::Url::parse(&url).expect("TEST_POSTGRES_URL is a URL");
        own.set_path(&name);
        let own = Hidden(own.into());
        let change = |config: &mut Config| {
            config.database_url = Some(own);
            change(config);
        };
        Some(Self::begin(Some((url, name)), clock, change).await)
    }

    async fn begin(
        postgres: Option<(String, String)>,
        clock: Clock,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut config = Config {
            data_dir: folder.path().join("data"),
            plugins_dir: folder.path().join("plugins"),
            ..Config::default()
        };
        config.limits.sign_in_per_address = 1000.try_into().expect("not 0");
        config.limits.sign_in_per_email = 1000.try_into().expect("not 0");
        change(&mut config);
        let app = App::open_with(config, clock, Random::default())
            .await
            .expect("the server opens");
        let email = Email::parse(ADMIN).expect("an address");
        workspace::create(&app, "Padaria", &email, PASSWORD)
            .await
            .expect("a workspace");
        let (address, stop, running) = serve(&app).await;
        Self {
            app,
            address,
            folder,
            postgres,
            stop,
            running,
        }
    }

    /// Stops the server and starts it anew over the same data, as after a crash or an update.
    pub async fn again(self) -> Self {
        let _ = self.stop.send(());
        self.running.await.expect("no panic").expect("a clean end");
        self.app.close().await;
        let (config, clock) = (self.app.config.clone(), self.app.clock.clone());
        drop(self.app);
        let app = App::open_with(config, clock, Random::default())
            .await
            .expect("the server opens again");
        let (address, stop, running) = serve(&app).await;
        Self {
            app,
            address,
            folder: self.folder,
            postgres: self.postgres,
            stop,
            running,
        }
    }

    /// Another server on the same database (PostgreSQL) and folder, which ends before this one.
    pub async fn second(&self) -> Self {
        let (config, clock) = (self.app.config.clone(), self.app.clock.clone());
        let app = App::open_with(config, clock, Random::default())
            .await
            .expect("a second server opens");
        let (address, stop, running) = serve(&app).await;
        Self {
            app,
            address,
            folder: tempfile::tempdir().expect("a temporary folder"),
            postgres: None,
            stop,
            running,
        }
    }

    /// Stops the server and checks that it ended well.
    pub async fn end(self) {
        let _ = self.stop.send(());
        self.running.await.expect("no panic").expect("a clean end");
        self.app.close().await;
        if let Some((url, name)) = self.postgres {
            sql(&url, format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }

    /// Runs a statement beside the server.
    pub async fn beside(&self, statement: &str) {
        let config = &self.app.config;
        if let Some(url) = &config.database_url {
            return sql(&url.0, statement.to_owned()).await;
        }
        let url = format!("sqlite://{}", config.data_dir.join("balcao.db").display());
        let mut file = SqliteConnection::connect(&url).await.expect("the database");
        sqlx::query(AssertSqlSafe(statement.to_owned()))
            .execute(&mut file)
            .await
            .expect("done");
        file.close().await.expect("closed");
    }

    /// On PostgreSQL: so many times these changes (`DELETE ON sends`) fail, as where the database is away for a moment.
    pub async fn refuses(&self, changes: &str, times: u32) {
        let fault = format!(
            "CREATE FUNCTION fault() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
               IF nextval('faults') <= {times} THEN RAISE EXCEPTION 'a fault'; END IF;
               RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END; END $$"
        );
        let on =
            format!("CREATE TRIGGER fault BEFORE {changes} FOR EACH ROW EXECUTE FUNCTION fault()");
        for statement in ["CREATE SEQUENCE faults", &fault, &on] {
            self.beside(statement).await;
        }
    }

    /// Asks the database itself.
    pub async fn number(&self, sql: &'static str) -> i64 {
        let config = &self.app.config;
        let found = match &config.database_url {
            Some(url) => {
                let mut db = PgConnection::connect(&url.0).await.expect("the database");
                sqlx::query_scalar(sql).fetch_one(&mut db).await
            }
            None => {
                let url = format!("sqlite://{}", config.data_dir.join("balcao.db").display());
                let mut db = SqliteConnection::connect(&url).await.expect("the database");
                sqlx::query_scalar(sql).fetch_one(&mut db).await
            }
        };
        found.expect("a number")
    }

    /// A client that nobody signed in yet.
    pub fn client(&self) -> Client {
        TLS.call_once(|| {
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("a client");
        Client {
            http,
            base: format!("http://{}", self.address),
            headers: BTreeMap::new(),
        }
    }

    /// The administrator's client.
    pub async fn admin(&self) -> Client {
        self.signed_in(ADMIN, PASSWORD).await
    }

    pub async fn signed_in(&self, email: &str, password: &str) -> Client {
        let mut client = self.client();
        let reply = client
            .post(
                "/session",
                &serde_json::json!({ "email": email, "password": password }),
            )
            .await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
        let cookie = reply
            .headers
            .get(header::SET_COOKIE)
            .expect("a cookie")
            .to_str()
            .expect("text");
        let pair = cookie.split(';').next().expect("a pair").to_owned();
        client.headers.insert("cookie".to_owned(), pair);
        client
    }

    /// Adds a user and signs them in; gives their id too.
    pub async fn user(&self, admin: &Client, name: &str, role: &str) -> (String, Client) {
        let email = format!("{}@padaria.test", name.to_lowercase());
        let asked =
            serde_json::json!({ "name": name, "email": email, "role": role, "password": PASSWORD });
        let made = admin
            .post("/users", &asked)
            .await
            .expect(StatusCode::CREATED);
        let id = made["id"].as_str().expect("an id").to_owned();
        (id, self.signed_in(&email, PASSWORD).await)
    }
}

/// A fresh database for tests that open servers on it themselves.
pub struct Database {
    folder: TempDir,
    postgres: Option<(String, String)>,
}

impl Database {
    pub fn sqlite() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            postgres: None,
        }
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
            "balcao_own_{}_{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::SeqCst)
        );
        sql(&url, format!("CREATE DATABASE {name}")).await;
        Some(Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            postgres: Some((url, name)),
        })
    }

    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Of a server on it.
    pub fn config(&self) -> Config {
        let database_url = self.postgres.as_ref().map(|(url, name)| {
            let mut own = url::Url::parse(url).expect("TEST_POSTGRES_URL is a URL");
            own.set_path(name);
            Hidden(own.into())
        });
        Config {
            data_dir: self.folder.path().join("data"),
            plugins_dir: self.folder.path().join("plugins"),
            database_url,
            ..Config::default()
        }
    }

    /// Nothing of the test stays behind.
    pub async fn remove(self) {
        if let Some((url, name)) = self.postgres {
            sql(&url, format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

type Running = (
    SocketAddr,
    oneshot::Sender<()>,
    JoinHandle<anyhow::Result<()>>,
);

async fn serve(app: &SharedApp) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let shared = app.clone();
    let running = tokio::spawn(async move {
        balcao::serve(&shared, listener, None, async {
            let _ = stopped.await;
        })
        .await
    });
    (address, stop, running)
}

async fn sql(url: &str, statement: String) {
    let mut server = PgConnection::connect(url)
        .await
        .expect("the server of TEST_POSTGRES_URL");
    sqlx::query(AssertSqlSafe(statement))
        .execute(&mut server)
        .await
        .expect("done");
    server.close().await.expect("closed");
}

/// Asks until it is so: what happens beside the test takes a moment.
pub async fn until_so(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + NOT_MUCH;
    while !is_so().await {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Where whoever is signed in works.
pub async fn workspace_of(client: &Client) -> WorkspaceId {
    let me = client.get("/session").await.expect(StatusCode::OK);
    let id = me["workspace"]["id"].as_str().expect("an id");
    id.parse().expect("an id")
}

/// Somebody who asks.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    pub base: String,
    pub headers: BTreeMap<String, String>,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: header::HeaderMap,
    pub bytes: Vec<u8>,
    pub text: String,
}

impl Reply {
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body, which must be JSON and come with this status.
    #[track_caller]
    pub fn expect(self, status: StatusCode) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// The problem's code, with its status and content type checked.
    #[track_caller]
    pub fn problem(self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        let kind = self
            .headers
            .get(header::CONTENT_TYPE)
            .map(|kind| kind.to_str().unwrap_or_default().to_owned());
        assert_eq!(
            kind.as_deref(),
            Some("application/problem+json"),
            "{}",
            self.text
        );
        let problem: Value = serde_json::from_str(&self.text).expect("JSON");
        assert_eq!(problem["status"], status);
        problem["code"].as_str().expect("a code").to_owned()
    }
}

impl Client {
    /// The same, sending one more header.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.insert(name.to_owned(), value.to_owned());
        client
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::POST, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::PATCH, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, None).await
    }

    /// Below `/api/v1`, with the header that shows good faith.
    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Reply {
        let mut headers = vec![("x-balcao", "1")];
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        self.raw(
            method,
            &format!("/api/v1{path}"),
            &headers,
            body.into_bytes(),
        )
        .await
    }

    /// Uploads a file under that name; `query` is empty or begins with `?`.
    pub async fn upload(&self, query: &str, name: &str, bytes: &[u8]) -> Reply {
        let head = format!(
            "--part\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
        );
        let form = [head.as_bytes(), bytes, b"\r\n--part--\r\n"].concat();
        let headers = [
            ("content-type", "multipart/form-data; boundary=part"),
            ("x-balcao", "1"),
        ];
        let path = format!("/api/v1/files{query}");
        self.raw(Method::POST, &path, &headers, form).await
    }

    /// Anywhere, with nothing added but the client's own headers.
    pub async fn raw(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Reply {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .body(body);
        for (name, value) in self
            .headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .chain(headers.iter().copied())
        {
            request = request.header(name, value);
        }
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.expect("a body").to_vec();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Reply {
            status,
            headers,
            bytes,
            text,
        }
    }
}
