//! Which account the stand-in plays: the one that the demo's channel is connected to, read from the same file that seeds the server.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// The business's side of the connection, as the provider would know it.
#[derive(Clone, Debug)]
pub struct Account {
    /// The number's id in paths of the API.
    pub phone_number_id: String,
    /// The only bearer token that is good.
    pub access_token: String,
    /// Signs what is posted to the webhook.
    pub app_secret: String,
    /// The channel's name in the demo, by which the server names its webhook.
    pub channel: String,
}

/// The number that customers see. Invented: 5511 9 0000-0000 is nobody's.
pub const DISPLAY_NUMBER: &str = "+55 11 90000-0000";
/// The business account above the number.
pub const BUSINESS_ACCOUNT: &str = "200000000000001";

#[derive(Deserialize)]
struct Demo {
    channels: Vec<Channel>,
}

#[derive(Deserialize)]
struct Channel {
    plugin: String,
    name: String,
    settings: serde_json::Value,
}

#[derive(Deserialize)]
struct Settings {
    phone_number_id: String,
    access_token: String,
    app_secret: String,
}

impl Account {
    /// The first WhatsApp channel of a demo file.
    pub fn read(file: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        Self::parse(&text).with_context(|| format!("{} is no demo file", file.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let demo: Demo = serde_json::from_str(text)?;
        let channel = demo
            .channels
            .into_iter()
            .find(|channel| channel.plugin == "whatsapp")
            .context("it has no channel of the plugin whatsapp")?;
        let settings: Settings = serde_json::from_value(channel.settings)
            .with_context(|| format!("settings of the channel {}", channel.name))?;
        Ok(Self {
            phone_number_id: settings.phone_number_id,
            access_token: settings.access_token,
            app_secret: settings.app_secret,
            channel: channel.name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_demo_has_an_account_to_play() {
        let account = Account::parse(include_str!("../demo.json")).unwrap();
        assert_eq!(account.phone_number_id, "100000000000001");
        assert_eq!(account.channel, "WhatsApp da loja");
    }

    #[test]
    fn a_channel_without_a_secret_is_refused_by_name() {
        let text = r#"{"channels":[{"plugin":"whatsapp","name":"Loja","settings":{"phone_number_id":"1","access_token":"t"}}]}"#;
        let error = Account::parse(text).unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "settings of the channel Loja: missing field `app_secret`"
        );
    }
}
