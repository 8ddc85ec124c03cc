//! The desk over real HTTP: a contact writes, agents see, answer, conclude; screens hear of it as it happens.

mod common;

use common::{
    Server,
    desk::Desk,
    screen::{NOT_MUCH, heard, screen, until},
};
use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

async fn a_conversation_is_seen_started_answered_concluded_and_brought_back(server: &Server) {
    let desk = Desk::set(server).await;
    let id = desk.hears("5511900000001", "Olá").await;
    let path = format!("/conversations/{id}");
    let none: Vec<String> = Vec::new();
    for client in [&desk.ana, &desk.bia, &desk.sue, &desk.admin] {
        assert_eq!(desk.folder(client, "queued").await, [id.as_str()]);
    }
    let new = desk.ana.get(&path).await.expect(StatusCode::OK);
    assert_eq!(new["status"], "queued");
    assert_eq!(new["contact"]["name"], "Cliente 5511900000001");
    assert_eq!(new["contact"]["address"], "+5511900000001");
    assert_eq!(new["channel"]["name"], "Loja");
    assert_eq!(new["team"]["name"], "Vendas");
    assert_eq!(
        new["preview"],
        json!({"text": "Olá", "kind": "text", "direction": "in"})
    );
    assert_eq!(new["unread"], 1);
    assert_eq!(
        new["can"],
        json!({"start": true, "reply": true, "conclude": true, "transfer": true, "reopen": false})
    );

    let started = desk
        .ana
        .post(&format!("{path}/start"), &json!({}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(started["agent"]["id"], desk.ana_id.as_str());
    assert_eq!(started["status"], "in_progress");
    assert_eq!(desk.bia.get(&path).await.problem(404), "not_found");
    assert_eq!(
        desk.bia
            .post(&format!("{path}/start"), &json!({}))
            .await
            .problem(404),
        "not_found"
    );
    assert_eq!(
        desk.ana
            .post(&format!("{path}/start"), &json!({}))
            .await
            .problem(409),
        "state"
    );
    assert_eq!(desk.folder(&desk.ana, "mine").await, [id.as_str()]);
    assert_eq!(desk.folder(&desk.bia, "queued").await, none);
    assert_eq!(desk.folder(&desk.sue, "others").await, [id.as_str()]);
    assert_eq!(desk.folder(&desk.bia, "others").await, none);
    let counters = desk
        .sue
        .get("/conversations/counters")
        .await
        .expect(StatusCode::OK);
    assert_eq!(
        counters,
        json!({"queued": 0, "mine": 0, "others": 1, "concluded": 0})
    );
    let counters = desk
        .ana
        .get("/conversations/counters")
        .await
        .expect(StatusCode::OK);
    assert_eq!(
        counters,
        json!({"queued": 0, "mine": 1, "others": null, "concluded": 0})
    );

    let said = desk
        .ana
        .post(&format!("{path}/messages"), &json!({"text": "Bom dia!"}))
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(
        (&said["state"], &said["direction"]),
        (&json!("queued"), &json!("out"))
    );
    assert_eq!(
        said["author"],
        json!({"kind": "user", "id": desk.ana_id, "name": "Ana"})
    );
    let note = json!({"text": "cliente antigo", "private": true});
    let note = desk
        .ana
        .post(&format!("{path}/messages"), &note)
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(note["direction"], "note");
    assert_eq!(
        desk.ana
            .post(&format!("{path}/messages"), &json!({"text": " "}))
            .await
            .problem(422),
        "invalid"
    );
    let quiet = desk
        .ana
        .post(&format!("{path}/read"), &json!({}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(quiet["unread"], 0);

    let done = desk
        .ana
        .post(&format!("{path}/conclude"), &json!({"summary": "Vendido"}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(done["conclusion"]["by"]["name"], "Ana");
    assert_eq!(done["conclusion"]["summary"], "Vendido");
    assert_eq!(desk.folder(&desk.bia, "concluded").await, [id.as_str()]);
    let refused = desk.ana.post(&format!("{path}/conclude"), &json!({})).await;
    assert!(
        refused.text.contains("já foi concluída"),
        "{}",
        refused.text
    );
    assert_eq!(refused.problem(409), "state");
    let late = desk
        .ana
        .post(&format!("{path}/messages"), &json!({"text": "Ainda aí?"}))
        .await
        .expect(StatusCode::CONFLICT);
    assert_eq!(
        (&late["code"], &late["reason"]),
        (&json!("state"), &json!("conversation_concluded"))
    );
    assert_eq!(
        desk.bia
            .post(&format!("{path}/reopen"), &json!({}))
            .await
            .problem(403),
        "denied"
    );
    let again = desk
        .ana
        .post(&format!("{path}/reopen"), &json!({}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(again["agent"]["id"], desk.ana_id.as_str());

    let timeline = desk
        .ana
        .get(&format!("{path}/timeline"))
        .await
        .expect(StatusCode::OK);
    let seen: Vec<String> = timeline["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| match it["type"].as_str().unwrap() {
            "message" => format!(
                "{}: {}",
                it["author"]["name"].as_str().unwrap(),
                it["text"].as_str().unwrap()
            ),
            _ => it["kind"].as_str().unwrap().to_owned(),
        })
        .collect();
    let contact = "Cliente 5511900000001: Olá";
    let mut sorted = seen.clone();
    sorted.sort();
    let mut wanted = [
        contact,
        "queued",
        "started",
        "Ana: Bom dia!",
        "Ana: cliente antigo",
        "concluded",
        "reopened",
    ];
    wanted.sort_unstable();
    assert_eq!(sorted, wanted);
    assert_eq!(seen.last().unwrap(), "reopened");

    let short = desk
        .ana
        .get(&format!("{path}/timeline?limit=3"))
        .await
        .expect(StatusCode::OK);
    assert_eq!(short["items"].as_array().unwrap().len(), 3);
    let next = short["next"].as_str().unwrap();
    let older = desk
        .ana
        .get(&format!("{path}/timeline?limit=100&after={next}"))
        .await
        .expect(StatusCode::OK);
    assert_eq!(older["items"].as_array().unwrap().len(), 4);
    assert_eq!(older["next"], Value::Null);
}

#[tokio::test]
async fn the_desk_on_sqlite() {
    let server = Server::start().await;
    a_conversation_is_seen_started_answered_concluded_and_brought_back(&server).await;
    server.end().await;
}

#[tokio::test]
async fn the_desk_on_postgres() {
    if let Some(server) = Server::start_on_postgres("the_desk_on_postgres").await {
        a_conversation_is_seen_started_answered_concluded_and_brought_back(&server).await;
        server.end().await;
    }
}

#[tokio::test]
async fn a_transfer_hands_the_conversation_to_another_team_with_a_note() {
    let server = Server::start().await;
    let desk = Desk::set(&server).await;
    let id = desk.hears("5511900000001", "Olá").await;
    let other = desk
        .admin
        .post("/teams", &json!({"name": "Suporte"}))
        .await
        .expect(StatusCode::CREATED);
    let other = other["id"].as_str().unwrap();
    let path = format!("/conversations/{id}/transfer");
    let ask = json!({"team_id": other, "note": "é com vocês"});
    let moved = desk.ana.post(&path, &ask).await.expect(StatusCode::OK);
    assert_eq!(
        (&moved["status"], &moved["team"]["name"]),
        (&json!("queued"), &json!("Suporte"))
    );
    assert_eq!(
        desk.ana
            .get(&format!("/conversations/{id}"))
            .await
            .problem(404),
        "not_found"
    );
    let timeline = desk
        .admin
        .get(&format!("/conversations/{id}/timeline"))
        .await
        .expect(StatusCode::OK);
    let items = timeline["items"].as_array().unwrap();
    assert!(
        items
            .iter()
            .any(|it| it["direction"] == "note" && it["text"] == "é com vocês")
    );
    let moved = items.iter().find(|it| it["kind"] == "transferred").unwrap();
    assert_eq!(moved["data"]["team_name"], "Suporte");
    assert_eq!(moved["data"]["from_team_name"], "Vendas");
    let nowhere = json!({"team_id": "tem_01h00000000000000000000000"});
    assert_eq!(
        desk.admin.post(&path, &nowhere).await.problem(422),
        "invalid"
    );
    assert_eq!(
        desk.admin
            .post(&path, &json!({"team_id": desk.team}))
            .await
            .status,
        StatusCode::OK
    );
    server.end().await;
}

#[tokio::test]
async fn a_file_is_uploaded_sent_and_read_back_by_what_its_bytes_say() {
    let server = Server::start().await;
    let desk = Desk::set(&server).await;
    let id = desk.hears("5511900000001", "Olá").await;
    let bytes = b"\x89PNG\r\n\x1a\n0123456789";
    let stored = desk.ana.upload("", "foto.exe", bytes).await;
    let stored = stored.expect(StatusCode::CREATED);
    assert_eq!(
        (&stored["mime"], &stored["size"]),
        (&json!("image/png"), &json!(18))
    );
    let ask = json!({"text": "veja", "attachments": [stored["id"]]});
    let said = desk
        .ana
        .post(&format!("/conversations/{id}/messages"), &ask)
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(
        (&said["kind"], &said["text"]),
        (&json!("image"), &json!("veja"))
    );
    assert_eq!(said["attachments"][0]["state"], "ready");
    let url = said["attachments"][0]["url"].as_str().unwrap();
    let part = desk
        .bia
        .raw(Method::GET, url, &[("range", "bytes=8-9")], Vec::new())
        .await;
    assert_eq!(
        (part.status, part.text.as_str()),
        (StatusCode::PARTIAL_CONTENT, "01")
    );
    assert_eq!(part.headers["content-range"], "bytes 8-9/18");
    assert!(
        part.headers["content-security-policy"]
            .to_str()
            .unwrap()
            .starts_with("sandbox")
    );
    assert_eq!(part.headers["x-content-type-options"], "nosniff");
    assert_eq!(
        server
            .client()
            .raw(Method::GET, url, &[], Vec::new())
            .await
            .problem(401),
        "unauthenticated"
    );
    server.end().await;
}

#[tokio::test]
async fn screens_hear_what_their_viewer_may_see_and_catch_up_after_a_break() {
    let server = Server::start().await;
    let desk = Desk::set(&server).await;
    let mut ana = screen(&server, &desk.ana, None).await;
    let ready = heard(&mut ana).await;
    assert_eq!(ready["type"], "ready");
    let mut bia = screen(&server, &desk.bia, None).await;
    assert_eq!(heard(&mut bia).await["type"], "ready");

    let id = desk.hears("5511900000001", "Olá").await;
    until(&mut ana, "message.created", Some(&id)).await;
    until(&mut bia, "message.created", Some(&id)).await;

    desk.ana
        .post(&format!("/conversations/{id}/start"), &json!({}))
        .await
        .expect(StatusCode::OK);
    until(&mut ana, "conversation.changed", Some(&id)).await;
    // To her it has disappeared: she hears that something changed, not what.
    let line = until(&mut bia, "conversation.changed", None).await;
    assert_eq!(line.get("conversation_id"), None);
    drop(ana);
    desk.hears("5511900000001", "Ainda aí?").await;
    let mut again = screen(&server, &desk.ana, line["seq"].as_i64()).await;
    let missed = until(&mut again, "message.created", Some(&id)).await;
    assert!(missed["seq"].as_i64() > line["seq"].as_i64());
    // What she may not see is not repeated to her either.
    let mut bia = screen(&server, &desk.bia, ready["seq"].as_i64()).await;
    loop {
        let line = heard(&mut bia).await;
        assert_eq!(line.get("conversation_id"), None, "{line}");
        if line["type"] == "ready" {
            break;
        }
    }
    // A number below the head that is in no log: a power failure took back what had it.
    let mut tx = server.app.store.read().await.unwrap();
    let workspace = desk.workspace;
    let log = tx.events_after(workspace, 0, 1_000).await.unwrap();
    drop(tx);
    let lost = log.windows(2).find(|two| two[0].seq + 1 < two[1].seq);
    let lost = lost.map(|two| two[0].seq + 1);
    assert!(lost.is_some(), "there are numbers between two events");
    let mut lost = screen(&server, &desk.ana, lost).await;
    assert_eq!(heard(&mut lost).await["type"], "resync");
    let future = ready["seq"].as_i64().map(|seq| seq + 1_000_000_000_000);
    let mut future = screen(&server, &desk.ana, future).await;
    assert_eq!(heard(&mut future).await["type"], "resync");
    server.end().await;
}

#[tokio::test]
async fn typing_is_told_to_the_others_who_see_the_conversation() {
    let server = Server::start().await;
    let desk = Desk::set(&server).await;
    let id = desk.hears("5511900000001", "Olá").await;
    let mut ana = screen(&server, &desk.ana, None).await;
    let mut sue = screen(&server, &desk.sue, None).await;
    for socket in [&mut ana, &mut sue] {
        assert_eq!(heard(socket).await["type"], "ready");
    }
    let typing = json!({"type": "typing", "conversation_id": id}).to_string();
    ana.send(Message::text(typing)).await.unwrap();
    let line = until(&mut sue, "typing", Some(&id)).await;
    assert_eq!(line["data"]["user"]["name"], "Ana");
    server.end().await;
}

#[tokio::test]
async fn a_connection_from_a_foreign_page_or_without_a_session_is_refused() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let foreign = admin
        .raw(
            Method::GET,
            "/api/v1/realtime",
            &[("origin", "https://evil.test")],
            Vec::new(),
        )
        .await;
    assert_eq!(foreign.problem(403), "denied");
    assert_eq!(
        server.client().get("/realtime").await.problem(401),
        "unauthenticated"
    );
    server.end().await;
}

#[tokio::test]
async fn a_screen_is_closed_when_its_user_is_deactivated() {
    let server = Server::start().await;
    let desk = Desk::set(&server).await;
    let mut ana = screen(&server, &desk.ana, None).await;
    assert_eq!(heard(&mut ana).await["type"], "ready");
    let path = format!("/users/{}", desk.ana_id);
    desk.admin
        .patch(&path, &json!({"active": false}))
        .await
        .expect(StatusCode::OK);
    let closed = loop {
        match tokio::time::timeout(NOT_MUCH, ana.next())
            .await
            .expect("an end")
        {
            Some(Ok(Message::Close(frame))) => break frame.unwrap().reason.to_string(),
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(closed, "signed out");
    server.end().await;
}

#[tokio::test]
async fn a_webhook_of_no_channel_is_not_found_and_a_contact_is_corrected() {
    let server = Server::start().await;
    let desk = Desk::set(&server).await;
    for path in [
        "/hooks/nothing",
        "/hooks/chn_01h00000000000000000000000/x",
        "/hooks/chn_01h00000000000000000000000/",
    ] {
        let reply = server
            .client()
            .raw(Method::POST, path, &[], b"{}".to_vec())
            .await;
        assert_eq!(reply.problem(404), "not_found", "{path}");
    }
    let id = desk.hears("5511900000001", "Olá").await;
    let contact = desk
        .ana
        .get(&format!("/conversations/{id}"))
        .await
        .expect(StatusCode::OK)["contact"]["id"]
        .clone();
    let path = format!("/contacts/{}", contact.as_str().unwrap());
    let ask = json!({"name": "Maria", "labels": ["vip"], "fields": {"cidade": "Recife"}});
    let changed = desk.ana.patch(&path, &ask).await.expect(StatusCode::OK);
    assert_eq!(changed, desk.bia.get(&path).await.expect(StatusCode::OK));
    assert_eq!(
        changed["addresses"],
        json!([{"kind": "phone", "value": "+5511900000001"}])
    );
    let found = desk
        .ana
        .get("/contacts?q=mari")
        .await
        .expect(StatusCode::OK);
    assert_eq!(found["items"][0]["fields"]["cidade"], "Recife");
    assert_eq!(
        desk.ana
            .patch(&path, &json!({"name": ""}))
            .await
            .problem(422),
        "invalid"
    );
    server.end().await;
}
