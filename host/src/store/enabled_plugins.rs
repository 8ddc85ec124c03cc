//! Which apps a workspace has enabled, with what settings and grants. Secrets are elsewhere.

use super::{Tx, execute, fetch};
use crate::{
    clock::Instant,
    error::Result,
    id::{LogId, WorkspaceId},
};

macro_rules! columns {
    () => {
        "workspace_id, plugin_id, digest, version, enabled, settings, granted, revision, breaker, enabled_at"
    };
}

const ALL: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM enabled_plugins WHERE workspace_id = $1 ORDER BY plugin_id"
);
const ONE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM enabled_plugins WHERE workspace_id = $1 AND plugin_id = $2"
);
const EVERYWHERE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM enabled_plugins WHERE enabled = $1 ORDER BY workspace_id, plugin_id"
);

const PUT: &str = "INSERT INTO enabled_plugins
       (workspace_id, plugin_id, digest, version, enabled, settings, granted, revision, enabled_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8)
     ON CONFLICT (workspace_id, plugin_id) DO UPDATE SET
       digest = excluded.digest, version = excluded.version, enabled = excluded.enabled, settings = excluded.settings,
       granted = excluded.granted, revision = enabled_plugins.revision + 1, breaker = NULL, enabled_at = excluded.enabled_at";

const SWITCH: &str = "UPDATE enabled_plugins SET enabled = $3, revision = revision + 1 WHERE workspace_id = $1 AND plugin_id = $2";
const SETTINGS: &str = "UPDATE enabled_plugins SET settings = $3, revision = revision + 1 WHERE workspace_id = $1 AND plugin_id = $2";
const BREAKER: &str =
    "UPDATE enabled_plugins SET breaker = $3 WHERE workspace_id = $1 AND plugin_id = $2";
const SWAP_BREAKER: &str = "UPDATE enabled_plugins SET breaker = $4 WHERE workspace_id = $1 AND plugin_id = $2 AND breaker = $3";
const BREAKERS: &str =
    "SELECT workspace_id, plugin_id, breaker FROM enabled_plugins WHERE breaker IS NOT NULL";

const TRIM_LOGS: &str = "DELETE FROM plugin_logs WHERE workspace_id = $1 AND plugin_id = $2 AND id <=
     (SELECT id FROM plugin_logs WHERE workspace_id = $1 AND plugin_id = $2 ORDER BY id DESC LIMIT 1 OFFSET $3)";

const LOGS: &str = "SELECT id, at, level, message, call_key FROM plugin_logs WHERE workspace_id = $1 AND plugin_id = $2
     AND ($3 IS NULL OR id < $3) AND ($4 = ',,' OR $4 LIKE '%,' || level || ',%') ORDER BY id DESC LIMIT $5";

/// An app in a workspace, enabled or once enabled.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow, serde::Deserialize)]
pub struct EnabledPlugin {
    pub workspace_id: WorkspaceId,
    pub plugin_id: String,
    /// Of the package that was consented to.
    pub digest: String,
    pub version: String,
    pub enabled: bool,
    /// JSON object without the secrets.
    pub settings: String,
    /// JSON list of permission codes.
    pub granted: String,
    /// Grows with every change of the above.
    pub revision: i64,
    /// While the circuit breaker is not closed: a `balcao_runtime::breaker::Rest` as JSON.
    pub breaker: Option<String>,
    pub enabled_at: Instant,
}

/// A line that a plugin logged, or that the host logged about it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow, serde::Deserialize)]
pub struct PluginLog {
    pub id: LogId,
    pub at: Instant,
    pub level: String,
    pub message: String,
    pub call_key: String,
}

impl Tx {
    pub async fn enabled_plugins(&mut self, workspace: WorkspaceId) -> Result<Vec<EnabledPlugin>> {
        Ok(fetch!(fetch_all, self, EnabledPlugin, ALL, workspace)?)
    }

    pub async fn enabled_plugin(
        &mut self,
        workspace: WorkspaceId,
        plugin: &str,
    ) -> Result<Option<EnabledPlugin>> {
        Ok(fetch!(
            fetch_optional,
            self,
            EnabledPlugin,
            ONE,
            workspace,
            plugin
        )?)
    }

    /// All that are enabled in all workspaces, for the registry's start.
    pub async fn plugins_enabled_everywhere(&mut self) -> Result<Vec<EnabledPlugin>> {
        Ok(fetch!(fetch_all, self, EnabledPlugin, EVERYWHERE, true)?)
    }

    /// Keeps an app's settings and grants, whatever was before, and whether it is on; the breaker closes.
    pub async fn put_enabled_plugin(&mut self, plugin: &EnabledPlugin) -> Result<()> {
        execute!(
            self,
            PUT,
            plugin.workspace_id,
            plugin.plugin_id.as_str(),
            plugin.digest.as_str(),
            plugin.version.as_str(),
            plugin.enabled,
            plugin.settings.as_str(),
            plugin.granted.as_str(),
            plugin.enabled_at,
        )?;
        Ok(())
    }

    /// The app is on from now on, with what it has been given.
    pub async fn enable_plugin(&mut self, workspace: WorkspaceId, plugin: &str) -> Result<()> {
        execute!(self, SWITCH, workspace, plugin, true)?;
        Ok(())
    }

    /// Whether it was there. Its settings, secrets and data stay.
    pub async fn disable_plugin(&mut self, workspace: WorkspaceId, plugin: &str) -> Result<bool> {
        Ok(execute!(self, SWITCH, workspace, plugin, false)? > 0)
    }

    pub async fn set_plugin_settings(
        &mut self,
        workspace: WorkspaceId,
        plugin: &str,
        settings: &str,
    ) -> Result<bool> {
        Ok(execute!(self, SETTINGS, workspace, plugin, settings)? > 0)
    }

    /// Opens (some JSON) or closes the circuit breaker.
    pub async fn set_plugin_breaker(
        &mut self,
        workspace: WorkspaceId,
        plugin: &str,
        breaker: Option<&str>,
    ) -> Result<()> {
        execute!(self, BREAKER, workspace, plugin, breaker)?;
        Ok(())
    }

    /// Puts another state in the place of the one that is known. False: somebody else has changed it meanwhile.
    pub async fn swap_plugin_breaker(
        &mut self,
        workspace: WorkspaceId,
        plugin: &str,
        known: &str,
        next: &str,
    ) -> Result<bool> {
        Ok(execute!(self, SWAP_BREAKER, workspace, plugin, known, next)? > 0)
    }

    /// Workspace, plugin and state of all breakers that are not closed.
    pub async fn plugin_breakers(&mut self) -> Result<Vec<(WorkspaceId, String, String)>> {
        Ok(fetch!(fetch_all, self, _, BREAKERS)?)
    }

    /// Keeps the newest `kept` lines of a plugin's log.
    pub async fn trim_plugin_logs(
        &mut self,
        workspace: WorkspaceId,
        plugin: &str,
        kept: u32,
    ) -> Result<u64> {
        Ok(execute!(
            self,
            TRIM_LOGS,
            workspace,
            plugin,
            i64::from(kept)
        )?)
    }

    /// The newest lines of these levels (none: all) first, before `before`.
    pub async fn plugin_logs(
        &mut self,
        workspace: WorkspaceId,
        plugin: &str,
        before: Option<LogId>,
        levels: &[&str],
        limit: u32,
    ) -> Result<Vec<PluginLog>> {
        let levels = format!(",{},", levels.join(","));
        let limit = i64::from(limit);
        Ok(fetch!(
            fetch_all, self, PluginLog, LOGS, workspace, plugin, before, levels, limit
        )?)
    }
}
