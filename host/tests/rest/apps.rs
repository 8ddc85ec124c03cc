//! How apps fare: parked webhooks, failures, logs, health; switching off and on; reactions.

use std::time::Duration;

use balcao::{
    id::WorkspaceId,
    store::{
        Scope,
        claims::Next,
        effects::{CallCommit, Cause},
        enabled_plugins::EnabledPlugin,
        events::{Actor, LaneKind, NewEvent, Subscription, Subscriptions},
        routing::By,
        storage::Indexes,
    },
};
use balcao_runtime::{
    effect::{Effect, Timers},
    rules::Change,
    services::ReadSet,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::common::{Client, Reply, Server, desk::Desk, packages, screen::NOT_MUCH, workspace_of};

async fn hook(client: &Client, path: &str) -> StatusCode {
    let path = format!("/hooks/{path}");
    let reply = client.raw(Method::POST, &path, &[], b"{}".to_vec()).await;
    reply.status
}

/// Asks until the answer is as it should be: logs are written a moment after the call.
async fn eventually(client: &Client, path: &str, is: impl Fn(&Value) -> bool) -> Value {
    let deadline = tokio::time::Instant::now() + NOT_MUCH;
    loop {
        let found = client.get(path).await.expect(StatusCode::OK);
        if is(&found) {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "{path}: {found}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn items(page: &Value) -> &Vec<Value> {
    page["items"].as_array().unwrap()
}

/// Whenever the server is killed, an app that is on has begun.
#[tokio::test]
async fn an_app_is_on_only_once_it_has_begun() {
    let provider = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stand_in = format!("http://{}", provider.local_addr().unwrap());
    let folder = packages::unruly().parent().unwrap().to_owned();
    let server = Server::start_with(|config| {
        config.plugins_dir = folder;
        config.dev.enabled = true;
        config.dev.http_map.0 = vec![("api.example.com".to_owned(), stand_in.parse().unwrap())];
    })
    .await;
    let admin = server.admin().await;
    let channel = packages::connect(&admin, "unruly", json!({})).await;
    let told = hook(&server.client(), &format!("{channel}/keep/1/ask")).await;
    assert_eq!(told, StatusCode::OK);
    let enabled = async || {
        let app = admin.get("/plugins/unruly").await.expect(StatusCode::OK);
        app["enabled"].clone()
    };
    let off = admin.post("/plugins/unruly/disable", &json!({})).await;
    off.expect(StatusCode::OK);
    let began = async {
        let (mut asked, _) = provider.accept().await.unwrap();
        assert_eq!(enabled().await, false, "while it begins");
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        assert_ne!(asked.read(&mut [0; 4096]).await.unwrap(), 0);
        asked.write_all(answer).await.unwrap();
    };
    let ((), on) = tokio::join!(began, packages::enable(&admin, "unruly"));
    assert_eq!(
        (&on["enabled"], enabled().await),
        (&json!(true), json!(true))
    );
}

#[tokio::test]
async fn a_connector_lets_go_of_a_channel_that_is_removed_and_cannot_prevent_it() {
    let server = packages::server_with(packages::unruly()).await;
    let admin = server.admin().await;
    let remove = async |channel: &str| {
        let path = format!("/channels/{channel}");
        let removed = admin.delete(&path).await;
        assert_eq!(removed.status, StatusCode::NO_CONTENT);
        assert_eq!(admin.get(&path).await.problem(404), "not_found");
    };
    // One that never was connected has nothing to let go of, which may be another's.
    remove(&packages::connect(&admin, "unruly", json!({})).await).await;
    let channel = packages::connect(&admin, "unruly", json!({})).await;
    server
        .beside("UPDATE channels SET account = '{\"external_id\": \"1\"}'")
        .await;
    remove(&channel).await;
    let said = |it: &Value| {
        let messages = items(it).iter().map(|it| &it["message"]);
        messages.filter(|it| *it == "let go").count()
    };
    let told = eventually(&admin, "/plugins/unruly/logs", |it| said(it) > 0).await;
    assert_eq!(said(&told), 1);
    server.end().await;
}

#[tokio::test]
async fn parked_webhooks_are_tried_again_together_and_let_go_of() {
    let server = packages::server_with(packages::unruly()).await;
    let admin = server.admin().await;
    let channel = packages::connect(&admin, "unruly", json!({})).await;
    let client = server.client();
    for _ in 0..3 {
        let path = format!("{channel}/fail");
        assert_eq!(hook(&client, &path).await, StatusCode::OK);
    }
    let path = format!("/channels/{channel}/parked");
    let waiting = admin.get(&path).await.expect(StatusCode::OK);
    assert_eq!(items(&waiting).len(), 3);
    let again = admin
        .post(&format!("{path}/replay"), &json!({}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(again, json!({"taken": 0, "left": 3}));
    let waiting = admin.get(&path).await.expect(StatusCode::OK);
    assert!(items(&waiting).iter().all(|it| it["attempts"] == 2));
    let health = admin
        .get("/plugins/unruly/health")
        .await
        .expect(StatusCode::OK);
    assert_eq!(
        (&health["state"], &health["parked"]),
        (&json!("ok"), &json!(3))
    );
    let one = format!("{path}/{}", items(&waiting)[0]["id"].as_str().unwrap());
    assert_eq!(admin.delete(&one).await.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.delete(&one).await.problem(404), "not_found");
    assert_eq!(
        items(&admin.get(&path).await.expect(StatusCode::OK)).len(),
        2
    );
    assert_eq!(admin.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(
        items(&admin.get(&path).await.expect(StatusCode::OK)).len(),
        0
    );
    server.end().await;
}

#[tokio::test]
async fn what_an_app_logs_is_kept_with_its_level_and_how_it_failed() {
    let server = packages::server_with(packages::unruly()).await;
    let admin = server.admin().await;
    let channel = packages::connect(&admin, "unruly", json!({})).await;
    let client = server.client();
    hook(&client, &format!("{channel}/message-then-trap")).await;
    hook(&client, &format!("{channel}/fail")).await;
    hook(&client, &format!("{channel}/log")).await;
    let kept = |it: &Value| items(it).iter().any(|it| it["level"] == "info");
    eventually(&admin, "/plugins/unruly/logs", kept).await;
    let errors = admin
        .get("/plugins/unruly/logs?level=error")
        .await
        .expect(StatusCode::OK);
    let texts: Vec<&str> = items(&errors)
        .iter()
        .map(|it| it["message"].as_str().unwrap())
        .collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert!(texts[2].starts_with("panicked at"), "{texts:?}");
    assert!(
        texts[0].starts_with("limit: ") && texts[1].starts_with("trap: "),
        "{texts:?}"
    );
    // Page by page, every line once, the newest first.
    let mut path = "/plugins/unruly/logs?level=warn&limit=1".to_owned();
    let mut levels = Vec::new();
    loop {
        let page = admin.get(&path).await.expect(StatusCode::OK);
        levels.extend(items(&page).iter().map(|it| it["level"].clone()));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/plugins/unruly/logs?level=warn&limit=1&after={next}");
    }
    let whole = admin
        .get("/plugins/unruly/logs?level=warn")
        .await
        .expect(StatusCode::OK);
    let all: Vec<&Value> = items(&whole).iter().map(|it| &it["level"]).collect();
    assert_eq!(levels.iter().collect::<Vec<_>>(), all);
    assert!(
        all.iter().all(|it| *it == "warn" || *it == "error"),
        "{all:?}"
    );
    assert!(all.len() > texts.len(), "{all:?}");
    let health = admin
        .get("/plugins/unruly/health")
        .await
        .expect(StatusCode::OK);
    let errors = health["last_errors"].as_array().unwrap();
    let last: Vec<&Value> = errors.iter().map(|it| &it["level"]).collect();
    assert_eq!(last, all);
    let odd = admin.get("/plugins/unruly/logs?level=loud").await;
    assert_eq!(odd.problem(422), "invalid");
    let (_, ana) = server.user(&admin, "Ana", "agent").await;
    assert_eq!(ana.get("/plugins/unruly/logs").await.problem(403), "denied");
    server.end().await;
}

/// Tells one plugin of everything.
struct Told;

impl Subscriptions for Told {
    fn of(&self, _: WorkspaceId, _: &str) -> Vec<Subscription> {
        vec![Subscription {
            plugin: "unruly".into(),
            lane: LaneKind::Workspace,
            hold: false,
            own: false,
        }]
    }
}

/// Makes so many dead letters of the app.
async fn given_up(server: &Server, workspace: WorkspaceId, count: usize) {
    let app = &server.app;
    let scope = Scope {
        subscriptions: &Told,
        ..app.scope(workspace)
    };
    let mut tx = app.store.write(workspace).await.unwrap();
    for _ in 0..count {
        let event = NewEvent::new("contact.changed").subject("contact", "ctc_1");
        tx.append(scope, vec![event]).await.unwrap();
        let claims = tx.claim(scope.now, 1_000_000, 10).await.unwrap();
        tx.fail(&claims[0], "trap: out of bounds", Next::Never)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
}

async fn failures_are_listed_tried_again_and_let_go_of(server: &Server) {
    let admin = server.admin().await;
    let workspace = workspace_of(&admin).await;
    let row = EnabledPlugin {
        workspace_id: workspace,
        plugin_id: "unruly".into(),
        digest: "none".into(),
        version: "1".into(),
        enabled: true,
        settings: "{}".into(),
        granted: "[]".into(),
        revision: 1,
        breaker: None,
        enabled_at: 1,
    };
    let mut tx = server.app.store.begin().await.unwrap();
    tx.put_enabled_plugin(&row).await.unwrap();
    tx.commit().await.unwrap();
    given_up(server, workspace, 3).await;
    let path = "/plugins/unruly/failures";
    let page = admin
        .get(&format!("{path}?limit=2"))
        .await
        .expect(StatusCode::OK);
    assert_eq!(items(&page).len(), 2);
    let first = &items(&page)[0];
    assert_eq!(
        (&first["kind"], &first["error"], &first["attempts"]),
        (
            &json!("contact.changed"),
            &json!("trap: out of bounds"),
            &json!(1)
        )
    );
    let next = page["next"].as_str().unwrap();
    let rest = admin
        .get(&format!("{path}?limit=2&after={next}"))
        .await
        .expect(StatusCode::OK);
    assert_eq!(items(&rest).len(), 1);
    let one = format!("{path}/{}", first["id"].as_str().unwrap());
    let count = |reply: Reply| reply.expect(StatusCode::OK)["count"].clone();
    let left = async || items(&admin.get(path).await.expect(StatusCode::OK)).len();
    assert_eq!(count(admin.delete(&one).await), 1);
    assert_eq!(admin.delete(&one).await.problem(404), "not_found");
    assert_eq!(left().await, 2);
    assert_eq!(count(admin.delete(path).await), 2);
    assert_eq!(left().await, 0);

    given_up(server, workspace, 3).await;
    let page = admin.get(path).await.expect(StatusCode::OK);
    let one = format!("{path}/{}/replay", items(&page)[0]["id"].as_str().unwrap());
    assert_eq!(count(admin.post(&one, &json!({})).await), 1);
    assert_eq!(admin.post(&one, &json!({})).await.problem(404), "not_found");
    assert_eq!(left().await, 2);
    let all = format!("{path}/replay");
    assert_eq!(count(admin.post(&all, &json!({})).await), 2);
    assert_eq!(left().await, 0);
    let (_, ana) = server.user(&admin, "Ana", "agent").await;
    assert_eq!(ana.get(path).await.problem(403), "denied");
    assert_eq!(ana.delete(path).await.problem(403), "denied");
}

#[tokio::test]
async fn failures_on_sqlite() {
    let server = Server::start().await;
    failures_are_listed_tried_again_and_let_go_of(&server).await;
    server.end().await;
}

#[tokio::test]
async fn failures_on_postgres() {
    if let Some(server) = Server::start_on_postgres("failures_on_postgres").await {
        failures_are_listed_tried_again_and_let_go_of(&server).await;
        server.end().await;
    }
}

#[tokio::test]
async fn a_disabled_app_says_good_bye_its_offers_end_its_timers_sleep_and_wake_when_it_is_enabled()
{
    let server = packages::server_with(packages::unruly()).await;
    let desk = Desk::set(&server).await;
    packages::enable(&desk.admin, "unruly").await;
    let id = desk.hears("5511900000001", "Olá").await;
    let app = &server.app;
    let scope = app.scope(desk.workspace);
    let offer = Change::Offer {
        agent: desk.ana_id.clone(),
        deadline: None,
        by: "unruly".into(),
    };
    let by = By {
        actor: Actor::plugin("unruly", 0),
        person: None,
    };
    let due = scope.now + 3_600_000_000;
    let timer = Effect::Timers(Timers::Set {
        name: "later".into(),
        at: due,
        about: None,
        payload: "{}".into(),
    });
    let call = CallCommit {
        plugin: "unruly",
        channel: None,
        cause: Cause::Host,
        reads: &ReadSet::default(),
        effects: &[timer],
        indexes: &Indexes::default(),
        quotas: &Default::default(),
    };
    let mut tx = app.store.write(desk.workspace).await.unwrap();
    tx.change_conversation(scope, id.parse().unwrap(), &offer, &by, None)
        .await
        .unwrap();
    tx.commit_call(scope, &call).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(desk.folder(&desk.bia, "queued").await, [""; 0]);

    let off = desk.admin.post("/plugins/unruly/disable", &json!({})).await;
    assert_eq!(off.expect(StatusCode::OK)["enabled"], false);
    assert_eq!(desk.folder(&desk.bia, "queued").await, [id]);
    let next = app
        .store
        .read()
        .await
        .unwrap()
        .next_lane_at()
        .await
        .unwrap();
    assert_eq!(next, None);
    let said = |it: &Value| items(it).iter().any(|it| it["message"] == "good-bye");
    eventually(&desk.admin, "/plugins/unruly/logs", said).await;
    // Once more is no second good-bye.
    let off = desk.admin.post("/plugins/unruly/disable", &json!({})).await;
    assert_eq!(off.expect(StatusCode::OK)["health"], "off");

    packages::enable(&desk.admin, "unruly").await;
    let next = app
        .store
        .read()
        .await
        .unwrap()
        .next_lane_at()
        .await
        .unwrap();
    assert_eq!(next, Some(due));
    server.end().await;
}

#[tokio::test]
async fn a_reaction_goes_through_the_channel_and_is_refused_where_it_cannot() {
    let server = packages::server_with(packages::unruly()).await;
    let desk = Desk::set(&server).await;
    // A channel whose plugin says nothing about itself carries none.
    let plain = desk.hears("5511900000001", "Olá").await;
    let message = last_message(&desk.admin, &plain).await;
    let start = |id: &str| format!("/conversations/{id}/start");
    desk.admin
        .post(&start(&plain), &json!({}))
        .await
        .expect(StatusCode::OK);
    let path = format!("/messages/{message}/reaction");
    let thumb = json!({"emoji": "👍"});
    let refused = desk.admin.post(&path, &thumb).await;
    assert!(
        refused.text.contains("não leva reações"),
        "{}",
        refused.text
    );
    assert_eq!(refused.problem(409), "state");

    let channel = packages::connect(&desk.admin, "unruly", json!({})).await;
    hook(&server.client(), &format!("{channel}/message")).await;
    let found = desk
        .admin
        .get("/conversations?folder=queued")
        .await
        .expect(StatusCode::OK);
    let id = items(&found)[0]["id"].as_str().unwrap().to_owned();
    let message = last_message(&desk.admin, &id).await;
    let path = format!("/messages/{message}/reaction");
    assert_eq!(desk.admin.post(&path, &thumb).await.problem(403), "denied");
    desk.admin
        .post(&start(&id), &json!({}))
        .await
        .expect(StatusCode::OK);
    for odd in ["ok", "\u{7}"] {
        let reply = desk.admin.post(&path, &json!({"emoji": odd})).await;
        assert_eq!(reply.problem(422), "invalid");
    }
    let said = desk.admin.post(&path, &thumb).await.expect(StatusCode::OK);
    assert_eq!(said["reactions"], json!([{"emoji": "👍", "by": "user"}]));
    let passed = |it: &Value| {
        let text = "reaction for somebody: {\"emoji\":\"👍\",\"message\":\"1\"}";
        items(it).iter().any(|it| it["message"] == text)
    };
    eventually(&desk.admin, "/plugins/unruly/logs", passed).await;
    let back = desk.admin.post(&path, &json!({"emoji": ""})).await;
    assert_eq!(back.expect(StatusCode::OK)["reactions"], json!([]));
    server.end().await;
}

async fn last_message(client: &Client, conversation: &str) -> String {
    let path = format!("/conversations/{conversation}/timeline");
    let page = client.get(&path).await.expect(StatusCode::OK);
    let found = items(&page).iter().rev().find(|it| it["type"] == "message");
    found.unwrap()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn webhooks_are_bounded_in_size_and_in_number_per_channel() {
    let folder = packages::unruly();
    let folder = folder.parent().unwrap().to_owned();
    let server = Server::start_with(|config| {
        config.plugins_dir = folder;
        config.limits.hooks_per_second = 2.try_into().unwrap();
        config.limits.hook_body = 1024;
    })
    .await;
    let admin = server.admin().await;
    let channel = packages::connect(&admin, "unruly", json!({})).await;
    let other = packages::connect(&admin, "unruly", json!({})).await;
    let client = server.client();
    let large = vec![b'x'; 1025];
    let path = format!("/hooks/{other}/ok");
    let reply = client.raw(Method::POST, &path, &[], large).await;
    assert_eq!(reply.problem(413), "too_large");
    let path = format!("/hooks/{channel}/ok");
    let deadline = tokio::time::Instant::now() + NOT_MUCH;
    let refused = loop {
        let reply = client.raw(Method::POST, &path, &[], b"{}".to_vec()).await;
        if reply.status != StatusCode::OK {
            break reply;
        }
        assert!(tokio::time::Instant::now() < deadline, "never refused");
    };
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.problem(429), "rate_limited");
    // Its neighbour is not held back.
    assert_eq!(hook(&client, &format!("{other}/ok")).await, StatusCode::OK);
    server.end().await;
}
