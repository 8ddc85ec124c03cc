//! Each content and the call that the provider documents for it.

use super::*;

const HOUR: Instant = 3600 * 1_000_000;

fn content(kind: &str, text: &str, extra: Json) -> Content {
    Content {
        kind: kind.into(),
        text: text.into(),
        attachments: Vec::new(),
        extra: json::text(&extra),
    }
}

fn attached(kind: &str, text: &str, files: &[(&str, &str)]) -> Content {
    let attachment = |(source, mime): &(&str, &str)| Attachment {
        source: (*source).into(),
        mime: (*mime).into(),
        name: String::new(),
        size: 0,
    };
    Content {
        attachments: files.iter().map(attachment).collect(),
        ..content(kind, text, Json::Null)
    }
}

fn outbound(content: Content) -> Outbound {
    Outbound {
        channel: "channel".into(),
        message: "message".into(),
        attempt: 1,
        thread: "5001".into(),
        recipient: "5001".into(),
        content,
        reply_to: None,
        last_inbound_at: None,
        extra: String::new(),
    }
}

fn called(outbound: &Outbound) -> Result<Call, Failure> {
    message(outbound, &thread(&outbound.thread)?, 0)
}

/// Method and fields of a content that goes to the usual chat.
fn sent(content: Content) -> (&'static str, Json) {
    let call = called(&outbound(content)).unwrap();
    (call.method, call.fields.into())
}

fn refused(content: Content) -> (String, String) {
    let failure = called(&outbound(content)).unwrap_err();
    assert_eq!(failure.retry, None, "{failure:?}");
    (failure.code, failure.message)
}

#[test]
fn a_text_goes_with_its_formatting() {
    let bold = json!([{"type": "bold", "offset": 0, "length": 3}]);
    assert_eq!(
        sent(content("text", "Bom dia", json!({"entities": bold}))),
        (
            "sendMessage",
            json!({"chat_id": 5001, "text": "Bom dia", "entities": bold})
        )
    );
}

#[test]
fn a_thread_says_topic_direct_messages_and_business_account() {
    let to = |thread: &str| {
        let call = called(&Outbound {
            thread: thread.into(),
            ..outbound(content("text", "Oi", Json::Null))
        });
        let mut fields = call.unwrap().fields;
        fields.remove("text");
        Json::from(fields)
    };
    assert_eq!(
        to("-1001/7"),
        json!({"chat_id": -1001, "message_thread_id": 7})
    );
    assert_eq!(
        to("-1001/d9"),
        json!({"chat_id": -1001, "direct_messages_topic_id": 9})
    );
    assert_eq!(
        to("6001@bc"),
        json!({"chat_id": 6001, "business_connection_id": "bc"})
    );
    assert!(thread("5511900000001@s.whatsapp.net").is_err());
}

#[test]
fn a_reply_names_its_message_and_goes_even_if_that_is_gone() {
    let reply = |id: &str| {
        let call = called(&Outbound {
            reply_to: Some(id.into()),
            ..outbound(content("text", "Oi", Json::Null))
        });
        call.unwrap().fields.remove("reply_parameters")
    };
    let to_7 = json!({"message_id": 7, "allow_sending_without_reply": true});
    assert_eq!(reply("5001:7"), Some(to_7.clone()));
    assert_eq!(reply("5001:7:cb1"), Some(to_7));
    // Of the group that this one was, or of the server alone.
    assert_eq!(reply("-4001:7"), None);
    assert_eq!(reply("msg_1"), None);
}

#[test]
fn a_file_goes_by_the_method_of_its_kind_with_its_caption() {
    let by = |kind: &str, mime: &str| {
        let call = called(&outbound(attached(kind, "Aqui", &[("media:7", mime)]))).unwrap();
        assert_eq!(call.files[0].source, Source::Held("7".into()));
        (
            call.method,
            call.files[0].part,
            call.fields.contains_key("caption"),
        )
    };
    assert_eq!(by("image", "image/png"), ("sendPhoto", "photo", true));
    assert_eq!(
        by("image", "image/gif"),
        ("sendAnimation", "animation", true)
    );
    assert_eq!(by("video", "video/mp4"), ("sendVideo", "video", true));
    assert_eq!(by("audio", "audio/mpeg"), ("sendAudio", "audio", true));
    // Neither music that the provider takes nor spoken at the desk: a file.
    assert_eq!(
        by("audio", "audio/ogg; codecs=opus"),
        ("sendDocument", "document", true)
    );
    assert_eq!(
        by("document", "application/pdf"),
        ("sendDocument", "document", true)
    );
    assert_eq!(
        by("sticker", "image/webp"),
        ("sendSticker", "sticker", false)
    );
    let voice = Content {
        extra: r#"{"voice":true}"#.into(),
        ..attached("audio", "", &[("media:7", "audio/ogg")])
    };
    assert_eq!(called(&outbound(voice)).unwrap().method, "sendVoice");
}

#[test]
fn a_form_takes_texts_and_a_body_the_link() {
    let photo = attached(
        "image",
        "Aqui",
        &[("https://files.example/a.png", "image/png")],
    );
    let call = called(&Outbound {
        reply_to: Some("5001:7".into()),
        ..outbound(photo)
    });
    let call = call.unwrap();
    let form = call.form();
    assert!(
        form.contains(&("chat_id".into(), "5001".into())),
        "{form:?}"
    );
    assert!(
        form.contains(&("caption".into(), "Aqui".into())),
        "{form:?}"
    );
    let reply = r#"{"allow_sending_without_reply":true,"message_id":7}"#;
    assert!(
        form.contains(&("reply_parameters".into(), reply.into())),
        "{form:?}"
    );
    let body = call.body(&["https://files.example/a.png".into()]);
    assert_eq!(body["photo"], "https://files.example/a.png");
    assert_eq!(call.moved(-1001).fields["chat_id"], -1001);
}

#[test]
fn several_files_are_an_album_whose_first_has_the_caption() {
    let album = attached(
        "image",
        "As fotos",
        &[("media:1", "image/png"), ("media:2", "video/mp4")],
    );
    let call = called(&outbound(album)).unwrap();
    assert_eq!(call.method, "sendMediaGroup");
    let body = call.body(&["https://l/1".into(), "https://l/2".into()]);
    assert_eq!(
        Json::from(body),
        json!({"chat_id": 5001, "media": [
            {"type": "photo", "media": "https://l/1", "caption": "As fotos"},
            {"type": "video", "media": "https://l/2"},
        ]})
    );
    let gif = [("media:1", "image/gif"), ("media:2", "image/gif")];
    assert_eq!(refused(attached("image", "", &gif)).0, "invalid");
    let many = [("media:1", "image/png"); 11];
    assert_eq!(refused(attached("image", "", &many)).0, "invalid");
}

#[test]
fn a_place_with_a_name_is_a_venue() {
    let mut place = json!({"latitude": -23.5, "longitude": -46.6});
    assert_eq!(
        sent(content("location", "", place.clone())),
        (
            "sendLocation",
            json!({"chat_id": 5001, "latitude": -23.5, "longitude": -46.6})
        )
    );
    place["name"] = "Loja".into();
    assert_eq!(
        sent(content("location", "", place)),
        (
            "sendVenue",
            json!({"chat_id": 5001, "latitude": -23.5, "longitude": -46.6, "title": "Loja", "address": "Loja"})
        )
    );
}

#[test]
fn a_contact_goes_with_its_first_phone_and_the_rest_in_a_card() {
    let one = json!({"contacts": [{"name": "Oficina Central", "phones": ["+551130000000"], "emails": []}]});
    assert_eq!(
        sent(content("contacts", "", one)),
        (
            "sendContact",
            json!({"chat_id": 5001, "phone_number": "+551130000000", "first_name": "Oficina", "last_name": "Central"})
        )
    );
    let more = json!({"contacts": [{"name": "Ana;\nSouza", "phones": ["1", "2"], "emails": ["a@b.test"]}]});
    let (_, fields) = sent(content("contacts", "", more));
    let card = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ana\\; Souza\r\nN:;Ana\\; Souza;;;\r\nTEL:1\r\nTEL:2\r\nEMAIL:a@b.test\r\nEND:VCARD";
    assert_eq!(fields["vcard"], card);
    let two = json!({"contacts": [{"name": "A", "phones": ["1"]}, {"name": "B", "phones": ["2"]}]});
    assert!(
        refused(content("contacts", "", two))
            .1
            .contains("um contato")
    );
    let none = json!({"contacts": [{"name": "A", "phones": []}]});
    assert!(
        refused(content("contacts", "", none))
            .1
            .contains("telefone")
    );
}

#[test]
fn buttons_and_lists_are_inline_keyboards() {
    let buttons = json!({"buttons": [{"id": "y", "title": "Sim"}, {"title": "Site", "url": "https://example.com"}]});
    let markup = json!({"inline_keyboard": [
        [{"text": "Sim", "callback_data": "y"}],
        [{"text": "Site", "url": "https://example.com"}],
    ]});
    assert_eq!(
        sent(content("interactive", "Confirma?", buttons)),
        (
            "sendMessage",
            json!({"chat_id": 5001, "text": "Confirma?", "reply_markup": markup})
        )
    );
    let list = json!({"list": {"button": "Ver", "sections": [
        {"title": "Dias", "rows": [{"id": "1", "title": "Hoje", "description": "até as 18h"}, {"id": "2", "title": "Amanhã"}]},
    ]}});
    let (_, fields) = sent(content("interactive", "Quando?", list));
    assert_eq!(fields["text"], "Quando?\n\nDias\nHoje: até as 18h");
    assert_eq!(
        fields["reply_markup"]["inline_keyboard"],
        json!([[{"text": "Hoje", "callback_data": "1"}], [{"text": "Amanhã", "callback_data": "2"}]])
    );
}

#[test]
fn a_keyboard_says_texts_or_asks_for_phone_and_place_and_is_taken_away() {
    let markup = |keyboard: Json| {
        let extra = json!({ "keyboard": keyboard });
        sent(content("interactive", "E então?", extra)).1["reply_markup"].clone()
    };
    assert_eq!(
        markup(
            json!([["Sim", "Não"], [{"title": "Meu telefone", "asks": "phone"}, {"title": "Onde estou", "asks": "location"}]])
        ),
        json!({"keyboard": [
            [{"text": "Sim"}, {"text": "Não"}],
            [{"text": "Meu telefone", "request_contact": true}, {"text": "Onde estou", "request_location": true}],
        ], "resize_keyboard": true, "one_time_keyboard": true})
    );
    assert_eq!(markup(json!([])), json!({"remove_keyboard": true}));
}

#[test]
fn what_cannot_be_said_is_refused_with_the_reason() {
    let long = json!({"buttons": [{"id": "x".repeat(65), "title": "Sim"}]});
    assert!(
        refused(content("interactive", "E?", long))
            .1
            .contains("64 bytes")
    );
    let many: Vec<Json> = (0..101)
        .map(|n| json!({"id": n.to_string(), "title": "x"}))
        .collect();
    assert!(
        refused(content("interactive", "E?", json!({"buttons": many})))
            .1
            .contains("100")
    );
    for (content, code) in [
        (content("template", "", Json::Null), "unsupported"),
        (content("text", "  ", Json::Null), "invalid"),
        (content("image", "", Json::Null), "invalid"),
        (attached("image", "", &[("ref:7", "image/png")]), "invalid"),
        (
            content("location", "", json!({"latitude": "south"})),
            "invalid",
        ),
        (content("contacts", "", json!({"contacts": []})), "invalid"),
        (
            content("interactive", "E?", json!({"buttons": [{"id": "y"}]})),
            "invalid",
        ),
        (
            content(
                "interactive",
                "",
                json!({"buttons": [{"id": "y", "title": "S"}]}),
            ),
            "invalid",
        ),
        (
            content("interactive", "E?", json!({"list": {"sections": []}})),
            "invalid",
        ),
        (
            content(
                "interactive",
                "E?",
                json!({"keyboard": [[{"title": "x", "asks": "passport"}]]}),
            ),
            "unsupported",
        ),
        (
            Content {
                extra: "[".into(),
                ..content("text", "a", Json::Null)
            },
            "invalid",
        ),
    ] {
        assert_eq!(refused(content).0, code);
    }
}

#[test]
fn a_business_account_answers_within_a_day() {
    let late = |thread_of: &str, hours: Instant| {
        let outbound = Outbound {
            thread: thread_of.into(),
            last_inbound_at: Some(0),
            ..outbound(content("text", "Oi", Json::Null))
        };
        let sent = message(&outbound, &thread(thread_of).unwrap(), hours * HOUR);
        sent.err().map(|failure| failure.code)
    };
    assert_eq!(late("6001@bc", 24), None);
    assert_eq!(late("6001@bc", 25).as_deref(), Some("window-closed"));
    assert_eq!(late("5001", 25), None);
}

#[test]
fn signals_are_told_where_the_provider_has_them() {
    let data = r#"{"message":"5001:7","emoji":"❤️"}"#;
    let told = |to: &str, kind: &str, data: &str| {
        signal(&thread(to).unwrap(), kind, data)
            .map(|call| call.map(|it| (it.method, Json::from(it.fields))))
    };
    assert_eq!(
        told("-1001/7", "typing", ""),
        Ok(Some((
            "sendChatAction",
            json!({"action": "typing", "chat_id": -1001, "message_thread_id": 7})
        )))
    );
    assert_eq!(told("-1001/d9", "typing", ""), Ok(None));
    assert_eq!(told("5001", "read", data), Ok(None));
    assert_eq!(
        told("6001@bc", "read", r#"{"message":"6001@bc:7"}"#),
        Ok(Some((
            "readBusinessMessage",
            json!({"chat_id": 6001, "business_connection_id": "bc", "message_id": 7})
        )))
    );
    let reaction = |list: Json| {
        Ok(Some((
            "setMessageReaction",
            json!({"chat_id": 5001, "message_id": 7, "reaction": list}),
        )))
    };
    assert_eq!(
        told("5001", "reaction", data),
        reaction(json!([{"type": "emoji", "emoji": "❤"}]))
    );
    assert_eq!(
        told("5001", "reaction", r#"{"message":"5001:7","emoji":""}"#),
        reaction(json!([]))
    );
    for (to, kind, data, code) in [
        (
            "5001",
            "reaction",
            r#"{"message":"5001:7","emoji":"🥦"}"#,
            "unsupported",
        ),
        ("6001@bc", "reaction", data, "unsupported"),
        ("5001", "reaction", "", "invalid"),
        ("5001", "read", "[", "invalid"),
        ("5001", "wave", data, "unsupported"),
    ] {
        assert_eq!(told(to, kind, data).unwrap_err().code, code, "{to} {kind}");
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
    assert_eq!(limit("image"), (1024, 10_000_000, 10));
    assert_eq!(limit("document"), (1024, 50_000_000, 10));
    assert_eq!(limit("sticker"), (0, 512_000, 1));
    assert!(
        !capabilities
            .kinds
            .iter()
            .any(|limit| limit.kind == "template")
    );
    assert_eq!(
        (capabilities.window_seconds, capabilities.rate),
        (None, Some(30))
    );
}
