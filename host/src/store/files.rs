//! Files: what is known of them. Their bytes are `crate::files`.

use balcao_runtime::wit::Attachment;

use super::{Tx, execute, fetch};
use crate::{
    clock::Instant,
    error::Result,
    files::Arrived,
    id::{ChannelId, FileId, WorkspaceId},
};

/// What begins the source of a file that the host has.
const HELD: &str = "media:";

macro_rules! columns {
    () => {
        "workspace_id, id, mime, name, size, sha256, state, source, channel_id, created_at, width, height, preview_mime, preview_size"
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
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
);

const NOT_LOOSE: &str = "DELETE FROM loose_files WHERE workspace_id = $1 AND file_id = $2";

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
    /// `ready` · `uploaded` (at the desk) or `offered` (by a visitor, whom nobody else sees it yet), and not sent yet.
    pub state: String,
    /// Where the bytes come from, while they are not here; `visitor:ID` of what a visitor has uploaded.
    pub source: Option<String>,
    pub channel_id: Option<ChannelId>,
    pub created_at: Instant,
    /// Pixels of a picture that may be shown, as it is turned.
    pub width: Option<i64>,
    pub height: Option<i64>,
    /// What a picture's smaller one is; none where there is none.
    pub preview_mime: Option<String>,
    /// Bytes.
    pub preview_size: Option<i64>,
}

impl File {
    /// A file whose bytes are here, of nobody's channel yet.
    pub fn arrived(
        workspace_id: WorkspaceId,
        id: FileId,
        name: String,
        arrived: &Arrived,
        created_at: Instant,
    ) -> Self {
        let bytes = |size: u64| i64::try_from(size).unwrap_or(i64::MAX);
        Self {
            workspace_id,
            id,
            mime: arrived.mime.to_owned(),
            name,
            size: bytes(arrived.size),
            sha256: Some(arrived.sha256.to_vec()),
            state: "ready".to_owned(),
            source: None,
            channel_id: None,
            created_at,
            width: arrived.shown.map(|(width, _)| width.into()),
            height: arrived.shown.map(|(_, height)| height.into()),
            preview_mime: arrived.preview.map(|(mime, _)| mime.to_owned()),
            preview_size: arrived.preview.map(|(_, size)| bytes(size)),
        }
    }
}

/// The files that a message's attachments name, as JSON.
pub(crate) fn named_in(attachments: &str) -> Vec<FileId> {
    if !attachments.contains(HELD) {
        return Vec::new();
    }
    let list: Vec<Attachment> = serde_json::from_str(attachments).unwrap_or_default();
    let held = list.iter().filter_map(|it| it.source.strip_prefix(HELD));
    held.filter_map(|id| id.parse().ok()).collect()
}

/// The source of what a visitor has uploaded.
pub fn uploaded_by(visitor: &str) -> String {
    format!("visitor:{visitor}")
}

impl File {
    /// Whether people of the workspace may see and send it.
    pub fn is_here(&self) -> bool {
        matches!(self.state.as_str(), "ready" | "uploaded")
    }

    /// Whether that visitor of that channel has uploaded it.
    pub fn is_upload_of(&self, channel: ChannelId, visitor: &str) -> bool {
        self.channel_id == Some(channel)
            && self.source.as_deref() == Some(uploaded_by(visitor).as_str())
            && matches!(self.state.as_str(), "offered" | "ready")
    }
}

impl Tx {
    /// Files that were uploaded are part of messages now: they are kept and can be seen.
    pub async fn files_are_sent(&mut self, files: &[(WorkspaceId, FileId)]) -> Result<()> {
        const SQL: &str = "UPDATE files SET state = 'ready' WHERE workspace_id = $1 AND id = $2 AND state IN ('offered', 'uploaded')";
        for (workspace, id) in files {
            execute!(self, SQL, *workspace, *id)?;
        }
        Ok(())
    }

    /// Pictures at which nobody has looked, after `after`.
    pub async fn unseen_pictures(
        &mut self,
        after: Option<(WorkspaceId, FileId)>,
        limit: i64,
    ) -> Result<Vec<File>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM files WHERE unseen = 1 AND ($1 IS NULL OR (workspace_id, id) > ($1, $2)) ORDER BY workspace_id, id LIMIT $3"
        );
        let (workspace, id) = after.unzip();
        Ok(fetch!(fetch_all, self, File, SQL, workspace, id, limit)?)
    }

    /// What was found as somebody looked at a picture that was there before; nothing where it cannot be read.
    pub async fn picture_is_seen(&mut self, file: &File, found: Option<&Arrived>) -> Result<()> {
        const SEEN: &str = "UPDATE files SET unseen = NULL, size = $3, sha256 = $4, width = $5, height = $6, preview_mime = $7, preview_size = $8
             WHERE workspace_id = $1 AND id = $2";
        const GIVEN_UP: &str = "UPDATE files SET unseen = NULL WHERE workspace_id = $1 AND id = $2";
        let (workspace, id) = (file.workspace_id, file.id);
        let Some(found) = found else {
            execute!(self, GIVEN_UP, workspace, id)?;
            return Ok(());
        };
        let now = File::arrived(workspace, id, String::new(), found, file.created_at);
        execute!(
            self,
            SEEN,
            workspace,
            id,
            now.size,
            now.sha256.as_deref(),
            now.width,
            now.height,
            now.preview_mime.as_deref(),
            now.preview_size
        )?;
        Ok(())
    }

    /// Forgets, of what was uploaded before that time and not sent, at most `limit`; its bytes go `now`. `state`: `offered` or `uploaded`.
    pub async fn forget_unsent_files(
        &mut self,
        state: &str,
        before: Instant,
        now: Instant,
        limit: i64,
    ) -> Result<()> {
        const SQL: &str = "DELETE FROM files WHERE (workspace_id, id) IN
             (SELECT workspace_id, id FROM files WHERE state = $3 AND created_at < $1 ORDER BY created_at LIMIT $2) AND state = $3
             RETURNING workspace_id, id";
        let forgotten: Vec<(WorkspaceId, FileId)> =
            fetch!(fetch_all, self, _, SQL, before, limit, state)?;
        for (workspace, id) in forgotten {
            self.let_go_of_file(workspace, id, now).await?;
        }
        Ok(())
    }

    /// Forgets a file that nothing names any more; its bytes go `now`.
    pub(crate) async fn delete_file(
        &mut self,
        workspace: WorkspaceId,
        id: FileId,
        now: Instant,
    ) -> Result<()> {
        const SQL: &str = "DELETE FROM files WHERE workspace_id = $1 AND id = $2";
        execute!(self, SQL, workspace, id)?;
        self.let_go_of_file(workspace, id, now).await
    }

    /// Bytes that no row is about, or will be about no more: they are removed at that time, unless a row comes before.
    pub async fn let_go_of_file(
        &mut self,
        workspace: WorkspaceId,
        id: FileId,
        due: Instant,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO loose_files (workspace_id, file_id, due) VALUES ($1, $2, $3)
             ON CONFLICT (workspace_id, file_id) DO UPDATE SET due = excluded.due";
        execute!(self, SQL, workspace, id, due)?;
        Ok(())
    }

    /// Whose bytes are to be removed by now, the oldest first.
    pub async fn loose_files(
        &mut self,
        now: Instant,
        limit: i64,
    ) -> Result<Vec<(WorkspaceId, FileId)>> {
        const SQL: &str = "SELECT workspace_id, file_id FROM loose_files WHERE due <= $1 ORDER BY due, file_id LIMIT $2";
        Ok(fetch!(fetch_all, self, _, SQL, now, limit)?)
    }

    /// Their bytes are gone.
    pub async fn files_are_removed(&mut self, files: &[(WorkspaceId, FileId)]) -> Result<()> {
        for (workspace, id) in files {
            execute!(self, NOT_LOOSE, *workspace, *id)?;
        }
        Ok(())
    }

    /// Bytes of what a visitor has uploaded since that time.
    pub async fn uploaded_bytes(
        &mut self,
        (workspace, channel): (WorkspaceId, ChannelId),
        visitor: &str,
        since: Instant,
    ) -> Result<i64> {
        const SQL: &str = "SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM files
             WHERE workspace_id = $1 AND channel_id = $2 AND source = $3 AND created_at >= $4";
        let source = uploaded_by(visitor);
        let (bytes,): (i64,) = fetch!(
            fetch_one,
            self,
            _,
            SQL,
            workspace,
            channel,
            source.as_str(),
            since
        )?;
        Ok(bytes)
    }

    pub async fn file(&mut self, workspace: WorkspaceId, id: FileId) -> Result<Option<File>> {
        Ok(fetch!(fetch_optional, self, File, BY_ID, workspace, id)?)
    }

    /// Bytes that are there become a file of the workspace.
    pub async fn insert_file(&mut self, file: &File) -> Result<()> {
        execute!(self, NOT_LOOSE, file.workspace_id, file.id)?;
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
            file.width,
            file.height,
            file.preview_mime.as_deref(),
            file.preview_size,
        )?;
        Ok(())
    }
}
