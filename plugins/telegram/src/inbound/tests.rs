//! Each fixture and what must come of it. The fixtures follow the provider's documented shapes, with invented names and numbers.

mod contents;
mod news;
mod odd;

use super::*;
use balcao_plugin::connector::{Inbound, Person, Remark};
use balcao_plugin::{Attachment, Content, json};
use serde_json::{Value as Json, json as value};

const AT: Instant = 1_767_225_600_000_000;
const NOW: Instant = 42;
const ALL: Wanted = Wanted {
    groups: true,
    channel_posts: true,
};

fn fixture(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    std::fs::read(format!("{folder}/{name}.json")).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn read(body: &[u8], wanted: Wanted, now: impl Fn() -> Instant) -> Brought {
    super::read(body, wanted, now).brought
}

fn brought(name: &str) -> Brought {
    read(&fixture(name), ALL, || NOW)
}

/// The button that a fixture says was pressed.
fn pressed(name: &str) -> Option<String> {
    super::read(&fixture(name), ALL, || NOW).pressed
}

/// The one event of a fixture, which must be without a remark.
fn event(name: &str) -> Event {
    let mut brought = brought(name);
    assert_eq!(brought.remarks, [], "{name}");
    assert_eq!(brought.events.len(), 1, "{name}: {:?}", brought.events);
    brought.events.remove(0)
}

/// The one message of a fixture.
fn inbound(name: &str) -> Inbound {
    match event(name) {
        Event::Message { key, message } => {
            assert_eq!(key, format!("m:{}", message.external_id), "{name}");
            message
        }
        other => panic!("{name}: {other:?}"),
    }
}

fn client() -> Person {
    Person {
        external_id: "5001".into(),
        aliases: vec![("username".into(), "cliente_um".into())],
        name: "Cliente".into(),
        avatar: "ref:profile/5001".into(),
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

fn file(id: &str, mime: &str, name: &str, size: u64) -> Attachment {
    Attachment {
        source: format!("ref:{id}"),
        mime: mime.into(),
        name: name.into(),
        size,
    }
}

fn with(files: &[Attachment], content: Content) -> Content {
    Content {
        attachments: files.to_vec(),
        ..content
    }
}

#[test]
fn a_text_is_a_message_of_its_sender_in_the_private_chat() {
    let expected = Inbound {
        external_id: "5001:11".into(),
        thread: "5001".into(),
        sender: client(),
        outgoing: false,
        at: AT,
        content: content("text", "Bom dia! Vocês abrem hoje?", Json::Null),
        reply_to: None,
        extra: String::new(),
    };
    assert_eq!(inbound("text"), expected);
}

#[test]
fn what_surrounds_a_message_is_kept() {
    let start = inbound("start");
    assert_eq!(start.extra, r#"{"referral":{"start":"campanha-7"}}"#);
    assert_eq!(
        start.content,
        content("text", "/start campanha-7", Json::Null)
    );
    let reply = inbound("reply_forwarded");
    assert_eq!(reply.reply_to.as_deref(), Some("5001:7"));
    assert_eq!(reply.extra, r#"{"forwarded":true}"#);
    let formats = value!({"entities": [
        {"offset": 7, "length": 4, "type": "text_link", "url": "https://example.com/"},
        {"offset": 7, "length": 4, "type": "bold"},
    ]});
    assert_eq!(
        inbound("entities").content,
        content("text", "Veja o site, por favor", formats)
    );
}

#[test]
fn groups_topics_and_direct_messages_have_threads_of_their_own() {
    let of = |name: &str| {
        let message = inbound(name);
        (
            message.thread,
            message.external_id,
            message.sender.external_id,
            message.outgoing,
        )
    };
    let is = |thread: &str, id: &str, sender: &str, outgoing| {
        (
            thread.to_owned(),
            id.to_owned(),
            sender.to_owned(),
            outgoing,
        )
    };
    assert_eq!(of("group"), is("-4001", "-4001:31", "-4001", false));
    assert_eq!(
        of("supergroup"),
        is(
            "-1002002002002",
            "-1002002002002:32",
            "-1002002002002",
            false
        )
    );
    assert_eq!(
        of("forum_topic"),
        is(
            "-1002002002003/7",
            "-1002002002003:33",
            "-1002002002003",
            false
        )
    );
    assert_eq!(inbound("forum_topic").reply_to, None);
    // The conversation is with the group; who of it wrote is said beside.
    assert_eq!(inbound("group").extra, r#"{"author":"Cliente"}"#);
    assert_eq!(inbound("anonymous_admin").extra, "");
    assert_eq!(of("private_topic"), is("5001/41", "5001:11", "5001", false));
    assert_eq!(
        of("anonymous_admin"),
        is(
            "-1002002002002",
            "-1002002002002:34",
            "-1002002002002",
            false
        )
    );
    assert_eq!(
        of("ephemeral"),
        is(
            "-1002002002002",
            "-1002002002002:e5",
            "-1002002002002",
            false
        )
    );
    let told = r#"{"author":"Cliente","ephemeral":true}"#;
    assert_eq!(inbound("ephemeral").extra, told);
    assert_eq!(
        of("channel_post"),
        is(
            "-1003003003003",
            "-1003003003003:41",
            "-1003003003003",
            true
        )
    );
    let direct = "-1003003003004/d5001";
    assert_eq!(
        of("direct_message"),
        is(direct, "-1003003003004:42", direct, false)
    );
    assert_eq!(
        of("direct_message_answered"),
        is(direct, "-1003003003004:43", direct, true)
    );
    assert_eq!(inbound("direct_message_answered").sender.name, "Cliente");
}

#[test]
fn replies_in_a_group_without_topics_are_in_the_groups_thread() {
    let body = value!({"update_id": 1, "message": {
        "message_id": 9, "message_thread_id": 7, "chat": {"id": -1001, "type": "supergroup"}, "from": {"id": 1}, "text": "a",
        "reply_to_message": {"message_id": 7, "chat": {"id": -1001, "type": "supergroup"}},
    }});
    match &read(body.to_string().as_bytes(), ALL, || NOW).events[..] {
        [Event::Message { message, .. }] => {
            assert_eq!(message.thread, "-1001");
            assert_eq!(message.reply_to.as_deref(), Some("-1001:7"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_settings_leave_groups_and_channels_out() {
    for (name, of) in [
        ("group", "group"),
        ("supergroup", "group"),
        ("forum_topic", "group"),
        ("reaction_anonymous", "group"),
        ("migrate_to_chat_id", "group"),
        ("channel_post", "channel"),
        ("edited_channel_post", "channel"),
    ] {
        let brought = read(&fixture(name), Wanted::default(), || NOW);
        let why = format!("Something of a {of}, which the settings leave out");
        assert_eq!(brought.remarks, [Remark::Ignored(why)], "{name}");
        assert_eq!(brought.events, [], "{name}");
    }
    for name in ["text", "direct_message", "business_message"] {
        assert_eq!(
            read(&fixture(name), Wanted::default(), || NOW),
            brought(name)
        );
    }
}

#[test]
fn channel_posts_are_asked_for_only_where_they_are_wanted() {
    let asks = |wanted| updates(wanted).contains(&"channel_post");
    assert!(asks(ALL));
    assert!(!asks(Wanted {
        groups: true,
        ..Wanted::default()
    }));
}

#[test]
fn a_business_accounts_customer_is_known_by_the_thread_whoever_writes() {
    let customer = inbound("business_message");
    assert_eq!(customer.thread, "6001@bc_EXEMPLO");
    assert_eq!(customer.external_id, "6001@bc_EXEMPLO:51");
    assert_eq!(
        (
            customer.sender.external_id.as_str(),
            customer.sender.name.as_str()
        ),
        ("6001@bc_EXEMPLO", "Freguesa")
    );
    let owner = inbound("business_echo");
    assert!(owner.outgoing && !customer.outgoing);
    assert_eq!(
        (owner.thread, owner.sender),
        (customer.thread, customer.sender)
    );
    let ours = brought("business_by_bot");
    assert_eq!(ours.events, []);
    assert!(matches!(ours.remarks[..], [Remark::Ignored(_)]));
}

#[test]
fn a_pressed_button_is_a_choice_and_is_answered() {
    let id = "6600000000000001";
    assert_eq!(pressed("callback_query").as_deref(), Some(id));
    let expected = Inbound {
        external_id: "5001:12:cb6600000000000001".into(),
        thread: "5001".into(),
        sender: client(),
        outgoing: false,
        at: NOW,
        content: content("choice", "Sim", value!({"id": "yes", "title": "Sim"})),
        reply_to: Some("5001:12".into()),
        extra: String::new(),
    };
    assert_eq!(inbound("callback_query"), expected);
    // Of what is too old the provider does not say what was written on it.
    assert_eq!(inbound("callback_query_old").content.text, "yes");
    for name in ["callback_query_inline", "callback_query_game"] {
        let brought = brought(name);
        assert_eq!(brought.events, []);
        assert!(pressed(name).is_some());
        assert!(matches!(brought.remarks[..], [Remark::Ignored(_)]));
    }
}
