//! Sessions, by the hash of what their owners show.

use super::{Tx, execute, fetch};
use crate::{
    clock::Instant,
    error::Result,
    id::{UserId, WorkspaceId},
};

const INSERT: &str = "INSERT INTO sessions (token_hash, workspace_id, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)";
const FIND: &str = "SELECT workspace_id, user_id, expires_at FROM sessions WHERE token_hash = $1 AND expires_at > $2";
const EXTEND: &str = "UPDATE sessions SET expires_at = $2 WHERE token_hash = $1";
const DELETE: &str = "DELETE FROM sessions WHERE token_hash = $1";
const DELETE_OF_USER: &str = "DELETE FROM sessions WHERE workspace_id = $1 AND user_id = $2";
const DELETE_EXPIRED: &str = "DELETE FROM sessions WHERE expires_at <= $1";
/// Who a session belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow, serde::Deserialize)]
pub struct Session {
    pub workspace_id: WorkspaceId,
    pub user_id: UserId,
    pub expires_at: Instant,
}

impl Tx {
    pub async fn insert_session(
        &mut self,
        token_hash: &[u8],
        session: &Session,
        now: Instant,
    ) -> Result<()> {
        execute!(
            self,
            INSERT,
            token_hash,
            session.workspace_id,
            session.user_id,
            now,
            session.expires_at,
        )?;
        Ok(())
    }

    /// The session, unless it is over.
    pub async fn session(&mut self, token_hash: &[u8], now: Instant) -> Result<Option<Session>> {
        Ok(fetch!(
            fetch_optional,
            self,
            Session,
            FIND,
            token_hash,
            now
        )?)
    }

    pub async fn extend_session(&mut self, token_hash: &[u8], expires_at: Instant) -> Result<()> {
        execute!(self, EXTEND, token_hash, expires_at)?;
        Ok(())
    }

    pub async fn delete_session(&mut self, token_hash: &[u8]) -> Result<()> {
        execute!(self, DELETE, token_hash)?;
        Ok(())
    }

    /// Signs a user out everywhere.
    pub async fn delete_sessions_of(&mut self, workspace: WorkspaceId, user: UserId) -> Result<()> {
        execute!(self, DELETE_OF_USER, workspace, user)?;
        Ok(())
    }

    pub async fn delete_expired_sessions(&mut self, now: Instant) -> Result<()> {
        execute!(self, DELETE_EXPIRED, now)?;
        Ok(())
    }
}
