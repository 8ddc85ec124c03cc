//! What a webhook brought, as plain data: the calls of `inbox` to make and the lines to log. So that reading a provider's body needs no
//! import and can be tested, fuzzed and measured natively; only [`Brought::hand_over`] calls the host.

use crate::inbox::{self, Inbound, Person};
use crate::{Content, Error, Failure, Instant, info, warn};

/// One call of `inbox`, with its arguments.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Message {
        key: String,
        message: Inbound,
    },
    Delivery {
        key: String,
        message: String,
        state: &'static str,
        at: Instant,
        reason: String,
        extra: String,
    },
    Reaction {
        key: String,
        message: String,
        sender: Person,
        emoji: String,
        at: Instant,
    },
    Edit {
        key: String,
        message: String,
        content: Content,
        at: Instant,
    },
    Revoke {
        key: String,
        message: String,
        at: Instant,
    },
    Identity {
        key: String,
        old: String,
        now: Person,
    },
    Note {
        key: String,
        /// None: about the channel and not about one conversation.
        thread: Option<String>,
        code: String,
        text: String,
        extra: String,
    },
    Health {
        state: &'static str,
        message: String,
    },
}

/// A line for the plugin's log. Names kinds and counts, never what people wrote or who they are.
#[derive(Clone, Debug, PartialEq)]
pub enum Remark {
    /// Left out on purpose.
    Ignored(String),
    /// Not as the provider documents it.
    Odd(String),
}

/// What one webhook brought, in its order.
#[derive(Debug, Default, PartialEq)]
pub struct Brought {
    pub events: Vec<Event>,
    pub remarks: Vec<Remark>,
}

impl Brought {
    pub fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    pub fn ignored(&mut self, why: impl Into<String>) {
        self.remarks.push(Remark::Ignored(why.into()));
    }

    pub fn odd(&mut self, what: impl Into<String>) {
        self.remarks.push(Remark::Odd(what.into()));
    }

    /// Hands the events to `inbox` and the remarks to the log. An event that the host finds wrong in itself is logged and left out: it would
    /// stay wrong, and its siblings must not suffer.
    ///
    /// # Errors
    /// What else the host refuses.
    pub fn hand_over(&self) -> Result<(), Failure> {
        for event in &self.events {
            match event.hand_over() {
                Ok(()) => {}
                Err(error) if error.code == "invalid" => {
                    warn!("The host refused an event: {}", error.message);
                }
                Err(error) => return Err(error.into()),
            }
        }
        for remark in &self.remarks {
            match remark {
                Remark::Ignored(why) => info!("{why}"),
                Remark::Odd(what) => warn!("{what}"),
            }
        }
        Ok(())
    }
}

impl Event {
    /// The provider's event; empty for what has none. What comes again with the same key changes nothing.
    pub fn key(&self) -> &str {
        match self {
            Self::Message { key, .. }
            | Self::Delivery { key, .. }
            | Self::Reaction { key, .. }
            | Self::Edit { key, .. }
            | Self::Revoke { key, .. }
            | Self::Identity { key, .. }
            | Self::Note { key, .. } => key,
            Self::Health { .. } => "",
        }
    }

    /// Hands it to `inbox`.
    ///
    /// # Errors
    /// What the host refuses.
    pub fn hand_over(&self) -> Result<(), Error> {
        match self {
            Self::Message { key, message } => inbox::message(key, message),
            Self::Delivery {
                key,
                message,
                state,
                at,
                reason,
                extra,
            } => inbox::delivery(key, message, state, *at, reason, extra),
            Self::Reaction {
                key,
                message,
                sender,
                emoji,
                at,
            } => inbox::reaction(key, message, sender, emoji, *at),
            Self::Edit {
                key,
                message,
                content,
                at,
            } => inbox::edit(key, message, content, *at),
            Self::Revoke { key, message, at } => inbox::revoke(key, message, *at),
            Self::Identity { key, old, now } => inbox::identity(key, old, now),
            Self::Note {
                key,
                thread,
                code,
                text,
                extra,
            } => inbox::note(key, thread.as_deref(), code, text, extra),
            Self::Health { state, message } => inbox::health(state, message),
        }
    }
}
