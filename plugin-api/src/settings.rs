//! The plugin's settings as a type of its own. The host has validated them against the manifest's schema and filled in its defaults;
//! secrets are never among them.

use crate::bindings::balcao::platform::settings;
use crate::{Failure, Subject, json};
use serde::de::DeserializeOwned;

/// The settings of this workspace; in a call about a channel, the channel's.
///
/// # Errors
/// A permanent `invalid` failure where they do not have the shape of `T`, which means that type and schema disagree.
pub fn workspace<T: DeserializeOwned>() -> Result<T, Failure> {
    parse(&settings::workspace())
}

/// The settings of one team, channel…; the workspace's where it has none of its own.
///
/// # Errors
/// As [`workspace`].
pub fn scoped<T: DeserializeOwned>(kind: &str, id: &str) -> Result<T, Failure> {
    let of = Subject {
        kind: kind.into(),
        id: id.into(),
    };
    parse(&settings::scoped(&of))
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    let text = if text.is_empty() { "{}" } else { text };
    json::parse(text).map_err(|error| {
        Failure::invalid(format!(
            "The settings do not fit the plugin's type: {error}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Hours {
        #[serde(default)]
        hours: Option<u32>,
    }

    #[test]
    fn no_settings_are_an_empty_object() {
        assert_eq!(parse("").ok(), Some(Hours { hours: None }));
        assert_eq!(parse(r#"{"hours":3}"#).ok(), Some(Hours { hours: Some(3) }));
    }

    #[test]
    fn settings_of_another_shape_are_a_permanent_failure() {
        let failure = parse::<Hours>(r#"{"hours":"three"}"#).unwrap_err();
        assert_eq!(
            (failure.code.as_str(), failure.retry),
            ("invalid", None),
            "{failure:?}"
        );
    }
}
