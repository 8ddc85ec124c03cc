//! Many screens on one server: what each costs in memory, and how long an event takes to reach them all. The screens are other processes.

pub mod screens;

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, SET_COOKIE};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::Options;
use crate::children::{ROLE, Role};
use crate::load::{self, Connection};
use crate::office::Office;
use crate::report::{Row, percentile};
use crate::server::{Server, limitless};

const SCREENS: usize = 10_000;
const PROCESSES: usize = 4;
/// Events sent to all of them, one after the other.
const EVENTS: usize = 9;
/// Between rounds, never within one: what the last round set off (deliveries, closed connections, freed memory) comes to rest, which nothing
/// outside the server announces. No figure contains it, and none depends on its length beyond its being long enough.
const SETTLING: Duration = Duration::from_millis(500);

fn settle() {
    std::thread::sleep(SETTLING);
}

/// `realtime/10k-memory` and `realtime/10k-fanout`.
pub fn screens(options: &Options) -> Result<Vec<Row>> {
    let (count, events) = match options.quick {
        true => (200, 2),
        false => (SCREENS, EVENTS),
    };
    let office = Office::open(options, None)?;
    let place = office.copy("realtime")?;
    let server = Server::start(&office.program, &place)?;
    let cookie = load::block_on(sign_in(&office, &server))?;
    // The conversation is there and offered before anybody looks on.
    load::block_on(message(&office, &server, 0))?;
    settle();
    // What the first screens of all cost (a feed, warm caches) is nobody's share.
    drop(Crowd::gather(&server, &cookie, 1, count / 100)?);
    settle();
    let before = server.rss()?;
    let mut crowds: Vec<Crowd> = (0..PROCESSES)
        .map(|n| Crowd::begin(&server, &cookie, n + 2, count / PROCESSES))
        .collect::<Result<_>>()?;
    for crowd in &mut crowds {
        crowd.gathered()?;
    }
    let each = (server.rss()? as f64 - before as f64) / count as f64 / 1024.0;
    let (mut lasts, mut all) = (Vec::new(), Vec::new());
    for n in 1..=events {
        let sent = now();
        load::block_on(message(&office, &server, n))?;
        let mut lags = Vec::new();
        for crowd in &mut crowds {
            lags.extend(
                crowd
                    .heard()?
                    .into_iter()
                    .map(|at| (at - sent) as f64 / 1e3),
            );
        }
        ensure!(
            lags.len() == count,
            "{} of {count} screens heard of it",
            lags.len()
        );
        lasts.push(lags.iter().copied().fold(0.0, f64::max));
        all.append(&mut lags);
        settle();
    }
    let grown = server.rss()?;
    drop(crowds);
    server.kill()?;
    lasts.sort_unstable_by(f64::total_cmp);
    all.sort_unstable_by(f64::total_cmp);
    let memory = format!(
        "growth of the server's RSS ÷ {count} WebSockets of {PROCESSES} other processes, {:.0} MB → {:.0} MB once {events} events were passed on; aim: ≤ 8",
        before as f64 / 1e6,
        grown as f64 / 1e6
    );
    let fanout = format!(
        "from before a webhook is posted until the last of {count} screens has its message, middle of {events}; p50 and p99 over all screens; aim: ≤ 300"
    );
    Ok(vec![
        Row::new("realtime/10k-memory", each, "KB", memory),
        Row::new("realtime/10k-fanout", lasts[lasts.len() / 2], "ms", fanout)
            .spread(percentile(&all, 0.5), percentile(&all, 0.99)),
    ])
}

/// One more message of one contact.
async fn message(office: &Office, server: &Server, n: usize) -> Result<()> {
    let webhook = load::one(office, 0, n)?;
    Connection::open(server.address)
        .await?
        .post(&webhook)
        .await?;
    Ok(())
}

/// The administrator, who sees every conversation; gives the session's cookie.
async fn sign_in(office: &Office, server: &Server) -> Result<String> {
    let stream = TcpStream::connect(server.address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let body =
        serde_json::json!({ "email": office.admin, "password": office.password }).to_string();
    let request = Request::builder()
        .method(Method::POST)
        .uri("/api/v1/session")
        .header(HOST, server.address.to_string())
        .header(CONTENT_TYPE, "application/json")
        .header("x-balcao", "1")
        .body(Full::new(Bytes::from(body)))?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let cookie = answer.headers().get(SET_COOKIE).cloned();
    let body = answer.into_body().collect().await?.to_bytes();
    let cookie = cookie
        .with_context(|| format!("no sign-in: {status} {}", String::from_utf8_lossy(&body)))?;
    Ok(cookie
        .to_str()?
        .split(';')
        .next()
        .unwrap_or_default()
        .to_owned())
}

/// A process full of screens. They leave when it is dropped.
struct Crowd {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Crowd {
    /// Begins to connect from an address of its own: ports are counted by address.
    fn begin(server: &Server, cookie: &str, nth: usize, count: usize) -> Result<Self> {
        let mut child = limitless(&env::current_exe()?)
            .env(ROLE, Role::Screens.name())
            .env(screens::SERVER, server.address.to_string())
            .env(screens::COOKIE, cookie)
            .env(screens::SOURCE, format!("127.0.0.{nth}"))
            .env(screens::COUNT, count.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let said = BufReader::new(child.stdout.take().context("no standard output")?);
        Ok(Self { child, said })
    }

    fn gather(server: &Server, cookie: &str, nth: usize, count: usize) -> Result<Self> {
        let mut crowd = Self::begin(server, cookie, nth, count)?;
        crowd.gathered()?;
        Ok(crowd)
    }

    /// Waits until all are there.
    fn gathered(&mut self) -> Result<()> {
        let line = self.line()?;
        ensure!(line.trim() == screens::READY, "screens: {line}");
        Ok(())
    }

    /// When each of them heard of the next event, in µs since 1970.
    fn heard(&mut self) -> Result<Vec<i64>> {
        Ok(serde_json::from_str(&self.line()?)?)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(
            self.said.read_line(&mut line)? > 0,
            "the process with screens ended"
        );
        Ok(line)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // Its end of input is its sign to leave.
        if let Some(mut input) = self.child.stdin.take() {
            let _ = input.flush();
        }
        let _ = self.child.wait();
    }
}

pub fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
        })
}
