//! The forms in which events come, whose they are, and what is no event at all.

use super::*;

#[test]
fn every_form_of_the_envelope_is_read() {
    assert_eq!(message(fixture!("standby")).external_id, "mid.STANDBY");
    assert_eq!(events(fixture!("changes")).len(), 2);
    assert_eq!(message(fixture!("flat")).external_id, "mid.FLAT");
    let list = [b"[".as_slice(), fixture!("text"), b"]"].concat();
    assert_eq!(message(&list), message(fixture!("text")));
    // The dashboard's test counts seconds, as a text.
    let Event::Message { message, .. } = &events(fixture!("changes"))[0] else {
        panic!("a message");
    };
    assert_eq!(message.at, AT);
}

#[test]
fn what_is_not_this_channels_is_ignored_with_its_name() {
    let ignored = |body: &[u8]| {
        let brought = brought(body);
        assert_eq!(brought.events, []);
        brought.remarks
    };
    for remark in ignored(fixture!("other_fields")) {
        assert!(matches!(remark, Remark::Ignored(_)));
    }
    assert_eq!(ignored(fixture!("other_fields")).len(), 4);
    assert!(matches!(
        &ignored(fixture!("page"))[..],
        [Remark::Ignored(_)]
    ));
    assert!(matches!(
        &ignored(fixture!("app_roles"))[..],
        [Remark::Ignored(_)]
    ));
}

#[test]
fn another_accounts_event_is_ignored_and_its_siblings_are_read() {
    let why = "An event for another account than the channel's";
    let ours = read(fixture!("several"), Some(ACCOUNT), || NOW);
    assert_eq!(
        (ours.events.len(), &ours.remarks[..]),
        (3, &[Remark::Ignored(why.into())][..])
    );
    assert_eq!(brought(fixture!("several")).events.len(), 4);
    // Some notifications name the account only as who receives them.
    let body = String::from_utf8_lossy(fixture!("text")).replacen(ACCOUNT, "0", 1);
    assert_eq!(read(body.as_bytes(), Some(ACCOUNT), || NOW).events.len(), 1);
}

#[test]
fn an_odd_element_loses_no_sibling_and_is_kept_where_it_can_be() {
    let brought = brought(fixture!("odd_among_siblings"));
    let ids: Vec<&str> = brought
        .events
        .iter()
        .map(|event| match event {
            Event::Message { message, .. } => message.external_id.as_str(),
            other => panic!("a message, not {other:?}"),
        })
        .collect();
    assert_eq!(ids, ["mid.TEXT", "mid.ODD", "mid.AFTER"]);
    assert_eq!(brought.remarks.len(), 7, "{:?}", brought.remarks);
}

#[test]
fn remarks_quote_nothing_that_people_wrote() {
    let body = br#"{"entry":[{"messaging":[{"sender":{"id":"1"},"message":"a secret of mine"},
        {"message":{"mid":"m","text":"a secret of mine"}},{"sender":{"id":"1"},"message_edit":{"mid":"m","num_edit":0,"text":"a secret of mine"}}]}]}"#;
    let brought = brought(body);
    assert_eq!((brought.events.len(), brought.remarks.len()), (0, 3));
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
fn a_message_without_a_usable_time_is_of_now() {
    let at = |time: Value| {
        let body = value!({"entry": [{"messaging": [{"sender": {"id": "1"}, "timestamp": time, "message": {"mid": "m", "text": "a"}}]}]});
        message(body.to_string().as_bytes()).at
    };
    assert_eq!(at(value!(1_767_225_600_000_i64)), AT);
    assert_eq!(at(value!("1767225600")), AT);
    for time in [
        value!(null),
        value!(-1),
        value!(0),
        value!("2026-01-01T00:00:00+0000"),
        value!(i64::MAX),
    ] {
        assert_eq!(at(time.clone()), NOW, "{time}");
    }
}
