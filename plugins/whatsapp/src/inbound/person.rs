//! Who is on the other side: by phone where the provider tells it, else by its own id of them for this business (BSUID). Whoever comes with
//! both is told with the id as an alias, by which the host knows them again when the phone is no longer told.

use super::is_digits;
use balcao_plugin::connector::Person;
use balcao_plugin::lenient::{self, Field};

/// Who wrote, with what the provider says of them beside the message.
pub(super) fn sender(message: Field, value: Field) -> Person {
    // A notice of a changed id may name only who it was.
    let was = message.get("system").get("previous_user_id");
    let from_user = message.get("from_user_id").given();
    let from_user = from_user.unwrap_or_else(|| was.text());
    let from = message.get("from").text();
    let same = |one: Field, other: &str| !other.is_empty() && one.text() == other;
    let contacts = match value.get("contacts") {
        contacts if contacts.is_there() => contacts,
        _ => value.get("standby").get("contacts"),
    };
    let is_sender = |contact: &Field| {
        same(contact.get("wa_id"), &from) || same(contact.get("user_id"), &from_user)
    };
    // Only an introduction that cannot be of anybody else may lack the ids.
    let only = || {
        contacts
            .list()
            .next()
            .filter(|_| contacts.list().count() == 1)
    };
    let contact = contacts.list().find(is_sender).or_else(only);
    let contact = contact.unwrap_or_default();
    let given = |one: String, other: Field| {
        Some(one)
            .filter(|it| !it.is_empty())
            .or_else(|| other.given())
    };
    let profile = contact.get("profile");
    named(
        given(from, contact.get("wa_id")),
        given(from_user, contact.get("user_id")),
        profile.get("name").given(),
        profile.get("username").given(),
    )
}

/// The business, writing from its phone or by another app.
pub(super) fn business(message: Field, value: Field) -> Person {
    let number = || value.get("metadata").get("display_phone_number").given();
    named(
        message.get("from").given().or_else(number),
        None,
        None,
        None,
    )
}

/// Whom the business wrote to; a request may name a phone with its plus sign, or a person by `recipient`.
pub(super) fn addressee(message: Field) -> String {
    let phone = message.get("to").given();
    let phone = phone.map(|phone| phone.trim_start_matches('+').to_owned());
    phone
        .or_else(|| message.get("to_user_id").given())
        .unwrap_or_else(|| message.get("recipient").text())
}

/// A person by phone where there is one, else by the provider's own id of them.
pub(super) fn named(
    phone: Option<String>,
    user_id: Option<String>,
    name: Option<String>,
    username: Option<String>,
) -> Person {
    let mut aliases = Vec::new();
    if let Some(phone) = phone.as_deref().filter(|phone| is_digits(phone)) {
        aliases.push(("phone".into(), format!("+{phone}")));
    }
    if let Some(user_id) = &user_id {
        aliases.push(("bsuid".into(), user_id.clone()));
    }
    if let Some(username) = username {
        aliases.push(("username".into(), username));
    }
    // For want of one no message is left out.
    aliases.retain(|(_, alias): &(String, String)| lenient::is_alias(alias));
    Person {
        external_id: phone.or(user_id).unwrap_or_default(),
        aliases,
        name: name.unwrap_or_default(),
        avatar: String::new(),
        extra: String::new(),
    }
}
