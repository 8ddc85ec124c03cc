//! Requests to the provider, by the address that the settings mean.

use crate::answer::INSTAGRAM;
use crate::settings::Login;
use balcao_plugin::Failure;
use balcao_plugin::connector::meta::Answer;

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
    let url = format!("{}{path}", login.api());
    INSTAGRAM.call(method, &url, body, timeout_ms)
}
