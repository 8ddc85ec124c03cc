//! The providers of the load: how each tells what its customers write, and proves that it did. A customer's id is digits at all of them, and their name; those
//! who write by a website are browsers, which have their name from the form.

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};

/// Proves the webhooks of those that sign them, and is the secret of the one that does not.
const SECRET: &str = "kill-app-secret";
/// The accounts.
const NUMBER_ID: &str = "100000000000001";
const INSTAGRAM_ID: &str = "17841400000000001";
/// How many messages of a customer have numbers of their own at most.
const EACH: u64 = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    WhatsApp,
    Telegram,
    Instagram,
    Website,
}

impl Provider {
    pub const ALL: [Self; 4] = [
        Self::WhatsApp,
        Self::Telegram,
        Self::Instagram,
        Self::Website,
    ];

    pub fn plugin(self) -> &'static str {
        match self {
            Self::WhatsApp => "whatsapp",
            Self::Telegram => "telegram",
            Self::Instagram => "instagram",
            Self::Website => "widget",
        }
    }

    /// What an administrator gives.
    pub fn settings(self) -> Value {
        match self {
            Self::WhatsApp => json!({
                "phone_number_id": NUMBER_ID, "access_token": "kill-access-token",
                "app_secret": SECRET, "verify_token": "kill-verify-token",
            }),
            Self::Telegram => {
                json!({"bot_token": "100200:kill-access-token", "webhook_secret": SECRET})
            }
            Self::Instagram => json!({
                "account_id": INSTAGRAM_ID, "access_token": "kill-access-token",
                "app_secret": SECRET, "verify_token": "kill-verify-token",
            }),
            // The name, which is chance otherwise.
            Self::Website => json!({"ask_name": "required"}),
        }
    }

    /// Where its interface is; none where nothing is sent anywhere.
    pub fn host(self) -> Option<&'static str> {
        match self {
            Self::WhatsApp => Some("graph.facebook.com"),
            Self::Telegram => Some("api.telegram.org"),
            Self::Instagram => Some("graph.instagram.com"),
            Self::Website => None,
        }
    }

    /// Below the channel's address: where what customers write is posted.
    pub fn path(self) -> &'static str {
        match self {
            Self::Website => "/message",
            _ => "",
        }
    }

    /// The header that proves a body; `token`: the visitor's.
    pub fn proof(self, body: &str, token: &str) -> (&'static str, String) {
        match self {
            Self::Website => return ("authorization", format!("Bearer {token}")),
            Self::Telegram => return ("x-telegram-bot-api-secret-token", SECRET.to_owned()),
            Self::WhatsApp | Self::Instagram => {}
        }
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).expect("any key");
        mac.update(body.as_bytes());
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        ("x-hub-signature-256", signature)
    }

    /// Webhooks that tell of a customer's messages, the first of which is their `first`th.
    pub fn webhooks(self, from: &str, first: usize, texts: &[String]) -> Vec<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.expect("after 1970").as_secs();
        let numbered = (first..).zip(texts);
        match self {
            Self::WhatsApp => vec![whatsapp(from, now, texts)],
            Self::Telegram => numbered
                .map(|(n, text)| telegram(from, now, n, text))
                .collect(),
            Self::Instagram => vec![instagram(from, now, texts)],
            Self::Website => numbered.map(|(n, text)| website(from, n, text)).collect(),
        }
    }
}

fn whatsapp(from: &str, now: u64, texts: &[String]) -> String {
    let now = now.to_string();
    let messages: Vec<Value> = texts
        .iter()
        .map(|text| json!({"from": from, "id": format!("wamid.{text}"), "timestamp": now, "type": "text", "text": {"body": text}}))
        .collect();
    json!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages", "value": {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "5511900000000", "phone_number_id": NUMBER_ID},
        "contacts": [{"profile": {"name": from}, "wa_id": from}],
        "messages": messages,
    }}]}]})
    .to_string()
}

fn telegram(from: &str, now: u64, n: usize, text: &str) -> String {
    let id: u64 = from.parse().expect("digits");
    let update = id % 100_000_000 * EACH + n as u64;
    json!({"update_id": update, "message": {
        "message_id": n + 1,
        "from": {"id": id, "is_bot": false, "first_name": from},
        "chat": {"id": id, "type": "private", "first_name": from},
        "date": now,
        "text": text,
    }})
    .to_string()
}

fn instagram(from: &str, now: u64, texts: &[String]) -> String {
    let messages: Vec<Value> = texts
        .iter()
        .map(|text| {
            json!({
                "sender": {"id": from}, "recipient": {"id": INSTAGRAM_ID}, "timestamp": now * 1_000,
                "message": {"mid": format!("mid.{text}"), "text": text},
            })
        })
        .collect();
    json!({"object": "instagram", "entry": [{"id": INSTAGRAM_ID, "time": now * 1_000, "messaging": messages}]}).to_string()
}

fn website(from: &str, n: usize, text: &str) -> String {
    json!({"id": format!("c-{from}-{n}"), "text": text, "form": {"name": from}}).to_string()
}
