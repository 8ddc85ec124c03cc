//! What a webhook means: provider's objects in, the events to hand to `inbox` and the lines to log out. Plain data, no imports.
//! Whatever a body holds, this neither panics nor gives up on more than the element that is wrong.

mod content;

use crate::payload::{
    self, Contact, Message, Metadata, Notice, Problem, Status, System, Text, Webhook,
};
use balcao_plugin::{
    Content, Instant,
    inbox::{Inbound, Person},
    json,
};
use serde_json::{Map, Value as Json};

/// One call of `inbox`, with its arguments.
#[derive(Debug, PartialEq)]
pub enum Event {
    Message {
        key: String,
        message: Inbound,
    },
    Delivery {
        key: String,
        message: String,
        state: &'static str,
        at: Instant,
        reason: String,
        extra: String,
    },
    Reaction {
        key: String,
        message: String,
        sender: Person,
        emoji: String,
        at: Instant,
    },
    Edit {
        key: String,
        message: String,
        content: Content,
        at: Instant,
    },
    Revoke {
        key: String,
        message: String,
        at: Instant,
    },
    Identity {
        key: String,
        old: String,
        now: Person,
    },
    Note {
        key: String,
        thread: String,
        code: &'static str,
        text: String,
        extra: String,
    },
}

/// A line for the plugin's log. Names kinds and counts, never what people wrote or who they are.
#[derive(Debug, PartialEq)]
pub enum Remark {
    /// Left out on purpose.
    Ignored(String),
    /// Not as the provider documents it.
    Odd(String),
}

/// What one webhook brought, in its order.
#[derive(Debug, Default, PartialEq)]
pub struct Brought {
    pub events: Vec<Event>,
    pub remarks: Vec<Remark>,
}

/// Reads a webhook's body. `account` limits it to one phone number id; `now` stands in for a time that the provider left out.
pub fn read(body: &[u8], account: Option<&str>, now: impl Fn() -> Instant) -> Brought {
    let mut reader = Reader {
        account,
        now,
        brought: Brought::default(),
    };
    match payload::read(body) {
        Ok(webhook) => reader.webhook(&webhook),
        Err(_) => reader.damaged(body),
    }
    reader.brought
}

struct Reader<'s, N> {
    account: Option<&'s str>,
    now: N,
    brought: Brought,
}

impl<N: Fn() -> Instant> Reader<'_, N> {
    fn ignored(&mut self, why: String) {
        self.brought.remarks.push(Remark::Ignored(why));
    }

    fn odd(&mut self, what: String) {
        self.brought.remarks.push(Remark::Odd(what));
    }

    /// A body that is not wholly as documented: what can be read of it.
    fn damaged(&mut self, body: &[u8]) {
        let body = payload::repaired(body);
        if let Ok(webhook) = payload::read(body.as_bytes()) {
            return self.webhook(&webhook);
        }
        match payload::read_piecewise(&body) {
            Ok((webhook, left_out)) => {
                for what in left_out {
                    self.odd(format!("Left out: {what}"));
                }
                self.webhook(&webhook);
            }
            Err(error) => self.odd(format!(
                "The body is not a webhook: {}",
                payload::place(&error)
            )),
        }
    }

    fn webhook(&mut self, webhook: &Webhook) {
        if webhook.entry.is_empty() {
            self.odd("The body has no entries".into());
        }
        for change in webhook.entry.iter().flat_map(|entry| &entry.changes) {
            let notice = &change.value;
            match change.field.as_str() {
                "messages" | "smb_message_echoes"
                    if self.is_of_another_account(&notice.metadata) =>
                {
                    self.ignored("A change for another phone number id than the channel's".into());
                }
                "messages" => self.notice(notice),
                "smb_message_echoes" => {
                    for message in &notice.message_echoes {
                        self.message(message, notice, true);
                    }
                }
                field => self.ignored(format!(
                    "A change of the field {field:?}, which this channel does not use"
                )),
            }
        }
    }

    fn is_of_another_account(&self, metadata: &Metadata) -> bool {
        match (self.account, metadata.phone_number_id.given()) {
            (Some(ours), Some(theirs)) => ours != theirs,
            _ => false,
        }
    }

    fn notice(&mut self, notice: &Notice) {
        for message in &notice.messages {
            self.message(message, notice, false);
        }
        for status in &notice.statuses {
            self.status(status);
        }
        if notice.messages.is_empty() {
            for problem in &notice.errors {
                self.odd(format!("The provider reports: {}", problem_text(problem)));
            }
        }
    }

    fn message(&mut self, message: &Message, notice: &Notice, outgoing: bool) {
        let kind = message.kind.as_str();
        let Some(id) = message.id.given() else {
            return self.odd(format!("A message of type {kind:?} without an id"));
        };
        let sender = if outgoing {
            business(message)
        } else {
            person(message, &notice.contacts)
        };
        let thread = thread(message, &sender, outgoing);
        if sender.external_id.is_empty() || thread.is_empty() {
            return self.odd(format!("A message of type {kind:?} without a sender"));
        }
        let at = self.time(&message.timestamp);
        let event = match kind {
            _ if message.odd.is_some() => None,
            "reaction" => reaction(message, id, &sender, at),
            "edit" => edit(message, id, at),
            "revoke" => revoke(message, id, at),
            "system" => system(message, id, &sender, &thread),
            "request_welcome" => Some(welcome(id, &thread)),
            "interactive" => call_permission(message, id, &thread),
            _ => None,
        };
        let event = event.unwrap_or_else(|| Event::Message {
            key: format!("m:{id}"),
            message: Inbound {
                external_id: id.to_owned(),
                thread,
                sender,
                outgoing,
                at,
                content: content::of(message, &notice.errors),
                reply_to: message
                    .context
                    .as_ref()
                    .and_then(|c| c.id.given())
                    .map(str::to_owned),
                extra: origin(message),
            },
        });
        if let Some(odd) = &message.odd {
            self.odd(format!(
                "A message of type {kind:?} was kept as unsupported: {odd}"
            ));
        }
        self.brought.events.push(event);
    }

    fn status(&mut self, status: &Status) {
        let Some(id) = status.id.given() else {
            return self.odd("A status without a message id".into());
        };
        let name = status.status.as_str();
        let at = self.time(&status.timestamp);
        let participant = match status.recipient_participant_id.given() {
            Some(participant) => format!(":{participant}"),
            None => String::new(),
        };
        let key = format!("s:{id}:{name}{participant}");
        let message = id.to_owned();
        let state = match name {
            "sent" => "sent",
            "delivered" => "delivered",
            // A voice message that was listened to.
            "read" | "played" => "read",
            "failed" => "failed",
            "deleted" => return self.brought.events.push(Event::Revoke { key, message, at }),
            _ => {
                return self.ignored(format!(
                    "A status {name:?}, which this channel does not use"
                ));
            }
        };
        self.brought.events.push(Event::Delivery {
            key,
            message,
            state,
            at,
            reason: status.errors.first().map(problem_text).unwrap_or_default(),
            extra: status_extra(status),
        });
    }

    /// The provider counts seconds.
    fn time(&self, seconds: &Text) -> Instant {
        seconds
            .as_str()
            .parse::<i64>()
            .ok()
            .filter(|seconds| *seconds > 0)
            .and_then(|seconds| seconds.checked_mul(1_000_000))
            .unwrap_or_else(|| (self.now)())
    }
}

/// Who wrote, with what the provider says of them beside the message.
fn person(message: &Message, contacts: &[Contact]) -> Person {
    let is_sender = |contact: &&Contact| {
        same(&contact.wa_id, &message.from) || same(&contact.user_id, &message.from_user_id)
    };
    // Only an introduction that cannot be of anybody else may lack the ids.
    let only = || contacts.first().filter(|_| contacts.len() == 1);
    let contact = contacts.iter().find(is_sender).or_else(only);
    let user_id = message
        .from_user_id
        .given()
        .or_else(|| contact.and_then(|contact| contact.user_id.given()));
    let phone = message
        .from
        .given()
        .or_else(|| contact.and_then(|contact| contact.wa_id.given()));
    named(
        phone,
        user_id,
        contact.map(|contact| contact.profile.name.as_str()),
        contact.and_then(|contact| contact.profile.username.given()),
    )
}

fn same(one: &Text, other: &Text) -> bool {
    !one.is_empty() && one.as_str() == other.as_str()
}

/// A person by phone where there is one, else by the provider's own id of them.
fn named(
    phone: Option<&str>,
    user_id: Option<&str>,
    name: Option<&str>,
    username: Option<&str>,
) -> Person {
    let mut aliases = Vec::new();
    if let Some(phone) = phone.filter(|phone| is_digits(phone)) {
        aliases.push(("phone".into(), format!("+{phone}")));
    }
    if let Some(user_id) = user_id {
        aliases.push(("bsuid".into(), user_id.to_owned()));
    }
    if let Some(username) = username {
        aliases.push(("username".into(), username.to_owned()));
    }
    Person {
        external_id: phone.or(user_id).unwrap_or_default().to_owned(),
        aliases,
        name: name.unwrap_or_default().to_owned(),
        avatar: String::new(),
        extra: String::new(),
    }
}

fn business(message: &Message) -> Person {
    named(message.from.given(), None, None, None)
}

pub(crate) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A group's messages share its thread; others are in the thread of the person, also when the business wrote them elsewhere.
fn thread(message: &Message, sender: &Person, outgoing: bool) -> String {
    match (message.group_id.given(), outgoing) {
        (Some(group), _) => group.to_owned(),
        (None, true) => message
            .to
            .given()
            .or(message.to_user_id.given())
            .unwrap_or_default()
            .to_owned(),
        (None, false) => sender.external_id.clone(),
    }
}

fn reaction(message: &Message, id: &str, sender: &Person, at: Instant) -> Option<Event> {
    let reaction = message.reaction.as_ref()?;
    Some(Event::Reaction {
        key: format!("r:{id}"),
        message: reaction.message_id.given()?.to_owned(),
        sender: sender.clone(),
        emoji: (&reaction.emoji).into(),
        at,
    })
}

fn edit(message: &Message, id: &str, at: Instant) -> Option<Event> {
    let edit = message.edit.as_ref()?;
    Some(Event::Edit {
        key: format!("e:{id}"),
        message: edit.original_message_id.given()?.to_owned(),
        content: content::of_edit(edit.message.as_ref()?)?,
        at,
    })
}

fn revoke(message: &Message, id: &str, at: Instant) -> Option<Event> {
    let original = message.revoke.as_ref()?.original_message_id.given()?;
    Some(Event::Revoke {
        key: format!("d:{id}"),
        message: original.to_owned(),
        at,
    })
}

fn system(message: &Message, id: &str, sender: &Person, thread: &str) -> Option<Event> {
    let system = message.system.as_ref()?;
    if let Some(now) = new_identity(system, sender) {
        return Some(Event::Identity {
            key: format!("i:{id}"),
            old: sender.external_id.clone(),
            now,
        });
    }
    let (code, text) = match system.kind.as_str() {
        "customer_identity_changed" => (
            "identity-changed",
            "O código de segurança do cliente mudou.".to_owned(),
        ),
        _ => ("system", (&system.body).into()),
    };
    Some(Event::Note {
        key: format!("n:{id}"),
        thread: thread.to_owned(),
        code,
        text,
        extra: json::text(&json::json!({ "type": system.kind.as_str() })),
    })
}

/// Who the sender is from now on, where the notice says that they changed their number.
fn new_identity(system: &System, sender: &Person) -> Option<Person> {
    let changed = [
        "user_changed_number",
        "customer_changed_number",
        "user_changed_user_id",
    ];
    if !changed.contains(&system.kind.as_str()) {
        return None;
    }
    let phone = system.wa_id.given().or(system.new_wa_id.given());
    let now = named(phone, system.user_id.given(), Some(&sender.name), None);
    Some(now).filter(|now| !now.external_id.is_empty())
}

fn welcome(id: &str, thread: &str) -> Event {
    Event::Note {
        key: format!("n:{id}"),
        thread: thread.to_owned(),
        code: "opened",
        text: "O cliente abriu a conversa e ainda não escreveu.".into(),
        extra: String::new(),
    }
}

fn call_permission(message: &Message, id: &str, thread: &str) -> Option<Event> {
    let permission = message
        .interactive
        .as_ref()?
        .call_permission_reply
        .as_ref()?;
    let response = permission.response.as_str();
    let text = match response {
        "accept" => "O cliente permitiu receber ligações.",
        _ => "O cliente não permitiu receber ligações.",
    };
    Some(Event::Note {
        key: format!("n:{id}"),
        thread: thread.to_owned(),
        code: "call-permission",
        text: text.into(),
        extra: json::text(&json::json!({ "response": response })),
    })
}

/// Where a message came from, beside its content: an advertisement, a product, another conversation.
fn origin(message: &Message) -> String {
    let mut extra = Map::new();
    let context = message.context.as_ref();
    if context.is_some_and(|context| context.forwarded || context.frequently_forwarded) {
        extra.insert("forwarded".into(), Json::Bool(true));
    }
    let product = context.and_then(|context| context.referred_product.as_ref());
    if let Some(referral) = message.referral.as_ref().or(product) {
        extra.insert("referral".into(), referral.clone());
    }
    if extra.is_empty() {
        return String::new();
    }
    json::text(&extra)
}

fn status_extra(status: &Status) -> String {
    let mut extra = Map::new();
    for (name, value) in [
        ("pricing", &status.pricing),
        ("conversation", &status.conversation),
    ] {
        if let Some(value) = value {
            extra.insert(name.into(), value.clone());
        }
    }
    if let Some(problem) = status
        .errors
        .first()
        .and_then(|problem| problem.code.given())
    {
        extra.insert("code".into(), problem.into());
    }
    if extra.is_empty() {
        return String::new();
    }
    json::text(&extra)
}

/// The provider's code and its most exact words.
pub(crate) fn problem_text(problem: &Problem) -> String {
    let words = problem
        .error_data
        .details
        .given()
        .or(problem.message.given())
        .or(problem.title.given())
        .unwrap_or("sem descrição");
    match problem.code.given() {
        Some(code) => format!("{code}: {words}"),
        None => words.to_owned(),
    }
}

#[cfg(test)]
mod tests;
