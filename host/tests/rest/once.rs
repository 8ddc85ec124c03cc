//! `Idempotency-Key`: done once, answered again.

use std::time::Duration;

use balcao::store::idempotency::RequestKey;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::common::{Client, PASSWORD, Reply, Server, desk::Desk, packages};

/// How many messages the conversation holds that people wrote.
async fn said(client: &Client, id: &str) -> usize {
    let path = format!("/conversations/{id}/timeline");
    let page = client.get(&path).await.expect(StatusCode::OK);
    let items = page["items"].as_array().unwrap();
    let out = |it: &&Value| it["type"] == "message" && it["direction"] != "in";
    items.iter().filter(out).count()
}

fn is_repetition(reply: &Reply) -> bool {
    reply.header("idempotency-replayed") == Some("true")
}

async fn a_message_sent_twice_with_one_key_is_sent_once(server: &Server) {
    let desk = Desk::set(server).await;
    let id = desk.hears("5511900000001", "Olá").await;
    let path = format!("/conversations/{id}/messages");
    let ana = desk.ana.with("idempotency-key", "first answer");
    let first = ana.post(&path, &json!({"text": "Bom dia"})).await;
    let again = ana.post(&path, &json!({"text": "Bom dia"})).await;
    assert_eq!(
        (is_repetition(&first), is_repetition(&again)),
        (false, true)
    );
    assert_eq!(first.text, again.text);
    let (first, again) = (
        first.expect(StatusCode::CREATED),
        again.expect(StatusCode::CREATED),
    );
    assert_eq!(first, again);
    assert_eq!(said(&desk.ana, &id).await, 1);

    // Another body under it is refused, another key or person or address is another request.
    let other = ana.post(&path, &json!({"text": "Boa tarde"})).await;
    assert_eq!(other.problem(422), "invalid");
    let sue = desk.sue.with("idempotency-key", "first answer");
    let reply = sue.post(&path, &json!({"text": "Bom dia"})).await;
    assert!(!is_repetition(&reply));
    let ask = json!({"text": "Bom dia"});
    let other_key = desk.ana.with("idempotency-key", "second");
    assert!(!is_repetition(&other_key.post(&path, &ask).await));
    let elsewhere = format!("/conversations/{id}/read");
    assert!(!is_repetition(&ana.post(&elsewhere, &ask).await));
    assert_eq!(said(&desk.ana, &id).await, 3);
}

#[tokio::test]
async fn a_message_is_sent_once_by_its_key_on_sqlite() {
    let server = Server::start().await;
    a_message_sent_twice_with_one_key_is_sent_once(&server).await;
    server.end().await;
}

#[tokio::test]
async fn a_message_is_sent_once_by_its_key_on_postgres() {
    if let Some(server) = Server::start_on_postgres("a_message_is_sent_once_by_its_key").await {
        a_message_sent_twice_with_one_key_is_sent_once(&server).await;
        twenty_at_once_make_one(&server).await;
        server.end().await;
    }
}

async fn twenty_at_once_make_one(server: &Server) {
    let admin = server.admin().await.with("idempotency-key", "one team");
    let asks = (0..20).map(|_| {
        let admin = admin.clone();
        tokio::spawn(async move { admin.post("/teams", &json!({"name": "Suporte"})).await })
    });
    let mut answers = Vec::new();
    for ask in asks.collect::<Vec<_>>() {
        answers.push(ask.await.unwrap().expect(StatusCode::CREATED));
    }
    assert!(answers.iter().all(|it| *it == answers[0]), "{answers:?}");
    let teams = admin.get("/teams").await.expect(StatusCode::OK);
    let made = teams["items"].as_array().unwrap();
    let made = made.iter().filter(|it| it["name"] == "Suporte").count();
    assert_eq!(made, 1);
}

#[tokio::test]
async fn of_many_that_come_at_once_one_is_done_and_all_are_answered() {
    let server = Server::start().await;
    twenty_at_once_make_one(&server).await;
    server.end().await;
}

#[tokio::test]
async fn the_answer_is_there_after_the_server_came_back() {
    let server = Server::start().await;
    let desk = Desk::set(&server).await;
    let id = desk.hears("5511900000001", "Olá").await;
    let (path, ask) = (
        format!("/conversations/{id}/messages"),
        json!({"text": "Já volto"}),
    );
    let ana = desk.ana.with("idempotency-key", "k");
    let first = ana.post(&path, &ask).await.expect(StatusCode::CREATED);
    drop(desk);
    let server = server.again().await;
    let ana = server.signed_in("ana@padaria.test", PASSWORD).await;
    let again = ana
        .with("idempotency-key", "k")
        .post(&path, &ask)
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(again["id"], first["id"]);
    assert_eq!(said(&ana, &id).await, 1);
    server.end().await;
}

#[tokio::test]
async fn people_teams_and_what_is_done_with_conversations_are_done_once() {
    let server = Server::start().await;
    let desk = Desk::set(&server).await;
    let id = desk.hears("5511900000001", "Olá").await;
    let admin = desk.admin.with("idempotency-key", "k");
    let person = json!({"name": "Caio", "email": "caio@padaria.test", "role": "agent", "password": PASSWORD});
    let conversation = |verb: &str| format!("/conversations/{id}/{verb}");
    let transfer = json!({"team_id": desk.team});
    for (client, path, body) in [
        (&admin, "/users".to_owned(), person),
        (&admin, conversation("start"), json!({})),
        (&admin, conversation("transfer"), transfer),
        (
            &admin,
            conversation("conclude"),
            json!({"summary": "Feito"}),
        ),
        (&admin, conversation("reopen"), json!({})),
    ] {
        let first = client.post(&path, &body).await;
        assert!(first.status.is_success(), "{path}: {}", first.text);
        // Without its key each would be a conflict now.
        let again = client.post(&path, &body).await;
        assert!(is_repetition(&again), "{path}: {}", again.text);
        assert_eq!((again.status, again.text), (first.status, first.text));
    }
    server.end().await;
}

#[tokio::test]
async fn what_is_refused_is_not_kept_and_an_odd_key_is_said_so() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let keyed = admin.with("idempotency-key", "k");
    assert_eq!(
        keyed
            .post("/teams", &json!({"name": ""}))
            .await
            .problem(422),
        "invalid"
    );
    keyed
        .post("/teams", &json!({"name": "Vendas"}))
        .await
        .expect(StatusCode::CREATED);
    let long = admin.with("idempotency-key", &"k".repeat(256));
    let reply = long.post("/teams", &json!({"name": "Outra"})).await;
    assert_eq!(reply.problem(422), "invalid");
    server.end().await;
}

#[tokio::test]
async fn what_is_more_than_a_transaction_is_begun_once() {
    let server = packages::server_with(packages::connector()).await;
    let admin = server.admin().await;
    let settings = json!({"app_secret": "shh-shh", "verify_token": "v", "access_token": "t-t-t-t"});
    let channel = packages::connect(&admin, "whatsapp", settings.clone()).await;
    let keyed = admin.with("idempotency-key", "k");
    let ask =
        json!({"plugin_id": "whatsapp", "name": "Outra", "team_id": null, "settings": settings});
    let first = keyed.post("/channels", &ask).await;
    let again = keyed.post("/channels", &ask).await;
    assert!(is_repetition(&again));
    assert_eq!(first.text, again.text);
    assert!(first.expect(StatusCode::CREATED)["capabilities"].is_object());

    // One that was cut off before its answer: nobody knows what became of it, and it is not done again.
    let me = admin.get("/session").await.expect(StatusCode::OK);
    let path = format!("/channels/{channel}/test");
    let key = RequestKey {
        workspace: me["workspace"]["id"].as_str().unwrap().parse().unwrap(),
        user: me["user"]["id"].as_str().unwrap().parse().unwrap(),
        route: format!("POST {path}"),
        key: "cut off".into(),
        hash: Sha256::digest(b"{}").into(),
    };
    let long_ago = server.app.clock.now() - 600_000_000;
    let mut tx = server.app.store.begin().await.unwrap();
    assert!(tx.take_key(&key, long_ago).await.unwrap());
    tx.commit().await.unwrap();
    let cut = admin.with("idempotency-key", "cut off");
    let unsure = cut.post(&path, &json!({})).await;
    let unsure = unsure.expect(StatusCode::CONFLICT);
    assert_eq!(
        (&unsure["code"], &unsure["reason"]),
        (&json!("conflict"), &json!("request_cut_off"))
    );

    // Two at once: the second waits for the first's answer.
    let slow = admin.with("idempotency-key", "slow");
    let ask = json!({});
    let (one, two) = tokio::join!(slow.post(&path, &ask), slow.post(&path, &ask));
    assert_eq!(one.text, two.text);
    assert!(is_repetition(&one) != is_repetition(&two));
    server.end().await;
}

#[tokio::test]
async fn keys_are_forgotten_after_a_day() {
    let server = Server::start().await;
    let mut tx = server.app.store.begin().await.unwrap();
    let key = RequestKey {
        workspace: server.app.ids.mint(),
        user: server.app.ids.mint(),
        route: "POST /teams".into(),
        key: "k".into(),
        hash: [0; 32],
    };
    let now = server.app.clock.now();
    let day = i64::try_from(Duration::from_secs(24 * 3600).as_micros()).unwrap();
    tx.keep_answer(&key, (201, "{}"), now).await.unwrap();
    assert!(!tx.take_key(&key, now + day - 1).await.unwrap());
    assert!(tx.kept_answer(&key, now + day - 1).await.unwrap().is_some());
    assert_eq!(tx.kept_answer(&key, now + day).await.unwrap(), None);
    assert_eq!(tx.purge_answers(now + day - 1).await.unwrap(), 0);
    assert_eq!(tx.purge_answers(now + day).await.unwrap(), 1);
    tx.rollback().await.unwrap();
    server.end().await;
}

#[tokio::test]
async fn the_document_tells_of_the_key_at_every_post_that_makes_or_sends() {
    let document: Value = serde_json::from_str(&balcao::api::openapi_json()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let mut without = Vec::new();
    for (path, item) in paths {
        let Some(post) = item.get("post") else {
            continue;
        };
        let told = post["parameters"]
            .as_array()
            .is_some_and(|all| all.iter().any(|it| it["name"] == "Idempotency-Key"));
        if !told {
            without.push(path.strip_prefix("/api/v1").unwrap());
        }
    }
    // Signing in makes no thing, forms, views and what hours would mean change nothing, and an upload's bytes differ each time.
    assert_eq!(
        without,
        [
            "/actions/{plugin}/{action}/form",
            "/files",
            "/hours/preview",
            "/session",
            "/views/{plugin}/{view}"
        ]
    );
}

#[tokio::test]
async fn a_keyed_request_is_bounded_like_any_other() {
    let server = Server::start_with(|config| config.limits.json_body = 2048).await;
    let admin = server.admin().await;
    let body = json!({"name": "x".repeat(4096)}).to_string().into_bytes();
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", "k"),
    ];
    let reply = admin.raw(Method::POST, "/api/v1/teams", &headers, body);
    assert_eq!(reply.await.problem(413), "too_large");
    server.end().await;
}
