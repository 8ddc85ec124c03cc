//! Visitors' live streams: each reads what was pushed to its visitor from the store, in order, woken by commits. The store is the truth, so a stream
//! holds a page of events at most, and whoever comes back goes on where they were. Owns who is here and how many from one address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    time,
};

use crate::{
    app::{App, SharedApp},
    clock::Instant,
    error::Result,
    id::{ChannelId, WorkspaceId},
    limits::network_of,
    store::visitors::Pushed,
};

/// How long what was pushed is kept, in µs: an hour.
pub const FRESH: i64 = 3_600_000_000;
/// How often a workspace that is watched is looked at without being woken: for commits of other processes.
const POLL: Duration = Duration::from_secs(1);
/// A stream ends after that, and its browser comes again: rights, settings and the server behind a proxy may have changed.
const LONGEST: Duration = Duration::from_secs(30 * 60);
/// Events read at once.
const PAGE: i64 = 50;
/// News of other processes read at once.
const NEWS: i64 = 1_000;

/// Whose stream it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    pub channel: ChannelId,
    pub visitor: String,
}

/// All streams of this process.
#[derive(Default)]
pub struct VisitorStreams {
    workspaces: Mutex<HashMap<WorkspaceId, Weak<Watched>>>,
    addresses: Mutex<HashMap<IpAddr, u32>>,
}

/// A workspace of which somebody watches a channel.
#[derive(Default)]
struct Watched(Mutex<HashMap<Place, watch::Sender<()>>>);

/// A place among the streams of an address, until dropped.
pub struct Seat {
    streams: Arc<VisitorStreams>,
    address: IpAddr,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut addresses = lock(&self.streams.addresses);
        if let Some(taken) = addresses.get_mut(&self.address) {
            *taken -= 1;
            if *taken == 0 {
                addresses.remove(&self.address);
            }
        }
    }
}

/// What a stream gives out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// From here on.
    Ready {
        number: i64,
    },
    /// From here on; what came between is not there any more.
    Resync {
        number: i64,
    },
    Pushed(Pushed),
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl VisitorStreams {
    /// A place for one more stream; none where an address has as many as it may.
    pub fn seat(self: &Arc<Self>, address: IpAddr, most: u32) -> Option<Seat> {
        let address = network_of(address);
        let mut addresses = lock(&self.addresses);
        let taken = addresses.entry(address).or_default();
        if *taken >= most {
            return None;
        }
        *taken += 1;
        drop(addresses);
        Some(Seat {
            streams: Arc::clone(self),
            address,
        })
    }

    /// Something was committed for a visitor. Cheap where nobody watches.
    pub fn wake(&self, workspace: WorkspaceId, channel: ChannelId, visitor: &str) {
        let watched = lock(&self.workspaces)
            .get(&workspace)
            .and_then(Weak::upgrade);
        if let Some(watched) = watched {
            watched.wake(&Place {
                channel,
                visitor: visitor.to_owned(),
            });
        }
    }

    fn watch(&self, app: &SharedApp, workspace: WorkspaceId) -> Arc<Watched> {
        let mut all = lock(&self.workspaces);
        if let Some(watched) = all.get(&workspace).and_then(Weak::upgrade) {
            return watched;
        }
        all.retain(|_, watched| watched.strong_count() > 0);
        let watched = Arc::new(Watched::default());
        all.insert(workspace, Arc::downgrade(&watched));
        let (app, weak) = (Arc::downgrade(app), Arc::downgrade(&watched));
        tokio::spawn(follow(app, weak, workspace));
        watched
    }
}

impl Watched {
    fn wake(&self, place: &Place) {
        if let Some(news) = lock(&self.0).get(place) {
            news.send_replace(());
        }
    }

    fn news(&self, place: &Place) -> watch::Receiver<()> {
        let mut here = lock(&self.0);
        here.retain(|_, news| news.receiver_count() > 0);
        let news = here
            .entry(place.clone())
            .or_insert_with(|| watch::Sender::new(()));
        news.subscribe()
    }
}

/// Wakes streams for what other processes have committed, for as long as somebody watches.
async fn follow(app: Weak<App>, watched: Weak<Watched>, workspace: WorkspaceId) {
    let mut last = None;
    loop {
        let (Some(app), Some(watched)) = (app.upgrade(), watched.upgrade()) else {
            return;
        };
        if let Err(error) = look(&app, &watched, workspace, &mut last).await {
            tracing::warn!(%workspace, %error, "what is new for visitors could not be read; it is tried again");
        }
        drop((app, watched));
        time::sleep(POLL).await;
    }
}

async fn look(
    app: &App,
    watched: &Watched,
    workspace: WorkspaceId,
    last: &mut Option<i64>,
) -> Result<()> {
    let mut tx = app.store.look_up().await?;
    let Some(mut after) = *last else {
        *last = Some(tx.last_pushed(workspace).await?);
        return Ok(());
    };
    let news = tx.visitors_with_news(workspace, after, NEWS).await?;
    for it in news {
        after = it.number;
        watched.wake(&Place {
            channel: it.channel_id,
            visitor: it.visitor,
        });
    }
    *last = Some(after);
    Ok(())
}

/// Gives a visitor's stream to `out` until nobody listens, takes too long to, or the server stops. `from`: the last number that the browser has.
pub async fn serve(
    app: SharedApp,
    workspace: WorkspaceId,
    place: Place,
    from: Option<i64>,
    out: mpsc::Sender<Shown>,
) {
    let streams = Arc::clone(&app.visitor_streams);
    // Held: the follower lives as long as somebody watches.
    let watched = streams.watch(&app, workspace);
    let news = watched.news(&place);
    if let Err(error) = flow(&app, (workspace, &place), from, news, &out).await {
        tracing::warn!(%workspace, channel = %place.channel, %error, "a visitor's stream broke off");
    }
}

async fn flow(
    app: &App,
    (workspace, place): (WorkspaceId, &Place),
    from: Option<i64>,
    mut news: watch::Receiver<()>,
    out: &mpsc::Sender<Shown>,
) -> Result<()> {
    let patience = Duration::from_secs(app.config.limits.slow_screen_seconds.get().into());
    let give = async |shown| out.send_timeout(shown, patience).await.is_ok();
    let over = time::sleep(LONGEST);
    let mut over = std::pin::pin!(over);
    let mut stop = app.stopping();
    let mut last = {
        let newest = app.store.look_up().await?.last_pushed(workspace).await?;
        // Nothing will be pushed under so old a number, and a fresh one is good for longer.
        let newest = newest.max(app.clock.now() - FRESH / 2);
        match from {
            Some(from) if is_kept(from, newest, app.clock.now()) => from,
            Some(_) => {
                if !give(Shown::Resync { number: newest }).await {
                    return Ok(());
                }
                newest
            }
            None => {
                if !give(Shown::Ready { number: newest }).await {
                    return Ok(());
                }
                newest
            }
        }
    };
    loop {
        news.borrow_and_update();
        loop {
            let of = (workspace, place.channel);
            let mut tx = app.store.look_up().await?;
            let page = tx.pushed_to_visitor(of, &place.visitor, last, PAGE).await?;
            drop(tx);
            let whole = page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
            for it in page {
                last = it.number;
                if !give(Shown::Pushed(it)).await {
                    return Ok(());
                }
            }
            if whole {
                break;
            }
        }
        tokio::select! {
            () = stop.stopped() => return Ok(()),
            () = &mut over => return Ok(()),
            () = out.closed() => return Ok(()),
            changed = news.changed() => if changed.is_err() { return Ok(()) },
        }
    }
}

/// Whether everything after that number is still there. One that was never given out is another database's.
fn is_kept(from: i64, newest: i64, now: Instant) -> bool {
    (now.saturating_sub(FRESH)..=newest.max(now)).contains(&from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_seats_and_gets_one_back_that_was_left() {
        let streams = Arc::new(VisitorStreams::default());
        let here: IpAddr = "192.0.2.1".parse().unwrap();
        let there: IpAddr = "192.0.2.2".parse().unwrap();
        let one = streams.seat(here, 2).unwrap();
        let _two = streams.seat(here, 2).unwrap();
        assert!(streams.seat(here, 2).is_none());
        assert!(streams.seat(there, 2).is_some());
        drop(one);
        assert!(streams.seat(here, 2).is_some());
        assert!(!lock(&streams.addresses).contains_key(&there));
    }

    #[test]
    fn a_place_is_gone_on_from_only_where_nothing_after_it_was_forgotten() {
        let (now, newest) = (10 * FRESH, 10 * FRESH - 5);
        assert!(is_kept(newest, newest, now));
        assert!(is_kept(now - FRESH, newest, now));
        assert!(!is_kept(now - FRESH - 1, newest, now));
        assert!(!is_kept(now + 1, newest, now));
    }
}
