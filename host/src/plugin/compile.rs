//! Machine code of components: made once per digest, in a child process where that is possible, kept in a folder of the server's own.
//! Compiled code is never taken from elsewhere; what does not fit this engine is simply made again.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail};
use balcao_runtime::engine::{Component, Engine, EngineOptions};

/// The hidden subcommand that compiles: `balcao compile COMPONENT OUTPUT`.
pub const SUBCOMMAND: &str = "compile";

/// Where compiled code is kept and who makes it.
pub struct Compiler {
    folder: PathBuf,
    /// The server's own program; none compiles in this process (tests, whose program has no such subcommand).
    program: Option<PathBuf>,
}

impl Compiler {
    pub fn new(folder: PathBuf) -> Self {
        let own = std::env::current_exe().ok();
        let is_server = |path: &PathBuf| path.file_stem().is_some_and(|name| name == "balcao");
        Self {
            folder,
            program: own.filter(is_server),
        }
    }

    /// The component, from the folder or compiled now.
    ///
    /// # Errors
    /// It cannot be compiled, or the folder cannot be written.
    pub fn component(
        &self,
        engine: &Engine,
        digest: &str,
        bytes: &[u8],
    ) -> anyhow::Result<Component> {
        let name = digest.replace(':', "-");
        let path = self
            .folder
            .join(format!("{name}-{}.cwasm", engine.compatibility_key()));
        if let Some(component) = fs::read(&path)
            .ok()
            .and_then(|compiled| load(engine, &compiled))
        {
            return Ok(component);
        }
        fs::create_dir_all(&self.folder).with_context(|| self.folder.display().to_string())?;
        let compiled = match &self.program {
            Some(program) => in_child(program, &self.folder, bytes)?,
            None => engine
                .precompile(bytes)
                .map_err(|error| anyhow::anyhow!("{error:#}"))?,
        };
        // Written beside and moved: a server killed meanwhile leaves no half file.
        let fresh = self
            .folder
            .join(format!("{name}.{}.new", std::process::id()));
        fs::write(&fresh, &compiled).with_context(|| fresh.display().to_string())?;
        fs::rename(&fresh, &path).with_context(|| path.display().to_string())?;
        load(engine, &compiled).context("what was just compiled cannot be loaded")
    }
}

fn load(engine: &Engine, compiled: &[u8]) -> Option<Component> {
    // SAFETY: the folder is the server's own, its files are written by this program alone and named by the engine's key.
    unsafe { engine.load(compiled) }.ok()
}

fn in_child(program: &Path, folder: &Path, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let work = folder.join(format!("{}.wasm", std::process::id()));
    let output = folder.join(format!("{}.out", std::process::id()));
    fs::write(&work, bytes).with_context(|| work.display().to_string())?;
    let ended = Command::new(program)
        .arg(SUBCOMMAND)
        .args([&work, &output])
        .env_clear()
        .stdin(Stdio::null())
        .output();
    let compiled = ended
        .context("the compiler could not be started")
        .and_then(|ended| {
            if !ended.status.success() {
                bail!(
                    "it does not compile: {}",
                    String::from_utf8_lossy(&ended.stderr).trim()
                );
            }
            fs::read(&output).context("the compiler left nothing")
        });
    let _ = fs::remove_file(&work);
    let _ = fs::remove_file(&output);
    compiled
}

/// What the child does.
///
/// # Errors
/// The component cannot be read or compiled, or the output cannot be written.
pub fn run(component: &Path, output: &Path) -> anyhow::Result<()> {
    let bytes = fs::read(component).with_context(|| component.display().to_string())?;
    let options = EngineOptions::default();
    let engine = Engine::new(options).map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let compiled = engine
        .precompile(&bytes)
        .map_err(|error| anyhow::anyhow!("{error:#}"))?;
    fs::write(output, compiled).with_context(|| output.display().to_string())
}
