//! `balcao serve`: takes the port, then runs the server until it is told to stop.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use tokio::net::TcpListener;

use crate::{config::Config, demo::Demo};

#[derive(Args)]
pub struct Serve {
    /// Set up the demonstration workspace that FILE describes; only on a loopback address.
    #[arg(long, value_name = "FILE")]
    demo: Option<PathBuf>,
}

impl Serve {
    pub async fn run(self, config: Config) -> anyhow::Result<()> {
        let demo = self.demo.as_deref().map(Demo::read).transpose()?;
        // The port first: where it is taken, nothing has been written yet.
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("cannot listen on {}", config.listen))?;
        crate::run(config, listener, demo, stop_signal()).await
    }
}

/// Ends when the process is asked to stop: Ctrl-C, or SIGTERM.
async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            },
            Err(error) => {
                tracing::warn!(%error, "SIGTERM cannot be received; only Ctrl-C stops the server");
                let _ = tokio::signal::ctrl_c().await;
            }
        }
    }
    #[cfg(not(unix))]
    let _ = tokio::signal::ctrl_c().await;
}
