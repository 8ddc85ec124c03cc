//! What a webhook means: one of the provider's updates in, the events to hand to `inbox` and the lines to log out. Plain data, no imports.
//! Whatever a body holds, this neither panics nor fails.

mod content;
mod message;
mod people;
pub use people::PICTURE;
mod query;
mod rich;
mod service;
mod standing;
mod words;

use crate::address::MessageRef;
use balcao_plugin::Instant;
use balcao_plugin::connector::{Brought, Event};
use balcao_plugin::lenient::{self, Field, cut};
use message::Scene;

/// Microseconds.
const SECOND: i64 = 1_000_000;
/// Bytes of a text, well below what the host takes.
const TEXT: usize = 48 << 10;
/// Messages deleted at once; the provider names a hundred at most.
const DELETED: usize = 1000;

/// What one webhook brought.
#[derive(Debug, Default, PartialEq)]
pub struct Update {
    pub brought: Brought,
    /// The pressed button that the contact's app waits for an answer to.
    pub pressed: Option<String>,
}

/// What of the provider's chats the channel's settings let in, beside private ones.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    pub groups: bool,
    pub channel_posts: bool,
}

/// The updates that are asked for at the provider; the others are documented in the README with the reason.
pub fn updates(wanted: Wanted) -> Vec<&'static str> {
    let mut updates = vec![
        "message",
        "edited_message",
        "callback_query",
        "message_reaction",
        "my_chat_member",
        "business_connection",
        "business_message",
        "edited_business_message",
        "deleted_business_messages",
    ];
    if wanted.channel_posts {
        updates.extend(["channel_post", "edited_channel_post"]);
    }
    updates
}

/// Reads a webhook's body. `now` stands in for a time that the provider leaves out.
pub fn read(body: &[u8], wanted: Wanted, now: impl Fn() -> Instant) -> Update {
    let mut reader = Reader {
        wanted,
        now,
        update: 0,
        brought: Brought::default(),
        pressed: None,
    };
    match lenient::parse(body) {
        Ok(update) => reader.update(Field::of(&update)),
        Err(place) => reader.odd(format!("The body is no update: {place}")),
    }
    Update {
        brought: reader.brought,
        pressed: reader.pressed,
    }
}

struct Reader<N> {
    wanted: Wanted,
    now: N,
    /// The update's own number: the same where the provider repeats itself, and growing.
    update: i64,
    brought: Brought,
    pressed: Option<String>,
}

impl<N: Fn() -> Instant> Reader<N> {
    fn ignored(&mut self, why: impl Into<String>) {
        self.brought.ignored(why);
    }

    fn odd(&mut self, what: impl Into<String>) {
        self.brought.odd(what);
    }

    fn push(&mut self, event: Event) {
        self.brought.push(event);
    }

    fn update(&mut self, update: Field) {
        self.update = update.get("update_id").number().unwrap_or(0);
        let Some(kind) = update.names().find(|name| *name != "update_id") else {
            return self.odd("An update without anything in it");
        };
        let kind = cut(kind.to_owned(), 64);
        let Some(inner) = update.get(&kind).object() else {
            return self.odd(format!("An update {kind:?} that is not an object"));
        };
        match kind.as_str() {
            "message" | "channel_post" | "business_message" => self.message(inner),
            "edited_message" | "edited_channel_post" | "edited_business_message" => {
                self.edit(inner);
            }
            "callback_query" => self.pressed(inner),
            "message_reaction" => self.reaction(inner),
            "my_chat_member" => self.member(inner),
            "business_connection" => self.connection(inner),
            "deleted_business_messages" => self.deleted(inner),
            _ => self.ignored(format!(
                "An update {kind:?}, which this channel does not use"
            )),
        }
    }

    /// Where a message is, if the settings want it there; remarked upon where not.
    fn scene(&mut self, message: Field) -> Option<Scene> {
        let scene = match Scene::of(message) {
            Ok(scene) => scene,
            Err(what) => {
                self.odd(what);
                return None;
            }
        };
        let (wanted, named) = match scene.kind.as_str() {
            "private" => (true, "private chat"),
            "channel" => (self.wanted.channel_posts, "channel"),
            _ => (self.wanted.groups || scene.thread.is_with_one(), "group"),
        };
        if wanted {
            return Some(scene);
        }
        self.ignored(format!(
            "Something of a {named}, which the settings leave out"
        ));
        None
    }

    fn message(&mut self, message: Field) {
        let Some(scene) = self.scene(message) else {
            return;
        };
        if message.get("sender_business_bot").is_there() {
            return self.ignored("A message that a bot sent for the business account");
        }
        if let Some(event) = service::read(message, &scene) {
            return self.push(event);
        }
        let (content, odd) = content::of(message);
        if let Some(odd) = odd {
            self.odd(odd);
        }
        let at = self.time(message, "date");
        let message = scene.inbound(message, content, at);
        self.push(Event::Message {
            key: format!("m:{}", message.external_id),
            message,
        });
    }

    fn edit(&mut self, message: Field) {
        let Some(scene) = self.scene(message) else {
            return;
        };
        let (mut content, odd) = content::of(message);
        if let Some(odd) = odd {
            self.odd(odd);
        }
        // The host keeps of an edited message only what the edit says.
        content.extra = message::merged(&content.extra, &scene.origin(message));
        let edited = ["edit_date", "date"]
            .into_iter()
            .find(|name| message.get(name).number().is_some_and(|at| at > 0));
        let at = self.ordered(message, edited.unwrap_or("edit_date"));
        self.push(Event::Edit {
            key: format!("e:{}:{}", scene.external_id, self.update),
            message: scene.external_id,
            content,
            at,
        });
    }

    fn reaction(&mut self, reaction: Field) {
        let Some(scene) = self.scene(reaction) else {
            return;
        };
        let sender = match (
            reaction.get("user").object(),
            reaction.get("actor_chat").object(),
        ) {
            (Some(user), _) => people::user(user),
            (None, Some(chat)) => people::chat(chat),
            (None, None) => None,
        };
        let Some(sender) = sender else {
            return self.odd("A reaction without a sender");
        };
        let emoji = query::emoji(reaction.get("new_reaction").list());
        let at = self.ordered(reaction, "date");
        self.push(Event::Reaction {
            key: format!(
                "r:{}:{}:{}",
                scene.external_id, sender.external_id, self.update
            ),
            message: scene.external_id,
            sender,
            emoji,
            at,
        });
    }

    fn deleted(&mut self, deleted: Field) {
        let Some(chat) = deleted.get("chat").get("id").number() else {
            return self.odd("Deleted messages without a chat");
        };
        let connection = deleted.get("business_connection_id").text();
        if !crate::address::is_id(&connection) {
            return self.odd("Deleted messages without a business connection");
        }
        let numbers = deleted.get("message_ids").list();
        let numbers: Vec<i64> = numbers.filter_map(Field::number).take(DELETED).collect();
        if numbers.is_empty() {
            return self.odd("Deleted messages without their numbers");
        }
        let at = (self.now)();
        for number in numbers {
            let message = MessageRef {
                chat,
                connection: Some(connection.clone()),
                number,
            };
            self.push(Event::Revoke {
                key: format!("d:{message}"),
                message: message.to_string(),
                at,
            });
        }
    }

    /// The provider counts seconds.
    fn time(&self, of: Field, name: &str) -> Instant {
        let seconds = of.get(name).number().filter(|seconds| *seconds > 0);
        let at = seconds.and_then(|seconds| seconds.checked_mul(SECOND));
        at.unwrap_or_else(|| (self.now)())
    }

    /// A time that also orders what happens within the same second: updates are numbered one after the other.
    fn ordered(&self, of: Field, name: &str) -> Instant {
        let at = self.time(of, name);
        at.saturating_add(self.update.rem_euclid(SECOND))
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
