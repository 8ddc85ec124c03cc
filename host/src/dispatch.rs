//! Tells plugins what happened: takes lanes that have something due, calls the plugin, commits what it asked for together with the
//! acknowledgement (DESIGN §4). One at a time and in order within a lane, in parallel across.

use tokio::task::JoinSet;

use crate::{
    app::SharedApp,
    clock::Instant,
    error::{Error, Result},
    jobs::Wake,
    plugin::Handled,
    store::claims::Claim,
};

/// How long a lane is ours: longer than any call and its runs may take, in microseconds.
const LEASE: i64 = 120_000_000;
/// Lanes under way at once.
const AT_ONCE: usize = 32;
/// After that many failures an event or timer is a dead letter.
const ATTEMPTS: i64 = 8;
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
        if !wake.wait(app.clock.now(), due).await {
            break;
        }
    }
    while under_way.join_next().await.is_some() {}
}

/// Starts what is due; says when the next is.
async fn look(app: &SharedApp, under_way: &mut JoinSet<()>) -> Result<Option<Instant>> {
    let now = app.clock.now();
    let next = app.store.read().await?.next_lane_at().await?;
    let free = AT_ONCE.saturating_sub(under_way.len());
    if next.is_none_or(|at| at > now) || free == 0 {
        return Ok(next);
    }
    let mut tx = app.store.begin().await?;
    let claims = tx
        .claim(now, LEASE, i64::try_from(free).unwrap_or(1))
        .await?;
    tx.commit().await?;
    let more = claims.len() == free;
    for claim in claims {
        let app = app.clone();
        under_way.spawn(async move {
            if let Err(error) = handle(&app, &claim).await {
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

async fn handle(app: &SharedApp, claim: &Claim) -> Result<()> {
    let (error, retry) = match app.apps.handle(claim).await {
        Handled::Done => return Ok(()),
        Handled::NotOurs => return Ok(()),
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
        Ok(()) => tx.commit().await,
        Err(Error::Conflict(_)) => tx.rollback().await,
        Err(error) => Err(error),
    }
}

/// How long to wait before the next attempt, after so many.
fn pause(attempts: i64) -> i64 {
    let doublings = u32::try_from(attempts.clamp(0, 16)).unwrap_or(0);
    FIRST_PAUSE
        .saturating_mul(1 << doublings)
        .min(LONGEST_PAUSE)
}
