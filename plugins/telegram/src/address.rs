//! The texts by which the host knows chats and messages of the provider. A message's number counts only within its chat, and an account
//! that a business has connected has chats of its own, so both are parts of them.

use std::fmt;

/// Where a message belongs: a chat, seen through a connected business account where there is one, and a topic of it where it has topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    pub chat: i64,
    pub part: Part,
}

/// What of a chat a thread is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Whole,
    /// A topic of a forum, or of a private chat that has them.
    Topic(i64),
    /// A customer's own thread in a channel's direct messages.
    Direct(i64),
    /// A private chat of a business account that the bot is connected to, by the connection's id.
    Business(String),
}

impl Thread {
    /// Reads what [`fmt::Display`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let end = text.find(['/', '@']).unwrap_or(text.len());
        let (chat, rest) = text.split_at(end);
        let part = if let Some(connection) = rest.strip_prefix('@') {
            Part::Business(Some(connection).filter(|id| is_id(id))?.to_owned())
        } else if let Some(topic) = rest.strip_prefix("/d") {
            Part::Direct(topic.parse().ok()?)
        } else if let Some(topic) = rest.strip_prefix('/') {
            Part::Topic(topic.parse().ok()?)
        } else {
            Part::Whole
        };
        Some(Self {
            chat: chat.parse().ok()?,
            part,
        })
    }

    /// The business connection that it is seen through.
    pub fn connection(&self) -> Option<&str> {
        match &self.part {
            Part::Business(connection) => Some(connection),
            _ => None,
        }
    }

    /// Whether it is with one person whom only the thread names: the same person may be in other threads, which are other conversations.
    pub fn is_with_one(&self) -> bool {
        matches!(self.part, Part::Business(_) | Part::Direct(_))
    }

    /// A message of it.
    pub fn message(&self, number: i64) -> MessageRef {
        MessageRef {
            chat: self.chat,
            connection: self.connection().map(str::to_owned),
            number,
        }
    }
}

impl fmt::Display for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.chat)?;
        match &self.part {
            Part::Whole => Ok(()),
            Part::Topic(topic) => write!(f, "/{topic}"),
            Part::Direct(topic) => write!(f, "/d{topic}"),
            Part::Business(connection) => write!(f, "@{connection}"),
        }
    }
}

/// A message, as the provider numbers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRef {
    pub chat: i64,
    pub connection: Option<String>,
    pub number: i64,
}

impl MessageRef {
    /// Reads what [`fmt::Display`] wrote. What follows a second colon (a pressed button) is about the same message.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let thread = Thread::parse(parts.next()?)?;
        Some(thread.message(parts.next()?.parse().ok()?))
    }
}

impl fmt::Display for MessageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.connection {
            Some(connection) => write!(f, "{}@{connection}:{}", self.chat, self.number),
            None => write!(f, "{}:{}", self.chat, self.number),
        }
    }
}

/// Whether a text has the form of the provider's ids: those of connections, queries, files.
pub fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=200).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_and_messages_are_read_as_they_are_written() {
        let thread = |chat, part| Thread { chat, part };
        for (written, read) in [
            ("5001", thread(5001, Part::Whole)),
            ("-1001", thread(-1001, Part::Whole)),
            ("-1001/7", thread(-1001, Part::Topic(7))),
            ("-1001/d9", thread(-1001, Part::Direct(9))),
            ("5001@bc_1", thread(5001, Part::Business("bc_1".into()))),
        ] {
            assert_eq!(Thread::parse(written), Some(read.clone()));
            assert_eq!(read.to_string(), written);
        }
        for written in ["5001:7", "5001@bc_1:7", "-1001:7"] {
            assert_eq!(MessageRef::parse(written).unwrap().to_string(), written);
        }
        let pressed = MessageRef::parse("5001:7:cb9").unwrap();
        assert_eq!((pressed.chat, pressed.number), (5001, 7));
    }

    #[test]
    fn what_is_no_address_is_none() {
        for text in [
            "",
            "x",
            "5001@",
            "5001@a b",
            "5001/",
            "5001/dx",
            "1/2/3",
            "99999999999999999999",
        ] {
            assert_eq!(Thread::parse(text), None, "{text}");
        }
        for text in ["", "5001", "5001:", "5001:x", ":7"] {
            assert_eq!(MessageRef::parse(text), None, "{text}");
        }
    }
}
