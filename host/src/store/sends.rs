//! Outbound messages and their queue: a message is stored and queued in one commit, in order per conversation, a few at a time per channel; changes
//! of messages (`edits`) take their turn in it.
//! An attempt whose outcome nobody knows is shown as *uncertain* and not repeated by itself (DESIGN §1.4).

use balcao_runtime::effect::Inbox;
use balcao_runtime::rules::{Change, Person};
use balcao_runtime::wit::Content;
use sqlx::FromRow;

use super::conversations::Conversation;
use super::events::{Actor, NewEvent};
use super::files::named_in;
use super::ingest::{InChannel, Pending};
use super::messages::{Message, attachments, preview};
use super::routing::By;
use super::{Driver, Scope, Tx, execute, fetch};
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::id::{ChannelId, ConversationId, MessageId, SendId, WorkspaceId};
use crate::reason::Reason;

/// A message to be written by us.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// None: minted once the conversation is started, so that the start comes before the answer in the timeline.
    pub id: Option<MessageId>,
    pub conversation: ConversationId,
    pub content: Content,
    pub reply_to: Option<MessageId>,
    /// A note, seen by agents only.
    pub private: bool,
}

/// An attempt to be made now.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, serde::Deserialize)]
pub struct Send {
    pub workspace_id: WorkspaceId,
    pub message_id: MessageId,
    pub channel_id: ChannelId,
    pub conversation_id: ConversationId,
    pub id: SendId,
    /// Attempts that were begun, this one included.
    pub attempts: i64,
    pub lease: i64,
    pub lease_until: Instant,
    /// `send`, or a change of what was sent: `edit` · `revoke`.
    pub action: String,
    /// JSON: what an edited message is to say.
    pub content: Option<String>,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// `sent` or `delivered`; the last external id stands for the message.
    Sent {
        external_ids: Vec<String>,
        state: String,
    },
    Retry {
        at: Instant,
        error: String,
    },
    Failed {
        reason: String,
    },
    /// A request went out and no answer came.
    Uncertain {
        reason: String,
    },
}

impl Tx {
    /// Writes a message and queues it; a note is only written. Whoever answers first starts the conversation (FEATURES C5).
    ///
    /// # Errors
    /// Not found; denied or state as the rules say.
    pub async fn write_message(
        &mut self,
        scope: Scope<'_>,
        new: NewMessage,
        actor: &Actor,
        person: Option<&Person>,
    ) -> Result<Message> {
        let mut conversation = self
            .conversation(scope.workspace, new.conversation)
            .await?
            .ok_or(Error::NotFound("conversation"))?;
        if !new.private {
            conversation = self.answerable(scope, conversation, actor, person).await?;
        }
        let replied = match new.reply_to {
            Some(id) => self
                .message(scope.workspace, id)
                .await?
                .filter(|it| it.conversation_id == conversation.id),
            None => None,
        };
        let message = row(scope, &conversation, new, actor, replied.as_ref());
        self.insert_message(&message).await?;
        let files = named_in(&message.attachments);
        let files: Vec<_> = files.into_iter().map(|id| (scope.workspace, id)).collect();
        self.files_are_sent(&files).await?;
        for (workspace, id) in files {
            // What lay unsent for too long may have gone just now.
            if self.file(workspace, id).await?.is_none() {
                return Err(Reason::FileGone.into());
            }
        }
        if message.direction == "out" {
            self.queue_send(scope, &message, "send", None).await?;
            self.show_last(&conversation, &message, scope.now).await?;
        }
        let kind = if message.direction == "out" {
            "message.queued"
        } else {
            "message.noted"
        };
        let event = NewEvent::new(kind)
            .in_conversation(conversation.id, conversation.team_id)
            .by(actor);
        self.append(scope, vec![event.subject("message", message.id)])
            .await?;
        Ok(message)
    }

    /// The conversation, started if a person answers while it waits.
    async fn answerable(
        &mut self,
        scope: Scope<'_>,
        it: Conversation,
        actor: &Actor,
        person: Option<&Person>,
    ) -> Result<Conversation> {
        if it.status == "concluded" {
            return Err(Reason::ConversationConcluded.into());
        }
        let Some(person) = person else { return Ok(it) };
        if it.status == "in_progress" {
            let own = it
                .agent_id
                .is_some_and(|agent| agent.to_string() == person.id);
            let supervises =
                balcao_runtime::rules::permits(person, &it.routed()?, &Change::Release).is_ok();
            return if own || supervises {
                Ok(it)
            } else {
                Err(Reason::AnotherServes.into())
            };
        }
        let by = By {
            actor: actor.clone(),
            person: Some(person),
        };
        self.change_conversation(
            scope,
            it.id,
            &Change::Assign {
                agent: person.id.clone(),
            },
            &by,
            None,
        )
        .await
    }

    async fn show_last(
        &mut self,
        conversation: &Conversation,
        message: &Message,
        now: Instant,
    ) -> Result<()> {
        const SQL: &str = "UPDATE conversations SET last_message_at = $3, preview = $4, unread = 0 WHERE workspace_id = $1 AND id = $2";
        let line = preview(&message.kind, &message.text, &message.direction);
        execute!(
            self,
            SQL,
            conversation.workspace_id,
            conversation.id,
            now,
            line
        )?;
        Ok(())
    }

    /// Puts a message, or a change of one, at the end of its conversation's queue.
    pub(super) async fn queue_send(
        &mut self,
        scope: Scope<'_>,
        message: &Message,
        action: &str,
        content: Option<String>,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO sends (workspace_id, message_id, channel_id, conversation_id, id, state, attempts, next_at, lease, lease_until,
                action, content)
             VALUES ($1, $2, $3, $4, $5, 'queued', 0, $6, 0, 0, $7, $8)";
        let id: SendId = scope.ids.mint();
        execute!(
            self,
            SQL,
            message.workspace_id,
            message.id,
            message.channel_id,
            message.conversation_id,
            id,
            scope.now,
            action,
            content.as_deref()
        )?;
        Ok(())
    }

    /// Sends a failed or uncertain message once more, because somebody said so.
    pub async fn retry_message(
        &mut self,
        scope: Scope<'_>,
        id: MessageId,
        actor: &Actor,
    ) -> Result<Message> {
        let mut message = self
            .message(scope.workspace, id)
            .await?
            .ok_or(Error::NotFound("message"))?;
        if !matches!(message.state.as_str(), "failed" | "uncertain") {
            return Err(Reason::NotFailed.into());
        }
        const CHANGES: &str =
            "SELECT COUNT(*) FROM sends WHERE workspace_id = $1 AND message_id = $2";
        let (changes,): (i64,) = fetch!(fetch_one, self, _, CHANGES, scope.workspace, id)?;
        if changes > 0 {
            return Err(Reason::ChangeUnderWay.into());
        }
        "queued".clone_into(&mut message.state);
        message.reason = None;
        self.update_message(&message).await?;
        self.queue_send(scope, &message, "send", None).await?;
        self.tell_message(scope, &message, ("message.changed", "state"), actor)
            .await?;
        Ok(message)
    }

    /// Takes at most `limit` due messages for `lease` microseconds: the oldest of each conversation, and so many of a channel that `AT_ONCE` of
    /// it are under way. (Servers that claim in the same instant may exceed that number, and never the one of a conversation.)
    pub async fn claim_sends(&mut self, now: Instant, lease: i64, limit: i64) -> Result<Vec<Send>> {
        let sql = match self.driver {
            Driver::Sqlite(_) | Driver::Direct(_) => CLAIM_SQLITE,
            Driver::Postgres(_) => CLAIM_POSTGRES,
        };
        let mut claimed: Vec<Send> = fetch!(
            fetch_all,
            self,
            Send,
            sql,
            now,
            now.saturating_add(lease),
            limit,
            self.holder,
            AT_ONCE
        )?;
        claimed.sort_by_key(|it| it.id);
        Ok(claimed)
    }

    /// Writes what came of an attempt.
    ///
    /// # Errors
    /// Conflict: the attempt is not ours any more, another has taken over or somebody has decided otherwise.
    pub async fn finish_send(
        &mut self,
        scope: Scope<'_>,
        send: &Send,
        outcome: Outcome,
    ) -> Result<Message> {
        // Somebody may have asked anew since: another row, whose leases are counted from the beginning.
        const RETRY: &str =
            "UPDATE sends SET state = 'queued', next_at = $5, error = $6, lease_until = 0
             WHERE workspace_id = $1 AND message_id = $2 AND id = $3 AND lease = $4 AND state = 'sending'";
        const DONE: &str = "DELETE FROM sends WHERE workspace_id = $1 AND message_id = $2 AND id = $3 AND lease = $4 AND state = 'sending'";
        let touched = match &outcome {
            Outcome::Retry { at, error } => execute!(
                self,
                RETRY,
                scope.workspace,
                send.message_id,
                send.id,
                send.lease,
                *at,
                error
            )?,
            _ => execute!(
                self,
                DONE,
                scope.workspace,
                send.message_id,
                send.id,
                send.lease
            )?,
        };
        if touched == 0 {
            return Err(Error::Conflict("the attempt belongs to another now".into()));
        }
        let mut message = self
            .message(scope.workspace, send.message_id)
            .await?
            .ok_or(Error::NotFound("message"))?;
        if send.action != "send" {
            return self.finish_change(scope, send, message, outcome).await;
        }
        let before = message.state.clone();
        settle(&mut message, &outcome);
        let external_ids = match &outcome {
            Outcome::Sent { external_ids, .. } => external_ids.as_slice(),
            _ => &[],
        };
        self.keep_parts(&message, external_ids).await?;
        let waiting = self.apply_waiting(&mut message, external_ids).await?;
        self.take_over_echoes(&mut message, external_ids).await?;
        self.apply_reads(&mut message).await?;
        self.update_message(&message).await?;
        self.drop_pending(&waiting).await?;
        let kind = match message.state.as_str() {
            state if state == before => return Ok(message),
            "failed" => "message.failed",
            "uncertain" => "message.changed",
            _ => "message.sent",
        };
        self.tell_message(scope, &message, (kind, "state"), &Actor::system())
            .await?;
        Ok(message)
    }

    /// Applies what came about the message before our own send was committed.
    async fn apply_waiting(
        &mut self,
        message: &mut Message,
        external_ids: &[String],
    ) -> Result<Vec<Pending>> {
        let keys = external_ids.iter().map(|external| InChannel {
            workspace: message.workspace_id,
            channel: message.channel_id,
            name: external.clone(),
        });
        let waiting = self.pending_states(&keys.collect::<Vec<_>>()).await?;
        for it in &waiting {
            if let Ok(item) = serde_json::from_str::<Inbox>(&it.state) {
                message.change(&item);
            }
        }
        Ok(waiting)
    }

    /// The provider may have told us of our own message before we knew its ids, and then of what became of it.
    async fn take_over_echoes(
        &mut self,
        message: &mut Message,
        external_ids: &[String],
    ) -> Result<()> {
        const FIND: &str = "SELECT * FROM messages WHERE workspace_id = $1 AND channel_id = $2 AND external_id = $3 AND id <> $4
             AND direction = 'out' AND author_id IS NULL";
        const ANSWERS: &str = "UPDATE messages SET reply_to = $4 WHERE workspace_id = $1 AND conversation_id = $2 AND reply_to = $3";
        const DROP: &str = "DELETE FROM messages WHERE workspace_id = $1 AND id = $2";
        let workspace = message.workspace_id;
        let mut echoes = Vec::new();
        for external in external_ids {
            let found: Vec<Message> = fetch!(
                fetch_all,
                self,
                Message,
                FIND,
                workspace,
                message.channel_id,
                external,
                message.id
            )?;
            echoes.extend(found);
        }
        for echo in &echoes {
            // Of one part of several only that it is this message.
            if echo.external_id == message.external_id {
                message.take_over(echo);
            }
            execute!(
                self,
                ANSWERS,
                workspace,
                echo.conversation_id,
                echo.id,
                message.id
            )?;
            execute!(self, DROP, workspace, echo.id)?;
        }
        Ok(())
    }

    /// The contact may have read it before we knew that it was sent.
    async fn apply_reads(&mut self, message: &mut Message) -> Result<()> {
        let conversation = self
            .conversation(message.workspace_id, message.conversation_id)
            .await?;
        let Some(thread) = conversation.map(|it| it.thread) else {
            return Ok(());
        };
        let key = InChannel {
            workspace: message.workspace_id,
            channel: message.channel_id,
            name: Pending::reads_of(&thread),
        };
        let reads = self.pending_states(&[key]).await?;
        if let Some(until) = reads.iter().filter_map(Pending::read_until).max() {
            message.read_until(until);
        }
        Ok(())
    }

    /// Attempts whose holder is gone: their messages are uncertain, unless the channel recognises a repetition by our key.
    pub async fn abandoned_sends(&mut self, now: Instant) -> Result<Vec<Send>> {
        const SQL: &str = "SELECT workspace_id, message_id, channel_id, conversation_id, id, attempts, lease, lease_until, action, content FROM sends
             WHERE state = 'sending' AND lease_until <= $1 ORDER BY id";
        Ok(fetch!(fetch_all, self, Send, SQL, now)?)
    }

    /// When the next message is due; none while nothing waits.
    pub async fn next_send_at(&mut self) -> Result<Option<Instant>> {
        const SQL: &str = "SELECT MIN(next_at) FROM sends WHERE state = 'queued'";
        let (at,): (Option<Instant>,) = fetch!(fetch_one, self, _, SQL)?;
        Ok(at)
    }
}

/// Messages of one channel under way at once: a large file does not keep the other conversations waiting.
const AT_ONCE: i64 = 4;

// What is due and first in its conversation, with its place in its channel's queue, behind what is under way.
macro_rules! claim {
    ($lock:expr) => {
        concat!(
            "WITH taken AS MATERIALIZED (
                SELECT q.workspace_id, q.message_id FROM sends q JOIN (
                    SELECT s.workspace_id, s.message_id, ROW_NUMBER() OVER (PARTITION BY s.workspace_id, s.channel_id ORDER BY s.id)
                           + (SELECT COUNT(*) FROM sends u
                               WHERE u.workspace_id = s.workspace_id AND u.channel_id = s.channel_id AND u.state = 'sending') AS place
                      FROM sends s
                     WHERE s.state = 'queued' AND s.next_at <= $1
                       AND NOT EXISTS (SELECT 1 FROM sends e
                            WHERE e.workspace_id = s.workspace_id AND e.conversation_id = s.conversation_id AND e.id < s.id)
                ) due ON due.workspace_id = q.workspace_id AND due.message_id = q.message_id
                 WHERE due.place <= $5 AND q.state = 'queued' AND q.next_at <= $1
                 ORDER BY q.next_at LIMIT $3",
            $lock,
            ") UPDATE sends SET state = 'sending', attempts = attempts + 1, lease = lease + 1, lease_until = $2, holder = $4
             WHERE (workspace_id, message_id) IN (SELECT workspace_id, message_id FROM taken)
             RETURNING workspace_id, message_id, channel_id, conversation_id, id, attempts, lease, lease_until, action, content"
        )
    };
}
const CLAIM_SQLITE: &str = claim!("");
const CLAIM_POSTGRES: &str = claim!(" FOR UPDATE OF q SKIP LOCKED");

/// What the outcome makes of the message. States never move backwards.
fn settle(message: &mut Message, outcome: &Outcome) {
    match outcome {
        Outcome::Sent {
            external_ids,
            state,
        } => {
            if let Some(last) = external_ids.last() {
                message.external_id = Some(last.clone());
            }
            let state = if state == "delivered" {
                "delivered"
            } else {
                "sent"
            };
            message.state =
                balcao_runtime::rules::advance_delivery(&message.state, state).to_owned();
            message.reason = None;
        }
        Outcome::Retry { .. } => {}
        Outcome::Failed { reason } => {
            "failed".clone_into(&mut message.state);
            message.reason = Some(reason.clone());
        }
        Outcome::Uncertain { reason } => {
            "uncertain".clone_into(&mut message.state);
            message.reason = Some(reason.clone());
        }
    }
}

fn row(
    scope: Scope<'_>,
    conversation: &Conversation,
    new: NewMessage,
    actor: &Actor,
    replied: Option<&Message>,
) -> Message {
    Message {
        workspace_id: scope.workspace,
        id: new.id.unwrap_or_else(|| scope.ids.mint()),
        conversation_id: conversation.id,
        channel_id: conversation.channel_id,
        author: actor.kind.to_owned(),
        author_id: Some(actor.id.clone()),
        direction: if new.private { "note" } else { "out" }.to_owned(),
        at: scope.now,
        kind: new.content.kind.clone(),
        text: new.content.text.replace('\0', ""),
        attachments: attachments(&new.content),
        extra: if new.content.extra.is_empty() {
            "{}".to_owned()
        } else {
            new.content.extra.clone()
        },
        external_id: None,
        reply_to_external: replied.and_then(|it| it.external_id.clone()),
        reply_to: replied.map(|it| it.id),
        state: if new.private { "received" } else { "queued" }.to_owned(),
        reason: None,
        reactions: "[]".to_owned(),
        labels: "[]".to_owned(),
        edited_at: None,
        revoked_at: None,
        created_at: scope.now,
        pending_change: None,
    }
}
