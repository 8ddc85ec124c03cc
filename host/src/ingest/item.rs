//! Bounds on what a channel's plugin hands over, before anything else looks at it. Owns no state.

use balcao_runtime::effect::Inbox;
use balcao_runtime::wit::{Content, inbox::Person};
use serde_json::Value;

/// Bytes of an id, a key or an address.
const MAX_ID: usize = 512;
/// Bytes of a name.
const MAX_NAME: usize = 400;
/// Bytes of a text or a JSON value; what is longer is cut.
const MAX_TEXT: usize = 64 * 1024;
const MAX_ATTACHMENTS: usize = 32;
const MAX_ALIASES: usize = 16;

/// The item within bounds; or why it cannot be taken in at all.
pub(super) fn bounded(item: &Inbox) -> Result<Inbox, String> {
    let mut item = item.clone();
    match &mut item {
        Inbox::Message { event_key, message } => {
            id("event-key", event_key)?;
            id("external-id", &message.external_id)?;
            id("thread", &message.thread)?;
            if let Some(reply_to) = &message.reply_to {
                id("reply-to", reply_to)?;
            }
            person(&mut message.sender)?;
            content(&mut message.content);
            message.extra = object(&message.extra);
        }
        Inbox::Delivery {
            event_key,
            external_id,
            state,
            reason,
            extra,
            ..
        } => {
            id("event-key", event_key)?;
            id("external-id", external_id)?;
            if !matches!(state.as_str(), "sent" | "delivered" | "read" | "failed") {
                return Err(format!("unknown delivery state {state:?}"));
            }
            *reason = text(reason, MAX_TEXT);
            *extra = object(extra);
        }
        Inbox::Read {
            event_key, thread, ..
        } => {
            id("event-key", event_key)?;
            id("thread", thread)?;
        }
        Inbox::Reaction {
            event_key,
            message,
            sender,
            emoji,
            ..
        } => {
            id("event-key", event_key)?;
            id("message", message)?;
            person(sender)?;
            *emoji = text(emoji, 64);
        }
        Inbox::Edit {
            event_key,
            message,
            content: changed,
            ..
        } => {
            id("event-key", event_key)?;
            id("message", message)?;
            content(changed);
        }
        Inbox::Revoke {
            event_key, message, ..
        } => {
            id("event-key", event_key)?;
            id("message", message)?;
        }
        Inbox::Typing { thread } => id("thread", thread)?,
        Inbox::Identity {
            event_key,
            old_external_id,
            now,
        } => {
            id("event-key", event_key)?;
            id("old-external-id", old_external_id)?;
            person(now)?;
        }
        Inbox::Note {
            event_key,
            thread,
            code,
            text: line,
            extra,
        } => {
            id("event-key", event_key)?;
            if let Some(thread) = thread {
                id("thread", thread)?;
            }
            id("code", code)?;
            *line = text(line, MAX_TEXT);
            *extra = object(extra);
        }
        Inbox::Health { state, message } => {
            if !matches!(state.as_str(), "connected" | "degraded" | "disconnected") {
                return Err(format!("unknown health state {state:?}"));
            }
            *message = text(message, MAX_NAME);
        }
    }
    Ok(item)
}

fn id(name: &str, value: &str) -> Result<(), String> {
    if value.is_empty() {
        Err(format!("{name} is empty"))
    } else if value.len() > MAX_ID {
        Err(format!("{name} is longer than {MAX_ID} bytes"))
    } else if value.contains('\0') {
        Err(format!("{name} holds a zero byte"))
    } else {
        Ok(())
    }
}

fn person(it: &mut Person) -> Result<(), String> {
    id("the person's external-id", &it.external_id)?;
    it.name = text(&it.name, MAX_NAME);
    it.avatar = text(&it.avatar, MAX_TEXT);
    it.extra = object(&it.extra);
    it.aliases
        .retain(|(kind, value)| id("", kind).is_ok() && id("", value).is_ok());
    it.aliases.truncate(MAX_ALIASES);
    Ok(())
}

fn content(it: &mut Content) {
    it.kind = if id("", &it.kind).is_ok() {
        it.kind.clone()
    } else {
        "unsupported".to_owned()
    };
    it.text = text(&it.text, MAX_TEXT);
    it.extra = object(&it.extra);
    it.attachments.truncate(MAX_ATTACHMENTS);
    for attachment in &mut it.attachments {
        attachment.source = text(&attachment.source, MAX_TEXT);
        attachment.mime = text(&attachment.mime, MAX_NAME);
        attachment.name = text(&attachment.name, MAX_NAME);
    }
}

/// Without zero bytes, which no text column takes, and cut at a letter's end.
fn text(value: &str, max: usize) -> String {
    let mut clean = if value.contains('\0') {
        value.replace('\0', "")
    } else {
        value.to_owned()
    };
    clean.truncate(clean.floor_char_boundary(max));
    clean
}

/// A JSON object as text; what is not one is kept beside, as text, so that nothing is lost.
fn object(value: &str) -> String {
    let value = value.trim();
    if value.is_empty() || value == "{}" {
        return "{}".to_owned();
    }
    match serde_json::from_str::<Value>(value) {
        Ok(Value::Object(_)) if value.len() <= MAX_TEXT => value.to_owned(),
        _ => serde_json::json!({"invalid": text(value, 1024)}).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_beyond_their_bounds_are_refused_and_texts_are_cut() {
        let read = |thread: String| Inbox::Read {
            event_key: "k".into(),
            thread,
            until: 1,
        };
        assert_eq!(bounded(&read(String::new())), Err("thread is empty".into()));
        assert_eq!(
            bounded(&read("a\0".into())),
            Err("thread holds a zero byte".into())
        );
        assert!(bounded(&read("x".repeat(513))).unwrap_err().contains("512"));
        assert_eq!(text("aé\0", 2), "a");
        assert_eq!(text("a\0b", 9), "ab");
    }

    #[test]
    fn extra_that_is_no_object_is_kept_as_text() {
        assert_eq!(object(""), "{}");
        assert_eq!(object("{\"a\":1}"), "{\"a\":1}");
        assert_eq!(object("[1]"), "{\"invalid\":\"[1]\"}");
        assert_eq!(object("{"), "{\"invalid\":\"{\"}");
    }
}
