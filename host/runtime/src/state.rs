//! What a running call holds: effects so far, its own view of them, what it has read, its log, its HTTP, its meters. The imports
//! (`imports/`) work on it. Knows no plugin and decides no policy of its own.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use crate::{
    context::CallContext,
    effect::Effect,
    http::{HttpError, Outgoing, Request, Response},
    limits::{CpuMeter, LimitHit, MemoryMeter},
    rules::{self, Change, Refusal},
    secrets::Handles,
    services::{Conversation, ReadSet, refused},
    wit::{Error, messages, teams},
};

/// A line that the plugin logged, scrubbed of secrets.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct LogLine {
    pub level: String,
    pub message: String,
}

/// One outgoing request and what came of it, as the plugin saw both: handles in place of secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpExchange {
    pub request: Request,
    pub result: Result<Response, HttpError>,
}

pub struct CallState {
    pub(crate) context: CallContext,
    pub(crate) plugin: Arc<str>,
    pub(crate) effects: Vec<Effect>,
    effect_bytes: usize,
    pub(crate) view: View,
    pub(crate) reads: ReadSet,
    pub(crate) logs: Vec<LogLine>,
    pub(crate) http: Vec<HttpExchange>,
    /// How many exchanges of the first run have been given again.
    replayed: usize,
    outgoing: Option<Outgoing>,
    pub(crate) handles: Handles,
    pub(crate) host_calls: u32,
    pub(crate) memory: MemoryMeter,
    pub(crate) cpu: Arc<CpuMeter>,
    pub(crate) wasi: Option<crate::imports::wasi::Wasi>,
}

/// The call's own effects, as its reads see them.
#[derive(Default)]
pub(crate) struct View {
    /// Key → value; none: deleted.
    pub storage: BTreeMap<String, Option<String>>,
    pub rows: BTreeMap<(String, String), Option<String>>,
    /// Every conversation that was read or changed.
    pub conversations: BTreeMap<String, Conversation>,
    pub teams: BTreeMap<String, teams::Team>,
    pub messages: BTreeMap<String, messages::Message>,
}

impl CallState {
    pub(crate) fn new(mut context: CallContext, plugin: Arc<str>, cpu: Arc<CpuMeter>) -> Self {
        let handles = std::mem::take(&mut context.first_run.handles);
        Self {
            memory: MemoryMeter::new(context.limits.memory_bytes),
            plugin,
            effects: Vec::new(),
            effect_bytes: 0,
            view: View::default(),
            reads: ReadSet::default(),
            logs: Vec::new(),
            http: Vec::new(),
            replayed: 0,
            outgoing: None,
            handles,
            host_calls: 0,
            cpu,
            wasi: None,
            context,
        }
    }

    /// Counts a call of an import; every import begins with it.
    pub(crate) fn enter(&mut self) -> wasmtime::Result<()> {
        self.host_calls += 1;
        let bound = self.context.limits.host_calls;
        if self.host_calls > bound {
            let hit = LimitHit::new(
                "host_calls",
                format!("a call may use the host {bound} times"),
            );
            return Err(wasmtime::Error::new(hit));
        }
        Ok(())
    }

    /// Collects an effect. `bytes`: what it carries, roughly, against the call's bound.
    pub(crate) fn push(&mut self, effect: Effect, bytes: usize) -> Result<(), Error> {
        let limits = &self.context.limits;
        if self.effects.len() >= limits.effects as usize {
            return Err(refused(
                "limit",
                format!("effects: a call may have {}", limits.effects),
            ));
        }
        self.effect_bytes += bytes;
        if self.effect_bytes > limits.effect_bytes {
            let bound = limits.effect_bytes;
            return Err(refused(
                "limit",
                format!("effect_bytes: a call's effects may hold {bound} bytes"),
            ));
        }
        self.effects.push(effect);
        Ok(())
    }

    pub(crate) fn log(&mut self, level: &str, message: &str) {
        let limits = &self.context.limits;
        let bound = limits.log_lines as usize;
        if self.logs.len() == bound {
            self.logs.push(LogLine {
                level: "warn".to_owned(),
                message: format!("log_lines: only the first {bound} lines of a call are kept"),
            });
        }
        if self.logs.len() > bound {
            return;
        }
        let level = match level {
            "debug" | "info" | "warn" | "error" => level,
            _ => "info",
        };
        let message = self
            .context
            .secrets
            .scrubber()
            .text(cut(message, limits.log_line_bytes))
            .into_owned();
        self.logs.push(LogLine {
            level: level.to_owned(),
            message,
        });
    }

    /// The conversation as this call sees it; what was read takes part in conflict detection.
    pub(crate) async fn conversation(&mut self, id: &str) -> Result<Conversation, Error> {
        if let Some(known) = self.view.conversations.get(id) {
            return Ok(known.clone());
        }
        let services = Arc::clone(&self.context.services);
        let found = services.conversation(id).await?;
        let Some(found) = found.filter(|it| {
            self.context
                .channel
                .as_ref()
                .is_none_or(|own| *own == it.channel)
        }) else {
            return Err(refused(
                "not-found",
                format!("no conversation {}", cut(id, 64)),
            ));
        };
        self.reads
            .conversations
            .insert(id.to_owned(), found.routed.version);
        self.view.conversations.insert(id.to_owned(), found.clone());
        Ok(found)
    }

    pub(crate) async fn team(&mut self, id: &str) -> Result<teams::Team, Error> {
        if let Some(known) = self.view.teams.get(id) {
            return Ok(known.clone());
        }
        let services = Arc::clone(&self.context.services);
        let Some(found) = services.team(id).await? else {
            return Err(refused("not-found", format!("no team {}", cut(id, 64))));
        };
        self.reads.teams.insert(id.to_owned(), found.clone());
        self.view.teams.insert(id.to_owned(), found.clone());
        Ok(found)
    }

    /// Makes the change in the call's own view, if rules and rights allow it.
    pub(crate) async fn change(&mut self, id: &str, change: &Change) -> Result<(), Error> {
        let conversation = self.conversation(id).await?;
        if let Some(actor) = &self.context.actor {
            rules::permits(&actor.person, &conversation.routed, change).map_err(refusal)?;
        }
        self.members_fit(&conversation, change).await?;
        let routed =
            rules::apply(&conversation.routed, change, self.context.now).map_err(refusal)?;
        self.view.conversations.insert(
            id.to_owned(),
            Conversation {
                routed,
                ..conversation
            },
        );
        Ok(())
    }

    /// Whoever is to get a conversation must be in the team that has it.
    async fn members_fit(
        &mut self,
        conversation: &Conversation,
        change: &Change,
    ) -> Result<(), Error> {
        let (team, agent) = match change {
            Change::Offer { agent, .. } | Change::Assign { agent } => {
                (conversation.routed.team.as_ref(), Some(agent))
            }
            Change::Transfer { team, agent } => (Some(team), agent.as_ref()),
            _ => return Ok(()),
        };
        let Some(team) = team else { return Ok(()) };
        let team = self.team(team).await?;
        let Some(agent) = agent else { return Ok(()) };
        let only_agents = matches!(change, Change::Offer { .. });
        let fits = |member: &teams::Member| {
            member.user == *agent && (!only_agents || member.role == "agent")
        };
        if team.members.iter().any(fits) {
            return Ok(());
        }
        Err(refused(
            "invalid",
            format!("{} is no agent of the team {}", cut(agent, 64), team.id),
        ))
    }

    /// Sends a request, or gives again what the first run of this call got for the same one.
    pub(crate) async fn send_http(&mut self, request: Request) -> Result<Response, Error> {
        let again = self
            .context
            .first_run
            .http
            .get(self.replayed)
            .filter(|first| first.request == request)
            .cloned();
        let result = match again {
            Some(first) => {
                self.replayed += 1;
                first.result
            }
            None => {
                self.context.first_run.http.clear();
                let outgoing = self.outgoing.get_or_insert_with(|| outgoing(&self.context));
                outgoing.send(&request, &self.handles).await
            }
        };
        self.http.push(HttpExchange {
            request,
            result: result.clone(),
        });
        result.map_err(|error| refused(error.code(), error.to_string()))
    }
}

fn outgoing(context: &CallContext) -> Outgoing {
    let limits = &context.limits;
    let bounds = crate::http::Limits {
        max_calls: limits.http_calls,
        max_request_bytes: limits.http_request_bytes,
        max_response_bytes: limits.http_response_bytes,
        timeout: std::time::Duration::from_millis(limits.http_timeout_ms),
    };
    let access = &context.http;
    let secrets = Arc::clone(&context.secrets);
    Outgoing::new(
        Arc::clone(&access.policy),
        Arc::clone(&access.bindings),
        secrets,
        Arc::clone(&access.transport),
        bounds,
    )
}

/// A refusal of the rules as the plugin is told.
pub(crate) fn refusal(refusal: Refusal) -> Error {
    refused(refusal.code, refusal.message)
}

/// At most `bytes` bytes of the text, whole characters.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

/// A refusal because of an argument.
pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Error {
    refused("invalid", message.into())
}
