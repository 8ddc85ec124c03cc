//! What is not as documented, and what the README promises.

use super::*;
use std::collections::BTreeSet;

#[test]
fn remarks_quote_nothing_that_people_wrote() {
    let body = br#"{"update_id":1,"message":{"message_id":1,"chat":{"id":1,"type":"private"},"text":{"a":"a secret"}}}"#;
    let brought = read(body, ALL, || NOW);
    assert_eq!(brought.remarks.len(), 1);
    assert!(!format!("{:?}", brought.remarks).contains("secret"));
}

#[test]
fn what_lacks_what_it_is_about_brings_only_a_remark() {
    for body in [
        "",
        "{",
        "[]",
        "null",
        "7",
        "{}",
        r#"{"update_id":1}"#,
        r#"{"update_id":1,"message":7}"#,
        r#"{"message":{}}"#,
        r#"{"message":{"message_id":1}}"#,
        r#"{"message":{"chat":{"id":1}}}"#,
        r#"{"message":{"message_id":1,"chat":{"id":"one"}}}"#,
        r#"{"business_message":{"message_id":1,"chat":{"id":1},"business_connection_id":"a b"}}"#,
        r#"{"callback_query":{"id":"","data":"x"}}"#,
        r#"{"callback_query":{"id":"1","data":"x","message":{"message_id":1,"chat":{"id":1}}}}"#,
        r#"{"message_reaction":{"message_id":1,"chat":{"id":1,"type":"private"}}}"#,
        r#"{"my_chat_member":{"chat":{"id":1},"new_chat_member":{"status":"emperor"}}}"#,
        r#"{"my_chat_member":{}}"#,
        r#"{"business_connection":{}}"#,
        r#"{"deleted_business_messages":{}}"#,
        r#"{"deleted_business_messages":{"chat":{"id":1},"business_connection_id":"a","message_ids":[]}}"#,
        "<html></html>",
    ] {
        let brought = read(body.as_bytes(), ALL, || NOW);
        assert_eq!(brought.events, [], "{body}");
        assert!(
            matches!(brought.remarks[..], [Remark::Odd(_)]),
            "{body}: {:?}",
            brought.remarks
        );
    }
}

#[test]
fn what_is_far_too_much_is_cut_to_what_the_host_takes() {
    let of = |message: Json| {
        let body = value!({"update_id": 1, "message": message}).to_string();
        let mut events = read(body.as_bytes(), ALL, || NOW).events;
        match events.remove(0) {
            Event::Message { message, .. } => message.content,
            other => panic!("{other:?}"),
        }
    };
    let chat = value!({"id": 1, "type": "private"});
    let long = of(value!({"message_id": 1, "chat": chat, "text": "é".repeat(100_000)}));
    assert!(long.text.len() <= TEXT && long.text.len() > TEXT - 4);
    let bold = value!({"type": "pre", "language": "x".repeat(9_000), "offset": 0, "length": 1});
    let many = of(value!({"message_id": 1, "chat": chat, "text": "a", "entities": vec![bold; 10]}));
    assert_eq!(many, content("text", "a", Json::Null));
    let deep = (0..120).fold(
        value!("fundo"),
        |inner, _| value!({"type": "bold", "text": inner}),
    );
    let rich = of(
        value!({"message_id": 1, "chat": chat, "rich_message": {"blocks": [{"type": "paragraph", "text": deep}, {"type": "paragraph", "text": "raso"}]}}),
    );
    assert!(
        [
            "raso",
            "Mensagem de um tipo que este canal não recebe (rich_message)."
        ]
        .contains(&rich.text.as_str()),
        "{}",
        rich.text
    );
}

#[test]
fn the_readme_names_every_fixture_and_no_other() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let readme = include_str!("../../../README.md");
    let mut named: Vec<&str> = readme
        .split('`')
        .filter(|word| word.ends_with(".json"))
        .collect();
    named.sort_unstable();
    named.dedup();
    assert_eq!(named, files);
}

const README: &str = include_str!("../../../README.md");

/// The first cells of the README's table under a heading.
fn first_cells(heading: &str) -> Vec<&'static str> {
    let (_, section) = README.split_once(heading).expect(heading);
    let table = section.split("\n\n").find(|it| it.starts_with("| "));
    let lines = table.expect(heading).lines().skip(2);
    lines
        .map(|line| line.trim_start_matches('|').split(" | ").next().unwrap())
        .collect()
}

/// What they name, without what only continues the row before.
fn named(heading: &str) -> BTreeSet<&'static str> {
    let cells = first_cells(heading).into_iter();
    let cells = cells.filter(|cell| !cell.trim_start().starts_with('…'));
    let words = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    words.collect()
}

#[test]
fn the_readme_names_every_update_and_no_other() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    let entries = std::fs::read_dir(folder).unwrap();
    let files = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    // Of each documented update that is not asked for there is a fixture.
    let unused = files.filter_map(|name| {
        let name = name.strip_prefix("unused_")?.strip_suffix(".json")?;
        Some(name.to_owned())
    });
    let mut updates: BTreeSet<String> = updates(ALL).into_iter().map(str::to_owned).collect();
    updates.extend(unused.filter(|name| name != "unknown_update"));
    let named = named("### Updates").into_iter().map(str::to_owned);
    assert_eq!(named.collect::<BTreeSet<_>>(), updates);
}

#[test]
fn the_readme_names_every_kind_of_message_and_no_other() {
    let mut kinds: BTreeSet<&str> = content::KINDS.iter().map(|(kind, _)| *kind).collect();
    // What is about a message, and gives it a row of its own.
    kinds.extend(["media_group_id", "ephemeral_message_id"]);
    assert_eq!(named("### Messages"), kinds);
}

#[test]
fn the_readme_names_every_service_message_and_no_other() {
    let mut kinds: BTreeSet<&str> = service::KINDS.iter().map(|(kind, _)| *kind).collect();
    kinds.extend(["migrate_to_chat_id", "migrate_from_chat_id"]);
    assert_eq!(named("### Service messages"), kinds);
}

#[test]
fn the_readme_names_every_scenario_and_no_other() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let entries = std::fs::read_dir(folder).unwrap();
    let files: BTreeSet<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let links = README.split("(scenarios/").skip(1);
    let named = links.filter_map(|link| link.split(')').next());
    assert_eq!(named.map(str::to_owned).collect::<BTreeSet<_>>(), files);
}
