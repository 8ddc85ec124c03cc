//! Every limit of a call, with a component that runs into it; and that a call which ended badly leaves nothing behind.

use std::sync::Arc;

use super::common::{self, Network, Recording, is_answered, receive};
use balcao_runtime::{
    call::{CallError, Outcome},
    harness::Workbench,
    limits::Limits,
    memory::Cause,
    quota::Quotas,
};
use serde_json::json;

/// Bounds that nothing here reaches, so that each test meets the one that it sets.
fn wide() -> Limits {
    Limits {
        cpu_ms: 60_000,
        deadline_ms: 120_000,
        http_timeout_ms: 60_000,
        ..Limits::default()
    }
}

fn unruly(limits: Limits) -> Workbench {
    with_network(limits, Network::Bytes(2))
}

fn with_network(limits: Limits, network: Network) -> Workbench {
    common::open("unruly", &json!({}), limits, Recording::new(network))
}

/// The limit that ended the call; its effects must be gone.
fn limit(outcome: &Outcome) -> &'static str {
    assert_eq!(outcome.effects, []);
    match &outcome.result {
        Err(CallError::Limit(hit)) => hit.name,
        other => panic!("no limit, but {other:?}"),
    }
}

/// What the plugin was told and passed on as its failure; its effects must be gone.
fn refused(outcome: &Outcome) -> String {
    assert_eq!(outcome.effects, []);
    match &outcome.result {
        Err(CallError::Failed(failure)) => format!("{}: {}", failure.code, failure.message),
        other => panic!("no failure, but {other:?}"),
    }
}

#[tokio::test]
async fn an_endless_loop_is_stopped_at_its_computing_time() {
    let bench = unruly(Limits {
        cpu_ms: 20,
        ..wide()
    });
    let outcome = receive(&bench, "/loop").await;
    assert_eq!(limit(&outcome), "cpu_ms");
    assert!(outcome.cost.us >= 20_000, "{:?}", outcome.cost);
    assert_eq!(
        limit(&receive(&bench, "/message-then-loop").await),
        "cpu_ms"
    );
}

#[tokio::test]
async fn waiting_counts_against_the_deadline_and_not_as_computing() {
    let limits = Limits {
        deadline_ms: 40,
        cpu_ms: 20_000,
        ..wide()
    };
    let outcome = receive(&with_network(limits, Network::Silent), "/requests").await;
    assert_eq!(limit(&outcome), "deadline_ms");
}

#[tokio::test]
async fn memory_beyond_the_bound_ends_the_call() {
    let bench = unruly(Limits {
        memory_bytes: 6 << 20,
        ..wide()
    });
    let outcome = receive(&bench, "/hog").await;
    assert_eq!(limit(&outcome), "memory_bytes");
    assert!(outcome.cost.memory_bytes <= 6 << 20);
    assert!(is_answered(&receive(&bench, "/ok").await, 200));
}

#[tokio::test]
async fn the_hosts_functions_can_be_used_so_often_and_no_more() {
    let bench = unruly(Limits {
        host_calls: 50,
        ..wide()
    });
    let outcome = receive(&bench, "/calls").await;
    assert_eq!(limit(&outcome), "host_calls");
    assert_eq!(outcome.cost.host_calls, 51);
}

#[tokio::test]
async fn effects_are_bounded_in_number_and_in_bytes() {
    let number = unruly(Limits {
        effects: 3,
        ..wide()
    });
    let told = refused(&receive(&number, "/store").await);
    assert!(told.contains("effects: a call may have 3"), "{told}");
    let bytes = unruly(Limits {
        effect_bytes: 200_000,
        ..wide()
    });
    let told = refused(&receive(&bytes, "/store").await);
    assert!(
        told.contains("effect_bytes: a call's effects may hold 200000"),
        "{told}"
    );
}

#[tokio::test]
async fn a_stored_value_is_bounded() {
    let bench = unruly(Limits {
        storage_value_bytes: 1_000,
        ..wide()
    });
    let told = refused(&receive(&bench, "/store").await);
    assert!(
        told.contains("storage_value_bytes: a value may have 1000 bytes"),
        "{told}"
    );
}

#[tokio::test]
async fn only_the_first_lines_of_a_log_are_kept_and_long_ones_are_cut() {
    let bench = unruly(Limits {
        log_lines: 5,
        log_line_bytes: 100,
        host_calls: 1_000,
        ..wide()
    });
    let outcome = receive(&bench, "/log").await;
    assert_eq!(limit(&outcome), "host_calls");
    assert_eq!(outcome.logs.len(), 6);
    assert!(
        outcome.logs[5]
            .message
            .starts_with("log_lines: only the first 5"),
        "{:?}",
        outcome.logs[5]
    );
    let outcome = receive(&bench, "/long-line").await;
    assert_eq!(outcome.logs.len(), 1);
    assert_eq!(outcome.logs[0].message, "x".repeat(100));
}

#[tokio::test]
async fn requests_are_bounded_in_number_size_and_time() {
    let number = Recording::new(Network::Bytes(2));
    let bench = common::open(
        "unruly",
        &json!({}),
        Limits {
            http_calls: 3,
            ..wide()
        },
        Arc::clone(&number) as _,
    );
    let told = refused(&receive(&bench, "/requests").await);
    assert!(told.contains("a call may make 3 HTTP requests"), "{told}");
    assert_eq!(number.sent.lock().unwrap().len(), 3);

    let size = unruly(Limits {
        http_request_bytes: 10,
        ..wide()
    });
    let told = refused(&receive(&size, "/requests").await);
    assert!(
        told.contains("request_bytes") && told.contains("10 are allowed"),
        "{told}"
    );

    let answer = with_network(
        Limits {
            http_response_bytes: 1_000,
            ..wide()
        },
        Network::Bytes(1_001),
    );
    let told = refused(&receive(&answer, "/requests").await);
    assert!(
        told.contains("response_bytes") && told.contains("1000 bytes"),
        "{told}"
    );

    let time = with_network(
        Limits {
            http_timeout_ms: 30,
            ..wide()
        },
        Network::Silent,
    );
    let told = refused(&receive(&time, "/requests").await);
    assert!(told.contains("no answer within 30ms"), "{told}");
}

#[tokio::test]
async fn what_an_export_returns_is_bounded() {
    let bench = unruly(Limits {
        output_bytes: 1 << 20,
        ..wide()
    });
    assert_eq!(limit(&receive(&bench, "/big").await), "output_bytes");
}

#[tokio::test]
async fn stack_without_end_is_a_trap_of_that_call_alone() {
    let bench = unruly(wide());
    let outcome = receive(&bench, "/deep").await;
    assert!(
        matches!(outcome.result, Err(CallError::Trap(_))),
        "{:?}",
        outcome.result
    );
    assert!(is_answered(&receive(&bench, "/ok").await, 200));
}

#[tokio::test]
async fn what_a_failed_or_trapped_call_did_has_not_happened() {
    let bench = unruly(wide());
    let kept = receive(&bench, "/message").await;
    assert!(is_answered(&kept, 200));
    assert_eq!(kept.effects.len(), 1);
    let failed = receive(&bench, "/message-then-fail").await;
    assert!(refused(&failed).contains("after an effect"));
    let trapped = receive(&bench, "/message-then-trap").await;
    assert!(matches!(trapped.result, Err(CallError::Trap(_))));
    assert_eq!(trapped.effects, []);
}

#[tokio::test]
async fn a_trap_poisons_nothing_and_nothing_is_left_for_the_next_call() {
    let bench = unruly(Limits {
        cpu_ms: 50,
        memory_bytes: 16 << 20,
        ..wide()
    });
    let fresh = receive(&bench, "/ok").await.cost;
    for path in ["/trap", "/deep", "/hog", "/loop", "/fail"] {
        assert!(receive(&bench, path).await.result.is_err(), "{path}");
        let next = receive(&bench, "/ok").await;
        assert!(is_answered(&next, 200), "after {path}");
        // The same memory and the same host calls as the very first call: it began as that did.
        assert_eq!(
            (next.cost.memory_bytes, next.cost.host_calls),
            (fresh.memory_bytes, fresh.host_calls),
            "after {path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_beside_one_that_loops_all_end_well() {
    let bench = Arc::new(unruly(Limits {
        cpu_ms: 100,
        ..wide()
    }));
    let looping = {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move { limit(&receive(&bench, "/loop").await) })
    };
    for _ in 0..20 {
        assert!(is_answered(&receive(&bench, "/ok").await, 200));
    }
    assert_eq!(looping.await.unwrap(), "cpu_ms");
}

/// A workspace in which the fixture may use so much over all its calls.
fn within(quotas: Quotas) -> Workbench {
    unruly(wide()).with_quotas(quotas)
}

/// Calls and commits; gives the refusal, if it was refused.
async fn does(bench: &Workbench, path: &str) -> Result<(), String> {
    let done = bench
        .perform(
            path,
            &common::request(path),
            Cause::Asked,
            None,
            &mut |_: &_, _| {},
        )
        .await;
    match done.outcome.result {
        Ok(_) => {
            assert!(done.committed);
            Ok(())
        }
        Err(error) => {
            assert!(!done.committed);
            Err(error.to_string())
        }
    }
}

fn names(refused: Result<(), String>, limit: &str) {
    let told = refused.expect_err("a quota is used up");
    assert!(told.contains(&format!("limit {limit}: ")), "{told}");
}

#[tokio::test]
async fn storage_is_bounded_in_keys_and_bytes_over_all_calls() {
    let bench = within(Quotas {
        storage_keys: 2,
        storage_bytes: 1_000,
        ..Quotas::default()
    });
    assert_eq!(does(&bench, "/keep/10/a").await, Ok(()));
    assert_eq!(does(&bench, "/keep/10/b").await, Ok(()));
    names(does(&bench, "/keep/10/c").await, "storage_keys");
    // In place of what is there it may be as long as the bytes allow.
    assert_eq!(does(&bench, "/keep/900/b").await, Ok(()));
    names(does(&bench, "/keep/990/b").await, "storage_bytes");
    assert_eq!(does(&bench, "/drop/0/a").await, Ok(()));
    assert_eq!(does(&bench, "/keep/10/c").await, Ok(()));
    let state = bench.world().snapshot();
    let keys: Vec<_> = state.storage.keys().map(|(_, key)| key.as_str()).collect();
    assert_eq!(keys, ["b", "c"]);
}

#[tokio::test]
async fn rows_and_timers_are_bounded_over_all_calls() {
    let bench = within(Quotas {
        collection_rows: 1,
        timers: 1,
        ..Quotas::default()
    });
    assert_eq!(does(&bench, "/row/0/a").await, Ok(()));
    assert_eq!(does(&bench, "/row/0/a").await, Ok(()), "the same row");
    names(does(&bench, "/row/0/b").await, "collection_rows");
    assert_eq!(does(&bench, "/unrow/0/a").await, Ok(()));
    assert_eq!(does(&bench, "/row/0/b").await, Ok(()));
    assert_eq!(does(&bench, "/timer/0/a").await, Ok(()));
    assert_eq!(does(&bench, "/timer/0/a").await, Ok(()), "moved");
    names(does(&bench, "/timer/0/b").await, "timers");
    assert_eq!(does(&bench, "/untimer/0/a").await, Ok(()));
    assert_eq!(does(&bench, "/timer/0/b").await, Ok(()));
}

#[tokio::test]
async fn requests_of_all_calls_are_bounded_by_the_minute() {
    let bench = within(Quotas {
        http_calls_per_minute: 5,
        ..Quotas::default()
    });
    assert_eq!(does(&bench, "/fetch/3").await, Ok(()));
    names(does(&bench, "/fetch/3").await, "http_calls_per_minute");
    names(does(&bench, "/fetch/1").await, "http_calls_per_minute");
    bench.world().set_now(bench.world().now() + 60_000_000);
    assert_eq!(does(&bench, "/fetch/5").await, Ok(()));

    let bytes = Quotas {
        http_bytes_per_minute: 10_000,
        ..Quotas::default()
    };
    let bench = with_network(wide(), Network::Bytes(4_990)).with_quotas(bytes);
    assert_eq!(does(&bench, "/fetch/1").await, Ok(()));
    names(does(&bench, "/fetch/2").await, "http_bytes_per_minute");
}

#[tokio::test]
async fn log_lines_of_all_calls_are_bounded_by_the_minute_and_it_is_said_once() {
    let bench = within(Quotas {
        log_lines_per_minute: 5,
        ..Quotas::default()
    });
    let mut kept = Vec::new();
    for _ in 0..3 {
        let outcome = receive(&bench, "/say/3").await;
        assert!(is_answered(&outcome, 200));
        kept.extend(outcome.logs.into_iter().map(|line| line.message));
    }
    let cut = "log_lines_per_minute: only the first 5 lines of a minute are kept";
    assert_eq!(kept, ["said", "said", "said", "said", "said", cut]);
}

#[tokio::test]
async fn no_call_begins_once_the_hosts_functions_were_used_too_often_in_a_minute() {
    let bench = within(Quotas {
        host_calls_per_minute: 100,
        ..Quotas::default()
    });
    assert_eq!(does(&bench, "/ask/60").await, Ok(()));
    assert_eq!(does(&bench, "/ask/60").await, Ok(()));
    names(does(&bench, "/ok").await, "host_calls_per_minute");
    bench.world().set_now(bench.world().now() + 60_000_000);
    assert_eq!(does(&bench, "/ok").await, Ok(()));
}

#[tokio::test]
async fn so_many_calls_may_be_under_way_at_once_and_the_next_is_not_the_plugins_fault() {
    let network = Recording::new(Network::Silent);
    let limits = Limits {
        deadline_ms: 200,
        ..wide()
    };
    let bench = common::open("unruly", &json!({}), limits, network);
    let bench = Arc::new(bench.with_quotas(Quotas {
        calls_at_once: 2,
        ..Quotas::default()
    }));
    let waiting = [(), ()].map(|()| {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move { limit(&receive(&bench, "/fetch/1").await) })
    });
    // Each has begun once it is polled; both wait for an answer then.
    tokio::task::yield_now().await;
    let refused = receive(&bench, "/ok").await;
    match &refused.result {
        Err(CallError::Busy(why)) => assert!(why.contains("calls_at_once"), "{why}"),
        other => panic!("not refused, but {other:?}"),
    }
    for call in waiting {
        assert_eq!(call.await.unwrap(), "deadline_ms");
    }
    assert!(is_answered(&receive(&bench, "/ok").await, 200));
}

#[tokio::test]
async fn a_request_whose_call_ends_before_the_answer_may_have_arrived() {
    let limits = Limits {
        deadline_ms: 40,
        ..wide()
    };
    let outcome = receive(&with_network(limits, Network::Silent), "/fetch/1").await;
    assert_eq!(limit(&outcome), "deadline_ms");
    let [exchange] = outcome.http() else {
        panic!("one request: {:?}", outcome.http());
    };
    let unknown = exchange.result.as_ref().expect_err("there was no answer");
    assert!(unknown.may_have_arrived());
}
