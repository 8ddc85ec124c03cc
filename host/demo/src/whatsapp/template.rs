//! The object `template` of a message as the provider documents it: "Template components", "Location templates", "Media card carousel
//! templates", "Sending a Flow". What a template needs is known only to its account; here it is looked at whether each part holds.

use serde::Deserialize;
use serde_json::Value;

use crate::whatsapp::answer::Refusal;
use crate::whatsapp::message::{Location, Media, filled};

/// Cards of a carousel.
const CARDS: usize = 10;

/// By name and language, with the values of its parts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    name: String,
    language: Language,
    #[serde(default)]
    components: Vec<Component>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Language {
    code: String,
    policy: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Component {
    #[serde(rename = "type")]
    kind: String,
    sub_type: Option<String>,
    index: Option<Value>,
    #[serde(default)]
    parameters: Vec<Parameter>,
    cards: Option<Vec<Card>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Card {
    card_index: usize,
    components: Vec<Component>,
}

/// A value, in the object of its type.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameter {
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "parameter_name")]
    _parameter_name: Option<String>,
    text: Option<String>,
    image: Option<Media>,
    video: Option<Media>,
    document: Option<Media>,
    location: Option<Location>,
    payload: Option<String>,
    coupon_code: Option<String>,
    action: Option<Value>,
    currency: Option<Value>,
    date_time: Option<Value>,
    limited_time_offer: Option<Value>,
    order_status: Option<Value>,
    product: Option<Value>,
}

/// What a button's value is, by what the button does; of others nothing is looked at.
const BUTTONS: [(&str, &str); 4] = [
    ("quick_reply", "payload"),
    ("url", "text"),
    ("copy_code", "coupon_code"),
    ("flow", "action"),
];

impl Template {
    /// Each part holds.
    pub fn check(&self) -> Result<(), Refusal> {
        filled("template['name']", &self.name, 512)?;
        filled("template['language']['code']", &self.language.code, 16)?;
        if !matches!(
            self.language.policy.as_deref(),
            None | Some("deterministic")
        ) {
            return Err(Refusal::bad_value(
                "template['language']['policy'] must be deterministic",
            ));
        }
        for component in &self.components {
            component.check(true)?;
        }
        Ok(())
    }
}

impl Component {
    /// `main`: of the message itself, not of a card.
    fn check(&self, main: bool) -> Result<(), Refusal> {
        let kind = self.kind.to_lowercase();
        match (kind.as_str(), main) {
            ("header", _) => {
                self.takes(&["text", "image", "video", "document", "location", "product"])
            }
            ("body", _) => self.takes(&["text", "currency", "date_time"]),
            ("button", _) => self.check_button(),
            ("carousel", true) => self.check_cards(),
            ("limited_time_offer" | "order_status", true) => self.takes(&[kind.as_str()]),
            _ => Err(Refusal::bad_value(&format!(
                "template['components']['type'] cannot be {}",
                self.kind
            ))),
        }
    }

    fn takes(&self, kinds: &[&str]) -> Result<(), Refusal> {
        for parameter in &self.parameters {
            if !kinds.contains(&parameter.kind.as_str()) {
                return Err(Refusal::bad_value(&format!(
                    "a parameter of a {} cannot be a {}",
                    self.kind, parameter.kind
                )));
            }
            parameter.check()?;
        }
        Ok(())
    }

    fn check_button(&self) -> Result<(), Refusal> {
        let (Some(kind), Some(_)) = (&self.sub_type, &self.index) else {
            return Err(Refusal::missing(
                "a button component needs sub_type and index",
            ));
        };
        let Some((_, value)) = BUTTONS.iter().find(|(name, _)| name == kind) else {
            return Ok(());
        };
        match self.parameters.len() {
            1 => self.takes(&[*value]),
            _ => Err(Refusal::missing(&format!(
                "a {kind} button needs one parameter of type {value}"
            ))),
        }
    }

    fn check_cards(&self) -> Result<(), Refusal> {
        let cards = self.cards.as_deref().unwrap_or_default();
        if !(1..=CARDS).contains(&cards.len()) {
            return Err(Refusal::bad_value("a carousel has 1 to 10 cards"));
        }
        for (index, card) in cards.iter().enumerate() {
            if card.card_index != index {
                return Err(Refusal::bad_value("cards are counted from 0"));
            }
            for component in &card.components {
                component.check(false)?;
            }
        }
        Ok(())
    }
}

impl Parameter {
    /// The object of its type is there, and it holds.
    fn check(&self) -> Result<(), Refusal> {
        let text = |text: &Option<String>| text.as_deref().map(is_one_line);
        let value = |value: &Option<Value>| value.as_ref().map(|_| Ok(()));
        let media = |media: &Option<Media>| {
            let media = media.as_ref()?;
            Some(media.check(&self.kind).map(drop))
        };
        let checked = match self.kind.as_str() {
            "text" => text(&self.text),
            "image" => media(&self.image),
            "video" => media(&self.video),
            "document" => media(&self.document),
            "location" => self.location.as_ref().map(Location::check),
            "payload" => text(&self.payload),
            "coupon_code" => text(&self.coupon_code),
            "action" => value(&self.action),
            "currency" => value(&self.currency),
            "date_time" => value(&self.date_time),
            "limited_time_offer" => value(&self.limited_time_offer),
            "order_status" => value(&self.order_status),
            "product" => value(&self.product),
            _ => None,
        };
        checked.unwrap_or_else(|| {
            Err(Refusal::missing(&format!(
                "a parameter of type {kind} needs {kind}",
                kind = self.kind
            )))
        })
    }
}

/// The provider takes neither line breaks nor tabs nor more than four spaces in a row.
fn is_one_line(text: &str) -> Result<(), Refusal> {
    match text.is_empty() || text.contains(['\n', '\t']) || text.contains("     ") {
        true => Err(Refusal::bad_value(
            "Param text cannot be empty or have new-line/tab characters or more than 4 consecutive spaces",
        )),
        false => Ok(()),
    }
}
