//! Writing what is known while the database is away for a moment: what was claimed for it would else wait until its lease ends.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    app::App,
    error::{Error, Result},
};

/// After so long nothing is tried any more; the last try may take a while longer, and ends before any lease.
const LONG_ENOUGH: Duration = Duration::from_secs(120);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// Does it until it is done or will never be, or the server stops; gives what the last try came to.
pub(crate) async fn insist<T, Deed: Future<Output = Result<T>>>(
    app: &App,
    mut deed: impl FnMut() -> Deed,
) -> Result<T> {
    let (begin, mut stop) = (Instant::now(), app.stopping());
    let mut pause = FIRST_PAUSE;
    loop {
        let done = deed().await;
        if !matches!(done, Err(Error::Internal(_) | Error::Unavailable(_)))
            || begin.elapsed() >= LONG_ENOUGH
        {
            return done;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            () = stop.stopped() => return done,
        }
    }
}
