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
    /// How many commits there were.
    commits: Arc<AtomicU64>,
    synced: watch::Receiver<Synced>,
    /// One asker is enough for all.
    asked: SyncSender<()>,
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
        let commits = Arc::new(AtomicU64::new(0));
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

    /// Counts a commit. The caller still has the turn to write.
    pub fn committed(&self) -> Unsynced {
        let commit = self.commits.fetch_add(1, Ordering::AcqRel) + 1;
        Unsynced(Some((self.clone(), commit)))
    }

    /// Everything that was committed so far.
    pub fn so_far(&self) -> Unsynced {
        let commit = self.commits.load(Ordering::Acquire);
        Unsynced(Some((self.clone(), commit)))
    }

    #[cfg(test)]
    pub fn is_settled(&self) -> bool {
        let commits = self.commits.load(Ordering::Acquire);
        matches!(*self.synced.borrow(), Synced::Upto(upto) if upto >= commits)
    }

    async fn reach(mut self, commit: u64) -> Result<()> {
        let done = |synced: &Synced| match synced {
            Synced::Upto(upto) => *upto >= commit,
            Synced::Failed => true,
        };
        if !done(&self.synced.borrow()) {
            // Full: somebody has asked already, and the sync that he gets has not begun.
            let _ = self.asked.try_send(());
        }
        let reached = self.synced.wait_for(done).await;
        match reached.map(|synced| *synced) {
            Ok(Synced::Upto(_)) => Ok(()),
            _ => Err(Error::Unavailable(
                "the disk has failed to keep what was written".into(),
            )),
        }
    }
}

fn attend(
    asks: &Receiver<()>,
    commits: &AtomicU64,
    tell: &watch::Sender<Synced>,
    sync: &mut impl FnMut() -> io::Result<()>,
) {
    while asks.recv().is_ok() {
        let upto = commits.load(Ordering::Acquire);
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
        self.disk.committed()
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
        let first = tokio::spawn(disk.committed().wait());
        tokio::task::yield_now().await;
        held.begun();
        let later: Vec<_> = (0..3)
            .map(|_| tokio::spawn(disk.committed().wait()))
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
    async fn after_a_sync_that_failed_nothing_is_promised_any_more() {
        let held = held();
        let disk = &held.disk;
        held.end.send(Err(io::Error::other("I/O error"))).unwrap();
        let refused = disk.committed().wait().await;
        assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
        held.begun();
        let refused = disk.committed().wait().await;
        assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
        assert!(held.begins.try_recv().is_err());
    }
}
