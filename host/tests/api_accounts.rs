//! Signing in, people and teams, over real HTTP.

mod common;

use common::{ADMIN, PASSWORD, Server};
use reqwest::{Method, StatusCode, header};
use serde_json::json;

async fn an_admin_signs_in_adds_people_to_a_team_and_signs_out(server: &Server) {
    let admin = server.admin().await;
    let me = admin.get("/session").await.expect(StatusCode::OK);
    assert_eq!(me["user"]["email"], ADMIN);
    assert_eq!(me["user"]["role"], "admin");
    assert_eq!(me["workspace"]["name"], "Padaria");
    assert_eq!(me["locale"], "pt-BR");
    assert_eq!(me["archive_immediately"], false);
    assert_eq!(me["teams"], json!([]));

    let (ana, ana_client) = server.user(&admin, "Ana", "agent").await;
    let team = admin
        .post("/teams", &json!({"name": " Vendas "}))
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(team["name"], "Vendas");
    let path = format!("/teams/{}/members/{ana}", team["id"].as_str().unwrap());
    let joined = admin
        .put(&path, &json!({"role": "agent"}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(joined["members"][0]["user_id"], ana.as_str());
    let joined = admin
        .put(&path, &json!({"role": "supervisor"}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(joined["members"].as_array().unwrap().len(), 1);
    assert_eq!(joined["members"][0]["role"], "supervisor");
    let away = admin
        .patch(&path, &json!({"available": false}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(away["members"][0]["available"], false);

    let teams = ana_client.get("/teams").await.expect(StatusCode::OK);
    assert_eq!(teams["items"][0]["name"], "Vendas");
    let me = ana_client.get("/session").await.expect(StatusCode::OK);
    assert_eq!(me["teams"][0]["role"], "supervisor");
    assert_eq!(me["user"]["available"], false);

    assert_eq!(admin.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.delete(&path).await.problem(404), "not_found");
    assert_eq!(
        admin.delete("/session").await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(admin.get("/session").await.problem(401), "unauthenticated");
}

#[tokio::test]
async fn accounts_on_sqlite() {
    let server = Server::start().await;
    an_admin_signs_in_adds_people_to_a_team_and_signs_out(&server).await;
    server.end().await;
}

#[tokio::test]
async fn accounts_on_postgres() {
    if let Some(server) = Server::start_on_postgres("accounts_on_postgres").await {
        an_admin_signs_in_adds_people_to_a_team_and_signs_out(&server).await;
        server.end().await;
    }
}

#[tokio::test]
async fn a_wrong_password_an_unknown_email_and_a_deactivated_user_are_told_the_same() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (ana, ana_client) = server.user(&admin, "Ana", "agent").await;
    admin
        .patch(&format!("/users/{ana}"), &json!({"active": false}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(
        ana_client.get("/session").await.problem(401),
        "unauthenticated"
    );
    let mut texts = Vec::new();
    for (email, password) in [
        (ADMIN, "wrong wrong wrong"),
        ("nobody@padaria.test", PASSWORD),
        ("ana@padaria.test", PASSWORD),
        ("no address", PASSWORD),
        (ADMIN, ""),
    ] {
        let reply = server
            .client()
            .post("/session", &json!({"email": email, "password": password}))
            .await;
        assert!(reply.headers.get(header::SET_COOKIE).is_none());
        texts.push(reply.text.clone());
        assert_eq!(reply.problem(401), "unauthenticated");
    }
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
    server.end().await;
}

#[tokio::test]
async fn the_cookie_is_kept_from_scripts_and_foreign_sites_and_secure_behind_tls() {
    let server = Server::start_with(|config| config.behind_proxy = true).await;
    let ask = json!({"email": ADMIN, "password": PASSWORD}).to_string();
    let json_body = ("content-type", "application/json");
    let sign_in = |headers: Vec<(&'static str, &'static str)>| {
        let (client, ask) = (server.client(), ask.clone());
        async move {
            let reply = client
                .raw(Method::POST, "/api/v1/session", &headers, ask.into_bytes())
                .await;
            reply
                .headers
                .get(header::SET_COOKIE)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        }
    };
    let plain = sign_in(vec![json_body]).await;
    assert!(
        plain.contains("HttpOnly") && plain.contains("SameSite=Lax") && !plain.contains("Secure"),
        "{plain}"
    );
    let tls = sign_in(vec![json_body, ("x-forwarded-proto", "https")]).await;
    assert!(tls.ends_with("; Secure"), "{tls}");
    server.end().await;
}

#[tokio::test]
async fn a_change_without_json_or_our_header_is_refused_so_that_no_foreign_page_can_send_it() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let reply = admin
        .raw(Method::DELETE, "/api/v1/session", &[], Vec::new())
        .await;
    assert_eq!(reply.problem(403), "denied");
    let form = ("content-type", "application/x-www-form-urlencoded");
    let reply = admin
        .raw(Method::POST, "/api/v1/teams", &[form], b"name=x".to_vec())
        .await;
    assert_eq!(reply.problem(403), "denied");
    admin.get("/session").await.expect(StatusCode::OK);
    server.end().await;
}

#[tokio::test]
async fn only_admins_administer_and_the_last_one_stays() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (ana, ana_client) = server.user(&admin, "Ana", "supervisor").await;
    let new =
        json!({"name": "X", "email": "x@padaria.test", "role": "admin", "password": PASSWORD});
    assert_eq!(ana_client.post("/users", &new).await.problem(403), "denied");
    assert_eq!(
        ana_client
            .patch(&format!("/users/{ana}"), &json!({"role": "admin"}))
            .await
            .problem(403),
        "denied"
    );
    assert_eq!(
        ana_client
            .post("/teams", &json!({"name": "X"}))
            .await
            .problem(403),
        "denied"
    );
    let names: Vec<String> = ana_client.get("/users").await.expect(StatusCode::OK)["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["admin", "Ana"]);

    let me = admin.get("/session").await.expect(StatusCode::OK);
    let own = format!("/users/{}", me["user"]["id"].as_str().unwrap());
    assert_eq!(
        admin
            .patch(&own, &json!({"role": "agent"}))
            .await
            .problem(409),
        "state"
    );
    assert_eq!(
        admin
            .patch(&own, &json!({"active": false}))
            .await
            .problem(409),
        "state"
    );
    admin
        .patch(&format!("/users/{ana}"), &json!({"role": "admin"}))
        .await
        .expect(StatusCode::OK);
    let demoted = admin
        .patch(&own, &json!({"role": "agent"}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(demoted["role"], "agent");
    assert_eq!(
        admin
            .post("/teams", &json!({"name": "X"}))
            .await
            .problem(403),
        "denied"
    );
    server.end().await;
}

#[tokio::test]
async fn a_new_password_signs_the_user_out_everywhere() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (ana, ana_client) = server.user(&admin, "Ana", "agent").await;
    let path = format!("/users/{ana}");
    assert_eq!(
        admin
            .patch(&path, &json!({"password": "short"}))
            .await
            .problem(422),
        "invalid"
    );
    admin
        .patch(&path, &json!({"password": "another good one"}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(
        ana_client.get("/session").await.problem(401),
        "unauthenticated"
    );
    server
        .signed_in("ana@padaria.test", "another good one")
        .await;
    server.end().await;
}

#[tokio::test]
async fn sign_in_is_limited_per_address_and_says_when_to_try_again() {
    let server = Server::start_with(|config| {
        config.limits.sign_in_per_address = 3.try_into().unwrap();
    })
    .await;
    let client = server.client();
    let ask = json!({"email": "x@y.test", "password": "no"});
    for _ in 0..3 {
        assert_eq!(
            client.post("/session", &ask).await.problem(401),
            "unauthenticated"
        );
    }
    let reply = client.post("/session", &ask).await;
    let wait: u64 = reply
        .headers
        .get(header::RETRY_AFTER)
        .unwrap()
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&wait));
    assert_eq!(reply.problem(429), "rate_limited");
    server.end().await;
}

#[tokio::test]
async fn wrong_requests_are_problems_with_their_field() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let user = |email: &str, password: &str| json!({"name": "X", "email": email, "role": "agent", "password": password});
    let reply = admin.post("/users", &user("nope", PASSWORD)).await;
    assert!(
        reply.text.contains("\"errors\":{\"email\""),
        "{}",
        reply.text
    );
    assert_eq!(reply.problem(422), "invalid");
    assert_eq!(
        admin
            .post("/users", &user("a@b.test", "short"))
            .await
            .problem(422),
        "invalid"
    );
    let twice = admin.post("/users", &user(ADMIN, PASSWORD)).await;
    assert!(
        twice.text.contains("Já existe um usuário com este e-mail."),
        "{}",
        twice.text
    );
    assert_eq!(twice.problem(409), "conflict");
    assert_eq!(
        admin.post("/users", &json!({"name": 1})).await.problem(422),
        "invalid"
    );
    assert_eq!(
        admin
            .patch("/users/usr_nonsense", &json!({}))
            .await
            .problem(404),
        "not_found"
    );
    assert_eq!(
        admin
            .patch("/me", &json!({"locale": "xx"}))
            .await
            .problem(422),
        "invalid"
    );
    assert_eq!(
        admin.get("/users?after=nonsense").await.problem(422),
        "invalid"
    );
    assert_eq!(admin.get("/users?limit=many").await.problem(422), "invalid");
    let json_body = ("content-type", "application/json");
    let broken = admin
        .raw(Method::POST, "/api/v1/teams", &[json_body], b"{".to_vec())
        .await;
    assert_eq!(broken.problem(422), "invalid");
    let text = [("content-type", "text/plain"), ("x-balcao", "1")];
    let unread = admin
        .raw(Method::POST, "/api/v1/teams", &text, b"{}".to_vec())
        .await;
    assert_eq!(unread.problem(415), "unsupported_media_type");
    let large = vec![b' '; (1 << 20) + 1];
    let refused = admin
        .raw(Method::POST, "/api/v1/teams", &[json_body], large)
        .await;
    assert_eq!(refused.problem(413), "too_large");
    assert_eq!(admin.get("/nothing/here").await.problem(404), "not_found");
    assert_eq!(
        admin.put("/teams", &json!({})).await.problem(405),
        "method_not_allowed"
    );
    server.end().await;
}

#[tokio::test]
async fn own_preferences_are_changed_and_kept() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let ask =
        json!({"locale": "en", "archive_immediately": true, "available": false, "name": "Bia"});
    let me = admin.patch("/me", &ask).await.expect(StatusCode::OK);
    assert_eq!(me, admin.get("/session").await.expect(StatusCode::OK));
    assert_eq!(
        (&me["locale"], &me["archive_immediately"]),
        (&json!("en"), &json!(true))
    );
    assert_eq!(
        (&me["user"]["name"], &me["user"]["available"]),
        (&json!("Bia"), &json!(false))
    );
    server.end().await;
}

#[tokio::test]
async fn every_answer_carries_the_security_headers_and_pages_a_nonce_of_their_own() {
    let server = Server::start().await;
    let client = server.client();
    let data = client.get("/session").await;
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cache-control", "no-store"),
        (
            "content-security-policy",
            "default-src 'none'; frame-ancestors 'none'",
        ),
    ] {
        assert_eq!(data.headers.get(name).unwrap(), value);
    }
    let policy = |reply: &common::Reply| {
        reply.headers["content-security-policy"]
            .to_str()
            .unwrap()
            .to_owned()
    };
    let page = client
        .raw(Method::GET, "/conversations/any", &[], Vec::new())
        .await;
    assert_eq!(page.status, StatusCode::OK);
    let first = policy(&page);
    assert!(
        first.contains("'nonce-") && !first.contains("unsafe-eval"),
        "{first}"
    );
    assert!(first.contains("frame-ancestors 'none'"), "{first}");
    let again = client.raw(Method::GET, "/", &[], Vec::new()).await;
    assert_ne!(first, policy(&again));
    let missing = client
        .raw(Method::GET, "/assets/none.js", &[], Vec::new())
        .await;
    assert_eq!(missing.problem(404), "not_found");
    let health = client
        .raw(Method::GET, "/healthz", &[], Vec::new())
        .await
        .expect(StatusCode::OK);
    assert_eq!(health["status"], "ok");
    server.end().await;
}
