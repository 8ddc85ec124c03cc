//! `App`: everything the server is made of, wired once and explicitly. Owns opening (checks before writes) and closing; has no behaviour of its own.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::{Context, bail};
use balcao_runtime::engine::{Engine, EngineOptions};
use tokio::{
    sync::{Semaphore, SemaphorePermit, broadcast::error::RecvError, watch},
    time,
};

use crate::{
    clock::{Clock, Random},
    config::Config,
    error::{Error, Result},
    files::Files,
    hooks::ChannelCache,
    id::{Ids, WorkspaceId},
    ingest::{Ingest, Parts},
    limits::RateLimits,
    media::Media,
    outgoing::{Network, Settled, SystemResolver},
    pace::Pace,
    plugin::{Apps, Calls, EnabledApps, Hosts, Registry, compile::Compiler},
    realtime::{bus::Bus, typing::ContactsTyping, visitors::VisitorStreams},
    refusals::Refusals,
    seal::{KEY_FILE, MasterKey},
    store::{Database, Scope, Store, events::Subscriptions},
    uploads::Uploads,
    vault::Vault,
    visitors::Visitors,
    voice::Converter,
};

/// Where the server's memory of its own master key is noted.
const KEY_CHECK: &str = "master_key_check";
/// Password comparisons at once.
const HASHING: usize = 2;
/// How long somebody waits for their turn to compare.
const HASHING_WAIT: Duration = Duration::from_secs(10);

/// What handlers share.
pub type SharedApp = Arc<App>;

/// The server's parts.
pub struct App {
    pub config: Config,
    pub store: Store,
    pub clock: Clock,
    pub random: Random,
    pub ids: Ids,
    pub vault: Arc<Vault>,
    pub bus: Arc<Bus>,
    pub limits: RateLimits,
    pub pace: Pace,
    pub subscriptions: Arc<dyn Subscriptions>,
    pub apps: Arc<dyn Apps>,
    pub channels: ChannelCache,
    pub refusals: Refusals,
    pub files: Files,
    pub media: Arc<Media>,
    pub visitors: Arc<Visitors>,
    pub visitor_streams: Arc<VisitorStreams>,
    /// Of visitors.
    pub uploads: Arc<Uploads>,
    pub converter: Converter,
    address: OnceLock<SocketAddr>,
    hashing: Semaphore,
    stop: watch::Sender<bool>,
}

/// Resolves once the server stops.
#[derive(Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    pub async fn stopped(&mut self) {
        // An App that is gone has stopped too.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

impl App {
    /// Opens the database and the keys with the machine's clock and randomness.
    ///
    /// # Errors
    /// What is wrong, for the operator. Nothing was changed then.
    pub async fn open(config: Config) -> anyhow::Result<SharedApp> {
        Self::open_with(config, Clock::default(), Random::default()).await
    }

    /// The same with a given clock and randomness.
    pub async fn open_with(
        config: Config,
        clock: Clock,
        random: Random,
    ) -> anyhow::Result<SharedApp> {
        let given = config
            .master_key
            .as_ref()
            .map(|text| MasterKey::parse(&text.0))
            .transpose()
            .context("master_key")?;
        let store = Store::open(&database(&config)).await?;
        let master = match master_key(&config, given, &store, &random).await {
            Ok(master) => master,
            Err(error) => {
                store.close().await;
                return Err(error);
            }
        };
        let vault = Arc::new(Vault::new(master, clock.clone(), random.clone()));
        let ids = Ids::new(clock.clone(), random.clone());
        let files = Files::open(&config)?;
        let media = Arc::new(Media::new(files.clone(), Arc::clone(&vault)));
        let bus = Arc::new(Bus::default());
        let visitors = Visitors::new(Arc::clone(&vault), ids.clone(), clock.clone());
        let visitors = Arc::new(visitors);
        let visitor_streams = Arc::new(VisitorStreams::default());
        let parts = Around {
            vault: &vault,
            media: &media,
            bus: &bus,
            visitors: &visitors,
            visitor_streams: &visitor_streams,
        };
        let (calls, enabled) = apps(&config, &store, &clock, &random, &ids, parts).await?;
        Ok(Arc::new(Self {
            vault,
            bus,
            limits: RateLimits::new(&config.limits),
            pace: Pace::default(),
            ids,
            hashing: Semaphore::new(HASHING),
            stop: watch::Sender::new(false),
            subscriptions: enabled,
            apps: calls,
            channels: ChannelCache::default(),
            refusals: Refusals::default(),
            files,
            media,
            visitors,
            visitor_streams,
            uploads: Arc::default(),
            converter: Converter::new(config.ffmpeg.clone()),
            address: OnceLock::new(),
            config,
            store,
            clock,
            random,
        }))
    }

    /// Says where the server listens; the first word stands.
    pub fn listens_at(&self, address: SocketAddr) {
        let _ = self.address.set(address);
        self.media.reached_at(self.public_base());
    }

    /// Where people and providers reach this server, without a trailing slash.
    pub fn public_base(&self) -> String {
        let address = self.address.get().copied().unwrap_or(self.config.listen);
        self.config.public_base(address)
    }

    /// A turn to hash a password; waits for one, but not for ever.
    pub async fn hashing_turn(&self) -> Result<SemaphorePermit<'_>> {
        match time::timeout(HASHING_WAIT, self.hashing.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(Error::Unavailable("too many sign-ins at once".into())),
        }
    }

    /// What a change of a workspace that goes to the event log needs beside its transaction.
    pub fn scope(&self, workspace: WorkspaceId) -> Scope<'_> {
        Scope {
            workspace,
            now: self.clock.now(),
            ids: &self.ids,
            subscriptions: &*self.subscriptions,
        }
    }

    /// Resolves once the server stops.
    pub fn stopping(&self) -> Stop {
        Stop(self.stop.subscribe())
    }

    /// Asks everything to come to its end.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Ends, after everything was asked to stop.
    pub async fn close(&self) {
        self.stop();
        self.store.close().await;
    }

    /// Wakes the screens' feeds with every commit, and tidies up now and then, until the server stops.
    pub async fn attend(self: Arc<Self>) {
        let mut stop = self.stopping();
        let mut committed = self.store.subscribe();
        let mut tidy = time::interval(Duration::from_secs(60));
        loop {
            tokio::select! {
                () = stop.stopped() => return,
                _ = tidy.tick() => {
                    self.limits.forget_old();
                    self.pace.forget_old();
                }
                events = committed.recv() => match events {
                    Ok(events) => {
                        let mut last = None;
                        for event in events.iter().filter(|event| last.replace(event.workspace) != Some(event.workspace)) {
                            self.bus.wake(event.workspace);
                        }
                    }
                    // Feeds look by themselves too.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
            }
        }
    }
}

/// What calls reach beside the store.
struct Around<'a> {
    vault: &'a Arc<Vault>,
    media: &'a Arc<Media>,
    bus: &'a Arc<Bus>,
    visitors: &'a Arc<Visitors>,
    visitor_streams: &'a Arc<VisitorStreams>,
}

/// The packages that are offered, and what calls of them need.
async fn apps(
    config: &Config,
    store: &Store,
    clock: &Clock,
    random: &Random,
    ids: &Ids,
    around: Around<'_>,
) -> anyhow::Result<(Arc<Calls>, Arc<EnabledApps>)> {
    let engine =
        Engine::new(EngineOptions::default()).map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let compiler = Compiler::new(config.data_dir.join("compiled"));
    let registry = Registry::read(&config.plugins_dir, &engine, &compiler, &Hosts::default())?;
    let packages = registry.all().map(|it| &*it.package);
    let enabled = Arc::new(EnabledApps::new(packages, config.allowance()?));
    enabled
        .fill(store, |id| {
            registry.get(id).map(|it| Arc::clone(&it.package))
        })
        .await?;
    let ingest = Ingest::start(Parts {
        store: store.clone(),
        ids: ids.clone(),
        clock: clock.clone(),
        subscriptions: Arc::clone(&enabled) as Arc<dyn Subscriptions>,
        signals: Arc::new(ContactsTyping::start(store.clone(), Arc::clone(around.bus))),
    })?;
    let stand_ins = config.dev.http_map.0.iter().cloned().collect();
    let network = Network::new(SystemResolver, false, stand_ins)?;
    let calls = Calls::new(
        store.clone(),
        clock.clone(),
        random.clone(),
        ids.clone(),
        Arc::clone(around.vault),
        registry,
        Arc::clone(&enabled),
        ingest,
        Arc::new(Settled {
            store: store.clone(),
            network,
        }),
        Arc::clone(around.media),
        (
            Arc::clone(around.visitors),
            Arc::clone(around.visitor_streams),
        ),
    );
    Ok((Arc::new(calls), enabled))
}

/// Where the store is.
pub fn database(config: &Config) -> Database {
    match &config.database_url {
        Some(url) => Database::Postgres { url: url.0.clone() },
        None => Database::Sqlite {
            data_dir: config.data_dir.clone(),
        },
    }
}

/// The given key or the file's, if it is the one that this database was made with; a new one for a new database.
async fn master_key(
    config: &Config,
    given: Option<MasterKey>,
    store: &Store,
    random: &Random,
) -> anyhow::Result<MasterKey> {
    let file = config.data_dir.join(KEY_FILE);
    let mut tx = store.begin().await?;
    let noted = tx.server_meta(KEY_CHECK).await?;
    let known = match given {
        Some(key) => Some(key),
        None => {
            MasterKey::read_file(&config.data_dir).with_context(|| file.display().to_string())?
        }
    };
    let master = match (known, &noted) {
        (Some(key), Some(check)) if key.matches(check) => return Ok(key),
        (Some(_), Some(_)) => bail!("wrong master key: this database was made with another one"),
        (None, Some(_)) => bail!(
            "the master key is missing: put it back as {} or give BALCAO_MASTER_KEY",
            file.display()
        ),
        (Some(key), None) => key,
        (None, None) => {
            std::fs::create_dir_all(&config.data_dir)
                .with_context(|| config.data_dir.display().to_string())?;
            MasterKey::make_file(&config.data_dir, random.bytes())
                .with_context(|| file.display().to_string())?
        }
    };
    tx.note_server_meta(KEY_CHECK, &master.check_value(random.bytes()))
        .await?;
    tx.commit().await?;
    Ok(master)
}
