//! `cargo xtask test`: every stage to the end, one line each, then the count.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::project::{self, Project};
use crate::report::{Outcome, Report, Verdict};
use crate::stages::{self, STAGES, Session, Stage};

/// How many lines of a failed stage are shown; the rest is in its log.
const SHOWN: usize = 200;

/// Which checks to run.
#[derive(clap::Args)]
pub struct Options {
    /// Only these stages, e.g. `--only fmt,clippy`.
    #[arg(long, value_delimiter = ',', value_name = "STAGE")]
    only: Vec<String>,
}

/// Runs the stages; fails if one failed, or if one could not run under CI.
pub fn run(project: &Project, options: &Options) -> Result<ExitCode> {
    let chosen = choose(&options.only)?;
    let mut session = Session::new(project);
    let mut report = Report::default();
    for stage in chosen {
        perform(stage, &mut session, &mut report)?;
    }
    let strict = project::in_ci();
    println!("{}", report.summary(strict));
    Ok(match report.good(strict) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn perform(stage: &Stage, session: &mut Session, report: &mut Report) -> Result<()> {
    let begin = Instant::now();
    let mut log = stages::log(session.project, stage.name)?;
    let (verdict, note) = match (stage.run)(session, &mut log) {
        Ok(Outcome::Passed(note)) => (Verdict::Passed, note),
        Ok(Outcome::NotRun(reason)) => (Verdict::NotRun, Some(reason)),
        Err(error) => {
            println!("{}", log.tail(SHOWN)?);
            (Verdict::Failed, Some(format!("{error:#}")))
        }
    };
    println!(
        "{}",
        report.add(stage.name, verdict, begin.elapsed(), note.as_deref())
    );
    Ok(())
}

fn choose(only: &[String]) -> Result<Vec<&'static Stage>> {
    let names: Vec<&str> = STAGES.iter().map(|stage| stage.name).collect();
    if let Some(unknown) = only.iter().find(|name| !names.contains(&name.as_str())) {
        bail!(
            "there is no stage {unknown}: choose from {}",
            names.join(", ")
        );
    }
    let wanted = |stage: &&Stage| only.is_empty() || only.iter().any(|name| name == stage.name);
    Ok(STAGES.iter().filter(wanted).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_stage_is_refused_with_the_known_ones() {
        let error = choose(&["fmt".to_owned(), "clipy".to_owned()])
            .err()
            .unwrap();
        assert!(
            error
                .to_string()
                .starts_with("there is no stage clipy: choose from fmt, "),
            "{error}"
        );
    }

    #[test]
    fn chosen_stages_keep_their_order_and_none_means_all() {
        let names = |only: &[String]| -> Vec<&str> {
            choose(only)
                .unwrap()
                .iter()
                .map(|stage| stage.name)
                .collect()
        };
        assert_eq!(
            names(&["clippy".to_owned(), "fmt".to_owned()]),
            ["fmt", "clippy"]
        );
        assert_eq!(names(&[]).len(), STAGES.len());
    }
}
