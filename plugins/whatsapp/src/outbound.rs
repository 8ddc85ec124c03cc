//! What the provider takes: contents and signals in, request bodies out; and what the channel can do. Plain data, no imports.

use std::ops::RangeInclusive;

use crate::inbound::is_digits;
use balcao_plugin::connector::{Capabilities, KindLimit, Outbound};
use balcao_plugin::{Attachment, Content, Failure, json};
use serde_json::{Map, Value as Json, json};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
/// Reply buttons of one message, and characters of one.
const BUTTONS: usize = 3;
const BUTTON_TITLE: usize = 20;
/// Rows of a list, over all its sections, and characters of one (as of a section's title), of what describes it, and of the button that opens the list.
const ROWS: usize = 10;
const ROW_TITLE: usize = 24;
const ROW_DESCRIPTION: usize = 72;
const LIST_BUTTON: usize = 20;

/// The provider's documented limits.
pub fn capabilities() -> Capabilities {
    let kind = |kind: &str, max_text, max_bytes, mimes: &[&str]| KindLimit {
        kind: kind.into(),
        max_text,
        max_bytes,
        mimes: mimes.iter().map(|mime| (*mime).into()).collect(),
        max_attachments: u32::from(max_bytes > 0),
    };
    let audio = [
        "audio/aac",
        "audio/amr",
        "audio/mpeg",
        "audio/mp4",
        "audio/ogg",
    ];
    Capabilities {
        kinds: vec![
            kind("text", 4096, 0, &[]),
            kind("image", 1024, 5 * MIB, &["image/jpeg", "image/png"]),
            kind("audio", 0, 16 * MIB, &audio),
            kind("video", 1024, 16 * MIB, &["video/mp4", "video/3gpp"]),
            kind("document", 1024, 100 * MIB, &[]),
            kind("sticker", 0, 500 * KIB, &["image/webp"]),
            kind("location", 0, 0, &[]),
            kind("contacts", 0, 0, &[]),
            kind("interactive", 1024, 0, &[]),
            kind("template", 4096, 0, &[]),
        ],
        features: [
            "reply",
            "reaction",
            "typing",
            "read",
            "buttons",
            "list",
            "templates",
        ]
        .map(String::from)
        .to_vec(),
        window_seconds: Some(86_400),
        rate: Some(80),
        extra: json::text(&json!({
            "buttons": { "count": BUTTONS, "title": BUTTON_TITLE },
            "list": { "count": ROWS, "title": ROW_TITLE, "description": ROW_DESCRIPTION, "button": LIST_BUTTON },
        })),
    }
}

/// The body that posts a message. `link` gives an address at which the provider can fetch a file of the host.
///
/// # Errors
/// A permanent failure for a content that the channel cannot say; what `link` refuses.
pub fn message(
    message: &Outbound,
    link: impl FnOnce(&str) -> Result<String, Failure>,
) -> Result<Vec<u8>, Failure> {
    let content = &message.content;
    let extra = extra(content)?;
    let (kind, object) = match content.kind.as_str() {
        "text" => ("text", json!({ "body": content.text, "preview_url": true })),
        "image" | "audio" | "video" | "document" | "sticker" => {
            (content.kind.as_str(), media(content, &extra, link)?)
        }
        "location" => ("location", location(&extra)?),
        "contacts" => ("contacts", contacts(&extra)?),
        "interactive" => ("interactive", interactive(&content.text, &extra)?),
        "template" => ("template", template(&extra)?),
        other => {
            return Err(Failure::unsupported(format!(
                "O WhatsApp não envia mensagens do tipo {other}."
            )));
        }
    };
    let mut body = addressed(&message.recipient);
    if let Some(answered) = &message.reply_to {
        body.insert("context".into(), json!({ "message_id": answered }));
    }
    body.insert("type".into(), kind.into());
    body.insert(kind.into(), object);
    Ok(json::text(&body).into_bytes())
}

/// What a signal becomes.
#[derive(Debug, PartialEq)]
pub enum Call {
    /// A message of its own (a reaction): the answer names it.
    Message(Vec<u8>),
    /// The state of a message that came in: the answer only says that it went well.
    Status(Vec<u8>),
}

/// The body that passes on what an agent does beside writing.
///
/// # Errors
/// A permanent failure for a signal that the channel does not have, or that does not name the message which the provider asks for.
pub fn signal(thread: &str, kind: &str, data: &str) -> Result<Call, Failure> {
    let data: Json = json::parse(if data.is_empty() { "{}" } else { data })
        .map_err(|error| Failure::invalid(format!("The signal's data is not JSON: {error}")))?;
    let message = || {
        data["message"]
            .as_str()
            .filter(|id| !id.is_empty())
            .ok_or_else(|| {
                Failure::invalid(format!(
                    "The signal {kind} must name the message it is about."
                ))
            })
    };
    let status = |message: &str| json!({ "messaging_product": "whatsapp", "status": "read", "message_id": message });
    match kind {
        "read" => Ok(Call::Status(json::text(&status(message()?)).into_bytes())),
        // The provider shows that somebody types only together with having read a message.
        "typing" => {
            let mut body = status(message()?);
            body["typing_indicator"] = json!({ "type": "text" });
            Ok(Call::Status(json::text(&body).into_bytes()))
        }
        "reaction" => {
            let emoji = data["emoji"].as_str().unwrap_or_default();
            let mut body = addressed(thread);
            body.insert("type".into(), "reaction".into());
            body.insert(
                "reaction".into(),
                json!({ "message_id": message()?, "emoji": emoji }),
            );
            Ok(Call::Message(json::text(&body).into_bytes()))
        }
        other => Err(Failure::unsupported(format!(
            "O WhatsApp não tem o sinal {other}."
        ))),
    }
}

/// The part of a body that says to whom: a phone, or a person whose phone the provider does not tell. Without its plus sign the provider would
/// put the business's own country before a number ("Sending messages", 2026-05-21).
fn addressed(recipient: &str) -> Map<String, Json> {
    let phone = recipient.strip_prefix('+').unwrap_or(recipient);
    let (field, address) = match is_digits(phone) {
        true => ("to", format!("+{phone}")),
        false => ("recipient", recipient.to_owned()),
    };
    let mut body = Map::new();
    body.insert("messaging_product".into(), "whatsapp".into());
    body.insert("recipient_type".into(), "individual".into());
    body.insert(field.into(), address.into());
    body
}

fn extra(content: &Content) -> Result<Map<String, Json>, Failure> {
    if content.extra.is_empty() {
        return Ok(Map::new());
    }
    json::parse(&content.extra).map_err(|error| {
        Failure::invalid(format!("The content's extra is not a JSON object: {error}"))
    })
}

fn media(
    content: &Content,
    extra: &Map<String, Json>,
    link: impl FnOnce(&str) -> Result<String, Failure>,
) -> Result<Json, Failure> {
    let [attachment] = content.attachments.as_slice() else {
        return Err(Failure::invalid(
            "O WhatsApp envia exatamente um arquivo por mensagem.",
        ));
    };
    let mut object = Map::new();
    object.insert("link".into(), address(attachment, link)?.into());
    if !content.text.is_empty() && matches!(content.kind.as_str(), "image" | "video" | "document") {
        object.insert("caption".into(), content.text.as_str().into());
    }
    if content.kind == "document" && !attachment.name.is_empty() {
        object.insert("filename".into(), attachment.name.as_str().into());
    }
    // Shown with the speaker's picture and as heard; only this form is taken so.
    let spoken = extra.get("voice") == Some(&Json::Bool(true));
    if content.kind == "audio" && spoken && attachment.mime.starts_with("audio/ogg") {
        object.insert("voice".into(), true.into());
    }
    Ok(object.into())
}

fn address(
    attachment: &Attachment,
    link: impl FnOnce(&str) -> Result<String, Failure>,
) -> Result<String, Failure> {
    match attachment.source.split_once(':') {
        Some(("media", id)) => link(id),
        Some(("https", _)) => Ok(attachment.source.clone()),
        _ => Err(Failure::invalid(
            "The attachment is neither a file of the host nor a link.",
        )),
    }
}

fn location(extra: &Map<String, Json>) -> Result<Json, Failure> {
    let mut object = Map::new();
    for name in ["latitude", "longitude"] {
        let degrees = extra.get(name).filter(|value| value.is_number());
        let degrees = degrees.ok_or_else(|| missing("location", name))?;
        object.insert(name.into(), degrees.clone());
    }
    for name in ["name", "address"] {
        if let Some(value) = extra.get(name).filter(|value| value.is_string()) {
            object.insert(name.into(), value.clone());
        }
    }
    Ok(object.into())
}

fn contacts(extra: &Map<String, Json>) -> Result<Json, Failure> {
    let contacts = list(extra, "contacts", "contacts")?;
    let texts =
        |of: &Json, name: &str| -> Vec<Json> { of[name].as_array().cloned().unwrap_or_default() };
    contacts
        .iter()
        .map(|contact| {
            let name = contact["name"].as_str().filter(|name| !name.is_empty());
            let name = name.ok_or_else(|| missing("contacts", "name"))?;
            let phones = texts(contact, "phones")
                .into_iter()
                .map(|phone| json!({ "phone": phone }));
            let emails = texts(contact, "emails")
                .into_iter()
                .map(|email| json!({ "email": email }));
            let first = name.split_whitespace().next().unwrap_or(name);
            Ok(json!({
                "name": { "formatted_name": name, "first_name": first },
                "phones": phones.collect::<Vec<_>>(),
                "emails": emails.collect::<Vec<_>>(),
            }))
        })
        .collect()
}

fn interactive(text: &str, extra: &Map<String, Json>) -> Result<Json, Failure> {
    if text.is_empty() {
        return Err(missing("interactive", "text"));
    }
    let body = json!({ "text": text });
    if let Some(given) = extra.get("list") {
        return Ok(json!({ "type": "list", "body": body, "action": rows(given)? }));
    }
    let buttons = list(extra, "buttons", "interactive")?;
    if buttons.len() > BUTTONS {
        return Err(Failure::invalid(format!(
            "O WhatsApp envia até {BUTTONS} botões por mensagem, e esta tem {}; use uma lista.",
            buttons.len()
        )));
    }
    let mut replies = Vec::new();
    for button in buttons {
        let title = button["title"].as_str().unwrap_or_default();
        if !(1..=BUTTON_TITLE).contains(&title.chars().count()) {
            return Err(Failure::invalid(format!(
                "Os botões do WhatsApp têm de 1 a {BUTTON_TITLE} letras; mude o botão {title:?}."
            )));
        }
        let reply = json!({ "id": button["id"], "title": title });
        replies.push(json!({ "type": "reply", "reply": reply }));
    }
    Ok(json!({ "type": "button", "body": body, "action": { "buttons": replies } }))
}

fn rows(list: &Json) -> Result<Json, Failure> {
    let sections = list["sections"].as_array().map_or(&[][..], Vec::as_slice);
    let rows = sections.iter().filter_map(|it| it["rows"].as_array());
    let rows: Vec<&Json> = rows.flatten().collect();
    if !(1..=ROWS).contains(&rows.len()) {
        return Err(Failure::invalid(format!(
            "O WhatsApp envia listas de 1 a {ROWS} linhas, e esta tem {}.",
            rows.len()
        )));
    }
    letters("O botão", &list["button"], 1..=LIST_BUTTON)?;
    let least = usize::from(sections.len() > 1);
    for section in sections {
        letters("O título de seção", &section["title"], least..=ROW_TITLE)?;
    }
    for row in rows {
        letters("O título", &row["title"], 1..=ROW_TITLE)?;
        letters("A descrição", &row["description"], 0..=ROW_DESCRIPTION)?;
    }
    Ok(json!({ "button": list["button"], "sections": list["sections"] }))
}

fn letters(what: &str, text: &Json, bounds: RangeInclusive<usize>) -> Result<(), Failure> {
    let text = text.as_str().unwrap_or_default();
    match bounds.contains(&text.chars().count()) {
        true => Ok(()),
        false => Err(Failure::invalid(format!(
            "{what} numa lista do WhatsApp tem de {} a {} letras; mude {text:?}.",
            bounds.start(),
            bounds.end()
        ))),
    }
}

fn template(extra: &Map<String, Json>) -> Result<Json, Failure> {
    let given = |name: &str| {
        let text = extra.get(name).and_then(Json::as_str);
        text.filter(|text| !text.is_empty())
            .ok_or_else(|| missing("template", name))
    };
    let mut object = json!({ "name": given("name")?, "language": { "code": given("language")? } });
    if let Some(components) = extra.get("components").filter(|list| list.is_array()) {
        object["components"] = components.clone();
    }
    Ok(object)
}

fn list<'a>(extra: &'a Map<String, Json>, name: &str, kind: &str) -> Result<&'a [Json], Failure> {
    match extra.get(name).and_then(Json::as_array) {
        Some(list) if !list.is_empty() => Ok(list),
        _ => Err(missing(kind, name)),
    }
}

fn missing(kind: &str, what: &str) -> Failure {
    Failure::invalid(format!("A content of kind {kind} needs {what}."))
}

#[cfg(test)]
mod tests;
