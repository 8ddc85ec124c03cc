//! Categories and reasons: the four that are fixed, and the rules by which admins change the others. Pure; never stores anything.

use crate::words::{self, Text};
use serde::{Deserialize, Serialize};

/// The longest description, in characters: it has to fit beside a radio button and into a summary.
pub const MAX_DESCRIPTION: usize = 80;
/// So many reasons can be read in one dialog, and no more.
pub const MAX_REASONS: usize = 200;

/// How a conversation ended. Fixed (B1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    Achieved,
    Lost,
    Questions,
    Other,
}

impl Category {
    /// In the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Achieved, Self::Lost, Self::Questions, Self::Other];

    /// As stored.
    pub fn code(self) -> &'static str {
        match self {
            Self::Achieved => "achieved",
            Self::Lost => "lost",
            Self::Questions => "questions",
            Self::Other => "other",
        }
    }

    /// As shown.
    pub fn title(self) -> Text {
        match self {
            Self::Achieved => words::ACHIEVED,
            Self::Lost => words::LOST,
            Self::Questions => words::QUESTIONS,
            Self::Other => words::OTHER,
        }
    }

    /// The category of that code.
    pub fn of(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.code() == code)
    }
}

/// Why, within a category (B2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    pub description: String,
    pub category: Category,
    /// Whether a value is asked for with it.
    pub monetary: bool,
}

/// A reason under its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: String,
    pub reason: Reason,
}

/// What a workspace begins with.
pub fn defaults() -> [Reason; 4] {
    let reason = |description: &str, category, monetary| Reason {
        description: description.into(),
        category,
        monetary,
    };
    [
        reason("Venda realizada", Category::Achieved, true),
        reason("Cliente desistiu", Category::Lost, false),
        reason("Dúvida esclarecida", Category::Questions, false),
        reason("Engano ou sem resposta", Category::Other, false),
    ]
}

/// The id of the reason with that number. Byte order is the order of creation.
pub fn id(number: u32) -> String {
    format!("r{number:06}")
}

/// What an admin typed, as a reason; else what is wrong, by field. `id` is the reason that is being changed, if it is no new one.
///
/// # Errors
/// Field names with a text for people.
pub fn check(
    entries: &[Entry],
    id: Option<&str>,
    description: &str,
    category: &str,
    monetary: bool,
) -> Result<Reason, Vec<(&'static str, Text)>> {
    let description = description.trim();
    let mut wrong = Vec::new();
    if description.is_empty() {
        wrong.push(("description", words::NO_DESCRIPTION));
    } else if description.chars().count() > MAX_DESCRIPTION {
        wrong.push(("description", words::LONG_DESCRIPTION));
    } else if description.chars().any(char::is_control) {
        wrong.push(("description", words::LINES_IN_DESCRIPTION));
    }
    let category = Category::of(category);
    match category {
        None => wrong.push(("category", words::NO_CATEGORY)),
        Some(category) => {
            let twin = entries.iter().any(|it| {
                Some(it.id.as_str()) != id
                    && it.reason.category == category
                    && it.reason.description.to_lowercase() == description.to_lowercase()
            });
            if twin {
                wrong.push(("description", words::REASON_TWICE));
            }
        }
    }
    if id.is_none() && entries.len() >= MAX_REASONS {
        wrong.push(("entry", words::MANY_REASONS));
    }
    match category {
        Some(category) if wrong.is_empty() => Ok(Reason {
            description: description.into(),
            category,
            monetary,
        }),
        _ => Err(wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Entry> {
        let numbered = (1..).zip(defaults());
        numbered
            .map(|(number, reason)| Entry {
                id: id(number),
                reason,
            })
            .collect()
    }

    #[test]
    fn there_is_one_default_in_each_of_the_four_categories() {
        assert_eq!(defaults().map(|it| it.category), Category::ALL);
        for category in Category::ALL {
            assert_eq!(Category::of(category.code()), Some(category));
            let stored = serde_json::to_value(category).unwrap();
            assert_eq!(stored, category.code());
        }
    }

    #[test]
    fn what_was_typed_becomes_a_trimmed_reason() {
        let reason = check(&entries(), None, "  Orçamento enviado ", "other", true);
        let expected = Reason {
            description: "Orçamento enviado".into(),
            category: Category::Other,
            monetary: true,
        };
        assert_eq!(reason, Ok(expected));
    }

    #[test]
    fn a_bad_description_and_category_are_named_by_field() {
        let fields = |description: &str, category: &str| -> Vec<&str> {
            let wrong = check(&entries(), None, description, category, false).unwrap_err();
            wrong.into_iter().map(|(field, _)| field).collect()
        };
        assert_eq!(fields(" ", "won"), ["description", "category"]);
        assert_eq!(fields(&"é".repeat(81), "lost"), ["description"]);
        assert_eq!(fields("a\nb", "lost"), ["description"]);
        assert!(check(&entries(), None, &"é".repeat(80), "lost", false).is_ok());
    }

    #[test]
    fn a_category_has_no_reason_twice_but_a_reason_may_keep_its_own_name() {
        let again = |id, category| check(&entries(), id, "VENDA realizada", category, true);
        assert!(again(None, "achieved").is_err());
        assert!(again(None, "lost").is_ok());
        assert!(again(Some("r000001"), "achieved").is_ok());
        assert!(again(Some("r000002"), "achieved").is_err());
    }

    #[test]
    fn the_reason_after_the_two_hundredth_is_refused_and_a_change_is_not() {
        let full: Vec<Entry> = (1..=200)
            .map(|number| Entry {
                id: id(number),
                reason: Reason {
                    description: number.to_string(),
                    ..defaults()[3].clone()
                },
            })
            .collect();
        let wrong = check(&full, None, "mais", "other", false).unwrap_err();
        assert_eq!(wrong[0].0, "entry");
        assert!(check(&full, Some("r000007"), "mais", "other", false).is_ok());
    }
}
