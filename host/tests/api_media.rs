//! Files in both directions, through a running server whose provider is the test's: fetched, bounded, made safe to show, and converted.

#[macro_use]
mod common;

use balcao::{
    clock::{Clock, Instant},
    config::Config,
};
use common::{
    Client, Reply, Server,
    packages::{connect, connector},
    provider::{Answer, Provider},
    until_so, whatsapp,
};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use std::{path::PathBuf, time::Duration};

#[path = "media/bounds.rs"]
mod bounds;
#[path = "media/fetching.rs"]
mod fetching;
#[path = "media/pictures.rs"]
mod pictures;
#[path = "media/portraits.rs"]
mod portraits;
#[path = "media/sound.rs"]
mod sound;

/// 2026-11-22T12:00:00Z.
const NOON: Instant = 1_795_348_800_000_000;

const SECOND: Duration = Duration::from_secs(1);

/// Longer than an attempt is anybody's.
const LEASE: Duration = Duration::from_secs(421);

const PICTURE: &[u8] = b"GIF89a a picture";

const MOST: usize = 300_000;

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
