//! Attachments whose bytes are still with the provider: written in the commit that stores their message, taken under a lease by whoever
//! fetches them, gone once the bytes are here. What failed stays, with the reason, until somebody asks for it again.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use balcao_runtime::wit::Attachment;
use serde_json::json;

use super::events::{Actor, NewEvent};
use super::files::File;
use super::messages::Message;
use super::rows::{OverRows, over_rows};
use super::{Scope, Tx, execute, fetch};
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::id::{ChannelId, FetchId, Ids, MessageId, WorkspaceId};
use crate::reason::Reason;

/// An attachment that is to be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewFetch {
    pub workspace_id: WorkspaceId,
    pub message_id: MessageId,
    /// In the message's attachments, from 0.
    pub position: i64,
    pub id: FetchId,
    pub channel_id: ChannelId,
    /// `ref:…` or `https://…`.
    pub source: String,
    pub next_at: Instant,
}

/// An attempt that is ours now.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Deserialize)]
pub struct Fetch {
    pub workspace_id: WorkspaceId,
    pub message_id: MessageId,
    pub position: i64,
    /// Another one where the message was edited meanwhile.
    pub id: FetchId,
    pub channel_id: ChannelId,
    pub source: String,
    /// Attempts that were begun, this one included.
    pub attempts: i64,
    pub lease: i64,
}

/// How far one is.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Deserialize)]
pub struct Progress {
    pub position: i64,
    /// `waiting` · `fetching` · `failed`.
    pub state: String,
    /// Why it failed, as a code.
    pub error: Option<String>,
    /// Bytes that it was over.
    pub bound: Option<i64>,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The bytes are kept under this file's id.
    Here(Box<File>),
    /// `code`: what was wrong this time.
    Again { at: Instant, code: &'static str },
    /// For good, unless somebody asks for it once more.
    Failed {
        code: &'static str,
        /// Bytes that it was over.
        bound: Option<i64>,
    },
    /// Nobody wants it any more: its message has another attachment in its place, or its channel is gone.
    Unwanted,
}

const INSERT: OverRows = over_rows!(
    "INSERT INTO fetches (workspace_id, message_id, position, id, channel_id, source, state, attempts, next_at, lease)
     SELECT r.value ->> 'workspace_id', r.value ->> 'message_id', CAST(r.value ->> 'position' AS BIGINT), r.value ->> 'id',
            r.value ->> 'channel_id', r.value ->> 'source', 'waiting', 0, CAST(r.value ->> 'next_at' AS BIGINT), 0 FROM",
    ""
);

const FORGET: OverRows = OverRows {
    sqlite: "DELETE FROM fetches WHERE (workspace_id, message_id) IN
        (SELECT r.value ->> 'w', r.value ->> 'k' FROM jsonb_each($1) r)",
    postgres: "DELETE FROM fetches f USING jsonb_array_elements(CAST($1 AS JSONB)) r (value)
        WHERE f.workspace_id = r.value ->> 'w' AND f.message_id = r.value ->> 'k'",
};

// Nothing is asked of what is off.
macro_rules! possible {
    () => {
        "fetches f
         JOIN channels c ON c.workspace_id = f.workspace_id AND c.id = f.channel_id AND c.enabled
         JOIN enabled_plugins e ON e.workspace_id = c.workspace_id AND e.plugin_id = c.plugin_id AND e.enabled"
    };
}
const NEXT: &str = concat!(
    "SELECT MIN(f.next_at) FROM ",
    possible!(),
    " WHERE f.next_at IS NOT NULL"
);
// Channels take turns: the first of each that waits, then the second of each; and none has more under way here than its share, so that one whose
// provider is slow leaves places to the others.
macro_rules! claim {
    ($locking:expr) => {
        concat!(
            "WITH taken AS MATERIALIZED (
                SELECT f.workspace_id, f.message_id, f.position FROM fetches f JOIN (
                    SELECT f.workspace_id, f.message_id, f.position,
                        ROW_NUMBER() OVER (PARTITION BY f.workspace_id, f.channel_id ORDER BY f.next_at, f.id)
                        + (SELECT COUNT(*) FROM fetches u WHERE u.workspace_id = f.workspace_id AND u.channel_id = f.channel_id
                            AND u.state = 'fetching' AND u.holder = $4 AND u.next_at > $1) AS turn
                    FROM ",
            possible!(),
            " WHERE f.next_at <= $1
                ) due ON due.workspace_id = f.workspace_id AND due.message_id = f.message_id AND due.position = f.position
                WHERE f.next_at <= $1 AND due.turn <= $5 ORDER BY due.turn, f.next_at, f.id LIMIT $3",
            $locking,
            ") UPDATE fetches SET state = 'fetching', attempts = attempts + 1, lease = lease + 1, next_at = $2, holder = $4
             WHERE (workspace_id, message_id, position) IN (SELECT workspace_id, message_id, position FROM taken)
             RETURNING workspace_id, message_id, position, id, channel_id, source, attempts, lease"
        )
    };
}
const CLAIM: OverRows = OverRows {
    sqlite: claim!(""),
    postgres: claim!(" FOR UPDATE OF f SKIP LOCKED"),
};

const OF_MESSAGE: &str =
    "SELECT position, state, error, bound FROM fetches WHERE workspace_id = $1 AND message_id = $2";

/// What is to be fetched of a message; most have nothing.
pub(crate) fn wanted(message: &Message, ids: &Ids, now: Instant) -> Vec<NewFetch> {
    if message.attachments == "[]" || message.revoked_at.is_some() {
        return Vec::new();
    }
    let attachments: Vec<Attachment> =
        serde_json::from_str(&message.attachments).unwrap_or_default();
    let numbered = (0..).zip(attachments);
    numbered
        .filter(|(_, it)| is_elsewhere(&it.source))
        .map(|(position, it)| NewFetch {
            workspace_id: message.workspace_id,
            message_id: message.id,
            position,
            id: ids.mint(),
            channel_id: message.channel_id,
            source: it.source,
            next_at: now,
        })
        .collect()
}

/// Whether a file's bytes are with the provider (`balcao:types`): an attachment's, or somebody's picture.
pub(crate) fn is_elsewhere(source: &str) -> bool {
    source.starts_with("ref:") || source.starts_with("https://")
}

impl Tx {
    pub(crate) async fn insert_fetches(&mut self, fetches: &[NewFetch]) -> Result<()> {
        self.write_of(INSERT, fetches).await
    }

    /// Nothing of these messages is to be fetched any more.
    pub(crate) async fn forget_fetches(&mut self, messages: &[&Message]) -> Result<()> {
        #[derive(Serialize)]
        struct Row {
            w: WorkspaceId,
            k: MessageId,
        }
        let rows: Vec<Row> = messages
            .iter()
            .map(|it| Row {
                w: it.workspace_id,
                k: it.id,
            })
            .collect();
        self.write_of(FORGET, &rows).await
    }

    /// What of a message is not here yet.
    pub async fn fetches_of(
        &mut self,
        workspace: WorkspaceId,
        message: MessageId,
    ) -> Result<Vec<Progress>> {
        Ok(fetch!(
            fetch_all, self, Progress, OF_MESSAGE, workspace, message
        )?)
    }

    /// When the next is due; none while nothing waits for a channel that is on.
    pub async fn next_fetch_at(&mut self) -> Result<Option<Instant>> {
        let (at,): (Option<Instant>,) = fetch!(fetch_one, self, _, NEXT)?;
        Ok(at)
    }

    /// Takes at most `limit` due ones for `lease` microseconds, those of dead holders among them, and so that this server has no more than `share` of
    /// one channel under way.
    pub async fn claim_fetches(
        &mut self,
        now: Instant,
        lease: i64,
        limit: i64,
        share: i64,
    ) -> Result<Vec<Fetch>> {
        let sql = CLAIM.on(self);
        let until = now.saturating_add(lease);
        Ok(fetch!(
            fetch_all,
            self,
            Fetch,
            sql,
            now,
            until,
            limit,
            self.holder,
            share
        )?)
    }

    /// Writes what came of an attempt: a file that is here takes the reference's place in the message.
    ///
    /// # Errors
    /// Conflict: the attempt is not ours any more: another has taken over, or the message has changed.
    pub async fn finish_fetch(
        &mut self,
        scope: Scope<'_>,
        it: &Fetch,
        fetched: Fetched,
    ) -> Result<()> {
        const DONE: &str = "DELETE FROM fetches WHERE workspace_id = $1 AND message_id = $2 AND position = $3 AND id = $4 AND lease = $5
             AND state = 'fetching'";
        const SETTLE: &str = "UPDATE fetches SET state = $6, next_at = $7, error = $8, bound = $9
             WHERE workspace_id = $1 AND message_id = $2 AND position = $3 AND id = $4 AND lease = $5 AND state = 'fetching'";
        let (w, m) = (it.workspace_id, it.message_id);
        let (state, at, code, bound) = match &fetched {
            Fetched::Here(_) | Fetched::Unwanted => ("", None, "", None),
            Fetched::Again { at, code } => ("waiting", Some(*at), *code, None),
            Fetched::Failed { code, bound } => ("failed", None, *code, *bound),
        };
        let touched = match &fetched {
            Fetched::Here(_) | Fetched::Unwanted => {
                execute!(self, DONE, w, m, it.position, it.id, it.lease)?
            }
            _ => execute!(
                self,
                SETTLE,
                w,
                m,
                it.position,
                it.id,
                it.lease,
                state,
                at,
                code,
                bound
            )?,
        };
        if touched == 0 {
            return Err(Error::Conflict("the attempt belongs to another now".into()));
        }
        if let Fetched::Again { .. } | Fetched::Unwanted = fetched {
            return Ok(());
        }
        let mut message = self
            .message(w, m)
            .await?
            .ok_or(Error::NotFound("message"))?;
        if let Fetched::Here(file) = fetched {
            self.insert_file(&file).await?;
            put_in_place(&mut message, it, &file)?;
            self.update_message(&message).await?;
        }
        self.tell_attachment(scope, &message, &Actor::system())
            .await
    }

    /// Fetches an attachment once more, because somebody said so; also one that nobody ever tried to fetch.
    ///
    /// # Errors
    /// Not found; state where it is here, or on its way.
    pub async fn retry_fetch(
        &mut self,
        scope: Scope<'_>,
        message: &Message,
        position: usize,
        actor: &Actor,
    ) -> Result<()> {
        const FORGET_FAILED: &str = "DELETE FROM fetches WHERE workspace_id = $1 AND message_id = $2 AND position = $3 AND state = 'failed'";
        let at = i64::try_from(position).map_err(|_| Error::NotFound("attachment"))?;
        let attachments: Vec<Attachment> = serde_json::from_str(&message.attachments)?;
        let attachment = attachments
            .get(position)
            .filter(|_| message.revoked_at.is_none())
            .ok_or(Error::NotFound("attachment"))?;
        if !is_elsewhere(&attachment.source) {
            return Err(Reason::AttachmentHere.into());
        }
        let (w, m) = (scope.workspace, message.id);
        let known = self.fetches_of(w, m).await?;
        let known = known.iter().find(|it| it.position == at);
        if known.is_some_and(|it| it.state != "failed") {
            return Err(Reason::AttachmentUnderWay.into());
        }
        execute!(self, FORGET_FAILED, w, m, at)?;
        let all = wanted(message, scope.ids, scope.now);
        let anew: Vec<NewFetch> = all.into_iter().filter(|it| it.position == at).collect();
        self.insert_fetches(&anew).await?;
        self.tell_attachment(scope, message, actor).await
    }

    async fn tell_attachment(
        &mut self,
        scope: Scope<'_>,
        message: &Message,
        actor: &Actor,
    ) -> Result<()> {
        let conversation = message.conversation_id;
        let found = self.conversation(scope.workspace, conversation).await?;
        let event = NewEvent::new("message.changed")
            .in_conversation(conversation, found.and_then(|it| it.team_id))
            .by(actor)
            .subject("message", message.id)
            .data(json!({"what": "attachment"}));
        self.append(scope, vec![event]).await?;
        Ok(())
    }
}

fn put_in_place(message: &mut Message, it: &Fetch, file: &File) -> Result<()> {
    let mut attachments: Vec<Attachment> = serde_json::from_str(&message.attachments)?;
    let place = usize::try_from(it.position)
        .ok()
        .and_then(|position| attachments.get_mut(position))
        .filter(|attachment| attachment.source == it.source)
        .ok_or(Error::NotFound("attachment"))?;
    place.source = format!("media:{}", file.id);
    place.mime.clone_from(&file.mime);
    if !place.name.is_empty() {
        // Another one where it was converted.
        place.name.clone_from(&file.name);
    }
    place.size = u64::try_from(file.size).unwrap_or(0);
    message.attachments = serde_json::to_string(&attachments)?;
    Ok(())
}
