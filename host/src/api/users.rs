//! `/users`: the people of the workspace. Everybody sees names and availability, those who look after others their e-mails too; administrators change
//! them (FEATURES E5).

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    administer::administer,
    etag::{Conditions, IfMatch, IfNoneMatch, answer},
    extract::{Body, Path, Query},
    once::{IdempotencyKey, Keyed},
    page::{Page, Paging},
    problem::{Answer, Problem},
    time::Time,
};
use crate::{
    account::{self, Caller},
    app::{App, SharedApp},
    error::{Error, Result},
    id::UserId,
    password::password_problem,
    store::{
        Tx,
        audit::Act,
        events::{Actor, NewEvent},
    },
    user::{Email, Role, User, UserChange, clean_name},
};

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change))
}

/// Somebody of the workspace.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = User)]
pub struct UserView {
    #[schema(value_type = String)]
    pub id: UserId,
    pub name: String,
    /// Null for who neither administers nor supervises; one's own is always there.
    pub email: Option<String>,
    pub role: Role,
    /// Takes new conversations.
    pub available: bool,
    /// May sign in.
    pub active: bool,
    pub created_at: Time,
}

impl UserView {
    /// As the caller may see them.
    pub fn of(caller: &Caller, user: User) -> Self {
        let shown =
            user.id == caller.user || caller.role == Role::Supervisor || caller.supervises_any();
        Self {
            id: user.id,
            name: user.name,
            email: shown.then_some(user.email),
            role: user.role,
            available: user.available,
            active: user.active,
            created_at: Time(user.created_at),
        }
    }
}

/// Everybody, in order of creation.
#[utoipa::path(get, path = "/users", tag = "users", params(Paging), responses((status = 200, body = Page<UserView>)))]
async fn list(
    State(app): State<SharedApp>,
    caller: Caller,
    Query(paging): Query<Paging>,
) -> Answer<Json<Page<UserView>>> {
    let limit = paging.limit(100);
    let mut tx = app.store.read().await?;
    let users = tx
        .users(caller.workspace, paging.after()?, limit + 1)
        .await?;
    Ok(Json(Page::cut(
        users,
        limit,
        |user| user.id,
        |user| UserView::of(&caller, user),
    )))
}

/// Somebody.
#[utoipa::path(get, path = "/users/{id}", tag = "users", params(("id" = String, Path), IfNoneMatch),
    responses((status = 200, body = UserView), (status = 304), (status = 404, body = Problem)))]
async fn show(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<UserId>,
    conditions: Conditions,
) -> Answer<Response> {
    let user = app.store.read().await?.user(caller.workspace, id).await?;
    let user = user.ok_or_else(Problem::not_found)?;
    conditions.show(&UserView::of(&caller, user))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    pub name: String,
    pub email: String,
    pub role: Role,
    pub password: String,
}

/// Add somebody. Administrators only.
#[utoipa::path(post, path = "/users", tag = "users", params(IdempotencyKey), request_body = NewUser,
    responses((status = 201, body = UserView), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn create(
    State(app): State<SharedApp>,
    caller: Caller,
    Keyed { once, body: asked }: Keyed<NewUser>,
) -> Answer<Response> {
    caller.require_admin()?;
    let email = Email::parse(&asked.email)
        .ok_or_else(|| Problem::field("email", "is not an e-mail address"))?;
    let name = clean_name(&asked.name)
        .ok_or_else(|| Problem::field("name", "must be one line of 1 to 100 characters"))?;
    let (user, hash) = prepared(&app, &caller, (name, email), asked.role, &asked.password).await?;
    let mut tx = app.store.write(caller.workspace).await?;
    if let Some(answer) = once.again(&mut tx).await? {
        return Ok(answer);
    }
    insert(&app, &mut tx, &caller, &user, &hash).await?;
    once.commit(tx, StatusCode::CREATED, &UserView::of(&caller, user))
        .await
}

/// Adds somebody; the demonstration comes this way too.
///
/// # Errors
/// `Invalid` for a password that is not taken, `Conflict` for an e-mail that is.
pub async fn add(
    app: &App,
    caller: &Caller,
    who: (String, Email),
    role: Role,
    password: &str,
) -> Result<User> {
    let (user, hash) = prepared(app, caller, who, role, password).await?;
    let mut tx = app.store.write(caller.workspace).await?;
    insert(app, &mut tx, caller, &user, &hash).await?;
    tx.commit().await?;
    Ok(user)
}

/// The new user and the password's hash, made before any transaction: hashing is slow.
async fn prepared(
    app: &App,
    caller: &Caller,
    (name, email): (String, Email),
    role: Role,
    password: &str,
) -> Result<(User, String)> {
    if let Some(problem) = password_problem(password, email.as_str()) {
        return Err(Error::invalid_field("password", problem));
    }
    let hash = account::hash(app, password).await?;
    let user = User {
        workspace_id: caller.workspace,
        id: app.ids.mint(),
        email: email.as_str().to_owned(),
        name,
        role,
        available: true,
        active: true,
        archive_immediately: false,
        locale: None,
        created_at: app.clock.now(),
    };
    Ok((user, hash))
}

async fn insert(app: &App, tx: &mut Tx, caller: &Caller, user: &User, hash: &str) -> Result<()> {
    match tx.insert_user(user, Some(hash)).await {
        Err(Error::Conflict(_)) => {
            let said = caller.say(
                "Já existe um usuário com este e-mail.",
                "A user with this e-mail exists already.",
            );
            return Err(Error::Conflict(said));
        }
        inserted => inserted?,
    }
    let what = ("user.create", json!({ "role": user.role }));
    note(app, tx, caller, user.id, what).await
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedUser {
    pub name: Option<String>,
    pub role: Option<Role>,
    pub available: Option<bool>,
    /// False signs them out everywhere.
    pub active: Option<bool>,
    /// Signs them out everywhere.
    pub password: Option<String>,
}

/// Change somebody. Administrators only.
#[utoipa::path(patch, path = "/users/{id}", tag = "users", params(("id" = String, Path), IfMatch), request_body = ChangedUser,
    responses((status = 200, body = UserView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem)))]
async fn change(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<UserId>,
    conditions: Conditions,
    Body(asked): Body<ChangedUser>,
) -> Answer<Response> {
    caller.require_admin()?;
    let name = asked
        .name
        .map(|name| {
            clean_name(&name)
                .ok_or_else(|| Problem::field("name", "must be one line of 1 to 100 characters"))
        })
        .transpose()?;
    let password_hash = match &asked.password {
        Some(password) => Some(new_password(&app, &caller, id, password).await?),
        None => None,
    };
    let change = UserChange {
        name,
        role: asked.role,
        available: asked.available,
        active: asked.active,
        password_hash,
        ..UserChange::default()
    };
    let mut tx = app.store.write(caller.workspace).await?;
    let before = tx.user(caller.workspace, id).await?;
    let before = before.ok_or_else(Problem::not_found)?;
    conditions.require(&UserView::of(&caller, before))?;
    let after = apply_in(&app, &mut tx, &caller, id, &change).await?;
    tx.commit().await?;
    answer(StatusCode::OK, &UserView::of(&caller, after))
}

async fn new_password(app: &App, caller: &Caller, id: UserId, password: &str) -> Answer<String> {
    let user = app
        .store
        .read()
        .await?
        .user(caller.workspace, id)
        .await?
        .ok_or(Error::NotFound("user"))?;
    if let Some(problem) = password_problem(password, &user.email) {
        return Err(Problem::field("password", problem));
    }
    Ok(account::hash(app, password).await?)
}

/// Changes a user with all that follows: events, audit, sessions. The caller's right to was checked.
///
/// # Errors
/// `NotFound`; `State` where nobody would be left to administer the workspace.
pub async fn apply(app: &App, caller: &Caller, id: UserId, change: &UserChange) -> Result<User> {
    let mut tx = app.store.write(caller.workspace).await?;
    let after = apply_in(app, &mut tx, caller, id, change).await?;
    tx.commit().await?;
    Ok(after)
}

async fn apply_in(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    id: UserId,
    change: &UserChange,
) -> Result<User> {
    let workspace = caller.workspace;
    let before = tx
        .user(workspace, id)
        .await?
        .ok_or(Error::NotFound("user"))?;
    let loses_admin = before.role == Role::Admin
        && before.active
        && (change.active == Some(false) || change.role.is_some_and(|role| role != Role::Admin));
    if loses_admin && !tx.has_other_admin(workspace, id).await? {
        return Err(Error::State(caller.say(
            "É preciso haver ao menos um administrador ativo.",
            "There must be at least one active administrator.",
        )));
    }
    tx.update_user(workspace, id, change).await?;
    let after = tx
        .user(workspace, id)
        .await?
        .ok_or(Error::NotFound("user"))?;
    if change.password_hash.is_some() || !after.active {
        tx.delete_sessions_of(workspace, id).await?;
    }
    if before.active && !after.active {
        // Nobody who cannot sign in keeps a customer waiting.
        tx.requeue_conversations_of(app.scope(workspace), id, None, &Actor::user(caller.user))
            .await?;
    }
    follow_up(app, tx, caller, &before, &after).await?;
    Ok(after)
}

async fn follow_up(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    before: &User,
    after: &User,
) -> Result<()> {
    let actor = Actor::user(caller.user);
    let serves = |user: &User| user.available && user.active;
    let mut events = vec![
        NewEvent::new("user.changed")
            .subject("user", after.id)
            .by(&actor),
    ];
    if serves(before) != serves(after) {
        for team in tx.teams_of(caller.workspace, after.id).await? {
            let mut event = NewEvent::new("member.availability-changed")
                .subject("user", after.id)
                .by(&actor)
                .data(json!({ "available": serves(after), "team": team.team_id }));
            event.team = Some(team.team_id);
            events.push(event);
        }
    }
    tx.append(app.scope(caller.workspace), events).await?;
    let own_preferences =
        caller.user == after.id && before.role == after.role && before.active == after.active;
    if own_preferences {
        return Ok(());
    }
    let data = json!({ "role": after.role, "active": after.active, "available": after.available });
    let act = Act {
        action: "user.change",
        subject: Some(("user", after.id.to_string())),
        data,
    };
    tx.audit(
        caller.workspace,
        app.ids.mint(),
        app.clock.now(),
        Some(caller.user),
        &act,
    )
    .await
}

async fn note(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    user: UserId,
    (action, data): (&str, serde_json::Value),
) -> Result<()> {
    let event = NewEvent::new("user.changed").subject("user", user);
    administer(app, tx, caller, event, (action, data)).await
}
