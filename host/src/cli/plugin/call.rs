//! `balcao plugin call`: one call of one export. Standard output is one JSON object and nothing else.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context, anyhow, bail};
use balcao_runtime::{
    harness::{CallReport, Loaded, Workbench, input},
    http::recorded::Recorded,
    memory::{self, Given},
    webhook,
    wit::channel::Request,
};
use clap::{Args, builder::PossibleValuesParser};
use serde_json::Value;

const HELP: &str = "Exit code: 0 the call ended, whatever came of it; 1 a trap or a limit; 2 it could not be made.

Example, with what a form would ask for in settings.json (secrets in plain) and a provider's request in body.json:

    balcao plugin call dist/plugins/mine.wasm receive --settings settings.json \\
        --header 'content-type: application/json' --body body.json

Any other export takes one JSON object, whose fields are those of its WIT record:

    echo '{\"content\": {\"kind\": \"text\", \"text\": \"Oi\"}, \"thread\": \"5511900000001\", \"recipient\": \"5511900000001\"}' |
        balcao plugin call dist/plugins/mine.wasm send --settings settings.json --input -";

#[derive(Args)]
#[command(after_help = HELP)]
pub struct Call {
    /// The package (`dist/plugins/<id>.wasm`).
    package: PathBuf,
    /// Which export.
    #[arg(value_parser = PossibleValuesParser::new(input::CALLS.map(|(name, _)| name)))]
    export: String,
    /// The settings: one flat JSON object, secrets in plain.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Of `receive`: the request's method.
    #[arg(long, default_value = "POST")]
    method: String,
    /// Of `receive`: what follows the channel in the address, with its leading `/`.
    #[arg(long, default_value = "")]
    path: String,
    /// Of `receive`: a query parameter, decoded. May be repeated.
    #[arg(long, value_name = "K=V", value_parser = parameter)]
    query: Vec<(String, String)>,
    /// Of `receive`: a header. May be repeated.
    #[arg(long, value_name = "K: V", value_parser = header)]
    header: Vec<(String, String)>,
    /// Of `receive`: the file with the request's body; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// Of every other export: its input as JSON; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// The plugin's clock (RFC 3339); otherwise the present time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    now: Option<i64>,
    /// Recorded answers to outgoing HTTP; without it every request is refused and listed.
    #[arg(long, value_name = "FILE")]
    http: Option<PathBuf>,
    /// A workspace to call it in, as the `given` of a scenario, in JSON: teams, users, conversations, storage…
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

impl Call {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let package = super::package(&self.package)?;
        let interface = input::interface_of(&self.export).context("no such export")?;
        if !input::is_exported(&package, interface) {
            bail!(
                "{} does not export {interface}, so it has no `{}`",
                package.manifest().id,
                self.export
            );
        }
        let settings = match &self.settings {
            Some(file) => json::<Value>(file)?,
            None => serde_json::json!({}),
        };
        let recorded = match &self.http {
            Some(file) => Recorded::from_json(&super::read(file)?)
                .map_err(|error| anyhow!("{}: {error}", file.display()))?,
            None => Recorded::default(),
        };
        let mut given = match &self.state {
            Some(file) => json::<Given>(file)?,
            None => Given::default(),
        };
        given.now = Some(match self.now {
            Some(now) => now,
            None => given
                .now
                .unwrap_or_else(|| jiff::Timestamp::now().as_microsecond()),
        });
        let loaded = Loaded::load(&super::engine()?, package)?;
        let workbench = Workbench::open(&loaded, &settings, given, Arc::new(recorded))?;
        let report = self.report(&workbench)?;
        println!("{}", serde_json::to_string(&report)?);
        Ok(match report.was_cut_short() {
            true => ExitCode::FAILURE,
            false => ExitCode::SUCCESS,
        })
    }

    fn report(&self, workbench: &Workbench) -> anyhow::Result<CallReport> {
        let channel = workbench.channel().unwrap_or_default();
        let input = if self.export == "receive" {
            let mut request = self.request(channel)?;
            let rules = &workbench.package().manifest().webhook.verify;
            if let Err(refusal) = webhook::admit(rules, workbench.secrets(), &mut request) {
                return Ok(CallReport::denied(&refusal));
            }
            balcao_runtime::call::Input::Receive(request)
        } else {
            let given = match &self.input {
                Some(file) => json::<Value>(file)?,
                None => Value::Null,
            };
            input::read(&self.export, given, channel)
                .map_err(|error| anyhow!("--input: {error}"))?
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let outcome = runtime.block_on(workbench.call("call_1", input));
        Ok(CallReport::of(&outcome, self.export == "receive"))
    }

    fn request(&self, channel: &str) -> anyhow::Result<Request> {
        if !self.path.is_empty() && !self.path.starts_with('/') {
            bail!("--path begins with `/`");
        }
        let body = match &self.body {
            Some(file) => super::read(file)?,
            None => Vec::new(),
        };
        let headers = self
            .header
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
        Ok(Request {
            channel: channel.to_owned(),
            method: self.method.clone(),
            path: self.path.clone(),
            query: self.query.clone(),
            headers: headers.collect(),
            body,
            remote: "127.0.0.1".to_owned(),
        })
    }
}

fn json<T: serde::de::DeserializeOwned>(file: &std::path::Path) -> anyhow::Result<T> {
    let bytes = super::read(file)?;
    serde_json::from_slice(&bytes).with_context(|| format!("{}", file.display()))
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("a query parameter is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("a header is NAME: VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn time(text: &str) -> Result<i64, String> {
    memory::instant_of(text).ok_or_else(|| "a time like 2026-01-31T12:00:00Z".to_owned())
}
