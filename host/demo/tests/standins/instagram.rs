//! Instagram.

use axum::body::Body;
use hyper::Request;
use serde_json::{Value, json};

use crate::business::Business;
use crate::{ACCOUNT, INSTAGRAM, Site, TOKEN};

const HOST: &str = "graph.instagram.com";
const PAGE: &str = "graph.facebook.com";
const PERSON: &str = "900000000000001";
const MESSAGES: &str = "/v25.0/me/messages";

async fn send(site: &Site, body: &Value) -> (u16, Value) {
    site.json("POST", (HOST, MESSAGES), Some(INSTAGRAM), Some(body))
        .await
}

async fn get(site: &Site, path: &str) -> (u16, Value) {
    site.json("GET", (HOST, path), Some(INSTAGRAM), None).await
}

/// A message with that content.
fn says(message: Value) -> Value {
    json!({ "recipient": { "id": PERSON }, "message": message })
}

fn does(action: &str, payload: Value) -> Value {
    let mut body = json!({ "recipient": { "id": PERSON }, "sender_action": action });
    if !payload.is_null() {
        body["payload"] = payload;
    }
    body
}

fn file(kind: &str) -> Value {
    json!({ "type": kind, "payload": { "url": "https://files.example/a" } })
}

fn buttons(count: usize) -> Value {
    let button = json!({ "content_type": "text", "title": "Um título mais longo que vinte", "payload": "A" });
    json!({ "text": "Quando?", "quick_replies": vec![button; count] })
}

#[tokio::test]
async fn a_text_is_answered_with_the_id_that_the_ledger_and_the_phone_show() {
    let site = Site::start().await;
    let body = says(json!({ "text": "Abrimos às 9h" }));
    let (status, answer) = send(&site, &body).await;
    let id = answer["message_id"].as_str().unwrap();
    assert_eq!(
        (status, &answer),
        (200, &json!({ "recipient_id": PERSON, "message_id": id }))
    );
    let ledger = site.standin.ledger();
    let (entry, sent) = ledger.sent().next().unwrap();
    assert_eq!(
        (sent.id.as_str(), sent.to.as_str(), sent.kind.as_str()),
        (id, PERSON, "text")
    );
    assert_eq!((entry.status, &entry.request), (200, &body));
    assert!(
        site.phones()
            .await
            .contains(r#"<li class="shop">Abrimos às 9h</li>"#)
    );
    let (_, message) = get(&site, &format!("/v25.0/{id}?fields=message")).await;
    assert_eq!(message, json!({ "id": id, "message": "Abrimos às 9h" }));
}

#[tokio::test]
async fn everything_that_is_documented_is_taken() {
    let site = Site::start().await;
    let mut late = says(json!({ "text": "oi" }));
    late["messaging_type"] = "MESSAGE_TAG".into();
    late["tag"] = "HUMAN_AGENT".into();
    let mut answer = says(json!({ "text": "oi" }));
    answer["reply_to"] = json!({ "mid": "mid.1" });
    answer["messaging_type"] = "RESPONSE".into();
    let generic = json!({ "template_type": "generic", "elements": [{
        "title": "Bem-vindo", "subtitle": "à loja", "image_url": "https://files.example/a",
        "buttons": [{ "type": "web_url", "url": "https://example.com", "title": "Site" }, { "type": "postback", "title": "Falar", "payload": "TALK" }],
    }] });
    let messages = [
        says(file_message("image")),
        says(file_message("audio")),
        says(file_message("video")),
        says(file_message("file")),
        says(json!({ "attachments": [file("image"), file("image")] })),
        says(json!({ "attachment": { "type": "like_heart" } })),
        says(json!({ "attachment": { "type": "MEDIA_SHARE", "payload": { "id": "179" } } })),
        says(json!({ "attachment": { "type": "template", "payload": generic } })),
        // Long titles are cut, not refused.
        says(buttons(13)),
        says(json!({ "text": "a".repeat(1000) })),
        late,
        answer,
    ];
    for message in &messages {
        let (status, answer) = send(&site, message).await;
        assert_eq!(status, 200, "{message}: {answer}");
    }
    assert_eq!(site.sent(), messages.len());
    let page = site.phones().await;
    assert!(
        page.contains("<button>Um título mais longo</button>"),
        "{page}"
    );
    let actions = [
        does("typing_on", Value::Null),
        does("typing_off", Value::Null),
        does("mark_seen", Value::Null),
        does("react", json!({ "message_id": "mid.1", "reaction": "👍" })),
        does(
            "react",
            json!({ "message_id": "mid.1", "reaction": "love" }),
        ),
        does("unreact", json!({ "message_id": "mid.1" })),
    ];
    for action in &actions {
        assert_eq!(
            send(&site, action).await,
            (200, json!({ "recipient_id": PERSON })),
            "{action}"
        );
    }
    assert_eq!(site.sent(), messages.len());
}

fn file_message(kind: &str) -> Value {
    json!({ "attachment": file(kind) })
}

#[tokio::test]
async fn every_departure_from_the_documents_is_refused_with_its_code() {
    let site = Site::start().await;
    let with = |field: &str, value: Value| {
        let mut body = says(json!({ "text": "oi" }));
        body[field] = value;
        body
    };
    let without_recipient = json!({ "message": { "text": "oi" } });
    let link = |url: &str| json!({ "attachment": { "type": "image", "payload": { "url": url } } });
    let quick = |reply: Value| json!({ "text": "oi", "quick_replies": [reply] });
    let template =
        |payload: Value| json!({ "attachment": { "type": "template", "payload": payload } });
    let cases = [
        without_recipient,
        json!({ "recipient": { "id": PERSON } }),
        with("recipient", json!({ "id": PERSON, "phone": "1" })),
        with("sender_action", "typing_on".into()),
        with("payload", json!({ "message_id": "mid.1" })),
        with("notification_type", "REGULAR".into()),
        with("messaging_type", "SHOUT".into()),
        with("messaging_type", "MESSAGE_TAG".into()),
        with("tag", "HUMAN_AGENT".into()),
        with("reply_to", json!({ "mid": "" })),
        with("reply_to", json!({ "message_id": "mid.1" })),
        says(json!({})),
        says(json!({ "text": "" })),
        says(json!({ "text": "a".repeat(1001) })),
        // 1000 bytes, not letters.
        says(json!({ "text": "á".repeat(501) })),
        says(json!({ "text": "oi", "attachment": file("image") })),
        says(json!({ "text": "oi", "bold": true })),
        says(json!({ "attachment": { "type": "location" } })),
        says(json!({ "attachment": { "type": "image" } })),
        says(link("a.jpg")),
        says(
            json!({ "attachment": { "type": "image", "payload": { "url": "https://files.example/a", "caption": "?" } } }),
        ),
        says(json!({ "attachment": { "type": "like_heart", "payload": {} } })),
        says(json!({ "attachment": { "type": "MEDIA_SHARE", "payload": {} } })),
        says(buttons(0)),
        says(buttons(14)),
        says(quick(json!({ "content_type": "text", "title": "Sim" }))),
        says(quick(json!({ "content_type": "text", "payload": "A" }))),
        says(quick(json!({ "content_type": "location" }))),
        says(quick(
            json!({ "content_type": "text", "title": "Sim", "payload": "A", "image_url": "https://a" }),
        )),
        says(quick(
            json!({ "content_type": "text", "title": "Sim", "payload": "a".repeat(1001) }),
        )),
        says(json!({ "attachment": file("image"), "quick_replies": buttons(1)["quick_replies"] })),
        says(template(json!({ "template_type": "carousel" }))),
        says(template(
            json!({ "template_type": "generic", "elements": [] }),
        )),
        says(template(
            json!({ "template_type": "generic", "elements": [{ "title": "a".repeat(81) }] }),
        )),
        says(template(
            json!({ "template_type": "button", "text": "oi", "buttons": [] }),
        )),
        says(template(
            json!({ "template_type": "button", "text": "oi", "buttons": [{ "type": "web_url", "title": "a", "url": "a" }] }),
        )),
        does("shout", Value::Null),
        does("typing_on", json!({ "message_id": "mid.1" })),
        does("react", Value::Null),
        does("react", json!({ "message_id": "mid.1" })),
        does("react", json!({ "message_id": "mid.1", "reaction": "ok" })),
        does("react", json!({ "message_id": "", "reaction": "👍" })),
        does(
            "unreact",
            json!({ "message_id": "mid.1", "reaction": "👍" }),
        ),
    ];
    for case in &cases {
        let (status, answer) = send(&site, case).await;
        let error = &answer["error"];
        assert_eq!(
            (status, &error["code"]),
            (400, &json!(100)),
            "{case}: {answer}"
        );
        assert_eq!(error["type"], "OAuthException");
        assert!(
            error["message"].as_str().unwrap().starts_with("(#100) "),
            "{answer}"
        );
        assert!(error["fbtrace_id"].is_string());
    }
    let with_subcodes = [
        (with("recipient", json!({ "id": "ana" })), 2_018_001),
        (
            says(json!({ "attachments": vec![file("image"); 11] })),
            2_534_068,
        ),
        (
            says(json!({ "attachments": [file("image"), file("video")] })),
            2_534_068,
        ),
        (says(json!({ "attachments": [] })), 2_534_068),
    ];
    for (case, subcode) in &with_subcodes {
        let (status, answer) = send(&site, case).await;
        assert_eq!(
            (status, &answer["error"]["error_subcode"]),
            (400, &json!(subcode)),
            "{case}: {answer}"
        );
    }
    assert_eq!(site.sent(), 0);
}

#[tokio::test]
async fn token_path_and_content_type_are_checked() {
    let site = Site::start().await;
    let body = says(json!({ "text": "oi" }));
    let code = async |token, path: &str| {
        let (status, answer) = site.json("POST", (HOST, path), token, Some(&body)).await;
        (status, answer["error"]["code"].as_u64().unwrap_or(0))
    };
    assert_eq!(code(None, MESSAGES).await, (400, 104));
    assert_eq!(code(Some(TOKEN), MESSAGES).await, (400, 190));
    assert_eq!(code(Some(INSTAGRAM), "/v25.0/7/messages").await, (400, 100));
    assert_eq!(
        code(Some(INSTAGRAM), "/v25.0/me/letters/1").await,
        (400, 2500)
    );
    assert_eq!(
        code(Some(INSTAGRAM), &format!("/{ACCOUNT}/messages")).await,
        (200, 0)
    );
    let by_query = format!("{MESSAGES}?access_token={INSTAGRAM}");
    assert_eq!(code(None, &by_query).await, (200, 0));
    let plain = Request::post(MESSAGES)
        .header("host", HOST)
        .header("authorization", format!("Bearer {INSTAGRAM}"))
        .header("content-type", "text/plain")
        .body(Body::from(body.to_string()))
        .unwrap();
    assert_eq!(site.ask(plain).await.unwrap().0, 400);
    assert_eq!(site.sent(), 2);
}

#[tokio::test]
async fn the_account_tells_only_what_is_asked_and_known_and_the_page_names_it() {
    let site = Site::start().await;
    let (status, me) = get(&site, "/v25.0/me?fields=user_id,username").await;
    assert_eq!(
        (status, me),
        (
            200,
            json!({ "id": "67841400000000002", "user_id": ACCOUNT, "username": "loja.demonstracao" })
        )
    );
    let (status, answer) = get(&site, "/v25.0/me?fields=shoe_size").await;
    assert_eq!(
        (status, &answer["error"]["message"]),
        (
            400,
            &json!("(#100) Tried accessing nonexisting field (shoe_size)")
        )
    );
    assert_eq!(get(&site, "/v25.0/me").await.0, 400);
    let path = "/v25.0/me?fields=name,instagram_business_account%7Bid,username%7D";
    let (status, page) = site.json("GET", (PAGE, path), Some(INSTAGRAM), None).await;
    assert_eq!(
        (status, &page["instagram_business_account"]),
        (
            200,
            &json!({ "id": ACCOUNT, "username": "loja.demonstracao" })
        ),
        "{page}"
    );
    // The other business at the same host is told apart by its token.
    let number = "/v23.0/100000000000001?fields=verified_name";
    let (status, _) = site.json("GET", (PAGE, number), Some(TOKEN), None).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn an_account_is_subscribed_to_known_fields_and_let_go() {
    let site = Site::start().await;
    let ask =
        async |method, path: &str| site.json(method, (HOST, path), Some(INSTAGRAM), None).await;
    let path = "/v25.0/me/subscribed_apps";
    let (status, answer) = ask(
        "POST",
        &format!("{path}?subscribed_fields=messages,letters"),
    )
    .await;
    assert_eq!((status, &answer["error"]["code"]), (400, &json!(100)));
    assert_eq!(ask("POST", path).await.0, 400);
    let done = (200, json!({ "success": true }));
    let fields = "messages,message_reactions,messaging_seen";
    assert_eq!(
        ask("POST", &format!("{path}?subscribed_fields={fields}")).await,
        done
    );
    assert_eq!(
        ask("GET", path).await.1["data"][0]["subscribed_fields"],
        json!(["messages", "message_reactions", "messaging_seen"])
    );
    assert_eq!(ask("DELETE", path).await, done);
    assert_eq!(
        ask("GET", path).await.1["data"][0]["subscribed_fields"],
        json!([])
    );
}

#[tokio::test]
async fn what_the_customer_types_is_posted_signed_and_makes_them_known() {
    let (site, business) = (Site::start().await, Business::default());
    let person = format!("/v25.0/{PERSON}?fields=name,username,profile_pic");
    let (status, answer) = get(&site, &person).await;
    assert_eq!(
        (status, &answer["error"]["error_subcode"]),
        (400, &json!(33))
    );
    site.standin.hear(&format!(
        "demo: webhook of Perfil: {}",
        business.open().await
    ));
    let form = "channel=instagram&from=900000000000001&name=Ana+Lima&text=Bom+dia";
    assert_eq!(site.form("/write", form).await, 303);
    let notification = &business.notifications(1).await[0];
    let event = &notification["entry"][0]["messaging"][0];
    assert_eq!(notification["object"], "instagram");
    assert_eq!(
        (
            &event["sender"]["id"],
            &event["recipient"]["id"],
            &event["message"]["text"]
        ),
        (&json!(PERSON), &json!(ACCOUNT), &json!("Bom dia"))
    );
    assert_eq!(
        site.standin.ledger().written[0].id,
        event["message"]["mid"].as_str().unwrap()
    );
    assert_eq!(
        get(&site, &person).await,
        (
            200,
            json!({ "id": PERSON, "name": "Ana Lima", "username": "ana.lima" })
        )
    );
    let picture = format!("profile_{PERSON}");
    site.keep("instagram", &picture, "image/jpeg", b"JPEG")
        .await;
    let (_, answer) = get(&site, &person).await;
    let place = answer["profile_pic"].as_str().unwrap();
    assert!(
        place.starts_with("https://lookaside.fbsbx.com/") && place.contains(&picture),
        "{place}"
    );
}

#[tokio::test]
async fn a_sent_message_is_seen_and_a_quick_reply_can_be_tapped() {
    let (site, business) = (Site::start().await, Business::default());
    site.standin.hear(&format!(
        "demo: webhook of Perfil: {}",
        business.open().await
    ));
    let (_, answer) = send(&site, &says(buttons(1))).await;
    let seen = &business.notifications(1).await[0]["entry"][0]["messaging"][0];
    assert_eq!(seen["read"]["mid"], answer["message_id"]);
    let fields = "channel=instagram&from=900000000000001&message=x&title=Sim&data=YES";
    assert_eq!(site.form("/press", fields).await, 303);
    let tapped = &business.notifications(2).await[1]["entry"][0]["messaging"][0];
    assert_eq!(
        tapped["message"]["quick_reply"],
        json!({ "payload": "YES" })
    );
}

#[tokio::test]
async fn a_customers_file_is_at_its_address_without_a_token() {
    let site = Site::start().await;
    site.keep("instagram", "13", "image/png", b"PNG").await;
    let ask = async |path: &str| {
        let request = Request::get(path).header("host", "lookaside.fbsbx.com");
        site.ask(request.body(Body::empty()).unwrap())
            .await
            .unwrap()
    };
    let (status, headers, bytes) = ask("/ig_messaging_cdn/?asset_id=13&signature=Sig13").await;
    assert_eq!(
        (status, &headers["content-type"], bytes.as_ref()),
        (200, &"image/png".parse().unwrap(), b"PNG".as_ref())
    );
    assert_eq!(ask("/ig_messaging_cdn/?asset_id=13").await.0, 404);
    assert_eq!(
        ask("/ig_messaging_cdn/?asset_id=14&signature=S").await.0,
        404
    );
}

#[tokio::test]
async fn ordered_faults_have_the_documented_codes() {
    let site = Site::start().await;
    let body = says(json!({ "text": "oi" }));
    let cases = [
        (
            json!({ "kind": "rate-limited", "retry_after": 7 }),
            429,
            4,
            Value::Null,
        ),
        (json!({ "kind": "throughput" }), 400, 613, Value::Null),
        (json!({ "kind": "server-error" }), 500, 2, Value::Null),
        (json!({ "kind": "unavailable" }), 503, 2, Value::Null),
        (
            json!({ "kind": "window-closed" }),
            400,
            10,
            json!(2_534_022),
        ),
        (json!({ "kind": "unreachable" }), 400, 551, json!(1_545_041)),
        (json!({ "kind": "token-expired" }), 400, 190, Value::Null),
    ];
    for (fault, status, code, subcode) in cases {
        let order = json!({ "channel": "instagram", "fault": fault });
        assert_eq!(site.order(&order).await, 204);
        let (got, answer) = send(&site, &body).await;
        let error = &answer["error"];
        assert_eq!(
            (got, &error["code"], &error["error_subcode"]),
            (status, &json!(code), &subcode)
        );
    }
    assert_eq!(site.sent(), 0);
    let order = json!({ "channel": "instagram", "fault": { "kind": "hang-up-after" } });
    assert_eq!(site.order(&order).await, 204);
    let request = Request::post(MESSAGES)
        .header("host", HOST)
        .header("authorization", format!("Bearer {INSTAGRAM}"))
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    assert!(site.ask(request).await.unwrap_err().is_incomplete_message());
    assert_eq!(site.sent(), 1);
}
