//! Where files are: in a folder, or in a bucket that speaks S3 (a real server, which checks signatures). What is acknowledged is there, what is down
//! says so and loses nothing, and no bytes stay that nobody has.

mod bucket;
mod kills;
#[allow(dead_code, reason = "another test uses the rest")]
#[path = "../program/mod.rs"]
mod program;
#[macro_use]
#[path = "../common/mod.rs"]
mod common;

use std::time::Duration;

use balcao::{
    clock::{Clock, Instant},
    config::{Config, Hidden},
    id::{FileId, WorkspaceId},
    jobs, keeping,
};
use bucket::{Bucket, SECRET};
use common::{
    Client, Server,
    desk::Desk,
    packages::{connect, connector},
    provider::{Answer, Provider},
    until_so, whatsapp,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// 2026-11-22T12:00:00Z.
const NOON: Instant = 1_795_348_800_000_000;
const DAY: Duration = Duration::from_secs(24 * 3600 + 1);
const PICTURE: &[u8] = b"GIF89a a picture";

type Change = Box<dyn FnOnce(&mut Config)>;

on_both_scenes! {
    what_was_uploaded_and_not_sent_goes_after_a_week,
    bytes_that_a_crash_left_without_a_row_go_and_a_files_stay,
}

struct Scene {
    server: Server,
    admin: Client,
    workspace: WorkspaceId,
}

impl Scene {
    async fn set(start: impl AsyncFnOnce(Clock, Change) -> Option<Server>) -> Option<Self> {
        let server = start(Clock::at(NOON), Box::new(|_| ())).await?;
        Some(Self::of(server).await)
    }

    /// With files in the bucket.
    async fn over(bucket: &Bucket, change: impl FnOnce(&mut Config)) -> Self {
        let server = Server::start_at(Clock::at(NOON), |config| {
            bucket.holds_files_of(config);
            change(config);
        });
        Self::of(server.await).await
    }

    async fn of(server: Server) -> Self {
        let admin = server.admin().await;
        let me = admin.get("/session").await.expect(StatusCode::OK);
        let workspace = me["workspace"]["id"].as_str().expect("an id");
        Self {
            workspace: workspace.parse().expect("an id"),
            server,
            admin,
        }
    }

    async fn uploaded(&self, name: &str, bytes: &[u8]) -> Value {
        let reply = self.admin.upload("", name, bytes).await;
        reply.expect(StatusCode::CREATED)
    }

    async fn given(&self, file: &Value, range: Option<&str>) -> common::Reply {
        let url = file["url"].as_str().expect("an address");
        let headers: Vec<_> = range.iter().map(|it| ("range", *it)).collect();
        self.admin.raw(Method::GET, url, &headers, Vec::new()).await
    }

    /// Bytes that are kept, as a server leaves them that is killed before it has stored their row.
    async fn crashed_upload(&self) -> FileId {
        let app = &self.server.app;
        let mut incoming = app.files.begin().await.expect("room");
        incoming.write(b"%PDF-1.7 lost").await.expect("written");
        let kept = keeping::keep(app, self.workspace, incoming).await;
        kept.expect("kept").0
    }

    async fn purge(&self) {
        let purged = jobs::purge::look(&self.server.app).await;
        purged.expect("the rest of what is over goes all the same");
    }
}

/// Names of the files in the data folder.
fn in_folder(scene: &Scene) -> Vec<String> {
    let root = scene.server.app.config.data_dir.join("files");
    let Ok(entries) = std::fs::read_dir(root.join(scene.workspace.to_string())) else {
        return Vec::new();
    };
    let names = entries.map(|it| it.expect("an entry").file_name());
    let mut names: Vec<_> = names.map(|it| it.into_string().expect("text")).collect();
    names.sort();
    names
}

/// More than one part of an upload.
fn film() -> Vec<u8> {
    let mut bytes = b"%PDF-1.7".to_vec();
    bytes.extend((0..9_000_000_u32).map(|it| it.to_le_bytes()[1]));
    bytes
}

async fn what_was_uploaded_and_not_sent_goes_after_a_week(scene: Scene) {
    let desk = Desk::set(&scene.server).await;
    let conversation = desk.hears("5511911110000", "oi").await;
    let sent = scene.uploaded("nota.pdf", b"%PDF-1.7 sent").await;
    let unsent = scene.uploaded("nota.pdf", b"%PDF-1.7 unsent").await;
    let path = format!("/conversations/{conversation}/messages");
    let note = json!({"private": true, "attachments": [sent["id"]]});
    scene
        .admin
        .post(&path, &note)
        .await
        .expect(StatusCode::CREATED);
    scene.server.app.clock.advance(6 * DAY);
    scene.purge().await;
    assert_eq!(in_folder(&scene).len(), 2);
    scene.server.app.clock.advance(2 * DAY);
    scene.purge().await;
    assert_eq!(in_folder(&scene), [sent["id"].as_str().expect("an id")]);
    assert_eq!(scene.given(&sent, None).await.bytes, b"%PDF-1.7 sent");
    assert_eq!(scene.given(&unsent, None).await.problem(404), "not_found");
    let late = json!({"private": true, "attachments": [unsent["id"]]});
    assert_eq!(scene.admin.post(&path, &late).await.problem(422), "invalid");
    scene.server.end().await;
}

async fn bytes_that_a_crash_left_without_a_row_go_and_a_files_stay(mut scene: Scene) {
    let kept = scene.uploaded("nota.pdf", b"%PDF-1.7 kept").await;
    let lost = scene.crashed_upload().await;
    scene.server = scene.server.again().await;
    scene.admin = scene.server.admin().await;
    scene.purge().await;
    let mut both = [
        kept["id"].as_str().expect("an id").to_owned(),
        lost.to_string(),
    ];
    both.sort();
    assert_eq!(
        in_folder(&scene),
        both,
        "whoever uploads it may still store its row"
    );
    scene.server.app.clock.advance(DAY);
    scene.purge().await;
    assert_eq!(in_folder(&scene), [kept["id"].as_str().expect("an id")]);
    let reply = scene.given(&kept, None).await;
    assert_eq!(reply.bytes, b"%PDF-1.7 kept");
    scene.server.end().await;
}

#[tokio::test]
async fn files_go_to_the_bucket_and_come_back_whole_and_in_ranges() {
    let bucket = Bucket::start().await;
    let scene = Scene::over(&bucket, |_| ()).await;
    let film = film();
    let large = scene.uploaded("filme.pdf", &film).await;
    let small = scene.uploaded("nota.pdf", b"%PDF-1.7 small").await;
    assert_eq!(in_folder(&scene), [""; 0], "nothing is kept here");
    let name = |file: &Value| file["id"].as_str().expect("an id").to_owned();
    let mut expected = [(name(&large), film.len() as u64), (name(&small), 14)];
    expected.sort();
    assert_eq!(bucket.kept(), expected);
    let whole = scene.given(&large, None).await;
    assert!(whole.bytes == film);
    let part = scene.given(&large, Some("bytes=8388606-8388609")).await;
    assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.bytes, film[8_388_606..8_388_610]);
    let beyond = scene.given(&large, Some("bytes=9000008-")).await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    scene.server.end().await;
}

#[tokio::test]
async fn while_the_bucket_is_down_people_are_told_and_nothing_is_lost() {
    let bucket = Bucket::start().await;
    let scene = Scene::over(&bucket, |_| ()).await;
    let kept = scene.uploaded("nota.pdf", b"%PDF-1.7 kept").await;
    let unkept = scene.crashed_upload().await;
    bucket.is_down(true);
    let asked = bucket.asked();
    let refused = scene.admin.upload("", "nota.pdf", b"%PDF-1.7 more").await;
    assert_eq!(refused.problem(503), "unavailable");
    assert_eq!(
        bucket.asked() - asked,
        4,
        "asked again before anybody is told"
    );
    let refused = scene.given(&kept, None).await;
    assert_eq!(refused.problem(503), "unavailable");
    // What is to be removed stays noted.
    scene.server.app.clock.advance(DAY);
    scene.purge().await;
    bucket.is_down(false);
    assert_eq!(bucket.kept().len(), 2);
    scene.purge().await;
    assert_eq!(bucket.kept().len(), 1, "{unkept} is gone");
    let reply = scene.given(&kept, None).await;
    assert_eq!(reply.bytes, b"%PDF-1.7 kept");
    scene.uploaded("nota.pdf", b"%PDF-1.7 more").await;
    scene.server.end().await;
}

#[tokio::test]
async fn what_a_bucket_took_of_a_file_that_did_not_come_whole_is_taken_back() {
    let bucket = Bucket::start().await;
    let scene = Scene::over(&bucket, |_| ()).await;
    bucket.refuses_the_rest();
    let refused = scene.admin.upload("", "filme.pdf", &film()).await;
    assert_eq!(refused.problem(503), "unavailable");
    assert_eq!(bucket.all(), []);
    scene.server.end().await;
}

#[tokio::test]
async fn a_contacts_file_waits_for_the_bucket_and_is_fetched_again() {
    let bucket = Bucket::start().await;
    let (provider, address) = Provider::start().await;
    let scene = Scene::over(&bucket, |config| {
        std::fs::create_dir_all(&config.plugins_dir).expect("a folder");
        let file = config.plugins_dir.join("whatsapp.wasm");
        std::fs::copy(connector(), file).expect("copied");
        config.dev.enabled = true;
        let stand_in: url::Url = format!("http://{address}").parse().expect("a URL");
        let hosts = ["graph.facebook.com", "lookaside.fbsbx.com"];
        config.dev.http_map.0 = hosts.map(|it| (it.to_owned(), stand_in.clone())).into();
    })
    .await;
    let account =
        json!({"app_secret": whatsapp::SECRET, "verify_token": "v", "access_token": "t-t-t-t"});
    let channel = connect(&scene.admin, "whatsapp", account).await;
    let place = json!({"url": "https://lookaside.fbsbx.com/bytes/7", "mime_type": "image/gif"});
    provider.answers("/v23.0/7", vec![Answer::json(&place)]);
    provider.answers("/bytes/7", vec![Answer::bytes(PICTURE)]);
    bucket.is_down(true);
    write(&scene, &channel).await;
    let due = async || {
        let mut tx = scene.server.app.store.read().await.expect("reads");
        tx.next_fetch_at().await.expect("reads")
    };
    until_so("it is to be tried again", async || {
        due().await == Some(NOON + 2_000_000)
    })
    .await;
    let found = scene.admin.get("/conversations?folder=queued").await;
    let conversation = found.expect(StatusCode::OK)["items"][0]["id"].clone();
    let conversation = conversation.as_str().expect("an id");
    let path = format!("/conversations/{conversation}/timeline");
    let attachment = async || {
        let page = scene.admin.get(&path).await.expect(StatusCode::OK);
        page["items"][0]["attachments"][0].clone()
    };
    assert_eq!(attachment().await["state"], "waiting");
    bucket.is_down(false);
    scene.server.app.clock.advance(Duration::from_secs(2));
    until_so("it is here", async || {
        attachment().await["state"] == "ready"
    })
    .await;
    let reply = scene.given(&attachment().await, None).await;
    assert_eq!(reply.bytes, PICTURE);
    assert_eq!(bucket.kept().len(), 1);
    scene.server.end().await;
}

/// A contact sends a picture.
async fn write(scene: &Scene, channel: &str) {
    let message = json!({"from": "5511911110000", "id": "wamid.7", "timestamp": "1795348700", "type": "image", "image": {"id": "7", "mime_type": "image/gif"}});
    whatsapp::brings(&scene.server.client(), channel, &message).await;
}

#[tokio::test]
async fn a_wrong_key_is_refused_by_the_bucket_and_told_to_nobody() {
    let bucket = Bucket::start().await;
    let scene = Scene::over(&bucket, |config| {
        config.files.secret_access_key = Some(Hidden(format!("{SECRET}-not")));
    })
    .await;
    assert!(!format!("{:?}", scene.server.app.config).contains(SECRET));
    assert!(!format!("{:?}", scene.server.app.files).contains(SECRET));
    let refused = scene.admin.upload("", "nota.pdf", b"%PDF-1.7").await;
    assert!(!refused.text.contains(SECRET));
    assert_eq!(refused.problem(503), "unavailable");
    assert_eq!(bucket.kept(), []);
    scene.server.end().await;
}
