//! What the website chat can do. Bounds are our own: a browser shows anything.

use balcao_plugin::connector::{Capabilities, KindLimit};

use crate::ask::MAX_TEXT;

/// Bytes of a file.
const FILE: u64 = 32 << 20;

/// What goes out.
pub fn capabilities() -> Capabilities {
    let kind = |kind: &str, mimes: &[&str], files: u32| KindLimit {
        kind: kind.into(),
        max_text: u32::try_from(MAX_TEXT).unwrap_or(u32::MAX),
        max_bytes: if files == 0 { 0 } else { FILE },
        mimes: mimes.iter().map(|it| (*it).to_owned()).collect(),
        max_attachments: files,
    };
    Capabilities {
        kinds: vec![
            kind("text", &[], 0),
            kind("image", &["image/*"], 10),
            kind("audio", &["audio/*"], 1),
            kind("video", &["video/*"], 1),
            kind("document", &[], 10),
            kind("location", &[], 0),
            kind("contacts", &[], 0),
            kind("interactive", &[], 0),
        ],
        features: [
            "reply",
            "reaction",
            "edit",
            "revoke",
            "typing",
            "read",
            "buttons",
            "list",
            "deduplicates",
        ]
        .map(Into::into)
        .into(),
        window_seconds: None,
        rate: None,
        // What has a text to change.
        extra: r#"{"edit":{"kinds":["text","image","video","document"]}}"#.into(),
    }
}
