//! `cargo xtask bench`: builds what the figures are measured with, optimised, and has them measured by `balcao-bench`. Owns how that is built;
//! what is measured is in `host/bench`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::postgres::Postgres;
use crate::process::{self, Log};
use crate::project::Project;

/// Our own crates as a release has them, in the dev profile: the dependencies, whose settings are fixed in the workspace's `Cargo.toml`, are
/// compiled once for all of development, tests and figures.
const OPTIMISED: [(&str, &str); 4] = [
    ("CARGO_PROFILE_DEV_OPT_LEVEL", "3"),
    ("CARGO_PROFILE_DEV_DEBUG_ASSERTIONS", "false"),
    ("CARGO_PROFILE_DEV_OVERFLOW_CHECKS", "false"),
    ("CARGO_INCREMENTAL", "0"),
];

/// The interface's files are built in where assertions are off: rust-embed must think as our own crates do (see the workspace's `Cargo.toml`).
const EMBED: [&str; 4] = [
    "--config",
    "profile.dev.package.rust-embed.debug-assertions=false",
    "--config",
    "profile.dev.package.rust-embed-utils.debug-assertions=false",
];

/// What the other runtimes' module is compiled for, like our plugins.
const WASM: &str = "wasm32-unknown-unknown";

#[derive(clap::Args)]
pub struct Options {
    /// Small rounds of an ordinary build, without the other runtimes: shows that each row runs, not what it costs.
    #[arg(long)]
    quick: bool,
    /// Only the rows whose name begins so: `call`, `call/fresh`, `ingest`…
    #[arg(long, value_name = "PREFIX")]
    only: Option<String>,
}

impl Options {
    /// Whether rows are wanted that the other runtimes are measured with.
    fn wants_calls(&self) -> bool {
        let only = self.only.as_deref().unwrap_or_default();
        "call/peer".starts_with(only) || only.starts_with("call/peer")
    }

    /// Whether rows are wanted that need a PostgreSQL.
    fn wants_postgres(&self) -> bool {
        let only = self.only.as_deref().unwrap_or_default();
        !self.quick && ("ingest".starts_with(only) || only.starts_with("ingest"))
    }
}

/// The same job under other runtimes.
struct Peers {
    program: PathBuf,
    guest: PathBuf,
}

/// Builds, measures, prints the table and writes `bench/report.json` in the build folder.
///
/// # Errors
/// What does not build, what cannot be measured, or a row that is missing.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let mut plugins = project.xtask("build-plugins")?;
    plugins.arg("--fixtures");
    process::run(plugins)?;
    build(project, options.quick)?;
    let mut bench = Command::new(project.built("balcao-bench"));
    bench
        .current_dir(&project.root)
        .arg("--plugins")
        .arg(project.plugins())
        .arg("--fixtures")
        .arg(project.fixtures())
        .arg("--server")
        .arg(project.built("balcao"))
        .arg("--standin")
        .arg(project.built("balcao-demo"))
        .arg("--report")
        .arg(project.target.join("bench").join("report.json"));
    // Runs until everything is measured.
    let _postgres = if options.wants_postgres() {
        let log = project.target.join("bench").join("postgres.log");
        let server = Postgres::obtain(&mut Log::create(log)?)?;
        bench.env("TEST_POSTGRES_URL", &server.url);
        Some(server)
    } else {
        None
    };
    if options.quick {
        bench.arg("--quick");
    } else if options.wants_calls() {
        let peers = build_peers(project)?;
        bench.arg("--peer").arg(peers.program);
        bench.arg("--peer-guest").arg(peers.guest);
    }
    if let Some(only) = &options.only {
        bench.arg("--only").arg(only);
    }
    process::run(bench)
}

/// With the whole workspace, so that cargo picks the features that everything else was built with.
fn build(project: &Project, quick: bool) -> Result<()> {
    let mut cargo = project.cargo();
    cargo.args(["build", "--workspace"]);
    for program in ["balcao", "balcao-demo", "balcao-bench"] {
        cargo.args(["--bin", program]);
    }
    if !quick {
        optimise(&mut cargo);
    }
    process::run(cargo)
}

/// Has cargo compile our own crates as a release has them.
pub fn optimise(cargo: &mut Command) {
    cargo.envs(OPTIMISED).args(EMBED);
}

/// A workspace of its own, in a build folder of its own: its dependencies are none of the product's.
fn build_peers(project: &Project) -> Result<Peers> {
    let folder = project.root.join("host").join("bench").join("peers");
    let target = project.target.join("bench").join("peers");
    let build = |arguments: &[&str]| {
        let mut cargo = project.cargo();
        cargo.current_dir(&folder).arg("build").args(arguments);
        cargo.arg("--target-dir").arg(&target);
        process::run(cargo)
    };
    build(&["--locked", "--release", "--bin", "balcao-bench-peers"])?;
    build(&[
        "--locked",
        "--package",
        "peer-guest",
        "--target",
        WASM,
        "--profile",
        "plugin",
    ])?;
    Ok(Peers {
        program: target.join("release").join("balcao-bench-peers"),
        guest: target.join(WASM).join("plugin").join("peer_guest.wasm"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_runtimes_are_built_where_a_row_of_theirs_may_be_wanted() {
        let wants = |only: Option<&str>| {
            Options {
                quick: false,
                only: only.map(str::to_owned),
            }
            .wants_calls()
        };
        assert!(wants(None) && wants(Some("call")) && wants(Some("call/peer-node")));
        assert!(!wants(Some("ingest")) && !wants(Some("call/fresh")));
    }
}
