//! Conversations as they are stored, and the lists of them that people see. Changes of their routing are `routing.rs`.

use balcao_runtime::rules::{Conclusion, Offer, Person, Routed, Status, TeamRole};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::rows::OverRows;
use super::search::{Asked, found};
use super::{Tx, fetch};
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::id::{ChannelId, ContactId, ConversationId, FileId, TeamId, UserId, WorkspaceId};

#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize, Deserialize)]
pub struct Conversation {
    pub workspace_id: WorkspaceId,
    pub id: ConversationId,
    pub channel_id: ChannelId,
    pub contact_id: ContactId,
    /// The channel's name for it: the person's external id, a group's, a visitor's session.
    pub thread: String,
    /// The external id to which answers go.
    pub recipient: String,
    pub team_id: Option<TeamId>,
    /// `queued` · `in_progress` · `concluded`.
    pub status: String,
    pub agent_id: Option<UserId>,
    pub offer_agent: Option<UserId>,
    pub offer_since: Option<Instant>,
    pub offer_deadline: Option<Instant>,
    /// The plugin that made the offer.
    pub offer_by: Option<String>,
    /// A new conversation is seen by nobody until then, so that a plugin can offer it first.
    pub hold_until: Option<Instant>,
    pub version: i64,
    pub concluded_by: Option<UserId>,
    pub concluded_at: Option<Instant>,
    pub summary: String,
    #[serde(deserialize_with = "super::rows::flag")]
    pub archive_immediately: bool,
    pub queued_at: Instant,
    pub started_at: Option<Instant>,
    pub last_message_at: Instant,
    pub last_inbound_at: Option<Instant>,
    /// JSON `{"text","kind","direction"}` of the last message.
    pub preview: Option<String>,
    pub unread: i64,
    /// JSON array of strings.
    pub labels: String,
    pub created_at: Instant,
    /// When its contact was last told that it is closed: not again before it has been open (FEATURES E2).
    pub closed_reply_at: Option<Instant>,
}

impl Conversation {
    /// What the rules look at.
    ///
    /// # Errors
    /// Internal: a status that no version of this program wrote.
    pub fn routed(&self) -> Result<Routed> {
        let status = Status::parse(&self.status).ok_or_else(|| {
            Error::Internal(anyhow::anyhow!(
                "{} has the status {}",
                self.id,
                self.status
            ))
        })?;
        let conclusion = self
            .concluded_at
            .filter(|_| status == Status::Concluded)
            .map(|at| Conclusion {
                by: self.concluded_by.map(|id| id.to_string()),
                at,
                summary: self.summary.clone(),
                archive_immediately: self.archive_immediately,
            });
        Ok(Routed {
            version: self.version,
            status,
            team: self.team_id.map(|id| id.to_string()),
            agent: self.agent_id.map(|id| id.to_string()),
            offer: self.offer_agent.map(|agent| Offer {
                agent: agent.to_string(),
                since: self.offer_since.unwrap_or(self.queued_at),
                deadline: self.offer_deadline,
                by: self.offer_by.clone().unwrap_or_default(),
            }),
            conclusion,
        })
    }
}

/// A conversation with the names that are shown with it.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, serde::Deserialize)]
pub struct Listed {
    #[sqlx(flatten)]
    #[serde(flatten)]
    pub conversation: Conversation,
    pub contact_name: String,
    /// The contact's first phone number or other address.
    pub contact_address: Option<String>,
    /// How far the newest message got, notes left out.
    pub last_state: Option<String>,
    /// The picture that is shown of them: the channel's own before any other.
    pub contact_picture: Option<FileId>,
    pub channel_name: String,
    pub plugin_id: String,
    /// JSON, as the channel describes itself.
    pub capabilities: Option<String>,
    /// Bytes of the channel's largest file, where an administrator has set that.
    pub max_file_bytes: Option<i64>,
    pub team_name: Option<String>,
    pub agent_name: Option<String>,
    pub offer_agent_name: Option<String>,
    pub concluded_by_name: Option<String>,
}

/// The four folders (FEATURES A1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folder {
    Queued,
    Mine,
    Others,
    Concluded,
}

/// What of a folder is asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub channel: Option<ChannelId>,
    pub team: Option<TeamId>,
    pub agent: Option<UserId>,
    pub unread: bool,
    /// Words of a message or of the contact's name or address, the last one perhaps unfinished; or part of a phone number. Empty: all.
    pub q: String,
    /// The last one of the page before: its `last_message_at` and id.
    pub after: Option<(Instant, ConversationId)>,
    pub limit: i64,
}

macro_rules! listed {
    ($where:expr) => {
        concat!(
            "SELECT c.*, ct.name AS contact_name, ch.name AS channel_name, ch.plugin_id, ch.capabilities, ch.max_file_bytes, t.name AS team_name,
                    ag.name AS agent_name, og.name AS offer_agent_name, cb.name AS concluded_by_name,
                    COALESCE((SELECT MIN(a.value) FROM contact_addresses a
                               WHERE a.workspace_id = c.workspace_id AND a.contact_id = c.contact_id AND a.kind = 'phone'),
                             (SELECT MIN(a.value) FROM contact_addresses a
                               WHERE a.workspace_id = c.workspace_id AND a.contact_id = c.contact_id), c.recipient) AS contact_address,
                    (SELECT m.state FROM messages m WHERE m.workspace_id = c.workspace_id AND m.conversation_id = c.id AND m.direction <> 'note'
                      ORDER BY m.id DESC LIMIT 1) AS last_state,
                    COALESCE((SELECT MIN(p.file_id) FROM identities i
                       JOIN portraits p ON p.workspace_id = i.workspace_id AND p.channel_id = i.channel_id AND p.external_id = i.external_id
                      WHERE i.workspace_id = c.workspace_id AND i.contact_id = c.contact_id AND i.channel_id = c.channel_id),
                             (SELECT MIN(p.file_id) FROM identities i
                       JOIN portraits p ON p.workspace_id = i.workspace_id AND p.channel_id = i.channel_id AND p.external_id = i.external_id
                      WHERE i.workspace_id = c.workspace_id AND i.contact_id = c.contact_id)) AS contact_picture
               FROM conversations c
               JOIN contacts ct ON ct.workspace_id = c.workspace_id AND ct.id = c.contact_id
               JOIN channels ch ON ch.workspace_id = c.workspace_id AND ch.id = c.channel_id
               LEFT JOIN teams t ON t.workspace_id = c.workspace_id AND t.id = c.team_id
               LEFT JOIN users ag ON ag.workspace_id = c.workspace_id AND ag.id = c.agent_id
               LEFT JOIN users og ON og.workspace_id = c.workspace_id AND og.id = c.offer_agent
               LEFT JOIN users cb ON cb.workspace_id = c.workspace_id AND cb.id = c.concluded_by
              WHERE c.workspace_id = $1 AND ",
            $where
        )
    };
}

// $2 user · $3 admin · $4 teams of which a member · $5 teams that they supervise, each list as `,id,id,`.
macro_rules! member {
    () => {
        "($3 OR c.team_id IS NULL OR $4 LIKE '%,' || c.team_id || ',%')"
    };
}

macro_rules! supervised {
    () => {
        "($3 OR $5 LIKE '%,' || c.team_id || ',%')"
    };
}

macro_rules! folder {
    ($which:expr, $found:expr) => {
        listed!(concat!(
            $which,
            " AND ($6 IS NULL OR c.channel_id = $6) AND ($7 IS NULL OR c.team_id = $7)
              AND ($8 IS NULL OR c.agent_id = $8 OR c.offer_agent = $8) AND (NOT $9 OR c.unread > 0)
              AND (CAST($10 AS TEXT) = '' OR ",
            $found,
            " OR ($14 <> '' AND (c.recipient LIKE $14
                   OR EXISTS (SELECT 1 FROM contact_addresses a WHERE a.workspace_id = c.workspace_id AND a.contact_id = c.contact_id
                                 AND a.value LIKE $14))))
              AND ($11 IS NULL OR (c.last_message_at, c.id) < ($11, $12))
            ORDER BY c.last_message_at DESC, c.id DESC LIMIT $13"
        ))
    };
    ($which:expr) => {
        OverRows {
            sqlite: folder!($which, found!(sqlite)),
            postgres: folder!($which, found!(postgres)),
        }
    };
}

const QUEUED: OverRows = folder!(concat!(
    "c.status = 'queued' AND c.hold_until IS NULL AND (c.offer_agent = $2 OR (c.offer_agent IS NULL AND ",
    member!(),
    "))"
));
const MINE: OverRows = folder!("c.status = 'in_progress' AND c.agent_id = $2");
const OTHERS: OverRows = folder!(concat!(
    "((c.status = 'in_progress' AND (c.agent_id IS NULL OR c.agent_id <> $2))
       OR (c.status = 'queued' AND c.hold_until IS NULL AND c.offer_agent <> $2)) AND ",
    supervised!()
));
const CONCLUDED: OverRows = folder!(concat!("c.status = 'concluded' AND ", member!()));

impl Tx {
    pub async fn conversation(
        &mut self,
        workspace: WorkspaceId,
        id: ConversationId,
    ) -> Result<Option<Conversation>> {
        const SQL: &str = "SELECT * FROM conversations WHERE workspace_id = $1 AND id = $2";
        Ok(fetch!(
            fetch_optional,
            self,
            Conversation,
            SQL,
            workspace,
            id
        )?)
    }

    /// The one of a thread that is not concluded.
    pub async fn open_conversation(
        &mut self,
        workspace: WorkspaceId,
        channel: ChannelId,
        thread: &str,
    ) -> Result<Option<Conversation>> {
        const SQL: &str = "SELECT * FROM conversations WHERE workspace_id = $1 AND channel_id = $2 AND thread = $3 AND status <> 'concluded'";
        Ok(fetch!(
            fetch_optional,
            self,
            Conversation,
            SQL,
            workspace,
            channel,
            thread
        )?)
    }

    /// With the names shown with it. Whether the person may see it is `rules::sees`.
    pub async fn listed(
        &mut self,
        workspace: WorkspaceId,
        id: ConversationId,
    ) -> Result<Option<Listed>> {
        const SQL: &str = listed!("c.id = $2");
        Ok(fetch!(fetch_optional, self, Listed, SQL, workspace, id)?)
    }

    /// A page of one of the person's folders, newest activity first. Shows what `rules::sees` allows and no more: a conversation
    /// that is still held appears in none (FEATURES A1, A2, C4, E3).
    pub async fn folder(
        &mut self,
        workspace: WorkspaceId,
        person: &Person,
        folder: Folder,
        filter: &Filter,
    ) -> Result<Vec<Listed>> {
        let sql = match folder {
            Folder::Queued => QUEUED,
            Folder::Mine => MINE,
            Folder::Others => OTHERS,
            Folder::Concluded => CONCLUDED,
        };
        let members = team_list(person, |_| true);
        let supervised = team_list(person, |role| role == TeamRole::Supervisor);
        let (at, id) = filter.after.unzip();
        let (query, address) = match Asked::of(&filter.q, workspace, self) {
            Asked::All => Default::default(),
            Asked::Nothing => return Ok(Vec::new()),
            Asked::Words { query, address } => (query, address),
        };
        let sql = sql.on(self);
        Ok(fetch!(
            fetch_all,
            self,
            Listed,
            sql,
            workspace,
            &person.id,
            person.admin,
            &members,
            &supervised,
            filter.channel,
            filter.team,
            filter.agent,
            filter.unread,
            &query,
            at,
            id,
            filter.limit,
            &address
        )?)
    }

    /// The queued conversations of a team that everybody could start, oldest first, after `after`.
    pub async fn queue_of_team(
        &mut self,
        workspace: WorkspaceId,
        team: TeamId,
        after: Option<ConversationId>,
        limit: i64,
    ) -> Result<Vec<Conversation>> {
        const SQL: &str = "SELECT c.* FROM conversations c WHERE c.workspace_id = $1 AND c.status = 'queued' AND c.team_id = $2
            AND ($3 IS NULL OR (c.queued_at, c.id) > (SELECT p.queued_at, p.id FROM conversations p
                                                       WHERE p.workspace_id = $1 AND p.id = $3))
            ORDER BY c.queued_at, c.id LIMIT $4";
        Ok(fetch!(
            fetch_all,
            self,
            Conversation,
            SQL,
            workspace,
            team,
            after,
            limit
        )?)
    }

    pub async fn conversations_of_contact(
        &mut self,
        workspace: WorkspaceId,
        contact: ContactId,
    ) -> Result<Vec<Conversation>> {
        const SQL: &str = "SELECT * FROM conversations WHERE workspace_id = $1 AND contact_id = $2 ORDER BY id DESC LIMIT 200";
        Ok(fetch!(
            fetch_all,
            self,
            Conversation,
            SQL,
            workspace,
            contact
        )?)
    }
}

/// `,id,id,`: searched by `LIKE`, for there is no list parameter that both databases know.
fn team_list(person: &Person, which: impl Fn(TeamRole) -> bool) -> String {
    let ids: Vec<&str> = person
        .teams
        .iter()
        .filter(|(_, role)| which(**role))
        .map(|(id, _)| id.as_str())
        .collect();
    format!(",{},", ids.join(","))
}
