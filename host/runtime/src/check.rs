//! What `balcao plugin check` says of a package: what it is, asks for and contributes, and every problem with its remedy. Owns the rules
//! between the manifest and the component; those of each alone are `manifest`'s and `package`'s.

use std::fmt;

use bytes::Bytes;
use serde::Serialize;

use crate::{
    manifest::{Problem, Severity},
    package::{Digest, Package, PackageError},
    permissions::{self, Contribution, Permission, Permissions},
};

/// The outcome, as text or JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// None where nothing could be read.
    pub id: Option<String>,
    pub version: Option<String>,
    pub publisher: Option<String>,
    pub digest: Option<Digest>,
    /// The form's JSON Schema.
    pub settings_schema: Option<serde_json::Value>,
    pub secrets: Vec<SecretReport>,
    pub permissions: Vec<Permission>,
    /// What the language runtime brought along; it is given nothing.
    pub language_runtime: Vec<String>,
    pub contributions: Vec<Contribution>,
    pub problems: Vec<Problem>,
}

/// A secret and where it may go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretReport {
    pub name: String,
    /// Empty: never sent.
    pub placements: Vec<String>,
}

impl Report {
    /// Whether it may be installed.
    pub fn is_acceptable(&self) -> bool {
        self.problems.iter().all(|p| p.severity != Severity::Error)
    }
}

/// Checks whatever a file held; what is no package gives a report of problems only.
pub fn check_bytes(bytes: Bytes) -> Report {
    match Package::read(bytes) {
        Ok(package) => check(&package),
        Err(error) => unreadable(error),
    }
}

/// Checks a package that could be read.
pub fn check(package: &Package) -> Report {
    let manifest = package.manifest();
    let permissions = Permissions::of(package);
    let mut problems = manifest.problems();
    problems.extend(imports(package, &permissions));
    problems.extend(exports(package));
    problems.extend(http_and_secrets(package));
    problems.sort_by_key(|problem| problem.severity);
    let secrets = manifest.secrets.iter().map(|secret| SecretReport {
        name: secret.name.clone(),
        placements: secret.placements.iter().map(ToString::to_string).collect(),
    });
    Report {
        id: Some(manifest.id.clone()),
        version: Some(manifest.version.clone()),
        publisher: Some(manifest.publisher.clone()),
        digest: Some(package.digest()),
        settings_schema: package.settings_schema().cloned(),
        secrets: secrets.collect(),
        permissions: permissions.asked,
        language_runtime: permissions.runtime,
        contributions: permissions::contributions(package),
        problems,
    }
}

fn unreadable(error: PackageError) -> Report {
    let problems = match error {
        PackageError::Problems(problems) => problems,
        PackageError::TooLarge { .. } => vec![Problem::error(
            "too-large",
            "package",
            error.to_string(),
            "make it smaller; large files are better fetched than packed",
        )],
        PackageError::NotAComponent(_) => vec![Problem::error(
            "component",
            "package",
            error.to_string(),
            "build it with a tool that makes WebAssembly components (`cargo xtask build-plugins` does, for plugins in Rust)",
        )],
        PackageError::NoManifest => vec![Problem::error(
            "manifest",
            "package",
            error.to_string(),
            "build it with `cargo xtask build-plugins`, which appends plugin.toml and the assets",
        )],
        PackageError::Section { .. } => vec![Problem::error(
            "section",
            "package",
            error.to_string(),
            "build it again from its folder",
        )],
    };
    Report {
        id: None,
        version: None,
        publisher: None,
        digest: None,
        settings_schema: None,
        secrets: Vec::new(),
        permissions: Vec::new(),
        language_runtime: Vec::new(),
        contributions: Vec::new(),
        problems,
    }
}

fn imports(package: &Package, permissions: &Permissions) -> Vec<Problem> {
    let mut found = Vec::new();
    for name in &permissions.unknown {
        found.push(Problem::error(
            "import-unknown",
            "component",
            format!("it asks for `{name}`, which this host does not offer"),
            "leave it out of the plugin's world, or install the package on a host that offers it",
        ));
    }
    let channel = contributes(package, "balcao:connector/channel");
    for name in ["balcao:connector/inbox", "balcao:connector/visitors"] {
        if package.has_import(name) && !channel {
            found.push(Problem::warning(
                "import-without-channel",
                "component",
                format!(
                    "it imports `{name}`, which works in calls about a channel only, but has none"
                ),
                "export `balcao:connector/channel`, or leave the import out",
            ));
        }
    }
    if !package.manifest().public_assets.is_empty()
        && !package.has_import("balcao:connector/visitors")
    {
        found.push(Problem::warning(
            "assets-unserved",
            "public-assets",
            "public assets are served by channels with visitors only",
            "import `balcao:connector/visitors`, or remove `public-assets`",
        ));
    }
    if package.has_import("balcao:platform/timers")
        && !contributes(package, "balcao:app/timer-events")
    {
        found.push(Problem::warning(
            "timers-unheard",
            "component",
            "it may set timers, but nothing would handle them",
            "export `balcao:app/timer-events`, or leave `balcao:platform/timers` out",
        ));
    }
    let imported = package.has_import("balcao:platform/collections");
    let declared = !package.manifest().collections.is_empty();
    if imported != declared {
        let (message, remedy) = if imported {
            (
                "it imports `balcao:platform/collections`, but the manifest declares none",
                "add [[collections]], or leave the import out",
            )
        } else {
            (
                "the manifest declares collections, but the component cannot use them",
                "import `balcao:platform/collections`, or remove [[collections]]",
            )
        };
        found.push(Problem::warning(
            "collections",
            "collections",
            message,
            remedy,
        ));
    }
    found
}

/// Whether it exports this interface (given without version) at a version that the host calls.
fn contributes(package: &Package, interface: &str) -> bool {
    package
        .exports()
        .iter()
        .any(|e| e.unversioned() == interface && permissions::is_contribution(e))
}

/// Sections of the manifest and the export that they need, both ways.
fn exports(package: &Package) -> Vec<Problem> {
    let manifest = package.manifest();
    let mut found = Vec::new();
    let sections = [
        (
            "subscriptions",
            "balcao:app/events",
            manifest.subscriptions.len(),
        ),
        ("actions", "balcao:app/actions", manifest.actions.len()),
        ("views", "balcao:app/views", manifest.views.len()),
        ("reports", "balcao:app/reports", manifest.reports.len()),
        (
            "webhook.verify",
            "balcao:connector/channel",
            manifest.webhook.verify.len(),
        ),
    ];
    for (section, export, entries) in sections {
        match (entries > 0, contributes(package, export)) {
            (true, false) => found.push(Problem::error(
                "export-missing",
                section,
                format!("the manifest has [[{section}]], but the component does not export `{export}`"),
                format!("export `{export}`, or remove [[{section}]]"),
            )),
            (false, true) if section == "webhook.verify" => found.push(Problem::error(
                "webhook-unverified",
                section,
                "the channel does not say how its webhooks are verified, so none would be accepted",
                "add [[webhook.verify]] (`kind = \"hmac\"`, `\"header\"` or `\"query\"`; `\"none\"` where the plugin itself tells who asks)",
            )),
            (false, true) => found.push(Problem::warning(
                "export-unused",
                section,
                format!("the component exports `{export}`, but the manifest has no [[{section}]]: it will never be called"),
                format!("add [[{section}]], or leave the export out"),
            )),
            _ => {}
        }
    }
    for name in [
        "balcao:connector/channel-media",
        "balcao:connector/channel-signals",
        "balcao:connector/channel-edits",
    ] {
        if contributes(package, name) && !contributes(package, "balcao:connector/channel") {
            found.push(Problem::error(
                "export-without-channel",
                "component",
                format!("`{name}` belongs to a channel, and there is none"),
                "export `balcao:connector/channel`",
            ));
        }
    }
    for export in package
        .exports()
        .iter()
        .filter(|e| e.name.starts_with("balcao:") && !permissions::is_contribution(e))
    {
        found.push(Problem::warning(
            "export-unknown",
            "component",
            format!(
                "this host does not know the export `{}`; it will never be called",
                export.name
            ),
            "correct its version, or leave it out",
        ));
    }
    if permissions::contributions(package).is_empty() {
        found.push(Problem::error(
            "contributes-nothing",
            "component",
            "it exports nothing that the host calls",
            "export at least one of the contributions, for example `balcao:app/events`",
        ));
    }
    found
}

fn http_and_secrets(package: &Package) -> Vec<Problem> {
    let manifest = package.manifest();
    let mut found = Vec::new();
    let http = ["balcao:platform/http", "wasi:http/outgoing-handler"]
        .iter()
        .any(|name| package.has_import(name));
    // `media.upload` and `channel-media.locate` send by the same policy.
    let fetches = http
        || package.has_import("balcao:desk/media")
        || contributes(package, "balcao:connector/channel");
    if http && manifest.http.hosts.is_empty() {
        found.push(Problem::warning(
            "hosts-missing",
            "http.hosts",
            "it imports HTTP, but may speak to no host: every request will be refused",
            "add `hosts = [\"api.example.com\"]` under [http], or leave the import out",
        ));
    }
    if !fetches && !manifest.http.hosts.is_empty() {
        found.push(Problem::warning(
            "hosts-unused",
            "http.hosts",
            "hosts are named, but nothing can speak to them",
            "import `balcao:platform/http`, or remove [http]",
        ));
    }
    let imported = package.has_import("balcao:platform/secrets");
    if imported && manifest.secrets.is_empty() {
        found.push(Problem::warning(
            "secrets-missing",
            "secrets",
            "it imports `balcao:platform/secrets`, but declares none",
            "add [[secrets]], or leave the import out",
        ));
    }
    for (i, secret) in manifest.secrets.iter().enumerate().filter(|_| !imported) {
        if !secret.placements.is_empty() {
            found.push(Problem::warning(
                "placement-unused",
                format!("secrets[{i}].placements"),
                format!(
                    "`{}` may be sent, but the component cannot ask for its handle",
                    secret.name
                ),
                "import `balcao:platform/secrets`, or remove the placements",
            ));
        } else if !manifest
            .webhook
            .verify
            .iter()
            .any(|rule| rule.secret() == Some(&secret.name))
        {
            found.push(Problem::warning(
                "secret-unused",
                format!("secrets[{i}]"),
                format!("nothing uses `{}`", secret.name),
                "import `balcao:platform/secrets`, name it in a [[webhook.verify]] rule, or remove it",
            ));
        }
    }
    found
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(id), Some(version), Some(publisher), Some(digest)) =
            (&self.id, &self.version, &self.publisher, &self.digest)
        {
            writeln!(f, "{id} {version} by {publisher}\n{digest}")?;
            self.fmt_settings(f)?;
            writeln!(f, "\nContributes")?;
            for contribution in &self.contributions {
                item(f, contribution.title.get("en"), &contribution.detail)?;
            }
            writeln!(f, "\nAsks for")?;
            if self.permissions.is_empty() {
                writeln!(f, "  nothing")?;
            }
            for permission in &self.permissions {
                item(f, permission.title.get("en"), &permission.detail)?;
            }
            if !self.language_runtime.is_empty() {
                item(
                    f,
                    "Language runtime, given nothing",
                    &[format!("{} interfaces", self.language_runtime.len())],
                )?;
            }
            writeln!(f)?;
        }
        if self.problems.is_empty() {
            return writeln!(f, "No problems.");
        }
        self.problems
            .iter()
            .try_for_each(|problem| writeln!(f, "{problem}"))
    }
}

impl Report {
    fn fmt_settings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(schema) = &self.settings_schema else {
            return Ok(());
        };
        writeln!(f, "\nSettings")?;
        for (name, property) in crate::manifest::schema::properties(schema) {
            let title = property
                .get("title")
                .and_then(serde_json::Value::as_str)
                .unwrap_or_default();
            match self.secrets.iter().find(|secret| secret.name == *name) {
                None => item(f, &format!("{name}: {title}"), &[])?,
                Some(secret) if secret.placements.is_empty() => {
                    item(f, &format!("{name}: {title} (secret, never sent)"), &[])?
                }
                Some(secret) => item(
                    f,
                    &format!("{name}: {title} (secret, sent only to)"),
                    &secret.placements,
                )?,
            }
        }
        Ok(())
    }
}

fn item(f: &mut fmt::Formatter<'_>, title: &str, detail: &[String]) -> fmt::Result {
    writeln!(f, "  {title}")?;
    detail.iter().try_for_each(|line| writeln!(f, "    {line}"))
}

#[cfg(test)]
mod tests;
