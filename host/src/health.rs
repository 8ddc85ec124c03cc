//! What calls of its app show of a channel: that it is connected, or what keeps messages from going out, with the remedy that the app names.
//! What an app says by itself (`inbox.health`) and what a test of the connection finds stay until something shows the contrary.

use crate::{
    app::App,
    channel::{Channel, HealthState},
    error::Result,
    plugin::{Attempt, CallFailure},
    store::{
        Tx,
        events::{Actor, NewEvent},
    },
};

/// Something came in through the channel: that it is connected is known now, if nothing was.
///
/// # Errors
/// The store's.
pub async fn works(app: &App, channel: &Channel) -> Result<()> {
    if channel.health_state != HealthState::Unknown {
        return Ok(());
    }
    let mut tx = app.store.write(channel.workspace_id).await?;
    let changed = tx.channel_works(channel.workspace_id, channel.id).await?;
    told(app, tx, channel, changed).await
}

/// What an attempt to send shows. Credentials that are not accepted end the connection; whatever is to pass by itself degrades it; a message that
/// went out mends both. A refusal of one message says nothing of the channel, and neither does an app that is off.
///
/// # Errors
/// The store's.
pub async fn attempted(app: &App, channel: &Channel, attempt: &Attempt) -> Result<()> {
    let (state, message) = match attempt {
        Attempt::Sent(_) | Attempt::Changed => (HealthState::Connected, ""),
        Attempt::Refused { code, message, .. } if code == "unauthorized" => {
            (HealthState::Disconnected, message.as_str())
        }
        Attempt::Refused {
            code,
            retry: Some(_),
            message,
        } if !code.is_empty() => (HealthState::Degraded, message.as_str()),
        _ => return Ok(()),
    };
    // As it is by now: a test may have found something while the attempt was under way.
    let mut tx = app.store.read().await?;
    let known = tx.channel(channel.workspace_id, channel.id).await?;
    drop(tx);
    if known.is_none_or(|it| (it.health_state, it.health_message.as_str()) == (state, message)) {
        return Ok(());
    }
    let mut tx = app.store.write(channel.workspace_id).await?;
    let changed = tx
        .show_sending(channel.workspace_id, channel.id, state, message)
        .await?;
    told(app, tx, channel, changed).await
}

/// What a test of the connection finds; `account`: as JSON. One that is there takes back that it was not, and what the app said of it by itself stands.
///
/// # Errors
/// The store's.
pub async fn tested(
    app: &App,
    channel: &Channel,
    found: std::result::Result<&str, &CallFailure>,
) -> Result<()> {
    let (workspace, id) = (channel.workspace_id, channel.id);
    let mut tx = app.store.write(workspace).await?;
    let changed = match found {
        Ok(account) => {
            tx.set_channel_account(workspace, id, account).await?;
            tx.show_sending(workspace, id, HealthState::Connected, "")
                .await?
        }
        // What keeps the provider from answering for a while keeps messages from going out.
        Err(failure) if failure.retry.is_some() => {
            tx.show_sending(workspace, id, HealthState::Degraded, &failure.message)
                .await?
        }
        Err(failure) => {
            tx.set_channel_health(workspace, id, HealthState::Disconnected, &failure.message)
                .await?
        }
    };
    told(app, tx, channel, changed).await
}

async fn told(app: &App, mut tx: Tx, channel: &Channel, changed: bool) -> Result<()> {
    if changed {
        let event = NewEvent::new("channel.changed")
            .subject("channel", channel.id)
            .by(&Actor::system());
        tx.append(app.scope(channel.workspace_id), vec![event])
            .await?;
    }
    tx.commit().await?;
    app.channels.forget(channel.id);
    Ok(())
}
