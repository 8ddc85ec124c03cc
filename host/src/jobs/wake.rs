//! When a loop looks at the store again. Owns waiting, and nothing else.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::broadcast::{self, error::RecvError},
    time,
};

use crate::{
    app::{App, Stop},
    clock::Instant,
    store::events::Event,
};

/// The longest sleep: work of another node is found after it at the latest.
const LONGEST: Duration = Duration::from_secs(1);

/// Waits for commits, for what is due, and for the end.
pub struct Wake {
    committed: broadcast::Receiver<Arc<[Event]>>,
    stop: Stop,
}

impl Wake {
    pub fn new(app: &App) -> Self {
        Self {
            committed: app.store.subscribe(),
            stop: app.stopping(),
        }
    }

    /// Returns when something was committed or `due` has come; false when the server stops.
    pub async fn wait(&mut self, now: Instant, due: Option<Instant>) -> bool {
        let until = due.map_or(LONGEST, |due| {
            let micros = due.saturating_sub(now).max(0).cast_unsigned();
            Duration::from_micros(micros).min(LONGEST)
        });
        tokio::select! {
            () = self.stop.stopped() => false,
            () = time::sleep(until) => true,
            news = self.committed.recv() => match news {
                Ok(_) => self.drain(),
                Err(RecvError::Lagged(_)) => true,
                Err(RecvError::Closed) => false,
            },
        }
    }

    /// One look serves all commits so far.
    fn drain(&mut self) -> bool {
        while self.committed.try_recv().is_ok() {}
        true
    }
}
