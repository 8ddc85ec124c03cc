//! The job that is compared: a signed webhook of the WhatsApp connector becomes one message. Owns the request, what must come of it, and how it
//! is done natively: the connector's own parsing, and the host's own verification, without any plugin between.

use std::hint::black_box;

use anyhow::{Context, ensure};
use balcao_plugin::connector::{Brought, Event};
use balcao_runtime::manifest::VerifyRule;
use balcao_runtime::package::Package;
use balcao_runtime::secrets::Secrets;
use balcao_runtime::verify::{Verdict, verify};
use balcao_runtime::wit::channel::Request;
use hmac::{Hmac, KeyInit, Mac};
use plugin_whatsapp::inbound;
use sha2::Sha256;

/// 1.3 KB, of the documented shape.
pub const BODY: &[u8] = include_bytes!("../../fixtures/webhook.json");
/// The account that the body is for.
pub const PHONE_NUMBER_ID: &str = crate::channels::NUMBER;
pub const APP_SECRET: &str = crate::channels::SECRET;
/// What the message in the body is recognised by.
pub const EVENT_KEY: &str = "m:wamid.HBgNNTUxMTkwMDAwMDAwMRUCABIYFDNBNEUyMzk4RkE3RDYxQjBDMDAy";

/// What the customer wrote in it.
pub fn text() -> anyhow::Result<String> {
    let body: serde_json::Value = serde_json::from_slice(BODY)?;
    let message = &body["entry"][0]["changes"][0]["value"]["messages"][0];
    let text = message["text"]["body"].as_str();
    Ok(text.context("the body has no text")?.to_owned())
}

/// What the body's `X-Hub-Signature-256` is.
pub fn signature() -> String {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(APP_SECRET.as_bytes())
        .expect("an HMAC takes keys of any length");
    mac.update(BODY);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// The request as the server hands it on.
pub fn request(channel: &str, body: &[u8]) -> Request {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Request {
        channel: channel.to_owned(),
        method: "POST".to_owned(),
        path: String::new(),
        query: Vec::new(),
        headers: vec![
            header("accept", "*/*"),
            header("accept-encoding", "deflate, gzip"),
            header("content-type", "application/json"),
            header("user-agent", "facebookexternalua"),
            header("x-hub-signature-256", &signature()),
        ],
        body: body.to_vec(),
        remote: "127.0.0.1".to_owned(),
    }
}

/// The job without a plugin.
pub struct Native {
    rules: Vec<VerifyRule>,
    secrets: Secrets,
    request: Request,
}

impl Native {
    pub fn new(whatsapp: &Package) -> Self {
        Self {
            rules: whatsapp.manifest().webhook.verify.clone(),
            secrets: Secrets::new([("app_secret", APP_SECRET)]),
            request: request("chn_1", BODY),
        }
    }

    pub fn headers(&self) -> &[(String, String)] {
        &self.request.headers
    }

    /// Verifies only: the part of it that the host does for every runtime.
    pub fn verify(&self) -> anyhow::Result<()> {
        let verdict = verify(
            &self.rules,
            &self.secrets,
            black_box(&self.request.method),
            &self.request.query,
            &self.request.headers,
            black_box(&self.request.body),
        );
        ensure!(verdict == Verdict::Accepted, "native: {verdict:?}");
        Ok(())
    }

    pub fn run(&self) -> anyhow::Result<Brought> {
        self.verify()?;
        Ok(inbound::read(
            black_box(&self.request.body),
            black_box(Some(PHONE_NUMBER_ID)),
            || 0,
        ))
    }

    /// That it gives what the others must give as well.
    pub fn check(&self) -> anyhow::Result<()> {
        let brought = self.run()?;
        let event = brought.events.first().context("native: no event")?;
        ensure!(
            matches!(event, Event::Message { key, .. } if key == EVENT_KEY)
                && brought.events.len() == 1,
            "native: {event:?}"
        );
        Ok(())
    }
}
