//! What the server remembers about itself, and the workspaces' sealed keys.

use super::{Tx, execute, fetch};
use crate::{clock::Instant, error::Result, id::WorkspaceId};

const INSERT_KEY: &str =
    "INSERT INTO workspace_keys (workspace_id, key_id, sealed, created_at) VALUES ($1, $2, $3, $4)";
const NEWEST_KEY: &str = "SELECT sealed FROM workspace_keys WHERE workspace_id = $1 ORDER BY created_at DESC, key_id DESC LIMIT 1";
const META: &str = "SELECT value FROM server_meta WHERE key = $1";
const SET_META: &str =
    "INSERT INTO server_meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING";

impl Tx {
    pub async fn insert_workspace_key(
        &mut self,
        id: WorkspaceId,
        key: &str,
        sealed: &[u8],
        now: Instant,
    ) -> Result<()> {
        execute!(self, INSERT_KEY, id, key, sealed, now)?;
        Ok(())
    }

    /// The workspace's key in use, sealed.
    pub async fn workspace_key(&mut self, id: WorkspaceId) -> Result<Option<Vec<u8>>> {
        let row: Option<(Vec<u8>,)> = fetch!(fetch_optional, self, (Vec<u8>,), NEWEST_KEY, id)?;
        Ok(row.map(|(sealed,)| sealed))
    }

    /// What the server noted about itself under `key`.
    pub async fn server_meta(&mut self, key: &str) -> Result<Option<String>> {
        let row: Option<(String,)> = fetch!(fetch_optional, self, (String,), META, key)?;
        Ok(row.map(|(value,)| value))
    }

    /// Notes something about the server, once; a later value does not replace it.
    pub async fn note_server_meta(&mut self, key: &str, value: &str) -> Result<()> {
        execute!(self, SET_META, key, value)?;
        Ok(())
    }
}
