use super::*;
use crate::package::{append, tests::component};

const MANIFEST: &str = r#"
id = "example"
version = "0.1.0"
publisher = "Example"
icon = "icon.svg"
name = { pt-BR = "Exemplo" }
description = { pt-BR = "Um exemplo" }
"#;

const CHANNEL: &str = r#"
[settings]
schema = "settings.schema.json"
[[secrets]]
name = "token"
[[secrets.placements]]
host = "api.example.com"
header = "authorization"
[[secrets]]
name = "app_secret"
[http]
hosts = ["api.example.com", "*.cdn.example"]
[[webhook.verify]]
methods = ["POST"]
kind = "header"
header = "x-token"
secret = "app_secret"
"#;

const SCHEMA: &[u8] = br#"{"type": "object", "properties": {
    "token": {"type": "string", "title": "Token", "writeOnly": true},
    "app_secret": {"type": "string", "title": "Segredo", "writeOnly": true},
    "phone": {"type": "string", "title": "Telefone"}}}"#;

const CHANNEL_IMPORTS: [&str; 6] = [
    "balcao:types/types@0.1.0",
    "balcao:platform/log@0.1.0",
    "balcao:platform/secrets@0.1.0",
    "balcao:platform/http@0.1.0",
    "balcao:connector/inbox@0.1.0",
    "wasi:io/streams@0.2.6",
];

fn pack(more: &str, imports: &[&str], exports: &[&str]) -> Package {
    let assets = [
        ("icon.svg", &b"<svg/>"[..]),
        ("settings.schema.json", SCHEMA),
    ];
    let bytes = append(
        &component(imports, exports),
        &format!("{MANIFEST}{more}"),
        assets,
    );
    Package::read(bytes.into()).unwrap()
}

fn channel() -> Report {
    check(&pack(
        CHANNEL,
        &CHANNEL_IMPORTS,
        &["balcao:connector/channel@0.1.0"],
    ))
}

fn codes(more: &str, imports: &[&str], exports: &[&str]) -> Vec<(Severity, &'static str)> {
    let report = check(&pack(more, imports, exports));
    assert_eq!(
        report.is_acceptable(),
        report
            .problems
            .iter()
            .all(|p| p.severity == Severity::Warning)
    );
    report
        .problems
        .into_iter()
        .map(|p| (p.severity, p.code))
        .collect()
}

const ERROR: Severity = Severity::Error;
const WARNING: Severity = Severity::Warning;

#[test]
fn a_channel_without_problems_is_told_in_plain_words() {
    let report = channel();
    assert_eq!(report.problems, []);
    let text = report.to_string();
    let (head, body) = text.split_once("sha256:").unwrap();
    assert_eq!(head, "example 0.1.0 by Example\n");
    let (_, body) = body.split_once('\n').unwrap();
    let expected = "
Settings
  app_secret: Segredo (secret, never sent)
  phone: Telefone
  token: Token (secret, sent only to)
    api.example.com: header authorization

Contributes
  A channel

Asks for
  Receive messages for its own channels
  Speak to servers on the Internet
    api.example.com
    *.cdn.example
  Use secrets that it can never read
    token → api.example.com: header authorization
    app_secret → never sent
  Language runtime, given nothing
    1 interfaces

No problems.
";
    assert_eq!(body, expected);
}

#[test]
fn the_report_as_json_has_everything_that_the_text_has() {
    let json = serde_json::to_value(channel()).unwrap();
    assert_eq!(
        (&json["id"], &json["version"]),
        (&"example".into(), &"0.1.0".into())
    );
    assert_eq!(
        json["settings_schema"]["properties"]["phone"]["type"],
        "string"
    );
    assert_eq!(
        json["secrets"][0],
        serde_json::json!({"name": "token", "placements": ["api.example.com: header authorization"]})
    );
    assert_eq!(json["permissions"][1]["code"], "http");
    assert_eq!(
        json["permissions"][1]["interfaces"],
        serde_json::json!(["balcao:platform/http@0.1.0"])
    );
    assert_eq!(
        json["permissions"][1]["title"]["pt-BR"],
        "Comunicar-se com servidores na internet"
    );
    assert_eq!(
        json["permissions"][1]["detail"],
        serde_json::json!(["api.example.com", "*.cdn.example"])
    );
    assert_eq!(
        json["language_runtime"],
        serde_json::json!(["wasi:io/streams@0.2.6"])
    );
    assert_eq!(
        json["contributions"][0]["interface"],
        "balcao:connector/channel@0.1.0"
    );
    assert_eq!(json["problems"], serde_json::json!([]));
}

#[test]
fn what_the_host_does_not_offer_is_an_error() {
    let events = "[[subscriptions]]\nkind = \"message.received\"\n";
    for unknown in [
        "balcao:platform/log@0.2.0",
        "balcao:platform/telepathy@0.1.0",
        "wasi:keyvalue/store@0.2.0",
        "wasi:io/streams@0.3.0",
        "other:package/interface@1.0.0",
    ] {
        assert_eq!(
            codes(events, &[unknown], &["balcao:app/events@0.1.0"]),
            [(ERROR, "import-unknown")],
            "{unknown}"
        );
    }
    assert_eq!(
        codes(
            events,
            &[],
            &[
                "balcao:app/events@0.1.0",
                "balcao:app/views@0.2.0",
                "other:x/y"
            ]
        ),
        [(WARNING, "export-unknown")]
    );
}

#[test]
fn sections_of_the_manifest_need_their_exports_and_the_reverse() {
    let title = "title = { pt-BR = \"T\" }\n";
    let cases = [
        (
            "[[subscriptions]]\nkind = \"message.received\"\n".to_owned(),
            "balcao:app/events@0.1.0",
        ),
        (
            format!("[[actions]]\nid = \"a\"\nslot = \"settings\"\nroles = [\"admin\"]\n{title}"),
            "balcao:app/actions@0.1.0",
        ),
        (
            format!("[[views]]\nid = \"a\"\nslot = \"home\"\nroles = [\"admin\"]\n{title}"),
            "balcao:app/views@0.1.0",
        ),
        (
            format!("[[reports]]\nid = \"a\"\n{title}"),
            "balcao:app/reports@0.1.0",
        ),
    ];
    let lifecycle = "balcao:app/lifecycle@0.1.0";
    for (section, export) in cases {
        assert_eq!(codes(&section, &[], &[export]), [], "{export}");
        assert_eq!(
            codes(&section, &[], &[lifecycle]),
            [(ERROR, "export-missing")],
            "{export}"
        );
        assert_eq!(
            codes("", &[], &[export]),
            [(WARNING, "export-unused")],
            "{export}"
        );
    }
    assert_eq!(codes("", &[], &[]), [(ERROR, "contributes-nothing")]);
    let newer = "[[subscriptions]]\nkind = \"message.received\"\n";
    let found = codes(newer, &[], &["balcao:app/events@0.2.0"]);
    assert_eq!(
        found,
        [
            (ERROR, "export-missing"),
            (ERROR, "contributes-nothing"),
            (WARNING, "export-unknown")
        ]
    );
}

#[test]
fn a_channel_says_how_its_webhooks_are_verified_and_only_a_channel_does() {
    let channel = "balcao:connector/channel@0.1.0";
    assert_eq!(codes("", &[], &[channel]), [(ERROR, "webhook-unverified")]);
    let open = "[[webhook.verify]]\nmethods = [\"GET\", \"POST\"]\nkind = \"none\"\n";
    assert_eq!(codes(open, &[], &[channel]), []);
    assert_eq!(
        codes(open, &[], &["balcao:app/lifecycle@0.1.0"]),
        [(ERROR, "export-missing")]
    );
    let media = ["balcao:connector/channel-media@0.1.0"];
    assert_eq!(
        codes("", &["balcao:connector/inbox@0.1.0"], &media),
        [
            (ERROR, "export-without-channel"),
            (WARNING, "import-without-channel")
        ]
    );
}

#[test]
fn imports_and_declarations_that_miss_each_other_are_warned_about() {
    let lifecycle = ["balcao:app/lifecycle@0.1.0"];
    let warned = |more: &str, imports: &[&str]| {
        codes(more, imports, &lifecycle)
            .into_iter()
            .map(|(severity, code)| {
                assert_eq!(severity, WARNING);
                code
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        warned("", &["balcao:platform/http@0.1.0"]),
        ["hosts-missing"]
    );
    assert_eq!(
        warned("[http]\nhosts = [\"a.test\"]\n", &[]),
        ["hosts-unused"]
    );
    assert_eq!(
        warned("", &["balcao:platform/secrets@0.1.0"]),
        ["secrets-missing"]
    );
    assert_eq!(
        warned("", &["balcao:platform/timers@0.1.0"]),
        ["timers-unheard"]
    );
    assert_eq!(
        warned("", &["balcao:platform/collections@0.1.0"]),
        ["collections"]
    );
    assert_eq!(
        warned("[[collections]]\nname = \"facts\"\n", &[]),
        ["collections"]
    );
    let silent = CHANNEL.split("[[webhook").next().unwrap();
    assert_eq!(
        warned(silent, &["balcao:platform/http@0.1.0"]),
        ["placement-unused", "secret-unused"]
    );
}

#[test]
fn what_is_no_package_gives_a_report_of_its_problems() {
    let report = |bytes: Vec<u8>| check_bytes(bytes.into());
    let none = report(component(&[], &[]));
    assert_eq!(
        (
            none.id.as_deref(),
            none.is_acceptable(),
            none.problems[0].code
        ),
        (None, false, "manifest")
    );
    assert_eq!(report(b"junk".to_vec()).problems[0].code, "component");
    let broken = report(append(&component(&[], &[]), "id = 1\nversion = 2\n", []));
    assert!(broken.problems.len() >= 4, "{broken}");
    assert!(
        broken
            .to_string()
            .starts_with("error[shape] id: invalid type"),
        "{broken}"
    );
}

#[test]
fn subscriptions_are_asked_for_with_the_events_by_name() {
    let subscribed = "[[subscriptions]]\nkind = \"conversation.queued\"\nhold = true\n[[subscriptions]]\nkind = \"message.received\"\n";
    let asked = Permissions::asked(&pack(subscribed, &[], &["balcao:app/events@0.1.0"]));
    let detail = [
        "conversation.queued (held until handled, 2 s at most)",
        "message.received",
    ];
    assert_eq!(
        asked
            .iter()
            .map(|p| (
                p.code,
                p.detail.iter().map(String::as_str).collect::<Vec<_>>()
            ))
            .collect::<Vec<_>>(),
        [("events", detail.to_vec())]
    );
}
