//! A channel that no file of the host knows of (`plugins/fixtures/echo`): connected, heard, answered and removed as any other, in both directions.

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
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// 2026-11-22T12:00:00Z.
const NOON: Instant = 1_795_348_800_000_000;
const PICTURE: &[u8] = b"GIF89a a picture";

on_both_scenes! {
    it_is_connected_with_its_providers_account_and_taken_back_when_it_is_removed,
    a_provider_that_refuses_the_key_is_what_the_channels_page_says,
    a_provider_that_does_not_answer_a_test_makes_the_channel_unstable_until_it_does,
    an_account_that_another_channel_has_is_not_connected_twice,
    texts_and_pictures_come_in_once_and_answer_each_other,
    what_its_provider_did_not_seal_leaves_nothing,
    texts_and_pictures_go_out_and_their_delivery_is_shown,
    what_it_cannot_carry_is_refused_with_the_reason_and_its_provider_asked_nothing,
}

type Change = Box<dyn FnOnce(&mut Config)>;

/// A server with that channel, whose provider is the test's; the clock stands still.
struct Scene {
    server: Server,
    provider: Provider,
    admin: Client,
    channel: String,
}

impl Scene {
    async fn set(start: impl AsyncFnOnce(Clock, Change) -> Option<Server>) -> Option<Self> {
        let (provider, address) = Provider::start().await;
        let change: Change = Box::new(move |config| {
            std::fs::create_dir_all(&config.plugins_dir).expect("a folder");
            let file = config.plugins_dir.join("echo.wasm");
            std::fs::copy(fixture("echo"), file).expect("copied");
            config.dev.enabled = true;
            let stand_in: url::Url = format!("http://{address}").parse().expect("a URL");
            config.dev.http_map.0 = vec![("api.echo.example".to_owned(), stand_in)];
        });
        let server = start(Clock::at(NOON), change).await?;
        let admin = server.admin().await;
        let settings = json!({"cave": "gruta", "key": "sesame", "seal": "wax-wax"});
        let channel = connect(&admin, "echo", settings).await;
        Some(Self {
            server,
            provider,
            admin,
            channel,
        })
    }

    fn gives(&self, path: &str, status: u16, line: &str) {
        let answer = Answer::bytes(line.as_bytes());
        let answers = vec![if status == 200 {
            answer
        } else {
            Answer::status(status)
        }];
        self.provider.answers(path, answers);
    }

    /// What the provider was last asked at that path, as text.
    fn last(&self, path: &str) -> String {
        let asked = self.provider.asked();
        let last = asked.iter().rfind(|it| it.path == path);
        let last = last.unwrap_or_else(|| panic!("nothing at {path}: {asked:?}"));
        assert_eq!(last.key.as_deref(), Some("Bearer sesame"));
        String::from_utf8_lossy(&last.body).into_owned()
    }

    async fn hook(&self, lines: &[&[&str]], seal: Option<&str>) -> StatusCode {
        let lines = lines.iter().map(|fields| fields.join("\t") + "\n");
        let body: Vec<u8> = lines.collect::<String>().into_bytes();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"wax-wax").expect("any key");
        mac.update(&body);
        let sealed = format!("v1:{}", hex::encode(mac.finalize().into_bytes()));
        let headers = [("x-echo-seal", seal.unwrap_or(&sealed))];
        let path = format!("/hooks/{}", self.channel);
        let client = self.server.client();
        client.raw(Method::POST, &path, &headers, body).await.status
    }

    /// Somebody writes; gives the conversation.
    async fn hears(&self) -> String {
        let line: &[&str] = &[
            "said",
            "e1",
            "m1",
            "ana",
            "Ana Souza",
            "1795348700",
            "",
            "Oi",
        ];
        assert_eq!(self.hook(&[line], None).await, StatusCode::OK);
        let found = self.queued().await;
        found[0]["id"].as_str().expect("an id").to_owned()
    }

    async fn queued(&self) -> Vec<Value> {
        let found = self.admin.get("/conversations?folder=queued").await;
        let found = found.expect(StatusCode::OK);
        found["items"].as_array().expect("items").clone()
    }

    async fn messages(&self, conversation: &str) -> Vec<Value> {
        let path = format!("/conversations/{conversation}/timeline");
        let page = self.admin.get(&path).await.expect(StatusCode::OK);
        let items = page["items"].as_array().expect("items").iter();
        items
            .filter(|it| it["type"] == "message")
            .cloned()
            .collect()
    }

    /// A moment later the last message is in that state.
    async fn last_becomes(&self, conversation: &str, state: &str) -> Value {
        until_so(state, async || {
            let messages = self.messages(conversation).await;
            messages.last().is_some_and(|it| it["state"] == state)
        })
        .await;
        self.messages(conversation).await.pop().expect("a message")
    }

    async fn says(&self, conversation: &str, what: Value) -> Value {
        let path = format!("/conversations/{conversation}/messages");
        let said = self.admin.post(&path, &what).await;
        said.expect(StatusCode::CREATED)
    }

    /// Uploads a file of the agent's.
    async fn uploads(&self, name: &str, bytes: &[u8]) -> Value {
        let kept = self.admin.upload("", name, bytes);
        kept.await.expect(StatusCode::CREATED)["id"].clone()
    }

    async fn health(&self) -> Value {
        let path = format!("/channels/{}", self.channel);
        self.admin.get(&path).await.expect(StatusCode::OK)["health"].clone()
    }

    /// How many events of that kind are on record that nobody's hand has made.
    async fn told(&self, kind: &str) -> usize {
        let mut tx = self.server.app.store.read().await.expect("a database");
        let channel = self.channel.parse().expect("an id");
        let channel = tx.channel_anywhere(channel).await.expect("reads");
        let workspace = channel.expect("a channel").workspace_id;
        let all = tx.events_after(workspace, 0, 1_000).await.expect("reads");
        let by_itself = all
            .iter()
            .filter(|it| it.actor_kind.as_deref() == Some("system"));
        by_itself.filter(|it| it.kind == kind).count()
    }

    async fn end(self) {
        self.server.end().await;
    }
}

async fn it_is_connected_with_its_providers_account_and_taken_back_when_it_is_removed(
    scene: Scene,
) {
    scene.gives("/listen", 200, "A gruta do Ali");
    let path = format!("/channels/{}", scene.channel);
    let tested = scene.admin.post(&format!("{path}/test"), &json!({})).await;
    let tested = tested.expect(StatusCode::OK);
    assert_eq!(
        (&tested["ok"], &tested["message"]),
        (&json!(true), &json!("A gruta do Ali"))
    );
    let shown = scene.admin.get(&path).await.expect(StatusCode::OK);
    assert_eq!(tested["account"]["external_id"], "gruta");
    assert_eq!(shown["health"]["state"], "connected");
    assert_eq!(
        shown["settings"],
        json!({"cave": "gruta"}),
        "secrets are not shown"
    );
    let webhook = shown["webhook_url"].as_str().expect("an address");
    assert_eq!(scene.last("/listen"), format!("listen\tgruta\t{webhook}\n"));

    scene.gives("/silence", 200, "silence");
    let gone = scene.admin.delete(&path).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.text);
    assert_eq!(scene.last("/silence"), "silence\tgruta\n");
    scene.end().await;
}

async fn a_provider_that_refuses_the_key_is_what_the_channels_page_says(scene: Scene) {
    scene.gives("/listen", 401, "");
    let path = format!("/channels/{}/test", scene.channel);
    let tested = scene
        .admin
        .post(&path, &json!({}))
        .await
        .expect(StatusCode::OK);
    let why = "The cave does not know this key.";
    assert_eq!(
        (&tested["ok"], &tested["message"]),
        (&json!(false), &json!(why))
    );
    let disconnected = json!({"state": "disconnected", "message": why, "sending": false});
    assert_eq!(scene.health().await, disconnected);
    // The screens of all are told at once.
    assert_eq!(scene.told("channel.changed").await, 1);
    scene.end().await;
}

async fn a_provider_that_does_not_answer_a_test_makes_the_channel_unstable_until_it_does(
    scene: Scene,
) {
    let test = async |status: u16| {
        scene.gives("/listen", status, "A gruta do Ali");
        let path = format!("/channels/{}/test", scene.channel);
        let tested = scene.admin.post(&path, &json!({})).await;
        tested.expect(StatusCode::OK)["ok"].clone()
    };
    assert_eq!(test(503).await, false);
    let unstable = json!({"state": "degraded", "message": "The cave is full.", "sending": true});
    assert_eq!(scene.health().await, unstable);
    assert_eq!(test(200).await, true);
    let connected = json!({"state": "connected", "message": "", "sending": false});
    assert_eq!(scene.health().await, connected);
    assert_eq!(scene.told("channel.changed").await, 2);
    scene.end().await;
}

async fn an_account_that_another_channel_has_is_not_connected_twice(scene: Scene) {
    let answer = || Answer::bytes(b"A gruta do Ali");
    scene
        .provider
        .answers("/listen", vec![answer(), answer(), answer()]);
    let test = async |channel: &str| {
        let path = format!("/channels/{channel}/test");
        let tested = scene.admin.post(&path, &json!({})).await;
        let tested = tested.expect(StatusCode::OK);
        (tested["ok"].clone(), tested["message"].clone())
    };
    let fine = (json!(true), json!("A gruta do Ali"));
    assert_eq!(test(&scene.channel).await, fine);
    let settings = json!({"cave": "gruta", "key": "sesame", "seal": "wax-wax"});
    let second = json!({"plugin_id": "echo", "name": "Outra", "settings": settings});
    let second = scene.admin.post("/channels", &second).await;
    let second = second.expect(StatusCode::CREATED)["id"].clone();
    let second = second.as_str().expect("an id");
    let (ok, why) = test(second).await;
    assert_eq!(ok, false);
    let why = why.as_str().expect("a text");
    assert!(
        why.starts_with("Esta conta também está conectada no canal “"),
        "{why}"
    );
    let path = format!("/channels/{second}");
    let shown = scene.admin.get(&path).await.expect(StatusCode::OK);
    assert_eq!(shown["health"]["state"], "disconnected");
    // One that is off hears nothing.
    let off = json!({"enabled": false});
    let first = format!("/channels/{}", scene.channel);
    scene.admin.patch(&first, &off).await.expect(StatusCode::OK);
    assert_eq!(test(second).await, fine);
    scene.end().await;
}

async fn texts_and_pictures_come_in_once_and_answer_each_other(scene: Scene) {
    scene
        .provider
        .answers("/pictures/p-7", vec![Answer::bytes(PICTURE)]);
    let lines: &[&[&str]] = &[
        &[
            "said",
            "e1",
            "m1",
            "ana",
            "Ana Souza",
            "1795348700",
            "",
            "Bom dia!\\nVeja:",
        ],
        &["sung", "e2", "nobody knows this kind"],
        &[
            "showed",
            "e3",
            "m2",
            "ana",
            "Ana Souza",
            "1795348701",
            "m1",
            "a foto",
            "p-7",
            "image/gif",
        ],
    ];
    for _ in 0..2 {
        assert_eq!(scene.hook(lines, None).await, StatusCode::OK);
    }
    let queued = scene.queued().await;
    assert_eq!(queued.len(), 1, "{queued:?}");
    assert_eq!(
        (&queued[0]["contact"]["name"], &queued[0]["unread"]),
        (&json!("Ana Souza"), &json!(2))
    );
    assert_eq!(queued[0]["channel"]["id"], scene.channel.as_str());
    let conversation = queued[0]["id"].as_str().expect("an id").to_owned();
    until_so("the picture is here", async || {
        let messages = scene.messages(&conversation).await;
        messages[1]["attachments"][0]["state"] == "ready"
    })
    .await;
    let messages = scene.messages(&conversation).await;
    let said: Vec<_> = messages
        .iter()
        .map(|it| {
            (
                it["kind"].as_str(),
                it["text"].as_str(),
                it["direction"].as_str(),
            )
        })
        .collect();
    let expected = [
        (Some("text"), Some("Bom dia!\nVeja:"), Some("in")),
        (Some("image"), Some("a foto"), Some("in")),
    ];
    assert_eq!(said, expected);
    assert_eq!(messages[1]["reply_to"]["text"], "Bom dia!\nVeja:");
    let picture = &messages[1]["attachments"][0];
    assert_eq!(picture["mime"], "image/gif");
    let url = picture["url"].as_str().expect("an address");
    let given = scene.admin.raw(Method::GET, url, &[], Vec::new()).await;
    assert_eq!(
        (given.status, given.text.as_bytes()),
        (StatusCode::OK, PICTURE)
    );
    assert_eq!(scene.last("/pictures/p-7"), "");
    assert_eq!(scene.health().await["state"], "connected");
    scene.end().await;
}

async fn what_its_provider_did_not_seal_leaves_nothing(scene: Scene) {
    let line: &[&str] = &[
        "said",
        "e1",
        "m1",
        "ana",
        "Ana Souza",
        "1795348700",
        "",
        "Oi",
    ];
    let forged = scene.hook(&[line], Some("v1:00")).await;
    assert_eq!(forged, StatusCode::UNAUTHORIZED);
    assert_eq!(scene.queued().await, Vec::<Value>::new());
    assert_eq!(scene.health().await["state"], "unknown");
    scene.end().await;
}

async fn texts_and_pictures_go_out_and_their_delivery_is_shown(scene: Scene) {
    let conversation = scene.hears().await;
    let first = scene.messages(&conversation).await[0]["id"].clone();
    scene.gives("/say", 200, "x1");
    let said = json!({"text": "Bom dia,\ntudo bem?", "reply_to": first});
    let said = scene.says(&conversation, said).await;
    assert_eq!(said["state"], "queued");
    scene.last_becomes(&conversation, "sent").await;
    let id = said["id"].as_str().expect("an id");
    let line = format!("say\t{id}\tana\tm1\tBom dia,\\ntudo bem?\n");
    assert_eq!(scene.last("/say"), line);
    // In whatever order they are told, and twice.
    let read: &[&str] = &["reached", "r2", "x1", "read", "1795348802", ""];
    let delivered: &[&str] = &["reached", "r1", "x1", "delivered", "1795348801", ""];
    for line in [read, delivered, read] {
        assert_eq!(scene.hook(&[line], None).await, StatusCode::OK);
        assert_eq!(scene.messages(&conversation).await[1]["state"], "read");
    }

    scene.gives("/show", 200, "x2");
    let file = scene.uploads("foto.gif", PICTURE).await;
    scene
        .says(
            &conversation,
            json!({"text": "a foto", "attachments": [file]}),
        )
        .await;
    scene.last_becomes(&conversation, "sent").await;
    let form = scene.last("/show");
    for part in [
        "name=\"to\"\r\n\r\nana\r\n",
        "name=\"caption\"\r\n\r\na foto\r\n",
        "content-type: image/gif\r\n\r\nGIF89a a picture\r\n",
    ] {
        assert!(form.contains(part), "{part:?} is not in {form:?}");
    }
    let failed: &[&str] = &["reached", "r3", "x2", "failed", "1795348803", "no light"];
    assert_eq!(scene.hook(&[failed], None).await, StatusCode::OK);
    let last = scene.last_becomes(&conversation, "failed").await;
    assert_eq!(last["reason"], "no light");
    scene.end().await;
}

async fn what_it_cannot_carry_is_refused_with_the_reason_and_its_provider_asked_nothing(
    scene: Scene,
) {
    let conversation = scene.hears().await;
    let path = format!("/conversations/{conversation}/messages");
    let long = scene
        .admin
        .post(&path, &json!({"text": "x".repeat(201)}))
        .await;
    assert!(long.text.contains("201 > 200"), "{}", long.text);
    assert_eq!(long.problem(422), "invalid");
    let file = scene.uploads("nota.pdf", b"%PDF-1.7 a paper").await;
    let paper = scene
        .admin
        .post(&path, &json!({"text": "", "attachments": [file]}))
        .await;
    assert_eq!(paper.problem(409), "state");
    assert_eq!(scene.provider.asked(), []);
    assert_eq!(scene.messages(&conversation).await.len(), 1);
    scene.end().await;
}
