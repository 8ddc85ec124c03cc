//! The provider's documented answers: success, and every refusal as an error object. Knows no request.

use serde_json::{Value, json};

use crate::fault::Fault;
use crate::reply::Reply;

/// Why a request is refused, in the provider's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The provider's error code, what clients are told to build upon.
    pub code: u32,
    /// Of the Graph API's own errors; none for most of the platform's.
    pub subcode: Option<u32>,
    /// The class of the error: `OAuthException` nearly always.
    pub kind: &'static str,
    /// Code and title, e.g. `(#130429) Rate limit hit`.
    pub message: String,
    /// What exactly is wrong with this request.
    pub details: Option<String>,
    /// `Retry-After` in seconds, where one is sent.
    pub retry_after: Option<u32>,
}

impl Refusal {
    /// A refusal with the usual class.
    pub fn new(status: u16, code: u32, title: &str, details: Option<&str>) -> Self {
        Self {
            status,
            code,
            subcode: None,
            kind: "OAuthException",
            message: format!("(#{code}) {title}"),
            details: details.map(str::to_owned),
            retry_after: None,
        }
    }

    /// The request is not of the documented shape.
    pub fn invalid(details: &str) -> Self {
        Self::new(400, 100, "Invalid parameter", Some(details))
    }

    /// A field that the message's type needs is not there.
    pub fn missing(details: &str) -> Self {
        Self::new(400, 131_008, "Required parameter is missing", Some(details))
    }

    /// A field is there, but its value breaks a documented limit.
    pub fn bad_value(details: &str) -> Self {
        Self::new(400, 131_009, "Parameter value is not valid", Some(details))
    }

    /// No token at all.
    pub fn no_token() -> Self {
        let mut refusal = Self::new(401, 104, "", None);
        "An access token is required to request this resource.".clone_into(&mut refusal.message);
        refusal
    }

    /// A token that is not (or no longer) good.
    pub fn bad_token() -> Self {
        let mut refusal = Self::new(401, 190, "", None);
        "Invalid OAuth access token - Cannot parse access token".clone_into(&mut refusal.message);
        refusal
    }

    /// No such object for this token.
    pub fn unknown_object(method: &str, id: &str) -> Self {
        let mut refusal = Self::new(400, 100, "", None);
        refusal.kind = "GraphMethodException";
        refusal.subcode = Some(33);
        refusal.message = format!(
            "Unsupported {} request. Object with ID '{id}' does not exist, cannot be loaded due to missing permissions, or does not support this operation",
            method.to_lowercase()
        );
        refusal
    }

    /// No such path.
    pub fn unknown_path(path: &str) -> Self {
        let mut refusal = Self::new(400, 2500, "", None);
        refusal.message = format!("Unknown path components: {path}");
        refusal
    }

    /// The error object; `trace` identifies the request at the provider's.
    pub fn body(&self, trace: &str) -> Value {
        let mut error = json!({
            "message": self.message,
            "type": self.kind,
            "code": self.code,
            "fbtrace_id": trace,
        });
        if let Some(subcode) = self.subcode {
            error["error_subcode"] = subcode.into();
        }
        if let Some(details) = &self.details {
            error["error_data"] = json!({ "messaging_product": "whatsapp", "details": details });
        }
        json!({ "error": error })
    }

    /// The whole answer to `request`.
    pub(crate) fn reply(&self, request: Value, trace: &str) -> Reply {
        Reply {
            status: self.status,
            retry_after: self.retry_after,
            ..Reply::json(request, self.body(trace))
        }
    }

    /// What an ordered fault is answered with; none for those that this provider does not have.
    pub(crate) fn ordered(fault: &Fault) -> Option<Self> {
        let refusal = match fault {
            Fault::RateLimited { retry_after } => Self {
                retry_after: Some(*retry_after),
                ..Self::new(
                    429,
                    80_007,
                    "Rate limit issues",
                    Some("The WhatsApp Business Account has reached its rate limit."),
                )
            },
            Fault::Throughput => Self::new(
                429,
                130_429,
                "Rate limit hit",
                Some("Cloud API message throughput has been reached."),
            ),
            Fault::ServerError => Self::new(
                500,
                131_000,
                "Something went wrong",
                Some("Message failed to send due to an unknown error."),
            ),
            Fault::Unavailable => Self::new(
                503,
                131_016,
                "Service unavailable",
                Some("A service is temporarily unavailable."),
            ),
            Fault::WindowClosed => Self::new(
                400,
                131_047,
                "Re-engagement message",
                Some(
                    "Message failed to send because more than 24 hours have passed since the customer last replied to this number.",
                ),
            ),
            Fault::TokenExpired => Self::bad_token(),
            Fault::Unreachable => Self::new(
                400,
                131_026,
                "Message undeliverable",
                Some("Unable to deliver message."),
            ),
            Fault::HangUp | Fault::HangUpAfter | Fault::Delay { .. } => return None,
        };
        Some(refusal)
    }
}

/// A message was taken: whom it is for and its id. A template is *accepted* rather than sent.
pub fn accepted(to: &str, id: &str, template: bool) -> Value {
    let digits: String = to.chars().filter(char::is_ascii_digit).collect();
    let mut message = json!({ "id": id });
    if template {
        message["message_status"] = json!("accepted");
    }
    json!({
        "messaging_product": "whatsapp",
        "contacts": [{ "input": to, "wa_id": digits }],
        "messages": [message],
    })
}
