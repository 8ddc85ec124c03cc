//! A plugin call is a transaction: lanes, leases, read sets, effects, all or nothing.

use std::sync::LazyLock;

use balcao::error::Error;
use balcao::id::{ConversationId, MessageId};
use balcao::store::claims::{Claim, Next, Work};
use balcao::store::effects::{CallCommit, CallError, Cause, CommittedCall};
use balcao::store::enabled_plugins::EnabledPlugin;
use balcao::store::events::{
    Actor, LaneKind, MAX_HOPS, NewEvent, NoSubscriptions, Subscription, Subscriptions,
};
use balcao::store::failures::Which;
use balcao::store::storage::{Indexes, Owner};
use balcao_runtime::effect::{
    Collections, Conclusion, ContactsWrite, Effect, Inbox, Labels, MessagesSend, Routing, Storage,
    Timers,
};
use balcao_runtime::quota::Quotas;
use balcao_runtime::services::{Listed, ReadSet};
use balcao_runtime::wit::Subject;

use crate::support::{Bench, NOON, Office, Subscribed, both, message, text};

both! {
    a_lane_is_claimed_once_and_in_order,
    the_next_of_a_lane_is_taken_in_the_commit_of_the_one_before,
    an_acknowledged_event_never_comes_again_and_its_effects_are_there,
    what_a_refused_call_did_goes_with_its_transaction,
    a_commit_under_an_old_lease_is_refused,
    what_was_read_and_has_changed_is_a_conflict,
    a_key_deleted_and_written_again_is_seen_to_have_changed,
    a_failed_event_comes_again_when_it_is_due_and_becomes_a_dead_letter,
    an_event_that_met_a_conflict_comes_again_and_that_is_not_counted,
    a_timer_fires_once_when_due_and_may_set_itself_again,
    a_timer_about_a_conversation_waits_for_its_lane,
    no_plugin_is_told_what_it_did_itself_and_chains_end,
    handling_the_queued_event_ends_the_hold,
    an_action_needs_the_rights_of_its_user,
    contacts_spared_automatic_messages_get_none,
    labels_fields_and_collections_are_written,
    a_switched_off_plugin_forgets_its_events_and_keeps_its_timers,
    what_waits_for_a_plugin_that_is_off_is_forgotten_as_a_server_starts,
    calls_of_many_lanes_commit_in_parallel_without_loss,
}

const PLUGIN: &str = "router";
static QUOTAS: LazyLock<Quotas> = LazyLock::new(Quotas::default);

fn told(lane: LaneKind) -> std::sync::Arc<Subscribed> {
    Subscribed::one("message.received", PLUGIN, lane, false)
}

/// Messages m1… of a contact, with the plugin told of each.
async fn received(bench: &Bench, office: &Office, from: &str, count: usize) -> ConversationId {
    let ingest = bench.ingest_with(told(LaneKind::Conversation));
    let items = (1..=count)
        .map(|n| message(from, &format!("{from}/m{n}"), NOON))
        .collect();
    bench.submit(&ingest, office, items).await.messages[0].0
}

async fn claim(bench: &Bench, now: i64) -> Vec<Claim> {
    let mut tx = bench.store.begin().await.unwrap();
    let claims = tx.claim(now, 1_000, 100).await.unwrap();
    tx.commit().await.unwrap();
    claims
}

fn call<'a>(
    cause: Cause<'a>,
    reads: &'a ReadSet,
    effects: &'a [Effect],
    indexes: &'a Indexes,
) -> CallCommit<'a> {
    CallCommit {
        plugin: PLUGIN,
        channel: None,
        cause,
        reads,
        effects,
        indexes,
        quotas: &QUOTAS,
    }
}

/// Commits what a claimed call asked for, having read nothing.
async fn commit(
    bench: &Bench,
    office: &Office,
    claim: &Claim,
    effects: &[Effect],
) -> Result<CommittedCall, CallError> {
    commit_reading(
        bench,
        office,
        Cause::Claimed(claim),
        &ReadSet::default(),
        effects,
        &NoSubscriptions,
    )
    .await
}

async fn commit_reading(
    bench: &Bench,
    office: &Office,
    cause: Cause<'_>,
    reads: &ReadSet,
    effects: &[Effect],
    subscriptions: &dyn Subscriptions,
) -> Result<CommittedCall, CallError> {
    let indexes: Indexes = [(
        "deals".to_owned(),
        vec!["value".to_owned(), "reason".to_owned()],
    )]
    .into();
    let mut tx = bench.store.write(office.workspace).await.unwrap();
    let scope = office.scope_with(bench, subscriptions);
    let outcome = tx
        .commit_call(scope, &call(cause, reads, effects, &indexes))
        .await;
    match outcome {
        Ok(_) => tx.commit().await.unwrap(),
        Err(_) => tx.rollback().await.unwrap(),
    }
    outcome
}

fn set(key: &str, value: &str) -> Effect {
    Effect::Storage(Storage::Set {
        key: key.into(),
        value: value.into(),
        ttl: None,
        about: None,
    })
}

fn timer(name: &str, at: i64, about: Option<Subject>) -> Effect {
    Effect::Timers(Timers::Set {
        name: name.into(),
        at,
        about,
        payload: "{}".into(),
    })
}

async fn stored(bench: &Bench, office: &Office, key: &str) -> Option<(String, i64)> {
    let mut tx = bench.store.read().await.unwrap();
    let of = Owner {
        workspace: office.workspace,
        plugin: PLUGIN,
    };
    tx.storage_get(of, key, bench.clock.now())
        .await
        .unwrap()
        .map(|it| (it.value, it.revision))
}

fn seq(claim: &Claim) -> i64 {
    match &claim.work {
        Work::Event { event, .. } => event.seq,
        Work::Timer(timer) => panic!("a timer: {}", timer.name),
    }
}

async fn a_lane_is_claimed_once_and_in_order(bench: &Bench) {
    let office = bench.office().await;
    let a = received(bench, &office, "5511", 2).await;
    let b = received(bench, &office, "5512", 1).await;
    let claims = claim(bench, NOON).await;
    let mut lanes: Vec<_> = claims.iter().map(|it| it.lane.lane.clone()).collect();
    lanes.sort();
    let mut expected = vec![format!("conversation:{a}"), format!("conversation:{b}")];
    expected.sort();
    assert_eq!(lanes, expected);
    assert_eq!(claim(bench, NOON).await, []);
    let first = claims
        .iter()
        .find(|it| it.lane.lane.ends_with(&a.to_string()))
        .unwrap();
    commit(bench, &office, first, &[]).await.unwrap();
    let next = claim(bench, NOON).await;
    assert_eq!(next.len(), 1);
    assert!(seq(&next[0]) > seq(first));
}

async fn the_next_of_a_lane_is_taken_in_the_commit_of_the_one_before(bench: &Bench) {
    let office = bench.office().await;
    received(bench, &office, "ana", 2).await;
    let first = claim(bench, NOON).await.remove(0);
    let next = commit_and_keep(bench, &office, &first).await.unwrap();
    let [(Work::Event { event: before, .. }, Work::Event { event: after, .. })] =
        [(&first.work, &next.work)]
    else {
        panic!("{first:?} {next:?}")
    };
    assert!(after.seq > before.seq, "{before:?} {after:?}");
    assert!(next.lane.lease > first.lane.lease, "{first:?} {next:?}");
    assert_eq!(claim(bench, NOON + 10).await, [], "it is still held");
    assert_eq!(commit_and_keep(bench, &office, &next).await, None);
    assert_eq!(claim(bench, NOON + 10).await, [], "nothing is left");
}

/// Commits a call that asked for nothing, and takes its lane again for a moment.
async fn commit_and_keep(bench: &Bench, office: &Office, claim: &Claim) -> Option<Claim> {
    let (reads, indexes) = (ReadSet::default(), Indexes::default());
    let mut tx = bench
        .store
        .write_repeatable(office.workspace)
        .await
        .unwrap();
    let done = call(Cause::Claimed(claim), &reads, &[], &indexes);
    let scope = office.scope_with(bench, &NoSubscriptions);
    tx.commit_call(scope, &done).await.unwrap();
    let next = tx
        .claim_again(&claim.lane, NOON, NOON + 1_000)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    next
}

async fn an_acknowledged_event_never_comes_again_and_its_effects_are_there(bench: &Bench) {
    let office = bench.office().await;
    let id = received(bench, &office, "5511", 1).await;
    let claims = claim(bench, NOON).await;
    let offer = Effect::Routing(Routing::Offer {
        conversation: id.to_string(),
        agent: office.agent1.to_string(),
        deadline: Some(NOON + 60),
    });
    let reply: MessageId = bench.ids.mint();
    let send = Effect::MessagesSend(MessagesSend::Send {
        id: reply.to_string(),
        conversation: id.to_string(),
        content: text("Olá"),
    });
    // Not the store's to carry out.
    let typing = Effect::Inbox(Inbox::Typing {
        thread: "5511".into(),
    });
    let effects = [
        set("cursor", "\"agent1\""),
        offer,
        send,
        timer("move-on", NOON + 60, None),
        typing.clone(),
    ];
    let done = commit(bench, &office, &claims[0], &effects).await.unwrap();
    assert_eq!(done.left, [typing]);
    let kinds: Vec<_> = done
        .events
        .iter()
        .map(|it| (it.kind.as_str(), it.depth, it.actor().unwrap().id))
        .collect();
    assert_eq!(
        kinds,
        [
            ("conversation.offered", 1, PLUGIN.to_owned()),
            ("message.queued", 1, PLUGIN.to_owned())
        ]
    );
    let it = bench.conversation(&office, id).await;
    assert_eq!(
        (it.offer_agent, it.offer_deadline, it.offer_by.as_deref()),
        (Some(office.agent1), Some(NOON + 60), Some(PLUGIN))
    );
    assert_eq!(
        stored(bench, &office, "cursor").await,
        Some(("\"agent1\"".into(), 1))
    );
    assert_eq!(bench.messages(&office, id).await.pop().unwrap().id, reply);
    assert_eq!(claim(bench, NOON + 59).await, []);
    assert_eq!(bench.number("SELECT COUNT(*) FROM deliveries").await, 0);
    assert!(matches!(
        commit(bench, &office, &claims[0], &effects).await,
        Err(CallError::LeaseLost)
    ));
    assert_eq!(bench.number("SELECT COUNT(*) FROM messages").await, 2);
}

async fn what_a_refused_call_did_goes_with_its_transaction(bench: &Bench) {
    let office = bench.office().await;
    let id = received(bench, &office, "5511", 1).await;
    let claims = claim(bench, NOON).await;
    let events = bench.event_kinds(&office).await.len();
    let nobody = Effect::Routing(Routing::Assign {
        conversation: id.to_string(),
        agent: "nobody".into(),
    });
    let label = Effect::Labels(Labels::Add {
        of: Subject {
            kind: "conversation".into(),
            id: id.to_string(),
        },
        label: "x".into(),
    });
    let refused = commit(
        bench,
        &office,
        &claims[0],
        &[set("a", "1"), label, timer("t", NOON, None), nobody],
    )
    .await;
    assert!(
        matches!(
            &refused,
            Err(CallError::Refused {
                code: "invalid",
                ..
            })
        ),
        "{refused:?}"
    );
    assert_eq!(stored(bench, &office, "a").await, None);
    assert_eq!(bench.conversation(&office, id).await.labels, "[]");
    assert_eq!(bench.number("SELECT COUNT(*) FROM timers").await, 0);
    assert_eq!(bench.event_kinds(&office).await.len(), events);
    // The lane is still held, the event still there.
    let mut tx = bench.store.write(office.workspace).await.unwrap();
    tx.fail(&claims[0], "refused", Next::Retry(NOON + 5))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(claim(bench, NOON + 5).await.len(), 1);
}

async fn a_commit_under_an_old_lease_is_refused(bench: &Bench) {
    let office = bench.office().await;
    received(bench, &office, "5511", 1).await;
    let slow = claim(bench, NOON).await.remove(0);
    let quick = claim(bench, NOON + 1_000).await.remove(0);
    assert_eq!(
        (slow.work.clone(), quick.lane.lease > slow.lane.lease),
        (quick.work.clone(), true)
    );
    assert!(matches!(
        commit(bench, &office, &slow, &[set("a", "1")]).await,
        Err(CallError::LeaseLost)
    ));
    assert_eq!(stored(bench, &office, "a").await, None);
    let mut tx = bench.store.write(office.workspace).await.unwrap();
    assert!(matches!(
        tx.fail(&slow, "late", Next::Never).await,
        Err(Error::Conflict(_))
    ));
    tx.commit().await.unwrap();
    commit(bench, &office, &quick, &[set("a", "2")])
        .await
        .unwrap();
    assert_eq!(stored(bench, &office, "a").await.unwrap().0, "2");
}

async fn what_was_read_and_has_changed_is_a_conflict(bench: &Bench) {
    let office = bench.office().await;
    let id = received(bench, &office, "5511", 1).await;
    commit_reading(
        bench,
        &office,
        Cause::Host,
        &ReadSet::default(),
        &[set("k/1", "1")],
        &NoSubscriptions,
    )
    .await
    .unwrap();
    let put = Effect::Collections(Collections::Put {
        collection: "deals".into(),
        key: "d".into(),
        row: "{\"value\":5}".into(),
        about: None,
    });
    commit_reading(
        bench,
        &office,
        Cause::Host,
        &ReadSet::default(),
        &[put],
        &NoSubscriptions,
    )
    .await
    .unwrap();
    let team = bench
        .store
        .read()
        .await
        .unwrap()
        .plugin_team(office.workspace, office.team)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        team.members
            .iter()
            .map(|it| it.name.as_str())
            .collect::<Vec<_>>(),
        ["agent1", "agent2", "supervisor"]
    );
    let reads = ReadSet {
        storage: [("k/1".to_owned(), Some(1)), ("absent".to_owned(), None)].into(),
        listed: vec![Listed {
            prefix: "k/".into(),
            after: None,
            limit: 10,
            found: vec![("k/1".into(), 1)],
        }],
        rows: [(
            ("deals".to_owned(), "d".to_owned()),
            Some("{\"value\":5}".to_owned()),
        )]
        .into(),
        conversations: [(id.to_string(), 1)].into(),
        teams: [(office.team.to_string(), team)].into(),
        hours: Vec::new(),
    };
    let attempt = async |reads: &ReadSet| {
        commit_reading(bench, &office, Cause::Host, reads, &[], &NoSubscriptions).await
    };
    attempt(&reads).await.unwrap();
    let conflict = async |reads: &ReadSet, about: &str| match attempt(reads).await {
        Err(CallError::Conflict(what)) => assert!(what.contains(about), "{what}"),
        other => panic!("{about}: {other:?}"),
    };
    let mut stale = reads.clone();
    stale.storage.insert("absent".into(), Some(3));
    conflict(&stale, "absent").await;
    let mut stale = reads.clone();
    stale.rows.insert(("deals".into(), "d".into()), None);
    conflict(&stale, "deals").await;
    commit_reading(
        bench,
        &office,
        Cause::Host,
        &ReadSet::default(),
        &[set("k/2", "1")],
        &NoSubscriptions,
    )
    .await
    .unwrap();
    conflict(&reads, "list").await;
    let reads = ReadSet {
        listed: Vec::new(),
        ..reads
    };
    bench
        .raw(format!(
            "UPDATE users SET available = FALSE WHERE id = '{}'",
            office.agent2
        ))
        .await;
    conflict(&reads, "team").await;
    let reads = ReadSet {
        teams: Default::default(),
        ..reads
    };
    let offer = Effect::Routing(Routing::Offer {
        conversation: id.to_string(),
        agent: office.agent1.to_string(),
        deadline: None,
    });
    commit_reading(
        bench,
        &office,
        Cause::Host,
        &reads,
        &[offer],
        &NoSubscriptions,
    )
    .await
    .unwrap();
    conflict(&reads, "conversation").await;
}

async fn a_key_deleted_and_written_again_is_seen_to_have_changed(bench: &Bench) {
    let office = bench.office().await;
    let host = async |effects: &[Effect]| {
        commit_reading(
            bench,
            &office,
            Cause::Host,
            &ReadSet::default(),
            effects,
            &NoSubscriptions,
        )
        .await
        .unwrap();
    };
    host(&[set("k", "1")]).await;
    let (_, revision) = stored(bench, &office, "k").await.unwrap();
    host(&[Effect::Storage(Storage::Delete { key: "k".into() })]).await;
    assert_eq!(stored(bench, &office, "k").await, None);
    host(&[set("k", "1")]).await;
    assert_ne!(stored(bench, &office, "k").await.unwrap().1, revision);
    let ttl = Effect::Storage(Storage::Set {
        key: "k".into(),
        value: "2".into(),
        ttl: Some(1),
        about: None,
    });
    host(&[ttl]).await;
    assert_eq!(stored(bench, &office, "k").await.unwrap().0, "2");
    bench.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(stored(bench, &office, "k").await, None);
    let mut tx = bench.store.begin().await.unwrap();
    assert_eq!(tx.purge_storage(bench.clock.now(), 10).await.unwrap(), 1);
}

async fn a_failed_event_comes_again_when_it_is_due_and_becomes_a_dead_letter(bench: &Bench) {
    let office = bench.office().await;
    received(bench, &office, "5511", 2).await;
    let first = claim(bench, NOON).await.remove(0);
    let fail = async |claim: &Claim, next| {
        let mut tx = bench.store.write(office.workspace).await.unwrap();
        tx.fail(claim, "trap: out of bounds", next).await.unwrap();
        tx.commit().await.unwrap();
    };
    fail(&first, Next::Retry(NOON + 50)).await;
    // The next of the lane waits for it.
    assert_eq!(claim(bench, NOON + 49).await, []);
    assert_eq!(
        bench
            .store
            .begin()
            .await
            .unwrap()
            .next_lane_at()
            .await
            .unwrap(),
        Some(NOON + 50)
    );
    let again = claim(bench, NOON + 50).await.remove(0);
    let Work::Event { event, attempts } = &again.work else {
        panic!()
    };
    assert_eq!((event.seq, *attempts), (seq(&first), 1));
    fail(&again, Next::Never).await;
    let second = claim(bench, NOON + 50).await.remove(0);
    assert!(seq(&second) > seq(&first));
    commit(bench, &office, &second, &[]).await.unwrap();
    let mut tx = bench.store.write(office.workspace).await.unwrap();
    let dead = tx
        .failures(office.workspace, PLUGIN, None, 10)
        .await
        .unwrap();
    assert_eq!(dead.len(), 1);
    let Work::Event { event, .. } = &first.work else {
        panic!("an event was claimed")
    };
    assert_eq!(
        (dead[0].id.as_str(), dead[0].kind.as_str(), dead[0].attempts),
        (event.id.to_string().as_str(), "message.received", 2)
    );
    let count = tx.count_failures(office.workspace, PLUGIN).await.unwrap();
    assert_eq!(count, 1);
    assert_eq!(dead[0].error.as_deref(), Some("trap: out of bounds"));
    for (which, expected) in [
        (Which::One("evt_00000000000000000000000000"), 0),
        (Which::One(&dead[0].id), 1),
        (Which::All, 0),
    ] {
        let replayed = tx
            .replay_failures(office.workspace, PLUGIN, which, NOON + 60)
            .await
            .unwrap();
        assert_eq!(replayed, expected, "{which:?}");
    }
    tx.commit().await.unwrap();
    assert_eq!(seq(&claim(bench, NOON + 60).await[0]), seq(&first));
}

async fn an_event_that_met_a_conflict_comes_again_and_that_is_not_counted(bench: &Bench) {
    let office = bench.office().await;
    received(bench, &office, "5511", 1).await;
    let first = claim(bench, NOON).await.remove(0);
    let mut claimed = first.clone();
    for second in 1..=20 {
        let mut tx = bench.store.write(office.workspace).await.unwrap();
        let next = Next::Again(NOON + second);
        tx.fail(&claimed, "it keeps changing", next).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(claim(bench, NOON + second - 1).await, []);
        claimed = claim(bench, NOON + second).await.remove(0);
    }
    // Only the lease is another.
    assert_eq!(claimed.work, first.work);
    assert_eq!(claimed.work.attempts(), 0);
}

async fn host_effects(bench: &Bench, office: &Office, effects: &[Effect]) {
    commit_reading(
        bench,
        office,
        Cause::Host,
        &ReadSet::default(),
        effects,
        &NoSubscriptions,
    )
    .await
    .unwrap();
}

fn timer_name(claim: &Claim) -> &str {
    match &claim.work {
        Work::Timer(timer) => &timer.name,
        Work::Event { event, .. } => panic!("an event: {}", event.kind),
    }
}

async fn a_timer_fires_once_when_due_and_may_set_itself_again(bench: &Bench) {
    let office = bench.office().await;
    host_effects(
        bench,
        &office,
        &[
            timer("a", NOON + 10, None),
            timer("b", NOON + 20, None),
            timer("c", NOON + 5, None),
        ],
    )
    .await;
    host_effects(
        bench,
        &office,
        &[
            timer("b", NOON + 30, None),
            Effect::Timers(Timers::Cancel { name: "c".into() }),
        ],
    )
    .await;
    assert_eq!(claim(bench, NOON + 9).await, []);
    let first = claim(bench, NOON + 10).await.remove(0);
    assert_eq!(timer_name(&first), "a");
    commit(bench, &office, &first, &[timer("a", NOON + 40, None)])
        .await
        .unwrap();
    assert!(matches!(
        commit(bench, &office, &first, &[]).await,
        Err(CallError::LeaseLost)
    ));
    assert_eq!(claim(bench, NOON + 29).await, []);
    let second = claim(bench, NOON + 40).await.remove(0);
    assert_eq!(timer_name(&second), "b");
    commit(bench, &office, &second, &[]).await.unwrap();
    let third = claim(bench, NOON + 40).await.remove(0);
    assert_eq!(timer_name(&third), "a");
    commit(bench, &office, &third, &[]).await.unwrap();
    assert_eq!(claim(bench, NOON + 1_000_000).await, []);
    assert_eq!(bench.number("SELECT COUNT(*) FROM lanes").await, 0);
}

async fn a_timer_about_a_conversation_waits_for_its_lane(bench: &Bench) {
    let office = bench.office().await;
    let id = received(bench, &office, "5511", 1).await;
    let about = Subject {
        kind: "conversation".into(),
        id: id.to_string(),
    };
    host_effects(bench, &office, &[timer("t", NOON + 1, Some(about))]).await;
    let event = claim(bench, NOON + 1).await;
    assert_eq!(event.len(), 1);
    assert!(matches!(event[0].work, Work::Event { .. }));
    commit(bench, &office, &event[0], &[]).await.unwrap();
    let fired = claim(bench, NOON + 1).await.remove(0);
    assert_eq!(
        (timer_name(&fired), fired.lane.lane.clone()),
        ("t", format!("conversation:{id}"))
    );
}

async fn no_plugin_is_told_what_it_did_itself_and_chains_end(bench: &Bench) {
    let office = bench.office().await;
    let to = |plugin: &str, own| Subscription {
        plugin: plugin.into(),
        lane: LaneKind::Workspace,
        hold: false,
        own,
    };
    let all = Subscribed(vec![
        ("conversation.changed", to(PLUGIN, false)),
        ("conversation.changed", to("other", false)),
        ("conversation.changed", to("mirror", true)),
    ]);
    let mut tx = bench.store.write(office.workspace).await.unwrap();
    let scope = office.scope_with(bench, &all);
    let by = |plugin: &str, depth| {
        NewEvent::new("conversation.changed").by(&Actor::plugin(plugin, depth))
    };
    let via = Actor {
        via: Some("other".into()),
        ..Actor::user(office.agent1)
    };
    let events = vec![
        by(PLUGIN, 1),
        by("mirror", 1),
        NewEvent::new("conversation.changed").by(&via),
        by("x", MAX_HOPS),
    ];
    tx.append(scope, events).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        bench
            .number("SELECT COUNT(*) FROM deliveries WHERE plugin_id = 'router'")
            .await,
        2
    );
    assert_eq!(
        bench
            .number("SELECT COUNT(*) FROM deliveries WHERE plugin_id = 'other'")
            .await,
        2
    );
    assert_eq!(
        bench
            .number("SELECT COUNT(*) FROM deliveries WHERE plugin_id = 'mirror'")
            .await,
        3
    );
    assert_eq!(
        bench
            .number("SELECT COUNT(*) FROM deliveries WHERE seq = 4")
            .await,
        0
    );
}

async fn handling_the_queued_event_ends_the_hold(bench: &Bench) {
    let office = bench.office().await;
    let ingest = bench.ingest_with(Subscribed::one(
        "conversation.queued",
        PLUGIN,
        LaneKind::Team,
        true,
    ));
    let id = bench
        .submit(&ingest, &office, vec![message("5511", "m1", NOON)])
        .await
        .messages[0]
        .0;
    assert!(bench.conversation(&office, id).await.hold_until.is_some());
    let claimed = claim(bench, NOON).await.remove(0);
    commit(bench, &office, &claimed, &[]).await.unwrap();
    assert_eq!(bench.conversation(&office, id).await.hold_until, None);
    assert_eq!(
        bench
            .number("SELECT n FROM folder_counters WHERE folder = 'held'")
            .await,
        0
    );
    assert_eq!(
        bench
            .number("SELECT n FROM folder_counters WHERE folder = 'queued'")
            .await,
        1
    );
}

async fn an_action_needs_the_rights_of_its_user(bench: &Bench) {
    let office = bench.office().await;
    let id = received(bench, &office, "5511", 1).await;
    let assign = Effect::Routing(Routing::Assign {
        conversation: id.to_string(),
        agent: office.agent1.to_string(),
    });
    host_effects(bench, &office, &[assign]).await;
    let conclude = [Effect::Conclusion(Conclusion::Conclude {
        conversation: id.to_string(),
        summary: "Fechado".into(),
    })];
    let act = async |user| {
        let person = office.person(user);
        let cause = Cause::Action {
            person: &person,
            archive_immediately: true,
        };
        commit_reading(
            bench,
            &office,
            cause,
            &ReadSet::default(),
            &conclude,
            &NoSubscriptions,
        )
        .await
    };
    let refused = act(office.agent2).await;
    assert!(
        matches!(&refused, Err(CallError::Refused { code: "denied", .. })),
        "{refused:?}"
    );
    let done = act(office.agent1).await.unwrap();
    assert_eq!(
        (
            done.events[0].actor().unwrap().id,
            done.events[0].via.as_deref()
        ),
        (office.agent1.to_string(), Some(PLUGIN))
    );
    let it = bench.conversation(&office, id).await;
    assert_eq!(
        (it.status.as_str(), it.concluded_by, it.summary.as_str()),
        ("concluded", Some(office.agent1), "Fechado")
    );
    assert!(it.archive_immediately);
}

async fn contacts_spared_automatic_messages_get_none(bench: &Bench) {
    let office = bench.office().await;
    let id = received(bench, &office, "5511", 1).await;
    bench
        .raw("UPDATE contacts SET automatic_messages_blocked = TRUE".into())
        .await;
    let send = |id: ConversationId| {
        let message: MessageId = bench.ids.mint();
        [Effect::MessagesSend(MessagesSend::Send {
            id: message.to_string(),
            conversation: id.to_string(),
            content: text("oi"),
        })]
    };
    let claimed = claim(bench, NOON).await.remove(0);
    let refused = commit(bench, &office, &claimed, &send(id)).await;
    assert!(
        matches!(&refused, Err(CallError::Refused { code: "state", .. })),
        "{refused:?}"
    );
    let agent1 = office.person(office.agent1);
    let by_hand = Cause::Action {
        person: &agent1,
        archive_immediately: false,
    };
    commit_reading(
        bench,
        &office,
        by_hand,
        &ReadSet::default(),
        &send(id),
        &NoSubscriptions,
    )
    .await
    .unwrap();
    assert_eq!(
        bench.conversation(&office, id).await.agent_id,
        Some(office.agent1)
    );
}

async fn labels_fields_and_collections_are_written(bench: &Bench) {
    let office = bench.office().await;
    let id = received(bench, &office, "5511", 1).await;
    let contact = bench.conversation(&office, id).await.contact_id;
    let of = Subject {
        kind: "conversation".into(),
        id: id.to_string(),
    };
    let contact_id = contact.to_string();
    let effects = [
        Effect::Labels(Labels::Add {
            of: of.clone(),
            label: "vip".into(),
        }),
        Effect::Labels(Labels::Add {
            of: of.clone(),
            label: "a".into(),
        }),
        Effect::Labels(Labels::Add {
            of,
            label: "vip".into(),
        }),
        Effect::ContactsWrite(ContactsWrite::SetField {
            contact: contact_id.clone(),
            name: "cpf".into(),
            value: "\"1\"".into(),
        }),
        Effect::ContactsWrite(ContactsWrite::AddLabel {
            contact: contact_id.clone(),
            label: "lead".into(),
        }),
        Effect::ContactsWrite(ContactsWrite::Rename {
            contact: contact_id,
            name: "Padaria".into(),
        }),
        Effect::Collections(Collections::Put {
            collection: "deals".into(),
            key: "d1".into(),
            row: "{\"value\":1050,\"reason\":\"preço\",\"other\":1}".into(),
            about: None,
        }),
    ];
    host_effects(bench, &office, &effects).await;
    assert_eq!(
        bench.conversation(&office, id).await.labels,
        r#"["a","vip"]"#
    );
    let mut tx = bench.store.read().await.unwrap();
    let it = tx
        .contact(office.workspace, contact)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (it.name.as_str(), it.labels.as_str(), it.fields.as_str()),
        ("Padaria", r#"["lead"]"#, r#"{"cpf":"1"}"#)
    );
    drop(tx);
    assert_eq!(
        bench.number("SELECT COUNT(*) FROM collection_values").await,
        2
    );
    assert_eq!(
        bench
            .number("SELECT number FROM collection_values WHERE field = 'value'")
            .await,
        1050
    );
    host_effects(
        bench,
        &office,
        &[Effect::Collections(Collections::Delete {
            collection: "deals".into(),
            key: "d1".into(),
        })],
    )
    .await;
    assert_eq!(
        bench.number("SELECT COUNT(*) FROM collection_values").await,
        0
    );
}

async fn a_switched_off_plugin_forgets_its_events_and_keeps_its_timers(bench: &Bench) {
    let office = bench.office().await;
    received(bench, &office, "5511", 1).await;
    host_effects(bench, &office, &[timer("t", NOON + 10, None)]).await;
    let mut tx = bench.store.write(office.workspace).await.unwrap();
    tx.suspend_plugin(office.workspace, PLUGIN).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(claim(bench, NOON + 10).await, []);
    // As it begins anew it sets another, for later, in the same lane.
    host_effects(bench, &office, &[timer("later", NOON + 90, None)]).await;
    let mut tx = bench.store.write(office.workspace).await.unwrap();
    tx.resume_plugin(office.workspace, PLUGIN, NOON)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let claims = claim(bench, NOON + 10).await;
    assert_eq!(claims.iter().map(timer_name).collect::<Vec<_>>(), ["t"]);
}

/// A server that died while the app began has told it of events, and set timers for it.
async fn what_waits_for_a_plugin_that_is_off_is_forgotten_as_a_server_starts(bench: &Bench) {
    let office = bench.office().await;
    let mut app = EnabledPlugin {
        workspace_id: office.workspace,
        plugin_id: PLUGIN.to_owned(),
        digest: String::new(),
        version: "1.0.0".to_owned(),
        enabled: true,
        settings: "{}".to_owned(),
        granted: "[]".to_owned(),
        revision: 1,
        breaker: None,
        enabled_at: NOON,
    };
    received(bench, &office, "5511", 1).await;
    host_effects(bench, &office, &[timer("t", NOON, None)]).await;
    for (enabled, left) in [(true, 1), (false, 0)] {
        app.enabled = enabled;
        let mut tx = bench.store.begin().await.unwrap();
        tx.put_enabled_plugin(&app).await.unwrap();
        tx.suspend_all_that_are_off().await.unwrap();
        tx.commit().await.unwrap();
        let deliveries = bench.number("SELECT COUNT(*) FROM deliveries").await;
        assert_eq!(deliveries, left, "on: {enabled}");
    }
    assert_eq!(bench.number("SELECT COUNT(*) FROM lanes").await, 0);
    assert_eq!(bench.number("SELECT COUNT(*) FROM timers").await, 1);
}

/// Four workers drain eighty lanes of five events; each event adds one to its lane's own key.
async fn calls_of_many_lanes_commit_in_parallel_without_loss(bench: &Bench) {
    let office = bench.office().await;
    let ingest = bench.ingest_with(told(LaneKind::Conversation));
    let items = (0..200)
        .map(|n| message(&format!("55{}", n % 40), &format!("m{n}"), NOON))
        .collect();
    bench.submit(&ingest, &office, items).await;
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let (store, ids, clock) = (bench.store.clone(), bench.ids.clone(), bench.clock.clone());
            tokio::spawn(async move {
                let mut handled = 0;
                loop {
                    let mut tx = store.begin().await.unwrap();
                    let claims = tx.claim(NOON, 60_000_000, 5).await.unwrap();
                    tx.commit().await.unwrap();
                    if claims.is_empty() {
                        return handled;
                    }
                    for it in claims {
                        let scope = balcao::store::Scope {
                            workspace: it.lane.workspace,
                            now: clock.now(),
                            ids: &ids,
                            subscriptions: &NoSubscriptions,
                        };
                        let mut tx = store.write(it.lane.workspace).await.unwrap();
                        let of = Owner {
                            workspace: it.lane.workspace,
                            plugin: PLUGIN,
                        };
                        let before = tx.storage_get(of, &it.lane.lane, NOON).await.unwrap();
                        let count = before
                            .as_ref()
                            .map_or(0, |it| it.value.parse::<i64>().unwrap());
                        let reads = ReadSet {
                            storage: [(it.lane.lane.clone(), before.map(|it| it.revision))].into(),
                            ..ReadSet::default()
                        };
                        let effects = [set(&it.lane.lane, &(count + 1).to_string())];
                        let indexes = Indexes::new();
                        tx.commit_call(
                            scope,
                            &call(Cause::Claimed(&it), &reads, &effects, &indexes),
                        )
                        .await
                        .unwrap();
                        tx.commit().await.unwrap();
                        handled += 1;
                    }
                }
            })
        })
        .collect();
    let mut handled = 0;
    for worker in workers {
        handled += worker.await.unwrap();
    }
    // A worker may end while another still holds the last lanes; what is left is drained here.
    assert_eq!(claim(bench, NOON + 60_000_000).await, []);
    assert_eq!(handled, 200);
    assert_eq!(
        bench
            .number("SELECT CAST(SUM(CAST(value AS BIGINT)) AS BIGINT) FROM storage")
            .await,
        200
    );
    assert_eq!(bench.number("SELECT COUNT(*) FROM lanes").await, 0);
}
