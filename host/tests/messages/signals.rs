//! What a channel is told beside messages, and until when it takes them freely.

use crate::common::until_so;
use crate::{SECOND, Scene};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;

on_both_scenes! {
    a_contact_sees_that_whoever_serves_them_has_read_and_not_that_others_look,
    the_channel_is_told_who_wrote,
    the_time_for_free_answers_is_the_contacts_and_no_conversations,
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
