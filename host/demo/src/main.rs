//! The stand-ins as a program, started by `cargo xtask run`; and the signed `curl` line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use balcao_demo::provider::Provider;
use balcao_demo::webhook::{self, Inbound};
use balcao_demo::{Account, Accounts, Standin, serve, standin};
use clap::{Parser, Subcommand};
use tokio::net::TcpListener;

#[derive(Parser)]
#[command(
    name = "balcao-demo",
    about = "Local fakes of the providers behind the demo's channels"
)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Answer as the providers until interrupted.
    Serve(Serve),
    /// Print a shell line that posts a signed customer's message.
    Curl(Curl),
}

#[derive(clap::Args)]
struct Serve {
    /// The demo file, whose channels say which accounts to play.
    #[arg(long)]
    demo: PathBuf,
    /// Where to answer; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:9101")]
    listen: SocketAddr,
    /// Where to post statuses and customers' messages of WhatsApp.
    #[arg(long)]
    webhook: Option<String>,
    /// Read webhooks from standard input, one a line, as the server prints them or as a bare address of WhatsApp's; stop where it ends.
    #[arg(long)]
    leash: bool,
}

#[derive(clap::Args)]
struct Curl {
    /// The demo file, whose channel has the secret to sign with.
    #[arg(long)]
    demo: PathBuf,
    /// The channel's webhook.
    #[arg(long)]
    webhook: String,
    /// The customer's number, digits only.
    #[arg(long, default_value = "5511911110000")]
    from: String,
    /// The customer's profile name.
    #[arg(long, default_value = "Cliente de demonstração")]
    name: String,
    /// What the customer writes.
    #[arg(long, default_value = "Olá! Vocês abrem aos sábados?")]
    text: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Serve(options) => run(&options).await,
        Task::Curl(options) => curl(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("balcao-demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Serve) -> Result<()> {
    let standin = Standin::new(Accounts::read(&options.demo)?);
    if let Some(url) = &options.webhook {
        standin.notify(Provider::Whatsapp, url);
    }
    let listener = TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("cannot listen on {}", options.listen))?;
    println!("listening on http://{}", listener.local_addr()?);
    let leash = hold(standin.clone(), options.leash);
    tokio::select! {
        broken = serve(standin, listener) => broken.map(|never| match never {}).context("the listener broke"),
        ended = leash => ended,
        interrupted = tokio::signal::ctrl_c() => interrupted.context("no signals"),
    }
}

/// Takes webhook addresses as they come; returns at the end of the input. Without a leash it never returns.
async fn hold(standin: Standin, leash: bool) -> Result<()> {
    if !leash {
        return std::future::pending().await;
    }
    // A thread of its own: tokio's standard input would keep the runtime from ending while a line is awaited.
    let (lines, mut heard) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines() {
            if lines.send(line).is_err() {
                return;
            }
        }
    });
    while let Some(line) = heard.recv().await {
        standin.hear(line.context("the input breaks off")?.trim());
    }
    Ok(())
}

fn curl(options: &Curl) -> Result<()> {
    let account = Account::read(&options.demo)?;
    let now = standin::milliseconds();
    let message = Inbound {
        id: &format!("wamid.DEMO{now}"),
        from: &webhook::digits(&options.from),
        name: &options.name,
        text: &options.text,
        at: now / 1000,
    };
    let notification = webhook::inbound(&account, &message);
    println!(
        "{}",
        webhook::curl_line(&account, &options.webhook, &notification)
    );
    Ok(())
}
