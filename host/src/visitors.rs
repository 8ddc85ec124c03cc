//! Visitors: browsers that a channel knows again by a token. A token holds who and since when, sealed under the workspace's key for one channel,
//! so that nobody else can make one. Of those given out nothing is kept but, once a later one has come back, from when it is: what was given out
//! before is not good any more, whoever has it. What visitors are shown is `store::visitors` and `realtime::visitors`.

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
pub const GOOD: i64 = 90 * DAY;
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
    /// Since when the token is that came, where another went before it: the browser has it, so that the earlier ones can end.
    pub succeeds: Option<Instant>,
}

/// What a token has inside: whose it is, and since when.
fn parts(inside: &[u8]) -> Option<(VisitorId, Instant)> {
    let (id, since) = inside.split_at_checked(16)?;
    let id = VisitorId::from_uuid(Uuid::from_slice(id).ok()?);
    Some((id, Instant::from_be_bytes(since.try_into().ok()?)))
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
            Some(token) => self.read(tx, of, token).await?.map(|it| (it, token)),
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
                succeeds: (since >= given(id) + RENEWED).then_some(since),
            });
        }
        let id = self.ids.mint();
        Ok(Opened {
            id,
            token: self.token(tx, of, id, now).await?,
            known: false,
            succeeds: None,
        })
    }

    /// The visitor of a token; none where it is forged, another channel's, too old, or another came back after it.
    ///
    /// # Errors
    /// The store's: that says nothing of the token.
    pub async fn verify(
        &self,
        tx: &mut Tx,
        of: (WorkspaceId, ChannelId),
        token: &str,
    ) -> Result<Option<VisitorId>> {
        Ok(self.read(tx, of, token).await?.map(|(id, _)| id))
    }

    async fn read(
        &self,
        tx: &mut Tx,
        (workspace, channel): (WorkspaceId, ChannelId),
        token: &str,
    ) -> Result<Option<(VisitorId, Instant)>> {
        let Ok(sealed) = BASE64_URL_SAFE_NO_PAD.decode(token) else {
            return Ok(None);
        };
        let place = (OWNER, channel.to_string());
        let inside = self
            .vault
            .unseal_if_ours(tx, workspace, (place.0, &place.1), &sealed)
            .await?;
        let Some((id, since)) = inside.and_then(|inside| parts(&inside)) else {
            return Ok(None);
        };
        let newest = tx.visitor_since((workspace, channel), id).await?;
        let good = self.clock.now().saturating_sub(since) < GOOD;
        let present = newest.is_none_or(|newest| since >= newest);
        Ok((good && present).then_some((id, since)))
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

/// When a visitor got their first token.
fn given(id: VisitorId) -> Instant {
    let millis = id.uuid().as_u128() >> 80;
    Instant::try_from(millis).unwrap_or(0) * 1_000
}
