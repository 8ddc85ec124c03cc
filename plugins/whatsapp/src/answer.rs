//! What the provider answers: accepted, or a failure that says whether and when to try again. Plain data, no imports.

use balcao_plugin::connector::{Account, Sent};
use balcao_plugin::{Failure, json};
use serde::Deserialize;
use serde_json::Value as Json;

/// An answer that says yes.
#[derive(Debug, PartialEq)]
pub struct Answer(Json);

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: Problem,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    message: String,
    code: i64,
    error_data: ProblemData,
    is_transient: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ProblemData {
    details: String,
}

impl Answer {
    /// Reads an answer; header names in lower case.
    ///
    /// # Errors
    /// What the provider refuses, as documented in its list of error codes.
    pub fn read(status: u16, headers: &[(String, String)], body: &[u8]) -> Result<Self, Failure> {
        if (200..300).contains(&status) {
            let answer = serde_json::from_slice(body).map_err(|error| {
                unreadable(&format!("HTTP {status}, and the body is not JSON: {error}"))
            });
            return answer.map(Self);
        }
        let problem = serde_json::from_slice::<Refusal>(body)
            .unwrap_or_default()
            .error;
        Err(failure(status, retry_after(headers), &problem))
    }

    /// The ids of a message that was accepted.
    ///
    /// # Errors
    /// A permanent failure where the answer names none.
    pub fn sent(&self) -> Result<Sent, Failure> {
        let message = &self.0["messages"][0];
        let id = message["id"].as_str().filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| unreadable("the answer names no message"))?;
        let status = message["message_status"].as_str();
        let extra = match status.filter(|status| *status != "accepted") {
            Some(status) => json::text(&json::json!({ "message_status": status })),
            None => String::new(),
        };
        Ok(Sent {
            external_ids: vec![id.to_owned()],
            state: "sent".into(),
            extra,
        })
    }

    /// That a change of state was taken.
    ///
    /// # Errors
    /// A permanent failure where the answer does not say so.
    pub fn done(&self) -> Result<(), Failure> {
        match self.0["success"].as_bool() {
            Some(true) => Ok(()),
            _ => Err(unreadable("the answer does not say success")),
        }
    }

    /// The connected account, asked for by its id.
    ///
    /// # Errors
    /// A permanent failure where the answer is about another.
    pub fn account(&self, id: &str) -> Result<Account, Failure> {
        if self.0["id"].as_str().is_some_and(|theirs| theirs != id) {
            return Err(unreadable("the answer is about another account"));
        }
        let phone = self.0["display_phone_number"].as_str().unwrap_or_default();
        let name = match (self.0["verified_name"].as_str().unwrap_or_default(), phone) {
            ("", phone) => phone.to_owned(),
            (name, "") => name.to_owned(),
            (name, phone) => format!("{name} ({phone})"),
        };
        Ok(Account {
            external_id: id.to_owned(),
            name,
            extra: json::text(&json::json!({ "phone": phone })),
        })
    }

    /// Where the bytes of a medium are.
    ///
    /// # Errors
    /// A permanent failure where the answer has no https address.
    pub fn media_url(&self) -> Result<String, Failure> {
        let url = self.0["url"]
            .as_str()
            .filter(|url| url.starts_with("https://"));
        url.map(str::to_owned)
            .ok_or_else(|| unreadable("the answer has no address of the file"))
    }
}

/// The provider answered, but not as it documents: repeating would not make it better, and might double a message.
fn unreadable(what: &str) -> Failure {
    Failure::permanent(
        "unexpected-answer",
        format!("Resposta inesperada do WhatsApp: {what}."),
    )
}

fn failure(status: u16, retry_after: u32, problem: &Problem) -> Failure {
    let details = &problem.error_data.details;
    let words = match (details.as_str(), problem.message.as_str()) {
        ("", "") => format!("HTTP {status}"),
        ("", message) => message.to_owned(),
        (details, _) => details.to_owned(),
    };
    let failure = match (problem.code, status) {
        // Limits of the app, of the business account, of the number, of spam, of one contact.
        (4 | 80007 | 130_429 | 131_048 | 131_056, _) => Failure::rate_limited(words, retry_after),
        (131_047, _) => Failure::permanent("window-closed", words),
        // Tokens that ended or were withdrawn, and rights that are missing.
        (190 | 3 | 10 | 200..=299, _) | (0, 401) => Failure::unauthorized(words),
        // "Try again": the service, its parts, or the number being moved.
        (1 | 2 | 131_016 | 133_004, _) => Failure::retry("unavailable", words, retry_after),
        (_, 429) => Failure::rate_limited(words, retry_after),
        (_, 500..) => Failure::retry("unavailable", words, retry_after),
        _ if problem.is_transient => Failure::retry("unavailable", words, retry_after),
        _ => Failure::permanent("rejected", words),
    };
    Failure {
        extra: json::text(&json::json!({ "status": status, "code": problem.code })),
        ..failure
    }
}

/// Seconds that the provider asks to wait; 0 where it does not say (or says a date, which it is not known to do).
fn retry_after(headers: &[(String, String)]) -> u32 {
    let value = headers.iter().find(|(name, _)| name == "retry-after");
    value
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests;
