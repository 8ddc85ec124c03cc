//! What is committed on SQLite and what of it a power failure leaves. A commit goes to the log without waiting for the disk, which would keep the next
//! writer waiting too; who promises something waits here for the sync that covers it, and one sync serves all who wait.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

use tokio::sync::watch;

use crate::error::{Error, Result};

/// Cheap to clone; the thread that syncs ends with the last one.
#[derive(Clone)]
pub(super) struct Disk {
    commits: Arc<Commits>,
    synced: watch::Receiver<Synced>,
    /// One asker is enough for all.
    asked: SyncSender<()>,
}

/// How many commits there were. One is made at a time; while it is, others may see it already, and the log may not have it yet.
#[derive(Default)]
struct Commits {
    begun: AtomicU64,
    made: AtomicU64,
}

/// A commit that is being made, or has failed where this is dropped.
pub(super) struct Committing {
    disk: Disk,
    number: u64,
}

impl Committing {
    /// It is made.
    pub fn made(self) -> Unsynced {
        Unsynced(Some((self.disk.clone(), self.number)))
    }
}

impl Drop for Committing {
    fn drop(&mut self) {
        self.disk
            .commits
            .made
            .fetch_max(self.number, Ordering::AcqRel);
    }
}

#[derive(Clone, Copy)]
enum Synced {
    /// That many commits are on the disk.
    Upto(u64),
    /// What is in the log is not known, nor will another sync tell: the system forgets what it could not write.
    Failed,
}

/// A commit, seen by everybody, that a power failure may still take back.
#[must_use = "nothing may be promised before `wait` has returned"]
pub(crate) struct Unsynced(Option<(Disk, u64)>);

impl Unsynced {
    /// Nothing has to be waited for.
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Returns once no power failure takes it back.
    ///
    /// # Errors
    /// `unavailable`: the disk has failed, and nobody knows what is on it.
    pub(crate) async fn wait(self) -> Result<()> {
        match self.0 {
            Some((disk, commit)) => disk.reach(commit).await,
            None => Ok(()),
        }
    }
}

impl Disk {
    /// `log`: SQLite's write-ahead log, which is there as long as a connection is open.
    pub fn of_log(log: &Path) -> io::Result<Self> {
        let file = File::open(log)?;
        // That the file is there has to be on the disk too.
        if let Some(folder) = log.parent() {
            File::open(folder)?.sync_all()?;
        }
        Self::start(move || file.sync_data())
    }

    fn start(mut sync: impl FnMut() -> io::Result<()> + Send + 'static) -> io::Result<Self> {
        let commits = Arc::<Commits>::default();
        let (asked, asks) = mpsc::sync_channel(1);
        let (tell, synced) = watch::channel(Synced::Upto(0));
        let counted = Arc::clone(&commits);
        thread::Builder::new()
            .name("disk".into())
            .spawn(move || attend(&asks, &counted, &tell, &mut sync))?;
        Ok(Self {
            commits,
            synced,
            asked,
        })
    }

    /// Begins a commit. The caller has the turn to write.
    pub fn committing(&self) -> Committing {
        Committing {
            disk: self.clone(),
            number: self.commits.begun.fetch_add(1, Ordering::AcqRel) + 1,
        }
    }

    /// Everything that anybody can have seen so far.
    pub fn so_far(&self) -> Unsynced {
        let commit = self.commits.begun.load(Ordering::Acquire);
        Unsynced(Some((self.clone(), commit)))
    }

    #[cfg(test)]
    pub fn is_settled(&self) -> bool {
        let begun = self.commits.begun.load(Ordering::Acquire);
        matches!(*self.synced.borrow(), Synced::Upto(upto) if upto >= begun)
    }

    async fn reach(mut self, commit: u64) -> Result<()> {
        let mut covered = false;
        loop {
            match *self.synced.borrow_and_update() {
                Synced::Upto(upto) if upto >= commit => return Ok(()),
                Synced::Upto(_) if covered => {}
                Synced::Upto(_) => {
                    // Else the sync that is asked for may begin before the commit is made, and another is asked for after it.
                    covered = self.commits.made.load(Ordering::Acquire) >= commit;
                    // Full: somebody has asked already, and the sync that he gets has not begun.
                    let _ = self.asked.try_send(());
                }
                Synced::Failed => break,
            }
            if self.synced.changed().await.is_err() {
                break;
            }
        }
        Err(Error::Unavailable(
            "the disk has failed to keep what was written".into(),
        ))
    }
}

fn attend(
    asks: &Receiver<()>,
    commits: &Commits,
    tell: &watch::Sender<Synced>,
    sync: &mut impl FnMut() -> io::Result<()>,
) {
    while asks.recv().is_ok() {
        let upto = commits.made.load(Ordering::Acquire);
        if let Err(error) = sync() {
            tracing::error!(
                "the database's log could not be synced, nothing is promised any more; see to the disk and start again: {error}"
            );
            tell.send_replace(Synced::Failed);
            return;
        }
        tell.send_replace(Synced::Upto(upto));
    }
}

/// After that long a test has failed.
#[cfg(test)]
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

#[cfg(test)]
pub(crate) struct HeldDisk {
    disk: Disk,
    begins: Receiver<()>,
    pub end: mpsc::Sender<io::Result<()>>,
}

/// A disk that syncs when it is told to, and tells that it was asked.
#[cfg(test)]
pub(crate) fn held() -> HeldDisk {
    let (began, begins) = mpsc::channel();
    let (end, ends) = mpsc::channel();
    let disk = Disk::start(move || {
        began.send(()).map_err(io::Error::other)?;
        ends.recv_timeout(PATIENCE).map_err(io::Error::other)?
    });
    HeldDisk {
        disk: disk.expect("a thread can be started"),
        begins,
        end,
    }
}

#[cfg(test)]
impl HeldDisk {
    pub(crate) fn committed(&self) -> Unsynced {
        self.disk.committing().made()
    }

    /// Waits until a sync has begun.
    pub(crate) fn begun(&self) {
        self.begins.recv_timeout(PATIENCE).expect("no sync began");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_sync_serves_all_who_committed_before_it_began_and_nobody_else() {
        let held = held();
        let disk = &held.disk;
        let first = tokio::spawn(held.committed().wait());
        tokio::task::yield_now().await;
        held.begun();
        let later: Vec<_> = (0..3)
            .map(|_| tokio::spawn(held.committed().wait()))
            .collect();
        tokio::task::yield_now().await;
        held.end.send(Ok(())).unwrap();
        first.await.unwrap().unwrap();
        held.begun();
        assert!(later.iter().all(|it| !it.is_finished()));
        held.end.send(Ok(())).unwrap();
        for it in later {
            it.await.unwrap().unwrap();
        }
        disk.so_far().wait().await.unwrap();
        assert!(held.begins.try_recv().is_err());
    }

    #[tokio::test]
    async fn who_may_have_seen_a_commit_that_is_being_made_waits_for_it() {
        let held = held();
        let being_made = held.disk.committing();
        let saw_it = tokio::spawn(held.disk.so_far().wait());
        tokio::task::yield_now().await;
        held.begun();
        let made = being_made.made();
        held.end.send(Ok(())).unwrap();
        tokio::task::yield_now().await;
        let made = tokio::spawn(made.wait());
        tokio::task::yield_now().await;
        held.begun();
        assert!(!saw_it.is_finished() && !made.is_finished());
        held.end.send(Ok(())).unwrap();
        saw_it.await.unwrap().unwrap();
        made.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn nobody_waits_for_a_commit_that_failed() {
        let held = held();
        drop(held.disk.committing());
        held.end.send(Ok(())).unwrap();
        held.disk.so_far().wait().await.unwrap();
    }

    #[tokio::test]
    async fn after_a_sync_that_failed_nothing_is_promised_any_more() {
        let held = held();
        held.end.send(Err(io::Error::other("I/O error"))).unwrap();
        let refused = held.committed().wait().await;
        assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
        held.begun();
        let refused = held.committed().wait().await;
        assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
        assert!(held.begins.try_recv().is_err());
    }
}
