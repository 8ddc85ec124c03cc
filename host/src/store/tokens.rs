//! API tokens, by the hash of what their owners show.

use sqlx::FromRow;

use super::{Tx, execute, fetch};
use crate::{
    clock::Instant,
    error::Result,
    id::{TokenId, UserId, WorkspaceId},
};

macro_rules! select {
    ($where:expr) => {
        concat!(
            "SELECT t.workspace_id, t.id, t.user_id, u.name AS user_name, t.name, t.scopes, t.created_at, t.expires_at, t.last_used_at,
                    t.revoked_at
               FROM api_tokens t JOIN users u ON u.workspace_id = t.workspace_id AND u.id = t.user_id WHERE ",
            $where
        )
    };
}

const BY_HASH: &str = select!(
    "t.token_hash = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2)"
);
const BY_ID: &str = select!("t.workspace_id = $1 AND t.id = $2 AND t.revoked_at IS NULL");
const LIST: &str = select!(
    "t.workspace_id = $1 AND ($2 IS NULL OR t.user_id = $2) AND ($3 IS NULL OR t.id < $3) AND t.revoked_at IS NULL
     ORDER BY t.id DESC LIMIT $4"
);
const INSERT: &str = "INSERT INTO api_tokens (workspace_id, id, token_hash, user_id, name, scopes, created_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const USED: &str = "UPDATE api_tokens SET last_used_at = $3 WHERE workspace_id = $1 AND id = $2";
const REVOKE: &str = "UPDATE api_tokens SET revoked_at = $3 WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL";

/// A program's way in: whom it acts for, and what of that user's rights it has.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, serde::Deserialize)]
pub struct ApiToken {
    pub workspace_id: WorkspaceId,
    pub id: TokenId,
    pub user_id: UserId,
    pub user_name: String,
    pub name: String,
    /// JSON list.
    pub scopes: String,
    pub created_at: Instant,
    pub expires_at: Option<Instant>,
    /// To the minute.
    pub last_used_at: Option<Instant>,
    pub revoked_at: Option<Instant>,
}

impl Tx {
    /// The token that is shown, unless it is revoked or over.
    pub async fn api_token(&mut self, hash: &[u8], now: Instant) -> Result<Option<ApiToken>> {
        Ok(fetch!(fetch_optional, self, ApiToken, BY_HASH, hash, now)?)
    }

    /// One that is not revoked.
    pub async fn api_token_by_id(
        &mut self,
        workspace: WorkspaceId,
        id: TokenId,
    ) -> Result<Option<ApiToken>> {
        Ok(fetch!(
            fetch_optional,
            self,
            ApiToken,
            BY_ID,
            workspace,
            id
        )?)
    }

    /// Those that are not revoked, newest first, before `before`; `user`: only theirs.
    pub async fn api_tokens(
        &mut self,
        workspace: WorkspaceId,
        user: Option<UserId>,
        before: Option<TokenId>,
        limit: u32,
    ) -> Result<Vec<ApiToken>> {
        let limit = i64::from(limit);
        Ok(fetch!(
            fetch_all, self, ApiToken, LIST, workspace, user, before, limit
        )?)
    }

    pub async fn insert_api_token(&mut self, token: &ApiToken, hash: &[u8]) -> Result<()> {
        execute!(
            self,
            INSERT,
            token.workspace_id,
            token.id,
            hash,
            token.user_id,
            token.name.as_str(),
            token.scopes.as_str(),
            token.created_at,
            token.expires_at
        )?;
        Ok(())
    }

    pub async fn api_token_used(&mut self, token: &ApiToken, now: Instant) -> Result<()> {
        execute!(self, USED, token.workspace_id, token.id, now)?;
        Ok(())
    }

    /// Whether there was such a token, not revoked yet.
    pub async fn revoke_api_token(
        &mut self,
        workspace: WorkspaceId,
        id: TokenId,
        now: Instant,
    ) -> Result<bool> {
        Ok(execute!(self, REVOKE, workspace, id, now)? > 0)
    }
}
