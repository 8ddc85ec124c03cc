//! A component as an ordinary toolchain makes one: the standard's HTTP goes the same way as our own, its language's runtime finds nothing,
//! and its instances serve one workspace's calls one after the other, for as long as all goes well.

use std::sync::Arc;

use super::common::{self, Network, Recording, receive, request};
use balcao_runtime::{
    call::{CallError, Outcome, Output},
    check::check,
    harness::Workbench,
    http::Transport,
    limits::Limits,
    memory::{Cause, Given, World},
    package::Package,
    permissions::Permissions,
    plugin::{LoadError, Plugin},
    quota::Quotas,
};
use serde_json::{Value, json};

const TOKEN: &str = "s3cret-token-0123456789abcdef";

fn wide() -> Limits {
    Limits {
        cpu_ms: 60_000,
        deadline_ms: 120_000,
        http_timeout_ms: 60_000,
        ..Limits::default()
    }
}

fn settings() -> Value {
    json!({"token": TOKEN, "signing": "s1gning-key-fedcba9876543210"})
}

fn standard(network: &Arc<Recording>, limits: Limits) -> Workbench {
    common::open("standard", &settings(), limits, Arc::clone(network) as _)
}

/// What the plugin answered with.
fn body(outcome: &Outcome) -> String {
    match &outcome.result {
        Ok(Output::Response(response)) if response.status == 200 => {
            String::from_utf8(response.body.clone()).expect("text")
        }
        other => panic!("no answer: {other:?}"),
    }
}

#[test]
fn it_asks_for_http_and_its_language_runtime_for_nothing() {
    let package = Package::read(common::bytes("standard").into()).expect("a package");
    let report = check(&package);
    assert!(report.is_acceptable(), "{report}");
    let permissions = Permissions::of(&package);
    let codes: Vec<_> = permissions.asked.iter().map(|it| it.code).collect();
    assert_eq!(codes, ["http", "secrets", "storage"]);
    assert!(permissions.unknown.is_empty(), "{:?}", permissions.unknown);
    let given_nothing = |package: &str| {
        let imports = &permissions.runtime;
        imports.iter().any(|name| name.starts_with(package))
    };
    assert!(given_nothing("wasi:cli/") && given_nothing("wasi:filesystem/"));
    let http = permissions.asked.iter().find(|it| it.code == "http");
    let http = http.expect("it is asked for");
    assert!(
        http.interfaces
            .iter()
            .all(|it| it.starts_with("wasi:http/"))
    );
    assert!(http.detail.iter().any(|host| host == "api.example.com"));
}

#[test]
fn the_standards_http_is_linked_only_where_it_was_granted() {
    let package = Package::read(common::bytes("standard").into()).expect("a package");
    let component = common::engine()
        .compile(package.bytes())
        .expect("it compiles");
    let all = package.imports().iter().map(|it| it.name.clone());
    let load = |without: &str| {
        let granted = all.clone().filter(|name| !name.starts_with(without));
        Plugin::load(common::engine(), "standard", &component, &granted.collect())
    };
    for part in ["wasi:http/outgoing-handler", "wasi:http/types"] {
        let Err(LoadError::NotGranted(name)) = load(part) else {
            panic!("{part} was linked without a grant");
        };
        assert!(name.starts_with(part));
    }
    // What language runtimes import needs no grant.
    assert!(load("wasi:cli/").is_ok());
}

#[tokio::test]
async fn a_secret_goes_to_its_bound_places_and_its_echo_is_scrubbed() {
    let network = Recording::new(Network::Echo);
    let bench = standard(&network, wide());
    let straight = receive(&bench, "/straight").await;
    let json = receive(&bench, "/json").await;
    let sent = network.sent.lock().unwrap();
    let urls: Vec<_> = sent.iter().map(|it| it.url.as_str()).collect();
    assert_eq!(urls, ["https://api.example.com/v1?x=1"; 2]);
    assert_eq!(sent[0].method, "POST");
    let bearer = ("authorization".to_owned(), format!("Bearer {TOKEN}"));
    assert!(sent[0].headers.contains(&bearer), "{:?}", sent[0].headers);
    let body_sent = String::from_utf8_lossy(&sent[1].body);
    assert_eq!(body_sent, format!(r#"{{"token":"{TOKEN}"}}"#));
    for outcome in [&straight, &json] {
        let seen = body(outcome);
        assert!(seen.starts_with("200 ") && seen.contains("•••"), "{seen}");
        let traced = format!("{seen} {:?} {:?}", outcome.http(), outcome.logs);
        assert!(!traced.contains(TOKEN), "{traced}");
        assert_eq!(outcome.http().len(), 1);
    }
}

#[tokio::test]
async fn the_policy_is_that_of_our_own_http() {
    for (path, told) in [
        ("/unlisted", "`evil.example.net` is not a host"),
        ("/plain", "only https is allowed"),
        ("/private", "is an address; only named hosts are allowed"),
        ("/authority", "may not hold a user name"),
    ] {
        let network = Recording::new(Network::Echo);
        let outcome = receive(&standard(&network, wide()), path).await;
        let seen = body(&outcome);
        assert!(seen.contains("denied: ") && seen.contains(told), "{seen}");
        assert!(network.sent.lock().unwrap().is_empty(), "{path} was sent");
    }
    // A host that may be spoken to, and to which nothing is bound, gets the handle as the text that it is.
    let network = Recording::new(Network::Echo);
    let seen = body(&receive(&standard(&network, wide()), "/elsewhere").await);
    assert!(seen.contains("Bearer sec_"), "{seen}");
    // The host of the URL is asked, whatever else is said.
    let network = Recording::new(Network::Echo);
    let seen = body(&receive(&standard(&network, wide()), "/host-header").await);
    assert_eq!(seen, "header host: HeaderError::Forbidden\n");
    assert!(network.sent.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_limits_are_those_of_our_own_http() {
    let network = Recording::new(Network::Bytes(2));
    let few = Limits {
        http_calls: 3,
        ..wide()
    };
    let seen = body(&receive(&standard(&network, few), "/many").await);
    assert!(seen.contains("a call may make 3 HTTP requests"), "{seen}");
    assert_eq!(network.sent.lock().unwrap().len(), 3);

    let quotas = Quotas {
        http_calls_per_minute: 2,
        ..Quotas::default()
    };
    let bench = standard(&network, wide()).with_quotas(quotas);
    let seen = body(&receive(&bench, "/many").await);
    assert!(seen.contains("limit http_calls_per_minute: "), "{seen}");
    assert_eq!(network.sent.lock().unwrap().len(), 5);

    let small = Limits {
        http_request_bytes: 50_000,
        ..wide()
    };
    let seen = body(&receive(&standard(&network, small), "/large").await);
    assert!(seen.contains("HttpRequestBodySize"), "{seen}");

    let short = Limits {
        http_response_bytes: 1_000,
        ..wide()
    };
    let long = Recording::new(Network::Bytes(1_001));
    let seen = body(&receive(&standard(&long, short), "/straight").await);
    assert!(seen.contains("max_response_bytes"), "{seen}");

    let silent = Recording::new(Network::Silent);
    let quick = Limits {
        http_timeout_ms: 30,
        ..wide()
    };
    let seen = body(&receive(&standard(&silent, quick), "/straight").await);
    assert!(seen.contains("HttpResponseTimeout"), "{seen}");
    let deadline = Limits {
        deadline_ms: 200,
        ..wide()
    };
    let outcome = receive(&standard(&silent, deadline), "/straight").await;
    match &outcome.result {
        Err(CallError::Limit(hit)) => assert_eq!(hit.name, "deadline_ms"),
        other => panic!("it did not end: {other:?}"),
    }
    let [exchange] = outcome.http() else {
        panic!("one request: {:?}", outcome.http());
    };
    let unknown = exchange.result.as_ref().expect_err("there was no answer");
    assert!(unknown.may_have_arrived());
}

#[tokio::test]
async fn requests_that_are_under_way_at_once_are_told_in_the_order_of_asking() {
    let network = Recording::new(Network::Echo);
    let outcome = receive(&standard(&network, wide()), "/two").await;
    let seen = body(&outcome);
    let lines: Vec<_> = seen.lines().collect();
    assert_eq!(lines.len(), 2, "{seen}");
    assert!(
        lines[0].ends_with("first") && lines[1].ends_with("second"),
        "{seen}"
    );
    assert_eq!(outcome.http().len(), 2);
}

#[tokio::test]
async fn a_run_after_a_conflict_is_answered_from_the_first_ones_record() {
    let network = Recording::new(Network::Echo);
    let bench = standard(&network, wide());
    let mut conflicts = 0;
    let mut another = |world: &World, so_far: u32| {
        if so_far == 0 {
            conflicts += 1;
            let written: Result<(), ()> = world.change(|state, _| {
                state.store("standard", "n".into(), "\"theirs\"".into(), None, None);
                Ok(())
            });
            written.expect("others may always write");
        }
    };
    let input = request("/conflict");
    let done = bench
        .perform("call", &input, Cause::Asked, None, &mut another)
        .await;
    assert!(done.committed);
    assert_eq!((done.runs, conflicts), (2, 1));
    let seen = body(&done.outcome);
    assert!(seen.starts_with("Some(\"\\\"theirs\\\"\") 200 "), "{seen}");
    assert_eq!(network.sent.lock().unwrap().len(), 1, "asked once");
}

#[tokio::test]
async fn its_language_runtime_finds_nothing_and_the_time_of_the_call() {
    let network = Recording::new(Network::Echo);
    let bench = standard(&network, wide());
    let seconds = bench.world().now() / 1_000_000;
    let found = |seconds| {
        format!(
            "environment 0\narguments 0\nfolder false\nfile false\nsocket false\nseconds {seconds}\n"
        )
    };
    assert_eq!(committed(&bench, "/world").await, found(seconds));
    // Also where the instance is the same.
    bench.world().set_now((seconds + 90) * 1_000_000);
    assert_eq!(committed(&bench, "/world").await, found(seconds + 90));
}

/// Calls and commits; what it answered.
async fn committed(bench: &Workbench, path: &str) -> String {
    let done = bench
        .perform(path, &request(path), Cause::Asked, None, &mut |_: &_, _| {})
        .await;
    assert!(done.committed, "{path}: {:?}", done.outcome.result);
    body(&done.outcome)
}

#[tokio::test]
async fn an_instance_serves_the_calls_of_one_workspace_and_settings_alone() {
    let network: Arc<dyn Transport> = Recording::new(Network::Echo);
    let loaded = common::load("standard");
    let open = |settings: &Value, workspace: &str| {
        let network = Arc::clone(&network);
        let opened = Workbench::open(&loaded, settings, Given::default(), network);
        let opened = opened.expect("it opens").with_limits(wide());
        opened.in_workspace(workspace)
    };
    let one = open(&settings(), "wsp_1");
    for served in 1..=3 {
        assert_eq!(committed(&one, "/count").await, served.to_string());
    }
    let other = open(&settings(), "wsp_2");
    assert_eq!(
        committed(&other, "/count").await,
        "1",
        "of another workspace"
    );
    assert_eq!(committed(&one, "/count").await, "4");
    let changed = open(&settings(), "wsp_1").at_revision(2);
    assert_eq!(
        committed(&changed, "/count").await,
        "1",
        "of newer settings"
    );
    assert_eq!(committed(&one, "/count").await, "5");
}

#[tokio::test]
async fn an_instance_is_gone_after_a_trap_an_error_a_limit_a_conflict_and_where_nothing_was_committed()
 {
    let network = Recording::new(Network::Echo);
    let limits = Limits {
        cpu_ms: 300,
        ..Limits::default()
    };
    let bench = standard(&network, limits);
    let mut nobody = |_: &World, _: u32| {};
    for path in ["/trap", "/fail", "/loop"] {
        committed(&bench, "/count").await;
        assert_ne!(committed(&bench, "/count").await, "1");
        let done = bench
            .perform(path, &request(path), Cause::Asked, None, &mut nobody)
            .await;
        assert!(!done.committed, "{path}");
        assert_eq!(committed(&bench, "/count").await, "1", "after {path}");
    }
    // Called, but nobody committed it.
    assert_eq!(body(&receive(&bench, "/count").await), "2");
    assert_eq!(committed(&bench, "/count").await, "1");
    let mut another = |world: &World, so_far: u32| {
        if so_far == 0 {
            let written: Result<(), ()> = world.change(|state, _| {
                state.store("standard", "n".into(), "2".into(), None, None);
                Ok(())
            });
            written.expect("others may always write");
        }
    };
    let input = request("/conflict");
    let done = bench
        .perform("conflict", &input, Cause::Asked, None, &mut another)
        .await;
    assert_eq!((done.committed, done.runs), (true, 2));
    assert_eq!(
        committed(&bench, "/count").await,
        "2",
        "one call since the conflict"
    );
}

#[tokio::test]
async fn nothing_of_an_earlier_call_means_anything_in_the_next_of_the_same_instance() {
    let network = Recording::new(Network::Echo);
    let bench = standard(&network, wide());
    let first = committed(&bench, "/stale").await;
    assert!(first.contains("•••"), "the handle of its own call: {first}");
    let second = committed(&bench, "/stale").await;
    assert!(
        second.contains("Bearer sec_") && !second.contains("•••"),
        "{second}"
    );
    // Limits begin anew with each call.
    let calls = bench
        .perform(
            "c",
            &request("/count"),
            Cause::Asked,
            None,
            &mut |_: &_, _| {},
        )
        .await;
    assert!(calls.outcome.cost.host_calls <= 1 && calls.outcome.http().is_empty());
    assert_eq!(body(&calls.outcome), "3");
}

#[tokio::test]
async fn an_instance_whose_request_still_goes_on_has_no_next_call() {
    let bench = standard(&Recording::new(Network::Silent), wide());
    assert_eq!(committed(&bench, "/count").await, "1");
    assert_eq!(committed(&bench, "/count").await, "2");
    committed(&bench, "/forgotten").await;
    assert_eq!(committed(&bench, "/count").await, "1");
}
