//! What a plugin call asks for, collected while it runs and committed all at once afterwards (DESIGN §4). An effect is plain data: it can be
//! shown, stored, compared and replayed. Whether it is allowed is decided by `rules` and by whoever commits it, never here.

use serde::{Deserialize, Serialize};

use crate::wit::{Content, Instant, Subject, inbox};

/// One effect, named as in the WIT: `{"interface":"inbox","function":"message","arguments":{…}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "interface", rename_all = "kebab-case")]
#[expect(
    clippy::large_enum_variant,
    reason = "most effects are the largest one, a received message; a box would cost each of them an allocation"
)]
pub enum Effect {
    Inbox(Inbox),
    Visitors(Visitors),
    Storage(Storage),
    Collections(Collections),
    Timers(Timers),
    Routing(Routing),
    Conclusion(Conclusion),
    Labels(Labels),
    MessagesSend(MessagesSend),
    ContactsWrite(ContactsWrite),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "function", content = "arguments", rename_all = "kebab-case")]
pub enum Inbox {
    Message {
        event_key: String,
        message: inbox::Inbound,
    },
    Delivery {
        event_key: String,
        external_id: String,
        state: String,
        at: Instant,
        reason: String,
        extra: String,
    },
    Read {
        event_key: String,
        thread: String,
        until: Instant,
    },
    Reaction {
        event_key: String,
        message: String,
        sender: inbox::Person,
        emoji: String,
        at: Instant,
    },
    Edit {
        event_key: String,
        message: String,
        content: Content,
        at: Instant,
    },
    Revoke {
        event_key: String,
        message: String,
        at: Instant,
    },
    Typing {
        thread: String,
    },
    Identity {
        event_key: String,
        old_external_id: String,
        now: inbox::Person,
    },
    Note {
        event_key: String,
        thread: Option<String>,
        code: String,
        text: String,
        extra: String,
    },
    Health {
        state: String,
        message: String,
    },
}

impl Inbox {
    /// The provider's event, by which a repetition is recognised; none for what is not kept.
    pub fn event_key(&self) -> Option<&str> {
        match self {
            Self::Message { event_key, .. }
            | Self::Delivery { event_key, .. }
            | Self::Read { event_key, .. }
            | Self::Reaction { event_key, .. }
            | Self::Edit { event_key, .. }
            | Self::Revoke { event_key, .. }
            | Self::Identity { event_key, .. }
            | Self::Note { event_key, .. } => Some(event_key),
            Self::Typing { .. } | Self::Health { .. } => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "function", content = "arguments", rename_all = "kebab-case")]
pub enum Visitors {
    Push {
        visitor: String,
        kind: String,
        data: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "function", content = "arguments", rename_all = "kebab-case")]
pub enum Storage {
    Set {
        key: String,
        value: String,
        /// Seconds.
        ttl: Option<u32>,
        /// The contact whose data this is.
        about: Option<String>,
    },
    Delete {
        key: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "function", content = "arguments", rename_all = "kebab-case")]
pub enum Collections {
    Put {
        collection: String,
        key: String,
        row: String,
        about: Option<String>,
    },
    Delete {
        collection: String,
        key: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "function", content = "arguments", rename_all = "kebab-case")]
pub enum Timers {
    Set {
        name: String,
        at: Instant,
        about: Option<Subject>,
        payload: String,
    },
    Cancel {
        name: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "function", content = "arguments", rename_all = "kebab-case")]
pub enum Routing {
    Offer {
        conversation: String,
        agent: String,
        deadline: Option<Instant>,
    },
    Release {
        conversation: String,
        note: String,
    },
    Assign {
        conversation: String,
        agent: String,
    },
    Transfer {
        conversation: String,
        team: String,
        agent: Option<String>,
        note: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "function", content = "arguments", rename_all = "kebab-case")]
pub enum Conclusion {
    Conclude {
        conversation: String,
        summary: String,
    },
    SetSummary {
        conversation: String,
        summary: String,
    },
    Reopen {
        conversation: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "function", content = "arguments", rename_all = "kebab-case")]
pub enum Labels {
    Add { of: Subject, label: String },
    Remove { of: Subject, label: String },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "function", content = "arguments", rename_all = "kebab-case")]
pub enum MessagesSend {
    Send {
        /// Minted during the call.
        id: String,
        conversation: String,
        content: Content,
    },
    Note {
        id: String,
        conversation: String,
        text: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "function", content = "arguments", rename_all = "kebab-case")]
pub enum ContactsWrite {
    AddLabel {
        contact: String,
        label: String,
    },
    RemoveLabel {
        contact: String,
        label: String,
    },
    SetField {
        contact: String,
        name: String,
        value: String,
    },
    Rename {
        contact: String,
        name: String,
    },
}
