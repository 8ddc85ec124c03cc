//! The WhatsApp connector's own parsing as a plain module for `extism`: the same source files, with that runtime's way in and out around them.

#[path = "../../../../../plugins/whatsapp/src"]
mod whatsapp {
    pub mod inbound;
    pub mod payload;
}

use extism_pdk::{FnResult, config, plugin_fn};
use serde::Serialize;
use whatsapp::inbound::{self, Event};
// The sources know each other by their names in the connector's crate.
use whatsapp::payload;

/// An event as JSON, borrowing from what was read.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Given<'a> {
    Message {
        key: &'a str,
        external_id: &'a str,
        thread: &'a str,
        sender: Sender<'a>,
        outgoing: bool,
        at: i64,
        content: Content<'a>,
        reply_to: Option<&'a str>,
        extra: &'a str,
    },
    /// The job that is compared brings a message; others are only counted.
    Other,
}

#[derive(Serialize)]
struct Sender<'a> {
    external_id: &'a str,
    aliases: &'a [(String, String)],
    name: &'a str,
    avatar: &'a str,
    extra: &'a str,
}

#[derive(Serialize)]
struct Content<'a> {
    kind: &'a str,
    text: &'a str,
    attachments: Vec<Attachment<'a>>,
    extra: &'a str,
}

#[derive(Serialize)]
struct Attachment<'a> {
    source: &'a str,
    mime: &'a str,
    name: &'a str,
    size: u64,
}

/// Takes a webhook's body; gives the events as a JSON list, that runtime's usual way of handing structures over.
#[plugin_fn]
pub fn receive(body: Vec<u8>) -> FnResult<String> {
    let account = config::get("phone_number_id")?;
    let brought = inbound::read(&body, account.as_deref(), || 0);
    let events: Vec<Given> = brought.events.iter().map(given).collect();
    Ok(serde_json::to_string(&events)?)
}

fn given(event: &Event) -> Given<'_> {
    let Event::Message { key, message } = event else {
        return Given::Other;
    };
    let (sender, content) = (&message.sender, &message.content);
    Given::Message {
        key,
        external_id: &message.external_id,
        thread: &message.thread,
        sender: Sender {
            external_id: &sender.external_id,
            aliases: &sender.aliases,
            name: &sender.name,
            avatar: &sender.avatar,
            extra: &sender.extra,
        },
        outgoing: message.outgoing,
        at: message.at,
        content: Content {
            kind: &content.kind,
            text: &content.text,
            attachments: content.attachments.iter().map(attachment).collect(),
            extra: &content.extra,
        },
        reply_to: message.reply_to.as_deref(),
        extra: &message.extra,
    }
}

fn attachment(it: &balcao_plugin::Attachment) -> Attachment<'_> {
    Attachment {
        source: &it.source,
        mime: &it.mime,
        name: &it.name,
        size: it.size,
    }
}
