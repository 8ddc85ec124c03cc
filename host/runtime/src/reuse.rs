//! Instances that are kept between calls, for plugins whose language runtime takes long to start (DESIGN §5). Off unless the manifest asks
//! for it. An instance serves one workspace under one version of plugin, channel and settings, one call at a time; only a call that ended
//! ok and was committed hands it on: after a trap, an error, a deadline or a conflict it is dropped.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::{Store, component::Instance};

use crate::{context::CallContext, state::CallState};

/// Instances of one plugin that wait for a call; they take slots of the engine.
const WAITING: usize = 16;
/// How long one waits before it is dropped.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Whose calls an instance may serve. The plugin's version is the one that keeps it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Key {
    workspace: String,
    channel: Option<String>,
    settings: Arc<str>,
    revision: i64,
}

impl Key {
    pub fn of(context: &CallContext) -> Self {
        Self {
            workspace: context.workspace.clone(),
            channel: context.channel.clone(),
            settings: Arc::clone(&context.settings),
            revision: context.revision,
        }
    }
}

/// An instance with everything that belongs to it.
pub(crate) struct Live {
    pub store: Store<CallState>,
    pub instance: Instance,
}

/// The instances of one plugin that wait for a call.
pub(crate) struct Kept {
    waiting: Mutex<Vec<Waiting>>,
    /// The engine's bound on all that wait, so that calls always find a free slot.
    slots: Arc<Semaphore>,
}

struct Waiting {
    key: Key,
    since: Instant,
    live: Live,
    _slot: OwnedSemaphorePermit,
}

impl Kept {
    pub fn new(slots: Arc<Semaphore>) -> Self {
        Self {
            waiting: Mutex::default(),
            slots,
        }
    }

    /// The one that was used last, if there is one for this key.
    pub fn take(&self, key: &Key) -> Option<Live> {
        let mut waiting = self.lock();
        let at = waiting.iter().rposition(|it| it.key == *key)?;
        let taken = waiting.remove(at);
        (taken.since.elapsed() < LONGEST_WAIT).then_some(taken.live)
    }

    pub fn forget(&self, workspace: &str) {
        self.lock().retain(|it| it.key.workspace != workspace);
    }

    fn put(&self, key: Key, live: Live) {
        let mut waiting = self.lock();
        waiting.retain(|it| it.since.elapsed() < LONGEST_WAIT);
        if waiting.len() >= WAITING {
            waiting.remove(0);
        }
        if let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() {
            waiting.push(Waiting {
                key,
                since: Instant::now(),
                live,
                _slot: slot,
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The instance of a call that ended ok. Whoever commits the call keeps it; dropped, it is gone.
pub struct Reusable {
    pub(crate) kept: Arc<Kept>,
    pub(crate) key: Key,
    pub(crate) live: Live,
}

impl Reusable {
    /// The next call may have it.
    pub fn keep(self) {
        self.kept.put(self.key, self.live);
    }
}

impl fmt::Debug for Reusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reusable")
    }
}
