//! Reading JSON whatever it holds: a field of another type than documented is a field that is absent, so that one odd value never takes
//! its siblings with it. Decides nothing about what a value means.

use serde_json::error::Category;
use serde_json::{Map, Value};

/// Bytes of a text or of an `extra`, somewhat below what the host takes. The provider's are far shorter, so that what is longer may be cut.
const LONGEST: usize = 60_000;
/// Bytes of one field, of which a text may be put together.
const LONGEST_FIELD: usize = 8_000;

/// A text within the host's bounds.
pub fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(LONGEST));
    text
}

/// An object as the JSON text of an `extra`; nothing where there is nothing to say, or more than the host takes.
pub fn extra(object: &Value) -> String {
    match object.as_object() {
        Some(fields) if !fields.is_empty() => Some(object.to_string()),
        _ => None,
    }
    .filter(|text| text.len() <= LONGEST)
    .unwrap_or_default()
}

/// Reads a body, mending what a strict reader refuses for its characters alone.
///
/// # Errors
/// Where the reading failed; never in the reader's own words, which quote what people wrote.
pub fn parse(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body)
        .or_else(|_| serde_json::from_str(&repaired(body)))
        .map_err(|error| {
            let what = match error.classify() {
                Category::Eof => "breaks off",
                Category::Data | Category::Io | Category::Syntax => "not JSON",
            };
            format!("{what} (line {}, column {})", error.line(), error.column())
        })
}

/// A value that may be absent.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a>(Option<&'a Value>);

impl<'a> Field<'a> {
    pub fn of(value: &'a Value) -> Self {
        Self(Some(value))
    }

    pub fn get(self, name: &str) -> Self {
        Self(self.0.and_then(|value| value.get(name)))
    }

    /// A text, also where the provider gives a number in its place. Empty where absent, cut where no text of the provider's is so long.
    pub fn text(self) -> String {
        match self.0 {
            Some(Value::String(text)) => text[..text.floor_char_boundary(LONGEST_FIELD)].to_owned(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        }
    }

    /// A text that is there and not empty.
    pub fn given(self) -> Option<String> {
        Some(self.text()).filter(|text| !text.is_empty())
    }

    pub fn flag(self) -> bool {
        self.0.and_then(Value::as_bool).unwrap_or(false)
    }

    /// The elements of a list; none where it is not one.
    pub fn list(self) -> impl Iterator<Item = Field<'a>> {
        let list = self.0.and_then(Value::as_array);
        list.into_iter().flatten().map(Field::of)
    }

    pub fn object(self) -> Option<&'a Map<String, Value>> {
        self.0.and_then(Value::as_object)
    }

    pub fn value(self) -> Option<&'a Value> {
        self.0.filter(|value| !value.is_null())
    }
}

/// A body without bytes that are not UTF-8 and halves of surrogate pairs, which come from texts that somebody cut.
fn repaired(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let mut repaired = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some(at) = rest.find('\\') {
        repaired.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = match (surrogate(rest), rest.get(6..).and_then(surrogate)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(_), _) => {
                repaired.push_str("\\ufffd");
                rest = &rest[6..];
                continue;
            }
            // The backslash and what it escapes, which may be a backslash.
            (None, _) => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        };
        repaired.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    repaired.push_str(rest);
    repaired
}

/// The surrogate that the text begins with an escape of.
fn surrogate(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16)
        .ok()
        .filter(|unit| (0xD800..=0xDFFF).contains(unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_somebody_cut_in_half_are_repaired() {
        let body = [
            br#"{"a":"C:\\u \ud83d!","b":"\ud83d\ude00 "#.as_slice(),
            b"\xf0\x9f\"}",
        ]
        .concat();
        let value = parse(&body).unwrap();
        assert_eq!(value["a"], "C:\\u \u{fffd}!");
        assert_eq!(value["b"], "😀 \u{fffd}");
    }

    #[test]
    fn what_the_host_would_refuse_for_its_length_is_cut_or_left_out() {
        assert_eq!(cut("é".repeat(40_000)).len(), 60_000);
        let long = Value::from("é".repeat(40_000));
        assert_eq!(Field::of(&long).text().len(), 8_000);
        let small = serde_json::json!({"a": 1});
        assert_eq!(extra(&small), r#"{"a":1}"#);
        assert_eq!(extra(&serde_json::json!({"a": long})), "");
        assert_eq!(extra(&serde_json::json!({})), "");
    }

    #[test]
    fn what_failed_is_told_by_its_place_and_never_quoted() {
        let told = parse(br#"{"text": my secret"#).unwrap_err();
        assert_eq!(told, "not JSON (line 1, column 10)");
        assert_eq!(
            parse(b"{\"a\":").unwrap_err(),
            "breaks off (line 1, column 5)"
        );
    }

    #[test]
    fn a_value_of_another_type_is_absent() {
        let value = serde_json::json!({"id": 7, "flag": "yes", "list": {}, "null": null});
        let field = Field::of(&value);
        assert_eq!(field.get("id").text(), "7");
        assert!(!field.get("flag").flag());
        assert_eq!(field.get("list").list().count(), 0);
        assert!(field.get("null").value().is_none());
        assert_eq!(field.get("id").get("deeper").given(), None);
    }
}
