//! Verified requests whose plugin failed, sealed, until they are replayed.

use super::{Tx, execute, fetch};
use crate::{
    clock::Instant,
    error::Result,
    id::{ChannelId, ParkedId, WorkspaceId},
};

const INSERT: &str = "INSERT INTO parked_requests (workspace_id, channel_id, id, received_at, sealed, error, attempts, state)
     VALUES ($1, $2, $3, $4, $5, $6, 1, 'parked')";
const ALL: &str = "SELECT id, received_at, sealed, error, attempts FROM parked_requests
     WHERE workspace_id = $1 AND channel_id = $2 ORDER BY id LIMIT 200";
const ONE: &str = "SELECT id, received_at, sealed, error, attempts FROM parked_requests
     WHERE workspace_id = $1 AND channel_id = $2 AND id = $3";
const FAILED: &str = "UPDATE parked_requests SET error = $4, attempts = attempts + 1
     WHERE workspace_id = $1 AND channel_id = $2 AND id = $3";
const DELETE: &str =
    "DELETE FROM parked_requests WHERE workspace_id = $1 AND channel_id = $2 AND id = $3";

const DELETE_ALL: &str = "DELETE FROM parked_requests WHERE workspace_id = $1 AND channel_id = $2";
const COUNT: &str = "SELECT COUNT(*) FROM parked_requests p JOIN channels c ON c.workspace_id = p.workspace_id AND c.id = p.channel_id
     WHERE p.workspace_id = $1 AND c.plugin_id = $2";

/// A request that waits for its plugin to be repaired.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow, serde::Deserialize)]
pub struct Parked {
    pub id: ParkedId,
    pub received_at: Instant,
    pub sealed: Vec<u8>,
    /// JSON: `{"code","message"}`.
    pub error: String,
    pub attempts: i64,
}

impl Tx {
    pub async fn park(
        &mut self,
        workspace: WorkspaceId,
        channel: ChannelId,
        parked: &Parked,
    ) -> Result<()> {
        execute!(
            self,
            INSERT,
            workspace,
            channel,
            parked.id,
            parked.received_at,
            parked.sealed.as_slice(),
            parked.error.as_str(),
        )?;
        Ok(())
    }

    /// The oldest first, at most 200.
    pub async fn parked(
        &mut self,
        workspace: WorkspaceId,
        channel: ChannelId,
    ) -> Result<Vec<Parked>> {
        Ok(fetch!(fetch_all, self, Parked, ALL, workspace, channel)?)
    }

    pub async fn parked_one(
        &mut self,
        workspace: WorkspaceId,
        channel: ChannelId,
        id: ParkedId,
    ) -> Result<Option<Parked>> {
        Ok(fetch!(
            fetch_optional,
            self,
            Parked,
            ONE,
            workspace,
            channel,
            id
        )?)
    }

    /// It failed again.
    pub async fn park_again(
        &mut self,
        workspace: WorkspaceId,
        channel: ChannelId,
        id: ParkedId,
        error: &str,
    ) -> Result<()> {
        execute!(self, FAILED, workspace, channel, id, error)?;
        Ok(())
    }

    /// It has been taken in.
    pub async fn unpark(
        &mut self,
        workspace: WorkspaceId,
        channel: ChannelId,
        id: ParkedId,
    ) -> Result<()> {
        execute!(self, DELETE, workspace, channel, id)?;
        Ok(())
    }

    /// Lets go of all of a channel's; gives how many.
    pub async fn unpark_all(&mut self, workspace: WorkspaceId, channel: ChannelId) -> Result<u64> {
        Ok(execute!(self, DELETE_ALL, workspace, channel)?)
    }

    /// How many wait for a plugin, in all its channels.
    pub async fn count_parked(&mut self, workspace: WorkspaceId, plugin: &str) -> Result<i64> {
        let (n,): (i64,) = fetch!(fetch_one, self, _, COUNT, workspace, plugin)?;
        Ok(n)
    }
}
