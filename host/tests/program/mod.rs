//! The real programs as processes: the server and the provider's stand-in, in a folder of their own. Owns starting, killing and reading what
//! they say; knows nothing of what is tested. Programs end with the test, whatever becomes of it.

use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// How long a program may take to say something, on a busy machine and with plugins to compile.
const PATIENCE: Duration = Duration::from_secs(60);
/// How a program says that it answers.
const LISTENING: &str = "listening on ";

/// Where a server runs: its folder, its configuration, and what belongs to it outside.
pub struct Site {
    pub folder: TempDir,
    /// Variables of the server's environment, without `BALCAO_`.
    pub settings: Vec<(String, String)>,
    /// What `serve --demo` reads.
    pub demo: PathBuf,
}

impl Site {
    /// On SQLite, on a free port, with the demonstration that the project brings.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = [
            ("DATA_DIR", folder.path().join("data").display().to_string()),
            ("PLUGINS_DIR", plugins().display().to_string()),
            ("LISTEN", "127.0.0.1:0".to_owned()),
        ];
        Self {
            folder,
            settings: settings
                .map(|(name, value)| (name.to_owned(), value))
                .to_vec(),
            demo: Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/demo.json"),
        }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Another value, or one more.
    pub fn set(&mut self, name: &str, value: impl ToString) {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_string()));
    }

    /// `balcao` with these arguments, in this folder and with this environment and no other `BALCAO_…`.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_balcao"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("BALCAO_")) {
            command.env_remove(name);
        }
        for (name, value) in &self.settings {
            command.env(format!("BALCAO_{name}"), value);
        }
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// `balcao serve --demo`; its log goes to `server.log`.
    pub fn serve(&self) -> Running {
        let demo = self.demo.display().to_string();
        let mut command = self.command(&["serve", "--demo", &demo]);
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.log())
            .expect("the log can be written");
        Running::start(command.stderr(log))
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    /// The end of what the servers logged, for a test that fails.
    pub fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// Where the first-party packages were built.
pub fn plugins() -> PathBuf {
    let folder = std::env::var_os("BALCAO_TEST_PLUGINS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist/plugins"),
        PathBuf::from,
    );
    for id in ["whatsapp", "distribution", "classification"] {
        let file = folder.join(format!("{id}.wasm"));
        assert!(
            file.is_file(),
            "{} is not there; run `cargo xtask build-plugins`",
            file.display()
        );
    }
    std::fs::canonicalize(folder).expect("a folder")
}

/// A program that was started.
pub struct Running {
    child: Child,
    began: Instant,
    output: Option<Lines<BufReader<ChildStdout>>>,
    /// What it said before its address.
    pub said: Vec<String>,
}

impl Running {
    pub fn start(command: &mut Command) -> Self {
        let began = Instant::now();
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let output = child.stdout.take().expect("its output");
        Self {
            began,
            output: Some(BufReader::new(output).lines()),
            child,
            said: Vec::new(),
        }
    }

    /// Its address, once it answers there, and how long that took; an error where it ends first.
    pub async fn ready(&mut self) -> Result<(String, Duration), String> {
        let mut output = self.output.take().expect("asked once");
        loop {
            let line = timeout(PATIENCE, output.next_line())
                .await
                .map_err(|_| "it says nothing".to_owned())?
                .map_err(|error| error.to_string())?
                .ok_or_else(|| format!("it ended; it said {:?}", self.said))?;
            match line.strip_prefix(LISTENING) {
                Some(address) => {
                    let took = self.began.elapsed();
                    let address = address.to_owned();
                    // Somebody has to read on, or it could not speak.
                    tokio::spawn(
                        async move { while let Ok(Some(_)) = output.next_line().await {} },
                    );
                    return Ok((address, took));
                }
                None => self.said.push(line),
            }
        }
    }

    /// The address of a channel's webhook, as the demonstration says it: the path alone.
    pub fn hook_of(&self, channel: &str) -> String {
        let named = format!("demo: webhook of {channel}: ");
        let line = self.said.iter().find(|line| line.starts_with(&named));
        let line = line.unwrap_or_else(|| panic!("no {named:?} in {:?}", self.said));
        line[line.find("/hooks/").expect("a webhook's address")..].to_owned()
    }

    /// Its resident memory in KiB.
    #[allow(dead_code, reason = "only the soak asks")]
    pub fn rss(&self) -> u64 {
        let id = self.child.id().expect("it is running");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("a process");
        let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"));
        let number = line.and_then(|it| it.split_whitespace().next());
        number.expect("VmRSS").parse().expect("a number")
    }

    /// `kill -9`: it gets to do nothing more.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it was still running");
    }

    /// Sends a signal by its name, and waits for the end.
    pub async fn signal(mut self, name: &str) -> ExitStatus {
        let id = self.child.id().expect("it is running");
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -{name} {id}")])
            .status()
            .await
            .expect("sh");
        assert!(sent.success(), "the signal was not sent");
        self.end().await
    }

    /// Waits until it ends by itself.
    pub async fn end(&mut self) -> ExitStatus {
        timeout(PATIENCE, self.child.wait())
            .await
            .expect("it ends")
            .expect("a status")
    }
}

/// The provider's stand-in for that demonstration, which posts to `webhook`; ends with its input. Gives its address too.
pub async fn stand_in(demo: &Path, webhook: Option<&str>) -> (Running, String) {
    let program = Path::new(env!("CARGO_BIN_EXE_balcao")).with_file_name("balcao-demo");
    assert!(
        program.is_file(),
        "{} is not there; run `cargo build --workspace --bins`",
        program.display()
    );
    let mut command = Command::new(program);
    command
        .args(["serve", "--leash", "--listen", "127.0.0.1:0", "--demo"])
        .arg(demo)
        .args(webhook.map(|url| format!("--webhook={url}")))
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let mut running = Running::start(&mut command);
    let (address, _) = running.ready().await.expect("the stand-in starts");
    (running, address)
}
