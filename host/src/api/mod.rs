//! HTTP: the REST API under `/api/v1`, the realtime connection, webhooks, health and the interface. One file per resource; handlers check the
//! caller, open a transaction, act and commit. Holds no SQL and no rule of conversations.

mod administer;
mod browsers;
mod caller;
pub mod channels;
mod codes;
mod contacts;
mod contributions;
mod conversations;
mod edits;
mod etag;
mod extract;
mod files;
mod health;
mod hooks;
mod hours;
mod inspect;
mod messages;
mod once;
mod page;
mod panics;
mod parked;
pub mod plugins;
pub mod problem;
mod realtime;
mod scopes;
mod security;
mod serving;
mod session;
mod shapes;
mod team_apps;
pub mod teams;
mod time;
mod timeline;
mod tokens;
mod ui;
pub mod users;
mod visitors;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    response::{IntoResponse, Response},
    routing::{any, get},
};
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::app::SharedApp;
use problem::Problem;

/// Where the API lives.
const BASE: &str = "/api/v1";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Balcão",
        description = "The API of a customer-service inbox. Errors are `application/problem+json`. State-changing \
        requests with a session cookie carry `x-balcao: 1` or a JSON body.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem))
)]
struct Document;

/// All resources, without their common layers.
fn resources(file_body: usize) -> OpenApiRouter<SharedApp> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(files::routes().layer(DefaultBodyLimit::max(file_body)))
        .merge(session::routes())
        .merge(tokens::routes())
        .merge(users::routes())
        .merge(teams::routes())
        .merge(team_apps::routes())
        .merge(hours::routes())
        .merge(channels::routes())
        .merge(parked::routes())
        .merge(plugins::routes())
        .merge(inspect::routes())
        .merge(contributions::routes())
        .merge(conversations::routes())
        .merge(serving::routes())
        .merge(timeline::routes())
        .merge(edits::routes())
        .merge(messages::routes())
        .merge(contacts::routes())
}

/// The OpenAPI document, as committed in `host/openapi.json`.
pub fn openapi_json() -> String {
    let (_, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .nest(BASE, resources(0))
        .split_for_parts();
    name_operations(&mut document);
    let mut text = document.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// Handlers of different resources share names (`list`, `show`), an operation's id is one of a kind: the resource goes before the name.
fn name_operations(document: &mut utoipa::openapi::OpenApi) {
    for path in document.paths.paths.values_mut() {
        let methods = [
            &mut path.get,
            &mut path.put,
            &mut path.post,
            &mut path.delete,
            &mut path.patch,
        ];
        for operation in methods.into_iter().flatten() {
            let resource = operation.tags.iter().flatten().next();
            if let (Some(resource), Some(name)) = (resource, &operation.operation_id) {
                operation.operation_id = Some(format!("{resource}_{name}"));
            }
        }
    }
}

/// Everything that the server answers.
pub fn router(app: SharedApp) -> Router {
    let limits = app.config.limits.clone();
    let (api, _) = resources(limits.file_body).split_for_parts();
    let api = api
        .route("/openapi.json", get(openapi))
        .route("/realtime", get(realtime::connect))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(security::no_store))
        .layer(DefaultBodyLimit::max(limits.json_body));
    let hooks = Router::new()
        .route("/hooks/{channel}", any(hooks::root))
        .route("/hooks/{channel}/", any(hooks::slash))
        .route("/hooks/{channel}/{*rest}", any(hooks::below))
        .layer(DefaultBodyLimit::max(limits.hook_body));
    Router::new()
        .nest(BASE, api)
        .route("/healthz", get(health::health))
        .route("/media/{token}", get(files::linked))
        .merge(visitors::routes(&limits))
        .fallback(ui::serve)
        .method_not_allowed_fallback(wrong_method)
        .layer(CompressionLayer::new())
        // Providers are answered in few bytes.
        .merge(hooks)
        .layer(middleware::from_fn(security::headers))
        .layer(CatchPanicLayer::custom(panics::answer))
        .with_state(app)
}

async fn openapi() -> Response {
    (
        [(axum::http::header::CONTENT_TYPE, "application/json")],
        openapi_json(),
    )
        .into_response()
}

async fn nothing_here() -> Problem {
    Problem::not_found()
}

async fn wrong_method() -> Problem {
    Problem::method_not_allowed()
}
