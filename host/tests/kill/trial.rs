//! One database's run: the server, its people and the outside world; starting and killing it, and reading what is there afterwards. What is tried is the
//! business of `main` and `soak`.

use std::{
    collections::BTreeSet,
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinSet, time::interval};

use crate::{
    evidence::Place,
    load::{self, Agent, Dice, Hook, Load, text},
    outside::Outside,
    program::{Running, Site},
    providers::Provider,
    verdict::{Found, OFFERS, Shown, ShownReply, Verdict},
};

/// How many write at once, and how many answer.
const WRITERS: usize = 8;
const AGENTS: usize = 4;
/// How long everything may take to come to rest afterwards.
const REST: Duration = Duration::from_secs(60);

/// One database's run.
pub struct Trial {
    pub site: Site,
    pub place: Place,
    pub dice: Dice,
    pub seed: u64,
    /// The providers, as far as they are spoken to.
    pub outside: Outside,
    pub up: watch::Sender<bool>,
    pub load: Arc<Load>,
    pub admin: String,
    pub agents: Vec<Agent>,
    /// Messages whose attempt a kill interrupted.
    pub in_flight: BTreeSet<String>,
    /// How long each start took.
    pub starts: Vec<Duration>,
    /// Starts that were killed before they were ready.
    pub stillborn: usize,
    /// Calls of apps that a kill interrupted.
    pub interrupted: usize,
}

impl Trial {
    /// Sets everything up, with a first start that nobody kills.
    pub async fn begin(mut site: Site, place: Place, providers: &[Provider]) -> Self {
        let seed = seed();
        println!("KILL_SEED={seed}");
        site.demo = site.folder.path().join("demo.json");
        fs::write(&site.demo, demo(providers).to_string()).expect("written");
        site.set("LISTEN", lasting_address(seed));
        let mut server = site.serve();
        let first = server.ready().await;
        let (base, first) = first.unwrap_or_else(|why| panic!("{why}\n{}", site.last_words()));
        println!("first start, plugins compiled: {} ms", first.as_millis());
        let hooks: Vec<Hook> = providers
            .iter()
            .map(|provider| Hook {
                provider: *provider,
                path: server.hook_of(provider.plugin()),
            })
            .collect();
        let outside = match hooks.as_slice() {
            // The demonstration's stand-in, which tells what became of messages too.
            [hook] => Outside::demo(&site.demo, &format!("{base}{}", hook.path)).await,
            _ => Outside::own().await,
        };
        // All customers write from one address.
        for limit in ["HOOKS_PER_SECOND", "VISITS_PER_ADDRESS"] {
            site.set(&format!("LIMITS__{limit}"), 1_000_000);
        }
        // More than the server's own, for a machine that does other things at the same time: what is parked comes later than what was written after it.
        site.set("PLUGIN_LIMITS__CPU_MS", 5_000);
        site.set("PLUGIN_LIMITS__DEADLINE_MS", 60_000);
        site.set("DEV__ENABLED", "true");
        site.set("DEV__HTTP_MAP", outside.http_map(providers));
        let (up, is_up) = watch::channel(true);
        let load = Load::new(&base, hooks, is_up);
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
            outside,
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

    /// Customers and agents begin; they wait until the server is up.
    pub fn let_loose(&self) -> JoinSet<()> {
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

    pub async fn start(&mut self) -> Running {
        let mut server = self.site.serve();
        match server.ready().await {
            Ok((_, took)) => self.starts.push(took),
            Err(why) => panic!("it does not start again: {why}\n{}", self.site.last_words()),
        }
        self.up.send_replace(true);
        server
    }

    pub async fn kill(&mut self, server: Running) {
        self.up.send_replace(false);
        server.kill().await;
        self.note_in_flight().await;
    }

    /// What was being sent, and which apps were being told, when the server died.
    pub async fn note_in_flight(&mut self) {
        let rows = self
            .place
            .rows_of_the_dead(&["message_id"], "sends WHERE state = 'sending'")
            .await;
        self.in_flight.extend(rows.iter().map(|row| text(&row[0])));
        let held = "lanes WHERE lease_until > 0";
        self.interrupted += self.place.rows_of_the_dead(&["lane"], held).await.len();
    }

    pub async fn ask(&self, method: Method, path: &str) -> Value {
        let (status, body) = self
            .load
            .ask(&self.admin, method, path, None)
            .await
            .expect("an answer");
        assert!(status.is_success(), "{path}: {status} {body}");
        body
    }

    /// What an admin does where an app failed, on a machine that is too busy for its limits, say.
    pub async fn replay_parked(&self) {
        let channels = self.ask(Method::GET, "/channels").await;
        for channel in channels["items"].as_array().expect("items") {
            let path = format!("/channels/{}/parked", text(&channel["id"]));
            let parked = self.ask(Method::GET, &path).await;
            for item in parked["items"].as_array().expect("items") {
                println!("a parked webhook is replayed: {item}");
                let replay = format!("{path}/{}/replay", text(&item["id"]));
                self.ask(Method::POST, &replay).await;
            }
        }
    }

    /// Until nothing waits: no message to be sent, no app to be told, no lane held, no conversation kept from view.
    pub async fn come_to_rest(&self) {
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

    /// As long as they become fewer: a channel may take so many messages in a second only.
    pub async fn wait_until_none(&self, from: &str) {
        let (mut least, mut since) = (usize::MAX, Instant::now());
        let mut tick = interval(Duration::from_millis(100));
        loop {
            let rows = self.place.rows(&["workspace_id"], from).await;
            if rows.is_empty() {
                return;
            }
            if rows.len() < least {
                (least, since) = (rows.len(), Instant::now());
            }
            assert!(
                since.elapsed() < REST,
                "KILL_SEED={}: {} rows stay for ever: {from}\n{}",
                self.seed,
                rows.len(),
                self.site.last_words()
            );
            tick.tick().await;
        }
    }

    pub async fn look(&self) -> Found {
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
        let windows = self.load.windows().await;
        let mut arrived = self.outside.arrived().await;
        for window in &windows {
            let theirs = window.theirs.iter();
            arrived.extend(theirs.map(|text| (window.customer.clone(), text.clone())));
        }
        Found {
            shown: self.shown().await,
            arrived,
            windows,
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
    pub async fn shown(&self) -> Vec<Shown> {
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
                        // What was answered before the chat is a note beside them.
                        Some(_) if line["author"]["kind"] == "user" => {
                            of.replies.push(ShownReply {
                                id: text(&line["id"]),
                                text: text(&line["text"]),
                                state: text(&line["state"]),
                            })
                        }
                        _ => {}
                    }
                }
                shown.push(of);
            }
        }
        shown
    }

    /// Every item of a list. A timeline's pages lead backwards, each of them oldest first.
    pub async fn all(&self, path: &str) -> Vec<Value> {
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

    /// Fails where something is wrong.
    pub fn judge(&self, verdict: &Verdict) {
        let wrong = &verdict.wrong;
        assert!(
            wrong.is_empty(),
            "KILL_SEED={}: {} things are wrong:\n{}\n\n{}",
            self.seed,
            wrong.len(),
            wrong[..wrong.len().min(20)].join("\n"),
            self.site.last_words()
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

/// One team with all agents, the apps, and a channel of each provider.
fn demo(providers: &[Provider]) -> Value {
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
    let mut plugins = vec![
        json!({"id": "classification"}),
        json!({"id": "distribution", "settings": {"teams": ["team:Vendas"]}}),
    ];
    plugins.extend(providers.iter().map(|it| json!({"id": it.plugin()})));
    let channels: Vec<Value> = providers
        .iter()
        .map(|it| json!({"plugin": it.plugin(), "name": it.plugin(), "team": "Vendas", "settings": it.settings()}))
        .collect();
    json!({
        "workspace": {"name": "Padaria"},
        "users": users,
        "teams": [{"name": "Vendas", "agents": agents, "supervisors": []}],
        "plugins": plugins,
        "channels": channels,
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
