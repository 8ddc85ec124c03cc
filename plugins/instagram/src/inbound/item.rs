//! One messaging event: whose it is, about which message, and the call of `inbox` that it becomes. Keys name the provider's event, so
//! that repetitions fall on each other and nothing else does.

use super::content;
use balcao_plugin::connector::{Event, Inbound, Person, Remark};
use balcao_plugin::lenient::{self, Field};
use balcao_plugin::{Content, Instant, json};
use serde_json::{Map, Value};

/// Who changed the conversation between the account's apps, and how that is told.
const HANDOVER: [(&str, &str); 3] = [
    (
        "pass_thread_control",
        "O controle da conversa passou de um aplicativo da conta para outro.",
    ),
    (
        "take_thread_control",
        "Outro aplicativo da conta tomou o controle da conversa.",
    ),
    (
        "request_thread_control",
        "Outro aplicativo da conta pediu o controle da conversa.",
    ),
];

pub(super) struct Item<'a> {
    pub event: Field<'a>,
    /// The account's own id.
    pub business: &'a str,
    pub sender: String,
    pub recipient: String,
    pub at: Instant,
}

/// What an event came to: a call of `inbox`, or why there is none.
type Read = Result<Event, Remark>;

impl Item<'_> {
    /// None where the event is of no kind that is known here.
    pub fn read(&self) -> Option<Read> {
        let part = |name: &str| self.event.get(name).object();
        if let Some(message) = part("message") {
            return Some(self.message(message));
        }
        if let Some(edit) = part("message_edit") {
            return Some(self.edit(edit));
        }
        if let Some(reaction) = part("reaction") {
            return Some(self.reaction(reaction));
        }
        if let Some(postback) = part("postback") {
            return Some(self.postback(postback));
        }
        if let Some(read) = part("read") {
            return Some(self.seen(read));
        }
        if let Some(referral) = part("referral") {
            let extra = json::json!({ "referral": referral.value() });
            return Some(self.note(
                "referral",
                "O cliente abriu a conversa por um link da conta.",
                &extra,
            ));
        }
        if let Some(optin) = part("optin") {
            // Its token would let anybody who reads it write to the person: not kept.
            let extra = json::json!({ "type": optin.get("type").text(), "title": optin.get("title").text() });
            return Some(self.note(
                "opt-in",
                "O cliente respondeu a um pedido para receber mensagens.",
                &extra,
            ));
        }
        let (kind, text) = HANDOVER
            .into_iter()
            .find(|(kind, _)| part(kind).is_some())?;
        let app = |name: &str| self.event.get(kind).get(name).text();
        let extra = json::json!({
            "event": kind,
            "previous_owner_app_id": app("previous_owner_app_id"),
            "new_owner_app_id": app("new_owner_app_id"),
            "requested_owner_app_id": app("requested_owner_app_id"),
        });
        Some(self.note("thread-control", text, &extra))
    }

    /// Whether the business wrote it, here or elsewhere. What it writes to itself counts as written to it.
    fn outgoing(&self, message: Field) -> bool {
        let own = !self.business.is_empty() && self.sender == self.business;
        message.get("is_echo").flag() || own && !message.get("is_self").flag()
    }

    fn contact(&self, outgoing: bool) -> Result<String, Remark> {
        let contact = if outgoing {
            &self.recipient
        } else {
            &self.sender
        };
        if contact.is_empty() {
            return Err(Remark::Odd(
                "An event that names nobody who wrote it".into(),
            ));
        }
        Ok(contact.clone())
    }

    fn message(&self, message: Field) -> Read {
        let id = id(message)?;
        if message.get("is_deleted").flag() {
            return Ok(Event::Revoke {
                key: format!("d:{id}"),
                message: id,
                at: self.at,
            });
        }
        let outgoing = self.outgoing(message);
        let thread = self.contact(outgoing)?;
        let sender = match (outgoing, self.sender.as_str()) {
            (true, "") => self.business,
            (_, sender) => sender,
        };
        Ok(Event::Message {
            key: format!("m:{id}"),
            message: Inbound {
                sender: person(sender),
                thread,
                outgoing,
                at: self.at,
                content: content::of(message, &id, self.at),
                reply_to: message.get("reply_to").get("mid").given(),
                extra: content::origin(message),
                external_id: id,
            },
        })
    }

    /// A choice of an ice breaker, a menu or a template's button. Old subscriptions do not name the message that the choice is.
    fn postback(&self, postback: Field) -> Read {
        let thread = self.contact(false)?;
        let id = postback
            .get("mid")
            .given()
            .unwrap_or_else(|| format!("p:{thread}:{}", self.event.get("timestamp").text()));
        let mut extra = Map::new();
        if let Some(referral) = postback.get("referral").value() {
            extra.insert("referral".into(), referral.clone());
        }
        Ok(Event::Message {
            key: format!("m:{id}"),
            message: Inbound {
                sender: person(&thread),
                thread,
                outgoing: false,
                at: self.at,
                content: content::choice(postback.get("payload"), postback.get("title")),
                reply_to: None,
                extra: lenient::extra(&extra.into()),
                external_id: id,
            },
        })
    }

    fn edit(&self, edit: Field) -> Read {
        let id = id(edit)?;
        let count = edit.get("num_edit").text();
        let Some(text) = edit.get("text").given().filter(|_| count != "0") else {
            return Err(Remark::Ignored(
                "An edit that does not say what the message is now".into(),
            ));
        };
        let which = match count.as_str() {
            "" => self.event.get("timestamp").text(),
            _ => count,
        };
        Ok(Event::Edit {
            key: format!("e:{id}:{which}"),
            message: id,
            content: Content {
                kind: "text".into(),
                text,
                attachments: Vec::new(),
                extra: String::new(),
            },
            at: self.at,
        })
    }

    fn reaction(&self, reaction: Field) -> Read {
        let id = id(reaction)?;
        if self.sender.is_empty() {
            return Err(Remark::Odd("A reaction of nobody".into()));
        }
        let emoji = match reaction.get("action").text().as_str() {
            "unreact" => String::new(),
            _ => emoji(reaction)?,
        };
        let action = if emoji.is_empty() { "unreact" } else { "react" };
        let when = self.event.get("timestamp").text();
        Ok(Event::Reaction {
            key: format!("r:{id}:{}:{when}:{action}", self.sender),
            message: id,
            sender: person(&self.sender),
            emoji,
            at: self.at,
        })
    }

    fn seen(&self, read: Field) -> Read {
        let id = id(read)?;
        Ok(Event::Delivery {
            key: format!("s:{id}:read"),
            message: id,
            state: "read",
            at: self.at,
            reason: String::new(),
            extra: String::new(),
        })
    }

    fn note(&self, code: &str, text: &str, extra: &Value) -> Read {
        let thread = self.contact(self.sender == self.business)?;
        let when = self.event.get("timestamp").text();
        Ok(Event::Note {
            key: format!("n:{code}:{thread}:{when}"),
            thread: Some(thread),
            code: code.into(),
            text: text.into(),
            extra: lenient::extra(extra),
        })
    }
}

fn id(part: Field) -> Result<String, Remark> {
    let missing = || Remark::Odd("An event without the id of its message".into());
    part.get("mid").given().ok_or_else(missing)
}

/// The provider names reactions, and beside it gives an emoji; without both the reaction is taken back.
fn emoji(reaction: Field) -> Result<String, Remark> {
    if let Some(emoji) = reaction.get("emoji").given() {
        return Ok(emoji);
    }
    Ok(match reaction.get("reaction").text().as_str() {
        "" => "",
        "love" => "❤️",
        "like" => "👍",
        "laugh" => "😆",
        "wow" => "😮",
        "sad" => "😢",
        "angry" => "😠",
        _ => {
            return Err(Remark::Ignored(
                "A reaction that is named but not shown".into(),
            ));
        }
    }
    .into())
}

/// Somebody of whom the webhook tells only the id.
fn person(id: &str) -> Person {
    Person {
        external_id: id.to_owned(),
        aliases: Vec::new(),
        name: String::new(),
        avatar: String::new(),
        extra: String::new(),
    }
}
