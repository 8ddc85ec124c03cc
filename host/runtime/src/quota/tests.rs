use super::*;

const NOON: Instant = 43_200_000_000;

fn meter(quotas: Quotas) -> Arc<Meter> {
    Arc::new(Meter::new(quotas))
}

fn name(refused: Result<impl Sized, LimitHit>) -> &'static str {
    refused.err().expect("a quota is used up").name
}

#[test]
fn every_limit_can_be_set_by_its_name_and_no_other() {
    let all = names();
    assert_eq!(all.len(), 16 + 9);
    for name in &all {
        let changed = Allowance::default().with([(name.as_str(), 7)]).unwrap();
        let shown = [fields(&changed.call), fields(&changed.quotas)];
        let set: Vec<_> = shown
            .iter()
            .flatten()
            .filter(|(_, number)| **number == 7)
            .map(|(name, _)| name)
            .collect();
        assert_eq!(set, [name]);
    }
    let unknown = Allowance::default()
        .with([("storage_byte", 1)])
        .unwrap_err();
    assert!(
        unknown.contains("`storage_byte`") && unknown.contains("storage_bytes"),
        "{unknown}"
    );
    let too_large = Allowance::default().with([("effects", u64::MAX)]);
    assert!(too_large.is_err());
}

#[test]
fn what_grows_must_end_within_its_bound_and_what_was_there_may_stay_and_shrink() {
    let quotas = Quotas {
        storage_keys: 2,
        storage_bytes: 100,
        collection_rows: 1,
        timers: 0,
        ..Quotas::default()
    };
    let keeps = |storage_keys, storage_bytes, collection_rows, timers| Keeps {
        storage_keys,
        storage_bytes,
        collection_rows,
        timers,
    };
    let nothing = Keeps::default();
    assert_eq!(quotas.permit(&nothing, &keeps(2, 100, 1, 0)), Ok(()));
    for (after, named) in [
        (keeps(3, 1, 0, 0), "storage_keys"),
        (keeps(1, 101, 0, 0), "storage_bytes"),
        (keeps(0, 0, 2, 0), "collection_rows"),
        (keeps(0, 0, 0, 1), "timers"),
    ] {
        assert_eq!(name(quotas.permit(&nothing, &after)), named);
    }
    let more = keeps(9, 900, 9, 9);
    assert_eq!(quotas.permit(&more, &keeps(8, 900, 9, 8)), Ok(()));
    assert_eq!(
        name(quotas.permit(&more, &keeps(8, 901, 9, 8))),
        "storage_bytes"
    );
}

#[test]
fn calls_at_once_count_those_of_other_nodes_and_end_with_each_call() {
    let meter = meter(Quotas {
        calls_at_once: 3,
        ..Quotas::default()
    });
    let one = meter.begin(NOON).unwrap();
    meter.heard_running(1);
    let two = meter.begin(NOON).unwrap();
    assert_eq!(name(meter.begin(NOON)), "calls_at_once");
    drop(one);
    assert!(meter.begin(NOON).is_ok());
    meter.heard_running(2);
    assert_eq!(name(meter.begin(NOON)), "calls_at_once");
    drop(two);
    assert_eq!(meter.running(), 0);
}

#[test]
fn a_rate_is_used_up_until_the_minute_is_over() {
    let meter = meter(Quotas {
        http_calls_per_minute: 3,
        http_bytes_per_minute: 100,
        host_calls_per_minute: 10,
        log_lines_per_minute: 5,
        ..Quotas::default()
    });
    assert_eq!(meter.send(NOON, 40), Ok(()));
    meter.received(NOON, 50);
    assert_eq!(name(meter.send(NOON, 11)), "http_bytes_per_minute");
    assert_eq!(meter.send(NOON, 10), Ok(()));
    assert_eq!(meter.send(NOON, 0), Ok(()));
    assert_eq!(name(meter.send(NOON, 0)), "http_calls_per_minute");
    let used = Used {
        host_calls: 10,
        log_lines: 4,
        ..Used::default()
    };
    assert_eq!(
        (meter.ended(NOON, &used).kept, meter.ended(NOON, &used).kept),
        (4, 1)
    );
    assert_eq!(
        (
            meter.ended(NOON, &used).kept,
            meter.ended(NOON, &used).notice
        ),
        (0, None),
        "said once a minute"
    );
    assert_eq!(name(meter.begin(NOON)), "host_calls_per_minute");
    assert_eq!(
        name(meter.begin(NOON + WINDOW - 1)),
        "host_calls_per_minute"
    );
    assert!(meter.begin(NOON + WINDOW).is_ok());
    assert_eq!(meter.send(NOON + WINDOW, 100), Ok(()));
    let share = |kept, notice| LogShare { kept, notice };
    assert_eq!(meter.ended(NOON + WINDOW, &used), share(4, None));
    let said = "log_lines_per_minute: only the first 5 lines of a minute are kept";
    assert_eq!(
        meter.ended(NOON + WINDOW, &used),
        share(1, Some(said.to_owned()))
    );
}

#[test]
fn what_other_nodes_used_counts_and_nothing_is_told_twice_or_lost() {
    let quotas = Quotas {
        http_calls_per_minute: 10,
        ..Quotas::default()
    };
    let meter = meter(quotas);
    let calls = |http_calls| Used {
        http_calls,
        ..Used::default()
    };
    for _ in 0..3 {
        meter.send(NOON, 0).unwrap();
    }
    let window = NOON / WINDOW;
    let news = meter.take().unwrap();
    assert_eq!(news.windows, [(window, calls(3))]);
    // It could not be written, and the next time it is told with what came meanwhile.
    meter.give_back(news);
    meter.send(NOON, 0).unwrap();
    let news = meter.take().unwrap();
    assert_eq!(news.windows, [(window, calls(3)), (window, calls(1))]);
    meter.send(NOON, 0).unwrap();
    // Another node has made four: eight are told, one of ours is not.
    meter.heard(window, &calls(8));
    meter.send(NOON, 0).unwrap();
    assert_eq!(name(meter.send(NOON, 0)), "http_calls_per_minute");
    // The minute ends before the rest is told; it belongs to its own window.
    meter.send(NOON + WINDOW, 0).unwrap();
    assert_eq!(
        meter.take().unwrap().windows,
        [(window, calls(2)), (window + 1, calls(1))]
    );
    // What is heard of a window that is over changes nothing.
    meter.heard(window, &calls(1_000));
    assert_eq!(meter.send(NOON + WINDOW, 0), Ok(()));
    meter.take();
    assert_eq!(meter.take(), None);
}
