//! Files that come in as addresses which expire: the reference that the host keeps of one, and where its bytes are when they are wanted.
//! Owns which hosts the bytes may come from. Plain data, no imports.

use balcao_plugin::Instant;
use balcao_plugin::lenient::Field;

/// How long an address is used as it came. The provider's live a day at least (a story's) and longer otherwise.
const FRESH: Instant = 12 * 3600 * 1_000_000;

/// Which of a message's files.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Slot {
    /// The attachment of that index.
    Attachment(usize),
    /// The story that the message answers.
    Story,
}

/// What follows `ref:` in an attachment's source.
#[derive(Debug, PartialEq)]
pub struct Reference<'a> {
    pub message: &'a str,
    pub slot: Slot,
    pub at: Instant,
    pub url: &'a str,
}

/// An attachment's source; none where the host may not speak to the address.
pub fn source(message: &str, slot: Slot, at: Instant, url: &str) -> Option<String> {
    if !is_the_providers(url) {
        return None;
    }
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"|/?#".contains(&byte);
    if !message.bytes().all(plain) {
        return Some(url.to_owned());
    }
    let slot = match slot {
        Slot::Attachment(index) => index.to_string(),
        Slot::Story => "story".into(),
    };
    Some(format!("ref:{at}|{slot}|{message}|{url}"))
}

impl<'a> Reference<'a> {
    /// None where it is not of [`source`]'s making.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(4, '|');
        let at = parts.next()?.parse().ok()?;
        let slot = match parts.next()? {
            "story" => Slot::Story,
            index => Slot::Attachment(index.parse().ok()?),
        };
        let reference = Self {
            message: parts.next()?,
            slot,
            at,
            url: parts.next()?,
        };
        let sound = is_the_providers(reference.url) && !reference.message.contains(['/', '?', '#']);
        sound.then_some(reference)
    }

    /// Whether the address may be used as it came.
    pub fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_sub(self.at) < FRESH
    }

    /// The file's present address in what the provider says of the message.
    pub fn renewed(&self, message: Field) -> Option<String> {
        let story = message.get("story");
        let url = match self.slot {
            Slot::Story => story.get("reply_to").get("link").given(),
            Slot::Attachment(index) => {
                let attachment = message.get("attachments").get("data").list().nth(index);
                let share = message.get("shares").get("data").list().nth(index);
                attachment
                    .and_then(address)
                    .or_else(|| story.get("mention").get("link").given())
                    .or_else(|| share?.get("link").given())
            }
        };
        url.filter(|url| is_the_providers(url))
    }
}

fn address(attachment: Field) -> Option<String> {
    ["image_data", "video_data"]
        .into_iter()
        .find_map(|kind| attachment.get(kind).get("url").given())
        .or_else(|| attachment.get("file_url").given())
}

/// Whether an address is at one of the hosts where the provider keeps files, as the manifest names them.
pub fn is_the_providers(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://") else {
        return false;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.to_ascii_lowercase();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
    host.bytes().all(is_name)
        && (host == "lookaside.fbsbx.com"
            || host.ends_with(".cdninstagram.com")
            || host.ends_with(".fbcdn.net"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const URL: &str = "https://lookaside.fbsbx.com/ig_messaging_cdn/?asset_id=1&signature=a|b";

    #[test]
    fn a_reference_is_read_as_it_was_written() {
        for slot in [Slot::Attachment(3), Slot::Story] {
            let source = source("mid.$1:a==", slot, 7, URL).unwrap();
            let expected = Reference {
                message: "mid.$1:a==",
                slot,
                at: 7,
                url: URL,
            };
            let text = source.strip_prefix("ref:").unwrap();
            assert_eq!(Reference::parse(text), Some(expected));
        }
    }

    #[test]
    fn only_the_providers_own_hosts_are_fetched_from() {
        for url in [
            URL,
            "https://scontent.cdninstagram.com/v/a.jpg",
            "https://scontent-gru1-1.xx.fbcdn.net/v/a.jpg?oe=1",
        ] {
            assert!(is_the_providers(url), "{url}");
        }
        for url in [
            "http://lookaside.fbsbx.com/a",
            "https://evil.example/?lookaside.fbsbx.com",
            "https://lookaside.fbsbx.com.evil.example/a",
            "https://lookaside.fbsbx.com@evil.example/a",
            "https://cdninstagram.com.evil.example/a",
            "https://lookaside.fbsbx.com:8443/a",
            "https://www.instagram.com/p/a/",
            "",
        ] {
            assert!(!is_the_providers(url), "{url}");
        }
    }

    #[test]
    fn what_the_plugin_did_not_write_is_no_reference() {
        for text in [
            "",
            "a|b|c|d",
            "1|0|m",
            "1|0|a/b|https://lookaside.fbsbx.com/a",
            "1|0|m|https://example.com/a",
        ] {
            assert_eq!(Reference::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_message_that_cannot_be_asked_for_leaves_the_address_as_it_came() {
        assert_eq!(source("a|b", Slot::Story, 1, URL).as_deref(), Some(URL));
        assert_eq!(source("m", Slot::Story, 1, "https://example.com/a"), None);
    }

    #[test]
    fn an_address_is_fresh_for_half_a_day() {
        let reference = Reference {
            message: "m",
            slot: Slot::Story,
            at: 5,
            url: URL,
        };
        assert!(reference.is_fresh(5 + FRESH - 1));
        assert!(!reference.is_fresh(5 + FRESH));
    }

    #[test]
    fn a_new_address_is_found_wherever_the_provider_keeps_it() {
        let of = |slot| Reference {
            message: "m",
            slot,
            at: 0,
            url: URL,
        };
        let at = |name: &str| format!("https://lookaside.fbsbx.com/{name}");
        let message = json!({
            "attachments": {"data": [
                {"image_data": {"url": at("image")}}, {"video_data": {"url": at("video")}}, {"file_url": at("file")},
            ]},
            "story": {"reply_to": {"link": at("answered")}},
        });
        let found = |slot| of(slot).renewed(Field::of(&message));
        assert_eq!(found(Slot::Attachment(0)), Some(at("image")));
        assert_eq!(found(Slot::Attachment(1)), Some(at("video")));
        assert_eq!(found(Slot::Attachment(2)), Some(at("file")));
        assert_eq!(found(Slot::Attachment(3)), None);
        assert_eq!(found(Slot::Story), Some(at("answered")));
        let first = |message| of(Slot::Attachment(0)).renewed(Field::of(&message));
        assert_eq!(
            first(json!({"story": {"mention": {"link": at("mention")}}})),
            Some(at("mention"))
        );
        assert_eq!(
            first(json!({"shares": {"data": [{"link": at("share")}]}})),
            Some(at("share"))
        );
        assert_eq!(
            first(json!({"shares": {"data": [{"link": "https://example.com"}]}})),
            None
        );
    }
}
