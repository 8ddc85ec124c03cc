//! The account that is played: the one that the demo's channel is connected to.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::demo::Demo;

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
struct Settings {
    phone_number_id: String,
    access_token: String,
    app_secret: String,
}

impl Account {
    /// The first WhatsApp channel of a demo file.
    ///
    /// # Errors
    /// Names the file and what is wrong in it.
    pub fn read(file: &Path) -> Result<Self> {
        let demo = Demo::read(file)?;
        Self::of(&demo).with_context(|| format!("{} is no demo file", file.display()))
    }

    pub(crate) fn of(demo: &Demo) -> Result<Self> {
        let (channel, settings) = demo
            .channel::<Settings>("whatsapp")?
            .context("it has no channel of the plugin whatsapp")?;
        Ok(Self {
            phone_number_id: settings.phone_number_id,
            access_token: settings.access_token,
            app_secret: settings.app_secret,
            channel,
        })
    }
}
