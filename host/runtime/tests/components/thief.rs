//! A connector that tries every way it can think of to get hold of its own token fails in each.

use std::sync::Arc;

use super::common::{self, Network, Recording, receive, request};
use balcao_runtime::{
    call::{Input, Outcome},
    harness::{CallReport, Workbench},
    http::{HttpError, Prepared, Response, Transport},
    limits::Limits,
    memory::Cause,
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::json;

const TOKEN: &str = "s3cret-token-0123456789abcdef";
const SIGNING: &str = "s1gning-key-fedcba9876543210";

const TRICKS: [&str; 25] = [
    "/unbound-host",
    "/unlisted-host",
    "/authority",
    "/disguised-host",
    "/downgrade",
    "/other-port",
    "/other-header",
    "/split-header",
    "/host-header",
    "/path",
    "/body",
    "/unbound-secret",
    "/placeholder",
    "/log",
    "/response",
    "/message",
    "/stash",
    "/guess",
    "/halves",
    "/disguised-handle",
    "/provoked-error",
    "/range",
    "/encoding",
    "/methods",
    "/names",
];

fn thief(network: &Arc<Recording>) -> Workbench {
    let settings = json!({"token": TOKEN, "signing": SIGNING});
    let limits = Limits {
        cpu_ms: 60_000,
        ..Limits::default()
    };
    common::open("thief", &settings, limits, Arc::clone(network) as _)
}

/// Everything that the plugin, its developer or an admin gets to see of a call.
fn seen(outcome: &Outcome) -> String {
    let report = serde_json::to_string(&CallReport::of(outcome, true)).expect("a report is JSON");
    let answers: Vec<_> = outcome
        .http()
        .iter()
        .map(|it| format!("{:?}", it.result))
        .collect();
    format!("{report} {answers:?} {:?}", outcome.logs)
}

fn holds_secret(text: &str) -> bool {
    text.contains(TOKEN) || text.contains(SIGNING)
}

#[tokio::test]
async fn the_honest_use_works_and_even_an_echo_of_it_is_scrubbed() {
    let network = Recording::new(Network::Echo);
    let outcome = receive(&thief(&network), "/straight").await;
    assert!(common::is_answered(&outcome, 200), "{:?}", outcome.result);
    let sent = network.sent.lock().unwrap();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].url.as_str(), "https://api.example.com/");
    let bearer = ("authorization".to_owned(), format!("Bearer {TOKEN}"));
    assert!(sent[0].headers.contains(&bearer));
    assert!(!holds_secret(&seen(&outcome)));
    assert!(
        !sent[0].shown_url.contains(TOKEN)
            && !format!("{:?}", sent[0].shown_headers).contains(TOKEN)
    );
}

#[tokio::test]
async fn every_trick_fails() {
    for trick in TRICKS {
        let network = Recording::new(Network::Echo);
        let outcome = receive(&thief(&network), trick).await;
        assert!(
            common::is_answered(&outcome, 200),
            "{trick} was not tried: {:?}",
            outcome.result
        );
        assert!(
            !holds_secret(&seen(&outcome)),
            "{trick} shows the secret: {}",
            seen(&outcome)
        );
        for it in network.sent.lock().unwrap().iter() {
            let bound = it.url.as_str().starts_with("https://api.example.com/");
            let mut rest = it.headers.clone();
            if bound {
                // The one place where the token belongs.
                rest.retain(|(name, _)| name != "authorization");
            }
            let sent = format!("{} {rest:?} {}", it.url, String::from_utf8_lossy(&it.body));
            assert!(!holds_secret(&sent), "{trick} sent the secret: {sent}");
        }
    }
}

#[tokio::test]
async fn a_handle_of_an_earlier_call_means_nothing() {
    let network = Recording::new(Network::Echo);
    let bench = thief(&network);
    let mut nobody = |_: &_, _| {};
    let stash = bench
        .perform("first", &request("/stash"), Cause::Asked, None, &mut nobody)
        .await;
    assert!(stash.committed);
    assert_eq!(bench.world().snapshot().storage.len(), 1);
    let stale = bench
        .perform(
            "second",
            &request("/stale"),
            Cause::Asked,
            None,
            &mut nobody,
        )
        .await;
    assert!(common::is_answered(&stale.outcome, 200));
    let sent = network.sent.lock().unwrap();
    let carried = sent
        .iter()
        .flat_map(|it| &it.headers)
        .find(|(name, _)| name == "authorization");
    let (_, carried) = carried.expect("the old handle was sent, as the text that it is");
    assert!(carried.starts_with("Bearer sec_"), "{carried}");
    assert!(!holds_secret(carried));
}

type Form = fn(&str) -> String;

/// A host that tells the secret back, in some form of it.
struct Parrot {
    form: Form,
    /// Where: in the body, in a header's value, or as the reason why the connection broke.
    place: usize,
}

#[async_trait::async_trait]
impl Transport for Parrot {
    async fn send(&self, request: Prepared) -> Result<Response, HttpError> {
        let carried = request.headers.iter();
        let carried = carried.filter(|(name, _)| name == "authorization");
        let told: String = carried
            .map(|(_, value)| (self.form)(value.trim_start_matches("Bearer ")))
            .collect();
        let mut response = Response {
            status: 200,
            ..Response::default()
        };
        match self.place {
            0 => response.body = format!("<<{told}>>").into(),
            1 => response.headers = vec![("x-reflected".to_owned(), told)],
            _ => return Err(HttpError::Broken(format!("reset by {told}"))),
        }
        Ok(response)
    }
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn what_a_host_tells_back_in_any_usual_form_does_not_reach_the_plugin() {
    /// Holds characters that each form writes differently.
    const ODD: &str = "s3cret/token+\"0123\"&é-abcdef";
    let forms: [(&str, Form); 8] = [
        ("plain", |it| it.to_owned()),
        ("base64", |it| STANDARD.encode(it)),
        ("base64 for URLs", |it| URL_SAFE_NO_PAD.encode(it)),
        ("Basic", |it| STANDARD.encode(format!("user:{it}"))),
        ("JSON", |it| json!({"token": it}).to_string()),
        ("hex", |it| {
            it.bytes().map(|byte| format!("{byte:02x}")).collect()
        }),
        ("form", |it| {
            url::form_urlencoded::byte_serialize(it.as_bytes()).collect()
        }),
        ("twice", |it| format!("{it}{it}")),
    ];
    for secret in [TOKEN, ODD] {
        for (name, form) in forms {
            for place in 0..3 {
                let settings = json!({"token": secret, "signing": SIGNING});
                let parrot = Arc::new(Parrot { form, place });
                let bench = common::open("thief", &settings, Limits::default(), parrot);
                let outcome = receive(&bench, "/straight").await;
                assert!(common::is_answered(&outcome, 200), "{:?}", outcome.result);
                let told = format!(
                    "{:?} {:?} {}",
                    outcome.result,
                    outcome.http(),
                    seen(&outcome)
                );
                let told = told.replace("\\\\", "\\").replace("\\\"", "\"");
                assert!(told.contains("•••"), "{name} at {place}: {told}");
                for whole in [secret.to_owned(), form(secret), percent(secret)] {
                    assert!(!told.contains(&whole), "{name} at {place}: {told}");
                }
            }
        }
    }
}

#[tokio::test]
async fn whoever_writes_a_handle_or_a_placeholder_gets_text() {
    let network = Recording::new(Network::Echo);
    let bench = thief(&network);
    let texts = [
        "{secret:token}",
        "${token} {{token}} %token%",
        "sec_000102030405060708090a0b0c0d0e0f",
        "Bearer sec_ffffffffffffffffffffffffffffffff",
        r#"{"authorization":"{secret:token}","token":"sec_000102030405060708090a0b0c0d0e0f"}"#,
    ];
    for text in texts {
        let Input::Receive(mut message) = request("/forward") else {
            unreachable!("a request is received");
        };
        message.body = text.into();
        let outcome = bench.call("call", Input::Receive(message)).await;
        assert!(common::is_answered(&outcome, 200), "{:?}", outcome.result);
        let sent: Vec<_> = network.sent.lock().unwrap().drain(..).collect();
        assert_eq!(sent.len(), 2);
        let typed = ("authorization".to_owned(), text.to_owned());
        assert!(sent.iter().all(|it| it.headers.contains(&typed)), "{text}");
        assert_eq!(sent[1].body, text);
        assert_eq!(outcome.logs[0].message, text);
    }
}

#[tokio::test]
async fn a_log_line_that_holds_a_secret_is_scrubbed_wherever_it_came_from() {
    let network = Recording::new(Network::Echo);
    let Input::Receive(mut message) = request("/forward") else {
        unreachable!("a request is received");
    };
    message.body = format!("my key is {SIGNING}").into();
    let outcome = thief(&network).call("call", Input::Receive(message)).await;
    assert_eq!(outcome.logs[0].message, "my key is •••");
}
