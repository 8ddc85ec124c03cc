//! What ingest reads and writes, one statement per table for a whole batch. Decides nothing: that is `crate::ingest`.
//!
//! On SQLite the order of a join is fixed with `CROSS JOIN`, the given rows first: left to itself the planner was seen to scan tables.

use balcao_runtime::effect::Inbox;
use balcao_runtime::wit::inbox::Person;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::contacts::{Address, Contact, Identity};
use super::conversations::Conversation;
use super::messages::Message;
use super::rows::{OverRows, over_rows};
use super::{Driver, Tx, execute};
use crate::clock::Instant;
use crate::error::Result;
use crate::id::{
    ChannelId, ContactId, ConversationId, LogId, MessageId, PendingId, SendId, TeamId, UserId,
    WorkspaceId,
};

/// A key within a channel: an event key, an external id or a thread.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, FromRow)]
pub struct InChannel {
    #[serde(rename(serialize = "w", deserialize = "workspace_id"))]
    #[sqlx(rename = "workspace_id")]
    pub workspace: WorkspaceId,
    #[serde(rename(serialize = "c", deserialize = "channel_id"))]
    #[sqlx(rename = "channel_id")]
    pub channel: ChannelId,
    #[serde(rename(serialize = "k", deserialize = "name"))]
    #[sqlx(rename = "name")]
    pub name: String,
}

/// What ingest knows of a channel.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize, Deserialize)]
pub struct Channel {
    pub workspace_id: WorkspaceId,
    pub id: ChannelId,
    pub team_id: Option<TeamId>,
    pub health_state: String,
    pub health_message: String,
    /// Its business hours, as JSON.
    pub hours: Option<String>,
    /// The workspace's: how its people speak to contacts.
    pub locale: String,
}

/// The contact behind an identity.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Deserialize)]
pub struct Known {
    #[sqlx(flatten)]
    #[serde(flatten)]
    pub identity: Identity,
    pub contact_name: String,
    pub blocked: bool,
    pub automatic_messages_blocked: bool,
}

/// Something that came before its message: an `effect::Inbox` as JSON.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize, Deserialize)]
pub struct Pending {
    pub workspace_id: WorkspaceId,
    pub channel_id: ChannelId,
    pub external_id: String,
    pub id: PendingId,
    pub state: String,
    pub expires_at: Instant,
}

impl Pending {
    /// What reads of a thread are kept by, for what was written before them and is told of later. No provider's id begins so.
    pub(crate) fn reads_of(thread: &str) -> String {
        format!("\u{1}{thread}")
    }

    /// What is told of a person or a thread is kept by, for messages of theirs that are told of later. No provider's id begins so.
    pub(crate) fn of_whom(name: &str) -> String {
        format!("\u{2}{name}")
    }

    /// Who the person or thread is from now on, where it says that.
    pub(crate) fn moved(&self) -> Option<Person> {
        match serde_json::from_str(&self.state) {
            Ok(Inbox::Identity { now, .. }) => Some(now),
            _ => None,
        }
    }

    /// Until when everything was read, where it says that.
    pub(crate) fn read_until(&self) -> Option<Instant> {
        match serde_json::from_str(&self.state) {
            Ok(Inbox::Read { until, .. }) => Some(until),
            _ => None,
        }
    }
}

/// Everything of a thread written until then was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadUntil {
    #[serde(rename = "w")]
    pub workspace: WorkspaceId,
    #[serde(rename = "cnv")]
    pub conversation: ConversationId,
    pub until: Instant,
}

/// A message that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewSend {
    pub workspace_id: WorkspaceId,
    pub message_id: MessageId,
    pub channel_id: ChannelId,
    pub conversation_id: ConversationId,
    pub id: SendId,
    pub next_at: Instant,
}

/// A line of a plugin's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogLine {
    pub workspace_id: WorkspaceId,
    pub plugin_id: String,
    pub id: LogId,
    pub at: Instant,
    pub level: String,
    pub message: String,
    pub call_key: String,
}

const CHANNELS: OverRows = over_rows!(
    "SELECT c.workspace_id, c.id, c.team_id, c.health_state, c.health_message, c.hours, w.locale FROM",
    "CROSS JOIN channels c CROSS JOIN workspaces w WHERE c.workspace_id = r.value ->> 'w' AND c.id = r.value ->> 'c' AND w.id = c.workspace_id"
);

const KEEP_KEYS: OverRows = OverRows {
    sqlite: "INSERT INTO inbound_events (workspace_id, channel_id, event_key, at)
     SELECT r.value ->> 'w', r.value ->> 'c', r.value ->> 'k', CAST(r.value ->> 'at' AS BIGINT) FROM jsonb_each($1) r
      WHERE true ON CONFLICT DO NOTHING",
    postgres: "INSERT INTO inbound_events (workspace_id, channel_id, event_key, at)
     SELECT r.value ->> 'w', r.value ->> 'c', r.value ->> 'k', CAST(r.value ->> 'at' AS BIGINT)
       FROM jsonb_array_elements(CAST($1 AS JSONB)) r (value)
     ON CONFLICT DO NOTHING RETURNING workspace_id, channel_id, event_key AS name",
};

const IDENTITIES: OverRows = over_rows!(
    "SELECT i.*, c.name AS contact_name, c.blocked, c.automatic_messages_blocked FROM",
    "CROSS JOIN identities i CROSS JOIN contacts c
      WHERE i.workspace_id = r.value ->> 'w' AND i.channel_id = r.value ->> 'c' AND i.external_id = r.value ->> 'k'
        AND c.workspace_id = i.workspace_id AND c.id = i.contact_id"
);

const ADDRESSES: OverRows = over_rows!(
    "SELECT a.* FROM",
    "CROSS JOIN contact_addresses a
      WHERE a.workspace_id = r.value ->> 'w' AND a.kind = r.value ->> 'kind' AND a.value = r.value ->> 'value'
      ORDER BY a.contact_id"
);

const CONTACTS: OverRows = over_rows!(
    "SELECT c.* FROM",
    "CROSS JOIN contacts c WHERE c.workspace_id = r.value ->> 'w' AND c.id = r.value ->> 'id'"
);

const OPEN: OverRows = over_rows!(
    "SELECT c.* FROM",
    "CROSS JOIN conversations c WHERE c.workspace_id = r.value ->> 'w' AND c.channel_id = r.value ->> 'c'
        AND c.thread = r.value ->> 'k' AND c.status <> 'concluded'"
);

/// The last one concluded of each thread.
const PAST: OverRows = over_rows!(
    "SELECT c.* FROM",
    "CROSS JOIN conversations c WHERE c.workspace_id = r.value ->> 'w' AND c.id =
        (SELECT p.id FROM conversations p WHERE p.workspace_id = r.value ->> 'w' AND p.channel_id = r.value ->> 'c'
            AND p.thread = r.value ->> 'k' AND p.status = 'concluded' ORDER BY p.concluded_at DESC LIMIT 1)"
);

const CONVERSATIONS: OverRows = over_rows!(
    "SELECT c.* FROM",
    "CROSS JOIN conversations c WHERE c.workspace_id = r.value ->> 'w' AND c.id = r.value ->> 'id'"
);

const MESSAGES: OverRows = over_rows!(
    "SELECT m.* FROM",
    "CROSS JOIN messages m WHERE m.workspace_id = r.value ->> 'w' AND m.channel_id = r.value ->> 'c' AND m.external_id = r.value ->> 'k'"
);

const MESSAGES_BY_ID: OverRows = over_rows!(
    "SELECT m.* FROM",
    "CROSS JOIN messages m WHERE m.workspace_id = r.value ->> 'w' AND m.id = r.value ->> 'k' AND m.channel_id = r.value ->> 'c'"
);

const PENDING: OverRows = over_rows!(
    "SELECT p.* FROM",
    "CROSS JOIN pending_states p WHERE p.workspace_id = r.value ->> 'w' AND p.channel_id = r.value ->> 'c'
        AND p.external_id = r.value ->> 'k' ORDER BY p.id"
);

const INSERT_CONTACTS: OverRows = over_rows!(
    "INSERT INTO contacts (workspace_id, id, name, labels, fields, blocked, automatic_messages_blocked, created_at)
     SELECT r.value ->> 'workspace_id', r.value ->> 'id', r.value ->> 'name', r.value ->> 'labels', r.value ->> 'fields',
            CAST(r.value ->> 'blocked' AS BOOLEAN), CAST(r.value ->> 'automatic_messages_blocked' AS BOOLEAN),
            CAST(r.value ->> 'created_at' AS BIGINT) FROM",
    ""
);

const PUT_IDENTITIES: OverRows = over_rows!(
    "INSERT INTO identities (workspace_id, channel_id, external_id, contact_id, name, avatar, extra, created_at)
     SELECT r.value ->> 'workspace_id', r.value ->> 'channel_id', r.value ->> 'external_id', r.value ->> 'contact_id',
            r.value ->> 'name', r.value ->> 'avatar', r.value ->> 'extra', CAST(r.value ->> 'created_at' AS BIGINT) FROM",
    "WHERE true ON CONFLICT (workspace_id, channel_id, external_id) DO UPDATE SET
        contact_id = excluded.contact_id, name = excluded.name, avatar = excluded.avatar, extra = excluded.extra"
);

const KEEP_ADDRESSES: OverRows = over_rows!(
    "INSERT INTO contact_addresses (workspace_id, contact_id, kind, value)
     SELECT r.value ->> 'workspace_id', r.value ->> 'contact_id', r.value ->> 'kind', r.value ->> 'value' FROM",
    "WHERE true ON CONFLICT DO NOTHING"
);

const INSERT_CONVERSATIONS: OverRows = over_rows!(
    "INSERT INTO conversations (workspace_id, id, channel_id, contact_id, thread, recipient, team_id, status, hold_until, version, summary,
        archive_immediately, queued_at, last_message_at, last_inbound_at, preview, unread, labels, created_at, closed_reply_at)
     SELECT r.value ->> 'workspace_id', r.value ->> 'id', r.value ->> 'channel_id', r.value ->> 'contact_id', r.value ->> 'thread',
            r.value ->> 'recipient', r.value ->> 'team_id', r.value ->> 'status', CAST(r.value ->> 'hold_until' AS BIGINT),
            CAST(r.value ->> 'version' AS BIGINT), r.value ->> 'summary', CAST(r.value ->> 'archive_immediately' AS BOOLEAN),
            CAST(r.value ->> 'queued_at' AS BIGINT), CAST(r.value ->> 'last_message_at' AS BIGINT),
            CAST(r.value ->> 'last_inbound_at' AS BIGINT), r.value ->> 'preview', CAST(r.value ->> 'unread' AS BIGINT),
            r.value ->> 'labels', CAST(r.value ->> 'created_at' AS BIGINT), CAST(r.value ->> 'closed_reply_at' AS BIGINT) FROM",
    ""
);

/// What a message changes of its conversation; its routing stays as it is.
const TOUCH_CONVERSATIONS: OverRows = over_rows!(
    "UPDATE conversations SET contact_id = r.value ->> 'contact', thread = r.value ->> 'thread', recipient = r.value ->> 'recipient',
            last_message_at = CAST(r.value ->> 'at' AS BIGINT), last_inbound_at = CAST(r.value ->> 'heard' AS BIGINT),
            preview = r.value ->> 'preview', unread = CAST(r.value ->> 'unread' AS BIGINT),
            closed_reply_at = CAST(r.value ->> 'told' AS BIGINT) FROM",
    "WHERE conversations.workspace_id = r.value ->> 'w' AND conversations.id = r.value ->> 'id'"
);

const INSERT_MESSAGES: OverRows = over_rows!(
    "INSERT INTO messages (workspace_id, id, conversation_id, channel_id, author, author_id, direction, at, kind, text, attachments, extra,
        external_id, reply_to_external, reply_to, state, reason, reactions, labels, edited_at, revoked_at, created_at)
     SELECT r.value ->> 'workspace_id', r.value ->> 'id', r.value ->> 'conversation_id', r.value ->> 'channel_id', r.value ->> 'author',
            r.value ->> 'author_id', r.value ->> 'direction', CAST(r.value ->> 'at' AS BIGINT), r.value ->> 'kind', r.value ->> 'text',
            r.value ->> 'attachments', r.value ->> 'extra', r.value ->> 'external_id', r.value ->> 'reply_to_external',
            r.value ->> 'reply_to', r.value ->> 'state', r.value ->> 'reason', r.value ->> 'reactions', r.value ->> 'labels',
            CAST(r.value ->> 'edited_at' AS BIGINT), CAST(r.value ->> 'revoked_at' AS BIGINT), CAST(r.value ->> 'created_at' AS BIGINT)
       FROM",
    ""
);

const UPDATE_MESSAGES: OverRows = over_rows!(
    "UPDATE messages SET kind = r.value ->> 'kind', text = r.value ->> 'text', attachments = r.value ->> 'attachments',
            extra = r.value ->> 'extra', external_id = r.value ->> 'external_id', state = r.value ->> 'state',
            reason = r.value ->> 'reason', reactions = r.value ->> 'reactions', edited_at = CAST(r.value ->> 'edited_at' AS BIGINT),
            revoked_at = CAST(r.value ->> 'revoked_at' AS BIGINT) FROM",
    "WHERE messages.workspace_id = r.value ->> 'workspace_id' AND messages.id = r.value ->> 'id'"
);

const READ_UNTIL: OverRows = over_rows!(
    "UPDATE messages SET state = 'read' FROM",
    "WHERE messages.workspace_id = r.value ->> 'w' AND messages.conversation_id = r.value ->> 'cnv' AND messages.direction = 'out'
        AND messages.state IN ('sent', 'delivered') AND messages.at <= CAST(r.value ->> 'until' AS BIGINT)
     RETURNING messages.workspace_id, messages.id, messages.conversation_id"
);

const KEEP_PENDING: OverRows = over_rows!(
    "INSERT INTO pending_states (workspace_id, channel_id, external_id, id, state, expires_at)
     SELECT r.value ->> 'workspace_id', r.value ->> 'channel_id', r.value ->> 'external_id', r.value ->> 'id', r.value ->> 'state',
            CAST(r.value ->> 'expires_at' AS BIGINT) FROM",
    ""
);

const DROP_PENDING: OverRows = OverRows {
    sqlite: "DELETE FROM pending_states WHERE (workspace_id, channel_id, external_id, id) IN
        (SELECT r.value ->> 'workspace_id', r.value ->> 'channel_id', r.value ->> 'external_id', r.value ->> 'id' FROM jsonb_each($1) r)",
    postgres: "DELETE FROM pending_states p USING jsonb_array_elements(CAST($1 AS JSONB)) r (value)
        WHERE p.workspace_id = r.value ->> 'workspace_id' AND p.channel_id = r.value ->> 'channel_id'
          AND p.external_id = r.value ->> 'external_id' AND p.id = r.value ->> 'id'",
};

const INSERT_SENDS: OverRows = over_rows!(
    "INSERT INTO sends (workspace_id, message_id, channel_id, conversation_id, id, state, attempts, next_at, lease, lease_until)
     SELECT r.value ->> 'workspace_id', r.value ->> 'message_id', r.value ->> 'channel_id', r.value ->> 'conversation_id', r.value ->> 'id',
            'queued', 0, CAST(r.value ->> 'next_at' AS BIGINT), 0, 0 FROM",
    ""
);

const FORGET_SENDS: OverRows = OverRows {
    sqlite: "DELETE FROM sends WHERE action = 'send' AND (workspace_id, message_id) IN
        (SELECT r.value ->> 'w', r.value ->> 'k' FROM jsonb_each($1) r)",
    postgres: "DELETE FROM sends s USING jsonb_array_elements(CAST($1 AS JSONB)) r (value)
        WHERE s.action = 'send' AND s.workspace_id = r.value ->> 'w' AND s.message_id = r.value ->> 'k'",
};

const INSERT_LOGS: OverRows = over_rows!(
    "INSERT INTO plugin_logs (workspace_id, plugin_id, id, at, level, message, call_key)
     SELECT r.value ->> 'workspace_id', r.value ->> 'plugin_id', r.value ->> 'id', CAST(r.value ->> 'at' AS BIGINT),
            r.value ->> 'level', r.value ->> 'message', r.value ->> 'call_key' FROM",
    ""
);

const PUT_HEALTH: OverRows = over_rows!(
    "UPDATE channels SET health_state = r.value ->> 'health_state', health_message = r.value ->> 'health_message', health_by = '' FROM",
    "WHERE channels.workspace_id = r.value ->> 'workspace_id' AND channels.id = r.value ->> 'id'"
);

const ACTIVE: OverRows = over_rows!(
    "SELECT u.id FROM",
    "CROSS JOIN users u WHERE u.workspace_id = r.value ->> 'w' AND u.id = r.value ->> 'id' AND u.active"
);

const RENAME_CONTACTS: OverRows = over_rows!(
    "UPDATE contacts SET name = r.value ->> 'name' FROM",
    "WHERE contacts.workspace_id = r.value ->> 'w' AND contacts.id = r.value ->> 'id'"
);

/// What `Tx::put_routed` writes of one. Nobody changed them meanwhile: the writer holds the workspace.
const REOPEN_CONVERSATIONS: OverRows = over_rows!(
    "UPDATE conversations SET status = r.value ->> 'status', team_id = r.value ->> 'team_id', agent_id = r.value ->> 'agent_id',
            offer_agent = r.value ->> 'offer_agent', offer_since = CAST(r.value ->> 'offer_since' AS BIGINT),
            offer_deadline = CAST(r.value ->> 'offer_deadline' AS BIGINT), offer_by = r.value ->> 'offer_by',
            hold_until = CAST(r.value ->> 'hold_until' AS BIGINT), version = CAST(r.value ->> 'version' AS BIGINT),
            concluded_by = r.value ->> 'concluded_by', concluded_at = CAST(r.value ->> 'concluded_at' AS BIGINT),
            summary = r.value ->> 'summary', archive_immediately = CAST(r.value ->> 'archive_immediately' AS BOOLEAN),
            queued_at = CAST(r.value ->> 'queued_at' AS BIGINT), started_at = CAST(r.value ->> 'started_at' AS BIGINT),
            unread = CAST(r.value ->> 'unread' AS BIGINT), labels = r.value ->> 'labels' FROM",
    "WHERE conversations.workspace_id = r.value ->> 'workspace_id' AND conversations.id = r.value ->> 'id'"
);

#[derive(Serialize)]
struct AddressKey<'a> {
    w: WorkspaceId,
    kind: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct Keyed<I> {
    w: WorkspaceId,
    id: I,
}

#[derive(Serialize)]
struct Touched<'a> {
    w: WorkspaceId,
    id: ConversationId,
    contact: ContactId,
    thread: &'a str,
    recipient: &'a str,
    at: Instant,
    heard: Option<Instant>,
    preview: Option<&'a str>,
    unread: i64,
    told: Option<Instant>,
}

impl<'a> Touched<'a> {
    fn of(it: &'a Conversation) -> Self {
        Self {
            w: it.workspace_id,
            id: it.id,
            contact: it.contact_id,
            thread: &it.thread,
            recipient: &it.recipient,
            at: it.last_message_at,
            heard: it.last_inbound_at,
            preview: it.preview.as_deref(),
            unread: it.unread,
            told: it.closed_reply_at,
        }
    }
}

fn keyed<I: Copy>(keys: &[(WorkspaceId, I)]) -> Vec<Keyed<I>> {
    keys.iter()
        .map(|(w, id)| Keyed { w: *w, id: *id })
        .collect()
}

impl Tx {
    pub(crate) async fn pending_states(&mut self, keys: &[InChannel]) -> Result<Vec<Pending>> {
        self.read_of(PENDING, keys).await
    }

    pub(crate) async fn drop_pending(&mut self, pending: &[Pending]) -> Result<()> {
        self.write_of(DROP_PENDING, pending).await
    }

    pub(crate) async fn ingest_channels(&mut self, keys: &[InChannel]) -> Result<Vec<Channel>> {
        self.read_of(CHANNELS, keys).await
    }

    /// Remembers the providers' events; gives those that were not known.
    pub(crate) async fn keep_event_keys(
        &mut self,
        keys: &[(InChannel, Instant)],
    ) -> Result<Vec<InChannel>> {
        #[derive(Serialize)]
        struct Row<'a> {
            #[serde(flatten)]
            key: &'a InChannel,
            at: Instant,
        }
        let rows: Vec<Row<'_>> = keys.iter().map(|(key, at)| Row { key, at: *at }).collect();
        // What SQLite returns goes through a table of its own for each row, so that it is asked what it changed.
        if let Driver::Direct(it) = &mut self.driver
            && !rows.is_empty()
        {
            let new = it.write_each(KEEP_KEYS.sqlite, &rows)?;
            return Ok(new.into_iter().map(|at| keys[at].0.clone()).collect());
        }
        self.read_of(KEEP_KEYS, &rows).await
    }

    pub(crate) async fn known_identities(&mut self, keys: &[InChannel]) -> Result<Vec<Known>> {
        self.read_of(IDENTITIES, keys).await
    }

    /// Addresses with any of these kinds and values, the oldest contact first.
    pub(crate) async fn known_addresses(
        &mut self,
        keys: &[(WorkspaceId, String, String)],
    ) -> Result<Vec<Address>> {
        let rows: Vec<AddressKey<'_>> = keys
            .iter()
            .map(|(w, kind, value)| AddressKey { w: *w, kind, value })
            .collect();
        self.read_of(ADDRESSES, &rows).await
    }

    pub(crate) async fn contacts_by_id(
        &mut self,
        keys: &[(WorkspaceId, ContactId)],
    ) -> Result<Vec<Contact>> {
        self.read_of(CONTACTS, &keyed(keys)).await
    }

    pub(crate) async fn open_conversations(
        &mut self,
        threads: &[InChannel],
    ) -> Result<Vec<Conversation>> {
        self.read_of(OPEN, threads).await
    }

    pub(crate) async fn past_conversations(
        &mut self,
        threads: &[InChannel],
    ) -> Result<Vec<Conversation>> {
        self.read_of(PAST, threads).await
    }

    pub(crate) async fn conversations_by_id(
        &mut self,
        keys: &[(WorkspaceId, ConversationId)],
    ) -> Result<Vec<Conversation>> {
        self.read_of(CONVERSATIONS, &keyed(keys)).await
    }

    pub(crate) async fn messages_by_external_id(
        &mut self,
        keys: &[InChannel],
    ) -> Result<Vec<Message>> {
        self.read_of(MESSAGES, keys).await
    }

    /// By our own ids, which some providers give back with a status.
    pub(crate) async fn messages_by_own_id(&mut self, keys: &[InChannel]) -> Result<Vec<Message>> {
        self.read_of(MESSAGES_BY_ID, keys).await
    }

    pub(crate) async fn insert_contacts(&mut self, contacts: &[Contact]) -> Result<()> {
        self.write_of(INSERT_CONTACTS, contacts).await
    }

    pub(crate) async fn put_identities(&mut self, identities: &[&Identity]) -> Result<()> {
        self.write_of(PUT_IDENTITIES, identities).await
    }

    pub(crate) async fn keep_addresses(&mut self, addresses: &[Address]) -> Result<()> {
        self.write_of(KEEP_ADDRESSES, addresses).await
    }

    pub(crate) async fn insert_conversations(
        &mut self,
        conversations: &[&Conversation],
    ) -> Result<()> {
        self.write_of(INSERT_CONVERSATIONS, conversations).await
    }

    pub(crate) async fn touch_conversations(
        &mut self,
        conversations: &[&Conversation],
    ) -> Result<()> {
        let rows: Vec<Touched<'_>> = conversations.iter().map(|it| Touched::of(it)).collect();
        self.write_of(TOUCH_CONVERSATIONS, &rows).await
    }

    pub(crate) async fn insert_messages(&mut self, messages: &[Message]) -> Result<()> {
        self.write_of(INSERT_MESSAGES, messages).await
    }

    pub(crate) async fn update_messages(&mut self, messages: &[&Message]) -> Result<()> {
        self.write_of(UPDATE_MESSAGES, messages).await
    }

    /// Gives the messages whose state moved on to `read`.
    pub(crate) async fn read_until(
        &mut self,
        reads: &[ReadUntil],
    ) -> Result<Vec<(WorkspaceId, MessageId, ConversationId)>> {
        self.read_of(READ_UNTIL, reads).await
    }

    pub(crate) async fn keep_pending(&mut self, pending: &[Pending]) -> Result<()> {
        self.write_of(KEEP_PENDING, pending).await
    }

    pub(crate) async fn insert_sends(&mut self, sends: &[NewSend]) -> Result<()> {
        self.write_of(INSERT_SENDS, sends).await
    }

    /// Takes messages out of the outbound queue: the channel has told what became of them.
    pub(crate) async fn forget_sends(&mut self, messages: &[InChannel]) -> Result<()> {
        self.write_of(FORGET_SENDS, messages).await
    }

    pub(crate) async fn put_health(&mut self, channels: &[&Channel]) -> Result<()> {
        self.write_of(PUT_HEALTH, channels).await
    }

    /// Who of them works here still.
    pub(crate) async fn still_active(
        &mut self,
        users: &[(WorkspaceId, UserId)],
    ) -> Result<Vec<UserId>> {
        let found: Vec<(UserId,)> = self.read_of(ACTIVE, &keyed(users)).await?;
        Ok(found.into_iter().map(|(id,)| id).collect())
    }

    pub(crate) async fn rename_contacts(
        &mut self,
        names: &[(WorkspaceId, ContactId, String)],
    ) -> Result<()> {
        #[derive(Serialize)]
        struct Row<'a> {
            w: WorkspaceId,
            id: ContactId,
            name: &'a str,
        }
        let rows: Vec<Row<'_>> = names
            .iter()
            .map(|(w, id, name)| Row {
                w: *w,
                id: *id,
                name,
            })
            .collect();
        self.write_of(RENAME_CONTACTS, &rows).await
    }

    /// Puts concluded conversations into the queue again.
    pub(crate) async fn reopen_conversations(
        &mut self,
        conversations: &[&Conversation],
    ) -> Result<()> {
        self.write_of(REOPEN_CONVERSATIONS, conversations).await
    }

    pub(crate) async fn insert_message(&mut self, message: &Message) -> Result<()> {
        self.write_of(INSERT_MESSAGES, std::slice::from_ref(message))
            .await
    }

    pub(crate) async fn insert_logs(&mut self, lines: &[LogLine]) -> Result<()> {
        self.write_of(INSERT_LOGS, lines).await
    }

    /// Forgets what waited too long for its message. Gives how many.
    pub async fn purge_pending(&mut self, now: Instant) -> Result<u64> {
        const SQL: &str = "DELETE FROM pending_states WHERE expires_at <= $1";
        Ok(execute!(self, SQL, now)?)
    }
}
