//! Failures on order: what the next answers shall be, whatever the request. For tests of those who call a provider.

use std::collections::{HashMap, VecDeque};

use serde::Deserialize;

use crate::provider::Provider;

/// One answer that is not the usual one, in the words of whoever is asked. Not every provider has all of them.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// Too many requests; the answer says when to come back.
    RateLimited {
        /// Seconds.
        retry_after: u32,
    },
    /// Too many requests, and the answer does not say when to come back. WhatsApp and Instagram.
    Throughput,
    /// An error of the provider's own.
    ServerError,
    /// The provider is not there for now.
    Unavailable,
    /// Too long ago since the customer wrote. WhatsApp and Instagram.
    WindowClosed,
    /// The customer cannot be reached: has blocked the business, or is gone.
    Unreachable,
    /// The token is not good any more.
    TokenExpired,
    /// The connection ends without an answer and nothing was done.
    HangUp,
    /// The request is carried out, and the connection ends without an answer.
    HangUpAfter,
    /// The usual answer, but later.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
}

impl Fault {
    /// Whether it is about the connection, which every provider has.
    pub(crate) fn is_of_connection(&self) -> bool {
        matches!(self, Self::HangUp | Self::HangUpAfter | Self::Delay { .. })
    }
}

/// An order for faults.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Whose.
    #[serde(default = "whatsapp")]
    pub channel: Provider,
    /// How many of the next requests to that provider get it.
    #[serde(default = "one")]
    pub next: u16,
    /// What they get.
    pub fault: Fault,
}

fn whatsapp() -> Provider {
    Provider::Whatsapp
}

fn one() -> u16 {
    1
}

/// What is still to come, first order first.
#[derive(Debug, Default)]
pub struct Faults(HashMap<Provider, VecDeque<Fault>>);

impl Faults {
    /// Behind what was ordered before.
    pub fn add(&mut self, order: &Order) {
        let queue = self.0.entry(order.channel).or_default();
        for _ in 0..order.next {
            queue.push_back(order.fault.clone());
        }
    }

    /// For the request at hand.
    pub fn take(&mut self, provider: Provider) -> Option<Fault> {
        self.0.get_mut(&provider)?.pop_front()
    }

    /// Back to usual.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
