//! Who sees a conversation and who may change it (FEATURES A1, A2, B4, C4, E3): pure functions of the person, the conversation's state and
//! the change. An app acting for a user is held to that user's rights by the same functions.

use std::collections::BTreeMap;

use super::{Change, Refusal, Routed, Status};

/// What a user is within one team. Who is both counts as `Agent` in a rota and has a supervisor's rights: see `Membership`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TeamRole {
    Agent,
    Supervisor,
}

/// A user as these rules see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub id: String,
    /// Administrator of the workspace: sees and may do everything.
    pub admin: bool,
    /// Team id → role there.
    pub teams: BTreeMap<String, TeamRole>,
}

impl Person {
    fn is_member(&self, team: Option<&str>) -> bool {
        // A conversation that no team has is everybody's: a customer is never invisible.
        team.is_none_or(|team| self.teams.contains_key(team))
    }

    fn supervises(&self, team: Option<&str>) -> bool {
        self.admin || team.is_some_and(|team| self.teams.get(team) == Some(&TeamRole::Supervisor))
    }
}

/// Whether the conversation appears to this person at all.
pub fn sees(person: &Person, state: &Routed) -> bool {
    let team = state.team.as_deref();
    if person.supervises(team) || state.agent.as_deref() == Some(&person.id) {
        return true;
    }
    match state.status {
        Status::Queued => match &state.offer {
            Some(offer) => offer.agent == person.id,
            None => person.is_member(team),
        },
        Status::InProgress => false,
        Status::Concluded => person.is_member(team),
    }
}

/// Whether this person may make the change, as far as rights go; whether it is possible at all is `apply`'s.
pub fn permits(person: &Person, state: &Routed, change: &Change) -> Result<(), Refusal> {
    let denied = |message: &str| {
        Err(Refusal {
            code: "denied",
            message: message.to_owned(),
        })
    };
    if person.supervises(state.team.as_deref()) && !matches!(change, Change::SetSummary { .. }) {
        return Ok(());
    }
    if !sees(person, state) {
        return denied("this conversation is not shown to you");
    }
    let responsible = match state.status {
        Status::InProgress => state.agent.as_deref() == Some(&person.id),
        Status::Queued => true,
        Status::Concluded => {
            let by = state.conclusion.as_ref().and_then(|it| it.by.as_deref());
            by == Some(&person.id)
        }
    };
    match change {
        Change::Offer { .. } | Change::Release => {
            denied("only a supervisor of the team or an admin may do this")
        }
        Change::Assign { agent } if *agent != person.id => {
            denied("only a supervisor of the team or an admin may assign somebody else")
        }
        Change::Assign { .. } | Change::Transfer { .. } | Change::Conclude { .. }
            if responsible =>
        {
            Ok(())
        }
        Change::Reopen if responsible => Ok(()),
        Change::SetSummary { .. } if responsible => Ok(()),
        Change::SetSummary { .. } => denied("only whoever concluded it may change this"),
        _ => denied("only the responsible agent, a supervisor of the team or an admin may do this"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Offer, apply};
    use super::*;

    fn person(id: &str, role: Option<TeamRole>) -> Person {
        Person {
            id: id.into(),
            admin: false,
            teams: role
                .map(|role| ("tem_1".to_owned(), role))
                .into_iter()
                .collect(),
        }
    }

    fn queued(offered_to: Option<&str>) -> Routed {
        Routed {
            version: 1,
            status: Status::Queued,
            team: Some("tem_1".into()),
            agent: None,
            offer: offered_to.map(|agent| Offer {
                agent: agent.into(),
                since: 1,
                deadline: None,
                by: "app".into(),
            }),
            conclusion: None,
        }
    }

    fn conclude(by: &str) -> Change {
        Change::Conclude {
            by: Some(by.into()),
            summary: String::new(),
            archive_immediately: false,
        }
    }

    #[test]
    fn an_offered_conversation_is_seen_by_its_agent_the_supervisors_and_nobody_else() {
        let state = queued(Some("usr_1"));
        assert!(sees(&person("usr_1", Some(TeamRole::Agent)), &state));
        assert!(!sees(&person("usr_2", Some(TeamRole::Agent)), &state));
        assert!(sees(&person("usr_3", Some(TeamRole::Supervisor)), &state));
        assert!(!sees(&person("usr_4", None), &state));
    }

    #[test]
    fn any_member_concludes_what_is_queued_and_not_offered_and_only_the_offered_agent_what_is() {
        let member = person("usr_2", Some(TeamRole::Agent));
        assert!(permits(&member, &queued(None), &conclude("usr_2")).is_ok());
        let refused = permits(&member, &queued(Some("usr_1")), &conclude("usr_2")).unwrap_err();
        assert_eq!(refused.code, "denied");
        let offered = person("usr_1", Some(TeamRole::Agent));
        assert!(permits(&offered, &queued(Some("usr_1")), &conclude("usr_1")).is_ok());
    }

    #[test]
    fn in_progress_is_concluded_by_the_responsible_agent_or_a_supervisor() {
        let state = apply(
            &queued(None),
            &Change::Assign {
                agent: "usr_1".into(),
            },
            5,
        )
        .unwrap();
        assert!(
            permits(
                &person("usr_1", Some(TeamRole::Agent)),
                &state,
                &conclude("usr_1")
            )
            .is_ok()
        );
        assert!(
            permits(
                &person("usr_2", Some(TeamRole::Agent)),
                &state,
                &conclude("usr_2")
            )
            .is_err()
        );
        let supervisor = person("usr_3", Some(TeamRole::Supervisor));
        assert!(permits(&supervisor, &state, &conclude("usr_3")).is_ok());
    }

    #[test]
    fn a_conclusion_is_edited_only_by_whoever_concluded_not_even_by_a_supervisor() {
        let state = apply(&queued(None), &conclude("usr_1"), 5).unwrap();
        let edit = Change::SetSummary {
            summary: "x".into(),
        };
        assert!(permits(&person("usr_1", Some(TeamRole::Agent)), &state, &edit).is_ok());
        assert!(permits(&person("usr_3", Some(TeamRole::Supervisor)), &state, &edit).is_err());
    }
}
