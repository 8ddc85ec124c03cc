//! `cargo xtask run`: builds all there is, then runs the stand-in and the server until interrupted. The demo's data is in `host/demo`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::signal::unix::{SignalKind, signal};

use crate::leash::Leashed;
use crate::project::Project;
use crate::{process, ui};

/// The providers' hosts, which the stand-in plays: of their interfaces and of their files.
const PLAYED: [&str; 4] = [
    "graph.facebook.com",
    "lookaside.fbsbx.com",
    "api.telegram.org",
    "graph.instagram.com",
];
/// How the server names a channel's webhook.
const WEBHOOK: &str = "demo: webhook of ";
/// How the server says that it answers.
const LISTENING: &str = "listening on ";
/// How long a healthy answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// One part of the build.
type Step = fn(&Project) -> Result<()>;

/// Where to run.
#[derive(clap::Args)]
pub struct Options {
    /// Where the server answers; BALCAO_LISTEN or 127.0.0.1:8080 without it.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Where the providers' stand-in answers.
    #[arg(long, default_value = "127.0.0.1:9101")]
    standin: SocketAddr,
    /// The data folder; BALCAO_DATA_DIR or ./data without it.
    #[arg(long)]
    data: Option<PathBuf>,
}

impl Options {
    fn listen(&self) -> Result<SocketAddr> {
        match (self.listen, std::env::var("BALCAO_LISTEN")) {
            (Some(given), _) => Ok(given),
            (None, Ok(text)) => text
                .parse()
                .with_context(|| format!("BALCAO_LISTEN is no address with a port: {text}")),
            (None, Err(_)) => Ok(SocketAddr::from(([127, 0, 0, 1], 8080))),
        }
    }
}

/// The name in `demo.json` of the channel that is on the shop's website.
const CHAT: &str = "Chat do site";

/// Until Ctrl-C; fails if the server ends by itself.
pub fn run(project: &Project, options: &Options) -> Result<ExitCode> {
    let listen = options.listen()?;
    for address in [listen, options.standin] {
        // Said before minutes of building, and said again by whoever finds it taken then.
        TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    }
    build(project)?;
    let mut standin = Leashed::start(&mut standin_command(project, options))?;
    let mut lines = BufReader::new(standin.stdout()?);
    let played_at =
        address(&mut lines, |_| ()).context("the providers' stand-in does not start")?;
    let mut server = Leashed::start(&mut server_command(project, options, listen, &played_at))?;
    let mut lines = BufReader::new(server.stdout()?);
    let mut webhooks = Vec::new();
    let Ok(base) = address(&mut lines, |line| match line.strip_prefix(WEBHOOK) {
        Some(_) => webhooks.push(line.to_owned()),
        None => println!("{line}"),
    }) else {
        // It said itself what is wrong.
        let code = server
            .wait()?
            .code()
            .and_then(|code| u8::try_from(code).ok());
        return Ok(ExitCode::from(code.filter(|code| *code != 0).unwrap_or(1)));
    };
    healthy(&base)?;
    println!("\nReady.\n\nBalcão             {base}");
    println!("Customers' phones  {played_at}");
    let chat = webhooks.iter().find(|line| line.contains(CHAT));
    if let Some(chat) = chat.and_then(|line| hook(line)) {
        println!("A shop's website   {played_at}/loja?chat={chat}");
    }
    for webhook in &webhooks {
        standin.tell(webhook)?;
    }
    if let Some(webhook) = webhooks.first().and_then(|line| hook(line)) {
        println!("\nA customer writes:\n\n{}", curl(project, &webhook)?);
        println!(
            "\nOnce: the same again is the same message. Write more on the customers' phones, on any channel."
        );
    }
    println!("\nCtrl-C ends it.");
    std::thread::spawn(move || {
        lines
            .lines()
            .map_while(Result::ok)
            .for_each(|line| println!("{line}"))
    });
    until_interrupted(server)
}

/// Each step says what it does; those that have nothing to do are silent and quick.
fn build(project: &Project) -> Result<()> {
    let steps: [(&str, Step); 3] = [
        ("plugins", plugins),
        ("interface", ui::build),
        ("server", programs),
    ];
    for (number, (name, step)) in steps.iter().enumerate() {
        let begin = Instant::now();
        eprintln!("[{}/{}] {name}…", number + 1, steps.len());
        step(project)?;
        eprintln!(
            "[{}/{}] {name}: {:.1} s",
            number + 1,
            steps.len(),
            begin.elapsed().as_secs_f64()
        );
    }
    Ok(())
}

fn plugins(project: &Project) -> Result<()> {
    process::run(project.xtask("build-plugins")?)
}

/// With the whole workspace, so that cargo picks the features that `xtask` itself was built with.
fn programs(project: &Project) -> Result<()> {
    let mut cargo = project.cargo();
    cargo.args(["build", "--workspace", "--bins"]);
    process::run(cargo)
}

fn demo_file(project: &Project) -> PathBuf {
    project.root.join("host").join("demo").join("demo.json")
}

fn standin_command(project: &Project, options: &Options) -> Command {
    let mut command = Command::new(project.built("balcao-demo"));
    command
        .args(["serve", "--leash", "--demo"])
        .arg(demo_file(project))
        .args(["--listen", &options.standin.to_string()])
        .stdout(Stdio::piped());
    own_group(&mut command);
    command
}

fn server_command(
    project: &Project,
    options: &Options,
    listen: SocketAddr,
    played_at: &str,
) -> Command {
    let given = || std::env::var_os("BALCAO_DATA_DIR").map(PathBuf::from);
    let data = options.data.clone().or_else(given);
    let data = data.unwrap_or_else(|| project.root.join("data"));
    let map: Vec<String> = PLAYED
        .iter()
        .map(|host| format!("{host}={played_at}"))
        .collect();
    let mut command = Leashed::kept(project.built("balcao"));
    command
        .args(["serve", "--demo"])
        .arg(demo_file(project))
        .current_dir(&project.root)
        .env("BALCAO_DATA_DIR", data)
        .env("BALCAO_LISTEN", listen.to_string())
        .env("BALCAO_PLUGINS_DIR", project.plugins())
        .env("BALCAO_DEV__ENABLED", "true")
        .env("BALCAO_DEV__HTTP_MAP", map.join(","))
        .stdout(Stdio::piped());
    own_group(&mut command);
    command
}

/// Ctrl-C then reaches us alone, and we stop the others in order, once.
fn own_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

/// Reads until the line that names the address, showing the others to `other`.
fn address(lines: &mut impl BufRead, mut other: impl FnMut(&str)) -> Result<String> {
    let mut line = String::new();
    while lines
        .read_line(&mut line)
        .context("its output breaks off")?
        > 0
    {
        match line.trim_end().strip_prefix(LISTENING) {
            Some(address) => return Ok(address.to_owned()),
            None => other(line.trim_end()),
        }
        line.clear();
    }
    bail!("it ended before it answered")
}

/// The address in `demo: webhook of NAME: ADDRESS`.
fn hook(line: &str) -> Option<String> {
    let (_, address) = line.strip_prefix(WEBHOOK)?.rsplit_once(": ")?;
    Some(address.to_owned())
}

/// One `GET /healthz`, answered 200.
fn healthy(base: &str) -> Result<()> {
    let host = base
        .strip_prefix("http://")
        .context("the server's address is not http")?;
    let mut stream = TcpStream::connect(host).with_context(|| format!("{base} does not answer"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET /healthz HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream
        .read_to_end(&mut answer)
        .context("/healthz does not answer")?;
    let status = String::from_utf8_lossy(&answer);
    let status = status.lines().next().unwrap_or_default();
    ensure!(
        status.split(' ').nth(1) == Some("200"),
        "/healthz answers `{status}`"
    );
    Ok(())
}

fn curl(project: &Project, webhook: &str) -> Result<String> {
    let mut command = Command::new(project.built("balcao-demo"));
    command
        .args(["curl", "--webhook", webhook, "--demo"])
        .arg(demo_file(project));
    let line = process::capture(command)?;
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

/// Waits for Ctrl-C or a request to end, or for the server's own end.
fn until_interrupted(server: Leashed) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(async move {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut server = server;
        let mut tick = tokio::time::interval(Duration::from_millis(200));
        loop {
            tokio::select! {
                interrupted = tokio::signal::ctrl_c() => return interrupted.map(|()| None).context("no signals"),
                _ = terminate.recv() => return Ok(None),
                _ = tick.tick() => if let Some(status) = server.ended()? {
                    return Ok(Some(status));
                },
            }
        }
    })?;
    match ended {
        None => Ok(ExitCode::SUCCESS),
        Some(status) => bail!("the server ended by itself with {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_before_the_address_are_shown_and_the_webhook_is_found_among_them() {
        let printed = "demo: sign in as a@demo.localhost with x\n\
                       demo: webhook of Loja: a: http://127.0.0.1:8080/hooks/chn_1\n\
                       listening on http://127.0.0.1:8080\nlater\n";
        let (mut shown, mut webhook) = (0, None);
        let base = address(&mut printed.as_bytes(), |line| {
            shown += 1;
            webhook = webhook.take().or_else(|| hook(line));
        });
        assert_eq!(base.unwrap(), "http://127.0.0.1:8080");
        assert_eq!(shown, 2);
        assert_eq!(
            webhook.as_deref(),
            Some("http://127.0.0.1:8080/hooks/chn_1")
        );
    }

    #[test]
    fn a_server_that_ends_first_has_no_address() {
        let error = address(&mut "error: port taken\n".as_bytes(), |_| ()).unwrap_err();
        assert_eq!(error.to_string(), "it ended before it answered");
    }
}
