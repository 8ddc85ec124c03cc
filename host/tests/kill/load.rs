//! The load: customers whose provider repeats what was not acknowledged, and agents at their desks. Owns what they did and what they were
//! told, which is all that the verdict may hold against the server.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use balcao::clock::Random;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};

use crate::providers::Provider;

/// How long an answer may take before its client gives up.
const PATIENCE: Duration = Duration::from_secs(20);
/// Moves of agents to each message.
const MOVES: usize = 2;

/// Numbers that come again with the same seed.
pub struct Dice(Random);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(Random::seeded(seed))
    }

    /// Below `n`, which is not 0.
    pub fn below(&mut self, n: usize) -> usize {
        (u64::from_le_bytes(self.0.bytes()) % n as u64) as usize
    }

    /// True once in `n` times.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// A reply that an agent sent off.
#[derive(Clone, Debug)]
pub struct Reply {
    pub text: String,
    /// The server said yes.
    pub acknowledged: bool,
}

/// What the outside world did and was told.
#[derive(Default)]
pub struct Known {
    /// Customer → what was acknowledged of theirs, in order.
    pub written: BTreeMap<String, Vec<String>>,
    /// Webhooks that were sent again, for want of an answer or out of habit.
    pub repeated: usize,
    /// Customer → the replies to them, in order.
    pub replies: BTreeMap<String, Vec<Reply>>,
    /// Offers that an agent accepted and was told so.
    pub accepted: BTreeSet<String>,
    /// Conversations that an agent classified and was told so.
    pub classified: BTreeSet<String>,
    /// Answers that no client should get.
    pub surprises: Vec<String>,
}

impl Known {
    /// Whether more than so many messages and replies were acknowledged, and something was classified.
    pub fn is_enough(&self, many: usize) -> bool {
        let written: usize = self.written.values().map(Vec::len).sum();
        let replies = self.replies.values().flatten();
        let replies = replies.filter(|reply| reply.acknowledged).count();
        written > many && replies > many && !self.classified.is_empty()
    }
}

/// An agent's place.
#[derive(Clone)]
pub struct Agent {
    pub id: String,
    pub cookie: String,
    /// Comes and goes.
    pub restless: bool,
}

/// Where a provider's webhooks go.
pub struct Hook {
    pub provider: Provider,
    /// What follows the server's address.
    pub path: String,
}

/// All of the outside world.
pub struct Load {
    base: String,
    /// Customers are shared out among them.
    hooks: Vec<Hook>,
    http: reqwest::Client,
    up: watch::Receiver<bool>,
    over: AtomicBool,
    /// How many customers there are by now.
    customers: AtomicUsize,
    /// Replies that agents may still give, so that the stand-in can follow.
    replies: AtomicI64,
    /// How often somebody may still come or go.
    moods: AtomicI64,
    /// What agents may do still: so much for each message, however quick they are.
    moves: Semaphore,
    /// Requests that were answered.
    answered: AtomicUsize,
    /// Messages that were acknowledged.
    written: AtomicUsize,
    /// Customer → the browser that they write with.
    browsers: Mutex<BTreeMap<String, Browser>>,
    known: Mutex<Known>,
}

/// A visitor of a website.
#[derive(Clone)]
struct Browser {
    /// The path of the channel.
    hook: String,
    token: String,
}

/// What a browser shows.
pub struct Window {
    pub customer: String,
    pub mine: Vec<String>,
    /// The agents' texts.
    pub theirs: Vec<String>,
}

impl Load {
    /// `up` says whether the server is said to answer: who fails waits for it.
    pub fn new(base: &str, hooks: Vec<Hook>, up: watch::Receiver<bool>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .expect("a client");
        Self {
            base: base.to_owned(),
            hooks,
            http,
            up,
            over: AtomicBool::new(false),
            customers: AtomicUsize::new(8),
            replies: AtomicI64::new(0),
            moods: AtomicI64::new(0),
            moves: Semaphore::new(0),
            answered: AtomicUsize::new(0),
            written: AtomicUsize::new(0),
            browsers: Mutex::default(),
            known: Mutex::default(),
        }
    }

    pub fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// More customers and more replies, and somebody comes or goes.
    pub fn more(&self, customers: usize, replies: i64) {
        self.customers.fetch_add(customers, Ordering::Relaxed);
        self.replies.fetch_add(replies, Ordering::Relaxed);
        self.moods.fetch_add(1, Ordering::Relaxed);
    }

    /// Everybody ends what they are at.
    pub fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
        self.moves.close();
    }

    /// How many requests were answered so far.
    pub fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    /// How many messages were acknowledged so far.
    pub fn written(&self) -> usize {
        self.written.load(Ordering::Relaxed)
    }

    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    async fn until_up(&self) {
        let mut up = self.up.clone();
        // The sender lives as long as the test.
        let _ = up.wait_for(|up| *up).await;
    }

    fn surprise(&self, what: String) {
        self.known().surprises.push(what);
    }

    /// Signs in.
    pub async fn sign_in(&self, email: &str, password: &str) -> (String, String) {
        let answer = self
            .http
            .post(format!("{}/api/v1/session", self.base))
            .header("content-type", "application/json")
            .body(json!({"email": email, "password": password}).to_string())
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        let cookie = answer.headers()["set-cookie"].to_str().expect("text");
        let cookie = cookie.split(';').next().expect("a pair").to_owned();
        let me: Value =
            serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
        (text(&me["user"]["id"]), cookie)
    }

    /// One request. None where no answer came: then it may or may not have been carried out.
    pub async fn ask(
        &self,
        cookie: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Option<(StatusCode, Value)> {
        let mut request = self
            .http
            .request(method, format!("{}/api/v1{path}", self.base))
            .header("cookie", cookie)
            .header("x-balcao", "1");
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let answered = async {
            let answer = request.send().await?;
            let status = answer.status();
            Ok::<_, reqwest::Error>((status, answer.bytes().await?))
        };
        match answered.await {
            Ok((status, bytes)) => {
                self.answered.fetch_add(1, Ordering::Relaxed);
                Some((status, serde_json::from_slice(&bytes).unwrap_or_default()))
            }
            Err(_) => {
                self.until_up().await;
                None
            }
        }
    }

    /// The items of a page, where it came.
    async fn list(&self, cookie: &str, path: &str) -> Vec<Value> {
        match self.ask(cookie, Method::GET, path, None).await {
            Some((StatusCode::OK, page)) => page["items"].as_array().cloned().unwrap_or_default(),
            Some((status, problem)) => {
                self.surprise(format!("GET {path}: {status} {problem}"));
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// Posts until it is acknowledged, as providers and browsers do; gives what was answered.
    async fn deliver(&self, delivery: &Delivery) -> Value {
        loop {
            let request = self
                .http
                .post(format!("{}{}", self.base, delivery.path))
                .header(delivery.proof.0, &delivery.proof.1)
                .header("content-type", "application/json")
                .body(delivery.body.clone());
            let answered = async {
                let answer = request.send().await?;
                let status = answer.status();
                Ok::<_, reqwest::Error>((status, answer.bytes().await?))
            };
            match answered.await {
                Ok((StatusCode::OK, body)) => {
                    self.answered.fetch_add(1, Ordering::Relaxed);
                    return serde_json::from_slice(&body).unwrap_or_default();
                }
                Ok((StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS, _)) => {}
                Ok((status, _)) => {
                    self.surprise(format!("{} answered {status}", delivery.path));
                }
                Err(_) => self.until_up().await,
            }
            self.known().repeated += 1;
        }
    }

    /// The token by which a visitor of a website is known; empty for customers of a provider.
    async fn token(&self, hook: &Hook, customer: &str) -> String {
        if hook.provider != Provider::Website {
            return String::new();
        }
        let known = self.browsers().get(customer).cloned();
        if let Some(browser) = known {
            return browser.token;
        }
        let open = Delivery {
            path: format!("{}/open", hook.path),
            proof: ("authorization", String::new()),
            body: "{}".to_owned(),
        };
        let token = text(&self.deliver(&open).await["token"]);
        let browser = Browser {
            hook: hook.path.clone(),
            token: token.clone(),
        };
        self.browsers().insert(customer.to_owned(), browser);
        token
    }

    /// What each visitor's browser shows when they come back.
    pub async fn windows(&self) -> Vec<Window> {
        let mut windows = Vec::new();
        let browsers = self.browsers().clone();
        for (customer, browser) in browsers {
            let mut window = Window {
                customer,
                mine: Vec::new(),
                theirs: Vec::new(),
            };
            let mut before = String::new();
            loop {
                let page = self.history(&browser, &before).await;
                let (mut mine, mut theirs) = (Vec::new(), Vec::new());
                for it in page["messages"].as_array().expect("messages") {
                    let of = if it["mine"] == true {
                        &mut mine
                    } else {
                        &mut theirs
                    };
                    of.push(text(&it["text"]));
                }
                // Pages lead backwards, each of them oldest first.
                window.mine.splice(0..0, mine);
                window.theirs.splice(0..0, theirs);
                match page["before"].as_str() {
                    Some(first) => before = format!("?before={first}"),
                    None => break,
                }
            }
            windows.push(window);
        }
        windows
    }

    async fn history(&self, browser: &Browser, before: &str) -> Value {
        let answer = self
            .http
            .get(format!("{}{}/history{before}", self.base, browser.hook))
            .header("authorization", format!("Bearer {}", browser.token))
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON")
    }

    fn browsers(&self) -> MutexGuard<'_, BTreeMap<String, Browser>> {
        let browsers = self.browsers.lock();
        browsers.unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request from outside.
struct Delivery {
    path: String,
    proof: (&'static str, String),
    body: String,
}

/// Customers `index`, `index + of`, …: they write in turn, so that each one's order is known.
pub async fn customers(load: &Load, index: usize, of: usize, mut dice: Dice) {
    let mut sent: BTreeMap<usize, usize> = BTreeMap::new();
    let mut past: VecDeque<Delivery> = VecDeque::new();
    while load.goes_on() {
        let all = load.customers.load(Ordering::Relaxed);
        // The newest come first, so that there is always something to offer.
        let newest = all.saturating_sub(2 * of);
        let chosen = if dice.once_in(2) {
            newest + dice.below(all - newest)
        } else {
            dice.below(all)
        };
        let customer = chosen - chosen % of + index;
        let already = sent.entry(customer).or_default();
        let new = 1 + usize::from(dice.once_in(5));
        let name = format!("55119{customer:08}");
        let texts: Vec<String> = (*already..*already + new)
            .map(|number| format!("{name}/{number}"))
            .collect();
        let hook = &load.hooks[customer % load.hooks.len()];
        let token = load.token(hook, &name).await;
        for body in hook.provider.webhooks(&name, *already, &texts) {
            let delivery = Delivery {
                path: format!("{}{}", hook.path, hook.provider.path()),
                proof: hook.provider.proof(&body, &token),
                body,
            };
            load.deliver(&delivery).await;
            past.push_back(delivery);
        }
        *already += new;
        load.written.fetch_add(new, Ordering::Relaxed);
        load.moves.add_permits(MOVES * new);
        load.known().written.entry(name).or_default().extend(texts);
        while past.len() > 20 {
            past.pop_front();
        }
        if dice.once_in(4) {
            load.known().repeated += 1;
            load.deliver(&past[dice.below(past.len())]).await;
        }
    }
}

/// Accepts what is offered, answers, concludes.
pub async fn agent(load: &Load, me: Agent, mut dice: Dice) {
    let mut available = true;
    while let Ok(one) = load.moves.acquire().await {
        one.forget();
        match dice.below(12) {
            // Who comes and goes is slow, so that offers move on.
            0..=3 if !me.restless || dice.once_in(4) => accept(load, &me, &mut dice).await,
            4..=8 => reply(load, &me, &mut dice).await,
            9 => conclude(load, &me, &mut dice).await,
            10 | 11 if me.restless && take(&load.moods) => {
                let change = json!({"available": !available});
                if let Some((status, said)) = load
                    .ask(&me.cookie, Method::PATCH, "/me", Some(change))
                    .await
                {
                    match status {
                        StatusCode::OK => available = !available,
                        _ => load.surprise(format!("PATCH /me: {status} {said}")),
                    }
                }
            }
            _ => {}
        }
    }
}

/// Starts what is offered to me, and now and then what the whole team sees.
async fn accept(load: &Load, me: &Agent, dice: &mut Dice) {
    for item in load
        .list(&me.cookie, "/conversations?folder=queued&limit=20")
        .await
    {
        let id = text(&item["id"]);
        if item["offer"].is_null() && !dice.once_in(10) {
            continue;
        }
        if !item["offer"].is_null() && item["offer"]["agent"]["id"] != me.id.as_str() {
            load.surprise(format!("{} is shown another's offer of {id}", me.id));
        }
        let path = format!("/conversations/{id}/start");
        match load.ask(&me.cookie, Method::POST, &path, None).await {
            Some((StatusCode::OK, _)) => {
                load.known().accepted.insert(id);
            }
            // It has moved on since it was listed.
            None | Some((StatusCode::CONFLICT | StatusCode::NOT_FOUND, _)) => {}
            Some((status, said)) => load.surprise(format!("POST {path}: {status} {said}")),
        }
    }
}

/// One to three replies to a conversation of mine, as long as there are some to give.
async fn reply(load: &Load, me: &Agent, dice: &mut Dice) {
    let Some(item) = mine(load, me, dice).await else {
        return;
    };
    let customer = text(&item["contact"]["name"]);
    let path = format!("/conversations/{}/messages", text(&item["id"]));
    for _ in 0..=dice.below(3) {
        if !take(&load.replies) {
            return;
        }
        let (place, text) = {
            let mut known = load.known();
            let all = known.replies.entry(customer.clone()).or_default();
            let text = format!("{customer}<{}", all.len());
            all.push(Reply {
                text: text.clone(),
                acknowledged: false,
            });
            (all.len() - 1, text)
        };
        let said = json!({"text": text});
        match load.ask(&me.cookie, Method::POST, &path, Some(said)).await {
            Some((StatusCode::CREATED, _)) => {
                let mut known = load.known();
                if let Some(all) = known.replies.get_mut(&customer) {
                    all[place].acknowledged = true;
                }
            }
            None | Some((StatusCode::SERVICE_UNAVAILABLE, _)) => return,
            Some((status, said)) => load.surprise(format!("POST {path}: {status} {said}")),
        }
    }
}

/// Classifies and concludes a conversation of mine.
async fn conclude(load: &Load, me: &Agent, dice: &mut Dice) {
    let Some(item) = mine(load, me, dice).await else {
        return;
    };
    let id = text(&item["id"]);
    let reason = format!("r{:06}", 2 + dice.below(3));
    let asked = json!({"about": {"kind": "conversation", "id": id}, "values": {"reason": reason}});
    let path = "/actions/classification/classify-and-conclude/invoke";
    match load.ask(&me.cookie, Method::POST, path, Some(asked)).await {
        Some((StatusCode::OK, said)) if said["kind"] == "done" => {
            load.known().classified.insert(id);
        }
        None => {}
        Some((status, said)) => load.surprise(format!("POST {path}: {status} {said}")),
    }
}

/// One of what there is a number of; false where there is none.
fn take(of: &AtomicI64) -> bool {
    of.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
        (left > 0).then_some(left - 1)
    })
    .is_ok()
}

/// Any of the conversations that I serve.
async fn mine(load: &Load, me: &Agent, dice: &mut Dice) -> Option<Value> {
    let mut items = load
        .list(&me.cookie, "/conversations?folder=mine&limit=20")
        .await;
    if items.is_empty() {
        return None;
    }
    Some(items.swap_remove(dice.below(items.len())))
}

/// A text of an answer; empty where there is none.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
