//! `balcao plugin test`: scenario files, each in a workspace of its own, several at a time.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, bail};
use balcao_runtime::{
    engine::Engine,
    harness::{self, Loaded, Scenario},
};
use clap::Args;
use tokio::task::JoinSet;

#[derive(Args)]
#[command(
    after_help = "Exit code: 0 all passed; 1 some failed; 2 there was nothing to run, or a package is missing."
)]
pub struct Test {
    /// Scenario files (`.toml`, `.json`), or folders: a plugin's own (`plugins/<id>`), or any with scenarios.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The package to test, instead of the one built from the plugin's folder.
    #[arg(long, value_name = "FILE")]
    package: Option<PathBuf>,
    /// Where the built packages are, instead of `dist/plugins` beside the folder `plugins`.
    #[arg(long, value_name = "DIR")]
    plugins_dir: Option<PathBuf>,
}

struct Failed {
    file: PathBuf,
    name: String,
    wrong: Vec<String>,
}

impl Test {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let mut files = Vec::new();
        for path in &self.paths {
            let found = scenarios(path)?;
            if found.is_empty() {
                bail!(
                    "{} has no scenarios (*.toml, *.json in scenarios/)",
                    path.display()
                );
            }
            files.extend(found);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let (passed, failed) = runtime.block_on(self.run_all(files))?;
        for it in &failed {
            println!("FAILED {} ({})", it.name, it.file.display());
            for wrong in &it.wrong {
                println!("  {}\n", wrong.replace('\n', "\n  "));
            }
        }
        println!("{passed} passed, {} failed", failed.len());
        Ok(match failed.is_empty() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }

    async fn run_all(&self, files: Vec<PathBuf>) -> anyhow::Result<(usize, Vec<Failed>)> {
        let engine = super::engine()?;
        let mut loaded: BTreeMap<PathBuf, Arc<Loaded>> = BTreeMap::new();
        let at_once = std::thread::available_parallelism().map_or(1, usize::from);
        let mut waiting = Vec::new();
        for file in files {
            let package = self.package_of(&file)?;
            let plugin = match loaded.get(&package) {
                Some(known) => Arc::clone(known),
                None => {
                    let plugin = Arc::new(load(&engine, &package)?);
                    loaded.insert(package, Arc::clone(&plugin));
                    plugin
                }
            };
            waiting.push((file, plugin));
        }
        let mut running = JoinSet::new();
        let (mut passed, mut failed) = (0, Vec::new());
        let mut note = |done: (String, Option<Failed>)| match done {
            (name, None) => {
                println!("ok     {name}");
                passed += 1;
            }
            (_, Some(it)) => failed.push(it),
        };
        for (file, plugin) in waiting {
            if running.len() >= at_once
                && let Some(done) = running.join_next().await
            {
                note(done?);
            }
            running.spawn(async move { run_one(&plugin, file).await });
        }
        while let Some(done) = running.join_next().await {
            note(done?);
        }
        failed.sort_by(|one, other| one.file.cmp(&other.file));
        Ok((passed, failed))
    }

    /// The package of `plugins/<id>/scenarios/x.toml` is `dist/plugins/<id>.wasm` beside `plugins`.
    fn package_of(&self, file: &Path) -> anyhow::Result<PathBuf> {
        if let Some(package) = &self.package {
            return Ok(package.clone());
        }
        let absolute = std::path::absolute(file)?;
        let plugin = absolute
            .ancestors()
            .skip(1)
            .find(|it| it.join("plugin.toml").is_file());
        let plugin = plugin.with_context(|| {
            format!(
                "{} is in no plugin's folder; name the package with --package",
                file.display()
            )
        })?;
        let id = plugin.file_name().context("a plugin's folder has a name")?;
        let dist = match &self.plugins_dir {
            Some(dist) => dist.clone(),
            None => {
                let root = plugin
                    .ancestors()
                    .skip(1)
                    .find(|it| it.join("dist/plugins").is_dir());
                root.unwrap_or(plugin).join("dist/plugins")
            }
        };
        let package = dist.join(format!("{}.wasm", id.to_string_lossy()));
        if !package.is_file() {
            bail!(
                "{} is not there: build it, or name the package with --package (here it is made by `cargo xtask build-plugins`)",
                package.display()
            );
        }
        Ok(package)
    }
}

async fn run_one(plugin: &Loaded, file: PathBuf) -> (String, Option<Failed>) {
    let (name, wrong) = match Scenario::read(&file) {
        Ok(scenario) => {
            let wrong = harness::run(plugin, &scenario).await;
            (scenario.name, wrong)
        }
        Err(error) => ("unreadable".to_owned(), vec![error]),
    };
    let failed = (!wrong.is_empty()).then(|| Failed {
        file,
        name: name.clone(),
        wrong,
    });
    (name, failed)
}

fn load(engine: &Engine, file: &Path) -> anyhow::Result<Loaded> {
    let package = super::package(file)?;
    Loaded::load(engine, package).with_context(|| format!("{}", file.display()))
}

/// The file itself, or those of the folder and of its `scenarios/`, in order.
fn scenarios(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let own = path.join("scenarios");
    let folder = if own.is_dir() { own } else { path.to_owned() };
    let entries = fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let file = entry?.path();
        let is_scenario = file
            .extension()
            .is_some_and(|it| it == "toml" || it == "json");
        let is_other = file
            .file_name()
            .is_some_and(|it| it == "plugin.toml" || it == "Cargo.toml");
        if file.is_file() && is_scenario && !is_other {
            found.push(file);
        }
    }
    found.sort();
    Ok(found)
}
