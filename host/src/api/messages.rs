//! Messages: saying something, reacting, trying again. What the channel cannot carry is refused with the reason before anything is stored.

use axum::{extract::State, http::StatusCode, response::Response};
use balcao_runtime::wit::{Attachment, Content};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    conversations::{seen, window_end},
    extract::Path,
    once::{IdempotencyKey, Keyed, Once},
    problem::{Answer, Problem},
    shapes::{OF_SHAPES, shaped},
    timeline::{MessageView, Reader},
};
use crate::{
    account::Caller,
    app::{App, SharedApp},
    capabilities::{Capabilities, Refusal, kind_of, too_large},
    id::{ConversationId, FileId, MessageId},
    signals,
    store::{Tx, conversations::Listed, events::Actor, files::File, sends::NewMessage},
    voice::{self, Unconverted},
};

/// Longest text, in characters; channels take less.
pub(super) const MAX_TEXT: usize = 20_000;
/// Longest emoji, in bytes: a family with skins has many parts.
const MAX_EMOJI: usize = 64;
/// Kinds of messages that are files.
const OF_FILES: [&str; 5] = ["image", "audio", "video", "document", "sticker"];
/// Files said at once.
const MAX_FILES: usize = 10;
/// The form of a sound that channels show as spoken.
const VOICE: &str = "audio/ogg";

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
    /// `text`; with files `image`, `audio`, `video`, `document` or `sticker`, as which they go; with `extra` `location`, `contacts` or `interactive`.
    /// Left out, files go as what they are.
    #[serde(default)]
    pub kind: Option<String>,
    /// What is said; beside files their caption, and of an `interactive` the question.
    #[serde(default)]
    pub text: String,
    /// As messages show it: `location` `{"latitude","longitude","name"?,"address"?}`; `contacts` `{"contacts":[{"name","phones":[],"emails":[]}]}`;
    /// `interactive` `{"buttons":[{"id","title"}]}` or `{"list":{"button","sections":[{"title"?,"rows":[{"id","title","description"?}]}]}}`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub extra: Option<Value>,
    /// Ids of uploaded files, in order. Those that the channel lets go together are one message, others one each; the first has the text, or where
    /// the channel takes none beside such a file, a message after them.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub attachments: Vec<FileId>,
    #[schema(value_type = Option<String>)]
    pub reply_to: Option<MessageId>,
    /// A note for colleagues.
    #[serde(default)]
    pub private: bool,
    /// The one file was spoken into a microphone, and goes as a voice message.
    #[serde(default)]
    pub voice: bool,
}

/// Answer, or write a note. Whoever answers a new conversation starts it.
#[utoipa::path(post, path = "/conversations/{id}/messages", tag = "messages", params(("id" = String, Path), IdempotencyKey), request_body = Say,
    responses((status = 201, body = MessageView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn say(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<ConversationId>,
    Keyed {
        once,
        body: mut asked,
    }: Keyed<Say>,
) -> Answer<Response> {
    if let Some(answer) = fit_sounds(&app, &caller, id, &once, &mut asked).await? {
        return Ok(answer);
    }
    let mut tx = app.store.write(caller.workspace).await?;
    if let Some(answer) = once.again(&mut tx).await? {
        return Ok(answer);
    }
    let listed = seen(&mut tx, &caller, id).await?;
    let able = Capabilities::of(listed.capabilities.as_deref()).unwrap_or_default();
    let contents = contents(&mut tx, &caller, &asked, &able).await?;
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
    let unread = listed.conversation.unread;
    let listed = tx
        .listed(caller.workspace, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let view = Reader::new(&app, &caller, &mut tx, &listed)
        .message(message)
        .await?;
    let answer = once.commit(tx, StatusCode::CREATED, &view).await?;
    if !asked.private {
        signals::reads(&app, &caller, &listed.conversation, unread);
    }
    Ok(answer)
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

/// Sound that the channel does not take is converted before anything is written, and the new file takes the old one's place; what was spoken also where
/// the channel takes it, but not as a voice message, unless nothing here converts it. The answer, where the request was answered before.
async fn fit_sounds(
    app: &App,
    caller: &Caller,
    id: ConversationId,
    once: &Once,
    asked: &mut Say,
) -> Answer<Option<Response>> {
    let as_sound = asked
        .kind
        .as_deref()
        .is_none_or(|kind| ["text", "audio"].contains(&kind));
    if asked.private || !as_sound || !(1..=MAX_FILES).contains(&asked.attachments.len()) {
        return Ok(None);
    }
    let mut tx = app.store.read().await?;
    let listed = seen(&mut tx, caller, id).await?;
    let able = Capabilities::of(listed.capabilities.as_deref());
    let Some(limit) = able.as_ref().and_then(|able| able.limit("audio")) else {
        return Ok(None);
    };
    let mut odd = Vec::new();
    for (place, file) in asked.attachments.iter().enumerate() {
        let Some(file) = tx.file(caller.workspace, *file).await? else {
            continue;
        };
        let spoken = asked.voice && !file.mime.starts_with(VOICE) && limit.takes(VOICE);
        let fits = limit.takes(&file.mime) && !spoken;
        if !file.is_here() || !file.mime.starts_with("audio/") || fits {
            continue;
        }
        if let Some(what) = voice::conversion(&file.mime, |mime| limit.takes(mime)) {
            odd.push((place, file, what));
        }
    }
    if odd.is_empty() {
        return Ok(None);
    }
    if let Some(answer) = once.again(&mut tx).await? {
        return Ok(Some(answer));
    }
    drop(tx);
    for (place, file, what) in odd {
        match voice::converted(app, &file, what, limit.max_bytes).await {
            Ok(made) => asked.attachments[place] = made.id,
            Err(Unconverted::Missing) if limit.takes(&file.mime) => {}
            Err(error) => return Err(unconverted(caller, error, &file)),
        }
    }
    Ok(None)
}

fn unconverted(caller: &Caller, error: Unconverted, file: &File) -> Problem {
    let text = match error {
        Unconverted::Missing => caller.say(
            "O ffmpeg não está instalado no servidor, e o canal não aceita {mime}: peça a quem administra o servidor para instalá-lo, ou envie em outro formato.",
            "ffmpeg is not installed on the server, and the channel does not take {mime}: ask the server's administrator to install it, or send another format.",
        ),
        Unconverted::Refused => caller.say(
            "O canal não aceita {mime}, e este áudio não pôde ser convertido.",
            "The channel does not take {mime}, and this sound could not be converted.",
        ),
        Unconverted::Other(error) => return error.into(),
    };
    Problem::field("attachments", text.replace("{mime}", &file.mime))
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

/// What is to be written: one message, or what its files make.
async fn contents(
    tx: &mut Tx,
    caller: &Caller,
    asked: &Say,
    able: &Capabilities,
) -> Answer<Vec<Content>> {
    let kind = asked.kind.as_deref().filter(|kind| *kind != "text");
    let of_shape = kind.filter(|kind| OF_SHAPES.contains(kind));
    if of_shape.is_none() && kind.is_some_and(|kind| !OF_FILES.contains(&kind)) {
        let known = [&OF_FILES[..], &OF_SHAPES[..]].concat().join(", ");
        return Err(Problem::field("kind", format!("must be text, {known}")));
    }
    if asked.text.chars().count() > MAX_TEXT {
        return Err(Problem::too_long(caller, "text", MAX_TEXT));
    }
    if let Some(kind) = of_shape {
        if asked.private {
            return Err(Problem::field("private", "a note is words only"));
        }
        if asked.voice || !asked.attachments.is_empty() {
            let none = format!("must be empty: a message of kind {kind} has no files");
            return Err(Problem::field("attachments", none));
        }
        return Ok(vec![shaped(kind, &asked.text, asked.extra.as_ref())?]);
    }
    if asked.extra.is_some() {
        let of = format!("is said by {} only", OF_SHAPES.join(", "));
        return Err(Problem::field("extra", of));
    }
    if asked.attachments.len() > MAX_FILES {
        return Err(Problem::field(
            "attachments",
            caller.say(
                &format!("devem ser no máximo {MAX_FILES}"),
                &format!("must be at most {MAX_FILES}"),
            ),
        ));
    }
    if asked.attachments.is_empty() {
        if let Some(kind) = kind {
            return Err(Problem::field(
                "attachments",
                format!("must not be empty: a message of kind {kind} is a file"),
            ));
        }
        if asked.voice {
            return Err(Problem::field("voice", "needs one file, of sound"));
        }
        if asked.text.trim().is_empty() {
            return Err(Problem::field("text", "must not be empty"));
        }
        return Ok(vec![text(asked.text.clone())]);
    }
    let mut files = Vec::new();
    for id in &asked.attachments {
        let file = tx.file(caller.workspace, *id).await?.filter(File::is_here);
        let file = file.ok_or_else(|| {
            Problem::field(
                "attachments",
                caller.say(
                    "um dos arquivos não está mais guardado; anexe-o de novo",
                    &format!("{id} is no file of yours"),
                ),
            )
        })?;
        let own = OF_FILES.iter().find(|it| **it == kind_of(&file.mime));
        let kind = kind.or(own.copied()).unwrap_or("document");
        files.push((kind, attachment_of(&file)));
    }
    let messages = able.grouped(files);
    // What the first file cannot carry is said after them all.
    let beside = messages
        .first()
        .is_some_and(|(kind, _)| able.carries(kind, &asked.text));
    let mut said = Some(asked.text.clone()).filter(|_| beside);
    let content = |(kind, attachments): (&str, Vec<Attachment>)| Content {
        kind: kind.to_owned(),
        text: said.take().unwrap_or_default(),
        attachments,
        extra: String::new(),
    };
    let mut contents: Vec<Content> = messages.into_iter().map(content).collect();
    if asked.voice {
        let spoken = match &mut contents[..] {
            [one] if one.kind == "audio" && one.attachments.len() == 1 => one,
            _ => return Err(Problem::field("voice", "needs one file, of sound")),
        };
        spoken.extra = json!({"voice": true}).to_string();
    }
    if !beside {
        contents.push(text(asked.text.clone()));
    }
    Ok(contents)
}

fn attachment_of(file: &File) -> Attachment {
    Attachment {
        source: format!("media:{}", file.id),
        mime: file.mime.clone(),
        name: file.name.clone(),
        size: u64::try_from(file.size).unwrap_or(0),
    }
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
    // Nothing is known of a channel that was not asked yet.
    let able = Capabilities::of(capabilities);
    let refusal = too_large(content, listed.max_file_bytes);
    match refusal.or_else(|| able.and_then(|able| able.refuses(content))) {
        Some(refusal) => Err(refused(caller, &refusal)),
        None => Ok(()),
    }
}

/// A channel's refusal, in the caller's language.
pub(super) fn refused(caller: &Caller, refusal: &Refusal) -> Problem {
    let (pt_br, en) = refusal.words();
    let words = caller.say(&pt_br, &en);
    match refusal.field() {
        Some(field) => Problem::field(field, words),
        None => Problem::state(words),
    }
}
