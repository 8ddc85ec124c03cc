//! Where time and randomness come from: the machine in the server, fixed values in tests. Nothing else in the crate asks the machine.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use balcao_runtime::wit::Instant;

/// Gives the present time, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    #[default]
    System,
    /// Stands still until it is told to move; all clones share one time.
    Virtual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `at`.
    pub fn at(at: Instant) -> Self {
        Self::Virtual(Arc::new(AtomicI64::new(at)))
    }

    pub fn now(&self) -> Instant {
        match self {
            Self::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| {
                    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
                }),
            Self::Virtual(at) => at.load(Ordering::SeqCst),
        }
    }

    /// Moves a virtual clock; the machine's own goes on as it likes.
    pub fn advance(&self, by: Duration) {
        if let Self::Virtual(at) = self {
            at.fetch_add(micros(by), Ordering::SeqCst);
        }
    }
}

/// A duration in the unit of `Instant`.
pub fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Gives random bytes.
#[derive(Clone, Debug, Default)]
pub enum Random {
    #[default]
    System,
    /// The same bytes in every run. Never for secrets.
    Seeded(Arc<AtomicU64>),
}

impl Random {
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Arc::new(AtomicU64::new(seed)))
    }

    /// # Panics
    /// Where the operating system has no randomness to give: nothing safe can be done then.
    pub fn fill(&self, bytes: &mut [u8]) {
        match self {
            Self::System => {
                getrandom::fill(bytes).expect("the operating system gives random bytes");
            }
            Self::Seeded(state) => {
                for chunk in bytes.chunks_mut(8) {
                    let next = splitmix(state.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst));
                    chunk.copy_from_slice(&next.to_le_bytes()[..chunk.len()]);
                }
            }
        }
    }

    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}

/// The mixing step of SplitMix64.
fn splitmix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_clock_moves_only_when_told_and_for_all_its_clones() {
        let clock = Clock::at(5);
        let clone = clock.clone();
        assert_eq!(clone.now(), 5);
        clock.advance(Duration::from_millis(2));
        assert_eq!(clone.now(), 2_005);
    }

    #[test]
    fn seeded_randomness_repeats_itself() {
        let first: [u8; 20] = Random::seeded(7).bytes();
        assert_eq!(first, Random::seeded(7).bytes());
        assert_ne!(first, Random::seeded(8).bytes());
    }
}
