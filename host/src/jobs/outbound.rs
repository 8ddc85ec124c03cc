//! Sends what was queued: in order within a conversation, a few at a time per channel and no faster than it takes them, with backoff; what nobody knows the outcome of is shown as
//! *uncertain* and never repeated by itself (DESIGN §1.4). Changes of what was sent go the same way. Knows no provider: the channel's plugin sends.

use balcao_runtime::wit::{Content, channel::Outbound, channel_edits::Target};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    app::{App, SharedApp},
    capabilities::Capabilities,
    channel::Channel,
    clock::Instant,
    error::{Error, Result},
    health,
    jobs::{crew, insist},
    plugin::Attempt,
    store::{
        Tx,
        messages::Message,
        sends::{Outcome, Send},
    },
};

/// How long an attempt is ours: longer than any call may take, files included, in microseconds.
const LEASE: i64 = 360_000_000;
/// Attempts under way at once.
const AT_ONCE: usize = 16;
/// After that many a message that is refused for the moment has failed.
const ATTEMPTS: i64 = 8;
const FIRST_PAUSE: i64 = 2_000_000;
const LONGEST_PAUSE: i64 = 300_000_000;

/// Runs until the server stops; what is under way then is finished.
pub async fn run(app: SharedApp) {
    crew::run(&app, "the outbound queue", look).await;
}

/// Starts what is due; says when the next is.
async fn look(app: &SharedApp, under_way: &mut JoinSet<()>) -> Result<Option<Instant>> {
    let now = app.clock.now();
    let mut tx = app.store.look_up().await?;
    let abandoned = tx.abandoned_sends(now).await?;
    let next = tx.next_send_at().await?;
    drop(tx);
    for send in abandoned {
        finish(app, &send, uncertain()).await?;
    }
    let free = AT_ONCE.saturating_sub(under_way.len());
    if free == 0 {
        // Looked at again as soon as a place is free; what is due already would not let it wait for that.
        return Ok(None);
    }
    if next.is_none_or(|at| at > now) {
        return Ok(next);
    }
    let mut tx = app.store.begin().await?;
    let limit = i64::try_from(free).unwrap_or(1);
    let claimed = tx.claim_sends(now, LEASE, limit).await?;
    tx.commit().await?;
    for send in claimed {
        let app = app.clone();
        under_way.spawn(async move {
            if let Err(error) = attempt(&app, &send).await {
                // The database was away for long. The lease ends, and the message is uncertain then.
                tracing::error!(message = %send.message_id, "an attempt to send could not be finished: {error}");
            }
        });
    }
    // What waits behind a message under way is started by the commit that ends it.
    Ok(None)
}

async fn attempt(app: &SharedApp, send: &Send) -> Result<()> {
    // Read before anything is asked of the channel.
    let (channel, order) = match insist(app, || what(app, send)).await? {
        Ok(what) => what,
        Err(reason) => return write_down(app, send, failed(reason)).await,
    };
    let able = Capabilities::of(channel.capabilities.as_deref());
    if let Some(rate) = able.and_then(|it| it.rate()) {
        app.pace.wait(channel.id, rate).await;
    }
    let attempt = match order {
        Order::Send(message) => app.apps.send(&channel, message).await,
        Order::Edit(target, content) => {
            let content = Some(content);
            app.apps.change(&channel, send.id, target, content).await
        }
        Order::Revoke(target) => app.apps.change(&channel, send.id, target, None).await,
    };
    write_down(app, send, judged(app.clock.now(), send, &attempt)).await?;
    health::attempted(app, &channel, &attempt).await
}

/// The channel and what it is asked to do, or why nothing is.
async fn what(app: &App, send: &Send) -> Result<Result<(Channel, Order), &'static str>> {
    let mut tx = app.store.read().await?;
    let channel = tx.channel_anywhere(send.channel_id).await?;
    let Some(channel) = channel.filter(|channel| channel.enabled) else {
        return Ok(Err("O canal está desligado."));
    };
    let order = order(app, &mut tx, send).await?;
    Ok(order
        .map(|order| (channel, order))
        .ok_or("A mensagem foi apagada."))
}

/// What the channel has said is known, and nothing is uncertain because the database was away for a moment.
async fn write_down(app: &SharedApp, send: &Send, outcome: Outcome) -> Result<()> {
    insist(app, || finish(app, send, outcome.clone())).await
}

/// What an attempt came to; `now`: when it ended.
fn judged(now: Instant, send: &Send, attempt: &Attempt) -> Outcome {
    match attempt {
        Attempt::Sent(sent) => Outcome::Sent {
            external_ids: sent.external_ids.clone(),
            state: sent.state.clone(),
        },
        Attempt::Changed => Outcome::Sent {
            external_ids: Vec::new(),
            state: String::new(),
        },
        Attempt::Uncertain => uncertain(),
        Attempt::Refused {
            retry: Some(seconds),
            message,
            ..
        } if send.attempts < ATTEMPTS => {
            let pause = pause(send.attempts).max(i64::from(*seconds) * 1_000_000);
            Outcome::Retry {
                at: now.saturating_add(pause),
                error: message.clone(),
            }
        }
        Attempt::Refused { message, .. } => failed(message),
    }
}

fn failed(reason: &str) -> Outcome {
    Outcome::Failed {
        reason: reason.to_owned(),
    }
}

/// Nobody knows; a person decides whether to send it again.
fn uncertain() -> Outcome {
    Outcome::Uncertain {
        reason: "O canal não confirmou o envio: a mensagem pode ou não ter chegado.".to_owned(),
    }
}

/// How long to wait before the next attempt, after so many.
fn pause(attempts: i64) -> i64 {
    let doublings = u32::try_from(attempts.clamp(1, 16) - 1).unwrap_or(0);
    FIRST_PAUSE
        .saturating_mul(1 << doublings)
        .min(LONGEST_PAUSE)
}

/// What the channel is asked to do.
enum Order {
    Send(Outbound),
    Edit(Target, Content),
    Revoke(Target),
}

/// None where the message was taken back meanwhile.
async fn order(app: &App, tx: &mut Tx, send: &Send) -> Result<Option<Order>> {
    let workspace = send.workspace_id;
    let message = tx
        .message(workspace, send.message_id)
        .await?
        .ok_or(Error::NotFound("message"))?;
    let conversation = tx
        .conversation(workspace, send.conversation_id)
        .await?
        .ok_or(Error::NotFound("conversation"))?;
    let attempt = u32::try_from(send.attempts).unwrap_or(u32::MAX);
    if send.action == "send" {
        return Ok(Some(Order::Send(Outbound {
            channel: send.channel_id.to_string(),
            message: send.message_id.to_string(),
            attempt,
            thread: conversation.thread,
            recipient: conversation.recipient,
            content: message.content()?,
            reply_to: message.reply_to_external.clone(),
            last_inbound_at: conversation.last_inbound_at,
            extra: written_by(app, tx, &message).await?,
        })));
    }
    if message.revoked_at.is_some() {
        return Ok(None);
    }
    let target = Target {
        channel: send.channel_id.to_string(),
        message: send.message_id.to_string(),
        attempt,
        thread: conversation.thread,
        recipient: conversation.recipient,
        external_ids: tx.external_ids(&message).await?,
        at: message.at,
        content: message.content()?,
        extra: String::new(),
    };
    Ok(Some(match &send.content {
        Some(content) => Order::Edit(target, serde_json::from_str(content)?),
        None => Order::Revoke(target),
    }))
}

/// Who wrote it, as the contract has it.
async fn written_by(app: &App, tx: &mut Tx, message: &Message) -> Result<String> {
    let id = message.author_id.as_deref().unwrap_or_default();
    let (by, name) = match message.author.as_str() {
        "user" => {
            let user = match id.parse() {
                Ok(user) => tx.user(message.workspace_id, user).await?,
                Err(_) => None,
            };
            ("user", user.map(|it| it.name))
        }
        "plugin" => {
            let package = app.apps.package(id);
            let name = package.map(|it| it.manifest().name.get("pt-BR").to_owned());
            ("app", name)
        }
        _ => ("automatic", None),
    };
    Ok(json!({ "by": by, "name": name.unwrap_or_default() }).to_string())
}

async fn finish(app: &SharedApp, send: &Send, outcome: Outcome) -> Result<()> {
    let mut tx = app.store.write(send.workspace_id).await?;
    match tx
        .finish_send(app.scope(send.workspace_id), send, outcome)
        .await
    {
        Ok(_) => tx.commit().await,
        // Somebody else has finished it.
        Err(Error::Conflict(_)) => tx.rollback().await,
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_from_two_seconds_up_to_five_minutes() {
        let pauses: Vec<i64> = (1..=9)
            .map(|attempts| pause(attempts) / 1_000_000)
            .collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert_eq!(pause(i64::MAX), LONGEST_PAUSE);
    }
}
