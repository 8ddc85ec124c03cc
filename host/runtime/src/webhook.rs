//! What a request to a channel's webhook address comes to, whoever serves it: refused before any plugin code runs, or handed to `receive`
//! and answered. The one place for these answers, so that `plugin call`, scenarios and the server cannot differ.

use crate::{
    call::{CallError, Output},
    http::{is_header_name, is_host_header},
    manifest::VerifyRule,
    secrets::Secrets,
    verify::{self, Verdict},
    wit::channel::{Request, Response},
};

/// A request that no plugin sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// 401, or 405 where no rule of the manifest is for the method.
    pub status: u16,
    /// `unverified` or `method-not-allowed`.
    pub code: &'static str,
    /// For logs; never for the sender.
    pub reason: &'static str,
}

impl Refusal {
    /// What the sender gets: nothing that helps to guess.
    pub fn response(&self) -> Response {
        empty(self.status)
    }
}

/// Whether the request is the provider's, as the manifest declares.
///
/// # Errors
/// The answer where it is not.
pub fn verify(rules: &[VerifyRule], secrets: &Secrets, request: &Request) -> Result<(), Refusal> {
    let verdict = verify::verify(
        rules,
        secrets,
        &request.method,
        &request.query,
        &request.headers,
        &request.body,
    );
    match verdict {
        Verdict::Accepted => Ok(()),
        Verdict::Denied(reason) => Err(Refusal {
            status: 401,
            code: "unverified",
            reason,
        }),
        Verdict::MethodNotAllowed => Err(Refusal {
            status: 405,
            code: "method-not-allowed",
            reason: "the manifest has no rule for this method",
        }),
    }
}

/// The answer to a verified request. A call that failed has parked it, so the provider is told that it arrived; what the plugin answers is
/// passed on as far as it may be.
pub fn answer(result: &Result<Output, CallError>) -> Response {
    let Ok(Output::Response(response)) = result else {
        return empty(200);
    };
    if !(200..=599).contains(&response.status) {
        return empty(200);
    }
    let headers = response
        .headers
        .iter()
        .filter(|(name, value)| may_be_answered(name, value));
    Response {
        status: response.status,
        headers: headers.cloned().collect(),
        body: response.body.clone(),
    }
}

/// A plugin answers for its channel, not for the host: no cookies of the host's site, nothing of the connection.
fn may_be_answered(name: &str, value: &str) -> bool {
    const HOSTS: [&str; 4] = [
        "set-cookie",
        "strict-transport-security",
        "clear-site-data",
        "content-security-policy",
    ];
    is_header_name(name)
        && !is_host_header(name)
        && !HOSTS.iter().any(|own| name.eq_ignore_ascii_case(own))
        && value
            .bytes()
            .all(|byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f))
}

fn empty(status: u16) -> Response {
    Response {
        status,
        headers: Vec::new(),
        body: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::LimitHit;

    fn response(status: u16, headers: &[(&str, &str)]) -> Result<Output, CallError> {
        Ok(Output::Response(Response {
            status,
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect(),
            body: b"hello".to_vec(),
        }))
    }

    #[test]
    fn a_call_that_failed_has_parked_the_request_and_is_answered_200() {
        for error in [
            CallError::Trap("unreachable".into()),
            CallError::Limit(LimitHit::new("cpu_ms", "too long")),
            CallError::Missing("channel"),
        ] {
            assert_eq!(answer(&Err(error)), empty(200));
        }
    }

    #[test]
    fn a_plugins_answer_is_passed_on_without_what_belongs_to_the_host() {
        let given = [
            ("content-type", "text/plain"),
            ("Set-Cookie", "session=1"),
            ("connection", "close"),
            ("x-split", "a\r\nset-cookie: b"),
            ("bad name", "x"),
        ];
        let answered = answer(&response(404, &given));
        assert_eq!(answered.status, 404);
        assert_eq!(
            answered.headers,
            [("content-type".to_owned(), "text/plain".to_owned())]
        );
        assert_eq!(answered.body, b"hello");
        assert_eq!(answer(&response(99, &[])), empty(200));
    }
}
