//! The Instagram connector's reading of a webhook's body.
#![no_main]

use balcao_fuzz::{HandedOver, LATER, NOW, mutated};
use balcao_plugin::Instant;
use balcao_plugin::connector::Event;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use plugin_instagram::{inbound, media::Reference};

fuzz_target!(|body: &[u8]| {
    let read = |now: Instant| inbound::read(body, None, || now);
    let brought = read(NOW);
    HandedOver::of(&brought).is_within_limits_and_recognised_as(HandedOver::of(&read(LATER)));
    // What is asked for later must be what was meant.
    for event in &brought.events {
        if let Event::Message { message, .. } = event {
            for file in &message.content.attachments {
                let reference = file.source.strip_prefix("ref:");
                assert!(
                    reference.is_none_or(|it| Reference::parse(it).is_some()),
                    "a reference that is none: {}",
                    file.source
                );
            }
        }
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutated(data, size, max_size, seed)
});
