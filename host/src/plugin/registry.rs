//! The packages that the server offers: read from the plugins folder once, checked, compiled and linked. Knows nothing of workspaces.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use anyhow::Context;
use balcao_runtime::{
    check,
    engine::Engine,
    http::{Policy, policy::HostPattern},
    manifest::Secret,
    package::Package,
    plugin::Plugin,
};

use super::compile::Compiler;
use crate::store::storage::Indexes;

/// An offered package, ready to be called.
pub struct Offered {
    pub package: Arc<Package>,
    pub plugin: Plugin,
    /// Where its requests may go.
    pub policy: Arc<Policy>,
    /// Its secrets with their placements.
    pub bindings: Arc<[Secret]>,
    /// The indexes of its collections.
    pub indexes: Arc<Indexes>,
}

/// All of them, by id.
#[derive(Default)]
pub struct Registry {
    offered: BTreeMap<String, Arc<Offered>>,
}

impl Registry {
    /// Reads `folder`. A package that cannot be used is left out and said in the log: one bad file must not keep the server from starting.
    /// A folder that is not there offers nothing.
    ///
    /// # Errors
    /// The folder is there and cannot be read.
    pub fn read(
        folder: &Path,
        engine: &Engine,
        compiler: &Compiler,
        hosts: &Hosts,
    ) -> anyhow::Result<Self> {
        let mut registry = Self::default();
        if !folder.exists() {
            tracing::warn!(folder = %folder.display(), "there is no plugins folder: no app is offered");
            return Ok(registry);
        }
        let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
        for entry in entries {
            let path = entry.with_context(|| folder.display().to_string())?.path();
            if path.extension().is_none_or(|extension| extension != "wasm") {
                continue;
            }
            match offer(&path, engine, compiler, hosts) {
                Ok(offered) => {
                    let id = offered.package.manifest().id.clone();
                    registry.offered.insert(id, Arc::new(offered));
                }
                Err(error) => {
                    tracing::error!(package = %path.display(), "this package is not offered: {error:#}");
                }
            }
        }
        Ok(registry)
    }

    pub fn get(&self, id: &str) -> Option<&Arc<Offered>> {
        self.offered.get(id)
    }

    pub fn all(&self) -> impl Iterator<Item = &Arc<Offered>> {
        self.offered.values()
    }
}

/// What the operator decides about plugins' requests.
#[derive(Clone, Default)]
pub struct Hosts {
    /// None: any host that a manifest names.
    pub allowed: Option<Vec<HostPattern>>,
}

fn offer(
    path: &Path,
    engine: &Engine,
    compiler: &Compiler,
    hosts: &Hosts,
) -> anyhow::Result<Offered> {
    let package = Package::read(fs::read(path)?.into())?;
    let report = check::check(&package);
    if !report.is_acceptable() {
        anyhow::bail!("{report}");
    }
    let digest = package.digest().to_string();
    let component = compiler.component(engine, &digest, package.bytes())?;
    // Consent is all or nothing: what a package asks for is what every workspace that enables it has granted.
    let granted = package
        .imports()
        .iter()
        .map(|import| import.name.clone())
        .collect();
    let plugin = Plugin::load(engine, &package.manifest().id, &component, &granted)?
        .reusing(package.manifest().instances.reuse);
    let policy = Policy {
        granted: package.manifest().http.hosts.clone(),
        operator: hosts.allowed.clone(),
        allow_http: false,
        allow_private: false,
    };
    let bindings = package.manifest().secrets.clone().into();
    let indexes = package
        .manifest()
        .collections
        .iter()
        .map(|it| (it.name.clone(), it.indexes.clone()))
        .collect();
    Ok(Offered {
        package: Arc::new(package),
        plugin,
        policy: Arc::new(policy),
        bindings,
        indexes: Arc::new(indexes),
    })
}
