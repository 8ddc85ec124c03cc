//! Sound that a channel, or a browser, does not take as it is.

use crate::common::{Server, until_so};
use crate::{PICTURE, Scene, given};
use balcao::config::Config;
use reqwest::StatusCode;
use serde_json::json;

on_both_scenes! {
    a_recording_is_converted_to_what_the_channel_takes,
    sound_that_no_browser_plays_is_made_one_that_all_play,
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
    // What the channel takes goes, though it shows it as a file.
    let m4a = upload("voz.m4a", b"\0\0\0\x18ftypM4A and what a phone records").await;
    let ask = json!({"attachments": [m4a], "voice": true});
    let said = scene.admin.post(&path, &ask).await;
    let said = said.expect(StatusCode::CREATED);
    assert_eq!(said["attachments"][0]["mime"], "audio/mp4");
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
