//! Effects happen exactly once, whatever becomes of calls: how attempts may go, at random, and the model that they are held against, which
//! simply counts. Whoever keeps deliveries and timers (the memory of scenarios, the server's store) is a `Place`.

use proptest::prelude::*;

/// How one attempt at a delivery or timer goes.
#[derive(Clone, Debug)]
pub enum Fate {
    Well,
    Trap,
    Deadline,
    CrashBefore,
    /// In the middle of the commit.
    CrashDuring,
    CrashAfter,
    /// So many others write what the call has read, each before another of its commits.
    Conflicts(u32),
    /// The same cause is given twice at once: the second one must find it gone.
    Twice,
    /// It takes so long that another does it meanwhile.
    Late,
}

pub fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        3 => Just(Fate::Well),
        1 => Just(Fate::Trap),
        1 => Just(Fate::Deadline),
        1 => Just(Fate::CrashBefore),
        1 => Just(Fate::CrashDuring),
        1 => Just(Fate::CrashAfter),
        2 => (1_u32..6).prop_map(Fate::Conflicts),
        1 => Just(Fate::Twice),
        1 => Just(Fate::Late),
    ]
}

/// So many events, and what becomes of the first attempts.
pub fn case() -> impl Strategy<Value = (usize, Vec<Fate>)> {
    (1_usize..6, prop::collection::vec(fate(), 0..30))
}

/// What is there in the end.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    /// The counter that every call adds one to, and every other's write too.
    pub count: u64,
    /// One for each call that took effect: `event-…` or `timer-…`.
    pub notes: Vec<String>,
    /// Deliveries and timers that still wait.
    pub left: usize,
}

/// Where an app handles events: each is counted, noted, and sets a timer of the same name, which is counted and noted too.
pub trait Place {
    /// One attempt at what waits longest. Gives how often others wrote to the counter meanwhile; none where nothing waits.
    async fn attempt(&mut self, fate: &Fate) -> Option<u64>;

    async fn seen(&mut self) -> Seen;
}

/// Goes on until nothing waits; after the last of the fates all goes well. `events`: their names.
pub async fn drive(place: &mut impl Place, events: &[String], fates: &[Fate]) {
    let mut fates = fates.iter();
    let mut others = 0;
    let mut attempts = 0;
    while let Some(written) = place.attempt(fates.next().unwrap_or(&Fate::Well)).await {
        others += written;
        attempts += 1;
        assert!(attempts < 1_000, "it does not come to an end");
    }
    let mut notes: Vec<_> = events
        .iter()
        .flat_map(|name| [format!("event-{name}"), format!("timer-{name}")])
        .collect();
    notes.sort();
    let expected = Seen {
        count: notes.len() as u64 + others,
        notes,
        left: 0,
    };
    assert_eq!(place.seen().await, expected);
}
