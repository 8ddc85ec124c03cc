//! What the imports of a call are served from: one trait, implemented by the server's store and by the in-memory world of tests and the
//! command line. An implementation is made for one call: it knows its workspace, plugin and channel, and what of it may be seen.
//! Reading only: what a call changes is an `Effect`, committed by whoever started the call.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::rules::Routed;
use crate::wit::{
    Error, Instant, Subject, collections, contacts, conversations, media, messages, teams, visitors,
};

/// A value of the plugin's storage; the revision changes with every write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub value: String,
    pub revision: i64,
}

/// A conversation as the host knows it; the plugin gets `snapshot()`.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    pub id: String,
    pub channel: String,
    pub contact: String,
    pub routed: Routed,
    pub queued_at: Instant,
    pub last_inbound_at: Option<Instant>,
    pub labels: Vec<String>,
}

impl Conversation {
    /// What a plugin sees of it.
    pub fn snapshot(&self) -> conversations::Conversation {
        let routed = &self.routed;
        let extra = match &routed.conclusion {
            None => String::new(),
            Some(it) => {
                serde_json::json!({"by": it.by, "at": it.at, "summary": it.summary}).to_string()
            }
        };
        conversations::Conversation {
            id: self.id.clone(),
            version: routed.version.cast_unsigned(),
            channel: self.channel.clone(),
            contact: self.contact.clone(),
            team: routed.team.clone(),
            status: routed.status.as_str().to_owned(),
            agent: routed.agent.clone(),
            offer: routed.offer.as_ref().map(|offer| conversations::Offer {
                agent: offer.agent.clone(),
                since: offer.since,
                deadline: offer.deadline,
            }),
            queued_at: self.queued_at,
            last_inbound_at: self.last_inbound_at,
            labels: self.labels.clone(),
            extra,
        }
    }
}

/// What a call has seen, checked again when its effects are committed: where anything of it has changed, the call runs again.
/// Messages, labels and counters are not in it: they never conflict.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadSet {
    /// Key → revision; none: the key was absent.
    pub storage: BTreeMap<String, Option<i64>>,
    pub listed: Vec<Listed>,
    /// Collection and key → row.
    pub rows: BTreeMap<(String, String), Option<String>>,
    /// Conversation → version of its routing state.
    pub conversations: BTreeMap<String, i64>,
    /// Team → as it was read, members and availability included.
    pub teams: BTreeMap<String, teams::Team>,
    /// Whose hours, when, and what was said of them.
    pub hours: Vec<(HoursOf, Instant, teams::Hours)>,
}

/// Whose hours are asked for (FEATURES E2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HoursOf {
    Team(String),
    /// The team's, and where that has none the channel's.
    Conversation {
        team: Option<String>,
        channel: String,
    },
    /// Those that a conversation would have which begins there.
    Channel(String),
}

/// A listing of storage keys, to be repeated and compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub prefix: String,
    pub after: Option<String>,
    pub limit: u32,
    /// Keys and revisions as found, without the call's own effects.
    pub found: Vec<(String, i64)>,
}

/// What is asked for cannot be read just now, and the import has no way to say so: the call has to come again.
#[derive(Debug, thiserror::Error)]
#[error("the store cannot be read now")]
pub struct Away;

/// How a service refuses, as the plugin is told.
pub fn refused(code: &str, message: impl Into<String>) -> Error {
    Error {
        code: code.to_owned(),
        message: message.into(),
        extra: String::new(),
    }
}

fn absent<T>(what: &str) -> Result<T, Error> {
    Err(refused("unavailable", format!("{what} cannot be had here")))
}

/// Reads behind the imports. What an implementation does not have it leaves to the default, which refuses as `unavailable`.
#[async_trait]
pub trait Services: Send + Sync {
    async fn storage_get(&self, _key: &str) -> Result<Option<Stored>, Error> {
        absent("storage")
    }
    /// Keys with the prefix in byte order, after `after`, at most `limit`.
    async fn storage_list(
        &self,
        _prefix: &str,
        _after: Option<&str>,
        _limit: u32,
    ) -> Result<Vec<(String, Stored)>, Error> {
        absent("storage")
    }
    async fn row(&self, _collection: &str, _key: &str) -> Result<Option<String>, Error> {
        absent("collections")
    }
    async fn query(&self, _query: &Query) -> Result<Vec<collections::Entry>, Error> {
        absent("collections")
    }
    async fn aggregate(&self, _query: &Aggregate) -> Result<Vec<collections::Group>, Error> {
        absent("collections")
    }
    /// What is set for one team, channel… alone, as a JSON object: lies over the plugin's own settings. None where nothing is.
    async fn scoped_settings(&self, _of: &Subject) -> Result<Option<String>, Error> {
        Ok(None)
    }
    async fn conversation(&self, _id: &str) -> Result<Option<Conversation>, Error> {
        absent("conversations")
    }
    async fn queued(
        &self,
        _team: &str,
        _after: Option<&str>,
        _limit: u32,
    ) -> Result<Vec<Conversation>, Error> {
        absent("conversations")
    }
    async fn message(&self, _id: &str) -> Result<Option<messages::Message>, Error> {
        absent("messages")
    }
    async fn recent_messages(
        &self,
        _conversation: &str,
        _before: Option<&str>,
        _limit: u32,
    ) -> Result<Vec<messages::Message>, Error> {
        absent("messages")
    }
    /// Of the call's channel, newest first, without notes.
    async fn thread_messages(
        &self,
        _thread: &str,
        _before: Option<&str>,
        _limit: u32,
    ) -> Result<Vec<messages::Message>, Error> {
        absent("messages")
    }
    async fn contact(&self, _id: &str) -> Result<Option<contacts::Contact>, Error> {
        absent("contacts")
    }
    async fn find_contact(&self, _kind: &str, _value: &str) -> Result<Option<String>, Error> {
        absent("contacts")
    }
    async fn team(&self, _id: &str) -> Result<Option<teams::Team>, Error> {
        absent("teams")
    }
    async fn teams(&self) -> Result<Vec<teams::Team>, Error> {
        absent("teams")
    }
    async fn hours_at(&self, _of: &HoursOf, _at: Instant) -> Result<teams::Hours, Error> {
        absent("business hours")
    }
    async fn file(&self, _id: &str) -> Result<Option<media::File>, Error> {
        absent("media")
    }
    async fn file_link(&self, _id: &str, _seconds: u32) -> Result<String, Error> {
        absent("media")
    }
    async fn file_bytes(&self, _id: &str, _offset: u64, _length: u64) -> Result<Vec<u8>, Error> {
        absent("media")
    }
    /// Whether the visitor of the call's channel has uploaded that file.
    async fn is_upload_of(&self, _file: &str, _visitor: &str) -> Result<bool, Error> {
        absent("uploads")
    }
    async fn visitor_open(&self, _token: Option<&str>) -> Result<visitors::Visitor, Error> {
        absent("visitors")
    }
    async fn visitor_verify(&self, _token: &str) -> Result<Option<String>, Away> {
        Ok(None)
    }
}

/// What `messages.message.extra` says, as far as there is any.
#[derive(Clone, Debug, Default, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct MessageExtra<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<&'a str>,
    #[serde(skip_serializing_if = "is_not")]
    pub edited: bool,
    #[serde(skip_serializing_if = "is_not")]
    pub revoked: bool,
    /// Of a user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
}

/// Who thinks what of a message.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Reaction {
    pub emoji: String,
    /// `contact` or `user`.
    pub by: String,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_not(value: &bool) -> bool {
    !value
}

/// As the plugin gets it: empty where there is nothing.
pub fn message_extra(extra: &MessageExtra<'_>) -> String {
    match serde_json::to_string(extra) {
        Ok(text) if text != "{}" => text,
        _ => String::new(),
    }
}

/// `collections.query`, as an implementation gets it.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub collection: String,
    pub conditions: Vec<collections::Condition>,
    /// Empty: by key.
    pub order: String,
    pub descending: bool,
    pub after: Option<String>,
    pub limit: u32,
}

/// `collections.aggregate`, likewise.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    pub collection: String,
    pub conditions: Vec<collections::Condition>,
    pub by: Vec<String>,
    pub sum: Vec<String>,
}
