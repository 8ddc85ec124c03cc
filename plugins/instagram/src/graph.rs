//! Requests to the provider: the one place that uses its token, always as a handle and always in the bound header.

use crate::answer::Answer;
use crate::settings::Login;
use balcao_plugin::{Failure, http, secrets};

/// How long a webhook may wait for what it can do without.
const SOON_MS: u32 = 2_500;

/// # Errors
/// What the provider or the host refuses.
pub fn get(login: Login, path: &str) -> Result<Answer, Failure> {
    call(login, "GET", path, &[])
}

/// A question whose answer is of no use if it takes long.
///
/// # Errors
/// As [`get`].
pub fn get_soon(login: Login, path: &str) -> Result<Answer, Failure> {
    request(login, "GET", path, &[], Some(SOON_MS))
}

/// One request. An empty body is none.
///
/// # Errors
/// As [`get`].
pub fn call(login: Login, method: &str, path: &str, body: &[u8]) -> Result<Answer, Failure> {
    request(login, method, path, body, None)
}

fn request(
    login: Login,
    method: &str,
    path: &str,
    body: &[u8],
    timeout_ms: Option<u32>,
) -> Result<Answer, Failure> {
    let token = secrets::handle("access_token")?;
    let mut headers = vec![("authorization".into(), format!("Bearer {token}"))];
    if !body.is_empty() {
        headers.push(("content-type".into(), "application/json".into()));
    }
    let response = http::send(&http::Request {
        method: method.into(),
        url: format!("{}{path}", login.api()),
        headers,
        body: body.to_vec(),
        timeout_ms,
    })?;
    Answer::read(response.status, &response.headers, &response.body)
}
