//! Pictures of people: where their channels have them, which is shown, and whose turn it is to be fetched. Written in the commit that takes in what the
//! person wrote, taken under a lease by whoever fetches them. One that was fetched is fetched again once its address is another, or after a week.

use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::FromRow;

use super::events::{Actor, NewEvent};
use super::files::File;
use super::rows::{OverRows, over_rows};
use super::{Scope, Tx, execute, fetch};
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::id::{ChannelId, ContactId, FileId, WorkspaceId};

/// A channel has said where somebody's picture is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Said {
    pub workspace_id: WorkspaceId,
    pub channel_id: ChannelId,
    pub external_id: String,
    /// `ref:…` or `https://…`.
    pub source: String,
    pub at: Instant,
}

/// An attempt that is ours now.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Deserialize)]
pub struct Portrait {
    pub workspace_id: WorkspaceId,
    pub channel_id: ChannelId,
    pub external_id: String,
    pub source: String,
    /// The one that is shown until then.
    pub file_id: Option<FileId>,
    pub asked_at: Instant,
    /// Attempts that were begun, this one included.
    pub attempts: i64,
    pub lease: i64,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sought {
    /// Its bytes are kept under this file's id.
    Here(Box<File>),
    /// It is the one that is shown.
    Same,
    Again {
        at: Instant,
    },
    /// There is none, or none that can be had: none is shown.
    None,
}

/// After so long, in microseconds, it is fetched again although its address is the same: a week.
macro_rules! fresh {
    () => {
        "604800000000"
    };
}

const SAY: OverRows = over_rows!(
    "INSERT INTO portraits (workspace_id, channel_id, external_id, source, asked_at, attempts, next_at, lease)
     SELECT r.value ->> 'workspace_id', r.value ->> 'channel_id', r.value ->> 'external_id', r.value ->> 'source',
            CAST(r.value ->> 'at' AS BIGINT), 0, CAST(r.value ->> 'at' AS BIGINT), 0 FROM",
    concat!(
        "WHERE true ON CONFLICT (workspace_id, channel_id, external_id) DO UPDATE SET
            source = excluded.source, asked_at = excluded.asked_at, attempts = 0, next_at = excluded.next_at
          WHERE portraits.source <> excluded.source OR portraits.asked_at <= excluded.asked_at - ",
        fresh!()
    )
);

// Nothing is asked of what is off.
macro_rules! possible {
    () => {
        "portraits p
         JOIN channels c ON c.workspace_id = p.workspace_id AND c.id = p.channel_id AND c.enabled
         JOIN enabled_plugins e ON e.workspace_id = c.workspace_id AND e.plugin_id = c.plugin_id AND e.enabled"
    };
}

const NEXT: &str = concat!(
    "SELECT MIN(p.next_at) FROM ",
    possible!(),
    " WHERE p.next_at IS NOT NULL"
);

macro_rules! claim {
    ($locking:expr) => {
        concat!(
            "WITH taken AS MATERIALIZED (
                SELECT p.workspace_id, p.channel_id, p.external_id FROM ",
            possible!(),
            " WHERE p.next_at <= $1 ORDER BY p.next_at, p.external_id LIMIT $3",
            $locking,
            ") UPDATE portraits SET attempts = attempts + 1, lease = lease + 1, next_at = $2
             WHERE (workspace_id, channel_id, external_id) IN (SELECT workspace_id, channel_id, external_id FROM taken)
             RETURNING workspace_id, channel_id, external_id, source, file_id, asked_at, attempts, lease"
        )
    };
}

const CLAIM: OverRows = OverRows {
    sqlite: claim!(""),
    postgres: claim!(" FOR UPDATE OF p SKIP LOCKED"),
};

impl Tx {
    /// Remembers where pictures are; those that are new, elsewhere than before, or old are due.
    pub(crate) async fn say_portraits(&mut self, said: &[Said]) -> Result<()> {
        self.write_of(SAY, said).await
    }

    /// When the next is due; none while nothing waits for a channel that is on.
    pub async fn next_portrait_at(&mut self) -> Result<Option<Instant>> {
        let (at,): (Option<Instant>,) = fetch!(fetch_one, self, _, NEXT)?;
        Ok(at)
    }

    /// Takes at most `limit` due ones for `lease` microseconds.
    pub async fn claim_portraits(
        &mut self,
        now: Instant,
        lease: i64,
        limit: i64,
    ) -> Result<Vec<Portrait>> {
        let sql = CLAIM.on(self);
        let until = now.saturating_add(lease);
        Ok(fetch!(fetch_all, self, Portrait, sql, now, until, limit)?)
    }

    /// Writes what came of an attempt. What is not shown any more is let go of.
    ///
    /// # Errors
    /// Conflict: the attempt is not ours any more: another has taken over, or the picture is elsewhere by now.
    pub async fn finish_portrait(
        &mut self,
        scope: Scope<'_>,
        it: &Portrait,
        sought: Sought,
    ) -> Result<()> {
        const SETTLE: &str = "UPDATE portraits SET next_at = $6, file_id = $7
             WHERE workspace_id = $1 AND channel_id = $2 AND external_id = $3 AND lease = $4 AND source = $5";
        let (at, file) = match &sought {
            Sought::Here(file) => (None, Some(file.id)),
            Sought::Same => (None, it.file_id),
            Sought::Again { at } => (Some(*at), it.file_id),
            Sought::None => (None, None),
        };
        let (w, c, person) = (it.workspace_id, it.channel_id, it.external_id.as_str());
        let source = it.source.as_str();
        if execute!(self, SETTLE, w, c, person, it.lease, source, at, file)? == 0 {
            return Err(Error::Conflict("the attempt belongs to another now".into()));
        }
        if file == it.file_id {
            return Ok(());
        }
        if let Sought::Here(file) = sought {
            self.insert_file(&file).await?;
        }
        if let Some(before) = it.file_id {
            self.delete_file(w, before, scope.now).await?;
        }
        self.tell_contact(scope, it).await
    }

    /// The screens that show the person.
    async fn tell_contact(&mut self, scope: Scope<'_>, it: &Portrait) -> Result<()> {
        const WHOSE: &str = "SELECT contact_id FROM identities WHERE workspace_id = $1 AND channel_id = $2 AND external_id = $3";
        let (w, c, person) = (it.workspace_id, it.channel_id, it.external_id.as_str());
        let found: Option<(ContactId,)> = fetch!(fetch_optional, self, _, WHOSE, w, c, person)?;
        let Some((contact,)) = found else {
            return Ok(());
        };
        let event = NewEvent::new("contact.changed")
            .subject("contact", contact)
            .by(&Actor::system())
            .data(json!({"what": "picture"}));
        self.append(scope, vec![event]).await.map(drop)
    }

    /// The picture that is shown of a contact.
    pub async fn portrait_of(
        &mut self,
        workspace: WorkspaceId,
        contact: ContactId,
    ) -> Result<Option<FileId>> {
        const SQL: &str = "SELECT p.file_id FROM identities i
             JOIN portraits p ON p.workspace_id = i.workspace_id AND p.channel_id = i.channel_id AND p.external_id = i.external_id
            WHERE i.workspace_id = $1 AND i.contact_id = $2 AND p.file_id IS NOT NULL ORDER BY i.channel_id, i.external_id LIMIT 1";
        let found: Option<(FileId,)> = fetch!(fetch_optional, self, _, SQL, workspace, contact)?;
        Ok(found.map(|(file,)| file))
    }
}
