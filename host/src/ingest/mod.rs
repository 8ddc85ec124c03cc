//! Takes what channels received into the store. Owns the queue and the one writer task that commits everything waiting at once (group
//! commit). An answer means: it is durable. Never speaks to plugins or providers.

mod about;
mod batch;
mod decide;
mod item;
mod people;
mod plan;

use std::sync::Arc;
use std::thread;

use balcao_runtime::effect::Inbox;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use crate::clock::{Clock, Instant};
use crate::error::{Error, Result};
use crate::id::{ChannelId, ConversationId, Ids, MessageId, WorkspaceId};
use crate::store::events::Subscriptions;
use crate::store::{Store, Unsynced};

/// Events in one commit, at most (a single submission may be larger).
const BATCH: usize = 512;
/// Submissions that wait for the writer, at most; more are refused.
const QUEUE: usize = 4096;

/// What ingest needs from around it.
#[derive(Clone)]
pub struct Parts {
    pub store: Store,
    pub ids: Ids,
    pub clock: Clock,
    pub subscriptions: Arc<dyn Subscriptions>,
    /// What is told and not kept.
    pub signals: Arc<dyn Signals>,
}

/// Hears what is not kept.
pub trait Signals: Send + Sync {
    /// The contact of that thread is typing.
    fn typing(&self, workspace: WorkspaceId, channel: ChannelId, thread: &str);
}

/// Nobody listens.
pub struct NoSignals;

impl Signals for NoSignals {
    fn typing(&self, _: WorkspaceId, _: ChannelId, _: &str) {}
}

/// What became of a submission: committed, whatever it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Events that were new.
    pub new: usize,
    /// Events that had come before.
    pub repeated: usize,
    /// Position and reason of what could not be taken in.
    pub rejected: Vec<(usize, String)>,
    /// The messages that were written, in order.
    pub messages: Vec<(ConversationId, MessageId)>,
}

/// The way in. Cheap to clone; the writer ends when the last one is dropped.
#[derive(Clone)]
pub struct Ingest {
    queue: mpsc::Sender<Job>,
}

/// What one call of a channel's plugin handed over.
pub(crate) struct Submission {
    pub workspace: WorkspaceId,
    pub channel: ChannelId,
    pub plugin: String,
    pub items: Vec<Inbox>,
    /// When it came in.
    pub at: Instant,
}

struct Job {
    submission: Submission,
    answer: oneshot::Sender<Result<Committed>>,
}

impl Ingest {
    /// Starts the writer. It ends after the last `Ingest` was dropped and everything waiting is committed.
    ///
    /// # Errors
    /// There is no thread for it.
    pub fn start(parts: Parts) -> Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let runtime = Handle::current();
        // On SQLite a commit does not let go of its thread, so it has one of its own.
        thread::Builder::new()
            .name("ingest".into())
            .spawn(move || runtime.block_on(write(parts, waiting)))
            .map_err(Error::internal)?;
        Ok(Self { queue })
    }

    /// Returns once everything is committed, or nothing of it.
    ///
    /// # Errors
    /// `unavailable`: too much is waiting, or the database cannot be reached; nothing was kept and the provider should repeat itself.
    /// `not_found`: the channel does not exist.
    pub async fn submit(
        &self,
        workspace: WorkspaceId,
        channel: ChannelId,
        plugin: &str,
        items: Vec<Inbox>,
        at: Instant,
    ) -> Result<Committed> {
        if items.is_empty() {
            return Ok(Committed::default());
        }
        let (answer, committed) = oneshot::channel();
        let submission = Submission {
            workspace,
            channel,
            plugin: plugin.to_owned(),
            items,
            at,
        };
        self.queue
            .try_send(Job { submission, answer })
            .map_err(|_| Error::Unavailable("too many messages are waiting to be stored".into()))?;
        committed
            .await
            .map_err(|_| Error::Unavailable("the server is stopping".into()))?
    }
}

/// Takes everything waiting, commits it, and has it answered once it is durable, while the next is being committed; until nobody can submit
/// any more.
async fn write(parts: Parts, mut waiting: mpsc::Receiver<Job>) {
    while let Some(first) = waiting.recv().await {
        let mut size = first.submission.items.len();
        let mut jobs = vec![first];
        while size < BATCH
            && let Ok(next) = waiting.try_recv()
        {
            size += next.submission.items.len();
            jobs.push(next);
        }
        let (submissions, answers): (Vec<_>, Vec<_>) = jobs
            .into_iter()
            .map(|job| (job.submission, job.answer))
            .unzip();
        commit(&parts, &submissions, answers).await;
    }
}

type Answer = oneshot::Sender<Result<Committed>>;

/// One commit for all; where that fails, one for each, so that what is wrong with one does no harm to the others.
async fn commit(parts: &Parts, submissions: &[Submission], answers: Vec<Answer>) {
    match batch::commit(parts, submissions).await {
        Ok((outcomes, unsynced)) => {
            tokio::spawn(answer(answers, outcomes, unsynced));
        }
        Err(error) if submissions.len() == 1 => tell(answers, [Err(error)]),
        Err(Error::Unavailable(why)) => {
            let refused = submissions
                .iter()
                .map(|_| Err(Error::Unavailable(why.clone())));
            tell(answers, refused);
        }
        Err(error) => {
            tracing::error!(error = %error, submissions = submissions.len(), "ingest batch failed; trying each by itself");
            for (submission, to) in submissions.iter().zip(answers) {
                match batch::commit(parts, std::slice::from_ref(submission)).await {
                    Ok((outcomes, unsynced)) => {
                        tokio::spawn(answer(vec![to], outcomes, unsynced));
                    }
                    Err(error) => tell(vec![to], [Err(error)]),
                }
            }
        }
    }
}

/// Tells what was committed once it is durable.
async fn answer(to: Vec<Answer>, outcomes: Vec<Result<Committed>>, unsynced: Unsynced) {
    match unsynced.wait().await {
        Ok(()) => tell(to, outcomes),
        Err(error) => {
            let why = error.to_string();
            let refused = outcomes
                .iter()
                .map(|_| Err(Error::Unavailable(why.clone())));
            tell(to, refused);
        }
    }
}

fn tell(to: Vec<Answer>, outcomes: impl IntoIterator<Item = Result<Committed>>) {
    for (answer, outcome) in to.into_iter().zip(outcomes) {
        // Whoever gave up waiting is not told.
        let _ = answer.send(outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::held;
    use std::io;

    type Told = Vec<oneshot::Receiver<Result<Committed>>>;

    fn two() -> (Vec<Answer>, Told, Vec<Result<Committed>>) {
        let (to, told) = (0..2).map(|_| oneshot::channel()).unzip();
        let outcomes = vec![Ok(Committed::default()), Err(Error::NotFound("channel"))];
        (to, told, outcomes)
    }

    #[tokio::test]
    async fn nobody_is_told_before_the_disk_has_it() {
        let disk = held();
        let (to, mut told, outcomes) = two();
        let answering = tokio::spawn(answer(to, outcomes, disk.committed()));
        tokio::task::yield_now().await;
        disk.begun();
        assert!(told.iter_mut().all(|it| it.try_recv().is_err()));
        disk.end.send(Ok(())).unwrap();
        answering.await.unwrap();
        let mut told = told.into_iter().map(|mut it| it.try_recv().unwrap());
        assert_eq!(told.next().unwrap().unwrap(), Committed::default());
        assert!(matches!(told.next().unwrap(), Err(Error::NotFound(_))));
    }

    #[tokio::test]
    async fn what_the_disk_does_not_take_is_refused_so_that_the_provider_repeats_itself() {
        let disk = held();
        let (to, told, outcomes) = two();
        disk.end.send(Err(io::Error::other("I/O error"))).unwrap();
        answer(to, outcomes, disk.committed()).await;
        for mut it in told {
            assert!(matches!(it.try_recv().unwrap(), Err(Error::Unavailable(_))));
        }
    }
}
