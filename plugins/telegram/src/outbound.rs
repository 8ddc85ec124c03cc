//! What the provider takes: contents in, calls of its methods out. Plain data, no imports.

mod capabilities;
mod card;
mod edit;
mod keyboard;
mod signal;

pub use capabilities::capabilities;
pub use edit::{edit, revoke};
pub use signal::signal;

use crate::address::{MessageRef, Part, Thread};
use balcao_plugin::connector::Outbound;
use balcao_plugin::{Attachment, Content, Failure, Instant, json};
use serde_json::{Map, Value as Json, json};

/// How long a business account's bot may answer after the customer's last message, in microseconds.
const BUSINESS_WINDOW: Instant = 24 * 3600 * 1_000_000;

/// One call of a method, and the file that goes with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub method: &'static str,
    pub fields: Map<String, Json>,
    /// Files and the fields they belong in; several make an album.
    pub files: Vec<File>,
}

/// A file of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// The field of a single file; the type of one in an album.
    pub part: &'static str,
    pub source: Source,
}

/// Where a file is.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// The host's, by id.
    Held(String),
    /// At an address that the provider may fetch.
    Link(String),
}

impl Call {
    fn new(method: &'static str, fields: Map<String, Json>) -> Self {
        Self {
            method,
            fields,
            files: Vec::new(),
        }
    }

    /// The same to the number that the chat has now.
    pub fn moved(mut self, chat: i64) -> Self {
        self.fields.insert("chat_id".into(), chat.into());
        self
    }

    /// The fields as those of a form, which takes texts.
    pub fn form(&self) -> Vec<(String, String)> {
        let text = |value: &Json| match value {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        };
        let fields = self.fields.iter();
        fields
            .map(|(name, value)| (name.clone(), text(value)))
            .collect()
    }

    /// The files and their parts, where all are the host's, so that they can go with the call.
    pub fn held(&self) -> Option<Vec<(String, String)>> {
        let part = |(n, file): (usize, &File)| match &file.source {
            Source::Held(id) if self.files.len() == 1 => Some((file.part.to_owned(), id.clone())),
            Source::Held(id) => Some((format!("file{n}"), id.clone())),
            Source::Link(_) => None,
        };
        let parts: Option<Vec<_>> = self.files.iter().enumerate().map(part).collect();
        parts.filter(|parts| !parts.is_empty())
    }

    /// The fields beside files that go with the call: an album names its parts.
    pub fn beside(&self) -> Self {
        let fields = match self.files.len() {
            1 => self.fields.clone(),
            several => {
                let parts: Vec<String> =
                    (0..several).map(|n| format!("attach://file{n}")).collect();
                self.body(&parts)
            }
        };
        Self::new(self.method, fields)
    }

    /// The body where every file is at a link: a single one in its field, several as an album, of which the first has the caption.
    pub fn body(&self, links: &[String]) -> Map<String, Json> {
        let mut fields = self.fields.clone();
        match self.files.as_slice() {
            [] => {}
            [file] => {
                let link = links.first().map(String::as_str);
                fields.insert(file.part.into(), link.unwrap_or_default().into());
            }
            files => {
                let caption = fields.remove("caption");
                let entities = fields.remove("caption_entities");
                let mut media: Vec<Json> = files
                    .iter()
                    .zip(links)
                    .map(|(file, link)| json!({ "type": file.part, "media": link }))
                    .collect();
                if let Some(first) = media.first_mut() {
                    for (name, value) in [("caption", caption), ("caption_entities", entities)] {
                        if let Some(value) = value {
                            first[name] = value;
                        }
                    }
                }
                fields.insert("media".into(), media.into());
            }
        }
        fields
    }
}

/// The thread of a message to send.
///
/// # Errors
/// A permanent failure where the host gives none of ours.
pub fn thread(text: &str) -> Result<Thread, Failure> {
    Thread::parse(text).ok_or_else(|| Failure::invalid("Esta conversa não é do Telegram."))
}

/// The call that sends a message. `now` decides whether a business account may still answer.
///
/// # Errors
/// A permanent failure for a content that the channel cannot say, or not now.
pub fn message(message: &Outbound, thread: &Thread, now: Instant) -> Result<Call, Failure> {
    let late = |last: Instant| now.saturating_sub(last) > BUSINESS_WINDOW;
    if thread.connection().is_some() && message.last_inbound_at.is_some_and(late) {
        return Err(Failure::permanent(
            "window-closed",
            "Pela conta comercial só se responde até 24 horas depois da última mensagem do cliente. Espere que ele escreva.",
        ));
    }
    let content = &message.content;
    let extra = extra(content)?;
    let mut call = match content.kind.as_str() {
        "text" => text(content, &extra)?,
        "image" | "audio" | "video" | "document" | "sticker" => media(content, &extra)?,
        "location" => location(&extra)?,
        "contacts" => card::contact(&extra)?,
        "interactive" => keyboard::interactive(&content.text, &extra)?,
        other => {
            return Err(Failure::unsupported(format!(
                "O Telegram não envia mensagens do tipo {other}."
            )));
        }
    };
    address(&mut call.fields, thread);
    let answered = message.reply_to.as_deref().and_then(MessageRef::parse);
    if let Some(answered) = answered.filter(|it| it.chat == thread.chat) {
        // An answer to what was deleted meanwhile is still worth sending.
        let reply = json!({ "message_id": answered.number, "allow_sending_without_reply": true });
        call.fields.insert("reply_parameters".into(), reply);
    }
    Ok(call)
}

/// Says to whom.
fn address(fields: &mut Map<String, Json>, thread: &Thread) {
    fields.insert("chat_id".into(), thread.chat.into());
    match &thread.part {
        Part::Whole => {}
        Part::Topic(topic) => {
            fields.insert("message_thread_id".into(), (*topic).into());
        }
        Part::Direct(topic) => {
            fields.insert("direct_messages_topic_id".into(), (*topic).into());
        }
        Part::Business(connection) => {
            fields.insert("business_connection_id".into(), connection.as_str().into());
        }
    }
}

fn extra(content: &Content) -> Result<Map<String, Json>, Failure> {
    if content.extra.is_empty() {
        return Ok(Map::new());
    }
    json::parse(&content.extra).map_err(|error| {
        Failure::invalid(format!("The content's extra is not a JSON object: {error}"))
    })
}

fn text(content: &Content, extra: &Map<String, Json>) -> Result<Call, Failure> {
    if content.text.trim().is_empty() {
        return Err(missing("text", "text"));
    }
    let mut fields = Map::new();
    fields.insert("text".into(), content.text.as_str().into());
    if let Some(entities) = extra.get("entities").filter(|list| list.is_array()) {
        fields.insert("entities".into(), entities.clone());
    }
    Ok(Call::new("sendMessage", fields))
}

fn media(content: &Content, extra: &Map<String, Json>) -> Result<Call, Failure> {
    let mut fields = Map::new();
    if !content.text.is_empty() && content.kind != "sticker" {
        fields.insert("caption".into(), content.text.as_str().into());
        if let Some(entities) = extra.get("entities").filter(|list| list.is_array()) {
            fields.insert("caption_entities".into(), entities.clone());
        }
    }
    let voice = extra.get("voice") == Some(&Json::Bool(true));
    let files: Vec<(&'static str, File)> = content
        .attachments
        .iter()
        .map(|it| {
            let (method, part) = method(kind_in(content, it), it, voice);
            let source = source(it)?;
            Ok((method, File { part, source }))
        })
        .collect::<Result<_, Failure>>()?;
    let method = match files.as_slice() {
        [(method, _)] => *method,
        [_, _, ..] if files.len() <= 10 && is_album(&files) => "sendMediaGroup",
        [_, _, ..] => {
            return Err(Failure::invalid(
                "Um álbum do Telegram tem de 2 a 10 fotos e vídeos, ou só documentos, ou só áudios.",
            ));
        }
        [] => return Err(missing(&content.kind, "a file")),
    };
    Ok(Call {
        method,
        fields,
        files: files.into_iter().map(|(_, file)| file).collect(),
    })
}

/// Pictures and films may share an album, whatever it is called.
fn kind_in<'c>(content: &'c Content, file: &Attachment) -> &'c str {
    match content.kind.as_str() {
        "image" | "video" if content.attachments.len() > 1 => {
            if file.mime.starts_with("video/") {
                "video"
            } else {
                "image"
            }
        }
        kind => kind,
    }
}

/// The method that sends a file, and the field it belongs in.
fn method(kind: &str, file: &Attachment, voice: bool) -> (&'static str, &'static str) {
    let mime = file.mime.split(';').next().unwrap_or_default().trim();
    match (kind, mime) {
        ("image", "image/gif") => ("sendAnimation", "animation"),
        ("image", _) => ("sendPhoto", "photo"),
        ("video", _) => ("sendVideo", "video"),
        ("sticker", _) => ("sendSticker", "sticker"),
        ("audio", _) if voice => ("sendVoice", "voice"),
        // Music, for which the provider takes these forms only; others it takes as files.
        ("audio", "audio/mpeg" | "audio/mp3" | "audio/mp4" | "audio/m4a" | "audio/x-m4a") => {
            ("sendAudio", "audio")
        }
        _ => ("sendDocument", "document"),
    }
}

fn is_album(files: &[(&str, File)]) -> bool {
    let all = |parts: &[&str]| files.iter().all(|(_, file)| parts.contains(&file.part));
    all(&["photo", "video"]) || all(&["document"]) || all(&["audio"])
}

fn source(attachment: &Attachment) -> Result<Source, Failure> {
    match attachment.source.split_once(':') {
        Some(("media", id)) => Ok(Source::Held(id.to_owned())),
        Some(("https", _)) => Ok(Source::Link(attachment.source.clone())),
        _ => Err(Failure::invalid(
            "The attachment is neither a file of the host nor a link.",
        )),
    }
}

fn location(extra: &Map<String, Json>) -> Result<Call, Failure> {
    let mut fields = Map::new();
    for name in ["latitude", "longitude"] {
        let degrees = extra.get(name).filter(|value| value.is_number());
        let degrees = degrees.ok_or_else(|| missing("location", name))?;
        fields.insert(name.into(), degrees.clone());
    }
    let given = |name: &str| {
        let text = extra.get(name).and_then(Json::as_str);
        text.filter(|text| !text.is_empty())
    };
    let (name, address) = (given("name"), given("address"));
    let Some(title) = name.or(address) else {
        return Ok(Call::new("sendLocation", fields));
    };
    fields.insert("title".into(), title.into());
    fields.insert("address".into(), address.unwrap_or(title).into());
    Ok(Call::new("sendVenue", fields))
}

fn missing(kind: &str, what: &str) -> Failure {
    Failure::invalid(format!("A content of kind {kind} needs {what}."))
}

#[cfg(test)]
mod tests;
