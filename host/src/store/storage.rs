//! What plugins keep: storage by key, rows in collections, timers. Everything is of one plugin in one workspace.

use std::collections::BTreeMap;

use balcao_runtime::services::Stored;
use balcao_runtime::wit::Subject;
use serde_json::{Value, json};

use super::rows::{OverRows, over_rows};
use super::{Scope, Tx, execute, fetch};
use crate::clock::Instant;
use crate::error::Result;
use crate::id::{TimerId, WorkspaceId};

/// Whose data it is.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    pub workspace: WorkspaceId,
    pub plugin: &'a str,
}

/// The fields by which a collection is indexed, by collection: from the manifest.
pub type Indexes = BTreeMap<String, Vec<String>>;

impl Tx {
    /// A value that has not expired.
    pub async fn storage_get(
        &mut self,
        of: Owner<'_>,
        key: &str,
        now: Instant,
    ) -> Result<Option<Stored>> {
        const SQL: &str = "SELECT value, revision FROM storage WHERE workspace_id = $1 AND plugin_id = $2 AND key = $3
             AND (expires_at IS NULL OR expires_at > $4)";
        let found: Option<(String, i64)> = fetch!(
            fetch_optional,
            self,
            _,
            SQL,
            of.workspace,
            of.plugin,
            key,
            now
        )?;
        Ok(found.map(|(value, revision)| Stored { value, revision }))
    }

    /// Keys with the prefix in byte order, after `after`, at most `limit`.
    pub async fn storage_list(
        &mut self,
        of: Owner<'_>,
        prefix: &str,
        after: Option<&str>,
        limit: i64,
        now: Instant,
    ) -> Result<Vec<(String, Stored)>> {
        const SQL: &str = "SELECT key, value, revision FROM storage WHERE workspace_id = $1 AND plugin_id = $2 AND key >= $3
             AND (expires_at IS NULL OR expires_at > $4) AND ($5 IS NULL OR key > $5) AND SUBSTR(key, 1, $6) = $3 ORDER BY key LIMIT $7";
        let letters = i32::try_from(prefix.chars().count()).unwrap_or(i32::MAX);
        let found: Vec<(String, String, i64)> = fetch!(
            fetch_all,
            self,
            _,
            SQL,
            of.workspace,
            of.plugin,
            prefix,
            now,
            after,
            letters,
            limit
        )?;
        Ok(found
            .into_iter()
            .map(|(key, value, revision)| (key, Stored { value, revision }))
            .collect())
    }

    /// The number that this commit's writes to storage carry: no two commits share one, so that a key deleted and written again is seen
    /// to have changed.
    pub(crate) async fn next_revision(&mut self, workspace: WorkspaceId) -> Result<i64> {
        const SQL: &str = "UPDATE workspace_seq SET revision = revision + 1 WHERE workspace_id = $1 RETURNING revision";
        let (revision,): (i64,) = fetch!(fetch_one, self, _, SQL, workspace)?;
        Ok(revision)
    }

    pub(crate) async fn storage_set(
        &mut self,
        of: Owner<'_>,
        key: &str,
        value: &str,
        revision: i64,
        expires_at: Option<Instant>,
        about: Option<&str>,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO storage (workspace_id, plugin_id, key, value, revision, expires_at, about)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (workspace_id, plugin_id, key) DO UPDATE SET
                value = excluded.value, revision = excluded.revision, expires_at = excluded.expires_at, about = excluded.about";
        execute!(
            self,
            SQL,
            of.workspace,
            of.plugin,
            key,
            value,
            revision,
            expires_at,
            about
        )?;
        Ok(())
    }

    pub(crate) async fn storage_delete(&mut self, of: Owner<'_>, key: &str) -> Result<()> {
        const SQL: &str =
            "DELETE FROM storage WHERE workspace_id = $1 AND plugin_id = $2 AND key = $3";
        execute!(self, SQL, of.workspace, of.plugin, key)?;
        Ok(())
    }

    pub async fn collection_row(
        &mut self,
        of: Owner<'_>,
        collection: &str,
        key: &str,
    ) -> Result<Option<String>> {
        const SQL: &str = "SELECT row FROM collection_rows WHERE workspace_id = $1 AND plugin_id = $2 AND collection = $3 AND key = $4";
        let found: Option<(String,)> = fetch!(
            fetch_optional,
            self,
            _,
            SQL,
            of.workspace,
            of.plugin,
            collection,
            key
        )?;
        Ok(found.map(|(row,)| row))
    }

    pub(crate) async fn collection_put(
        &mut self,
        of: Owner<'_>,
        collection: &str,
        key: &str,
        row: &str,
        about: Option<&str>,
        indexed: &[String],
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO collection_rows (workspace_id, plugin_id, collection, key, row, about) VALUES ($1, $2, $3, $4, $5, $6)";
        const VALUES: OverRows = over_rows!(
            "INSERT INTO collection_values (workspace_id, plugin_id, collection, field, number, text, key)
             SELECT r.value ->> 'w', r.value ->> 'p', r.value ->> 'c', r.value ->> 'f', CAST(r.value ->> 'n' AS BIGINT), r.value ->> 't', r.value ->> 'k' FROM",
            ""
        );
        self.collection_delete(of, collection, key).await?;
        execute!(
            self,
            SQL,
            of.workspace,
            of.plugin,
            collection,
            key,
            row,
            about
        )?;
        let fields: Value = serde_json::from_str(row).unwrap_or(Value::Null);
        let values = indexed.iter().map(|field| {
            let (number, text) = index_value(&fields[field.as_str()]);
            json!({"w": of.workspace, "p": of.plugin, "c": collection, "f": field, "n": number, "t": text, "k": key})
        });
        self.write_of(VALUES, &values.collect::<Vec<_>>()).await
    }

    pub(crate) async fn collection_delete(
        &mut self,
        of: Owner<'_>,
        collection: &str,
        key: &str,
    ) -> Result<()> {
        // The values go with the row.
        const SQL: &str = "DELETE FROM collection_rows WHERE workspace_id = $1 AND plugin_id = $2 AND collection = $3 AND key = $4";
        execute!(self, SQL, of.workspace, of.plugin, collection, key)?;
        Ok(())
    }

    /// Sets a timer, or moves the one of that name.
    pub(crate) async fn set_timer(
        &mut self,
        scope: Scope<'_>,
        plugin: &str,
        name: &str,
        at: Instant,
        about: Option<&Subject>,
        payload: &str,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO timers (workspace_id, plugin_id, name, id, at, lane, about_kind, about_id, payload, attempts, next_at, state)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $5, 'pending')
             ON CONFLICT (workspace_id, plugin_id, name) DO UPDATE SET
                id = excluded.id, at = excluded.at, lane = excluded.lane, about_kind = excluded.about_kind, about_id = excluded.about_id,
                payload = excluded.payload, attempts = 0, next_at = excluded.next_at, state = 'pending', error = NULL";
        let id: TimerId = scope.ids.mint();
        let lane = lane_of(about);
        let (kind, of) = about.map(|it| (it.kind.as_str(), it.id.as_str())).unzip();
        execute!(
            self,
            SQL,
            scope.workspace,
            plugin,
            name,
            id,
            at,
            &lane,
            kind,
            of,
            payload
        )?;
        self.wake(scope.workspace, plugin, &lane, at).await
    }

    pub(crate) async fn cancel_timer(&mut self, of: Owner<'_>, name: &str) -> Result<()> {
        const SQL: &str =
            "DELETE FROM timers WHERE workspace_id = $1 AND plugin_id = $2 AND name = $3";
        execute!(self, SQL, of.workspace, of.plugin, name)?;
        Ok(())
    }

    /// Forgets what has expired, at most `limit` keys. Gives how many.
    pub async fn purge_storage(&mut self, now: Instant, limit: i64) -> Result<usize> {
        const OWNERS: &str = "SELECT DISTINCT workspace_id, plugin_id FROM
             (SELECT workspace_id, plugin_id FROM storage WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2) expired
              ORDER BY workspace_id, plugin_id";
        const PURGE: &str =
            "DELETE FROM storage WHERE workspace_id = $1 AND plugin_id = $2 AND expires_at <= $3";
        let owners: Vec<(WorkspaceId, String)> = fetch!(fetch_all, self, _, OWNERS, now, limit)?;
        let mut purged = 0;
        for (workspace, plugin) in owners {
            let of = Owner {
                workspace,
                plugin: &plugin,
            };
            // In turn with the commits of its calls, which count what they change.
            if self.lock(&[workspace]).await?.is_empty() {
                continue;
            }
            purged += execute!(self, PURGE, workspace, of.plugin, now)?;
            self.recount_keeps(of).await?;
        }
        Ok(usize::try_from(purged).unwrap_or(usize::MAX))
    }
}

/// A timer about a conversation or a team takes its turn with the events of that lane.
fn lane_of(about: Option<&Subject>) -> String {
    match about {
        Some(it) if matches!(it.kind.as_str(), "conversation" | "team") => {
            format!("{}:{}", it.kind, it.id)
        }
        _ => "workspace".to_owned(),
    }
}

/// How a field is kept for comparing: integers and truth as numbers, text as text, the rest not at all.
pub(crate) fn index_value(value: &Value) -> (Option<i64>, Option<String>) {
    match value {
        Value::Bool(it) => (Some(i64::from(*it)), None),
        Value::Number(it) => (it.as_i64(), None),
        Value::String(it) => (None, Some(it.clone())),
        _ => (None, None),
    }
}
