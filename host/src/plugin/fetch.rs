//! Fetching an attachment: asks the plugin where it is, where only the plugin knows, and downloads it with the plugin's rights and no others. The bytes
//! never enter the plugin.

use std::{sync::Arc, time::Duration};

use balcao_runtime::{
    call::{Input, Output},
    context::FirstRun,
    http::{HttpError, Limits, Outgoing, Request, Response, Sink},
    secrets::Handles,
};

use super::{
    AppError, NotFetched, Wanted,
    calls::{Calls, MISSING, failure},
};
use crate::{attachment::Trouble, channel::Channel, clock::Instant, error::Error};

/// How long a whole download may take.
pub const DOWNLOAD: Duration = Duration::from_secs(300);
/// Bytes of a request for a file.
const REQUEST: usize = 64 << 10;

/// An address to be asked, and the handles that mean something in it.
struct Located {
    request: Request,
    handles: Handles,
    /// By the plugin, just now: it will give another one next time.
    renewable: bool,
}

impl Calls {
    pub(super) async fn fetch_for(
        &self,
        channel: &Channel,
        wanted: Wanted<'_>,
        to: &mut dyn Sink,
    ) -> Result<(), NotFetched> {
        let bound = self.largest(channel, wanted.max_bytes);
        // What is known to be too large is not even asked for.
        if wanted.announced > bound {
            return Err(Trouble::TooLarge { most: bound }.into());
        }
        let located = match wanted.source.strip_prefix("ref:") {
            Some(reference) => self.locate(channel, wanted.key, reference).await?,
            None => Located {
                request: get(wanted.source.to_owned(), Vec::new()),
                handles: Handles::default(),
                renewable: false,
            },
        };
        let answer = self.download(channel, &located, bound, to).await;
        match answer {
            Ok(response) => taken(&response, located.renewable, self.clock.now()),
            Err(error) => {
                tracing::info!(channel = %channel.id, plugin = channel.plugin_id, "a file did not come: {}", error.code());
                Err(trouble_of(&error, bound).into())
            }
        }
    }

    /// Bytes of the largest file that may come: the least of the server's bound, the app's in the workspace, and the channel's.
    fn largest(&self, channel: &Channel, most: u64) -> u64 {
        let enabled = self.enabled.get(channel.workspace_id, &channel.plugin_id);
        let own = channel.max_file_bytes.and_then(|it| u64::try_from(it).ok());
        let bounds = [enabled.map(|it| it.allowance.call.media_bytes), own];
        bounds.into_iter().flatten().fold(most, u64::min)
    }

    async fn locate(
        &self,
        channel: &Channel,
        key: &str,
        reference: &str,
    ) -> Result<Located, NotFetched> {
        let mut about = self.about_channel(channel);
        key.clone_into(&mut about.key);
        let input = Input::Locate {
            channel: channel.id.to_string(),
            reference: reference.to_owned(),
        };
        let called = self.run(&about, FirstRun::default(), input).await;
        let (_, mut outcome) = called.map_err(|error| not_located(&error))?;
        outcome.keep_instance();
        let handles = std::mem::take(&mut outcome.run.handles);
        match outcome.result {
            Ok(Output::Source(source)) => Ok(Located {
                request: get(source.url, source.headers),
                handles,
                renewable: true,
            }),
            Ok(_) => Err(Trouble::Refused.into()),
            Err(error) => Err(not_located(&failure(error))),
        }
    }

    async fn download(
        &self,
        channel: &Channel,
        located: &Located,
        bound: u64,
        to: &mut dyn Sink,
    ) -> Result<Response, HttpError> {
        let (workspace, plugin) = (channel.workspace_id, channel.plugin_id.as_str());
        let off = || HttpError::Unreachable("the app is off".into());
        let offered = self.registry.get(plugin).ok_or_else(off)?;
        let enabled = self.enabled.get(workspace, plugin).ok_or_else(off)?;
        let owner = channel.id.to_string();
        let secrets = self
            .vault
            .secrets_of(&self.store, workspace, &owner, &offered.package)
            .await
            .map_err(|error| HttpError::Unreachable(error.to_string()))?;
        let outgoing = Outgoing::new(
            Arc::clone(&offered.policy),
            Arc::clone(&offered.bindings),
            secrets,
            Arc::clone(&self.transport),
            Limits {
                max_calls: 1,
                max_request_bytes: REQUEST,
                max_response_bytes: usize::try_from(bound).unwrap_or(usize::MAX),
                max_upload_bytes: 0,
                timeout: DOWNLOAD,
            },
        );
        let meter = Arc::clone(&self.enabled.live(workspace, plugin, &enabled).meter);
        let now = self.clock.now();
        meter
            .send(now, located.request.size())
            .map_err(|hit| HttpError::Unreachable(hit.to_string()))?;
        let mut to = Counted { to, bytes: 0 };
        let request = &located.request;
        let answer = outgoing.download(request, &located.handles, &mut to).await;
        meter.received(self.clock.now(), to.bytes);
        answer
    }
}

/// Counts what passes.
struct Counted<'a> {
    to: &'a mut dyn Sink,
    bytes: usize,
}

#[async_trait::async_trait]
impl Sink for Counted<'_> {
    fn expect(&mut self, bytes: u64) {
        self.to.expect(bytes);
    }

    async fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.bytes += bytes.len();
        self.to.write(bytes).await
    }
}

fn get(url: String, headers: Vec<(String, String)>) -> Request {
    Request {
        method: "GET".to_owned(),
        url,
        headers,
        ..Request::default()
    }
}

/// What an answer means, whose bytes the sink has where it is 200.
fn taken(answer: &Response, renewable: bool, now: Instant) -> Result<(), NotFetched> {
    let trouble = match answer.status {
        200 => return Ok(()),
        408 | 425 | 429 | 500.. => Trouble::Unreachable,
        401 | 403 | 404 | 410 if renewable => Trouble::Expired,
        404 | 410 => Trouble::Gone,
        // Redirects are not followed: whoever knows the address gives the last one.
        300..=399 => Trouble::Host,
        _ => Trouble::Refused,
    };
    let rest = answer
        .headers
        .iter()
        .find(|(name, _)| name == "retry-after")
        .and_then(|(_, value)| rest_of(value.trim(), now));
    Err(NotFetched { trouble, rest })
}

/// Seconds, or until when (RFC 9110, 10.2.3).
fn rest_of(value: &str, now: Instant) -> Option<u32> {
    if let Ok(seconds) = value.parse() {
        return Some(seconds);
    }
    let until = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    let seconds = (until.as_microsecond() - now).div_euclid(1_000_000) + 1;
    Some(u32::try_from(seconds.max(0)).unwrap_or(u32::MAX))
}

fn trouble_of(error: &HttpError, bound: u64) -> Trouble {
    match error {
        HttpError::Denied(_) => Trouble::Host,
        HttpError::Limit(_) => Trouble::TooLarge { most: bound },
        HttpError::Timeout(_) | HttpError::Unreachable(_) | HttpError::Broken(_) => {
            Trouble::Unreachable
        }
    }
}

/// The plugin did not say where.
fn not_located(error: &AppError) -> NotFetched {
    match error {
        AppError::Plugin(said) => match (said.code.as_str(), said.retry) {
            (MISSING, _) => Trouble::Unsupported.into(),
            (_, rest @ Some(_)) => NotFetched {
                trouble: Trouble::Unreachable,
                rest,
            },
            // Its own fault, which another version may mend.
            ("trap" | "limit", None) => Trouble::Unreachable.into(),
            (_, None) => Trouble::Refused.into(),
        },
        AppError::Host(Error::NotFound(_)) => Trouble::Gone.into(),
        AppError::Host(error) => {
            tracing::warn!("a file's address could not be asked for: {error}");
            Trouble::Unreachable.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_is_seconds_or_a_date() {
        /// 2026-11-22T12:00:00Z.
        const NOON: Instant = 1_795_348_800_000_000;
        let of = |value| rest_of(value, NOON);
        assert_eq!(of("60"), Some(60));
        assert_eq!(of("Sun, 22 Nov 2026 12:01:00 GMT"), Some(61));
        assert_eq!(of("Sun, 22 Nov 2026 11:00:00 GMT"), Some(0));
        for nonsense in ["", "soon", "-5", "Sun, 99 Nov 2026 12:01:00 GMT"] {
            assert_eq!(of(nonsense), None, "{nonsense}");
        }
    }
}
