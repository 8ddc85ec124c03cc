//! One message of a customer as the provider of each channel tells it: a webhook of the documented shape, what proves it, the settings of a channel that takes
//! it, and its reading by the connector's own code, compiled natively. What the rows about channels have in common.

use balcao_plugin::connector::{Brought, Event};
use balcao_runtime::secrets::Secrets;
use balcao_runtime::wit::channel::Request;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// Proves the webhooks of those that sign them, and is the secret of the one that does not.
pub const SECRET: &str = "d9f61f9fb2b8a5a7a0d1f1a2b3c4d5e6";
/// The accounts.
pub const NUMBER: &str = "200000000000002";
const INSTAGRAM: &str = "17841400000000002";

/// A channel's kind.
#[derive(Clone, Copy)]
pub struct Kind {
    /// The connector, and what follows the row's name.
    pub plugin: &'static str,
    /// Below the channel's address: where messages are posted.
    pub path: &'static str,
    /// A text of a contact (a number) with an id of its own.
    pub message: fn(contact: usize, n: usize, text: &str) -> Value,
    /// The event keys of a body; `visitor`: whose token came with it, where those who write are visitors.
    pub read: fn(&[u8], visitor: &str) -> Vec<String>,
    proof: Proof,
    settings: fn() -> Value,
}

/// What proves a body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    Signature,
    Secret,
    /// Of the visitor who writes.
    Token,
}

/// All that have a connector.
pub const KINDS: [Kind; 4] = [
    Kind {
        plugin: "whatsapp",
        path: "",
        message: whatsapp,
        read: |body, _| messages(&plugin_whatsapp::inbound::read(body, Some(NUMBER), || 0)),
        proof: Proof::Signature,
        settings: || json!({ "app_secret": SECRET, "verify_token": "v", "access_token": "t", "phone_number_id": NUMBER }),
    },
    Kind {
        plugin: "telegram",
        path: "",
        message: telegram,
        read: |body, _| {
            use plugin_telegram::inbound::{Wanted, read};
            messages(&read(body, Wanted::default(), || 0).brought)
        },
        proof: Proof::Secret,
        settings: || json!({ "bot_token": "100200:a-token-of-nobodys-bot", "webhook_secret": SECRET }),
    },
    Kind {
        plugin: "instagram",
        path: "",
        message: instagram,
        read: |body, _| {
            messages(&plugin_instagram::inbound::read(
                body,
                Some(INSTAGRAM),
                || 0,
            ))
        },
        proof: Proof::Signature,
        settings: || json!({ "app_secret": SECRET, "verify_token": "v", "access_token": "t", "account_id": INSTAGRAM }),
    },
    Kind {
        plugin: "widget",
        path: "/message",
        message: website,
        read: visited,
        proof: Proof::Token,
        settings: || json!({}),
    },
];

impl Kind {
    /// What an administrator gives.
    pub fn settings(&self) -> Value {
        (self.settings)()
    }

    /// Whether those who write have a token each.
    pub fn has_visitors(&self) -> bool {
        self.proof == Proof::Token
    }

    /// The secrets that prove its webhooks.
    pub fn secrets(&self) -> Secrets {
        match self.proof {
            Proof::Signature => Secrets::new([("app_secret", SECRET)]),
            Proof::Secret => Secrets::new([("webhook_secret", SECRET)]),
            Proof::Token => Secrets::default(),
        }
    }

    /// The header that proves the body; `token`: the visitor's who writes.
    pub fn proof(&self, body: &[u8], token: &str) -> (&'static str, String) {
        match self.proof {
            Proof::Signature => signed(body),
            Proof::Secret => ("x-telegram-bot-api-secret-token", SECRET.to_owned()),
            Proof::Token => ("authorization", format!("Bearer {token}")),
        }
    }

    /// The request as the server hands it on.
    pub fn request(&self, channel: &str, body: &[u8], token: &str) -> Request {
        let (name, value) = self.proof(body, token);
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Request {
            channel: channel.to_owned(),
            method: "POST".to_owned(),
            path: self.path.to_owned(),
            query: Vec::new(),
            headers: vec![
                header("accept", "*/*"),
                header("content-type", "application/json"),
                header(name, &value),
            ],
            body: body.to_vec(),
            remote: "127.0.0.1".to_owned(),
        }
    }

    /// A key under which the connector keeps what it has asked its provider about a contact, and what it keeps. Webhooks of Instagram name nobody: without
    /// it the connector would ask for the name first.
    pub fn known(&self, contact: usize) -> Option<(String, String)> {
        let profile = json!({ "name": name(contact) }).to_string();
        (self.plugin == "instagram").then(|| (format!("p/{}", person(contact)), profile))
    }
}

/// The keys of its messages.
fn messages(brought: &Brought) -> Vec<String> {
    let messages = brought.events.iter().filter_map(|it| match it {
        Event::Message { key, .. } => Some(key.clone()),
        _ => None,
    });
    messages.collect()
}

/// The keys of what a visitor writes.
fn visited(body: &[u8], visitor: &str) -> Vec<String> {
    use plugin_widget::{ask, inbound};
    let said: ask::Said = ask::read(body).unwrap_or_default();
    let answers = said.form.as_ref().map(ask::answers).unwrap_or_default();
    let who = inbound::Visitor {
        id: visitor,
        user: None,
        name: answers.get("name").map_or("", String::as_str),
    };
    let messages = inbound::message(who, &said, false, 0).unwrap_or_default();
    messages.iter().map(inbound::key).collect()
}

fn name(contact: usize) -> String {
    format!("Cliente {contact}")
}

/// A contact's id at those providers whose ids are numbers.
fn person(contact: usize) -> u64 {
    900_000_000_000_000 + contact as u64
}

fn signed(body: &[u8]) -> (&'static str, String) {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(SECRET.as_bytes())
        .expect("an HMAC takes keys of any length");
    mac.update(body);
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    ("x-hub-signature-256", signature)
}

fn whatsapp(contact: usize, n: usize, text: &str) -> Value {
    let from = format!("55119{contact:08}");
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": "100000000000001", "changes": [{ "field": "messages", "value": {
        "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": "551130000000", "phone_number_id": NUMBER },
        "contacts": [{ "profile": { "name": name(contact) }, "wa_id": from }],
        "messages": [{ "from": from, "id": format!("wamid.BENCH{n:026}"), "timestamp": "1767225600", "type": "text", "text": { "body": text } }],
    } }] }] })
}

fn telegram(contact: usize, n: usize, text: &str) -> Value {
    let (id, first, last) = (person(contact), "Cliente", contact.to_string());
    json!({ "update_id": 100_000_000 + n, "message": {
        "message_id": 1 + n,
        "from": { "id": id, "is_bot": false, "first_name": first, "last_name": last, "username": format!("cliente_{contact}"), "language_code": "pt-br" },
        "chat": { "id": id, "first_name": first, "last_name": last, "username": format!("cliente_{contact}"), "type": "private" },
        "date": 1_767_225_600,
        "text": text,
    } })
}

fn instagram(contact: usize, n: usize, text: &str) -> Value {
    json!({ "object": "instagram", "entry": [{ "id": INSTAGRAM, "time": 1_767_225_600_500_u64, "messaging": [{
        "sender": { "id": person(contact).to_string() },
        "recipient": { "id": INSTAGRAM },
        "timestamp": 1_767_225_600_000_u64,
        "message": { "mid": format!("aWdfZAG1faXRlbToxOklHTWVzc2FnZAUlEOjE3{n:030}"), "text": text },
    }] }] })
}

fn website(contact: usize, n: usize, text: &str) -> Value {
    json!({ "id": format!("c-{n:030}"), "text": text, "form": { "name": name(contact) } })
}
