//! Distribution of queued conversations (FEATURES C): offers each to one agent at a time, and passes it on when its time is over.
//! `rota` decides, `view` draws; here is what reads the desk and does what they say. Never starts, transfers or concludes anything.

pub mod rota;
pub mod view;

use balcao_plugin::app::{Event, EventKind, Timer, ViewContext};
use balcao_plugin::conversations::{self, Conversation};
use balcao_plugin::{
    Events, Failure, Subject, TimerEvents, Views, clock, json, routing, settings, storage, teams,
    timers,
};
use rota::{Agent, Move, Rota, Seat, Settings, Ticket, Why};
use serde::de::DeserializeOwned;

/// How long an offer without deadline is remembered, in seconds: 90 days.
const TICKET_TTL: u32 = 90 * 24 * 3600;
/// Queued conversations looked at in a page, and the pages looked at in a call.
const PAGE: u32 = 200;
const PAGES: usize = 5;

/// Before the ids of conversations that wait for their team to open.
const OPENING: &str = "open:";
/// The plugin's id in its manifest.
const ID: &str = "distribution";

struct Distribution;

balcao_plugin::export!(Distribution: events, timer_events, views);

impl Events for Distribution {
    fn handle(event: Event) -> Result<(), Failure> {
        match event.known_kind() {
            EventKind::ConversationQueued | EventKind::ConversationReopened => {
                match named(&event)? {
                    Some(conversation) => begin(&conversation, conversation.queued_at),
                    None => Ok(()),
                }
            }
            EventKind::ConversationStarted
            | EventKind::ConversationConcluded
            | EventKind::ConversationTransferred
            | EventKind::ConversationReleased => match &event.conversation {
                Some(id) => forget_if_over(id),
                None => Ok(()),
            },
            EventKind::MemberAvailabilityChanged => recheck(&team_of(&event)),
            EventKind::TeamHoursChanged | EventKind::ChannelHoursChanged => each_waiting(opened),
            EventKind::PluginEnabled if is_own(&event) => everywhere(true),
            EventKind::PluginSettingsChanged if is_own(&event) => everywhere(false),
            _ if event.kind == "team.changed" => recheck(&team_of(&event)),
            _ => Ok(()),
        }
    }
}

impl TimerEvents for Distribution {
    fn fire(timer: Timer) -> Result<(), Failure> {
        if let Some(id) = timer.name.strip_prefix(OPENING) {
            return opened(id);
        }
        let Some(id) = timer.name.strip_prefix("offer:") else {
            return Ok(());
        };
        match find(id)? {
            Some(conversation) => {
                let rota = match &conversation.team {
                    Some(team) => rota_of(team)?,
                    None => Rota::default(),
                };
                go_on(&conversation, &rota)
            }
            None => Ok(()),
        }
    }
}

impl Views for Distribution {
    fn render(context: ViewContext) -> Result<String, Failure> {
        let english = context.locale.starts_with("en");
        let team = context.about.filter(|about| about.kind == "team");
        let Some(Subject { id: team, .. }) = team else {
            return Err(Failure::invalid("This view is about a team."));
        };
        let tree = if of(&team)?.serves(&team) {
            view::order(
                &rota_of(&team)?,
                read(&cursor_key(&team))?.as_ref(),
                english,
            )
        } else {
            view::not_served(english)
        };
        Ok(json::text(&tree))
    }
}

/// The settings of a team: its own, over the workspace's (C1).
fn of(team: &str) -> Result<Settings, Failure> {
    settings::scoped("team", team)
}

/// Makes the first offer of a queued conversation of a team that is served, if the team is open.
fn begin(conversation: &Conversation, started: i64) -> Result<(), Failure> {
    let Some(team) = waiting_in(conversation) else {
        return Ok(());
    };
    let settings = of(team)?;
    if !settings.serves(team) {
        return Ok(());
    }
    if waits_for_opening(conversation, team)? {
        return Ok(());
    }
    let now = clock::now();
    let cursor: Option<Seat> = read(&cursor_key(team))?;
    let next = rota::first(&rota_of(team)?, &settings, cursor.as_ref(), started, now);
    if let Move::Offer(ticket) = &next {
        write(&cursor_key(team), &ticket.holder, None)?;
    }
    carry_out(conversation, team, next)
}

/// Whether it is closed for that conversation: then it is looked at again when it opens, and meanwhile nothing is offered and nothing passes on (C7).
fn waits_for_opening(conversation: &Conversation, team: &str) -> Result<bool, Failure> {
    let hours = teams::hours_at(&about("conversation", &conversation.id), clock::now())?;
    if hours.open {
        return Ok(false);
    }
    let key = opening_key(&conversation.id);
    storage::set(&key, "{}", None, None)?;
    match hours.changes_at {
        Some(at) => timers::set(&key, at, Some(&about("team", team)), "")?,
        None => timers::cancel(&key)?,
    }
    Ok(true)
}

/// It may be open now for a conversation that waited for that: it has the full time from now on (C7), and so has whoever it was with.
fn opened(id: &str) -> Result<(), Failure> {
    storage::delete(&opening_key(id))?;
    timers::cancel(&opening_key(id))?;
    let Some(conversation) = find(id)? else {
        return Ok(());
    };
    let (Some(team), Some(ticket)) = (&conversation.team, own_offer(&conversation)?) else {
        return begin(&conversation, clock::now());
    };
    if waits_for_opening(&conversation, team)? {
        return Ok(());
    }
    let next = rota::opened(&rota_of(team)?, &of(team)?, &ticket, clock::now());
    carry_out(&conversation, team, next)
}

/// Every conversation that waits for its team to open.
fn each_waiting(visit: impl Fn(&str) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut after: Option<String> = None;
    for _ in 0..PAGES {
        let page = storage::list_keys(OPENING, after.as_deref(), PAGE)?;
        for (key, _) in &page {
            visit(key.strip_prefix(OPENING).unwrap_or_default())?;
        }
        match page.into_iter().last() {
            Some((last, _)) => after = Some(last),
            None => break,
        }
    }
    Ok(())
}

/// What is remembered of its present offer, if that is ours.
fn own_offer(conversation: &Conversation) -> Result<Option<Ticket>, Failure> {
    let Some(offer) = &conversation.offer else {
        return Ok(None);
    };
    let ticket: Option<Ticket> = read(&ticket_key(&conversation.id))?;
    Ok(ticket.filter(|it| it.is_of(&offer.agent, offer.deadline)))
}

/// Passes an offer of ours on if its time is over or its holder is no longer available. Offers of others, and timers of offers
/// that are no longer there, change nothing.
fn go_on(conversation: &Conversation, rota: &Rota) -> Result<(), Failure> {
    let (Some(team), Some(ticket)) = (&conversation.team, own_offer(conversation)?) else {
        return Ok(());
    };
    let settings = of(team)?;
    if !settings.serves(team) {
        return carry_out(conversation, team, Move::Release(Why::NotServed));
    }
    let Some(next) = rota::onward(rota, &settings, &ticket, clock::now()) else {
        return Ok(());
    };
    if waits_for_opening(conversation, team)? {
        return carry_out(conversation, team, rota::closed(rota, &ticket));
    }
    carry_out(conversation, team, next)
}

fn carry_out(conversation: &Conversation, team: &str, next: Move) -> Result<(), Failure> {
    let id = &conversation.id;
    match next {
        Move::Offer(ticket) => {
            routing::offer(id, &ticket.holder.user, ticket.deadline)?;
            write(&ticket_key(id), &ticket, Some(TICKET_TTL))?;
            match ticket.deadline {
                Some(at) => timers::set(&ticket_key(id), at, Some(&about("team", team)), "")?,
                None => timers::cancel(&ticket_key(id))?,
            }
        }
        Move::Release(why) => {
            let note = match why {
                Why::NobodyAvailable => "Ninguém da equipe está disponível",
                Why::TimeIsOver => "O tempo máximo do transbordo acabou",
                Why::NotServed => "A distribuição foi desligada nesta equipe",
                Why::Closed => "O atendente ficou indisponível fora do horário",
            };
            routing::release(id, note)?;
            match why {
                // It waits for the opening still.
                Why::Closed => drop_ticket(id)?,
                _ => forget(id)?,
            }
        }
    }
    Ok(())
}

/// Passes on what members of that team hold who are no longer available (C9). Without a team named: in every team served.
fn recheck(team: &[String]) -> Result<(), Failure> {
    let settings: Settings = settings::workspace()?;
    let teams = if team.is_empty() {
        &settings.teams
    } else {
        team
    };
    for team in teams.iter().filter(|team| settings.serves(team)) {
        // A team that was deleted since.
        let Some(rota) = passing(rota_of(team))? else {
            continue;
        };
        each_queued(team, |conversation| go_on(conversation, &rota))?;
    }
    Ok(())
}

/// After enabling, what waits unoffered is offered as if it had just come, within the maximum since it was queued; after a change of settings,
/// the offers in teams that are no longer served end.
fn everywhere(enabled: bool) -> Result<(), Failure> {
    for team in teams::list_all()? {
        let settings = of(&team.id)?;
        let served = settings.serves(&team.id);
        if served && enabled {
            each_queued(&team.id, |conversation| {
                let over = |end| end <= clock::now();
                if settings.end(conversation.queued_at).is_some_and(over) {
                    return Ok(());
                }
                begin(conversation, conversation.queued_at)
            })?;
        } else if !served && !enabled {
            each_queued(&team.id, |conversation| {
                go_on(conversation, &Rota::default())
            })?;
        }
    }
    Ok(())
}

fn each_queued(
    team: &str,
    mut visit: impl FnMut(&Conversation) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut after = None;
    for _ in 0..PAGES {
        let page = conversations::queued(team, after.as_deref(), PAGE)?;
        for conversation in &page {
            visit(conversation)?;
        }
        match page.into_iter().last() {
            Some(last) => after = Some(last.id),
            None => break,
        }
    }
    Ok(())
}

/// Forgets a conversation that is no longer offered. One that is offered again meanwhile keeps its timer.
fn forget_if_over(id: &str) -> Result<(), Failure> {
    let offered = find(id)?.is_some_and(|it| it.offer.is_some());
    if offered { Ok(()) } else { forget(id) }
}

fn forget(id: &str) -> Result<(), Failure> {
    timers::cancel(&opening_key(id))?;
    storage::delete(&opening_key(id))?;
    drop_ticket(id)
}

fn drop_ticket(id: &str) -> Result<(), Failure> {
    timers::cancel(&ticket_key(id))?;
    storage::delete(&ticket_key(id))?;
    Ok(())
}

/// The team in whose queue a conversation waits with no offer.
fn waiting_in(conversation: &Conversation) -> Option<&str> {
    let waits = conversation.status == "queued" && conversation.offer.is_none();
    conversation.team.as_deref().filter(|_| waits)
}

fn named(event: &Event) -> Result<Option<Conversation>, Failure> {
    event.conversation.as_deref().map_or(Ok(None), find)
}

fn find(id: &str) -> Result<Option<Conversation>, Failure> {
    passing(conversations::get(id).map_err(Failure::from))
}

/// What is no longer there is no failure.
fn passing<T>(result: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(failure) if failure.code == "not-found" => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Whether it is this plugin that was enabled or configured; every plugin's enabling is told to all.
fn is_own(event: &Event) -> bool {
    let subject = event.subject.as_ref();
    subject.is_some_and(|it| it.kind == "plugin" && it.id == ID)
}

/// The team that an event is about: its subject, or `team` in its data. Empty where neither says so.
fn team_of(event: &Event) -> Vec<String> {
    if let Some(subject) = event.subject.as_ref().filter(|it| it.kind == "team") {
        return vec![subject.id.clone()];
    }
    let data: json::Value = json::parse(&event.data).unwrap_or_default();
    data["team"]
        .as_str()
        .map(str::to_owned)
        .into_iter()
        .collect()
}

fn rota_of(team: &str) -> Result<Rota, Failure> {
    let members = teams::get(team)?.members;
    Ok(Rota::new(
        members
            .into_iter()
            .filter(|member| member.role == "agent")
            .map(|member| Agent {
                seat: Seat {
                    created_at: member.created_at,
                    user: member.user,
                },
                name: member.name,
                available: member.available,
            }),
    ))
}

fn about(kind: &str, id: &str) -> Subject {
    Subject {
        kind: kind.into(),
        id: id.into(),
    }
}

fn cursor_key(team: &str) -> String {
    format!("cursor:{team}")
}

/// Of the storage and of the timer alike.
fn ticket_key(conversation: &str) -> String {
    format!("offer:{conversation}")
}

/// Likewise, while the conversation waits for its team to open.
fn opening_key(conversation: &str) -> String {
    format!("{OPENING}{conversation}")
}

fn read<T: DeserializeOwned>(key: &str) -> Result<Option<T>, Failure> {
    storage::get(key)?
        .map(|text| json::parse(&text))
        .transpose()
        .map_err(|error| {
            Failure::invalid(format!("what is kept under {key} is not readable: {error}"))
        })
}

fn write<T: serde::Serialize>(key: &str, value: &T, ttl: Option<u32>) -> Result<(), Failure> {
    Ok(storage::set(key, &json::text(value), ttl, None)?)
}
