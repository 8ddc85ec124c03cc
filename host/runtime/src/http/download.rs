//! Downloads: answers whose bytes go somewhere as they come, never whole in memory. Policy, placements and limits are those of every request
//! ([`Outgoing`]); what is kept of the bytes is the sink's.

use std::{io, time::Duration};

use async_trait::async_trait;

use super::{HttpError, Outgoing, Request, Response, scrub::Scrubber};
use crate::secrets::Handles;

/// Where the bytes of an answer go as they come.
#[async_trait]
pub trait Sink: Send {
    /// So many bytes are announced; what comes may be another number.
    fn expect(&mut self, _bytes: u64) {}

    /// # Errors
    /// They cannot be kept: no more are wanted.
    async fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// Looks for secrets in what passes, also where two pieces of it meet.
struct Watched<'a> {
    to: &'a mut dyn Sink,
    secrets: Scrubber,
    /// The end of what has passed, too short to hold a secret.
    tail: Vec<u8>,
    found: bool,
}

#[async_trait]
impl Sink for Watched<'_> {
    fn expect(&mut self, bytes: u64) {
        self.to.expect(bytes);
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let longest = self.secrets.longest();
        if longest > 0 {
            self.tail.extend_from_slice(bytes);
            if self.secrets.finds(&self.tail) {
                self.found = true;
                return Err(io::Error::other("a secret"));
            }
            let passed = self.tail.len().saturating_sub(longest - 1);
            self.tail.drain(..passed);
        }
        self.to.write(bytes).await
    }
}

impl Outgoing {
    /// Sends one request; the bytes of an answer of status 200 go to `to`, and no others. After an error, what `to` got is worth nothing.
    ///
    /// # Errors
    /// See [`HttpError`]. Denied also where the answer gives a secret back that went out with the request: in a file nobody could take it out.
    pub async fn download(
        &self,
        request: &Request,
        handles: &Handles,
        to: &mut dyn Sink,
    ) -> Result<Response, HttpError> {
        let prepared = self.prepare(request, handles)?;
        let timeout = prepared.timeout;
        let sent = handles
            .given()
            .filter_map(|(_, name)| self.secrets.expose(name).ok());
        let mut to = Watched {
            to,
            secrets: Scrubber::new(sent),
            tail: Vec::new(),
            found: false,
        };
        let answer = self.transport.download(prepared, &mut to);
        let answer = within(timeout, answer).await;
        if to.found {
            return Err(HttpError::Denied(
                "the answer gives a secret of the app back".into(),
            ));
        }
        self.clean(answer)
    }
}

async fn within<T>(
    timeout: Duration,
    answer: impl Future<Output = Result<T, HttpError>>,
) -> Result<T, HttpError> {
    match tokio::time::timeout(timeout, answer).await {
        Err(_) => Err(HttpError::Timeout(timeout)),
        Ok(answer) => answer,
    }
}

/// How a transport tells that a sink wants no more.
pub fn not_kept(error: &io::Error) -> HttpError {
    HttpError::Broken(format!("what came could not be kept: {error}"))
}

#[cfg(test)]
#[path = "download/tests.rs"]
mod tests;
