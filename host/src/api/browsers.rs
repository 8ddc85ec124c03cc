//! Requests of browsers on other people's sites, to channels that have visitors: let in by origin, and answered so that the page may read
//! the answer, be it a refusal: a script that cannot tell a refusal from a server that is away would ask for ever. Owns these headers and refusals;
//! whose sites they are is the channel's settings'.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use balcao_runtime::package::Package;

use super::problem::{Answer, Problem};
use crate::{channel::Channel, origins::Origins};

/// What connectors import that have visitors.
const VISITORS: &str = "balcao:connector/visitors";
/// How long a browser may remember what it may ask, in seconds.
const REMEMBERED: HeaderValue = HeaderValue::from_static("7200");

/// Whether anybody's browser may speak to channels of the package.
pub(super) fn may_visit(package: &Package) -> bool {
    package.has_import(VISITORS)
}

/// A request that was let in.
pub(super) struct Visit {
    /// As the browser told it.
    origin: Option<HeaderValue>,
}

/// Whether a request has to say from which page it comes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tells {
    /// Browsers say it with every request that a script makes to elsewhere.
    Always,
    /// Not with what a page merely includes.
    Perhaps,
}

impl Visit {
    /// Lets a request in whose page is of an allowed origin.
    pub fn of(
        package: &Package,
        channel: &Channel,
        headers: &HeaderMap,
        tells: Tells,
    ) -> Answer<Self> {
        let origins = Origins::of(package, &channel.settings);
        let origin = headers.get(header::ORIGIN).cloned();
        let permitted = match &origin {
            Some(origin) => origin.to_str().is_ok_and(|origin| origins.permit(origin)),
            None => tells == Tells::Perhaps || !origins.are_named(),
        };
        match permitted {
            true => Ok(Self { origin }),
            false => Err(Problem::denied(
                "Pages of this origin may not speak to this channel.",
            )),
        }
    }

    /// The answer, be it a problem, as the page may read it.
    pub fn answer(&self, answer: Answer<Response>) -> Response {
        readable(self.origin.as_ref(), answer)
    }
}

/// Whether it is what a browser asks before a script may send something.
pub(super) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Any page may ask: what it sends then is let in or refused, and it reads which.
pub(super) fn preflight(headers: &HeaderMap) -> Response {
    let about = [
        (
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, POST"),
        ),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("authorization, content-type, last-event-id"),
        ),
        (header::ACCESS_CONTROL_MAX_AGE, REMEMBERED),
    ];
    let answer = (StatusCode::NO_CONTENT, about).into_response();
    readable(headers.get(header::ORIGIN), Ok(answer))
}

/// Why a request was not let in.
pub(super) fn refused(headers: &HeaderMap, problem: Problem) -> Response {
    readable(headers.get(header::ORIGIN), Err(problem))
}

fn readable(origin: Option<&HeaderValue>, answer: Answer<Response>) -> Response {
    let mut response = answer.unwrap_or_else(IntoResponse::into_response);
    let headers = response.headers_mut();
    // A plugin's word on this does not count.
    headers.remove(header::ACCESS_CONTROL_ALLOW_CREDENTIALS);
    headers.remove(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    headers.append(header::VARY, HeaderValue::from(header::ORIGIN));
    headers.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("cross-origin"),
    );
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from(header::RETRY_AFTER),
        );
    }
    response
}
