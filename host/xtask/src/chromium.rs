//! The browser for the browser tests: one that is there, else Debian's.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::process::Log;
use crate::{apt, project};

/// Names under which it is installed.
const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
];

/// The program's path; the error says what to install. `CHROMIUM` names another one.
pub fn obtain(log: &mut Log) -> Result<PathBuf> {
    if let Some(path) = env::var_os("CHROMIUM").filter(|value| !value.is_empty()) {
        return Ok(PathBuf::from(path));
    }
    if let Some(path) = installed() {
        return Ok(path);
    }
    apt::install("chromium", log)?;
    installed().context("chromium was installed, but is not found on PATH")
}

fn installed() -> Option<PathBuf> {
    NAMES.iter().find_map(|name| project::on_path(name))
}
