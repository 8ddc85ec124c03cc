//! Message templates: which of the provider's can be sent from the desk, the form that fills one, how it will read, and the content that is
//! sent. Plain data, no imports. Shapes are those of the provider's pages "Message templates" and "Template components".

mod face;

use balcao_plugin::lenient::Field;
use balcao_plugin::{Content, json};
use face::{Ask, Face, Value};
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

/// What an account has approved: the templates that can be sent from here, and the others.
#[derive(Debug, Default)]
pub struct Listed {
    pub templates: Vec<Template>,
    pub others: Vec<Other>,
}

/// A template that this channel cannot fill, and the part that is why, by the provider's name for it.
#[derive(Debug, PartialEq)]
pub struct Other {
    id: String,
    title: String,
    part: String,
}

/// A template that can be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    pub name: String,
    pub language: String,
    pub category: String,
    named: bool,
    main: Face,
    footer: String,
    /// Of a carousel, in their order.
    cards: Vec<Face>,
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

/// The templates of an answer that are approved, by name.
pub fn listed(answer: Field) -> Listed {
    let approved = |it: &Field| ["", "APPROVED"].contains(&it.get("status").text().as_str());
    let mut listed = Listed::default();
    for template in answer.get("data").list().filter(approved) {
        let name = (
            template.get("name").given(),
            template.get("language").given(),
        );
        let (Some(name), Some(language)) = name else {
            continue;
        };
        let (id, title) = (id(&name, &language), format!("{name} ({language})"));
        match read(template, name, language) {
            Ok(template) => listed.templates.push(template),
            Err(part) => listed.others.push(Other { id, title, part }),
        }
    }
    listed.templates.sort_by_key(Template::id);
    listed.others.sort_by(|one, other| one.id.cmp(&other.id));
    listed
}

/// One of the provider's templates.
///
/// # Errors
/// The part that this channel cannot fill.
fn read(template: Field, name: String, language: String) -> Result<Template, String> {
    let mut read = Template {
        name,
        language,
        category: template.get("category").text(),
        named: template.get("parameter_format").text() == "NAMED",
        main: Face::default(),
        footer: String::new(),
        cards: Vec::new(),
    };
    for component in template.get("components").list() {
        match component.get("type").text().as_str() {
            "FOOTER" => read.footer = component.get("text").text(),
            "CAROUSEL" => {
                for (index, card) in component.get("cards").list().enumerate() {
                    let mut face = Face::card(index + 1);
                    for component in card.get("components").list() {
                        face.take(component)?;
                    }
                    read.cards.push(face);
                }
            }
            _ => read.main.take(component)?,
        }
    }
    match read.main.body.is_empty() {
        true => Err("BODY".into()),
        false => Ok(read),
    }
}

fn id(name: &str, language: &str) -> String {
    format!("{name}|{language}")
}

/// The form to choose a template with; `english`: else Portuguese.
pub fn choice(listed: &Listed, english: bool) -> Json {
    let options: Vec<Json> = listed
        .templates
        .iter()
        .map(|it| {
            let mut hint: String = it.main.body.chars().take(HINT).collect();
            if hint.len() < it.main.body.len() {
                hint.push('…');
            }
            let title = format!("{} ({}): {}", it.name, it.language, hint.replace('\n', " "));
            json!({ "const": it.id(), "title": title })
        })
        .collect();
    let title = if english { "Template" } else { "Modelo" };
    let mut schema = json!({
        "type": "object",
        "required": [CHOICE],
        "properties": { CHOICE: { "type": "string", "title": title, "oneOf": options } },
    });
    if let Some(text) = left_out(listed, english) {
        schema["description"] = text.into();
    }
    json!({ "schema": schema })
}

/// The approved templates that are not offered, each with the part that is why; none where all are.
pub fn left_out(listed: &Listed, english: bool) -> Option<String> {
    let why = match english {
        false => "Não aparecem aqui, porque este canal não preenche uma parte deles:",
        true => "Not offered, since this channel cannot fill a part of them:",
    };
    let others = listed.others.iter();
    let others: Vec<String> = others
        .map(|it| format!("{}: {}", it.title, it.part))
        .collect();
    (!others.is_empty()).then(|| format!("{why} {}.", others.join("; ")))
}

/// What follows from what the form holds so far.
pub fn next(listed: &Listed, values: Field, english: bool) -> Next {
    let say = |pt: &str, en: &str| if english { en } else { pt }.to_owned();
    let chosen = values.get(CHOICE).text();
    let Some(template) = listed.templates.iter().find(|it| it.id() == chosen) else {
        let other = listed.others.iter().find(|it| it.id == chosen);
        let text = match other.map(|it| &it.part) {
            Some(part) if english => {
                format!(
                    "This channel cannot fill a part of this template ({part}); choose another."
                )
            }
            Some(part) => {
                format!("Este canal não preenche uma parte deste modelo ({part}); escolha outro.")
            }
            None => say(
                "Este modelo não está mais aprovado; escolha outro.",
                "This template is not approved any more; choose another.",
            ),
        };
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
        (!ask.value.takes(&text)).then(|| {
            let why = match ask.value {
                Value::Degrees(_) => say(
                    "Escreva os graus em número, como -23.5505.",
                    "Give the degrees as a number, like -23.5505.",
                ),
                _ => say(
                    "Preencha em uma linha só, sem tabulações; endereços começam com https://.",
                    "Fill it in on one line, without tabs; addresses begin with https://.",
                ),
            };
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
        let pattern = ask.value.pattern();
        let schema =
            json!({ "type": "string", "title": ask.title, "minLength": 1, "pattern": pattern });
        properties.insert(ask.field.clone(), schema);
        ui.remove(&ask.field);
    }
    let required: Vec<&str> = asks.iter().map(|ask| ask.field.as_str()).collect();
    let order: Vec<&str> = required.iter().copied().chain(["*"]).collect();
    ui.insert("ui:order".into(), json!(order));
    // Only the last step sends.
    let [submit, submit_en] = match step {
        SEND => ["Enviar modelo", "Send template"],
        _ => ["Continuar", "Continue"],
    };
    json!({
        "schema": {
            "type": "object", "title": template.name, "required": required, "properties": properties,
            "x-submit": submit, "x-en": { "x-submit": submit_en },
        },
        "ui": ui,
        "values": kept,
    })
}

impl Template {
    fn id(&self) -> String {
        id(&self.name, &self.language)
    }

    fn asks(&self, english: bool) -> Vec<Ask> {
        let faces = std::iter::once(&self.main).chain(&self.cards);
        faces.flat_map(|face| face.asks(english)).collect()
    }

    /// How it reads: heading, text, footer, buttons and cards; what is not given stays as it is written in the template.
    fn text(&self, given: &dyn Fn(&str) -> Option<String>) -> String {
        let mut parts = self.main.lines(given);
        parts.push(self.footer.clone());
        parts.push(self.main.titles());
        for (index, card) in self.cards.iter().enumerate() {
            let mut lines = card.lines(given);
            lines.push(card.titles());
            lines.retain(|line| !line.is_empty());
            parts.push(format!("{}. {}", index + 1, lines.join("\n")));
        }
        parts.retain(|part| !part.is_empty());
        parts.join("\n\n")
    }

    /// The values as the provider takes them.
    fn components(&self, given: &dyn Fn(&str) -> Option<String>) -> Vec<Json> {
        let mut components = self.main.components(self.named, given);
        let cards = self.cards.iter().enumerate();
        let cards: Vec<Json> = cards
            .map(|(index, card)| {
                let components = card.components(self.named, given);
                json!({ "card_index": index, "components": components })
            })
            .collect();
        if !cards.is_empty() {
            components.push(json!({ "type": "carousel", "cards": cards }));
        }
        components
    }
}

#[cfg(test)]
mod tests;
