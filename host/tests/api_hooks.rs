//! Webhooks through a running server and real components: verified or refused, taken in once, parked where the plugin fails.

mod common;

use std::time::Duration;

use balcao::clock::{Clock, Instant};
use common::{
    Client, Server,
    packages::{connect, connector, enable, server_with, unruly},
    until_so,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// 2026-11-22T12:00:00Z.
const NOON: Instant = 1_795_348_800_000_000;

async fn hook(
    client: &Client,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (StatusCode, String) {
    let reply = client
        .raw(
            Method::POST,
            &format!("/hooks/{path}"),
            headers,
            body.to_vec(),
        )
        .await;
    (reply.status, reply.text)
}

async fn queued(admin: &Client) -> usize {
    let found = admin
        .get("/conversations?folder=queued")
        .await
        .expect(StatusCode::OK);
    found["items"].as_array().expect("items").len()
}

async fn parked(admin: &Client, channel: &str) -> Vec<Value> {
    let found = admin
        .get(&format!("/channels/{channel}/parked"))
        .await
        .expect(StatusCode::OK);
    let items = found.get("items").unwrap_or(&found);
    items.as_array().expect("a list").clone()
}

#[tokio::test]
async fn a_signed_webhook_is_taken_in_once_and_an_unsigned_one_leaves_nothing() {
    use hmac::{Hmac, KeyInit, Mac};
    let server = server_with(connector()).await;
    let admin = server.admin().await;
    let settings = json!({"app_secret": "shh-shh", "verify_token": "v", "access_token": "t-t-t-t"});
    let channel = connect(&admin, "whatsapp", settings).await;
    let body = json!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages", "value": {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "551130000000", "phone_number_id": "1"},
        "contacts": [{"profile": {"name": "Cliente"}, "wa_id": "5511911110000"}],
        "messages": [{"from": "5511911110000", "id": "wamid.1", "timestamp": "1767225600", "type": "text", "text": {"body": "Oi"}}],
    }}]}]})
    .to_string()
    .into_bytes();
    let client = server.client();

    let health = async || {
        let shown = admin.get(&format!("/channels/{channel}")).await;
        shown.expect(StatusCode::OK)["health"]["state"].clone()
    };
    let (status, _) = hook(&client, &channel, &[], &body).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(health().await, "unknown");
    assert_eq!(queued(&admin).await, 0);
    assert_eq!(parked(&admin, &channel).await, Vec::<Value>::new());
    // But it is told to administrators, until the channel is changed: its secret may be wrong.
    let (_, agent) = server.user(&admin, "Ana", "agent").await;
    let path = format!("/channels/{channel}");
    let refused = async |who: &Client| {
        let shown = who.get(&path).await.expect(StatusCode::OK);
        shown["refused"]["count"].clone()
    };
    assert_eq!(refused(&admin).await, 1);
    assert_eq!(refused(&agent).await, Value::Null);
    let renamed = admin.patch(&path, &json!({"name": "Loja nova"})).await;
    renamed.expect(StatusCode::OK);
    assert_eq!(refused(&admin).await, Value::Null);

    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"shh-shh").expect("any key");
    mac.update(&body);
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    let signed = [("x-hub-signature-256", signature.as_str())];
    for _ in 0..2 {
        assert_eq!(
            hook(&client, &channel, &signed, &body).await,
            (StatusCode::OK, String::new())
        );
        assert_eq!(health().await, "connected", "something came through it");
    }
    let found = admin
        .get("/conversations?folder=queued")
        .await
        .expect(StatusCode::OK);
    let items = found["items"].as_array().expect("items");
    assert_eq!(items.len(), 1);
    assert_eq!(items[0]["contact"]["name"], "Cliente");
    assert_eq!(items[0]["preview"]["text"], "Oi");
    assert_eq!(items[0]["unread"], 1);
    server.end().await;
}

#[tokio::test]
async fn a_request_whose_plugin_traps_is_parked_and_answered_and_waits_until_it_is_taken_in() {
    let server = server_with(unruly()).await;
    let admin = server.admin().await;
    let channel = connect(&admin, "unruly", json!({})).await;
    let client = server.client();

    let (status, _) = hook(&client, &format!("{channel}/message-then-trap"), &[], b"{}").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        queued(&admin).await,
        0,
        "nothing of a call that trapped is kept"
    );
    let waiting = parked(&admin, &channel).await;
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0]["error"]["code"], "trap");
    assert_eq!(waiting[0]["attempts"], 1);

    let id = waiting[0]["id"].as_str().expect("an id");
    let again = admin
        .post(
            &format!("/channels/{channel}/parked/{id}/replay"),
            &json!({}),
        )
        .await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.text);
    assert_eq!(parked(&admin, &channel).await[0]["attempts"], 2);

    let (status, _) = hook(&client, &format!("{channel}/message"), &[], b"{}").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(queued(&admin).await, 1);
    server.end().await;
}

#[tokio::test]
async fn what_came_while_an_app_was_off_is_taken_in_once_it_is_on_again() {
    let server = server_with(unruly()).await;
    let admin = server.admin().await;
    let channel = connect(&admin, "unruly", json!({})).await;
    let client = server.client();
    // Nobody tries this one again by itself, unless something about the app has changed.
    let (status, _) = hook(&client, &format!("{channel}/fail"), &[], b"{}").await;
    assert_eq!(status, StatusCode::OK);
    let off = admin.post("/plugins/unruly/disable", &json!({})).await;
    assert_eq!(off.expect(StatusCode::OK)["enabled"], false);
    let health = async || {
        let shown = admin.get(&format!("/channels/{channel}")).await;
        shown.expect(StatusCode::OK)["health"].clone()
    };
    let before = health().await;
    let path = format!("/channels/{channel}/test");
    assert_eq!(admin.post(&path, &json!({})).await.problem(409), "state");
    assert_eq!(health().await, before, "that says nothing of the channel");
    // The last one is what the app answers with 404, once it is asked.
    for path in ["message", "message", "unheard-of"] {
        let (status, _) = hook(&client, &format!("{channel}/{path}"), &[], b"{}").await;
        assert_eq!(status, StatusCode::OK);
    }
    // Whenever the server may be started anew.
    let server = server.again().await;
    let admin = server.admin().await;
    let waiting = parked(&admin, &channel).await;
    let codes: Vec<_> = waiting.iter().map(|it| &it["error"]["code"]).collect();
    assert_eq!(codes, ["invalid", "off", "off", "off"]);
    let counts = async || admin.get("/parked").await.expect(StatusCode::OK)["items"].clone();
    assert_eq!(
        counts().await,
        json!([{"channel_id": channel, "plugin_id": "unruly", "count": 4}])
    );
    assert_eq!(queued(&admin).await, 0);

    enable(&admin, "unruly").await;
    until_so("what can be taken in is", async || {
        let waiting = parked(&admin, &channel).await;
        waiting.len() == 2 && waiting.iter().all(|it| it["attempts"] == 2)
    })
    .await;
    // Nobody hears a refusal any more: what was acknowledged stays until a person lets go of it.
    let refused = &parked(&admin, &channel).await[1];
    let error = json!({"code": "refused", "message": "the app refuses the request with 404"});
    assert_eq!(
        (&refused["error"], &refused["retry_at"]),
        (&error, &Value::Null)
    );
    assert_eq!(queued(&admin).await, 1, "the provider's event is one");
    assert_eq!(
        counts().await,
        json!([{"channel_id": channel, "plugin_id": "unruly", "count": 2}])
    );
    server.end().await;
}

#[tokio::test]
async fn a_parked_webhook_is_tried_again_when_its_app_asked_for_it_or_a_limit_was_met_and_later_each_time()
 {
    let server = Server::start_at(Clock::at(NOON), |config| {
        config.plugins_dir = unruly().parent().expect("a folder").to_owned();
    })
    .await;
    let admin = server.admin().await;
    let channel = connect(&admin, "unruly", json!({})).await;
    let client = server.client();
    // One that may be tried again, one that never works, and one that meets a limit, which may be the machine's fault a few times.
    for path in ["message-then-fail", "fail", "loop"] {
        let (status, _) = hook(&client, &format!("{channel}/{path}"), &[], b"{}").await;
        assert_eq!(status, StatusCode::OK);
    }
    let seen = async || {
        let waiting = parked(&admin, &channel).await;
        let one = |it: &Value| (it["attempts"].clone(), it["retry_at"].clone());
        waiting.iter().map(one).collect::<Vec<_>>()
    };
    let never = (json!(1), Value::Null);
    for (attempts, at, wait) in [
        (1, "2026-11-22T12:00:02.000000Z", 2),
        (2, "2026-11-22T12:00:06.000000Z", 4),
        (3, "2026-11-22T12:00:14.000000Z", 8),
    ] {
        let again = (json!(attempts), json!(at));
        let expected = [again.clone(), never.clone(), again];
        until_so(at, async || seen().await == expected).await;
        server.app.clock.advance(Duration::from_secs(wait));
    }
    let fourth = (json!(4), json!("2026-11-22T12:00:30.000000Z"));
    let given_up = (json!(4), Value::Null);
    let expected = [fourth, never, given_up];
    until_so("the fourth time", async || seen().await == expected).await;

    // A change of the channel may be what helps.
    let path = format!("/channels/{channel}");
    let changed = admin.patch(&path, &json!({"name": "Loja nova"})).await;
    changed.expect(StatusCode::OK);
    let all = [
        (json!(5), json!("2026-11-22T12:00:46.000000Z")),
        (json!(2), Value::Null),
        (json!(5), Value::Null),
    ];
    until_so("all are tried", async || seen().await == all).await;
    server.end().await;
}

#[tokio::test]
async fn a_disabled_channel_takes_in_no_webhook_until_it_is_enabled_again() {
    let server = server_with(unruly()).await;
    let admin = server.admin().await;
    let channel = connect(&admin, "unruly", json!({})).await;
    let client = server.client();
    let (status, _) = hook(&client, &format!("{channel}/say/1"), &[], b"{}").await;
    assert_eq!(status, StatusCode::OK);

    let path = format!("/channels/{channel}");
    let off = admin.patch(&path, &json!({"enabled": false})).await;
    assert_eq!(off.expect(StatusCode::OK)["enabled"], false);
    for below in ["", "/say/1", "/message", "/fail"] {
        let path = format!("/hooks/{channel}{below}");
        let refused = client.raw(Method::POST, &path, &[], b"{}".to_vec()).await;
        assert_eq!(refused.problem(404), "not_found", "{below}");
    }
    assert_eq!(queued(&admin).await, 0);
    assert_eq!(parked(&admin, &channel).await, Vec::<Value>::new());

    let on = admin.patch(&path, &json!({"enabled": true})).await;
    assert_eq!(on.expect(StatusCode::OK)["enabled"], true);
    for below in ["say/1", "message", "fail"] {
        let (status, _) = hook(&client, &format!("{channel}/{below}"), &[], b"{}").await;
        assert_eq!(status, StatusCode::OK, "{below}");
    }
    assert_eq!(queued(&admin).await, 1);
    assert_eq!(parked(&admin, &channel).await.len(), 1);
    // All that the app has ever been asked, the newest first.
    let last = "invalid: the unruly connector fails";
    let mut said = Vec::new();
    until_so("the last line is written", async || {
        said = lines(&admin).await;
        said.first().is_some_and(|it| it == last)
    })
    .await;
    assert_eq!(said, [last, "said", "said"]);
    server.end().await;
}

#[tokio::test]
async fn two_channels_that_are_on_cannot_have_one_account() {
    let server = server_with(connector()).await;
    let admin = server.admin().await;
    let settings = |id: &str| json!({"phone_number_id": id, "app_secret": "shh-shh", "verify_token": "v", "access_token": "t-t-t-t"});
    let first = connect(&admin, "whatsapp", settings("1")).await;
    let other =
        |id: &str| json!({"plugin_id": "whatsapp", "name": "Outra", "settings": settings(id)});
    let said =
        "Esta conta já está conectada no canal “Loja”. Desligue ou exclua aquele canal antes.";
    let refused = |reply: common::Reply| {
        let problem = reply.expect(StatusCode::UNPROCESSABLE_ENTITY);
        problem["errors"]["phone_number_id"].clone()
    };
    let again = admin.post("/channels", &other("1")).await;
    assert_eq!(refused(again), said);
    // The other secrets may be the same.
    let second = admin.post("/channels", &other("2")).await;
    let second = second.expect(StatusCode::CREATED)["id"].clone();
    let (first, second) = (
        format!("/channels/{first}"),
        format!("/channels/{}", second.as_str().expect("an id")),
    );
    let same = json!({"settings": settings("1")});
    assert_eq!(refused(admin.patch(&second, &same).await), said);
    let kept = admin.get(&second).await.expect(StatusCode::OK);
    assert_eq!(kept["settings"]["phone_number_id"], "2");
    // One that is off has none.
    let on = |on: bool| json!({"enabled": on});
    admin.patch(&first, &on(false)).await.expect(StatusCode::OK);
    admin.patch(&second, &same).await.expect(StatusCode::OK);
    let twice = admin.patch(&first, &on(true)).await;
    assert!(twice.text.contains("canal “Outra”"), "{}", twice.text);
    assert_eq!(twice.problem(409), "state");
    let kept = admin.get(&first).await.expect(StatusCode::OK);
    assert_eq!(kept["enabled"], false);
    server.end().await;
}

async fn lines(admin: &Client) -> Vec<String> {
    let logs = admin.get("/plugins/unruly/logs").await;
    let logs = logs.expect(StatusCode::OK);
    let lines = logs["items"].as_array().expect("items").iter();
    lines
        .map(|it| it["message"].as_str().expect("a text").to_owned())
        .collect()
}
