//! The loop of whatever starts work as it becomes due and has several pieces under way at once.

use tokio::task::JoinSet;

use super::Wake;
use crate::{app::SharedApp, clock::Instant, error::Result};

/// Runs until the server stops; what is under way then is finished. `look` starts what is due and says when the next is; `what` cannot be
/// read where it fails.
pub(crate) async fn run(
    app: &SharedApp,
    what: &str,
    mut look: impl AsyncFnMut(&SharedApp, &mut JoinSet<()>) -> Result<Option<Instant>>,
) {
    let mut wake = Wake::new(app);
    let mut under_way = JoinSet::new();
    loop {
        while under_way.try_join_next().is_some() {}
        let due = match look(app, &mut under_way).await {
            Ok(due) => due,
            Err(error) => {
                tracing::error!("{what} could not be read: {error}");
                None
            }
        };
        tokio::select! {
            goes_on = wake.wait(app.clock.now(), due) => if !goes_on {
                break;
            },
            // There may be more where that was, and its place is free.
            Some(_) = under_way.join_next() => {}
        }
    }
    while under_way.join_next().await.is_some() {}
}
