//! The provider's documented refusals, as error objects. Knows no request.

use serde_json::{Value, json};

use crate::fault::Fault;
use crate::reply::Reply;

/// Why a request is refused, in the provider's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: u16,
    code: u32,
    subcode: Option<u32>,
    kind: &'static str,
    message: String,
    /// `Retry-After` in seconds, where one is sent.
    retry_after: Option<u32>,
}

impl Refusal {
    fn new(status: u16, code: u32, subcode: Option<u32>, message: &str) -> Self {
        Self {
            status,
            code,
            subcode,
            kind: "OAuthException",
            message: message.to_owned(),
            retry_after: None,
        }
    }

    /// The request is not of the documented shape.
    pub fn invalid(details: &str) -> Self {
        Self::new(400, 100, None, &format!("(#100) {details}"))
    }

    /// The same, where the documents name a subcode.
    pub fn with_subcode(subcode: u32, details: &str) -> Self {
        Self::new(400, 100, Some(subcode), &format!("(#100) {details}"))
    }

    /// No token at all.
    pub fn no_token() -> Self {
        let message = "An access token is required to request this resource.";
        Self::new(400, 104, None, message)
    }

    /// A token that is not (or no longer) good.
    pub fn bad_token() -> Self {
        let message = "Invalid OAuth access token - Cannot parse access token";
        Self::new(400, 190, None, message)
    }

    /// No such object for this token.
    pub fn unknown_object(method: &str, id: &str) -> Self {
        let message = format!(
            "Unsupported {} request. Object with ID '{id}' does not exist, cannot be loaded due to missing permissions, or does not support this operation",
            method.to_lowercase()
        );
        Self {
            kind: "IGApiException",
            ..Self::new(400, 100, Some(33), &message)
        }
    }

    /// No such path.
    pub fn unknown_path(path: &str) -> Self {
        Self::new(400, 2500, None, &format!("Unknown path components: {path}"))
    }

    /// A file that is not there. Its host speaks no JSON, but nobody reads on.
    pub fn no_file() -> Self {
        Self::new(404, 1, None, "URL signature mismatch or file gone")
    }

    fn body(&self, trace: &str) -> Value {
        let mut error = json!({
            "message": self.message,
            "type": self.kind,
            "code": self.code,
            "fbtrace_id": trace,
        });
        if let Some(subcode) = self.subcode {
            error["error_subcode"] = subcode.into();
        }
        json!({ "error": error })
    }

    pub fn reply(&self, request: Value, trace: &str) -> Reply {
        Reply {
            status: self.status,
            retry_after: self.retry_after,
            ..Reply::json(request, self.body(trace))
        }
    }

    /// What an ordered fault is answered with; none for those that this provider does not have.
    pub fn ordered(fault: &Fault) -> Option<Self> {
        Some(match fault {
            Fault::RateLimited { retry_after } => Self {
                retry_after: Some(*retry_after),
                ..Self::new(429, 4, None, "(#4) Application request limit reached")
            },
            Fault::Throughput => Self::new(
                400,
                613,
                None,
                "(#613) Calls to this API have exceeded the rate limit.",
            ),
            Fault::ServerError => Self::new(
                500,
                2,
                None,
                "An unexpected error has occurred. Please retry your request later.",
            ),
            Fault::Unavailable => Self::new(503, 2, None, "Service temporarily unavailable"),
            Fault::WindowClosed => Self::new(
                400,
                10,
                Some(2_534_022),
                "(#10) This message is sent outside of allowed window.",
            ),
            Fault::Unreachable => Self::new(
                400,
                551,
                Some(1_545_041),
                "(#551) This person isn't available right now.",
            ),
            Fault::TokenExpired => Self::bad_token(),
            _ => return None,
        })
    }
}
