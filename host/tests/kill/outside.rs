//! The providers as far as the server speaks to them: the demonstration's stand-in, or one of all channels that fails once in a hundred times. Owns what reached
//! the customers.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Json, Router, body::Bytes, extract::State, http::StatusCode, http::Uri};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    load::text,
    program::{self, Running},
    providers::Provider,
};

/// One request in so many fails.
const FAILS: usize = 100;

pub enum Outside {
    Demo {
        address: String,
        _running: Box<Running>,
    },
    Own {
        address: String,
        ledger: Arc<Ledger>,
    },
}

/// What the providers of all channels were asked to send, and sent.
#[derive(Default)]
pub struct Ledger {
    asked: AtomicUsize,
    failed: AtomicUsize,
    sent: Mutex<Vec<(String, String)>>,
}

impl Outside {
    /// The program of the demonstration, which posts what became of messages to `webhook`.
    pub async fn demo(demo: &Path, webhook: &str) -> Self {
        let (running, address) = program::stand_in(demo, Some(webhook)).await;
        Self::Demo {
            address,
            _running: Box::new(running),
        }
    }

    /// Within the test, for all channels.
    pub async fn own() -> Self {
        let ledger = Arc::new(Ledger::default());
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&ledger));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self::Own {
            address: format!("http://{address}"),
            ledger,
        }
    }

    /// How a server finds it, as in its configuration.
    pub fn http_map(&self, providers: &[Provider]) -> String {
        let hosts = providers.iter().filter_map(|it| it.host());
        let pairs = hosts.map(|host| format!("{host}={}", self.address()));
        pairs.collect::<Vec<_>>().join(",")
    }

    pub fn address(&self) -> &str {
        match self {
            Self::Demo { address, .. } | Self::Own { address, .. } => address,
        }
    }

    /// What reached customers' phones, in order: whose, and the text.
    pub async fn arrived(&self) -> Vec<(String, String)> {
        match self {
            Self::Own { ledger, .. } => ledger.sent().clone(),
            Self::Demo { address, .. } => {
                let answer = reqwest::get(format!("{address}/ledger")).await;
                let answer = answer.expect("the stand-in answers");
                let ledger: Value =
                    serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
                let requests = ledger["requests"].as_array().expect("requests");
                let arrived = requests.iter().filter(|it| !it["sent"].is_null());
                let one = |it: &Value| {
                    let said = &it["request"]["text"]["body"];
                    (text(&it["sent"]["to"]), text(said))
                };
                arrived.map(one).collect()
            }
        }
    }

    /// How many requests the own one had, and how many of them failed.
    pub fn requests(&self) -> (usize, usize) {
        match self {
            Self::Own { ledger, .. } => (
                ledger.asked.load(Ordering::Relaxed),
                ledger.failed.load(Ordering::Relaxed),
            ),
            Self::Demo { .. } => (0, 0),
        }
    }
}

impl Ledger {
    fn sent(&self) -> std::sync::MutexGuard<'_, Vec<(String, String)>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that it arrived; gives its number.
    fn note(&self, to: String, said: String) -> usize {
        let mut sent = self.sent();
        sent.push((to, said));
        sent.len()
    }
}

/// Answers as the provider of that path does.
async fn answer(
    State(ledger): State<Arc<Ledger>>,
    uri: Uri,
    body: Bytes,
) -> (StatusCode, Json<Value>) {
    let asked = ledger.asked.fetch_add(1, Ordering::Relaxed) + 1;
    if asked.is_multiple_of(FAILS) {
        ledger.failed.fetch_add(1, Ordering::Relaxed);
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({})));
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let path = uri.path();
    let answer = if path.ends_with("/sendMessage") {
        let to = body["chat_id"].clone();
        let to = to.as_str().map_or_else(|| to.to_string(), str::to_owned);
        let number = ledger.note(to, text(&body["text"]));
        // Apart from the customers' own numbers.
        json!({"ok": true, "result": {"message_id": 1_000_000 + number}})
    } else if let Some(to) = body["recipient"]["id"].as_str()
        && body["message"]["text"].is_string()
    {
        let number = ledger.note(to.to_owned(), text(&body["message"]["text"]));
        json!({"recipient_id": to, "message_id": format!("mid.out.{number}")})
    } else if body["type"] == "text" {
        let number = ledger.note(
            text(&body["to"]).trim_start_matches('+').to_owned(),
            text(&body["text"]["body"]),
        );
        json!({"messaging_product": "whatsapp", "contacts": [{"wa_id": body["to"]}], "messages": [{"id": format!("wamid.out.{number}")}]})
    } else if let Some(person) = path.rsplit('/').next().filter(|_| uri.query().is_some()) {
        json!({"id": person, "name": person})
    } else {
        json!({"ok": true, "success": true, "result": true})
    };
    (StatusCode::OK, Json(answer))
}
