//! What each plugin keeps and uses in a workspace: exact counts for its quotas, kept in the transaction of every call's commit, and what its
//! calls used, by the minute, gathered from all nodes. Judges nothing: the quotas do.

use std::collections::BTreeSet;

use balcao_runtime::{
    effect::{Collections, Effect, Storage, Timers},
    quota::{Keeps, Used},
};
use serde::Serialize;
use sqlx::FromRow;

use super::claims::{Claim, Work};
use super::rows::{self, OverRows, over_rows};
use super::storage::Owner;
use super::{Tx, execute, fetch};
use crate::clock::Instant;
use crate::error::Result;
use crate::id::WorkspaceId;

/// The keys, rows and timers that a call may change, as JSON.
pub(crate) struct Touched {
    keys: String,
    rows: String,
    timers: String,
}

impl Touched {
    /// None where it changes nothing that is counted.
    pub fn by(effects: &[Effect], claim: Option<&Claim>) -> Result<Option<Self>> {
        let (mut keys, mut rows, mut timers) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        if let Some(Work::Timer(timer)) = claim.map(|claim| &claim.work) {
            timers.insert(timer.name.as_str());
        }
        for effect in effects {
            match effect {
                Effect::Storage(Storage::Set { key, .. } | Storage::Delete { key }) => {
                    keys.insert(key.as_str());
                }
                Effect::Collections(
                    Collections::Put {
                        collection, key, ..
                    }
                    | Collections::Delete { collection, key },
                ) => {
                    rows.insert((collection.as_str(), key.as_str()));
                }
                Effect::Timers(Timers::Set { name, .. } | Timers::Cancel { name }) => {
                    timers.insert(name.as_str());
                }
                _ => {}
            }
        }
        if keys.is_empty() && rows.is_empty() && timers.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            keys: rows::json(&keys)?,
            rows: rows::json(&rows)?,
            timers: rows::json(&timers)?,
        }))
    }
}

/// `Keeps` as the database has it, or the difference of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromRow, serde::Deserialize)]
pub(crate) struct Counts {
    storage_keys: i64,
    storage_bytes: i64,
    collection_rows: i64,
    timers: i64,
}

impl Counts {
    fn less(self, other: Self) -> Self {
        Self {
            storage_keys: self.storage_keys - other.storage_keys,
            storage_bytes: self.storage_bytes - other.storage_bytes,
            collection_rows: self.collection_rows - other.collection_rows,
            timers: self.timers - other.timers,
        }
    }
}

impl From<Counts> for Keeps {
    fn from(counts: Counts) -> Self {
        Self {
            storage_keys: natural(counts.storage_keys),
            storage_bytes: natural(counts.storage_bytes),
            collection_rows: natural(counts.collection_rows),
            timers: natural(counts.timers),
        }
    }
}

fn natural(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// What of the touched is there.
const TOUCHED: OverRows = OverRows {
    // Joined: each `IN` or subquery in `FROM` would make SQLite a table of its own, five for each of two looks per commit.
    sqlite: "SELECT
         (SELECT COUNT(*) FROM json_each($3) r CROSS JOIN storage s
           WHERE s.workspace_id = $1 AND s.plugin_id = $2 AND s.key = r.value) AS storage_keys,
         (SELECT COALESCE(SUM(OCTET_LENGTH(s.key) + OCTET_LENGTH(s.value)), 0) FROM json_each($3) r CROSS JOIN storage s
           WHERE s.workspace_id = $1 AND s.plugin_id = $2 AND s.key = r.value) AS storage_bytes,
         (SELECT COUNT(*) FROM json_each($4) r CROSS JOIN collection_rows c
           WHERE c.workspace_id = $1 AND c.plugin_id = $2 AND c.collection = r.value ->> 0 AND c.key = r.value ->> 1) AS collection_rows,
         (SELECT COUNT(*) FROM json_each($5) r CROSS JOIN timers t
           WHERE t.workspace_id = $1 AND t.plugin_id = $2 AND t.name = r.value) AS timers",
    postgres: "SELECT s.storage_keys, s.storage_bytes, c.collection_rows, t.timers FROM
         (SELECT COUNT(*) AS storage_keys, CAST(COALESCE(SUM(OCTET_LENGTH(key) + OCTET_LENGTH(value)), 0) AS BIGINT) AS storage_bytes
            FROM storage WHERE workspace_id = $1 AND plugin_id = $2
             AND key IN (SELECT jsonb_array_elements_text(CAST($3 AS JSONB)))) s,
         (SELECT COUNT(*) AS collection_rows FROM collection_rows WHERE workspace_id = $1 AND plugin_id = $2
             AND (collection, key) IN (SELECT r.value ->> 0, r.value ->> 1 FROM jsonb_array_elements(CAST($4 AS JSONB)) r (value))) c,
         (SELECT COUNT(*) AS timers FROM timers WHERE workspace_id = $1 AND plugin_id = $2
             AND name IN (SELECT jsonb_array_elements_text(CAST($5 AS JSONB)))) t",
};

const CHANGE: &str = "INSERT INTO plugin_keeps (workspace_id, plugin_id, storage_keys, storage_bytes, collection_rows, timers)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (workspace_id, plugin_id) DO UPDATE SET
        storage_keys = plugin_keeps.storage_keys + excluded.storage_keys,
        storage_bytes = plugin_keeps.storage_bytes + excluded.storage_bytes,
        collection_rows = plugin_keeps.collection_rows + excluded.collection_rows,
        timers = plugin_keeps.timers + excluded.timers
     RETURNING storage_keys, storage_bytes, collection_rows, timers";

/// What calls of one plugin used in one minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UsedRow {
    pub workspace_id: WorkspaceId,
    pub plugin_id: String,
    pub minute: i64,
    #[serde(flatten)]
    pub used: Used,
}

#[derive(FromRow, serde::Deserialize)]
struct StoredUsed {
    workspace_id: WorkspaceId,
    plugin_id: String,
    minute: i64,
    calls: i64,
    faults: i64,
    cpu_us: i64,
    host_calls: i64,
    http_calls: i64,
    http_bytes: i64,
    log_lines: i64,
}

impl From<StoredUsed> for UsedRow {
    fn from(row: StoredUsed) -> Self {
        Self {
            workspace_id: row.workspace_id,
            plugin_id: row.plugin_id,
            minute: row.minute,
            used: Used {
                calls: natural(row.calls),
                faults: natural(row.faults),
                cpu_us: natural(row.cpu_us),
                host_calls: natural(row.host_calls),
                http_calls: natural(row.http_calls),
                http_bytes: natural(row.http_bytes),
                log_lines: natural(row.log_lines),
            },
        }
    }
}

const ADD_USED: OverRows = over_rows!(
    "INSERT INTO plugin_used (workspace_id, plugin_id, minute, calls, faults, cpu_us, host_calls, http_calls, http_bytes, log_lines)
     SELECT r.value ->> 'workspace_id', r.value ->> 'plugin_id', CAST(r.value ->> 'minute' AS BIGINT),
            CAST(r.value ->> 'calls' AS BIGINT), CAST(r.value ->> 'faults' AS BIGINT), CAST(r.value ->> 'cpu_us' AS BIGINT),
            CAST(r.value ->> 'host_calls' AS BIGINT), CAST(r.value ->> 'http_calls' AS BIGINT), CAST(r.value ->> 'http_bytes' AS BIGINT),
            CAST(r.value ->> 'log_lines' AS BIGINT) FROM",
    "WHERE true ON CONFLICT (workspace_id, plugin_id, minute) DO UPDATE SET
        calls = plugin_used.calls + excluded.calls, faults = plugin_used.faults + excluded.faults,
        cpu_us = plugin_used.cpu_us + excluded.cpu_us, host_calls = plugin_used.host_calls + excluded.host_calls,
        http_calls = plugin_used.http_calls + excluded.http_calls, http_bytes = plugin_used.http_bytes + excluded.http_bytes,
        log_lines = plugin_used.log_lines + excluded.log_lines
     RETURNING *"
);

/// Calls of one plugin under way on one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunningRow {
    pub workspace_id: WorkspaceId,
    pub plugin_id: String,
    pub running: u64,
}

const SAY_RUNNING: OverRows = over_rows!(
    "INSERT INTO plugin_running (node, workspace_id, plugin_id, running, until)
     SELECT $2, r.value ->> 'workspace_id', r.value ->> 'plugin_id', CAST(r.value ->> 'running' AS BIGINT), $3 FROM",
    "WHERE true ON CONFLICT (node, workspace_id, plugin_id) DO UPDATE SET running = excluded.running, until = excluded.until"
);

/// A number that the operator has set in place of a limit.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, serde::Deserialize)]
pub struct LimitRow {
    pub workspace_id: WorkspaceId,
    /// `*`: every plugin.
    pub plugin_id: String,
    pub name: String,
    pub value: i64,
}

impl Tx {
    /// What of the touched is there now.
    pub(crate) async fn touched(&mut self, of: Owner<'_>, touched: &Touched) -> Result<Counts> {
        let sql = TOUCHED.on(self);
        Ok(fetch!(
            fetch_one,
            self,
            Counts,
            sql,
            of.workspace,
            of.plugin,
            &touched.keys,
            &touched.rows,
            &touched.timers
        )?)
    }

    /// Notes what a commit has changed; gives what the plugin kept before and keeps now.
    pub(crate) async fn change_keeps(
        &mut self,
        of: Owner<'_>,
        before: Counts,
        after: Counts,
    ) -> Result<(Keeps, Keeps)> {
        let change = after.less(before);
        if change == Counts::default() {
            return Ok((Keeps::default(), Keeps::default()));
        }
        let now: Counts = fetch!(
            fetch_one,
            self,
            Counts,
            CHANGE,
            of.workspace,
            of.plugin,
            change.storage_keys,
            change.storage_bytes,
            change.collection_rows,
            change.timers
        )?;
        Ok((now.less(change).into(), now.into()))
    }

    /// What the plugin keeps in the workspace.
    pub async fn plugin_keeps(&mut self, of: Owner<'_>) -> Result<Keeps> {
        const SQL: &str =
            "SELECT storage_keys, storage_bytes, collection_rows, timers FROM plugin_keeps
             WHERE workspace_id = $1 AND plugin_id = $2";
        let found: Option<Counts> =
            fetch!(fetch_optional, self, Counts, SQL, of.workspace, of.plugin)?;
        Ok(found.unwrap_or_default().into())
    }

    /// Counts anew what a plugin keeps: after its data was written or taken away by anything but its calls.
    pub async fn recount_keeps(&mut self, of: Owner<'_>) -> Result<()> {
        const FORGET: &str = "DELETE FROM plugin_keeps WHERE workspace_id = $1 AND plugin_id = $2";
        const COUNT: &str = "INSERT INTO plugin_keeps (workspace_id, plugin_id, storage_keys, storage_bytes, collection_rows, timers)
             SELECT $1, $2, s.n, s.bytes, c.n, t.n FROM
                (SELECT COUNT(*) AS n, CAST(COALESCE(SUM(OCTET_LENGTH(key) + OCTET_LENGTH(value)), 0) AS BIGINT) AS bytes
                   FROM storage WHERE workspace_id = $1 AND plugin_id = $2) s,
                (SELECT COUNT(*) AS n FROM collection_rows WHERE workspace_id = $1 AND plugin_id = $2) c,
                (SELECT COUNT(*) AS n FROM timers WHERE workspace_id = $1 AND plugin_id = $2) t";
        execute!(self, FORGET, of.workspace, of.plugin)?;
        execute!(self, COUNT, of.workspace, of.plugin)?;
        Ok(())
    }

    /// Adds what calls have used to what is known of it. Gives the sums of the minutes that were added to.
    pub async fn add_used(&mut self, rows: &[UsedRow]) -> Result<Vec<UsedRow>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let sql = ADD_USED.on(self);
        let sums: Vec<StoredUsed> = fetch!(fetch_all, self, StoredUsed, sql, rows::json(rows)?)?;
        Ok(sums.into_iter().map(Into::into).collect())
    }

    /// What a plugin's calls have used in a workspace, by minute, from `minute` on.
    pub async fn plugin_used(&mut self, of: Owner<'_>, minute: i64) -> Result<Vec<UsedRow>> {
        const SQL: &str = "SELECT * FROM plugin_used WHERE workspace_id = $1 AND plugin_id = $2 AND minute >= $3 ORDER BY minute";
        let found: Vec<StoredUsed> = fetch!(
            fetch_all,
            self,
            StoredUsed,
            SQL,
            of.workspace,
            of.plugin,
            minute
        )?;
        Ok(found.into_iter().map(Into::into).collect())
    }

    /// Forgets what was used before `minute`.
    pub async fn forget_used(&mut self, minute: i64) -> Result<u64> {
        const SQL: &str = "DELETE FROM plugin_used WHERE minute < $1";
        Ok(execute!(self, SQL, minute)?)
    }

    /// Says how many calls of each plugin are under way on this node; believed until `until`.
    pub async fn say_running(
        &mut self,
        node: &str,
        rows: &[RunningRow],
        until: Instant,
    ) -> Result<()> {
        if !rows.is_empty() {
            let sql = SAY_RUNNING.on(self);
            execute!(self, sql, rows::json(rows)?, node, until)?;
        }
        Ok(())
    }

    /// Calls under way on other nodes: workspace, plugin, how many.
    pub async fn running_elsewhere(
        &mut self,
        node: &str,
        now: Instant,
    ) -> Result<Vec<(WorkspaceId, String, i64)>> {
        const SQL: &str =
            "SELECT workspace_id, plugin_id, CAST(SUM(running) AS BIGINT) FROM plugin_running
             WHERE node <> $1 AND until > $2 GROUP BY workspace_id, plugin_id";
        Ok(fetch!(fetch_all, self, _, SQL, node, now)?)
    }

    /// Forgets what nodes said that is not believed any more.
    pub async fn forget_running(&mut self, now: Instant) -> Result<u64> {
        const SQL: &str = "DELETE FROM plugin_running WHERE until <= $1";
        Ok(execute!(self, SQL, now)?)
    }

    /// All that operators have set, those for every plugin of a workspace first.
    pub async fn plugin_limits(&mut self) -> Result<Vec<LimitRow>> {
        const SQL: &str = "SELECT workspace_id, plugin_id, name, value FROM plugin_limits ORDER BY workspace_id, plugin_id, name";
        Ok(fetch!(fetch_all, self, LimitRow, SQL)?)
    }

    /// Sets a limit, or with none gives it its default back.
    pub async fn set_plugin_limit(
        &mut self,
        workspace: WorkspaceId,
        plugin: &str,
        name: &str,
        value: Option<i64>,
    ) -> Result<()> {
        const SET: &str = "INSERT INTO plugin_limits (workspace_id, plugin_id, name, value) VALUES ($1, $2, $3, $4)
             ON CONFLICT (workspace_id, plugin_id, name) DO UPDATE SET value = excluded.value";
        const FORGET: &str =
            "DELETE FROM plugin_limits WHERE workspace_id = $1 AND plugin_id = $2 AND name = $3";
        match value {
            Some(value) => execute!(self, SET, workspace, plugin, name, value)?,
            None => execute!(self, FORGET, workspace, plugin, name)?,
        };
        Ok(())
    }
}
