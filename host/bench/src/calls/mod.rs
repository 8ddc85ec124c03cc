//! `call/…`: what one call of a plugin costs, beside the same job done natively and by other runtimes.
//! All contenders take turns in small batches, so that what else the machine does falls on all of them alike.

mod channels;
mod job;
mod office;
mod peers;
pub mod runaway;

use std::time::{Duration, Instant};

use anyhow::ensure;
use balcao_runtime::call::{Outcome, Output};
use balcao_runtime::effect::{Effect, Inbox};
use balcao_runtime::engine::EngineOptions;
use balcao_runtime::package::Package;
use balcao_runtime::wit::channel::Request;

use self::job::Native;
use self::office::{Desk, Office};
use self::peers::Peer;
use crate::Options;
use crate::report::Row;
use crate::samples::Samples;

/// How much is measured.
struct Rounds {
    warm_up: usize,
    rounds: usize,
    /// Calls of each contender in a round.
    batch: usize,
}

impl Rounds {
    fn of(options: &Options) -> Self {
        match options.quick {
            true => Self {
                warm_up: 1,
                rounds: 3,
                batch: 10,
            },
            false => Self {
                warm_up: 20,
                rounds: 200,
                batch: 50,
            },
        }
    }
}

/// All `call/…` rows.
pub fn measure(options: &Options) -> anyhow::Result<Vec<Row>> {
    runtime()?.block_on(async {
        let office = Office::open(options).await?;
        let measured = async {
            let mut all = rows(options, &office).await?;
            all.extend(channels::rows(options, &office).await?);
            Ok(all)
        };
        let rows = measured.await;
        office.close().await?;
        rows
    })
}

/// As the server has it, on as many threads as there are processors.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
}

/// One thing that is measured: a plugin's call on a desk.
struct Call<'a> {
    desk: &'a Desk,
    plugin: &'static str,
    request: Request,
    samples: Samples,
}

impl<'a> Call<'a> {
    fn new(office: &Office, desk: &'a Desk, plugin: &'static str) -> Self {
        Self {
            desk,
            plugin,
            request: job::request(&office.channel(plugin), job::BODY),
            samples: Samples::default(),
        }
    }

    async fn batch(&mut self, office: &Office, count: usize, keep: bool) -> anyhow::Result<()> {
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let begin = Instant::now();
            let outcome = office
                .receive(self.desk, self.plugin, &self.request)
                .await?;
            times.push(begin.elapsed());
            check(&outcome, self.plugin == "whatsapp")?;
        }
        if keep {
            self.samples.add(times);
        }
        Ok(())
    }
}

/// That a call did its work: a fast failure is no figure.
fn check(outcome: &Outcome, brings_a_message: bool) -> anyhow::Result<()> {
    ensure!(
        matches!(&outcome.result, Ok(Output::Response(response)) if response.status == 200),
        "the call failed: {:?}",
        outcome.result
    );
    let keys: Vec<&str> = outcome
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Inbox(Inbox::Message { event_key, .. }) => Some(event_key.as_str()),
            _ => None,
        })
        .collect();
    let expected: &[&str] = if brings_a_message {
        &[job::EVENT_KEY]
    } else {
        &[]
    };
    ensure!(
        keys == expected && outcome.effects.len() == expected.len(),
        "the call brought {:?}",
        outcome.effects
    );
    Ok(())
}

async fn rows(options: &Options, office: &Office) -> anyhow::Result<Vec<Row>> {
    let rounds = Rounds::of(options);
    let whatsapp = Package::read(std::fs::read(options.plugins.join("whatsapp.wasm"))?.into())?;
    let native = Native::new(&whatsapp);
    native.check()?;
    let usual = office.desk(EngineOptions::default()).await?;
    let scanning = EngineOptions {
        pagemap_scan: true,
        ..EngineOptions::default()
    };
    let scanning = office.desk(scanning).await?;
    let mut empty = Call::new(office, &usual, "empty");
    let mut fresh = Call::new(office, &usual, "whatsapp");
    let mut pagemap = Call::new(office, &scanning, "empty");
    let mut peers = peers::start(options, &native)?;
    let mut natively = Samples::default();
    for round in 0..rounds.warm_up + rounds.rounds {
        let keep = round >= rounds.warm_up;
        let times = native_batch(&native, rounds.batch)?;
        if keep {
            natively.add(times);
        }
        empty.batch(office, rounds.batch, keep).await?;
        fresh.batch(office, rounds.batch, keep).await?;
        pagemap.batch(office, rounds.batch, keep).await?;
        for peer in &mut peers {
            peer.batch(&native, rounds.batch, keep)?;
        }
    }
    let mut rows = vec![
        row(
            "call/empty",
            &empty.samples,
            &natively,
            "an export that returns at once, all limits; against the native job; ≤ 5",
        ),
        row(
            "call/empty-pagemap",
            &pagemap.samples,
            &natively,
            "the same with the kernel's page map scanned (off by default); for comparison",
        ),
        row(
            "call/fresh",
            &fresh.samples,
            &natively,
            "receive of a 1.3 KB webhook, HMAC included, all limits; against the native job; ≤ 10, goal 8",
        ),
    ];
    rows.extend(peers.iter().map(|peer| peer_row(peer, &fresh.samples)));
    Ok(rows)
}

fn native_batch(native: &Native, count: usize) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let begin = Instant::now();
        drop(std::hint::black_box(native.run()?));
        times.push(begin.elapsed());
    }
    Ok(times)
}

fn row(name: &str, samples: &Samples, baseline: &Samples, what: &str) -> Row {
    let quietest = samples.quietest() / baseline.quietest();
    Row::new(
        name,
        samples.median(),
        "µs",
        format!("{what}; quietest batches {quietest:.1}"),
    )
    .against(baseline.median())
    .spread(samples.median(), samples.percentile(0.99))
}

fn peer_row(peer: &Peer, ours: &Samples) -> Row {
    row(peer.name, &peer.samples, ours, peer.note)
}
