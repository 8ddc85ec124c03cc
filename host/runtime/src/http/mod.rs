//! Outgoing HTTP of plugins: the request and answer, the limits, and the one way out ([`Outgoing`]) that every request takes: policy,
//! placements of secrets, limits, transport, scrubbing. Never opens a connection: a [`Transport`] does.

pub mod download;
pub mod placements;
pub mod policy;
pub mod recorded;
pub mod scrub;
pub mod upload;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;

use crate::{
    manifest::Secret,
    secrets::{Handles, Secrets},
};

pub use download::Sink;
pub use placements::Prepared;
pub use policy::Policy;
pub use upload::Attached;

/// What a guest asks for; nothing in it has been checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// Files of the host within the body, in the order of their places.
    pub files: Vec<Attached>,
    /// Bounded by [`Limits::timeout`].
    pub timeout: Option<Duration>,
}

/// What came back. Redirects come back as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// Nothing was sent; the text says what to change.
    #[error("{0}")]
    Denied(String),
    /// It may or may not have been received.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The connection could not be made: nothing was received.
    #[error("{0}")]
    Unreachable(String),
    /// The connection broke before the answer was whole: it may or may not have been received.
    #[error("{0}")]
    Broken(String),
    /// A limit, named in the text.
    #[error("{0}")]
    Limit(String),
}

impl Request {
    /// Bytes of URL, headers and body, without those of files.
    pub fn size(&self) -> usize {
        self.url.len() + size_of_headers(&self.headers) + self.body.len()
    }
}

impl Response {
    /// Bytes of headers and body.
    pub fn size(&self) -> usize {
        size_of_headers(&self.headers) + self.body.len()
    }
}

impl HttpError {
    /// Whether the other side may have got the request although there is no answer.
    pub fn may_have_arrived(&self) -> bool {
        matches!(self, Self::Timeout(_) | Self::Broken(_))
    }

    /// The code of `balcao:types/types.error`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Denied(_) => "denied",
            Self::Timeout(_) => "timeout",
            Self::Unreachable(_) | Self::Broken(_) => "unreachable",
            Self::Limit(_) => "limit",
        }
    }
}

/// Bounds of one call's HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests per call.
    pub max_calls: u32,
    /// Bytes of a request: URL, headers and body together.
    pub max_request_bytes: usize,
    /// Bytes of an answer: headers and body together.
    pub max_response_bytes: usize,
    /// Bytes of files of the host in a request, beside its own.
    pub max_upload_bytes: u64,
    /// Of a whole exchange; longer with files (`upload::longer`).
    pub timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_calls: 20,
            max_request_bytes: 4 << 20,
            max_response_bytes: 4 << 20,
            max_upload_bytes: 50_000_000,
            timeout: Duration::from_secs(15),
        }
    }
}

/// Sends what has passed every check.
///
/// An implementation resolves the host once, takes its address from [`policy::choose_address`], connects to that address, follows no
/// redirect, decodes no content encoding, and stops reading at [`Prepared::max_response_bytes`].
#[async_trait::async_trait]
pub trait Transport: Send + Sync {
    /// One exchange.
    async fn send(&self, request: Prepared) -> Result<Response, HttpError>;

    /// The same for an answer that may be large: the bytes of one of status 200 go to `to` as they come, and those of others nowhere; the
    /// answer given has none. Here for transports that hold what they give anyway.
    async fn download(&self, request: Prepared, to: &mut dyn Sink) -> Result<Response, HttpError> {
        let mut answer = self.send(request).await?;
        let body = std::mem::take(&mut answer.body);
        if answer.status == 200 {
            let written = to.write(&body).await;
            written.map_err(|error| download::not_kept(&error))?;
        }
        Ok(answer)
    }
}

/// The way out for one call.
pub struct Outgoing {
    policy: Arc<Policy>,
    bindings: Arc<[Secret]>,
    secrets: Arc<Secrets>,
    transport: Arc<dyn Transport>,
    limits: Limits,
    calls: AtomicU32,
}

impl Outgoing {
    /// `bindings`: the secrets of the manifest, as granted.
    pub fn new(
        policy: Arc<Policy>,
        bindings: Arc<[Secret]>,
        secrets: Arc<Secrets>,
        transport: Arc<dyn Transport>,
        limits: Limits,
    ) -> Self {
        Self {
            policy,
            bindings,
            secrets,
            transport,
            limits,
            calls: AtomicU32::new(0),
        }
    }

    /// Checks, sends and cleans one request. What was refused before it went out counts as a call too.
    ///
    /// # Errors
    /// See [`HttpError`]; its text holds no secret.
    pub async fn send(&self, request: &Request, handles: &Handles) -> Result<Response, HttpError> {
        let prepared = self.prepare(request, handles)?;
        let timeout = prepared.timeout;
        let answer = match tokio::time::timeout(timeout, self.transport.send(prepared)).await {
            Err(_) => Err(HttpError::Timeout(timeout)),
            Ok(answer) => answer,
        };
        self.clean(answer)
    }

    /// Everything that is checked before a request leaves.
    fn prepare(&self, request: &Request, handles: &Handles) -> Result<Prepared, HttpError> {
        if self.calls.fetch_add(1, Ordering::Relaxed) >= self.limits.max_calls {
            return Err(HttpError::Limit(format!(
                "max_calls: a call may make {} HTTP requests",
                self.limits.max_calls
            )));
        }
        let size = request.size();
        if size > self.limits.max_request_bytes {
            let limit = self.limits.max_request_bytes;
            return Err(HttpError::Limit(format!(
                "max_request_bytes: the request has {size} bytes, {limit} are allowed"
            )));
        }
        let files = upload::size_of(&request.files);
        if files > self.limits.max_upload_bytes {
            let limit = self.limits.max_upload_bytes;
            return Err(HttpError::Limit(format!(
                "upload_bytes: the request carries {files} bytes of files, {limit} are allowed"
            )));
        }
        let timeout = request
            .timeout
            .unwrap_or(self.limits.timeout)
            .min(self.limits.timeout)
            .saturating_add(upload::longer(files));
        let mut prepared = placements::prepare(
            request,
            handles,
            &self.secrets,
            &self.bindings,
            &self.policy,
        )
        .map_err(|refused| HttpError::Denied(refused.to_string()))?;
        prepared.timeout = timeout;
        prepared.max_response_bytes = self.limits.max_response_bytes;
        Ok(prepared)
    }

    fn clean(&self, answer: Result<Response, HttpError>) -> Result<Response, HttpError> {
        let scrubber = self.secrets.scrubber();
        let response = answer.map_err(|error| match error {
            HttpError::Denied(text) => HttpError::Denied(scrubber.text(&text).into_owned()),
            HttpError::Unreachable(text) => {
                HttpError::Unreachable(scrubber.text(&text).into_owned())
            }
            HttpError::Broken(text) => HttpError::Broken(scrubber.text(&text).into_owned()),
            HttpError::Limit(text) => HttpError::Limit(scrubber.text(&text).into_owned()),
            HttpError::Timeout(after) => HttpError::Timeout(after),
        })?;
        if response.size() > self.limits.max_response_bytes {
            let limit = self.limits.max_response_bytes;
            return Err(HttpError::Limit(format!(
                "max_response_bytes: the answer has more than {limit} bytes"
            )));
        }
        // We asked for none; what cannot be read cannot be scrubbed.
        let encoding = response
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("content-encoding"));
        if let Some((_, encoding)) = encoding
            .filter(|(_, value)| !value.is_empty() && !value.eq_ignore_ascii_case("identity"))
        {
            return Err(HttpError::Denied(format!(
                "the answer came encoded as `{}` though not asked to",
                scrubber.text(encoding)
            )));
        }
        Ok(scrubber.response(response))
    }
}

fn size_of_headers(headers: &[(String, String)]) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum()
}

/// Whether it can be a header's name at all (RFC 9110 token).
pub(crate) fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 256
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Headers that belong to the connection or to the host: a plugin that sets one could change who is asked or where a message ends.
pub(crate) fn is_host_header(name: &str) -> bool {
    const HOST_HEADERS: [&str; 12] = [
        "connection",
        "content-length",
        "expect",
        "forwarded",
        "host",
        "http2-settings",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    ];
    HOST_HEADERS.iter().any(|h| name.eq_ignore_ascii_case(h))
        || name
            .get(..6)
            .is_some_and(|start| start.eq_ignore_ascii_case("proxy-"))
}

#[cfg(test)]
mod tests;
