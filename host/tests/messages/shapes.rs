//! Places, people's cards, and choices, from the desk to the channel.

use crate::Scene;
use reqwest::StatusCode;
use serde_json::{Value, json};

on_both_scenes! {
    a_place_a_card_and_choices_reach_the_channel_and_are_shown_as_they_were_said,
    what_is_no_such_shape_or_too_much_for_the_channel_is_refused_and_nothing_is_kept,
}

fn place() -> Value {
    json!({"latitude": -23.5503, "longitude": -46.6339, "name": "Nossa loja", "address": "Praça da Sé, 100"})
}

fn card() -> Value {
    json!({"contacts": [{"name": "Oficina", "phones": ["+55 11 3000-0000"], "emails": []}]})
}

fn buttons(titles: &[&str]) -> Value {
    let choice = |title: &&str| json!({"id": title, "title": title});
    json!({"buttons": titles.iter().map(choice).collect::<Vec<_>>()})
}

fn list() -> Value {
    let rows = json!([{"id": "m", "title": "Manhã", "description": "das 8h às 12h"}, {"id": "t", "title": "Tarde"}]);
    json!({"list": {"button": "Ver", "sections": [{"title": "Segunda", "rows": rows}]}})
}

async fn a_place_a_card_and_choices_reach_the_channel_and_are_shown_as_they_were_said(
    scene: Scene,
) {
    let conversation = scene.served().await;
    let all = [
        ("location", "", place()),
        ("contacts", "", card()),
        ("interactive", "Confirma?", buttons(&["Sim", "Não"])),
        ("interactive", "Quando?", list()),
    ];
    let hello = scene.messages(&conversation).await[0]["id"].clone();
    for (n, (kind, text, extra)) in all.iter().enumerate() {
        let what = json!({"kind": kind, "text": text, "extra": extra, "reply_to": hello});
        let external = format!("s{n}");
        let id = scene
            .says(&scene.ana, &conversation, what, &[&external])
            .await;
        let shown = scene.message(&conversation, &id).await;
        assert_eq!(
            json!([shown["kind"], shown["text"], shown["extra"]]),
            json!([kind, text, extra])
        );
        assert_eq!(shown["reply_to"]["id"], hello);
        let sent = &scene.provider.told("/send")[n];
        assert_eq!(
            json!([sent["kind"], sent["text"], sent["shape"], sent["reply_to"]]),
            json!([kind, text, extra, "hello"])
        );
    }
    scene.end().await;
}

async fn what_is_no_such_shape_or_too_much_for_the_channel_is_refused_and_nothing_is_kept(
    scene: Scene,
) {
    let conversation = scene.served().await;
    let before = scene.messages(&conversation).await;
    let path = format!("/conversations/{conversation}/messages");
    let of = |kind: &str, extra: Value| json!({"kind": kind, "extra": extra});
    let asks = |extra: Value| json!({"kind": "interactive", "text": "Quando?", "extra": extra});
    let rows = |rows: Value| asks(json!({"list": {"button": "Ver", "sections": [{"rows": rows}]}}));
    for (what, field, said) in [
        (json!({"kind": "location"}), "extra", "must not be empty"),
        (
            of("location", json!({"latitude": 1.0})),
            "extra",
            "missing field `longitude`",
        ),
        (
            of("location", json!({"latitude": 91.0, "longitude": 0.0})),
            "extra",
            "within ±90",
        ),
        (
            of("location", json!({"latitude": "1", "longitude": 0.0})),
            "extra",
            "invalid type",
        ),
        (
            of(
                "location",
                json!({"latitude": 1.0, "longitude": 0.0, "zoom": 3}),
            ),
            "extra",
            "unknown field `zoom`",
        ),
        (
            of(
                "location",
                json!({"latitude": 1.0, "longitude": 0.0, "name": " ".repeat(201)}),
            ),
            "extra",
            "name must have 0 to 200",
        ),
        (
            json!({"kind": "location", "text": "Aqui", "extra": place()}),
            "text",
            "must be empty",
        ),
        (
            json!({"kind": "location", "extra": place(), "private": true}),
            "private",
            "words only",
        ),
        (
            json!({"kind": "location", "extra": place(), "voice": true}),
            "attachments",
            "no files",
        ),
        (
            of("contacts", json!({"contacts": []})),
            "extra",
            "must be 1 to 100",
        ),
        (
            of("contacts", json!({"contacts": [{"name": "Ana"}]})),
            "extra",
            "phones and emails",
        ),
        (
            of(
                "contacts",
                json!({"contacts": [{"name": " ", "phones": ["1"]}]}),
            ),
            "extra",
            "name must have",
        ),
        (
            of("interactive", buttons(&["Sim"])),
            "text",
            "must not be empty",
        ),
        (asks(json!({})), "extra", "expected"),
        (
            asks(json!({"keyboard": [["Sim"]]})),
            "extra",
            "unknown variant `keyboard`",
        ),
        (asks(buttons(&[])), "extra", "choices must be 1 to 100"),
        (
            asks(buttons(&["Sim", "Sim"])),
            "extra",
            "each title must be another",
        ),
        (
            rows(json!([{"id": "1", "title": "Sim"}, {"id": "1", "title": "Não"}])),
            "extra",
            "each id must be another",
        ),
        (rows(json!([])), "extra", "choices must be 1 to 100"),
        (
            asks(
                json!({"list": {"button": "Ver", "sections": [{"rows": [{"id": "1", "title": "Já"}]}, {"rows": []}]}}),
            ),
            "extra",
            "title must have 1",
        ),
        (
            asks(
                json!({"list": {"button": "Ver", "sections": [{"title": "Hoje", "rows": [{"id": "1", "title": "Já"}]}, {"title": "Depois", "rows": []}]}}),
            ),
            "extra",
            "rows must be 1 to 100",
        ),
        (
            rows(json!([{"id": "1", "title": "a\u{0}b"}])),
            "extra",
            "title must have",
        ),
        (
            json!({"kind": "interactive", "text": "\u{0}", "extra": buttons(&["Sim"])}),
            "text",
            "must not be empty",
        ),
        (
            rows(json!([{"id": "1", "title": ""}])),
            "extra",
            "title must have",
        ),
        (
            json!({"text": "oi", "extra": {"voice": true}}),
            "extra",
            "is said by location",
        ),
        // The channel's own bounds, in the words of whoever asks.
        (
            asks(buttons(&["Sim", "Não", "Talvez"])),
            "extra",
            "opções demais para este canal: até 2",
        ),
        (
            asks(buttons(&["Onze letras"])),
            "extra",
            "“Onze letras” (até 10 caracteres)",
        ),
    ] {
        let reply = scene.ana.post(&path, &what).await;
        assert_eq!(
            reply.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{what}: {}",
            reply.text
        );
        let problem: Value = serde_json::from_str(&reply.text).expect("JSON");
        let named = problem["errors"][field].as_str().unwrap_or_default();
        assert!(named.contains(said), "{what}: {problem}");
    }
    assert_eq!(scene.messages(&conversation).await, before);
    assert_eq!(scene.provider.count("/send"), 0);
    scene.end().await;
}
