//! Failures on order: what the next answers shall be, whatever the request. For tests of those who call the provider.

use std::collections::VecDeque;

use serde::Deserialize;

use crate::answer::Refusal;

/// One answer that is not the usual one.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// 429 with code 80007 and `Retry-After`.
    RateLimited {
        /// Seconds.
        retry_after: u32,
    },
    /// 429 with code 130429, without `Retry-After`.
    Throughput,
    /// 500 with code 131000.
    ServerError,
    /// 503 with code 131016 and no `Retry-After`.
    Unavailable,
    /// 400 with code 131047: more than 24 hours since the customer wrote.
    WindowClosed,
    /// 401 with code 190.
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
    /// The refusal it stands for; none for those that are about the connection.
    pub fn refusal(&self) -> Option<Refusal> {
        let refusal = match self {
            Self::RateLimited { retry_after } => Refusal {
                retry_after: Some(*retry_after),
                ..Refusal::new(
                    429,
                    80_007,
                    "Rate limit issues",
                    Some("The WhatsApp Business Account has reached its rate limit."),
                )
            },
            Self::Throughput => Refusal::new(
                429,
                130_429,
                "Rate limit hit",
                Some("Cloud API message throughput has been reached."),
            ),
            Self::ServerError => Refusal::new(
                500,
                131_000,
                "Something went wrong",
                Some("Message failed to send due to an unknown error."),
            ),
            Self::Unavailable => Refusal::new(
                503,
                131_016,
                "Service unavailable",
                Some("A service is temporarily unavailable."),
            ),
            Self::WindowClosed => Refusal::new(
                400,
                131_047,
                "Re-engagement message",
                Some(
                    "Message failed to send because more than 24 hours have passed since the customer last replied to this number.",
                ),
            ),
            Self::TokenExpired => Refusal::bad_token(),
            Self::HangUp | Self::HangUpAfter | Self::Delay { .. } => return None,
        };
        Some(refusal)
    }
}

/// An order for faults.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// How many of the next requests to the API get it.
    #[serde(default = "one")]
    pub next: u16,
    /// What they get.
    pub fault: Fault,
}

fn one() -> u16 {
    1
}

/// What is still to come, first order first.
#[derive(Debug, Default)]
pub struct Faults(VecDeque<Fault>);

impl Faults {
    /// Behind what was ordered before.
    pub fn add(&mut self, order: &Order) {
        for _ in 0..order.next {
            self.0.push_back(order.fault.clone());
        }
    }

    /// For the request at hand.
    pub fn take(&mut self) -> Option<Fault> {
        self.0.pop_front()
    }

    /// Back to usual.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
