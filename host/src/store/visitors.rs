//! What is shown live to visitors of channels, while it is fresh. Who they are is `crate::visitors`; here they are only named.

use super::{Tx, execute, fetch};
use crate::{
    clock::Instant,
    error::Result,
    id::{ChannelId, WorkspaceId},
};

/// Something that was pushed to a visitor.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow, serde::Deserialize)]
pub struct Pushed {
    /// Greater than all before it in the workspace; at least the time of its commit in µs.
    pub number: i64,
    pub kind: String,
    /// JSON, on one line.
    pub data: String,
}

/// For whom there is something.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow, serde::Deserialize)]
pub struct News {
    pub number: i64,
    pub channel_id: ChannelId,
    pub visitor: String,
}

impl Tx {
    /// In a transaction that holds the workspace: numbers then become visible in order.
    pub async fn push_to_visitor(
        &mut self,
        (workspace, channel): (WorkspaceId, ChannelId),
        visitor: &str,
        (kind, data): (&str, &str),
        now: Instant,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO visitor_events (workspace_id, number, channel_id, visitor, kind, data)
             SELECT $1, CASE WHEN newest.number >= $6 THEN newest.number + 1 ELSE $6 END, $2, $3, $4, $5
             FROM (SELECT COALESCE(MAX(number), 0) AS number FROM visitor_events WHERE workspace_id = $1) AS newest";
        execute!(self, SQL, workspace, channel, visitor, kind, data, now)?;
        Ok(())
    }

    /// What came for a visitor after that number, in order, at most `limit`.
    pub async fn pushed_to_visitor(
        &mut self,
        (workspace, channel): (WorkspaceId, ChannelId),
        visitor: &str,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Pushed>> {
        const SQL: &str = "SELECT number, kind, data FROM visitor_events
             WHERE workspace_id = $1 AND channel_id = $2 AND visitor = $3 AND number > $4 ORDER BY number LIMIT $5";
        Ok(fetch!(
            fetch_all, self, Pushed, SQL, workspace, channel, visitor, after, limit
        )?)
    }

    /// The last number of the workspace; 0 where there is none.
    pub async fn last_pushed(&mut self, workspace: WorkspaceId) -> Result<i64> {
        const SQL: &str =
            "SELECT COALESCE(MAX(number), 0) FROM visitor_events WHERE workspace_id = $1";
        let (number,): (i64,) = fetch!(fetch_one, self, _, SQL, workspace)?;
        Ok(number)
    }

    /// For whom something came after that number, in order, at most `limit`.
    pub async fn visitors_with_news(
        &mut self,
        workspace: WorkspaceId,
        after: i64,
        limit: i64,
    ) -> Result<Vec<News>> {
        const SQL: &str = "SELECT number, channel_id, visitor FROM visitor_events WHERE workspace_id = $1 AND number > $2 ORDER BY number LIMIT $3";
        Ok(fetch!(fetch_all, self, News, SQL, workspace, after, limit)?)
    }

    /// Forgets what is not fresh any more.
    pub async fn purge_pushed(&mut self, before: Instant) -> Result<u64> {
        const SQL: &str = "DELETE FROM visitor_events WHERE number < $1";
        Ok(execute!(self, SQL, before)?)
    }
}
