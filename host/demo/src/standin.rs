//! The stand-in itself: its state, and serving it on a listener. Owns ids and time; what requests mean is in `api`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use crate::account::Account;
use crate::fault::Faults;
use crate::ledger::{Ledger, Written};
use crate::webhook::{self, Inbound};
use crate::{api, page, shop};

/// A fake provider. Cheap to clone; all clones are the same one.
#[derive(Clone)]
pub struct Standin(Arc<Inner>);

struct Inner {
    account: Account,
    started: u64,
    ids: AtomicU64,
    state: Mutex<State>,
}

/// What changes.
#[derive(Default)]
pub(crate) struct State {
    pub ledger: Ledger,
    pub faults: Faults,
    /// Uploads by id.
    pub media: HashMap<String, Upload>,
    /// Where notifications go.
    pub webhook: Option<String>,
}

/// A file that the business uploaded.
#[derive(Clone)]
pub(crate) struct Upload {
    pub mime: String,
    pub bytes: Bytes,
}

/// On a response: the connection shall end instead.
#[derive(Clone)]
pub(crate) struct HangUp;

/// The request got no answer.
#[derive(Debug)]
struct NoAnswer;

impl fmt::Display for NoAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the connection was ended on order")
    }
}

impl std::error::Error for NoAnswer {}

impl Standin {
    /// Knows one account and has seen nothing.
    pub fn new(account: Account) -> Self {
        Self(Arc::new(Inner {
            account,
            started: milliseconds(),
            ids: AtomicU64::new(1),
            state: Mutex::default(),
        }))
    }

    /// The account it plays.
    pub fn account(&self) -> &Account {
        &self.0.account
    }

    /// All that happened so far.
    pub fn ledger(&self) -> Ledger {
        self.state().ledger.clone()
    }

    /// From now on statuses and the customer's messages are posted there.
    pub fn notify(&self, url: &str) {
        self.state().webhook = Some(url.to_owned());
    }

    /// A panic elsewhere cannot leave this state half changed: every change is one statement.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message id in the provider's form, never given twice, not even by the next stand-in.
    pub(crate) fn message_id(&self, phone: &str) -> String {
        let number = self.0.ids.fetch_add(1, Ordering::Relaxed);
        let digest = Sha256::digest(format!("{}/{number}", self.0.started));
        let mut bytes = vec![0x1d, 0x18, u8::try_from(phone.len()).unwrap_or(u8::MAX)];
        bytes.extend(phone.as_bytes());
        bytes.extend([0x15, 0x02, 0x00, 0x11, 0x18, 0x12]);
        bytes.extend(hex::encode_upper(&digest[..9]).as_bytes());
        bytes.push(0);
        format!("wamid.{}", STANDARD.encode(bytes))
    }

    /// An id of a file, or of a request.
    pub(crate) fn plain_id(&self) -> u64 {
        self.0.started * 1000 + self.0.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// Posts the statuses of a message that was just taken, one after the other.
    pub(crate) fn report(&self, id: &str, to: &str) {
        let Some(url) = self.state().webhook.clone() else {
            return;
        };
        let (standin, id, to) = (self.clone(), id.to_owned(), to.to_owned());
        tokio::spawn(async move {
            for (status, pause) in [("sent", 100), ("delivered", 300), ("read", 1500)] {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                let account = standin.account();
                let notification =
                    webhook::status(account, &id, &to, status, milliseconds() / 1000);
                if let Err(error) = webhook::deliver(account, &url, &notification).await {
                    eprintln!("status {status} not delivered: {error:#}");
                }
            }
        });
    }

    /// The customer writes: keeps it and posts it. False without a webhook.
    pub(crate) fn write(&self, from: &str, name: &str, text: &str) -> bool {
        let Some(url) = self.state().webhook.clone() else {
            return false;
        };
        let (at, id) = (milliseconds(), self.message_id(from));
        let message = Inbound {
            id: &id,
            from,
            name,
            text,
            at: at / 1000,
        };
        let notification = webhook::inbound(self.account(), &message);
        let mut state = self.state();
        let number = state.ledger.next();
        state.ledger.written.push(Written {
            number,
            at,
            from: from.to_owned(),
            text: text.to_owned(),
            id,
        });
        drop(state);
        let standin = self.clone();
        tokio::spawn(async move {
            if let Err(error) = webhook::deliver(standin.account(), &url, &notification).await {
                eprintln!("message not delivered: {error:#}");
            }
        });
        true
    }
}

/// Since 1970.
pub fn milliseconds() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Answers on `listener` until the task is dropped.
///
/// # Errors
/// When the listener breaks.
pub async fn serve(standin: Standin, listener: TcpListener) -> std::io::Result<Infallible> {
    let router = api::router(standin.clone())
        .merge(page::router(standin))
        .merge(shop::router());
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(converse(router.clone(), stream));
    }
}

/// Below axum, because axum cannot end a connection without an answer.
async fn converse(router: Router, stream: TcpStream) {
    let service = service_fn(move |request: Request<Incoming>| {
        let router = router.clone();
        async move { hang_up_or(router.oneshot(request).await) }
    });
    // What remains is a client that went away, or one that was hung up on.
    let _ended = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

fn hang_up_or(response: Result<Response<Body>, Infallible>) -> Result<Response<Body>, NoAnswer> {
    match response {
        Ok(response) if response.extensions().get::<HangUp>().is_none() => Ok(response),
        _ => Err(NoAnswer),
    }
}
