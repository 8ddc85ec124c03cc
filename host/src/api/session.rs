//! `/session` and `/me`: signing in and out, and one's own preferences.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    caller::{cookie, is_deliberate, session_token},
    extract::{Body, Origin},
    problem::{Answer, Problem},
    users::{self, UserView},
};
use crate::{
    account::{self, Caller, Proof},
    app::{App, SharedApp},
    error::Error,
    id::{TeamId, WorkspaceId},
    password::{MAX_PASSWORD, Token},
    team::TeamRole,
    user::{Email, LOCALES, UserChange, clean_name},
};

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(sign_in, sign_out, who))
        .routes(routes!(change_me))
}

/// Who is signed in.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Me {
    pub user: UserView,
    pub workspace: WorkspaceView,
    pub teams: Vec<MyTeam>,
    /// Own conclusions are archived at once instead of after 12 hours.
    pub archive_immediately: bool,
    /// `pt-BR` or `en`.
    pub locale: String,
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct WorkspaceView {
    #[schema(value_type = String)]
    pub id: WorkspaceId,
    pub name: String,
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct MyTeam {
    #[schema(value_type = String)]
    pub id: TeamId,
    pub name: String,
    pub role: TeamRole,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    pub email: String,
    pub password: String,
    /// Needed only by who has the same e-mail and password in several workspaces.
    #[schema(value_type = Option<String>)]
    pub workspace: Option<WorkspaceId>,
}

/// Sign in; sets the session's cookie.
#[utoipa::path(post, path = "/session", tag = "session", request_body = SignIn,
    responses((status = 200, body = Me), (status = 401, body = Problem), (status = 429, body = Problem)))]
async fn sign_in(
    State(app): State<SharedApp>,
    origin: Origin,
    Body(asked): Body<SignIn>,
) -> Answer<Response> {
    let email = Email::parse(&asked.email);
    app.limits
        .sign_in(origin.address, email.as_ref())
        .map_err(Problem::rate_limited)?;
    let wrong =
        || Problem::unauthenticated("E-mail ou senha incorretos. / Wrong e-mail or password.");
    let email = email
        .filter(|_| asked.password.len() <= MAX_PASSWORD)
        .ok_or_else(wrong)?;
    let (token, session) =
        match account::sign_in(&app, &email, &asked.password, asked.workspace).await {
            Err(Error::Unauthenticated) => return Err(wrong()),
            other => other?,
        };
    let caller = account::by_session(&app, &token).await?;
    let seconds = (session.expires_at - app.clock.now()) / 1_000_000;
    tracing::info!(workspace = %caller.workspace, user = %caller.user, "signed in");
    let me = me(&app, &caller).await?;
    Ok((
        [(header::SET_COOKIE, cookie(&token, seconds, origin.tls))],
        Json(me),
    )
        .into_response())
}

/// Sign out.
#[utoipa::path(delete, path = "/session", tag = "session", responses((status = 204)))]
async fn sign_out(
    State(app): State<SharedApp>,
    origin: Origin,
    headers: HeaderMap,
) -> Answer<Response> {
    if let Some(token) = session_token(&headers) {
        if !is_deliberate(&headers) {
            return Err(Problem::denied("Send the header `x-balcao: 1`."));
        }
        account::sign_out(&app, &token).await?;
    }
    let gone = cookie(&Token::shown(""), 0, origin.tls);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, gone)]).into_response())
}

/// Who is signed in.
#[utoipa::path(get, path = "/session", tag = "session", responses((status = 200, body = Me), (status = 401, body = Problem)))]
async fn who(State(app): State<SharedApp>, caller: Caller) -> Answer<Json<Me>> {
    Ok(Json(me(&app, &caller).await?))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MyChange {
    pub available: Option<bool>,
    pub archive_immediately: Option<bool>,
    pub locale: Option<String>,
    pub name: Option<String>,
}

/// Change one's own preferences.
#[utoipa::path(patch, path = "/me", tag = "session", request_body = MyChange,
    responses((status = 200, body = Me), (status = 422, body = Problem)))]
async fn change_me(
    State(app): State<SharedApp>,
    caller: Caller,
    Body(asked): Body<MyChange>,
) -> Answer<Json<Me>> {
    if asked
        .locale
        .as_deref()
        .is_some_and(|locale| !LOCALES.contains(&locale))
    {
        return Err(Problem::field("locale", "must be pt-BR or en"));
    }
    let name = asked
        .name
        .map(|name| {
            clean_name(&name)
                .ok_or_else(|| Problem::field("name", "must be one line of 1 to 100 characters"))
        })
        .transpose()?;
    let change = UserChange {
        name,
        available: asked.available,
        archive_immediately: asked.archive_immediately,
        locale: asked.locale,
        ..UserChange::default()
    };
    users::apply(&app, &caller, caller.user, &change).await?;
    let caller = account::again(&app, &caller).await?;
    Ok(Json(me(&app, &caller).await?))
}

async fn me(app: &App, caller: &Caller) -> Answer<Me> {
    let mut tx = app.store.read().await?;
    let user = tx
        .user(caller.workspace, caller.user)
        .await?
        .ok_or(Error::Unauthenticated)?;
    let home = tx
        .workspace(caller.workspace)
        .await?
        .ok_or(Error::Unauthenticated)?;
    let teams = caller.teams.iter().map(|team| MyTeam {
        id: team.team_id,
        name: team.name.clone(),
        role: team.role,
    });
    Ok(Me {
        archive_immediately: user.archive_immediately,
        user: UserView::of(caller, user),
        workspace: WorkspaceView {
            id: home.id,
            name: home.name,
        },
        teams: teams.collect(),
        locale: caller.locale.clone(),
    })
}

/// Whether the caller is a browser's user rather than a program.
pub fn is_session(caller: &Caller) -> bool {
    matches!(caller.proof, Proof::Session(_))
}
