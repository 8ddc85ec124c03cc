//! Decides what an inbound event becomes: whose it is, in which conversation, what else it changes. Works on a `Plan`; never reads or
//! writes the store.

use balcao_runtime::effect::Inbox;
use balcao_runtime::rules::{self, Change};
use balcao_runtime::wit::{Instant, inbox};
use serde_json::{Value, json};

use super::Submission;
use super::plan::{Key, Plan, TrackedConversation};
use crate::hours::Owner;
use crate::id::{ContactId, ConversationId, MessageId};
use crate::store::contacts::{Address, Contact};
use crate::store::conversations::Conversation;
use crate::store::edits::Version;
use crate::store::events::{Actor, NewEvent};
use crate::store::ingest::{LogLine, NewSend, Pending, ReadUntil};
use crate::store::messages::{Message, attachments, preview};
use crate::store::routing;

/// How long a routing plugin may keep a new conversation to itself: 2 s.
const HOLD: i64 = 2_000_000;
/// How long a state waits for its message: 24 h.
const WAIT: i64 = 24 * 3600 * 1_000_000;

/// What an item came to: the message it became, if it became one; or why it was not taken in.
pub(super) type Taken = Result<Option<(ConversationId, MessageId)>, String>;

impl Plan<'_> {
    pub fn take(&mut self, from: &Submission, item: &Inbox) -> Taken {
        match item {
            Inbox::Message { message, .. } => self.message(from, message),
            Inbox::Delivery {
                external_id, extra, ..
            } => {
                let at = self
                    .find(from, external_id)
                    .or_else(|| self.find_own(from, extra));
                self.about_message(from, external_id, at, item);
                Ok(None)
            }
            Inbox::Reaction { message, .. }
            | Inbox::Edit { message, .. }
            | Inbox::Revoke { message, .. } => {
                let at = self.find(from, message);
                self.about_message(from, message, at, item);
                Ok(None)
            }
            Inbox::Read { thread, until, .. } => {
                self.read(from, thread, *until, item);
                Ok(None)
            }
            Inbox::Identity {
                old_external_id,
                now,
                ..
            } => {
                self.identity(from, old_external_id, now);
                Ok(None)
            }
            Inbox::Note {
                thread,
                code,
                text,
                extra,
                ..
            } => self.note(from, thread.as_deref(), code, text, extra),
            Inbox::Health { state, message } => {
                self.health(from, state, message);
                Ok(None)
            }
            Inbox::Typing { .. } => Ok(None),
        }
    }

    fn message(&mut self, from: &Submission, message: &inbox::Inbound) -> Taken {
        if self.find(from, &message.external_id).is_some() {
            return Ok(None);
        }
        // An echo is by the business: the person is whoever the thread is with.
        let with = if message.outgoing && message.sender.external_id != message.thread {
            inbox::Person {
                external_id: message.thread.clone(),
                aliases: Vec::new(),
                name: String::new(),
                avatar: String::new(),
                extra: "{}".to_owned(),
            }
        } else {
            message.sender.clone()
        };
        let contact = self.contact(from, &with);
        if self.blocked.contains(&contact) {
            return Err("the contact is blocked".to_owned());
        }
        let at = self.conversation(from, message, contact, &with.external_id);
        let reply_to = message
            .reply_to
            .as_deref()
            .and_then(|external| self.find(from, external));
        let reply_to = reply_to.map(|found| self.messages[found].row.id);
        let row = self.message_row(from, message, contact, at, reply_to);
        let id = row.id;
        self.touch(at, &row, from.at);
        let index = self.index_message(row, true);
        let conversation = self.conversations[at].row.id;
        let (kind, actor) = if message.outgoing {
            ("message.sent", Actor::system())
        } else {
            ("message.received", Actor::contact(contact))
        };
        self.tell(
            from,
            at,
            NewEvent::new(kind).by(&actor).subject("message", id),
        );
        self.apply_waiting(from, &message.external_id, index);
        if !message.outgoing {
            self.tell_closed(from, at, contact);
        } else if let Some(until) = self.read_until(from, &message.thread) {
            self.messages[index].row.read_until(until);
        }
        Ok(Some((conversation, id)))
    }

    /// Outside business hours a contact whom nobody serves is told so, once until it has been open again (FEATURES E2). In the commit that
    /// takes in what they wrote, so that it is said exactly once whatever happens.
    fn tell_closed(&mut self, from: &Submission, at: usize, contact: ContactId) {
        let row = &self.conversations[at].row;
        if row.status != "queued" || self.unasked.contains(&contact) {
            return;
        }
        let of_team = row.team_id.and_then(|id| self.hours.get(&Owner::Team(id)));
        let of_channel = || self.hours.get(&Owner::Channel(row.channel_id));
        let Some((hours, opening)) = of_team.or_else(of_channel) else {
            return;
        };
        let told = row
            .closed_reply_at
            .is_some_and(|then| hours.closed_since(then, self.now));
        if opening.open || told || !hours.reply.enabled {
            return;
        }
        let reply = self.closed_reply(row, hours.reply.text.clone());
        let id = reply.id;
        self.sends.push(NewSend {
            workspace_id: reply.workspace_id,
            message_id: id,
            channel_id: reply.channel_id,
            conversation_id: reply.conversation_id,
            id: self.ids.mint(),
            next_at: self.now,
        });
        self.index_message(reply, true);
        // The list goes on showing what the contact said, as unread.
        self.conversations[at].row.closed_reply_at = Some(self.now);
        let event = NewEvent::new("message.queued").by(&Actor::system());
        self.tell(from, at, event.subject("message", id));
    }

    fn closed_reply(&self, to: &Conversation, text: String) -> Message {
        Message {
            workspace_id: to.workspace_id,
            id: self.ids.mint(),
            conversation_id: to.id,
            channel_id: to.channel_id,
            author: "system".to_owned(),
            author_id: Some(Actor::system().id),
            direction: "out".to_owned(),
            at: self.now,
            kind: "text".to_owned(),
            text,
            attachments: "[]".to_owned(),
            extra: "{}".to_owned(),
            external_id: None,
            reply_to_external: None,
            reply_to: None,
            state: "queued".to_owned(),
            reason: None,
            reactions: "[]".to_owned(),
            labels: "[]".to_owned(),
            edited_at: None,
            revoked_at: None,
            created_at: self.now,
            pending_change: None,
        }
    }

    /// Whose it is: known by the channel's identity, else by phone or e-mail (FEATURES F5) or by an id that came as another's alias (a person
    /// may have several identities), else somebody new.
    fn contact(&mut self, from: &Submission, person: &inbox::Person) -> ContactId {
        let key: Key = (from.channel, person.external_id.clone());
        if let Some(known) = self.identities.get_mut(&key) {
            let contact = known.row.contact_id;
            for (have, now) in [
                (&mut known.row.name, &person.name),
                (&mut known.row.avatar, &person.avatar),
            ] {
                if !now.is_empty() && have != now {
                    have.clone_from(now);
                    known.dirty = true;
                }
            }
            self.rename_stand_in(from, contact, person);
            self.add_addresses(from, contact, person);
            return contact;
        }
        let matching = person
            .aliases
            .iter()
            .filter(|(kind, value)| {
                matches!(kind.as_str(), "phone" | "email") || *value == person.external_id
            })
            .find_map(|(kind, value)| {
                self.addresses
                    .get(&(from.workspace, kind.clone(), value.clone()))
                    .copied()
            });
        let contact = matching.unwrap_or_else(|| self.new_contact(from, person));
        let row = crate::store::contacts::Identity {
            workspace_id: from.workspace,
            channel_id: from.channel,
            external_id: person.external_id.clone(),
            contact_id: contact,
            name: person.name.clone(),
            avatar: person.avatar.clone(),
            extra: person.extra.clone(),
            created_at: self.now,
        };
        self.identities
            .insert(key, super::plan::Tracked { row, dirty: true });
        self.add_addresses(from, contact, person);
        contact
    }

    fn new_contact(&mut self, from: &Submission, person: &inbox::Person) -> ContactId {
        let id: ContactId = self.ids.mint();
        let name = if person.name.is_empty() {
            stand_in(person)
        } else {
            person.name.clone()
        };
        self.names.insert(id, name.clone());
        self.new_contacts.push(Contact {
            workspace_id: from.workspace,
            id,
            name,
            labels: "[]".to_owned(),
            fields: "{}".to_owned(),
            blocked: false,
            automatic_messages_blocked: false,
            created_at: self.now,
        });
        let event = NewEvent::new("contact.created")
            .by(&Actor::contact(id))
            .subject("contact", id);
        self.events.push((from.workspace, event));
        id
    }

    /// A number or handle shown for want of a name gives way to the name.
    fn rename_stand_in(&mut self, from: &Submission, contact: ContactId, person: &inbox::Person) {
        if person.name.is_empty()
            || self
                .names
                .get(&contact)
                .is_none_or(|name| *name != stand_in(person))
        {
            return;
        }
        self.names.insert(contact, person.name.clone());
        match self.new_contacts.iter_mut().find(|it| it.id == contact) {
            Some(new) => new.name.clone_from(&person.name),
            None => {
                self.renamed
                    .push((from.workspace, contact, person.name.clone()));
                let event = NewEvent::new("contact.changed")
                    .subject("contact", contact)
                    .by(&Actor::contact(contact));
                self.events.push((from.workspace, event));
            }
        }
    }

    fn add_addresses(&mut self, from: &Submission, contact: ContactId, person: &inbox::Person) {
        for (kind, value) in &person.aliases {
            let known = self
                .addresses
                .entry((from.workspace, kind.clone(), value.clone()));
            let mut fresh = false;
            let oldest = *known.or_insert_with(|| {
                fresh = true;
                contact
            });
            if fresh || oldest != contact {
                self.new_addresses.insert(Address {
                    workspace_id: from.workspace,
                    contact_id: contact,
                    kind: kind.clone(),
                    value: value.clone(),
                });
            }
        }
    }

    /// The conversation that the message belongs to: the open one; the last one, reopened (A4); or a new one. An echo reopens nothing.
    fn conversation(
        &mut self,
        from: &Submission,
        message: &inbox::Inbound,
        contact: ContactId,
        recipient: &str,
    ) -> usize {
        let key: Key = (from.channel, message.thread.clone());
        if let Some(at) = self.open.get(&key) {
            return *at;
        }
        if let Some(at) = self.past.get(&key).copied()
            && (message.outgoing || self.reopen(from, at, message.at))
        {
            return at;
        }
        self.new_conversation(from, key, contact, recipient)
    }

    /// Reopens where the rules say so.
    fn reopen(&mut self, from: &Submission, at: usize, when: Instant) -> bool {
        let it = &mut self.conversations[at];
        let Ok(state) = it.row.routed() else {
            return false;
        };
        let Some(conclusion) = &state.conclusion else {
            return false;
        };
        if !rules::reopens(conclusion, when) {
            return false;
        }
        let Ok(next) = rules::apply(&state, &Change::Reopen, self.now) else {
            return false;
        };
        let mut row = it.row.clone();
        if routing::route(&mut row, &next).is_err() {
            return false;
        }
        if row
            .agent_id
            .is_some_and(|agent| !self.active.contains(&agent))
        {
            // Whoever concluded it has left: it is everybody's again.
            row.agent_id = None;
            "queued".clone_into(&mut row.status);
            row.queued_at = self.now;
        }
        // Who comes back is not greeted (A4), and not told that it is closed either.
        row.closed_reply_at = Some(self.now);
        it.row = row;
        it.rerouted = true;
        it.dirty = true;
        let key = (it.row.channel_id, it.row.thread.clone());
        let (contact, agent) = (it.row.contact_id, it.row.agent_id);
        self.past.remove(&key);
        self.open.insert(key, at);
        let event = NewEvent::new("conversation.reopened")
            .by(&Actor::contact(contact))
            .data(json!({"agent": agent}));
        self.tell(from, at, event);
        true
    }

    fn new_conversation(
        &mut self,
        from: &Submission,
        key: Key,
        contact: ContactId,
        recipient: &str,
    ) -> usize {
        let team_id = self
            .channels
            .get(&from.channel)
            .and_then(|channel| channel.row.team_id);
        let held = self
            .subscriptions
            .of(from.workspace, "conversation.queued")
            .iter()
            .any(|it| it.hold);
        let row = Conversation {
            workspace_id: from.workspace,
            id: self.ids.mint(),
            channel_id: from.channel,
            contact_id: contact,
            thread: key.1.clone(),
            recipient: recipient.to_owned(),
            team_id,
            status: "queued".to_owned(),
            agent_id: None,
            offer_agent: None,
            offer_since: None,
            offer_deadline: None,
            offer_by: None,
            hold_until: held.then_some(self.now + HOLD),
            version: 1,
            concluded_by: None,
            concluded_at: None,
            summary: String::new(),
            archive_immediately: false,
            queued_at: self.now,
            started_at: None,
            last_message_at: self.now,
            last_inbound_at: None,
            preview: None,
            unread: 0,
            labels: "[]".to_owned(),
            created_at: self.now,
            closed_reply_at: None,
        };
        let at = self.conversations.len();
        self.by_id.insert(row.id, at);
        self.open.insert(key, at);
        self.conversations.push(TrackedConversation {
            row,
            dirty: true,
            stored: None,
            rerouted: false,
        });
        let event = NewEvent::new("conversation.queued")
            .by(&Actor::contact(contact))
            .data(json!({"new": true}));
        self.tell(from, at, event);
        at
    }

    fn message_row(
        &self,
        from: &Submission,
        message: &inbox::Inbound,
        contact: ContactId,
        conversation: usize,
        reply_to: Option<MessageId>,
    ) -> Message {
        let (author, author_id, direction, state) = if message.outgoing {
            ("user", None, "out", "sent")
        } else {
            ("contact", Some(contact.to_string()), "in", "received")
        };
        Message {
            workspace_id: from.workspace,
            id: self.ids.mint(),
            conversation_id: self.conversations[conversation].row.id,
            channel_id: from.channel,
            author: author.to_owned(),
            author_id,
            direction: direction.to_owned(),
            at: message.at,
            kind: message.content.kind.clone(),
            text: message.content.text.clone(),
            attachments: attachments(&message.content),
            extra: merged(&message.content.extra, &message.extra),
            external_id: Some(message.external_id.clone()),
            reply_to_external: message.reply_to.clone(),
            reply_to,
            state: state.to_owned(),
            reason: None,
            reactions: "[]".to_owned(),
            labels: "[]".to_owned(),
            edited_at: None,
            revoked_at: None,
            created_at: self.now,
            pending_change: None,
        }
    }

    /// What a new message changes of its conversation.
    fn touch(&mut self, at: usize, message: &Message, received: Instant) {
        let it = &mut self.conversations[at];
        it.dirty = true;
        it.row.last_message_at = it.row.last_message_at.max(received);
        it.row.preview = Some(preview(&message.kind, &message.text, &message.direction));
        if message.direction == "in" {
            it.row.unread += 1;
            let heard = message.at.min(received);
            it.row.last_inbound_at =
                Some(it.row.last_inbound_at.map_or(heard, |last| last.max(heard)));
        }
    }

    /// Applies what is about a message that is here, or keeps it until the message is.
    fn about_message(
        &mut self,
        from: &Submission,
        external_id: &str,
        at: Option<usize>,
        item: &Inbox,
    ) {
        if let Some(at) = at {
            self.apply(from, at, item);
            return;
        }
        self.wait(from, external_id.to_owned(), item);
    }

    /// Keeps it under that name for what is told later.
    fn wait(&mut self, from: &Submission, name: String, item: &Inbox) {
        let Ok(state) = serde_json::to_string(item) else {
            return;
        };
        let waiting = Pending {
            workspace_id: from.workspace,
            channel_id: from.channel,
            external_id: name.clone(),
            id: self.ids.mint(),
            state,
            expires_at: self.now + WAIT,
        };
        self.pending
            .entry((from.channel, name))
            .or_default()
            .push(waiting.clone());
        self.new_pending.push(waiting);
    }

    /// What was kept is needed no more.
    fn spend(&mut self, waiting: Vec<Pending>) {
        for it in waiting {
            let before = self.new_pending.len();
            self.new_pending.retain(|new| new.id != it.id);
            if self.new_pending.len() == before {
                self.spent_pending.push(it);
            }
        }
    }

    /// All that was sent to the thread up to then was read, also what is told of later.
    fn read(&mut self, from: &Submission, thread: &str, until: Instant, item: &Inbox) {
        if let Some(at) = self.last_of_thread(from, thread) {
            let conversation = self.conversations[at].row.id;
            self.reads.push(ReadUntil {
                workspace: from.workspace,
                conversation,
                until,
            });
        }
        if self.read_until(from, thread) >= Some(until) {
            return;
        }
        let name = Pending::reads_of(thread);
        if let Some(earlier) = self.pending.remove(&(from.channel, name.clone())) {
            self.spend(earlier);
        }
        self.wait(from, name, item);
    }

    fn read_until(&self, from: &Submission, thread: &str) -> Option<Instant> {
        let waiting = self.pending.get(&(from.channel, Pending::reads_of(thread)));
        waiting?.iter().filter_map(Pending::read_until).max()
    }

    /// Applies what came before the message did.
    fn apply_waiting(&mut self, from: &Submission, external_id: &str, message: usize) {
        let Some(waiting) = self.pending.remove(&(from.channel, external_id.to_owned())) else {
            return;
        };
        for it in &waiting {
            if let Ok(item) = serde_json::from_str::<Inbox>(&it.state) {
                self.apply(from, message, &item);
            }
        }
        self.spend(waiting);
    }

    fn apply(&mut self, from: &Submission, at: usize, item: &Inbox) {
        let row = &mut self.messages[at].row;
        let before = row.state.clone();
        let version = match item {
            Inbox::Edit { at, .. } => Some(Version::of(row, *at)),
            _ => None,
        };
        let Some(what) = row.change(item) else { return };
        self.versions.extend(version);
        let (id, conversation) = (row.id, row.conversation_id);
        if what == "state" && matches!(before.as_str(), "queued" | "uncertain" | "failed") {
            self.settled.push((row.channel_id, id.to_string()));
        }
        let kind = match (what, row.state.as_str()) {
            ("state", "sent") => "message.sent",
            ("state", "failed") => "message.failed",
            _ => "message.changed",
        };
        self.messages[at].dirty = true;
        self.messages[at].recast |= matches!(what, "edit" | "revoke");
        let team = self
            .by_id
            .get(&conversation)
            .and_then(|at| self.conversations[*at].row.team_id);
        let event = NewEvent::new(kind)
            .in_conversation(conversation, team)
            .by(&Actor::system())
            .subject("message", id)
            .data(json!({"what": what}));
        self.events.push((from.workspace, event));
    }

    /// What was known by one id, a person or a thread, is now known by another: the same contact, and its conversation goes on under the new id.
    fn identity(&mut self, from: &Submission, old: &str, now: &inbox::Person) {
        let old_key: Key = (from.channel, old.to_owned());
        let key: Key = (from.channel, now.external_id.clone());
        if let Some(known) = self.identities.get(&old_key) {
            let contact = known.row.contact_id;
            let mut row = known.row.clone();
            row.external_id.clone_from(&now.external_id);
            if !now.name.is_empty() {
                row.name.clone_from(&now.name);
            }
            self.identities
                .insert(key.clone(), super::plan::Tracked { row, dirty: true });
            self.add_addresses(from, contact, now);
        }
        // A group is nobody's identity, and has a thread.
        for index in [&mut self.open, &mut self.past] {
            if index.contains_key(&key) {
                continue;
            }
            if let Some(at) = index.remove(&old_key) {
                let it = &mut self.conversations[at];
                it.row.thread.clone_from(&now.external_id);
                if it.row.recipient == old {
                    it.row.recipient.clone_from(&now.external_id);
                }
                it.dirty = true;
                index.insert(key.clone(), at);
            }
        }
    }

    /// One line in the timeline; in the plugin's log where there is no conversation to show it in.
    fn note(
        &mut self,
        from: &Submission,
        thread: Option<&str>,
        code: &str,
        text: &str,
        extra: &str,
    ) -> Taken {
        let Some(at) = thread.and_then(|thread| self.last_of_thread(from, thread)) else {
            self.logs.push(LogLine {
                workspace_id: from.workspace,
                plugin_id: from.plugin.clone(),
                id: self.ids.mint(),
                at: self.now,
                level: "info".to_owned(),
                message: format!("{code}: {text}"),
                call_key: String::new(),
            });
            return Ok(None);
        };
        let conversation = self.conversations[at].row.id;
        let row = Message {
            workspace_id: from.workspace,
            id: self.ids.mint(),
            conversation_id: conversation,
            channel_id: from.channel,
            author: "system".to_owned(),
            author_id: None,
            direction: "note".to_owned(),
            at: from.at,
            kind: "notice".to_owned(),
            text: text.to_owned(),
            attachments: "[]".to_owned(),
            extra: merged(&json!({"code": code}).to_string(), extra),
            external_id: None,
            reply_to_external: None,
            reply_to: None,
            state: "received".to_owned(),
            reason: None,
            reactions: "[]".to_owned(),
            labels: "[]".to_owned(),
            edited_at: None,
            revoked_at: None,
            created_at: self.now,
            pending_change: None,
        };
        let id = row.id;
        self.index_message(row, true);
        self.tell(
            from,
            at,
            NewEvent::new("message.noted")
                .by(&Actor::system())
                .subject("message", id),
        );
        Ok(Some((conversation, id)))
    }

    fn health(&mut self, from: &Submission, state: &str, message: &str) {
        let Some(channel) = self.channels.get_mut(&from.channel) else {
            return;
        };
        if channel.row.health_state == state && channel.row.health_message == message {
            return;
        }
        state.clone_into(&mut channel.row.health_state);
        message.clone_into(&mut channel.row.health_message);
        channel.dirty = true;
        let event = NewEvent::new("channel.changed")
            .by(&Actor::system())
            .subject("channel", from.channel);
        self.events
            .push((from.workspace, event.data(json!({"state": state}))));
    }

    fn find(&self, from: &Submission, external_id: &str) -> Option<usize> {
        self.by_external
            .get(&(from.channel, external_id.to_owned()))
            .copied()
    }

    /// By our own id in a status's `extra`: how the outcome of an uncertain send is found out.
    fn find_own(&self, from: &Submission, extra: &str) -> Option<usize> {
        self.find(from, &own_id(extra)?.to_string())
    }

    fn last_of_thread(&self, from: &Submission, thread: &str) -> Option<usize> {
        let key: Key = (from.channel, thread.to_owned());
        self.open.get(&key).or_else(|| self.past.get(&key)).copied()
    }

    fn tell(&mut self, from: &Submission, conversation: usize, event: NewEvent) {
        let row = &self.conversations[conversation].row;
        self.events
            .push((from.workspace, event.in_conversation(row.id, row.team_id)));
    }
}

/// The message that a status names in `extra` by our own id.
pub(super) fn own_id(extra: &str) -> Option<MessageId> {
    if !extra.contains("msg_") {
        return None;
    }
    serde_json::from_str::<Value>(extra)
        .ok()?
        .get("message")?
        .as_str()?
        .parse()
        .ok()
}

/// What is shown for want of a name: the phone number, else the channel's id.
fn stand_in(person: &inbox::Person) -> String {
    let phone = person.aliases.iter().find(|(kind, _)| kind == "phone");
    phone
        .map_or(&person.external_id, |(_, value)| value)
        .clone()
}

/// Two JSON objects as one; the second's fields win.
fn merged(first: &str, second: &str) -> String {
    if second == "{}" {
        return first.to_owned();
    }
    if first == "{}" {
        return second.to_owned();
    }
    let parse = |text: &str| {
        serde_json::from_str::<serde_json::Map<String, Value>>(text).unwrap_or_default()
    };
    let mut all = parse(first);
    all.extend(parse(second));
    Value::Object(all).to_string()
}
