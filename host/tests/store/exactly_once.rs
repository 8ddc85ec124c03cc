//! The model of effects that happen exactly once, against the store: claims, leases, read sets, commits and crashes as a server has them.

use balcao::id::{ConversationId, MessageId};
use balcao::store::claims::{Claim, Next, Work};
use balcao::store::effects::{CallCommit, CallError, Cause};
use balcao::store::events::LaneKind;
use balcao::store::storage::{Indexes, Owner};
use balcao_runtime::effect::{Effect, MessagesSend, Storage, Timers};
use balcao_runtime::quota::Quotas;
use balcao_runtime::services::ReadSet;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::model::{self, Fate, Place, Seen};
use crate::support::{Bench, NOON, Office, Subscribed, both, message};

both! {
    every_event_and_timer_takes_effect_exactly_once,
}

const PLUGIN: &str = "router";
/// µs.
const LEASE: i64 = 1_000;
/// As often as the server runs a call after conflicts.
const RUNS: u32 = 3;
/// Always the same ones: each takes its own workspace of one database.
const CASES: usize = 40;

async fn every_event_and_timer_takes_effect_exactly_once(bench: &Bench) {
    let mut runner = TestRunner::deterministic();
    for _ in 0..CASES {
        let case = model::case().new_tree(&mut runner).expect("a case");
        let (events, fates) = case.current();
        let office = bench.office().await;
        let (mut desk, names) = Desk::new(bench, office, events).await;
        // Shown where the test fails.
        println!("{events} events, {fates:?}");
        model::drive(&mut desk, &names, &fates).await;
    }
}

/// A workspace in which one app is told of messages.
struct Desk<'a> {
    bench: &'a Bench,
    office: Office,
    conversation: ConversationId,
}

/// What a claim is for, as the note has it.
fn name(claim: &Claim) -> String {
    match &claim.work {
        Work::Event { event, .. } => format!("event-{}", event.seq),
        Work::Timer(timer) => format!("timer-{}", timer.name),
    }
}

fn set(key: &str, value: String) -> Effect {
    Effect::Storage(Storage::Set {
        key: key.to_owned(),
        value,
        ttl: None,
        about: None,
    })
}

impl<'a> Desk<'a> {
    async fn new(bench: &'a Bench, office: Office, events: usize) -> (Self, Vec<String>) {
        let told = Subscribed::one("message.received", PLUGIN, LaneKind::Conversation, false);
        let ingest = bench.ingest_with(told);
        let items = (0..events)
            .map(|n| message("5511", &format!("m{n}"), NOON))
            .collect();
        let taken = bench.submit(&ingest, &office, items).await;
        let desk = Self {
            bench,
            office,
            conversation: taken.messages[0].0,
        };
        let mut tx = bench.store.read().await.expect("reads");
        let log = tx.events_after(office.workspace, 0, 1_000).await;
        let log = log.expect("reads").into_iter();
        let names = log
            .filter(|event| event.kind == "message.received")
            .map(|event| event.seq.to_string())
            .collect();
        (desk, names)
    }

    fn owner(&self) -> Owner<'static> {
        Owner {
            workspace: self.office.workspace,
            plugin: PLUGIN,
        }
    }

    /// What is due, once it is; none where nothing waits.
    async fn claim(&self) -> Option<Claim> {
        loop {
            let now = self.bench.clock.now();
            let mut tx = self.bench.store.begin().await.expect("begins");
            let claimed = tx.claim(now, LEASE, 1).await.expect("claims").pop();
            let next = tx.next_lane_at().await.expect("reads");
            tx.commit().await.expect("committed");
            if claimed.is_some() {
                return claimed;
            }
            let micros = next?.saturating_sub(now).max(1);
            self.pass(micros);
        }
    }

    fn pass(&self, micros: i64) {
        let micros = u64::try_from(micros).expect("time goes on");
        self.bench
            .clock
            .advance(std::time::Duration::from_micros(micros));
    }

    async fn count(&self) -> (u64, Option<i64>) {
        let mut tx = self.bench.store.read().await.expect("reads");
        let now = self.bench.clock.now();
        let found = tx.storage_get(self.owner(), "count", now).await;
        let found = found.expect("reads");
        let count = found
            .as_ref()
            .map_or(0, |it| it.value.parse().expect("a number"));
        (count, found.map(|it| it.revision))
    }

    /// One run of the app: what it read, and what it wants.
    async fn run(&self, claim: &Claim) -> (ReadSet, Vec<Effect>) {
        let (count, revision) = self.count().await;
        let reads = ReadSet {
            storage: [("count".to_owned(), revision)].into(),
            ..ReadSet::default()
        };
        let mut effects = vec![
            set("count", (count + 1).to_string()),
            Effect::MessagesSend(MessagesSend::Note {
                id: self.bench.ids.mint::<MessageId>().to_string(),
                conversation: self.conversation.to_string(),
                text: name(claim),
            }),
        ];
        if let Work::Event { event, .. } = &claim.work {
            effects.push(Effect::Timers(Timers::Set {
                name: event.seq.to_string(),
                at: self.bench.clock.now() + 1,
                about: None,
                payload: String::new(),
            }));
        }
        (reads, effects)
    }

    /// `whole`: else the server dies when all is written and nothing committed.
    async fn commit(
        &self,
        cause: Cause<'_>,
        (reads, effects): &(ReadSet, Vec<Effect>),
        whole: bool,
    ) -> Result<(), CallError> {
        let call = CallCommit {
            plugin: PLUGIN,
            channel: None,
            cause,
            reads,
            effects,
            indexes: &Indexes::new(),
            quotas: &Quotas::default(),
        };
        let mut tx = self.bench.store.write(self.office.workspace).await?;
        let written = tx.commit_call(self.office.scope(self.bench), &call).await;
        // Not by dropping it: PostgreSQL would hear of that a moment later, and until then whoever claims passes over the lane.
        match whole && written.is_ok() {
            true => tx.commit().await?,
            false => tx.rollback().await?,
        }
        written.map(drop)
    }

    /// Somebody else adds one to the counter.
    async fn another_writes(&self) {
        let (count, _) = self.count().await;
        let effects = vec![set("count", (count + 1).to_string())];
        let wants = (ReadSet::default(), effects);
        let written = self.commit(Cause::Host, &wants, true).await;
        written.expect("others may always write");
    }

    /// The call came to nothing, by its own fault or not, and is tried again.
    async fn fail(&self, claim: &Claim, next: fn(i64) -> Next) {
        let mut tx = self
            .bench
            .store
            .write(self.office.workspace)
            .await
            .expect("begins");
        let next = next(self.bench.clock.now());
        tx.fail(claim, "it failed", next).await.expect("noted");
        tx.commit().await.expect("committed");
    }

    /// Runs and commits, again after conflicts; others write before so many commits. Gives how many did.
    async fn serve(&self, claim: &Claim, conflicts: u32) -> u64 {
        let mut others = 0;
        for so_far in 0..RUNS {
            let wants = self.run(claim).await;
            if so_far < conflicts {
                self.another_writes().await;
                others += 1;
            }
            match self.commit(Cause::Claimed(claim), &wants, true).await {
                Ok(()) => {
                    assert!(so_far >= conflicts, "a conflict was not seen");
                    return others;
                }
                Err(CallError::Conflict(_)) => assert!(so_far < conflicts),
                Err(error) => panic!("not committed: {error}"),
            }
        }
        self.fail(claim, Next::Again).await;
        others
    }

    async fn finds_it_gone(&self, claim: &Claim) {
        let wants = self.run(claim).await;
        let again = self.commit(Cause::Claimed(claim), &wants, true).await;
        assert!(matches!(again, Err(CallError::LeaseLost)), "{again:?}");
    }
}

impl Place for Desk<'_> {
    async fn attempt(&mut self, fate: &Fate) -> Option<u64> {
        let claim = self.claim().await?;
        match fate {
            Fate::Trap | Fate::Deadline => self.fail(&claim, Next::Retry).await,
            // The lease ends by itself.
            Fate::CrashBefore => self.pass(LEASE),
            Fate::CrashDuring => {
                let wants = self.run(&claim).await;
                let written = self.commit(Cause::Claimed(&claim), &wants, false).await;
                written.expect("it would have been committed");
                self.pass(LEASE);
            }
            Fate::Well | Fate::CrashAfter => return Some(self.serve(&claim, 0).await),
            Fate::Conflicts(conflicts) => return Some(self.serve(&claim, *conflicts).await),
            Fate::Twice => {
                self.serve(&claim, 0).await;
                self.finds_it_gone(&claim).await;
            }
            Fate::Late => {
                self.pass(LEASE);
                let other = self.claim().await.expect("it can be taken");
                assert_eq!(other.work, claim.work);
                self.finds_it_gone(&claim).await;
                self.serve(&other, 0).await;
                self.finds_it_gone(&claim).await;
            }
        }
        Some(0)
    }

    async fn seen(&mut self) -> Seen {
        let (count, _) = self.count().await;
        let messages = self.bench.messages(&self.office, self.conversation).await;
        let mut notes: Vec<_> = messages
            .into_iter()
            .filter(|it| it.direction == "note")
            .map(|it| it.text)
            .collect();
        notes.sort();
        // Other workspaces have nothing that waits: each case goes on until that is so.
        let left = self
            .bench
            .number("SELECT (SELECT COUNT(*) FROM deliveries) + (SELECT COUNT(*) FROM timers)")
            .await;
        Seen {
            count,
            notes,
            left: usize::try_from(left).expect("a count"),
        }
    }
}
