//! From which sites' pages browsers may speak to a channel: read from the settings' property that the schema marks `x-origins`. Pure.

use balcao_runtime::package::Package;
use serde_json::Value;

/// The allowed origins; none of them named: all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<String>);

impl Origins {
    /// What the settings say. Where what is stored cannot be read nobody is let in.
    pub fn of(package: &Package, settings: &str) -> Self {
        let properties = package
            .settings_schema()
            .and_then(|schema| schema.get("properties")?.as_object());
        let marked = properties
            .into_iter()
            .flatten()
            .find(|(_, property)| property.get("x-origins").is_some())
            .map(|(name, _)| name);
        let Some(name) = marked else {
            return Self::default();
        };
        match serde_json::from_str::<Value>(settings) {
            Ok(settings) => Self::named(settings.get(name)),
            Err(_) => Self(vec![String::new()]),
        }
    }

    fn named(list: Option<&Value>) -> Self {
        let list = list.and_then(Value::as_array).into_iter().flatten();
        let plain = |it: &Value| {
            let text = it.as_str().unwrap_or_default().trim();
            text.trim_end_matches('/').to_ascii_lowercase()
        };
        Self(list.map(plain).collect())
    }

    pub fn are_named(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether pages of an origin, as a browser writes it in `Origin`, may. `https://*.example.com` is every subdomain of it.
    pub fn permit(&self, origin: &str) -> bool {
        !self.are_named() || self.0.iter().any(|allowed| fits(allowed, origin))
    }
}

fn fits(allowed: &str, origin: &str) -> bool {
    let Some((before, after)) = allowed.split_once("*.") else {
        return !allowed.is_empty() && allowed == origin;
    };
    let host = origin
        .strip_prefix(before)
        .and_then(|rest| rest.strip_suffix(after)?.strip_suffix('.'));
    before.ends_with("://") && host.is_some_and(|it| !it.is_empty() && !it.contains(['/', ':']))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn permits(named: &Value, origin: &str) -> bool {
        Origins::named(Some(named)).permit(origin)
    }

    #[test]
    fn an_origin_is_allowed_by_its_whole_name_or_as_a_subdomain() {
        let named = json!([
            "https://Loja.example/",
            "https://*.loja.example",
            "http://127.0.0.1:8000"
        ]);
        for allowed in [
            "https://loja.example",
            "https://blog.loja.example",
            "https://a.b.loja.example",
            "http://127.0.0.1:8000",
        ] {
            assert!(permits(&named, allowed), "{allowed}");
        }
        for other in [
            "null",
            "",
            "http://loja.example",
            "https://loja.example:8443",
            "https://blog.loja.example:8443",
            "https://evilloja.example",
            "https://.loja.example",
            "https://loja.example.evil.example",
            "https://evil.example/.loja.example",
            "https://evil.example:1.loja.example",
            "http://127.0.0.1:8001",
        ] {
            assert!(!permits(&named, other), "{other}");
        }
    }

    #[test]
    fn none_named_lets_everybody_in_and_an_empty_name_nobody() {
        assert!(permits(&json!([]), "https://any.example"));
        assert!(Origins::named(None).permit("null"));
        assert!(!permits(&json!([""]), ""));
        assert!(!permits(&json!(["*"]), "https://any.example"));
    }
}
