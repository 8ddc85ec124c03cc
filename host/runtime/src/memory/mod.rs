//! One workspace in memory, with a clock that stands still until it is moved: what `balcao plugin call`, scenarios and tests run plugins
//! against, in place of the server's store. It decides by the same `rules`; it keeps nothing and knows no network.
//!
//! | module | owns |
//! |---|---|
//! | `state` | what there is, and how it is given |
//! | `services` | reading it from within a call |
//! | `collections` | queries and sums over rows |
//! | `commit` | the read set's check, a call's effects, events and their deliveries |
//! | `inbox` | what a connector handed over |
//! | `run` | one call until it is committed: conflicts, crashes |
//! | `chance` | seeded randomness and readable ids |

mod chance;
mod collections;
mod commit;
mod inbox;
mod run;
mod services;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use chance::Seeded;
pub(crate) use chance::short as short_id;
pub use commit::{Cause, Commit, CommitError, MAX_HOPS};
pub use run::{Crash, Interference, Performed, Subject, perform};
pub use services::View;
pub use state::{
    Channel, Contact, Conversation, Delivery, Event, File, Given, Installed, Kept, Member, Message,
    Row, Span, State, Team, Timer, User, instant_of, value_instant,
};

use crate::{
    context::Chance,
    services::Services,
    wit::{Instant, events},
};

/// A workspace. Clones are the same one.
#[derive(Clone)]
pub struct World {
    state: Arc<Mutex<State>>,
    chance: Arc<Seeded>,
}

impl World {
    /// # Errors
    /// What in `given` names something that is not there.
    pub fn new(given: Given, seed: u64) -> Result<Self, String> {
        let state = State::from_given(given)?;
        let chance = Arc::new(Seeded::new(seed));
        chance.skip(state.ids());
        Ok(Self {
            state: Arc::new(Mutex::new(state)),
            chance,
        })
    }

    /// Randomness and ids of calls in this world.
    pub fn chance(&self) -> Arc<dyn Chance> {
        Arc::clone(&self.chance) as Arc<dyn Chance>
    }

    /// What a call of the plugin reads, about the channel if there is one.
    pub fn services(&self, plugin: &str, channel: Option<&str>) -> Arc<dyn Services> {
        Arc::new(View::new(self.clone(), plugin, channel))
    }

    /// Everything as it is now.
    pub fn snapshot(&self) -> State {
        self.lock().clone()
    }

    pub fn now(&self) -> Instant {
        self.lock().now
    }

    /// Moves the clock; it never goes back.
    pub fn set_now(&self, now: Instant) {
        let mut state = self.lock();
        state.now = state.now.max(now);
    }

    /// Somebody else's change, all at once or not at all.
    ///
    /// # Errors
    /// What `change` refuses; then nothing has happened.
    pub fn change<T, E>(
        &self,
        change: impl FnOnce(&mut State, &Seeded) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut state = self.lock();
        let mut next = state.clone();
        let done = change(&mut next, &self.chance)?;
        *state = next;
        Ok(done)
    }

    /// The oldest delivery that waits for the plugin, as its export gets it.
    pub fn next_delivery(&self, plugin: &str) -> Option<(Delivery, events::Event)> {
        let state = self.lock();
        let delivery = state.deliveries.iter().find(|it| it.plugin == plugin)?;
        let event = state.events.iter().find(|it| it.seq == delivery.seq)?;
        Some((delivery.clone(), event.shown()))
    }

    /// The next timer that is due at `until` at the latest.
    pub fn next_timer(&self, plugin: &str, until: Instant) -> Option<(String, Timer)> {
        let state = self.lock();
        let due = state
            .timers
            .iter()
            .filter(|((owner, _), timer)| owner == plugin && timer.at <= until)
            .min_by_key(|((_, name), timer)| (timer.at, name.clone()));
        due.map(|((_, name), timer)| (name.clone(), timer.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
