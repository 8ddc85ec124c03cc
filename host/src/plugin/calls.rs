//! Calls of plugins by the server: who may be called, with what settings, secrets and limits, and what happens to the effects. The one
//! implementation of `Apps`.

use std::sync::Arc;

use async_trait::async_trait;
use balcao_runtime::{
    LogLine,
    call::{CallError, Input, Outcome, Output},
    context::{Actor, CallContext, Chance, FirstRun, HttpAccess},
    effect::{Effect, Inbox},
    http::Transport,
    package::Package,
    quota::Quotas,
    rules::Person,
    wit::{Instant, actions, channel, events, timer_events, views},
};

use super::{
    AppError, Apps, Attempt, CallFailure, Handled,
    books::{Books, Entry},
    enabled::{EnabledApps, with_defaults},
    registry::{Offered, Registry},
    services::StoreServices,
};
use crate::{
    channel::Channel,
    clock::{Clock, Random},
    error::{Error, Result},
    id::{FileId, Ids, MessageId, WorkspaceId},
    ingest::Ingest,
    media::Media,
    store::{
        Scope, Store,
        claims::{Claim, Work},
        effects::{CallCommit, CallError as CommitError, Cause},
        enabled_plugins::EnabledPlugin,
    },
    user::Role,
    vault::Vault,
};

/// Runs of one call after conflicts, before it is given up.
const RUNS: usize = 3;

/// The failure of a call of an export that the plugin does not have.
const MISSING: &str = "missing";

/// Everything that calls need.
pub struct Calls {
    store: Store,
    clock: Clock,
    ids: Ids,
    vault: Arc<Vault>,
    registry: Registry,
    enabled: Arc<EnabledApps>,
    ingest: Ingest,
    transport: Arc<dyn Transport>,
    media: Arc<Media>,
    chance: Arc<dyn Chance>,
    books: Books,
}

/// The machine's randomness and ids, as calls get them.
struct HostChance {
    random: Random,
    ids: Ids,
}

impl Chance for HostChance {
    fn fill(&self, bytes: &mut [u8]) {
        self.random.fill(bytes);
    }

    fn mint(&self, prefix: &str, _now: Instant) -> String {
        match prefix {
            "fil" => self.ids.mint::<FileId>().to_string(),
            _ => self.ids.mint::<MessageId>().to_string(),
        }
    }
}

/// What one call is about.
struct About<'a> {
    workspace: WorkspaceId,
    plugin: &'a str,
    channel: Option<&'a Channel>,
    actor: Option<Actor>,
    key: String,
}

fn failed(code: &str, message: impl Into<String>) -> AppError {
    AppError::Plugin(CallFailure {
        code: code.to_owned(),
        message: message.into(),
    })
}

fn failure(error: CallError) -> AppError {
    match error {
        CallError::Failed(said) => failed(&said.code, said.message),
        CallError::Trap(why) => failed("trap", why),
        CallError::Limit(hit) => failed("limit", hit.to_string()),
        CallError::Missing(export) => failed(MISSING, format!("the app does not offer {export}")),
        // Our lack, not the plugin's: whoever asked should ask again.
        CallError::Busy(why) => AppError::Host(Error::Unavailable(why)),
    }
}

/// What the host says of a call that came to nothing, in the app's log. Who lacks the export, or could not be called, has not failed.
fn failure_line(outcome: &Outcome) -> Option<LogLine> {
    let (level, message) = match outcome.result.as_ref().err()? {
        CallError::Failed(said) => ("warn", format!("{}: {}", said.code, said.message)),
        CallError::Trap(why) => ("error", format!("trap: {why}")),
        CallError::Limit(hit) => ("error", format!("limit: {hit}")),
        CallError::Missing(_) | CallError::Busy(_) => return None,
    };
    Some(LogLine {
        level: level.to_owned(),
        message,
    })
}

impl Calls {
    #[expect(
        clippy::too_many_arguments,
        reason = "the wiring of the server's parts, in one place"
    )]
    pub fn new(
        store: Store,
        clock: Clock,
        random: Random,
        ids: Ids,
        vault: Arc<Vault>,
        registry: Registry,
        enabled: Arc<EnabledApps>,
        ingest: Ingest,
        transport: Arc<dyn Transport>,
        media: Arc<Media>,
    ) -> Self {
        let books = Books::new(hex::encode(random.bytes::<8>()));
        let chance = Arc::new(HostChance {
            random,
            ids: ids.clone(),
        });
        Self {
            store,
            clock,
            ids,
            vault,
            registry,
            enabled,
            ingest,
            transport,
            media,
            chance,
            books,
        }
    }

    /// A verified webhook as [`Apps::receive`] takes it, but nobody commits what it brings: what the call alone costs.
    ///
    /// # Errors
    /// The app is off or rests, or the store cannot be read; what the plugin makes of it is in the outcome.
    pub async fn try_receive(
        &self,
        channel: &Channel,
        request: channel::Request,
    ) -> Result<Outcome, AppError> {
        let about = self.about_channel(channel);
        let called = self.run(&about, FirstRun::default(), Input::Receive(request));
        Ok(called.await?.1)
    }

    /// Runs an export and leaves committing to the caller.
    async fn run(
        &self,
        about: &About<'_>,
        first_run: FirstRun,
        input: Input,
    ) -> Result<(Arc<Offered>, Outcome), AppError> {
        let off = || failed("off", "this app is not enabled");
        let offered = self.registry.get(about.plugin).ok_or_else(off)?;
        let enabled = self
            .enabled
            .get(about.workspace, about.plugin)
            .ok_or_else(off)?;
        let now = self.clock.now();
        let live = self.enabled.live(about.workspace, about.plugin, &enabled);
        let of = (about.workspace, about.plugin);
        let trial = match self.books.admit(&self.store, of, &live, now).await? {
            Entry::Admitted { trial } => trial,
            Entry::Resting { until } => {
                let seconds = until.saturating_sub(now) / 1_000_000 + 1;
                return Err(failed(
                    "breaker",
                    format!("this app failed too often and rests for {seconds} s"),
                ));
            }
        };
        let (settings, owner) = match about.channel {
            Some(channel) => (
                with_defaults(&channel.settings, &offered.package).into(),
                channel.id.to_string(),
            ),
            None => (Arc::clone(&enabled.settings), about.plugin.to_owned()),
        };
        let services = StoreServices {
            store: self.store.clone(),
            workspace: about.workspace,
            plugin: about.plugin.into(),
            indexes: Arc::clone(&offered.indexes),
            media: Arc::clone(&self.media),
            now,
        };
        let context = CallContext {
            workspace: about.workspace.to_string(),
            key: about.key.clone(),
            now,
            channel: about.channel.map(|channel| channel.id.to_string()),
            settings,
            revision: enabled.revision,
            secrets: self
                .vault
                .secrets_of(&self.store, about.workspace, &owner)
                .await?,
            http: HttpAccess {
                policy: Arc::clone(&offered.policy),
                bindings: Arc::clone(&offered.bindings),
                transport: Arc::clone(&self.transport),
            },
            limits: enabled.allowance.call,
            meter: Arc::clone(&live.meter),
            actor: about.actor.clone(),
            chance: Arc::clone(&self.chance),
            services: Arc::new(services),
            first_run,
        };
        let outcome = offered.plugin.call(context, input).await;
        let fault = match &outcome.result {
            Err(error @ (CallError::Trap(_) | CallError::Limit(_))) => Some(error.to_string()),
            _ => None,
        };
        // What could not begin says nothing of the app.
        if !matches!(outcome.result, Err(CallError::Busy(_))) {
            let scope = self.scope(about.workspace);
            let judged = (trial, fault.as_deref());
            if let Err(error) = self
                .books
                .judge(&self.store, scope, about.plugin, &live, judged)
                .await
            {
                tracing::error!(workspace = %about.workspace, plugin = about.plugin, "the breaker's state could not be stored: {error}");
            }
        }
        if let Some(fault) = fault {
            tracing::warn!(workspace = %about.workspace, plugin = about.plugin, call = about.key, "a call ended badly: {fault}");
        }
        let mut lines = outcome.logs.clone();
        lines.extend(failure_line(&outcome));
        self.books.log(of, &about.key, &lines, (&self.ids, now));
        Ok((Arc::clone(offered), outcome))
    }

    fn scope(&self, workspace: WorkspaceId) -> Scope<'_> {
        Scope {
            workspace,
            now: self.clock.now(),
            ids: &self.ids,
            subscriptions: &*self.enabled,
        }
    }

    /// What the app may keep in the workspace.
    fn quotas(&self, about: &About<'_>) -> Quotas {
        let enabled = self.enabled.get(about.workspace, about.plugin);
        enabled.map_or_else(Quotas::default, |it| it.allowance.quotas)
    }

    /// Runs an export and commits what it asked for; again, on fresh data, where something that it saw has changed meanwhile.
    async fn commit(&self, about: &About<'_>, input: &Input) -> Result<Output, AppError> {
        let mut first_run = FirstRun::default();
        for _ in 0..RUNS {
            let (offered, outcome) = self.run(about, first_run, input.clone()).await?;
            let output = outcome.result.map_err(failure)?;
            let (inbox, effects) = part(outcome.effects);
            if !effects.is_empty() {
                let cause = match &about.actor {
                    Some(actor) => Cause::Action {
                        person: &actor.person,
                        archive_immediately: actor.archive_immediately,
                    },
                    None => Cause::Host,
                };
                let call = CallCommit {
                    plugin: about.plugin,
                    cause,
                    reads: &outcome.reads,
                    effects: &effects,
                    indexes: &offered.indexes,
                    quotas: &self.quotas(about),
                };
                match self.write(about.workspace, &call, None).await {
                    Ok(_) => {}
                    Err(CommitError::Conflict(_)) if about.actor.is_none() => {
                        first_run = outcome.run;
                        continue;
                    }
                    // A person's action is never run again by itself (DESIGN §4).
                    Err(CommitError::Conflict(what)) => {
                        return Err(Error::Conflict(format!("{what} has changed meanwhile")).into());
                    }
                    Err(CommitError::Refused { code, message }) => {
                        return Err(failed(code, message));
                    }
                    Err(CommitError::LeaseLost) => {
                        return Err(Error::Conflict("another has done it".into()).into());
                    }
                    Err(CommitError::Other(error)) => return Err(error.into()),
                }
            }
            // A provider that repeats itself after a fault between the two finds its events taken in only once.
            if let Some(channel) = about.channel.filter(|_| !inbox.is_empty()) {
                let at = self.clock.now();
                let taken = self
                    .ingest
                    .submit(about.workspace, channel.id, about.plugin, inbox, at)
                    .await?;
                for (position, reason) in &taken.rejected {
                    tracing::warn!(channel = %channel.id, plugin = about.plugin, position, reason, "an event was not taken in");
                }
            }
            if let Some(instance) = outcome.instance {
                instance.keep();
            }
            return Ok(output);
        }
        Err(Error::Conflict("what the app looked at keeps changing".into()).into())
    }

    /// One event or timer: called, and committed with its acknowledgement; again on fresh data after a conflict.
    async fn serve(&self, claim: &Claim, keep: Option<Instant>) -> Result<Handled, AppError> {
        let about = About {
            workspace: claim.lane.workspace,
            plugin: &claim.lane.plugin,
            channel: None,
            actor: None,
            key: key_of(claim),
        };
        let mut first_run = FirstRun::default();
        for _ in 0..RUNS {
            let (offered, outcome) = self.run(&about, first_run, input_of(claim)).await?;
            let effects = match outcome.result {
                Ok(_) => outcome.effects,
                Err(CallError::Failed(said)) => {
                    return Ok(Handled::Failed {
                        message: format!("{}: {}", said.code, said.message),
                        retry: said.retry,
                    });
                }
                Err(error) => return Err(failure(error)),
            };
            let call = CallCommit {
                plugin: about.plugin,
                cause: Cause::Claimed(claim),
                reads: &outcome.reads,
                effects: &effects,
                indexes: &offered.indexes,
                quotas: &self.quotas(&about),
            };
            match self.write(about.workspace, &call, keep).await {
                Ok(next) => {
                    if let Some(instance) = outcome.instance {
                        instance.keep();
                    }
                    return Ok(Handled::Done { next });
                }
                Err(CommitError::Conflict(_)) => first_run = outcome.run,
                Err(CommitError::LeaseLost) => return Ok(Handled::NotOurs),
                Err(CommitError::Refused { code, message }) => return Err(failed(code, message)),
                Err(CommitError::Other(error)) => return Err(error.into()),
            }
        }
        Err(Error::Conflict("what the app looked at keeps changing".into()).into())
    }

    async fn write(
        &self,
        workspace: WorkspaceId,
        call: &CallCommit<'_>,
        keep: Option<Instant>,
    ) -> Result<Option<Box<Claim>>, CommitError> {
        let mut tx = match call.cause {
            // Taken back by a power failure, the event is still there and is told again.
            Cause::Claimed(_) => self.store.write_repeatable(workspace).await?,
            Cause::Action { .. } | Cause::Host => self.store.write(workspace).await?,
        };
        let scope = self.scope(workspace);
        // Large, and most calls of connectors have no need of it.
        let done = Box::pin(tx.commit_call(scope, call)).await?;
        for left in done.left {
            tracing::warn!(plugin = call.plugin, effect = ?std::mem::discriminant(&left), "this effect is not carried out yet");
        }
        let next = match (&call.cause, keep) {
            (Cause::Claimed(claim), Some(until)) => {
                tx.claim_again(&claim.lane, scope.now, until).await?
            }
            _ => None,
        };
        tx.commit().await?;
        Ok(next.map(Box::new))
    }

    async fn close_breaker(&self, workspace: WorkspaceId, plugin: &str) -> Result<()> {
        let mut tx = self.store.begin().await?;
        tx.set_plugin_breaker(workspace, plugin, None).await?;
        tx.commit().await
    }

    /// A call that not every plugin has.
    async fn begin_or_end(
        &self,
        workspace: WorkspaceId,
        plugin: &str,
        input: &Input,
    ) -> Result<(), AppError> {
        let about = About {
            workspace,
            plugin,
            channel: None,
            actor: None,
            key: self.ids.mint::<MessageId>().to_string(),
        };
        match self.commit(&about, input).await {
            Ok(_) => Ok(()),
            Err(AppError::Plugin(failure)) if failure.code == MISSING => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn about_channel<'a>(&self, channel: &'a Channel) -> About<'a> {
        About {
            workspace: channel.workspace_id,
            plugin: &channel.plugin_id,
            channel: Some(channel),
            actor: None,
            key: self.ids.mint::<MessageId>().to_string(),
        }
    }

    /// The acting user, from the store: what a request says of itself is not believed.
    async fn actor(&self, workspace: WorkspaceId, user: &str) -> Result<Actor> {
        let id = user.parse().map_err(|_| Error::NotFound("user"))?;
        let mut tx = self.store.read().await?;
        let found = tx
            .user(workspace, id)
            .await?
            .filter(|user| user.active)
            .ok_or(Error::NotFound("user"))?;
        let teams = tx.teams_of(workspace, id).await?;
        let person = Person {
            id: user.to_owned(),
            admin: found.role == Role::Admin,
            teams: teams
                .into_iter()
                .map(|it| (it.team_id.to_string(), it.role.into()))
                .collect(),
        };
        Ok(Actor {
            person,
            archive_immediately: found.archive_immediately,
        })
    }

    async fn about_action<'a>(
        &self,
        workspace: WorkspaceId,
        plugin: &'a str,
        user: &str,
    ) -> Result<About<'a>> {
        let actor = Some(self.actor(workspace, user).await?);
        Ok(About {
            workspace,
            plugin,
            channel: None,
            actor,
            key: self.ids.mint::<MessageId>().to_string(),
        })
    }
}

/// The same for every attempt at the same event or timer.
fn key_of(claim: &Claim) -> String {
    match &claim.work {
        Work::Event { event, .. } => event.id.to_string(),
        Work::Timer(timer) => timer.id.to_string(),
    }
}

fn input_of(claim: &Claim) -> Input {
    match &claim.work {
        Work::Event { event, .. } => Input::Handle(events::Event {
            id: event.id.to_string(),
            kind: event.kind.clone(),
            at: event.at,
            conversation: event.conversation.map(|id| id.to_string()),
            subject: event.subject(),
            actor: event.actor(),
            data: event.data.clone(),
        }),
        Work::Timer(timer) => Input::Fire(timer_events::Timer {
            name: timer.name.clone(),
            at: timer.at,
            about: timer.about(),
            payload: timer.payload.clone(),
        }),
    }
}

/// What a finished `send` means. Where a request may have been received although the plugin did not succeed, nobody knows whether the
/// message went out, whatever the plugin says of it.
fn attempt(outcome: Outcome) -> Attempt {
    let unknown = outcome
        .http()
        .iter()
        .any(|exchange| match &exchange.result {
            Ok(response) => response.status < 300,
            Err(error) => error.may_have_arrived(),
        });
    match outcome.result {
        Ok(Output::Sent(sent)) => Attempt::Sent(sent),
        _ if unknown => Attempt::Uncertain,
        Ok(_) => Attempt::Refused {
            retry: None,
            message: "the app answered for another export".to_owned(),
        },
        Err(CallError::Failed(said)) => Attempt::Refused {
            retry: said.retry,
            message: said.message,
        },
        Err(CallError::Busy(why)) => Attempt::Refused {
            retry: Some(0),
            message: why,
        },
        Err(error) => Attempt::Refused {
            retry: Some(0),
            message: error.to_string(),
        },
    }
}

/// What ingest commits, and what the call's own commit does.
fn part(effects: Vec<Effect>) -> (Vec<Inbox>, Vec<Effect>) {
    let mut inbox = Vec::new();
    let mut others = Vec::new();
    for effect in effects {
        match effect {
            Effect::Inbox(effect) => inbox.push(effect),
            other => others.push(other),
        }
    }
    (inbox, others)
}

/// An export answered with what another one answers: cannot happen, and is not worth a panic.
fn unexpected<T>() -> Result<T, AppError> {
    Err(Error::Internal(anyhow::anyhow!("an export answered for another one")).into())
}

#[async_trait]
impl Apps for Calls {
    fn offered(&self) -> Vec<Arc<Package>> {
        self.registry
            .all()
            .map(|it| Arc::clone(&it.package))
            .collect()
    }

    fn package(&self, id: &str) -> Option<Arc<Package>> {
        self.registry.get(id).map(|it| Arc::clone(&it.package))
    }

    async fn changed(&self, workspace: WorkspaceId, plugin: &str) {
        let package = self.package(plugin);
        // What was changed may be what made it fail: it may try again at once.
        if let Err(error) = self.close_breaker(workspace, plugin).await {
            tracing::error!(%workspace, plugin, "the breaker could not be closed: {error}");
        }
        if let Err(error) = self
            .enabled
            .refresh(&self.store, workspace, package.as_deref(), plugin)
            .await
        {
            tracing::error!(%workspace, plugin, "what the workspace has enabled could not be read again: {error}");
        }
        if let Some(offered) = self.registry.get(plugin) {
            offered.plugin.forget(&workspace.to_string());
        }
    }

    async fn keep_books(&self) -> Result<()> {
        let package = |id: &str| self.package(id);
        self.books
            .balance(&self.store, &self.clock, &self.enabled, package)
            .await
    }

    async fn tidy_books(&self) -> Result<()> {
        self.books.tidy(&self.store, self.clock.now()).await
    }

    async fn enable(&self, plugin: &EnabledPlugin) -> Result<(), AppError> {
        let package = self.package(&plugin.plugin_id);
        self.enabled.put(plugin, package.as_deref());
        let (workspace, plugin) = (plugin.workspace_id, plugin.plugin_id.as_str());
        self.begin_or_end(workspace, plugin, &Input::Enable).await
    }

    async fn disable(&self, workspace: WorkspaceId, plugin: &str) -> Result<(), AppError> {
        self.begin_or_end(workspace, plugin, &Input::Disable).await
    }

    async fn signal(
        &self,
        channel: &Channel,
        thread: &str,
        kind: &str,
        data: &str,
    ) -> Result<(), AppError> {
        let input = Input::Signal {
            channel: channel.id.to_string(),
            thread: thread.to_owned(),
            kind: kind.to_owned(),
            data: data.to_owned(),
        };
        self.commit(&self.about_channel(channel), &input).await?;
        Ok(())
    }

    async fn receive(
        &self,
        channel: &Channel,
        request: channel::Request,
    ) -> Result<channel::Response, AppError> {
        match self
            .commit(&self.about_channel(channel), &Input::Receive(request))
            .await?
        {
            Output::Response(response) => Ok(response),
            _ => unexpected(),
        }
    }

    async fn describe(&self, channel: &Channel) -> Result<channel::Capabilities, AppError> {
        let input = Input::Describe {
            channel: channel.id.to_string(),
        };
        match self.commit(&self.about_channel(channel), &input).await? {
            Output::Capabilities(capabilities) => Ok(capabilities),
            _ => unexpected(),
        }
    }

    async fn connect(
        &self,
        channel: &Channel,
        webhook: &str,
    ) -> Result<channel::Account, AppError> {
        let input = Input::Connect {
            channel: channel.id.to_string(),
            webhook: webhook.to_owned(),
        };
        match self.commit(&self.about_channel(channel), &input).await? {
            Output::Account(account) => Ok(account),
            _ => unexpected(),
        }
    }

    async fn send(&self, channel: &Channel, message: channel::Outbound) -> Attempt {
        let mut about = self.about_channel(channel);
        about.key.clone_from(&message.message);
        match self
            .run(&about, FirstRun::default(), Input::Send(message))
            .await
        {
            Ok((_, mut outcome)) => {
                if outcome.result.is_ok() {
                    outcome.keep_instance();
                }
                attempt(outcome)
            }
            Err(AppError::Plugin(failure)) => Attempt::Refused {
                // Switched off or resting: it may come back.
                retry: Some(0),
                message: failure.message,
            },
            Err(AppError::Host(error)) => {
                tracing::error!(channel = %channel.id, "a message could not be sent: {error}");
                Attempt::Refused {
                    retry: Some(0),
                    message: "o servidor não conseguiu enviar agora".to_owned(),
                }
            }
        }
    }

    async fn handle(&self, claim: &Claim, keep: Option<Instant>) -> Handled {
        match self.serve(claim, keep).await {
            Ok(handled) => handled,
            Err(AppError::Plugin(failure)) => Handled::Failed {
                message: failure.to_string(),
                retry: Some(0),
            },
            Err(AppError::Host(error @ (Error::Conflict(_) | Error::Unavailable(_)))) => {
                Handled::Later {
                    message: error.to_string(),
                }
            }
            Err(AppError::Host(error)) => Handled::Failed {
                message: error.to_string(),
                retry: Some(0),
            },
        }
    }

    async fn form(
        &self,
        workspace: WorkspaceId,
        plugin: &str,
        context: actions::Context,
    ) -> Result<String, AppError> {
        let about = self.about_action(workspace, plugin, &context.user).await?;
        match self.commit(&about, &Input::Form(context)).await? {
            Output::Json(form) => Ok(form),
            _ => unexpected(),
        }
    }

    async fn invoke(
        &self,
        workspace: WorkspaceId,
        plugin: &str,
        context: actions::Context,
        values: &str,
    ) -> Result<actions::Outcome, AppError> {
        let about = self.about_action(workspace, plugin, &context.user).await?;
        match self
            .commit(&about, &Input::Invoke(context, values.to_owned()))
            .await?
        {
            Output::Outcome(outcome) => Ok(outcome),
            _ => unexpected(),
        }
    }

    async fn render(
        &self,
        workspace: WorkspaceId,
        plugin: &str,
        context: views::Context,
    ) -> Result<String, AppError> {
        let about = self.about_action(workspace, plugin, &context.user).await?;
        match self.commit(&about, &Input::Render(context)).await? {
            Output::Json(tree) => Ok(tree),
            _ => unexpected(),
        }
    }
}
