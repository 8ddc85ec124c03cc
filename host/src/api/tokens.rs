//! `/tokens`: what programs sign in with. A token acts for the user who made it, with the scopes it was given and no more than its maker's; it is shown
//! once and kept as a hash. Administrators see and revoke everybody's.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    administer::administer,
    conversations::Named,
    extract::{Path, Query},
    once::{IdempotencyKey, Keyed},
    page::{Page, Paging},
    problem::{Answer, Problem},
    scopes,
    time::Time,
};
use crate::{
    account::{Caller, Proof},
    app::{App, SharedApp},
    clock::Instant,
    error::{Error, Result},
    id::TokenId,
    password::Token,
    store::{Tx, events::NewEvent, tokens::ApiToken},
    user::clean_name,
};

/// Most scopes of a token.
const MAX_SCOPES: usize = 50;

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(revoke))
}

/// A program's way in.
#[derive(Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Token)]
pub struct TokenView {
    #[schema(value_type = String)]
    pub id: TokenId,
    pub name: String,
    /// Whom it acts for.
    pub user: Named,
    /// `conversations:read`, `users:write`…; `read` and `write` stand for all of their kind, `*` for all.
    pub scopes: Vec<String>,
    pub created_at: Time,
    pub expires_at: Option<Time>,
    /// To the minute.
    pub last_used_at: Option<Time>,
    /// The token itself, in the answer that made it and never again.
    pub token: Option<String>,
}

fn view(it: ApiToken) -> Result<TokenView> {
    Ok(TokenView {
        id: it.id,
        name: it.name,
        user: Named {
            id: it.user_id.to_string(),
            name: it.user_name,
        },
        scopes: serde_json::from_str(&it.scopes)?,
        created_at: Time(it.created_at),
        expires_at: it.expires_at.map(Time),
        last_used_at: it.last_used_at.map(Time),
        token: None,
    })
}

/// Whose tokens.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Everybody's. Administrators only.
    pub all: Option<bool>,
    /// At most 100.
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<String>,
}

/// Tokens that are not revoked, newest first.
#[utoipa::path(get, path = "/tokens", tag = "tokens", params(Which),
    responses((status = 200, body = Page<TokenView>), (status = 403, body = Problem)))]
async fn list(
    State(app): State<SharedApp>,
    caller: Caller,
    Query(which): Query<Which>,
) -> Answer<Json<Page<TokenView>>> {
    let whose = match which.all.unwrap_or(false) {
        true => {
            caller.require_admin()?;
            None
        }
        false => Some(caller.user),
    };
    let paging = Paging {
        limit: which.limit,
        after: which.after,
    };
    let limit = paging.limit(50);
    let mut tx = app.store.read().await?;
    let rows = tx
        .api_tokens(caller.workspace, whose, paging.after()?, limit + 1)
        .await?;
    let page = Page::cut(rows, limit, |row| row.id, view);
    let items: Result<Vec<_>> = page.items.into_iter().collect();
    Ok(Json(Page {
        items: items?,
        next: page.next,
    }))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it is for.
    pub name: String,
    pub scopes: Vec<String>,
    /// None: until it is revoked.
    pub expires_at: Option<Time>,
}

/// Make a token for oneself. A token makes none that may do more, or lasts longer, than itself.
#[utoipa::path(post, path = "/tokens", tag = "tokens", params(IdempotencyKey), request_body = NewToken,
    responses((status = 201, body = TokenView), (status = 403, body = Problem), (status = 422, body = Problem)))]
async fn create(
    State(app): State<SharedApp>,
    caller: Caller,
    Keyed { once, body: asked }: Keyed<NewToken>,
) -> Answer<Response> {
    let name = clean_name(&asked.name)
        .ok_or_else(|| Problem::field("name", "must be one line of 1 to 100 characters"))?;
    let scopes = checked_scopes(&caller, asked.scopes)?;
    let mut tx = app.store.write(caller.workspace).await?;
    if let Some(answer) = once.again(&mut tx).await? {
        return Ok(answer);
    }
    let now = app.clock.now();
    let asked_end = asked.expires_at.map(|at| at.0);
    let expires_at = checked_end(&mut tx, &caller, asked_end, now).await?;
    let secret = Token::api(app.random.bytes());
    let token = ApiToken {
        workspace_id: caller.workspace,
        id: app.ids.mint(),
        user_id: caller.user,
        user_name: caller.name.clone(),
        name,
        scopes: serde_json::to_string(&scopes).map_err(Error::from)?,
        created_at: now,
        expires_at,
        last_used_at: None,
        revoked_at: None,
    };
    tx.insert_api_token(&token, &secret.hash()).await?;
    let data = json!({ "token": token.id, "scopes": scopes });
    note(&app, &mut tx, &caller, &token, ("token.create", data)).await?;
    let again = view(token)?;
    let first = TokenView {
        token: Some(secret.reveal().to_owned()),
        ..again.clone()
    };
    once.commit_as(tx, StatusCode::CREATED, &first, &again)
        .await
}

/// Scopes that exist and that the caller has.
fn checked_scopes(caller: &Caller, mut asked: Vec<String>) -> Answer<Vec<String>> {
    asked.sort();
    asked.dedup();
    if asked.is_empty() || asked.len() > MAX_SCOPES {
        return Err(Problem::field("scopes", "must be 1 to 50"));
    }
    for scope in &asked {
        if !scopes::exists(scope) {
            return Err(Problem::field("scopes", format!("there is no `{scope}`")));
        }
        if !caller.has_scope(scope) {
            return Err(Problem::denied(format!(
                "This token was not given the scope `{scope}` and cannot give it."
            )));
        }
    }
    Ok(asked)
}

/// When it ends: in the future, and where a token makes it not after that one.
async fn checked_end(
    tx: &mut Tx,
    caller: &Caller,
    asked: Option<Instant>,
    now: Instant,
) -> Answer<Option<Instant>> {
    if asked.is_some_and(|at| at <= now) {
        return Err(Problem::field("expires_at", "must be in the future"));
    }
    let Proof::Token(hash) = caller.proof else {
        return Ok(asked);
    };
    let maker = tx
        .api_token(&hash, now)
        .await?
        .ok_or(Error::Unauthenticated)?;
    match (maker.expires_at, asked) {
        (Some(end), Some(at)) if at > end => Err(Problem::denied(
            "A token makes none that lasts longer than itself.",
        )),
        (Some(end), None) => Ok(Some(end)),
        _ => Ok(asked),
    }
}

/// Revoke a token: it opens nothing from now on. One's own, or as an administrator anybody's.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
async fn revoke(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<TokenId>,
) -> Answer<StatusCode> {
    let mut tx = app.store.write(caller.workspace).await?;
    let token = tx
        .api_token_by_id(caller.workspace, id)
        .await?
        .filter(|token| token.user_id == caller.user || caller.is_admin())
        .ok_or_else(Problem::not_found)?;
    tx.revoke_api_token(caller.workspace, id, app.clock.now())
        .await?;
    let data = json!({ "token": id });
    note(&app, &mut tx, &caller, &token, ("token.revoke", data)).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Told as a change of the user: connections that were opened with the token look again who they are.
async fn note(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    token: &ApiToken,
    what: (&str, serde_json::Value),
) -> Result<()> {
    let event = NewEvent::new("user.changed").subject("user", token.user_id);
    administer(app, tx, caller, event, what).await
}
