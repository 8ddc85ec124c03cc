//! However the provider orders, repeats, delays and bundles the events of one contact, the inbox ends the same; and no bytes whatever break
//! the reading. The inbox here is a small model of the host's documented rules: keys count once, what is about a message waits for it, the
//! latest edit and reaction stand, a revocation stays, states never go back.

use super::*;
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
    states: BTreeMap<String, usize>,
    told: BTreeSet<String>,
}

impl Desk {
    fn take(&mut self, event: Event) {
        if !self.seen.insert(event.key().to_owned()) {
            return;
        }
        match event {
            Event::Message { message, .. } => {
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
                let key = (message, sender.external_id);
                let reaction = self.reactions.entry(key).or_default();
                if reaction.0 < at {
                    *reaction = (at, emoji);
                }
            }
            Event::Delivery { message, state, .. } => {
                let rank = ["sent", "delivered", "read", "failed"];
                let rank = rank.iter().position(|it| *it == state).unwrap();
                let kept = self.states.entry(message).or_default();
                *kept = rank.max(*kept);
            }
            Event::Identity { key, .. } | Event::Note { key, .. } => {
                self.told.insert(key);
            }
            Event::Health { .. } => {}
        }
    }

    fn after(webhooks: &[Json]) -> Self {
        let mut desk = Self::default();
        for webhook in webhooks {
            for event in read(webhook.to_string().as_bytes(), None, || 42).events {
                desk.take(event);
            }
        }
        desk
    }
}

/// A day with one contact: each of its events once, in the order in which they happened.
fn day() -> Vec<(&'static str, Json)> {
    let message = |at: i64, id: &str, kind: &str, it: Json| {
        let mut message = value!({
            "id": id, "from": CLIENT, "from_user_id": "BR.3", "timestamp": (1_767_225_600 + at).to_string(), "type": kind,
        });
        message[kind] = it;
        ("messages", message)
    };
    let text = |body: &str| value!({ "body": body });
    let status = |at: i64, name: &str| {
        let at = (1_767_225_600 + at).to_string();
        let status =
            value!({"id": "sent", "status": name, "timestamp": at, "recipient_id": CLIENT});
        ("statuses", status)
    };
    let edit = |body: &str| value!({"original_message_id": "a", "message": {"type": "text", "text": {"body": body}}});
    vec![
        message(0, "a", "text", text("Oi")),
        message(1, "b", "edit", edit("Olá")),
        message(2, "c", "edit", edit("Olá!")),
        message(
            3,
            "d",
            "image",
            value!({"id": "9", "mime_type": "image/jpeg"}),
        ),
        message(4, "e", "revoke", value!({"original_message_id": "d"})),
        status(5, "sent"),
        status(6, "delivered"),
        status(7, "read"),
        message(
            8,
            "f",
            "reaction",
            value!({"message_id": "sent", "emoji": "👍"}),
        ),
        message(
            9,
            "g",
            "reaction",
            value!({"message_id": "sent", "emoji": "❤️"}),
        ),
        message(
            10,
            "h",
            "reaction",
            value!({"message_id": "sent", "emoji": ""}),
        ),
        message(11, "i", "hologram", value!({})),
        message(
            12,
            "j",
            "system",
            value!({"type": "user_changed_number", "wa_id": "5511900000002"}),
        ),
        message(
            13,
            "k",
            "system",
            value!({"type": "customer_identity_changed"}),
        ),
        message(
            14,
            "l",
            "interactive",
            value!({"type": "button_reply", "button_reply": {"id": "y", "title": "Sim"}}),
        ),
    ]
}

fn webhook(events: &[(&str, Json)]) -> Json {
    let of = |list: &str| -> Vec<Json> {
        let own = events.iter().filter(|(name, _)| *name == list);
        own.map(|(_, event)| event.clone()).collect()
    };
    value!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages", "value": {
        "messages": of("messages"), "statuses": of("statuses"),
    }}]}]})
}

#[test]
fn a_day_in_its_order_ends_as_it_should() {
    let desk = Desk::after(&[webhook(&day())]);
    assert_eq!(desk.seen.len(), day().len());
    assert_eq!(desk.edits["a"].1, "Olá!");
    assert_eq!(desk.states["sent"], 2);
    assert_eq!(desk.reactions[&("sent".into(), CLIENT.into())].1, "");
    assert!(desk.revoked.contains("d"));
    assert_eq!((desk.messages.len(), desk.told.len()), (4, 2));
}

proptest! {
    #[test]
    fn any_order_repetition_and_bundling_ends_the_same(
        order in Just((0..day().len()).collect::<Vec<_>>()).prop_shuffle(),
        again in prop::collection::vec((0..day().len(), any::<prop::sample::Index>()), 0..12),
        bundle in 1..5_usize,
    ) {
        let day = day();
        let mut order = order;
        for (event, place) in again {
            let place = place.index(order.len() + 1);
            order.insert(place, event);
        }
        let webhooks: Vec<Json> = order
            .chunks(bundle)
            .map(|bundle| webhook(&bundle.iter().map(|index| day[*index].clone()).collect::<Vec<_>>()))
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
