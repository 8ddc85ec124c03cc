//! How the API says no: `application/problem+json` with a stable `code`. Owns the codes and their statuses; never carries an internal error's
//! text to a client, and logs such an error exactly once.

use std::collections::BTreeMap;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{account::Caller, error::Error, reason::Reason};

/// What a client gets instead of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the code says what it is.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The status in words.
    pub title: &'static str,
    pub status: u16,
    /// `unauthenticated`, `denied`, `not_found`, `method_not_allowed`, `invalid`, `conflict`, `state`,
    /// `precondition_failed`, `rate_limited`, `too_large`,
    /// `unsupported_media_type`, `unavailable` or `internal`.
    pub code: &'static str,
    /// Why, where it is one of a closed list of reasons: for a client that says it in its user's language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// For people.
    pub detail: String,
    /// What is wrong with which field.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, String>,
    /// Seconds, also in `Retry-After`.
    #[serde(skip)]
    pub retry_after: Option<u64>,
}

/// What a handler gives back.
pub type Answer<T> = Result<T, Problem>;

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            reason: None,
            detail: detail.into(),
            errors: BTreeMap::new(),
            retry_after: None,
        }
    }

    /// Nobody is signed in, or the e-mail and password do not fit.
    pub fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
    }

    /// Signed in, but not allowed to.
    pub fn denied(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "denied", detail)
    }

    /// Not there, or not to be seen by the caller.
    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "There is nothing here that you can see.",
        )
    }

    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "This address does not take that method.",
        )
    }

    /// The request itself is wrong.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
    }

    /// One field is wrong.
    pub fn field(name: &str, text: impl Into<String>) -> Self {
        let text = text.into();
        let mut problem = Self::invalid(format!("{name}: {text}"));
        problem.errors.insert(name.to_owned(), text);
        problem
    }

    /// A field with more than so many characters.
    pub fn too_long(caller: &Caller, field: &str, most: usize) -> Self {
        let said = caller.say(
            &format!("deve ter no máximo {most} caracteres"),
            &format!("must have at most {most} characters"),
        );
        Self::field(field, said)
    }

    /// Several fields are wrong.
    pub fn fields(errors: BTreeMap<String, String>) -> Self {
        let mut problem = Self::invalid("Some fields need attention.");
        problem.errors = errors;
        problem
    }

    /// Somebody else was there first, or it exists already.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail)
    }

    /// Not possible in the present state of what it is about.
    pub fn state(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "state", detail)
    }

    /// It is not the one that the change is based on.
    pub fn precondition_failed() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "precondition_failed",
            "This has changed since it was read. Read it again.",
        )
    }

    /// Too often; again after so many seconds.
    pub fn rate_limited(seconds: u64) -> Self {
        let seconds = seconds.max(1);
        let mut problem = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limited",
            format!("Too many requests. Try again in {seconds} s."),
        );
        problem.retry_after = Some(seconds);
        problem
    }

    pub fn too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "The request is larger than this address takes.",
        )
    }

    pub fn unsupported_media_type(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            detail,
        )
    }

    /// Not now; nothing was done.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        problem.retry_after = Some(2);
        problem
    }

    /// Our fault. The cause goes to the log, once, and never to the client.
    pub fn internal(cause: &(dyn std::fmt::Display + Send + Sync)) -> Self {
        tracing::error!(%cause, "request failed");
        Self::silent_internal()
    }

    /// Our fault, already logged.
    pub fn silent_internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong on our side.",
        )
    }

    /// What an extractor's or layer's bare status means.
    pub fn of_status(status: StatusCode, detail: String) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found(),
            StatusCode::METHOD_NOT_ALLOWED => Self::method_not_allowed(),
            StatusCode::PAYLOAD_TOO_LARGE => Self::too_large(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::unsupported_media_type(detail),
            status if status.is_client_error() => Self::invalid(detail),
            _ => Self::silent_internal(),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Unauthenticated => Self::unauthenticated("Sign in first."),
            Error::Denied(text) => Self::denied(text),
            Error::NotFound(_) => Self::not_found(),
            Error::Invalid { message, fields } => {
                let mut problem = Self::invalid(message);
                problem.errors = fields.into_iter().collect();
                problem
            }
            Error::Conflict(text) => Self::conflict(text),
            Error::State(text) => Self::state(text),
            Error::Refused(reason) => reason.into(),
            Error::RateLimited { retry_after } => Self::rate_limited(retry_after.as_secs()),
            Error::TooLarge(text) => {
                let mut problem = Self::too_large();
                problem.detail = text;
                problem
            }
            Error::Unavailable(cause) => {
                tracing::warn!(%cause, "unavailable");
                Self::unavailable("Not possible just now. Try again shortly.")
            }
            Error::Internal(cause) => Self::internal(&format!("{cause:#}")),
        }
    }
}

impl From<Reason> for Problem {
    fn from(reason: Reason) -> Self {
        let code = reason.code();
        let status = match code {
            "denied" => StatusCode::FORBIDDEN,
            "invalid" => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::CONFLICT,
        };
        let mut problem = Self::new(status, code, reason.to_string());
        problem.reason = Some(reason);
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (
            status,
            [(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/problem+json"),
            )],
            body,
        )
            .into_response();
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
