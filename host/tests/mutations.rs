//! What providers send, damaged at random, through the real connectors: whatever comes, the call ends well, within its bounds, and what it asks for can be
//! committed. The bodies are those of the connectors' scenarios. It prints its seed (`MUTATION_SEED` sets it).

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use balcao::clock::Random;
use balcao_runtime::{
    call::{Input, Output},
    engine::{Engine, EngineOptions},
    harness::{
        Loaded, Scenario, Workbench,
        input::is_exported,
        scenario::{Act, Webhook},
    },
    http::recorded::Recorded,
    limits::Limits,
    memory::{Cause, Performed},
    package::Package,
    wit::channel::Request,
};
use serde_json::{Map, Value, json};

/// Damaged requests for each connector.
const REQUESTS: usize = 1_000;
/// Up to so many things are done to one.
const WOUNDS: usize = 4;
/// Less memory than the server's own limit: so much for any webhook, and so many times its length. A tree of JSON takes up to 64 times its text: for lists
/// in lists of one.
const MEMORY: usize = 4 << 20;
const TIMES: usize = 70;
/// A body stays as it is where it would become longer.
const LONGEST: usize = 512 << 10;
/// More than the server's own, for a machine that does other things at the same time.
const CPU_MS: u64 = 2_000;
/// Bytes of a body that a failure shows.
const SHOWN: usize = 1_024;

#[tokio::test]
async fn a_damaged_webhook_ends_well_and_within_bounds_in_every_connector() {
    let seed = seed();
    println!("mutations: MUTATION_SEED={seed}");
    let engine = Engine::new(EngineOptions::default()).expect("the engine starts");
    let mut tried = 0;
    for folder in connectors() {
        let loaded = Loaded::load(&engine, package(&folder)).expect("it loads");
        let desks = desks(&loaded, &folder.join("scenarios"));
        assert!(!desks.is_empty(), "{}", folder.display());
        let mut dice = Dice(Random::seeded(seed));
        for number in 0..REQUESTS {
            let desk = &desks[dice.below(desks.len())];
            let mut body = desk.body.clone();
            for _ in 0..=dice.below(WOUNDS) {
                let other = &desks[dice.below(desks.len())].body;
                let next = wounded(&body, other, &mut dice);
                if next.len() <= LONGEST {
                    body = next;
                }
            }
            let key = format!("call_{number}");
            let done = desk.take(&key, body.clone()).await;
            if let Err(wrong) = judged(&done, body.len()) {
                panic!(
                    "MUTATION_SEED={seed}: {}, request {number}: {wrong}\n{} bytes: {}",
                    folder.display(),
                    body.len(),
                    body[..body.len().min(SHOWN)].escape_ascii()
                );
            }
        }
        tried += 1;
    }
    assert!(tried >= 3, "only {tried} connectors were tried");
}

/// A connector with the settings of a scenario, and a webhook of it.
struct Desk {
    bench: Workbench,
    request: Request,
    body: Vec<u8>,
}

impl Desk {
    /// As if it had been verified.
    async fn take(&self, key: &str, body: Vec<u8>) -> Performed {
        let request = Request {
            body,
            ..self.request.clone()
        };
        let input = Input::Receive(request);
        let mut nobody = |_: &_, _| {};
        self.bench
            .perform(key, &input, Cause::Asked, None, &mut nobody)
            .await
    }
}

fn judged(done: &Performed, length: usize) -> Result<(), String> {
    let outcome = &done.outcome;
    match &outcome.result {
        Ok(Output::Response(response)) if (200..500).contains(&response.status) => {}
        other => return Err(format!("it came to {other:?}")),
    }
    if !done.committed {
        return Err("it cannot be committed".to_owned());
    }
    let cost = outcome.cost;
    if cost.memory_bytes > MEMORY + TIMES * length {
        return Err(format!("it took {cost:?}"));
    }
    Ok(())
}

/// The folders of the plugins that bring a channel and have scenarios.
fn connectors() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins");
    let entries = fs::read_dir(root).expect("the plugins' folder");
    let mut folders: Vec<PathBuf> = entries.map(|it| it.expect("an entry").path()).collect();
    folders.retain(|it| it.join("scenarios").is_dir());
    folders.sort();
    folders.retain(|it| is_exported(&package(it), "balcao:connector/channel"));
    folders
}

/// As it was built. A missing one fails the test: what was not run has not passed.
fn package(folder: &Path) -> Package {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist/plugins");
    let built = std::env::var_os("BALCAO_TEST_PLUGINS").map_or(beside, PathBuf::from);
    let id = folder.file_name().expect("a name").to_string_lossy();
    let file = built.join(format!("{id}.wasm"));
    let bytes = fs::read(&file).unwrap_or_else(|error| {
        let file = file.display();
        panic!("{file}: {error}; run `cargo xtask build-plugins`")
    });
    Package::read(bytes.into()).expect("a package")
}

/// One for each webhook of the scenarios, in the order of their files.
fn desks(loaded: &Loaded, scenarios: &Path) -> Vec<Desk> {
    let entries = fs::read_dir(scenarios).expect("the scenarios");
    let mut files: Vec<PathBuf> = entries.map(|it| it.expect("an entry").path()).collect();
    files.sort();
    let mut desks = Vec::new();
    for file in files {
        let scenario = Scenario::read(&file).expect("a scenario");
        for step in &scenario.steps {
            let Act::Webhook(webhook) = &step.act else {
                continue;
            };
            let body = webhook.body(&scenario.folder).expect("a body");
            desks.push(Desk {
                bench: bench(loaded, &scenario),
                request: request(webhook),
                body,
            });
        }
    }
    desks
}

fn bench(loaded: &Loaded, scenario: &Scenario) -> Workbench {
    let settings = Value::Object(scenario.settings.clone());
    let (given, silent) = (scenario.given.clone(), Arc::new(Recorded::default()));
    let bench = Workbench::open(loaded, &settings, given, silent).expect("it opens");
    bench.with_limits(Limits {
        cpu_ms: CPU_MS,
        ..Limits::default()
    })
}

fn request(webhook: &Webhook) -> Request {
    let pairs = |(name, value): (&String, &String)| (name.to_ascii_lowercase(), value.clone());
    Request {
        channel: "chn_1".to_owned(),
        method: webhook.method.clone(),
        path: webhook.path.clone(),
        query: webhook.query.clone().into_iter().collect(),
        headers: webhook.headers.iter().map(pairs).collect(),
        body: Vec::new(),
        remote: "127.0.0.1".to_owned(),
    }
}

/// Numbers that come again with the same seed.
struct Dice(Random);

impl Dice {
    /// Below `n`; 0 where that is 0.
    fn below(&mut self, n: usize) -> usize {
        (u64::from_le_bytes(self.0.bytes()) % n.max(1) as u64) as usize
    }

    /// A part of something of that length, of at most `most`.
    fn part(&mut self, length: usize, most: usize) -> std::ops::Range<usize> {
        let from = self.below(length);
        from..(from + self.below(most.min(length - from) + 1))
    }
}

/// The body with one thing wrong that was not before: in its bytes, or in what they mean.
fn wounded(body: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    if dice.below(3) > 0
        && let Ok(mut value) = serde_json::from_slice::<Value>(body)
    {
        let place = dice.below(places(&value));
        let another = serde_json::from_slice(other).unwrap_or(Value::Null);
        change(&mut value, &mut place.clone(), &another, dice);
        return value.to_string().into_bytes();
    }
    let mut bytes = body.to_vec();
    let part = dice.part(bytes.len(), 64);
    match dice.below(6) {
        0 => bytes[part].iter_mut().for_each(|it| *it ^= 0x20),
        1 => drop(bytes.drain(part)),
        2 => {
            let again = bytes[part.clone()].repeat(1 + dice.below(50));
            bytes.splice(part, again);
        }
        3 => {
            let noise: [u8; 16] = dice.0.bytes();
            bytes.splice(part, noise);
        }
        4 => bytes.truncate(part.start),
        _ => {
            let from = dice.part(other.len(), 256);
            bytes.splice(part, other[from].iter().copied());
        }
    }
    bytes
}

/// How many values there are in it, itself included.
fn places(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(places).sum(),
        Value::Object(fields) => fields.values().map(places).sum::<usize>(),
        _ => 0,
    }
}

/// Changes the value at that place of the whole.
fn change(value: &mut Value, place: &mut usize, another: &Value, dice: &mut Dice) -> bool {
    if *place == 0 {
        wound(value, another, dice);
        return true;
    }
    *place -= 1;
    match value {
        Value::Array(items) => items.iter_mut().any(|it| change(it, place, another, dice)),
        Value::Object(fields) => fields
            .values_mut()
            .any(|it| change(it, place, another, dice)),
        _ => false,
    }
}

fn wound(value: &mut Value, another: &Value, dice: &mut Dice) {
    match (dice.below(4), &mut *value) {
        (0, Value::Array(items)) if !items.is_empty() => {
            let again = items[dice.below(items.len())].clone();
            items.extend(vec![again; dice.below(60)]);
        }
        (1, Value::Object(fields)) if !fields.is_empty() => {
            let name = fields.keys().nth(dice.below(fields.len())).cloned();
            let gone = name.as_ref().and_then(|name| fields.remove(name));
            if let Some(gone) = gone.filter(|_| dice.below(2) == 0) {
                fields.insert("unheard_of".to_owned(), gone);
            }
        }
        (2, _) => *value = another.clone(),
        _ => *value = odd(dice),
    }
}

/// What is seldom expected.
fn odd(dice: &mut Dice) -> Value {
    match dice.below(14) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(u64::MAX),
        4 => json!(1e300),
        5 => json!(0.5),
        6 => json!(""),
        7 => json!("\0"),
        8 => json!("é".repeat(50_000)),
        9 => json!("\u{202e}👩‍👩‍👧‍👦\u{0301}".repeat(20)),
        10 => json!([]),
        11 => json!({}),
        12 => (0..120).fold(Value::Null, |inner, _| json!([inner])),
        _ => {
            let many = (0..500).map(|number| (number.to_string(), json!(number)));
            Value::Object(many.collect::<Map<_, _>>())
        }
    }
}

fn seed() -> u64 {
    match std::env::var("MUTATION_SEED") {
        Ok(seed) => seed.parse().expect("MUTATION_SEED is a number"),
        Err(_) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            now.expect("after 1970").as_nanos() as u64 >> 10
        }
    }
}
