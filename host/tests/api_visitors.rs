//! Visitors of a channel, through a running server and the website chat's component: tokens, live streams, uploads, public assets, origins and limits.

mod common;

use std::time::Duration;

use balcao::{
    clock::{Clock, Instant},
    config::Config,
    jobs,
    realtime::visitors::{self, Place, Shown},
};
use common::{
    Client, Reply, Server,
    packages::{connect, enable, package},
    screen::NOT_MUCH,
    until_so, workspace_of,
};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// 2026-11-22T12:00:00Z.
const NOON: Instant = 1_795_348_800_000_000;
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);
const SITE: &str = "https://loja.example";
const UNSENT: usize = 4;
const BYTES_A_DAY: usize = 4_000;
const PICTURE: &[u8] = b"GIF89a a picture";

macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::Server::start_at(super::Clock::at(super::NOON), super::offering).await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                let clock = super::Clock::at(super::NOON);
                if let Some(server) = super::Server::start_on_postgres_at(stringify!($name), clock, super::offering).await {
                    super::$name(server).await;
                }
            })+
        }
    };
}

on_both! {
    a_token_is_good_for_its_own_channel_for_90_days_and_another_is_given_after_a_day,
    what_was_missed_comes_once_and_in_order_to_whoever_comes_back_also_after_a_restart,
    a_file_is_its_visitors_alone_and_forgotten_where_it_is_not_sent,
    a_reader_that_takes_too_long_is_let_go_and_misses_nothing,
    what_anybodys_browser_asks_of_an_app_that_is_off_is_not_kept,
    a_network_may_leave_so_many_files_unsent_and_send_so_many_bytes_a_day_as_whomever_it_comes,
    what_an_agent_thinks_changes_and_takes_back_is_shown_live_and_in_the_history,
    what_a_visitor_thinks_changes_and_takes_back_is_seen_at_the_desk,
    what_is_told_of_messages_that_are_not_the_visitors_is_not_kept,
    what_is_kept_of_visitors_for_a_time_is_forgotten_after_it,
}

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

async fn a_token_is_good_for_its_own_channel_for_90_days_and_another_is_given_after_a_day(
    server: Server,
) {
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let asked = json!({"plugin_id": "widget", "name": "Outra", "team_id": null, "settings": {}});
    let other = admin
        .post("/channels", &asked)
        .await
        .expect(StatusCode::CREATED);
    let other = other["id"].as_str().unwrap();
    let mut browser = Browser::open(&server, &channel).await;
    let again = browser
        .ask("open", &json!({"token": browser.token}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(again["known"], true);
    assert_eq!(again["visitor"], *browser.visitor);
    assert_eq!(again["token"], *browser.token, "fresh enough");

    let stream = async |channel: &str, token: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("origin", SITE), ("authorization", bearer.as_str())];
        let path = format!("/hooks/{channel}/_/upload");
        server
            .client()
            .raw(Method::POST, &path, &headers, Vec::new())
            .await
    };
    let good = browser.token.clone();
    // With a token that is good only the form is missing.
    assert_ne!(
        stream(&channel, &good).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(stream(other, &good).await.problem(401), "unauthenticated");
    let last = if good.ends_with('A') { "B" } else { "A" };
    let forged = format!("{}{last}", &good[..good.len() - 1]);
    for bad in [forged.as_str(), "", "abc", &good[..20]] {
        let reply = stream(&channel, bad).await;
        assert_eq!(reply.problem(401), "unauthenticated", "{bad}");
    }
    let elsewhere = Browser::at(&server, other, SITE);
    let new = elsewhere
        .ask("open", &json!({"token": good}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(new["known"], false, "another channel's visitor is nobody's");

    server.app.clock.advance(2 * DAY);
    let renewed = browser
        .ask("open", &json!({"token": good}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(renewed["visitor"], *browser.visitor);
    assert_ne!(renewed["token"], good);
    assert_eq!(
        browser.get("history").await.status,
        StatusCode::OK,
        "the old one for a while"
    );
    browser.is(&renewed);
    // The browser has the new one: whoever has an old one is nobody.
    let back = browser
        .ask("open", &json!({"token": browser.token}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(back["visitor"], *browser.visitor);
    assert_eq!(
        stream(&channel, &good).await.problem(401),
        "unauthenticated"
    );
    let replayed = browser
        .ask("open", &json!({"token": good}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(replayed["known"], false);
    assert_ne!(replayed["visitor"], *browser.visitor);
    server.app.clock.advance(88 * DAY);
    assert_eq!(browser.get("history").await.status, StatusCode::OK);
    server.app.clock.advance(2 * DAY);
    assert_eq!(
        browser.get("history").await.status,
        StatusCode::UNAUTHORIZED
    );
    server.end().await;
}

async fn what_was_missed_comes_once_and_in_order_to_whoever_comes_back_also_after_a_restart(
    server: Server,
) {
    let mut admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let mut browser = Browser::open(&server, &channel).await;
    let mut another = Browser::open(&server, &channel).await;
    let mut live = browser.stream(None).await;
    assert_eq!(live.next().await.kind, "host-ready");
    let mut others = another.stream(None).await;
    let begin = others.next().await;
    for _ in 0..2 {
        // The same again is the same message.
        browser
            .says("c-00000001", "Olá")
            .await
            .expect(StatusCode::OK);
    }
    let conversation = served(&admin).await;
    server.app.clock.advance(SECOND);
    answers(&admin, &conversation, "um").await;
    let mut texts = Vec::new();
    let mut last = String::new();
    while !texts.contains(&"um".to_owned()) {
        let event = live.said().await;
        texts.push(event.data["text"].as_str().unwrap().to_owned());
        last = event.id;
    }
    texts.dedup();
    assert_eq!(texts, ["Olá", "um"]);
    drop(live);

    server.app.clock.advance(SECOND);
    answers(&admin, &conversation, "dois").await;
    let sent = async |admin: &Client, count: usize| {
        until_so("sent", async || {
            let path = format!("/conversations/{conversation}/timeline");
            let page = admin.get(&path).await.expect(StatusCode::OK);
            let items = page["items"].as_array().unwrap().iter();
            items
                .filter(|it| it["type"] == "message" && it["state"] == "sent")
                .count()
                == count
        })
        .await;
    };
    sent(&admin, 2).await;
    let server = server.again().await;
    let base = format!("http://{}", server.address);
    for client in [&mut admin, &mut browser.client, &mut another.client] {
        client.base.clone_from(&base);
    }
    server.app.clock.advance(SECOND);
    answers(&admin, &conversation, "três").await;
    sent(&admin, 3).await;
    let mut live = browser.stream(Some(&last)).await;
    for expected in ["dois", "três"] {
        let event = live.said().await;
        assert_eq!(
            (event.kind.as_str(), &event.data["text"]),
            ("message", &json!(expected))
        );
    }
    server.app.clock.advance(SECOND);
    answers(&admin, &conversation, "quatro").await;
    assert_eq!(live.said().await.data["text"], "quatro", "and goes on live");

    // Nobody else has seen anything of it.
    let mut others = another.stream(Some(&begin.id)).await;
    another
        .says("c-00000002", "eu")
        .await
        .expect(StatusCode::OK);
    assert_eq!(others.said().await.data["text"], "eu");

    let texts: Vec<_> = browser
        .history()
        .await
        .iter()
        .map(|it| it["text"].clone())
        .collect();
    assert_eq!(texts, ["Olá", "um", "dois", "três", "quatro"]);

    // Too long ago, or never given out: the window loads anew.
    server.app.clock.advance(Duration::from_secs(3 * 3600));
    jobs::purge::look(&server.app).await.unwrap();
    for stale in [last.as_str(), "0", "x", "9223372036854775807"] {
        let event = browser.stream(Some(stale)).await.next().await;
        assert_eq!(event.kind, "host-resync", "{stale}");
    }
    server.end().await;
}

async fn what_anybodys_browser_asks_of_an_app_that_is_off_is_not_kept(server: Server) {
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let browser = Browser::open(&server, &channel).await;
    let off = admin.post("/plugins/widget/disable", &json!({})).await;
    off.expect(StatusCode::OK);
    for reply in [
        browser.get("config").await,
        browser.ask("open", &json!({})).await,
        browser.says("c-00000001", "Olá").await,
        browser.get("_/stream").await,
        browser.uploads(PICTURE).await,
    ] {
        assert_eq!(reply.problem(503), "unavailable");
    }
    let parked = admin.get("/parked").await.expect(StatusCode::OK);
    assert_eq!(parked["items"], json!([]));
    enable(&admin, "widget").await;
    // What the browser has kept goes then, once.
    let said = browser.says("c-00000001", "Olá").await;
    said.expect(StatusCode::OK);
    assert_eq!(browser.history().await.len(), 1);
    server.end().await;
}

async fn a_file_is_its_visitors_alone_and_forgotten_where_it_is_not_sent(server: Server) {
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let browser = Browser::open(&server, &channel).await;
    let thief = Browser::open(&server, &channel).await;
    let kept = browser.uploads(PICTURE).await.expect(StatusCode::CREATED);
    assert_eq!(
        (&kept["mime"], &kept["name"]),
        (&json!("image/gif"), &json!("foto.gif"))
    );
    let file = json!({"media": kept["media"], "mime": kept["mime"], "name": kept["name"], "size": kept["size"]});
    let message = json!({"id": "c-00000001", "text": "veja", "files": [file]});
    let stolen = thief.ask("message", &message).await;
    assert_eq!(
        stolen.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        stolen.text
    );
    let id = kept["media"]
        .as_str()
        .unwrap()
        .strip_prefix("media:")
        .unwrap();
    let path = format!("/files/{id}");
    assert_eq!(
        admin.get(&path).await.status,
        StatusCode::NOT_FOUND,
        "not sent yet"
    );

    browser
        .ask("message", &message)
        .await
        .expect(StatusCode::OK);
    assert_eq!(admin.get(&path).await.text.as_bytes(), PICTURE);
    let shown = browser.history().await;
    assert_eq!(shown[0]["kind"], "image");
    let link = shown[0]["files"][0]["url"].as_str().expect("a link");
    let link = link.strip_prefix(&browser.client.base).expect("here");
    let fetched = server
        .client()
        .raw(Method::GET, link, &[], Vec::new())
        .await;
    assert_eq!(fetched.text.as_bytes(), PICTURE);
    assert_eq!(
        fetched.header("cross-origin-resource-policy"),
        Some("cross-origin")
    );
    let stolen = thief.ask("message", &message).await;
    assert_eq!(
        stolen.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        stolen.text
    );
    assert!(thief.history().await.is_empty());

    let unsent = browser
        .uploads(b"%PDF-1.7 never sent")
        .await
        .expect(StatusCode::CREATED);
    let files = server
        .app
        .config
        .data_dir
        .join("files")
        .join(workspace_of(&admin).await.to_string());
    let count = || std::fs::read_dir(&files).unwrap().count();
    assert_eq!(count(), 2);
    server.app.clock.advance(DAY + Duration::from_secs(1));
    jobs::purge::look(&server.app).await.unwrap();
    assert_eq!(count(), 1, "{unsent}");
    assert_eq!(browser.history().await[0]["kind"], "image");
    server.end().await;
}

async fn a_reader_that_takes_too_long_is_let_go_and_misses_nothing(server: Server) {
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let browser = Browser::open(&server, &channel).await;
    let place = Place {
        channel: channel.parse().unwrap(),
        visitor: browser.visitor.clone(),
    };
    let workspace = workspace_of(&admin).await;
    let listen = |from| {
        let (out, shown) = mpsc::channel(1);
        let serving = visitors::serve(server.app.clone(), workspace, place.clone(), from, out);
        (tokio::spawn(serving), shown)
    };
    let (serving, mut shown) = listen(None);
    assert!(matches!(shown.recv().await, Some(Shown::Ready { .. })));
    let expected: Vec<String> = (0..120).map(|it| format!("n-{it:08}")).collect();
    for id in &expected {
        browser.says(id, id).await.expect(StatusCode::OK);
    }
    tokio::time::timeout(NOT_MUCH, serving)
        .await
        .expect("let go")
        .unwrap();
    let pushed = |it: Shown| match it {
        Shown::Pushed(it) => {
            let data: Value = serde_json::from_str(&it.data).unwrap();
            (data["id"].as_str().unwrap().to_owned(), it.number)
        }
        other => panic!("{other:?}"),
    };
    let mut seen = Vec::new();
    let mut last = None;
    while let Some(it) = shown.recv().await {
        let (id, number) = pushed(it);
        seen.push(id);
        last = Some(number);
    }
    let (_serving, mut shown) = listen(last);
    while seen.len() < expected.len() {
        seen.push(pushed(shown.recv().await.expect("more")).0);
    }
    assert_eq!(seen, expected);
    server.end().await;
}

async fn a_network_may_leave_so_many_files_unsent_and_send_so_many_bytes_a_day_as_whomever_it_comes(
    server: Server,
) {
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let file = [b"%PDF-1.7 ".as_slice(), &[b'x'; 391]].concat();
    let size = file.len();
    // Another visitor for each file: that costs nothing.
    let mut sent = 0;
    for round in 0..2 {
        for _ in 0..UNSENT {
            let browser = Browser::open(&server, &channel).await;
            let kept = browser.uploads(&file).await.expect(StatusCode::CREATED);
            if round == 0 {
                continue;
            }
            let said = json!({"id": "c-00000001", "files": [{"media": kept["media"], "mime": "application/pdf"}]});
            browser.ask("message", &said).await.expect(StatusCode::OK);
            sent += 1;
        }
        let browser = Browser::open(&server, &channel).await;
        if round == 0 {
            let full = browser.uploads(&file).await;
            assert_eq!(full.header("retry-after"), Some("60"));
            assert_eq!(full.problem(429), "rate_limited");
            server.app.clock.advance(DAY + SECOND);
            jobs::purge::look(&server.app).await.unwrap();
        }
    }
    assert_eq!(sent, UNSENT);
    // Nothing is left unsent now, but the day has so many bytes.
    let browser = Browser::open(&server, &channel).await;
    let mut left = BYTES_A_DAY - sent * size;
    while left >= size {
        let kept = browser.uploads(&file).await;
        if kept.status == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
        let kept = kept.expect(StatusCode::CREATED);
        let id = format!("c-{left:08}");
        let said =
            json!({"id": id, "files": [{"media": kept["media"], "mime": "application/pdf"}]});
        browser.ask("message", &said).await.expect(StatusCode::OK);
        left -= size;
    }
    let full = Browser::open(&server, &channel).await.uploads(&file).await;
    assert_eq!(full.header("retry-after"), Some("3600"));
    assert_eq!(full.problem(429), "rate_limited");
    let files = server
        .app
        .config
        .data_dir
        .join("files")
        .join(workspace_of(&admin).await.to_string());
    let count = std::fs::read_dir(&files).unwrap().count();
    assert_eq!(
        count,
        (BYTES_A_DAY - left) / size,
        "nothing of what was refused"
    );
    // Another channel is another matter.
    let asked = json!({"plugin_id": "widget", "name": "Outra", "team_id": null, "settings": {}});
    let other = admin.post("/channels", &asked).await;
    let other = other.expect(StatusCode::CREATED)["id"].clone();
    let elsewhere = Browser::open(&server, other.as_str().unwrap()).await;
    elsewhere.uploads(&file).await.expect(StatusCode::CREATED);
    server.end().await;
}

/// The id of the only message of that text.
async fn message_of(admin: &Client, conversation: &str, text: &str) -> (String, Value) {
    let path = format!("/conversations/{conversation}/timeline");
    let page = admin.get(&path).await.expect(StatusCode::OK);
    let items = page["items"].as_array().unwrap().iter();
    let found: Vec<_> = items.filter(|it| it["text"] == text).collect();
    assert_eq!(found.len(), 1, "{text}: {page:#}");
    (
        found[0]["id"].as_str().unwrap().to_owned(),
        found[0].clone(),
    )
}

async fn what_an_agent_thinks_changes_and_takes_back_is_shown_live_and_in_the_history(
    server: Server,
) {
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let browser = Browser::open(&server, &channel).await;
    browser
        .says("c-00000001", "Olá")
        .await
        .expect(StatusCode::OK);
    let conversation = served(&admin).await;
    let mut live = browser.stream(None).await;
    assert_eq!(live.next().await.kind, "host-ready");
    let mut ids = Vec::new();
    for text in ["um", "dois"] {
        server.app.clock.advance(SECOND);
        answers(&admin, &conversation, text).await;
        let event = live.said().await;
        assert_eq!(event.data["text"], text);
        ids.push(event.data["id"].as_str().unwrap().to_owned());
    }
    let sent = async |id: &str| {
        until_so("sent", async || {
            let path = format!("/conversations/{conversation}/timeline");
            let page = admin.get(&path).await.expect(StatusCode::OK);
            let items = page["items"].as_array().unwrap().iter();
            items
                .filter(|it| it["id"] == id && it["state"] == "sent")
                .count()
                == 1
        })
        .await;
    };
    sent(&ids[1]).await;
    let (asked, _) = message_of(&admin, &conversation, "Olá").await;
    let path = format!("/messages/{asked}/reaction");
    let done = admin.post(&path, &json!({"emoji": "👍"})).await;
    assert!(done.status.is_success(), "{}", done.text);
    let event = live.said().await;
    assert_eq!(
        (event.kind.as_str(), event.data),
        (
            "reaction",
            json!({"id": "c-00000001", "emoji": "👍", "mine": false})
        )
    );
    let path = format!("/messages/{}", ids[0]);
    let done = admin.patch(&path, &json!({"text": "um só"})).await;
    assert!(done.status.is_success(), "{}", done.text);
    let event = live.said().await;
    assert_eq!(
        (event.kind.as_str(), event.data),
        (
            "edit",
            json!({"id": ids[0], "kind": "text", "text": "um só"})
        )
    );
    let done = admin.delete(&format!("/messages/{}", ids[1])).await;
    assert!(done.status.is_success(), "{}", done.text);
    let event = live.said().await;
    assert_eq!(
        (event.kind.as_str(), event.data),
        ("revoke", json!({"id": ids[1]}))
    );
    until_so("the history says the same", async || {
        let shown = browser.history().await;
        let said: Vec<_> = shown
            .iter()
            .map(|it| {
                (
                    it["kind"].clone(),
                    it["text"].clone(),
                    it["edited"].clone(),
                    it["reactions"].clone(),
                )
            })
            .collect();
        said == [
            (
                json!("text"),
                json!("Olá"),
                Value::Null,
                json!([{"emoji": "👍", "mine": false}]),
            ),
            (json!("text"), json!("um só"), json!(true), Value::Null),
            (json!("revoked"), json!(""), Value::Null, Value::Null),
        ]
    })
    .await;
    server.end().await;
}

async fn what_a_visitor_thinks_changes_and_takes_back_is_seen_at_the_desk(server: Server) {
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let browser = Browser::open(&server, &channel).await;
    let stranger = Browser::open(&server, &channel).await;
    for (id, text) in [("c-00000001", "Olá"), ("c-00000002", "engano")] {
        browser.says(id, text).await.expect(StatusCode::OK);
        server.app.clock.advance(SECOND);
    }
    let conversation = served(&admin).await;
    let mut live = browser.stream(None).await;
    assert_eq!(live.next().await.kind, "host-ready");
    answers(&admin, &conversation, "um").await;
    let event = live.said().await;
    let ours = event.data["id"].as_str().unwrap();
    let asks = [
        (
            "reaction",
            json!({"id": "u-00000001", "message": ours, "emoji": "❤️"}),
        ),
        (
            "edit",
            json!({"id": "u-00000002", "message": "c-00000001", "text": "Olá!"}),
        ),
        (
            "revoke",
            json!({"id": "u-00000003", "message": "c-00000002"}),
        ),
    ];
    for (path, body) in &asks {
        assert_eq!(
            stranger.ask(path, body).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
        let done = async || browser.ask(path, body).await.status == StatusCode::NO_CONTENT;
        until_so(path, done).await;
        // Also in the visitor's other windows.
        let mut event = live.said().await;
        while event.kind != *path {
            event = live.said().await;
        }
    }
    let (_, told) = message_of(&admin, &conversation, "um").await;
    assert_eq!(told["reactions"][0]["emoji"], "❤️");
    let (_, said) = message_of(&admin, &conversation, "Olá!").await;
    assert_eq!(said["edited"], true, "{said:#}");
    let path = format!("/conversations/{conversation}/timeline");
    let page = admin.get(&path).await.expect(StatusCode::OK);
    let items = page["items"].as_array().unwrap().iter();
    assert_eq!(items.filter(|it| it["revoked"] == true).count(), 1);
    // Ours are not theirs to change.
    for (path, body) in [
        (
            "edit",
            json!({"id": "u-00000004", "message": ours, "text": "x"}),
        ),
        ("revoke", json!({"id": "u-00000005", "message": ours})),
    ] {
        assert_eq!(browser.ask(path, &body).await.status, StatusCode::NOT_FOUND);
    }
    server.end().await;
}

async fn what_is_told_of_messages_that_are_not_the_visitors_is_not_kept(server: Server) {
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let browser = Browser::open(&server, &channel).await;
    browser
        .says("c-00000001", "Olá")
        .await
        .expect(StatusCode::OK);
    let conversation = served(&admin).await;
    answers(&admin, &conversation, "um").await;
    let (id, _) = message_of(&admin, &conversation, "um").await;
    let thief = Browser::open(&server, &channel).await;
    for at in 0..3 {
        let ids = json!({"ids": [id, format!("msg_{at:026}")]});
        for path in ["read", "delivered"] {
            let reply = thief.ask(path, &ids).await;
            assert_eq!(reply.status, StatusCode::NO_CONTENT, "{}", reply.text);
        }
        let other = thief
            .ask("read", &json!({"ids": [format!("c-{at:08}")]}))
            .await;
        assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    // Whatever waits for a message that is to come is forgotten after a day.
    let mut tx = server.app.store.begin().await.unwrap();
    let waited = tx.purge_pending(NOON + 3 * 24 * 3_600_000_000).await;
    assert_eq!(waited.unwrap(), 0);
    tx.commit().await.unwrap();
    assert_ne!(
        message_of(&admin, &conversation, "um").await.1["state"],
        "read"
    );
    let done = async || {
        browser
            .ask("read", &json!({"ids": [id]}))
            .await
            .expect(StatusCode::NO_CONTENT);
        message_of(&admin, &conversation, "um").await.1["state"] == "read"
    };
    until_so("read", done).await;
    server.end().await;
}

async fn what_is_kept_of_visitors_for_a_time_is_forgotten_after_it(server: Server) {
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let mut browser = Browser::open(&server, &channel).await;
    browser.uploads(PICTURE).await.expect(StatusCode::CREATED);
    browser
        .says("c-00000001", "Olá")
        .await
        .expect(StatusCode::OK);
    let conversation = served(&admin).await;
    answers(&admin, &conversation, "Bom dia").await;
    let rows = async |of| match of {
        "pushed" => server.number("SELECT COUNT(*) FROM visitor_events").await > 0,
        "uploads" => server.number("SELECT COUNT(*) FROM visitor_uploads").await > 0,
        _ => server.number("SELECT COUNT(*) FROM visitor_tokens").await > 0,
    };
    let left = async || {
        jobs::purge::look(&server.app).await.unwrap();
        [
            rows("pushed").await,
            rows("uploads").await,
            rows("tokens").await,
        ]
    };
    assert_eq!(left().await, [true, true, false]);
    server.app.clock.advance(Duration::from_secs(3_601));
    assert_eq!(left().await, [false, true, false], "an hour");
    server.app.clock.advance(DAY);
    // Another token, and it has come back: the earlier one is over.
    for _ in 0..2 {
        let known = json!({"token": browser.token});
        let opened = browser.ask("open", &known).await;
        browser.is(&opened.expect(StatusCode::OK));
    }
    assert_eq!(left().await, [false, false, true], "a day");
    server.app.clock.advance(90 * DAY + SECOND);
    assert_eq!(left().await, [false, false, false], "a token's time");
    server.end().await;
}

#[tokio::test]
async fn pages_of_other_sites_are_refused_and_allowed_ones_can_read_every_answer() {
    let server = Server::start_with(offering).await;
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({"origins": [SITE]})).await;
    let mut good = Browser::at(&server, &channel, SITE);
    let opened = good.ask("open", &json!({})).await;
    let cors = "access-control-allow-origin";
    assert_eq!(opened.header(cors), Some(SITE));
    assert_eq!(opened.header("vary"), Some("origin"));
    good.is(&opened.expect(StatusCode::OK));
    for (method, path) in [
        (Method::GET, "config"),
        (Method::GET, "_/stream"),
        (Method::POST, "_/upload"),
        (Method::POST, "message"),
    ] {
        for origin in ["https://evil.example", "null", ""] {
            let evil = Browser {
                client: server.client(),
                channel: channel.clone(),
                origin,
                token: good.token.clone(),
                visitor: String::new(),
            };
            let reply = evil.send(method.clone(), path, &[], b"{}".to_vec()).await;
            // That it is refused may be read, so that no script asks for ever; nothing else may.
            let readable = Some(origin).filter(|it| !it.is_empty());
            assert_eq!(reply.header(cors), readable, "{path} {origin}");
            assert_eq!(reply.problem(403), "denied", "{path} {origin}");
        }
        let asks = [("access-control-request-method", method.as_str())];
        for channel in [channel.as_str(), "chn_01kax0000000000000000000000", "x"] {
            let there = Browser::at(&server, channel, "https://evil.example");
            let reply = there.send(Method::OPTIONS, path, &asks, Vec::new()).await;
            assert_eq!(reply.status, StatusCode::NO_CONTENT, "{path} {channel}");
        }
        let gone = Browser::at(&server, "chn_01kax0000000000000000000000", SITE);
        let reply = gone.send(method.clone(), path, &[], b"{}".to_vec()).await;
        assert_eq!(reply.header(cors), Some(SITE), "{path}");
        assert_eq!(reply.problem(404), "not_found", "{path}");
        let reply = good.send(Method::OPTIONS, path, &asks, Vec::new()).await;
        assert_eq!(
            (reply.status, reply.header(cors)),
            (StatusCode::NO_CONTENT, Some(SITE)),
            "{path}"
        );
        let allowed = reply.header("access-control-allow-headers").unwrap();
        assert!(allowed.contains("authorization") && allowed.contains("last-event-id"));
    }
    // Also what is wrong can be read by the page.
    let nobody = Browser::at(&server, &channel, SITE);
    let reply = nobody.get("_/stream").await;
    assert_eq!(reply.header(cors), Some(SITE));
    assert_eq!(reply.problem(401), "unauthenticated");
    server.end().await;
}

#[tokio::test]
async fn the_script_comes_with_the_package_and_nothing_else_of_it_does() {
    let server = Server::start_with(offering).await;
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({"origins": [SITE]})).await;
    let client = server.client();
    let get = async |name: &str, headers: &[(&str, &str)]| {
        let path = format!("/hooks/{channel}/_/{name}");
        client.raw(Method::GET, &path, headers, Vec::new()).await
    };
    let plain = get("asset/widget.js", &[]).await;
    assert_eq!(plain.status, StatusCode::OK);
    assert_eq!(
        plain.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    assert_eq!(plain.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(plain.header("cache-control"), Some("public, max-age=300"));
    assert_eq!(
        plain.header("cross-origin-resource-policy"),
        Some("cross-origin")
    );
    assert!(plain.text.contains("attachShadow"));
    let tag = plain.header("etag").unwrap();
    assert_eq!(
        get("asset/widget.js", &[("if-none-match", tag)])
            .await
            .status,
        StatusCode::NOT_MODIFIED
    );
    let packed = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/hooks/{channel}/_/asset/widget.js", client.base);
    let packed = packed
        .get(url)
        .header("accept-encoding", "gzip")
        .send()
        .await
        .unwrap();
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let bytes = packed.bytes().await.unwrap().len();
    assert!(
        bytes < 30_000,
        "{bytes} bytes are more than a page should wait for"
    );
    for other in [
        "asset/settings.schema.json",
        "asset/icon.svg",
        "asset/../plugin.toml",
        "config",
        "",
        "anything/else",
    ] {
        assert_eq!(get(other, &[]).await.problem(404), "not_found", "{other}");
    }
    server.end().await;
}

#[tokio::test]
async fn an_address_has_so_many_requests_files_and_streams() {
    let few = |config: &mut Config| {
        offering(config);
        config.limits.visits_per_address = 12.try_into().expect("not 0");
        config.limits.uploads_per_address = 2.try_into().expect("not 0");
        config.limits.streams_per_address = 2.try_into().expect("not 0");
        config.limits.visitor_body = 2_048;
    };
    let server = Server::start_with(few).await;
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let browser = Browser::open(&server, &channel).await;
    let one = browser.stream(None).await;
    let _two = browser.stream(None).await;
    assert_eq!(browser.get("_/stream").await.problem(429), "rate_limited");
    drop(one);
    until_so("its place is free again", async || {
        server
            .app
            .visitor_streams
            .seat([127, 0, 0, 1].into(), 2)
            .is_some()
    })
    .await;
    assert_eq!(
        browser.uploads(&[b'x'; 4_096]).await.problem(413),
        "too_large"
    );
    browser.uploads(PICTURE).await.expect(StatusCode::CREATED);
    let reply = browser.uploads(PICTURE).await;
    assert!(reply.header("retry-after").is_some());
    assert_eq!(reply.problem(429), "rate_limited");
    let mut refused = None;
    for _ in 0..12 {
        let reply = browser.get("config").await;
        if reply.status == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(reply);
        }
    }
    let refused = refused.expect("at last");
    assert_eq!(refused.header("access-control-allow-origin"), Some(SITE));
    assert_eq!(refused.problem(429), "rate_limited");
    let stream = browser.get("_/stream").await;
    assert_eq!(
        stream.problem(429),
        "rate_limited",
        "streams are visits too"
    );
    server.end().await;
}

#[tokio::test]
async fn a_visitor_may_send_so_many_bytes_a_day_from_wherever() {
    let server = Server::start_at(Clock::at(0), |config| {
        offering(config);
        config.limits.visitor_body = 2_048;
        config.limits.unsent_per_address = 60.try_into().expect("not 0");
        config.limits.uploads_per_address = 60.try_into().expect("not 0");
        config.limits.upload_bytes_per_address = 1 << 20;
    })
    .await;
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let browser = Browser::open(&server, &channel).await;
    // Ten of the largest.
    let file = [b'x'; 1_800];
    for _ in 0..=20_480 / file.len() {
        browser.uploads(&file).await.expect(StatusCode::CREATED);
    }
    let full = browser.uploads(&file).await;
    assert_eq!(full.header("retry-after"), Some("3600"));
    assert_eq!(full.problem(429), "rate_limited");
    let other = Browser::open(&server, &channel).await;
    other.uploads(&file).await.expect(StatusCode::CREATED);
    server.app.clock.advance(DAY + SECOND);
    browser.uploads(&file).await.expect(StatusCode::CREATED);
    server.end().await;
}

#[tokio::test]
async fn what_one_server_commits_another_shows_to_a_visitor() {
    let server = Server::start_on_postgres_at("two_servers", Clock::default(), offering).await;
    let Some(server) = server else { return };
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let second = server.second().await;
    let mut browser = Browser::open(&server, &channel).await;
    browser
        .says("c-00000001", "Olá")
        .await
        .expect(StatusCode::OK);
    let conversation = served(&admin).await;
    browser.client = second.client();
    let mut live = browser.stream(None).await;
    assert_eq!(live.next().await.kind, "host-ready");
    answers(&admin, &conversation, "Bom dia").await;
    assert_eq!(live.said().await.data["text"], "Bom dia");
    drop(live);
    second.end().await;
    server.end().await;
}

#[tokio::test]
async fn a_visitor_uploads_files_up_to_the_channels_own_bound() {
    let server = Server::start_with(|config| {
        offering(config);
        config.limits.upload_bytes_per_address = 1 << 20;
    })
    .await;
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let bound = json!({"max_file_bytes": 100_000});
    let path = format!("/channels/{channel}");
    admin.patch(&path, &bound).await.expect(StatusCode::OK);
    let browser = Browser::open(&server, &channel).await;
    let refused = browser.uploads(&[b'x'; 100_001]).await;
    assert_eq!(refused.problem(413), "too_large");
    let kept = browser.uploads(&[b'x'; 100_000]).await;
    kept.expect(StatusCode::CREATED);
    server.end().await;
}
