//! The Telegram Bot API at `api.telegram.org`, after https://core.telegram.org/bots/api (10.3).

pub(crate) mod answer;
pub(crate) mod api;
mod method;
mod object;
mod parameter;
pub(crate) mod webhook;

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;

use crate::demo::Demo;
use crate::reply::Upload;

/// A bot as @BotFather knows it.
#[derive(Clone, Debug)]
pub struct Bot {
    /// The only token that is good; its digits before the colon are the bot's id.
    pub token: String,
    /// Goes with what is posted to the webhook until `setWebhook` names another.
    pub secret: String,
    /// The channel's name in the demo, by which the server names its webhook.
    pub channel: String,
}

#[derive(Deserialize)]
struct Settings {
    bot_token: String,
    webhook_secret: String,
}

impl Bot {
    pub(crate) fn of(demo: &Demo) -> Result<Option<Self>> {
        let found = demo.channel::<Settings>("telegram")?;
        Ok(found.map(|(channel, settings)| Self {
            token: settings.bot_token,
            secret: settings.webhook_secret,
            channel,
        }))
    }

    /// Its user id.
    pub fn id(&self) -> i64 {
        let digits = self.token.split(':').next().unwrap_or_default();
        digits.parse().unwrap_or_default()
    }
}

/// What `setWebhook` said.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    pub url: String,
    pub secret: Option<String>,
    /// Kinds of updates; none are the usual ones.
    pub allowed: Vec<String>,
}

/// What changes at this provider.
#[derive(Default)]
pub(crate) struct State {
    pub webhook: Option<Webhook>,
    /// By `file_id`.
    files: HashMap<String, Upload>,
    /// The bot's messages by chat and number.
    pub messages: HashMap<(i64, i64), Value>,
    /// Buttons that were pressed and not answered yet.
    pub queries: HashSet<String>,
    last: i64,
}

impl State {
    /// Numbers go on from `started`, in seconds since 1970, so that those of the next stand-in are higher.
    pub fn new(started: u64) -> Self {
        Self {
            last: i64::try_from(started).unwrap_or_default(),
            ..Self::default()
        }
    }

    /// A number for a message or an update.
    pub fn number(&mut self) -> i64 {
        self.last += 1;
        self.last
    }

    pub fn keep(&mut self, id: String, file: Upload) {
        self.files.insert(id, file);
    }

    pub fn file(&self, id: &str) -> Option<&Upload> {
        self.files.get(id)
    }
}
