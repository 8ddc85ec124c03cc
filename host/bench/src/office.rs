//! The workspace that the rows about the running server are measured in: the demonstration's (a team with agents who are available, distribution
//! and classification enabled, one channel). Made once, by the server itself; every measurement starts from a copy of it. Owns the temporary folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use balcao_demo::Account;
use tempfile::TempDir;

use crate::Options;
use crate::server::{Place, Server};

/// What the demonstration sets up.
pub const DEMO: &str = include_str!("../../demo/demo.json");
/// Left behind by the copy: SQLite makes it again.
const SHARED_MEMORY: &str = "balcao.db-shm";

/// A set-up workspace at rest.
pub struct Office {
    folder: TempDir,
    pub plugins: PathBuf,
    pub program: PathBuf,
    /// What the server said when it was set up.
    said: Vec<String>,
    /// The path that the webhooks of the account are posted to.
    pub hook: String,
    /// Signs them.
    pub account: Account,
    pub admin: String,
    pub password: String,
    /// The PostgreSQL database it lives in, if not SQLite.
    pub database: Option<String>,
}

impl Office {
    /// Sets one up, in SQLite or in the given PostgreSQL database.
    pub fn open(options: &Options, database: Option<&str>) -> Result<Self> {
        Self::of(options, database, DEMO)
    }

    /// The same of another demonstration.
    pub fn of(options: &Options, database: Option<&str>, demo: &str) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("balcao-bench-").tempdir()?;
        let file = folder.path().join("demo.json");
        fs::write(&file, demo)?;
        let place = Place {
            data: folder.path().join("template"),
            plugins: absolute(&options.plugins)?,
            database: database.map(str::to_owned),
        };
        let program = absolute(&options.server)?;
        let (server, said) = Server::start_as(
            &program,
            &place,
            &["serve", "--demo", path_text(&file)?],
            &[],
        )?;
        server.kill()?;
        let account = Account::read(&file)?;
        let hook = hook_of(&said, &account.channel)?;
        let (admin, password) = said
            .iter()
            .find_map(|line| line.strip_prefix("demo: sign in as ")?.split_once(" with "))
            .context("the demonstration says no sign-in")?;
        Ok(Self {
            plugins: place.plugins,
            program,
            hook,
            account,
            said: said.clone(),
            admin: admin.to_owned(),
            password: password.to_owned(),
            database: place.database,
            folder,
        })
    }

    /// The path that webhooks of the channel of that name are posted to.
    pub fn hook_of(&self, channel: &str) -> Result<String> {
        hook_of(&self.said, channel)
    }

    /// A fresh copy of the data folder under that name. What runs in PostgreSQL shares the database of the office.
    pub fn copy(&self, name: &str) -> Result<Place> {
        let data = self.folder.path().join(name);
        copy(&self.folder.path().join("template"), &data)?;
        Ok(Place {
            data,
            plugins: self.plugins.clone(),
            database: self.database.clone(),
        })
    }
}

fn hook_of(said: &[String], channel: &str) -> Result<String> {
    let named = format!("webhook of {channel}");
    said.iter()
        .filter(|line| line.contains(&named))
        .find_map(|line| Some(line[line.find("/hooks/")?..].to_owned()))
        .with_context(|| {
            format!("the demonstration has no channel {channel}: build the plugins first")
        })
}

/// The whole folder as it is.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else if entry.file_name() != SHARED_MEMORY {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

pub fn absolute(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).with_context(|| path.display().to_string())
}

fn path_text(path: &Path) -> Result<&str> {
    path.to_str().context("a folder whose name is no text")
}
