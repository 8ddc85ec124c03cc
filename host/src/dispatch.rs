//! Tells plugins what happened: takes lanes that have something due, calls the plugin, commits what it asked for together with the
//! acknowledgement (DESIGN §4). One at a time and in order within a lane, in parallel across.

use tokio::task::JoinSet;

use crate::{
    app::SharedApp,
    clock::Instant,
    error::{Error, Result},
    jobs::Wake,
    plugin::Handled,
    store::{
        claims::Claim,
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
    let mut wake = Wake::new(&app);
    let mut under_way = JoinSet::new();
    loop {
        while under_way.try_join_next().is_some() {}
        let due = match look(&app, &mut under_way).await {
            Ok(due) => due,
            Err(error) => {
                tracing::error!("the lanes could not be read: {error}");
                None
            }
        };
        tokio::select! {
            goes_on = wake.wait(app.clock.now(), due) => if !goes_on {
                break;
            },
            // Its lane may have more, and its place is free.
            Some(_) = under_way.join_next() => {}
        }
    }
    while under_way.join_next().await.is_some() {}
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
        under_way.spawn(async move {
            if let Err(error) = serve(&app, &claim).await {
                // The lease ends, and the lane is taken again.
                tracing::error!(
                    plugin = claim.lane.plugin,
                    lane = claim.lane.lane,
                    "a lane could not be served: {error}"
                );
            }
        });
    }
    Ok(more.then_some(now))
}

/// Takes at most `limit` lanes. What was claimed and lost to a power failure is claimed again, so that nobody waits for the disk; but a plugin that
/// asks others over the network begins only once everything before is durable: the event that it is told of keeps its id, and the
/// requests their key.
async fn claim(app: &SharedApp, now: Instant, limit: usize) -> Result<Vec<Claim>> {
    let limit = i64::try_from(limit).unwrap_or(1);
    let mut tx = app.store.begin_repeatable().await?;
    let claims = tx.claim(now, LEASE, limit).await?;
    tx.commit().await?;
    let outward: Vec<&Claim> = claims.iter().filter(|it| asks_others(app, it)).collect();
    if !outward.is_empty() {
        let mut tx = app.store.begin().await?;
        for claim in outward {
            tx.renew(&claim.lane, now.saturating_add(LEASE)).await?;
        }
        tx.commit().await?;
    }
    Ok(claims)
}

/// Whether the plugin may send requests on the network.
fn asks_others(app: &SharedApp, claim: &Claim) -> bool {
    let package = app.apps.package(&claim.lane.plugin);
    package.is_some_and(|package| !package.manifest().http.hosts.is_empty())
}

/// Handles what was claimed, and then what the lane has next, which comes with the commit of the one before.
async fn serve(app: &SharedApp, first: &Claim) -> Result<()> {
    let mut next = None;
    for left in (0..IN_A_ROW).rev() {
        let claim = next.as_deref().unwrap_or(first);
        let keep =
            (left > 0 && !asks_others(app, claim)).then(|| app.clock.now().saturating_add(LEASE));
        next = match handle(app, claim, keep).await? {
            Some(claim) => Some(claim),
            None => break,
        };
    }
    Ok(())
}

/// One event or timer; gives the lane's next, if it was kept.
async fn handle(
    app: &SharedApp,
    claim: &Claim,
    keep: Option<Instant>,
) -> Result<Option<Box<Claim>>> {
    let (error, retry) = match app.apps.handle(claim, keep).await {
        Handled::Done { next } => return Ok(next),
        Handled::NotOurs => return Ok(None),
        Handled::Failed { message, retry } => (message, retry),
    };
    let attempts = claim.work.attempts();
    let again = retry.filter(|_| attempts + 1 < ATTEMPTS).map(|seconds| {
        let pause = pause(attempts).max(i64::from(seconds) * 1_000_000);
        app.clock.now().saturating_add(pause)
    });
    if again.is_none() {
        tracing::warn!(plugin = claim.lane.plugin, workspace = %claim.lane.workspace, error, "given up: a dead letter");
    }
    let mut tx = app.store.write(claim.lane.workspace).await?;
    match tx.fail(claim, &error, again).await {
        Ok(()) => {
            if again.is_none() {
                let event = NewEvent::new("plugin.failures-changed")
                    .subject("plugin", &claim.lane.plugin)
                    .by(&Actor::system());
                tx.append(app.scope(claim.lane.workspace), vec![event])
                    .await?;
            }
            tx.commit().await?
        }
        Err(Error::Conflict(_)) => tx.rollback().await?,
        Err(error) => return Err(error),
    }
    Ok(None)
}

/// How long to wait before the next attempt, after so many.
fn pause(attempts: i64) -> i64 {
    let doublings = u32::try_from(attempts.clamp(0, 16)).unwrap_or(0);
    FIRST_PAUSE
        .saturating_mul(1 << doublings)
        .min(LONGEST_PAUSE)
}
