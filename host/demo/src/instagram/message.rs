//! The body of `POST /me/messages` as the provider documents it: which fields there are, which belong together, and their limits. Written from
//! the provider's documents, never from a client of ours.

use serde::Deserialize;
use serde_json::Value;

use super::answer::Refusal;

/// A body that holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Checked {
    /// The person's id for this account.
    pub to: String,
    /// `text`, `image`…; none for what somebody does beside writing.
    pub kind: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    recipient: Recipient,
    message: Option<Message>,
    sender_action: Option<String>,
    payload: Option<Payload>,
    messaging_type: Option<String>,
    tag: Option<String>,
    reply_to: Option<Answered>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recipient {
    id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answered {
    mid: String,
}

/// Of a reaction.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    message_id: String,
    reaction: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    text: Option<String>,
    attachment: Option<Attachment>,
    attachments: Option<Vec<Attachment>>,
    quick_replies: Option<Vec<QuickReply>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attachment {
    #[serde(rename = "type")]
    kind: String,
    payload: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuickReply {
    content_type: String,
    title: Option<String>,
    payload: Option<String>,
}

/// "Messages must be less than 1000 bytes" in UTF-8.
const TEXT: usize = 1000;
const QUICK_REPLIES: usize = 13;
const IMAGES: usize = 10;

/// Checks a body; the refusal says what departs from the documents.
pub(super) fn check(body: &[u8]) -> Result<Checked, Refusal> {
    let body: Body =
        serde_json::from_slice(body).map_err(|error| Refusal::invalid(&error.to_string()))?;
    let to = body.recipient.id;
    if to.is_empty() || !to.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::with_subcode(2_018_001, "No matching user found"));
    }
    let tag = (body.messaging_type.as_deref(), body.tag.as_deref());
    let kind = match (body.message, body.sender_action) {
        (Some(message), None) => {
            if body.payload.is_some() {
                return Err(Refusal::invalid("payload belongs to a sender_action"));
            }
            check_tag(tag)?;
            if body
                .reply_to
                .is_some_and(|answered| answered.mid.is_empty())
            {
                return Err(Refusal::invalid("reply_to.mid must not be empty"));
            }
            Some(check_message(&message)?)
        }
        (None, Some(action)) => {
            if tag != (None, None) || body.reply_to.is_some() {
                return Err(Refusal::invalid(
                    "a sender_action has only a recipient and a payload",
                ));
            }
            check_action(&action, body.payload.as_ref())?;
            None
        }
        _ => {
            return Err(Refusal::invalid(
                "exactly one of message and sender_action is needed",
            ));
        }
    };
    Ok(Checked { to, kind })
}

/// `HUMAN_AGENT` is the one tag of this channel, and goes with its type.
fn check_tag(given: (Option<&str>, Option<&str>)) -> Result<(), Refusal> {
    match given {
        (None | Some("RESPONSE" | "UPDATE"), None) | (Some("MESSAGE_TAG"), Some("HUMAN_AGENT")) => {
            Ok(())
        }
        (Some("MESSAGE_TAG"), None) => Err(Refusal::invalid("Param tag is required")),
        (_, Some("HUMAN_AGENT")) => Err(Refusal::invalid("a tag needs messaging_type MESSAGE_TAG")),
        (_, Some(tag)) => Err(Refusal::invalid(&format!(
            "Param tag must be HUMAN_AGENT, not {tag}"
        ))),
        (Some(kind), None) => Err(Refusal::invalid(&format!(
            "Param messaging_type cannot be {kind}"
        ))),
    }
}

fn check_action(action: &str, payload: Option<&Payload>) -> Result<(), Refusal> {
    match (action, payload) {
        ("typing_on" | "typing_off" | "mark_seen", None) => Ok(()),
        ("typing_on" | "typing_off" | "mark_seen", Some(_)) => {
            Err(Refusal::invalid("payload belongs to a reaction"))
        }
        ("react" | "unreact", Some(payload)) if payload.message_id.is_empty() => {
            Err(Refusal::invalid("payload.message_id must not be empty"))
        }
        ("react", Some(payload)) => match payload.reaction.as_deref() {
            // A name, or an emoji.
            Some("love") => Ok(()),
            Some(emoji) if !emoji.is_empty() && !emoji.is_ascii() => Ok(()),
            _ => Err(Refusal::invalid("payload.reaction must be an emoji")),
        },
        ("unreact", Some(payload)) => match payload.reaction {
            None => Ok(()),
            Some(_) => Err(Refusal::invalid("unreact takes message_id only")),
        },
        ("react" | "unreact", None) => Err(Refusal::invalid("Param payload is required")),
        _ => Err(Refusal::invalid(&format!(
            "Param sender_action cannot be {action}"
        ))),
    }
}

/// Gives the message's kind.
fn check_message(message: &Message) -> Result<String, Refusal> {
    let parts = [
        message.text.is_some(),
        message.attachment.is_some(),
        message.attachments.is_some(),
    ];
    if parts.iter().filter(|there| **there).count() != 1 {
        return Err(Refusal::invalid(
            "a message has exactly one of text, attachment and attachments",
        ));
    }
    if let Some(replies) = &message.quick_replies {
        check_quick_replies(replies)?;
        if message.text.is_none() {
            return Err(Refusal::invalid("quick_replies need a text"));
        }
    }
    if let Some(text) = &message.text {
        if text.trim().is_empty() {
            return Err(Refusal::invalid("Message cannot be empty"));
        }
        if text.len() > TEXT {
            return Err(Refusal::invalid(
                "Length of param message[text] must be less than or equal to 1000",
            ));
        }
        return Ok("text".to_owned());
    }
    if let Some(attachment) = &message.attachment {
        return check_attachment(attachment);
    }
    let images = message.attachments.as_deref().unwrap_or_default();
    if images.is_empty() || images.len() > IMAGES {
        return Err(Refusal::with_subcode(
            2_534_068,
            "attachments take 1 to 10 images",
        ));
    }
    for image in images {
        if image.kind != "image" {
            return Err(Refusal::with_subcode(
                2_534_068,
                "attachments take images only",
            ));
        }
        check_attachment(image)?;
    }
    Ok("images".to_owned())
}

/// Titles that are longer than 20 characters are no error: they "will be truncated".
fn check_quick_replies(replies: &[QuickReply]) -> Result<(), Refusal> {
    if replies.is_empty() || replies.len() > QUICK_REPLIES {
        return Err(Refusal::invalid("quick_replies take 1 to 13 buttons"));
    }
    for reply in replies {
        let filled = |text: &Option<String>| text.as_deref().is_some_and(|it| !it.is_empty());
        match reply.content_type.as_str() {
            "text" if !filled(&reply.title) || !filled(&reply.payload) => {
                return Err(Refusal::invalid(
                    "a quick reply of type text needs title and payload",
                ));
            }
            "text"
                if reply
                    .payload
                    .as_ref()
                    .is_some_and(|it| it.chars().count() > 1000) =>
            {
                return Err(Refusal::invalid(
                    "the payload of a quick reply has at most 1000 characters",
                ));
            }
            "text" => {}
            "user_phone_number" | "user_email" if reply.title.is_none() => {}
            other => {
                return Err(Refusal::invalid(&format!(
                    "quick_replies[content_type] cannot be {other}"
                )));
            }
        }
    }
    Ok(())
}

fn check_attachment(attachment: &Attachment) -> Result<String, Refusal> {
    let kind = attachment.kind.as_str();
    let payload = attachment.payload.as_ref();
    let field = |name: &str| payload.and_then(|it| it[name].as_str()).unwrap_or_default();
    match kind {
        "image" | "audio" | "video" | "file" => {
            let names = payload.and_then(Value::as_object);
            let mut names = names.into_iter().flat_map(|it| it.keys());
            if let Some(name) = names.find(|name| !["url", "is_reusable"].contains(&name.as_str()))
            {
                return Err(Refusal::invalid(&format!(
                    "payload of {kind} has no field {name}"
                )));
            }
            if !is_web_address(field("url")) {
                return Err(Refusal::invalid("payload.url is not a valid URL"));
            }
        }
        "like_heart" => match payload {
            None => {}
            Some(_) => return Err(Refusal::invalid("like_heart has no payload")),
        },
        "MEDIA_SHARE" => {
            if field("id").is_empty() {
                return Err(Refusal::invalid("MEDIA_SHARE needs payload.id"));
            }
        }
        "template" => check_template(payload.unwrap_or(&Value::Null))?,
        other => {
            return Err(Refusal::invalid(&format!(
                "message[attachment][type] cannot be {other}"
            )));
        }
    }
    Ok(kind.to_owned())
}

fn is_web_address(text: &str) -> bool {
    text.parse::<axum::http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    })
}

/// Generic templates and those of buttons.
fn check_template(payload: &Value) -> Result<(), Refusal> {
    let most =
        |text: &Value, most: usize| text.as_str().is_none_or(|it| it.chars().count() <= most);
    match payload["template_type"].as_str() {
        Some("generic") => {
            let elements = payload["elements"].as_array();
            let elements = elements.filter(|it| (1..=10).contains(&it.len()));
            let elements = elements
                .ok_or_else(|| Refusal::invalid("a generic template has 1 to 10 elements"))?;
            for element in elements {
                let titled = element["title"].as_str().is_some_and(|it| !it.is_empty());
                if !titled || !most(&element["title"], 80) || !most(&element["subtitle"], 80) {
                    return Err(Refusal::invalid(
                        "an element has a title of at most 80 characters",
                    ));
                }
                check_buttons(&element["buttons"], true)?;
            }
            Ok(())
        }
        Some("button") => {
            let text = payload["text"].as_str().unwrap_or_default();
            if text.is_empty() || text.chars().count() > 640 {
                return Err(Refusal::invalid(
                    "a button template has a text of at most 640 characters",
                ));
            }
            check_buttons(&payload["buttons"], false)
        }
        Some("product") => Ok(()),
        _ => Err(Refusal::invalid(
            "payload.template_type is not one of the known",
        )),
    }
}

fn check_buttons(buttons: &Value, may_miss: bool) -> Result<(), Refusal> {
    if buttons.is_null() && may_miss {
        return Ok(());
    }
    let list = buttons.as_array().filter(|it| (1..=3).contains(&it.len()));
    for button in list.ok_or_else(|| Refusal::invalid("a template has 1 to 3 buttons"))? {
        let titled = button["title"].as_str().is_some_and(|it| !it.is_empty());
        let does = match button["type"].as_str() {
            Some("web_url") => button["url"].as_str().is_some_and(is_web_address),
            Some("postback") => button["payload"].is_string(),
            _ => false,
        };
        if !titled || !does {
            return Err(Refusal::invalid(
                "a button is a web_url with url or a postback with payload, and has a title",
            ));
        }
    }
    Ok(())
}
