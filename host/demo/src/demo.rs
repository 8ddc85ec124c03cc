//! Which accounts the stand-ins play: those that the demo's channels are connected to, read from the same file that seeds the server.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::provider::Provider;
use crate::{instagram, telegram, whatsapp};

/// The business's side of each connection.
#[derive(Clone, Debug)]
pub struct Accounts {
    pub whatsapp: whatsapp::Account,
    pub telegram: Option<telegram::Bot>,
    pub instagram: Option<instagram::Professional>,
}

/// What is read of a demo file; the rest is the server's.
#[derive(Deserialize)]
pub(crate) struct Demo {
    channels: Vec<Channel>,
}

#[derive(Deserialize)]
struct Channel {
    plugin: String,
    name: String,
    settings: serde_json::Value,
}

impl Demo {
    /// # Errors
    /// Names the file and what is wrong in it.
    pub fn read(file: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is no demo file", file.display()))
    }

    /// Name and settings of the first channel of a plugin.
    ///
    /// # Errors
    /// Names the channel whose settings are not what the provider knows an account by.
    pub fn channel<S: DeserializeOwned>(&self, plugin: &str) -> Result<Option<(String, S)>> {
        let Some(channel) = self.channels.iter().find(|it| it.plugin == plugin) else {
            return Ok(None);
        };
        let settings = S::deserialize(&channel.settings)
            .with_context(|| format!("settings of the channel {}", channel.name))?;
        Ok(Some((channel.name.clone(), settings)))
    }
}

impl Accounts {
    /// Those of a demo file.
    ///
    /// # Errors
    /// Names the file, and the channel whose settings lack something.
    pub fn read(file: &Path) -> Result<Self> {
        let demo = Demo::read(file)?;
        Self::of(&demo).with_context(|| format!("{} is no demo file", file.display()))
    }

    fn of(demo: &Demo) -> Result<Self> {
        Ok(Self {
            whatsapp: whatsapp::Account::of(demo)?,
            telegram: telegram::Bot::of(demo)?,
            instagram: instagram::Professional::of(demo)?,
        })
    }

    /// Whose channel has that name in the demo.
    pub fn provider(&self, channel: &str) -> Option<Provider> {
        let telegram = self.telegram.as_ref().map(|it| it.channel.as_str());
        let instagram = self.instagram.as_ref().map(|it| it.channel.as_str());
        let names = [
            (Provider::Whatsapp, Some(self.whatsapp.channel.as_str())),
            (Provider::Telegram, telegram),
            (Provider::Instagram, instagram),
        ];
        names
            .into_iter()
            .find_map(|(provider, name)| (name == Some(channel)).then_some(provider))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts(text: &str) -> Result<Accounts> {
        Accounts::of(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn the_committed_demo_has_an_account_to_play_for_each_provider() {
        let accounts = accounts(include_str!("../demo.json")).unwrap();
        assert_eq!(accounts.whatsapp.phone_number_id, "100000000000001");
        let found = |name: &str| accounts.provider(name);
        assert_eq!(found("WhatsApp da loja"), Some(Provider::Whatsapp));
        assert_eq!(found("Telegram da loja"), Some(Provider::Telegram));
        assert_eq!(found("Instagram da loja"), Some(Provider::Instagram));
        assert_eq!(found("Outro"), None);
    }

    #[test]
    fn a_channel_without_a_secret_is_refused_by_name() {
        let text = r#"{"channels":[{"plugin":"whatsapp","name":"Loja","settings":{"phone_number_id":"1","access_token":"t"}}]}"#;
        let error = accounts(text).unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "settings of the channel Loja: missing field `app_secret`"
        );
    }
}
