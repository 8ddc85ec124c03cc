//! Each content and the body that the provider documents for it.

use super::*;

fn content(kind: &str, text: &str, extra: &Json, sources: &[&str]) -> Content {
    let attachments = sources.iter().map(|source| Attachment {
        source: (*source).into(),
        mime: String::new(),
        name: String::new(),
        size: 0,
    });
    Content {
        kind: kind.into(),
        text: text.into(),
        attachments: attachments.collect(),
        extra: json::text(extra),
    }
}

fn outbound(content: Content) -> Outbound {
    Outbound {
        channel: "channel".into(),
        message: "message".into(),
        attempt: 1,
        thread: "7".into(),
        recipient: "7".into(),
        content,
        reply_to: None,
        last_inbound_at: None,
        extra: String::new(),
    }
}

fn posted(outbound: &Outbound, window: Window) -> Result<Json, Failure> {
    let link = |id: &str| Ok(format!("https://media.example/{id}"));
    message(outbound, window, link).map(|body| serde_json::from_slice(&body).unwrap())
}

/// The `message` of the body.
fn said(content: Content) -> Json {
    let mut body = posted(&outbound(content), Window::Open).unwrap();
    assert_eq!(body["recipient"], json!({"id": "7"}));
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    body["message"].take()
}

fn text_of(text: &str) -> Content {
    content("text", text, &Json::Null, &[])
}

#[test]
fn a_text_is_posted_and_an_answer_names_its_message() {
    assert_eq!(said(text_of("Bom dia")), json!({"text": "Bom dia"}));
    let answer = Outbound {
        reply_to: Some("mid.A".into()),
        ..outbound(text_of("Sim"))
    };
    assert_eq!(
        posted(&answer, Window::Open).unwrap()["reply_to"],
        json!({"mid": "mid.A"})
    );
}

#[test]
fn a_persons_late_answer_is_tagged() {
    let body = posted(&outbound(text_of("Oi")), Window::HumanAgent).unwrap();
    assert_eq!(
        (&body["messaging_type"], &body["tag"]),
        (&json!("MESSAGE_TAG"), &json!("HUMAN_AGENT"))
    );
}

#[test]
fn files_go_as_links_of_their_type() {
    for (kind, name) in [
        ("image", "image"),
        ("audio", "audio"),
        ("video", "video"),
        ("document", "file"),
    ] {
        let file = content(kind, "", &Json::Null, &["media:7"]);
        let expected =
            json!({"attachment": {"type": name, "payload": {"url": "https://media.example/7"}}});
        assert_eq!(said(file), expected);
    }
    let images = content(
        "image",
        "",
        &Json::Null,
        &["media:7", "https://files.example/b"],
    );
    let image = |url: &str| json!({"type": "image", "payload": {"url": url}});
    let expected = [
        image("https://media.example/7"),
        image("https://files.example/b"),
    ];
    assert_eq!(said(images), json!({"attachments": expected}));
}

#[test]
fn buttons_are_quick_replies() {
    let extra = json!({"buttons": [{"id": "MON", "title": "Segunda"}, {"title": "Terça"}]});
    let expected = json!({"text": "Quando?", "quick_replies": [
        {"content_type": "text", "title": "Segunda", "payload": "MON"},
        {"content_type": "text", "title": "Terça", "payload": "Terça"},
    ]});
    assert_eq!(
        said(content("interactive", "Quando?", &extra, &[])),
        expected
    );
}

#[test]
fn a_text_counts_by_its_bytes() {
    assert!(posted(&outbound(text_of(&"é".repeat(500))), Window::Open).is_ok());
    let failure = posted(&outbound(text_of(&"é".repeat(501))), Window::Open).unwrap_err();
    assert_eq!(failure.code, "too-long");
    assert!(failure.message.contains("este tem 1002"), "{failure:?}");
}

#[test]
fn what_cannot_be_said_is_a_permanent_failure() {
    let none = &Json::Null;
    let buttons = |count: usize, title: &str| json!({"buttons": vec![json!({"id": "a", "title": title}); count]});
    let cases = [
        (content("sticker", "", none, &["media:7"]), "unsupported"),
        (content("image", "Aqui", none, &["media:7"]), "unsupported"),
        (
            content("image", "Aqui", none, &["media:7", "media:8"]),
            "unsupported",
        ),
        (content("image", "", none, &["media:7"; 11]), "invalid"),
        (
            content("video", "", none, &["media:7", "media:8"]),
            "invalid",
        ),
        (content("video", "", none, &[]), "invalid"),
        (content("image", "", none, &["ref:7"]), "invalid"),
        (text_of("  "), "invalid"),
        (
            content("interactive", "a", &buttons(0, "x"), &[]),
            "invalid",
        ),
        (
            content("interactive", "a", &buttons(14, "x"), &[]),
            "invalid",
        ),
        (
            content("interactive", "a", &buttons(1, &"x".repeat(21)), &[]),
            "invalid",
        ),
        (
            content("interactive", "a", &json!({"list": {}}), &[]),
            "unsupported",
        ),
    ];
    for (content, code) in cases {
        let failure = posted(&outbound(content), Window::Open).unwrap_err();
        assert_eq!(
            (failure.code.as_str(), failure.retry),
            (code, None),
            "{failure:?}"
        );
    }
}

#[test]
fn signals_are_posted_in_the_providers_shape() {
    let posted =
        |kind, data| -> Json { serde_json::from_slice(&signal("7", kind, data).unwrap()).unwrap() };
    let action = |name: &str| json!({"recipient": {"id": "7"}, "sender_action": name});
    assert_eq!(posted("read", r#"{"message":"m"}"#), action("mark_seen"));
    assert_eq!(posted("typing", ""), action("typing_on"));
    let mut react = action("react");
    react["payload"] = json!({"message_id": "m", "reaction": "🎉"});
    assert_eq!(posted("reaction", r#"{"message":"m","emoji":"🎉"}"#), react);
    let mut back = action("unreact");
    back["payload"] = json!({"message_id": "m"});
    assert_eq!(posted("reaction", r#"{"message":"m","emoji":""}"#), back);
    for (kind, data, code) in [
        ("reaction", "", "invalid"),
        ("read", "[", "invalid"),
        ("wave", "", "unsupported"),
    ] {
        assert_eq!(signal("7", kind, data).unwrap_err().code, code);
    }
}
