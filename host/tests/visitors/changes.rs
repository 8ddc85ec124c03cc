//! Reactions, edits and deletions, by whoever makes them.

use crate::common::{Client, Server, packages::connect, until_so};
use crate::{Browser, NOON, SECOND, answers, served};
use reqwest::StatusCode;
use serde_json::{Value, json};

on_both! {
    what_an_agent_thinks_changes_and_takes_back_is_shown_live_and_in_the_history,
    what_a_visitor_thinks_changes_and_takes_back_is_seen_at_the_desk,
    what_is_told_of_messages_that_are_not_the_visitors_is_not_kept,
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
