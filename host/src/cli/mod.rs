//! The command line: `serve`, `admin`, `openapi`, `plugin`. Owns arguments, signals and exit codes; what the commands do is done by the same services that the
//! API uses. Results go to standard output, everything else to standard error.

mod admin;
mod plugin;
mod serve;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::{config::Config, plugin::compile};

/// Balcão: a customer-service inbox in which every channel and policy is a plugin.
#[derive(Parser)]
#[command(name = "balcao", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server.
    Serve(serve::Serve),
    /// Care for the server from its own machine.
    #[command(subcommand)]
    Admin(admin::Admin),
    /// Print the API's OpenAPI document.
    Openapi,
    /// Compile a component: what the server does in a child process.
    #[command(name = compile::SUBCOMMAND, hide = true)]
    Compile { component: PathBuf, output: PathBuf },
    /// Try a plugin on this machine, without any server.
    #[command(subcommand)]
    Plugin(plugin::Plugin),
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("balcao: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Openapi => print!("{}", crate::api::openapi_json()),
        Command::Compile { component, output } => compile::run(&component, &output)?,
        Command::Serve(serve) => {
            start_logging();
            block_on(serve.run(Config::load()?))?;
        }
        Command::Admin(admin) => block_on(admin.run(Config::load()?))?,
        Command::Plugin(plugin) => return Ok(plugin.run()),
    }
    Ok(ExitCode::SUCCESS)
}

fn block_on(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

/// Lines on standard error; `RUST_LOG` chooses which (default: `info`).
fn start_logging() {
    use std::io::IsTerminal;
    use tracing_subscriber::EnvFilter;
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
}
