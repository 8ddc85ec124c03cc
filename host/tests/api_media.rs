//! Files that contacts send: fetched after the message is there, in two steps, by whoever lives, once; and how they are given back.

#[macro_use]
mod common;

use std::{path::PathBuf, time::Duration};

use balcao::{
    clock::{Clock, Instant},
    config::Config,
};
use common::{
    Client, Reply, Server,
    packages::{connect, connector},
    provider::{Answer, Provider},
    screen::{heard, screen, until},
    until_so, whatsapp, workspace_of,
};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

/// 2026-11-22T12:00:00Z.
const NOON: Instant = 1_795_348_800_000_000;
const SECOND: Duration = Duration::from_secs(1);
/// Longer than an attempt is anybody's.
const LEASE: Duration = Duration::from_secs(421);
const PICTURE: &[u8] = b"GIF89a a picture";
const MOST: usize = 300_000;

on_both_scenes! {
    a_file_is_fetched_in_two_steps_and_takes_its_references_place,
    an_address_that_has_expired_is_asked_for_anew,
    what_is_too_large_fails_whether_or_not_that_was_said_before,
    a_workspace_that_is_to_keep_less_is_brought_less,
    what_is_not_what_it_was_announced_as_is_not_kept,
    a_document_without_a_byte_is_not_kept,
    a_host_that_the_app_may_not_speak_to_is_not_asked,
    a_provider_that_is_down_is_asked_again_when_it_wants_to_be,
    what_failed_is_fetched_again_by_whoever_sees_the_conversation,
    a_fetch_whose_server_says_nothing_more_is_taken_up_by_another_and_kept_once,
    a_message_that_is_taken_back_keeps_no_file,
    what_was_fetched_is_given_in_parts_and_cannot_act_as_a_page,
    a_photograph_loses_where_it_was_taken_and_is_shown_smaller,
    a_picture_that_would_fill_the_memory_is_only_saved,
    screens_hear_how_far_a_large_file_is,
    a_channel_whose_provider_is_slow_leaves_places_to_the_others,
    a_recording_is_converted_to_what_the_channel_takes,
    a_channel_takes_and_sends_files_up_to_its_own_bound,
    a_file_that_is_announced_as_too_large_is_not_asked_for,
    a_persons_picture_is_a_small_square_that_says_nothing_of_where_it_was_taken,
    a_persons_picture_is_renewed_after_a_week_and_goes_with_its_bytes,
    a_picture_that_does_not_come_is_tried_again_and_one_that_is_none_is_not,
    sound_that_no_browser_plays_is_made_one_that_all_play,
    pictures_from_before_anybody_looked_lose_their_place_and_get_a_smaller_one,
}

type Change = Box<dyn FnOnce(&mut Config)>;

/// A server with a connected channel, whose provider is the test's; the clock stands still.
struct Scene {
    server: Server,
    provider: Provider,
    admin: Client,
    channel: String,
}

impl Scene {
    async fn set(start: impl AsyncFnOnce(Clock, Change) -> Option<Server>) -> Option<Self> {
        Self::set_with(start, |_| ()).await
    }

    async fn set_with(
        start: impl AsyncFnOnce(Clock, Change) -> Option<Server>,
        more: fn(&mut Config),
    ) -> Option<Self> {
        let (provider, address) = Provider::start().await;
        let change: Change = Box::new(move |config| {
            std::fs::create_dir_all(&config.plugins_dir).expect("a folder");
            for name in ["whatsapp.wasm", "telegram.wasm"] {
                let package = connector().with_file_name(name);
                std::fs::copy(package, config.plugins_dir.join(name)).expect("copied");
            }
            config.limits.media_body = MOST;
            config.dev.enabled = true;
            let stand_in: url::Url = format!("http://{address}").parse().expect("a URL");
            let hosts = [
                "graph.facebook.com",
                "lookaside.fbsbx.com",
                "api.telegram.org",
            ];
            config.dev.http_map.0 = hosts.map(|it| (it.to_owned(), stand_in.clone())).into();
            more(config);
        });
        let server = start(Clock::at(NOON), change).await?;
        let admin = server.admin().await;
        let channel = connect(&admin, "whatsapp", account()).await;
        Some(Self {
            server,
            provider,
            admin,
            channel,
        })
    }

    /// The provider has these bytes under an id.
    fn has(&self, id: &str, bytes: &[u8]) {
        self.gives(id, vec![Answer::bytes(bytes)]);
    }

    /// The provider gives a good address for an id, which is answered so.
    fn gives(&self, id: &str, answers: Vec<Answer>) {
        self.locates(id, &[id]);
        self.provider.answers(&format!("/bytes/{id}"), answers);
    }

    /// The provider's addresses for an id, one after the other.
    fn locates(&self, id: &str, places: &[&str]) {
        let answer = |place: &&str| address(&format!("https://lookaside.fbsbx.com/bytes/{place}"));
        let answers = places.iter().map(answer).collect();
        self.provider.answers(&format!("/v23.0/{id}"), answers);
    }

    /// A contact sends a file; the webhook is answered once the message is there. Gives the conversation.
    async fn sent(&self, kind: &str, id: &str) -> String {
        self.sent_to(&self.channel, kind, id).await
    }

    async fn sent_to(&self, channel: &str, kind: &str, id: &str) -> String {
        let media = json!({"id": id, "mime_type": "image/jpeg", "filename": "arquivo.bin"});
        let message = json!({"from": "5511911110000", "id": format!("wamid.{id}"), "timestamp": "1795348700", "type": kind, (kind): media});
        self.hook_to(channel, &message).await;
        let path = format!("/conversations?folder=queued&channel={channel}");
        let found = self.admin.get(&path).await;
        let found = found.expect(StatusCode::OK);
        found["items"][0]["id"].as_str().expect("an id").to_owned()
    }

    async fn hook(&self, message: &Value) {
        self.hook_to(&self.channel, message).await;
    }

    async fn hook_to(&self, channel: &str, message: &Value) {
        whatsapp::brings(&self.server.client(), channel, message).await;
    }

    /// The conversation's messages, as people see them.
    async fn messages(&self, conversation: &str) -> Vec<Value> {
        let path = format!("/conversations/{conversation}/timeline");
        let page = self.admin.get(&path).await.expect(StatusCode::OK);
        let items = page["items"].as_array().expect("items").iter();
        let messages = items.filter(|it| it["type"] == "message");
        messages.cloned().collect()
    }

    /// The only attachment of the only message.
    async fn attachment(&self, conversation: &str) -> Value {
        let messages = self.messages(conversation).await;
        assert_eq!(messages.len(), 1, "{messages:?}");
        messages[0]["attachments"][0].clone()
    }

    /// A moment later the attachment is so.
    async fn becomes(&self, conversation: &str, state: &str, error: Option<&str>) -> Value {
        let expected = (Value::from(state), error.map_or(Value::Null, Value::from));
        until_so(&format!("{expected:?}"), async || {
            let it = self.attachment(conversation).await;
            (it["state"].clone(), it["error"].clone()) == expected
        })
        .await;
        self.attachment(conversation).await
    }

    /// When something is to be fetched next.
    async fn due(&self) -> Option<Instant> {
        let mut tx = self.server.app.store.read().await.expect("reads");
        tx.next_fetch_at().await.expect("reads")
    }

    /// Nothing is under way any more, and the next attempt is at that time.
    async fn waits_until(&self, at: Instant) {
        until_so("the next attempt", async || self.due().await == Some(at)).await;
    }

    fn advance(&self, by: Duration) {
        self.server.app.clock.advance(by);
    }

    /// How many files' bytes are noted as nobody's.
    async fn loose(&self) -> usize {
        let mut tx = self.server.app.store.read().await.expect("reads");
        let loose = tx.loose_files(Instant::MAX, 100).await;
        loose.expect("reads").len()
    }

    /// What is under way comes to its end.
    async fn settled(mut self) -> Self {
        self.server = self.server.again().await;
        self.admin = self.server.admin().await;
        self
    }

    /// Files in the data folder.
    fn kept(&self) -> Vec<PathBuf> {
        let root = self.server.app.config.data_dir.join("files");
        let Ok(workspaces) = std::fs::read_dir(root) else {
            return Vec::new();
        };
        let folders = workspaces.map(|it| it.expect("a folder").path());
        folders
            .flat_map(|it| std::fs::read_dir(it).expect("a folder"))
            .map(|it| it.expect("a file").path())
            .collect()
    }

    async fn end(self) {
        self.server.end().await;
    }
}

fn account() -> Value {
    json!({"app_secret": whatsapp::SECRET, "verify_token": "v", "access_token": "t-t-t-t"})
}

fn address(url: &str) -> Answer {
    let body = json!({"messaging_product": "whatsapp", "url": url, "mime_type": "image/jpeg"});
    Answer::bytes(body.to_string().as_bytes()).with(header::CONTENT_TYPE, "application/json")
}

/// Where a file is given back.
async fn given(client: &Client, attachment: &Value, range: Option<&str>) -> Reply {
    let url = attachment["url"].as_str().expect("an address");
    let headers: Vec<_> = range.iter().map(|it| ("range", *it)).collect();
    client.raw(Method::GET, url, &headers, Vec::new()).await
}

async fn a_file_is_fetched_in_two_steps_and_takes_its_references_place(scene: Scene) {
    let (held, gate) = Answer::bytes(PICTURE).held();
    scene.gives("7", vec![held]);
    let conversation = scene.sent("image", "7").await;
    let waiting = scene.becomes(&conversation, "waiting", None).await;
    assert_eq!(
        (&waiting["id"], &waiting["url"]),
        (&Value::Null, &Value::Null)
    );
    gate.add_permits(1);
    let ready = scene.becomes(&conversation, "ready", None).await;
    assert_eq!(
        (&ready["mime"], &ready["size"]),
        (&json!("image/gif"), &json!(PICTURE.len()))
    );
    let reply = given(&scene.admin, &ready, None).await;
    assert_eq!(
        (reply.status, reply.text.as_bytes()),
        (StatusCode::OK, PICTURE)
    );
    let asked: Vec<_> = scene.provider.asked();
    let paths: Vec<&str> = asked.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(paths, ["/v23.0/7", "/bytes/7"]);
    for it in &asked {
        assert_eq!(it.key.as_deref(), Some("Bearer t-t-t-t"), "{it:?}");
    }
    let path = format!("/conversations/{conversation}/timeline");
    let shown = scene.admin.get(&path).await.text;
    assert!(
        !shown.contains("ref:") && !shown.contains("lookaside"),
        "{shown}"
    );
    assert_eq!(scene.due().await, None);
    scene.end().await;
}

async fn an_address_that_has_expired_is_asked_for_anew(scene: Scene) {
    scene.locates("7", &["old", "new"]);
    scene
        .provider
        .answers("/bytes/old", vec![Answer::status(403)]);
    scene
        .provider
        .answers("/bytes/new", vec![Answer::bytes(PICTURE)]);
    let conversation = scene.sent("image", "7").await;
    scene.waits_until(NOON + 2_000_000).await;
    scene.becomes(&conversation, "waiting", None).await;
    scene.advance(2 * SECOND);
    scene.becomes(&conversation, "ready", None).await;
    let asked = scene.provider.asked();
    let paths: Vec<&str> = asked.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(paths, ["/v23.0/7", "/bytes/old", "/v23.0/7", "/bytes/new"]);
    scene.end().await;
}

async fn what_is_too_large_fails_whether_or_not_that_was_said_before(scene: Scene) {
    let bytes = |size: usize| [PICTURE, &vec![b'x'; size - PICTURE.len()]].concat();
    scene.gives("7", vec![Answer::bytes(&bytes(MOST + 1))]);
    let conversation = scene.sent("image", "7").await;
    scene
        .becomes(&conversation, "failed", Some("too_large"))
        .await;
    scene.gives("8", vec![Answer::bytes(&bytes(MOST + 1)).unannounced()]);
    scene.gives("9", vec![Answer::bytes(&bytes(MOST)).unannounced()]);
    for id in ["8", "9"] {
        scene.sent("image", id).await;
    }
    let states = async || {
        let messages = scene.messages(&conversation).await;
        let first = messages.iter().map(|it| &it["attachments"][0]);
        first
            .map(|it| (it["state"].clone(), it["error"].clone()))
            .collect::<Vec<_>>()
    };
    let failed = (json!("failed"), json!("too_large"));
    let expected = [failed.clone(), failed, (json!("ready"), Value::Null)];
    until_so("all are settled", async || states().await == expected).await;
    assert_eq!(scene.kept().len(), 1);
    scene.end().await;
}

/// What `balcao admin limits` sets.
async fn a_workspace_that_is_to_keep_less_is_brought_less(scene: Scene) {
    let workspace = workspace_of(&scene.admin).await;
    let mut tx = scene.server.app.store.begin().await.expect("begins");
    tx.set_plugin_limit(workspace, "whatsapp", "media_bytes", Some(1000))
        .await
        .expect("set");
    tx.commit().await.expect("commits");
    scene.server.app.apps.keep_books().await.expect("kept");
    scene.gives("7", vec![Answer::bytes(&[PICTURE, &[b'x'; 1000]].concat())]);
    let conversation = scene.sent("image", "7").await;
    scene
        .becomes(&conversation, "failed", Some("too_large"))
        .await;
    assert_eq!(scene.kept().len(), 0);
    scene.end().await;
}

async fn what_is_not_what_it_was_announced_as_is_not_kept(scene: Scene) {
    scene.has("7", b"<html><script>alert(1)</script>");
    let conversation = scene.sent("image", "7").await;
    scene.becomes(&conversation, "failed", Some("type")).await;
    assert_eq!(scene.kept(), Vec::<PathBuf>::new());
    assert_eq!(scene.due().await, None);
    scene.end().await;
}

async fn a_document_without_a_byte_is_not_kept(scene: Scene) {
    scene.has("7", b"");
    let conversation = scene.sent("document", "7").await;
    scene.becomes(&conversation, "failed", Some("empty")).await;
    assert_eq!(scene.kept(), Vec::<PathBuf>::new());
    assert_eq!(scene.due().await, None);
    scene.end().await;
}

async fn a_host_that_the_app_may_not_speak_to_is_not_asked(scene: Scene) {
    let elsewhere = address("https://internal.example.com/bytes/7");
    scene.provider.answers("/v23.0/7", vec![elsewhere]);
    scene
        .provider
        .answers("/bytes/7", vec![Answer::bytes(PICTURE)]);
    let conversation = scene.sent("image", "7").await;
    scene.becomes(&conversation, "failed", Some("host")).await;
    assert_eq!(scene.provider.count("/bytes/7"), 0);
    // Nor where an allowed host sends there.
    let there = Answer::status(302).with(header::LOCATION, "/bytes/7");
    scene.gives("8", vec![there]);
    scene.sent("image", "8").await;
    until_so("the second has failed", async || {
        let messages = scene.messages(&conversation).await;
        messages[1]["attachments"][0]["error"] == "host"
    })
    .await;
    assert_eq!(scene.provider.count("/bytes/7"), 0);
    scene.end().await;
}

async fn a_provider_that_is_down_is_asked_again_when_it_wants_to_be(scene: Scene) {
    let down = Answer::status(503).with(header::RETRY_AFTER, "60");
    scene.gives("7", vec![down, Answer::status(500), Answer::bytes(PICTURE)]);
    let conversation = scene.sent("image", "7").await;
    scene.waits_until(NOON + 60_000_000).await;
    scene.becomes(&conversation, "waiting", None).await;
    scene.advance(60 * SECOND);
    scene.waits_until(NOON + 64_000_000).await;
    assert_eq!(scene.provider.count("/bytes/7"), 2);
    scene.advance(4 * SECOND);
    scene.becomes(&conversation, "ready", None).await;
    assert_eq!(scene.provider.count("/bytes/7"), 3);
    scene.end().await;
}

async fn what_failed_is_fetched_again_by_whoever_sees_the_conversation(scene: Scene) {
    scene.gives("7", vec![Answer::status(400), Answer::bytes(PICTURE)]);
    let conversation = scene.sent("image", "7").await;
    scene
        .becomes(&conversation, "failed", Some("refused"))
        .await;
    let message = scene.messages(&conversation).await[0]["id"].clone();
    let message = message.as_str().expect("an id");
    let retry = |n: &str| format!("/messages/{message}/attachments/{n}/retry");
    let (_, stranger) = scene.server.user(&scene.admin, "Ana", "agent").await;
    let team = scene.admin.post("/teams", &json!({"name": "Vendas"})).await;
    let team = team.expect(StatusCode::CREATED)["id"].clone();
    for n in ["1", "-1", "x"] {
        let reply = scene.admin.post(&retry(n), &json!({})).await;
        assert_eq!(reply.problem(404), "not_found", "{n}");
    }
    let team = team.as_str().expect("an id");
    let moves = format!("UPDATE conversations SET team_id = '{team}'");
    scene.server.beside(&moves).await;
    assert_eq!(
        stranger.post(&retry("0"), &json!({})).await.problem(404),
        "not_found"
    );
    let asked = scene.admin.post(&retry("0"), &json!({})).await;
    let shown = asked.expect(StatusCode::OK);
    assert_eq!(
        (
            &shown["attachments"][0]["state"],
            &shown["attachments"][0]["error"]
        ),
        (&json!("waiting"), &Value::Null)
    );
    scene.becomes(&conversation, "ready", None).await;
    let again = scene.admin.post(&retry("0"), &json!({})).await;
    assert_eq!(again.problem(409), "state");
    scene.end().await;
}

async fn a_fetch_whose_server_says_nothing_more_is_taken_up_by_another_and_kept_once(scene: Scene) {
    let (first, gate) = Answer::bytes(b"GIF89a comes late").held();
    scene.gives("7", vec![first, Answer::bytes(PICTURE)]);
    let conversation = scene.sent("image", "7").await;
    until_so("it is asked for", async || {
        scene.provider.count("/bytes/7") == 1
    })
    .await;
    scene.advance(LEASE);
    let ready = scene.becomes(&conversation, "ready", None).await;
    assert_eq!(scene.provider.count("/bytes/7"), 2);
    gate.add_permits(1);
    until_so("the late one comes", async || scene.loose().await == 1).await;
    let scene = scene.settled().await;
    assert_eq!(scene.kept().len(), 1, "and is let go");
    assert_eq!(scene.attachment(&conversation).await, ready);
    let reply = given(&scene.admin, &ready, None).await;
    assert_eq!(reply.text.as_bytes(), PICTURE);
    scene.end().await;
}

async fn a_message_that_is_taken_back_keeps_no_file(scene: Scene) {
    let (held, gate) = Answer::bytes(PICTURE).held();
    scene.gives("7", vec![held]);
    let conversation = scene.sent("image", "7").await;
    until_so("it is asked for", async || {
        scene.provider.count("/bytes/7") == 1
    })
    .await;
    let revoke = json!({"from": "5511911110000", "id": "wamid.r", "timestamp": "1795348701", "type": "revoke", "revoke": {"original_message_id": "wamid.7"}});
    scene.hook(&revoke).await;
    assert_eq!(scene.messages(&conversation).await[0]["revoked"], true);
    gate.add_permits(1);
    until_so("it comes", async || scene.loose().await == 1).await;
    let scene = scene.settled().await;
    assert!(scene.kept().is_empty(), "and is let go");
    assert_eq!(scene.due().await, None);
    scene.end().await;
}

async fn what_was_fetched_is_given_in_parts_and_cannot_act_as_a_page(scene: Scene) {
    scene.has("7", b"OggS0123456789");
    let conversation = scene.sent("audio", "7").await;
    let sound = scene.becomes(&conversation, "ready", None).await;
    assert_eq!(sound["mime"], "audio/ogg");
    let whole = given(&scene.admin, &sound, None).await;
    let header = |reply: &Reply, name: &str| reply.header(name).unwrap_or_default().to_owned();
    assert_eq!(header(&whole, "accept-ranges"), "bytes");
    assert_eq!(header(&whole, "x-content-type-options"), "nosniff");
    assert!(header(&whole, "content-security-policy").starts_with("sandbox;"));
    assert!(header(&whole, "content-disposition").starts_with("inline;"));
    for (range, expected, bytes) in [
        ("bytes=4-6", "bytes 4-6/14", "012"),
        ("bytes=10-", "bytes 10-13/14", "6789"),
        ("bytes=-2", "bytes 12-13/14", "89"),
    ] {
        let part = given(&scene.admin, &sound, Some(range)).await;
        assert_eq!(part.status, StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(header(&part, "content-range"), expected);
        assert_eq!(part.text, bytes);
    }
    let beyond = given(&scene.admin, &sound, Some("bytes=14-")).await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(header(&beyond, "content-range"), "bytes */14");
    let stranger = given(&scene.server.client(), &sound, None).await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);

    // What a browser could run is only ever saved.
    scene.has("8", b"<html><script>alert(1)</script>");
    scene.sent("document", "8").await;
    let page = async || scene.messages(&conversation).await[1]["attachments"][0].clone();
    until_so("the second is here", async || {
        page().await["state"] == "ready"
    })
    .await;
    let page = given(&scene.admin, &page().await, None).await;
    assert_eq!(header(&page, "content-type"), "application/octet-stream");
    assert!(header(&page, "content-disposition").starts_with("attachment;"));
    scene.end().await;
}

/// A photograph of 1200 by 600, taken by somebody who held the phone upright, which says where.
fn photograph() -> Vec<u8> {
    let shades = image::RgbImage::from_fn(1200, 600, |x, y| {
        image::Rgb([x, y, x + y].map(|it| u8::try_from(it / 8).expect("a shade")))
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    let written = shades.write_to(&mut bytes, image::ImageFormat::Jpeg);
    written.expect("a JPEG");
    let bytes = bytes.into_inner();
    // One tag, how it is turned, and the place.
    let mut exif =
        b"Exif\0\0II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
    exif.extend_from_slice(PLACE);
    let length = u16::try_from(exif.len() + 2).expect("short");
    [
        &bytes[..2],
        b"\xff\xe1",
        &length.to_be_bytes(),
        &exif,
        &bytes[2..],
    ]
    .concat()
}

const PLACE: &[u8] = b"23 33 S 46 38 W";

fn tells_the_place(bytes: &[u8]) -> bool {
    bytes.windows(PLACE.len()).any(|it| it == PLACE)
}

async fn a_photograph_loses_where_it_was_taken_and_is_shown_smaller(scene: Scene) {
    let photograph = photograph();
    assert!(tells_the_place(&photograph) && photograph.len() < MOST);
    scene.has("7", &photograph);
    let conversation = scene.sent("image", "7").await;
    let received = scene.becomes(&conversation, "ready", None).await;
    let uploaded = scene.admin.upload("", "eu.jpg", &photograph).await;
    let uploaded = uploaded.expect(StatusCode::CREATED);
    for picture in [received, uploaded] {
        assert_eq!(
            (&picture["width"], &picture["height"]),
            (&json!(600), &json!(1200)),
            "as it is shown: {picture}"
        );
        let whole = given(&scene.admin, &picture, None).await;
        assert!(!tells_the_place(&whole.bytes));
        assert_eq!(picture["size"], json!(whole.bytes.len()));
        let small = picture["thumbnail_url"].as_str().expect("a smaller one");
        let shown = scene.admin.raw(Method::GET, small, &[], Vec::new()).await;
        assert_eq!(shown.header("content-type"), Some("image/jpeg"));
        let cached = shown.header("cache-control").expect("for how long");
        assert_eq!(cached, "private, max-age=31536000, immutable");
        assert!(shown.header("content-security-policy").is_some());
        assert!(shown.bytes.len() < whole.bytes.len());
        let reduced = image::load_from_memory(&shown.bytes).expect("a picture");
        assert_eq!((reduced.width(), reduced.height()), (320, 640));
        let stranger = scene.server.client();
        let refused = stranger.raw(Method::GET, small, &[], Vec::new()).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    }
    scene.end().await;
}

async fn a_picture_that_would_fill_the_memory_is_only_saved(scene: Scene) {
    // 65,535 by 65,535 of a GIF is said in ten bytes.
    scene.has("7", b"GIF89a\xff\xff\xff\xff\0\0\0;");
    let conversation = scene.sent("image", "7").await;
    let picture = scene.becomes(&conversation, "ready", None).await;
    for missing in ["thumbnail_url", "width", "height"] {
        assert_eq!(picture[missing], Value::Null, "{missing}");
    }
    assert!(picture["url"].is_string());
    let path = format!("{}/preview", picture["url"].as_str().expect("an address"));
    let none = scene.admin.raw(Method::GET, &path, &[], Vec::new()).await;
    assert_eq!(none.problem(404), "not_found");
    scene.end().await;
}

async fn screens_hear_how_far_a_large_file_is(scene: Scene) {
    let size = 280_000;
    let bytes = [PICTURE, &vec![b'x'; size - PICTURE.len()]].concat();
    scene.has("7", &bytes);
    let mut watching = screen(&scene.server, &scene.admin, None).await;
    assert_eq!(heard(&mut watching).await["type"], "ready");
    let conversation = scene.sent("image", "7").await;
    let line = until(&mut watching, "attachment.progress", Some(&conversation)).await;
    let message = scene.messages(&conversation).await[0]["id"].clone();
    let far = line["data"]["bytes"].as_u64().expect("bytes");
    assert!((128 << 10..=size as u64).contains(&far), "{line}");
    let expected = json!({"message_id": message, "position": 0, "bytes": far, "size": size});
    assert_eq!(line["data"], expected);
    assert_eq!(line["seq"], Value::Null, "nothing of it is kept");
    scene.becomes(&conversation, "ready", None).await;
    scene.end().await;
}

async fn a_channel_whose_provider_is_slow_leaves_places_to_the_others(scene: Scene) {
    let mut gates = Vec::new();
    let slow: Vec<String> = (10..22).map(|n| n.to_string()).collect();
    for id in &slow {
        let (held, gate) = Answer::bytes(PICTURE).held();
        scene.gives(id, vec![held]);
        gates.push(gate);
        scene.sent("image", id).await;
    }
    let asked = || -> usize {
        let paths = slow.iter().map(|id| format!("/bytes/{id}"));
        paths.map(|path| scene.provider.count(&path)).sum()
    };
    until_so("its share is under way", async || asked() == 4).await;
    let other = connect(&scene.admin, "whatsapp", account()).await;
    scene.has("7", PICTURE);
    let conversation = scene.sent_to(&other, "image", "7").await;
    scene.becomes(&conversation, "ready", None).await;
    assert_eq!(asked(), 4, "the others of the slow one wait");
    for gate in gates {
        gate.add_permits(1);
    }
    until_so("all are asked for", async || asked() == slow.len()).await;
    until_so("all are here", async || scene.due().await.is_none()).await;
    scene.end().await;
}

/// A second of a tone, 8,000 samples of 16 bits.
fn tone() -> Vec<u8> {
    let mut wav =
        b"RIFF\xc4\x3e\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0"
            .to_vec();
    // What the recorder wrote of where it was.
    wav.extend_from_slice(b"LIST\x18\0\0\0INFOINAM\x0c\0\0\0Casa da Ana\0");
    wav.extend_from_slice(b"data\x80\x3e\0\0");
    for sample in 0..8_000_u32 {
        let level: i16 = if sample / 10 % 2 == 0 { 8_000 } else { -8_000 };
        wav.extend_from_slice(&level.to_le_bytes());
    }
    wav
}

/// Whether the program is there. It is where `cargo xtask test` could install it; elsewhere what needs it is not run, which no CI may take for good.
fn has_ffmpeg() -> bool {
    let found = ["/usr/bin/ffmpeg", "/bin/ffmpeg"]
        .iter()
        .any(|it| std::path::Path::new(it).exists());
    if !found {
        assert!(std::env::var_os("CI").is_none(), "ffmpeg is not installed");
        eprintln!("NOT RUN: the conversion of sound, since ffmpeg is not installed");
    }
    found
}

async fn a_recording_is_converted_to_what_the_channel_takes(scene: Scene) {
    if !has_ffmpeg() {
        return;
    }
    scene.has("7", PICTURE);
    let conversation = scene.sent("image", "7").await;
    let recorded = scene.admin.upload("?kind=audio", "voz.wav", &tone()).await;
    let recorded = recorded.expect(StatusCode::CREATED);
    assert_eq!(recorded["mime"], "audio/wav");
    let path = format!("/conversations/{conversation}/messages");
    let ask = json!({"attachments": [recorded["id"]], "voice": true});
    let said = scene.admin.post(&path, &ask).await;
    let said = said.expect(StatusCode::CREATED);
    assert_eq!(
        (&said["kind"], &said["extra"]),
        (&json!("audio"), &json!({"voice": true}))
    );
    let sound = &said["attachments"][0];
    assert_eq!(
        (&sound["mime"], &sound["name"]),
        (&json!("audio/ogg"), &json!("voz.ogg"))
    );
    let bytes = given(&scene.admin, sound, None).await.bytes;
    let holds = |what: &[u8]| bytes.windows(what.len()).any(|it| it == what);
    assert!(bytes.starts_with(b"OggS") && holds(b"OpusHead"));
    assert!(!holds(b"Casa da Ana"), "where it was is told to nobody");
    // What it takes goes as it is.
    let ogg = scene.admin.upload("?kind=audio", "voz.ogg", &bytes).await;
    let ogg = ogg.expect(StatusCode::CREATED);
    let ask = json!({"attachments": [ogg["id"]], "voice": true});
    let said = scene.admin.post(&path, &ask).await;
    let said = said.expect(StatusCode::CREATED);
    assert_eq!(said["attachments"][0]["id"], ogg["id"]);
    // What is no sound at all is refused, and nothing is left of the attempt.
    let broken = [&tone()[..20], b"and then nothing that a sound has"].concat();
    let broken = scene.admin.upload("?kind=audio", "voz.wav", &broken).await;
    let broken = broken.expect(StatusCode::CREATED);
    let before = (
        scene.messages(&conversation).await.len(),
        scene.kept().len(),
    );
    let ask = json!({"attachments": [broken["id"]], "voice": true});
    let refused = scene.admin.post(&path, &ask).await;
    assert!(
        refused.text.contains("não pôde ser convertido"),
        "{}",
        refused.text
    );
    assert_eq!(refused.problem(422), "invalid");
    let after = (
        scene.messages(&conversation).await.len(),
        scene.kept().len(),
    );
    assert_eq!(before, after);
    scene.end().await;
}

/// Bytes of the largest file of a test's channel.
const BOUND: usize = 100_000;

/// Sets the channel's own bound.
async fn bound(scene: &Scene, channel: &str, bytes: Value) -> Reply {
    let path = format!("/channels/{channel}");
    let change = json!({"max_file_bytes": bytes});
    scene.admin.patch(&path, &change).await
}

async fn a_channel_takes_and_sends_files_up_to_its_own_bound(scene: Scene) {
    let bytes = |size: usize| [PICTURE, &vec![b'x'; size - PICTURE.len()]].concat();
    let channel = scene.channel.clone();
    for nonsense in [json!(0), json!(-1), json!(99_999), json!((1_i64 << 30) + 1)] {
        let refused = bound(&scene, &channel, nonsense).await;
        assert_eq!(refused.problem(422), "invalid");
    }
    let set = bound(&scene, &channel, json!(BOUND)).await;
    assert_eq!(set.expect(StatusCode::OK)["max_file_bytes"], json!(BOUND));
    scene.gives("7", vec![Answer::bytes(&bytes(BOUND + 1)).unannounced()]);
    let conversation = scene.sent("image", "7").await;
    let failed = scene.becomes(&conversation, "failed", Some("too_large"));
    assert_eq!(failed.await["limit"], json!(BOUND));

    let path = format!("/conversations/{conversation}/messages");
    let send = async |size: usize| {
        let stored = scene.admin.upload("", "foto.gif", &bytes(size)).await;
        let stored = stored.expect(StatusCode::CREATED);
        let ask = json!({"attachments": [stored["id"]], "kind": "document"});
        scene.admin.post(&path, &ask).await
    };
    let refused = send(BOUND + 1).await;
    assert!(
        refused
            .text
            .contains("grande demais para este canal: até 100 KB"),
        "{}",
        refused.text
    );
    assert_eq!(refused.problem(422), "invalid");
    send(BOUND).await.expect(StatusCode::CREATED);

    // Without it, whoever asks once more gets it.
    let free = bound(&scene, &channel, Value::Null).await;
    assert_eq!(free.expect(StatusCode::OK)["max_file_bytes"], Value::Null);
    let first = scene.messages(&conversation).await[0]["id"].clone();
    let first = first.as_str().expect("an id");
    let retry = format!("/messages/{first}/attachments/0/retry");
    let asked = scene.admin.post(&retry, &json!({})).await;
    asked.expect(StatusCode::OK);
    until_so("it is here", async || {
        let shown = &scene.messages(&conversation).await[0]["attachments"][0];
        (&shown["state"], &shown["limit"]) == (&json!("ready"), &Value::Null)
    })
    .await;
    let (_, agent) = scene.server.user(&scene.admin, "Ana", "agent").await;
    let path = format!("/channels/{channel}");
    let theirs = agent.patch(&path, &json!({"max_file_bytes": BOUND})).await;
    assert_eq!(theirs.problem(403), "denied");
    scene.end().await;
}

/// The address of a test bot's methods, and of its files.
const BOT: &str = "/bot123456789:AAToken-of-the-test";

/// A channel whose provider says how large files are, and has people's pictures.
async fn bot(scene: &Scene) -> String {
    let settings = json!({"bot_token": &BOT[4..], "webhook_secret": "sss"});
    connect(&scene.admin, "telegram", settings).await
}

/// The person writes there; gives the conversation.
async fn writes(scene: &Scene, channel: &str, number: i64, content: Value) -> String {
    let person = json!({"id": 900_000_001, "is_bot": false, "first_name": "Cliente"});
    let chat = json!({"id": 900_000_001, "type": "private", "first_name": "Cliente"});
    let mut message =
        json!({"message_id": number, "date": 1_795_348_700, "chat": chat, "from": person});
    let fields = message.as_object_mut().expect("an object");
    fields.extend(content.as_object().expect("an object").clone());
    let body = json!({"update_id": number, "message": message}).to_string();
    let signed = [("x-telegram-bot-api-secret-token", "sss")];
    let path = format!("/hooks/{channel}");
    let client = scene.server.client();
    let reply = client
        .raw(Method::POST, &path, &signed, body.into_bytes())
        .await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    let found = of_channel(scene, channel).await;
    found["id"].as_str().expect("an id").to_owned()
}

/// The only conversation of a channel.
async fn of_channel(scene: &Scene, channel: &str) -> Value {
    let path = format!("/conversations?folder=queued&channel={channel}");
    let found = scene.admin.get(&path).await.expect(StatusCode::OK);
    found["items"][0].clone()
}

async fn a_file_that_is_announced_as_too_large_is_not_asked_for(scene: Scene) {
    let channel = bot(&scene).await;
    let set = bound(&scene, &channel, json!(BOUND)).await;
    set.expect(StatusCode::OK);
    let file = json!({"file_id": "DOC", "file_unique_id": "u", "file_name": "plano.pdf", "file_size": BOUND + 1});
    let conversation = writes(&scene, &channel, 1, json!({"document": file})).await;
    let failed = scene.becomes(&conversation, "failed", Some("too_large"));
    assert_eq!(failed.await["limit"], json!(BOUND));
    assert_eq!(scene.provider.count(&format!("{BOT}/getFile")), 0);
    scene.end().await;
}

/// The person's pictures are those, one after the other; none shows none.
fn shows(scene: &Scene, pictures: &[Option<&[u8]>]) {
    let said = |it: &Option<&[u8]>| {
        let sizes =
            json!([[{"file_id": "ROSTO", "file_unique_id": "r", "width": 640, "height": 640}]]);
        let photos = it.map_or(json!([]), |_| sizes);
        Answer::json(
            &json!({"ok": true, "result": {"total_count": photos.as_array().map(Vec::len), "photos": photos}}),
        )
    };
    let all = pictures.iter().map(said).collect();
    let method = format!("{BOT}/getUserProfilePhotos");
    scene.provider.answers(&method, all);
    let file = json!({"ok": true, "result": {"file_id": "ROSTO", "file_unique_id": "r", "file_path": "photos/file_8.jpg"}});
    let method = format!("{BOT}/getFile");
    scene.provider.answers(&method, vec![Answer::json(&file)]);
    let bytes = pictures.iter().flatten().map(|it| Answer::bytes(it));
    let place = format!("/file{BOT}/photos/file_8.jpg");
    scene.provider.answers(&place, bytes.collect());
}

/// How often the provider was asked which pictures the person has.
fn sought(scene: &Scene) -> usize {
    scene.provider.count(&format!("{BOT}/getUserProfilePhotos"))
}

/// Nothing of anybody's picture is to be done any more.
async fn is_looked_for(scene: &Scene) {
    until_so("nothing is to be fetched", async || {
        let mut tx = scene.server.app.store.read().await.expect("reads");
        tx.next_portrait_at().await.expect("reads").is_none()
    })
    .await;
}

/// A picture of one shade.
fn shade(of: u8) -> Vec<u8> {
    let picture = image::RgbImage::from_pixel(300, 400, image::Rgb([of; 3]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    let written = picture.write_to(&mut bytes, image::ImageFormat::Png);
    written.expect("a PNG");
    bytes.into_inner()
}

async fn a_persons_picture_is_a_small_square_that_says_nothing_of_where_it_was_taken(scene: Scene) {
    let photograph = photograph();
    assert!(tells_the_place(&photograph));
    shows(&scene, &[Some(&photograph)]);
    let channel = bot(&scene).await;
    let mut watching = screen(&scene.server, &scene.admin, None).await;
    assert_eq!(heard(&mut watching).await["type"], "ready");
    writes(&scene, &channel, 1, json!({"text": "Oi"})).await;
    let line = loop {
        let line = until(&mut watching, "contact.changed", None).await;
        if line["data"]["event"] == "contact.changed" {
            break line;
        }
    };
    let contact = of_channel(&scene, &channel).await["contact"].clone();
    assert_eq!(line["data"]["contact"], contact["id"]);
    let avatar = contact["avatar"].as_str().expect("a picture");
    let path = format!("/contacts/{}", contact["id"].as_str().expect("an id"));
    let whole = scene.admin.get(&path).await.expect(StatusCode::OK);
    assert_eq!(whole["avatar"], avatar);
    let reply = scene.admin.raw(Method::GET, avatar, &[], Vec::new()).await;
    assert_eq!(reply.header("content-type"), Some("image/jpeg"));
    assert!(!tells_the_place(&reply.bytes));
    let square = image::load_from_memory(&reply.bytes).expect("a picture");
    assert_eq!((square.width(), square.height()), (192, 192));
    let stranger = scene.server.client();
    let refused = stranger.raw(Method::GET, avatar, &[], Vec::new()).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    // Whoever goes on writing is not looked at again.
    writes(&scene, &channel, 2, json!({"text": "Alguém?"})).await;
    is_looked_for(&scene).await;
    assert_eq!((sought(&scene), scene.kept().len()), (1, 1));
    scene.end().await;
}

async fn a_persons_picture_is_renewed_after_a_week_and_goes_with_its_bytes(scene: Scene) {
    const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);
    let (dark, light) = (shade(20), shade(200));
    shows(&scene, &[Some(&dark), Some(&dark), Some(&light), None]);
    let channel = bot(&scene).await;
    let mut seen = Vec::new();
    for number in 1..=4 {
        writes(&scene, &channel, number, json!({"text": "Oi"})).await;
        let asked = usize::try_from(number).expect("small");
        until_so("it is asked for", async || sought(&scene) == asked).await;
        is_looked_for(&scene).await;
        seen.push(of_channel(&scene, &channel).await["contact"]["avatar"].clone());
        scene.advance(WEEK);
    }
    assert!(seen[0].is_string() && seen[2].is_string(), "{seen:?}");
    assert_eq!(seen[1], seen[0], "the same picture is the same file");
    assert_ne!(seen[2], seen[0]);
    assert_eq!(seen[3], Value::Null);
    for gone in [&seen[0], &seen[2]] {
        let url = gone.as_str().expect("an address");
        let reply = scene.admin.raw(Method::GET, url, &[], Vec::new()).await;
        assert_eq!(reply.problem(404), "not_found");
    }
    balcao::jobs::purge::look(&scene.server.app)
        .await
        .expect("purged");
    assert_eq!(scene.kept(), Vec::<PathBuf>::new());
    scene.end().await;
}

async fn a_picture_that_does_not_come_is_tried_again_and_one_that_is_none_is_not(scene: Scene) {
    let page = b"<html><script>alert(1)</script>";
    shows(&scene, &[Some(page)]);
    let place = format!("/file{BOT}/photos/file_8.jpg");
    let answers = vec![Answer::status(500), Answer::bytes(page)];
    scene.provider.answers(&place, answers);
    let channel = bot(&scene).await;
    writes(&scene, &channel, 1, json!({"text": "Oi"})).await;
    until_so("it is to be tried again", async || {
        let mut tx = scene.server.app.store.read().await.expect("reads");
        tx.next_portrait_at().await.expect("reads") == Some(NOON + 2_000_000)
    })
    .await;
    scene.advance(2 * SECOND);
    is_looked_for(&scene).await;
    assert_eq!(sought(&scene), 2);
    let contact = of_channel(&scene, &channel).await["contact"].clone();
    assert_eq!(contact["avatar"], Value::Null);
    assert_eq!(scene.kept(), Vec::<PathBuf>::new());
    scene.end().await;
}

/// A second of speech as telephones encode it, which no browser plays: 50 frames at 12.2 kbit/s.
fn telephone() -> Vec<u8> {
    let mut amr = b"#!AMR\n".to_vec();
    for frame in 0..50_u8 {
        amr.push(0x3c);
        amr.extend((0..31_u8).map(|byte| byte.wrapping_mul(37).wrapping_add(frame)));
    }
    amr
}

async fn sound_that_no_browser_plays_is_made_one_that_all_play(scene: Scene) {
    if !has_ffmpeg() {
        return;
    }
    scene.has("7", &telephone());
    let conversation = scene.sent("audio", "7").await;
    let sound = scene.becomes(&conversation, "ready", None).await;
    assert_eq!(
        (&sound["mime"], &sound["name"]),
        (&json!("audio/mpeg"), &json!("arquivo.mp3"))
    );
    let given = given(&scene.admin, &sound, None).await;
    assert_eq!(given.header("content-type"), Some("audio/mpeg"));
    assert!(given.bytes.starts_with(b"ID3") || given.bytes.starts_with(b"\xff"));
    assert_eq!(scene.kept().len(), 1);
    // Broken sound stays what it was.
    scene.has("8", b"#!AMR\n\xff\xff and nothing that is any");
    scene.sent("audio", "8").await;
    let second = async || scene.messages(&conversation).await[1]["attachments"][0].clone();
    until_so("the second is here", async || {
        second().await["state"] == "ready"
    })
    .await;
    assert_eq!(second().await["mime"], "audio/amr");
    scene.end().await;
}

#[tokio::test]
async fn sound_that_no_browser_plays_stays_as_it_came_where_nothing_converts_it() {
    let start = async |clock, change| Some(Server::start_at(clock, change).await);
    let without = |config: &mut Config| config.ffmpeg = "/no/such/ffmpeg".into();
    let scene = Scene::set_with(start, without).await.expect("SQLite");
    scene.has("7", &telephone());
    let conversation = scene.sent("audio", "7").await;
    let sound = scene.becomes(&conversation, "ready", None).await;
    assert_eq!(
        (&sound["mime"], &sound["name"]),
        (&json!("audio/amr"), &json!("arquivo.bin"))
    );
    let reply = given(&scene.admin, &sound, None).await;
    assert_eq!(reply.bytes, telephone());
    scene.end().await;
}

async fn pictures_from_before_anybody_looked_lose_their_place_and_get_a_smaller_one(scene: Scene) {
    let photograph = photograph();
    let mut files = Vec::new();
    for _ in 0..2 {
        let stored = scene.admin.upload("", "eu.jpg", &photograph).await;
        files.push(stored.expect(StatusCode::CREATED));
    }
    // As they were stored then; of one the bytes are gone.
    let of = |file: &Value| {
        let id = file["id"].as_str().expect("an id").to_owned();
        let all = scene.kept();
        let names = |it: &PathBuf| {
            it.file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        };
        let paths = all.into_iter().filter(|it| names(it).starts_with(&id));
        paths.collect::<Vec<_>>()
    };
    for path in of(&files[0]).into_iter().chain(of(&files[1])) {
        std::fs::remove_file(path).expect("removed");
    }
    let folder = scene.server.app.config.data_dir.join("files");
    let workspace = std::fs::read_dir(folder).expect("a folder").next();
    let workspace = workspace.expect("one").expect("a folder").path();
    let first = files[0]["id"].as_str().expect("an id");
    std::fs::write(workspace.join(first), &photograph).expect("written");
    let size = photograph.len();
    let then = format!(
        "UPDATE files SET unseen = 1, size = {size}, width = NULL, height = NULL, preview_mime = NULL, preview_size = NULL"
    );
    scene.server.beside(&then).await;
    // And so many whose bytes are gone that they are not looked for at once.
    let more = "WITH RECURSIVE n (n) AS (SELECT 10 UNION ALL SELECT n + 1 FROM n WHERE n < 80)
        INSERT INTO files (workspace_id, id, mime, name, size, state, created_at, unseen)
        SELECT workspace_id, substr(id, 1, length(id) - 2) || n, mime, name, size, state, created_at, 1
          FROM (SELECT * FROM files ORDER BY id DESC LIMIT 1) last, n WHERE true ON CONFLICT DO NOTHING";
    scene.server.beside(more).await;
    balcao::jobs::old_pictures::look(&scene.server.app)
        .await
        .expect("all are seen");
    let whole = given(&scene.admin, &files[0], None).await;
    assert_eq!(
        whole.header("content-length"),
        Some(whole.bytes.len().to_string().as_str())
    );
    assert!(!tells_the_place(&whole.bytes) && !whole.bytes.is_empty());
    let preview = format!("{}/preview", files[0]["url"].as_str().expect("an address"));
    let small = scene
        .admin
        .raw(Method::GET, &preview, &[], Vec::new())
        .await;
    let reduced = image::load_from_memory(&small.bytes).expect("a picture");
    assert_eq!((reduced.width(), reduced.height()), (320, 640));
    let mut tx = scene.server.app.store.read().await.expect("reads");
    let left = tx.unseen_pictures(None, 10).await.expect("reads");
    drop(tx);
    assert_eq!(left, [], "and is not looked for again");
    scene.end().await;
}

#[tokio::test]
async fn a_server_without_ffmpeg_says_so_and_sends_what_needs_none() {
    let start = async |clock, change| Some(Server::start_at(clock, change).await);
    let without = |config: &mut Config| config.ffmpeg = "/no/such/ffmpeg".into();
    let scene = Scene::set_with(start, without).await.expect("SQLite");
    scene.has("7", PICTURE);
    let conversation = scene.sent("image", "7").await;
    let path = format!("/conversations/{conversation}/messages");
    let upload = async |name, bytes: &[u8]| {
        let stored = scene.admin.upload("?kind=audio", name, bytes).await;
        stored.expect(StatusCode::CREATED)["id"].clone()
    };
    let wav = upload("voz.wav", &tone()).await;
    let ask = json!({"attachments": [wav], "voice": true});
    let refused = scene.admin.post(&path, &ask).await;
    assert!(
        refused
            .text
            .contains("O ffmpeg não está instalado no servidor"),
        "{}",
        refused.text
    );
    assert_eq!(refused.problem(422), "invalid");
    let ogg = upload("voz.ogg", b"OggS and what a channel takes").await;
    let ask = json!({"attachments": [ogg], "voice": true});
    let said = scene.admin.post(&path, &ask).await;
    said.expect(StatusCode::CREATED);
    // A film is no recording, whatever it is said to be.
    let film = scene
        .admin
        .upload("?kind=audio", "f.pdf", b"%PDF-1.7")
        .await;
    assert_eq!(film.problem(422), "invalid");
    let ask = json!({"text": "sem arquivo", "voice": true});
    assert_eq!(scene.admin.post(&path, &ask).await.problem(422), "invalid");
    scene.end().await;
}

#[tokio::test]
async fn two_servers_on_one_database_fetch_each_file_once() {
    let start = Server::start_on_postgres_at;
    let scene = Scene::set(async |clock, change| start("two_servers", clock, change).await).await;
    let Some(scene) = scene else { return };
    let second = scene.server.second().await;
    let ids: Vec<String> = (1..=20).map(|n| format!("9{n}")).collect();
    for id in &ids {
        scene.has(id, format!("GIF89a {id}").as_bytes());
    }
    let sent = ids.iter().map(|id| scene.sent("image", id));
    let conversation = futures_util::future::join_all(sent).await.remove(0);
    until_so("all are here", async || {
        let messages = scene.messages(&conversation).await;
        messages.len() == 20
            && messages
                .iter()
                .all(|it| it["attachments"][0]["state"] == "ready")
    })
    .await;
    for id in &ids {
        assert_eq!(scene.provider.count(&format!("/bytes/{id}")), 1, "{id}");
    }
    assert_eq!(scene.kept().len(), 20);
    second.end().await;
    scene.end().await;
}
