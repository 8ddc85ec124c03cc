//! Decides what an inbound event becomes: in which conversation, what else it changes (`people`: whose it is; `about`: what is told about messages).
//! Works on a `Plan`; never reads or writes the store.

use balcao_runtime::effect::Inbox;
use balcao_runtime::rules::{self, Change};
use balcao_runtime::wit::{Instant, inbox};
use serde_json::{Value, json};

use super::Submission;
use super::plan::{Key, Plan, TrackedConversation};
use crate::hours::{Owner, Told};
use crate::id::{ContactId, ConversationId, MessageId};
use crate::store::conversations::Conversation;
use crate::store::events::{Actor, NewEvent};
use crate::store::ingest::{LogLine, NewSend, Pending};
use crate::store::messages::{Message, attachments, preview};
use crate::store::routing;

/// How long a routing plugin may keep a new conversation to itself: 2 s.
const HOLD: i64 = 2_000_000;

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
                self.returned(from, &now.external_id);
                // For what the old id wrote and is told of later.
                self.wait(from, Pending::of_whom(old_external_id), item);
                Ok(None)
            }
            Inbox::Note {
                thread,
                code,
                text,
                extra,
                ..
            } => {
                let taken = self.note(from, thread.as_deref(), code, text, extra);
                if let (Ok(None), Some(thread)) = (&taken, thread) {
                    self.wait(from, Pending::of_whom(thread), item);
                }
                taken
            }
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
        let moved = self.moved(from, message);
        let message = moved.as_ref().unwrap_or(message);
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
        self.apply_notes(from, &message.thread);
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
        let text = hours.reply_at(
            opening,
            &Told {
                name: self.names.get(&contact).map_or("", String::as_str),
                team: row
                    .team_id
                    .and_then(|id| self.teams.get(&id))
                    .map(String::as_str),
                locale: self
                    .channels
                    .get(&row.channel_id)
                    .map_or("", |it| &it.row.locale),
            },
            self.now,
        );
        let reply = self.closed_reply(row, text);
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
        let before = self.past.get(&key).map(|at| &self.conversations[*at].row);
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
            // The channel's time for free answers is the contact's and no conversation's (FEATURES A5).
            last_inbound_at: before.and_then(|it| it.last_inbound_at),
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

    /// One line in the timeline; in the plugin's log where there is no conversation to show it in yet.
    pub(super) fn note(
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

    pub(super) fn find(&self, from: &Submission, external_id: &str) -> Option<usize> {
        self.by_external
            .get(&(from.channel, external_id.to_owned()))
            .copied()
    }

    pub(super) fn last_of_thread(&self, from: &Submission, thread: &str) -> Option<usize> {
        let key: Key = (from.channel, thread.to_owned());
        self.open.get(&key).or_else(|| self.past.get(&key)).copied()
    }

    fn tell(&mut self, from: &Submission, conversation: usize, event: NewEvent) {
        let row = &self.conversations[conversation].row;
        self.events
            .push((from.workspace, event.in_conversation(row.id, row.team_id)));
    }
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
