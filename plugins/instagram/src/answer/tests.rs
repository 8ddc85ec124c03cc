//! The provider's documented answers and what the host is told.

use super::*;
use serde_json::{Value, json};

fn answer(status: u16, body: &Value) -> Result<Answer, Failure> {
    INSTAGRAM.read(status, &[], body.to_string().as_bytes())
}

fn refusal(status: u16, code: i64, subcode: i64) -> Failure {
    let error = json!({"error": {"message": "(#1) no", "code": code, "error_subcode": subcode, "fbtrace_id": "A"}});
    answer(status, &error).unwrap_err()
}

#[test]
fn an_accepted_message_gives_its_id() {
    let accepted =
        answer(200, &json!({"recipient_id": "7", "message_id": "mid.A"})).and_then(|it| sent(&it));
    assert_eq!(accepted.unwrap().external_ids, ["mid.A"]);
}

#[test]
fn refusals_say_what_to_do_and_only_those_that_pass_are_tried_again() {
    let cases = [
        (429, 0, 0, "rate-limited", true),
        (400, 4, 0, "rate-limited", true),
        (400, 613, 2_534_040, "rate-limited", true),
        (400, 80_002, 0, "rate-limited", true),
        (400, 80_006, 0, "rate-limited", true),
        (500, 0, 0, "unavailable", true),
        (400, 2, 0, "unavailable", true),
        (400, 1, 99, "unavailable", true),
        (400, 1, 1_357_046, "unexpected-answer", false),
        (400, 10, 2_534_022, "window-closed", false),
        (400, 10, 2_018_278, "window-closed", false),
        (400, 190, 0, "unauthorized", false),
        (500, 190, 463, "unauthorized", false),
        (401, 0, 0, "unauthorized", false),
        (403, 10, 0, "forbidden", false),
        (400, 200, 0, "forbidden", false),
        (400, 200, 2_534_041, "forbidden", false),
        (400, 10, 2_534_077, "forbidden", false),
        (400, 200, 1_545_041, "recipient-unavailable", false),
        (400, 551, 0, "recipient-unavailable", false),
        (400, 100, 2_534_014, "recipient-unavailable", false),
        (400, 10, 1_893_063, "restricted", false),
        (400, 100, 2_534_037, "not-in-control", false),
        (400, 100, 2_018_008, "file-refused", false),
        (400, 100, 2_534_068, "unsupported", false),
        (400, 9_000_001, 0, "rejected", false),
        (400, 100, 0, "rejected", false),
        (404, 0, 0, "rejected", false),
        (302, 0, 0, "rejected", false),
    ];
    for (status, code, subcode, expected, again) in cases {
        let failure = refusal(status, code, subcode);
        assert_eq!(
            (failure.code.as_str(), failure.retry.is_some()),
            (expected, again),
            "{status} {code}/{subcode}"
        );
        assert!(failure.message.contains("(#1) no"), "{}", failure.message);
        let extra: Value = json::parse(&failure.extra).unwrap();
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
fn an_outage_that_says_that_it_passes_is_tried_again() {
    let error = json!({"error": {"code": 100, "is_transient": true}});
    assert_eq!(answer(400, &error).unwrap_err().code, "unavailable");
}

#[test]
fn an_answer_that_names_no_message_is_never_sent_again_by_itself() {
    for body in [json!({}), json!([]), json!({"message_id": ""})] {
        let failure = answer(200, &body).and_then(|it| sent(&it)).unwrap_err();
        assert_eq!(
            (failure.code.as_str(), failure.retry),
            ("unexpected-answer", None)
        );
    }
    assert_eq!(INSTAGRAM.read(200, &[], b"ok").unwrap_err().retry, None);
}

#[test]
fn the_account_is_the_tokens_own() {
    let body = json!({"user_id": 17, "id": "3", "username": "loja", "name": "Loja"});
    let read =
        |expected| answer(200, &body).and_then(|it| account(&it, Login::Instagram, expected));
    let found = read(Some("17")).unwrap();
    assert_eq!(
        (found.external_id.as_str(), found.name.as_str()),
        ("17", "Loja (@loja)")
    );
    assert!(read(None).is_ok());
    // The app's own id of the account is not the one that webhooks name.
    assert!(read(Some("3")).unwrap_err().message.contains("conta 17"));
}

#[test]
fn a_page_must_be_linked_to_an_account() {
    let read = |body: Value| answer(200, &body).and_then(|it| account(&it, Login::Facebook, None));
    let page = json!({"id": "5", "name": "Página", "instagram_business_account": {"id": "17", "username": "loja"}});
    assert_eq!(read(page).unwrap().name, "Página (@loja)");
    let failure = read(json!({"id": "5", "name": "Página"})).unwrap_err();
    assert!(failure.message.contains("ligue a conta à Página"));
}
