//! What the channels hand over: once each, in the right conversation, whatever the order and however many at once.

use std::sync::Arc;

use balcao::clock::{Clock, Random};
use balcao::id::Ids;
use balcao::ingest::{Committed, Ingest, NoSignals, Parts};
use balcao::store::events::Actor;
use balcao::store::events::{LaneKind, NoSubscriptions};
use balcao::store::routing::By;
use balcao_runtime::effect::Inbox;
use balcao_runtime::rules::{Change, REOPEN_WINDOW};
use balcao_runtime::wit::inbox;

use crate::support::{Bench, NOON, Office, Subscribed, both, delivery, message, person, text};

both! {
    first_message_makes_contact_identity_conversation_and_events,
    hundreds_of_fast_messages_of_one_new_contact_make_one_conversation,
    two_writers_at_once_make_one_conversation_per_contact,
    a_repeated_event_changes_nothing_within_a_batch_or_later,
    one_bad_item_never_fails_its_batch,
    an_unknown_channel_is_refused_and_its_neighbours_are_not,
    contact_writing_within_12_hours_reopens_for_whoever_concluded,
    contact_writing_after_12_hours_starts_a_new_conversation,
    a_conversation_archived_at_once_is_not_reopened,
    reopening_for_somebody_who_has_left_puts_it_in_the_queue,
    a_new_conversation_is_held_where_a_routing_app_asks_for_it,
    delivery_states_never_move_backwards_and_wait_for_their_message,
    reactions_edits_and_revocations_find_their_message_in_any_order,
    a_known_phone_number_is_the_same_contact_on_another_channel,
    a_person_told_only_by_an_id_that_was_an_alias_is_the_same_contact,
    an_echo_is_shown_as_outgoing_and_reopens_nothing,
    a_changed_identity_keeps_contact_and_conversation,
    a_changed_identity_is_one_contact_in_whatever_order_that_is_told,
    an_id_that_comes_back_is_itself_again,
    a_note_on_a_thread_that_is_not_known_yet_is_shown_with_its_first_message,
    what_a_channel_says_beside_a_state_is_kept_with_the_message,
    notes_health_and_reads_are_kept,
    zero_bytes_and_odd_json_do_no_harm,
}

async fn first_message_makes_contact_identity_conversation_and_events(bench: &Bench) {
    let office = bench.office().await;
    let ingest = bench.ingest();
    let outcome = bench
        .submit(&ingest, &office, vec![message("5511", "m1", NOON - 5)])
        .await;
    let (conversation, id) = outcome.messages[0];
    assert_eq!(
        outcome,
        Committed {
            new: 1,
            messages: vec![(conversation, id)],
            ..Committed::default()
        }
    );
    let it = bench.conversation(&office, conversation).await;
    assert_eq!(
        (it.status.as_str(), it.team_id, it.unread, it.version),
        ("queued", Some(office.team), 1, 1)
    );
    assert_eq!(
        (
            it.recipient.as_str(),
            it.thread.as_str(),
            it.last_inbound_at
        ),
        ("5511", "5511", Some(NOON - 5))
    );
    assert_eq!(
        it.preview.as_deref(),
        Some(r#"{"direction":"in","kind":"text","text":"text of m1"}"#)
    );
    assert_eq!(it.hold_until, None);
    let messages = bench.messages(&office, conversation).await;
    assert_eq!(messages.len(), 1);
    assert_eq!(
        (
            messages[0].id,
            messages[0].author.as_str(),
            messages[0].state.as_str()
        ),
        (id, "contact", "received")
    );
    let mut tx = bench.store.read().await.unwrap();
    let contact = tx
        .contact(office.workspace, it.contact_id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(contact.name, "+5511");
    let identities = tx
        .identities_of(office.workspace, contact.id)
        .await
        .unwrap();
    assert_eq!(
        (identities.len(), identities[0].external_id.as_str()),
        (1, "5511")
    );
    assert_eq!(
        tx.find_contact(office.workspace, "phone", "+5511")
            .await
            .unwrap(),
        Some(contact.id)
    );
    drop(tx);
    assert_eq!(
        bench.event_kinds(&office).await,
        ["contact.created", "conversation.queued", "message.received"]
    );
}

async fn hundreds_of_fast_messages_of_one_new_contact_make_one_conversation(bench: &Bench) {
    let office = bench.office().await;
    let ingest = bench.ingest();
    flood(bench, &office, &[ingest], 400, 4).await;
    assert_eq!(bench.number("SELECT COUNT(*) FROM contacts").await, 4);
    assert_eq!(bench.number("SELECT COUNT(*) FROM conversations").await, 4);
    assert_eq!(bench.number("SELECT COUNT(*) FROM messages").await, 400);
    assert_eq!(
        bench
            .number("SELECT CAST(SUM(unread) AS BIGINT) FROM conversations")
            .await,
        400
    );
    assert_eq!(bench.number("SELECT COUNT(*) FROM events").await, 408);
    assert_eq!(
        bench
            .number("SELECT n FROM folder_counters WHERE folder = 'queued'")
            .await,
        4
    );
}

/// As two servers on one database: each with its own queue, its own ids.
async fn two_writers_at_once_make_one_conversation_per_contact(bench: &Bench) {
    let office = bench.office().await;
    let second = Ingest::start(Parts {
        store: bench.store.clone(),
        ids: Ids::new(Clock::at(NOON), Random::seeded(99)),
        clock: bench.clock.clone(),
        subscriptions: Arc::new(NoSubscriptions),
        signals: Arc::new(NoSignals),
    })
    .unwrap();
    flood(bench, &office, &[bench.ingest(), second], 400, 7).await;
    assert_eq!(bench.number("SELECT COUNT(*) FROM contacts").await, 7);
    assert_eq!(bench.number("SELECT COUNT(*) FROM conversations").await, 7);
    assert_eq!(bench.number("SELECT COUNT(*) FROM messages").await, 400);
    assert_eq!(
        bench.number("SELECT COUNT(*) FROM events").await,
        bench
            .number("SELECT MAX(seq) - MIN(seq) + 1 FROM events")
            .await
    );
}

/// `count` messages of `contacts` contacts, from as many tasks, each message submitted twice.
async fn flood(bench: &Bench, office: &Office, ways: &[Ingest], count: usize, contacts: usize) {
    let tasks: Vec<_> = (0..count * 2)
        .map(|n| {
            let (ingest, office, at) = (ways[n % ways.len()].clone(), *office, bench.clock.now());
            tokio::spawn(async move {
                let message = message(
                    &format!("55{}", n / 2 % contacts),
                    &format!("m{}", n / 2),
                    at,
                );
                ingest
                    .submit(office.workspace, office.channel, "fake", vec![message], at)
                    .await
                    .unwrap()
            })
        })
        .collect();
    let (mut new, mut repeated) = (0, 0);
    for task in tasks {
        let outcome = task.await.unwrap();
        new += outcome.new;
        repeated += outcome.repeated;
    }
    assert_eq!((new, repeated), (count, count));
}

async fn a_repeated_event_changes_nothing_within_a_batch_or_later(bench: &Bench) {
    let office = bench.office().await;
    let ingest = bench.ingest();
    let both = vec![message("5511", "m1", NOON), message("5511", "m1", NOON)];
    let first = bench.submit(&ingest, &office, both.clone()).await;
    assert_eq!((first.new, first.repeated), (1, 1));
    let again = bench.submit(&ingest, &office, both).await;
    assert_eq!((again.new, again.repeated), (0, 2));
    assert_eq!(bench.number("SELECT COUNT(*) FROM messages").await, 1);
    assert_eq!(bench.number("SELECT unread FROM conversations").await, 1);
}

async fn one_bad_item_never_fails_its_batch(bench: &Bench) {
    let office = bench.office().await;
    let ingest = bench.ingest();
    let items = vec![
        message("5511", "m1", NOON),
        message("", "m2", NOON),
        delivery("x", "teleported"),
        message("5511", "m3", NOON),
    ];
    let outcome = bench.submit(&ingest, &office, items).await;
    assert_eq!(outcome.new, 2);
    assert_eq!(
        outcome.rejected,
        [
            (1, "thread is empty".to_owned()),
            (2, "unknown delivery state \"teleported\"".to_owned())
        ]
    );
    assert_eq!(bench.number("SELECT COUNT(*) FROM messages").await, 2);
}

async fn an_unknown_channel_is_refused_and_its_neighbours_are_not(bench: &Bench) {
    let office = bench.office().await;
    let ingest = bench.ingest();
    let unknown = ingest.submit(
        office.workspace,
        bench.ids.mint(),
        "fake",
        vec![message("5511", "m1", NOON)],
        NOON,
    );
    let known = ingest.submit(
        office.workspace,
        office.channel,
        "fake",
        vec![message("5511", "m1", NOON)],
        NOON,
    );
    let (unknown, known) = tokio::join!(unknown, known);
    assert_eq!(unknown.unwrap_err().code(), "not_found");
    assert_eq!(known.unwrap().new, 1);
}

/// A conversation concluded by the first agent at noon.
async fn concluded(
    bench: &Bench,
    office: &Office,
    ingest: &Ingest,
    archive_immediately: bool,
) -> balcao::id::ConversationId {
    let outcome = bench
        .submit(ingest, office, vec![message("5511", "m1", NOON)])
        .await;
    let id = outcome.messages[0].0;
    let agent1 = office.person(office.agent1);
    let by = By {
        actor: Actor::user(office.agent1),
        person: Some(&agent1),
    };
    let conclude = Change::Conclude {
        by: Some(office.agent1.to_string()),
        summary: "ok".into(),
        archive_immediately,
    };
    let mut tx = bench.store.write(office.workspace).await.unwrap();
    tx.change_conversation(office.scope(bench), id, &conclude, &by, None)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    id
}

async fn contact_writing_within_12_hours_reopens_for_whoever_concluded(bench: &Bench) {
    let office = bench.office().await;
    let ingest = bench.ingest();
    let id = concluded(bench, &office, &ingest, false).await;
    let outcome = bench
        .submit(
            &ingest,
            &office,
            vec![message("5511", "m2", NOON + REOPEN_WINDOW - 1)],
        )
        .await;
    assert_eq!(outcome.messages[0].0, id);
    let it = bench.conversation(&office, id).await;
    assert_eq!(
        (it.status.as_str(), it.agent_id, it.concluded_at, it.version),
        ("in_progress", Some(office.agent1), None, 3)
    );
    assert_eq!(
        bench
            .number("SELECT n FROM folder_counters WHERE folder = 'in_progress'")
            .await,
        1
    );
    assert_eq!(
        bench
            .number("SELECT CAST(SUM(n) AS BIGINT) FROM folder_counters")
            .await,
        1
    );
    let kinds = bench.event_kinds(&office).await;
    assert_eq!(
        kinds[3..],
        [
            "conversation.concluded",
            "conversation.reopened",
            "message.received"
        ]
    );
}

async fn contact_writing_after_12_hours_starts_a_new_conversation(bench: &Bench) {
    let office = bench.office().await;
    let ingest = bench.ingest();
    let id = concluded(bench, &office, &ingest, false).await;
    let outcome = bench
        .submit(
            &ingest,
            &office,
            vec![message("5511", "m2", NOON + REOPEN_WINDOW)],
        )
        .await;
    assert_ne!(outcome.messages[0].0, id);
    assert_eq!(bench.conversation(&office, id).await.status, "concluded");
    assert_eq!(bench.number("SELECT COUNT(*) FROM contacts").await, 1);
}

async fn a_conversation_archived_at_once_is_not_reopened(bench: &Bench) {
    let office = bench.office().await;
    let ingest = bench.ingest();
    let id = concluded(bench, &office, &ingest, true).await;
    let outcome = bench
        .submit(&ingest, &office, vec![message("5511", "m2", NOON + 1)])
        .await;
    assert_ne!(outcome.messages[0].0, id);
}

async fn reopening_for_somebody_who_has_left_puts_it_in_the_queue(bench: &Bench) {
    let office = bench.office().await;
    let ingest = bench.ingest();
    let id = concluded(bench, &office, &ingest, false).await;
    bench
        .raw(format!(
            "UPDATE users SET active = FALSE WHERE id = '{}'",
            office.agent1
        ))
        .await;
    bench
        .submit(&ingest, &office, vec![message("5511", "m2", NOON + 1)])
        .await;
    let it = bench.conversation(&office, id).await;
    assert_eq!((it.status.as_str(), it.agent_id), ("queued", None));
}

async fn a_new_conversation_is_held_where_a_routing_app_asks_for_it(bench: &Bench) {
    let office = bench.office().await;
    let ingest = bench.ingest_with(Subscribed::one(
        "conversation.queued",
        "router",
        LaneKind::Team,
        true,
    ));
    let outcome = bench
        .submit(&ingest, &office, vec![message("5511", "m1", NOON)])
        .await;
    let it = bench.conversation(&office, outcome.messages[0].0).await;
    assert_eq!(it.hold_until, Some(NOON + 2_000_000));
    assert_eq!(bench.number("SELECT COUNT(*) FROM deliveries").await, 1);
    let mut tx = bench.store.begin().await.unwrap();
    let claims = tx.claim(NOON, 1_000_000, 10).await.unwrap();
    assert_eq!(claims.len(), 1);
    assert_eq!(claims[0].lane.lane, format!("team:{}", office.team));
}

async fn delivery_states_never_move_backwards_and_wait_for_their_message(bench: &Bench) {
    let office = bench.office().await;
    let ingest = bench.ingest();
    // The state first, its message afterwards: as an echo.
    bench
        .submit(&ingest, &office, vec![delivery("e1", "delivered")])
        .await;
    assert_eq!(bench.number("SELECT COUNT(*) FROM pending_states").await, 1);
    let outcome = bench
        .submit(
            &ingest,
            &office,
            vec![echo("5511", "e1"), delivery("e1", "sent")],
        )
        .await;
    let conversation = outcome.messages[0].0;
    let state = async || bench.messages(&office, conversation).await[0].state.clone();
    assert_eq!(state().await, "delivered");
    assert_eq!(bench.number("SELECT COUNT(*) FROM pending_states").await, 0);
    bench
        .submit(&ingest, &office, vec![delivery("e1", "read")])
        .await;
    assert_eq!(state().await, "read");
    bench
        .submit(&ingest, &office, vec![delivery("e1", "failed")])
        .await;
    assert_eq!(state().await, "read");
}

fn echo(thread: &str, external_id: &str) -> Inbox {
    let Inbox::Message {
        event_key,
        mut message,
    } = message(thread, external_id, NOON)
    else {
        unreachable!()
    };
    message.outgoing = true;
    message.sender = person("business");
    Inbox::Message { event_key, message }
}

async fn reactions_edits_and_revocations_find_their_message_in_any_order(bench: &Bench) {
    let office = bench.office().await;
    let ingest = bench.ingest();
    let reaction = |key: &str, emoji: &str, at: i64| Inbox::Reaction {
        event_key: key.into(),
        message: "m1".into(),
        sender: person("5511"),
        emoji: emoji.into(),
        at,
    };
    let edit = |key: &str, at: i64, to: &str| Inbox::Edit {
        event_key: key.into(),
        message: "m1".into(),
        content: text(to),
        at,
    };
    let outcome = bench
        .submit(
            &ingest,
            &office,
            vec![
                reaction("r2", "👍", 12),
                reaction("r1", "👎", 11),
                edit("d2", 20, "later"),
                message("5511", "m1", NOON),
            ],
        )
        .await;
    let conversation = outcome.messages[0].0;
    let it = bench.messages(&office, conversation).await.remove(0);
    assert_eq!((it.text.as_str(), it.edited_at), ("later", Some(20)));
    assert_eq!(
        it.reactions,
        r#"[{"at":12,"by":"contact","emoji":"👍","id":"5511"}]"#
    );
    let revoke = Inbox::Revoke {
        event_key: "v".into(),
        message: "m1".into(),
        at: 30,
    };
    bench
        .submit(
            &ingest,
            &office,
            vec![
                edit("d1", 10, "earlier"),
                reaction("r4", "", 14),
                reaction("r3", "👏", 13),
                revoke,
            ],
        )
        .await;
    let it = bench.messages(&office, conversation).await.remove(0);
    assert_eq!(
        (it.text.as_str(), it.reactions.as_str(), it.revoked_at),
        (
            "later",
            r#"[{"at":14,"by":"contact","emoji":"","id":"5511"}]"#,
            Some(30)
        )
    );
    assert_eq!(bench.number("SELECT COUNT(*) FROM pending_states").await, 0);
}

async fn a_known_phone_number_is_the_same_contact_on_another_channel(bench: &Bench) {
    let office = bench.office().await;
    let ingest = bench.ingest();
    let first = bench
        .submit(&ingest, &office, vec![message("5511", "m1", NOON)])
        .await;
    let Inbox::Message {
        event_key,
        message: mut other,
    } = message("handle", "m2", NOON)
    else {
        unreachable!()
    };
    other.sender.aliases = vec![
        ("phone".into(), "+5511".into()),
        ("username".into(), "loja".into()),
    ];
    other.sender.name = "Loja Dois".into();
    let second = bench
        .submit(
            &ingest,
            &office,
            vec![Inbox::Message {
                event_key,
                message: other,
            }],
        )
        .await;
    assert_ne!(first.messages[0].0, second.messages[0].0);
    let (a, b) = (
        bench.conversation(&office, first.messages[0].0).await,
        bench.conversation(&office, second.messages[0].0).await,
    );
    assert_eq!(a.contact_id, b.contact_id);
    let mut tx = bench.store.read().await.unwrap();
    assert_eq!(
        tx.addresses_of(office.workspace, a.contact_id)
            .await
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        tx.identities_of(office.workspace, a.contact_id)
            .await
            .unwrap()
            .len(),
        2
    );
}

/// Identity is many-to-one: a provider may hide the phone by which somebody was known, and tell only its own id of them.
async fn a_person_told_only_by_an_id_that_was_an_alias_is_the_same_contact(bench: &Bench) {
    let office = bench.office().await;
    let ingest = bench.ingest();
    let told = |thread: &str, id: &str, aliases: &[(&str, &str)]| {
        let mut item = message(thread, id, NOON);
        if let Inbox::Message { message, .. } = &mut item {
            let own = |(kind, value): &(&str, &str)| ((*kind).to_owned(), (*value).to_owned());
            message.sender.aliases = aliases.iter().map(own).collect();
        }
        item
    };
    let known = told("5511", "m1", &[("phone", "+5511"), ("bsuid", "BR.1")]);
    let hidden = told("BR.1", "m2", &[("bsuid", "BR.1"), ("username", "loja")]);
    let other = told("BR.2", "m3", &[("bsuid", "BR.2"), ("username", "loja")]);
    let mut contacts = Vec::new();
    for item in [known, hidden, other] {
        let done = bench.submit(&ingest, &office, vec![item]).await;
        let conversation = bench.conversation(&office, done.messages[0].0).await;
        contacts.push(conversation.contact_id);
    }
    assert_eq!(contacts[0], contacts[1]);
    assert_ne!(contacts[0], contacts[2], "a handle is nobody's for good");
    // Also where it is the alias that gives way to another.
    let change = Inbox::Identity {
        event_key: "i".into(),
        old_external_id: "BR.9".into(),
        now: inbox::Person {
            aliases: vec![("bsuid".into(), "BR.10".into())],
            ..person("BR.10")
        },
    };
    let events = [
        told("5519", "m4", &[("phone", "+5519"), ("bsuid", "BR.9")]),
        change,
        told("BR.10", "m5", &[("bsuid", "BR.10")]),
    ];
    let mut contacts = Vec::new();
    for event in events {
        let done = bench.submit(&ingest, &office, vec![event]).await;
        for (conversation, _) in done.messages {
            contacts.push(bench.conversation(&office, conversation).await.contact_id);
        }
    }
    assert_eq!(contacts[0], contacts[1]);
}

async fn an_echo_is_shown_as_outgoing_and_reopens_nothing(bench: &Bench) {
    let office = bench.office().await;
    let ingest = bench.ingest();
    let id = concluded(bench, &office, &ingest, false).await;
    bench
        .submit(&ingest, &office, vec![echo("5511", "e1")])
        .await;
    let it = bench.conversation(&office, id).await;
    assert_eq!((it.status.as_str(), it.unread), ("concluded", 1));
    let last = bench.messages(&office, id).await.pop().unwrap();
    assert_eq!(
        (
            last.direction.as_str(),
            last.state.as_str(),
            last.author.as_str()
        ),
        ("out", "sent", "user")
    );
    assert_eq!(bench.number("SELECT COUNT(*) FROM contacts").await, 1);
}

async fn a_changed_identity_keeps_contact_and_conversation(bench: &Bench) {
    let office = bench.office().await;
    let ingest = bench.ingest();
    let first = bench
        .submit(&ingest, &office, vec![message("old", "m1", NOON)])
        .await;
    let now = inbox::Person {
        aliases: Vec::new(),
        ..person("new")
    };
    let change = Inbox::Identity {
        event_key: "i".into(),
        old_external_id: "old".into(),
        now,
    };
    let second = bench
        .submit(&ingest, &office, vec![change, message("new", "m2", NOON)])
        .await;
    assert_eq!(second.messages[0].0, first.messages[0].0);
    let it = bench.conversation(&office, first.messages[0].0).await;
    assert_eq!((it.thread.as_str(), it.recipient.as_str()), ("new", "new"));
    assert_eq!(bench.number("SELECT COUNT(*) FROM contacts").await, 1);
}

fn moved(old: &str, new: &str) -> Inbox {
    Inbox::Identity {
        event_key: format!("{old}>{new}"),
        old_external_id: old.into(),
        now: inbox::Person {
            aliases: Vec::new(),
            ..person(new)
        },
    }
}

async fn a_changed_identity_is_one_contact_in_whatever_order_that_is_told(bench: &Bench) {
    let office = bench.office().await;
    for (turn, order) in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ]
    .into_iter()
    .enumerate()
    {
        let ingest = bench.ingest();
        let (old, new) = (format!("old{turn}"), format!("new{turn}"));
        let events = [
            message(&old, &format!("a{turn}"), NOON),
            moved(&old, &new),
            message(&new, &format!("b{turn}"), NOON),
        ];
        let mut contacts = Vec::new();
        let mut conversations = Vec::new();
        for place in order {
            let event = events[place].clone();
            let done = bench.submit(&ingest, &office, vec![event]).await;
            conversations.extend(done.messages.iter().map(|it| it.0));
        }
        for id in &conversations {
            contacts.push(bench.conversation(&office, *id).await.contact_id);
        }
        assert_eq!(contacts[0], contacts[1], "{order:?}");
        // Two ids that were both heard of before they are said to be one have a conversation each.
        let one = conversations[0] == conversations[1];
        assert_eq!(one, order[2] != 1, "{order:?}");
        let late = bench
            .submit(
                &ingest,
                &office,
                vec![message(&old, &format!("c{turn}"), NOON)],
            )
            .await;
        let late = bench.conversation(&office, late.messages[0].0).await;
        assert_eq!(
            (late.contact_id, late.thread),
            (contacts[0], new),
            "{order:?}"
        );
    }
}

async fn an_id_that_comes_back_is_itself_again(bench: &Bench) {
    let office = bench.office().await;
    let ingest = bench.ingest();
    let events = [
        message("a", "m1", NOON),
        moved("a", "b"),
        moved("b", "a"),
        message("a", "m2", NOON),
    ];
    let mut conversations = Vec::new();
    for event in events {
        let done = bench.submit(&ingest, &office, vec![event]).await;
        conversations.extend(done.messages.iter().map(|it| it.0));
    }
    assert_eq!(conversations[0], conversations[1]);
    let it = bench.conversation(&office, conversations[0]).await;
    assert_eq!(it.thread, "a");
}

async fn a_note_on_a_thread_that_is_not_known_yet_is_shown_with_its_first_message(bench: &Bench) {
    let office = bench.office().await;
    let ingest = bench.ingest();
    let note = Inbox::Note {
        event_key: "n".into(),
        thread: Some("5511".into()),
        code: "referral".into(),
        text: "Veio de um anúncio.".into(),
        extra: "{}".into(),
    };
    let first = bench.submit(&ingest, &office, vec![note]).await;
    assert_eq!(first.messages, []);
    let second = bench
        .submit(&ingest, &office, vec![message("5511", "m1", NOON)])
        .await;
    let shown = bench.messages(&office, second.messages[0].0).await;
    let shown: Vec<_> = shown
        .iter()
        .map(|it| (it.direction.as_str(), it.text.as_str()))
        .collect();
    assert!(
        shown.contains(&("note", "Veio de um anúncio.")),
        "{shown:?}"
    );
    assert_eq!(shown.len(), 2);
    bench
        .submit(&ingest, &office, vec![message("5511", "m2", NOON)])
        .await;
    let shown = bench.messages(&office, second.messages[0].0).await;
    assert_eq!(shown.len(), 3);
    assert_eq!(bench.number("SELECT COUNT(*) FROM pending_states").await, 0);
}

async fn what_a_channel_says_beside_a_state_is_kept_with_the_message(bench: &Bench) {
    let office = bench.office().await;
    let ingest = bench.ingest();
    let sent = bench
        .submit(&ingest, &office, vec![echo("5511", "e1")])
        .await;
    let told = |state: &str, beside: &str| {
        let mut item = delivery("e1", state);
        if let Inbox::Delivery { extra, .. } = &mut item {
            beside.clone_into(extra);
        }
        item
    };
    let states = vec![
        told("delivered", r#"{"pricing":{"category":"utility"}}"#),
        told("read", r#"{"pricing":{"category":"other"},"code":"1"}"#),
    ];
    bench.submit(&ingest, &office, states).await;
    let it = bench.messages(&office, sent.messages[0].0).await.remove(0);
    let extra: serde_json::Value = serde_json::from_str(&it.extra).unwrap();
    let expected = serde_json::json!({"pricing": {"category": "utility"}, "code": "1"});
    assert_eq!(extra["delivery"], expected);
}

async fn notes_health_and_reads_are_kept(bench: &Bench) {
    let office = bench.office().await;
    let ingest = bench.ingest();
    let note = |key: &str, thread: Option<&str>| Inbox::Note {
        event_key: key.into(),
        thread: thread.map(str::to_owned),
        code: "call".into(),
        text: "missed call".into(),
        extra: "{\"seconds\":3}".into(),
    };
    let health = Inbox::Health {
        state: "degraded".into(),
        message: "quality is low".into(),
    };
    let read = Inbox::Read {
        event_key: "read".into(),
        thread: "5511".into(),
        until: NOON,
    };
    let outcome = bench
        .submit(
            &ingest,
            &office,
            vec![
                message("5511", "m1", NOON),
                note("n1", Some("5511")),
                note("n2", None),
                health,
            ],
        )
        .await;
    assert_eq!((outcome.new, outcome.messages.len()), (4, 2));
    let messages = bench.messages(&office, outcome.messages[0].0).await;
    assert_eq!(
        (messages[1].kind.as_str(), messages[1].extra.as_str()),
        ("notice", r#"{"code":"call","seconds":3}"#)
    );
    assert_eq!(bench.number("SELECT COUNT(*) FROM plugin_logs").await, 1);
    assert_eq!(
        bench
            .number("SELECT COUNT(*) FROM channels WHERE health_state = 'degraded'")
            .await,
        1
    );
    bench
        .submit(&ingest, &office, vec![echo("5511", "e1"), read])
        .await;
    // The read was told before the echo was stored with it: only what is in the store is read.
    assert_eq!(
        bench.messages(&office, outcome.messages[0].0).await[2].state,
        "read"
    );
}

async fn zero_bytes_and_odd_json_do_no_harm(bench: &Bench) {
    let office = bench.office().await;
    let ingest = bench.ingest();
    let Inbox::Message {
        event_key,
        message: mut odd,
    } = message("5511", "m1", NOON)
    else {
        unreachable!()
    };
    odd.content = text("a\0b \\u0000 \u{fffd} \"'; DROP TABLE messages; --");
    odd.extra = "not json".into();
    odd.content.extra = "{\"zero\":\"\\u0000\"}".into();
    let outcome = bench
        .submit(
            &ingest,
            &office,
            vec![Inbox::Message {
                event_key,
                message: odd,
            }],
        )
        .await;
    let it = bench
        .messages(&office, outcome.messages[0].0)
        .await
        .remove(0);
    assert_eq!(it.text, "ab \\u0000 \u{fffd} \"'; DROP TABLE messages; --");
    let extra: serde_json::Value = serde_json::from_str(&it.extra).unwrap();
    assert_eq!(extra["invalid"], "not json");
}
