//! Buttons that were pressed, and reactions by their emojis.

use super::{Reader, TEXT, people};
use crate::address::is_id;
use balcao_plugin::connector::{Event, Inbound};
use balcao_plugin::lenient::{Field, cut};
use balcao_plugin::{Content, Instant, json};

/// Shown for a reaction of which the provider gives only a number.
const CUSTOM: &str = "✨";
/// Shown for a reaction that was paid for.
const PAID: &str = "⭐";
/// Bytes of emojis that the host takes.
const EMOJI: usize = 64;

impl<N: Fn() -> Instant> Reader<N> {
    /// A press is an answer to the message with the button; the contact's app waits until it is told that it arrived.
    pub(super) fn pressed(&mut self, query: Field) {
        let id = query.get("id").text();
        if !is_id(&id) {
            return self.odd("A pressed button without an id");
        }
        self.pressed = Some(id.clone());
        let Some(message) = query.get("message").object() else {
            return self.ignored("A button of a message that the bot sent in the name of a user");
        };
        let Some(data) = query.get("data").given() else {
            return self.ignored("A button that starts a game");
        };
        let Some(sender) = query
            .get("from")
            .object()
            .and_then(|user| people::user(user))
        else {
            return self.odd("A pressed button without a sender");
        };
        let Some(scene) = self.scene(message) else {
            return;
        };
        let title = title(message, &data).unwrap_or_else(|| data.clone());
        let thread = scene.thread.to_string();
        let (sender, extra) = scene.pressed_by(sender);
        let external_id = format!("{}:cb{id}", scene.external_id);
        let content = Content {
            kind: "choice".into(),
            text: cut(title.clone(), TEXT),
            attachments: Vec::new(),
            extra: json::text(&json::json!({
                "id": cut(data, TEXT / 8),
                "title": cut(title, TEXT / 8),
            })),
        };
        let at = (self.now)();
        self.push(Event::Message {
            key: format!("m:{external_id}"),
            message: Inbound {
                external_id,
                thread,
                sender,
                outgoing: false,
                at,
                content,
                reply_to: Some(scene.external_id),
                extra,
            },
        });
    }
}

/// What is written on the button with that data.
fn title(message: Field, data: &str) -> Option<String> {
    let keyboard = message.get("reply_markup").get("inline_keyboard");
    let mut buttons = keyboard.list().flat_map(Field::list);
    let pressed = buttons.find(|button| button.get("callback_data").text() == data);
    pressed?.get("text").given()
}

/// The emojis of a reaction, as one text; empty where it was taken back.
pub(super) fn emoji<'a>(reactions: impl Iterator<Item = Field<'a>>) -> String {
    let emojis = reactions.map(|reaction| match reaction.get("emoji").given() {
        Some(emoji) => emoji,
        None if reaction.get("type").text() == "paid" => PAID.into(),
        None => CUSTOM.into(),
    });
    let mut all = String::new();
    for emoji in emojis {
        if all.len() + emoji.len() <= EMOJI {
            all.push_str(&emoji);
        }
    }
    all
}
