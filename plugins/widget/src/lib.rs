//! The connector of the website chat: what Balcão calls and what it hands over. Its contact is a browser, which the host knows by a token; the stream
//! that shows things live, uploads and the script itself are the host's (`visitors`). `ask`, `inbound`, `show` and `settings` call no import, so that
//! they run natively in tests.

pub mod ask;
pub mod inbound;
pub mod limits;
pub mod settings;
pub mod show;

use std::collections::BTreeSet;

use ask::{Change, Claims, Open, Said, Signed, Told};
use balcao_plugin::connector::{Account, Capabilities, Outbound, Request, Response, Sent, Target};
use balcao_plugin::{
    Attachment, Channel, ChannelEdits, ChannelSignals, Content, Error, Failure, Subject, clock,
    inbox, info, json, media, messages, secrets, settings as given, storage, teams, visitors,
};
use inbound::Visitor;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use settings::{Asked, Settings};

/// How long a link to a file is good, in seconds; the history makes new ones.
const LINK: u32 = 24 * 3600;
/// What is known of a visitor is kept as long as a token is good, in seconds.
const KEPT: u32 = 90 * 24 * 3600;
/// Messages of the history given at once.
const PAGE: u32 = 50;
/// The newest of a thread, about which the window may tell something: more than it shows at once.
const NEWEST: u32 = 100;
/// For how long a page may take the answer of `/config` for the present one, in seconds.
const FRESH: i64 = 60;

struct Widget;

balcao_plugin::export!(Widget: channel, channel_signals, channel_edits);

/// What is kept of a visitor.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
struct Known {
    /// As their site has signed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Claims>,
    /// Has answered what is asked before a chat.
    form: bool,
    /// As they said it there.
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
}

impl Known {
    fn of<'a>(&'a self, visitor: &'a str) -> Visitor<'a> {
        Visitor {
            id: visitor,
            user: self.user.as_ref(),
            name: &self.name,
        }
    }

    /// What the form asks: the fields whose value the site has not signed.
    fn asked(&self, settings: &Settings) -> Vec<(&'static str, Asked)> {
        let signed = |name: &str| {
            self.user.as_ref().is_some_and(|user| match name {
                "name" => !user.name.is_empty(),
                "email" => !user.email.is_empty(),
                "phone" => !user.phone.is_empty(),
                _ => false,
            })
        };
        let all = settings.fields().into_iter();
        all.filter(|(name, asked)| *asked != Asked::No && !signed(name))
            .collect()
    }
}

/// Why a request is not done: what the script gets, or a fault of ours.
enum No {
    Answer(u16, &'static str, String),
    Fault(Failure),
}

impl From<Failure> for No {
    fn from(failure: Failure) -> Self {
        Self::Fault(failure)
    }
}

impl From<Error> for No {
    fn from(error: Error) -> Self {
        match error.code.as_str() {
            "invalid" | "not-found" => wrong(error.message),
            _ => Self::Fault(error.into()),
        }
    }
}

fn wrong(why: impl Into<String>) -> No {
    No::Answer(422, "invalid", why.into())
}

type Done = Result<Response, No>;

impl Channel for Widget {
    fn describe(_channel: String) -> Result<Capabilities, Failure> {
        Ok(limits::capabilities())
    }

    /// Nobody is asked: the settings are looked at, and the line for the site is given.
    fn connect(_channel: String, webhook: String) -> Result<Account, Failure> {
        let settings: Settings = given::workspace()?;
        let snippet = format!("<script async src=\"{webhook}/_/asset/widget.js\"></script>");
        Ok(Account {
            external_id: webhook,
            name: settings.name(),
            extra: json!({"snippet": snippet}).to_string(),
        })
    }

    fn receive(request: Request) -> Result<Response, Failure> {
        let done = match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/config") => config(&request),
            ("POST", "/open") => open(&request),
            ("POST", "/message") => message(&request),
            ("POST", "/typing") => typing(&request),
            ("POST", "/delivered") => seen(&request, "delivered"),
            ("POST", "/read") => seen(&request, "read"),
            ("POST", "/reaction") => reaction(&request),
            ("POST", "/edit") => edit(&request),
            ("POST", "/revoke") => revoke(&request),
            ("POST", "/page") => page(&request),
            ("GET", "/history") => history(&request),
            _ => Err(No::Answer(404, "not-found", "there is nothing here".into())),
        };
        match done {
            Ok(response) => Ok(response),
            Err(No::Answer(status, code, message)) => {
                Ok(answer(status, &json!({"code": code, "message": message})))
            }
            Err(No::Fault(failure)) => Err(failure),
        }
    }

    /// Shown at once where the visitor is there, and kept for them by the host where they are not.
    fn send(message: Outbound) -> Result<Sent, Failure> {
        let settings: Settings = given::workspace()?;
        let visitor = &message.thread;
        let mut shown = show::content(&message.content, linked)?;
        shown["id"] = message.message.as_str().into();
        shown["at"] = show::millis(clock::now()).into();
        shown["mine"] = false.into();
        if let Some(answered) = &message.reply_to {
            shown["reply_to"] = show::short(visitor, answered).into();
        }
        let extra: Value = json::parse(&message.extra).unwrap_or(Value::Null);
        if settings.show_agent && extra["by"] == "user" {
            shown["author"] = extra["name"].clone();
        }
        visitors::push(visitor, "message", &json::text(&shown))?;
        Ok(Sent {
            external_ids: vec![show::external(visitor, &message.message)],
            state: "sent".into(),
            extra: String::new(),
        })
    }
}

impl ChannelSignals for Widget {
    fn signal(_channel: String, thread: String, kind: String, data: String) -> Result<(), Failure> {
        let data: Value = json::parse(&data).unwrap_or(Value::Null);
        let about = data["message"].as_str().unwrap_or_default();
        let about = show::short(&thread, about);
        let shown = match kind.as_str() {
            "typing" => json!({}),
            "read" => {
                let now = clock::now().to_string();
                storage::set(&read_key(&thread), &now, Some(KEPT), Some(&thread))?;
                json!({ "id": about })
            }
            "reaction" => json!({ "id": about, "emoji": data["emoji"], "mine": false }),
            _ => {
                return Err(Failure::unsupported(
                    "O chat do site não mostra isso ao visitante.",
                ));
            }
        };
        visitors::push(&thread, &kind, &json::text(&shown))?;
        Ok(())
    }
}

impl ChannelEdits for Widget {
    fn edit(message: Target, content: Content) -> Result<(), Failure> {
        let mut shown = show::content(&content, linked)?;
        shown["id"] = message.message.as_str().into();
        visitors::push(&message.thread, "edit", &json::text(&shown))?;
        Ok(())
    }

    fn revoke(message: Target) -> Result<(), Failure> {
        let shown = json!({ "id": message.message });
        visitors::push(&message.thread, "revoke", &json::text(&shown))?;
        Ok(())
    }
}

fn answer(status: u16, body: &Value) -> Response {
    Response {
        status,
        headers: vec![
            ("content-type".into(), "application/json".into()),
            ("cache-control".into(), "no-store".into()),
        ],
        body: body.to_string().into_bytes(),
    }
}

fn nothing() -> Done {
    Ok(Response {
        status: 204,
        headers: Vec::new(),
        body: Vec::new(),
    })
}

/// How to draw the window, and whether somebody serves a conversation that begins now.
fn config(request: &Request) -> Done {
    let settings: Settings = given::workspace()?;
    let about = Subject {
        kind: "channel".into(),
        id: request.channel.clone(),
    };
    let now = clock::now();
    let hours = teams::hours_at(&about, now)?;
    let mut shown = settings.public();
    // Without hours it is always open, and nothing is said of it.
    if !hours.open || hours.changes_at.is_some() {
        let changes_at = hours.changes_at.map(show::millis);
        shown["hours"] = json!({ "open": hours.open, "changes_at": changes_at });
    }
    let mut response = answer(200, &shown);
    let until = hours.changes_at.map_or(FRESH, |at| (at - now) / 1_000_000);
    response.headers[1].1 = format!("public, max-age={}", until.clamp(0, FRESH));
    Ok(response)
}

/// The visitor whose token comes with the request.
fn visitor(request: &Request) -> Result<String, No> {
    let told = request.header("authorization").unwrap_or_default();
    let token = told.strip_prefix("Bearer ").unwrap_or_default().trim();
    visitors::verify(token)
        .ok_or_else(|| No::Answer(401, "token", "this token is not good here".into()))
}

fn key(visitor: &str) -> String {
    format!("visitor/{visitor}")
}

/// Until when the agents have read what a visitor wrote.
fn read_key(visitor: &str) -> String {
    format!("read/{visitor}")
}

fn known(visitor: &str) -> Result<Known, No> {
    let kept = storage::get(&key(visitor))?;
    Ok(kept
        .and_then(|text| json::parse(&text).ok())
        .unwrap_or_default())
}

fn keep(visitor: &str, known: &Known) -> Result<(), No> {
    Ok(storage::set(
        &key(visitor),
        &json::text(known),
        Some(KEPT),
        Some(visitor),
    )?)
}

/// A visitor with a token of the host. Somebody else who is signed in at the same browser is another visitor.
fn open(request: &Request) -> Done {
    let asked: Open = ask::read(&request.body).map_err(wrong)?;
    let user = match &asked.user {
        Some(signed) => Some(believed(signed)?),
        None => None,
    };
    let mut opened = visitors::open(asked.token.as_deref())?;
    let mut kept = match opened.known {
        true => known(&opened.id)?,
        false => Known::default(),
    };
    if let Some(user) = user {
        let another = kept.user.as_ref().is_some_and(|it| it.id != user.id);
        if another {
            opened = visitors::open(None)?;
            kept = Known::default();
        }
        if kept.user.as_ref() != Some(&user) {
            kept.user = Some(user);
            keep(&opened.id, &kept)?;
        }
    }
    let settings: Settings = given::workspace()?;
    let asked: Vec<&str> = kept
        .asked(&settings)
        .iter()
        .map(|(name, _)| *name)
        .collect();
    let form = !kept.form && (!asked.is_empty() || !settings.ask_more.is_empty());
    Ok(answer(
        200,
        &json!({
            "visitor": opened.id, "token": opened.token, "known": opened.known, "form": form,
            "ask": if form { asked } else { Vec::new() },
        }),
    ))
}

/// Who a site says is signed in, if it has signed that.
fn believed(signed: &Signed) -> Result<Claims, No> {
    let refused = |why: &str| Err(No::Answer(403, "identity", why.to_owned()));
    if !secrets::exists("identity_secret") {
        return refused("no identity secret is set for this channel");
    }
    let bytes = signed.claims.as_bytes();
    match secrets::verify_hmac("identity_secret", "sha256", bytes, &signed.signature) {
        Ok(true) => {}
        Ok(false) => return refused("the signature does not match"),
        Err(error) if error.code == "invalid" => {
            return refused("the signature is not hexadecimal");
        }
        Err(error) => return Err(error.into()),
    }
    let mut claims = Claims::read(&signed.claims).map_err(wrong)?;
    if claims.exp != 0 && claims.exp <= clock::now() / 1_000_000 {
        return refused("the signature is over");
    }
    claims.exp = 0;
    Ok(claims)
}

fn message(request: &Request) -> Done {
    let visitor = visitor(request)?;
    let said: Said = ask::read(&request.body).map_err(wrong)?;
    let settings: Settings = given::workspace()?;
    let mut known = known(&visitor)?;
    let asked = known.asked(&settings);
    let mut answers = said.form.as_ref().map(ask::answers).unwrap_or_default();
    // What their site has signed is not theirs to say.
    answers.retain(
        |name, _| match settings.fields().iter().any(|(it, _)| it == name) {
            true => asked.iter().any(|(it, _)| it == name),
            false => true,
        },
    );
    let missing = asked
        .iter()
        .find(|(name, asked)| *asked == Asked::Required && !answers.contains_key(name));
    if let Some((name, _)) = missing.filter(|_| !known.form) {
        return Err(No::Answer(422, "form", format!("{name} is required")));
    }
    if let Some(name) = answers.get("name") {
        known.name.clone_from(name);
    }
    let at = clock::now();
    let messages = inbound::message(known.of(&visitor), &said, settings.shows_pages(), at);
    for message in &messages.map_err(wrong)? {
        let mut shown = show::content(&message.content, linked)?;
        shown["id"] = show::short(&visitor, &message.external_id).into();
        shown["at"] = show::millis(at).into();
        shown["mine"] = true.into();
        shown["state"] = "sent".into();
        inbox::message(&inbound::key(message), message)?;
        // For the visitor's other tabs.
        visitors::push(&visitor, "message", &json::text(&shown))?;
    }
    // Behind the messages: where one of them is refused, the answers come again with the next attempt. Also where they are known to be given: the
    // host drops a repetition, and what was kept without the note (the server died between) is made good.
    if let Some(line) = inbound::form(&visitor, &answers).filter(|_| settings.asks()) {
        line.hand_over()?;
    }
    if settings.asks() && !known.form {
        known.form = true;
        keep(&visitor, &known)?;
    }
    Ok(answer(200, &json!({"id": said.id, "at": show::millis(at)})))
}

fn typing(request: &Request) -> Done {
    let visitor = visitor(request)?;
    inbox::typing(&visitor);
    nothing()
}

/// What the visitor's window shows, or has been looked at.
fn seen(request: &Request, state: &'static str) -> Done {
    let visitor = visitor(request)?;
    let told: Told = ask::read(&request.body).map_err(wrong)?;
    let ids = told.messages().map_err(wrong)?;
    let now = clock::now();
    // Of this visitor's own thread: what is told of others' or of what there is not would only be kept, by whoever likes.
    let thread = messages::of_thread(&visitor, None, NEWEST)?;
    let ours = thread.iter().filter(|it| it.author != "contact");
    let ours: BTreeSet<&str> = ours.map(|it| it.id.as_str()).collect();
    for id in ids.iter().filter(|id| ours.contains(id.as_str())) {
        inbound::seen(&visitor, id, state, now).hand_over()?;
    }
    nothing()
}

/// A message of the visitor's thread, by the script's id of it: their own, or one of ours.
fn told_of(visitor: &str, id: &str, own: bool) -> Result<messages::Message, No> {
    let thread = messages::of_thread(visitor, None, NEWEST)?;
    let named = |it: &&messages::Message| {
        let external = show::external_of(it);
        (it.author == "contact") == own
            && external.is_some_and(|external| show::short(visitor, &external) == id)
    };
    let found = thread.iter().find(named).cloned();
    found.ok_or_else(|| No::Answer(404, "not-found", "there is no such message here".into()))
}

/// The visitor's opinion of a message of ours, as one emoji; none takes it back.
fn reaction(request: &Request) -> Done {
    let visitor = visitor(request)?;
    let change: Change = ask::read(&request.body).map_err(wrong)?;
    let known = known(&visitor)?;
    let event = inbound::reaction(known.of(&visitor), &change, clock::now()).map_err(wrong)?;
    told_of(&visitor, &change.message, false)?;
    event.hand_over()?;
    let shown = json!({"id": change.message, "emoji": change.emoji, "mine": true});
    visitors::push(&visitor, "reaction", &json::text(&shown))?;
    nothing()
}

/// The visitor says it in other words.
fn edit(request: &Request) -> Done {
    let visitor = visitor(request)?;
    let change: Change = ask::read(&request.body).map_err(wrong)?;
    change.check().map_err(wrong)?;
    let now = ask::rewritten(&change.text).map_err(wrong)?;
    if told_of(&visitor, &change.message, true)?.content.kind != now.kind {
        return Err(wrong("message: only texts can be changed"));
    }
    let shown = json!({"id": change.message, "kind": now.kind, "text": now.text});
    inbound::edit(&visitor, &change, now, clock::now()).hand_over()?;
    visitors::push(&visitor, "edit", &json::text(&shown))?;
    nothing()
}

/// The visitor takes it back.
fn revoke(request: &Request) -> Done {
    let visitor = visitor(request)?;
    let change: Change = ask::read(&request.body).map_err(wrong)?;
    let event = inbound::revoke(&visitor, &change, clock::now()).map_err(wrong)?;
    told_of(&visitor, &change.message, true)?;
    event.hand_over()?;
    let shown = json!({"id": change.message});
    visitors::push(&visitor, "revoke", &json::text(&shown))?;
    nothing()
}

fn page(request: &Request) -> Done {
    let visitor = visitor(request)?;
    let told: Told = ask::read(&request.body).map_err(wrong)?;
    let settings: Settings = given::workspace()?;
    if !settings.shows_pages() {
        return Err(No::Answer(403, "pages", "pages are not shown here".into()));
    }
    inbound::page(&visitor, &told).map_err(wrong)?.hand_over()?;
    nothing()
}

fn history(request: &Request) -> Done {
    let visitor = visitor(request)?;
    let settings: Settings = given::workspace()?;
    let before = request.query("before");
    let found = messages::of_thread(&visitor, before, PAGE)?;
    let more = found.len() == PAGE as usize;
    let read = storage::get(&read_key(&visitor))?;
    let read = read.and_then(|at| at.parse().ok());
    let mut shown = Vec::new();
    for message in found.iter().rev() {
        shown.extend(show::message(
            &visitor,
            message,
            (settings.show_agent, read),
            linked,
        )?);
    }
    let first = found.last().map(|message| message.id.as_str());
    Ok(answer(
        200,
        &json!({"messages": shown, "before": first.filter(|_| more)}),
    ))
}

/// An address that the visitor's browser may fetch; none where the file is not there.
fn linked(file: &Attachment) -> Result<Option<String>, Failure> {
    match file.source.strip_prefix("media:") {
        None => Ok(Some(file.source.clone()).filter(|it| it.starts_with("https://"))),
        Some(id) => match media::link(id, LINK) {
            Ok(link) => Ok(Some(link)),
            // A visitor's own, which is no part of a message before this one is committed.
            Err(error) if error.code == "not-found" => {
                info!("a file is not there yet: {id}");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        },
    }
}
