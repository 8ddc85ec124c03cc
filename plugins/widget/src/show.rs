//! Messages as the script shows them, live and from the history. No imports but for links, which the caller makes.

use balcao_plugin::{Attachment, Content, Failure, Instant, json, messages::Message};
use serde::Deserialize;
use serde_json::{Value, json};

/// What the host says beside a message.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Beside {
    external_id: Option<String>,
    reply_to: Option<String>,
    edited: bool,
    revoked: bool,
    author_name: Option<String>,
    reactions: Vec<Reaction>,
}

#[derive(Debug, Deserialize)]
struct Reaction {
    emoji: String,
    by: String,
}

fn beside(message: &Message) -> Beside {
    match message.extra.as_str() {
        "" => Beside::default(),
        text => json::parse(text).unwrap_or_default(),
    }
}

/// The channel's id of a message; none until it has been sent.
pub fn external_of(message: &Message) -> Option<String> {
    beside(message).external_id
}

/// The channel's id of a message: within its visitor's, so that nobody can name another's.
pub fn external(visitor: &str, id: &str) -> String {
    format!("{visitor}/{id}")
}

/// The script's id of a message.
pub fn short<'a>(visitor: &str, external: &'a str) -> &'a str {
    external
        .strip_prefix(visitor)
        .and_then(|rest| rest.strip_prefix('/'))
        .unwrap_or(external)
}

/// What a message says, with links to its files.
///
/// # Errors
/// What `link` refuses.
pub fn content(
    content: &Content,
    link: impl Fn(&Attachment) -> Result<Option<String>, Failure>,
) -> Result<Value, Failure> {
    let mut files = Vec::new();
    for file in &content.attachments {
        files.push(
            json!({"url": link(file)?, "mime": file.mime, "name": file.name, "size": file.size}),
        );
    }
    let extra: Value = json::parse(&content.extra).unwrap_or(Value::Null);
    let mut shown = json!({"kind": content.kind, "text": content.text});
    if !files.is_empty() {
        shown["files"] = Value::Array(files);
    }
    for name in [
        "buttons",
        "list",
        "latitude",
        "longitude",
        "name",
        "address",
        "contacts",
    ] {
        if !extra[name].is_null() {
            shown[name] = extra[name].clone();
        }
    }
    Ok(shown)
}

/// The millisecond, as scripts count.
pub fn millis(at: Instant) -> i64 {
    at / 1_000
}

/// A message of the history; none where it is not for the visitor (yet). `read`: until when the agents have read what the visitor wrote.
///
/// # Errors
/// What `link` refuses.
pub fn message(
    visitor: &str,
    message: &Message,
    (names, read): (bool, Option<Instant>),
    link: impl Fn(&Attachment) -> Result<Option<String>, Failure>,
) -> Result<Option<Value>, Failure> {
    if message.private || matches!(message.state.as_str(), "queued" | "failed") {
        return Ok(None);
    }
    let beside = beside(message);
    let mine = message.author == "contact";
    let id = match (&beside.external_id, mine) {
        (Some(external), _) => short(visitor, external).to_owned(),
        (None, _) => message.id.clone(),
    };
    let mut shown = match beside.revoked {
        true => json!({"kind": "revoked", "text": ""}),
        false => content(&message.content, link)?,
    };
    shown["id"] = id.into();
    shown["at"] = millis(message.at).into();
    shown["mine"] = mine.into();
    if mine {
        let seen = read.is_some_and(|read| message.at <= read);
        shown["state"] = if seen { "read" } else { "sent" }.into();
    }
    if beside.edited && !beside.revoked {
        shown["edited"] = true.into();
    }
    if !beside.reactions.is_empty() && !beside.revoked {
        let all = beside.reactions.iter();
        let all = all.map(|it| json!({"emoji": it.emoji, "mine": it.by == "contact"}));
        shown["reactions"] = all.collect();
    }
    if let Some(answered) = &beside.reply_to {
        shown["reply_to"] = short(visitor, answered).into();
    }
    if let Some(name) = beside.author_name.filter(|_| names && !mine) {
        shown["author"] = name.into();
    }
    Ok(Some(shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_within_its_own_visitor_only() {
        assert_eq!(short("vis_1", &external("vis_1", "c-1")), "c-1");
        assert_eq!(short("vis_1", "vis_12/c-1"), "vis_12/c-1");
        assert_eq!(short("vis_1", "msg_1"), "msg_1");
    }
}
