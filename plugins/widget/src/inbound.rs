//! What a visitor's request brings, as the plain data of any connector's webhook: so that it is tested, fuzzed and measured natively. Who the visitor is,
//! and whether what they tell of is there, has been found out elsewhere. No imports.

use std::collections::BTreeMap;

use balcao_plugin::connector::{Event, Inbound, Person};
use balcao_plugin::{Content, Instant, json};
use serde_json::json;

use crate::ask::{self, Change, Claims, Page, Said, Told};
use crate::show;

const NO_ID: &str = "id: 8 to 64 letters, digits, - and _";

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Visitor<'a> {
    /// The host's id of them.
    pub id: &'a str,
    /// As their site has signed it.
    pub user: Option<&'a Claims>,
    /// As they said it; may be empty.
    pub name: &'a str,
}

/// `POST /message`: a message for each content, the first of which has the script's id, so that it is found again whatever goes with it.
/// `pages`: the page may be shown.
///
/// # Errors
/// What is wrong with it.
pub fn message(
    visitor: Visitor,
    said: &Said,
    pages: bool,
    at: Instant,
) -> Result<Vec<Inbound>, String> {
    if !ask::is_id(&said.id) {
        return Err(NO_ID.to_owned());
    }
    if said.reply_to.as_ref().is_some_and(|id| !ask::is_id(id)) {
        return Err("reply_to: of a message".to_owned());
    }
    let page = said.page.as_ref().filter(|_| pages).and_then(ask::page);
    let extra = page.map_or_else(String::new, |page| json::text(&page.extra()));
    let external = |id: &str| show::external(visitor.id, id);
    let sender = person(visitor);
    let contents = ask::contents(said)?.into_iter().enumerate();
    let message = |(number, content)| Inbound {
        external_id: match number {
            0 => external(&said.id),
            _ => external(&format!("{}-{number}", said.id)),
        },
        thread: visitor.id.to_owned(),
        sender: sender.clone(),
        outgoing: false,
        at,
        content,
        reply_to: said.reply_to.as_deref().map(external),
        extra: extra.clone(),
    };
    Ok(contents.map(message).collect())
}

/// What a message is recognised by.
pub fn key(message: &Inbound) -> String {
    format!("m:{}", message.external_id)
}

/// The line that shows the agent what was answered before the chat; none where nothing was.
pub fn form(visitor: &str, answers: &BTreeMap<&str, String>) -> Option<Event> {
    if answers.is_empty() {
        return None;
    }
    let lines: Vec<String> = answers
        .iter()
        .map(|(name, answer)| format!("{}: {answer}", called(name)))
        .collect();
    Some(Event::Note {
        key: format!("f:{visitor}"),
        thread: Some(visitor.to_owned()),
        code: "form".to_owned(),
        text: lines.join(" · "),
        extra: json!({ "form": answers }).to_string(),
    })
}

/// `POST /delivered`, `POST /read`: the visitor's window shows a message, or it has been looked at.
pub fn seen(visitor: &str, id: &str, state: &'static str, at: Instant) -> Event {
    let message = show::external(visitor, id);
    Event::Delivery {
        key: format!("{state}:{message}"),
        message,
        state,
        at,
        reason: String::new(),
        extra: String::new(),
    }
}

/// `POST /reaction`.
///
/// # Errors
/// What is wrong with it.
pub fn reaction(visitor: Visitor, change: &Change, at: Instant) -> Result<Event, String> {
    change.check()?;
    if !ask::is_emoji(&change.emoji) {
        return Err("emoji: one, or none".to_owned());
    }
    Ok(Event::Reaction {
        key: format!("r:{}/{}", visitor.id, change.id),
        message: show::external(visitor.id, &change.message),
        sender: person(visitor),
        emoji: change.emoji.clone(),
        at,
    })
}

/// `POST /edit`, when it has been checked; `now`: what the message says.
pub fn edit(visitor: &str, change: &Change, now: Content, at: Instant) -> Event {
    Event::Edit {
        key: format!("e:{visitor}/{}", change.id),
        message: show::external(visitor, &change.message),
        content: now,
        at,
    }
}

/// `POST /revoke`.
///
/// # Errors
/// What is wrong with it.
pub fn revoke(visitor: &str, change: &Change, at: Instant) -> Result<Event, String> {
    change.check()?;
    let message = show::external(visitor, &change.message);
    Ok(Event::Revoke {
        key: format!("x:{message}"),
        message,
        at,
    })
}

/// `POST /page`.
///
/// # Errors
/// What is wrong with it.
pub fn page(visitor: &str, told: &Told) -> Result<Event, String> {
    if !ask::is_id(&told.id) {
        return Err(NO_ID.to_owned());
    }
    let page: Page = ask::page(&told.page).ok_or("page: an http address")?;
    Ok(Event::Note {
        key: format!("p:{visitor}/{}", told.id),
        thread: Some(visitor.to_owned()),
        code: "page".to_owned(),
        text: format!("Página: {}", page.line()),
        extra: json::text(&page.extra()),
    })
}

fn called(name: &str) -> &str {
    match name {
        "name" => "Nome",
        "email" => "E-mail",
        "phone" => "Telefone",
        other => other,
    }
}

/// What a visitor says of themselves is only a name to show; what would match them with a contact, their site has to sign.
fn person(visitor: Visitor) -> Person {
    let said = visitor.name.to_owned();
    let (name, aliases, extra) = match visitor.user {
        None => (said, Vec::new(), String::new()),
        Some(user) => {
            let all = [
                ("user", &user.id),
                ("email", &user.email),
                ("phone", &user.phone),
            ];
            let aliases = all.into_iter().filter(|(_, value)| !value.is_empty());
            let name = if user.name.is_empty() {
                said
            } else {
                user.name.clone()
            };
            let aliases = aliases.map(|(kind, value)| (kind.to_owned(), value.clone()));
            (name, aliases.collect(), json!({"signed": true}).to_string())
        }
    };
    Person {
        external_id: visitor.id.to_owned(),
        aliases,
        name: if name.is_empty() {
            stand_in(visitor.id)
        } else {
            name
        },
        avatar: String::new(),
        extra,
    }
}

/// Somebody without a name is told from others by the end of their id.
fn stand_in(visitor: &str) -> String {
    let at = visitor.len().saturating_sub(4);
    format!("Visitante {}", visitor.get(at..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_id_of_a_message_is_refused_with_the_reason() {
        let visitor = Visitor {
            id: "vis_1",
            user: None,
            name: "",
        };
        let said = |reply_to: &str| Said {
            id: "c-00000001".into(),
            text: "Oi".into(),
            reply_to: Some(reply_to.into()),
            ..Said::default()
        };
        let answers = |reply_to| message(visitor, &said(reply_to), false, 0);
        let made = answers("msg_0007").unwrap();
        assert_eq!(made[0].reply_to.as_deref(), Some("vis_1/msg_0007"));
        for wrong in ["", "a\0bcdefgh", "vis_2/msg_0007", &"x".repeat(201)] {
            assert_eq!(answers(wrong), Err("reply_to: of a message".to_owned()));
        }
    }
}
