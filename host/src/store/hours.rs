//! Business hours, as stored: with the team or channel whose they are. What they mean is `crate::hours`.

use balcao_runtime::{services::HoursOf, wit::teams};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::rows::{OverRows, over_rows};
use super::{Tx, execute, fetch};
use crate::clock::Instant;
use crate::error::Result;
use crate::hours::{Hours, Opening, Owner};
use crate::id::{ChannelId, TeamId, WorkspaceId};

const OF_TEAM: &str = "SELECT hours FROM teams WHERE workspace_id = $1 AND id = $2";
const OF_CHANNEL: &str = "SELECT hours FROM channels WHERE workspace_id = $1 AND id = $2";
const SET_OF_TEAM: &str = "UPDATE teams SET hours = $3 WHERE workspace_id = $1 AND id = $2";
const SET_OF_CHANNEL: &str = "UPDATE channels SET hours = $3 WHERE workspace_id = $1 AND id = $2";
const CHANNELS_TEAM: &str = "SELECT team_id FROM channels WHERE workspace_id = $1 AND id = $2";

const OF_TEAMS: OverRows = over_rows!(
    "SELECT t.id, t.name, t.hours FROM",
    "CROSS JOIN teams t WHERE t.workspace_id = r.value ->> 'w' AND t.id = r.value ->> 'id'"
);

/// A team's hours as they are stored, and whom they name.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Deserialize)]
pub(crate) struct OfTeam {
    pub id: TeamId,
    pub name: String,
    pub hours: Option<String>,
}

impl Tx {
    /// What is set for it, switched on or not. None: nothing, or there is no such team or channel.
    pub async fn hours(&mut self, workspace: WorkspaceId, of: Owner) -> Result<Option<Hours>> {
        Ok(self.stored_hours(workspace, of).await?.flatten())
    }

    /// Whether there was such a team or channel.
    pub async fn set_hours(
        &mut self,
        workspace: WorkspaceId,
        of: Owner,
        hours: &Hours,
    ) -> Result<bool> {
        let text = serde_json::to_string(hours)?;
        let touched = match of {
            Owner::Team(id) => execute!(self, SET_OF_TEAM, workspace, id, &text)?,
            Owner::Channel(id) => execute!(self, SET_OF_CHANNEL, workspace, id, &text)?,
        };
        Ok(touched > 0)
    }

    /// Those that count for a conversation there, and whose they are: its team's; where that has none, its channel's.
    pub async fn hours_that_count(
        &mut self,
        workspace: WorkspaceId,
        team: Option<TeamId>,
        channel: ChannelId,
    ) -> Result<Option<(Owner, Hours)>> {
        let owners = team
            .map(Owner::Team)
            .into_iter()
            .chain([Owner::Channel(channel)]);
        for owner in owners {
            let found = self.hours(workspace, owner).await?;
            if let Some(hours) = found.filter(|it| it.enabled) {
                return Ok(Some((owner, hours)));
            }
        }
        Ok(None)
    }

    /// What a plugin is told; none where there is no such team or channel.
    pub(crate) async fn plugin_hours(
        &mut self,
        workspace: WorkspaceId,
        of: &HoursOf,
        at: Instant,
    ) -> Result<Option<teams::Hours>> {
        let found = match of {
            HoursOf::Team(id) => {
                let Ok(id) = id.parse() else { return Ok(None) };
                let stored = self.stored_hours(workspace, Owner::Team(id)).await?;
                let Some(hours) = stored else { return Ok(None) };
                hours
            }
            HoursOf::Channel(id) => {
                let Ok(id) = id.parse() else { return Ok(None) };
                let row: Option<(Option<TeamId>,)> =
                    fetch!(fetch_optional, self, _, CHANNELS_TEAM, workspace, id)?;
                let Some((team,)) = row else { return Ok(None) };
                self.counting(workspace, team, id).await?
            }
            HoursOf::Conversation { team, channel } => {
                let Ok(channel) = channel.parse() else {
                    return Ok(None);
                };
                let team = team.as_ref().and_then(|id| id.parse().ok());
                self.counting(workspace, team, channel).await?
            }
        };
        let opening = found.map_or(Opening::ALWAYS, |hours| hours.at(at));
        Ok(Some(teams::Hours {
            open: opening.open,
            changes_at: opening.changes_at,
        }))
    }

    async fn counting(
        &mut self,
        workspace: WorkspaceId,
        team: Option<TeamId>,
        channel: ChannelId,
    ) -> Result<Option<Hours>> {
        let found = self.hours_that_count(workspace, team, channel).await?;
        Ok(found.map(|(_, hours)| hours))
    }

    /// None where there is no such team or channel.
    async fn stored_hours(
        &mut self,
        workspace: WorkspaceId,
        of: Owner,
    ) -> Result<Option<Option<Hours>>> {
        let row: Option<(Option<String>,)> = match of {
            Owner::Team(id) => fetch!(fetch_optional, self, _, OF_TEAM, workspace, id)?,
            Owner::Channel(id) => fetch!(fetch_optional, self, _, OF_CHANNEL, workspace, id)?,
        };
        let Some((text,)) = row else { return Ok(None) };
        let hours = text.map(|text| serde_json::from_str(&text)).transpose()?;
        Ok(Some(hours))
    }

    /// Of those teams.
    pub(crate) async fn hours_of_teams(
        &mut self,
        teams: &[(WorkspaceId, TeamId)],
    ) -> Result<Vec<OfTeam>> {
        #[derive(Serialize)]
        struct Row {
            w: WorkspaceId,
            id: TeamId,
        }
        let rows: Vec<Row> = teams.iter().map(|(w, id)| Row { w: *w, id: *id }).collect();
        self.read_of(OF_TEAMS, &rows).await
    }
}
