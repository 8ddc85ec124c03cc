//! Ids: a prefix that says of what, `_`, and 26 letters of a UUIDv7 (TypeID). Sorted by text they are sorted by time of creation. Owns
//! their types and their making; never looks anything up.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use crate::clock::{Clock, Random};

/// Crockford's base 32, in lower case.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 26;
/// The digit that each byte stands for; 32 and more: none.
const DIGITS: [u8; 256] = {
    let mut digits = [u8::MAX; 256];
    let mut digit = 0;
    while digit < ALPHABET.len() {
        digits[ALPHABET[digit] as usize] = digit as u8;
        digit += 1;
    }
    digits
};

/// A text that is not an id of the kind that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {prefix}_…")]
pub struct InvalidId {
    pub prefix: &'static str,
}

/// What all kinds of ids have in common.
pub trait Id: Copy + Ord + fmt::Display + Send + Sync + 'static {
    const PREFIX: &'static str;
    fn from_uuid(uuid: Uuid) -> Self;
    fn uuid(self) -> Uuid;
}

/// Makes ids from a clock and randomness, each greater than the one before it.
#[derive(Clone, Debug, Default)]
pub struct Ids {
    clock: Clock,
    random: Random,
    made: Arc<Mutex<Made>>,
}

/// What making the next id needs of those before it.
#[derive(Debug, Default)]
struct Made {
    last: u128,
    /// Fetched at once for many: each time is a trip to the operating system.
    noise: Vec<u8>,
}

/// Bytes of noise for one id, and for how many it is fetched.
const NOISE: usize = 10;
const AT_ONCE: usize = 64;

impl Ids {
    pub fn new(clock: Clock, random: Random) -> Self {
        Self {
            clock,
            random,
            made: Arc::default(),
        }
    }

    pub fn mint<I: Id>(&self) -> I {
        let millis = u128::try_from(self.clock.now() / 1000).unwrap_or(0) & 0xffff_ffff_ffff;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        // 74 free bits below the time; the highest stays clear as room for the increments below.
        let noise = made.noise(&self.random) & ((1 << 73) - 1);
        let fresh = (millis << 74) | noise;
        let value = if fresh > made.last {
            fresh
        } else {
            made.last + 1 + (noise & 0xffff)
        };
        made.last = value;
        I::from_uuid(uuid_of(value))
    }
}

impl Made {
    fn noise(&mut self, random: &Random) -> u128 {
        if self.noise.len() < NOISE {
            self.noise = random.bytes::<{ NOISE * AT_ONCE }>().to_vec();
        }
        let rest = self.noise.len() - NOISE;
        let mut bytes = [0; 16];
        bytes[..NOISE].copy_from_slice(&self.noise[rest..]);
        self.noise.truncate(rest);
        u128::from_le_bytes(bytes)
    }
}

/// Lays 122 bits around the version and the variant of a UUIDv7.
fn uuid_of(value: u128) -> Uuid {
    let millis = value >> 74;
    let high = (value >> 62) & 0xfff;
    let low = value & ((1 << 62) - 1);
    Uuid::from_u128((millis << 80) | (7 << 76) | (high << 64) | (2 << 62) | low)
}

fn encode(uuid: Uuid) -> [u8; LENGTH] {
    let mut rest = uuid.as_u128();
    let mut text = [0; LENGTH];
    for letter in text.iter_mut().rev() {
        *letter = ALPHABET[(rest & 31) as usize];
        rest >>= 5;
    }
    text
}

fn decode(text: &str) -> Option<Uuid> {
    let bytes = text.as_bytes();
    // 26 letters hold 130 bits: the first may only be 0 to 7.
    if bytes.len() != LENGTH || bytes[0] > b'7' {
        return None;
    }
    bytes
        .iter()
        .try_fold(0u128, |value, letter| {
            let digit = DIGITS[usize::from(*letter)];
            (digit < 32).then(|| (value << 5) | u128::from(digit))
        })
        .map(Uuid::from_u128)
}

/// `prefix_letters`, without an allocation: ids are written several times for each message.
struct Text {
    bytes: [u8; Self::LONGEST],
    length: usize,
}

impl Text {
    const LONGEST: usize = 32;

    fn of(prefix: &str, uuid: Uuid) -> Self {
        let letters = prefix.len() + 1;
        let mut bytes = [0; Self::LONGEST];
        bytes[..prefix.len()].copy_from_slice(prefix.as_bytes());
        bytes[prefix.len()] = b'_';
        bytes[letters..letters + LENGTH].copy_from_slice(&encode(uuid));
        Self {
            bytes,
            length: letters + LENGTH,
        }
    }

    fn as_str(&self) -> &str {
        // Prefixes and the alphabet are ASCII.
        str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

/// Reads an id of the kind out of a text.
struct Reads<I>(PhantomData<I>);

impl<I: FromStr<Err = InvalidId>> serde::de::Visitor<'_> for Reads<I> {
    type Value = I;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an id")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<I, E> {
        text.parse().map_err(E::custom)
    }
}

fn parse(prefix: &'static str, text: &str) -> Result<Uuid, InvalidId> {
    text.strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .and_then(decode)
        .ok_or(InvalidId { prefix })
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl Id for $name {
            const PREFIX: &'static str = $prefix;
            fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }
            fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str(Text::of($prefix, self.0).as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str(Text::of($prefix, self.0).as_str())
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse($prefix, text).map(Self)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(Text::of($prefix, self.0).as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_str(Reads(PhantomData))
            }
        }

        impl rusqlite::ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
                Ok(self.to_string().into())
            }
        }

        impl<DB: sqlx::Database> sqlx::Type<DB> for $name
        where
            String: sqlx::Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                <String as sqlx::Type<DB>>::type_info()
            }
            fn compatible(info: &DB::TypeInfo) -> bool {
                <String as sqlx::Type<DB>>::compatible(info)
            }
        }

        impl<'q, DB: sqlx::Database> sqlx::Encode<'q, DB> for $name
        where
            String: sqlx::Encode<'q, DB>,
        {
            fn encode_by_ref(
                &self,
                to: &mut <DB as sqlx::Database>::ArgumentBuffer,
            ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                <String as sqlx::Encode<'q, DB>>::encode(self.to_string(), to)
            }
        }

        impl<'r, DB: sqlx::Database> sqlx::Decode<'r, DB> for $name
        where
            &'r str: sqlx::Decode<'r, DB>,
        {
            fn decode(from: <DB as sqlx::Database>::ValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                Ok(<&str as sqlx::Decode<'r, DB>>::decode(from)?.parse()?)
            }
        }
    )+};
}

ids! {
    WorkspaceId = "wsp",
    UserId = "usr",
    TokenId = "tok",
    TeamId = "tem",
    ChannelId = "chn",
    ContactId = "ctc",
    ConversationId = "cnv",
    MessageId = "msg",
    EventId = "evt",
    FileId = "fil",
    TimerId = "tmr",
    /// A request kept because its plugin failed.
    ParkedId = "prk",
    LogId = "log",
    AuditId = "aud",
    /// A delivery state that waits for its message.
    PendingId = "pnd",
    /// An entry of the outbound queue.
    SendId = "snd",
    /// An attachment that is to be fetched.
    FetchId = "fch",
    /// A browser that a channel knows again.
    VisitorId = "vis",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text_and_another_kind_refuses_it() {
        let ids = Ids::new(Clock::at(1_700_000_000_000_000), Random::seeded(1));
        let id: ConversationId = ids.mint();
        let text = id.to_string();
        assert_eq!(text.len(), 30);
        assert!(text.starts_with("cnv_01"), "{text}");
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(text.parse::<MessageId>(), Err(InvalidId { prefix: "msg" }));
        assert_eq!(id.uuid().get_version_num(), 7);
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{text}\""));
    }

    #[test]
    fn what_is_no_id_is_refused() {
        let wrong = [
            "",
            "cnv_",
            "cnv_01",
            "cnv_8zzzzzzzzzzzzzzzzzzzzzzzzz",
            "cnv_0000000000000000000000000U",
            "cnv0000",
            "çnv_",
        ];
        for text in wrong {
            assert_eq!(
                text.parse::<ConversationId>(),
                Err(InvalidId { prefix: "cnv" }),
                "{text}"
            );
        }
        assert!(
            "cnv_7zzzzzzzzzzzzzzzzzzzzzzzzz"
                .parse::<ConversationId>()
                .is_ok()
        );
    }

    #[test]
    fn ids_made_at_one_instant_or_while_the_clock_goes_back_still_grow() {
        let clock = Clock::at(1_700_000_000_000_000);
        let ids = Ids::new(clock.clone(), Random::seeded(3));
        let mut last: MessageId = ids.mint();
        for round in 0..2_000 {
            if round == 1_000
                && let Clock::Virtual(at) = &clock
            {
                at.fetch_sub(5_000_000, std::sync::atomic::Ordering::SeqCst);
            }
            let next: MessageId = ids.mint();
            assert!(next > last && next.to_string() > last.to_string());
            last = next;
        }
    }
}
