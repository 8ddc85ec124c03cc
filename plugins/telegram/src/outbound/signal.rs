//! What an agent does beside writing.

use super::{Call, address};
use crate::address::{MessageRef, Part, Thread};
use balcao_plugin::{Failure, json};
use serde_json::{Map, Value as Json, json};

/// The reactions that the provider lets bots set.
const EMOJIS: &str = "❤ 👍 👎 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤\u{200d}🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨\u{200d}💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷\u{200d}♂ 🤷 🤷\u{200d}♀ 😡";

/// The call that passes a signal on; none where there is nothing to tell the provider.
///
/// # Errors
/// A permanent failure for what the channel does not have, with the reason.
pub fn signal(thread: &Thread, kind: &str, data: &str) -> Result<Option<Call>, Failure> {
    let data: Json = json::parse(if data.is_empty() { "{}" } else { data })
        .map_err(|error| Failure::invalid(format!("The signal's data is not JSON: {error}")))?;
    let message = || {
        let message = data["message"].as_str().and_then(MessageRef::parse);
        message.ok_or_else(|| {
            Failure::invalid(format!(
                "The signal {kind} must name the message it is about."
            ))
        })
    };
    match kind {
        "typing" => Ok(typing(thread)),
        "read" => Ok(read(thread, &message()?)),
        "reaction" => reaction(
            thread,
            &message()?,
            data["emoji"].as_str().unwrap_or_default(),
        )
        .map(Some),
        other => Err(Failure::unsupported(format!(
            "O Telegram não tem o sinal {other}."
        ))),
    }
}

/// Not in a channel or its direct messages, where the provider shows none.
fn typing(thread: &Thread) -> Option<Call> {
    if matches!(thread.part, Part::Direct(_)) {
        return None;
    }
    let mut fields = Map::new();
    fields.insert("action".into(), "typing".into());
    address(&mut fields, thread);
    Some(Call::new("sendChatAction", fields))
}

/// Only business accounts show that a message was read; a bot reads everything.
fn read(thread: &Thread, message: &MessageRef) -> Option<Call> {
    thread.connection()?;
    let mut fields = Map::new();
    fields.insert("message_id".into(), message.number.into());
    address(&mut fields, thread);
    Some(Call::new("readBusinessMessage", fields))
}

fn reaction(thread: &Thread, message: &MessageRef, emoji: &str) -> Result<Call, Failure> {
    if thread.connection().is_some() {
        return Err(Failure::unsupported(
            "O Telegram não deixa reagir pela conta comercial.",
        ));
    }
    // Keyboards add a sign that asks for the coloured form.
    let plain = emoji.replace('\u{fe0f}', "");
    let known = EMOJIS.split(' ').find(|known| *known == plain);
    let reaction = match (plain.as_str(), known) {
        ("", _) => json!([]),
        (_, Some(emoji)) => json!([{ "type": "emoji", "emoji": emoji }]),
        (_, None) => {
            return Err(Failure::unsupported(format!(
                "O Telegram não aceita {emoji} como reação. Aceita, por exemplo, 👍 ❤ 🔥 👏 😁 🎉 🙏."
            )));
        }
    };
    let mut fields = Map::new();
    fields.insert("chat_id".into(), message.chat.into());
    fields.insert("message_id".into(), message.number.into());
    fields.insert("reaction".into(), reaction);
    Ok(Call::new("setMessageReaction", fields))
}
