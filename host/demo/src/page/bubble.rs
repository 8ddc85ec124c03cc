//! What the customer sees of a message, as HTML, whichever provider it came by.

use std::fmt::Write as _;

use serde_json::Value;

use crate::ledger::{Entry, Sent};
use crate::provider::Provider;
use crate::standin::Standin;

/// The inside of a bubble.
pub(super) fn of(standin: &Standin, entry: &Entry, sent: &Sent) -> String {
    match entry.channel {
        Provider::Whatsapp => whatsapp(&entry.request, &sent.kind),
        Provider::Telegram => telegram(standin, entry, sent),
        Provider::Instagram => instagram(&entry.request, sent),
    }
}

fn whatsapp(message: &Value, kind: &str) -> String {
    let content = &message[kind];
    match kind {
        "text" => text(&content["body"]),
        "reaction" => format!("reagiu com {}", text(&content["emoji"])),
        "interactive" => {
            let action = &content["action"];
            let buttons = action["buttons"].as_array().into_iter().flatten();
            let buttons = buttons.map(|button| &button["reply"]["title"]);
            let sections = action["sections"].as_array().into_iter().flatten();
            let rows = sections
                .flat_map(|section| section["rows"].as_array().into_iter().flatten())
                .map(|row| &row["title"]);
            let list = listed(buttons.chain(rows));
            format!("{}{list}", text(&content["body"]["text"]))
        }
        "template" => format!("modelo <b>{}</b>", text(&content["name"])),
        "location" => place(content, &content["name"]),
        "contacts" => format!("👤 {}", text(&content[0]["name"]["formatted_name"])),
        media => {
            let source = match content["id"].as_str() {
                Some(id) => format!("/shown/whatsapp/{id}"),
                None => content["link"].as_str().unwrap_or_default().to_owned(),
            };
            file(media, &source) + &text(&content["caption"])
        }
    }
}

/// As it stands now: a bot may edit and delete what it sent.
fn telegram(standin: &Standin, entry: &Entry, sent: &Sent) -> String {
    let result = &entry.answer["result"];
    let all: Vec<&Value> = match result.as_array() {
        Some(album) => album.iter().collect(),
        None => vec![result],
    };
    let mut html = String::new();
    for message in all {
        let number = message["message_id"].as_i64().unwrap_or_default();
        let chat = message["chat"]["id"].as_i64().unwrap_or_default();
        let state = standin.state();
        match state.telegram.messages.get(&(chat, number)) {
            Some(message) => html.push_str(&telegram_message(message, &sent.to)),
            None => html.push_str("<i>mensagem apagada</i>"),
        }
    }
    html
}

fn telegram_message(message: &Value, to: &str) -> String {
    let mut html = String::new();
    for kind in [
        "photo",
        "animation",
        "video",
        "audio",
        "voice",
        "document",
        "video_note",
        "sticker",
    ] {
        let content = &message[kind];
        let id = content["file_id"]
            .as_str()
            .or(content[0]["file_id"].as_str());
        if let Some(id) = id {
            let source = match id.starts_with("http") {
                true => id.to_owned(),
                false => format!("/shown/telegram/{id}"),
            };
            html.push_str(&file(kind, &source));
        }
    }
    html.push_str(&text(&message["text"]));
    html.push_str(&text(&message["caption"]));
    if !message["venue"].is_null() {
        html.push_str(&place(
            &message["venue"]["location"],
            &message["venue"]["title"],
        ));
    } else if !message["location"].is_null() {
        html.push_str(&place(&message["location"], &Value::Null));
    }
    if !message["contact"].is_null() {
        let _ = write!(html, "👤 {}", text(&message["contact"]["first_name"]));
    }
    if !message["edit_date"].is_null() {
        html.push_str(" <small>editada</small>");
    }
    let number = message["message_id"].to_string();
    for row in message["reply_markup"]["inline_keyboard"]
        .as_array()
        .into_iter()
        .flatten()
    {
        for button in row.as_array().into_iter().flatten() {
            let title = button["text"].as_str().unwrap_or_default();
            let data = button["callback_data"].as_str().unwrap_or_default();
            html.push_str(&pressable("telegram", to, &number, title, data));
        }
    }
    let keys = message["reply_markup"]["keyboard"].as_array();
    let keys = keys
        .into_iter()
        .flatten()
        .flat_map(|row| row.as_array().into_iter().flatten());
    html + &listed(keys.map(|key| if key.is_string() { key } else { &key["text"] }))
}

fn instagram(request: &Value, sent: &Sent) -> String {
    let message = &request["message"];
    let mut html = text(&message["text"]);
    let several = message["attachments"].as_array().into_iter().flatten();
    for attachment in several.chain([&message["attachment"]]) {
        let kind = attachment["type"].as_str().unwrap_or_default();
        match kind {
            "" => {}
            "like_heart" => html.push('❤'),
            kind => {
                let url = attachment["payload"]["url"].as_str().unwrap_or_default();
                html.push_str(&file(kind, url));
            }
        }
    }
    for reply in message["quick_replies"].as_array().into_iter().flatten() {
        let title = reply["title"].as_str().unwrap_or_default();
        // "will be truncated if more than 20"
        let title: String = title.chars().take(20).collect();
        let payload = reply["payload"].as_str().unwrap_or_default();
        html.push_str(&pressable("instagram", &sent.to, &sent.id, &title, payload));
    }
    html
}

/// A button that the customer can press on the page.
fn pressable(channel: &str, to: &str, message: &str, title: &str, data: &str) -> String {
    let fields = [
        ("channel", channel),
        ("from", to),
        ("message", message),
        ("title", title),
        ("data", data),
    ];
    let mut html = String::from("<form method=\"post\" action=\"/press\">");
    for (name, value) in fields {
        let value = escape(value);
        let _ = write!(
            html,
            "<input type=\"hidden\" name=\"{name}\" value=\"{value}\">"
        );
    }
    let _ = write!(html, "<button>{}</button></form>", escape(title));
    html
}

fn listed<'a>(titles: impl Iterator<Item = &'a Value>) -> String {
    let items: String = titles
        .map(|title| format!("<li>{}</li>", text(title)))
        .collect();
    match items.is_empty() {
        true => items,
        false => format!("<ul>{items}</ul>"),
    }
}

/// A picture is shown, anything else is a link.
fn file(kind: &str, source: &str) -> String {
    let source = escape(source);
    match kind {
        "image" | "photo" | "sticker" => format!("<img src=\"{source}\" alt=\"{kind}\">"),
        kind => format!(
            "<a href=\"{source}\" target=\"_blank\"><i>{}</i></a> ",
            escape(kind)
        ),
    }
}

fn place(at: &Value, name: &Value) -> String {
    let degrees = |name: &str| escape(&at[name].to_string());
    format!(
        "📍 {} {} {}",
        text(name),
        degrees("latitude"),
        degrees("longitude")
    )
}

fn text(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

/// Plain text as HTML.
pub(super) fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\n' => html.push_str("<br>"),
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_anybody_typed_stays_text() {
        assert_eq!(
            escape("<b a=\"1\">&'\n"),
            "&lt;b a=&quot;1&quot;&gt;&amp;&#39;<br>"
        );
    }
}
