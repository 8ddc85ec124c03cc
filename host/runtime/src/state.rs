//! What a running call holds: effects so far, its own view of them, what it has read, its log, its HTTP, its meters. The imports
//! (`imports/`) work on it. Knows no plugin and decides no policy of its own.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    bounds::cut,
    context::CallContext,
    effect::Effect,
    http::{Request, Response, upload},
    limits::{CpuMeter, LimitHit, MemoryMeter},
    requests::CallHttp,
    rules::{self, Change, Refusal},
    services::{Conversation, HoursOf, ReadSet, refused},
    wit::{Error, Instant, Subject, messages, teams},
};

/// A line that the plugin logged, scrubbed of secrets.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct LogLine {
    pub level: String,
    pub message: String,
}

pub struct CallState {
    pub(crate) context: CallContext,
    pub(crate) plugin: Arc<str>,
    pub(crate) effects: Vec<Effect>,
    effect_bytes: usize,
    pub(crate) view: View,
    pub(crate) reads: ReadSet,
    pub(crate) logs: Vec<LogLine>,
    pub(crate) http: Arc<CallHttp>,
    pub(crate) host_calls: u32,
    pub(crate) memory: MemoryMeter,
    pub(crate) cpu: Arc<CpuMeter>,
    pub(crate) wasi: Option<crate::imports::wasi::Wasi>,
    /// Milliseconds that the call may take beyond its deadline, because it sends files.
    pub(crate) patience: Arc<AtomicU64>,
}

/// The call's own effects, as its reads see them.
#[derive(Default)]
pub(crate) struct View {
    /// Key → value; none: deleted.
    pub storage: BTreeMap<String, Option<String>>,
    pub rows: BTreeMap<(String, String), Option<String>>,
    /// Every conversation that was read or changed.
    pub conversations: BTreeMap<String, Conversation>,
    /// What lists have shown: read only once the call asks for it or changes it, and then as it was shown.
    shown: BTreeMap<String, Conversation>,
    pub teams: BTreeMap<String, teams::Team>,
    pub messages: BTreeMap<String, messages::Message>,
}

impl View {
    /// Remembers what a list tells the call.
    pub fn show(&mut self, found: &[Conversation]) {
        for it in found {
            self.shown
                .entry(it.id.clone())
                .or_insert_with(|| it.clone());
        }
    }

    /// A conversation as the call knows it, if it knew it before.
    pub fn seen(&self, found: Conversation) -> Conversation {
        self.known(&found.id).cloned().unwrap_or(found)
    }

    fn known(&self, id: &str) -> Option<&Conversation> {
        self.conversations.get(id).or_else(|| self.shown.get(id))
    }
}

impl CallState {
    pub(crate) fn new(mut context: CallContext, plugin: Arc<str>, cpu: Arc<CpuMeter>) -> Self {
        let http = CallHttp::new(std::mem::take(&mut context.first_run));
        Self {
            memory: MemoryMeter::new(context.limits.memory_bytes),
            plugin,
            effects: Vec::new(),
            effect_bytes: 0,
            view: View::default(),
            reads: ReadSet::default(),
            logs: Vec::new(),
            http,
            host_calls: 0,
            cpu,
            wasi: None,
            patience: Arc::default(),
            context,
        }
    }

    /// Makes way for the next call of the same instance, which begins with nothing of this one but what the instance itself has.
    ///
    /// # Errors
    /// The next call may not have as much memory as the instance has: it needs a fresh one.
    pub(crate) fn follow(&mut self, mut next: Self) -> Result<(), Box<Self>> {
        if !next.memory.go_on(&self.memory) {
            next.memory = MemoryMeter::new(next.context.limits.memory_bytes);
            return Err(Box::new(next));
        }
        next.wasi = self.wasi.take();
        if let Some(wasi) = &next.wasi {
            wasi.set_now(next.context.now);
        }
        *self = next;
        Ok(())
    }

    /// Gives the call the time that so many bytes of files take to send.
    pub(crate) fn wait_for_files(&self, bytes: u64) {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let more = millis(upload::longer(bytes));
        // Only the call itself adds to it.
        let all = self.patience.load(Ordering::Relaxed).saturating_add(more);
        let all = all.min(millis(upload::LONGEST));
        self.patience.store(all, Ordering::Relaxed);
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
        let found = match self.view.known(id) {
            Some(shown) => Some(shown.clone()),
            None => {
                let services = Arc::clone(&self.context.services);
                services.conversation(id).await?
            }
        };
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

    /// Whether somebody serves then; a conversation is where the call itself has put it.
    pub(crate) async fn hours(
        &mut self,
        about: Subject,
        at: Instant,
    ) -> Result<teams::Hours, Error> {
        let own = self.context.channel.as_ref();
        let of = match about.kind.as_str() {
            "team" => HoursOf::Team(about.id),
            "channel" if own.is_none_or(|own| *own == about.id) => HoursOf::Channel(about.id),
            "channel" => {
                let id = cut(&about.id, 64);
                return Err(refused("not-found", format!("no channel {id}")));
            }
            "conversation" => {
                let found = self.conversation(&about.id).await?;
                HoursOf::Conversation {
                    team: found.routed.team,
                    channel: found.channel,
                }
            }
            other => return Err(invalid(format!("{} has no hours", cut(other, 64)))),
        };
        let services = Arc::clone(&self.context.services);
        let found = services.hours_at(&of, at).await?;
        self.reads.hours.push((of, at, found));
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

    pub(crate) async fn send_http(&mut self, request: Request) -> Result<Response, Error> {
        self.http.open(&self.context);
        let mut turn = self.http.turn();
        let result = self.http.send(&mut turn, request).await;
        result.map_err(|error| refused(error.code(), error.to_string()))
    }
}

/// A refusal of the rules as the plugin is told.
pub(crate) fn refusal(refusal: Refusal) -> Error {
    refused(refusal.code, refusal.message)
}

/// A refusal because of an argument.
pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Error {
    refused("invalid", message.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation(version: i64, status: rules::Status) -> Conversation {
        Conversation {
            id: "cnv_1".to_owned(),
            channel: "chn_1".to_owned(),
            contact: "ctc_1".to_owned(),
            routed: rules::Routed {
                version,
                status,
                team: None,
                agent: None,
                offer: None,
                conclusion: None,
            },
            queued_at: 0,
            last_inbound_at: None,
            labels: Vec::new(),
        }
    }

    /// Else it would be refused what it could not know, instead of being run again on fresh data.
    #[test]
    fn a_call_goes_on_with_what_a_list_showed_it_first() {
        let mut view = View::default();
        let queued = conversation(1, rules::Status::Queued);
        view.show(std::slice::from_ref(&queued));
        let started = conversation(2, rules::Status::InProgress);
        view.show(std::slice::from_ref(&started));
        assert_eq!(view.seen(started), queued);
        assert_eq!(view.known("cnv_1"), Some(&queued));
        assert_eq!(view.known("cnv_2"), None);
    }
}
