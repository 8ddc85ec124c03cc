//! Calls of plugins by the server: who may be called, with what settings, secrets and limits. What is kept of a call is `kept`'s.

use std::sync::Arc;

use balcao_runtime::{
    LogLine,
    call::{CallError, Input, Outcome},
    context::{Actor, CallContext, Chance, FirstRun, HttpAccess},
    http::Transport,
    quota::Quotas,
    rules::Person,
    wit::{Instant, Subject, channel},
};

use super::{
    AppError, CallFailure,
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
    realtime::visitors::VisitorStreams,
    store::{Scope, Store},
    user::Role,
    vault::Vault,
    visitors::Visitors,
};

/// The failure of a call of an export that the plugin does not have.
pub(super) const MISSING: &str = "missing";
/// The failure of a call of a plugin that is off.
pub(super) const OFF: &str = "off";
/// The failure of a call of a plugin that failed too often and is left alone for a while.
pub(super) const RESTS: &str = "breaker";

/// Everything that calls need.
pub struct Calls {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) ids: Ids,
    pub(super) vault: Arc<Vault>,
    pub(super) registry: Registry,
    pub(super) enabled: Arc<EnabledApps>,
    pub(super) ingest: Ingest,
    pub(super) transport: Arc<dyn Transport>,
    media: Arc<Media>,
    visitors: Arc<Visitors>,
    pub(super) visitor_streams: Arc<VisitorStreams>,
    chance: Arc<dyn Chance>,
    pub(super) books: Books,
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
pub(super) struct About<'a> {
    pub workspace: WorkspaceId,
    pub plugin: &'a str,
    pub channel: Option<&'a Channel>,
    pub actor: Option<Actor>,
    pub key: String,
}

/// `retry`: seconds, as in [`CallFailure`].
pub(super) fn failed(code: &str, message: impl Into<String>, retry: Option<u32>) -> AppError {
    AppError::Plugin(CallFailure {
        code: code.to_owned(),
        message: message.into(),
        retry,
    })
}

pub(super) fn failure(error: CallError) -> AppError {
    match error {
        CallError::Failed(said) => failed(&said.code, said.message, said.retry),
        CallError::Trap(why) => failed("trap", why, None),
        CallError::Limit(hit) => failed("limit", hit.to_string(), None),
        CallError::Missing(export) => {
            failed(MISSING, format!("the app does not offer {export}"), None)
        }
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
        (visitors, visitor_streams): (Arc<Visitors>, Arc<VisitorStreams>),
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
            visitors,
            visitor_streams,
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
    pub(super) async fn run(
        &self,
        about: &About<'_>,
        first_run: FirstRun,
        input: Input,
    ) -> Result<(Arc<Offered>, Outcome), AppError> {
        let off = || failed(OFF, "this app is not enabled", Some(0));
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
                    RESTS,
                    format!("this app failed too often and rests for {seconds} s"),
                    u32::try_from(seconds).ok(),
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
            visitors: Arc::clone(&self.visitors),
            channel: about.channel.map(|channel| channel.id),
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
                .secrets_of(&self.store, about.workspace, &owner, &offered.package)
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

    pub(super) fn scope(&self, workspace: WorkspaceId) -> Scope<'_> {
        Scope {
            workspace,
            now: self.clock.now(),
            ids: &self.ids,
            subscriptions: &*self.enabled,
        }
    }

    /// What the app may keep in the workspace.
    pub(super) fn quotas(&self, about: &About<'_>) -> Quotas {
        let enabled = self.enabled.get(about.workspace, about.plugin);
        enabled.map_or_else(Quotas::default, |it| it.allowance.quotas)
    }

    pub(super) fn about_channel<'a>(&self, channel: &'a Channel) -> About<'a> {
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

    /// The channel of the conversation that an action stands beside, where the plugin serves it: then the call is about that channel, with its
    /// settings and secrets.
    pub(super) async fn own_channel(
        &self,
        workspace: WorkspaceId,
        plugin: &str,
        beside: Option<&Subject>,
    ) -> Result<Option<Channel>> {
        let Some(beside) = beside.filter(|beside| beside.kind == "conversation") else {
            return Ok(None);
        };
        let id = beside
            .id
            .parse()
            .map_err(|_| Error::NotFound("conversation"))?;
        let mut tx = self.store.read().await?;
        let Some(conversation) = tx.conversation(workspace, id).await? else {
            return Ok(None);
        };
        let channel = tx.channel(workspace, conversation.channel_id).await?;
        Ok(channel.filter(|channel| channel.plugin_id == plugin))
    }

    pub(super) async fn about_action<'a>(
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
