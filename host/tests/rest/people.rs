//! What becomes of conversations whose agent goes (FEATURES E5), and who sees e-mails.

use balcao::store::{events::Actor, routing::By};
use balcao_runtime::rules::Change;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::common::{Client, Server, desk::Desk};

async fn shown(client: &Client, id: &str) -> Value {
    client
        .get(&format!("/conversations/{id}"))
        .await
        .expect(StatusCode::OK)
}

/// One conversation that Ana serves and one that is offered to her.
async fn two_of_ana(server: &Server, desk: &Desk) -> (String, String) {
    let served = desk.hears("5511900000001", "Olá").await;
    let start = format!("/conversations/{served}/start");
    desk.ana
        .post(&start, &json!({}))
        .await
        .expect(StatusCode::OK);
    let offered = desk.hears("5511900000002", "Oi").await;
    let change = Change::Offer {
        agent: desk.ana_id.clone(),
        deadline: None,
        by: "router".into(),
    };
    let by = By {
        actor: Actor::plugin("router", 0),
        person: None,
    };
    let mut tx = server.app.store.write(desk.workspace).await.unwrap();
    let id = offered.parse().unwrap();
    tx.change_conversation(server.app.scope(desk.workspace), id, &change, &by, None)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    (served, offered)
}

/// Both are everybody's again, and it was told.
async fn are_back(server: &Server, desk: &Desk, (served, offered): (&str, &str)) {
    for id in [served, offered] {
        let it = shown(&desk.bia, id).await;
        assert_eq!(
            (&it["status"], &it["agent"], &it["offer"]),
            (&json!("queued"), &Value::Null, &Value::Null)
        );
    }
    let counters = desk
        .bia
        .get("/conversations/counters")
        .await
        .expect(StatusCode::OK);
    assert_eq!(counters["queued"], 2);
    let mut tx = server.app.store.read().await.unwrap();
    let events = tx.events_after(desk.workspace, 0, 1000).await.unwrap();
    let told = |id: &str, kind: &str| {
        let of = |it: &&balcao::store::events::Event| {
            it.kind == kind && it.conversation.is_some_and(|it| it.to_string() == id)
        };
        events.iter().filter(of).count()
    };
    assert_eq!(told(served, "conversation.transferred"), 1);
    assert_eq!(told(served, "conversation.queued"), 2);
    assert_eq!(told(offered, "conversation.released"), 1);
}

async fn who_is_deactivated_leaves_their_conversations_to_the_team(server: &Server) {
    let desk = Desk::set(server).await;
    let (served, offered) = two_of_ana(server, &desk).await;
    desk.admin
        .patch(
            &format!("/users/{}", desk.ana_id),
            &json!({"active": false}),
        )
        .await
        .expect(StatusCode::OK);
    are_back(server, &desk, (&served, &offered)).await;
}

#[tokio::test]
async fn who_is_deactivated_leaves_their_conversations_on_sqlite() {
    let server = Server::start().await;
    who_is_deactivated_leaves_their_conversations_to_the_team(&server).await;
    server.end().await;
}

#[tokio::test]
async fn who_is_deactivated_leaves_their_conversations_on_postgres() {
    if let Some(server) = Server::start_on_postgres("who_is_deactivated_leaves").await {
        who_is_deactivated_leaves_their_conversations_to_the_team(&server).await;
        server.end().await;
    }
}

#[tokio::test]
async fn who_leaves_a_team_leaves_its_conversations_and_keeps_the_others() {
    let server = Server::start().await;
    let desk = Desk::set(&server).await;
    let (served, offered) = two_of_ana(&server, &desk).await;
    let other = desk
        .admin
        .post("/teams", &json!({"name": "Outra"}))
        .await
        .expect(StatusCode::CREATED);
    let other = other["id"].as_str().unwrap();
    let member = format!("/teams/{other}/members/{}", desk.ana_id);
    desk.admin
        .put(&member, &json!({"role": "agent"}))
        .await
        .expect(StatusCode::OK);
    let kept = desk.hears("5511900000003", "Alô").await;
    let transfer = json!({"team_id": other, "agent_id": desk.ana_id});
    desk.admin
        .post(&format!("/conversations/{kept}/transfer"), &transfer)
        .await
        .expect(StatusCode::OK);
    let path = format!("/teams/{}/members/{}", desk.team, desk.ana_id);
    let reply = desk.admin.delete(&path).await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT);
    are_back(&server, &desk, (&served, &offered)).await;
    let it = shown(&desk.admin, &kept).await;
    assert_eq!(
        (&it["status"], &it["agent"]["id"]),
        (&json!("in_progress"), &json!(desk.ana_id))
    );
    server.end().await;
}

#[tokio::test]
async fn emails_are_shown_to_administrators_and_supervisors_and_to_their_owner() {
    let server = Server::start().await;
    let desk = Desk::set(&server).await;
    for (client, all) in [(&desk.admin, true), (&desk.sue, true), (&desk.ana, false)] {
        let page = client.get("/users").await.expect(StatusCode::OK);
        for user in page["items"].as_array().unwrap() {
            let own = user["id"] == desk.ana_id.as_str() && !all;
            assert_eq!(user["email"].is_string(), all || own, "{user}");
            assert!(user["name"].is_string());
        }
    }
    let path = format!("/users/{}", desk.ana_id);
    let seen = desk.bia.get(&path).await.expect(StatusCode::OK);
    assert_eq!(
        (&seen["name"], &seen["email"]),
        (&json!("Ana"), &Value::Null)
    );
    server.end().await;
}
