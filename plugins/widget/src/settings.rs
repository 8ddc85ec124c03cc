//! The channel's settings, what of them a page may know, and what is wrong with them. No imports.

use balcao_plugin::Failure;
use balcao_plugin::json::{Value, json};
use serde::Deserialize;

/// As the schema says; the host fills in its defaults.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub origins: Vec<String>,
    pub color: String,
    pub side: String,
    pub launcher_text: String,
    pub title: String,
    pub welcome: String,
    pub language: String,
    pub sound: bool,
    pub show_agent: bool,
    pub ask_name: Asked,
    pub ask_email: Asked,
    pub ask_phone: Asked,
    pub ask_more: Vec<String>,
    pub pages: String,
}

/// Whether something is asked before the chat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Asked {
    #[default]
    No,
    Optional,
    Required,
}

impl Settings {
    /// The fields that are asked for by a name of their own.
    pub fn fields(&self) -> [(&'static str, Asked); 3] {
        [
            ("name", self.ask_name),
            ("email", self.ask_email),
            ("phone", self.ask_phone),
        ]
    }

    pub fn asks(&self) -> bool {
        self.fields().iter().any(|(_, asked)| *asked != Asked::No) || !self.ask_more.is_empty()
    }

    pub fn shows_pages(&self) -> bool {
        self.pages == "ask"
    }

    /// What the script draws the window by.
    pub fn public(&self) -> Value {
        let fields = self.fields();
        let fields = fields.iter().filter(|(_, asked)| *asked != Asked::No);
        let fields: Vec<Value> = fields
            .map(|(name, asked)| json!({"name": name, "required": *asked == Asked::Required}))
            .collect();
        json!({
            "color": self.color,
            "side": self.side,
            "launcher": self.launcher_text,
            "title": self.title,
            "welcome": self.welcome,
            "language": self.language,
            "sound": self.sound,
            "fields": fields,
            "questions": self.ask_more,
            "pages": self.shows_pages(),
        })
    }

    /// # Errors
    /// What an origin has that is none, for the admin.
    pub fn check(&self) -> Result<(), Failure> {
        match self.origins.iter().find(|it| !is_origin(it.trim())) {
            None => Ok(()),
            Some(wrong) => Err(Failure::invalid(format!(
                "“{wrong}” não é o endereço de um site: escreva como https://loja.com.br ou https://*.loja.com.br, sem caminho."
            ))),
        }
    }

    /// How the admin tells this channel from others.
    pub fn name(&self) -> String {
        match self.origins.as_slice() {
            [] => "Qualquer site".to_owned(),
            origins => origins.join(", "),
        }
    }
}

fn is_origin(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let Some(host) = rest.map(|it| it.strip_suffix('/').unwrap_or(it)) else {
        return false;
    };
    let host = host.strip_prefix("*.").unwrap_or(host);
    let (host, port) = match host.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (host, None),
    };
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    !host.is_empty()
        && host.bytes().all(letters)
        && !host.starts_with('.')
        && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_a_scheme_and_a_host_and_nothing_after() {
        for good in [
            "https://loja.com.br",
            "https://loja.com.br/",
            "https://*.loja.com.br",
            "http://localhost:8000",
            "http://127.0.0.1:8000",
        ] {
            assert!(is_origin(good), "{good}");
        }
        for wrong in [
            "",
            "*",
            "loja.com.br",
            "https://",
            "https://loja.com.br/chat",
            "https://loja.*.br",
            "https://loja.com.br:porta",
            "ftp://loja.com.br",
            "https://a b",
        ] {
            assert!(!is_origin(wrong), "{wrong}");
        }
    }
}
