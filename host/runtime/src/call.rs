//! One call of a plugin: an instance, the limits, the export, and what came of it. A failure of any kind is data in the `Outcome`;
//! whether its effects happen is up to whoever commits them.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use serde::Serialize;
use wasmtime::{Store, Trap, UpdateDeadline, component::Instance};

use crate::{
    context::{CallContext, FirstRun},
    effect::Effect,
    limits::{CpuMeter, LimitHit},
    plugin::Plugin,
    quota::Used,
    requests::HttpExchange,
    reuse::{Key, Live, Reusable},
    services::{Away, ReadSet},
    state::{CallState, LogLine},
    wit::{
        Content, Failure, actions, channel, channel_edits, channel_media, events, reports,
        timer_events, views,
    },
};

/// Which export is called, with what.
#[derive(Clone, Debug)]
pub enum Input {
    Describe {
        channel: String,
    },
    Connect {
        channel: String,
        webhook: String,
    },
    Disconnect {
        channel: String,
    },
    Receive(channel::Request),
    Send(channel::Outbound),
    Locate {
        channel: String,
        reference: String,
    },
    Signal {
        channel: String,
        thread: String,
        kind: String,
        data: String,
    },
    Edit(channel_edits::Target, Content),
    Revoke(channel_edits::Target),
    Handle(events::Event),
    Fire(timer_events::Timer),
    Form(actions::Context),
    Invoke(actions::Context, String),
    Render(views::Context),
    Report(reports::Query),
    Enable,
    Migrate {
        old: u32,
    },
    Health,
    Disable,
}

/// What the export returned.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Output {
    Done,
    Capabilities(channel::Capabilities),
    Account(channel::Account),
    Response(channel::Response),
    Sent(channel::Sent),
    Source(channel_media::Source),
    /// A form or a view.
    Json(String),
    Outcome(actions::Outcome),
    Table(reports::Table),
    /// Health; empty: healthy.
    Text(String),
}

impl Output {
    /// Whether the effects of a call that returned this are kept: what only shows something changes nothing (see the WIT).
    fn keeps_effects(&self) -> bool {
        match self {
            Self::Done | Self::Account(_) | Self::Response(_) | Self::Sent(_) => true,
            Self::Outcome(outcome) => matches!(outcome.kind.as_str(), "done" | "open"),
            Self::Capabilities(_)
            | Self::Source(_)
            | Self::Json(_)
            | Self::Table(_)
            | Self::Text(_) => false,
        }
    }
}

/// Why a call did not do its work; nothing of it happened but its HTTP.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CallError {
    /// The plugin said so.
    #[error("{}: {}", .0.code, .0.message)]
    Failed(Failure),
    #[error("trap: {0}")]
    Trap(String),
    #[error(transparent)]
    Limit(LimitHit),
    /// The plugin has no such export.
    #[error("the plugin does not export {0}")]
    Missing(&'static str),
    /// It could not be done now: too many calls at once, a quota of the minute is used up, or the store is away.
    #[error("busy: {0}")]
    Busy(String),
}

/// What a call used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Computing time in µs, instantiation included.
    pub us: u64,
    pub memory_bytes: usize,
    pub host_calls: u32,
}

pub struct Outcome {
    pub result: Result<Output, CallError>,
    /// Empty unless the result is ok and of a kind that keeps them.
    pub effects: Vec<Effect>,
    pub reads: ReadSet,
    /// What to give to the next run, if this one's effects conflict.
    pub run: FirstRun,
    pub logs: Vec<LogLine>,
    pub cost: Cost,
    /// For whoever commits the call to keep, where the plugin keeps instances.
    pub instance: Option<Reusable>,
}

impl Outcome {
    /// The next call may have this one's instance: the call was committed.
    pub fn keep_instance(&mut self) {
        if let Some(instance) = self.instance.take() {
            instance.keep();
        }
    }

    /// Of a call that could not begin.
    fn busy(why: String, run: FirstRun) -> Self {
        Self {
            result: Err(CallError::Busy(why)),
            effects: Vec::new(),
            reads: ReadSet::default(),
            run,
            logs: Vec::new(),
            cost: Cost::default(),
            instance: None,
        }
    }

    pub fn http(&self) -> &[HttpExchange] {
        &self.run.http
    }
}

impl Plugin {
    /// Calls an export. Never fails: see `Outcome::result`.
    pub async fn call(&self, context: CallContext, input: Input) -> Outcome {
        // Held until the call is over.
        let _running = match context.meter.begin(context.now) {
            Ok(running) => running,
            Err(hit) => return Outcome::busy(hit.to_string(), context.first_run),
        };
        let limits = context.limits;
        let cpu = Arc::new(CpuMeter::start());
        let kept = self.kept.as_ref();
        let kept = kept.map(|kept| (Arc::clone(kept), Key::of(&context)));
        let waiting = kept.as_ref().and_then(|(kept, key)| kept.take(key));
        let state = CallState::new(context, Arc::clone(&self.inner.id), Arc::clone(&cpu));
        let (mut store, mut instance) = self.place(state, waiting);
        store.set_epoch_deadline(1);
        let budget = Duration::from_millis(limits.cpu_ms);
        store.epoch_deadline_callback(move |store| {
            if store.data().cpu.spent() > budget {
                let hit = LimitHit::new(
                    "cpu_ms",
                    format!("the call computed for more than {} ms", budget.as_millis()),
                );
                return Err(wasmtime::Error::new(hit));
            }
            Ok(UpdateDeadline::Yield(1))
        });
        let deadline = Duration::from_millis(limits.deadline_ms);
        let patience = Arc::clone(&store.data().patience);
        let run = Metered {
            cpu: &cpu,
            run: Box::pin(self.run(&mut store, &mut instance, input)),
        };
        let result = match within(deadline, &patience, run).await {
            Some(result) => result,
            None => {
                let message = format!("the call took longer than {} ms", limits.deadline_ms);
                Err(CallError::Limit(LimitHit::new("deadline_ms", message)))
            }
        };
        let state = store.data_mut();
        // What still goes on belongs to no later call.
        let quiet = !state.http.is_busy();
        let mut outcome = finish(state, &cpu, result);
        if let (Some((kept, key)), Some(instance)) = (kept, instance)
            && outcome.result.is_ok()
            && quiet
        {
            let live = Live { store, instance };
            outcome.instance = Some(Reusable { kept, key, live });
        }
        outcome
    }

    /// Where the call runs: an instance that waited for it, else a store for a fresh one.
    fn place(
        &self,
        state: CallState,
        waiting: Option<Live>,
    ) -> (Store<CallState>, Option<Instance>) {
        let state = match waiting {
            None => state,
            Some(mut live) => match live.store.data_mut().follow(state) {
                Ok(()) => return (live.store, Some(live.instance)),
                Err(state) => *state,
            },
        };
        let mut store = Store::new(self.inner.engine.wasmtime(), state);
        store.limiter(|state| &mut state.memory);
        (store, None)
    }

    async fn run(
        &self,
        store: &mut Store<CallState>,
        place: &mut Option<Instance>,
        input: Input,
    ) -> Result<Output, CallError> {
        let instance = match *place {
            Some(instance) => instance,
            None => {
                let pre = &self.inner.pre;
                let fresh = pre.instantiate_async(&mut *store).await.map_err(failed)?;
                *place.insert(fresh)
            }
        };
        let exports = &self.inner.exports;
        macro_rules! call {
            ($export:ident, $method:ident($($argument:expr),*) => $output:expr) => {{
                let indices = exports.$export.as_ref().ok_or(CallError::Missing(stringify!($export)))?;
                let guest = indices.load(&mut *store, &instance).map_err(failed)?;
                let returned = guest.$method(&mut *store $(, $argument)*).await.map_err(failed)?;
                returned.map($output).map_err(CallError::Failed)
            }};
        }
        match &input {
            Input::Describe { channel } => {
                call!(channel, call_describe(channel) => Output::Capabilities)
            }
            Input::Connect { channel, webhook } => {
                call!(channel, call_connect(channel, webhook) => Output::Account)
            }
            Input::Disconnect { channel } => {
                call!(channel, call_disconnect(channel) => |()| Output::Done)
            }
            Input::Receive(request) => call!(channel, call_receive(request) => Output::Response),
            Input::Send(message) => call!(channel, call_send(message) => Output::Sent),
            Input::Locate { channel, reference } => {
                call!(channel_media, call_locate(channel, reference) => Output::Source)
            }
            Input::Signal {
                channel,
                thread,
                kind,
                data,
            } => {
                call!(channel_signals, call_signal(channel, thread, kind, data) => |()| Output::Done)
            }
            Input::Edit(message, content) => {
                call!(channel_edits, call_edit(message, content) => |()| Output::Done)
            }
            Input::Revoke(message) => {
                call!(channel_edits, call_revoke(message) => |()| Output::Done)
            }
            Input::Handle(event) => call!(events, call_handle(event) => |()| Output::Done),
            Input::Fire(timer) => call!(timer_events, call_fire(timer) => |()| Output::Done),
            Input::Form(context) => call!(actions, call_form(context) => Output::Json),
            Input::Invoke(context, values) => {
                call!(actions, call_invoke(context, values) => Output::Outcome)
            }
            Input::Render(context) => call!(views, call_render(context) => Output::Json),
            Input::Report(query) => call!(reports, call_run(query) => Output::Table),
            Input::Enable => call!(lifecycle, call_enable() => |()| Output::Done),
            Input::Migrate { old } => call!(lifecycle, call_migrate(*old) => |()| Output::Done),
            Input::Health => call!(lifecycle, call_health() => Output::Text),
            Input::Disable => call!(lifecycle, call_disable() => |()| Output::Done),
        }
    }
}

/// Sorts what wasmtime gives as an error: a limit of ours, no free instance, or the plugin's own fault.
fn failed(error: wasmtime::Error) -> CallError {
    if let Some(hit) = error.downcast_ref::<LimitHit>() {
        return CallError::Limit(hit.clone());
    }
    if error.is::<wasmtime::PoolConcurrencyLimitError>() || error.is::<Away>() {
        return CallError::Busy(error.to_string());
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return CallError::Trap(trap.to_string());
    }
    CallError::Trap(format!("{:#}", error))
}

fn finish(state: &mut CallState, cpu: &CpuMeter, result: Result<Output, CallError>) -> Outcome {
    let bound = state.context.limits.output_bytes;
    let result = match result {
        Ok(output) if size_of(&output) > bound => {
            let message = format!("an export may return {bound} bytes");
            Err(CallError::Limit(LimitHit::new("output_bytes", message)))
        }
        other => other,
    };
    let cost = Cost {
        us: u64::try_from(cpu.spent().as_micros()).unwrap_or(u64::MAX),
        memory_bytes: state.memory.peak,
        host_calls: state.host_calls,
    };
    let fault = matches!(result, Err(CallError::Trap(_) | CallError::Limit(_)));
    let share = state.context.meter.ended(
        state.context.now,
        &Used {
            calls: 1,
            faults: u64::from(fault),
            cpu_us: cost.us,
            host_calls: u64::from(cost.host_calls),
            log_lines: state.logs.len() as u64,
            ..Used::default()
        },
    );
    let mut logs = std::mem::take(&mut state.logs);
    logs.truncate(usize::try_from(share.kept).unwrap_or(usize::MAX));
    logs.extend(share.notice.map(|message| LogLine {
        level: "warn".to_owned(),
        message,
    }));
    let keeps = result.as_ref().is_ok_and(Output::keeps_effects);
    let effects = std::mem::take(&mut state.effects);
    Outcome {
        result,
        effects: if keeps { effects } else { Vec::new() },
        reads: std::mem::take(&mut state.reads),
        run: state.http.take(),
        logs,
        cost,
        instance: None,
    }
}

fn size_of(output: &Output) -> usize {
    match output {
        Output::Done
        | Output::Account(_)
        | Output::Capabilities(_)
        | Output::Sent(_)
        | Output::Source(_) => 0,
        Output::Response(response) => response.body.len(),
        Output::Json(text) | Output::Text(text) => text.len(),
        Output::Outcome(outcome) => outcome.text.len() + outcome.data.len(),
        Output::Table(table) => table.rows.iter().flatten().map(String::len).sum(),
    }
}

/// What comes of it within the deadline, which moves by what the call is given on its way.
async fn within<T>(
    deadline: Duration,
    patience: &AtomicU64,
    mut run: impl Future<Output = T> + Unpin,
) -> Option<T> {
    let begun = tokio::time::Instant::now();
    let end = || begun + deadline + Duration::from_millis(patience.load(Ordering::Relaxed));
    loop {
        let until = end();
        match tokio::time::timeout_at(until, &mut run).await {
            Ok(result) => return Some(result),
            Err(_) if end() > until => {}
            Err(_) => return None,
        }
    }
}

/// Runs the meter while the call's future is polled.
struct Metered<'a, F> {
    cpu: &'a CpuMeter,
    run: Pin<Box<F>>,
}

impl<F: Future> Future for Metered<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.cpu.resume();
        let poll = self.run.as_mut().poll(context);
        self.cpu.pause();
        poll
    }
}
