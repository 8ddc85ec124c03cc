//! What the provider takes: contents and signals in, request bodies out. Plain data, no imports.

use crate::limits::{self, Window};
use balcao_plugin::connector::Outbound;
use balcao_plugin::{Attachment, Content, Failure, json};
use serde_json::{Map, Value as Json, json};

/// The body that posts a message. `link` gives an address at which the provider can fetch a file of the host.
///
/// # Errors
/// A permanent failure for a content that the channel cannot say; what `link` refuses.
pub fn message(
    message: &Outbound,
    window: Window,
    link: impl FnMut(&str) -> Result<String, Failure>,
) -> Result<Vec<u8>, Failure> {
    let content = &message.content;
    let said = match content.kind.as_str() {
        "text" => json!({ "text": text(&content.text)? }),
        "image" => images(content, link)?,
        "audio" | "video" => json!({ "attachment": one(content, &content.kind, link)? }),
        "document" => json!({ "attachment": one(content, "file", link)? }),
        "interactive" => quick_replies(content)?,
        other => {
            return Err(Failure::unsupported(format!(
                "O Instagram não envia mensagens do tipo {other}; escreva em texto ou anexe uma imagem, um áudio, um vídeo ou um PDF."
            )));
        }
    };
    let mut body = addressed(&message.recipient);
    body.insert("message".into(), said);
    if let Some(answered) = &message.reply_to {
        body.insert("reply_to".into(), json!({ "mid": answered }));
    }
    if window == Window::HumanAgent {
        body.insert("messaging_type".into(), "MESSAGE_TAG".into());
        body.insert("tag".into(), "HUMAN_AGENT".into());
    }
    Ok(json::text(&body).into_bytes())
}

/// The body that passes on what an agent does beside writing.
///
/// # Errors
/// A permanent failure for a signal that the channel does not have, or a reaction to no message.
pub fn signal(thread: &str, kind: &str, data: &str) -> Result<Vec<u8>, Failure> {
    let data: Json = json::parse(if data.is_empty() { "{}" } else { data })
        .map_err(|error| Failure::invalid(format!("The signal's data is not JSON: {error}")))?;
    let mut body = addressed(thread);
    match kind {
        "read" => body.insert("sender_action".into(), "mark_seen".into()),
        "typing" => body.insert("sender_action".into(), "typing_on".into()),
        "reaction" => {
            let message = data["message"].as_str().filter(|id| !id.is_empty());
            let message = message.ok_or_else(|| {
                Failure::invalid("The signal reaction must name the message it is about.")
            })?;
            let emoji = data["emoji"].as_str().unwrap_or_default();
            let (action, payload) = match emoji {
                "" => ("unreact", json!({ "message_id": message })),
                emoji => ("react", json!({ "message_id": message, "reaction": emoji })),
            };
            body.insert("sender_action".into(), action.into());
            body.insert("payload".into(), payload)
        }
        other => {
            return Err(Failure::unsupported(format!(
                "O Instagram não tem o sinal {other}."
            )));
        }
    };
    Ok(json::text(&body).into_bytes())
}

fn addressed(person: &str) -> Map<String, Json> {
    let mut body = Map::new();
    body.insert("recipient".into(), json!({ "id": person }));
    body
}

fn text(text: &str) -> Result<&str, Failure> {
    if text.trim().is_empty() {
        return Err(Failure::invalid("A mensagem não tem texto."));
    }
    if text.len() > limits::TEXT {
        return Err(Failure::permanent(
            "too-long",
            format!(
                "O Instagram aceita textos de até {} bytes, e este tem {} (letras com acento contam 2, emojis 4 ou mais); divida-o em duas mensagens.",
                limits::TEXT,
                text.len()
            ),
        ));
    }
    Ok(text)
}

fn images(
    content: &Content,
    mut link: impl FnMut(&str) -> Result<String, Failure>,
) -> Result<Json, Failure> {
    let [_, _, ..] = content.attachments.as_slice() else {
        return Ok(json!({ "attachment": one(content, "image", link)? }));
    };
    without_caption(content)?;
    if content.attachments.len() > limits::IMAGES {
        return Err(Failure::invalid(format!(
            "O Instagram envia até {} imagens por mensagem.",
            limits::IMAGES
        )));
    }
    let images = content
        .attachments
        .iter()
        .map(|it| attachment("image", it, &mut link));
    Ok(json!({ "attachments": images.collect::<Result<Vec<_>, _>>()? }))
}

fn one(
    content: &Content,
    kind: &str,
    mut link: impl FnMut(&str) -> Result<String, Failure>,
) -> Result<Json, Failure> {
    without_caption(content)?;
    match content.attachments.as_slice() {
        [only] => attachment(kind, only, &mut link),
        _ => Err(Failure::invalid(
            "O Instagram envia exatamente um arquivo deste tipo por mensagem.",
        )),
    }
}

fn without_caption(content: &Content) -> Result<(), Failure> {
    if content.text.trim().is_empty() {
        return Ok(());
    }
    Err(Failure::unsupported(
        "O Instagram não envia texto junto de um arquivo; envie o texto em outra mensagem.",
    ))
}

fn attachment(
    kind: &str,
    file: &Attachment,
    link: &mut impl FnMut(&str) -> Result<String, Failure>,
) -> Result<Json, Failure> {
    let url = match file.source.split_once(':') {
        Some(("media", id)) => link(id)?,
        Some(("https", _)) => file.source.clone(),
        _ => {
            return Err(Failure::invalid(
                "The attachment is neither a file of the host nor a link.",
            ));
        }
    };
    Ok(json!({ "type": kind, "payload": { "url": url } }))
}

fn quick_replies(content: &Content) -> Result<Json, Failure> {
    let extra: Json = match content.extra.as_str() {
        "" => Json::Null,
        extra => json::parse(extra).map_err(|error| {
            Failure::invalid(format!("The content's extra is not JSON: {error}"))
        })?,
    };
    if extra.get("list").is_some() {
        return Err(Failure::unsupported(
            "O Instagram não tem listas; use até 13 botões.",
        ));
    }
    let buttons = extra["buttons"].as_array().map_or(&[][..], Vec::as_slice);
    if buttons.is_empty() || buttons.len() > limits::BUTTONS {
        return Err(Failure::invalid(format!(
            "O Instagram envia de 1 a {} botões por mensagem, e esta tem {}.",
            limits::BUTTONS,
            buttons.len()
        )));
    }
    let replies = buttons.iter().map(|button| {
        let title = button["title"].as_str().unwrap_or_default();
        if !(1..=limits::BUTTON_TITLE).contains(&title.chars().count()) {
            return Err(Failure::invalid(format!(
                "Os botões do Instagram têm de 1 a {} letras; mude o botão {title:?}.",
                limits::BUTTON_TITLE
            )));
        }
        let payload = button["id"].as_str().filter(|id| !id.is_empty());
        Ok(json!({ "content_type": "text", "title": title, "payload": payload.unwrap_or(title) }))
    });
    let replies = replies.collect::<Result<Vec<_>, _>>()?;
    Ok(json!({ "text": text(&content.text)?, "quick_replies": replies }))
}

#[cfg(test)]
mod tests;
