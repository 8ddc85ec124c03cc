//! The provider's documented answers and what the host is told.

use super::*;
use crate::address::Part;
use balcao_plugin::json::json;

fn thread() -> Thread {
    Thread {
        chat: 5001,
        part: Part::Whole,
    }
}

fn yes(result: Json) -> Result<Answer, Refusal> {
    Answer::read(
        200,
        json!({ "ok": true, "result": result })
            .to_string()
            .as_bytes(),
    )
}

fn no(status: u16, description: &str) -> Failure {
    let body = json!({ "ok": false, "error_code": status, "description": description });
    Failure::from(Answer::read(status, body.to_string().as_bytes()).unwrap_err())
}

#[test]
fn a_sent_message_is_known_by_chat_and_number_and_an_album_by_each() {
    let ids = |result: Json| {
        let sent = yes(result).unwrap().sent(&thread());
        sent.map(|sent| (sent.external_ids, sent.state))
    };
    let sent = |ids: &[&str]| {
        Ok((
            ids.iter().map(|id| (*id).to_owned()).collect(),
            "sent".to_owned(),
        ))
    };
    assert_eq!(ids(json!({"message_id": 7})), sent(&["5001:7"]));
    assert_eq!(
        ids(json!([{"message_id": 7}, {"message_id": 8}])),
        sent(&["5001:7", "5001:8"])
    );
    // Accepted, and numbered later.
    assert_eq!(ids(json!({"message_id": 0})), sent(&[]));
}

#[test]
fn an_answer_that_names_no_message_is_never_sent_again_by_itself() {
    for result in [
        json!({}),
        json!([]),
        json!(true),
        json!([{"message_id": 7}, {}]),
    ] {
        let failure = yes(result).unwrap().sent(&thread()).unwrap_err();
        assert_eq!(
            (failure.code.as_str(), failure.retry),
            ("unexpected-answer", None)
        );
    }
    let failure = Answer::read(200, b"ok").unwrap_err().failure;
    assert_eq!(
        (failure.code.as_str(), failure.retry),
        ("unexpected-answer", None)
    );
}

#[test]
fn each_refusal_has_its_code_and_words_that_say_what_to_do() {
    let cases = [
        (401, "Unauthorized", "unauthorized", "@BotFather"),
        (404, "Not Found", "unauthorized", "@BotFather"),
        (
            403,
            "Forbidden: bot was blocked by the user",
            "blocked",
            "outro canal",
        ),
        (403, "Forbidden: user is deactivated", "gone", "outro canal"),
        (
            403,
            "Forbidden: bot can't initiate conversation with a user",
            "not-started",
            "escrever primeiro",
        ),
        (
            403,
            "Forbidden: bot was kicked from the supergroup chat",
            "removed",
            "administrador",
        ),
        (
            403,
            "Forbidden: bot is not a member of the channel chat",
            "removed",
            "administrador",
        ),
        (
            403,
            "Forbidden: something new",
            "forbidden",
            "something new",
        ),
        (
            400,
            "Bad Request: chat not found",
            "gone",
            "escrever ao bot",
        ),
        (
            400,
            "Bad Request: not enough rights to send text messages to the chat",
            "forbidden",
            "administrador",
        ),
        (
            400,
            "Bad Request: BUSINESS_PEER_USAGE_MISSING",
            "window-closed",
            "24 horas",
        ),
        (
            400,
            "Bad Request: VOICE_MESSAGES_FORBIDDEN",
            "unsupported",
            "como arquivo",
        ),
        (400, "Bad Request: file is too big", "too-large", "20 MB"),
        (
            400,
            "Bad Request: bad webhook: HTTPS url must be provided for webhook",
            "invalid",
            "https",
        ),
        (
            400,
            "Bad Request: message text is empty",
            "rejected",
            "message text is empty",
        ),
        (
            413,
            "Request Entity Too Large",
            "too-large",
            "grande demais",
        ),
        (302, "", "rejected", "HTTP 302"),
    ];
    for (status, description, code, words) in cases {
        let failure = no(status, description);
        assert_eq!(
            (failure.code.as_str(), failure.retry),
            (code, None),
            "{description}"
        );
        assert!(
            failure.message.contains(words),
            "{description}: {}",
            failure.message
        );
    }
}

#[test]
fn what_passes_is_tried_again_after_what_the_provider_asks() {
    let body = json!({
        "ok": false, "error_code": 429, "description": "Too Many Requests: retry after 17", "parameters": {"retry_after": 17},
    });
    let failure = Answer::read(429, body.to_string().as_bytes())
        .unwrap_err()
        .failure;
    assert_eq!(
        (failure.code.as_str(), failure.retry),
        ("rate-limited", Some(17))
    );
    assert!(failure.message.contains("17 s"));
    assert_eq!(no(429, "").retry, Some(0));
    for status in [500, 502, 503, 504] {
        let failure = Answer::read(status, b"<html>").unwrap_err().failure;
        assert_eq!(
            (failure.code.as_str(), failure.retry),
            ("unavailable", Some(0))
        );
    }
}

#[test]
fn a_group_that_moved_says_where_to() {
    let body = json!({
        "ok": false, "error_code": 400, "description": "Bad Request: group chat was upgraded to a supergroup chat",
        "parameters": {"migrate_to_chat_id": -1002002002002_i64},
    });
    let refusal = Answer::read(400, body.to_string().as_bytes()).unwrap_err();
    assert_eq!(refusal.moved_to, Some(-1002002002002));
    assert_eq!(refusal.failure.code, "moved");
}

#[test]
fn the_account_is_the_bot_by_name() {
    let account = yes(json!({
        "id": 100200, "is_bot": true, "first_name": "Atendimento", "username": "loja_bot",
        "can_read_all_group_messages": false, "supports_inline_queries": false,
    }));
    let account = account.unwrap().account().unwrap();
    assert_eq!(account.external_id, "100200");
    assert_eq!(account.name, "Atendimento (@loja_bot)");
    assert_eq!(
        json::parse::<Json>(&account.extra).unwrap(),
        json!({"username": "loja_bot", "can_read_all_group_messages": false})
    );
    assert!(yes(json!({"id": 1})).unwrap().account().is_err());
}

#[test]
fn a_file_is_fetched_only_from_a_plain_path() {
    let path = |path: &str| {
        let answer = yes(json!({"file_id": "a", "file_path": path})).unwrap();
        answer.file_path().map(str::to_owned).ok()
    };
    assert_eq!(
        path("photos/file_1.jpg").as_deref(),
        Some("photos/file_1.jpg")
    );
    for odd in ["", "/etc/x", "a/../b", "../x", "a//b", "a?b", "a b", "a/.b"] {
        assert_eq!(path(odd), None, "{odd}");
    }
    assert!(file_id("BQACAgQAAx-_1").is_ok());
    for odd in ["", "a/b", "a?b"] {
        assert!(file_id(odd).is_err());
    }
}
