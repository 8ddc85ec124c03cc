//! Where things are: the clone, the build folder, the cache folder, and how cargo is called from inside cargo. Never builds anything itself.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// The folders every task works in.
pub struct Project {
    /// The clone's top folder.
    pub root: PathBuf,
    /// Cargo's target folder, wherever it was put.
    pub target: PathBuf,
}

impl Project {
    /// Finds the clone whose `cargo xtask` this is and asks cargo where it builds. Two clones may share a build folder, and cargo then takes this
    /// program from either: only what cargo says at run time is right.
    pub fn locate() -> Result<Self> {
        let manifest =
            env::var_os("CARGO_MANIFEST_DIR").context("start this with `cargo xtask`")?;
        let root = Path::new(&manifest)
            .ancestors()
            .nth(2)
            .context("xtask does not lie two folders below the project")?
            .to_path_buf();
        ensure!(
            root.join("wit").is_dir(),
            "{} is no longer this project's folder: run `cargo xtask` from the clone",
            root.display()
        );
        let mut project = Self {
            target: root.join("target"),
            root,
        };
        let output = project
            .cargo()
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .context("cargo does not start")?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let metadata: serde_json::Value =
            serde_json::from_slice(&output.stdout).context("cargo metadata is not JSON")?;
        let target = metadata["target_directory"]
            .as_str()
            .context("cargo metadata names no target folder")?;
        project.target = PathBuf::from(target);
        Ok(project)
    }

    /// Cargo in the clone. What the outer cargo told *us* about our own package is taken out of the environment: build scripts
    /// that watch those variables (ring's does) would otherwise build again each time.
    pub fn cargo(&self) -> Command {
        let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            let about_us = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"]
                .iter()
                .any(|prefix| text.starts_with(prefix));
            if about_us || text == "CARGO_CRATE_NAME" || text == "CARGO_PRIMARY_PACKAGE" {
                command.env_remove(&name);
            }
        }
        command
    }

    /// This very program with another task.
    pub fn xtask(&self, task: &str) -> Result<Command> {
        let mut command = Command::new(env::current_exe().context("xtask cannot find itself")?);
        command.current_dir(&self.root).arg(task);
        Ok(command)
    }

    /// A program of the workspace as the dev profile leaves it.
    pub fn built(&self, name: &str) -> PathBuf {
        self.target
            .join("debug")
            .join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }

    /// Where `build-plugins` leaves the packages.
    pub fn plugins(&self) -> PathBuf {
        self.root.join("dist").join("plugins")
    }

    /// Where `build-plugins` leaves the misbehaving components of the tests.
    pub fn fixtures(&self) -> PathBuf {
        self.target.join("fixtures")
    }

    /// The web interface's sources.
    pub fn ui(&self) -> PathBuf {
        self.root.join("host").join("ui")
    }
}

/// Tools fetched for the project are kept here, outside every clone.
pub fn cache() -> Result<PathBuf> {
    let base = match env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => env::home_dir().context("HOME is not set")?.join(".cache"),
    };
    Ok(base.join("balcao"))
}

/// True where what did not run counts as a failure.
pub fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|value| value == "true")
}

/// The full path of a program on `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(format!("{name}{}", env::consts::EXE_SUFFIX)))
        .find(|file| file.is_file())
}
