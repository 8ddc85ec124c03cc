//! What a message says: the provider's object of its kind as a `content`. A kind or a shape that is not known becomes `unsupported`, with
//! its name, so that the agent sees that something came.

use super::message::{album, written};
use super::{TEXT, rich, words};
use crate::address::is_id;
use crate::payload::{Object, clipped};
use balcao_plugin::{Attachment, Content, json};
use serde_json::{Map, Value as Json};

/// Reads the content of a message that has the kind's field; none where that is of another shape.
type Read = fn(&Object) -> Option<Content>;

/// How each kind is read, by the field that holds it. Of two that come together the one that says more stands first.
const KINDS: [(&str, Read); 25] = [
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
pub(super) fn of(message: &Object) -> (Content, Option<String>) {
    let known = KINDS.iter().find(|(kind, _)| message.has(kind));
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
    content.text = clipped(content.text, TEXT);
    (content, odd)
}

/// The name of what a message says, where it is not among the kinds.
fn unknown(message: &Object) -> Option<String> {
    let name = message.names().find(|name| !AROUND.contains(name))?;
    Some(clipped(name.to_owned(), 64))
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

fn said(message: &Object) -> Option<Content> {
    let said = content("text", message.get("text")?);
    Some(formatted(said, message, "entities"))
}

/// With the formatting of its text, in the provider's shape, where it has any.
fn formatted(mut content: Content, of: &Object, name: &str) -> Content {
    let Some(Json::Array(entities)) = of.whole(name) else {
        return content;
    };
    let format = |entity: &Json| FORMATS.contains(&entity["type"].as_str().unwrap_or_default());
    let entities: Vec<Json> = entities
        .into_iter()
        .filter(format)
        .take(FORMATTED)
        .collect();
    if !entities.is_empty() && json::text(&entities).len() <= TEXT / 2 {
        add(&mut content, "entities", entities.into());
    }
    content
}

fn captioned(kind: &str, attachments: Vec<Attachment>, message: &Object) -> Content {
    let content = Content {
        attachments,
        ..content(kind, message.text("caption"))
    };
    formatted(content, message, "caption_entities")
}

/// Files come by id; the host asks `locate` when it wants the bytes.
pub(super) fn file(of: &Object, mime: &str) -> Option<Attachment> {
    let id = of.text("file_id");
    let size = of.number("file_size").unwrap_or(0);
    is_id(&id).then(|| Attachment {
        source: format!("ref:{id}"),
        mime: clipped(of.given("mime_type").unwrap_or_else(|| mime.into()), 256),
        name: clipped(of.text("file_name"), 1024),
        size: u64::try_from(size).unwrap_or(0),
    })
}

fn media(message: &Object, name: &str, kind: &str, mime: &str) -> Option<Content> {
    let file = file(&message.object(name)?, mime)?;
    Some(captioned(kind, vec![file], message))
}

fn sound(message: &Object, name: &str, mime: &str, voice: bool) -> Option<Content> {
    let audio = message.object(name)?;
    let mut sound = media(message, name, "audio", mime)?;
    add(&mut sound, "voice", voice.into());
    if let ([file], Some(title)) = (sound.attachments.as_mut_slice(), audio.given("title"))
        && file.name.is_empty()
    {
        let by = audio.given("performer").map(|by| format!("{by} – "));
        file.name = clipped(by.unwrap_or_default() + &title, 1024);
    }
    Some(sound)
}

/// The largest of a picture's sizes.
pub(super) fn largest(sizes: &[Object]) -> Option<Attachment> {
    let area = |size: &&Object| {
        let side = |name| size.number(name).unwrap_or(0);
        side("width").saturating_mul(side("height"))
    };
    file(sizes.iter().max_by_key(area)?, "image/jpeg")
}

fn photo(message: &Object) -> Option<Content> {
    let picture = largest(&message.list("photo"))?;
    Some(captioned("image", vec![picture], message))
}

/// A picture with the seconds around it: both.
fn live_photo(message: &Object) -> Option<Content> {
    let live = message.object("live_photo")?;
    let still = largest(&live.list("photo")).or_else(|| largest(&message.list("photo")));
    let moving = file(&live, "video/mp4");
    let files: Vec<Attachment> = still.into_iter().chain(moving).collect();
    (!files.is_empty()).then(|| captioned("image", files, message))
}

fn sticker(message: &Object) -> Option<Content> {
    let sticker = message.object("sticker")?;
    let mime = match (sticker.is("is_animated"), sticker.is("is_video")) {
        (true, _) => "application/x-tgsticker",
        (_, true) => "video/webm",
        _ => "image/webp",
    };
    Some(Content {
        attachments: vec![file(&sticker, mime)?],
        ..content("sticker", sticker.text("emoji"))
    })
}

/// What was not paid for is only named.
fn paid_media(message: &Object) -> Option<Content> {
    let paid = message.object("paid_media")?;
    let files = paid.list("paid_media").into_iter().filter_map(|it| {
        let video = it.object("video").or_else(|| it.object("live_photo"));
        match video {
            Some(video) => file(&video, "video/mp4"),
            None => largest(&it.list("photo")),
        }
    });
    let stars = paid.number("star_count").unwrap_or(0);
    let mut content = captioned("unsupported", files.take(10).collect(), message);
    content.text = words::lines([format!("Mídia paga ({stars} estrelas)."), content.text]);
    add(&mut content, "type", "paid_media".into());
    Some(content)
}

fn contact(message: &Object) -> Option<Content> {
    let card = message.object("contact")?;
    let name = super::people::named(&card);
    let phone = card.given("phone_number");
    let phone = phone.map(|phone| match phone.starts_with('+') {
        true => phone,
        false => format!("+{phone}"),
    });
    if name.is_empty() && phone.is_none() {
        return None;
    }
    let vcard = card.text("vcard");
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

fn location(message: &Object) -> Option<Content> {
    place(&message.object("location")?, None)
}

fn venue(message: &Object) -> Option<Content> {
    let venue = message.object("venue")?;
    place(&venue.object("location")?, Some(&venue))
}

fn place(location: &Object, venue: Option<&Object>) -> Option<Content> {
    let mut extra = Map::new();
    for name in ["latitude", "longitude"] {
        extra.insert(name.into(), location.decimal(name)?.into());
    }
    let venue = |name| venue.and_then(|venue| venue.given(name));
    for (name, value) in [("name", venue("title")), ("address", venue("address"))] {
        if let Some(value) = value {
            extra.insert(name.into(), clipped(value, 1024).into());
        }
    }
    Some(Content {
        extra: written(extra),
        ..content("location", String::new())
    })
}

/// What a web application of the bot sent for the contact, who pressed its button.
fn web_app_data(message: &Object) -> Option<Content> {
    let app = message.object("web_app_data")?;
    let (data, title) = (app.given("data")?, app.text("button_text"));
    let extra = json::json!({ "id": clipped(title.clone(), 1024), "title": clipped(title, 1024) });
    Some(Content {
        extra: json::text(&extra),
        ..content("choice", data)
    })
}

fn rich_message(message: &Object) -> Option<Content> {
    let (text, attachments) = rich::read(&message.whole("rich_message")?)?;
    Some(Content {
        attachments,
        ..content("text", text)
    })
}

/// A kind for which the host has none, in words that say all of it.
fn told(
    message: &Object,
    name: &str,
    kind: &str,
    tell: fn(&Object) -> Option<String>,
) -> Option<Content> {
    let mut told = content(kind, tell(&message.object(name)?)?);
    if kind == "unsupported" {
        add(&mut told, "type", name.into());
    }
    Some(told)
}
