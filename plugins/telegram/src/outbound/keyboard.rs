//! Buttons under a message, lists as buttons, and keyboards in place of the contact's own.

use super::{Call, missing};
use balcao_plugin::Failure;
use serde_json::{Map, Value as Json, json};

/// Bytes that a button may carry back.
const DATA: usize = 64;
/// Buttons of a keyboard that the provider takes.
pub(super) const BUTTONS: usize = 100;

/// A text with `buttons`, a `list`, or a `keyboard`: `[["Sim","Não"],[{"title":"Enviar telefone","asks":"phone"}]]`, where an empty one takes
/// the last one away.
pub(super) fn interactive(text: &str, extra: &Map<String, Json>) -> Result<Call, Failure> {
    if text.trim().is_empty() {
        return Err(missing("interactive", "text"));
    }
    let mut said = text.to_owned();
    let markup = if let Some(list) = extra.get("list") {
        inline(sections(&mut said, list)?)?
    } else if let Some(keyboard) = extra.get("keyboard").and_then(Json::as_array) {
        reply(keyboard)?
    } else {
        let buttons = extra.get("buttons").and_then(Json::as_array);
        let buttons = buttons.filter(|list| !list.is_empty());
        let buttons = buttons.ok_or_else(|| missing("interactive", "buttons"))?;
        inline(buttons.iter().collect())?
    };
    let mut fields = Map::new();
    fields.insert("text".into(), said.into());
    fields.insert("reply_markup".into(), markup);
    Ok(Call::new("sendMessage", fields))
}

/// The rows of a list. What a button has no room for (titles of sections, descriptions) is added to the text.
fn sections<'a>(said: &mut String, list: &'a Json) -> Result<Vec<&'a Json>, Failure> {
    let sections = list["sections"].as_array().map(Vec::as_slice);
    let mut rows = Vec::new();
    for section in sections.unwrap_or_default() {
        let described = section["rows"].as_array().map(Vec::as_slice);
        if let Some(title) = section["title"].as_str().filter(|it| !it.is_empty()) {
            said.push_str(&format!("\n\n{title}"));
        }
        for row in described.unwrap_or_default() {
            let title = row["title"].as_str().unwrap_or_default();
            if let Some(more) = row["description"].as_str().filter(|it| !it.is_empty()) {
                said.push_str(&format!("\n{title}: {more}"));
            }
            rows.push(row);
        }
    }
    match rows.is_empty() {
        true => Err(missing("interactive", "rows")),
        false => Ok(rows),
    }
}

/// One button a row, as wide as the message.
fn inline(buttons: Vec<&Json>) -> Result<Json, Failure> {
    if buttons.len() > BUTTONS {
        return Err(Failure::invalid(format!(
            "O Telegram mostra até {BUTTONS} botões."
        )));
    }
    let rows: Vec<Json> = buttons
        .into_iter()
        .map(|button| {
            let title = titled(button)?;
            if let Some(url) = button["url"].as_str() {
                return Ok(json!([{ "text": title, "url": url }]));
            }
            let id = button["id"].as_str().filter(|id| !id.is_empty());
            let id = id.ok_or_else(|| missing("interactive", "an id for each button"))?;
            if id.len() > DATA {
                return Err(Failure::invalid(format!(
                    "O botão \"{title}\" leva mais de {DATA} bytes de volta, que é o que o Telegram permite."
                )));
            }
            Ok(json!([{ "text": title, "callback_data": id }]))
        })
        .collect::<Result<_, Failure>>()?;
    Ok(json!({ "inline_keyboard": rows }))
}

fn reply(rows: &[Json]) -> Result<Json, Failure> {
    if rows.is_empty() {
        return Ok(json!({ "remove_keyboard": true }));
    }
    let rows: Vec<Vec<Json>> = rows
        .iter()
        .map(|row| {
            let row = row.as_array().map(Vec::as_slice).unwrap_or_default();
            row.iter().map(key).collect()
        })
        .collect::<Result<_, Failure>>()?;
    Ok(json!({ "keyboard": rows, "resize_keyboard": true, "one_time_keyboard": true }))
}

/// A key says its text, or asks for something that only the contact can give.
fn key(key: &Json) -> Result<Json, Failure> {
    if let Some(text) = key.as_str().filter(|text| !text.is_empty()) {
        return Ok(json!({ "text": text }));
    }
    let title = titled(key)?;
    match key["asks"].as_str() {
        None => Ok(json!({ "text": title })),
        Some("phone") => Ok(json!({ "text": title, "request_contact": true })),
        Some("location") => Ok(json!({ "text": title, "request_location": true })),
        Some(other) => Err(Failure::unsupported(format!(
            "O teclado do Telegram não pede {other}."
        ))),
    }
}

fn titled(button: &Json) -> Result<&str, Failure> {
    let title = button["title"].as_str().filter(|title| !title.is_empty());
    title.ok_or_else(|| missing("interactive", "a title for each button"))
}
