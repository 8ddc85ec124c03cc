//! Webhooks: verify first, then let the plugin read, then answer. An unverified request costs no plugin call and leaves nothing; a verified one
//! whose plugin fails is kept, sealed, and replayed after repair. Knows no provider: the package says how its requests are verified.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use balcao_runtime::{
    manifest::VerifyRule,
    verify::{Verdict, verify},
    wit::channel::{Request, Response},
};
use serde_json::json;

use crate::{
    app::App,
    channel::Channel,
    clock::Instant,
    error::{Error, Result},
    id::{ChannelId, ParkedId},
    plugin::{AppError, CallFailure},
    store::{
        events::{Actor, NewEvent},
        parked::Parked,
    },
};

/// How long a change of a channel by another process may go unnoticed, in microseconds.
const FRESH: i64 = 5_000_000;
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
    Denied,
    MethodNotAllowed,
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
        .secrets_of(&app.store, channel.workspace_id, &owner)
        .await?;
    let verdict = verify(
        rules,
        &secrets,
        &request.method,
        &request.query,
        &request.headers,
        &request.body,
    );
    match verdict {
        Verdict::Accepted => {}
        Verdict::MethodNotAllowed => return Ok(Hooked::MethodNotAllowed),
        Verdict::Denied(reason) => {
            tracing::info!(channel = %channel.id, workspace = %channel.workspace_id, reason, "webhook refused");
            return Ok(Hooked::Denied);
        }
    }
    remove_proof(rules, &mut request);
    match app.apps.receive(channel, request.clone()).await {
        Ok(response) => Ok(Hooked::Answered(response)),
        Err(AppError::Host(error)) => Err(error),
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
        Ok(_) => None,
        Err(AppError::Host(error)) => return Err(error),
        Err(AppError::Plugin(failure)) => Some(failure),
    };
    let mut tx = app.store.begin().await?;
    match &failure {
        None => tx.unpark(workspace, channel.id, id).await?,
        Some(failure) => {
            tx.park_again(workspace, channel.id, id, &written(failure))
                .await?
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

fn written(failure: &CallFailure) -> String {
    json!({ "code": failure.code, "message": failure.message }).to_string()
}

/// Takes out of a verified request what proved it, where that is a secret itself: secrets never enter a plugin.
fn remove_proof(rules: &[VerifyRule], request: &mut Request) {
    let rule = rules
        .iter()
        .find(|rule| rule.methods().contains(&request.method));
    match rule {
        Some(VerifyRule::Header { header, .. }) => {
            request
                .headers
                .retain(|(name, _)| !name.eq_ignore_ascii_case(header));
        }
        Some(VerifyRule::Query { parameter, .. }) => {
            request.query.retain(|(name, _)| name != parameter)
        }
        Some(VerifyRule::Hmac { .. } | VerifyRule::None { .. }) | None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request {
            channel: "chn_1".into(),
            method: "GET".into(),
            path: String::new(),
            query: vec![("token".into(), "hush".into()), ("a".into(), "b".into())],
            headers: vec![
                ("x-proof".into(), "hush".into()),
                ("x-other".into(), "c".into()),
            ],
            body: b"{}".to_vec(),
            remote: "192.0.2.1".into(),
        }
    }

    #[test]
    fn a_secret_that_proved_a_request_does_not_reach_the_plugin() {
        let methods = || vec!["GET".to_owned()];
        let mut by_query = request();
        let rule = VerifyRule::Query {
            methods: methods(),
            parameter: "token".into(),
            secret: "s".into(),
        };
        remove_proof(&[rule], &mut by_query);
        assert_eq!(
            by_query,
            Request {
                query: vec![("a".into(), "b".into())],
                ..request()
            }
        );
        let mut by_header = request();
        let rule = VerifyRule::Header {
            methods: methods(),
            header: "X-Proof".into(),
            secret: "s".into(),
        };
        remove_proof(&[rule], &mut by_header);
        assert_eq!(
            by_header,
            Request {
                headers: vec![("x-other".into(), "c".into())],
                ..request()
            }
        );
    }
}
