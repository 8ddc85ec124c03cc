//! What a message says: text, files, shares and choices as a `content`. What no kind of content shows is said in words of ours, as
//! `unsupported`, with whatever of it can be shown.

use crate::media::{self, Slot};
use balcao_plugin::lenient::{self, Field};
use balcao_plugin::{Attachment, Content, Instant, json};
use serde_json::{Map, Value};

/// Bytes of a text; the provider's have an eighth of it.
const LONGEST_TEXT: usize = 8_000;
/// Files of one message: the provider's apps send ten, and the host takes no more than this.
const MOST_FILES: usize = 32;

/// How an attachment of a documented type is shown.
struct Shown {
    kind: &'static str,
    /// What it is, where the kind does not say it.
    words: &'static str,
    /// As far as the provider says.
    mime: &'static str,
}

fn shown(kind: &str) -> Option<Shown> {
    let file = |kind, mime| Shown {
        kind,
        words: "",
        mime,
    };
    let told = |words, mime| Shown {
        kind: "unsupported",
        words,
        mime,
    };
    Some(match kind {
        "image" => file("image", "image/*"),
        "audio" => file("audio", "audio/*"),
        "video" => file("video", "video/*"),
        "file" | "media" => file("document", ""),
        "template" => file("interactive", ""),
        "share" | "ig_post" => told("Compartilhou uma publicação do Instagram.", ""),
        "reel" | "ig_reel" => told("Compartilhou um reel.", "video/*"),
        "story" | "ig_story" => told("Compartilhou um story.", ""),
        "story_mention" => told("Mencionou a conta em um story.", ""),
        "ephemeral" => told(
            "Enviou uma foto ou um vídeo que desaparece; só o aplicativo do Instagram mostra.",
            "",
        ),
        _ => return None,
    })
}

/// The content of a message. `id` and `at` let its files be found again once their addresses have expired.
pub(super) fn of(message: Field, id: &str, at: Instant) -> Content {
    let text = message.get("text").text();
    if message.get("is_unsupported").flag() {
        return unsupported("unsupported", text);
    }
    let mut files = Files {
        id,
        at,
        attachments: Vec::new(),
        links: Vec::new(),
    };
    let mut attachments = message.get("attachments").list().enumerate();
    let first = attachments.next();
    let said = match first {
        Some((_, attachment)) => attached(attachment, text, &mut files),
        None if message.get("quick_reply").object().is_some() => choice(
            message.get("quick_reply").get("payload"),
            message.get("text"),
        ),
        None if text.is_empty() => unsupported("?", text),
        None => content("text", text, String::new()),
    };
    for (index, attachment) in attachments {
        let kind = shown(&attachment.get("type").text());
        files.add(
            attachment,
            Slot::Attachment(index),
            kind.map_or("", |it| it.mime),
        );
    }
    let story = message.get("reply_to").get("story");
    if let Some(url) = story.get("url").given() {
        files.keep(url, Slot::Story, "", "story");
    }
    files.attachments.truncate(MOST_FILES);
    Content {
        text: lines(std::iter::once(said.text).chain(files.links)),
        attachments: files.attachments,
        ..said
    }
}

/// What the first attachment makes of the message.
fn attached(attachment: Field, text: String, files: &mut Files) -> Content {
    let kind = attachment.get("type").text();
    let payload = attachment.get("payload");
    let Some(it) = shown(&kind) else {
        files.add(attachment, Slot::Attachment(0), "");
        return unsupported(&kind, text);
    };
    files.add(attachment, Slot::Attachment(0), it.mime);
    match it.kind {
        "unsupported" => {
            let words = [it.words.to_owned(), payload.get("title").text(), text];
            unsupported(&kind, lines(words))
        }
        "interactive" => template(payload, text),
        "audio" => content("audio", text, r#"{"voice":false}"#.into()),
        kind => content(kind, text, String::new()),
    }
}

/// What the business sent as a template elsewhere: its cards in words, with their buttons.
fn template(payload: Field, text: String) -> Content {
    let cards: Vec<Field> = ["generic", "product"]
        .into_iter()
        .flat_map(|kind| payload.get(kind).get("elements").list())
        .collect();
    let words = cards
        .iter()
        .flat_map(|card| [card.get("title").text(), card.get("subtitle").text()]);
    let buttons: Vec<Value> = cards
        .iter()
        .flat_map(|card| card.get("buttons").list())
        .map(|button| {
            let id = button.get("payload").given().or(button.get("url").given());
            json::json!({ "id": id.unwrap_or_default(), "title": button.get("title").text() })
        })
        .collect();
    let said = lines(std::iter::once(text).chain(words));
    if said.is_empty() && buttons.is_empty() {
        return unsupported("template", said);
    }
    content(
        "interactive",
        said,
        lenient::extra(&json::json!({ "buttons": buttons })),
    )
}

/// A button, an ice breaker or a quick reply that the contact tapped.
pub(super) fn choice(payload: Field, title: Field) -> Content {
    let (id, title) = (payload.text(), title.text());
    let said = if title.is_empty() { &id } else { &title };
    content(
        "choice",
        said.clone(),
        lenient::extra(&json::json!({ "id": id, "title": title })),
    )
}

/// Where a message came from, beside its content: an advertisement, a product, a story that it answers.
pub(super) fn origin(message: Field) -> String {
    let mut extra = Map::new();
    let referral = message.get("referral");
    let story = message.get("reply_to").get("story");
    if let Some(referral) = referral.value() {
        extra.insert("referral".into(), referral.clone());
    } else if story.object().is_some() {
        let mut told = Map::new();
        for name in ["id", "link_sticker_url"] {
            if let Some(value) = story.get(name).given() {
                told.insert(name.into(), value.into());
            }
        }
        let referral = json::json!({ "source": "STORY_REPLY", "story": told });
        extra.insert("referral".into(), referral);
    }
    let disappears = |attachment: Field| attachment.get("type").text() == "ephemeral";
    if message.get("attachments").list().any(disappears) {
        extra.insert("ephemeral".into(), Value::Bool(true));
    }
    lenient::extra(&extra.into())
}

/// The files of a message: those that the host may fetch, and the addresses of others.
struct Files<'a> {
    id: &'a str,
    at: Instant,
    attachments: Vec<Attachment>,
    links: Vec<String>,
}

impl Files<'_> {
    fn add(&mut self, attachment: Field, slot: Slot, mime: &str) {
        let payload = attachment.get("payload");
        let url = payload.get("url").given().or(attachment.get("url").given());
        if let Some(url) = url {
            self.keep(url, slot, mime, "");
        }
    }

    fn keep(&mut self, url: String, slot: Slot, mime: &str, name: &str) {
        match media::source(self.id, slot, self.at, &url) {
            Some(source) => self.attachments.push(Attachment {
                source,
                mime: mime.to_owned(),
                name: name.to_owned(),
                size: 0,
            }),
            None => self.links.push(url),
        }
    }
}

fn content(kind: &str, text: String, extra: String) -> Content {
    Content {
        kind: kind.to_owned(),
        text,
        attachments: Vec::new(),
        extra,
    }
}

fn unsupported(kind: &str, text: String) -> Content {
    let text = match (text.is_empty(), kind) {
        (false, _) => text,
        (true, "unsupported" | "unsupported_type" | "" | "?") => {
            "Mensagem de um tipo que este canal não recebe.".into()
        }
        (true, kind) => format!("Mensagem de um tipo que este canal não recebe ({kind})."),
    };
    content(
        "unsupported",
        text,
        lenient::extra(&json::json!({ "type": kind })),
    )
}

fn lines(parts: impl IntoIterator<Item = String>) -> String {
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    lenient::cut(parts.join("\n"), LONGEST_TEXT)
}
