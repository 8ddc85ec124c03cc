//! Channels, as stored. A channel's id alone finds it: webhooks know nothing else.

use super::{Tx, execute, fetch};
use crate::{
    channel::{Channel, ChannelChange, HealthState},
    error::Result,
    id::{ChannelId, WorkspaceId},
};

macro_rules! columns {
    () => {
        "workspace_id, id, plugin_id, name, team_id, settings, enabled, health_state, health_message, health_by, capabilities, account, max_file_bytes, created_at"
    };
}

const ALL: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM channels WHERE workspace_id = $1 ORDER BY id"
);
const BY_ID: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM channels WHERE workspace_id = $1 AND id = $2"
);
const ANYWHERE: &str = concat!("SELECT ", columns!(), " FROM channels WHERE id = $1");

const INSERT: &str = "INSERT INTO channels
       (workspace_id, id, plugin_id, name, team_id, settings, enabled, health_state, health_message, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, 'unknown', '', $8)";

const UPDATE: &str = "UPDATE channels SET
       name = COALESCE($3, name),
       team_id = CASE WHEN $4 THEN $5 ELSE team_id END,
       enabled = COALESCE($6, enabled),
       settings = COALESCE($7, settings),
       max_file_bytes = CASE WHEN $8 THEN $9 ELSE max_file_bytes END
     WHERE workspace_id = $1 AND id = $2";

const HEALTH: &str = "UPDATE channels SET health_state = $3, health_message = $4, health_by = ''
     WHERE workspace_id = $1 AND id = $2 AND (health_state <> $3 OR health_message <> $4)";
// What something else has found stands, unless sending proves it wrong: by ending a connection, or by showing that there is one.
const SENDING: &str = "UPDATE channels SET health_state = $3, health_message = $4, health_by = CASE WHEN $3 = 'connected' THEN '' ELSE 'send' END
     WHERE workspace_id = $1 AND id = $2 AND (health_state <> $3 OR health_message <> $4)
       AND (health_by = 'send' OR health_state = 'unknown' OR $3 = 'disconnected' OR health_state = CASE WHEN $3 = 'connected' THEN 'disconnected' ELSE 'connected' END)";
const WORKS: &str = "UPDATE channels SET health_state = 'connected' WHERE workspace_id = $1 AND id = $2 AND health_state = 'unknown'";
const CAPABILITIES: &str =
    "UPDATE channels SET capabilities = $3 WHERE workspace_id = $1 AND id = $2";
const ACCOUNT: &str = "UPDATE channels SET account = $3 WHERE workspace_id = $1 AND id = $2";
const USED: &str = "SELECT COUNT(*) FROM conversations WHERE workspace_id = $1 AND channel_id = $2";
const DELETE: &str = "DELETE FROM channels WHERE workspace_id = $1 AND id = $2";
const DELETE_PARKED: &str =
    "DELETE FROM parked_requests WHERE workspace_id = $1 AND channel_id = $2";

impl Tx {
    pub async fn channels(&mut self, workspace: WorkspaceId) -> Result<Vec<Channel>> {
        Ok(fetch!(fetch_all, self, Channel, ALL, workspace)?)
    }

    pub async fn channel(
        &mut self,
        workspace: WorkspaceId,
        id: ChannelId,
    ) -> Result<Option<Channel>> {
        Ok(fetch!(fetch_optional, self, Channel, BY_ID, workspace, id)?)
    }

    /// The channel that a webhook names; the workspace comes with it.
    pub async fn channel_anywhere(&mut self, id: ChannelId) -> Result<Option<Channel>> {
        Ok(fetch!(fetch_optional, self, Channel, ANYWHERE, id)?)
    }

    pub async fn insert_channel(&mut self, channel: &Channel) -> Result<()> {
        execute!(
            self,
            INSERT,
            channel.workspace_id,
            channel.id,
            channel.plugin_id.as_str(),
            channel.name.as_str(),
            channel.team_id,
            channel.settings.as_str(),
            channel.enabled,
            channel.created_at,
        )?;
        Ok(())
    }

    /// Whether there was such a channel.
    pub async fn update_channel(
        &mut self,
        workspace: WorkspaceId,
        id: ChannelId,
        change: &ChannelChange,
    ) -> Result<bool> {
        let done = execute!(
            self,
            UPDATE,
            workspace,
            id,
            change.name.as_deref(),
            change.team.is_some(),
            change.team.flatten(),
            change.enabled,
            change.settings.as_deref(),
            change.max_file_bytes.is_some(),
            change.max_file_bytes.flatten(),
        )?;
        Ok(done > 0)
    }

    pub async fn set_channel_health(
        &mut self,
        workspace: WorkspaceId,
        id: ChannelId,
        state: HealthState,
        message: &str,
    ) -> Result<bool> {
        Ok(execute!(self, HEALTH, workspace, id, state.as_str(), message)? > 0)
    }

    /// Something has come or gone through a channel of which nothing was known. Whether that was so.
    pub async fn channel_works(&mut self, workspace: WorkspaceId, id: ChannelId) -> Result<bool> {
        Ok(execute!(self, WORKS, workspace, id)? > 0)
    }

    /// Shows what sending says of the channel. Whether that is news.
    pub async fn show_sending(
        &mut self,
        workspace: WorkspaceId,
        id: ChannelId,
        state: HealthState,
        message: &str,
    ) -> Result<bool> {
        Ok(execute!(self, SENDING, workspace, id, state.as_str(), message)? > 0)
    }

    /// What the plugin says the channel can do, as JSON.
    pub async fn set_channel_capabilities(
        &mut self,
        workspace: WorkspaceId,
        id: ChannelId,
        json: &str,
    ) -> Result<()> {
        execute!(self, CAPABILITIES, workspace, id, json)?;
        Ok(())
    }

    /// The account that the plugin found behind the settings, as JSON.
    pub async fn set_channel_account(
        &mut self,
        workspace: WorkspaceId,
        id: ChannelId,
        json: &str,
    ) -> Result<()> {
        execute!(self, ACCOUNT, workspace, id, json)?;
        Ok(())
    }

    /// Whether anything was ever said through it: then it stays, disabled.
    pub async fn channel_is_used(&mut self, workspace: WorkspaceId, id: ChannelId) -> Result<bool> {
        let (n,): (i64,) = fetch!(fetch_one, self, (i64,), USED, workspace, id)?;
        Ok(n > 0)
    }

    /// Removes a channel that was never used.
    pub async fn delete_channel(&mut self, workspace: WorkspaceId, id: ChannelId) -> Result<bool> {
        execute!(self, DELETE_PARKED, workspace, id)?;
        Ok(execute!(self, DELETE, workspace, id)? > 0)
    }
}
