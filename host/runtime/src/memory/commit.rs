//! A call's commit: is its cause still there, is what it read still so, then all its effects or none, with the events that they are. Also
//! what people do in the workspace, by the same rules.

use super::{
    World,
    chance::Seeded,
    services::{hours, listed, shown_team},
    state::{Conversation, Delivery, Event, Message, Row, Span, State, Timer},
};
use crate::{
    bounds,
    context::Actor,
    effect::{
        Collections, ContactsWrite, Effect, Labels, MessagesSend, Routing, Storage, Timers,
        Visitors,
    },
    quota::Keeps,
    rules::{self, Change, Refusal},
    services::ReadSet,
    wit::{Content, Instant, Subject, channel::Sent, events},
};

/// How many plugins' calls may stand one after the other in a causal chain (DESIGN §4).
pub const MAX_HOPS: u32 = 8;

/// What a call answers to; its commit acknowledges it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// An event's delivery to the plugin.
    Delivery { seq: u64, depth: u32 },
    /// A timer, as it was when it was due.
    Timer { name: String, at: Instant },
    /// A request, a person or the host: nothing to acknowledge here.
    Asked,
}

impl Cause {
    fn depth(&self) -> u32 {
        match self {
            Self::Delivery { depth, .. } => *depth,
            Self::Timer { .. } | Self::Asked => 0,
        }
    }
}

/// One call that ended well.
pub struct Commit<'a> {
    pub plugin: &'a str,
    pub channel: Option<&'a str>,
    pub actor: Option<&'a Actor>,
    pub cause: &'a Cause,
    pub reads: &'a ReadSet,
    pub effects: &'a [Effect],
}

/// Why nothing was committed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// What the call read is no longer so; the text names it.
    #[error("conflict: {0}")]
    Conflict(String),
    /// The cause has been acknowledged already, or has changed.
    #[error("what caused the call has been dealt with already")]
    Gone,
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl World {
    /// All of it or nothing.
    ///
    /// # Errors
    /// See `CommitError`.
    pub fn commit(&self, commit: &Commit<'_>) -> Result<(), CommitError> {
        self.change(|state, chance| {
            state.acknowledge(commit.plugin, commit.cause)?;
            state.unchanged(commit.plugin, commit.reads)?;
            let before = state.keeps(commit.plugin);
            let mut applied = Applied {
                state,
                chance,
                commit,
            };
            commit
                .effects
                .iter()
                .try_for_each(|effect| applied.apply(effect))?;
            let permitted = state.quotas.permit(&before, &state.keeps(commit.plugin));
            permitted.map_err(|hit| {
                let message = hit.to_string();
                Refusal {
                    code: "limit",
                    message,
                }
                .into()
            })
        })
    }
}

/// An event about to happen.
pub(crate) struct Happened<'a> {
    pub kind: &'a str,
    pub conversation: Option<String>,
    pub subject: Option<Subject>,
    pub actor: Subject,
    pub data: serde_json::Value,
    /// The plugin whose call it is an effect of, and how deep in the chain that makes it.
    pub by: Option<&'a str>,
    pub depth: u32,
}

pub(crate) fn subject(kind: &str, id: &str) -> Subject {
    Subject {
        kind: kind.to_owned(),
        id: id.to_owned(),
    }
}

impl State {
    fn keeps(&self, plugin: &str) -> Keeps {
        let mut keeps = Keeps::default();
        for ((owner, key), kept) in &self.storage {
            if owner == plugin {
                keeps.storage_keys += 1;
                keeps.storage_bytes += (key.len() + kept.value.len()) as u64;
            }
        }
        let rows = self.rows.keys().filter(|(owner, ..)| owner == plugin);
        keeps.collection_rows = rows.count() as u64;
        let timers = self.timers.keys().filter(|(owner, _)| owner == plugin);
        keeps.timers = timers.count() as u64;
        keeps
    }

    fn acknowledge(&mut self, plugin: &str, cause: &Cause) -> Result<(), CommitError> {
        match cause {
            Cause::Asked => Ok(()),
            Cause::Delivery { seq, .. } => {
                let waits = |it: &Delivery| it.plugin == plugin && it.seq == *seq;
                let at = self
                    .deliveries
                    .iter()
                    .position(waits)
                    .ok_or(CommitError::Gone)?;
                self.deliveries.remove(at);
                Ok(())
            }
            Cause::Timer { name, at } => {
                let key = (plugin.to_owned(), name.clone());
                if self.timers.get(&key).is_none_or(|timer| timer.at != *at) {
                    return Err(CommitError::Gone);
                }
                self.timers.remove(&key);
                Ok(())
            }
        }
    }

    fn unchanged(&self, plugin: &str, reads: &ReadSet) -> Result<(), CommitError> {
        let conflict = |what: String| Err(CommitError::Conflict(what));
        for (key, revision) in &reads.storage {
            if self.kept(plugin, key).map(|it| it.revision) != *revision {
                return conflict(format!("the stored value of `{key}`"));
            }
        }
        for it in &reads.listed {
            let now = listed(self, plugin, &it.prefix, it.after.as_deref(), it.limit);
            let now = now.into_iter().map(|(key, stored)| (key, stored.revision));
            if !now.eq(it.found.iter().cloned()) {
                return conflict(format!("the keys under `{}`", it.prefix));
            }
        }
        for ((collection, key), row) in &reads.rows {
            let at = (plugin.to_owned(), collection.clone(), key.clone());
            if self.rows.get(&at).map(|it| &it.json) != row.as_ref() {
                return conflict(format!("the row `{key}` of `{collection}`"));
            }
        }
        for (id, version) in &reads.conversations {
            if self.conversations.get(id).map(|it| it.version) != Some(*version) {
                return conflict(format!("the conversation {id}"));
            }
        }
        for (id, team) in &reads.teams {
            if self.team(id).map(|it| shown_team(self, it)).as_ref() != Some(team) {
                return conflict(format!("the team {id}"));
            }
        }
        for (of, at, seen) in &reads.hours {
            if hours(self, of, *at).as_ref() != Some(seen) {
                return conflict("business hours".to_owned());
            }
        }
        Ok(())
    }

    /// Records an event and queues it for the plugins that subscribed, but not for the one that caused it.
    pub(crate) fn happen(&mut self, chance: &Seeded, it: Happened<'_>) {
        let seq = self.events.last().map_or(1, |last| last.seq + 1);
        for plugin in self.plugins.values() {
            let told = plugin.subscriptions.contains(it.kind) && it.by != Some(&plugin.id);
            if told && it.depth < MAX_HOPS {
                self.deliveries.push(Delivery {
                    plugin: plugin.id.clone(),
                    seq,
                    depth: it.depth,
                });
            }
        }
        let data = match it.data {
            serde_json::Value::Null => String::new(),
            data => data.to_string(),
        };
        self.events.push(Event {
            seq,
            id: chance.id("evt"),
            kind: it.kind.to_owned(),
            at: self.now,
            conversation: it.conversation,
            subject: it.subject,
            actor: Some(it.actor),
            data,
            depth: it.depth,
        });
    }

    pub(crate) fn talk(&mut self, id: &str) -> Result<&mut Conversation, Refusal> {
        self.conversations
            .get_mut(id)
            .ok_or_else(|| not_found("conversation", id))
    }

    /// Makes a change that the rules allow, and the event that it is.
    fn route(
        &mut self,
        chance: &Seeded,
        id: &str,
        change: &Change,
        cause: Happened<'_>,
    ) -> Result<(), Refusal> {
        let now = self.now;
        let talk = self.talk(id)?;
        let routed = rules::apply(&talk.routed(), change, now)?;
        talk.route(routed);
        let (kind, data) = match change {
            Change::Offer { agent, .. } => {
                ("conversation.offered", serde_json::json!({"agent": agent}))
            }
            Change::Release => ("conversation.released", serde_json::Value::Null),
            Change::Assign { agent } => {
                ("conversation.started", serde_json::json!({"agent": agent}))
            }
            Change::Transfer { team, agent } => (
                "conversation.transferred",
                serde_json::json!({"team": team, "agent": agent}),
            ),
            Change::Conclude { .. } => ("conversation.concluded", serde_json::Value::Null),
            Change::Reopen => ("conversation.reopened", serde_json::Value::Null),
            Change::SetSummary { .. } => return Ok(()),
        };
        let event = Happened {
            kind,
            data,
            conversation: Some(id.to_owned()),
            ..cause
        };
        self.happen(chance, event);
        Ok(())
    }

    /// A person's own doing, by their rights.
    ///
    /// # Errors
    /// What the rules refuse; an unknown person or conversation.
    pub fn person_does(
        &mut self,
        chance: &Seeded,
        user: &str,
        conversation: &str,
        change: &Change,
    ) -> Result<(), Refusal> {
        let person = self.person(user).ok_or_else(|| not_found("user", user))?;
        let state = self.talk(conversation)?.routed();
        rules::permits(&person, &state, change)?;
        self.route(chance, conversation, change, by(subject("user", user)))
    }

    /// A user becomes available, or no longer is.
    ///
    /// # Errors
    /// An unknown user.
    pub fn set_available(
        &mut self,
        chance: &Seeded,
        user: &str,
        available: bool,
    ) -> Result<(), Refusal> {
        let found = self.users.iter_mut().find(|it| it.id == user);
        found.ok_or_else(|| not_found("user", user))?.available = available;
        let teams: Vec<String> = self
            .teams
            .iter()
            .filter(|team| team.members.iter().any(|it| it.user == user))
            .map(|team| team.id.clone())
            .collect();
        for team in teams {
            let event = Happened {
                kind: "member.availability-changed",
                subject: Some(subject("team", &team)),
                data: serde_json::json!({"user": user, "available": available}),
                ..by(subject("user", user))
            };
            self.happen(chance, event);
        }
        Ok(())
    }

    /// An administrator gives a team or channel other hours: it is closed in these spans.
    ///
    /// # Errors
    /// There is no such team or channel.
    pub fn set_closed(
        &mut self,
        chance: &Seeded,
        id: &str,
        closed: Vec<Span>,
    ) -> Result<(), Refusal> {
        let team = self.teams.iter_mut().find(|it| it.id == id);
        let (kind, of) = match team {
            Some(team) => ("team", &mut team.closed),
            None => {
                let channel = self.channels.get_mut(id);
                let channel = channel.ok_or_else(|| not_found("team or channel", id))?;
                ("channel", &mut channel.closed)
            }
        };
        *of = closed;
        let event = Happened {
            kind: match kind {
                "team" => "team.hours-changed",
                _ => "channel.hours-changed",
            },
            subject: Some(subject(kind, id)),
            ..by(subject("user", "admin"))
        };
        self.happen(chance, event);
        Ok(())
    }

    /// An event as whoever tells of it describes it; id and time are given here.
    pub fn happened(&mut self, chance: &Seeded, event: &events::Event) {
        let data = serde_json::from_str(&event.data).unwrap_or_default();
        let happened = Happened {
            kind: &event.kind,
            conversation: event.conversation.clone(),
            subject: event.subject.clone(),
            data,
            ..by(event.actor.clone().unwrap_or_else(|| subject("system", "")))
        };
        self.happen(chance, happened);
    }

    /// What the connector sent of a message of ours: its external id and state, and what the provider had told of it already.
    pub fn was_sent(&mut self, chance: &Seeded, channel: &str, message: &str, sent: &Sent) {
        let Some(stored) = self.messages.get_mut(message) else {
            return;
        };
        let possible = |id: &&String| bounds::external("external-id", id).is_ok();
        let external_ids: Vec<String> =
            sent.external_ids.iter().filter(possible).cloned().collect();
        if let Some((last, parts)) = external_ids.split_last() {
            stored.external_id = Some(last.clone());
            stored.parts = parts.to_vec();
        }
        stored.state = rules::advance_delivery(&stored.state, &sent.state).to_owned();
        for external_id in &external_ids {
            self.catch_up(chance, channel, external_id);
        }
        let of = self.messages.get(message).map(|it| &it.conversation);
        let talk = of.and_then(|of| self.conversations.get(of));
        if let Some(thread) = talk.map(|it| it.thread.clone()) {
            self.read_late(channel, &thread);
        }
    }

    /// The channel has changed a message of ours: it says `content`, or nothing any more.
    pub fn was_changed(&mut self, message: &str, content: Option<&Content>) {
        let Some(stored) = self.messages.get_mut(message) else {
            return;
        };
        match content {
            Some(content) => {
                stored.say(content);
                stored.edited = true;
            }
            None => stored.revoked = true,
        }
    }

    /// The core's own care (FEATURES C10): an offer whose deadline is before `before` and that nothing has moved on ends, so that the whole
    /// team sees the conversation.
    ///
    /// # Errors
    /// Never in a state that the rules have made.
    pub fn release_overdue(&mut self, chance: &Seeded, before: Instant) -> Result<(), Refusal> {
        let overdue = |it: &&Conversation| {
            let deadline = it.offer.as_ref().and_then(|offer| offer.deadline);
            deadline.is_some_and(|deadline| deadline < before)
        };
        let found: Vec<String> = self
            .conversations
            .values()
            .filter(overdue)
            .map(|it| it.id.clone())
            .collect();
        for id in found {
            self.route(chance, &id, &Change::Release, by(subject("system", "")))?;
        }
        Ok(())
    }
}

pub(crate) fn by<'a>(actor: Subject) -> Happened<'a> {
    Happened {
        kind: "",
        conversation: None,
        subject: None,
        actor,
        data: serde_json::Value::Null,
        by: None,
        depth: 0,
    }
}

pub(crate) fn not_found(what: &str, id: &str) -> Refusal {
    Refusal {
        code: "not-found",
        message: format!("no {what} {}", crate::bounds::cut(id, 64)),
    }
}

/// The effects of one call on a workspace that nobody else sees yet.
struct Applied<'a> {
    state: &'a mut State,
    chance: &'a Seeded,
    commit: &'a Commit<'a>,
}

impl<'a> Applied<'a> {
    fn apply(&mut self, effect: &Effect) -> Result<(), CommitError> {
        match effect {
            Effect::Inbox(news) => {
                let channel = self.commit.channel.unwrap_or_default();
                self.state.hand_over(self.chance, channel, news)?;
            }
            Effect::Visitors(Visitors::Push {
                visitor,
                kind,
                data,
            }) => {
                self.state
                    .pushed
                    .push((visitor.clone(), kind.clone(), data.clone()));
            }
            Effect::Storage(effect) => self.storage(effect),
            Effect::Collections(effect) => self.rows(effect),
            Effect::Timers(effect) => self.timers(effect),
            Effect::Routing(effect) => {
                let (id, change) = rules::change_of_routing(effect, self.commit.plugin);
                self.route(&id, &change, note_of(effect))?;
            }
            Effect::Conclusion(effect) => {
                let actor = self.commit.actor;
                let user = actor.map(|it| it.person.id.as_str());
                let archive = actor.is_some_and(|it| it.archive_immediately);
                let (id, change) = rules::change_of_conclusion(effect, user, archive);
                self.route(&id, &change, None)?;
            }
            Effect::Labels(effect) => self.labels(effect)?,
            Effect::MessagesSend(effect) => self.send(effect)?,
            Effect::ContactsWrite(effect) => self.contact(effect)?,
        }
        Ok(())
    }

    fn cause(&self) -> Happened<'a> {
        let actor = match self.commit.actor {
            Some(actor) => subject("user", &actor.person.id),
            None => subject("plugin", self.commit.plugin),
        };
        Happened {
            by: Some(self.commit.plugin),
            depth: self.commit.cause.depth() + 1,
            ..by(actor)
        }
    }

    /// The rights of an action's user are checked again: they may have changed since.
    fn route(&mut self, id: &str, change: &Change, note: Option<&str>) -> Result<(), Refusal> {
        if let Some(actor) = self.commit.actor {
            rules::permits(&actor.person, &self.state.talk(id)?.routed(), change)?;
        }
        self.state.route(self.chance, id, change, self.cause())?;
        match note.filter(|note| !note.is_empty()) {
            Some(note) => self.say(self.chance.id("msg"), (id.to_owned(), plain(note)), true),
            None => Ok(()),
        }
    }

    fn storage(&mut self, effect: &Storage) {
        let plugin = self.commit.plugin;
        match effect {
            Storage::Set {
                key,
                value,
                ttl,
                about,
            } => {
                let expires = ttl.map(|seconds| {
                    self.state
                        .now
                        .saturating_add(i64::from(seconds) * 1_000_000)
                });
                self.state
                    .store(plugin, key.clone(), value.clone(), expires, about.clone());
            }
            Storage::Delete { key } => {
                self.state.storage.remove(&(plugin.to_owned(), key.clone()));
            }
        }
    }

    fn rows(&mut self, effect: &Collections) {
        let at = |collection: &String, key: &String| {
            (
                self.commit.plugin.to_owned(),
                collection.clone(),
                key.clone(),
            )
        };
        match effect {
            Collections::Put {
                collection,
                key,
                row,
                about,
            } => {
                let row = Row {
                    json: row.clone(),
                    about: about.clone(),
                };
                self.state.rows.insert(at(collection, key), row);
            }
            Collections::Delete { collection, key } => {
                self.state.rows.remove(&at(collection, key));
            }
        }
    }

    fn timers(&mut self, effect: &Timers) {
        let at = |name: &String| (self.commit.plugin.to_owned(), name.clone());
        match effect {
            Timers::Set {
                name,
                at: when,
                about,
                payload,
            } => {
                let timer = Timer {
                    at: *when,
                    about: about.clone(),
                    payload: payload.clone(),
                };
                self.state.timers.insert(at(name), timer);
            }
            Timers::Cancel { name } => {
                self.state.timers.remove(&at(name));
            }
        }
    }

    fn labels(&mut self, effect: &Labels) -> Result<(), Refusal> {
        let (of, label, add) = match effect {
            Labels::Add { of, label } => (of, label, true),
            Labels::Remove { of, label } => (of, label, false),
        };
        let labels = match of.kind.as_str() {
            "conversation" => &mut self.state.talk(&of.id)?.labels,
            _ => {
                let message = self.state.messages.get_mut(&of.id);
                &mut message.ok_or_else(|| not_found("message", &of.id))?.labels
            }
        };
        set_label(labels, label, add);
        Ok(())
    }

    fn send(&mut self, effect: &MessagesSend) -> Result<(), Refusal> {
        match effect {
            MessagesSend::Send {
                id,
                conversation,
                content,
            } => self.say(id.clone(), (conversation.clone(), content.clone()), false),
            MessagesSend::Note {
                id,
                conversation,
                text,
            } => self.say(id.clone(), (conversation.clone(), plain(text)), true),
        }
    }

    fn say(&mut self, id: String, said: (String, Content), private: bool) -> Result<(), Refusal> {
        let (conversation, content) = said;
        self.state.talk(&conversation)?;
        let mut message = Message {
            id: id.clone(),
            conversation,
            author: "plugin".to_owned(),
            author_id: Some(self.commit.plugin.to_owned()),
            at: self.state.now,
            kind: String::new(),
            text: String::new(),
            attachments: Vec::new(),
            extra: String::new(),
            state: if private { "sent" } else { "queued" }.to_owned(),
            reason: String::new(),
            private,
            external_id: None,
            parts: Vec::new(),
            reply_to: None,
            reactions: Default::default(),
            reacted_at: Default::default(),
            edited: false,
            revoked: false,
            labels: Vec::new(),
        };
        message.say(&content);
        self.state.messages.insert(id, message);
        Ok(())
    }

    fn contact(&mut self, effect: &ContactsWrite) -> Result<(), Refusal> {
        let id = match effect {
            ContactsWrite::AddLabel { contact, .. }
            | ContactsWrite::RemoveLabel { contact, .. }
            | ContactsWrite::SetField { contact, .. }
            | ContactsWrite::Rename { contact, .. } => contact,
        };
        let contact = self
            .state
            .contacts
            .get_mut(id)
            .ok_or_else(|| not_found("contact", id))?;
        match effect {
            ContactsWrite::AddLabel { label, .. } => set_label(&mut contact.labels, label, true),
            ContactsWrite::RemoveLabel { label, .. } => {
                set_label(&mut contact.labels, label, false)
            }
            ContactsWrite::Rename { name, .. } => contact.name.clone_from(name),
            ContactsWrite::SetField { name, value, .. } => match serde_json::from_str(value) {
                Ok(value) => drop(contact.fields.insert(name.clone(), value)),
                Err(_) => drop(contact.fields.remove(name)),
            },
        }
        Ok(())
    }
}

fn set_label(labels: &mut Vec<String>, label: &str, add: bool) {
    labels.retain(|it| it != label);
    if add {
        labels.push(label.to_owned());
    }
}

fn plain(text: &str) -> Content {
    Content {
        kind: "text".to_owned(),
        text: text.to_owned(),
        attachments: Vec::new(),
        extra: String::new(),
    }
}

fn note_of(effect: &Routing) -> Option<&str> {
    match effect {
        Routing::Release { note, .. } | Routing::Transfer { note, .. } => Some(note),
        Routing::Offer { .. } | Routing::Assign { .. } => None,
    }
}
