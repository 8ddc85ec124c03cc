//! `cargo xtask fuzz`: feeds every target of `fuzz/` for a while with what libFuzzer makes of our own fixtures. Owns how the targets are built, what they
//! begin with and what is told of a finding; what must be so of every input is in `fuzz/`.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::apt;
use crate::process::{self, Log};
use crate::project::{self, Project};
use crate::report::Outcome;

/// Seconds of each target under CI, and elsewhere.
const CI_SECONDS: u32 = 60;
const SECONDS: u32 = 5;
/// Bytes of an input.
const LONGEST: usize = 96 << 10;
/// Seconds of one input after which it counts as endless, and the memory that it may take, in MiB.
const ENDLESS: u32 = 10;
const MEMORY: u32 = 1_024;
/// Letters of a text that goes into the dictionary.
const WORD: usize = 40;
/// Bytes of a finding that are shown; the rest is in its file.
const SHOWN: usize = 2_048;
/// Lines of a target's output that are shown with its finding.
const LINES: usize = 40;
/// How a component begins, and the section that holds a package's manifest.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const MANIFEST: &str = "balcao:manifest";

#[derive(clap::Args)]
pub struct Options {
    /// Only these targets: the names of the files in fuzz/src/bin.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// How long each target is fed.
    #[arg(long)]
    seconds: Option<u32>,
    /// Feeds this input to the one target named, and nothing else.
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
}

/// The task as asked for on the command line.
///
/// # Errors
/// What does not build, or a finding, which has been shown by then.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let targets = Target::chosen(project, &options.targets)?;
    build(project)?;
    if let Some(input) = &options.replay {
        let [target] = targets.as_slice() else {
            bail!("name the one target that the input is for");
        };
        return target.replay(input);
    }
    let default = if project::in_ci() {
        CI_SECONDS
    } else {
        SECONDS
    };
    let seconds = options.seconds.unwrap_or(default);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let waiting = Mutex::new(targets.iter().collect::<VecDeque<_>>());
    let found = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let next = locked(&waiting).pop_front();
                    let Some(target) = next else { return };
                    match target.feed(project, seconds) {
                        Ok(told) => println!("{}: {told}", target.name),
                        Err(error) => locked(&found).push(format!("{}: {error:#}", target.name)),
                    }
                }
            });
        }
    });
    let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    if found.is_empty() {
        return Ok(());
    }
    bail!("{}", found.join("\n\n"))
}

/// The stage.
pub fn check(project: &Project, log: &mut Log) -> Result<Outcome> {
    if project::on_path("c++").is_none()
        && let Err(error) = apt::install("g++", log)
    {
        return Ok(Outcome::NotRun(format!("libFuzzer is C++: {error:#}")));
    }
    let mut format = project.cargo();
    format
        .current_dir(folder(project))
        .args(["fmt", "--all", "--check"]);
    log.run(format)?;
    let mut told = Vec::new();
    log.run_watching(project.xtask("fuzz")?, |line| {
        if line.contains(" inputs, ") {
            println!("    {line}");
            told.push(line.to_owned());
        }
    })?;
    ensure!(!told.is_empty(), "no target ran");
    Ok(Outcome::Passed(Some(format!("{} targets", told.len()))))
}

fn locked<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn folder(project: &Project) -> PathBuf {
    project.root.join("fuzz")
}

/// In a build folder of its own, by a compiler that puts the counters in.
fn build(project: &Project) -> Result<()> {
    let mut cargo = project.cargo();
    cargo
        .current_dir(folder(project))
        .args(["build", "--locked", "--release", "--bins"])
        .arg("--target-dir")
        .arg(built(project))
        .env("RUSTC_WRAPPER", folder(project).join("rustc"));
    process::run(cargo)
}

fn built(project: &Project) -> PathBuf {
    project.target.join("fuzz")
}

/// A program of `fuzz/`.
struct Target {
    name: String,
    program: PathBuf,
    /// What it has made, and what it found.
    folder: PathBuf,
}

impl Target {
    /// All, or those that are named.
    fn chosen(project: &Project, names: &[String]) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(folder(project).join("src/bin")).context("fuzz/src/bin")? {
            let file = entry?.path();
            all.extend(file.file_stem().map(|it| it.to_string_lossy().into_owned()));
        }
        all.sort();
        if let Some(unknown) = names.iter().find(|name| !all.contains(name)) {
            bail!(
                "there is no target {unknown}: choose from {}",
                all.join(", ")
            );
        }
        all.retain(|name| names.is_empty() || names.contains(name));
        let target = |name: String| Self {
            program: built(project).join("release").join(&name),
            folder: built(project).join("of").join(&name),
            name,
        };
        Ok(all.into_iter().map(target).collect())
    }

    /// For a while. Says how much that was; an error is a finding, or that nothing guided it.
    fn feed(&self, project: &Project, seconds: u32) -> Result<String> {
        let corpus = self.folder.join("corpus");
        let findings = self.folder.join("findings");
        let seeds = self.folder.join("seeds");
        for folder in [&corpus, &findings, &seeds] {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        let inputs = seeds_of(project, &self.name)?;
        for (number, input) in inputs.iter().enumerate() {
            fs::write(seeds.join(format!("{number}")), input)?;
        }
        let dictionary = self.folder.join("dictionary");
        let words = dictionary_of(&inputs);
        fs::write(&dictionary, &words)?;
        let log = self.folder.join("log");
        let output = fs::File::create(&log)?;
        let mut fuzz = Command::new(&self.program);
        fuzz.arg(format!("-max_total_time={seconds}"))
            .arg(format!("-max_len={LONGEST}"))
            .arg(format!("-timeout={ENDLESS}"))
            .arg(format!("-rss_limit_mb={MEMORY}"))
            .arg(format!("-artifact_prefix={}/", findings.display()))
            .arg("-print_final_stats=1")
            .args([&corpus, &seeds])
            // It refuses an empty one.
            .args((!words.is_empty()).then(|| format!("-dict={}", dictionary.display())))
            .env("BALCAO_FUZZ_SEEDS", &seeds)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let status = process::spawn(&mut fuzz)?
            .wait()
            .context("a child is lost")?;
        let told = fs::read(&log)?;
        let told = String::from_utf8_lossy(&told);
        if !status.success() {
            bail!("{}", self.finding(&told)?);
        }
        let executed = last_number(&told, "stat::number_of_executed_units:");
        let edges = last_number(&told, " cov: ");
        let (Some(executed), Some(edges)) = (executed, edges) else {
            bail!("nothing guided it:\n{}", tail(&told));
        };
        ensure!(
            edges > 0 && executed >= inputs.len() as u64,
            "it ran {executed} inputs over {edges} edges:\n{}",
            tail(&told)
        );
        Ok(format!("{executed} inputs, {edges} edges in {seconds} s"))
    }

    /// What was found and how to see it again.
    fn finding(&self, told: &str) -> Result<String> {
        let written = told
            .lines()
            .find_map(|line| line.split_once("Test unit written to "))
            .map(|(_, file)| PathBuf::from(file.trim()));
        let Some(file) = written else {
            return Ok(format!("it ended without a finding:\n{}", tail(told)));
        };
        let input = fs::read(&file).with_context(|| file.display().to_string())?;
        let shown = &input[..input.len().min(SHOWN)];
        Ok(format!(
            "{}\nthe input, {} bytes: {}\nagain: cargo xtask fuzz {} --replay {}",
            tail(told),
            input.len(),
            shown.escape_ascii(),
            self.name,
            file.display()
        ))
    }

    fn replay(&self, input: &Path) -> Result<()> {
        let mut again = Command::new(&self.program);
        again.arg(input);
        process::run(again)
    }
}

/// What a target begins with: the webhooks of the scenarios of the connector of its name, or what the others read.
fn seeds_of(project: &Project, target: &str) -> Result<Vec<Vec<u8>>> {
    let plugins = project.root.join("plugins");
    let mut seeds = match target {
        "answers" => {
            let mut seeds = Vec::new();
            for entry in fs::read_dir(&plugins)? {
                seeds.extend(answers(&entry?.path().join("scenarios"))?);
            }
            seeds
        }
        "host" => of_packages(project, &plugins)?,
        // It makes them itself.
        "pictures" => return Ok(Vec::new()),
        connector => webhooks(&plugins.join(connector).join("scenarios"))?,
    };
    seeds.retain(|it| it.len() <= LONGEST);
    ensure!(!seeds.is_empty(), "there is nothing to begin {target} with");
    Ok(seeds)
}

/// The bodies of all webhooks of a plugin's scenarios.
fn webhooks(scenarios: &Path) -> Result<Vec<Vec<u8>>> {
    let mut bodies = Vec::new();
    for scenario in toml_files(scenarios)? {
        for webhook in items(&scenario, "steps").filter_map(|it| it.get("webhook")) {
            let file = webhook.get("file").and_then(toml::Value::as_str);
            if let Some(file) = file.map(|it| scenarios.join(it)) {
                bodies.push(fs::read(&file).with_context(|| file.display().to_string())?);
            }
            let inline = webhook.get("json").or_else(|| webhook.get("body"));
            bodies.extend(inline.map(bytes).transpose()?);
        }
    }
    Ok(bodies)
}

/// What providers answer in a plugin's scenarios, each behind the byte that says that it is good.
fn answers(scenarios: &Path) -> Result<Vec<Vec<u8>>> {
    let mut bodies = Vec::new();
    for scenario in toml_files(scenarios)? {
        let in_steps = items(&scenario, "steps").flat_map(|it| items(it, "http"));
        for exchange in items(&scenario, "http").chain(in_steps) {
            if let Some(body) = exchange.get("response").and_then(|it| it.get("body")) {
                bodies.push([b"2", bytes(body)?.as_slice()].concat());
            }
        }
    }
    Ok(bodies)
}

fn items<'a>(of: &'a toml::Value, name: &str) -> impl Iterator<Item = &'a toml::Value> {
    let list = of.get(name).and_then(toml::Value::as_array);
    list.into_iter().flatten()
}

/// A text as it is, anything else as JSON.
fn bytes(value: &toml::Value) -> Result<Vec<u8>> {
    match value {
        toml::Value::String(text) => Ok(text.as_bytes().to_vec()),
        other => Ok(serde_json::to_vec(other)?),
    }
}

/// Manifests, alone and in a package that holds nothing else, what was built of packages, and proofs.
fn of_packages(project: &Project, plugins: &Path) -> Result<Vec<Vec<u8>>> {
    let mut seeds = vec![b"ssha256=00\n{}".to_vec(), b"ss3cret\n".to_vec()];
    for entry in fs::read_dir(plugins)? {
        let manifest = entry?.path().join("plugin.toml");
        if let Ok(manifest) = fs::read(manifest) {
            seeds.push([b"m", manifest.as_slice()].concat());
            seeds.push([b"p", COMPONENT, &section(MANIFEST, &manifest)].concat());
        }
    }
    for package in files(&project.fixtures())? {
        seeds.push([b"p", package.as_slice()].concat());
    }
    Ok(seeds)
}

/// A custom section of a component.
fn section(name: &str, contents: &[u8]) -> Vec<u8> {
    let name = [&leb(name.len()), name.as_bytes()].concat();
    let length = leb(name.len() + contents.len());
    [&[0], length.as_slice(), &name, contents].concat()
}

/// A length as WebAssembly writes it.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// The scenarios of a folder; none where it is not there.
fn toml_files(folder: &Path) -> Result<Vec<toml::Value>> {
    let text = files(folder)?.into_iter().map(String::from_utf8);
    let read = |text: Result<String, _>| Ok(toml::from_str(&text?)?);
    text.map(read).collect()
}

/// The files of a folder in the order of their names; none where it is not there.
fn files(folder: &Path) -> Result<Vec<Vec<u8>>> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(Vec::new());
    };
    let paths = entries.map(|entry| Ok(entry?.path()));
    let mut paths: Vec<PathBuf> = paths.collect::<Result<_>>()?;
    paths.sort();
    let read = |path: PathBuf| fs::read(&path).with_context(|| path.display().to_string());
    paths.into_iter().map(read).collect()
}

/// Every name and short text of the JSON among the inputs, as libFuzzer reads them.
fn dictionary_of(inputs: &[Vec<u8>]) -> String {
    let mut words = BTreeSet::new();
    for input in inputs {
        let begin = input.iter().position(|byte| b"{[".contains(byte));
        if let Ok(value) = serde_json::from_slice(&input[begin.unwrap_or_default()..]) {
            collect(&value, &mut words);
        }
    }
    let plain =
        |word: &String| word.len() <= WORD && word.bytes().all(|it| (b' '..0x7f).contains(&it));
    let quoted = words.iter().filter(|word| plain(word)).map(|word| {
        let word = word.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"\\\"{word}\\\"\"\n")
    });
    quoted.collect()
}

fn collect(value: &Value, words: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                words.insert(name.clone());
                collect(value, words);
            }
        }
        Value::Array(items) => items.iter().for_each(|it| collect(it, words)),
        Value::String(text) => {
            words.insert(text.clone());
        }
        _ => {}
    }
}

/// The number after the last such mark.
fn last_number(told: &str, mark: &str) -> Option<u64> {
    let (_, rest) = told.rsplit_once(mark)?;
    rest.split_whitespace().next()?.parse().ok()
}

fn tail(told: &str) -> String {
    let lines: Vec<&str> = told.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dictionary_has_each_name_and_short_text_once_and_escaped() {
        let inputs = [
            br#"{"type":"text","text":{"body":"a \"b\" \\"}}"#.to_vec(),
            br#"[{"type":"oi"}, "it has \u0001 in it"]"#.to_vec(),
            b"no JSON".to_vec(),
        ];
        let words = [r#"a \"b\" \\"#, "body", "oi", "text", "type"];
        let expected: String = words.map(|it| format!("\"\\\"{it}\\\"\"\n")).concat();
        assert_eq!(dictionary_of(&inputs), expected);
    }

    #[test]
    fn a_section_has_its_length_and_its_name_before_its_contents() {
        let expected = [&[0, 0xca, 1, 1, b'a'], [7; 200].as_slice()].concat();
        assert_eq!(section("a", &[7; 200]), expected);
    }

    #[test]
    fn what_was_run_is_read_from_the_end_of_what_the_fuzzer_says() {
        let told = "#2 INITED cov: 10 ft: 9\n#99 DONE cov: 812 ft: 3\nstat::number_of_executed_units: 99\n";
        assert_eq!(last_number(told, " cov: "), Some(812));
        assert_eq!(
            last_number(told, "stat::number_of_executed_units:"),
            Some(99)
        );
        assert_eq!(last_number("it broke", " cov: "), None);
    }
}
