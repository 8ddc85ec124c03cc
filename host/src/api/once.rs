//! `Idempotency-Key`: a request that is sent again is answered again and not done again (24 h). Owns reading the key and giving the kept answer. Where
//! the deed is one transaction its key is in it; what is more than a transaction is begun once, and told so where nobody knows how it ended.

use std::time::Duration;

use axum::{
    body::{Body as Raw, Bytes},
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::{
    etag,
    extract::Body,
    problem::{Answer, Problem},
};
use crate::{
    account::Caller,
    app::{App, SharedApp},
    clock::Instant,
    error::Error,
    reason::Reason,
    store::{
        Tx,
        idempotency::{Kept, RequestKey},
    },
};

/// The header that carries the key.
const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer is an earlier one's.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Longest key, in characters.
const MAX_KEY: usize = 255;
/// How long somebody waits for the same request that is under way.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often they look.
const LOOK: Duration = Duration::from_millis(50);
/// What began so long ago and has no answer was cut off, in microseconds.
const CUT_OFF: i64 = 120_000_000;

/// The header, for the API's document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IdempotencyKey {
    /// Any text of your own, at most 255 characters: the same request with the same key within 24 hours is done once and answered again, with
    /// `Idempotency-Replayed: true`. The same key with another body is refused with 422.
    #[param(rename = "Idempotency-Key", max_length = 255)]
    #[expect(dead_code, reason = "stands for the header in the document")]
    idempotency_key: Option<String>,
}

/// A request that is done once, if its sender asked for that.
pub struct Once {
    key: Option<RequestKey>,
    now: Instant,
}

/// The same with a JSON body.
pub struct Keyed<T> {
    pub once: Once,
    pub body: T,
}

impl FromRequest<SharedApp> for Once {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &SharedApp) -> Result<Self, Problem> {
        let (once, _) = read(request, app).await?;
        Ok(once)
    }
}

impl<T: DeserializeOwned> FromRequest<SharedApp> for Keyed<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &SharedApp) -> Result<Self, Problem> {
        let (once, request) = read(request, app).await?;
        let Body(body) = Body::from_request(request, app).await?;
        Ok(Self { once, body })
    }
}

/// The request with its key, which counts for one caller and one address.
async fn read(request: Request, app: &SharedApp) -> Answer<(Once, Request)> {
    let (mut parts, body) = request.into_parts();
    let now = app.clock.now();
    let Some(key) = key_of(&parts.headers)? else {
        let once = Once { key: None, now };
        return Ok((once, Request::from_parts(parts, body)));
    };
    let caller = Caller::from_request_parts(&mut parts, app).await?;
    let whole = Request::from_parts(parts.clone(), body);
    let bytes = Bytes::from_request(whole, app)
        .await
        .map_err(|rejection| Problem::of_status(rejection.status(), rejection.body_text()))?;
    let key = RequestKey {
        workspace: caller.workspace,
        user: caller.user,
        route: route_of(&parts),
        key,
        hash: Sha256::digest(&bytes).into(),
    };
    let once = Once {
        key: Some(key),
        now,
    };
    Ok((once, Request::from_parts(parts, Raw::from(bytes))))
}

fn route_of(parts: &Parts) -> String {
    format!("{} {}", parts.method, parts.uri.path())
}

fn key_of(headers: &HeaderMap) -> Answer<Option<String>> {
    let Some(value) = headers.get(HEADER) else {
        return Ok(None);
    };
    let text = value
        .to_str()
        .ok()
        .map(str::trim)
        .filter(|text| (1..=MAX_KEY).contains(&text.len()));
    match text {
        Some(text) => Ok(Some(text.to_owned())),
        None => Err(Problem::field(
            "Idempotency-Key",
            "must be 1 to 255 visible characters",
        )),
    }
}

impl Once {
    /// The answer to the same request, if it was done before. The transaction holds the workspace (`Store::write`), so that of two that come at
    /// once the second finds the first's.
    ///
    /// # Errors
    /// `invalid` where the key was sent with another body.
    pub async fn again(&self, tx: &mut Tx) -> Answer<Option<Response>> {
        let Some(key) = &self.key else {
            return Ok(None);
        };
        match tx.kept_answer(key, self.now).await? {
            None => Ok(None),
            Some(kept) => {
                tx.so_far().wait().await?;
                Ok(Some(replayed(key, kept)?))
            }
        }
    }

    /// Keeps the answer in the deed's own transaction, commits both, and gives it.
    pub async fn commit<T: Serialize>(
        &self,
        tx: Tx,
        status: StatusCode,
        view: &T,
    ) -> Answer<Response> {
        self.commit_as(tx, status, view, view).await
    }

    /// The same where a repetition is told less than the first: what is shown only once.
    pub async fn commit_as<T: Serialize>(
        &self,
        mut tx: Tx,
        status: StatusCode,
        view: &T,
        again: &T,
    ) -> Answer<Response> {
        self.keep(&mut tx, status, again).await?;
        tx.commit().await?;
        etag::answer(status, view)
    }

    /// Keeps the answer, for whoever commits by themselves.
    pub async fn keep<T: Serialize>(
        &self,
        tx: &mut Tx,
        status: StatusCode,
        view: &T,
    ) -> Answer<()> {
        if let Some(key) = &self.key {
            let text = serde_json::to_string(view).map_err(Error::from)?;
            tx.keep_answer(key, (status.as_u16(), &text), self.now)
                .await?;
        }
        Ok(())
    }

    /// Does what is more than one transaction: brought to its end even where the client leaves, and with a key begun once. A repetition waits for the
    /// answer; one whose first was cut off (a crash) is told that nobody knows.
    pub async fn run<T: Serialize + Send + 'static>(
        self,
        app: SharedApp,
        deed: impl Future<Output = Answer<(StatusCode, T)>> + Send + 'static,
    ) -> Answer<Response> {
        let Some(key) = self.key else {
            let ended = tokio::spawn(deed).await;
            let (status, view) = ended.map_err(|error| Problem::internal(&error))??;
            return etag::answer(status, &view);
        };
        if let Some(answer) = begin(&app, &key).await? {
            return Ok(answer);
        }
        let ended = tokio::spawn(async move { end(&app, &key, deed.await).await });
        ended.await.map_err(|error| Problem::internal(&error))?
    }
}

/// Takes the key, or gives the answer of whoever has it.
async fn begin(app: &App, key: &RequestKey) -> Answer<Option<Response>> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let now = app.clock.now();
        let mut tx = app.store.begin().await?;
        if tx.take_key(key, now).await? {
            tx.commit().await?;
            return Ok(None);
        }
        let kept = tx.kept_answer(key, now).await?;
        let found = tx.so_far();
        tx.rollback().await?;
        // None: it was let go between the two; then it can be taken.
        let Some(kept) = kept else { continue };
        let age = now.saturating_sub(kept.created_at);
        if kept.answer.is_some() || kept.request_hash != key.hash {
            found.wait().await?;
            return replayed(key, kept).map(Some);
        }
        if age > CUT_OFF {
            return Err(Reason::RequestCutOff.into());
        }
        if tokio::time::Instant::now() >= deadline {
            let mut problem = Problem::from(Reason::RequestUnderWay);
            problem.retry_after = Some(10);
            return Err(problem);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Keeps what came of it: an answer, or a refusal. What may be tried again at once gives the key back.
async fn end<T: Serialize>(
    app: &App,
    key: &RequestKey,
    outcome: Answer<(StatusCode, T)>,
) -> Answer<Response> {
    let mut tx = app.store.begin().await?;
    let now = app.clock.now();
    match &outcome {
        Ok((status, view)) => {
            let text = serde_json::to_string(view).map_err(Error::from)?;
            tx.keep_answer(key, (status.as_u16(), &text), now).await?;
        }
        Err(problem) if problem.retry_after.is_some() => tx.release_key(key).await?,
        Err(problem) => {
            let text = serde_json::to_string(problem).map_err(Error::from)?;
            tx.keep_answer(key, (problem.status, &text), now).await?;
        }
    }
    tx.commit().await?;
    let (status, view) = outcome?;
    etag::answer(status, &view)
}

fn replayed(key: &RequestKey, kept: Kept) -> Answer<Response> {
    if kept.request_hash != key.hash {
        return Err(Problem::field(
            "Idempotency-Key",
            "was sent with another body before",
        ));
    }
    let Some((status, text)) = kept.answer else {
        return Err(Reason::RequestUnderWay.into());
    };
    let status = StatusCode::from_u16(status).map_err(|error| Problem::internal(&error))?;
    let mut response = if status.is_success() {
        etag::written(status, text)
    } else {
        let kind = HeaderValue::from_static("application/problem+json");
        (status, [(header::CONTENT_TYPE, kind)], text).into_response()
    };
    response
        .headers_mut()
        .insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}
