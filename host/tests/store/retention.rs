//! What of the event log is forgotten, and where there is something to forget.

use std::time::Duration;

use balcao::clock::Instant;
use balcao::id::WorkspaceId;
use balcao::jobs::search;

use crate::support::{Bench, NOON, Office, both, message};

both! {
    a_workspace_is_looked_through_once_though_it_keeps_old_events_for_good,
}

const DAY: i64 = 24 * 3600 * 1_000_000;

async fn a_workspace_is_looked_through_once_though_it_keeps_old_events_for_good(bench: &Bench) {
    let (one, two, young) = (
        bench.office().await,
        bench.office().await,
        bench.office().await,
    );
    hears(bench, &one, "m1").await;
    hears(bench, &two, "m1").await;
    pass(bench, 40);
    hears(bench, &young, "m1").await;
    let before = NOON + 10 * DAY;
    assert_eq!(old(bench, before).await, sorted(&[&one, &two]));
    purge(bench, &one, before).await;
    // What its timelines show is older still.
    assert_eq!(bench.event_kinds(&one).await, ["conversation.queued"]);
    assert_eq!(old(bench, before).await, sorted(&[&two]));
    purge(bench, &two, before).await;
    assert_eq!(bench.event_kinds(&two).await, ["conversation.queued"]);
    assert_eq!(old(bench, before).await, []);

    // What has come since is looked through in its turn.
    hears(bench, &one, "m2").await;
    assert_eq!(old(bench, before).await, []);
    pass(bench, 40);
    let before = NOON + 50 * DAY;
    assert_eq!(old(bench, before).await, sorted(&[&one, &young]));
    purge(bench, &one, before).await;
    purge(bench, &young, before).await;
    assert_eq!(bench.event_kinds(&one).await, ["conversation.queued"]);
    assert_eq!(old(bench, before).await, []);
}

/// A contact writes, and that is in the search index.
async fn hears(bench: &Bench, office: &Office, text: &str) {
    let item = message("5511", text, bench.clock.now());
    let done = bench.submit(&bench.ingest(), office, vec![item]).await;
    assert_eq!(done.rejected, []);
    while !waiting(bench).await.is_empty() {
        search::look(&bench.store).await.unwrap();
    }
}

async fn waiting(bench: &Bench) -> Vec<WorkspaceId> {
    let mut tx = bench.store.read().await.unwrap();
    tx.workspaces_to_index().await.unwrap()
}

fn pass(bench: &Bench, days: u64) {
    bench.clock.advance(Duration::from_secs(days * 24 * 3600));
}

fn sorted(offices: &[&Office]) -> Vec<WorkspaceId> {
    let mut ids: Vec<_> = offices.iter().map(|it| it.workspace).collect();
    ids.sort();
    ids
}

async fn old(bench: &Bench, before: Instant) -> Vec<WorkspaceId> {
    let mut tx = bench.store.read().await.unwrap();
    let mut found = tx.workspaces_with_old_events(before).await.unwrap();
    found.sort();
    found
}

async fn purge(bench: &Bench, office: &Office, before: Instant) {
    let mut tx = bench.store.write(office.workspace).await.unwrap();
    let more = tx.purge_events(office.workspace, before, 1_000).await;
    assert!(!more.unwrap());
    tx.commit().await.unwrap();
}
