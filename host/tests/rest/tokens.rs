//! Scoped API tokens.

use balcao::store::tokens::ApiToken;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::common::{Client, Server};

/// Makes a token; gives its id and whoever shows it.
async fn token(server: &Server, maker: &Client, scopes: &[&str]) -> (String, Client) {
    let made = maker
        .post("/tokens", &json!({"name": "Robô", "scopes": scopes}))
        .await
        .expect(StatusCode::CREATED);
    let secret = made["token"].as_str().expect("shown once");
    assert!(secret.starts_with("blc_"));
    let id = made["id"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {secret}");
    (id, server.client().with("authorization", &bearer))
}

async fn a_token_is_made_used_seen_and_revoked(server: &Server) {
    let admin = server.admin().await;
    let (_, ana) = server.user(&admin, "Ana", "agent").await;
    let (id, robot) = token(server, &ana, &["contacts:read"]).await;
    let listed = ana.get("/tokens").await.expect(StatusCode::OK);
    assert_eq!(listed["items"][0]["last_used_at"], Value::Null);
    robot.get("/contacts").await.expect(StatusCode::OK);
    assert_eq!(robot.get("/teams").await.problem(403), "denied");
    let listed = ana.get("/tokens").await;
    assert!(!listed.text.contains("blc_"), "shown once");
    let listed = listed.expect(StatusCode::OK);
    assert!(listed["items"][0]["last_used_at"].is_string());
    assert_eq!(listed["items"][0]["token"], Value::Null);
    assert_eq!(listed["items"][0]["scopes"], json!(["contacts:read"]));

    // Others do not see it, the administrator does, and takes it away.
    let (_, bia) = server.user(&admin, "Bia", "agent").await;
    assert_eq!(
        bia.get("/tokens").await.expect(StatusCode::OK)["items"],
        json!([])
    );
    assert_eq!(bia.get("/tokens?all=true").await.problem(403), "denied");
    let path = format!("/tokens/{id}");
    assert_eq!(bia.delete(&path).await.problem(404), "not_found");
    let all = admin.get("/tokens?all=true").await.expect(StatusCode::OK);
    assert_eq!(all["items"][0]["user"]["name"], "Ana");
    assert_eq!(admin.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(robot.get("/contacts").await.problem(401), "unauthenticated");
    assert_eq!(
        ana.get("/tokens").await.expect(StatusCode::OK)["items"],
        json!([])
    );
    assert_eq!(admin.delete(&path).await.problem(404), "not_found");
}

#[tokio::test]
async fn tokens_on_sqlite() {
    let server = Server::start().await;
    a_token_is_made_used_seen_and_revoked(&server).await;
    server.end().await;
}

#[tokio::test]
async fn tokens_on_postgres() {
    if let Some(server) = Server::start_on_postgres("tokens_on_postgres").await {
        a_token_is_made_used_seen_and_revoked(&server).await;
        server.end().await;
    }
}

#[tokio::test]
async fn every_address_asks_a_token_for_its_scope() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let document: Value = serde_json::from_str(&balcao::api::openapi_json()).unwrap();
    let (_, account) = token(&server, &admin, &["account:read"]).await;
    let (_, others) = token(&server, &admin, &["contacts:read"]).await;
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "post", "put", "patch", "delete"] {
            if item.get(method).is_none() || (path == "/api/v1/session" && method != "get") {
                continue;
            }
            let robot = if path == "/api/v1/session" {
                &others
            } else {
                &account
            };
            let address = path
                .replace("{plugin}", "x")
                .replace("{action}", "x")
                .replace("{view}", "x")
                .replace("{id}", "cnv_01h00000000000000000000000");
            let address = address
                .replace("{user}", "usr_01h00000000000000000000000")
                .replace("{parked}", "prk_01h00000000000000000000000")
                .replace("{failure}", "x");
            let verb = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let json_body = [("content-type", "application/json")];
            let reply = robot.raw(verb, &address, &json_body, b"{}".to_vec()).await;
            assert_eq!(
                reply.status,
                StatusCode::FORBIDDEN,
                "{method} {path}: {}",
                reply.text
            );
            assert!(
                reply.text.contains("the scope"),
                "{method} {path}: {}",
                reply.text
            );
            asked += 1;
        }
    }
    assert!(asked > 60, "{asked}");
    let reply = others.get("/realtime").await;
    assert_eq!(reply.problem(403), "denied");
    server.end().await;
}

#[tokio::test]
async fn a_token_makes_none_that_may_more_or_lasts_longer_than_itself() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (_, robot) = token(&server, &admin, &["tokens:write", "users:read"]).await;
    for scopes in [
        json!(["*"]),
        json!(["read"]),
        json!(["users:write"]),
        json!(["users:read", "teams:read"]),
    ] {
        let ask = json!({"name": "Mais", "scopes": scopes});
        assert_eq!(
            robot.post("/tokens", &ask).await.problem(403),
            "denied",
            "{scopes}"
        );
    }
    token(&server, &robot, &["users:read"]).await;
    for wrong in [json!([]), json!(["everything"]), json!(["users:delete"])] {
        let ask = json!({"name": "Errado", "scopes": wrong});
        assert_eq!(
            admin.post("/tokens", &ask).await.problem(422),
            "invalid",
            "{wrong}"
        );
    }
    let past = json!({"name": "Ontem", "scopes": ["*"], "expires_at": "2020-01-01T00:00:00Z"});
    assert_eq!(admin.post("/tokens", &past).await.problem(422), "invalid");

    let ends = json!({"name": "Curto", "scopes": ["*"], "expires_at": "2100-01-01T00:00:00Z"});
    let short = admin
        .post("/tokens", &ends)
        .await
        .expect(StatusCode::CREATED);
    let bearer = format!("Bearer {}", short["token"].as_str().unwrap());
    let short = server.client().with("authorization", &bearer);
    let longer = json!({"name": "Longo", "scopes": ["*"], "expires_at": "2100-01-02T00:00:00Z"});
    assert_eq!(short.post("/tokens", &longer).await.problem(403), "denied");
    let silent = json!({"name": "Igual", "scopes": ["*"]});
    let child = short
        .post("/tokens", &silent)
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(child["expires_at"], "2100-01-01T00:00:00.000000Z");
    server.end().await;
}

#[tokio::test]
async fn a_token_that_is_over_or_whose_user_left_opens_nothing() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (ana_id, ana) = server.user(&admin, "Ana", "agent").await;
    let (id, robot) = token(&server, &ana, &["*"]).await;
    let app = &server.app;
    let me = robot.get("/session").await.expect(StatusCode::OK);
    let workspace = me["workspace"]["id"].as_str().unwrap().parse().unwrap();
    let over = ApiToken {
        workspace_id: workspace,
        id: app.ids.mint(),
        user_id: ana_id.parse().unwrap(),
        user_name: "Ana".into(),
        name: "Ontem".into(),
        scopes: "[\"*\"]".into(),
        created_at: 1,
        expires_at: Some(app.clock.now() - 1),
        last_used_at: None,
        revoked_at: None,
    };
    let secret = balcao::password::Token::api([7; 32]);
    let mut tx = app.store.begin().await.unwrap();
    tx.insert_api_token(&over, &secret.hash()).await.unwrap();
    tx.commit().await.unwrap();
    let late = server
        .client()
        .with("authorization", &format!("Bearer {}", secret.reveal()));
    assert_eq!(late.get("/session").await.problem(401), "unauthenticated");
    admin
        .patch(&format!("/users/{ana_id}"), &json!({"active": false}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(robot.get("/session").await.problem(401), "unauthenticated");
    assert_eq!(
        admin.delete(&format!("/tokens/{id}")).await.status,
        StatusCode::NO_CONTENT
    );
    server.end().await;
}

#[tokio::test]
async fn a_tokens_secret_is_not_given_again_with_its_answer() {
    let server = Server::start().await;
    let admin = server.admin().await.with("idempotency-key", "k");
    let ask = json!({"name": "Robô", "scopes": ["read"]});
    let first = admin
        .post("/tokens", &ask)
        .await
        .expect(StatusCode::CREATED);
    let again = admin
        .post("/tokens", &ask)
        .await
        .expect(StatusCode::CREATED);
    assert!(first["token"].is_string());
    assert_eq!(
        (again["token"].clone(), again["id"].clone()),
        (Value::Null, first["id"].clone())
    );
    server.end().await;
}
