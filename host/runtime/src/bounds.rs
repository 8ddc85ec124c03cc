//! What the arguments of `balcao:connector/inbox` may be, one by one. Works on texts alone, so that a connector's reading can be held against the host's
//! own bounds where there is no engine (`fuzz/`).

/// Bytes of an external id, event key or thread.
pub const MAX_EXTERNAL: usize = 512;
/// Bytes of a text, and of an `extra`.
pub const MAX_TEXT: usize = 64 << 10;
pub const MAX_ATTACHMENTS: usize = 64;
/// Bytes.
pub const MAX_EMOJI: usize = 64;
/// Bytes of an argument that a message shows.
const SHOWN: usize = 64;

/// Why an argument is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutOfBounds {
    /// It is none.
    #[error("{0}")]
    Invalid(String),
    /// It is too much.
    #[error("{0}")]
    Limit(String),
}

type Checked = Result<(), OutOfBounds>;

/// An id of the provider's, an event key, a thread, a kind or a code.
pub fn external(name: &str, value: &str) -> Checked {
    if value.is_empty() || value.len() > MAX_EXTERNAL || value.contains('\0') {
        let shown = cut(value, SHOWN);
        return Err(OutOfBounds::Invalid(format!(
            "{name}: 1 to {MAX_EXTERNAL} bytes without NUL, not `{shown}`"
        )));
    }
    Ok(())
}

pub fn text(name: &str, value: &str) -> Checked {
    if value.len() > MAX_TEXT {
        let length = value.len();
        return Err(OutOfBounds::Limit(format!(
            "{name}: at most {MAX_TEXT} bytes, not {length}"
        )));
    }
    Ok(())
}

/// A JSON object, or nothing.
pub fn extra(value: &str) -> Checked {
    text("extra", value)?;
    if value.is_empty()
        || serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(value).is_ok()
    {
        return Ok(());
    }
    Err(OutOfBounds::Invalid(
        "extra: a JSON object, or nothing".to_owned(),
    ))
}

/// Where an attachment's bytes are, and its name.
pub fn attachment(source: &str, name: &str) -> Checked {
    let known = ["media:", "https://", "ref:"]
        .iter()
        .any(|scheme| source.starts_with(scheme));
    if !known {
        let shown = cut(source, SHOWN);
        return Err(OutOfBounds::Invalid(format!(
            "attachment: media:, https:// or ref:, not `{shown}`"
        )));
    }
    text("attachment", source)?;
    text("attachment", name)
}

pub fn attachments(count: usize) -> Checked {
    if count > MAX_ATTACHMENTS {
        return Err(OutOfBounds::Limit(format!(
            "attachments: at most {MAX_ATTACHMENTS}"
        )));
    }
    Ok(())
}

/// Empty: taken back.
pub fn emoji(value: &str) -> Checked {
    if value.len() > MAX_EMOJI {
        return Err(OutOfBounds::Invalid(format!(
            "emoji: at most {MAX_EMOJI} bytes"
        )));
    }
    Ok(())
}

pub fn delivery_state(value: &str) -> Checked {
    one_of(&["sent", "delivered", "read", "failed"], value)
}

pub fn health_state(value: &str) -> Checked {
    one_of(&["connected", "degraded", "disconnected"], value)
}

fn one_of(known: &[&str], value: &str) -> Checked {
    if known.contains(&value) {
        return Ok(());
    }
    let (last, others) = known.split_last().unwrap_or((&"", &[]));
    Err(OutOfBounds::Invalid(format!(
        "state: {} or {last}, not `{}`",
        others.join(", "),
        cut(value, SHOWN)
    )))
}

/// At most `bytes` bytes of the text, whole characters.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_neither_empty_nor_long_nor_hold_a_zero_byte() {
        assert_eq!(external("thread", &"x".repeat(MAX_EXTERNAL)), Ok(()));
        for value in ["", "a\0", &"x".repeat(MAX_EXTERNAL + 1)] {
            assert!(external("thread", value).is_err());
        }
    }

    #[test]
    fn an_extra_is_an_object_or_nothing() {
        for good in ["", "{}", r#"{"a":[1]}"#] {
            assert_eq!(extra(good), Ok(()));
        }
        for bad in ["[]", "null", "{"] {
            assert_eq!(
                extra(bad).map_err(|error| error.to_string()),
                Err("extra: a JSON object, or nothing".to_owned())
            );
        }
    }

    #[test]
    fn states_and_sources_are_those_that_are_documented() {
        assert_eq!(delivery_state("read"), Ok(()));
        assert_eq!(
            health_state("well").map_err(|error| error.to_string()),
            Err("state: connected, degraded or disconnected, not `well`".to_owned())
        );
        assert_eq!(attachment("ref:1", "a.png"), Ok(()));
        assert!(attachment("http://example.com/", "").is_err());
    }
}
