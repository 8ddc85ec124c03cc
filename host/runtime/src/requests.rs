//! The HTTP of one call: every request takes this way, whichever import it came by. Owns the call's handles, what has been asked and
//! answered, and giving again what the first run of the same call got. Where requests may go is decided by `http` alone.

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::oneshot;

use crate::{
    context::{CallContext, FirstRun},
    http::{HttpError, Outgoing, Request, Response, upload},
    quota::Meter,
    secrets::Handles,
    wit::Instant,
};

/// One outgoing request and what came of it, as the plugin saw both: handles in place of secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpExchange {
    pub request: Request,
    pub result: Result<Response, HttpError>,
}

/// See the module. Shared between the call and the requests that it does not wait for.
pub(crate) struct CallHttp {
    inner: Mutex<Inner>,
    way_out: OnceLock<WayOut>,
    /// Requests that have begun and not ended.
    open: AtomicUsize,
}

struct WayOut {
    outgoing: Outgoing,
    meter: Arc<Meter>,
    now: Instant,
}

struct Inner {
    handles: Handles,
    /// What the first run got, until the call asks for something else.
    first: Vec<HttpExchange>,
    replayed: usize,
    exchanges: Vec<HttpExchange>,
    /// Ends when the request before has been judged.
    last: Option<oneshot::Receiver<()>>,
}

/// A request's place in the order in which the call asked.
pub(crate) struct Turn {
    http: Arc<CallHttp>,
    before: Option<oneshot::Receiver<()>>,
    judged: Option<oneshot::Sender<()>>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.http.open.fetch_sub(1, Ordering::Relaxed);
    }
}

enum Judged {
    /// The first run asked the same.
    Again(Result<Response, HttpError>),
    /// To be sent; the number of its exchange.
    New(usize, Handles),
}

impl CallHttp {
    pub fn new(first: FirstRun) -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::new(Inner {
                handles: first.handles,
                first: first.http,
                replayed: 0,
                exchanges: Vec::new(),
                last: None,
            }),
            way_out: OnceLock::new(),
            open: AtomicUsize::new(0),
        })
    }

    /// Makes the way out, which most calls never need.
    pub fn open(&self, context: &CallContext) {
        self.way_out.get_or_init(|| WayOut {
            outgoing: outgoing(context),
            meter: Arc::clone(&context.meter),
            now: context.now,
        });
    }

    pub fn handles<T>(&self, with: impl FnOnce(&mut Handles) -> T) -> T {
        with(&mut self.lock().handles)
    }

    /// Whether a request is still under way.
    pub fn is_busy(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 0
    }

    /// What to give to the next run of the same call.
    pub fn take(&self) -> FirstRun {
        let mut inner = self.lock();
        FirstRun {
            http: std::mem::take(&mut inner.exchanges),
            handles: std::mem::take(&mut inner.handles),
        }
    }

    /// The place of a request that is asked for now.
    pub fn turn(self: &Arc<Self>) -> Turn {
        self.open.fetch_add(1, Ordering::Relaxed);
        let mut inner = self.lock();
        // Only where there is something to be compared with does the order matter.
        let (before, judged) = if inner.first.is_empty() {
            (None, None)
        } else {
            let (judged, is_judged) = oneshot::channel();
            (inner.last.replace(is_judged), Some(judged))
        };
        Turn {
            http: Arc::clone(self),
            before,
            judged,
        }
    }

    /// Sends a request, or gives again what the first run of this call got for the same one.
    pub async fn send(
        self: &Arc<Self>,
        turn: &mut Turn,
        request: Request,
    ) -> Result<Response, HttpError> {
        if let Some(before) = turn.before.take() {
            // One that was given up is judged too.
            let _ = before.await;
        }
        let judged = self.judge(&request);
        turn.judged.take();
        match judged {
            Judged::Again(result) => result,
            Judged::New(number, handles) => {
                let result = self.really_send(&request, &handles).await;
                self.lock().exchanges[number].result = result.clone();
                result
            }
        }
    }

    fn judge(&self, request: &Request) -> Judged {
        let mut inner = self.lock();
        let again = inner
            .first
            .get(inner.replayed)
            .filter(|first| first.request == *request)
            .cloned();
        if let Some(first) = again {
            inner.replayed += 1;
            inner.exchanges.push(first.clone());
            return Judged::Again(first.result);
        }
        inner.first.clear();
        // Until there is an answer nobody knows whether it arrived; the call may end before.
        inner.exchanges.push(HttpExchange {
            request: request.clone(),
            result: Err(HttpError::Broken("the call ended before the answer".into())),
        });
        Judged::New(inner.exchanges.len() - 1, inner.handles.clone())
    }

    async fn really_send(
        &self,
        request: &Request,
        handles: &Handles,
    ) -> Result<Response, HttpError> {
        let Some(way) = self.way_out.get() else {
            return Err(HttpError::Denied("this call has no way out".into()));
        };
        let files = usize::try_from(upload::size_of(&request.files)).unwrap_or(usize::MAX);
        way.meter
            .send(way.now, request.size() + files)
            .map_err(|hit| HttpError::Limit(hit.to_string()))?;
        let response = way.outgoing.send(request, handles).await?;
        way.meter.received(way.now, response.size());
        Ok(response)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn outgoing(context: &CallContext) -> Outgoing {
    let limits = &context.limits;
    let bounds = crate::http::Limits {
        max_calls: limits.http_calls,
        max_request_bytes: limits.http_request_bytes,
        max_response_bytes: limits.http_response_bytes,
        max_upload_bytes: limits.upload_bytes,
        timeout: std::time::Duration::from_millis(limits.http_timeout_ms),
    };
    let access = &context.http;
    Outgoing::new(
        Arc::clone(&access.policy),
        Arc::clone(&access.bindings),
        Arc::clone(&context.secrets),
        Arc::clone(&access.transport),
        bounds,
    )
}
