//! `balcao plugin …`: a plugin alone on the developer's machine, without any server. Owns arguments and exit codes; what runs and judges
//! plugins is the runtime's.

mod call;
mod check;
mod test;

use std::{
    fs,
    io::{self, Read},
    path::Path,
    process::ExitCode,
};

use balcao_runtime::{
    engine::{Engine, EngineOptions},
    package::Package,
};
use clap::Subcommand;

/// How many calls of one process may run at once; each has address space set aside for it.
const CONCURRENT_CALLS: u32 = 16;

#[derive(Subcommand)]
pub enum Plugin {
    /// Feed one request, event or action to a plugin and print what comes of it as JSON.
    Call(Box<call::Call>),
    /// Print what a package is, asks for and contributes, and each problem with its remedy.
    Check(check::Check),
    /// Run scenario files and show what differs.
    Test(test::Test),
}

impl Plugin {
    /// 0: done; 1: it did not end well; 2: it could not be done as asked.
    pub fn run(self) -> ExitCode {
        let done = match self {
            Self::Call(call) => call.run(),
            Self::Check(check) => check.run(),
            Self::Test(test) => test.run(),
        };
        match done {
            Ok(code) => code,
            Err(error) => {
                eprintln!("balcao: {error:#}");
                ExitCode::from(2)
            }
        }
    }
}

fn engine() -> anyhow::Result<Engine> {
    let options = EngineOptions {
        concurrent_calls: CONCURRENT_CALLS,
        ..EngineOptions::default()
    };
    Engine::new(options).map_err(|error| anyhow::anyhow!("the engine does not start: {error:#}"))
}

fn package(file: &Path) -> anyhow::Result<Package> {
    let read = Package::read(read(file)?.into());
    read.map_err(|error| anyhow::anyhow!("{} is no package: {error}", file.display()))
}

/// A file's bytes, or those of standard input for `-`.
fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        let read = io::stdin().read_to_end(&mut bytes);
        read.map_err(|error| anyhow::anyhow!("standard input: {error}"))?;
        return Ok(bytes);
    }
    fs::read(file).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))
}
