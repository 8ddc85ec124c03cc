//! A connected account that a connector app serves. Pure types; no SQL, no HTTP, and no knowledge of any provider.

use serde::{Deserialize, Serialize};

use crate::{
    clock::Instant,
    id::{ChannelId, TeamId, WorkspaceId},
};

/// How a channel is doing, as its plugin or the host last saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    Connected,
    Degraded,
    Disconnected,
    Unknown,
}

impl HealthState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Degraded => "degraded",
            Self::Disconnected => "disconnected",
            Self::Unknown => "unknown",
        }
    }
}

impl From<String> for HealthState {
    /// Plugins say this in open codes; one that is not known says nothing.
    fn from(text: String) -> Self {
        match text.as_str() {
            "connected" => Self::Connected,
            "degraded" => Self::Degraded,
            "disconnected" => Self::Disconnected,
            _ => Self::Unknown,
        }
    }
}

/// A connected account.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, sqlx::FromRow)]
pub struct Channel {
    pub workspace_id: WorkspaceId,
    pub id: ChannelId,
    pub plugin_id: String,
    pub name: String,
    /// Where its new conversations go.
    pub team_id: Option<TeamId>,
    /// JSON object valid against the plugin's schema, without the secrets.
    pub settings: String,
    pub enabled: bool,
    #[sqlx(try_from = "String")]
    pub health_state: HealthState,
    pub health_message: String,
    /// `send` where attempts to send have shown it; else empty.
    pub health_by: String,
    /// JSON, as the plugin described it; none while it was not asked.
    pub capabilities: Option<String>,
    /// JSON, as the plugin's `connect` gave it.
    pub account: Option<String>,
    /// Bytes of the largest file that contacts and agents may send; none where nobody has set one.
    pub max_file_bytes: Option<i64>,
    pub created_at: Instant,
}

/// A change of a channel; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct ChannelChange {
    pub name: Option<String>,
    /// `Some(None)`: no team.
    pub team: Option<Option<TeamId>>,
    pub enabled: Option<bool>,
    pub settings: Option<String>,
    /// `Some(None)`: no bound of its own.
    pub max_file_bytes: Option<Option<i64>>,
}
