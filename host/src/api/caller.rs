//! Who is asking: the session cookie or the bearer token of a request, and the rule against forged requests. What they may do is said elsewhere.

use axum::{
    extract::{FromRequestParts, MatchedPath},
    http::{HeaderMap, HeaderValue, Method, header, request::Parts},
};

use super::{problem::Problem, scopes};
use crate::{
    account::{self, Caller},
    app::{App, SharedApp},
    password::{TOKEN_PREFIX, Token},
};

/// Name of the session's cookie.
pub const COOKIE: &str = "balcao_session";
/// A header that only our own pages and programs send: browsers ask us before a foreign page may.
const OWN_HEADER: &str = "x-balcao";

impl FromRequestParts<SharedApp> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, Problem> {
        if let Some(caller) = parts.extensions.get::<Caller>() {
            return Ok(caller.clone());
        }
        let route = parts.extensions.get::<MatchedPath>();
        let needed = route.and_then(|route| scopes::needed(&parts.method, route.as_str()));
        let caller = identify(app, &parts.method, &parts.headers, needed).await?;
        parts.extensions.insert(caller.clone());
        Ok(caller)
    }
}

/// Who sends a request with this method and these headers; a token must have been given the scope `needed`, and where none is known it has none.
pub async fn identify(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
    needed: Option<String>,
) -> Result<Caller, Problem> {
    if let Some(token) = bearer(headers) {
        let caller = account::by_token(app, &token).await?;
        require_scope(&caller, needed.as_deref())?;
        return Ok(caller);
    }
    let token = session_token(headers)
        .ok_or_else(|| Problem::from(crate::error::Error::Unauthenticated))?;
    if !method.is_safe() && !is_deliberate(headers) {
        return Err(Problem::denied(
            "Send the header `x-balcao: 1`: it shows that no foreign page sent this.",
        ));
    }
    Ok(account::by_session(app, &token).await?)
}

/// # Errors
/// `denied` for a token that was not given the scope, and for every token where no scope is known.
pub fn require_scope(caller: &Caller, needed: Option<&str>) -> Result<(), Problem> {
    match needed {
        Some(scope) if caller.has_scope(scope) => Ok(()),
        Some(scope) => Err(Problem::denied(format!(
            "This token was not given the scope `{scope}`."
        ))),
        None => Err(Problem::denied("No token opens this address.")),
    }
}

/// The session that the browser shows, if it shows one.
pub fn session_token(headers: &HeaderMap) -> Option<Token> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| Token::shown(value))
}

/// The cookie that keeps a session, for so many seconds; 0 takes it away.
pub fn cookie(token: &Token, seconds: i64, tls: bool) -> HeaderValue {
    let secure = if tls { "; Secure" } else { "" };
    let text = format!(
        "{COOKIE}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}",
        token.reveal()
    );
    // Tokens are made of letters, digits, `-` and `_`.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(
        "balcao_session=; Path=/; Max-Age=0",
    ))
}

/// Whether a page of ours or a program sends this: a foreign page cannot set these headers without asking first, and we never say yes.
pub fn is_deliberate(headers: &HeaderMap) -> bool {
    let json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| {
            value
                .split(';')
                .next()
                .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
        });
    json || headers.contains_key(OWN_HEADER)
}

fn bearer(headers: &HeaderMap) -> Option<Token> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && token.starts_with(TOKEN_PREFIX))
        .then(|| Token::shown(token))
}
