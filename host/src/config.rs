//! What the operator decides: defaults, then `balcao.toml`, then `BALCAO_…` (`__` nests: `BALCAO_DEV__ENABLED`). Owns names, defaults and
//! the checks that need nothing but the values; opens nothing and reads no environment outside [`Config::load`].

use std::{collections::BTreeMap, fmt, net::SocketAddr, num::NonZeroU32, path::PathBuf};

use balcao_runtime::quota::Allowance;
use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

/// The file read beside the environment, in the working directory.
pub const FILE: &str = "balcao.toml";

/// Variables that belong to the project's own test tools.
const TEST_VARIABLES: &str = "test_";

/// The whole configuration. Every key has a default, so that an empty one starts a server.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address and port of the server; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Folder of the database, the master key and the files. Made if missing.
    pub data_dir: PathBuf,
    /// `postgres://…`; without it, SQLite in `data_dir`.
    pub database_url: Option<Hidden>,
    /// How the world reaches this server: webhook addresses are shown under it, and https makes cookies Secure.
    #[serde(with = "url_text")]
    pub public_url: Option<Url>,
    /// Folder of the packages offered in the marketplace.
    pub plugins_dir: PathBuf,
    /// 32 bytes as hex or base64; without it, `master.key` in `data_dir`.
    pub master_key: Option<Hidden>,
    /// Whether a proxy in front sets `X-Forwarded-For` and `X-Forwarded-Proto`. They are ignored otherwise.
    pub behind_proxy: bool,
    /// The program that converts sound to what a channel takes: its path, or a name that `/usr/bin` and `/bin` have.
    pub ffmpeg: PathBuf,
    pub files: FileStore,
    pub dev: Dev,
    pub limits: Limits,
    /// Limits and quotas of every plugin, by their names, where the defaults do not do. `balcao admin limits` sets those of one workspace.
    pub plugin_limits: BTreeMap<String, u64>,
}

/// What only a developer's machine may do.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dev {
    pub enabled: bool,
    /// `host=url,host=url`: where plugins' requests to these hosts go instead, after the policy allowed them.
    pub http_map: HttpMap,
}

/// Where files are, if not in a folder of `data_dir`: a bucket that speaks S3.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct FileStore {
    /// `s3://bucket` or `s3://bucket/prefix`; without it, the folder `files` in `data_dir`.
    #[serde(with = "url_text")]
    pub url: Option<Url>,
    /// Where a store that is not Amazon's answers: `https://host`; http too, for one on a network of its own.
    #[serde(with = "url_text")]
    pub endpoint: Option<Url>,
    pub region: String,
    /// With `secret_access_key`; without both, what the variables `AWS_…` or the machine's role give.
    pub access_key_id: Option<String>,
    pub secret_access_key: Option<Hidden>,
}

impl FileStore {
    /// Bucket and prefix; none where it is the folder.
    pub fn place(&self) -> Option<(&str, &str)> {
        let url = self.url.as_ref()?;
        Some((
            url.host_str().unwrap_or_default(),
            url.path().trim_matches('/'),
        ))
    }

    /// What makes no sense, and why.
    fn senseless(&self) -> Option<(&'static str, &'static str)> {
        if let Some(url) = &self.url
            && (url.scheme() != "s3"
                || url.host_str().is_none_or(str::is_empty)
                || url.query().is_some()
                || url.port().is_some()
                || !url.username().is_empty())
        {
            return Some(("files.url", "must be s3://bucket or s3://bucket/prefix"));
        }
        if let Some(url) = &self.endpoint
            && (!matches!(url.scheme(), "http" | "https") || url.query().is_some())
        {
            return Some(("files.endpoint", "must be http:// or https:// with a host"));
        }
        if self.url.is_none() && (self.endpoint.is_some() || self.access_key_id.is_some()) {
            return Some(("files.url", "is missing beside the rest of it"));
        }
        if self.access_key_id.is_some() != self.secret_access_key.is_some() {
            return Some((
                "files.access_key_id",
                "needs files.secret_access_key, and that this",
            ));
        }
        None
    }
}

/// Bounds of what the outside may ask for.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of a JSON request.
    pub json_body: usize,
    /// Bytes of a webhook.
    pub hook_body: usize,
    /// Bytes of an uploaded file.
    pub file_body: usize,
    /// Bytes of a file that is fetched for a message of a contact; `media_bytes` of `plugin_limits` may be lower, for an app or workspace.
    pub media_body: usize,
    /// Bytes of a file that a visitor uploads.
    pub visitor_body: usize,
    /// Requests a minute of visitors from one address, to all channels.
    pub visits_per_address: NonZeroU32,
    /// Of these, files uploaded.
    pub uploads_per_address: NonZeroU32,
    /// Files of visitors from one address to one channel that are under way or not sent yet; those that nobody sends are forgotten after a day.
    pub unsent_per_address: NonZeroU32,
    /// Bytes a day of visitors' files from one address to one channel, sent or not.
    pub upload_bytes_per_address: usize,
    /// Live streams of visitors at once from one address.
    pub streams_per_address: NonZeroU32,
    /// Webhooks a second and channel, with as many again in a burst.
    pub hooks_per_second: NonZeroU32,
    /// Attempts to sign in a minute from one address.
    pub sign_in_per_address: NonZeroU32,
    /// Attempts to sign in a minute for one e-mail.
    pub sign_in_per_email: NonZeroU32,
    /// Days a session lasts without being used.
    pub session_days: NonZeroU32,
    /// Days that what happened can be read again by a screen that comes back.
    pub event_days: NonZeroU32,
    /// Seconds that a screen may take to read a line before it is dropped.
    pub slow_screen_seconds: NonZeroU32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data_dir: "data".into(),
            database_url: None,
            public_url: None,
            plugins_dir: "dist/plugins".into(),
            master_key: None,
            behind_proxy: false,
            ffmpeg: "ffmpeg".into(),
            files: FileStore::default(),
            dev: Dev::default(),
            limits: Limits::default(),
            plugin_limits: BTreeMap::new(),
        }
    }
}

impl Default for FileStore {
    fn default() -> Self {
        Self {
            url: None,
            endpoint: None,
            region: "us-east-1".to_owned(),
            access_key_id: None,
            secret_access_key: None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let n = |value| NonZeroU32::new(value).unwrap_or(NonZeroU32::MIN);
        Self {
            json_body: 1 << 20,
            hook_body: 4 << 20,
            file_body: 50_000_000,
            media_body: 100 << 20,
            visitor_body: 20 << 20,
            visits_per_address: n(600),
            uploads_per_address: n(30),
            unsent_per_address: n(60),
            upload_bytes_per_address: 1 << 30,
            streams_per_address: n(60),
            hooks_per_second: n(500),
            sign_in_per_address: n(30),
            sign_in_per_email: n(10),
            session_days: n(30),
            event_days: n(30),
            slow_screen_seconds: n(10),
        }
    }
}

/// Why a configuration cannot be used; the text names the key.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("configuration: {0}")]
    Unreadable(Box<figment::Error>),
    #[error("configuration: {key}: {problem}")]
    Senseless { key: &'static str, problem: String },
}

impl Config {
    /// Reads [`FILE`] in the working directory and the environment.
    pub fn load() -> Result<Self, ConfigError> {
        Self::from_figment(
            Figment::from(Serialized::defaults(Self::default()))
                .merge(Toml::file(FILE))
                .merge(environment()),
        )
    }

    /// Reads `toml` over the defaults, without looking at the machine.
    pub fn parse(toml: &str) -> Result<Self, ConfigError> {
        Self::from_figment(
            Figment::from(Serialized::defaults(Self::default())).merge(Toml::string(toml)),
        )
    }

    fn from_figment(figment: Figment) -> Result<Self, ConfigError> {
        let config: Self = figment
            .extract()
            .map_err(|error| ConfigError::Unreadable(Box::new(error)))?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let senseless = |key, problem: &str| {
            Err(ConfigError::Senseless {
                key,
                problem: problem.to_owned(),
            })
        };
        if let Some(url) = &self.database_url
            && !(url.0.starts_with("postgres://") || url.0.starts_with("postgresql://"))
        {
            return senseless(
                "database_url",
                "must begin with postgres:// (leave it out for SQLite)",
            );
        }
        if let Some(url) = &self.public_url
            && (!matches!(url.scheme(), "http" | "https")
                || url.query().is_some()
                || url.path() != "/")
        {
            return senseless(
                "public_url",
                "must be http:// or https:// with a host and no path",
            );
        }
        if let Some((key, problem)) = self.files.senseless() {
            return senseless(key, problem);
        }
        if !self.dev.enabled && !self.dev.http_map.0.is_empty() {
            return senseless("dev.http_map", "needs dev.enabled = true");
        }
        if self.data_dir.as_os_str().is_empty() {
            return senseless("data_dir", "is empty");
        }
        for (key, bytes) in [
            ("limits.json_body", self.limits.json_body),
            ("limits.hook_body", self.limits.hook_body),
            ("limits.file_body", self.limits.file_body),
            ("limits.media_body", self.limits.media_body),
            ("limits.visitor_body", self.limits.visitor_body),
        ] {
            if !(1024..=1 << 30).contains(&bytes) {
                return senseless(key, "must be between 1024 and 1073741824 bytes");
            }
        }
        self.allowance().map(drop)
    }

    /// What every plugin may use, where nothing else is set for its workspace.
    ///
    /// # Errors
    /// A name in `plugin_limits` that is none, or a number that is too large.
    pub fn allowance(&self) -> Result<Allowance, ConfigError> {
        let set = self.plugin_limits.iter();
        Allowance::default()
            .with(set.map(|(name, number)| (name.as_str(), *number)))
            .map_err(|problem| ConfigError::Senseless {
                key: "plugin_limits",
                problem,
            })
    }

    /// Where people reach this server that listens at `address`: without a trailing slash.
    pub fn public_base(&self, address: SocketAddr) -> String {
        match &self.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("http://{address}"),
        }
    }

    /// Whether browsers reach this server over TLS.
    pub fn is_https(&self) -> bool {
        self.public_url
            .as_ref()
            .is_some_and(|url| url.scheme() == "https")
    }
}

/// Keys whose texts may look like numbers.
const TEXTS: [&str; 4] = [
    "master_key",
    "database_url",
    "files__access_key_id",
    "files__secret_access_key",
];

/// `BALCAO_…`; texts that look like numbers stay texts where the key is one.
fn environment() -> Figment {
    let mut figment = Figment::from(
        Env::prefixed("BALCAO_")
            .filter(|key| !key.as_str().starts_with(TEST_VARIABLES))
            .ignore(&TEXTS)
            .split("__"),
    );
    for key in TEXTS {
        if let Some(value) = Env::var(&format!("BALCAO_{}", key.to_uppercase())) {
            figment = figment.merge(Serialized::default(&key.replace("__", "."), value));
        }
    }
    figment
}

/// A text that never shows in logs or error messages.
#[derive(Clone, Deserialize, Serialize, PartialEq, Eq)]
#[serde(transparent)]
pub struct Hidden(pub String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}

/// An address as a text; an empty one is none.
mod url_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use url::Url;

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
        let text = Option::<String>::deserialize(from)?.unwrap_or_default();
        if text.is_empty() {
            return Ok(None);
        }
        Url::parse(&text).map(Some).map_err(D::Error::custom)
    }

    pub fn serialize<S: Serializer>(url: &Option<Url>, to: S) -> Result<S::Ok, S::Error> {
        match url {
            Some(url) => to.serialize_some(url.as_str()),
            None => to.serialize_none(),
        }
    }
}

/// Hosts whose requests go elsewhere, written `host=url,host=url`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpMap(pub Vec<(String, Url)>);

impl<'de> Deserialize<'de> for HttpMap {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .map(parse_mapping)
            .collect::<Result<_, _>>()
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

impl Serialize for HttpMap {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let entries: Vec<_> = self
            .0
            .iter()
            .map(|(host, url)| format!("{host}={url}"))
            .collect();
        to.serialize_str(&entries.join(","))
    }
}

fn parse_mapping(entry: &str) -> Result<(String, Url), String> {
    let (host, url) = entry
        .split_once('=')
        .ok_or_else(|| format!("`{entry}` is not host=url"))?;
    let url = Url::parse(url.trim()).map_err(|error| format!("`{entry}`: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("`{entry}`: only http and https addresses"));
    }
    Ok((host.trim().to_ascii_lowercase(), url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_configuration_is_the_defaults() {
        let config = Config::parse("").unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.data_dir, PathBuf::from("data"));
        assert!(config.database_url.is_none());
        assert!(!config.dev.enabled);
    }

    #[test]
    fn every_key_is_documented() {
        let page = include_str!("../../docs/configuration.md");
        let all = serde_json::to_value(Config::default()).unwrap();
        let mut keys = Vec::new();
        for (key, value) in all.as_object().unwrap() {
            match value.as_object().filter(|below| !below.is_empty()) {
                Some(below) => keys.extend(below.keys().map(|name| format!("{key}.{name}"))),
                None => keys.push(key.clone()),
            }
        }
        assert!(keys.len() > 15, "{keys:?}");
        for key in keys {
            assert!(page.contains(&format!("| `{key}` |")), "{key}");
        }
    }

    #[test]
    fn an_unknown_key_is_named_in_the_error() {
        let error = Config::parse("lissten = \"127.0.0.1:1\"")
            .unwrap_err()
            .to_string();
        assert!(error.contains("lissten"), "{error}");
        let error = Config::parse("[limits]\nhook_bodi = 1")
            .unwrap_err()
            .to_string();
        assert!(error.contains("hook_bodi"), "{error}");
    }

    #[test]
    fn nonsense_is_refused_with_its_key() {
        for (toml, key) in [
            ("listen = \"here\"", "listen"),
            ("database_url = \"mysql://x\"", "database_url"),
            ("public_url = \"https://example.org/under\"", "public_url"),
            ("public_url = \"ftp://example.org\"", "public_url"),
            ("[dev]\nhttp_map = \"a=http://127.0.0.1:1\"", "dev.http_map"),
            ("[dev]\nenabled = true\nhttp_map = \"nothing\"", "http_map"),
            ("[files]\nurl = \"https://bucket\"", "files.url"),
            ("[files]\nurl = \"s3:///prefix\"", "files.url"),
            ("[files]\nendpoint = \"http://127.0.0.1:9\"", "files.url"),
            (
                "[files]\nurl = \"s3://b\"\naccess_key_id = \"a\"",
                "files.secret_access_key",
            ),
            (
                "[files]\nurl = \"s3://b\"\nendpoint = \"ftp://x\"",
                "files.endpoint",
            ),
            ("[limits]\nhook_body = 1", "limits.hook_body"),
            ("[limits]\nhooks_per_second = 0", "hooks_per_second"),
            ("[plugin_limits]\nstorage_byte = 1", "storage_byte"),
            ("[plugin_limits]\ntimers = -1", "timers"),
        ] {
            let error = Config::parse(toml).unwrap_err().to_string();
            assert!(error.contains(key), "{toml}: {error}");
        }
    }

    #[test]
    fn limits_of_plugins_are_set_by_name_over_the_defaults() {
        let config = Config::parse("[plugin_limits]\nstorage_bytes = 1000\ncpu_ms = 7").unwrap();
        let (set, default) = (config.allowance().unwrap(), Allowance::default());
        assert_eq!((set.quotas.storage_bytes, set.call.cpu_ms), (1_000, 7));
        assert_eq!(set.quotas.timers, default.quotas.timers);
    }

    #[test]
    fn a_map_of_hosts_is_read_and_secrets_never_show() {
        let config = Config::parse(
            "master_key = \"0011\"\n[dev]\nenabled = true\nhttp_map = \"A.example=http://127.0.0.1:9101, b=https://b.test\"",
        )
        .unwrap();
        let hosts: Vec<_> = config
            .dev
            .http_map
            .0
            .iter()
            .map(|(host, _)| host.as_str())
            .collect();
        assert_eq!(hosts, ["a.example", "b"]);
        assert!(!format!("{config:?}").contains("0011"));
    }
}
