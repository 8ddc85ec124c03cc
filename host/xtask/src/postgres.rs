//! PostgreSQL for the tests: a given one, or a private server of our own that ends with us. Never touches a system cluster.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::leash::Leashed;
use crate::process::Log;
use crate::{apt, project};

/// How often a port that somebody else took meanwhile is tried again.
const ATTEMPTS: u32 = 3;

/// A database server to test on.
pub struct Postgres {
    /// Connects as a user who may create databases; tests create one each.
    pub url: String,
    /// For the report: where it came from.
    pub origin: String,
    _private: Option<Private>,
}

impl Postgres {
    /// `TEST_POSTGRES_URL`, else a server of our own, else an installed one of our own. The error says what to install.
    pub fn obtain(log: &mut Log) -> Result<Self> {
        if let Ok(url) = env::var("TEST_POSTGRES_URL")
            && !url.is_empty()
        {
            return Ok(Self {
                url,
                origin: "TEST_POSTGRES_URL".to_owned(),
                _private: None,
            });
        }
        let programs = match programs() {
            Some(folder) => folder,
            None => {
                apt::install("postgresql", log)?;
                programs().context("postgresql was installed, but its programs are not found")?
            }
        };
        let private = Private::start(&programs, log)?;
        Ok(Self {
            url: format!("postgres://balcao@127.0.0.1:{}/postgres", private.port),
            origin: format!("private server of {}", programs.display()),
            _private: Some(private),
        })
    }
}

/// A server in a temporary folder; dropped, it stops and then the folder goes.
struct Private {
    port: u16,
    _server: Leashed,
    _folder: TempDir,
}

impl Private {
    fn start(programs: &Path, log: &mut Log) -> Result<Self> {
        let owner = Owner::choose()?;
        let folder = tempfile::Builder::new()
            .prefix("balcao-postgres-")
            .tempdir()
            .context("no temporary folder")?;
        owner.give(folder.path())?;
        let data = folder.path().join("data");
        let mut initdb = Command::new(programs.join("initdb"));
        initdb
            .arg("--pgdata")
            .arg(&data)
            .args(["--username=balcao", "--auth=trust", "--encoding=UTF8"])
            .args(["--locale=C", "--no-sync"]);
        owner.run_as(&mut initdb, folder.path());
        log.run(initdb)?;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let port = free_port()?;
            match serve(programs, &owner, folder.path(), port, log) {
                Ok(server) => {
                    return Ok(Self {
                        port,
                        _server: server,
                        _folder: folder,
                    });
                }
                Err(error) if attempts == ATTEMPTS => return Err(error),
                Err(error) => log.line(&format!("{error:#}"))?,
            }
        }
    }
}

/// Starts the server and returns once it takes connections.
fn serve(
    programs: &Path,
    owner: &Owner,
    folder: &Path,
    port: u16,
    log: &mut Log,
) -> Result<Leashed> {
    let mut command = Leashed::kept(programs.join("postgres"));
    command
        .arg("-D")
        .arg(folder.join("data"))
        .args(["-p", &port.to_string()])
        .arg("-k")
        .arg(folder)
        .args(["-c", "listen_addresses=127.0.0.1"])
        .args(["-c", "max_connections=300"])
        .args(["-c", "lc_messages=C"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    owner.run_as(&mut command, folder);
    let mut server = Leashed::start(&mut command)?;
    let mut lines = BufReader::new(server.stderr()?);
    let mut line = String::new();
    loop {
        line.clear();
        let ended = lines
            .read_line(&mut line)
            .context("PostgreSQL's output breaks off")?
            == 0;
        if !ended {
            log.line(line.trim_end())?;
        }
        if line.contains("ready to accept connections") {
            std::thread::spawn(move || drain(lines));
            return Ok(server);
        }
        if ended || line.contains("FATAL") {
            bail!("PostgreSQL does not start, see {}", log.path().display());
        }
    }
}

/// Keeps reading, so that the server never waits for a full pipe. What tests provoke it to say interests nobody.
fn drain(mut lines: impl Read) {
    // An error here only means that the server has gone.
    let _gone = std::io::copy(&mut lines, &mut std::io::sink());
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port")?;
    Ok(listener.local_addr().context("no free port")?.port())
}

/// The folder with `initdb` and `postgres`: on `PATH`, else the newest of Debian's.
fn programs() -> Option<PathBuf> {
    let complete = |folder: &Path| {
        ["initdb", "postgres"]
            .iter()
            .all(|name| folder.join(name).is_file())
    };
    if let Some(folder) =
        project::on_path("initdb").and_then(|file| Some(file.parent()?.to_path_buf()))
        && complete(&folder)
    {
        return Some(folder);
    }
    newest(Path::new("/usr/lib/postgresql")).filter(|folder| complete(folder))
}

/// `<folder>/<highest version>/bin`.
fn newest(folder: &Path) -> Option<PathBuf> {
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter_map(|path| Some((version(&path)?, path.join("bin"))))
        .max_by_key(|(version, _)| *version)
        .map(|(_, path)| path)
}

/// Who runs the server: PostgreSQL refuses to run as root, so root picks somebody else.
enum Owner {
    Ourselves,
    Other { uid: u32, gid: u32 },
}

impl Owner {
    fn choose() -> Result<Self> {
        if !apt::is_root()? {
            return Ok(Self::Ourselves);
        }
        let accounts = fs::read_to_string("/etc/passwd").context("no list of accounts")?;
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| account(&accounts, name))
            .map(|(uid, gid)| Self::Other { uid, gid })
            .context(
                "PostgreSQL does not run as root, and there is neither a user postgres nor nobody",
            )
    }

    fn give(&self, folder: &Path) -> Result<()> {
        match self {
            Self::Ourselves => Ok(()),
            Self::Other { uid, gid } => chown(folder, Some(*uid), Some(*gid))
                .with_context(|| format!("cannot give {} away", folder.display())),
        }
    }

    fn run_as(&self, command: &mut Command, folder: &Path) {
        command.current_dir(folder).env("LC_ALL", "C");
        if let Self::Other { uid, gid } = self {
            command.uid(*uid).gid(*gid);
        }
    }
}

/// Ids of user and group from the text of `/etc/passwd`.
fn account(accounts: &str, name: &str) -> Option<(u32, u32)> {
    let mut fields = accounts
        .lines()
        .map(|line| line.split(':'))
        .find_map(|mut fields| (fields.next() == Some(name)).then_some(fields))?;
    let uid = fields.nth(1)?.parse().ok()?;
    Some((uid, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_installed_version_is_taken_by_number_not_by_letter() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["9", "15", "17", "common"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        assert_eq!(
            newest(folder.path()),
            Some(folder.path().join("17").join("bin"))
        );
    }

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let accounts = "postgresql:x:7:8::/:/bin/sh\npostgres:x:101:104::/:/bin/sh\n";
        assert_eq!(account(accounts, "postgres"), Some((101, 104)));
        assert_eq!(account(accounts, "nobody"), None);
    }
}
