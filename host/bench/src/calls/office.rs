//! A workspace with a channel of each connector that is measured, in a store of its own: calls are then made by the server's own `Calls`, with
//! its settings, limits, secrets and context, as they are when a webhook comes in over HTTP.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use balcao::account::{Caller, Proof};
use balcao::api::{channels, plugins, problem::Problem};
use balcao::app::{App, SharedApp};
use balcao::channel::Channel;
use balcao::config::Config;
use balcao::id::WorkspaceId;
use balcao::ingest::{Ingest, NoSignals, Parts};
use balcao::outgoing::{Network, SystemResolver};
use balcao::plugin::{Calls, EnabledApps, Hosts, Registry, compile::Compiler};
use balcao::store::events::Subscriptions;
use balcao::user::{Email, Role};
use balcao::workspace;
use balcao_runtime::call::Outcome;
use balcao_runtime::engine::{Engine, EngineOptions};
use balcao_runtime::package::Package;
use balcao_runtime::plugin::Plugin;
use balcao_runtime::quota::Allowance;
use balcao_runtime::verify::{Verdict, verify};
use balcao_runtime::wit::channel::Request;
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tempfile::TempDir;

use crate::Options;
use crate::channels::KINDS;

/// The connectors that are measured: of our own packages, and of the fixtures.
const PACKAGES: [&str; 4] = ["whatsapp", "telegram", "instagram", "widget"];
const FIXTURES: [&str; 2] = ["empty", "unruly"];

/// See the module.
pub struct Office {
    app: SharedApp,
    channels: BTreeMap<&'static str, Channel>,
    folder: TempDir,
}

/// The server's calls on an engine, and what the runaway rows call beside them.
pub struct Desk {
    calls: Calls,
    pub unruly: Plugin,
}

/// A visitor of a channel that has them.
pub struct Visitor {
    pub id: String,
    pub token: String,
}

impl Office {
    pub async fn open(options: &Options) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let packages = folder.path().join("packages");
        std::fs::create_dir(&packages)?;
        for (from, ids) in [
            (&options.plugins, PACKAGES.as_slice()),
            (&options.fixtures, FIXTURES.as_slice()),
        ] {
            for id in ids {
                copy(from, &packages, id)?;
            }
        }
        let config = Config {
            data_dir: folder.path().join("data"),
            plugins_dir: packages,
            ..Config::default()
        };
        let app = App::open(config).await?;
        let admin = admin(&app).await?;
        let mut channels = BTreeMap::new();
        let kinds = KINDS.iter().map(|kind| (kind.plugin, kind.settings()));
        for (id, settings) in kinds.chain([("empty", json!({}))]) {
            channels.insert(id, connect(&app, &admin, id, settings).await?);
        }
        introduce(&app, admin.workspace).await?;
        Ok(Self {
            app,
            channels,
            folder,
        })
    }

    /// The server's calls with another engine; machine code is taken from where the app has left it.
    pub async fn desk(&self, options: EngineOptions) -> anyhow::Result<Desk> {
        let app = &self.app;
        let engine = Engine::new(options).map_err(|error| anyhow::anyhow!("{error:#}"))?;
        let compiler = Compiler::new(app.config.data_dir.join("compiled"));
        let registry = Registry::read(
            &app.config.plugins_dir,
            &engine,
            &compiler,
            &Hosts::default(),
        )?;
        let unruly = registry.get("unruly").context("unruly is not offered")?;
        let unruly = unruly.plugin.clone();
        let enabled = Arc::new(EnabledApps::new(
            registry.all().map(|it| &*it.package),
            Allowance::default(),
        ));
        enabled
            .fill(&app.store, |id| {
                registry.get(id).map(|it| Arc::clone(&it.package))
            })
            .await?;
        let ingest = Ingest::start(Parts {
            store: app.store.clone(),
            ids: app.ids.clone(),
            clock: app.clock.clone(),
            subscriptions: Arc::clone(&enabled) as Arc<dyn Subscriptions>,
            signals: Arc::new(NoSignals),
        })?;
        let network = Network::new(SystemResolver, false, BTreeMap::new())?;
        let calls = Calls::new(
            app.store.clone(),
            app.clock.clone(),
            app.random.clone(),
            app.ids.clone(),
            Arc::clone(&app.vault),
            registry,
            enabled,
            ingest,
            Arc::new(network),
            Arc::clone(&app.media),
            (Arc::clone(&app.visitors), Arc::clone(&app.visitor_streams)),
        );
        Ok(Desk { calls, unruly })
    }

    /// What a webhook costs between the request and the commit: verified by the host, then read by the plugin.
    pub async fn receive(
        &self,
        desk: &Desk,
        plugin: &'static str,
        request: &Request,
    ) -> anyhow::Result<Outcome> {
        let app = &self.app;
        let channel = &self.channels[plugin];
        let package = self.package(plugin)?;
        let secrets = app
            .vault
            .secrets_of(
                &app.store,
                channel.workspace_id,
                &channel.id.to_string(),
                &package,
            )
            .await?;
        let verdict = verify(
            &package.manifest().webhook.verify,
            &secrets,
            &request.method,
            &request.query,
            &request.headers,
            &request.body,
        );
        ensure!(verdict == Verdict::Accepted, "{plugin}: {verdict:?}");
        // The server keeps the request too, for the case that the plugin fails.
        Ok(desk.calls.try_receive(channel, request.clone()).await?)
    }

    /// Somebody new.
    pub async fn somebody(&self, plugin: &str) -> anyhow::Result<Visitor> {
        let channel = &self.channels[plugin];
        let of = (channel.workspace_id, channel.id);
        let mut tx = self.app.store.look_up().await?;
        let opened = self.app.visitors.open(&mut tx, of, None).await?;
        Ok(Visitor {
            id: opened.id.to_string(),
            token: opened.token,
        })
    }

    /// Whose token it is, as the host finds out.
    pub async fn visitor(&self, plugin: &str, token: &str) -> anyhow::Result<String> {
        let channel = &self.channels[plugin];
        let of = (channel.workspace_id, channel.id);
        let mut tx = self.app.store.look_up().await?;
        let visitor = self.app.visitors.verify(&mut tx, of, token).await?;
        Ok(visitor.context("the token is not good")?.to_string())
    }

    pub fn package(&self, plugin: &str) -> anyhow::Result<Arc<Package>> {
        self.app.apps.package(plugin).context("the package is gone")
    }

    /// The webhook's address names the channel.
    pub fn channel(&self, plugin: &str) -> String {
        self.channels[plugin].id.to_string()
    }

    pub async fn close(self) -> anyhow::Result<()> {
        self.app.close().await;
        self.folder.close()?;
        Ok(())
    }
}

fn copy(from: &Path, to: &Path, id: &str) -> anyhow::Result<()> {
    let name = format!("{id}.wasm");
    std::fs::copy(from.join(&name), to.join(&name))
        .with_context(|| from.join(&name).display().to_string())?;
    Ok(())
}

/// What a connector would ask its provider about the contact first is known already.
async fn introduce(app: &App, workspace: WorkspaceId) -> anyhow::Result<()> {
    const KEEP: &str = "INSERT INTO storage (workspace_id, plugin_id, key, value, revision) VALUES ($1, $2, $3, $4, 1)";
    let mut file = SqliteConnectOptions::new()
        .filename(app.config.data_dir.join("balcao.db"))
        .connect()
        .await?;
    for kind in KINDS {
        if let Some((key, value)) = kind.known(1) {
            sqlx::query(KEEP)
                .bind(workspace.to_string())
                .bind(kind.plugin)
                .bind(key)
                .bind(value)
                .execute(&mut file)
                .await?;
        }
    }
    Ok(file.close().await?)
}

/// A new workspace's administrator.
async fn admin(app: &App) -> anyhow::Result<Caller> {
    let email = Email::parse("admin@bench.localhost").context("an address")?;
    let workspace = workspace::create(app, "Bench", &email, "a long password of nobody").await?;
    let users = app.store.read().await?.users(workspace, None, 1).await?;
    let user = users.into_iter().next().context("nobody is there")?;
    Ok(Caller {
        workspace,
        user: user.id,
        name: user.name,
        role: Role::Admin,
        teams: Vec::new(),
        locale: "pt-BR".to_owned(),
        archive_immediately: false,
        proof: Proof::Operator,
        scopes: None,
    })
}

async fn connect(
    app: &App,
    admin: &Caller,
    plugin: &str,
    settings: serde_json::Value,
) -> anyhow::Result<Channel> {
    let told =
        |problem: Problem| anyhow::anyhow!("{plugin}: {} {:?}", problem.detail, problem.errors);
    let package = app
        .apps
        .package(plugin)
        .with_context(|| format!("{plugin} is not offered"))?;
    plugins::turn_on(app, admin, &package, serde_json::Map::new())
        .await
        .map_err(told)?;
    let settings = settings.as_object().cloned().unwrap_or_default();
    let asked = channels::NewChannel {
        plugin_id: plugin.to_owned(),
        name: plugin.to_owned(),
        team_id: None,
        settings,
    };
    let id = channels::add(app, admin, asked).await.map_err(told)?;
    let found = app.store.read().await?.channel_anywhere(id).await?;
    found.context("the channel is gone")
}
