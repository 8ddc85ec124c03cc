//! What must hold for everything: any bytes give an answer, and one contact's updates end in the same state however often and in whatever
//! order they come. The model of the host keeps its documented rules: an event's key counts once, the latest edit stands, a revocation stays, and a
//! thread whose id changed is one thread.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const ALL: Wanted = Wanted {
    groups: true,
    channel_posts: true,
};

/// What becomes of messages, and what is told beside them.
#[derive(Debug, Default, PartialEq)]
struct Desk {
    seen: BTreeSet<String>,
    messages: BTreeMap<String, (String, String)>,
    edits: BTreeMap<String, (Instant, String)>,
    revoked: BTreeSet<String>,
    reactions: BTreeMap<(String, String), (Instant, String)>,
    told: BTreeSet<String>,
    /// What a thread is called now.
    moved: BTreeMap<String, String>,
}

impl Desk {
    fn take(&mut self, event: Event) {
        let key = event.key().to_owned();
        if !self.seen.insert(key.clone()) {
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
                let reaction = self.reactions.entry((message, sender.external_id));
                let reaction = reaction.or_default();
                if reaction.0 < at {
                    *reaction = (at, emoji);
                }
            }
            Event::Identity { old, now, .. } => {
                self.moved.insert(old, now.external_id);
            }
            Event::Note { .. } => {
                self.told.insert(key);
            }
            Event::Delivery { .. } | Event::Health { .. } => panic!("{event:?}"),
        }
    }

    fn after(updates: &[String]) -> Self {
        let mut desk = Self::default();
        for update in updates {
            for event in read(update.as_bytes(), ALL, || 42).brought.events {
                desk.take(event);
            }
        }
        for (thread, _) in desk.messages.values_mut() {
            if let Some(now) = desk.moved.get(thread) {
                thread.clone_from(now);
            }
        }
        desk
    }
}

/// A story of one contact: messages, edits, reactions, pressed buttons, deletions, blocking, a group that moves.
fn updates() -> impl Strategy<Value = Vec<String>> {
    let what = (0..12_u8, 1..4_i64, 0..3_i64, "[a-z]{1,6}");
    let wrap = |(index, (kind, message, second, text)): (usize, (u8, i64, i64, String))| {
        let chat = r#"{"id":5001,"type":"private","first_name":"A"}"#;
        let from = r#"{"id":5001,"first_name":"A"}"#;
        let date = 1_767_225_600 + second;
        let inner = match kind {
            0 | 1 => format!(
                r#""message":{{"message_id":{message},"from":{from},"chat":{chat},"date":1767225600,"text":"m{message}"}}"#
            ),
            2 => format!(
                r#""edited_message":{{"message_id":{message},"from":{from},"chat":{chat},"date":1767225600,"edit_date":{date},"text":"{text}"}}"#
            ),
            3 => format!(
                r#""message_reaction":{{"chat":{chat},"message_id":{message},"user":{from},"date":{date},"new_reaction":[{{"type":"emoji","emoji":"{text}"}}]}}"#
            ),
            4 => format!(
                r#""callback_query":{{"id":"{index}","from":{from},"message":{{"message_id":{message},"chat":{chat}}},"data":"{text}"}}"#
            ),
            5 => format!(
                r#""business_message":{{"business_connection_id":"bc","message_id":{message},"from":{from},"chat":{chat},"date":1767225600,"text":"m{message}"}}"#
            ),
            6 => format!(
                r#""deleted_business_messages":{{"business_connection_id":"bc","chat":{chat},"message_ids":[{message}]}}"#
            ),
            7 => format!(
                r#""my_chat_member":{{"chat":{chat},"from":{from},"date":{date},"new_chat_member":{{"status":"kicked"}}}}"#
            ),
            8 => format!(
                r#""message":{{"message_id":{},"chat":{{"id":-4001,"type":"group","title":"G"}},"migrate_to_chat_id":-1001}}"#,
                message + 10
            ),
            9 => r#""message":{"message_id":1,"chat":{"id":-1001,"type":"supergroup","title":"G"},"migrate_from_chat_id":-4001}"#
                    .to_owned(),
            10 => format!(
                r#""message":{{"message_id":{message},"from":{from},"chat":{{"id":-4001,"type":"group","title":"G"}},"date":1767225600,"text":"g{message}"}}"#
            ),
            _ => format!(
                r#""message":{{"message_id":{},"from":{from},"chat":{{"id":-1001,"type":"supergroup","title":"G"}},"date":1767225600,"text":"s{message}"}}"#,
                message + 1
            ),
        };
        format!(r#"{{"update_id":{},{inner}}}"#, 1000 + index)
    };
    prop::collection::vec(what, 1..12)
        .prop_map(move |story| story.into_iter().enumerate().map(wrap).collect())
}

/// A story, and the same with everything repeated once, in another order.
fn told_twice() -> impl Strategy<Value = (Vec<String>, Vec<String>)> {
    updates().prop_flat_map(|story| {
        let again = [story.clone(), story.clone()].concat();
        (Just(story), Just(again).prop_shuffle())
    })
}

/// What is said in a group before it moves, that it moves (as both chats tell it), and what is said afterwards.
const MOVE: [&str; 4] = [
    r#"{"update_id":1,"message":{"message_id":5,"from":{"id":5001,"first_name":"A"},"chat":{"id":-4001,"type":"group","title":"G"},"date":1767225600,"text":"Antes"}}"#,
    r#"{"update_id":2,"message":{"message_id":6,"chat":{"id":-4001,"type":"group","title":"G"},"date":1767225601,"migrate_to_chat_id":-1001}}"#,
    r#"{"update_id":3,"message":{"message_id":1,"chat":{"id":-1001,"type":"supergroup","title":"G"},"date":1767225601,"migrate_from_chat_id":-4001}}"#,
    r#"{"update_id":4,"message":{"message_id":2,"from":{"id":5001,"first_name":"A"},"chat":{"id":-1001,"type":"supergroup","title":"G"},"date":1767225602,"text":"Depois"}}"#,
];

proptest! {
    #[test]
    fn a_group_that_moved_is_one_thread_in_any_order(order in Just(MOVE.map(String::from).to_vec()).prop_shuffle(), unheard in 1..3_usize) {
        let desk = Desk::after(&order);
        let threads: BTreeSet<&str> = desk.messages.values().map(|(thread, _)| thread.as_str()).collect();
        prop_assert_eq!(threads, BTreeSet::from(["-1001"]));
        let ids: Vec<&str> = desk.messages.keys().map(String::as_str).collect();
        prop_assert_eq!(ids, ["-1001:2", "-4001:5"]);
        // Either chat's notice is enough.
        let heard: Vec<String> = order.into_iter().filter(|it| it != MOVE[unheard]).collect();
        prop_assert_eq!(Desk::after(&heard).messages, desk.messages);
    }

    #[test]
    fn order_repetition_and_delay_change_nothing((story, again) in told_twice()) {
        let desk = Desk::after(&story);
        prop_assert!(!desk.seen.is_empty());
        prop_assert_eq!(Desk::after(&again), desk);
    }

    #[test]
    fn any_bytes_give_an_answer(body in prop::collection::vec(any::<u8>(), 0..400)) {
        let brought = read(&body, ALL, || 42).brought;
        prop_assert_eq!(brought.events, []);
        prop_assert_eq!(brought.remarks.len(), 1);
    }

    #[test]
    fn an_update_that_is_cut_or_changed_anywhere_gives_an_answer(cut in 0..2000_usize, at in 0..2000_usize, byte in any::<u8>()) {
        for body in [
            &include_bytes!("../../fixtures/reply_forwarded.json")[..],
            include_bytes!("../../fixtures/rich_message.json"),
            include_bytes!("../../fixtures/callback_query.json"),
            include_bytes!("../../fixtures/deleted_business_messages.json"),
        ] {
            let body = body.trim_ascii_end();
            let mut changed = body.to_vec();
            let at = at % changed.len();
            changed[at] = byte;
            read(&changed, ALL, || 42);
            let brought = read(&body[..cut % body.len()], ALL, || 42).brought;
            prop_assert_eq!(brought.events, []);
        }
    }
}
