//! JSON as the WIT carries it: a text, where an empty one means "nothing".

use serde::Serialize;
use serde::de::Deserialize;

pub use serde_json::{Error, Value, json};

/// Reads a JSON text, borrowing from it where the type does.
///
/// # Errors
/// Where the text is not JSON or not of that shape.
pub fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Error> {
    serde_json::from_str(text)
}

/// Writes a value as JSON text. `Value::Null` gives the empty text.
pub fn text<T: Serialize + ?Sized>(value: &T) -> String {
    // Writing into memory fails only for types that refuse to be JSON (a map whose keys are not texts): nothing to say then.
    match serde_json::to_string(value) {
        Ok(text) if text != "null" => text,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_the_empty_text() {
        assert_eq!(text(&Value::Null), "");
        assert_eq!(text(&json!({"a": 1})), r#"{"a":1}"#);
    }
}
