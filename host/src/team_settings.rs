//! An app's settings of one team (FEATURES C1): the properties of its schema that are marked `"x-team"`, as a form of their own on the team's page.
//! A marked list of teams is a switch there: whether this team is on the workspace's list. Every other marked property may have a value of the team's
//! own, over the workspace's. Pure; what is kept where is the store's.

use serde_json::{Map, Value, json};

use crate::settings::Settings;

/// What the form's values mean.
#[derive(Debug, PartialEq)]
pub struct Taken {
    /// The workspace's settings, where a list of theirs changed.
    pub workspace: Option<Settings>,
    /// The team's own; what is as in the workspace is not kept, and follows it.
    pub own: Settings,
}

/// The schema of a team's form: the texts in `x-team` are the form's, over the property's. None where nothing is marked.
pub fn form(schema: Option<&Value>) -> Option<Value> {
    let mut properties = Map::new();
    for (name, property) in marked(schema) {
        let mut shown = property.clone();
        if is_team_list(property) {
            shown = json!({"type": "boolean", "title": property.get("title")});
        }
        let texts = property.get("x-team").and_then(Value::as_object);
        if let Some(shown) = shown.as_object_mut() {
            shown.remove("x-team");
            shown.extend(texts.cloned().unwrap_or_default());
        }
        properties.insert(name.clone(), shown);
    }
    (!properties.is_empty()).then(|| {
        let order = schema.and_then(|schema| schema.get("x-order")).cloned();
        json!({
            "type": "object", "additionalProperties": false, "properties": properties,
            "x-order": order.unwrap_or_else(|| json!([])),
        })
    })
}

/// What the form holds: the team's own values over the workspace's, whose defaults are filled in.
pub fn values(
    schema: Option<&Value>,
    workspace: &Settings,
    own: &Settings,
    team: &str,
) -> Settings {
    let mut values = Settings::new();
    for (name, property) in marked(schema) {
        if is_team_list(property) {
            values.insert(name.clone(), listed(workspace.get(name), team).into());
        } else if let Some(value) = own.get(name).or_else(|| workspace.get(name)) {
            values.insert(name.clone(), value.clone());
        }
    }
    values
}

/// Parts what was sent, which fits the form. What was left out is as in the workspace.
pub fn take(schema: Option<&Value>, workspace: &Settings, sent: &Settings, team: &str) -> Taken {
    let (mut changed, mut own) = (None, Settings::new());
    for (name, property) in marked(schema) {
        let Some(value) = sent.get(name) else {
            continue;
        };
        if is_team_list(property) {
            let on = value == &Value::Bool(true);
            if on != listed(workspace.get(name), team) {
                let list = with(workspace.get(name), team, on);
                changed
                    .get_or_insert_with(|| workspace.clone())
                    .insert(name.clone(), list);
            }
        } else if workspace.get(name) != Some(value) {
            own.insert(name.clone(), value.clone());
        }
    }
    Taken {
        workspace: changed,
        own,
    }
}

fn marked(schema: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    schema
        .and_then(|schema| schema.get("properties"))
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter(|(_, property)| property.get("x-team").is_some())
        // A secret has one value, the workspace's.
        .filter(|(_, property)| property.get("writeOnly") != Some(&Value::Bool(true)))
}

fn is_team_list(property: &Value) -> bool {
    property.pointer("/items/format").and_then(Value::as_str) == Some("team")
}

fn listed(list: Option<&Value>, team: &str) -> bool {
    list.and_then(Value::as_array)
        .is_some_and(|list| list.iter().any(|it| it == team))
}

fn with(list: Option<&Value>, team: &str, on: bool) -> Value {
    let others = list.and_then(Value::as_array).into_iter().flatten();
    let mut list: Vec<Value> = others.filter(|it| *it != team).cloned().collect();
    if on {
        list.push(team.into());
    }
    list.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Value {
        json!({"type": "object", "x-order": ["teams"], "properties": {
            "teams": {
                "type": "array", "items": {"type": "string", "format": "team"}, "title": "Teams",
                "x-team": {"title": "In this team", "x-en": {"title": "Here"}},
            },
            "limit": {"type": "integer", "minimum": 10, "title": "Limit", "x-team": true},
            "note": {"type": "string"},
            "token": {"type": "string", "writeOnly": true, "x-team": true},
        }})
    }

    fn object(value: Value) -> Settings {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn the_form_has_what_is_marked_and_a_list_of_teams_as_a_switch() {
        assert_eq!(
            form(Some(&schema())),
            Some(
                json!({"type": "object", "additionalProperties": false, "properties": {
                    "teams": {"type": "boolean", "title": "In this team", "x-en": {"title": "Here"}},
                    "limit": {"type": "integer", "minimum": 10, "title": "Limit"},
                }, "x-order": ["teams"]})
            )
        );
        assert_eq!(
            form(Some(&json!({"properties": {"note": {"type": "string"}}}))),
            None
        );
        assert_eq!(form(None), None);
    }

    #[test]
    fn the_teams_own_values_lie_over_the_workspaces() {
        let schema = schema();
        let workspace = object(json!({"teams": ["a"], "limit": 10, "note": "x"}));
        let shown = |own: Value, team: &str| values(Some(&schema), &workspace, &object(own), team);
        assert_eq!(
            shown(json!({}), "a"),
            object(json!({"teams": true, "limit": 10}))
        );
        assert_eq!(
            shown(json!({"limit": 20}), "b"),
            object(json!({"teams": false, "limit": 20}))
        );
    }

    #[test]
    fn a_switch_changes_the_workspaces_list_and_what_is_as_in_the_workspace_is_not_kept() {
        let schema = schema();
        let workspace = object(json!({"teams": ["a"], "limit": 10, "note": "x"}));
        let taken = |sent: Value, team: &str| take(Some(&schema), &workspace, &object(sent), team);
        assert_eq!(
            taken(json!({"teams": true, "limit": 20}), "b"),
            Taken {
                workspace: Some(object(
                    json!({"teams": ["a", "b"], "limit": 10, "note": "x"})
                )),
                own: object(json!({"limit": 20})),
            }
        );
        assert_eq!(
            taken(json!({"teams": false, "limit": 10}), "a"),
            Taken {
                workspace: Some(object(json!({"teams": [], "limit": 10, "note": "x"}))),
                own: Settings::new(),
            }
        );
        assert_eq!(
            taken(json!({"teams": true}), "a"),
            Taken {
                workspace: None,
                own: Settings::new()
            }
        );
    }
}
