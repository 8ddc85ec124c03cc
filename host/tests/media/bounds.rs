//! What is too large: for the server, the workspace or the channel, on the way in and out.

use crate::common::{Reply, provider::Answer, until_so, workspace_of};
use crate::{BOT, MOST, PICTURE, Scene, bot, writes};
use reqwest::StatusCode;
use serde_json::{Value, json};

on_both_scenes! {
    what_is_too_large_fails_whether_or_not_that_was_said_before,
    a_workspace_that_is_to_keep_less_is_brought_less,
    a_channel_takes_and_sends_files_up_to_its_own_bound,
    a_file_that_is_announced_as_too_large_is_not_asked_for,
}

async fn what_is_too_large_fails_whether_or_not_that_was_said_before(scene: Scene) {
    let bytes = |size: usize| [PICTURE, &vec![b'x'; size - PICTURE.len()]].concat();
    scene.gives("7", vec![Answer::bytes(&bytes(MOST + 1))]);
    let conversation = scene.sent("image", "7").await;
    scene
        .becomes(&conversation, "failed", Some("too_large"))
        .await;
    scene.gives("8", vec![Answer::bytes(&bytes(MOST + 1)).unannounced()]);
    scene.gives("9", vec![Answer::bytes(&bytes(MOST)).unannounced()]);
    for id in ["8", "9"] {
        scene.sent("image", id).await;
    }
    let states = async || {
        let messages = scene.messages(&conversation).await;
        let first = messages.iter().map(|it| &it["attachments"][0]);
        first
            .map(|it| (it["state"].clone(), it["error"].clone()))
            .collect::<Vec<_>>()
    };
    let failed = (json!("failed"), json!("too_large"));
    let expected = [failed.clone(), failed, (json!("ready"), Value::Null)];
    until_so("all are settled", async || states().await == expected).await;
    assert_eq!(scene.kept().len(), 1);
    scene.end().await;
}

/// What `balcao admin limits` sets.
async fn a_workspace_that_is_to_keep_less_is_brought_less(scene: Scene) {
    let workspace = workspace_of(&scene.admin).await;
    let mut tx = scene.server.app.store.begin().await.expect("begins");
    tx.set_plugin_limit(workspace, "whatsapp", "media_bytes", Some(1000))
        .await
        .expect("set");
    tx.commit().await.expect("commits");
    scene.server.app.apps.keep_books().await.expect("kept");
    scene.gives("7", vec![Answer::bytes(&[PICTURE, &[b'x'; 1000]].concat())]);
    let conversation = scene.sent("image", "7").await;
    scene
        .becomes(&conversation, "failed", Some("too_large"))
        .await;
    assert_eq!(scene.kept().len(), 0);
    scene.end().await;
}

/// Bytes of the largest file of a test's channel.
const BOUND: usize = 100_000;

/// Sets the channel's own bound.
async fn bound(scene: &Scene, channel: &str, bytes: Value) -> Reply {
    let path = format!("/channels/{channel}");
    let change = json!({"max_file_bytes": bytes});
    scene.admin.patch(&path, &change).await
}

async fn a_channel_takes_and_sends_files_up_to_its_own_bound(scene: Scene) {
    let bytes = |size: usize| [PICTURE, &vec![b'x'; size - PICTURE.len()]].concat();
    let channel = scene.channel.clone();
    for nonsense in [json!(0), json!(-1), json!(99_999), json!((1_i64 << 30) + 1)] {
        let refused = bound(&scene, &channel, nonsense).await;
        assert_eq!(refused.problem(422), "invalid");
    }
    let set = bound(&scene, &channel, json!(BOUND)).await;
    assert_eq!(set.expect(StatusCode::OK)["max_file_bytes"], json!(BOUND));
    scene.gives("7", vec![Answer::bytes(&bytes(BOUND + 1)).unannounced()]);
    let conversation = scene.sent("image", "7").await;
    let failed = scene.becomes(&conversation, "failed", Some("too_large"));
    assert_eq!(failed.await["limit"], json!(BOUND));

    let path = format!("/conversations/{conversation}/messages");
    let send = async |size: usize| {
        let stored = scene.admin.upload("", "foto.gif", &bytes(size)).await;
        let stored = stored.expect(StatusCode::CREATED);
        let ask = json!({"attachments": [stored["id"]], "kind": "document"});
        scene.admin.post(&path, &ask).await
    };
    let refused = send(BOUND + 1).await;
    assert!(
        refused
            .text
            .contains("grande demais para este canal: até 100 KB"),
        "{}",
        refused.text
    );
    assert_eq!(refused.problem(422), "invalid");
    send(BOUND).await.expect(StatusCode::CREATED);

    // Without it, whoever asks once more gets it.
    let free = bound(&scene, &channel, Value::Null).await;
    assert_eq!(free.expect(StatusCode::OK)["max_file_bytes"], Value::Null);
    let first = scene.messages(&conversation).await[0]["id"].clone();
    let first = first.as_str().expect("an id");
    let retry = format!("/messages/{first}/attachments/0/retry");
    let asked = scene.admin.post(&retry, &json!({})).await;
    asked.expect(StatusCode::OK);
    until_so("it is here", async || {
        let shown = &scene.messages(&conversation).await[0]["attachments"][0];
        (&shown["state"], &shown["limit"]) == (&json!("ready"), &Value::Null)
    })
    .await;
    let (_, agent) = scene.server.user(&scene.admin, "Ana", "agent").await;
    let path = format!("/channels/{channel}");
    let theirs = agent.patch(&path, &json!({"max_file_bytes": BOUND})).await;
    assert_eq!(theirs.problem(403), "denied");
    scene.end().await;
}

async fn a_file_that_is_announced_as_too_large_is_not_asked_for(scene: Scene) {
    let channel = bot(&scene).await;
    let set = bound(&scene, &channel, json!(BOUND)).await;
    set.expect(StatusCode::OK);
    let file = json!({"file_id": "DOC", "file_unique_id": "u", "file_name": "plano.pdf", "file_size": BOUND + 1});
    let conversation = writes(&scene, &channel, 1, json!({"document": file})).await;
    let failed = scene.becomes(&conversation, "failed", Some("too_large"));
    assert_eq!(failed.await["limit"], json!(BOUND));
    assert_eq!(scene.provider.count(&format!("{BOT}/getFile")), 0);
    scene.end().await;
}
