//! Answers kept under the keys that clients gave their requests. A key counts for one user and one route, and for 24 hours.

use super::{Tx, execute, fetch};
use crate::{
    clock::Instant,
    error::Result,
    id::{UserId, WorkspaceId},
};

/// How long an answer is kept, in microseconds.
pub const KEPT: i64 = 24 * 3600 * 1_000_000;

const FIND: &str = "SELECT request_hash, status, response, created_at FROM idempotency_keys
     WHERE workspace_id = $1 AND user_id = $2 AND route = $3 AND key = $4 AND created_at > $5";
const KEEP: &str = "INSERT INTO idempotency_keys (workspace_id, user_id, route, key, request_hash, status, response, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
     ON CONFLICT (workspace_id, user_id, route, key) DO UPDATE SET
       request_hash = excluded.request_hash, status = excluded.status, response = excluded.response, created_at = excluded.created_at";
const TAKE: &str =
    "INSERT INTO idempotency_keys (workspace_id, user_id, route, key, request_hash, created_at)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (workspace_id, user_id, route, key) DO UPDATE SET
       request_hash = excluded.request_hash, status = NULL, response = NULL, created_at = excluded.created_at
     WHERE idempotency_keys.created_at <= $7";
const RELEASE: &str = "DELETE FROM idempotency_keys WHERE workspace_id = $1 AND user_id = $2 AND route = $3 AND key = $4";
const PURGE: &str = "DELETE FROM idempotency_keys WHERE created_at <= $1";

/// What makes two requests the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestKey {
    pub workspace: WorkspaceId,
    pub user: UserId,
    /// Method and address.
    pub route: String,
    pub key: String,
    /// Of the body.
    pub hash: [u8; 32],
}

/// What is kept under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub request_hash: Vec<u8>,
    /// Status and JSON; none while it is under way.
    pub answer: Option<(u16, String)>,
    pub created_at: Instant,
}

type Row = (Vec<u8>, Option<i64>, Option<String>, Instant);

impl Tx {
    pub async fn kept_answer(&mut self, key: &RequestKey, now: Instant) -> Result<Option<Kept>> {
        let row: Option<Row> = fetch!(
            fetch_optional,
            self,
            Row,
            FIND,
            key.workspace,
            key.user,
            key.route.as_str(),
            key.key.as_str(),
            now.saturating_sub(KEPT)
        )?;
        Ok(
            row.map(|(request_hash, status, response, created_at)| Kept {
                request_hash,
                answer: status.and_then(|it| u16::try_from(it).ok()).zip(response),
                created_at,
            }),
        )
    }

    /// Keeps an answer, whatever was kept under its key.
    pub async fn keep_answer(
        &mut self,
        key: &RequestKey,
        (status, response): (u16, &str),
        now: Instant,
    ) -> Result<()> {
        execute!(
            self,
            KEEP,
            key.workspace,
            key.user,
            key.route.as_str(),
            key.key.as_str(),
            key.hash.as_slice(),
            i64::from(status),
            response,
            now
        )?;
        Ok(())
    }

    /// Takes a key that nobody has; false where somebody has it.
    pub async fn take_key(&mut self, key: &RequestKey, now: Instant) -> Result<bool> {
        let taken = execute!(
            self,
            TAKE,
            key.workspace,
            key.user,
            key.route.as_str(),
            key.key.as_str(),
            key.hash.as_slice(),
            now,
            now.saturating_sub(KEPT)
        )?;
        Ok(taken > 0)
    }

    /// Gives a key back: nothing was done under it.
    pub async fn release_key(&mut self, key: &RequestKey) -> Result<()> {
        execute!(
            self,
            RELEASE,
            key.workspace,
            key.user,
            key.route.as_str(),
            key.key.as_str()
        )?;
        Ok(())
    }

    /// Forgets answers that are kept no longer. Gives how many.
    pub async fn purge_answers(&mut self, now: Instant) -> Result<u64> {
        Ok(execute!(self, PURGE, now.saturating_sub(KEPT))?)
    }
}
