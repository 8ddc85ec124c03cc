//! Runs one scenario: does what happens in each step, gives the plugin the events that follow from it, and compares.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::{
    CallReport, Loaded, Workbench, expectations,
    input::{self, is_exported},
    report::ReportedError,
    scenario::{Act, Change, Inbound, Scenario, Step, Webhook},
};
use crate::{
    call::{Input, Output},
    effect::Inbox,
    http::{HttpError, Prepared, Response, Transport, recorded::Recorded},
    manifest::VerifyRule,
    memory::{Cause, Crash, Performed, State, World},
    rules, webhook,
    wit::{Content, channel::Request, inbox, timer_events},
};

/// More calls than this in one step are a plugin that keeps itself busy.
const MOST_CALLS: u32 = 200;

/// What all calls of a step came to together.
pub(crate) struct Seen {
    /// Of the call that the step is about, or of the first one that failed.
    pub outcome: &'static str,
    pub error: Option<ReportedError>,
    pub response: Option<Value>,
    pub result: Option<Value>,
    /// What follows is of all calls, in order.
    pub effects: Vec<Value>,
    pub http: Vec<Value>,
    pub logs: Vec<Value>,
    pub runs: u32,
    calls: u32,
}

impl Seen {
    fn new() -> Self {
        Self {
            outcome: "ok",
            error: None,
            response: None,
            result: None,
            effects: Vec::new(),
            http: Vec::new(),
            logs: Vec::new(),
            runs: 0,
            calls: 0,
        }
    }

    fn take(&mut self, report: CallReport, runs: u32) {
        if self.outcome == "ok" {
            self.outcome = report.outcome;
            self.error = report.error;
        }
        if self.calls == 0 {
            self.response = report.response;
            self.result = report.result;
        }
        self.calls += 1;
        self.runs += runs;
        self.effects
            .extend(report.effects.iter().filter_map(|it| shown_effect(it).ok()));
        self.http.extend(report.http);
        self.logs.extend(
            report
                .logs
                .iter()
                .filter_map(|it| serde_json::to_value(it).ok()),
        );
    }
}

/// `{"inbox": {"message": {…}}}`.
fn shown_effect(effect: &crate::effect::Effect) -> Result<Value, serde_json::Error> {
    let shown = serde_json::to_value(effect)?;
    let name = |field: &str| shown[field].as_str().unwrap_or_default().to_owned();
    Ok(json!({name("interface"): {name("function"): shown["arguments"]}}))
}

/// Answers of the present step.
#[derive(Default)]
struct PerStep(Mutex<Arc<Recorded>>);

impl PerStep {
    fn present(&self) -> Arc<Recorded> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait::async_trait]
impl Transport for PerStep {
    async fn send(&self, request: Prepared) -> Result<Response, HttpError> {
        let present = self.present();
        present.send(request).await
    }
}

/// What is wrong after a scenario; nothing: it passed.
pub async fn run(loaded: &Loaded, scenario: &Scenario) -> Vec<String> {
    let transport = Arc::new(PerStep::default());
    let settings = Value::Object(scenario.settings.clone());
    let opened = Workbench::open(
        loaded,
        &settings,
        scenario.given.clone(),
        Arc::clone(&transport) as Arc<dyn Transport>,
    );
    let bench = match opened {
        Ok(bench) => bench,
        Err(error) => return vec![error.to_string()],
    };
    let mut wrong = Vec::new();
    for (index, step) in scenario.steps.iter().enumerate() {
        let place = format!("step {}", index + 1);
        let recorded =
            match Recorded::from_json(Value::Array(step.http.clone()).to_string().as_bytes()) {
                Ok(recorded) => Arc::new(recorded),
                Err(error) => {
                    wrong.push(format!("{place}: {error}"));
                    break;
                }
            };
        *transport.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&recorded);
        let mut running = Running {
            bench: &bench,
            scenario,
            step,
            number: index + 1,
            seen: Seen::new(),
        };
        let done = running.act().await;
        let seen = running.seen;
        let mut found: Vec<String> = done.err().into_iter().collect();
        found.extend(
            recorded
                .unused()
                .into_iter()
                .map(|it| format!("http: {it} was recorded, but nobody asked")),
        );
        found.extend(
            recorded
                .strangers()
                .into_iter()
                .map(|it| format!("http: {it} was asked for, and no answer is recorded")),
        );
        found.extend(expectations::check(step, &seen, &bench));
        let failed = !found.is_empty();
        wrong.extend(found.into_iter().map(|it| format!("{place}: {it}")));
        if failed {
            // What follows would differ for the same reason.
            break;
        }
    }
    wrong
}

struct Running<'a> {
    bench: &'a Workbench,
    scenario: &'a Scenario,
    step: &'a Step,
    number: usize,
    seen: Seen,
}

impl Running<'_> {
    async fn act(&mut self) -> Result<(), String> {
        let package = self.bench.package();
        if let Some(interface) = self.step.act.interface()
            && !is_exported(package, interface)
        {
            return Err(format!("the plugin does not export {interface}"));
        }
        let crash = self.step.crash;
        match &self.step.act {
            Act::Webhook(webhook) => self.webhook(webhook, crash).await?,
            Act::Event(event) => self.event(event)?,
            Act::Inbound(inbound) => self.inbound(inbound)?,
            Act::Change(change) => apply(self.bench.world(), self.plugin(), change)?,
            Act::Advance(duration) => return self.advance(*duration).await,
            Act::Timer(name) => self.timer(name, crash).await?,
            Act::Call { export, input } => {
                let channel = self.bench.channel().unwrap_or_default();
                let input = input::read(export, input.clone(), channel)
                    .map_err(|error| format!("{export}: {error}"))?;
                self.call(&input, Cause::Asked, crash).await;
            }
        }
        self.deliver().await
    }

    fn plugin(&self) -> &str {
        &self.bench.package().manifest().id
    }

    /// One call until its commit. `false`: it failed.
    async fn call(&mut self, input: &Input, cause: Cause, crash: Option<Crash>) -> bool {
        let key = format!("step_{}_{}", self.number, self.seen.calls + 1);
        let plugin = self.plugin().to_owned();
        // Others interfere with the step's first call only.
        let changes: &[Change] = if self.seen.calls == 0 {
            &self.step.conflict
        } else {
            &[]
        };
        let mut between = |world: &World, conflicts: u32| {
            if let Some(change) = changes.get(conflicts as usize) {
                // A change that is refused shows in the number of runs.
                drop(apply(world, &plugin, change));
            }
        };
        let Performed { outcome, runs, .. } = self
            .bench
            .perform(&key, input, cause, crash, &mut between)
            .await;
        let told: Result<(), rules::Refusal> = self.bench.world().change(|state, chance| {
            match (input, &outcome.result) {
                (Input::Send(message), Ok(Output::Sent(sent))) => {
                    state.was_sent(chance, &message.channel, &message.message, sent);
                }
                (Input::Edit(message, content), Ok(_)) => {
                    state.was_changed(&message.message, Some(content));
                }
                (Input::Revoke(message), Ok(_)) => state.was_changed(&message.message, None),
                _ => {}
            }
            Ok(())
        });
        debug_assert!(told.is_ok());
        let report = CallReport::of(&outcome, matches!(input, Input::Receive(_)));
        self.seen.take(report, runs);
        outcome.result.is_ok()
    }

    async fn webhook(&mut self, webhook: &Webhook, crash: Option<Crash>) -> Result<(), String> {
        let mut request = self.request(webhook)?;
        let rules = &self.bench.package().manifest().webhook.verify;
        if let Err(refusal) = webhook::admit(rules, self.bench.secrets(), &mut request) {
            self.seen.take(CallReport::denied(&refusal), 0);
            return Ok(());
        }
        self.call(&Input::Receive(request), Cause::Asked, crash)
            .await;
        Ok(())
    }

    fn request(&self, webhook: &Webhook) -> Result<Request, String> {
        let body = webhook.body(&self.scenario.folder)?;
        let lower = |(name, value): (&String, &String)| (name.to_ascii_lowercase(), value.clone());
        let mut request = Request {
            channel: self.bench.channel().unwrap_or_default().to_owned(),
            method: webhook.method.clone(),
            path: webhook.path.clone(),
            query: webhook
                .query
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            headers: webhook.headers.iter().map(lower).collect(),
            body,
            remote: "127.0.0.1".to_owned(),
        };
        if webhook.sign {
            self.sign(&mut request)?;
        }
        Ok(request)
    }

    /// Does what the provider does so that the manifest's rule for the method accepts the request.
    fn sign(&self, request: &mut Request) -> Result<(), String> {
        let rules = &self.bench.package().manifest().webhook.verify;
        let rule = rules
            .iter()
            .find(|rule| rule.methods().contains(&request.method));
        let plain = |name: &str| {
            let value = self.scenario.settings.get(name).and_then(Value::as_str);
            value
                .map(str::to_owned)
                .ok_or(format!("sign: the settings have no `{name}`"))
        };
        match rule {
            None => {
                return Err(format!(
                    "sign: the manifest has no rule for {}",
                    request.method
                ));
            }
            Some(VerifyRule::None { .. }) => {}
            Some(VerifyRule::Hmac {
                algorithm,
                header,
                prefix,
                secret,
                ..
            }) => {
                let hmac = self.bench.secrets().hmac(secret, *algorithm, &request.body);
                let hmac = hmac.map_err(|error| format!("sign: {error}"))?;
                request.headers.push((
                    header.to_ascii_lowercase(),
                    format!("{prefix}{}", hex::encode(hmac)),
                ));
            }
            Some(VerifyRule::Header { header, secret, .. }) => {
                request
                    .headers
                    .push((header.to_ascii_lowercase(), plain(secret)?));
            }
            Some(VerifyRule::Query {
                parameter, secret, ..
            }) => {
                request.query.push((parameter.clone(), plain(secret)?));
            }
        }
        Ok(())
    }

    fn event(&mut self, event: &Value) -> Result<(), String> {
        let event = match input::read("handle", event.clone(), "") {
            Ok(Input::Handle(event)) => event,
            Ok(_) => return Err("event: not an event".to_owned()),
            Err(error) => return Err(format!("event: {error}")),
        };
        let manifest = self.bench.package().manifest();
        if !manifest
            .subscriptions
            .iter()
            .any(|it| it.kind == event.kind)
        {
            return Err(format!(
                "event: the plugin has not subscribed to {}",
                event.kind
            ));
        }
        let happened: Result<(), rules::Refusal> = self.bench.world().change(|state, chance| {
            state.happened(chance, &event);
            Ok(())
        });
        happened.map_err(|refusal| refusal.message)
    }

    fn inbound(&mut self, inbound: &Inbound) -> Result<(), String> {
        let world = self.bench.world();
        let state = world.snapshot();
        let channel = inbound
            .channel
            .clone()
            .or_else(|| state.channels.keys().next().cloned());
        let channel = channel.ok_or("inbound: no channel is given")?;
        if !state.channels.contains_key(&channel) {
            return Err(format!("inbound: there is no channel {channel}"));
        }
        let key = format!("{}:{}", state.events.len(), inbound.from);
        let message = Inbox::Message {
            event_key: key.clone(),
            message: inbox::Inbound {
                external_id: key,
                thread: inbound.from.clone(),
                sender: inbox::Person {
                    external_id: inbound.from.clone(),
                    aliases: Vec::new(),
                    name: inbound.name.clone(),
                    avatar: String::new(),
                    extra: String::new(),
                },
                outgoing: false,
                at: state.now,
                content: Content {
                    kind: "text".to_owned(),
                    text: inbound.text.clone(),
                    attachments: Vec::new(),
                    extra: String::new(),
                },
                reply_to: None,
                extra: String::new(),
            },
        };
        let handed = world.change(|state, chance| state.hand_over(chance, &channel, &message));
        handed.map_err(|refusal| format!("inbound: {refusal}"))
    }

    /// Gives the plugin what it has subscribed to, one after the other, until nothing is left.
    async fn deliver(&mut self) -> Result<(), String> {
        while let Some((delivery, event)) = self.bench.world().next_delivery(self.plugin()) {
            if self.seen.calls >= MOST_CALLS {
                return Err(format!(
                    "the step has led to {MOST_CALLS} calls, and there is no end"
                ));
            }
            let cause = Cause::Delivery {
                seq: delivery.seq,
                depth: delivery.depth,
            };
            let crash = self.step.crash.filter(|_| self.seen.calls == 0);
            if !self.call(&Input::Handle(event), cause, crash).await {
                let dropped: Result<(), rules::Refusal> = self.bench.world().change(|state, _| {
                    state.deliveries.retain(|it| *it != delivery);
                    Ok(())
                });
                debug_assert!(dropped.is_ok());
            }
        }
        Ok(())
    }

    async fn timer(&mut self, name: &str, crash: Option<Crash>) -> Result<(), String> {
        let state = self.bench.world().snapshot();
        let timer = state
            .timers
            .get(&(self.plugin().to_owned(), name.to_owned()));
        let Some(timer) = timer.cloned() else {
            let there: Vec<_> = state.timers.keys().map(|(_, name)| name.as_str()).collect();
            return Err(format!(
                "timer: there is no `{name}`; set are: {}",
                there.join(", ")
            ));
        };
        self.bench.world().set_now(timer.at);
        self.fire(name.to_owned(), timer, crash).await;
        Ok(())
    }

    async fn fire(
        &mut self,
        name: String,
        timer: crate::memory::Timer,
        crash: Option<Crash>,
    ) -> bool {
        let cause = Cause::Timer {
            name: name.clone(),
            at: timer.at,
        };
        let input = Input::Fire(timer_events::Timer {
            name,
            at: timer.at,
            about: timer.about,
            payload: timer.payload,
        });
        self.call(&input, cause, crash).await
    }

    /// Moves the clock from timer to timer. The core lets overdue offers end where no timer of the plugin has moved them on.
    async fn advance(&mut self, duration: jiff::SignedDuration) -> Result<(), String> {
        let world = self.bench.world();
        let micros = i64::try_from(duration.as_micros()).map_err(|_| "advance: too long")?;
        let until = world.now().saturating_add(micros);
        while let Some((name, timer)) = world.next_timer(self.plugin(), until) {
            if self.seen.calls >= MOST_CALLS {
                return Err(format!(
                    "the step has led to {MOST_CALLS} calls, and there is no end"
                ));
            }
            world.set_now(timer.at);
            self.release_overdue(timer.at)?;
            let crash = self.step.crash.filter(|_| self.seen.calls == 0);
            if !self.fire(name, timer, crash).await {
                return Ok(());
            }
            self.deliver().await?;
        }
        world.set_now(until);
        self.release_overdue(until.saturating_add(1))?;
        self.deliver().await
    }

    fn release_overdue(&self, before: i64) -> Result<(), String> {
        let released = self
            .bench
            .world()
            .change(|state, chance| state.release_overdue(chance, before));
        released.map_err(|refusal| refusal.message)
    }
}

fn apply(world: &World, plugin: &str, change: &Change) -> Result<(), String> {
    let done = world.change(|state: &mut State, chance| {
        for (key, value) in &change.storage {
            state.store(plugin, key.clone(), value.to_string(), None, None);
        }
        for (user, available) in &change.available {
            state.set_available(chance, user, *available)?;
        }
        for (id, closed) in &change.closed {
            state.set_closed(chance, id, closed.clone())?;
        }
        if let Some(person) = &change.person {
            let change = match person.does.as_str() {
                "start" => rules::Change::Assign {
                    agent: person.user.clone(),
                },
                "conclude" => rules::Change::Conclude {
                    by: Some(person.user.clone()),
                    summary: person.summary.clone(),
                    archive_immediately: state
                        .user(&person.user)
                        .is_some_and(|it| it.archive_immediately),
                },
                "reopen" => rules::Change::Reopen,
                "transfer" => rules::Change::Transfer {
                    team: person.team.clone().unwrap_or_default(),
                    agent: person.agent.clone(),
                },
                other => {
                    return Err(rules::Refusal::invalid(format!(
                        "does: start, conclude, reopen or transfer, not `{other}`"
                    )));
                }
            };
            state.person_does(chance, &person.user, &person.conversation, &change)?;
        }
        Ok(())
    });
    done.map_err(|refusal: rules::Refusal| format!("change: {refusal}"))
}
