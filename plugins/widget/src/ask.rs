//! What the script asks, read from requests. Nothing of it is believed but its shape: who a visitor is, is said by their token. No imports.

use std::collections::BTreeMap;

use balcao_plugin::{Attachment, Content, json};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Letters of a message.
pub const MAX_TEXT: usize = 4_000;
/// Files of a message.
pub const MAX_FILES: usize = 10;
/// Letters of an answer, and bytes of what names something.
const MAX_ANSWER: usize = 200;
/// Messages told of at once.
const MAX_TOLD: usize = 100;
const MAX_URL: usize = 1_000;
const MAX_TITLE: usize = 200;

/// `POST /open`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Open {
    pub token: Option<String>,
    pub user: Option<Signed>,
}

/// What the customer's site says of who is signed in there.
#[derive(Debug, Deserialize)]
pub struct Signed {
    /// A JSON text of [`Claims`], as it was signed.
    pub claims: String,
    /// Its HMAC-SHA256 under the identity secret, in hexadecimal.
    pub signature: String,
}

/// Who is signed in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(default)]
pub struct Claims {
    pub id: String,
    pub name: String,
    pub email: String,
    pub phone: String,
    /// Seconds since 1970 after which the signature is not good any more; 0: never.
    #[serde(skip_serializing)]
    pub exp: i64,
}

impl Claims {
    /// # Errors
    /// What is wrong with them, for whoever signs them.
    pub fn read(signed: &str) -> Result<Self, String> {
        let mut claims: Self = json::parse(signed).map_err(|error| error.to_string())?;
        if claims.id.is_empty() {
            return Err("claims: id is needed".to_owned());
        }
        if ![&claims.id, &claims.email, &claims.phone]
            .iter()
            .all(|it| names(it))
        {
            return Err(format!(
                "claims: id, email and phone have at most {MAX_ANSWER} bytes and no control characters"
            ));
        }
        claims.name = cut(&claims.name, MAX_ANSWER);
        Ok(claims)
    }
}

/// `POST /message`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Said {
    /// The script's own, the same at every attempt.
    pub id: String,
    pub text: String,
    pub files: Vec<Sent>,
    /// Pressed among buttons or a list's rows.
    pub choice: Option<Choice>,
    pub reply_to: Option<String>,
    pub form: Option<BTreeMap<String, String>>,
    pub page: Option<Page>,
}

/// A file that was uploaded before.
#[derive(Clone, Debug, Deserialize)]
pub struct Sent {
    pub media: String,
    #[serde(default)]
    pub mime: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub size: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Choice {
    pub id: String,
    pub title: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Page {
    pub url: String,
    pub title: String,
}

/// `POST /read`, `POST /delivered`, `POST /page`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Told {
    /// Of messages that are shown.
    pub ids: Vec<String>,
    /// The script's own, of a page.
    pub id: String,
    pub page: Page,
}

impl Told {
    /// The messages that are told of, of those that the host has named.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn messages(&self) -> Result<&[String], String> {
        let of_host = |id: &String| id.starts_with("msg_") && is_id(id);
        match self.ids.len() <= MAX_TOLD && self.ids.iter().all(of_host) {
            true => Ok(&self.ids),
            false => Err(format!("ids: at most {MAX_TOLD}, of messages")),
        }
    }
}

/// `POST /reaction`, `POST /edit`, `POST /revoke`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Change {
    /// The script's own of what is done, the same at every attempt.
    pub id: String,
    /// Of the message.
    pub message: String,
    pub emoji: String,
    pub text: String,
}

impl Change {
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        match is_id(&self.id) && is_id(&self.message) {
            true => Ok(()),
            false => Err("id, message: 8 to 64 letters, digits, - and _".to_owned()),
        }
    }
}

/// What a changed message says.
///
/// # Errors
/// What is wrong with it.
pub fn rewritten(text: &str) -> Result<Content, String> {
    match text.trim() {
        "" => Err("text: is empty".to_owned()),
        text if text.chars().count() > MAX_TEXT => Err(format!("text: at most {MAX_TEXT} letters")),
        text => Ok(plain(text)),
    }
}

/// Whether it may be one emoji, be it of several signs, or none: no words.
pub fn is_emoji(text: &str) -> bool {
    let sign =
        |letter: char| !letter.is_ascii() && !letter.is_alphanumeric() && !letter.is_whitespace();
    text.chars().count() <= 8 && text.chars().all(sign)
}

/// # Errors
/// What is wrong, for whoever writes the script.
pub fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    let text = str::from_utf8(body).map_err(|error| error.to_string())?;
    json::parse(text).map_err(|error| error.to_string())
}

/// Whether a text may stand for a message within a visitor's own: it becomes part of an id.
pub fn is_id(text: &str) -> bool {
    (8..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Whether a text may name something: a person, a file, what was asked.
pub fn names(text: &str) -> bool {
    text.len() <= MAX_ANSWER && !text.contains(char::is_control)
}

/// What is said, as one or more contents: what is not a file of one kind goes by itself.
///
/// # Errors
/// What is wrong with it.
pub fn contents(said: &Said) -> Result<Vec<Content>, String> {
    if said.text.chars().count() > MAX_TEXT {
        return Err(format!("text: at most {MAX_TEXT} letters"));
    }
    if said.files.len() > MAX_FILES {
        return Err(format!("files: at most {MAX_FILES}"));
    }
    if let Some(choice) = &said.choice {
        let (id, title) = (cut(&choice.id, MAX_ANSWER), cut(&choice.title, MAX_ANSWER));
        return match title.is_empty() {
            true => Err("choice: has no title".to_owned()),
            false => Ok(vec![Content {
                kind: "choice".to_owned(),
                extra: json!({"id": id, "title": title}).to_string(),
                text: title,
                attachments: Vec::new(),
            }]),
        };
    }
    let text = said.text.trim();
    if said.files.is_empty() {
        return match text {
            "" => Err("text: is empty".to_owned()),
            text => Ok(vec![plain(text)]),
        };
    }
    let with = |(at, file): (usize, &Sent)| {
        if !file.media.starts_with("media:") || !names(&file.media) {
            return Err("files: media is what the upload answered".to_owned());
        }
        Ok(Content {
            kind: kind_of(&file.mime).to_owned(),
            // The caption is the first one's.
            text: if at == 0 { text } else { "" }.to_owned(),
            attachments: vec![Attachment {
                source: file.media.clone(),
                mime: cut(&file.mime, MAX_ANSWER),
                name: cut(&file.name, MAX_ANSWER),
                size: file.size,
            }],
            extra: String::new(),
        })
    };
    said.files.iter().enumerate().map(with).collect()
}

fn plain(text: &str) -> Content {
    Content {
        kind: "text".to_owned(),
        text: text.to_owned(),
        attachments: Vec::new(),
        extra: String::new(),
    }
}

fn kind_of(mime: &str) -> &'static str {
    match mime.split('/').next() {
        Some("image") => "image",
        Some("audio") => "audio",
        Some("video") => "video",
        _ => "document",
    }
}

/// The answers that were given, each by what was asked.
pub fn answers(form: &BTreeMap<String, String>) -> BTreeMap<&str, String> {
    let given = form
        .iter()
        .filter(|(name, _)| names(name))
        .map(|(name, answer)| (name.as_str(), cut(answer.trim(), MAX_ANSWER)));
    given
        .filter(|(_, answer)| !answer.is_empty())
        .take(12)
        .collect()
}

/// A page as the agent may see it: without what stands after `?` (which may hold anybody's secrets) but where the visitor came from.
pub fn page(page: &Page) -> Option<Page> {
    let rest = ["https://", "http://"]
        .iter()
        .find_map(|scheme| page.url.strip_prefix(scheme).map(|rest| (scheme, rest)));
    let (scheme, rest) = rest?;
    let rest = rest.split('#').next().unwrap_or_default();
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let campaign: Vec<&str> = query
        .split('&')
        .filter(|it| it.starts_with("utm_"))
        .collect();
    let query = match campaign.is_empty() {
        true => String::new(),
        false => format!("?{}", campaign.join("&")),
    };
    Some(Page {
        url: cut(&format!("{scheme}{place}{query}"), MAX_URL),
        title: cut(page.title.trim(), MAX_TITLE),
    })
}

impl Page {
    pub fn extra(&self) -> Map<String, Value> {
        let page = json!({"url": self.url, "title": self.title});
        Map::from_iter([("page".to_owned(), page)])
    }

    pub fn line(&self) -> String {
        match self.title.is_empty() {
            true => self.url.clone(),
            false => format!("{} — {}", self.title, self.url),
        }
    }
}

fn cut(text: &str, most: usize) -> String {
    text.chars()
        .filter(|letter| !letter.is_control())
        .take(most)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_loses_what_may_be_secret_and_keeps_the_campaign() {
        let seen = |url: &str| {
            page(&Page {
                url: url.into(),
                title: " Loja ".into(),
            })
        };
        let shown =
            seen("https://loja.example/p/1?token=segredo&utm_source=x&utm_medium=y#a").unwrap();
        assert_eq!(
            shown.url,
            "https://loja.example/p/1?utm_source=x&utm_medium=y"
        );
        assert_eq!(shown.title, "Loja");
        assert_eq!(seen("javascript:alert(1)"), None);
        assert_eq!(seen("https://a/?x=1").unwrap().url, "https://a/");
    }

    #[test]
    fn several_files_are_a_message_each_and_the_text_goes_with_the_first() {
        let file = |mime: &str| Sent {
            media: "media:fil_1".into(),
            mime: mime.into(),
            name: "a".into(),
            size: 1,
        };
        let said = Said {
            text: "veja".into(),
            files: vec![file("image/png"), file("application/pdf")],
            ..Said::default()
        };
        let made: Vec<_> = contents(&said)
            .unwrap()
            .into_iter()
            .map(|it| (it.kind, it.text))
            .collect();
        let expected = [("image", "veja"), ("document", "")];
        assert_eq!(
            made,
            expected.map(|(kind, text)| (kind.into(), text.into()))
        );
    }

    #[test]
    fn nothing_too_much_and_what_was_not_uploaded_is_refused() {
        let none = Said {
            text: "  ".into(),
            ..Said::default()
        };
        let long = Said {
            text: "a".repeat(MAX_TEXT + 1),
            ..Said::default()
        };
        let elsewhere = Said {
            files: vec![Sent {
                media: "https://evil.example/x".into(),
                mime: String::new(),
                name: String::new(),
                size: 0,
            }],
            ..Said::default()
        };
        for wrong in [none, long, elsewhere] {
            assert!(contents(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_reaction_is_an_emoji_and_no_words() {
        for good in ["", "👍", "❤️", "👩‍👩‍👧‍👦", "👍🏽"] {
            assert!(is_emoji(good), "{good}");
        }
        for wrong in ["ok", "á", "👍 👍", "👍a", "<b>", "👍👍👍👍👍👍👍👍👍"]
        {
            assert!(!is_emoji(wrong), "{wrong}");
        }
    }

    #[test]
    fn what_names_something_is_short_and_plain() {
        let long = "x".repeat(MAX_ANSWER + 1);
        let claims = |claims: Value| Claims::read(&claims.to_string());
        assert!(claims(json!({"id": "42", "email": "ana@example.com"})).is_ok());
        let wrong = [
            json!({}),
            json!({"id": long}),
            json!({"id": "4\u{0}2"}),
            json!({"id": "42", "email": long}),
            json!({"id": "42", "phone": "\n"}),
        ];
        for wrong in wrong {
            assert!(claims(wrong.clone()).is_err(), "{wrong}");
        }
        let named = claims(json!({"id": "42", "name": long})).unwrap();
        assert_eq!(named.name.len(), MAX_ANSWER);
        let form = BTreeMap::from([(long.clone(), "a".to_owned()), ("b".into(), "c".into())]);
        assert_eq!(answers(&form), BTreeMap::from([("b", "c".to_owned())]));
        let file = Sent {
            media: "media:fil_1".into(),
            mime: long.clone(),
            name: String::new(),
            size: 0,
        };
        let said = |file: Sent| {
            contents(&Said {
                files: vec![file],
                ..Said::default()
            })
        };
        let made = said(file.clone()).unwrap();
        assert_eq!(made[0].attachments[0].mime.len(), MAX_ANSWER);
        let media = format!("media:{long}");
        assert!(said(Sent { media, ..file }).is_err());
    }

    #[test]
    fn an_id_cannot_leave_its_visitor() {
        assert!(is_id("c-0123_abc"));
        for wrong in [
            "",
            "short",
            "a/b/c/d/e",
            "vis_1/c-012345",
            &"a".repeat(65),
            "açúcar-12",
        ] {
            assert!(!is_id(wrong), "{wrong}");
        }
    }
}
