use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const MINUTE: Instant = 60 * 1_000_000;
/// Clocks that change in every way there is: forward over midnight and back (São Paulo, until 2019), at two in the morning (New York), by half an
/// hour (Lord Howe), by a whole day (Apia, which had no 30 December 2011), and never.
const PLACES: [(&str, &str); 6] = [
    ("America/Sao_Paulo", "2018-11-04T03:00:00Z"),
    ("America/Sao_Paulo", "2018-02-18T02:00:00Z"),
    ("America/New_York", "2026-11-01T06:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
    ("Pacific/Apia", "2011-12-30T10:00:00Z"),
    ("America/Sao_Paulo", "2026-03-02T12:00:00Z"),
];

fn at(text: &str) -> Instant {
    text.parse::<Timestamp>().unwrap().as_microsecond()
}

fn interval(from: &str, until: &str) -> Interval {
    serde_json::from_value(json!({"from": from, "until": until})).unwrap()
}

/// Monday to Friday from nine to noon and from one to six in São Paulo.
fn office() -> Hours {
    let day = vec![interval("09:00", "12:00"), interval("13:00", "18:00")];
    Hours {
        enabled: true,
        week: Week {
            monday: day.clone(),
            tuesday: day.clone(),
            wednesday: day.clone(),
            thursday: day.clone(),
            friday: day,
            ..Week::default()
        },
        ..Hours::usual("pt-BR", "America/Sao_Paulo")
    }
}

fn holiday(date: &str, yearly: bool, intervals: Vec<Interval>) -> Holiday {
    Holiday {
        date: Day::try_from(date.to_owned()).unwrap(),
        yearly,
        name: "Feriado".to_owned(),
        intervals,
    }
}

#[track_caller]
fn is(hours: &Hours, then: &str, open: bool, changes: &str) {
    let changes_at = Some(changes).filter(|it| !it.is_empty()).map(at);
    assert_eq!(hours.at(at(then)), Opening { open, changes_at }, "{then}");
}

#[test]
fn a_day_has_its_intervals_and_the_week_its_days() {
    let office = office();
    // 2026-11-23 is a Monday; São Paulo is three hours behind.
    is(
        &office,
        "2026-11-23T11:59:59Z",
        false,
        "2026-11-23T12:00:00Z",
    );
    is(
        &office,
        "2026-11-23T12:00:00Z",
        true,
        "2026-11-23T15:00:00Z",
    );
    is(
        &office,
        "2026-11-23T15:00:00Z",
        false,
        "2026-11-23T16:00:00Z",
    );
    is(
        &office,
        "2026-11-23T16:00:00Z",
        true,
        "2026-11-23T21:00:00Z",
    );
    is(
        &office,
        "2026-11-27T21:00:00Z",
        false,
        "2026-11-30T12:00:00Z",
    );
}

#[test]
fn what_is_off_is_always_open() {
    let off = Hours {
        enabled: false,
        ..office()
    };
    is(&off, "2026-11-28T12:00:00Z", true, "");
}

#[test]
fn an_interval_over_midnight_belongs_to_the_day_on_which_it_begins() {
    let mut night = office();
    night.week = Week {
        friday: vec![interval("20:00", "02:00")],
        ..Week::default()
    };
    night.holidays = vec![holiday("2026-11-28", false, Vec::new())];
    // Friday night goes on into a Saturday that is a holiday.
    is(&night, "2026-11-28T04:00:00Z", true, "2026-11-28T05:00:00Z");
    night.holidays = vec![holiday("2026-11-27", false, Vec::new())];
    is(
        &night,
        "2026-11-28T04:00:00Z",
        false,
        "2026-12-04T23:00:00Z",
    );
}

#[test]
fn days_that_touch_are_one_and_what_never_closes_has_no_end() {
    let mut hours = office();
    let all_day = vec![interval("00:00", "24:00")];
    hours.week.saturday = all_day.clone();
    hours.week.sunday = vec![interval("00:00", "06:00"), interval("05:00", "07:00")];
    is(&hours, "2026-11-28T12:00:00Z", true, "2026-11-29T10:00:00Z");
    hours.week = Week {
        monday: all_day.clone(),
        tuesday: all_day.clone(),
        wednesday: all_day.clone(),
        thursday: all_day.clone(),
        friday: all_day.clone(),
        saturday: all_day.clone(),
        sunday: all_day,
    };
    is(&hours, "2026-11-28T12:00:00Z", true, "");
    hours.holidays = vec![holiday("2026-12-25", true, Vec::new())];
    is(&hours, "2026-11-28T12:00:00Z", true, "2026-12-25T03:00:00Z");
    is(
        &hours,
        "2026-12-25T03:00:00Z",
        false,
        "2026-12-26T03:00:00Z",
    );
    hours.week = Week::default();
    is(&hours, "2026-11-28T12:00:00Z", false, "");
}

#[test]
fn a_holiday_takes_the_place_of_the_day_and_one_of_that_very_date_goes_before_a_yearly_one() {
    let mut hours = office();
    hours.holidays = vec![
        holiday("2020-12-24", true, Vec::new()),
        holiday("2026-12-24", false, vec![interval("09:00", "12:00")]),
        holiday("2026-12-25", false, Vec::new()),
    ];
    is(
        &hours,
        "2026-12-23T21:00:00Z",
        false,
        "2026-12-24T12:00:00Z",
    );
    is(&hours, "2026-12-24T12:00:00Z", true, "2026-12-24T15:00:00Z");
    is(
        &hours,
        "2026-12-24T15:00:00Z",
        false,
        "2026-12-28T12:00:00Z",
    );
    // The year after it is closed on the 24th, and open on the 25th.
    is(
        &hours,
        "2027-12-23T21:00:00Z",
        false,
        "2027-12-27T12:00:00Z",
    );
    hours.holidays.pop();
    is(
        &hours,
        "2026-12-24T15:00:00Z",
        false,
        "2026-12-25T12:00:00Z",
    );
}

#[test]
fn what_the_clocks_skip_is_over_at_once_and_what_they_show_twice_counts_from_the_first_to_the_last()
{
    let mut hours = office();
    // 4 November 2018 began at one o'clock; 17 February 2018 had its last hour twice.
    hours.week = Week {
        sunday: vec![interval("00:30", "02:00")],
        saturday: vec![interval("23:30", "23:45")],
        ..Week::default()
    };
    is(
        &hours,
        "2018-11-04T02:45:00Z",
        false,
        "2018-11-04T03:00:00Z",
    );
    is(&hours, "2018-11-04T03:00:00Z", true, "2018-11-04T04:00:00Z");
    is(&hours, "2018-02-18T01:30:00Z", true, "2018-02-18T02:45:00Z");
    hours.week.saturday = vec![interval("22:00", "23:00")];
    is(&hours, "2018-02-18T00:30:00Z", true, "2018-02-18T01:00:00Z");
}

#[test]
fn closed_since_then_means_not_open_in_between() {
    let office = office();
    let since = |then: &str, now: &str| office.closed_since(at(then), at(now));
    // From Friday evening to Monday morning.
    assert!(since("2026-11-27T21:00:00Z", "2026-11-30T11:59:59Z"));
    assert!(!since("2026-11-27T21:00:00Z", "2026-11-30T12:00:00Z"));
    assert!(!since("2026-11-27T21:00:00Z", "2026-11-30T23:00:00Z"));
    assert!(!since("2026-11-27T20:00:00Z", "2026-11-27T22:00:00Z"));
}

#[test]
fn each_wrong_field_is_named_with_what_is_wrong() {
    let mut hours = office();
    assert_eq!(hours.problems(), []);
    hours.time_zone = "Brasil/Brasilia".to_owned();
    hours.week.monday = vec![interval("13:00", "18:00"), interval("09:00", "13:30")];
    hours.week.tuesday = vec![interval("09:00", "09:00")];
    hours.week.friday = vec![interval("22:00", "02:00"), interval("23:00", "24:00")];
    hours.week.sunday = vec![interval("24:00", "06:00")];
    hours.holidays = vec![
        holiday("2026-12-25", true, Vec::new()),
        holiday("2027-12-25", false, Vec::new()),
        holiday("2027-12-25", true, vec![interval("10:00", "10:00")]),
    ];
    hours.holidays[1].name = " ".to_owned();
    hours.reply.text = "x".repeat(1_001);
    let found = hours.problems();
    let found: Vec<(&str, Wrong)> = found
        .iter()
        .map(|(name, it)| (name.as_str(), *it))
        .collect();
    assert_eq!(
        found,
        [
            ("time_zone", Wrong::TimeZone),
            ("week.monday.0", Wrong::Overlap),
            ("week.tuesday.0", Wrong::NoTime),
            ("week.friday.1", Wrong::Overlap),
            ("week.sunday.0", Wrong::NoTime),
            ("holidays.1.name", Wrong::Empty),
            ("holidays.2.date", Wrong::Twice),
            ("holidays.2.intervals.0", Wrong::NoTime),
            ("reply.text", Wrong::TooLong),
        ]
    );
    let mut silent = office();
    silent.reply = Reply {
        enabled: false,
        text: String::new(),
    };
    assert_eq!(silent.problems(), []);
    silent.reply.enabled = true;
    assert_eq!(silent.problems(), [("reply.text".to_owned(), Wrong::Empty)]);
}

#[test]
fn times_and_dates_are_written_in_one_way() {
    let time = |text: &str| serde_json::from_value::<TimeOfDay>(json!(text));
    for text in ["00:00", "09:05", "23:59", "24:00"] {
        assert_eq!(serde_json::to_value(time(text).unwrap()).unwrap(), text);
    }
    for text in ["9:00", "24:01", "25:00", "12:60", "12:+5", "12", ""] {
        assert!(time(text).is_err(), "{text}");
    }
    let day = |text: &str| serde_json::from_value::<Day>(json!(text));
    assert_eq!(
        serde_json::to_value(day("2028-02-29").unwrap()).unwrap(),
        "2028-02-29"
    );
    for text in [
        "2027-02-29",
        "20270228",
        "2027-02-28T00:00",
        "-002027-02-28",
    ] {
        assert!(day(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_stored_is_read_again() {
    let mut hours = office();
    hours.holidays = vec![holiday(
        "2026-12-25",
        true,
        vec![interval("09:00", "24:00")],
    )];
    let text = serde_json::to_string(&hours).unwrap();
    assert_eq!(serde_json::from_str::<Hours>(&text).unwrap(), hours);
    let value: Value = serde_json::from_str(&text).unwrap();
    let intervals = json!([{"from": "09:00", "until": "24:00"}]);
    assert_eq!(value["holidays"][0]["intervals"], intervals);
}

/// The minutes of some days, each with what the clocks of a place show, and in which it is open: by looking at every one.
struct Slow {
    begin: Instant,
    open: Vec<bool>,
}

impl Slow {
    fn look(hours: &Hours, begin: Instant, days: usize) -> Self {
        let zone = TimeZone::get(&hours.time_zone).unwrap();
        let wall: Vec<DateTime> = (0..days * 1440)
            .map(|minute| begin + Instant::try_from(minute).unwrap() * MINUTE)
            .map(|at| zone.to_datetime(Timestamp::from_microsecond(at).unwrap()))
            .collect();
        let (first, last) = (wall[0].date(), wall[wall.len() - 1].date());
        let mut open = vec![false; wall.len()];
        for date in first.series(1.day()).take_while(|date| *date <= last) {
            for it in hours.on(date) {
                let midnight = date.to_datetime(Time::midnight());
                let until = it.until.0 + if it.until.0 <= it.from.0 { DAY } else { 0 };
                let first = midnight + i64::from(it.from.0).minutes();
                let last = midnight + i64::from(until).minutes();
                let begins = wall.iter().position(|it| *it >= first);
                let ends = wall.iter().rposition(|it| *it < last);
                if let (Some(begins), Some(ends)) = (begins, ends) {
                    open.iter_mut()
                        .take(ends + 1)
                        .skip(begins)
                        .for_each(|it| *it = true);
                }
            }
        }
        Self { begin, open }
    }
}

fn intervals() -> impl Strategy<Value = Vec<Interval>> {
    // Every quarter of an hour, and often around the hours at which clocks change.
    let time = prop_oneof![
        (0_u16..96).prop_map(|it| it * 15),
        (0_u16..12).prop_map(|it| it * 15),
        Just(1380)
    ];
    let one = (time.clone(), prop_oneof![time, Just(1440)]).prop_map(|(from, until)| Interval {
        from: TimeOfDay(from),
        until: TimeOfDay(until),
    });
    prop::collection::vec(
        one.prop_filter("has a length", |it| it.from != it.until),
        0..3,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn it_is_open_when_looking_at_every_minute_says_so(
        place in prop::sample::select(&PLACES[..]),
        days in prop::collection::vec(intervals(), 7),
        special in (-1_i64..3, intervals(), any::<bool>()),
        minutes in prop::collection::vec(0_i64..3 * 1440, 24),
    ) {
        let (zone, around) = place;
        let around = at(around);
        let mut days = days.into_iter();
        let mut next = || days.next().unwrap();
        let mut hours = Hours { enabled: true, ..Hours::usual("en", zone) };
        hours.week = Week {
            monday: next(), tuesday: next(), wednesday: next(), thursday: next(), friday: next(), saturday: next(), sunday: next(),
        };
        let (offset, own, yearly) = special;
        let date = TimeZone::get(zone).unwrap().to_datetime(Timestamp::from_microsecond(around).unwrap()).date() + offset.days();
        hours.holidays = vec![holiday(&date.to_string(), yearly, own)];
        let day = 24 * 60 * MINUTE;
        let slow = Slow::look(&hours, around - 4 * day, 12);
        for minute in minutes {
            let then = around - day + minute * MINUTE;
            let place = usize::try_from((then - slow.begin) / MINUTE).unwrap();
            let found = hours.at(then);
            prop_assert_eq!(found.open, slow.open[place], "open at {}", minute);
            // Beyond the last three days the model does not know all intervals.
            let known = slow.open.len() - 3 * 1440;
            let changes = (place..known).find(|it| slow.open[*it] != found.open);
            let changes = changes.map(|it| slow.begin + Instant::try_from(it).unwrap() * MINUTE);
            let end = slow.begin + Instant::try_from(known).unwrap() * MINUTE;
            prop_assert_eq!(found.changes_at.filter(|it| *it < end), changes, "changes after {}", minute);
            // To the microsecond.
            if let Some(changes) = changes {
                prop_assert_eq!(hours.at(changes - 1).open, found.open);
                prop_assert_eq!(hours.at(changes).open, !found.open);
            }
        }
    }
}
