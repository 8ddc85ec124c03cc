//! The provider's documented answers and what the host is told.

use super::*;
use serde_json::{Value as Json, json};

fn answer(status: u16, body: Json) -> Result<Answer, Failure> {
    WHATSAPP.read(status, &[], body.to_string().as_bytes())
}

#[test]
fn an_accepted_message_gives_its_id() {
    let accepted = json!({
        "messaging_product": "whatsapp",
        "contacts": [{"input": "5511900000001", "wa_id": "5511900000001"}],
        "messages": [{"id": "wamid.A", "message_status": "accepted"}],
    });
    let expected = Sent {
        external_ids: vec!["wamid.A".into()],
        state: "sent".into(),
        extra: String::new(),
    };
    assert_eq!(
        answer(200, accepted).and_then(|answer| sent(&answer)),
        Ok(expected)
    );
}

/// Every code of the provider's page, with the code of ours and whether it is tried again.
const CODES: [(i64, &str, bool); 45] = [
    (0, "unauthorized", false),
    (3, "forbidden", false),
    (10, "forbidden", false),
    (190, "unauthorized", false),
    (200, "forbidden", false),
    (299, "forbidden", false),
    (4, "rate-limited", true),
    (80_007, "rate-limited", true),
    (130_429, "rate-limited", true),
    (131_048, "rate-limited", true),
    (131_056, "rate-limited", true),
    (133_016, "rate-limited", true),
    (368, "account", false),
    (130_497, "account", false),
    (131_031, "account", false),
    (131_042, "account", false),
    (131_045, "account", false),
    (133_010, "account", false),
    (1, "unavailable", true),
    (2, "unavailable", true),
    (131_016, "unavailable", true),
    (131_057, "unavailable", true),
    (133_004, "unavailable", true),
    (33, "rejected", false),
    (100, "rejected", false),
    (131_008, "rejected", false),
    (131_009, "rejected", false),
    (131_005, "forbidden", false),
    (130_472, "recipient-limited", false),
    (131_049, "recipient-limited", false),
    (131_050, "opted-out", false),
    (131_021, "invalid", false),
    (131_026, "recipient-unavailable", false),
    (131_030, "recipient-unavailable", false),
    (131_047, "window-closed", false),
    (131_051, "unsupported", false),
    (131_060, "unsupported", false),
    (131_052, "file-refused", false),
    (131_053, "file-refused", false),
    (132_000, "template-refused", false),
    (132_001, "template-refused", false),
    (132_007, "template-refused", false),
    (132_012, "template-refused", false),
    (132_015, "template-refused", false),
    (132_016, "template-refused", false),
];

#[test]
fn refusals_say_what_to_do_and_only_those_that_pass_are_tried_again() {
    for (code, expected, again) in CODES {
        let status = if code == 0 { 401 } else { 400 };
        let error = json!({"error": {"message": "(#1) no", "code": code, "error_data": {"details": "why"}}});
        let failure = answer(status, error).unwrap_err();
        assert_eq!(
            (failure.code.as_str(), failure.retry.is_some()),
            (expected, again),
            "{code}"
        );
        assert!(failure.message.contains(": why]"), "{}", failure.message);
        let extra: Json = json::parse(&failure.extra).unwrap();
        for language in ["pt-BR", "en"] {
            assert!(
                extra["remedy"][language]
                    .as_str()
                    .is_some_and(|it| it.len() > 20)
            );
        }
    }
}

#[test]
fn the_readme_names_every_error_code() {
    let readme = include_str!("../../README.md");
    for (code, meaning, _) in CODES {
        let start = format!("| `{meaning}` |");
        let mut rows = readme.lines().filter(|line| line.starts_with(&start));
        let named = |row: &str| match code {
            // The range of Meta's "API Permission".
            200 | 299 => row.contains("200–299"),
            code => row
                .split([' ', ',', '|'])
                .any(|word| word == code.to_string()),
        };
        assert!(rows.any(named), "{code} is not in a row of {meaning}");
    }
}

#[test]
fn an_answer_that_names_no_message_is_never_sent_again_by_itself() {
    for body in [
        json!({}),
        json!({"messages": []}),
        json!({"messages": [{"id": ""}]}),
    ] {
        let failure = answer(200, body)
            .and_then(|answer| sent(&answer))
            .unwrap_err();
        assert_eq!(
            (failure.code.as_str(), failure.retry),
            ("unexpected-answer", None)
        );
    }
    assert_eq!(WHATSAPP.read(200, &[], b"ok").unwrap_err().retry, None);
}

#[test]
fn the_account_is_named_by_the_business_and_its_number() {
    let body =
        json!({"id": "2", "display_phone_number": "+55 11 3000-0000", "verified_name": "Loja"});
    let named = answer(200, body)
        .and_then(|answer| account(&answer, "2"))
        .unwrap();
    assert_eq!(named.name, "Loja (+55 11 3000-0000)");
    assert_eq!(named.external_id, "2");
    assert!(
        answer(200, json!({"id": "3"}))
            .and_then(|answer| account(&answer, "2"))
            .is_err()
    );
}

#[test]
fn media_are_only_fetched_over_https() {
    let url = |url: &str| answer(200, json!({"url": url})).and_then(|answer| media_url(&answer));
    assert_eq!(
        url("https://lookaside.fbsbx.com/a").as_deref(),
        Ok("https://lookaside.fbsbx.com/a")
    );
    assert!(url("http://lookaside.fbsbx.com/a").is_err());
}
