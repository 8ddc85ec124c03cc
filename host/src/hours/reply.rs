//! The variables of the automatic reply: `{{nome}}` or `{{name}}` (the contact's first name), `{{equipe}}` or `{{team}}`, `{{reabertura}}` or
//! `{{opens}}` (when it next opens, by the team's own clock). Pure.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::Told;
use crate::clock::Instant;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Variable {
    Name,
    Team,
    Opens,
}

impl Variable {
    fn of(name: &str) -> Option<Self> {
        match name.trim() {
            "nome" | "name" => Some(Self::Name),
            "equipe" | "team" => Some(Self::Team),
            "reabertura" | "opens" => Some(Self::Opens),
            _ => None,
        }
    }
}

/// Whether the text has a variable that there is not.
pub fn misnamed(text: &str) -> bool {
    let unknown =
        |(_, name): (&str, Option<&str>)| name.is_some_and(|it| Variable::of(it).is_none());
    parts(text).any(unknown)
}

/// The text as the contact gets it. `opens`: in words; none where it is not known when.
pub fn filled(text: &str, told: &Told<'_>, opens: Option<String>, english: bool) -> String {
    let (team, soon) = match english {
        true => ("our team", "soon"),
        false => ("nossa equipe", "em breve"),
    };
    let opens = opens.unwrap_or_else(|| soon.to_owned());
    let mut all = String::with_capacity(text.len());
    // The text begins with a name that is not there.
    let mut headless = false;
    for (plain, name) in parts(text) {
        all.push_str(match headless {
            true => plain.trim_start_matches([',', ' ']),
            false => plain,
        });
        headless = false;
        let Some(name) = name else { continue };
        match Variable::of(name) {
            Some(Variable::Name) => match first_name(told.name) {
                Some(first) => all.push_str(first),
                // Nobody is greeted with a gap: “Olá, {{nome}}!” is “Olá!”.
                None => {
                    all.truncate(all.trim_end_matches([',', ' ']).len());
                    headless = all.is_empty();
                }
            },
            Some(Variable::Team) => all.push_str(told.team.unwrap_or(team)),
            Some(Variable::Opens) => all.push_str(&opens),
            // Stored by an earlier version: left as it is.
            None => all.push_str(&format!("{{{{{name}}}}}")),
        }
    }
    all
}

/// What stands before each variable, and its name; last what stands behind all.
fn parts(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let now = rest.take()?;
        let found = now.split_once("{{");
        let found = found.and_then(|(before, behind)| Some((before, behind.split_once("}}")?)));
        match found {
            None => Some((now, None)),
            Some((before, (name, behind))) => {
                rest = Some(behind);
                Some((before, Some(name)))
            }
        }
    })
}

/// None of a number or handle, which stands for a name that is not known.
fn first_name(name: &str) -> Option<&str> {
    let first = name.split_whitespace().next()?;
    first
        .chars()
        .all(|it| it.is_alphabetic() || matches!(it, '\'' | '’' | '-' | '.'))
        .then_some(first)
}

/// A moment that is to come, in words: `hoje às 14h`, `amanhã às 9h30`, `segunda-feira às 9h`, `7 de janeiro às 9h`.
pub fn moment(zone: &TimeZone, at: Instant, now: Instant, english: bool) -> Option<String> {
    let local = |at| Some(zone.to_datetime(Timestamp::from_microsecond(at).ok()?));
    let (then, now) = (local(at)?, local(now)?);
    let days = (then.date() - now.date()).get_days();
    let day = match (days, english) {
        (0, false) => "hoje".to_owned(),
        (0, true) => "today".to_owned(),
        (1, false) => "amanhã".to_owned(),
        (1, true) => "tomorrow".to_owned(),
        (2..7, _) => weekday(then, english).to_owned(),
        (_, false) => format!("{} de {}", then.day(), month(then, false)),
        (_, true) => format!("{} {}", month(then, true), then.day()),
    };
    Some(match english {
        true => format!("{day} at {}", clock(then, true)),
        false if then.hour() == 1 => format!("{day} à {}", clock(then, false)),
        false => format!("{day} às {}", clock(then, false)),
    })
}

fn clock(then: DateTime, english: bool) -> String {
    let (hour, minute) = (then.hour(), then.minute());
    if !english {
        return match minute {
            0 => format!("{hour}h"),
            _ => format!("{hour}h{minute:02}"),
        };
    }
    let half = if hour < 12 { "AM" } else { "PM" };
    let hour = if hour % 12 == 0 { 12 } else { hour % 12 };
    match minute {
        0 => format!("{hour} {half}"),
        _ => format!("{hour}:{minute:02} {half}"),
    }
}

fn weekday(then: DateTime, english: bool) -> &'static str {
    const WORDS: [(&str, &str); 7] = [
        ("segunda-feira", "Monday"),
        ("terça-feira", "Tuesday"),
        ("quarta-feira", "Wednesday"),
        ("quinta-feira", "Thursday"),
        ("sexta-feira", "Friday"),
        ("sábado", "Saturday"),
        ("domingo", "Sunday"),
    ];
    let (portuguese, in_english) = WORDS[then.weekday().to_monday_zero_offset() as usize];
    if english { in_english } else { portuguese }
}

fn month(then: DateTime, english: bool) -> &'static str {
    const WORDS: [(&str, &str); 12] = [
        ("janeiro", "January"),
        ("fevereiro", "February"),
        ("março", "March"),
        ("abril", "April"),
        ("maio", "May"),
        ("junho", "June"),
        ("julho", "July"),
        ("agosto", "August"),
        ("setembro", "September"),
        ("outubro", "October"),
        ("novembro", "November"),
        ("dezembro", "December"),
    ];
    let (portuguese, in_english) = WORDS[then.month() as usize - 1];
    if english { in_english } else { portuguese }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn a_moment_is_told_as_people_say_it_by_the_clock_of_the_place() {
        let zone = TimeZone::get("America/Sao_Paulo").unwrap();
        // A Sunday, nine in the evening there.
        let now = at("2026-11-23T00:00:00Z");
        for (then, portuguese, english) in [
            ("2026-11-23T01:30:00Z", "hoje às 22h30", "today at 10:30 PM"),
            ("2026-11-23T04:00:00Z", "amanhã à 1h", "tomorrow at 1 AM"),
            (
                "2026-11-24T03:00:00Z",
                "terça-feira às 0h",
                "Tuesday at 12 AM",
            ),
            (
                "2026-11-28T15:05:00Z",
                "sábado às 12h05",
                "Saturday at 12:05 PM",
            ),
            (
                "2026-11-29T12:00:00Z",
                "29 de novembro às 9h",
                "November 29 at 9 AM",
            ),
            (
                "2027-01-04T12:00:00Z",
                "4 de janeiro às 9h",
                "January 4 at 9 AM",
            ),
        ] {
            let told = |english| moment(&zone, at(then), now, english);
            assert_eq!(told(false).as_deref(), Some(portuguese));
            assert_eq!(told(true).as_deref(), Some(english));
        }
    }

    #[test]
    fn variables_are_filled_in_and_whoever_is_not_known_by_name_is_greeted_without_one() {
        let told = |text: &str, name: &str, team: Option<&str>| {
            let told = Told {
                name,
                team,
                locale: "pt-BR",
            };
            filled(text, &told, Some("amanhã às 9h".to_owned()), false)
        };
        let text = "Olá, {{nome}}! Aqui é {{ equipe }}. Voltamos {{reabertura}}.";
        assert_eq!(
            told(text, "Ana Souza", Some("Vendas")),
            "Olá, Ana! Aqui é Vendas. Voltamos amanhã às 9h."
        );
        for nameless in ["", "5511911110000", "@ana_99", "wa:BR.1"] {
            assert_eq!(
                told(text, nameless, None),
                "Olá! Aqui é nossa equipe. Voltamos amanhã às 9h."
            );
        }
        assert_eq!(
            told("{{name}}, até {{opens}}", "", None),
            "até amanhã às 9h"
        );
        assert_eq!(told("{{ sem fim", "Ana", None), "{{ sem fim");
        let unknown = Told::default();
        assert_eq!(
            filled("Volto {{opens}}", &unknown, None, false),
            "Volto em breve"
        );
        assert_eq!(
            filled("{{team}} {{opens}}", &unknown, None, true),
            "our team soon"
        );
    }

    #[test]
    fn a_variable_that_there_is_not_is_seen() {
        for good in [
            "",
            "{{nome}}{{team}}",
            "{ {nome} }",
            "{{nome",
            "a {{ opens }} b",
        ] {
            assert!(!misnamed(good), "{good}");
        }
        for wrong in ["{{nome}} {{fila}}", "{{}}", "{{Nome}}"] {
            assert!(misnamed(wrong), "{wrong}");
        }
    }
}
