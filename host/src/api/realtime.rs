//! `/realtime`: lets a screen in. Owns the checks before the connection is upgraded; what is said on it is `crate::realtime`.

use axum::{
    extract::{State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    http::{HeaderMap, HeaderName, Method, header},
    response::Response,
};
use serde::Deserialize;
use url::Url;

use super::{
    caller::{identify, require_scope},
    extract::Query,
    problem::{Answer, Problem},
    scopes,
};
use crate::{
    account,
    app::{App, SharedApp},
    password::Token,
    realtime::socket,
};

#[derive(Deserialize)]
pub struct Proof {
    /// An API token, for programs that cannot set headers.
    token: Option<String>,
}

/// Upgrades to the realtime connection. Cookies come with foreign pages' connections too, so their origin must be ours.
pub async fn connect(
    State(app): State<SharedApp>,
    Query(proof): Query<Proof>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Answer<Response> {
    let caller = match &proof.token {
        Some(token) => {
            let caller = account::by_token(&app, &Token::shown(token)).await?;
            require_scope(
                &caller,
                scopes::needed(&Method::GET, "/realtime").as_deref(),
            )?;
            caller
        }
        None => {
            let caller = {
                let needed = scopes::needed(&Method::GET, "/realtime");
                identify(&app, &Method::GET, &headers, needed).await?
            };
            if super::session::is_session(&caller) && !is_own_page(&app, &headers) {
                return Err(Problem::denied(
                    "Connections from this page's origin are not accepted.",
                ));
            }
            caller
        }
    };
    let upgrade = upgrade
        .map_err(|rejection| Problem::of_status(rejection.status(), rejection.body_text()))?;
    Ok(upgrade
        .read_buffer_size(socket::READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(socket::LONGEST)
        .max_frame_size(socket::LONGEST)
        .on_upgrade(move |connection| socket::serve(app, caller, connection)))
}

/// Whether the page that connects is served by us: its origin is the host it asked for, or the public address.
fn is_own_page(app: &App, headers: &HeaderMap) -> bool {
    let Some(origin) = text(headers, header::ORIGIN) else {
        // Not a browser: those always say.
        return true;
    };
    let Ok(origin) = Url::parse(origin) else {
        return false;
    };
    if app
        .config
        .public_url
        .as_ref()
        .is_some_and(|public| public.origin() == origin.origin())
    {
        return true;
    }
    let authority = match (origin.host_str(), origin.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => return false,
    };
    text(headers, header::HOST).is_some_and(|host| host.eq_ignore_ascii_case(&authority))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
