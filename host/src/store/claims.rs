//! Lanes and timers: what plugins still have to be told, one at a time and in order within a lane, in parallel across (DESIGN §4). Nodes
//! claim lanes with a lease; its number is checked when the outcome is committed, so that a holder that was slow can do no harm.

use serde::Serialize;
use sqlx::FromRow;

use super::events::{Event, pair};
use super::rows::{self, OverRows, over_rows};
use super::{Driver, Tx, execute, fetch};
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::id::{TimerId, WorkspaceId};
use balcao_runtime::wit::Subject;

/// A lane of a plugin in a workspace, and the number under which it is held.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, FromRow, serde::Deserialize, Serialize,
)]
pub struct Lane {
    #[serde(rename(serialize = "w", deserialize = "workspace_id"))]
    #[sqlx(rename = "workspace_id")]
    pub workspace: WorkspaceId,
    #[serde(rename(serialize = "p", deserialize = "plugin_id"))]
    #[sqlx(rename = "plugin_id")]
    pub plugin: String,
    #[serde(rename(serialize = "l"))]
    pub lane: String,
    #[serde(skip_serializing)]
    pub lease: i64,
    #[serde(skip_serializing)]
    pub lease_until: Instant,
}

/// What the holder of a lane has to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub lane: Lane,
    pub work: Work,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// `attempts` were made before.
    Event {
        event: Box<Event>,
        attempts: i64,
    },
    Timer(Box<Timer>),
}

impl Work {
    /// When it happened or was due.
    pub fn since(&self) -> Instant {
        match self {
            Self::Event { event, .. } => event.at,
            Self::Timer(timer) => timer.at,
        }
    }

    /// Made before this one.
    pub fn attempts(&self) -> i64 {
        match self {
            Self::Event { attempts, .. } => *attempts,
            Self::Timer(timer) => timer.attempts,
        }
    }
}

/// What becomes of work of which nothing was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The plugin has not failed: again at that time, and not counted.
    Again(Instant),
    /// It has failed: again at that time.
    Retry(Instant),
    /// It has failed for good: a dead letter, and the lane moves on.
    Never,
}

#[derive(Clone, Debug, PartialEq, Eq, FromRow, serde::Deserialize)]
pub struct Timer {
    pub workspace_id: WorkspaceId,
    pub plugin_id: String,
    pub name: String,
    /// Another each time it is set.
    pub id: TimerId,
    pub at: Instant,
    pub lane: String,
    pub about_kind: Option<String>,
    pub about_id: Option<String>,
    pub payload: String,
    /// Made before.
    pub attempts: i64,
    pub next_at: Instant,
    /// `pending` or `dead`.
    pub state: String,
    pub error: Option<String>,
}

impl Timer {
    pub fn about(&self) -> Option<Subject> {
        pair(self.about_kind.as_ref(), self.about_id.as_ref())
    }
}

// Found once, and then taken: as a subquery PostgreSQL may look again for each row, and take more than the limit.
macro_rules! claim {
    ($locking:expr) => {
        concat!(
            "WITH due AS MATERIALIZED (
                SELECT workspace_id, plugin_id, lane FROM lanes WHERE ready_at <= $1 AND lease_until <= $1 ORDER BY ready_at, lane LIMIT $3",
            $locking,
            ") UPDATE lanes SET lease = CASE WHEN $1 > lease THEN $1 ELSE lease + 1 END, lease_until = $2, holder = $4
             WHERE (workspace_id, plugin_id, lane) IN (SELECT workspace_id, plugin_id, lane FROM due)
             RETURNING workspace_id, plugin_id, lane, lease, lease_until"
        )
    };
}

const CLAIM: OverRows = OverRows {
    sqlite: claim!(""),
    postgres: claim!(" FOR UPDATE SKIP LOCKED"),
};

/// The first delivery of each lane that is due; a later one waits for it.
const HEADS: OverRows = over_rows!(
    "SELECT d.plugin_id, d.lane, d.attempts, e.* FROM",
    "CROSS JOIN deliveries d CROSS JOIN events e
      WHERE d.workspace_id = r.value ->> 'w' AND d.plugin_id = r.value ->> 'p' AND d.lane = r.value ->> 'l'
        AND d.seq = (SELECT MIN(h.seq) FROM deliveries h WHERE h.workspace_id = r.value ->> 'w' AND h.plugin_id = r.value ->> 'p'
                        AND h.lane = r.value ->> 'l' AND h.state = 'pending')
        AND d.next_at <= $2 AND e.workspace_id = d.workspace_id AND e.seq = d.seq"
);

const DUE_TIMERS: OverRows = over_rows!(
    "SELECT t.* FROM",
    "CROSS JOIN timers t
      WHERE t.workspace_id = r.value ->> 'w' AND t.plugin_id = r.value ->> 'p' AND t.lane = r.value ->> 'l'
        AND t.state = 'pending' AND t.next_at <= $2 ORDER BY t.next_at, t.name"
);

#[derive(FromRow, serde::Deserialize)]
struct Head {
    plugin_id: String,
    lane: String,
    attempts: i64,
    #[sqlx(flatten)]
    #[serde(flatten)]
    event: Event,
}

impl Tx {
    /// Takes at most `limit` lanes that have something due, for `lease` microseconds. Begin the transaction with `Store::begin`.
    pub async fn claim(&mut self, now: Instant, lease: i64, limit: i64) -> Result<Vec<Claim>> {
        let sql = match self.driver {
            Driver::Sqlite(_) | Driver::Direct(_) => CLAIM.sqlite,
            Driver::Postgres(_) => CLAIM.postgres,
        };
        let lanes: Vec<Lane> = fetch!(
            fetch_all,
            self,
            Lane,
            sql,
            now,
            now.saturating_add(lease),
            limit,
            self.holder
        )?;
        self.work_of(lanes, now).await
    }

    /// Takes that lane, which its holder has just let go of in this transaction, once more: none where nothing of it is due.
    pub async fn claim_again(
        &mut self,
        lane: &Lane,
        now: Instant,
        until: Instant,
    ) -> Result<Option<Claim>> {
        const SQL: &str = "UPDATE lanes SET lease = CASE WHEN $4 > lease THEN $4 ELSE lease + 1 END, lease_until = $5, holder = $6
             WHERE workspace_id = $1 AND plugin_id = $2 AND lane = $3 AND ready_at <= $4 AND lease_until <= $4
             RETURNING workspace_id, plugin_id, lane, lease, lease_until";
        let lanes: Vec<Lane> = fetch!(
            fetch_all,
            self,
            Lane,
            SQL,
            lane.workspace,
            &lane.plugin,
            &lane.lane,
            now,
            until,
            self.holder
        )?;
        Ok(self.work_of(lanes, now).await?.pop())
    }

    /// What the lanes that were just taken have to do; one that has nothing is let go of.
    async fn work_of(&mut self, lanes: Vec<Lane>, now: Instant) -> Result<Vec<Claim>> {
        if lanes.is_empty() {
            return Ok(Vec::new());
        }
        let set = rows::json(&lanes)?;
        let sql = HEADS.on(self);
        let mut heads: Vec<Head> = fetch!(fetch_all, self, Head, sql, &set, now)?;
        let sql = DUE_TIMERS.on(self);
        let mut timers: Vec<Timer> = fetch!(fetch_all, self, Timer, sql, &set, now)?;
        let mut claims = Vec::with_capacity(lanes.len());
        for lane in lanes {
            let event = heads
                .iter()
                .position(|it| {
                    it.event.workspace == lane.workspace
                        && it.plugin_id == lane.plugin
                        && it.lane == lane.lane
                })
                .map(|at| heads.swap_remove(at));
            let timer = timers.iter().position(|it| {
                it.workspace_id == lane.workspace
                    && it.plugin_id == lane.plugin
                    && it.lane == lane.lane
            });
            // What is due first goes first; at the same instant the event.
            let work = match (event, timer) {
                (Some(head), Some(at)) if timers[at].next_at < head.event.at => {
                    Some(Work::Timer(Box::new(timers.remove(at))))
                }
                (Some(head), _) => Some(Work::Event {
                    event: Box::new(head.event),
                    attempts: head.attempts,
                }),
                (None, Some(at)) => Some(Work::Timer(Box::new(timers.remove(at)))),
                (None, None) => None,
            };
            match work {
                Some(work) => claims.push(Claim { lane, work }),
                None => self.rest(&lane).await?,
            }
        }
        Ok(claims)
    }

    /// Whether the lane is still held under that number.
    pub(crate) async fn holds(&mut self, lane: &Lane) -> Result<bool> {
        const SQL: &str = "SELECT COUNT(*) FROM lanes WHERE workspace_id = $1 AND plugin_id = $2 AND lane = $3 AND lease = $4
             AND lease_until > 0";
        let (held,): (i64,) = fetch!(
            fetch_one,
            self,
            _,
            SQL,
            lane.workspace,
            &lane.plugin,
            &lane.lane,
            lane.lease
        )?;
        Ok(held > 0)
    }

    /// Takes what was done off the lane; false where it was not there any more. The lane can be claimed for the next then.
    pub(crate) async fn done(&mut self, claim: &Claim) -> Result<bool> {
        const EVENT: &str = "DELETE FROM deliveries WHERE workspace_id = $1 AND plugin_id = $2 AND lane = $3 AND seq = $4";
        const TIMER: &str = "DELETE FROM timers WHERE workspace_id = $1 AND plugin_id = $2 AND name = $3 AND id = $4";
        let lane = &claim.lane;
        let touched = match &claim.work {
            Work::Event { event, .. } => execute!(
                self,
                EVENT,
                lane.workspace,
                &lane.plugin,
                &lane.lane,
                event.seq
            )?,
            Work::Timer(timer) => execute!(
                self,
                TIMER,
                lane.workspace,
                &lane.plugin,
                &timer.name,
                timer.id
            )?,
        };
        Ok(touched > 0)
    }

    /// Writes that nothing was kept of an attempt, and what is next.
    ///
    /// # Errors
    /// Conflict: the lane belongs to another now.
    pub async fn fail(&mut self, claim: &Claim, error: &str, next: Next) -> Result<()> {
        const EVENT: &str =
            "UPDATE deliveries SET attempts = attempts + $8, state = $5, next_at = $6, error = $7
             WHERE workspace_id = $1 AND plugin_id = $2 AND lane = $3 AND seq = $4";
        const TIMER: &str =
            "UPDATE timers SET attempts = attempts + $8, state = $5, next_at = $6, error = $7
             WHERE workspace_id = $1 AND plugin_id = $2 AND name = $3 AND id = $4";
        let lane = &claim.lane;
        if !self.holds(lane).await? {
            return Err(Error::Conflict("the lane belongs to another now".into()));
        }
        let (counted, state, at): (i64, _, _) = match next {
            Next::Again(at) => (0, "pending", at),
            Next::Retry(at) => (1, "pending", at),
            Next::Never => (1, "dead", 0),
        };
        let error = error.replace('\0', "");
        match &claim.work {
            Work::Event { event, .. } => execute!(
                self,
                EVENT,
                lane.workspace,
                &lane.plugin,
                &lane.lane,
                event.seq,
                state,
                at,
                &error,
                counted
            )?,
            Work::Timer(timer) => execute!(
                self,
                TIMER,
                lane.workspace,
                &lane.plugin,
                &timer.name,
                timer.id,
                state,
                at,
                &error,
                counted
            )?,
        };
        self.rest(lane).await
    }

    /// Lets go of a lane: it is ready again when the next of it is due, and forgotten when nothing is left.
    pub(crate) async fn rest(&mut self, lane: &Lane) -> Result<()> {
        const NEXT: &str = "SELECT (SELECT d.next_at FROM deliveries d WHERE d.workspace_id = $1 AND d.plugin_id = $2 AND d.lane = $3
                    AND d.state = 'pending' ORDER BY d.seq LIMIT 1),
                (SELECT MIN(t.next_at) FROM timers t WHERE t.workspace_id = $1 AND t.plugin_id = $2 AND t.lane = $3 AND t.state = 'pending')";
        const SLEEP: &str = "UPDATE lanes SET ready_at = $4, lease_until = 0 WHERE workspace_id = $1 AND plugin_id = $2 AND lane = $3";
        const FORGET: &str =
            "DELETE FROM lanes WHERE workspace_id = $1 AND plugin_id = $2 AND lane = $3";
        let next: (Option<Instant>, Option<Instant>) = fetch!(
            fetch_one,
            self,
            _,
            NEXT,
            lane.workspace,
            &lane.plugin,
            &lane.lane
        )?;
        match [next.0, next.1].into_iter().flatten().min() {
            Some(at) => execute!(self, SLEEP, lane.workspace, &lane.plugin, &lane.lane, at)?,
            None => execute!(self, FORGET, lane.workspace, &lane.plugin, &lane.lane)?,
        };
        Ok(())
    }

    /// Lets go of a lane that this process holds, until `until` at most, under another number than that.
    pub async fn recover(&mut self, lane: &Lane, until: Instant) -> Result<()> {
        const SQL: &str = "UPDATE lanes SET lease_until = 0
             WHERE workspace_id = $1 AND plugin_id = $2 AND lane = $3 AND lease <> $4 AND lease_until > 0 AND lease_until <= $5 AND holder = $6";
        execute!(
            self,
            SQL,
            lane.workspace,
            &lane.plugin,
            &lane.lane,
            lane.lease,
            until,
            self.holder
        )?;
        Ok(())
    }

    /// When the next lane is ready; none while nothing waits. What is leased counts when its lease ends.
    pub async fn next_lane_at(&mut self) -> Result<Option<Instant>> {
        const SQL: &str = "SELECT MIN(CASE WHEN lease_until > ready_at THEN lease_until ELSE ready_at END) FROM lanes";
        let (at,): (Option<Instant>,) = fetch!(fetch_one, self, _, SQL)?;
        Ok(at)
    }

    /// Makes a lane ready at `at`, if it would be later.
    pub(crate) async fn wake(
        &mut self,
        workspace: WorkspaceId,
        plugin: &str,
        lane: &str,
        at: Instant,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO lanes (workspace_id, plugin_id, lane, ready_at, lease, lease_until) VALUES ($1, $2, $3, $4, 0, 0)
             ON CONFLICT (workspace_id, plugin_id, lane) DO UPDATE SET
                ready_at = CASE WHEN excluded.ready_at < lanes.ready_at THEN excluded.ready_at ELSE lanes.ready_at END";
        execute!(self, SQL, workspace, plugin, lane, at)?;
        Ok(())
    }

    /// The plugin is switched off: what it was to be told is forgotten, its timers sleep.
    pub async fn suspend_plugin(&mut self, workspace: WorkspaceId, plugin: &str) -> Result<()> {
        const DELIVERIES: &str =
            "DELETE FROM deliveries WHERE workspace_id = $1 AND plugin_id = $2";
        const LANES: &str = "DELETE FROM lanes WHERE workspace_id = $1 AND plugin_id = $2";
        execute!(self, DELIVERIES, workspace, plugin)?;
        execute!(self, LANES, workspace, plugin)?;
        Ok(())
    }

    /// Forgets what plugins that are off would be told: a server that died while one began has left it.
    pub async fn suspend_all_that_are_off(&mut self) -> Result<()> {
        const DELIVERIES: &str = "DELETE FROM deliveries WHERE EXISTS (SELECT 1 FROM enabled_plugins p
             WHERE p.workspace_id = deliveries.workspace_id AND p.plugin_id = deliveries.plugin_id AND p.enabled = $1)";
        const LANES: &str = "DELETE FROM lanes WHERE EXISTS (SELECT 1 FROM enabled_plugins p
             WHERE p.workspace_id = lanes.workspace_id AND p.plugin_id = lanes.plugin_id AND p.enabled = $1)";
        execute!(self, DELIVERIES, false)?;
        execute!(self, LANES, false)?;
        Ok(())
    }

    /// The plugin is switched on again: its timers wake, and it is told at once of what waited for it.
    pub async fn resume_plugin(
        &mut self,
        workspace: WorkspaceId,
        plugin: &str,
        now: Instant,
    ) -> Result<()> {
        const DELIVERIES: &str = "UPDATE deliveries SET next_at = $3
             WHERE workspace_id = $1 AND plugin_id = $2 AND state = 'pending' AND next_at > $3";
        const LANES: &str = "INSERT INTO lanes (workspace_id, plugin_id, lane, ready_at, lease, lease_until)
             SELECT w.workspace_id, w.plugin_id, w.lane, MIN(w.next_at), 0, 0 FROM (
                SELECT workspace_id, plugin_id, lane, next_at FROM timers WHERE workspace_id = $1 AND plugin_id = $2 AND state = 'pending'
                UNION ALL
                SELECT workspace_id, plugin_id, lane, next_at FROM deliveries WHERE workspace_id = $1 AND plugin_id = $2 AND state = 'pending') w
              GROUP BY w.workspace_id, w.plugin_id, w.lane
             ON CONFLICT (workspace_id, plugin_id, lane) DO UPDATE SET
                ready_at = CASE WHEN excluded.ready_at < lanes.ready_at THEN excluded.ready_at ELSE lanes.ready_at END";
        execute!(self, DELIVERIES, workspace, plugin, now)?;
        execute!(self, LANES, workspace, plugin)?;
        Ok(())
    }
}
