//! The soak: many messages of all channels, whose providers fail now and then, through a server that is killed over and over; then as many again through one
//! that lives. Afterwards what was sent is what the inbox shows, and the server's memory is what it was. `cargo xtask soak` makes it long.

use std::time::{Duration, Instant};

use tokio::time::{interval, sleep};

use crate::{
    evidence::{Place, Postgres},
    program::Site,
    providers::Provider,
    trial::Trial,
    verdict::Verdict,
};

/// Messages, unless `SOAK_MESSAGES` says how many.
const MESSAGES: usize = 3_000;
/// From so many on the memory is judged: in fewer it is still being taken for the first time.
const JUDGED: usize = 200_000;
/// By how much it may have grown, in percent.
const GROWN: u64 = 10;
/// Kills in the first half.
const KILLS: usize = 8;
/// Messages of a customer, and to each reply.
const EACH: usize = 20;
const PER_REPLY: usize = 20;
/// How long nothing may be acknowledged.
const STUCK: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_inbox_shows_what_was_sent_through_all_channels_and_memory_stays_on_sqlite() {
    let site = Site::new();
    let place = Place::Sqlite(site.data());
    Trial::begin(site, place, &Provider::ALL).await.soak().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_inbox_shows_what_was_sent_through_all_channels_and_memory_stays_on_postgres() {
    if let Some(postgres) = Postgres::create("soak").await {
        let mut site = Site::new();
        site.set("DATABASE_URL", &postgres.url);
        let place = Place::Postgres(postgres.url.clone());
        Trial::begin(site, place, &Provider::ALL).await.soak().await;
        postgres.remove().await;
    }
}

fn messages() -> usize {
    match std::env::var("SOAK_MESSAGES") {
        Ok(messages) => messages.parse().expect("SOAK_MESSAGES is a number"),
        Err(_) => MESSAGES,
    }
}

impl Trial {
    async fn soak(mut self) {
        let (all, begin) = (messages(), Instant::now());
        self.up.send_replace(false);
        let replies = (all / PER_REPLY / 10) as i64;
        self.load.more(all / EACH / 4, 5 * replies);
        let mut outside = self.let_loose();
        for kill in 1..=KILLS {
            let server = self.start().await;
            self.load.more(all / EACH / 4 / KILLS, 0);
            self.until_written(all / 2 * kill / KILLS).await;
            let moment = self.dice.below(100);
            sleep(Duration::from_millis(moment as u64)).await;
            self.kill(server).await;
        }
        let server = self.start().await;
        let mut memory = Vec::new();
        // After each tenth, the first of which it takes to get warm.
        for tenth in 6..=10 {
            self.load.more(all / EACH / 10, replies);
            self.until_written(all * tenth / 10).await;
            memory.push(server.rss());
        }
        let took = begin.elapsed();
        self.load.end();
        while let Some(ended) = outside.join_next().await {
            ended.expect("no panic");
        }
        self.replay_parked().await;
        self.come_to_rest().await;
        let found = self.look().await;
        let verdict = Verdict::of(&self.load.known(), &found);
        let (counts, (requests, failed)) = (&verdict.counts, self.outside.requests());
        println!(
            "soak: {} messages and {} replies in {:.0} s, {KILLS} kills, {} webhooks repeated, {failed} of {requests} requests failed, {} uncertain",
            counts.written,
            counts.replies,
            took.as_secs_f64(),
            self.load.known().repeated,
            counts.uncertain
        );
        println!("starts: {:?}", self.starts);
        println!("memory after each tenth of the second half, in KiB: {memory:?}");
        self.judge(&verdict);
        let counts = &verdict.counts;
        assert!(
            counts.written >= all && counts.replies > 0,
            "too little happened to show anything: {counts:?}"
        );
        let (first, last) = (memory[0], memory[memory.len() - 1]);
        assert!(
            all < JUDGED || last * 100 <= first * (100 + GROWN),
            "the memory has grown from {first} to {last} KiB"
        );
        let status = server.signal("TERM").await;
        assert!(status.success(), "it ended with {status}");
    }

    /// Until so many messages were acknowledged.
    async fn until_written(&self, wanted: usize) {
        let mut tick = interval(Duration::from_millis(20));
        let (mut seen, mut since) = (0, Instant::now());
        while self.load.written() < wanted {
            tick.tick().await;
            if self.load.written() > seen {
                (seen, since) = (self.load.written(), Instant::now());
            }
            assert!(
                since.elapsed() < STUCK,
                "KILL_SEED={}: it stays at {seen} of {wanted} messages\n{}",
                self.seed,
                self.site.last_words()
            );
        }
    }
}
