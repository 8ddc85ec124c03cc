//! What a message says: the provider's object of its kind as a `content`. A kind or a shape that is not known becomes `unsupported`, with
//! its name, so that the agent sees that something came.

use super::message::{album, written};
use super::{TEXT, rich, words};
use crate::address::is_id;
use balcao_plugin::lenient::{Field, cut};
use balcao_plugin::{Attachment, Content, json};
use serde_json::{Map, Value as Json};

/// Reads the content of a message that has the kind's field; none where that is of another shape.
type Read = fn(Field) -> Option<Content>;

/// How each kind is read, by the field that holds it. Of two that come together the one that says more stands first.
pub(super) const KINDS: [(&str, Read); 25] = [
    ("text", said),
    ("rich_message", rich_message),
    ("animation", |it| {
        media(it, "animation", "video", "video/mp4")
    }),
    ("audio", |it| sound(it, "audio", "audio/mpeg", false)),
    ("voice", |it| sound(it, "voice", "audio/ogg", true)),
    ("document", |it| media(it, "document", "document", "")),
    ("live_photo", live_photo),
    ("photo", photo),
    ("sticker", sticker),
    ("video", |it| media(it, "video", "video", "video/mp4")),
    ("video_note", |it| {
        media(it, "video_note", "video", "video/mp4")
    }),
    ("paid_media", paid_media),
    ("contact", contact),
    ("venue", venue),
    ("location", location),
    ("web_app_data", web_app_data),
    ("dice", |it| told(it, "dice", "text", words::dice)),
    ("story", |it| told(it, "story", "unsupported", words::story)),
    ("checklist", |it| {
        told(it, "checklist", "unsupported", words::checklist)
    }),
    ("game", |it| told(it, "game", "unsupported", words::game)),
    ("poll", |it| told(it, "poll", "unsupported", words::poll)),
    ("invoice", |it| {
        told(it, "invoice", "unsupported", words::invoice)
    }),
    ("giveaway", |it| {
        told(it, "giveaway", "unsupported", words::giveaway)
    }),
    ("giveaway_winners", |it| {
        told(it, "giveaway_winners", "unsupported", words::winners)
    }),
    ("passport_data", |it| {
        told(it, "passport_data", "unsupported", words::passport)
    }),
];

/// Formatting that a text does not show by itself; links, mentions and the like are in its letters.
const FORMATS: [&str; 13] = [
    "bold",
    "italic",
    "underline",
    "strikethrough",
    "spoiler",
    "blockquote",
    "expandable_blockquote",
    "code",
    "pre",
    "text_link",
    "text_mention",
    "custom_emoji",
    "date_time",
];
/// Formats of one text; the provider allows a hundred.
const FORMATTED: usize = 200;

/// The fields of a message that are about it and are not what it says.
const AROUND: [&str; 45] = [
    "message_id",
    "message_thread_id",
    "direct_messages_topic",
    "from",
    "sender_chat",
    "sender_boost_count",
    "sender_business_bot",
    "sender_tag",
    "receiver_user",
    "ephemeral_message_id",
    "date",
    "guest_query_id",
    "business_connection_id",
    "chat",
    "forward_origin",
    "forward_from",
    "forward_from_chat",
    "forward_from_message_id",
    "forward_date",
    "is_topic_message",
    "is_automatic_forward",
    "reply_to_message",
    "external_reply",
    "quote",
    "reply_to_story",
    "reply_to_checklist_task_id",
    "reply_to_poll_option_id",
    "via_bot",
    "guest_bot_caller_user",
    "guest_bot_caller_chat",
    "edit_date",
    "has_protected_content",
    "is_from_offline",
    "is_paid_post",
    "media_group_id",
    "author_signature",
    "paid_star_count",
    "link_preview_options",
    "suggested_post_info",
    "effect_id",
    "caption",
    "caption_entities",
    "show_caption_above_media",
    "has_media_spoiler",
    "reply_markup",
];

/// The content of a message, and what is odd about it.
pub(super) fn of(message: Field) -> (Content, Option<String>) {
    let known = KINDS.iter().find(|(kind, _)| message.get(kind).is_there());
    let (kind, content) = match known {
        Some((kind, read)) => (Some((*kind).to_owned()), read(message)),
        None => (unknown(message), None),
    };
    let odd = match (&content, &kind) {
        (None, Some(kind)) => Some(format!(
            "A message of kind {kind:?} was kept as unsupported"
        )),
        (None, None) => Some("A message that says nothing was kept as unsupported".into()),
        (Some(_), _) => None,
    };
    let mut content = content.unwrap_or_else(|| unsupported(kind.as_deref()));
    if let Some(album) = album(message) {
        add(&mut content, "group", album);
    }
    content.text = cut(content.text, TEXT);
    (content, odd)
}

/// The name of what a message says, where it is not among the kinds.
fn unknown(message: Field) -> Option<String> {
    let name = message.names().find(|name| !AROUND.contains(name))?;
    Some(cut(name.to_owned(), 64))
}

fn unsupported(kind: Option<&str>) -> Content {
    let text = match kind {
        Some(kind) => format!("Mensagem de um tipo que este canal não recebe ({kind})."),
        None => "Mensagem de um tipo que este canal não recebe.".into(),
    };
    Content {
        extra: json::text(&json::json!({ "type": kind.unwrap_or("?") })),
        ..content("unsupported", text)
    }
}

fn content(kind: &str, text: String) -> Content {
    Content {
        kind: kind.into(),
        text,
        attachments: Vec::new(),
        extra: String::new(),
    }
}

fn add(content: &mut Content, name: &str, value: Json) {
    let mut extra: Map<String, Json> = json::parse(&content.extra).unwrap_or_default();
    extra.insert(name.into(), value);
    content.extra = written(extra);
}

fn said(message: Field) -> Option<Content> {
    let said = content("text", message.get("text").given()?);
    Some(formatted(said, message, "entities"))
}

/// With the formatting of its text, in the provider's shape, where it has any.
fn formatted(mut content: Content, of: Field, name: &str) -> Content {
    let Some(Json::Array(entities)) = of.get(name).value() else {
        return content;
    };
    let format = |entity: &Json| FORMATS.contains(&entity["type"].as_str().unwrap_or_default());
    let entities = entities.iter().filter(|entity| format(entity));
    let entities: Vec<Json> = entities.take(FORMATTED).cloned().collect();
    if !entities.is_empty() && json::text(&entities).len() <= TEXT / 2 {
        add(&mut content, "entities", entities.into());
    }
    content
}

fn captioned(kind: &str, attachments: Vec<Attachment>, message: Field) -> Content {
    let content = Content {
        attachments,
        ..content(kind, message.get("caption").text())
    };
    formatted(content, message, "caption_entities")
}

/// Files come by id; the host asks `locate` when it wants the bytes.
pub(super) fn file(of: Field, mime: &str) -> Option<Attachment> {
    let id = of.get("file_id").text();
    let size = of.get("file_size").number().unwrap_or(0);
    is_id(&id).then(|| Attachment {
        source: format!("ref:{id}"),
        mime: cut(
            of.get("mime_type").given().unwrap_or_else(|| mime.into()),
            256,
        ),
        name: cut(of.get("file_name").text(), 1024),
        size: u64::try_from(size).unwrap_or(0),
    })
}

fn media(message: Field, name: &str, kind: &str, mime: &str) -> Option<Content> {
    let file = file(message.get(name).object()?, mime)?;
    Some(captioned(kind, vec![file], message))
}

fn sound(message: Field, name: &str, mime: &str, voice: bool) -> Option<Content> {
    let audio = message.get(name).object()?;
    let mut sound = media(message, name, "audio", mime)?;
    add(&mut sound, "voice", voice.into());
    if let ([file], Some(title)) = (sound.attachments.as_mut_slice(), audio.get("title").given())
        && file.name.is_empty()
    {
        let by = audio.get("performer").given().map(|by| format!("{by} – "));
        file.name = cut(by.unwrap_or_default() + &title, 1024);
    }
    Some(sound)
}

/// The largest of a picture's sizes.
pub(super) fn largest<'a>(sizes: impl Iterator<Item = Field<'a>>) -> Option<Attachment> {
    let area = |size: &Field| {
        let side = |name| size.get(name).number().unwrap_or(0);
        side("width").saturating_mul(side("height"))
    };
    file(sizes.max_by_key(area)?, "image/jpeg")
}

fn photo(message: Field) -> Option<Content> {
    let picture = largest(message.get("photo").list())?;
    Some(captioned("image", vec![picture], message))
}

/// A picture with the seconds around it: both.
fn live_photo(message: Field) -> Option<Content> {
    let live = message.get("live_photo").object()?;
    let still = largest(live.get("photo").list()).or_else(|| largest(message.get("photo").list()));
    let moving = file(live, "video/mp4");
    let files: Vec<Attachment> = still.into_iter().chain(moving).collect();
    (!files.is_empty()).then(|| captioned("image", files, message))
}

fn sticker(message: Field) -> Option<Content> {
    let sticker = message.get("sticker").object()?;
    let mime = match (
        sticker.get("is_animated").flag(),
        sticker.get("is_video").flag(),
    ) {
        (true, _) => "application/x-tgsticker",
        (_, true) => "video/webm",
        _ => "image/webp",
    };
    Some(Content {
        attachments: vec![file(sticker, mime)?],
        ..content("sticker", sticker.get("emoji").text())
    })
}

/// What was not paid for is only named.
fn paid_media(message: Field) -> Option<Content> {
    let paid = message.get("paid_media").object()?;
    let files = paid.get("paid_media").list().filter_map(|it| {
        let video = it
            .get("video")
            .object()
            .or_else(|| it.get("live_photo").object());
        match video {
            Some(video) => file(video, "video/mp4"),
            None => largest(it.get("photo").list()),
        }
    });
    let stars = paid.get("star_count").number().unwrap_or(0);
    let mut content = captioned("unsupported", files.take(10).collect(), message);
    content.text = words::lines([format!("Mídia paga ({stars} estrelas)."), content.text]);
    add(&mut content, "type", "paid_media".into());
    Some(content)
}

fn contact(message: Field) -> Option<Content> {
    let card = message.get("contact").object()?;
    let name = super::people::named(card);
    let phone = card.get("phone_number").given();
    let phone = phone.map(|phone| match phone.starts_with('+') {
        true => phone,
        false => format!("+{phone}"),
    });
    if name.is_empty() && phone.is_none() {
        return None;
    }
    let vcard = card.get("vcard").text();
    let emails = emails(&vcard);
    let contact = json::json!({ "name": name, "phones": Vec::from_iter(phone), "emails": emails });
    Some(Content {
        extra: json::text(&json::json!({ "contacts": [contact] })),
        ..content("contacts", String::new())
    })
}

/// The addresses of a vCard.
fn emails(vcard: &str) -> Vec<&str> {
    let email = |line: &&str| {
        line.get(..5)
            .is_some_and(|it| it.eq_ignore_ascii_case("email"))
    };
    let lines = vcard.lines().filter(email);
    let values = lines.filter_map(|line| line.split_once(':').map(|(_, value)| value.trim()));
    values.filter(|it| !it.is_empty()).take(10).collect()
}

fn location(message: Field) -> Option<Content> {
    place(message.get("location").object()?, None)
}

fn venue(message: Field) -> Option<Content> {
    let venue = message.get("venue").object()?;
    place(venue.get("location").object()?, Some(venue))
}

fn place(location: Field, venue: Option<Field>) -> Option<Content> {
    let mut extra = Map::new();
    for name in ["latitude", "longitude"] {
        extra.insert(name.into(), location.get(name).decimal()?.into());
    }
    let venue = |name| venue.and_then(|venue| venue.get(name).given());
    for (name, value) in [("name", venue("title")), ("address", venue("address"))] {
        if let Some(value) = value {
            extra.insert(name.into(), cut(value, 1024).into());
        }
    }
    Some(Content {
        extra: written(extra),
        ..content("location", String::new())
    })
}

/// What a web application of the bot sent for the contact, who pressed its button.
fn web_app_data(message: Field) -> Option<Content> {
    let app = message.get("web_app_data").object()?;
    let (data, title) = (app.get("data").given()?, app.get("button_text").text());
    let extra = json::json!({ "id": cut(title.clone(), 1024), "title": cut(title, 1024) });
    Some(Content {
        extra: json::text(&extra),
        ..content("choice", data)
    })
}

fn rich_message(message: Field) -> Option<Content> {
    let (text, attachments) = rich::read(message.get("rich_message").value()?)?;
    Some(Content {
        attachments,
        ..content("text", text)
    })
}

/// A kind for which the host has none, in words that say all of it.
fn told(
    message: Field,
    name: &str,
    kind: &str,
    tell: fn(Field) -> Option<String>,
) -> Option<Content> {
    let mut told = content(kind, tell(message.get(name).object()?)?);
    if kind == "unsupported" {
        add(&mut told, "type", name.into());
    }
    Some(told)
}
