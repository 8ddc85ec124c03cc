//! Forgets what is kept for a time only: events behind the retention, pending states that are over, answers kept for repetitions,
//! sessions, what visitors were shown, what was uploaded and not sent, and the bytes of files that are no more. Looks now and then; a pass is cut into small transactions, so that nobody waits for it.

use std::time::Duration;

use tokio::time::{self, MissedTickBehavior};

use crate::{
    app::SharedApp, clock::Instant, error::Result, id::WorkspaceId, keeping, realtime::visitors,
};

/// How often it looks.
const EVERY: Duration = Duration::from_secs(60);
/// Events forgotten in one transaction.
const AT_ONCE: i64 = 2_000;
const DAY: i64 = 24 * 3600 * 1_000_000;

/// Runs until the server stops.
pub async fn run(app: SharedApp) {
    let mut stop = app.stopping();
    let mut tick = time::interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.stopped() => return,
            _ = tick.tick() => {}
        }
        tokio::select! {
            // The rest goes after the next start.
            () = stop.stopped() => return,
            looked = look(&app) => if let Err(error) = looked {
                tracing::error!("what is over could not be forgotten: {error}");
            },
        }
    }
}

/// One pass.
pub async fn look(app: &SharedApp) -> Result<()> {
    let now = app.clock.now();
    let mut tx = app.store.begin().await?;
    tx.purge_pending(now).await?;
    tx.purge_answers(now).await?;
    tx.delete_expired_sessions(now).await?;
    tx.purge_pushed(now - visitors::FRESH).await?;
    tx.purge_uploads(now - DAY).await?;
    tx.purge_visitor_tokens(now - crate::visitors::GOOD).await?;
    for (state, days) in [("offered", 1), ("uploaded", 7)] {
        tx.forget_unsent_files(state, now - days * DAY, now, AT_ONCE)
            .await?;
    }
    tx.commit().await?;
    if let Err(error) = keeping::remove_loose(app).await {
        tracing::warn!("files that nobody has any more could not be removed: {error}");
    }
    let days = i64::from(app.config.limits.event_days.get());
    let before = now - days * DAY;
    let mut tx = app.store.read().await?;
    let workspaces = tx.workspaces_with_old_events(before).await?;
    drop(tx);
    for workspace in workspaces {
        events(app, workspace, before).await?;
    }
    Ok(())
}

async fn events(app: &SharedApp, workspace: WorkspaceId, before: Instant) -> Result<()> {
    loop {
        let mut tx = app.store.write(workspace).await?;
        let more = tx.purge_events(workspace, before, AT_ONCE).await?;
        tx.commit().await?;
        if !more {
            return Ok(());
        }
    }
}
