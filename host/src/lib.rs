//! Balcão: a customer-service inbox server in which everything but the inbox itself is a plugin.
//!
//! | module | owns |
//! |---|---|
//! | `config`, `cli` | what the operator decides, and the commands |
//! | `app` | all wiring |
//! | `id`, `clock`, `error`, `password`, `seal` | small things everybody uses |
//! | `user`, `team`, `channel`, `workspace`, `account`, `attachment`, `limits` | people, teams, channels, files: types and pure rules |
//! | `files`, `pictures`, `media` | the bytes of files, pictures among them without metadata, and links to them for providers |
//! | `keeping` | how bytes become a file, and go, whenever a server dies |
//! | `voice` | sound as a channel takes it, by ffmpeg |
//! | `vault`, `settings` | secrets, sealed at rest, and settings checked against their schema |
//! | `plugin`, `outgoing` | what the server asks of plugins, and their requests on the network |
//! | `pace`, `health` | how many messages a second a channel is sent, and what sending shows of it |
//! | `hooks` | webhooks: verify, receive, park |
//! | `origins`, `visitors`, `uploads` | browsers on other people's sites: from where, who, and how much they send |
//! | `signals` | reactions and typing, to the contact |
//! | `ingest` | what channels received, into the store |
//! | `store` | the only SQL |
//! | `plugin` | which apps there are, and calls of them |
//! | `dispatch`, `jobs` | telling plugins, sending, ending what is over |
//! | `outgoing` | plugins' requests on the network |
//! | `realtime` | what screens see as it happens |
//! | `api` | HTTP |
//! | `demo` | the demonstration's workspace |
//!
//! Direction: `api`, `jobs` → `ingest`, `dispatch` → `plugin`, `realtime` → `store` → domain files. Never back.

pub mod account;
pub mod api;
pub mod app;
pub mod attachment;
pub mod capabilities;
pub mod channel;
pub mod choices;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod dispatch;
pub mod error;
pub mod files;
pub mod health;
pub mod hooks;
pub mod hours;
pub mod id;
pub mod ingest;
pub mod jobs;
pub mod keeping;
pub mod limits;
pub mod media;
pub mod origins;
pub mod outgoing;
pub mod pace;
pub mod password;
pub mod pictures;
pub mod plugin;
pub mod realtime;
pub mod reason;
pub mod refusals;
pub mod seal;
pub mod settings;
pub mod signals;
pub mod store;
pub mod team;
pub mod team_settings;
pub mod uploads;
pub mod user;
pub mod vault;
pub mod visitors;
pub mod voice;
pub mod workspace;

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use axum::serve::ListenerExt;
use tokio::{net::TcpListener, task::JoinSet};

use app::{App, SharedApp};
use config::Config;
use demo::Demo;
use store::holders::Alive;

/// Messages and calls are made of many small allocations: measured, a tenth of what taking in a webhook costs. SQLite's are among them.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long requests may take to end once the server is asked to stop.
const FAREWELL: Duration = Duration::from_secs(10);

/// Runs the server on `listener` until `stop` resolves. Says `listening on http://ADDRESS` on standard output once requests are answered.
///
/// # Errors
/// What keeps it from starting, for the operator; nothing was changed then.
pub async fn run(
    config: Config,
    listener: TcpListener,
    demo: Option<Demo>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    if demo.is_some() {
        // Before anything is opened: nothing is written where this is refused.
        demo::require_loopback(listener.local_addr()?)?;
    }
    let app = App::open(config).await?;
    let served = serve(&app, listener, demo, stop).await;
    app.close().await;
    served
}

/// Serves an opened app; what [`run`] does between opening and closing.
pub async fn serve(
    app: &SharedApp,
    listener: TcpListener,
    demo: Option<Demo>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let address = listener
        .local_addr()
        .context("the listener has no address")?;
    app.listens_at(address);
    let alive = take_part(app).await?;
    if let Some(demo) = demo {
        demo.set_up(app, address)
            .await
            .context("the demonstration")?;
    }
    let attending = tokio::spawn(app.clone().attend());
    let mut work = JoinSet::new();
    work.spawn(dispatch::run(app.clone()));
    work.spawn(jobs::outbound::run(app.clone()));
    work.spawn(jobs::fetch::run(app.clone()));
    work.spawn(jobs::portraits::run(app.clone()));
    work.spawn(jobs::old_pictures::run(app.clone()));
    work.spawn(jobs::parked::run(app.clone()));
    work.spawn(jobs::expiry::run(app.clone()));
    work.spawn(jobs::takeover::run(app.clone(), alive));
    work.spawn(jobs::books::run(app.clone()));
    work.spawn(jobs::purge::run(app.clone()));
    work.spawn(jobs::search::run(app.clone()));
    let service = api::router(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
    let listener = listener.tap_io(|connection| {
        // Small answers should leave at once; where the system refuses, they leave a little later.
        let _ = connection.set_nodelay(true);
    });
    let mut stopping = app.stopping();
    let mut farewell = app.stopping();
    let server = axum::serve(listener, service)
        .with_graceful_shutdown(async move { stopping.stopped().await });
    let mut server = std::pin::pin!(server.into_future());
    println!("listening on http://{address}");
    let ended = tokio::select! {
        ended = &mut server => ended,
        () = async { tokio::select! { () = stop => {}, () = farewell.stopped() => {} } } => {
            app.stop();
            tokio::time::timeout(FAREWELL, server).await.unwrap_or(Ok(()))
        }
    };
    app.stop();
    attending.await.context("the attendant")?;
    while work.join_next().await.is_some() {}
    ended.context("the server ended")
}

/// Ends the offers of apps that nobody calls any more: their package was replaced, or a server died while they began.
async fn release_offers_of_the_gone(app: &App) -> anyhow::Result<()> {
    let mut tx = app.store.read().await?;
    let makers = tx.plugins_that_offer().await?;
    drop(tx);
    for (workspace, plugin) in makers {
        if app.apps.is_on(workspace, &plugin) {
            continue;
        }
        let mut tx = app.store.write(workspace).await?;
        let offers = tx.release_offers_of(app.scope(workspace), &plugin).await?;
        tx.commit().await?;
        tracing::warn!(%workspace, plugin, offers, "offers of an app that is off were ended");
    }
    Ok(())
}

/// Enters this server among those that work on the database, and takes over what a dead one left.
async fn take_part(app: &App) -> anyhow::Result<Alive> {
    let number = i64::from_le_bytes(app.random.bytes()) & i64::MAX | 1;
    let mut alive = app.store.join(number).await?;
    let released = alive.let_go_of_the_dead(&app.store).await?;
    let mut tx = app.store.begin().await?;
    tx.suspend_all_that_are_off().await?;
    tx.commit().await?;
    release_offers_of_the_gone(app).await?;
    if released > 0 {
        tracing::info!(
            released,
            "taken over from a server that ended in the middle of it"
        );
    }
    Ok(alive)
}
