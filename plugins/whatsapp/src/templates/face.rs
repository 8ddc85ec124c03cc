//! A part of a template that is seen as one: what it says, what is asked for it, and the values as the provider takes them.

use balcao_plugin::lenient::Field;
use serde_json::{Value as Json, json};

/// Heading, text and buttons: the message itself, or a card of its carousel.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Face {
    /// The number of the card, from 1.
    card: Option<usize>,
    header: Header,
    pub body: String,
    buttons: Vec<Button>,
}

#[derive(Clone, Debug, Default, PartialEq)]
enum Header {
    #[default]
    None,
    Text(String),
    /// `image`, `video` or `document`.
    Media(&'static str),
    Place,
}

#[derive(Clone, Debug, PartialEq)]
struct Button {
    title: String,
    press: Press,
}

/// What a button does, where the message must say something of it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Press {
    /// Nothing is to be said: it calls, or opens an address that is always the same.
    Plain,
    /// It answers with its title.
    Answer,
    /// It opens an address that ends in a value.
    Address,
    /// It copies a code.
    Code,
    /// It opens a form (the provider's "flow").
    Form,
}

/// What is asked of the agent for a template.
pub(super) struct Ask {
    /// In the form.
    pub field: String,
    pub title: String,
    pub value: Value,
}

/// What a value must be.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Value {
    Line,
    /// An https address.
    Address,
    /// At most so far from zero.
    Degrees(f64),
}

impl Face {
    /// The card of this number.
    pub fn card(number: usize) -> Self {
        Self {
            card: Some(number),
            ..Self::default()
        }
    }

    /// Takes one of the provider's components.
    ///
    /// # Errors
    /// Its kind, where this channel cannot fill it.
    pub fn take(&mut self, component: Field) -> Result<(), String> {
        let text = component.get("text").text();
        match component.get("type").text().as_str() {
            "HEADER" => {
                let format = component.get("format").text();
                self.header = match format.as_str() {
                    "TEXT" => Header::Text(text),
                    "IMAGE" => Header::Media("image"),
                    "VIDEO" => Header::Media("video"),
                    "DOCUMENT" => Header::Media("document"),
                    "LOCATION" => Header::Place,
                    _ => return Err(format!("HEADER {format}")),
                };
            }
            "BODY" => self.body = text,
            "BUTTONS" => {
                for button in component.get("buttons").list() {
                    let kind = button.get("type").text();
                    let press = match kind.as_str() {
                        "QUICK_REPLY" => Press::Answer,
                        "URL" if button.get("url").text().contains("{{") => Press::Address,
                        "PHONE_NUMBER" | "URL" => Press::Plain,
                        "COPY_CODE" => Press::Code,
                        "FLOW" => Press::Form,
                        _ => return Err(format!("BUTTON {kind}")),
                    };
                    let title = button.get("text").text();
                    self.buttons.push(Button { title, press });
                }
            }
            other => return Err(other.to_owned()),
        }
        Ok(())
    }

    /// The name of a field of this face in the form.
    fn field(&self, part: &str) -> String {
        match self.card {
            Some(card) => format!("c{card}_{part}"),
            None => part.to_owned(),
        }
    }

    pub fn asks(&self, english: bool) -> Vec<Ask> {
        let say = |pt: &str, en: &str| if english { en } else { pt }.to_owned();
        let mut asks = Vec::new();
        let mut ask = |part: String, title: String, value| {
            let title = match self.card {
                Some(card) => format!("{} {card}: {title}", say("Cartão", "Card")),
                None => title,
            };
            let field = self.field(&part);
            asks.push(Ask {
                field,
                title,
                value,
            });
        };
        match &self.header {
            Header::None => {}
            Header::Text(text) => {
                for name in variables(text) {
                    let what = say("Título: valor de", "Heading: value of");
                    let title = format!("{what} {{{{{name}}}}}");
                    ask(format!("h_{name}"), title, Value::Line);
                }
            }
            Header::Media(kind) => {
                let title = match *kind {
                    "image" => say("Endereço da imagem (https)", "Address of the image (https)"),
                    "video" => say("Endereço do vídeo (https)", "Address of the video (https)"),
                    _ => say(
                        "Endereço do documento (https)",
                        "Address of the document (https)",
                    ),
                };
                ask("m".into(), title, Value::Address);
            }
            Header::Place => {
                let place = say("Nome do lugar", "Name of the place");
                let address = say("Endereço do lugar", "Address of the place");
                ask("l_name".into(), place, Value::Line);
                ask("l_address".into(), address, Value::Line);
                let (latitude, longitude) = ("Latitude".into(), "Longitude".into());
                ask("l_latitude".into(), latitude, Value::Degrees(90.0));
                ask("l_longitude".into(), longitude, Value::Degrees(180.0));
            }
        }
        for name in variables(&self.body) {
            let title = format!("{} {{{{{name}}}}}", say("Valor de", "Value of"));
            ask(format!("b_{name}"), title, Value::Line);
        }
        for (index, button) in self.buttons.iter().enumerate() {
            let title = match button.press {
                Press::Address => {
                    let what = say(
                        "Fim do endereço do botão",
                        "End of the address of the button",
                    );
                    format!("{what} {:?}", button.title)
                }
                Press::Code => say("Código para copiar", "Code to copy"),
                Press::Plain | Press::Answer | Press::Form => continue,
            };
            ask(format!("u_{index}"), title, Value::Line);
        }
        asks
    }

    /// Heading and text as they read.
    pub fn lines(&self, given: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
        let filled = |text: &str, part: &str| {
            let mut text = text.to_owned();
            for name in variables(&text) {
                if let Some(value) = given(&self.field(&format!("{part}_{name}"))) {
                    text = text.replace(&format!("{{{{{name}}}}}"), &value);
                }
            }
            text
        };
        let header = match &self.header {
            Header::Text(text) => filled(text, "h"),
            Header::Place => ["l_name", "l_address"]
                .into_iter()
                .filter_map(|part| given(&self.field(part)))
                .collect::<Vec<_>>()
                .join(", "),
            Header::None | Header::Media(_) => String::new(),
        };
        vec![header, filled(&self.body, "b")]
    }

    pub fn titles(&self) -> String {
        let titles = self.buttons.iter().map(|it| format!("[{}]", it.title));
        Vec::from_iter(titles).join(" ")
    }

    /// The values as the provider takes them ("Template components", "Location templates", "Media card carousel templates", "Sending a Flow").
    pub fn components(&self, named: bool, given: &dyn Fn(&str) -> Option<String>) -> Vec<Json> {
        let given = |part: &str| given(&self.field(part));
        let parameters = |text: &str, part: &str| -> Vec<Json> {
            variables(text)
                .into_iter()
                .map(|name| {
                    let value = given(&format!("{part}_{name}"));
                    let mut parameter = json!({ "type": "text", "text": value });
                    if named {
                        parameter["parameter_name"] = name.into();
                    }
                    parameter
                })
                .collect()
        };
        let mut components = Vec::new();
        let mut add = |component: &str, parameters: Vec<Json>| {
            if !parameters.is_empty() {
                components.push(json!({ "type": component, "parameters": parameters }));
            }
        };
        match &self.header {
            Header::None => {}
            Header::Text(text) => add("header", parameters(text, "h")),
            Header::Media(kind) => {
                let link = json!({ "link": given("m") });
                add("header", vec![json!({ "type": kind, *kind: link })]);
            }
            Header::Place => {
                let degrees = |part: &str| given(part).map(|text| degrees(&text));
                let place = json!({
                    "latitude": degrees("l_latitude"), "longitude": degrees("l_longitude"),
                    "name": given("l_name"), "address": given("l_address"),
                });
                let place = json!({ "type": "location", "location": place });
                add("header", vec![place]);
            }
        }
        add("body", parameters(&self.body, "b"));
        for (index, button) in self.buttons.iter().enumerate() {
            let value = given(&format!("u_{index}"));
            let (kind, parameter) = match button.press {
                // Of the message itself such a button answers with its title anyway; a card's must say so.
                Press::Answer if self.card.is_some() => (
                    "quick_reply",
                    json!({ "type": "payload", "payload": button.title }),
                ),
                Press::Plain | Press::Answer => continue,
                Press::Address => ("url", json!({ "type": "text", "text": value })),
                Press::Code => (
                    "copy_code",
                    json!({ "type": "coupon_code", "coupon_code": value }),
                ),
                // What the provider takes where no token is given.
                Press::Form => (
                    "flow",
                    json!({ "type": "action", "action": { "flow_token": "unused" } }),
                ),
            };
            components.push(json!({
                "type": "button", "sub_type": kind, "index": index.to_string(), "parameters": [parameter],
            }));
        }
        components
    }
}

/// The names in `{{…}}`, each once, in their order.
fn variables(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else {
            break;
        };
        if !name.is_empty() && !found.iter().any(|it| it == name) {
            found.push(name.to_owned());
        }
        rest = after;
    }
    found
}

impl Value {
    pub fn pattern(self) -> &'static str {
        match self {
            Self::Line => "^[^\\n\\t]+$",
            Self::Address => "^https://",
            Self::Degrees(_) => "^ *-?[0-9]{1,3}([.,][0-9]+)? *$",
        }
    }

    /// Whether the provider takes this text: it refuses line breaks, tabs and more than four spaces ("Template components").
    pub fn takes(self, text: &str) -> bool {
        let is_line = !text.is_empty() && !text.contains(['\n', '\t']) && !text.contains("     ");
        is_line
            && match self {
                Self::Line => true,
                Self::Address => text.starts_with("https://"),
                Self::Degrees(most) => {
                    let number = degrees(text).parse::<f64>();
                    number.is_ok_and(|number| number.abs() <= most)
                }
            }
    }
}

/// As Brazilians write a number, too.
fn degrees(text: &str) -> String {
    text.replace(',', ".")
}
