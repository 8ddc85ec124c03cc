//! How conversations stand, for deciding which screens a line of the event log may reach.

use balcao_runtime::rules::{Offer, Routed, Status};

use super::{Tx, fetch};
use crate::{
    clock::Instant,
    error::{Error, Result},
    id::{ConversationId, WorkspaceId},
};

const STANDING: &str = "SELECT version, status, team_id, agent_id, offer_agent, offer_since, offer_deadline, offer_by, hold_until
     FROM conversations WHERE workspace_id = $1 AND id = $2";

#[derive(sqlx::FromRow)]
struct Row {
    version: i64,
    status: String,
    team_id: Option<String>,
    agent_id: Option<String>,
    offer_agent: Option<String>,
    offer_since: Option<Instant>,
    offer_deadline: Option<Instant>,
    offer_by: Option<String>,
    hold_until: Option<Instant>,
}

/// A conversation's place: what `rules::sees` looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub routed: Routed,
    /// Until when a routing app may keep it to itself.
    pub held_until: Option<Instant>,
}

impl Tx {
    pub async fn standing(
        &mut self,
        workspace: WorkspaceId,
        id: ConversationId,
    ) -> Result<Option<Standing>> {
        let row: Option<Row> = fetch!(fetch_optional, self, Row, STANDING, workspace, id)?;
        row.map(Standing::try_from).transpose()
    }
}

impl TryFrom<Row> for Standing {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let status = Status::parse(&row.status).ok_or_else(|| {
            Error::Internal(anyhow::anyhow!(
                "a conversation has the status `{}`",
                row.status
            ))
        })?;
        let offer = row.offer_agent.map(|agent| Offer {
            agent,
            since: row.offer_since.unwrap_or_default(),
            deadline: row.offer_deadline,
            by: row.offer_by.unwrap_or_default(),
        });
        Ok(Self {
            held_until: row.hold_until,
            routed: Routed {
                version: row.version,
                status,
                team: row.team_id,
                agent: row.agent_id,
                offer,
                // Nothing that decides who sees it.
                conclusion: None,
            },
        })
    }
}
