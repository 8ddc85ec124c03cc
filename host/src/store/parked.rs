//! Verified requests whose plugin failed, sealed, until they are replayed: by the server at their time, or by a person.

use super::{Tx, execute, fetch};
use crate::{
    clock::Instant,
    error::Result,
    id::{ChannelId, ParkedId, WorkspaceId},
};

const INSERT: &str = "INSERT INTO parked_requests (workspace_id, channel_id, id, received_at, sealed, error, attempts, retry_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const ALL: &str = "SELECT id, received_at, sealed, error, attempts, retry_at FROM parked_requests
     WHERE workspace_id = $1 AND channel_id = $2 ORDER BY id LIMIT 200";
const ONE: &str = "SELECT id, received_at, sealed, error, attempts, retry_at FROM parked_requests
     WHERE workspace_id = $1 AND channel_id = $2 AND id = $3";
const FAILED: &str = "UPDATE parked_requests SET error = $4, attempts = attempts + 1, retry_at = $5
     WHERE workspace_id = $1 AND channel_id = $2 AND id = $3";
const RETRY: &str = "UPDATE parked_requests SET retry_at = $4 WHERE workspace_id = $1 AND ($3 IS NULL OR channel_id = $3)
     AND channel_id IN (SELECT id FROM channels WHERE workspace_id = $1 AND plugin_id = $2)";

// Those that may be tried, $1 being true: nothing is asked of what is off.
macro_rules! waiting {
    () => {
        "parked_requests p
         JOIN channels c ON c.workspace_id = p.workspace_id AND c.id = p.channel_id AND c.enabled = $1
         JOIN enabled_plugins e ON e.workspace_id = c.workspace_id AND e.plugin_id = c.plugin_id AND e.enabled = $1"
    };
}
const NEXT: &str = concat!(
    "SELECT MIN(p.retry_at) FROM ",
    waiting!(),
    " WHERE p.retry_at IS NOT NULL"
);
// The second look at the time is for who waited here while another took it.
const CLAIM: &str = concat!(
    "UPDATE parked_requests SET retry_at = $3 WHERE retry_at <= $2 AND (workspace_id, channel_id, id) IN (
        SELECT p.workspace_id, p.channel_id, p.id FROM ",
    waiting!(),
    " WHERE p.retry_at <= $2 ORDER BY p.retry_at, p.id LIMIT 1) RETURNING workspace_id, channel_id, id"
);
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
    /// When the server gives it to its plugin again by itself; none: not before something about the app or channel changes.
    pub retry_at: Option<Instant>,
}

/// Where a parked request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow, serde::Deserialize)]
pub struct ParkedAt {
    pub workspace_id: WorkspaceId,
    pub channel_id: ChannelId,
    pub id: ParkedId,
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
            parked.attempts,
            parked.retry_at,
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
        (error, retry_at): (&str, Option<Instant>),
    ) -> Result<()> {
        execute!(self, FAILED, workspace, channel, id, error, retry_at)?;
        Ok(())
    }

    /// It could not be tried, which is not the plugin's doing and counts for nothing.
    pub async fn put_parked_off(
        &mut self,
        workspace: WorkspaceId,
        channel: ChannelId,
        id: ParkedId,
        until: Instant,
    ) -> Result<()> {
        const SQL: &str = "UPDATE parked_requests SET retry_at = $4 WHERE workspace_id = $1 AND channel_id = $2 AND id = $3";
        execute!(self, SQL, workspace, channel, id, until)?;
        Ok(())
    }

    /// What made a plugin fail may be no more: all that wait for it are to be tried, or those of one channel.
    pub async fn retry_parked(
        &mut self,
        workspace: WorkspaceId,
        plugin: &str,
        channel: Option<ChannelId>,
        now: Instant,
    ) -> Result<()> {
        execute!(self, RETRY, workspace, plugin, channel, now)?;
        Ok(())
    }

    /// When the next is to be tried.
    pub async fn next_parked_at(&mut self) -> Result<Option<Instant>> {
        let (at,): (Option<Instant>,) = fetch!(fetch_one, self, _, NEXT, true)?;
        Ok(at)
    }

    /// Takes the one that has waited longest for its time, which is `again` if nothing comes of it.
    pub async fn claim_parked(&mut self, now: Instant, again: Instant) -> Result<Option<ParkedAt>> {
        Ok(fetch!(
            fetch_optional,
            self,
            ParkedAt,
            CLAIM,
            true,
            now,
            again
        )?)
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

    /// How many wait in each channel of the workspace where any do, with the channel's plugin.
    pub async fn parked_by_channel(
        &mut self,
        workspace: WorkspaceId,
    ) -> Result<Vec<(ChannelId, String, i64)>> {
        const SQL: &str = "SELECT c.id, c.plugin_id, COUNT(*) FROM parked_requests p
             JOIN channels c ON c.workspace_id = p.workspace_id AND c.id = p.channel_id
             WHERE p.workspace_id = $1 GROUP BY c.id, c.plugin_id ORDER BY c.id";
        Ok(fetch!(fetch_all, self, _, SQL, workspace)?)
    }

    /// How many wait for a plugin, in all its channels.
    pub async fn count_parked(&mut self, workspace: WorkspaceId, plugin: &str) -> Result<i64> {
        let (n,): (i64,) = fetch!(fetch_one, self, _, COUNT, workspace, plugin)?;
        Ok(n)
    }
}
