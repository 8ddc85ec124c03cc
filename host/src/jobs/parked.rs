//! Gives parked webhooks to their plugin once more, one at a time: at the time that the plugin named, or once the app was enabled or its channel
//! changed. What fails for good, and nothing changes about, waits for a person.

use super::Wake;
use crate::{
    app::SharedApp,
    clock::Instant,
    error::{Error, Result},
    hooks,
};

/// How long one try may take, in microseconds. Whoever has not ended it by then is taken for dead, and it is tried again.
const LEASE: i64 = 60_000_000;
/// When one for which there was no room is tried again, in microseconds.
const ROOM: i64 = 1_000_000;

/// Runs until the server stops.
pub async fn run(app: SharedApp) {
    let mut wake = Wake::new(&app);
    loop {
        let due = match look(&app).await {
            Ok(due) => due,
            Err(error) => {
                tracing::error!("parked webhooks could not be tried again: {error}");
                None
            }
        };
        if !wake.wait(app.clock.now(), due).await {
            return;
        }
    }
}

/// Tries one where one is due; says when the next is.
async fn look(app: &SharedApp) -> Result<Option<Instant>> {
    let now = app.clock.now();
    let due = app.store.read().await?.next_parked_at().await?;
    if due.is_none_or(|due| due > now) {
        return Ok(due);
    }
    let mut tx = app.store.begin().await?;
    let claimed = tx.claim_parked(now, now + LEASE).await?;
    tx.commit().await?;
    let Some(parked) = claimed else {
        return Ok(Some(now));
    };
    let (workspace, id) = (parked.workspace_id, parked.channel_id);
    let channel = app.store.read().await?.channel(workspace, id).await?;
    let Some(channel) = channel else {
        return Ok(Some(now));
    };
    match hooks::replay(app, &channel, parked.id).await {
        Ok(()) => tracing::info!(%workspace, channel = %id, "a parked webhook was taken in"),
        // It says itself when it may be tried again; or somebody has dealt with it.
        Err(Error::State(_) | Error::NotFound(_)) => {}
        // Too much was under way to begin: as soon as there may be room.
        Err(error) if error.may_pass() => {
            tracing::info!(%workspace, channel = %id, "a parked webhook has to wait: {error}");
            let again = app.clock.now().saturating_add(ROOM);
            let mut tx = app.store.begin().await?;
            tx.put_parked_off(workspace, id, parked.id, again).await?;
            tx.commit().await?;
        }
        Err(error) => return Err(error),
    }
    Ok(Some(now))
}
