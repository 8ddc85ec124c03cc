//! Pictures: without where they were taken, and smaller for the list.

use crate::{MOST, Scene, given, photograph, tells_the_place};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::path::PathBuf;

on_both_scenes! {
    a_photograph_loses_where_it_was_taken_and_is_shown_smaller,
    a_picture_that_would_fill_the_memory_is_only_saved,
    pictures_from_before_anybody_looked_lose_their_place_and_get_a_smaller_one,
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
