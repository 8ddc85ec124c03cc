//! Files for providers: a link that anybody who has it may fetch until it ends, and the bytes for calls. A link's token holds which file and until
//! when, sealed under the workspace's key, so nothing is kept of it. Who may see a file in the interface is `api::files`.

use std::sync::{Arc, OnceLock};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::TryStreamExt;
use uuid::Uuid;

use crate::{
    clock::Instant,
    error::{Error, Result},
    files::{Files, Form},
    id::{FileId, Id, WorkspaceId},
    store::{Tx, files::File},
    vault::Vault,
};

/// What the sealed part of a token belongs to.
const OWNER: (&str, &str) = ("media", "link");

/// The way to files for whoever is no user.
pub struct Media {
    files: Files,
    vault: Arc<Vault>,
    base: OnceLock<String>,
}

impl Media {
    pub fn new(files: Files, vault: Arc<Vault>) -> Self {
        Self {
            files,
            vault,
            base: OnceLock::new(),
        }
    }

    /// Says where providers reach this server, without a trailing slash; the first word stands.
    pub fn reached_at(&self, base: String) {
        let _ = self.base.set(base);
    }

    /// A link to a file until that instant.
    ///
    /// # Errors
    /// `Unavailable` before the server listens.
    pub async fn link(
        &self,
        tx: &mut Tx,
        workspace: WorkspaceId,
        file: FileId,
        until: Instant,
    ) -> Result<String> {
        let base = self
            .base
            .get()
            .ok_or_else(|| Error::Unavailable("the server does not listen yet".into()))?;
        let mut inside = file.uuid().as_bytes().to_vec();
        inside.extend_from_slice(&until.to_be_bytes());
        let sealed = self.vault.seal(tx, workspace, OWNER, &inside).await?;
        let mut token = workspace.uuid().as_bytes().to_vec();
        token.extend_from_slice(&sealed);
        let token = BASE64_URL_SAFE_NO_PAD.encode(token);
        Ok(format!("{base}/media/{token}"))
    }

    /// The file that a link's token names; none where the token is not ours, or over.
    pub async fn opened(
        &self,
        tx: &mut Tx,
        token: &str,
        now: Instant,
    ) -> Option<(WorkspaceId, FileId)> {
        let token = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (workspace, sealed) = token.split_at_checked(16)?;
        let workspace = WorkspaceId::from_uuid(Uuid::from_slice(workspace).ok()?);
        let inside = self.vault.unseal(tx, workspace, OWNER, sealed).await.ok()?;
        let (file, until) = inside.split_at_checked(16)?;
        let until = Instant::from_be_bytes(until.try_into().ok()?);
        let file = FileId::from_uuid(Uuid::from_slice(file).ok()?);
        (now < until).then_some((workspace, file))
    }

    /// Part of a file's bytes; fewer at its end.
    ///
    /// # Errors
    /// `Unavailable` while the place of files does not answer, or stops in the middle.
    pub async fn bytes(&self, file: &File, offset: u64, length: u64) -> Result<Vec<u8>> {
        let size = u64::try_from(file.size).unwrap_or(0);
        let range = offset..offset.saturating_add(length).min(size);
        let place = (file.workspace_id, file.id);
        let read = self.files.read(place, Form::Whole, range).await?;
        let chunks: Result<Vec<_>, _> = read.try_collect().await;
        let chunks = chunks.map_err(|error| Error::Unavailable(error.to_string()))?;
        Ok(chunks.concat())
    }
}
