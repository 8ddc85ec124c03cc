//! How the provider's JSON is read: an object is kept as the raw text of its fields, and each field is read where it is wanted. So a field
//! of another shape than documented is only a field that is not there, and never takes its siblings with it. Decides nothing.

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;
use serde_json::{Number, Value as Json};
use std::borrow::Cow;
use std::fmt;

/// More fields than the provider's largest object has; what comes after them is not looked at.
const FIELDS: usize = 256;
/// Objects of a list; what comes after them is not looked at.
const LISTED: usize = 1000;
/// Bytes of a part that is read as a whole; the provider's largest has a tenth of it.
const WHOLE: usize = 256 << 10;

/// A JSON object whose fields are still to be read.
#[derive(Debug, Default)]
pub struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Object<'a> {
    /// Reads the body of a webhook.
    ///
    /// # Errors
    /// Where it is not a JSON object.
    pub fn read(body: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(body)
    }

    /// The names of its fields, in the order in which they came.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_ref())
    }

    /// Whether there is something under that name, of whatever shape.
    pub fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// The field, where it is there and of that shape.
    pub fn get<T: Deserialize<'a>>(&self, name: &str) -> Option<T> {
        let raw: &'a str = self.raw(name)?;
        serde_json::from_str(raw).ok()
    }

    /// A text; empty where there is none.
    pub fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default()
    }

    /// A text that says something.
    pub fn given(&self, name: &str) -> Option<String> {
        self.get(name).filter(|text: &String| !text.is_empty())
    }

    /// A whole number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.get(name)
    }

    /// A number as it was written.
    pub fn decimal(&self, name: &str) -> Option<Number> {
        self.get(name)
    }

    pub fn is(&self, name: &str) -> bool {
        self.get(name).unwrap_or(false)
    }

    pub fn object(&self, name: &str) -> Option<Object<'a>> {
        self.get(name)
    }

    /// The objects of a list; what is no object in it is passed over.
    pub fn list(&self, name: &str) -> Vec<Object<'a>> {
        let list: Vec<&'a RawValue> = self.get(name).unwrap_or_default();
        let read = |raw: &'a RawValue| serde_json::from_str(raw.get()).ok();
        list.into_iter().take(LISTED).filter_map(read).collect()
    }

    /// A part as a whole; none where it is larger than anything that the provider sends.
    pub fn whole(&self, name: &str) -> Option<Json> {
        let raw = self.raw(name).filter(|raw| raw.len() <= WHOLE)?;
        serde_json::from_str(raw).ok()
    }

    fn raw(&self, name: &str) -> Option<&'a str> {
        let (_, raw) = self.0.iter().find(|(field, _)| field == name)?;
        Some(raw.get()).filter(|raw| *raw != "null")
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object<'de>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    if fields.len() < FIELDS {
                        fields.push((field.0.0, field.1));
                    }
                }
                Ok(Object(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// A field's name, borrowed where nothing in it is escaped.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// Where a reading failed. Not the reader's own words, which quote what people wrote.
pub fn place(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        Category::Data => "not an object",
        Category::Eof => "breaks off",
        Category::Io | Category::Syntax => "not JSON",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

/// At most so many bytes of a text, whole characters only.
pub fn clipped(mut text: String, bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Object<'_> {
        Object::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_field_of_another_shape_is_not_there_and_its_siblings_are() {
        let object = read(r#"{"a":"x","b":[1],"c":7,"d":null,"e":{"f":"y"},"g":[{"h":1},2]}"#);
        assert_eq!(object.text("a"), "x");
        assert_eq!((object.number("a"), object.given("b")), (None, None));
        assert_eq!(object.number("c"), Some(7));
        assert!(object.has("b") && !object.has("d") && !object.has("z"));
        assert_eq!(object.object("e").unwrap().text("f"), "y");
        let listed: Vec<_> = object.list("g").iter().map(|it| it.number("h")).collect();
        assert_eq!(listed, [Some(1)]);
    }

    #[test]
    fn a_name_that_is_escaped_is_found_and_what_is_too_many_is_passed_over() {
        assert_eq!(read(r#"{"\u0061b":1}"#).number("ab"), Some(1));
        let many: Vec<String> = (0..1000).map(|n| format!("\"f{n}\":{n}")).collect();
        let text = format!("{{{}}}", many.join(","));
        let object = read(&text);
        assert_eq!(object.number("f255"), Some(255));
        assert_eq!(object.number("f256"), None);
        let list = format!(r#"{{"a":[{}{{}}]}}"#, "{},".repeat(2000));
        assert_eq!(read(&list).list("a").len(), LISTED);
    }

    #[test]
    fn what_is_larger_than_the_provider_sends_is_not_read_whole() {
        let text = format!(r#"{{"a":"{}","b":"{}"}}"#, "x".repeat(WHOLE), "x".repeat(9));
        assert_eq!(read(&text).whole("a"), None);
        assert_eq!(read(&text).whole("b"), Some("x".repeat(9).into()));
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(clipped("aé".into(), 2), "a");
        assert_eq!(clipped("aé".into(), 3), "aé");
    }
}
