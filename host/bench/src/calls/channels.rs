//! `call/fresh-<channel>`: what a webhook of each channel costs through its component, beside the native job: the host's own verification and the connector's own
//! reading. The contenders take turns in small batches.

use std::hint::black_box;
use std::time::Instant;

use anyhow::ensure;
use balcao_runtime::call::{Outcome, Output};
use balcao_runtime::effect::{Effect, Inbox};
use balcao_runtime::engine::EngineOptions;
use balcao_runtime::secrets::Secrets;
use balcao_runtime::verify::{Verdict, verify};
use balcao_runtime::wit::channel::Request;

use super::office::{Office, Visitor};
use super::{Rounds, job, row};
use crate::Options;
use crate::channels::{KINDS, Kind};
use crate::report::Row;
use crate::samples::Samples;

/// One channel's contenders.
struct Pair {
    kind: Kind,
    request: Request,
    keys: Vec<String>,
    /// Who writes, where they are a visitor.
    visitor: Option<Visitor>,
    secrets: Secrets,
    component: Samples,
    native: Samples,
}

/// The rows, each with its own baseline.
pub async fn rows(options: &Options, office: &Office) -> anyhow::Result<Vec<Row>> {
    let rounds = Rounds::of(options);
    let desk = office.desk(EngineOptions::default()).await?;
    let mut pairs = Vec::new();
    for kind in KINDS {
        pairs.push(Pair::new(kind, office).await?);
    }
    for round in 0..rounds.warm_up + rounds.rounds {
        for pair in &mut pairs {
            let (mut native, mut component) = (Vec::new(), Vec::new());
            let package = office.package(pair.kind.plugin)?;
            let rules = &package.manifest().webhook.verify;
            for _ in 0..rounds.batch {
                let begin = Instant::now();
                let request = black_box(&pair.request);
                let verdict = verify(
                    rules,
                    &pair.secrets,
                    &request.method,
                    &request.query,
                    &request.headers,
                    &request.body,
                );
                let visitor = match &pair.visitor {
                    Some(visitor) => office.visitor(pair.kind.plugin, &visitor.token).await?,
                    None => String::new(),
                };
                let keys = (pair.kind.read)(&request.body, &visitor);
                native.push(begin.elapsed());
                ensure!(
                    verdict == Verdict::Accepted && keys == pair.keys,
                    "native: {verdict:?} {keys:?}"
                );
            }
            for _ in 0..rounds.batch {
                let begin = Instant::now();
                let outcome = office
                    .receive(&desk, pair.kind.plugin, &pair.request)
                    .await?;
                component.push(begin.elapsed());
                pair.check(&outcome)?;
            }
            if round >= rounds.warm_up {
                pair.native.add(native);
                pair.component.add(component);
            }
        }
    }
    Ok(pairs.iter().map(Pair::row).collect())
}

impl Pair {
    async fn new(kind: Kind, office: &Office) -> anyhow::Result<Self> {
        let body = (kind.message)(1, 1, &job::text()?).to_string();
        let visitor = match kind.has_visitors() {
            true => Some(office.somebody(kind.plugin).await?),
            false => None,
        };
        let (id, token) = visitor.as_ref().map_or(("", ""), |it| (&it.id, &it.token));
        let request = kind.request(&office.channel(kind.plugin), body.as_bytes(), token);
        let keys = (kind.read)(&request.body, id);
        ensure!(keys.len() == 1, "{}: {keys:?}", kind.plugin);
        Ok(Self {
            kind,
            request,
            keys,
            visitor,
            secrets: kind.secrets(),
            component: Samples::default(),
            native: Samples::default(),
        })
    }

    /// That it did its work: a fast failure is no figure.
    fn check(&self, outcome: &Outcome) -> anyhow::Result<()> {
        let answered = matches!(&outcome.result, Ok(Output::Response(it)) if it.status == 200);
        let brought = outcome.effects.iter().filter_map(|effect| match effect {
            Effect::Inbox(Inbox::Message { event_key, .. }) => Some(event_key),
            _ => None,
        });
        let brought: Vec<&String> = brought.collect();
        ensure!(
            answered && brought.iter().copied().eq(&self.keys),
            "{}: {:?} {brought:?}",
            self.kind.plugin,
            outcome.result
        );
        Ok(())
    }

    fn row(&self) -> Row {
        let what = format!(
            "receive of a webhook of {} bytes, all limits; against its native job; ≤ 10",
            self.request.body.len()
        );
        row(
            &format!("call/fresh-{}", self.kind.plugin),
            &self.component,
            &self.native,
            &what,
        )
    }
}
