//! Contacts who are typing: from the channels' plugins to the screens that see the conversation (FEATURES A10). Never kept; where more comes than can be
//! passed on, it is left out.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{bus::Bus, feed};
use crate::{
    error::Result,
    id::{ChannelId, WorkspaceId},
    ingest::Signals,
    store::Store,
};

/// Signals that wait to be passed on.
const QUEUE: usize = 256;

/// Hears that contacts are typing.
pub struct ContactsTyping(mpsc::Sender<Typing>);

struct Typing {
    workspace: WorkspaceId,
    channel: ChannelId,
    thread: String,
}

impl ContactsTyping {
    /// Passes on until the last one is dropped.
    pub fn start(store: Store, bus: Arc<Bus>) -> Self {
        let (queue, mut waiting) = mpsc::channel::<Typing>(QUEUE);
        tokio::spawn(async move {
            while let Some(typing) = waiting.recv().await {
                if let Err(error) = pass_on(&store, &bus, &typing).await {
                    tracing::warn!(workspace = %typing.workspace, "that a contact types could not be told: {error}");
                }
            }
        });
        Self(queue)
    }
}

impl Signals for ContactsTyping {
    fn typing(&self, workspace: WorkspaceId, channel: ChannelId, thread: &str) {
        let typing = Typing {
            workspace,
            channel,
            thread: thread.to_owned(),
        };
        // Too many at once: the next one is as good.
        let _ = self.0.try_send(typing);
    }
}

async fn pass_on(store: &Store, bus: &Bus, typing: &Typing) -> Result<()> {
    if !bus.is_watched(typing.workspace) {
        return Ok(());
    }
    let mut tx = store.read().await?;
    let open = tx
        .open_conversation(typing.workspace, typing.channel, &typing.thread)
        .await?;
    // What is held is nobody's to see yet.
    if let Some(found) = open.filter(|it| it.hold_until.is_none()) {
        bus.tell(typing.workspace, feed::contact_types(&found)?);
    }
    Ok(())
}
