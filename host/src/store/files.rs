//! Files: what is known of them. Their bytes are `crate::files`.

use super::{Tx, execute, fetch};
use crate::{
    clock::Instant,
    error::Result,
    id::{ChannelId, FileId, WorkspaceId},
};

macro_rules! columns {
    () => {
        "workspace_id, id, mime, name, size, sha256, state, source, channel_id, created_at"
    };
}

const BY_ID: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM files WHERE workspace_id = $1 AND id = $2"
);
const INSERT: &str = concat!(
    "INSERT INTO files (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
);
const SETTLE: &str = "UPDATE files SET mime = $3, size = $4, sha256 = $5, state = $6 WHERE workspace_id = $1 AND id = $2";

/// A file of the workspace.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow, serde::Deserialize)]
pub struct File {
    pub workspace_id: WorkspaceId,
    pub id: FileId,
    /// As sniffed once the bytes are here, as claimed before.
    pub mime: String,
    pub name: String,
    /// Bytes.
    pub size: i64,
    pub sha256: Option<Vec<u8>>,
    /// `pending` · `ready` · `failed`.
    pub state: String,
    /// Where the bytes come from, while they are not here.
    pub source: Option<String>,
    pub channel_id: Option<ChannelId>,
    pub created_at: Instant,
}

impl Tx {
    pub async fn file(&mut self, workspace: WorkspaceId, id: FileId) -> Result<Option<File>> {
        Ok(fetch!(fetch_optional, self, File, BY_ID, workspace, id)?)
    }

    pub async fn insert_file(&mut self, file: &File) -> Result<()> {
        execute!(
            self,
            INSERT,
            file.workspace_id,
            file.id,
            file.mime.as_str(),
            file.name.as_str(),
            file.size,
            file.sha256.as_deref(),
            file.state.as_str(),
            file.source.as_deref(),
            file.channel_id,
            file.created_at,
        )?;
        Ok(())
    }

    /// The bytes of a pending file are here, or will never be.
    pub async fn settle_file(&mut self, file: &File) -> Result<()> {
        execute!(
            self,
            SETTLE,
            file.workspace_id,
            file.id,
            file.mime.as_str(),
            file.size,
            file.sha256.as_deref(),
            file.state.as_str(),
        )?;
        Ok(())
    }
}
