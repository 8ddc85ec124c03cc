//! The body of `POST /{phone-number-id}/messages` as the provider documents it: which fields there are, which each type needs, and their
//! limits. Written from the provider's documents, never from a client of ours.

use serde::Deserialize;
use serde_json::Value;

use crate::whatsapp::answer::Refusal;
use crate::whatsapp::interactive::Interactive;
use crate::whatsapp::template::Template;

/// A body that holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Checked {
    /// A message for a customer.
    Message {
        /// As the client wrote it.
        to: String,
        /// `text`, `image`…
        kind: String,
        /// Uploaded files it refers to; whether they exist is for the caller to see.
        media: Vec<String>,
    },
    /// A received message is marked read, perhaps with "typing…".
    Read,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    messaging_product: Option<String>,
    recipient_type: Option<String>,
    to: Option<String>,
    recipient: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    context: Option<Context>,
    biz_opaque_callback_data: Option<String>,
    text: Option<Text>,
    image: Option<Media>,
    audio: Option<Media>,
    video: Option<Media>,
    document: Option<Media>,
    sticker: Option<Media>,
    location: Option<Location>,
    contacts: Option<Vec<Contact>>,
    interactive: Option<Interactive>,
    template: Option<Template>,
    reaction: Option<Reaction>,
    status: Option<String>,
    message_id: Option<String>,
    typing_indicator: Option<Typing>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Context {
    message_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typing {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    body: String,
    #[serde(rename = "preview_url")]
    _preview_url: Option<bool>,
}

/// By id of an upload or by link, never both.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Media {
    id: Option<String>,
    link: Option<String>,
    caption: Option<String>,
    filename: Option<String>,
    voice: Option<bool>,
}

/// A place.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Location {
    latitude: Degrees,
    longitude: Degrees,
    #[serde(rename = "name")]
    _name: Option<String>,
    #[serde(rename = "address")]
    _address: Option<String>,
}

/// The documents show both forms.
#[derive(Deserialize)]
#[serde(untagged)]
enum Degrees {
    Number(f64),
    Text(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Contact {
    name: ContactName,
    #[serde(default)]
    phones: Vec<ContactPhone>,
    #[serde(rename = "emails")]
    _emails: Option<Value>,
    #[serde(rename = "addresses")]
    _addresses: Option<Value>,
    #[serde(rename = "org")]
    _org: Option<Value>,
    #[serde(rename = "urls")]
    _urls: Option<Value>,
    birthday: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ContactName {
    formatted_name: String,
    first_name: Option<String>,
    last_name: Option<String>,
    middle_name: Option<String>,
    suffix: Option<String>,
    prefix: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ContactPhone {
    phone: String,
    #[serde(rename = "type")]
    _kind: Option<String>,
    #[serde(rename = "wa_id")]
    _wa_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reaction {
    message_id: String,
    emoji: String,
}

/// Checks a body; the refusal says what departs from the documents.
pub fn check(body: &[u8]) -> Result<Checked, Refusal> {
    let body: Body = serde_json::from_slice(body).map_err(|error| departure(&error))?;
    if body.messaging_product.as_deref() != Some("whatsapp") {
        return Err(Refusal::new(
            400,
            100,
            "The parameter messaging_product is required.",
            None,
        ));
    }
    if body.status.is_some() {
        return check_read(&body);
    }
    let to = recipient(&body)?;
    if body
        .context
        .as_ref()
        .is_some_and(|context| context.message_id.is_empty())
    {
        return Err(Refusal::bad_value("context.message_id is empty"));
    }
    limit(
        "biz_opaque_callback_data",
        body.biz_opaque_callback_data.as_deref(),
        512,
    )?;
    let kind = body.kind.as_deref().unwrap_or("text");
    let media = check_content(&body, kind)?;
    Ok(Checked::Message {
        to,
        kind: kind.to_owned(),
        media,
    })
}

/// What serde found wrong, in the provider's classes.
fn departure(error: &serde_json::Error) -> Refusal {
    let text = error.to_string();
    match text.starts_with("missing field") {
        true => Refusal::missing(&text),
        false => Refusal::invalid(&text),
    }
}

fn check_read(body: &Body) -> Result<Checked, Refusal> {
    if body.status.as_deref() != Some("read") {
        return Err(Refusal::invalid("status must be read"));
    }
    if body.message_id.as_deref().is_none_or(str::is_empty) {
        return Err(Refusal::new(
            400,
            100,
            "The parameter message_id is required.",
            None,
        ));
    }
    if body
        .typing_indicator
        .as_ref()
        .is_some_and(|typing| typing.kind != "text")
    {
        return Err(Refusal::bad_value("typing_indicator.type must be text"));
    }
    if body.to.is_some() || body.kind.as_deref().is_some_and(|kind| kind != "text") {
        return Err(Refusal::invalid("a status has no recipient and no content"));
    }
    Ok(Checked::Read)
}

fn recipient(body: &Body) -> Result<String, Refusal> {
    if !matches!(body.recipient_type.as_deref(), None | Some("individual")) {
        return Err(Refusal::invalid("recipient_type must be individual"));
    }
    if body.message_id.is_some() || body.typing_indicator.is_some() {
        return Err(Refusal::invalid(
            "message_id and typing_indicator belong to a status",
        ));
    }
    match (&body.to, &body.recipient) {
        (Some(to), _) if is_phone(to) => Ok(to.clone()),
        (Some(_), _) => Err(Refusal::invalid(
            "to must be a phone number with its country code",
        )),
        (None, Some(user)) if is_user_id(user) => Ok(user.clone()),
        (None, Some(_)) => Err(Refusal::invalid(
            "recipient must be a business-scoped user id",
        )),
        (None, None) => Err(Refusal::new(
            400,
            100,
            "The parameter to is required.",
            None,
        )),
    }
}

/// The documents allow a plus sign, hyphens, parentheses and spaces among the digits.
fn is_phone(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let allowed = |character: char| character.is_ascii_digit() || "+-() ".contains(character);
    (7..=15).contains(&digits) && text.chars().all(allowed)
}

/// Two letters of a country, a point, and an opaque id.
fn is_user_id(text: &str) -> bool {
    text.split_once('.').is_some_and(|(country, id)| {
        country.len() == 2
            && country.chars().all(|letter| letter.is_ascii_uppercase())
            && (1..=128).contains(&id.len())
            && id
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '.')
    })
}

/// Exactly the object of the type is there, and it holds. Gives the ids of uploads it refers to.
fn check_content(body: &Body, kind: &str) -> Result<Vec<String>, Refusal> {
    only_the_object_of(body, kind)?;
    let media = match kind {
        "text" => check_text(needed(body.text.as_ref(), kind)?)?,
        "image" => needed(body.image.as_ref(), kind)?.check(kind)?,
        "audio" => needed(body.audio.as_ref(), kind)?.check(kind)?,
        "video" => needed(body.video.as_ref(), kind)?.check(kind)?,
        "document" => needed(body.document.as_ref(), kind)?.check(kind)?,
        "sticker" => needed(body.sticker.as_ref(), kind)?.check(kind)?,
        "location" => {
            needed(body.location.as_ref(), kind)?.check()?;
            None
        }
        "contacts" => check_contacts(needed(body.contacts.as_ref(), kind)?)?,
        "interactive" => needed(body.interactive.as_ref(), kind)?.check()?,
        "template" => {
            needed(body.template.as_ref(), kind)?.check()?;
            None
        }
        "reaction" => check_reaction(needed(body.reaction.as_ref(), kind)?)?,
        other => {
            let details = format!("type cannot be {other}");
            return Err(Refusal::new(
                400,
                131_051,
                "Unsupported message type",
                Some(&details),
            ));
        }
    };
    Ok(media.into_iter().collect())
}

fn only_the_object_of(body: &Body, kind: &str) -> Result<(), Refusal> {
    let present = [
        ("text", body.text.is_some()),
        ("image", body.image.is_some()),
        ("audio", body.audio.is_some()),
        ("video", body.video.is_some()),
        ("document", body.document.is_some()),
        ("sticker", body.sticker.is_some()),
        ("location", body.location.is_some()),
        ("contacts", body.contacts.is_some()),
        ("interactive", body.interactive.is_some()),
        ("template", body.template.is_some()),
        ("reaction", body.reaction.is_some()),
    ];
    match present.iter().find(|(name, there)| *there && *name != kind) {
        Some((name, _)) => Err(Refusal::invalid(&format!(
            "{name} does not belong to type {kind}"
        ))),
        None => Ok(()),
    }
}

fn needed<'a, T>(object: Option<&'a T>, kind: &str) -> Result<&'a T, Refusal> {
    object.ok_or_else(|| {
        Refusal::new(
            400,
            100,
            &format!("The parameter {kind} is required."),
            None,
        )
    })
}

/// At most `most` characters.
pub fn limit(field: &str, text: Option<&str>, most: usize) -> Result<(), Refusal> {
    match text.map(|text| text.chars().count()) {
        Some(count) if count > most => Err(Refusal::bad_value(&format!(
            "{field} length invalid. Max length: {most}, but it has {count}"
        ))),
        _ => Ok(()),
    }
}

/// Something, and at most `most` characters.
pub fn filled(field: &str, text: &str, most: usize) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::bad_value(&format!(
            "{field} length invalid. Min length: 1"
        )));
    }
    limit(field, Some(text), most)
}

fn check_text(text: &Text) -> Result<Option<String>, Refusal> {
    if text.body.trim().is_empty() {
        return Err(Refusal::new(
            400,
            100,
            "The parameter text['body'] is required.",
            None,
        ));
    }
    if text.body.chars().count() > 4096 {
        let title = "Param text['body'] must be at most 4096 characters long.";
        return Err(Refusal::new(400, 100, title, None));
    }
    Ok(None)
}

impl Media {
    /// Gives the id of the upload it refers to, if it does.
    pub fn check(&self, kind: &str) -> Result<Option<String>, Refusal> {
        if self.caption.is_some() && !matches!(kind, "image" | "video" | "document") {
            return Err(Refusal::invalid(&format!(
                "Unexpected key \"caption\" on param \"{kind}\""
            )));
        }
        if self.filename.is_some() && kind != "document" {
            return Err(Refusal::invalid(&format!(
                "Unexpected key \"filename\" on param \"{kind}\""
            )));
        }
        if self.voice.is_some() && kind != "audio" {
            return Err(Refusal::invalid(&format!(
                "Unexpected key \"voice\" on param \"{kind}\""
            )));
        }
        limit(&format!("{kind}['caption']"), self.caption.as_deref(), 1024)?;
        match (&self.id, &self.link) {
            (Some(id), None) => Ok(Some(id.clone())),
            (None, Some(link)) if is_web_address(link) => Ok(None),
            (None, Some(_)) => Err(Refusal::invalid(&format!(
                "{kind}['link'] is not a valid URI."
            ))),
            _ => Err(Refusal::invalid(&format!(
                "{kind} needs exactly one of id and link"
            ))),
        }
    }
}

/// An absolute http(s) address with a host.
pub fn is_web_address(text: &str) -> bool {
    text.parse::<axum::http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    })
}

impl Location {
    /// Both are degrees.
    pub fn check(&self) -> Result<(), Refusal> {
        degrees("location['latitude']", &self.latitude, 90.0)?;
        degrees("location['longitude']", &self.longitude, 180.0)
    }
}

fn degrees(field: &str, value: &Degrees, most: f64) -> Result<(), Refusal> {
    let number = match value {
        Degrees::Number(number) => Some(*number),
        Degrees::Text(text) => text.parse().ok(),
    };
    match number.is_some_and(|number| number.abs() <= most) {
        true => Ok(()),
        false => Err(Refusal::bad_value(&format!(
            "{field} must lie between -{most} and {most}"
        ))),
    }
}

fn check_contacts(contacts: &Vec<Contact>) -> Result<Option<String>, Refusal> {
    if contacts.is_empty() {
        return Err(Refusal::missing("contacts is empty"));
    }
    for contact in contacts {
        let name = &contact.name;
        filled(
            "contacts['name']['formatted_name']",
            &name.formatted_name,
            1024,
        )?;
        let parts = [
            &name.first_name,
            &name.last_name,
            &name.middle_name,
            &name.suffix,
            &name.prefix,
        ];
        if parts.iter().all(|part| part.is_none()) {
            return Err(Refusal::missing(
                "contacts['name'] needs, beside formatted_name, at least one other part of the name",
            ));
        }
        for phone in &contact.phones {
            filled("contacts['phones']['phone']", &phone.phone, 64)?;
        }
        if contact.birthday.as_deref().is_some_and(|day| !is_day(day)) {
            return Err(Refusal::bad_value(
                "contacts['birthday'] must be YYYY-MM-DD",
            ));
        }
    }
    Ok(None)
}

fn is_day(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [4, 2, 2]
        && parts
            .iter()
            .all(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// An empty emoji takes a reaction back.
fn check_reaction(reaction: &Reaction) -> Result<Option<String>, Refusal> {
    filled("reaction['message_id']", &reaction.message_id, 512)?;
    if reaction
        .emoji
        .chars()
        .any(|letter| letter.is_ascii_alphabetic())
    {
        return Err(Refusal::bad_value("reaction['emoji'] must be an emoji"));
    }
    limit("reaction['emoji']", Some(&reaction.emoji), 16)?;
    Ok(None)
}
