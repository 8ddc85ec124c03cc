//! What the provider posts to the bot's webhook: messages that customers write, and buttons that they press.

use serde_json::{Value, json};

use crate::notify::Notice;
use crate::provider::Provider;
use crate::standin::Standin;

/// A customer's text message: where it goes, its id (`CHAT:NUMBER`), and the update. None where nothing is to be posted.
pub(crate) fn text(
    standin: &Standin,
    from: &str,
    name: &str,
    text: &str,
    at: u64,
) -> Option<(String, String, Notice)> {
    let chat: i64 = from.parse().ok().filter(|chat| *chat > 0)?;
    let number = standin.state().telegram.number();
    let (first, last) = name.split_once(' ').unwrap_or((name, ""));
    let mut person = json!({ "id": chat, "first_name": first });
    if !last.is_empty() {
        person["last_name"] = last.into();
    }
    let mut sender = person.clone();
    sender["is_bot"] = false.into();
    sender["language_code"] = "pt-br".into();
    person["type"] = "private".into();
    let message = json!({
        "message_id": number,
        "from": sender,
        "chat": person,
        "date": at / 1000,
        "text": text,
    });
    let (url, notice) = update(standin, "message", message)?;
    Some((url, format!("{chat}:{number}"), notice))
}

/// A customer presses a button of one of the bot's messages: gives its text beside what [`text`] gives.
pub(crate) fn press(
    standin: &Standin,
    from: &str,
    name: &str,
    message: i64,
    data: &str,
) -> Option<(String, String, Notice)> {
    let chat: i64 = from.parse().ok()?;
    let (id, message) = {
        let mut state = standin.state();
        let state = &mut state.telegram;
        let message = state.messages.get(&(chat, message)).cloned()?;
        let id = state.number().to_string();
        state.queries.insert(id.clone());
        (id, message)
    };
    let query = json!({
        "id": id,
        "from": { "id": chat, "is_bot": false, "first_name": name },
        "message": message,
        "chat_instance": chat.to_string(),
        "data": data,
    });
    let (url, notice) = update(standin, "callback_query", query)?;
    Some((url, id, notice))
}

/// An update of a kind that the webhook wants.
fn update(standin: &Standin, kind: &str, content: Value) -> Option<(String, Notice)> {
    let bot = standin.accounts().telegram.as_ref()?;
    let told = standin.webhook(Provider::Telegram);
    let mut state = standin.state();
    let state = &mut state.telegram;
    let (url, secret) = match &state.webhook {
        Some(set) if !set.allowed.is_empty() && !set.allowed.iter().any(|it| it == kind) => {
            return None;
        }
        Some(set) => (set.url.clone(), set.secret.clone()),
        None => (told?, Some(bot.secret.clone())),
    };
    let body = json!({ "update_id": state.number(), kind: content }).to_string();
    let proof = (
        "x-telegram-bot-api-secret-token",
        secret.unwrap_or_default(),
    );
    let notice = Notice {
        user_agent: "telegram",
        proof,
        body,
    };
    Some((url, notice))
}
