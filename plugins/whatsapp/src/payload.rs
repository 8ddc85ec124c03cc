//! The shapes of the provider's webhook, as far as this connector reads them, and how they are read: in one pass where everything is
//! as documented, element by element where something is not, so that one odd element never takes its siblings with it.
//! Decides nothing about what an element means.

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use serde_json::Value as Json;
use serde_json::error::Category;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// A text, also where the provider gives a number or a null in its place. Empty means absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `None` where absent.
    pub fn given(&self) -> Option<&str> {
        Some(self.as_str()).filter(|text| !text.is_empty())
    }
}

impl From<&Text<'_>> for String {
    fn from(text: &Text<'_>) -> Self {
        text.0.as_ref().to_owned()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
            fn visit_string<E: de::Error>(self, text: String) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text)))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }
            fn visit_unit<E: de::Error>(self) -> Result<Text<'de>, E> {
                Ok(Text::default())
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

/// The body of a webhook.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Webhook<'a> {
    #[serde(borrow)]
    pub entry: Vec<Entry<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Entry<'a> {
    #[serde(borrow)]
    pub changes: Vec<Change<'a>>,
}

/// What happened, in a field that the app subscribed to.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Change<'a> {
    #[serde(borrow)]
    pub field: Text<'a>,
    #[serde(borrow)]
    pub value: Notice<'a>,
}

/// The value of a change.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Notice<'a> {
    #[serde(borrow)]
    pub metadata: Metadata<'a>,
    #[serde(borrow)]
    pub contacts: Vec<Contact<'a>>,
    #[serde(borrow)]
    pub messages: Vec<Message<'a>>,
    #[serde(borrow)]
    pub message_echoes: Vec<Message<'a>>,
    #[serde(borrow)]
    pub statuses: Vec<Status<'a>>,
    #[serde(borrow)]
    pub errors: Vec<Problem<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Metadata<'a> {
    #[serde(borrow)]
    pub phone_number_id: Text<'a>,
}

/// A person as the provider introduces them beside their messages.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Contact<'a> {
    #[serde(borrow)]
    pub wa_id: Text<'a>,
    #[serde(borrow)]
    pub user_id: Text<'a>,
    #[serde(borrow)]
    pub profile: Profile<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Profile<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
    #[serde(borrow)]
    pub username: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Problem<'a> {
    #[serde(borrow)]
    pub code: Text<'a>,
    #[serde(borrow)]
    pub title: Text<'a>,
    #[serde(borrow)]
    pub message: Text<'a>,
    #[serde(borrow)]
    pub error_data: ProblemData<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ProblemData<'a> {
    #[serde(borrow)]
    pub details: Text<'a>,
}

/// One message, of any kind: the object named by `kind` is the one that counts.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Message<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(borrow)]
    pub from: Text<'a>,
    #[serde(borrow)]
    pub from_user_id: Text<'a>,
    #[serde(borrow)]
    pub to: Text<'a>,
    #[serde(borrow)]
    pub to_user_id: Text<'a>,
    #[serde(borrow)]
    pub group_id: Text<'a>,
    #[serde(borrow)]
    pub timestamp: Text<'a>,
    #[serde(borrow, rename = "type")]
    pub kind: Text<'a>,
    #[serde(borrow)]
    pub context: Option<Context<'a>>,
    pub referral: Option<Json>,
    #[serde(borrow)]
    pub text: Option<Body<'a>>,
    #[serde(borrow)]
    pub image: Option<Media<'a>>,
    #[serde(borrow)]
    pub audio: Option<Media<'a>>,
    #[serde(borrow)]
    pub video: Option<Media<'a>>,
    #[serde(borrow)]
    pub document: Option<Media<'a>>,
    #[serde(borrow)]
    pub sticker: Option<Media<'a>>,
    #[serde(borrow)]
    pub location: Option<Location<'a>>,
    #[serde(borrow)]
    pub contacts: Vec<Card<'a>>,
    #[serde(borrow)]
    pub reaction: Option<Reaction<'a>>,
    #[serde(borrow)]
    pub interactive: Option<Interactive<'a>>,
    #[serde(borrow)]
    pub button: Option<Button<'a>>,
    #[serde(borrow)]
    pub order: Option<Order<'a>>,
    #[serde(borrow)]
    pub system: Option<System<'a>>,
    #[serde(borrow)]
    pub edit: Option<Edit<'a>>,
    #[serde(borrow)]
    pub revoke: Option<Revoke<'a>>,
    #[serde(borrow)]
    pub errors: Vec<Problem<'a>>,
    #[serde(borrow)]
    pub unsupported: Option<Unsupported<'a>>,
    /// Why the message could not be read as documented; set by the reading, never by the provider.
    #[serde(skip)]
    pub odd: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Context<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    pub forwarded: bool,
    pub frequently_forwarded: bool,
    pub referred_product: Option<Json>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Body<'a> {
    #[serde(borrow)]
    pub body: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Media<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(borrow)]
    pub mime_type: Text<'a>,
    #[serde(borrow)]
    pub caption: Text<'a>,
    #[serde(borrow)]
    pub filename: Text<'a>,
    pub voice: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Location<'a> {
    pub latitude: Option<serde_json::Number>,
    pub longitude: Option<serde_json::Number>,
    #[serde(borrow)]
    pub name: Text<'a>,
    #[serde(borrow)]
    pub address: Text<'a>,
}

/// A contact card.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Card<'a> {
    #[serde(borrow)]
    pub name: CardName<'a>,
    #[serde(borrow)]
    pub phones: Vec<CardPhone<'a>>,
    #[serde(borrow)]
    pub emails: Vec<CardEmail<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct CardName<'a> {
    #[serde(borrow)]
    pub formatted_name: Text<'a>,
    #[serde(borrow)]
    pub first_name: Text<'a>,
    #[serde(borrow)]
    pub last_name: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct CardPhone<'a> {
    #[serde(borrow)]
    pub phone: Text<'a>,
    #[serde(borrow)]
    pub wa_id: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct CardEmail<'a> {
    #[serde(borrow)]
    pub email: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Reaction<'a> {
    #[serde(borrow)]
    pub message_id: Text<'a>,
    #[serde(borrow)]
    pub emoji: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Interactive<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Text<'a>,
    #[serde(borrow)]
    pub button_reply: Option<Reply<'a>>,
    #[serde(borrow)]
    pub list_reply: Option<Reply<'a>>,
    #[serde(borrow)]
    pub nfm_reply: Option<FormReply<'a>>,
    #[serde(borrow)]
    pub call_permission_reply: Option<CallPermission<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Reply<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(borrow)]
    pub title: Text<'a>,
    #[serde(borrow)]
    pub description: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct FormReply<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
    #[serde(borrow)]
    pub body: Text<'a>,
    #[serde(borrow)]
    pub response_json: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct CallPermission<'a> {
    #[serde(borrow)]
    pub response: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Button<'a> {
    #[serde(borrow)]
    pub payload: Text<'a>,
    #[serde(borrow)]
    pub text: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Order<'a> {
    #[serde(borrow)]
    pub text: Text<'a>,
    #[serde(borrow)]
    pub product_items: Vec<OrderItem<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct OrderItem<'a> {
    #[serde(borrow)]
    pub product_retailer_id: Text<'a>,
    #[serde(borrow)]
    pub quantity: Text<'a>,
    #[serde(borrow)]
    pub item_price: Text<'a>,
    #[serde(borrow)]
    pub currency: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct System<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Text<'a>,
    #[serde(borrow)]
    pub body: Text<'a>,
    #[serde(borrow)]
    pub wa_id: Text<'a>,
    #[serde(borrow)]
    pub new_wa_id: Text<'a>,
    #[serde(borrow)]
    pub user_id: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Edit<'a> {
    #[serde(borrow)]
    pub original_message_id: Text<'a>,
    /// A message like any other; read when it is wanted, or edits within edits would eat the stack.
    #[serde(borrow)]
    pub message: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Revoke<'a> {
    #[serde(borrow)]
    pub original_message_id: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Unsupported<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Text<'a>,
}

/// What became of a message that we sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Status<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(borrow)]
    pub status: Text<'a>,
    #[serde(borrow)]
    pub timestamp: Text<'a>,
    #[serde(borrow)]
    pub recipient_id: Text<'a>,
    #[serde(borrow)]
    pub recipient_participant_id: Text<'a>,
    #[serde(borrow)]
    pub errors: Vec<Problem<'a>>,
    pub pricing: Option<Json>,
    pub conversation: Option<Json>,
}

/// What was left out while reading, by name only.
pub type Oddities = Vec<String>;

/// Reads a body in one pass.
///
/// # Errors
/// Where anything in it is not as documented: then [`read_piecewise`] saves what can be saved.
pub fn read(body: &[u8]) -> Result<Webhook<'_>, serde_json::Error> {
    serde_json::from_slice(body)
}

/// A body without what the strict reader refuses for its characters alone: bytes that are not UTF-8 and halves of surrogate pairs,
/// which come from names and texts that somebody cut.
pub fn repaired(body: &[u8]) -> String {
    without_lone_surrogates(&String::from_utf8_lossy(body))
}

/// Reads element by element. A message that does not fit becomes an odd one with what could be read of it; other elements that do
/// not fit are left out and named.
///
/// # Errors
/// Where the body is not a JSON object with a list of entries.
pub fn read_piecewise(body: &str) -> Result<(Webhook<'_>, Oddities), serde_json::Error> {
    #[derive(Deserialize)]
    struct Root<'a> {
        #[serde(borrow)]
        entry: Vec<&'a RawValue>,
    }
    let root: Root = serde_json::from_slice(body.as_bytes())?;
    let mut odd = Oddities::new();
    let mut webhook = Webhook::default();
    for entry in root.entry {
        let entry = Fields::of(entry, "entry", &mut odd);
        let mut changes = Vec::new();
        for change in entry.list("changes", &mut odd) {
            let change = Fields::of(change, "changes", &mut odd);
            let value = change.fields("value", &mut odd);
            changes.push(Change {
                field: change.part("field", &mut odd),
                value: Notice {
                    metadata: value.part("metadata", &mut odd),
                    contacts: value.parts("contacts", &mut odd),
                    messages: value.messages("messages", &mut odd),
                    message_echoes: value.messages("message_echoes", &mut odd),
                    statuses: value.parts("statuses", &mut odd),
                    errors: value.parts("errors", &mut odd),
                },
            });
        }
        webhook.entry.push(Entry { changes });
    }
    Ok((webhook, odd))
}

/// Where a reading failed. Not the reader's own words, which quote what people wrote.
pub fn place(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        Category::Data => "another shape than documented",
        Category::Eof => "breaks off",
        Category::Io | Category::Syntax => "not JSON",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

/// Reads one value by itself.
///
/// # Errors
/// Where it does not fit its type.
pub fn read_one<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Result<T, serde_json::Error> {
    serde_json::from_slice(raw.get().as_bytes())
}

/// An object of which each field is read by itself.
#[derive(Default)]
struct Fields<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    fn of(raw: &'a RawValue, name: &str, odd: &mut Oddities) -> Self {
        Self(read_one(raw).unwrap_or_else(|error| {
            odd.push(format!("{name}: {}", place(&error)));
            BTreeMap::new()
        }))
    }

    fn fields(&self, name: &str, odd: &mut Oddities) -> Self {
        self.0
            .get(name)
            .map(|raw| Self::of(raw, name, odd))
            .unwrap_or_default()
    }

    fn list(&self, name: &str, odd: &mut Oddities) -> Vec<&'a RawValue> {
        self.part::<Option<Vec<_>>>(name, odd).unwrap_or_default()
    }

    fn part<T: Deserialize<'a> + Default>(&self, name: &str, odd: &mut Oddities) -> T {
        let Some(raw) = self.0.get(name) else {
            return T::default();
        };
        read_one(raw).unwrap_or_else(|error| {
            odd.push(format!("{name}: {}", place(&error)));
            T::default()
        })
    }

    fn parts<T: Deserialize<'a>>(&self, name: &str, odd: &mut Oddities) -> Vec<T> {
        let mut read = Vec::new();
        for (index, raw) in self.list(name, odd).into_iter().enumerate() {
            match read_one(raw) {
                Ok(value) => read.push(value),
                Err(error) => odd.push(format!("{name}[{index}]: {}", place(&error))),
            }
        }
        read
    }

    fn messages(&self, name: &str, odd: &mut Oddities) -> Vec<Message<'a>> {
        let mut read = Vec::new();
        for raw in self.list(name, odd) {
            read.push(read_one(raw).unwrap_or_else(|error: serde_json::Error| {
                let ignored = &mut Oddities::new();
                let fields = Self::of(raw, name, ignored);
                Message {
                    id: fields.part("id", ignored),
                    from: fields.part("from", ignored),
                    from_user_id: fields.part("from_user_id", ignored),
                    to: fields.part("to", ignored),
                    to_user_id: fields.part("to_user_id", ignored),
                    group_id: fields.part("group_id", ignored),
                    timestamp: fields.part("timestamp", ignored),
                    kind: fields.part("type", ignored),
                    odd: Some(place(&error)),
                    ..Message::default()
                }
            }));
        }
        read
    }
}

/// Replaces each `\uD800`–`\uDFFF` escape that is not half of a pair with the replacement character.
fn without_lone_surrogates(text: &str) -> String {
    let mut repaired = String::with_capacity(text.len());
    let mut rest = text;
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
