//! What visitors upload, and how much of it.

use crate::common::{Server, packages::connect, workspace_of};
use crate::{BYTES_A_DAY, Browser, DAY, PICTURE, SECOND, UNSENT, offering};
use balcao::{clock::Clock, jobs};
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::time::Duration;

on_both! {
    a_file_is_its_visitors_alone_and_forgotten_where_it_is_not_sent,
    a_network_may_leave_so_many_files_unsent_and_send_so_many_bytes_a_day_as_whomever_it_comes,
}

async fn a_file_is_its_visitors_alone_and_forgotten_where_it_is_not_sent(server: Server) {
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let browser = Browser::open(&server, &channel).await;
    let thief = Browser::open(&server, &channel).await;
    let kept = browser.uploads(PICTURE).await.expect(StatusCode::CREATED);
    assert_eq!(
        (&kept["mime"], &kept["name"]),
        (&json!("image/gif"), &json!("foto.gif"))
    );
    let file = json!({"media": kept["media"], "mime": kept["mime"], "name": kept["name"], "size": kept["size"]});
    let message = json!({"id": "c-00000001", "text": "veja", "files": [file]});
    let stolen = thief.ask("message", &message).await;
    assert_eq!(
        stolen.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        stolen.text
    );
    let id = kept["media"]
        .as_str()
        .unwrap()
        .strip_prefix("media:")
        .unwrap();
    let path = format!("/files/{id}");
    assert_eq!(
        admin.get(&path).await.status,
        StatusCode::NOT_FOUND,
        "not sent yet"
    );

    browser
        .ask("message", &message)
        .await
        .expect(StatusCode::OK);
    assert_eq!(admin.get(&path).await.text.as_bytes(), PICTURE);
    let shown = browser.history().await;
    assert_eq!(shown[0]["kind"], "image");
    let link = shown[0]["files"][0]["url"].as_str().expect("a link");
    let link = link.strip_prefix(&browser.client.base).expect("here");
    let fetched = server
        .client()
        .raw(Method::GET, link, &[], Vec::new())
        .await;
    assert_eq!(fetched.text.as_bytes(), PICTURE);
    assert_eq!(
        fetched.header("cross-origin-resource-policy"),
        Some("cross-origin")
    );
    let stolen = thief.ask("message", &message).await;
    assert_eq!(
        stolen.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        stolen.text
    );
    assert!(thief.history().await.is_empty());

    let unsent = browser
        .uploads(b"%PDF-1.7 never sent")
        .await
        .expect(StatusCode::CREATED);
    let files = server
        .app
        .config
        .data_dir
        .join("files")
        .join(workspace_of(&admin).await.to_string());
    let count = || std::fs::read_dir(&files).unwrap().count();
    assert_eq!(count(), 2);
    server.app.clock.advance(DAY + Duration::from_secs(1));
    jobs::purge::look(&server.app).await.unwrap();
    assert_eq!(count(), 1, "{unsent}");
    assert_eq!(browser.history().await[0]["kind"], "image");
    server.end().await;
}

async fn a_network_may_leave_so_many_files_unsent_and_send_so_many_bytes_a_day_as_whomever_it_comes(
    server: Server,
) {
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let file = [b"%PDF-1.7 ".as_slice(), &[b'x'; 391]].concat();
    let size = file.len();
    // Another visitor for each file: that costs nothing.
    let mut sent = 0;
    for round in 0..2 {
        for _ in 0..UNSENT {
            let browser = Browser::open(&server, &channel).await;
            let kept = browser.uploads(&file).await.expect(StatusCode::CREATED);
            if round == 0 {
                continue;
            }
            let said = json!({"id": "c-00000001", "files": [{"media": kept["media"], "mime": "application/pdf"}]});
            browser.ask("message", &said).await.expect(StatusCode::OK);
            sent += 1;
        }
        let browser = Browser::open(&server, &channel).await;
        if round == 0 {
            let full = browser.uploads(&file).await;
            assert_eq!(full.header("retry-after"), Some("60"));
            assert_eq!(full.problem(429), "rate_limited");
            server.app.clock.advance(DAY + SECOND);
            jobs::purge::look(&server.app).await.unwrap();
        }
    }
    assert_eq!(sent, UNSENT);
    // Nothing is left unsent now, but the day has so many bytes.
    let browser = Browser::open(&server, &channel).await;
    let mut left = BYTES_A_DAY - sent * size;
    while left >= size {
        let kept = browser.uploads(&file).await;
        if kept.status == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
        let kept = kept.expect(StatusCode::CREATED);
        let id = format!("c-{left:08}");
        let said =
            json!({"id": id, "files": [{"media": kept["media"], "mime": "application/pdf"}]});
        browser.ask("message", &said).await.expect(StatusCode::OK);
        left -= size;
    }
    let full = Browser::open(&server, &channel).await.uploads(&file).await;
    assert_eq!(full.header("retry-after"), Some("3600"));
    assert_eq!(full.problem(429), "rate_limited");
    let files = server
        .app
        .config
        .data_dir
        .join("files")
        .join(workspace_of(&admin).await.to_string());
    let count = std::fs::read_dir(&files).unwrap().count();
    assert_eq!(
        count,
        (BYTES_A_DAY - left) / size,
        "nothing of what was refused"
    );
    // Another channel is another matter.
    let asked = json!({"plugin_id": "widget", "name": "Outra", "team_id": null, "settings": {}});
    let other = admin.post("/channels", &asked).await;
    let other = other.expect(StatusCode::CREATED)["id"].clone();
    let elsewhere = Browser::open(&server, other.as_str().unwrap()).await;
    elsewhere.uploads(&file).await.expect(StatusCode::CREATED);
    server.end().await;
}

#[tokio::test]
async fn a_visitor_may_send_so_many_bytes_a_day_from_wherever() {
    let server = Server::start_at(Clock::at(0), |config| {
        offering(config);
        config.limits.visitor_body = 2_048;
        config.limits.unsent_per_address = 60.try_into().expect("not 0");
        config.limits.uploads_per_address = 60.try_into().expect("not 0");
        config.limits.upload_bytes_per_address = 1 << 20;
    })
    .await;
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let browser = Browser::open(&server, &channel).await;
    // Ten of the largest.
    let file = [b'x'; 1_800];
    for _ in 0..=20_480 / file.len() {
        browser.uploads(&file).await.expect(StatusCode::CREATED);
    }
    let full = browser.uploads(&file).await;
    assert_eq!(full.header("retry-after"), Some("3600"));
    assert_eq!(full.problem(429), "rate_limited");
    let other = Browser::open(&server, &channel).await;
    other.uploads(&file).await.expect(StatusCode::CREATED);
    server.app.clock.advance(DAY + SECOND);
    browser.uploads(&file).await.expect(StatusCode::CREATED);
    server.end().await;
}

#[tokio::test]
async fn a_visitor_uploads_files_up_to_the_channels_own_bound() {
    let server = Server::start_with(|config| {
        offering(config);
        config.limits.upload_bytes_per_address = 1 << 20;
    })
    .await;
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let bound = json!({"max_file_bytes": 100_000});
    let path = format!("/channels/{channel}");
    admin.patch(&path, &bound).await.expect(StatusCode::OK);
    let browser = Browser::open(&server, &channel).await;
    let refused = browser.uploads(&[b'x'; 100_001]).await;
    assert_eq!(refused.problem(413), "too_large");
    let kept = browser.uploads(&[b'x'; 100_000]).await;
    kept.expect(StatusCode::CREATED);
    server.end().await;
}
