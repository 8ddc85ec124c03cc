//! A process full of screens: connects them, then writes for each event when every one of them had it.

use std::collections::BTreeMap;
use std::env;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use tokio::io::AsyncReadExt;
use tokio::net::TcpSocket;
use tokio::sync::{Semaphore, mpsc};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::now;

pub const SERVER: &str = "BENCH_SERVER";
pub const COOKIE: &str = "BENCH_COOKIE";
pub const SOURCE: &str = "BENCH_SOURCE";
pub const COUNT: &str = "BENCH_COUNT";
/// Said once all are connected.
pub const READY: &str = "ready";

/// Connecting at once.
const AT_ONCE: usize = 32;
/// What a screen waits for.
const MESSAGE: &str = "message.created";

#[derive(Deserialize)]
struct Heard<'a> {
    r#type: &'a str,
    seq: Option<i64>,
    #[serde(default)]
    kind: &'a str,
}

/// What a screen has to tell.
enum News {
    There,
    Event(i64, i64),
}

#[derive(Clone)]
struct To {
    server: SocketAddr,
    source: IpAddr,
    cookie: String,
}

/// Until standard input ends.
pub fn run() -> Result<()> {
    let to = To {
        server: variable(SERVER)?.parse()?,
        source: variable(SOURCE)?.parse()?,
        cookie: variable(COOKIE)?,
    };
    let count: usize = variable(COUNT)?.parse()?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(gather(to, count))
}

fn variable(name: &str) -> Result<String> {
    env::var(name).with_context(|| name.to_owned())
}

async fn gather(to: To, count: usize) -> Result<()> {
    let (tell, mut told) = mpsc::unbounded_channel();
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    for _ in 0..count {
        let (to, tell, turns) = (to.clone(), tell.clone(), Arc::clone(&turns));
        tokio::spawn(async move {
            if let Err(error) = watch(to, &tell, &turns).await {
                eprintln!("a screen: {error:#}");
                std::process::exit(1);
            }
        });
    }
    let mut there = 0;
    let mut events: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    let mut input = tokio::io::stdin();
    let mut nothing = [0; 1];
    loop {
        let news = tokio::select! {
            news = told.recv() => news.context("no screen is left")?,
            read = input.read(&mut nothing) => match read? {
                // Screens are not asked to say goodbye.
                0 => std::process::exit(0),
                _ => continue,
            },
        };
        match news {
            News::There => {
                there += 1;
                if there == count {
                    say(READY)?;
                }
            }
            News::Event(seq, at) => {
                let heard = events.entry(seq).or_default();
                heard.push(at);
                if heard.len() == count {
                    say(&serde_json::to_string(heard)?)?;
                    events.remove(&seq);
                }
            }
        }
    }
}

fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// One screen: connects in its turn, then listens.
async fn watch(to: To, tell: &mpsc::UnboundedSender<News>, turns: &Semaphore) -> Result<()> {
    let turn = turns.acquire().await?;
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(to.source, 0))?;
    let stream = socket.connect(to.server).await?;
    let mut request = format!("ws://{}/api/v1/realtime", to.server).into_client_request()?;
    request.headers_mut().insert("cookie", to.cookie.parse()?);
    let small = WebSocketConfig::default()
        .read_buffer_size(1024)
        .write_buffer_size(0);
    let (mut screen, _) =
        tokio_tungstenite::client_async_with_config(request, stream, Some(small)).await?;
    screen
        .send(Message::text(r#"{"type":"hello","seq":null}"#))
        .await?;
    let mut turn = Some(turn);
    while let Some(message) = screen.next().await {
        let Message::Text(text) = message? else {
            continue;
        };
        let at = now();
        let heard: Heard<'_> = serde_json::from_str(&text)?;
        match (heard.r#type, heard.seq) {
            ("ready", _) => {
                drop(turn.take());
                tell.send(News::There)?;
            }
            ("event", Some(seq)) if heard.kind == MESSAGE => tell.send(News::Event(seq, at))?,
            ("event", _) => {}
            _ => bail!("unexpected: {text}"),
        }
    }
    bail!("the server ended the connection")
}
