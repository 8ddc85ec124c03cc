//! What happened, in order: every request to the API, and what the customer wrote. Only grows; never decides anything.

use serde::Serialize;
use serde_json::Value;

use crate::provider::Provider;

/// One request to the API.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Place in the order of all that happened, from 1.
    pub number: u64,
    /// Milliseconds since 1970.
    pub at: u64,
    /// Whom it was for.
    pub channel: Provider,
    /// As it came.
    pub method: String,
    /// With its query.
    pub path: String,
    /// The JSON body, or the fields of a form; null where there is neither.
    pub request: Value,
    /// The HTTP status that was answered, or 0 where the connection was ended without an answer.
    pub status: u16,
    /// The JSON that was answered.
    pub answer: Value,
    /// For a message that the customer received: its id and whom it reached.
    pub sent: Option<Sent>,
}

/// A message on the customer's phone.
#[derive(Clone, Debug, Serialize)]
pub struct Sent {
    /// The provider's id of it; of an album, its first message's.
    pub id: String,
    /// The customer as the provider addresses them: a phone's digits, a chat's or a person's id.
    pub to: String,
    /// The message's type in the provider's words: `text`, `image`, `photo`…
    pub kind: String,
}

/// What the customer wrote on this page.
#[derive(Clone, Debug, Serialize)]
pub struct Written {
    /// Place in the order of all that happened.
    pub number: u64,
    /// Milliseconds since 1970.
    pub at: u64,
    /// Where.
    pub channel: Provider,
    /// The customer, as in [`Sent::to`].
    pub from: String,
    /// As it was typed.
    pub text: String,
    /// The provider's id of it.
    pub id: String,
}

/// All of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Ledger {
    /// Requests, first come first.
    pub requests: Vec<Entry>,
    /// The customer's messages, first come first.
    pub written: Vec<Written>,
}

impl Ledger {
    /// The number of whatever happens next.
    pub fn next(&self) -> u64 {
        (self.requests.len() + self.written.len()) as u64 + 1
    }

    /// Only what reached a customer.
    pub fn sent(&self) -> impl Iterator<Item = (&Entry, &Sent)> {
        self.requests
            .iter()
            .filter_map(|entry| Some((entry, entry.sent.as_ref()?)))
    }
}
