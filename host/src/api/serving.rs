//! What people do with a conversation: start, conclude, reopen, transfer, read. Whether they may is asked by the store, of `balcao_runtime::rules`, for
//! every change.

use axum::{extract::State, http::StatusCode, response::Response};
use balcao_runtime::rules::{Change, Routed, Status};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    conversations::{ConversationView, conclusion, seen, view},
    etag::{Conditions, IfMatch},
    extract::Path,
    once::{IdempotencyKey, Keyed, Once},
    problem::{Answer, Problem},
};
use crate::{
    account::Caller,
    app::{App, SharedApp},
    error::Error,
    id::{ConversationId, TeamId, UserId},
    signals,
    store::{events::Actor, routing::By, sends::NewMessage},
};

/// Longest summary or note, in characters.
const MAX_TEXT: usize = 4000;

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(start))
        .routes(routes!(conclude))
        .routes(routes!(reopen))
        .routes(routes!(transfer))
        .routes(routes!(read))
}

/// What a change is, and what must hold for it.
struct Wanted {
    change: Change,
    /// Only from this status.
    only: Option<Status>,
    /// For colleagues, written with it.
    note: Option<String>,
    conditions: Conditions,
}

/// Start serving it.
#[utoipa::path(post, path = "/conversations/{id}/start", tag = "conversations", params(("id" = String, Path), IdempotencyKey, IfMatch),
    responses((status = 200, body = ConversationView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem)))]
async fn start(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<ConversationId>,
    conditions: Conditions,
    once: Once,
) -> Answer<Response> {
    let wanted = Wanted {
        change: Change::Assign {
            agent: caller.user.to_string(),
        },
        only: Some(Status::Queued),
        note: None,
        conditions,
    };
    change(&app, &caller, id, wanted, once).await
}

#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Conclude {
    /// Shown at its foot.
    #[serde(default)]
    pub summary: String,
}

/// Conclude it.
#[utoipa::path(post, path = "/conversations/{id}/conclude", tag = "conversations", params(("id" = String, Path), IdempotencyKey, IfMatch), request_body = Conclude,
    responses((status = 200, body = ConversationView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem)))]
async fn conclude(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<ConversationId>,
    conditions: Conditions,
    Keyed { once, body: asked }: Keyed<Conclude>,
) -> Answer<Response> {
    bounded(&caller, "summary", &asked.summary)?;
    let wanted = Wanted {
        change: conclusion(&caller.person(), asked.summary, caller.archive_immediately),
        only: None,
        note: None,
        conditions,
    };
    change(&app, &caller, id, wanted, once).await
}

/// Bring it back from the concluded ones.
#[utoipa::path(post, path = "/conversations/{id}/reopen", tag = "conversations", params(("id" = String, Path), IdempotencyKey, IfMatch),
    responses((status = 200, body = ConversationView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem)))]
async fn reopen(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<ConversationId>,
    conditions: Conditions,
    once: Once,
) -> Answer<Response> {
    let wanted = Wanted {
        change: Change::Reopen,
        only: None,
        note: None,
        conditions,
    };
    change(&app, &caller, id, wanted, once).await
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    #[schema(value_type = String)]
    pub team_id: TeamId,
    /// None: the team's queue.
    #[schema(value_type = Option<String>)]
    pub agent_id: Option<UserId>,
    /// For whoever goes on.
    #[serde(default)]
    pub note: String,
}

/// Hand it to another team or agent.
#[utoipa::path(post, path = "/conversations/{id}/transfer", tag = "conversations", params(("id" = String, Path), IdempotencyKey, IfMatch), request_body = Transfer,
    responses((status = 200, body = ConversationView), (status = 204, description = "Done; the caller does not see it any more"),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
async fn transfer(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<ConversationId>,
    conditions: Conditions,
    Keyed { once, body: asked }: Keyed<Transfer>,
) -> Answer<Response> {
    bounded(&caller, "note", &asked.note)?;
    let wanted = Wanted {
        change: Change::Transfer {
            team: asked.team_id.to_string(),
            agent: asked.agent_id.map(|agent| agent.to_string()),
        },
        only: None,
        note: (!asked.note.trim().is_empty()).then_some(asked.note),
        conditions,
    };
    change(&app, &caller, id, wanted, once).await
}

/// One change by the caller: seen, permitted, possible, written, answered.
async fn change(
    app: &App,
    caller: &Caller,
    id: ConversationId,
    wanted: Wanted,
    once: Once,
) -> Answer<Response> {
    let person = caller.person();
    let mut tx = app.store.write(caller.workspace).await?;
    if let Some(answer) = once.again(&mut tx).await? {
        return Ok(answer);
    }
    let listed = seen(&mut tx, caller, id).await?;
    let before = listed.conversation.routed()?;
    wanted.conditions.require(&view(&person, listed)?)?;
    if wanted.only.is_some_and(|status| status != before.status) {
        return Err(refused(caller, &before, Error::State(String::new())));
    }
    let scope = app.scope(caller.workspace);
    let actor = Actor::user(caller.user);
    let by = By {
        actor: actor.clone(),
        person: Some(&person),
    };
    if let Some(text) = wanted.note {
        let content = super::messages::text(text);
        let new = NewMessage {
            id: None,
            conversation: id,
            content,
            reply_to: None,
            private: true,
        };
        tx.write_message(scope, new, &actor, Some(&person)).await?;
    }
    tx.change_conversation(scope, id, &wanted.change, &by, None)
        .await
        .map_err(|error| refused(caller, &before, error))?;
    let after = tx
        .listed(caller.workspace, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    once.commit(tx, StatusCode::OK, &view(&person, after)?)
        .await
}

/// Why not, in the caller's language.
fn refused(caller: &Caller, before: &Routed, error: Error) -> Problem {
    match (error, before.status) {
        (Error::State(_), Status::Concluded) => {
            Problem::state(caller.say("Esta conversa já foi concluída.", "This conversation is concluded already."))
        }
        (Error::State(_), Status::InProgress) => {
            Problem::state(caller.say("Esta conversa já está em atendimento.", "Somebody serves this conversation already."))
        }
        (Error::State(_), Status::Queued) => {
            Problem::state(caller.say("Esta conversa ainda está em Novos.", "This conversation is still new."))
        }
        (Error::Denied(_), _) => Problem::denied(caller.say(
            "Só o atendente responsável, um supervisor da equipe ou um administrador pode fazer isto.",
            "Only the responsible agent, a supervisor of the team or an administrator may do this.",
        )),
        (error, _) => error.into(),
    }
}

/// Mark it as read.
#[utoipa::path(post, path = "/conversations/{id}/read", tag = "conversations", params(("id" = String, Path), IdempotencyKey),
    responses((status = 200, body = ConversationView), (status = 404, body = Problem)))]
async fn read(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<ConversationId>,
    once: Once,
) -> Answer<Response> {
    let mut tx = app.store.write(caller.workspace).await?;
    if let Some(answer) = once.again(&mut tx).await? {
        return Ok(answer);
    }
    let before = seen(&mut tx, &caller, id).await?;
    tx.mark_read(app.scope(caller.workspace), id, &Actor::user(caller.user))
        .await?;
    let after = tx
        .listed(caller.workspace, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let view = view(&caller.person(), after)?;
    let answer = once.commit(tx, StatusCode::OK, &view).await?;
    signals::reads(
        &app,
        &caller,
        &before.conversation,
        before.conversation.unread,
    );
    Ok(answer)
}

fn bounded(caller: &Caller, field: &str, text: &str) -> Answer<()> {
    if text.chars().count() > MAX_TEXT {
        return Err(Problem::too_long(caller, field, MAX_TEXT));
    }
    Ok(())
}
