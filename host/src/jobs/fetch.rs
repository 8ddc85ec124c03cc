//! Fetches what messages carry and the provider still has: under a lease, with backoff, into the workspace's files. Knows no provider: the channel's
//! plugin says where the bytes are, and its rights decide whether they may be asked for (DESIGN §2).

use std::{io, time::Duration};

use async_trait::async_trait;
use balcao_runtime::{http::Sink, rules::Routed, wit::Attachment};
use tokio::{task::JoinSet, time};

use crate::{
    app::SharedApp,
    attachment::{Trouble, mime_within},
    channel::Channel,
    clock::Instant,
    error::{Error, Result},
    files::{Arrived, Incoming, clean_name},
    id::{ConversationId, FileId, WorkspaceId},
    jobs::crew,
    keeping,
    plugin::{NotFetched, Wanted},
    realtime::feed,
    store::{
        fetches::{Fetch, Fetched},
        files::File,
    },
    voice,
};

/// How long an attempt is ours, in microseconds: longer than a call and a download may take.
const LEASE: i64 = 420_000_000;
/// Attempts under way at once.
const AT_ONCE: usize = 8;
/// How often the screens are told how far one is.
const TELL: Duration = Duration::from_millis(500);
/// Bytes before which nothing is told: most files are here by then.
const WORTH_TELLING: u64 = 128 << 10;
/// How many of them one channel may have.
const SHARE: i64 = 4;

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
    let claimed = tx.claim_fetches(now, LEASE, limit, SHARE).await?;
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
    conversation: ConversationId,
    kind: String,
    name: String,
    /// Bytes, as the provider says; 0 where it does not.
    size: u64,
}

async fn attempt(app: &SharedApp, fetch: &Fetch) -> Result<()> {
    // It was edited or taken back, or its channel has gone: whoever did that may not have known of this attempt.
    let Some(announced) = announced(app, fetch).await? else {
        return finish(app, fetch, Fetched::Unwanted).await;
    };
    let fetched = match receive(app, fetch, &announced).await {
        Ok(file) => Fetched::Here(Box::new(file)),
        Err(NotFetched { trouble, rest }) => {
            let code = trouble.code();
            match trouble.again(fetch.attempts, rest, app.clock.now()) {
                Some(at) => Fetched::Again { at, code },
                None => Fetched::Failed {
                    code,
                    bound: trouble.bound(),
                },
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
        conversation: message.conversation_id,
        kind: message.kind,
        name: it.name,
        size: it.size,
    }))
}

/// The bytes, kept as a file that nobody knows of yet.
async fn receive(
    app: &SharedApp,
    fetch: &Fetch,
    announced: &Announced,
) -> Result<File, NotFetched> {
    let begun = app.files.begin().await;
    let mut incoming = begun.map_err(|error| no_room(&Error::internal(error)))?;
    let key = fetch.id.to_string();
    let most = u64::try_from(app.config.limits.media_body).unwrap_or(u64::MAX);
    let wanted = Wanted {
        source: &fetch.source,
        key: &key,
        max_bytes: most,
        announced: announced.size,
    };
    let mut to = Kept {
        to: &mut incoming,
        told: Told::new(app, fetch, announced).await,
    };
    app.apps.fetch(&announced.channel, wanted, &mut to).await?;
    if incoming.size() == 0 {
        return Err(Trouble::Empty.into());
    }
    let mut name = announced.name.clone();
    if announced.kind == "audio"
        && let Some(made) = voice::playable(app, &mut incoming, most).await
    {
        name = voice::renamed(&name, made.mime());
        incoming = made;
    }
    let Some(mime) = mime_within(&announced.kind, incoming.mime()) else {
        return Err(Trouble::Type.into());
    };
    let kept = keeping::keep(app, fetch.workspace_id, incoming).await;
    let (id, arrived) = kept.map_err(|error| no_room(&error))?;
    Ok(file(app, fetch, (id, arrived, mime), &name))
}

fn file(
    app: &SharedApp,
    fetch: &Fetch,
    (id, arrived, mime): (FileId, Arrived, &str),
    name: &str,
) -> File {
    let (workspace, name, now) = (fetch.workspace_id, clean_name(name), app.clock.now());
    File {
        mime: mime.to_owned(),
        channel_id: Some(fetch.channel_id),
        ..File::arrived(workspace, id, name, &arrived, now)
    }
}

/// Our own trouble, which an operator ends.
fn no_room(error: &Error) -> NotFetched {
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
        // Noted as loose already: what does not go now goes then.
        app.files.remove(workspace, id).await?;
    }
    done
}

/// Where the bytes go, and who hears how many there are.
struct Kept<'a> {
    to: &'a mut Incoming,
    told: Option<Told<'a>>,
}

#[async_trait]
impl Sink for Kept<'_> {
    fn expect(&mut self, bytes: u64) {
        if let Some(told) = self.told.as_mut().filter(|_| bytes > 0) {
            told.progress.size = bytes;
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to.write(bytes).await?;
        if let Some(told) = &mut self.told {
            told.hear(self.to.size());
        }
        Ok(())
    }
}

/// Tells the screens how far a file is, now and then; nothing of it is kept.
struct Told<'a> {
    app: &'a SharedApp,
    workspace: WorkspaceId,
    progress: feed::Progress,
    state: Routed,
    /// When they were last told.
    last: Option<time::Instant>,
}

impl<'a> Told<'a> {
    /// None where nobody watches, or nobody may see it yet.
    async fn new(app: &'a SharedApp, fetch: &Fetch, announced: &Announced) -> Option<Self> {
        let workspace = fetch.workspace_id;
        if !app.bus.is_watched(workspace) {
            return None;
        }
        let state = feed::routed(app, workspace, announced.conversation).await;
        Some(Self {
            app,
            workspace,
            progress: feed::Progress {
                conversation: announced.conversation,
                message: fetch.message_id,
                position: fetch.position,
                bytes: 0,
                size: announced.size,
            },
            state: state.ok()??,
            last: None,
        })
    }

    fn hear(&mut self, bytes: u64) {
        if bytes < WORTH_TELLING || self.last.is_some_and(|last| last.elapsed() < TELL) {
            return;
        }
        self.last = Some(time::Instant::now());
        self.progress.bytes = bytes;
        let line = self.progress.line(self.state.clone());
        self.app.bus.tell(self.workspace, line);
    }
}
