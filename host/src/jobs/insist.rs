//! Writing what is known while the database is away for a moment: what was claimed for it would else wait until its lease ends.

use std::time::Duration;

use crate::{app::App, error::Result};

/// How often it is tried, which takes two minutes in all.
const TRIES: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Does it until it is done, after longer and longer, or until the server stops; gives what the last try came to.
pub(crate) async fn insist<T, Deed: Future<Output = Result<T>>>(
    app: &App,
    mut deed: impl FnMut() -> Deed,
) -> Result<T> {
    let mut stop = app.stopping();
    let mut pause = FIRST_PAUSE;
    for _ in 1..TRIES {
        let done = deed().await;
        if done.is_ok() {
            return done;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => pause *= 2,
            () = stop.stopped() => return done,
        }
    }
    deed().await
}
