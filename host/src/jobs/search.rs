//! Takes what happened into the search index, a moment after it happened; and makes the index anew.

use std::time::Duration;

use tokio::time;

use crate::{app::SharedApp, error::Result, id::WorkspaceId, store::Store};

use super::Wake;

/// Events or stored things taken in by one transaction.
const AT_ONCE: i64 = 24;
/// Between two of them it rests so many times as long as the one took: messages that come in need the database more.
const RESTS: u32 = 9;
/// How long it rests between looks, so that many commits share one.
const REST: Duration = Duration::from_millis(400);

/// Runs until the server stops.
pub async fn run(app: SharedApp) {
    let mut wake = Wake::new(&app);
    let mut stop = app.stopping();
    loop {
        tokio::select! {
            // What is left is taken in after the next start.
            () = stop.stopped() => return,
            looked = look(&app.store) => if let Err(error) = looked {
                tracing::error!("the search index could not be brought up to date: {error}");
            },
        }
        tokio::select! {
            () = stop.stopped() => return,
            () = time::sleep(REST) => {}
        }
        if !wake.wait(app.clock.now(), None).await {
            return;
        }
    }
}

/// Takes in everything that happened so far.
pub async fn look(store: &Store) -> Result<()> {
    let workspaces = store.read().await?.workspaces_to_index().await?;
    for workspace in workspaces {
        loop {
            let began = time::Instant::now();
            if !step(store, workspace).await? {
                break;
            }
            time::sleep(began.elapsed() * RESTS).await;
        }
    }
    Ok(())
}

async fn step(store: &Store, workspace: WorkspaceId) -> Result<bool> {
    let mut tx = store.begin().await?;
    let more = tx.index_events(workspace, AT_ONCE).await?;
    tx.commit().await?;
    Ok(more)
}

/// Makes the index of a workspace anew from what is stored. While it runs less is found; what happens meanwhile is taken in as usual.
pub async fn rebuild(store: &Store, workspace: WorkspaceId) -> Result<()> {
    let mut tx = store.begin().await?;
    tx.clear_index(workspace).await?;
    tx.commit().await?;
    let mut after = Default::default();
    loop {
        let mut tx = store.begin().await?;
        let next = tx.index_stored(workspace, &after, AT_ONCE).await?;
        tx.commit().await?;
        match next {
            Some(next) => after = next,
            None => return Ok(()),
        }
    }
}
