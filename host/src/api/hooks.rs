//! `/hooks/{channel}` and everything below it, any method: reads the request, bounds it, answers. What happens in between is `crate::hooks`.

use std::net::IpAddr;

use axum::{
    body::{Body, Bytes},
    extract::{Path, State, rejection::BytesRejection},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use balcao_runtime::{webhook::Refusal, wit::channel};

use super::{
    browsers::{Tells, Visit, is_preflight, may_visit, preflight, refused},
    extract::Origin,
    problem::{Answer, Problem},
};
use crate::{
    app::SharedApp,
    channel::Channel,
    hooks::{self, Hooked},
};

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
    let found = match channel.parse() {
        Ok(id) => app.channels.find(&app, id).await?,
        Err(_) => None,
    };
    let Some(channel) = found else {
        // Perhaps it was a channel of browsers.
        return Ok(match is_preflight(&method, &headers) {
            true => preflight(&headers),
            false => refused(&headers, Problem::not_found()),
        });
    };
    let id = channel.id;
    let package = app.apps.package(&channel.plugin_id);
    let visit = match package.filter(|package| may_visit(package)) {
        Some(_) if is_preflight(&method, &headers) => return Ok(preflight(&headers)),
        Some(package) => match Visit::of(&package, &channel, &headers, Tells::Always) {
            Ok(visit) => Some(visit),
            Err(problem) => return Ok(refused(&headers, problem)),
        },
        None => None,
    };
    // Anybody's browser may ask here: what an app that is off cannot answer is not kept for it.
    if let Some(visit) = &visit
        && !app.apps.is_on(channel.workspace_id, &channel.plugin_id)
    {
        return Ok(visit.answer(Err(Problem::unavailable("This chat is switched off."))));
    }
    let counted = match &visit {
        Some(_) => app.limits.visit(remote),
        None => Ok(()),
    };
    let answer = match counted.and_then(|()| app.limits.hook(&id)) {
        Ok(()) => take(&app, &channel, path, remote, (method, uri, headers), body).await,
        Err(seconds) => Err(Problem::rate_limited(seconds)),
    };
    match visit {
        Some(visit) => Ok(visit.answer(answer)),
        None => answer,
    }
}

async fn take(
    app: &SharedApp,
    channel: &Channel,
    path: String,
    remote: IpAddr,
    (method, uri, headers): (Method, Uri, HeaderMap),
    body: Result<Bytes, BytesRejection>,
) -> Answer<Response> {
    let body =
        body.map_err(|rejection| Problem::of_status(rejection.status(), rejection.body_text()))?;
    let request = channel::Request {
        channel: channel.id.to_string(),
        method: method.as_str().to_owned(),
        path,
        query: query_of(&uri),
        headers: headers_of(&headers),
        body: body.to_vec(),
        remote: remote.to_string(),
    };
    match hooks::take(app, channel, request).await? {
        Hooked::Answered(response) => answer(response),
        Hooked::Parked => Ok(StatusCode::OK.into_response()),
        Hooked::Refused(Refusal { status: 405, .. }) => Err(Problem::method_not_allowed()),
        Hooked::Refused(_) => Err(Problem::unauthenticated(
            "This request could not be verified.",
        )),
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

fn answer(said: channel::Response) -> Answer<Response> {
    let mut response = Response::new(Body::from(said.body));
    *response.status_mut() =
        StatusCode::from_u16(said.status).map_err(|error| Problem::internal(&error))?;
    for (name, value) in said.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CSP),
    );
    Ok(response)
}
