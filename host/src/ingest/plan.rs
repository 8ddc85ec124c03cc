//! What a batch found in the store and what is to be written of it: plain data, changed by `decide`, written by `batch`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::clock::Instant;
use crate::hours::{Hours, Opening, Owner};
use crate::id::{ChannelId, ContactId, ConversationId, Ids, TeamId, UserId, WorkspaceId};
use crate::store::contacts::{Address, Contact, Identity};
use crate::store::conversations::Conversation;
use crate::store::counters::{Moves, Place};
use crate::store::edits::{Part, Version};
use crate::store::events::{NewEvent, Subscriptions};
use crate::store::ingest::{Channel, InChannel, Known, LogLine, NewSend, Pending, ReadUntil};
use crate::store::messages::Message;
use crate::store::portraits::Said;

/// A name within a channel. Channels' ids are unique, so that this needs no workspace.
pub(super) type Key = (ChannelId, String);

/// A row and whether it has to be written.
#[derive(Debug)]
pub(super) struct Tracked<T> {
    pub row: T,
    pub dirty: bool,
}

#[derive(Debug)]
pub(super) struct TrackedConversation {
    pub row: Conversation,
    pub dirty: bool,
    /// As it was in the store; none for a new one.
    pub stored: Option<Conversation>,
    /// Its routing changed: reopened.
    pub rerouted: bool,
}

pub(super) struct Plan<'a> {
    pub ids: &'a Ids,
    pub subscriptions: &'a dyn Subscriptions,
    pub now: Instant,
    pub channels: HashMap<ChannelId, Tracked<Channel>>,
    pub identities: BTreeMap<Key, Tracked<Identity>>,
    /// Who of the contacts is blocked.
    pub blocked: BTreeSet<ContactId>,
    /// Who wants no automatic messages (FEATURES F4).
    pub unasked: BTreeSet<ContactId>,
    /// The hours in force of the channels and teams in sight, and whether it is open by them now.
    pub hours: HashMap<Owner, (Hours, Opening)>,
    /// Those teams by name.
    pub teams: HashMap<TeamId, String>,
    /// The oldest contact with that address.
    pub addresses: BTreeMap<(WorkspaceId, String, String), ContactId>,
    /// Contacts as they are known by name, for naming the nameless.
    pub names: HashMap<ContactId, String>,
    /// Who still works here, of those who concluded a conversation that may be reopened.
    pub active: BTreeSet<UserId>,
    pub conversations: Vec<TrackedConversation>,
    pub by_id: HashMap<ConversationId, usize>,
    pub open: HashMap<Key, usize>,
    pub past: HashMap<Key, usize>,
    /// Messages that were there, or arrived in this batch, by their external id; positions in `messages`.
    pub by_external: HashMap<Key, usize>,
    pub messages: Vec<TrackedMessage>,
    pub pending: HashMap<Key, Vec<Pending>>,

    /// What messages said before they were edited.
    pub versions: Vec<Version>,
    pub new_contacts: Vec<Contact>,
    pub new_addresses: BTreeSet<Address>,
    /// Contacts whose name was only a stand-in and is known now.
    pub renamed: Vec<(WorkspaceId, ContactId, String)>,
    /// Where people's pictures are, by whose.
    pub portraits: BTreeMap<Key, Said>,
    pub new_pending: Vec<Pending>,
    pub spent_pending: Vec<Pending>,
    pub reads: Vec<ReadUntil>,
    /// Messages about which the outbound queue has nothing more to find out.
    pub settled: Vec<(ChannelId, String)>,
    pub logs: Vec<LogLine>,
    pub sends: Vec<NewSend>,
    pub events: Vec<(WorkspaceId, NewEvent)>,
}

#[derive(Debug)]
pub(super) struct TrackedMessage {
    pub row: Message,
    pub dirty: bool,
    pub fresh: bool,
    /// What it carries is other than before: edited, or taken back.
    pub recast: bool,
}

impl<'a> Plan<'a> {
    pub fn new(ids: &'a Ids, subscriptions: &'a dyn Subscriptions, now: Instant) -> Self {
        Self {
            ids,
            subscriptions,
            now,
            channels: HashMap::new(),
            identities: BTreeMap::new(),
            blocked: BTreeSet::new(),
            unasked: BTreeSet::new(),
            hours: HashMap::new(),
            teams: HashMap::new(),
            addresses: BTreeMap::new(),
            names: HashMap::new(),
            active: BTreeSet::new(),
            conversations: Vec::new(),
            by_id: HashMap::new(),
            open: HashMap::new(),
            past: HashMap::new(),
            by_external: HashMap::new(),
            messages: Vec::new(),
            pending: HashMap::new(),
            versions: Vec::new(),
            new_contacts: Vec::new(),
            new_addresses: BTreeSet::new(),
            renamed: Vec::new(),
            portraits: BTreeMap::new(),
            new_pending: Vec::new(),
            spent_pending: Vec::new(),
            reads: Vec::new(),
            settled: Vec::new(),
            logs: Vec::new(),
            sends: Vec::new(),
            events: Vec::new(),
        }
    }

    pub fn know_channels(&mut self, found: Vec<Channel>) {
        for it in &found {
            if let Some(text) = &it.hours {
                self.know_hours(Owner::Channel(it.id), text);
            }
        }
        self.channels.extend(
            found
                .into_iter()
                .map(|row| (row.id, Tracked { row, dirty: false })),
        );
    }

    /// Whose hours may count: of the channels' teams, and of those that have a conversation in sight.
    pub fn teams_in_sight(&self) -> Vec<(WorkspaceId, TeamId)> {
        let channels = self.channels.values();
        let channels = channels.map(|it| (it.row.workspace_id, it.row.team_id));
        let open = self.open.values().map(|at| &self.conversations[*at].row);
        let teams = channels.chain(open.map(|it| (it.workspace_id, it.team_id)));
        let teams: BTreeSet<_> = teams
            .filter_map(|(workspace, team)| Some((workspace, team?)))
            .collect();
        teams.into_iter().collect()
    }

    /// Those that are switched off are as if they were not there; so are those that cannot be read: what contacts write is taken in whatever is set.
    pub fn know_hours(&mut self, of: Owner, stored: &str) {
        match serde_json::from_str::<Hours>(stored) {
            Ok(hours) if hours.enabled => {
                let opening = hours.at(self.now);
                self.hours.insert(of, (hours, opening));
            }
            Ok(_) => {}
            Err(error) => tracing::error!(?of, %error, "business hours cannot be read"),
        }
    }

    pub fn know_identities(&mut self, found: Vec<Known>) {
        for known in found {
            let contact = known.identity.contact_id;
            if known.blocked {
                self.blocked.insert(contact);
            }
            if known.automatic_messages_blocked {
                self.unasked.insert(contact);
            }
            self.names.insert(contact, known.contact_name);
            let key = (
                known.identity.channel_id,
                known.identity.external_id.clone(),
            );
            self.identities.insert(
                key,
                Tracked {
                    row: known.identity,
                    dirty: false,
                },
            );
        }
    }

    pub fn know_addresses(&mut self, found: Vec<Address>) {
        for it in found {
            let oldest = self
                .addresses
                .entry((it.workspace_id, it.kind, it.value))
                .or_insert(it.contact_id);
            *oldest = (*oldest).min(it.contact_id);
        }
    }

    pub fn know_contacts(&mut self, found: Vec<Contact>) {
        for it in found {
            if it.blocked {
                self.blocked.insert(it.id);
            }
            if it.automatic_messages_blocked {
                self.unasked.insert(it.id);
            }
            self.names.insert(it.id, it.name);
        }
    }

    pub fn know_conversations(&mut self, found: Vec<Conversation>) {
        for row in found {
            let at = self.conversations.len();
            if *self.by_id.entry(row.id).or_insert(at) != at {
                continue;
            }
            let key = (row.channel_id, row.thread.clone());
            let index = if row.status == "concluded" {
                &mut self.past
            } else {
                &mut self.open
            };
            index.entry(key).or_insert(at);
            let stored = Some(row.clone());
            self.conversations.push(TrackedConversation {
                row,
                dirty: false,
                stored,
                rerouted: false,
            });
        }
    }

    /// Conversations of messages that are here: known by id, not as their threads' own.
    pub fn know_elsewhere(&mut self, found: Vec<Conversation>) {
        for row in found {
            let at = self.conversations.len();
            if *self.by_id.entry(row.id).or_insert(at) == at {
                let stored = Some(row.clone());
                self.conversations.push(TrackedConversation {
                    row,
                    dirty: false,
                    stored,
                    rerouted: false,
                });
            }
        }
    }

    pub fn know_messages(&mut self, found: Vec<Message>) {
        for row in found {
            // One may be found by several of its names.
            if !self
                .by_external
                .contains_key(&(row.channel_id, row.id.to_string()))
            {
                self.index_message(row, false);
            }
        }
    }

    /// Makes messages found by the ids of their parts.
    pub fn know_parts(&mut self, found: Vec<Part>) {
        for it in found {
            let whole = (it.channel_id, it.message_id.to_string());
            if let Some(at) = self.by_external.get(&whole).copied() {
                self.by_external.insert((it.channel_id, it.external_id), at);
            }
        }
    }

    /// Adds a message and makes it found by its external id.
    pub fn index_message(&mut self, row: Message, fresh: bool) -> usize {
        let at = self.messages.len();
        if let Some(external) = &row.external_id {
            self.by_external
                .insert((row.channel_id, external.clone()), at);
        }
        // Some providers give our own id back.
        self.by_external
            .entry((row.channel_id, row.id.to_string()))
            .or_insert(at);
        self.messages.push(TrackedMessage {
            row,
            dirty: fresh,
            fresh,
            recast: false,
        });
        at
    }

    pub fn know_pending(&mut self, found: Vec<Pending>) {
        for it in found {
            self.pending
                .entry((it.channel_id, it.external_id.clone()))
                .or_default()
                .push(it);
        }
    }

    /// What the outbound queue may forget.
    pub fn settled_keys(&self) -> Vec<InChannel> {
        let workspace_of =
            |channel: &ChannelId| self.channels.get(channel).map(|it| it.row.workspace_id);
        self.settled
            .iter()
            .filter_map(|(channel, name)| {
                Some(InChannel {
                    workspace: workspace_of(channel)?,
                    channel: *channel,
                    name: name.clone(),
                })
            })
            .collect()
    }

    /// Where new conversations are counted, and those that were reopened no longer.
    pub fn moves(&self) -> Moves {
        let mut moves = Moves::default();
        for it in &self.conversations {
            match &it.stored {
                None => moves.enter(Place::of(&it.row)),
                Some(stored) if it.rerouted => {
                    moves.leave(Place::of(stored));
                    moves.enter(Place::of(&it.row));
                }
                Some(_) => {}
            }
        }
        moves
    }
}
