//! The channel's settings, and what of them a page may know. No imports.

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

    /// How the admin tells this channel from others.
    pub fn name(&self) -> String {
        match self.origins.as_slice() {
            [] => "Qualquer site".to_owned(),
            origins => origins.join(", "),
        }
    }
}
