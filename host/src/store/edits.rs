//! Changes of messages that the channel has: edited, or taken back. Asked for and queued in one commit, done once the channel has done it. Owns what
//! a message said before, and the channel's other ids of it.

use balcao_runtime::wit::Content;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::FromRow;

use super::events::{Actor, NewEvent};
use super::ingest::InChannel;
use super::messages::{Message, attachments, preview};
use super::rows::{OverRows, over_rows};
use super::sends::{Outcome, Send};
use super::{Scope, Tx, execute, fetch};
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::id::{ChannelId, MessageId, UserId, WorkspaceId};
use crate::reason::Reason;

/// A change that is asked of the channel.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Edit(Content),
    Revoke,
}

impl Change {
    fn action(&self) -> &'static str {
        match self {
            Self::Edit(_) => "edit",
            Self::Revoke => "revoke",
        }
    }
}

/// A change that was asked for and is not done, as a message carries it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingChange {
    /// `edit` or `revoke`.
    pub action: String,
    /// `queued` · `failed` · `uncertain`.
    pub state: String,
    /// Why it failed.
    pub reason: Option<String>,
    /// What it is to say.
    pub text: String,
    /// Who asked.
    pub by: UserId,
}

/// What a message said before it was edited.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize, Deserialize)]
pub struct Version {
    pub workspace_id: WorkspaceId,
    pub message_id: MessageId,
    /// When it was edited.
    pub until: Instant,
    pub kind: String,
    pub text: String,
    /// JSON array of the WIT's attachments.
    pub attachments: String,
}

impl Version {
    pub fn of(message: &Message, until: Instant) -> Self {
        Self {
            workspace_id: message.workspace_id,
            message_id: message.id,
            until,
            kind: message.kind.clone(),
            text: message.text.clone(),
            attachments: message.attachments.clone(),
        }
    }
}

/// One of the channel's ids of a message, beside the last.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize, Deserialize)]
pub(crate) struct Part {
    pub workspace_id: WorkspaceId,
    pub channel_id: ChannelId,
    pub external_id: String,
    pub message_id: MessageId,
    pub position: i64,
}

impl Part {
    /// The message that it is a part of, by our own id.
    pub fn whole(&self) -> InChannel {
        InChannel {
            workspace: self.workspace_id,
            channel: self.channel_id,
            name: self.message_id.to_string(),
        }
    }
}

impl Message {
    /// The channel's name for it; the last of several.
    pub(crate) fn key(&self) -> Option<InChannel> {
        Some(InChannel {
            workspace: self.workspace_id,
            channel: self.channel_id,
            name: self.external_id.clone()?,
        })
    }

    /// The change that was asked for and is not done.
    pub fn asked(&self) -> Option<PendingChange> {
        serde_json::from_str(self.pending_change.as_deref()?).ok()
    }

    /// # Errors
    /// Internal: attachments that no version of this program wrote.
    pub fn content(&self) -> Result<Content> {
        Ok(Content {
            kind: self.kind.clone(),
            text: self.text.clone(),
            attachments: serde_json::from_str(&self.attachments)?,
            extra: self.extra.clone(),
        })
    }
}

const KEEP_VERSIONS: OverRows = over_rows!(
    "INSERT INTO message_versions (workspace_id, message_id, until, kind, text, attachments)
     SELECT r.value ->> 'workspace_id', r.value ->> 'message_id', CAST(r.value ->> 'until' AS BIGINT), r.value ->> 'kind',
            r.value ->> 'text', r.value ->> 'attachments' FROM",
    "WHERE true ON CONFLICT DO NOTHING"
);

const KEEP_PARTS: OverRows = over_rows!(
    "INSERT INTO message_parts (workspace_id, channel_id, external_id, message_id, position)
     SELECT r.value ->> 'workspace_id', r.value ->> 'channel_id', r.value ->> 'external_id', r.value ->> 'message_id',
            CAST(r.value ->> 'position' AS BIGINT) FROM",
    "WHERE true ON CONFLICT DO NOTHING"
);

const PARTS: OverRows = over_rows!(
    "SELECT p.* FROM",
    "CROSS JOIN message_parts p WHERE p.workspace_id = r.value ->> 'w' AND p.channel_id = r.value ->> 'c' AND p.external_id = r.value ->> 'k'"
);

impl Tx {
    /// Queues a change of a message. One that is asked for while another waits takes its place.
    ///
    /// # Errors
    /// Not found. State: the channel does not have the message, it was taken back, or a change of it is under way.
    pub async fn ask_change(
        &mut self,
        scope: Scope<'_>,
        id: MessageId,
        change: &Change,
        by: UserId,
    ) -> Result<Message> {
        const FORGET: &str = "DELETE FROM sends WHERE workspace_id = $1 AND message_id = $2 AND state = 'queued' AND action <> 'send'";
        const LEFT: &str = "SELECT COUNT(*) FROM sends WHERE workspace_id = $1 AND message_id = $2";
        let mut message = self
            .message(scope.workspace, id)
            .await?
            .ok_or(Error::NotFound("message"))?;
        if !message.is_with_the_channel() {
            return Err(Reason::NotAtTheChannel.into());
        }
        execute!(self, FORGET, scope.workspace, id)?;
        let (left,): (i64,) = fetch!(fetch_one, self, _, LEFT, scope.workspace, id)?;
        if left > 0 {
            return Err(Reason::ChangeUnderWay.into());
        }
        let (content, text) = match change {
            Change::Edit(content) => (Some(serde_json::to_string(content)?), content.text.clone()),
            Change::Revoke => (None, String::new()),
        };
        self.queue_send(scope, &message, change.action(), content)
            .await?;
        let pending = PendingChange {
            action: change.action().to_owned(),
            state: "queued".to_owned(),
            reason: None,
            text,
            by,
        };
        self.put_pending_change(&mut message, Some(&pending))
            .await?;
        self.tell_message(
            scope,
            &message,
            ("message.changed", "change"),
            &Actor::user(by),
        )
        .await?;
        Ok(message)
    }

    /// Lets go of a change that failed, or of which nobody knows.
    ///
    /// # Errors
    /// Not found; state where there is none such.
    pub async fn drop_change(
        &mut self,
        scope: Scope<'_>,
        id: MessageId,
        actor: &Actor,
    ) -> Result<Message> {
        let mut message = self
            .message(scope.workspace, id)
            .await?
            .ok_or(Error::NotFound("message"))?;
        if message.asked().is_none_or(|it| it.state == "queued") {
            return Err(Reason::NoChange.into());
        }
        self.put_pending_change(&mut message, None).await?;
        self.tell_message(scope, &message, ("message.changed", "change"), actor)
            .await?;
        Ok(message)
    }

    /// Writes what came of an attempt at a change whose place in the queue has been settled.
    pub(super) async fn finish_change(
        &mut self,
        scope: Scope<'_>,
        send: &Send,
        mut message: Message,
        outcome: Outcome,
    ) -> Result<Message> {
        let Some(asked) = message.asked() else {
            return Ok(message);
        };
        let actor = Actor::user(asked.by);
        let (state, reason) = match outcome {
            Outcome::Retry { .. } => return Ok(message),
            Outcome::Sent { .. } => {
                self.put_pending_change(&mut message, None).await?;
                self.make_change(scope, send, &mut message).await?;
                self.tell_message(scope, &message, ("message.changed", &send.action), &actor)
                    .await?;
                return Ok(message);
            }
            Outcome::Failed { reason } => ("failed", reason),
            Outcome::Uncertain { reason } => ("uncertain", reason),
        };
        let told = PendingChange {
            state: state.to_owned(),
            reason: Some(reason),
            ..asked
        };
        self.put_pending_change(&mut message, Some(&told)).await?;
        self.tell_message(scope, &message, ("message.changed", "change"), &actor)
            .await?;
        Ok(message)
    }

    async fn make_change(
        &mut self,
        scope: Scope<'_>,
        send: &Send,
        message: &mut Message,
    ) -> Result<()> {
        match &send.content {
            None => message.revoked_at = Some(scope.now),
            Some(content) => {
                let content: Content = serde_json::from_str(content)?;
                // A provider may have told us of it before it answered.
                if content.text != message.text || content.kind != message.kind {
                    let before = Version::of(message, scope.now);
                    self.keep_versions(&[before]).await?;
                }
                message.kind.clone_from(&content.kind);
                message.text.clone_from(&content.text);
                message.attachments = attachments(&content);
                message.extra.clone_from(&content.extra);
                message.edited_at = Some(message.edited_at.unwrap_or(0).max(scope.now));
            }
        }
        self.update_message(message).await?;
        self.show_changed(message).await
    }

    /// Lists show the last message as it is now.
    async fn show_changed(&mut self, message: &Message) -> Result<()> {
        const LAST: &str = "SELECT id FROM messages WHERE workspace_id = $1 AND conversation_id = $2 AND direction <> 'note'
             ORDER BY id DESC LIMIT 1";
        const SHOW: &str =
            "UPDATE conversations SET preview = $3 WHERE workspace_id = $1 AND id = $2";
        let (workspace, conversation) = (message.workspace_id, message.conversation_id);
        let last: Option<(MessageId,)> =
            fetch!(fetch_optional, self, _, LAST, workspace, conversation)?;
        if last.is_none_or(|(id,)| id != message.id) {
            return Ok(());
        }
        let line = match message.revoked_at {
            Some(_) => preview("revoked", "", &message.direction),
            None => preview(&message.kind, &message.text, &message.direction),
        };
        execute!(self, SHOW, workspace, conversation, line)?;
        Ok(())
    }

    async fn put_pending_change(
        &mut self,
        message: &mut Message,
        change: Option<&PendingChange>,
    ) -> Result<()> {
        const SQL: &str =
            "UPDATE messages SET pending_change = $3 WHERE workspace_id = $1 AND id = $2";
        message.pending_change = change.map(serde_json::to_string).transpose()?;
        let change = message.pending_change.as_deref();
        execute!(self, SQL, message.workspace_id, message.id, change)?;
        Ok(())
    }

    /// What a message said before, oldest first.
    pub async fn versions_of(
        &mut self,
        workspace: WorkspaceId,
        id: MessageId,
    ) -> Result<Vec<Version>> {
        const SQL: &str = "SELECT * FROM message_versions WHERE workspace_id = $1 AND message_id = $2 ORDER BY until";
        Ok(fetch!(fetch_all, self, Version, SQL, workspace, id)?)
    }

    pub(crate) async fn keep_versions(&mut self, versions: &[Version]) -> Result<()> {
        self.write_of(KEEP_VERSIONS, versions).await
    }

    /// Keeps the channel's ids of a message but for the last, which is the message's own.
    pub(super) async fn keep_parts(&mut self, message: &Message, ids: &[String]) -> Result<()> {
        let others = ids.split_last().map_or(&[][..], |(_, others)| others);
        let rows: Vec<Part> = (0..)
            .zip(others)
            .map(|(position, external_id)| Part {
                workspace_id: message.workspace_id,
                channel_id: message.channel_id,
                external_id: external_id.clone(),
                message_id: message.id,
                position,
            })
            .collect();
        self.write_of(KEEP_PARTS, &rows).await
    }

    /// Which messages these ids of parts belong to.
    pub(crate) async fn parts(&mut self, keys: &[InChannel]) -> Result<Vec<Part>> {
        self.read_of(PARTS, keys).await
    }

    /// All of the channel's ids of a message, in the order in which its connector gave them.
    pub async fn external_ids(&mut self, message: &Message) -> Result<Vec<String>> {
        const SQL: &str = "SELECT external_id FROM message_parts WHERE workspace_id = $1 AND message_id = $2 ORDER BY position";
        let parts: Vec<(String,)> =
            fetch!(fetch_all, self, _, SQL, message.workspace_id, message.id)?;
        let ids = parts.into_iter().map(|(id,)| id);
        Ok(ids.chain(message.external_id.clone()).collect())
    }

    pub(super) async fn tell_message(
        &mut self,
        scope: Scope<'_>,
        message: &Message,
        (kind, what): (&'static str, &str),
        actor: &Actor,
    ) -> Result<()> {
        let conversation = self
            .conversation(scope.workspace, message.conversation_id)
            .await?;
        let event = NewEvent::new(kind)
            .in_conversation(
                message.conversation_id,
                conversation.and_then(|it| it.team_id),
            )
            .by(actor)
            .subject("message", message.id)
            .data(json!({ "what": what }));
        self.append(scope, vec![event]).await?;
        Ok(())
    }
}
