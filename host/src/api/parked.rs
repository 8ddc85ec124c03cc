//! `/channels/{id}/parked`: verified webhooks that their plugin could not read. Administrators see them, give them to the plugin once more, or let them
//! go; what they carry is sealed and never shown.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    channels::note,
    extract::Path,
    once::{IdempotencyKey, Once},
    page::Page,
    problem::{Answer, Problem},
    time::Time,
};
use crate::{
    account::Caller,
    app::{App, SharedApp},
    channel::Channel,
    error::{Error, Result},
    hooks,
    id::{ChannelId, ParkedId},
};

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(waiting))
        .routes(routes!(parked, discard_all))
        .routes(routes!(replay_all))
        .routes(routes!(replay))
        .routes(routes!(discard))
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Parked)]
pub struct ParkedView {
    #[schema(value_type = String)]
    pub id: ParkedId,
    pub received_at: Time,
    pub error: ParkedError,
    pub attempts: i64,
    /// When the server gives it to the app again by itself; null: once something about the app or the channel has changed.
    #[schema(required)]
    pub retry_at: Option<Time>,
}

/// How many wait in a channel.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ParkedCount)]
pub struct CountView {
    #[schema(value_type = String)]
    pub channel_id: ChannelId,
    pub plugin_id: String,
    pub count: i64,
}

/// The channels in which webhooks wait, and how many. Administrators only.
#[utoipa::path(get, path = "/parked", tag = "parked", operation_id = "parked_counts",
    responses((status = 200, body = Page<CountView>), (status = 403, body = Problem)))]
async fn waiting(State(app): State<SharedApp>, caller: Caller) -> Answer<Json<Page<CountView>>> {
    caller.require_admin()?;
    let mut tx = app.store.read().await?;
    let rows = tx.parked_by_channel(caller.workspace).await?;
    let items = rows
        .into_iter()
        .map(|(channel_id, plugin_id, count)| CountView {
            channel_id,
            plugin_id,
            count,
        });
    Ok(Json(Page::whole(items.collect())))
}

/// Why it could not be taken.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
pub struct ParkedError {
    pub code: String,
    pub message: String,
}

/// Verified webhooks that the plugin could not read. Administrators only.
#[utoipa::path(get, path = "/channels/{id}/parked", tag = "parked", params(("id" = String, Path)),
    responses((status = 200, body = Page<ParkedView>), (status = 403, body = Problem)))]
async fn parked(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<ChannelId>,
) -> Answer<Json<Page<ParkedView>>> {
    caller.require_admin()?;
    let rows = app.store.read().await?.parked(caller.workspace, id).await?;
    let items: Result<Vec<_>, serde_json::Error> = rows
        .into_iter()
        .map(|row| {
            Ok(ParkedView {
                id: row.id,
                received_at: Time(row.received_at),
                error: serde_json::from_str(&row.error)?,
                attempts: row.attempts,
                retry_at: row.retry_at.map(Time),
            })
        })
        .collect();
    Ok(Json(Page::whole(items.map_err(Error::from)?)))
}

/// Give a parked webhook to the plugin once more. Administrators only.
#[utoipa::path(post, path = "/channels/{id}/parked/{parked}/replay", tag = "parked",
    params(("id" = String, Path), ("parked" = String, Path), IdempotencyKey),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn replay(
    State(app): State<SharedApp>,
    caller: Caller,
    Path((id, parked)): Path<(ChannelId, ParkedId)>,
    once: Once,
) -> Answer<Response> {
    caller.require_admin()?;
    let channel = found(&app, &caller, id).await?;
    let deed = {
        let app = app.clone();
        async move {
            let taken = hooks::replay(&app, &channel, parked).await;
            let data = json!({ "parked": parked, "taken": taken.is_ok() });
            tell(&app, &caller, id, ("parked.replay", data)).await?;
            taken?;
            Ok((StatusCode::NO_CONTENT, ()))
        }
    };
    once.run(app, deed).await
}

/// What came of trying all.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Replayed {
    /// Taken in, and gone from the list.
    pub taken: usize,
    /// Failed again, or not reached.
    pub left: usize,
}

/// Give all of a channel's parked webhooks to the plugin once more, oldest first. Administrators only.
#[utoipa::path(post, path = "/channels/{id}/parked/replay", tag = "parked", params(("id" = String, Path), IdempotencyKey),
    responses((status = 200, body = Replayed), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn replay_all(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<ChannelId>,
    once: Once,
) -> Answer<Response> {
    caller.require_admin()?;
    let channel = found(&app, &caller, id).await?;
    let deed = {
        let app = app.clone();
        async move {
            let replayed = each(&app, &channel).await?;
            let data = json!({ "taken": replayed.taken, "left": replayed.left });
            tell(&app, &caller, id, ("parked.replay", data)).await?;
            Ok((StatusCode::OK, replayed))
        }
    };
    once.run(app, deed).await
}

async fn each(app: &App, channel: &Channel) -> Result<Replayed> {
    let mut tx = app.store.read().await?;
    let waiting = tx.parked(channel.workspace_id, channel.id).await?;
    drop(tx);
    let mut replayed = Replayed { taken: 0, left: 0 };
    for parked in waiting {
        match hooks::replay(app, channel, parked.id).await {
            // Not found: somebody else was faster.
            Ok(()) | Err(Error::NotFound(_)) => replayed.taken += 1,
            Err(Error::State(_)) => replayed.left += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(replayed)
}

/// Let go of a parked webhook for good. Administrators only.
#[utoipa::path(delete, path = "/channels/{id}/parked/{parked}", tag = "parked", params(("id" = String, Path), ("parked" = String, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn discard(
    State(app): State<SharedApp>,
    caller: Caller,
    Path((id, parked)): Path<(ChannelId, ParkedId)>,
) -> Answer<StatusCode> {
    caller.require_admin()?;
    let mut tx = app.store.write(caller.workspace).await?;
    tx.parked_one(caller.workspace, id, parked)
        .await?
        .ok_or_else(Problem::not_found)?;
    tx.unpark(caller.workspace, id, parked).await?;
    let what = ("parked.discard", json!({ "parked": parked }));
    note(&app, &mut tx, &caller, id, what).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Let go of all of a channel's parked webhooks for good. Administrators only.
#[utoipa::path(delete, path = "/channels/{id}/parked", tag = "parked", params(("id" = String, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn discard_all(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<ChannelId>,
) -> Answer<StatusCode> {
    caller.require_admin()?;
    found(&app, &caller, id).await?;
    let mut tx = app.store.write(caller.workspace).await?;
    let count = tx.unpark_all(caller.workspace, id).await?;
    let what = ("parked.discard", json!({ "count": count }));
    note(&app, &mut tx, &caller, id, what).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn found(app: &App, caller: &Caller, id: ChannelId) -> Answer<Channel> {
    let found = app
        .store
        .read()
        .await?
        .channel(caller.workspace, id)
        .await?;
    found.ok_or_else(Problem::not_found)
}

/// Notes it in a commit of its own: what was given to the plugin is committed already.
async fn tell(app: &App, caller: &Caller, id: ChannelId, what: (&str, Value)) -> Result<()> {
    let mut tx = app.store.write(caller.workspace).await?;
    note(app, &mut tx, caller, id, what).await?;
    tx.commit().await
}
