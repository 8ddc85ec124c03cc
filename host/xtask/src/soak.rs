//! `cargo xtask soak`: the soak of `host/tests/kill`, as long as one likes, on both databases. The tests run a short one. Owns how it is started; what it tries
//! is in `host/tests/kill/soak.rs`.

use anyhow::Result;

use crate::bench;
use crate::postgres::Postgres;
use crate::process::{self, Log};
use crate::project::Project;

#[derive(clap::Args)]
pub struct Options {
    /// How many messages customers write on each database; the server's memory is judged from 200,000 on, a tenth of which makes it warm.
    #[arg(long, default_value_t = 200_000)]
    messages: usize,
    /// Repeats the one of that number, as far as chance goes.
    #[arg(long)]
    seed: Option<u64>,
}

/// Builds what it needs and runs it.
///
/// # Errors
/// What does not build, or what is not as it should be afterwards.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    process::run(project.xtask("build-plugins")?)?;
    // With the whole workspace, so that cargo picks the features that everything else was built with.
    let mut build = project.cargo();
    build.args(["build", "--workspace", "--bin", "balcao", "--test", "kill"]);
    bench::optimise(&mut build);
    process::run(build)?;
    let log = project.target.join("xtask").join("logs").join("soak.log");
    let postgres = Postgres::obtain(&mut Log::create(log)?)?;
    let mut test = project.cargo();
    test.args(["test", "--workspace", "--bin", "balcao", "--test", "kill"]);
    bench::optimise(&mut test);
    test.args(["soak::", "--", "--nocapture", "--test-threads=1"])
        .env("SOAK_MESSAGES", options.messages.to_string())
        .env("BALCAO_TEST_PLUGINS", project.plugins())
        .env("TEST_POSTGRES_URL", &postgres.url);
    if let Some(seed) = options.seed {
        test.env("KILL_SEED", seed.to_string());
    }
    process::run(test)
}
