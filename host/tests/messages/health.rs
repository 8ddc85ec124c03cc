//! What the channel's page says of its app and its provider, and what waits there.

use crate::common::{
    Client, packages::edited, packages::enable, packages::fixture, provider::Answer, until_so,
};
use crate::{NOON, SECOND, Scene};
use balcao::clock::Instant;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

on_both_scenes! {
    a_request_that_the_app_does_not_take_says_nothing_of_the_connection,
    what_keeps_messages_from_going_out_is_what_the_channels_page_says,
    what_a_faulty_version_parked_is_taken_in_by_the_repaired_one,
    a_parked_webhook_is_taken_in_by_hand_once_its_provider_is_well,
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
