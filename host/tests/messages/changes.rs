//! Messages that are edited or taken back, by us and by contacts.

use crate::common::{provider::Answer, until_so};
use crate::{NOON, SECOND, Scene, of};
use reqwest::StatusCode;
use serde_json::{Value, json};

on_both_scenes! {
    what_was_sent_is_edited_and_taken_back_where_the_contact_sees_it,
    only_whoever_wrote_a_message_or_supervises_the_team_changes_it,
    what_the_channel_does_not_change_is_refused_with_the_reason,
    a_change_that_the_provider_refuses_shows_why_and_is_let_go_of,
    a_change_waits_for_a_provider_that_is_down,
    a_change_of_which_nobody_knows_is_shown_so_and_not_repeated,
    what_a_contact_edits_keeps_what_is_said_of_the_message,
}

async fn what_was_sent_is_edited_and_taken_back_where_the_contact_sees_it(scene: Scene) {
    let conversation = scene.served().await;
    let id = scene
        .says(
            &scene.ana,
            &conversation,
            json!({"text": "Bom diz"}),
            &["a1"],
        )
        .await;
    let before = scene.message(&conversation, &id).await;
    let may = json!({"edit": true, "revoke": true, "versions": false, "let_go": false});
    assert_eq!((&before["can"], &before["change"]), (&may, &Value::Null));

    let (held, gate) = Answer::json(&json!({})).held();
    scene.provider.answers("/edit", vec![held]);
    let asked = scene.ana.patch(&of(&id), &json!({"text": "Bom dia"})).await;
    let asked = asked.expect(StatusCode::OK);
    let change = json!({"action": "edit", "state": "queued", "reason": null, "text": "Bom dia"});
    // Until the contact sees it so, neither do we.
    assert_eq!(
        (&asked["change"], &asked["text"]),
        (&change, &json!("Bom diz"))
    );
    gate.add_permits(1);
    let edited = scene
        .becomes(&conversation, &id, |it| it["change"].is_null())
        .await;
    assert_eq!(
        (&edited["text"], &edited["edited"], &edited["state"]),
        (&json!("Bom dia"), &json!(true), &json!("sent"))
    );
    let told = json!({"ids": ["a1"], "was": "Bom diz", "text": "Bom dia"});
    assert_eq!(scene.provider.told("/edit"), [told]);
    assert_eq!(scene.preview(&conversation).await["text"], "Bom dia");
    let path = format!("{}/versions", of(&id));
    assert_eq!(scene.ana.get(&path).await.problem(403), "denied");
    let versions = scene.sue.get(&path).await.expect(StatusCode::OK);
    let texts: Vec<&Value> = versions
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["text"])
        .collect();
    assert_eq!(texts, ["Bom diz"]);

    let asked = scene.ana.delete(&of(&id)).await.expect(StatusCode::OK);
    assert_eq!(asked["change"]["action"], "revoke");
    let gone = scene
        .becomes(&conversation, &id, |it| it["revoked"] == true)
        .await;
    assert_eq!(
        (&gone["text"], &gone["change"], &gone["can"]["edit"]),
        (&json!(""), &Value::Null, &json!(false))
    );
    assert_eq!(scene.provider.told("/revoke"), [json!({"ids": ["a1"]})]);
    let preview = json!({"text": "", "kind": "revoked", "direction": "out"});
    assert_eq!(scene.preview(&conversation).await, preview);
    let again = scene
        .ana
        .patch(&of(&id), &json!({"text": "Boa noite"}))
        .await;
    assert_eq!(again.problem(409), "state");
    assert_eq!(scene.sue.get(&path).await.problem(404), "not_found");
    scene.end().await;
}

async fn only_whoever_wrote_a_message_or_supervises_the_team_changes_it(scene: Scene) {
    let conversation = scene.served().await;
    let sues = scene
        .says(
            &scene.sue,
            &conversation,
            json!({"text": "Já vemos"}),
            &["s1"],
        )
        .await;
    let anas = scene
        .says(
            &scene.ana,
            &conversation,
            json!({"text": "Um minuto"}),
            &["a1"],
        )
        .await;
    let other = json!({"text": "Outra coisa"});
    assert_eq!(
        scene.ana.patch(&of(&sues), &other).await.problem(403),
        "denied"
    );
    assert_eq!(scene.ana.delete(&of(&sues)).await.problem(403), "denied");
    let may = json!({"edit": false, "revoke": false, "versions": false, "let_go": false});
    assert_eq!(scene.message(&conversation, &sues).await["can"], may);
    // Nobody changes what the contact said.
    let theirs = scene.messages(&conversation).await[0]["id"].clone();
    let theirs = of(theirs.as_str().unwrap());
    assert_eq!(scene.sue.patch(&theirs, &other).await.problem(409), "state");
    assert_eq!(scene.provider.count("/edit"), 0);
    let asked = scene.sue.patch(&of(&anas), &other).await;
    asked.expect(StatusCode::OK);
    let edited = scene
        .becomes(&conversation, &anas, |it| it["edited"] == true)
        .await;
    assert_eq!(edited["author"]["name"], "Ana");
    scene.end().await;
}

async fn what_the_channel_does_not_change_is_refused_with_the_reason(scene: Scene) {
    let conversation = scene.served().await;
    let id = scene
        .says(&scene.ana, &conversation, json!({"text": "Oi"}), &["a1"])
        .await;
    let long = scene
        .ana
        .patch(&of(&id), &json!({"text": "x".repeat(101)}))
        .await;
    assert!(long.text.contains("101 > 100"), "{}", long.text);
    assert_eq!(long.problem(422), "invalid");
    let empty = scene.ana.patch(&of(&id), &json!({"text": " "})).await;
    assert_eq!(empty.problem(422), "invalid");
    scene.server.app.clock.advance(48 * 3600 * SECOND);
    assert_eq!(
        scene.message(&conversation, &id).await["can"]["revoke"],
        true
    );
    scene.server.app.clock.advance(SECOND);
    assert_eq!(
        scene.message(&conversation, &id).await["can"]["revoke"],
        false
    );
    let late = scene.ana.delete(&of(&id)).await;
    assert!(late.text.contains("até 48 horas depois"), "{}", late.text);
    assert_eq!(late.problem(409), "state");
    assert_eq!(scene.provider.count("/revoke"), 0);
    scene.end().await;
}

async fn a_change_that_the_provider_refuses_shows_why_and_is_let_go_of(scene: Scene) {
    let conversation = scene.served().await;
    let id = scene
        .says(&scene.ana, &conversation, json!({"text": "Oi"}), &["a1"])
        .await;
    scene.provider.answers("/edit", vec![Answer::status(400)]);
    let asked = scene.ana.patch(&of(&id), &json!({"text": "Olá"})).await;
    asked.expect(StatusCode::OK);
    let failed = scene
        .becomes(&conversation, &id, |it| it["change"]["state"] == "failed")
        .await;
    let change = json!({"action": "edit", "state": "failed", "reason": "O provedor não quis.", "text": "Olá"});
    assert_eq!(
        (&failed["change"], &failed["text"], &failed["edited"]),
        (&change, &json!("Oi"), &json!(false))
    );
    // Also once the channel changes the message no more.
    scene.server.app.clock.advance(49 * 3600 * SECOND);
    let may = json!({"edit": true, "revoke": false, "versions": false, "let_go": true});
    assert_eq!(scene.message(&conversation, &id).await["can"], may);
    let path = format!("{}/change", of(&id));
    let let_go = scene.ana.delete(&path).await.expect(StatusCode::OK);
    assert_eq!(
        (&let_go["change"], &let_go["text"]),
        (&Value::Null, &json!("Oi"))
    );
    assert_eq!(scene.ana.delete(&path).await.problem(409), "state");
    scene.end().await;
}

async fn a_change_waits_for_a_provider_that_is_down(scene: Scene) {
    let conversation = scene.served().await;
    let id = scene
        .says(&scene.ana, &conversation, json!({"text": "Oi"}), &["a1"])
        .await;
    let answers = vec![Answer::status(503), Answer::json(&json!({}))];
    scene.provider.answers("/edit", answers);
    let asked = scene.ana.patch(&of(&id), &json!({"text": "Olá"})).await;
    asked.expect(StatusCode::OK);
    until_so("it waits", async || {
        let mut tx = scene.server.app.store.read().await.unwrap();
        tx.next_send_at().await.unwrap() == Some(NOON + 2_000_000)
    })
    .await;
    assert_eq!(
        scene.message(&conversation, &id).await["change"]["state"],
        "queued"
    );
    scene.server.app.clock.advance(2 * SECOND);
    scene
        .becomes(&conversation, &id, |it| it["text"] == "Olá")
        .await;
    assert_eq!(scene.provider.count("/edit"), 2);
    scene.end().await;
}

async fn a_change_of_which_nobody_knows_is_shown_so_and_not_repeated(scene: Scene) {
    let conversation = scene.served().await;
    let id = scene
        .says(&scene.ana, &conversation, json!({"text": "Oi"}), &["a1"])
        .await;
    let (held, gate) = Answer::json(&json!({})).held();
    scene
        .provider
        .answers("/edit", vec![held, Answer::json(&json!({}))]);
    let asked = scene.ana.patch(&of(&id), &json!({"text": "Olá"})).await;
    asked.expect(StatusCode::OK);
    until_so("it is asked", async || scene.provider.count("/edit") == 1).await;
    let under_way = scene.ana.delete(&of(&id)).await;
    assert_eq!(under_way.problem(409), "state");
    // Whoever asked says nothing more for longer than an attempt is theirs.
    scene.server.app.clock.advance(361 * SECOND);
    let unknown = scene
        .becomes(&conversation, &id, |it| {
            it["change"]["state"] == "uncertain"
        })
        .await;
    assert_eq!(unknown["text"], "Oi");
    // Too late: it belongs to nobody any more.
    gate.add_permits(1);
    let asked = scene.ana.patch(&of(&id), &json!({"text": "Olá!"})).await;
    asked.expect(StatusCode::OK);
    let edited = scene
        .becomes(&conversation, &id, |it| it["change"].is_null())
        .await;
    assert_eq!(edited["text"], "Olá!");
    assert_eq!(scene.provider.count("/edit"), 2);
    scene.end().await;
}

async fn what_a_contact_edits_keeps_what_is_said_of_the_message(scene: Scene) {
    let conversation = scene.served().await;
    let message = json!({"key": "m1", "id": "m1", "thread": "5001", "from": "5001", "text": "Às 15h",
        "content_extra": {"entities": [1]}, "extra": {"group": "g1", "forwarded": true}});
    scene.hook("message", message).await;
    let now = json!({"key": "e1", "id": "m1", "text": "Às 16h", "content_extra": {"links": [2]}});
    scene.hook("edited", now).await;
    let edited = scene.messages(&conversation).await.pop().unwrap();
    assert_eq!(
        (&edited["text"], &edited["edited"]),
        (&json!("Às 16h"), &json!(true))
    );
    let extra = json!({"group": "g1", "forwarded": true, "links": [2]});
    assert_eq!(edited["extra"], extra);
    let path = format!("{}/versions", of(edited["id"].as_str().unwrap()));
    let versions = scene.sue.get(&path).await.expect(StatusCode::OK);
    assert_eq!(versions[0]["text"], "Às 15h");
    scene.end().await;
}
