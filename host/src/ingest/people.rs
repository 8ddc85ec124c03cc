//! Whose an inbound event is: which contact stands behind the channel's id of a person, and what becomes of ids that change.

use balcao_runtime::wit::inbox;

use super::Submission;
use super::plan::{Key, Plan, Tracked};
use crate::id::ContactId;
use crate::store::contacts::{Address, Contact, Identity};
use crate::store::events::{Actor, NewEvent};
use crate::store::fetches;
use crate::store::ingest::Pending;
use crate::store::portraits::Said;

impl Plan<'_> {
    /// Whose it is: known by the channel's identity, else by phone or e-mail (FEATURES F5) or by an id that came as another's alias (a person
    /// may have several identities), else somebody new.
    pub(super) fn contact(&mut self, from: &Submission, person: &inbox::Person) -> ContactId {
        let key: Key = (from.channel, person.external_id.clone());
        if fetches::is_elsewhere(&person.avatar) {
            let said = Said {
                workspace_id: from.workspace,
                channel_id: from.channel,
                external_id: person.external_id.clone(),
                source: person.avatar.clone(),
                at: self.now,
            };
            self.portraits.insert(key.clone(), said);
        }
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
        let row = self.identity_row(from, contact, person);
        self.identities.insert(key, Tracked { row, dirty: true });
        self.add_addresses(from, contact, person);
        contact
    }

    fn identity_row(
        &self,
        from: &Submission,
        contact: ContactId,
        person: &inbox::Person,
    ) -> Identity {
        Identity {
            workspace_id: from.workspace,
            channel_id: from.channel,
            external_id: person.external_id.clone(),
            contact_id: contact,
            name: person.name.clone(),
            avatar: person.avatar.clone(),
            extra: person.extra.clone(),
            created_at: self.now,
        }
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

    /// The message, from whoever its sender and thread have become since it was written; none where they are who they were.
    pub(super) fn moved(
        &self,
        from: &Submission,
        message: &inbox::Inbound,
    ) -> Option<inbox::Inbound> {
        let now = |name: &str| {
            let waiting = self.pending.get(&(from.channel, Pending::of_whom(name)))?;
            waiting.iter().rev().find_map(Pending::moved)
        };
        let (sender, thread) = (now(&message.sender.external_id), now(&message.thread));
        if sender.is_none() && thread.is_none() {
            return None;
        }
        let mut message = message.clone();
        if let Some(now) = sender {
            message.sender.external_id = now.external_id;
            message.sender.aliases.extend(now.aliases);
        }
        if let Some(now) = thread {
            message.thread = now.external_id;
        }
        Some(message)
    }

    /// An id that had given way to another is somebody's again.
    pub(super) fn returned(&mut self, from: &Submission, id: &str) {
        let name = (from.channel, Pending::of_whom(id));
        let waiting = self.pending.remove(&name).unwrap_or_default();
        let (moves, rest): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|it| it.moved().is_some());
        if !rest.is_empty() {
            self.pending.insert(name, rest);
        }
        self.spend(moves);
    }

    /// What was known by one id, a person or a thread, is now known by another: the same contact, and its conversation goes on under the new id.
    pub(super) fn identity(&mut self, from: &Submission, old: &str, now: &inbox::Person) {
        let old_key: Key = (from.channel, old.to_owned());
        let key: Key = (from.channel, now.external_id.clone());
        let known = self.identities.get(&old_key).map(|it| it.row.contact_id);
        let by_alias = || {
            let mut kinds = now.aliases.iter().map(|(kind, _)| kind.clone());
            kinds.find_map(|kind| {
                let alias = (from.workspace, kind, old.to_owned());
                self.addresses.get(&alias).copied()
            })
        };
        let contact = known.or_else(by_alias);
        if let Some(contact) = contact {
            let before = self.identities.get(&old_key).map(|it| it.row.clone());
            let mut row = before.unwrap_or_else(|| self.identity_row(from, contact, now));
            row.external_id.clone_from(&now.external_id);
            if !now.name.is_empty() {
                row.name.clone_from(&now.name);
            }
            self.identities
                .insert(key.clone(), Tracked { row, dirty: true });
            self.add_addresses(from, contact, now);
        }
        // A group is nobody's identity, and has a thread.
        for index in [&mut self.open, &mut self.past] {
            if let Some(at) = index.get(&key) {
                // The new id was heard of first: whoever wrote is the same person all the same.
                let it = &mut self.conversations[*at];
                it.row.contact_id = contact.unwrap_or(it.row.contact_id);
                it.dirty = true;
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
}

/// What is shown for want of a name: the phone number, else the channel's id.
fn stand_in(person: &inbox::Person) -> String {
    let phone = person.aliases.iter().find(|(kind, _)| kind == "phone");
    phone
        .map_or(&person.external_id, |(_, value)| value)
        .clone()
}
