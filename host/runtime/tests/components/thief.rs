//! A connector that tries every way it can think of to get hold of its own token fails in each.

use std::sync::Arc;

use super::common::{self, Network, Recording, receive, request};
use balcao_runtime::{
    call::Outcome,
    harness::{CallReport, Workbench},
    limits::Limits,
    memory::Cause,
};
use serde_json::json;

const TOKEN: &str = "s3cret-token-0123456789abcdef";
const SIGNING: &str = "s1gning-key-fedcba9876543210";

const TRICKS: [&str; 18] = [
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
