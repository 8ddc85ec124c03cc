//! Randomness that a seed decides, and ids that people can read: the same calls give the same bytes and ids every time.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::{context::Chance, wit::Instant};

/// Characters of an id after its prefix, as in the server's ids.
const LENGTH: usize = 26;

/// Seeded randomness. Ids are a prefix and a counter in the shape of the server's: `msg_00000000000000000000000001`.
pub struct Seeded {
    inner: Mutex<Inner>,
}

struct Inner {
    /// State of splitmix64.
    random: u64,
    /// The last number of each prefix.
    minted: BTreeMap<String, u64>,
}

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Self {
            inner: Mutex::new(Inner {
                random: seed,
                minted: BTreeMap::new(),
            }),
        }
    }

    /// Keeps away from ids that are taken: of `msg_7` and the like the counter goes on after 7.
    pub(crate) fn skip<'a>(&self, taken: impl IntoIterator<Item = &'a str>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        for id in taken {
            let Some((prefix, number)) = id.rsplit_once('_') else {
                continue;
            };
            if let Ok(number) = number.parse::<u64>() {
                let last = inner.minted.entry(prefix.to_owned()).or_default();
                *last = number.max(*last);
            }
        }
    }

    pub(crate) fn id(&self, prefix: &str) -> String {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let number = inner.minted.entry(prefix.to_owned()).or_default();
        *number += 1;
        format!("{prefix}_{number:0width$}", width = LENGTH)
    }
}

impl Chance for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        for part in bytes.chunks_mut(8) {
            inner.random = inner.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = inner.random;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^= mixed >> 31;
            part.copy_from_slice(&mixed.to_le_bytes()[..part.len()]);
        }
    }

    fn mint(&self, prefix: &str, _now: Instant) -> String {
        self.id(prefix)
    }
}

/// The short form of ids made here, for people: `msg_00000000000000000000000001` → `msg_1`. Other text stays as it is.
pub(crate) fn short(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('_') {
        let (before, after) = rest.split_at(at + 1);
        out.push_str(before);
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = after.split_at(digits);
        let trimmed = number.trim_start_matches('0');
        if number.len() == LENGTH && trimmed.len() < 12 {
            out.push_str(trimmed);
        } else {
            out.push_str(number);
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_ids_and_another_seed_other_bytes() {
        let bytes = |seed| {
            let mut bytes = [0; 19];
            Seeded::new(seed).fill(&mut bytes);
            bytes
        };
        assert_eq!(bytes(7), bytes(7));
        assert_ne!(bytes(7), bytes(8));
        let chance = Seeded::new(1);
        assert_eq!(chance.mint("msg", 0), "msg_00000000000000000000000001");
        assert_eq!(chance.mint("msg", 0), "msg_00000000000000000000000002");
        assert_eq!(chance.mint("cnv", 0), "cnv_00000000000000000000000001");
    }

    #[test]
    fn ids_that_were_given_are_not_minted_again() {
        let chance = Seeded::new(1);
        chance.skip(["cnv_7", "cnv_2", "usr_ana"]);
        assert_eq!(chance.id("cnv"), "cnv_00000000000000000000000008");
    }

    #[test]
    fn only_minted_ids_are_shortened() {
        let text = "{\"a\":\"msg_00000000000000000000000012\",\"b\":\"wamid_001\",\"c_\":1}";
        assert_eq!(
            short(text),
            "{\"a\":\"msg_12\",\"b\":\"wamid_001\",\"c_\":1}"
        );
    }
}
