//! People's pictures, as their channel shows them.

use crate::common::{provider::Answer, screen::heard, screen::screen, screen::until, until_so};
use crate::{BOT, NOON, SECOND, Scene, bot, of_channel, photograph, tells_the_place, writes};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{path::PathBuf, time::Duration};

on_both_scenes! {
    a_persons_picture_is_a_small_square_that_says_nothing_of_where_it_was_taken,
    a_persons_picture_is_renewed_after_a_week_and_goes_with_its_bytes,
    a_picture_that_does_not_come_is_tried_again_and_one_that_is_none_is_not,
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
