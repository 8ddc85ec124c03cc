//! However a provider's events of one contact come (in any order, again, late, in one request or many, at the same time), the conversation ends in the same
//! state: that which the events as a whole describe. The model knows the whole; the store is told of it piece by piece.

use std::collections::BTreeMap;
use std::sync::Arc;

use balcao::clock::{Clock, Random};
use balcao::id::{ConversationId, Ids};
use balcao::ingest::{Ingest, NoSignals, Parts};
use balcao::store::events::{Actor, NoSubscriptions};
use balcao::store::messages::Message;
use balcao::store::sends::{NewMessage, Outcome};
use balcao_runtime::effect::Inbox;
use balcao_runtime::wit::inbox;
use futures_util::future::join_all;
use proptest::collection::vec;
use proptest::prelude::{Just, any};
use proptest::sample::subsequence;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::Value;

use crate::support::{Bench, NOON, Office, both, person, text};

both! {
    any_order_repetition_and_delay_of_a_contacts_events_ends_in_the_same_state,
    two_requests_at_once_with_the_same_first_message_make_one_of_everything,
}

/// Each takes its own workspace of one database.
const CASES: usize = 60;
const SECOND: i64 = 1_000_000;
/// How long an attempt to send is ours.
const LEASE: i64 = 45_000_000;
/// The contact, whose id is the thread's.
const CONTACT: &str = "5511";
/// Somebody else of the thread who reacts.
const OTHER: &str = "5522";

/// Everything that is ever told of one contact.
#[derive(Clone, Debug)]
struct Story {
    messages: Vec<Told>,
    /// Answers of ours, which the channel tells of before we have noted that they were sent, or after.
    own: Vec<Own>,
    /// "Read up to then", in seconds.
    reads: Vec<i64>,
}

/// A message and what is told about it; times are in seconds and differ.
#[derive(Clone, Debug)]
struct Told {
    /// By the business, elsewhere.
    outgoing: bool,
    /// Of the message that it answers, if it answers one.
    answers: Option<usize>,
    edits: Vec<i64>,
    revoked: Vec<i64>,
    reactions: Vec<(bool, i64)>,
    /// Of an outgoing one.
    states: Vec<&'static str>,
}

#[derive(Clone, Debug)]
struct Own {
    /// The channel also tells it as an echo.
    echoed: bool,
    states: Vec<&'static str>,
    reactions: Vec<(bool, i64)>,
}

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    /// Requests that come at the same time.
    Requests(Vec<Vec<Inbox>>),
    /// We note that our next answer was sent.
    Noted,
}

/// What is so in the end of a message; known by the provider's id.
#[derive(Clone, Debug, PartialEq, Eq)]
struct End {
    direction: &'static str,
    state: String,
    text: String,
    edited_at: Option<i64>,
    revoked_at: Option<i64>,
    /// Who → with what, and when.
    reactions: BTreeMap<String, (String, i64)>,
}

const STATES: [&str; 4] = ["sent", "delivered", "read", "failed"];

fn rank(state: &str) -> usize {
    let order = ["sent", "failed", "delivered", "read"];
    order.iter().position(|it| *it == state).unwrap_or(0)
}

fn told() -> impl Strategy<Value = Told> {
    let times = || subsequence((100..108).collect::<Vec<i64>>(), 0..=3);
    let states = subsequence(STATES.to_vec(), 0..=4);
    let reactions = (times(), vec(any::<bool>(), 3)).prop_map(|(at, who)| who.into_iter().zip(at));
    (
        any::<bool>(),
        proptest::option::of(0_usize..5),
        times(),
        subsequence(vec![120_i64, 121], 0..=2),
        reactions,
        states,
    )
        .prop_map(
            |(outgoing, answers, edits, revoked, reactions, states)| Told {
                outgoing,
                answers,
                edits,
                revoked,
                reactions: reactions.collect(),
                states,
            },
        )
}

fn own() -> impl Strategy<Value = Own> {
    let reactions = subsequence(vec![100_i64, 101, 102], 0..=2);
    let states = subsequence(STATES.to_vec(), 0..=4);
    (any::<bool>(), states, reactions).prop_map(|(echoed, states, at)| Own {
        echoed,
        states,
        reactions: at.into_iter().map(|at| (at == 101, at)).collect(),
    })
}

fn story() -> impl Strategy<Value = Story> {
    let reads = subsequence(vec![0_i64, 2, 9], 0..=1);
    (vec(told(), 1..4), vec(own(), 0..3), reads).prop_map(|(messages, own, reads)| {
        let mut story = Story {
            messages,
            own,
            reads,
        };
        if !story.reads.is_empty() {
            // Whether one that failed was read by then nobody can say.
            let told = story.messages.iter_mut().map(|it| &mut it.states);
            let own = story.own.iter_mut().map(|it| &mut it.states);
            told.chain(own)
                .for_each(|states| states.retain(|it| *it != "failed"));
        }
        story
    })
}

impl Story {
    fn events(&self) -> Vec<Inbox> {
        let mut events = Vec::new();
        for (n, it) in self.messages.iter().enumerate() {
            let id = format!("m{n}");
            let answers = it.answers.and_then(|of| self.ids().nth(of));
            let answers = answers.filter(|of| *of != id);
            events.push(message(&id, it.outgoing, NOON + n as i64 * SECOND, answers));
            events.extend(it.edits.iter().map(|at| Inbox::Edit {
                event_key: format!("{id}/edit/{at}"),
                message: id.clone(),
                content: text(&format!("{id} as of {at}")),
                at: at * SECOND,
            }));
            events.extend(it.revoked.iter().map(|at| Inbox::Revoke {
                event_key: format!("{id}/revoke/{at}"),
                message: id.clone(),
                at: at * SECOND,
            }));
            about(&id, &it.reactions, &it.states, &mut events);
        }
        for (n, it) in self.own.iter().enumerate() {
            let id = format!("own{n}");
            if it.echoed {
                events.push(message(&id, true, NOON, None));
            }
            about(&id, &it.reactions, &it.states, &mut events);
        }
        events.extend(self.reads.iter().map(|until| Inbox::Read {
            event_key: format!("read/{until}"),
            thread: CONTACT.to_owned(),
            until: NOON + until * SECOND,
        }));
        events
    }

    /// The provider's ids of all messages.
    fn ids(&self) -> impl Iterator<Item = String> {
        let told = (0..self.messages.len()).map(|n| format!("m{n}"));
        told.chain((0..self.own.len()).map(|n| format!("own{n}")))
    }

    fn end(&self) -> BTreeMap<String, End> {
        let told = self.messages.iter().enumerate().map(|(n, it)| {
            let id = format!("m{n}");
            let edited = it.edits.iter().max();
            let at = NOON + n as i64 * SECOND;
            let end = End {
                direction: if it.outgoing { "out" } else { "in" },
                state: if it.outgoing {
                    self.state_of(&it.states, at)
                } else {
                    "received".to_owned()
                },
                text: edited.map_or_else(|| id.clone(), |at| format!("{id} as of {at}")),
                edited_at: edited.map(|at| at * SECOND),
                revoked_at: it.revoked.iter().min().map(|at| at * SECOND),
                reactions: last_reactions(&it.reactions),
            };
            (id, end)
        });
        let own = self.own.iter().enumerate().map(|(n, it)| {
            let id = format!("own{n}");
            let end = End {
                direction: "out",
                state: self.state_of(&it.states, NOON),
                text: id.clone(),
                edited_at: None,
                revoked_at: None,
                reactions: last_reactions(&it.reactions),
            };
            (id, end)
        });
        told.chain(own).collect()
    }

    fn state_of(&self, states: &[&str], at: i64) -> String {
        let read = self.reads.iter().any(|until| at <= NOON + until * SECOND);
        let told = states.iter().copied().chain(["sent"]);
        let told = told.chain(read.then_some("read"));
        told.max_by_key(|it| rank(it)).unwrap_or("sent").to_owned()
    }
}

fn last_reactions(all: &[(bool, i64)]) -> BTreeMap<String, (String, i64)> {
    let mut last = BTreeMap::new();
    for (other, at) in all {
        let who = if *other { OTHER } else { CONTACT };
        let kept = last.entry(who.to_owned()).or_insert((String::new(), 0));
        if kept.1 < *at * SECOND {
            *kept = (emoji(*at).to_owned(), *at * SECOND);
        }
    }
    last
}

/// Some are taken back.
fn emoji(at: i64) -> &'static str {
    ["👍", "", "🎉"][(at % 3) as usize]
}

fn message(id: &str, outgoing: bool, at: i64, reply_to: Option<String>) -> Inbox {
    let sender = if outgoing { "business" } else { CONTACT };
    Inbox::Message {
        event_key: id.to_owned(),
        message: inbox::Inbound {
            external_id: id.to_owned(),
            thread: CONTACT.to_owned(),
            sender: person(sender),
            outgoing,
            at,
            content: text(id),
            reply_to,
            extra: String::new(),
        },
    }
}

fn about(id: &str, reactions: &[(bool, i64)], states: &[&str], events: &mut Vec<Inbox>) {
    events.extend(reactions.iter().map(|(other, at)| Inbox::Reaction {
        event_key: format!("{id}/reaction/{at}"),
        message: id.to_owned(),
        sender: person(if *other { OTHER } else { CONTACT }),
        emoji: emoji(*at).to_owned(),
        at: at * SECOND,
    }));
    events.extend(states.iter().map(|state| Inbox::Delivery {
        event_key: format!("{id}/{state}"),
        external_id: id.to_owned(),
        state: (*state).to_owned(),
        at: NOON,
        reason: String::new(),
        extra: String::new(),
    }));
}

/// A story, and one of the ways in which it may come: each event at least once, in requests of several, some of them at the same time.
fn case() -> impl Strategy<Value = (Story, Vec<Step>)> {
    story().prop_flat_map(|story| {
        let events = story.events();
        let (count, noted) = (events.len(), story.own.len());
        let again = vec(0..count, 0..=count);
        (Just(story), again)
            .prop_flat_map(move |(story, again)| {
                let repeated = again.iter().map(|at| events[*at].clone());
                let all: Vec<Option<Inbox>> = events
                    .iter()
                    .cloned()
                    .chain(repeated)
                    .map(Some)
                    .chain(vec![None; noted])
                    .collect();
                let sizes = vec((1_usize..4, any::<bool>()), all.len());
                (Just(story), Just(all).prop_shuffle(), sizes)
            })
            .prop_map(|(story, all, sizes)| (story, steps(all, sizes)))
    })
}

fn steps(all: Vec<Option<Inbox>>, sizes: Vec<(usize, bool)>) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut open: Vec<Inbox> = Vec::new();
    let mut sizes = sizes.into_iter();
    for it in all {
        let Some(event) = it else {
            close(&mut open, false, &mut steps);
            steps.push(Step::Noted);
            continue;
        };
        open.push(event);
        let (size, together) = sizes.next().unwrap_or((1, false));
        if open.len() >= size {
            close(&mut open, together, &mut steps);
        }
    }
    close(&mut open, false, &mut steps);
    steps
}

/// A request ends, at the same time as the one before or after it.
fn close(open: &mut Vec<Inbox>, together: bool, steps: &mut Vec<Step>) {
    if open.is_empty() {
        return;
    }
    let request = std::mem::take(open);
    match steps.last_mut() {
        Some(Step::Requests(requests)) if together => requests.push(request),
        _ => steps.push(Step::Requests(vec![request])),
    }
}

async fn any_order_repetition_and_delay_of_a_contacts_events_ends_in_the_same_state(bench: &Bench) {
    let mut runner = TestRunner::deterministic();
    let writers = [bench.ingest(), another(bench)];
    for _ in 0..CASES {
        let case = case().new_tree(&mut runner).expect("a case");
        let (story, steps) = case.current();
        let office = bench.office().await;
        // Shown where the test fails.
        println!("{story:?}\n{steps:#?}");
        let conversation = played(bench, &office, &writers, &story, steps).await;
        let messages = bench.messages(&office, conversation).await;
        assert_eq!(ends(&messages), story.end());
        answered(bench, &messages).await;
    }
    let contacts = bench.number("SELECT COUNT(*) FROM contacts").await;
    let conversations = bench.number("SELECT COUNT(*) FROM conversations").await;
    // But for reads, which are kept for what may still be told.
    let waiting =
        "SELECT COUNT(*) FROM pending_states WHERE state NOT LIKE '%\"read\",\"arguments%'";
    let waiting = bench.number(waiting).await;
    assert_eq!(
        (contacts, conversations, waiting),
        (CASES as i64, CASES as i64, 0)
    );
}

/// As a second server on the same database.
fn another(bench: &Bench) -> Ingest {
    let parts = Parts {
        store: bench.store.clone(),
        ids: Ids::new(Clock::at(NOON), Random::seeded(99)),
        clock: bench.clock.clone(),
        subscriptions: Arc::new(NoSubscriptions),
        signals: Arc::new(NoSignals),
    };
    Ingest::start(parts).expect("it starts")
}

/// The contact has written once before, and our answers wait to be noted as sent.
async fn played(
    bench: &Bench,
    office: &Office,
    writers: &[Ingest],
    story: &Story,
    steps: Vec<Step>,
) -> ConversationId {
    let first = message("first", false, NOON - SECOND, None);
    let first = bench.submit(&writers[0], office, vec![first]).await;
    let conversation = first.messages[0].0;
    for n in 0..story.own.len() {
        let new = NewMessage {
            id: None,
            conversation,
            content: text(&format!("own{n}")),
            reply_to: None,
            private: false,
        };
        let agent = office.person(office.agent1);
        let actor = Actor::user(office.agent1);
        let mut tx = bench.store.write(office.workspace).await.expect("begins");
        tx.write_message(office.scope(bench), new, &actor, Some(&agent))
            .await
            .expect("written");
        tx.commit().await.expect("committed");
    }
    let mut noted = 0;
    for step in steps {
        match step {
            Step::Noted => {
                note(bench, office, noted).await;
                noted += 1;
            }
            Step::Requests(requests) => {
                let told = requests
                    .into_iter()
                    .enumerate()
                    .map(|(n, items)| bench.submit(&writers[n % writers.len()], office, items));
                for outcome in join_all(told).await {
                    assert_eq!(outcome.rejected, []);
                    for (in_conversation, _) in outcome.messages {
                        assert_eq!(in_conversation, conversation);
                    }
                }
            }
        }
    }
    conversation
}

async fn note(bench: &Bench, office: &Office, n: usize) {
    let now = bench.clock.now();
    let mut tx = bench.store.begin().await.expect("begins");
    let claimed = tx.claim_sends(now, LEASE, 1).await.expect("claimed");
    tx.commit().await.expect("committed");
    let outcome = Outcome::Sent {
        external_ids: vec![format!("own{n}")],
        state: "sent".into(),
    };
    let mut tx = bench.store.write(office.workspace).await.expect("begins");
    let [send] = claimed.as_slice() else {
        // The channel has told before that it was sent.
        panic!("nothing is to be sent: {claimed:?}");
    };
    tx.finish_send(office.scope(bench), send, outcome)
        .await
        .expect("noted");
    tx.commit().await.expect("committed");
}

fn ends(messages: &[Message]) -> BTreeMap<String, End> {
    let mut ends = BTreeMap::new();
    for it in messages {
        let id = it.external_id.clone().expect("an id");
        if id == "first" {
            continue;
        }
        let reactions: Vec<Value> = serde_json::from_str(&it.reactions).expect("JSON");
        let reactions = reactions.iter().map(|it| {
            let field = |name: &str| it[name].as_str().expect("a text").to_owned();
            (
                field("id"),
                (field("emoji"), it["at"].as_i64().expect("a time")),
            )
        });
        let end = End {
            direction: if it.direction == "in" { "in" } else { "out" },
            state: it.state.clone(),
            text: it.text.clone(),
            edited_at: it.edited_at,
            revoked_at: it.revoked_at,
            reactions: reactions.collect(),
        };
        assert_eq!(ends.insert(id, end), None, "twice there");
    }
    ends
}

/// What answers a message is shown with it, whichever came first.
async fn answered(bench: &Bench, messages: &[Message]) {
    let mut tx = bench.store.read().await.expect("reads");
    for answer in messages {
        let quoted = match answer.reply_to {
            None => tx.answered(answer).await.expect("reads"),
            known => known,
        };
        let of = |it: &&Message| it.external_id == answer.reply_to_external;
        let answered = answer.reply_to_external.as_ref();
        let answered = answered.and_then(|_| messages.iter().find(of));
        assert_eq!(quoted, answered.map(|it| it.id), "{answer:?}");
    }
}

async fn two_requests_at_once_with_the_same_first_message_make_one_of_everything(bench: &Bench) {
    let writers = [bench.ingest(), another(bench)];
    for round in 1..=20 {
        let office = bench.office().await;
        let first = || vec![message("m0", false, NOON, None)];
        let told = (0..6).map(|n| bench.submit(&writers[n % 2], &office, first()));
        let outcomes = join_all(told).await;
        let new: usize = outcomes.iter().map(|it| it.new).sum();
        assert_eq!((new, outcomes.len()), (1, 6));
        for table in [
            "SELECT COUNT(*) FROM contacts",
            "SELECT COUNT(*) FROM identities",
            "SELECT COUNT(*) FROM conversations",
            "SELECT COUNT(*) FROM messages",
        ] {
            assert_eq!(bench.number(table).await, round, "{table}");
        }
    }
}
