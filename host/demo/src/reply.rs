//! What a provider makes of a request, before it is an HTTP response and an entry of the ledger.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::ledger::Sent;

/// An answer and what it is about.
pub(crate) struct Reply {
    /// The HTTP status.
    pub status: u16,
    pub content: Content,
    /// `Retry-After` in seconds, where one is sent.
    pub retry_after: Option<u32>,
    /// The request as the ledger shows it.
    pub request: Value,
    /// What reached a customer by it.
    pub sent: Option<Sent>,
}

pub(crate) enum Content {
    Json(Value),
    File(Upload),
}

/// A file with its type.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub mime: String,
    pub bytes: Bytes,
}

impl Reply {
    /// An answer of 200.
    pub fn json(request: Value, answer: Value) -> Self {
        Self {
            status: 200,
            content: Content::Json(answer),
            retry_after: None,
            request,
            sent: None,
        }
    }

    pub fn file(file: Upload) -> Self {
        Self {
            content: Content::File(file),
            ..Self::json(Value::Null, Value::Null)
        }
    }

    /// The JSON that the ledger shows of the answer.
    pub fn shown(&self) -> Value {
        match &self.content {
            Content::Json(value) => value.clone(),
            Content::File(file) => json!({ "bytes": file.bytes.len() }),
        }
    }

    pub fn response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = match self.content {
            Content::Json(value) => (status, Json(value)).into_response(),
            Content::File(file) => {
                let kind = [(header::CONTENT_TYPE, file.mime)];
                (status, kind, Body::from(file.bytes)).into_response()
            }
        };
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
