//! What may happen to a conversation, and what it becomes: pure functions of data and time. The one place for these rules, used by a
//! call's own view of its effects, by the commit, and by people's actions alike. Knows no store, no HTTP and no plugin.

use serde::{Deserialize, Serialize};

use crate::effect::{Conclusion as ConclusionEffect, Routing};
use crate::wit::Instant;

mod person;

pub use person::{Person, TeamRole, permits, sees};

/// 12 hours: how long a conclusion with the default archive preference can be undone by the contact (FEATURES A4).
pub const REOPEN_WINDOW: i64 = 12 * 3600 * 1_000_000;

/// Where a conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody has started it ("Novos").
    Queued,
    InProgress,
    Concluded,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Concluded => "concluded",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "queued" => Some(Self::Queued),
            "in_progress" => Some(Self::InProgress),
            "concluded" => Some(Self::Concluded),
            _ => None,
        }
    }
}

/// A queued conversation shown to one agent only, until `deadline` if there is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    pub agent: String,
    pub since: Instant,
    pub deadline: Option<Instant>,
    /// Which plugin made it; its offers end when it is disabled.
    pub by: String,
}

/// How and by whom a conversation was concluded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conclusion {
    /// The user; none where a plugin did it by itself.
    pub by: Option<String>,
    pub at: Instant,
    /// Shown at the foot of the conversation; empty for none.
    pub summary: String,
    /// That user's preference at the time: true means a later message never reopens it (A4).
    pub archive_immediately: bool,
}

/// The routing state of a conversation: everything these rules look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routed {
    /// Grows with every change of this state.
    pub version: i64,
    pub status: Status,
    pub team: Option<String>,
    /// Who is responsible, once somebody has started it.
    pub agent: Option<String>,
    pub offer: Option<Offer>,
    pub conclusion: Option<Conclusion>,
}

/// Why a change is not possible. `code` as in the WIT's `error`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    pub fn state(message: impl Into<String>) -> Self {
        Self {
            code: "state",
            message: message.into(),
        }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self {
            code: "invalid",
            message: message.into(),
        }
    }
}

/// A change of a conversation's routing state, by a person, a plugin or the core itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// `by`: the plugin.
    Offer {
        agent: String,
        deadline: Option<Instant>,
        by: String,
    },
    /// The offer ends, the whole team sees the conversation.
    Release,
    /// `agent` starts it, or takes it over.
    Assign {
        agent: String,
    },
    Transfer {
        team: String,
        agent: Option<String>,
    },
    Conclude {
        by: Option<String>,
        summary: String,
        archive_immediately: bool,
    },
    SetSummary {
        summary: String,
    },
    /// Back to whoever concluded it (A4, A15), or to the queue where nobody did.
    Reopen,
}

/// The state after the change, its version one higher; or why not.
pub fn apply(state: &Routed, change: &Change, at: Instant) -> Result<Routed, Refusal> {
    let mut next = state.clone();
    next.version += 1;
    match change {
        Change::Offer {
            agent,
            deadline,
            by,
        } => {
            require(state, Status::Queued, "offered")?;
            if state.team.is_none() {
                return Err(Refusal::state(
                    "a conversation without a team cannot be offered",
                ));
            }
            if deadline.is_some_and(|deadline| deadline <= at) {
                return Err(Refusal::invalid("the deadline is over already"));
            }
            next.offer = Some(Offer {
                agent: agent.clone(),
                since: at,
                deadline: *deadline,
                by: by.clone(),
            });
        }
        Change::Release => {
            require(state, Status::Queued, "released")?;
            next.offer = None;
        }
        Change::Assign { agent } => {
            if state.status == Status::Concluded {
                return Err(Refusal::state(
                    "a concluded conversation cannot be assigned; reopen it",
                ));
            }
            next.status = Status::InProgress;
            next.agent = Some(agent.clone());
            next.offer = None;
        }
        Change::Transfer { team, agent } => {
            if state.status == Status::Concluded {
                return Err(Refusal::state(
                    "a concluded conversation cannot be transferred; reopen it",
                ));
            }
            next.team = Some(team.clone());
            next.offer = None;
            next.agent = agent.clone();
            next.status = match agent {
                Some(_) => Status::InProgress,
                None => Status::Queued,
            };
        }
        Change::Conclude {
            by,
            summary,
            archive_immediately,
        } => {
            if state.status == Status::Concluded {
                return Err(Refusal::state("the conversation is concluded already"));
            }
            next.status = Status::Concluded;
            next.offer = None;
            next.conclusion = Some(Conclusion {
                by: by.clone(),
                at,
                summary: summary.clone(),
                archive_immediately: *archive_immediately,
            });
        }
        Change::SetSummary { summary } => {
            require(state, Status::Concluded, "given a summary")?;
            if let Some(conclusion) = &mut next.conclusion {
                conclusion.summary = summary.clone();
            }
        }
        Change::Reopen => {
            require(state, Status::Concluded, "reopened")?;
            let by = next.conclusion.take().and_then(|conclusion| conclusion.by);
            next.status = if by.is_some() {
                Status::InProgress
            } else {
                Status::Queued
            };
            next.agent = by;
        }
    }
    Ok(next)
}

/// Whether a contact's message at `at` reopens the conversation concluded so, instead of starting a new one (A4).
pub fn reopens(conclusion: &Conclusion, at: Instant) -> bool {
    conclusion.by.is_some()
        && !conclusion.archive_immediately
        && at.saturating_sub(conclusion.at) < REOPEN_WINDOW
}

/// A message's delivery state after news of `incoming`: states never move backwards, and `failed` is final unless the message did arrive.
pub fn advance_delivery<'a>(present: &'a str, incoming: &'a str) -> &'a str {
    fn rank(state: &str) -> u8 {
        match state {
            "queued" => 1,
            "uncertain" => 2,
            "sent" => 3,
            "failed" => 4,
            "delivered" => 5,
            "read" => 6,
            _ => 0,
        }
    }
    if rank(incoming) > rank(present) {
        incoming
    } else {
        present
    }
}

/// The change that a routing effect asks for; `plugin` asks.
pub fn change_of_routing(effect: &Routing, plugin: &str) -> (String, Change) {
    match effect {
        Routing::Offer {
            conversation,
            agent,
            deadline,
        } => (
            conversation.clone(),
            Change::Offer {
                agent: agent.clone(),
                deadline: *deadline,
                by: plugin.to_owned(),
            },
        ),
        Routing::Release { conversation, .. } => (conversation.clone(), Change::Release),
        Routing::Assign {
            conversation,
            agent,
        } => (
            conversation.clone(),
            Change::Assign {
                agent: agent.clone(),
            },
        ),
        Routing::Transfer {
            conversation,
            team,
            agent,
            ..
        } => (
            conversation.clone(),
            Change::Transfer {
                team: team.clone(),
                agent: agent.clone(),
            },
        ),
    }
}

/// The change that a conclusion effect asks for; `user` is the acting user of an action with their archive preference.
pub fn change_of_conclusion(
    effect: &ConclusionEffect,
    user: Option<&str>,
    archive_immediately: bool,
) -> (String, Change) {
    match effect {
        ConclusionEffect::Conclude {
            conversation,
            summary,
        } => (
            conversation.clone(),
            Change::Conclude {
                by: user.map(str::to_owned),
                summary: summary.clone(),
                archive_immediately,
            },
        ),
        ConclusionEffect::SetSummary {
            conversation,
            summary,
        } => (
            conversation.clone(),
            Change::SetSummary {
                summary: summary.clone(),
            },
        ),
        ConclusionEffect::Reopen { conversation } => (conversation.clone(), Change::Reopen),
    }
}

fn require(state: &Routed, status: Status, verb: &str) -> Result<(), Refusal> {
    if state.status == status {
        return Ok(());
    }
    Err(Refusal::state(format!(
        "only a conversation that is {} can be {verb}; this one is {}",
        status.as_str(),
        state.status.as_str()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queued() -> Routed {
        Routed {
            version: 1,
            status: Status::Queued,
            team: Some("tem_1".into()),
            agent: None,
            offer: None,
            conclusion: None,
        }
    }

    fn concluded(archive_immediately: bool) -> Routed {
        let change = Change::Conclude {
            by: Some("usr_1".into()),
            summary: String::new(),
            archive_immediately,
        };
        apply(&queued(), &change, 100).unwrap()
    }

    #[test]
    fn an_offer_replaces_the_earlier_one_and_only_a_queued_conversation_takes_it() {
        let offer = |agent: &str| Change::Offer {
            agent: agent.into(),
            deadline: Some(50),
            by: "app".into(),
        };
        let first = apply(&queued(), &offer("usr_1"), 10).unwrap();
        let second = apply(&first, &offer("usr_2"), 20).unwrap();
        assert_eq!(
            second.offer,
            Some(Offer {
                agent: "usr_2".into(),
                since: 20,
                deadline: Some(50),
                by: "app".into()
            })
        );
        assert_eq!(second.version, 3);
        let refused = apply(&concluded(false), &offer("usr_1"), 10).unwrap_err();
        assert_eq!(refused.code, "state");
        assert_eq!(
            apply(&queued(), &offer("usr_1"), 50).unwrap_err().code,
            "invalid"
        );
    }

    #[test]
    fn starting_a_conversation_ends_its_offer() {
        let offered = apply(
            &queued(),
            &Change::Offer {
                agent: "usr_1".into(),
                deadline: None,
                by: "app".into(),
            },
            10,
        )
        .unwrap();
        let started = apply(
            &offered,
            &Change::Assign {
                agent: "usr_1".into(),
            },
            11,
        )
        .unwrap();
        assert_eq!(started.status, Status::InProgress);
        assert_eq!(started.agent.as_deref(), Some("usr_1"));
        assert_eq!(started.offer, None);
    }

    #[test]
    fn contact_writing_within_12_hours_reopens_for_whoever_concluded() {
        let state = concluded(false);
        let conclusion = state.conclusion.clone().unwrap();
        assert!(reopens(&conclusion, 100 + REOPEN_WINDOW - 1));
        assert!(!reopens(&conclusion, 100 + REOPEN_WINDOW));
        let again = apply(&state, &Change::Reopen, 200).unwrap();
        assert_eq!(again.status, Status::InProgress);
        assert_eq!(again.agent.as_deref(), Some("usr_1"));
        assert_eq!(again.conclusion, None);
    }

    #[test]
    fn archived_at_once_is_never_reopened_by_the_contact() {
        let conclusion = concluded(true).conclusion.unwrap();
        assert!(!reopens(&conclusion, 101));
    }

    #[test]
    fn delivery_states_never_move_backwards() {
        assert_eq!(advance_delivery("read", "delivered"), "read");
        assert_eq!(advance_delivery("sent", "read"), "read");
        assert_eq!(advance_delivery("uncertain", "sent"), "sent");
        assert_eq!(advance_delivery("delivered", "failed"), "delivered");
        assert_eq!(advance_delivery("sent", "nonsense"), "sent");
    }
}
