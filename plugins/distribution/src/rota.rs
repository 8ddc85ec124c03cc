//! The rules of distribution: whose turn it is, until when an offer stands, and what comes after it (FEATURES C2–C6, C9).
//! Pure: knows the members, the settings and the time it is given, and calls no import.

use balcao_plugin::Instant;
use balcao_plugin::app::seconds;
use serde::{Deserialize, Serialize};

/// What the admin has set; the bounds are those of FEATURES C5.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub teams: Vec<String>,
    pub overflow: bool,
    pub limit_minutes: u32,
    pub maximum_minutes: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            teams: Vec::new(),
            overflow: true,
            limit_minutes: 10,
            maximum_minutes: 60,
        }
    }
}

impl Settings {
    pub fn serves(&self, team: &str) -> bool {
        self.teams.iter().any(|it| it == team)
    }

    /// How long one agent has, in microseconds.
    fn limit(&self) -> Instant {
        seconds(self.limit_minutes.clamp(10, 60) * 60)
    }

    /// How long a conversation goes round before the whole team sees it, in microseconds; never less than the limit.
    fn maximum(&self) -> Instant {
        self.limit()
            .max(seconds(self.maximum_minutes.clamp(10, 120) * 60))
    }

    /// When a conversation that goes round since `started` is shown to the whole team; none where it never goes on.
    pub fn end(&self, started: Instant) -> Option<Instant> {
        self.overflow
            .then(|| started.saturating_add(self.maximum()))
    }
}

/// A user's place in the fixed order: by creation, then by id. Kept as the cursor, so that it holds its place even where its user has left.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Seat {
    pub created_at: Instant,
    pub user: String,
}

/// An agent of a team.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Agent {
    pub seat: Seat,
    pub name: String,
    pub available: bool,
}

/// A team's agents in their order. Who is only a supervisor is not among them (C3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rota(Vec<Agent>);

impl Rota {
    pub fn new(agents: impl IntoIterator<Item = Agent>) -> Self {
        let mut agents: Vec<Agent> = agents.into_iter().collect();
        agents.sort();
        Self(agents)
    }

    pub fn agents(&self) -> &[Agent] {
        &self.0
    }

    /// The next available agent after that seat, round the end; from the first one where there is none. It is the same agent
    /// again where nobody else is available.
    pub fn after(&self, seat: Option<&Seat>) -> Option<&Agent> {
        let split = seat.map_or(0, |seat| self.0.partition_point(|it| it.seat <= *seat));
        let (before, after) = self.0.split_at(split);
        after.iter().chain(before).find(|agent| agent.available)
    }

    /// The agent with that id, who can be offered something.
    fn available(&self, user: &str) -> bool {
        self.0
            .iter()
            .any(|agent| agent.seat.user == user && agent.available)
    }
}

/// What is remembered of an offer made: by it the plugin knows its own offer again, and an offer that is no longer there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    pub holder: Seat,
    pub deadline: Option<Instant>,
    /// Since when the conversation goes round.
    pub started: Instant,
}

/// What is to be done with a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    Offer(Ticket),
    /// The whole team sees it.
    Release(Why),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    NobodyAvailable,
    TimeIsOver,
    NotServed,
    /// Outside business hours the holder has become unavailable, and nobody else is asked.
    Closed,
}

/// A conversation's first offer: to whoever is next after the cursor (C2). `started`: when it was queued, or the team opened.
pub fn first(
    rota: &Rota,
    settings: &Settings,
    cursor: Option<&Seat>,
    started: Instant,
    now: Instant,
) -> Move {
    offer(rota, settings, cursor, started, now)
}

/// In place of `onward` while it is closed (C7): nothing passes on. An available holder keeps it, and no time runs.
pub fn closed(rota: &Rota, ticket: &Ticket) -> Move {
    if !rota.available(&ticket.holder.user) {
        return Move::Release(Why::Closed);
    }
    Move::Offer(Ticket {
        deadline: None,
        ..ticket.clone()
    })
}

/// When it opens again (C7): whoever kept it over the night has the full time, and it goes round as if it had just come.
pub fn opened(rota: &Rota, settings: &Settings, ticket: &Ticket, now: Instant) -> Move {
    if !rota.available(&ticket.holder.user) {
        return offer(rota, settings, Some(&ticket.holder), now, now);
    }
    Move::Offer(Ticket {
        holder: ticket.holder.clone(),
        deadline: deadline(settings, now, now),
        started: now,
    })
}

/// What follows an offer: the next available agent after the holder until the maximum is over (C5). None where it stays as it is: not yet at
/// its deadline, and the holder still available (C9).
pub fn onward(rota: &Rota, settings: &Settings, ticket: &Ticket, now: Instant) -> Option<Move> {
    let over = ticket.deadline.is_some_and(|deadline| deadline <= now);
    if !over && rota.available(&ticket.holder.user) {
        return None;
    }
    Some(offer(
        rota,
        settings,
        Some(&ticket.holder),
        ticket.started,
        now,
    ))
}

fn offer(
    rota: &Rota,
    settings: &Settings,
    after: Option<&Seat>,
    started: Instant,
    now: Instant,
) -> Move {
    let end = settings.end(started);
    if end.is_some_and(|end| end <= now) {
        return Move::Release(Why::TimeIsOver);
    }
    match rota.after(after) {
        None => Move::Release(Why::NobodyAvailable),
        Some(agent) => Move::Offer(Ticket {
            holder: agent.seat.clone(),
            deadline: deadline(settings, started, now),
            started,
        }),
    }
}

/// Until when an offer stands that is made now, of what goes round since `started`; none where it never passes on.
fn deadline(settings: &Settings, started: Instant, now: Instant) -> Option<Instant> {
    let end = settings.end(started)?;
    Some(end.min(now.saturating_add(settings.limit())))
}

impl Ticket {
    /// Whether that offer is the one remembered. Deadlines tell a later offer to the same agent apart.
    pub fn is_of(&self, agent: &str, deadline: Option<Instant>) -> bool {
        self.holder.user == agent && self.deadline == deadline
    }
}

#[cfg(test)]
mod tests;
