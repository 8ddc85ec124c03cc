//! What a connector handed over: recognises repetitions, finds or makes contact and conversation, and keeps news of messages that are not
//! there yet. Decides by `rules` as the server does.

use serde_json::json;

use super::{
    chance::Seeded,
    commit::{Happened, by, subject},
    state::{Contact, Conversation, Message, Pending, State},
};
use crate::{
    effect::Inbox,
    rules::{self, Change, Refusal, Status},
    wit::{Instant, inbox},
};

/// How long news waits for its message.
const PENDING: Instant = 24 * 3600 * 1_000_000;

impl State {
    pub(crate) fn hand_over(
        &mut self,
        chance: &Seeded,
        channel: &str,
        news: &Inbox,
    ) -> Result<(), Refusal> {
        if let Some(key) = news.event_key()
            && !self.seen.insert((channel.to_owned(), key.to_owned()))
        {
            return Ok(());
        }
        match news {
            Inbox::Message { message, .. } => self.arrive(chance, channel, message),
            Inbox::Identity {
                old_external_id,
                now,
                ..
            } => {
                self.rename(channel, old_external_id, now);
                Ok(())
            }
            Inbox::Read { thread, until, .. } => {
                let last = self.reads.entry((channel.to_owned(), thread.clone()));
                let until = *last
                    .and_modify(|last| *last = (*until).max(*last))
                    .or_insert(*until);
                self.read_until(channel, thread, until);
                Ok(())
            }
            Inbox::Note {
                thread, code, text, ..
            } => {
                let of = thread
                    .as_deref()
                    .and_then(|thread| self.latest(channel, thread));
                let event = Happened {
                    kind: "channel.note",
                    conversation: of.map(|it| it.id.clone()),
                    subject: Some(subject("channel", channel)),
                    data: json!({"code": code, "text": text}),
                    ..by(subject("channel", channel))
                };
                self.happen(chance, event);
                Ok(())
            }
            Inbox::Health { state, message } => {
                if let Some(it) = self.channels.get_mut(channel) {
                    it.health.clone_from(state);
                    it.health_message.clone_from(message);
                }
                Ok(())
            }
            Inbox::Typing { .. } => Ok(()),
            Inbox::Delivery {
                external_id: id, ..
            }
            | Inbox::Reaction { message: id, .. }
            | Inbox::Edit { message: id, .. }
            | Inbox::Revoke { message: id, .. } => {
                if !self.tell(chance, channel, id, news) {
                    self.pending.push(Pending {
                        channel: channel.to_owned(),
                        external_id: id.clone(),
                        news: news.clone(),
                        expires_at: self.now.saturating_add(PENDING),
                    });
                }
                Ok(())
            }
        }
    }

    fn arrive(
        &mut self,
        chance: &Seeded,
        channel: &str,
        message: &inbox::Inbound,
    ) -> Result<(), Refusal> {
        // What the business wrote elsewhere is with the thread's person, not with its writer.
        let person = match message.outgoing {
            false => message.sender.clone(),
            true => inbox::Person {
                external_id: message.thread.clone(),
                aliases: Vec::new(),
                name: String::new(),
                avatar: String::new(),
                extra: String::new(),
            },
        };
        let contact = self.contact_of(chance, channel, &person);
        let actor = subject("contact", &contact);
        let conversation = self.conversation_for(chance, channel, message, contact.clone())?;
        let id = chance.id("msg");
        let (author, state, kind) = match message.outgoing {
            true => ("user", "sent", "message.sent"),
            false => ("contact", "received", "message.received"),
        };
        let mut stored = Message {
            id: id.clone(),
            conversation: conversation.clone(),
            author: author.to_owned(),
            author_id: (!message.outgoing).then(|| contact.clone()),
            at: message.at,
            kind: String::new(),
            text: String::new(),
            attachments: Vec::new(),
            extra: String::new(),
            state: state.to_owned(),
            reason: String::new(),
            private: false,
            external_id: Some(message.external_id.clone()),
            parts: Vec::new(),
            reply_to: message.reply_to.clone(),
            reactions: Default::default(),
            reacted_at: Default::default(),
            edited: false,
            revoked: false,
            labels: Vec::new(),
        };
        stored.say(&message.content);
        self.messages.insert(id.clone(), stored);
        if !message.outgoing
            && let Some(talk) = self.conversations.get_mut(&conversation)
        {
            talk.last_inbound_at = Some(message.at.max(talk.last_inbound_at.unwrap_or(message.at)));
        }
        let event = Happened {
            kind,
            conversation: Some(conversation),
            subject: Some(subject("message", &id)),
            ..by(actor)
        };
        self.happen(chance, event);
        self.catch_up(chance, channel, &message.external_id);
        self.read_late(channel, &message.thread);
        Ok(())
    }

    /// What is told only now may have been read.
    pub(crate) fn read_late(&mut self, channel: &str, thread: &str) {
        let key = (channel.to_owned(), thread.to_owned());
        if let Some(until) = self.reads.get(&key).copied() {
            self.read_until(channel, thread, until);
        }
    }

    /// The contact whose identity this is, or whose address it is known by, or a new one.
    fn contact_of(&mut self, chance: &Seeded, channel: &str, person: &inbox::Person) -> String {
        let known = self
            .contacts
            .values()
            .find(|it| it.identities.get(channel) == Some(&person.external_id));
        let phone = |it: &&Contact| {
            it.addresses
                .iter()
                .any(|address| person.aliases.contains(address))
        };
        if let Some(id) = known
            .or_else(|| self.contacts.values().find(phone))
            .map(|it| it.id.clone())
        {
            if let Some(contact) = self.contacts.get_mut(&id) {
                contact
                    .identities
                    .insert(channel.to_owned(), person.external_id.clone());
            }
            return id;
        }
        let id = chance.id("con");
        let contact = Contact {
            id: id.clone(),
            name: person.name.clone(),
            labels: Vec::new(),
            addresses: person.aliases.clone(),
            fields: serde_json::Map::new(),
            identities: [(channel.to_owned(), person.external_id.clone())].into(),
        };
        self.contacts.insert(id.clone(), contact);
        let event = Happened {
            kind: "contact.created",
            subject: Some(subject("contact", &id)),
            ..by(subject("channel", channel))
        };
        self.happen(chance, event);
        id
    }

    fn latest(&self, channel: &str, thread: &str) -> Option<&Conversation> {
        let of = self
            .conversations
            .values()
            .filter(|it| it.channel == channel && it.thread == thread);
        // One that is open goes before any that is concluded; of these the last one.
        of.max_by_key(|it| {
            (
                it.status != Status::Concluded,
                it.conclusion.as_ref().map(|end| end.at),
                &it.id,
            )
        })
    }

    /// The thread's conversation: the open one, a concluded one that this message reopens (FEATURES A4), or a new one.
    fn conversation_for(
        &mut self,
        chance: &Seeded,
        channel: &str,
        message: &inbox::Inbound,
        contact: String,
    ) -> Result<String, Refusal> {
        let now = self.now;
        if let Some(found) = self
            .latest(channel, &message.thread)
            .map(|it| it.id.clone())
        {
            let talk = self.talk(&found)?;
            let routed = talk.routed();
            if routed.status != Status::Concluded {
                return Ok(found);
            }
            let back = routed
                .conclusion
                .as_ref()
                .is_some_and(|end| rules::reopens(end, now));
            if back && !message.outgoing {
                talk.route(rules::apply(&routed, &Change::Reopen, now)?);
                let event = Happened {
                    kind: "conversation.reopened",
                    conversation: Some(found.clone()),
                    ..by(subject("contact", &contact))
                };
                self.happen(chance, event);
                return Ok(found);
            }
        }
        let id = chance.id("cnv");
        let actor = subject("contact", &contact);
        let team = self.channels.get(channel).and_then(|it| it.team.clone());
        let conversation = Conversation {
            id: id.clone(),
            channel: channel.to_owned(),
            contact,
            thread: message.thread.clone(),
            version: 1,
            status: Status::Queued,
            team,
            agent: None,
            offer: None,
            conclusion: None,
            queued_at: now,
            last_inbound_at: None,
            labels: Vec::new(),
        };
        self.conversations.insert(id.clone(), conversation);
        let event = Happened {
            kind: "conversation.queued",
            conversation: Some(id.clone()),
            ..by(actor)
        };
        self.happen(chance, event);
        Ok(id)
    }

    fn rename(&mut self, channel: &str, old: &str, now: &inbox::Person) {
        for contact in self.contacts.values_mut() {
            if contact.identities.get(channel).is_some_and(|id| id == old) {
                contact
                    .identities
                    .insert(channel.to_owned(), now.external_id.clone());
                let new = now
                    .aliases
                    .iter()
                    .filter(|it| !contact.addresses.contains(it));
                let new: Vec<_> = new.cloned().collect();
                contact.addresses.extend(new);
            }
        }
        for talk in self.conversations.values_mut() {
            if talk.channel == channel && talk.thread == old {
                talk.thread.clone_from(&now.external_id);
            }
        }
    }

    fn read_until(&mut self, channel: &str, thread: &str, until: Instant) {
        let of = |it: &Message| {
            let talk = self.conversations.get(&it.conversation);
            talk.is_some_and(|talk| talk.channel == channel && talk.thread == thread)
        };
        for message in self.messages.values_mut() {
            let outgoing = matches!(message.state.as_str(), "sent" | "delivered");
            if outgoing && message.at <= until && of(message) {
                message.state = "read".to_owned();
            }
        }
    }

    /// The news of a message that is there; false where it is not.
    fn tell(&mut self, chance: &Seeded, channel: &str, external_id: &str, news: &Inbox) -> bool {
        let of = |it: &&mut Message| {
            let talk = self.conversations.get(&it.conversation);
            let ids = it.external_id.iter().chain(&it.parts);
            ids.into_iter().any(|id| id == external_id)
                && talk.is_some_and(|talk| talk.channel == channel)
        };
        let Some(message) = self.messages.values_mut().find(of) else {
            return false;
        };
        let mut failed = None;
        match news {
            Inbox::Delivery { state, reason, .. } => {
                let next = rules::advance_delivery(&message.state, state);
                if next != message.state {
                    if next == "failed" {
                        failed = Some((message.conversation.clone(), message.id.clone()));
                    }
                    message.state = next.to_owned();
                    message.reason.clone_from(reason);
                }
            }
            Inbox::Reaction {
                sender, emoji, at, ..
            } => {
                let person = &sender.external_id;
                let last = message.reacted_at.entry(person.clone()).or_default();
                if *last <= *at {
                    *last = *at;
                    message.reactions.insert(person.clone(), emoji.clone());
                    message.reactions.retain(|_, emoji| !emoji.is_empty());
                }
            }
            Inbox::Edit { content, .. } => {
                message.say(content);
                message.edited = true;
            }
            Inbox::Revoke { .. } => message.revoked = true,
            _ => {}
        }
        if let Some((conversation, message)) = failed {
            let event = Happened {
                kind: "message.failed",
                conversation: Some(conversation),
                subject: Some(subject("message", &message)),
                ..by(subject("channel", channel))
            };
            self.happen(chance, event);
        }
        true
    }

    /// Gives a message, now that it is there, the news that came before it.
    pub(crate) fn catch_up(&mut self, chance: &Seeded, channel: &str, external_id: &str) {
        let waiting = std::mem::take(&mut self.pending);
        for it in waiting {
            if it.channel == channel && it.external_id == external_id && it.expires_at > self.now {
                self.tell(chance, channel, external_id, &it.news);
            } else {
                self.pending.push(it);
            }
        }
    }
}
