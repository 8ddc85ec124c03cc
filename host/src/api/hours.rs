//! `/teams/{id}/hours`, `/channels/{id}/hours` and what follows from them: whether somebody serves a conversation now (FEATURES E2). Everybody sees
//! hours; administrators set them. What they mean is `crate::hours`.

use std::collections::BTreeMap;

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::Serialize;
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    administer::administer,
    conversations::seen,
    etag::{Conditions, IfMatch, IfNoneMatch, answer},
    extract::{Body, Path},
    problem::{Answer, Problem},
    time::Time,
};
use crate::{
    account::Caller,
    app::SharedApp,
    error::{Error, Result},
    hours::{Hours, Opening, Owner},
    id::{ChannelId, ConversationId, TeamId},
    store::{Tx, events::NewEvent},
};

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(of_team, set_of_team))
        .routes(routes!(of_channel, set_of_channel))
        .routes(routes!(of_conversation))
        .routes(routes!(preview))
}

/// Whether somebody serves now.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Opening)]
pub struct OpeningView {
    pub open: bool,
    /// When it closes or, if closed, next opens; null: not within a year.
    #[schema(required)]
    pub changes_at: Option<Time>,
    /// By whose clock people are told of that; null where it is always open.
    #[schema(required)]
    pub time_zone: Option<String>,
    /// Whether contacts are told while it is closed.
    pub replies: bool,
}

impl OpeningView {
    fn of(hours: Option<Hours>, now: i64) -> Self {
        let hours = hours.filter(|it| it.enabled);
        let opening = hours.as_ref().map_or(Opening::ALWAYS, |it| it.at(now));
        Self {
            open: opening.open,
            changes_at: opening.changes_at.map(Time),
            replies: hours.as_ref().is_some_and(|it| it.reply.enabled),
            time_zone: hours.map(|it| it.time_zone),
        }
    }
}

/// A team's business hours. Where none were set: the usual ones, switched off.
#[utoipa::path(get, path = "/teams/{id}/hours", tag = "hours", params(("id" = String, Path), IfNoneMatch),
    responses((status = 200, body = Hours), (status = 304), (status = 404, body = Problem)))]
async fn of_team(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<TeamId>,
    conditions: Conditions,
) -> Answer<Response> {
    let mut tx = app.store.read().await?;
    conditions.show(&shown(&mut tx, &caller, Owner::Team(id)).await?)
}

/// A channel's business hours, which count where a conversation's team has none. Where none were set: the usual ones, switched off.
#[utoipa::path(get, path = "/channels/{id}/hours", tag = "hours", params(("id" = String, Path), IfNoneMatch),
    responses((status = 200, body = Hours), (status = 304), (status = 404, body = Problem)))]
async fn of_channel(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<ChannelId>,
    conditions: Conditions,
) -> Answer<Response> {
    let mut tx = app.store.read().await?;
    conditions.show(&shown(&mut tx, &caller, Owner::Channel(id)).await?)
}

/// Set a team's business hours. Administrators only.
#[utoipa::path(put, path = "/teams/{id}/hours", tag = "hours", params(("id" = String, Path), IfMatch), request_body = Hours,
    responses((status = 200, body = Hours), (status = 403, body = Problem), (status = 404, body = Problem), (status = 412, body = Problem),
        (status = 422, body = Problem)))]
async fn set_of_team(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<TeamId>,
    conditions: Conditions,
    Body(asked): Body<Hours>,
) -> Answer<Response> {
    set(&app, &caller, Owner::Team(id), conditions, asked).await
}

/// Set a channel's business hours. Administrators only.
#[utoipa::path(put, path = "/channels/{id}/hours", tag = "hours", params(("id" = String, Path), IfMatch), request_body = Hours,
    responses((status = 200, body = Hours), (status = 403, body = Problem), (status = 404, body = Problem), (status = 412, body = Problem),
        (status = 422, body = Problem)))]
async fn set_of_channel(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<ChannelId>,
    conditions: Conditions,
    Body(asked): Body<Hours>,
) -> Answer<Response> {
    set(&app, &caller, Owner::Channel(id), conditions, asked).await
}

async fn set(
    app: &SharedApp,
    caller: &Caller,
    of: Owner,
    conditions: Conditions,
    asked: Hours,
) -> Answer<Response> {
    caller.require_admin()?;
    refuse(caller, &asked)?;
    let mut tx = app.store.write(caller.workspace).await?;
    conditions.require(&shown(&mut tx, caller, of).await?)?;
    tx.set_hours(caller.workspace, of, &asked).await?;
    let data = json!({"enabled": asked.enabled, "reply": asked.reply.enabled});
    let (event, act) = match of {
        Owner::Team(id) => {
            let mut event = NewEvent::new("team.hours-changed").subject("team", id);
            event.team = Some(id);
            (event, "team.hours")
        }
        Owner::Channel(id) => {
            let event = NewEvent::new("channel.hours-changed").subject("channel", id);
            (event, "channel.hours")
        }
    };
    administer(app, &mut tx, caller, event, (act, data)).await?;
    tx.commit().await?;
    answer(StatusCode::OK, &asked)
}

/// Whether somebody serves this conversation now, by its team's hours or, where that has none, its channel's.
#[utoipa::path(get, path = "/conversations/{id}/hours", tag = "hours", params(("id" = String, Path)),
    responses((status = 200, body = OpeningView), (status = 404, body = Problem)))]
async fn of_conversation(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<ConversationId>,
) -> Answer<Json<OpeningView>> {
    let mut tx = app.store.read().await?;
    let it = seen(&mut tx, &caller, id).await?.conversation;
    let found = tx.hours_that_count(caller.workspace, it.team_id, it.channel_id);
    let hours = found.await?.map(|(_, hours)| hours);
    Ok(Json(OpeningView::of(hours, app.clock.now())))
}

/// What hours would mean now, and what is wrong with them; nothing is kept.
#[utoipa::path(post, path = "/hours/preview", tag = "hours", request_body = Hours,
    responses((status = 200, body = OpeningView), (status = 422, body = Problem)))]
async fn preview(
    State(app): State<SharedApp>,
    caller: Caller,
    Body(asked): Body<Hours>,
) -> Answer<Json<OpeningView>> {
    refuse(&caller, &asked)?;
    Ok(Json(OpeningView::of(Some(asked), app.clock.now())))
}

async fn shown(tx: &mut Tx, caller: &Caller, of: Owner) -> Result<Hours> {
    let there = match of {
        Owner::Team(id) => tx.team(caller.workspace, id).await?.is_some(),
        Owner::Channel(id) => tx.channel(caller.workspace, id).await?.is_some(),
    };
    if !there {
        return Err(Error::NotFound("team or channel"));
    }
    if let Some(set) = tx.hours(caller.workspace, of).await? {
        return Ok(set);
    }
    let workspace = tx.workspace(caller.workspace).await?;
    let workspace = workspace.ok_or(Error::NotFound("workspace"))?;
    Ok(Hours::usual(&workspace.locale, &workspace.time_zone))
}

fn refuse(caller: &Caller, hours: &Hours) -> Answer<()> {
    let mut errors = BTreeMap::new();
    for (field, wrong) in hours.problems() {
        let (portuguese, english) = wrong.words();
        errors.insert(field, caller.say(portuguese, english));
    }
    if errors.is_empty() {
        return Ok(());
    }
    Err(Problem::fields(errors))
}
