use std::time::Duration;

use super::*;
use crate::{
    http::{Policy, Request, placements::prepare},
    secrets::{Handles, Secrets},
};

fn asked(method: &str, url: &str) -> Prepared {
    let policy = Policy {
        granted: vec!["api.example.com".parse().unwrap()],
        ..Policy::default()
    };
    let request = Request {
        method: method.into(),
        url: url.into(),
        ..Request::default()
    };
    let mut prepared = prepare(
        &request,
        &Handles::default(),
        &Secrets::default(),
        &[],
        &policy,
    )
    .unwrap();
    prepared.timeout = Duration::from_secs(3);
    prepared
}

async fn answers(
    recorded: &Recorded,
    requests: &[(&str, &str)],
) -> Vec<Result<(u16, String), HttpError>> {
    let mut answers = Vec::new();
    for (method, url) in requests {
        let answer = recorded.send(asked(method, url)).await;
        answers.push(answer.map(|r| (r.status, String::from_utf8_lossy(&r.body).into_owned())));
    }
    answers
}

const FILE: &str = r#"[
    {"request": {"method": "GET", "url": "https://api.example.com/me"}, "response": {"status": 200, "headers": {"Content-Type": "text/plain"}, "body": "first"}},
    {"request": {"method": "GET", "url": "https://api.example.com/me"}, "response": {"status": 404, "body": {"error": "gone"}}},
    {"request": {"method": "POST", "url": "https://api.example.com/files/*"}, "response": {"status": 201, "body_base64": "AAEC"}},
    {"request": {"method": "GET", "url": "https://api.example.com/slow"}, "response": {"error": "timeout"}},
    {"request": {"method": "GET", "url": "https://api.example.com/down"}, "response": {"error": "unreachable"}}
]"#;

#[tokio::test]
async fn answers_come_in_the_order_of_the_file_each_once() {
    let recorded = Recorded::from_json(FILE.as_bytes()).unwrap();
    let me = ("GET", "https://api.example.com/me");
    let got = answers(
        &recorded,
        &[("POST", "https://api.example.com/files/7"), me, me],
    )
    .await;
    let expected = [
        Ok((201, "\0\u{1}\u{2}".into())),
        Ok((200, "first".into())),
        Ok((404, "{\"error\":\"gone\"}".into())),
    ];
    assert_eq!(got, expected);
    assert_eq!(
        recorded.unused(),
        [
            "GET https://api.example.com/slow",
            "GET https://api.example.com/down"
        ]
    );
}

#[tokio::test]
async fn header_names_are_in_lower_case() {
    let recorded = Recorded::from_json(FILE.as_bytes()).unwrap();
    let answer = recorded
        .send(asked("GET", "https://api.example.com/me"))
        .await
        .unwrap();
    assert_eq!(
        answer.headers,
        [("content-type".to_owned(), "text/plain".to_owned())]
    );
}

#[tokio::test]
async fn recorded_failures_are_the_errors_that_they_name() {
    let recorded = Recorded::from_json(FILE.as_bytes()).unwrap();
    let got = answers(
        &recorded,
        &[
            ("GET", "https://api.example.com/slow"),
            ("GET", "https://api.example.com/down"),
        ],
    )
    .await;
    assert_eq!(
        got,
        [
            Err(HttpError::Timeout(Duration::from_secs(3))),
            Err(HttpError::Unreachable("recorded as unreachable".into()))
        ]
    );
}

#[tokio::test]
async fn what_was_not_recorded_is_denied_with_the_entry_to_add() {
    let recorded = Recorded::from_json(b"[]").unwrap();
    let HttpError::Denied(text) = recorded
        .send(asked("PUT", "https://api.example.com/x"))
        .await
        .unwrap_err()
    else {
        panic!("denied expected")
    };
    let (_, entry) = text.split_once("recorded HTTP: ").unwrap();
    let recorded = Recorded::from_json(entry.as_bytes()).unwrap();
    assert_eq!(
        answers(&recorded, &[("PUT", "https://api.example.com/x")]).await,
        [Ok((200, String::new()))]
    );
}

#[test]
fn mistakes_in_the_file_are_told_with_their_entry() {
    let error = |response: &str| {
        let file =
            format!(r#"[{{"request": {{"method": "GET", "url": "x"}}, "response": {response}}}]"#);
        Recorded::from_json(file.as_bytes()).expect_err("a mistake")
    };
    assert!(error("{}").contains("entry 0: the response needs a `status` or an `error`"));
    assert!(error(r#"{"status": 200, "error": "timeout"}"#).contains("not both"));
    assert!(error(r#"{"status": 200, "body": "a", "body_base64": "YQ=="}"#).contains("not both"));
    assert!(error(r#"{"status": 200, "body_base64": "!"}"#).contains("`body_base64`"));
    assert!(error(r#"{"status": 99}"#).contains("`99` is not a status"));
    assert!(error(r#"{"error": "dns"}"#).contains("unknown variant"));
    assert!(error(r#"{"status": 200, "bdy": ""}"#).contains("unknown field"));
}
