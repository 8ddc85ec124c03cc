//! The stand-in itself: its state, and serving it on a listener. Owns ids and time; what requests mean is in `api`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
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

use crate::demo::Accounts;
use crate::fault::Faults;
use crate::ledger::{Ledger, Sent, Written};
use crate::notify::{Notice, deliver};
use crate::provider::Provider;
use crate::reply::Upload;
use crate::whatsapp::webhook::{self, Inbound};
use crate::{api, instagram, page, shop, telegram, whatsapp};

/// The fake providers. Cheap to clone; all clones are the same ones.
#[derive(Clone)]
pub struct Standin(Arc<Inner>);

struct Inner {
    accounts: Accounts,
    started: u64,
    ids: AtomicU64,
    state: Mutex<State>,
}

/// What changes.
#[derive(Default)]
pub(crate) struct State {
    pub ledger: Ledger,
    pub faults: Faults,
    /// WhatsApp's uploads by id.
    pub media: HashMap<String, Upload>,
    pub telegram: telegram::State,
    pub instagram: instagram::State,
    /// Where notifications go.
    pub webhooks: HashMap<Provider, String>,
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
    /// Knows these accounts and has seen nothing.
    pub fn new(accounts: Accounts) -> Self {
        let started = milliseconds();
        let state = State {
            telegram: telegram::State::new(started / 1000),
            ..State::default()
        };
        Self(Arc::new(Inner {
            accounts,
            started,
            ids: AtomicU64::new(1),
            state: Mutex::new(state),
        }))
    }

    /// The accounts it plays.
    pub fn accounts(&self) -> &Accounts {
        &self.0.accounts
    }

    /// WhatsApp's.
    pub(crate) fn account(&self) -> &whatsapp::Account {
        &self.0.accounts.whatsapp
    }

    /// All that happened so far.
    pub fn ledger(&self) -> Ledger {
        self.state().ledger.clone()
    }

    /// From now on what happens at that provider is posted there.
    pub fn notify(&self, provider: Provider, url: &str) {
        self.state().webhooks.insert(provider, url.to_owned());
    }

    /// Takes `demo: webhook of CHANNEL: URL`, as the server prints it, or a bare address, which is WhatsApp's. Channels that nobody plays
    /// are left alone.
    pub fn hear(&self, line: &str) {
        let Some(named) = line.strip_prefix("demo: webhook of ") else {
            if !line.is_empty() {
                self.notify(Provider::Whatsapp, line);
            }
            return;
        };
        if let Some((name, url)) = named.rsplit_once(": ")
            && let Some(provider) = self.accounts().provider(name)
        {
            self.notify(provider, url);
        }
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

    /// Posts what a provider tells of a message that was just taken: how far it got, one state after the other.
    pub(crate) fn report(&self, provider: Provider, sent: &Sent) {
        match provider {
            Provider::Whatsapp => self.report_statuses(sent),
            Provider::Instagram => instagram::webhook::seen(self, sent),
            // Tells nothing of what became of a message.
            Provider::Telegram => {}
        }
    }

    fn report_statuses(&self, sent: &Sent) {
        let Some(url) = self.webhook(Provider::Whatsapp) else {
            return;
        };
        let (standin, sent) = (self.clone(), sent.clone());
        tokio::spawn(async move {
            for (status, pause) in [("sent", 100), ("delivered", 300), ("read", 1500)] {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                let account = standin.account();
                let at = milliseconds() / 1000;
                let notification = webhook::status(account, &sent.id, &sent.to, status, at);
                let notice = webhook::notice(account, &notification);
                if let Err(error) = deliver(&url, &notice).await {
                    eprintln!("status {status} not delivered: {error:#}");
                }
            }
        });
    }

    /// Where a provider posts.
    pub(crate) fn webhook(&self, provider: Provider) -> Option<String> {
        self.state().webhooks.get(&provider).cloned()
    }

    /// The customer writes: keeps it and posts it. False where the provider has no webhook.
    pub(crate) fn write(&self, provider: Provider, from: &str, name: &str, text: &str) -> bool {
        let at = milliseconds();
        let written = match provider {
            Provider::Whatsapp => self.whatsapp_message(from, name, text, at),
            Provider::Telegram => telegram::webhook::text(self, from, name, text, at),
            Provider::Instagram => instagram::webhook::text(self, from, name, text, at),
        };
        let Some((url, id, notice)) = written else {
            return false;
        };
        self.keep(provider, from, text, id, at);
        self.post(provider, url, notice);
        true
    }

    fn whatsapp_message(
        &self,
        from: &str,
        name: &str,
        text: &str,
        at: u64,
    ) -> Option<(String, String, Notice)> {
        let url = self.webhook(Provider::Whatsapp)?;
        let id = self.message_id(from);
        let message = Inbound {
            id: &id,
            from,
            name,
            text,
            at: at / 1000,
        };
        let notification = webhook::inbound(self.account(), &message);
        let notice = webhook::notice(self.account(), &notification);
        Some((url, id, notice))
    }

    /// Notes what a customer wrote or chose.
    pub(crate) fn keep(&self, channel: Provider, from: &str, text: &str, id: String, at: u64) {
        let mut state = self.state();
        let number = state.ledger.next();
        state.ledger.written.push(Written {
            number,
            at,
            channel,
            from: from.to_owned(),
            text: text.to_owned(),
            id,
        });
    }

    /// Posts in the background. Telegram carries out what the answer asks for.
    pub(crate) fn post(&self, provider: Provider, url: String, notice: Notice) {
        let standin = self.clone();
        tokio::spawn(async move {
            match deliver(&url, &notice).await {
                Ok(body) if provider == Provider::Telegram => {
                    telegram::api::answered(&standin, &body);
                }
                Ok(_) => {}
                Err(error) => eprintln!("{}: not delivered: {error:#}", provider.name()),
            }
        });
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
