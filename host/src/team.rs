//! Teams and who is in them. Pure types; the rules of who sees and may do what are `balcao_runtime::rules`.

use balcao_runtime::rules;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Instant,
    id::{TeamId, UserId},
};

/// What a user is within one team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TeamRole {
    Agent,
    Supervisor,
}

impl TeamRole {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Supervisor => "supervisor",
        }
    }
}

impl TryFrom<String> for TeamRole {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "agent" => Ok(Self::Agent),
            "supervisor" => Ok(Self::Supervisor),
            _ => Err(format!("`{text}` is no role in a team")),
        }
    }
}

impl From<TeamRole> for rules::TeamRole {
    fn from(role: TeamRole) -> Self {
        match role {
            TeamRole::Agent => Self::Agent,
            TeamRole::Supervisor => Self::Supervisor,
        }
    }
}

/// A team's name and id.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, sqlx::FromRow)]
pub struct Team {
    pub id: TeamId,
    pub name: String,
    pub created_at: Instant,
}

/// Somebody in a team. In lists: in order of the users' creation (FEATURES C2).
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, sqlx::FromRow)]
pub struct Member {
    pub team_id: TeamId,
    pub user_id: UserId,
    pub name: String,
    #[sqlx(try_from = "String")]
    pub role: TeamRole,
    pub available: bool,
    /// Deactivated users keep their place but do not serve.
    pub active: bool,
    /// When the user was created.
    pub created_at: Instant,
}

/// A team that a user is in.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, sqlx::FromRow)]
pub struct Membership {
    pub team_id: TeamId,
    pub name: String,
    #[sqlx(try_from = "String")]
    pub role: TeamRole,
}
