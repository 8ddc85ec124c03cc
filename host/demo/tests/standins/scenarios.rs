//! Our connectors' scenarios say which requests they make; each of those must be one that its provider documents.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::{BOT, INSTAGRAM, Site, TOKEN};

/// A request that a scenario expects.
struct Recorded {
    scenario: String,
    method: String,
    host: String,
    path: String,
    body: Option<Value>,
}

/// The token of a connector's provider, in place of a secret's handle.
fn filled(text: &str) -> String {
    text.replace("<secret bot_token>", BOT)
        .replace("<secret webhook_secret>", "secret")
        .replace("<secret access_token>", "token")
}

/// All that are told wholly: with an address, and a body where there is one. Forms are told by their headers only.
fn recorded(plugin: &str) -> Vec<Recorded> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
    let mut found = Vec::new();
    for file in fs::read_dir(folder.join(plugin).join("scenarios")).unwrap() {
        let file = file.unwrap().path();
        let scenario: toml::Value = toml::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let scenario = serde_json::to_value(scenario).unwrap();
        for step in scenario["steps"].as_array().unwrap() {
            let asked = step["http"].as_array().map_or(&[][..], Vec::as_slice);
            let expected = step["expect"]["http"].as_array();
            let expected = expected.map_or(&[][..], Vec::as_slice);
            for number in 0..asked.len().max(expected.len()) {
                let part = |list: &[Value], name: &str| {
                    let value = list.get(number).map(|it| it[name].clone());
                    value.filter(|it| !it.is_null())
                };
                let request = asked.get(number).map(|it| it["request"].clone());
                let of = |name: &str| {
                    let given = request.as_ref().map(|it| it[name].clone());
                    part(expected, name).or(given).filter(|it| it.is_string())
                };
                let (Some(method), Some(url)) = (of("method"), of("url")) else {
                    continue;
                };
                let url = filled(url.as_str().unwrap());
                let Some((host, path)) = url
                    .strip_prefix("https://")
                    .and_then(|rest| rest.split_once('/'))
                    .filter(|(_, path)| !path.ends_with('*'))
                else {
                    continue;
                };
                let body = part(expected, "body");
                if part(expected, "headers").is_some() && body.is_none() {
                    continue;
                }
                // What every request to this provider says is not named by all scenarios.
                let product = |body: &Value| !body["messaging_product"].is_null();
                if plugin == "whatsapp" && body.as_ref().is_some_and(|body| !product(body)) {
                    continue;
                }
                let method = method.as_str().unwrap().to_owned();
                let bodiless = ["getMe", "deleteWebhook", "subscribed_apps"];
                if method == "POST"
                    && body.is_none()
                    && !bodiless.iter().any(|it| path.contains(it))
                {
                    continue;
                }
                found.push(Recorded {
                    scenario: file.display().to_string(),
                    method,
                    host: host.to_owned(),
                    path: format!("/{path}").replace('{', "%7B").replace('}', "%7D"),
                    body: body
                        .map(|body| serde_json::from_str(&filled(&body.to_string())).unwrap()),
                });
            }
        }
    }
    found
}

/// What a provider says of something that it knows nothing of, which here is everything that a scenario had before it began.
fn is_unknown(answer: &Value) -> bool {
    let error = &answer["error"];
    let telegram = answer["description"].as_str().unwrap_or_default();
    error["error_subcode"] == 33
        || error["message"]
            .as_str()
            .is_some_and(|it| it.contains("does not exist"))
        || telegram.ends_with("not found")
        || telegram.contains("wrong file_id")
}

async fn all_are_documented(plugin: &str, token: Option<&str>, least: usize) {
    let site = Site::with("200000000000002").await;
    let mut taken = 0;
    for request in recorded(plugin) {
        let place = (request.host.as_str(), request.path.as_str());
        let body = request.body.as_ref();
        let (status, answer) = site.json(&request.method, place, token, body).await;
        assert!(
            status == 200 || is_unknown(&answer),
            "{}: {} {} {}: {answer}",
            request.scenario,
            request.method,
            request.path,
            json!(request.body)
        );
        taken += usize::from(status == 200);
    }
    assert!(
        taken >= least,
        "only {taken} requests of {plugin} were taken"
    );
}

#[tokio::test]
async fn telegrams_requests_are_as_documented() {
    all_are_documented("telegram", None, 9).await;
}

#[tokio::test]
async fn instagrams_requests_are_as_documented() {
    all_are_documented("instagram", Some(INSTAGRAM), 15).await;
}

#[tokio::test]
async fn whatsapps_requests_are_as_documented() {
    all_are_documented("whatsapp", Some(TOKEN), 28).await;
}
