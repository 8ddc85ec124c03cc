//! `runaway/…`: what an endless loop in one plugin costs, and whom. The loop runs under the server's own limits; its neighbours are webhooks
//! of a well-behaved connector on the same engine and threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use async_trait::async_trait;
use balcao_runtime::call::{CallError, Input, Outcome};
use balcao_runtime::context::{CallContext, Chance, FirstRun, HttpAccess};
use balcao_runtime::engine::EngineOptions;
use balcao_runtime::http::{HttpError, Policy, Prepared, Response, Transport};
use balcao_runtime::limits::Limits;
use balcao_runtime::plugin::Plugin;
use balcao_runtime::quota::{Meter, Quotas};
use balcao_runtime::secrets::Secrets;
use balcao_runtime::services::Services;
use balcao_runtime::wit::channel::Request;

use super::office::{Desk, Office};
use super::{check, job, runtime};
use crate::Options;
use crate::report::{Row, percentile};
use crate::samples::Samples;

/// Webhooks at once beside the loop.
const NEIGHBOURS: usize = 8;

struct Rounds {
    stops: usize,
    windows: usize,
    window: Duration,
}

/// Both rows.
pub fn measure(options: &Options) -> anyhow::Result<Vec<Row>> {
    let rounds = match options.quick {
        true => Rounds {
            stops: 3,
            windows: 2,
            window: Duration::from_millis(300),
        },
        false => Rounds {
            stops: 30,
            windows: 10,
            window: Duration::from_secs(1),
        },
    };
    runtime()?.block_on(async {
        let office = Arc::new(Office::open(options).await?);
        let desk = Arc::new(office.desk(EngineOptions::default()).await?);
        let stop = stop(&desk.unruly, rounds.stops).await?;
        let neighbour = neighbour(&office, &desk, &rounds).await?;
        drop(desk);
        let office = Arc::into_inner(office).context("a neighbour still runs")?;
        office.close().await?;
        Ok(vec![stop, neighbour])
    })
}

/// How long after its budget a loop goes on, with the threads to itself.
async fn stop(unruly: &Plugin, count: usize) -> anyhow::Result<Row> {
    let budget = Limits::default().cpu_ms as f64;
    let mut times = Samples::default();
    let mut computed = 0.0_f64;
    for _ in 0..count {
        let begin = Instant::now();
        // In a task of its own, as the server's calls are: not in the thread that waits for all.
        let outcome = tokio::spawn(looping(unruly.clone())).await?;
        times.add([begin.elapsed()]);
        computed = computed.max(stopped(&outcome)?);
    }
    let [p50, p99] = [0.5, 0.99].map(|share| times.percentile(share) / 1_000.0);
    let note = format!(
        "an endless loop, from its start to its end, against its budget; ≤ budget + 5 ms; computed at most {computed:.1} ms"
    );
    Ok(Row::new("runaway/stop", p50, "ms", note)
        .against(budget)
        .spread(p50, p99))
}

/// Webhooks a second beside the loop, against those without it, window by window.
async fn neighbour(office: &Arc<Office>, desk: &Arc<Desk>, rounds: &Rounds) -> anyhow::Result<Row> {
    let (mut alone, mut beside) = (Window::default(), Window::default());
    let mut loops = 0;
    neighbours(office, desk, rounds.window / 4).await?;
    for _ in 0..rounds.windows {
        alone.join(neighbours(office, desk, rounds.window).await?);
        let end = Arc::new(AtomicBool::new(false));
        let runaway = tokio::spawn(loop_until(desk.unruly.clone(), Arc::clone(&end)));
        let window = neighbours(office, desk, rounds.window).await;
        end.store(true, Ordering::Relaxed);
        loops += runaway.await??;
        beside.join(window?);
    }
    let (alone, beside) = (alone.sorted(), beside.sorted());
    let [control, p99] = [&alone, &beside].map(|window| percentile(&window.times, 0.99));
    let bound = 3.0 * control + 5_000.0;
    let note = format!(
        "webhooks/s beside an endless loop ({loops} loops) against those without; ≥ 0.45; none failed; p99 {p99:.0} µs, control {control:.0} µs, \
         bound 3 × + 5 ms = {bound:.0} µs: {}",
        if p99 <= bound { "held" } else { "missed" }
    );
    Ok(
        Row::new("runaway/neighbour", beside.rate(), "calls/s", note)
            .against(alone.rate())
            .spread(percentile(&beside.times, 0.5), p99),
    )
}

/// Calls that ended well in some time.
#[derive(Default)]
struct Window {
    took: Duration,
    /// µs.
    times: Vec<f64>,
}

impl Window {
    fn join(&mut self, other: Self) {
        self.took += other.took;
        self.times.extend(other.times);
    }

    fn sorted(mut self) -> Self {
        self.times.sort_by(f64::total_cmp);
        self
    }

    fn rate(&self) -> f64 {
        self.times.len() as f64 / self.took.as_secs_f64()
    }
}

/// All neighbours for a while. One call that fails is an error.
async fn neighbours(
    office: &Arc<Office>,
    desk: &Arc<Desk>,
    window: Duration,
) -> anyhow::Result<Window> {
    let begin = Instant::now();
    let tasks: Vec<_> = (0..NEIGHBOURS)
        .map(|_| {
            let (office, desk) = (Arc::clone(office), Arc::clone(desk));
            tokio::spawn(async move {
                let request = job::request(&office.channel("whatsapp"), job::BODY);
                let mut times = Vec::new();
                while begin.elapsed() < window {
                    let start = Instant::now();
                    let outcome = office.receive(&desk, "whatsapp", &request).await?;
                    times.push(start.elapsed().as_secs_f64() * 1e6);
                    check(&outcome, true)?;
                    // A webhook comes from the network: between two there is a wait.
                    tokio::task::yield_now().await;
                }
                anyhow::Ok(times)
            })
        })
        .collect();
    let mut all = Window::default();
    for task in tasks {
        all.times.extend(task.await??);
    }
    all.took = begin.elapsed();
    Ok(all)
}

/// One loop after the other; how many were stopped.
async fn loop_until(unruly: Plugin, end: Arc<AtomicBool>) -> anyhow::Result<usize> {
    let mut count = 0;
    while !end.load(Ordering::Relaxed) {
        stopped(&looping(unruly.clone()).await)?;
        count += 1;
    }
    Ok(count)
}

/// The computing time in ms of a call that its budget ended.
fn stopped(outcome: &Outcome) -> anyhow::Result<f64> {
    match &outcome.result {
        Err(CallError::Limit(hit)) if hit.name == "cpu_ms" => Ok(outcome.cost.us as f64 / 1_000.0),
        other => bail!("the loop was not stopped by its budget: {other:?}"),
    }
}

/// An endless loop under the limits that the server gives. Not by its `Calls`, whose breaker would soon refuse them.
async fn looping(unruly: Plugin) -> Outcome {
    let context = CallContext {
        workspace: "wsp_1".to_owned(),
        key: "loop".to_owned(),
        now: 0,
        channel: Some("chn_1".to_owned()),
        settings: "{}".into(),
        revision: 0,
        secrets: Arc::new(Secrets::default()),
        http: HttpAccess {
            policy: Arc::new(Policy::default()),
            bindings: Arc::new([]),
            transport: Arc::new(Nothing),
        },
        limits: Limits::default(),
        meter: Arc::new(Meter::new(Quotas::default())),
        actor: None,
        chance: Arc::new(Nothing),
        services: Arc::new(Nothing),
        first_run: FirstRun::default(),
    };
    let request = Request {
        path: "/loop".to_owned(),
        ..job::request("chn_1", b"")
    };
    unruly.call(context, Input::Receive(request)).await
}

/// What a loop has of the world.
struct Nothing;

impl Services for Nothing {}

impl Chance for Nothing {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }

    fn mint(&self, prefix: &str, _now: i64) -> String {
        format!("{prefix}_1")
    }
}

#[async_trait]
impl Transport for Nothing {
    async fn send(&self, _request: Prepared) -> Result<Response, HttpError> {
        std::future::pending().await
    }
}
