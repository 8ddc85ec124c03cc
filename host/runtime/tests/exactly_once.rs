//! The model of `model` against the memory of scenarios, and two rules of causes.

mod model;

use std::collections::BTreeMap;

use balcao_runtime::{
    call::{CallError, Cost, Input, Outcome, Output},
    context::FirstRun,
    effect::{Effect, MessagesSend, Storage, Timers},
    limits::LimitHit,
    memory::{Cause, Crash, Given, Installed, Subject, World, perform},
    services::ReadSet,
    wit::{events, timer_events},
};
use model::{Fate, Place, Seen};
use proptest::prelude::*;
use serde_json::json;

const APP: &str = "app";
const KIND: &str = "conversation.started";

fn world(events: usize) -> World {
    let mut given: Given = serde_json::from_value(json!({
        "users": [{"id": "usr_1", "admin": true}],
        "teams": [{"id": "tem_1", "members": [{"user": "usr_1", "role": "agent"}]}],
        "channels": [{"id": "chn_1", "team": "tem_1"}],
        "contacts": [{"id": "con_1"}],
        "conversations": [{"id": "cnv_1", "channel": "chn_1", "contact": "con_1", "team": "tem_1", "status": "queued"}],
    }))
    .expect("a workspace");
    given.plugin = Some(Installed {
        id: APP.to_owned(),
        subscriptions: [KIND.to_owned()].into(),
        collections: BTreeMap::new(),
    });
    let world = World::new(given, 7).expect("it is whole");
    for _ in 0..events {
        let event = events::Event {
            id: String::new(),
            kind: KIND.to_owned(),
            at: 0,
            conversation: Some("cnv_1".to_owned()),
            subject: None,
            actor: None,
            data: String::new(),
        };
        let done: Result<(), ()> = world.change(|state, chance| {
            state.happened(chance, &event);
            Ok(())
        });
        done.expect("events always happen");
    }
    world
}

fn number(text: Option<&str>) -> u64 {
    text.and_then(|it| it.parse().ok()).unwrap_or(0)
}

/// What an app would do: count, remember the cause, write a note, and set a timer for every event (not for every timer).
async fn attempt(world: &World, cause: &Cause, ends: Option<CallError>) -> Outcome {
    let services = world.services(APP, None);
    let count = services.storage_get("count").await.expect("storage");
    let mut reads = ReadSet::default();
    reads
        .storage
        .insert("count".to_owned(), count.as_ref().map(|it| it.revision));
    let next = number(count.as_ref().map(|it| it.value.as_str())) + 1;
    let set = |key: String, value: String| {
        Effect::Storage(Storage::Set {
            key,
            value,
            ttl: None,
            about: None,
        })
    };
    let name = match cause {
        Cause::Delivery { seq, .. } => format!("event-{seq}"),
        Cause::Timer { name, .. } => format!("timer-{name}"),
        Cause::Asked => "asked".to_owned(),
    };
    let mut effects = vec![
        set("count".to_owned(), next.to_string()),
        set(format!("done:{name}"), "true".to_owned()),
        Effect::MessagesSend(MessagesSend::Note {
            id: world.chance().mint("msg", 0),
            conversation: "cnv_1".to_owned(),
            text: name.clone(),
        }),
    ];
    if let Cause::Delivery { seq, .. } = cause {
        effects.push(Effect::Timers(Timers::Set {
            name: seq.to_string(),
            at: world.now() + 1,
            about: None,
            payload: String::new(),
        }));
    }
    Outcome {
        effects: if ends.is_some() { Vec::new() } else { effects },
        result: ends.map_or(Ok(Output::Done), Err),
        reads,
        run: FirstRun::default(),
        logs: Vec::new(),
        cost: Cost::default(),
        instance: None,
    }
}

/// What waits for the app: the oldest delivery, else the next timer.
fn next(world: &World) -> Option<(Cause, Input)> {
    if let Some((delivery, event)) = world.next_delivery(APP) {
        let cause = Cause::Delivery {
            seq: delivery.seq,
            depth: delivery.depth,
        };
        return Some((cause, Input::Handle(event)));
    }
    let (name, timer) = world.next_timer(APP, i64::MAX)?;
    world.set_now(timer.at);
    let cause = Cause::Timer {
        name: name.clone(),
        at: timer.at,
    };
    let input = Input::Fire(timer_events::Timer {
        name,
        at: timer.at,
        about: None,
        payload: String::new(),
    });
    Some((cause, input))
}

/// One attempt. Gives the number of others' writes to the counter.
async fn run(world: &World, cause: Cause, input: &Input, fate: &Fate) -> u64 {
    let ends = match fate {
        Fate::Trap => Some(CallError::Trap("unreachable".to_owned())),
        Fate::Deadline => Some(CallError::Limit(LimitHit::new("deadline_ms", "too long"))),
        _ => None,
    };
    let crash = match fate {
        Fate::CrashBefore | Fate::CrashDuring => Some(Crash::BeforeCommit),
        Fate::CrashAfter => Some(Crash::AfterCommit),
        _ => None,
    };
    let conflicts = match fate {
        Fate::Conflicts(conflicts) => *conflicts,
        _ => 0,
    };
    let mut others = 0;
    let mut between = |world: &World, so_far: u32| {
        if so_far < conflicts {
            let done: Result<(), ()> = world.change(|state, _| {
                let key = (APP.to_owned(), "count".to_owned());
                let count = number(state.storage.get(&key).map(|it| it.value.as_str()));
                state.store(APP, key.1, (count + 1).to_string(), None, None);
                Ok(())
            });
            done.expect("others may always write");
            others += 1;
        }
    };
    let subject = Subject {
        plugin: APP,
        channel: None,
        actor: None,
        cause: cause.clone(),
    };
    let fails = ends.is_some();
    let done = perform(world, &subject, input, crash, &mut between, |_| {
        attempt(world, &cause, ends.clone())
    })
    .await;
    // Three conflicts at most, then the call has the workspace to itself: it never starves.
    assert_eq!(done.committed, !fails);
    assert!(done.runs <= 4);
    if matches!(fate, Fate::Twice | Fate::Late) {
        let again = perform(world, &subject, input, None, &mut |_, _| {}, |_| {
            attempt(world, &cause, None)
        })
        .await;
        assert!(!again.committed, "the same cause was committed twice");
    }
    others
}

impl Place for World {
    async fn attempt(&mut self, fate: &Fate) -> Option<u64> {
        let (cause, input) = next(self)?;
        Some(run(self, cause, &input, fate).await)
    }

    async fn seen(&mut self) -> Seen {
        let state = self.snapshot();
        let count = state.storage.get(&(APP.to_owned(), "count".to_owned()));
        let mut notes: Vec<_> = state.messages.values().map(|it| it.text.clone()).collect();
        notes.sort();
        Seen {
            count: number(count.map(|it| it.value.as_str())),
            notes,
            left: state.deliveries.len() + state.timers.len(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_event_and_timer_takes_effect_exactly_once((events, fates) in model::case()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let names: Vec<String> = (1..=events).map(|seq| seq.to_string()).collect();
        runtime.block_on(model::drive(&mut world(events), &names, &fates));
    }
}

#[test]
fn what_an_app_did_itself_is_not_told_to_it() {
    let world = world(0);
    let offered = Effect::Routing(balcao_runtime::effect::Routing::Assign {
        conversation: "cnv_1".to_owned(),
        agent: "usr_1".to_owned(),
    });
    let commit = |plugin: &str| {
        let commit = balcao_runtime::memory::Commit {
            plugin,
            channel: None,
            actor: None,
            cause: &Cause::Asked,
            reads: &ReadSet::default(),
            effects: std::slice::from_ref(&offered),
        };
        world.commit(&commit).expect("it may be assigned");
        world.snapshot().deliveries.len()
    };
    assert_eq!(commit(APP), 0);
    assert_eq!(commit("another"), 1);
}

#[test]
fn a_causal_chain_ends_at_eight_hops() {
    let world = world(0);
    let mut hops = 0;
    let mut cause = Cause::Asked;
    let mut plugin = "another";
    loop {
        let effect = Effect::Routing(balcao_runtime::effect::Routing::Assign {
            conversation: "cnv_1".to_owned(),
            agent: "usr_1".to_owned(),
        });
        let subscribe: Result<(), ()> = world.change(|state, _| {
            let another = Installed {
                id: "another".to_owned(),
                subscriptions: [KIND.to_owned()].into(),
                collections: BTreeMap::new(),
            };
            state.plugins.insert("another".to_owned(), another);
            Ok(())
        });
        subscribe.expect("apps can be installed");
        let commit = balcao_runtime::memory::Commit {
            plugin,
            channel: None,
            actor: None,
            cause: &cause,
            reads: &ReadSet::default(),
            effects: &[effect],
        };
        world.commit(&commit).expect("it may be assigned");
        hops += 1;
        plugin = if plugin == APP { "another" } else { APP };
        match world.next_delivery(plugin) {
            Some((delivery, _)) => {
                cause = Cause::Delivery {
                    seq: delivery.seq,
                    depth: delivery.depth,
                };
            }
            None => break,
        }
        assert!(hops < 20, "the chain has no end");
    }
    assert_eq!(hops, 8);
}
