//! One feed per workspace that somebody watches: a task that reads the event log in order whenever it is woken, and hands each line, written once,
//! to all sockets. Owns the feeds and their tasks; reads the log, never writes it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use axum::extract::ws::Utf8Bytes;
use balcao_runtime::rules::Routed;
use tokio::sync::{Notify, OnceCell, broadcast};

use super::feed;
use crate::{
    app::{App, SharedApp},
    error::Result,
    id::{UserId, WorkspaceId},
};

/// Lines that a socket may be behind before it is told to start over.
const BACKLOG: usize = 512;
/// How often a feed looks without being woken: for commits of other processes.
const POLL: Duration = Duration::from_secs(1);
/// Events read at once.
const PAGE: u32 = 256;

/// A line for the sockets of a workspace.
#[derive(Debug)]
pub struct Line {
    /// Its place in the event log; none for what is only true now.
    pub seq: Option<i64>,
    pub audience: Audience,
    /// The message as sent.
    pub text: Utf8Bytes,
}

/// Who may see a line.
#[derive(Debug)]
pub enum Audience {
    Everyone,
    /// Whoever may see the conversation that stands so.
    Conversation(Routed),
    /// Everyone, and what they may see must be looked up again.
    RightsChanged,
    /// Everyone but the one who did it.
    Others(Routed, UserId),
}

/// All feeds of this process.
#[derive(Default)]
pub struct Bus {
    feeds: Mutex<HashMap<WorkspaceId, Weak<Feed>>>,
}

/// A watched workspace.
pub struct Feed {
    lines: broadcast::Sender<Arc<Line>>,
    wake: Notify,
    /// The end of the log when the feed began.
    from: OnceCell<i64>,
}

/// A share in a feed. Lines committed after [`Watching::since`] returned come through `lines`.
pub struct Watching {
    feed: Arc<Feed>,
    pub lines: broadcast::Receiver<Arc<Line>>,
}

impl Watching {
    /// Waits until the feed follows the log; then gives where it began.
    pub async fn since(&self, app: &App, workspace: WorkspaceId) -> Result<i64> {
        self.feed.begin(app, workspace).await
    }

    /// Drops the lines that were missed or not yet taken.
    pub fn start_over(&mut self) {
        self.lines = self.feed.lines.subscribe();
    }
}

impl Feed {
    async fn begin(&self, app: &App, workspace: WorkspaceId) -> Result<i64> {
        let head = self
            .from
            .get_or_try_init(|| feed::head(app, workspace))
            .await?;
        Ok(*head)
    }
}

impl Bus {
    /// Says that something was committed in `workspace`. Cheap where nobody watches.
    pub fn wake(&self, workspace: WorkspaceId) {
        if let Some(feed) = self.find(workspace) {
            feed.wake.notify_one();
        }
    }

    /// Whether any screen is connected.
    pub fn is_watched(&self, workspace: WorkspaceId) -> bool {
        self.find(workspace).is_some()
    }

    /// How many screens are connected.
    pub fn watchers(&self, workspace: WorkspaceId) -> usize {
        self.find(workspace)
            .map_or(0, |feed| feed.lines.receiver_count())
    }

    /// Tells those who watch something that is not in the log: typing, presence.
    pub fn tell(&self, workspace: WorkspaceId, line: Line) {
        if let Some(feed) = self.find(workspace) {
            let _ = feed.lines.send(Arc::new(line));
        }
    }

    /// Watches a workspace. The feed lives as long as somebody holds it.
    pub fn watch(&self, app: &SharedApp, workspace: WorkspaceId) -> Watching {
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(feed) = feeds.get(&workspace).and_then(Weak::upgrade) {
            let lines = feed.lines.subscribe();
            return Watching { feed, lines };
        }
        feeds.retain(|_, feed| feed.strong_count() > 0);
        let (sender, lines) = broadcast::channel(BACKLOG);
        let feed = Arc::new(Feed {
            lines: sender,
            wake: Notify::new(),
            from: OnceCell::new(),
        });
        feeds.insert(workspace, Arc::downgrade(&feed));
        tokio::spawn(follow(
            Arc::downgrade(app),
            Arc::downgrade(&feed),
            workspace,
        ));
        Watching { feed, lines }
    }

    fn find(&self, workspace: WorkspaceId) -> Option<Arc<Feed>> {
        let feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.get(&workspace).and_then(Weak::upgrade)
    }
}

/// Reads the log from its present end on, for as long as somebody watches.
async fn follow(app: Weak<App>, feed: Weak<Feed>, workspace: WorkspaceId) {
    let mut last = None;
    loop {
        let (Some(app), Some(feed)) = (app.upgrade(), feed.upgrade()) else {
            return;
        };
        if let Err(error) = advance(&app, &feed, workspace, &mut last).await {
            tracing::warn!(%workspace, %error, "the realtime feed could not read the event log; it tries again");
        }
        drop(app);
        let _ = tokio::time::timeout(POLL, feed.wake.notified()).await;
    }
}

/// Hands out everything that was committed since the last time.
async fn advance(
    app: &App,
    feed: &Feed,
    workspace: WorkspaceId,
    last: &mut Option<i64>,
) -> Result<()> {
    let mut after = match *last {
        Some(seq) => seq,
        None => feed.begin(app, workspace).await?,
    };
    loop {
        let page = feed::read(app, workspace, after, PAGE).await?;
        let more = page.more;
        after = page.upto;
        *last = Some(after);
        for line in page.lines {
            let _ = feed.lines.send(Arc::new(line));
        }
        if !more {
            return Ok(());
        }
    }
}
