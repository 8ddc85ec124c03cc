//! Takes secrets out of what a plugin or a person is about to see: answers, log lines, traces. Knows the forms in which a secret comes
//! back; never decides whether it may go out (`placements` does).

use std::borrow::Cow;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

use super::Response;

/// What stands in a secret's place.
pub const MASK: &str = "•••";

/// Shorter secrets are left: their bytes occur by chance, and the text would be spoilt without hiding anything.
pub const SHORTEST: usize = 6;

/// Finds every known form of a set of secrets in one pass.
#[derive(Default)]
pub struct Scrubber {
    search: Search,
}

#[derive(Default)]
enum Search {
    /// There is nothing to find.
    #[default]
    Nothing,
    Forms(AhoCorasick),
    /// It could not be built (more forms than it can hold): rather show nothing than a secret.
    Failed,
}

impl Scrubber {
    /// For these secrets; those of fewer than [`SHORTEST`] bytes are left out.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut forms: Vec<Vec<u8>> = secrets
            .into_iter()
            .filter(|s| s.len() >= SHORTEST)
            .flat_map(forms)
            .collect();
        forms.sort_unstable();
        forms.dedup();
        if forms.is_empty() {
            return Self::default();
        }
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&forms);
        Self {
            search: search.map_or(Search::Failed, Search::Forms),
        }
    }

    /// Bytes of the longest form of a secret; 0 where there is nothing to find.
    pub fn longest(&self) -> usize {
        match &self.search {
            Search::Nothing => 0,
            Search::Forms(forms) => forms.max_pattern_len(),
            Search::Failed => 1,
        }
    }

    /// Whether there is a secret in `bytes`.
    pub fn finds(&self, bytes: &[u8]) -> bool {
        match &self.search {
            Search::Nothing => false,
            Search::Forms(forms) => forms.is_match(bytes),
            Search::Failed => true,
        }
    }

    /// `bytes` without the secrets; borrowed if there were none.
    pub fn bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let forms = match &self.search {
            Search::Nothing => return Cow::Borrowed(bytes),
            Search::Forms(forms) => forms,
            Search::Failed => return Cow::Owned(MASK.as_bytes().to_vec()),
        };
        let mut clean = Vec::new();
        let mut end = 0;
        for found in forms.find_iter(bytes) {
            clean.extend_from_slice(&bytes[end..found.start()]);
            clean.extend_from_slice(MASK.as_bytes());
            end = found.end();
        }
        if clean.is_empty() {
            return Cow::Borrowed(bytes);
        }
        clean.extend_from_slice(&bytes[end..]);
        Cow::Owned(clean)
    }

    /// `text` without the secrets; borrowed if there were none.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            // A secret that is not UTF-8 may have matched half a character.
            Cow::Owned(clean) => Cow::Owned(String::from_utf8_lossy(&clean).into_owned()),
        }
    }

    /// An answer with its headers (names too) and body cleaned.
    pub fn response(&self, mut response: Response) -> Response {
        for (name, value) in &mut response.headers {
            for part in [name, value] {
                if let Cow::Owned(clean) = self.text(part) {
                    *part = clean;
                }
            }
        }
        if let Cow::Owned(clean) = self.bytes(&response.body) {
            response.body = clean.into();
        }
        response
    }
}

/// As it is, in base64 of both alphabets (at any of the three alignments, so that it is found within something longer that was encoded
/// with it), URL-encoded, as a JSON string, in hexadecimal.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![
        secret.to_vec(),
        hex::encode(secret).into_bytes(),
        hex::encode_upper(secret).into_bytes(),
    ];
    for alignment in 0..3 {
        forms.push(base64_within(&STANDARD_NO_PAD, secret, alignment));
        forms.push(base64_within(&URL_SAFE_NO_PAD, secret, alignment));
    }
    forms.push(STANDARD_NO_PAD.encode(secret).into_bytes());
    forms.push(URL_SAFE_NO_PAD.encode(secret).into_bytes());
    for space in ["+", "%20"] {
        let encoded: String = url::form_urlencoded::byte_serialize(secret)
            .collect::<String>()
            .replace('+', space);
        forms.push(lower_escapes(&encoded).into_bytes());
        forms.push(encoded.into_bytes());
    }
    // As a path segment or a query parameter, where more characters stay as they are.
    let segment = super::placements::percent_encode(secret);
    forms.push(lower_escapes(&segment).into_bytes());
    forms.push(segment.into_bytes());
    if let Ok(text) = std::str::from_utf8(secret) {
        let json = serde_json::Value::from(text).to_string();
        let json = json[1..json.len() - 1].to_owned();
        forms.push(json.replace('/', "\\/").into_bytes());
        forms.push(json.into_bytes());
        forms.push(ascii_json(text).into_bytes());
    }
    forms
}

/// The characters that any base64 text has in which the secret begins at this position modulo 3.
fn base64_within(engine: &impl Engine, secret: &[u8], alignment: usize) -> Vec<u8> {
    let mut padded = vec![0; alignment];
    padded.extend_from_slice(secret);
    let encoded = engine.encode(&padded).into_bytes();
    // Characters that also hold bits of what stands before or after are not ours to know.
    let first = (alignment * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    encoded[first..last].to_vec()
}

/// `%2F` → `%2f`.
fn lower_escapes(encoded: &str) -> String {
    let mut rest = 0;
    encoded
        .chars()
        .map(|c| {
            if c == '%' {
                rest = 2;
                c
            } else if rest > 0 {
                rest -= 1;
                c.to_ascii_lowercase()
            } else {
                c
            }
        })
        .collect()
}

/// As JSON writers that keep to ASCII write it: `é` as `\u00e9`, and the characters that are dangerous in HTML too.
fn ascii_json(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            ' '..='~' if !matches!(c, '<' | '>' | '&' | '\'') => escaped.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    escaped.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
