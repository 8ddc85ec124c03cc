//! Processes of this same program beside the measuring one: servers that differ in one thing, and screens that must not share the server's memory.
//! Owns how they are told what they are.

use std::env;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::server::{Place, Server};
use crate::{ingest, realtime};

/// Says which role a child plays; absent in the program that measures. Not of the server's own variables, which it reads too.
pub const ROLE: &str = "BENCH_ROLE";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The server as it is, in this program.
    Component,
    /// The server with the connector's code compiled natively.
    Native,
    /// Many screens.
    Screens,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Native => "native",
            Self::Screens => "screens",
        }
    }
}

/// Plays the role that this process was started for; none: it is the one that measures.
pub fn play() -> Option<ExitCode> {
    let role = env::var(ROLE).ok()?;
    match played(&role) {
        Ok(()) => Some(ExitCode::SUCCESS),
        Err(error) => {
            eprintln!("error: {error:#}");
            Some(ExitCode::FAILURE)
        }
    }
}

fn played(role: &str) -> Result<()> {
    let all = [Role::Component, Role::Native, Role::Screens];
    let server = || {
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
    };
    match all.into_iter().find(|it| it.name() == role) {
        Some(Role::Screens) => realtime::screens::run(),
        Some(role) => server()?.block_on(ingest::serve(role)),
        None => bail!("{ROLE}: there is no role {role}"),
    }
}

/// Starts a server of that role.
pub fn serve(role: Role, place: &Place) -> Result<Server> {
    let program = env::current_exe()?;
    Server::start_as(&program, place, &[], &[(ROLE, role.name())]).map(|(server, _)| server)
}
