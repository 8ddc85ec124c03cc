use super::*;

const MINIMAL: &str = r#"
id = "example"
version = "0.1.0"
publisher = "Example"
icon = "icon.svg"
name = { pt-BR = "Exemplo", en = "Example" }
description = { pt-BR = "Um exemplo" }
"#;

const CHANNEL: &str = r#"
[settings]
schema = "settings.schema.json"

[[secrets]]
name = "access_token"
[[secrets.placements]]
host = "api.example.com"
header = "Authorization"
[[secrets.placements]]
host = "api.example.com"
path-segment = "bot{}"

[[secrets]]
name = "app_secret"

[http]
hosts = ["API.example.com.", "*.cdn.example"]

[[webhook.verify]]
methods = ["POST"]
kind = "hmac"
algorithm = "sha256"
header = "x-signature"
prefix = "sha256="
secret = "app_secret"

[[subscriptions]]
kind = "conversation.queued"
lane = "team"
hold = true

[[actions]]
id = "finish"
slot = "conversation.conclude"
roles = ["agent", "admin"]
title = { pt-BR = "Terminar" }

[[collections]]
name = "facts"
indexes = ["at", "agent"]

[limits]
cpu-ms = 50
"#;

fn with(more: &str) -> Result<Manifest, Vec<Problem>> {
    Manifest::parse(&format!("{MINIMAL}{more}"))
}

/// Code and place of each error.
fn errors(text: &str) -> Vec<(&'static str, String)> {
    let problems = Manifest::parse(text).expect_err("the manifest has an error");
    assert!(
        problems
            .iter()
            .all(|p| !p.message.is_empty() && !p.remedy.is_empty())
    );
    problems
        .into_iter()
        .filter(|p| p.severity == Severity::Error)
        .map(|p| (p.code, p.place))
        .collect()
}

fn errors_with(more: &str) -> Vec<(&'static str, String)> {
    errors(&format!("{MINIMAL}{more}"))
}

fn at(code: &'static str, place: &str) -> (&'static str, String) {
    (code, place.to_owned())
}

#[test]
fn a_whole_manifest_is_read_as_written() {
    let manifest = with(CHANNEL).unwrap();
    assert_eq!(manifest.problems(), []);
    assert_eq!(
        (manifest.id.as_str(), manifest.storage_version),
        ("example", 1)
    );
    let placements = &manifest.secret("access_token").unwrap().placements;
    assert_eq!(placements[0].place, Place::Header("authorization".into()));
    assert_eq!(
        placements[1].place,
        Place::PathSegment {
            before: "bot".into(),
            after: String::new()
        }
    );
    assert_eq!(
        placements[0].to_string(),
        "api.example.com: header authorization"
    );
    assert_eq!(manifest.http.hosts[0].to_string(), "api.example.com");
    assert_eq!(manifest.webhook.verify[0].secret(), Some("app_secret"));
    assert_eq!(manifest.webhook.verify[0].methods(), ["POST"]);
    let queued = Subscription {
        kind: "conversation.queued".into(),
        lane: Lane::Team,
        hold: true,
    };
    assert_eq!(manifest.subscriptions, [queued]);
    assert_eq!(manifest.actions[0].roles, [Role::Agent, Role::Admin]);
    assert_eq!(manifest.collections[0].indexes, ["at", "agent"]);
    assert_eq!(manifest.limits.cpu_ms, Some(50));
}

#[test]
fn text_that_is_no_toml_is_one_problem_with_line_and_column() {
    assert_eq!(
        errors("id = \"a\"\nversion = = 1"),
        [at("syntax", "line 2, column 11")]
    );
}

#[test]
fn every_missing_and_unknown_key_is_told_at_once() {
    let found = errors("id = \"example\"\ntitle = \"x\"\nhosts = []");
    let expected = [
        at("missing-key", "version"),
        at("missing-key", "publisher"),
        at("missing-key", "name"),
        at("unknown-key", "hosts"),
        at("unknown-key", "title"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn mistakes_within_sections_are_told_with_their_place_and_do_not_hide_each_other() {
    let found = errors_with(
        r#"
[http]
host = []
[[subscriptions]]
kind = "message.received"
lane = "agent"
[[subscriptions]]
kind = "message.sent"
holds = true
[[webhook.verify]]
methods = ["POST"]
kind = "hmac"
algorithm = "md5"
header = "x"
secret = "s"
[[webhook.verify]]
methods = ["GET"]
kind = "query"
parameter = "p"
secret = "s"
prefix = "unknown here"
"#,
    );
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found.contains(&at("unknown-key", "http.host")), "{found:?}");
    assert!(
        found.contains(&at("shape", "subscriptions[0].lane")),
        "{found:?}"
    );
    assert!(
        found.contains(&at("unknown-key", "subscriptions[1].holds")),
        "{found:?}"
    );
    assert!(
        found
            .iter()
            .any(|(_, place)| place.starts_with("webhook.verify[0]")),
        "{found:?}"
    );
    let query = "[[webhook.verify]]\nmethods = [\"GET\"]\nkind = \"query\"\nparameter = \"p\"\nsecret = \"s\"\nprefix = \"x\"";
    assert_eq!(errors_with(query)[0].0, "unknown-key");
}

#[test]
fn ids_versions_and_languages_are_checked() {
    for id in [
        "a",
        "Example",
        "1example",
        "exam_ple",
        "example/..",
        &"x".repeat(41),
    ] {
        assert_eq!(
            errors(&MINIMAL.replace("\"example\"", &format!("{id:?}"))),
            [at("id", "id")],
            "{id}"
        );
    }
    for version in ["1", "1.0", "v1.0.0", "1.0.0.0", "latest"] {
        assert_eq!(
            errors(&MINIMAL.replace("0.1.0", version)),
            [at("version", "version")],
            "{version}"
        );
    }
    assert_eq!(
        errors(&MINIMAL.replace("pt-BR = \"Exemplo\", ", "")),
        [at("text-language", "name")]
    );
    assert_eq!(
        errors(&MINIMAL.replace("en = ", "english = ")),
        [at("text-language", "name.english")]
    );
    assert_eq!(
        errors(&MINIMAL.replace("Um exemplo", &"x".repeat(4001))),
        [at("text-length", "description.pt-BR")]
    );
}

#[test]
fn a_placement_has_exactly_one_kind_and_an_exact_host_that_may_be_spoken_to() {
    let placement = |host: &str, kind: &str| {
        let settings = "[settings]\nschema = \"s.json\"\n[http]\nhosts = [\"api.example.com\", \"*.example.net\"]\n";
        let text = format!(
            "{settings}[[secrets]]\nname = \"token\"\n[[secrets.placements]]\nhost = \"{host}\"\n{kind}"
        );
        with(&text)
            .map(|_| ())
            .map_err(|problems| problems.into_iter().map(|p| p.code).collect::<Vec<_>>())
    };
    for good in [
        "header = \"x-token\"",
        "path-segment = true",
        "form-field = \"token\"",
        "json-pointer = \"/a/b\"",
    ] {
        assert_eq!(placement("api.example.com", good), Ok(()), "{good}");
    }
    assert_eq!(placement("cdn.example.net", "header = \"x\""), Ok(()));
    for bad in [
        "",
        "path-segment = false",
        "path-segment = \"bot\"",
        "path-segment = \"a/{}\"",
        "header = \"x\"\nform-field = \"y\"",
    ] {
        assert_eq!(
            placement("api.example.com", bad),
            Err(vec!["shape"]),
            "{bad}"
        );
    }
    assert_eq!(
        placement("api.example.com", "header = \"Host\""),
        Err(vec!["placement-header"])
    );
    assert_eq!(
        placement("api.example.com", "header = \"a b\""),
        Err(vec!["placement-header"])
    );
    assert_eq!(
        placement("api.example.com", "json-pointer = \"a\""),
        Err(vec!["placement-pointer"])
    );
    for other in [
        "example.com",
        "x.api.example.com",
        "example.net",
        "api.example.com:8443",
    ] {
        assert_eq!(
            placement(other, "header = \"x\""),
            Err(vec!["placement-host"]),
            "{other}"
        );
    }
    assert_eq!(
        placement("*.example.net", "header = \"x\""),
        Err(vec!["shape"])
    );
}

#[test]
fn verification_names_declared_secrets_and_each_method_once() {
    let rule = |methods: &str| {
        format!(
            "[[webhook.verify]]\nkind = \"header\"\nheader = \"x-token\"\nsecret = \"token\"\nmethods = {methods}\n"
        )
    };
    let declared = "[settings]\nschema = \"s.json\"\n[[secrets]]\nname = \"token\"\n";
    assert_eq!(
        errors_with(&rule("[\"POST\"]")),
        [at("verify-secret", "webhook.verify[0].secret")]
    );
    let verify = |methods: &str| errors_with(&format!("{declared}{}", rule(methods)));
    assert_eq!(
        verify("[]"),
        [at("verify-methods", "webhook.verify[0].methods")]
    );
    assert_eq!(
        verify("[\"post\"]"),
        [at("verify-methods", "webhook.verify[0].methods")]
    );
    let twice = format!(
        "{declared}{}{}",
        rule("[\"POST\"]"),
        rule("[\"PUT\", \"POST\"]")
    );
    assert_eq!(
        errors_with(&twice),
        [at("verify-methods", "webhook.verify[1].methods")]
    );
}

#[test]
fn names_declared_twice_holds_of_other_events_and_limits_of_zero_are_errors() {
    let found = errors_with(
        r#"
[[subscriptions]]
kind = "message.received"
hold = true
[[subscriptions]]
kind = "message.received"
[[reports]]
id = "9 lives"
title = { pt-BR = "Vidas" }
[[collections]]
name = "facts"
indexes = ["at", "at", ""]
[limits]
deadline-ms = 0
"#,
    );
    let expected = [
        at("duplicate", "subscriptions[1]"),
        at("hold", "subscriptions[0].hold"),
        at("name", "reports[0].id"),
        at("duplicate", "collections[0].indexes[1]"),
        at("name", "collections[0].indexes[2]"),
        at("limit", "limits.deadline-ms"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_this_host_does_not_know_yet_is_only_warned_about() {
    let manifest = with(
        r#"
[[subscriptions]]
kind = "call.started"
[[views]]
id = "board"
slot = "moon"
roles = ["admin"]
title = { pt-BR = "Quadro" }
"#,
    )
    .unwrap();
    let warnings: Vec<_> = manifest
        .problems()
        .into_iter()
        .map(|p| (p.severity, p.code))
        .collect();
    assert_eq!(
        warnings,
        [
            (Severity::Warning, "event-kind"),
            (Severity::Warning, "slot")
        ]
    );
}

#[test]
fn a_text_falls_back_from_country_to_language_to_english_to_portuguese() {
    let text = |pairs: &[(&str, &str)]| {
        LocalizedText(
            pairs
                .iter()
                .map(|(k, v)| ((*k).into(), (*v).into()))
                .collect(),
        )
    };
    let both = text(&[("pt-BR", "conversa"), ("en", "chat"), ("es", "charla")]);
    assert_eq!(
        ["pt-BR", "pt", "pt-PT", "en-GB", "es-MX", "fr"].map(|l| both.get(l)),
        ["conversa", "conversa", "conversa", "chat", "charla", "chat"]
    );
    assert_eq!(text(&[("pt-BR", "conversa")]).get("fr"), "conversa");
    assert_eq!(LocalizedText::default().get("en"), "");
}

fn schema_codes(manifest: &str, schema: serde_json::Value) -> Vec<&'static str> {
    let manifest = with(manifest).unwrap();
    match schema::read(&manifest, "s.json", schema.to_string().as_bytes()) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.into_iter().map(|p| p.code).collect(),
    }
}

#[test]
fn the_settings_schema_is_a_flat_object_without_references_elsewhere() {
    let codes = |schema| schema_codes("", schema);
    assert_eq!(
        codes(
            serde_json::json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "array"}}})
        ),
        [""; 0]
    );
    assert_eq!(
        codes(serde_json::json!({"type": "array"})),
        ["schema-object"]
    );
    assert_eq!(
        codes(serde_json::json!({"type": "object", "properties": {"a": {"type": "object"}}})),
        ["schema-nested"]
    );
    assert_eq!(
        codes(serde_json::json!({"type": "objekt"})),
        ["schema-invalid"]
    );
    assert_eq!(
        codes(serde_json::json!({"type": "object", "properties": {"a": {"pattern": "("}}})),
        ["schema-invalid"]
    );
    assert_eq!(
        codes(
            serde_json::json!({"type": "object", "properties": {"a": {"$ref": "https://example.com/s"}}})
        ),
        ["schema-reference"]
    );
    assert_eq!(
        codes(
            serde_json::json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"})
        ),
        ["schema-draft"]
    );
}

#[test]
fn allowed_origins_are_a_list_of_texts() {
    let manifest = "[settings]\nschema = \"s.json\"\n";
    let of = |property: serde_json::Value| {
        let schema = serde_json::json!({"type": "object", "properties": {"sites": property}});
        schema_codes(manifest, schema)
    };
    let texts =
        serde_json::json!({"type": "array", "items": {"type": "string"}, "x-origins": true});
    assert_eq!(of(texts), [""; 0]);
    for wrong in [
        serde_json::json!({"type": "string", "x-origins": true}),
        serde_json::json!({"type": "array", "items": {"type": "object"}, "x-origins": true}),
        serde_json::json!({"type": "array", "items": {"type": "string"}, "x-origins": "yes"}),
    ] {
        assert_eq!(of(wrong), ["origins"]);
    }
}

#[test]
fn secrets_and_write_only_properties_match_both_ways() {
    let secrets = "[settings]\nschema = \"s.json\"\n[[secrets]]\nname = \"token\"\n";
    let object = |properties: serde_json::Value| serde_json::json!({"type": "object", "properties": properties});
    let secret = serde_json::json!({"type": "string", "writeOnly": true});
    assert_eq!(
        schema_codes(secrets, object(serde_json::json!({"token": secret}))),
        [""; 0]
    );
    assert_eq!(
        schema_codes(
            secrets,
            object(serde_json::json!({"token": {"type": "string"}}))
        ),
        ["secret-property"]
    );
    assert_eq!(
        schema_codes(
            secrets,
            object(serde_json::json!({"token": secret, "other": secret}))
        ),
        ["secret-undeclared"]
    );
    let number = serde_json::json!({"type": "number", "writeOnly": true, "default": 1});
    assert_eq!(
        schema_codes(secrets, object(serde_json::json!({"token": number}))),
        ["secret-type", "secret-default"]
    );
    assert_eq!(
        errors_with("[[secrets]]\nname = \"token\"\n"),
        [at("secret-schema", "secrets")]
    );
}
