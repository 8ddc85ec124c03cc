//! Built packages, enabled and connected.

use std::path::PathBuf;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Client, Server};

/// A built package; a missing one fails the test: what was not run has not passed.
pub fn package(variable: &str, beside: PathBuf, id: &str) -> PathBuf {
    let folder = std::env::var_os(variable).map_or(beside, PathBuf::from);
    let file = folder.join(format!("{id}.wasm"));
    assert!(
        file.is_file(),
        "{} is not there; run `cargo xtask build-plugins --fixtures`",
        file.display()
    );
    file
}

pub fn connector() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../dist/plugins");
    package("BALCAO_TEST_PLUGINS", root, "whatsapp")
}

pub fn unruly() -> PathBuf {
    let beside = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("fixtures");
    package("BALCAO_TEST_FIXTURES", beside, "unruly")
}

/// Enables the app with what it asks for.
pub async fn enable(admin: &Client, plugin: &str) -> Value {
    let offered = admin
        .get(&format!("/plugins/{plugin}"))
        .await
        .expect(StatusCode::OK);
    let asked: Vec<&Value> = offered["permissions"]
        .as_array()
        .expect("permissions")
        .iter()
        .map(|it| &it["code"])
        .collect();
    admin
        .post(
            &format!("/plugins/{plugin}/enable"),
            &json!({"granted": asked}),
        )
        .await
        .expect(StatusCode::OK)
}

/// Enables the app and connects a channel; gives the channel's id.
pub async fn connect(admin: &Client, plugin: &str, settings: Value) -> String {
    enable(admin, plugin).await;
    let channel = admin
        .post(
            "/channels",
            &json!({"plugin_id": plugin, "name": "Loja", "team_id": null, "settings": settings}),
        )
        .await
        .expect(StatusCode::CREATED);
    channel["id"].as_str().expect("an id").to_owned()
}

/// A server that offers the packages beside `file`.
pub async fn server_with(file: PathBuf) -> Server {
    let folder = file.parent().expect("a folder").to_owned();
    Server::start_with(|config| config.plugins_dir = folder).await
}
