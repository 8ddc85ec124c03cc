//! The web interface and other npm folders: installed when their lock changed, built when their sources did.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, bail};

use crate::process::{self, Log};
use crate::project::{self, Project};

/// The oldest Node that the interface's tools take: major and minor.
const NODE: (u32, u32) = (20, 19);

/// Builds `host/ui/dist`, doing nothing where nothing changed.
pub fn build(project: &Project) -> Result<()> {
    let folder = project.ui();
    require_node()?;
    install(&folder, None)?;
    let stamp = folder.join("node_modules").join(".xtask-build");
    let sources = fingerprint(&folder)?;
    let built = folder.join("dist").join("index.html").is_file();
    if built && fs::read_to_string(&stamp).is_ok_and(|before| before == sources) {
        return Ok(());
    }
    process::run(npm(&folder, &["run", "--silent", "build"]))?;
    fs::write(&stamp, sources).with_context(|| format!("cannot write {}", stamp.display()))
}

/// The interface's own checks: types, unit tests, build.
pub fn check(project: &Project, log: &mut Log) -> Result<()> {
    let folder = project.ui();
    require_node()?;
    install(&folder, Some(log))?;
    for script in ["check", "test", "build"] {
        log.run(npm(&folder, &["run", script]))?;
    }
    Ok(())
}

/// `npm ci`, unless the lock is the one that was last installed.
pub fn install(folder: &Path, log: Option<&mut Log>) -> Result<()> {
    let lock = folder.join("package-lock.json");
    let wanted = fs::read(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let stamp = folder.join("node_modules").join(".xtask-lock");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let command = npm(folder, &["ci", "--no-audit", "--no-fund"]);
    match log {
        Some(log) => log.run(command)?,
        None => process::run(command)?,
    }
    // A folder without dependencies gets no node_modules from npm.
    fs::create_dir_all(folder.join("node_modules"))
        .and_then(|()| fs::write(&stamp, wanted))
        .with_context(|| format!("cannot write {}", stamp.display()))
}

/// One line saying what to install where Node is missing or too old.
pub fn require_node() -> Result<()> {
    let wanted = format!("install Node {}.{} or newer, with npm", NODE.0, NODE.1);
    if project::on_path("node").is_none() || project::on_path("npm").is_none() {
        bail!("Node is missing: {wanted}");
    }
    let mut ask = Command::new("node");
    ask.arg("--version");
    let printed = String::from_utf8_lossy(&process::capture(ask)?)
        .trim()
        .to_owned();
    match version(&printed) {
        Some(found) if found >= NODE => Ok(()),
        _ => bail!("Node {printed} is too old: {wanted}"),
    }
}

/// Major and minor of `v20.19.1`.
fn version(printed: &str) -> Option<(u32, u32)> {
    let mut numbers = printed.strip_prefix('v')?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn npm(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(folder).args(arguments);
    command
}

/// Name, length and time of every source, one a line.
fn fingerprint(folder: &Path) -> Result<String> {
    // The client's types are made from it.
    let mut files = vec![folder.with_file_name("openapi.json")];
    collect(folder, &mut files)?;
    files.sort();
    let mut text = String::new();
    for file in files {
        let unreadable = || format!("cannot read {}", file.display());
        let metadata = fs::metadata(&file).with_context(unreadable)?;
        let changed = metadata.modified().with_context(unreadable)?;
        let since = changed
            .duration_since(UNIX_EPOCH)
            .with_context(unreadable)?;
        writeln!(
            text,
            "{} {} {}",
            file.display(),
            metadata.len(),
            since.as_nanos()
        )?;
    }
    Ok(text)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let unreadable = || format!("cannot read {}", folder.display());
    for entry in fs::read_dir(folder).with_context(unreadable)? {
        let entry = entry.with_context(unreadable)?;
        let name = entry.file_name();
        if name == "node_modules" || name == "dist" || name == "generated" {
            continue;
        }
        match entry.file_type().with_context(unreadable)?.is_dir() {
            true => collect(&entry.path(), files)?,
            false => files.push(entry.path()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_compared_by_number() {
        assert_eq!(version("v20.19.1"), Some((20, 19)));
        assert!(version("v20.9.0").unwrap() < NODE);
        assert!(version("v22.0.0").unwrap() > NODE);
        assert_eq!(version("20"), None);
    }

    #[test]
    fn only_sources_change_the_fingerprint() {
        let host = tempfile::tempdir().unwrap();
        let ui = host.path().join("ui");
        let write = |path: &str, text: &str| {
            let path = host.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("openapi.json", "{}");
        write("ui/src/main.tsx", "one");
        let before = fingerprint(&ui).unwrap();
        write("ui/node_modules/react/index.js", "library");
        write("ui/dist/index.html", "built");
        write("ui/generated/api.d.ts", "types");
        assert_eq!(fingerprint(&ui).unwrap(), before);
        write("ui/src/main.tsx", "another");
        let changed = fingerprint(&ui).unwrap();
        assert_ne!(changed, before);
        write("openapi.json", "{\"openapi\": \"3.1.0\"}");
        assert_ne!(fingerprint(&ui).unwrap(), changed);
    }
}
