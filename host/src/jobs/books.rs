//! Balances the books of plugins' calls (`plugin::books`) once a second and tidies them once a minute, apart from all calls.

use std::time::Duration;

use tokio::time::{self, MissedTickBehavior};

use crate::app::SharedApp;

/// Between two balances.
const EVERY: Duration = Duration::from_secs(1);
/// Balances between two tidyings.
const TIDY: u32 = 60;

/// Runs until the server stops, and once more then.
pub async fn run(app: SharedApp) {
    let mut stop = app.stopping();
    let mut tick = time::interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut count = 0_u32;
    loop {
        let stopped = tokio::select! {
            () = stop.stopped() => true,
            _ = tick.tick() => false,
        };
        if let Err(error) = app.apps.keep_books().await {
            tracing::error!("what plugins have used could not be written: {error}");
        }
        if stopped {
            return;
        }
        if count.is_multiple_of(TIDY)
            && let Err(error) = app.apps.tidy_books().await
        {
            tracing::error!("old books of plugins could not be tidied: {error}");
        }
        count = count.wrapping_add(1);
    }
}
