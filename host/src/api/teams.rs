//! `/teams`: teams, who is in them and who takes new conversations. Everybody sees them; administrators change them.

use std::collections::BTreeMap;

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    administer::administer,
    etag::{Conditions, IfMatch, IfNoneMatch, answer},
    extract::{Body, Path},
    once::{IdempotencyKey, Keyed},
    page::Page,
    problem::{Answer, Problem},
    time::Time,
    users,
};
use crate::{
    account::Caller,
    app::{App, SharedApp},
    error::{Error, Result},
    id::{TeamId, UserId},
    store::{
        Tx,
        events::{Actor, NewEvent},
    },
    team::{Member, Team, TeamRole},
    user::{UserChange, clean_name},
};

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, rename))
        .routes(routes!(put_member, remove_member, change_member))
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Team)]
pub struct TeamView {
    #[schema(value_type = String)]
    pub id: TeamId,
    pub name: String,
    /// In order of the users' creation.
    pub members: Vec<MemberView>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Member)]
pub struct MemberView {
    #[schema(value_type = String)]
    pub user_id: UserId,
    pub name: String,
    pub role: TeamRole,
    /// Takes new conversations.
    pub available: bool,
    pub created_at: Time,
}

impl From<Member> for MemberView {
    fn from(member: Member) -> Self {
        Self {
            user_id: member.user_id,
            name: member.name,
            role: member.role,
            available: member.available && member.active,
            created_at: Time(member.created_at),
        }
    }
}

/// All teams with their members.
#[utoipa::path(get, path = "/teams", tag = "teams", responses((status = 200, body = Page<TeamView>)))]
async fn list(State(app): State<SharedApp>, caller: Caller) -> Answer<Json<Page<TeamView>>> {
    let mut tx = app.store.read().await?;
    let teams = tx.teams(caller.workspace).await?;
    let mut members: BTreeMap<TeamId, Vec<MemberView>> = BTreeMap::new();
    for member in tx.team_members(caller.workspace).await? {
        members
            .entry(member.team_id)
            .or_default()
            .push(member.into());
    }
    let items = teams.into_iter().map(|team| TeamView {
        members: members.remove(&team.id).unwrap_or_default(),
        id: team.id,
        name: team.name,
    });
    Ok(Json(Page::whole(items.collect())))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTeam {
    pub name: String,
}

/// Add a team. Administrators only.
#[utoipa::path(post, path = "/teams", tag = "teams", params(IdempotencyKey), request_body = NewTeam,
    responses((status = 201, body = TeamView), (status = 403, body = Problem), (status = 422, body = Problem)))]
async fn create(
    State(app): State<SharedApp>,
    caller: Caller,
    Keyed { once, body: asked }: Keyed<NewTeam>,
) -> Answer<Response> {
    caller.require_admin()?;
    let mut tx = app.store.write(caller.workspace).await?;
    if let Some(answer) = once.again(&mut tx).await? {
        return Ok(answer);
    }
    let team = insert(&app, &mut tx, &caller, &asked.name).await?;
    let view = view(&mut tx, &caller, team.id).await?;
    once.commit(tx, StatusCode::CREATED, &view).await
}

/// Adds a team; the demonstration comes this way too.
pub async fn add(app: &App, caller: &Caller, name: &str) -> Result<Team> {
    let mut tx = app.store.write(caller.workspace).await?;
    let team = insert(app, &mut tx, caller, name).await?;
    tx.commit().await?;
    Ok(team)
}

async fn insert(app: &App, tx: &mut Tx, caller: &Caller, name: &str) -> Result<Team> {
    let team = Team {
        id: app.ids.mint(),
        name: checked_name(name)?,
        created_at: app.clock.now(),
    };
    tx.insert_team(caller.workspace, &team).await?;
    note(app, tx, caller, team.id, ("team.create", json!({}))).await?;
    Ok(team)
}

/// One team.
#[utoipa::path(get, path = "/teams/{id}", tag = "teams", params(("id" = String, Path), IfNoneMatch),
    responses((status = 200, body = TeamView), (status = 304), (status = 404, body = Problem)))]
async fn show(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<TeamId>,
    conditions: Conditions,
) -> Answer<Response> {
    let mut tx = app.store.read().await?;
    conditions.show(&view(&mut tx, &caller, id).await?)
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedTeam {
    pub name: Option<String>,
}

/// Rename a team. Administrators only.
#[utoipa::path(patch, path = "/teams/{id}", tag = "teams", params(("id" = String, Path), IfMatch), request_body = ChangedTeam,
    responses((status = 200, body = TeamView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 412, body = Problem)))]
async fn rename(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<TeamId>,
    conditions: Conditions,
    Body(asked): Body<ChangedTeam>,
) -> Answer<Response> {
    caller.require_admin()?;
    let mut tx = app.store.write(caller.workspace).await?;
    conditions.require(&view(&mut tx, &caller, id).await?)?;
    if let Some(name) = &asked.name {
        tx.rename_team(caller.workspace, id, &checked_name(name)?)
            .await?;
        note(&app, &mut tx, &caller, id, ("team.change", json!({}))).await?;
    }
    let team = view(&mut tx, &caller, id).await?;
    tx.commit().await?;
    answer(StatusCode::OK, &team)
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutMember {
    pub role: TeamRole,
}

/// Add a member, or give one another role. Administrators only.
#[utoipa::path(put, path = "/teams/{id}/members/{user}", tag = "teams", params(("id" = String, Path), ("user" = String, Path)),
    request_body = PutMember,
    responses((status = 200, body = TeamView), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn put_member(
    State(app): State<SharedApp>,
    caller: Caller,
    Path((team, user)): Path<(TeamId, UserId)>,
    Body(asked): Body<PutMember>,
) -> Answer<Json<TeamView>> {
    caller.require_admin()?;
    Ok(Json(join(&app, &caller, (team, user), asked.role).await?))
}

/// Puts somebody into a team; the demonstration comes this way too.
///
/// # Errors
/// `NotFound` for a team or user that is not there.
pub async fn join(
    app: &App,
    caller: &Caller,
    (team, user): (TeamId, UserId),
    role: TeamRole,
) -> Result<TeamView> {
    let mut tx = app.store.write(caller.workspace).await?;
    tx.team(caller.workspace, team)
        .await?
        .ok_or(Error::NotFound("team"))?;
    tx.user(caller.workspace, user)
        .await?
        .ok_or(Error::NotFound("user"))?;
    tx.put_member(caller.workspace, (team, user), role, app.clock.now())
        .await?;
    note(
        app,
        &mut tx,
        caller,
        team,
        ("team.member", json!({ "user": user, "role": role })),
    )
    .await?;
    let view = view(&mut tx, caller, team).await?;
    tx.commit().await?;
    Ok(view)
}

/// Remove a member. Administrators only.
#[utoipa::path(delete, path = "/teams/{id}/members/{user}", tag = "teams", params(("id" = String, Path), ("user" = String, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn remove_member(
    State(app): State<SharedApp>,
    caller: Caller,
    Path((team, user)): Path<(TeamId, UserId)>,
) -> Answer<StatusCode> {
    caller.require_admin()?;
    let mut tx = app.store.write(caller.workspace).await?;
    if !tx.remove_member(caller.workspace, team, user).await? {
        return Err(Problem::not_found());
    }
    let (scope, actor) = (app.scope(caller.workspace), Actor::user(caller.user));
    tx.requeue_conversations_of(scope, user, Some(team), &actor)
        .await?;
    note(
        &app,
        &mut tx,
        &caller,
        team,
        ("team.member", json!({ "user": user, "role": null })),
    )
    .await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedMember {
    pub available: bool,
}

/// Set a member's availability: holidays, days off. Administrators only.
#[utoipa::path(patch, path = "/teams/{id}/members/{user}", tag = "teams", params(("id" = String, Path), ("user" = String, Path)),
    request_body = ChangedMember,
    responses((status = 200, body = TeamView), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn change_member(
    State(app): State<SharedApp>,
    caller: Caller,
    Path((team, user)): Path<(TeamId, UserId)>,
    Body(asked): Body<ChangedMember>,
) -> Answer<Json<TeamView>> {
    caller.require_admin()?;
    let mut tx = app.store.read().await?;
    if !view(&mut tx, &caller, team)
        .await?
        .members
        .iter()
        .any(|member| member.user_id == user)
    {
        return Err(Problem::not_found());
    }
    drop(tx);
    let change = UserChange {
        available: Some(asked.available),
        ..UserChange::default()
    };
    users::apply(&app, &caller, user, &change).await?;
    let mut tx = app.store.read().await?;
    Ok(Json(view(&mut tx, &caller, team).await?))
}

fn checked_name(name: &str) -> Result<String> {
    clean_name(name)
        .ok_or_else(|| Error::invalid_field("name", "must be one line of 1 to 100 characters"))
}

async fn view(tx: &mut Tx, caller: &Caller, id: TeamId) -> Result<TeamView> {
    let team = tx
        .team(caller.workspace, id)
        .await?
        .ok_or(Error::NotFound("team"))?;
    let members = tx.team_members(caller.workspace).await?;
    Ok(TeamView {
        id,
        name: team.name,
        members: members
            .into_iter()
            .filter(|member| member.team_id == id)
            .map(MemberView::from)
            .collect(),
    })
}

async fn note(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    team: TeamId,
    (action, data): (&str, serde_json::Value),
) -> Result<()> {
    let mut event = NewEvent::new("team.changed").subject("team", team);
    event.team = Some(team);
    administer(app, tx, caller, event, (action, data)).await
}
