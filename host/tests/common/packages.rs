//! Built packages, enabled and connected.

use std::{
    fs,
    path::{Path, PathBuf},
};

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Client, Reply, Server};

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

pub fn fixture(id: &str) -> PathBuf {
    let beside = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("fixtures");
    package("BALCAO_TEST_FIXTURES", beside, id)
}

pub fn unruly() -> PathBuf {
    fixture("unruly")
}

/// Another version of a package: with other words in place of some, each as long as the one before.
pub fn edited(package: &Path, words: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = fs::read(package).expect("a package");
    for (from, to) in words {
        assert_eq!(from.len(), to.len(), "{from}, {to}");
        let places: Vec<usize> = bytes
            .windows(from.len())
            .enumerate()
            .filter(|(_, found)| *found == from.as_bytes())
            .map(|(at, _)| at)
            .collect();
        assert_ne!(places, [0; 0], "{from}");
        for at in places {
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
    }
    bytes
}

/// Enables the app with what it asks for.
pub async fn enable(admin: &Client, plugin: &str) -> Value {
    let enabled = ask_to_enable(admin, plugin, json!({})).await;
    enabled.expect(StatusCode::OK)
}

/// Asks for it, with these settings.
pub async fn ask_to_enable(admin: &Client, plugin: &str, settings: Value) -> Reply {
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
            &json!({"granted": asked, "settings": settings}),
        )
        .await
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
