//! What is checked, one function per stage. Each keeps its output in a log; none knows of the others.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::postgres::Postgres;
use crate::process::Log;
use crate::project::{self, Project};
use crate::report::{Outcome, TestCounts};
use crate::{apt, chromium, deny, fuzz, ui};

/// What stages share: one database server for all.
pub struct Session<'a> {
    pub project: &'a Project,
    postgres: Option<Postgres>,
}

/// One check of the whole.
pub struct Stage {
    /// As in `--only`.
    pub name: &'static str,
    /// An error is a failure.
    pub run: fn(&mut Session, &mut Log) -> Result<Outcome>,
}

/// All stages, the quick ones first, what others need before them.
pub const STAGES: &[Stage] = &[
    Stage {
        name: "fmt",
        run: format,
    },
    Stage {
        name: "wit",
        run: wit,
    },
    Stage {
        name: "deny",
        run: |session, log| deny::check(session.project, log),
    },
    Stage {
        name: "clippy",
        run: clippy,
    },
    Stage {
        name: "build",
        run: build,
    },
    Stage {
        name: "plugins",
        run: build_plugins,
    },
    Stage {
        name: "openapi",
        run: openapi,
    },
    Stage {
        name: "ui",
        run: interface,
    },
    Stage {
        name: "rust-tests",
        run: rust_tests,
    },
    Stage {
        name: "scenarios",
        run: scenarios,
    },
    Stage {
        name: "fuzz",
        run: |session, log| fuzz::check(session.project, log),
    },
    Stage {
        name: "bench",
        run: bench,
    },
    Stage {
        name: "browser",
        run: browser,
    },
];

impl<'a> Session<'a> {
    /// Nothing is started until a stage needs it.
    pub fn new(project: &'a Project) -> Self {
        Self {
            project,
            postgres: None,
        }
    }

    fn postgres(&mut self, log: &mut Log) -> Result<&Postgres> {
        let server = match self.postgres.take() {
            Some(server) => server,
            None => Postgres::obtain(log)?,
        };
        Ok(self.postgres.insert(server))
    }
}

fn format(session: &mut Session, log: &mut Log) -> Result<Outcome> {
    let mut cargo = session.project.cargo();
    cargo.args(["fmt", "--all", "--check"]);
    log.run(cargo)?;
    Ok(Outcome::Passed(None))
}

fn clippy(session: &mut Session, log: &mut Log) -> Result<Outcome> {
    let mut cargo = session.project.cargo();
    cargo.args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]);
    log.run(cargo)?;
    Ok(Outcome::Passed(None))
}

/// One build for all that follows: with the tests, so that cargo picks the same features everywhere.
fn build(session: &mut Session, log: &mut Log) -> Result<Outcome> {
    let mut cargo = session.project.cargo();
    cargo.args(["build", "--workspace", "--bins", "--tests"]);
    log.run(cargo)?;
    Ok(Outcome::Passed(None))
}

fn wit(session: &mut Session, log: &mut Log) -> Result<Outcome> {
    log.run(session.project.xtask("wit")?)?;
    Ok(Outcome::Passed(None))
}

fn build_plugins(session: &mut Session, log: &mut Log) -> Result<Outcome> {
    let mut build = session.project.xtask("build-plugins")?;
    build.arg("--fixtures");
    log.run(build)?;
    Ok(Outcome::Passed(None))
}

fn openapi(session: &mut Session, log: &mut Log) -> Result<Outcome> {
    let mut check = session.project.xtask("openapi")?;
    check.arg("--check");
    log.run(check)?;
    Ok(Outcome::Passed(None))
}

fn interface(session: &mut Session, log: &mut Log) -> Result<Outcome> {
    ui::check(session.project, log)?;
    Ok(Outcome::Passed(None))
}

/// What converts sound: there, or installed.
fn ffmpeg(log: &mut Log) -> Result<()> {
    match project::on_path("ffmpeg") {
        Some(_) => Ok(()),
        None => apt::install("ffmpeg", log),
    }
}

/// Cargo's own summary lines are shown as they come, and what failed: the log is too long to find it at its end.
fn rust_tests(session: &mut Session, log: &mut Log) -> Result<Outcome> {
    let project = session.project;
    let (url, origin) = match session.postgres(log) {
        Ok(server) => (Some(server.url.clone()), server.origin.clone()),
        Err(error) => (None, format!("{error:#}")),
    };
    let ffmpeg = ffmpeg(log);
    let mut cargo = project.cargo();
    cargo
        .args(["test", "--workspace", "--no-fail-fast"])
        .env("BALCAO_TEST_PLUGINS", project.plugins())
        .env("BALCAO_TEST_FIXTURES", project.fixtures());
    if let Some(url) = &url {
        cargo.env("TEST_POSTGRES_URL", url);
    }
    let mut counts = TestCounts::default();
    log.run_watching(cargo, |line| {
        let heading = line.trim_start();
        let failed = line.ends_with("... FAILED") || line.contains(" panicked at ");
        let told = counts.take(line) || failed;
        if told || heading.starts_with("Running ") || heading.starts_with("Doc-tests ") {
            println!("    {heading}");
        }
    })?;
    ensure!(counts.passed > 0, "no test ran");
    ensure!(
        counts.ignored == 0,
        "{} tests are ignored: mend or remove them",
        counts.ignored
    );
    let note = format!("{} tests, PostgreSQL: {origin}", counts.passed);
    let mut missing = Vec::new();
    if url.is_none() {
        missing.push(format!("the tests on PostgreSQL: {origin}"));
    }
    if let Err(error) = ffmpeg {
        missing.push(format!("the conversion of sound: {error:#}"));
    }
    if missing.is_empty() {
        return Ok(Outcome::Passed(Some(note)));
    }
    Ok(Outcome::NotRun(missing.join("; ")))
}

fn scenarios(session: &mut Session, log: &mut Log) -> Result<Outcome> {
    let folders = plugins(session.project)?;
    let count = folders.len();
    ensure!(count > 0, "no plugins/*/scenarios");
    let mut failed = Vec::new();
    for folder in folders {
        let mut test = Command::new(session.project.built("balcao"));
        test.current_dir(&session.project.root)
            .args(["plugin", "test"])
            .arg(&folder)
            .env("BALCAO_PLUGINS_DIR", session.project.plugins());
        if let Err(error) = log.run(test) {
            log.line(&format!("{error:#}"))?;
            failed.extend(
                folder
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned()),
            );
        }
    }
    if !failed.is_empty() {
        bail!("scenarios of {} fail", failed.join(", "));
    }
    Ok(Outcome::Passed(Some(format!("{count} plugins"))))
}

/// The folders of first-party plugins that have scenarios.
fn plugins(project: &Project) -> Result<Vec<PathBuf>> {
    let folder = project.root.join("plugins");
    let unreadable = || format!("cannot read {}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        if path.join("scenarios").is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// For its code, not for its figures: every row is measured, in small rounds.
fn bench(session: &mut Session, log: &mut Log) -> Result<Outcome> {
    let mut bench = session.project.xtask("bench")?;
    bench.arg("--quick");
    log.run(bench)?;
    Ok(Outcome::Passed(None))
}

fn browser(session: &mut Session, log: &mut Log) -> Result<Outcome> {
    let project = session.project;
    let chromium = match chromium::obtain(log) {
        Ok(path) => path,
        Err(error) => return Ok(Outcome::NotRun(format!("{error:#}"))),
    };
    if let Err(error) = ffmpeg(log) {
        return Ok(Outcome::NotRun(format!("{error:#}")));
    }
    let folder = project.root.join("tests").join("browser");
    ui::require_node()?;
    ui::install(&folder, Some(log))?;
    let mut node = Command::new("npm");
    node.current_dir(&folder)
        .args(["test"])
        .env("CHROMIUM", chromium)
        .env("BALCAO_BIN", project.built("balcao"))
        .env("BALCAO_DEMO_BIN", project.built("balcao-demo"))
        .env("BALCAO_TEST_PLUGINS", project.plugins())
        .env("BALCAO_TEST_FIXTURES", project.fixtures());
    log.run(node)?;
    Ok(Outcome::Passed(None))
}

/// Where a stage's log is kept.
pub fn log(project: &Project, stage: &str) -> Result<Log> {
    let file = format!("{stage}.log");
    Log::create(project.target.join("xtask").join("logs").join(file))
}
