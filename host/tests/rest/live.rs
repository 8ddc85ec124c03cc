//! The realtime connection: slow screens, screens that come back, contacts who type.

use axum::extract::ws::Utf8Bytes;
use balcao::{
    jobs::{purge, search},
    realtime::bus::{Audience, Line},
    store::Tx,
};
use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{net::TcpSocket, time::Instant};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

use crate::common::{
    Server,
    desk::Desk,
    packages,
    screen::{NOT_MUCH, heard, screen, until},
};

#[tokio::test]
async fn a_screen_that_does_not_read_is_dropped_and_the_others_hear_everything() {
    let server = Server::start_with(|config| {
        config.limits.slow_screen_seconds = 1.try_into().unwrap();
    })
    .await;
    let desk = Desk::set(&server).await;
    let mut request = format!("ws://{}/api/v1/realtime", server.address)
        .into_client_request()
        .unwrap();
    let cookie = desk.bia.headers["cookie"].parse().unwrap();
    request.headers_mut().insert("cookie", cookie);
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(server.address).await.unwrap();
    let (mut slow, _) = tokio_tungstenite::client_async(request, stream)
        .await
        .unwrap();
    let hello = json!({"type": "hello", "seq": null}).to_string();
    slow.send(Message::text(hello)).await.unwrap();
    assert_eq!(heard(&mut slow).await["type"], "ready");
    let mut quick = screen(&server, &desk.ana, None).await;
    assert_eq!(heard(&mut quick).await["type"], "ready");

    // One does not read. What the machine's buffers cannot hold for it is not waited for, and the other misses nothing.
    assert_eq!(server.app.bus.watchers(desk.workspace), 2);
    let padding = "x".repeat(64 << 10);
    let deadline = Instant::now() + NOT_MUCH;
    let mut told = 0;
    while server.app.bus.watchers(desk.workspace) == 2 {
        assert!(Instant::now() < deadline, "it was never dropped");
        let text = json!({"type": "event", "n": told, "padding": padding}).to_string();
        let line = Line {
            seq: None,
            audience: Audience::Everyone,
            text: Utf8Bytes::from(text),
        };
        server.app.bus.tell(desk.workspace, line);
        assert_eq!(heard(&mut quick).await["n"], told);
        told += 1;
    }
    let mut lines = 0;
    while let Some(Ok(message)) = slow.next().await {
        lines += usize::from(message.is_text());
    }
    assert!(lines < told, "{lines} of {told}");
    let id = desk.hears("5511900000001", "Olá").await;
    until(&mut quick, "message.created", Some(&id)).await;
    server.end().await;
}

async fn who_was_away_too_long_starts_over(server: &Server) {
    let desk = Desk::set(server).await;
    let id = desk.hears("5511900000001", "Olá").await;
    let mut ana = screen(server, &desk.ana, None).await;
    let seen = heard(&mut ana).await["seq"].as_i64().unwrap();
    drop(ana);
    desk.hears("5511900000001", "Ainda aí?").await;
    let mut again = screen(server, &desk.ana, Some(seen)).await;
    until(&mut again, "message.created", Some(&id)).await;

    // A month later, when all of it is in the search index.
    let waiting = async || {
        let mut tx = server.app.store.read().await.unwrap();
        tx.workspaces_to_index().await.unwrap()
    };
    while !waiting().await.is_empty() {
        search::look(&server.app.store).await.unwrap();
    }
    let day = 24 * 3600 * 1_000_000;
    let before = server.app.clock.now() + day;
    let mut tx = server.app.store.write(desk.workspace).await.unwrap();
    let old = async |tx: &mut Tx| tx.workspaces_with_old_events(before).await.unwrap();
    assert_eq!(old(&mut tx).await, [desk.workspace]);
    assert!(!tx.purge_events(desk.workspace, before, 1000).await.unwrap());
    assert_eq!(old(&mut tx).await, []);
    tx.commit().await.unwrap();
    let mut late = screen(server, &desk.ana, Some(seen)).await;
    assert_eq!(heard(&mut late).await["type"], "resync");
    let ready = heard(&mut late).await;
    assert_eq!(ready["type"], "ready");
    // From there on nothing is missed, and the timeline is whole.
    desk.hears("5511900000001", "Alô?").await;
    let head = ready["seq"].as_i64();
    let mut back = screen(server, &desk.ana, head).await;
    until(&mut back, "message.created", Some(&id)).await;
    let path = format!("/conversations/{id}/timeline");
    let page = desk.ana.get(&path).await.expect(StatusCode::OK);
    let kinds: Vec<&Value> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["type"])
        .collect();
    assert_eq!(kinds, ["message", "event", "message", "message"]);
}

#[tokio::test]
async fn a_screen_past_the_retention_starts_over_on_sqlite() {
    let server = Server::start().await;
    who_was_away_too_long_starts_over(&server).await;
    purge::look(&server.app).await.unwrap();
    server.end().await;
}

#[tokio::test]
async fn a_screen_past_the_retention_starts_over_on_postgres() {
    if let Some(server) = Server::start_on_postgres("a_screen_past_the_retention").await {
        who_was_away_too_long_starts_over(&server).await;
        purge::look(&server.app).await.unwrap();
        server.end().await;
    }
}

#[tokio::test]
async fn a_contact_who_types_is_seen_and_an_agent_who_types_is_passed_on() {
    let server = packages::server_with(packages::unruly()).await;
    let desk = Desk::set(&server).await;
    let channel = packages::connect(&desk.admin, "unruly", json!({})).await;
    let hook = async |path: &str| {
        let path = format!("/hooks/{channel}/{path}");
        let client = server.client();
        let reply = client.raw(Method::POST, &path, &[], b"{}".to_vec()).await;
        assert_eq!(reply.status, StatusCode::OK);
    };
    hook("message").await;
    let found = desk
        .admin
        .get("/conversations?folder=queued")
        .await
        .expect(StatusCode::OK);
    let id = found["items"][0]["id"].as_str().unwrap().to_owned();
    let mut admin = screen(&server, &desk.admin, None).await;
    assert_eq!(heard(&mut admin).await["type"], "ready");
    hook("typing").await;
    let line = until(&mut admin, "typing", Some(&id)).await;
    assert_eq!(
        line["data"]["contact"]["id"],
        found["items"][0]["contact"]["id"]
    );
    assert_eq!(line["seq"], Value::Null);

    desk.admin
        .post(&format!("/conversations/{id}/start"), &json!({}))
        .await
        .expect(StatusCode::OK);
    let typing = json!({"type": "typing", "conversation_id": id}).to_string();
    for _ in 0..3 {
        admin.send(Message::text(typing.clone())).await.unwrap();
    }
    let deadline = Instant::now() + NOT_MUCH;
    loop {
        let logs = desk.admin.get("/plugins/unruly/logs").await;
        let told = logs.text.matches("typing for somebody").count();
        if told > 0 {
            // Not with every key.
            assert_eq!(told, 1);
            break;
        }
        assert!(Instant::now() < deadline, "{}", logs.text);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    server.end().await;
}
