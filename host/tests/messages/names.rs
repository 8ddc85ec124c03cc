//! A channel's names for messages and threads, in whatever order they come.

use crate::common::{provider::Answer, workspace_of};
use crate::{NOON, SECOND, Scene, of};
use balcao::store::storage::Owner;
use reqwest::StatusCode;
use serde_json::{Value, json};

on_both_scenes! {
    whatever_is_told_about_a_part_of_a_message_finds_the_message,
    a_name_that_cannot_be_kept_does_not_send_a_message_again,
    an_answer_shows_what_it_answers_though_that_came_later,
    the_thread_of_a_group_that_moved_goes_on,
    what_a_connector_keeps_while_it_sends_is_kept,
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
