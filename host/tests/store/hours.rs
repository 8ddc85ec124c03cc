//! What a contact is told while it is closed: once, in the commit that takes in what they wrote. And whose hours count.

use balcao::clock::Instant;
use balcao::hours::{Hours, Owner};
use balcao::id::ConversationId;
use balcao::store::effects::{CallCommit, CallError, Cause};
use balcao::store::events::Actor;
use balcao::store::routing::By;
use balcao::store::storage::Indexes;
use balcao_runtime::rules::Change;
use balcao_runtime::services::{HoursOf, ReadSet};
use balcao_runtime::wit::teams;
use serde_json::json;

use crate::support::{Bench, NOON, Office, both, message};

both! {
    a_contact_who_writes_while_it_is_closed_is_told_so_once,
    who_is_told_again_has_found_it_closed_again,
    nobody_is_told_who_is_served_or_wants_no_automatic_messages_or_while_it_is_open,
    a_channels_hours_count_where_the_team_has_none,
    what_contacts_write_is_taken_in_where_hours_cannot_be_read,
    who_comes_back_to_a_done_conversation_is_not_told,
    hundreds_of_messages_at_two_writers_are_answered_once_each_conversation,
    what_a_call_was_told_of_hours_is_checked_at_its_commit,
}

const HOUR: Instant = 3_600_000_000;
/// NOON is a Sunday, nine o'clock in São Paulo.
const MONDAY_NINE: Instant = NOON + 24 * HOUR;
const TEXT: &str = "Estamos fechados.";

/// From nine to six but on weekends.
fn office_hours() -> Hours {
    let day = json!([{"from": "09:00", "until": "18:00"}]);
    let week =
        json!({"monday": day, "tuesday": day, "wednesday": day, "thursday": day, "friday": day});
    let hours = json!({"enabled": true, "time_zone": "America/Sao_Paulo", "week": week, "holidays": [],
        "reply": {"enabled": true, "text": TEXT}});
    serde_json::from_value(hours).unwrap()
}

async fn keep(bench: &Bench, office: &Office, of: Owner, change: impl FnOnce(&mut Hours)) {
    let mut hours = office_hours();
    change(&mut hours);
    let mut tx = bench.store.write(office.workspace).await.unwrap();
    assert!(tx.set_hours(office.workspace, of, &hours).await.unwrap());
    tx.commit().await.unwrap();
}

async fn closed(bench: &Bench) -> Office {
    let office = bench.office().await;
    keep(bench, &office, Owner::Team(office.team), |_| {}).await;
    office
}

/// A contact writes now; gives the conversation.
async fn hears(bench: &Bench, office: &Office, id: &str) -> ConversationId {
    let it = vec![message("5511", id, bench.clock.now())];
    let done = bench.submit(&bench.ingest(), office, it).await;
    assert_eq!(done.rejected, []);
    done.messages[0].0
}

/// What was said, by whom.
async fn said(bench: &Bench, office: &Office, id: ConversationId) -> Vec<(String, String)> {
    let messages = bench.messages(office, id).await;
    let said = messages.into_iter().map(|it| (it.author, it.text));
    said.collect()
}

fn by(author: &str, text: &str) -> (String, String) {
    (author.to_owned(), text.to_owned())
}

fn pass(bench: &Bench, until: Instant) {
    let micros = u64::try_from(until - bench.clock.now()).unwrap();
    bench
        .clock
        .advance(std::time::Duration::from_micros(micros));
}

async fn a_contact_who_writes_while_it_is_closed_is_told_so_once(bench: &Bench) {
    let office = closed(bench).await;
    let id = hears(bench, &office, "m1").await;
    let messages = bench.messages(&office, id).await;
    assert_eq!(messages.len(), 2);
    let reply = &messages[1];
    assert_eq!(
        (
            reply.author.as_str(),
            reply.direction.as_str(),
            reply.state.as_str(),
            reply.text.as_str()
        ),
        ("system", "out", "queued", TEXT)
    );
    assert_eq!((reply.at, reply.channel_id), (NOON, office.channel));
    let it = bench.conversation(&office, id).await;
    // Nobody has answered: it waits unread, and its line is what the contact said.
    assert_eq!(
        (it.status.as_str(), it.unread, it.agent_id),
        ("queued", 1, None)
    );
    assert!(it.preview.unwrap().contains("text of m1"));
    assert_eq!(
        bench.event_kinds(&office).await,
        [
            "contact.created",
            "conversation.queued",
            "message.received",
            "message.queued"
        ]
    );
    let mut tx = bench.store.begin().await.unwrap();
    let sends = tx.claim_sends(NOON, 1, 10).await.unwrap();
    tx.rollback().await.unwrap();
    let sends: Vec<_> = sends
        .iter()
        .map(|it| (it.message_id, it.conversation_id))
        .collect();
    assert_eq!(sends, [(reply.id, id)]);
    // The provider repeats itself, and the contact goes on writing, until just before it opens.
    hears_again(bench, &office, "m1").await;
    pass(bench, MONDAY_NINE - 1);
    hears(bench, &office, "m2").await;
    let expected = [
        by("contact", "text of m1"),
        by("system", TEXT),
        by("contact", "text of m2"),
    ];
    assert_eq!(said(bench, &office, id).await, expected);
}

async fn hears_again(bench: &Bench, office: &Office, id: &str) {
    let it = vec![message("5511", id, NOON)];
    let done = bench.submit(&bench.ingest(), office, it).await;
    assert_eq!((done.new, done.repeated), (0, 1));
}

async fn who_is_told_again_has_found_it_closed_again(bench: &Bench) {
    let office = closed(bench).await;
    let id = hears(bench, &office, "m1").await;
    pass(bench, MONDAY_NINE);
    hears(bench, &office, "m2").await;
    pass(bench, MONDAY_NINE + 9 * HOUR);
    hears(bench, &office, "m3").await;
    hears(bench, &office, "m4").await;
    let expected = [
        by("contact", "text of m1"),
        by("system", TEXT),
        by("contact", "text of m2"),
        by("contact", "text of m3"),
        by("system", TEXT),
        by("contact", "text of m4"),
    ];
    assert_eq!(said(bench, &office, id).await, expected);
}

async fn nobody_is_told_who_is_served_or_wants_no_automatic_messages_or_while_it_is_open(
    bench: &Bench,
) {
    let office = closed(bench).await;
    keep(bench, &office, Owner::Team(office.team), |it| {
        it.reply.enabled = false
    })
    .await;
    let id = hears(bench, &office, "silent").await;
    keep(bench, &office, Owner::Team(office.team), |it| {
        it.enabled = false
    })
    .await;
    hears(bench, &office, "off").await;
    keep(bench, &office, Owner::Team(office.team), |_| {}).await;
    bench
        .raw("UPDATE contacts SET automatic_messages_blocked = TRUE".to_owned())
        .await;
    hears(bench, &office, "unasked").await;
    bench
        .raw("UPDATE contacts SET automatic_messages_blocked = FALSE".to_owned())
        .await;
    start(bench, &office, id).await;
    hears(bench, &office, "served").await;
    let all = said(bench, &office, id).await;
    assert_eq!(all.len(), 4);
    assert!(all.iter().all(|(author, _)| author == "contact"), "{all:?}");
}

async fn start(bench: &Bench, office: &Office, id: ConversationId) {
    let person = office.person(office.agent1);
    let by = By {
        actor: Actor::user(office.agent1),
        person: Some(&person),
    };
    let change = Change::Assign {
        agent: person.id.clone(),
    };
    let mut tx = bench.store.write(office.workspace).await.unwrap();
    tx.change_conversation(office.scope(bench), id, &change, &by, None)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn a_channels_hours_count_where_the_team_has_none(bench: &Bench) {
    let office = bench.office().await;
    let (team, channel) = (Owner::Team(office.team), Owner::Channel(office.channel));
    keep(bench, &office, channel, |it| {
        it.reply.text = "O canal está fechado.".to_owned()
    })
    .await;
    let id = hears(bench, &office, "m1").await;
    let expected = [
        by("contact", "text of m1"),
        by("system", "O canal está fechado."),
    ];
    assert_eq!(said(bench, &office, id).await, expected);
    let whose = async || {
        let mut tx = bench.store.read().await.unwrap();
        let found = tx.hours_that_count(office.workspace, Some(office.team), office.channel);
        found.await.unwrap().map(|(owner, _)| owner)
    };
    assert_eq!(whose().await, Some(channel));
    keep(bench, &office, team, |it| it.enabled = false).await;
    assert_eq!(whose().await, Some(channel));
    // Open on Sundays, whatever the channel says.
    keep(bench, &office, team, |it| {
        it.week.sunday = it.week.monday.clone()
    })
    .await;
    assert_eq!(whose().await, Some(team));
    pass(bench, NOON + 7 * 24 * HOUR);
    hears(bench, &office, "m2").await;
    assert_eq!(said(bench, &office, id).await.len(), 3);
}

async fn what_contacts_write_is_taken_in_where_hours_cannot_be_read(bench: &Bench) {
    let office = closed(bench).await;
    bench
        .raw("UPDATE teams SET hours = '{\"enabled\": true}'".to_owned())
        .await;
    let id = hears(bench, &office, "m1").await;
    let expected = [by("contact", "text of m1")];
    assert_eq!(said(bench, &office, id).await, expected);
}

async fn who_comes_back_to_a_done_conversation_is_not_told(bench: &Bench) {
    let office = bench.office().await;
    let id = hears(bench, &office, "m1").await;
    start(bench, &office, id).await;
    let person = office.person(office.agent1);
    let change = Change::Conclude {
        by: Some(person.id.clone()),
        summary: String::new(),
        archive_immediately: false,
    };
    let who = By {
        actor: Actor::user(office.agent1),
        person: Some(&person),
    };
    let mut tx = bench.store.write(office.workspace).await.unwrap();
    tx.change_conversation(office.scope(bench), id, &change, &who, None)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    // Whoever concluded it has left, so that it waits in the queue.
    bench
        .raw(format!(
            "UPDATE users SET active = FALSE WHERE id = '{}'",
            office.agent1
        ))
        .await;
    keep(bench, &office, Owner::Team(office.team), |_| {}).await;
    assert_eq!(hears(bench, &office, "m2").await, id);
    assert_eq!(hears(bench, &office, "m3").await, id);
    assert_eq!(bench.conversation(&office, id).await.status, "queued");
    assert_eq!(said(bench, &office, id).await.len(), 3);
    pass(bench, MONDAY_NINE + 9 * HOUR);
    hears(bench, &office, "m4").await;
    assert_eq!(said(bench, &office, id).await[4], by("system", TEXT));
}

async fn hundreds_of_messages_at_two_writers_are_answered_once_each_conversation(bench: &Bench) {
    let office = closed(bench).await;
    let writers = [bench.ingest(), bench.ingest()];
    let mut under_way = Vec::new();
    for n in 0..200 {
        let (writer, from) = (&writers[n % 2], format!("55{}", n % 4));
        under_way.push(async move {
            let it = vec![message(&from, &format!("m{n}"), NOON)];
            bench.submit(writer, &office, it).await
        });
    }
    for done in futures_util::future::join_all(under_way).await {
        assert_eq!(done.rejected, []);
    }
    assert_eq!(bench.number("SELECT COUNT(*) FROM conversations").await, 4);
    let told = "SELECT COUNT(DISTINCT conversation_id) FROM messages WHERE author = 'system'";
    assert_eq!(bench.number(told).await, 4);
    assert_eq!(
        bench
            .number("SELECT COUNT(*) FROM messages WHERE author = 'system'")
            .await,
        4
    );
    assert_eq!(bench.number("SELECT COUNT(*) FROM sends").await, 4);
}

async fn what_a_call_was_told_of_hours_is_checked_at_its_commit(bench: &Bench) {
    let office = closed(bench).await;
    let of = HoursOf::Conversation {
        team: Some(office.team.to_string()),
        channel: office.channel.to_string(),
    };
    let told = teams::Hours {
        open: false,
        changes_at: Some(MONDAY_NINE),
    };
    let reads = ReadSet {
        hours: vec![(of, NOON, told)],
        ..ReadSet::default()
    };
    assert!(commits(bench, &office, &reads).await.is_ok());
    keep(bench, &office, Owner::Team(office.team), |it| {
        it.week.monday.clear()
    })
    .await;
    let refused = commits(bench, &office, &reads).await.unwrap_err();
    assert!(matches!(refused, CallError::Conflict(_)), "{refused}");
}

async fn commits(bench: &Bench, office: &Office, reads: &ReadSet) -> Result<(), CallError> {
    let call = CallCommit {
        plugin: "example",
        channel: None,
        cause: Cause::Host,
        reads,
        effects: &[],
        indexes: &Indexes::default(),
        quotas: &Default::default(),
    };
    let mut tx = bench.store.write(office.workspace).await.unwrap();
    let done = tx.commit_call(office.scope(bench), &call).await;
    tx.rollback().await.unwrap();
    done.map(drop)
}
