//! Changes of messages that were sent.

use super::{Call, extra};
use crate::address::MessageRef;
use balcao_plugin::connector::Target;
use balcao_plugin::{Attachment, Content, Failure};
use serde_json::{Map, json};

/// The call that lets a message say something else: its text or its caption. Its files stay.
///
/// # Errors
/// A permanent failure for what the provider does not change.
pub fn edit(message: &Target, content: &Content) -> Result<Call, Failure> {
    let more = extra(content)?;
    let entities = more.get("entities").filter(|list| list.is_array());
    let mut fields = Map::new();
    let mut said = |text: &str, marks: &str| {
        fields.insert(text.into(), content.text.as_str().into());
        if let Some(entities) = entities {
            fields.insert(marks.into(), entities.clone());
        }
    };
    // An album shows the caption of its first file.
    let id = message.external_ids.first();
    let place = place(id.map_or("", String::as_str))?;
    let call = match (content.kind.as_str(), content.attachments.as_slice()) {
        ("text", _) => {
            said("text", "entities");
            Call::new("editMessageText", fields)
        }
        ("image" | "audio" | "video" | "document", files)
            if sources(files) == sources(&message.content.attachments) =>
        {
            said("caption", "caption_entities");
            Call::new("editMessageCaption", fields)
        }
        _ => {
            return Err(Failure::unsupported(
                "O Telegram não deixa editar esta mensagem.",
            ));
        }
    };
    Ok(at(call, &place))
}

/// The call that deletes a message for everyone, all of it where it is an album.
///
/// # Errors
/// A permanent failure where the host names no message of ours.
pub fn revoke(message: &Target) -> Result<Call, Failure> {
    let all = message.external_ids.iter();
    let all: Vec<MessageRef> = all.map(|id| place(id)).collect::<Result<_, _>>()?;
    let Some(first) = all.first() else {
        return Err(unknown());
    };
    let numbers: Vec<i64> = all.iter().map(|it| it.number).collect();
    let mut fields = Map::new();
    if let Some(connection) = &first.connection {
        fields.insert("business_connection_id".into(), connection.as_str().into());
        fields.insert("message_ids".into(), json!(numbers));
        return Ok(Call::new("deleteBusinessMessages", fields));
    }
    fields.insert("chat_id".into(), first.chat.into());
    Ok(match numbers.as_slice() {
        [number] => {
            fields.insert("message_id".into(), (*number).into());
            Call::new("deleteMessage", fields)
        }
        numbers => {
            fields.insert("message_ids".into(), json!(numbers));
            Call::new("deleteMessages", fields)
        }
    })
}

fn at(mut call: Call, place: &MessageRef) -> Call {
    if let Some(connection) = &place.connection {
        let connection = connection.as_str().into();
        call.fields
            .insert("business_connection_id".into(), connection);
    }
    call.fields.insert("chat_id".into(), place.chat.into());
    call.fields.insert("message_id".into(), place.number.into());
    call
}

fn place(id: &str) -> Result<MessageRef, Failure> {
    MessageRef::parse(id).ok_or_else(unknown)
}

fn unknown() -> Failure {
    Failure::invalid("Esta mensagem não é do Telegram.")
}

fn sources(files: &[Attachment]) -> Vec<&str> {
    files.iter().map(|file| file.source.as_str()).collect()
}
