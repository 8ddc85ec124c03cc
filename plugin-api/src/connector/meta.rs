//! What is the same in all connectors of Meta's platforms (WhatsApp, Instagram, Messenger): the question at the webhook's registration, the
//! Graph API's requests and answers, and its refusals in words that say what can be done about them.
//!
//! Sources: Meta's "Webhooks – Getting Started" (verification requests), "Graph API – Handle Errors" and "Rate Limits".

use super::{Request, Response, retry_after};
use crate::lenient::{self, Field};
use crate::{Failure, http, json, secrets};
use serde_json::Value;

/// The answer to the provider's question whether the webhook is ours. The host has compared the token.
pub fn challenge(request: &Request) -> Response {
    match (request.query("hub.mode"), request.query("hub.challenge")) {
        (Some("subscribe"), Some(challenge)) => Response::text(200, challenge),
        _ => Response::text(400, "hub.mode=subscribe and hub.challenge are expected"),
    }
}

/// The answer to a method that a webhook does not take.
pub fn other_method() -> Response {
    Response {
        headers: vec![("allow".into(), "GET, POST".into())],
        ..Response::text(405, "")
    }
}

/// The header that holds the token: always as a handle, which the host puts the secret in the place of.
///
/// # Errors
/// Where the secret is not set.
pub fn authorization() -> Result<(String, String), Failure> {
    let handle = secrets::handle("access_token")?;
    Ok(("authorization".into(), format!("Bearer {handle}")))
}

/// One platform, as its connector speaks to it.
#[derive(Clone, Copy)]
pub struct Platform {
    /// As people call it.
    pub name: &'static str,
    /// What a refusal means on this platform; none: what it means on all of them.
    pub meant: fn(&Refusal) -> Option<Meaning>,
}

impl Platform {
    /// One request. An empty body is none.
    ///
    /// # Errors
    /// What the provider or the host refuses.
    pub fn call(
        self,
        method: &str,
        url: &str,
        body: &[u8],
        timeout_ms: Option<u32>,
    ) -> Result<Answer, Failure> {
        let mut headers = vec![authorization()?];
        if !body.is_empty() {
            headers.push(("content-type".into(), "application/json".into()));
        }
        let response = http::send(&http::Request {
            method: method.into(),
            url: url.into(),
            headers,
            body: body.to_vec(),
            timeout_ms,
        })
        .map_err(|error| Failure::unanswered(self.name, error))?;
        self.read(response.status, &response.headers, &response.body)
    }

    /// Reads an answer; header names in lower case.
    ///
    /// # Errors
    /// What the provider refuses, as documented in its lists of error codes.
    pub fn read(
        self,
        status: u16,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Result<Answer, Failure> {
        let body = lenient::parse(body);
        if !(200..300).contains(&status) {
            let body = body.unwrap_or_default();
            return Err(self.refused(&Refusal::of(status, Field::of(&body)), headers));
        }
        match body {
            Ok(body) => Ok(Answer(body)),
            Err(_) => Err(self.unreadable(&format!("HTTP {status}, e o corpo não é JSON"))),
        }
    }

    /// The provider answered, but not as it documents: repeating would not make it better, and might double a message.
    pub fn unreadable(self, what: &str) -> Failure {
        Failure::permanent(
            "unexpected-answer",
            format!(
                "Resposta inesperada do {}: {what}. A mensagem pode ter chegado; confira no aplicativo antes de repetir.",
                self.name
            ),
        )
    }

    /// The remedy of a refusal in both languages.
    pub fn remedy(self, refusal: &Refusal) -> [String; 2] {
        let meaning = (self.meant)(refusal).unwrap_or_else(|| refusal.meant());
        meaning.remedy.map(|text| text.replace("{}", self.name))
    }

    fn refused(self, refusal: &Refusal, headers: &[(String, String)]) -> Failure {
        let meaning = (self.meant)(refusal).unwrap_or_else(|| refusal.meant());
        let [pt, en] = self.remedy(refusal);
        Failure {
            retry: meaning.again.then(|| wait(headers)),
            code: meaning.code.into(),
            message: format!("{pt} [{}]", refusal.words()),
            extra: json::text(&json::json!({
                "status": refusal.status,
                "code": refusal.code,
                "subcode": refusal.subcode,
                "remedy": { "pt-BR": pt, "en": en },
            })),
        }
    }
}

/// An answer that says yes.
#[derive(Debug, PartialEq)]
pub struct Answer(Value);

impl Answer {
    pub fn body(&self) -> Field<'_> {
        Field::of(&self.0)
    }
}

/// What the provider says when it refuses.
#[derive(Debug, Default)]
pub struct Refusal {
    pub status: u16,
    pub code: i64,
    pub subcode: i64,
    pub transient: bool,
    /// Its most exact words; may be empty.
    pub message: String,
}

impl Refusal {
    fn of(status: u16, body: Field) -> Self {
        let error = body.get("error");
        let number = |name: &str| error.get(name).text().parse().unwrap_or(0);
        let details = error.get("error_data").get("details").given();
        Self {
            status,
            code: number("code"),
            subcode: number("error_subcode"),
            transient: error.get("is_transient").flag(),
            message: details.unwrap_or_else(|| error.get("message").text()),
        }
    }

    /// What it means on all of Meta's platforms.
    fn meant(&self) -> Meaning {
        match (self.code, self.status) {
            (100, _) if self.subcode == 33 => UNKNOWN,
            // Of the app, of a user, of a Page, of a call, of a business.
            (4 | 17 | 32 | 613 | 80_000..=80_014, _) => RATE,
            (102 | 190, _) | (0, 401) => TOKEN,
            (3 | 10 | 200..=299, _) => PERMISSION,
            (_, 429) => RATE,
            (1 | 2, _) | (_, 500..) => OUTAGE,
            _ if self.transient => OUTAGE,
            _ => REJECTED,
        }
    }

    fn words(&self) -> String {
        let mut words = format!("HTTP {}", self.status);
        if self.code != 0 {
            words.push_str(&format!(", {}", self.code));
        }
        if self.subcode != 0 {
            words.push_str(&format!("/{}", self.subcode));
        }
        if !self.message.is_empty() {
            words.push_str(": ");
            words.push_str(&lenient::cut(self.message.clone(), 1000));
        }
        words
    }
}

/// What a refusal means for people.
#[derive(Clone, Copy, Debug)]
pub struct Meaning {
    /// Of ours: `rate-limited`, `window-closed`…
    pub code: &'static str,
    /// Whether trying again by itself helps.
    pub again: bool,
    /// What can be done, in Portuguese and in English; `{}` stands for the platform's name.
    pub remedy: [&'static str; 2],
}

impl Meaning {
    /// What stays refused until somebody does something.
    pub const fn lasting(code: &'static str, remedy: [&'static str; 2]) -> Self {
        Self {
            code,
            again: false,
            remedy,
        }
    }

    /// What passes by itself.
    pub const fn passing(code: &'static str, remedy: [&'static str; 2]) -> Self {
        Self {
            code,
            again: true,
            remedy,
        }
    }
}

/// Too many calls or messages.
pub const RATE: Meaning = Meaning::passing(
    "rate-limited",
    [
        "O {} pediu para esperar: o limite de chamadas foi atingido. O que falta enviar vai sozinho depois.",
        "{} asks to wait: the limit of calls is reached. What is still to be sent goes by itself later.",
    ],
);
/// Out of order.
pub const OUTAGE: Meaning = Meaning::passing(
    "unavailable",
    [
        "O {} está fora do ar ou ocupado. O que falta enviar vai sozinho depois; o estado do serviço está em metastatus.com.",
        "{} is down or busy. What is still to be sent goes by itself later; the state of the service is at metastatus.com.",
    ],
);
/// The token was never one, ended or was withdrawn.
pub const TOKEN: Meaning = Meaning::lasting(
    "unauthorized",
    [
        "O token de acesso não é aceito: está incompleto, venceu ou foi retirado. Gere outro na Meta e troque-o nas configurações do canal.",
        "The access token is not accepted: it is incomplete, has expired or was withdrawn. Generate another one at Meta and replace it in the channel's settings.",
    ],
);
/// What the settings name does not exist, or is not the token's ("Object with ID … does not exist, cannot be loaded due to missing permissions").
pub const UNKNOWN: Meaning = Meaning::lasting(
    "not-found",
    [
        "O {} não encontrou a conta, ou o token não dá acesso a ela. Confira a identificação nas configurações do canal e a conta em que o token foi gerado.",
        "{} did not find the account, or the token gives no access to it. Check the id in the channel's settings, and the account that the token was generated in.",
    ],
);
/// A right is missing.
pub const PERMISSION: Meaning = Meaning::lasting(
    "forbidden",
    [
        "Falta uma permissão ao aplicativo da Meta. Confira se ele foi aprovado para mensagens do {} e se a conta o autorizou.",
        "The Meta app lacks a permission. Check that it was approved for {} messages and that the account has authorised it.",
    ],
);
/// Refused for a reason of which only the provider's words are known.
pub const REJECTED: Meaning = Meaning::lasting(
    "rejected",
    ["O {} recusou a mensagem.", "{} refused the message."],
);

/// Seconds that the provider asks to wait: its `Retry-After`, or the longest time that it estimates for a business; 0 where it does not say.
fn wait(headers: &[(String, String)]) -> u32 {
    if let Some(seconds) = retry_after(headers) {
        return seconds;
    }
    let usage = headers
        .iter()
        .find(|(name, _)| name == "x-business-use-case-usage");
    let usage: Value = usage
        .and_then(|(_, value)| json::parse(value.trim()).ok())
        .unwrap_or_default();
    let businesses = usage.as_object().into_iter().flat_map(|it| it.values());
    let minutes = businesses
        .flat_map(|calls| Field::of(calls).list())
        .filter_map(|calls| {
            let minutes = calls.get("estimated_time_to_regain_access").number()?;
            u32::try_from(minutes).ok()
        });
    minutes
        .max()
        .map_or(0, |minutes| minutes.saturating_mul(60))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PLATFORM: Platform = Platform {
        name: "Exemplo",
        meant: |refusal| (refusal.code == 7).then_some(PERHAPS),
    };
    const PERHAPS: Meaning = Meaning::lasting("perhaps", ["O {} não sabe.", "{} does not know."]);

    fn refusal(status: u16, code: i64) -> Failure {
        let error = json!({"error": {"message": "(#1) no", "code": code}});
        let read = PLATFORM.read(status, &[], error.to_string().as_bytes());
        read.unwrap_err()
    }

    #[test]
    fn refusals_say_what_to_do_and_only_those_that_pass_are_tried_again() {
        for (status, code, expected, again) in [
            (429, 0, "rate-limited", true),
            (400, 4, "rate-limited", true),
            (400, 80_007, "rate-limited", true),
            (500, 0, "unavailable", true),
            (400, 2, "unavailable", true),
            (500, 190, "unauthorized", false),
            (401, 0, "unauthorized", false),
            (403, 10, "forbidden", false),
            (400, 100, "rejected", false),
            (302, 0, "rejected", false),
            (400, 7, "perhaps", false),
        ] {
            let failure = refusal(status, code);
            assert_eq!(
                (failure.code.as_str(), failure.retry.is_some()),
                (expected, again),
                "{status} {code}"
            );
            assert!(failure.message.contains("(#1) no"), "{}", failure.message);
        }
        let failure = refusal(400, 7);
        assert_eq!(
            failure.message,
            "O Exemplo não sabe. [HTTP 400, 7: (#1) no]"
        );
        let extra: Value = json::parse(&failure.extra).unwrap();
        assert_eq!(extra["remedy"]["en"], "Exemplo does not know.");
    }

    #[test]
    fn a_refusal_without_json_still_says_its_status() {
        let failure = PLATFORM.read(502, &[], b"<html>").unwrap_err();
        assert_eq!(failure.retry, Some(0));
        assert!(failure.message.ends_with("[HTTP 502]"), "{failure:?}");
        assert_eq!(PLATFORM.read(200, &[], b"ok").unwrap_err().retry, None);
    }

    #[test]
    fn the_time_that_the_provider_asks_to_wait_is_kept() {
        let wait = |name: &str, value: &str| {
            let headers = [(name.to_owned(), value.to_owned())];
            PLATFORM.read(429, &headers, b"").unwrap_err().retry
        };
        assert_eq!(wait("retry-after", " 17"), Some(17));
        assert_eq!(
            wait("retry-after", "Thu, 01 Jan 2026 00:00:00 GMT"),
            Some(0)
        );
        let usage = r#"{"1":[{"estimated_time_to_regain_access":0},{"estimated_time_to_regain_access":5}]}"#;
        assert_eq!(wait("x-business-use-case-usage", usage), Some(300));
        assert_eq!(wait("x-business-use-case-usage", "[]"), Some(0));
        assert_eq!(wait("other", "17"), Some(0));
    }
}
