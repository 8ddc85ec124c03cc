//! What the provider posts to the app's webhook: messages that customers write, answers that they tap, and that they have seen a message.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Professional, api};
use crate::ledger::Sent;
use crate::notify::{Notice, deliver};
use crate::provider::Provider;
use crate::standin::{Standin, milliseconds};
use crate::whatsapp::webhook::signature;

/// A customer's text message: where it goes, its id, and the notification. None where nothing is to be posted.
pub(crate) fn text(
    standin: &Standin,
    from: &str,
    name: &str,
    text: &str,
    at: u64,
) -> Option<(String, String, Notice)> {
    message(standin, from, name, &json!({ "text": text }), at)
}

/// A customer taps a quick reply.
pub(crate) fn tap(
    standin: &Standin,
    from: &str,
    name: &str,
    title: &str,
    payload: &str,
) -> Option<(String, String, Notice)> {
    let said = json!({ "text": title, "quick_reply": { "payload": payload } });
    message(standin, from, name, &said, milliseconds())
}

fn message(
    standin: &Standin,
    from: &str,
    name: &str,
    said: &Value,
    at: u64,
) -> Option<(String, String, Notice)> {
    let account = standin.accounts().instagram.as_ref()?;
    let url = standin.webhook(Provider::Instagram)?;
    let mut state = standin.state();
    state
        .instagram
        .people
        .insert(from.to_owned(), name.to_owned());
    drop(state);
    let id = api::mid(standin);
    let mut said = said.clone();
    said["mid"] = id.clone().into();
    let event = json!({
        "sender": { "id": from },
        "recipient": { "id": account.id },
        "timestamp": at,
        "message": said,
    });
    Some((url, id, notice(account, &event, at)))
}

/// Tells a moment later that the customer has seen a message.
pub(crate) fn seen(standin: &Standin, sent: &Sent) {
    let Some(url) = standin.webhook(Provider::Instagram) else {
        return;
    };
    let (standin, sent) = (standin.clone(), sent.clone());
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(1900)).await;
        let Some(account) = &standin.accounts().instagram else {
            return;
        };
        let at = milliseconds();
        let event = json!({
            "sender": { "id": sent.to },
            "recipient": { "id": account.id },
            "timestamp": at,
            "read": { "mid": sent.id },
        });
        if let Err(error) = deliver(&url, &notice(account, &event, at)).await {
            eprintln!("Instagram: seen not delivered: {error:#}");
        }
    });
}

fn notice(account: &Professional, event: &Value, at: u64) -> Notice {
    let body = json!({
        "object": "instagram",
        "entry": [{ "time": at, "id": account.id, "messaging": [event] }],
    })
    .to_string();
    Notice {
        user_agent: "facebookexternalua",
        proof: (
            "x-hub-signature-256",
            signature(&account.app_secret, body.as_bytes()),
        ),
        body,
    }
}
