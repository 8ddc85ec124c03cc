//! The books of calls: what they have used and logged is written in batches, once a second, and what other nodes did and what the operator
//! set is heard then. Also the breakers' states that nodes share. Never asked for by a call while it runs.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use balcao_runtime::{
    LogLine,
    breaker::{Admission, Change, Rest},
    package::Package,
    quota::{Used, WINDOW},
};

use super::enabled::{EnabledApps, Live, stored_rest};
use crate::{
    clock::{Clock, Instant},
    error::Result,
    id::{Ids, WorkspaceId},
    store::{
        Scope, Store,
        events::{Actor, NewEvent},
        ingest::LogLine as StoredLine,
        usage::{RunningRow, UsedRow},
    },
};

/// How long a node's word of its running calls is believed, µs: longer than the time between two words.
const BELIEVED: i64 = 10_000_000;
/// Minutes that are kept of what was used.
const KEPT_MINUTES: i64 = 24 * 60;
/// Lines that are kept of each app's log in a workspace.
const KEPT_LINES: u32 = 1_000;
/// Lines that wait to be written; beyond them the oldest are dropped.
const WAITING_LINES: usize = 20_000;
/// Keys whose time is over that are purged at once.
const PURGED: i64 = 1_000;

/// See the module.
pub struct Books {
    /// This process, among those that share the database.
    node: String,
    lines: Mutex<Vec<StoredLine>>,
}

/// Whether a call may start.
pub enum Entry {
    /// And whether it is the breaker's trial.
    Admitted {
        trial: bool,
    },
    Resting {
        until: Instant,
    },
}

impl Books {
    pub fn new(node: String) -> Self {
        Self {
            node,
            lines: Mutex::default(),
        }
    }

    /// Keeps a call's lines until they are written.
    pub fn log(
        &self,
        (workspace, plugin): (WorkspaceId, &str),
        call: &str,
        lines: &[LogLine],
        (ids, now): (&Ids, Instant),
    ) {
        if lines.is_empty() {
            return;
        }
        let mut waiting = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.extend(lines.iter().map(|line| StoredLine {
            workspace_id: workspace,
            plugin_id: plugin.to_owned(),
            id: ids.mint(),
            at: now,
            level: line.level.clone(),
            message: line.message.replace('\0', ""),
            call_key: call.to_owned(),
        }));
        let too_many = waiting.len().saturating_sub(WAITING_LINES);
        waiting.drain(..too_many);
    }

    /// Writes what is new and hears what others did.
    ///
    /// # Errors
    /// The store cannot be used now; what could not be written is kept for the next time.
    pub async fn balance(
        &self,
        store: &Store,
        clock: &Clock,
        enabled: &EnabledApps,
        package: impl Fn(&str) -> Option<std::sync::Arc<Package>>,
    ) -> Result<()> {
        let now = clock.now();
        self.tell(store, enabled, now).await?;
        self.write_lines(store).await?;
        self.hear(store, enabled, package, now).await
    }

    /// Forgets what is too old to be of use.
    ///
    /// # Errors
    /// The store cannot be used now.
    pub async fn tidy(&self, store: &Store, now: Instant) -> Result<()> {
        let mut tx = store.begin().await?;
        tx.forget_used(now.div_euclid(WINDOW) - KEPT_MINUTES)
            .await?;
        tx.forget_running(now).await?;
        tx.commit().await?;
        let mut tx = store.begin().await?;
        tx.purge_storage(now, PURGED).await?;
        tx.commit().await
    }

    async fn tell(&self, store: &Store, enabled: &EnabledApps, now: Instant) -> Result<()> {
        let mut news: Vec<_> = Vec::new();
        for (key, live) in enabled.all_live() {
            if let Some(told) = live.meter.take() {
                news.push((key, live, told));
            }
        }
        if news.is_empty() {
            return Ok(());
        }
        let mut windows: BTreeMap<(WorkspaceId, &str, i64), Used> = BTreeMap::new();
        for ((workspace, plugin), _, told) in &news {
            for (minute, used) in &told.windows {
                let sum = windows.entry((*workspace, plugin, *minute)).or_default();
                sum.add(used);
            }
        }
        let used: Vec<UsedRow> = windows
            .into_iter()
            .map(|((workspace_id, plugin, minute), used)| UsedRow {
                workspace_id,
                plugin_id: plugin.to_owned(),
                minute,
                used,
            })
            .collect();
        let running: Vec<RunningRow> = news
            .iter()
            .map(|((workspace, plugin), _, told)| RunningRow {
                workspace_id: *workspace,
                plugin_id: plugin.clone(),
                running: told.running,
            })
            .collect();
        let written = self.write_used(store, &used, &running, now).await;
        let sums = match written {
            Ok(sums) => sums,
            Err(error) => {
                for (_, live, told) in news {
                    live.meter.give_back(told);
                }
                return Err(error);
            }
        };
        let live: BTreeMap<_, _> = news
            .iter()
            .map(|((workspace, plugin), live, _)| ((*workspace, plugin.as_str()), live))
            .collect();
        for sum in sums {
            if let Some(live) = live.get(&(sum.workspace_id, sum.plugin_id.as_str())) {
                live.meter.heard(sum.minute, &sum.used);
            }
        }
        Ok(())
    }

    async fn write_used(
        &self,
        store: &Store,
        used: &[UsedRow],
        running: &[RunningRow],
        now: Instant,
    ) -> Result<Vec<UsedRow>> {
        // What a power failure takes back of it is no great loss.
        let mut tx = store.begin_repeatable().await?;
        let sums = tx.add_used(used).await?;
        tx.say_running(&self.node, running, now.saturating_add(BELIEVED))
            .await?;
        tx.commit().await?;
        Ok(sums)
    }

    async fn write_lines(&self, store: &Store) -> Result<()> {
        let lines = std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner));
        if lines.is_empty() {
            return Ok(());
        }
        let write = async {
            let mut tx = store.begin_repeatable().await?;
            tx.insert_logs(&lines).await?;
            let mut of: Vec<_> = lines
                .iter()
                .map(|line| (line.workspace_id, line.plugin_id.as_str()))
                .collect();
            of.sort_unstable();
            of.dedup();
            for (workspace, plugin) in of {
                tx.trim_plugin_logs(workspace, plugin, KEPT_LINES).await?;
            }
            tx.commit().await
        };
        let written = write.await;
        if written.is_err() {
            let mut waiting = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.splice(..0, lines);
        }
        written
    }

    async fn hear(
        &self,
        store: &Store,
        enabled: &EnabledApps,
        package: impl Fn(&str) -> Option<std::sync::Arc<Package>>,
        now: Instant,
    ) -> Result<()> {
        let mut tx = store.read().await?;
        let running = tx.running_elsewhere(&self.node, now).await?;
        let breakers = tx.plugin_breakers().await?;
        let limits = tx.plugin_limits().await?;
        drop(tx);
        let running: BTreeMap<(WorkspaceId, String), i64> = running
            .into_iter()
            .map(|(workspace, plugin, running)| ((workspace, plugin), running))
            .collect();
        let breakers: BTreeMap<(WorkspaceId, String), String> = breakers
            .into_iter()
            .map(|(workspace, plugin, rest)| ((workspace, plugin), rest))
            .collect();
        // Also one that was never called here.
        for (workspace, plugin) in breakers.keys() {
            if let Some(resting) = enabled.get(*workspace, plugin) {
                enabled.live(*workspace, plugin, &resting);
            }
        }
        for (key, live) in enabled.all_live() {
            let elsewhere = running.get(&key).copied().unwrap_or(0);
            live.meter
                .heard_running(u64::try_from(elsewhere).unwrap_or(0));
            let rest = stored_rest(breakers.get(&key).map(String::as_str));
            live.breaker().set(rest);
        }
        for (workspace, plugin) in enabled.set_limits(limits) {
            let package = package(&plugin);
            enabled
                .refresh(store, workspace, package.as_deref(), &plugin)
                .await?;
        }
        Ok(())
    }

    /// Whether a call may start; of an app that rests, one on all nodes may try once its rest is over.
    ///
    /// # Errors
    /// The store cannot be asked who may.
    pub async fn admit(
        &self,
        store: &Store,
        (workspace, plugin): (WorkspaceId, &str),
        live: &Live,
        now: Instant,
    ) -> Result<Entry> {
        let (known, next) = {
            let breaker = live.breaker();
            match breaker.admits(now) {
                Admission::Yes => return Ok(Entry::Admitted { trial: false }),
                Admission::No { until } => return Ok(Entry::Resting { until }),
                Admission::Trial(next) => (breaker.rest().cloned(), next),
            }
        };
        let known = serde_json::to_string(&known)?;
        let json = serde_json::to_string(&next)?;
        let mut tx = store.begin().await?;
        let ours = tx
            .swap_plugin_breaker(workspace, plugin, &known, &json)
            .await?;
        let stored = match ours {
            true => Some(next),
            false => {
                let row = tx.enabled_plugin(workspace, plugin).await?;
                stored_rest(row.and_then(|row| row.breaker).as_deref())
            }
        };
        tx.commit().await?;
        live.breaker().set(stored.clone());
        Ok(match stored {
            Some(rest) if !ours => Entry::Resting { until: rest.until },
            // Ours, or closed by another meanwhile.
            _ => Entry::Admitted { trial: ours },
        })
    }

    /// Takes in how a call ended; what changes by it is stored, and told to the admin.
    ///
    /// # Errors
    /// The store cannot be written: other nodes do not know then.
    pub async fn judge(
        &self,
        store: &Store,
        scope: Scope<'_>,
        plugin: &str,
        live: &Live,
        (trial, fault): (bool, Option<&str>),
    ) -> Result<()> {
        let change = live.breaker().ended(trial, fault, scope.now);
        let Some(change) = change else { return Ok(()) };
        let (rest, kind, level, message) = match &change {
            Change::Opened(rest) => (Some(rest), "plugin.failing", "error", said(rest)),
            Change::Closed => (None, "plugin.recovered", "info", CLOSED.to_owned()),
        };
        let line = StoredLine {
            workspace_id: scope.workspace,
            plugin_id: plugin.to_owned(),
            id: scope.ids.mint(),
            at: scope.now,
            level: level.to_owned(),
            message: message.replace('\0', ""),
            call_key: String::new(),
        };
        let json = rest.map(serde_json::to_string).transpose()?;
        let mut tx = store.write(scope.workspace).await?;
        tx.set_plugin_breaker(scope.workspace, plugin, json.as_deref())
            .await?;
        let event = NewEvent::new(kind)
            .subject("plugin", plugin)
            .by(&Actor::system());
        tx.append(scope, vec![event]).await?;
        tx.insert_logs(&[line]).await?;
        tx.commit().await
    }
}

const CLOSED: &str = "O app voltou a funcionar.";

/// What the app's admin reads.
fn said(rest: &Rest) -> String {
    format!(
        "O app falhou demais e descansa por {} s: {}",
        rest.rest / 1_000_000,
        rest.reason
    )
}
