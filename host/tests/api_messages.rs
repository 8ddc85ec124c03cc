//! What becomes of messages at a channel that can do all that a channel can: sent, changed, told of; over real HTTP, with the test as the provider.

#[macro_use]
mod common;

use balcao::{
    clock::{Clock, Instant},
    config::Config,
};
use common::{
    Client, Server,
    packages::{connect, fixture},
    provider::{Answer, Provider},
    until_so,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

#[path = "messages/away.rs"]
mod away;
#[path = "messages/changes.rs"]
mod changes;
#[path = "messages/files.rs"]
mod files;
#[path = "messages/health.rs"]
mod health;
#[path = "messages/names.rs"]
mod names;
#[path = "messages/shapes.rs"]
mod shapes;
#[path = "messages/signals.rs"]
mod signals;

/// 2026-11-22T12:00:00Z.
const NOON: Instant = 1_795_348_800_000_000;

const SECOND: Duration = Duration::from_secs(1);

type Change = Box<dyn FnOnce(&mut Config)>;

/// A team at a connected channel; the clock stands still.
struct Scene {
    server: Server,
    provider: Provider,
    channel: String,
    ana: Client,
    sue: Client,
}

impl Scene {
    async fn set(start: impl AsyncFnOnce(Clock, Change) -> Option<Server>) -> Option<Self> {
        let (provider, address) = Provider::start().await;
        let change: Change = Box::new(move |config| {
            std::fs::create_dir_all(&config.plugins_dir).expect("a folder");
            let file = config.plugins_dir.join("talker.wasm");
            std::fs::copy(fixture("talker"), file).expect("copied");
            config.dev.enabled = true;
            let stand_in: url::Url = format!("http://{address}").parse().expect("a URL");
            config.dev.http_map.0 = vec![("api.example.com".to_owned(), stand_in)];
        });
        let server = start(Clock::at(NOON), change).await?;
        let admin = server.admin().await;
        let team = admin.post("/teams", &json!({"name": "Vendas"})).await;
        let team = team.expect(StatusCode::CREATED);
        let (ana_id, ana) = server.user(&admin, "Ana", "agent").await;
        let (sue_id, sue) = server.user(&admin, "Sue", "supervisor").await;
        for (id, role) in [(&ana_id, "agent"), (&sue_id, "supervisor")] {
            let path = format!(
                "/teams/{}/members/{id}",
                team["id"].as_str().expect("an id")
            );
            let joined = admin.put(&path, &json!({"role": role})).await;
            joined.expect(StatusCode::OK);
        }
        let channel = connect(&admin, "talker", json!({})).await;
        let of_team = json!({"team_id": team["id"]});
        let path = format!("/channels/{channel}");
        admin.patch(&path, &of_team).await.expect(StatusCode::OK);
        for what in ["edit", "revoke", "signal"] {
            let fine = vec![Answer::json(&json!({}))];
            provider.answers(&format!("/{what}"), fine);
        }
        Some(Self {
            server,
            provider,
            channel,
            ana,
            sue,
        })
    }

    /// The provider tells something.
    async fn hook(&self, what: &str, body: Value) {
        let path = format!("/hooks/{}/{what}", self.channel);
        let client = self.server.client();
        let body = body.to_string().into_bytes();
        let reply = client.raw(Method::POST, &path, &[], body).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    }

    /// A contact writes, and Ana serves them. Gives the conversation.
    async fn served(&self) -> String {
        let hello =
            json!({"key": "hello", "id": "hello", "thread": "5001", "from": "5001", "text": "Olá"});
        self.hook("message", hello).await;
        let found = self.ana.get("/conversations?folder=queued").await;
        let found = found.expect(StatusCode::OK);
        let id = found["items"][0]["id"].as_str().expect("an id").to_owned();
        let start = format!("/conversations/{id}/start");
        let started = self.ana.post(&start, &json!({})).await;
        started.expect(StatusCode::OK);
        id
    }

    /// Somebody answers, and the channel has it under these ids. Gives the message.
    async fn says(&self, who: &Client, conversation: &str, what: Value, ids: &[&str]) -> String {
        let answer = Answer::json(&json!({ "ids": ids }));
        self.provider.answers("/send", vec![answer]);
        let path = format!("/conversations/{conversation}/messages");
        let said = who.post(&path, &what).await.expect(StatusCode::CREATED);
        let id = said["id"].as_str().expect("an id").to_owned();
        self.becomes(conversation, &id, |it| it["state"] == "sent")
            .await;
        id
    }

    /// The conversation's messages, as Ana sees them.
    async fn messages(&self, conversation: &str) -> Vec<Value> {
        let path = format!("/conversations/{conversation}/timeline");
        let page = self.ana.get(&path).await.expect(StatusCode::OK);
        let items = page["items"].as_array().expect("items").iter();
        let messages = items.filter(|it| it["type"] == "message");
        messages.cloned().collect()
    }

    async fn message(&self, conversation: &str, id: &str) -> Value {
        let all = self.messages(conversation).await;
        let found = all.iter().find(|it| it["id"] == id);
        found.expect("the message").clone()
    }

    /// A moment later the message is so.
    async fn becomes(&self, conversation: &str, id: &str, so: impl Fn(&Value) -> bool) -> Value {
        until_so("the message is so", async || {
            so(&self.message(conversation, id).await)
        })
        .await;
        self.message(conversation, id).await
    }

    async fn preview(&self, conversation: &str) -> Value {
        let path = format!("/conversations/{conversation}");
        self.ana.get(&path).await.expect(StatusCode::OK)["preview"].clone()
    }

    async fn end(self) {
        self.server.end().await;
    }
}

fn of(message: &str) -> String {
    format!("/messages/{message}")
}
