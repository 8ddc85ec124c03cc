//! Files on their way out.

use crate::Scene;
use crate::common::{Client, provider::Answer, until_so};
use reqwest::StatusCode;
use serde_json::{Value, json};

on_both_scenes! {
    a_file_larger_than_any_other_request_goes_whole_and_in_its_place,
    a_provider_that_took_the_file_and_then_refused_the_message_leaves_no_doubt,
    files_go_together_where_the_channel_can_and_as_what_was_asked_for,
}

/// Uploads a file to the server; gives its id.
async fn upload(client: &Client, name: &str, bytes: &[u8]) -> String {
    let stored = client.upload("", name, bytes).await;
    let stored = stored.expect(StatusCode::CREATED);
    stored["id"].as_str().expect("an id").to_owned()
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n0123456789";

const MP4: &[u8] = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom";

async fn files_go_together_where_the_channel_can_and_as_what_was_asked_for(scene: Scene) {
    let conversation = scene.served().await;
    let path = format!("/conversations/{conversation}/messages");
    let uploaded = (1..=8)
        .map(|n| Answer::json(&json!({ "id": format!("u{n}") })))
        .collect();
    scene.provider.answers("/upload", uploaded);
    let mut files = Vec::new();
    for (name, bytes) in [
        ("1.png", PNG),
        ("2.mp4", MP4),
        ("3.txt", b"texto".as_slice()),
    ] {
        files.push(upload(&scene.ana, name, bytes).await);
    }
    let what = json!({"text": "Vejam", "attachments": files});
    let album = scene
        .says(&scene.ana, &conversation, what, &["p1", "p2"])
        .await;
    let shown = scene.message(&conversation, &album).await;
    assert_eq!(
        (
            &shown["kind"],
            shown["attachments"].as_array().unwrap().len()
        ),
        (&json!("image"), 2)
    );
    until_so("both are sent", async || scene.provider.count("/send") == 2).await;
    let sent = |n: usize| {
        let it = &scene.provider.told("/send")[n];
        json!([it["kind"], it["text"], it["files"]])
    };
    assert_eq!(sent(0), json!(["image", "Vejam", ["u1", "u2"]]));
    assert_eq!(sent(1), json!(["document", "", ["u3"]]));

    let as_document = json!({"kind": "document", "attachments": [files[0]]});
    scene
        .says(&scene.ana, &conversation, as_document, &["d1"])
        .await;
    assert_eq!(sent(2), json!(["document", "", ["u4"]]));
    let refused = async |what: Value| {
        let reply = scene.ana.post(&path, &what).await;
        assert_eq!(
            reply.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{}",
            reply.text
        );
        reply.text
    };
    // What a file has no room for goes after it.
    let both = json!({"kind": "sticker", "text": "oi", "attachments": [files[0]]});
    scene.says(&scene.ana, &conversation, both, &["s1"]).await;
    until_so("both are sent", async || scene.provider.count("/send") == 5).await;
    assert_eq!(sent(3), json!(["sticker", "", ["u5"]]));
    assert_eq!(sent(4), json!(["text", "oi", []]));
    let long = "vinte e uma letras...";
    let both = json!({"text": long, "attachments": [files[0], files[2]]});
    scene.says(&scene.ana, &conversation, both, &["l1"]).await;
    until_so("all are sent", async || scene.provider.count("/send") == 8).await;
    let kinds: Vec<Value> = (5..8).map(sent).collect();
    let expected = [
        json!(["image", "", ["u6"]]),
        json!(["document", "", ["u7"]]),
        json!(["text", long, []]),
    ];
    assert_eq!(kinds, expected);
    let too_long = refused(json!({"text": "x".repeat(101), "attachments": [files[0]]})).await;
    assert!(too_long.contains("101 > 100"), "{too_long}");
    let nothing = refused(json!({"kind": "video", "text": "oi"})).await;
    assert!(nothing.contains("must not be empty"), "{nothing}");
    let odd = refused(json!({"kind": "carousel", "text": "oi"})).await;
    assert!(odd.contains("must be text, image"), "{odd}");
    assert_eq!(scene.provider.count("/send"), 8);
    scene.end().await;
}

async fn a_provider_that_took_the_file_and_then_refused_the_message_leaves_no_doubt(scene: Scene) {
    let conversation = scene.served().await;
    let file = upload(&scene.ana, "1.png", PNG).await;
    let uploaded = Answer::json(&json!({"id": "u1"}));
    scene.provider.answers("/upload", vec![uploaded]);
    scene.provider.answers("/send", vec![Answer::status(400)]);
    let path = format!("/conversations/{conversation}/messages");
    let said = scene.ana.post(&path, &json!({"attachments": [file]})).await;
    let id = said.expect(StatusCode::CREATED)["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let settled = |it: &Value| it["state"] != "queued";
    let failed = scene.becomes(&conversation, &id, settled).await;
    assert_eq!(
        (&failed["state"], &failed["reason"]),
        (&json!("failed"), &json!("O provedor não quis."))
    );
    scene.end().await;
}

async fn a_file_larger_than_any_other_request_goes_whole_and_in_its_place(scene: Scene) {
    let conversation = scene.served().await;
    let bytes: Vec<u8> = MP4
        .iter()
        .copied()
        .chain((0..5_000_000_u32).map(|n| (n % 251) as u8))
        .collect();
    let file = upload(&scene.ana, "\"film\".mp4", &bytes).await;
    let uploaded = Answer::json(&json!({"id": "u1"}));
    scene.provider.answers("/upload", vec![uploaded]);
    scene
        .says(
            &scene.ana,
            &conversation,
            json!({"attachments": [file]}),
            &["v1"],
        )
        .await;
    let body = scene.provider.bodies("/upload").remove(0);
    let end = body.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
    let boundary = String::from_utf8(body[2..34].to_vec()).unwrap();
    let fields = format!("--{boundary}\r\ncontent-disposition: form-data; name=\"purpose\"");
    assert_eq!(String::from_utf8_lossy(&body[..end]), fields);
    let tail = format!("\r\n--{boundary}--\r\n");
    let whole = [bytes.as_slice(), tail.as_bytes()].concat();
    let head = String::from_utf8_lossy(&body[..body.len() - whole.len()]).into_owned();
    assert!(head.ends_with("content-type: video/mp4\r\n\r\n"), "{head}");
    assert!(body[head.len()..] == whole, "the file as it was");
    scene.end().await;
}
