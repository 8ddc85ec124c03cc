//! When a plugin that keeps trapping is given a rest (DESIGN §5): a pure state machine per plugin and workspace. Counts only faults of the
//! plugin itself (traps, limits); what it reports as its own failure is no fault.

use std::collections::VecDeque;

use serde::Serialize;

use crate::wit::Instant;

const SECOND: i64 = 1_000_000;
/// Faults within `WINDOW` that open the breaker.
pub const FAULTS: usize = 5;
/// µs.
pub const WINDOW: i64 = 60 * SECOND;
/// The first rest, µs; each failed trial doubles it.
pub const FIRST_REST: i64 = 30 * SECOND;
pub const LONGEST_REST: i64 = 600 * SECOND;

/// Whether calls go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    Closed,
    /// No calls until then.
    Open {
        until: Instant,
    },
    /// One call is on trial; the others wait for its end.
    Trial,
}

/// One plugin in one workspace.
#[derive(Clone, Debug)]
pub struct Breaker {
    state: BreakerState,
    /// When the latest faults were.
    faults: VecDeque<Instant>,
    rest: i64,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            state: BreakerState::Closed,
            faults: VecDeque::new(),
            rest: FIRST_REST,
        }
    }
}

impl Breaker {
    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// Whether a call may start now. After the rest, the first that asks is the trial.
    pub fn admits(&mut self, now: Instant) -> bool {
        match self.state {
            BreakerState::Closed => true,
            BreakerState::Open { until } if now >= until => {
                self.state = BreakerState::Trial;
                true
            }
            BreakerState::Open { .. } | BreakerState::Trial => false,
        }
    }

    /// How a call that was admitted ended; `fault`: trap or limit. Tells whether this opened the breaker.
    pub fn ended(&mut self, fault: bool, now: Instant) -> bool {
        match (self.state, fault) {
            (BreakerState::Trial, false) => {
                *self = Self::default();
                false
            }
            (BreakerState::Trial, true) => {
                self.rest = (self.rest * 2).min(LONGEST_REST);
                self.open(now)
            }
            (BreakerState::Closed, true) => {
                self.faults.push_back(now);
                while self.faults.front().is_some_and(|at| now - at >= WINDOW) {
                    self.faults.pop_front();
                }
                self.faults.len() >= FAULTS && self.open(now)
            }
            // Calls that were under way when it opened change nothing.
            (BreakerState::Closed, false) | (BreakerState::Open { .. }, _) => false,
        }
    }

    fn open(&mut self, now: Instant) -> bool {
        self.faults.clear();
        self.state = BreakerState::Open {
            until: now + self.rest,
        };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for second in 0..FAULTS as i64 {
            assert!(breaker.admits(second * SECOND));
            let opens = breaker.ended(true, second * SECOND);
            assert_eq!(opens, second as usize == FAULTS - 1);
        }
        breaker
    }

    #[test]
    fn five_faults_within_a_minute_open_it_and_faults_far_apart_do_not() {
        assert_eq!(
            opened().state(),
            BreakerState::Open {
                until: 4 * SECOND + FIRST_REST
            }
        );
        let mut slow = Breaker::default();
        for minute in 0..20 {
            assert!(!slow.ended(true, minute * WINDOW));
        }
        assert_eq!(slow.state(), BreakerState::Closed);
    }

    #[test]
    fn after_its_rest_one_call_is_tried_and_success_closes_it() {
        let mut breaker = opened();
        let rested = 4 * SECOND + FIRST_REST;
        assert!(!breaker.admits(rested - 1));
        assert!(breaker.admits(rested));
        assert!(!breaker.admits(rested), "one trial at a time");
        breaker.ended(false, rested + 1);
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[test]
    fn a_failed_trial_doubles_the_rest_up_to_its_bound() {
        let mut breaker = opened();
        let mut rest = FIRST_REST;
        for _ in 0..8 {
            let BreakerState::Open { until } = breaker.state() else {
                panic!("open")
            };
            assert!(breaker.admits(until));
            assert!(breaker.ended(true, until));
            rest = (rest * 2).min(LONGEST_REST);
            assert_eq!(
                breaker.state(),
                BreakerState::Open {
                    until: until + rest
                }
            );
        }
        assert_eq!(rest, LONGEST_REST);
    }
}
