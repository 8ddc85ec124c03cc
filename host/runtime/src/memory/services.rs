//! Reading the workspace from within a call: the in-memory side of `services::Services`.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    World, collections,
    state::{Contact, Conversation, Message, Span, State, Team},
};
use crate::{
    rules::Status,
    services::{self, Aggregate, Away, HoursOf, MessageExtra, Query, Services, Stored, refused},
    wit::{
        Error, Instant, Subject, collections as wit_collections, contacts, media, messages, teams,
        visitors,
    },
};

/// The workspace as one call sees it.
pub struct View {
    world: World,
    plugin: Arc<str>,
    channel: Option<Arc<str>>,
}

impl View {
    /// The visitor of a token of this channel's.
    fn visitor(&self, token: &str) -> Option<String> {
        let id = token.strip_prefix("visitor:")?;
        let (channel, id) = id.split_once(':')?;
        let here = self.channel.as_deref() == Some(channel);
        let known = here && self.read(|state| state.visitors.contains(token));
        known.then(|| id.to_owned())
    }

    pub(crate) fn new(world: World, plugin: &str, channel: Option<&str>) -> Self {
        Self {
            world,
            plugin: plugin.into(),
            channel: channel.map(Into::into),
        }
    }

    fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.world.lock())
    }

    /// A connector sees only what is of its own channel.
    fn sees(&self, conversation: &Conversation) -> bool {
        let own = self.channel.as_deref();
        own.is_none_or(|own| own == conversation.channel)
    }

    fn message_seen(&self, state: &State, message: &Message) -> bool {
        let conversation = state.conversations.get(&message.conversation);
        conversation.is_some_and(|it| self.sees(it))
    }
}

fn stored(kept: &super::Kept) -> Stored {
    Stored {
        value: kept.value.clone(),
        revision: kept.revision,
    }
}

fn shown_message(message: &Message) -> messages::Message {
    messages::Message {
        id: message.id.clone(),
        conversation: message.conversation.clone(),
        author: message.author.clone(),
        author_id: message.author_id.clone(),
        at: message.at,
        content: message.content(),
        state: message.state.clone(),
        private: message.private,
        extra: services::message_extra(&extra(message)),
    }
}

fn extra(message: &Message) -> MessageExtra<'_> {
    MessageExtra {
        external_id: message.external_id.as_deref(),
        reply_to: message.reply_to.as_deref(),
        edited: message.edited,
        revoked: message.revoked,
        author_name: None,
        reactions: message
            .reactions
            .values()
            .map(|emoji| by_contact(emoji))
            .collect(),
    }
}

/// Nobody else reacts here.
fn by_contact(emoji: &str) -> services::Reaction {
    services::Reaction {
        emoji: emoji.to_owned(),
        by: "contact".to_owned(),
    }
}

/// With the name of the user who wrote it.
fn shown_to_contact(state: &State, message: &Message) -> messages::Message {
    let mut shown = shown_message(message);
    let user = message
        .author_id
        .as_deref()
        .filter(|_| message.author == "user");
    let user = user.and_then(|id| state.user(id));
    shown.extra = services::message_extra(&MessageExtra {
        author_name: user.map(|it| it.name.as_str()),
        ..extra(message)
    });
    shown
}

fn shown_contact(contact: &Contact) -> contacts::Contact {
    contacts::Contact {
        id: contact.id.clone(),
        name: contact.name.clone(),
        labels: contact.labels.clone(),
        addresses: contact.addresses.clone(),
        fields: serde_json::Value::Object(contact.fields.clone()).to_string(),
        extra: String::new(),
    }
}

/// The team with its members in order of the users' creation, each once: who is both agent and supervisor counts as agent.
pub(crate) fn shown_team(state: &State, team: &Team) -> teams::Team {
    let mut users: Vec<_> = state.users.iter().collect();
    users.sort_by_key(|it| it.created_at);
    let members = users.into_iter().filter_map(|user| {
        let mut roles = team
            .members
            .iter()
            .filter(|it| it.user == user.id)
            .peekable();
        roles.peek()?;
        let role = if roles.any(|it| it.role == "agent") {
            "agent"
        } else {
            "supervisor"
        };
        Some(teams::Member {
            user: user.id.clone(),
            name: user.name.clone(),
            role: role.to_owned(),
            available: user.available,
            created_at: user.created_at,
        })
    });
    teams::Team {
        id: team.id.clone(),
        name: team.name.clone(),
        members: members.collect(),
        extra: String::new(),
    }
}

/// What was asked for is open but in the spans in which it is closed. None where there is no such team or channel.
pub(crate) fn hours(state: &State, of: &HoursOf, at: Instant) -> Option<teams::Hours> {
    let own = |team: Option<&String>, channel: &str| {
        let team = team.and_then(|id| state.team(id));
        let team = team.map(|it| &it.closed).filter(|it| !it.is_empty());
        Some(team.unwrap_or(&state.channels.get(channel)?.closed))
    };
    let closed = match of {
        HoursOf::Team(id) => &state.team(id)?.closed,
        HoursOf::Channel(id) => own(state.channels.get(id)?.team.as_ref(), id)?,
        HoursOf::Conversation { team, channel } => own(team.as_ref(), channel)?,
    };
    Some(opening(closed, at))
}

fn opening(closed: &[Span], at: Instant) -> teams::Hours {
    let within = |at: Instant| closed.iter().find(|it| it.from <= at && at < it.until);
    if within(at).is_none() {
        let next = closed
            .iter()
            .map(|it| it.from)
            .filter(|from| *from > at)
            .min();
        return teams::Hours {
            open: true,
            changes_at: next,
        };
    }
    let mut opens = at;
    while let Some(span) = within(opens) {
        opens = span.until;
    }
    teams::Hours {
        open: false,
        changes_at: Some(opens),
    }
}

#[async_trait]
impl Services for View {
    async fn storage_get(&self, key: &str) -> Result<Option<Stored>, Error> {
        Ok(self.read(|state| state.kept(&self.plugin, key).map(stored)))
    }

    async fn storage_list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(String, Stored)>, Error> {
        Ok(self.read(|state| listed(state, &self.plugin, prefix, after, limit)))
    }

    async fn row(&self, collection: &str, key: &str) -> Result<Option<String>, Error> {
        self.read(|state| {
            collections::declared(state, &self.plugin, collection)?;
            let at = (
                self.plugin.to_string(),
                collection.to_owned(),
                key.to_owned(),
            );
            Ok(state.rows.get(&at).map(|row| row.json.clone()))
        })
    }

    async fn query(&self, query: &Query) -> Result<Vec<wit_collections::Entry>, Error> {
        self.read(|state| collections::query(state, &self.plugin, query))
    }

    async fn aggregate(&self, query: &Aggregate) -> Result<Vec<wit_collections::Group>, Error> {
        self.read(|state| collections::aggregate(state, &self.plugin, query))
    }

    async fn scoped_settings(&self, of: &Subject) -> Result<Option<String>, Error> {
        Ok(self.read(|state| {
            let own = state.scoped_settings.get(&of.id)?;
            Some(serde_json::Value::Object(own.clone()).to_string())
        }))
    }

    async fn conversation(&self, id: &str) -> Result<Option<services::Conversation>, Error> {
        Ok(self.read(|state| {
            let found = state.conversations.get(id).filter(|it| self.sees(it));
            found.map(Conversation::served)
        }))
    }

    async fn queued(
        &self,
        team: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<services::Conversation>, Error> {
        self.read(|state| {
            let mut found: Vec<_> = state
                .conversations
                .values()
                .filter(|it| it.status == Status::Queued && it.team.as_deref() == Some(team))
                .filter(|it| self.sees(it))
                .collect();
            found.sort_by_key(|it| (it.queued_at, &it.id));
            let start = match after {
                None => 0,
                Some(after) => {
                    let last = state.conversations.get(after);
                    let last = last
                        .ok_or_else(|| refused("not-found", format!("no conversation {after}")))?;
                    found.partition_point(|it| (it.queued_at, &it.id) <= (last.queued_at, &last.id))
                }
            };
            let page = found.into_iter().skip(start).take(limit as usize);
            Ok(page.map(Conversation::served).collect())
        })
    }

    async fn message(&self, id: &str) -> Result<Option<messages::Message>, Error> {
        Ok(self.read(|state| {
            let found = state.messages.get(id);
            found
                .filter(|it| self.message_seen(state, it))
                .map(shown_message)
        }))
    }

    async fn recent_messages(
        &self,
        conversation: &str,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Vec<messages::Message>, Error> {
        Ok(self.read(|state| {
            let of = state.messages.values().rev();
            of.filter(|it| it.conversation == conversation && self.message_seen(state, it))
                .filter(|it| before.is_none_or(|before| it.id.as_str() < before))
                .take(limit as usize)
                .map(shown_message)
                .collect()
        }))
    }

    async fn thread_messages(
        &self,
        thread: &str,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Vec<messages::Message>, Error> {
        let Some(channel) = self.channel.as_deref() else {
            return Err(refused("state", "this call is not about a channel"));
        };
        Ok(self.read(|state| {
            let in_thread = |message: &&Message| {
                let of = state.conversations.get(&message.conversation);
                of.is_some_and(|it| it.channel == channel && it.thread == thread)
            };
            let of = state.messages.values().rev().filter(in_thread);
            of.filter(|it| !it.private && before.is_none_or(|before| it.id.as_str() < before))
                .take(limit as usize)
                .map(|it| shown_to_contact(state, it))
                .collect()
        }))
    }

    async fn contact(&self, id: &str) -> Result<Option<contacts::Contact>, Error> {
        Ok(self.read(|state| state.contacts.get(id).map(shown_contact)))
    }

    async fn find_contact(&self, kind: &str, value: &str) -> Result<Option<String>, Error> {
        Ok(self.read(|state| {
            let known = |contact: &&Contact| {
                contact
                    .addresses
                    .iter()
                    .any(|(k, v)| k == kind && v == value)
            };
            state.contacts.values().find(known).map(|it| it.id.clone())
        }))
    }

    async fn team(&self, id: &str) -> Result<Option<teams::Team>, Error> {
        Ok(self.read(|state| state.team(id).map(|team| shown_team(state, team))))
    }

    async fn teams(&self) -> Result<Vec<teams::Team>, Error> {
        Ok(self.read(|state| {
            state
                .teams
                .iter()
                .map(|team| shown_team(state, team))
                .collect()
        }))
    }

    async fn hours_at(&self, of: &HoursOf, at: Instant) -> Result<teams::Hours, Error> {
        self.read(|state| hours(state, of, at))
            .ok_or_else(|| refused("not-found", "no such team or channel"))
    }

    async fn file(&self, id: &str) -> Result<Option<media::File>, Error> {
        Ok(self.read(|state| {
            let file = state.files.get(id)?;
            Some(media::File {
                id: id.to_owned(),
                mime: file.mime.clone(),
                name: file.name.clone(),
                size: file.bytes.len() as u64,
            })
        }))
    }

    async fn file_link(&self, id: &str, seconds: u32) -> Result<String, Error> {
        self.read(|state| match state.files.contains_key(id) {
            true => Ok(format!("https://files.invalid/{id}?seconds={seconds}")),
            false => Err(refused("not-found", format!("no file {id}"))),
        })
    }

    async fn file_bytes(&self, id: &str, offset: u64, length: u64) -> Result<Vec<u8>, Error> {
        self.read(|state| {
            let Some(file) = state.files.get(id) else {
                return Err(refused("not-found", format!("no file {id}")));
            };
            let from = usize::try_from(offset)
                .unwrap_or(usize::MAX)
                .min(file.bytes.len());
            let rest = &file.bytes[from..];
            let length = usize::try_from(length)
                .unwrap_or(usize::MAX)
                .min(rest.len());
            Ok(rest[..length].to_vec())
        })
    }

    async fn visitor_open(&self, token: Option<&str>) -> Result<visitors::Visitor, Error> {
        if let Some(token) = token
            && let Some(id) = self.visitor(token)
        {
            return Ok(visitors::Visitor {
                id,
                token: token.to_owned(),
                known: true,
            });
        }
        let Some(channel) = self.channel.as_deref() else {
            return Err(refused("state", "this call is not about a channel"));
        };
        let id = self.world.chance.id("vis");
        let token = visitor_token(channel, &id);
        self.world.lock().visitors.insert(token.clone());
        Ok(visitors::Visitor {
            id,
            token,
            known: false,
        })
    }

    async fn visitor_verify(&self, token: &str) -> Result<Option<String>, Away> {
        Ok(self.visitor(token))
    }

    async fn is_upload_of(&self, file: &str, visitor: &str) -> Result<bool, Error> {
        let by = |state: &State| state.files.get(file)?.uploaded_by.clone();
        Ok(self.read(by).as_deref() == Some(visitor))
    }
}

/// By which a visitor is known here.
pub(crate) fn visitor_token(channel: &str, visitor: &str) -> String {
    format!("visitor:{channel}:{visitor}")
}

/// Keys of the plugin's storage with the prefix, in byte order.
pub(crate) fn listed(
    state: &State,
    plugin: &str,
    prefix: &str,
    after: Option<&str>,
    limit: u32,
) -> Vec<(String, Stored)> {
    let start = (plugin.to_owned(), prefix.to_owned());
    state
        .storage
        .range(start..)
        .take_while(|((owner, key), _)| owner == plugin && key.starts_with(prefix))
        .filter(|((_, key), kept)| {
            after.is_none_or(|after| key.as_str() > after)
                && kept.expires_at.is_none_or(|at| at > state.now)
        })
        .take(limit as usize)
        .map(|((_, key), kept)| (key.clone(), stored(kept)))
        .collect()
}
