//! How often we knock at a channel: so many messages a second as it said that it takes (`capabilities.rate`). Counts for this process alone.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use governor::{
    NotUntil, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    state::keyed::DefaultKeyedStateStore,
};
use tokio::time;

use crate::id::ChannelId;

type Limiter<C> = RateLimiter<
    ChannelId,
    DefaultKeyedStateStore<ChannelId>,
    C,
    NoOpMiddleware<<C as Clock>::Instant>,
>;
/// By messages a second, of which few differ.
type Limiters<C> = HashMap<NonZeroU32, Arc<Limiter<C>>>;

/// What was sent to each channel of late.
pub struct Pace<C: Clock = DefaultClock> {
    clock: C,
    limiters: Mutex<Limiters<C>>,
}

impl Default for Pace {
    fn default() -> Self {
        Self::of(DefaultClock::default())
    }
}

impl<C: Clock + Clone> Pace<C> {
    fn of(clock: C) -> Self {
        Self {
            clock,
            limiters: Mutex::default(),
        }
    }

    fn limiters(&self) -> MutexGuard<'_, Limiters<C>> {
        self.limiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the channel takes another message.
    pub async fn wait(&self, channel: ChannelId, per_second: NonZeroU32) {
        while let Err(wait) = self.take(channel, per_second) {
            time::sleep(wait).await;
        }
    }

    /// Forgets channels to which nothing was sent of late.
    pub fn forget_old(&self) {
        self.limiters().retain(|_, limiter| {
            limiter.retain_recent();
            !limiter.is_empty()
        });
    }

    /// Counts a message; an error is how long to wait for its turn.
    fn take(&self, channel: ChannelId, per_second: NonZeroU32) -> Result<(), Duration> {
        let limiter = {
            let mut limiters = self.limiters();
            Arc::clone(limiters.entry(per_second).or_insert_with(|| {
                let quota = Quota::per_second(per_second);
                Arc::new(RateLimiter::new(
                    quota,
                    DefaultKeyedStateStore::default(),
                    self.clock.clone(),
                ))
            }))
        };
        limiter
            .check_key(&channel)
            .map_err(|refused: NotUntil<_>| refused.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::{ChannelId, Duration, NonZeroU32, Pace};
    use crate::{
        clock::{Clock, Random},
        id::Ids,
    };

    #[test]
    fn a_channel_is_sent_so_many_messages_a_second_as_it_takes_and_waits_for_no_other() {
        let clock = FakeRelativeClock::default();
        let pace = Pace::of(clock.clone());
        let two = NonZeroU32::new(2).unwrap();
        let ids = Ids::new(Clock::at(1), Random::seeded(1));
        let (busy, other): (ChannelId, ChannelId) = (ids.mint(), ids.mint());
        assert_eq!([pace.take(busy, two), pace.take(busy, two)], [Ok(()); 2]);
        assert_eq!(pace.take(busy, two), Err(Duration::from_millis(500)));
        assert_eq!(pace.take(other, two), Ok(()));
        clock.advance(Duration::from_millis(500));
        assert_eq!(pace.take(busy, two), Ok(()));
        assert!(pace.take(busy, two).is_err());
        clock.advance(Duration::from_secs(60));
        pace.forget_old();
        assert!(pace.limiters().is_empty());
    }
}
