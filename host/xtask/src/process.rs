//! Running other programs, quietly or not. Owns how their output is kept and shown; never decides what a failure means.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

/// A stage's output: everything goes to a file, chosen lines also to the terminal.
pub struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    /// An empty log at `path`; its folder is made.
    pub fn create(path: PathBuf) -> Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let file =
            File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path, file })
    }

    /// Where it is kept.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// One line of our own.
    pub fn line(&mut self, text: &str) -> Result<()> {
        writeln!(self.file, "{text}")
            .with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Runs to the end, keeping both streams; an error names the command and how it ended.
    pub fn run(&mut self, command: Command) -> Result<()> {
        self.run_watching(command, |_| ())
    }

    /// As [`Log::run`], and shows each line to `watch` as it comes.
    pub fn run_watching(
        &mut self,
        mut command: Command,
        mut watch: impl FnMut(&str),
    ) -> Result<()> {
        let shown = describe(&command);
        self.line(&format!("$ {shown}"))?;
        let (reader, writer) = std::io::pipe().context("no pipe")?;
        command
            .stdin(Stdio::null())
            .stdout(writer.try_clone().context("no pipe")?)
            .stderr(writer);
        let mut child = spawn(&mut command)?;
        drop(command); // holds the writing end: without this the reader would never end
        let mut lines = BufReader::new(reader);
        let mut bytes = Vec::new();
        while lines
            .read_until(b'\n', &mut bytes)
            .context("output breaks off")?
            > 0
        {
            self.file
                .write_all(&bytes)
                .with_context(|| format!("cannot write {}", self.path.display()))?;
            watch(String::from_utf8_lossy(&bytes).trim_end());
            bytes.clear();
        }
        succeeded(child.wait().context("a child is lost")?, &shown)
    }

    /// The last `count` lines, for a reader who wants to know what went wrong.
    pub fn tail(&self, count: usize) -> Result<String> {
        let bytes =
            fs::read(&self.path).with_context(|| format!("cannot read {}", self.path.display()))?;
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        let first = lines.len().saturating_sub(count);
        let mut tail = String::new();
        if first > 0 {
            writeln!(tail, "… {first} earlier lines in {}", self.path.display())?;
        }
        for line in &lines[first..] {
            writeln!(tail, "{line}")?;
        }
        Ok(tail)
    }
}

/// Runs with the terminal's own streams.
pub fn run(mut command: Command) -> Result<()> {
    let shown = describe(&command);
    let status = spawn(&mut command)?.wait().context("a child is lost")?;
    succeeded(status, &shown)
}

/// Runs and returns standard output; standard error goes to the terminal.
pub fn capture(mut command: Command) -> Result<Vec<u8>> {
    let shown = describe(&command);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let output = spawn(&mut command)?
        .wait_with_output()
        .context("a child is lost")?;
    succeeded(output.status, &shown)?;
    Ok(output.stdout)
}

/// Starts it; a missing program is named.
pub fn spawn(command: &mut Command) -> Result<std::process::Child> {
    command
        .spawn()
        .with_context(|| format!("{} does not start", command.get_program().to_string_lossy()))
}

fn succeeded(status: ExitStatus, shown: &str) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    bail!("`{shown}` ended with {status}")
}

/// The command as one would type it, without its environment.
fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let mut text = name.to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(folder: &tempfile::TempDir) -> Log {
        Log::create(folder.path().join("logs").join("stage.log")).unwrap()
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn both_streams_are_kept_and_shown_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = log(&folder);
        let mut seen = Vec::new();
        log.run_watching(shell("echo out; echo err >&2"), |line| {
            seen.push(line.to_owned())
        })
        .unwrap();
        assert_eq!(seen, ["out", "err"]);
        assert_eq!(
            log.tail(10).unwrap(),
            "$ sh -c echo out; echo err >&2\nout\nerr\n"
        );
    }

    #[test]
    fn a_failing_command_is_named_with_its_exit_status() {
        let folder = tempfile::tempdir().unwrap();
        let error = log(&folder).run(shell("exit 3")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`sh -c exit 3` ended with exit status: 3"
        );
    }

    #[test]
    fn the_tail_of_a_long_log_says_where_the_rest_is() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = log(&folder);
        for number in 1..=5 {
            log.line(&number.to_string()).unwrap();
        }
        let expected = format!("… 3 earlier lines in {}\n4\n5\n", log.path().display());
        assert_eq!(log.tail(2).unwrap(), expected);
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run(Command::new("no-such-program-of-ours")).unwrap_err();
        assert_eq!(error.to_string(), "no-such-program-of-ours does not start");
    }
}
