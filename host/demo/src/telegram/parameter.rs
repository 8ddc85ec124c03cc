//! What came with a call, by name, and whether each is what the documents say. In a form everything is a text; in JSON numbers, objects
//! and lists may also be themselves.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::State;
use super::answer::Refusal;
use super::method::{Kind, Method};
use super::object;
use crate::reply::Upload;

/// The parameters of one call. Checked ones are of their own type: objects parsed, numbers numbers.
#[derive(Default)]
pub(super) struct Given {
    pub values: Map<String, Value>,
    pub uploads: BTreeMap<String, Upload>,
}

impl Given {
    /// Checks all of them for `method`; whatever is not documented is refused, which the provider itself would overlook.
    pub fn check(&mut self, method: &Method, state: &State) -> Result<(), Refusal> {
        self.nothing_else(method)?;
        for parameter in method.parameters() {
            let name = parameter.name;
            // An empty value is none.
            if self.values.get(name).is_some_and(Value::is_null) {
                self.values.remove(name);
            }
            if let Some(value) = self.values.get(name) {
                let value = self.checked(name, parameter.kind, value, state)?;
                self.values.insert(name.to_owned(), value);
            } else if let Some(upload) = self.uploads.get(name) {
                uploaded(name, parameter.kind, upload)?;
            } else if parameter.required {
                return Err(missing(name));
            }
        }
        for (text, entities) in [("text", "entities"), ("caption", "caption_entities")] {
            if let Some(entities) = self.values.get(entities) {
                let text = self.values.get(text).and_then(Value::as_str);
                object::within(entities, text.unwrap_or_default())?;
            }
        }
        Ok(())
    }

    fn nothing_else(&self, method: &Method) -> Result<(), Refusal> {
        // Files of an album are uploaded under names of the caller's own.
        let attached = |name: &str| {
            let place = format!("attach://{name}");
            let mut fields = self.values.values();
            fields.any(|value| value.to_string().contains(&place))
        };
        let known = |name: &str| method.parameters().any(|it| it.name == name);
        let strange = self.values.keys().find(|name| !known(name));
        let upload = || {
            let mut names = self.uploads.keys();
            names.find(|name| !known(name) && !attached(name))
        };
        match strange.or_else(upload) {
            Some(name) => Err(Refusal::bad(&format!(
                "{} has no parameter {name}",
                method.name
            ))),
            None => Ok(()),
        }
    }

    fn checked(
        &self,
        name: &str,
        kind: Kind,
        value: &Value,
        state: &State,
    ) -> Result<Value, Refusal> {
        match kind {
            Kind::Text(least, most) => text(name, value, least, most).map(|()| value.clone()),
            Kind::Integer(least, most) => {
                let number = integer(value);
                let number = number.filter(|it| (least..=most).contains(it));
                number
                    .map(Value::from)
                    .ok_or_else(|| invalid(name, "an integer of its range"))
            }
            Kind::Number(least, most) => {
                let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
                let number = number.filter(|it| (least..=most).contains(it));
                number
                    .map(Value::from)
                    .ok_or_else(|| invalid(name, "a number of its range"))
            }
            Kind::Flag => match value {
                Value::Bool(_) => Ok(value.clone()),
                Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true.into()),
                Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false.into()),
                _ => Err(invalid(name, "a boolean")),
            },
            Kind::Chat => chat(value),
            Kind::OneOf(all) => match value.as_str() {
                Some(text) if all.contains(&text) => Ok(value.clone()),
                _ => Err(Refusal::bad(&format!("wrong parameter {name} in request"))),
            },
            Kind::File(by_address, _) => {
                self.file(name, value, by_address, state)?;
                Ok(value.clone())
            }
            Kind::Json(check) => {
                let parsed = parsed(name, value)?;
                check(&parsed, &|source| self.file(name, source, true, state))?;
                Ok(parsed)
            }
        }
    }

    /// A file that is not a part of the form by itself: an id, an address, or the name of a part.
    fn file(
        &self,
        name: &str,
        value: &Value,
        by_address: bool,
        state: &State,
    ) -> Result<(), Refusal> {
        let text = value.as_str().unwrap_or_default();
        if text.is_empty() {
            return Err(missing(name));
        }
        if let Some(part) = text.strip_prefix("attach://") {
            return match self.uploads.contains_key(part) {
                true => Ok(()),
                false => Err(Refusal::bad("wrong file identifier/HTTP URL specified")),
            };
        }
        if text.starts_with("http://") || text.starts_with("https://") {
            let uri = text.parse::<axum::http::Uri>();
            let host = uri.is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty()));
            return match by_address && host {
                true => Ok(()),
                false => Err(Refusal::bad("wrong HTTP URL specified")),
            };
        }
        match state.file(text) {
            Some(_) => Ok(()),
            None => Err(Refusal::bad("wrong file identifier/HTTP URL specified")),
        }
    }
}

fn uploaded(name: &str, kind: Kind, upload: &Upload) -> Result<(), Refusal> {
    match kind {
        Kind::File(_, most) if upload.bytes.len() > most => Err(Refusal::bad("file is too big")),
        Kind::File(..) if upload.bytes.is_empty() => Err(Refusal::bad("file must be non-empty")),
        Kind::File(..) => Ok(()),
        _ => Err(invalid(name, "no file")),
    }
}

fn missing(name: &str) -> Refusal {
    match name {
        "chat_id" => Refusal::bad("chat_id is empty"),
        "text" => Refusal::bad("message text is empty"),
        "photo" | "video" | "animation" | "audio" | "voice" | "document" | "video_note"
        | "sticker" => Refusal::bad(&format!(
            "there is no {} in the request",
            name.replace('_', " ")
        )),
        _ => Refusal::bad(&format!("parameter \"{name}\" is required")),
    }
}

fn invalid(name: &str, what: &str) -> Refusal {
    Refusal::bad(&format!("field \"{name}\" must be {what}"))
}

/// An integer, or the text of one.
pub(super) fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn text(name: &str, value: &Value, least: usize, most: usize) -> Result<(), Refusal> {
    let text = value
        .as_str()
        .ok_or_else(|| invalid(name, "of type String"))?;
    let length = text.chars().count();
    if length > most {
        return Err(Refusal::bad(match name {
            "text" => "message is too long",
            "caption" => "message caption is too long",
            "secret_token" => "secret token is too long",
            _ => "a text is too long",
        }));
    }
    if length < least || (least > 0 && text.trim().is_empty()) {
        return Err(missing(name));
    }
    Ok(())
}

/// A chat's number as a number; names stay names.
fn chat(value: &Value) -> Result<Value, Refusal> {
    if let Some(number) = integer(value).filter(|number| *number != 0) {
        return Ok(number.into());
    }
    match value.as_str() {
        Some("") => Err(missing("chat_id")),
        Some(name) if name.len() > 5 && name.starts_with('@') => Ok(value.clone()),
        _ => Err(Refusal::bad("chat not found")),
    }
}

/// An object or list, or the text of one.
fn parsed(name: &str, value: &Value) -> Result<Value, Refusal> {
    match value {
        Value::String(text) => serde_json::from_str(text)
            .map_err(|_| Refusal::bad(&format!("can't parse {name} JSON object"))),
        other => Ok(other.clone()),
    }
}
