//! What is shown live to visitors of channels, while it is fresh, from where their files came and which tokens
//! are over. Who they are is `crate::visitors`; here they are only named.

use super::{Tx, execute, fetch};
use crate::{
    clock::Instant,
    error::Result,
    id::{ChannelId, FileId, VisitorId, WorkspaceId},
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

/// What came from one network to one channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow, serde::Deserialize)]
pub struct Uploaded {
    /// All of it, sent or not.
    pub bytes: i64,
    /// Files that are no part of a message yet.
    pub unsent: i64,
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

    /// From when on tokens of that visitor are good; none: all that are not too old.
    pub async fn visitor_since(
        &mut self,
        (workspace, channel): (WorkspaceId, ChannelId),
        visitor: VisitorId,
    ) -> Result<Option<Instant>> {
        const SQL: &str = "SELECT since FROM visitor_tokens WHERE workspace_id = $1 AND channel_id = $2 AND visitor = $3";
        let row: Option<(Instant,)> =
            fetch!(fetch_optional, self, _, SQL, workspace, channel, visitor)?;
        Ok(row.map(|(since,)| since))
    }

    /// Tokens of that visitor given out before are not good any more.
    pub async fn visitor_tokens_end(
        &mut self,
        (workspace, channel): (WorkspaceId, ChannelId),
        visitor: VisitorId,
        since: Instant,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO visitor_tokens (workspace_id, channel_id, visitor, since) VALUES ($1, $2, $3, $4)
             ON CONFLICT (workspace_id, channel_id, visitor) DO UPDATE SET since = excluded.since WHERE visitor_tokens.since < excluded.since";
        execute!(self, SQL, workspace, channel, visitor, since)?;
        Ok(())
    }

    /// Forgets from when on tokens are good where all before are too old by now.
    pub async fn purge_visitor_tokens(&mut self, before: Instant) -> Result<u64> {
        const SQL: &str = "DELETE FROM visitor_tokens WHERE since < $1";
        Ok(execute!(self, SQL, before)?)
    }

    /// Notes from where a file came.
    pub async fn note_upload(
        &mut self,
        (workspace, channel): (WorkspaceId, ChannelId),
        (file, size): (FileId, i64),
        network: &str,
        now: Instant,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO visitor_uploads (workspace_id, file_id, channel_id, network, size, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
        execute!(self, SQL, workspace, file, channel, network, size, now)?;
        Ok(())
    }

    /// What came from that network since that time.
    pub async fn uploads_of_network(
        &mut self,
        (workspace, channel): (WorkspaceId, ChannelId),
        network: &str,
        since: Instant,
    ) -> Result<Uploaded> {
        const SQL: &str = "SELECT CAST(COALESCE(SUM(u.size), 0) AS BIGINT) AS bytes,
                CAST(COALESCE(SUM(CASE WHEN f.state = 'offered' THEN 1 ELSE 0 END), 0) AS BIGINT) AS unsent
             FROM visitor_uploads u LEFT JOIN files f ON f.workspace_id = u.workspace_id AND f.id = u.file_id
             WHERE u.workspace_id = $1 AND u.channel_id = $2 AND u.network = $3 AND u.created_at >= $4";
        Ok(fetch!(
            fetch_one, self, Uploaded, SQL, workspace, channel, network, since
        )?)
    }

    /// Forgets from where files came before that time.
    pub async fn purge_uploads(&mut self, before: Instant) -> Result<u64> {
        const SQL: &str = "DELETE FROM visitor_uploads WHERE created_at < $1";
        Ok(execute!(self, SQL, before)?)
    }

    /// Forgets what is not fresh any more.
    pub async fn purge_pushed(&mut self, before: Instant) -> Result<u64> {
        const SQL: &str = "DELETE FROM visitor_events WHERE number < $1";
        Ok(execute!(self, SQL, before)?)
    }
}
