//! What a message says: the provider's object of its kind as a `content`. A kind or a shape that is not known becomes `unsupported`, with
//! its name, so that the agent sees that something came.

use super::problem_text;
use balcao_plugin::lenient::{self, Field};
use balcao_plugin::{Attachment, Content, json};
use serde_json::{Map, Value as Json};

/// Files, cards or lines of one message that are shown.
const MOST: usize = 100;

/// The content of a message, and whether it is of a documented kind and not as documented. `errors` are those beside it, which say why
/// a message came without its object.
pub(super) fn of(message: Field, errors: Field) -> (Content, bool) {
    let kind = message.get("type").text();
    let it = message.get(&kind);
    let read = match kind.as_str() {
        "text" => it.object().map(|it| text("text", it.get("body").text())),
        "image" | "video" | "document" | "sticker" => media(&kind, it, String::new()),
        "audio" => {
            let extra = json::json!({ "voice": it.get("voice").flag() });
            media("audio", it, extra.to_string())
        }
        "location" => location(it),
        "contacts" => cards(it),
        "interactive" => interactive(it),
        "button" => it.object().map(|it| {
            let title = it.get("text").text();
            choice(it.get("payload").text(), title.clone(), title)
        }),
        "order" => it.object().map(order),
        _ => return (unsupported(message, errors), false),
    };
    match read {
        Some(content) => (content, false),
        None => {
            let explained = [message.get("errors"), errors]
                .into_iter()
                .any(|list| list.list().next().is_some());
            (unsupported(message, errors), !explained)
        }
    }
}

fn text(kind: &str, text: String) -> Content {
    Content {
        kind: kind.to_owned(),
        text,
        attachments: Vec::new(),
        extra: String::new(),
    }
}

/// Media come by id; the host asks `locate` when it wants the bytes.
fn media(kind: &str, media: Field, extra: String) -> Option<Content> {
    Some(Content {
        attachments: vec![Attachment {
            source: format!("ref:{}", media.get("id").given()?),
            mime: media.get("mime_type").text(),
            name: media.get("filename").text(),
            size: 0,
        }],
        extra,
        ..text(kind, media.get("caption").text())
    })
}

fn location(location: Field) -> Option<Content> {
    let mut extra = Map::new();
    for name in ["latitude", "longitude"] {
        extra.insert(name.into(), location.get(name).decimal()?.into());
    }
    for name in ["name", "address"] {
        if let Some(value) = location.get(name).given() {
            extra.insert(name.into(), value.into());
        }
    }
    Some(Content {
        extra: lenient::extra(&extra.into()),
        ..text("location", String::new())
    })
}

fn cards(cards: Field) -> Option<Content> {
    let contacts: Vec<Json> = cards
        .list()
        .filter_map(Field::object)
        .take(MOST)
        .map(|card| {
            let name = card.get("name");
            let part = |part: &str| name.get(part).text();
            let name = name
                .get("formatted_name")
                .given()
                .unwrap_or_else(|| [part("first_name"), part("last_name")].join(" "));
            let phones = card.get("phones").list().filter_map(|phone| {
                let written = phone.get("phone").given();
                written.or_else(|| Some(format!("+{}", phone.get("wa_id").given()?)))
            });
            let emails = card.get("emails").list();
            let emails = emails.filter_map(|email| email.get("email").given());
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
        extra: lenient::extra(&json::json!({ "contacts": contacts })),
        ..text("contacts", String::new())
    })
}

fn interactive(interactive: Field) -> Option<Content> {
    let kind = interactive.get("type").text();
    let it = interactive.get(&kind).object()?;
    match kind.as_str() {
        "button_reply" | "list_reply" => {
            let title = it.get("title").text();
            let said = match it.get("description").given() {
                Some(description) => format!("{title}\n{description}"),
                None => title.clone(),
            };
            Some(choice(it.get("id").text(), title, said))
        }
        "nfm_reply" => Some(form(it)),
        _ => None,
    }
}

fn choice(id: String, title: String, said: String) -> Content {
    Content {
        extra: lenient::extra(&json::json!({ "id": id, "title": title })),
        ..text("choice", said)
    }
}

/// A form (the provider's "flow") that was filled in: its answers, one per line.
fn form(form: Field) -> Content {
    let body = form.get("body").text();
    let mut lines = vec![body.clone()];
    let response = form.get("response_json").text();
    match json::parse::<Map<String, Json>>(&response) {
        Ok(answers) => {
            let answers = answers.iter().filter(|(name, _)| *name != "flow_token");
            lines.extend(answers.map(|(name, value)| match value {
                Json::String(value) => format!("{name}: {value}"),
                value => format!("{name}: {value}"),
            }));
        }
        Err(_) => lines.push(response),
    }
    lines.retain(|line| !line.is_empty());
    choice(
        form.get("name").text(),
        body,
        lenient::cut(lines.join("\n"), lenient::LONGEST),
    )
}

/// An order from the provider's catalogue. No content kind shows it, so its text says all of it.
fn order(order: Field) -> Content {
    let mut lines = vec!["Pedido do catálogo:".to_owned()];
    lines.extend(order.get("product_items").list().take(MOST).map(|item| {
        let part = |name: &str| item.get(name).text();
        format!(
            "{} × {} ({} {})",
            part("quantity"),
            part("product_retailer_id"),
            part("currency"),
            part("item_price")
        )
    }));
    lines.extend(order.get("text").given());
    Content {
        extra: r#"{"type":"order"}"#.into(),
        ..text(
            "unsupported",
            lenient::cut(lines.join("\n"), lenient::LONGEST),
        )
    }
}

fn unsupported(message: Field, errors: Field) -> Content {
    let named = message.get("unsupported").get("type").given();
    let kind = named.or_else(|| message.get("type").given());
    let kind = super::short(&kind.unwrap_or_else(|| "?".into()));
    let own = message.get("errors").list().next();
    let mut extra = Map::new();
    extra.insert("type".into(), kind.as_str().into());
    if let Some(problem) = own.or_else(|| errors.list().next()) {
        extra.insert("reason".into(), problem_text(problem).into());
    }
    let said = match kind.as_str() {
        "unsupported" | "unknown" | "?" => "Mensagem de um tipo que este canal não recebe.".into(),
        kind => format!("Mensagem de um tipo que este canal não recebe ({kind})."),
    };
    Content {
        extra: lenient::extra(&extra.into()),
        ..text("unsupported", said)
    }
}
