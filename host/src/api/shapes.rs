//! What somebody at the desk sends that is neither words nor files: a place, people's cards, choices (FEATURES A12). Shapes: `content` in `wit/types`.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use balcao_runtime::wit::Content;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::problem::{Answer, Problem};
use crate::choices::Choices;
use crate::error::Error;

/// Kinds of messages that are such shapes.
pub(super) const OF_SHAPES: [&str; 3] = ["location", "contacts", "interactive"];
/// Characters of a name, a title, a number.
const SHORT: usize = 200;
/// Characters of an address or a description.
const LONG: usize = 1_000;
/// Bytes that a choice brings back: what every channel has room for.
const CHOICE: usize = 64;
/// Choices, or cards, of one message.
const MOST: usize = 100;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Place {
    latitude: f64,
    longitude: f64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    address: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Cards {
    contacts: Vec<Card>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Card {
    name: String,
    #[serde(default)]
    phones: Vec<String>,
    #[serde(default)]
    emails: Vec<String>,
}

/// A content of one of `OF_SHAPES`, as it was asked for.
pub(super) fn shaped(kind: &str, text: &str, extra: Option<&Value>) -> Answer<Content> {
    let worded = kind == "interactive";
    if worded && text.replace('\0', "").trim().is_empty() {
        return Err(Problem::field("text", "must not be empty"));
    }
    if !worded && !text.is_empty() {
        let none = format!("must be empty: a message of kind {kind} has none");
        return Err(Problem::field("text", none));
    }
    let extra = match kind {
        "location" => checked(extra, place),
        "contacts" => checked(extra, cards),
        _ => checked(extra, choices),
    }?;
    Ok(Content {
        kind: kind.to_owned(),
        text: text.to_owned(),
        attachments: Vec::new(),
        extra,
    })
}

/// The shape as it is kept.
fn checked<T: DeserializeOwned + Serialize>(
    extra: Option<&Value>,
    check: impl FnOnce(&T) -> Result<(), String>,
) -> Answer<String> {
    let wrong = |error: String| Problem::field("extra", error);
    let extra = extra.ok_or_else(|| wrong("must not be empty".to_owned()))?;
    let shape = T::deserialize(extra).map_err(|error| wrong(error.to_string()))?;
    check(&shape).map_err(wrong)?;
    Ok(serde_json::to_string(&shape).map_err(Error::internal)?)
}

fn place(it: &Place) -> Result<(), String> {
    if !(-90.0..=90.0).contains(&it.latitude) || !(-180.0..=180.0).contains(&it.longitude) {
        return Err("latitude must be within ±90, longitude within ±180".to_owned());
    }
    within("name", &it.name, 0..=SHORT)?;
    within("address", &it.address, 0..=LONG)
}

fn cards(it: &Cards) -> Result<(), String> {
    some("contacts", it.contacts.len())?;
    for card in &it.contacts {
        within("name", &card.name, 1..=SHORT)?;
        some("phones and emails", card.phones.len() + card.emails.len())?;
        for address in card.phones.iter().chain(&card.emails) {
            within("phones and emails", address, 1..=SHORT)?;
        }
    }
    Ok(())
}

fn choices(it: &Choices) -> Result<(), String> {
    some("choices", it.all().count())?;
    if let Choices::List(list) = it {
        within("button", &list.button, 1..=SHORT)?;
        some("sections", list.sections.len())?;
        let least = usize::from(list.sections.len() > 1);
        for section in &list.sections {
            within("title", &section.title, least..=SHORT)?;
            some("rows", section.rows.len())?;
        }
    }
    if let Choices::Buttons(buttons) = it {
        let titles: BTreeSet<&str> = buttons.iter().map(|it| it.title.as_str()).collect();
        if titles.len() < buttons.len() {
            return Err("each title must be another".to_owned());
        }
    }
    let mut ids = BTreeSet::new();
    for choice in it.all() {
        within("title", &choice.title, 1..=SHORT)?;
        within("description", &choice.description, 0..=LONG)?;
        if !(1..=CHOICE).contains(&choice.id.len()) || !ids.insert(&choice.id) {
            return Err(format!(
                "each id must be another, of 1 to {CHOICE} bytes, and {:?} is not",
                choice.id
            ));
        }
    }
    Ok(())
}

fn some(what: &str, count: usize) -> Result<(), String> {
    match (1..=MOST).contains(&count) {
        true => Ok(()),
        false => Err(format!("{what} must be 1 to {MOST}, and there are {count}")),
    }
}

fn within(what: &str, text: &str, letters: RangeInclusive<usize>) -> Result<(), String> {
    let (least, most) = (*letters.start(), *letters.end());
    let fits = text.trim().chars().count() >= least && text.chars().count() <= most;
    match fits && !text.contains('\0') {
        true => Ok(()),
        false => Err(format!("{what} must have {least} to {most} characters")),
    }
}
