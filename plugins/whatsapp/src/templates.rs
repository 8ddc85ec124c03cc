//! Message templates: which of the provider's can be sent from the desk, the form that fills one, how it will read, and the content that is
//! sent. Plain data, no imports. Shapes are those of the provider's pages "Message templates" and "Template components".

use balcao_plugin::lenient::Field;
use balcao_plugin::{Content, json};
use serde_json::{Map, Value as Json, json};

/// The fields that [`listed`] reads.
pub const FIELDS: &str = "name,language,status,category,parameter_format,components";
/// What the choice of a template is called in the form.
const CHOICE: &str = "template";
/// How far the form is: empty (chosen), [`FILLED`] or [`SEND`].
const STEP: &str = "step";
const FILLED: &str = "filled";
const SEND: &str = "send";
/// Characters of a template's text beside its name.
const HINT: usize = 80;

/// A template that can be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    pub name: String,
    pub language: String,
    pub category: String,
    named: bool,
    header: Header,
    body: String,
    footer: String,
    buttons: Vec<Button>,
}

#[derive(Clone, Debug, PartialEq)]
enum Header {
    None,
    Text(String),
    /// `image`, `video` or `document`.
    Media(&'static str),
}

#[derive(Clone, Debug, PartialEq)]
struct Button {
    title: String,
    /// A value that goes with it: the end of its address, or a code to copy.
    asks: Option<&'static str>,
}

/// What is asked of the agent for a template.
struct Ask {
    /// In the form.
    field: String,
    title: String,
    pattern: &'static str,
}

/// What comes next.
#[derive(Debug, PartialEq)]
pub enum Next {
    /// Ask on, with this text above the form.
    Form(String, Json),
    /// Fields that are wrong.
    Errors(Vec<(String, String)>),
    Send(Content),
}

/// The templates of an answer that are approved and need nothing that this channel cannot give, by name.
pub fn listed(answer: Field) -> Vec<Template> {
    let approved = |it: &Field| ["", "APPROVED"].contains(&it.get("status").text().as_str());
    let list = answer.get("data").list().filter(approved);
    let mut templates: Vec<Template> = list.filter_map(read).collect();
    templates.sort_by_key(Template::id);
    templates
}

fn read(template: Field) -> Option<Template> {
    let mut read = Template {
        name: template.get("name").given()?,
        language: template.get("language").given()?,
        category: template.get("category").text(),
        named: template.get("parameter_format").text() == "NAMED",
        header: Header::None,
        body: String::new(),
        footer: String::new(),
        buttons: Vec::new(),
    };
    for component in template.get("components").list() {
        let text = component.get("text").text();
        match component.get("type").text().as_str() {
            "HEADER" => {
                read.header = match component.get("format").text().as_str() {
                    "TEXT" => Header::Text(text),
                    "IMAGE" => Header::Media("image"),
                    "VIDEO" => Header::Media("video"),
                    "DOCUMENT" => Header::Media("document"),
                    _ => return None,
                }
            }
            "BODY" => read.body = text,
            "FOOTER" => read.footer = text,
            "BUTTONS" => {
                for button in component.get("buttons").list() {
                    let asks = match button.get("type").text().as_str() {
                        "QUICK_REPLY" | "PHONE_NUMBER" => None,
                        "URL" => button.get("url").text().contains("{{").then_some("url"),
                        "COPY_CODE" => Some("copy_code"),
                        _ => return None,
                    };
                    let title = button.get("text").text();
                    read.buttons.push(Button { title, asks });
                }
            }
            _ => return None,
        }
    }
    Some(read).filter(|it| !it.body.is_empty())
}

/// The form to choose a template with; `english`: else Portuguese.
pub fn choice(templates: &[Template], english: bool) -> Json {
    let options: Vec<Json> = templates
        .iter()
        .map(|it| {
            let mut hint: String = it.body.chars().take(HINT).collect();
            if hint.len() < it.body.len() {
                hint.push('…');
            }
            let title = format!("{} ({}): {}", it.name, it.language, hint.replace('\n', " "));
            json!({ "const": it.id(), "title": title })
        })
        .collect();
    let title = if english { "Template" } else { "Modelo" };
    json!({ "schema": {
        "type": "object",
        "required": [CHOICE],
        "properties": { CHOICE: { "type": "string", "title": title, "oneOf": options } },
    } })
}

/// What follows from what the form holds so far.
pub fn next(templates: &[Template], values: Field, english: bool) -> Next {
    let say = |pt: &str, en: &str| if english { en } else { pt }.to_owned();
    let chosen = values.get(CHOICE).text();
    let Some(template) = templates.iter().find(|it| it.id() == chosen) else {
        let text = say(
            "Este modelo não está mais aprovado; escolha outro.",
            "This template is not approved any more; choose another.",
        );
        return Next::Errors(vec![(CHOICE.into(), text)]);
    };
    let asks = template.asks(english);
    let step = values.get(STEP).text();
    if step.is_empty() && !asks.is_empty() {
        return Next::Form(
            template.text(&|_| None),
            form(template, &asks, values, FILLED),
        );
    }
    let given = |field: &str| values.get(field).given().map(|text| text.trim().to_owned());
    let wrong = |ask: &Ask| {
        let text = given(&ask.field).unwrap_or_default();
        let bad = text.is_empty()
            || text.contains(['\n', '\t'])
            || text.contains("    ")
            || (ask.pattern.starts_with("^https") && !text.starts_with("https://"));
        bad.then(|| {
            let why = say(
                "Preencha em uma linha só, sem tabulações; endereços começam com https://.",
                "Fill it in on one line, without tabs; addresses begin with https://.",
            );
            (ask.field.clone(), why)
        })
    };
    let wrong: Vec<_> = asks.iter().filter_map(wrong).collect();
    if !wrong.is_empty() {
        return Next::Errors(wrong);
    }
    let text = template.text(&given);
    if step != SEND {
        let title = say("Confira antes de enviar:", "Check before sending:");
        return Next::Form(
            format!("{title}\n\n{text}"),
            form(template, &[], values, SEND),
        );
    }
    Next::Send(Content {
        kind: "template".into(),
        text,
        attachments: Vec::new(),
        extra: json::text(&json!({
            "name": template.name,
            "language": template.language,
            "category": template.category,
            "components": template.components(&given),
        })),
    })
}

/// The next form: what was given so far stays, unseen.
fn form(template: &Template, asks: &[Ask], values: Field, step: &str) -> Json {
    let mut properties = Map::new();
    let mut ui = Map::new();
    let mut kept = Map::new();
    let mut keep = |field: &str, value: String| {
        kept.insert(field.to_owned(), value.into());
    };
    for name in values.names() {
        keep(name, values.get(name).text());
    }
    keep(STEP, step.into());
    for field in kept.keys() {
        properties.insert(field.clone(), json!({ "type": "string" }));
        ui.insert(field.clone(), json!({ "ui:widget": "hidden" }));
    }
    for ask in asks {
        let schema =
            json!({ "type": "string", "title": ask.title, "minLength": 1, "pattern": ask.pattern });
        properties.insert(ask.field.clone(), schema);
        ui.remove(&ask.field);
    }
    let required: Vec<&str> = asks.iter().map(|ask| ask.field.as_str()).collect();
    let order: Vec<&str> = required.iter().copied().chain(["*"]).collect();
    ui.insert("ui:order".into(), json!(order));
    json!({
        "schema": { "type": "object", "title": template.name, "required": required, "properties": properties },
        "ui": ui,
        "values": kept,
    })
}

impl Template {
    fn id(&self) -> String {
        format!("{}|{}", self.name, self.language)
    }

    fn asks(&self, english: bool) -> Vec<Ask> {
        const LINE: &str = "^[^\\n\\t]+$";
        const ADDRESS: &str = "^https://";
        let ask = |field: String, title: String, pattern| Ask {
            field,
            title,
            pattern,
        };
        let mut asks = Vec::new();
        match &self.header {
            Header::None => {}
            Header::Text(text) => {
                for name in variables(text) {
                    let title = if english { "Heading" } else { "Título" };
                    asks.push(ask(format!("h_{name}"), format!("{title}: {name}"), LINE));
                }
            }
            Header::Media(kind) => {
                let title = match (*kind, english) {
                    ("image", false) => "Endereço da imagem (https)",
                    ("video", false) => "Endereço do vídeo (https)",
                    (_, false) => "Endereço do documento (https)",
                    ("image", true) => "Address of the image (https)",
                    ("video", true) => "Address of the video (https)",
                    (_, true) => "Address of the document (https)",
                };
                asks.push(ask("m".into(), title.into(), ADDRESS));
            }
        }
        for name in variables(&self.body) {
            let title = if english { "Text" } else { "Texto" };
            asks.push(ask(format!("b_{name}"), format!("{title}: {name}"), LINE));
        }
        for (index, button) in self.buttons.iter().enumerate() {
            let title = match (button.asks, english) {
                (None, _) => continue,
                (Some("url"), false) => format!("Fim do endereço do botão {:?}", button.title),
                (Some("url"), true) => {
                    format!("End of the address of the button {:?}", button.title)
                }
                (Some(_), false) => "Código para copiar".into(),
                (Some(_), true) => "Code to copy".into(),
            };
            asks.push(ask(format!("u_{index}"), title, LINE));
        }
        asks
    }

    /// How it reads: heading, text, footer and buttons; what is not given stays as it is written in the template.
    fn text(&self, given: &dyn Fn(&str) -> Option<String>) -> String {
        let filled = |text: &str, part: &str| {
            let mut text = text.to_owned();
            for name in variables(&text) {
                if let Some(value) = given(&format!("{part}_{name}")) {
                    text = text.replace(&format!("{{{{{name}}}}}"), &value);
                }
            }
            text
        };
        let mut parts = Vec::new();
        if let Header::Text(text) = &self.header {
            parts.push(filled(text, "h"));
        }
        parts.push(filled(&self.body, "b"));
        parts.push(self.footer.clone());
        let buttons = self.buttons.iter().map(|it| format!("[{}]", it.title));
        parts.push(Vec::from_iter(buttons).join(" "));
        parts.retain(|part| !part.is_empty());
        parts.join("\n\n")
    }

    /// The values as the provider takes them.
    fn components(&self, given: &dyn Fn(&str) -> Option<String>) -> Vec<Json> {
        let parameters = |text: &str, part: &str| -> Vec<Json> {
            variables(text)
                .into_iter()
                .map(|name| {
                    let value = given(&format!("{part}_{name}"));
                    let mut parameter = json!({ "type": "text", "text": value });
                    if self.named {
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
        }
        add("body", parameters(&self.body, "b"));
        for (index, button) in self.buttons.iter().enumerate() {
            let Some(asks) = button.asks else { continue };
            let value = given(&format!("u_{index}"));
            let parameter = match asks {
                "url" => json!({ "type": "text", "text": value }),
                _ => json!({ "type": "coupon_code", "coupon_code": value }),
            };
            components.push(json!({
                "type": "button", "sub_type": asks, "index": index.to_string(), "parameters": [parameter],
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

#[cfg(test)]
mod tests;
