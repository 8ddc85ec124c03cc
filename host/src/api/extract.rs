//! Reading requests: JSON bodies, paths and queries whose failures are problems like all others. Owns no rule about what the values mean.

use std::net::{IpAddr, SocketAddr};

use axum::{
    Json,
    extract::{
        ConnectInfo, FromRequest, FromRequestParts, Request,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    http::{HeaderMap, request::Parts},
};
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::app::SharedApp;

/// A JSON body.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<SharedApp> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &SharedApp) -> Result<Self, Problem> {
        match Json::<T>::from_request(request, app).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(rejection @ JsonRejection::MissingJsonContentType(_)) => {
                Err(Problem::unsupported_media_type(rejection.body_text()))
            }
            Err(rejection) => Err(Problem::of_status(
                rejection.status(),
                rejection.body_text(),
            )),
        }
    }
}

/// The path's variables. One that cannot be an id names nothing.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<SharedApp> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, Problem> {
        axum::extract::Path::<T>::from_request_parts(parts, app)
            .await
            .map(|axum::extract::Path(value)| Self(value))
            .map_err(|_: PathRejection| Problem::not_found())
    }
}

/// The query's parameters.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<SharedApp> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, Problem> {
        axum::extract::Query::<T>::from_request_parts(parts, app)
            .await
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|rejection: QueryRejection| Problem::invalid(rejection.body_text()))
    }
}

/// Where the request comes from, and whether the browser sees TLS: the proxy's word only where the operator says that there is one.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    pub address: IpAddr,
    pub tls: bool,
}

impl FromRequestParts<SharedApp> for Origin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, Problem> {
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|info| info.0.ip())
            .ok_or_else(|| Problem::internal(&"the server was started without connection info"))?;
        let proxied = app.config.behind_proxy;
        let forwarded = proxied
            .then(|| last_of(&parts.headers, "x-forwarded-for"))
            .flatten();
        let tls = proxied
            && last_of(&parts.headers, "x-forwarded-proto")
                .is_some_and(|it| it.eq_ignore_ascii_case("https"));
        Ok(Self {
            address: forwarded.and_then(|text| text.parse().ok()).unwrap_or(peer),
            tls: tls || app.config.is_https(),
        })
    }
}

/// The last entry of a comma-separated header: the one that our own proxy added.
fn last_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    value.rsplit(',').next().map(str::trim)
}
