//! The Telegram connector's reading of a webhook's body, with and without what the settings let in.
#![no_main]

use balcao_fuzz::{HandedOver, LATER, NOW, mutated};
use balcao_plugin::Instant;
use balcao_plugin::connector::Event;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use plugin_telegram::{
    address::Thread,
    inbound::{self, Wanted},
};

fuzz_target!(|body: &[u8]| {
    for all in [false, true] {
        let wanted = Wanted {
            groups: all,
            channel_posts: all,
        };
        let read = |now: Instant| inbound::read(body, wanted, || now).brought;
        let brought = read(NOW);
        HandedOver::of(&brought).is_within_limits_and_recognised_as(HandedOver::of(&read(LATER)));
        // What is answered later must go where it came from.
        for event in &brought.events {
            if let Event::Message { message, .. } = event {
                let thread = Thread::parse(&message.thread).map(|it| it.to_string());
                assert_eq!(thread.as_ref(), Some(&message.thread));
            }
        }
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutated(data, size, max_size, seed)
});
