//! When a plugin that keeps trapping is given a rest (DESIGN §5): a pure state machine per plugin and workspace. Counts only faults of the
//! plugin itself (traps, limits); what it reports as its own failure is no fault. Nodes share a rest through the store: each counts faults
//! for itself, whoever opens the breaker writes the `Rest`, and whoever replaces it first has the trial.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::wit::Instant;

const SECOND: i64 = 1_000_000;
/// Faults within `WINDOW` that open the breaker.
pub const FAULTS: usize = 5;
/// µs.
pub const WINDOW: i64 = 60 * SECOND;
/// The first rest, µs; each failed trial doubles it.
pub const FIRST_REST: i64 = 30 * SECOND;
pub const LONGEST_REST: i64 = 600 * SECOND;
/// After which a trial whose end nobody has heard of is given up, µs: longer than any call takes.
pub const TRIAL: i64 = 120 * SECOND;

/// What nodes share of a breaker that is not closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// No calls until then; during a trial, no other call until then.
    pub until: Instant,
    /// Whether one call is on trial.
    pub trial: bool,
    /// When it opened first, with no success since.
    pub since: Instant,
    /// How often it has opened since then.
    pub opened: u32,
    /// How long the present rest is, µs.
    pub rest: i64,
    /// The fault that opened it last, in words.
    pub reason: String,
}

/// Whether a call may start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    Yes,
    /// Not before then.
    No {
        until: Instant,
    },
    /// As the trial, if nobody else has it yet: who puts this in the stored one's place may call.
    Trial(Rest),
}

/// What the end of a call made of the breaker; to be stored, and told to the admin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Opened(Rest),
    Closed,
}

/// One plugin in one workspace, on one node.
#[derive(Clone, Debug, Default)]
pub struct Breaker {
    rest: Option<Rest>,
    /// When the latest faults were.
    faults: VecDeque<Instant>,
}

impl Breaker {
    /// As it is stored.
    pub fn stored(rest: Option<Rest>) -> Self {
        Self {
            rest,
            faults: VecDeque::new(),
        }
    }

    /// The rest that it has or that is tried to be ended; none while it is closed.
    pub fn rest(&self) -> Option<&Rest> {
        self.rest.as_ref()
    }

    /// What another node has stored, or this one.
    pub fn set(&mut self, rest: Option<Rest>) {
        if self.rest != rest {
            self.faults.clear();
            self.rest = rest;
        }
    }

    pub fn admits(&self, now: Instant) -> Admission {
        match &self.rest {
            None => Admission::Yes,
            Some(rest) if now < rest.until => Admission::No { until: rest.until },
            Some(rest) => Admission::Trial(Rest {
                until: now.saturating_add(TRIAL),
                trial: true,
                ..rest.clone()
            }),
        }
    }

    /// How a call that was admitted ended. `trial`: it was the one on trial; `fault`: its trap or limit.
    pub fn ended(&mut self, trial: bool, fault: Option<&str>, now: Instant) -> Option<Change> {
        match (&self.rest, fault) {
            (None, Some(reason)) => {
                self.faults.push_back(now);
                while self.faults.front().is_some_and(|at| now - at >= WINDOW) {
                    self.faults.pop_front();
                }
                (self.faults.len() >= FAULTS).then(|| self.open(now, (now, 0, FIRST_REST), reason))
            }
            (Some(rest), Some(reason)) if trial => {
                let longer = rest.rest.saturating_mul(2).min(LONGEST_REST);
                let before = (rest.since, rest.opened, longer);
                Some(self.open(now, before, reason))
            }
            (Some(_), None) if trial => {
                *self = Self::default();
                Some(Change::Closed)
            }
            // Calls that were under way when it opened change nothing.
            (None, None) | (Some(_), _) => None,
        }
    }

    fn open(
        &mut self,
        now: Instant,
        (since, opened, rest): (Instant, u32, i64),
        reason: &str,
    ) -> Change {
        self.faults.clear();
        let rest = Rest {
            until: now.saturating_add(rest),
            trial: false,
            since,
            opened: opened.saturating_add(1),
            rest,
            reason: reason.to_owned(),
        };
        self.rest = Some(rest.clone());
        Change::Opened(rest)
    }
}

#[cfg(test)]
mod tests;
