//! `/conversations/{id}/timeline`: what was said and what happened, as people read it. Owns how messages and events are shown.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use balcao_runtime::wit::Attachment;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    codes,
    conversations::seen,
    edits::Can,
    extract::{Path, Query},
    page::{Page, Paging, cursor},
    problem::{Answer, Problem},
    time::Time,
};
use crate::{
    account::Caller,
    app::{App, SharedApp},
    attachment::Trouble,
    error::Result,
    id::{ConversationId, FileId, Id, MessageId},
    store::{
        Tx, conversations::Listed, events::Event, fetches::Progress, messages::Message,
        timeline::Entry,
    },
};

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new().routes(routes!(timeline))
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
    /// A change that was asked for and that the channel has not made.
    #[schema(required)]
    pub change: Option<ChangeView>,
    pub can: Can,
}

/// A change of a message that the channel has not made.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = MessageChange)]
pub struct ChangeView {
    #[schema(schema_with = codes::change_action)]
    pub action: String,
    #[schema(schema_with = codes::change_state)]
    pub state: String,
    /// Why it failed.
    #[schema(required)]
    pub reason: Option<String>,
    /// What the message was to say.
    pub text: String,
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
    #[schema(schema_with = codes::attachment_state)]
    pub state: &'static str,
    /// Why it failed: `unreachable`, `gone`, `refused`, `host`, `too_large`, `empty`, `type` or `unsupported`; `not_fetched` where nobody tried.
    #[schema(required)]
    pub error: Option<String>,
    /// Bytes of the largest file that may come, where it is `too_large`.
    #[schema(required)]
    pub limit: Option<i64>,
    pub mime: String,
    pub name: String,
    pub size: u64,
    #[schema(required)]
    pub url: Option<String>,
    /// Pixels of a picture that may be shown.
    #[schema(required)]
    pub width: Option<i64>,
    #[schema(required)]
    pub height: Option<i64>,
    /// A picture of at most 640 pixels to show in its place; none where a file is only to be saved.
    #[schema(required)]
    pub thumbnail_url: Option<String>,
}

/// The message that is answered.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Quote {
    /// None where it is not in this inbox; the rest is empty then.
    #[schema(value_type = Option<String>, required)]
    pub id: Option<MessageId>,
    pub kind: String,
    pub text: String,
    pub author_name: String,
    /// A picture of it.
    #[schema(required)]
    pub thumbnail_url: Option<String>,
}

impl Quote {
    fn unknown() -> Self {
        Self {
            id: None,
            kind: String::new(),
            text: String::new(),
            author_name: String::new(),
            thumbnail_url: None,
        }
    }
}

#[derive(Serialize, Deserialize, utoipa::ToSchema)]
pub struct Reaction {
    pub emoji: String,
    #[schema(schema_with = codes::reacted_by)]
    pub by: String,
}

/// Those that stand: what was taken back is stored without its emoji.
fn reactions(stored: &str) -> serde_json::Result<Vec<Reaction>> {
    let mut all: Vec<Reaction> = serde_json::from_str(stored)?;
    all.retain(|it| !it.emoji.is_empty());
    Ok(all)
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
    let mut reader = Reader::new(&app, &caller, &mut tx, &listed);
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

/// Turns rows into what is shown, looking up each name once.
pub(super) struct Reader<'a> {
    app: &'a App,
    caller: &'a Caller,
    tx: &'a mut Tx,
    listed: &'a Listed,
    names: BTreeMap<String, String>,
}

impl<'a> Reader<'a> {
    pub fn new(app: &'a App, caller: &'a Caller, tx: &'a mut Tx, listed: &'a Listed) -> Self {
        Self {
            app,
            caller,
            tx,
            listed,
            names: BTreeMap::new(),
        }
    }

    pub async fn message(&mut self, it: Message) -> Result<MessageView> {
        let answered = match it.reply_to {
            None => self.tx.answered(&it).await?,
            known => known,
        };
        let reply_to = match (answered, &it.reply_to_external) {
            (Some(id), _) => self.quote(id).await?,
            (None, Some(_)) => Some(Quote::unknown()),
            (None, None) => None,
        };
        let attachments: Vec<Attachment> = serde_json::from_str(&it.attachments)?;
        let shown = self.attachments(it.id, attachments).await?;
        let can = Can::of(self.caller, self.listed, &it, self.app.clock.now());
        let change = it.asked().map(|asked| ChangeView {
            action: asked.action,
            state: asked.state,
            reason: asked.reason,
            text: asked.text,
        });
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
            reactions: reactions(&it.reactions)?,
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
            change,
            can,
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
        let mut quote = Quote {
            id: Some(quoted.id),
            kind: quoted.kind,
            text: String::new(),
            author_name: author.name,
            thumbnail_url: None,
        };
        if quoted.revoked_at.is_none() {
            quote.text = quoted.text;
            let files: Vec<Attachment> = serde_json::from_str(&quoted.attachments)?;
            let files = self.attachments(quoted.id, files).await?;
            let picture = files.into_iter().find(|it| it.mime.starts_with("image/"));
            quote.thumbnail_url = picture.and_then(|it| it.thumbnail_url);
        }
        Ok(Some(quote))
    }

    async fn author(&mut self, kind: String, id: Option<String>) -> Result<Author> {
        let name = match (kind.as_str(), id.as_deref()) {
            ("contact", _) => self.listed.contact_name.clone(),
            ("plugin", Some(id)) => match self.app.apps.package(id) {
                Some(package) => package.manifest().name.get(&self.caller.locale).to_owned(),
                None => id.to_owned(),
            },
            ("user", Some(id)) => self.name_of_id(id).await?.unwrap_or_default(),
            // Written in the provider's own app.
            ("user", None) => self.caller.say("Fora do Balcão", "Outside Balcão"),
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

    /// Where a provider keeps the bytes is nobody's business here.
    async fn attachments(
        &mut self,
        message: MessageId,
        all: Vec<Attachment>,
    ) -> Result<Vec<AttachmentView>> {
        let workspace = self.caller.workspace;
        let progress = if all.iter().any(|it| file_of(it).is_none()) {
            self.tx.fetches_of(workspace, message).await?
        } else {
            Vec::new()
        };
        let mut shown = Vec::with_capacity(all.len());
        for (position, it) in (0..).zip(all) {
            let file = file_of(&it);
            let mut view = AttachmentView {
                id: None,
                state: "failed",
                error: None,
                limit: None,
                mime: it.mime,
                name: it.name,
                size: it.size,
                url: None,
                width: None,
                height: None,
                thumbnail_url: None,
            };
            match file {
                Some(id) => self.here(&mut view, id).await?,
                None => {
                    let found = progress.iter().find(|it| it.position == position);
                    elsewhere(&mut view, found);
                }
            }
            shown.push(view);
        }
        Ok(shown)
    }

    async fn here(&mut self, view: &mut AttachmentView, id: FileId) -> Result<()> {
        let found = self.tx.file(self.caller.workspace, id).await?;
        match found.filter(|file| file.state == "ready") {
            Some(file) => {
                view.id = Some(file.id.to_string());
                view.state = "ready";
                view.url = Some(super::files::url(file.id));
                view.thumbnail_url = super::files::thumbnail_url(&file);
                (view.width, view.height) = (file.width, file.height);
                view.mime = file.mime;
                view.size = u64::try_from(file.size).unwrap_or(0);
            }
            None => view.error = Some(Trouble::Gone.code().to_owned()),
        }
        Ok(())
    }
}

/// The file that holds an attachment's bytes, where they are here.
fn file_of(it: &Attachment) -> Option<FileId> {
    it.source.strip_prefix("media:")?.parse().ok()
}

fn elsewhere(view: &mut AttachmentView, progress: Option<&Progress>) {
    match progress {
        Some(it) if it.state == "failed" => {
            view.error.clone_from(&it.error);
            view.limit = it.bound;
        }
        Some(_) => view.state = "waiting",
        None => view.error = Some("not_fetched".to_owned()),
    }
}
