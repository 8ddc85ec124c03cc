//! Fetches what messages carry and the provider still has: under a lease, with backoff, into the workspace's files. Knows no provider: the channel's
//! plugin says where the bytes are, and its rights decide whether they may be asked for (DESIGN §2).

use std::io;

use async_trait::async_trait;
use balcao_runtime::{http::Sink, wit::Attachment};
use tokio::task::JoinSet;

use crate::{
    app::SharedApp,
    attachment::{Trouble, mime_within},
    channel::Channel,
    clock::Instant,
    error::{Error, Result},
    files::{Arrived, Incoming, clean_name},
    id::FileId,
    jobs::crew,
    plugin::{NotFetched, Wanted},
    store::{
        fetches::{Fetch, Fetched},
        files::File,
    },
};

/// How long an attempt is ours, in microseconds: longer than a call and a download may take.
const LEASE: i64 = 420_000_000;
/// Attempts under way at once.
const AT_ONCE: usize = 8;

/// Runs until the server stops; what is under way then is finished.
pub async fn run(app: SharedApp) {
    crew::run(&app, "what is to be fetched", look).await;
}

/// Starts what is due; says when the next is.
async fn look(app: &SharedApp, under_way: &mut JoinSet<()>) -> Result<Option<Instant>> {
    let now = app.clock.now();
    let free = AT_ONCE.saturating_sub(under_way.len());
    if free == 0 {
        // The end of one of them is the next look.
        return Ok(None);
    }
    let next = app.store.look_up().await?.next_fetch_at().await?;
    if next.is_none_or(|at| at > now) {
        return Ok(next);
    }
    let mut tx = app.store.begin_repeatable().await?;
    let limit = i64::try_from(free).unwrap_or(1);
    let claimed = tx.claim_fetches(now, LEASE, limit).await?;
    tx.commit().await?;
    for fetch in claimed {
        let app = app.clone();
        under_way.spawn(async move {
            if let Err(error) = attempt(&app, &fetch).await {
                // The lease ends, and another attempt is made.
                tracing::error!(message = %fetch.message_id, "an attachment could not be fetched: {error}");
            }
        });
    }
    Ok(None)
}

/// What is known of an attachment before its bytes are here.
struct Announced {
    channel: Channel,
    kind: String,
    name: String,
}

async fn attempt(app: &SharedApp, fetch: &Fetch) -> Result<()> {
    // It was edited or taken back meanwhile: whoever did that has seen to the rest.
    let Some(announced) = announced(app, fetch).await? else {
        return Ok(());
    };
    let fetched = match receive(app, fetch, &announced).await {
        Ok(file) => Fetched::Here(Box::new(file)),
        Err(NotFetched { trouble, rest }) => {
            let code = trouble.code();
            match trouble.again(fetch.attempts, rest, app.clock.now()) {
                Some(at) => Fetched::Again { at, code },
                None => Fetched::Failed { code },
            }
        }
    };
    finish(app, fetch, fetched).await
}

async fn announced(app: &SharedApp, fetch: &Fetch) -> Result<Option<Announced>> {
    let mut tx = app.store.read().await?;
    let channel = tx.channel(fetch.workspace_id, fetch.channel_id).await?;
    let message = tx.message(fetch.workspace_id, fetch.message_id).await?;
    let (Some(channel), Some(message)) = (channel, message) else {
        return Ok(None);
    };
    let attachments: Vec<Attachment> = serde_json::from_str(&message.attachments)?;
    let position = usize::try_from(fetch.position).unwrap_or(usize::MAX);
    let attachment = attachments.into_iter().nth(position);
    Ok(attachment.map(|it| Announced {
        channel,
        kind: message.kind,
        name: it.name,
    }))
}

/// The bytes, kept as a file that nobody knows of yet.
async fn receive(
    app: &SharedApp,
    fetch: &Fetch,
    announced: &Announced,
) -> Result<File, NotFetched> {
    let id: FileId = app.ids.mint();
    let begun = app.files.begin(fetch.workspace_id, id).await;
    let mut incoming = begun.map_err(|error| no_room(&error))?;
    let key = fetch.id.to_string();
    let wanted = Wanted {
        source: &fetch.source,
        key: &key,
        max_bytes: u64::try_from(app.config.limits.media_body).unwrap_or(u64::MAX),
    };
    let mut to = Kept(&mut incoming);
    app.apps.fetch(&announced.channel, wanted, &mut to).await?;
    if incoming.size() == 0 {
        return Err(Trouble::Empty.into());
    }
    let Some(mime) = mime_within(&announced.kind, incoming.mime()) else {
        return Err(Trouble::Type.into());
    };
    let arrived = incoming.keep().await.map_err(|error| no_room(&error))?;
    Ok(file(app, fetch, (id, arrived, mime), &announced.name))
}

fn file(
    app: &SharedApp,
    fetch: &Fetch,
    (id, arrived, mime): (FileId, Arrived, &str),
    name: &str,
) -> File {
    File {
        workspace_id: fetch.workspace_id,
        id,
        mime: mime.to_owned(),
        name: clean_name(name),
        size: i64::try_from(arrived.size).unwrap_or(i64::MAX),
        sha256: Some(arrived.sha256.to_vec()),
        state: "ready".to_owned(),
        source: None,
        channel_id: Some(fetch.channel_id),
        created_at: app.clock.now(),
    }
}

/// Our own trouble, which an operator ends.
fn no_room(error: &io::Error) -> NotFetched {
    tracing::error!("a file could not be written: {error}");
    Trouble::Unreachable.into()
}

async fn finish(app: &SharedApp, fetch: &Fetch, fetched: Fetched) -> Result<()> {
    let workspace = fetch.workspace_id;
    let file = match &fetched {
        Fetched::Here(file) => Some(file.id),
        _ => None,
    };
    let mut tx = app.store.write(workspace).await?;
    let done = tx.finish_fetch(app.scope(workspace), fetch, fetched).await;
    let done = match done {
        Ok(()) => return tx.commit().await,
        // Somebody else has fetched it, or nobody wants it any more.
        Err(Error::Conflict(_) | Error::NotFound(_)) => tx.rollback().await,
        Err(error) => Err(error),
    };
    if let Some(id) = file {
        let removed = app.files.remove(workspace, id).await;
        removed.map_err(Error::internal)?;
    }
    done
}

/// Where the bytes go.
struct Kept<'a>(&'a mut Incoming);

#[async_trait]
impl Sink for Kept<'_> {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write(bytes).await
    }
}
