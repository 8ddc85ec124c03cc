//! The same job under other runtimes, each in a process of its own that is asked for batches in turn: `extism` (a fresh plugin for each call,
//! compiled once) by the program of `host/bench/peers`, and a long-lived Node subprocess that answers JSON lines, as Rocket.Chat runs apps.
//! The host's part, verification, is done on this side of the boundary for all of them, as it is for ours.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::job::{self, Native};
use crate::Options;
use crate::samples::Samples;

/// The connector's parsing in JavaScript.
const NODE_APP: &str = include_str!("../../peers/node/app.mjs");

/// Another runtime.
pub struct Peer {
    pub name: &'static str,
    pub note: &'static str,
    pub samples: Samples,
    runs: Runs,
}

enum Runs {
    /// The process measures a batch itself: its host is in it.
    There(Talk),
    /// We are its host.
    Here(Talk),
}

/// A process that answers each line with a line.
struct Talk {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    line: String,
}

/// What the process of a batch answers.
#[derive(Deserialize)]
struct Batch {
    nanoseconds: Vec<u64>,
    /// The key of the one message that each call brought.
    key: String,
}

#[derive(Serialize)]
struct Call<'a> {
    jsonrpc: &'static str,
    id: u64,
    method: &'static str,
    params: Params<'a>,
}

#[derive(Serialize)]
struct Params<'a> {
    method: &'a str,
    headers: &'a [(String, String)],
    /// Webhooks are JSON, so the body goes as the text that it is.
    body: &'a str,
    now: i64,
}

/// What an app says: what it asks before its answer, and the answer.
#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
    method: Option<&'a str>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    result: Option<Answered>,
}

#[derive(Deserialize)]
struct Answered {
    status: u16,
}

/// What the host answers to an app that asks.
#[derive(Serialize)]
struct Told<'a, T> {
    jsonrpc: &'static str,
    id: &'a RawValue,
    result: T,
}

#[derive(Serialize)]
struct Settings {
    account: &'static str,
}

/// An event as a host would take it in: every field is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "reading the fields is what a host does with them")]
struct Brought {
    kind: String,
    key: String,
    external_id: String,
    thread: String,
    sender: Sender,
    outgoing: bool,
    at: i64,
    content: Content,
    reply_to: Option<String>,
    extra: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "as above")]
struct Sender {
    external_id: String,
    aliases: Vec<(String, String)>,
    name: String,
    avatar: String,
    extra: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "as above")]
struct Content {
    kind: String,
    text: String,
    attachments: Vec<serde_json::Value>,
    extra: String,
}

/// All peers that were asked for.
pub fn start(options: &Options, native: &Native) -> anyhow::Result<Vec<Peer>> {
    let (Some(program), Some(guest)) = (&options.peer, &options.peer_guest) else {
        return Ok(Vec::new());
    };
    let mut extism = Command::new(program);
    extism
        .args([
            "--account",
            job::PHONE_NUMBER_ID,
            "--secret",
            job::APP_SECRET,
        ])
        .args(["--signature", &job::signature()])
        .arg("--guest")
        .arg(guest);
    let mut extism = Talk::start(extism)?;
    extism.say(std::str::from_utf8(job::BODY)?)?;
    let mut node = Command::new("node");
    node.args(["--input-type=module", "--eval", NODE_APP]);
    native.check()?;
    Ok(vec![
        Peer {
            name: "call/peer-extism",
            note: "the same parsing as a plain module, compiled once, a fresh plugin for each call, memory and time limits; against call/fresh; ≥ 3",
            samples: Samples::default(),
            runs: Runs::There(extism),
        },
        Peer {
            name: "call/peer-node",
            note: "the same parsing in JavaScript, a long-lived process, JSON lines both ways (the app asks for its settings and brings each message by a request), nothing isolated between calls; against call/fresh; ≥ 3",
            samples: Samples::default(),
            runs: Runs::Here(Talk::start(node)?),
        },
    ])
}

impl Peer {
    pub fn batch(&mut self, native: &Native, count: usize, keep: bool) -> anyhow::Result<()> {
        let times = match &mut self.runs {
            Runs::There(talk) => {
                talk.say(&count.to_string())?;
                let batch: Batch = serde_json::from_str(talk.hear()?)?;
                ensure!(batch.key == job::EVENT_KEY, "{}: {}", self.name, batch.key);
                batch
                    .nanoseconds
                    .into_iter()
                    .map(Duration::from_nanos)
                    .collect()
            }
            Runs::Here(talk) => {
                let mut times = Vec::with_capacity(count);
                for number in 0..count {
                    let begin = Instant::now();
                    let (status, brought) = ask(talk, native, number as u64)?;
                    times.push(begin.elapsed());
                    let keys: Vec<&str> = brought.iter().map(|it| it.key.as_str()).collect();
                    ensure!(
                        status == 200 && keys == [job::EVENT_KEY],
                        "{}: {keys:?}",
                        self.name
                    );
                }
                times
            }
        };
        if keep {
            self.samples.add(times);
        }
        Ok(())
    }
}

/// One job, from the verified request to the events. The app asks for its settings and brings each event by a request of its own, which is how
/// Rocket.Chat's apps reach their host, and how ours do by imports.
fn ask(talk: &mut Talk, native: &Native, call: u64) -> anyhow::Result<(u16, Vec<Brought>)> {
    native.verify()?;
    let request = Call {
        jsonrpc: "2.0",
        id: call,
        method: "receive",
        params: Params {
            method: "POST",
            headers: native.headers(),
            body: std::str::from_utf8(job::BODY)?,
            now: 0,
        },
    };
    talk.say(&serde_json::to_string(&request)?)?;
    let mut brought = Vec::new();
    loop {
        let said: Said<'_> = serde_json::from_str(talk.hear()?)?;
        let id = said.id.to_owned();
        match (said.method, said.params) {
            (Some("settings.get"), _) => {
                let account = job::PHONE_NUMBER_ID;
                talk.tell(&id, Settings { account })?;
            }
            (Some("inbox.message"), Some(event)) => {
                brought.push(serde_json::from_str(event.get())?);
                talk.tell(&id, ())?;
            }
            (method, _) => {
                let answer = said.result.with_context(|| format!("it said {method:?}"))?;
                ensure!(id.get() == call.to_string(), "an answer to another call");
                return Ok((answer.status, brought));
            }
        }
    }
}

impl Talk {
    fn start(mut command: Command) -> anyhow::Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{name} does not start"))?;
        let to = child.stdin.take();
        let from = child.stdout.take().context("no output")?;
        Ok(Self {
            child,
            to,
            from: BufReader::new(from),
            line: String::new(),
        })
    }

    fn say(&mut self, line: &str) -> anyhow::Result<()> {
        let to = self.to.as_mut().context("it was let go")?;
        // In one piece: two writes may wake the reader twice.
        let line = format!("{line}\n");
        to.write_all(line.as_bytes()).context("a peer has ended")
    }

    fn tell(&mut self, id: &RawValue, result: impl Serialize) -> anyhow::Result<()> {
        let told = Told {
            jsonrpc: "2.0",
            id,
            result,
        };
        self.say(&serde_json::to_string(&told)?)
    }

    fn hear(&mut self) -> anyhow::Result<&str> {
        self.line.clear();
        let length = self.from.read_line(&mut self.line)?;
        ensure!(length > 0, "a peer has ended");
        Ok(&self.line)
    }
}

impl Drop for Talk {
    /// A peer ends with its input.
    fn drop(&mut self) {
        drop(self.to.take());
        if let Err(error) = self.child.wait() {
            eprintln!("a peer may still be running: {error}");
        }
    }
}
