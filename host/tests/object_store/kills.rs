//! The real program, killed with -9 while files come in: what was acknowledged is there to the last byte, and no bytes are there of which the server
//! does not know.

use std::{
    collections::BTreeSet,
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use tokio::time::sleep;

use crate::program::{Running, Site};

/// How often the server is killed.
const KILLS: usize = 6;
/// Who uploads at once.
const PEOPLE: usize = 3;
/// Files of the largest go in parts.
const SIZES: [usize; 4] = [10, 70_000, 1_000_000, 9_000_000];

/// A file that was acknowledged: its id, and what it was made of.
type Kept = (String, usize);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kills_and_nothing_else_is_left_unknown() {
    let mut site = Site::new();
    let plugins = site.folder.path().join("plugins");
    fs::create_dir(&plugins).expect("made");
    site.set("PLUGINS_DIR", plugins.display());
    let password = workspace(&site).await;
    let kept: Arc<Mutex<Vec<Kept>>> = Arc::default();
    let number = Arc::new(AtomicUsize::new(0));
    for kill in 0..KILLS {
        let (server, base) = serve(&site).await;
        let cookie = sign_in(&base, &password).await;
        let before = kept.lock().expect("no panic").len();
        let people: Vec<_> = (0..PEOPLE)
            .map(|_| {
                let (base, cookie) = (base.clone(), cookie.clone());
                let (kept, number) = (Arc::clone(&kept), Arc::clone(&number));
                tokio::spawn(async move {
                    loop {
                        let number = number.fetch_add(1, Ordering::SeqCst);
                        let Some(id) = upload(&base, &cookie, number).await else {
                            return;
                        };
                        kept.lock().expect("no panic").push((id, number));
                    }
                })
            })
            .collect();
        // Under load, and not always at the same place of an upload.
        while kept.lock().expect("no panic").len() < before + 3 {
            sleep(Duration::from_millis(5)).await;
        }
        sleep(Duration::from_millis(7 * kill as u64)).await;
        server.kill().await;
        for it in people {
            it.await.expect("no panic");
        }
    }
    let (server, base) = serve(&site).await;
    let cookie = sign_in(&base, &password).await;
    let kept = kept.lock().expect("no panic").clone();
    for (id, number) in &kept {
        let url = format!("{base}/api/v1/files/{id}");
        let request = client().get(&url).header("cookie", &cookie);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{id}");
        let bytes = answer.bytes().await.expect("whole");
        assert!(bytes == content(*number), "{id} is another file");
    }
    assert!(server.signal("TERM").await.success());
    let known = known(&site).await;
    let there = there(&site);
    let unknown: Vec<_> = there.difference(&known).collect();
    assert_eq!(unknown, [""; 0], "of {} files", there.len());
    let arrivals = fs::read_dir(site.data().join("arrivals")).expect("a folder");
    assert_eq!(arrivals.count(), 0);
    println!("{} acknowledged, {} there", kept.len(), there.len());
}

async fn serve(site: &Site) -> (Running, String) {
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(site.folder.path().join("server.log"))
        .expect("the log can be written");
    let mut server = Running::start(site.command(&["serve"]).stderr(log));
    let (base, _) = server
        .ready()
        .await
        .unwrap_or_else(|why| panic!("{why}\n{}", site.last_words()));
    (server, base)
}

/// Makes the workspace; gives its administrator's password.
async fn workspace(site: &Site) -> String {
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
    let said = String::from_utf8(made.stdout).expect("text");
    let line = said.lines().find_map(|it| it.strip_prefix("password"));
    line.expect("a password").trim().to_owned()
}

fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().build();
    client.expect("a client")
}

async fn sign_in(base: &str, password: &str) -> String {
    let body = json!({"email": "admin@padaria.test", "password": password});
    let request = client()
        .post(format!("{base}/api/v1/session"))
        .header("content-type", "application/json")
        .body(body.to_string());
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    let cookie = answer.headers()["set-cookie"].to_str().expect("text");
    cookie.split(';').next().expect("a pair").to_owned()
}

/// What the file of that number holds.
fn content(number: usize) -> Vec<u8> {
    let size = SIZES[number % SIZES.len()];
    let mut bytes = format!("%PDF-1.7 {number} ").into_bytes();
    bytes.extend((0..size).map(|at| (at * 31 + number).to_le_bytes()[0]));
    bytes
}

/// Its id; none where the server is gone.
async fn upload(base: &str, cookie: &str, number: usize) -> Option<String> {
    let head =
        b"--part\r\ncontent-disposition: form-data; name=\"file\"; filename=\"f.pdf\"\r\n\r\n";
    let form = [&head[..], &content(number), b"\r\n--part--\r\n"].concat();
    let request = client()
        .post(format!("{base}/api/v1/files"))
        .header("content-type", "multipart/form-data; boundary=part")
        .header("x-balcao", "1")
        .header("cookie", cookie)
        .body(form);
    let answer = request.send().await.ok()?;
    let status = answer.status();
    let text = answer.text().await.ok()?;
    assert_eq!(status, StatusCode::CREATED, "{text}");
    let stored: Value = serde_json::from_str(&text).expect("JSON");
    Some(stored["id"].as_str().expect("an id").to_owned())
}

/// The files that the server knows: its own, and those that it will remove.
async fn known(site: &Site) -> BTreeSet<String> {
    let mut database = SqliteConnectOptions::new()
        .filename(site.data().join("balcao.db"))
        .connect()
        .await
        .expect("the database opens");
    let sql = "SELECT id FROM files UNION SELECT file_id FROM loose_files";
    let ids: Vec<String> = sqlx::query_scalar(sql)
        .fetch_all(&mut database)
        .await
        .expect("rows");
    database.close().await.expect("closed");
    ids.into_iter().collect()
}

/// The files whose bytes, or a part of them, are there.
fn there(site: &Site) -> BTreeSet<String> {
    let workspaces = fs::read_dir(site.data().join("files")).expect("a folder");
    let entries =
        workspaces.flat_map(|it| fs::read_dir(it.expect("an entry").path()).expect("a folder"));
    let name = |it: std::io::Result<fs::DirEntry>| {
        let name = it
            .expect("an entry")
            .file_name()
            .into_string()
            .expect("text");
        name.split(['#', '.']).next().expect("a part").to_owned()
    };
    entries.map(name).collect()
}
