//! Takes over from servers that died: what they held is let go of as soon as their sign of life is gone (`store::holders`). Keeps this
//! server's own sign of life as long as it runs.

use std::time::Duration;

use tokio::time::{self, MissedTickBehavior};

use crate::{app::SharedApp, store::holders::Alive};

/// How soon the death of another server is noticed.
const LOOK: Duration = Duration::from_secs(1);

/// Runs until the server stops.
pub async fn run(app: SharedApp, mut alive: Alive) {
    let mut stop = app.stopping();
    if !alive.is_one_of_many() {
        return stop.stopped().await;
    }
    let mut look = time::interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.stopped() => return,
            _ = look.tick() => match alive.let_go_of_the_dead(&app.store).await {
                Ok(0) => {}
                Ok(released) => tracing::warn!(released, "another server is gone: what it held is taken over"),
                Err(error) => tracing::error!("servers that are gone could not be looked for: {error}"),
            },
        }
    }
}
