//! Starting and stopping the real program: what it refuses, in one line and without touching anything; the demonstration, set up once however
//! often it is started or killed; and an end that loses nothing.

mod program;

use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use hmac::{Hmac, KeyInit, Mac};
use program::Site;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use tokio::time::{Instant, interval, timeout};

/// How long a refusal may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A site without packages: nothing to compile.
fn bare() -> Site {
    let mut site = Site::new();
    let plugins = site.folder.path().join("plugins");
    fs::create_dir(&plugins).expect("made");
    site.set("PLUGINS_DIR", plugins.display());
    site
}

/// A site whose database and key are there, and which nobody uses at the moment.
async fn used() -> Site {
    let site = bare();
    let mut made = site.command(&[
        "admin",
        "create-workspace",
        "--name",
        "Padaria",
        "--admin-email",
        "admin@padaria.test",
    ]);
    let made = made.output().await.expect("it runs");
    assert!(made.status.success(), "{made:?}");
    site
}

/// Every file and folder below, with its permissions and bytes.
fn contents(folder: &Path) -> BTreeMap<PathBuf, (u32, Option<Vec<u8>>)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        if path.is_dir() {
            found.extend(contents(&path));
            found.insert(path, (mode, None));
        } else {
            let bytes = fs::read(&path).expect("readable");
            found.insert(path, (mode, Some(bytes)));
        }
    }
    found
}

/// What the program says where it refuses: one line, an exit code of its own, and everything as it was.
async fn refused(site: &Site, arguments: &[&str]) -> String {
    let before = contents(site.folder.path());
    let output = timeout(PATIENCE, site.command(arguments).output());
    let output = output.await.expect("it ends").expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    let line = said.strip_suffix('\n').unwrap_or(&said);
    assert!(!line.contains('\n'), "more than a line: {said}");
    let after = contents(site.folder.path());
    let names = |of: &BTreeMap<PathBuf, _>| of.keys().cloned().collect::<Vec<PathBuf>>();
    assert_eq!(names(&after), names(&before), "{line}");
    assert!(after == before, "something was changed: {line}");
    line.strip_prefix("balcao: ")
        .unwrap_or_else(|| panic!("not ours: {line}"))
        .to_owned()
}

#[track_caller]
fn assert_says(line: &str, parts: &[&str]) {
    for part in parts {
        assert!(line.contains(part), "{line} does not say {part}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_and_nothing_is_written() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address");
    let mut site = bare();
    site.set("LISTEN", address);
    let line = refused(&site, &["serve"]).await;
    assert_says(&line, &[&format!("cannot listen on {address}"), "in use"]);
}

#[tokio::test]
async fn a_data_folder_that_takes_no_files_is_named() {
    // Root may write anywhere, but not below a file.
    let mut site = bare();
    let file = site.folder.path().join("file");
    fs::write(&file, "kept").expect("written");
    for folder in [file.clone(), file.join("below")] {
        site.set("DATA_DIR", folder.display());
        let line = refused(&site, &["serve"]).await;
        let folder = folder.display().to_string();
        assert_says(&line, &["data folder", &folder, "cannot be written to"]);
    }
    let site = bare();
    fs::create_dir_all(site.data().join("balcao.db")).expect("made");
    let line = refused(&site, &["serve"]).await;
    assert_says(
        &line,
        &["the database", "balcao.db", "cannot be written to"],
    );
    let cause = "Is a directory";
    assert_eq!(line.matches(cause).count(), 1, "{line}");
}

#[tokio::test]
async fn a_database_that_is_damaged_is_left_as_it_is() {
    let site = bare();
    fs::create_dir(site.data()).expect("made");
    fs::write(site.data().join("balcao.db"), "Dear diary, ".repeat(1000)).expect("written");
    let line = refused(&site, &["serve"]).await;
    assert_says(&line, &["balcao.db", "damaged", "backup"]);

    fs::write(site.data().join("balcao.db"), "").expect("written");
    let line = refused(&site, &["serve"]).await;
    assert_says(&line, &["balcao.db", "empty", "backup"]);

    let site = used().await;
    let file = site.data().join("balcao.db");
    let mut bytes = fs::read(&file).expect("a database");
    let third = bytes.len() / 3;
    for byte in &mut bytes[third..2 * third] {
        *byte = 0xaa;
    }
    fs::write(&file, bytes).expect("written");
    let line = refused(&site, &["serve"]).await;
    assert_says(&line, &["balcao.db", "damaged", "backup"]);
}

#[tokio::test]
async fn another_programs_database_is_left_as_it_is() {
    let site = bare();
    fs::create_dir(site.data()).expect("made");
    let mut theirs = SqliteConnectOptions::new()
        .filename(site.data().join("balcao.db"))
        .create_if_missing(true)
        .connect()
        .await
        .expect("a database");
    sqlx::query("CREATE TABLE recipes (name TEXT)")
        .execute(&mut theirs)
        .await
        .expect("made");
    theirs.close().await.expect("closed");
    let line = refused(&site, &["serve"]).await;
    assert_says(&line, &["balcao.db", "another program's database"]);
}

#[tokio::test]
async fn what_the_server_keeps_is_its_owners_alone() {
    let site = bare();
    let mut server = site.serve();
    server.ready().await.expect("it starts");
    assert_eq!(mode(&site.data()), 0o700);
    let beside = ["balcao.db", "balcao.db-wal", "balcao.db-shm", "master.key"];
    for name in beside {
        assert_eq!(mode(&site.data().join(name)), 0o600, "{name}");
    }
    assert!(!site.data().join("balcao.db.new").exists());
    assert!(server.signal("INT").await.success());
}

#[tokio::test]
async fn two_first_starts_at_once_make_one_database() {
    let site = bare();
    let made = async |name: &str, email: &str| {
        let mut command = site.command(&[
            "admin",
            "create-workspace",
            "--name",
            name,
            "--admin-email",
            email,
        ]);
        let output = timeout(PATIENCE, command.output()).await;
        output.expect("it ends").expect("it runs")
    };
    let (one, two) = tokio::join!(
        made("Padaria", "admin@padaria.test"),
        made("Mercado", "admin@mercado.test")
    );
    let said = |it: &std::process::Output| String::from_utf8_lossy(&it.stderr).into_owned();
    let there = rows(
        &site,
        "SELECT json_group_array(name) FROM (SELECT name FROM workspaces ORDER BY name)",
    )
    .await;
    // One may come too late for the key, and says so; what was said to be made is there.
    let expected: Vec<&str> = [("Mercado", &two), ("Padaria", &one)]
        .into_iter()
        .filter_map(|(name, output)| output.status.success().then_some(name))
        .collect();
    assert!(!expected.is_empty(), "{} {}", said(&one), said(&two));
    assert_eq!(there, json!(expected), "{} {}", said(&one), said(&two));
}

#[tokio::test]
async fn a_master_key_that_is_wrong_or_gone_is_said_and_no_other_is_made() {
    let mut site = used().await;
    site.set("MASTER_KEY", "ff".repeat(32));
    assert_says(&refused(&site, &["serve"]).await, &["wrong master key"]);
    site.set("MASTER_KEY", "secret");
    let line = refused(&site, &["serve"]).await;
    assert_says(&line, &["master key must be 32 bytes"]);
    assert!(!line.contains("secret"), "{line}");

    let site = used().await;
    let key = site.data().join("master.key");
    fs::write(&key, "not a key").expect("written");
    let line = refused(&site, &["serve"]).await;
    assert_says(&line, &["master.key", "must be 32 bytes"]);
    fs::write(&key, format!("{}\n", "00".repeat(32))).expect("written");
    assert_says(&refused(&site, &["serve"]).await, &["wrong master key"]);
    fs::remove_file(&key).expect("gone");
    let line = refused(&site, &["serve"]).await;
    assert_says(&line, &["master key is missing", "master.key"]);
}

#[tokio::test]
async fn a_setting_that_is_unknown_or_senseless_is_named() {
    let mut site = bare();
    site.set("LISSTEN", "127.0.0.1:0");
    assert_says(
        &refused(&site, &["serve"]).await,
        &["configuration", "lissten"],
    );

    let site = bare();
    fs::write(
        site.folder.path().join("balcao.toml"),
        "[limits]\nhook_bodi = 1\n",
    )
    .expect("written");
    assert_says(
        &refused(&site, &["serve"]).await,
        &["configuration", "hook_bodi"],
    );

    let mut site = bare();
    site.set("DEV__HTTP_MAP", "provider.example=http://127.0.0.1:9");
    let line = refused(&site, &["serve"]).await;
    assert_says(&line, &["dev.http_map", "needs dev.enabled"]);
}

#[tokio::test]
async fn the_demonstration_is_refused_where_others_reach_the_server() {
    let mut site = bare();
    site.set("LISTEN", "0.0.0.0:0");
    let demo = site.demo.display().to_string();
    let line = refused(&site, &["serve", "--demo", &demo]).await;
    assert_says(&line, &["only on a loopback address", "0.0.0.0"]);
}

#[tokio::test]
async fn a_second_server_on_the_same_data_folder_is_refused_and_the_first_goes_on() {
    let site = bare();
    let mut first = site.serve();
    let (base, _) = first.ready().await.expect("the first starts");
    let second = timeout(PATIENCE, site.command(&["serve"]).output());
    let second = second.await.expect("it ends").expect("it runs");
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert_says(&said, &["another server is running on the data folder"]);
    assert_healthy(&base).await;
    assert!(first.signal("INT").await.success());
}

async fn assert_healthy(base: &str) {
    let answer = client().get(format!("{base}/healthz")).send().await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    let health: Value = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
    assert_eq!(health["status"], "ok");
}

fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build().expect("a client")
}

/// Rows of the database, as JSON.
async fn rows(site: &Site, sql: &str) -> Value {
    let mut connection = SqliteConnectOptions::new()
        .filename(site.data().join("balcao.db"))
        .busy_timeout(PATIENCE)
        .connect()
        .await
        .expect("the database opens");
    let text: Option<String> = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
        .fetch_one(&mut connection)
        .await
        .expect("rows");
    connection.close().await.expect("closed");
    serde_json::from_str(&text.unwrap_or_default()).unwrap_or_default()
}

/// Everything that the demonstration sets up, with its ids.
async fn seeded(site: &Site) -> Value {
    let all = [
        ("workspaces", "json_array(id, name)"),
        ("users", "json_array(id, email, name, role)"),
        ("teams", "json_array(id, name)"),
        ("team_members", "json_array(team_id, user_id, role)"),
        (
            "enabled_plugins",
            "json_array(plugin_id, enabled, settings)",
        ),
        (
            "channels",
            "json_array(id, name, team_id, capabilities IS NOT NULL)",
        ),
        ("secrets", "json_array(owner, name)"),
        ("storage", "json_array(plugin_id, key)"),
    ];
    let mut found = json!({});
    for (table, columns) in all {
        let sql = format!(
            "SELECT json_group_array({columns}) FROM (SELECT * FROM {table} ORDER BY 1, 2, 3)"
        );
        found[table] = rows(site, &sql).await;
    }
    found
}

fn mode(file: &Path) -> u32 {
    let metadata = fs::metadata(file).expect("there");
    metadata.permissions().mode() & 0o777
}

#[tokio::test]
async fn the_demonstration_is_set_up_once_however_often_it_is_started() {
    let site = Site::new();
    let kept =
        || ["demo.json", "master.key"].map(|name| fs::read(site.data().join(name)).expect("kept"));
    let mut first = site.serve();
    let (base, _) = first.ready().await.expect("it starts");
    assert_healthy(&base).await;
    let hook = first.hook_of("WhatsApp da loja");
    assert!(first.signal("TERM").await.success());
    let (files, set_up) = (kept(), seeded(&site).await);
    assert_complete(&set_up);
    for name in ["demo.json", "master.key"] {
        assert_eq!(mode(&site.data().join(name)), 0o600, "{name}");
    }

    let mut second = site.serve();
    second.ready().await.expect("it starts again");
    assert_eq!(second.hook_of("WhatsApp da loja"), hook);
    assert!(second.signal("INT").await.success());
    assert_eq!(kept(), files);
    assert_eq!(seeded(&site).await, set_up);
}

#[track_caller]
fn assert_complete(set_up: &Value) {
    let count = |table: &str| set_up[table].as_array().expect("rows").len();
    let counts = [
        "workspaces",
        "users",
        "teams",
        "team_members",
        "enabled_plugins",
        "channels",
    ]
    .map(count);
    assert_eq!(counts, [1, 4, 2, 5, 6, 4], "{set_up:#}");
    for channel in set_up["channels"].as_array().expect("rows") {
        assert_eq!(channel[3], 1, "the channel is described: {channel}");
    }
    let reasons = set_up["storage"].as_array().expect("rows").iter();
    let reasons = reasons.filter(|row| {
        row[1]
            .as_str()
            .is_some_and(|key| key.starts_with("reason:"))
    });
    assert_eq!(reasons.count(), 4, "the app has begun: {set_up:#}");
}

#[tokio::test]
async fn a_first_start_that_is_killed_is_gone_on_with_by_the_next() {
    let warm = Site::new();
    let mut server = warm.serve();
    server.ready().await.expect("it starts");
    assert!(server.signal("TERM").await.success());
    for begun in 0..3 {
        let site = Site::new();
        let compiled = site.data().join("compiled");
        fs::create_dir_all(&compiled).expect("made");
        for entry in fs::read_dir(warm.data().join("compiled")).expect("compiled") {
            let from = entry.expect("an entry");
            fs::copy(from.path(), compiled.join(from.file_name())).expect("copied");
        }
        // A little later each time, until it gets through.
        let mut moment = Duration::from_millis(20 + 7 * begun);
        loop {
            let mut server = site.serve();
            if let Ok(ready) = timeout(moment, server.ready()).await {
                ready.unwrap_or_else(|why| panic!("{why}\n{}", site.last_words()));
                assert!(server.signal("TERM").await.success());
                break;
            }
            server.kill().await;
            moment += Duration::from_millis(20);
        }
        assert_complete(&seeded(&site).await);
    }
}

#[tokio::test]
async fn a_server_told_to_stop_finishes_what_it_is_sending() {
    for signal in ["TERM", "INT"] {
        let mut site = Site::new();
        let (_standin, played_at) = program::stand_in(&site.demo, None).await;
        site.set("DEV__ENABLED", "true");
        site.set("DEV__HTTP_MAP", format!("graph.facebook.com={played_at}"));
        let mut server = site.serve();
        let (base, _) = server.ready().await.expect("it starts");
        let hook = format!("{base}{}", server.hook_of("WhatsApp da loja"));
        let slow = json!({"fault": {"kind": "delay", "ms": 700}});
        post(
            &format!("{played_at}/_control"),
            &[],
            &slow,
            StatusCode::NO_CONTENT,
        )
        .await;
        write(&hook).await;
        answer(&site, &base).await;
        until_sending(&site).await;
        let status = server.signal(signal).await;
        assert_eq!(status.code(), Some(0), "{signal}");
        let told = "SELECT json_group_array(json_array(direction, text, state)) FROM (SELECT * FROM messages ORDER BY id)";
        assert_eq!(
            rows(&site, told).await,
            json!([["in", "Oi", "received"], ["out", "Bom dia", "sent"]]),
            "{signal}"
        );
        let files = fs::read_dir(site.data()).expect("a folder");
        let left: Vec<PathBuf> = files.map(|entry| entry.expect("an entry").path()).collect();
        let wal = left
            .iter()
            .any(|file| file.to_string_lossy().ends_with("-wal"));
        assert!(!wal, "the database was not closed: {left:?}");
    }
}

#[tokio::test]
async fn a_server_told_to_stop_does_not_first_take_in_all_that_is_to_be_found() {
    let site = Site::new();
    let mut server = site.serve();
    server.ready().await.expect("it starts");
    assert_eq!(server.signal("TERM").await.code(), Some(0));
    // Some ten seconds of indexing.
    let happened = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 30000)
        INSERT INTO events (workspace_id, seq, id, kind, at, data, depth)
        SELECT w.id, (SELECT MAX(seq) FROM events) + n, printf('evt_%026d', n), 'tests.happened', 0, '{}', 0 FROM n, workspaces w RETURNING '0'";
    rows(&site, happened).await;
    let counted = "UPDATE workspace_seq SET seq = (SELECT MAX(seq) FROM events) RETURNING '0'";
    rows(&site, counted).await;
    let mut server = site.serve();
    server.ready().await.expect("it starts");
    assert_eq!(server.signal("TERM").await.code(), Some(0));
    let left = "SELECT json_array(COUNT(*) > 0) FROM events e JOIN search_cursors c ON e.workspace_id = c.workspace_id AND e.seq > c.seq";
    assert_eq!(rows(&site, left).await, json!([1]));
}

async fn post(
    url: &str,
    headers: &[(&str, String)],
    body: &Value,
    expected: StatusCode,
) -> reqwest::Response {
    let mut request = client()
        .post(url)
        .header("content-type", "application/json")
        .body(body.to_string());
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), expected, "{url}");
    answer
}

/// A customer writes.
async fn write(hook: &str) {
    let body = json!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages", "value": {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "5511900000000", "phone_number_id": "100000000000001"},
        "contacts": [{"profile": {"name": "Cliente"}, "wa_id": "5511911110000"}],
        "messages": [{"from": "5511911110000", "id": "wamid.1", "timestamp": now(), "type": "text", "text": {"body": "Oi"}}],
    }}]}]});
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"demo-app-secret").expect("any key");
    mac.update(body.to_string().as_bytes());
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    post(
        hook,
        &[("x-hub-signature-256", signature)],
        &body,
        StatusCode::OK,
    )
    .await;
}

fn now() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("after 1970").as_secs().to_string()
}

/// The administrator answers the only conversation.
async fn answer(site: &Site, base: &str) {
    let kept = fs::read(site.data().join("demo.json")).expect("kept");
    let kept: Value = serde_json::from_slice(&kept).expect("JSON");
    let sign_in = json!({"email": "admin@demo.localhost", "password": kept["password"]});
    let api = format!("{base}/api/v1");
    let answer = post(&format!("{api}/session"), &[], &sign_in, StatusCode::OK).await;
    let cookie = answer.headers()["set-cookie"]
        .to_str()
        .expect("text")
        .to_owned();
    let conversation = rows(site, "SELECT json_array(id) FROM conversations").await;
    let conversation = conversation[0].as_str().expect("an id").to_owned();
    // Nobody sees it before it has been routed.
    let (begin, mut tick) = (Instant::now(), interval(Duration::from_millis(10)));
    while rows(site, "SELECT json_array(hold_until) FROM conversations").await != json!([null]) {
        assert!(begin.elapsed() < PATIENCE, "it is held for ever");
        tick.tick().await;
    }
    let path = format!("{api}/conversations/{conversation}/messages");
    post(
        &path,
        &[("cookie", cookie)],
        &json!({"text": "Bom dia"}),
        StatusCode::CREATED,
    )
    .await;
}

async fn until_sending(site: &Site) {
    let (begin, mut tick) = (Instant::now(), interval(Duration::from_millis(10)));
    while rows(site, "SELECT json_array(state) FROM sends").await != json!(["sending"]) {
        assert!(begin.elapsed() < PATIENCE, "it is not sent");
        tick.tick().await;
    }
}
