//! A package: one file, a valid component whose custom sections hold the manifest and the assets (DESIGN §6). Owns reading it from
//! untrusted bytes, its digest, and writing the sections. Never compiles or runs the component.

use std::{collections::BTreeMap, fmt, ops::Range};

use bytes::Bytes;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use wasm_encoder::{ComponentSection as _, CustomSection};
use wasmparser::{ComponentExternalKind, Encoding, Parser, Payload, Validator};

use crate::manifest::{Manifest, Problem, schema};

/// Largest package in bytes.
pub const MAX_PACKAGE: usize = 64 << 20;
/// Largest manifest in bytes.
pub const MAX_MANIFEST: usize = 256 << 10;
/// Largest asset in bytes.
pub const MAX_ASSET: usize = 8 << 20;
/// Most assets.
pub const MAX_ASSETS: usize = 256;

const MANIFEST_SECTION: &str = "balcao:manifest";
const ASSET_SECTION: &str = "balcao:asset/";
const SIGNATURE_SECTION: &str = "balcao:signature";
/// Everything before it belongs to the format; other custom sections are none of our business.
const OWN_SECTIONS: &str = "balcao:";

/// A package that could be read. What its parts say together is `check`'s to judge.
#[derive(Clone)]
pub struct Package {
    bytes: Bytes,
    digest: Digest,
    manifest: Manifest,
    settings_schema: Option<serde_json::Value>,
    assets: BTreeMap<String, Bytes>,
    imports: Vec<Interface>,
    exports: Vec<Interface>,
    signature: Option<Bytes>,
}

/// SHA-256 of a package without its signature, written `sha256:<hex>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Something that a component imports or exports at its top level.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interface {
    /// `namespace:package/interface@version`, or whatever else the component calls it.
    pub name: String,
    /// False for a bare function, type or module, which no host interface is.
    pub is_instance: bool,
}

impl Interface {
    /// The name without its version.
    pub fn unversioned(&self) -> &str {
        self.name
            .split_once('@')
            .map_or(&self.name, |(name, _)| name)
    }

    /// The version, if the name has one.
    pub fn version(&self) -> Option<&str> {
        self.name.split_once('@').map(|(_, version)| version)
    }
}

/// Why bytes are not a package.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PackageError {
    #[error("{what} is larger than {limit} bytes")]
    TooLarge { what: String, limit: usize },
    #[error("it is not a WebAssembly component: {0}")]
    NotAComponent(String),
    #[error("it holds no manifest; `cargo xtask build-plugins` appends it from plugin.toml")]
    NoManifest,
    #[error("its section `{name}` is not acceptable: {reason}")]
    Section { name: String, reason: &'static str },
    #[error("{}", list(.0))]
    Problems(Vec<Problem>),
}

fn list(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

/// In one line.
fn not_a_component(bytes: &[u8], error: &wasmparser::BinaryReaderError) -> String {
    if !bytes.starts_with(b"\0asm") {
        return "it does not begin like one".to_owned();
    }
    let text = error.to_string();
    text.lines().next().unwrap_or_default().to_owned()
}

impl Package {
    /// Reads and validates untrusted bytes: the component's structure, the manifest, the assets.
    ///
    /// # Errors
    /// Anything that keeps it from being installed whatever the rest says.
    pub fn read(bytes: Bytes) -> Result<Self, PackageError> {
        bounded("the package", bytes.len(), MAX_PACKAGE)?;
        Validator::new()
            .validate_all(&bytes)
            .map_err(|error| PackageError::NotAComponent(not_a_component(&bytes, &error)))?;
        let sections = Sections::read(&bytes)?;
        let manifest = sections.manifest.ok_or(PackageError::NoManifest)?;
        let manifest = std::str::from_utf8(&bytes[manifest])
            .map_err(|_| section(MANIFEST_SECTION, "it is not UTF-8"))?;
        let manifest = Manifest::parse(manifest).map_err(PackageError::Problems)?;
        let assets: BTreeMap<String, Bytes> = sections
            .assets
            .into_iter()
            .map(|(name, range)| (name, bytes.slice(range)))
            .collect();
        let settings_schema = read_assets(&manifest, &assets).map_err(PackageError::Problems)?;
        Ok(Self {
            digest: Digest(Sha256::digest(&bytes[..sections.signed]).into()),
            manifest,
            settings_schema,
            assets,
            imports: sections.imports,
            exports: sections.exports,
            signature: sections.signature.map(|range| bytes.slice(range)),
            bytes,
        })
    }

    /// The whole file: a component that any tool reads.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// By what it is addressed; the same with another signature.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The JSON Schema of the settings form.
    pub fn settings_schema(&self) -> Option<&serde_json::Value> {
        self.settings_schema.as_ref()
    }

    /// Name and content of each asset, by name.
    pub fn assets(&self) -> &BTreeMap<String, Bytes> {
        &self.assets
    }

    /// What the component asks for, in its order.
    pub fn imports(&self) -> &[Interface] {
        &self.imports
    }

    /// What it contributes, in its order.
    pub fn exports(&self) -> &[Interface] {
        &self.exports
    }

    /// Whether it imports this interface, given without version.
    pub fn has_import(&self, interface: &str) -> bool {
        self.imports
            .iter()
            .any(|i| i.is_instance && i.unversioned() == interface)
    }

    /// The signature's bytes, not verified.
    pub fn signature(&self) -> Option<&Bytes> {
        self.signature.as_ref()
    }
}

impl fmt::Debug for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Package({} {} {})",
            self.manifest.id, self.manifest.version, self.digest
        )
    }
}

/// Makes a package of a component: appends the manifest's text and the assets (relative name and content).
///
/// Checks nothing; [`Package::read`] does.
pub fn append<'a>(
    component: &[u8],
    manifest: &str,
    assets: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> Vec<u8> {
    let mut package = component.to_vec();
    let manifest = CustomSection {
        name: MANIFEST_SECTION.into(),
        data: manifest.as_bytes().into(),
    };
    manifest.append_to_component(&mut package);
    for (name, content) in assets {
        let asset = CustomSection {
            name: format!("{ASSET_SECTION}{name}").into(),
            data: content.into(),
        };
        asset.append_to_component(&mut package);
    }
    package
}

/// What is needed of the binary, as ranges of it.
#[derive(Default)]
struct Sections {
    manifest: Option<Range<usize>>,
    assets: BTreeMap<String, Range<usize>>,
    signature: Option<Range<usize>>,
    /// Up to where the signature, if any, signs.
    signed: usize,
    imports: Vec<Interface>,
    exports: Vec<Interface>,
}

impl Sections {
    fn read(bytes: &[u8]) -> Result<Self, PackageError> {
        let broken =
            |error: wasmparser::BinaryReaderError| PackageError::NotAComponent(error.to_string());
        let mut found = Self::default();
        let mut depth = 0_u32;
        // Where the latest top-level section ended: the next one begins there, header included.
        let mut end = 0;
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(broken)?;
            match &payload {
                Payload::Version {
                    encoding, range, ..
                } => {
                    if depth == 0 && *encoding != Encoding::Component {
                        return Err(PackageError::NotAComponent(
                            "it is a core module; make a component of it with wit-component".into(),
                        ));
                    }
                    end = end.max(range.end);
                }
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(offset) => {
                    depth = depth.saturating_sub(1);
                    end = end.max(*offset);
                }
                Payload::ComponentImportSection(reader) if depth == 0 => {
                    for import in reader.clone() {
                        let import = import.map_err(broken)?;
                        found
                            .imports
                            .push(interface(import.name.name, import.ty.kind()));
                    }
                }
                Payload::ComponentExportSection(reader) if depth == 0 => {
                    for export in reader.clone() {
                        let export = export.map_err(broken)?;
                        found.exports.push(interface(export.name.name, export.kind));
                    }
                }
                Payload::CustomSection(reader)
                    if depth == 0 && reader.name().starts_with(OWN_SECTIONS) =>
                {
                    let data = reader.data_offset()..reader.data_offset() + reader.data().len();
                    found.own(reader.name(), data, end)?;
                }
                _ => {}
            }
            if let Some((_, range)) = payload.as_section().filter(|_| depth == 0) {
                end = end.max(range.end);
            }
        }
        match &found.signature {
            None => found.signed = bytes.len(),
            Some(range) if range.end == bytes.len() => {}
            // What follows would be outside the digest: anybody could add it.
            Some(_) => {
                return Err(section(
                    SIGNATURE_SECTION,
                    "nothing may follow the signature",
                ));
            }
        }
        Ok(found)
    }

    fn own(&mut self, name: &str, data: Range<usize>, start: usize) -> Result<(), PackageError> {
        if self.signature.is_some() {
            return Err(section(name, "nothing may follow the signature"));
        }
        if let Some(asset) = name.strip_prefix(ASSET_SECTION) {
            if !is_asset_name(asset) {
                return Err(section(
                    name,
                    "an asset's name is a relative path of letters, digits, `.`, `_` and `-`, without `..`",
                ));
            }
            bounded(name, data.len(), MAX_ASSET)?;
            if self.assets.len() == MAX_ASSETS {
                return Err(section(name, "there are too many assets"));
            }
            if self.assets.insert(asset.to_owned(), data).is_some() {
                return Err(section(name, "there is another one of that name"));
            }
        } else if name == MANIFEST_SECTION {
            bounded(name, data.len(), MAX_MANIFEST)?;
            if self.manifest.replace(data).is_some() {
                return Err(section(name, "there is another one of that name"));
            }
        } else if name == SIGNATURE_SECTION {
            self.signature = Some(data);
            self.signed = start;
        } else {
            return Err(section(
                name,
                "this version of the host knows no such section",
            ));
        }
        Ok(())
    }
}

fn interface(name: &str, kind: ComponentExternalKind) -> Interface {
    Interface {
        name: name.to_owned(),
        is_instance: kind == ComponentExternalKind::Instance,
    }
}

fn bounded(what: &str, size: usize, limit: usize) -> Result<(), PackageError> {
    if size > limit {
        return Err(PackageError::TooLarge {
            what: what.to_owned(),
            limit,
        });
    }
    Ok(())
}

fn section(name: &str, reason: &'static str) -> PackageError {
    PackageError::Section {
        name: name.chars().take(200).collect(),
        reason,
    }
}

/// Safe as a path below any folder and as a part of a URL, on any system.
fn is_asset_name(name: &str) -> bool {
    name.len() <= 200
        && name.split('/').all(|part| {
            !part.is_empty()
                && !part.starts_with('.')
                && !part.ends_with('.')
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        })
}

/// The assets that the manifest names, and the settings schema read.
fn read_assets(
    manifest: &Manifest,
    assets: &BTreeMap<String, Bytes>,
) -> Result<Option<serde_json::Value>, Vec<Problem>> {
    let mut found = Vec::new();
    let missing = |place: &str, name: &str| {
        Problem::error(
            "asset-missing",
            place,
            format!("there is no asset `{name}`"),
            format!("add the file assets/{name}, or correct the name"),
        )
    };
    if let Some(icon) = manifest
        .icon
        .as_ref()
        .filter(|icon| !assets.contains_key(*icon))
    {
        found.push(missing("icon", icon));
    }
    for (i, name) in manifest.public_assets.iter().enumerate() {
        if !assets.contains_key(name) {
            found.push(missing(&format!("public-assets[{i}]"), name));
        }
    }
    let mut settings_schema = None;
    if let Some(settings) = &manifest.settings {
        match assets
            .get(&settings.schema)
            .map(|bytes| schema::read(manifest, &settings.schema, bytes))
        {
            None => found.push(missing("settings.schema", &settings.schema)),
            Some(Ok(schema)) => settings_schema = Some(schema),
            Some(Err(problems)) => found.extend(problems),
        }
    }
    if found.is_empty() {
        Ok(settings_schema)
    } else {
        Err(found)
    }
}

#[cfg(test)]
pub(crate) mod tests;
