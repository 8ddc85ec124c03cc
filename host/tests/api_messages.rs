//! What becomes of messages at a channel that can do all that a channel can: sent, changed, told of; over real HTTP, with the test as the provider.

#[macro_use]
mod common;

use std::time::Duration;

use balcao::{
    clock::{Clock, Instant},
    config::Config,
    store::storage::Owner,
};
use common::{
    Client, Server,
    packages::{connect, edited, enable, fixture},
    provider::{Answer, Provider},
    until_so, workspace_of,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// 2026-11-22T12:00:00Z.
const NOON: Instant = 1_795_348_800_000_000;
const SECOND: Duration = Duration::from_secs(1);

on_both_scenes! {
    what_was_sent_is_edited_and_taken_back_where_the_contact_sees_it,
    only_whoever_wrote_a_message_or_supervises_the_team_changes_it,
    what_the_channel_does_not_change_is_refused_with_the_reason,
    a_change_that_the_provider_refuses_shows_why_and_is_let_go_of,
    a_change_waits_for_a_provider_that_is_down,
    a_change_of_which_nobody_knows_is_shown_so_and_not_repeated,
    whatever_is_told_about_a_part_of_a_message_finds_the_message,
    a_name_that_cannot_be_kept_does_not_send_a_message_again,
    an_answer_shows_what_it_answers_though_that_came_later,
    what_a_contact_edits_keeps_what_is_said_of_the_message,
    the_thread_of_a_group_that_moved_goes_on,
    a_contact_sees_that_whoever_serves_them_has_read_and_not_that_others_look,
    the_channel_is_told_who_wrote,
    what_a_connector_keeps_while_it_sends_is_kept,
    a_file_larger_than_any_other_request_goes_whole_and_in_its_place,
    a_provider_that_took_the_file_and_then_refused_the_message_leaves_no_doubt,
    a_request_that_the_app_does_not_take_says_nothing_of_the_connection,
    files_go_together_where_the_channel_can_and_as_what_was_asked_for,
    the_time_for_free_answers_is_the_contacts_and_no_conversations,
    what_keeps_messages_from_going_out_is_what_the_channels_page_says,
    what_a_faulty_version_parked_is_taken_in_by_the_repaired_one,
    a_parked_webhook_is_taken_in_by_hand_once_its_provider_is_well,
}

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

async fn what_was_sent_is_edited_and_taken_back_where_the_contact_sees_it(scene: Scene) {
    let conversation = scene.served().await;
    let id = scene
        .says(
            &scene.ana,
            &conversation,
            json!({"text": "Bom diz"}),
            &["a1"],
        )
        .await;
    let before = scene.message(&conversation, &id).await;
    let may = json!({"edit": true, "revoke": true, "versions": false, "let_go": false});
    assert_eq!((&before["can"], &before["change"]), (&may, &Value::Null));

    let (held, gate) = Answer::json(&json!({})).held();
    scene.provider.answers("/edit", vec![held]);
    let asked = scene.ana.patch(&of(&id), &json!({"text": "Bom dia"})).await;
    let asked = asked.expect(StatusCode::OK);
    let change = json!({"action": "edit", "state": "queued", "reason": null, "text": "Bom dia"});
    // Until the contact sees it so, neither do we.
    assert_eq!(
        (&asked["change"], &asked["text"]),
        (&change, &json!("Bom diz"))
    );
    gate.add_permits(1);
    let edited = scene
        .becomes(&conversation, &id, |it| it["change"].is_null())
        .await;
    assert_eq!(
        (&edited["text"], &edited["edited"], &edited["state"]),
        (&json!("Bom dia"), &json!(true), &json!("sent"))
    );
    let told = json!({"ids": ["a1"], "was": "Bom diz", "text": "Bom dia"});
    assert_eq!(scene.provider.told("/edit"), [told]);
    assert_eq!(scene.preview(&conversation).await["text"], "Bom dia");
    let path = format!("{}/versions", of(&id));
    assert_eq!(scene.ana.get(&path).await.problem(403), "denied");
    let versions = scene.sue.get(&path).await.expect(StatusCode::OK);
    let texts: Vec<&Value> = versions
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["text"])
        .collect();
    assert_eq!(texts, ["Bom diz"]);

    let asked = scene.ana.delete(&of(&id)).await.expect(StatusCode::OK);
    assert_eq!(asked["change"]["action"], "revoke");
    let gone = scene
        .becomes(&conversation, &id, |it| it["revoked"] == true)
        .await;
    assert_eq!(
        (&gone["text"], &gone["change"], &gone["can"]["edit"]),
        (&json!(""), &Value::Null, &json!(false))
    );
    assert_eq!(scene.provider.told("/revoke"), [json!({"ids": ["a1"]})]);
    let preview = json!({"text": "", "kind": "revoked", "direction": "out"});
    assert_eq!(scene.preview(&conversation).await, preview);
    let again = scene
        .ana
        .patch(&of(&id), &json!({"text": "Boa noite"}))
        .await;
    assert_eq!(again.problem(409), "state");
    assert_eq!(scene.sue.get(&path).await.problem(404), "not_found");
    scene.end().await;
}

async fn only_whoever_wrote_a_message_or_supervises_the_team_changes_it(scene: Scene) {
    let conversation = scene.served().await;
    let sues = scene
        .says(
            &scene.sue,
            &conversation,
            json!({"text": "Já vemos"}),
            &["s1"],
        )
        .await;
    let anas = scene
        .says(
            &scene.ana,
            &conversation,
            json!({"text": "Um minuto"}),
            &["a1"],
        )
        .await;
    let other = json!({"text": "Outra coisa"});
    assert_eq!(
        scene.ana.patch(&of(&sues), &other).await.problem(403),
        "denied"
    );
    assert_eq!(scene.ana.delete(&of(&sues)).await.problem(403), "denied");
    let may = json!({"edit": false, "revoke": false, "versions": false, "let_go": false});
    assert_eq!(scene.message(&conversation, &sues).await["can"], may);
    // Nobody changes what the contact said.
    let theirs = scene.messages(&conversation).await[0]["id"].clone();
    let theirs = of(theirs.as_str().unwrap());
    assert_eq!(scene.sue.patch(&theirs, &other).await.problem(409), "state");
    assert_eq!(scene.provider.count("/edit"), 0);
    let asked = scene.sue.patch(&of(&anas), &other).await;
    asked.expect(StatusCode::OK);
    let edited = scene
        .becomes(&conversation, &anas, |it| it["edited"] == true)
        .await;
    assert_eq!(edited["author"]["name"], "Ana");
    scene.end().await;
}

async fn what_the_channel_does_not_change_is_refused_with_the_reason(scene: Scene) {
    let conversation = scene.served().await;
    let id = scene
        .says(&scene.ana, &conversation, json!({"text": "Oi"}), &["a1"])
        .await;
    let long = scene
        .ana
        .patch(&of(&id), &json!({"text": "x".repeat(101)}))
        .await;
    assert!(long.text.contains("101 > 100"), "{}", long.text);
    assert_eq!(long.problem(422), "invalid");
    let empty = scene.ana.patch(&of(&id), &json!({"text": " "})).await;
    assert_eq!(empty.problem(422), "invalid");
    scene.server.app.clock.advance(48 * 3600 * SECOND);
    assert_eq!(
        scene.message(&conversation, &id).await["can"]["revoke"],
        true
    );
    scene.server.app.clock.advance(SECOND);
    assert_eq!(
        scene.message(&conversation, &id).await["can"]["revoke"],
        false
    );
    let late = scene.ana.delete(&of(&id)).await;
    assert!(late.text.contains("até 48 horas depois"), "{}", late.text);
    assert_eq!(late.problem(409), "state");
    assert_eq!(scene.provider.count("/revoke"), 0);
    scene.end().await;
}

async fn a_change_that_the_provider_refuses_shows_why_and_is_let_go_of(scene: Scene) {
    let conversation = scene.served().await;
    let id = scene
        .says(&scene.ana, &conversation, json!({"text": "Oi"}), &["a1"])
        .await;
    scene.provider.answers("/edit", vec![Answer::status(400)]);
    let asked = scene.ana.patch(&of(&id), &json!({"text": "Olá"})).await;
    asked.expect(StatusCode::OK);
    let failed = scene
        .becomes(&conversation, &id, |it| it["change"]["state"] == "failed")
        .await;
    let change = json!({"action": "edit", "state": "failed", "reason": "O provedor não quis.", "text": "Olá"});
    assert_eq!(
        (&failed["change"], &failed["text"], &failed["edited"]),
        (&change, &json!("Oi"), &json!(false))
    );
    // Also once the channel changes the message no more.
    scene.server.app.clock.advance(49 * 3600 * SECOND);
    let may = json!({"edit": true, "revoke": false, "versions": false, "let_go": true});
    assert_eq!(scene.message(&conversation, &id).await["can"], may);
    let path = format!("{}/change", of(&id));
    let let_go = scene.ana.delete(&path).await.expect(StatusCode::OK);
    assert_eq!(
        (&let_go["change"], &let_go["text"]),
        (&Value::Null, &json!("Oi"))
    );
    assert_eq!(scene.ana.delete(&path).await.problem(409), "state");
    scene.end().await;
}

async fn a_change_waits_for_a_provider_that_is_down(scene: Scene) {
    let conversation = scene.served().await;
    let id = scene
        .says(&scene.ana, &conversation, json!({"text": "Oi"}), &["a1"])
        .await;
    let answers = vec![Answer::status(503), Answer::json(&json!({}))];
    scene.provider.answers("/edit", answers);
    let asked = scene.ana.patch(&of(&id), &json!({"text": "Olá"})).await;
    asked.expect(StatusCode::OK);
    until_so("it waits", async || {
        let mut tx = scene.server.app.store.read().await.unwrap();
        tx.next_send_at().await.unwrap() == Some(NOON + 2_000_000)
    })
    .await;
    assert_eq!(
        scene.message(&conversation, &id).await["change"]["state"],
        "queued"
    );
    scene.server.app.clock.advance(2 * SECOND);
    scene
        .becomes(&conversation, &id, |it| it["text"] == "Olá")
        .await;
    assert_eq!(scene.provider.count("/edit"), 2);
    scene.end().await;
}

async fn a_change_of_which_nobody_knows_is_shown_so_and_not_repeated(scene: Scene) {
    let conversation = scene.served().await;
    let id = scene
        .says(&scene.ana, &conversation, json!({"text": "Oi"}), &["a1"])
        .await;
    let (held, gate) = Answer::json(&json!({})).held();
    scene
        .provider
        .answers("/edit", vec![held, Answer::json(&json!({}))]);
    let asked = scene.ana.patch(&of(&id), &json!({"text": "Olá"})).await;
    asked.expect(StatusCode::OK);
    until_so("it is asked", async || scene.provider.count("/edit") == 1).await;
    let under_way = scene.ana.delete(&of(&id)).await;
    assert_eq!(under_way.problem(409), "state");
    // Whoever asked says nothing more for longer than an attempt is theirs.
    scene.server.app.clock.advance(361 * SECOND);
    let unknown = scene
        .becomes(&conversation, &id, |it| {
            it["change"]["state"] == "uncertain"
        })
        .await;
    assert_eq!(unknown["text"], "Oi");
    // Too late: it belongs to nobody any more.
    gate.add_permits(1);
    let asked = scene.ana.patch(&of(&id), &json!({"text": "Olá!"})).await;
    asked.expect(StatusCode::OK);
    let edited = scene
        .becomes(&conversation, &id, |it| it["change"].is_null())
        .await;
    assert_eq!(edited["text"], "Olá!");
    assert_eq!(scene.provider.count("/edit"), 2);
    scene.end().await;
}

async fn whatever_is_told_about_a_part_of_a_message_finds_the_message(scene: Scene) {
    let conversation = scene.served().await;
    // The first part is told of before our own send is committed.
    let early = json!({"key": "r0", "id": "p2", "from": "5001", "emoji": "👀"});
    scene.hook("reaction", early).await;
    let id = scene
        .says(
            &scene.ana,
            &conversation,
            json!({"text": "Em partes"}),
            &["p1", "p2", "p3"],
        )
        .await;
    let emoji = |it: &Value| it["reactions"][0]["emoji"].clone();
    assert_eq!(emoji(&scene.message(&conversation, &id).await), "👀");
    scene.server.app.clock.advance(SECOND);
    let thumb = json!({"key": "r1", "id": "p1", "from": "5001", "emoji": "👍"});
    scene.hook("reaction", thumb).await;
    assert_eq!(emoji(&scene.message(&conversation, &id).await), "👍");
    let delivered = json!({"key": "d1", "id": "p2", "state": "delivered"});
    scene.hook("delivery", delivered).await;
    assert_eq!(
        scene.message(&conversation, &id).await["state"],
        "delivered"
    );
    let answer = json!({"key": "m1", "id": "m1", "thread": "5001", "from": "5001", "text": "Qual?", "reply_to": "p1"});
    scene.hook("message", answer).await;
    let all = scene.messages(&conversation).await;
    assert_eq!(all.last().unwrap()["reply_to"]["id"], id.as_str());
    // Nor is it told twice where the provider gives its parts back.
    let echo = json!({"key": "e1", "id": "p1", "thread": "5001", "from": "shop", "outgoing": true, "text": "Em partes"});
    scene.hook("message", echo).await;
    assert_eq!(scene.messages(&conversation).await.len(), all.len());
    scene.ana.delete(&of(&id)).await.expect(StatusCode::OK);
    scene
        .becomes(&conversation, &id, |it| it["revoked"] == true)
        .await;
    let told = json!({"ids": ["p1", "p2", "p3"]});
    assert_eq!(scene.provider.told("/revoke"), [told]);
    scene.end().await;
}

async fn a_name_that_cannot_be_kept_does_not_send_a_message_again(scene: Scene) {
    let conversation = scene.served().await;
    let long = "x".repeat(600);
    let ids = ["a\0", "", "p2", &long];
    let what = json!({"text": "Oi"});
    let id = scene.says(&scene.ana, &conversation, what, &ids).await;
    scene.ana.delete(&of(&id)).await.expect(StatusCode::OK);
    scene
        .becomes(&conversation, &id, |it| it["revoked"] == true)
        .await;
    assert_eq!(scene.provider.told("/revoke"), [json!({"ids": ["p2"]})]);
    assert_eq!(scene.provider.told("/send").len(), 1);
    scene.end().await;
}

async fn an_answer_shows_what_it_answers_though_that_came_later(scene: Scene) {
    let conversation = scene.served().await;
    let message = |id: &str, text: &str, to: Value| json!({"key": id, "id": id, "thread": "5001", "from": "5001", "text": text, "reply_to": to});
    scene
        .hook("message", message("m2", "Esta", json!("m1")))
        .await;
    let answer = scene.messages(&conversation).await.pop().unwrap();
    assert_eq!(
        (&answer["text"], &answer["reply_to"]["id"]),
        (&json!("Esta"), &Value::Null)
    );
    scene
        .hook("message", message("m1", "Qual delas?", Value::Null))
        .await;
    let answer = scene
        .message(&conversation, answer["id"].as_str().unwrap())
        .await;
    assert_eq!(answer["reply_to"]["text"], "Qual delas?");
    scene.end().await;
}

async fn what_a_contact_edits_keeps_what_is_said_of_the_message(scene: Scene) {
    let conversation = scene.served().await;
    let message = json!({"key": "m1", "id": "m1", "thread": "5001", "from": "5001", "text": "Às 15h",
        "content_extra": {"entities": [1]}, "extra": {"group": "g1", "forwarded": true}});
    scene.hook("message", message).await;
    let now = json!({"key": "e1", "id": "m1", "text": "Às 16h", "content_extra": {"links": [2]}});
    scene.hook("edited", now).await;
    let edited = scene.messages(&conversation).await.pop().unwrap();
    assert_eq!(
        (&edited["text"], &edited["edited"]),
        (&json!("Às 16h"), &json!(true))
    );
    let extra = json!({"group": "g1", "forwarded": true, "links": [2]});
    assert_eq!(edited["extra"], extra);
    let path = format!("{}/versions", of(edited["id"].as_str().unwrap()));
    let versions = scene.sue.get(&path).await.expect(StatusCode::OK);
    assert_eq!(versions[0]["text"], "Às 15h");
    scene.end().await;
}

async fn the_thread_of_a_group_that_moved_goes_on(scene: Scene) {
    let message = |id: &str, thread: &str| json!({"key": id, "id": id, "thread": thread, "from": "5001", "text": id});
    scene.hook("message", message("m1", "g-1")).await;
    scene
        .hook("moved", json!({"key": "i1", "old": "g-1", "now": "g-100"}))
        .await;
    scene.hook("message", message("m2", "g-100")).await;
    let found = scene.ana.get("/conversations?folder=queued").await;
    let found = found.expect(StatusCode::OK);
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    let conversation = found["items"][0]["id"].as_str().unwrap();
    let texts: Vec<Value> = scene
        .messages(conversation)
        .await
        .iter()
        .map(|it| it["text"].clone())
        .collect();
    assert_eq!(texts, ["m1", "m2"]);
    scene.end().await;
}

async fn a_contact_sees_that_whoever_serves_them_has_read_and_not_that_others_look(scene: Scene) {
    let conversation = scene.served().await;
    let path = format!("/conversations/{conversation}/read");
    let more =
        |id: &str| json!({"key": id, "id": id, "thread": "5001", "from": "5001", "text": id});
    let reads = || {
        let told = scene.provider.told("/signal");
        told.into_iter()
            .filter(|it| it["kind"] == "read")
            .collect::<Vec<_>>()
    };
    let read = |id: &str| json!({"thread": "5001", "kind": "read", "data": {"message": id}});
    scene.hook("message", more("m2")).await;
    scene
        .ana
        .post(&path, &json!({}))
        .await
        .expect(StatusCode::OK);
    until_so("it is told", async || reads() == [read("m2")]).await;
    // Once for all that was unread.
    scene
        .ana
        .post(&path, &json!({}))
        .await
        .expect(StatusCode::OK);
    scene.hook("message", more("m3")).await;
    scene
        .sue
        .post(&path, &json!({}))
        .await
        .expect(StatusCode::OK);
    // Whoever answers has read.
    scene.hook("message", more("m4")).await;
    scene
        .says(&scene.ana, &conversation, json!({"text": "Sim"}), &["a1"])
        .await;
    until_so("it is told", async || reads().len() > 1).await;
    assert_eq!(reads(), [read("m2"), read("m4")]);
    // Also whoever answers what nobody served yet.
    let stranger = json!({"key": "n1", "id": "n1", "thread": "5002", "from": "5002", "text": "Oi"});
    scene.hook("message", stranger).await;
    let found = scene.ana.get("/conversations?folder=queued").await;
    let other = found.expect(StatusCode::OK)["items"][0]["id"].clone();
    let other = other.as_str().expect("an id");
    scene
        .says(&scene.ana, other, json!({"text": "Pois não"}), &["a2"])
        .await;
    until_so("it is told", async || reads().len() > 2).await;
    let last = json!({"thread": "5002", "kind": "read", "data": {"message": "n1"}});
    assert_eq!(reads()[2], last);
    scene.end().await;
}

async fn the_channel_is_told_who_wrote(scene: Scene) {
    let conversation = scene.served().await;
    scene
        .says(&scene.ana, &conversation, json!({"text": "Sim"}), &["a1"])
        .await;
    let told = scene.provider.told("/send");
    assert_eq!(told[0]["extra"], json!({"by": "user", "name": "Ana"}));
    scene.end().await;
}

async fn a_request_that_the_app_does_not_take_says_nothing_of_the_connection(scene: Scene) {
    let hook = async |what: &str| {
        let path = format!("/hooks/{}/{what}", scene.channel);
        let client = scene.server.client();
        client
            .raw(Method::POST, &path, &[], b"{}".to_vec())
            .await
            .status
    };
    let health = async || {
        let path = format!("/channels/{}", scene.channel);
        let channel = scene.sue.get(&path).await.expect(StatusCode::OK);
        channel["health"]["state"].clone()
    };
    assert_eq!(hook("refuse").await, StatusCode::BAD_REQUEST);
    assert_eq!(health().await, "unknown");
    scene.served().await;
    assert_eq!(health().await, "connected");
    scene.end().await;
}

/// Uploads a file to the server; gives its id.
async fn upload(client: &Client, name: &str, bytes: &[u8]) -> String {
    let mut form = format!(
        "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
    )
    .into_bytes();
    form.extend_from_slice(bytes);
    form.extend_from_slice(b"\r\n--b--\r\n");
    let headers = [
        ("content-type", "multipart/form-data; boundary=b"),
        ("x-balcao", "1"),
    ];
    let stored = client
        .raw(Method::POST, "/api/v1/files", &headers, form)
        .await;
    let stored = stored.expect(StatusCode::CREATED);
    stored["id"].as_str().expect("an id").to_owned()
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n0123456789";
const MP4: &[u8] = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom";

async fn files_go_together_where_the_channel_can_and_as_what_was_asked_for(scene: Scene) {
    let conversation = scene.served().await;
    let path = format!("/conversations/{conversation}/messages");
    let uploaded = (1..=8)
        .map(|n| Answer::json(&json!({ "id": format!("u{n}") })))
        .collect();
    scene.provider.answers("/upload", uploaded);
    let mut files = Vec::new();
    for (name, bytes) in [
        ("1.png", PNG),
        ("2.mp4", MP4),
        ("3.txt", b"texto".as_slice()),
    ] {
        files.push(upload(&scene.ana, name, bytes).await);
    }
    let what = json!({"text": "Vejam", "attachments": files});
    let album = scene
        .says(&scene.ana, &conversation, what, &["p1", "p2"])
        .await;
    let shown = scene.message(&conversation, &album).await;
    assert_eq!(
        (
            &shown["kind"],
            shown["attachments"].as_array().unwrap().len()
        ),
        (&json!("image"), 2)
    );
    until_so("both are sent", async || scene.provider.count("/send") == 2).await;
    let sent = |n: usize| {
        let it = &scene.provider.told("/send")[n];
        json!([it["kind"], it["text"], it["files"]])
    };
    assert_eq!(sent(0), json!(["image", "Vejam", ["u1", "u2"]]));
    assert_eq!(sent(1), json!(["document", "", ["u3"]]));

    let as_document = json!({"kind": "document", "attachments": [files[0]]});
    scene
        .says(&scene.ana, &conversation, as_document, &["d1"])
        .await;
    assert_eq!(sent(2), json!(["document", "", ["u4"]]));
    let refused = async |what: Value| {
        let reply = scene.ana.post(&path, &what).await;
        assert_eq!(
            reply.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{}",
            reply.text
        );
        reply.text
    };
    // What a file has no room for goes after it.
    let both = json!({"kind": "sticker", "text": "oi", "attachments": [files[0]]});
    scene.says(&scene.ana, &conversation, both, &["s1"]).await;
    until_so("both are sent", async || scene.provider.count("/send") == 5).await;
    assert_eq!(sent(3), json!(["sticker", "", ["u5"]]));
    assert_eq!(sent(4), json!(["text", "oi", []]));
    let long = "vinte e uma letras...";
    let both = json!({"text": long, "attachments": [files[0], files[2]]});
    scene.says(&scene.ana, &conversation, both, &["l1"]).await;
    until_so("all are sent", async || scene.provider.count("/send") == 8).await;
    let kinds: Vec<Value> = (5..8).map(sent).collect();
    let expected = [
        json!(["image", "", ["u6"]]),
        json!(["document", "", ["u7"]]),
        json!(["text", long, []]),
    ];
    assert_eq!(kinds, expected);
    let too_long = refused(json!({"text": "x".repeat(101), "attachments": [files[0]]})).await;
    assert!(too_long.contains("101 > 100"), "{too_long}");
    let nothing = refused(json!({"kind": "video", "text": "oi"})).await;
    assert!(nothing.contains("must not be empty"), "{nothing}");
    let odd = refused(json!({"kind": "carousel", "text": "oi"})).await;
    assert!(odd.contains("must be text, image"), "{odd}");
    assert_eq!(scene.provider.count("/send"), 8);
    scene.end().await;
}

async fn what_a_connector_keeps_while_it_sends_is_kept(scene: Scene) {
    let conversation = scene.served().await;
    let answer = Answer::json(&json!({"ids": ["a1"], "health": "A cota está no fim."}));
    scene.provider.answers("/send", vec![answer]);
    let path = format!("/conversations/{conversation}/messages");
    let said = scene.ana.post(&path, &json!({"text": "Sim"})).await;
    let id = said.expect(StatusCode::CREATED)["id"]
        .as_str()
        .unwrap()
        .to_owned();
    scene
        .becomes(&conversation, &id, |it| it["state"] == "sent")
        .await;
    let channel = scene.sue.get(&format!("/channels/{}", scene.channel)).await;
    let health = channel.expect(StatusCode::OK)["health"].clone();
    assert_eq!(
        (&health["state"], &health["message"]),
        (&json!("degraded"), &json!("A cota está no fim."))
    );
    let mut tx = scene.server.app.store.read().await.unwrap();
    let owner = Owner {
        workspace: workspace_of(&scene.sue).await,
        plugin: "talker",
    };
    let kept = tx.storage_get(owner, "last", NOON).await.unwrap();
    assert_eq!(kept.expect("kept").value, "\"5001\"");
    drop(tx);
    scene.end().await;
}

async fn a_provider_that_took_the_file_and_then_refused_the_message_leaves_no_doubt(scene: Scene) {
    let conversation = scene.served().await;
    let file = upload(&scene.ana, "1.png", PNG).await;
    let uploaded = Answer::json(&json!({"id": "u1"}));
    scene.provider.answers("/upload", vec![uploaded]);
    scene.provider.answers("/send", vec![Answer::status(400)]);
    let path = format!("/conversations/{conversation}/messages");
    let said = scene.ana.post(&path, &json!({"attachments": [file]})).await;
    let id = said.expect(StatusCode::CREATED)["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let settled = |it: &Value| it["state"] != "queued";
    let failed = scene.becomes(&conversation, &id, settled).await;
    assert_eq!(
        (&failed["state"], &failed["reason"]),
        (&json!("failed"), &json!("O provedor não quis."))
    );
    scene.end().await;
}

async fn a_file_larger_than_any_other_request_goes_whole_and_in_its_place(scene: Scene) {
    let conversation = scene.served().await;
    let bytes: Vec<u8> = MP4
        .iter()
        .copied()
        .chain((0..5_000_000_u32).map(|n| (n % 251) as u8))
        .collect();
    let file = upload(&scene.ana, "\"film\".mp4", &bytes).await;
    let uploaded = Answer::json(&json!({"id": "u1"}));
    scene.provider.answers("/upload", vec![uploaded]);
    scene
        .says(
            &scene.ana,
            &conversation,
            json!({"attachments": [file]}),
            &["v1"],
        )
        .await;
    let body = scene.provider.bodies("/upload").remove(0);
    let end = body.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
    let boundary = String::from_utf8(body[2..34].to_vec()).unwrap();
    let fields = format!("--{boundary}\r\ncontent-disposition: form-data; name=\"purpose\"");
    assert_eq!(String::from_utf8_lossy(&body[..end]), fields);
    let tail = format!("\r\n--{boundary}--\r\n");
    let whole = [bytes.as_slice(), tail.as_bytes()].concat();
    let head = String::from_utf8_lossy(&body[..body.len() - whole.len()]).into_owned();
    assert!(head.ends_with("content-type: video/mp4\r\n\r\n"), "{head}");
    assert!(body[head.len()..] == whole, "the file as it was");
    scene.end().await;
}

async fn the_time_for_free_answers_is_the_contacts_and_no_conversations(scene: Scene) {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let closes = async |conversation: &str| {
        let path = format!("/conversations/{conversation}");
        scene.ana.get(&path).await.expect(StatusCode::OK)["window"]["closes_at"].clone()
    };
    let does = async |conversation: &str, deed: &str, body: Value| {
        let path = format!("/conversations/{conversation}/{deed}");
        scene.ana.post(&path, &body).await.expect(StatusCode::OK);
    };
    let first = scene.served().await;
    assert_eq!(closes(&first).await, "2026-11-29T12:00:00.000000Z");
    // Neither what the business writes elsewhere nor concluding touches it.
    scene.server.app.clock.advance(6 * DAY);
    let echo = json!({"key": "e", "id": "e", "thread": "5001", "from": "5001", "text": "Oi", "outgoing": true});
    scene.hook("message", echo).await;
    does(&first, "conclude", json!({})).await;
    does(&first, "reopen", json!({})).await;
    assert_eq!(closes(&first).await, "2026-11-29T12:00:00.000000Z");
    scene
        .says(&scene.ana, &first, json!({"text": "Ainda dá"}), &["a1"])
        .await;
    scene.server.app.clock.advance(DAY);
    let path = format!("/conversations/{first}/messages");
    let late = scene.ana.post(&path, &json!({"text": "Tarde"})).await;
    assert!(late.text.contains("prazo"), "{}", late.text);
    assert_eq!(late.problem(409), "state");
    let note = json!({"text": "Esperar", "private": true});
    scene
        .ana
        .post(&path, &note)
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(scene.provider.count("/send"), 1);

    // The contact writes again, in a conversation that comes after this one: it is open in both.
    does(&first, "conclude", json!({})).await;
    scene.server.app.clock.advance(13 * 3600 * SECOND);
    let again =
        json!({"key": "m2", "id": "m2", "thread": "5001", "from": "5001", "text": "Voltei"});
    scene.hook("message", again).await;
    let found = scene.ana.get("/conversations?folder=queued").await;
    let second = found.expect(StatusCode::OK)["items"][0]["id"].clone();
    let second = second.as_str().expect("an id");
    assert_ne!(second, first);
    assert_eq!(closes(second).await, "2026-12-07T01:00:00.000000Z");
    does(second, "start", json!({})).await;
    does(second, "conclude", json!({})).await;
    does(&first, "reopen", json!({})).await;
    assert_eq!(closes(&first).await, "2026-12-07T01:00:00.000000Z");
    scene
        .says(&scene.ana, &first, json!({"text": "Que bom"}), &["a2"])
        .await;
    scene.end().await;
}

async fn what_keeps_messages_from_going_out_is_what_the_channels_page_says(scene: Scene) {
    let admin = scene.server.admin().await;
    let path = format!("/channels/{}", scene.channel);
    let health = async || {
        let shown = admin.get(&path).await.expect(StatusCode::OK);
        let part = |name: &str| shown["health"][name].as_str().expect("a text").to_owned();
        (part("state"), part("message"))
    };
    let becomes = async |state: &str, message: &str| {
        let expected = (state.to_owned(), message.to_owned());
        until_so(state, async || health().await == expected).await;
    };
    let conversation = scene.served().await;
    becomes("connected", "").await;
    let messages = format!("/conversations/{conversation}/messages");
    let queue = async |answers: Vec<Answer>| {
        scene.provider.answers("/send", answers);
        let said = scene.ana.post(&messages, &json!({"text": "Oi"})).await;
        said.expect(StatusCode::CREATED)["id"]
            .as_str()
            .expect("an id")
            .to_owned()
    };
    let fine = || Answer::json(&json!({"ids": ["a"]}));
    let due = async |at: Instant| {
        until_so("it waits", async || {
            let mut tx = scene.server.app.store.read().await.unwrap();
            tx.next_send_at().await.unwrap() == Some(at)
        })
        .await;
    };

    // As long as the provider asks for, though the first pause would be 2 s.
    let id = queue(vec![Answer::status(429), Answer::status(503), fine()]).await;
    becomes("degraded", "O provedor pede que se vá mais devagar.").await;
    let shown = admin.get(&path).await.expect(StatusCode::OK);
    assert_eq!(shown["health"]["sending"], true);
    due(NOON + 30_000_000).await;
    scene.server.app.clock.advance(30 * SECOND);
    becomes("degraded", "O provedor está fora do ar.").await;
    due(NOON + 34_000_000).await;
    scene.server.app.clock.advance(4 * SECOND);
    scene
        .becomes(&conversation, &id, |it| it["state"] == "sent")
        .await;
    becomes("connected", "").await;

    let remedy = "A chave não vale mais: cole uma nova nas configurações do canal.";
    let id = queue(vec![Answer::status(401)]).await;
    let failed = scene
        .becomes(&conversation, &id, |it| it["state"] == "failed")
        .await;
    assert_eq!(failed["reason"], remedy);
    becomes("disconnected", remedy).await;
    let undelivered = async || {
        let found = scene.ana.get("/conversations?folder=mine").await;
        found.expect(StatusCode::OK)["items"][0]["undelivered"].clone()
    };
    assert_eq!(undelivered().await, true);
    // What comes in says nothing of what may go out.
    let more = json!({"key": "m2", "id": "m2", "thread": "5001", "from": "5001", "text": "Alô?"});
    scene.hook("message", more).await;
    assert_eq!(
        health().await,
        ("disconnected".to_owned(), remedy.to_owned())
    );
    assert_eq!(undelivered().await, false, "the newest is the contact's");
    queue(vec![fine()]).await;
    becomes("connected", "").await;

    // Nor is one message that is refused a matter of the channel.
    let id = queue(vec![Answer::status(400)]).await;
    scene
        .becomes(&conversation, &id, |it| it["state"] == "failed")
        .await;
    assert_eq!(health().await.0, "connected");
    scene.end().await;
}

async fn parked(admin: &Client, channel: &str) -> Vec<Value> {
    let path = format!("/channels/{channel}/parked");
    let found = admin.get(&path).await.expect(StatusCode::OK);
    found["items"].as_array().expect("a list").clone()
}

/// What the conversations that wait begin with.
async fn waiting(admin: &Client) -> Vec<Value> {
    let found = admin.get("/conversations?folder=queued").await;
    let found = found.expect(StatusCode::OK);
    let items = found["items"].as_array().expect("items").iter();
    items.map(|it| it["preview"]["text"].clone()).collect()
}

async fn what_a_faulty_version_parked_is_taken_in_by_the_repaired_one(scene: Scene) {
    let file = scene.server.app.config.plugins_dir.join("talker.wasm");
    let faulty = edited(&fixture("talker"), &[("talker is well", "talker is hurt")]);
    std::fs::write(&file, faulty).expect("written");
    let mut scene = Scene {
        server: scene.server.again().await,
        ..scene
    };
    let admin = scene.server.admin().await;
    enable(&admin, "talker").await;
    for text in ["Olá", "Tem alguém?"] {
        let said = json!({"key": text, "id": text, "thread": "5001", "from": "5001", "text": text});
        scene.hook("message", said).await;
    }
    let kept = parked(&admin, &scene.channel).await;
    assert_eq!(kept.len(), 2);
    let id = kept[0]["id"].as_str().expect("an id");
    let path = format!("/channels/{}/parked/{id}/replay", scene.channel);
    let again = admin.post(&path, &json!({})).await;
    assert!(again.text.contains("understands nothing"), "{}", again.text);
    assert_eq!(again.problem(409), "state");
    assert_eq!(waiting(&admin).await, [Value::Null; 0]);

    std::fs::copy(fixture("talker"), &file).expect("copied");
    scene.server = scene.server.again().await;
    let admin = scene.server.admin().await;
    assert_eq!(parked(&admin, &scene.channel).await.len(), 2);
    enable(&admin, "talker").await;
    until_so("all is taken in", async || {
        parked(&admin, &scene.channel).await.is_empty()
    })
    .await;
    assert_eq!(waiting(&admin).await, ["Tem alguém?"]);
    scene.end().await;
}

async fn a_parked_webhook_is_taken_in_by_hand_once_its_provider_is_well(scene: Scene) {
    let admin = scene.server.admin().await;
    let answers = vec![Answer::status(400), Answer::json(&json!({}))];
    scene.provider.answers("/explain", answers);
    let said = json!({"key": "m", "id": "m", "thread": "5001", "from": "5001", "text": "Olá"});
    scene.hook("explained", said).await;
    let kept = parked(&admin, &scene.channel).await;
    assert_eq!(kept[0]["error"]["code"], "refused");
    assert_eq!(waiting(&admin).await, [Value::Null; 0]);
    let id = kept[0]["id"].as_str().expect("an id");
    let path = format!("/channels/{}/parked/{id}/replay", scene.channel);
    let taken = admin.post(&path, &json!({})).await;
    assert_eq!(taken.status, StatusCode::NO_CONTENT, "{}", taken.text);
    assert_eq!(waiting(&admin).await, ["Olá"]);
    assert_eq!(parked(&admin, &scene.channel).await, [Value::Null; 0]);
    assert_eq!(
        admin.post(&path, &json!({})).await.problem(404),
        "not_found"
    );
    scene.end().await;
}
