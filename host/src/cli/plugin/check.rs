//! `balcao plugin check`: what a package says of itself, and whether it could be installed.

use std::{path::PathBuf, process::ExitCode};

use balcao_runtime::check;
use clap::Args;

#[derive(Args)]
#[command(after_help = "Exit code: 0 it may be installed; 1 it may not; 2 there is no such file.")]
pub struct Check {
    /// The package (`dist/plugins/<id>.wasm`).
    package: PathBuf,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

impl Check {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let report = check::check_bytes(super::read(&self.package)?.into());
        match self.json {
            true => println!("{}", serde_json::to_string_pretty(&report)?),
            false => println!("{report}"),
        }
        Ok(match report.is_acceptable() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }
}
