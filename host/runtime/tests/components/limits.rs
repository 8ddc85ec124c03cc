//! Every limit of a call, with a component that runs into it; and that a call which ended badly leaves nothing behind.

use std::sync::Arc;

use super::common::{self, Network, Recording, is_answered, receive};
use balcao_runtime::{
    call::{CallError, Outcome},
    harness::Workbench,
    limits::Limits,
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
