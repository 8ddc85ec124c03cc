//! However the provider orders, repeats and bundles the events of one contact, the inbox ends the same; and no bytes whatever break the
//! reading. The inbox here is a small model of the host's rules: keys count once, and what is about a message waits for it.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default, PartialEq)]
struct Kept {
    text: String,
    edited: Option<Instant>,
    revoked: bool,
    read: bool,
    /// With what, and when: what is taken back stays, without its emoji.
    reactions: BTreeMap<String, (Instant, String)>,
}

#[derive(Default)]
struct Model {
    seen: BTreeSet<String>,
    messages: BTreeMap<String, Kept>,
    waiting: BTreeMap<String, Vec<Event>>,
    notes: BTreeSet<String>,
}

impl Model {
    fn take(&mut self, body: &Value) {
        for event in events(body.to_string().as_bytes()) {
            self.event(event);
        }
    }

    fn event(&mut self, event: Event) {
        let about = match &event {
            Event::Message { message, .. } => message.external_id.clone(),
            Event::Delivery { message, .. }
            | Event::Reaction { message, .. }
            | Event::Edit { message, .. }
            | Event::Revoke { message, .. } => message.clone(),
            Event::Note { .. } | Event::Identity { .. } | Event::Health { .. } => String::new(),
        };
        if !self.seen.insert(event.key().to_owned()) {
            return;
        }
        match event {
            Event::Note { key, .. } => {
                self.notes.insert(key);
            }
            Event::Message { message, .. } => {
                let kept = Kept {
                    text: message.content.text,
                    ..Kept::default()
                };
                self.messages.insert(about.clone(), kept);
                for event in self.waiting.remove(&about).unwrap_or_default() {
                    self.apply(&about, event);
                }
            }
            event if self.messages.contains_key(&about) => self.apply(&about, event),
            event => self.waiting.entry(about).or_default().push(event),
        }
    }

    /// As the host does: edits and reactions by their time.
    fn apply(&mut self, about: &str, event: Event) {
        let kept = self.messages.get_mut(about).unwrap();
        match event {
            Event::Edit { content, at, .. } if kept.edited.is_none_or(|last| last < at) => {
                kept.text = content.text;
                kept.edited = Some(at);
            }
            Event::Revoke { .. } => kept.revoked = true,
            Event::Delivery { .. } => kept.read = true,
            Event::Reaction {
                sender, emoji, at, ..
            } => {
                let last = kept.reactions.entry(sender.external_id).or_default();
                if last.0 <= at {
                    *last = (at, emoji);
                }
            }
            _ => {}
        }
    }
}

/// A day with one contact: each of its events once, in the order in which they happened.
fn day() -> Vec<Value> {
    let from = |at: i64, mut event: Value, us: bool| {
        let (sender, recipient) = if us {
            (ACCOUNT, CLIENT)
        } else {
            (CLIENT, ACCOUNT)
        };
        event["sender"] = value!({"id": sender});
        event["recipient"] = value!({"id": recipient});
        event["timestamp"] = value!(1_767_225_600_000_i64 + at);
        event
    };
    let them = |at, event| from(at, event, false);
    vec![
        them(0, value!({"message": {"mid": "m1", "text": "Oi"}})),
        them(
            1,
            value!({"message_edit": {"mid": "m1", "text": "Olá", "num_edit": 1}}),
        ),
        them(
            2,
            value!({"message_edit": {"mid": "m1", "text": "Olá!", "num_edit": 2}}),
        ),
        from(
            3,
            value!({"message": {"mid": "m2", "text": "Bom dia", "is_echo": true}}),
            true,
        ),
        them(4, value!({"read": {"mid": "m2"}})),
        them(
            5,
            value!({"reaction": {"mid": "m2", "action": "react", "emoji": "👍"}}),
        ),
        them(
            6,
            value!({"reaction": {"mid": "m2", "action": "react", "emoji": "❤️"}}),
        ),
        them(7, value!({"reaction": {"mid": "m2", "action": "unreact"}})),
        them(8, value!({"reaction": {"mid": "m1", "action": "unreact"}})),
        them(
            9,
            value!({"reaction": {"mid": "m1", "action": "react", "reaction": "love"}}),
        ),
        them(
            10,
            value!({"postback": {"mid": "m3", "title": "Horário", "payload": "H"}}),
        ),
        them(11, value!({"postback": {"title": "Preço", "payload": "P"}})),
        them(
            12,
            value!({"message": {"mid": "m4", "attachments": [{"type": "ephemeral"}]}}),
        ),
        them(13, value!({"message": {"mid": "m4", "is_deleted": true}})),
        them(
            14,
            value!({"referral": {"ref": "a", "source": "IGME", "type": "OPEN_THREAD"}}),
        ),
    ]
}

fn webhook(events: &[Value], list: &str) -> Value {
    value!({"object": "instagram", "entry": [{"id": ACCOUNT, "time": 1, list: events}]})
}

fn ended(model: Model) -> (BTreeMap<String, Kept>, BTreeSet<String>) {
    assert!(model.waiting.is_empty());
    (model.messages, model.notes)
}

#[test]
fn a_day_in_its_order_ends_as_it_should() {
    let mut model = Model::default();
    model.take(&webhook(&day(), "messaging"));
    let (messages, notes) = ended(model);
    assert_eq!((messages.len(), notes.len()), (5, 1));
    assert_eq!(
        (
            messages["m1"].text.as_str(),
            messages["m1"].reactions[CLIENT].1.as_str()
        ),
        ("Olá!", "❤️")
    );
    assert_eq!(
        (
            messages["m2"].read,
            messages["m2"].reactions[CLIENT].1.as_str()
        ),
        (true, "")
    );
    assert!(messages["m4"].revoked);
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
        let mut expected = Model::default();
        expected.take(&webhook(&day, "messaging"));
        let mut order = order;
        for (event, place) in again {
            let place = place.index(order.len() + 1);
            order.insert(place, event);
        }
        let mut model = Model::default();
        for bundle in order.chunks(bundle) {
            let events: Vec<Value> = bundle.iter().map(|index| day[*index].clone()).collect();
            model.take(&webhook(&events, if standby { "standby" } else { "messaging" }));
        }
        prop_assert_eq!(ended(model), ended(expected));
    }

    #[test]
    fn no_bytes_break_the_reading(body in prop::collection::vec(any::<u8>(), 0..600)) {
        let brought = brought(&body);
        prop_assert!(brought.events.is_empty() || !body.is_empty());
    }

    /// Whole webhooks with some bytes of them changed, cut or doubled.
    #[test]
    fn no_damage_to_a_webhook_breaks_the_reading(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        length in any::<prop::sample::Index>(),
    ) {
        let mut body = webhook(&day(), "messaging").to_string().into_bytes();
        for (place, byte) in changes {
            let place = place.index(body.len());
            body[place] = byte;
        }
        brought(&body);
        brought(&body[..length.index(body.len())]);
    }

    /// JSON of any shape at any place of a webhook.
    #[test]
    fn no_shape_breaks_the_reading(
        shape in prop_oneof![
            Just(Value::Null), any::<bool>().prop_map(Value::from), any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from), ".*".prop_map(Value::from), Just(value!([])), Just(value!({})), Just(value!([[{}]])),
        ],
        event in 0..day().len(),
        names in prop::sample::subsequence(vec!["sender", "recipient", "timestamp", "message", "reaction", "message_edit", "postback", "read", "referral"], 1..4),
        within in prop::sample::subsequence(vec!["mid", "text", "attachments", "is_deleted", "reply_to", "quick_reply", "num_edit", "emoji", "payload"], 0..4),
    ) {
        let mut event = day()[event].clone();
        for name in names {
            if event.get(name).is_some() {
                event[name] = shape.clone();
            }
        }
        for part in ["message", "reaction", "message_edit", "postback", "read"] {
            for name in &within {
                if event[part].is_object() {
                    event[part][*name] = shape.clone();
                }
            }
        }
        let sibling = day().swap_remove(0);
        let brought = brought(webhook(&[event, sibling], "messaging").to_string().as_bytes());
        prop_assert!(!brought.events.is_empty());
    }
}
