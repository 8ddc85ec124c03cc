//! What must be so of all that a connector reads out of a webhook, whatever its bytes: the host takes each argument, and the call stays within its limits.
//! The bounds are the host's own (`balcao_runtime::bounds`).

mod mutation;

pub use mutation::mutated;

use balcao_plugin::connector::{Brought, Event, Remark};
use balcao_plugin::inbox::{Inbound, Person};
use balcao_plugin::{Content, Instant};
use balcao_runtime::bounds::{self, OutOfBounds};

/// Effects of a call, and bytes of them: `effects` and `effect_bytes` of the host's limits.
const EFFECTS: usize = 2_000;
const EFFECT_BYTES: usize = 8 << 20;
/// Bytes of a line for the log: it names kinds and counts.
const REMARK: usize = 1_024;

/// Two times that a connector may be told it is. What it recognises an event by must not depend on them.
pub const NOW: Instant = 1_795_348_800_000_000;
pub const LATER: Instant = NOW + 1;

/// Everything that one webhook brought.
#[derive(Debug, Default, PartialEq)]
pub struct HandedOver {
    keys: Vec<String>,
    bytes: usize,
}

impl HandedOver {
    pub fn of(brought: &Brought) -> Self {
        let mut all = Self::default();
        for event in &brought.events {
            all.take(event);
        }
        for remark in &brought.remarks {
            let (Remark::Ignored(line) | Remark::Odd(line)) = remark;
            all.remark(line);
        }
        all
    }

    fn take(&mut self, event: &Event) {
        match event {
            Event::Health { state, message } => {
                self.holds("state", bounds::health_state(state), state);
                return self.text("message", message);
            }
            other => self.key(other.key()),
        }
        match event {
            Event::Health { .. } => {}
            Event::Message { message, .. } => self.message(message),
            Event::Delivery {
                message,
                state,
                reason,
                extra,
                ..
            } => {
                self.id("external-id", message);
                self.state(state);
                self.text("reason", reason);
                self.extra(extra);
            }
            Event::Reaction {
                message,
                sender,
                emoji,
                ..
            } => {
                self.id("message", message);
                self.person(sender);
                self.emoji(emoji);
            }
            Event::Edit {
                message, content, ..
            } => {
                self.id("message", message);
                self.content(content);
            }
            Event::Revoke { message, .. } => self.id("message", message),
            Event::Identity { old, now, .. } => {
                self.id("old-external-id", old);
                self.person(now);
            }
            Event::Note {
                thread,
                code,
                text,
                extra,
                ..
            } => {
                if let Some(thread) = thread {
                    self.id("thread", thread);
                }
                self.named("code", code);
                self.text("text", text);
                self.extra(extra);
            }
        }
    }

    fn key(&mut self, key: &str) {
        self.id("event-key", key);
        self.keys.push(key.to_owned());
    }

    /// The provider's: what the host refuses for one that cannot be is left out by `Brought::hand_over`, and nothing else with it.
    fn id(&mut self, name: &str, value: &str) {
        match bounds::external(name, value) {
            Err(OutOfBounds::Invalid(_)) => {}
            checked => self.holds(name, checked, value),
        }
    }

    /// What the connector has named itself, or can do without.
    fn named(&mut self, name: &str, value: &str) {
        self.holds(name, bounds::external(name, value), value);
    }

    fn text(&mut self, name: &str, value: &str) {
        self.holds(name, bounds::text(name, value), value);
    }

    fn extra(&mut self, value: &str) {
        self.holds("extra", bounds::extra(value), value);
    }

    /// Left out like an id.
    fn emoji(&mut self, value: &str) {
        match bounds::emoji(value) {
            Err(OutOfBounds::Invalid(_)) => {}
            checked => self.holds("emoji", checked, value),
        }
    }

    fn state(&mut self, value: &str) {
        self.holds("state", bounds::delivery_state(value), value);
    }

    fn message(&mut self, message: &Inbound) {
        self.id("external-id", &message.external_id);
        self.id("thread", &message.thread);
        self.person(&message.sender);
        self.content(&message.content);
        if let Some(answered) = &message.reply_to {
            self.id("reply-to", answered);
        }
        self.extra(&message.extra);
    }

    pub fn person(&mut self, person: &Person) {
        self.id("sender", &person.external_id);
        self.text("name", &person.name);
        self.text("avatar", &person.avatar);
        self.extra(&person.extra);
        for (kind, value) in &person.aliases {
            self.named("alias", kind);
            self.named("alias", value);
        }
    }

    fn content(&mut self, content: &Content) {
        self.named("kind", &content.kind);
        self.text("text", &content.text);
        self.extra(&content.extra);
        let count = content.attachments.len();
        self.holds("attachments", bounds::attachments(count), "");
        for it in &content.attachments {
            let checked = bounds::attachment(&it.source, &it.name);
            self.holds("attachment", checked, &it.source);
            self.text("mime", &it.mime);
        }
    }

    /// Lines for the log.
    fn remark(&mut self, line: &str) {
        assert!(
            line.len() <= REMARK,
            "a remark of {} bytes: {line}",
            line.len()
        );
    }

    /// That it is not more than a call may bring, and that at another time it would be recognised as the same.
    pub fn is_within_limits_and_recognised_as(self, later: Self) {
        assert!(self.keys.len() <= EFFECTS, "{} effects", self.keys.len());
        assert!(
            self.bytes <= EFFECT_BYTES,
            "{} bytes of effects",
            self.bytes
        );
        assert_eq!(self.keys, later.keys, "keys that depend on the time");
    }

    fn holds(&mut self, name: &str, checked: Result<(), OutOfBounds>, value: &str) {
        if let Err(error) = checked {
            panic!("{name}: {error}");
        }
        self.bytes += value.len();
    }
}
