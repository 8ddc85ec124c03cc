//! What the workspace in memory consists of, and how scenarios give it (`Given`). Plain data; its rules are elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value};

use crate::{
    manifest::Manifest,
    quota::Quotas,
    rules::{Conclusion, Offer, Person, Routed, Status, TeamRole},
    services,
    wit::{Content, Instant, Subject, events},
};

/// 2026-01-01T00:00:00Z, where nobody says when it is.
const DAWN: Instant = 1_767_225_600_000_000;

/// An instant as people write it: RFC 3339, or microseconds.
pub fn value_instant(value: &Value) -> Option<Instant> {
    match value {
        Value::String(text) => instant_of(text),
        Value::Number(number) => number.as_i64(),
        _ => None,
    }
}

/// RFC 3339 → microseconds.
pub fn instant_of(text: &str) -> Option<Instant> {
    let parsed: jiff::Timestamp = text.parse().ok()?;
    Some(parsed.as_microsecond())
}

fn instant<'de, D: Deserializer<'de>>(from: D) -> Result<Instant, D::Error> {
    let value = Value::deserialize(from)?;
    value_instant(&value)
        .ok_or_else(|| D::Error::custom(format!("`{value}` is not a time (2026-01-31T12:00:00Z)")))
}

fn maybe_instant<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Instant>, D::Error> {
    instant(from).map(Some)
}

fn yes() -> bool {
    true
}

fn first_version() -> i64 {
    1
}

/// The workspace at the start of a scenario. Everything may be left out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Given {
    /// The clock; 2026-01-01T00:00:00Z.
    #[serde(deserialize_with = "maybe_instant")]
    pub now: Option<Instant>,
    /// In order of creation.
    pub users: Vec<User>,
    pub teams: Vec<Team>,
    pub channels: Vec<Channel>,
    pub contacts: Vec<Contact>,
    pub conversations: Vec<Conversation>,
    pub messages: Vec<Message>,
    /// The plugin's own storage: key → value.
    pub storage: BTreeMap<String, Value>,
    /// Collection → key → row.
    pub rows: BTreeMap<String, BTreeMap<String, Map<String, Value>>>,
    /// The plugin's timers, by name.
    pub timers: BTreeMap<String, Timer>,
    pub files: BTreeMap<String, File>,
    /// Known to the first channel by the token `visitor:CHANNEL:ID`.
    pub visitors: Vec<String>,
    /// Settings of one team or channel, by its id, over the plugin's own.
    pub scoped_settings: BTreeMap<String, Map<String, Value>>,
    /// The plugin that storage, rows and timers belong to; set by whoever loads the package.
    #[serde(skip)]
    pub plugin: Option<Installed>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    pub id: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub admin: bool,
    #[serde(default = "yes")]
    pub available: bool,
    #[serde(default)]
    pub archive_immediately: bool,
    /// Where left out, one second after the one before.
    #[serde(default, deserialize_with = "instant")]
    pub created_at: Instant,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Team {
    pub id: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub members: Vec<Member>,
    /// When it is closed; open otherwise.
    #[serde(default)]
    pub closed: Vec<Span>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    pub user: String,
    /// `agent` or `supervisor`.
    pub role: String,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    #[serde(deserialize_with = "instant")]
    pub from: Instant,
    #[serde(deserialize_with = "instant")]
    pub until: Instant,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    pub id: String,
    /// Where its new conversations are queued.
    #[serde(default)]
    pub team: Option<String>,
    /// `connected`, `degraded`, `disconnected`, and why.
    #[serde(default)]
    pub health: String,
    #[serde(default)]
    pub health_message: String,
    /// When it is closed, for conversations whose team is not closed at any time.
    #[serde(default)]
    pub closed: Vec<Span>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    pub id: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub labels: Vec<String>,
    /// `["phone", "+55…"]`.
    #[serde(default)]
    pub addresses: Vec<(String, String)>,
    #[serde(default)]
    pub fields: Map<String, Value>,
    /// Channel → external id there.
    #[serde(default)]
    pub identities: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversation {
    pub id: String,
    pub channel: String,
    pub contact: String,
    /// Where left out, the contact's id in the channel.
    #[serde(default)]
    pub thread: String,
    #[serde(default = "first_version")]
    pub version: i64,
    /// `queued`, `in_progress` or `concluded`.
    pub status: Status,
    #[serde(default)]
    pub team: Option<String>,
    #[serde(default)]
    pub agent: Option<String>,
    #[serde(default)]
    pub offer: Option<GivenOffer>,
    #[serde(default)]
    pub conclusion: Option<GivenConclusion>,
    /// Where left out, the scenario's beginning.
    #[serde(default, deserialize_with = "instant")]
    pub queued_at: Instant,
    #[serde(default, deserialize_with = "maybe_instant")]
    pub last_inbound_at: Option<Instant>,
    #[serde(default)]
    pub labels: Vec<String>,
}

/// `rules::Offer` with times as people write them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenOffer {
    pub agent: String,
    #[serde(deserialize_with = "instant")]
    pub since: Instant,
    #[serde(default, deserialize_with = "maybe_instant")]
    pub deadline: Option<Instant>,
    pub by: String,
}

/// `rules::Conclusion`, likewise.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenConclusion {
    #[serde(default)]
    pub by: Option<String>,
    #[serde(deserialize_with = "instant")]
    pub at: Instant,
    #[serde(default)]
    pub summary: String,
    #[serde(default)]
    pub archive_immediately: bool,
}

impl Conversation {
    /// Its routing state, as the rules see it.
    pub fn routed(&self) -> Routed {
        Routed {
            version: self.version,
            status: self.status,
            team: self.team.clone(),
            agent: self.agent.clone(),
            offer: self.offer.clone().map(|it| Offer {
                agent: it.agent,
                since: it.since,
                deadline: it.deadline,
                by: it.by,
            }),
            conclusion: self.conclusion.clone().map(|it| Conclusion {
                by: it.by,
                at: it.at,
                summary: it.summary,
                archive_immediately: it.archive_immediately,
            }),
        }
    }

    pub(crate) fn route(&mut self, routed: Routed) {
        self.version = routed.version;
        self.status = routed.status;
        self.team = routed.team;
        self.agent = routed.agent;
        self.offer = routed.offer.map(|it| GivenOffer {
            agent: it.agent,
            since: it.since,
            deadline: it.deadline,
            by: it.by,
        });
        self.conclusion = routed.conclusion.map(|it| GivenConclusion {
            by: it.by,
            at: it.at,
            summary: it.summary,
            archive_immediately: it.archive_immediately,
        });
    }

    pub(crate) fn served(&self) -> services::Conversation {
        services::Conversation {
            id: self.id.clone(),
            channel: self.channel.clone(),
            contact: self.contact.clone(),
            routed: self.routed(),
            queued_at: self.queued_at,
            last_inbound_at: self.last_inbound_at,
            labels: self.labels.clone(),
        }
    }
}

/// A message or a note.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    pub id: String,
    pub conversation: String,
    /// `contact`, `user`, `plugin` or `system`.
    pub author: String,
    #[serde(default)]
    pub author_id: Option<String>,
    #[serde(default, deserialize_with = "instant")]
    pub at: Instant,
    #[serde(default = "text_kind")]
    pub kind: String,
    #[serde(default)]
    pub text: String,
    #[serde(default)]
    pub attachments: Vec<Value>,
    /// JSON, as in the contract.
    #[serde(default)]
    pub extra: String,
    /// `received`, `queued`, `sent`, `delivered`, `read`, `failed` or `uncertain`.
    pub state: String,
    #[serde(default)]
    pub reason: String,
    #[serde(default)]
    pub private: bool,
    #[serde(default)]
    pub external_id: Option<String>,
    /// The channel's other ids of it, of its parts.
    #[serde(default)]
    pub parts: Vec<String>,
    /// External id of the message that it answers.
    #[serde(default)]
    pub reply_to: Option<String>,
    /// Who reacted (external id) → with what.
    #[serde(default)]
    pub reactions: BTreeMap<String, String>,
    /// Who reacted → when last, be it that they took it back.
    #[serde(skip)]
    pub reacted_at: BTreeMap<String, Instant>,
    #[serde(default)]
    pub edited: bool,
    #[serde(default)]
    pub revoked: bool,
    #[serde(default)]
    pub labels: Vec<String>,
}

fn text_kind() -> String {
    "text".to_owned()
}

impl Message {
    pub(crate) fn say(&mut self, content: &Content) {
        self.kind.clone_from(&content.kind);
        self.text.clone_from(&content.text);
        self.extra.clone_from(&content.extra);
        let attachments = content.attachments.iter().map(serde_json::to_value);
        self.attachments = attachments.filter_map(Result::ok).collect();
    }

    pub(crate) fn content(&self) -> Content {
        let attachments = self.attachments.iter().cloned();
        Content {
            kind: self.kind.clone(),
            text: self.text.clone(),
            attachments: attachments
                .filter_map(|it| serde_json::from_value(it).ok())
                .collect(),
            extra: self.extra.clone(),
        }
    }
}

/// A stored value. Values are kept as the text that the plugin wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub value: String,
    pub revision: i64,
    pub expires_at: Option<Instant>,
    pub about: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub json: String,
    pub about: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timer {
    #[serde(deserialize_with = "instant")]
    pub at: Instant,
    #[serde(default)]
    pub about: Option<Subject>,
    #[serde(default)]
    pub payload: String,
}

/// A file of the workspace; in a scenario its bytes are a text.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub mime: String,
    #[serde(default)]
    pub name: String,
    #[serde(default, rename = "text", deserialize_with = "text_bytes")]
    pub bytes: Vec<u8>,
    /// The visitor who did.
    #[serde(default)]
    pub uploaded_by: Option<String>,
}

fn text_bytes<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    String::deserialize(from).map(String::into_bytes)
}

/// What of a plugin the workspace goes by.
#[derive(Clone, Debug, Default)]
pub struct Installed {
    pub id: String,
    /// Event kinds.
    pub subscriptions: BTreeSet<String>,
    /// Name → indexed fields.
    pub collections: BTreeMap<String, BTreeSet<String>>,
}

impl Installed {
    pub fn of(manifest: &Manifest) -> Self {
        Self {
            id: manifest.id.clone(),
            subscriptions: manifest
                .subscriptions
                .iter()
                .map(|it| it.kind.clone())
                .collect(),
            collections: manifest
                .collections
                .iter()
                .map(|it| (it.name.clone(), it.indexes.iter().cloned().collect()))
                .collect(),
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub seq: u64,
    pub id: String,
    pub kind: String,
    pub at: Instant,
    pub conversation: Option<String>,
    pub subject: Option<Subject>,
    pub actor: Option<Subject>,
    pub data: String,
    /// 0: nothing of a plugin caused it; else how many plugins' calls stand one after the other before it.
    pub depth: u32,
}

impl Event {
    pub(crate) fn shown(&self) -> events::Event {
        events::Event {
            id: self.id.clone(),
            kind: self.kind.clone(),
            at: self.at,
            conversation: self.conversation.clone(),
            subject: self.subject.clone(),
            actor: self.actor.clone(),
            data: self.data.clone(),
        }
    }
}

/// An event that waits to be handled by a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub plugin: String,
    pub seq: u64,
    pub depth: u32,
}

/// News of a message that is not there yet: kept until then, or 24 hours.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub channel: String,
    pub external_id: String,
    pub news: crate::effect::Inbox,
    pub expires_at: Instant,
}

/// The workspace.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub now: Instant,
    pub plugins: BTreeMap<String, Installed>,
    pub users: Vec<User>,
    pub teams: Vec<Team>,
    pub channels: BTreeMap<String, Channel>,
    pub contacts: BTreeMap<String, Contact>,
    pub conversations: BTreeMap<String, Conversation>,
    pub messages: BTreeMap<String, Message>,
    /// (plugin, key).
    pub storage: BTreeMap<(String, String), Kept>,
    /// (plugin, collection, key).
    pub rows: BTreeMap<(String, String, String), Row>,
    /// (plugin, name).
    pub timers: BTreeMap<(String, String), Timer>,
    pub files: BTreeMap<String, File>,
    pub scoped_settings: BTreeMap<String, Map<String, Value>>,
    pub events: Vec<Event>,
    pub deliveries: Vec<Delivery>,
    /// (visitor, kind, data) of everything shown live.
    pub pushed: Vec<(String, String, String)>,
    /// What each plugin may keep here.
    pub quotas: Quotas,
    /// (channel, event key) of everything that was handed over.
    pub(crate) seen: BTreeSet<(String, String)>,
    pub(crate) pending: Vec<Pending>,
    /// (channel, thread) → until when the contact has read everything.
    pub(crate) reads: BTreeMap<(String, String), Instant>,
    pub(crate) visitors: BTreeSet<String>,
    pub(crate) revision: i64,
}

impl State {
    pub(crate) fn from_given(given: Given) -> Result<Self, String> {
        let now = given.now.unwrap_or(DAWN);
        let plugin = given.plugin.unwrap_or_default();
        let owner = plugin.id.clone();
        let mut state = Self {
            now,
            users: given.users,
            teams: given.teams,
            files: given.files,
            scoped_settings: given.scoped_settings,
            plugins: BTreeMap::from([(owner.clone(), plugin)]),
            ..Self::default()
        };
        for (index, user) in state.users.iter_mut().enumerate() {
            if user.created_at == 0 {
                let seconds = i64::try_from(index)
                    .unwrap_or(i64::MAX)
                    .saturating_mul(1_000_000);
                user.created_at = DAWN.saturating_add(seconds);
            }
        }
        if let Some(channel) = given.channels.first() {
            let token = |id: String| super::services::visitor_token(&channel.id, &id);
            state.visitors = given.visitors.into_iter().map(token).collect();
        }
        state.channels = given
            .channels
            .into_iter()
            .map(|it| (it.id.clone(), it))
            .collect();
        state.contacts = given
            .contacts
            .into_iter()
            .map(|it| (it.id.clone(), it))
            .collect();
        state.messages = given
            .messages
            .into_iter()
            .map(|it| (it.id.clone(), it))
            .collect();
        for mut conversation in given.conversations {
            if conversation.queued_at == 0 {
                conversation.queued_at = now;
            }
            if conversation.thread.is_empty() {
                let contact = state.contacts.get(&conversation.contact);
                let thread = contact.and_then(|it| it.identities.get(&conversation.channel));
                conversation.thread = thread.cloned().unwrap_or_default();
            }
            state
                .conversations
                .insert(conversation.id.clone(), conversation);
        }
        for (key, value) in given.storage {
            state.store(&owner, key, value.to_string(), None, None);
        }
        for (collection, rows) in given.rows {
            for (key, row) in rows {
                let row = Row {
                    json: Value::Object(row).to_string(),
                    about: None,
                };
                state
                    .rows
                    .insert((owner.clone(), collection.clone(), key), row);
            }
        }
        for (name, timer) in given.timers {
            state.timers.insert((owner.clone(), name), timer);
        }
        state.check()?;
        Ok(state)
    }

    /// Everything that is named must be there: a mistyped id would make a test that shows nothing.
    fn check(&self) -> Result<(), String> {
        let there = |found: bool, what: String| if found { Ok(()) } else { Err(what) };
        for team in &self.teams {
            for member in &team.members {
                let (of, user) = (&team.id, &member.user);
                there(
                    self.user(user).is_some(),
                    format!("the team {of} names {user}, who is no user"),
                )?;
                let role = matches!(member.role.as_str(), "agent" | "supervisor");
                there(
                    role,
                    format!("the role of {user} in {of} is agent or supervisor"),
                )?;
            }
        }
        for channel in self.channels.values() {
            let Some(team) = &channel.team else { continue };
            let named = format!("the channel {} names {team}, which is no team", channel.id);
            there(self.team(team).is_some(), named)?;
        }
        for conversation in self.conversations.values() {
            let id = &conversation.id;
            let channel = self.channels.contains_key(&conversation.channel);
            there(
                channel,
                format!("{id} names {}, which is no channel", conversation.channel),
            )?;
            let contact = self.contacts.contains_key(&conversation.contact);
            there(
                contact,
                format!("{id} names {}, who is no contact", conversation.contact),
            )?;
            if let Some(team) = &conversation.team {
                there(
                    self.team(team).is_some(),
                    format!("{id} names {team}, which is no team"),
                )?;
            }
            if let Some(agent) = &conversation.agent {
                there(
                    self.user(agent).is_some(),
                    format!("{id} names {agent}, who is no user"),
                )?;
            }
        }
        for message in self.messages.values() {
            let (id, of) = (&message.id, &message.conversation);
            there(
                self.conversations.contains_key(of),
                format!("{id} names {of}, which is no conversation"),
            )?;
        }
        Ok(())
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        let conversations = self.conversations.keys();
        conversations
            .chain(self.messages.keys())
            .chain(self.contacts.keys())
            .chain(self.files.keys())
            .map(String::as_str)
    }

    pub fn user(&self, id: &str) -> Option<&User> {
        self.users.iter().find(|it| it.id == id)
    }

    pub fn team(&self, id: &str) -> Option<&Team> {
        self.teams.iter().find(|it| it.id == id)
    }

    /// The user as the rules see them. Who is both agent and supervisor of a team has a supervisor's rights.
    pub fn person(&self, id: &str) -> Option<Person> {
        let user = self.user(id)?;
        let mut teams = BTreeMap::new();
        for team in &self.teams {
            for member in team.members.iter().filter(|it| it.user == id) {
                let role = match member.role.as_str() {
                    "supervisor" => TeamRole::Supervisor,
                    _ => TeamRole::Agent,
                };
                let known = teams.entry(team.id.clone()).or_insert(role);
                if role == TeamRole::Supervisor {
                    *known = role;
                }
            }
        }
        Some(Person {
            id: user.id.clone(),
            admin: user.admin,
            teams,
        })
    }

    pub(crate) fn kept(&self, plugin: &str, key: &str) -> Option<&Kept> {
        let kept = self.storage.get(&(plugin.to_owned(), key.to_owned()))?;
        kept.expires_at
            .is_none_or(|at| at > self.now)
            .then_some(kept)
    }

    /// Writes a value of the plugin's storage.
    pub fn store(
        &mut self,
        plugin: &str,
        key: String,
        value: String,
        expires_at: Option<Instant>,
        about: Option<String>,
    ) {
        self.revision += 1;
        let kept = Kept {
            value,
            revision: self.revision,
            expires_at,
            about,
        };
        self.storage.insert((plugin.to_owned(), key), kept);
    }
}
