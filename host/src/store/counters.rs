//! How many conversations each folder holds: kept with every change, never counted when shown (FEATURES A1).

use std::collections::BTreeMap;

use balcao_runtime::rules::{Person, TeamRole};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::conversations::Conversation;
use super::rows::{OverRows, over_rows};
use super::{Tx, fetch};
use crate::error::Result;
use crate::id::WorkspaceId;

/// Where a conversation is counted. Team and agent are empty where there is none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub workspace: WorkspaceId,
    pub team: String,
    /// `held` (nobody sees it yet) · `queued` · `offered` · `in_progress` · `concluded`.
    pub folder: &'static str,
    pub agent: String,
}

impl Place {
    pub fn of(it: &Conversation) -> Self {
        let (folder, agent) = match it.status.as_str() {
            "concluded" => ("concluded", None),
            "in_progress" => ("in_progress", it.agent_id),
            _ if it.hold_until.is_some() => ("held", None),
            _ if it.offer_agent.is_some() => ("offered", it.offer_agent),
            _ => ("queued", None),
        };
        Self {
            workspace: it.workspace_id,
            team: it.team_id.map(|id| id.to_string()).unwrap_or_default(),
            folder,
            agent: agent.map(|id| id.to_string()).unwrap_or_default(),
        }
    }
}

/// Changes to be added to the counters at once.
#[derive(Debug, Default)]
pub struct Moves(BTreeMap<Place, i64>);

impl Moves {
    pub fn leave(&mut self, place: Place) {
        *self.0.entry(place).or_default() -= 1;
    }

    pub fn enter(&mut self, place: Place) {
        *self.0.entry(place).or_default() += 1;
    }
}

/// What a person's folders hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    pub queued: i64,
    pub mine: i64,
    /// None for who sees no others.
    pub others: Option<i64>,
    pub concluded: i64,
}

const ADD: OverRows = over_rows!(
    "INSERT INTO folder_counters (workspace_id, team_id, folder, agent_id, n)
     SELECT r.value ->> 'w', r.value ->> 't', r.value ->> 'f', r.value ->> 'a', CAST(r.value ->> 'n' AS BIGINT) FROM",
    "WHERE true ON CONFLICT (workspace_id, team_id, folder, agent_id) DO UPDATE SET n = folder_counters.n + excluded.n"
);

impl Tx {
    pub(crate) async fn count_moves(&mut self, moves: &Moves) -> Result<()> {
        let rows: Vec<Value> = moves
            .0
            .iter()
            .filter(|(_, n)| **n != 0)
            .map(|(at, n)| json!({"w": at.workspace, "t": at.team, "f": at.folder, "a": at.agent, "n": n}))
            .collect();
        self.write_of(ADD, &rows).await
    }

    /// The counters of a person's folders.
    pub async fn counters(&mut self, workspace: WorkspaceId, person: &Person) -> Result<Counters> {
        const SQL: &str = "SELECT team_id, folder, agent_id, n FROM folder_counters WHERE workspace_id = $1 AND n <> 0";
        let kept: Vec<(String, String, String, i64)> = fetch!(fetch_all, self, _, SQL, workspace)?;
        Ok(sum(person, &kept))
    }
}

/// Adds up what the person sees, by the same rule as `rules::sees`.
fn sum(person: &Person, kept: &[(String, String, String, i64)]) -> Counters {
    let others = person.admin
        || person
            .teams
            .values()
            .any(|role| *role == TeamRole::Supervisor);
    let mut counters = Counters {
        others: others.then_some(0),
        ..Counters::default()
    };
    for (team, folder, agent, n) in kept {
        let role = person.teams.get(team);
        let supervises = person.admin || role == Some(&TeamRole::Supervisor);
        let member = person.admin || role.is_some() || team.is_empty();
        let own = *agent == person.id;
        match folder.as_str() {
            "queued" if member => counters.queued += n,
            "offered" if own => counters.queued += n,
            "in_progress" if own => counters.mine += n,
            "offered" | "in_progress" if supervises => {
                counters.others = counters.others.map(|have| have + n)
            }
            "concluded" if member => counters.concluded += n,
            _ => {}
        }
    }
    counters
}
