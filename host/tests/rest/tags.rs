//! `ETag`, `If-None-Match`, `If-Match`.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::common::{Client, Server, desk::Desk, packages};

/// Reads with a tag, again with the tag (304), changes with the tag, and is refused with the old one (412). Gives the representation after the change.
async fn holds(client: &Client, path: &str, change: impl AsyncFn(&Client) -> Changed) -> Value {
    let first = client.get(path).await;
    assert_eq!(first.status, StatusCode::OK, "{path}: {}", first.text);
    let tag = first.header("etag").expect("a tag").to_owned();
    let unchanged = client.with("if-none-match", &tag).get(path).await;
    assert_eq!(
        (unchanged.status, unchanged.text.as_str()),
        (StatusCode::NOT_MODIFIED, ""),
        "{path}"
    );
    let with_tag = client.with("if-match", &tag);
    let changed = change(&with_tag).await;
    assert!(changed.status.is_success(), "{path}: {}", changed.text);
    let now = client.with("if-none-match", &tag).get(path).await;
    assert_eq!(now.status, StatusCode::OK, "{path} has changed");
    assert_eq!(now.header("etag"), changed.header("etag"), "{path}");
    let stale = change(&with_tag).await;
    assert_eq!(stale.problem(412), "precondition_failed", "{path}");
    let present = client.get(path).await;
    assert_eq!(present.text, now.text, "{path}: nothing happened");
    present.expect(StatusCode::OK)
}

type Changed = crate::common::Reply;

#[tokio::test]
async fn people_teams_contacts_and_conversations_have_tags_that_changes_can_be_based_on() {
    let server = Server::start().await;
    let desk = Desk::set(&server).await;
    let admin = &desk.admin;
    let path = format!("/users/{}", desk.ana_id);
    let user = holds(admin, &path, async |it: &Client| {
        it.patch(&path, &json!({"name": "Ana Maria"})).await
    });
    assert_eq!(user.await["name"], "Ana Maria");
    let path = format!("/teams/{}", desk.team);
    let team = holds(admin, &path, async |it: &Client| {
        it.patch(&path, &json!({"name": "Balcão"})).await
    });
    assert_eq!(team.await["name"], "Balcão");
    let id = desk.hears("5511900000001", "Olá").await;
    let path = format!("/conversations/{id}");
    let contact = admin.get(&path).await.expect(StatusCode::OK)["contact"]["id"].clone();
    let start = format!("{path}/start");
    let conversation = holds(admin, &path, async |it: &Client| {
        it.post(&start, &json!({})).await
    });
    assert_eq!(conversation.await["status"], "in_progress");
    let path = format!("/contacts/{}", contact.as_str().unwrap());
    let contact = holds(admin, &path, async |it: &Client| {
        it.patch(&path, &json!({"labels": ["vip"]})).await
    });
    assert_eq!(contact.await["labels"], json!(["vip"]));
    server.end().await;
}

#[tokio::test]
async fn settings_are_not_written_over_somebody_elses() {
    let server = packages::server_with(packages::connector()).await;
    let admin = server.admin().await;
    let settings = json!({"app_secret": "shh-shh", "verify_token": "v", "access_token": "t-t-t-t"});
    let channel = packages::connect(&admin, "whatsapp", settings).await;
    let path = format!("/channels/{channel}");
    let shown = holds(&admin, &path, async |it: &Client| {
        it.patch(&path, &json!({"name": "Matriz"})).await
    });
    assert_eq!(shown.await["name"], "Matriz");

    packages::enable(&admin, "classification").await;
    let path = "/plugins/classification/settings";
    let before = admin.get(path).await;
    let tag = before.header("etag").unwrap().to_owned();
    let unchanged = admin.with("if-none-match", &tag).get(path).await;
    assert_eq!(unchanged.status, StatusCode::NOT_MODIFIED);
    let before = before.expect(StatusCode::OK);
    let mine = json!({"settings": before["settings"]});
    let next = before["revision"].as_i64().map(|revision| revision + 1);
    let with_tag = admin.with("if-match", &tag);
    let written = with_tag.put(path, &mine).await;
    assert_eq!(written.header("etag"), admin.get(path).await.header("etag"));
    assert_eq!(written.expect(StatusCode::OK)["revision"].as_i64(), next);
    assert_eq!(
        with_tag.put(path, &mine).await.problem(412),
        "precondition_failed"
    );
    let shown = admin.get(path).await.expect(StatusCode::OK);
    assert_eq!(shown["revision"].as_i64(), next);
    admin.put(path, &mine).await.expect(StatusCode::OK);
    server.end().await;
}
