//! What a channel says that it can do (`describe`), as the host keeps it: what cannot be sent or changed is refused before the channel is asked, with the
//! reason (FEATURES D11). Pure; knows no provider.

use std::num::NonZeroU32;

use balcao_runtime::wit::{Attachment, Content};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::choices::{Bounds, Choices, Excess};

/// Bytes that people call a megabyte.
const MB: u64 = 1_000_000;

/// A channel's description.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Capabilities {
    kinds: Vec<KindLimit>,
    features: Vec<String>,
    /// Messages a second.
    #[serde(default)]
    rate: Option<u32>,
    /// A JSON object as a text, or nothing.
    #[serde(default)]
    extra: String,
}

/// A kind of message that the channel sends.
#[derive(Clone, Debug, Deserialize)]
pub struct KindLimit {
    kind: String,
    max_text: u32,
    /// Of each file.
    pub max_bytes: u64,
    mimes: Vec<String>,
    max_attachments: u32,
}

/// What may be done to a message that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Edit,
    Revoke,
}

impl Deed {
    /// The feature that a channel names, and the name in its `extra`.
    fn name(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Revoke => "revoke",
        }
    }
}

/// Why a channel does not take something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It has no such kind of message.
    Kind,
    /// The kind carries no words beside its file.
    NoText,
    TooLong {
        letters: usize,
        most: usize,
    },
    TooLarge {
        most: u64,
    },
    Type {
        mime: String,
    },
    TooMany {
        most: usize,
    },
    Choices(Excess),
    /// It does not change messages that way.
    Unable(Deed),
    /// It did so only for a while after the message was written.
    Late {
        deed: Deed,
        seconds: u64,
    },
}

impl Refusal {
    /// The field of a request that is at fault; none where it is not a field.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::NoText | Self::TooLong { .. } => Some("text"),
            Self::TooLarge { .. } | Self::Type { .. } | Self::TooMany { .. } => Some("attachments"),
            Self::Choices(_) => Some("extra"),
            Self::Kind | Self::Unable(_) | Self::Late { .. } => None,
        }
    }

    /// In Portuguese and in English.
    pub fn words(&self) -> (String, String) {
        let both = |pt: &str, en: &str| (pt.to_owned(), en.to_owned());
        match self {
            Self::Kind => both(
                "Este canal não envia este tipo de mensagem.",
                "This channel does not send this kind of message.",
            ),
            Self::NoText => both(
                "este canal não envia texto junto com este tipo de arquivo; mande o texto em outra mensagem",
                "this channel sends no text with this kind of file; write it in another message",
            ),
            Self::TooLong { letters, most } => (
                format!("longo demais para este canal: {letters} > {most}"),
                format!("too long for this channel: {letters} > {most}"),
            ),
            Self::TooLarge { most } => {
                let most = size(*most);
                (
                    format!("grande demais para este canal: até {most}"),
                    format!("too large for this channel: at most {most}"),
                )
            }
            Self::Type { mime } => (
                format!("o canal não aceita {mime}"),
                format!("the channel does not take {mime}"),
            ),
            Self::TooMany { most } => (
                format!("arquivos demais para uma mensagem deste canal: até {most}"),
                format!("too many files for one message of this channel: at most {most}"),
            ),
            Self::Choices(Excess::Count { most }) => (
                format!("opções demais para este canal: até {most}"),
                format!("too many choices for this channel: at most {most}"),
            ),
            Self::Choices(Excess::Text { text, most }) => (
                format!("longo demais para este canal: “{text}” (até {most} caracteres)"),
                format!("too long for this channel: “{text}” (at most {most} characters)"),
            ),
            Self::Unable(Deed::Edit) => both(
                "Este canal não deixa editar esta mensagem.",
                "This channel does not let this message be edited.",
            ),
            Self::Unable(Deed::Revoke) => both(
                "Este canal não deixa apagar esta mensagem para todos.",
                "This channel does not let this message be deleted for everyone.",
            ),
            Self::Late { deed, seconds } => {
                let (pt, en) = span(*seconds);
                match deed {
                    Deed::Edit => (
                        format!("O canal só deixa editar uma mensagem até {pt} depois de escrita."),
                        format!(
                            "The channel lets a message be edited only until {en} after it was written."
                        ),
                    ),
                    Deed::Revoke => (
                        format!(
                            "O canal só deixa apagar uma mensagem para todos até {pt} depois de escrita."
                        ),
                        format!(
                            "The channel lets a message be deleted for everyone only until {en} after it was written."
                        ),
                    ),
                }
            }
        }
    }
}

/// A bound on bytes for people.
fn size(bytes: u64) -> String {
    match bytes {
        bytes if bytes >= MB => format!("{} MB", bytes / MB),
        bytes => format!("{} KB", bytes / 1000),
    }
}

/// In Portuguese and in English.
fn span(seconds: u64) -> (String, String) {
    let (n, pt, en) = match seconds {
        s if s >= 7200 => (s / 3600, "horas", "hours"),
        s if s >= 120 => (s / 60, "minutos", "minutes"),
        s => (s, "segundos", "seconds"),
    };
    (format!("{n} {pt}"), format!("{n} {en}"))
}

impl Capabilities {
    /// Of what the host keeps of `describe`; none while the channel was not asked.
    pub fn of(kept: Option<&str>) -> Option<Self> {
        serde_json::from_str(kept?).ok()
    }

    pub fn has(&self, feature: &str) -> bool {
        self.features.iter().any(|it| it == feature)
    }

    /// Messages a second that the channel takes; none where it names no bound.
    pub fn rate(&self) -> Option<NonZeroU32> {
        self.rate.and_then(NonZeroU32::new)
    }

    /// What bounds a kind of message; none where the channel does not send it.
    pub fn limit(&self, kind: &str) -> Option<&KindLimit> {
        self.kinds.iter().find(|it| it.kind == kind)
    }

    /// Why a content cannot be sent.
    pub fn refuses(&self, content: &Content) -> Option<Refusal> {
        let Some(limit) = self.limit(&content.kind) else {
            return Some(Refusal::Kind);
        };
        let letters = content.text.chars().count();
        let most = limit.max_text as usize;
        if letters > most {
            return Some(match most {
                0 => Refusal::NoText,
                most => Refusal::TooLong { letters, most },
            });
        }
        let most = limit.max_attachments as usize;
        if content.attachments.len() > most {
            return Some(match most {
                0 => Refusal::Kind,
                most => Refusal::TooMany { most },
            });
        }
        if let Ok(choices) = serde_json::from_str::<Choices>(&content.extra) {
            return self.refuses_choices(&choices);
        }
        // Another kind than the message's may travel with it in an album, within its own bounds.
        content.attachments.iter().find_map(|file| {
            let own = Some(limit).filter(|_| content.attachments.len() == 1);
            let limit = own.or_else(|| self.limit_of(file)).unwrap_or(limit);
            limit.refuses(file)
        })
    }

    fn refuses_choices(&self, choices: &Choices) -> Option<Refusal> {
        if !self.has(choices.name()) {
            return Some(Refusal::Kind);
        }
        let bounds = self.more().remove(choices.name());
        let bounds: Bounds = serde_json::from_value(bounds?).ok()?;
        choices.exceeds(bounds).map(Refusal::Choices)
    }

    /// Whether a file of that kind has room for a text; where the channel has no texts of their own either, it has to.
    pub fn carries(&self, kind: &str, text: &str) -> bool {
        let room = |limit: &KindLimit| text.chars().count() <= limit.max_text as usize;
        self.limit(kind).is_none_or(room) || self.limit("text").is_none()
    }

    fn limit_of(&self, file: &Attachment) -> Option<&KindLimit> {
        self.limit(kind_of(&file.mime))
    }

    /// Why a message that is so many seconds old cannot be changed.
    pub fn refuses_change(&self, deed: Deed, kind: &str, age: u64) -> Option<Refusal> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Bounds {
            seconds: Option<u64>,
            kinds: Option<Vec<String>>,
        }
        if !self.has(deed.name()) {
            return Some(Refusal::Unable(deed));
        }
        let bounds = self.more().remove(deed.name());
        let bounds: Bounds = bounds
            .and_then(|it| serde_json::from_value(it).ok())
            .unwrap_or_default();
        if bounds
            .kinds
            .is_some_and(|kinds| !kinds.iter().any(|it| it == kind))
        {
            return Some(Refusal::Unable(deed));
        }
        let seconds = bounds.seconds.filter(|most| age > *most)?;
        Some(Refusal::Late { deed, seconds })
    }

    /// Sorts files, each with the kind that it is sent as, into messages: those that may go together, in their order.
    pub fn grouped<'f>(
        &self,
        files: impl IntoIterator<Item = (&'f str, Attachment)>,
    ) -> Vec<(&'f str, Vec<Attachment>)> {
        let albums = self.more().remove("albums");
        let albums: Vec<Vec<String>> = albums
            .and_then(|it| serde_json::from_value(it).ok())
            .unwrap_or_default();
        let set_of = |kind: &str, mime: &str| {
            albums
                .iter()
                .position(|set| set.iter().any(|it| it == kind || fits(it, mime)))
        };
        let mut messages: Vec<(&str, Vec<Attachment>)> = Vec::new();
        let mut present = None;
        for (kind, file) in files {
            let set = set_of(kind, &file.mime);
            match messages.last_mut() {
                Some((first, album))
                    if set.is_some() && set == present && album.len() < self.most_files(first) =>
                {
                    album.push(file);
                }
                _ => messages.push((kind, vec![file])),
            }
            present = set;
        }
        messages
    }

    fn most_files(&self, kind: &str) -> usize {
        self.limit(kind).map_or(1, |it| it.max_attachments as usize)
    }

    fn more(&self) -> Map<String, Value> {
        serde_json::from_str(&self.extra).unwrap_or_default()
    }
}

/// Why files cannot be sent where an administrator has bounded them, whatever the channel takes.
pub fn too_large(content: &Content, most: Option<i64>) -> Option<Refusal> {
    let most = u64::try_from(most?).ok()?;
    let mut files = content.attachments.iter();
    files
        .any(|file| file.size > most)
        .then_some(Refusal::TooLarge { most })
}

impl KindLimit {
    fn refuses(&self, file: &Attachment) -> Option<Refusal> {
        if file.size > self.max_bytes {
            return Some(Refusal::TooLarge {
                most: self.max_bytes,
            });
        }
        (!self.takes(&file.mime)).then(|| Refusal::Type {
            mime: file.mime.clone(),
        })
    }

    /// Whether files of that type go as this kind.
    pub fn takes(&self, mime: &str) -> bool {
        self.mimes.is_empty() || self.mimes.iter().any(|pattern| fits(pattern, mime))
    }
}

/// The kind of message that a file makes by itself.
pub fn kind_of(mime: &str) -> &str {
    let family = mime.split('/').next().unwrap_or_default();
    if ["image", "audio", "video"].contains(&family) {
        family
    } else {
        "document"
    }
}

fn fits(pattern: &str, mime: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => mime.starts_with(prefix),
        None => mime.split(';').next() == Some(pattern),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn channel() -> Capabilities {
        let kind = |kind: &str, text: u32, bytes: u64, mimes: &[&str], files: u32| json!({"kind": kind, "max_text": text, "max_bytes": bytes, "mimes": mimes, "max_attachments": files});
        let described = json!({
            "kinds": [
                kind("text", 10, 0, &[], 0),
                kind("image", 5, 5 * MB, &["image/*"], 2),
                kind("video", 5, 9 * MB, &["video/mp4"], 2),
                kind("sticker", 0, 512_000, &["image/webp"], 1),
                kind("interactive", 10, 0, &[], 0),
            ],
            "features": ["edit", "revoke", "buttons"],
            "extra": json!({"albums": [["image/png", "video"], ["document"]], "edit": {"kinds": ["text"]}, "revoke": {"seconds": 172_800}, "buttons": {"count": 2, "title": 6}}).to_string(),
        });
        Capabilities::of(Some(&described.to_string())).unwrap()
    }

    fn said(kind: &str, text: &str, files: &[(&str, u64)]) -> Content {
        let attachment = |(mime, size): &(&str, u64)| Attachment {
            source: "media:fil_1".into(),
            mime: (*mime).into(),
            name: String::new(),
            size: *size,
        };
        Content {
            kind: kind.into(),
            text: text.into(),
            attachments: files.iter().map(attachment).collect(),
            extra: String::new(),
        }
    }

    #[test]
    fn what_a_kind_does_not_carry_is_refused_with_the_reason() {
        let of = |content: Content| channel().refuses(&content);
        assert_eq!(of(said("text", "curto", &[])), None);
        let too_long = Refusal::TooLong {
            letters: 11,
            most: 10,
        };
        assert_eq!(of(said("text", "onze letras", &[])), Some(too_long));
        assert_eq!(of(said("template", "", &[])), Some(Refusal::Kind));
        let webp = [("image/webp", 9)];
        assert_eq!(of(said("sticker", "", &webp)), None);
        assert_eq!(of(said("sticker", "oi", &webp)), Some(Refusal::NoText));
        let large = [("image/webp", 512_001)];
        let most = 512_000;
        let too_large = Refusal::TooLarge { most };
        assert_eq!(
            too_large.words().0,
            "grande demais para este canal: até 512 KB"
        );
        assert_eq!(of(said("sticker", "", &large)), Some(too_large));
        let mime = "video/webm".to_owned();
        assert_eq!(
            of(said("video", "", &[("video/webm", 1)])),
            Some(Refusal::Type { mime })
        );
        let three = [("image/png", 1); 3];
        assert_eq!(
            of(said("image", "", &three)),
            Some(Refusal::TooMany { most: 2 })
        );
    }

    #[test]
    fn choices_are_within_the_bounds_of_their_own_form() {
        let of = |extra: Value| {
            let extra = extra.to_string();
            let asks = Content {
                extra,
                ..said("interactive", "Quando?", &[])
            };
            channel().refuses(&asks)
        };
        let choice = |title: &str| json!({"id": title, "title": title});
        assert_eq!(
            of(json!({"buttons": [choice("já"), choice("amanhã")]})),
            None
        );
        let three = json!({"buttons": [choice("já"), choice("hoje"), choice("amanhã")]});
        let refusal = of(three).unwrap();
        assert_eq!(refusal, Refusal::Choices(Excess::Count { most: 2 }));
        assert_eq!(refusal.words().0, "opções demais para este canal: até 2");
        let long = json!({"buttons": [choice("qualquer dia")]});
        assert_eq!(
            of(long).unwrap().words().0,
            "longo demais para este canal: “qualquer dia” (até 6 caracteres)"
        );
        let list = json!({"list": {"button": "Ver", "sections": [{"rows": [choice("já")]}]}});
        assert_eq!(of(list), Some(Refusal::Kind));
    }

    #[test]
    fn a_bound_of_the_administrators_holds_for_any_kind_and_none_for_nothing() {
        let of = |size, most| too_large(&said("video", "", &[("video/mp4", size)]), most);
        assert_eq!(of(9, Some(9)), None);
        assert_eq!(of(10, Some(9)), Some(Refusal::TooLarge { most: 9 }));
        assert_eq!(of(u64::MAX, None), None);
    }

    #[test]
    fn each_file_of_an_album_is_within_the_bounds_of_its_own_kind() {
        let of = |files: &[(&str, u64)]| channel().refuses(&said("image", "", files));
        assert_eq!(of(&[("image/png", 1), ("video/mp4", 9 * MB)]), None);
        let most = 5 * MB;
        assert_eq!(
            of(&[("image/png", 9 * MB), ("video/mp4", 1)]),
            Some(Refusal::TooLarge { most })
        );
    }

    #[test]
    fn files_that_may_go_together_are_one_message_and_the_order_stays() {
        let file = |kind: &'static str, mime: &str| {
            (kind, said(kind, "", &[(mime, 1)]).attachments.remove(0))
        };
        let png = || file("image", "image/png");
        let of = |files: Vec<(&'static str, Attachment)>| -> Vec<(&str, usize)> {
            let messages = channel().grouped(files);
            messages
                .iter()
                .map(|(kind, files)| (*kind, files.len()))
                .collect()
        };
        assert_eq!(of(vec![png(), file("video", "video/mp4")]), [("image", 2)]);
        // Of the channel's two at most.
        assert_eq!(of(vec![png(), png(), png()]), [("image", 2), ("image", 1)]);
        let gif = || file("image", "image/gif");
        assert_eq!(of(vec![png(), gif(), png()]), [("image", 1); 3]);
        assert_eq!(of(vec![gif(), gif()]), [("image", 1); 2]);
        let plain = Capabilities::default().grouped(vec![png(), png()]);
        assert_eq!(plain.len(), 2);
    }

    #[test]
    fn a_message_may_be_changed_as_the_channel_says_and_for_as_long() {
        let channel = channel();
        let of = |deed, kind, age| channel.refuses_change(deed, kind, age);
        assert_eq!(of(Deed::Edit, "text", 1_000_000), None);
        assert_eq!(
            of(Deed::Edit, "image", 1),
            Some(Refusal::Unable(Deed::Edit))
        );
        assert_eq!(of(Deed::Revoke, "image", 172_800), None);
        let late = Refusal::Late {
            deed: Deed::Revoke,
            seconds: 172_800,
        };
        assert!(late.words().0.contains("até 48 horas"));
        assert_eq!(of(Deed::Revoke, "image", 172_801), Some(late));
        let none = Capabilities::default();
        assert_eq!(
            none.refuses_change(Deed::Revoke, "text", 1),
            Some(Refusal::Unable(Deed::Revoke))
        );
    }
}
