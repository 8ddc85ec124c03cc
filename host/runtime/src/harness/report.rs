//! What came of one call, as one JSON object: what `balcao plugin call` prints. Secrets appear only as the names of their handles.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    HttpExchange, LogLine,
    call::{CallError, Cost, Outcome, Output},
    effect::Effect,
    secrets::Handles,
    webhook::{self, Refusal},
    wit::channel::Response,
};

/// See the module. The order of the fields is the order in which they are printed.
#[derive(Clone, Debug, Serialize)]
pub struct CallReport {
    /// `ok`, `error` (the plugin said so), `trap`, `limit`, or `denied` (the host's verification failed; no plugin code ran).
    pub outcome: &'static str,
    pub error: Option<ReportedError>,
    /// Of `receive`: what the server would have answered.
    pub response: Option<Value>,
    /// Of every other export: what it returned.
    pub result: Option<Value>,
    pub effects: Vec<Effect>,
    pub http: Vec<Value>,
    pub logs: Vec<LogLine>,
    pub cost: Cost,
}

#[derive(Clone, Debug, Serialize)]
pub struct ReportedError {
    pub code: String,
    pub message: String,
    /// Of a failure: seconds before the next attempt (0: the host chooses); null: never again.
    pub retry: Option<u32>,
}

impl CallReport {
    /// Of a request that the host did not hand to the plugin.
    pub fn denied(refusal: &Refusal) -> Self {
        Self {
            outcome: "denied",
            error: Some(ReportedError {
                code: refusal.code.to_owned(),
                message: refusal.reason.to_owned(),
                retry: None,
            }),
            response: Some(shown_response(&refusal.response())),
            result: None,
            effects: Vec::new(),
            http: Vec::new(),
            logs: Vec::new(),
            cost: Cost::default(),
        }
    }

    /// `receive`: whether the call was one, and so has an HTTP answer.
    pub fn of(outcome: &Outcome, receive: bool) -> Self {
        let (code, error) = match &outcome.result {
            Ok(_) => ("ok", None),
            Err(error) => error_of(error),
        };
        let result = outcome.result.as_ref().ok().filter(|_| !receive);
        let handles = &outcome.run.handles;
        Self {
            outcome: code,
            error,
            response: receive.then(|| shown_response(&webhook::answer(&outcome.result))),
            result: result.map(shown_output),
            effects: outcome.effects.clone(),
            http: outcome
                .http()
                .iter()
                .map(|it| shown_exchange(it, handles))
                .collect(),
            logs: outcome.logs.clone(),
            cost: outcome.cost,
        }
    }

    /// Whether the call was cut short: a trap or a limit.
    pub fn was_cut_short(&self) -> bool {
        matches!(self.outcome, "trap" | "limit")
    }
}

fn error_of(error: &CallError) -> (&'static str, Option<ReportedError>) {
    let reported = |code: &str, message: &str, retry| {
        Some(ReportedError {
            code: code.to_owned(),
            message: message.to_owned(),
            retry,
        })
    };
    match error {
        CallError::Failed(failure) => (
            "error",
            reported(&failure.code, &failure.message, failure.retry),
        ),
        CallError::Trap(message) => ("trap", reported("trap", message, None)),
        CallError::Limit(hit) => ("limit", reported(hit.name, &hit.message, None)),
        CallError::Missing(_) => ("error", reported("missing", &error.to_string(), None)),
        CallError::Busy(_) => ("error", reported("busy", &error.to_string(), Some(0))),
    }
}

fn shown_output(output: &Output) -> Value {
    match output {
        // What is JSON in a text is shown as JSON.
        Output::Json(text) => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()))
        }
        output => serde_json::to_value(output).unwrap_or_default(),
    }
}

/// `body` is a text, or base64 with `"base64": true` where it is none.
fn with_body(mut shown: Value, body: &[u8]) -> Value {
    match std::str::from_utf8(body) {
        Ok(text) => shown["body"] = json!(text),
        Err(_) => {
            shown["body"] = json!(BASE64_STANDARD.encode(body));
            shown["base64"] = json!(true);
        }
    }
    shown
}

fn shown_response(response: &Response) -> Value {
    let shown = json!({"status": response.status, "headers": response.headers});
    with_body(shown, &response.body)
}

/// A request as the plugin made it, each handle named after its secret: `<secret name>`.
fn shown_exchange(exchange: &HttpExchange, handles: &Handles) -> Value {
    let request = &exchange.request;
    let headers: Vec<_> = request
        .headers
        .iter()
        .map(|(name, value)| (name, named(value, handles)))
        .collect();
    let shown =
        json!({"method": request.method, "url": named(&request.url, handles), "headers": headers});
    let body = match std::str::from_utf8(&request.body) {
        Ok(text) => named(text, handles).into_bytes(),
        Err(_) => request.body.to_vec(),
    };
    let mut shown = with_body(shown, &body);
    if !request.files.is_empty() {
        let files = request
            .files
            .iter()
            .map(|file| json!({"id": file.id, "size": file.size}));
        shown["files"] = files.collect();
    }
    match &exchange.result {
        Ok(response) => shown["status"] = json!(response.status),
        Err(error) => {
            shown["status"] = Value::Null;
            shown["error"] = json!({"code": error.code(), "message": error.to_string()});
        }
    }
    shown
}

fn named(text: &str, handles: &Handles) -> String {
    handles
        .given()
        .fold(text.to_owned(), |text, (token, name)| {
            text.replace(token, &format!("<secret {name}>"))
        })
}
