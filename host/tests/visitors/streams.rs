//! What comes live to a visitor, also after they were away.

use crate::common::{Client, Server, packages::connect, screen::NOT_MUCH, until_so, workspace_of};
use crate::{Browser, SECOND, answers, offering, served};
use balcao::{
    clock::Clock,
    jobs,
    realtime::visitors::{self, Place, Shown},
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::mpsc;

on_both! {
    what_was_missed_comes_once_and_in_order_to_whoever_comes_back_also_after_a_restart,
    a_reader_that_takes_too_long_is_let_go_and_misses_nothing,
}

async fn what_was_missed_comes_once_and_in_order_to_whoever_comes_back_also_after_a_restart(
    server: Server,
) {
    let mut admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let mut browser = Browser::open(&server, &channel).await;
    let mut another = Browser::open(&server, &channel).await;
    let mut live = browser.stream(None).await;
    assert_eq!(live.next().await.kind, "host-ready");
    let mut others = another.stream(None).await;
    let begin = others.next().await;
    for _ in 0..2 {
        // The same again is the same message.
        browser
            .says("c-00000001", "Olá")
            .await
            .expect(StatusCode::OK);
    }
    let conversation = served(&admin).await;
    server.app.clock.advance(SECOND);
    answers(&admin, &conversation, "um").await;
    let mut texts = Vec::new();
    let mut last = String::new();
    while !texts.contains(&"um".to_owned()) {
        let event = live.said().await;
        texts.push(event.data["text"].as_str().unwrap().to_owned());
        last = event.id;
    }
    texts.dedup();
    assert_eq!(texts, ["Olá", "um"]);
    drop(live);

    server.app.clock.advance(SECOND);
    answers(&admin, &conversation, "dois").await;
    let sent = async |admin: &Client, count: usize| {
        until_so("sent", async || {
            let path = format!("/conversations/{conversation}/timeline");
            let page = admin.get(&path).await.expect(StatusCode::OK);
            let items = page["items"].as_array().unwrap().iter();
            items
                .filter(|it| it["type"] == "message" && it["state"] == "sent")
                .count()
                == count
        })
        .await;
    };
    sent(&admin, 2).await;
    let server = server.again().await;
    let base = format!("http://{}", server.address);
    for client in [&mut admin, &mut browser.client, &mut another.client] {
        client.base.clone_from(&base);
    }
    server.app.clock.advance(SECOND);
    answers(&admin, &conversation, "três").await;
    sent(&admin, 3).await;
    let mut live = browser.stream(Some(&last)).await;
    for expected in ["dois", "três"] {
        let event = live.said().await;
        assert_eq!(
            (event.kind.as_str(), &event.data["text"]),
            ("message", &json!(expected))
        );
    }
    server.app.clock.advance(SECOND);
    answers(&admin, &conversation, "quatro").await;
    assert_eq!(live.said().await.data["text"], "quatro", "and goes on live");

    // Nobody else has seen anything of it.
    let mut others = another.stream(Some(&begin.id)).await;
    another
        .says("c-00000002", "eu")
        .await
        .expect(StatusCode::OK);
    assert_eq!(others.said().await.data["text"], "eu");

    let texts: Vec<_> = browser
        .history()
        .await
        .iter()
        .map(|it| it["text"].clone())
        .collect();
    assert_eq!(texts, ["Olá", "um", "dois", "três", "quatro"]);

    // Too long ago, or never given out: the window loads anew.
    server.app.clock.advance(Duration::from_secs(3 * 3600));
    jobs::purge::look(&server.app).await.unwrap();
    for stale in [last.as_str(), "0", "x", "9223372036854775807"] {
        let event = browser.stream(Some(stale)).await.next().await;
        assert_eq!(event.kind, "host-resync", "{stale}");
    }
    server.end().await;
}

async fn a_reader_that_takes_too_long_is_let_go_and_misses_nothing(server: Server) {
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let browser = Browser::open(&server, &channel).await;
    let place = Place {
        channel: channel.parse().unwrap(),
        visitor: browser.visitor.clone(),
    };
    let workspace = workspace_of(&admin).await;
    let listen = |from| {
        let (out, shown) = mpsc::channel(1);
        let serving = visitors::serve(server.app.clone(), workspace, place.clone(), from, out);
        (tokio::spawn(serving), shown)
    };
    let (serving, mut shown) = listen(None);
    assert!(matches!(shown.recv().await, Some(Shown::Ready { .. })));
    let expected: Vec<String> = (0..120).map(|it| format!("n-{it:08}")).collect();
    for id in &expected {
        browser.says(id, id).await.expect(StatusCode::OK);
    }
    tokio::time::timeout(NOT_MUCH, serving)
        .await
        .expect("let go")
        .unwrap();
    let pushed = |it: Shown| match it {
        Shown::Pushed(it) => {
            let data: Value = serde_json::from_str(&it.data).unwrap();
            (data["id"].as_str().unwrap().to_owned(), it.number)
        }
        other => panic!("{other:?}"),
    };
    let mut seen = Vec::new();
    let mut last = None;
    while let Some(it) = shown.recv().await {
        let (id, number) = pushed(it);
        seen.push(id);
        last = Some(number);
    }
    let (_serving, mut shown) = listen(last);
    while seen.len() < expected.len() {
        seen.push(pushed(shown.recv().await.expect("more")).0);
    }
    assert_eq!(seen, expected);
    server.end().await;
}

#[tokio::test]
async fn what_one_server_commits_another_shows_to_a_visitor() {
    let server = Server::start_on_postgres_at("two_servers", Clock::default(), offering).await;
    let Some(server) = server else { return };
    let admin = server.admin().await;
    let channel = connect(&admin, "widget", json!({})).await;
    let second = server.second().await;
    let mut browser = Browser::open(&server, &channel).await;
    browser
        .says("c-00000001", "Olá")
        .await
        .expect(StatusCode::OK);
    let conversation = served(&admin).await;
    browser.client = second.client();
    let mut live = browser.stream(None).await;
    assert_eq!(live.next().await.kind, "host-ready");
    answers(&admin, &conversation, "Bom dia").await;
    assert_eq!(live.said().await.data["text"], "Bom dia");
    drop(live);
    second.end().await;
    server.end().await;
}
