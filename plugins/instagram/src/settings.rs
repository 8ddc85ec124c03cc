//! The channel's settings as the form gives them, and which of the provider's two addresses they mean. No secrets.

use balcao_plugin::{Failure, settings};
use serde::Deserialize;

/// How the app was linked to the account. Each kind of token is taken by its own host only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Login {
    /// "Instagram API with Instagram Login": an Instagram user's token.
    #[default]
    Instagram,
    /// "Instagram API with Facebook Login": the token of the linked Page.
    Facebook,
}

impl Login {
    /// The host and version that paths and shapes here are written for.
    pub fn api(self) -> &'static str {
        match self {
            Self::Instagram => "https://graph.instagram.com/v25.0",
            Self::Facebook => "https://graph.facebook.com/v25.0",
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub login: Login,
    account_id: String,
    /// Whether the app may answer for seven days, as people do.
    pub human_agent: bool,
}

impl Settings {
    /// # Errors
    /// Where they are not of this shape.
    pub fn read() -> Result<Self, Failure> {
        settings::workspace()
    }

    /// The only account whose events are taken; none: every account's.
    pub fn account(&self) -> Option<&str> {
        Some(self.account_id.trim()).filter(|id| !id.is_empty())
    }
}
