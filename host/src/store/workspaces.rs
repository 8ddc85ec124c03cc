//! Workspaces: the tenants.

use sqlx::FromRow;

use super::{Tx, execute, fetch};
use crate::clock::Instant;
use crate::error::Result;
use crate::id::WorkspaceId;

#[derive(Clone, Debug, PartialEq, Eq, FromRow, serde::Deserialize)]
pub struct Workspace {
    pub id: WorkspaceId,
    pub name: String,
    /// A BCP 47 tag: `pt-BR`, `en`.
    pub locale: String,
    /// An IANA name: `America/Sao_Paulo`.
    pub time_zone: String,
    pub created_at: Instant,
    pub suspended_at: Option<Instant>,
}

impl Tx {
    pub async fn insert_workspace(&mut self, workspace: &Workspace) -> Result<()> {
        const SQL: &str = "INSERT INTO workspaces (id, name, locale, time_zone, created_at, suspended_at) VALUES ($1, $2, $3, $4, $5, $6)";
        const SEQ: &str =
            "INSERT INTO workspace_seq (workspace_id, seq, revision) VALUES ($1, 0, 0)";
        let it = workspace;
        execute!(
            self,
            SQL,
            it.id,
            &it.name,
            &it.locale,
            &it.time_zone,
            it.created_at,
            it.suspended_at
        )?;
        execute!(self, SEQ, it.id)?;
        Ok(())
    }

    pub async fn workspace(&mut self, id: WorkspaceId) -> Result<Option<Workspace>> {
        const SQL: &str = "SELECT * FROM workspaces WHERE id = $1";
        Ok(fetch!(fetch_optional, self, Workspace, SQL, id)?)
    }

    /// All of them, oldest first.
    pub async fn workspaces(&mut self) -> Result<Vec<Workspace>> {
        const SQL: &str = "SELECT * FROM workspaces ORDER BY id";
        Ok(fetch!(fetch_all, self, Workspace, SQL)?)
    }
}
