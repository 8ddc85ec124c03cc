//! The provider's HTTP interface and the handles for tests (`/ledger`, `/_control`). Owns which request reaches what, and the ledger's entries.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::account::DISPLAY_NUMBER;
use crate::answer::{Refusal, accepted};
use crate::fault::{Fault, Order};
use crate::ledger::{Entry, Ledger, Sent};
use crate::message::{self, Checked};
use crate::standin::{HangUp, Standin, Upload, milliseconds};
use crate::webhook::digits;

/// A JSON body of the provider's is far below this; uploads are at most 100 MB.
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
        .fallback(graph)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(standin)
}

async fn ledger(State(standin): State<Standin>) -> Json<Ledger> {
    Json(standin.ledger())
}

async fn order(State(standin): State<Standin>, Json(order): Json<Order>) -> StatusCode {
    standin.state().faults.add(&order);
    StatusCode::NO_CONTENT
}

async fn clear(State(standin): State<Standin>) -> StatusCode {
    standin.state().faults.clear();
    StatusCode::NO_CONTENT
}

/// What carrying out a request gave.
struct Done {
    answer: Answer,
    sent: Option<Sent>,
}

enum Answer {
    Json(Value),
    File(Upload),
}

impl Done {
    fn json(answer: Value) -> Self {
        Self {
            answer: Answer::Json(answer),
            sent: None,
        }
    }
}

/// Any request to the provider: an ordered fault first, then the usual way; always into the ledger.
async fn graph(State(standin): State<Standin>, request: Request) -> Response {
    let (method, path) = (request.method().to_string(), request.uri().to_string());
    let fault = standin.state().faults.take();
    let (shown, outcome) = match &fault {
        Some(Fault::HangUp) => (Value::Null, Err(None)),
        Some(fault) if fault.refusal().is_some() => (shown(request).await, Err(fault.refusal())),
        _ => {
            if let Some(Fault::Delay { ms }) = fault {
                tokio::time::sleep(Duration::from_millis(ms)).await;
            }
            let (shown, outcome) = carry_out(&standin, request).await;
            (shown, outcome.map_err(Some))
        }
    };
    let trace = format!("A{:x}", standin.plain_id());
    let (mut response, answer, sent) = answer(outcome, &trace);
    if fault == Some(Fault::HangUpAfter) {
        response.extensions_mut().insert(HangUp);
    }
    let silent = response.extensions().get::<HangUp>().is_some();
    let status = if silent {
        0
    } else {
        response.status().as_u16()
    };
    let mut state = standin.state();
    let number = state.ledger.next();
    let at = milliseconds();
    state.ledger.requests.push(Entry {
        number,
        at,
        method,
        path,
        request: shown,
        status,
        answer,
        sent: sent.clone(),
    });
    drop(state);
    if let Some(sent) = sent {
        standin.report(&sent.id, &sent.to);
    }
    response
}

/// The response, the JSON for the ledger, and what reached the customer.
fn answer(outcome: Result<Done, Option<Refusal>>, trace: &str) -> (Response, Value, Option<Sent>) {
    match outcome {
        Ok(Done {
            answer: Answer::Json(value),
            sent,
        }) => (Json(value.clone()).into_response(), value, sent),
        Ok(Done {
            answer: Answer::File(file),
            sent,
        }) => {
            let note = json!({ "bytes": file.bytes.len() });
            (
                ([(header::CONTENT_TYPE, file.mime)], file.bytes).into_response(),
                note,
                sent,
            )
        }
        Err(Some(refusal)) => (refusal.response(trace), refusal.body(trace), None),
        Err(None) => {
            let mut response = Response::new(Body::empty());
            response.extensions_mut().insert(HangUp);
            (response, Value::Null, None)
        }
    }
}

/// The JSON body of a request that goes no further.
async fn shown(request: Request) -> Value {
    let body = to_bytes(request.into_body(), BODY_LIMIT)
        .await
        .unwrap_or_default();
    serde_json::from_slice(&body).unwrap_or_default()
}

/// Also gives the JSON body for the ledger.
async fn carry_out(standin: &Standin, request: Request) -> (Value, Result<Done, Refusal>) {
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    if let Err(refusal) = authorised(standin, request.headers()) {
        return (shown(request).await, Err(refusal));
    }
    let mut segments = path.trim_start_matches('/').split('/');
    let version = segments.next().unwrap_or_default();
    let rest: Vec<&str> = segments.collect();
    // The host of media addresses is another one, but everything arrives here.
    if let ["attachments", id] = rest.as_slice()
        && version == "whatsapp_business"
    {
        return (Value::Null, file(standin, id));
    }
    if !is_version(version) {
        return (shown(request).await, Err(Refusal::unknown_path(&path)));
    }
    let number = standin.account().phone_number_id.as_str();
    match (method, rest.as_slice()) {
        (Method::POST, [id, "messages"]) if *id == number => messages(standin, request).await,
        (Method::POST, [id, "media"]) if *id == number => {
            (Value::Null, upload(standin, request).await)
        }
        (Method::GET, [id]) if *id == number => (
            Value::Null,
            Ok(Done::json(number_fields(standin, request.uri().query()))),
        ),
        (Method::GET, [id]) => (Value::Null, media(standin, id)),
        (Method::DELETE, [id]) => (Value::Null, remove(standin, id)),
        (method, [id] | [id, "messages" | "media"]) => {
            let refusal = Refusal::unknown_object(method.as_str(), id);
            (shown(request).await, Err(refusal))
        }
        _ => (shown(request).await, Err(Refusal::unknown_path(&path))),
    }
}

fn authorised(standin: &Standin, headers: &HeaderMap) -> Result<(), Refusal> {
    let header = headers
        .get(header::AUTHORIZATION)
        .ok_or_else(Refusal::no_token)?;
    let token = header
        .to_str()
        .ok()
        .and_then(|text| text.strip_prefix("Bearer "));
    match token {
        Some(token) if token == standin.account().access_token => Ok(()),
        _ => Err(Refusal::bad_token()),
    }
}

/// `v23.0`
fn is_version(segment: &str) -> bool {
    let numeric = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    segment
        .strip_prefix('v')
        .and_then(|numbers| numbers.split_once('.'))
        .is_some_and(|(major, minor)| numeric(major) && numeric(minor))
}

async fn messages(standin: &Standin, request: Request) -> (Value, Result<Done, Refusal>) {
    let json = is_json(request.headers());
    let Ok(body) = Bytes::from_request(request, &()).await else {
        return (
            Value::Null,
            Err(Refusal::invalid("the body breaks off or is too large")),
        );
    };
    let shown = serde_json::from_slice(&body).unwrap_or_default();
    if !json {
        return (
            shown,
            Err(Refusal::invalid("Content-Type must be application/json")),
        );
    }
    let outcome = message::check(&body).and_then(|checked| take(standin, checked));
    (shown, outcome)
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value.and_then(|text| text.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn take(standin: &Standin, checked: Checked) -> Result<Done, Refusal> {
    let (to, kind, media) = match checked {
        Checked::Read => return Ok(Done::json(json!({ "success": true }))),
        Checked::Message { to, kind, media } => (to, kind, media),
    };
    if let Some(id) = media
        .iter()
        .find(|id| !standin.state().media.contains_key(*id))
    {
        return Err(Refusal::bad_value(&format!(
            "there is no media with the id {id}"
        )));
    }
    let phone = digits(&to);
    let id = standin.message_id(&phone);
    let answer = accepted(&to, &id, kind == "template");
    Ok(Done {
        answer: Answer::Json(answer),
        sent: Some(Sent {
            id,
            to: phone,
            kind,
        }),
    })
}

/// Only the asked-for fields, always with the id.
fn number_fields(standin: &Standin, query: Option<&str>) -> Value {
    let all = json!({
        "verified_name": "Loja Demonstração",
        "code_verification_status": "VERIFIED",
        "display_phone_number": DISPLAY_NUMBER,
        "quality_rating": "GREEN",
        "platform_type": "CLOUD_API",
        "throughput": { "level": "STANDARD" },
    });
    let asked = query
        .unwrap_or_default()
        .split('&')
        .find_map(|pair| pair.strip_prefix("fields="));
    let asked: Option<Vec<String>> = asked.map(|list| {
        list.replace("%2C", ",")
            .split(',')
            .map(str::to_owned)
            .collect()
    });
    let mut fields = json!({ "id": standin.account().phone_number_id });
    for (name, value) in all.as_object().into_iter().flatten() {
        if asked.as_ref().is_none_or(|asked| asked.contains(name)) {
            fields[name] = value.clone();
        }
    }
    fields
}

async fn upload(standin: &Standin, request: Request) -> Result<Done, Refusal> {
    let broken = |_| Refusal::invalid("the body is not multipart/form-data");
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(broken)?;
    let (mut product, mut file, mut kind) = (None, None, None);
    while let Some(field) = form
        .next_field()
        .await
        .map_err(|_| Refusal::invalid("the form breaks off"))?
    {
        let name = field.name().unwrap_or_default().to_owned();
        let mime = field.content_type().map(str::to_owned);
        let bytes = field
            .bytes()
            .await
            .map_err(|_| Refusal::invalid("the form breaks off"))?;
        match name.as_str() {
            "messaging_product" => product = Some(bytes),
            "type" => kind = Some(String::from_utf8_lossy(&bytes).into_owned()),
            "file" => file = Some((mime, bytes)),
            other => return Err(Refusal::invalid(&format!("Unexpected key \"{other}\""))),
        }
    }
    if product.as_deref() != Some(b"whatsapp") {
        return Err(Refusal::new(
            400,
            100,
            "The parameter messaging_product is required.",
            None,
        ));
    }
    let (mime, bytes) =
        file.ok_or_else(|| Refusal::new(400, 100, "The parameter file is required.", None))?;
    let mime = kind
        .or(mime)
        .ok_or_else(|| Refusal::new(400, 100, "The parameter type is required.", None))?;
    let id = standin.plain_id().to_string();
    standin
        .state()
        .media
        .insert(id.clone(), Upload { mime, bytes });
    Ok(Done::json(json!({ "id": id })))
}

fn find(standin: &Standin, method: &str, id: &str) -> Result<Upload, Refusal> {
    let found = standin.state().media.get(id).cloned();
    found.ok_or_else(|| Refusal::unknown_object(method, id))
}

fn media(standin: &Standin, id: &str) -> Result<Done, Refusal> {
    let file = find(standin, "GET", id)?;
    Ok(Done::json(json!({
        "messaging_product": "whatsapp",
        "url": format!("https://lookaside.fbsbx.com/whatsapp_business/attachments/{id}"),
        "mime_type": file.mime,
        "sha256": hex::encode(Sha256::digest(&file.bytes)),
        "file_size": file.bytes.len().to_string(),
        "id": id,
    })))
}

fn file(standin: &Standin, id: &str) -> Result<Done, Refusal> {
    let file = find(standin, "GET", id)?;
    Ok(Done {
        answer: Answer::File(file),
        sent: None,
    })
}

fn remove(standin: &Standin, id: &str) -> Result<Done, Refusal> {
    find(standin, "DELETE", id)?;
    standin.state().media.remove(id);
    Ok(Done::json(json!({ "success": true })))
}
