//! The objects that calls carry as JSON: which fields the documents give them, which of those are needed, and their limits.

use serde_json::{Map, Value};

use super::answer::Refusal;
use super::parameter::integer;

/// Whether the file of an object is one that may be sent.
pub(super) type FileCheck<'a> = &'a dyn Fn(&Value) -> Result<(), Refusal>;
/// Whether an object is what the documents say.
pub(super) type Check = fn(&Value, FileCheck<'_>) -> Result<(), Refusal>;

const ENTITIES: &[&str] = &[
    "mention",
    "hashtag",
    "cashtag",
    "bot_command",
    "url",
    "email",
    "phone_number",
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

const UPDATES: &[&str] = &[
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "business_connection",
    "business_message",
    "edited_business_message",
    "deleted_business_messages",
    "guest_message",
    "message_reaction",
    "message_reaction_count",
    "inline_query",
    "chosen_inline_result",
    "callback_query",
    "shipping_query",
    "pre_checkout_query",
    "purchased_paid_media",
    "subscription",
    "poll",
    "poll_answer",
    "my_chat_member",
    "chat_member",
    "chat_join_request",
    "chat_boost",
    "removed_chat_boost",
    "managed_bot",
    "stopped_message_generation",
];

/// "Currently, it can be one of…"
const EMOJIS: &str = "❤ 👍 👎 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤\u{200d}🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨\u{200d}💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷\u{200d}♂ 🤷 🤷\u{200d}♀ 😡";

/// Bytes that a button may carry back.
const DATA: usize = 64;

/// An object whose fields nobody here looks at.
pub(super) fn any(value: &Value, _: FileCheck<'_>) -> Result<(), Refusal> {
    object(value, "object").map(drop)
}

pub(super) fn link_preview(value: &Value, _: FileCheck<'_>) -> Result<(), Refusal> {
    let fields = [
        "is_disabled",
        "url",
        "prefer_small_media",
        "prefer_large_media",
        "show_above_text",
    ];
    only(
        object(value, "link_preview_options")?,
        &fields,
        "link_preview_options",
    )
}

pub(super) fn reply(value: &Value, _: FileCheck<'_>) -> Result<(), Refusal> {
    let fields = [
        "message_id",
        "chat_id",
        "ephemeral_message_id",
        "allow_sending_without_reply",
        "quote",
        "quote_parse_mode",
        "quote_entities",
        "quote_position",
        "checklist_task_id",
        "poll_option_id",
    ];
    let reply = object(value, "reply_parameters")?;
    only(reply, &fields, "reply_parameters")?;
    let ids = ["message_id", "ephemeral_message_id"].map(|name| reply.get(name).and_then(integer));
    match ids.iter().flatten().all(|id| *id > 0) && ids.iter().any(Option::is_some) {
        true => Ok(()),
        false => Err(Refusal::bad("message to be replied not found")),
    }
}

/// Types and fields; [`within`] checks the places.
pub(super) fn entities(value: &Value, _: FileCheck<'_>) -> Result<(), Refusal> {
    let bad = |what: &str| Refusal::bad(&format!("can't parse entities: {what}"));
    let list = value.as_array().ok_or_else(|| bad("expected an array"))?;
    for entity in list {
        let kind = entity["type"].as_str().unwrap_or_default();
        if !ENTITIES.contains(&kind) {
            return Err(bad(&format!(
                "unsupported type \"{kind}\" of MessageEntity"
            )));
        }
        let at = ["offset", "length"].map(|name| entity[name].as_i64().unwrap_or(-1));
        if at[0] < 0 || at[1] < 1 {
            return Err(bad("a MessageEntity needs an offset and a length"));
        }
        let needed = match kind {
            "text_link" => "url",
            "text_mention" => "user",
            "custom_emoji" => "custom_emoji_id",
            "date_time" => "unix_time",
            _ => continue,
        };
        if entity[needed].is_null() {
            return Err(bad(&format!("a {kind} needs its {needed}")));
        }
    }
    Ok(())
}

/// Whether entities lie in the text: "Offset in UTF-16 code units to the start of the entity".
pub(super) fn within(entities: &Value, text: &str) -> Result<(), Refusal> {
    let units = i64::try_from(text.encode_utf16().count()).unwrap_or(i64::MAX);
    let end = |entity: &Value| {
        let [offset, length] = ["offset", "length"].map(|name| entity[name].as_i64().unwrap_or(0));
        offset.saturating_add(length)
    };
    match entities
        .as_array()
        .into_iter()
        .flatten()
        .any(|it| end(it) > units)
    {
        true => Err(Refusal::bad("entity beyond the end of the text")),
        false => Ok(()),
    }
}

/// Any of the four.
pub(super) fn markup(value: &Value, file: FileCheck<'_>) -> Result<(), Refusal> {
    let markup = object(value, "reply markup")?;
    if markup.contains_key("inline_keyboard") {
        return inline_markup(value, file);
    }
    if let Some(rows) = markup.get("keyboard") {
        let fields = [
            "keyboard",
            "is_persistent",
            "resize_keyboard",
            "one_time_keyboard",
            "input_field_placeholder",
            "selective",
        ];
        only(markup, &fields, "ReplyKeyboardMarkup")?;
        placeholder(markup)?;
        return each(rows, key);
    }
    if markup.get("remove_keyboard") == Some(&Value::Bool(true)) {
        return only(
            markup,
            &["remove_keyboard", "selective"],
            "ReplyKeyboardRemove",
        );
    }
    if markup.get("force_reply") == Some(&Value::Bool(true)) {
        let fields = ["force_reply", "input_field_placeholder", "selective"];
        only(markup, &fields, "ForceReply")?;
        return placeholder(markup);
    }
    Err(Refusal::bad("object expected as reply markup"))
}

/// "1-64 characters".
fn placeholder(markup: &Map<String, Value>) -> Result<(), Refusal> {
    let text = markup.get("input_field_placeholder");
    let length = text.map(|text| text.as_str().unwrap_or_default().chars().count());
    match length {
        Some(length) if !(1..=64).contains(&length) => Err(Refusal::bad(
            "input field placeholder must have 1-64 characters",
        )),
        _ => Ok(()),
    }
}

/// The one that edited messages may have.
pub(super) fn inline_markup(value: &Value, _: FileCheck<'_>) -> Result<(), Refusal> {
    let markup = object(value, "reply markup")?;
    only(markup, &["inline_keyboard"], "InlineKeyboardMarkup")?;
    let rows = markup.get("inline_keyboard");
    each(rows.unwrap_or(&Value::Null), button)
}

/// Every button of every row.
fn each(rows: &Value, check: fn(&Value) -> Result<(), Refusal>) -> Result<(), Refusal> {
    let bad = || Refusal::bad("can't parse keyboard: expected an Array of Array of buttons");
    for row in rows.as_array().ok_or_else(bad)? {
        for button in row.as_array().ok_or_else(bad)? {
            check(button)?;
        }
    }
    Ok(())
}

fn button(button: &Value) -> Result<(), Refusal> {
    const DOES: &[&str] = &[
        "url",
        "callback_data",
        "web_app",
        "login_url",
        "switch_inline_query",
        "switch_inline_query_current_chat",
        "switch_inline_query_chosen_chat",
        "copy_text",
        "callback_game",
        "pay",
    ];
    let fields = object(button, "InlineKeyboardButton")?;
    let all = [&["text", "icon_custom_emoji_id", "style"], DOES].concat();
    only(fields, &all, "InlineKeyboardButton")?;
    titled(fields)?;
    styled(fields)?;
    // "Exactly one of the fields other than text, icon_custom_emoji_id, and style must be used."
    if DOES
        .iter()
        .filter(|name| fields.contains_key(**name))
        .count()
        != 1
    {
        return Err(Refusal::bad(
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ));
    }
    if let Some(data) = fields.get("callback_data") {
        let length = data.as_str().unwrap_or_default().len();
        if !(1..=DATA).contains(&length) {
            return Err(Refusal::bad("BUTTON_DATA_INVALID"));
        }
    }
    let schemes = ["http://", "https://", "tg://"];
    match fields
        .get("url")
        .map(|url| url.as_str().unwrap_or_default())
    {
        Some(url) if !schemes.iter().any(|scheme| url.starts_with(scheme)) => {
            Err(Refusal::bad("BUTTON_URL_INVALID"))
        }
        _ => Ok(()),
    }
}

fn key(key: &Value) -> Result<(), Refusal> {
    const ASKS: &[&str] = &[
        "request_users",
        "request_chat",
        "request_managed_bot",
        "request_contact",
        "request_location",
        "request_poll",
        "web_app",
    ];
    // "For simple text buttons, String can be used".
    if key.as_str().is_some_and(|text| !text.is_empty()) {
        return Ok(());
    }
    let fields = object(key, "KeyboardButton")?;
    let all = [&["text", "icon_custom_emoji_id", "style"], ASKS].concat();
    only(fields, &all, "KeyboardButton")?;
    titled(fields)?;
    styled(fields)?;
    match ASKS
        .iter()
        .filter(|name| fields.contains_key(**name))
        .count()
        > 1
    {
        true => Err(Refusal::bad("a KeyboardButton asks for one thing at most")),
        false => Ok(()),
    }
}

fn titled(button: &Map<String, Value>) -> Result<(), Refusal> {
    let text = button.get("text").and_then(Value::as_str);
    match text.is_some_and(|text| !text.trim().is_empty()) {
        true => Ok(()),
        false => Err(Refusal::bad(
            "can't parse keyboard button: Field \"text\" must be of type String",
        )),
    }
}

fn styled(button: &Map<String, Value>) -> Result<(), Refusal> {
    match button.get("style").map(Value::as_str) {
        None | Some(Some("danger" | "success" | "primary")) => Ok(()),
        Some(_) => Err(Refusal::bad("can't parse keyboard button: invalid style")),
    }
}

/// "must include 2-10 items"; documents and audio only among themselves.
pub(super) fn album(value: &Value, file: FileCheck<'_>) -> Result<(), Refusal> {
    let items = value
        .as_array()
        .ok_or_else(|| Refusal::bad("can't parse media JSON object"))?;
    if !(2..=10).contains(&items.len()) {
        return Err(Refusal::bad(
            "wrong number of items in media: 2-10 are needed",
        ));
    }
    let mut kinds = Vec::new();
    for item in items {
        let fields = object(item, "InputMedia")?;
        let kind = item["type"].as_str().unwrap_or_default();
        let own: &[&str] = match kind {
            "photo" => &["show_caption_above_media", "has_spoiler"],
            "video" => &[
                "thumbnail",
                "cover",
                "start_timestamp",
                "show_caption_above_media",
                "width",
                "height",
                "duration",
                "supports_streaming",
                "has_spoiler",
            ],
            "live_photo" => &["photo", "show_caption_above_media", "has_spoiler"],
            "audio" => &["thumbnail", "duration", "performer", "title"],
            "document" => &["thumbnail", "disable_content_type_detection"],
            _ => return Err(Refusal::bad("type of InputMedia cannot be in an album")),
        };
        let shared = ["type", "media", "caption", "parse_mode", "caption_entities"];
        only(fields, &[&shared, own].concat(), "InputMedia")?;
        file(&item["media"])?;
        let caption = item["caption"].as_str().unwrap_or_default();
        if caption.chars().count() > 1024 {
            return Err(Refusal::bad("message caption is too long"));
        }
        if let Some(given) = fields.get("caption_entities") {
            entities(given, file)?;
            within(given, caption)?;
        }
        kinds.push(kind);
    }
    for alone in ["document", "audio"] {
        if kinds.contains(&alone) && kinds.iter().any(|kind| *kind != alone) {
            return Err(Refusal::bad(&format!(
                "{alone} can't be mixed with other media types"
            )));
        }
    }
    Ok(())
}

/// "bots can set up to one reaction per message"; "Paid reactions can't be used by bots."
pub(super) fn reaction(value: &Value, _: FileCheck<'_>) -> Result<(), Refusal> {
    let invalid = || Refusal::bad("REACTION_INVALID");
    let list = value.as_array().ok_or_else(invalid)?;
    if list.len() > 1 {
        return Err(Refusal::bad("REACTIONS_TOO_MANY"));
    }
    for reaction in list {
        let emoji = reaction["emoji"].as_str().unwrap_or_default();
        match reaction["type"].as_str() {
            Some("emoji") if EMOJIS.split(' ').any(|known| known == emoji) => {}
            Some("custom_emoji") if reaction["custom_emoji_id"].is_string() => {}
            _ => return Err(invalid()),
        }
    }
    Ok(())
}

pub(super) fn updates(value: &Value, _: FileCheck<'_>) -> Result<(), Refusal> {
    let known = |it: &Value| it.as_str().is_some_and(|it| UPDATES.contains(&it));
    match value.as_array() {
        Some(list) if list.iter().all(known) => Ok(()),
        _ => Err(Refusal::bad("can't parse allowed_updates")),
    }
}

/// "A JSON-serialized list of 1-100 identifiers".
pub(super) fn message_ids(value: &Value, _: FileCheck<'_>) -> Result<(), Refusal> {
    let positive = |it: &Value| integer(it).is_some_and(|id| id > 0);
    match value.as_array() {
        Some(list) if (1..=100).contains(&list.len()) && list.iter().all(positive) => Ok(()),
        _ => Err(Refusal::bad("message identifiers are not specified")),
    }
}

fn object<'a>(value: &'a Value, what: &str) -> Result<&'a Map<String, Value>, Refusal> {
    value
        .as_object()
        .ok_or_else(|| Refusal::bad(&format!("object expected as {what}")))
}

fn only(fields: &Map<String, Value>, known: &[&str], what: &str) -> Result<(), Refusal> {
    match fields.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Refusal::bad(&format!("{what} has no field {name}"))),
        None => Ok(()),
    }
}
