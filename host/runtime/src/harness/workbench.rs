//! A plugin that is ready to be called: loaded with everything that its package asks for, its settings checked, a workspace in memory.

use std::{convert::Infallible, sync::Arc};

use serde_json::Value;

use crate::{
    call::{Input, Outcome},
    context::{Actor, CallContext, FirstRun, HttpAccess},
    engine::Engine,
    http::{Policy, Transport},
    limits::Limits,
    memory::{self, Cause, Crash, Given, Installed, Interference, Performed, World},
    package::Package,
    plugin::{Grants, LoadError, Plugin},
    quota::{Meter, Quotas},
    rules::Person,
    settings,
};

/// The channel that a connector's calls are about where none is given.
const CHANNEL: &str = "chn_1";

/// Why a plugin cannot be called at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the component cannot be compiled: {0}")]
    Compile(String),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("settings: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Settings(Vec<settings::Invalid>),
    #[error("given: {0}")]
    Given(String),
}

/// A compiled plugin; may be opened many times.
#[derive(Clone)]
pub struct Loaded {
    pub package: Package,
    plugin: Plugin,
}

impl Loaded {
    /// Compiles the component and links whatever it asks for.
    ///
    /// # Errors
    /// It cannot be compiled, or asks for what this host does not offer.
    pub fn load(engine: &Engine, package: Package) -> Result<Self, OpenError> {
        let compiled = engine.compile(package.bytes());
        let component = compiled.map_err(|error| OpenError::Compile(format!("{error:#}")))?;
        let grants: Grants = package.imports().iter().map(|it| it.name.clone()).collect();
        let plugin = Plugin::load(engine, &package.manifest().id, &component, &grants)?
            .reusing(package.manifest().instances.reuse);
        Ok(Self { package, plugin })
    }
}

/// See the module.
pub struct Workbench {
    loaded: Loaded,
    world: World,
    settings: Arc<str>,
    secrets: Arc<crate::secrets::Secrets>,
    http: HttpAccess,
    limits: Limits,
    meter: Arc<Meter>,
    channel: Option<String>,
    workspace: String,
    revision: i64,
}

impl Workbench {
    /// # Errors
    /// Settings that the schema does not accept, or a workspace that names what is not there.
    pub fn open(
        loaded: &Loaded,
        settings: &Value,
        mut given: Given,
        transport: Arc<dyn Transport>,
    ) -> Result<Self, OpenError> {
        let package = &loaded.package;
        let manifest = package.manifest();
        let filled = settings::fill(package, settings).map_err(OpenError::Settings)?;
        let is_connector = super::input::is_exported(package, "balcao:connector/channel");
        if is_connector && given.channels.is_empty() {
            given.channels.push(memory::Channel {
                id: CHANNEL.to_owned(),
                team: None,
                health: String::new(),
                health_message: String::new(),
                closed: Vec::new(),
            });
        }
        let channel = given
            .channels
            .first()
            .filter(|_| is_connector)
            .map(|it| it.id.clone());
        given.plugin = Some(Installed::of(manifest));
        let http = HttpAccess {
            policy: Arc::new(Policy {
                granted: manifest.http.hosts.clone(),
                ..Policy::default()
            }),
            bindings: manifest.secrets.clone().into(),
            transport,
        };
        Ok(Self {
            world: World::new(given, 1).map_err(OpenError::Given)?,
            settings: filled.settings.to_string().into(),
            secrets: Arc::new(filled.secrets),
            http,
            limits: Limits::default().wished(&manifest.limits),
            meter: Arc::new(Meter::new(Quotas::default())),
            channel,
            workspace: "wsp_1".to_owned(),
            revision: 0,
            loaded: loaded.clone(),
        })
    }

    pub fn package(&self) -> &Package {
        &self.loaded.package
    }

    pub fn world(&self) -> &World {
        &self.world
    }

    pub fn secrets(&self) -> &crate::secrets::Secrets {
        &self.secrets
    }

    /// The channel that a connector's calls are about.
    pub fn channel(&self) -> Option<&str> {
        self.channel.as_deref()
    }

    /// Calls once and commits nothing.
    pub async fn call(&self, key: &str, input: Input) -> Outcome {
        let context = self.context(key, self.actor(&input), FirstRun::default());
        self.loaded.plugin.call(context, input).await
    }

    /// Calls until it is committed or has failed.
    pub async fn perform(
        &self,
        key: &str,
        input: &Input,
        cause: Cause,
        crash: Option<Crash>,
        between: Interference<'_>,
    ) -> Performed {
        let actor = self.actor(input);
        let subject = memory::Subject {
            plugin: self.loaded.plugin.id(),
            channel: self.channel.clone(),
            actor: actor.clone(),
            cause,
        };
        let run = |first: FirstRun| {
            let context = self.context(key, actor.clone(), first);
            self.loaded.plugin.call(context, input.clone())
        };
        memory::perform(&self.world, &subject, input, crash, between, run).await
    }

    /// With other limits than the package's.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// With other quotas than the default ones.
    pub fn with_quotas(mut self, quotas: Quotas) -> Self {
        self.meter = Arc::new(Meter::new(quotas));
        let Ok(()) = self.world.change::<_, Infallible>(|state, _| {
            state.quotas = quotas;
            Ok(())
        });
        self
    }

    /// As another workspace.
    pub fn in_workspace(mut self, id: &str) -> Self {
        id.clone_into(&mut self.workspace);
        self
    }

    /// After so many changes of the settings.
    pub fn at_revision(mut self, revision: i64) -> Self {
        self.revision = revision;
        self
    }

    fn context(&self, key: &str, actor: Option<Actor>, first_run: FirstRun) -> CallContext {
        let plugin = &self.loaded.package.manifest().id;
        CallContext {
            workspace: self.workspace.clone(),
            key: key.to_owned(),
            now: self.world.now(),
            channel: self.channel.clone(),
            settings: Arc::clone(&self.settings),
            secrets: Arc::clone(&self.secrets),
            http: self.http.clone(),
            revision: self.revision,
            limits: self.limits,
            meter: Arc::clone(&self.meter),
            actor,
            chance: self.world.chance(),
            services: self.world.services(plugin, self.channel.as_deref()),
            first_run,
        }
    }

    /// The user of an action. One whom the workspace does not know has no rights but those that the role itself gives.
    fn actor(&self, input: &Input) -> Option<Actor> {
        let (Input::Form(context) | Input::Invoke(context, _)) = input else {
            return None;
        };
        let state = self.world.snapshot();
        let known = state.person(&context.user);
        let archive_immediately = state
            .user(&context.user)
            .is_some_and(|it| it.archive_immediately);
        let person = known.unwrap_or_else(|| Person {
            id: context.user.clone(),
            admin: context.role == "admin",
            teams: Default::default(),
        });
        Some(Actor {
            person,
            archive_immediately,
        })
    }
}
