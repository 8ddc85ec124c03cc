//! `balcao serve`: takes the port, then runs the server until it is told to stop.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use tokio::net::TcpListener;

use crate::{config::Config, demo::Demo};

#[derive(Args)]
#[command(
    after_help = "Configured by balcao.toml in the working directory, then by BALCAO_… in the environment: BALCAO_LISTEN=127.0.0.1:8080, \
                  BALCAO_DATA_DIR, BALCAO_DATABASE_URL, BALCAO_PUBLIC_URL… All of them are in docs/configuration.md."
)]
pub struct Serve {
    /// Set up the demonstration workspace that FILE describes; only on a loopback address.
    #[arg(long, value_name = "FILE")]
    demo: Option<PathBuf>,
}

impl Serve {
    pub async fn run(self, config: Config) -> anyhow::Result<()> {
        let demo = self.demo.as_deref().map(Demo::read).transpose()?;
        let stop = stop_signal();
        // The port first: where it is taken, nothing has been written yet.
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("cannot listen on {}", config.listen))?;
        crate::run(config, listener, demo, stop).await
    }
}

/// Ends when the process is asked to stop: Ctrl-C, or SIGTERM. It listens from the call on: who asks while the server starts is heard too.
fn stop_signal() -> impl Future<Output = ()> + Send + 'static {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let asked = [SignalKind::terminate(), SignalKind::interrupt()].map(|kind| {
            signal(kind)
                .inspect_err(|error| tracing::warn!(%error, "a signal to stop cannot be received"))
                .ok()
        });
        async move {
            let [terminate, interrupt] = asked.map(async |signal| match signal {
                Some(mut signal) => signal.recv().await,
                None => std::future::pending().await,
            });
            tokio::select! {
                _ = terminate => {}
                _ = interrupt => {}
            }
        }
    }
    #[cfg(not(unix))]
    async {
        let _ = tokio::signal::ctrl_c().await;
    }
}
