//! Sends what was queued: one message at a time per channel, in order, with backoff; what nobody knows the outcome of is shown as
//! *uncertain* and never repeated by itself (DESIGN §1.4). Knows no provider: the channel's plugin sends.

use balcao_runtime::wit::{Content, channel::Outbound};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    app::SharedApp,
    channel::Channel,
    clock::Instant,
    error::{Error, Result},
    hooks,
    jobs::crew,
    plugin::Attempt,
    store::sends::{Outcome, Send},
};

/// How long an attempt is ours: longer than any call may take, in microseconds.
const LEASE: i64 = 45_000_000;
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
    if next.is_none_or(|at| at > now) || free == 0 {
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
                // The lease ends, and the message is uncertain then.
                tracing::error!(message = %send.message_id, "an attempt to send could not be finished: {error}");
            }
        });
    }
    // What waits behind a message under way is started by the commit that ends it.
    Ok(None)
}

async fn attempt(app: &SharedApp, send: &Send) -> Result<()> {
    let mut tx = app.store.read().await?;
    let channel = tx
        .channel_anywhere(send.channel_id)
        .await?
        .filter(|channel| channel.enabled);
    let outbound = match &channel {
        Some(_) => Some(outbound(&mut tx, send).await?),
        None => None,
    };
    drop(tx);
    let outcome = match (&channel, outbound) {
        (Some(channel), Some(outbound)) => ask(app, channel, send, outbound).await,
        _ => Outcome::Failed {
            reason: "O canal está desligado.".to_owned(),
        },
    };
    let sent = matches!(outcome, Outcome::Sent { .. });
    finish(app, send, outcome).await?;
    match channel.filter(|_| sent) {
        Some(channel) => hooks::works(app, &channel).await,
        None => Ok(()),
    }
}

async fn ask(app: &SharedApp, channel: &Channel, send: &Send, outbound: Outbound) -> Outcome {
    let now = app.clock.now();
    match app.apps.send(channel, outbound).await {
        Attempt::Sent(sent) => Outcome::Sent {
            external_ids: sent.external_ids,
            state: sent.state,
        },
        Attempt::Uncertain => uncertain(),
        Attempt::Refused {
            retry: Some(seconds),
            message,
        } if send.attempts < ATTEMPTS => {
            let pause = pause(send.attempts).max(i64::from(seconds) * 1_000_000);
            Outcome::Retry {
                at: now.saturating_add(pause),
                error: message,
            }
        }
        Attempt::Refused { message, .. } => Outcome::Failed { reason: message },
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

async fn outbound(tx: &mut crate::store::Tx, send: &Send) -> Result<Outbound> {
    let workspace = send.workspace_id;
    let message = tx
        .message(workspace, send.message_id)
        .await?
        .ok_or(Error::NotFound("message"))?;
    let conversation = tx
        .conversation(workspace, send.conversation_id)
        .await?
        .ok_or(Error::NotFound("conversation"))?;
    let author = message
        .author_id
        .as_deref()
        .filter(|_| message.author == "user");
    let author = match author.and_then(|id| id.parse().ok()) {
        Some(id) => tx.user(workspace, id).await?,
        None => None,
    };
    let extra = author.map_or_else(String::new, |user| {
        json!({ "author-name": user.name }).to_string()
    });
    Ok(Outbound {
        channel: send.channel_id.to_string(),
        message: send.message_id.to_string(),
        attempt: u32::try_from(send.attempts).unwrap_or(u32::MAX),
        thread: conversation.thread,
        recipient: conversation.recipient,
        content: Content {
            kind: message.kind,
            text: message.text,
            attachments: serde_json::from_str(&message.attachments)?,
            extra: message.extra,
        },
        reply_to: message.reply_to_external,
        last_inbound_at: conversation.last_inbound_at,
        extra,
    })
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
