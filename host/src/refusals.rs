//! Webhooks that could not be verified, by channel: what an administrator looks at where nothing comes in. Anybody can send such, so that they say
//! nothing of the channel's health. Of this process alone, and since the channel was changed last.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{clock::Instant, id::ChannelId};

/// How many, and when the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    pub count: u64,
    pub last_at: Instant,
}

/// Of channels that are there: no more than these are ever noted.
#[derive(Default)]
pub struct Refusals(Mutex<HashMap<ChannelId, Refused>>);

impl Refusals {
    pub fn note(&self, channel: ChannelId, now: Instant) {
        let mut all = self.lock();
        let count = all.get(&channel).map_or(0, |it| it.count) + 1;
        let last_at = now;
        all.insert(channel, Refused { count, last_at });
    }

    pub fn of(&self, channel: ChannelId) -> Option<Refused> {
        self.lock().get(&channel).copied()
    }

    pub fn forget(&self, channel: ChannelId) {
        self.lock().remove(&channel);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ChannelId, Refused>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
