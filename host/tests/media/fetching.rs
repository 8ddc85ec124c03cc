//! Files that contacts send: fetched after the message is there, in two steps, by whoever lives, once; and how they are given back.

use crate::common::{
    Reply, Server, packages::connect, provider::Answer, screen::heard, screen::screen,
    screen::until, until_so,
};
use crate::{LEASE, NOON, PICTURE, SECOND, Scene, account, address, given};
use reqwest::{StatusCode, header};
use serde_json::{Value, json};
use std::path::PathBuf;

on_both_scenes! {
    a_file_is_fetched_in_two_steps_and_takes_its_references_place,
    an_address_that_has_expired_is_asked_for_anew,
    what_is_not_what_it_was_announced_as_is_not_kept,
    a_document_without_a_byte_is_not_kept,
    a_host_that_the_app_may_not_speak_to_is_not_asked,
    a_provider_that_is_down_is_asked_again_when_it_wants_to_be,
    what_failed_is_fetched_again_by_whoever_sees_the_conversation,
    a_fetch_whose_server_says_nothing_more_is_taken_up_by_another_and_kept_once,
    a_message_that_is_taken_back_keeps_no_file,
    what_was_fetched_is_given_in_parts_and_cannot_act_as_a_page,
    screens_hear_how_far_a_large_file_is,
    a_channel_whose_provider_is_slow_leaves_places_to_the_others,
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
    let again = again.expect(StatusCode::CONFLICT);
    assert_eq!(
        (&again["code"], &again["reason"]),
        (&json!("state"), &json!("attachment_here"))
    );
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
