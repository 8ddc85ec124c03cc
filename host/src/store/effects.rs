//! Commits what a plugin call asked for, together with the acknowledgement of what caused it: all of it or nothing (DESIGN §4). Checks
//! that what the call has seen is still so, and that its lane is still its own. What a call asks of elsewhere (received messages, files) it
//! gives back.

use balcao_runtime::effect::{
    Collections, ContactsWrite, Effect, Labels, MessagesSend, Storage, Timers, Visitors,
};
use balcao_runtime::quota::Quotas;
use balcao_runtime::rules::{self, Change, Person};
use balcao_runtime::services::ReadSet;
use balcao_runtime::wit::{Content, Subject, teams};
use serde_json::Value;
use sqlx::FromRow;

use super::claims::{Claim, Work};
use super::events::{Actor, Event, NewEvent};
use super::routing::By;
use super::sends::NewMessage;
use super::storage::{Indexes, Owner};
use super::usage::Touched;
use super::{Scope, Tx, fetch};
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::id::{ChannelId, ContactId, ConversationId, MessageId, TeamId, UserId, WorkspaceId};

/// What a call was for.
#[derive(Clone, Debug)]
pub enum Cause<'a> {
    /// An event or a timer, from a lane.
    Claimed(&'a Claim),
    /// A person used the plugin's button.
    Action {
        person: &'a Person,
        archive_immediately: bool,
    },
    /// Something else of the host's: a webhook, a view, enabling.
    Host,
}

/// A finished call.
#[derive(Clone, Debug)]
pub struct CallCommit<'a> {
    pub plugin: &'a str,
    /// The one that the call was about.
    pub channel: Option<ChannelId>,
    pub cause: Cause<'a>,
    pub reads: &'a ReadSet,
    pub effects: &'a [Effect],
    pub indexes: &'a Indexes,
    pub quotas: &'a Quotas,
}

/// What was committed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CommittedCall {
    pub events: Vec<Event>,
    /// What is not the store's: `inbox` and `media`, in order.
    pub left: Vec<Effect>,
}

/// Why nothing of the call was kept.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Something that the call has seen has changed: run it again.
    #[error("{0} has changed meanwhile")]
    Conflict(String),
    /// An effect is not possible or not allowed: the call has failed.
    #[error("{code}: {message}")]
    Refused { code: &'static str, message: String },
    /// The lane belongs to another, who will do it.
    #[error("the lane belongs to another now")]
    LeaseLost,
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<sqlx::Error> for CallError {
    fn from(error: sqlx::Error) -> Self {
        Self::Other(error.into())
    }
}

/// What an effect is applied with.
struct Applying<'a> {
    scope: Scope<'a>,
    plugin: &'a str,
    channel: Option<ChannelId>,
    actor: Actor,
    person: Option<&'a Person>,
    archive_immediately: bool,
    indexes: &'a Indexes,
    /// Taken with the first write to storage.
    revision: Option<i64>,
}

impl Tx {
    /// Commits a call in this transaction, which holds the workspace (`Store::write`). Where it does not succeed, the transaction
    /// is not to be committed.
    pub async fn commit_call(
        &mut self,
        scope: Scope<'_>,
        call: &CallCommit<'_>,
    ) -> Result<CommittedCall, CallError> {
        let already = self.recorded.len();
        let left = self.try_call(scope, call).await?;
        Ok(CommittedCall {
            events: self.recorded[already..].to_vec(),
            left,
        })
    }

    async fn try_call(
        &mut self,
        scope: Scope<'_>,
        call: &CallCommit<'_>,
    ) -> Result<Vec<Effect>, CallError> {
        let of = Owner {
            workspace: scope.workspace,
            plugin: call.plugin,
        };
        let claim = match &call.cause {
            Cause::Claimed(claim) => Some(*claim),
            _ => None,
        };
        let touched = Touched::by(call.effects, claim)?;
        let before = match &touched {
            Some(touched) => self.touched(of, touched).await?,
            None => Default::default(),
        };
        if let Some(claim) = claim {
            self.acknowledge(claim).await?;
        }
        self.check_reads(of, call.reads, scope.now).await?;
        let depth = match &call.cause {
            Cause::Claimed(Claim {
                work: Work::Event { event, .. },
                ..
            }) => event.depth + 1,
            _ => 0,
        };
        let (actor, person, archive_immediately) = match &call.cause {
            Cause::Action {
                person,
                archive_immediately,
            } => {
                let actor = Actor {
                    via: Some(call.plugin.to_owned()),
                    ..Actor::user(&person.id)
                };
                (actor, Some(*person), *archive_immediately)
            }
            _ => (Actor::plugin(call.plugin, depth), None, false),
        };
        let indexes = call.indexes;
        let mut with = Applying {
            scope,
            plugin: call.plugin,
            channel: call.channel,
            actor,
            person,
            archive_immediately,
            indexes,
            revision: None,
        };
        let mut left = Vec::new();
        for effect in call.effects {
            if !self
                .apply_effect(&mut with, effect)
                .await
                .map_err(refused)?
            {
                left.push(effect.clone());
            }
        }
        if let Some(touched) = &touched {
            let after = self.touched(of, touched).await?;
            let (before, after) = self.change_keeps(of, before, after).await?;
            call.quotas
                .permit(&before, &after)
                .map_err(|hit| CallError::Refused {
                    code: "limit",
                    message: hit.to_string(),
                })?;
        }
        if let Some(claim) = claim {
            self.end_hold_of(scope, claim, &with.actor).await?;
            self.rest(&claim.lane).await?;
        }
        Ok(left)
    }

    /// Takes the cause off its lane, before anything the call does to the lane: a timer set again under the same name is a new one.
    async fn acknowledge(&mut self, claim: &Claim) -> Result<(), CallError> {
        if self.holds(&claim.lane).await? && self.done(claim).await? {
            return Ok(());
        }
        Err(CallError::LeaseLost)
    }

    /// A new conversation was held for whoever routes it: that has happened now, whatever came of it.
    async fn end_hold_of(&mut self, scope: Scope<'_>, claim: &Claim, actor: &Actor) -> Result<()> {
        let Work::Event { event, .. } = &claim.work else {
            return Ok(());
        };
        let Some(id) = event
            .conversation
            .filter(|_| event.kind == "conversation.queued")
        else {
            return Ok(());
        };
        if let Some(it) = self
            .conversation(scope.workspace, id)
            .await?
            .filter(|it| it.hold_until.is_some())
        {
            self.show(scope, vec![it], actor).await?;
        }
        Ok(())
    }

    /// Everything that the call has seen is as it was.
    async fn check_reads(
        &mut self,
        of: Owner<'_>,
        reads: &ReadSet,
        now: Instant,
    ) -> Result<(), CallError> {
        let changed = |what: String| Err(CallError::Conflict(what));
        for (key, seen) in &reads.storage {
            if self.storage_get(of, key, now).await?.map(|it| it.revision) != *seen {
                return changed(format!("storage key {key}"));
            }
        }
        for it in &reads.listed {
            let found = self
                .storage_list(
                    of,
                    &it.prefix,
                    it.after.as_deref(),
                    i64::from(it.limit),
                    now,
                )
                .await?;
            if !found
                .iter()
                .map(|(key, stored)| (key, stored.revision))
                .eq(it.found.iter().map(|(key, rev)| (key, *rev)))
            {
                return changed(format!("the list of storage keys {}…", it.prefix));
            }
        }
        for ((collection, key), seen) in &reads.rows {
            if self.collection_row(of, collection, key).await? != *seen {
                return changed(format!("row {key} of {collection}"));
            }
        }
        for (id, version) in &reads.conversations {
            let found = match id.parse::<ConversationId>() {
                Ok(id) => self
                    .conversation(of.workspace, id)
                    .await?
                    .map(|it| it.version),
                Err(_) => None,
            };
            if found != Some(*version) {
                return changed(format!("conversation {id}"));
            }
        }
        for (id, seen) in &reads.teams {
            let found = match id.parse() {
                Ok(id) => self.plugin_team(of.workspace, id).await?,
                Err(_) => None,
            };
            if found.as_ref() != Some(seen) {
                return changed(format!("team {id}"));
            }
        }
        for (whose, at, seen) in &reads.hours {
            if self.plugin_hours(of.workspace, whose, *at).await?.as_ref() != Some(seen) {
                return changed("business hours".to_owned());
            }
        }
        Ok(())
    }

    /// False: not the store's.
    async fn apply_effect(&mut self, with: &mut Applying<'_>, effect: &Effect) -> Result<bool> {
        let of = Owner {
            workspace: with.scope.workspace,
            plugin: with.plugin,
        };
        match effect {
            Effect::Storage(it) => self.apply_storage(with, of, it).await?,
            Effect::Collections(Collections::Put {
                collection,
                key,
                row,
                about,
            }) => {
                let indexed = with
                    .indexes
                    .get(collection)
                    .map(Vec::as_slice)
                    .unwrap_or_default();
                self.collection_put(of, collection, key, row, about.as_deref(), indexed)
                    .await?;
            }
            Effect::Collections(Collections::Delete { collection, key }) => {
                self.collection_delete(of, collection, key).await?
            }
            Effect::Timers(Timers::Set {
                name,
                at,
                about,
                payload,
            }) => {
                self.set_timer(with.scope, with.plugin, name, *at, about.as_ref(), payload)
                    .await?;
            }
            Effect::Timers(Timers::Cancel { name }) => self.cancel_timer(of, name).await?,
            Effect::Routing(it) => {
                let (conversation, change) = rules::change_of_routing(it, with.plugin);
                let note = match it {
                    balcao_runtime::effect::Routing::Release { note, .. }
                    | balcao_runtime::effect::Routing::Transfer { note, .. } => note.as_str(),
                    _ => "",
                };
                self.apply_change(with, &conversation, &change, note)
                    .await?;
            }
            Effect::Conclusion(it) => {
                let user = with.person.map(|person| person.id.as_str());
                let (conversation, change) =
                    rules::change_of_conclusion(it, user, with.archive_immediately);
                self.apply_change(with, &conversation, &change, "").await?;
            }
            Effect::Labels(Labels::Add { of, label }) => self.label(with, of, label, true).await?,
            Effect::Labels(Labels::Remove { of, label }) => {
                self.label(with, of, label, false).await?
            }
            Effect::MessagesSend(it) => self.apply_message(with, it).await?,
            Effect::ContactsWrite(it) => self.apply_contact(with, it).await?,
            Effect::Visitors(Visitors::Push {
                visitor,
                kind,
                data,
            }) => {
                let channel = with
                    .channel
                    .ok_or_else(|| Error::State("visitors are of a channel".to_owned()))?;
                let at = (with.scope.workspace, channel);
                self.push_to_visitor(at, visitor, (kind, data), with.scope.now)
                    .await?;
            }
            Effect::Inbox(_) => return Ok(false),
        }
        Ok(true)
    }

    async fn apply_storage(
        &mut self,
        with: &mut Applying<'_>,
        of: Owner<'_>,
        effect: &Storage,
    ) -> Result<()> {
        match effect {
            Storage::Set {
                key,
                value,
                ttl,
                about,
            } => {
                let revision = match with.revision {
                    Some(revision) => revision,
                    None => self.next_revision(of.workspace).await?,
                };
                with.revision = Some(revision);
                let expires_at = ttl.map(|seconds| {
                    with.scope
                        .now
                        .saturating_add(i64::from(seconds) * 1_000_000)
                });
                self.storage_set(of, key, value, revision, expires_at, about.as_deref())
                    .await
            }
            Storage::Delete { key } => self.storage_delete(of, key).await,
        }
    }

    async fn apply_change(
        &mut self,
        with: &Applying<'_>,
        conversation: &str,
        change: &Change,
        note: &str,
    ) -> Result<()> {
        let id: ConversationId = conversation
            .parse()
            .map_err(|_| Error::NotFound("conversation"))?;
        let by = By {
            actor: with.actor.clone(),
            person: with.person,
        };
        self.change_conversation(with.scope, id, change, &by, None)
            .await?;
        if !note.is_empty() {
            let new = note_of(with.scope.ids.mint(), id, note);
            self.write_message(with.scope, new, &with.actor, None)
                .await?;
        }
        Ok(())
    }

    async fn apply_message(&mut self, with: &Applying<'_>, effect: &MessagesSend) -> Result<()> {
        let (id, conversation) = match effect {
            MessagesSend::Send {
                id, conversation, ..
            }
            | MessagesSend::Note {
                id, conversation, ..
            } => (id, conversation),
        };
        let id: MessageId = id
            .parse()
            .map_err(|_| Error::invalid("not a message's id"))?;
        let conversation: ConversationId = conversation
            .parse()
            .map_err(|_| Error::NotFound("conversation"))?;
        let new = match effect {
            MessagesSend::Note { text, .. } => note_of(id, conversation, text),
            MessagesSend::Send { content, .. } => {
                self.check_automatic(with, conversation).await?;
                NewMessage {
                    id: Some(id),
                    conversation,
                    content: content.clone(),
                    reply_to: None,
                    private: false,
                }
            }
        };
        // An app that acts for a person answers in their name only by their rights.
        self.write_message(with.scope, new, &with.actor, with.person)
            .await?;
        Ok(())
    }

    /// Contacts may be spared what nobody wrote by hand (FEATURES F4).
    async fn check_automatic(
        &mut self,
        with: &Applying<'_>,
        conversation: ConversationId,
    ) -> Result<()> {
        let workspace = with.scope.workspace;
        let it = self
            .conversation(workspace, conversation)
            .await?
            .ok_or(Error::NotFound("conversation"))?;
        let contact = self
            .contact(workspace, it.contact_id)
            .await?
            .ok_or(Error::NotFound("contact"))?;
        if contact.blocked || (with.person.is_none() && contact.automatic_messages_blocked) {
            return Err(Error::State(
                "the contact takes no automatic messages".into(),
            ));
        }
        Ok(())
    }

    async fn label(
        &mut self,
        with: &Applying<'_>,
        of: &Subject,
        label: &str,
        add: bool,
    ) -> Result<()> {
        let workspace = with.scope.workspace;
        match of.kind.as_str() {
            "conversation" => {
                let id: ConversationId =
                    of.id.parse().map_err(|_| Error::NotFound("conversation"))?;
                let before = self
                    .conversation(workspace, id)
                    .await?
                    .ok_or(Error::NotFound("conversation"))?;
                let mut after = before.clone();
                after.labels = labelled(&before.labels, label, add);
                if after.labels == before.labels {
                    return Ok(());
                }
                self.put_routed(&before, &after).await?;
                let event = NewEvent::new("conversation.changed")
                    .in_conversation(id, after.team_id)
                    .by(&with.actor);
                self.append(with.scope, vec![event]).await?;
            }
            "message" => {
                let id: MessageId = of.id.parse().map_err(|_| Error::NotFound("message"))?;
                let mut message = self
                    .message(workspace, id)
                    .await?
                    .ok_or(Error::NotFound("message"))?;
                message.labels = labelled(&message.labels, label, add);
                self.update_message(&message).await?;
                let event = NewEvent::new("message.changed")
                    .in_conversation(message.conversation_id, None)
                    .by(&with.actor);
                self.append(with.scope, vec![event.subject("message", id)])
                    .await?;
            }
            _ => {
                return Err(Error::invalid(
                    "only conversations and messages carry labels",
                ));
            }
        }
        Ok(())
    }

    async fn apply_contact(&mut self, with: &Applying<'_>, effect: &ContactsWrite) -> Result<()> {
        let id = match effect {
            ContactsWrite::AddLabel { contact, .. }
            | ContactsWrite::RemoveLabel { contact, .. }
            | ContactsWrite::SetField { contact, .. }
            | ContactsWrite::Rename { contact, .. } => contact,
        };
        let id: ContactId = id.parse().map_err(|_| Error::NotFound("contact"))?;
        let mut contact = self
            .contact(with.scope.workspace, id)
            .await?
            .ok_or(Error::NotFound("contact"))?;
        match effect {
            ContactsWrite::AddLabel { label, .. } => {
                contact.labels = labelled(&contact.labels, label, true)
            }
            ContactsWrite::RemoveLabel { label, .. } => {
                contact.labels = labelled(&contact.labels, label, false)
            }
            ContactsWrite::SetField { name, value, .. } => {
                contact.fields = with_field(&contact.fields, name, value)?
            }
            ContactsWrite::Rename { name, .. } => contact.name.clone_from(name),
        }
        self.update_contact(&contact).await?;
        let event = NewEvent::new("contact.changed")
            .subject("contact", id)
            .by(&with.actor);
        self.append(with.scope, vec![event]).await?;
        Ok(())
    }

    /// A team as plugins see it, its members in order of creation of the users (FEATURES C2). Who is switched off is not in it.
    pub async fn plugin_team(
        &mut self,
        workspace: WorkspaceId,
        id: TeamId,
    ) -> Result<Option<teams::Team>> {
        const TEAM: &str = "SELECT name FROM teams WHERE workspace_id = $1 AND id = $2";
        const MEMBERS: &str =
            "SELECT u.id, u.name, m.role, u.available, u.created_at FROM team_members m
              JOIN users u ON u.workspace_id = m.workspace_id AND u.id = m.user_id
             WHERE m.workspace_id = $1 AND m.team_id = $2 AND u.active ORDER BY u.created_at, u.id";
        let team: Option<(String,)> = fetch!(fetch_optional, self, _, TEAM, workspace, id)?;
        let Some((name,)) = team else { return Ok(None) };
        let members: Vec<Member> = fetch!(fetch_all, self, Member, MEMBERS, workspace, id)?;
        let members = members.into_iter().map(Member::shown).collect();
        Ok(Some(teams::Team {
            id: id.to_string(),
            name,
            members,
            extra: String::new(),
        }))
    }
}

#[derive(FromRow, serde::Deserialize)]
struct Member {
    id: UserId,
    name: String,
    role: String,
    available: bool,
    created_at: Instant,
}

impl Member {
    fn shown(self) -> teams::Member {
        teams::Member {
            user: self.id.to_string(),
            name: self.name,
            role: self.role,
            available: self.available,
            created_at: self.created_at,
        }
    }
}

/// What a refused effect makes of its call.
fn refused(error: Error) -> CallError {
    match error {
        Error::Internal(_) | Error::Unavailable(_) => CallError::Other(error),
        Error::Conflict(what) => CallError::Conflict(what),
        Error::Refused(reason) if reason.code() == "conflict" => {
            CallError::Conflict(reason.to_string())
        }
        Error::Refused(reason) => CallError::Refused {
            code: reason.code(),
            message: reason.to_string(),
        },
        Error::NotFound(_) => CallError::Refused {
            code: "not-found",
            message: error.to_string(),
        },
        Error::State(message) => CallError::Refused {
            code: "state",
            message,
        },
        Error::Denied(message) => CallError::Refused {
            code: "denied",
            message,
        },
        error => CallError::Refused {
            code: "invalid",
            message: error.to_string(),
        },
    }
}

fn note_of(id: MessageId, conversation: ConversationId, text: &str) -> NewMessage {
    let content = Content {
        kind: "text".into(),
        text: text.into(),
        attachments: Vec::new(),
        extra: "{}".into(),
    };
    NewMessage {
        id: Some(id),
        conversation,
        content,
        reply_to: None,
        private: true,
    }
}

/// The JSON list with the label in it, or out of it.
fn labelled(list: &str, label: &str, add: bool) -> String {
    let mut labels: Vec<String> = serde_json::from_str(list).unwrap_or_default();
    labels.retain(|it| it != label);
    if add {
        labels.push(label.to_owned());
        labels.sort();
    }
    Value::from(labels).to_string()
}

/// The JSON object with the field set to a JSON value; an empty value clears it.
fn with_field(fields: &str, name: &str, value: &str) -> Result<String> {
    let mut all: serde_json::Map<String, Value> = serde_json::from_str(fields).unwrap_or_default();
    if value.is_empty() {
        all.remove(name);
    } else {
        let value = serde_json::from_str(value)
            .map_err(|_| Error::invalid("the field's value is not JSON"))?;
        all.insert(name.to_owned(), value);
    }
    Ok(Value::Object(all).to_string())
}
