//! Webhooks and who posts them: signed beforehand, on kept connections, as lean as can be, since it runs on the server's own cores.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use balcao_demo::webhook::{self, Inbound};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::office::Office;

/// Posted at once.
pub const CONNECTIONS: usize = 64;
pub const TEXT: &str = "Bom dia! Fiz um pedido na semana passada e ainda não recebi. Podem ver para mim onde ele está? Obrigada!";

/// One webhook, ready to be posted.
pub struct Webhook {
    path: String,
    body: Bytes,
    /// The header that proves it.
    proof: (HeaderName, HeaderValue),
}

impl Webhook {
    pub fn new(path: &str, header: &str, proof: &str, body: String) -> Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            body: body.into(),
            proof: (header.parse()?, proof.parse()?),
        })
    }
}

/// A message of each of `senders` (numbers of contacts), in this order, each with an id of its own.
pub fn webhooks(office: &Office, senders: impl Iterator<Item = usize>) -> Result<Arc<[Webhook]>> {
    senders
        .enumerate()
        .map(|(n, contact)| one(office, contact, n))
        .collect()
}

/// The `n`th message altogether, from that contact.
pub fn one(office: &Office, contact: usize, n: usize) -> Result<Webhook> {
    let message = Inbound {
        id: &format!("wamid.BENCH{n:026}"),
        from: &format!("55119{contact:08}"),
        name: &format!("Cliente {contact}"),
        text: TEXT,
        at: 1_767_225_600,
    };
    let body = webhook::inbound(&office.account, &message).to_string();
    let signature = webhook::signature(&office.account.app_secret, body.as_bytes());
    Webhook::new(&office.hook, "x-hub-signature-256", &signature, body)
}

/// What posting took.
pub struct Posted {
    /// From before the first to after the last.
    pub took: Duration,
    /// Of each, in ms, sorted. At a given rate from when it was due, else from when it was posted.
    pub latencies: Vec<f64>,
}

/// Posts all of them over `CONNECTIONS`; `rate` a second if given, else as fast as they are answered. Each must be answered 200.
pub async fn post(to: SocketAddr, webhooks: Arc<[Webhook]>, rate: Option<f64>) -> Result<Posted> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS.min(webhooks.len()) {
        connections.push(Connection::open(to).await?);
    }
    let began = Instant::now();
    let posters: Vec<_> = connections
        .into_iter()
        .map(|mut connection| {
            let (next, webhooks) = (Arc::clone(&next), Arc::clone(&webhooks));
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let Some(webhook) = webhooks.get(n) else {
                        return anyhow::Ok(latencies);
                    };
                    let mut due = Instant::now();
                    if let Some(rate) = rate {
                        due = began + Duration::from_secs_f64(n as f64 / rate);
                        tokio::time::sleep_until(due).await;
                    }
                    connection.post(webhook).await?;
                    latencies.push(due.elapsed().as_secs_f64() * 1e3);
                }
            })
        })
        .collect();
    let mut latencies = Vec::with_capacity(webhooks.len());
    for poster in posters {
        latencies.extend(poster.await??);
    }
    let took = began.elapsed();
    latencies.sort_unstable_by(f64::total_cmp);
    Ok(Posted { took, latencies })
}

/// A kept connection.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
}

impl Connection {
    pub async fn open(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self {
            sender,
            host: HeaderValue::from_str(&to.to_string())?,
        })
    }

    /// Gives what was answered.
    pub async fn post(&mut self, webhook: &Webhook) -> Result<Bytes> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(&webhook.path)
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, "application/json")
            .header(&webhook.proof.0, &webhook.proof.1)
            .body(Full::new(webhook.body.clone()))?;
        self.sender.ready().await?;
        let answer = self
            .sender
            .send_request(request)
            .await
            .context("a webhook was not answered")?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        ensure!(
            status == 200,
            "a webhook was answered {status}: {}",
            String::from_utf8_lossy(&body)
        );
        Ok(body)
    }
}

/// Runs what posts: one thread, the rest is the server's.
pub fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}
