//! What plugins could not handle: events and timers that were given up (dead letters), until somebody tries them again or lets them go.

use std::collections::BTreeSet;

use sqlx::FromRow;

use super::{Tx, execute, fetch};
use crate::clock::Instant;
use crate::error::Result;
use crate::id::{ConversationId, WorkspaceId};

/// Something that was given up.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, serde::Deserialize)]
pub struct Failure {
    /// The event's id, or the timer's.
    pub id: String,
    /// The event's kind; `timer` for one.
    pub kind: String,
    /// The timer's name.
    pub name: Option<String>,
    pub lane: String,
    /// When it happened, or was due.
    pub at: Instant,
    pub attempts: i64,
    /// What the last attempt came to.
    pub error: Option<String>,
    pub conversation_id: Option<ConversationId>,
}

/// One failure, or all of a plugin's.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    One(&'a str),
    All,
}

impl Which<'_> {
    /// Bound where none means all.
    fn id(&self) -> Option<&str> {
        match self {
            Self::One(id) => Some(id),
            Self::All => None,
        }
    }
}

const LIST: &str = "SELECT f.* FROM (
        SELECT e.id, e.kind, NULL AS name, d.lane, e.at, d.attempts, d.error, e.conversation_id FROM deliveries d
          JOIN events e ON e.workspace_id = d.workspace_id AND e.seq = d.seq
         WHERE d.workspace_id = $1 AND d.plugin_id = $2 AND d.state = 'dead'
        UNION ALL
        SELECT t.id, 'timer', t.name, t.lane, t.at, t.attempts, t.error, NULL FROM timers t
         WHERE t.workspace_id = $1 AND t.plugin_id = $2 AND t.state = 'dead') f
     WHERE $3 IS NULL OR f.id < $3 ORDER BY f.id DESC LIMIT $4";
const COUNT: &str = "SELECT (SELECT COUNT(*) FROM deliveries WHERE workspace_id = $1 AND plugin_id = $2 AND state = 'dead')
          + (SELECT COUNT(*) FROM timers WHERE workspace_id = $1 AND plugin_id = $2 AND state = 'dead')";

// $3 the event's or timer's id, none for all.
macro_rules! dead_deliveries {
    () => {
        "workspace_id = $1 AND plugin_id = $2 AND state = 'dead' AND ($3 IS NULL OR seq IN (
            SELECT d.seq FROM deliveries d JOIN events e ON e.workspace_id = d.workspace_id AND e.seq = d.seq
             WHERE d.workspace_id = $1 AND d.plugin_id = $2 AND d.state = 'dead' AND e.id = $3))"
    };
}
macro_rules! dead_timers {
    () => {
        "workspace_id = $1 AND plugin_id = $2 AND state = 'dead' AND ($3 IS NULL OR id = $3)"
    };
}

const REPLAY_DELIVERIES: &str = concat!(
    "UPDATE deliveries SET state = 'pending', attempts = 0, next_at = $4 WHERE ",
    dead_deliveries!(),
    " RETURNING lane"
);
const REPLAY_TIMERS: &str = concat!(
    "UPDATE timers SET state = 'pending', attempts = 0, next_at = $4 WHERE ",
    dead_timers!(),
    " RETURNING lane"
);
const DISCARD_DELIVERIES: &str = concat!("DELETE FROM deliveries WHERE ", dead_deliveries!());
const DISCARD_TIMERS: &str = concat!("DELETE FROM timers WHERE ", dead_timers!());

impl Tx {
    /// Newest first, before `before`, timers before events.
    pub async fn failures(
        &mut self,
        workspace: WorkspaceId,
        plugin: &str,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Failure>> {
        let limit = i64::from(limit);
        Ok(fetch!(
            fetch_all, self, Failure, LIST, workspace, plugin, before, limit
        )?)
    }

    pub async fn count_failures(&mut self, workspace: WorkspaceId, plugin: &str) -> Result<i64> {
        let (n,): (i64,) = fetch!(fetch_one, self, _, COUNT, workspace, plugin)?;
        Ok(n)
    }

    /// Lets the plugin try again; gives how many there are to try.
    pub async fn replay_failures(
        &mut self,
        workspace: WorkspaceId,
        plugin: &str,
        which: Which<'_>,
        now: Instant,
    ) -> Result<usize> {
        let id = which.id();
        let mut lanes: Vec<(String,)> = fetch!(
            fetch_all,
            self,
            _,
            REPLAY_DELIVERIES,
            workspace,
            plugin,
            id,
            now
        )?;
        let timers: Vec<(String,)> = fetch!(
            fetch_all,
            self,
            _,
            REPLAY_TIMERS,
            workspace,
            plugin,
            id,
            now
        )?;
        lanes.extend(timers);
        let count = lanes.len();
        let lanes: BTreeSet<String> = lanes.into_iter().map(|(lane,)| lane).collect();
        for lane in lanes {
            self.wake(workspace, plugin, &lane, now).await?;
        }
        Ok(count)
    }

    /// Lets go of them for good; gives how many.
    pub async fn discard_failures(
        &mut self,
        workspace: WorkspaceId,
        plugin: &str,
        which: Which<'_>,
    ) -> Result<u64> {
        let id = which.id();
        let events = execute!(self, DISCARD_DELIVERIES, workspace, plugin, id)?;
        let timers = execute!(self, DISCARD_TIMERS, workspace, plugin, id)?;
        Ok(events + timers)
    }
}
