//! The rules one by one, and days at random on which they hold.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const MINUTE: Instant = 60_000_000;

fn seat(number: usize) -> Seat {
    Seat {
        created_at: number as Instant,
        user: format!("usr_{number}"),
    }
}

fn rota(available: &[bool]) -> Rota {
    Rota::new(available.iter().enumerate().rev().map(|(i, is)| Agent {
        seat: seat(i),
        name: format!("Agent {i}"),
        available: *is,
    }))
}

fn served() -> Settings {
    Settings {
        teams: vec!["tem_1".into()],
        ..Settings::default()
    }
}

fn ticket(number: usize, deadline: Option<Instant>, started: Instant) -> Ticket {
    Ticket {
        holder: seat(number),
        deadline,
        started,
    }
}

#[test]
fn offers_go_round_in_the_order_in_which_users_were_created() {
    let rota = rota(&[true, true, true]);
    let mut cursor = None;
    let mut got = Vec::new();
    for _ in 0..5 {
        let next = first(&rota, &served(), cursor.as_ref(), 0, 0);
        let Move::Offer(ticket) = next else {
            panic!("not offered: {next:?}")
        };
        assert_eq!(ticket.deadline, Some(10 * MINUTE));
        got.push(ticket.holder.user.clone());
        cursor = Some(ticket.holder);
    }
    assert_eq!(got, ["usr_0", "usr_1", "usr_2", "usr_0", "usr_1"]);
}

#[test]
fn the_cursor_holds_its_place_when_its_user_has_left_the_team() {
    let left = Seat {
        created_at: 1,
        user: "usr_1a".into(),
    };
    let rota = rota(&[true, true, true]);
    assert_eq!(rota.after(Some(&left)).map(|it| &it.seat), Some(&seat(2)));
}

#[test]
fn unavailable_agents_are_skipped_and_without_any_the_whole_team_sees_it() {
    let next = first(&rota(&[true, false, true]), &served(), Some(&seat(0)), 0, 0);
    assert_eq!(next, Move::Offer(ticket(2, Some(10 * MINUTE), 0)));
    let next = first(&rota(&[false, false]), &served(), Some(&seat(0)), 0, 0);
    assert_eq!(next, Move::Release(Why::NobodyAvailable));
}

#[test]
fn while_it_is_closed_an_offer_stays_and_at_opening_it_has_the_full_time() {
    let all = rota(&[true, true]);
    let over = ticket(0, Some(10 * MINUTE), 0);
    assert_eq!(closed(&all, &over), Move::Offer(ticket(0, None, 0)));
    let away = rota(&[false, true]);
    assert_eq!(closed(&away, &over), Move::Release(Why::Closed));
    let morning = 900 * MINUTE;
    let kept = ticket(0, None, 0);
    let again = Move::Offer(ticket(0, Some(morning + 10 * MINUTE), morning));
    assert_eq!(opened(&all, &served(), &kept, morning), again);
    let next = Move::Offer(ticket(1, Some(morning + 10 * MINUTE), morning));
    assert_eq!(opened(&away, &served(), &kept, morning), next);
    let stays = Settings {
        overflow: false,
        ..served()
    };
    let again = Move::Offer(ticket(0, None, morning));
    assert_eq!(opened(&all, &stays, &kept, morning), again);
}

#[test]
fn an_offer_that_is_over_passes_to_the_next_until_the_maximum_and_then_to_all() {
    let rota = rota(&[true, true]);
    let settings = Settings {
        maximum_minutes: 25,
        ..served()
    };
    let held = ticket(0, Some(10 * MINUTE), 0);
    assert_eq!(onward(&rota, &settings, &held, 10 * MINUTE - 1), None);
    let Some(Move::Offer(second)) = onward(&rota, &settings, &held, 10 * MINUTE) else {
        panic!("not passed on")
    };
    assert_eq!(second, ticket(1, Some(20 * MINUTE), 0));
    let Some(Move::Offer(third)) = onward(&rota, &settings, &second, 20 * MINUTE) else {
        panic!("not passed on")
    };
    assert_eq!(third, ticket(0, Some(25 * MINUTE), 0));
    assert_eq!(
        onward(&rota, &settings, &third, 25 * MINUTE),
        Some(Move::Release(Why::TimeIsOver))
    );
}

#[test]
fn an_offer_moves_on_at_once_when_its_holder_becomes_unavailable() {
    let held = ticket(0, Some(10 * MINUTE), 0);
    assert_eq!(
        onward(&rota(&[false, true]), &served(), &held, MINUTE),
        Some(Move::Offer(ticket(1, Some(11 * MINUTE), 0)))
    );
    assert_eq!(
        onward(&rota(&[false, false]), &served(), &held, MINUTE),
        Some(Move::Release(Why::NobodyAvailable))
    );
}

#[test]
fn without_overflow_an_offer_stays_however_long_it_takes() {
    let settings = Settings {
        overflow: false,
        ..served()
    };
    let next = first(&rota(&[true, true]), &settings, None, 0, 0);
    assert_eq!(next, Move::Offer(ticket(0, None, 0)));
    let held = ticket(0, None, 0);
    let day = 24 * 60 * MINUTE;
    assert_eq!(onward(&rota(&[true, true]), &settings, &held, day), None);
    assert_eq!(
        onward(&rota(&[false, true]), &settings, &held, day),
        Some(Move::Offer(ticket(1, None, 0)))
    );
}

#[test]
fn the_maximum_is_never_less_than_the_limit_and_both_keep_their_bounds() {
    let end = |limit_minutes, maximum_minutes| {
        Settings {
            limit_minutes,
            maximum_minutes,
            ..served()
        }
        .end(0)
    };
    assert_eq!(end(30, 10), Some(30 * MINUTE));
    assert_eq!(end(0, 0), Some(10 * MINUTE));
    assert_eq!(end(600, 600), Some(120 * MINUTE));
}

#[test]
fn a_later_offer_to_the_same_agent_is_not_taken_for_the_one_remembered() {
    let held = ticket(0, Some(10 * MINUTE), 0);
    assert!(held.is_of("usr_0", Some(10 * MINUTE)));
    assert!(!held.is_of("usr_0", Some(30 * MINUTE)));
    assert!(!held.is_of("usr_1", Some(10 * MINUTE)));
    assert!(!held.is_of("usr_0", None));
}

#[derive(Clone, Debug)]
enum Happens {
    Comes,
    Passes(u8),
    Availability(usize, bool),
    Starts(usize),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        3 => Just(Happens::Comes),
        4 => (1u8..=30).prop_map(Happens::Passes),
        2 => (0usize..6, any::<bool>()).prop_map(|(who, is)| Happens::Availability(who, is)),
        1 => any::<usize>().prop_map(Happens::Starts),
    ]
}

/// A team's day, driven by the rules alone.
struct Day {
    settings: Settings,
    available: Vec<bool>,
    cursor: Option<Seat>,
    now: Instant,
    offers: BTreeMap<usize, Ticket>,
    came: usize,
    /// Whether somebody was available when a first offer was due, and who got it.
    firsts: Vec<Option<usize>>,
}

impl Day {
    fn number(seat: &Seat) -> usize {
        usize::try_from(seat.created_at).unwrap()
    }

    fn take(&mut self, conversation: usize, next: Move) {
        match next {
            Move::Offer(ticket) => {
                assert!(self.available[Self::number(&ticket.holder)], "C3");
                assert!(ticket.deadline.is_none_or(|at| at > self.now
                    && at <= self.now + self.settings.limit()
                    && at <= ticket.started + self.settings.maximum()));
                assert_eq!(ticket.deadline.is_some(), self.settings.overflow);
                self.offers.insert(conversation, ticket);
            }
            Move::Release(why) => {
                let nobody = self.available.iter().all(|is| !is);
                match why {
                    Why::NobodyAvailable => assert!(nobody, "C6"),
                    Why::TimeIsOver => assert!(self.settings.overflow),
                    Why::NotServed | Why::Closed => panic!("the team is served, and open"),
                }
                self.offers.remove(&conversation);
            }
        }
    }

    fn comes(&mut self) {
        let (rota, conversation) = (rota(&self.available), self.came);
        self.came += 1;
        let next = first(
            &rota,
            &self.settings,
            self.cursor.as_ref(),
            self.now,
            self.now,
        );
        if let Move::Offer(ticket) = &next {
            self.cursor = Some(ticket.holder.clone());
            self.firsts.push(Some(Self::number(&ticket.holder)));
        } else {
            self.firsts.push(None);
        }
        self.take(conversation, next);
    }

    /// What is due, or lost its holder, moves on; nothing else does.
    fn settle(&mut self) {
        let rota = rota(&self.available);
        for (conversation, ticket) in self.offers.clone() {
            let due = ticket.deadline.is_some_and(|at| at <= self.now);
            let left = !self.available[Self::number(&ticket.holder)];
            let next = onward(&rota, &self.settings, &ticket, self.now);
            assert_eq!(
                next.is_some(),
                due || left,
                "an offer stands until it is over"
            );
            if let Some(next) = next {
                if let Move::Offer(new) = &next {
                    self.assert_next(&ticket.holder, &new.holder);
                    assert_eq!(new.started, ticket.started);
                }
                self.take(conversation, next);
            }
        }
    }

    /// Nobody available stands between the two in the fixed order.
    fn assert_next(&self, from: &Seat, to: &Seat) {
        let count = self.available.len();
        let mut at = (Self::number(from) + 1) % count;
        while at != Self::number(to) {
            assert!(!self.available[at], "an available agent was passed over");
            at = (at + 1) % count;
        }
    }

    fn live(&mut self, it: &Happens) {
        match it {
            Happens::Comes => self.comes(),
            // Minute by minute, as timers come.
            Happens::Passes(minutes) => {
                for _ in 0..*minutes {
                    self.now += MINUTE;
                    self.settle();
                }
            }
            Happens::Availability(who, is) => {
                let who = who % self.available.len();
                self.available[who] = *is;
                self.settle();
            }
            Happens::Starts(which) => {
                let open: Vec<usize> = self.offers.keys().copied().collect();
                if !open.is_empty() {
                    self.offers.remove(&open[which % open.len()]);
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn on_any_day_offers_stand_until_they_are_over_keep_the_order_and_end_in_time(
        agents in 1usize..6,
        overflow in any::<bool>(),
        limit_minutes in 10u32..=60,
        maximum_minutes in 10u32..=120,
        day in prop::collection::vec(happens(), 1..80),
    ) {
        let settings = Settings { overflow, limit_minutes, maximum_minutes, ..served() };
        let mut it = Day {
            settings,
            available: vec![true; agents],
            cursor: None,
            now: 0,
            offers: BTreeMap::new(),
            came: 0,
            firsts: Vec::new(),
        };
        for happens in &day {
            it.live(happens);
            for ticket in it.offers.values() {
                prop_assert!(it.available[Day::number(&ticket.holder)]);
                if overflow {
                    prop_assert!(it.now < ticket.started + it.settings.maximum());
                }
            }
        }
    }

    #[test]
    fn whoever_is_available_gets_a_turn_in_every_round(
        available in prop::collection::vec(any::<bool>(), 1..8),
        start in 0usize..8,
    ) {
        let serving: BTreeSet<usize> = (0..available.len()).filter(|i| available[*i]).collect();
        let mut it = Day {
            settings: served(),
            available,
            cursor: Some(seat(start)),
            now: 0,
            offers: BTreeMap::new(),
            came: 0,
            firsts: Vec::new(),
        };
        for _ in 0..serving.len() {
            it.comes();
        }
        let got: BTreeSet<usize> = it.firsts.iter().copied().flatten().collect();
        prop_assert_eq!(got, serving);
    }
}
