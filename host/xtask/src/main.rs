//! `cargo xtask …`: the project's own tasks. Owns how things are built, tested and started for development; never what the product does.

mod apt;
mod bench;
mod build_plugins;
mod chromium;
mod demo;
mod deny;
mod fuzz;
mod leash;
mod openapi;
mod postgres;
mod process;
mod project;
mod report;
mod soak;
mod stages;
mod test;
mod ui;
mod wit;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::project::Project;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The tasks of this project")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build everything and start the demo on 127.0.0.1:8080.
    Run(demo::Options),
    /// Run every check; `.ci/run` calls exactly this.
    Test(test::Options),
    /// Measure the project's figures: a table, and bench/report.json in cargo's build folder.
    Bench(bench::Options),
    /// Feed every reader of foreign bytes with what a fuzzer makes of the fixtures.
    Fuzz(fuzz::Options),
    /// Send many messages of all channels through a server that is killed over and over; then compare.
    Soak(soak::Options),
    /// Build the plugins into dist/plugins.
    BuildPlugins(build_plugins::Options),
    /// Build the web interface into host/ui/dist.
    BuildUi,
    /// Write host/openapi.json from the code, or compare with it.
    Openapi(openapi::Options),
    /// Parse every WIT package and compare it with the released ones.
    Wit,
}

fn main() -> ExitCode {
    let task = Arguments::parse().task;
    match perform(task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> anyhow::Result<ExitCode> {
    let project = Project::locate()?;
    match task {
        Task::Run(options) => demo::run(&project, &options),
        Task::Test(options) => test::run(&project, &options),
        Task::Bench(options) => bench::run(&project, &options).map(|()| ExitCode::SUCCESS),
        Task::Fuzz(options) => fuzz::run(&project, &options).map(|()| ExitCode::SUCCESS),
        Task::Soak(options) => soak::run(&project, &options).map(|()| ExitCode::SUCCESS),
        Task::BuildPlugins(options) => {
            build_plugins::run(&project, &options).map(|()| ExitCode::SUCCESS)
        }
        Task::BuildUi => ui::build(&project).map(|()| ExitCode::SUCCESS),
        Task::Openapi(options) => openapi::run(&project, &options).map(|()| ExitCode::SUCCESS),
        Task::Wit => wit::run(&project).map(|()| ExitCode::SUCCESS),
    }
}
