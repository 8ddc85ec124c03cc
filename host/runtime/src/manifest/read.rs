//! Reading `plugin.toml`: section by section, so that one mistake does not hide the next. The rules come after (`rules`).

use serde::de::DeserializeOwned;

use super::{Manifest, Problem, Severity};

impl Manifest {
    /// Reads `plugin.toml`.
    ///
    /// # Errors
    /// Every problem that could be found, warnings included, if one of them is an error.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let mut sections = match toml::from_str::<toml::Table>(text) {
            Ok(table) => Sections {
                table,
                known: Vec::new(),
                problems: Vec::new(),
            },
            Err(error) => return Err(vec![syntax(text, &error)]),
        };
        let manifest = Self {
            id: sections.required("id"),
            version: sections.required("version"),
            storage_version: sections.optional("storage-version").unwrap_or(1),
            publisher: sections.required("publisher"),
            categories: sections.optional("categories").unwrap_or_default(),
            icon: sections.optional("icon"),
            name: sections.required("name"),
            description: sections.optional("description").unwrap_or_default(),
            settings: sections.optional("settings"),
            secrets: sections.list("secrets"),
            http: sections.optional("http").unwrap_or_default(),
            webhook: sections.optional("webhook").unwrap_or_default(),
            subscriptions: sections.list("subscriptions"),
            actions: sections.list("actions"),
            views: sections.list("views"),
            reports: sections.list("reports"),
            collections: sections.list("collections"),
            limits: sections.optional("limits").unwrap_or_default(),
            instances: sections.optional("instances").unwrap_or_default(),
            public_assets: sections.optional("public-assets").unwrap_or_default(),
        };
        let mut problems = sections.finish();
        // A section that could not be read is empty here; rules about it would only repeat that.
        let unread: Vec<String> = problems
            .iter()
            .map(|p| section_of(&p.place).to_owned())
            .collect();
        problems.extend(
            manifest
                .problems()
                .into_iter()
                .filter(|p| !unread.iter().any(|u| u == section_of(&p.place))),
        );
        if problems.iter().any(|p| p.severity == Severity::Error) {
            return Err(problems);
        }
        Ok(manifest)
    }
}

fn section_of(place: &str) -> &str {
    place.split(['.', '[']).next().unwrap_or(place)
}

fn syntax(text: &str, error: &toml::de::Error) -> Problem {
    let place = match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => {
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
            format!("line {line}, column {column}")
        }
        None => "plugin.toml".to_owned(),
    };
    Problem::error(
        "syntax",
        place,
        error.message(),
        "write it as TOML (https://toml.io)",
    )
}

/// Reads a table key by key, so that one mistake does not hide the next.
struct Sections {
    table: toml::Table,
    known: Vec<&'static str>,
    problems: Vec<Problem>,
}

impl Sections {
    fn required<T: DeserializeOwned + Default>(&mut self, key: &'static str) -> T {
        if !self.table.contains_key(key) {
            self.known.push(key);
            self.problems.push(Problem::error(
                "missing-key",
                key,
                format!("`{key}` is missing"),
                format!("add `{key}` to plugin.toml"),
            ));
            return T::default();
        }
        self.optional(key).unwrap_or_default()
    }

    fn optional<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<T> {
        self.known.push(key);
        let value = self.table.remove(key)?;
        self.read(value, key)
    }

    fn list<T: DeserializeOwned>(&mut self, key: &'static str) -> Vec<T> {
        self.known.push(key);
        match self.table.remove(key) {
            None => Vec::new(),
            Some(toml::Value::Array(values)) => values
                .into_iter()
                .enumerate()
                .filter_map(|(i, value)| self.read(value, &format!("{key}[{i}]")))
                .collect(),
            Some(_) => {
                let remedy = format!("write each entry under its own [[{key}]]");
                self.problems.push(Problem::error(
                    "shape",
                    key,
                    format!("`{key}` must be a list of tables"),
                    remedy,
                ));
                Vec::new()
            }
        }
    }

    fn read<T: DeserializeOwned>(&mut self, value: toml::Value, place: &str) -> Option<T> {
        match serde_path_to_error::deserialize(value) {
            Ok(value) => Some(value),
            Err(error) => {
                let path = error.path().to_string();
                let place = match path.as_str() {
                    "." => place.to_owned(),
                    path if path.starts_with('[') => format!("{place}{path}"),
                    path => format!("{place}.{path}"),
                };
                self.problems
                    .push(shape(place, error.into_inner().message()));
                None
            }
        }
    }

    fn finish(mut self) -> Vec<Problem> {
        for key in self.table.keys() {
            let remedy = format!("remove it, or use one of: {}", self.known.join(", "));
            self.problems.push(Problem::error(
                "unknown-key",
                key,
                format!("`{key}` is not a key of plugin.toml"),
                remedy,
            ));
        }
        self.problems
    }
}

fn shape(place: String, message: &str) -> Problem {
    let (code, remedy) = if message.starts_with("unknown field") {
        (
            "unknown-key",
            "remove the key, or correct its name (the message lists those that exist)",
        )
    } else if message.starts_with("missing field") {
        ("missing-key", "add the key that the message names")
    } else {
        ("shape", "correct the value as the message says")
    };
    Problem::error(code, place, message, remedy)
}
