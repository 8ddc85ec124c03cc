//! Where requests arrive: whom each is for, the faults that were ordered, the ledger's entries, and the handles for tests (`/ledger`,
//! `/_control`, `/_files`). What a request means is its provider's.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::fault::{Fault, Order};
use crate::ledger::{Entry, Ledger};
use crate::provider::Provider;
use crate::reply::{Reply, Upload};
use crate::standin::{HangUp, Standin, milliseconds};
use crate::{instagram, telegram, whatsapp};

/// A JSON body is far below this; uploads are at most 100 MB.
const BODY_LIMIT: usize = 101 * 1024 * 1024;

/// Everything that is not a page.
pub fn router(standin: Standin) -> Router {
    Router::new()
        .route(
            "/healthz",
            get(|| async { Json(json!({ "status": "ok" })) }),
        )
        .route("/ledger", get(ledger))
        .route("/_control", post(order).delete(clear))
        .route("/_files/{channel}/{id}", put(keep))
        .fallback(provider)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(standin)
}

async fn ledger(State(standin): State<Standin>) -> Json<Ledger> {
    Json(standin.ledger())
}

async fn order(State(standin): State<Standin>, Json(order): Json<Order>) -> Response {
    let has = order.fault.is_of_connection()
        || refusal(order.channel, &order.fault, Value::Null, "").is_some();
    if !has {
        let name = order.channel.name();
        let text = format!("{name} has no such fault");
        return (StatusCode::UNPROCESSABLE_ENTITY, text).into_response();
    }
    standin.state().faults.add(&order);
    StatusCode::NO_CONTENT.into_response()
}

async fn clear(State(standin): State<Standin>) -> StatusCode {
    standin.state().faults.clear();
    StatusCode::NO_CONTENT
}

/// Keeps a file as a customer's, under the id by which the provider's webhooks name it.
async fn keep(
    State(standin): State<Standin>,
    Path((channel, id)): Path<(Provider, String)>,
    headers: HeaderMap,
    bytes: Bytes,
) -> StatusCode {
    let mime = headers.get(header::CONTENT_TYPE);
    let mime = mime.and_then(|mime| mime.to_str().ok());
    let file = Upload {
        mime: mime.unwrap_or("application/octet-stream").to_owned(),
        bytes,
    };
    let mut state = standin.state();
    match channel {
        Provider::Whatsapp => drop(state.media.insert(id, file)),
        Provider::Telegram => state.telegram.keep(id, file),
        Provider::Instagram => drop(state.instagram.files.insert(id, file)),
    }
    StatusCode::NO_CONTENT
}

/// Any request to a provider: an ordered fault first, then the usual way; always into the ledger.
async fn provider(State(standin): State<Standin>, request: Request) -> Response {
    let (method, path) = (request.method().to_string(), request.uri().to_string());
    let channel = Provider::of(standin.accounts(), request.uri(), request.headers());
    let fault = standin.state().faults.take(channel);
    let trace = format!("A{:x}", standin.plain_id());
    let reply = answer(&standin, channel, fault.as_ref(), request, &trace).await;
    let silent = fault == Some(Fault::HangUpAfter) || reply.is_none();
    let (status, shown, answer, sent) = match &reply {
        Some(reply) => (
            reply.status,
            reply.request.clone(),
            reply.shown(),
            reply.sent.clone(),
        ),
        None => (0, Value::Null, Value::Null, None),
    };
    let mut state = standin.state();
    let number = state.ledger.next();
    state.ledger.requests.push(Entry {
        number,
        at: milliseconds(),
        channel,
        method,
        path,
        request: shown,
        status: if silent { 0 } else { status },
        answer,
        sent: sent.clone(),
    });
    drop(state);
    if let Some(sent) = sent {
        standin.report(channel, &sent);
    }
    match reply {
        Some(reply) if !silent => reply.response(),
        _ => {
            let mut response = Response::new(Body::empty());
            response.extensions_mut().insert(HangUp);
            response
        }
    }
}

/// None where the connection ends before anything was done.
async fn answer(
    standin: &Standin,
    channel: Provider,
    fault: Option<&Fault>,
    request: Request,
    trace: &str,
) -> Option<Reply> {
    match fault {
        Some(Fault::HangUp) => return None,
        Some(Fault::Delay { ms }) => tokio::time::sleep(Duration::from_millis(*ms)).await,
        Some(Fault::HangUpAfter) | None => {}
        Some(fault) => return refusal(channel, fault, shown(request).await, trace),
    }
    Some(match channel {
        Provider::Whatsapp => whatsapp::api::answer(standin, request, trace).await,
        Provider::Telegram => telegram::api::answer(standin, request).await,
        Provider::Instagram => instagram::api::answer(standin, request, trace).await,
    })
}

/// What a provider answers where a fault was ordered; none where it has no such fault.
fn refusal(channel: Provider, fault: &Fault, request: Value, trace: &str) -> Option<Reply> {
    Some(match channel {
        Provider::Whatsapp => whatsapp::answer::Refusal::ordered(fault)?.reply(request, trace),
        Provider::Telegram => telegram::answer::Refusal::ordered(fault)?.reply(request),
        Provider::Instagram => instagram::answer::Refusal::ordered(fault)?.reply(request, trace),
    })
}

/// The JSON body of a request that goes no further.
pub(crate) async fn shown(request: Request) -> Value {
    let body = to_bytes(request.into_body(), BODY_LIMIT)
        .await
        .unwrap_or_default();
    serde_json::from_slice(&body).unwrap_or_default()
}

/// The type of a request's body, without its parameters.
pub(crate) fn essence(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next()?;
    Some(essence.trim().to_ascii_lowercase())
}

pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    essence(headers).as_deref() == Some("application/json")
}
