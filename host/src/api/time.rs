//! Times as the API writes them: RFC 3339 in UTC, always with six digits of a second. It reads any RFC 3339.

use jiff::{Timestamp, fmt::temporal::DateTimePrinter};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::clock::Instant;

const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(6));

/// A moment in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time(pub Instant);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let moment = Timestamp::from_microsecond(self.0).map_err(serde::ser::Error::custom)?;
        to.serialize_str(&PRINTER.timestamp_to_string(&moment))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let moment: Timestamp = text.parse().map_err(D::Error::custom)?;
        Ok(Self(moment.as_microsecond()))
    }
}

impl utoipa::PartialSchema for Time {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .into()
    }
}

impl utoipa::ToSchema for Time {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc_with_microseconds() {
        let text = |at| serde_json::to_string(&Time(at)).unwrap();
        assert_eq!(
            text(1_700_000_000_000_001),
            "\"2023-11-14T22:13:20.000001Z\""
        );
        assert_eq!(text(0), "\"1970-01-01T00:00:00.000000Z\"");
    }
}
