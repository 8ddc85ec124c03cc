//! The kill test (issue 2, piece 13): customers write and agents answer while the server is killed with -9 and started again, at moments that a
//! seed decides. Afterwards nothing acknowledged is lost, nothing is there twice, and what nobody can know is said to be uncertain.
//!
//! It prints its seed (`KILL_SEED` sets it) and, at the end, what it counted.

mod evidence;
mod load;
#[path = "../program/mod.rs"]
mod program;
mod verdict;

use std::{
    collections::BTreeSet,
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use evidence::{Place, Postgres};
use load::{Agent, Dice, Load, text};
use program::{Running, Site};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{interval, sleep},
};
use verdict::{Found, OFFERS, Shown, ShownReply, Verdict};

/// How often the server is killed under load.
const KILLS: usize = 20;
/// How long the server may work until it is killed, in milliseconds…
const WORKS: std::ops::Range<usize> = 20..400;
/// …and how many requests it must and may have answered before that begins, on a machine however slow.
const ANSWERS: std::ops::Range<usize> = 4..40;
/// How long a very slow one is waited for: for these answers, and after the last kill for enough to judge.
const SLOW: Duration = Duration::from_secs(2);
const ENOUGH: Duration = Duration::from_secs(15);
/// How many write at once, and how many answer.
const WRITERS: usize = 8;
const AGENTS: usize = 4;
/// New customers and replies with each start.
const NEW_CUSTOMERS: usize = 6;
const REPLIES: i64 = 15;
/// How long everything may take to come to rest afterwards.
const REST: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_when_the_server_is_killed_on_sqlite() {
    let site = Site::new();
    let place = Place::Sqlite(site.data());
    Trial::begin(site, place).await.run().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_when_the_server_is_killed_on_postgres() {
    if let Some(postgres) = Postgres::create("kill").await {
        let mut site = Site::new();
        site.set("DATABASE_URL", &postgres.url);
        let place = Place::Postgres(postgres.url.clone());
        Trial::begin(site, place).await.run().await;
        postgres.remove().await;
    }
}

/// One database's run.
struct Trial {
    site: Site,
    place: Place,
    dice: Dice,
    seed: u64,
    standin: String,
    _standin: Running,
    up: watch::Sender<bool>,
    load: Arc<Load>,
    admin: String,
    agents: Vec<Agent>,
    /// Messages whose attempt a kill interrupted.
    in_flight: BTreeSet<String>,
    /// How long each start took.
    starts: Vec<Duration>,
    /// Starts that were killed before they were ready.
    stillborn: usize,
    /// Calls of apps that a kill interrupted.
    interrupted: usize,
}

impl Trial {
    /// Sets everything up, with a first start that nobody kills.
    async fn begin(mut site: Site, place: Place) -> Self {
        let seed = seed();
        println!("kill test: KILL_SEED={seed}");
        site.demo = site.folder.path().join("demo.json");
        fs::write(&site.demo, demo().to_string()).expect("written");
        site.set("LISTEN", lasting_address(seed));
        let mut server = site.serve();
        let (base, first) = server.ready().await.expect("the first start");
        println!("first start, plugins compiled: {} ms", first.as_millis());
        let hook = server.hook();
        let webhook = format!("{base}{hook}");
        let (standin, played_at) = program::stand_in(&site.demo, Some(&webhook)).await;
        site.set("DEV__ENABLED", "true");
        site.set("DEV__HTTP_MAP", format!("graph.facebook.com={played_at}"));
        let (up, is_up) = watch::channel(true);
        let load = Load::new(&base, &hook, is_up);
        let kept = fs::read(site.data().join("demo.json")).expect("the sign-in is kept");
        let kept: Value = serde_json::from_slice(&kept).expect("JSON");
        let password = text(&kept["password"]);
        let (_, admin) = load.sign_in(&email("admin"), &password).await;
        let mut agents = Vec::new();
        for number in 1..=AGENTS {
            let (id, cookie) = load
                .sign_in(&email(&format!("agent{number}")), &password)
                .await;
            let restless = number > AGENTS / 2;
            agents.push(Agent {
                id,
                cookie,
                restless,
            });
        }
        server.kill().await;
        Self {
            dice: Dice::new(seed),
            site,
            place,
            seed,
            standin: played_at,
            _standin: standin,
            up,
            load: Arc::new(load),
            admin,
            agents,
            in_flight: BTreeSet::new(),
            starts: Vec::new(),
            stillborn: 0,
            interrupted: 0,
        }
    }

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
        self.judge(verdict);
        let status = server.signal("TERM").await;
        assert!(status.success(), "it ended with {status}");
    }

    /// Customers and agents begin; they wait until the server is up.
    fn let_loose(&self) -> JoinSet<()> {
        let mut outside = JoinSet::new();
        for index in 0..WRITERS {
            let (load, dice) = (self.load.clone(), Dice::new(self.seed + 100 + index as u64));
            outside.spawn(async move { load::customers(&load, index, WRITERS, dice).await });
        }
        for (index, me) in self.agents.iter().cloned().enumerate() {
            let (load, dice) = (self.load.clone(), Dice::new(self.seed + 200 + index as u64));
            outside.spawn(async move { load::agent(&load, me, dice).await });
        }
        outside
    }

    async fn start(&mut self) -> Running {
        let mut server = self.site.serve();
        match server.ready().await {
            Ok((_, took)) => self.starts.push(took),
            Err(why) => panic!("it does not start again: {why}\n{}", self.site.last_words()),
        }
        self.up.send_replace(true);
        server
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

    async fn kill(&mut self, server: Running) {
        self.up.send_replace(false);
        server.kill().await;
        self.note_in_flight().await;
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

    /// What was being sent, and which apps were being told, when the server died.
    async fn note_in_flight(&mut self) {
        let rows = self
            .place
            .rows_of_the_dead(&["message_id"], "sends WHERE state = 'sending'")
            .await;
        self.in_flight.extend(rows.iter().map(|row| text(&row[0])));
        let held = "lanes WHERE lease_until > 0";
        self.interrupted += self.place.rows_of_the_dead(&["lane"], held).await.len();
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
            .post(format!("{}/_control", self.standin))
            .header("content-type", "application/json")
            .body(order.to_string())
            .send()
            .await
            .expect("the stand-in answers");
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }

    async fn ask(&self, method: Method, path: &str) -> Value {
        let (status, body) = self
            .load
            .ask(&self.admin, method, path, None)
            .await
            .expect("an answer");
        assert!(status.is_success(), "{path}: {status} {body}");
        body
    }

    /// Everybody has gone home and offers stand: one whom something is offered goes away, and the server dies while the app passes it on.
    async fn go_away_under_a_kill(&mut self, server: Running) -> Running {
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

    /// What an admin does where an app failed, on a machine that is too busy for its limits, say.
    async fn replay_parked(&self) {
        let channels = self.ask(Method::GET, "/channels").await;
        let channel = text(&channels["items"][0]["id"]);
        let path = format!("/channels/{channel}/parked");
        let parked = self.ask(Method::GET, &path).await;
        for item in parked["items"].as_array().expect("items") {
            println!("a parked webhook is replayed: {item}");
            let replay = format!("{path}/{}/replay", text(&item["id"]));
            self.ask(Method::POST, &replay).await;
        }
    }

    /// Until nothing waits: no message to be sent, no app to be told, no lane held, no conversation kept from view.
    async fn come_to_rest(&self) {
        let waiting = [
            "sends",
            "deliveries",
            "lanes WHERE lease_until > 0",
            "conversations WHERE hold_until IS NOT NULL",
            "parked_requests",
        ];
        for from in waiting {
            self.wait_until_none(from).await;
        }
    }

    async fn wait_until_none(&self, from: &str) {
        let (begin, mut tick) = (Instant::now(), interval(Duration::from_millis(100)));
        loop {
            let rows = self.place.rows(&["workspace_id"], from).await;
            if rows.is_empty() {
                return;
            }
            assert!(
                begin.elapsed() < REST,
                "KILL_SEED={}: {} rows stay for ever: {from}\n{}",
                self.seed,
                rows.len(),
                self.site.last_words()
            );
            tick.tick().await;
        }
    }

    async fn look(&self) -> Found {
        let events = "events ORDER BY seq";
        let columns = [
            "seq",
            "kind",
            "conversation_id",
            "subject_id",
            "actor_kind",
            "actor_id",
            "via",
            "data",
        ];
        let mut agents: Vec<String> = self.agents.iter().map(|agent| agent.id.clone()).collect();
        // Ids grow with the time of creation, which is the order of turns.
        agents.sort();
        let timers = format!("timers WHERE plugin_id = '{OFFERS}'");
        let tickets = format!("storage WHERE plugin_id = '{OFFERS}' AND key LIKE 'offer:%'");
        Found {
            shown: self.shown().await,
            arrived: self.arrived().await,
            in_flight: self.in_flight.clone(),
            events: self.place.rows(&columns, events).await,
            messages: self.place.rows(&["id"], "messages ORDER BY id").await,
            agents,
            timers: self.place.rows(&["name"], &timers).await,
            tickets: self.place.rows(&["key"], &tickets).await,
            classified: self
                .place
                .rows(
                    &["key"],
                    "collection_rows WHERE collection = 'classifications'",
                )
                .await,
        }
    }

    /// All that the desk shows to the administrator.
    async fn shown(&self) -> Vec<Shown> {
        let mut shown = Vec::new();
        let counters = self.ask(Method::GET, "/conversations/counters").await;
        for folder in ["queued", "mine", "others", "concluded"] {
            let items = self
                .all(&format!("/conversations?folder={folder}&limit=100"))
                .await;
            assert_eq!(counters[folder], items.len(), "the counter of {folder}");
            for item in items {
                let id = text(&item["id"]);
                let lines = self
                    .all(&format!("/conversations/{id}/timeline?limit=100"))
                    .await;
                let mut of = Shown {
                    id,
                    customer: text(&item["contact"]["name"]),
                    status: text(&item["status"]),
                    offered_to: item["offer"]["agent"]["id"].as_str().map(str::to_owned),
                    written: Vec::new(),
                    replies: Vec::new(),
                };
                for line in lines {
                    match line["direction"].as_str() {
                        Some("in") => of.written.push(text(&line["text"])),
                        Some(_) => of.replies.push(ShownReply {
                            id: text(&line["id"]),
                            text: text(&line["text"]),
                            state: text(&line["state"]),
                        }),
                        None => {}
                    }
                }
                shown.push(of);
            }
        }
        shown
    }

    /// Every item of a list. A timeline's pages lead backwards, each of them oldest first.
    async fn all(&self, path: &str) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        let mut after = String::new();
        loop {
            let page = self.ask(Method::GET, &format!("{path}{after}")).await;
            let items = page["items"].as_array().expect("items").clone();
            if path.contains("timeline") {
                all.splice(0..0, items);
            } else {
                all.extend(items);
            }
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return all,
            }
        }
    }

    /// What reached customers' phones, in order: whose, and the text.
    async fn arrived(&self) -> Vec<(String, String)> {
        let answer = reqwest::get(format!("{}/ledger", self.standin)).await;
        let answer = answer.expect("the stand-in answers");
        let ledger: Value =
            serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
        let requests = ledger["requests"].as_array().expect("requests");
        let arrived = requests.iter().filter(|it| !it["sent"].is_null());
        arrived
            .map(|it| {
                (
                    text(&it["sent"]["to"]),
                    text(&it["request"]["text"]["body"]),
                )
            })
            .collect()
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

    fn judge(&self, verdict: Verdict) {
        let wrong = verdict.wrong;
        assert!(
            wrong.is_empty(),
            "KILL_SEED={}: {} things are wrong:\n{}\n\n{}",
            self.seed,
            wrong.len(),
            wrong[..wrong.len().min(20)].join("\n"),
            self.site.last_words()
        );
        let counts = verdict.counts;
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

fn seed() -> u64 {
    match std::env::var("KILL_SEED") {
        Ok(seed) => seed.parse().expect("KILL_SEED is a number"),
        Err(_) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            now.expect("after 1970").as_nanos() as u64 >> 10
        }
    }
}

fn email(name: &str) -> String {
    format!("{name}@demo.localhost")
}

/// One team with all agents, the three apps, and the stand-in's account.
fn demo() -> Value {
    let agents: Vec<String> = (1..=AGENTS)
        .map(|it| email(&format!("agent{it}")))
        .collect();
    let mut users =
        vec![json!({"email": email("admin"), "name": "Administração", "role": "admin"})];
    users.extend(
        agents
            .iter()
            .enumerate()
            .map(|(at, email)| json!({"email": email, "name": format!("Atendente {}", at + 1), "role": "agent"})),
    );
    json!({
        "workspace": {"name": "Padaria"},
        "users": users,
        "teams": [{"name": "Vendas", "agents": agents, "supervisors": []}],
        "plugins": [
            {"id": "whatsapp"},
            {"id": "classification"},
            {"id": "distribution", "settings": {"teams": ["team:Vendas"]}},
        ],
        "channels": [{"plugin": "whatsapp", "name": "Loja", "team": "Vendas", "settings": {
            "phone_number_id": load::NUMBER_ID, "access_token": "kill-access-token",
            "app_secret": load::SECRET, "verify_token": "kill-verify-token",
        }}],
    })
}

/// An address that stays the server's own over its restarts: outside of the range from which the system gives away ports.
fn lasting_address(seed: u64) -> SocketAddr {
    (0..1000)
        .map(|step| 20_000 + ((seed.wrapping_mul(31).wrapping_add(step)) % 12_000) as u16)
        .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .find(|address| TcpListener::bind(address).is_ok())
        .expect("a free port")
}
