//! The project's figures: each group of rows measures one promise of the product beside a baseline of the same run.
//! Started by `cargo xtask bench`, which builds what it needs; never part of the product.

mod apps;
mod calls;
mod channels;
mod children;
mod ingest;
mod load;
mod office;
mod realtime;
mod report;
mod samples;
mod server;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::report::Row;

#[derive(Parser)]
#[command(name = "balcao-bench", about = "Measure the project's figures")]
pub struct Options {
    /// Small rounds: shows that every row still runs, not what it costs.
    #[arg(long)]
    pub quick: bool,
    /// Only the rows whose name begins so: `call`, `call/fresh`, `ingest`, `realtime`…
    #[arg(long, value_name = "PREFIX")]
    pub only: Option<String>,
    /// Where first-party packages lie (`dist/plugins`).
    #[arg(long)]
    pub plugins: PathBuf,
    /// Where the packages of the fixtures lie.
    #[arg(long)]
    pub fixtures: PathBuf,
    /// The server's program.
    #[arg(long)]
    pub server: PathBuf,
    /// The provider's stand-in: the program of the demonstration.
    #[arg(long)]
    pub standin: PathBuf,
    /// The program that does the same job under other runtimes (`host/bench/peers`); without it those rows are left out.
    #[arg(long, requires = "peer_guest")]
    pub peer: Option<PathBuf>,
    /// The connector's parsing as a plain module, for that program.
    #[arg(long, requires = "peer")]
    pub peer_guest: Option<PathBuf>,
    /// Where `report.json` is written.
    #[arg(long)]
    pub report: PathBuf,
}

/// A group of rows that are measured together.
type Group = (&'static str, fn(&Options) -> anyhow::Result<Vec<Row>>);

const GROUPS: &[Group] = &[
    ("call", calls::measure),
    ("runaway", calls::runaway::measure),
    ("ingest", ingest::measure),
    ("dispatch", ingest::sustained),
    ("realtime", realtime::screens),
    ("apps", apps::workspaces),
];

fn main() -> ExitCode {
    if let Some(code) = children::play() {
        return code;
    }
    let options = Options::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for (name, measure) in GROUPS.iter().filter(|(name, _)| options.wants_group(name)) {
        eprintln!("measuring {name} …");
        rows.extend(measure(options)?);
    }
    rows.retain(|row| options.wants(&row.name));
    report::print(&rows);
    report::write(&rows, &options.report)?;
    let missing = report::missing(&rows, options.peer.is_some(), |name| options.wants(name));
    anyhow::ensure!(
        missing.is_empty(),
        "these rows are missing: {}",
        missing.join(", ")
    );
    Ok(())
}

impl Options {
    /// Whether a row was asked for.
    pub fn wants(&self, row: &str) -> bool {
        self.only
            .as_deref()
            .is_none_or(|only| row.starts_with(only))
    }

    /// Whether a row of the group may have been asked for.
    fn wants_group(&self, group: &str) -> bool {
        self.wants(group)
            || self
                .only
                .as_deref()
                .is_some_and(|only| only.starts_with(&format!("{group}/")))
    }
}
