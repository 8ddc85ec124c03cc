//! What a server held that died, and what one holds that lives.

use std::time::Duration;

use balcao::store::Store;
use tokio::time::{Instant, interval};

use crate::desk::{answer, queued};
use crate::support::{Bench, NOON, both};

both! {
    what_a_dead_server_held_is_let_go_and_what_a_living_one_holds_is_not,
}

async fn what_a_dead_server_held_is_let_go_and_what_a_living_one_holds_is_not(bench: &Bench) {
    let office = bench.office().await;
    let conversation = queued(bench, &office, "5511").await;
    let message = answer(bench, &office, conversation, "1").await;
    let first = bench.store.join(1).await.expect("the first server");
    let mut tx = bench.store.begin().await.unwrap();
    let claimed = tx.claim_sends(NOON, 60_000_000, 10).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(claimed[0].message_id, message.id);
    bench
        .raw(format!(
            "INSERT INTO lanes (workspace_id, plugin_id, lane, ready_at, lease, lease_until, holder)
             VALUES ('{0}', 'app', 'lane', 0, 1, {NOON} + 60000000, 1);
             INSERT INTO fetches (workspace_id, message_id, position, id, channel_id, source, state, attempts, next_at, lease, holder)
             VALUES ('{0}', '{1}', 0, 'id', '{2}', 'ref:1', 'fetching', 1, {NOON} + 60000000, 1, 1)",
            office.workspace, message.id, office.channel
        ))
        .await;

    let other = Store::open(&bench.database).await.expect("opens");
    // One server works on SQLite; on PostgreSQL several may.
    if let Ok(mut second) = other.join(2).await {
        assert!(second.is_one_of_many());
        assert_eq!(second.let_go_of_the_dead(&other).await.unwrap(), 0);
    }
    drop(first);
    let mut second = other.join(3).await.expect("the first is gone");
    // PostgreSQL may take a moment to notice that a session has ended.
    let (begin, mut tick) = (Instant::now(), interval(Duration::from_millis(5)));
    let mut released = 0;
    while released < 3 {
        assert!(begin.elapsed() < Duration::from_secs(10), "{released}");
        released += second.let_go_of_the_dead(&other).await.unwrap();
        tick.tick().await;
    }
    let mut tx = other.begin().await.unwrap();
    assert_eq!(tx.abandoned_sends(NOON).await.unwrap().len(), 1);
    drop(tx);
    for free in [
        "SELECT COUNT(*) FROM lanes WHERE lease_until = 0",
        "SELECT COUNT(*) FROM fetches WHERE next_at = 0",
    ] {
        assert_eq!(bench.number(free).await, 1, "{free}");
    }
    other.close().await;
}
