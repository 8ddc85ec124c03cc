//! Which of two reactions of one person to one message is the later one. The provider keeps no order, and the host takes the one that
//! came last. Plain data, no imports.

use balcao_plugin::Instant;

/// Seconds that a reaction's time is remembered: the provider repeats itself for a day and a half.
pub const KEPT: u32 = 48 * 3600;

/// Where the time of a person's latest reaction to a message is kept.
pub fn key(message: &str, person: &str) -> String {
    format!("r/{message}/{person}")
}

/// Whether a later one was there before. `kept`: what stands at [`key`].
pub fn is_late(kept: Option<&str>, at: Instant) -> bool {
    kept.and_then(|time| time.parse::<Instant>().ok())
        .is_some_and(|latest| latest > at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reaction_is_late_after_a_later_one_only() {
        assert!(is_late(Some("2"), 1));
        assert!(!is_late(Some("2"), 2));
        assert!(!is_late(Some("2"), 3));
        assert!(!is_late(None, 1));
        assert!(!is_late(Some("?"), 1));
    }
}
