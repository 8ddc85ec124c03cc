//! Visitors: browsers that a channel knows again by a token. A token holds who and since when, sealed under the workspace's key for one channel,
//! so that nothing is kept of it and nobody else can make one. What visitors are shown is `store::visitors` and `realtime::visitors`.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::{
    clock::{Clock, Instant},
    error::Result,
    id::{ChannelId, Id, Ids, VisitorId, WorkspaceId},
    store::Tx,
    vault::Vault,
};

/// How long a token is good, in µs: 90 days.
const GOOD: i64 = 90 * DAY;
/// After that a visitor gets another one.
const RENEWED: i64 = DAY;
const DAY: i64 = 24 * 3600 * 1_000_000;
/// Where what a token holds belongs to, beside the channel.
const OWNER: &str = "visitor";

/// Who knows visitors.
pub struct Visitors {
    vault: Arc<Vault>,
    ids: Ids,
    clock: Clock,
}

/// A visitor that is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub id: VisitorId,
    pub token: String,
    /// Was here before.
    pub known: bool,
}

impl Visitors {
    pub fn new(vault: Arc<Vault>, ids: Ids, clock: Clock) -> Self {
        Self { vault, ids, clock }
    }

    /// The visitor of a token, with another token where this one is older than a day; somebody new where it is not good here.
    ///
    /// # Errors
    /// The store's.
    pub async fn open(
        &self,
        tx: &mut Tx,
        of: (WorkspaceId, ChannelId),
        token: Option<&str>,
    ) -> Result<Opened> {
        let now = self.clock.now();
        let known = match token {
            Some(token) => self.read(tx, of, token).await.map(|it| (it, token)),
            None => None,
        };
        if let Some(((id, since), token)) = known {
            let token = match now.saturating_sub(since) < RENEWED {
                true => token.to_owned(),
                false => self.token(tx, of, id, now).await?,
            };
            return Ok(Opened {
                id,
                token,
                known: true,
            });
        }
        let id = self.ids.mint();
        Ok(Opened {
            id,
            token: self.token(tx, of, id, now).await?,
            known: false,
        })
    }

    /// The visitor of a token; none where it is forged, another channel's, or too old.
    pub async fn verify(
        &self,
        tx: &mut Tx,
        of: (WorkspaceId, ChannelId),
        token: &str,
    ) -> Option<VisitorId> {
        self.read(tx, of, token).await.map(|(id, _)| id)
    }

    async fn read(
        &self,
        tx: &mut Tx,
        (workspace, channel): (WorkspaceId, ChannelId),
        token: &str,
    ) -> Option<(VisitorId, Instant)> {
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let place = (OWNER, channel.to_string());
        let inside = self
            .vault
            .unseal(tx, workspace, (place.0, &place.1), &sealed)
            .await
            .ok()?;
        let (id, since) = inside.split_at_checked(16)?;
        let since = Instant::from_be_bytes(since.try_into().ok()?);
        let id = VisitorId::from_uuid(Uuid::from_slice(id).ok()?);
        (self.clock.now().saturating_sub(since) < GOOD).then_some((id, since))
    }

    async fn token(
        &self,
        tx: &mut Tx,
        (workspace, channel): (WorkspaceId, ChannelId),
        id: VisitorId,
        now: Instant,
    ) -> Result<String> {
        let mut inside = id.uuid().as_bytes().to_vec();
        inside.extend_from_slice(&now.to_be_bytes());
        let channel = channel.to_string();
        let sealed = self
            .vault
            .seal(tx, workspace, (OWNER, &channel), &inside)
            .await?;
        Ok(BASE64_URL_SAFE_NO_PAD.encode(sealed))
    }
}
