//! What may come of fetching an attachment: which troubles pass, how long to wait, what a file may be. Data and pure rules only.

use crate::clock::Instant;

/// Attempts before what might pass is taken for lasting; with the pauses, some seven hours.
const ATTEMPTS: i64 = 16;
/// The same where the address was refused: each attempt asks for a new one.
const ADDRESSES: i64 = 4;
const FIRST_PAUSE: i64 = 2_000_000;
const LONGEST_PAUSE: i64 = 3_600_000_000;

/// Why an attachment is not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The other side, or the app, cannot answer now.
    Unreachable,
    /// The address was refused: it may have expired.
    Expired,
    /// The other side has it no more.
    Gone,
    /// The other side, or the app, does not give it.
    Refused,
    /// The app may not speak to that host.
    Host,
    /// Than `most` bytes.
    TooLarge {
        most: u64,
    },
    Empty,
    /// Not what it was announced as.
    Type,
    /// The app says nothing of where its files are.
    Unsupported,
}

impl Trouble {
    /// As it is stored, and given to the interface, which has words for it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Expired | Self::Gone => "gone",
            Self::Refused => "refused",
            Self::Host => "host",
            Self::TooLarge { .. } => "too_large",
            Self::Empty => "empty",
            Self::Type => "type",
            Self::Unsupported => "unsupported",
        }
    }

    /// Bytes that it was over.
    pub fn bound(self) -> Option<i64> {
        match self {
            Self::TooLarge { most } => i64::try_from(most).ok(),
            _ => None,
        }
    }

    /// When to try again after so many attempts; none: never by itself. `rest`: seconds that the other side wants.
    pub fn again(self, attempts: i64, rest: Option<u32>, now: Instant) -> Option<Instant> {
        let bound = match self {
            Self::Unreachable => ATTEMPTS,
            Self::Expired => ADDRESSES,
            _ => return None,
        };
        let rest = i64::from(rest.unwrap_or(0)) * 1_000_000;
        (attempts < bound).then(|| now.saturating_add(pause(attempts).max(rest.min(LONGEST_REST))))
    }
}

/// Whoever asks for more than a day is asked after a day.
const LONGEST_REST: i64 = 24 * 3_600_000_000;

fn pause(attempts: i64) -> i64 {
    let doublings = u32::try_from(attempts.clamp(1, 16) - 1).unwrap_or(0);
    FIRST_PAUSE
        .saturating_mul(1 << doublings)
        .min(LONGEST_PAUSE)
}

/// What a file is in a message of that kind, by what its bytes say; none where it is not what the message announces. What is shown or played
/// must be of its kind; a document may be anything, since it is only saved.
pub fn mime_within(kind: &str, sniffed: &'static str) -> Option<&'static str> {
    let of = |family: &str| sniffed.starts_with(family).then_some(sniffed);
    match (kind, sniffed) {
        // Containers that hold either.
        ("audio", "video/mp4") => Some("audio/mp4"),
        ("audio", "video/webm") => Some("audio/webm"),
        ("audio", "video/3gpp") => Some("audio/3gpp"),
        ("audio", _) => of("audio/"),
        ("video", _) => of("video/"),
        // A picture that moves for a moment comes with its film.
        ("image", "video/mp4") => Some(sniffed),
        ("image" | "sticker", _) => of("image/"),
        _ => Some(sniffed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_from_two_seconds_up_to_an_hour_and_end() {
        let after = |attempts| Trouble::Unreachable.again(attempts, None, 0);
        let pauses: Vec<_> = (1..=ATTEMPTS).map(after).collect();
        assert_eq!(pauses[..3], [2, 4, 8].map(|it| Some(it * 1_000_000)));
        assert_eq!(pauses[11..15], [Some(LONGEST_PAUSE); 4]);
        assert_eq!(pauses[15], None);
    }

    #[test]
    fn who_asks_for_rest_gets_it_but_no_more_than_a_day() {
        let again = |rest| Trouble::Unreachable.again(1, Some(rest), 5);
        assert_eq!(again(1), Some(2_000_005));
        assert_eq!(again(60), Some(60_000_005));
        assert_eq!(again(u32::MAX), Some(LONGEST_REST + 5));
    }

    #[test]
    fn a_refused_address_is_renewed_a_few_times_and_what_lasts_is_not_tried_again() {
        assert_eq!(Trouble::Expired.again(1, None, 0), Some(2_000_000));
        assert_eq!(Trouble::Expired.again(ADDRESSES, None, 0), None);
        for lasting in [
            Trouble::Gone,
            Trouble::Refused,
            Trouble::Host,
            Trouble::TooLarge { most: 1 },
            Trouble::Empty,
            Trouble::Type,
            Trouble::Unsupported,
        ] {
            assert_eq!(lasting.again(1, Some(1), 0), None, "{lasting:?}");
        }
    }

    #[test]
    fn what_is_shown_or_played_must_be_of_its_kind() {
        let octets = "application/octet-stream";
        assert_eq!(mime_within("image", "image/png"), Some("image/png"));
        assert_eq!(mime_within("sticker", "image/webp"), Some("image/webp"));
        assert_eq!(mime_within("image", "video/mp4"), Some("video/mp4"));
        assert_eq!(mime_within("audio", "video/mp4"), Some("audio/mp4"));
        assert_eq!(mime_within("document", octets), Some(octets));
        for (kind, sniffed) in [
            ("image", octets),
            ("image", "application/pdf"),
            ("audio", "image/png"),
            ("video", "audio/mpeg"),
            ("sticker", "video/mp4"),
        ] {
            assert_eq!(mime_within(kind, sniffed), None, "{kind} {sniffed}");
        }
    }
}
