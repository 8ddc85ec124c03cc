//! Name and picture of a person. Webhooks do not tell them, so they are asked for, once a day for each person; a message never waits for
//! them longer than a moment, nor fails for want of them. Plain data, no imports.

use balcao_plugin::lenient::{self, Field};
use balcao_plugin::{inbox::Person, json};
use serde::{Deserialize, Serialize};

/// Seconds that a profile is kept: pictures' addresses expire "in a few days".
pub const KEPT: u32 = 24 * 3600;
/// Seconds until a profile is asked for again that was refused.
pub const REFUSED: u32 = 3600;
/// Seconds until one is asked for again that could not be had just then.
pub const PAUSE: u32 = 60;

/// What is kept of a person.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Profile {
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    username: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    picture: String,
}

/// Where a person's profile is kept.
pub fn key(person: &str) -> String {
    format!("p/{person}")
}

/// The path that asks for it; none for an id that is not one of the provider's.
pub fn path(person: &str) -> Option<String> {
    let is_id = !person.is_empty() && person.bytes().all(|byte| byte.is_ascii_digit());
    is_id.then(|| format!("/{person}?fields=name,username,profile_pic"))
}

impl Profile {
    /// As the provider answers.
    pub fn of(answer: Field) -> Self {
        let picture = answer.get("profile_pic").text();
        Self {
            name: answer.get("name").text(),
            username: answer.get("username").text(),
            picture: Some(picture)
                .filter(|url| url.starts_with("https://"))
                .unwrap_or_default(),
        }
    }

    /// As it was kept; nothing where that cannot be read.
    pub fn kept(text: &str) -> Self {
        json::parse(text).unwrap_or_default()
    }

    pub fn text(&self) -> String {
        json::text(self)
    }

    /// Tells the person apart by more than an id.
    pub fn introduce(&self, person: &mut Person) {
        person.name = match (self.name.trim(), self.username.as_str()) {
            ("", "") => return,
            ("", username) => username.to_owned(),
            (name, _) => name.to_owned(),
        };
        person.avatar.clone_from(&self.picture);
        if lenient::is_alias(&self.username) {
            person
                .aliases
                .push(("username".into(), self.username.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn introduced(answer: serde_json::Value) -> Person {
        let mut person = Person {
            external_id: "7".into(),
            aliases: Vec::new(),
            name: String::new(),
            avatar: String::new(),
            extra: String::new(),
        };
        let profile = Profile::of(Field::of(&answer));
        Profile::kept(&profile.text()).introduce(&mut person);
        person
    }

    #[test]
    fn a_person_has_their_name_picture_and_handle() {
        let picture = "https://scontent.cdninstagram.com/p.jpg";
        let person =
            introduced(json!({"name": "Ana", "username": "ana.lima", "profile_pic": picture}));
        assert_eq!(
            (person.name.as_str(), person.avatar.as_str()),
            ("Ana", picture)
        );
        assert_eq!(
            person.aliases,
            [("username".to_owned(), "ana.lima".to_owned())]
        );
    }

    #[test]
    fn who_has_no_name_is_called_by_their_handle_and_who_has_neither_stays_unnamed() {
        assert_eq!(
            introduced(json!({"name": null, "username": "ana"})).name,
            "ana"
        );
        let long = "a".repeat(600);
        let nameless = introduced(json!({"username": long}));
        assert_eq!((nameless.name, nameless.aliases), (long, vec![]));
        let nobody = introduced(json!({"profile_pic": "javascript:1"}));
        assert_eq!((nobody.name.as_str(), nobody.avatar.as_str()), ("", ""));
    }

    #[test]
    fn only_the_providers_ids_are_asked_for() {
        assert!(path("17841400000000001").is_some());
        for id in ["", "../me", "7?fields=a", "Sender"] {
            assert_eq!(path(id), None, "{id}");
        }
    }
}
