//! The website chat's reading of what a browser posts: the same bytes as a message, as a change of one, as what was seen, as a page and as who is signed
//! in. What is not refused with a reason is taken by the host.
#![no_main]

use balcao_fuzz::{HandedOver, LATER, NOW, mutated};
use balcao_plugin::Instant;
use balcao_plugin::connector::{Brought, Event};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use plugin_widget::ask::{self, Change, Claims, Open, Said, Told};
use plugin_widget::inbound::{self, Visitor};

/// As the host makes them.
const VISITOR: &str = "vis_01jq8d4y6tfz7r2n5w9x3c1v0b";

fuzz_target!(|body: &[u8]| {
    let handed_over = |now: Instant| HandedOver::of(&read(body, now));
    handed_over(NOW).is_within_limits_and_recognised_as(handed_over(LATER));
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutated(data, size, max_size, seed)
});

/// All that comes of it.
fn read(body: &[u8], now: Instant) -> Brought {
    let mut brought = Brought::default();
    let opened: Result<Open, _> = ask::read(body);
    let signed = opened.ok().and_then(|it| it.user);
    let claims = signed.and_then(|it| Claims::read(&it.claims).ok());
    let said: Said = ask::read(body).unwrap_or_default();
    let answers = said.form.as_ref().map(ask::answers).unwrap_or_default();
    let visitor = Visitor {
        id: VISITOR,
        user: claims.as_ref(),
        name: answers.get("name").map_or("", String::as_str),
    };
    for pages in [false, true] {
        let messages = inbound::message(visitor, &said, pages, now).unwrap_or_default();
        let events = messages.into_iter().map(|message| Event::Message {
            key: inbound::key(&message),
            message,
        });
        brought.events.extend(events);
    }
    brought.events.extend(inbound::form(VISITOR, &answers));
    if let Ok(told) = ask::read::<Told>(body) {
        let ids = told.messages().unwrap_or_default();
        let seen = ids.iter().map(|id| inbound::seen(VISITOR, id, "read", now));
        brought.events.extend(seen);
        brought.events.extend(inbound::page(VISITOR, &told));
    }
    if let Ok(change) = ask::read::<Change>(body) {
        brought.events.extend(changed(visitor, &change, now));
    }
    brought
}

/// What a visitor does to a message that is there.
fn changed(visitor: Visitor, change: &Change, now: Instant) -> Vec<Event> {
    let reaction = inbound::reaction(visitor, change, now).ok();
    let text = ask::rewritten(&change.text).ok();
    let text = text.filter(|_| change.check().is_ok());
    let edit = text.map(|text| inbound::edit(VISITOR, change, text, now));
    let revoke = inbound::revoke(VISITOR, change, now).ok();
    [reaction, edit, revoke].into_iter().flatten().collect()
}
