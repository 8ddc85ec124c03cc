//! The view of a team's order (FEATURES C2), in the host's vocabulary of views. Pure.

use crate::rota::{Rota, Seat};
use balcao_plugin::json::{Value, json};

/// Who is served in which order, with the arrow at who is next.
pub fn order(rota: &Rota, cursor: Option<&Seat>, english: bool) -> Value {
    let say = |pt: &'static str, en: &'static str| if english { en } else { pt };
    if rota.agents().is_empty() {
        return note(say(
            "Esta equipe não tem atendentes: as conversas ficam visíveis para a equipe inteira.",
            "This team has no agents: its conversations are seen by the whole team.",
        ));
    }
    let next = rota.after(cursor).map(|agent| &agent.seat);
    let items: Vec<Value> = rota
        .agents()
        .iter()
        .map(|agent| {
            let mut item = json!({
                "title": agent.name,
                "marker": next == Some(&agent.seat),
                "dimmed": !agent.available,
            });
            if !agent.available {
                item["badge"] = json!(say("Indisponível", "Unavailable"));
                item["tone"] = json!("neutral");
            }
            item
        })
        .collect();
    let mut nodes = vec![json!({"type": "list", "ordered": true, "items": items})];
    if next.is_none() {
        nodes.push(note(say(
            "Ninguém está disponível: a equipe inteira vê as conversas novas.",
            "Nobody is available: the whole team sees new conversations.",
        )));
    }
    Value::Array(nodes)
}

/// For a team that the app does not serve.
pub fn not_served(english: bool) -> Value {
    note(if english {
        "Distribution is off in this team: its conversations are seen by all its members."
    } else {
        "A distribuição está desligada nesta equipe: todos os seus membros veem as conversas novas."
    })
}

fn note(text: &str) -> Value {
    json!({"type": "text", "style": "dimmed", "text": text})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rota::Agent;

    fn agent(user: &str, created_at: i64, available: bool) -> Agent {
        Agent {
            seat: Seat {
                created_at,
                user: user.into(),
            },
            name: user.to_uppercase(),
            available,
        }
    }

    #[test]
    fn the_arrow_stands_at_the_next_available_agent() {
        let rota = Rota::new([
            agent("c", 3, true),
            agent("a", 1, true),
            agent("b", 2, false),
        ]);
        let cursor = rota.agents()[0].seat.clone();
        assert_eq!(
            order(&rota, Some(&cursor), false),
            json!([{"type": "list", "ordered": true, "items": [
                {"title": "A", "marker": false, "dimmed": false},
                {"title": "B", "marker": false, "dimmed": true, "badge": "Indisponível", "tone": "neutral"},
                {"title": "C", "marker": true, "dimmed": false},
            ]}])
        );
    }

    #[test]
    fn with_nobody_available_no_arrow_is_drawn_and_the_view_says_so() {
        let tree = order(&Rota::new([agent("a", 1, false)]), None, true);
        assert_eq!(
            tree,
            json!([
                {"type": "list", "ordered": true, "items": [
                    {"title": "A", "marker": false, "dimmed": true, "badge": "Unavailable", "tone": "neutral"},
                ]},
                {"type": "text", "style": "dimmed", "text": "Nobody is available: the whole team sees new conversations."},
            ])
        );
    }
}
