//! A provider's stand-in on this machine: answers as the test says, and remembers what it was asked.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde_json::Value;
use tokio::{net::TcpListener, sync::Semaphore};

/// Bytes of a request.
const MOST: usize = 64 << 20;

#[derive(Clone, Default)]
pub struct Provider {
    script: Arc<Mutex<Script>>,
}

#[derive(Default)]
struct Script {
    answers: BTreeMap<String, VecDeque<Answer>>,
    asked: Vec<Asked>,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub path: String,
    /// What was shown for it.
    pub key: Option<String>,
    pub body: Bytes,
}

#[derive(Clone)]
pub struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
    /// Without saying before how much comes.
    unannounced: bool,
    /// Comes once the test lets it.
    gate: Option<Arc<Semaphore>>,
}

impl Answer {
    pub fn bytes(body: &[u8]) -> Self {
        Self {
            status: 200,
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body),
            unannounced: false,
            gate: None,
        }
    }

    pub fn json(value: &Value) -> Self {
        Self::bytes(value.to_string().as_bytes())
    }

    pub fn status(status: u16) -> Self {
        Self {
            status,
            ..Self::bytes(b"")
        }
    }

    /// The same as a refusal.
    pub fn refusing(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub fn with(mut self, name: header::HeaderName, value: &str) -> Self {
        self.headers.insert(name, value.parse().expect("a value"));
        self
    }

    pub fn unannounced(mut self) -> Self {
        self.unannounced = true;
        self
    }

    /// And what lets it come: a permit.
    pub fn held(mut self) -> (Self, Arc<Semaphore>) {
        let gate = Arc::new(Semaphore::new(0));
        self.gate = Some(Arc::clone(&gate));
        (self, gate)
    }
}

impl Provider {
    pub async fn start() -> (Self, SocketAddr) {
        let provider = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().fallback(answer).with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (provider, address)
    }

    /// What a path is answered with, one after the other; the last one again and again.
    pub fn answers(&self, path: &str, answers: Vec<Answer>) {
        self.script()
            .answers
            .insert(path.to_owned(), answers.into());
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.script().asked.clone()
    }

    /// What a path was asked with, in order.
    pub fn bodies(&self, path: &str) -> Vec<Bytes> {
        let asked = self.asked().into_iter().filter(|it| it.path == path);
        asked.map(|it| it.body).collect()
    }

    /// The same, of JSON.
    pub fn told(&self, path: &str) -> Vec<Value> {
        let bodies = self.bodies(path);
        let told = bodies.iter().map(|it| serde_json::from_slice(it));
        told.collect::<Result<_, _>>().expect("JSON")
    }

    /// How often a path was asked for.
    pub fn count(&self, path: &str) -> usize {
        let asked = self.asked();
        asked.iter().filter(|it| it.path == path).count()
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().expect("no panic")
    }

    fn next(&self, path: &str) -> Option<Answer> {
        let mut script = self.script();
        let answers = script.answers.get_mut(path)?;
        if answers.len() > 1 {
            answers.pop_front()
        } else {
            answers.front().cloned()
        }
    }
}

async fn answer(State(provider): State<Provider>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let key = request.headers().get(header::AUTHORIZATION);
    let key = key.map(|key| key.to_str().expect("text").to_owned());
    let body = axum::body::to_bytes(request.into_body(), MOST).await;
    let asked = Asked {
        path: path.clone(),
        key,
        body: body.expect("a whole body"),
    };
    provider.script().asked.push(asked);
    let answer = provider.next(&path).unwrap_or_else(|| Answer::status(404));
    if let Some(gate) = &answer.gate {
        gate.acquire().await.expect("open").forget();
    }
    let body = if answer.unannounced {
        let pieces: Vec<_> = answer
            .body
            .chunks(1_000)
            .map(Bytes::copy_from_slice)
            .collect();
        Body::from_stream(stream::iter(
            pieces.into_iter().map(Ok::<_, std::io::Error>),
        ))
    } else {
        Body::from(answer.body)
    };
    let mut response = body.into_response();
    *response.status_mut() = answer.status.try_into().expect("a status");
    response.headers_mut().extend(answer.headers);
    response
}
