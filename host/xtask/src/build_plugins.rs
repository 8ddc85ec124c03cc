//! `cargo xtask build-plugins`: from the crates in `plugins/` to the packages in `dist/plugins/`, and the misbehaving ones of the tests to
//! cargo's build folder. Owns how a component is compiled, wrapped and put together; never runs one.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use wit_component::ComponentEncoder;

use crate::project::Project;

/// Imports nothing by itself, so that a component's imports are what its plugin asks for. A crate may name another one in its
/// `[package.metadata.balcao]`.
const TARGET: &str = "wasm32-unknown-unknown";
/// The profile of the workspace that plugins are built with.
const PROFILE: &str = "plugin";
/// Bytes of a plugin's stack, in place of rustc's megabyte, all of which the host would have to reset after each call: a twentieth of a call
/// for each 64 KiB. JSON nested as deeply as it may be takes 32 to 64 KiB (`host/tests/cli_plugin.rs`); beyond it a plugin traps.
const STACK: usize = 64 * 1024;

#[derive(clap::Args, Debug, Default)]
pub struct Options {
    /// Only this plugin.
    #[arg(long, value_name = "ID")]
    only: Option<String>,
    /// Where to put the packages, instead of dist/plugins.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Build the misbehaving plugins of the tests as well, into cargo's build folder.
    #[arg(long)]
    fixtures: bool,
}

/// The task as asked for on the command line.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let out = options.out.clone().unwrap_or_else(|| project.plugins());
    build_plugins(project, options.only.as_deref(), &out)?;
    if options.fixtures {
        build_fixtures(project, &project.fixtures())?;
    }
    Ok(())
}

/// Builds every plugin (or one) into `out`, which then holds `<id>.wasm` of each and, if all were built, nothing else.
///
/// # Errors
/// What cargo or the wrapping of a component refuses; a manifest that is missing or of another id than its folder.
pub fn build_plugins(project: &Project, only: Option<&str>, out: &Path) -> Result<()> {
    let mut crates = Crate::all(&project.root.join("plugins"), "plugin")?;
    if let Some(only) = only {
        crates.retain(|plugin| plugin.id == only);
        ensure!(
            !crates.is_empty(),
            "there is no plugin {only:?} in plugins/"
        );
    }
    build(project, &crates, out)?;
    if only.is_none() {
        remove_others(out, &crates)?;
    }
    Ok(())
}

/// Builds the misbehaving plugins of the tests into `out`, as [`build_plugins`] does.
///
/// # Errors
/// As [`build_plugins`].
pub fn build_fixtures(project: &Project, out: &Path) -> Result<()> {
    let crates = Crate::all(&project.root.join("plugins/fixtures"), "fixture")?;
    build(project, &crates, out)?;
    remove_others(out, &crates)
}

fn build(project: &Project, crates: &[Crate], out: &Path) -> Result<()> {
    let targets: BTreeSet<&str> = crates.iter().map(|it| it.target.as_str()).collect();
    for target in targets {
        require_target(project, target)?;
    }
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    for plugin in crates {
        let module = plugin.compile(project)?;
        let package = plugin
            .package(&module)
            .with_context(|| format!("{} does not make a package", plugin.folder.display()))?;
        let file = out.join(format!("{}.wasm", plugin.id));
        let written = write_if_changed(&file, &package)?;
        let what = if written { "built" } else { "unchanged" };
        eprintln!("{:>9} {} ({} KiB)", what, plugin.id, package.len() / 1024);
    }
    Ok(())
}

/// A plugin's sources.
struct Crate {
    id: String,
    /// `plugin-<id>` or `fixture-<id>`.
    package: String,
    folder: PathBuf,
    /// Of rustc.
    target: String,
}

impl Crate {
    /// The crates in the folders of `parent`, in order of their ids.
    fn all(parent: &Path, prefix: &str) -> Result<Vec<Self>> {
        let mut crates = Vec::new();
        let entries =
            fs::read_dir(parent).with_context(|| format!("cannot read {}", parent.display()))?;
        for entry in entries {
            let folder = entry?.path();
            if !folder.join("Cargo.toml").is_file() {
                continue;
            }
            let id = folder
                .file_name()
                .and_then(OsStr::to_str)
                .context("a folder's name is not UTF-8")?
                .to_owned();
            crates.push(Self {
                package: format!("{prefix}-{id}"),
                target: target_of(&folder)?,
                id,
                folder,
            });
        }
        crates.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(crates)
    }

    /// The core module that cargo makes of the crate. The crate itself is a plain library, so that native builds need no linker
    /// for it and link-time optimisation is not lost to a mixed crate type.
    fn compile(&self, project: &Project) -> Result<Vec<u8>> {
        let mut cargo = project.cargo();
        cargo
            .args(["rustc", "--quiet", "--lib", "--crate-type", "cdylib"])
            .args(["--target", &self.target, "--profile", PROFILE])
            .args(["--package", &self.package])
            .env(
                "CARGO_ENCODED_RUSTFLAGS",
                rust_flags(project).join("\u{1f}"),
            )
            .env_remove("RUSTFLAGS");
        let status = cargo.status().context("cargo does not start")?;
        ensure!(status.success(), "{} does not compile", self.package);
        let module = format!("{}.wasm", self.package.replace('-', "_"));
        let module = project.target.join(&self.target).join(PROFILE).join(module);
        fs::read(&module).with_context(|| format!("cannot read {}", module.display()))
    }

    /// The package: the module as a component, with the manifest and the assets in sections of their own.
    fn package(&self, module: &[u8]) -> Result<Vec<u8>> {
        // Some targets' linkers make the component themselves.
        let mut package = match module.get(4..8) {
            Some(COMPONENT) => module.to_vec(),
            _ => ComponentEncoder::default()
                .validate(true)
                .module(module)?
                .encode()?,
        };
        let manifest = self.manifest()?;
        append(&mut package, "balcao:manifest", manifest.as_bytes());
        for (name, bytes) in assets(&self.folder.join("assets"))? {
            append(&mut package, &format!("balcao:asset/{name}"), &bytes);
        }
        Ok(package)
    }

    fn manifest(&self) -> Result<String> {
        let text = fs::read_to_string(self.folder.join("plugin.toml"))
            .context("plugin.toml cannot be read")?;
        let manifest: toml::Table = toml::from_str(&text).context("plugin.toml is not TOML")?;
        let id = manifest.get("id").and_then(toml::Value::as_str);
        if id != Some(&self.id) {
            bail!(
                "plugin.toml must have id = {:?}, the folder's name",
                self.id
            );
        }
        Ok(text)
    }
}

/// What a component has after its magic number where a core module has `1`.
const COMPONENT: &[u8] = &[0x0d, 0, 1, 0];

/// The target that a crate's Cargo.toml names for itself, else the usual one.
fn target_of(folder: &Path) -> Result<String> {
    let file = folder.join("Cargo.toml");
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let manifest: toml::Table = toml::from_str(&text)
        .with_context(|| format!("{} has a Cargo.toml that is not TOML", folder.display()))?;
    let own = ["package", "metadata", "balcao"]
        .iter()
        .try_fold(&manifest, |table, key| table.get(*key)?.as_table())
        .and_then(|own| own.get("target")?.as_str());
    Ok(own.unwrap_or(TARGET).to_owned())
}

/// Appends a custom section: its id 0, then the length of what follows, the name (with its length) and the data. Written here because
/// the crate that does it in the runtime would bring the whole engine into this small program.
fn append(package: &mut Vec<u8>, name: &str, data: &[u8]) {
    let mut content = leb128(name.len());
    content.extend_from_slice(name.as_bytes());
    content.extend_from_slice(data);
    package.push(0);
    package.extend(leb128(content.len()));
    package.extend(content);
}

/// An unsigned number as Wasm writes it.
fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// Every file below a folder, by its path in it with `/`, in order; none where there is no folder.
fn assets(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_path_buf(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        if !folder.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path
                .file_name()
                .and_then(OsStr::to_str)
                .context("an asset's name is not UTF-8")?;
            let name = format!("{prefix}{name}");
            if path.is_dir() {
                folders.push((path, format!("{name}/")));
            } else {
                let bytes =
                    fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
                found.push((name, bytes));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The same sources give the same bytes wherever they lie: panic messages name files, and would name this machine's folders.
fn rust_flags(project: &Project) -> Vec<String> {
    let mut flags = vec![
        format!("-Clink-arg=-zstack-size={STACK}"),
        format!("--remap-path-prefix={}=balcao", project.root.display()),
    ];
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let sources = home.map(|home| home.join("registry/src"));
    let registries = sources.and_then(|sources| fs::read_dir(sources).ok());
    for registry in registries.into_iter().flatten().flatten() {
        flags.push(format!(
            "--remap-path-prefix={}=crates",
            registry.path().display()
        ));
    }
    flags
}

/// Sees to it that rustc can compile to Wasm.
fn require_target(project: &Project, target: &str) -> Result<()> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let asked = Command::new(rustc)
        .current_dir(&project.root)
        .args(["--print", "target-libdir", "--target", target])
        .output()
        .context("rustc does not start")?;
    let folder = String::from_utf8_lossy(&asked.stdout);
    if asked.status.success() && Path::new(folder.trim()).is_dir() {
        return Ok(());
    }
    eprintln!("   adding the Rust target {target}");
    let added = Command::new("rustup")
        .current_dir(&project.root)
        .args(["target", "add", target])
        .status();
    match added {
        Ok(status) if status.success() => Ok(()),
        _ => bail!("plugins need Rust's Wasm target: install it with `rustup target add {target}`"),
    }
}

/// Writes in one step, so that nobody reads half a package. False where the file is already so.
fn write_if_changed(file: &Path, bytes: &[u8]) -> Result<bool> {
    if fs::read(file).is_ok_and(|present| present == bytes) {
        return Ok(false);
    }
    let folder = file.parent().context("a package needs a folder")?;
    let mut temporary = tempfile::NamedTempFile::new_in(folder)
        .with_context(|| format!("cannot write in {}", folder.display()))?;
    temporary.write_all(bytes)?;
    temporary
        .persist(file)
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(true)
}

/// A plugin that is no longer in the sources must not be offered any more.
fn remove_others(out: &Path, crates: &[Crate]) -> Result<()> {
    let wanted: BTreeSet<String> = crates
        .iter()
        .map(|plugin| format!("{}.wasm", plugin.id))
        .collect();
    for entry in fs::read_dir(out)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !wanted.contains(&name) && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())
                .with_context(|| format!("cannot remove {}", entry.path().display()))?;
            eprintln!("  removed {name}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_written_only_where_it_changed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.wasm");
        assert!(write_if_changed(&file, b"one").unwrap());
        assert!(!write_if_changed(&file, b"one").unwrap());
        assert!(write_if_changed(&file, b"two").unwrap());
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_package_whose_plugin_is_gone_is_removed_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["kept.wasm", "gone.wasm"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        let kept = Crate {
            id: "kept".into(),
            package: "plugin-kept".into(),
            folder: PathBuf::new(),
            target: TARGET.into(),
        };
        remove_others(folder.path(), &[kept]).unwrap();
        let left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["kept.wasm"]);
    }

    #[test]
    fn a_section_is_its_id_its_length_its_name_and_its_data() {
        let mut package = b"\0asm".to_vec();
        append(&mut package, "ab", &[7; 200]);
        let mut expected = b"\0asm\x00\xcb\x01\x02ab".to_vec();
        expected.extend([7; 200]);
        assert_eq!(package, expected);
    }

    #[test]
    fn assets_are_named_by_their_path_in_order_and_no_folder_means_none() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("img")).unwrap();
        fs::write(folder.path().join("img/a.png"), "a").unwrap();
        fs::write(folder.path().join("icon.svg"), "i").unwrap();
        let named = [
            ("icon.svg".to_owned(), b"i".to_vec()),
            ("img/a.png".to_owned(), b"a".to_vec()),
        ];
        assert_eq!(assets(folder.path()).unwrap(), named);
        assert_eq!(assets(&folder.path().join("none")).unwrap(), []);
    }
}
