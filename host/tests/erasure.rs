//! Erasing a person (FEATURES N1): nothing that says who they were or what was said is left, in any table, file or app, and nobody else loses anything.

#[macro_use]
mod common;

use balcao::{
    clock::{Clock, Instant},
    config::Config,
};
use common::{
    Client, Server,
    packages::{connect, connector},
    provider::{Answer, Provider},
    until_so,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

/// 2026-11-22T12:00:00Z.
const NOON: Instant = 1_795_348_800_000_000;
const BOT: &str = "/bot123456789:AAToken-of-the-test";
/// What would tell of her, wherever it stood, in small letters.
const HERS: [&str; 4] = ["mafalda", "900000077", "quindim", "combinado"];

/// Whether what the connector is said to keep is what it keeps.
const COUNTED: &str = "SELECT COUNT(*) FROM plugin_keeps k WHERE k.plugin_id = 'telegram'
    AND k.storage_keys = (SELECT COUNT(*) FROM storage s WHERE s.plugin_id = 'telegram')
    AND k.collection_rows = (SELECT COUNT(*) FROM collection_rows r WHERE r.plugin_id = 'telegram')";

/// Events of conversations that are no more and say more than that something happened.
const TELLING: &str = "SELECT COUNT(*) FROM events e WHERE e.conversation_id IS NOT NULL AND e.data <> '{}'
    AND NOT EXISTS (SELECT 1 FROM conversations c WHERE c.workspace_id = e.workspace_id AND c.id = e.conversation_id)";

type Change = Box<dyn FnOnce(&mut Config)>;

on_both_scenes! {
    nothing_is_left_of_who_is_erased_and_all_of_everybody_else,
}

struct Scene {
    server: Server,
    provider: Provider,
    admin: Client,
    channel: String,
    /// Of the website.
    chat: String,
}

impl Scene {
    async fn set(start: impl AsyncFnOnce(Clock, Change) -> Option<Server>) -> Option<Self> {
        let (provider, address) = Provider::start().await;
        let change: Change = Box::new(move |config| {
            std::fs::create_dir_all(&config.plugins_dir).expect("a folder");
            for name in ["telegram.wasm", "widget.wasm", "classification.wasm"] {
                let package = connector().with_file_name(name);
                std::fs::copy(package, config.plugins_dir.join(name)).expect("copied");
            }
            config.dev.enabled = true;
            let stand_in: url::Url = format!("http://{address}").parse().expect("a URL");
            config.dev.http_map.0 = vec![("api.telegram.org".to_owned(), stand_in)];
        });
        let server = start(Clock::at(NOON), change).await?;
        let admin = server.admin().await;
        let settings = json!({"bot_token": &BOT[4..], "webhook_secret": "sss"});
        let channel = connect(&admin, "telegram", settings).await;
        let chat = connect(&admin, "widget", json!({"ask_name": "required"})).await;
        Some(Self {
            server,
            provider,
            admin,
            channel,
            chat,
        })
    }

    /// Somebody writes, with a file.
    async fn writes(&self, update: i64, person: &Value, text: &str) {
        let chat =
            json!({"id": person["id"], "type": "private", "first_name": person["first_name"]});
        let file =
            json!({"file_id": "DOC", "file_unique_id": "u", "file_name": format!("{text}.pdf")});
        let message = json!({"message_id": update, "date": 1_795_348_700, "chat": chat, "from": person, "document": file, "caption": text});
        self.tells(&json!({"update_id": update, "message": message}))
            .await;
    }

    /// She says it otherwise, and likes a message that never came.
    async fn corrects_and_reacts(&self, person: &Value, text: &str) {
        let chat = json!({"id": person["id"], "type": "private"});
        let edited = json!({"message_id": 1, "date": 1_795_348_700, "edit_date": 1_795_348_750, "chat": chat, "from": person, "text": text});
        self.tells(&json!({"update_id": 50, "edited_message": edited}))
            .await;
        let liked = json!([{"type": "emoji", "emoji": "👍"}]);
        let reaction = json!({"chat": chat, "message_id": 99, "user": person, "date": 1_795_348_760, "old_reaction": [], "new_reaction": liked});
        self.tells(&json!({"update_id": 51, "message_reaction": reaction}))
            .await;
    }

    /// She writes on the website; gives what her browser keeps.
    async fn visits(&self, text: &str) -> String {
        let client = self.server.client();
        let ask = async |path: &str, token: &str, body: Value| {
            let path = format!("/hooks/{}{path}", self.chat);
            let headers = [
                ("authorization", token),
                ("content-type", "application/json"),
            ];
            let body = body.to_string().into_bytes();
            let reply = client.raw(Method::POST, &path, &headers, body).await;
            reply.expect(StatusCode::OK)
        };
        let opened = ask("/open", "", json!({})).await;
        let token = format!("Bearer {}", opened["token"].as_str().expect("a token"));
        let said = json!({"id": "c-0000001", "text": text, "form": {"name": "Mafalda no site"}});
        ask("/message", &token, said).await;
        token
    }

    /// What her browser is told that comes back.
    async fn returns(&self, token: &str) -> StatusCode {
        let path = format!("/hooks/{}/history", self.chat);
        let client = self.server.client();
        let headers = [("authorization", token)];
        let reply = client.raw(Method::GET, &path, &headers, Vec::new()).await;
        reply.status
    }

    async fn tells(&self, update: &Value) {
        let signed = [("x-telegram-bot-api-secret-token", "sss")];
        let path = format!("/hooks/{}", self.channel);
        let client = self.server.client();
        let body = update.to_string().into_bytes();
        let reply = client.raw(Method::POST, &path, &signed, body).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    }

    /// The conversation with who is called so.
    async fn with(&self, folder: &str, name: &str) -> Value {
        let path = format!("/conversations?folder={folder}");
        let page = self.admin.get(&path).await.expect(StatusCode::OK);
        let items = page["items"].as_array().expect("items");
        let found = items.iter().find(|it| it["contact"]["name"] == name);
        found.expect("a conversation").clone()
    }

    /// The provider has what people send, and a picture of each.
    fn has_files(&self) {
        let photos =
            json!([[{"file_id": "ROSTO", "file_unique_id": "r", "width": 640, "height": 640}]]);
        let said = json!({"ok": true, "result": {"total_count": 1, "photos": photos}});
        let method = |name: &str| format!("{BOT}/{name}");
        let answer = |path: String, it: Answer| self.provider.answers(&path, vec![it]);
        answer(method("getUserProfilePhotos"), Answer::json(&said));
        let place = json!({"ok": true, "result": {"file_id": "X", "file_unique_id": "x", "file_path": "photos/f.jpg"}});
        answer(method("getFile"), Answer::json(&place));
        answer(
            format!("/file{BOT}/photos/f.jpg"),
            Answer::bytes(&picture()),
        );
        answer(method("sendMessage"), Answer::status(503));
        let sent = |number: i64| {
            let chat = json!({"id": 900_000_077, "type": "private"});
            let message = json!({"message_id": number, "date": 1_795_348_800, "chat": chat});
            Answer::json(&json!({"ok": true, "result": message}))
        };
        let all = (70..80).map(sent).collect();
        self.provider.answers(&method("sendDocument"), all);
    }

    /// Every text of every table, in small letters.
    async fn dump(&self) -> String {
        self.texts().await.to_lowercase()
    }

    async fn texts(&self) -> String {
        let config = &self.server.app.config;
        let mut dump = String::new();
        if let Some(url) = &config.database_url {
            let mut db = PgConnection::connect(&url.0).await.expect("the database");
            let names: Vec<String> = sqlx::query_scalar("SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'")
                .fetch_all(&mut db)
                .await
                .expect("tables");
            for name in names {
                let sql = format!("SELECT COALESCE(string_agg(t::text, ' '), '') FROM {name} t");
                let rows: String = sqlx::query_scalar(AssertSqlSafe(sql))
                    .fetch_one(&mut db)
                    .await
                    .expect("rows");
                dump.push_str(&format!("\n{name}: {rows}"));
            }
            dump.push('\n');
            return dump;
        }
        let url = format!("sqlite://{}", config.data_dir.join("balcao.db").display());
        let mut db = SqliteConnection::connect(&url).await.expect("the database");
        let columns: Vec<(String, String)> = sqlx::query_as(
            "SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table' AND m.name NOT LIKE 'search_words%'",
        )
        .fetch_all(&mut db)
        .await
        .expect("columns");
        for (table, column) in columns {
            let sql = format!(
                "SELECT COALESCE(group_concat(CAST(\"{column}\" AS TEXT), ' '), '') FROM \"{table}\""
            );
            let rows: String = sqlx::query_scalar(AssertSqlSafe(sql))
                .fetch_one(&mut db)
                .await
                .unwrap_or_default();
            dump.push_str(&format!("\n{table}.{column}: {rows}"));
        }
        // The index has the words alone.
        sqlx::query("CREATE VIRTUAL TABLE temp.words USING fts5vocab (main, search_words, row)")
            .execute(&mut db)
            .await
            .expect("the words");
        let words: Vec<String> = sqlx::query_scalar("SELECT term FROM temp.words")
            .fetch_all(&mut db)
            .await
            .expect("words");
        dump.push_str(&format!("\nsearch_words: {}\n", words.join(" ")));
        dump
    }

    fn kept(&self) -> usize {
        let root = self.server.app.config.data_dir.join("files");
        let workspaces = std::fs::read_dir(root).expect("a folder");
        let count = |it: std::io::Result<std::fs::DirEntry>| {
            let folder = it.expect("a folder").path();
            std::fs::read_dir(folder).expect("a folder").count()
        };
        workspaces.map(count).sum()
    }
}

fn picture() -> Vec<u8> {
    let picture = image::RgbImage::from_pixel(30, 40, image::Rgb([90; 3]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    let written = picture.write_to(&mut bytes, image::ImageFormat::Png);
    written.expect("a PNG");
    bytes.into_inner()
}

async fn nothing_is_left_of_who_is_erased_and_all_of_everybody_else(scene: Scene) {
    scene.has_files();
    let admin = &scene.admin;
    let her = json!({"id": 900_000_077, "is_bot": false, "first_name": "Mafalda", "username": "mafalda_lima"});
    let him = json!({"id": 900_000_078, "is_bot": false, "first_name": "Ari"});
    scene.writes(1, &her, "quindim combinado").await;
    scene.writes(2, &him, "bom dia").await;
    let token = scene.visits("outro quindim").await;
    let (hers, his, chat) = (
        scene.with("queued", "Mafalda").await,
        scene.with("queued", "Ari").await,
        scene.with("queued", "Mafalda no site").await,
    );
    let path = |it: &Value, rest: &str| {
        let id = it["id"].as_str().expect("an id");
        format!("/conversations/{id}{rest}")
    };
    let contact_of = |it: &Value| it["contact"]["id"].as_str().expect("an id").to_owned();
    let (contact, visitor) = (contact_of(&hers), contact_of(&chat));
    let erase = format!("/contacts/{contact}");
    // One file goes to both, another to her alone.
    let shared = admin.upload("", "tabela.pdf", b"%PDF-1.7 prices").await;
    let shared = shared.expect(StatusCode::CREATED)["id"].clone();
    let own = admin.upload("", "proposta.pdf", b"%PDF-1.7 for her").await;
    let own = own.expect(StatusCode::CREATED)["id"].clone();
    for (conversation, text, files) in [
        (&hers, "Combinado, Mafalda", json!([own])),
        (&hers, "Combinado, Mafalda", json!([shared])),
        (&his, "Segue", json!([shared])),
        (&chat, "Combinado no site, Mafalda", json!([])),
    ] {
        let ask = json!({"text": text, "attachments": files});
        let said = admin.post(&path(conversation, "/messages"), &ask).await;
        said.expect(StatusCode::CREATED);
    }
    until_so("all has come and gone", async || {
        let mut tx = scene.server.app.store.read().await.expect("reads");
        let portraits = tx.next_portrait_at().await.expect("reads");
        let fetches = tx.next_fetch_at().await.expect("reads");
        drop(tx);
        let dump = scene.dump().await;
        let sends = dump.contains("\nsends: \n") || dump.contains("\nsends.message_id: \n");
        portraits.is_none() && fetches.is_none() && sends
    })
    .await;
    scene.corrects_and_reacts(&her, "quindim emendado").await;
    // What the provider does not take waits.
    let late = json!({"text": "Combinado para amanhã"});
    let waits = admin.post(&path(&hers, "/messages"), &late).await;
    waits.expect(StatusCode::CREATED);
    // An app and the connector keep something about her, by either name; and about him.
    let channel = &scene.channel;
    for (key, about) in [
        ("a", contact.as_str()),
        ("b", &format!("{channel}/900000077")),
        ("c", &format!("{channel}/900000078")),
    ] {
        for statement in [
            format!(
                "INSERT INTO storage (workspace_id, plugin_id, key, value, revision, about) SELECT id, 'telegram', '{key}', '\"of {about}\"', 1, '{about}' FROM workspaces"
            ),
            format!(
                "INSERT INTO collection_rows (workspace_id, plugin_id, collection, key, row, about) SELECT id, 'telegram', 'notes', '{key}', '{{\"of\":\"{about}\"}}', '{about}' FROM workspaces"
            ),
        ] {
            scene.server.beside(&statement).await;
        }
    }
    let before = scene.dump().await;
    for it in HERS {
        assert!(before.contains(it), "the test looks in vain for {it}");
    }
    for table in [
        "sends",
        "message_versions",
        "pending_states",
        "visitor_events",
        "storage",
        "collection_rows",
    ] {
        let rows = |line: &str| line.starts_with(table) && !line.ends_with(": ");
        assert!(
            before.lines().any(rows),
            "the test brings nothing to {table}"
        );
    }
    assert_eq!(scene.kept(), 6, "two of each, and two of ours");

    let (_, agent) = scene.server.user(admin, "Ana", "agent").await;
    assert_eq!(agent.delete(&erase).await.problem(403), "denied");
    let open = admin.delete(&erase).await;
    assert!(open.text.contains("Conclua antes"), "{}", open.text);
    assert_eq!(open.problem(409), "state");
    for it in [&hers, &chat] {
        let done = admin
            .post(&path(it, "/conclude"), &json!({"summary": "quindim"}))
            .await;
        done.expect(StatusCode::OK);
    }
    let concluded = async || {
        admin
            .get("/conversations/counters")
            .await
            .expect(StatusCode::OK)["concluded"]
            .clone()
    };
    assert_eq!(concluded().await, 2);
    until_so("it is in the index", async || {
        let found = admin
            .get("/conversations?folder=concluded&q=emendado")
            .await;
        found.expect(StatusCode::OK)["items"][0]["id"] == hers["id"]
    })
    .await;

    assert_eq!(scene.returns(&token).await, StatusCode::OK);
    for who in [&contact, &visitor] {
        let erased = admin.delete(&format!("/contacts/{who}")).await;
        assert_eq!(erased.status, StatusCode::NO_CONTENT, "{}", erased.text);
    }
    let after = scene.dump().await;
    for it in HERS {
        let left: Vec<&str> = after.lines().filter(|line| line.contains(it)).collect();
        assert_eq!(left, [""; 0], "{it}");
    }
    for it in [&contact, &visitor] {
        let lines = after.lines().filter(|line| line.contains(it.as_str()));
        // That she was erased is noted by her id, which says nothing of her.
        let left = lines.filter(|line| !(line.starts_with("events") || line.starts_with("audit")));
        assert_eq!(left.collect::<Vec<_>>(), [""; 0], "{it}");
    }
    assert!(
        after.contains("of ") && after.contains("/900000078"),
        "his stays"
    );
    assert_eq!(scene.server.number(TELLING).await, 0);
    assert_eq!(
        scene.server.number(COUNTED).await,
        1,
        "what is left is counted"
    );
    assert_eq!(scene.kept(), 3, "his two, and what he was sent");
    assert_eq!(admin.get(&erase).await.problem(404), "not_found");
    assert_eq!(admin.get(&path(&hers, "")).await.problem(404), "not_found");
    assert_eq!(admin.delete(&erase).await.problem(404), "not_found");
    assert_eq!(concluded().await, 0);
    let found = admin
        .get("/conversations?folder=concluded&q=emendado")
        .await;
    assert_eq!(found.expect(StatusCode::OK)["items"], json!([]));
    let whole = admin.get(&path(&his, "/timeline")).await;
    let whole = whole.expect(StatusCode::OK);
    assert!(whole.to_string().contains("bom dia") && whole.to_string().contains("Segue"));
    // Whoever writes again is somebody new, also by the same browser.
    assert_eq!(scene.returns(&token).await, StatusCode::UNAUTHORIZED);
    scene.writes(3, &her, "oi").await;
    let again = scene.with("queued", "Mafalda").await;
    assert_ne!(again["contact"]["id"], contact);
    scene.server.end().await;
}
