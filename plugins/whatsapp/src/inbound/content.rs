//! What a message says: the provider's object of its kind as a `content`. A kind or a shape that is not known becomes `unsupported`, with
//! its name, so that the agent sees that something came.

use super::problem_text;
use crate::payload::{
    self, Card, FormReply, Interactive, Location, Media, Message, Order, Problem, Reply, Text,
};
use balcao_plugin::{Attachment, Content, json};
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

/// The content of a message. `errors` are those beside it, which say why a message came without its object.
pub(super) fn of(message: &Message, errors: &[Problem]) -> Content {
    known(message).unwrap_or_else(|| unsupported(message, errors))
}

/// The content of an edit's message.
pub(super) fn of_edit(message: &RawValue) -> Option<Content> {
    Some(of(&payload::read_one(message).ok()?, &[]))
}

fn known(message: &Message) -> Option<Content> {
    if message.odd.is_some() {
        return None;
    }
    match message.kind.as_str() {
        "text" => Some(text("text", &message.text.as_ref()?.body)),
        "image" => media("image", message.image.as_ref()?, String::new()),
        "video" => media("video", message.video.as_ref()?, String::new()),
        "document" => media("document", message.document.as_ref()?, String::new()),
        "sticker" => media("sticker", message.sticker.as_ref()?, String::new()),
        "audio" => {
            let audio = message.audio.as_ref()?;
            let extra = if audio.voice {
                r#"{"voice":true}"#
            } else {
                r#"{"voice":false}"#
            };
            media("audio", audio, extra.to_owned())
        }
        "location" => location(message.location.as_ref()?),
        "contacts" => cards(&message.contacts),
        "interactive" => interactive(message.interactive.as_ref()?),
        "button" => {
            let button = message.button.as_ref()?;
            Some(choice(&button.payload, &button.text, (&button.text).into()))
        }
        "order" => Some(order(message.order.as_ref()?)),
        _ => None,
    }
}

fn text(kind: &str, text: &Text) -> Content {
    Content {
        kind: kind.to_owned(),
        text: text.into(),
        attachments: Vec::new(),
        extra: String::new(),
    }
}

/// Media come by id; the host asks `locate` when it wants the bytes.
fn media(kind: &str, media: &Media, extra: String) -> Option<Content> {
    Some(Content {
        attachments: vec![Attachment {
            source: format!("ref:{}", media.id.given()?),
            mime: (&media.mime_type).into(),
            name: (&media.filename).into(),
            size: 0,
        }],
        extra,
        ..text(kind, &media.caption)
    })
}

fn location(location: &Location) -> Option<Content> {
    let mut extra = Map::new();
    extra.insert("latitude".into(), location.latitude.clone()?.into());
    extra.insert("longitude".into(), location.longitude.clone()?.into());
    for (name, value) in [("name", &location.name), ("address", &location.address)] {
        if let Some(value) = value.given() {
            extra.insert(name.into(), value.into());
        }
    }
    Some(Content {
        extra: json::text(&extra),
        ..text("location", &Text::default())
    })
}

fn cards(cards: &[Card]) -> Option<Content> {
    let contacts: Vec<Json> = cards
        .iter()
        .map(|card| {
            let name = match card.name.formatted_name.given() {
                Some(name) => name.to_owned(),
                None => [card.name.first_name.as_str(), card.name.last_name.as_str()].join(" "),
            };
            let phones = card.phones.iter().filter_map(|phone| {
                let written = phone.phone.given().map(str::to_owned);
                written.or_else(|| Some(format!("+{}", phone.wa_id.given()?)))
            });
            let emails = card.emails.iter().filter_map(|email| email.email.given());
            json::json!({
                "name": name.trim(),
                "phones": phones.collect::<Vec<_>>(),
                "emails": emails.collect::<Vec<_>>(),
            })
        })
        .collect();
    if contacts.is_empty() {
        return None;
    }
    Some(Content {
        extra: json::text(&json::json!({ "contacts": contacts })),
        ..text("contacts", &Text::default())
    })
}

fn interactive(interactive: &Interactive) -> Option<Content> {
    match interactive.kind.as_str() {
        "button_reply" => Some(reply(interactive.button_reply.as_ref()?)),
        "list_reply" => Some(reply(interactive.list_reply.as_ref()?)),
        "nfm_reply" => Some(form(interactive.nfm_reply.as_ref()?)),
        _ => None,
    }
}

fn reply(reply: &Reply) -> Content {
    let said = match reply.description.given() {
        Some(description) => format!("{}\n{description}", reply.title.as_str()),
        None => (&reply.title).into(),
    };
    choice(&reply.id, &reply.title, said)
}

fn choice(id: &Text, title: &Text, said: String) -> Content {
    Content {
        kind: "choice".into(),
        text: said,
        attachments: Vec::new(),
        extra: json::text(&json::json!({ "id": id.as_str(), "title": title.as_str() })),
    }
}

/// A form (the provider's "flow") that was filled in: its answers, one per line.
fn form(form: &FormReply) -> Content {
    let mut lines = vec![form.body.as_str().to_owned()];
    match serde_json::from_slice::<Map<String, Json>>(form.response_json.as_str().as_bytes()) {
        Ok(answers) => {
            let answers = answers.iter().filter(|(name, _)| *name != "flow_token");
            lines.extend(answers.map(|(name, value)| match value {
                Json::String(value) => format!("{name}: {value}"),
                value => format!("{name}: {value}"),
            }));
        }
        Err(_) => lines.push((&form.response_json).into()),
    }
    lines.retain(|line| !line.is_empty());
    choice(&form.name, &form.body, lines.join("\n"))
}

/// An order from the provider's catalogue. No content kind shows it, so its text says all of it.
fn order(order: &Order) -> Content {
    let mut lines = vec!["Pedido do catálogo:".to_owned()];
    lines.extend(order.product_items.iter().map(|item| {
        format!(
            "{} × {} ({} {})",
            item.quantity.as_str(),
            item.product_retailer_id.as_str(),
            item.currency.as_str(),
            item.item_price.as_str()
        )
    }));
    lines.extend(order.text.given().map(str::to_owned));
    Content {
        kind: "unsupported".into(),
        text: lines.join("\n"),
        attachments: Vec::new(),
        extra: r#"{"type":"order"}"#.into(),
    }
}

fn unsupported(message: &Message, errors: &[Problem]) -> Content {
    let named = message
        .unsupported
        .as_ref()
        .and_then(|unsupported| unsupported.kind.given());
    let kind = named.or(message.kind.given()).unwrap_or("?");
    let problem = message.errors.first().or(errors.first());
    let mut extra = Map::new();
    extra.insert("type".into(), kind.into());
    if let Some(problem) = problem {
        extra.insert("reason".into(), problem_text(problem).into());
    }
    Content {
        kind: "unsupported".into(),
        text: match kind {
            "unsupported" | "unknown" | "?" => {
                "Mensagem de um tipo que este canal não recebe.".into()
            }
            kind => format!("Mensagem de um tipo que este canal não recebe ({kind})."),
        },
        attachments: Vec::new(),
        extra: json::text(&extra),
    }
}
