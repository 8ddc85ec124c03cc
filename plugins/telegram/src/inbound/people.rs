//! Who is on the other side: the provider's users, and chats in whose name somebody writes.

use crate::payload::{Object, clipped};
use balcao_plugin::inbox::Person;

/// Bytes of a name.
const NAME: usize = 1024;

/// A user; none without a number.
pub(super) fn user(user: &Object) -> Option<Person> {
    Some(person(user.number("id")?.to_string(), named(user), user))
}

/// A chat as somebody: a group or channel in whose name somebody writes, or the other side of a private one.
pub(super) fn chat(chat: &Object) -> Option<Person> {
    let name = chat.given("title").unwrap_or_else(|| named(chat));
    Some(person(chat.number("id")?.to_string(), name, chat))
}

/// First and last name.
pub(super) fn named(user: &Object) -> String {
    let name = [user.text("first_name"), user.text("last_name")].join(" ");
    name.trim().to_owned()
}

/// Several users by name, for a line of the timeline.
pub(super) fn listed(users: &[Object]) -> String {
    let names: Vec<String> = users.iter().take(20).map(named).collect();
    names.join(", ")
}

fn person(external_id: String, name: String, of: &Object) -> Person {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let username = of.text("username");
    let is_username = (1..=64).contains(&username.len()) && username.bytes().all(letter);
    Person {
        external_id,
        aliases: is_username
            .then(|| ("username".to_owned(), username))
            .into_iter()
            .collect(),
        name: clipped(name, NAME),
        avatar: String::new(),
        extra: String::new(),
    }
}
