//! A contact who writes through WhatsApp, to a channel whose settings have `SECRET` as their `app_secret`.

use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Client;

pub const SECRET: &str = "shh-shh";

/// Posts a webhook that brings this message, as its provider signs it; it is taken in.
pub async fn brings(client: &Client, channel: &str, message: &Value) {
    let body = json!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages", "value": {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "551130000000", "phone_number_id": "1"},
        "contacts": [{"profile": {"name": "Cliente"}, "wa_id": "5511911110000"}],
        "messages": [message],
    }}]}]})
    .to_string()
    .into_bytes();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).expect("any key");
    mac.update(&body);
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    let signed = [("x-hub-signature-256", signature.as_str())];
    let path = format!("/hooks/{channel}");
    let reply = client.raw(Method::POST, &path, &signed, body).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
}
