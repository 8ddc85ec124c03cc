//! Webhooks: verify first, then let the plugin read, then answer. An unverified request costs no plugin call and leaves nothing; a verified one
//! whose plugin fails is kept, sealed, and replayed after repair. Knows no provider: the package says how its requests are verified.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use balcao_runtime::{
    webhook::{self, Refusal},
    wit::channel::{Request, Response},
};
use serde_json::json;

use crate::{
    app::App,
    channel::Channel,
    clock::Instant,
    error::{Error, Result},
    health,
    id::{ChannelId, ParkedId},
    plugin::{AppError, CallFailure},
    store::{
        events::{Actor, NewEvent},
        parked::Parked,
    },
};

/// How long a change of a channel by another process may go unnoticed, in microseconds.
const FRESH: i64 = 5_000_000;
/// The longest that a parked request waits to be tried again, in seconds.
const PATIENCE: i64 = 3_600;
/// How often a request that met a limit is tried again by itself: a machine with too much to do may have been why.
const OVERLOADED: i64 = 3;
/// Channels kept at hand; beyond it the cache starts over.
const KEPT: usize = 10_000;

/// What becomes of a webhook.
#[derive(Debug)]
pub enum Hooked {
    /// What the plugin answers; everything it handed over is committed.
    Answered(Response),
    /// Verified, kept for later: the provider has done its part.
    Parked,
    /// Not the provider's, as far as can be known.
    Refused(Refusal),
}

/// Channels that webhooks ask for, kept for a moment.
#[derive(Default)]
pub struct ChannelCache(Mutex<HashMap<ChannelId, (Instant, Arc<Channel>)>>);

impl ChannelCache {
    /// The enabled channel of that id.
    pub async fn find(&self, app: &App, id: ChannelId) -> Result<Option<Arc<Channel>>> {
        let now = app.clock.now();
        let cached = self.lock().get(&id).cloned();
        if let Some((since, channel)) = cached
            && now.saturating_sub(since) < FRESH
        {
            return Ok(Some(channel));
        }
        let found = app.store.read().await?.channel_anywhere(id).await?;
        let Some(channel) = found.filter(|channel| channel.enabled) else {
            self.forget(id);
            return Ok(None);
        };
        let channel = Arc::new(channel);
        let mut kept = self.lock();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(id, (now, Arc::clone(&channel)));
        Ok(Some(channel))
    }

    /// Something about the channel changed.
    pub fn forget(&self, id: ChannelId) {
        self.lock().remove(&id);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ChannelId, (Instant, Arc<Channel>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes in a webhook of `channel`.
///
/// # Errors
/// `Unavailable` and the like: the provider should try again.
pub async fn take(app: &App, channel: &Channel, mut request: Request) -> Result<Hooked> {
    let package = app.apps.package(&channel.plugin_id).ok_or_else(|| {
        Error::Unavailable(format!("the package {} is not there", channel.plugin_id))
    })?;
    let rules = &package.manifest().webhook.verify;
    let owner = channel.id.to_string();
    let secrets = app
        .vault
        .secrets_of(&app.store, channel.workspace_id, &owner, &package)
        .await?;
    if let Err(refusal) = webhook::admit(rules, &secrets, &mut request) {
        tracing::info!(channel = %channel.id, workspace = %channel.workspace_id, refusal.reason, "webhook refused");
        if refusal.status == 401 {
            app.refusals.note(channel.id, app.clock.now());
        }
        return Ok(Hooked::Refused(refusal));
    }
    match app.apps.receive(channel, request.clone()).await {
        Ok(response) => {
            let said = response.status;
            // A request that the app does not take says nothing of the connection.
            if said < 400 {
                health::works(app, channel).await?;
            }
            let answer = webhook::passed_on(response);
            if answer.status != said {
                tracing::warn!(channel = %channel.id, plugin = channel.plugin_id, said, "the app answered with what is no status");
            }
            Ok(Hooked::Answered(answer))
        }
        Err(AppError::Host(error)) => Err(error),
        // A question carries nothing that could be lost: whoever asks is told to ask again.
        Err(AppError::Plugin(failure)) if matches!(request.method.as_str(), "GET" | "HEAD") => {
            Err(Error::Unavailable(failure.message))
        }
        Err(AppError::Plugin(failure)) => {
            park(app, channel, &request, &failure).await?;
            Ok(Hooked::Parked)
        }
    }
}

/// Gives a parked request to its plugin once more; it leaves the list if it is taken in.
///
/// # Errors
/// `NotFound`, or `State` with what the plugin said this time.
pub async fn replay(app: &App, channel: &Channel, id: ParkedId) -> Result<()> {
    let (workspace, owner) = (channel.workspace_id, channel.id.to_string());
    let mut tx = app.store.read().await?;
    let parked = tx
        .parked_one(workspace, channel.id, id)
        .await?
        .ok_or(Error::NotFound("parked request"))?;
    let name = id.to_string();
    let bytes = app
        .vault
        .unseal(&mut tx, workspace, (&owner, &name), &parked.sealed)
        .await?;
    drop(tx);
    let request: Request = serde_json::from_slice(&bytes)?;
    let failure = match app.apps.receive(channel, request).await {
        Ok(response) if response.status < 400 => None,
        // Nobody is there to hear it any more: whether it is lost or sent again, a person decides.
        Ok(response) => Some(CallFailure {
            code: "refused".to_owned(),
            message: format!("the app refuses the request with {}", response.status),
            retry: None,
        }),
        Err(AppError::Host(error)) => return Err(error),
        Err(AppError::Plugin(failure)) => Some(failure),
    };
    let mut tx = app.store.begin().await?;
    match &failure {
        None => tx.unpark(workspace, channel.id, id).await?,
        Some(failure) => {
            let at = again_at(app.clock.now(), failure, parked.attempts + 1);
            let written = written(failure);
            tx.park_again(workspace, channel.id, id, (&written, at))
                .await?;
        }
    }
    tx.commit().await?;
    match failure {
        None => Ok(()),
        Some(failure) => Err(Error::State(failure.message)),
    }
}

async fn park(
    app: &App,
    channel: &Channel,
    request: &Request,
    failure: &CallFailure,
) -> Result<()> {
    let (workspace, owner) = (channel.workspace_id, channel.id.to_string());
    let id: ParkedId = app.ids.mint();
    let mut tx = app.store.write(workspace).await?;
    let name = id.to_string();
    let sealed = app
        .vault
        .seal(
            &mut tx,
            workspace,
            (&owner, &name),
            &serde_json::to_vec(request)?,
        )
        .await?;
    let parked = Parked {
        id,
        received_at: app.clock.now(),
        sealed,
        error: written(failure),
        attempts: 1,
        retry_at: again_at(app.clock.now(), failure, 1),
    };
    tx.park(workspace, channel.id, &parked).await?;
    let event = NewEvent::new("channel.changed")
        .subject("channel", channel.id)
        .by(&Actor::system())
        .data(json!({ "parked": id }));
    tx.append(app.scope(workspace), vec![event]).await?;
    tx.commit().await?;
    tracing::warn!(%workspace, channel = %channel.id, plugin = channel.plugin_id, code = failure.code, "webhook parked");
    Ok(())
}

/// When the plugin is asked again: not before the time that it names, and later each time. None where it names none, unless it may have been the machine.
fn again_at(now: Instant, failure: &CallFailure, attempts: i64) -> Option<Instant> {
    let asked = match failure.retry {
        Some(seconds) => i64::from(seconds),
        None if failure.code == "limit" && attempts <= OVERLOADED => 0,
        None => return None,
    };
    let later = 1_i64 << attempts.clamp(0, 32);
    Some(now + later.min(PATIENCE).max(asked) * 1_000_000)
}

fn written(failure: &CallFailure) -> String {
    json!({ "code": failure.code, "message": failure.message }).to_string()
}
