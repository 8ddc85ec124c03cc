//! Rows of the event log as lines for screens. Owns which event becomes which line and who may see it; carries ids, and the screen fetches.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::ws::Utf8Bytes;
use balcao_runtime::rules::Routed;
use serde::Serialize;
use serde_json::{Value, json};

use super::bus::{Audience, Line};
use crate::{
    account::Caller,
    app::App,
    error::Result,
    id::{ConversationId, MessageId, WorkspaceId},
    store::{Tx, conversations::Conversation, events::Event},
};

/// Part of the log as lines.
pub struct Page {
    pub lines: Vec<Line>,
    /// The last place that was read.
    pub upto: i64,
    /// Whether there is more after it.
    pub more: bool,
    /// Whether something after the asked place is not kept any more, or that place is in no log: a power failure took it back.
    pub gap: bool,
}

/// What a screen hears.
#[derive(Serialize)]
struct Heard<'a> {
    r#type: &'a str,
    seq: Option<i64>,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<ConversationId>,
    #[serde(skip_serializing_if = "Value::is_null")]
    data: Value,
}

/// Reads at most `limit` events after `after`.
pub async fn read(app: &App, workspace: WorkspaceId, after: i64, limit: u32) -> Result<Page> {
    let mut tx = app.store.read().await?;
    let (head, oldest) = tx.event_bounds(workspace).await?;
    if head <= after {
        return Ok(Page {
            lines: Vec::new(),
            upto: after,
            more: false,
            gap: false,
        });
    }
    let gap = after + 1 < oldest || after >= oldest && !tx.is_event(workspace, after).await?;
    let events = tx.events_after(workspace, after, i64::from(limit)).await?;
    let upto = events.last().map_or(head, |event| event.seq);
    let places = standings(&mut tx, workspace, &events).await?;
    let mut lines: Vec<Line> = events
        .iter()
        .filter_map(|event| line(event, &places))
        .collect();
    lines.extend(summary(&events, upto));
    Ok(Page {
        lines,
        upto,
        more: upto < head,
        gap,
    })
}

/// The last place in the log.
pub async fn head(app: &App, workspace: WorkspaceId) -> Result<i64> {
    let (head, _) = app.store.read().await?.event_bounds(workspace).await?;
    Ok(head)
}

/// How a conversation stands, unless nobody may see it yet.
pub async fn routed(
    app: &App,
    workspace: WorkspaceId,
    id: ConversationId,
) -> Result<Option<Routed>> {
    shown(&mut app.store.read().await?, workspace, id).await
}

/// A line that is only true now, for the others who see the conversation.
pub fn momentary(kind: &str, id: ConversationId, by: &Caller, state: Routed) -> Line {
    let data = json!({ "user": { "id": by.user, "name": by.name } });
    Line {
        seq: None,
        audience: Audience::Others(state, by.user),
        text: heard(None, kind, Some(id), data),
    }
}

/// The contact of that conversation is typing now.
pub fn contact_types(conversation: &Conversation) -> Result<Line> {
    let data = json!({ "contact": { "id": conversation.contact_id } });
    Ok(Line {
        seq: None,
        audience: Audience::Conversation(conversation.routed()?),
        text: heard(None, "typing", Some(conversation.id), data),
    })
}

/// How a conversation stands, unless it is held: then nobody sees it yet.
async fn shown(tx: &mut Tx, workspace: WorkspaceId, id: ConversationId) -> Result<Option<Routed>> {
    match tx.conversation(workspace, id).await? {
        Some(found) if found.hold_until.is_none() => Ok(Some(found.routed()?)),
        _ => Ok(None),
    }
}

/// How far a file is that is being fetched.
pub struct Progress {
    pub conversation: ConversationId,
    pub message: MessageId,
    /// In the message's attachments, from 0.
    pub position: i64,
    pub bytes: u64,
    /// 0 where nobody has said.
    pub size: u64,
}

impl Progress {
    /// For whoever sees the conversation that stands so.
    pub fn line(&self, state: Routed) -> Line {
        let data = json!({ "message_id": self.message, "position": self.position, "bytes": self.bytes, "size": self.size });
        Line {
            seq: None,
            audience: Audience::Conversation(state),
            text: heard(None, "attachment.progress", Some(self.conversation), data),
        }
    }
}

async fn standings(
    tx: &mut Tx,
    workspace: WorkspaceId,
    events: &[Event],
) -> Result<BTreeMap<ConversationId, Routed>> {
    let ids: BTreeSet<ConversationId> = events
        .iter()
        .filter_map(|event| event.conversation)
        .collect();
    let mut places = BTreeMap::new();
    for id in ids {
        if let Some(state) = shown(tx, workspace, id).await? {
            places.insert(id, state);
        }
    }
    Ok(places)
}

fn line(event: &Event, places: &BTreeMap<ConversationId, Routed>) -> Option<Line> {
    let (topic, _) = event.kind.split_once('.')?;
    let kind = match topic {
        "message"
            if matches!(
                event.kind.as_str(),
                "message.received" | "message.queued" | "message.noted"
            ) =>
        {
            "message.created"
        }
        "message" => "message.changed",
        "conversation" => "conversation.changed",
        "contact" => "contact.changed",
        "user" | "team" | "member" => "team.changed",
        "channel" => "channel.changed",
        "plugin" => "plugin.changed",
        _ => return None,
    };
    let audience = match event.conversation {
        Some(id) => Audience::Conversation(places.get(&id)?.clone()),
        None if kind == "team.changed" => Audience::RightsChanged,
        None => Audience::Everyone,
    };
    let data = match event.subject() {
        Some(subject) => json!({ "event": event.kind, subject.kind: subject.id }),
        None => json!({ "event": event.kind }),
    };
    Some(Line {
        seq: Some(event.seq),
        audience,
        text: heard(Some(event.seq), kind, event.conversation, data),
    })
}

/// What everybody hears of a page, without saying which conversations: also those to whom one has just disappeared count and list anew.
fn summary(events: &[Event], upto: i64) -> Option<Line> {
    let moved = events.iter().any(|event| {
        event.kind.starts_with("conversation.") && event.kind != "conversation.changed"
    });
    let kind = match moved {
        true => "conversation.changed",
        false if events.iter().any(|event| event.conversation.is_some()) => "counters",
        false => return None,
    };
    Some(Line {
        seq: Some(upto),
        audience: Audience::Everyone,
        text: heard(Some(upto), kind, None, Value::Null),
    })
}

fn heard(
    seq: Option<i64>,
    kind: &str,
    conversation_id: Option<ConversationId>,
    data: Value,
) -> Utf8Bytes {
    let heard = Heard {
        r#type: "event",
        seq,
        kind,
        conversation_id,
        data,
    };
    serde_json::to_string(&heard).unwrap_or_default().into()
}
