//! What people do beside writing, passed on to the contact where the channel can: reactions, typing, having read. Owns which channel can; knows no provider.

use balcao_runtime::rules::{self, Change, Person, Routed, Status};
use serde_json::json;

use crate::{
    account::Caller,
    app::{App, SharedApp},
    capabilities::Capabilities,
    channel::Channel,
    error::{Error, Result},
    id::{ConversationId, WorkspaceId},
    store::{conversations::Conversation, events::Actor, messages::Message},
};

/// Whether the channel says that it has a feature.
fn has(channel: &Channel, feature: &str) -> bool {
    Capabilities::of(channel.capabilities.as_deref()).is_some_and(|it| it.has(feature))
}

/// Whether somebody speaks for the business in a conversation now: they serve it, or supervise who does.
pub fn speaks(person: &Person, state: &Routed) -> bool {
    let own = state.agent.as_deref() == Some(&person.id);
    state.status == Status::InProgress
        && (own || rules::permits(person, state, &Change::Release).is_ok())
}

/// Lets the contact see a reaction to a message, then keeps it. An empty emoji takes it back.
///
/// # Errors
/// `State` with the reason in the caller's language where the channel cannot, or does not now.
pub async fn react(app: &App, caller: &Caller, message: &Message, emoji: &str) -> Result<()> {
    let cannot = || {
        Error::State(caller.say(
            "Este canal não leva reações.",
            "This channel does not carry reactions.",
        ))
    };
    let unknown = || {
        Error::State(caller.say(
            "O canal ainda não conhece esta mensagem.",
            "The channel does not know this message yet.",
        ))
    };
    let workspace = caller.workspace;
    let mut tx = app.store.read().await?;
    let channel = tx
        .channel(workspace, message.channel_id)
        .await?
        .filter(|channel| channel.enabled && has(channel, "reaction"))
        .ok_or_else(cannot)?;
    let conversation = tx
        .conversation(workspace, message.conversation_id)
        .await?
        .ok_or(Error::NotFound("conversation"))?;
    drop(tx);
    let external = message
        .external_id
        .as_deref()
        .filter(|_| message.direction != "note" && message.revoked_at.is_none())
        .ok_or_else(unknown)?;
    let data = json!({ "message": external, "emoji": emoji }).to_string();
    app.apps
        .signal(&channel, &conversation.thread, "reaction", &data)
        .await?;
    let mut tx = app.store.write(workspace).await?;
    let actor = Actor::user(caller.user);
    tx.set_reaction(app.scope(workspace), message.id, &actor, emoji)
        .await?;
    tx.commit().await
}

/// Tells the contact that somebody is typing, where the channel can. Nobody is told where it fails.
pub async fn types(app: &App, workspace: WorkspaceId, conversation: ConversationId) {
    tell(app, workspace, conversation, "typing").await;
}

/// Lets the contact see that what they wrote has been read, where the channel can: by whoever serves them, not by others who look, and once for all
/// that was unread until now. `now`: the conversation as it has become; whoever answers first serves it. Nobody waits for it.
pub fn reads(app: &SharedApp, caller: &Caller, now: &Conversation, unread: i64) {
    let serves = now.status == "in_progress" && now.agent_id == Some(caller.user);
    if !serves || unread == 0 {
        return;
    }
    let (app, workspace, id) = (app.clone(), now.workspace_id, now.id);
    tokio::spawn(async move { tell(&app, workspace, id, "read").await });
}

async fn tell(app: &App, workspace: WorkspaceId, conversation: ConversationId, kind: &str) {
    if let Err(error) = try_to_tell(app, workspace, conversation, kind).await {
        tracing::debug!(%workspace, %conversation, kind, "a signal was not passed on: {error}");
    }
}

async fn try_to_tell(
    app: &App,
    workspace: WorkspaceId,
    id: ConversationId,
    kind: &str,
) -> Result<()> {
    let mut tx = app.store.read().await?;
    let Some(Conversation {
        channel_id, thread, ..
    }) = tx.conversation(workspace, id).await?
    else {
        return Ok(());
    };
    let channel = tx.channel(workspace, channel_id).await?;
    let Some(channel) = channel.filter(|it| it.enabled && has(it, kind)) else {
        return Ok(());
    };
    // Up to which message was read; and providers that show typing with having read ask for it too.
    let last = tx.last_inbound(workspace, id).await?;
    drop(tx);
    let data = match last {
        Some(external) => json!({ "message": external }),
        None => json!({}),
    };
    Ok(app
        .apps
        .signal(&channel, &thread, kind, &data.to_string())
        .await?)
}
