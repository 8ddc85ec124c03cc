//! Each fixture and what must come of it, whole. The fixtures follow the provider's documented shapes, with invented numbers.

use super::*;
use balcao_plugin::connector::{Inbound, Person, Remark};
use balcao_plugin::{Attachment, Content};
use serde_json::json as value;
use std::collections::BTreeSet;

const AT: Instant = 1_767_225_600_000_000;
const NOW: Instant = 42;
macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../fixtures/", $name, ".json"))
    };
}

fn brought(body: &[u8]) -> Brought {
    read(body, None, || NOW)
}

/// What a fixture brings, which must be without a remark.
fn events(body: &[u8]) -> Vec<Event> {
    let brought = brought(body);
    assert_eq!(brought.remarks, []);
    brought.events
}

fn client() -> Person {
    Person {
        external_id: "5511900000001".into(),
        aliases: vec![
            ("phone".into(), "+5511900000001".into()),
            ("bsuid".into(), "BR.300000000000003".into()),
        ],
        name: "Cliente".into(),
        avatar: String::new(),
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

fn text(said: &str) -> Content {
    content("text", said, Json::Null)
}

fn file(kind: &str, caption: &str, id: &str, mime: &str, name: &str, extra: Json) -> Content {
    Content {
        attachments: vec![Attachment {
            source: format!("ref:{id}"),
            mime: mime.into(),
            name: name.into(),
            size: 0,
        }],
        ..content(kind, caption, extra)
    }
}

/// A message of the client's, answering none.
fn message(id: &str, content: Content) -> Inbound {
    Inbound {
        external_id: format!("wamid.{id}"),
        thread: "5511900000001".into(),
        sender: client(),
        outgoing: false,
        at: AT,
        content,
        reply_to: None,
        extra: String::new(),
    }
}

fn kept(message: Inbound) -> Event {
    Event::Message {
        key: format!("m:{}", message.external_id),
        message,
    }
}

fn said(id: &str, content: Content) -> Vec<Event> {
    vec![kept(message(id, content))]
}

fn answered(id: &str, content: Content) -> Vec<Event> {
    vec![kept(Inbound {
        reply_to: Some("wamid.ASKED".into()),
        ..message(id, content)
    })]
}

fn note(id: &str, code: &str, text: &str, extra: Json) -> Vec<Event> {
    vec![Event::Note {
        key: format!("n:wamid.{id}"),
        thread: Some("5511900000001".into()),
        code: code.into(),
        text: text.into(),
        extra: json::text(&extra),
    }]
}

#[test]
fn a_text_is_a_message_of_its_sender_in_microseconds() {
    assert_eq!(
        events(fixture!("text")),
        said("TEXT", text("Bom dia! Vocês abrem hoje?"))
    );
}

#[test]
fn a_reply_names_what_it_answers_and_a_forwarded_text_says_so() {
    let expected = Inbound {
        reply_to: Some("wamid.ANSWERED".into()),
        extra: r#"{"forwarded":true}"#.into(),
        ..message("TEXT", text("Este aqui"))
    };
    assert_eq!(events(fixture!("reply_forwarded")), [kept(expected)]);
}

#[test]
fn a_message_from_an_advertisement_keeps_its_referral() {
    let [Event::Message { message, .. }] = &events(fixture!("referral"))[..] else {
        panic!("one message");
    };
    let extra: Json = json::parse(&message.extra).unwrap();
    assert_eq!(extra["referral"]["ctwa_clid"], "clid-1");
    assert_eq!(message.content, text("Vi o anúncio"));
}

#[test]
fn media_come_by_reference_with_caption_name_and_kind() {
    let none = || Json::Null;
    let image = file(
        "image",
        "A etiqueta",
        "500000000000005",
        "image/jpeg",
        "",
        none(),
    );
    assert_eq!(events(fixture!("image")), said("IMAGE", image));
    let video = file("video", "", "500000000000006", "video/mp4", "", none());
    assert_eq!(events(fixture!("video")), said("VIDEO", video));
    let ogg = "audio/ogg; codecs=opus";
    let voice = file(
        "audio",
        "",
        "500000000000007",
        ogg,
        "",
        value!({"voice": true}),
    );
    assert_eq!(events(fixture!("voice")), said("AUDIO", voice));
    let sound = file(
        "audio",
        "",
        "500000000000010",
        "audio/mpeg",
        "",
        value!({"voice": false}),
    );
    assert_eq!(events(fixture!("audio")), said("AUDIO", sound));
    let document = file(
        "document",
        "A nota",
        "500000000000008",
        "application/pdf",
        "nota.pdf",
        none(),
    );
    assert_eq!(events(fixture!("document")), said("DOCUMENT", document));
    let sticker = file("sticker", "", "500000000000009", "image/webp", "", none());
    assert_eq!(events(fixture!("sticker")), said("STICKER", sticker));
}

#[test]
fn a_location_keeps_its_place() {
    let place = value!({
        "latitude": -23.5505, "longitude": -46.6333, "name": "Praça da Sé", "address": "Sé, São Paulo",
    });
    assert_eq!(
        events(fixture!("location")),
        said("LOCATION", content("location", "", place))
    );
}

#[test]
fn contact_cards_keep_names_phones_and_addresses() {
    let cards = value!({ "contacts": [
        { "name": "Oficina", "phones": ["+55 11 3000-0000"], "emails": ["oficina@example.com"] },
    ]});
    assert_eq!(
        events(fixture!("contacts")),
        said("CONTACTS", content("contacts", "", cards))
    );
}

#[test]
fn answers_to_buttons_lists_templates_and_forms_are_choices() {
    let button = content("choice", "Sim", value!({"id": "yes", "title": "Sim"}));
    assert_eq!(
        events(fixture!("button_reply")),
        answered("INTERACTIVE", button)
    );
    let row = content(
        "choice",
        "Entrega\nEm até dois dias",
        value!({"id": "row-2", "title": "Entrega"}),
    );
    assert_eq!(events(fixture!("list_reply")), answered("INTERACTIVE", row));
    let template = content(
        "choice",
        "Confirmar",
        value!({"id": "CONFIRM", "title": "Confirmar"}),
    );
    assert_eq!(
        events(fixture!("template_button")),
        answered("BUTTON", template)
    );
    let form = content(
        "choice",
        "Enviado\nnota: 5\nvolta: true",
        value!({"id": "flow", "title": "Enviado"}),
    );
    assert_eq!(events(fixture!("form_reply")), said("INTERACTIVE", form));
}

#[test]
fn an_order_is_shown_whole_in_words() {
    let words = "Pedido do catálogo:\n2 × PAO (BRL 7.5)\nPara hoje";
    let order = content("unsupported", words, value!({"type": "order"}));
    assert_eq!(events(fixture!("order")), said("ORDER", order));
}

#[test]
fn a_reaction_is_about_its_message_and_without_emoji_is_taken_back() {
    let reaction = |emoji: &str| Event::Reaction {
        key: "r:wamid.REACTION".into(),
        message: "wamid.LIKED".into(),
        sender: client(),
        emoji: emoji.into(),
        at: AT,
    };
    assert_eq!(events(fixture!("reaction")), [reaction("👍")]);
    assert_eq!(events(fixture!("reaction_taken_back")), [reaction("")]);
}

#[test]
fn edits_and_revocations_have_keys_of_their_own() {
    let edit = Event::Edit {
        key: "e:wamid.EDIT".into(),
        message: "wamid.EDITED".into(),
        content: text("Bom dia"),
        at: AT,
    };
    assert_eq!(events(fixture!("edit")), [edit]);
    let revoke = Event::Revoke {
        key: "d:wamid.REVOKE".into(),
        message: "wamid.REVOKED".into(),
        at: AT,
    };
    assert_eq!(events(fixture!("revoke")), [revoke]);
}

#[test]
fn a_changed_number_is_a_changed_identity() {
    let now = Person {
        external_id: "5511900000002".into(),
        aliases: vec![
            ("phone".into(), "+5511900000002".into()),
            ("bsuid".into(), "BR.300000000000004".into()),
        ],
        name: String::new(),
        ..client()
    };
    let identity = |id: &str, now: Person| Event::Identity {
        key: format!("i:wamid.{id}"),
        old: "5511900000001".into(),
        now,
    };
    assert_eq!(
        events(fixture!("number_changed")),
        [identity("SYSTEM", now.clone())]
    );
    // As earlier documents have it.
    let now = Person {
        aliases: vec![("phone".into(), "+5511900000002".into())],
        ..now
    };
    let expected = [identity("CHANGED", now)];
    assert_eq!(events(fixture!("customer_changed_number")), expected);
}

#[test]
fn a_changed_id_names_the_one_before_where_no_phone_is_told() {
    let changed = |old: &str, external_id: &str, aliases: &[(&str, &str)]| Event::Identity {
        key: "i:wamid.SYSTEM".into(),
        old: old.into(),
        now: Person {
            external_id: external_id.into(),
            aliases: aliases
                .iter()
                .map(|(kind, id)| ((*kind).into(), (*id).into()))
                .collect(),
            name: String::new(),
            ..client()
        },
    };
    let new = "BR.300000000000004";
    let expected = changed("BR.300000000000003", new, &[("bsuid", new)]);
    assert_eq!(events(fixture!("new_user_id")), [expected]);
    let system = |message: Json| {
        let body = value!({"entry": [{"changes": [{"field": "messages", "value": {"messages": [message]}}]}]});
        events(body.to_string().as_bytes())
    };
    // Only beside the message, before the provider told the id before (2026-08-11).
    let mut message = value!({
        "id": "wamid.SYSTEM", "timestamp": "1767225600", "from_user_id": "BR.1", "type": "system",
        "system": {"type": "user_changed_user_id", "user_id": "BR.2"},
    });
    let expected = changed("BR.1", "BR.2", &[("bsuid", "BR.2")]);
    assert_eq!(system(message.clone()), [expected]);
    // A phone that is told all the same still names the person.
    message["from"] = "5511900000001".into();
    let phone = ("phone", "+5511900000001");
    let expected = changed(
        "5511900000001",
        "5511900000001",
        &[phone, ("bsuid", "BR.2")],
    );
    assert_eq!(system(message), [expected]);
}

#[test]
fn a_notice_of_another_kind_is_told_in_its_words() {
    let other = value!({"type": "user_changed_device"});
    let expected = note("SYSTEM", "system", "Cliente mudou de aparelho", other);
    assert_eq!(events(fixture!("system_other")), expected);
}

#[test]
fn all_entries_and_changes_of_a_webhook_are_read_in_their_order() {
    let keys: Vec<String> = events(fixture!("several"))
        .iter()
        .map(|event| event.key().to_owned())
        .collect();
    let expected = [
        "m:wamid.FIRST",
        "m:wamid.SECOND",
        "s:wamid.SENT:delivered",
        "s:wamid.SENT:read",
        "m:wamid.THIRD",
    ];
    assert_eq!(keys, expected);
}

#[test]
fn what_is_said_while_the_providers_own_agent_answers_is_kept_too() {
    let business = Person {
        external_id: "551130000000".into(),
        aliases: vec![("phone".into(), "+551130000000".into())],
        name: String::new(),
        ..client()
    };
    let answer = Inbound {
        sender: business,
        outgoing: true,
        ..message("ANSWERED", text("Sim, até as 18h."))
    };
    let delivered = Event::Delivery {
        key: "s:wamid.ANSWERED:delivered".into(),
        message: "wamid.ANSWERED".into(),
        state: "delivered",
        at: AT,
        reason: String::new(),
        extra: String::new(),
    };
    let expected = [
        kept(message("ASKED", text("Vocês abrem hoje?"))),
        kept(answer),
        delivered,
    ];
    assert_eq!(events(fixture!("standby")), expected);
}

#[test]
fn what_has_no_function_of_its_own_is_a_note() {
    let identity = value!({"type": "customer_identity_changed"});
    let changed = note(
        "SYSTEM",
        "identity-changed",
        "O código de segurança do cliente mudou.",
        identity,
    );
    assert_eq!(events(fixture!("identity_changed")), changed);
    let welcome = "O cliente abriu a conversa e ainda não escreveu.";
    assert_eq!(
        events(fixture!("welcome")),
        note("REQUEST_WELCOME", "opened", welcome, Json::Null)
    );
    let permitted = "O cliente permitiu receber ligações.";
    let response = value!({"response": "accept"});
    let permission = note("INTERACTIVE", "call-permission", permitted, response);
    assert_eq!(events(fixture!("call_permission")), permission);
}

#[test]
fn a_product_in_answer_to_one_is_kept_as_unsupported() {
    let body = value!({"entry": [{"changes": [{"field": "messages", "value": {"messages": [
        {"id": "a", "from": "5511900000001", "timestamp": "1767225600", "type": "interactive", "interactive": {"type": "product", "product": {}}},
    ]}}]}]});
    let brought = brought(body.to_string().as_bytes());
    let [Event::Message { message, .. }] = &brought.events[..] else {
        panic!("{brought:?}");
    };
    assert_eq!(message.content.kind, "unsupported");
    assert_eq!(brought.remarks.len(), 1);
}

#[test]
fn an_unknown_kind_is_kept_and_named() {
    let poll = content(
        "unsupported",
        "Mensagem de um tipo que este canal não recebe (poll).",
        value!({"type": "poll", "reason": "131051: Message type is currently not supported."}),
    );
    assert_eq!(events(fixture!("unsupported")), said("UNSUPPORTED", poll));
    let hologram = content(
        "unsupported",
        "Mensagem de um tipo que este canal não recebe (hologram).",
        value!({"type": "hologram"}),
    );
    assert_eq!(events(fixture!("unknown_kind")), said("HOLOGRAM", hologram));
}

#[test]
fn an_alias_that_the_host_does_not_take_costs_no_message() {
    let long = "é".repeat(300);
    let digits = "1".repeat(600);
    let person = person::named(
        Some("5511900000001".into()),
        Some(long.clone()),
        None,
        Some("a\0".into()),
    );
    let phone = ("phone".to_owned(), "+5511900000001".to_owned());
    assert_eq!(person.aliases, [phone]);
    assert_eq!(person::named(Some(digits), None, None, None).aliases, []);
}

#[test]
fn a_person_without_a_phone_is_known_by_the_providers_id() {
    let sender = Person {
        external_id: "BR.300000000000003".into(),
        aliases: vec![
            ("bsuid".into(), "BR.300000000000003".into()),
            ("username".into(), "cliente".into()),
        ],
        ..client()
    };
    let expected = Inbound {
        thread: "BR.300000000000003".into(),
        sender,
        ..message("TEXT", text("Oi"))
    };
    assert_eq!(events(fixture!("without_phone")), [kept(expected)]);
}

#[test]
fn a_groups_messages_are_left_out_with_the_reason() {
    let why = "A message of a group: only conversations with one person are served".into();
    let expected = Brought {
        events: vec![],
        remarks: vec![Remark::Ignored(why)],
    };
    assert_eq!(brought(fixture!("group")), expected);
}

#[test]
fn a_status_that_is_no_delivery_is_told_for_what_it_is() {
    let revoke = Event::Revoke {
        key: "s:wamid.SENT:deleted".into(),
        message: "wamid.SENT".into(),
        at: AT,
    };
    assert_eq!(events(fixture!("status_deleted")), [revoke]);
    let ignored = |body: &[u8], why: &str| {
        let expected = Brought {
            events: vec![],
            remarks: vec![Remark::Ignored(why.into())],
        };
        assert_eq!(brought(body), expected);
    };
    ignored(
        fixture!("status_unknown"),
        "A status \"pending\", which this channel does not use",
    );
    ignored(
        fixture!("group_status"),
        "The status of a group's message: only conversations with one person are served",
    );
    ignored(
        fixture!("contacts_only"),
        "A change without a message or a status",
    );
}

#[test]
fn what_the_provider_reports_beside_no_message_is_logged() {
    let why = "The provider reports: 130429: Cloud API message throughput has been reached.";
    let expected = Brought {
        events: vec![],
        remarks: vec![Remark::Odd(why.into())],
    };
    assert_eq!(brought(fixture!("errors")), expected);
}

#[test]
fn each_status_has_its_key_and_a_failure_its_reason() {
    let delivery = |id: &str, name: &str, state, reason: &str, extra: Json| Event::Delivery {
        key: format!("s:wamid.{id}:{name}"),
        message: format!("wamid.{id}"),
        state,
        at: AT,
        reason: reason.into(),
        extra: json::text(&extra),
    };
    let priced = value!({
        "pricing": {"billable": true, "pricing_model": "PMP", "category": "service"},
        "conversation": {"id": "c1", "origin": {"type": "service"}},
    });
    let expected = [
        delivery("SENT", "sent", "sent", "", priced),
        delivery("SENT", "delivered", "delivered", "", Json::Null),
        delivery("SENT", "read", "read", "", Json::Null),
        delivery("VOICE", "played", "read", "", Json::Null),
        delivery(
            "FAILED",
            "failed",
            "failed",
            "O WhatsApp não consegue entregar a este número: ele não tem WhatsApp, não aceitou os termos novos ou usa uma versão antiga. Confira o número ou fale com a pessoa por outro canal. [131026: Message Undeliverable.]",
            value!({"code": "131026"}),
        ),
    ];
    assert_eq!(events(fixture!("statuses")), expected);
}

#[test]
fn what_the_business_writes_on_its_phone_is_an_outgoing_message_in_the_clients_thread() {
    let business = Person {
        external_id: "551130000000".into(),
        aliases: vec![("phone".into(), "+551130000000".into())],
        name: String::new(),
        ..client()
    };
    let expected = Inbound {
        sender: business,
        outgoing: true,
        ..message("ECHO", text("Respondido pelo celular"))
    };
    assert_eq!(events(fixture!("echo")), [kept(expected)]);
}

#[test]
fn fields_without_anything_for_the_desk_are_ignored_with_the_reason() {
    for (name, _) in account::LEFT_OUT {
        let body = value!({"entry": [{"changes": [{"field": name, "value": {"event": "x"}}]}]});
        match &brought(body.to_string().as_bytes()).remarks[..] {
            [Remark::Ignored(why)] => assert!(why.contains("is left out: "), "{why}"),
            other => panic!("{name}: {other:?}"),
        }
    }
    let body = br#"{"entry":[{"changes":[{"field":"tomorrow","value":{}}]}]}"#;
    let why = "A change of the field \"tomorrow\", which this channel does not use".into();
    assert_eq!(brought(body).remarks, [Remark::Ignored(why)]);
}

#[test]
fn what_is_said_of_the_account_is_its_health() {
    let health = |body: &[u8]| -> Vec<(&'static str, bool)> {
        events(body)
            .into_iter()
            .map(|event| match event {
                Event::Health { state, message } => (state, message.is_empty()),
                other => panic!("{other:?}"),
            })
            .collect()
    };
    let of = |field: &str, value: Json| {
        let body = value!({"entry": [{"changes": [{"field": field, "value": value}]}]});
        health(body.to_string().as_bytes())
    };
    assert_eq!(
        health(fixture!("account")),
        [
            ("degraded", false),
            ("disconnected", false),
            ("connected", true)
        ]
    );
    assert_eq!(health(fixture!("number_quality")), [("degraded", false)]);
    assert_eq!(health(fixture!("account_review")), [("degraded", false)]);
    assert_eq!(health(fixture!("account_alert")), [("degraded", false)]);
    for (event, state) in [
        ("ACCOUNT_VIOLATION", "degraded"),
        ("ACCOUNT_DELETED", "disconnected"),
        ("PARTNER_REMOVED", "disconnected"),
        ("PARTNER_APP_UNINSTALLED", "disconnected"),
        ("PARTNER_APP_INSTALLED", "connected"),
    ] {
        assert_eq!(
            of("account_update", value!({"event": event}))[0].0,
            state,
            "{event}"
        );
    }
    let ban = value!({"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "SCHEDULE_FOR_DISABLE"}});
    assert_eq!(of("account_update", ban)[0].0, "degraded");
    assert_eq!(
        of(
            "phone_number_quality_update",
            value!({"event": "UNFLAGGED"})
        )[0]
        .0,
        "connected"
    );
    let nothing = value!({"entry": [{"changes": [{"field": "account_update", "value": {"event": "VERIFIED_ACCOUNT"}}]}]});
    assert!(matches!(
        &brought(nothing.to_string().as_bytes()).remarks[..],
        [Remark::Ignored(_)]
    ));
}

#[test]
fn what_becomes_of_a_template_is_a_line_for_the_admin() {
    let lines: Vec<String> = events(fixture!("templates"))
        .into_iter()
        .map(|event| match event {
            Event::Note {
                thread: None,
                code,
                text,
                ..
            } if code == "template" => text,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(lines.len(), 4);
    assert!(
        lines[1].starts_with("A Meta recusou o modelo aviso (pt_BR): Falta texto."),
        "{}",
        lines[1]
    );
}

#[test]
fn a_changed_user_id_is_the_same_person() {
    let [Event::Identity { key, old, now }] = &events(fixture!("user_id_changed"))[..] else {
        panic!("an identity");
    };
    assert_eq!(
        (key.as_str(), old.as_str()),
        (
            "i:BR.300000000000003:BR.300000000000004",
            "BR.300000000000003"
        )
    );
    assert_eq!(
        (now.external_id.as_str(), now.name.as_str()),
        ("BR.300000000000004", "Cliente")
    );
    // By phone, where it is told: then only the alias is another.
    let body = value!({"entry": [{"changes": [{"field": "user_id_update", "value": {"user_id_update": [
        {"wa_id": "5511900000001", "user_id": {"previous": "BR.1", "current": "BR.2"}},
    ]}}]}]});
    let [Event::Identity { old, now, .. }] = &events(body.to_string().as_bytes())[..] else {
        panic!("an identity");
    };
    assert_eq!(
        (old, &now.external_id),
        (&"5511900000001".to_owned(), &"5511900000001".to_owned())
    );
    assert!(now.aliases.contains(&("bsuid".into(), "BR.2".into())));
}

#[test]
fn calls_and_preferences_are_told_in_the_conversation() {
    let texts = |body: &[u8]| -> Vec<(String, String)> {
        brought(body)
            .events
            .into_iter()
            .map(|event| match event {
                Event::Note {
                    thread: Some(thread),
                    text,
                    ..
                } => (thread, text),
                other => panic!("{other:?}"),
            })
            .collect()
    };
    let said = |text: &str| ("5511900000001".to_owned(), text.to_owned());
    assert_eq!(
        texts(fixture!("call")),
        [said(
            "O cliente ligou pelo WhatsApp. Este canal não atende ligações."
        )]
    );
    assert_eq!(
        texts(fixture!("preference")),
        [said(
            "O cliente pediu para não receber mais mensagens de marketing."
        )]
    );
}

#[test]
fn a_question_about_a_product_names_it() {
    let [Event::Message { message, .. }] = &events(fixture!("product_enquiry"))[..] else {
        panic!("one message");
    };
    let extra: Json = json::parse(&message.extra).unwrap();
    assert_eq!(extra["referral"]["product_retailer_id"], "PAO");
    assert_eq!(message.content, text("Ainda tem?"));
}

#[test]
fn what_was_forwarded_often_is_forwarded_too() {
    let [Event::Message { message, .. }] = &events(fixture!("forwarded_often"))[..] else {
        panic!("one message");
    };
    assert_eq!(message.extra, r#"{"forwarded":true}"#);
}

#[test]
fn a_locked_account_is_told_beside_the_message_that_failed() {
    let events = events(fixture!("account_locked"));
    assert!(
        matches!(
            &events[..],
            [
                Event::Health {
                    state: "degraded",
                    ..
                },
                Event::Delivery {
                    state: "failed",
                    ..
                }
            ]
        ),
        "{events:?}"
    );
}

#[test]
fn what_the_business_corrects_on_its_phone_is_corrected() {
    let events = events(fixture!("echo_corrected"));
    assert!(
        matches!(&events[..], [Event::Edit { message: edited, .. }, Event::Revoke { message: revoked, .. }] if edited == "wamid.ECHO" && revoked == "wamid.ECHO2"),
        "{events:?}"
    );
}

#[test]
fn another_accounts_change_is_ignored_and_the_own_account_is_read() {
    let why = "A change for another phone number id than the channel's".into();
    let expected = Brought {
        events: vec![],
        remarks: vec![Remark::Ignored(why)],
    };
    assert_eq!(read(fixture!("text"), Some("1"), || NOW), expected);
    let ours = read(fixture!("text"), Some("200000000000002"), || NOW);
    assert_eq!(ours, brought(fixture!("text")));
    assert_eq!(ours.events.len(), 1);
}

#[test]
fn an_odd_element_loses_no_sibling_and_is_kept_where_it_can_be() {
    let brought = brought(fixture!("odd_among_siblings"));
    let odd = content(
        "unsupported",
        "Mensagem de um tipo que este canal não recebe (text).",
        value!({"type": "text"}),
    );
    let place = content(
        "location",
        "",
        value!({"latitude": -23.5505, "longitude": -46.6333}),
    );
    let read = Event::Delivery {
        key: "s:wamid.SENT:read".into(),
        message: "wamid.SENT".into(),
        state: "read",
        at: AT,
        reason: String::new(),
        extra: String::new(),
    };
    let expected = [
        kept(message("TEXT", text("Antes"))),
        kept(message("ODD", odd)),
        kept(message("LOCATION", place)),
        read,
    ];
    assert_eq!(brought.events, expected);
    assert_eq!(brought.remarks.len(), 4, "{:?}", brought.remarks);
    assert!(
        brought
            .remarks
            .iter()
            .all(|remark| matches!(remark, Remark::Odd(_)))
    );
}

#[test]
fn remarks_quote_nothing_that_people_wrote() {
    let body = br#"{"entry":[{"changes":[{"field":"messages","value":{
        "messages":[{"id":"a","from":"5511900000001","type":"text","text":"a secret of mine"}],
        "statuses":["a secret of mine"]}}]}]}"#;
    let brought = brought(body);
    assert_eq!(brought.remarks.len(), 2, "{:?}", brought.remarks);
    assert!(!format!("{:?}", brought.remarks).contains("secret"));
}

#[test]
fn a_body_that_is_no_webhook_brings_only_a_remark() {
    for body in [
        &b""[..],
        b"{",
        b"[]",
        b"null",
        b"7",
        b"{}",
        b"{\"entry\":[]}",
        b"{\"entry\":{}}",
        b"\xff\xfe",
        b"{\"entry\":[{\"changes\":[",
        b"<html></html>",
    ] {
        let brought = brought(body);
        assert_eq!(brought.events, [], "{body:?}");
        assert!(
            matches!(&brought.remarks[..], [Remark::Odd(_)]),
            "{body:?}: {:?}",
            brought.remarks
        );
    }
}

#[test]
fn texts_that_somebody_cut_in_half_are_repaired() {
    let body = br#"{"entry":[{"changes":[{"field":"messages","value":{"messages":[
        {"id":"a","from":"5511900000001","timestamp":"1767225600","type":"text","text":{"body":"C:\\u \ud83d!"}},
        {"id":"b","from":"5511900000001","timestamp":"1767225600","type":"text","text":{"body":"\ud83d\ude00 "#;
    let body = [&body[..], b"\xf0\x9f", br#""}}]}}]}]}"#].concat();
    let texts: Vec<String> = events(&body)
        .into_iter()
        .filter_map(|event| match event {
            Event::Message { message, .. } => Some(message.content.text),
            _ => None,
        })
        .collect();
    assert_eq!(texts, ["C:\\u \u{fffd}!", "😀 \u{fffd}"]);
}

#[test]
fn a_message_without_a_time_is_of_now() {
    let body = br#"{"entry":[{"changes":[{"field":"messages","value":{"messages":[
        {"id":"a","from":"5511900000001","type":"text","text":{"body":"a"}},
        {"id":"b","from":"5511900000001","timestamp":"9223372036854775807","type":"text","text":{"body":"b"}},
        {"id":"c","from":"5511900000001","timestamp":1767225600,"type":"text","text":{"body":"c"}}]}}]}]}"#;
    let times: Vec<Instant> = events(body)
        .into_iter()
        .filter_map(|event| match event {
            Event::Message { message, .. } => Some(message.at),
            _ => None,
        })
        .collect();
    assert_eq!(times, [NOW, NOW, AT]);
}

#[test]
fn edits_within_edits_end() {
    let mut body = String::from(r#"{"type":"text","text":{"body":"deep"}}"#);
    for _ in 0..40 {
        body =
            format!(r#"{{"type":"edit","edit":{{"original_message_id":"o","message":{body}}}}}"#);
    }
    let body = format!(
        r#"{{"entry":[{{"changes":[{{"field":"messages","value":{{"messages":[
        {{"id":"a","from":"5511900000001","timestamp":"1767225600","type":"edit","edit":{{"original_message_id":"o","message":{body}}}}}]}}}}]}}]}}"#
    );
    let brought = brought(body.as_bytes());
    assert_eq!(brought.events.len(), 1, "{brought:?}");
}

/// The rows of the README's table under a heading: the cells of each.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let readme = include_str!("../../README.md");
    let (_, section) = readme.split_once(heading).expect(heading);
    let table = section.split("\n\n").find(|it| it.starts_with("| "));
    let lines = table.expect(heading).lines().skip(2);
    lines
        .map(|line| {
            let cells = line.trim_matches('|').split('|');
            cells.map(str::trim).collect()
        })
        .collect()
}

/// The words in backticks of a cell.
fn words(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// What the code between two of its lines decides by: the texts before an arrow or a bar.
fn arms(code: &'static str, from: &str, to: &str) -> BTreeSet<&'static str> {
    let (_, code) = code.split_once(from).expect(from);
    let (code, _) = code.split_once(to).expect(to);
    let quoted: Vec<&str> = code.split('"').collect();
    let pairs = quoted.windows(2).skip(1).step_by(2);
    let decides = |pair: &&[&str]| {
        let after = pair[1].trim_start();
        after.starts_with("=>") || after.starts_with('|')
    };
    pairs.filter(decides).map(|pair| pair[0]).collect()
}

fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
    names.into_iter().collect()
}

const INBOUND: &str = include_str!("../inbound.rs");
const ACCOUNT: &str = include_str!("account.rs");
const CONTENT: &str = include_str!("content.rs");
const MESSAGE: &str = include_str!("message.rs");

#[test]
fn the_readme_names_every_field_and_no_other() {
    let left_out: Vec<(&str, &str)> = rows("### Fields that are left out")
        .iter()
        .map(|row| (row[0].trim_matches('`'), row[1]))
        .collect();
    assert_eq!(left_out, account::LEFT_OUT);
    let mut read = arms(INBOUND, "match field.as_str() {", "field => account::read");
    read.extend(arms(ACCOUNT, "let told = match field {", "_ => {"));
    let table = rows("### Fields");
    assert_eq!(set(table.iter().flat_map(|row| words(row[0]))), read);
}

#[test]
fn the_readme_names_every_status_and_no_other() {
    let arms = arms(INBOUND, "let state = match name.as_str() {", "_ => {");
    let table = rows("### Statuses");
    assert_eq!(set(table.iter().flat_map(|row| words(row[0]))), arms);
    for row in &table {
        let Some(name) = words(row[0]).next() else {
            continue;
        };
        let status = value!({"id": "a", "status": name, "timestamp": "1767225600"});
        let body = value!({"entry": [{"changes": [{"field": "messages", "value": {"statuses": [status]}}]}]});
        let told = match &events(body.to_string().as_bytes())[..] {
            [Event::Delivery { state, .. }] => format!("`{state}`"),
            [Event::Revoke { .. }] => "revocation".into(),
            other => panic!("{name}: {other:?}"),
        };
        assert!(row[1].starts_with(&told), "{name}: {told}, not {}", row[1]);
    }
}

#[test]
fn the_readme_names_every_kind_of_message_and_no_other() {
    let mut kinds = arms(CONTENT, "let read = match kind.as_str() {", "_ => return");
    kinds.extend(arms(MESSAGE, "match self.kind {", "_ => None"));
    kinds.insert("unsupported");
    let table = rows("### Messages");
    assert_eq!(set(table.iter().flat_map(|row| words(row[0]))), kinds);
    let of = |kind: &str| -> BTreeSet<&str> {
        let rows = table.iter().filter(|row| row[0].trim_matches('`') == kind);
        set(rows.flat_map(|row| words(row[1])))
    };
    let mut interactive = arms(
        CONTENT,
        "match kind.as_str() {\n        \"button_reply\"",
        "_ => None",
    );
    interactive.extend(["button_reply", "call_permission_reply", "product"]);
    assert_eq!(of("interactive"), interactive);
    let mut system = arms(MESSAGE, "match kind.as_str() {\n", "_ => (\"system\"");
    system.extend(arms(MESSAGE, "    match kind {\n", "_ => return None"));
    assert_eq!(of("system"), system);
}

#[test]
fn the_readme_names_every_scenario_and_no_other() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let readme = include_str!("../../README.md");
    let links = readme.split("(scenarios/").skip(1);
    let mut named: Vec<&str> = links.filter_map(|link| link.split(')').next()).collect();
    named.sort_unstable();
    named.dedup();
    assert_eq!(named, files);
}

#[test]
fn the_readme_names_every_fixture_and_no_other() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let mut named: Vec<&str> = include_str!("../../README.md")
        .split('`')
        .filter(|word| word.ends_with(".json"))
        .collect();
    named.sort_unstable();
    named.dedup();
    assert_eq!(named, files);
}
