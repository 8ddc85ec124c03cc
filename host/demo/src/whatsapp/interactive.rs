//! Messages with buttons, lists and the like: their documented parts and limits. The rarer types are checked for their frame only.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::Value;

use crate::whatsapp::answer::Refusal;
use crate::whatsapp::message::{Media, filled, is_web_address, limit};

/// The `interactive` object.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interactive {
    #[serde(rename = "type")]
    kind: String,
    header: Option<Header>,
    body: Option<Words>,
    footer: Option<Words>,
    action: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    image: Option<Media>,
    video: Option<Media>,
    document: Option<Media>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Buttons {
    buttons: Vec<Button>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Button {
    #[serde(rename = "type")]
    kind: String,
    reply: Reply,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reply {
    id: String,
    title: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    button: String,
    sections: Vec<Section>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    title: Option<String>,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    title: String,
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    name: String,
    parameters: LinkParameters,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkParameters {
    display_text: String,
    url: String,
}

/// Types that need more than this stand-in looks at: a catalogue, a flow, a country's addresses.
const FRAME_ONLY: [&str; 6] = [
    "product",
    "product_list",
    "catalog_message",
    "flow",
    "address_message",
    "voice_call",
];

impl Interactive {
    /// Gives the id of the upload in the header, if there is one.
    pub fn check(&self) -> Result<Option<String>, Refusal> {
        let longest = match self.kind.as_str() {
            "list" => 4096,
            _ => 1024,
        };
        match &self.body {
            Some(body) => filled("interactive['body']['text']", &body.text, longest)?,
            None if self.kind == "product" => (),
            None => return Err(Refusal::missing("interactive['body']")),
        }
        if let Some(footer) = &self.footer {
            filled("interactive['footer']['text']", &footer.text, 60)?;
        }
        match self.kind.as_str() {
            "button" => check_buttons(&self.action)?,
            "list" => check_list(&self.action)?,
            "cta_url" => check_link(&self.action)?,
            "location_request_message" => check_request(&self.action)?,
            kind if FRAME_ONLY.contains(&kind) => check_frame(&self.action)?,
            kind => {
                return Err(Refusal::bad_value(&format!(
                    "interactive['type'] cannot be {kind}"
                )));
            }
        }
        self.header
            .as_ref()
            .map_or(Ok(None), |header| header.check(&self.kind))
    }
}

impl Header {
    fn check(&self, interactive: &str) -> Result<Option<String>, Refusal> {
        let kind = self.kind.as_str();
        if interactive == "list" && kind != "text" {
            return Err(Refusal::bad_value("the header of a list can only be text"));
        }
        let media = match kind {
            "text" => {
                let text = self.text.as_deref();
                let text = text.ok_or_else(|| Refusal::missing("interactive['header']['text']"))?;
                return filled("interactive['header']['text']", text, 60).map(|()| None);
            }
            "image" => &self.image,
            "video" => &self.video,
            "document" => &self.document,
            _ => {
                return Err(Refusal::bad_value(&format!(
                    "interactive['header']['type'] cannot be {kind}"
                )));
            }
        };
        let media = media.as_ref();
        let path = format!("interactive['header']['{kind}']");
        media.ok_or_else(|| Refusal::missing(&path))?.check(kind)
    }
}

/// The action as its type has it.
fn action<'a, T: Deserialize<'a>>(value: &'a Value) -> Result<T, Refusal> {
    T::deserialize(value).map_err(|error| {
        let text = format!("interactive['action']: {error}");
        match error.to_string().starts_with("missing field") {
            true => Refusal::missing(&text),
            false => Refusal::invalid(&text),
        }
    })
}

fn check_buttons(value: &Value) -> Result<(), Refusal> {
    let action: Buttons = action(value)?;
    if !(1..=3).contains(&action.buttons.len()) {
        return Err(Refusal::bad_value(
            "Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3",
        ));
    }
    let (mut ids, mut titles) = (HashSet::new(), HashSet::new());
    for button in &action.buttons {
        if button.kind != "reply" {
            return Err(Refusal::bad_value("Button type must be reply"));
        }
        filled("Button title", &button.reply.title, 20)?;
        filled("Button id", &button.reply.id, 256)?;
        if button.reply.id.trim() != button.reply.id {
            return Err(Refusal::bad_value(
                "Button id has leading or trailing spaces",
            ));
        }
        if !ids.insert(&button.reply.id) || !titles.insert(&button.reply.title) {
            return Err(Refusal::bad_value("Button ids and titles must be unique"));
        }
    }
    Ok(())
}

fn check_list(value: &Value) -> Result<(), Refusal> {
    let action: List = action(value)?;
    filled("Button text", &action.button, 20)?;
    if !(1..=10).contains(&action.sections.len()) {
        return Err(Refusal::bad_value(
            "Invalid sections count. Min allowed sections: 1, Max allowed sections: 10",
        ));
    }
    let rows = action
        .sections
        .iter()
        .map(|section| section.rows.len())
        .sum::<usize>();
    if rows > 10 {
        return Err(Refusal::bad_value(
            "Total row count exceed max allowed count: 10",
        ));
    }
    let several = action.sections.len() > 1;
    let mut ids = HashSet::new();
    for section in &action.sections {
        if section.rows.is_empty() {
            return Err(Refusal::missing("Section needs at least one row"));
        }
        match &section.title {
            Some(title) => limit("Section title", Some(title), 24)?,
            None if several => {
                return Err(Refusal::missing(
                    "Section title is required where there are several",
                ));
            }
            None => (),
        }
        for row in &section.rows {
            filled("Row title", &row.title, 24)?;
            filled("Row id", &row.id, 200)?;
            limit("Row description", row.description.as_deref(), 72)?;
            if !ids.insert(&row.id) {
                return Err(Refusal::bad_value(&format!(
                    "Duplicated row id: {}",
                    row.id
                )));
            }
        }
    }
    Ok(())
}

fn check_link(value: &Value) -> Result<(), Refusal> {
    let action: Link = action(value)?;
    if action.name != "cta_url" {
        return Err(Refusal::bad_value(
            "interactive['action']['name'] must be cta_url",
        ));
    }
    filled("Button text", &action.parameters.display_text, 20)?;
    match is_web_address(&action.parameters.url) {
        true => Ok(()),
        false => Err(Refusal::bad_value(
            "interactive['action']['parameters']['url'] is not a valid URI.",
        )),
    }
}

fn check_request(value: &Value) -> Result<(), Refusal> {
    match value["name"] == "send_location" {
        true => Ok(()),
        false => Err(Refusal::bad_value(
            "interactive['action']['name'] must be send_location",
        )),
    }
}

fn check_frame(value: &Value) -> Result<(), Refusal> {
    match value.is_object() {
        true => Ok(()),
        false => Err(Refusal::invalid("interactive['action'] must be an object")),
    }
}
