//! Which apps each workspace has enabled, in memory: asked for every event and every call. Filled from the store at start and after every
//! change; never decides about consent itself.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use balcao_runtime::{
    manifest::{self, Manifest},
    package::Package,
};
use serde_json::{Map, Value};

use crate::{
    error::Result,
    id::WorkspaceId,
    store::{
        Store,
        enabled_plugins::EnabledPlugin,
        events::{LaneKind, Subscription, Subscriptions},
    },
};

/// An app that is enabled in a workspace.
#[derive(Debug)]
pub struct Enabled {
    /// JSON, without secrets, defaults filled in.
    pub settings: Arc<str>,
}

/// All workspaces' apps.
#[derive(Default)]
pub struct EnabledApps {
    workspaces: RwLock<HashMap<WorkspaceId, BTreeMap<String, Arc<Enabled>>>>,
    /// Kind of event → who asked to be told, of all offered packages.
    subscribed: HashMap<String, Vec<Subscription>>,
}

impl EnabledApps {
    pub fn new<'a>(packages: impl Iterator<Item = &'a Package>) -> Self {
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
            subscribed,
        }
    }

    /// Takes in what every workspace has enabled.
    pub async fn fill(
        &self,
        store: &Store,
        package: impl Fn(&str) -> Option<Arc<Package>>,
    ) -> Result<()> {
        let all = store.read().await?.plugins_enabled_everywhere().await?;
        for row in &all {
            self.put(row, package(&row.plugin_id).as_deref());
        }
        Ok(())
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
        match row.filter(|row| row.enabled) {
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

    fn put(&self, row: &EnabledPlugin, package: Option<&Package>) {
        // Another package than the one that was consented to is not the app that was enabled.
        let consented = package.filter(|package| package.digest().to_string() == row.digest);
        let Some(package) = consented else {
            tracing::warn!(workspace = %row.workspace_id, plugin = row.plugin_id, "the package is not the one that was enabled: enable it again");
            return self.remove(row.workspace_id, &row.plugin_id);
        };
        let enabled = Enabled {
            settings: with_defaults(&row.settings, package).into(),
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
