//! Changes of a conversation's routing, by a person, a plugin or the core: `rules` decides, this writes the new state, moves the
//! counters and records the event, all in one transaction.

use balcao_runtime::rules::{self, Change, Person, Routed, Status};
use serde_json::{Value, json};

use super::conversations::Conversation;
use super::counters::{Moves, Place};
use super::events::{Actor, NewEvent};
use super::rows::{OverRows, over_rows};
use super::{Scope, Tx, execute, fetch};
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::id::{ConversationId, TeamId, UserId, WorkspaceId};
use crate::reason::Reason;

/// Ended by one transaction, so that nobody else who writes waits long.
pub const EXPIRED_AT_ONCE: usize = 64;

const END_HOLDS: OverRows = over_rows!(
    "UPDATE conversations SET hold_until = NULL FROM",
    "WHERE conversations.workspace_id = r.value ->> 'workspace_id' AND conversations.id = r.value ->> 'id'"
);

/// Who asks for a change.
#[derive(Clone, Debug)]
pub struct By<'a> {
    pub actor: Actor,
    /// Whose rights apply; none where a plugin or the core acts in its own name.
    pub person: Option<&'a Person>,
}

// A thread has one conversation that is not concluded: this one. The others have their index.
pub(super) const HEAR_AGAIN: &str = "UPDATE conversations SET last_inbound_at = o.at FROM (SELECT MAX(last_inbound_at) AS at FROM conversations
        WHERE workspace_id = $1 AND channel_id = $3 AND thread = $4 AND status = 'concluded') o
        WHERE workspace_id = $1 AND id = $2 AND (last_inbound_at IS NULL OR last_inbound_at < o.at)";

impl Tx {
    /// Applies a change. `expected`: the version that the caller has seen.
    ///
    /// # Errors
    /// Not found; conflict (another version); denied, state or invalid as the rules say. Nothing was written then.
    pub async fn change_conversation(
        &mut self,
        scope: Scope<'_>,
        id: ConversationId,
        change: &Change,
        by: &By<'_>,
        expected: Option<i64>,
    ) -> Result<Conversation> {
        let before = self
            .conversation(scope.workspace, id)
            .await?
            .ok_or(Error::NotFound("conversation"))?;
        if expected.is_some_and(|version| version != before.version) {
            return Err(Reason::ConversationChanged.into());
        }
        let state = before.routed()?;
        if let Some(person) = by.person {
            rules::permits(person, &state, change)?;
        }
        let next = rules::apply(&state, change, scope.now)?;
        self.check_agent(scope.workspace, &next, change).await?;
        let after = self.settle(&before, next, change, scope.now).await?;
        self.put_routed(&before, &after).await?;
        if matches!(change, Change::Reopen) {
            self.hear_again(&after).await?;
        }
        let events = events_of(&before, &after, change, &by.actor);
        self.append(scope, events).await?;
        Ok(after)
    }

    /// The contact may have written in a later conversation of the thread: the channel's time for free answers is theirs (FEATURES A5).
    async fn hear_again(&mut self, it: &Conversation) -> Result<()> {
        execute!(
            self,
            HEAR_AGAIN,
            it.workspace_id,
            it.id,
            it.channel_id,
            &it.thread
        )?;
        Ok(())
    }

    /// The agent named exists, is active and serves the team.
    async fn check_agent(
        &mut self,
        workspace: WorkspaceId,
        next: &Routed,
        change: &Change,
    ) -> Result<()> {
        let (agent, offered) = match change {
            Change::Offer { agent, .. } => (agent, true),
            Change::Assign { agent }
            | Change::Transfer {
                agent: Some(agent), ..
            } => (agent, false),
            Change::Transfer { agent: None, .. } => return self.check_team(workspace, next).await,
            _ => return Ok(()),
        };
        self.check_team(workspace, next).await?;
        let id: UserId = agent.parse().map_err(|_| Reason::NoSuchAgent)?;
        let team = team_of(next)?;
        let (role, membership) = self
            .active_member(workspace, id, team)
            .await?
            .ok_or(Reason::NoSuchAgent)?;
        let serves = match membership.as_deref() {
            Some("agent") => true,
            Some(_) => !offered,
            None => !offered && (role == "admin" || team.is_none()),
        };
        if serves {
            Ok(())
        } else {
            Err(Reason::NotOfTheTeam.into())
        }
    }

    /// An active user's role in the workspace and in the team.
    pub(crate) async fn active_member(
        &mut self,
        workspace: WorkspaceId,
        user: UserId,
        team: Option<TeamId>,
    ) -> Result<Option<(String, Option<String>)>> {
        const SQL: &str = "SELECT u.role, m.role FROM users u LEFT JOIN team_members m
                ON m.workspace_id = u.workspace_id AND m.user_id = u.id AND m.team_id = $3
             WHERE u.workspace_id = $1 AND u.id = $2 AND u.active";
        Ok(fetch!(fetch_optional, self, _, SQL, workspace, user, team)?)
    }

    async fn check_team(&mut self, workspace: WorkspaceId, next: &Routed) -> Result<()> {
        const SQL: &str = "SELECT COUNT(*) FROM teams WHERE workspace_id = $1 AND id = $2";
        let Some(team) = team_of(next)? else {
            return Ok(());
        };
        let (found,): (i64,) = fetch!(fetch_one, self, _, SQL, workspace, team)?;
        if found == 0 {
            Err(Reason::NoSuchTeam.into())
        } else {
            Ok(())
        }
    }

    /// The row after the change.
    async fn settle(
        &mut self,
        before: &Conversation,
        next: Routed,
        change: &Change,
        now: Instant,
    ) -> Result<Conversation> {
        let mut after = before.clone();
        route(&mut after, &next)?;
        after.hold_until = None;
        if matches!(change, Change::Reopen)
            && let Some(agent) = after.agent_id
            && self
                .active_member(before.workspace_id, agent, None)
                .await?
                .is_none()
        {
            // Whoever concluded it has left: it is everybody's again.
            after.agent_id = None;
            after.status = Status::Queued.as_str().to_owned();
        }
        if after.status == "in_progress" && before.started_at.is_none() {
            after.started_at = Some(now);
        }
        if after.status == "queued"
            && (before.status != "queued" || before.team_id != after.team_id)
        {
            after.queued_at = now;
        }
        Ok(after)
    }

    /// Writes what may have changed by routing, and moves the counters.
    pub(crate) async fn put_routed(
        &mut self,
        before: &Conversation,
        after: &Conversation,
    ) -> Result<()> {
        const SQL: &str = "UPDATE conversations SET status = $4, team_id = $5, agent_id = $6, offer_agent = $7, offer_since = $8,
                offer_deadline = $9, offer_by = $10, hold_until = $11, version = $12, concluded_by = $13, concluded_at = $14,
                summary = $15, archive_immediately = $16, queued_at = $17, started_at = $18, unread = $19, labels = $20
             WHERE workspace_id = $1 AND id = $2 AND version = $3";
        let it = after;
        let touched = execute!(
            self,
            SQL,
            it.workspace_id,
            it.id,
            before.version,
            &it.status,
            it.team_id,
            it.agent_id,
            it.offer_agent,
            it.offer_since,
            it.offer_deadline,
            it.offer_by.as_deref(),
            it.hold_until,
            it.version,
            it.concluded_by,
            it.concluded_at,
            &it.summary,
            it.archive_immediately,
            it.queued_at,
            it.started_at,
            it.unread,
            &it.labels
        )
        .map_err(open_already)?;
        if touched == 0 {
            return Err(Reason::ConversationChanged.into());
        }
        let mut moves = Moves::default();
        moves.leave(Place::of(before));
        moves.enter(Place::of(after));
        self.count_moves(&moves).await
    }

    /// Somebody has seen it: nothing is unread.
    pub async fn mark_read(
        &mut self,
        scope: Scope<'_>,
        id: ConversationId,
        actor: &Actor,
    ) -> Result<Conversation> {
        let before = self
            .conversation(scope.workspace, id)
            .await?
            .ok_or(Error::NotFound("conversation"))?;
        if before.unread == 0 {
            return Ok(before);
        }
        let after = Conversation {
            unread: 0,
            ..before.clone()
        };
        self.put_routed(&before, &after).await?;
        let event = NewEvent::new("conversation.changed")
            .in_conversation(id, after.team_id)
            .by(actor);
        self.append(scope, vec![event]).await?;
        Ok(after)
    }

    /// Ends holds and offers that are over, by the core itself, so that no plugin can make a customer invisible (FEATURES C10). An offer
    /// is left `grace` microseconds more for the plugin to move it on. Gives how many, at most `EXPIRED_AT_ONCE`.
    pub async fn expire(&mut self, scope: Scope<'_>, grace: i64) -> Result<usize> {
        const SQL: &str =
            "SELECT * FROM conversations WHERE workspace_id = $1 AND status = 'queued'
             AND (hold_until <= $2 OR offer_deadline <= $3) ORDER BY id LIMIT $4";
        let over: Vec<Conversation> = fetch!(
            fetch_all,
            self,
            _,
            SQL,
            scope.workspace,
            scope.now,
            scope.now.saturating_sub(grace),
            i64::try_from(EXPIRED_AT_ONCE).unwrap_or(i64::MAX)
        )?;
        let count = over.len();
        let (offered, held): (Vec<_>, Vec<_>) =
            over.into_iter().partition(|it| it.offer_agent.is_some());
        for it in &offered {
            let by = By {
                actor: Actor::system(),
                person: None,
            };
            self.change_conversation(scope, it.id, &Change::Release, &by, None)
                .await?;
        }
        self.show(scope, held, &Actor::system()).await?;
        Ok(count)
    }

    /// Ends holds: the conversations are shown to whoever they are for. The core's own screens are told, no plugin.
    pub(crate) async fn show(
        &mut self,
        scope: Scope<'_>,
        held: Vec<Conversation>,
        actor: &Actor,
    ) -> Result<()> {
        self.write_of(END_HOLDS, &held).await?;
        let (mut moves, mut events) = (Moves::default(), Vec::new());
        for before in held {
            moves.leave(Place::of(&before));
            let after = Conversation {
                hold_until: None,
                ..before
            };
            moves.enter(Place::of(&after));
            events.push(
                NewEvent::new("conversation.changed")
                    .in_conversation(after.id, after.team_id)
                    .by(actor),
            );
        }
        self.count_moves(&moves).await?;
        self.append(scope, events).await?;
        Ok(())
    }

    /// The workspaces and plugins whose offers stand.
    pub async fn plugins_that_offer(&mut self) -> Result<Vec<(WorkspaceId, String)>> {
        const SQL: &str = "SELECT DISTINCT workspace_id, offer_by FROM conversations WHERE status = 'queued' AND offer_by IS NOT NULL";
        Ok(fetch!(fetch_all, self, _, SQL)?)
    }

    /// Ends every offer that a plugin has made: it was disabled, removed or switched off. Gives how many.
    pub async fn release_offers_of(&mut self, scope: Scope<'_>, plugin: &str) -> Result<usize> {
        // In order of the ids, as others take them; sorted here, since a database that is asked to walks the workspace in that order rather than the index.
        const SQL: &str = "SELECT * FROM conversations WHERE workspace_id = $1 AND status = 'queued' AND offer_by = $2";
        let mut offered: Vec<Conversation> =
            fetch!(fetch_all, self, _, SQL, scope.workspace, plugin)?;
        offered.sort_unstable_by_key(|it| it.id);
        for it in &offered {
            let by = By {
                actor: Actor::system(),
                person: None,
            };
            self.change_conversation(scope, it.id, &Change::Release, &by, None)
                .await?;
        }
        Ok(offered.len())
    }

    /// Ends every hold: nobody who could route is left. Gives how many.
    pub async fn end_holds(&mut self, scope: Scope<'_>) -> Result<usize> {
        const SQL: &str = "SELECT * FROM conversations WHERE workspace_id = $1 AND hold_until IS NOT NULL ORDER BY id";
        let held: Vec<Conversation> = fetch!(fetch_all, self, _, SQL, scope.workspace)?;
        let count = held.len();
        self.show(scope, held, &Actor::system()).await?;
        Ok(count)
    }

    /// Puts back into the queue what an agent serves, and ends what is offered to them: they were deactivated, or left the team (FEATURES E5). `team`:
    /// only of that one. Gives how many.
    pub async fn requeue_conversations_of(
        &mut self,
        scope: Scope<'_>,
        agent: UserId,
        team: Option<TeamId>,
        actor: &Actor,
    ) -> Result<usize> {
        const SQL: &str = "SELECT * FROM conversations WHERE workspace_id = $1 AND ($3 IS NULL OR team_id = $3)
             AND ((status = 'in_progress' AND agent_id = $2) OR (status = 'queued' AND offer_agent = $2)) ORDER BY id";
        let theirs: Vec<Conversation> =
            fetch!(fetch_all, self, _, SQL, scope.workspace, agent, team)?;
        for it in &theirs {
            let by = By {
                actor: actor.clone(),
                person: None,
            };
            let change = match (it.status.as_str(), it.team_id) {
                ("queued", _) => Change::Release,
                (_, Some(team)) => Change::Transfer {
                    team: team.to_string(),
                    agent: None,
                },
                (_, None) => {
                    self.requeue_without_team(scope, it, actor).await?;
                    continue;
                }
            };
            self.change_conversation(scope, it.id, &change, &by, None)
                .await?;
        }
        Ok(theirs.len())
    }

    /// Back to everybody: what no team owns cannot be transferred to one.
    async fn requeue_without_team(
        &mut self,
        scope: Scope<'_>,
        before: &Conversation,
        actor: &Actor,
    ) -> Result<()> {
        let after = Conversation {
            status: Status::Queued.as_str().to_owned(),
            agent_id: None,
            version: before.version + 1,
            queued_at: scope.now,
            ..before.clone()
        };
        self.put_routed(before, &after).await?;
        let event = NewEvent::new("conversation.queued")
            .in_conversation(after.id, None)
            .by(actor)
            .data(json!({"transferred": true, "from_agent": before.agent_id}));
        self.append(scope, vec![event]).await?;
        Ok(())
    }

    /// Workspaces in which a hold or an offer is over.
    pub async fn workspaces_with_expired(
        &mut self,
        now: Instant,
        grace: i64,
    ) -> Result<Vec<WorkspaceId>> {
        const SQL: &str = "SELECT workspace_id FROM conversations WHERE hold_until <= $1
             UNION SELECT workspace_id FROM conversations WHERE offer_deadline <= $2";
        let found: Vec<(WorkspaceId,)> =
            fetch!(fetch_all, self, _, SQL, now, now.saturating_sub(grace))?;
        Ok(found.into_iter().map(|(id,)| id).collect())
    }
}

fn team_of(next: &Routed) -> Result<Option<TeamId>> {
    next.team
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(|_| Reason::NoSuchTeam.into())
}

/// Two open conversations of one thread cannot be: reopening the older one is refused.
fn open_already(error: sqlx::Error) -> Error {
    match &error {
        sqlx::Error::Database(database) if database.is_unique_violation() => {
            Reason::AnotherIsOpen.into()
        }
        _ => error.into(),
    }
}

/// Lays the rules' state over the row.
pub(crate) fn route(row: &mut Conversation, next: &Routed) -> Result<()> {
    let user = |id: &String| id.parse::<UserId>().map_err(|_| Reason::NoSuchAgent);
    row.version = next.version;
    next.status.as_str().clone_into(&mut row.status);
    row.team_id = team_of(next)?;
    row.agent_id = next.agent.as_ref().map(user).transpose()?;
    row.offer_agent = next
        .offer
        .as_ref()
        .map(|offer| user(&offer.agent))
        .transpose()?;
    row.offer_since = next.offer.as_ref().map(|offer| offer.since);
    row.offer_deadline = next.offer.as_ref().and_then(|offer| offer.deadline);
    row.offer_by = next.offer.as_ref().map(|offer| offer.by.clone());
    let conclusion = next.conclusion.as_ref();
    row.concluded_by = conclusion
        .and_then(|it| it.by.as_ref())
        .map(user)
        .transpose()?;
    row.concluded_at = conclusion.map(|it| it.at);
    row.summary = conclusion.map(|it| it.summary.clone()).unwrap_or_default();
    row.archive_immediately = conclusion.is_some_and(|it| it.archive_immediately);
    Ok(())
}

/// What is told of a change. Ids only.
fn events_of(
    before: &Conversation,
    after: &Conversation,
    change: &Change,
    actor: &Actor,
) -> Vec<NewEvent> {
    let event = |kind: &'static str, data: Value| {
        NewEvent::new(kind)
            .in_conversation(after.id, after.team_id)
            .by(actor)
            .data(data)
    };
    match change {
        Change::Offer { .. } => {
            vec![event(
                "conversation.offered",
                json!({"agent": after.offer_agent, "deadline": after.offer_deadline}),
            )]
        }
        Change::Release => vec![event(
            "conversation.released",
            json!({"agent": before.offer_agent}),
        )],
        Change::Assign { .. } => {
            vec![event(
                "conversation.started",
                json!({"agent": after.agent_id, "from": before.agent_id}),
            )]
        }
        Change::Transfer { .. } => {
            let data = json!({"team": after.team_id, "agent": after.agent_id, "from_team": before.team_id, "from_agent": before.agent_id});
            let mut events = vec![event("conversation.transferred", data)];
            if after.status == "queued" {
                events.push(event("conversation.queued", json!({"transferred": true})));
            }
            events
        }
        Change::Conclude { .. } => {
            vec![event(
                "conversation.concluded",
                json!({"agent": after.agent_id, "from": before.status}),
            )]
        }
        Change::SetSummary { .. } => vec![event("conversation.changed", json!({}))],
        Change::Reopen => vec![event(
            "conversation.reopened",
            json!({"agent": after.agent_id}),
        )],
    }
}
