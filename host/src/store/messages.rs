//! Messages: inbound, outbound and notes; what becomes of them after they were written.

use balcao_runtime::effect::Inbox;
use balcao_runtime::rules;
use balcao_runtime::wit::Content;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sqlx::FromRow;

use super::events::{Actor, NewEvent};
use super::{Scope, Tx, execute, fetch};
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::id::{ChannelId, ConversationId, MessageId, WorkspaceId};

/// Letters of a message shown in lists.
const PREVIEW: usize = 160;

#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize, Deserialize)]
pub struct Message {
    pub workspace_id: WorkspaceId,
    pub id: MessageId,
    pub conversation_id: ConversationId,
    pub channel_id: ChannelId,
    /// `contact` · `user` · `plugin` · `system`.
    pub author: String,
    pub author_id: Option<String>,
    /// `in` · `out` · `note`.
    pub direction: String,
    /// When it was written, as the provider says.
    pub at: Instant,
    pub kind: String,
    pub text: String,
    /// JSON array of the WIT's attachments.
    pub attachments: String,
    /// JSON object.
    pub extra: String,
    pub external_id: Option<String>,
    pub reply_to_external: Option<String>,
    pub reply_to: Option<MessageId>,
    /// `received` · `queued` · `sent` · `delivered` · `read` · `failed` · `uncertain`.
    pub state: String,
    pub reason: Option<String>,
    /// JSON array of `{"emoji","by","id"}`; one per person.
    pub reactions: String,
    /// JSON array of strings.
    pub labels: String,
    pub edited_at: Option<Instant>,
    pub revoked_at: Option<Instant>,
    pub created_at: Instant,
    /// JSON of an [`edits::PendingChange`](super::edits::PendingChange).
    pub pending_change: Option<String>,
}

impl Message {
    /// Whether it is ours and the channel has it, so that it can be changed there.
    pub fn is_with_the_channel(&self) -> bool {
        let arrived = matches!(self.state.as_str(), "sent" | "delivered" | "read");
        self.direction == "out"
            && arrived
            && self.external_id.is_some()
            && self.revoked_at.is_none()
    }

    /// Lays what came about the message over it; says what kind of change it was, none where nothing changes.
    pub(crate) fn change(&mut self, item: &Inbox) -> Option<&'static str> {
        match item {
            Inbox::Delivery {
                external_id,
                state,
                reason,
                extra,
                ..
            } if self.direction == "out" => {
                let next = rules::advance_delivery(&self.state, state).to_owned();
                if next == self.state {
                    return None;
                }
                self.reason = (next == "failed" && !reason.is_empty()).then(|| reason.clone());
                self.state = next;
                self.external_id.get_or_insert_with(|| external_id.clone());
                self.tell_beside(extra);
                Some("state")
            }
            Inbox::Reaction {
                sender, emoji, at, ..
            } => {
                let mut list: Vec<Value> =
                    serde_json::from_str(&self.reactions).unwrap_or_default();
                let theirs = |it: &Value| it["id"] == sender.external_id.as_str();
                let last = list.iter().find(|it| theirs(it));
                if last.is_some_and(|it| it["at"].as_i64() > Some(*at)) {
                    return None;
                }
                list.retain(|it| !theirs(it));
                // One that is taken back stays, without its emoji: an earlier one may still come.
                list.push(
                    json!({"emoji": emoji, "by": "contact", "id": sender.external_id, "at": at}),
                );
                self.reactions = Value::Array(list).to_string();
                Some("reaction")
            }
            Inbox::Edit { content, at, .. } if self.edited_at.is_none_or(|last| last < *at) => {
                self.kind.clone_from(&content.kind);
                self.text.clone_from(&content.text);
                self.attachments = attachments(content);
                self.extra = edited_extra(&self.extra, &content.extra);
                self.edited_at = Some(*at);
                Some("edit")
            }
            Inbox::Revoke { at, .. } if self.revoked_at.is_none_or(|first| first > *at) => {
                self.revoked_at = Some(*at);
                Some("revoke")
            }
            _ => None,
        }
    }

    /// What the channel says beside a state, what the message cost say: in `extra` under `delivery`, as it was said first.
    fn tell_beside(&mut self, told: &str) {
        let parse = |text: &str| serde_json::from_str::<Map<String, Value>>(text).ok();
        let Some(told) = parse(told).filter(|told| !told.is_empty()) else {
            return;
        };
        let mut extra = parse(&self.extra).unwrap_or_default();
        let kept = extra.entry("delivery").or_insert_with(|| json!({}));
        if let Some(kept) = kept.as_object_mut() {
            // Our own id is none of the channel's news.
            for (name, value) in told.into_iter().filter(|(name, _)| name != "message") {
                kept.entry(name).or_insert(value);
            }
        }
        self.extra = Value::Object(extra).to_string();
    }

    /// The contact has read everything up to then.
    pub(crate) fn read_until(&mut self, until: Instant) {
        let arrived = matches!(self.state.as_str(), "sent" | "delivered");
        if arrived && self.at <= until {
            "read".clone_into(&mut self.state);
        }
    }

    /// What was told of the provider's echo of this message is told of this message.
    pub(crate) fn take_over(&mut self, echo: &Self) {
        let next = rules::advance_delivery(&self.state, &echo.state);
        if next != self.state {
            self.state = next.to_owned();
            self.reason.clone_from(&echo.reason);
        }
        let list = |json: &str| serde_json::from_str::<Vec<Value>>(json).unwrap_or_default();
        let mut reactions = list(&self.reactions);
        reactions.extend(list(&echo.reactions));
        if !reactions.is_empty() {
            self.reactions = Value::Array(reactions).to_string();
        }
        if echo.edited_at > self.edited_at {
            self.kind.clone_from(&echo.kind);
            self.text.clone_from(&echo.text);
            self.attachments.clone_from(&echo.attachments);
            self.extra.clone_from(&echo.extra);
            self.edited_at = echo.edited_at;
        }
        self.revoked_at = self.revoked_at.or(echo.revoked_at);
    }
}

/// What is kept of a message's `extra` when its content is edited: names that say something of the message, not of what it says (`inbox.inbound.extra`).
const OF_MESSAGE: [&str; 6] = [
    "referral",
    "forwarded",
    "ephemeral",
    "page",
    "author",
    "group",
];

fn edited_extra(before: &str, content: &str) -> String {
    type Fields = serde_json::Map<String, Value>;
    let mut kept: Fields = serde_json::from_str(before).unwrap_or_default();
    kept.retain(|name, _| OF_MESSAGE.contains(&name.as_str()));
    if kept.is_empty() {
        return content.to_owned();
    }
    kept.extend(serde_json::from_str::<Fields>(content).unwrap_or_default());
    Value::Object(kept).to_string()
}

pub(crate) fn attachments(content: &Content) -> String {
    if content.attachments.is_empty() {
        return "[]".to_owned();
    }
    serde_json::to_string(&content.attachments).unwrap_or_else(|_| "[]".to_owned())
}

/// The line that lists show, as JSON.
pub(crate) fn preview(kind: &str, text: &str, direction: &str) -> String {
    let short: String = text.chars().take(PREVIEW).collect();
    json!({"text": short, "kind": kind, "direction": direction}).to_string()
}

// From the conversations on, which are few: in the order of all messages SQLite would look for theirs among them. Each half has its index.
pub(super) const OF_THREAD: &str = "SELECT m.* FROM (
        SELECT id FROM conversations WHERE workspace_id = $1 AND channel_id = $2 AND thread = $3 AND status <> 'concluded'
        UNION ALL SELECT id FROM conversations WHERE workspace_id = $1 AND channel_id = $2 AND thread = $3 AND status = 'concluded'
     ) c CROSS JOIN messages m WHERE m.workspace_id = $1 AND m.conversation_id = c.id
       AND m.direction <> 'note' AND ($4 IS NULL OR m.id < $4) ORDER BY m.id DESC LIMIT $5";

impl Tx {
    pub async fn message(
        &mut self,
        workspace: WorkspaceId,
        id: MessageId,
    ) -> Result<Option<Message>> {
        const SQL: &str = "SELECT * FROM messages WHERE workspace_id = $1 AND id = $2";
        Ok(fetch!(fetch_optional, self, Message, SQL, workspace, id)?)
    }

    /// Newest first, before `before`, at most `limit`.
    pub async fn recent_messages(
        &mut self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        before: Option<MessageId>,
        limit: i64,
    ) -> Result<Vec<Message>> {
        const SQL: &str = "SELECT * FROM messages WHERE workspace_id = $1 AND conversation_id = $2 AND ($3 IS NULL OR id < $3)
                           ORDER BY id DESC LIMIT $4";
        Ok(fetch!(
            fetch_all,
            self,
            Message,
            SQL,
            workspace,
            conversation,
            before,
            limit
        )?)
    }

    /// Of all conversations of a thread, newest first, without notes, before `before`, at most `limit`.
    pub async fn thread_messages(
        &mut self,
        (workspace, channel): (WorkspaceId, ChannelId),
        thread: &str,
        before: Option<MessageId>,
        limit: i64,
    ) -> Result<Vec<Message>> {
        Ok(fetch!(
            fetch_all, self, Message, OF_THREAD, workspace, channel, thread, before, limit
        )?)
    }

    /// The channel's id of the contact's last message.
    pub async fn last_inbound(
        &mut self,
        workspace: WorkspaceId,
        conversation: ConversationId,
    ) -> Result<Option<String>> {
        const SQL: &str = "SELECT external_id FROM messages WHERE workspace_id = $1 AND conversation_id = $2 AND direction = 'in'
             AND external_id IS NOT NULL ORDER BY id DESC LIMIT 1";
        let found: Option<(String,)> =
            fetch!(fetch_optional, self, _, SQL, workspace, conversation)?;
        Ok(found.map(|(external,)| external))
    }

    /// Sets the business's reaction to a message; an empty emoji takes it back. The contact sees one reaction of the business, whoever gave it.
    pub async fn set_reaction(
        &mut self,
        scope: Scope<'_>,
        id: MessageId,
        actor: &Actor,
        emoji: &str,
    ) -> Result<Message> {
        let mut message = self
            .message(scope.workspace, id)
            .await?
            .ok_or(Error::NotFound("message"))?;
        let mut list: Vec<Value> = serde_json::from_str(&message.reactions).unwrap_or_default();
        list.retain(|it| it["by"] != "user");
        if !emoji.is_empty() {
            list.push(json!({"emoji": emoji, "by": "user", "id": actor.id}));
        }
        message.reactions = Value::Array(list).to_string();
        self.update_message(&message).await?;
        let conversation = self
            .conversation(scope.workspace, message.conversation_id)
            .await?;
        let event = NewEvent::new("message.changed")
            .in_conversation(
                message.conversation_id,
                conversation.and_then(|it| it.team_id),
            )
            .by(actor)
            .subject("message", id)
            .data(json!({"what": "reaction"}));
        self.append(scope, vec![event]).await?;
        Ok(message)
    }

    /// Replaces everything of a message that may change. 404 where it does not exist.
    pub(crate) async fn update_message(&mut self, message: &Message) -> Result<()> {
        const SQL: &str = "UPDATE messages SET text = $3, attachments = $4, extra = $5, external_id = $6, state = $7, reason = $8,
            reactions = $9, labels = $10, edited_at = $11, revoked_at = $12, kind = $13 WHERE workspace_id = $1 AND id = $2";
        let it = message;
        let touched = execute!(
            self,
            SQL,
            it.workspace_id,
            it.id,
            &it.text,
            &it.attachments,
            &it.extra,
            it.external_id.as_deref(),
            &it.state,
            it.reason.as_deref(),
            &it.reactions,
            &it.labels,
            it.edited_at,
            it.revoked_at,
            &it.kind
        )?;
        if touched == 0 {
            Err(Error::NotFound("message"))
        } else {
            Ok(())
        }
    }
}
