//! What a package says of itself in `plugin.toml`: owns the types, reading them from text, and every rule that the text alone can break.
//! Never looks at the component or at the assets; `package` and `check` do.

mod read;
pub(crate) mod rules;
pub(crate) mod schema;

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{http::policy::HostPattern, secrets::Algorithm};

/// The language that every text must have, and the one shown where another is missing.
pub const MAIN_LOCALE: &str = "pt-BR";

/// Something wrong with a manifest or package, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub severity: Severity,
    /// Stable, for tools: `unknown-key`, `secret-undeclared`…
    pub code: &'static str,
    /// Where: a path in the manifest (`secrets[0].placements[1]`), an asset, or `component`.
    pub place: String,
    /// What is wrong, in English.
    pub message: String,
    /// What to change.
    pub remedy: String,
}

/// Whether a problem prevents installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The package cannot be installed.
    Error,
    /// It can, but probably does not do what its author meant.
    Warning,
}

impl Problem {
    pub(crate) fn error(
        code: &'static str,
        place: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Error,
            code,
            place: place.into(),
            message: message.into(),
            remedy: remedy.into(),
        }
    }

    pub(crate) fn warning(
        code: &'static str,
        place: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, place, message, remedy)
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(
            f,
            "{severity}[{}] {}: {}\n  remedy: {}",
            self.code, self.place, self.message, self.remedy
        )
    }
}

/// A text per language tag.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LocalizedText(pub BTreeMap<String, String>);

impl LocalizedText {
    /// The text in `locale`, else in its language (`en` for `en-GB`), else in English, else in Portuguese, else empty.
    pub fn get(&self, locale: &str) -> &str {
        let language = locale.split('-').next().unwrap_or(locale);
        let main = if Self::reads_portuguese(locale) {
            MAIN_LOCALE
        } else {
            "en"
        };
        [locale, language, main, "en", MAIN_LOCALE]
            .iter()
            .find_map(|l| self.0.get(*l))
            .map_or("", String::as_str)
    }

    /// A reader of Portuguese of any country is better served by pt-BR than by English.
    pub(crate) fn reads_portuguese(locale: &str) -> bool {
        locale == "pt" || locale.starts_with("pt-")
    }

    /// A text in the two languages of the interface.
    #[cfg(feature = "engine")]
    pub(crate) fn pair(pt: &str, en: &str) -> Self {
        Self(BTreeMap::from([
            (MAIN_LOCALE.to_owned(), pt.to_owned()),
            ("en".to_owned(), en.to_owned()),
        ]))
    }
}

/// A valid manifest: only [`Manifest::parse`] makes one.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    /// `[a-z][a-z0-9-]{1,39}`.
    pub id: String,
    /// Semantic version.
    pub version: String,
    /// Which shape the plugin's own storage has; another number runs `lifecycle.migrate`.
    pub storage_version: u32,
    pub publisher: String,
    /// Free words for the marketplace.
    pub categories: Vec<String>,
    /// An asset.
    pub icon: Option<String>,
    pub name: LocalizedText,
    pub description: LocalizedText,
    pub settings: Option<Settings>,
    pub secrets: Vec<Secret>,
    pub http: Http,
    pub webhook: Webhook,
    pub subscriptions: Vec<Subscription>,
    pub actions: Vec<Action>,
    pub views: Vec<View>,
    pub reports: Vec<ReportEntry>,
    pub collections: Vec<Collection>,
    pub limits: LimitWishes,
    pub instances: Instances,
    /// Assets that anybody may read, at `/hooks/{channel}/_/asset/NAME`: a script for other people's pages.
    pub public_assets: Vec<String>,
}

/// `[settings]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The asset with the form's JSON Schema.
    pub schema: String,
    /// Whether the form offers to test what was typed. None: yes for channels.
    pub test_button: Option<bool>,
}

/// `[[secrets]]`: a `writeOnly` property of the settings schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Secret {
    pub name: String,
    /// Where a handle of it is replaced. Empty: it is never sent, only used for HMACs, comparisons and verification.
    #[serde(default)]
    pub placements: Vec<Placement>,
}

/// One place of one host where a secret may go; https only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "PlacementTable")]
pub struct Placement {
    /// Exact, never a wildcard.
    pub host: HostPattern,
    pub place: Place,
}

/// Which part of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The value of this header (lower case) holds the handle, alone or within other text (`Bearer …`).
    Header(String),
    /// A whole segment of the path, given as what stands before and after the handle; both empty for `path-segment = true`.
    PathSegment { before: String, after: String },
    /// The whole value of a field of an urlencoded body.
    FormField(String),
    /// The whole string at this JSON pointer of a JSON body.
    JsonPointer(String),
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Header(name) => write!(f, "{}: header {name}", self.host),
            Place::PathSegment { before, after } => {
                write!(f, "{}: path /{before}…{after}/", self.host)
            }
            Place::FormField(name) => write!(f, "{}: form field {name}", self.host),
            Place::JsonPointer(pointer) => write!(f, "{}: JSON {pointer}", self.host),
        }
    }
}

/// [`Placement`] as written.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct PlacementTable {
    host: HostPattern,
    header: Option<String>,
    path_segment: Option<PathSegmentValue>,
    form_field: Option<String>,
    json_pointer: Option<String>,
}

/// `true`, or a template with one `{}` (`"bot{}"`).
#[derive(Deserialize)]
#[serde(untagged)]
enum PathSegmentValue {
    Whole(bool),
    Template(String),
}

impl TryFrom<PlacementTable> for Placement {
    type Error = String;

    fn try_from(table: PlacementTable) -> Result<Self, String> {
        if table.host.is_wildcard() {
            return Err(format!(
                "a placement's host must be exact, not `{}`",
                table.host
            ));
        }
        let path_segment = match table.path_segment {
            None => None,
            Some(PathSegmentValue::Whole(true)) => Some(Place::PathSegment {
                before: String::new(),
                after: String::new(),
            }),
            Some(PathSegmentValue::Whole(false)) => {
                return Err("`path-segment = false` binds nothing; leave it out".into());
            }
            Some(PathSegmentValue::Template(template)) => Some(path_template(&template)?),
        };
        let places = [
            table
                .header
                .map(|name| Place::Header(name.to_ascii_lowercase())),
            path_segment,
            table.form_field.map(Place::FormField),
            table.json_pointer.map(Place::JsonPointer),
        ];
        let mut given = places.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(place), None) => Ok(Self { host: table.host, place }),
            (None, _) => Err("a placement needs one of `header`, `path-segment`, `form-field`, `json-pointer`".into()),
            (Some(_), Some(_)) => Err("a placement has only one of `header`, `path-segment`, `form-field`, `json-pointer`; write another [[secrets.placements]]".into()),
        }
    }
}

fn path_template(template: &str) -> Result<Place, String> {
    let plain = |s: &str| {
        s.bytes().all(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~' | b':' | b'@')
        })
    };
    match template.split_once("{}") {
        Some((before, after)) if plain(before) && plain(after) => Ok(Place::PathSegment {
            before: before.to_owned(),
            after: after.to_owned(),
        }),
        _ => Err(format!(
            "`path-segment = \"{template}\"` must be one segment with one `{{}}` where the secret goes, for example \"bot{{}}\""
        )),
    }
}

/// `[http]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Http {
    /// The only hosts that the plugin may speak to.
    #[serde(default)]
    pub hosts: Vec<HostPattern>,
}

/// `[webhook]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Webhook {
    /// The first rule whose methods fit decides.
    #[serde(default)]
    pub verify: Vec<VerifyRule>,
}

/// How the host makes sure that a webhook is the provider's, before any plugin code runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum VerifyRule {
    /// The header carries `prefix` and the hexadecimal HMAC of the raw body.
    Hmac {
        methods: Vec<String>,
        algorithm: Algorithm,
        header: String,
        #[serde(default)]
        prefix: String,
        secret: String,
    },
    /// The header equals the secret.
    Header {
        methods: Vec<String>,
        header: String,
        secret: String,
    },
    /// The query parameter equals the secret.
    Query {
        methods: Vec<String>,
        parameter: String,
        secret: String,
    },
    /// The plugin answers for itself.
    None { methods: Vec<String> },
}

impl VerifyRule {
    /// Upper-case HTTP methods that it decides for.
    pub fn methods(&self) -> &[String] {
        match self {
            Self::Hmac { methods, .. }
            | Self::Header { methods, .. }
            | Self::Query { methods, .. }
            | Self::None { methods } => methods,
        }
    }

    /// The secret that it needs.
    pub fn secret(&self) -> Option<&str> {
        match self {
            Self::Hmac { secret, .. }
            | Self::Header { secret, .. }
            | Self::Query { secret, .. } => Some(secret),
            Self::None { .. } => None,
        }
    }
}

/// `[[subscriptions]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Subscription {
    /// An event kind of `balcao:app/events`.
    pub kind: String,
    #[serde(default)]
    pub lane: Lane,
    /// A new conversation is held (2 s at most) until this has been handled.
    #[serde(default)]
    pub hold: bool,
}

/// What events are ordered by (DESIGN §4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lane {
    #[default]
    Conversation,
    Team,
    Workspace,
}

/// Who may use an action or view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Agent,
    Supervisor,
    Admin,
}

/// `[[actions]]`: a button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Action {
    pub id: String,
    pub slot: String,
    pub title: LocalizedText,
    pub roles: Vec<Role>,
    /// Where more than the role decides.
    #[serde(default)]
    pub only: Option<Only>,
}

/// Whom else an action is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Only {
    /// Whose conversation it is: who is responsible for it, or has concluded it.
    Own,
}

/// `[[views]]`: a screen or panel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct View {
    pub id: String,
    pub slot: String,
    pub title: LocalizedText,
    pub roles: Vec<Role>,
}

/// `[[reports]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ReportEntry {
    pub id: String,
    pub title: LocalizedText,
}

/// `[[collections]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Collection {
    pub name: String,
    /// For the admin; the name where there is none.
    #[serde(default)]
    pub title: LocalizedText,
    /// The fields that queries may name.
    #[serde(default)]
    pub indexes: Vec<String>,
}

/// `[limits]`: what the plugin wishes; the host gives its own at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LimitWishes {
    /// Milliseconds of computing per call.
    pub cpu_ms: Option<u32>,
    /// MiB of memory per call.
    pub memory_mib: Option<u32>,
    /// Milliseconds per call, waiting included.
    pub deadline_ms: Option<u32>,
}

/// `[instances]`: how its calls run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Instances {
    /// Whether an instance may serve several calls of one workspace, one after the other: for language runtimes that take long to start.
    /// What it keeps in memory between calls is lost at any time.
    #[serde(default)]
    pub reuse: bool,
}

impl Manifest {
    /// What the rules find; of a parsed manifest only warnings are left.
    pub fn problems(&self) -> Vec<Problem> {
        rules::problems(self)
    }

    /// The declared secret of that name.
    pub fn secret(&self, name: &str) -> Option<&Secret> {
        self.secrets.iter().find(|s| s.name == name)
    }
}

#[cfg(test)]
mod tests;
