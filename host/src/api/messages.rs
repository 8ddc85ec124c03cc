//! `/conversations/{id}/timeline` and messages: what was said and what happened, and saying something. What the channel cannot carry is refused with the
//! reason before anything is stored.

use std::collections::BTreeMap;

use axum::{Json, extract::State, http::StatusCode};
use balcao_runtime::wit::{Attachment, Content};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    codes,
    conversations::{seen, window_end},
    extract::{Body, Path, Query},
    page::{Page, Paging, cursor},
    problem::{Answer, Problem},
    time::Time,
};
use crate::{
    account::Caller,
    app::{App, SharedApp},
    error::Result,
    id::{ConversationId, FileId, Id, MessageId},
    store::{
        Tx,
        conversations::Listed,
        events::{Actor, Event},
        files::File,
        messages::Message,
        sends::NewMessage,
        timeline::Entry,
    },
};

/// Longest text, in characters; channels take less.
const MAX_TEXT: usize = 20_000;
/// Files said at once.
const MAX_FILES: usize = 10;

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(timeline))
        .routes(routes!(say))
        .routes(routes!(retry))
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Message)]
pub struct MessageView {
    #[schema(value_type = String)]
    pub id: MessageId,
    #[schema(value_type = String)]
    pub conversation_id: ConversationId,
    pub author: Author,
    #[schema(schema_with = codes::direction)]
    pub direction: String,
    pub at: Time,
    pub kind: String,
    pub text: String,
    pub attachments: Vec<AttachmentView>,
    #[schema(value_type = Option<Object>, required)]
    pub extra: Value,
    #[schema(required)]
    pub reply_to: Option<Quote>,
    #[schema(schema_with = codes::message_state)]
    pub state: String,
    /// Why it failed.
    #[schema(required)]
    pub reason: Option<String>,
    pub reactions: Vec<Reaction>,
    pub edited: bool,
    pub revoked: bool,
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct Author {
    #[schema(schema_with = codes::author_kind)]
    pub kind: String,
    #[schema(required)]
    pub id: Option<String>,
    pub name: String,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Attachment)]
pub struct AttachmentView {
    #[schema(required)]
    pub id: Option<String>,
    #[schema(schema_with = codes::source_state)]
    pub source_state: &'static str,
    pub mime: String,
    pub name: String,
    pub size: u64,
    #[schema(required)]
    pub url: Option<String>,
    #[schema(required)]
    pub thumbnail_url: Option<String>,
}

/// The message that is answered.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Quote {
    #[schema(value_type = String)]
    pub id: MessageId,
    pub text: String,
    pub author_name: String,
}

#[derive(Serialize, Deserialize, utoipa::ToSchema)]
pub struct Reaction {
    pub emoji: String,
    #[schema(schema_with = codes::reacted_by)]
    pub by: String,
}

/// Something that happened to the conversation.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = TimelineEvent)]
pub struct EventView {
    pub id: String,
    pub at: Time,
    /// `queued`, `offered`, `released`, `started`, `transferred`, `concluded` or `reopened`.
    pub kind: String,
    #[schema(required)]
    pub actor: Option<Author>,
    /// Ids, with `…_name` beside those of people and teams.
    #[schema(value_type = Object)]
    pub data: Value,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = TimelineItem)]
pub enum Item {
    Message(Box<MessageView>),
    Event(EventView),
}

/// A page of the timeline, oldest first; `next` leads to older ones.
#[utoipa::path(get, path = "/conversations/{id}/timeline", tag = "messages", params(("id" = String, Path), Paging),
    responses((status = 200, body = Page<Item>), (status = 404, body = Problem)))]
async fn timeline(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<ConversationId>,
    Query(paging): Query<Paging>,
) -> Answer<Json<Page<Item>>> {
    let mut tx = app.store.read().await?;
    let listed = seen(&mut tx, &caller, id).await?;
    let before: Option<Uuid> = paging.after::<MessageId>()?.map(MessageId::uuid);
    let page = tx
        .timeline(caller.workspace, id, before, paging.limit(50) as usize)
        .await?;
    let mut reader = Reader {
        app: &app,
        caller: &caller,
        tx: &mut tx,
        listed: &listed,
        names: BTreeMap::new(),
    };
    let mut items = Vec::with_capacity(page.entries.len());
    for entry in page.entries {
        items.push(match entry {
            Entry::Message(message) => Item::Message(Box::new(reader.message(*message).await?)),
            Entry::Event(event) => Item::Event(reader.event(*event).await?),
        });
    }
    let next = page.older.map(|older| cursor(&MessageId::from_uuid(older)));
    Ok(Json(Page { items, next }))
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
#[utoipa::path(post, path = "/conversations/{id}/messages", tag = "messages", params(("id" = String, Path)), request_body = Say,
    responses((status = 201, body = MessageView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn say(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<ConversationId>,
    Body(asked): Body<Say>,
) -> Answer<(StatusCode, Json<MessageView>)> {
    let mut tx = app.store.write(caller.workspace).await?;
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
    let mut reader = Reader {
        app: &app,
        caller: &caller,
        tx: &mut tx,
        listed: &listed,
        names: BTreeMap::new(),
    };
    let view = reader.message(message).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(view)))
}

/// Send a failed or uncertain message once more.
#[utoipa::path(post, path = "/messages/{id}/retry", tag = "messages", params(("id" = String, Path)),
    responses((status = 200, body = MessageView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn retry(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<MessageId>,
) -> Answer<Json<MessageView>> {
    let mut tx = app.store.write(caller.workspace).await?;
    let found = tx
        .message(caller.workspace, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let listed = seen(&mut tx, &caller, found.conversation_id).await?;
    let message = tx
        .retry_message(app.scope(caller.workspace), id, &Actor::user(caller.user))
        .await?;
    let mut reader = Reader {
        app: &app,
        caller: &caller,
        tx: &mut tx,
        listed: &listed,
        names: BTreeMap::new(),
    };
    let view = reader.message(message).await?;
    tx.commit().await?;
    Ok(Json(view))
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

/// Turns rows into what is shown, looking up each name once.
struct Reader<'a> {
    app: &'a App,
    caller: &'a Caller,
    tx: &'a mut Tx,
    listed: &'a Listed,
    names: BTreeMap<String, String>,
}

impl Reader<'_> {
    async fn message(&mut self, it: Message) -> Result<MessageView> {
        let reply_to = match it.reply_to {
            Some(id) => self.quote(id).await?,
            None => None,
        };
        let attachments: Vec<Attachment> = serde_json::from_str(&it.attachments)?;
        let mut shown = Vec::with_capacity(attachments.len());
        for attachment in attachments {
            shown.push(self.attachment(attachment).await?);
        }
        Ok(MessageView {
            author: self.author(it.author, it.author_id).await?,
            attachments: if it.revoked_at.is_some() {
                Vec::new()
            } else {
                shown
            },
            text: if it.revoked_at.is_some() {
                String::new()
            } else {
                it.text
            },
            extra: if it.extra.is_empty() {
                Value::Null
            } else {
                serde_json::from_str(&it.extra).unwrap_or(Value::Null)
            },
            reactions: serde_json::from_str(&it.reactions)?,
            id: it.id,
            conversation_id: it.conversation_id,
            direction: it.direction,
            at: Time(it.at),
            kind: it.kind,
            reply_to,
            state: it.state,
            reason: it.reason,
            edited: it.edited_at.is_some(),
            revoked: it.revoked_at.is_some(),
        })
    }

    async fn event(&mut self, it: Event) -> Result<EventView> {
        let actor = match it.actor() {
            Some(actor) => Some(self.author(actor.kind, Some(actor.id)).await?),
            None => None,
        };
        let mut data: Value = serde_json::from_str(&it.data)?;
        if let Some(fields) = data.as_object_mut() {
            for (name, value) in fields.clone() {
                if let Some(found) = self.name_of_id(value.as_str().unwrap_or_default()).await? {
                    fields.insert(format!("{name}_name"), Value::String(found));
                }
            }
        }
        let kind = it
            .kind
            .split_once('.')
            .map_or(it.kind.as_str(), |(_, kind)| kind)
            .to_owned();
        Ok(EventView {
            id: it.id.to_string(),
            at: Time(it.at),
            kind,
            actor,
            data,
        })
    }

    async fn quote(&mut self, id: MessageId) -> Result<Option<Quote>> {
        let Some(quoted) = self.tx.quoted(self.caller.workspace, id).await? else {
            return Ok(None);
        };
        let author = self.author(quoted.author, quoted.author_id).await?;
        Ok(Some(Quote {
            id: quoted.id,
            text: quoted.text,
            author_name: author.name,
        }))
    }

    async fn author(&mut self, kind: String, id: Option<String>) -> Result<Author> {
        let name = match (kind.as_str(), id.as_deref()) {
            ("contact", _) => self.listed.contact_name.clone(),
            ("plugin", Some(id)) => match self.app.apps.package(id) {
                Some(package) => package.manifest().name.get(&self.caller.locale).to_owned(),
                None => id.to_owned(),
            },
            ("user", Some(id)) => self.name_of_id(id).await?.unwrap_or_default(),
            _ => self.caller.say("Sistema", "System"),
        };
        Ok(Author { kind, id, name })
    }

    /// The name of a user or team, by id.
    async fn name_of_id(&mut self, id: &str) -> Result<Option<String>> {
        if let Some(name) = self.names.get(id) {
            return Ok(Some(name.clone()));
        }
        let workspace = self.caller.workspace;
        let name = if let Ok(user) = id.parse() {
            self.tx.user(workspace, user).await?.map(|user| user.name)
        } else if let Ok(team) = id.parse() {
            self.tx.team(workspace, team).await?.map(|team| team.name)
        } else {
            None
        };
        if let Some(name) = &name {
            self.names.insert(id.to_owned(), name.clone());
        }
        Ok(name)
    }

    async fn attachment(&mut self, it: Attachment) -> Result<AttachmentView> {
        let id: Option<FileId> = it
            .source
            .strip_prefix("media:")
            .and_then(|id| id.parse().ok());
        let file = match id {
            Some(id) => self.tx.file(self.caller.workspace, id).await?,
            None => None,
        };
        let mut view = AttachmentView {
            id: None,
            source_state: "pending",
            mime: it.mime,
            name: it.name,
            size: it.size,
            url: None,
            thumbnail_url: None,
        };
        if let Some(file) = file {
            view.id = Some(file.id.to_string());
            view.source_state = match file.state.as_str() {
                "ready" => "ready",
                "failed" => "failed",
                _ => "pending",
            };
            if file.state == "ready" {
                view.url = Some(super::files::url(file.id));
                view.mime = file.mime;
                view.size = u64::try_from(file.size).unwrap_or(0);
            }
        }
        Ok(view)
    }
}
