//! The event log: what happened, in the order of the workspace's commits, and which plugins are to be told. Holds ids and codes, never
//! what was said. A workspace's numbers only grow and none comes twice, so that a screen that comes back can see what it missed; up to
//! `workspace_seq.purged` the log is not whole.

use std::collections::{BTreeMap, BTreeSet};

use balcao_runtime::wit::Subject;
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::FromRow;

use super::rows::{OverRows, over_rows};
use super::{Scope, Tx, execute, fetch};
use crate::clock::Instant;
use crate::error::Result;
use crate::id::{ConversationId, EventId, Ids, TeamId, WorkspaceId};

/// A chain of events each caused by the one before is told to plugins this far (DESIGN §4, authority).
pub const MAX_HOPS: i64 = 8;

/// By what a subscription's deliveries are kept in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneKind {
    Conversation,
    Team,
    Workspace,
}

/// A plugin that is to be told of a kind of event in a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    pub plugin: String,
    pub lane: LaneKind,
    /// New conversations wait a moment for this plugin before anybody sees them.
    pub hold: bool,
    /// Also what the plugin caused itself.
    pub own: bool,
}

/// Who subscribed to what. Answered from memory: it is asked for every event.
pub trait Subscriptions: Send + Sync {
    fn of(&self, workspace: WorkspaceId, kind: &str) -> Vec<Subscription>;
}

/// Nobody subscribed to anything.
pub struct NoSubscriptions;

impl Subscriptions for NoSubscriptions {
    fn of(&self, _: WorkspaceId, _: &str) -> Vec<Subscription> {
        Vec::new()
    }
}

/// What happened, before it has its number. Kinds as in the WIT, and for screens alone `conversation.changed`, `message.changed`,
/// `channel.changed`.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    pub kind: &'static str,
    pub conversation: Option<ConversationId>,
    /// The conversation's team, or the one it happened to: for lanes, not stored.
    pub team: Option<TeamId>,
    /// What it happened to, where not the conversation.
    pub subject: Option<Subject>,
    pub actor: Option<Subject>,
    /// The plugin by which a user acted.
    pub via: Option<String>,
    pub data: Value,
    /// 0 for what came from outside; one more than the event whose handling caused it.
    pub depth: i64,
}

impl NewEvent {
    pub fn new(kind: &'static str) -> Self {
        Self {
            kind,
            conversation: None,
            team: None,
            subject: None,
            actor: None,
            via: None,
            data: json!({}),
            depth: 0,
        }
    }

    pub fn in_conversation(mut self, id: ConversationId, team: Option<TeamId>) -> Self {
        self.conversation = Some(id);
        self.team = team;
        self
    }

    pub fn subject(mut self, kind: &str, id: impl ToString) -> Self {
        self.subject = Some(subject(kind, id));
        self
    }

    pub fn by(mut self, actor: &Actor) -> Self {
        self.actor = Some(actor.subject());
        self.via = actor.via.clone();
        self.depth = actor.depth;
        self
    }

    pub fn data(mut self, data: Value) -> Self {
        self.data = data;
        self
    }

    /// The plugin that caused this, if one did.
    fn caused_by(&self) -> Option<&str> {
        self.via.as_deref().or_else(|| {
            self.actor
                .as_ref()
                .filter(|actor| actor.kind == "plugin")
                .map(|actor| actor.id.as_str())
        })
    }
}

pub fn subject(kind: &str, id: impl ToString) -> Subject {
    Subject {
        kind: kind.to_owned(),
        id: id.to_string(),
    }
}

/// Who does something: `user`, `contact`, `plugin` or `system`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    pub kind: &'static str,
    pub id: String,
    /// The plugin by which a user acts.
    pub via: Option<String>,
    /// See `NewEvent::depth`.
    pub depth: i64,
}

impl Actor {
    pub fn user(id: impl ToString) -> Self {
        Self {
            kind: "user",
            id: id.to_string(),
            via: None,
            depth: 0,
        }
    }

    pub fn contact(id: impl ToString) -> Self {
        Self {
            kind: "contact",
            id: id.to_string(),
            via: None,
            depth: 0,
        }
    }

    pub fn plugin(id: impl ToString, depth: i64) -> Self {
        Self {
            kind: "plugin",
            id: id.to_string(),
            via: None,
            depth,
        }
    }

    pub fn system() -> Self {
        Self {
            kind: "system",
            id: "core".to_owned(),
            via: None,
            depth: 0,
        }
    }

    fn subject(&self) -> Subject {
        subject(self.kind, &self.id)
    }
}

/// What happened, as it is in the log.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, serde::Deserialize)]
pub struct Event {
    #[sqlx(rename = "workspace_id")]
    #[serde(rename = "workspace_id")]
    pub workspace: WorkspaceId,
    pub seq: i64,
    pub id: EventId,
    pub kind: String,
    pub at: Instant,
    #[sqlx(rename = "conversation_id")]
    #[serde(rename = "conversation_id")]
    pub conversation: Option<ConversationId>,
    pub subject_kind: Option<String>,
    pub subject_id: Option<String>,
    pub actor_kind: Option<String>,
    pub actor_id: Option<String>,
    pub via: Option<String>,
    /// JSON.
    pub data: String,
    pub depth: i64,
}

impl Event {
    pub fn subject(&self) -> Option<Subject> {
        pair(self.subject_kind.as_ref(), self.subject_id.as_ref())
    }

    pub fn actor(&self) -> Option<Subject> {
        pair(self.actor_kind.as_ref(), self.actor_id.as_ref())
    }
}

pub(crate) fn pair(kind: Option<&String>, id: Option<&String>) -> Option<Subject> {
    Some(Subject {
        kind: kind?.clone(),
        id: id?.clone(),
    })
}

/// The lane's name. What has no such key is in the workspace's lane.
pub fn lane(kind: LaneKind, conversation: Option<ConversationId>, team: Option<TeamId>) -> String {
    match (kind, conversation, team) {
        (LaneKind::Conversation, Some(id), _) => format!("conversation:{id}"),
        (LaneKind::Team, _, Some(id)) => format!("team:{id}"),
        _ => "workspace".to_owned(),
    }
}

#[derive(Serialize)]
struct EventRow<'a> {
    w: WorkspaceId,
    seq: i64,
    id: EventId,
    kind: &'a str,
    at: Instant,
    cnv: Option<ConversationId>,
    sk: Option<&'a str>,
    si: Option<&'a str>,
    ak: Option<&'a str>,
    ai: Option<&'a str>,
    via: Option<&'a str>,
    data: &'a str,
    depth: i64,
}

#[derive(Serialize)]
struct DeliveryRow {
    w: WorkspaceId,
    p: String,
    lane: String,
    seq: i64,
    at: Instant,
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct LaneRow {
    w: WorkspaceId,
    p: String,
    lane: String,
    at: Instant,
}

/// Never below the clock: what a power failure took back is not numbered again with what screens have already seen.
const NUMBER: OverRows = over_rows!(
    "UPDATE workspace_seq SET seq = CAST(r.value ->> 'n' AS BIGINT)
            + CASE WHEN workspace_seq.seq < CAST(r.value ->> 'at' AS BIGINT) THEN CAST(r.value ->> 'at' AS BIGINT) ELSE workspace_seq.seq END FROM",
    "WHERE workspace_seq.workspace_id = r.value ->> 'w' RETURNING workspace_id, seq"
);

const INSERT_EVENTS: OverRows = over_rows!(
    "INSERT INTO events (workspace_id, seq, id, kind, at, conversation_id, subject_kind, subject_id, actor_kind, actor_id, via, data, depth)
     SELECT r.value ->> 'w', CAST(r.value ->> 'seq' AS BIGINT), r.value ->> 'id', r.value ->> 'kind', CAST(r.value ->> 'at' AS BIGINT),
            r.value ->> 'cnv', r.value ->> 'sk', r.value ->> 'si', r.value ->> 'ak', r.value ->> 'ai', r.value ->> 'via',
            r.value ->> 'data', CAST(r.value ->> 'depth' AS BIGINT) FROM",
    ""
);

const INSERT_DELIVERIES: OverRows = over_rows!(
    "INSERT INTO deliveries (workspace_id, plugin_id, lane, seq, attempts, next_at, state)
     SELECT r.value ->> 'w', r.value ->> 'p', r.value ->> 'lane', CAST(r.value ->> 'seq' AS BIGINT), 0,
            CAST(r.value ->> 'at' AS BIGINT), 'pending' FROM",
    ""
);

/// A lane that is asleep wakes earlier; it never sleeps longer because of something new.
const WAKE_LANES: OverRows = over_rows!(
    "INSERT INTO lanes (workspace_id, plugin_id, lane, ready_at, lease, lease_until)
     SELECT r.value ->> 'w', r.value ->> 'p', r.value ->> 'lane', CAST(r.value ->> 'at' AS BIGINT), 0, 0 FROM",
    "WHERE true ON CONFLICT (workspace_id, plugin_id, lane) DO UPDATE SET
        ready_at = CASE WHEN excluded.ready_at < lanes.ready_at THEN excluded.ready_at ELSE lanes.ready_at END"
);

const PURGE_EVENTS: &str = concat!(
    "DELETE FROM events WHERE workspace_id = $1 AND seq <= $2 AND NOT (",
    super::timeline::shown!(),
    ") AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.workspace_id = events.workspace_id AND d.seq = events.seq)"
);

fn lanes_of(deliveries: Vec<DeliveryRow>) -> Vec<LaneRow> {
    let lanes: BTreeSet<LaneRow> = deliveries
        .into_iter()
        .map(|row| LaneRow {
            w: row.w,
            p: row.p,
            lane: row.lane,
            at: row.at,
        })
        .collect();
    lanes.into_iter().collect()
}

impl Tx {
    /// Writes to the log of one workspace and tells the plugins that subscribed. The caller holds the workspace (`Store::write`).
    pub async fn append(&mut self, scope: Scope<'_>, events: Vec<NewEvent>) -> Result<Vec<Event>> {
        let workspace = scope.workspace;
        let events = events.into_iter().map(|event| (workspace, event)).collect();
        self.append_all(scope.now, scope.ids, scope.subscriptions, events)
            .await
    }

    /// The same for several workspaces at once, in a few statements for all.
    pub(crate) async fn append_all(
        &mut self,
        now: Instant,
        ids: &Ids,
        subscriptions: &dyn Subscriptions,
        new: Vec<(WorkspaceId, NewEvent)>,
    ) -> Result<Vec<Event>> {
        let mut next = self.number(&new, now).await?;
        let mut events = Vec::with_capacity(new.len());
        let mut deliveries = Vec::new();
        for (workspace, event) in new {
            let seq = next.entry(workspace).or_default();
            *seq += 1;
            deliveries.extend(deliveries_of(subscriptions, workspace, &event, *seq, now));
            events.push(numbered(workspace, *seq, now, ids, event));
        }
        let rows: Vec<EventRow<'_>> = events.iter().map(EventRow::of).collect();
        self.write_of(INSERT_EVENTS, &rows).await?;
        self.write_of(INSERT_DELIVERIES, &deliveries).await?;
        self.write_of(WAKE_LANES, &lanes_of(deliveries)).await?;
        self.recorded.extend_from_slice(&events);
        Ok(events)
    }

    /// Takes the next numbers of each workspace; gives the last one taken before.
    async fn number(
        &mut self,
        new: &[(WorkspaceId, NewEvent)],
        now: Instant,
    ) -> Result<BTreeMap<WorkspaceId, i64>> {
        let mut counts: BTreeMap<WorkspaceId, i64> = BTreeMap::new();
        for (workspace, _) in new {
            *counts.entry(*workspace).or_default() += 1;
        }
        let rows: Vec<Value> = counts
            .iter()
            .map(|(workspace, n)| json!({"w": workspace, "n": n, "at": now}))
            .collect();
        let last: Vec<(WorkspaceId, i64)> = self.read_of(NUMBER, &rows).await?;
        let before = |(workspace, seq)| {
            (
                workspace,
                seq - counts.get(&workspace).copied().unwrap_or(0),
            )
        };
        Ok(last.into_iter().map(before).collect())
    }

    /// Locks workspaces in key order until the transaction ends; gives those that exist. On SQLite there is one writer anyway.
    pub(crate) async fn lock(&mut self, workspaces: &[WorkspaceId]) -> Result<Vec<WorkspaceId>> {
        let sorted: BTreeSet<WorkspaceId> = workspaces.iter().copied().collect();
        let sorted: Vec<Locked> = sorted.into_iter().map(|w| Locked { w }).collect();
        let found: Vec<(WorkspaceId,)> = self.read_of(LOCK, &sorted).await?;
        Ok(found.into_iter().map(|(id,)| id).collect())
    }

    /// What happened after `seq`, oldest first, at most `limit`.
    pub async fn events_after(
        &mut self,
        workspace: WorkspaceId,
        seq: i64,
        limit: i64,
    ) -> Result<Vec<Event>> {
        const SQL: &str =
            "SELECT * FROM events WHERE workspace_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
        Ok(fetch!(fetch_all, self, Event, SQL, workspace, seq, limit)?)
    }

    /// Workspaces that keep events which happened before `before` and are not looked through yet.
    pub async fn workspaces_with_old_events(
        &mut self,
        before: Instant,
    ) -> Result<Vec<WorkspaceId>> {
        const SQL: &str = "SELECT s.workspace_id FROM workspace_seq s WHERE $1 >
             (SELECT e.at FROM events e WHERE e.workspace_id = s.workspace_id AND e.seq > s.purged ORDER BY e.seq LIMIT 1)";
        let found: Vec<(WorkspaceId,)> = fetch!(fetch_all, self, _, SQL, before)?;
        Ok(found.into_iter().map(|(id,)| id).collect())
    }

    /// Forgets at most `limit` of the events that happened before `before`; says whether there may be more. What conversations' timelines show stays, what
    /// a plugin has still to be told, and what is not in the search index yet. The caller holds the workspace.
    pub async fn purge_events(
        &mut self,
        workspace: WorkspaceId,
        before: Instant,
        limit: i64,
    ) -> Result<bool> {
        const UPTO: &str = "SELECT COUNT(*), MAX(p.seq) FROM (SELECT e.seq FROM events e
               JOIN workspace_seq s ON s.workspace_id = e.workspace_id
              WHERE e.workspace_id = $1 AND e.seq > s.purged AND e.at < $2
                AND e.seq <= (SELECT COALESCE(MAX(c.seq), 0) FROM search_cursors c WHERE c.workspace_id = $1) ORDER BY e.seq LIMIT $3) p";
        const NOTE: &str = "UPDATE workspace_seq SET purged = $2 WHERE workspace_id = $1";
        let (found, upto): (i64, Option<i64>) =
            fetch!(fetch_one, self, _, UPTO, workspace, before, limit)?;
        let Some(upto) = upto else { return Ok(false) };
        execute!(self, PURGE_EVENTS, workspace, upto)?;
        execute!(self, NOTE, workspace, upto)?;
        Ok(found == limit)
    }

    /// Whether there is an event of that number.
    pub async fn is_event(&mut self, workspace: WorkspaceId, seq: i64) -> Result<bool> {
        const SQL: &str = "SELECT COUNT(*) FROM events WHERE workspace_id = $1 AND seq = $2";
        let (found,): (i64,) = fetch!(fetch_one, self, _, SQL, workspace, seq)?;
        Ok(found > 0)
    }

    /// The number of the workspace's last event, and the one from which on the log is whole.
    pub async fn event_bounds(&mut self, workspace: WorkspaceId) -> Result<(i64, i64)> {
        const SQL: &str = "SELECT seq, purged + 1 FROM workspace_seq WHERE workspace_id = $1";
        let found: Option<(i64, i64)> = fetch!(fetch_optional, self, _, SQL, workspace)?;
        Ok(found.unwrap_or((0, 1)))
    }
}

#[derive(Serialize)]
struct Locked {
    w: WorkspaceId,
}

const LOCK: OverRows = OverRows {
    sqlite: "SELECT s.workspace_id FROM jsonb_each($1) r CROSS JOIN workspace_seq s WHERE s.workspace_id = r.value ->> 'w'",
    postgres: "SELECT s.workspace_id FROM workspace_seq s WHERE s.workspace_id IN
                (SELECT r.value ->> 'w' FROM jsonb_array_elements(CAST($1 AS JSONB)) r (value)) ORDER BY s.workspace_id FOR UPDATE",
};

impl<'a> EventRow<'a> {
    fn of(event: &'a Event) -> Self {
        Self {
            w: event.workspace,
            seq: event.seq,
            id: event.id,
            kind: &event.kind,
            at: event.at,
            cnv: event.conversation,
            sk: event.subject_kind.as_deref(),
            si: event.subject_id.as_deref(),
            ak: event.actor_kind.as_deref(),
            ai: event.actor_id.as_deref(),
            via: event.via.as_deref(),
            data: &event.data,
            depth: event.depth,
        }
    }
}

fn numbered(workspace: WorkspaceId, seq: i64, at: Instant, ids: &Ids, event: NewEvent) -> Event {
    let (subject_kind, subject_id) = event.subject.map(|it| (it.kind, it.id)).unzip();
    let (actor_kind, actor_id) = event.actor.map(|it| (it.kind, it.id)).unzip();
    Event {
        workspace,
        seq,
        id: ids.mint(),
        kind: event.kind.to_owned(),
        at,
        conversation: event.conversation,
        subject_kind,
        subject_id,
        actor_kind,
        actor_id,
        via: event.via,
        data: event.data.to_string(),
        depth: event.depth,
    }
}

fn deliveries_of(
    subscriptions: &dyn Subscriptions,
    workspace: WorkspaceId,
    event: &NewEvent,
    seq: i64,
    now: Instant,
) -> Vec<DeliveryRow> {
    if event.depth >= MAX_HOPS {
        return Vec::new();
    }
    subscriptions
        .of(workspace, event.kind)
        .into_iter()
        .filter(|to| to.own || event.caused_by() != Some(to.plugin.as_str()))
        .map(|to| DeliveryRow {
            w: workspace,
            lane: lane(to.lane, event.conversation, event.team),
            p: to.plugin,
            seq,
            at: now,
        })
        .collect()
}
