//! However the provider orders, repeats, delays and bundles the events of one contact, the inbox ends the same; and no bytes whatever break
//! the reading. The inbox here is a small model of the host's documented rules: keys count once, what is about a message waits for it, the
//! latest edit and reaction stand, a revocation stays, states never go back, and ids that are told to be one person's are one person's.

use super::*;
use balcao_plugin::connector::Person;
use proptest::prelude::*;
use serde_json::json as value;
use std::collections::{BTreeMap, BTreeSet};

const CLIENT: &str = "5511900000001";

#[derive(Debug, Default, PartialEq)]
struct Desk {
    seen: BTreeSet<String>,
    messages: BTreeMap<String, (String, String)>,
    edits: BTreeMap<String, (Instant, String)>,
    revoked: BTreeSet<String>,
    reactions: BTreeMap<(String, String), (Instant, String)>,
    /// Of what the business wrote: `balcao_runtime::rules::advance_delivery`.
    states: BTreeMap<String, usize>,
    told: BTreeSet<String>,
    /// The ids of each person.
    people: Vec<BTreeSet<String>>,
}

/// Delivery states as the host ranks them: what arrived did not fail.
const STATES: [&str; 4] = ["sent", "failed", "delivered", "read"];

impl Desk {
    fn take(&mut self, event: Event) {
        if !self.seen.insert(event.key().to_owned()) {
            return;
        }
        match event {
            Event::Message { message, .. } => {
                self.known([message.thread.clone()]);
                self.person(&message.sender);
                let said = (message.thread, message.content.text);
                self.messages.insert(message.external_id, said);
            }
            Event::Edit {
                message,
                content,
                at,
                ..
            } => {
                let edit = self.edits.entry(message).or_default();
                if edit.0 < at {
                    *edit = (at, content.text);
                }
            }
            Event::Revoke { message, .. } => {
                self.revoked.insert(message);
            }
            Event::Reaction {
                message,
                sender,
                emoji,
                at,
                ..
            } => {
                self.person(&sender);
                let key = (message, sender.external_id);
                let reaction = self.reactions.entry(key).or_default();
                if reaction.0 < at {
                    *reaction = (at, emoji);
                }
            }
            Event::Delivery { message, state, .. } => {
                let rank = STATES.iter().position(|it| *it == state).unwrap();
                let kept = self.states.entry(message).or_default();
                *kept = rank.max(*kept);
            }
            Event::Identity { old, now, .. } => {
                self.known([old, now.external_id.clone()]);
                self.person(&now);
            }
            Event::Note { key, .. } => {
                self.told.insert(key);
            }
            Event::Health { .. } => {}
        }
    }

    /// These ids are of one person, and so is whoever had one of them.
    fn known(&mut self, ids: impl IntoIterator<Item = String>) {
        let mut person: BTreeSet<String> = ids.into_iter().collect();
        self.people.retain(|other| {
            let another = person.is_disjoint(other);
            if !another {
                person.extend(other.iter().cloned());
            }
            another
        });
        self.people.push(person);
    }

    fn person(&mut self, person: &Person) {
        let aliases = person.aliases.iter();
        let aliases = aliases.map(|(_, id)| id.trim_start_matches('+').to_owned());
        let ids = aliases.chain([person.external_id.clone()]);
        self.known(ids.collect::<Vec<_>>());
    }

    /// The first of the ids of whoever has this one.
    fn first(&self, id: &str) -> String {
        let person = self.people.iter().find(|person| person.contains(id));
        person.and_then(|person| person.first()).expect(id).clone()
    }

    /// In terms of people instead of their ids, which come in different orders.
    fn settled(mut self) -> Self {
        self.people.sort();
        for (thread, _) in self.messages.clone().values() {
            let first = self.first(thread);
            for said in self.messages.values_mut().filter(|said| said.0 == *thread) {
                said.0.clone_from(&first);
            }
        }
        let mut reactions = BTreeMap::new();
        for ((message, person), reaction) in std::mem::take(&mut self.reactions) {
            let last: &mut (Instant, String) =
                reactions.entry((message, self.first(&person))).or_default();
            if last.0 < reaction.0 {
                *last = reaction;
            }
        }
        self.reactions = reactions;
        self
    }

    fn after(webhooks: &[Json]) -> Self {
        let mut desk = Self::default();
        for webhook in webhooks {
            for event in read(webhook.to_string().as_bytes(), None, || 42).events {
                desk.take(event);
            }
        }
        desk.settled()
    }
}

/// A day with one contact, who writes by phone, changes their number, hides it and changes their id: each of its events once, in the order in
/// which they happened.
fn day() -> Vec<(&'static str, Json)> {
    let time = |at: i64| (1_767_225_600 + at).to_string();
    let by = |from: &[(&str, &str)], at: i64, id: &str, kind: &str, it: Json| {
        let mut message = value!({"id": id, "timestamp": time(at), "type": kind});
        for (name, id) in from {
            message[name] = (*id).into();
        }
        message[kind] = it;
        ("messages", message)
    };
    let message = |at, id: &str, kind: &str, it: Json| {
        by(
            &[("from", CLIENT), ("from_user_id", "BR.3")],
            at,
            id,
            kind,
            it,
        )
    };
    let text = |body: &str| value!({ "body": body });
    let status = |at, id: &str, name: &str| {
        let status =
            value!({"id": id, "status": name, "timestamp": time(at), "recipient_id": CLIENT});
        ("statuses", status)
    };
    let echo = |at, id: &str, to: (&str, &str), kind: &str, it: Json| {
        let mut echo =
            value!({"id": id, "from": "551130000000", "timestamp": time(at), "type": kind});
        echo[to.0] = to.1.into();
        echo[kind] = it;
        ("message_echoes", echo)
    };
    let edit = |id: &str, body: &str| value!({"original_message_id": id, "message": {"type": "text", "text": {"body": body}}});
    let reaction = |emoji: &str| value!({"message_id": "sent", "emoji": emoji});
    let number = [("from", "5511900000002"), ("from_user_id", "BR.4")];
    vec![
        message(0, "a", "text", text("Oi")),
        message(1, "b", "edit", edit("a", "Olá")),
        message(2, "c", "edit", edit("a", "Olá!")),
        message(
            3,
            "d",
            "image",
            value!({"id": "9", "mime_type": "image/jpeg"}),
        ),
        message(4, "e", "revoke", value!({"original_message_id": "d"})),
        status(5, "sent", "sent"),
        status(6, "sent", "delivered"),
        status(7, "sent", "read"),
        message(8, "f", "reaction", reaction("👍")),
        message(9, "g", "reaction", reaction("❤️")),
        message(10, "i", "hologram", value!({})),
        message(
            11,
            "k",
            "system",
            value!({"type": "customer_identity_changed"}),
        ),
        message(
            12,
            "l",
            "interactive",
            value!({"type": "button_reply", "button_reply": {"id": "y", "title": "Sim"}}),
        ),
        // On the business's phone: written, corrected, and one taken back.
        echo(13, "m", ("to", CLIENT), "text", text("Já vou")),
        echo(14, "n", ("to", CLIENT), "edit", edit("m", "Já vamos")),
        echo(15, "o", ("to", CLIENT), "text", text("Errado")),
        echo(
            16,
            "p",
            ("to", CLIENT),
            "revoke",
            value!({"original_message_id": "o"}),
        ),
        // One that is told to have failed and arrived all the same, and one that failed.
        status(17, "late", "failed"),
        status(18, "late", "delivered"),
        status(19, "lost", "sent"),
        status(20, "lost", "failed"),
        // The same person by another number, another id, and no number.
        message(
            21,
            "q",
            "system",
            value!({"type": "user_changed_number", "wa_id": "5511900000002", "user_id": "BR.4", "previous_user_id": "BR.3"}),
        ),
        by(&number, 22, "r", "text", text("Mudei de número")),
        by(&number, 23, "h", "reaction", reaction("")),
        by(
            &[("from_user_id", "BR.4")],
            24,
            "s",
            "text",
            text("Sem número"),
        ),
        by(
            &[],
            25,
            "t",
            "system",
            value!({"type": "user_changed_user_id", "user_id": "BR.5", "previous_user_id": "BR.4"}),
        ),
        by(
            &[("from_user_id", "BR.5")],
            26,
            "u",
            "text",
            text("Sou eu ainda"),
        ),
        echo(27, "v", ("to_user_id", "BR.5"), "text", text("Eu sei")),
        (
            "user_id_update",
            value!({"user_id": {"previous": "BR.5", "current": "BR.6"}, "timestamp": time(28)}),
        ),
        by(
            &[("from_user_id", "BR.6")],
            29,
            "w",
            "text",
            text("E de novo"),
        ),
    ]
}

/// One request with these events; `standby`: as they come while the provider's own agent answers.
fn bundled(events: &[(&str, Json)], standby: bool) -> Json {
    let of = |list: &str| -> Vec<Json> {
        let own = events.iter().filter(|(name, _)| *name == list);
        own.map(|(_, event)| event.clone()).collect()
    };
    let metadata = value!({"display_phone_number": "551130000000", "phone_number_id": "2"});
    let said = value!({"messages": of("messages"), "statuses": of("statuses")});
    let echoes = value!({"message_echoes": of("message_echoes")});
    let change = |field: &str, mut value: Json| {
        if standby {
            value = value!({ "standby": value });
        }
        value["metadata"] = metadata.clone();
        value!({"field": if standby { "standby" } else { field }, "value": value})
    };
    let ids =
        value!({"field": "user_id_update", "value": {"user_id_update": of("user_id_update")}});
    value!({"object": "whatsapp_business_account", "entry": [
        {"id": "1", "changes": [change("messages", said)]},
        {"id": "1", "changes": [change("smb_message_echoes", echoes), ids]},
    ]})
}

fn webhook(events: &[(&str, Json)]) -> Json {
    bundled(events, false)
}

#[test]
fn a_day_in_its_order_ends_as_it_should() {
    let desk = Desk::after(&[webhook(&day())]);
    assert_eq!(desk.seen.len(), day().len());
    assert_eq!(desk.edits["a"].1, "Olá!");
    assert_eq!(desk.edits["m"].1, "Já vamos");
    let state = |id: &str| STATES[desk.states[id]];
    assert_eq!(
        (state("sent"), state("late"), state("lost")),
        ("read", "delivered", "failed")
    );
    assert_eq!(desk.reactions[&("sent".into(), CLIENT.into())].1, "");
    assert_eq!(
        desk.revoked,
        BTreeSet::from(["d".to_owned(), "o".to_owned()])
    );
    assert_eq!((desk.messages.len(), desk.told.len()), (11, 1));
    // However many ids they had, they are one; the business is another.
    let client = [CLIENT, "5511900000002", "BR.3", "BR.4", "BR.5", "BR.6"];
    let client = BTreeSet::from(client.map(str::to_owned));
    let business = BTreeSet::from(["551130000000".to_owned()]);
    assert_eq!(desk.people, [business, client]);
    assert!(desk.messages.values().all(|(thread, _)| thread == CLIENT));
}

proptest! {
    #[test]
    fn any_order_repetition_and_bundling_ends_the_same(
        order in Just((0..day().len()).collect::<Vec<_>>()).prop_shuffle(),
        again in prop::collection::vec((0..day().len(), any::<prop::sample::Index>()), 0..12),
        bundle in 1..5_usize,
        standby in any::<bool>(),
    ) {
        let day = day();
        let mut order = order;
        for (event, place) in again {
            let place = place.index(order.len() + 1);
            order.insert(place, event);
        }
        let webhooks: Vec<Json> = order
            .chunks(bundle)
            .map(|bundle| bundled(&bundle.iter().map(|index| day[*index].clone()).collect::<Vec<_>>(), standby))
            .collect();
        prop_assert_eq!(Desk::after(&webhooks), Desk::after(&[webhook(&day)]));
    }

    #[test]
    fn no_bytes_break_the_reading(body in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert_eq!(read(&body, None, || 42).events, []);
    }

    /// Whole webhooks with some bytes of them changed, cut or doubled.
    #[test]
    fn no_damage_to_a_webhook_breaks_the_reading(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        length in any::<prop::sample::Index>(),
    ) {
        let mut body = webhook(&day()).to_string().into_bytes();
        for (place, byte) in changes {
            let place = place.index(body.len());
            body[place] = byte;
        }
        read(&body, None, || 42);
        let cut = read(&body[..length.index(body.len())], None, || 42);
        prop_assert_eq!(cut.events, []);
    }

    /// JSON of any shape at any place of a message never costs its sibling.
    #[test]
    fn no_shape_breaks_the_reading(
        shape in prop_oneof![
            Just(Json::Null), any::<bool>().prop_map(Json::from), any::<i64>().prop_map(Json::from),
            ".*".prop_map(Json::from), Just(value!([])), Just(value!({})), Just(value!([[{}]])),
        ],
        event in 1..day().len(),
        name in prop::sample::select(vec!["id", "from", "timestamp", "type", "text", "edit", "reaction", "system", "interactive", "context", "errors", "status"]),
    ) {
        let day = day();
        let (list, mut event) = day[event].clone();
        event[name] = shape;
        let sibling = day[0].clone();
        let brought = read(webhook(&[(list, event), sibling]).to_string().as_bytes(), None, || 42);
        let whole = |event: &Event| matches!(event, Event::Message { message, .. } if message.external_id == "a" && message.content.text == "Oi");
        prop_assert!(brought.events.iter().any(whole), "{:?}", brought);
    }
}
