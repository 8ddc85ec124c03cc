//! Visitors of a channel, through a running server and the website chat's component: tokens, live streams, uploads, public assets, origins and limits.

mod common;

use balcao::{
    clock::{Clock, Instant},
    config::Config,
};
use common::{Client, Reply, Server, packages::package, screen::NOT_MUCH};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use std::time::Duration;

macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::Server::start_at(crate::Clock::at(crate::NOON), crate::offering).await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                let clock = crate::Clock::at(crate::NOON);
                if let Some(server) = crate::Server::start_on_postgres_at(stringify!($name), clock, crate::offering).await {
                    super::$name(server).await;
                }
            })+
        }
    };
}

#[path = "visitors/changes.rs"]
mod changes;
#[path = "visitors/doors.rs"]
mod doors;
#[path = "visitors/files.rs"]
mod files;
#[path = "visitors/streams.rs"]
mod streams;
#[path = "visitors/tokens.rs"]
mod tokens;

/// 2026-11-22T12:00:00Z.
const NOON: Instant = 1_795_348_800_000_000;

const SECOND: Duration = Duration::from_secs(1);

const DAY: Duration = Duration::from_secs(24 * 3600);

const SITE: &str = "https://loja.example";

const UNSENT: usize = 4;

const BYTES_A_DAY: usize = 4_000;

const PICTURE: &[u8] = b"GIF89a a picture";

fn offering(config: &mut Config) {
    std::fs::create_dir_all(&config.plugins_dir).expect("a folder");
    let root = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../dist/plugins");
    let file = config.plugins_dir.join("widget.wasm");
    std::fs::copy(package("BALCAO_TEST_PLUGINS", root, "widget"), file).expect("copied");
    config.limits.slow_screen_seconds = 1.try_into().expect("not 0");
    config.limits.unsent_per_address = 4.try_into().expect("not 0");
    config.limits.upload_bytes_per_address = BYTES_A_DAY;
}

/// A browser at somebody's site.
struct Browser {
    client: Client,
    channel: String,
    origin: &'static str,
    token: String,
    visitor: String,
}

impl Browser {
    fn at(server: &Server, channel: &str, origin: &'static str) -> Self {
        Self {
            client: server.client(),
            channel: channel.to_owned(),
            origin,
            token: String::new(),
            visitor: String::new(),
        }
    }

    /// With a visitor's token.
    async fn open(server: &Server, channel: &str) -> Self {
        let mut browser = Self::at(server, channel, SITE);
        let opened = browser.ask("open", &json!({})).await.expect(StatusCode::OK);
        assert_eq!(opened["known"], false);
        browser.is(&opened);
        browser
    }

    fn is(&mut self, opened: &Value) {
        opened["token"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.token);
        opened["visitor"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.visitor);
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Reply {
        let bearer = format!("Bearer {}", self.token);
        let mut all = vec![("origin", self.origin), ("authorization", &bearer)];
        all.retain(|(_, value)| !value.is_empty());
        all.extend(headers);
        let path = format!("/hooks/{}/{path}", self.channel);
        self.client.raw(method, &path, &all, body).await
    }

    async fn ask(&self, path: &str, body: &Value) -> Reply {
        let kind = [("content-type", "application/json")];
        self.send(Method::POST, path, &kind, body.to_string().into_bytes())
            .await
    }

    /// A whole answer, which a stream that is let in never is.
    async fn get(&self, path: &str) -> Reply {
        let answer = self.send(Method::GET, path, &[], Vec::new());
        let answer = tokio::time::timeout(NOT_MUCH, answer).await;
        answer.expect("a whole answer")
    }

    async fn says(&self, id: &str, text: &str) -> Reply {
        self.ask("message", &json!({"id": id, "text": text})).await
    }

    async fn uploads(&self, bytes: &[u8]) -> Reply {
        let head =
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"foto.gif\"\r\n\r\n";
        let body = [head.as_bytes(), bytes, b"\r\n--b--\r\n"].concat();
        let kind = [("content-type", "multipart/form-data; boundary=b")];
        self.send(Method::POST, "_/upload", &kind, body).await
    }

    async fn history(&self) -> Vec<Value> {
        let page = self.get("history").await.expect(StatusCode::OK);
        page["messages"].as_array().expect("messages").clone()
    }

    async fn stream(&self, last: Option<&str>) -> Live {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/hooks/{}/_/stream", self.client.base, self.channel);
        let mut request = http.get(url).header("origin", self.origin);
        request = request.header("authorization", format!("Bearer {}", self.token));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "text/event-stream"
        );
        assert_eq!(
            response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN],
            SITE
        );
        Live {
            response,
            rest: String::new(),
        }
    }
}

/// A live stream that is read.
struct Live {
    response: reqwest::Response,
    rest: String,
}

#[derive(Debug, PartialEq)]
struct Event {
    id: String,
    kind: String,
    data: Value,
}

impl Live {
    /// The next message; that an agent has read comes between, whenever it does.
    async fn said(&mut self) -> Event {
        loop {
            let event = self.next().await;
            if event.kind != "read" {
                return event;
            }
        }
    }

    async fn next(&mut self) -> Event {
        loop {
            if let Some((block, rest)) = self.rest.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.rest = rest;
                let field = |name: &str| {
                    let mut lines = block.lines();
                    let found = lines.find_map(|line| line.strip_prefix(name));
                    found.unwrap_or_default().trim().to_owned()
                };
                if !field("id:").is_empty() {
                    let data = serde_json::from_str(&field("data:")).unwrap();
                    return Event {
                        id: field("id:"),
                        kind: field("event:"),
                        data,
                    };
                }
                continue;
            }
            let chunk = tokio::time::timeout(NOT_MUCH, self.response.chunk()).await;
            let chunk = chunk.expect("an event").unwrap().expect("not the end");
            self.rest.push_str(&String::from_utf8_lossy(&chunk));
        }
    }
}

/// An agent of ours, who has taken the only conversation that waits.
async fn served(admin: &Client) -> String {
    let found = admin
        .get("/conversations?folder=queued")
        .await
        .expect(StatusCode::OK);
    let id = found["items"][0]["id"]
        .as_str()
        .expect("somebody waits")
        .to_owned();
    admin
        .post(&format!("/conversations/{id}/start"), &json!({}))
        .await
        .expect(StatusCode::OK);
    id
}

async fn answers(admin: &Client, conversation: &str, text: &str) {
    let path = format!("/conversations/{conversation}/messages");
    let reply = admin.post(&path, &json!({ "text": text })).await;
    assert!(reply.status.is_success(), "{}", reply.text);
}
