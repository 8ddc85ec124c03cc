//! Teams and their members, as stored.

use std::collections::BTreeMap;

use super::{Tx, execute, fetch};
use crate::{
    clock::Instant,
    error::Result,
    id::{TeamId, UserId, WorkspaceId},
    settings::Settings,
    team::{Member, Membership, Team, TeamRole},
};

const ALL: &str = "SELECT id, name, created_at FROM teams WHERE workspace_id = $1 ORDER BY id";
const BY_ID: &str = "SELECT id, name, created_at FROM teams WHERE workspace_id = $1 AND id = $2";
const INSERT: &str = "INSERT INTO teams (workspace_id, id, name, settings, created_at) VALUES ($1, $2, $3, '{}', $4)";
const RENAME: &str = "UPDATE teams SET name = $3 WHERE workspace_id = $1 AND id = $2";

const SETTINGS: &str = "SELECT settings FROM teams WHERE workspace_id = $1 AND id = $2";
const SET_SETTINGS: &str = "UPDATE teams SET settings = $3 WHERE workspace_id = $1 AND id = $2";

const MEMBERS: &str =
    "SELECT m.team_id, m.user_id, u.name, m.role, u.available, u.active, u.created_at
     FROM team_members m JOIN users u ON u.workspace_id = m.workspace_id AND u.id = m.user_id
     WHERE m.workspace_id = $1
     ORDER BY m.team_id, u.created_at, u.id";

const TEAMS_OF: &str = "SELECT m.team_id, t.name, m.role
     FROM team_members m JOIN teams t ON t.workspace_id = m.workspace_id AND t.id = m.team_id
     WHERE m.workspace_id = $1 AND m.user_id = $2
     ORDER BY m.team_id";

const PUT_MEMBER: &str = "INSERT INTO team_members (workspace_id, team_id, user_id, role, created_at) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (workspace_id, team_id, user_id) DO UPDATE SET role = excluded.role";

const REMOVE_MEMBER: &str =
    "DELETE FROM team_members WHERE workspace_id = $1 AND team_id = $2 AND user_id = $3";

impl Tx {
    pub async fn teams(&mut self, workspace: WorkspaceId) -> Result<Vec<Team>> {
        Ok(fetch!(fetch_all, self, Team, ALL, workspace)?)
    }

    pub async fn team(&mut self, workspace: WorkspaceId, id: TeamId) -> Result<Option<Team>> {
        Ok(fetch!(fetch_optional, self, Team, BY_ID, workspace, id)?)
    }

    pub async fn insert_team(&mut self, workspace: WorkspaceId, team: &Team) -> Result<()> {
        execute!(
            self,
            INSERT,
            workspace,
            team.id,
            team.name.as_str(),
            team.created_at
        )?;
        Ok(())
    }

    /// Whether there was such a team.
    pub async fn rename_team(
        &mut self,
        workspace: WorkspaceId,
        id: TeamId,
        name: &str,
    ) -> Result<bool> {
        Ok(execute!(self, RENAME, workspace, id, name)? > 0)
    }

    /// What an app has set for this team alone; none where there is nothing, or no such team.
    pub async fn team_settings(
        &mut self,
        workspace: WorkspaceId,
        id: TeamId,
        plugin: &str,
    ) -> Result<Option<Settings>> {
        let all = self.all_team_settings(workspace, id).await?;
        Ok(all.and_then(|mut all| all.remove(plugin)))
    }

    /// Keeps what an app has set for this team alone. Whether there was such a team.
    pub async fn set_team_settings(
        &mut self,
        workspace: WorkspaceId,
        id: TeamId,
        plugin: &str,
        own: Settings,
    ) -> Result<bool> {
        let Some(mut all) = self.all_team_settings(workspace, id).await? else {
            return Ok(false);
        };
        if own.is_empty() {
            all.remove(plugin);
        } else {
            all.insert(plugin.to_owned(), own);
        }
        let text = serde_json::to_string(&all)?;
        Ok(execute!(self, SET_SETTINGS, workspace, id, text.as_str())? > 0)
    }

    async fn all_team_settings(
        &mut self,
        workspace: WorkspaceId,
        id: TeamId,
    ) -> Result<Option<BTreeMap<String, Settings>>> {
        let row = fetch!(fetch_optional, self, (String,), SETTINGS, workspace, id)?;
        Ok(row.map(|(text,)| serde_json::from_str(&text)).transpose()?)
    }

    /// The members of all teams: by team, then in order of the users' creation.
    pub async fn team_members(&mut self, workspace: WorkspaceId) -> Result<Vec<Member>> {
        Ok(fetch!(fetch_all, self, Member, MEMBERS, workspace)?)
    }

    pub async fn teams_of(
        &mut self,
        workspace: WorkspaceId,
        user: UserId,
    ) -> Result<Vec<Membership>> {
        Ok(fetch!(
            fetch_all, self, Membership, TEAMS_OF, workspace, user
        )?)
    }

    /// Adds a member, or gives one another role.
    pub async fn put_member(
        &mut self,
        workspace: WorkspaceId,
        (team, user): (TeamId, UserId),
        role: TeamRole,
        now: Instant,
    ) -> Result<()> {
        execute!(self, PUT_MEMBER, workspace, team, user, role.as_str(), now)?;
        Ok(())
    }

    /// Whether there was such a member.
    pub async fn remove_member(
        &mut self,
        workspace: WorkspaceId,
        team: TeamId,
        user: UserId,
    ) -> Result<bool> {
        Ok(execute!(self, REMOVE_MEMBER, workspace, team, user)? > 0)
    }
}
