//! Which parked requests are taken to be tried again, and when.

use balcao::clock::Instant;
use balcao::id::{ChannelId, ParkedId};
use balcao::store::{enabled_plugins::EnabledPlugin, parked::Parked};

use crate::support::{Bench, NOON, Office, both};

both! {
    parked_requests_are_taken_at_their_time_the_longest_due_first_while_app_and_channel_are_on,
    what_waits_for_an_app_that_changed_is_due_at_once_and_nothing_beside_it,
}

/// The app of an office's channel.
const APP: &str = "fake";
const SECOND: i64 = 1_000_000;

async fn parked_requests_are_taken_at_their_time_the_longest_due_first_while_app_and_channel_are_on(
    bench: &Bench,
) {
    let office = bench.office().await;
    let late = park(bench, &office, office.channel, Some(NOON + SECOND)).await;
    let soon = park(bench, &office, office.channel, Some(NOON)).await;
    park(bench, &office, office.channel, None).await;
    assert_eq!(next(bench).await, None, "the app was never enabled");
    switch(bench, &office, true).await;
    assert_eq!(next(bench).await, Some(NOON));

    let lease = NOON + 60 * SECOND;
    assert_eq!(take(bench, NOON - 1, lease).await, None);
    assert_eq!(take(bench, NOON + SECOND, lease).await, Some(soon));
    assert_eq!(next(bench).await, Some(NOON + SECOND));
    assert_eq!(take(bench, NOON + SECOND, lease).await, Some(late));
    assert_eq!(take(bench, NOON + SECOND, lease).await, None);
    // Nothing came of either.
    switch(bench, &office, false).await;
    assert_eq!(take(bench, lease, lease).await, None);
    assert_eq!(next(bench).await, None);
    switch(bench, &office, true).await;
    for (enabled, taken) in [("FALSE", None), ("TRUE", Some(late))] {
        bench
            .raw(format!("UPDATE channels SET enabled = {enabled}"))
            .await;
        assert_eq!(next(bench).await, taken.map(|_| lease), "{enabled}");
        assert_eq!(take(bench, lease, lease + SECOND).await, taken, "{enabled}");
    }
}

async fn what_waits_for_an_app_that_changed_is_due_at_once_and_nothing_beside_it(bench: &Bench) {
    let office = bench.office().await;
    let others = bench.office().await;
    let second: ChannelId = bench.ids.mint();
    bench
        .raw(format!(
            "INSERT INTO channels (workspace_id, id, plugin_id, name, settings, enabled, health_state, health_message, created_at)
             VALUES ('{}', '{second}', '{APP}', 'Outra', '{{}}', TRUE, 'unknown', '', {NOON})",
            office.workspace
        ))
        .await;
    let mut own = [
        park(bench, &office, office.channel, None).await,
        park(bench, &office, second, None).await,
    ];
    own.sort();
    park(bench, &others, others.channel, None).await;
    for it in [&office, &others] {
        switch(bench, it, true).await;
    }

    retry(bench, &office, Some(second)).await;
    let taken = take(bench, NOON, NOON + SECOND).await;
    assert_eq!(taken, Some(own[1]));
    assert_eq!(next(bench).await, Some(NOON + SECOND));

    retry(bench, &office, None).await;
    let mut taken = Vec::new();
    while let Some(id) = take(bench, NOON, NOON + SECOND).await {
        taken.push(id);
    }
    assert_eq!(taken, own);
}

async fn park(
    bench: &Bench,
    office: &Office,
    channel: ChannelId,
    retry_at: Option<Instant>,
) -> ParkedId {
    let parked = Parked {
        id: bench.ids.mint(),
        received_at: NOON,
        sealed: vec![1],
        error: "{}".to_owned(),
        attempts: 1,
        retry_at,
    };
    let mut tx = bench.store.begin().await.unwrap();
    tx.park(office.workspace, channel, &parked).await.unwrap();
    tx.commit().await.unwrap();
    parked.id
}

async fn switch(bench: &Bench, office: &Office, enabled: bool) {
    let app = EnabledPlugin {
        workspace_id: office.workspace,
        plugin_id: APP.to_owned(),
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

async fn retry(bench: &Bench, office: &Office, channel: Option<ChannelId>) {
    let mut tx = bench.store.begin().await.unwrap();
    tx.retry_parked(office.workspace, APP, channel, NOON)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn next(bench: &Bench) -> Option<Instant> {
    let mut tx = bench.store.read().await.unwrap();
    tx.next_parked_at().await.unwrap()
}

async fn take(bench: &Bench, now: Instant, again: Instant) -> Option<ParkedId> {
    let mut tx = bench.store.begin().await.unwrap();
    let taken = tx.claim_parked(now, again).await.unwrap();
    tx.commit().await.unwrap();
    taken.map(|it| it.id)
}
