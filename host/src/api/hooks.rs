//! `/hooks/{channel}` and everything below it, any method: reads the request, bounds it, answers. What happens in between is `crate::hooks`.

use std::net::IpAddr;

use axum::{
    body::{Body, Bytes},
    extract::{Path, State, rejection::BytesRejection},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use balcao_runtime::wit::channel;

use super::{
    extract::Origin,
    problem::{Answer, Problem},
};
use crate::{
    app::SharedApp,
    hooks::{self, Hooked},
    id::ChannelId,
};

/// What a plugin may say beside the body. Not cookies, not redirects, not policies: it answers from our own origin.
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

/// What a plugin's answer may do in a browser that opens it as a page.
const CSP: &str = "sandbox; default-src 'none'; frame-ancestors 'none'";

pub async fn root(
    State(app): State<SharedApp>,
    Path(channel): Path<String>,
    origin: Origin,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Answer<Response> {
    receive(
        app,
        (&channel, String::new()),
        origin.address,
        (method, uri, headers),
        body,
    )
    .await
}

/// `/hooks/{channel}/`, which is not the same address to a plugin.
pub async fn slash(
    State(app): State<SharedApp>,
    Path(channel): Path<String>,
    origin: Origin,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Answer<Response> {
    receive(
        app,
        (&channel, "/".to_owned()),
        origin.address,
        (method, uri, headers),
        body,
    )
    .await
}

pub async fn below(
    State(app): State<SharedApp>,
    Path((channel, rest)): Path<(String, String)>,
    origin: Origin,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Answer<Response> {
    receive(
        app,
        (&channel, format!("/{rest}")),
        origin.address,
        (method, uri, headers),
        body,
    )
    .await
}

async fn receive(
    app: SharedApp,
    (channel, path): (&str, String),
    remote: IpAddr,
    (method, uri, headers): (Method, Uri, HeaderMap),
    body: Result<Bytes, BytesRejection>,
) -> Answer<Response> {
    let id: ChannelId = channel.parse().map_err(|_| Problem::not_found())?;
    let channel = app
        .channels
        .find(&app, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    app.limits.hook(&id).map_err(Problem::rate_limited)?;
    let body =
        body.map_err(|rejection| Problem::of_status(rejection.status(), rejection.body_text()))?;
    let request = channel::Request {
        channel: id.to_string(),
        method: method.as_str().to_owned(),
        path,
        query: query_of(&uri),
        headers: headers_of(&headers),
        body: body.to_vec(),
        remote: remote.to_string(),
    };
    match hooks::take(&app, &channel, request).await? {
        Hooked::Answered(response) => Ok(answer(response)),
        Hooked::Parked => Ok(StatusCode::OK.into_response()),
        Hooked::Denied => Err(Problem::unauthenticated(
            "This request could not be verified.",
        )),
        Hooked::MethodNotAllowed => Err(Problem::method_not_allowed()),
    }
}

fn query_of(uri: &Uri) -> Vec<(String, String)> {
    let query = uri.query().unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

/// As they came; bytes that are no text are replaced.
fn headers_of(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect()
}

fn answer(said: channel::Response) -> Response {
    let status = StatusCode::from_u16(said.status)
        .ok()
        .filter(|status| status.as_u16() >= 200);
    let Some(status) = status else {
        tracing::warn!(
            status = said.status,
            "a plugin answered a webhook with a status that is none"
        );
        return Problem::silent_internal().into_response();
    };
    let mut response = Response::new(Body::from(said.body));
    *response.status_mut() = status;
    for (name, value) in said.headers {
        let name = name.to_ascii_lowercase();
        if let (true, Ok(name), Ok(value)) = (
            ANSWERED.contains(&name.as_str()),
            HeaderName::try_from(name.as_str()),
            HeaderValue::try_from(value),
        ) {
            response.headers_mut().append(name, value);
        }
    }
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CSP),
    );
    response
}
