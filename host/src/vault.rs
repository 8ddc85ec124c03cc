//! Secrets of channels and plugins: sealed into the store, opened out of it, kept open in memory only. Owns the open keys and a short cache;
//! hands out [`Secrets`], which never show what they hold.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use balcao_runtime::{package::Package, secrets::Secrets};

use crate::{
    clock::{Clock, Instant, Random},
    error::{Context, Error, Result},
    id::WorkspaceId,
    seal::{DataKey, For, MasterKey},
    store::{Store, Tx},
};

/// How long a change by another process may go unnoticed, in microseconds.
const FRESH: i64 = 5_000_000;
/// Owners kept open; beyond it the cache starts over.
const KEPT: usize = 10_000;

type Owner = (WorkspaceId, String);

/// The one place where secrets are open.
pub struct Vault {
    master: MasterKey,
    clock: Clock,
    random: Random,
    keys: Mutex<HashMap<WorkspaceId, Arc<DataKey>>>,
    open: Mutex<HashMap<Owner, (Instant, Arc<Secrets>)>>,
}

impl Vault {
    pub fn new(master: MasterKey, clock: Clock, random: Random) -> Self {
        Self {
            master,
            clock,
            random,
            keys: Mutex::default(),
            open: Mutex::default(),
        }
    }

    /// Makes and stores a new workspace's key.
    pub async fn make_key(&self, tx: &mut Tx, workspace: WorkspaceId) -> Result<()> {
        let sealed = self.master.seal_key(
            &workspace.to_string(),
            self.random.bytes(),
            self.random.bytes(),
        );
        let name = hex::encode(self.random.bytes::<8>());
        tx.insert_workspace_key(workspace, &name, &sealed, self.clock.now())
            .await
    }

    /// The secrets of a channel or plugin that its package names: an earlier version's are nobody's.
    pub async fn secrets_of(
        &self,
        store: &Store,
        workspace: WorkspaceId,
        owner: &str,
        package: &Package,
    ) -> Result<Arc<Secrets>> {
        let now = self.clock.now();
        let cached = lock(&self.open)
            .get(&(workspace, owner.to_owned()))
            .cloned();
        if let Some((since, secrets)) = cached
            && now.saturating_sub(since) < FRESH
        {
            return Ok(secrets);
        }
        let mut tx = store.read().await?;
        let mut all = self.reveal(&mut tx, workspace, owner).await?;
        let named = &package.manifest().secrets;
        all.retain(|name, _| named.iter().any(|it| it.name == *name));
        let secrets = Arc::new(Secrets::new(all));
        let mut open = lock(&self.open);
        if open.len() >= KEPT {
            open.clear();
        }
        open.insert((workspace, owner.to_owned()), (now, Arc::clone(&secrets)));
        Ok(secrets)
    }

    /// The secrets in plain, to check a whole settings object against its schema. Never to be kept, logged or answered.
    pub async fn reveal(
        &self,
        tx: &mut Tx,
        workspace: WorkspaceId,
        owner: &str,
    ) -> Result<BTreeMap<String, String>> {
        let sealed = tx.secrets_of(workspace, owner).await?;
        if sealed.is_empty() {
            return Ok(BTreeMap::new());
        }
        let key = self.key(tx, workspace).await?;
        let workspace = workspace.to_string();
        sealed
            .into_iter()
            .map(|(name, sealed)| {
                let place = For {
                    workspace: &workspace,
                    owner,
                    name: &name,
                };
                let bytes = key
                    .open(place, &sealed)
                    .map_err(Error::internal)
                    .context("a sealed secret")?;
                let text = String::from_utf8(bytes).map_err(Error::internal)?;
                Ok((name, text))
            })
            .collect()
    }

    /// Seals and stores secrets; those not named stay. Call [`Vault::forget`] once it is committed.
    pub async fn put(
        &self,
        tx: &mut Tx,
        workspace: WorkspaceId,
        owner: &str,
        secrets: &BTreeMap<String, String>,
    ) -> Result<()> {
        for (name, value) in secrets {
            let sealed = self
                .seal(tx, workspace, (owner, name), value.as_bytes())
                .await?;
            tx.put_secret(workspace, (owner, name), &sealed, self.clock.now())
                .await?;
        }
        Ok(())
    }

    /// Drops what is open of an owner.
    pub fn forget(&self, workspace: WorkspaceId, owner: &str) {
        lock(&self.open).remove(&(workspace, owner.to_owned()));
    }

    /// Seals anything else that belongs to an owner: parked requests.
    pub async fn seal(
        &self,
        tx: &mut Tx,
        workspace: WorkspaceId,
        (owner, name): (&str, &str),
        bytes: &[u8],
    ) -> Result<Vec<u8>> {
        let key = self.key(tx, workspace).await?;
        let workspace = workspace.to_string();
        let place = For {
            workspace: &workspace,
            owner,
            name,
        };
        Ok(key.seal(place, bytes, self.random.bytes()))
    }

    /// Opens what [`Vault::seal`] sealed for the same owner and name.
    pub async fn unseal(
        &self,
        tx: &mut Tx,
        workspace: WorkspaceId,
        (owner, name): (&str, &str),
        sealed: &[u8],
    ) -> Result<Vec<u8>> {
        let inside = self
            .unseal_if_ours(tx, workspace, (owner, name), sealed)
            .await?;
        inside.ok_or_else(|| Error::Internal(anyhow::anyhow!("{name} of {owner} does not open")))
    }

    /// The same of what may be anybody's; none where it is not ours.
    ///
    /// # Errors
    /// The key cannot be read.
    pub async fn unseal_if_ours(
        &self,
        tx: &mut Tx,
        workspace: WorkspaceId,
        (owner, name): (&str, &str),
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>> {
        let key = self.key(tx, workspace).await?;
        let workspace = workspace.to_string();
        let place = For {
            workspace: &workspace,
            owner,
            name,
        };
        Ok(key.open(place, sealed).ok())
    }

    async fn key(&self, tx: &mut Tx, workspace: WorkspaceId) -> Result<Arc<DataKey>> {
        if let Some(key) = lock(&self.keys).get(&workspace) {
            return Ok(Arc::clone(key));
        }
        let sealed = tx
            .workspace_key(workspace)
            .await?
            .ok_or_else(|| Error::Internal(anyhow::anyhow!("workspace {workspace} has no key")))?;
        let key = self
            .master
            .open_key(&workspace.to_string(), &sealed)
            .map_err(Error::internal)
            .context("the workspace's key")?;
        let key = Arc::new(key);
        lock(&self.keys).insert(workspace, Arc::clone(&key));
        Ok(key)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
