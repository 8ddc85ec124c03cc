//! Sealed secrets of channels and plugins. Never sees one open.

use super::{Tx, execute, fetch};
use crate::{clock::Instant, error::Result, id::WorkspaceId};

const OF_OWNER: &str =
    "SELECT name, sealed FROM secrets WHERE workspace_id = $1 AND owner = $2 ORDER BY name";
const NAMES: &str = "SELECT owner, name FROM secrets WHERE workspace_id = $1 ORDER BY owner, name";
const PUT: &str = "INSERT INTO secrets (workspace_id, owner, name, sealed, created_at) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (workspace_id, owner, name) DO UPDATE SET sealed = excluded.sealed, created_at = excluded.created_at";
const DELETE_OF_OWNER: &str = "DELETE FROM secrets WHERE workspace_id = $1 AND owner = $2";

impl Tx {
    /// Name and sealed value of each.
    pub async fn secrets_of(
        &mut self,
        workspace: WorkspaceId,
        owner: &str,
    ) -> Result<Vec<(String, Vec<u8>)>> {
        Ok(fetch!(
            fetch_all,
            self,
            (String, Vec<u8>),
            OF_OWNER,
            workspace,
            owner
        )?)
    }

    /// Owner and name of each that is set.
    pub async fn secret_names(&mut self, workspace: WorkspaceId) -> Result<Vec<(String, String)>> {
        Ok(fetch!(fetch_all, self, (String, String), NAMES, workspace)?)
    }

    pub async fn put_secret(
        &mut self,
        workspace: WorkspaceId,
        (owner, name): (&str, &str),
        sealed: &[u8],
        now: Instant,
    ) -> Result<()> {
        execute!(self, PUT, workspace, owner, name, sealed, now)?;
        Ok(())
    }

    pub async fn delete_secrets_of(&mut self, workspace: WorkspaceId, owner: &str) -> Result<()> {
        execute!(self, DELETE_OF_OWNER, workspace, owner)?;
        Ok(())
    }
}
