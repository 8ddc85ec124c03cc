//! Tells plugins what happened: takes lanes that have something due, calls the plugin, commits what it asked for together with the
//! acknowledgement (DESIGN §4). One at a time and in order within a lane, in parallel across.

use tokio::task::JoinSet;

use crate::{
    app::SharedApp,
    clock::Instant,
    error::{Error, Result},
    jobs::{crew, insist},
    plugin::Handled,
    store::{
        claims::{Claim, Next},
        events::{Actor, NewEvent},
    },
};

/// How long a lane is ours: longer than any call and its runs may take, in microseconds.
const LEASE: i64 = 120_000_000;
/// Lanes under way at once.
const AT_ONCE: usize = 32;
/// After that many failures an event or timer is a dead letter.
const ATTEMPTS: i64 = 8;
/// What is handled of a lane before it queues again behind the others.
const IN_A_ROW: usize = 32;
const FIRST_PAUSE: i64 = 1_000_000;
const LONGEST_PAUSE: i64 = 300_000_000;

/// Runs until the server stops; what is under way then is finished.
pub async fn run(app: SharedApp) {
    crew::run(&app, "the lanes", look).await;
}

/// Starts what is due; says when the next is.
async fn look(app: &SharedApp, under_way: &mut JoinSet<()>) -> Result<Option<Instant>> {
    let now = app.clock.now();
    let next = app.store.look_up().await?.next_lane_at().await?;
    let free = AT_ONCE.saturating_sub(under_way.len());
    if next.is_none_or(|at| at > now) {
        return Ok(next);
    }
    if free == 0 {
        // Whoever ends first makes room.
        return Ok(None);
    }
    let claims = claim(app, now, free).await?;
    let more = claims.len() == free;
    for claim in claims {
        let app = app.clone();
        under_way.spawn(async move { serve(&app, &claim).await });
    }
    Ok(more.then_some(now))
}

/// Takes at most `limit` lanes. What was claimed and lost to a power failure is claimed again, so that nobody waits for the disk; a plugin's first
/// request on the network does (`outgoing::Settled`): the event that it is told of keeps its id, and the requests their key.
async fn claim(app: &SharedApp, now: Instant, limit: usize) -> Result<Vec<Claim>> {
    let limit = i64::try_from(limit).unwrap_or(1);
    let mut tx = app.store.begin_repeatable().await?;
    let claims = tx.claim(now, LEASE, limit).await?;
    tx.commit().await?;
    Ok(claims)
}

/// A claim, and until when at most its holder has asked to have the lane.
#[derive(Clone, Copy)]
struct Held<'a> {
    claim: &'a Claim,
    until: Instant,
}

/// Handles what was claimed, and then what the lane has next, which comes with the commit of the one before.
async fn serve(app: &SharedApp, first: &Claim) {
    let mut next = None;
    for left in (0..IN_A_ROW).rev() {
        let claim = next.as_deref().unwrap_or(first);
        let keep = (left > 0).then(|| app.clock.now().saturating_add(LEASE));
        let held = Held {
            claim,
            until: keep.unwrap_or(claim.lane.lease_until),
        };
        next = match handle(app, held, keep).await {
            Ok(Some(claim)) => Some(claim),
            Ok(None) => break,
            Err(error) => return let_go(app, held, &error).await,
        };
    }
}

/// Puts back what could not be written, once the database takes it: the lane does not wait for its lease to end.
async fn let_go(app: &SharedApp, held: Held<'_>, why: &Error) {
    let lane = &held.claim.lane;
    tracing::error!(
        plugin = lane.plugin,
        lane = lane.lane,
        "a lane could not be served: {why}"
    );
    let put = insist(app, || {
        let next = Next::Again(app.clock.now());
        put_back(app, held, "it could not be written", next)
    });
    if let Err(error) = put.await {
        tracing::error!(
            plugin = lane.plugin,
            lane = lane.lane,
            "nor put back: {error}"
        );
    }
}

/// One event or timer; gives the lane's next, if it was kept.
async fn handle(
    app: &SharedApp,
    held: Held<'_>,
    keep: Option<Instant>,
) -> Result<Option<Box<Claim>>> {
    let claim = held.claim;
    let (message, next) = match app.apps.handle(claim, keep).await {
        Handled::Done { next } => return Ok(next),
        Handled::NotOurs => {
            recover(app, held).await?;
            return Ok(None);
        }
        Handled::Later { message } => {
            let now = app.clock.now();
            let pause = patience(now.saturating_sub(claim.work.since()));
            tracing::warn!(plugin = claim.lane.plugin, workspace = %claim.lane.workspace, pause, "begun anew later: {message}");
            (message, Next::Again(now.saturating_add(pause)))
        }
        Handled::Failed { message, retry } => {
            let next = after(retry, claim.work.attempts(), app.clock.now());
            (message, next)
        }
    };
    if next == Next::Never {
        tracing::warn!(plugin = claim.lane.plugin, workspace = %claim.lane.workspace, message, "given up: a dead letter");
    }
    put_back(app, held, &message, next).await?;
    Ok(None)
}

/// Nothing was kept of an attempt; where the lane is not ours any more, that is for another to say.
async fn put_back(app: &SharedApp, held: Held<'_>, message: &str, next: Next) -> Result<()> {
    let claim = held.claim;
    let mut tx = app.store.write(claim.lane.workspace).await?;
    match tx.fail(claim, message, next).await {
        Ok(()) => {
            if next == Next::Never {
                let event = NewEvent::new("plugin.failures-changed")
                    .subject("plugin", &claim.lane.plugin)
                    .by(&Actor::system());
                tx.append(app.scope(claim.lane.workspace), vec![event])
                    .await?;
            }
            tx.commit().await?
        }
        Err(Error::Conflict(_)) => {
            tx.rollback().await?;
            recover(app, held).await?;
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Where the database has the lane under another number, but for no longer than we asked, it has lost a commit of ours, or we its answer: whoever takes it
/// after us asks for longer. What is left there is told again, and the number of the commit that counts says what was done.
async fn recover(app: &SharedApp, held: Held<'_>) -> Result<()> {
    let lane = &held.claim.lane;
    let mut tx = app.store.write(lane.workspace).await?;
    tx.recover(lane, held.until).await?;
    tx.commit().await
}

/// What is next after a failure that may be tried again in `retry` seconds, or not at all, and `attempts` before it.
fn after(retry: Option<u32>, attempts: i64, now: Instant) -> Next {
    match retry {
        Some(seconds) if attempts + 1 < ATTEMPTS => {
            let pause = pause(attempts).max(i64::from(seconds) * 1_000_000);
            Next::Retry(now.saturating_add(pause))
        }
        _ => Next::Never,
    }
}

/// How long to wait for what is nobody's failure: a quarter of how long it has waited already, so that it costs less the longer it lasts.
fn patience(waited: i64) -> i64 {
    (waited / 4).clamp(FIRST_PAUSE, LONGEST_PAUSE)
}

/// How long to wait before the next attempt, after so many.
fn pause(attempts: i64) -> i64 {
    let doublings = u32::try_from(attempts.clamp(0, 16)).unwrap_or(0);
    FIRST_PAUSE
        .saturating_mul(1 << doublings)
        .min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn a_failure_waits_longer_each_time_and_at_last_is_a_dead_letter() {
        let waits: Vec<Next> = (0..8).map(|before| after(Some(0), before, 0)).collect();
        let mut expected: Vec<Next> = [1, 2, 4, 8, 16, 32, 64]
            .map(|seconds| Next::Retry(seconds * SECOND))
            .into();
        expected.push(Next::Never);
        assert_eq!(waits, expected);
        assert_eq!(after(Some(90), 0, 0), Next::Retry(90 * SECOND));
        assert_eq!(after(Some(600), 6, 0), Next::Retry(600 * SECOND));
        assert_eq!(after(None, 0, 0), Next::Never);
    }

    #[test]
    fn what_meets_a_conflict_again_and_again_is_tried_less_and_less_often() {
        let waited = [0, 4, 60, 3_600, 86_400].map(|seconds| seconds * SECOND);
        assert_eq!(
            waited.map(patience),
            [1, 1, 15, 300, 300].map(|seconds| seconds * SECOND)
        );
    }
}
