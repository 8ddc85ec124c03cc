use proptest::prelude::*;

use super::*;

fn opened() -> Breaker {
    let mut breaker = Breaker::default();
    for second in 0..FAULTS as i64 {
        assert_eq!(breaker.admits(second * SECOND), Admission::Yes);
        let change = breaker.ended(false, Some("trap"), second * SECOND);
        assert_eq!(change.is_some(), second as usize == FAULTS - 1);
    }
    breaker
}

fn trial(breaker: &mut Breaker, now: Instant) {
    let Admission::Trial(rest) = breaker.admits(now) else {
        panic!("no trial at {now}: {breaker:?}");
    };
    breaker.set(Some(rest));
}

#[test]
fn five_faults_within_a_minute_open_it_and_faults_far_apart_do_not() {
    let rest = Rest {
        until: 4 * SECOND + FIRST_REST,
        trial: false,
        since: 4 * SECOND,
        opened: 1,
        rest: FIRST_REST,
        reason: "trap".into(),
    };
    assert_eq!(opened().rest(), Some(&rest));
    let mut slow = Breaker::default();
    for minute in 0..20 {
        assert_eq!(slow.ended(false, Some("trap"), minute * WINDOW), None);
    }
    assert_eq!(slow.rest(), None);
}

#[test]
fn after_its_rest_one_call_is_tried_and_success_closes_it() {
    let mut breaker = opened();
    let rested = 4 * SECOND + FIRST_REST;
    assert_eq!(breaker.admits(rested - 1), Admission::No { until: rested });
    trial(&mut breaker, rested);
    let until = rested + TRIAL;
    assert_eq!(
        breaker.admits(rested),
        Admission::No { until },
        "one trial at a time"
    );
    // Another call, from before it opened, is not the trial.
    assert_eq!(breaker.ended(false, None, rested), None);
    assert_eq!(breaker.ended(false, Some("trap"), rested), None);
    assert_eq!(breaker.ended(true, None, rested + 1), Some(Change::Closed));
    assert_eq!(breaker.admits(rested + 2), Admission::Yes);
}

#[test]
fn a_trial_of_a_node_that_died_is_given_up_after_its_time() {
    let mut breaker = opened();
    let rested = 4 * SECOND + FIRST_REST;
    trial(&mut breaker, rested);
    let stored = breaker.rest().cloned();
    // Another node, or this one after a restart, knows only what is stored.
    let mut other = Breaker::stored(stored);
    assert_eq!(
        other.admits(rested + TRIAL - 1),
        Admission::No {
            until: rested + TRIAL
        }
    );
    trial(&mut other, rested + TRIAL);
}

#[test]
fn a_failed_trial_doubles_the_rest_up_to_its_bound() {
    let mut breaker = opened();
    let mut length = FIRST_REST;
    for times in 2..10 {
        let until = breaker.rest().expect("it rests").until;
        trial(&mut breaker, until);
        length = (length * 2).min(LONGEST_REST);
        let rest = Rest {
            until: until + length,
            trial: false,
            since: 4 * SECOND,
            opened: times,
            rest: length,
            reason: "limit".into(),
        };
        assert_eq!(
            breaker.ended(true, Some("limit"), until),
            Some(Change::Opened(rest))
        );
    }
    assert_eq!(length, LONGEST_REST);
}

/// One step of one of two nodes that share what is stored.
#[derive(Clone, Debug)]
enum Step {
    /// Time passes, seconds.
    Pass(i64),
    /// A node asks whether a call may start, and starts it.
    Start(usize),
    /// A node's oldest call ends.
    End { node: usize, fault: bool },
    /// A node looks at what is stored.
    Look(usize),
    /// A node dies and starts again.
    Die(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let node = 0_usize..2;
    prop_oneof![
        2 => (1_i64..200).prop_map(Step::Pass),
        6 => node.clone().prop_map(Step::Start),
        6 => (node.clone(), prop::bool::weighted(0.7)).prop_map(|(node, fault)| Step::End { node, fault }),
        3 => node.clone().prop_map(Step::Look),
        1 => node.prop_map(Step::Die),
    ]
}

#[derive(Default)]
struct Node {
    breaker: Breaker,
    /// Whether each is the trial, oldest first.
    calls: VecDeque<bool>,
    /// What a plain list of faults since the last change would say.
    faults: Vec<Instant>,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the order of things on two nodes: nobody calls during a rest that they know of, a trial is one call on all nodes for as long
    /// as it has, a rest comes of faults alone and never grows beyond its bound, and it ends with a success.
    #[test]
    fn nodes_that_share_a_store_rest_together_and_try_one_call(steps in prop::collection::vec(step(), 1..300)) {
        let mut now = 0;
        let mut stored: Option<Rest> = None;
        let mut nodes = [Node::default(), Node::default()];
        let mut tried_until = i64::MIN;
        for step in steps {
            match step {
                Step::Pass(seconds) => now += seconds * SECOND,
                Step::Look(node) => {
                    let known = nodes[node].breaker.rest().cloned();
                    if known != stored {
                        nodes[node].faults.clear();
                    }
                    nodes[node].breaker.set(stored.clone());
                }
                Step::Die(node) => {
                    nodes[node] = Node { breaker: Breaker::stored(stored.clone()), ..Node::default() };
                }
                Step::Start(node) => {
                    let node = &mut nodes[node];
                    match node.breaker.admits(now) {
                        Admission::Yes => {
                            prop_assert!(node.breaker.rest().is_none());
                            node.calls.push_back(false);
                        }
                        Admission::No { until } => prop_assert!(now < until && until <= now + LONGEST_REST.max(TRIAL)),
                        Admission::Trial(next) => {
                            // What the store does: replace what is there, if it still is.
                            if node.breaker.rest() == stored.as_ref() {
                                prop_assert!(now >= tried_until, "two trials at once");
                                tried_until = next.until;
                                stored = Some(next);
                                node.calls.push_back(true);
                            }
                            node.breaker.set(stored.clone());
                        }
                    }
                }
                Step::End { node, fault } => {
                    let node = &mut nodes[node];
                    let Some(trial) = node.calls.pop_front() else { continue };
                    let rested = node.breaker.rest().cloned();
                    if fault && rested.is_none() {
                        node.faults.push(now);
                    }
                    let recent = node.faults.iter().filter(|at| now - **at < WINDOW).count();
                    match node.breaker.ended(trial, fault.then_some("trap"), now) {
                        None => prop_assert!(recent < FAULTS || !fault || rested.is_some()),
                        Some(Change::Opened(rest)) => {
                            prop_assert!(fault && (FIRST_REST..=LONGEST_REST).contains(&rest.rest));
                            prop_assert_eq!(rest.until, now + rest.rest);
                            match rested {
                                None => prop_assert!(recent >= FAULTS && rest.rest == FIRST_REST && rest.opened == 1),
                                Some(before) => prop_assert!(trial && rest.opened == before.opened + 1 && rest.since == before.since),
                            }
                            node.faults.clear();
                            tried_until = i64::MIN;
                            stored = Some(rest);
                        }
                        Some(Change::Closed) => {
                            prop_assert!(trial && !fault);
                            node.faults.clear();
                            tried_until = i64::MIN;
                            stored = None;
                        }
                    }
                }
            }
        }
    }
}
