//! Which apps each workspace has enabled, in memory: asked for every event and every call. Filled from the store at start and after every
//! change; never decides about consent itself.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock},
};

use balcao_runtime::{
    breaker::{Breaker, Rest},
    manifest::{self, Manifest},
    package::Package,
    quota::{Allowance, Meter},
};
use serde_json::{Map, Value};

use super::consented;
use crate::{
    error::Result,
    id::WorkspaceId,
    store::{
        Store,
        enabled_plugins::EnabledPlugin,
        events::{LaneKind, Subscription, Subscriptions},
        usage::LimitRow,
    },
};

/// An app that is enabled in a workspace.
#[derive(Debug)]
pub struct Enabled {
    /// JSON, without secrets, defaults filled in.
    pub settings: Arc<str>,
    /// Grows with every change of settings and grants.
    pub revision: i64,
    /// How much its calls may use, the manifest's own wishes included.
    pub allowance: Arc<Allowance>,
    live: OnceLock<Arc<Live>>,
}

/// What calls of an app in a workspace share while the server runs, whatever is configured meanwhile.
#[derive(Debug)]
pub struct Live {
    pub meter: Arc<Meter>,
    breaker: Mutex<Breaker>,
}

impl Live {
    fn new(allowance: &Allowance) -> Arc<Self> {
        Arc::new(Self {
            meter: Arc::new(Meter::new(allowance.quotas)),
            breaker: Mutex::default(),
        })
    }

    pub fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Key = (WorkspaceId, String);

/// A breaker's state as it is stored; what cannot be read is no rest.
pub fn stored_rest(json: Option<&str>) -> Option<Rest> {
    json.and_then(|json| serde_json::from_str(json).ok())
}

/// All workspaces' apps.
#[derive(Default)]
pub struct EnabledApps {
    workspaces: RwLock<HashMap<WorkspaceId, BTreeMap<String, Arc<Enabled>>>>,
    /// Those that begin: off in the store, and on here all the same.
    beginning: Mutex<BTreeSet<Key>>,
    /// Of those that were called since the server started.
    live: Mutex<BTreeMap<Key, Arc<Live>>>,
    limits: Mutex<Limits>,
    /// Kind of event → who asked to be told, of all offered packages.
    subscribed: HashMap<String, Vec<Subscription>>,
}

/// What plugins may use.
#[derive(Default)]
struct Limits {
    /// Of every plugin in every workspace, where nothing else is said.
    common: Allowance,
    /// By plugin, as each wishes to have less.
    wished: HashMap<String, Arc<Allowance>>,
    /// What the operator has set for single workspaces, and what comes of it.
    set: Vec<LimitRow>,
}

impl Limits {
    fn of(&mut self, workspace: WorkspaceId, package: &Package) -> Arc<Allowance> {
        let manifest = package.manifest();
        let own = |row: &&LimitRow| {
            row.workspace_id == workspace && (row.plugin_id == "*" || row.plugin_id == manifest.id)
        };
        let mut set = self.set.iter().filter(own).peekable();
        if set.peek().is_none() {
            let common = self.common;
            let wished = self.wished.entry(manifest.id.clone()).or_insert_with(|| {
                Arc::new(Allowance {
                    call: common.call.wished(&manifest.limits),
                    ..common
                })
            });
            return Arc::clone(wished);
        }
        let numbers = set.map(|row| (row.name.as_str(), u64::try_from(row.value).unwrap_or(0)));
        let allowance = match self.common.with(numbers) {
            Ok(allowance) => allowance,
            Err(problem) => {
                tracing::error!(%workspace, plugin = manifest.id, "limits that were set are ignored: {problem}");
                self.common
            }
        };
        Arc::new(Allowance {
            call: allowance.call.wished(&manifest.limits),
            ..allowance
        })
    }
}

impl EnabledApps {
    /// `common`: what plugins may use where nothing else is set.
    pub fn new<'a>(packages: impl Iterator<Item = &'a Package>, common: Allowance) -> Self {
        let mut subscribed: HashMap<String, Vec<Subscription>> = HashMap::new();
        for package in packages {
            let manifest: &Manifest = package.manifest();
            for it in &manifest.subscriptions {
                subscribed
                    .entry(it.kind.clone())
                    .or_default()
                    .push(Subscription {
                        plugin: manifest.id.clone(),
                        lane: match it.lane {
                            manifest::Lane::Conversation => LaneKind::Conversation,
                            manifest::Lane::Team => LaneKind::Team,
                            manifest::Lane::Workspace => LaneKind::Workspace,
                        },
                        hold: it.hold,
                        own: false,
                    });
            }
        }
        Self {
            workspaces: RwLock::default(),
            beginning: Mutex::default(),
            live: Mutex::default(),
            limits: Mutex::new(Limits {
                common,
                ..Limits::default()
            }),
            subscribed,
        }
    }

    /// Takes in what every workspace has enabled.
    pub async fn fill(
        &self,
        store: &Store,
        package: impl Fn(&str) -> Option<Arc<Package>>,
    ) -> Result<()> {
        let mut tx = store.read().await?;
        let set = tx.plugin_limits().await?;
        self.limits().set = set;
        let all = tx.plugins_enabled_everywhere().await?;
        for row in &all {
            self.put(row, package(&row.plugin_id).as_deref());
        }
        Ok(())
    }

    /// Takes in an app that is asked to begin: on until [`EnabledApps::has_begun`], and then until it is taken in anew.
    pub(super) fn begins(&self, row: &EnabledPlugin, package: Option<&Package>) {
        let key = (row.workspace_id, row.plugin_id.clone());
        self.beginning().insert(key);
        self.put(row, package);
    }

    /// It has answered. Whether it is on is the store's to say from now on.
    pub(super) fn has_begun(&self, workspace: WorkspaceId, plugin: &str) {
        self.beginning().remove(&(workspace, plugin.to_owned()));
    }

    fn beginning(&self) -> MutexGuard<'_, BTreeSet<Key>> {
        self.beginning
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in one app of one workspace anew.
    pub async fn refresh(
        &self,
        store: &Store,
        workspace: WorkspaceId,
        package: Option<&Package>,
        plugin: &str,
    ) -> Result<()> {
        let row = store
            .read()
            .await?
            .enabled_plugin(workspace, plugin)
            .await?;
        let begins = self.beginning().contains(&(workspace, plugin.to_owned()));
        match row.filter(|row| row.enabled || begins) {
            Some(row) => self.put(&row, package),
            None => self.remove(workspace, plugin),
        }
        Ok(())
    }

    pub fn get(&self, workspace: WorkspaceId, plugin: &str) -> Option<Arc<Enabled>> {
        let all = self
            .workspaces
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        all.get(&workspace)?.get(plugin).cloned()
    }

    /// What its calls share.
    pub fn live(&self, workspace: WorkspaceId, plugin: &str, enabled: &Enabled) -> Arc<Live> {
        let live = enabled.live.get_or_init(|| {
            let mut all = self.live.lock().unwrap_or_else(PoisonError::into_inner);
            let known = all.entry((workspace, plugin.to_owned()));
            Arc::clone(known.or_insert_with(|| Live::new(&enabled.allowance)))
        });
        Arc::clone(live)
    }

    /// All that were called since the server started.
    pub fn all_live(&self) -> Vec<(Key, Arc<Live>)> {
        let all = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter()
            .map(|(key, live)| (key.clone(), Arc::clone(live)))
            .collect()
    }

    /// What the operator has set for single workspaces. Gives the workspaces and plugins for which something has changed; they are to be
    /// taken in anew.
    pub fn set_limits(&self, set: Vec<LimitRow>) -> Vec<Key> {
        let mut limits = self.limits();
        if limits.set == set {
            return Vec::new();
        }
        let changed: Vec<LimitRow> = set
            .iter()
            .filter(|row| !limits.set.contains(row))
            .chain(limits.set.iter().filter(|row| !set.contains(row)))
            .cloned()
            .collect();
        limits.set = set;
        drop(limits);
        let all = self
            .workspaces
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let concerned = changed.iter().flat_map(|row| {
            let own = all.get(&row.workspace_id).into_iter().flatten();
            own.filter(|(plugin, _)| row.plugin_id == "*" || row.plugin_id == **plugin)
                .map(|(plugin, _)| (row.workspace_id, plugin.clone()))
        });
        concerned.collect()
    }

    fn limits(&self) -> MutexGuard<'_, Limits> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in an app as it is, or is about to be, stored.
    pub(super) fn put(&self, row: &EnabledPlugin, package: Option<&Package>) {
        let Some(package) = package.filter(|package| consented(row, package)) else {
            tracing::warn!(workspace = %row.workspace_id, plugin = row.plugin_id, "the package is not the one that was enabled: enable it again");
            return self.remove(row.workspace_id, &row.plugin_id);
        };
        let allowance = self.limits().of(row.workspace_id, package);
        let key = (row.workspace_id, row.plugin_id.clone());
        let rest = stored_rest(row.breaker.as_deref());
        {
            let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
            if rest.is_some() {
                live.entry(key.clone())
                    .or_insert_with(|| Live::new(&allowance));
            }
            if let Some(live) = live.get(&key) {
                live.breaker().set(rest);
                live.meter.allow(allowance.quotas);
            }
        }
        let enabled = Enabled {
            settings: with_defaults(&row.settings, package).into(),
            revision: row.revision,
            allowance,
            live: OnceLock::new(),
        };
        let mut all = self
            .workspaces
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        all.entry(row.workspace_id)
            .or_default()
            .insert(row.plugin_id.clone(), Arc::new(enabled));
    }

    fn remove(&self, workspace: WorkspaceId, plugin: &str) {
        let mut all = self
            .workspaces
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = all.get_mut(&workspace) {
            own.remove(plugin);
        }
    }
}

impl Subscriptions for EnabledApps {
    fn of(&self, workspace: WorkspaceId, kind: &str) -> Vec<Subscription> {
        let Some(asked) = self.subscribed.get(kind) else {
            return Vec::new();
        };
        let all = self
            .workspaces
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(own) = all.get(&workspace) else {
            return Vec::new();
        };
        asked
            .iter()
            .filter(|it| own.contains_key(&it.plugin))
            .cloned()
            .collect()
    }
}

/// Settings as a plugin sees them: what is stored, and the schema's defaults for the rest. Asked for each call: what has no defaults is not read.
pub fn with_defaults<'a>(settings: &'a str, package: &Package) -> Cow<'a, str> {
    let properties = package
        .settings_schema()
        .and_then(|schema| schema.get("properties"))
        .and_then(Value::as_object);
    let mut defaults = properties
        .into_iter()
        .flatten()
        .filter_map(|(name, property)| Some((name, property.get("default")?)))
        .peekable();
    if defaults.peek().is_none() {
        return Cow::Borrowed(settings);
    }
    let mut values: Map<String, Value> = serde_json::from_str(settings).unwrap_or_default();
    for (name, default) in defaults {
        values
            .entry(name.as_str())
            .or_insert_with(|| default.clone());
    }
    Cow::Owned(Value::Object(values).to_string())
}
