//! Instagram messaging: `graph.instagram.com` with an account's token, `graph.facebook.com` with its Page's, files at `lookaside.fbsbx.com`.
//! After the Instagram Platform's documents of 2026 (v25.0); the pages and their dates are in this crate's README.

pub(crate) mod answer;
pub(crate) mod api;
mod message;
pub(crate) mod webhook;

use std::collections::HashMap;

use anyhow::Result;
use serde::Deserialize;

use crate::demo::Demo;
use crate::reply::Upload;

/// A professional account as Meta knows it.
#[derive(Clone, Debug)]
pub struct Professional {
    /// The account's id, which webhooks name.
    pub id: String,
    /// The only token that is good.
    pub access_token: String,
    /// Signs what is posted to the webhook.
    pub app_secret: String,
    /// The channel's name in the demo, by which the server names its webhook.
    pub channel: String,
}

#[derive(Deserialize)]
struct Settings {
    account_id: String,
    access_token: String,
    app_secret: String,
}

impl Professional {
    pub(crate) fn of(demo: &Demo) -> Result<Option<Self>> {
        let found = demo.channel::<Settings>("instagram")?;
        Ok(found.map(|(channel, settings)| Self {
            id: settings.account_id,
            access_token: settings.access_token,
            app_secret: settings.app_secret,
            channel,
        }))
    }
}

/// What changes at this provider.
#[derive(Default)]
pub(crate) struct State {
    /// Names of people who wrote, by their ids for this account.
    pub people: HashMap<String, String>,
    /// Texts of messages that went out, by their ids.
    pub messages: HashMap<String, String>,
    /// Files by `asset_id`.
    pub files: HashMap<String, Upload>,
    /// Fields that the account is subscribed to.
    pub subscribed: Vec<String>,
}
