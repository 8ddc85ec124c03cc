//! What is seen in a conversation: its messages and what happened to it, in order of time.

use sqlx::FromRow;

use super::events::Event;
use super::messages::Message;
use super::{Tx, fetch};
use crate::error::Result;
use crate::id::{ConversationId, EventId, Id, MessageId, WorkspaceId};

/// A line of the timeline.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    Message(Box<Message>),
    Event(Box<Event>),
}

impl Entry {
    /// Where it stands: ids grow with time, whatever they are of.
    pub fn position(&self) -> uuid::Uuid {
        match self {
            Self::Message(message) => message.id.uuid(),
            Self::Event(event) => event.id.uuid(),
        }
    }
}

/// A page of a timeline, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    pub entries: Vec<Entry>,
    /// Where the older ones begin; none where there are none.
    pub older: Option<uuid::Uuid>,
}

/// A message that is answered, as it is shown in the answer.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, serde::Deserialize)]
pub struct Quoted {
    pub id: MessageId,
    pub author: String,
    pub author_id: Option<String>,
    pub kind: String,
    pub text: String,
    pub attachments: String,
    pub revoked_at: Option<i64>,
}

/// Which events a timeline shows, for as long as the conversation is there.
macro_rules! shown {
    () => {
        "subject_kind IS NULL AND kind IN ('conversation.queued', 'conversation.offered', 'conversation.released', 'conversation.started',
                  'conversation.transferred', 'conversation.concluded', 'conversation.reopened')"
    };
}

pub(super) use shown;

pub(super) const EVENTS: &str = concat!(
    "SELECT * FROM events WHERE workspace_id = $1 AND conversation_id = $2 AND ",
    shown!(),
    " AND ($3 IS NULL OR id < $3) ORDER BY seq DESC LIMIT $4"
);

impl Tx {
    /// The last `limit` entries before `before`, oldest first.
    pub async fn timeline(
        &mut self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        before: Option<uuid::Uuid>,
        limit: usize,
    ) -> Result<Page> {
        let count = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let messages = self
            .recent_messages(
                workspace,
                conversation,
                before.map(MessageId::from_uuid),
                count,
            )
            .await?;
        let events: Vec<Event> = fetch!(
            fetch_all,
            self,
            Event,
            EVENTS,
            workspace,
            conversation,
            before.map(EventId::from_uuid),
            count
        )?;
        let mut entries: Vec<Entry> = messages
            .into_iter()
            .map(|it| Entry::Message(Box::new(it)))
            .chain(events.into_iter().map(|it| Entry::Event(Box::new(it))))
            .collect();
        entries.sort_by_key(|it| std::cmp::Reverse(it.position()));
        let more = entries.len() > limit;
        entries.truncate(limit);
        let older = entries.last().filter(|_| more).map(Entry::position);
        entries.reverse();
        Ok(Page { entries, older })
    }

    /// The message that an answer names by the channel's id, which may have come after the answer.
    pub async fn answered(&mut self, answer: &Message) -> Result<Option<MessageId>> {
        const WHOLE: &str = "SELECT id FROM messages WHERE workspace_id = $1 AND channel_id = $2 AND external_id = $3";
        const PART: &str = "SELECT message_id FROM message_parts WHERE workspace_id = $1 AND channel_id = $2 AND external_id = $3";
        let Some(external) = answer.reply_to_external.as_deref() else {
            return Ok(None);
        };
        for sql in [WHOLE, PART] {
            let found: Option<(MessageId,)> = fetch!(
                fetch_optional,
                self,
                _,
                sql,
                answer.workspace_id,
                answer.channel_id,
                external
            )?;
            if let Some((id,)) = found {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    pub async fn quoted(
        &mut self,
        workspace: WorkspaceId,
        id: MessageId,
    ) -> Result<Option<Quoted>> {
        const SQL: &str = "SELECT id, author, author_id, kind, text, attachments, revoked_at FROM messages WHERE workspace_id = $1 AND id = $2";
        Ok(fetch!(fetch_optional, self, Quoted, SQL, workspace, id)?)
    }
}
