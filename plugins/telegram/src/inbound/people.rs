//! Who is on the other side: the provider's users, and chats in whose name somebody writes.

use balcao_plugin::connector::Person;
use balcao_plugin::lenient::{Field, cut};

/// Bytes of a name.
const NAME: usize = 1024;

/// What begins the reference of somebody's picture; their id follows.
pub const PICTURE: &str = "profile/";

/// A user; none without a number.
pub(super) fn user(user: Field) -> Option<Person> {
    Some(person(
        user.get("id").number()?.to_string(),
        named(user),
        user,
    ))
}

/// A chat as somebody: a group or channel in whose name somebody writes, or the other side of a private one.
pub(super) fn chat(chat: Field) -> Option<Person> {
    let name = chat.get("title").given().unwrap_or_else(|| named(chat));
    Some(person(chat.get("id").number()?.to_string(), name, chat))
}

/// First and last name.
pub(super) fn named(user: Field) -> String {
    let name = [user.get("first_name").text(), user.get("last_name").text()].join(" ");
    name.trim().to_owned()
}

/// Several users by name, for a line of the timeline.
pub(super) fn listed<'a>(users: impl Iterator<Item = Field<'a>>) -> String {
    let names: Vec<String> = users.take(20).map(named).collect();
    names.join(", ")
}

fn person(external_id: String, name: String, of: Field) -> Person {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let username = of.get("username").text();
    let is_username = (1..=64).contains(&username.len()) && username.bytes().all(letter);
    // Of groups and channels no picture is shown: their ids are negative.
    let avatar = match external_id.starts_with('-') {
        true => String::new(),
        false => format!("ref:{PICTURE}{external_id}"),
    };
    Person {
        external_id,
        aliases: is_username
            .then(|| ("username".to_owned(), username))
            .into_iter()
            .collect(),
        name: cut(name, NAME),
        avatar,
        extra: String::new(),
    }
}
