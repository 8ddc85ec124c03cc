//! Scenario files: TOML or JSON, one scenario each. Owns the format (`docs/scenarios.md` explains it to authors) and its errors; runs nothing.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::input::{CALLS, interface_of};
use crate::memory::{Crash, Given, Span};

/// One scenario.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// A sentence that says what is so.
    pub name: String,
    /// The plugin's settings, secrets in plain.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// The workspace at the start.
    #[serde(default)]
    pub given: Given,
    /// What happens, one after the other.
    pub steps: Vec<Step>,
    /// Where it was read from; request bodies in files are beside it.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// Something that happens, and what is expected of it.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub struct Step {
    pub act: Act,
    /// Recorded answers to the requests of this step: all are needed, and no others are made.
    pub http: Vec<Value>,
    /// The host dies once.
    pub crash: Option<Crash>,
    /// What others change between the call's end and its commit: at the first run, the second…
    pub conflict: Vec<Change>,
    pub expect: Expect,
}

/// What happens in a step.
#[derive(Debug)]
pub enum Act {
    /// A provider's request to the channel.
    Webhook(Webhook),
    /// Something happens in the workspace that the plugin has subscribed to.
    Event(Value),
    /// A contact writes, through whatever channel.
    Inbound(Inbound),
    /// Somebody else changes something.
    Change(Change),
    /// Time passes; timers that are due fire.
    Advance(jiff::SignedDuration),
    /// A timer of the plugin fires, as soon as it is due.
    Timer(String),
    /// Any other export is called.
    Call { export: &'static str, input: Value },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    #[serde(default = "post")]
    pub method: String,
    #[serde(default)]
    pub path: String,
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body as JSON…
    pub json: Option<Value>,
    /// …or as text…
    pub body: Option<String>,
    /// …or in a file beside the scenario.
    pub file: Option<String>,
    /// Signed, or with the secret, as the manifest says for this method.
    #[serde(default)]
    pub sign: bool,
}

impl Webhook {
    /// The request's body; files lie beside the scenario, in `folder`.
    ///
    /// # Errors
    /// More than one body, or a file that cannot be read.
    pub fn body(&self, folder: &Path) -> Result<Vec<u8>, String> {
        match (&self.json, &self.body, &self.file) {
            (Some(json), None, None) => Ok(json.to_string().into_bytes()),
            (None, Some(text), None) => Ok(text.clone().into_bytes()),
            (None, None, Some(file)) => {
                fs::read(folder.join(file)).map_err(|error| format!("{file}: {error}"))
            }
            (None, None, None) => Ok(Vec::new()),
            _ => Err("webhook: one of `json`, `body` and `file`".to_owned()),
        }
    }
}

fn post() -> String {
    "POST".to_owned()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inbound {
    /// Where left out, the first one given.
    pub channel: Option<String>,
    /// The contact's id in the channel, which is the thread as well.
    pub from: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub text: String,
}

/// What somebody else does. At least one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Change {
    /// The plugin's own storage, as another call of it would change it.
    pub storage: BTreeMap<String, Value>,
    /// User → whether they are available.
    pub available: BTreeMap<String, bool>,
    /// Team or channel → when it is closed from now on.
    pub closed: BTreeMap<String, Vec<Span>>,
    /// A person serves a conversation.
    pub person: Option<Person>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    pub user: String,
    pub conversation: String,
    /// `start`, `conclude`, `reopen` or `transfer`.
    pub does: String,
    /// Of a transfer.
    pub team: Option<String>,
    pub agent: Option<String>,
    /// Of a conclusion.
    #[serde(default)]
    pub summary: String,
}

/// What must be so after a step. What is not named must be nothing; see `docs/scenarios.md`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    /// `ok` where left out (`error` where an `error` is expected).
    pub outcome: Option<String>,
    /// Code, message (`*` for any characters) and retry of a failure, as far as named.
    pub error: Option<Value>,
    /// Of a webhook; 200 with nothing in it where left out.
    pub response: Option<Value>,
    /// What the export returned, as far as named.
    pub result: Option<Value>,
    /// Every effect, in order; none where left out.
    pub effects: Option<Vec<Value>>,
    /// In place of `effects`: some of them, in any order.
    pub contains: Vec<Value>,
    /// Every request, as far as named.
    pub http: Option<Vec<Value>>,
    /// Every line, where named at all.
    pub logs: Option<Vec<Log>>,
    /// All of the plugin's storage, where named at all.
    pub storage: Option<Map<String, Value>>,
    /// All of its rows: collection → key → row.
    pub rows: Option<Value>,
    /// All of its timers: name → at, about, payload.
    pub timers: Option<Value>,
    /// Conversations, as far as named.
    pub conversations: BTreeMap<String, Value>,
    /// Contacts, as far as named.
    pub contacts: BTreeMap<String, Value>,
    /// Channels, as far as named.
    pub channels: BTreeMap<String, Value>,
    /// How often the call ran in all.
    pub runs: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub level: String,
    /// `*` stands for any characters.
    pub message: String,
}

impl Scenario {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it, for its author.
    pub fn read(file: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
        let is_json = file.extension().is_some_and(|it| it == "json");
        let value = match is_json {
            true => serde_json::from_str(&text).map_err(|error| error.to_string())?,
            false => json_of(toml::Value::Table(
                toml::from_str(&text).map_err(|error| error.to_string())?,
            )),
        };
        let mut scenario: Self = serde_path_to_error::deserialize(value).map_err(|error| {
            let path = error.path().to_string();
            format!("at `{path}`: {}", error.into_inner())
        })?;
        if scenario.steps.is_empty() {
            return Err("a scenario needs steps".to_owned());
        }
        scenario.folder = file.parent().unwrap_or(Path::new("")).to_owned();
        Ok(scenario)
    }
}

/// TOML's values as JSON's; its times as RFC 3339.
fn json_of(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(is) => is.into(),
        toml::Value::Datetime(at) => at.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(json_of).collect(),
        toml::Value::Table(table) => table
            .into_iter()
            .map(|(name, value)| (name, json_of(value)))
            .collect(),
    }
}

impl TryFrom<Map<String, Value>> for Step {
    type Error = String;

    fn try_from(mut fields: Map<String, Value>) -> Result<Self, String> {
        let crash = match fields
            .remove("crash")
            .as_ref()
            .map(|it| it.as_str().unwrap_or_default())
        {
            None => None,
            Some("before-commit") => Some(Crash::BeforeCommit),
            Some("after-commit") => Some(Crash::AfterCommit),
            Some(other) => {
                return Err(format!(
                    "crash is before-commit or after-commit, not `{other}`"
                ));
            }
        };
        let http = take(&mut fields, "http")?;
        let conflict = take(&mut fields, "conflict")?;
        let expect = take(&mut fields, "expect")?;
        let mut acts = fields.into_iter();
        let Some((name, value)) = acts.next() else {
            return Err(
                "a step needs something that happens: a webhook, an event, an action…".to_owned(),
            );
        };
        if let Some((other, _)) = acts.next() {
            return Err(format!(
                "a step is one thing that happens, not both `{name}` and `{other}`"
            ));
        }
        Ok(Self {
            act: act(&name, value)?,
            http,
            crash,
            conflict,
            expect,
        })
    }
}

fn take<T: serde::de::DeserializeOwned + Default>(
    fields: &mut Map<String, Value>,
    name: &str,
) -> Result<T, String> {
    match fields.remove(name) {
        None => Ok(T::default()),
        Some(value) => read(name, value),
    }
}

fn read<T: serde::de::DeserializeOwned>(name: &str, value: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        match error.path().to_string().as_str() {
            "." => format!("{name}: {}", error.inner()),
            path => format!("{name}.{path}: {}", error.inner()),
        }
    })
}

/// What happens in a step other than that the app is called.
const HAPPENS: [&str; 6] = ["webhook", "event", "inbound", "change", "advance", "timer"];

/// An export as a scenario names it: the parts of an app have the names that people know.
fn spoken(export: &'static str) -> &'static str {
    match export {
        "invoke" => "action",
        "render" => "view",
        other => other,
    }
}

fn act(name: &str, value: Value) -> Result<Act, String> {
    Ok(match name {
        "webhook" => Act::Webhook(read(name, value)?),
        "event" => Act::Event(value),
        "inbound" => Act::Inbound(read(name, value)?),
        "change" => Act::Change(read(name, value)?),
        "advance" => {
            let text: String = read(name, value)?;
            let duration = text
                .parse()
                .map_err(|_| format!("advance: `{text}` is no duration like 10m or 1h30m"))?;
            Act::Advance(duration)
        }
        "timer" => Act::Timer(read(name, value)?),
        _ => {
            let exports = CALLS.iter().map(|(export, _)| *export);
            // These are called by what happens.
            let exports = exports.filter(|it| !matches!(*it, "receive" | "handle" | "fire"));
            let Some(export) = exports.clone().find(|it| spoken(it) == name) else {
                let known: Vec<_> = HAPPENS.into_iter().chain(exports.map(spoken)).collect();
                return Err(format!(
                    "`{name}` is nothing that can happen in a step; known are {}",
                    known.join(", ")
                ));
            };
            Act::Call {
                export,
                input: value,
            }
        }
    })
}

impl Act {
    /// The interface that the plugin must export for it; none: any plugin can be there.
    pub(crate) fn interface(&self) -> Option<&'static str> {
        match self {
            Self::Webhook(_) => interface_of("receive"),
            Self::Event(_) => interface_of("handle"),
            Self::Timer(_) => interface_of("fire"),
            Self::Call { export, .. } => interface_of(export),
            Self::Inbound(_) | Self::Change(_) | Self::Advance(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scenario(steps: Value) -> Result<Scenario, String> {
        let value = json!({"name": "it works", "steps": steps});
        serde_path_to_error::deserialize(value)
            .map_err(|error| format!("{} {}", error.path(), error.inner()))
    }

    #[test]
    fn a_mistyped_scenario_is_refused_with_its_place() {
        let error = |steps: Value| scenario(steps).unwrap_err();
        assert!(error(json!([{"webhok": {}}])).contains("`webhok` is nothing that can happen in a step; known are webhook, event, inbound, change, advance, timer, send, "));
        assert!(error(json!([{"expect": {}}])).contains("needs something that happens"));
        assert!(error(json!([{"advance": "10m", "timer": "x"}])).contains("not both"));
        assert!(error(json!([{"advance": "soon"}])).contains("no duration"));
        assert!(error(json!([{"webhook": {"sing": true}}])).contains("sing"));
        assert!(error(json!([{"advance": "10m", "expect": {"effect": []}}])).contains("effect"));
        assert!(error(json!([{"advance": "10m", "crash": "always"}])).contains("before-commit"));
    }

    #[test]
    fn toml_times_become_rfc_3339() {
        let table: toml::Table =
            toml::from_str("at = 2026-03-02T12:00:00Z\nn = [1, {a = true}]").unwrap();
        let value = json_of(toml::Value::Table(table));
        assert_eq!(
            value,
            json!({"at": "2026-03-02T12:00:00Z", "n": [1, {"a": true}]})
        );
    }
}
