//! A classification: what somebody chose, as a row that can be counted and a summary that can be read. Pure; never stores anything.

use crate::reason::{Category, Entry};
use crate::words::{self, Text};
use serde::{Deserialize, Serialize};

/// The greatest value, in cents.
pub const MAX_CENTS: i64 = 99_999_999_999;

/// A row of the collection `classifications`, under the conversation's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub conversation: String,
    pub category: Category,
    pub reason: String,
    /// As it read when chosen: a reason may be changed or removed later.
    pub description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_cents: Option<i64>,
    /// Who concluded.
    pub agent: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    pub channel: String,
    /// When it was concluded, in microseconds since 1970.
    pub at: i64,
}

impl Row {
    /// Whether the row says how an earlier conclusion ended, once the conversation was concluded plainly at `plain`. `present`: since when it is
    /// concluded as it is now, which may be later than `plain`; none while it is open. A conclusion after `plain` either wrote the row
    /// or is told of in its turn.
    pub fn is_outdated(&self, plain: i64, present: Option<i64>) -> bool {
        self.at < plain && present.is_none_or(|at| at <= plain)
    }
}

/// What was chosen.
#[derive(Debug, PartialEq, Eq)]
pub struct Choice<'a> {
    pub entry: &'a Entry,
    pub cents: Option<i64>,
}

impl<'a> Choice<'a> {
    /// Reads what the form gave (B3). A value that the reason does not ask for is left out: it was typed before another reason was chosen.
    ///
    /// # Errors
    /// The wrong field with a text for people.
    pub fn read(
        entries: &'a [Entry],
        reason: Option<&str>,
        value: Option<f64>,
    ) -> Result<Self, (&'static str, Text)> {
        let reason = reason.ok_or(("reason", words::NO_REASON))?;
        let entry = entries
            .iter()
            .find(|it| it.id == reason)
            .ok_or(("reason", words::REASON_GONE))?;
        let cents = if entry.reason.monetary {
            let value = value.ok_or(("value", words::NO_VALUE))?;
            Some(cents(value).map_err(|text| ("value", text))?)
        } else {
            None
        };
        Ok(Self { entry, cents })
    }

    /// What stands at the foot of the conversation. Portuguese whoever chose: it is stored once, for all who will read it.
    pub fn summary(&self) -> String {
        let reason = &self.entry.reason;
        let said = format!("{} · {}", reason.category.title().pt, reason.description);
        match self.cents {
            Some(cents) => format!("{said} · {}", reais(cents)),
            None => said,
        }
    }
}

/// Cents of an amount in reais.
fn cents(value: f64) -> Result<i64, Text> {
    let scaled = value * 100.0;
    let whole = scaled.round();
    if !(0.0..=MAX_CENTS as f64).contains(&whole) {
        return Err(words::VALUE_RANGE);
    }
    // A decimal fraction is not exact in binary; at this size the error is far below a hundredth of a cent.
    if (scaled - whole).abs() > 0.001 {
        return Err(words::VALUE_PLACES);
    }
    Ok(whole as i64)
}

/// `R$ 1.234,56`; never negative.
pub fn reais(cents: i64) -> String {
    let whole = (cents / 100).to_string();
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push('.');
        }
        grouped.push(digit);
    }
    format!("R$ {grouped},{:02}", cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::{self, defaults};

    fn entries() -> Vec<Entry> {
        let numbered = (1..).zip(defaults());
        numbered
            .map(|(number, reason)| Entry {
                id: reason::id(number),
                reason,
            })
            .collect()
    }

    #[test]
    fn the_summary_names_category_reason_and_value() {
        let entries = entries();
        let sale = Choice::read(&entries, Some("r000001"), Some(1234.56)).unwrap();
        assert_eq!(sale.cents, Some(123_456));
        assert_eq!(
            sale.summary(),
            "Objetivo Atingido · Venda realizada · R$ 1.234,56"
        );
        let lost = Choice::read(&entries, Some("r000002"), None).unwrap();
        assert_eq!(lost.summary(), "Objetivo Perdido · Cliente desistiu");
    }

    #[test]
    fn a_value_left_over_from_another_reason_is_not_kept() {
        let entries = entries();
        let lost = Choice::read(&entries, Some("r000002"), Some(10.0)).unwrap();
        assert_eq!(lost.cents, None);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named_by_field() {
        let entries = entries();
        let field = |reason, value| Choice::read(&entries, reason, value).unwrap_err().0;
        assert_eq!(field(None, None), "reason");
        assert_eq!(field(Some("r000009"), None), "reason");
        for value in [
            None,
            Some(-0.01),
            Some(0.005),
            Some(1e12),
            Some(f64::NAN),
            Some(f64::INFINITY),
        ] {
            assert_eq!(field(Some("r000001"), value), "value", "{value:?}");
        }
    }

    #[test]
    fn a_plain_conclusion_outdates_what_was_written_before_it_and_nothing_later() {
        let entries = entries();
        let row = Row {
            conversation: "cnv_1".into(),
            category: Category::Lost,
            reason: "r000002".into(),
            description: entries[1].reason.description.clone(),
            value_cents: None,
            agent: "usr_1".into(),
            team: None,
            channel: "chn_1".into(),
            at: 10,
        };
        // Concluded so still, or reopened since.
        assert!(row.is_outdated(11, Some(11)));
        assert!(row.is_outdated(11, None));
        // Edited after the plain conclusion, which is the present one; classified after it.
        assert!(!row.is_outdated(10, Some(10)));
        assert!(!row.is_outdated(9, Some(10)));
        assert!(!row.is_outdated(9, None));
        // Concluded again after it.
        assert!(!row.is_outdated(11, Some(12)));
    }

    #[test]
    fn every_amount_of_cents_survives_the_form() {
        for amount in (0..200_000).chain(MAX_CENTS - 100_000..=MAX_CENTS) {
            assert_eq!(cents(amount as f64 / 100.0), Ok(amount));
        }
    }

    #[test]
    fn amounts_are_written_as_in_brazil() {
        let written = [0, 5, 99_999, 100_000, 123_456_789, MAX_CENTS].map(reais);
        assert_eq!(
            written,
            [
                "R$ 0,00",
                "R$ 0,05",
                "R$ 999,99",
                "R$ 1.000,00",
                "R$ 1.234.567,89",
                "R$ 999.999.999,99"
            ]
        );
    }
}
