//! What the provider posts to the business's webhook: statuses of sent messages, and messages of customers, signed. Also the `curl` line
//! by which one can do the same by hand.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::notify::Notice;
use crate::whatsapp::account::{Account, BUSINESS_ACCOUNT, DISPLAY_NUMBER};

/// A customer's text message.
pub struct Inbound<'a> {
    pub id: &'a str,
    /// Digits only.
    pub from: &'a str,
    /// The customer's profile name.
    pub name: &'a str,
    pub text: &'a str,
    /// Seconds since 1970.
    pub at: u64,
}

/// The notification of a customer's message.
pub fn inbound(account: &Account, message: &Inbound<'_>) -> Value {
    notification(
        account,
        "contacts",
        &json!([{ "profile": { "name": message.name }, "wa_id": message.from }]),
        Some(json!([{
            "from": message.from,
            "id": message.id,
            "timestamp": message.at.to_string(),
            "type": "text",
            "text": { "body": message.text },
        }])),
    )
}

/// The notification that a message reached `status` (`sent`, `delivered`, `read`); `at` in seconds since 1970.
pub fn status(account: &Account, id: &str, to: &str, status: &str, at: u64) -> Value {
    let mut row = json!({
        "id": id,
        "status": status,
        "timestamp": at.to_string(),
        "recipient_id": to,
    });
    if status != "read" {
        row["conversation"] =
            json!({ "id": format!("{to}-service"), "origin": { "type": "service" } });
        row["pricing"] = json!({
            "billable": false,
            "pricing_model": "PMP",
            "category": "service",
            "type": "free_customer_service",
        });
    }
    notification(account, "statuses", &json!([row]), None)
}

fn notification(account: &Account, key: &str, rows: &Value, messages: Option<Value>) -> Value {
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": digits(DISPLAY_NUMBER),
            "phone_number_id": account.phone_number_id,
        },
        key: rows,
    });
    if let Some(messages) = messages {
        value["messages"] = messages;
    }
    json!({
        "object": "whatsapp_business_account",
        "entry": [{ "id": BUSINESS_ACCOUNT, "changes": [{ "value": value, "field": "messages" }] }],
    })
}

/// Only the digits of a phone number.
pub fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// The value of `X-Hub-Signature-256` over exactly these bytes.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// A shell line that posts the same.
pub fn curl_line(account: &Account, url: &str, notification: &Value) -> String {
    let body = notification.to_string();
    let signature = signature(&account.app_secret, body.as_bytes());
    format!(
        "curl -i {} -H 'Content-Type: application/json' -H 'X-Hub-Signature-256: {signature}' --data-raw {}",
        quoted(url),
        quoted(&body)
    )
}

/// In single quotes, as a shell takes it for one word.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The notification as it is posted.
pub(crate) fn notice(account: &Account, notification: &Value) -> Notice {
    let body = notification.to_string();
    Notice {
        user_agent: "facebookexternalua",
        proof: (
            "x-hub-signature-256",
            signature(&account.app_secret, body.as_bytes()),
        ),
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        Account {
            phone_number_id: "1".to_owned(),
            access_token: "token".to_owned(),
            app_secret: "Jefe".to_owned(),
            channel: "Loja".to_owned(),
        }
    }

    #[test]
    fn the_signature_is_the_one_of_rfc_4231() {
        assert_eq!(
            signature("Jefe", b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn the_curl_line_is_one_word_per_argument_whatever_the_text() {
        let account = account();
        let message = Inbound {
            id: "wamid.1",
            from: "551190",
            name: "D'Ávila",
            text: "'; exit",
            at: 7,
        };
        let notification = inbound(&account, &message);
        let line = curl_line(&account, "http://127.0.0.1:8080/hooks/chn_1", &notification);
        let script = line.replacen("curl -i", "printf '%s\\n'", 1);
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let words: Vec<&str> = printed.lines().collect();
        let body = notification.to_string();
        let signed = format!(
            "X-Hub-Signature-256: {}",
            signature("Jefe", body.as_bytes())
        );
        assert_eq!(
            words,
            [
                "http://127.0.0.1:8080/hooks/chn_1",
                "-H",
                "Content-Type: application/json",
                "-H",
                &signed,
                "--data-raw",
                &body
            ]
        );
    }
}
