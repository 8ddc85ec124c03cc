//! One message: the call of `inbox` that it becomes. Keys name the provider's event, so that repetitions fall on each other and nothing else
//! does.

use super::{content, person};
use balcao_plugin::connector::{Event, Inbound, Person};
use balcao_plugin::lenient::{self, Field};
use balcao_plugin::{Instant, json};
use serde_json::{Map, Value as Json};

pub(super) struct Message<'a> {
    pub of: Field<'a>,
    pub kind: &'a str,
    pub id: String,
    pub thread: String,
    pub sender: Person,
    pub outgoing: bool,
    pub at: Instant,
}

impl Message<'_> {
    /// The event, and whether the message is not as documented. `errors`: those beside it, which say why it came without its object.
    pub fn read(self, errors: Field) -> (Event, bool) {
        let event = match self.kind {
            "reaction" => self.reaction(),
            "edit" => self.edit(),
            "revoke" => self.revoke(),
            "system" => self.system(),
            "request_welcome" => Some(self.note(
                "opened",
                "O cliente abriu a conversa e ainda não escreveu.".into(),
                &Json::Null,
            )),
            "interactive" => self.call_permission(),
            _ => None,
        };
        if let Some(event) = event {
            return (event, false);
        }
        let (content, odd) = content::of(self.of, errors);
        let event = Event::Message {
            key: format!("m:{}", self.id),
            message: Inbound {
                reply_to: self.of.get("context").get("id").given(),
                extra: origin(self.of),
                external_id: self.id,
                thread: self.thread,
                sender: self.sender,
                outgoing: self.outgoing,
                at: self.at,
                content,
            },
        };
        (event, odd)
    }

    fn reaction(&self) -> Option<Event> {
        let reaction = self.of.get("reaction").object()?;
        Some(Event::Reaction {
            key: format!("r:{}", self.id),
            message: reaction.get("message_id").given()?,
            sender: self.sender.clone(),
            emoji: reaction.get("emoji").text(),
            at: self.at,
        })
    }

    fn edit(&self) -> Option<Event> {
        let edit = self.of.get("edit").object()?;
        Some(Event::Edit {
            key: format!("e:{}", self.id),
            message: edit.get("original_message_id").given()?,
            content: content::of(edit.get("message").object()?, Field::default()).0,
            at: self.at,
        })
    }

    fn revoke(&self) -> Option<Event> {
        Some(Event::Revoke {
            key: format!("d:{}", self.id),
            message: self.of.get("revoke").get("original_message_id").given()?,
            at: self.at,
        })
    }

    fn system(&self) -> Option<Event> {
        let system = self.of.get("system").object()?;
        let kind = system.get("type").text();
        let phone = self.of.get("from").given();
        if let Some(now) = new_identity(&kind, system, phone.clone(), &self.sender) {
            let old = phone.or_else(|| system.get("previous_user_id").given());
            return Some(Event::Identity {
                key: format!("i:{}", self.id),
                old: old.unwrap_or_else(|| self.sender.external_id.clone()),
                now,
            });
        }
        let (code, text) = match kind.as_str() {
            "customer_identity_changed" | "user_identity_changed" => (
                "identity-changed",
                "O código de segurança do cliente mudou.".to_owned(),
            ),
            _ => ("system", system.get("body").text()),
        };
        Some(self.note(code, text, &json::json!({ "type": kind })))
    }

    fn call_permission(&self) -> Option<Event> {
        let permission = self.of.get("interactive").get("call_permission_reply");
        let response = permission.object()?.get("response").text();
        let text = match response.as_str() {
            "accept" => "O cliente permitiu receber ligações.",
            _ => "O cliente não permitiu receber ligações.",
        };
        let extra = json::json!({ "response": response });
        Some(self.note("call-permission", text.into(), &extra))
    }

    fn note(&self, code: &str, text: String, extra: &Json) -> Event {
        Event::Note {
            key: format!("n:{}", self.id),
            thread: Some(self.thread.clone()),
            code: code.into(),
            text,
            extra: lenient::extra(extra),
        }
    }
}

/// Who the sender is from now on, where the notice says that their number or id changed. Of a changed id `from`, a phone, is told no more; were
/// it, it would still name them.
fn new_identity(
    kind: &str,
    system: Field,
    from: Option<String>,
    sender: &Person,
) -> Option<Person> {
    match kind {
        "user_changed_number" | "customer_changed_number" | "user_changed_user_id" => {}
        _ => return None,
    }
    let phone = system.get("wa_id").given();
    let phone = phone.or_else(|| system.get("new_wa_id").given());
    let phone = phone.or_else(|| from.filter(|_| kind == "user_changed_user_id"));
    let user_id = system.get("user_id").given();
    let name = Some(sender.name.clone());
    let now = person::named(phone, user_id, name, None);
    Some(now).filter(|now| !now.external_id.is_empty())
}

/// Where a message came from, beside its content: an advertisement, a product, another conversation.
fn origin(message: Field) -> String {
    let mut extra = Map::new();
    let context = message.get("context");
    if context.get("forwarded").flag() || context.get("frequently_forwarded").flag() {
        extra.insert("forwarded".into(), Json::Bool(true));
    }
    let referral = message.get("referral").value();
    if let Some(referral) = referral.or_else(|| context.get("referred_product").value()) {
        extra.insert("referral".into(), referral.clone());
    }
    lenient::extra(&extra.into())
}
