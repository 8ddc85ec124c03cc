//! The provider's documented answers and what the host is told.

use super::*;
use balcao_plugin::json::json;

fn answer(status: u16, body: Json) -> Result<Answer, Failure> {
    Answer::read(status, &[], body.to_string().as_bytes())
}

fn refusal(status: u16, code: i64) -> Failure {
    let error = json!({"error": {"message": "(#1) no", "code": code, "fbtrace_id": "A"}});
    answer(status, error).unwrap_err()
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
        answer(200, accepted).and_then(|answer| answer.sent()),
        Ok(expected)
    );
}

#[test]
fn refusals_that_pass_are_tried_again_and_others_are_not() {
    let cases = [
        (429, 0, "rate-limited", true),
        (400, 130_429, "rate-limited", true),
        (400, 131_048, "rate-limited", true),
        (400, 131_056, "rate-limited", true),
        (400, 80007, "rate-limited", true),
        (500, 131_000, "unavailable", true),
        (503, 0, "unavailable", true),
        (400, 131_047, "window-closed", false),
        (401, 190, "unauthorized", false),
        (403, 200, "unauthorized", false),
        (400, 131_026, "rejected", false),
        (404, 0, "rejected", false),
        (302, 0, "rejected", false),
    ];
    for (status, code, expected, again) in cases {
        let failure = refusal(status, code);
        assert_eq!(
            (failure.code.as_str(), failure.retry.is_some()),
            (expected, again),
            "{status} {code}"
        );
        assert_eq!(failure.message, "(#1) no");
    }
}

#[test]
fn the_time_that_the_provider_asks_to_wait_is_kept() {
    let wait = |value: &str| {
        let headers = [("retry-after".to_owned(), value.to_owned())];
        Answer::read(429, &headers, b"").unwrap_err().retry
    };
    assert_eq!(wait("17"), Some(17));
    assert_eq!(wait("Thu, 01 Jan 2026 00:00:00 GMT"), Some(0));
    assert_eq!(refusal(429, 0).retry, Some(0));
}

#[test]
fn a_refusal_without_json_still_says_its_status() {
    let failure = Answer::read(502, &[], b"<html>").unwrap_err();
    assert_eq!(
        (failure.message.as_str(), failure.retry),
        ("HTTP 502", Some(0))
    );
}

#[test]
fn an_answer_that_names_no_message_is_never_sent_again_by_itself() {
    for body in [
        json!({}),
        json!({"messages": []}),
        json!({"messages": [{"id": ""}]}),
    ] {
        let failure = answer(200, body)
            .and_then(|answer| answer.sent())
            .unwrap_err();
        assert_eq!(
            (failure.code.as_str(), failure.retry),
            ("unexpected-answer", None)
        );
    }
    assert_eq!(Answer::read(200, &[], b"ok").unwrap_err().retry, None);
}

#[test]
fn the_account_is_named_by_the_business_and_its_number() {
    let account =
        json!({"id": "2", "display_phone_number": "+55 11 3000-0000", "verified_name": "Loja"});
    let account = answer(200, account)
        .and_then(|answer| answer.account("2"))
        .unwrap();
    assert_eq!(account.name, "Loja (+55 11 3000-0000)");
    assert_eq!(account.external_id, "2");
    assert!(
        answer(200, json!({"id": "3"}))
            .and_then(|answer| answer.account("2"))
            .is_err()
    );
}

#[test]
fn media_are_only_fetched_over_https() {
    let url = |url: &str| answer(200, json!({"url": url})).and_then(|answer| answer.media_url());
    assert_eq!(
        url("https://lookaside.fbsbx.com/a").as_deref(),
        Ok("https://lookaside.fbsbx.com/a")
    );
    assert!(url("http://lookaside.fbsbx.com/a").is_err());
}
