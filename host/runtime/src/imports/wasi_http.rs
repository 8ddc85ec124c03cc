//! `wasi:http/outgoing-handler`: the standard's streams over the same way out that `balcao:platform/http` has, so that policy, placements,
//! limits, scrubbing and replay are decided in one place (`requests`, `http`). Bodies are whole on the host's side of the streams.

use std::sync::Arc;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use wasmtime::component::Linker;
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttp, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks,
    WasiHttpView,
    p2::bindings::http::{outgoing_handler, types},
};

use crate::{
    http::{HttpError, Request, Response, is_host_header},
    requests::{CallHttp, Turn},
    state::CallState,
};

/// Bytes of one set of header fields, in memory.
const FIELDS: usize = 64 << 10;

/// What the standard's interfaces work with.
pub(crate) struct Standard {
    context: WasiHttpCtx,
    hooks: Hooks,
}

impl Standard {
    pub fn new(http: Arc<CallHttp>, max_request_bytes: usize) -> Self {
        let mut context = WasiHttpCtx::new();
        context.set_field_size_limit(FIELDS);
        Self {
            context,
            hooks: Hooks {
                http,
                max_request_bytes,
            },
        }
    }
}

impl WasiHttpView for CallState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        self.http.open(&self.context);
        let http = Arc::clone(&self.http);
        let bound = self.context.limits.http_request_bytes;
        let wasi = self.wasi();
        let standard = &mut wasi.http;
        // Of this call, not of the one in which a kept instance first used it.
        let standard = match standard {
            Some(standard) => {
                standard.hooks.http = http;
                standard
            }
            None => standard.insert(Standard::new(http, bound)),
        };
        WasiHttpCtxView {
            hooks: &mut standard.hooks,
            table: &mut wasi.table,
            ctx: &mut standard.context,
        }
    }
}

pub(crate) fn link_handler(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    outgoing_handler::add_to_linker::<_, WasiHttp>(linker, CallState::http)
}

pub(crate) fn link_types(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    let options = wasmtime_wasi_http::p2::bindings::LinkOptions::default();
    types::add_to_linker::<_, WasiHttp>(linker, &(&options).into(), CallState::http)
}

struct Hooks {
    http: Arc<CallHttp>,
    max_request_bytes: usize,
}

type Sending = dyn Future<Output = Result<Answer, Error>> + Send;
/// The answer, and what goes on behind it: nothing, since it is whole.
type Answer = (
    http::Response<WasiBody>,
    Box<dyn Future<Output = Result<(), Error>> + Send>,
);

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<Sending> {
        let http = Arc::clone(&self.http);
        let bound = self.max_request_bytes;
        // Taken now: the order is the one in which the plugin asked, whichever body is whole first.
        let mut turn: Turn = http.turn();
        Box::new(async move {
            let request = asked(request, options, bound).await?;
            let response = http.send(&mut turn, request).await.map_err(failed)?;
            let behind: Box<dyn Future<Output = Result<(), Error>> + Send> =
                Box::new(std::future::ready(Ok(())));
            Ok((answered(response)?, behind))
        })
    }

    fn set_host_header(&mut self) -> bool {
        // The host of the URL is the one that is asked.
        false
    }
}

/// The request as `balcao:platform/http` would ask it, once the plugin has written all of its body.
async fn asked(
    request: http::Request<WasiBody>,
    options: Option<RequestOptions>,
    bound: usize,
) -> Result<Request, Error> {
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, bound).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(Error::HttpRequestBodySize(Some(bound as u64)));
        }
        Err(_) => return Err(Error::HttpProtocolError),
    };
    let mut headers = Vec::with_capacity(parts.headers.len());
    for (name, value) in &parts.headers {
        // Libraries set these by themselves, and the host does for what is really sent.
        if is_host_header(name.as_str()) {
            continue;
        }
        let value = std::str::from_utf8(value.as_bytes()).map_err(|_| Error::HttpRequestDenied)?;
        headers.push((name.as_str().to_owned(), value.to_owned()));
    }
    let timeout = options.and_then(|it| it.first_byte_timeout.or(it.connect_timeout));
    Ok(Request {
        method: parts.method.as_str().to_owned(),
        url: parts.uri.to_string(),
        headers,
        body,
        files: Vec::new(),
        timeout,
    })
}

fn answered(response: Response) -> Result<http::Response<WasiBody>, Error> {
    let body = Full::new(response.body)
        .map_err(|never| match never {})
        .boxed_unsync();
    let mut answer = http::Response::builder().status(response.status);
    for (name, value) in response.headers {
        answer = answer.header(name.as_bytes(), value.into_bytes());
    }
    answer.body(body).map_err(|_| Error::HttpProtocolError)
}

/// In the standard's words; where it has none that name the reason, in ours.
fn failed(error: HttpError) -> Error {
    match error {
        HttpError::Denied(why) => Error::InternalError(Some(format!("denied: {why}"))),
        HttpError::Limit(which) => Error::InternalError(Some(format!("limit: {which}"))),
        HttpError::Timeout(_) => Error::HttpResponseTimeout,
        HttpError::Unreachable(_) => Error::DestinationUnavailable,
        HttpError::Broken(_) => Error::HttpResponseIncomplete,
    }
}
