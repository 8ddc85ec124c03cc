//! How an app begins: while its settings change, in vain, in another version, with a database that fails it. The test plays the app's provider.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::common::{
    Client, Server,
    desk::Desk,
    hesitant::{HESITANT, Stage},
    packages::{self, ask_to_enable},
    until_so, workspace_of,
};

on_both! {
    settings_that_change_while_an_app_begins_are_the_ones_that_count_and_it_is_told_of_them,
    a_beginning_that_fails_leaves_nothing_behind_and_the_app_can_be_enabled_again,
    an_app_that_begins_anew_in_vain_is_off,
    another_version_is_off_until_it_has_begun_and_finds_the_secrets_that_it_knows,
    what_an_app_has_offered_is_everybodys_once_its_package_is_replaced_and_what_waits_for_it_goes_on_waiting,
    an_app_is_not_disabled_while_it_begins,
    an_app_whose_switching_on_could_not_be_written_is_told_nothing_and_nobody_waits_for_it,
    an_app_begins_to_its_end_though_whoever_enabled_it_has_left,
}

const FIRST: &str = "Bearer first key";
const SECOND: &str = "Bearer second key";

async fn settings_that_change_while_an_app_begins_are_the_ones_that_count_and_it_is_told_of_them(
    stage: Stage,
) {
    let admin = stage.server.admin().await;
    let workspace = workspace_of(&admin).await;
    let path = format!("/plugins/{HESITANT}/settings");
    let changes = async {
        let begin = stage.asked().await;
        assert_eq!(begin.told(), ("/enable", Some(FIRST)));
        let sent = json!({"settings": {"greeting": "opa", "door-key": "second key"}});
        let put = admin.put(&path, &sent).await.expect(StatusCode::OK);
        let expected =
            json!({"settings": {"greeting": "opa"}, "secrets": {"door-key": true}, "revision": 2});
        assert_eq!(put, expected);
        let told = "/plugin.settings-changed/opa";
        stage.lets_with(told, SECOND).await;
        let patch = json!({"settings": {"greeting": "salve"}});
        let patched = admin
            .patch(&format!("/plugins/{HESITANT}"), &patch)
            .await
            .expect(StatusCode::OK);
        assert_eq!(
            (&patched["enabled"], &patched["settings"]),
            (&json!(false), &json!({"greeting": "salve"}))
        );
        let told = "/plugin.settings-changed/salve";
        stage.lets_with(told, SECOND).await;
        begin.answer(200).await;
    };
    let sent = json!({"greeting": "oba", "door-key": "first key"});
    let (on, ()) = tokio::join!(ask_to_enable(&admin, HESITANT, sent), changes);
    let on = on.expect(StatusCode::OK);
    let counts =
        json!({"settings": {"greeting": "salve"}, "secrets": {"door-key": true}, "revision": 4});
    assert_eq!(on["enabled"], true);
    for (name, value) in counts.as_object().unwrap() {
        assert_eq!(&on[name], value, "{name}");
    }
    stage.lets_with("/plugin.enabled/salve", SECOND).await;
    let shown = admin.get(&path).await.expect(StatusCode::OK);
    assert_eq!(shown, counts);
    assert_eq!(
        stage.happened(workspace).await,
        [
            "plugin.settings-changed",
            "plugin.settings-changed",
            "plugin.enabled"
        ]
    );
    stage.end().await;
}

/// What waits in the queue for Ana, and for Bia.
async fn queues(desk: &Desk) -> [Vec<String>; 2] {
    let mut queues = [
        desk.folder(&desk.ana, "queued").await,
        desk.folder(&desk.bia, "queued").await,
    ];
    queues.iter_mut().for_each(|it| it.sort());
    queues
}

fn ids(of: &[&str]) -> Vec<String> {
    let mut ids: Vec<String> = of.iter().map(|id| (*id).to_owned()).collect();
    ids.sort();
    ids
}

/// A moment later Ana and Bia see these.
async fn see(desk: &Desk, ana: &[&str], bia: &[&str]) {
    let expected = [ids(ana), ids(bia)];
    let what = format!("{expected:?}");
    until_so(&what, async || queues(desk).await == expected).await;
}

async fn a_beginning_that_fails_leaves_nothing_behind_and_the_app_can_be_enabled_again(
    stage: Stage,
) {
    let desk = Desk::set(&stage.server).await;
    let admin = &desk.admin;
    let meanwhile = async {
        let begin = stage.asked().await;
        assert_eq!(begin.path, "/enable");
        let offered = desk.hears("5511900000001", "Olá").await;
        stage.lets("/offer/0").await;
        see(&desk, &[&offered], &[]).await;
        // Held, and to be told again.
        let held = desk.hears("5511900000002", "Oi").await;
        let asked = stage.asked().await;
        assert_eq!(asked.path, "/offer/1");
        asked.answer(503).await;
        see(&desk, &[&offered], &[]).await;
        begin.answer(503).await;
        [offered, held]
    };
    let (refused, [offered, held]) =
        tokio::join!(ask_to_enable(admin, HESITANT, json!({})), meanwhile);
    assert!(
        refused.text.contains("the answer was 503"),
        "{}",
        refused.text
    );
    assert_eq!(refused.problem(409), "state");

    let off = stage.shown(admin).await;
    assert_eq!(
        (&off["enabled"], &off["health"]),
        (&json!(false), &json!("off"))
    );
    let both = [offered.as_str(), held.as_str()];
    assert_eq!(queues(&desk).await, [both, both].map(|it| ids(&it)));
    assert!(!stage.is_told(desk.workspace));
    assert_eq!(stage.due().await, None);
    assert_eq!(stage.kept(desk.workspace, "begun").await, None);
    assert_eq!(stage.happened(desk.workspace).await, [""; 0]);
    // What comes now waits for nobody.
    let later = desk.hears("5511900000003", "Bom dia").await;
    let all = [both[0], both[1], later.as_str()];
    assert_eq!(queues(&desk).await, [all, all].map(|it| ids(&it)));
    assert_eq!(stage.due().await, None);

    // Late enough for whatever was to be told again.
    let hour = Duration::from_secs(3_600);
    stage.server.app.clock.advance(hour);
    assert_eq!(stage.enable(admin).await["enabled"], true);
    assert_eq!(
        stage.kept(desk.workspace, "begun").await.as_deref(),
        Some("true")
    );
    let new = desk.hears("5511900000004", "Boa tarde").await;
    stage.lets("/offer/1").await;
    see(&desk, &[all[0], all[1], all[2], &new], &all).await;
    assert_eq!(stage.happened(desk.workspace).await, ["plugin.enabled"]);
    stage.end().await;
}

async fn an_app_that_begins_anew_in_vain_is_off(stage: Stage) {
    let desk = Desk::set(&stage.server).await;
    let admin = &desk.admin;
    stage.enable(admin).await;
    let id = desk.hears("5511900000001", "Olá").await;
    stage.lets("/offer/0").await;
    see(&desk, &[&id], &[]).await;
    let anew = async {
        let begin = stage.asked().await;
        assert_eq!(begin.path, "/enable");
        // It goes on meanwhile.
        assert_eq!(stage.shown(admin).await["enabled"], true);
        begin.answer(503).await;
    };
    let settings = json!({"greeting": "salve"});
    let (refused, ()) = tokio::join!(ask_to_enable(admin, HESITANT, settings.clone()), anew);
    assert_eq!(refused.problem(409), "state");
    let off = stage.shown(admin).await;
    assert_eq!(
        (&off["enabled"], &off["health"], &off["settings"]),
        (&json!(false), &json!("off"), &settings)
    );
    assert_eq!(queues(&desk).await, [ids(&[&id]), ids(&[&id])]);
    assert!(!stage.is_told(desk.workspace));
    assert_eq!(stage.due().await, None);
    assert_eq!(
        stage.happened(desk.workspace).await,
        ["plugin.enabled", "plugin.disabled"]
    );
    stage.end().await;
}

/// Of the first version, `0.1.0` with the secret `door-key`.
const SECOND_VERSION: (&str, &str) = ("version = \"0.1.0\"", "version = \"0.2.0\"");
const THIRD_VERSION: (&str, &str) = ("version = \"0.1.0\"", "version = \"0.3.0\"");
const OTHER_SECRET: (&str, &str) = ("door-key", "gate-key");
/// In manifest and schema alone.
const SECRET_NOT_NAMED: (&str, &str) = ("\"door-key\"", "\"yard-key\"");

/// Enables the app with these settings; it begins with that key and is told so. Gives how it is shown.
async fn begins(stage: &Stage, admin: &Client, settings: Value, key: &str) -> Value {
    let greeting = settings["greeting"].as_str().unwrap_or("oi").to_owned();
    let (on, ()) = tokio::join!(
        ask_to_enable(admin, HESITANT, settings),
        stage.lets_with("/enable", key)
    );
    let on = on.expect(StatusCode::OK);
    let told = format!("/plugin.enabled/{greeting}");
    stage.lets_with(&told, key).await;
    on
}

fn state(shown: &Value) -> [&Value; 4] {
    ["version", "enabled", "health", "secrets"].map(|it| &shown[it])
}

async fn another_version_is_off_until_it_has_begun_and_finds_the_secrets_that_it_knows(
    stage: Stage,
) {
    let admin = stage.server.admin().await;
    let workspace = workspace_of(&admin).await;
    let settings = json!({"greeting": "salve", "door-key": "first key"});
    let on = begins(&stage, &admin, settings, FIRST).await;
    let has_door_key = json!({"door-key": true});
    let (yes, no, ok, off) = (json!(true), json!(false), json!("ok"), json!("off"));
    assert_eq!(state(&on), [&json!("0.1.0"), &yes, &ok, &has_door_key]);

    let stage = stage.update(&[SECOND_VERSION]).await;
    let admin = stage.server.admin().await;
    // Nobody has consented to it yet.
    assert!(!stage.is_told(workspace));
    let second = json!("0.2.0");
    let in_vain = async {
        let begin = stage.asked().await;
        assert_eq!(begin.told(), ("/enable", Some(FIRST)));
        let shown = stage.shown(&admin).await;
        assert_eq!(state(&shown), [&second, &no, &off, &has_door_key]);
        begin.answer(503).await;
    };
    let settings = json!({"greeting": "opa"});
    let (refused, ()) = tokio::join!(ask_to_enable(&admin, HESITANT, settings.clone()), in_vain);
    assert_eq!(refused.problem(409), "state");
    let shown = stage.shown(&admin).await;
    assert_eq!(state(&shown), [&second, &no, &off, &has_door_key]);
    assert!(!stage.is_told(workspace));
    let on = begins(&stage, &admin, settings, FIRST).await;
    assert_eq!(state(&on), [&second, &yes, &ok, &has_door_key]);
    assert!(stage.is_told(workspace));

    // A version that has another secret: the one before is not shown, and in nobody's way.
    let stage = stage.update(&[THIRD_VERSION, OTHER_SECRET]).await;
    let admin = stage.server.admin().await;
    let settings = json!({"gate-key": "second key"});
    let on = begins(&stage, &admin, settings, SECOND).await;
    let (third, has_gate_key) = (json!("0.3.0"), json!({"gate-key": true}));
    assert_eq!(state(&on), [&third, &yes, &ok, &has_gate_key]);

    // One that asks for it all the same has none.
    let stage = stage.update(&[SECOND_VERSION, SECRET_NOT_NAMED]).await;
    let admin = stage.server.admin().await;
    let (on, ()) = tokio::join!(ask_to_enable(&admin, HESITANT, json!({})), async {
        let begin = stage.asked().await;
        assert_eq!(begin.told(), ("/enable", None));
        begin.answer(503).await;
    });
    assert_eq!(on.problem(409), "state");

    // The version that knew it finds it again.
    let stage = stage.update(&[]).await;
    let admin = stage.server.admin().await;
    let on = begins(&stage, &admin, json!({}), FIRST).await;
    assert_eq!(state(&on), [&json!("0.1.0"), &yes, &ok, &has_door_key]);
    stage.end().await;
}

async fn what_an_app_has_offered_is_everybodys_once_its_package_is_replaced_and_what_waits_for_it_goes_on_waiting(
    stage: Stage,
) {
    let mut desk = Desk::set(&stage.server).await;
    stage.enable(&desk.admin).await;
    let offered = desk.hears("5511900000001", "Olá").await;
    stage.lets("/offer/0").await;
    see(&desk, &[&offered], &[]).await;
    // To be told again.
    let waits = desk.hears("5511900000002", "Oi").await;
    let asked = stage.asked().await;
    assert_eq!(asked.path, "/offer/1");
    asked.answer(503).await;
    see(&desk, &[&offered], &[]).await;

    let stage = stage.update(&[SECOND_VERSION]).await;
    desk.look_at(&stage.server);
    let shown = stage.shown(&desk.admin).await;
    let (second, no, off) = (json!("0.2.0"), json!(false), json!("off"));
    assert_eq!(state(&shown)[..3], [&second, &no, &off]);
    let both = [offered.as_str(), waits.as_str()];
    stage.server.app.clock.advance(Duration::from_secs(3));
    see(&desk, &both, &both).await;
    // As often as it is due.
    let path = format!("/plugins/{HESITANT}/health");
    for _ in 0..12 {
        let due = stage.due().await.expect("it waits");
        stage.server.app.clock.advance(Duration::from_secs(3_600));
        until_so("it was due", async || {
            stage.due().await.expect("it waits") > due
        })
        .await;
    }
    let health = desk.admin.get(&path).await.expect(StatusCode::OK);
    assert_eq!(
        (&health["state"], &health["failures"]),
        (&json!("off"), &json!(0))
    );

    let (on, ()) = tokio::join!(
        ask_to_enable(&desk.admin, HESITANT, json!({})),
        stage.lets("/enable")
    );
    assert_eq!(on.expect(StatusCode::OK)["enabled"], true);
    // In two lanes: either may be first.
    let mut told = Vec::new();
    for _ in 0..2 {
        let asked = stage.asked().await;
        told.push(asked.path.clone());
        asked.answer(200).await;
    }
    told.sort();
    assert_eq!(told, ["/offer/1", "/plugin.enabled/oi"]);
    see(&desk, &both, &[&offered]).await;
    stage.end().await;
}

async fn an_app_is_not_disabled_while_it_begins(stage: Stage) {
    let admin = stage.server.admin().await;
    let path = format!("/plugins/{HESITANT}/disable");
    let meanwhile = async {
        let begin = stage.asked().await;
        let refused = admin.post(&path, &json!({})).await;
        assert_eq!(refused.problem(409), "state");
        begin.answer(200).await;
    };
    let (on, ()) = tokio::join!(ask_to_enable(&admin, HESITANT, json!({})), meanwhile);
    assert_eq!(on.expect(StatusCode::OK)["enabled"], true);
    stage.lets("/plugin.enabled/oi").await;
    let off = admin.post(&path, &json!({})).await;
    assert_eq!(off.expect(StatusCode::OK)["enabled"], false);
    stage.end().await;
}

async fn an_app_whose_switching_on_could_not_be_written_is_told_nothing_and_nobody_waits_for_it(
    stage: Stage,
) {
    let desk = Desk::set(&stage.server).await;
    let admin = &desk.admin;
    // What only the commit that switches it on writes.
    let breaks = "ALTER TABLE audit RENAME TO audit_elsewhere";
    let mends = "ALTER TABLE audit_elsewhere RENAME TO audit";
    stage.server.beside(breaks).await;
    let meanwhile = async {
        let begin = stage.asked().await;
        let offered = desk.hears("5511900000003", "Bom dia").await;
        stage.lets("/offer/0").await;
        see(&desk, &[&offered], &[]).await;
        begin.answer(200).await;
        offered
    };
    let (failed, offered) = tokio::join!(ask_to_enable(admin, HESITANT, json!({})), meanwhile);
    assert_eq!(failed.problem(500), "internal");
    assert_eq!(queues(&desk).await, [ids(&[&offered]), ids(&[&offered])]);
    stage.server.beside(mends).await;
    assert_eq!(stage.shown(admin).await["enabled"], false);
    assert!(!stage.is_told(desk.workspace));
    let id = desk.hears("5511900000001", "Olá").await;
    let both = [offered.as_str(), id.as_str()];
    assert_eq!(queues(&desk).await, [both, both].map(|it| ids(&it)));
    assert_eq!(stage.due().await, None);
    assert_eq!(stage.happened(desk.workspace).await, [""; 0]);

    assert_eq!(stage.enable(admin).await["enabled"], true);
    let new = desk.hears("5511900000002", "Oi").await;
    stage.lets("/offer/1").await;
    see(&desk, &[both[0], both[1], &new], &both).await;
    stage.end().await;
}

async fn an_app_begins_to_its_end_though_whoever_enabled_it_has_left(stage: Stage) {
    let admin = stage.server.admin().await;
    let workspace = workspace_of(&admin).await;
    let leaver = {
        let admin = admin.clone();
        tokio::spawn(async move { ask_to_enable(&admin, HESITANT, json!({})).await })
    };
    let begin = stage.asked().await;
    assert_eq!(begin.path, "/enable");
    leaver.abort();
    assert!(leaver.await.unwrap_err().is_cancelled());
    assert_eq!(stage.shown(&admin).await["enabled"], false);
    begin.answer(200).await;
    stage.lets("/plugin.enabled/oi").await;
    assert_eq!(stage.shown(&admin).await["enabled"], true);
    assert!(stage.is_told(workspace));
    stage.end().await;
}

#[tokio::test]
async fn a_channel_can_be_set_in_a_version_that_has_another_secret() {
    let thief = packages::fixture("thief");
    let server = Server::start_with(|config| {
        std::fs::create_dir_all(&config.plugins_dir).unwrap();
        std::fs::copy(&thief, config.plugins_dir.join("thief.wasm")).unwrap();
    })
    .await;
    let admin = server.admin().await;
    let channel = packages::connect(&admin, "thief", json!({"token": "first key"})).await;
    let path = format!("/channels/{channel}");
    let shown = admin.get(&path).await.expect(StatusCode::OK);
    assert_eq!(shown["secrets"], json!({"token": true, "signing": false}));

    let file = server.app.config.plugins_dir.join("thief.wasm");
    std::fs::write(file, packages::edited(&thief, &[("token", "badge")])).unwrap();
    let server = server.again().await;
    let admin = server.admin().await;
    packages::enable(&admin, "thief").await;
    let sent = json!({"settings": {"badge": "second key"}});
    let set = admin.patch(&path, &sent).await.expect(StatusCode::OK);
    assert_eq!(set["secrets"], json!({"badge": true, "signing": false}));
    server.end().await;
}
