//! Each fixture and what must come of it. The fixtures follow the provider's documented shapes, with invented ids.

use super::*;
use balcao_plugin::connector::{Event, Inbound, Remark};
use serde_json::{Value, json as value};
use std::collections::BTreeSet;

const AT: Instant = 1_767_225_600_000_000;
const NOW: Instant = 42;
const ACCOUNT: &str = "17841400000000002";
const CLIENT: &str = "900000000000001";

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/fixtures/",
            $name,
            ".json"
        ))
    };
}

mod envelope;
mod order;

fn brought(body: &[u8]) -> Brought {
    read(body, None, || NOW)
}

/// What a fixture brings, which must be without a remark.
fn events(body: &[u8]) -> Vec<Event> {
    let brought = brought(body);
    assert_eq!(brought.remarks, []);
    brought.events
}

fn message(body: &[u8]) -> Inbound {
    match events(body).as_slice() {
        [Event::Message { key, message }] => {
            assert_eq!(*key, format!("m:{}", message.external_id));
            message.clone()
        }
        other => panic!("one message, not {other:?}"),
    }
}

/// Kind, text, extra and the sources and types of the files.
fn said(body: &[u8]) -> (String, String, Value, Vec<(String, String)>) {
    let content = message(body).content;
    let files = content.attachments.into_iter();
    (
        content.kind,
        content.text,
        serde_json::from_str(&content.extra).unwrap_or_default(),
        files.map(|it| (it.source, it.mime)).collect(),
    )
}

fn file(mid: &str, slot: &str, asset: u32, mime: &str) -> (String, String) {
    let url = format!(
        "https://lookaside.fbsbx.com/ig_messaging_cdn/?asset_id={asset}&signature=Sig{asset}"
    );
    (format!("ref:{AT}|{slot}|mid.{mid}|{url}"), mime.into())
}

fn told(
    kind: &str,
    text: &str,
    file: (String, String),
) -> (String, String, Value, Vec<(String, String)>) {
    (
        "unsupported".into(),
        text.into(),
        value!({"type": kind}),
        vec![file],
    )
}

fn plain(
    kind: &str,
    text: &str,
    extra: Value,
    files: Vec<(String, String)>,
) -> (String, String, Value, Vec<(String, String)>) {
    (kind.into(), text.into(), extra, files)
}

#[test]
fn a_text_is_a_message_of_its_sender_in_microseconds() {
    let message = message(fixture!("text"));
    assert_eq!(
        (message.external_id.as_str(), message.thread.as_str()),
        ("mid.TEXT", CLIENT)
    );
    assert_eq!(
        (message.sender.external_id.as_str(), message.at),
        (CLIENT, AT)
    );
    assert!(!message.outgoing);
    let expected = plain("text", "Bom dia! Vocês abrem hoje?", Value::Null, vec![]);
    assert_eq!(said(fixture!("text")), expected);
}

#[test]
fn files_come_by_reference_with_what_the_provider_says_of_them() {
    let images = vec![
        file("IMAGE", "0", 13, "image/*"),
        file("IMAGE", "1", 14, "image/*"),
    ];
    assert_eq!(
        said(fixture!("image")),
        plain("image", "A etiqueta", Value::Null, images)
    );
    let sound = vec![file("AUDIO", "0", 15, "audio/*")];
    assert_eq!(
        said(fixture!("audio")),
        plain("audio", "", value!({"voice": false}), sound)
    );
    let video = vec![file("VIDEO", "0", 16, "video/*")];
    assert_eq!(
        said(fixture!("video")),
        plain("video", "", Value::Null, video)
    );
    assert_eq!(
        said(fixture!("file")),
        plain("document", "", Value::Null, vec![file("FILE", "0", 17, "")])
    );
    assert_eq!(
        said(fixture!("media")),
        plain(
            "document",
            "",
            Value::Null,
            vec![file("MEDIA", "0", 18, "")]
        )
    );
}

#[test]
fn shares_and_stories_are_told_in_words_and_shown() {
    let post = "Compartilhou uma publicação do Instagram.\nColeção de outono";
    assert_eq!(
        said(fixture!("post")),
        told("ig_post", post, file("POST", "0", 19, ""))
    );
    let reel = "Compartilhou um reel.\nBastidores";
    assert_eq!(
        said(fixture!("reel")),
        told("ig_reel", reel, file("REEL", "0", 20, "video/*"))
    );
    assert_eq!(said(fixture!("reel_legacy")).2, value!({"type": "reel"}));
    let story = "Compartilhou um story.";
    assert_eq!(
        said(fixture!("story")),
        told("ig_story", story, file("STORY", "0", 22, ""))
    );
    assert_eq!(said(fixture!("story_legacy")).2, value!({"type": "story"}));
    let mention = "Mencionou a conta em um story.";
    assert_eq!(
        said(fixture!("story_mention")),
        told("story_mention", mention, file("MENTION", "0", 12, ""))
    );
    let (kind, text, _, files) = said(fixture!("share"));
    assert_eq!((kind.as_str(), files.len()), ("unsupported", 0));
    assert!(
        text.ends_with("\nhttps://www.instagram.com/p/ABC123/"),
        "{text}"
    );
}

#[test]
fn an_answer_names_what_it_answers_be_it_a_message_or_a_story() {
    assert_eq!(
        message(fixture!("reply")).reply_to.as_deref(),
        Some("mid.ANSWERED")
    );
    let story = message(fixture!("story_reply"));
    let extra: Value = serde_json::from_str(&story.extra).unwrap();
    assert_eq!(
        extra["referral"]["story"]["link_sticker_url"],
        "https://loja.example/oferta"
    );
    assert_eq!(story.content.text, "Quanto custa?");
    assert_eq!(story.content.attachments[0].name, "story");
    assert_eq!(
        (story.content.attachments[0].source.as_str(), ""),
        (file("STORYREPLY", "story", 11, "").0.as_str(), "")
    );
}

#[test]
fn what_does_not_come_is_said_not_to_come() {
    let ephemeral = message(fixture!("ephemeral"));
    assert_eq!(
        (ephemeral.content.kind.as_str(), ephemeral.extra.as_str()),
        ("unsupported", r#"{"ephemeral":true}"#)
    );
    assert!(ephemeral.content.text.contains("desaparece"));
    assert_eq!(
        said(fixture!("unsupported")).1,
        "Mensagem de um tipo que este canal não recebe."
    );
    let hologram = "Mensagem de um tipo que este canal não recebe (hologram).";
    assert_eq!(
        said(fixture!("unknown_kind")),
        told("hologram", hologram, file("HOLOGRAM", "0", 24, ""))
    );
}

#[test]
fn quick_replies_buttons_and_ice_breakers_are_choices() {
    let choice =
        |id: &str, title: &str| plain("choice", title, value!({"id": id, "title": title}), vec![]);
    assert_eq!(said(fixture!("quick_reply")), choice("DAY_MON", "Segunda"));
    assert_eq!(
        said(fixture!("postback")),
        choice("TALK", "Falar com a loja")
    );
    assert_eq!(
        said(fixture!("ice_breaker")),
        choice("HOURS", "Qual é o horário?")
    );
    let own = message(fixture!("ice_breaker"));
    assert_eq!(own.external_id, format!("p:{CLIENT}:1767225600000"));
    assert!(own.extra.contains("SHORTLINK"));
}

#[test]
fn an_advertisement_and_a_product_are_kept_as_the_provider_tells_them() {
    let extra = |body| serde_json::from_str::<Value>(&message(body).extra).unwrap();
    assert_eq!(
        extra(fixture!("ad"))["referral"]["ads_context_data"]["ad_title"],
        "Pão quente"
    );
    assert_eq!(
        extra(fixture!("product"))["referral"]["product"]["id"],
        "7000000000000001"
    );
}

#[test]
fn what_the_business_writes_is_outgoing_in_the_clients_thread() {
    let echo = message(fixture!("echo"));
    assert!(echo.outgoing);
    assert_eq!(
        (echo.thread.as_str(), echo.sender.external_id.as_str()),
        (CLIENT, ACCOUNT)
    );
    let buttons = value!({"buttons": [{"id": "BUY_1", "title": "Quero"}, {"id": "https://loja.example/1", "title": "Ver"}]});
    assert_eq!(
        said(fixture!("echo_template")),
        plain("interactive", "Pão francês\nR$ 1,00", buttons, vec![])
    );
    // Also where the provider forgets to say so.
    let unmarked = value!({"entry": [{"id": ACCOUNT, "messaging": [
        {"sender": {"id": ACCOUNT}, "recipient": {"id": CLIENT}, "timestamp": 1, "message": {"mid": "m", "text": "a"}},
    ]}]});
    assert!(message(unmarked.to_string().as_bytes()).outgoing);
    // And by another id of the account than the one that the webhook is for.
    let other = value!({"entry": [{"id": ACCOUNT, "messaging": [
        {"sender": {"id": "178"}, "recipient": {"id": CLIENT}, "timestamp": 1, "message": {"mid": "m", "text": "a", "is_echo": true}},
    ]}]});
    let other = message(other.to_string().as_bytes());
    assert_eq!((other.outgoing, other.thread.as_str()), (true, CLIENT));
    let own = message(fixture!("self"));
    assert_eq!((own.outgoing, own.thread.as_str()), (false, ACCOUNT));
}

#[test]
fn edits_revocations_and_reads_have_keys_of_their_own() {
    let [
        Event::Edit {
            key,
            message,
            content,
            at: AT,
        },
    ] = &events(fixture!("edit"))[..]
    else {
        panic!("an edit");
    };
    assert_eq!(
        (key.as_str(), message.as_str(), content.text.as_str()),
        ("e:mid.EDITED:1", "mid.EDITED", "Bom dia")
    );
    let revoke = Event::Revoke {
        key: "d:mid.DELETED".into(),
        message: "mid.DELETED".into(),
        at: AT,
    };
    assert_eq!(events(fixture!("deleted")), [revoke]);
    let read = Event::Delivery {
        key: "s:mid.ECHO:read".into(),
        message: "mid.ECHO".into(),
        state: "read",
        at: AT,
        reason: String::new(),
        extra: String::new(),
    };
    assert_eq!(events(fixture!("seen")), [read]);
    assert!(matches!(
        &brought(fixture!("edit_without_text")).remarks[..],
        [Remark::Ignored(_)]
    ));
}

#[test]
fn a_reaction_is_shown_by_its_emoji_its_name_or_is_taken_back() {
    let reaction = |body| match events(body).remove(0) {
        Event::Reaction { key, emoji, .. } => (key, emoji),
        other => panic!("a reaction, not {other:?}"),
    };
    let key = |action: &str| format!("r:mid.LIKED:{CLIENT}:1767225600000:{action}");
    assert_eq!(reaction(fixture!("reaction")), (key("react"), "❤️".into()));
    assert_eq!(
        reaction(fixture!("reaction_named")),
        (key("react"), "😆".into())
    );
    assert_eq!(
        reaction(fixture!("reaction_taken_back")),
        (key("unreact"), String::new())
    );
    let other = value!({"entry": [{"messaging": [
        {"sender": {"id": "1"}, "reaction": {"mid": "m", "action": "react", "reaction": "other"}},
    ]}]});
    let brought = brought(other.to_string().as_bytes());
    assert!(matches!(
        (&brought.events[..], &brought.remarks[..]),
        ([], [Remark::Ignored(_)])
    ));
}

#[test]
fn what_has_no_function_of_its_own_is_a_note() {
    let codes = |body| -> Vec<String> {
        events(body)
            .into_iter()
            .map(|event| match event {
                Event::Note { code, thread, .. } if thread.as_deref() == Some(CLIENT) => code,
                other => panic!("a note, not {other:?}"),
            })
            .collect()
    };
    assert_eq!(codes(fixture!("referral")), ["referral"]);
    assert_eq!(codes(fixture!("optin")), ["opt-in"]);
    assert_eq!(codes(fixture!("handover")), ["thread-control"; 3]);
    assert!(!format!("{:?}", events(fixture!("optin"))).contains("token-1"));
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

const README: &str = include_str!("../../README.md");

/// The first cells of the README's table under a heading.
fn first_cells(heading: &str) -> Vec<&'static str> {
    let (_, section) = README.split_once(heading).expect(heading);
    let table = section.split("\n\n").find(|it| it.starts_with("| "));
    let lines = table.expect(heading).lines().skip(2);
    lines
        .map(|line| line.trim_start_matches("| ").split(" | ").next().unwrap())
        .collect()
}

fn words(cells: impl IntoIterator<Item = &'static str>) -> BTreeSet<&'static str> {
    let words = cells
        .into_iter()
        .flat_map(|cell| cell.split('`').skip(1).step_by(2));
    words.collect()
}

#[test]
fn the_readme_names_every_field_and_no_other() {
    let mut fields = BTreeSet::from(FIELDS);
    // Those of the provider's documents that are left out, each in the fixture.
    let others: Value = serde_json::from_slice(fixture!("other_fields")).unwrap();
    let others: Vec<String> = others["entry"][0]["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["field"].as_str().unwrap().to_owned())
        .collect();
    fields.extend(others.iter().map(String::as_str));
    assert_eq!(words(first_cells("### Fields")), fields);
}

#[test]
fn the_readme_names_every_attachment_and_no_other() {
    let cells = first_cells("### Events").into_iter();
    let named = words(cells.filter(|cell| cell.starts_with("attachment")));
    // What the code decides by: the texts before an arrow or a bar.
    let (_, code) = include_str!("content.rs")
        .split_once("Some(match kind {")
        .unwrap();
    let (code, _) = code.split_once("_ => return None").unwrap();
    let quoted: Vec<&str> = code.split('"').collect();
    let decides = |pair: &&[&'static str]| {
        let after = pair[1].trim_start();
        after.starts_with("=>") || after.starts_with('|')
    };
    let pairs = quoted.windows(2).skip(1).step_by(2);
    let kinds: BTreeSet<&str> = pairs.filter(decides).map(|pair| pair[0]).collect();
    assert_eq!(named, kinds);
}

#[test]
fn the_readme_names_every_scenario_and_no_other() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let links = README.split("(scenarios/").skip(1);
    let named = links.filter_map(|link| link.split(')').next());
    assert_eq!(named.map(str::to_owned).collect::<BTreeSet<_>>(), files);
}
