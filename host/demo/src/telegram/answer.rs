//! The provider's answers: `ok` with a result, or not with a description. Knows no request.

use serde_json::{Value, json};

use crate::fault::Fault;
use crate::reply::Reply;

/// Why a request is refused. The documents promise `error_code` and `description`, "but its contents are subject to change".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    code: u16,
    description: String,
    /// `parameters.retry_after`, in seconds.
    retry_after: Option<u32>,
}

impl Refusal {
    fn new(code: u16, description: &str) -> Self {
        Self {
            code,
            description: description.to_owned(),
            retry_after: None,
        }
    }

    /// The request is not as documented.
    pub fn bad(description: &str) -> Self {
        Self::new(400, &format!("Bad Request: {description}"))
    }

    /// The token is none of ours.
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized")
    }

    /// No such method, or an address that is none of the interface.
    pub fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    pub fn body(&self) -> Value {
        let mut body =
            json!({ "ok": false, "error_code": self.code, "description": self.description });
        if let Some(seconds) = self.retry_after {
            body["parameters"] = json!({ "retry_after": seconds });
        }
        body
    }

    pub fn reply(&self, request: Value) -> Reply {
        Reply {
            status: self.code,
            retry_after: self.retry_after,
            ..Reply::json(request, self.body())
        }
    }

    /// What an ordered fault is answered with; none for those that this provider does not have.
    pub fn ordered(fault: &Fault) -> Option<Self> {
        Some(match fault {
            Fault::RateLimited { retry_after } => Self {
                retry_after: Some(*retry_after),
                ..Self::new(
                    429,
                    &format!("Too Many Requests: retry after {retry_after}"),
                )
            },
            Fault::ServerError => Self::new(500, "Internal Server Error"),
            Fault::Unavailable => Self::new(502, "Bad Gateway"),
            Fault::Unreachable => Self::new(403, "Forbidden: bot was blocked by the user"),
            Fault::TokenExpired => Self::unauthorized(),
            _ => return None,
        })
    }
}
