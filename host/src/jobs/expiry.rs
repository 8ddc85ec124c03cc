//! Ends holds and offers that are over, by the core itself: no plugin, broken or slow, can make a customer invisible (FEATURES C10).

use std::time::Duration;

use tokio::time;

use crate::{app::SharedApp, error::Result, store::routing::EXPIRED_AT_ONCE};

/// How long after its deadline an offer is left to the plugin that made it, in microseconds.
const GRACE: i64 = 5_000_000;
/// How late an end may be noticed. Not at every commit: nothing that is committed is over already.
const LOOK: Duration = Duration::from_millis(500);

/// Runs until the server stops.
pub async fn run(app: SharedApp) {
    let mut stop = app.stopping();
    loop {
        if let Err(error) = look(&app).await {
            tracing::error!("offers that are over could not be ended: {error}");
        }
        tokio::select! {
            () = stop.stopped() => return,
            () = time::sleep(LOOK) => {}
        }
    }
}

async fn look(app: &SharedApp) -> Result<()> {
    let now = app.clock.now();
    let workspaces = app
        .store
        .read()
        .await?
        .workspaces_with_expired(now, GRACE)
        .await?;
    for workspace in workspaces {
        let mut ended = 0;
        loop {
            let mut tx = app.store.write(workspace).await?;
            let some = tx.expire(app.scope(workspace), GRACE).await?;
            tx.commit().await?;
            ended += some;
            if some < EXPIRED_AT_ONCE {
                break;
            }
        }
        tracing::info!(%workspace, ended, "holds and offers that were over");
    }
    Ok(())
}
