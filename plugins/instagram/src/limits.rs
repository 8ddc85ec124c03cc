//! What the channel can do, in the provider's documented numbers, and how long it may answer. Plain data, no imports.

use balcao_plugin::connector::{Capabilities, KindLimit};
use balcao_plugin::json::{self, json};
use balcao_plugin::{Failure, Instant};

const MB: u64 = 1_000_000;
/// Bytes of a text. `describe` can only say characters, so what has fewer letters than bytes is refused when it is sent.
pub const TEXT: usize = 1000;
/// Images of one message.
pub const IMAGES: usize = 10;
/// Quick replies of one message, and characters of each.
pub const BUTTONS: usize = 13;
pub const BUTTON_TITLE: usize = 20;

const DAY: u32 = 86_400;
/// How long a person may answer where Meta has approved the app's "Human Agent".
const PEOPLE: u32 = 7 * DAY;

const AUDIO: [&str; 7] = [
    "audio/aac",
    "audio/mp4",
    "audio/m4a",
    "audio/x-m4a",
    "audio/wav",
    "audio/x-wav",
    "audio/vnd.wave",
];
const VIDEO: [&str; 6] = [
    "video/mp4",
    "video/ogg",
    "video/x-msvideo",
    "video/avi",
    "video/quicktime",
    "video/webm",
];

pub fn capabilities(human_agent: bool) -> Capabilities {
    let kind = |kind: &str, max_text: usize, max_bytes, mimes: &[&str], max_attachments: usize| {
        KindLimit {
            kind: kind.into(),
            max_text: max_text as u32,
            max_bytes,
            mimes: mimes.iter().map(|mime| (*mime).into()).collect(),
            max_attachments: max_attachments as u32,
        }
    };
    let images = ["image/jpeg", "image/png", "image/gif"];
    Capabilities {
        kinds: vec![
            kind("text", TEXT, 0, &[], 0),
            kind("image", 0, 8 * MB, &images, IMAGES),
            kind("audio", 0, 25 * MB, &AUDIO, 1),
            kind("video", 0, 25 * MB, &VIDEO, 1),
            kind("document", 0, 25 * MB, &["application/pdf"], 1),
            kind("interactive", TEXT, 0, &[], 0),
        ],
        features: ["reply", "reaction", "typing", "read", "buttons"]
            .map(String::from)
            .to_vec(),
        window_seconds: Some(if human_agent { PEOPLE } else { DAY }),
        // 300 for texts, but 10 for sound and video.
        rate: Some(10),
        extra: json::text(&json!({
            "albums": [["image"]],
            "buttons": { "count": BUTTONS, "title": BUTTON_TITLE },
        })),
    }
}

/// How a message may go out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Window {
    /// As an answer.
    Open,
    /// As a person's late answer.
    HumanAgent,
}

/// By when the contact last wrote. Where the host does not know, the provider decides.
///
/// # Errors
/// A permanent `window-closed` failure once it is too late.
pub fn window(
    last_inbound: Option<Instant>,
    now: Instant,
    human_agent: bool,
) -> Result<Window, Failure> {
    let passed = now.saturating_sub(last_inbound.unwrap_or(now));
    let within = |seconds: u32| passed < i64::from(seconds) * 1_000_000;
    if within(DAY) {
        return Ok(Window::Open);
    }
    if human_agent && within(PEOPLE) {
        return Ok(Window::HumanAgent);
    }
    let (time, advice) = if human_agent {
        ("7 dias", "")
    } else {
        (
            "24 horas",
            " Com o recurso Human Agent aprovado pela Meta, ligue nas configurações do canal a resposta por até 7 dias.",
        )
    };
    Err(Failure::permanent(
        "window-closed",
        format!(
            "Já se passaram {time} da última mensagem do cliente, e o Instagram não deixa mais responder; espere que ele escreva de novo.{advice}"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Instant = 3_600_000_000;

    #[test]
    fn an_answer_is_free_for_a_day_and_a_persons_for_seven() {
        let at = |hours: Instant, human| window(Some(0), hours * HOUR, human).map_err(|it| it.code);
        assert_eq!(at(23, false), Ok(Window::Open));
        assert_eq!(at(23, true), Ok(Window::Open));
        assert_eq!(at(24, false), Err("window-closed".into()));
        assert_eq!(at(24, true), Ok(Window::HumanAgent));
        assert_eq!(at(7 * 24 - 1, true), Ok(Window::HumanAgent));
        assert_eq!(at(7 * 24, true), Err("window-closed".into()));
        assert_eq!(window(None, HOUR, false), Ok(Window::Open));
    }

    #[test]
    fn the_limits_are_those_that_the_provider_documents() {
        let of = |human| capabilities(human);
        let limit = |kind: &str| {
            let kinds = of(false).kinds;
            let limit = kinds.into_iter().find(|limit| limit.kind == kind).unwrap();
            (limit.max_text, limit.max_bytes, limit.max_attachments)
        };
        assert_eq!(limit("text"), (1000, 0, 0));
        assert_eq!(limit("image"), (0, 8_000_000, 10));
        assert_eq!(limit("video"), (0, 25_000_000, 1));
        assert_eq!(of(false).window_seconds, Some(86_400));
        assert_eq!(of(true).window_seconds, Some(604_800));
    }
}
