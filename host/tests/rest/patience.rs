//! An event whose call meets conflicts again and again, through the real dispatch.

use std::time::Duration;

use balcao::{
    clock::Instant,
    id::WorkspaceId,
    store::{
        effects::{CallCommit, Cause},
        storage::Indexes,
    },
};
use balcao_runtime::{
    effect::{Effect, Storage},
    services::ReadSet,
};
use reqwest::StatusCode;
use serde_json::json;

use crate::common::{
    desk::Desk,
    hesitant::{HESITANT, Stage},
    until_so,
};

on_both! {
    what_meets_conflicts_waits_a_quarter_of_its_age_each_time_uncounted_and_is_done_once_at_last,
    a_lane_whose_last_commit_the_database_lost_is_served_again_before_its_lease_ends,
}

const SECOND: i64 = 1_000_000;
/// As often as the server runs a call before it lets it wait.
const RUNS: usize = 3;

async fn what_meets_conflicts_waits_a_quarter_of_its_age_each_time_uncounted_and_is_done_once_at_last(
    stage: Stage,
) {
    let desk = Desk::set(&stage.server).await;
    stage.enable(&desk.admin).await;
    let since = stage.server.app.clock.now();
    let id = desk.hears("5511900000001", "Olá").await;
    let mut made_by_others = 0;
    for (age, pause) in [(0, 1), (60, 15), (3_600, 300)] {
        pass_until(&stage, since + age * SECOND);
        for _ in 0..RUNS {
            let asked = stage.asked().await;
            assert_eq!(asked.path, format!("/offer/{made_by_others}"));
            made_by_others += 1;
            count_offers(&stage, desk.workspace, made_by_others).await;
            asked.answer(200).await;
        }
        let due = since + (age + pause) * SECOND;
        until_so("the event waits", async || stage.due().await == Some(due)).await;
        assert_eq!(begun_at(&stage, due - 1).await, []);
        assert_eq!(begun_at(&stage, due).await, [(since, 0)]);
    }
    pass_until(&stage, since + 3_900 * SECOND);
    stage.lets(&format!("/offer/{made_by_others}")).await;
    until_so("Ana alone sees it", async || {
        let [ana, bia] = [&desk.ana, &desk.bia].map(|it| desk.folder(it, "queued"));
        ana.await == [id.as_str()] && bia.await.is_empty()
    })
    .await;
    let offers = stage.kept(desk.workspace, "offers").await;
    assert_eq!(offers, Some((made_by_others + 1).to_string()));
    assert_eq!(stage.due().await, None);
    let mut tx = stage.server.app.store.read().await.unwrap();
    let all = tx.events_after(desk.workspace, 0, 1_000).await.unwrap();
    drop(tx);
    let offered = all.iter().filter(|it| it.kind == "conversation.offered");
    assert_eq!(offered.count(), 1);
    let failures = format!("/plugins/{HESITANT}/failures");
    let failures = desk.admin.get(&failures).await.expect(StatusCode::OK);
    assert_eq!(failures["items"], json!([]));
    stage.end().await;
}

/// On PostgreSQL, which can be away for a moment: neither what came of the event nor that it failed can be written. The clock stands still, and no lease ends.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_did_not_take_is_told_again_before_its_lease_ends() {
    let test = "what_the_database_did_not_take_is_told_again_before_its_lease_ends";
    let Some(stage) = Stage::on_postgres(test).await else {
        return;
    };
    let desk = Desk::set(&stage.server).await;
    stage.enable(&desk.admin).await;
    let at = stage.server.app.clock.now();
    stage
        .server
        .refuses("UPDATE OR DELETE ON deliveries", 2)
        .await;
    let id = desk.hears("5511900000001", "Olá").await;
    stage.lets("/offer/0").await;
    stage.lets("/offer/0").await;
    is_offered_once(&stage, &desk, &id).await;
    assert_eq!(stage.server.app.clock.now(), at);
    stage.end().await;
}

/// The database came back from a crash as it was a commit earlier, and the process that holds the lane lives.
async fn a_lane_whose_last_commit_the_database_lost_is_served_again_before_its_lease_ends(
    stage: Stage,
) {
    let desk = Desk::set(&stage.server).await;
    stage.enable(&desk.admin).await;
    let at = stage.server.app.clock.now();
    let id = desk.hears("5511900000001", "Olá").await;
    let asked = stage.asked().await;
    assert_eq!(asked.path, "/offer/0");
    let lost = "UPDATE lanes SET lease = lease - 1";
    stage.server.beside(lost).await;
    asked.answer(200).await;
    stage.lets("/offer/0").await;
    is_offered_once(&stage, &desk, &id).await;
    assert_eq!(stage.server.app.clock.now(), at);
    stage.end().await;
}

async fn is_offered_once(stage: &Stage, desk: &Desk, id: &str) {
    until_so("Ana alone sees it", async || {
        let [ana, bia] = [&desk.ana, &desk.bia].map(|it| desk.folder(it, "queued"));
        ana.await == [id] && bia.await.is_empty()
    })
    .await;
    let offers = stage.kept(desk.workspace, "offers").await;
    assert_eq!(offers.as_deref(), Some("1"));
    assert_eq!(stage.due().await, None);
}

fn pass_until(stage: &Stage, at: Instant) {
    let clock = &stage.server.app.clock;
    let micros = u64::try_from(at - clock.now()).expect("time goes on");
    clock.advance(Duration::from_micros(micros));
}

/// Another call of the app has counted up to there meanwhile.
async fn count_offers(stage: &Stage, workspace: WorkspaceId, count: i64) {
    let app = &stage.server.app;
    let set = Effect::Storage(Storage::Set {
        key: "offers".into(),
        value: count.to_string(),
        ttl: None,
        about: None,
    });
    let call = CallCommit {
        plugin: HESITANT,
        channel: None,
        cause: Cause::Host,
        reads: &ReadSet::default(),
        effects: &[set],
        indexes: &Indexes::default(),
        quotas: &Default::default(),
    };
    let mut tx = app.store.write(workspace).await.unwrap();
    tx.commit_call(app.scope(workspace), &call).await.unwrap();
    tx.commit().await.unwrap();
}

/// Since when what would be begun at that time has waited, and how many attempts at it count.
async fn begun_at(stage: &Stage, at: Instant) -> Vec<(Instant, i64)> {
    let mut tx = stage.server.app.store.begin().await.unwrap();
    let claims = tx.claim(at, SECOND, 10).await.unwrap();
    tx.rollback().await.unwrap();
    claims
        .iter()
        .map(|it| (it.work.since(), it.work.attempts()))
        .collect()
}
