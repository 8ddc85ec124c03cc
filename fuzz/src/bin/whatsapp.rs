//! The WhatsApp connector's reading of a webhook's body, for one account and for all.
#![no_main]

use balcao_fuzz::{HandedOver, LATER, NOW, mutated};
use balcao_plugin::Instant;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use plugin_whatsapp::inbound;

/// The account of the fixtures.
const ACCOUNT: &str = "200000000000002";

fuzz_target!(|body: &[u8]| {
    for account in [None, Some(ACCOUNT)] {
        let handed_over = |now: Instant| HandedOver::of(&inbound::read(body, account, || now));
        handed_over(NOW).is_within_limits_and_recognised_as(handed_over(LATER));
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutated(data, size, max_size, seed)
});
