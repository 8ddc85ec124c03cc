//! `host/openapi.json`: written from the code, and compared with it so that the two never part.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;
use crate::project::Project;

/// What to do with the document.
#[derive(clap::Args)]
pub struct Options {
    /// Only compare; fail where the file and the code differ.
    #[arg(long)]
    check: bool,
}

/// Builds the server, asks it for its document, and writes or compares.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let mut build = project.cargo();
    build.args(["build", "--quiet", "--workspace", "--bins", "--tests"]);
    process::run(build)?;
    let mut ask = Command::new(project.built("balcao"));
    ask.current_dir(&project.root).arg("openapi");
    let document = process::capture(ask)?;
    serde_json::from_slice::<serde_json::Value>(&document)
        .context("`balcao openapi` does not print JSON")?;
    let path = project.root.join("host").join("openapi.json");
    if !options.check {
        return fs::write(&path, &document)
            .with_context(|| format!("cannot write {}", path.display()));
    }
    let committed = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    if committed == document {
        return Ok(());
    }
    let line = first_different_line(&committed, &document);
    bail!(
        "host/openapi.json is not what the code says, from line {line} on: run `cargo xtask openapi` and commit it"
    )
}

/// Counted from 1.
fn first_different_line(committed: &[u8], document: &[u8]) -> usize {
    let mut committed = committed.split(|byte| *byte == b'\n');
    let mut document = document.split(|byte| *byte == b'\n');
    let mut line = 1;
    loop {
        match (committed.next(), document.next()) {
            (Some(one), Some(other)) if one == other => line += 1,
            _ => return line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_counted_from_one() {
        assert_eq!(
            first_different_line(b"{\n \"a\": 1\n}", b"{\n \"a\": 2\n}"),
            2
        );
        assert_eq!(first_different_line(b"{", b"["), 1);
        assert_eq!(first_different_line(b"a", b"a\nb"), 2);
    }
}
