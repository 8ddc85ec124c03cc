//! Servers that end with us. Owns starting them so that none outlives its `xtask`, not even one that was killed, and stopping them in order.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

use anyhow::{Context, Result};

use crate::process;

/// Runs a program and interrupts it at the end of our own input, which comes when the owner lets go of it or dies in whatever way.
const KEEPER: &str = r#"
trap '' INT TERM HUP
exec 3<&0
"$@" </dev/null 3<&- & server=$!
{ cat <&3; kill -INT "$server"; } >/dev/null 2>&1 & watch=$!
wait "$server"; code=$?
kill -KILL "$watch" 2>/dev/null
exit "$code"
"#;

/// A running server. Dropped, it is asked to stop and waited for.
pub struct Leashed {
    child: Child,
    leash: Option<ChildStdin>,
}

impl Leashed {
    /// A command that runs `program` (with whatever is added to the command) under a keeper; for [`Leashed::start`].
    pub fn kept(program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(program);
        command
    }

    /// Starts a command that ends with its input.
    pub fn start(command: &mut Command) -> Result<Self> {
        let mut child = process::spawn(command.stdin(Stdio::piped()))?;
        let leash = child.stdin.take();
        Ok(Self { child, leash })
    }

    /// What it prints, where the command pipes it; to be taken once.
    pub fn stdout(&mut self) -> Result<ChildStdout> {
        self.child
            .stdout
            .take()
            .context("standard output is not ours")
    }

    /// Likewise for its errors.
    pub fn stderr(&mut self) -> Result<ChildStderr> {
        self.child
            .stderr
            .take()
            .context("standard error is not ours")
    }

    /// Tells it a line, where it listens to its input.
    pub fn tell(&mut self, line: &str) -> Result<()> {
        let leash = self.leash.as_mut().context("it was let go")?;
        writeln!(leash, "{line}").context("it has ended")
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        self.child.wait().context("a child is lost")
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context("a child is lost")
    }
}

impl Drop for Leashed {
    fn drop(&mut self) {
        drop(self.leash.take());
        if let Err(error) = self.child.wait() {
            eprintln!("a server may still be running: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Read};

    /// Says that it runs, and again when it is interrupted. Not a shell: one that was started with interrupts ignored cannot catch them.
    const SERVER: &str = r#"
        $| = 1;
        $SIG{INT} = sub { print "interrupted\n"; exit 0 };
        print "running\n";
        select(undef, undef, undef, undef) while 1;
    "#;

    fn server() -> Command {
        let mut command = Leashed::kept("perl");
        command.args(["-e", SERVER]).stdout(Stdio::piped());
        command
    }

    #[test]
    fn letting_go_interrupts_the_server_and_waits_for_its_end() {
        let mut leashed = Leashed::start(&mut server()).unwrap();
        let mut output = BufReader::new(leashed.stdout().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert_eq!(line, "running\n");
        assert!(leashed.ended().unwrap().is_none());
        drop(leashed);
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "interrupted\n");
    }

    #[test]
    fn a_server_that_ends_by_itself_ends_its_keeper_with_the_same_code() {
        let mut command = Leashed::kept("sh");
        command.args(["-c", "exit 7"]);
        let mut leashed = Leashed::start(&mut command).unwrap();
        assert_eq!(leashed.wait().unwrap().code(), Some(7));
    }
}
