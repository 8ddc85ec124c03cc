//! The kill test (issue 2, piece 13): customers write and agents answer while the server is killed with -9 and started again, at moments that a
//! seed decides. Afterwards nothing acknowledged is lost, nothing is there twice, and what nobody can know is said to be uncertain.
//!
//! It prints its seed (`KILL_SEED` sets it) and, at the end, what it counted.

mod evidence;
mod load;
mod outside;
#[path = "../program/mod.rs"]
mod program;
mod providers;
mod soak;
mod trial;
mod verdict;

use std::time::{Duration, Instant};

use evidence::{Place, Postgres};
use load::{Agent, text};
use program::{Running, Site};
use providers::Provider;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::time::{interval, sleep};
use trial::Trial;
use verdict::Verdict;

/// How often the server is killed under load.
const KILLS: usize = 20;
/// How long the server may work until it is killed, in milliseconds…
const WORKS: std::ops::Range<usize> = 20..400;
/// …and how many requests it must and may have answered before that begins, on a machine however slow.
const ANSWERS: std::ops::Range<usize> = 4..40;
/// How long a very slow one is waited for: for these answers, and after the last kill for enough to judge.
const SLOW: Duration = Duration::from_secs(2);
const ENOUGH: Duration = Duration::from_secs(15);
/// New customers and replies with each start.
const NEW_CUSTOMERS: usize = 6;
const REPLIES: i64 = 15;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_when_the_server_is_killed_on_sqlite() {
    let site = Site::new();
    let place = Place::Sqlite(site.data());
    let trial = Trial::begin(site, place, &[Provider::WhatsApp]).await;
    trial.run().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_when_the_server_is_killed_on_postgres() {
    if let Some(postgres) = Postgres::create("kill").await {
        let mut site = Site::new();
        site.set("DATABASE_URL", &postgres.url);
        let place = Place::Postgres(postgres.url.clone());
        let trial = Trial::begin(site, place, &[Provider::WhatsApp]).await;
        trial.run().await;
        postgres.remove().await;
    }
}

impl Trial {
    async fn run(mut self) {
        let begin = Instant::now();
        self.up.send_replace(false);
        let mut outside = self.let_loose();
        for _ in 0..KILLS {
            if self.dice.once_in(4) {
                self.kill_at_birth().await;
            }
            let server = self.start().await;
            self.load.more(NEW_CUSTOMERS, REPLIES);
            self.order_faults().await;
            self.some_answers().await;
            // The moment itself: what the server is at then is what is tried.
            let moment = WORKS.start + self.dice.below(WORKS.len());
            sleep(Duration::from_millis(moment as u64)).await;
            self.kill(server).await;
        }
        let killed = begin.elapsed();
        let server = self.start().await;
        self.enough().await;
        self.load.end();
        while let Some(ended) = outside.join_next().await {
            ended.expect("no panic");
        }
        self.replay_parked().await;
        self.come_to_rest().await;
        let server = self.go_away_under_a_kill(server).await;
        self.come_to_rest().await;
        let rested = begin.elapsed() - killed;
        let found = self.look().await;
        let verdict = Verdict::of(&self.load.known(), &found);
        self.report(&verdict, killed, rested);
        self.judge_kills(&verdict);
        let status = server.signal("TERM").await;
        assert!(status.success(), "it ended with {status}");
    }

    /// One kill in two comes in the midst of work; the others while the server takes it up.
    async fn some_answers(&mut self) {
        let more = self.dice.below(2) * self.dice.below(ANSWERS.len());
        let wanted = self.load.answered() + ANSWERS.start + more;
        let (begin, mut tick) = (Instant::now(), interval(Duration::from_millis(2)));
        while self.load.answered() < wanted && begin.elapsed() < SLOW {
            tick.tick().await;
        }
    }

    /// A machine that was too slow during the kills goes on a little, so that there is something to judge.
    async fn enough(&self) {
        let (begin, mut tick) = (Instant::now(), interval(Duration::from_millis(20)));
        while begin.elapsed() < ENOUGH && !self.load.known().is_enough(KILLS) {
            tick.tick().await;
        }
    }

    /// Killed before it says that it is ready.
    async fn kill_at_birth(&mut self) {
        let server = self.site.serve();
        let moment = 5 + self.dice.below(150);
        sleep(Duration::from_millis(moment as u64)).await;
        server.kill().await;
        self.stillborn += 1;
        self.note_in_flight().await;
    }

    /// The provider is slow with some requests, so that there is something to interrupt, and refuses others for the moment.
    async fn order_faults(&mut self) {
        let fault = match self.dice.below(6) {
            0 => json!({"kind": "throughput"}),
            1 => json!({"kind": "unavailable"}),
            _ => json!({"kind": "delay", "ms": 20 + self.dice.below(100)}),
        };
        let next = if fault["kind"] == "delay" { 4 } else { 1 };
        let order = json!({"next": next, "fault": fault});
        let answer = reqwest::Client::new()
            .post(format!("{}/_control", self.outside.address()))
            .header("content-type", "application/json")
            .body(order.to_string())
            .send()
            .await
            .expect("the stand-in answers");
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }

    /// Where the agents took all there was, one of those goes back to its team.
    async fn let_one_be_offered(&self) {
        if self.shown().await.iter().any(|it| it.offered_to.is_some()) {
            return;
        }
        let held = self.all("/conversations?folder=others&limit=100").await;
        let (path, team) = (
            format!("/conversations/{}/transfer", text(&held[0]["id"])),
            json!({"team_id": held[0]["team"]["id"]}),
        );
        let answer = self.load.ask(&self.admin, Method::POST, &path, Some(team));
        assert_eq!(answer.await.expect("an answer").0, StatusCode::OK);
        self.come_to_rest().await;
    }

    /// Everybody has gone home and offers stand: one whom something is offered goes away, and the server dies while the app passes it on.
    async fn go_away_under_a_kill(&mut self, server: Running) -> Running {
        self.let_one_be_offered().await;
        let shown = self.shown().await;
        let offered = |agent: &&Agent| {
            shown
                .iter()
                .any(|it| it.offered_to.as_ref() == Some(&agent.id))
        };
        let holder = self
            .agents
            .iter()
            .find(offered)
            .expect("an offer stands")
            .clone();
        let away = Some(json!({"available": false}));
        let answer = self
            .load
            .ask(&holder.cookie, Method::PATCH, "/me", away)
            .await;
        assert_eq!(answer.expect("an answer").0, StatusCode::OK);
        let moment = self.dice.below(60);
        sleep(Duration::from_millis(moment as u64)).await;
        self.kill(server).await;
        self.start().await
    }

    fn report(&self, verdict: &Verdict, killed: Duration, rested: Duration) {
        let mut starts = self.starts.clone();
        starts.sort();
        let counts = &verdict.counts;
        println!(
            "kills: {KILLS} under load, {} before ready; {:.1} s, then {:.1} s to rest",
            self.stillborn,
            killed.as_secs_f64(),
            rested.as_secs_f64()
        );
        println!(
            "starts: median {} ms, longest {} ms",
            starts[starts.len() / 2].as_millis(),
            starts[starts.len() - 1].as_millis()
        );
        println!(
            "messages acknowledged: {}, webhooks repeated: {}",
            counts.written,
            self.load.known().repeated
        );
        println!(
            "replies: {}, uncertain: {} (of which {} had arrived)",
            counts.replies, counts.uncertain, counts.uncertain_arrived
        );
        println!(
            "calls of apps interrupted: {}; offers: {} ({} passed on), conversations started: {}, classified: {}",
            self.interrupted, counts.offers, counts.moved_on, counts.accepted, counts.classified
        );
    }

    fn judge_kills(&self, verdict: &Verdict) {
        self.judge(verdict);
        let counts = &verdict.counts;
        assert!(
            counts.written > KILLS && counts.replies > KILLS && counts.offers > 0,
            "too little happened to show anything: {counts:?}"
        );
        assert!(
            counts.uncertain > 0 && counts.classified > 0 && counts.moved_on > 0,
            "no kill hit anything, or nothing was classified or passed on: {counts:?}"
        );
    }
}
