//! Messages: saying something, reacting, trying again. What the channel cannot carry is refused with the reason before anything is stored.

use axum::{extract::State, http::StatusCode, response::Response};
use balcao_runtime::wit::{Attachment, Content};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    conversations::{seen, window_end},
    extract::Path,
    once::{IdempotencyKey, Keyed, Once},
    problem::{Answer, Problem},
    timeline::{MessageView, Reader},
};
use crate::{
    account::Caller,
    app::{App, SharedApp},
    id::{ConversationId, FileId, MessageId},
    signals,
    store::{Tx, conversations::Listed, events::Actor, files::File, sends::NewMessage},
};

/// Longest text, in characters; channels take less.
const MAX_TEXT: usize = 20_000;
/// Longest emoji, in bytes: a family with skins has many parts.
const MAX_EMOJI: usize = 64;
/// Files said at once.
const MAX_FILES: usize = 10;

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(say))
        .routes(routes!(retry))
        .routes(routes!(fetch))
        .routes(routes!(react))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Say {
    /// `text`; files make it what they are.
    #[serde(default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub text: String,
    /// Ids of uploaded files; each goes as a message of its own, the first with the text.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub attachments: Vec<FileId>,
    #[schema(value_type = Option<String>)]
    pub reply_to: Option<MessageId>,
    /// A note for colleagues.
    #[serde(default)]
    pub private: bool,
}

/// Answer, or write a note. Whoever answers a new conversation starts it.
#[utoipa::path(post, path = "/conversations/{id}/messages", tag = "messages", params(("id" = String, Path), IdempotencyKey), request_body = Say,
    responses((status = 201, body = MessageView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn say(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<ConversationId>,
    Keyed { once, body: asked }: Keyed<Say>,
) -> Answer<Response> {
    let mut tx = app.store.write(caller.workspace).await?;
    if let Some(answer) = once.again(&mut tx).await? {
        return Ok(answer);
    }
    let listed = seen(&mut tx, &caller, id).await?;
    let contents = contents(&mut tx, &caller, &asked).await?;
    if !asked.private {
        for content in &contents {
            refuse_unsendable(&app, &caller, &listed, content)?;
        }
    }
    let (actor, person) = (Actor::user(caller.user), caller.person());
    let mut first = None;
    for content in contents {
        let reply_to = asked.reply_to.filter(|_| first.is_none());
        let new = NewMessage {
            id: None,
            conversation: id,
            content,
            reply_to,
            private: asked.private,
        };
        let message = tx
            .write_message(app.scope(caller.workspace), new, &actor, Some(&person))
            .await?;
        first.get_or_insert(message);
    }
    let message = first.ok_or_else(|| Problem::field("text", "must not be empty"))?;
    let listed = tx
        .listed(caller.workspace, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let view = Reader::new(&app, &caller, &mut tx, &listed)
        .message(message)
        .await?;
    once.commit(tx, StatusCode::CREATED, &view).await
}

/// Send a failed or uncertain message once more.
#[utoipa::path(post, path = "/messages/{id}/retry", tag = "messages", params(("id" = String, Path), IdempotencyKey),
    responses((status = 200, body = MessageView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn retry(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<MessageId>,
    once: Once,
) -> Answer<Response> {
    let mut tx = app.store.write(caller.workspace).await?;
    if let Some(answer) = once.again(&mut tx).await? {
        return Ok(answer);
    }
    let found = tx
        .message(caller.workspace, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let listed = seen(&mut tx, &caller, found.conversation_id).await?;
    let message = tx
        .retry_message(app.scope(caller.workspace), id, &Actor::user(caller.user))
        .await?;
    let view = Reader::new(&app, &caller, &mut tx, &listed)
        .message(message)
        .await?;
    once.commit(tx, StatusCode::OK, &view).await
}

/// Fetch an attachment once more that could not be fetched; `n` is its place in `attachments`, from 0.
#[utoipa::path(post, path = "/messages/{id}/attachments/{n}/retry", tag = "messages", params(("id" = String, Path), ("n" = usize, Path), IdempotencyKey),
    responses((status = 200, body = MessageView), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn fetch(
    State(app): State<SharedApp>,
    caller: Caller,
    Path((id, n)): Path<(MessageId, usize)>,
    once: Once,
) -> Answer<Response> {
    let mut tx = app.store.write(caller.workspace).await?;
    if let Some(answer) = once.again(&mut tx).await? {
        return Ok(answer);
    }
    let message = tx
        .message(caller.workspace, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let listed = seen(&mut tx, &caller, message.conversation_id).await?;
    let scope = app.scope(caller.workspace);
    tx.retry_fetch(scope, &message, n, &Actor::user(caller.user))
        .await?;
    let view = Reader::new(&app, &caller, &mut tx, &listed)
        .message(message)
        .await?;
    once.commit(tx, StatusCode::OK, &view).await
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct React {
    /// One emoji; empty takes the reaction back.
    pub emoji: String,
}

/// React to a message, where the channel carries reactions.
#[utoipa::path(post, path = "/messages/{id}/reaction", tag = "messages", params(("id" = String, Path), IdempotencyKey), request_body = React,
    responses((status = 200, body = MessageView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn react(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<MessageId>,
    Keyed { once, body: asked }: Keyed<React>,
) -> Answer<Response> {
    let emoji = asked.emoji.trim().to_owned();
    let plain = |letter: char| letter.is_alphanumeric() && !letter.is_ascii_digit();
    if emoji.len() > MAX_EMOJI || emoji.chars().any(|it| it.is_control() || plain(it)) {
        return Err(Problem::field("emoji", "must be one emoji, or empty"));
    }
    let deed = {
        let app = app.clone();
        async move { Ok((StatusCode::OK, reacted(&app, &caller, id, &emoji).await?)) }
    };
    once.run(app, deed).await
}

async fn reacted(app: &App, caller: &Caller, id: MessageId, emoji: &str) -> Answer<MessageView> {
    let mut tx = app.store.read().await?;
    let message = tx.message(caller.workspace, id).await?;
    let message = message.ok_or_else(Problem::not_found)?;
    let listed = seen(&mut tx, caller, message.conversation_id).await?;
    drop(tx);
    if !signals::speaks(&caller.person(), &listed.conversation.routed()?) {
        return Err(Problem::denied(caller.say(
            "Só quem atende esta conversa pode reagir.",
            "Only who serves this conversation may react.",
        )));
    }
    signals::react(app, caller, &message, emoji).await?;
    let mut tx = app.store.read().await?;
    let message = tx.message(caller.workspace, id).await?;
    let message = message.ok_or_else(Problem::not_found)?;
    Ok(Reader::new(app, caller, &mut tx, &listed)
        .message(message)
        .await?)
}

/// Plain text as content.
pub fn text(text: String) -> Content {
    Content {
        kind: "text".to_owned(),
        text,
        attachments: Vec::new(),
        extra: String::new(),
    }
}

/// What is to be written: one message, or one for each file.
async fn contents(tx: &mut Tx, caller: &Caller, asked: &Say) -> Answer<Vec<Content>> {
    if asked.kind.as_deref().is_some_and(|kind| kind != "text") {
        return Err(Problem::field("kind", "must be text"));
    }
    if asked.text.chars().count() > MAX_TEXT {
        return Err(Problem::field(
            "text",
            format!("must have at most {MAX_TEXT} characters"),
        ));
    }
    if asked.attachments.len() > MAX_FILES {
        return Err(Problem::field(
            "attachments",
            format!("must be at most {MAX_FILES}"),
        ));
    }
    if asked.attachments.is_empty() {
        if asked.text.trim().is_empty() {
            return Err(Problem::field("text", "must not be empty"));
        }
        return Ok(vec![text(asked.text.clone())]);
    }
    let mut contents = Vec::new();
    for id in &asked.attachments {
        let file = tx
            .file(caller.workspace, *id)
            .await?
            .filter(|file| file.state == "ready");
        let file =
            file.ok_or_else(|| Problem::field("attachments", format!("{id} is no file of yours")))?;
        let said = if contents.is_empty() {
            asked.text.clone()
        } else {
            String::new()
        };
        contents.push(content_of(&file, said));
    }
    Ok(contents)
}

fn content_of(file: &File, text: String) -> Content {
    let family = file.mime.split('/').next().unwrap_or_default();
    let seen_or_heard = ["image", "audio", "video"].contains(&family);
    let kind = if seen_or_heard { family } else { "document" };
    let attachment = Attachment {
        source: format!("media:{}", file.id),
        mime: file.mime.clone(),
        name: file.name.clone(),
        size: u64::try_from(file.size).unwrap_or(0),
    };
    Content {
        kind: kind.to_owned(),
        text,
        attachments: vec![attachment],
        extra: String::new(),
    }
}

/// What the channel says it can carry.
#[derive(Deserialize)]
struct Described {
    kinds: Vec<KindLimit>,
}

#[derive(Deserialize)]
struct KindLimit {
    kind: String,
    max_text: u32,
    max_bytes: u64,
    mimes: Vec<String>,
}

/// Refuses what the channel cannot carry, with the reason (FEATURES D11).
fn refuse_unsendable(app: &App, caller: &Caller, listed: &Listed, content: &Content) -> Answer<()> {
    let capabilities = listed.capabilities.as_deref();
    if window_end(capabilities, listed.conversation.last_inbound_at)
        .is_some_and(|end| end <= app.clock.now())
    {
        return Err(Problem::state(caller.say(
            "O prazo do canal para responder livremente terminou; espere o contato escrever ou use um modelo.",
            "The channel's time for free answers is over; wait for the contact to write or use a template.",
        )));
    }
    let Some(described) =
        capabilities.and_then(|json| serde_json::from_str::<Described>(json).ok())
    else {
        return Ok(());
    };
    let Some(limit) = described.kinds.iter().find(|it| it.kind == content.kind) else {
        return Err(Problem::state(caller.say(
            "Este canal não envia este tipo de mensagem.",
            "This channel does not send this kind of message.",
        )));
    };
    let letters = content.text.chars().count();
    if letters > limit.max_text as usize {
        let field = format!("{} > {}", letters, limit.max_text);
        return Err(Problem::field(
            "text",
            caller.say(
                "longo demais para este canal: ",
                "too long for this channel: ",
            ) + &field,
        ));
    }
    for file in &content.attachments {
        if file.size > limit.max_bytes {
            let bound = format!("{} MB", limit.max_bytes / 1_000_000);
            return Err(Problem::field(
                "attachments",
                caller.say(
                    "grande demais para este canal: até ",
                    "too large for this channel: at most ",
                ) + &bound,
            ));
        }
        if !limit.mimes.is_empty() && !limit.mimes.iter().any(|mime| fits(mime, &file.mime)) {
            return Err(Problem::field(
                "attachments",
                caller.say("o canal não aceita ", "the channel does not take ") + &file.mime,
            ));
        }
    }
    Ok(())
}

fn fits(pattern: &str, mime: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => mime.starts_with(prefix),
        None => mime.split(';').next() == Some(pattern),
    }
}
