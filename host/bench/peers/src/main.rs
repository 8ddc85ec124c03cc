//! The webhook's job under `extism`, as its documentation does it best: the module is compiled once, each call has a fresh plugin made from that.
//! Reads the webhook's body from the first line of standard input; then answers each number with the times of as many calls, as JSON.

use std::hint::black_box;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Parser;
use extism::{CompiledPlugin, Manifest, Plugin, PluginBuilder, Wasm};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// As our own calls are bounded.
const MEMORY_PAGES: u32 = 1024;
const TIME: Duration = Duration::from_secs(30);

#[derive(Parser)]
struct Options {
    /// The account that the webhook is for.
    #[arg(long)]
    account: String,
    /// What the webhook is signed with.
    #[arg(long)]
    secret: String,
    /// The value of its signature's header.
    #[arg(long)]
    signature: String,
    /// The module.
    #[arg(long)]
    guest: PathBuf,
}

#[derive(Serialize)]
struct Batch {
    nanoseconds: Vec<u64>,
    key: String,
}

/// An event as a host would take it in: every field is read.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[allow(dead_code)]
enum Event {
    Message {
        key: String,
        external_id: String,
        thread: String,
        sender: Sender,
        outgoing: bool,
        at: i64,
        content: Content,
        reply_to: Option<String>,
        extra: String,
    },
    Other,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Sender {
    external_id: String,
    aliases: Vec<(String, String)>,
    name: String,
    avatar: String,
    extra: String,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Content {
    kind: String,
    text: String,
    attachments: Vec<serde_json::Value>,
    extra: String,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let module = std::fs::read(&options.guest).context("the module cannot be read")?;
    let manifest = Manifest::new([Wasm::data(module)])
        .with_config_key("phone_number_id", &options.account)
        .with_memory_max(MEMORY_PAGES)
        .with_timeout(TIME);
    let compiled = CompiledPlugin::new(PluginBuilder::new(manifest).with_wasi(false))?;
    let mut lines = std::io::stdin().lock().lines();
    let body = lines.next().context("no body")??;
    for line in lines {
        let count: usize = line?.parse()?;
        let mut batch = Batch {
            nanoseconds: Vec::with_capacity(count),
            key: String::new(),
        };
        for _ in 0..count {
            let begin = Instant::now();
            let events = call(&compiled, &options, black_box(body.as_bytes()))?;
            batch.nanoseconds.push(begin.elapsed().as_nanos() as u64);
            let [Event::Message { key, .. }] = events.as_slice() else {
                anyhow::bail!("another number of messages than one");
            };
            batch.key.clone_from(key);
        }
        println!("{}", serde_json::to_string(&batch)?);
        std::io::stdout().flush()?;
    }
    Ok(())
}

/// One job: verified by the host, then read by a fresh plugin.
fn call(compiled: &CompiledPlugin, options: &Options, body: &[u8]) -> anyhow::Result<Vec<Event>> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(options.secret.as_bytes())
        .expect("an HMAC takes keys of any length");
    mac.update(body);
    let given = options
        .signature
        .strip_prefix("sha256=")
        .context("a signature")?;
    let equal = mac.finalize().into_bytes().ct_eq(&hex::decode(given)?);
    ensure!(bool::from(equal), "the signature does not match");
    let mut plugin = Plugin::new_from_compiled(compiled)?;
    let events = plugin.call::<&[u8], &str>("receive", body)?;
    Ok(serde_json::from_str(events)?)
}
