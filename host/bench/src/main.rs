//! The project's figures: each group of rows measures one promise of the product beside a baseline of the same run.
//! Started by `cargo xtask bench`, which builds what it needs; never part of the product.

mod report;

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
    /// Only the groups whose name begins so: `call`, `ingest`, `realtime`…
    #[arg(long)]
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
    /// Where `report.json` is written.
    #[arg(long)]
    pub report: PathBuf,
}

/// A group of rows that are measured together.
type Group = (&'static str, fn(&Options) -> anyhow::Result<Vec<Row>>);

const GROUPS: &[Group] = &[];

fn main() -> ExitCode {
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
    for (name, measure) in GROUPS {
        if options
            .only
            .as_deref()
            .is_some_and(|only| !name.starts_with(only))
        {
            continue;
        }
        eprintln!("measuring {name} …");
        rows.extend(measure(options)?);
    }
    report::print(&rows);
    report::write(&rows, &options.report)
}
