//! Reading a provider's JSON whatever it holds: a field of another type than documented is a field that is absent, so that one odd value
//! never takes its siblings with it. Decides nothing about what a value means.

use serde_json::error::Category;
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Bytes of a text or of an `extra`, somewhat below what the host takes. Providers' are far shorter, so that what is longer may be cut.
pub const LONGEST: usize = 60_000;
/// Bytes of an alias.
const ALIAS: usize = 512;
/// How deep the parts of a body are searched for the one that cannot be read.
const DEPTH: u32 = 16;

/// Reads a body. Bytes that are not UTF-8 and halves of surrogate pairs, which come from texts that somebody cut, become the replacement
/// character; a value that no reader takes (a number out of range, a nesting without end) becomes null.
///
/// # Errors
/// Where it is not JSON: the place, and never the reader's own words, which quote what people wrote.
pub fn parse(body: &[u8]) -> Result<Value, String> {
    if let Ok(value) = serde_json::from_slice(body) {
        return Ok(value);
    }
    let body = repaired(body);
    match serde_json::from_str::<&RawValue>(&body) {
        Ok(raw) => Ok(salvaged(raw, DEPTH)),
        Err(error) => Err(place(&error)),
    }
}

/// Where a reading failed, without quoting what was read.
pub fn place(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        Category::Data => "another shape than documented",
        Category::Eof => "breaks off",
        Category::Io | Category::Syntax => "not JSON",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

/// At most so many bytes of a text, whole characters only.
pub fn cut(mut text: String, bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes));
    text
}

/// Whether the host takes it for an alias of a person.
pub fn is_alias(text: &str) -> bool {
    (1..=ALIAS).contains(&text.len()) && !text.contains('\0')
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

/// A value that may be absent. Null is absent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Field<'a>(Option<&'a Value>);

impl<'a> Field<'a> {
    pub fn of(value: &'a Value) -> Self {
        Self(Some(value).filter(|value| !value.is_null()))
    }

    pub fn get(self, name: &str) -> Self {
        self.0
            .and_then(|value| value.get(name))
            .map_or(Self(None), Self::of)
    }

    pub fn is_there(self) -> bool {
        self.0.is_some()
    }

    /// A text, also where the provider gives a number in its place. Empty where absent, cut at [`LONGEST`].
    pub fn text(self) -> String {
        match self.0 {
            Some(Value::String(text)) => text[..text.floor_char_boundary(LONGEST)].to_owned(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        }
    }

    /// A text that is there and not empty.
    pub fn given(self) -> Option<String> {
        Some(self.text()).filter(|text| !text.is_empty())
    }

    /// A whole number.
    pub fn number(self) -> Option<i64> {
        self.0.and_then(Value::as_i64)
    }

    /// A number as it was written.
    pub fn decimal(self) -> Option<Number> {
        self.0.and_then(Value::as_number).cloned()
    }

    pub fn flag(self) -> bool {
        self.0.and_then(Value::as_bool).unwrap_or(false)
    }

    /// The elements of a list; none where it is not one.
    pub fn list(self) -> impl Iterator<Item = Field<'a>> {
        let list = self.0.and_then(Value::as_array);
        list.into_iter().flatten().map(Field::of)
    }

    /// Itself, where it is an object.
    pub fn object(self) -> Option<Self> {
        Some(self).filter(|field| field.fields().is_some())
    }

    /// The names of an object's fields; none where it is not one.
    pub fn names(self) -> impl Iterator<Item = &'a str> {
        self.fields()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
    }

    /// What is there, as it is.
    pub fn value(self) -> Option<&'a Value> {
        self.0
    }

    fn fields(self) -> Option<&'a Map<String, Value>> {
        self.0.and_then(Value::as_object)
    }
}

/// What can be read of a part, each of its own parts by itself.
fn salvaged(raw: &RawValue, depth: u32) -> Value {
    let text = raw.get();
    if let Ok(value) = serde_json::from_str(text) {
        return value;
    }
    let Some(depth) = depth.checked_sub(1) else {
        return Value::Null;
    };
    if let Ok(fields) = serde_json::from_str::<BTreeMap<Cow<str>, &RawValue>>(text) {
        let fields = fields.into_iter();
        return Value::Object(
            fields
                .map(|(name, raw)| (name.into_owned(), salvaged(raw, depth)))
                .collect(),
        );
    }
    let elements = serde_json::from_str::<Vec<&RawValue>>(text).unwrap_or_default();
    match elements.is_empty() {
        true => Value::Null,
        false => elements
            .into_iter()
            .map(|raw| salvaged(raw, depth))
            .collect(),
    }
}

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
    fn a_value_that_no_reader_takes_is_null_and_its_siblings_are_read() {
        let deep = "[".repeat(5_000) + &"]".repeat(5_000);
        let body = format!(r#"{{"a":[1,{{"b":1e999,"c":"kept"}}],"deep":{deep},"d":2}}"#);
        let value = parse(body.as_bytes()).unwrap();
        assert_eq!(value["a"], serde_json::json!([1, {"b": null, "c": "kept"}]));
        assert_eq!(value["d"], 2);
    }

    #[test]
    fn what_the_host_would_refuse_for_its_length_is_cut_or_left_out() {
        assert_eq!(cut("aé".into(), 2), "a");
        assert_eq!(cut("aé".into(), 3), "aé");
        let long = Value::from("é".repeat(40_000));
        assert_eq!(Field::of(&long).text().len(), LONGEST);
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
        assert_eq!(field.get("id").number(), Some(7));
        assert_eq!(field.get("flag").number(), None);
        assert!(!field.get("flag").flag());
        assert_eq!(field.get("list").list().count(), 0);
        assert!(!field.get("null").is_there());
        assert_eq!(field.get("id").get("deeper").given(), None);
        assert!(field.get("id").object().is_none() && field.get("list").object().is_some());
        assert_eq!(
            Vec::from_iter(field.names()),
            ["flag", "id", "list", "null"]
        );
    }
}
