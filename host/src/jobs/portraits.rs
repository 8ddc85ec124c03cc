//! Fetches people's pictures from where their channels have them, with the plugin's rights and no others, and keeps each as a small square of our own
//! making (`pictures::portrait`). Knows no provider.

use std::io;

use async_trait::async_trait;
use balcao_runtime::http::Sink;
use tokio::task::JoinSet;

use crate::{
    app::SharedApp,
    clock::Instant,
    error::{Error, Result},
    files::Incoming,
    jobs::crew,
    keeping,
    plugin::{NotFetched, Wanted},
    store::{
        files::File,
        portraits::{Portrait, Sought},
    },
};

/// How long an attempt is ours, in microseconds: longer than a call and a download may take.
const LEASE: i64 = 420_000_000;
/// Attempts under way at once: messages' own files matter more.
const AT_ONCE: usize = 3;
/// Bytes of the largest picture that is looked at.
const LARGEST: u64 = 5_000_000;

/// Runs until the server stops; what is under way then is finished.
pub async fn run(app: SharedApp) {
    crew::run(&app, "people's pictures", look).await;
}

/// Starts what is due; says when the next is.
async fn look(app: &SharedApp, under_way: &mut JoinSet<()>) -> Result<Option<Instant>> {
    let now = app.clock.now();
    let free = AT_ONCE.saturating_sub(under_way.len());
    if free == 0 {
        // The end of one of them is the next look.
        return Ok(None);
    }
    let next = app.store.look_up().await?.next_portrait_at().await?;
    if next.is_none_or(|at| at > now) {
        return Ok(next);
    }
    let mut tx = app.store.begin_repeatable().await?;
    let limit = i64::try_from(free).unwrap_or(1);
    let claimed = tx.claim_portraits(now, LEASE, limit).await?;
    tx.commit().await?;
    for it in claimed {
        let app = app.clone();
        under_way.spawn(async move {
            if let Err(error) = attempt(&app, &it).await {
                // The lease ends, and another attempt is made.
                tracing::error!(channel = %it.channel_id, "a person's picture could not be fetched: {error}");
            }
        });
    }
    Ok(None)
}

async fn attempt(app: &SharedApp, it: &Portrait) -> Result<()> {
    let sought = match seek(app, it).await? {
        Ok(Some(picture)) => kept(app, it, picture).await?,
        Ok(None) => Sought::None,
        Err(NotFetched { trouble, rest }) => {
            match trouble.again(it.attempts, rest, app.clock.now()) {
                Some(at) => Sought::Again { at },
                None => Sought::None,
            }
        }
    };
    let mut tx = app.store.write(it.workspace_id).await?;
    match tx
        .finish_portrait(app.scope(it.workspace_id), it, sought)
        .await
    {
        Ok(()) => tx.commit().await,
        // Somebody else has taken over: what we kept is noted as nobody's.
        Err(Error::Conflict(_)) => tx.rollback().await,
        Err(error) => Err(error),
    }
}

/// The picture as it is to be kept; none where what came is no picture that can be shown.
async fn seek(app: &SharedApp, it: &Portrait) -> Result<Result<Option<Vec<u8>>, NotFetched>> {
    let mut tx = app.store.read().await?;
    let channel = tx.channel(it.workspace_id, it.channel_id).await?;
    let channel = channel.ok_or(Error::NotFound("channel"))?;
    drop(tx);
    let key = format!(
        "portrait/{}/{}/{}",
        it.channel_id, it.external_id, it.asked_at
    );
    let wanted = Wanted {
        source: &it.source,
        key: &key,
        max_bytes: LARGEST,
        announced: 0,
    };
    let mut incoming = app.files.begin().await.map_err(Error::internal)?;
    match app
        .apps
        .fetch(&channel, wanted, &mut To(&mut incoming))
        .await
    {
        Ok(()) => Ok(Ok(incoming
            .into_portrait()
            .await
            .map_err(Error::internal)?)),
        Err(error) => Ok(Err(error)),
    }
}

/// Its bytes are durable, unless they are those of the one that is there.
async fn kept(app: &SharedApp, it: &Portrait, picture: Vec<u8>) -> Result<Sought> {
    let mut incoming = app.files.begin().await.map_err(Error::internal)?;
    incoming.write(&picture).await.map_err(Error::internal)?;
    if let Some(id) = it.file_id {
        let shown = app.store.read().await?.file(it.workspace_id, id).await?;
        if shown.and_then(|it| it.sha256).as_deref() == Some(&incoming.sha256()[..]) {
            return Ok(Sought::Same);
        }
    }
    let (id, arrived) = keeping::keep(app, it.workspace_id, incoming).await?;
    let name = "retrato.jpg".to_owned();
    let file = File {
        channel_id: Some(it.channel_id),
        ..File::arrived(it.workspace_id, id, name, &arrived, app.clock.now())
    };
    Ok(Sought::Here(Box::new(file)))
}

struct To<'a>(&'a mut Incoming);

#[async_trait]
impl Sink for To<'_> {
    fn expect(&mut self, _: u64) {}

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write(bytes).await
    }
}
