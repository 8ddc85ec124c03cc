//! Each content and the body that the provider documents for it.

use super::*;

fn outbound(content: Content) -> Outbound {
    Outbound {
        channel: "channel".into(),
        message: "message".into(),
        attempt: 1,
        thread: "5511900000001".into(),
        recipient: "5511900000001".into(),
        content,
        reply_to: None,
        last_inbound_at: None,
        extra: String::new(),
    }
}

fn content(kind: &str, text: &str, extra: Json) -> Content {
    Content {
        kind: kind.into(),
        text: text.into(),
        attachments: Vec::new(),
        extra: json::text(&extra),
    }
}

fn file(kind: &str, text: &str, source: &str, name: &str) -> Content {
    Content {
        attachments: vec![Attachment {
            source: source.into(),
            mime: String::new(),
            name: name.into(),
            size: 0,
        }],
        ..content(kind, text, Json::Null)
    }
}

fn posted(outbound: &Outbound) -> Json {
    let body = message(outbound, |id| Ok(format!("https://media.example/{id}"))).unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// The whole body for a content that goes to the usual person.
fn body(kind: &str, object: Json) -> Json {
    json!({
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": "+5511900000001",
        "type": kind, kind: object,
    })
}

fn sent(content: Content) -> Json {
    posted(&outbound(content))
}

fn refused(content: Content) -> Failure {
    message(&outbound(content), |_| Ok(String::new())).unwrap_err()
}

#[test]
fn a_text_is_posted_and_a_reply_names_its_message() {
    let text = || content("text", "Bom dia", Json::Null);
    let mut expected = body("text", json!({"body": "Bom dia", "preview_url": true}));
    assert_eq!(sent(text()), expected);
    expected["context"] = json!({"message_id": "wamid.A"});
    let reply = Outbound {
        reply_to: Some("wamid.A".into()),
        ..outbound(text())
    };
    assert_eq!(posted(&reply), expected);
}

#[test]
fn a_file_of_the_host_goes_as_a_link_with_what_its_kind_may_carry() {
    let link = "https://media.example/7";
    let image = json!({"link": link, "caption": "Aqui"});
    assert_eq!(
        sent(file("image", "Aqui", "media:7", "a.png")),
        body("image", image)
    );
    let document = json!({"link": link, "caption": "Aqui", "filename": "a.pdf"});
    assert_eq!(
        sent(file("document", "Aqui", "media:7", "a.pdf")),
        body("document", document)
    );
    let bare = json!({"link": link});
    assert_eq!(
        sent(file("audio", "Aqui", "media:7", "a.ogg")),
        body("audio", bare.clone())
    );
    let mut spoken = file("audio", "", "media:7", "a.ogg");
    spoken.extra = r#"{"voice":true}"#.into();
    assert_eq!(sent(spoken.clone()), body("audio", bare.clone()));
    spoken.attachments[0].mime = "audio/ogg; codecs=opus".into();
    let voice = json!({"link": link, "voice": true});
    assert_eq!(sent(spoken), body("audio", voice));
    assert_eq!(
        sent(file("sticker", "Aqui", "media:7", "a.webp")),
        body("sticker", bare)
    );
    let video = json!({"link": "https://files.example/v.mp4"});
    assert_eq!(
        sent(file("video", "", "https://files.example/v.mp4", "")),
        body("video", video)
    );
}

#[test]
fn places_and_cards_are_posted_in_the_providers_shape() {
    let place = json!({"latitude": -23.5, "longitude": -46.6, "name": "Loja"});
    assert_eq!(
        sent(content("location", "", place.clone())),
        body("location", place)
    );
    let cards = json!({"contacts": [{"name": "Oficina Central", "phones": ["+551130000000"], "emails": ["o@example.com"]}]});
    let expected = json!([{
        "name": {"formatted_name": "Oficina Central", "first_name": "Oficina"},
        "phones": [{"phone": "+551130000000"}],
        "emails": [{"email": "o@example.com"}],
    }]);
    assert_eq!(
        sent(content("contacts", "", cards)),
        body("contacts", expected)
    );
}

#[test]
fn buttons_lists_and_templates_are_posted_in_the_providers_shape() {
    let buttons = json!({"buttons": [{"id": "y", "title": "Sim"}]});
    let expected = json!({
        "type": "button", "body": {"text": "Confirma?"},
        "action": {"buttons": [{"type": "reply", "reply": {"id": "y", "title": "Sim"}}]},
    });
    assert_eq!(
        sent(content("interactive", "Confirma?", buttons)),
        body("interactive", expected)
    );
    let sections = json!([{"title": "Dias", "rows": [{"id": "1", "title": "Hoje"}]}]);
    let list = json!({"list": {"button": "Ver", "sections": sections}});
    let expected = json!({
        "type": "list", "body": {"text": "Quando?"}, "action": {"button": "Ver", "sections": sections},
    });
    assert_eq!(
        sent(content("interactive", "Quando?", list)),
        body("interactive", expected)
    );
    let components = json!([{"type": "body", "parameters": [{"type": "text", "text": "10h"}]}]);
    let template = json!({"name": "aviso", "language": "pt_BR", "components": components});
    let expected =
        json!({"name": "aviso", "language": {"code": "pt_BR"}, "components": components});
    assert_eq!(
        sent(content("template", "", template)),
        body("template", expected)
    );
}

#[test]
fn who_has_no_phone_is_a_recipient() {
    let text = || content("text", "Oi", Json::Null);
    let person = posted(&Outbound {
        thread: "BR.3".into(),
        recipient: "BR.3".into(),
        ..outbound(text())
    });
    assert_eq!(
        (&person["recipient"], &person["to"]),
        (&json!("BR.3"), &Json::Null)
    );
}

#[test]
fn what_cannot_be_said_is_a_permanent_failure() {
    let cases = [
        (content("poll", "", Json::Null), "unsupported"),
        (content("image", "", Json::Null), "invalid"),
        (file("image", "", "ref:7", ""), "invalid"),
        (
            content("location", "", json!({"latitude": "south"})),
            "invalid",
        ),
        (content("contacts", "", json!({"contacts": []})), "invalid"),
        (
            content("interactive", "", json!({"buttons": [{"id": "y"}]})),
            "invalid",
        ),
        (content("template", "", json!({"name": "aviso"})), "invalid"),
        (
            Content {
                extra: "[".into(),
                ..content("text", "a", Json::Null)
            },
            "invalid",
        ),
    ];
    for (content, code) in cases {
        let failure = refused(content);
        assert_eq!(
            (failure.code.as_str(), failure.retry),
            (code, None),
            "{failure:?}"
        );
    }
}

#[test]
fn signals_are_posted_in_the_providers_shape() {
    let parsed = |call: Call| match call {
        Call::Message(body) => ("message", serde_json::from_slice::<Json>(&body).unwrap()),
        Call::Status(body) => ("status", serde_json::from_slice(&body).unwrap()),
    };
    let mut read =
        json!({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.A"});
    let data = r#"{"message":"wamid.A","emoji":"👍"}"#;
    assert_eq!(
        parsed(signal("5511900000001", "read", data).unwrap()),
        ("status", read.clone())
    );
    read["typing_indicator"] = json!({"type": "text"});
    assert_eq!(
        parsed(signal("5511900000001", "typing", data).unwrap()),
        ("status", read)
    );
    let reaction = body("reaction", json!({"message_id": "wamid.A", "emoji": "👍"}));
    assert_eq!(
        parsed(signal("5511900000001", "reaction", data).unwrap()),
        ("message", reaction)
    );
    for (kind, data, code) in [
        ("read", "", "invalid"),
        ("read", "[", "invalid"),
        ("wave", data, "unsupported"),
    ] {
        assert_eq!(signal("5511900000001", kind, data).unwrap_err().code, code);
    }
}

#[test]
fn the_limits_are_those_that_the_provider_documents() {
    let capabilities = capabilities();
    let limit = |kind: &str| {
        let limit = capabilities
            .kinds
            .iter()
            .find(|limit| limit.kind == kind)
            .unwrap();
        (limit.max_text, limit.max_bytes, limit.max_attachments)
    };
    assert_eq!(limit("text"), (4096, 0, 0));
    assert_eq!(limit("image"), (1024, 5_242_880, 1));
    assert_eq!(limit("document"), (1024, 104_857_600, 1));
    assert_eq!(limit("sticker"), (0, 512_000, 1));
    assert_eq!(
        (capabilities.window_seconds, capabilities.rate),
        (Some(86_400), Some(80))
    );
}
