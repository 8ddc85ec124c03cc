//! A transport that answers from a file instead of the network: for `plugin call --http`, scenarios and tests. Owns the file's format;
//! never connects.

use std::sync::Mutex;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;

use super::{HttpError, Prepared, Response, Transport};

/// Answers in the order of the file; each is given once.
#[derive(Debug, Default)]
pub struct Recorded {
    entries: Vec<Entry>,
    /// Which were given.
    used: Mutex<Vec<bool>>,
    /// `METHOD url` of what was asked for and is not in the file.
    strangers: Mutex<Vec<String>>,
}

/// `{"request": {"method", "url"}, "response": {…}}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    request: Asked,
    response: Answer,
}

/// `url` is the unsubstituted one (handles in it are written as any text by `*`), exact, or a prefix if it ends in `*`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    method: String,
    url: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    status: Option<u16>,
    #[serde(default)]
    headers: Headers,
    body: Option<serde_json::Value>,
    body_base64: Option<String>,
    error: Option<Failure>,
}

/// An object, or a list of pairs where a name repeats.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Headers {
    List(Vec<(String, String)>),
    Object(std::collections::BTreeMap<String, String>),
}

impl Default for Headers {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Failure {
    Timeout,
    Unreachable,
}

impl Recorded {
    /// Reads the file's content.
    ///
    /// # Errors
    /// What is wrong with it, for its author.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        let entries: Vec<Entry> = serde_json::from_slice(json)
            .map_err(|error| format!("recorded HTTP: {error}; it is a list of {{\"request\": {{\"method\", \"url\"}}, \"response\": {{\"status\", …}}}}"))?;
        for (i, entry) in entries.iter().enumerate() {
            entry
                .response
                .check()
                .map_err(|error| format!("recorded HTTP: entry {i}: {error}"))?;
        }
        let used = Mutex::new(vec![false; entries.len()]);
        Ok(Self {
            entries,
            used,
            ..Self::default()
        })
    }

    /// `METHOD url` of the requests that had no answer.
    pub fn strangers(&self) -> Vec<String> {
        self.strangers
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// `METHOD url` of the entries that nobody has asked for yet.
    pub fn unused(&self) -> Vec<String> {
        let used = self
            .used
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        self.entries
            .iter()
            .zip(used.iter())
            .filter(|(_, used)| !**used)
            .map(|(entry, _)| format!("{} {}", entry.request.method, entry.request.url))
            .collect()
    }

    fn take(&self, method: &str, url: &str) -> Option<&Entry> {
        let mut used = self
            .used
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let at = self
            .entries
            .iter()
            .zip(used.iter())
            .position(|(entry, used)| !used && entry.request.fits(method, url))?;
        used[at] = true;
        self.entries.get(at)
    }
}

impl Asked {
    fn fits(&self, method: &str, url: &str) -> bool {
        let url_fits = match self.url.strip_suffix('*') {
            Some(prefix) => url.starts_with(prefix),
            None => url == self.url,
        };
        url_fits && self.method.eq_ignore_ascii_case(method)
    }
}

impl Answer {
    fn check(&self) -> Result<(), String> {
        match (self.status, self.error) {
            (None, None) => return Err("the response needs a `status` or an `error`".into()),
            (Some(_), Some(_)) => {
                return Err("the response has a `status` or an `error`, not both".into());
            }
            (Some(status), None) if !(100..=599).contains(&status) => {
                return Err(format!("`{status}` is not a status"));
            }
            _ => {}
        }
        if self.body.is_some() && self.body_base64.is_some() {
            return Err("the response has a `body` or a `body_base64`, not both".into());
        }
        self.body().map(drop)
    }

    /// A string is the body itself, any other JSON value the body's JSON.
    fn body(&self) -> Result<Vec<u8>, String> {
        match (&self.body, &self.body_base64) {
            (_, Some(text)) => STANDARD
                .decode(text)
                .map_err(|error| format!("`body_base64`: {error}")),
            (Some(serde_json::Value::String(text)), None) => Ok(text.clone().into_bytes()),
            (Some(value), None) => Ok(value.to_string().into_bytes()),
            (None, None) => Ok(Vec::new()),
        }
    }

    fn headers(&self) -> Vec<(String, String)> {
        let lower = |(name, value): (&String, &String)| (name.to_ascii_lowercase(), value.clone());
        match &self.headers {
            Headers::List(pairs) => pairs
                .iter()
                .map(|(name, value)| lower((name, value)))
                .collect(),
            Headers::Object(members) => members.iter().map(lower).collect(),
        }
    }
}

#[async_trait::async_trait]
impl Transport for Recorded {
    async fn send(&self, request: Prepared) -> Result<Response, HttpError> {
        let Some(entry) = self.take(&request.method, &request.shown_url) else {
            self.strangers
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .push(format!("{} {}", request.method, request.shown_url));
            let entry = serde_json::json!([{
                "request": {"method": request.method, "url": request.shown_url},
                "response": {"status": 200, "headers": {}, "body": ""},
            }]);
            return Err(HttpError::Denied(format!(
                "no recorded answer is left for this request; add to the list of recorded HTTP: {entry}"
            )));
        };
        match entry.response.error {
            Some(Failure::Timeout) => return Err(HttpError::Timeout(request.timeout)),
            Some(Failure::Unreachable) => {
                return Err(HttpError::Unreachable("recorded as unreachable".into()));
            }
            None => {}
        }
        Ok(Response {
            status: entry.response.status.unwrap_or(200),
            headers: entry.response.headers(),
            body: entry
                .response
                .body()
                .map_err(HttpError::Unreachable)?
                .into(),
        })
    }
}

#[cfg(test)]
mod tests;
