//! Business hours (FEATURES E2): when a team or a channel is open, by the clock of its own place, and what contacts are told while it is not. Pure:
//! the time comes in, and nothing is read but the time zones that are built in.
//!
//! A day's intervals belong to the date on which they begin, over midnight included; a holiday's take the place of those that begin on its date. Where
//! the clocks change, what they skip is over at once, and what they show twice counts from the first time to the last.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime, Time, Weekday},
    tz::{AmbiguousOffset, TimeZone},
};
use serde::{Deserialize, Serialize};

use crate::{
    clock::Instant,
    id::{ChannelId, TeamId},
};

/// How far ahead a change is looked for: a year.
const YEAR: Instant = 366 * 24 * 3600 * 1_000_000;
/// Most intervals of a day, most holidays.
const MOST_INTERVALS: usize = 6;
const MOST_HOLIDAYS: usize = 400;
/// Longest name of a holiday and longest reply, in characters: what every channel can carry.
const LONGEST_NAME: usize = 80;
const LONGEST_REPLY: usize = 1_000;
/// A day in minutes.
const DAY: u16 = 24 * 60;

/// Whose hours they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    Team(TeamId),
    Channel(ChannelId),
}

/// When somebody serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BusinessHours)]
pub struct Hours {
    /// Off: none of its own. A conversation's are its team's; where that has none, its channel's; where that has none either, it is always open.
    pub enabled: bool,
    /// By whose clock: an IANA name, `America/Sao_Paulo`.
    pub time_zone: String,
    pub week: Week,
    pub holidays: Vec<Holiday>,
    pub reply: Reply,
}

/// The intervals of each day of the week; a day without any is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Week {
    pub monday: Vec<Interval>,
    pub tuesday: Vec<Interval>,
    pub wednesday: Vec<Interval>,
    pub thursday: Vec<Interval>,
    pub friday: Vec<Interval>,
    pub saturday: Vec<Interval>,
    pub sunday: Vec<Interval>,
}

/// From one time to another; one that ends before it begins ends on the day after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// `09:00`.
    #[schema(value_type = String)]
    pub from: TimeOfDay,
    /// `18:00`; `24:00` is the day's end.
    #[schema(value_type = String)]
    pub until: TimeOfDay,
}

/// A date with hours of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Holiday {
    /// `2026-12-25`.
    #[schema(value_type = String)]
    pub date: Day,
    /// Each year on that day. A holiday of that very date goes before it.
    #[serde(default)]
    pub yearly: bool,
    pub name: String,
    /// None: closed.
    #[serde(default)]
    pub intervals: Vec<Interval>,
}

/// What a contact is told who writes while it is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ClosedReply)]
pub struct Reply {
    pub enabled: bool,
    /// With the variables `{{nome}}` or `{{name}}` (the contact's first name), `{{equipe}}` or `{{team}}`, `{{reabertura}}` or `{{opens}}` (when it
    /// opens again, in words of the workspace's language). Any other in double braces is refused.
    pub text: String,
}

/// Who is told that it is closed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told<'a> {
    /// Of the contact, as they are known; a number or handle where they are not.
    pub name: &'a str,
    /// The conversation's.
    pub team: Option<&'a str>,
    /// The workspace's language.
    pub locale: &'a str,
}

/// Minutes since midnight, 1440 at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(u16);

impl TryFrom<String> for TimeOfDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let two = |part: &str| {
            let digits = part.len() == 2 && part.bytes().all(|it| it.is_ascii_digit());
            part.parse().ok().filter(|_| digits)
        };
        let parts = text.split_once(':');
        let parts = parts.and_then(|(h, m)| Some((two(h)?, two(m)?)));
        let minutes = parts.and_then(|(h, m): (u16, u16)| (m < 60).then_some(h * 60 + m));
        match minutes {
            Some(minutes) if minutes <= DAY => Ok(Self(minutes)),
            _ => Err(format!("`{text}` is no time of day like 09:00")),
        }
    }
}

impl From<TimeOfDay> for String {
    fn from(TimeOfDay(minutes): TimeOfDay) -> Self {
        format!("{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

/// A date of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(Date);

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let date = text.parse().ok().filter(|date: &Date| date.year() > 0);
        let date = date.filter(|date| date.to_string() == text);
        date.map(Self)
            .ok_or_else(|| format!("`{text}` is no date like 2026-12-25"))
    }
}

impl From<Day> for String {
    fn from(Day(date): Day) -> Self {
        date.to_string()
    }
}

/// Whether it is open at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    pub open: bool,
    /// When it closes or, if closed, next opens. None: not within a year.
    pub changes_at: Option<Instant>,
}

impl Opening {
    /// Where there are no hours.
    pub const ALWAYS: Self = Self {
        open: true,
        changes_at: None,
    };
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    TimeZone,
    NoTime,
    Overlap,
    TooMany,
    Twice,
    Empty,
    TooLong,
    Variable,
}

impl Wrong {
    /// In Portuguese and in English.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::TimeZone => ("fuso horário desconhecido", "is no known time zone"),
            Self::NoTime => (
                "o fim deve ser diferente do início",
                "must end at another time than it begins",
            ),
            Self::Overlap => (
                "este intervalo começa antes de o anterior terminar",
                "begins before the one before it ends",
            ),
            Self::TooMany => ("há itens demais", "has too many entries"),
            Self::Twice => ("esta data já está na lista", "is on the list already"),
            Self::Empty => ("preencha este campo", "must not be empty"),
            Self::TooLong => ("texto longo demais", "is too long"),
            Self::Variable => (
                "há uma variável que não existe: use {{nome}}, {{equipe}} ou {{reabertura}}",
                "has a variable that does not exist: use {{name}}, {{team}} or {{opens}}",
            ),
        }
    }
}

impl Hours {
    /// What is shown where nobody has set anything: off, and the usual hours to begin with.
    pub fn usual(locale: &str, time_zone: &str) -> Self {
        let day = vec![Interval {
            from: TimeOfDay(9 * 60),
            until: TimeOfDay(18 * 60),
        }];
        let text = if locale.starts_with("en") {
            "Hello, {{name}}! We have received your message. We are closed at the moment and will answer you here {{opens}}."
        } else {
            "Olá, {{nome}}! Recebemos a sua mensagem. No momento estamos fora do horário de atendimento e responderemos por aqui {{reabertura}}."
        };
        Self {
            enabled: false,
            time_zone: time_zone.to_owned(),
            week: Week {
                monday: day.clone(),
                tuesday: day.clone(),
                wednesday: day.clone(),
                thursday: day.clone(),
                friday: day,
                ..Week::default()
            },
            holidays: Vec::new(),
            reply: Reply {
                enabled: true,
                text: text.to_owned(),
            },
        }
    }

    /// Fields that cannot stay so, by their path: `week.monday.1`.
    pub fn problems(&self) -> Vec<(String, Wrong)> {
        let mut found = Vec::new();
        if TimeZone::get(&self.time_zone).is_err() {
            found.push(("time_zone".to_owned(), Wrong::TimeZone));
        }
        for (name, day) in self.week.days() {
            check_day(&format!("week.{name}"), day, &mut found);
        }
        if self.holidays.len() > MOST_HOLIDAYS {
            found.push(("holidays".to_owned(), Wrong::TooMany));
        }
        for (at, holiday) in self.holidays.iter().take(MOST_HOLIDAYS).enumerate() {
            let field = |name: &str| format!("holidays.{at}.{name}");
            if self.holidays[..at].iter().any(|it| it.is_on(holiday)) {
                found.push((field("date"), Wrong::Twice));
            }
            if let Some(wrong) = misworded(&holiday.name, LONGEST_NAME) {
                found.push((field("name"), wrong));
            }
            check_day(&field("intervals"), &holiday.intervals, &mut found);
        }
        let wrong = misworded(&self.reply.text, LONGEST_REPLY);
        let wrong = wrong.filter(|it| self.reply.enabled || *it != Wrong::Empty);
        let wrong = wrong.or_else(|| reply::misnamed(&self.reply.text).then_some(Wrong::Variable));
        found.extend(wrong.map(|it| ("reply.text".to_owned(), it)));
        found
    }

    /// Whether it is open then, and when that changes. A time zone that is not known any more closes nothing.
    pub fn at(&self, at: Instant) -> Opening {
        let known = TimeZone::get(&self.time_zone).ok();
        let known = known.zip(Timestamp::from_microsecond(at).ok());
        match known {
            Some((zone, moment)) if self.enabled => self.opening(&zone, moment, at),
            _ => Opening::ALWAYS,
        }
    }

    /// What a contact is told who writes then, with the variables of its text filled in.
    pub fn reply_at(&self, opening: &Opening, told: &Told<'_>, now: Instant) -> String {
        let zone = TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC);
        let english = told.locale.starts_with("en");
        let opens = opening
            .changes_at
            .and_then(|at| reply::moment(&zone, at, now, english));
        reply::filled(&self.reply.text, told, opens, english)
    }

    /// Whether it has been closed without a break from `then` until `now`.
    pub fn closed_since(&self, then: Instant, now: Instant) -> bool {
        let opening = self.at(then);
        !opening.open && opening.changes_at.is_none_or(|opens| opens > now)
    }

    fn opening(&self, zone: &TimeZone, moment: Timestamp, at: Instant) -> Opening {
        let horizon = at.saturating_add(YEAR);
        let within = |changes: Instant| Some(changes).filter(|changes| *changes <= horizon);
        let mut open_until = None;
        // Spans begin in the order of their dates: an earlier time of the day is never later in time.
        for (begins, ends) in self.spans(zone, moment) {
            match open_until {
                None if ends <= at => {}
                None if begins > at => {
                    return Opening {
                        open: false,
                        changes_at: within(begins),
                    };
                }
                Some(until) if begins > until => break,
                _ => open_until = Some(open_until.map_or(ends, |until: Instant| until.max(ends))),
            }
            if open_until.is_some_and(|until| until > horizon) {
                break;
            }
        }
        Opening {
            open: open_until.is_some(),
            changes_at: open_until.and_then(within),
        }
    }

    /// From when until when it is open, from two days before that moment on for somewhat more than a year. What is over before it begins is not in it.
    fn spans(
        &self,
        zone: &TimeZone,
        moment: Timestamp,
    ) -> impl Iterator<Item = (Instant, Instant)> {
        let today = zone.to_datetime(moment).date();
        let dates = (-2..=368).filter_map(move |days: i32| today.checked_add(days.days()).ok());
        let day = move |date: Date| {
            let mut intervals = self.on(date).to_vec();
            intervals.sort_by_key(|it| it.from);
            let span = move |it: Interval| {
                let next = it.until.0 <= it.from.0;
                let begins = instant(zone, moment_of(date, it.from, false)?, Edge::Begin)?;
                let ends = instant(zone, moment_of(date, it.until, next)?, Edge::End)?;
                Some((begins, ends)).filter(|_| begins < ends)
            };
            intervals.into_iter().filter_map(span)
        };
        dates.flat_map(day)
    }

    /// The intervals that begin on that date.
    fn on(&self, date: Date) -> &[Interval] {
        let once = |it: &&Holiday| !it.yearly && it.date.0 == date;
        let yearly = |it: &&Holiday| it.yearly && same_day(it.date.0, date);
        let holidays = || self.holidays.iter();
        let holiday = holidays().find(once).or_else(|| holidays().find(yearly));
        holiday.map_or_else(|| self.week.on(date.weekday()), |it| &it.intervals)
    }
}

impl Week {
    fn days(&self) -> [(&'static str, &[Interval]); 7] {
        [
            ("monday", &self.monday),
            ("tuesday", &self.tuesday),
            ("wednesday", &self.wednesday),
            ("thursday", &self.thursday),
            ("friday", &self.friday),
            ("saturday", &self.saturday),
            ("sunday", &self.sunday),
        ]
    }

    fn on(&self, day: Weekday) -> &[Interval] {
        match day {
            Weekday::Monday => &self.monday,
            Weekday::Tuesday => &self.tuesday,
            Weekday::Wednesday => &self.wednesday,
            Weekday::Thursday => &self.thursday,
            Weekday::Friday => &self.friday,
            Weekday::Saturday => &self.saturday,
            Weekday::Sunday => &self.sunday,
        }
    }
}

impl Holiday {
    /// Whether both say the same of the same day. A yearly one and one of a single date may be on one day.
    fn is_on(&self, other: &Self) -> bool {
        match (self.yearly, other.yearly) {
            (true, true) => same_day(self.date.0, other.date.0),
            (false, false) => self.date == other.date,
            _ => false,
        }
    }
}

fn same_day(one: Date, other: Date) -> bool {
    (one.month(), one.day()) == (other.month(), other.day())
}

fn check_day(field: &str, day: &[Interval], found: &mut Vec<(String, Wrong)>) {
    if day.len() > MOST_INTERVALS {
        found.push((field.to_owned(), Wrong::TooMany));
    }
    let mut order: Vec<(usize, &Interval)> = day.iter().enumerate().collect();
    order.sort_by_key(|(_, it)| it.from);
    let mut free_from = 0;
    for (at, it) in order {
        let (from, until) = (it.from.0, it.until.0);
        let wrong = if from == until || from == DAY {
            Some(Wrong::NoTime)
        } else if from < free_from {
            Some(Wrong::Overlap)
        } else {
            None
        };
        found.extend(wrong.map(|wrong| (format!("{field}.{at}"), wrong)));
        free_from = free_from.max(if until < from { until + DAY } else { until });
    }
}

fn misworded(text: &str, longest: usize) -> Option<Wrong> {
    if text.trim().is_empty() {
        return Some(Wrong::Empty);
    }
    (text.chars().count() > longest).then_some(Wrong::TooLong)
}

/// A time of that date, or of the one after, as clocks on the wall show it.
fn moment_of(date: Date, time: TimeOfDay, next: bool) -> Option<DateTime> {
    let days = i32::from(time.0 / DAY) + i32::from(next);
    let minutes = time.0 % DAY;
    let clock = Time::new((minutes / 60) as i8, (minutes % 60) as i8, 0, 0).ok()?;
    Some(date.checked_add(days.days()).ok()?.to_datetime(clock))
}

#[derive(Clone, Copy, PartialEq)]
enum Edge {
    /// The first moment at which the clocks show that time or a later one.
    Begin,
    /// The first moment from which on the clocks show no earlier time any more.
    End,
}

fn instant(zone: &TimeZone, local: DateTime, edge: Edge) -> Option<Instant> {
    let found = match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local).ok()?,
        AmbiguousOffset::Gap { before, .. } => {
            changed_before(zone, before.to_timestamp(local).ok()?)?
        }
        AmbiguousOffset::Fold { before, after } => {
            let (first, second) = (before.to_timestamp(local), after.to_timestamp(local));
            let (first, second) = (first.ok()?, second.ok()?);
            // Set back to this very time: what was to end then had ended.
            let ended = changed_before(zone, second) == Some(second);
            if edge == Edge::Begin || ended {
                first
            } else {
                second
            }
        }
    };
    Some(found.as_microsecond())
}

/// When the clocks last changed, at that moment or before.
fn changed_before(zone: &TimeZone, moment: Timestamp) -> Option<Timestamp> {
    let after = moment.checked_add(1.nanosecond()).ok()?;
    Some(zone.preceding(after).next()?.timestamp())
}

mod reply;
#[cfg(test)]
mod tests;
