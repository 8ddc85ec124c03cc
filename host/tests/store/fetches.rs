//! Which attachments are to be fetched, who takes them, and what becomes of the message.

use balcao::clock::Instant;
use balcao::error::Error;
use balcao::id::{ConversationId, FileId, MessageId};
use balcao::reason::Reason;
use balcao::store::enabled_plugins::EnabledPlugin;
use balcao::store::events::Actor;
use balcao::store::fetches::{Fetch, Fetched, Progress};
use balcao::store::files::File;
use balcao_runtime::effect::Inbox;
use balcao_runtime::wit::{Attachment, Content};
use serde_json::Value;

use crate::support::{Bench, NOON, Office, both, message, text};

both! {
    only_what_is_elsewhere_is_fetched_and_an_edit_or_revocation_changes_what,
    a_fetch_is_taken_once_at_its_time_while_app_and_channel_are_on_and_by_another_after_its_lease,
    a_file_takes_its_references_place_once_and_whoever_comes_late_changes_nothing,
    what_failed_waits_until_somebody_asks_for_it_again,
    a_channel_has_no_more_than_its_share_and_what_nobody_wants_is_forgotten,
}

const SECOND: i64 = 1_000_000;
const LEASE: i64 = 60 * SECOND;

fn file(source: &str) -> Attachment {
    Attachment {
        source: source.to_owned(),
        mime: "image/jpeg".to_owned(),
        name: String::new(),
        size: 7,
    }
}

fn with_files(sources: &[&str]) -> Content {
    Content {
        attachments: sources.iter().map(|it| file(it)).collect(),
        ..text("veja")
    }
}

/// A message of a contact that carries these.
fn carrying(external_id: &str, sources: &[&str]) -> Inbox {
    match message("5511", external_id, NOON) {
        Inbox::Message {
            event_key,
            mut message,
        } => {
            message.content = with_files(sources);
            Inbox::Message { event_key, message }
        }
        other => other,
    }
}

async fn receive(bench: &Bench, office: &Office, item: Inbox) -> (ConversationId, MessageId) {
    let done = bench.submit(&bench.ingest(), office, vec![item]).await;
    assert_eq!(done.rejected, []);
    done.messages[0]
}

async fn switch(bench: &Bench, office: &Office, enabled: bool) {
    let app = EnabledPlugin {
        workspace_id: office.workspace,
        plugin_id: "fake".to_owned(),
        digest: String::new(),
        version: "1.0.0".to_owned(),
        enabled,
        settings: "{}".to_owned(),
        granted: "[]".to_owned(),
        revision: 1,
        breaker: None,
        enabled_at: NOON,
    };
    let mut tx = bench.store.begin().await.unwrap();
    tx.put_enabled_plugin(&app).await.unwrap();
    tx.commit().await.unwrap();
}

async fn take(bench: &Bench, now: Instant, limit: i64) -> Vec<Fetch> {
    let mut tx = bench.store.begin().await.unwrap();
    let taken = tx.claim_fetches(now, LEASE, limit, 4).await.unwrap();
    tx.commit().await.unwrap();
    taken
}

async fn next(bench: &Bench) -> Option<Instant> {
    let mut tx = bench.store.read().await.unwrap();
    tx.next_fetch_at().await.unwrap()
}

async fn finish(bench: &Bench, office: &Office, it: &Fetch, fetched: Fetched) -> Result<(), Error> {
    let mut tx = bench.store.write(office.workspace).await.unwrap();
    let done = tx.finish_fetch(office.scope(bench), it, fetched).await;
    match done {
        Ok(()) => tx.commit().await.unwrap(),
        Err(_) => tx.rollback().await.unwrap(),
    }
    done
}

fn here(bench: &Bench, office: &Office) -> (FileId, Fetched) {
    let id = bench.ids.mint();
    let file = File {
        workspace_id: office.workspace,
        id,
        mime: "image/png".to_owned(),
        name: "arquivo".to_owned(),
        size: 42,
        sha256: None,
        state: "ready".to_owned(),
        source: None,
        channel_id: Some(office.channel),
        created_at: NOON,
        width: Some(1200),
        height: Some(900),
        preview_mime: Some("image/jpeg".to_owned()),
        preview_size: Some(7),
    };
    (id, Fetched::Here(Box::new(file)))
}

async fn progress(bench: &Bench, office: &Office, message: MessageId) -> Vec<Progress> {
    let mut tx = bench.store.read().await.unwrap();
    tx.fetches_of(office.workspace, message).await.unwrap()
}

fn sources(taken: &[Fetch]) -> Vec<(i64, &str)> {
    let mut found: Vec<_> = taken
        .iter()
        .map(|it| (it.position, it.source.as_str()))
        .collect();
    found.sort_unstable();
    found
}

async fn only_what_is_elsewhere_is_fetched_and_an_edit_or_revocation_changes_what(bench: &Bench) {
    let office = bench.office().await;
    switch(bench, &office, true).await;
    receive(bench, &office, message("5511", "plain", NOON)).await;
    receive(bench, &office, carrying("kept", &["media:fil_x"])).await;
    assert_eq!(bench.number("SELECT COUNT(*) FROM fetches").await, 0);
    let mixed = ["media:fil_x", "ref:1", "https://cdn.example.com/2"];
    let (conversation, _) = receive(bench, &office, carrying("mixed", &mixed)).await;
    let taken = take(bench, NOON, 10).await;
    assert_eq!(
        sources(&taken),
        [(1, "ref:1"), (2, "https://cdn.example.com/2")]
    );

    // What is under way belongs to what the message was before.
    let edit = Inbox::Edit {
        event_key: "edit".into(),
        message: "mixed".into(),
        at: NOON + SECOND,
        content: with_files(&["ref:other"]),
    };
    bench.submit(&bench.ingest(), &office, vec![edit]).await;
    for it in &taken {
        let late = finish(bench, &office, it, here(bench, &office).1).await;
        assert!(matches!(late, Err(Error::Conflict(_))), "{late:?}");
    }
    let taken = take(bench, NOON, 10).await;
    assert_eq!(sources(&taken), [(0, "ref:other")]);

    let revoke = Inbox::Revoke {
        event_key: "revoke".into(),
        message: "mixed".into(),
        at: NOON + SECOND,
    };
    bench.submit(&bench.ingest(), &office, vec![revoke]).await;
    assert_eq!(bench.number("SELECT COUNT(*) FROM fetches").await, 0);
    assert_eq!(bench.number("SELECT COUNT(*) FROM files").await, 0);
    let messages = bench.messages(&office, conversation).await;
    assert_eq!(messages.len(), 3);
}

async fn a_fetch_is_taken_once_at_its_time_while_app_and_channel_are_on_and_by_another_after_its_lease(
    bench: &Bench,
) {
    let office = bench.office().await;
    let (_, id) = receive(bench, &office, carrying("m", &["ref:1", "ref:2", "ref:3"])).await;
    assert_eq!(next(bench).await, None, "the app was never enabled");
    assert_eq!(take(bench, NOON, 10).await, []);
    switch(bench, &office, true).await;
    let channel = |on: &str| bench.raw(format!("UPDATE channels SET enabled = {on}"));
    channel("FALSE").await;
    assert_eq!(take(bench, NOON, 10).await, []);
    channel("TRUE").await;
    assert_eq!(next(bench).await, Some(NOON));
    assert_eq!(take(bench, NOON - 1, 10).await, []);

    let (one, two) = tokio::join!(take(bench, NOON, 2), take(bench, NOON, 2));
    let both: Vec<Fetch> = one.iter().chain(&two).cloned().collect();
    assert_eq!(sources(&both), [(0, "ref:1"), (1, "ref:2"), (2, "ref:3")]);
    assert!(both.iter().all(|it| (it.attempts, it.lease) == (1, 1)));
    assert!(one.len() <= 2 && two.len() <= 2);
    assert_eq!(next(bench).await, Some(NOON + LEASE));
    assert_eq!(take(bench, NOON + LEASE - 1, 10).await, []);
    let again = take(bench, NOON + LEASE, 10).await;
    assert!(again.iter().all(|it| (it.attempts, it.lease) == (2, 2)));
    assert_eq!(again.len(), 3);
    let states = progress(bench, &office, id).await;
    assert!(states.iter().all(|it| it.state == "fetching"), "{states:?}");
    assert!(both.iter().all(|it| it.channel_id == office.channel));
}

async fn a_file_takes_its_references_place_once_and_whoever_comes_late_changes_nothing(
    bench: &Bench,
) {
    let office = bench.office().await;
    switch(bench, &office, true).await;
    let sent = carrying("m", &["media:fil_x", "ref:1"]);
    let (conversation, _) = receive(bench, &office, sent).await;
    let slow = take(bench, NOON, 10).await.remove(0);
    let quick = take(bench, NOON + LEASE, 10).await.remove(0);
    let late = async |it: &Fetch| {
        let refused = finish(bench, &office, it, here(bench, &office).1).await;
        assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    };
    late(&slow).await;
    let (kept, fetched) = here(bench, &office);
    finish(bench, &office, &quick, fetched).await.unwrap();
    late(&slow).await;
    late(&quick).await;
    assert_eq!(bench.number("SELECT COUNT(*) FROM files").await, 1);
    assert_eq!(bench.number("SELECT COUNT(*) FROM fetches").await, 0);
    let message = bench.messages(&office, conversation).await.remove(0);
    let attachments: Vec<Value> = serde_json::from_str(&message.attachments).unwrap();
    assert_eq!(attachments[0]["source"], "media:fil_x");
    assert_eq!(attachments[1]["source"], format!("media:{kept}"));
    assert_eq!(
        (&attachments[1]["mime"], &attachments[1]["size"]),
        (&Value::from("image/png"), &Value::from(42))
    );
    let kinds = bench.event_kinds(&office).await;
    assert_eq!(kinds.last().map(String::as_str), Some("message.changed"));
}

async fn what_failed_waits_until_somebody_asks_for_it_again(bench: &Bench) {
    let office = bench.office().await;
    switch(bench, &office, true).await;
    let (conversation, id) = receive(bench, &office, carrying("m", &["ref:1"])).await;
    let first = take(bench, NOON, 10).await.remove(0);
    let later = Fetched::Again {
        at: NOON + SECOND,
        code: "unreachable",
    };
    finish(bench, &office, &first, later).await.unwrap();
    assert_eq!(next(bench).await, Some(NOON + SECOND));
    let second = take(bench, NOON + SECOND, 10).await.remove(0);
    assert_eq!(second.attempts, 2);
    let never = Fetched::Failed {
        code: "gone",
        bound: Some(7),
    };
    finish(bench, &office, &second, never).await.unwrap();
    assert_eq!(next(bench).await, None);
    let [it] = <[Progress; 1]>::try_from(progress(bench, &office, id).await).unwrap();
    assert_eq!(
        (it.state.as_str(), it.error.as_deref()),
        ("failed", Some("gone"))
    );

    let message = bench.messages(&office, conversation).await.remove(0);
    let ask = async |position: usize| {
        let mut tx = bench.store.write(office.workspace).await.unwrap();
        let scope = office.scope(bench);
        let asked = tx
            .retry_fetch(scope, &message, position, &Actor::user(office.agent1))
            .await;
        match asked {
            Ok(()) => tx.commit().await.unwrap(),
            Err(_) => tx.rollback().await.unwrap(),
        }
        asked
    };
    assert!(matches!(ask(1).await, Err(Error::NotFound(_))));
    ask(0).await.unwrap();
    assert!(matches!(
        ask(0).await,
        Err(Error::Refused(Reason::AttachmentUnderWay))
    ));
    let third = take(bench, NOON, 10).await.remove(0);
    assert_eq!((third.attempts, third.position), (1, 0));
    let late = finish(bench, &office, &second, here(bench, &office).1).await;
    assert!(matches!(late, Err(Error::Conflict(_))), "{late:?}");
}

async fn a_channel_has_no_more_than_its_share_and_what_nobody_wants_is_forgotten(bench: &Bench) {
    let office = bench.office().await;
    switch(bench, &office, true).await;
    let sources: Vec<String> = (0..6).map(|n| format!("ref:{n}")).collect();
    let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
    let (_, id) = receive(bench, &office, carrying("w1", &sources)).await;
    let first = take(bench, NOON, 8).await;
    assert_eq!(first.len(), 4, "its share of the places");
    assert_eq!(take(bench, NOON, 8).await, []);
    let done = finish(bench, &office, &first[0], Fetched::Unwanted).await;
    assert!(done.is_ok());
    let left = progress(bench, &office, id).await;
    assert_eq!(left.len(), 5, "{left:?}");
    let next = take(bench, NOON, 8).await;
    assert_eq!(next.len(), 1, "the place that came free");
    // Those of a server that says nothing more do not count.
    let later = take(bench, NOON + LEASE, 8).await;
    assert_eq!(later.len(), 4);
}
