//! What the channel can do, as the provider documents it: the host refuses the rest before sending.

use balcao_plugin::connector::{Capabilities, KindLimit};
use balcao_plugin::json::{self, json};

use super::keyboard::BUTTONS;

const KB: u64 = 1000;
const MB: u64 = 1000 * KB;

/// The provider's documented limits of files that are sent to it: 10 MB of a photo, 50 MB of others.
pub fn capabilities() -> Capabilities {
    let kind = |kind: &str, max_text, max_bytes, mimes: &[&str], max_attachments| KindLimit {
        kind: kind.into(),
        max_text,
        max_bytes,
        mimes: mimes.iter().map(|mime| (*mime).into()).collect(),
        max_attachments,
    };
    let images = ["image/jpeg", "image/png", "image/webp", "image/gif"];
    let sounds = [
        "audio/mpeg",
        "audio/mp4",
        "audio/m4a",
        "audio/x-m4a",
        "audio/ogg",
    ];
    let stickers = ["image/webp", "video/webm", "application/x-tgsticker"];
    Capabilities {
        kinds: vec![
            kind("text", 4096, 0, &[], 0),
            kind("image", 1024, 10 * MB, &images, 10),
            kind("audio", 1024, 50 * MB, &sounds, 10),
            kind("video", 1024, 50 * MB, &["video/mp4"], 10),
            kind("document", 1024, 50 * MB, &[], 10),
            kind("sticker", 0, 512 * KB, &stickers, 1),
            kind("location", 0, 0, &[], 0),
            kind("contacts", 0, 0, &[], 0),
            kind("interactive", 4096, 0, &[], 0),
        ],
        features: [
            "reply",
            "reaction",
            "typing",
            "read",
            "buttons",
            "list",
            "registers",
            "edit",
            "revoke",
        ]
        .map(String::from)
        .to_vec(),
        window_seconds: None,
        rate: Some(30),
        extra: json::text(&json!({
            "edit": { "kinds": ["text", "image", "audio", "video", "document"] },
            "revoke": { "seconds": 48 * 3600 },
            "buttons": { "count": BUTTONS },
            "list": { "count": BUTTONS },
            // Neither animations nor voice messages.
            "albums": [["image/jpeg", "image/png", "image/webp", "video"], ["document"], ["audio/mpeg", "audio/mp4", "audio/m4a", "audio/x-m4a"]],
        })),
    }
}
