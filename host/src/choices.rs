//! Buttons and lists that a contact is asked to choose from, and how many of what length a channel takes. Shapes: `interactive` of `content` in
//! `wit/types`. Pure; knows no provider.

use serde::{Deserialize, Serialize};

/// What may be chosen, as a content's `extra` says it.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Choices {
    Buttons(Vec<Choice>),
    List(List),
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// What comes back once it was chosen.
    pub id: String,
    pub title: String,
    /// Of a list's row.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// What opens it.
    pub button: String,
    pub sections: Vec<Section>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    pub rows: Vec<Choice>,
}

/// How many a channel takes, and how many characters each text may have; what is left out has no bound.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Bounds {
    count: Option<usize>,
    title: Option<usize>,
    description: Option<usize>,
    button: Option<usize>,
}

/// What is too much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Excess {
    Count { most: usize },
    Text { text: String, most: usize },
}

impl Choices {
    /// The feature that a channel names, and the name of its bounds.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Buttons(_) => "buttons",
            Self::List(_) => "list",
        }
    }

    pub fn all(&self) -> impl Iterator<Item = &Choice> {
        let (buttons, sections) = match self {
            Self::Buttons(buttons) => (&buttons[..], &[][..]),
            Self::List(list) => (&[][..], &list.sections[..]),
        };
        buttons
            .iter()
            .chain(sections.iter().flat_map(|it| &it.rows))
    }

    /// Why it is too much for those bounds.
    pub fn exceeds(&self, bounds: Bounds) -> Option<Excess> {
        if let Some(most) = bounds.count.filter(|most| self.all().count() > *most) {
            return Some(Excess::Count { most });
        }
        let too_long = |text: &str, most: Option<usize>| {
            let most = most.filter(|most| text.chars().count() > *most)?;
            let text = text.to_owned();
            Some(Excess::Text { text, most })
        };
        let opens = match self {
            Self::Buttons(_) => None,
            Self::List(list) => too_long(&list.button, bounds.button).or_else(|| {
                let titles = list.sections.iter().map(|it| &it.title);
                titles.into_iter().find_map(|it| too_long(it, bounds.title))
            }),
        };
        opens.or_else(|| {
            self.all().find_map(|it| {
                too_long(&it.title, bounds.title)
                    .or_else(|| too_long(&it.description, bounds.description))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn choices(extra: Value) -> Choices {
        serde_json::from_value(extra).unwrap()
    }

    fn bounds(given: Value) -> Bounds {
        serde_json::from_value(given).unwrap()
    }

    #[test]
    fn what_exceeds_a_channels_bounds_is_named() {
        let row = |title: &str, description: &str| json!({"id": title, "title": title, "description": description});
        let list = |button: &str, rows: Value| {
            choices(
                json!({"list": {"button": button, "sections": [{"rows": rows}, {"title": "Tarde", "rows": [row("14h", "")]}]}}),
            )
        };
        let of = |it: Choices| {
            it.exceeds(bounds(
                json!({"count": 3, "title": 5, "description": 8, "button": 4}),
            ))
        };
        let text = |text: &str, most| {
            let text = text.to_owned();
            Some(Excess::Text { text, most })
        };
        assert_eq!(of(list("Abre", json!([row("manhã", "às nove!")]))), None);
        let four = json!([row("8h", ""), row("9h", ""), row("10h", "")]);
        assert_eq!(of(list("Abre", four)), Some(Excess::Count { most: 3 }));
        assert_eq!(of(list("Abrir", json!([]))), text("Abrir", 4));
        let section = json!([{"title": "De manhã", "rows": [row("8h", "")]}]);
        let section = choices(json!({"list": {"button": "Abre", "sections": section}}));
        assert_eq!(of(section), text("De manhã", 5));
        let sections = json!([{"title": "De manhã", "rows": [row("8h", "")]}]);
        let titled = choices(json!({"list": {"button": "Abre", "sections": sections}}));
        assert_eq!(of(titled), text("De manhã", 5));
        assert_eq!(
            of(list("Abre", json!([row("manhãs", "")]))),
            text("manhãs", 5)
        );
        let described = json!([row("8h", "às oito da manhã")]);
        assert_eq!(of(list("Abre", described)), text("às oito da manhã", 8));
        let buttons = choices(json!({"buttons": [{"id": "1", "title": "Talvez"}]}));
        assert_eq!(buttons.exceeds(bounds(json!({}))), None);
        assert_eq!(of(buttons), text("Talvez", 5));
    }
}
