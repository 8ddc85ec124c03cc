//! WhatsApp.

use axum::body::Body;
use hyper::Request;
use serde_json::{Value, json};

use crate::business::Business;
use crate::{NUMBER, Site, TOKEN};

/// The API as the tests below use it.
struct Provider(Site);

impl Provider {
    async fn start() -> Self {
        Self(Site::start().await)
    }

    async fn call(&self, method: &str, path: &str, token: &str, body: Body) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "graph.facebook.com")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(body)
            .unwrap();
        let (status, _, body) = self.0.ask(request).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    async fn send(&self, message: &Value) -> (u16, Value) {
        let path = format!("/v23.0/{NUMBER}/messages");
        self.call("POST", &path, TOKEN, Body::from(message.to_string()))
            .await
    }
}

fn text(body: &str) -> Value {
    json!({ "messaging_product": "whatsapp", "to": "+5511911110000", "type": "text", "text": { "body": body } })
}

fn of_type(kind: &str, content: &Value) -> Value {
    json!({ "messaging_product": "whatsapp", "recipient_type": "individual", "to": "5511911110000", "type": kind, kind: content })
}

fn template(components: &Value) -> Value {
    let template =
        json!({ "name": "aviso", "language": { "code": "pt_BR" }, "components": components });
    of_type("template", &template)
}

fn card(index: usize) -> Value {
    json!({ "card_index": index, "components": [
        { "type": "header", "parameters": [{ "type": "image", "image": { "link": "https://files.example/a.jpg" } }] },
        { "type": "button", "sub_type": "quick_reply", "index": "0", "parameters": [{ "type": "payload", "payload": "Quero" }] },
    ] })
}

#[tokio::test]
async fn a_text_is_answered_with_the_id_that_the_ledger_and_the_phone_show() {
    let provider = Provider::start().await;
    let (status, answer) = provider.send(&text("Abrimos às 9h")).await;
    assert_eq!(status, 200);
    let id = answer["messages"][0]["id"].as_str().unwrap();
    assert!(id.starts_with("wamid."), "{id}");
    assert_eq!(
        answer,
        json!({
            "messaging_product": "whatsapp",
            "contacts": [{ "input": "+5511911110000", "wa_id": "5511911110000" }],
            "messages": [{ "id": id }],
        })
    );
    let ledger = provider.0.standin.ledger();
    let (entry, sent) = ledger.sent().next().unwrap();
    assert_eq!(
        (sent.id.as_str(), sent.to.as_str(), sent.kind.as_str()),
        (id, "5511911110000", "text")
    );
    assert_eq!(
        (entry.status, &entry.request),
        (200, &text("Abrimos às 9h"))
    );
    let page = Request::get("/phones")
        .header("host", "localhost")
        .body(Body::empty())
        .unwrap();
    let (_, _, page) = provider.0.ask(page).await.unwrap();
    assert!(String::from_utf8_lossy(&page).contains(r#"<li class="shop">Abrimos às 9h</li>"#));
}

#[tokio::test]
async fn every_documented_type_is_taken() {
    let provider = Provider::start().await;
    let button = |id: &str| json!({ "type": "reply", "reply": { "id": id, "title": id } });
    let messages = [
        of_type(
            "image",
            &json!({ "link": "https://files.example/a.jpg", "caption": "Foto" }),
        ),
        of_type("audio", &json!({ "link": "https://files.example/a.ogg" })),
        of_type("video", &json!({ "link": "https://files.example/a.mp4" })),
        of_type(
            "document",
            &json!({ "link": "https://files.example/a.pdf", "filename": "a.pdf" }),
        ),
        of_type(
            "sticker",
            &json!({ "link": "https://files.example/a.webp" }),
        ),
        of_type(
            "location",
            &json!({ "latitude": -23.5, "longitude": "-46.6", "name": "Loja" }),
        ),
        of_type(
            "contacts",
            &json!([{ "name": { "formatted_name": "Ana", "first_name": "Ana" }, "phones": [{ "phone": "+5511911110000" }] }]),
        ),
        of_type(
            "reaction",
            &json!({ "message_id": "wamid.1", "emoji": "👍" }),
        ),
        of_type("reaction", &json!({ "message_id": "wamid.1", "emoji": "" })),
        of_type(
            "interactive",
            &json!({ "type": "button", "body": { "text": "Qual?" }, "action": { "buttons": [button("a"), button("b")] } }),
        ),
        of_type(
            "interactive",
            &json!({
                "type": "list", "header": { "type": "text", "text": "Título" }, "body": { "text": "Qual?" }, "footer": { "text": "Rodapé" },
                "action": { "button": "Ver", "sections": [{ "title": "Um", "rows": [{ "id": "1", "title": "Um", "description": "O primeiro" }] }] },
            }),
        ),
        of_type(
            "template",
            &json!({ "name": "boas_vindas", "language": { "code": "pt_BR" }, "components": [{ "type": "body", "parameters": [{ "type": "text", "text": "Ana" }] }] }),
        ),
        template(&json!([
            { "type": "header", "parameters": [{ "type": "location", "location": { "latitude": "-23.5", "longitude": "-46.6", "name": "Loja", "address": "Sé" } }] },
            { "type": "body", "parameters": [{ "type": "text", "parameter_name": "nome", "text": "Ana" }] },
            { "type": "button", "sub_type": "url", "index": "0", "parameters": [{ "type": "text", "text": "17" }] },
            { "type": "button", "sub_type": "copy_code", "index": 1, "parameters": [{ "type": "coupon_code", "coupon_code": "VOLTE10" }] },
            { "type": "button", "sub_type": "flow", "index": "2", "parameters": [{ "type": "action", "action": { "flow_token": "unused" } }] },
        ])),
        template(&json!([{ "type": "carousel", "cards": [card(0), card(1)] }])),
    ];
    for message in &messages {
        let (status, answer) = provider.send(message).await;
        assert_eq!(status, 200, "{message}: {answer}");
    }
    assert_eq!(provider.0.sent(), messages.len());
}

#[tokio::test]
async fn every_departure_from_the_documents_is_refused_with_its_code() {
    let provider = Provider::start().await;
    let without = |key: &str| {
        let mut message = text("oi");
        message.as_object_mut().unwrap().remove(key);
        message
    };
    let button = |title: &str| json!({ "type": "reply", "reply": { "id": title, "title": title } });
    let buttons = |titles: &[&str]| {
        let buttons: Vec<Value> = titles.iter().map(|title| button(title)).collect();
        of_type(
            "interactive",
            &json!({ "type": "button", "body": { "text": "Qual?" }, "action": { "buttons": buttons } }),
        )
    };
    let list = |rows: usize| {
        let rows: Vec<Value> = (0..rows)
            .map(|row| json!({ "id": row.to_string(), "title": "Uma" }))
            .collect();
        let sections = json!([{ "title": "Todas", "rows": rows }]);
        of_type(
            "interactive",
            &json!({ "type": "list", "body": { "text": "Qual?" }, "action": { "button": "Ver", "sections": sections } }),
        )
    };
    let header =
        |parameter: Value| template(&json!([{ "type": "header", "parameters": [parameter] }]));
    let mut two_contents = text("oi");
    two_contents["image"] = json!({ "link": "https://files.example/a.jpg" });
    let cases = [
        (without("messaging_product"), 100),
        (without("to"), 100),
        (without("text"), 100),
        (text(""), 100),
        (text(&"a".repeat(4097)), 100),
        (two_contents, 100),
        (of_type("text", &json!({ "body": "oi", "bold": true })), 100),
        (of_type("text", &json!({})), 131_008),
        (of_type("hologram", &json!({})), 100),
        (of_type("image", &json!({ "link": "a.jpg" })), 100),
        (
            of_type(
                "image",
                &json!({ "id": "1", "link": "https://files.example/a.jpg" }),
            ),
            100,
        ),
        (of_type("image", &json!({ "id": "1" })), 131_009),
        (
            of_type(
                "audio",
                &json!({ "link": "https://files.example/a.ogg", "caption": "?" }),
            ),
            100,
        ),
        (
            of_type("location", &json!({ "latitude": 91, "longitude": 0 })),
            131_009,
        ),
        (
            of_type(
                "contacts",
                &json!([{ "name": { "formatted_name": "Ana" } }]),
            ),
            131_008,
        ),
        (
            of_type(
                "reaction",
                &json!({ "message_id": "wamid.1", "emoji": "ok" }),
            ),
            131_009,
        ),
        (buttons(&[]), 131_009),
        (buttons(&["a", "b", "c", "d"]), 131_009),
        (buttons(&["a", "a"]), 131_009),
        (buttons(&["um título longo demais"]), 131_009),
        (list(0), 131_008),
        (list(11), 131_009),
        (
            of_type(
                "sticker",
                &json!({ "link": "https://files.example/a.webp", "caption": "?" }),
            ),
            100,
        ),
        (of_type("sticker", &json!({})), 100),
        (of_type("template", &json!({ "name": "aviso" })), 131_008),
        (
            of_type("template", &json!({ "language": { "code": "pt_BR" } })),
            131_008,
        ),
        (
            template(
                &json!([{ "type": "button", "sub_type": "url", "parameters": [{ "type": "text", "text": "1" }] }]),
            ),
            131_008,
        ),
        (
            template(
                &json!([{ "type": "button", "index": "0", "parameters": [{ "type": "text", "text": "1" }] }]),
            ),
            131_008,
        ),
        (
            template(&json!([{ "type": "button", "sub_type": "flow", "index": "0" }])),
            131_008,
        ),
        (
            template(
                &json!([{ "type": "button", "sub_type": "url", "index": "0", "parameters": [{ "type": "payload", "payload": "1" }] }]),
            ),
            131_009,
        ),
        (
            template(
                &json!([{ "type": "body", "parameters": [{ "type": "text", "text": "duas\nlinhas" }] }]),
            ),
            131_009,
        ),
        (
            template(&json!([{ "type": "body", "parameters": [{ "type": "text" }] }])),
            131_008,
        ),
        (template(&json!([{ "type": "footer" }])), 131_009),
        (
            header(
                json!({ "type": "location", "location": { "latitude": "91", "longitude": "0" } }),
            ),
            131_009,
        ),
        (header(json!({ "type": "location" })), 131_008),
        (
            header(json!({ "type": "image", "image": { "link": "a.jpg" } })),
            100,
        ),
        (
            template(&json!([{ "type": "carousel", "cards": [] }])),
            131_009,
        ),
        (
            template(&json!([{ "type": "carousel", "cards": [card(1)] }])),
            131_009,
        ),
        (
            json!({ "messaging_product": "whatsapp", "status": "seen", "message_id": "wamid.1" }),
            100,
        ),
    ];
    for (message, code) in &cases {
        let (status, answer) = provider.send(message).await;
        assert_eq!(
            (status, &answer["error"]["code"]),
            (400, &json!(code)),
            "{message}: {answer}"
        );
        assert_eq!(answer["error"]["type"], "OAuthException");
        assert!(answer["error"]["fbtrace_id"].is_string());
    }
    assert_eq!(provider.0.sent(), 0);
    assert_eq!(provider.0.standin.ledger().requests.len(), cases.len());
}

#[tokio::test]
async fn a_body_that_names_two_recipients_is_refused() {
    let provider = Provider::start().await;
    let two_of_one = r#"{"messaging_product":"whatsapp","to":"+5511911110000","to":"+5511922220000","type":"text","text":{"body":"oi"}}"#;
    let list = json!({ "messaging_product": "whatsapp", "to": ["+5511911110000", "+5511922220000"], "type": "text", "text": { "body": "oi" } });
    for body in [two_of_one.to_owned(), list.to_string()] {
        let path = format!("/v23.0/{NUMBER}/messages");
        let (status, answer) = provider.call("POST", &path, TOKEN, Body::from(body)).await;
        assert_eq!(
            (status, &answer["error"]["code"]),
            (400, &json!(100)),
            "{answer}"
        );
    }
    assert_eq!(provider.0.sent(), 0);
}

#[tokio::test]
async fn the_templates_are_listed_as_documented() {
    let provider = Provider::start().await;
    let path = "/v23.0/100000000000009/message_templates?fields=name,language,status,category,parameter_format,components&status=APPROVED&limit=250";
    let (status, answer) = provider.call("GET", path, TOKEN, Body::empty()).await;
    assert_eq!(status, 200, "{answer}");
    let listed = answer["data"].as_array().unwrap();
    assert!(listed.len() >= 4);
    for template in listed {
        let texts = [
            "id",
            "name",
            "language",
            "status",
            "category",
            "parameter_format",
        ];
        assert!(
            texts.iter().all(|name| template[name].is_string()),
            "{template}"
        );
        let kinds = ["HEADER", "BODY", "FOOTER", "BUTTONS"].map(Value::from);
        let components = template["components"].as_array().unwrap();
        assert!(
            components.iter().all(|it| kinds.contains(&it["type"])),
            "{template}"
        );
    }
    let (status, answer) = provider.call("GET", path, "another", Body::empty()).await;
    assert_eq!((status, &answer["error"]["code"]), (401, &json!(190)));
}

#[tokio::test]
async fn a_type_without_object_and_unknown_is_an_unsupported_type() {
    let provider = Provider::start().await;
    let message =
        json!({ "messaging_product": "whatsapp", "to": "5511911110000", "type": "hologram" });
    let (status, answer) = provider.send(&message).await;
    assert_eq!((status, &answer["error"]["code"]), (400, &json!(131_051)));
}

#[tokio::test]
async fn token_path_and_content_type_are_checked() {
    let provider = Provider::start().await;
    let path = format!("/v23.0/{NUMBER}/messages");
    let body = || Body::from(text("oi").to_string());
    let code = |answer: &Value| answer["error"]["code"].as_u64().unwrap();
    let (status, answer) = provider.call("POST", &path, "another", body()).await;
    assert_eq!((status, code(&answer)), (401, 190));
    let (status, answer) = provider
        .call("POST", "/v23.0/7/messages", TOKEN, body())
        .await;
    assert_eq!(
        (status, code(&answer), &answer["error"]["type"]),
        (400, 100, &json!("GraphMethodException"))
    );
    let (status, answer) = provider
        .call("POST", &format!("/{NUMBER}/messages"), TOKEN, body())
        .await;
    assert_eq!((status, code(&answer)), (400, 2500));
    let bare = Request::post(&path)
        .header("host", "graph.facebook.com")
        .body(body())
        .unwrap();
    assert_eq!(provider.0.ask(bare).await.unwrap().0, 401);
    let form = Request::post(&path)
        .header("host", "graph.facebook.com")
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "text/plain")
        .body(body())
        .unwrap();
    assert_eq!(provider.0.ask(form).await.unwrap().0, 400);
    assert_eq!(provider.0.sent(), 0);
}

#[tokio::test]
async fn marking_read_succeeds_and_reaches_no_phone() {
    let provider = Provider::start().await;
    let read = json!({
        "messaging_product": "whatsapp", "status": "read", "message_id": "wamid.1", "typing_indicator": { "type": "text" },
    });
    assert_eq!(
        provider.send(&read).await,
        (200, json!({ "success": true }))
    );
    assert_eq!(provider.0.sent(), 0);
}

#[tokio::test]
async fn the_number_tells_only_the_fields_asked_for() {
    let provider = Provider::start().await;
    let path = format!("/v23.0/{NUMBER}?fields=display_phone_number,verified_name");
    let (status, answer) = provider.call("GET", &path, TOKEN, Body::empty()).await;
    assert_eq!(status, 200);
    assert_eq!(
        answer,
        json!({ "id": NUMBER, "display_phone_number": "+55 11 90000-0000", "verified_name": "Loja Demonstração" })
    );
}

#[tokio::test]
async fn an_uploaded_file_is_described_sent_and_given_back() {
    let provider = Provider::start().await;
    let form = "--b\r\nContent-Disposition: form-data; name=\"messaging_product\"\r\n\r\nwhatsapp\r\n\
                --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\nPNG\r\n--b--\r\n";
    let upload = Request::post(format!("/v23.0/{NUMBER}/media"))
        .header("host", "graph.facebook.com")
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "multipart/form-data; boundary=b")
        .body(Body::from(form))
        .unwrap();
    let (status, _, body) = provider.0.ask(upload).await.unwrap();
    let answer: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(status, 200, "{answer}");
    let id = answer["id"].as_str().unwrap();
    assert_eq!(
        provider
            .send(&of_type("image", &json!({ "id": id })))
            .await
            .0,
        200
    );
    let (_, file) = provider
        .call("GET", &format!("/v23.0/{id}"), TOKEN, Body::empty())
        .await;
    assert_eq!(
        (&file["mime_type"], &file["file_size"]),
        (&json!("image/png"), &json!("3"))
    );
    let url: hyper::Uri = file["url"].as_str().unwrap().parse().unwrap();
    assert_eq!(url.host(), Some("lookaside.fbsbx.com"));
    let download = Request::get(url.path())
        .header("host", "lookaside.fbsbx.com")
        .header("authorization", format!("Bearer {TOKEN}"))
        .body(Body::empty())
        .unwrap();
    let (status, headers, bytes) = provider.0.ask(download).await.unwrap();
    assert_eq!(
        (status, &headers["content-type"], bytes.as_ref()),
        (200, &"image/png".parse().unwrap(), b"PNG".as_ref())
    );
}

#[tokio::test]
async fn ordered_faults_come_in_order_and_then_all_is_as_usual() {
    let provider = Provider::start().await;
    assert_eq!(
        provider
            .0
            .order(&json!({ "next": 1, "fault": { "kind": "rate-limited", "retry_after": 7 } }))
            .await,
        204
    );
    assert_eq!(
        provider
            .0
            .order(&json!({ "next": 2, "fault": { "kind": "throughput" } }))
            .await,
        204
    );
    assert_eq!(
        provider
            .0
            .order(&json!({ "fault": { "kind": "server-error" } }))
            .await,
        204
    );
    let request = Request::post(format!("/v23.0/{NUMBER}/messages"))
        .header("host", "graph.facebook.com")
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/json")
        .body(Body::from(text("oi").to_string()))
        .unwrap();
    let (status, headers, _) = provider.0.ask(request).await.unwrap();
    assert_eq!(
        (status, headers["retry-after"].to_str().unwrap()),
        (429, "7")
    );
    for expected in [(429, 130_429), (429, 130_429), (500, 131_000)] {
        let (status, answer) = provider.send(&text("oi")).await;
        assert_eq!(
            (status, answer["error"]["code"].as_u64().unwrap()),
            expected
        );
    }
    assert_eq!(provider.0.sent(), 0);
    assert_eq!(provider.send(&text("oi")).await.0, 200);
    assert_eq!(provider.0.sent(), 1);
}

#[tokio::test]
async fn a_connection_hung_up_gives_no_answer_and_only_afterwards_a_message() {
    let provider = Provider::start().await;
    for (kind, sent) in [("hang-up", 0), ("hang-up-after", 1)] {
        let order = json!({ "fault": { "kind": kind } });
        assert_eq!(provider.0.order(&order).await, 204);
        let request = Request::post(format!("/v23.0/{NUMBER}/messages"))
            .header("host", "graph.facebook.com")
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", "application/json")
            .body(Body::from(text("oi").to_string()))
            .unwrap();
        let error = provider.0.ask(request).await.unwrap_err();
        assert!(error.is_incomplete_message(), "{kind}: {error}");
        assert_eq!(provider.0.sent(), sent, "{kind}");
        assert_eq!(
            provider.0.standin.ledger().requests.last().unwrap().status,
            0,
            "{kind}"
        );
    }
}

/// What the first `count` notifications are about, once they are there.
async fn values(business: &Business, count: usize) -> Vec<Value> {
    let got = business.notifications(count).await;
    got.iter()
        .map(|got| got["entry"][0]["changes"][0]["value"].clone())
        .collect()
}

#[tokio::test]
async fn a_sent_message_is_reported_sent_delivered_and_read_in_this_order() {
    let (provider, business) = (Provider::start().await, Business::default());
    provider.0.standin.notify(
        balcao_demo::provider::Provider::Whatsapp,
        &business.open().await,
    );
    let (_, answer) = provider.send(&text("oi")).await;
    let values = values(&business, 3).await;
    let statuses: Vec<&Value> = values
        .iter()
        .map(|value| &value["statuses"][0]["status"])
        .collect();
    assert_eq!(statuses, ["sent", "delivered", "read"]);
    for value in &values {
        assert_eq!(value["statuses"][0]["id"], answer["messages"][0]["id"]);
        assert_eq!(value["metadata"]["phone_number_id"], NUMBER);
    }
}

#[tokio::test]
async fn what_the_customer_types_is_posted_signed_and_shown_on_the_phone() {
    let (provider, business) = (Provider::start().await, Business::default());
    let write = || {
        Request::post("/write")
            .header("host", "localhost")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from("from=5511911110000&name=Cliente&text=Bom+dia"))
            .unwrap()
    };
    assert_eq!(
        provider.0.ask(write()).await.unwrap().0,
        409,
        "there is no webhook yet"
    );
    provider.0.standin.notify(
        balcao_demo::provider::Provider::Whatsapp,
        &business.open().await,
    );
    assert_eq!(provider.0.ask(write()).await.unwrap().0, 303);
    let value = &values(&business, 1).await[0];
    assert_eq!(value["messages"][0]["text"]["body"], "Bom dia");
    assert_eq!(
        value["contacts"][0],
        json!({ "profile": { "name": "Cliente" }, "wa_id": "5511911110000" })
    );
    let ledger = provider.0.standin.ledger();
    assert_eq!(
        ledger.written[0].id,
        value["messages"][0]["id"].as_str().unwrap()
    );
}
