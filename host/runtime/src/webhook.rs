//! What a request to a channel's webhook address comes to, whoever serves it: refused before any plugin code runs, or handed to `receive`
//! and answered. The one place for these answers, so that `plugin call`, scenarios and the server cannot differ.

use crate::{
    call::{CallError, Output},
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

/// Whether the request is the provider's, as the manifest declares. What proved it is taken out of it where that is a secret itself: secrets
/// never enter a plugin.
///
/// # Errors
/// The answer where it is not.
pub fn admit(
    rules: &[VerifyRule],
    secrets: &Secrets,
    request: &mut Request,
) -> Result<(), Refusal> {
    let verdict = verify::verify(
        rules,
        secrets,
        &request.method,
        &request.query,
        &request.headers,
        &request.body,
    );
    match verdict {
        Verdict::Accepted => {
            remove_proof(rules, request);
            Ok(())
        }
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

fn remove_proof(rules: &[VerifyRule], request: &mut Request) {
    let rule = rules
        .iter()
        .find(|rule| rule.methods().contains(&request.method));
    match rule {
        Some(VerifyRule::Header { header, .. }) => {
            request
                .headers
                .retain(|(name, _)| !name.eq_ignore_ascii_case(header));
        }
        Some(VerifyRule::Query { parameter, .. }) => {
            request.query.retain(|(name, _)| name != parameter);
        }
        Some(VerifyRule::Hmac { .. } | VerifyRule::None { .. }) | None => {}
    }
}

/// The answer to a verified request. A call that failed has parked it, so the provider is told that it arrived.
pub fn answer(result: &Result<Output, CallError>) -> Response {
    match result {
        Ok(Output::Response(response)) => passed_on(response.clone()),
        _ => empty(200),
    }
}

/// What a plugin may say beside the body. Not cookies, not redirects, not policies: it answers from the server's own origin.
const ANSWERED: [&str; 9] = [
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-max-age",
    "cache-control",
    "content-type",
    "retry-after",
    "vary",
];

/// A plugin's answer as far as it is passed on. What it brought is committed by then: a status that is none means that all is well.
pub fn passed_on(said: Response) -> Response {
    if !(200..=599).contains(&said.status) {
        return empty(200);
    }
    let is_text = |value: &str| {
        value
            .bytes()
            .all(|byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f))
    };
    let headers = said
        .headers
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .filter(|(name, value)| ANSWERED.contains(&name.as_str()) && is_text(value));
    Response {
        headers: headers.collect(),
        ..said
    }
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
            ("Content-Type", "text/plain"),
            ("Set-Cookie", "session=1"),
            ("location", "https://evil.example.net/"),
            ("cache-control", "a\r\nset-cookie: b"),
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

    fn request() -> Request {
        Request {
            channel: "chn_1".into(),
            method: "GET".into(),
            path: String::new(),
            query: vec![("token".into(), "hush".into()), ("a".into(), "b".into())],
            headers: vec![
                ("x-proof".into(), "hush".into()),
                ("x-other".into(), "c".into()),
            ],
            body: b"{}".to_vec(),
            remote: "192.0.2.1".into(),
        }
    }

    #[test]
    fn a_secret_that_proved_a_request_does_not_reach_the_plugin() {
        let secrets = Secrets::new([("s", "hush")]);
        let methods = || vec!["GET".to_owned()];
        let by_query = VerifyRule::Query {
            methods: methods(),
            parameter: "token".into(),
            secret: "s".into(),
        };
        let by_header = VerifyRule::Header {
            methods: methods(),
            header: "X-Proof".into(),
            secret: "s".into(),
        };
        let without_query = Request {
            query: vec![("a".into(), "b".into())],
            ..request()
        };
        let without_header = Request {
            headers: vec![("x-other".into(), "c".into())],
            ..request()
        };
        for (rule, seen) in [(by_query, without_query), (by_header, without_header)] {
            let mut admitted = request();
            let rules = [rule];
            assert_eq!(admit(&rules, &secrets, &mut admitted), Ok(()));
            assert_eq!(admitted, seen);
            // Without the proof it is nobody's, and stays as it came.
            let refused = admit(&rules, &secrets, &mut admitted).map_err(|it| it.status);
            assert_eq!((refused, admitted), (Err(401), seen));
        }
    }
}
