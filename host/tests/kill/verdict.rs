//! The verdict: whether what is there afterwards is what was acknowledged, no less, no more and not twice. Pure: judges what others have read.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Debug,
};

use serde_json::Value;

use crate::{
    evidence::Row,
    load::{Known, Window, text},
};

/// The app that offers.
pub const OFFERS: &str = "distribution";
/// The app that classifies.
pub const CLASSIFIES: &str = "classification";

/// A conversation as the desk shows it to somebody who sees all.
pub struct Shown {
    pub id: String,
    pub customer: String,
    pub status: String,
    /// Whom it is offered to.
    pub offered_to: Option<String>,
    /// The customer's texts, oldest first.
    pub written: Vec<String>,
    /// Ours, oldest first.
    pub replies: Vec<ShownReply>,
}

/// A reply as the desk shows it.
#[derive(Clone, Debug)]
pub struct ShownReply {
    pub id: String,
    pub text: String,
    pub state: String,
}

/// Everything that was found afterwards.
pub struct Found {
    pub shown: Vec<Shown>,
    /// What reached the customers: whom, and the text; in order.
    pub arrived: Vec<(String, String)>,
    /// What the browsers of a website's visitors show.
    pub windows: Vec<Window>,
    /// Messages whose attempt a kill interrupted.
    pub in_flight: BTreeSet<String>,
    /// The event log: number, kind, conversation, subject, actor's kind, actor, app, data.
    pub events: Vec<Row>,
    /// Every message's id, in order.
    pub messages: Vec<Row>,
    /// The agents in the order of their turn.
    pub agents: Vec<String>,
    /// Timers and keys of the app that offers: `offer:` and the conversation.
    pub timers: Vec<Row>,
    pub tickets: Vec<Row>,
    /// Conversations with a classification.
    pub classified: Vec<Row>,
}

/// What the report counts.
#[derive(Debug, Default)]
pub struct Counts {
    pub written: usize,
    pub replies: usize,
    pub uncertain: usize,
    pub uncertain_arrived: usize,
    pub offers: usize,
    pub accepted: usize,
    pub moved_on: usize,
    pub classified: usize,
}

/// What is wrong, as far as anything is.
#[derive(Default)]
pub struct Verdict {
    pub counts: Counts,
    pub wrong: Vec<String>,
}

impl Verdict {
    pub fn of(known: &Known, found: &Found) -> Self {
        let mut verdict = Self::default();
        verdict.wrong.extend(known.surprises.iter().cloned());
        verdict.inbound(known, found);
        verdict.replies(known, found);
        verdict.log(found);
        verdict.offers(known, found);
        verdict.classified(known, found);
        verdict
    }

    fn equal<T: PartialEq + Debug>(&mut self, what: impl FnOnce() -> String, is: &T, ought: &T) {
        if is != ought {
            self.wrong
                .push(format!("{}: {is:?}, and ought to be {ought:?}", what()));
        }
    }

    /// Each customer has one conversation, and in it everything acknowledged, once and in order, and nothing else.
    fn inbound(&mut self, known: &Known, found: &Found) {
        let mut inbox: BTreeMap<&str, Vec<&Shown>> = BTreeMap::new();
        for it in &found.shown {
            inbox.entry(&it.customer).or_default().push(it);
        }
        let customers: Vec<&str> = known.written.keys().map(String::as_str).collect();
        self.equal(
            || "the customers in the inbox".to_owned(),
            &inbox.keys().copied().collect(),
            &customers,
        );
        for (customer, conversations) in inbox {
            self.equal(
                || format!("conversations of {customer}"),
                &conversations.len(),
                &1,
            );
            let written: Vec<&String> = conversations.iter().flat_map(|it| &it.written).collect();
            let acknowledged = known.written.get(customer);
            let ought: Vec<&String> = acknowledged.into_iter().flatten().collect();
            self.equal(|| format!("what {customer} wrote"), &written, &ought);
            self.counts.written += written.len();
        }
        for window in &found.windows {
            let ought = known.written.get(&window.customer);
            self.equal(
                || format!("what the window of {} shows", window.customer),
                &Some(&window.mine),
                &ought,
            );
        }
    }

    /// Every acknowledged reply arrived once, or was in flight at a kill and is uncertain; each customer got theirs in order.
    fn replies(&mut self, known: &Known, found: &Found) {
        let mut arrived: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (customer, text) in &found.arrived {
            arrived.entry(customer).or_default().push(text);
        }
        let mut uncertain_ids = BTreeSet::new();
        for it in &found.shown {
            let sent = known.replies.get(&it.customer);
            let shown: Vec<&str> = it.replies.iter().map(|it| it.text.as_str()).collect();
            // What was not acknowledged may be there or not.
            let ought: Vec<&str> = sent
                .into_iter()
                .flatten()
                .filter(|sent| sent.acknowledged || shown.contains(&sent.text.as_str()))
                .map(|sent| sent.text.as_str())
                .collect();
            self.equal(
                || format!("replies shown to {}", it.customer),
                &shown,
                &ought,
            );
            let got = arrived.remove(it.customer.as_str()).unwrap_or_default();
            let mut certain = Vec::new();
            for reply in &it.replies {
                match reply.state.as_str() {
                    "sent" | "delivered" | "read" => certain.push(reply.text.as_str()),
                    "uncertain" => {
                        uncertain_ids.insert(reply.id.clone());
                        self.counts.uncertain += 1;
                        if got.contains(&reply.text.as_str()) {
                            self.counts.uncertain_arrived += 1;
                            certain.push(reply.text.as_str());
                        }
                    }
                    state => self.wrong.push(format!("{reply:?} is {state} for ever")),
                }
            }
            self.equal(
                || format!("replies that reached {}", it.customer),
                &got,
                &certain,
            );
            self.counts.replies += it.replies.len();
        }
        for (customer, texts) in arrived {
            self.wrong
                .push(format!("{texts:?} reached {customer}, who never wrote"));
        }
        self.equal(
            || "uncertain replies, and attempts interrupted by a kill".to_owned(),
            &uncertain_ids,
            &found.in_flight,
        );
    }

    /// Each message has told of itself once: what was stored and what was said of it were committed together.
    fn log(&mut self, found: &Found) {
        let mut told: Vec<String> = found
            .events
            .iter()
            .filter(|event| {
                let kind = text(&event[1]);
                ["message.received", "message.queued", "message.noted"].contains(&kind.as_str())
            })
            .map(|event| text(&event[3]))
            .collect();
        told.sort();
        let messages: Vec<String> = found.messages.iter().map(|row| text(&row[0])).collect();
        self.equal(
            || "messages that the log tells of".to_owned(),
            &told,
            &messages,
        );
    }

    /// Plays the log again: each offer went to whose turn it was, none while another stood, and each was accepted, moved on, or stands.
    fn offers(&mut self, known: &Known, found: &Found) {
        let mut rota = Rota::new(&found.agents);
        let mut started = BTreeSet::new();
        for event in &found.events {
            let conversation = text(&event[2]);
            let data: Value = serde_json::from_str(&text(&event[7])).unwrap_or_default();
            let agent = text(&data["agent"]);
            let played = match text(&event[1]).as_str() {
                "conversation.offered" => {
                    self.counts.offers += 1;
                    let again = rota.live.contains_key(&conversation);
                    self.counts.moved_on += usize::from(again);
                    rota.offered(&conversation, &agent)
                }
                "conversation.started" => {
                    self.counts.accepted += 1;
                    started.insert(conversation.clone());
                    rota.accepted(&conversation, &agent)
                }
                "conversation.released" => Err(format!("{conversation} was released")),
                "member.availability-changed" => {
                    rota.available(&text(&event[3]), data["available"] == true);
                    Ok(())
                }
                _ => Ok(()),
            };
            if let Err(wrong) = played {
                self.wrong.push(format!("event {}: {wrong}", event[0]));
            }
        }
        for id in &known.accepted {
            if !started.contains(id) {
                self.wrong
                    .push(format!("the accepted offer of {id} is not in the log"));
            }
        }
        let standing: BTreeMap<String, String> = found
            .shown
            .iter()
            .filter(|it| it.status == "queued")
            .map(|it| (it.id.clone(), it.offered_to.clone().unwrap_or_default()))
            .collect();
        let live: BTreeMap<String, String> = rota.live.into_iter().collect();
        self.equal(|| "offers that stand".to_owned(), &standing, &live);
        let ought: BTreeSet<String> = standing.keys().map(|id| format!("offer:{id}")).collect();
        for (what, kept) in [("timers", &found.timers), ("tickets", &found.tickets)] {
            let kept: BTreeSet<String> = kept.iter().map(|row| text(&row[0])).collect();
            self.equal(|| format!("{what} of offers"), &kept, &ought);
        }
    }

    /// A conversation was concluded by the app if and only if it has a classification, and every acknowledged one has.
    fn classified(&mut self, known: &Known, found: &Found) {
        let rows: BTreeSet<String> = found.classified.iter().map(|row| text(&row[0])).collect();
        let concluded: BTreeSet<String> = found
            .events
            .iter()
            .filter(|event| event[1] == "conversation.concluded" && event[6] == CLASSIFIES)
            .map(|event| text(&event[2]))
            .collect();
        self.equal(
            || "conversations with a classification".to_owned(),
            &rows,
            &concluded,
        );
        for id in known.classified.difference(&rows) {
            self.wrong
                .push(format!("the acknowledged classification of {id} is lost"));
        }
        self.counts.classified = rows.len();
    }
}

/// Whose turn it is, played again beside the app's own code.
struct Rota<'a> {
    agents: &'a [String],
    away: BTreeSet<String>,
    /// Who got the last first offer.
    cursor: Option<usize>,
    /// Conversation → whom it is offered to.
    live: HashMap<String, String>,
}

impl<'a> Rota<'a> {
    fn new(agents: &'a [String]) -> Self {
        Self {
            agents,
            away: BTreeSet::new(),
            cursor: None,
            live: HashMap::new(),
        }
    }

    fn available(&mut self, agent: &str, available: bool) {
        if available {
            self.away.remove(agent);
        } else {
            self.away.insert(agent.to_owned());
        }
    }

    fn place(&self, agent: &str) -> Option<usize> {
        self.agents.iter().position(|it| it == agent)
    }

    fn after(&self, place: Option<usize>) -> Option<usize> {
        let count = self.agents.len();
        let first = place.map_or(0, |place| place + 1);
        (first..first + count)
            .map(|place| place % count)
            .find(|place| !self.away.contains(&self.agents[*place]))
    }

    fn offered(&mut self, conversation: &str, agent: &str) -> Result<(), String> {
        let before = self.live.insert(conversation.to_owned(), agent.to_owned());
        let turn = match &before {
            Some(holder) if !self.away.contains(holder) => {
                return Err(format!(
                    "{conversation} is offered to {agent} while the offer to {holder} stands"
                ));
            }
            Some(holder) => self.after(self.place(holder)),
            None => {
                self.cursor = self.after(self.cursor);
                self.cursor
            }
        };
        match turn {
            Some(turn) if self.agents[turn] == agent => Ok(()),
            _ => Err(format!(
                "{conversation} is offered to {agent}, and it is the turn of {:?}",
                turn.map(|turn| &self.agents[turn])
            )),
        }
    }

    fn accepted(&mut self, conversation: &str, agent: &str) -> Result<(), String> {
        match self.live.remove(conversation) {
            Some(holder) if holder != agent => Err(format!(
                "{agent} started {conversation}, which is offered to {holder}"
            )),
            _ => Ok(()),
        }
    }
}
