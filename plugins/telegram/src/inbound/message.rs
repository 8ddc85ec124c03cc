//! What surrounds a content: chat, thread, sender, what it answers, where it came from.

use super::people;
use crate::address::{MessageRef, Part, Thread, is_id};
use balcao_plugin::connector::{Inbound, Person};
use balcao_plugin::lenient::{Field, cut};
use balcao_plugin::{Content, Instant, json};
use serde_json::{Map, Value as Json};

/// Where something is: the chat and the message in it.
pub(super) struct Scene {
    /// `private`, `group`, `supergroup` or `channel`.
    pub kind: String,
    pub thread: Thread,
    /// Of the message.
    pub external_id: String,
    chat: Option<Person>,
}

impl Scene {
    /// Of a message, or of something else that names a chat and a message in it.
    pub fn of(message: Field) -> Result<Self, String> {
        let chat = message
            .get("chat")
            .object()
            .ok_or("A message without a chat")?;
        let id = chat.get("id").number().ok_or("A message without a chat")?;
        let part = part(message, chat)?;
        let thread = Thread { chat: id, part };
        Ok(Self {
            kind: chat.get("type").text(),
            external_id: external_id(message, &thread).ok_or("A message without a number")?,
            chat: people::chat(chat),
            thread,
        })
    }

    /// A message with that content.
    pub fn inbound(self, message: Field, content: Content, at: Instant) -> Inbound {
        let outgoing = self.is_outgoing(message);
        let sender = self.sender(message, outgoing);
        Inbound {
            thread: self.thread.to_string(),
            sender,
            outgoing,
            at,
            content,
            reply_to: self.answered(message),
            extra: self.origin(message),
            external_id: self.external_id,
        }
    }

    /// What is known beside what was said, and in a group, with which the conversation is, who of it said it.
    pub fn origin(&self, message: Field) -> String {
        let mut extra = origin(message);
        if let Some(author) = self.author(message) {
            extra.insert("author".into(), author.into());
        }
        written(extra)
    }

    fn author(&self, message: Field) -> Option<String> {
        if !self.is_group() {
            return None;
        }
        let speaking = message.get("sender_chat").object();
        let person = match speaking {
            // An administrator who writes as the group.
            Some(chat) if chat.get("id").number() == Some(self.thread.chat) => None,
            Some(chat) => people::chat(chat),
            None => people::user(message.get("from").object()?),
        };
        person
            .map(|person| person.name)
            .filter(|name| !name.is_empty())
    }

    fn is_group(&self) -> bool {
        matches!(self.kind.as_str(), "group" | "supergroup") && !self.thread.is_with_one()
    }

    /// Who pressed a button: in a group, the group.
    pub fn pressed_by(&self, mut user: Person) -> (Person, String) {
        if let (true, Some(chat)) = (self.is_group(), &self.chat) {
            let mut extra = Map::new();
            extra.insert("author".into(), user.name.into());
            return (chat.clone(), written(extra));
        }
        if self.thread.is_with_one() {
            user.external_id = self.thread.to_string();
        }
        (user, String::new())
    }

    /// Who is answered: in a group the group; in a thread with one person whom only the thread names, that person, by the thread, also for what the
    /// business wrote there itself.
    fn sender(&self, message: Field, outgoing: bool) -> Person {
        let topic = message.get("direct_messages_topic").object();
        let customer = topic.and_then(|topic| topic.get("user").object());
        let user = message
            .get("from")
            .object()
            .and_then(|user| people::user(user));
        let speaking = message.get("sender_chat").object();
        let speaking = speaking.and_then(|chat| people::chat(chat));
        let person = match &self.thread.part {
            Part::Business(_) if outgoing => self.chat.clone(),
            Part::Direct(_) if outgoing => customer.and_then(|user| people::user(user)),
            _ if self.is_group() => self.chat.clone(),
            _ => speaking.or(user).or_else(|| self.chat.clone()),
        };
        let mut person = person.unwrap_or_else(|| nobody(&self.thread));
        if self.thread.is_with_one() {
            person.external_id = self.thread.to_string();
        }
        if let Some(phone) = own_phone(message) {
            person.aliases.push(("phone".into(), phone));
        }
        person
    }

    /// Whether the business wrote it elsewhere: what a channel publishes or answers, and what the owner of a connected account writes.
    fn is_outgoing(&self, message: Field) -> bool {
        match &self.thread.part {
            Part::Direct(_) => message.get("sender_chat").is_there(),
            Part::Business(_) => {
                let from = message.get("from").get("id").number();
                from.is_some_and(|from| from != self.thread.chat)
            }
            Part::Whole | Part::Topic(_) => self.kind == "channel",
        }
    }

    /// The message that it answers, where that is in the same chat. What opens a topic is answered by everything in it.
    fn answered(&self, message: Field) -> Option<String> {
        let answered = message.get("reply_to_message").object()?;
        let of = answered.get("chat").get("id").number();
        let opens = answered.get("forum_topic_created").is_there();
        if opens || of.is_some_and(|chat| chat != self.thread.chat) {
            return None;
        }
        external_id(answered, &self.thread)
    }
}

fn part(message: Field, chat: Field) -> Result<Part, String> {
    if message.get("business_connection_id").is_there() {
        let connection = message.get("business_connection_id").text();
        return match is_id(&connection) {
            true => Ok(Part::Business(connection)),
            false => Err("A message of a business connection without its id".into()),
        };
    }
    let direct = message.get("direct_messages_topic").object();
    if let Some(topic) = direct.and_then(|topic| topic.get("topic_id").number()) {
        return Ok(Part::Direct(topic));
    }
    // Groups without topics also number the threads of their replies.
    let topic = message.get("message_thread_id").number();
    let in_topic = message.get("is_topic_message").flag() || chat.get("type").text() == "private";
    Ok(match topic.filter(|_| in_topic) {
        Some(topic) => Part::Topic(topic),
        None => Part::Whole,
    })
}

/// A message's id for the host. One that only the bot sees is numbered apart.
fn external_id(message: Field, thread: &Thread) -> Option<String> {
    if let Some(number) = message.get("ephemeral_message_id").number() {
        return Some(format!("{}:e{number}", thread.chat));
    }
    let number = message.get("message_id").number()?;
    let of = MessageRef {
        chat: thread.chat,
        connection: thread.connection().map(str::to_owned),
        number,
    };
    Some(of.to_string())
}

fn nobody(thread: &Thread) -> Person {
    Person {
        external_id: thread.to_string(),
        aliases: Vec::new(),
        name: String::new(),
        avatar: String::new(),
        extra: String::new(),
    }
}

/// The sender's own phone, where it is what they share: the provider gives the user of a number, so nobody can share another's as theirs.
fn own_phone(message: Field) -> Option<String> {
    let contact = message.get("contact").object()?;
    let from = message.get("from").object()?.get("id").number()?;
    if contact.get("user_id").number() != Some(from) {
        return None;
    }
    let digits = contact.get("phone_number").text();
    let digits = digits.trim_start_matches('+');
    let is_phone =
        (5..=20).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_phone.then(|| format!("+{digits}"))
}

/// Where a message came from, beside its content.
fn origin(message: Field) -> Map<String, Json> {
    let mut extra = Map::new();
    if message.get("forward_origin").is_there() {
        extra.insert("forwarded".into(), true.into());
    }
    if message.get("ephemeral_message_id").is_there() {
        extra.insert("ephemeral".into(), true.into());
    }
    if let Some(parameter) = started_with(&message.get("text").text()) {
        extra.insert("referral".into(), json::json!({ "start": parameter }));
    }
    extra
}

/// What a link to the bot carried (`t.me/bot?start=…`).
fn started_with(text: &str) -> Option<&str> {
    let parameter = text.strip_prefix("/start ")?.trim();
    Some(parameter).filter(|parameter| is_id(parameter))
}

/// Two JSON objects as one.
pub(super) fn merged(one: &str, other: &str) -> String {
    let read = |text: &str| json::parse::<Map<String, Json>>(text).unwrap_or_default();
    let mut all = read(one);
    all.extend(read(other));
    written(all)
}

/// An object as `extra`: nothing where it is empty.
pub(super) fn written(extra: Map<String, Json>) -> String {
    match extra.is_empty() {
        true => String::new(),
        false => json::text(&extra),
    }
}

/// The album that a message is of.
pub(super) fn album(message: Field) -> Option<Json> {
    let group = message.get("media_group_id").given()?;
    Some(cut(group, 128).into())
}
