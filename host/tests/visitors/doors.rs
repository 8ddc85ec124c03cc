//! Who may ask, how often, and what everybody may read.

use crate::common::{Server, packages::connect, packages::enable, until_so};
use crate::{Browser, PICTURE, SITE, offering};
use balcao::config::Config;
use reqwest::{Method, StatusCode};
use serde_json::json;

on_both! {
    what_anybodys_browser_asks_of_an_app_that_is_off_is_not_kept,
}

async fn what_anybodys_browser_asks_of_an_app_that_is_off_is_not_kept(server: Server) {
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let browser = Browser::open(&server, &channel).await;
    let off = admin.post("/plugins/widget/disable", &json!({})).await;
    off.expect(StatusCode::OK);
    for reply in [
        browser.get("config").await,
        browser.ask("open", &json!({})).await,
        browser.says("c-00000001", "Olá").await,
        browser.get("_/stream").await,
        browser.uploads(PICTURE).await,
    ] {
        assert_eq!(reply.problem(503), "unavailable");
    }
    let parked = admin.get("/parked").await.expect(StatusCode::OK);
    assert_eq!(parked["items"], json!([]));
    enable(&admin, "widget").await;
    // What the browser has kept goes then, once.
    let said = browser.says("c-00000001", "Olá").await;
    said.expect(StatusCode::OK);
    assert_eq!(browser.history().await.len(), 1);
    server.end().await;
}

#[tokio::test]
async fn pages_of_other_sites_are_refused_and_allowed_ones_can_read_every_answer() {
    let server = Server::start_with(offering).await;
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({"origins": [SITE]})).await;
    let mut good = Browser::at(&server, &channel, SITE);
    let opened = good.ask("open", &json!({})).await;
    let cors = "access-control-allow-origin";
    assert_eq!(opened.header(cors), Some(SITE));
    assert_eq!(opened.header("vary"), Some("origin"));
    good.is(&opened.expect(StatusCode::OK));
    for (method, path) in [
        (Method::GET, "config"),
        (Method::GET, "_/stream"),
        (Method::POST, "_/upload"),
        (Method::POST, "message"),
    ] {
        for origin in ["https://evil.example", "null", ""] {
            let evil = Browser {
                client: server.client(),
                channel: channel.clone(),
                origin,
                token: good.token.clone(),
                visitor: String::new(),
            };
            let reply = evil.send(method.clone(), path, &[], b"{}".to_vec()).await;
            // That it is refused may be read, so that no script asks for ever; nothing else may.
            let readable = Some(origin).filter(|it| !it.is_empty());
            assert_eq!(reply.header(cors), readable, "{path} {origin}");
            assert_eq!(reply.problem(403), "denied", "{path} {origin}");
        }
        let asks = [("access-control-request-method", method.as_str())];
        for channel in [channel.as_str(), "chn_01kax0000000000000000000000", "x"] {
            let there = Browser::at(&server, channel, "https://evil.example");
            let reply = there.send(Method::OPTIONS, path, &asks, Vec::new()).await;
            assert_eq!(reply.status, StatusCode::NO_CONTENT, "{path} {channel}");
        }
        let gone = Browser::at(&server, "chn_01kax0000000000000000000000", SITE);
        let reply = gone.send(method.clone(), path, &[], b"{}".to_vec()).await;
        assert_eq!(reply.header(cors), Some(SITE), "{path}");
        assert_eq!(reply.problem(404), "not_found", "{path}");
        let reply = good.send(Method::OPTIONS, path, &asks, Vec::new()).await;
        assert_eq!(
            (reply.status, reply.header(cors)),
            (StatusCode::NO_CONTENT, Some(SITE)),
            "{path}"
        );
        let allowed = reply.header("access-control-allow-headers").unwrap();
        assert!(allowed.contains("authorization") && allowed.contains("last-event-id"));
    }
    // Also what is wrong can be read by the page.
    let nobody = Browser::at(&server, &channel, SITE);
    let reply = nobody.get("_/stream").await;
    assert_eq!(reply.header(cors), Some(SITE));
    assert_eq!(reply.problem(401), "unauthenticated");
    server.end().await;
}

#[tokio::test]
async fn a_site_that_is_written_wrongly_is_refused_and_shuts_nobody_out() {
    let server = Server::start_with(offering).await;
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({"origins": [SITE]})).await;
    let path = format!("/channels/{channel}");
    let set = async |site: &str| {
        let origins = json!({"settings": {"origins": [site]}});
        admin.patch(&path, &origins).await.status
    };
    for wrong in [
        "",
        "*",
        "loja.com.br",
        "https://",
        "https://loja.com.br/chat",
        "https://loja.*.br",
        "https://loja.com.br:porta",
        "https://loja.com.br:65536",
        "ftp://loja.com.br",
        "https://a b",
        "https://.loja.com.br",
    ] {
        assert_eq!(
            set(wrong).await,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{wrong}"
        );
    }
    let shown = admin.get(&path).await.expect(StatusCode::OK);
    assert_eq!(shown["settings"]["origins"], json!([SITE]));
    for good in [
        "https://loja.com.br",
        "https://loja.com.br/",
        "https://*.loja.com.br",
        "http://localhost:8000",
        "http://127.0.0.1:65535",
    ] {
        assert_eq!(set(good).await, StatusCode::OK, "{good}");
    }
    server.end().await;
}

#[tokio::test]
async fn the_script_comes_with_the_package_and_nothing_else_of_it_does() {
    let server = Server::start_with(offering).await;
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({"origins": [SITE]})).await;
    let client = server.client();
    let get = async |name: &str, headers: &[(&str, &str)]| {
        let path = format!("/hooks/{channel}/_/{name}");
        client.raw(Method::GET, &path, headers, Vec::new()).await
    };
    let plain = get("asset/widget.js", &[]).await;
    assert_eq!(plain.status, StatusCode::OK);
    assert_eq!(
        plain.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    assert_eq!(plain.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(plain.header("cache-control"), Some("public, max-age=300"));
    assert_eq!(
        plain.header("cross-origin-resource-policy"),
        Some("cross-origin")
    );
    assert!(plain.text.contains("attachShadow"));
    let tag = plain.header("etag").unwrap();
    assert_eq!(
        get("asset/widget.js", &[("if-none-match", tag)])
            .await
            .status,
        StatusCode::NOT_MODIFIED
    );
    let packed = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/hooks/{channel}/_/asset/widget.js", client.base);
    let packed = packed
        .get(url)
        .header("accept-encoding", "gzip")
        .send()
        .await
        .unwrap();
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let bytes = packed.bytes().await.unwrap().len();
    assert!(
        bytes < 30_000,
        "{bytes} bytes are more than a page should wait for"
    );
    for other in [
        "asset/settings.schema.json",
        "asset/icon.svg",
        "asset/../plugin.toml",
        "config",
        "",
        "anything/else",
    ] {
        assert_eq!(get(other, &[]).await.problem(404), "not_found", "{other}");
    }
    server.end().await;
}

#[tokio::test]
async fn an_address_has_so_many_requests_files_and_streams() {
    let few = |config: &mut Config| {
        offering(config);
        config.limits.visits_per_address = 12.try_into().expect("not 0");
        config.limits.uploads_per_address = 2.try_into().expect("not 0");
        config.limits.streams_per_address = 2.try_into().expect("not 0");
        config.limits.visitor_body = 2_048;
    };
    let server = Server::start_with(few).await;
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let browser = Browser::open(&server, &channel).await;
    let one = browser.stream(None).await;
    let _two = browser.stream(None).await;
    assert_eq!(browser.get("_/stream").await.problem(429), "rate_limited");
    drop(one);
    until_so("its place is free again", async || {
        server
            .app
            .visitor_streams
            .seat([127, 0, 0, 1].into(), 2)
            .is_some()
    })
    .await;
    assert_eq!(
        browser.uploads(&[b'x'; 4_096]).await.problem(413),
        "too_large"
    );
    browser.uploads(PICTURE).await.expect(StatusCode::CREATED);
    let reply = browser.uploads(PICTURE).await;
    assert!(reply.header("retry-after").is_some());
    assert_eq!(reply.problem(429), "rate_limited");
    let mut refused = None;
    for _ in 0..12 {
        let reply = browser.get("config").await;
        if reply.status == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(reply);
        }
    }
    let refused = refused.expect("at last");
    assert_eq!(refused.header("access-control-allow-origin"), Some(SITE));
    assert_eq!(refused.problem(429), "rate_limited");
    let stream = browser.get("_/stream").await;
    assert_eq!(
        stream.problem(429),
        "rate_limited",
        "streams are visits too"
    );
    server.end().await;
}
