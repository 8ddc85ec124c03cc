//! `balcao plugin call | check | test` as a developer uses them: the real program, real packages, no server.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use balcao_runtime::secrets::{Algorithm, Secrets};
use serde_json::{Value, json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the project's folder")
        .to_owned()
}

/// The built packages. A missing one fails the test: what was not run has not passed.
fn package(id: &str) -> PathBuf {
    let folder = std::env::var_os("BALCAO_TEST_PLUGINS")
        .map_or_else(|| root().join("dist/plugins"), PathBuf::from);
    existing(folder.join(format!("{id}.wasm")))
}

fn fixture(id: &str) -> PathBuf {
    let beside = || PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("fixtures");
    let folder = std::env::var_os("BALCAO_TEST_FIXTURES").map_or_else(beside, PathBuf::from);
    existing(folder.join(format!("{id}.wasm")))
}

fn existing(file: PathBuf) -> PathBuf {
    assert!(
        file.is_file(),
        "{} is not there; run `cargo xtask build-plugins --fixtures`",
        file.display()
    );
    file
}

fn balcao(arguments: &[&str]) -> Output {
    let run = Command::new(env!("CARGO_BIN_EXE_balcao"))
        .args(arguments)
        .output();
    run.expect("the program starts")
}

fn json_of(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| {
        panic!(
            "{error}: {text}\n{}",
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

/// A folder with the files that a call of the WhatsApp connector needs.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = json!({"app_secret": "app-secret", "verify_token": "verify-me", "access_token": "access-token"});
        fs::write(folder.path().join("settings.json"), settings.to_string()).expect("written");
        let body = root().join("plugins/whatsapp/fixtures/text.json");
        fs::copy(body, folder.path().join("body.json")).expect("copied");
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_string_lossy().into_owned()
    }

    fn signature(&self) -> String {
        let body = fs::read(self.path("body.json")).expect("a body");
        let secrets = Secrets::new([("app_secret", "app-secret")]);
        let hmac = secrets
            .hmac("app_secret", Algorithm::Sha256, &body)
            .expect("a secret");
        format!("X-Hub-Signature-256: sha256={}", hex::encode(hmac))
    }

    fn receive(&self, more: &[&str]) -> Output {
        let package = package("whatsapp");
        let (settings, body) = (self.path("settings.json"), self.path("body.json"));
        let mut arguments = vec![
            "plugin",
            "call",
            package.to_str().expect("a path"),
            "receive",
        ];
        arguments.extend(["--settings", &settings, "--body", &body]);
        arguments.extend(more);
        balcao(&arguments)
    }
}

#[test]
fn a_signed_webhook_is_called_and_printed_as_one_json_object_and_nothing_else() {
    let files = Files::new();
    let output = files.receive(&[
        "--header",
        &files.signature(),
        "--now",
        "2026-03-02T12:00:00Z",
    ]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let report = json_of(&output);
    let keys: BTreeSet<&str> = report
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    let named = [
        "outcome", "error", "response", "effects", "http", "logs", "cost",
    ];
    assert!(named.iter().all(|name| keys.contains(name)), "{keys:?}");
    assert_eq!(report["outcome"], "ok");
    assert_eq!(report["error"], Value::Null);
    assert_eq!(
        report["response"],
        json!({"status": 200, "headers": [], "body": ""})
    );
    assert_eq!(report["effects"][0]["interface"], "inbox");
    assert_eq!(report["effects"][0]["function"], "message");
    assert_eq!(
        report["effects"][0]["arguments"]["message"]["content"]["text"],
        "Bom dia! Vocês abrem hoje?"
    );
    assert_eq!(report["effects"].as_array().map(Vec::len), Some(1));
    assert!(report["cost"]["host_calls"].as_u64() > Some(0));
}

/// With the settings that its form asks for, and no others.
#[test]
fn every_connector_is_called_with_the_settings_that_it_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let written = |name: &str, content: &[u8]| {
        let file = folder.path().join(name);
        fs::write(&file, content).expect("written");
        file.to_string_lossy().into_owned()
    };
    let instagram = fs::read(root().join("plugins/instagram/fixtures/text.json")).expect("a body");
    let secrets = Secrets::new([("app_secret", "app-secret")]);
    let hmac = secrets.hmac("app_secret", Algorithm::Sha256, &instagram);
    let signature = format!(
        "x-hub-signature-256: sha256={}",
        hex::encode(hmac.expect("a secret"))
    );
    let telegram = fs::read(root().join("plugins/telegram/fixtures/text.json")).expect("a body");
    let keys = json!({"app_secret": "app-secret", "verify_token": "verify-me", "access_token": "access-token"});
    let mut with_account = keys.clone();
    with_account["account_id"] = "17841400000000002".into();
    let bot = json!({"bot_token": "100200:EXEMPLO-DE-TOKEN", "webhook_secret": "secret_1"});
    let calls = [
        ("instagram", Some(keys), signature.as_str(), "", &instagram),
        ("instagram", Some(with_account), &signature, "", &instagram),
        (
            "telegram",
            Some(bot),
            "x-telegram-bot-api-secret-token: secret_1",
            "",
            &telegram,
        ),
        (
            "widget",
            None,
            "origin: https://loja.example",
            "/config",
            &Vec::new(),
        ),
    ];
    for (id, settings, header, path, body) in calls {
        let app = package(id).to_string_lossy().into_owned();
        let method = if path.is_empty() { "POST" } else { "GET" };
        let mut arguments = vec!["plugin", "call", &app, "receive", "--method", method];
        let settings = settings.map(|it| written("settings.json", it.to_string().as_bytes()));
        if let Some(settings) = &settings {
            arguments.extend(["--settings", settings]);
        }
        let body = written("body.json", body);
        arguments.extend(["--header", header, "--path", path, "--body", &body]);
        let output = balcao(&arguments);
        assert_eq!(output.status.code(), Some(0), "{id}: {output:?}");
        let report = json_of(&output);
        assert_eq!(
            (&report["outcome"], &report["response"]["status"]),
            (&json!("ok"), &json!(200)),
            "{id}: {report}"
        );
        let effects = report["effects"].as_array().expect("effects");
        assert_eq!(effects.is_empty(), id == "widget", "{id}: {report}");
    }
}

#[test]
fn a_forged_webhook_is_denied_with_401_and_exit_code_0() {
    let output = Files::new().receive(&["--header", "X-Hub-Signature-256: sha256=00"]);
    assert_eq!(output.status.code(), Some(0));
    let report = json_of(&output);
    assert_eq!(report["outcome"], "denied");
    assert_eq!(report["response"]["status"], 401);
    assert_eq!(report["effects"], json!([]));
    assert_eq!(report["cost"]["host_calls"], 0);
}

#[test]
fn requests_without_recorded_answers_are_refused_and_listed_with_the_secret_named_only() {
    let files = Files::new();
    let settings = json!({"app_secret": "a", "verify_token": "v", "access_token": "access-token", "phone_number_id": "1"});
    fs::write(files.path("settings.json"), settings.to_string()).expect("written");
    fs::write(
        files.path("input.json"),
        json!({"thread": "5511900000001", "content": {"text": "Oi"}}).to_string(),
    )
    .expect("written");
    let package = package("whatsapp");
    let (settings, input) = (files.path("settings.json"), files.path("input.json"));
    let output = balcao(&[
        "plugin",
        "call",
        package.to_str().expect("a path"),
        "send",
        "--settings",
        &settings,
        "--input",
        &input,
    ]);
    assert_eq!(output.status.code(), Some(0));
    assert!(!String::from_utf8_lossy(&output.stdout).contains("access-token"));
    let report = json_of(&output);
    assert_eq!(report["http"][0]["method"], "POST");
    assert_eq!(
        report["http"][0]["url"],
        "https://graph.facebook.com/v23.0/1/messages"
    );
    assert_eq!(report["http"][0]["status"], Value::Null);
    assert_eq!(report["http"][0]["error"]["code"], "denied");
    let headers = report["http"][0]["headers"].to_string();
    assert!(
        headers.contains("Bearer <secret access_token>"),
        "{headers}"
    );
}

#[test]
fn a_trap_and_a_limit_are_printed_and_exit_with_1_and_the_webhook_would_be_parked() {
    let package = fixture("unruly");
    for (path, outcome, code) in [("/trap", "trap", "trap"), ("/loop", "limit", "cpu_ms")] {
        let output = balcao(&[
            "plugin",
            "call",
            package.to_str().expect("a path"),
            "receive",
            "--path",
            path,
        ]);
        assert_eq!(output.status.code(), Some(1), "{path}");
        let report = json_of(&output);
        assert_eq!(report["outcome"], outcome);
        assert_eq!(report["error"]["code"], code);
        assert_eq!(report["response"]["status"], 200);
        assert_eq!(report["effects"], json!([]));
    }
}

/// serde_json reads 127 levels, and each takes of the stack that packages are built with.
#[test]
fn json_nested_as_deeply_as_it_is_read_fits_a_plugins_stack() {
    let files = Files::new();
    let app = package("distribution").to_string_lossy().into_owned();
    let input = files.path("event.json");
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let data = format!("{}1{}", open.repeat(126), close.repeat(126));
        let event = json!({"kind": "team.changed", "id": "evt_1", "at": 0, "data": data});
        fs::write(&input, event.to_string()).expect("written");
        let output = balcao(&["plugin", "call", &app, "handle", "--input", &input]);
        assert_eq!(json_of(&output)["outcome"], "ok", "{open}");
    }
}

#[test]
fn what_cannot_be_called_exits_with_2_and_prints_nothing_on_standard_output() {
    let files = Files::new();
    let whatsapp = package("whatsapp").to_string_lossy().into_owned();
    let settings = files.path("settings.json");
    fs::write(
        files.path("wrong.json"),
        r#"{"app_secret": "hush-hush", "colour": 1}"#,
    )
    .expect("written");
    let wrong = files.path("wrong.json");
    let cases: [&[&str]; 6] = [
        &["plugin", "call", "none.wasm", "receive"],
        &["plugin", "call", &whatsapp, "dance"],
        &[
            "plugin",
            "call",
            &whatsapp,
            "handle",
            "--settings",
            &settings,
        ],
        &["plugin", "call", &whatsapp, "receive", "--settings", &wrong],
        &[
            "plugin",
            "call",
            &whatsapp,
            "receive",
            "--settings",
            &settings,
            "--now",
            "soon",
        ],
        &["plugin", "call", &settings, "receive"],
    ];
    for arguments in cases {
        let output = balcao(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("hush-hush"));
    }
}

#[test]
fn check_says_what_a_package_is_and_refuses_what_is_none() {
    let whatsapp = package("whatsapp").to_string_lossy().into_owned();
    let output = balcao(&["plugin", "check", &whatsapp, "--json"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(json_of(&output)["id"], "whatsapp");
    let files = Files::new();
    let output = balcao(&["plugin", "check", &files.path("body.json")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("remedy"));
}

#[test]
fn the_connectors_scenarios_pass_and_a_wrong_expectation_fails_with_a_difference() {
    let whatsapp = package("whatsapp").to_string_lossy().into_owned();
    let folder = root()
        .join("plugins/whatsapp")
        .to_string_lossy()
        .into_owned();
    let output = balcao(&["plugin", "test", &folder, "--package", &whatsapp]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    let count = scenarios(&root().join("plugins/whatsapp")).len();
    assert!(
        text.ends_with(&format!("{count} passed, 0 failed\n")),
        "{text}"
    );

    let files = Files::new();
    let scenario = fs::read_to_string(root().join("plugins/whatsapp/scenarios/text.toml"))
        .expect("a scenario");
    let wrong = scenario
        .replace("../fixtures/text.json", "body.json")
        .replace("Vocês abrem hoje?", "Vocês abrem amanhã?");
    fs::write(files.path("wrong.toml"), wrong).expect("written");
    let output = balcao(&[
        "plugin",
        "test",
        &files.path("wrong.toml"),
        "--package",
        &whatsapp,
    ]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("- ") && text.contains("amanhã") && text.contains("hoje"),
        "{text}"
    );
    assert!(text.ends_with("0 passed, 1 failed\n"), "{text}");
}

#[test]
fn unexpected_effects_and_requests_fail_a_scenario() {
    let whatsapp = package("whatsapp").to_string_lossy().into_owned();
    let files = Files::new();
    let settings = r#"settings = { app_secret = "a", verify_token = "v", access_token = "t", phone_number_id = "1" }"#;
    let run = |steps: &str| {
        let scenario = format!("name = \"it is so\"\n{settings}\n{steps}");
        fs::write(files.path("one.toml"), scenario).expect("written");
        let output = balcao(&[
            "plugin",
            "test",
            &files.path("one.toml"),
            "--package",
            &whatsapp,
        ]);
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let unexpected = run(
        "[[steps]]\nwebhook = { sign = true, json = { object = \"x\", entry = [{ changes = [{ field = \"messages\", value = { messages = [{ from = \"55\", id = \"m\", type = \"text\", text = { body = \"Oi\" } }] } }] }] } }",
    );
    assert!(unexpected.contains("effects:"), "{unexpected}");
    let request = run("[[steps]]\nconnect = {}");
    assert!(request.contains("no recorded answer"), "{request}");
    let unused = run(
        "[[steps]]\ndescribe = {}\nhttp = [{ request = { method = \"GET\", url = \"https://graph.facebook.com/\" }, response = { status = 200 } }]",
    );
    assert!(unused.contains("nobody asked"), "{unused}");

    // The connector copes with the refusal, and the scenario fails all the same.
    let signal = "[[steps]]\nsignal = { thread = \"5511900000001\", kind = \"read\", data = { message = \"wamid.1\" } }\n";
    let stranger = run(signal);
    assert!(
        stranger.contains("was asked for, and no answer is recorded"),
        "{stranger}"
    );
}

#[test]
fn a_folder_without_scenarios_is_an_error() {
    let empty = tempfile::tempdir().expect("a folder");
    let output = balcao(&["plugin", "test", &empty.path().to_string_lossy()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("has no scenarios"));
}

fn scenarios(plugin: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(plugin.join("scenarios"));
    let names = entries
        .into_iter()
        .flatten()
        .map(|it| it.expect("an entry").file_name());
    names
        .map(|name| name.to_string_lossy().into_owned())
        .collect()
}

#[test]
fn every_plugins_readme_names_each_of_its_scenarios_and_no_other() {
    let plugins = fs::read_dir(root().join("plugins")).expect("plugins");
    let mut checked = 0;
    for plugin in plugins {
        let plugin = plugin.expect("an entry").path();
        if !plugin.join("plugin.toml").is_file() {
            continue;
        }
        let readme = fs::read_to_string(plugin.join("README.md")).unwrap_or_default();
        let named: BTreeSet<String> = readme
            .split("(scenarios/")
            .skip(1)
            .filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()))
            .collect();
        let files = scenarios(&plugin);
        assert!(!files.is_empty(), "{} has no scenarios", plugin.display());
        assert_eq!(named, files, "{}", plugin.display());
        checked += 1;
    }
    assert!(checked > 0);
}
