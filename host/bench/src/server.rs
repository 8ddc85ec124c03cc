//! A running server as a process of its own, as everybody runs it: started, watched from outside, ended. Owns the child.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// How the server says that it answers.
const LISTENING: &str = "listening on http://";
/// So many webhooks a second, and visits a minute, that the limit is never met: the limit is not what is measured.
const MANY: &str = "1000000";
/// Takes as many files as the system lets it, then becomes the program.
const AS_MANY_FILES: &str = r#"ulimit -n "$(ulimit -Hn)"; exec "$0" "$@""#;

/// Where a server finds what it needs.
#[derive(Clone)]
pub struct Place {
    pub data: PathBuf,
    pub plugins: PathBuf,
    /// None: SQLite in `data`.
    pub database: Option<String>,
}

impl Place {
    /// SQLite's file.
    pub fn sqlite(&self) -> PathBuf {
        self.data.join("balcao.db")
    }
}

pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// From the start of the process to the first good answer.
    pub ready: Duration,
}

impl Server {
    pub fn start(program: &Path, place: &Place) -> Result<Self> {
        Ok(Self::start_as(program, place, &["serve"], &[])?.0)
    }

    /// The same with arguments and environment; gives what it said before it was ready.
    pub fn start_as(
        program: &Path,
        place: &Place,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<(Self, Vec<String>)> {
        let mut command = limitless(program);
        command
            .args(arguments)
            .envs(environment.iter().copied())
            .env("BALCAO_LISTEN", "127.0.0.1:0")
            .env("BALCAO_DATA_DIR", &place.data)
            .env("BALCAO_PLUGINS_DIR", &place.plugins)
            .env("BALCAO_LIMITS__HOOKS_PER_SECOND", MANY)
            .env("BALCAO_LIMITS__VISITS_PER_ADDRESS", MANY)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        fs::create_dir_all(&place.data)?;
        // A file of settings that happens to lie about is none of ours.
        command.current_dir(&place.data);
        command.stderr(fs::File::create(place.data.join("server.log"))?);
        if let Some(url) = &place.database {
            command.env("BALCAO_DATABASE_URL", url);
        }
        let began = Instant::now();
        let mut child = command
            .spawn()
            .with_context(|| program.display().to_string())?;
        match wait_until_ready(&mut child, began) {
            Ok((address, ready, said)) => Ok((
                Self {
                    child,
                    address,
                    ready,
                },
                said,
            )),
            Err(error) => {
                end(&mut child)?;
                let log = fs::read_to_string(place.data.join("server.log")).unwrap_or_default();
                Err(error.context(log))
            }
        }
    }

    /// Resident memory in bytes.
    pub fn rss(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kilobytes: u64 = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.split_whitespace().next())
            .context("no VmRSS")?
            .parse()?;
        Ok(kilobytes * 1024)
    }

    /// At once, as a crash would: what was acknowledged is there.
    pub fn kill(mut self) -> Result<()> {
        end(&mut self.child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ended already where all went well.
        let _ = end(&mut self.child);
    }
}

fn end(child: &mut Child) -> Result<()> {
    if child.try_wait()?.is_none() {
        child.kill()?;
        child.wait()?;
    }
    Ok(())
}

/// `program` with as many open files as the system allows.
pub fn limitless(program: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", AS_MANY_FILES]).arg(program);
    command
}

fn wait_until_ready(
    child: &mut Child,
    began: Instant,
) -> Result<(SocketAddr, Duration, Vec<String>)> {
    let stdout = child.stdout.take().context("no standard output")?;
    let mut lines = BufReader::new(stdout);
    let mut said = Vec::new();
    let address: SocketAddr = loop {
        let mut line = String::new();
        ensure!(
            lines.read_line(&mut line)? > 0,
            "the server ended at its start"
        );
        if let Some(address) = line.trim().strip_prefix(LISTENING) {
            break address.parse()?;
        }
        said.push(line.trim().to_owned());
    };
    healthy(address)?;
    let ready = began.elapsed();
    std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    Ok((address, ready, said))
}

fn healthy(address: SocketAddr) -> Result<()> {
    use std::io::Write;
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "GET /healthz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if !answer.starts_with("HTTP/1.1 200") {
        bail!("the server is not well: {answer}");
    }
    Ok(())
}
