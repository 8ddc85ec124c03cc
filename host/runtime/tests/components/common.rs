//! Real components for the runtime's tests: the misbehaving ones of `plugins/fixtures`, built by `cargo xtask build-plugins --fixtures`.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock},
};

use balcao_runtime::{
    call::{Input, Outcome, Output},
    engine::{Engine, EngineOptions},
    harness::{Loaded, Workbench},
    http::{HttpError, Prepared, Response, Transport},
    limits::Limits,
    memory::Given,
    package::Package,
    wit::channel::Request,
};
use serde_json::Value;

/// One engine for all tests of a file.
pub fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let options = EngineOptions {
            concurrent_calls: 32,
            ..EngineOptions::default()
        };
        Engine::new(options).expect("the engine starts")
    })
}

/// Where the fixtures are: what the build says, else beside what cargo built last.
fn folder() -> PathBuf {
    match std::env::var_os("BALCAO_TEST_FIXTURES") {
        Some(folder) => folder.into(),
        None => PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("fixtures"),
    }
}

/// The bytes of a fixture. A missing one fails the test: what was not run has not passed.
pub fn bytes(name: &str) -> Vec<u8> {
    let file = folder().join(format!("{name}.wasm"));
    std::fs::read(&file).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; run `cargo xtask build-plugins --fixtures`",
            file.display()
        )
    })
}

pub fn load(name: &str) -> Loaded {
    let package = Package::read(bytes(name).into()).expect("a fixture is a package");
    Loaded::load(engine(), package).expect("a fixture loads")
}

/// A fixture ready to be called.
pub fn open(
    name: &str,
    settings: &Value,
    limits: Limits,
    transport: Arc<dyn Transport>,
) -> Workbench {
    let opened = Workbench::open(&load(name), settings, Given::default(), transport);
    opened.expect("it opens").with_limits(limits)
}

/// A request to the path that says what the fixture is to do.
pub fn request(path: &str) -> Input {
    Input::Receive(Request {
        channel: "chn_1".to_owned(),
        method: "POST".to_owned(),
        path: path.to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: Vec::new(),
        remote: "127.0.0.1".to_owned(),
    })
}

pub async fn receive(bench: &Workbench, path: &str) -> Outcome {
    bench.call("call", request(path)).await
}

pub fn is_answered(outcome: &Outcome, status: u16) -> bool {
    matches!(&outcome.result, Ok(Output::Response(response)) if response.status == status)
}

/// What the network does.
pub enum Network {
    /// Never answers.
    Silent,
    /// Answers with so many bytes.
    Bytes(usize),
    /// Answers with the request's own headers and body.
    Echo,
}

/// A network that keeps what was sent.
pub struct Recording {
    network: Network,
    pub sent: Mutex<Vec<Prepared>>,
}

impl Recording {
    pub fn new(network: Network) -> Arc<Self> {
        Arc::new(Self {
            network,
            sent: Mutex::new(Vec::new()),
        })
    }
}

#[async_trait::async_trait]
impl Transport for Recording {
    async fn send(&self, request: Prepared) -> Result<Response, HttpError> {
        let body = match &self.network {
            Network::Silent => std::future::pending().await,
            Network::Bytes(count) => vec![b'x'; *count],
            Network::Echo => {
                let mut body = format!("{:?}", request.headers).into_bytes();
                body.extend_from_slice(&request.body);
                body
            }
        };
        let headers = match self.network {
            Network::Echo => request.headers.clone(),
            _ => Vec::new(),
        };
        self.sent
            .lock()
            .expect("no test has panicked here")
            .push(request);
        Ok(Response {
            status: 200,
            headers,
            body: body.into(),
        })
    }
}
