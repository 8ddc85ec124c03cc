//! Programs that Debian has ready, installed where we may. Never used where the program is already there.

use std::process::Command;

use anyhow::{Result, bail};

use crate::process::Log;
use crate::project;

/// Installs a Debian package as root; the error is one line that says what to do by hand.
pub fn install(package: &str, log: &mut Log) -> Result<()> {
    if project::on_path("apt-get").is_none() {
        bail!("{package} is not installed and there is no apt-get here: install it by hand");
    }
    if !is_root()? {
        bail!("{package} is not installed: run `sudo apt-get install {package}`");
    }
    // The lists may be old or empty; where they cannot be renewed the install itself says what is wrong.
    if let Err(error) = log.run(apt_get(&["update"])) {
        log.line(&format!("{error:#}"))?;
    }
    log.run(apt_get(&[
        "install",
        "--yes",
        "--no-install-recommends",
        package,
    ]))
}

/// True when we may do anything.
pub fn is_root() -> Result<bool> {
    let output = Command::new("id").arg("-u").output()?;
    Ok(output.stdout.trim_ascii() == b"0")
}

fn apt_get(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["-q", "-o", "DPkg::Lock::Timeout=120"])
        .args(arguments);
    command
}
