//! Changing messages that were sent: what they say, or whether they are there at all. The channel does it, in its turn; what it cannot do is refused with
//! the reason before it is asked (FEATURES D11).

use axum::{Json, extract::State, http::StatusCode, response::Response};
use balcao_runtime::rules::{self, Person};
use balcao_runtime::wit::Content;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    conversations::seen,
    extract::Path,
    messages::{MAX_TEXT, refused},
    once::{IdempotencyKey, Keyed, Once},
    problem::{Answer, Problem},
    time::Time,
    timeline::{MessageView, Reader},
};
use crate::{
    account::Caller,
    app::{App, SharedApp},
    capabilities::{Capabilities, Deed},
    clock::Instant,
    id::MessageId,
    store::{Tx, conversations::Listed, edits::Change, events::Actor, messages::Message},
};

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(edit, revoke))
        .routes(routes!(let_go))
        .routes(routes!(versions))
}

/// What the caller may do with a message now.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = MessageCan)]
pub struct Can {
    pub edit: bool,
    pub revoke: bool,
    /// Let go of a change that the channel did not make.
    pub let_go: bool,
    /// Read what it said before it was edited.
    pub versions: bool,
}

impl Can {
    pub(super) fn of(caller: &Caller, listed: &Listed, message: &Message, now: Instant) -> Self {
        let person = caller.person();
        let may = |deed| {
            let able = || Capabilities::of(listed.capabilities.as_deref());
            message.is_with_the_channel()
                && owns(&person, listed, message)
                && able().is_some_and(|it| {
                    it.refuses_change(deed, &message.kind, age(message, now))
                        .is_none()
                })
        };
        Self {
            edit: may(Deed::Edit) && !message.text.is_empty(),
            revoke: may(Deed::Revoke),
            let_go: message.asked().is_some_and(|it| it.state != "queued")
                && owns(&person, listed, message),
            versions: message.edited_at.is_some()
                && message.revoked_at.is_none()
                && supervises(&person, listed),
        }
    }
}

/// One's own, or one of a team that one supervises.
fn owns(person: &Person, listed: &Listed, message: &Message) -> bool {
    let own = message.author == "user" && message.author_id.as_deref() == Some(&person.id);
    own || supervises(person, listed)
}

fn supervises(person: &Person, listed: &Listed) -> bool {
    let state = listed.conversation.routed();
    state.is_ok_and(|state| rules::permits(person, &state, &rules::Change::Release).is_ok())
}

/// Seconds.
fn age(message: &Message, now: Instant) -> u64 {
    u64::try_from(now.saturating_sub(message.at) / 1_000_000).unwrap_or(0)
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// What the message is to say; of a file, its caption.
    pub text: String,
}

/// Let a message that was sent say something else. The channel does it in its turn: until then `change` says so, and why it could not.
#[utoipa::path(patch, path = "/messages/{id}", tag = "messages", params(("id" = String, Path), IdempotencyKey), request_body = Edit,
    responses((status = 200, body = MessageView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn edit(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<MessageId>,
    Keyed { once, body: asked }: Keyed<Edit>,
) -> Answer<Response> {
    let text = asked.text;
    if text.trim().is_empty() {
        return Err(Problem::field("text", "must not be empty"));
    }
    if text.chars().count() > MAX_TEXT {
        return Err(Problem::too_long(&caller, "text", MAX_TEXT));
    }
    change(&app, &caller, id, &once, Deed::Edit, Some(text)).await
}

/// Delete a message for everyone. The channel does it in its turn: until then `change` says so, and why it could not.
#[utoipa::path(delete, path = "/messages/{id}", tag = "messages", params(("id" = String, Path), IdempotencyKey),
    responses((status = 200, body = MessageView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn revoke(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<MessageId>,
    once: Once,
) -> Answer<Response> {
    change(&app, &caller, id, &once, Deed::Revoke, None).await
}

async fn change(
    app: &App,
    caller: &Caller,
    id: MessageId,
    once: &Once,
    deed: Deed,
    text: Option<String>,
) -> Answer<Response> {
    let mut tx = app.store.write(caller.workspace).await?;
    if let Some(answer) = once.again(&mut tx).await? {
        return Ok(answer);
    }
    let (message, listed) = found(&mut tx, caller, id).await?;
    let change = permitted(app, caller, &listed, &message, (deed, text))?;
    let scope = app.scope(caller.workspace);
    let message = tx.ask_change(scope, id, &change, caller.user).await?;
    answer(app, caller, (tx, once), &listed, message).await
}

/// Let go of a change that the channel did not make: the message stays as it is.
#[utoipa::path(delete, path = "/messages/{id}/change", tag = "messages", params(("id" = String, Path), IdempotencyKey),
    responses((status = 200, body = MessageView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn let_go(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<MessageId>,
    once: Once,
) -> Answer<Response> {
    let mut tx = app.store.write(caller.workspace).await?;
    if let Some(answer) = once.again(&mut tx).await? {
        return Ok(answer);
    }
    let (message, listed) = found(&mut tx, &caller, id).await?;
    if !owns(&caller.person(), &listed, &message) {
        return Err(not_yours(&caller));
    }
    let actor = Actor::user(caller.user);
    let scope = app.scope(caller.workspace);
    let message = tx.drop_change(scope, id, &actor).await?;
    answer(&app, &caller, (tx, &once), &listed, message).await
}

async fn found(tx: &mut Tx, caller: &Caller, id: MessageId) -> Answer<(Message, Listed)> {
    let message = tx.message(caller.workspace, id).await?;
    let message = message.ok_or_else(Problem::not_found)?;
    let listed = seen(tx, caller, message.conversation_id).await?;
    Ok((message, listed))
}

async fn answer(
    app: &App,
    caller: &Caller,
    (mut tx, once): (Tx, &Once),
    listed: &Listed,
    message: Message,
) -> Answer<Response> {
    let view = Reader::new(app, caller, &mut tx, listed)
        .message(message)
        .await?;
    once.commit(tx, StatusCode::OK, &view).await
}

fn not_yours(caller: &Caller) -> Problem {
    Problem::denied(caller.say(
        "Só quem escreveu a mensagem, ou quem supervisiona a equipe, pode mudá-la.",
        "Only who wrote the message, or supervises the team, may change it.",
    ))
}

/// The change, if the caller and the channel may make it.
fn permitted(
    app: &App,
    caller: &Caller,
    listed: &Listed,
    message: &Message,
    (deed, text): (Deed, Option<String>),
) -> Answer<Change> {
    if !owns(&caller.person(), listed, message) {
        return Err(not_yours(caller));
    }
    if message.revoked_at.is_some() {
        return Err(Problem::state(caller.say(
            "A mensagem já foi apagada.",
            "The message has been deleted already.",
        )));
    }
    if !message.is_with_the_channel() {
        return Err(Problem::state(caller.say(
            "O canal ainda não tem esta mensagem.",
            "The channel does not have this message yet.",
        )));
    }
    let able = Capabilities::of(listed.capabilities.as_deref()).unwrap_or_default();
    let age = age(message, app.clock.now());
    if let Some(refusal) = able.refuses_change(deed, &message.kind, age) {
        return Err(refused(caller, &refusal));
    }
    let Some(text) = text else {
        return Ok(Change::Revoke);
    };
    let before = message.content()?;
    let content = Content {
        text,
        extra: without_formatting(&before.extra),
        ..before
    };
    match able.refuses(&content) {
        Some(refusal) => Err(refused(caller, &refusal)),
        None => Ok(Change::Edit(content)),
    }
}

/// How a text was formatted is said of its own words.
fn without_formatting(extra: &str) -> String {
    match serde_json::from_str::<Map<String, Value>>(extra) {
        Ok(mut fields) => {
            fields.remove("entities");
            Value::Object(fields).to_string()
        }
        Err(_) => extra.to_owned(),
    }
}

/// What a message said before it was edited.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = MessageVersion)]
pub struct VersionView {
    /// When it was edited.
    pub until: Time,
    pub kind: String,
    pub text: String,
}

/// What an edited message said before, oldest first; for who supervises the team.
#[utoipa::path(get, path = "/messages/{id}/versions", tag = "messages", params(("id" = String, Path)),
    responses((status = 200, body = Vec<VersionView>), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn versions(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<MessageId>,
) -> Answer<Json<Vec<VersionView>>> {
    let mut tx = app.store.read().await?;
    let (message, listed) = found(&mut tx, &caller, id).await?;
    if !supervises(&caller.person(), &listed) {
        return Err(Problem::denied(caller.say(
            "Só quem supervisiona a equipe pode ler versões anteriores.",
            "Only who supervises the team may read earlier versions.",
        )));
    }
    if message.revoked_at.is_some() {
        return Err(Problem::not_found());
    }
    let all = tx.versions_of(caller.workspace, id).await?;
    let view = |it: crate::store::edits::Version| VersionView {
        until: Time(it.until),
        kind: it.kind,
        text: it.text,
    };
    Ok(Json(all.into_iter().map(view).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edited_text_keeps_what_is_known_of_it_but_not_its_formatting() {
        let extra = r#"{"entities":[{"type":"bold","offset":0,"length":3}],"group":"g1"}"#;
        assert_eq!(without_formatting(extra), r#"{"group":"g1"}"#);
        assert_eq!(without_formatting(""), "");
    }
}
