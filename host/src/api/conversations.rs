//! `/conversations`: the folders and one conversation. Who sees and may do what is `balcao_runtime::rules`; what people do with it is `serving`.

use axum::{Json, extract::State, response::Response};
use balcao_runtime::rules::{self, Change, Person, Routed, Status};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    codes,
    etag::{Conditions, IfNoneMatch},
    extract::{Path, Query},
    page::{Page, Paging},
    problem::{Answer, Problem},
    time::Time,
};
use crate::{
    account::Caller,
    app::SharedApp,
    clock::Instant,
    error::{Error, Result},
    id::{ChannelId, ContactId, ConversationId, TeamId, UserId},
    store::{
        Tx,
        conversations::{Filter, Folder, Listed},
        counters::Counters,
    },
};

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(counters))
        .routes(routes!(show))
}

/// Id and name of something.
#[derive(Clone, Serialize, utoipa::ToSchema)]
pub struct Named {
    pub id: String,
    pub name: String,
}

fn named(id: Option<impl ToString>, name: Option<String>) -> Option<Named> {
    let id = id?.to_string();
    Some(Named {
        id,
        name: name.unwrap_or_default(),
    })
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Conversation)]
pub struct ConversationView {
    #[schema(value_type = String)]
    pub id: ConversationId,
    /// Grows when status, team, agent or offer change.
    pub version: i64,
    #[schema(schema_with = codes::status)]
    pub status: String,
    pub channel: ChannelOf,
    pub contact: ContactOf,
    #[schema(required)]
    pub team: Option<Named>,
    /// Who is responsible.
    #[schema(required)]
    pub agent: Option<Named>,
    /// Set while it is shown to one agent only.
    #[schema(required)]
    pub offer: Option<OfferView>,
    pub queued_at: Time,
    #[schema(required)]
    pub started_at: Option<Time>,
    pub last_message_at: Time,
    #[schema(required)]
    pub last_inbound_at: Option<Time>,
    #[schema(required)]
    pub preview: Option<Preview>,
    /// The newest message was ours and did not get through: it failed, or nobody knows.
    pub undelivered: bool,
    pub unread: i64,
    pub labels: Vec<String>,
    #[schema(required)]
    pub conclusion: Option<ConclusionView>,
    /// The channel's time for free messages.
    #[schema(required)]
    pub window: Option<Window>,
    pub can: Can,
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct ChannelOf {
    #[schema(value_type = String)]
    pub id: ChannelId,
    pub name: String,
    pub plugin_id: String,
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct ContactOf {
    #[schema(value_type = String)]
    pub id: ContactId,
    pub name: String,
    #[schema(required)]
    pub address: Option<String>,
    /// Where their picture is read, a square; none where the channel gave none.
    #[schema(required)]
    pub avatar: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Offer)]
pub struct OfferView {
    pub agent: Named,
    pub since: Time,
    /// When it moves on; null: it stays.
    #[schema(required)]
    pub deadline: Option<Time>,
}

#[derive(Serialize, Deserialize, utoipa::ToSchema)]
pub struct Preview {
    pub text: String,
    pub kind: String,
    #[schema(schema_with = codes::direction)]
    pub direction: String,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Conclusion)]
pub struct ConclusionView {
    #[schema(required)]
    pub by: Option<Named>,
    pub at: Time,
    pub summary: String,
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct Window {
    pub closes_at: Time,
}

/// What the caller may do with it now.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Can {
    pub start: bool,
    pub reply: bool,
    pub conclude: bool,
    pub transfer: bool,
    pub reopen: bool,
}

impl Can {
    fn of(person: &Person, state: &Routed) -> Self {
        let may = |change: &Change| rules::permits(person, state, change).is_ok();
        let open = state.status != Status::Concluded;
        let start = state.status == Status::Queued
            && may(&Change::Assign {
                agent: person.id.clone(),
            });
        let own = state.agent.as_deref() == Some(&person.id);
        let serves = state.status == Status::InProgress && (own || may(&Change::Release));
        Self {
            start,
            reply: start || serves,
            conclude: open && may(&conclusion(person, String::new(), false)),
            transfer: open
                && may(&Change::Transfer {
                    team: String::new(),
                    agent: None,
                }),
            reopen: !open && may(&Change::Reopen),
        }
    }
}

pub(super) fn conclusion(person: &Person, summary: String, archive_immediately: bool) -> Change {
    Change::Conclude {
        by: Some(person.id.clone()),
        summary,
        archive_immediately,
    }
}

/// When the channel's time for free messages ends, where it has such a time.
pub fn window_end(capabilities: Option<&str>, last_inbound_at: Option<Instant>) -> Option<Instant> {
    let described: Value = serde_json::from_str(capabilities?).ok()?;
    let seconds = described.get("window_seconds")?.as_i64()?;
    Some(
        last_inbound_at
            .unwrap_or_default()
            .saturating_add(seconds.saturating_mul(1_000_000)),
    )
}

pub(super) fn view(person: &Person, listed: Listed) -> Result<ConversationView> {
    let it = listed.conversation;
    let state = it.routed()?;
    let window = window_end(listed.capabilities.as_deref(), it.last_inbound_at);
    Ok(ConversationView {
        can: Can::of(person, &state),
        channel: ChannelOf {
            id: it.channel_id,
            name: listed.channel_name,
            plugin_id: listed.plugin_id,
        },
        contact: ContactOf {
            id: it.contact_id,
            name: listed.contact_name,
            address: listed.contact_address,
            avatar: listed.contact_picture.map(super::files::url),
        },
        team: named(it.team_id, listed.team_name),
        agent: named(it.agent_id, listed.agent_name),
        offer: named(it.offer_agent, listed.offer_agent_name).map(|agent| OfferView {
            agent,
            since: Time(it.offer_since.unwrap_or(it.queued_at)),
            deadline: it.offer_deadline.map(Time),
        }),
        conclusion: state.conclusion.map(|conclusion| ConclusionView {
            by: named(it.concluded_by, listed.concluded_by_name),
            at: Time(conclusion.at),
            summary: conclusion.summary,
        }),
        window: window.map(|at| Window {
            closes_at: Time(at),
        }),
        preview: it
            .preview
            .as_deref()
            .map(serde_json::from_str)
            .transpose()?,
        undelivered: listed
            .last_state
            .is_some_and(|it| it == "failed" || it == "uncertain"),
        labels: serde_json::from_str(&it.labels)?,
        id: it.id,
        version: it.version,
        status: it.status,
        queued_at: Time(it.queued_at),
        started_at: it.started_at.map(Time),
        last_message_at: Time(it.last_message_at),
        last_inbound_at: it.last_inbound_at.map(Time),
        unread: it.unread,
    })
}

/// Which conversations.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// `queued`, `mine`, `others` or `concluded`.
    pub folder: String,
    #[param(value_type = Option<String>)]
    pub channel: Option<ChannelId>,
    #[param(value_type = Option<String>)]
    pub team: Option<TeamId>,
    #[param(value_type = Option<String>)]
    pub agent: Option<UserId>,
    /// Words of messages, of the contact's name or address; the last may be unfinished. Or part of a phone number.
    pub q: Option<String>,
    pub unread: Option<bool>,
    /// At most 100.
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<String>,
}

/// A folder's page, newest activity first.
#[utoipa::path(get, path = "/conversations", tag = "conversations", params(Which),
    responses((status = 200, body = Page<ConversationView>), (status = 422, body = Problem)))]
async fn list(
    State(app): State<SharedApp>,
    caller: Caller,
    Query(which): Query<Which>,
) -> Answer<Json<Page<ConversationView>>> {
    let folder = match which.folder.as_str() {
        "queued" => Folder::Queued,
        "mine" => Folder::Mine,
        "others" => Folder::Others,
        "concluded" => Folder::Concluded,
        _ => {
            return Err(Problem::field(
                "folder",
                "must be queued, mine, others or concluded",
            ));
        }
    };
    let paging = Paging {
        limit: which.limit,
        after: which.after,
    };
    let limit = paging.limit(50);
    let filter = Filter {
        channel: which.channel,
        team: which.team,
        agent: which.agent,
        unread: which.unread.unwrap_or(false),
        q: which.q.unwrap_or_default(),
        after: paging.after()?,
        limit: i64::from(limit) + 1,
    };
    let person = caller.person();
    let rows = app
        .store
        .read()
        .await?
        .folder(caller.workspace, &person, folder, &filter)
        .await?;
    let page = Page::cut(
        rows,
        limit,
        |row| (row.conversation.last_message_at, row.conversation.id),
        |row| view(&person, row),
    );
    let items: Result<Vec<_>> = page.items.into_iter().collect();
    Ok(Json(Page {
        items: items?,
        next: page.next,
    }))
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Counters)]
pub struct CountersView {
    pub queued: i64,
    pub mine: i64,
    /// Null for who sees no others.
    #[schema(required)]
    pub others: Option<i64>,
    pub concluded: i64,
}

/// How many each of the caller's folders holds.
#[utoipa::path(get, path = "/conversations/counters", tag = "conversations", responses((status = 200, body = CountersView)))]
async fn counters(State(app): State<SharedApp>, caller: Caller) -> Answer<Json<CountersView>> {
    let Counters {
        queued,
        mine,
        others,
        concluded,
    } = app
        .store
        .read()
        .await?
        .counters(caller.workspace, &caller.person())
        .await?;
    Ok(Json(CountersView {
        queued,
        mine,
        others,
        concluded,
    }))
}

/// One conversation.
#[utoipa::path(get, path = "/conversations/{id}", tag = "conversations", params(("id" = String, Path), IfNoneMatch),
    responses((status = 200, body = ConversationView), (status = 304), (status = 404, body = Problem)))]
async fn show(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(id): Path<ConversationId>,
    conditions: Conditions,
) -> Answer<Response> {
    let mut tx = app.store.read().await?;
    let listed = seen(&mut tx, &caller, id).await?;
    conditions.show(&view(&caller.person(), listed)?)
}

/// The conversation, if the caller may see it.
///
/// # Errors
/// `NotFound` for everybody else: whether it exists is not told.
pub async fn seen(tx: &mut Tx, caller: &Caller, id: ConversationId) -> Result<Listed> {
    let listed = tx
        .listed(caller.workspace, id)
        .await?
        .ok_or(Error::NotFound("conversation"))?;
    let held = listed.conversation.hold_until.is_some();
    if held || !rules::sees(&caller.person(), &listed.conversation.routed()?) {
        return Err(Error::NotFound("conversation"));
    }
    Ok(listed)
}
