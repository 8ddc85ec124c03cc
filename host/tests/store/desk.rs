//! What people do with conversations: folders, counters, changes, answers.

use balcao::id::{ConversationId, MessageId};
use balcao::store::conversations::{Conversation, Filter, Folder};
use balcao::store::counters::Counters;
use balcao::store::events::Actor;
use balcao::store::routing::By;
use balcao::store::sends::{NewMessage, Outcome};
use balcao::store::timeline::Entry;
use balcao_runtime::rules::{Change, Person};

use crate::support::{Bench, NOON, Office, both, delivery, message, text};

both! {
    kept_counters_equal_a_recount_after_everything,
    an_offered_conversation_is_in_the_folder_of_its_agent_and_in_others_of_the_supervisor,
    a_held_conversation_is_shown_to_nobody_until_the_core_ends_the_hold,
    an_offer_past_its_deadline_falls_to_the_whole_team,
    a_change_of_a_version_seen_earlier_is_a_conflict,
    only_an_agent_of_the_team_can_be_offered_a_conversation,
    a_transfer_queues_it_anew_for_the_other_team,
    reopening_beside_an_open_conversation_is_refused,
    folders_are_paged_and_searched,
    the_timeline_shows_messages_and_changes_in_order_and_pages_backwards,
    a_first_answer_starts_the_conversation_and_is_queued_with_it,
    sends_go_in_order_and_no_conversation_waits_for_another,
    a_channel_is_asked_for_four_messages_at_once,
    an_attempt_that_was_taken_over_changes_nothing,
    a_state_that_came_before_our_send_was_committed_is_applied_then,
    an_uncertain_message_is_settled_by_a_status_with_our_id,
}

pub async fn queued(bench: &Bench, office: &Office, from: &str) -> ConversationId {
    let ingest = bench.ingest();
    bench
        .submit(
            &ingest,
            office,
            vec![message(from, &format!("first of {from}"), NOON)],
        )
        .await
        .messages[0]
        .0
}

async fn change(
    bench: &Bench,
    office: &Office,
    id: ConversationId,
    change: Change,
    person: Option<&Person>,
) -> balcao::error::Result<Conversation> {
    let mut tx = bench.store.write(office.workspace).await.unwrap();
    let actor = person.map_or_else(
        || Actor::plugin("router", 0),
        |person| Actor::user(&person.id),
    );
    let by = By { actor, person };
    let after = tx
        .change_conversation(office.scope(bench), id, &change, &by, None)
        .await?;
    tx.commit().await.unwrap();
    Ok(after)
}

fn offer(agent: impl ToString, deadline: Option<i64>) -> Change {
    Change::Offer {
        agent: agent.to_string(),
        deadline,
        by: "router".into(),
    }
}

fn assign(agent: impl ToString) -> Change {
    Change::Assign {
        agent: agent.to_string(),
    }
}

fn conclude(by: impl ToString) -> Change {
    Change::Conclude {
        by: Some(by.to_string()),
        summary: String::new(),
        archive_immediately: false,
    }
}

async fn folder(
    bench: &Bench,
    office: &Office,
    person: &Person,
    folder: Folder,
) -> Vec<ConversationId> {
    let filter = Filter {
        limit: 100,
        ..Filter::default()
    };
    let mut tx = bench.store.read().await.unwrap();
    let found = tx
        .folder(office.workspace, person, folder, &filter)
        .await
        .unwrap();
    found.into_iter().map(|it| it.conversation.id).collect()
}

/// The counters as the store keeps them, and as counting the folders gives them.
async fn counted(bench: &Bench, office: &Office, person: &Person) -> (Counters, Counters) {
    let kept = bench
        .store
        .read()
        .await
        .unwrap()
        .counters(office.workspace, person)
        .await
        .unwrap();
    let size =
        async |which| i64::try_from(folder(bench, office, person, which).await.len()).unwrap();
    let recount = Counters {
        queued: size(Folder::Queued).await,
        mine: size(Folder::Mine).await,
        others: kept.others.is_some().then_some(size(Folder::Others).await),
        concluded: size(Folder::Concluded).await,
    };
    (kept, recount)
}

async fn kept_counters_equal_a_recount_after_everything(bench: &Bench) {
    let office = bench.office().await;
    let mut ids = Vec::new();
    for n in 0..9 {
        ids.push(queued(bench, &office, &format!("55{n}")).await);
    }
    let supervisor = office.person(office.supervisor);
    change(bench, &office, ids[0], offer(office.agent1, None), None)
        .await
        .unwrap();
    change(bench, &office, ids[1], offer(office.agent2, None), None)
        .await
        .unwrap();
    change(bench, &office, ids[1], Change::Release, None)
        .await
        .unwrap();
    change(
        bench,
        &office,
        ids[2],
        assign(office.agent1),
        Some(&supervisor),
    )
    .await
    .unwrap();
    change(
        bench,
        &office,
        ids[3],
        assign(office.agent2),
        Some(&supervisor),
    )
    .await
    .unwrap();
    change(
        bench,
        &office,
        ids[4],
        assign(office.agent2),
        Some(&supervisor),
    )
    .await
    .unwrap();
    change(
        bench,
        &office,
        ids[4],
        conclude(office.supervisor),
        Some(&supervisor),
    )
    .await
    .unwrap();
    change(
        bench,
        &office,
        ids[5],
        conclude(office.supervisor),
        Some(&supervisor),
    )
    .await
    .unwrap();
    change(bench, &office, ids[5], Change::Reopen, Some(&supervisor))
        .await
        .unwrap();
    change(bench, &office, ids[6], offer(office.agent2, None), None)
        .await
        .unwrap();
    change(bench, &office, ids[6], assign(office.agent2), None)
        .await
        .unwrap();
    let of = async |user| counted(bench, &office, &office.person(user)).await;
    let (kept, recount) = of(office.agent1).await;
    assert_eq!(kept, recount);
    assert_eq!(
        kept,
        Counters {
            queued: 4,
            mine: 1,
            others: None,
            concluded: 1
        }
    );
    let (kept, recount) = of(office.supervisor).await;
    assert_eq!(kept, recount);
    assert_eq!(
        kept,
        Counters {
            queued: 3,
            mine: 1,
            others: Some(4),
            concluded: 1
        }
    );
    let (kept, recount) = of(office.admin).await;
    assert_eq!(kept, recount);
    assert_eq!(
        kept,
        Counters {
            queued: 3,
            mine: 0,
            others: Some(5),
            concluded: 1
        }
    );
}

async fn an_offered_conversation_is_in_the_folder_of_its_agent_and_in_others_of_the_supervisor(
    bench: &Bench,
) {
    let office = bench.office().await;
    let id = queued(bench, &office, "5511").await;
    change(
        bench,
        &office,
        id,
        offer(office.agent1, Some(NOON + 1)),
        None,
    )
    .await
    .unwrap();
    let see = async |user, which| folder(bench, &office, &office.person(user), which).await == [id];
    assert!(see(office.agent1, Folder::Queued).await);
    assert!(!see(office.agent2, Folder::Queued).await);
    assert!(!see(office.agent2, Folder::Others).await);
    assert!(!see(office.supervisor, Folder::Queued).await);
    assert!(see(office.supervisor, Folder::Others).await);
    assert!(see(office.admin, Folder::Others).await);
}

async fn a_held_conversation_is_shown_to_nobody_until_the_core_ends_the_hold(bench: &Bench) {
    let office = bench.office().await;
    let id = queued(bench, &office, "5511").await;
    bench.raw(format!("UPDATE conversations SET hold_until = {NOON} + 5; UPDATE folder_counters SET folder = 'held'")).await;
    let agent1 = office.person(office.agent1);
    assert_eq!(folder(bench, &office, &agent1, Folder::Queued).await, []);
    let (kept, recount) = counted(bench, &office, &agent1).await;
    assert_eq!((kept, kept.queued), (recount, 0));
    let expire = async |now| {
        let mut tx = bench.store.write(office.workspace).await.unwrap();
        let due = tx.workspaces_with_expired(now, 0).await.unwrap();
        let ended = tx
            .expire(
                balcao::store::Scope {
                    now,
                    ..office.scope(bench)
                },
                0,
            )
            .await
            .unwrap();
        tx.commit().await.unwrap();
        (due, ended)
    };
    assert_eq!(expire(NOON + 4).await, (vec![], 0));
    assert_eq!(expire(NOON + 5).await, (vec![office.workspace], 1));
    assert_eq!(folder(bench, &office, &agent1, Folder::Queued).await, [id]);
    let (kept, recount) = counted(bench, &office, &agent1).await;
    assert_eq!((kept, kept.queued), (recount, 1));
    assert_eq!(
        bench.event_kinds(&office).await.pop().as_deref(),
        Some("conversation.changed")
    );
}

async fn an_offer_past_its_deadline_falls_to_the_whole_team(bench: &Bench) {
    let office = bench.office().await;
    let id = queued(bench, &office, "5511").await;
    change(
        bench,
        &office,
        id,
        offer(office.agent1, Some(NOON + 10)),
        None,
    )
    .await
    .unwrap();
    let mut tx = bench.store.write(office.workspace).await.unwrap();
    let scope = balcao::store::Scope {
        now: NOON + 15,
        ..office.scope(bench)
    };
    assert_eq!(tx.expire(scope, 10).await.unwrap(), 0);
    assert_eq!(tx.expire(scope, 5).await.unwrap(), 1);
    tx.commit().await.unwrap();
    let it = bench.conversation(&office, id).await;
    assert_eq!(
        (it.offer_agent, it.offer_deadline, it.version),
        (None, None, 3)
    );
    assert_eq!(
        folder(
            bench,
            &office,
            &office.person(office.agent2),
            Folder::Queued
        )
        .await,
        [id]
    );
    assert_eq!(
        bench.event_kinds(&office).await.pop().as_deref(),
        Some("conversation.released")
    );
}

async fn a_change_of_a_version_seen_earlier_is_a_conflict(bench: &Bench) {
    let office = bench.office().await;
    let id = queued(bench, &office, "5511").await;
    change(bench, &office, id, offer(office.agent1, None), None)
        .await
        .unwrap();
    let by = By {
        actor: Actor::plugin("router", 0),
        person: None,
    };
    let mut tx = bench.store.write(office.workspace).await.unwrap();
    let refused = tx
        .change_conversation(office.scope(bench), id, &Change::Release, &by, Some(1))
        .await;
    assert_eq!(refused.unwrap_err().code(), "conflict");
}

async fn only_an_agent_of_the_team_can_be_offered_a_conversation(bench: &Bench) {
    let office = bench.office().await;
    let id = queued(bench, &office, "5511").await;
    for nobody in [
        office.supervisor.to_string(),
        office.admin.to_string(),
        "somebody".into(),
    ] {
        let refused = change(bench, &office, id, offer(&nobody, None), None).await;
        assert_eq!(refused.unwrap_err().code(), "invalid", "{nobody}");
    }
    let agent2 = office.person(office.agent2);
    let refused = change(bench, &office, id, assign(office.agent1), Some(&agent2)).await;
    assert_eq!(refused.unwrap_err().code(), "denied");
    assert_eq!(bench.conversation(&office, id).await.version, 1);
}

async fn a_transfer_queues_it_anew_for_the_other_team(bench: &Bench) {
    let office = bench.office().await;
    let id = queued(bench, &office, "5511").await;
    let other: balcao::id::TeamId = bench.ids.mint();
    bench
        .raw(format!(
            "INSERT INTO teams (workspace_id, id, name, settings, created_at) VALUES ('{}', '{other}', 'Suporte', '{{}}', {NOON})",
            office.workspace
        ))
        .await;
    let agent1 = office.person(office.agent1);
    change(bench, &office, id, assign(office.agent1), Some(&agent1))
        .await
        .unwrap();
    bench.clock.advance(std::time::Duration::from_secs(1));
    let transfer = Change::Transfer {
        team: other.to_string(),
        agent: None,
    };
    let it = change(bench, &office, id, transfer, Some(&agent1))
        .await
        .unwrap();
    assert_eq!(
        (it.status.as_str(), it.team_id, it.agent_id),
        ("queued", Some(other), None)
    );
    assert_eq!(
        (it.queued_at, it.started_at),
        (NOON + 1_000_000, Some(NOON))
    );
    assert_eq!(folder(bench, &office, &agent1, Folder::Queued).await, []);
    let kinds = bench.event_kinds(&office).await;
    assert_eq!(
        kinds[3..],
        [
            "conversation.started",
            "conversation.transferred",
            "conversation.queued"
        ]
    );
    let unknown = Change::Transfer {
        team: bench.ids.mint::<balcao::id::TeamId>().to_string(),
        agent: None,
    };
    assert_eq!(
        change(bench, &office, id, unknown, None)
            .await
            .unwrap_err()
            .code(),
        "invalid"
    );
}

async fn reopening_beside_an_open_conversation_is_refused(bench: &Bench) {
    let office = bench.office().await;
    let id = queued(bench, &office, "5511").await;
    let archive = Change::Conclude {
        by: None,
        summary: String::new(),
        archive_immediately: true,
    };
    change(bench, &office, id, archive, None).await.unwrap();
    let ingest = bench.ingest();
    bench
        .submit(&ingest, &office, vec![message("5511", "m2", NOON)])
        .await;
    let refused = change(
        bench,
        &office,
        id,
        Change::Reopen,
        Some(&office.person(office.supervisor)),
    )
    .await;
    assert_eq!(refused.unwrap_err().code(), "state");
}

async fn folders_are_paged_and_searched(bench: &Bench) {
    let office = bench.office().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(queued(bench, &office, &format!("55{n}")).await);
        bench.clock.advance(std::time::Duration::from_secs(1));
    }
    ids.reverse();
    let agent1 = office.person(office.agent1);
    let page = async |after, q: &str| {
        let filter = Filter {
            limit: 2,
            after,
            q: q.into(),
            ..Filter::default()
        };
        let mut tx = bench.store.read().await.unwrap();
        tx.folder(office.workspace, &agent1, Folder::Queued, &filter)
            .await
            .unwrap()
    };
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let found = page(after, "").await;
        let Some(last) = found.last() else { break };
        after = Some((last.conversation.last_message_at, last.conversation.id));
        seen.extend(found.iter().map(|it| it.conversation.id));
    }
    assert_eq!(seen, ids);
    balcao::jobs::search::look(&bench.store).await.unwrap();
    for (q, expected) in [("+553", ids[1]), ("TEXT OF first of 554", ids[0])] {
        let found = page(None, q).await;
        assert_eq!(
            found
                .iter()
                .map(|it| it.conversation.id)
                .collect::<Vec<_>>(),
            [expected],
            "{q}"
        );
        assert_eq!(
            (
                found[0].channel_name.as_str(),
                found[0].team_name.as_deref()
            ),
            ("Loja", Some("Vendas"))
        );
        assert!(
            found[0]
                .contact_address
                .as_deref()
                .unwrap()
                .starts_with("+55")
        );
    }
    assert_eq!(page(None, "%").await, []);
    assert_eq!(page(None, "_").await, []);
}

async fn the_timeline_shows_messages_and_changes_in_order_and_pages_backwards(bench: &Bench) {
    let office = bench.office().await;
    let id = queued(bench, &office, "5511").await;
    let agent1 = office.person(office.agent1);
    bench.clock.advance(std::time::Duration::from_millis(5));
    change(bench, &office, id, assign(office.agent1), Some(&agent1))
        .await
        .unwrap();
    bench.clock.advance(std::time::Duration::from_millis(5));
    let ingest = bench.ingest();
    bench
        .submit(
            &ingest,
            &office,
            vec![message("5511", "m2", NOON), message("5511", "m3", NOON)],
        )
        .await;
    let shown = |entries: &[Entry]| -> Vec<String> {
        entries
            .iter()
            .map(|it| match it {
                Entry::Message(message) => message.external_id.clone().unwrap(),
                Entry::Event(event) => event.kind.clone(),
            })
            .collect()
    };
    let mut tx = bench.store.read().await.unwrap();
    let page = tx.timeline(office.workspace, id, None, 3).await.unwrap();
    assert_eq!(shown(&page.entries), ["conversation.started", "m2", "m3"]);
    let page = tx
        .timeline(office.workspace, id, page.older, 3)
        .await
        .unwrap();
    let mut first = shown(&page.entries);
    first.sort();
    assert_eq!(first, ["conversation.queued", "first of 5511"]);
    assert_eq!(page.older, None);
}

/// Writes an answer of the first agent.
pub async fn answer(
    bench: &Bench,
    office: &Office,
    conversation: ConversationId,
    words: &str,
) -> balcao::store::messages::Message {
    let agent1 = office.person(office.agent1);
    let new = NewMessage {
        id: None,
        conversation,
        content: text(words),
        reply_to: None,
        private: false,
    };
    let mut tx = bench.store.write(office.workspace).await.unwrap();
    let written = tx
        .write_message(
            office.scope(bench),
            new,
            &Actor::user(office.agent1),
            Some(&agent1),
        )
        .await
        .unwrap();
    tx.commit().await.unwrap();
    written
}

async fn a_first_answer_starts_the_conversation_and_is_queued_with_it(bench: &Bench) {
    let office = bench.office().await;
    let id = queued(bench, &office, "5511").await;
    let written = answer(bench, &office, id, "Bom dia").await;
    assert_eq!(
        (written.state.as_str(), written.author_id),
        ("queued", Some(office.agent1.to_string()))
    );
    let it = bench.conversation(&office, id).await;
    assert_eq!(
        (it.status.as_str(), it.agent_id, it.unread),
        ("in_progress", Some(office.agent1), 0)
    );
    assert_eq!(
        bench
            .number("SELECT COUNT(*) FROM sends WHERE state = 'queued'")
            .await,
        1
    );
    assert_eq!(
        bench.event_kinds(&office).await[3..],
        ["conversation.started", "message.queued"]
    );
    let agent2 = office.person(office.agent2);
    let new = NewMessage {
        id: None,
        conversation: id,
        content: text("eu também"),
        reply_to: None,
        private: false,
    };
    let mut tx = bench.store.write(office.workspace).await.unwrap();
    let refused = tx
        .write_message(
            office.scope(bench),
            new,
            &Actor::user(office.agent2),
            Some(&agent2),
        )
        .await;
    assert_eq!(refused.unwrap_err().code(), "denied");
}

async fn claim_sends(bench: &Bench, now: i64) -> Vec<balcao::store::sends::Send> {
    let mut tx = bench.store.begin().await.unwrap();
    let found = tx.claim_sends(now, 1_000, 10).await.unwrap();
    tx.commit().await.unwrap();
    found
}

async fn finish(
    bench: &Bench,
    office: &Office,
    send: &balcao::store::sends::Send,
    outcome: Outcome,
) -> balcao::error::Result<()> {
    let mut tx = bench.store.write(office.workspace).await.unwrap();
    tx.finish_send(office.scope(bench), send, outcome).await?;
    tx.commit().await
}

fn sent(external_id: &str) -> Outcome {
    Outcome::Sent {
        external_ids: vec![external_id.into()],
        state: "sent".into(),
    }
}

fn messages(claimed: &[balcao::store::sends::Send]) -> Vec<MessageId> {
    claimed.iter().map(|it| it.message_id).collect()
}

async fn sends_go_in_order_and_no_conversation_waits_for_another(bench: &Bench) {
    let office = bench.office().await;
    let (a, b) = (
        queued(bench, &office, "5511").await,
        queued(bench, &office, "5512").await,
    );
    let (first, second, third) = (
        answer(bench, &office, a, "1").await,
        answer(bench, &office, a, "2").await,
        answer(bench, &office, b, "3").await,
    );
    let claimed = claim_sends(bench, NOON).await;
    assert_eq!(messages(&claimed), [first.id, third.id]);
    assert_eq!(claim_sends(bench, NOON).await, []);
    // The first waits, and its conversation waits with it.
    finish(
        bench,
        &office,
        &claimed[0],
        Outcome::Retry {
            at: NOON + 100,
            error: "busy".into(),
        },
    )
    .await
    .unwrap();
    assert_eq!(claim_sends(bench, NOON).await, []);
    finish(
        bench,
        &office,
        &claimed[1],
        Outcome::Failed {
            reason: "window closed".into(),
        },
    )
    .await
    .unwrap();
    assert_eq!(claim_sends(bench, NOON).await, []);
    let claimed = claim_sends(bench, NOON + 100).await;
    assert_eq!((claimed[0].message_id, claimed[0].attempts), (first.id, 2));
    finish(bench, &office, &claimed[0], sent("x1"))
        .await
        .unwrap();
    assert_eq!(
        claim_sends(bench, NOON + 100).await[0].message_id,
        second.id
    );
    let failed = bench.messages(&office, b).await.pop().unwrap();
    assert_eq!(
        (failed.state.as_str(), failed.reason.as_deref()),
        ("failed", Some("window closed"))
    );
    let mut tx = bench.store.write(office.workspace).await.unwrap();
    let again = tx
        .retry_message(office.scope(bench), third.id, &Actor::user(office.agent1))
        .await
        .unwrap();
    assert_eq!((again.state.as_str(), again.reason), ("queued", None));
    let refused = tx
        .retry_message(office.scope(bench), first.id, &Actor::user(office.agent1))
        .await;
    assert_eq!(refused.unwrap_err().code(), "state");
}

async fn a_channel_is_asked_for_four_messages_at_once(bench: &Bench) {
    let office = bench.office().await;
    let mut all = Vec::new();
    for person in 0..6 {
        let conversation = queued(bench, &office, &format!("551{person}")).await;
        all.push(answer(bench, &office, conversation, "1").await.id);
    }
    let claimed = claim_sends(bench, NOON).await;
    assert_eq!(messages(&claimed), all[..4]);
    assert_eq!(claim_sends(bench, NOON).await, []);
    // Whose place is free is taken by who has waited longest.
    finish(bench, &office, &claimed[2], sent("x"))
        .await
        .unwrap();
    assert_eq!(messages(&claim_sends(bench, NOON).await), all[4..5]);
}

async fn an_attempt_that_was_taken_over_changes_nothing(bench: &Bench) {
    let office = bench.office().await;
    let id = queued(bench, &office, "5511").await;
    let message = answer(bench, &office, id, "1").await;
    let slow = claim_sends(bench, NOON).await.remove(0);
    let mut tx = bench.store.begin().await.unwrap();
    assert_eq!(tx.abandoned_sends(NOON + 999).await.unwrap(), []);
    let abandoned = tx.abandoned_sends(NOON + 1_000).await.unwrap();
    drop(tx);
    assert_eq!(abandoned, std::slice::from_ref(&slow));
    finish(
        bench,
        &office,
        &abandoned[0],
        Outcome::Uncertain {
            reason: "the server stopped".into(),
        },
    )
    .await
    .unwrap();
    assert_eq!(
        finish(bench, &office, &slow, sent("x"))
            .await
            .unwrap_err()
            .code(),
        "conflict"
    );
    let it = bench.messages(&office, id).await.pop().unwrap();
    assert_eq!(
        (it.id, it.state.as_str(), it.external_id),
        (message.id, "uncertain", None)
    );
    // Nor once somebody has asked anew, though that is a first attempt again.
    let mut tx = bench.store.write(office.workspace).await.unwrap();
    tx.retry_message(office.scope(bench), message.id, &Actor::user(office.agent1))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let anew = claim_sends(bench, NOON + 1_000).await.remove(0);
    assert_eq!((anew.message_id, anew.lease), (slow.message_id, slow.lease));
    let late = finish(bench, &office, &slow, sent("x")).await;
    assert_eq!(late.unwrap_err().code(), "conflict");
    finish(bench, &office, &anew, sent("y")).await.unwrap();
    let it = bench.messages(&office, id).await.pop().unwrap();
    assert_eq!(it.external_id.as_deref(), Some("y"));
}

async fn a_state_that_came_before_our_send_was_committed_is_applied_then(bench: &Bench) {
    let office = bench.office().await;
    let id = queued(bench, &office, "5511").await;
    answer(bench, &office, id, "1").await;
    let send = claim_sends(bench, NOON).await.remove(0);
    let ingest = bench.ingest();
    bench
        .submit(&ingest, &office, vec![delivery("x1", "read")])
        .await;
    finish(bench, &office, &send, sent("x1")).await.unwrap();
    let it = bench.messages(&office, id).await.pop().unwrap();
    assert_eq!(
        (it.state.as_str(), it.external_id.as_deref()),
        ("read", Some("x1"))
    );
    assert_eq!(bench.number("SELECT COUNT(*) FROM pending_states").await, 0);
    assert_eq!(bench.number("SELECT COUNT(*) FROM sends").await, 0);
}

async fn an_uncertain_message_is_settled_by_a_status_with_our_id(bench: &Bench) {
    let office = bench.office().await;
    let id = queued(bench, &office, "5511").await;
    let message = answer(bench, &office, id, "1").await;
    let send = claim_sends(bench, NOON).await.remove(0);
    finish(
        bench,
        &office,
        &send,
        Outcome::Uncertain {
            reason: "no answer".into(),
        },
    )
    .await
    .unwrap();
    let balcao_runtime::effect::Inbox::Delivery {
        event_key,
        external_id,
        state,
        at,
        reason,
        ..
    } = delivery("x1", "delivered")
    else {
        unreachable!()
    };
    let extra = format!("{{\"message\":\"{}\"}}", message.id);
    let status = balcao_runtime::effect::Inbox::Delivery {
        event_key,
        external_id,
        state,
        at,
        reason,
        extra,
    };
    let ingest = bench.ingest();
    bench.submit(&ingest, &office, vec![status]).await;
    let it = bench.messages(&office, id).await.pop().unwrap();
    assert_eq!(
        (it.state.as_str(), it.external_id.as_deref(), it.reason),
        ("delivered", Some("x1"), None)
    );
}
