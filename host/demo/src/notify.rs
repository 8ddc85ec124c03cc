//! Posting to the business's webhooks, as patiently as providers do. Owns the attempts, not what is posted.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::body::{Body, Bytes, to_bytes};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// The pauses before a failed delivery is tried again; the real providers go on for days.
const AGAIN: [Duration; 5] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];
/// How long the receiver may think.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is read of the receiver's answer.
const ANSWER: usize = 64 * 1024;

/// A JSON body, and what proves that it is the provider's.
#[derive(Clone)]
pub struct Notice {
    pub user_agent: &'static str,
    pub proof: (&'static str, String),
    pub body: String,
}

/// Posts until the receiver answers 2xx, with growing pauses; gives its answer's body, or up with what went wrong last.
pub async fn deliver(url: &str, notice: &Notice) -> Result<Bytes> {
    let mut pauses = AGAIN.iter();
    loop {
        let outcome = tokio::time::timeout(PATIENCE, post(url, notice)).await;
        let error = match outcome {
            Ok(Ok((status, body))) if (200..300).contains(&status) => return Ok(body),
            Ok(Ok((status, _))) => format!("{url} answered {status}"),
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => format!("{url} did not answer in time"),
        };
        match pauses.next() {
            Some(pause) => tokio::time::sleep(*pause).await,
            None => bail!(error),
        }
    }
}

/// One attempt. Only plain http, because the receiver is on this machine.
async fn post(url: &str, notice: &Notice) -> Result<(u16, Bytes)> {
    let uri: hyper::Uri = url
        .parse()
        .with_context(|| format!("{url} is no address"))?;
    let authority = uri
        .authority()
        .with_context(|| format!("{url} names no host"))?;
    if uri.scheme_str() != Some("http") {
        bail!("{url} is not plain http");
    }
    let stream = TcpStream::connect((authority.host(), authority.port_u16().unwrap_or(80)))
        .await
        .with_context(|| format!("{authority} cannot be reached"))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let (name, proof) = &notice.proof;
    let request = Request::post(uri.path_and_query().map_or("/", |path| path.as_str()))
        .header("host", authority.as_str())
        .header("user-agent", notice.user_agent)
        .header("content-type", "application/json")
        .header(*name, proof)
        .body(Body::from(notice.body.clone()))?;
    let running = tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    let body = to_bytes(Body::new(response.into_body()), ANSWER).await?;
    running.abort();
    Ok((status, body))
}
