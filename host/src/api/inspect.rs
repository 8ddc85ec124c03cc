//! `/plugins/{id}/health`, `…/logs`, `…/failures`: how an app fares in a workspace, and what to do about what it could not handle. Administrators only.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    administer::administer,
    extract::{Path, Query},
    once::{IdempotencyKey, Once},
    page::{Page, Paging},
    plugins::PluginHealth,
    problem::{Answer, Problem},
    time::Time,
};
use crate::{
    account::Caller,
    app::{App, SharedApp},
    error::Error,
    id::ConversationId,
    plugin::in_force,
    store::{
        Tx,
        enabled_plugins::{EnabledPlugin, PluginLog},
        events::NewEvent,
        failures::{Failure, Which},
    },
};

/// From the least to the most serious.
const LEVELS: [&str; 4] = ["debug", "info", "warn", "error"];
/// Errors shown with the health.
const LAST_ERRORS: u32 = 10;

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(logs))
        .routes(routes!(failures, discard_all))
        .routes(routes!(replay_all))
        .routes(routes!(replay))
        .routes(routes!(discard))
}

/// How an app fares in this workspace.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = PluginHealthReport)]
pub struct HealthView {
    pub state: PluginHealth,
    /// What the circuit breaker noted; null while the app is called as usual.
    #[schema(value_type = Option<Object>)]
    pub breaker: Option<Value>,
    /// Events and timers that were given up.
    pub failures: i64,
    /// Webhooks that wait until the app can read them.
    pub parked: i64,
    /// The newest lines of level `warn` and `error`, traps and limits among them.
    pub last_errors: Vec<LogView>,
}

/// How an app fares. Administrators only.
#[utoipa::path(get, path = "/plugins/{id}/health", tag = "plugins", params(("id" = String, Path)),
    responses((status = 200, body = HealthView), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn health(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer<Json<HealthView>> {
    let (mut tx, plugin) = inspected(&app, &caller, &id).await?;
    let package = app.apps.package(&id);
    let in_force = package.is_some_and(|package| in_force(&plugin, &package));
    let lines = tx
        .plugin_logs(caller.workspace, &id, None, &at_least("warn"), LAST_ERRORS)
        .await?;
    Ok(Json(HealthView {
        state: PluginHealth::of(in_force.then_some(&plugin)),
        breaker: plugin
            .breaker
            .as_deref()
            .map(serde_json::from_str)
            .transpose()
            .map_err(Error::from)?,
        failures: tx.count_failures(caller.workspace, &id).await?,
        parked: tx.count_parked(caller.workspace, &id).await?,
        last_errors: lines.into_iter().map(LogView::from).collect(),
    }))
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = PluginLog)]
pub struct LogView {
    pub at: Time,
    /// `debug`, `info`, `warn` or `error`.
    pub level: String,
    pub message: String,
    /// The call that it belongs to.
    pub call: String,
}

impl From<PluginLog> for LogView {
    fn from(row: PluginLog) -> Self {
        Self {
            at: Time(row.at),
            level: row.level,
            message: row.message,
            call: row.call_key,
        }
    }
}

/// Which lines.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Lines {
    /// `debug`, `info`, `warn` or `error`: this one and the more serious ones.
    pub level: Option<String>,
    /// At most 100.
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<String>,
}

/// What the app logged, newest first. Administrators only.
#[utoipa::path(get, path = "/plugins/{id}/logs", tag = "plugins", params(("id" = String, Path), Lines),
    responses((status = 200, body = Page<LogView>), (status = 403, body = Problem), (status = 422, body = Problem)))]
async fn logs(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<String>,
    Query(lines): Query<Lines>,
) -> Answer<Json<Page<LogView>>> {
    let level = lines.level.as_deref().unwrap_or("debug");
    if !LEVELS.contains(&level) {
        return Err(Problem::field(
            "level",
            "must be debug, info, warn or error",
        ));
    }
    let paging = Paging {
        limit: lines.limit,
        after: lines.after,
    };
    let limit = paging.limit(100);
    let (mut tx, _) = inspected(&app, &caller, &id).await?;
    let rows = tx
        .plugin_logs(
            caller.workspace,
            &id,
            paging.after()?,
            &at_least(level),
            limit + 1,
        )
        .await?;
    Ok(Json(Page::cut(rows, limit, |row| row.id, LogView::from)))
}

/// This level and the more serious ones; none named means all.
fn at_least(level: &str) -> Vec<&'static str> {
    let from = LEVELS.iter().position(|it| *it == level).unwrap_or(0);
    match from {
        0 => Vec::new(),
        _ => LEVELS[from..].to_vec(),
    }
}

/// An event or timer that the app could not handle.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = PluginFailure)]
pub struct FailureView {
    pub id: String,
    /// The event's kind; `timer` for one.
    pub kind: String,
    /// The timer's name.
    pub name: Option<String>,
    #[schema(value_type = Option<String>)]
    pub conversation_id: Option<ConversationId>,
    pub at: Time,
    pub attempts: i64,
    /// What the last attempt came to.
    pub error: Option<String>,
}

impl From<Failure> for FailureView {
    fn from(row: Failure) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            name: row.name,
            conversation_id: row.conversation_id,
            at: Time(row.at),
            attempts: row.attempts,
            error: row.error,
        }
    }
}

/// What the app could not handle. Administrators only.
#[utoipa::path(get, path = "/plugins/{id}/failures", tag = "plugins", params(("id" = String, Path), Paging),
    responses((status = 200, body = Page<FailureView>), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn failures(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Answer<Json<Page<FailureView>>> {
    let limit = paging.limit(50);
    let before: Option<String> = paging.after()?;
    let (mut tx, _) = inspected(&app, &caller, &id).await?;
    let rows = tx
        .failures(caller.workspace, &id, before.as_deref(), limit + 1)
        .await?;
    let page = Page::cut(rows, limit, |row| row.id.clone(), FailureView::from);
    Ok(Json(page))
}

/// How many it was done to.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Count {
    pub count: u64,
}

/// Let the app try one again. Administrators only.
#[utoipa::path(post, path = "/plugins/{id}/failures/{failure}/replay", tag = "plugins",
    params(("id" = String, Path), ("failure" = String, Path), IdempotencyKey),
    responses((status = 200, body = Count), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn replay(
    State(app): State<SharedApp>,
    caller: Caller,
    Path((id, failure)): Path<(String, String)>,
    once: Once,
) -> Answer<Response> {
    again(&app, &caller, &id, Which::One(&failure), once).await
}

/// Let the app try all again. Administrators only.
#[utoipa::path(post, path = "/plugins/{id}/failures/replay", tag = "plugins", params(("id" = String, Path), IdempotencyKey),
    responses((status = 200, body = Count), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn replay_all(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<String>,
    once: Once,
) -> Answer<Response> {
    again(&app, &caller, &id, Which::All, once).await
}

async fn again(
    app: &App,
    caller: &Caller,
    id: &str,
    which: Which<'_>,
    once: Once,
) -> Answer<Response> {
    caller.require_admin()?;
    let mut tx = app.store.write(caller.workspace).await?;
    if let Some(answer) = once.again(&mut tx).await? {
        return Ok(answer);
    }
    let count = tx
        .replay_failures(caller.workspace, id, which, app.clock.now())
        .await?;
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    noted(
        app,
        &mut tx,
        caller,
        id,
        which,
        ("plugin.failure.replay", count),
    )
    .await?;
    once.commit(tx, StatusCode::OK, &Count { count }).await
}

/// Let go of one for good. Administrators only.
#[utoipa::path(delete, path = "/plugins/{id}/failures/{failure}", tag = "plugins", params(("id" = String, Path), ("failure" = String, Path)),
    responses((status = 200, body = Count), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn discard(
    State(app): State<SharedApp>,
    caller: Caller,
    Path((id, failure)): Path<(String, String)>,
) -> Answer<Json<Count>> {
    let_go(&app, &caller, &id, Which::One(&failure)).await
}

/// Let go of all for good. Administrators only.
#[utoipa::path(delete, path = "/plugins/{id}/failures", tag = "plugins", params(("id" = String, Path)),
    responses((status = 200, body = Count), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn discard_all(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer<Json<Count>> {
    let_go(&app, &caller, &id, Which::All).await
}

async fn let_go(app: &App, caller: &Caller, id: &str, which: Which<'_>) -> Answer<Json<Count>> {
    caller.require_admin()?;
    let mut tx = app.store.write(caller.workspace).await?;
    let count = tx.discard_failures(caller.workspace, id, which).await?;
    noted(
        app,
        &mut tx,
        caller,
        id,
        which,
        ("plugin.failure.discard", count),
    )
    .await?;
    tx.commit().await?;
    Ok(Json(Count { count }))
}

/// Writes the act down.
///
/// # Errors
/// `not_found` for one that is not there.
async fn noted(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    id: &str,
    which: Which<'_>,
    (action, count): (&str, u64),
) -> Answer<()> {
    let data = match which {
        Which::One(_) if count == 0 => return Err(Problem::not_found()),
        Which::One(failure) => json!({ "failure": failure }),
        Which::All => json!({ "count": count }),
    };
    let event = NewEvent::new("plugin.failures-changed").subject("plugin", id);
    administer(app, tx, caller, event, (action, data)).await?;
    Ok(())
}

/// An app that the workspace has, for its administrator.
async fn inspected(app: &App, caller: &Caller, id: &str) -> Answer<(Tx, EnabledPlugin)> {
    caller.require_admin()?;
    let mut tx = app.store.read().await?;
    let plugin = tx
        .enabled_plugin(caller.workspace, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok((tx, plugin))
}
