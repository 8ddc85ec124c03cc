//! What the provider posts to the business's webhook: statuses of sent messages, and messages of customers, signed. Also the `curl` line
//! by which one can do the same by hand.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::body::Body;
use hmac::{Hmac, KeyInit, Mac};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpStream;

use crate::account::{Account, BUSINESS_ACCOUNT, DISPLAY_NUMBER};

/// The pauses before a failed delivery is tried again; the real provider goes on for days.
const AGAIN: [Duration; 5] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];
/// How long the receiver may think.
const PATIENCE: Duration = Duration::from_secs(10);

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

/// Posts until the receiver answers 2xx, with growing pauses; gives up with what went wrong last.
pub async fn deliver(account: &Account, url: &str, notification: &Value) -> Result<()> {
    let body = notification.to_string();
    let mut pauses = AGAIN.iter();
    loop {
        let outcome = tokio::time::timeout(PATIENCE, post(account, url, body.clone())).await;
        let error = match outcome {
            Ok(Ok(status)) if (200..300).contains(&status) => return Ok(()),
            Ok(Ok(status)) => format!("{url} answered {status}"),
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => format!("{url} did not answer in time"),
        };
        match pauses.next() {
            Some(pause) => tokio::time::sleep(*pause).await,
            None => bail!(error),
        }
    }
}

/// One attempt; the HTTP status. Only plain http, because the receiver is on this machine.
async fn post(account: &Account, url: &str, body: String) -> Result<u16> {
    let uri: hyper::Uri = url
        .parse()
        .with_context(|| format!("{url} is no address"))?;
    let authority = uri
        .authority()
        .with_context(|| format!("{url} names no host"))?;
    if uri.scheme_str() != Some("http") {
        bail!("{url} is not plain http");
    }
    let stream = TcpStream::connect((authority.host(), authority.port_u16().unwrap_or(80)))
        .await
        .with_context(|| format!("{authority} cannot be reached"))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::post(uri.path_and_query().map_or("/", |path| path.as_str()))
        .header("host", authority.as_str())
        .header("user-agent", "facebookexternalua")
        .header("content-type", "application/json")
        .header(
            "x-hub-signature-256",
            signature(&account.app_secret, body.as_bytes()),
        )
        .body(Body::from(body))?;
    let running = tokio::spawn(connection);
    let status = sender.send_request(request).await?.status().as_u16();
    running.abort();
    Ok(status)
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
