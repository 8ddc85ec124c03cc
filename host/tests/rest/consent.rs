//! What people are shown of apps: what they ask for, and the buttons that are for the reader.

use reqwest::StatusCode;
use serde_json::json;

use crate::common::{Client, desk::Desk, packages};

/// FEATURES B4, and nothing that is always refused is offered.
#[tokio::test]
async fn an_action_of_ones_own_conversations_is_offered_to_nobody_else() {
    let server = packages::server_with(packages::connector()).await;
    let desk = Desk::set(&server).await;
    packages::enable(&desk.admin, "classification").await;
    let id = desk.hears("5511900000001", "Olá").await;
    let offered = async |to: &Client| {
        let path =
            format!("/actions?slot=conversation.footer&about_kind=conversation&about_id={id}");
        let all = to.get(&path).await.expect(StatusCode::OK);
        let names = all["items"].as_array().unwrap().iter();
        names
            .map(|it| it["action"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(offered(&desk.ana).await, [""; 0], "nobody's yet");
    let path = format!("/conversations/{id}");
    for deed in ["start", "conclude"] {
        let done = desk.ana.post(&format!("{path}/{deed}"), &json!({})).await;
        assert!(done.status.is_success(), "{deed}: {}", done.text);
        assert_eq!(offered(&desk.ana).await, ["edit-classification"], "{deed}");
        assert_eq!(offered(&desk.admin).await, [""; 0], "{deed}");
    }
    let form = "/actions/classification/edit-classification/form";
    let about = json!({"about": {"kind": "conversation", "id": id}});
    desk.ana.post(form, &about).await.expect(StatusCode::OK);
    assert_eq!(desk.admin.post(form, &about).await.problem(403), "denied");
    server.end().await;
}

/// What a connector offers to write with is about its own channels: it is asked with the channel's settings, and beside nothing else.
#[tokio::test]
async fn what_a_connector_offers_to_write_with_is_for_its_own_channels() {
    let server = packages::server_with(packages::connector()).await;
    let mut desk = Desk::set(&server).await;
    let elsewhere = desk.hears("5511900000002", "Olá").await;
    let settings = json!({"app_secret": "shh-shh", "verify_token": "v", "access_token": "t-t-t-t"});
    let own = packages::connect(&desk.admin, "whatsapp", settings).await;
    desk.channel = own.parse().unwrap();
    let id = desk.hears("5511900000001", "Olá").await;
    let offered = async |id: &str| {
        let path = format!("/actions?slot=composer&about_kind=conversation&about_id={id}");
        let all = desk.ana.get(&path).await.expect(StatusCode::OK);
        all["items"].as_array().unwrap().len()
    };
    assert_eq!(offered(&id).await, 0, "nobody's yet");
    for each in [&id, &elsewhere] {
        let start = format!("/conversations/{each}/start");
        let started = desk.ana.post(&start, &json!({})).await;
        started.expect(StatusCode::OK);
    }
    assert_eq!((offered(&id).await, offered(&elsewhere).await), (1, 0));
    let nowhere = desk.ana.get("/actions?slot=composer").await;
    let nowhere = nowhere.expect(StatusCode::OK);
    assert_eq!(nowhere["items"], json!([]));
    let form = "/actions/whatsapp/template/form";
    let about = json!({"about": {"kind": "conversation", "id": id}});
    let told = desk.ana.post(form, &about).await;
    assert!(
        told.text
            .contains("identificação da conta do WhatsApp Business"),
        "{}",
        told.text
    );
    let beside_another = json!({"about": {"kind": "conversation", "id": elsewhere}});
    for elsewhere in [json!({"about": null}), beside_another] {
        assert_eq!(desk.ana.post(form, &elsewhere).await.problem(403), "denied");
    }
    server.end().await;
}

#[tokio::test]
async fn what_an_app_asks_for_is_said_in_the_readers_language() {
    let server = packages::server_with(packages::connector()).await;
    let admin = server.admin().await;
    let details = async |plugin: &str, code: &str| {
        let shown = admin.get(&format!("/plugins/{plugin}")).await;
        let shown = shown.expect(StatusCode::OK);
        let all = shown["permissions"].as_array().unwrap().clone();
        let found = all.into_iter().find(|it| it["code"] == code);
        found.expect("it is asked for")["detail"].clone()
    };
    assert_eq!(
        details("whatsapp", "secrets").await,
        json!([
            "Chave secreta do aplicativo: nunca sai do servidor",
            "Token de verificação: nunca sai do servidor",
            "Token de acesso: enviado só para graph.facebook.com e lookaside.fbsbx.com",
        ])
    );
    let events = details("distribution", "events").await;
    let first = "Uma conversa entra na fila, e espera o app por até 2 s";
    assert_eq!(events[0], first, "{events}");
    let english = json!({"locale": "en"});
    admin.patch("/me", &english).await.expect(StatusCode::OK);
    assert_eq!(
        details("classification", "collections").await,
        json!(["Classifications of conversations"])
    );
    let events = details("distribution", "events").await;
    let first = "A conversation is queued, and waits for the app, 2 s at most";
    assert_eq!(events[0], first, "{events}");
    server.end().await;
}
